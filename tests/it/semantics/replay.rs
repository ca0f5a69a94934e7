//! S12: a subscription is sought to a place of its log, and reads on from there.

use eventloom::model::{LinkKind, StartAt};
use eventloom::trace::{Leg, What};
use proptest::prelude::*;

use crate::support::Run;
use crate::support::flow::flow;
use crate::support::run::at;

fn at_time(text: &str) -> StartAt {
    StartAt::At(text.parse().expect(text))
}

/// Ten records, one a second from 1 s on, kept for an hour, read by two groups.
fn ten() -> Run {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), after: "1s", stops_after: 10)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("0s"))
           other = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c 1ms
           bus -> other 1ms"#,
    );
    run.until("20s");
    assert_eq!(run.fold.totals().acked, 20);
    run
}

/// The numbers of the events that came as replays, in order of their delivery.
fn replayed(run: &Run) -> Vec<u64> {
    let replays = run.records().filter_map(|record| match record.what {
        What::Sent { leg: Leg::Replay, event, .. } => Some(event.number()),
        _ => None,
    });
    replays.collect()
}

#[test]
fn s12_from_an_offset_a_time_or_the_start_the_log_comes_again_in_order() {
    let check = |to: StartAt, expected: std::ops::Range<u64>| {
        let mut run = ten();
        let stored: Vec<_> = run
            .records()
            .filter_map(|record| matches!(record.what, What::Accepted { .. }).then_some(record.at))
            .collect();
        assert_eq!(stored[4], at("6s"), "one a second");
        let before = run.fold.figures(run.sub("bus->other"));
        run.seek("bus->c", to);
        run.until("30s");
        assert_eq!(replayed(&run), expected.clone().collect::<Vec<_>>(), "{to:?}");
        let figures = run.fold.figures(run.sub("bus->c"));
        let count = expected.end - expected.start;
        assert_eq!((figures.obligations, figures.acked, figures.open()), (10 + count, 10 + count, 0), "{to:?}");
        assert_eq!(run.fold.figures(run.sub("bus->other")), before, "other groups' ledgers are unchanged");
    };
    check(StartAt::Start, 0..10);
    check(StartAt::Offset(7), 7..10);
    check(StartAt::Offset(99), 10..10);
    check(StartAt::End, 10..10);
    // The first that is not before that time.
    check(at_time("6s"), 4..10);
    check(at_time("6.000000001s"), 5..10);
    check(at_time("0s"), 0..10);
    check(at_time("1h"), 10..10);
}

#[test]
fn s12_what_is_read_again_waits_from_when_that_was_asked_for() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("1s"))
           p -> bus
           bus -> c (prefetch: 1)"#,
    );
    run.fire("p", 1);
    run.until("5s");
    run.fire("p", 1);
    run.until("5500ms");
    run.seek("bus->c", StartAt::Start);
    run.until("5600ms");
    let waits = run.kernel.waiting(run.node("c"), 10);
    let told: Vec<String> = waits.iter().map(|(event, _, since)| format!("{} {since}", event.number())).collect();
    assert_eq!(told, ["0 00:00:05.500"]);
}

#[test]
fn s12_what_the_log_has_lost_is_told_as_out_of_range() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 10)
           bus = Bus(topics: {"a": (keep_records: 4)})
           c = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c"#,
    );
    run.until("20s");
    run.seek("bus->c", StartAt::Offset(2));
    run.until("30s");
    run.tells("sought out-of-range", "20s bus->c sought a/0@6\n20s bus->c out-of-range a/0 skipped 4");
    assert_eq!(replayed(&run), [6, 7, 8, 9]);
}

#[test]
fn s12_what_is_open_is_not_owed_twice_and_what_waits_before_the_place_is_not_read() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> c (prefetch: 1, ack_wait: "1h")"#,
    );
    run.fire("p", 6);
    run.until("25s");
    // 0 and 1 are handled, 2 is in hand, 3 to 5 wait.
    run.seek("bus->c", StartAt::Offset(1));
    run.until("26s");
    run.tells("sought replayed purged", "25s bus->c sought a/0@1\n25s bus->c replayed p#1 at a/0@1");
    // Forward over what waits, the replay included.
    run.seek("bus->c", StartAt::Offset(5));
    run.until("10m");
    run.tells(
        "purged",
        "26s bus->c purged p#1 from queued
         26s bus->c purged p#3 from queued
         26s bus->c purged p#4 from queued",
    );
    run.tells(
        "acked",
        "10s bus->c acked p#0 by c
         20s bus->c acked p#1 by c
         30s bus->c acked p#2 by c
         40s bus->c acked p#5 by c",
    );
}

#[test]
fn s12_a_late_ack_of_what_was_settled_before_settles_no_replay() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           slow = Consumer(takes: Fixed("10s"), concurrency: 2)
           p -> bus
           bus -> slow (ack_wait: "6s")"#,
    );
    run.fire("p", 1);
    // Handed over at 0 and again at 6 s; the first ack settles it at 10 s, the second comes at 16 s.
    run.until("12s");
    run.seek("bus->slow", StartAt::Start);
    run.until("1m");
    run.tells(
        "delivered acked stale",
        "0s bus->slow delivered p#0 to slow try 1
         6s bus->slow delivered p#0 to slow try 2
         10s bus->slow acked p#0 by slow
         12s bus->slow delivered p#0 to slow try 1
         16s bus->slow stale p#0 by slow settled
         18s bus->slow delivered p#0 to slow try 2
         22s bus->slow acked p#0 by slow
         28s bus->slow stale p#0 by slow settled",
    );
}

