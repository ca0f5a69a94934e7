//! S1, S2, S5, S6, S7: when a record is settled, when it comes again, how often, and where it ends.

use std::collections::BTreeSet;

use eventloom::model::{EventId, LinkId, NodeKind};
use eventloom::trace::{Phase, Reason, What};

use crate::support::Run;
use crate::support::flow::{flow, node_id};
use crate::support::run::at;

#[test]
fn s01_at_most_once_settles_at_hand_over_and_a_failure_is_lost() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"), fails: 1.0)
           p -> bus
           bus -> c (guarantee: AtMostOnce)"#,
    );
    run.fire("p", 1);
    run.until("1s");
    run.tells(
        "delivered acked failed handled retrying dropped dead-lettered stale",
        "0s bus->c delivered p#0 to c try 1
         0s bus->c acked p#0 by c auto
         10ms c failed p#0 try 1 rejected lost",
    );
}

#[test]
fn s01_what_was_in_flight_when_the_promise_became_at_most_once_is_not_handed_over_again() {
    for (wait, told) in
        [("5ms", "5ms bus->c dropped p#0 max_deliver after 1 from in-flight"), ("1s", "10ms bus->c acked p#0 by c")]
    {
        let rows = format!(
            r#"p = Producer(emits: "a", rate: ByHand)
               bus = Bus
               c = Consumer(takes: Fixed("10ms"))
               p -> bus
               bus -> c (ack_wait: "{wait}", deliveries: 3)"#
        );
        let mut run = Run::new(&rows);
        run.fire("p", 1);
        run.until("2ms");
        run.become_flow(flow(&rows.replace("deliveries: 3", "deliveries: 3, guarantee: AtMostOnce")));
        run.until("1m");
        run.tells("delivered acked dropped", &format!("0s bus->c delivered p#0 to c try 1\n{told}"));
    }
}

#[test]
fn s01_at_most_once_never_delivers_twice() {
    // The ack wait is far shorter than the handling: at most once, nobody waits for an ack.
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Poisson("100/s"), stops_after: 200)
           bus = Bus
           c = Consumer(takes: Exponential(mean: "8ms"), fails: 0.3)
           p -> bus
           bus -> c 2ms (guarantee: AtMostOnce, ack_wait: "1ms")"#,
    );
    run.until("1m");
    let failed = run.count(|what| matches!(what, What::Failed { .. }));
    let lost = run.count(|what| matches!(what, What::Failed { lost: true, .. }));
    let handled = run.count(|what| matches!(what, What::Handled { .. }));
    assert!(failed > 30 && failed < 90, "{failed} failed of 200 at 30 %");
    assert_eq!((failed, failed + handled), (lost, 200), "each is handled once, and each failure loses its record");
    let figures = run.fold.figures(run.sub("bus->c"));
    assert_eq!((figures.obligations, figures.acked, run.fold.redeliveries()), (200, 200, 0));
}

#[test]
fn s02_at_least_once_loses_nothing_once_the_faults_stop() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Poisson("50/s"), stops_after: 300)
           bus = Bus
           c = Consumer(takes: Exponential(mean: "10ms"), fails: 0.6)
           d = Consumer(takes: Exponential(mean: "10ms"), fails: 0.6)
           p -> bus
           bus -> c 1ms (group: "g", deliveries: 1000, ack_wait: "40ms", backoff: Fixed("20ms"))
           bus -> d 1ms (group: "g", deliveries: 1000, ack_wait: "40ms", backoff: Fixed("20ms"))"#,
    );
    run.until("3s");
    // One member goes, and the other one is mended.
    run.remove_node("c");
    run.until("4s");
    run.edit(|flow| {
        let mut node = flow.node(&node_id("d")).expect("d").clone();
        let NodeKind::Consumer(consumer) = &mut node.kind else { panic!("d is a consumer") };
        consumer.fails = Default::default();
        flow.set_node(&node_id("d"), node).expect("a setting");
    });
    run.until("5m");
    let figures = run.fold.figures(run.sub("g"));
    assert_eq!((figures.obligations, figures.acked, figures.open()), (300, 300, 0), "{figures:?}");
    assert!(run.fold.redeliveries() > 100, "{} redeliveries", run.fold.redeliveries());
    let mut handled = BTreeSet::new();
    for record in run.records() {
        match record.what {
            What::Handled { event, .. } => drop(handled.insert(event)),
            What::Acked { event, .. } => assert!(handled.contains(&event), "{event:?} was acked before it was handled"),
            _ => {}
        }
    }
}

