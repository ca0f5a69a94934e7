//! S8 (strict), S17, S18, S19: what waits in a subscription, in which order it is handed over, and for how long.

use std::collections::BTreeMap;

use eventloom::kernel::Stopped;
use eventloom::model::{EventId, SimDuration, SimTime};
use eventloom::trace::{Reason, What};

use crate::support::Run;
use crate::support::run::reason_of;

/// A producer by hand, a bus and a consumer, with these settings.
fn line(consumer: &str, subscription: &str, more: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer({consumer})
           dlq = DeadLetterQueue
           p -> bus
           bus -> c ({subscription})
           {more}"#
    ))
}

fn fire_keys(run: &mut Run, keys: &[&str]) {
    for key in keys {
        run.fire_key("p", key);
    }
}

// ---- S8: strict order ---------------------------------------------------------------------------------------------

#[test]
fn s08_strict_order_holds_the_next_of_a_key_until_the_one_before_is_settled() {
    let mut run = line(r#"takes: Fixed("10ms"), concurrency: 10"#, "order: Strict", "");
    fire_keys(&mut run, &["x", "x", "y", "x"]);
    run.fire("p", 2);
    run.until("1s");
    // Without a key nobody waits for anybody.
    run.tells(
        "delivered",
        "0s bus->c delivered p#0 to c try 1
         0s bus->c delivered p#2 to c try 1
         0s bus->c delivered p#4 to c try 1
         0s bus->c delivered p#5 to c try 1
         10ms bus->c delivered p#1 to c try 1
         20ms bus->c delivered p#3 to c try 1",
    );
}

#[test]
fn s08_a_record_that_is_tried_again_holds_its_key_and_no_other() {
    let failing = |order: &str| {
        let settings = format!(r#"deliveries: 2, backoff: Fixed("100ms"), dead_letters: "dlq"{order}"#);
        let mut run = line(r#"takes: Fixed("10ms"), fails: 1.0, concurrency: 10"#, &settings, "");
        fire_keys(&mut run, &["x", "x", "y"]);
        run.until("1s");
        run.story("delivered dead-lettered order-gap")
    };
    // Dead-lettered means that the order of the key has a gap, and that is said.
    let strict = "0s bus->c delivered p#0 to c try 1
        0s bus->c delivered p#2 to c try 1
        110ms bus->c delivered p#0 to c try 2
        110ms bus->c delivered p#2 to c try 2
        120ms bus->c dead-lettered p#0 max_deliver after 2 from in-flight to dlq
        120ms bus->c order-gap p#0
        120ms bus->c dead-lettered p#2 max_deliver after 2 from in-flight to dlq
        120ms bus->c order-gap p#2
        120ms bus->c delivered p#1 to c try 1
        230ms bus->c delivered p#1 to c try 2
        240ms bus->c dead-lettered p#1 max_deliver after 2 from in-flight to dlq
        240ms bus->c order-gap p#1";
    let strict: Vec<&str> = strict.lines().map(str::trim).collect();
    assert_eq!(failing(", order: Strict").lines().collect::<Vec<_>>(), strict);
    assert!(failing("").contains("0s bus->c delivered p#1 to c try 1"), "relaxed order lets it overtake");
    assert!(!failing("").contains("order-gap"));
}

#[test]
fn s08_number_keys_and_their_text_are_one_key() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand, key: Cycle(1))
           bus = Bus
           c = Consumer(takes: Fixed("10ms"), concurrency: 10)
           p -> bus
           bus -> c (order: Strict)"#,
    );
    run.fire("p", 1);
    fire_keys(&mut run, &["k0", "k00"]);
    run.until("1s");
    run.tells(
        "delivered",
        "0s bus->c delivered p#0 to c try 1
         0s bus->c delivered p#2 to c try 1
         10ms bus->c delivered p#1 to c try 1",
    );
}

