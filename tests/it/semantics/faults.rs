//! S36, S11, S1: what breaks on purpose, what that loses and what it does not, and that nothing else is touched.

use eventloom::model::{FaultKind, FaultTarget, LinkId, SimDuration};
use eventloom::trace::{Leg, Stage, What};

use crate::support::Run;
use crate::support::flow::{flow, node_id};

/// Ten events a second for a second, through a bus to one consumer, with a scenario.
fn run(settings: &str, consumer: &str, faults: &str) -> Run {
    let rows = format!(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 10)
           bus = Bus
           c = Consumer({consumer})
           p -> bus 1ms
           bus -> c 1ms ({settings})
           {faults}"#
    );
    Run::new(&rows)
}

fn count(run: &Run, fits: impl Fn(&What<'_>) -> bool) -> usize {
    run.count(fits)
}

#[test]
fn s36_a_fault_with_no_chance_leaves_no_trace() {
    let plain = |faults: &str| {
        let mut run = run("", r#"takes: Exponential(mean: "50ms"), fails: 0.2"#, faults);
        run.until("60s");
        run
    };
    let without = plain("");
    let with = plain(
        r#"fault a (on: Link("p->bus"), kind: Drop(chance: 0.0))
           fault b (at: "1s", for: "1s", on: Links(["bus->c"]), kind: Reorder(within: "1s", chance: 0.0))"#,
    );
    assert_eq!(without.hash.value(), with.hash.value());
    assert_eq!(without.kept.records, with.kept.records);
}

#[test]
fn s36_links_that_no_fault_is_about_are_as_before() {
    let rows = |faults: &str| {
        let part = |name: &str| {
            format!(
                r#"{name}-p = Producer(emits: "{name}", rate: Poisson("40/s"), stops_after: 200)
                   {name}-bus = Bus
                   {name}-c = Consumer(takes: Exponential(mean: "10ms"), fails: 0.1)
                   {name}-p -> {name}-bus 1ms
                   {name}-bus -> {name}-c 1ms (ack_wait: "1s")
                "#
            )
        };
        format!("{}{}{faults}", part("mine"), part("yours"))
    };
    let play = |faults: &str| {
        let mut run = Run::of(flow(&rows(faults)), 7);
        run.until("60s");
        let lines = run.records().map(|record| run.line(record));
        lines.filter(|line| line.split(' ').nth(1).is_some_and(|who| who.starts_with("mine"))).collect::<Vec<_>>()
    };
    let still = play("");
    let broken = play(
        r#"fault a (on: Link("yours-p->yours-bus"), kind: Drop(chance: 0.5))
           fault b (on: Link("yours-bus->yours-c"), kind: Duplicate(chance: 0.5))
           fault c (at: "1s", for: "1s", on: Node("yours-c"), kind: Crash)"#,
    );
    assert!(still.len() > 800);
    assert_eq!(still, broken);
}

#[test]
fn s36_a_link_loses_publishes_and_deliveries_and_acks() {
    let mut lost = run("", r#"takes: Fixed("1ms")"#, r#"fault a (on: Link("p->bus"), kind: Drop(chance: 0.5))"#);
    lost.until("60s");
    let publishes = lost.fold.publishes();
    assert!(publishes.link_lost > 0 && publishes.accepted > 0, "{publishes:?}");
    assert_eq!(publishes.link_lost + publishes.accepted, 10);
    assert_eq!(lost.fold.totals().acked, publishes.accepted);

    // Whatever is lost towards the consumer, or on its way back, comes again when its ack is overdue.
    let mut again = run(
        r#"ack_wait: "200ms", deliveries: 50"#,
        r#"takes: Fixed("1ms")"#,
        r#"fault a (for: "3s", on: Link("bus->c"), kind: Drop(chance: 0.5))"#,
    );
    again.until("60s");
    assert_eq!(again.fold.totals().acked, 10);
    let legs = |leg: Leg| count(&again, |what| matches!(what, What::LinkLost { leg: of, .. } if *of == leg));
    assert!(legs(Leg::Deliver) > 0 && legs(Leg::Answer) > 0);
    assert!(again.fold.redeliveries() > 0);

    // At most once there is nothing to wait for.
    let mut once = run(
        "guarantee: AtMostOnce, prefetch: 1",
        r#"takes: Fixed("1ms")"#,
        r#"fault a (on: Link("bus->c"), kind: Drop())"#,
    );
    once.until("60s");
    assert_eq!((once.fold.totals().acked, once.summary("c").as_str()), (10, "acked 10"));
}

#[test]
fn s36_a_link_brings_twice_what_a_fault_says() {
    let mut twice = run("", r#"takes: Fixed("1ms")"#, r#"fault a (on: Link("bus->c"), kind: Duplicate())"#);
    twice.until("60s");
    assert_eq!(twice.summary("c"), "received 20 handled 20 acked 10");
    assert_eq!(count(&twice, |what| matches!(what, What::Stale { .. })), 10);

    let mut stored = run("", r#"takes: Fixed("1ms")"#, r#"fault a (on: Link("p->bus"), kind: Duplicate())"#);
    stored.until("60s");
    assert_eq!(stored.fold.publishes().accepted, 20);
    assert_eq!(stored.fold.totals().acked, 20);
}

#[test]
fn s36_what_is_held_up_is_overtaken() {
    let mut late = run("", "", r#"fault a (for: "450ms", on: Link("p->bus"), kind: Delay(by: Fixed("1s")))"#);
    late.until("60s");
    let order = |run: &Run| -> Vec<u64> {
        let accepted = run.records().filter_map(|record| match record.what {
            What::Accepted { event, .. } => Some(event.number()),
            _ => None,
        });
        accepted.collect()
    };
    assert_eq!(order(&late), [4, 5, 6, 7, 8, 9, 0, 1, 2, 3]);

    let mut mixed = run("", "", r#"fault a (on: Link("p->bus"), kind: Reorder(within: "1s", chance: 1.0))"#);
    mixed.until("60s");
    let mut sorted = order(&mixed);
    assert_ne!(sorted, (0..10).collect::<Vec<_>>());
    sorted.sort_unstable();
    assert_eq!(sorted, (0..10).collect::<Vec<_>>(), "nothing is lost");
}

#[test]
fn s11_a_crash_loses_what_was_in_memory_and_the_bus_hands_it_over_again() {
    let mut crashed = run(
        r#"ack_wait: "30s", prefetch: 4"#,
        r#"takes: Fixed("300ms")"#,
        r#"fault dies (at: "450ms", for: "2s", on: Node("c"), kind: Crash)"#,
    );
    crashed.until("60s");
    let stage = |of: Stage| count(&crashed, |what| matches!(what, What::LostInCrash { stage, .. } if *stage == of));
    // Handled since 402 ms: the second; the third and fourth wait at the door.
    assert_eq!((stage(Stage::Handling), stage(Stage::Waiting)), (1, 2));
    assert_eq!(count(&crashed, |what| matches!(what, What::Queued { taken_back: true, .. })), 3);
    let early = |record: &&eventloom::trace::Record<'_>| {
        matches!(record.what, What::Started { .. }) && (450..2450).contains(&(record.at.as_nanos() / 1_000_000))
    };
    assert_eq!(crashed.records().filter(early).count(), 0, "nothing begins while it is gone");
    assert_eq!(crashed.fold.totals().acked, 10);
    assert_eq!(crashed.summary("c"), "received 13 handled 10 acked 10");
}

#[test]
fn s01_a_crash_loses_for_good_what_was_settled_at_hand_over() {
    let mut crashed = run(
        "guarantee: AtMostOnce, prefetch: 4",
        r#"takes: Fixed("300ms")"#,
        r#"fault dies (at: "450ms", for: "2s", on: Node("c"), kind: Crash)"#,
    );
    crashed.until("60s");
    assert_eq!(count(&crashed, |what| matches!(what, What::LostInCrash { lost: true, .. })), 3);
    assert_eq!(crashed.fold.totals().acked, 10);
    assert_eq!(crashed.summary("c"), "received 10 handled 7 acked 10");
}

#[test]
fn s27_what_a_crashed_service_would_have_emitted_never_comes() {
    let rows = r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 3)
        bus = Bus
        s = Service(concurrency: 3, handlers: [(on: "a", takes: Fixed("1s"), emits: [(event: "b")])])
        c = Consumer
        p -> bus
        bus -> s (topics: ["a"])
        s -> bus
        bus -> c (topics: ["b"])
        fault dies (at: "500ms", for: "100ms", on: Node("s"), kind: Crash)"#;
    let mut run = Run::new(rows);
    run.until("30s");
    // Each came once, from the attempt after the crash.
    assert_eq!(run.summary("s"), "emitted 3 received 6 handled 3 acked 3");
    let emitted = run.records().find(|record| matches!(record.what, What::Emitted { cause: Some(_), .. }));
    assert_eq!(emitted.expect("it emits").at.as_nanos(), 1_600_000_000);
}

#[test]
fn s36_a_crashed_producer_does_not_catch_up() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"))
           bus = Bus
           p -> bus
           fault dies (at: "1050ms", for: "3s", on: Node("p"), kind: Crash)"#,
    );
    run.until("5s");
    assert_eq!(run.summary("p"), "emitted 19");
}

#[test]
fn s36_a_crashed_bus_refuses_and_keeps_its_log() {
    let mut crashed = run(
        r#"ack_wait: "1s""#,
        r#"takes: Fixed("150ms")"#,
        r#"fault dies (at: "450ms", for: "300ms", on: Node("bus"), kind: Crash)"#,
    );
    crashed.until("60s");
    let publishes = crashed.fold.publishes();
    assert_eq!((publishes.accepted, publishes.rejected), (7, 3));
    assert_eq!(crashed.fold.totals().acked, 7, "what was accepted stays");
    assert!(count(&crashed, |what| matches!(what, What::LinkLost { leg: Leg::Answer, .. })) > 0);
}

#[test]
fn s36_a_pause_loses_nothing_and_work_goes_on_where_it_stood() {
    for node in ["c", "bus", "p"] {
        let fault = format!(r#"fault stop (at: "450ms", for: "2s", on: Node("{node}"), kind: Pause)"#);
        let mut paused = run("", r#"takes: Fixed("80ms")"#, &fault);
        paused.until("60s");
        assert_eq!(paused.summary("c"), "received 10 handled 10 acked 10", "{node}");
        assert_eq!(paused.fold.publishes().accepted, 10);
    }
    let mut paused =
        run("", r#"takes: Fixed("80ms")"#, r#"fault stop (at: "450ms", for: "2s", on: Node("c"), kind: Pause)"#);
    paused.until("60s");
    let handled: Vec<u64> = paused
        .records()
        .filter(|record| matches!(record.what, What::Handled { .. }))
        .map(|record| record.at.as_nanos() / 1_000_000)
        .collect();
    assert_eq!(handled[..5], [182, 282, 382, 2482, 2562], "the fourth had 48 ms behind it");

    // Ack waits go on meanwhile: the bus knows nothing of it.
    let mut overdue = run(
        r#"ack_wait: "500ms""#,
        r#"takes: Fixed("80ms")"#,
        r#"fault stop (at: "450ms", for: "2s", on: Node("c"), kind: Pause)"#,
    );
    overdue.until("60s");
    assert!(overdue.fold.redeliveries() > 0);
    assert_eq!(overdue.fold.totals().acked, 10);
}

#[test]
fn s36_a_slow_node_takes_longer_and_a_wrong_clock_says_so() {
    let mut slow =
        run("", r#"takes: Fixed("10ms")"#, r#"fault tired (at: "450ms", on: Node("c"), kind: Slow(by: "5x"))"#);
    slow.until("60s");
    let took: Vec<u64> = slow
        .records()
        .filter_map(|record| match record.what {
            What::Handled { service, .. } => Some(service.as_nanos() / 1_000_000),
            _ => None,
        })
        .collect();
    assert_eq!(took, [10, 10, 10, 10, 50, 50, 50, 50, 50, 50]);

    // What a filter sees of an event is what the clock said.
    let mut skewed = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 10)
           bus = Bus
           c = Consumer
           p -> bus 1ms
           bus -> c 1ms (filter: "event.time < 2000000000")
           fault wrong (at: "450ms", on: Node("p"), kind: ClockSkew(by: "1h"))"#,
    );
    skewed.until("60s");
    assert_eq!(count(&skewed, |what| matches!(what, What::Skewed { .. })), 6);
    assert_eq!(skewed.summary("c"), "received 4 handled 4 acked 4");
}

#[test]
fn s36_a_partition_cuts_a_node_off_both_ways() {
    let mut cut = run(
        r#"ack_wait: "300ms", deliveries: 50"#,
        r#"takes: Fixed("1ms")"#,
        r#"fault cut (at: "450ms", for: "5s", on: Node("c"), kind: Partition)"#,
    );
    cut.until("5s");
    assert_eq!(cut.summary("c"), "received 4 handled 4 acked 4");
    cut.until("60s");
    assert_eq!(cut.fold.totals().acked, 10);

    let mut cut = run("", "", r#"fault cut (at: "450ms", for: "300ms", on: Node("bus"), kind: Partition)"#);
    cut.until("60s");
    assert_eq!(cut.fold.publishes().link_lost, 3);
}

#[test]
fn s10_partitions_of_a_crashed_member_go_to_others_and_come_back() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("100/s"), key: Uniform(20), stops_after: 500)
           bus = Bus(topics: {"a": (partitions: 6)})
           c1 = Consumer(takes: Fixed("5ms"))
           c2 = Consumer(takes: Fixed("5ms"))
           p -> bus
           bus -> c1 1ms (group: "g", share: Partition)
           bus -> c2 1ms (group: "g", share: Partition)
           fault dies (at: "1s", for: "2s", on: Node("c1"), kind: Crash)"#,
    );
    run.until("60s");
    let generations = count(&run, |what| matches!(what, What::Rebalanced { .. }));
    assert_eq!(generations, 3, "at the start, without it, with it again");
    assert_eq!(run.fold.totals().acked, 500);
}

#[test]
fn s36_a_hand_breaks_and_heals() {
    let link = FaultTarget::Link(LinkId::new("p->bus").expect("an id"));
    let mut by_hand = run("", r#"takes: Fixed("1ms")"#, "");
    by_hand.until("450ms");
    by_hand.break_it(&link, FaultKind::Partition, None);
    by_hand.until("750ms");
    by_hand.heal(&link);
    by_hand.until("60s");
    assert_eq!(by_hand.fold.publishes().link_lost, 3);

    let node = FaultTarget::Node(node_id("c"));
    let mut by_hand = run("", r#"takes: Fixed("1ms")"#, r#"fault dies (at: "150ms", on: Node("c"), kind: Crash)"#);
    by_hand.until("450ms");
    assert_eq!(by_hand.kernel.faults_now().count(), 1);
    by_hand.heal(&node);
    by_hand.until("500ms");
    assert_eq!(by_hand.kernel.faults_now().count(), 0, "what the scenario broke can be healed too");
    by_hand.break_it(&node, FaultKind::Pause, Some(SimDuration::from_secs(1)));
    by_hand.until("60s");
    assert_eq!(by_hand.summary("c"), "received 10 handled 10 acked 10");
}

#[test]
fn s36_a_failed_call_is_tried_again_when_its_callee_is_back() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 10)
           bus = Bus
           s = Service(handlers: [(on: "a", takes: Fixed("1ms"), emits: [(event: "b")])])
           t = Service(handlers: [(on: "b", takes: Fixed("150ms"))])
           p -> bus
           bus -> s
           s -> t 1ms (deliveries: 20, backoff: Fixed("100ms"))
           fault dies (at: "450ms", for: "1s", on: Node("t"), kind: Crash)"#,
    );
    run.until("60s");
    assert!(count(&run, |what| matches!(what, What::LostInCrash { .. })) > 3);
    assert_eq!(run.fold.figures(run.sub("t")).acked, 10);
}
