//! Producers: when they emit, which keys they give, and when they stop.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventloom::model::{EventName, SimDuration};
use eventloom::plan::{Inputs, ReplayLog, ReplayRow};
use eventloom::trace::What;
use serde_json::json;

use crate::support::Run;
use crate::support::flow::{flow, node_id};

/// When a producer with these settings emits, in nanoseconds.
fn times(settings: &str, until: &str) -> Vec<u64> {
    let run = source(settings, until);
    let emitted = run.records().filter_map(|record| match record.what {
        What::Emitted { .. } => Some(record.at.as_nanos()),
        _ => None,
    });
    emitted.collect()
}

fn source(settings: &str, until: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", {settings})
           bus = Bus
           p -> bus"#
    ));
    run.until(until);
    run
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn a_constant_rate_does_not_drift() {
    // A third of a second is no whole number of nanoseconds; a thousand seconds are three thousand of them all the same.
    let times = times(r#"rate: Constant("3/s"), stops_after: 3001"#, "2h");
    assert_eq!(times.len(), 3_001);
    assert!((times[3_000] - times[0]).abs_diff(1_000 * SECOND) <= 1, "{} ns", times[3_000] - times[0]);
    assert!(times.windows(2).all(|pair| (333_333_332..=333_333_335).contains(&(pair[1] - pair[0]))));
}

#[test]
fn a_source_begins_and_ends_when_it_says() {
    let run = source(r#"rate: Constant("10/s"), after: "5s", stops_after: 7"#, "1h");
    let first = run.records().find(|record| matches!(record.what, What::Emitted { .. })).expect("an event").at;
    assert!((5 * SECOND..=5 * SECOND + SECOND / 10).contains(&first.as_nanos()), "{first}");
    assert_eq!(run.count(|what| matches!(what, What::Emitted { .. })), 7);
    assert_eq!(run.count(|what| matches!(what, What::SourceEnded { .. })), 1);
    assert!(times(r#"rate: Constant("0/s")"#, "1h").is_empty());
    assert!(times("rate: ByHand", "1h").is_empty());
}

#[test]
fn bursts_come_all_at_once_or_spread() {
    let at_once = times(r#"rate: Bursts(size: 4, every: "1s"), stops_after: 12"#, "1h");
    assert_eq!(at_once.len(), 12);
    for burst in at_once.chunks(4) {
        assert!(burst.iter().all(|at| *at == burst[0]), "{at_once:?}");
    }
    assert_eq!((at_once[4] - at_once[0], at_once[8] - at_once[4]), (SECOND, SECOND));
    let spread = times(r#"rate: Bursts(size: 4, every: "1s", within: "400ms"), stops_after: 12"#, "1h");
    for burst in spread.chunks(4) {
        let gap = burst[1] - burst[0];
        assert!(gap > 0 && burst.windows(2).all(|pair| (pair[1] - pair[0]).abs_diff(gap) <= 1), "{spread:?}");
        assert!(burst[3] - burst[0] <= SECOND * 4 / 10);
    }
    assert_eq!(spread[4] - spread[0], SECOND);
}

#[test]
fn poisson_arrivals_have_the_mean_and_spread_of_their_law() {
    let times = times(r#"rate: Poisson("100/s"), stops_after: 20000"#, "1h");
    let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e7).collect();
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
    assert!((mean - 1.0).abs() < 4.0 / count.sqrt(), "mean gap {mean}");
    // The variance of an exponential's sample variance is 8 / n.
    assert!((spread - 1.0).abs() < 4.0 * (8.0 / count).sqrt(), "variance {spread}");
    let short = gaps.iter().filter(|gap| **gap < std::f64::consts::LN_2).count() as f64 / count;
    assert!((short - 0.5).abs() < 4.0 * 0.5 / count.sqrt(), "{short} below the median");
}

#[test]
fn a_schedule_follows_its_rate() {
    let in_second = |times: &[u64], second: u64| times.iter().filter(|at| **at / SECOND == second).count() as u64;
    // Jumps: 10 a second for five seconds, then 100.
    let steps = r#"steps: [(at: "0s", rate: "10/s"), (at: "5s", rate: "100/s")]"#;
    let even = times(&format!("rate: Schedule({steps}, spacing: Even)"), "9.999999999s");
    for second in 0..10 {
        let expected = if second < 5 { 10 } else { 100 };
        let got = in_second(&even, second);
        assert!(got.abs_diff(expected) <= 1, "{got} in second {second}");
    }
    let random = times(&format!("rate: Schedule({steps})"), "9.999999999s");
    assert!((random.len() as f64 - 550.0).abs() < 4.0 * 550.0_f64.sqrt(), "{} at random", random.len());
    assert!(random.windows(2).any(|pair| pair[1] - pair[0] < SECOND / 1_000), "at random, some come close");
    // A ramp from nothing to 100 a second: half of it on average, a quarter of all in the first half.
    let ramp = r#"steps: [(at: "0s", rate: "0/s"), (at: "10s", rate: "100/s")], ramp: true"#;
    let even = times(&format!("rate: Schedule({ramp}, spacing: Even)"), "9.999999999s");
    assert!(even.len().abs_diff(500) <= 1, "{}", even.len());
    let first_half = even.iter().filter(|at| **at < 5 * SECOND).count();
    assert!(first_half.abs_diff(125) <= 1, "{first_half}");
    let random = times(&format!("rate: Schedule({ramp})"), "9.999999999s");
    assert!((random.len() as f64 - 500.0).abs() < 4.0 * 500.0_f64.sqrt(), "{} at random", random.len());
}

#[test]
fn a_schedule_begins_again() {
    let day = r#"steps: [(at: "0s", rate: "100/s"), (at: "1s", rate: "0/s")], repeat: "4s", spacing: Even"#;
    let times = times(&format!("rate: Schedule({day})"), "11.999999999s");
    let per_day = |day: u64| times.iter().filter(|at| **at / (4 * SECOND) == day).count();
    for day in 0..3 {
        assert!(per_day(day).abs_diff(100) <= 1, "{} on day {day}", per_day(day));
    }
    let asleep = times.iter().filter(|at| **at % (4 * SECOND) > SECOND).count();
    assert_eq!(asleep, 0, "nothing comes while the rate is nothing");
    // Without `repeat` the last rate stays.
    let once = r#"steps: [(at: "0s", rate: "100/s"), (at: "1s", rate: "10/s")], spacing: Even"#;
    let once = self::times(&format!("rate: Schedule({once})"), "10.999999999s");
    assert!(once.len().abs_diff(200) <= 1, "{}", once.len());
}

#[test]
fn a_log_is_replayed_as_it_was_recorded_or_faster() {
    let row = |millis: u64, kind: &str, key: &str| ReplayRow {
        at: SimDuration::from_millis(millis),
        id: format!("id-{millis}").into(),
        source: "log".into(),
        subject: "".into(),
        time: "".into(),
        kind: EventName::new(kind).expect("a name"),
        key: (!key.is_empty()).then(|| key.into()),
        data: Arc::new(json!({ "at": millis })),
    };
    let rows = vec![row(0, "a", ""), row(100, "b", "k"), row(100, "a", "k"), row(1_500, "unheard.of", "")];
    let log = Arc::new(ReplayLog { rows });
    let play = |pace: &str| {
        let flow = flow(&format!(
            r#"event b
               p = Producer(emits: "a", rate: Replay(file: "log.jsonl", pace: {pace}))
               bus = Bus
               c = Consumer(takes: Fixed("0s"))
               big = Consumer(takes: Fixed("0s"))
               p -> bus
               bus -> c
               bus -> big (filter: "event.data.at >= 100 && event.key == \"k\"")"#
        ));
        let inputs = Inputs { replays: BTreeMap::from([(node_id("p"), Arc::clone(&log))]), ..Inputs::default() };
        let mut run = Run::with(flow, inputs, 1);
        run.until("1h");
        run
    };
    let when = |run: &Run| -> Vec<u64> {
        let emitted = run.records().filter(|record| matches!(record.what, What::Emitted { .. }));
        emitted.map(|record| record.at.as_nanos() / 1_000_000).collect()
    };
    let run = play("Recorded");
    assert_eq!(when(&run), [0, 100, 100, 1_500]);
    assert_eq!(run.summary("c"), "received 4 handled 4 acked 4");
    assert_eq!(run.summary("big"), "received 2 handled 2 acked 2");
    let kinds: Vec<String> = run
        .records()
        .filter_map(|record| match record.what {
            What::Emitted { kind, .. } => Some(run.plan().event_name(kind).to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["a", "b", "a", "a"], "a type that the flow does not know is the producer's own");
    assert_eq!(when(&play(r#"Times("10x")"#)), [0, 10, 10, 150]);
    assert_eq!(when(&play(r#"Times("0.5x")"#)), [0, 200, 200, 3_000]);
    let every = when(&play(r#"Every("1/s")"#));
    assert_eq!(every.iter().map(|at| at - every[0]).collect::<Vec<_>>(), [0, 1_000, 2_000, 3_000]);
}

#[test]
fn keys_come_in_turn_evenly_or_skewed() {
    let keys = |key: &str| {
        let run = source(&format!(r#"rate: Constant("1000/s"), stops_after: 6000, key: {key}"#), "1h");
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let of_first: Vec<String> = (0..5).map(|ix| run.kept.keys[&run.event(&format!("p#{ix}"))].clone()).collect();
        for key in run.kept.keys.values() {
            *counts.entry(key.clone()).or_default() += 1;
        }
        (of_first, counts)
    };
    let (first, counts) = keys("Cycle(3)");
    assert_eq!(first, ["k0", "k1", "k2", "k0", "k1"]);
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [2_000; 3]);
    let (_, counts) = keys("Uniform(3)");
    assert_eq!(counts.len(), 3);
    assert!(counts.values().all(|count| count.abs_diff(2_000) < 4 * 37), "{counts:?}");
    // Zipf with exponent 1 over three keys: 6/11, 3/11, 2/11.
    let (_, counts) = keys("Skewed(3)");
    for (key, share) in [("k0", 6.0), ("k1", 3.0), ("k2", 2.0)] {
        let expected = 6_000.0 * share / 11.0;
        assert!((f64::from(counts[key]) - expected).abs() < 4.0 * expected.sqrt(), "{counts:?}");
    }
    let (first, _) = keys(r#"Of("event.number % 2")"#);
    assert_eq!(first, ["0", "1", "0", "1", "0"]);
}
