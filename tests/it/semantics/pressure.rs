//! S16: what happens when a queue is full, and what a ring of full queues is called.

use std::collections::BTreeSet;

use eventloom::kernel::Stopped;
use eventloom::model::NodeIx;
use eventloom::trace::{Reason, What};

use crate::support::Run;

/// A slow consumer with room for two waiting records, and a second subscription that always has room.
/// Of five events, the first is in flight when the other four come.
fn full_run(policy: &str, limit: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"event a (size: "1 KiB")
           p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1s"))
           fast = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c (prefetch: 1, queue: ({limit}, when_full: {policy}))
           bus -> fast"#
    ));
    run.fire("p", 1);
    run.until("1ms");
    run.fire("p", 4);
    run.until("1ms");
    run
}

fn handled_by(run: &Run, node: &str) -> Vec<u64> {
    let node = run.node(node);
    let handled = run.records().filter_map(|record| match record.what {
        What::Handled { node: by, event, .. } if by == node => Some(event.number()),
        _ => None,
    });
    handled.collect()
}

const LIMITS: [&str; 2] = [r#"records: 2, bytes: "1 MiB""#, r#"records: 100, bytes: "2 KiB""#];

#[test]
fn s16_drop_newest_keeps_the_oldest() {
    for limit in LIMITS {
        let mut run = full_run("DropNewest", limit);
        assert_eq!(run.fold.figures(run.sub("bus->c")).queued, 2);
        run.until("1m");
        assert_eq!(handled_by(&run, "c"), [0, 1, 2], "{limit}");
        assert_eq!(handled_by(&run, "fast"), [0, 1, 2, 3, 4], "{limit}");
        run.tells(
            "dropped blocked rejected",
            "1ms bus->c dropped p#3 maxlen after 0 from queued
             1ms bus->c dropped p#4 maxlen after 0 from queued",
        );
    }
}

#[test]
fn s16_drop_oldest_keeps_the_newest_also_when_a_retry_has_overfilled_the_queue() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1s"))
           p -> bus
           bus -> c 7ms (ack_wait: "5ms", deliveries: 2, backoff: None, max_in_flight: 1,
               queue: (records: 1, bytes: "1 MiB", when_full: DropOldest))"#,
    );
    run.fire("p", 2);
    run.until("5ms");
    assert_eq!(run.fold.figures(run.sub("bus->c")).queued, 2, "the second, and the first again");
    run.fire("p", 1);
    run.until("6ms");
    run.tells(
        "dropped",
        "5ms bus->c dropped p#0 maxlen after 1 from queued
         5ms bus->c dropped p#1 maxlen after 0 from queued",
    );
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           s = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "b")])])
           t = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "b")])])
           c = Service(handlers: [(takes: Fixed("1s"))])
           p -> bus
           bus -> s (topics: ["a"])
           bus -> t 1ms (topics: ["a"])
           s -> c (queue: (records: 3, bytes: "1 MiB"))
           t -> c (queue: (records: 1, bytes: "1 MiB", when_full: DropOldest))"#,
    );
    run.fire("p", 4);
    run.until("0s");
    assert_eq!(run.fold.figures(run.sub("c")).queued, 3);
    run.until("1ms");
    assert_eq!(run.fold.figures(run.sub("c")).queued, 1, "what comes by the second link may find none before it");
}

#[test]
fn s16_drop_oldest_keeps_the_newest() {
    for limit in LIMITS {
        let mut run = full_run("DropOldest", limit);
        assert_eq!(run.fold.figures(run.sub("bus->c")).queued, 2);
        run.until("1m");
        assert_eq!(handled_by(&run, "c"), [0, 3, 4], "{limit}");
        assert_eq!(handled_by(&run, "fast"), [0, 1, 2, 3, 4], "{limit}");
        run.tells(
            "dropped blocked rejected",
            "1ms bus->c dropped p#1 maxlen after 0 from queued
             1ms bus->c dropped p#2 maxlen after 0 from queued",
        );
    }
}

