//! S37 to S40: loops end, every record has its parents, poison is survived, and a stop reports what is open.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::kernel::Stopped;
use eventloom::model::EventId;
use eventloom::trace::{Reason, What};
use serde_json::json;

use crate::support::Run;
use crate::support::run::reason_of;

#[test]
fn s37_a_loop_ends_at_the_hop_limit() {
    for limit in [1, 4, 64] {
        let mut run = Run::new(&format!(
            r#"hops {limit}
               p = Producer(emits: "a", rate: ByHand)
               bus = Bus
               dlq = DeadLetterQueue
               s = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "a")])])
               p -> bus
               s -> bus
               bus -> s (dead_letters: "dlq")"#
        ));
        run.fire("p", 1);
        assert_eq!(run.until("1h"), Stopped::Quiet, "limit {limit}");
        // The root has made no hop; those of 1 to the limit are handled, the next one is a loop.
        let handled = run.count(|what| matches!(what, What::Handled { .. }));
        assert_eq!(handled, limit + 1, "limit {limit}");
        let looped = run.count(|what| reason_of(what) == Some(Reason::HopLimit));
        assert_eq!(looped, 1, "limit {limit}: {}", run.story("dropped dead-lettered rejected"));
        assert_eq!(run.summary("dlq"), "buried 1", "limit {limit}");
        let most = run.records().map(|record| match record.what {
            What::Emitted { hops, .. } => hops,
            _ => 0,
        });
        assert_eq!(most.max(), Some(limit as u32 + 1));
    }
}

#[test]
fn s37_a_ring_of_calls_ends_too() {
    let mut run = Run::new(
        r#"hops 10
           a = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "x")])])
           b = Service(handlers: [(takes: Fixed("1ms"), emits: [(event: "x")])])
           a -> b
           b -> a"#,
    );
    run.fire("a", 1);
    assert_eq!(run.until("1h"), Stopped::Quiet);
    assert_eq!(run.count(|what| matches!(what, What::Handled { .. })), 11);
    assert_eq!(run.count(|what| reason_of(what) == Some(Reason::HopLimit)), 1);
    assert_eq!(run.fold.totals().open(), 0);
}

#[test]
fn s38_every_record_has_its_parent_and_its_root() {
    let mut run = Run::new(
        r#"p = Producer(emits: "order", rate: Poisson("20/s"), stops_after: 50, key: Uniform(4))
           bus = Bus
           s = Service(handlers: [(takes: Exponential(mean: "5ms"), fails: 0.2, emits: [
               (event: "paid", count: 2),
               (event: "late", chance: 0.5, after: Fixed("1s")),
           ])])
           t = Service(handlers: [(on: "paid", takes: Fixed("2ms"), emits: [(event: "sent")])])
           c = Consumer(takes: Fixed("1ms"))
           p -> bus
           s -> bus
           t -> bus
           bus -> s 1ms (topics: ["order"], deliveries: 50)
           bus -> t 1ms (topics: ["paid", "late"])
           bus -> c 1ms"#,
    );
    run.until("10m");
    let mut parent = BTreeMap::new();
    let mut handled: BTreeSet<(u32, EventId)> = BTreeSet::new();
    for record in run.records() {
        match record.what {
            What::Emitted { event, cause: Some(cause), hops, .. } => {
                parent.insert(event, cause);
                assert!((1..=2).contains(&hops));
            }
            What::Handled { node, event, .. } => drop(handled.insert((node.0, event))),
            _ => {}
        }
    }
    // Children of a record are what was emitted while it was handled, and only if that went well.
    let (s, t) = (run.node("s").0, run.node("t").0);
    let children = |of: EventId, by: u32| parent.iter().filter(|(c, p)| **p == of && c.origin().0 == by).count();
    for number in 0..50 {
        let order = run.event(&format!("p#{number}"));
        assert!(handled.contains(&(s, order)));
        assert!((2..=3).contains(&children(order, s)), "two payments, perhaps a late one");
        assert_eq!(children(order, t), 0);
    }
    let paid: Vec<EventId> = parent.keys().copied().filter(|event| event.origin().0 == s).collect();
    let sent = paid.iter().filter(|event| children(**event, t) == 1).count();
    assert_eq!(sent, 100, "each payment is sent on once, the late ones never");
    // Where did each record go: all is settled, nothing is out of sight.
    assert_eq!(run.fold.totals().open(), 0);
    assert_eq!(run.fold.publishes().on_wire, 0);
    for event in parent.keys() {
        let keys = (run.kept.keys.get(event), run.kept.keys.get(&parent[event]));
        assert_eq!(keys.0, keys.1, "an effect has its cause's key");
    }
}

