//! S24 and S26 as settings of a subscription and of a call: how many in a time, and nothing for a while after too many
//! failures. What a breaker must be is derived anew from the outcomes in the trace; see [`crate::support::guards`].

use eventloom::model::SimTime;
use eventloom::trace::{Circuit, Reason, What};

use crate::support::Run;

/// Ten at once against five a second and two saved up.
fn limited(over: &str, more: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1ms"), concurrency: 100)
           dlq = DeadLetterQueue
           p -> bus
           bus -> c (rate: (rate: "5/s", burst: 2, over: {over}), {more})"#
    ));
    run.fire("p", 10);
    run.until("1m");
    run
}

fn millis(run: &Run, fits: impl Fn(&What<'_>) -> bool) -> Vec<u64> {
    run.records().filter(|record| fits(&record.what)).map(|record| record.at.as_nanos() / 1_000_000).collect()
}

#[test]
fn s24_a_subscription_with_a_rate_lets_its_burst_through_and_then_its_rate() {
    let run = limited("Queue", "");
    let handed = millis(&run, |what| matches!(what, What::Delivered { .. }));
    assert_eq!(handed, [0, 0, 200, 400, 600, 800, 1000, 1200, 1400, 1600]);
    assert_eq!(run.fold.totals().acked, 10);
    assert_eq!(run.count(|what| matches!(what, What::Limited { .. })), 0, "whoever waits is not refused");
}

#[test]
fn s24_throttled_is_retried_and_dropped_and_dead_lettered() {
    for (over, more, acked) in [
        ("Retry", r#"deliveries: 3, backoff: Fixed("100ms")"#, 3),
        ("Retry", r#"deliveries: 3, backoff: Fixed("100ms"), dead_letters: "dlq""#, 3),
        ("Reject", r#"dead_letters: "dlq""#, 2),
        ("Reject", "", 2),
        ("Reject", "guarantee: AtMostOnce", 2),
    ] {
        let run = limited(over, more);
        let limited = run.count(|what| matches!(what, What::Limited { .. }));
        let retried = run.count(|what| matches!(what, What::Retrying { reason: Reason::Throttled, .. }));
        let given_up = |what: &What<'_>| {
            let reason = crate::support::run::reason_of(what);
            reason == Some(Reason::Throttled)
        };
        let given_up = run.count(given_up);
        assert_eq!(limited, retried + given_up, "{over} {more}");
        let figures = run.fold.totals();
        assert_eq!(
            (figures.acked, figures.acked + figures.dropped + figures.dead_lettered),
            (acked, 10),
            "{over} {more}"
        );
        assert_eq!(
            run.count(|what| matches!(what, What::Received { .. })),
            acked as usize,
            "nothing else went the way"
        );
    }
}

/// Ten a second, into a consumer that crashes or fails for a while.
fn broken(breaker: &str, more: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 100)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"), fails: 1.0)
           p -> bus
           bus -> c (deliveries: 1, breaker: {breaker}, {more})"#
    ));
    run.until("4950ms");
    run.edit(|flow| {
        let id = crate::support::flow::node_id("c");
        let mut node = flow.node(&id).expect("c is drawn").clone();
        if let eventloom::model::NodeKind::Consumer(consumer) = &mut node.kind {
            consumer.fails = eventloom::model::Chance::NEVER;
        }
        flow.set_node(&id, node).expect("a setting");
    });
    run.until("2m");
    run
}

#[test]
fn s26_a_row_of_failures_opens_it_and_a_probe_closes_it() {
    let run = broken(r#"(failures: 3, reset: "1s")"#, "");
    run.tells(
        "breaker",
        "310ms bus->c breaker open
         1.31s bus->c breaker half_open
         1.32s bus->c breaker open
         2.32s bus->c breaker half_open
         2.33s bus->c breaker open
         3.33s bus->c breaker half_open
         3.34s bus->c breaker open
         4.34s bus->c breaker half_open
         4.35s bus->c breaker open
         5.35s bus->c breaker half_open
         5.36s bus->c breaker closed",
    );
    let while_open = millis(&run, |what| matches!(what, What::Delivered { .. }));
    assert!(while_open.iter().all(|at| !(311..1310).contains(at) && !(1321..2320).contains(at)), "{while_open:?}");
    let figures = run.fold.totals();
    assert_eq!((figures.dropped, figures.acked), (7, 93), "it spared all the others");
}

#[test]
fn s26_a_share_of_failures_opens_it_once_its_window_is_full() {
    // Every second one fails by its filter: never two in a row.
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 40)
           bus = Bus
           s = Service(handlers: [(on: "a", takes: Fixed("1ms"), emits: [(event: "b", when: "10 / (event.number % 2) > 0")])])
           p -> bus
           bus -> s (deliveries: 1, topics: ["a"], breaker: (failures: None, ratio: 0.5, window: 10, reset: "30s"))"#,
    );
    run.until("20s");
    // The tenth outcome is a success: a window is looked at when something fails.
    run.tells("breaker", "1.101s bus->s breaker open");
    assert_eq!(run.count(|what| matches!(what, What::Failed { .. })), 6);
}