/// One event to a consumer that takes so long, with an ack wait of one second and this delay on the way.
fn ack_wait_run(takes: &str, delay: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("{takes}"))
           p -> bus
           bus -> c {delay} (ack_wait: "1s", deliveries: 3)"#
    ));
    run.fire("p", 1);
    run.until("1m");
    run
}

#[test]
fn s05_an_ack_at_the_very_deadline_is_in_time() {
    ack_wait_run("1s", "0s").tells(
        "delivered retrying acked stale",
        "0s bus->c delivered p#0 to c try 1
         1s bus->c acked p#0 by c",
    );
}

#[test]
fn s05_one_nanosecond_late_is_redelivered_and_the_late_ack_still_settles() {
    ack_wait_run("1.000000001s", "0s").tells(
        "delivered retrying acked stale",
        "0s bus->c delivered p#0 to c try 1
         1s bus->c retrying p#0 try 1 ack_timeout until 1s
         1s bus->c delivered p#0 to c try 2
         1.000000001s bus->c acked p#0 by c
         2.000000002s bus->c stale p#0 by c settled",
    );
}

#[test]
fn s05_the_wait_begins_at_the_bus_and_the_ack_travels_back() {
    ack_wait_run("800ms", "100ms").tells(
        "delivered received started handled retrying acked stale",
        "0s bus->c delivered p#0 to c try 1
         100ms c received p#0 try 1
         100ms c started p#0 try 1 waited 0s
         900ms c handled p#0 try 1 took 800ms
         1s bus->c acked p#0 by c",
    );
    ack_wait_run("800.000001ms", "100ms").tells(
        "delivered retrying acked stale",
        "0s bus->c delivered p#0 to c try 1
         1s bus->c retrying p#0 try 1 ack_timeout until 1s
         1s bus->c delivered p#0 to c try 2
         1.000000001s bus->c acked p#0 by c
         2.000000001s bus->c stale p#0 by c settled",
    );
}

#[test]
fn s05_a_nack_comes_again_after_its_delay_and_not_before() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"), fails: 1.0)
           p -> bus
           bus -> c 1ms (deliveries: 3, backoff: Fixed("250ms"))"#,
    );
    run.fire("p", 1);
    run.until("1m");
    run.tells(
        "delivered failed retrying queued dropped",
        "0s bus->c delivered p#0 to c try 1
         11ms c failed p#0 try 1 rejected
         12ms bus->c retrying p#0 try 1 rejected until 262ms
         262ms bus->c queued p#0
         262ms bus->c delivered p#0 to c try 2
         273ms c failed p#0 try 2 rejected
         274ms bus->c retrying p#0 try 2 rejected until 524ms
         524ms bus->c queued p#0
         524ms bus->c delivered p#0 to c try 3
         535ms c failed p#0 try 3 rejected
         536ms bus->c dropped p#0 max_deliver after 3 from in-flight",
    );
}

#[test]
fn s05_a_nack_of_an_earlier_attempt_means_nothing() {
    // The first attempt fails after the second one is under way; only the second one counts.
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1.5s"), fails: 1.0, concurrency: 2)
           p -> bus
           bus -> c (ack_wait: "1s", deliveries: 2, backoff: None)"#,
    );
    run.fire("p", 1);
    run.until("1m");
    run.tells(
        "delivered retrying stale dropped",
        "0s bus->c delivered p#0 to c try 1
         1s bus->c retrying p#0 try 1 ack_timeout until 1s
         1s bus->c delivered p#0 to c try 2
         1.5s bus->c stale p#0 by c earlier attempt
         2s bus->c dropped p#0 max_deliver after 2 from in-flight
         2.5s bus->c stale p#0 by c settled",
    );
}

#[test]
fn s06_a_member_that_comes_back_comes_with_empty_hands() {
    let rows = r#"p = Producer(emits: "a", rate: ByHand)
                  bus = Bus
                  c = Consumer(takes: Fixed("40ms"))
                  d = Consumer(takes: Fixed("1h"))
                  p -> bus
                  bus -> c (prefetch: 1, group: "g")
                  bus -> d (prefetch: 1, group: "g")"#;
    let mut run = Run::new(rows);
    run.fire("p", 4);
    run.until("10ms");
    run.edit(|flow| flow.remove_link(&LinkId::new("bus->c").expect("an id")).expect("a link that is drawn"));
    run.until("20ms");
    run.become_flow(flow(rows));
    // The answer of 40 ms is of what was handed over before: it settles that record, and frees nothing that came after.
    run.until("100ms");
    run.tells(
        "delivered queued acked stale",
        "0s g delivered p#0 to c try 1
         0s g delivered p#1 to d try 1
         10ms g queued p#0 taken back
         20ms g delivered p#0 to c try 1
         40ms g acked p#0 by c
         80ms g stale p#0 by c settled
         80ms g delivered p#2 to c try 1",
    );
}