#[test]
fn s39_a_filter_that_breaks_gives_the_record_up_and_nothing_else_suffers() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           dlq = DeadLetterQueue
           picky = Consumer(takes: Fixed("1ms"))
           calm = Consumer(takes: Fixed("1ms"))
           p -> bus
           bus -> picky (filter: "100 / event.data.by > 10", dead_letters: "dlq")
           bus -> calm"#,
    );
    for by in [1, 0, 5, 50, 0, 2] {
        run.fire_with("p", 1, None, Some(json!({ "by": by })));
    }
    run.until("1m");
    assert_eq!(run.summary("calm"), "received 6 handled 6 acked 6");
    assert_eq!(run.summary("picky"), "received 3 handled 3 acked 3");
    let decode = run.count(|what| matches!(what, What::DeadLettered { reason: Reason::Decode, attempts: 0, .. }));
    assert_eq!((decode, run.summary("dlq").as_str()), (2, "buried 2"));
    let picky = run.fold.figures(run.sub("bus->picky"));
    assert_eq!((picky.obligations, picky.acked, picky.dead_lettered), (5, 3, 2), "a match, or unreadable: owed");
}

#[test]
fn s39_an_emit_that_breaks_fails_the_handling_and_the_node_survives() {
    for field in [
        "data: ".to_owned() + r#""{ \"share\": 100 / event.data.by }""#,
        r#"when: "100 / event.data.by > 0""#.to_owned(),
        r#"key: Of("100 / event.data.by")"#.to_owned(),
    ] {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: ByHand)
               bus = Bus
               dlq = DeadLetterQueue
               s = Service(handlers: [(on: "a", takes: Fixed("1ms"), emits: [(event: "b", {field})])])
               c = Consumer(takes: Fixed("0s"))
               p -> bus
               s -> bus
               bus -> s (topics: ["a"], deliveries: 2, backoff: Fixed("10ms"), dead_letters: "dlq")
               bus -> c (topics: ["b"], filter: "event.data != 12345")"#
        ));
        for by in [1, 0, 5] {
            run.fire_with("p", 1, None, Some(json!({ "by": by })));
        }
        run.until("1m");
        let failed = run.count(|what| matches!(what, What::Failed { reason: Reason::Decode, .. }));
        assert!(failed >= 1, "{field}: {}", run.story("failed handled emitted"));
        assert_eq!(run.summary("dlq"), "buried 1", "{field}");
        assert_eq!(run.summary("c"), "received 2 handled 2 acked 2", "{field}");
        let poison = run.event("p#1");
        let children = run.count(|what| matches!(what, What::Emitted { cause: Some(cause), .. } if *cause == poison));
        assert_eq!(children, 0, "{field}: what failed emits nothing");
    }
}

#[test]
fn s40_a_drain_stops_the_sources_and_finishes_the_rest() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"))
           q = Producer(emits: "a", rate: Poisson("10/s"))
           bus = Bus
           s = Service(concurrency: 3, handlers: [(on: "a", takes: Fixed("200ms"), fails: 0.2, emits: [(event: "b")])])
           c = Consumer(takes: Fixed("10ms"))
           p -> bus
           q -> bus
           s -> bus
           bus -> s (topics: ["a"])
           bus -> c (topics: ["b"])"#,
    );
    run.until("3s");
    run.drain();
    assert_eq!(run.until("1h"), Stopped::Quiet);
    let drained = run.records().find(|record| matches!(record.what, What::Draining)).expect("it is told").at;
    assert_eq!(drained.as_secs_f64(), 3.0);
    for record in run.records() {
        if let What::Emitted { cause: None, .. } = record.what {
            assert!(record.at <= drained, "a source went on at {}", record.at);
        }
    }
    assert_eq!(run.fold.totals().open(), 0);
    assert_eq!(run.fold.publishes().on_wire, 0);
}

#[test]
fn s40_what_is_open_at_the_end_is_reported_item_by_item() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1s"), fails: 0.0)
           bad = Consumer(takes: Fixed("1s"), fails: 1.0)
           p -> bus
           bus -> c (prefetch: 2)
           bus -> bad (prefetch: 1, backoff: Fixed("1h"))"#,
    );
    run.fire("p", 5);
    run.until("2.5s");
    run.drain();
    run.until("2.5s");
    // `c` has settled two, holds two, one waits; `bad` has failed two, which wait for an hour, holds one, two wait.
    let open: BTreeSet<String> = run
        .fold
        .open()
        .iter()
        .map(|(sub, event, one)| {
            let state = format!("{:?}", one.state);
            let state = state.split('(').next().expect("a word").to_owned();
            format!("{} #{} {state}", run.plan().sub_label(*sub), event.number())
        })
        .collect();
    let expected = [
        "bus->c #2 InFlight",
        "bus->c #3 InFlight",
        "bus->c #4 Queued",
        "bus->bad #0 Delayed",
        "bus->bad #1 Delayed",
        "bus->bad #2 InFlight",
        "bus->bad #3 Queued",
        "bus->bad #4 Queued",
    ];
    assert_eq!(open, expected.map(str::to_owned).into());
}