#[test]
fn s26_half_open_lets_no_more_through_than_its_probes() {
    let run = broken(r#"(failures: 3, reset: "1s", probes: 4)"#, "prefetch: 10");
    let half_open: Vec<SimTime> = run
        .records()
        .filter(|record| matches!(record.what, What::BreakerTurned { circuit: Circuit::HalfOpen, .. }))
        .map(|record| record.at)
        .collect();
    for at in &half_open {
        let probes = run.records().filter(|record| record.at == *at && matches!(record.what, What::Delivered { .. }));
        assert_eq!(probes.count(), 4);
    }
    assert!(half_open.len() >= 4);
    let closed = run.count(|what| matches!(what, What::BreakerTurned { circuit: Circuit::Closed, .. }));
    assert_eq!((closed, run.fold.totals().open()), (1, 0));
}

/// A service that calls another, which is gone for a while.
fn calling(call: &str, faults: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 100)
           bus = Bus
           s = Service(handlers: [(on: "a", takes: Fixed("0s"), emits: [(event: "b")])])
           t = Service(handlers: [(on: "b", takes: Fixed("5ms"))])
           p -> bus
           bus -> s
           s -> t 1ms ({call})
           {faults}"#
    ));
    run.until("5m");
    run
}

#[test]
fn s26_an_open_breaker_makes_calls_fail_at_once() {
    let dies = r#"fault dies (at: "1s", for: "3s", on: Node("t"), kind: Crash)"#;
    let run = calling(r#"breaker: (failures: 3, reset: "1s")"#, dies);
    let sent = millis(&run, |what| matches!(what, What::Sent { leg: eventloom::trace::Leg::Call, .. }));
    assert!(sent.iter().all(|at| !(1202..2201).contains(at)), "{sent:?}");
    let fast = run.count(|what| matches!(what, What::Dropped { reason: Reason::CircuitOpen, .. }));
    assert!(fast >= 25, "{fast} failed fast");
    let figures = run.fold.figures(run.sub("t"));
    assert_eq!((figures.obligations, figures.open()), (100, 0));
    assert_eq!(figures.acked + figures.dropped, 100);
    let last = run.records().filter_map(|record| match record.what {
        What::BreakerTurned { circuit, .. } => Some(circuit),
        _ => None,
    });
    assert_eq!(last.last(), Some(Circuit::Closed));

    // With deliveries enough all of them come through once it is whole.
    let run =
        calling(r#"deliveries: 200, backoff: Fixed("300ms"), breaker: (failures: 3, reset: "1s", probes: 2)"#, dies);
    assert_eq!(run.fold.figures(run.sub("t")).acked, 100);
    assert!(run.count(|what| matches!(what, What::CallFailed { reason: Reason::CircuitOpen, .. })) > 20);
}

#[test]
fn s26_lost_calls_open_a_breaker_and_a_lost_probe_opens_it_again() {
    let run = calling(
        r#"breaker: (failures: 2, reset: "1s")"#,
        r#"fault cut (at: "1s", for: "3s", on: Link("s->t"), kind: Partition)"#,
    );
    run.tells(
        "breaker",
        "1.101s s->t breaker open
         2.101s s->t breaker half_open
         2.201s s->t breaker open
         3.201s s->t breaker half_open
         3.301s s->t breaker open
         4.301s s->t breaker half_open
         4.406s s->t breaker closed",
    );
}

#[test]
fn s26_a_crash_of_the_caller_closes_its_breaker() {
    let run = calling(
        r#"breaker: (failures: 2, reset: "1h")"#,
        r#"fault gone (at: "1s", for: "1s", on: Node("t"), kind: Crash)
           fault dies (at: "3s", for: "500ms", on: Node("s"), kind: Crash)"#,
    );
    run.tells("breaker", "1.101s s->t breaker open\n3s s->t breaker closed");
    assert!(run.fold.figures(run.sub("t")).acked > 60);
}

#[test]
fn s26_an_edit_that_takes_a_breaker_away_closes_it() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 20)
           bus = Bus
           c = Consumer(takes: Fixed("1ms"), fails: 1.0)
           p -> bus
           bus -> c (deliveries: 1, breaker: (failures: 2, reset: "1h"))"#,
    );
    run.until("5s");
    assert_eq!(run.fold.totals().queued, 18);
    run.edit(|flow| {
        let id = eventloom::model::LinkId::new("bus->c").expect("an id");
        let mut link = flow.link(&id).expect("a link").clone();
        if let eventloom::model::LinkKind::Subscribe(subscription) = &mut link.kind {
            subscription.breaker = None;
        }
        flow.set_link(&id, link).expect("a setting");
    });
    run.until("10s");
    run.tells("breaker", "201ms bus->c breaker open\n5s bus->c breaker closed");
    assert_eq!(run.fold.totals().open(), 0);
}