/// Acks of each key follow the log and at most one of a key is in flight, whatever fails, times out or crashes: told
/// from the records and the keys alone.
#[test]
fn s08_strict_order_is_kept_whatever_breaks() {
    for seed in 0..40 {
        let rows = r#"p = Producer(emits: "a", rate: Poisson("200/s"), key: Skewed(6), stops_after: 150)
            bus = Bus(topics: {"a": (partitions: 3)})
            c = Consumer(takes: Exponential(mean: "15ms"), fails: 0.2, concurrency: 4)
            d = Consumer(takes: Exponential(mean: "15ms"), fails: 0.2, concurrency: 4)
            p -> bus 1ms
            bus -> c 1ms (group: "g", order: Strict, deliveries: 3, ack_wait: "40ms", backoff: Fixed("20ms"))
            bus -> d 1ms (group: "g", order: Strict, deliveries: 3, ack_wait: "40ms", backoff: Fixed("20ms"))
            fault crash (at: "200ms", for: "100ms", on: Node("c"), kind: Crash)
            fault loss (at: "300ms", for: "200ms", on: Link("bus->d"), kind: Drop(chance: 0.3))"#;
        let mut run = Run::of(crate::support::flow::flow(rows), seed);
        assert_eq!(run.until("1h"), Stopped::Quiet, "seed {seed}");
        let mut place: BTreeMap<EventId, (String, u64)> = BTreeMap::new();
        let mut in_flight: BTreeMap<String, EventId> = BTreeMap::new();
        let mut acked: BTreeMap<String, u64> = BTreeMap::new();
        let (mut gaps, mut given_up) = (0, 0);
        for record in run.records() {
            match record.what {
                What::Opened { event, partition, offset, .. } => {
                    place.insert(event, (format!("{partition}/{}", run.kept.keys[&event]), offset));
                }
                What::Delivered { event, .. } => {
                    let before = in_flight.insert(place[&event].0.clone(), event);
                    assert_eq!(before, None, "seed {seed}: two of a key in flight");
                }
                What::Retrying { event, .. } | What::Queued { event, taken_back: true, .. } => {
                    in_flight.remove(&place[&event].0);
                }
                What::Dropped { event, .. } => {
                    in_flight.remove(&place[&event].0);
                    given_up += 1;
                }
                What::OrderGap { .. } => gaps += 1,
                What::Acked { event, .. } => {
                    let (key, offset) = &place[&event];
                    in_flight.retain(|_, other| *other != event);
                    let before = acked.insert(key.clone(), *offset);
                    assert!(before.is_none_or(|before| before < *offset), "seed {seed}: acked out of order");
                }
                _ => {}
            }
        }
        assert_eq!((gaps, run.fold.totals().open()), (given_up, 0), "seed {seed}");
    }
}

// ---- S17: time to live --------------------------------------------------------------------------------------------

