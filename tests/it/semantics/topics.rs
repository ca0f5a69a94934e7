//! S13 by bytes, S14, S15: what a topic's log lets go of.

use std::collections::BTreeMap;

use eventloom::model::{EventId, SimTime};
use eventloom::trace::{Removal, What};
use proptest::prelude::*;

use crate::support::Run;
use crate::support::flow::{add_link, kind, node_id};
use eventloom::model::{Node, Point};

fn add_consumer(run: &mut Run, id: &str, settings: &str) {
    run.edit(|flow| {
        let node = kind(r#"Consumer(takes: Fixed("0s"))"#);
        flow.add_node(node_id(id), Node::new(Point(0, 0), node)).expect("a new id");
        add_link(flow, "bus", &format!("{id} {settings}"));
    });
}

/// The numbers of the events that a node handled, in order.
fn handled(run: &Run, node: &str) -> Vec<u64> {
    let node = run.node(node);
    let of_node = |record: &eventloom::trace::Record<'_>| match record.what {
        What::Handled { node: of, event, .. } if of == node => Some(event.number()),
        _ => None,
    };
    run.records().filter_map(of_node).collect()
}

// ---- S13 ----------------------------------------------------------------------------------------------------------

#[test]
fn s13_by_bytes_the_oldest_go_until_the_rest_fits_and_the_newest_stays() {
    let mut run = Run::new(
        r#"event small (size: "100 B")
           event large (size: "5 kB")
           p = Producer(emits: "small", rate: Constant("10/s"), stops_after: 30)
           q = Producer(emits: "large", rate: ByHand)
           bus = Bus(topics: {"t": (keep_bytes: "1 kB")})
           slow = Consumer(takes: Fixed("10s"))
           p -> bus (topic: "t")
           q -> bus (topic: "t")
           bus -> slow (prefetch: 1, ack_wait: "1h")"#,
    );
    run.until("5s");
    let topic = run.plan().topics_of(run.node("bus")).next().expect("a topic");
    assert_eq!(run.fold.logs.kept(topic).len(), 10, "a thousand bytes of a hundred each");
    assert_eq!(run.kernel.kept(topic), [10]);
    let lost = run.count(|what| matches!(what, What::Evicted { .. }));
    let skipped = run.records().map(|record| match record.what {
        What::OutOfRange { skipped, .. } => skipped,
        _ => 0,
    });
    assert_eq!((lost, skipped.sum::<u64>()), (19, 19), "the first is in hand, the last ten are kept");
    run.fire("q", 1);
    run.until("6s");
    assert_eq!(run.kernel.kept(topic), [1], "one that is larger than the limit is kept alone");
    run.until("1h");
    assert_eq!(run.fold.totals().open(), 0);
}

// ---- S14 ----------------------------------------------------------------------------------------------------------

/// A compacted topic that a button writes to, with a reader that is always up to date.
fn prices(settings: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "price", rate: ByHand)
           bus = Bus(topics: {{"price": (compact: ({settings}))}})
           c = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c"#
    ))
}

fn set(run: &mut Run, key: &str, value: impl Into<serde_json::Value>) {
    run.fire_with("p", 1, Some(key), Some(value.into()));
}

#[test]
fn s14_of_each_key_the_last_stays_where_it_was_and_a_late_reader_gets_only_that() {
    let mut run = prices(r#"every: "10s""#);
    for (key, value) in [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3), ("b", 2)] {
        set(&mut run, key, value);
    }
    run.until("9s");
    add_consumer(&mut run, "early", "(from: Start)");
    run.until("10s");
    add_consumer(&mut run, "late", "(from: Start)");
    run.until("20s");
    run.tells(
        "removed",
        "10s bus removed p#0 at price/0@0 superseded
         10s bus removed p#2 at price/0@2 superseded
         10s bus removed p#1 at price/0@1 superseded",
    );
    assert_eq!(handled(&run, "early"), [0, 1, 2, 3, 4, 5]);
    assert_eq!(handled(&run, "late"), [3, 4, 5], "the offsets and the order of what is left");
    let topic = run.plan().topics_of(run.node("bus")).next().expect("a topic");
    assert_eq!(run.fold.logs.kept(topic).into_iter().collect::<Vec<_>>(), [(0, 3), (0, 4), (0, 5)]);
    assert_eq!(run.kernel.kept(topic), [3]);
}

