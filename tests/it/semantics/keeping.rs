//! S28, S30, S31: what is kept: versions, snapshots and views that can be rebuilt; and what a commit promises.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::kernel::StoreNow;
use eventloom::model::EventId;
use eventloom::trace::{Kept, What};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::Run;

fn store(run: &Run, node: &str) -> StoreNow {
    run.kernel.store_now(run.node(node), usize::MAX).expect("a store")
}

/// The state of each key, as JSON text.
fn rows(run: &Run, node: &str) -> Vec<String> {
    let row = |row: &eventloom::kernel::StoreRow| format!("{}@{} {}", row.key, row.version, row.state);
    store(run, node).rows.iter().map(row).collect()
}

fn kept(run: &Run, fits: impl Fn(&Kept<'_>) -> bool) -> usize {
    run.count(|what| matches!(what, What::Kept { what, .. } if fits(what)))
}

// ---- S30: event stores --------------------------------------------------------------------------------------------

fn accounts(store: &str, link: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           s = Store(keeps: Events, {store})
           p -> bus
           bus -> s ({link})"#
    ))
}

#[test]
fn s30_of_appends_at_one_version_one_wins_and_the_others_are_told() {
    let mut run = accounts(r#"takes: Fixed("10ms"), concurrency: 8, expects: AsRead"#, "deliveries: 1");
    for _ in 0..4 {
        run.fire_key("p", "k");
    }
    run.fire_key("p", "other");
    run.until("1s");
    run.tells(
        "appended conflict failed dropped",
        "10ms s appended p#0 k@1
         10ms s conflict p#1 expected 0 found 1
         10ms s failed p#1 try 1 version_conflict
         10ms bus->s dropped p#1 version_conflict after 1 from in-flight
         10ms s conflict p#2 expected 0 found 1
         10ms s failed p#2 try 1 version_conflict
         10ms bus->s dropped p#2 version_conflict after 1 from in-flight
         10ms s conflict p#3 expected 0 found 1
         10ms s failed p#3 try 1 version_conflict
         10ms bus->s dropped p#3 version_conflict after 1 from in-flight
         10ms s appended p#4 other@1",
    );
}

#[test]
fn s30_a_conflict_is_tried_again_with_a_fresh_version() {
    let mut run = accounts(r#"takes: Fixed("10ms"), concurrency: 8, expects: AsRead"#, "deliveries: 9, backoff: None");
    for _ in 0..5 {
        run.fire_key("p", "k");
    }
    run.until("1s");
    assert_eq!(rows(&run, "s"), ["k@5 {}"]);
    // Five, then four, … begin at one version each.
    assert_eq!(kept(&run, |what| matches!(what, Kept::Conflict { .. })), 4 + 3 + 2 + 1);
    assert_eq!(store(&run, "s").conflicts, 10);
}

#[test]
fn s30_an_event_may_say_which_version_it_expects() {
    let mut run = accounts(
        r#"takes: Fixed("1ms"), expects: Version("event.data.version")"#,
        r#"deliveries: 3, backoff: Fixed("10ms")"#,
    );
    // The first is too early, and has come to fit when it is tried again; the last never does.
    for data in [json!({ "version": 1 }), json!({ "version": 0 }), json!({ "version": 7 })] {
        run.fire_with("p", 1, Some("k"), Some(data));
    }
    run.until("1s");
    // What says nothing is behind whatever is there.
    run.fire_with("p", 1, Some("k"), Some(json!({})));
    run.until("2s");
    let stream = run.kernel.stream(run.node("s"), "k");
    let stream: Vec<u64> = stream.iter().map(|(event, _)| event.number()).collect();
    assert_eq!(stream, [1, 0, 3]);
    run.tells("dropped", "25ms bus->s dropped p#2 version_conflict after 3 from in-flight");
}

#[test]
fn s30_the_same_event_is_appended_once() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           s = Store(keeps: Events, takes: Fixed("1ms"))
           p -> bus
           bus -> s (ack_wait: "5ms")
           fault twice (on: Link("p->bus"), kind: Duplicate(chance: 1.0))
           fault deaf (for: "20ms", on: Link("bus->s"), kind: Delay(by: Fixed("3ms"), chance: 1.0))"#,
    );
    run.until("1ms");
    run.fire_key("p", "k");
    run.until("1s");
    assert_eq!(rows(&run, "s"), ["k@1 {}"]);
    assert!(kept(&run, |what| matches!(what, Kept::Repeated)) >= 1);
}

