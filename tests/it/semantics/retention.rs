//! S13: old records go, read or not, and whoever had not read them is told how many.

use eventloom::trace::What;

use crate::support::Run;
use crate::support::flow::{add_link, kind, node_id};
use crate::support::run::at;
use eventloom::model::{EventId, Node, Point, SimTime};

fn evicted(run: &Run, sub: &str) -> Vec<(SimTime, EventId)> {
    let sub = run.sub(sub);
    let evicted = run.records().filter_map(|record| match record.what {
        What::Evicted { sub: of, event, .. } if of == sub => Some((record.at, event)),
        _ => None,
    });
    evicted.collect()
}

fn skipped(run: &Run, sub: &str) -> u64 {
    let sub = run.sub(sub);
    let skipped = run.records().map(|record| match record.what {
        What::OutOfRange { sub: of, skipped, .. } if of == sub => skipped,
        _ => 0,
    });
    skipped.sum()
}

#[test]
fn s13_by_count_the_oldest_go_first_and_a_laggard_is_told() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 20)
           bus = Bus(topics: {"a": (keep_records: 5)})
           slow = Consumer(takes: Fixed("10s"))
           fast = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> slow (prefetch: 1, ack_wait: "1h")
           bus -> fast"#,
    );
    run.until("5s");
    // Twenty came, five are kept; the slow one still holds the first.
    let gone: Vec<u64> = evicted(&run, "bus->slow").iter().map(|(_, event)| event.number()).collect();
    let mut sorted = gone.clone();
    sorted.sort_unstable();
    assert_eq!(gone, sorted, "oldest first");
    let unread: Vec<u64> = gone.iter().copied().filter(|number| *number > 0).collect();
    assert_eq!(unread, (1..15).collect::<Vec<u64>>(), "a prefix of the log, up to what is kept");
    assert_eq!(skipped(&run, "bus->slow"), 14, "never a silent skip: {}", run.story("out-of-range"));
    assert_eq!(evicted(&run, "bus->fast"), [], "who has read loses nothing");
    run.until("10m");
    let figures = run.fold.figures(run.sub("bus->slow"));
    assert_eq!((figures.obligations, figures.open()), (20, 0));
    assert_eq!(figures.acked + figures.retention_lost, 20);
    let slow = run.node("slow");
    let handled: Vec<u64> = run
        .records()
        .filter_map(|record| match record.what {
            What::Handled { node, event, .. } if node == slow => Some(event.number()),
            _ => None,
        })
        .collect();
    assert_eq!(handled, [0, 15, 16, 17, 18, 19]);
}

#[test]
fn s13_by_age_nothing_goes_before_its_time() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 10)
           bus = Bus(topics: {"a": (keep: "3s")})
           slow = Consumer(takes: Fixed("1h"))
           p -> bus
           bus -> slow (prefetch: 1, ack_wait: "2h")"#,
    );
    run.until("1m");
    let mut accepted = Vec::new();
    for record in run.records() {
        if let What::Accepted { event, .. } = record.what {
            accepted.push((event, record.at));
        }
    }
    let gone = evicted(&run, "bus->slow");
    assert!(gone.len() >= 9, "all that waited are gone: {}", gone.len());
    for (when, event) in gone {
        let (_, since) = accepted.iter().find(|(one, _)| *one == event).expect("accepted before");
        let age = when.since(*since).as_nanos();
        assert!((3_000_000_000..=3_100_000_000).contains(&age), "{event:?} went at the age of {age} ns");
    }
    assert_eq!(skipped(&run, "bus->slow"), 9);
}

#[test]
fn s13_what_was_read_is_kept_for_those_who_come_later() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 10)
           bus = Bus(topics: {"a": (keep: "5s")})
           c = Consumer(takes: Fixed("0s"))
           p -> bus
           bus -> c"#,
    );
    run.until("9.5s");
    let first = run.records().find(|record| matches!(record.what, What::Accepted { .. })).expect("a record").at;
    run.edit(|flow| {
        flow.add_node(node_id("late"), Node::new(Point(0, 0), kind(r#"Consumer(takes: Fixed("0s"))"#))).expect("late");
        flow.add_node(node_id("new"), Node::new(Point(0, 0), kind(r#"Consumer(takes: Fixed("0s"))"#))).expect("new");
        add_link(flow, "bus", "late (from: Start)");
        add_link(flow, "bus", "new");
    });
    run.until("1m");
    let late = run.fold.figures(run.sub("bus->late"));
    let new = run.fold.figures(run.sub("bus->new"));
    // Emitted every second from `first` on; those younger than five seconds at 9.5 s were there to be read.
    let emitted = (0..10).map(|number| first.as_nanos() + number * 1_000_000_000);
    let kept = emitted.clone().filter(|at| at + 5_000_000_000 >= 9_500_000_000).count() as u64;
    let after = emitted.filter(|when| *when > at("9.5s").as_nanos()).count() as u64;
    assert_eq!((late.obligations, late.acked), (kept, kept));
    assert_eq!((new.obligations, new.acked), (after, after), "from the end of the log unless it says otherwise");
}

#[test]
fn s13_without_retention_nothing_is_lost_however_slow_the_reader() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("100/s"), stops_after: 1000)
           bus = Bus
           slow = Consumer(takes: Fixed("1s"))
           p -> bus
           bus -> slow"#,
    );
    run.until("1h");
    let figures = run.fold.figures(run.sub("bus->slow"));
    assert_eq!((figures.acked, figures.retention_lost), (1_000, 0));
}
