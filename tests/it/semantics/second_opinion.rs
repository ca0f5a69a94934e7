//! What an independent model of the bus would not believe: each of these was wrong once.

use eventloom::kernel::Stopped;
use eventloom::model::{FaultKind, FaultTarget, LinkKind, NodeKind, SimDuration, StartAt};
use eventloom::trace::{Phase, What};

use crate::support::Run;
use crate::support::flow::node_id;

fn started(run: &Run) -> Vec<String> {
    run.story("started").lines().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect()
}

fn set_ack_wait(run: &mut Run, seconds: u64) {
    run.edit(|flow| {
        let id = flow.links().keys().find(|id| id.as_str() == "bus->c").expect("a link").clone();
        let mut link = flow.link(&id).expect("a link").clone();
        if let LinkKind::Subscribe(subscription) = &mut link.kind {
            subscription.ack_wait = SimDuration::from_secs(seconds);
        }
        flow.set_link(&id, link).expect("a setting");
    });
}

#[test]
fn s16_a_late_ack_of_what_waits_for_its_next_attempt_makes_room() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("5ms"), concurrency: 2, rate_limit: (rate: "100/s", burst: 1, over: Retry))
           p -> bus
           bus -> c (prefetch: 1, backoff: Fixed("10s"), queue: (records: 1, bytes: "1 MiB", when_full: Block))
           fault a (for: "500us", on: Link("bus->c"), kind: Duplicate())"#,
    );
    // One copy is handed back at once and waits ten seconds; the other is handled, and settles it.
    run.until("0s");
    run.fire("p", 1);
    run.until("1ms");
    run.fire("p", 1);
    run.until("2ms");
    assert_eq!(run.count(|what| matches!(what, What::Blocked { .. })), 1);
    run.until("60s");
    assert_eq!(run.count(|what| matches!(what, What::Unblocked { .. })), 1);
    assert_eq!(run.fold.totals().acked, 2);
}

#[test]
fn s11_what_comes_back_together_is_owed_what_somebody_else_had_to_get() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("0s"))
           d = Consumer(takes: Fixed("0s"))
           e = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c
           bus -> d
           bus -> e"#,
    );
    let begin = run.flow.clone();
    run.until("1ms");
    run.remove_node("d");
    run.remove_node("e");
    run.until("2ms");
    run.fire("p", 1);
    run.until("3ms");
    // Nothing keeps the log: what everybody who was there has settled is gone, for both of them.
    run.become_flow(begin);
    run.until("1s");
    assert_eq!(run.count(|what| matches!(what, What::Opened { .. })), 1);
}

#[test]
fn s05_an_edit_to_a_shorter_ack_wait_holds_for_what_is_handed_over_next() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("20s"), concurrency: 4)
           p -> bus
           bus -> c (ack_wait: "15s")"#,
    );
    run.until("0s");
    run.fire("p", 1);
    run.until("1s");
    set_ack_wait(&mut run, 2);
    run.until("2s");
    run.fire("p", 1);
    run.until("5s");
    run.tells("retrying", "4s bus->c retrying p#1 try 1 ack_timeout until 4s");
}

#[test]
fn s13_an_edit_to_a_shorter_retention_holds_for_what_the_log_has() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> c (prefetch: 1)"#,
    );
    run.until("0s");
    run.fire("p", 2);
    run.until("500ms");
    run.edit(|flow| {
        let mut bus = flow.node(&node_id("bus")).expect("a bus").clone();
        if let NodeKind::Bus(bus) = &mut bus.kind {
            bus.topics.values_mut().for_each(|topic| topic.keep = Some(SimDuration::from_secs(1)));
        }
        flow.set_node(&node_id("bus"), bus).expect("a setting");
    });
    run.until("999ms");
    assert_eq!(run.count(|what| matches!(what, What::Evicted { .. })), 0);
    run.until("1s");
    assert_eq!(run.count(|what| matches!(what, What::Evicted { .. })), 1);
}

#[test]
fn s36_tokens_come_with_time_also_while_a_node_stands_still() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("0s"), rate_limit: (rate: "20/s", burst: 1, over: Queue))
           p -> bus
           bus -> c
           fault stands (at: "10ms", for: "20ms", on: Node("c"), kind: Pause)"#,
    );
    run.until("0s");
    run.fire("p", 2);
    run.until("1s");
    assert_eq!(started(&run), ["0s", "50ms"]);
}

#[test]
fn s36_a_function_that_crashes_while_it_stands_still_gets_instances_again() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           f = Function(handlers: [(takes: Fixed("4s"))], instances: 2, cold_start: Fixed("0s"), scale_out: 1)
           p -> bus
           bus -> f (ack_wait: "60s")"#,
    );
    run.until("0s");
    run.fire("p", 2);
    run.until("1s");
    let on = FaultTarget::Node(node_id("f"));
    run.break_it(&on, FaultKind::Pause, Some(SimDuration::from_secs(5)));
    run.until("2s");
    run.break_it(&on, FaultKind::Crash, Some(SimDuration::from_secs(1)));
    run.until("120s");
    assert_eq!(run.fold.totals().acked, 2);
    assert_eq!(started(&run)[..2], ["0s", "10s"]);
}

#[test]
fn s13_what_the_log_let_go_of_is_lost_with_the_member_that_had_it() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1s")})
           c = Consumer(takes: Fixed("10s"))
           p -> bus
           bus -> c
           fault dies (at: "2s", for: "1s", on: Node("c"), kind: Crash)"#,
    );
    run.until("0s");
    run.fire("p", 1);
    run.until("60s");
    let deliveries = run.count(|what| matches!(what, What::Delivered { .. }));
    let lost = run.count(|what| matches!(what, What::Evicted { from: Phase::InFlight, .. }));
    assert_eq!((deliveries, lost, run.fold.totals().queued), (1, 1, 0));
}