#[test]
fn s16_reject_refuses_the_publish_as_a_whole() {
    for limit in LIMITS {
        let mut run = full_run("Reject", limit);
        run.until("1m");
        assert_eq!(handled_by(&run, "c"), [0, 1, 2], "{limit}");
        assert_eq!(handled_by(&run, "fast"), [0, 1, 2], "nobody gets what was refused ({limit})");
        run.tells(
            "dropped blocked rejected",
            "1ms bus rejected p#3 maxlen
             1ms bus rejected p#4 maxlen",
        );
        let publishes = run.fold.publishes();
        assert_eq!((publishes.attempts, publishes.accepted, publishes.rejected, publishes.on_wire), (5, 3, 2, 0));
    }
}

#[test]
fn s16_block_loses_nothing_and_keeps_the_order() {
    for limit in LIMITS {
        let mut run = full_run("Block", limit);
        assert_eq!(run.fold.figures(run.sub("bus->c")).queued, 2, "never more than the bound");
        let publishes = run.fold.publishes();
        assert_eq!(publishes.accepted, 3);
        run.until("999ms");
        assert_eq!(run.fold.publishes().accepted, 3);
        run.until("1s");
        assert_eq!(run.fold.publishes().accepted, 4, "room for one: one goes through");
        run.until("1m");
        assert_eq!(handled_by(&run, "c"), [0, 1, 2, 3, 4], "{limit}");
        assert_eq!(handled_by(&run, "fast"), [0, 1, 2, 3, 4], "{limit}");
        let blocked = run.count(|what| matches!(what, What::Blocked { .. }));
        let unblocked = run.count(|what| matches!(what, What::Unblocked { .. }));
        assert!(blocked > 0 && blocked == unblocked, "{blocked} blocked, {unblocked} unblocked");
        assert_eq!(run.count(|what| matches!(what, What::Dropped { .. } | What::Rejected { .. })), 0);
    }
}

#[test]
fn s16_a_blocked_producer_pauses() {
    // Ten a second against one a second: what is under way stays bounded, and the producer keeps the consumer's pace.
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"))
           bus = Bus
           c = Consumer(takes: Fixed("1s"))
           p -> bus
           bus -> c (prefetch: 1, queue: (records: 5, bytes: "1 MiB"))"#,
    );
    run.until("1m");
    let emitted = run.count(|what| matches!(what, What::Emitted { .. }));
    let handled = run.count(|what| matches!(what, What::Handled { .. }));
    assert!((59..=60).contains(&handled), "{handled} handled");
    assert!(emitted <= handled + 1 + 5 + 2, "{emitted} emitted, {handled} handled");
    let figures = run.fold.figures(run.sub("bus->c"));
    assert!(figures.queued <= 5 && figures.in_flight == 1, "{figures:?}");
}

#[test]
fn s16_a_blocked_service_keeps_its_slot_busy() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           s = Service(concurrency: 2, handlers: [(takes: Fixed("10ms"), emits: [(event: "b")])])
           c = Consumer(takes: Fixed("1s"))
           p -> bus
           s -> bus
           bus -> s (topics: ["a"])
           bus -> c (topics: ["b"], prefetch: 1, queue: (records: 1, bytes: "1 MiB"))"#,
    );
    run.fire("p", 10);
    run.until("500ms");
    // One in flight, one queued, and one in each of the two slots, which wait at the bus's door.
    let started = run.count(|what| matches!(what, What::Started { node, .. } if *node == run.node("s")));
    assert_eq!(started, 4, "{}", run.story("started blocked"));
    run.until("1m");
    assert_eq!(run.summary("c"), "received 10 handled 10 acked 10");
    assert_eq!(run.fold.totals().open(), 0);
}

