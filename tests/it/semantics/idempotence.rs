//! S3: an event has its effect once however often it comes, for as long as it is remembered.

use std::collections::BTreeMap;

use eventloom::model::{EventId, SimTime};
use eventloom::trace::What;

use crate::support::Run;
use crate::support::flow::flow;
use crate::support::run::at;

fn effects(run: &Run, event: &str) -> usize {
    let own = run.event(event);
    run.count(|what| matches!(what, What::Handled { event, .. } if *event == own))
}

#[test]
fn s03_a_publish_that_comes_twice_has_one_effect() {
    let play = |settings: &str| {
        let rows = format!(
            r#"p = Producer(emits: "a", rate: Constant("100/s"), stops_after: 20)
               bus = Bus
               s = Service(handlers: [(takes: Fixed("3ms"), emits: [(event: "b")])])
               p -> bus
               bus -> s (topics: ["a"]{settings})
               s -> bus
               fault twice (on: Link("p->bus"), kind: Duplicate(chance: 1.0))"#
        );
        let mut run = Run::new(&rows);
        run.until("10s");
        let emitted = run.count(|what| matches!(what, What::Emitted { cause: Some(_), .. }));
        let recognised = run.count(|what| matches!(what, What::Recognised { .. }));
        // Nothing of it is taken back: both are acked.
        assert_eq!(run.fold.figures(run.sub("bus->s")).acked, 40);
        (emitted, recognised)
    };
    assert_eq!(play(""), (40, 0));
    assert_eq!(play(r#", idempotent: "1m""#), (20, 20));
}

/// An ack that is lost brings a record again: told how long after its effect.
fn again_after_an_effect(window: &str) -> Run {
    let mut run = Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"))
           p -> bus
           bus -> c (ack_wait: "50ms", idempotent: "{window}")
           fault cut (at: "5ms", for: "10ms", on: Link("bus->c"), kind: Partition)"#
    ));
    run.fire("p", 1);
    run.until("10s");
    run
}

#[test]
fn s03_the_window_is_half_open() {
    // Handled at 10 ms, again at its door at 50 ms: 40 ms later it is remembered only if the window is longer.
    again_after_an_effect("40.000001ms").tells(
        "started handled recognised acked",
        "0s c started p#0 try 1 waited 0s
         10ms c handled p#0 try 1 took 10ms
         50ms c started p#0 try 2 waited 0s
         50ms c recognised p#0 try 2 took 0s
         50ms bus->c acked p#0 by c",
    );
    again_after_an_effect("40ms").tells(
        "handled recognised acked",
        "10ms c handled p#0 try 1 took 10ms
         60ms c handled p#0 try 2 took 10ms
         60ms bus->c acked p#0 by c",
    );
}

#[test]
fn s03_of_two_attempts_at_once_the_second_to_end_has_no_effect() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Service(concurrency: 2, handlers: [(takes: Fixed("30ms"), emits: [(event: "b")])])
           p -> bus
           bus -> c (ack_wait: "20ms", deliveries: 2, idempotent: "1m")"#,
    );
    run.fire("p", 1);
    run.until("10s");
    // As a key that is written in the same transaction as the effect: whoever comes second finds it there.
    run.tells(
        "started handled recognised emitted acked stale",
        "0s p emitted p#0
         0s c started p#0 try 1 waited 0s
         20ms c started p#0 try 2 waited 0s
         30ms c emitted c#0 from p#0 hop 1
         30ms c handled p#0 try 1 took 30ms
         30ms bus->c acked p#0 by c
         50ms c recognised p#0 try 2 took 30ms
         50ms bus->c stale p#0 by c settled",
    );
    assert_eq!(effects(&run, "p#0"), 1);
}

#[test]
fn s03_a_failure_is_no_effect_and_is_not_remembered() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1ms"), fails: 1.0)
           p -> bus
           bus -> c (deliveries: 3, backoff: None, idempotent: "1m")"#,
    );
    run.fire("p", 1);
    run.until("10s");
    assert_eq!(run.count(|what| matches!(what, What::Failed { .. })), 3);
    assert_eq!(run.count(|what| matches!(what, What::Recognised { .. })), 0);
}