#[test]
fn s30_snapshots_and_what_came_after_them_are_the_whole() {
    let play = |snapshots: &str, fault: &str| {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: Constant("100/s"), stops_after: 50, key: Cycle(3),
                            data: "{{ \"n\": event.number }}")
               bus = Bus
               s = Store(keeps: Events, takes: Fixed("1ms"), {snapshots}
                         fold: "{{ \"sum\": (state.sum ?? 0) * 3 + event.data.n }}")
               p -> bus
               bus -> s
               {fault}"#
        ));
        run.until("10s");
        run
    };
    let plain = play("", "");
    let crash = r#"fault dies (at: "273ms", for: "100ms", on: Node("s"), kind: Crash)"#;
    let (full, quick) = (play("", crash), play("snapshot_every: 4,", crash));
    let replayed = |run: &Run| {
        run.records().find_map(|record| match record.what {
            What::Kept { what: Kept::Recovered { keys, replayed }, .. } => Some((keys, replayed)),
            _ => None,
        })
    };
    // 27 events by then, 9 a stream: all of them, or the ninth of each.
    assert_eq!(replayed(&full), Some((3, 27)));
    assert_eq!(replayed(&quick), Some((3, 3)));
    let hash = store(&plain, "s").hash;
    assert_eq!(store(&full, "s").hash, hash);
    assert_eq!(store(&quick, "s").hash, hash);
    assert_eq!(store(&quick, "s").events, 50);
}