#[test]
fn s16_an_inbox_has_the_bound_of_its_callers() {
    for (policy, handled, rejected, dropped) in
        [("DropNewest", vec![0, 1, 2], 0, 2), ("DropOldest", vec![0, 3, 4], 0, 2), ("Reject", vec![0, 1, 2], 2, 0)]
    {
        let mut run = Run::new(&format!(
            r#"s = Service(concurrency: 9, handlers: [(takes: Fixed("0s"), emits: [(event: "ask")])])
               t = Service(handlers: [(takes: Fixed("1s"))])
               s -> t (queue: (records: 2, bytes: "1 MiB", when_full: {policy}))"#
        ));
        run.fire("s", 1);
        run.until("1ms");
        run.fire("s", 4);
        run.until("1m");
        // The service's own events are its calls by hand and its questions: every second one is a question.
        let t = run.node("t");
        let asks: Vec<u64> = run
            .records()
            .filter_map(|record| match record.what {
                What::Sent { event, .. } => Some(event.number()),
                _ => None,
            })
            .collect();
        assert_eq!(asks.len(), 5, "{policy}");
        let got: Vec<usize> = run
            .records()
            .filter_map(|record| match record.what {
                What::Handled { node, event, .. } if node == t => asks.iter().position(|ask| *ask == event.number()),
                _ => None,
            })
            .collect();
        assert_eq!(got, handled, "{policy}");
        assert_eq!(run.count(|what| matches!(what, What::Rejected { .. })), rejected, "{policy}");
        let gone = run.count(|what| matches!(what, What::Dropped { reason: Reason::MaxLength, .. }));
        assert_eq!(gone, dropped, "{policy}");
    }
}

#[test]
fn s16_a_blocking_call_waits() {
    let mut run = Run::new(
        r#"s = Service(concurrency: 9, handlers: [(takes: Fixed("0s"), emits: [(event: "ask")])])
           t = Service(handlers: [(takes: Fixed("1s"))])
           s -> t (queue: (records: 2, bytes: "1 MiB"))"#,
    );
    run.fire("s", 5);
    run.until("1m");
    assert_eq!(run.summary("t"), "received 5 handled 5 acked 5");
    assert!(run.count(|what| matches!(what, What::Blocked { .. })) > 0);
    assert_eq!(run.fold.totals().open(), 0);
}

fn ring(run: &Run) -> BTreeSet<(NodeIx, NodeIx)> {
    let ring = run.records().filter_map(|record| match record.what {
        What::Deadlocked { node, waits_for, .. } => Some((node, waits_for)),
        _ => None,
    });
    ring.collect()
}

#[test]
fn s16_a_ring_of_blocked_calls_is_named_instead_of_hanging() {
    let mut run = Run::new(
        r#"hops 1000000
           a = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "to.b", count: 2)])])
           b = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "to.a", count: 2)])])
           a -> b (queue: (records: 2, bytes: "1 MiB"))
           b -> a (queue: (records: 2, bytes: "1 MiB"))"#,
    );
    run.fire("a", 1);
    let stopped = run.until("1h");
    assert_eq!(stopped, Stopped::Stuck, "{}", run.story("blocked unblocked deadlocked"));
    let (a, b) = (run.node("a"), run.node("b"));
    assert_eq!(ring(&run), BTreeSet::from([(a, b), (b, a)]));
    // Asking again neither hangs nor tells it twice.
    assert_eq!(run.until("2h"), Stopped::Stuck);
    assert_eq!(run.count(|what| matches!(what, What::Deadlocked { .. })), 2);
    assert!(run.fold.totals().open() > 0, "what is stuck is still owed");
}

#[test]
fn s16_a_service_that_waits_for_itself_is_a_ring_too() {
    let mut run = Run::new(
        r#"hops 1000000
           p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           s = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "a", count: 2)])])
           p -> bus
           s -> bus
           bus -> s (queue: (records: 3, bytes: "1 MiB"))"#,
    );
    run.fire("p", 1);
    assert_eq!(run.until("1h"), Stopped::Stuck);
    let s = run.node("s");
    assert_eq!(ring(&run), BTreeSet::from([(s, s)]));
}

#[test]
fn s16_a_ring_is_named_while_the_rest_goes_on() {
    let mut run = Run::new(
        r#"hops 1000000
           a = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "to.b", count: 2)])])
           b = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "to.a", count: 2)])])
           a -> b (queue: (records: 2, bytes: "1 MiB"))
           b -> a (queue: (records: 2, bytes: "1 MiB"))
           p = Producer(emits: "x", rate: Constant("1/s"), stops_after: 60)
           bus = Bus
           c = Consumer(takes: Fixed("1ms"))
           p -> bus
           bus -> c"#,
    );
    run.fire("a", 1);
    run.until("10m");
    assert_eq!(run.summary("c"), "received 60 handled 60 acked 60");
    let told = run.records().find(|record| matches!(record.what, What::Deadlocked { .. })).expect("a ring");
    assert!(told.at.as_secs_f64() < 5.0, "told at {}, not when the rest has ended", told.at);
}