#[test]
fn s14_a_deletion_stays_for_its_grace_so_that_whoever_reads_sees_it() {
    let mut run = prices(r#"every: "1s", keep_deletes: "60s""#);
    set(&mut run, "a", 1);
    set(&mut run, "b", 1);
    run.until("5s");
    set(&mut run, "a", serde_json::Value::Null);
    run.until("64s");
    add_consumer(&mut run, "within", "(from: Start)");
    run.until("65s");
    add_consumer(&mut run, "beyond", "(from: Start)");
    run.until("2m");
    run.tells(
        "removed",
        "6s bus removed p#0 at price/0@0 superseded
         1m5s bus removed p#2 at price/0@2 deleted",
    );
    assert_eq!(handled(&run, "within"), [1, 2]);
    assert_eq!(handled(&run, "beyond"), [1]);
}

#[test]
fn s14_a_key_that_comes_back_is_not_deleted_and_data_that_nobody_gave_delete_nothing() {
    let mut run = prices(r#"every: "1s", keep_deletes: "5s""#);
    run.fire_key("p", "a");
    run.until("2s");
    set(&mut run, "b", serde_json::Value::Null);
    run.until("3s");
    set(&mut run, "b", 2);
    run.until("1m");
    run.tells("removed", "4s bus removed p#1 at price/0@1 superseded");
    assert_eq!(run.fold.logs.last_of_keys().len(), 2);
}

#[test]
fn s14_what_a_laggard_has_not_read_is_lost_to_it_and_counted() {
    let mut run = Run::new(
        r#"p = Producer(emits: "price", rate: ByHand, key: Cycle(2))
           bus = Bus(topics: {"price": (compact: (every: "1s"))})
           slow = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> slow (prefetch: 1, ack_wait: "1h")"#,
    );
    run.fire("p", 6);
    run.until("1m");
    run.tells(
        "removed evicted",
        "1s bus removed p#0 at price/0@0 superseded
         1s bus removed p#1 at price/0@1 superseded
         1s bus->slow evicted p#1 from queued
         1s bus removed p#2 at price/0@2 superseded
         1s bus->slow evicted p#2 from queued
         1s bus removed p#3 at price/0@3 superseded
         1s bus->slow evicted p#3 from queued",
    );
    assert_eq!(handled(&run, "slow"), [0, 4, 5], "the first was in its hands; of each key the last is left");
    let figures = run.fold.figures(run.sub("bus->slow"));
    assert_eq!((figures.obligations, figures.acked, figures.retention_lost), (6, 3, 3));
}

#[test]
fn s14_a_record_without_a_key_is_refused() {
    let mut run = prices("");
    run.fire("p", 1);
    run.until("1s");
    run.tells("accepted rejected", "0s bus rejected p#0 no_key");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 80, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever folds what is left has what whoever folds everything has, once deletions are over; what is left stands in
    /// its order at its offsets.
    #[test]
    fn s14_the_fold_of_what_is_left_is_the_fold_of_all(
        writes in prop::collection::vec((0_u64..3_000, 0_u8..5, prop::option::of(0_u32..9)), 1..60),
    ) {
        let mut run = prices(r#"every: "2s", keep_deletes: "4s""#);
        let mut now = 0;
        let mut full: BTreeMap<String, (u64, Option<u32>)> = BTreeMap::new();
        for (number, (pause, key, value)) in writes.iter().enumerate() {
            now += pause;
            run.until(&format!("{now}ms"));
            let key = format!("k{key}");
            set(&mut run, &key, value.map_or(serde_json::Value::Null, serde_json::Value::from));
            full.insert(key, (number as u64, *value));
        }
        // A reader that begins now, within the grace of the last deletions, and one that begins when all is clean.
        run.until(&format!("{}ms", now + 1));
        add_consumer(&mut run, "reader", "(from: Start)");
        run.until(&format!("{}ms", now + 20_000));
        add_consumer(&mut run, "late", "(from: Start)");
        run.until(&format!("{}ms", now + 40_000));
        let fold = |numbers: &[u64]| {
            let mut state: BTreeMap<String, u32> = BTreeMap::new();
            for number in numbers {
                let (_, key, value) = &writes[*number as usize];
                match value {
                    Some(value) => state.insert(format!("k{key}"), *value),
                    None => state.remove(&format!("k{key}")),
                };
            }
            state
        };
        let all: Vec<u64> = (0..writes.len() as u64).collect();
        for reader in ["reader", "late"] {
            let read = handled(&run, reader);
            prop_assert!(read.is_sorted(), "{:?}", read);
            prop_assert_eq!(fold(&read), fold(&all), "{}", reader);
        }
        // When all is clean, exactly the last of each key that was not deleted is left.
        let left: Vec<u64> = handled(&run, "late");
        let mut last: Vec<u64> = full.values().filter(|(_, value)| value.is_some()).map(|(number, _)| *number).collect();
        last.sort_unstable();
        prop_assert_eq!(left, last);
    }
}

#[test]
fn s14_what_was_replaced_in_the_hands_of_a_member_is_lost_with_it() {
    let mut run = Run::new(
        r#"p = Producer(emits: "price", rate: ByHand)
           bus = Bus(topics: {"price": (compact: (every: "1s"))})
           c = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> c (prefetch: 1, order: Strict, ack_wait: "1h")
           fault dies (at: "2s", for: "1s", on: Node("c"), kind: Crash)"#,
    );
    run.until("0s");
    run.fire_with("p", 1, Some("a"), None);
    run.fire_with("p", 1, Some("a"), None);
    run.until("1m");
    run.tells(
        "removed evicted order-gap",
        "1s bus removed p#0 at price/0@0 superseded
         2s bus->c evicted p#0 from in-flight
         2s bus->c order-gap p#0",
    );
    assert_eq!(handled(&run, "c"), [1]);
}

// ---- S15 ----------------------------------------------------------------------------------------------------------

#[test]
fn s15_a_work_queue_lets_go_with_the_first_ack_and_the_other_reader_loses_it() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (retention: WorkQueue)})
           fast = Consumer(takes: Fixed("1s"))
           slow = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> fast
           bus -> slow (prefetch: 1, ack_wait: "1h")"#,
    );
    run.fire("p", 3);
    run.until("1m");
    run.tells(
        "removed evicted",
        "1s bus removed p#0 at a/0@0 consumed
         2s bus removed p#1 at a/0@1 consumed
         2s bus->slow evicted p#1 from queued
         3s bus removed p#2 at a/0@2 consumed
         3s bus->slow evicted p#2 from queued",
    );
    assert_eq!((handled(&run, "fast"), handled(&run, "slow")), (vec![0, 1, 2], vec![0]), "what is in hand stays there");
    let topic = run.plan().topics_of(run.node("bus")).next().expect("a topic");
    assert_eq!(run.kernel.kept(topic), [0]);
}