#[test]
fn s30_another_fold_is_worked_out_from_the_first_event_on() {
    let mut run = accounts(r#"takes: Fixed("0s"), state: [(name: "n", is: Count)]"#, "");
    for amount in [5, 7] {
        run.fire_with("p", 1, Some("k"), Some(json!({ "amount": amount })));
    }
    run.until("1s");
    assert_eq!(rows(&run, "s"), [r#"k@2 {"n":2}"#]);
    run.edit(|flow| {
        let id = crate::support::flow::node_id("s");
        let mut node = flow.node(&id).expect("the store").clone();
        node.kind = crate::support::flow::kind(
            r#"Store(keeps: Events, takes: Fixed("0s"), state: [(name: "n", is: Count), (name: "sum", is: Sum("event.number"))])"#,
        );
        flow.set_node(&id, node).expect("the same kind");
    });
    run.until("2s");
    assert_eq!(rows(&run, "s"), [r#"k@2 {"n":2,"sum":1}"#]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// What a reader of the trace can work out alone: an append is made if and only if nobody appended since it was begun.
    #[test]
    fn s30_appends_and_conflicts_are_what_the_order_of_beginnings_and_ends_says(
        keys in 1_u32..4,
        hands in 1_u32..8,
        mean in 1_u32..30,
        deliveries in 1_u32..6,
        snapshots in 1_u32..5,
        seed in 0_u64..1_000,
    ) {
        let rows = format!(
            r#"p = Producer(emits: "a", rate: Poisson("300/s"), stops_after: 120, key: Uniform({keys}))
               bus = Bus
               s = Store(keeps: Events, takes: Exponential(mean: "{mean}ms"), concurrency: {hands}, expects: AsRead,
                         snapshot_every: {snapshots})
               p -> bus
               bus -> s (deliveries: {deliveries}, backoff: Fixed("3ms"))
               fault dies (at: "200ms", for: "50ms", on: Node("s"), kind: Crash)"#
        );
        let mut run = Run::of(crate::support::flow::flow(&rows), seed);
        run.until("600s");
        let mut versions: BTreeMap<String, u64> = BTreeMap::new();
        let mut read: BTreeMap<EventId, u64> = BTreeMap::new();
        for record in run.records() {
            match record.what {
                What::Started { event, .. } => {
                    read.insert(event, versions.get(&run.kept.keys[&event]).copied().unwrap_or(0));
                }
                What::Kept { event: Some(event), what: Kept::Appended { version, .. }, .. } => {
                    let now = versions.entry(run.kept.keys[&event].clone()).or_default();
                    prop_assert_eq!(read[&event], *now);
                    *now += 1;
                    prop_assert_eq!(version, *now);
                }
                What::Kept { event: Some(event), what: Kept::Conflict { expected, found }, .. } => {
                    prop_assert_eq!(expected, read[&event]);
                    prop_assert_eq!(found, versions[&run.kept.keys[&event]]);
                    prop_assert_ne!(expected, found);
                }
                _ => {}
            }
        }
        let told: BTreeMap<String, u64> =
            store(&run, "s").rows.iter().map(|row| (row.key.to_string(), row.version)).collect();
        prop_assert_eq!(told, versions);
    }
}

// ---- S31: views ---------------------------------------------------------------------------------------------------

fn view(store: &str, topic: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {{"a": ({topic})}})
           v = Store(takes: Fixed("0s"), {store})
           p -> bus
           bus -> v"#
    ))
}

#[test]
fn s31_a_view_is_what_its_events_add_up_to() {
    let mut run = view(
        r#"state: [
            (name: "count", is: Count),
            (name: "sum", is: Sum("event.data.amount")),
            (name: "least", is: Min("event.data.amount")),
            (name: "most", is: Max("event.data.amount")),
            (name: "first", is: First("event.data.who")),
            (name: "last", is: Last("event.data.who")),
        ]"#,
        "",
    );
    let tell = |run: &mut Run, key: &str, data: Value| run.fire_with("p", 1, Some(key), Some(data));
    tell(&mut run, "x", json!({ "amount": 0.1, "who": "ann" }));
    tell(&mut run, "x", json!({ "amount": 0.2, "who": "bob" }));
    tell(&mut run, "y", json!({ "amount": -4 }));
    tell(&mut run, "x", json!({ "amount": "many", "who": null }));
    run.until("1s");
    assert_eq!(
        rows(&run, "v"),
        [
            // Exactly: no 0.30000000000000004.
            r#"x@3 {"count":3,"first":"ann","last":"bob","least":0.1,"most":0.2,"sum":0.3}"#,
            r#"y@1 {"count":1,"first":null,"last":null,"least":-4,"most":-4,"sum":-4}"#,
        ]
    );
}

#[test]
fn s31_a_view_has_rows_of_its_own_key_and_a_fold_of_its_own() {
    let mut run = view(
        r#"key: "event.data.city", fold: "{ \"seen\": (state.seen ?? 0) + 1, \"was\": state.now, \"now\": event.data.t }""#,
        "",
    );
    for (city, t) in [("rome", 20), ("oslo", 3), ("rome", 25)] {
        run.fire_with("p", 1, None, Some(json!({ "city": city, "t": t })));
    }
    run.until("1s");
    assert_eq!(rows(&run, "v"), [r#"oslo@1 {"now":3,"seen":1,"was":null}"#, r#"rome@2 {"now":25,"seen":2,"was":20}"#]);
}

#[test]
fn s31_what_a_view_can_make_nothing_of_is_given_up_and_changes_nothing() {
    let mut run = view(r#"fold: "{ \"sum\": (state.sum ?? 0) + event.data.n }""#, "");
    for n in [json!(1), json!({}), json!(2)] {
        run.fire_with("p", 1, Some("k"), Some(json!({ "n": n })));
    }
    run.until("100s");
    assert_eq!(rows(&run, "v"), [r#"k@2 {"sum":3}"#]);
    assert_eq!(run.count(|what| matches!(what, What::Dropped { .. })), 1);
}

#[test]
fn s31_a_view_is_rebuilt_only_where_the_log_has_all_that_it_took() {
    let mut kept = view(r#"state: [(name: "n", is: Count)]"#, r#"keep: "1h""#);
    let mut short = view(r#"state: [(name: "n", is: Count)]"#, "keep_records: 2");
    let mut settled = view(r#"state: [(name: "n", is: Count)]"#, "");
    for run in [&mut kept, &mut short, &mut settled] {
        for at in 1..6 {
            run.fire_key("p", "k");
            run.until(&format!("{at}ms"));
        }
        run.until("1s");
        run.rebuild("v");
        run.until("2s");
        assert_eq!(rows(run, "v"), [r#"k@5 {"n":5}"#], "whatever came of it");
    }
    kept.tells("rebuilt not_rebuilt", "1s v rebuilt of 5 the same");
    short.tells("rebuilt not_rebuilt", "1s v not_rebuilt missing 3");
    settled.tells("rebuilt not_rebuilt", "1s v not_rebuilt missing 5");
}

#[test]
fn s31_a_view_is_rebuilt_with_another_fold_when_its_settings_change() {
    let mut run = view(r#"state: [(name: "n", is: Count)]"#, r#"keep: "1h""#);
    for _ in 0..3 {
        run.fire_key("p", "k");
    }
    run.until("1s");
    run.edit(|flow| {
        let id = crate::support::flow::node_id("v");
        let mut node = flow.node(&id).expect("the view").clone();
        node.kind = crate::support::flow::kind(
            r#"Store(takes: Fixed("0s"), state: [(name: "latest", is: Last("event.number"))])"#,
        );
        flow.set_node(&id, node).expect("the same kind");
    });
    run.until("2s");
    assert_eq!(rows(&run, "v"), [r#"k@3 {"latest":2}"#]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever was lost, doubled, late, out of order or tried again on the way: rebuilt from the log, a view is the same;
    /// and it is what a reader of the log works out without it.
    #[test]
    fn s31_a_rebuilt_view_is_the_live_one(
        partitions in 1_u32..4,
        keys in 1_u32..5,
        hands in 1_u32..4,
        fails in 0_u32..40,
        chance in 1_u32..60,
        members in 1_u32..3,
        seed in 0_u64..1_000,
    ) {
        let state = r#"state: [(name: "n", is: Count), (name: "sum", is: Sum("event.data.x")),
                               (name: "last", is: Last("event.data.x")), (name: "first", is: First("event.number"))]"#;
        let view = format!(
            r#"Store(takes: Exponential(mean: "5ms"), concurrency: {hands}, fails: {}, {state})"#,
            f64::from(fails) / 100.0
        );
        let group = if members > 1 { r#"group: "views", "# } else { "" };
        let rows = format!(
            r#"p = Producer(emits: "a", rate: Poisson("200/s"), stops_after: 150, key: Uniform({keys}),
                            data: "{{ \"x\": random(1, 100) * 0.1 }}")
               bus = Bus(topics: {{"a": (partitions: {partitions}, keep: "1h")}})
               v = {view}
               w = {view}
               p -> bus 1ms
               bus -> v 1ms ({group}deliveries: 60, ack_wait: "40ms", backoff: Fixed("2ms"))
               bus -> w 1ms ({group}deliveries: 60, ack_wait: "40ms", backoff: Fixed("2ms"))
               fault doubles (for: "600ms", on: Links(["p->bus", "bus->v"]), kind: Duplicate(chance: {c}))
               fault loses (for: "600ms", on: Links(["bus->v", "bus->w"]), kind: Drop(chance: {c}))
               fault mixes (for: "600ms", on: Link("bus->v"), kind: Reorder(within: "80ms", chance: {c}))
               fault dies (at: "200ms", for: "70ms", on: Node("v"), kind: Crash)"#,
            c = f64::from(chance) / 100.0,
        );
        let mut run = Run::of(crate::support::flow::flow(&rows), seed);
        run.quickly("60s");
        let before = [store_rows(&run, "v"), store_rows(&run, "w")];
        run.rebuild("v");
        run.rebuild("w");
        run.quickly("61s");
        let rebuilt = kept(&run, |what| matches!(what, Kept::Rebuilt { hash, was, .. } if hash == was));
        prop_assert_eq!(rebuilt, 2);
        prop_assert_eq!(&before, &[store_rows(&run, "v"), store_rows(&run, "w")]);
        // Every record of the log that was acked counts once, and no other. Members of a group each have a state of their
        // own: what one took and could not acknowledge, another takes too.
        if members == 1 {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for record in run.records() {
                if let What::Acked { event, node, .. } = record.what
                    && node == run.node("v")
                {
                    *counts.entry(run.kept.keys[&event].clone()).or_default() += 1;
                }
            }
            let count = |row: &eventloom::kernel::StoreRow| row.state["n"].as_u64().expect("a count");
            let told: BTreeMap<String, u64> =
                store(&run, "v").rows.iter().map(|row| (row.key.to_string(), count(row))).collect();
            prop_assert_eq!(told, counts);
        }
    }
}

fn store_rows(run: &Run, node: &str) -> Vec<eventloom::kernel::StoreRow> {
    store(run, node).rows
}

// ---- S28: outbox --------------------------------------------------------------------------------------------------

fn ordering(commits: &str, more: &str, seed: u64) -> Run {
    let rows = format!(
        r#"p = Producer(emits: "order", rate: ByHand)
           in = Bus
           svc = Service(commits: {commits}, handlers: [(on: "order", takes: Fixed("4ms"), emits: [(event: "placed")])])
           out = Bus
           c = Consumer(takes: Fixed("0s"))
           p -> in
           in -> svc (ack_wait: "200ms", deliveries: 20, backoff: Fixed("5ms"))
           svc -> out 2ms
           out -> c
           {more}"#
    );
    Run::of(crate::support::flow::flow(&rows), seed)
}

#[test]
fn s28_a_relay_publishes_what_was_committed_in_that_order() {
    let mut run = ordering(r#"Outbox(every: "10ms", marks: "1ms")"#, "", 1);
    run.fire("p", 2);
    run.until("1s");
    run.tells(
        "committed relayed accepted marked",
        "0s in accepted p#0 at order/0@0
         0s in accepted p#1 at order/0@1
         4ms svc committed p#0 with 1
         8ms svc committed p#1 with 1
         10ms svc relayed svc#0 attempt 1
         12ms out accepted svc#0 at placed/0@0
         13ms svc marked svc#0
         13ms svc relayed svc#1 attempt 1
         15ms out accepted svc#1 at placed/0@1
         16ms svc marked svc#1",
    );
}

#[test]
fn s28_a_relay_publishes_no_more_than_a_batch_at_a_look() {
    let mut run = ordering(r#"Outbox(every: "50ms", batch: 2, marks: "0s")"#, "", 1);
    run.fire("p", 5);
    run.until("1s");
    let at: Vec<String> = run
        .records()
        .filter(|record| matches!(record.what, What::Kept { what: Kept::Relayed { .. }, .. }))
        .map(|record| record.at.since(eventloom::model::SimTime::ZERO).to_string())
        .collect();
    assert_eq!(at, ["50ms", "52ms", "100ms", "102ms", "150ms"]);
}

/// Commits and publishes of a run: what was committed, in order, and what the bus took, in order, each as often as it did.
fn told(run: &Run) -> (Vec<EventId>, Vec<EventId>) {
    let (svc, out) = (run.node("svc"), run.node("out"));
    let (mut committed, mut published) = (Vec::new(), Vec::new());
    for record in run.records() {
        match record.what {
            What::Emitted { event, .. } if event.origin() == svc => committed.push(event),
            What::Accepted { node, event, .. } if node == out => published.push(event),
            _ => {}
        }
    }
    (committed, published)
}

#[test]
fn s28_a_crash_at_any_instant_loses_nothing_that_was_committed() {
    let mut repeated = 0;
    for instant in 0..80 {
        for lasts in [1, 17] {
            let fault = format!(r#"fault dies (at: "{instant}ms", for: "{lasts}ms", on: Node("svc"), kind: Crash)"#);
            let mut run = ordering(r#"Outbox(every: "10ms", marks: "1ms")"#, &fault, 1);
            run.fire("p", 3);
            run.until("10s");
            let (committed, published) = told(&run);
            assert!(committed.len() >= 3, "every order is handled in the end");
            let firsts: Vec<EventId> = in_order_of_first(&published);
            assert_eq!(firsts, committed, "crash at {instant}ms: all of it, nothing else, in the order of the commits");
            repeated += published.len() - firsts.len();
            let now = run.kernel.outbox_now(run.node("svc")).expect("an outbox");
            assert_eq!((now.waiting, now.committed), (0, committed.len() as u64));
        }
    }
    assert!(repeated > 0, "some crash falls between publish and mark, and is seen as an event that comes twice");
}

fn in_order_of_first(events: &[EventId]) -> Vec<EventId> {
    let mut seen = BTreeSet::new();
    events.iter().copied().filter(|event| seen.insert(*event)).collect()
}

#[test]
fn s28_without_an_outbox_a_crash_between_two_writes_loses_the_event() {
    for (instant, lost) in [(3, 0), (4, 0), (5, 1), (8, 1), (9, 1), (10, 0), (20, 0)] {
        let fault = format!(r#"fault dies (at: "{instant}ms", for: "30ms", on: Node("svc"), kind: Crash)"#);
        let mut run = ordering(r#"DualWrite(gap: "5ms")"#, &fault, 1);
        run.fire("p", 1);
        run.until("10s");
        let (committed, published) = told(&run);
        let unpublished = kept(&run, |what| matches!(what, Kept::Unpublished));
        let missing = committed.iter().filter(|event| !published.contains(event)).count();
        // A fault comes before what ends at its instant: at 4ms the commit, at 9ms the publish.
        assert_eq!((unpublished, missing), (lost, lost), "crash at {instant}ms");
    }
}

#[test]
fn s28_what_is_aborted_tells_nothing() {
    let rows = r#"p = Producer(emits: "order", rate: Constant("100/s"), stops_after: 60)
           in = Bus
           svc = Service(commits: Outbox(every: "10ms"),
                         handlers: [(on: "order", takes: Fixed("4ms"), fails: 0.5, emits: [(event: "placed")])])
           out = Bus
           c = Consumer(takes: Fixed("0s"))
           p -> in
           in -> svc (deliveries: 1)
           svc -> out 2ms
           out -> c"#;
    let mut run = Run::new(rows);
    run.until("60s");
    let failed: BTreeSet<EventId> = run
        .records()
        .filter_map(|record| match record.what {
            What::Failed { event, .. } => Some(event),
            _ => None,
        })
        .collect();
    assert!(failed.len() > 15 && failed.len() < 45);
    for record in run.records() {
        if let What::Emitted { cause: Some(cause), .. } = record.what {
            assert!(!failed.contains(&cause), "an aborted handling told of itself");
        }
    }
    let (committed, published) = told(&run);
    assert_eq!((committed.len(), published), (60 - failed.len(), committed));
}

#[test]
fn s28_a_service_that_stands_still_goes_on_with_its_outbox() {
    for instant in 0..40 {
        let fault = format!(r#"fault stands (at: "{instant}ms", for: "30ms", on: Node("svc"), kind: Pause)"#);
        let mut run = ordering(r#"Outbox(every: "10ms", marks: "1ms")"#, &fault, 1);
        run.fire("p", 3);
        run.until("10s");
        let (committed, published) = told(&run);
        assert_eq!((committed.len(), in_order_of_first(&published)), (3, committed.clone()), "pause at {instant}ms");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Links lose, double and hold up, the bus and the service crash: committed if and only if published, and in order.
    #[test]
    fn s28_committed_is_published_and_published_is_committed(
        every in 5_u32..60,
        batch in 1_u32..5,
        marks in 0_u32..10,
        chance in 0_u32..50,
        crashes in prop::collection::vec((0_u32..900, 1_u32..90, prop::bool::ANY), 0..4),
        seed in 0_u64..1_000,
    ) {
        let mut faults = format!(
            "fault loses (for: \"900ms\", on: Link(\"svc->out\"), kind: Drop(chance: {c}))
             fault doubles (for: \"900ms\", on: Link(\"svc->out\"), kind: Duplicate(chance: {c}))\n",
            c = f64::from(chance) / 100.0
        );
        for (number, (at, lasts, of_bus)) in crashes.iter().enumerate() {
            let node = if *of_bus { "out" } else { "svc" };
            let crash = format!("fault c{number} (at: \"{at}ms\", for: \"{lasts}ms\", on: Node(\"{node}\"), kind: Crash)\n");
            faults.push_str(&crash);
        }
        let commits = format!(r#"Outbox(every: "{every}ms", batch: {batch}, marks: "{marks}ms")"#);
        let mut run = ordering(&commits, &faults, seed);
        for at in 0..12 {
            run.fire("p", 1 + at % 3);
            run.quickly(&format!("{}ms", 60 * at));
        }
        run.quickly("60s");
        let (committed, published) = told(&run);
        prop_assert!(!committed.is_empty());
        prop_assert_eq!(in_order_of_first(&published), committed);
    }
}