#[test]
fn s03_the_memory_is_the_groups_and_outlives_its_members() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("10ms"))
           d = Consumer(takes: Fixed("10ms"))
           p -> bus
           bus -> c (group: "g", idempotent: "1m")
           bus -> d (group: "g", idempotent: "1m")
           fault cut (at: "5ms", for: "100ms", on: Link("bus->c"), kind: Partition)
           fault gone (at: "20ms", on: Node("c"), kind: Crash)"#,
    );
    run.fire("p", 1);
    run.until("10s");
    // The one that handled it cannot say so and is gone; the other one knows all the same.
    run.tells(
        "handled recognised acked",
        "10ms c handled p#0 try 1 took 10ms
         20ms d recognised p#0 try 1 took 0s
         20ms g acked p#0 by d",
    );
}

#[test]
fn s03_a_row_of_known_events_is_worked_through_at_once() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1ms"))
           p -> bus
           bus -> c (prefetch: 1000, idempotent: "1h", ack_wait: "20s")
           fault cut (at: "0s", for: "10s", on: Node("bus"), kind: Pause)
           fault twice (at: "10s", for: "1s", on: Link("bus->c"), kind: Duplicate(chance: 1.0))"#,
    );
    run.fire("p", 5_000);
    run.until("1h");
    assert_eq!(run.count(|what| matches!(what, What::Handled { .. })), 5_000);
    assert!(run.count(|what| matches!(what, What::Recognised { .. })) > 500);
}

/// For every event whose comings lie closer together than the window, `applied_effects = 1`: told from the records alone.
#[test]
fn s03_one_effect_whenever_the_window_covers_the_spread() {
    let (mut covered, mut beyond) = (0, 0);
    for (seed, window) in (0..60).map(|seed| (seed, [20, 60, 200][seed as usize % 3])) {
        let rows = format!(
            r#"p = Producer(emits: "a", rate: Poisson("100/s"), stops_after: 60)
               bus = Bus(topics: {{"a": (partitions: 2)}})
               c = Consumer(takes: Exponential(mean: "10ms"), fails: 0.2, concurrency: 3)
               d = Consumer(takes: Exponential(mean: "10ms"), fails: 0.2, concurrency: 3)
               p -> bus 1ms
               bus -> c 1ms (group: "g", idempotent: "{window}ms", ack_wait: "25ms", deliveries: 6, backoff: Fixed("10ms"))
               bus -> d 1ms (group: "g", idempotent: "{window}ms", ack_wait: "25ms", deliveries: 6, backoff: Fixed("10ms"))
               fault twice (on: Link("p->bus"), kind: Duplicate(chance: 0.3))
               fault loss (on: Link("bus->c"), kind: Drop(chance: 0.2))
               fault gone (at: "200ms", for: "50ms", on: Node("d"), kind: Crash)"#
        );
        let mut run = Run::of(flow(&rows), seed);
        // Records do not tell twins apart, so nobody recounts their obligations here.
        run.unchecked(at("1h"), u32::MAX);
        let mut ends: BTreeMap<EventId, (Vec<SimTime>, SimTime)> = BTreeMap::new();
        for record in run.records() {
            match record.what {
                What::Handled { event, .. } => {
                    let (handled, last) = ends.entry(event).or_default();
                    handled.push(record.at);
                    *last = record.at;
                }
                What::Recognised { event, .. } => ends.entry(event).or_default().1 = record.at,
                _ => {}
            }
        }
        for (event, (handled, last)) in ends {
            let spread = last.since(handled[0]).as_nanos();
            if spread < window * 1_000_000 {
                covered += 1;
                assert_eq!(handled.len(), 1, "seed {seed}: {event:?} within {spread} ns");
            } else {
                beyond += 1;
            }
        }
    }
    assert!(covered > 1_000 && beyond > 0, "{covered} covered, {beyond} beyond");
}