#[test]
fn s15_a_work_queue_keeps_what_nobody_took_for_whoever_comes_and_forgets_what_was_given_up() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (retention: WorkQueue)})
           never = Consumer(takes: Fixed("0s"), fails: 1.0)
           p -> bus
           bus -> never (filter: "event.number == 1", deliveries: 2, backoff: None)"#,
    );
    run.fire("p", 3);
    run.until("10s");
    run.tells("removed", "0s bus removed p#1 at a/0@1 consumed");
    add_consumer(&mut run, "worker", "(from: Start)");
    run.until("20s");
    assert_eq!(handled(&run, "worker"), [0, 2]);
    assert_eq!(run.count(|what| matches!(what, What::Removed { why: Removal::Consumed, .. })), 3);
}

#[test]
fn s15_interest_ends_with_the_last_of_all_who_subscribe_now() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           q = Producer(emits: "nobody", rate: ByHand)
           bus = Bus(topics: {"a": (retention: Interest, keep: "1h"), "nobody": (retention: Interest)})
           fast = Consumer(takes: Fixed("1s"))
           slow = Consumer(takes: Fixed("10s"))
           p -> bus
           q -> bus
           bus -> fast (topics: ["a"])
           bus -> slow (topics: ["a"], prefetch: 1, ack_wait: "1h")"#,
    );
    run.fire("p", 3);
    run.fire("q", 1);
    run.until("25s");
    run.tells(
        "removed",
        "0s bus removed q#0 at nobody/0@0 consumed
         10s bus removed p#0 at a/0@0 consumed
         20s bus removed p#1 at a/0@1 consumed",
    );
    // Who is not there any more is not waited for.
    run.remove_node("slow");
    run.until("30s");
    run.tells("purged", "25s bus->slow purged p#2 from in-flight");
    assert_eq!(run.count(|what| matches!(what, What::Removed { .. })), 4, "{}", run.story("removed"));
}

#[test]
fn s15_limits_still_apply_and_what_nobody_had_read_is_counted() {
    for retention in ["WorkQueue", "Interest"] {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 20)
               bus = Bus(topics: {{"a": (retention: {retention}, keep_records: 5)}})
               slow = Consumer(takes: Fixed("10s"))
               p -> bus
               bus -> slow (prefetch: 1, ack_wait: "1h")"#
        ));
        run.until("10m");
        let figures = run.fold.figures(run.sub("bus->slow"));
        assert_eq!((figures.obligations, figures.acked, figures.retention_lost), (20, 6, 14), "{retention}");
        let went: Vec<EventId> = removed(&run).into_iter().map(|(_, event)| event).collect();
        assert_eq!(went.len(), 5, "{retention}: what was kept goes with its ack, the first had gone by the limit");
    }
}

fn removed(run: &Run) -> Vec<(SimTime, EventId)> {
    let removed = run.records().filter_map(|record| match record.what {
        What::Removed { event, .. } => Some((record.at, event)),
        _ => None,
    });
    removed.collect()
}
