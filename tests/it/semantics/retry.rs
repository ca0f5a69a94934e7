//! S23, S24: how long until the next attempt, how many at once and how many in a time.

use eventloom::model::SimTime;
use eventloom::trace::{Reason, What};

use crate::support::Run;

/// The delays between nack and next attempt of records that always fail.
fn delays(backoff: &str, deliveries: u32, events: u32) -> Vec<Vec<u64>> {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("0s"), fails: 1.0, concurrency: 1000)
           p -> bus
           bus -> c (deliveries: {deliveries}, backoff: {backoff})"#
    ));
    run.fire("p", events);
    run.until("365d");
    let mut delays: Vec<Vec<u64>> = vec![Vec::new(); events as usize];
    for record in run.records() {
        match record.what {
            What::Retrying { event, attempt, due, .. } => {
                let of_event = &mut delays[event.number() as usize];
                of_event.push(due.since(record.at).as_nanos());
                assert_eq!(of_event.len(), attempt as usize);
            }
            What::Delivered { event, attempt, .. } if attempt > 1 => {
                // Nobody is in the way: it is handed over at the very moment that was said.
                let due = SimTime::from_nanos(delays[event.number() as usize].iter().sum());
                assert_eq!(record.at, due);
            }
            _ => {}
        }
    }
    assert!(delays.iter().all(|of_event| of_event.len() + 1 == deliveries as usize));
    delays
}

const MS: u64 = 1_000_000;