#[test]
fn s06_the_answer_of_a_member_that_left_takes_its_own_way() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("20ms"))
           d = Consumer(takes: Fixed("1h"))
           p -> bus
           bus -> c 7ms (group: "g", prefetch: 1)
           bus -> d 0s (group: "g", prefetch: 1)"#,
    );
    run.fire("p", 1);
    run.until("10ms");
    run.edit(|flow| flow.remove_link(&LinkId::new("bus->c").expect("an id")).expect("a link that is drawn"));
    // Whoever is left is reached at once; what comes back from the other takes as long as ever.
    run.until("100ms");
    run.tells(
        "delivered handled acked",
        "0s g delivered p#0 to c try 1
         10ms g delivered p#0 to d try 1
         27ms c handled p#0 try 1 took 20ms
         34ms g acked p#0 by c",
    );
}

#[test]
fn s06_in_flight_never_exceeds_the_cap_and_reaches_it() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1s"), concurrency: 10)
           d = Consumer(takes: Fixed("1s"), concurrency: 10)
           p -> bus
           bus -> c (group: "g", max_in_flight: 5, prefetch: 3)
           bus -> d (group: "g", max_in_flight: 5, prefetch: 3)"#,
    );
    run.fire("p", 20);
    run.until("0s");
    let g = run.sub("g");
    assert_eq!((run.fold.figures(g).in_flight, run.fold.figures(g).queued), (5, 15));
    run.until("999ms");
    assert_eq!(run.fold.figures(g).in_flight, 5);
    run.until("4s");
    let figures = run.fold.figures(g);
    assert_eq!((figures.acked, figures.open()), (20, 0), "five a second: twenty in four");
}

#[test]
fn s06_a_member_that_leaves_frees_exactly_its_own_slots() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1s"), concurrency: 3)
           d = Consumer(takes: Fixed("1s"), concurrency: 2)
           p -> bus
           bus -> c (group: "g", prefetch: 3)
           bus -> d (group: "g", prefetch: 2)"#,
    );
    run.fire("p", 9);
    run.until("500ms");
    let g = run.sub("g");
    assert_eq!((run.fold.figures(g).in_flight, run.fold.figures(g).queued), (5, 4));
    let c = run.node("c");
    let held_by_c: BTreeSet<EventId> = run
        .records()
        .filter_map(|record| match record.what {
            What::Delivered { event, node, .. } if node == c => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(held_by_c.len(), 3);
    run.remove_node("c");
    run.until("500ms");
    let back: BTreeSet<EventId> = run
        .records()
        .filter_map(|record| match record.what {
            What::Queued { event, taken_back: true, .. } => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(back, held_by_c, "taken back is what it held, no more and no less");
    assert_eq!((run.fold.figures(g).in_flight, run.fold.figures(g).queued), (2, 7));
    run.until("1m");
    let figures = run.fold.figures(g);
    assert_eq!((figures.acked, figures.open()), (9, 0));
    assert_eq!(run.count(|what| matches!(what, What::Handled { node, .. } if *node == c)), 0);
}

/// A consumer that always fails, tried so often, with what its subscription says besides.
fn poison_run(deliveries: u32, more: &str, rows: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           dlq = DeadLetterQueue
           c = Consumer(takes: Fixed("10ms"), fails: 1.0)
           p -> bus
           bus -> c (deliveries: {deliveries}, backoff: Fixed("50ms") {more})
           {rows}"#
    ));
    run.fire("p", 1);
    run.until("1m");
    run
}

#[test]
fn s07_dead_letters_after_max_deliveries() {
    for deliveries in [1, 2, 5, 20] {
        let run = poison_run(deliveries, r#", dead_letters: "dlq""#, "");
        let last = (deliveries - 1) * 60 + 10;
        let end = run.records().find(|record| matches!(record.what, What::DeadLettered { .. })).expect("a dead letter");
        assert_eq!(end.at, at(&format!("{last}ms")), "{deliveries} deliveries");
        let What::DeadLettered { reason, attempts, from, to, .. } = end.what else { unreachable!() };
        assert_eq!((reason, attempts, from), (Reason::DeliveryLimit, deliveries, Phase::InFlight));
        assert_eq!(to, run.node("dlq"));
        // Exactly one, and it arrives by the drawn path, one millisecond later.
        let c_to_dlq = run.link("c->dlq");
        let buried: Vec<_> = run.records().filter(|record| matches!(record.what, What::Buried { .. })).collect();
        assert_eq!(buried.len(), 1);
        assert_eq!(buried[0].at, at(&format!("{}ms", last + 1)));
        let What::Buried { event, link, reason, .. } = buried[0].what else { unreachable!() };
        assert_eq!((event, link, reason), (run.event("p#0"), c_to_dlq, Reason::DeliveryLimit));
        let delivered = run.count(|what| matches!(what, What::Delivered { .. }));
        assert_eq!(delivered, deliveries as usize);
    }
}

#[test]
fn s07_without_a_dead_letter_queue_it_is_visibly_dropped() {
    poison_run(2, "", "")
        .tells("dropped dead-lettered buried", "70ms bus->c dropped p#0 max_deliver after 2 from in-flight");
}

#[test]
fn s07_the_bus_says_where_to_if_the_subscription_does_not() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           dlq = DeadLetterQueue
           own = DeadLetterQueue
           bus = Bus(dead_letters: "dlq")
           c = Consumer(takes: Fixed("10ms"), fails: 1.0)
           d = Consumer(takes: Fixed("10ms"), fails: 1.0)
           p -> bus
           bus -> c (deliveries: 1)
           bus -> d (deliveries: 1, dead_letters: "own")"#,
    );
    run.fire("p", 1);
    run.until("1m");
    run.tells(
        "dead-lettered buried",
        "10ms bus->c dead-lettered p#0 max_deliver after 1 from in-flight to dlq
         10ms bus->d dead-lettered p#0 max_deliver after 1 from in-flight to own
         11ms dlq buried p#0 max_deliver
         11ms own buried p#0 max_deliver",
    );
}

