//! S4: the same message within the window of its topic is stored once.

use eventloom::trace::What;
use proptest::prelude::*;

use crate::support::Run;

/// A button whose events have a message id of their own making: what is fired with the same data is the same message.
fn by_data(window: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {{"a": (dedup: (window: "{window}", id: "event.data.id"))}})
           c = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c"#
    ))
}

fn fire(run: &mut Run, id: &str) {
    run.fire_with("p", 1, None, Some(serde_json::json!({ "id": id })));
}

#[test]
fn s04_a_duplicate_gets_the_place_of_the_first_and_the_window_is_half_open() {
    let mut run = by_data("10s");
    run.until("1s");
    fire(&mut run, "x");
    run.until("5s");
    fire(&mut run, "x");
    fire(&mut run, "y");
    run.until("10.999999999s");
    fire(&mut run, "x");
    run.until("11s");
    fire(&mut run, "x");
    run.until("20s");
    fire(&mut run, "x");
    run.until("1m");
    run.tells(
        "accepted deduped",
        "1s bus accepted p#0 at a/0@0
         5s bus deduped p#1 as p#0 at a/0@0
         5s bus accepted p#2 at a/0@1
         10.999999999s bus deduped p#3 as p#0 at a/0@0
         11s bus accepted p#4 at a/0@2
         20s bus deduped p#5 as p#4 at a/0@2",
    );
    let publishes = run.fold.publishes();
    assert_eq!((publishes.attempts, publishes.accepted, publishes.deduped), (6, 3, 3));
    assert_eq!(run.summary("c"), "received 3 handled 3 acked 3");
}

#[test]
fn s04_what_a_link_brings_twice_is_known_by_the_id_of_the_event() {
    let twice = |topics: &str| {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 20)
               bus = Bus({topics})
               c = Consumer(takes: Fixed("0s"))
               p -> bus 5ms
               bus -> c
               fault twice (at: "0s", on: Link("p->bus"), kind: Duplicate(chance: 1.0))"#
        ));
        run.until("10s");
        (run.fold.publishes().accepted, run.fold.publishes().deduped, run.summary("c"))
    };
    assert_eq!(twice(""), (40, 0, "received 40 handled 40 acked 40".to_owned()));
    assert_eq!(twice(r#"topics: {"a": (dedup: ())}"#), (20, 20, "received 20 handled 20 acked 20".to_owned()));
}

#[test]
fn s04_it_is_remembered_after_the_record_is_gone_and_before_a_full_queue() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (retention: WorkQueue, dedup: (window: "5m", id: "event.data"))})
           slow = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> slow (prefetch: 1, queue: (records: 1, when_full: Block))"#,
    );
    for data in [1, 2, 3, 2, 3] {
        run.fire_with("p", 1, None, Some(data.into()));
    }
    // The third waits for room; the fourth is known and need not; the fifth is not known yet, and waits too.
    run.until("1s");
    run.tells(
        "deduped blocked",
        "0s p blocked p#2 before bus->slow\n0s bus deduped p#3 as p#1 at a/0@1\n0s p blocked p#4 before bus->slow",
    );
    run.until("2m");
    run.fire_with("p", 1, None, Some(1.into()));
    run.until("3m");
    assert_eq!(run.fold.publishes().deduped, 3, "{}", run.story("deduped"));
    assert_eq!(run.fold.publishes().on_wire, 0);
    assert_eq!(run.summary("slow"), "received 3 handled 3 acked 3");
}

#[test]
fn s04_an_id_that_makes_no_sense_refuses_the_publish() {
    let mut run = by_data("1m");
    run.fire_with("p", 1, None, Some(serde_json::json!(7)));
    run.until("1s");
    run.tells("accepted rejected", "0s bus rejected p#0 decode");
}

#[test]
fn s04_an_edit_of_the_window_counts_from_then_on() {
    let mut run = by_data("10s");
    fire(&mut run, "x");
    run.until("6s");
    set_window(&mut run, "5s");
    fire(&mut run, "x");
    run.until("12s");
    // What was beyond the old window is not known by the new one.
    set_window(&mut run, "1h");
    fire(&mut run, "x");
    run.until("30s");
    fire(&mut run, "x");
    run.until("31s");
    run.tells(
        "accepted deduped",
        "0s bus accepted p#0 at a/0@0
         6s bus accepted p#1 at a/0@1
         12s bus accepted p#2 at a/0@2
         30s bus deduped p#3 as p#2 at a/0@2",
    );
}

fn set_window(run: &mut Run, window: &str) {
    run.edit(|flow| {
        let id = crate::support::flow::node_id("bus");
        let mut node = flow.node(&id).expect("a bus").clone();
        if let eventloom::model::NodeKind::Bus(bus) = &mut node.kind {
            let topic = bus.topics.values_mut().next().expect("a topic");
            topic.dedup.as_mut().expect("a window").window = window.parse().expect(window);
        }
        flow.set_node(&id, node).expect("a setting");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Ids are distinct within any window of the log, and nothing else is turned away: recounted by hand.
    #[test]
    fn s04_ids_are_distinct_within_any_window(fired in prop::collection::vec((0_u64..4_000, 0_u8..4), 1..40)) {
        let mut run = by_data("3s");
        let mut stored: Vec<(u64, u8)> = Vec::new();
        let (mut now, mut duplicates) = (0, 0);
        for (pause, id) in fired {
            now += pause;
            run.until(&format!("{now}ms"));
            fire(&mut run, &id.to_string());
            let is_known = stored.iter().any(|(at, known)| *known == id && now < at + 3_000);
            if is_known { duplicates += 1 } else { stored.push((now, id)) }
        }
        run.until(&format!("{}ms", now + 1));
        let accepted = run.count(|what| matches!(what, What::Accepted { .. }));
        let deduped = run.count(|what| matches!(what, What::Deduped { .. }));
        prop_assert_eq!((accepted, deduped), (stored.len(), duplicates));
    }
}