#[test]
fn s06_what_was_given_up_on_its_way_takes_its_place_until_it_is_answered_for() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c (prefetch: 1, ack_wait: "1s", deliveries: 1)
           fault late (for: "500ms", on: Link("bus->c"), kind: Delay(by: Fixed("10s")))"#,
    );
    run.until("0s");
    run.fire("p", 1);
    run.until("2s");
    run.fire("p", 1);
    run.until("60s");
    assert_eq!(started(&run), ["10s", "10s"]);
}

#[test]
fn s36_a_producer_that_stands_still_emits_nothing_when_it_is_let_in() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("100/s"), stops_after: 4)
           bus = Bus
           c = Consumer(takes: Fixed("100ms"))
           p -> bus
           bus -> c (prefetch: 1, queue: (records: 1, bytes: "1 MiB", when_full: Block))
           fault stands (at: "50ms", for: "1s", on: Node("p"), kind: Pause)"#,
    );
    // The third is blocked until 100 ms, and the fourth was due meanwhile.
    run.until("1s");
    assert_eq!(run.count(|what| matches!(what, What::Unblocked { .. })), 1);
    assert_eq!(run.count(|what| matches!(what, What::Emitted { .. })), 3);
    run.until("10s");
    assert!(run.story("emitted").ends_with("1.05s p emitted p#3"), "{}", run.story("emitted"));
}

#[test]
fn s16_a_ring_through_one_partition_of_a_group_is_named() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           s = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "b", count: 4)])], concurrency: 1)
           t = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "b", count: 4)])], concurrency: 1)
           p -> bus
           s -> bus
           t -> bus
           bus -> s (group: "g", share: Partition, prefetch: 1, ack_wait: "1h", queue: (records: 1, bytes: "1 MiB", when_full: Block))
           bus -> t (group: "g", share: Partition, prefetch: 1, ack_wait: "1h", queue: (records: 1, bytes: "1 MiB", when_full: Block))"#,
    );
    run.until("0s");
    run.fire("p", 1);
    // Topic b has one partition: its owner emits what it has to take itself, and the other member has nothing to do.
    assert_eq!(run.until("2h"), Stopped::Stuck);
    assert_eq!(run.count(|what| matches!(what, What::Deadlocked { .. })), 1, "{}", run.story("deadlocked"));
}

#[test]
fn s05_a_shorter_ack_wait_holds_also_after_acks_that_are_awaited_by_the_longer_one() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("20s"), concurrency: 4)
           p -> bus
           bus -> c (ack_wait: "15s", deliveries: 1)"#,
    );
    run.until("0s");
    run.fire("p", 1);
    run.until("1s");
    set_ack_wait(&mut run, 2);
    // One waits by the earlier rule; two by the new one, the second when the first has been given up.
    run.fire("p", 1);
    run.until("5s");
    run.fire("p", 1);
    run.until("60s");
    run.tells(
        "dropped",
        "3s bus->c dropped p#1 max_deliver after 1 from in-flight
         7s bus->c dropped p#2 max_deliver after 1 from in-flight
         15s bus->c dropped p#0 max_deliver after 1 from in-flight",
    );
}

#[test]
fn s16_a_call_that_pushes_out_the_oldest_leaves_the_rest_and_lets_in_who_waits() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           q = Producer(emits: "b", rate: ByHand)
           bus = Bus
           s = Service(handlers: [(takes: Fixed("10s"))], concurrency: 1)
           a = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "x")])], concurrency: 8)
           b = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "y")])], concurrency: 8)
           p -> bus
           q -> bus
           bus -> a (topics: ["a"])
           bus -> b (topics: ["b"])
           a -> s (queue: (records: 3, bytes: "1 MiB", when_full: DropOldest))
           b -> s (queue: (records: 1, bytes: "1 MiB", when_full: Block))"#,
    );
    run.until("0s");
    run.fire("p", 3);
    run.until("1s");
    run.fire("q", 1);
    run.until("2s");
    // One is handled, two wait, and b is blocked. A third finds room.
    run.fire("p", 1);
    run.until("3s");
    assert_eq!(run.count(|what| matches!(what, What::Dropped { .. })), 0);
    run.until("100s");
    assert_eq!(run.count(|what| matches!(what, What::Unblocked { .. })), 1);
}

#[test]
fn s08_what_the_cleaner_takes_lets_the_next_of_its_key_go() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (compact: (every: "1s"))})
           c = Consumer(takes: Fixed("0s"), fails: 1.0)
           p -> bus
           bus -> c (order: Strict, deliveries: 2, backoff: Fixed("100s"))"#,
    );
    run.until("0s");
    run.fire_key("p", "k");
    run.fire_key("p", "k");
    run.until("2s");
    run.tells(
        "delivered",
        "0s bus->c delivered p#0 to c try 1
         1s bus->c delivered p#1 to c try 1",
    );
}

#[test]
fn s12_what_is_read_again_keeps_quiet_also_in_a_strict_order() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           s = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "b")])])
           p -> bus
           s -> bus
           bus -> s (topics: ["a"], order: Strict)"#,
    );
    run.until("0s");
    run.fire("p", 1);
    run.until("1s");
    run.seek("bus->s", StartAt::Start);
    run.until("2s");
    assert_eq!(run.count(|what| matches!(what, What::Handled { .. })), 2);
    assert_eq!(run.count(|what| matches!(what, What::Muted { .. })), 1);
    assert_eq!(run.count(|what| matches!(what, What::Emitted { .. })), 2);
}