#[test]
fn s17_a_record_is_worth_nothing_from_its_expiry_on() {
    let busy_for = |takes: &str| {
        let mut run = line(&format!(r#"takes: Fixed("{takes}")"#), r#"prefetch: 1, ttl: "100ms""#, "");
        run.fire("p", 2);
        assert_eq!(run.until("10s"), Stopped::Quiet);
        run.story("delivered expired")
    };
    let first = "0s bus->c delivered p#0 to c try 1";
    // The instant of its expiry is too late, though its member has room by then.
    assert_eq!(busy_for("100ms"), format!("{first}\n100ms bus->c expired p#1 after 0 from queued"));
    assert_eq!(busy_for("1s"), format!("{first}\n100ms bus->c expired p#1 after 0 from queued"));
    assert_eq!(busy_for("99.999999ms"), format!("{first}\n99.999999ms bus->c delivered p#1 to c try 1"));
}

#[test]
fn s17_the_shorter_of_message_and_queue_counts() {
    for (event, queue, expires) in [
        (r#"ttl: "70ms""#, "", Some("70ms")),
        ("", r#"ttl: "40ms""#, Some("40ms")),
        (r#"ttl: "70ms""#, r#"ttl: "40ms""#, Some("40ms")),
        (r#"ttl: "40ms""#, r#"ttl: "70ms""#, Some("40ms")),
        ("", "", None),
    ] {
        let mut run = line(r#"takes: Fixed("1h")"#, &format!("prefetch: 1, {queue}"), &format!("event a ({event})"));
        run.fire("p", 2);
        run.until("10s");
        let told = expires.map_or(String::new(), |at| format!("{at} bus->c expired p#1 after 0 from queued"));
        assert_eq!(run.story("expired"), told, "message {event}, queue {queue}");
    }
}

#[test]
fn s17_what_is_in_flight_does_not_expire_but_when_it_comes_back() {
    let settings = r#"ttl: "100ms", ack_wait: "30s", backoff: Fixed("50ms"), deliveries: 9"#;
    // Handled in time or not: it left the queue in time.
    let mut run = line(r#"takes: Fixed("1s")"#, settings, "");
    run.fire("p", 1);
    run.until("10s");
    run.tells("expired acked", "1s bus->c acked p#0 by c");
    // It fails at 30 ms and at 110 ms: by then it is worth nothing, and that is seen to in the same instant.
    let mut run = line(r#"takes: Fixed("30ms"), fails: 1.0"#, settings, "");
    run.fire("p", 1);
    run.until("10s");
    run.tells(
        "delivered retrying expired",
        "0s bus->c delivered p#0 to c try 1
         30ms bus->c retrying p#0 try 1 rejected until 80ms
         80ms bus->c delivered p#0 to c try 2
         110ms bus->c retrying p#0 try 2 rejected until 160ms
         110ms bus->c expired p#0 after 2 from delayed",
    );
    // While it waits for its next attempt it expires at its very instant.
    let mut run = line(r#"takes: Fixed("60ms"), fails: 1.0"#, settings, "");
    run.fire("p", 1);
    run.until("10s");
    run.tells("expired", "100ms bus->c expired p#0 after 1 from delayed");
}

#[test]
fn s17_the_copy_for_the_dead_letter_queue_has_no_time_to_live() {
    let mut run =
        line(r#"takes: Fixed("1h")"#, r#"prefetch: 1, ttl: "100ms", ack_wait: "2h", dead_letters: "dlq""#, "");
    run.fire("p", 3);
    assert_eq!(run.until("2h"), Stopped::Quiet);
    run.tells(
        "expired buried",
        "100ms bus->c expired p#1 after 0 from queued to dlq
         100ms bus->c expired p#2 after 0 from queued to dlq
         101ms dlq buried p#1 expired
         101ms dlq buried p#2 expired",
    );
    // Counted as expired, not as dead-lettered; and an hour later the letters are still there.
    let totals = run.fold.totals();
    assert_eq!((totals.expired, totals.dead_lettered, totals.acked), (2, 0, 1));
    let letters = run.kernel.dead_letters(run.node("dlq"), 10);
    assert!(letters.len() == 2 && letters.iter().all(|letter| letter.reason == Reason::Expired));
}

#[test]
fn s17_an_expired_record_makes_room() {
    let settings = r#"prefetch: 1, ttl: "100ms", queue: (records: 1, bytes: "1 MiB")"#;
    let mut run = line(r#"takes: Fixed("1h")"#, settings, "");
    run.fire("p", 3);
    run.until("250ms");
    run.tells(
        "blocked unblocked expired",
        "0s p blocked p#2 before bus->c
         100ms bus->c expired p#1 after 0 from queued
         100ms p unblocked p#2 before bus->c
         200ms bus->c expired p#2 after 0 from queued",
    );
}

#[test]
fn s17_a_run_is_not_quiet_while_something_waits_that_time_will_end() {
    let mut run = line(r#"takes: Fixed("1ms")"#, r#"prefetch: 1, ttl: "1h""#, "");
    run.fire("p", 5);
    // All were handled in 5 ms: nobody waits an hour for timers that have nothing to do.
    assert_eq!(run.until_at(SimTime::MAX), Stopped::Quiet);
    assert_eq!(run.kernel.now(), SimTime::ZERO + SimDuration::from_millis(5));
    // A consumer that is gone for good: what waits comes to its end all the same.
    let mut run = line("", r#"ttl: "1h""#, r#"fault gone (on: Node("c"), kind: Crash)"#);
    run.fire("p", 5);
    assert_eq!(run.until_at(SimTime::MAX), Stopped::Quiet);
    assert_eq!((run.fold.totals().expired, run.fold.totals().open()), (5, 0));
}

#[test]
fn s17_a_new_time_to_live_counts_for_what_waits_too() {
    let mut run = line(r#"takes: Fixed("1h")"#, r#"prefetch: 1, ttl: "1s""#, "");
    run.fire("p", 2);
    run.until("300ms");
    let set = |run: &mut Run, ttl: Option<SimDuration>| {
        run.edit(|flow| {
            let id = eventloom::model::LinkId::new("bus->c").expect("an id");
            let mut link = flow.link(&id).expect("a link").clone();
            if let eventloom::model::LinkKind::Subscribe(settings) = &mut link.kind {
                settings.ttl = ttl;
            }
            flow.set_link(&id, link).expect("a setting");
        });
    };
    set(&mut run, None);
    run.until("2s");
    assert_eq!(run.fold.totals().expired, 0);
    set(&mut run, Some(SimDuration::from_secs(5)));
    run.until("10s");
    run.tells("expired", "5s bus->c expired p#1 after 0 from queued");
}

// ---- S18: priority ------------------------------------------------------------------------------------------------

/// A consumer that takes one after the other, and events of three types: of low, middle and high priority.
fn levels(subscription: &str) -> Run {
    let rows = format!(
        r#"low = Producer(emits: "low", rate: ByHand)
           mid = Producer(emits: "mid", rate: ByHand)
           top = Producer(emits: "top", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"))
           low -> bus (topic: "t")
           mid -> bus (topic: "t")
           top -> bus (topic: "t")
           bus -> c (prefetch: 1{subscription})
           event mid (priority: 1)
           event top (priority: 200)"#
    );
    Run::new(&rows)
}

/// Who was handed over, in order.
fn order(run: &Run) -> String {
    let delivered = run.records().filter_map(|record| match record.what {
        What::Delivered { event, .. } => Some(format!("{}{}", run.plan().node_id(event.origin()), event.number())),
        _ => None,
    });
    delivered.collect::<Vec<_>>().join(" ")
}

#[test]
fn s18_higher_levels_go_first_and_within_one_who_came_first() {
    let fire = |run: &mut Run| {
        for (node, count) in [("low", 3), ("mid", 2), ("top", 2), ("mid", 1), ("low", 1)] {
            run.fire(node, count);
        }
        run.until("1s");
        order(run)
    };
    // The first is on its way before the others are there.
    assert_eq!(fire(&mut levels(", priority: (levels: 3)")), "low0 top0 top1 mid0 mid1 mid2 low1 low2 low3");
    assert_eq!(fire(&mut levels(", priority: (levels: 2)")), "low0 mid0 mid1 top0 top1 mid2 low1 low2 low3");
    // Priorities mean nothing to a subscription without levels.
    assert_eq!(fire(&mut levels("")), "low0 low1 low2 mid0 mid1 top0 top1 mid2 low3");
}

#[test]
fn s18_what_comes_back_has_kept_its_place() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"))
           p -> bus
           bus -> c (prefetch: 1, priority: (levels: 3), ack_wait: "5ms", deliveries: 3)"#,
    );
    run.fire("p", 3);
    run.until("14ms");
    // Its ack was overdue while it was handled: it is queued again, before those that came after it, and then acked.
    run.tells(
        "delivered acked",
        "0s bus->c delivered p#0 to c try 1\n10ms bus->c acked p#0 by c\n10ms bus->c delivered p#1 to c try 1",
    );
}

#[test]
fn s18_aging_lets_the_lowest_go_in_the_end() {
    // More of the highest than there is time for.
    let play = |aging: &str| {
        let rows = format!(
            r#"low = Producer(emits: "low", rate: ByHand)
               top = Producer(emits: "top", rate: Constant("100/s"), stops_after: 100)
               bus = Bus
               c = Consumer(takes: Fixed("20ms"))
               low -> bus (topic: "t")
               top -> bus (topic: "t")
               bus -> c (prefetch: 1, priority: (levels: 4{aging}))
               event top (priority: 3)"#
        );
        let mut run = Run::new(&rows);
        run.until("55ms");
        run.fire("low", 1);
        run.until("10s");
        let low = run.node("low");
        let at = |fits: &dyn Fn(&What<'_>) -> bool| run.records().find(|record| fits(&record.what)).expect("it is").at;
        let handed_over = at(&|what| matches!(what, What::Delivered { event, .. } if event.origin() == low));
        handed_over.since(SimTime::ZERO)
    };
    // Without it, when all others are through; with it, before everybody who came later than it did.
    assert_eq!(play("").to_string(), "2.01s");
    let waited = play(r#", aging: "50ms""#);
    assert!(waited < SimDuration::from_millis(55 + 4 * 50), "{waited}");
}

/// S18's bound: whoever has waited `A x levels` is overtaken by nobody who came later.
#[test]
fn s18_nobody_overtakes_who_has_waited_for_all_levels() {
    const LEVELS: u64 = 5;
    const AGING: u64 = 30_000_000;
    let mut overtaken = 0;
    for seed in 0..20 {
        let rows = r#"a = Producer(emits: "a", rate: Poisson("60/s"), stops_after: 150)
            b = Producer(emits: "b", rate: Poisson("60/s"), stops_after: 150)
            bus = Bus(topics: {"t": (partitions: 2)})
            c = Consumer(takes: Exponential(mean: "14ms"), fails: 0.1, concurrency: 1)
            a -> bus (topic: "t")
            b -> bus (topic: "t")
            bus -> c (prefetch: 1, priority: (levels: 5, aging: "30ms"), backoff: None)
            event b (priority: 4)"#;
        let mut run = Run::of(crate::support::flow::flow(rows), seed);
        assert_eq!(run.until("1h"), Stopped::Quiet);
        let mut waits: BTreeMap<EventId, SimTime> = BTreeMap::new();
        let mut since: BTreeMap<EventId, SimTime> = BTreeMap::new();
        for record in run.records() {
            match record.what {
                What::Opened { event, .. } => {
                    since.insert(event, record.at);
                    waits.insert(event, record.at);
                }
                What::Queued { event, .. } => {
                    waits.insert(event, since[&event]);
                }
                What::Delivered { event, .. } => {
                    waits.remove(&event);
                    for (other, came) in waits.iter().filter(|(_, came)| **came < since[&event]) {
                        overtaken += 1;
                        let waited = record.at.since(*came).as_nanos();
                        assert!(waited < AGING * LEVELS, "seed {seed}: {other:?} was overtaken after {waited} ns");
                    }
                }
                _ => {}
            }
        }
    }
    assert!(overtaken > 500, "the highest hardly ever went first: {overtaken}");
}

#[test]
fn s18_a_full_queue_drops_its_oldest_whatever_its_level() {
    let mut run = levels(r#", priority: (levels: 3), queue: (records: 2, bytes: "1 MiB", when_full: DropOldest)"#);
    for node in ["low", "top", "low", "mid"] {
        run.fire(node, 1);
    }
    run.until("1s");
    assert_eq!(order(&run), "low0 mid0 low1");
    run.tells("dropped", "0s bus->c dropped top#0 maxlen after 0 from queued");
}

// ---- S19: delay ---------------------------------------------------------------------------------------------------

#[test]
fn s19_a_delayed_record_comes_exactly_when_it_is_due() {
    for (event, queue, due) in [
        ("", r#"delay: "50ms""#, "50ms"),
        (r#"delay: "70ms""#, "", "70ms"),
        // As with SQS: the message's own counts in place of the queue's, whichever is longer.
        (r#"delay: "20ms""#, r#"delay: "50ms""#, "20ms"),
        (r#"delay: "70ms""#, r#"delay: "50ms""#, "70ms"),
        // It is in sight for the whole of its time to live.
        (r#"ttl: "10ms""#, r#"delay: "50ms""#, "50ms"),
    ] {
        let mut run = line(r#"takes: Fixed("1ms")"#, queue, &format!("event a ({event})"));
        run.until("5ms");
        run.fire("p", 1);
        run.until("10s");
        let due: SimDuration = due.parse().expect("a duration");
        let at = due.saturating_add(SimDuration::from_millis(5));
        run.tells(
            "opened postponed queued delivered",
            &format!(
                "5ms bus->c opened p#0 @0
                 5ms bus->c postponed p#0 until {at}
                 {at} bus->c queued p#0
                 {at} bus->c delivered p#0 to c try 1"
            ),
        );
    }
    let mut run = line(r#"takes: Fixed("1ms")"#, r#"delay: "50ms""#, r#"event a (delay: "0s")"#);
    run.fire("p", 1);
    run.until("1s");
    run.tells("postponed delivered", "0s bus->c delivered p#0 to c try 1");
}

#[test]
fn s19_what_is_out_of_sight_keeps_nobody_waiting_but_its_key() {
    let play = |settings: &str| {
        let rows = format!(
            r#"slow = Producer(emits: "slow", rate: ByHand)
               p = Producer(emits: "a", rate: ByHand)
               bus = Bus
               c = Consumer(takes: Fixed("1ms"))
               slow -> bus (topic: "t")
               p -> bus (topic: "t")
               bus -> c ({settings})
               event slow (delay: "100ms")"#
        );
        let mut run = Run::new(&rows);
        run.fire_key("slow", "x");
        run.fire_key("p", "x");
        run.until("1s");
        run.story("delivered")
    };
    let (slow, quick) = ("100ms bus->c delivered slow#0 to c try 1", "bus->c delivered p#0 to c try 1");
    assert_eq!(play(""), format!("0s {quick}\n{slow}"));
    assert_eq!(play("order: Strict"), format!("{slow}\n101ms {quick}"));
}

#[test]
fn s19_what_is_out_of_sight_counts_towards_the_bound_of_its_queue() {
    let settings = r#"delay: "1s", queue: (records: 2, bytes: "1 MiB", when_full: DropNewest)"#;
    let mut run = line(r#"takes: Fixed("1ms")"#, settings, "");
    run.fire("p", 3);
    run.until("10s");
    assert_eq!(run.count(|what| reason_of(what) == Some(Reason::MaxLength)), 1);
    assert_eq!((run.fold.totals().acked, run.fold.totals().dropped), (2, 1));
}