#[test]
fn s12_effects_of_a_replay_are_muted_unless_they_are_wanted() {
    let emitted = |settings: &str| {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "order", rate: Constant("1/s"), stops_after: 5)
               bus = Bus(topics: {{"order": (keep: "1h")}})
               billing = Service(handlers: [(on: "order", takes: Fixed("1ms"), emits: [(event: "paid")])])
               c = Consumer
               p -> bus
               bus -> billing (topics: ["order"]{settings})
               billing -> bus
               bus -> c (topics: ["paid"])"#
        ));
        run.until("10s");
        run.seek("bus->billing", StartAt::Start);
        run.until("20s");
        let muted = run.count(|what| matches!(what, What::Muted { .. }));
        (run.summary("billing"), muted)
    };
    assert_eq!(emitted(""), ("emitted 5 received 10 handled 10 acked 10".to_owned(), 5));
    assert_eq!(emitted(", replay_emits: true"), ("emitted 10 received 10 handled 10 acked 10".to_owned(), 0));
}

#[test]
fn s12_a_failed_replay_is_tried_again_and_given_up_like_any() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("0s"), fails: 1.0)
           dlq = DeadLetterQueue
           p -> bus
           bus -> c (deliveries: 2, backoff: Fixed("1s"), dead_letters: "dlq")"#,
    );
    run.fire("p", 1);
    run.until("10s");
    run.seek("bus->c", StartAt::Start);
    run.until("20s");
    run.tells(
        "dead-lettered buried",
        "1s bus->c dead-lettered p#0 max_deliver after 2 from in-flight to dlq
         1.001s dlq buried p#0 max_deliver
         11s bus->c dead-lettered p#0 max_deliver after 2 from in-flight to dlq
         11.001s dlq buried p#0 max_deliver",
    );
    let figures = run.fold.figures(run.sub("bus->c"));
    assert_eq!((figures.obligations, figures.dead_lettered), (2, 2));
}

fn start_at(run: &mut Run, to: StartAt) {
    run.edit(|flow| {
        let id = eventloom::model::LinkId::new("bus->c").expect("an id");
        let mut link = flow.link(&id).expect("a link").clone();
        if let LinkKind::Subscribe(subscription) = &mut link.kind {
            subscription.from = to;
        }
        flow.set_link(&id, link).expect("a setting");
    });
}

#[test]
fn s12_an_edit_seeks_and_its_undo_takes_nothing_back() {
    let mut run = ten();
    start_at(&mut run, StartAt::Offset(8));
    run.until("21s");
    assert_eq!(replayed(&run), [8, 9]);
    start_at(&mut run, StartAt::End);
    run.until("22s");
    start_at(&mut run, at_time("10s"));
    run.until("23s");
    assert_eq!(replayed(&run), [8, 9, 8, 9]);
    assert_eq!(run.count(|what| matches!(what, What::Sought { .. })), 2);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    /// What comes once more is what the log keeps from the place on and the filter lets through, each once and in order.
    #[test]
    fn s12_a_replay_is_the_filter_of_the_log(
        count in 1_u64..40,
        keep in 1_u64..40,
        offset in 0_u64..45,
        divisor in 1_u64..4,
        partitions in 1_u32..4,
    ) {
        let rows = format!(
            r#"p = Producer(emits: "a", rate: Constant("100/s"), key: Cycle(5), stops_after: {count})
               bus = Bus(topics: {{"a": (partitions: {partitions}, keep_records: {keep})}})
               c = Consumer(takes: Fixed("0s"))
               p -> bus
               bus -> c (filter: "event.number % {divisor} == 0")"#
        );
        let mut run = Run::of(flow(&rows), 3);
        run.until("10s");
        let mut logs: Vec<Vec<u64>> = vec![Vec::new(); partitions as usize];
        for record in run.records() {
            if let What::Accepted { partition, event, .. } = record.what {
                logs[partition as usize].push(event.number());
            }
        }
        run.seek("bus->c", StartAt::Offset(offset));
        run.until("20s");
        let mut expected = Vec::new();
        for log in &logs {
            let first = (offset as usize).max(log.len().saturating_sub(keep as usize));
            expected.push(log.iter().skip(first).copied().filter(|number| number % divisor == 0).collect::<Vec<_>>());
        }
        let replays = replayed(&run);
        for (log, expected) in logs.iter().zip(&expected) {
            let own: Vec<u64> = replays.iter().copied().filter(|number| log.contains(number)).collect();
            prop_assert_eq!(&own, expected);
        }
        prop_assert_eq!(replays.len(), expected.iter().map(Vec::len).sum::<usize>());
    }
}

#[test]
fn s12_what_comes_again_is_before_all_later_of_its_key_in_strict_order() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c (order: Strict, delay: "1s", rate: (rate: "1/m", burst: 1))"#,
    );
    for key in ["k", "k", "other"] {
        run.fire_with("p", 1, Some(key), None);
    }
    run.until("2s");
    // The first has taken the only token there is; by its key, the second now waits for it again.
    run.seek("bus->c", StartAt::Start);
    run.until("1h");
    run.tells(
        "replayed acked",
        "1s bus->c acked p#0 by c
         2s bus->c replayed p#0 at a/0@0
         1m1s bus->c acked p#2 by c
         2m1s bus->c acked p#0 by c
         3m1s bus->c acked p#1 by c",
    );
}