#[test]
fn s23_no_backoff_is_at_once_and_a_fixed_one_always_the_same() {
    assert_eq!(delays("None", 5, 1), [[0; 4]]);
    assert_eq!(delays(r#"Fixed("70ms")"#, 4, 1), [[70 * MS; 3]]);
}

#[test]
fn s23_exponential_backoff_doubles_up_to_its_cap() {
    let got = delays(r#"Exponential(base: "100ms", cap: "500ms", jitter: None)"#, 7, 1);
    assert_eq!(got, [[100 * MS, 200 * MS, 400 * MS, 500 * MS, 500 * MS, 500 * MS]]);
    // A cap that is a power of two times the base is reached, not passed.
    let got = delays(r#"Exponential(base: "100ms", cap: "400ms", jitter: None)"#, 5, 1);
    assert_eq!(got, [[100 * MS, 200 * MS, 400 * MS, 400 * MS]]);
    // A cap below the base holds from the first time on.
    assert_eq!(delays(r#"Exponential(base: "1s", cap: "10ms", jitter: None)"#, 3, 1), [[10 * MS, 10 * MS]]);
}

#[test]
fn s23_doubling_saturates_instead_of_wrapping() {
    let got = delays(r#"Exponential(base: "1s", cap: "1h", jitter: None)"#, 300, 1);
    assert!(got[0].is_sorted() && got[0][299 - 1] == 3_600_000 * MS, "{:?}", got[0]);
    let got = delays(r#"Exponential(base: "1s", cap: "1m")"#, 300, 1);
    assert!(got[0].iter().all(|delay| *delay <= 60_000 * MS));
}

#[test]
fn s23_full_jitter_is_anything_up_to_the_full_delay() {
    let got = delays(r#"Exponential(base: "100ms", cap: "300ms")"#, 5, 400);
    for (attempt, full) in [100 * MS, 200 * MS, 300 * MS, 300 * MS].into_iter().enumerate() {
        let at_attempt: Vec<u64> = got.iter().map(|of_event| of_event[attempt]).collect();
        assert!(at_attempt.iter().all(|delay| *delay <= full), "attempt {attempt}");
        // Uniform over [0, full]: the mean of 400 has a standard error of full / sqrt(12 * 400).
        let mean = at_attempt.iter().sum::<u64>() as f64 / at_attempt.len() as f64;
        let error = full as f64 / (12.0_f64 * 400.0).sqrt();
        assert!((mean - full as f64 / 2.0).abs() < 4.0 * error, "attempt {attempt}: mean {mean} of at most {full}");
        let quarter = at_attempt.iter().filter(|delay| **delay < full / 4).count();
        assert!((60..140).contains(&quarter), "attempt {attempt}: {quarter} of 400 in the first quarter");
    }
}

#[test]
fn s24_never_more_at_once_than_allowed() {
    for concurrency in [1, 2, 7] {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: ByHand)
               bus = Bus
               c = Consumer(takes: Fixed("1s"), concurrency: {concurrency})
               p -> bus
               bus -> c (prefetch: 50)"#
        ));
        run.fire("p", 21);
        run.until("500ms");
        // The fold holds the cap; here: it is used to the full.
        assert_eq!(run.count(|what| matches!(what, What::Started { .. })), concurrency);
        let last = 21_usize.div_ceil(concurrency);
        run.until(&format!("{}s", last - 1));
        assert!(run.fold.totals().open() > 0);
        run.until(&format!("{last}s"));
        assert_eq!(run.fold.totals().open(), 0);
    }
}

/// Six events at once against ten a second and three saved up.
fn bucket_run(over: &str, takes: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("{takes}"), concurrency: 10, rate_limit: (rate: "10/s", burst: 3, over: {over}))
           p -> bus
           bus -> c (deliveries: 4, backoff: Fixed("1s"))"#
    ));
    run.fire("p", 6);
    run.until("1m");
    run
}

#[test]
fn s24_a_bucket_lets_its_burst_through_and_then_its_rate() {
    bucket_run("Queue", "1ms").tells(
        "started throttled",
        "0s c started p#0 try 1 waited 0s
         0s c started p#1 try 1 waited 0s
         0s c started p#2 try 1 waited 0s
         100ms c started p#3 try 1 waited 100ms
         200ms c started p#4 try 1 waited 200ms
         300ms c started p#5 try 1 waited 300ms",
    );
}

#[test]
fn s24_over_the_limit_handed_back_or_refused() {
    let run = bucket_run("Retry", "1ms");
    run.tells(
        "throttled retrying",
        "0s c throttled p#3 try 1
         0s bus->c retrying p#3 try 1 throttled until 1s
         0s c throttled p#4 try 1
         0s bus->c retrying p#4 try 1 throttled until 1s
         0s c throttled p#5 try 1
         0s bus->c retrying p#5 try 1 throttled until 1s",
    );
    assert_eq!(run.fold.totals().acked, 6);

    let run = bucket_run("Reject", "1ms");
    let throttled = run.count(|what| matches!(what, What::Throttled { .. }));
    let dropped = run.count(|what| matches!(what, What::Dropped { reason: Reason::Throttled, .. }));
    assert_eq!((throttled, dropped, run.fold.totals().acked), (3, 3, 3));
}

#[test]
fn s24_throttled_is_retried_or_given_up_and_nothing_else() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Poisson("40/s"), stops_after: 200)
           bus = Bus
           dlq = DeadLetterQueue
           c = Consumer(takes: Fixed("1ms"), concurrency: 10, rate_limit: (rate: "10/s", burst: 5, over: Retry))
           p -> bus
           bus -> c (deliveries: 3, backoff: Fixed("300ms"), dead_letters: "dlq")"#,
    );
    run.until("10m");
    let throttled = run.count(|what| matches!(what, What::Throttled { .. }));
    let retried = run.count(|what| matches!(what, What::Retrying { reason: Reason::Throttled, .. }));
    let given_up = run.count(|what| matches!(what, What::DeadLettered { .. } | What::Dropped { .. }));
    assert!(given_up > 0, "the case is hard enough to give some up");
    assert_eq!(throttled, retried + given_up);
    assert_eq!(run.fold.totals().open(), 0);
}

#[test]
fn s24_saved_tokens_never_exceed_the_burst() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("0s"), concurrency: 10, rate_limit: (rate: "1/s", burst: 2))
           p -> bus
           bus -> c"#,
    );
    // An hour of rest saves two tokens, not three thousand.
    run.until("1h");
    run.fire("p", 4);
    run.until("2h");
    run.tells(
        "started",
        "1h c started p#0 try 1 waited 0s
         1h c started p#1 try 1 waited 0s
         1h1s c started p#2 try 1 waited 1s
         1h2s c started p#3 try 1 waited 2s",
    );
}