#[test]
fn s07_timeouts_count_as_attempts() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           dlq = DeadLetterQueue
           c = Consumer(takes: Fixed("1h"), concurrency: 10)
           p -> bus
           bus -> c (deliveries: 3, ack_wait: "1s", dead_letters: "dlq")"#,
    );
    run.fire("p", 1);
    run.until("10s");
    run.tells(
        "delivered retrying dead-lettered buried",
        "0s bus->c delivered p#0 to c try 1
         1s bus->c retrying p#0 try 1 ack_timeout until 1s
         1s bus->c delivered p#0 to c try 2
         2s bus->c retrying p#0 try 2 ack_timeout until 2s
         2s bus->c delivered p#0 to c try 3
         3s bus->c dead-lettered p#0 max_deliver after 3 from in-flight to dlq
         3.001s dlq buried p#0 max_deliver",
    );
}

#[test]
fn s07_a_call_has_its_own_number_of_tries() {
    for (deliveries, handled_at) in [(1, "10ms"), (3, "130ms")] {
        let mut run = Run::new(&format!(
            r#"s = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "ask")])])
               t = Service(handlers: [(takes: Fixed("10ms"), fails: 1.0)])
               dlq = DeadLetterQueue
               s -> t (deliveries: {deliveries}, backoff: Fixed("50ms"), dead_letters: "dlq")"#
        ));
        run.fire("s", 1);
        run.until("1m");
        let end = run.records().find(|record| matches!(record.what, What::DeadLettered { .. })).expect("a dead letter");
        assert_eq!(end.at, at(handled_at), "{deliveries} tries");
        assert_eq!(run.fold.dead_letters(), (1, 1));
        assert_eq!(run.fold.figures(run.sub("t")).dead_lettered, 1);
    }
}

#[test]
fn s07_a_full_dead_letter_queue_forgets_its_oldest() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 5)
           bus = Bus
           dlq = DeadLetterQueue(keep_records: 3)
           c = Consumer(takes: Fixed("1ms"), fails: 1.0)
           p -> bus
           bus -> c (deliveries: 1, dead_letters: "dlq")"#,
    );
    run.until("1m");
    assert_eq!(run.summary("dlq"), "buried 5");
    let forgotten = run.story("forgotten");
    let forgotten: Vec<&str> = forgotten.lines().map(|line| line.rsplit(' ').next().expect("an event")).collect();
    assert_eq!(forgotten, ["p#0", "p#1"]);
}
