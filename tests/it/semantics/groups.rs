//! S10, S11, S20: who gets which record, who owns which partition, and where one goes on after an interruption.

use std::fmt::Write as _;

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{EventId, NodeIx};
use eventloom::trace::{Staleness, What};

use crate::support::Run;
use crate::support::flow::{add_link, kind, node_id};
use eventloom::model::{Node, Point};

/// Six partitions, keys that reach each of them, and this many consumers `c1`, `c2`, … in one group.
fn group_run(members: u32, takes: &str, settings: &str) -> Run {
    let mut rows = String::from(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (partitions: 6)})
           p -> bus
        "#,
    );
    for member in 1..=members {
        writeln!(rows, "c{member} = Consumer(takes: Fixed(\"{takes}\"), concurrency: 10)").expect("text");
        writeln!(rows, "bus -> c{member} (group: \"g\", share: Partition {settings})").expect("text");
    }
    Run::new(&rows)
}

fn add_member(run: &mut Run, member: u32, takes: &str, settings: &str) {
    run.edit(|flow| {
        let id = format!("c{member}");
        let consumer = kind(&format!("Consumer(takes: Fixed(\"{takes}\"), concurrency: 10)"));
        flow.add_node(node_id(&id), Node::new(Point(0, 0), consumer)).expect("a new member");
        add_link(flow, "bus", &format!("{id} (group: \"g\", share: Partition {settings})"));
    });
}

/// One key for each of six partitions, in their order. Found by trying; S09 pins where keys go.
fn fire_into_each_partition(run: &mut Run) {
    let mut missing: Vec<u32> = (0..6).collect();
    let mut number = 0;
    let before = run.count(|what| matches!(what, What::Accepted { .. }));
    while !missing.is_empty() {
        let key = format!("k{number}");
        number += 1;
        let mut trial = Run::new(
            r#"p = Producer(emits: "a", rate: ByHand)
               bus = Bus(topics: {"a": (partitions: 6)})
               p -> bus"#,
        );
        trial.fire_key("p", &key);
        trial.until("0s");
        let accepted = trial.records().find_map(|record| match record.what {
            What::Accepted { partition, .. } => Some(partition),
            _ => None,
        });
        let partition = accepted.expect("a bus takes a record even if nobody reads it");
        if let Some(ix) = missing.iter().position(|one| *one == partition) {
            missing.remove(ix);
            run.fire_key("p", &key);
        }
    }
    let now = run.kernel.now();
    run.until_at(now);
    assert_eq!(run.count(|what| matches!(what, What::Accepted { .. })), before + 6);
}

/// Who owns which partition now.
fn owners(run: &Run) -> BTreeMap<u32, NodeIx> {
    let mut owners = BTreeMap::new();
    for record in run.records() {
        if let What::Assigned { partition, owner, .. } = record.what {
            match owner {
                Some(owner) => owners.insert(partition, owner),
                None => owners.remove(&partition),
            };
        }
    }
    owners
}

fn counts(run: &Run) -> Vec<usize> {
    let owners = owners(run);
    let mut counts: BTreeMap<NodeIx, usize> = BTreeMap::new();
    for owner in owners.values() {
        *counts.entry(*owner).or_default() += 1;
    }
    counts.into_values().collect()
}

fn moved(before: &BTreeMap<u32, NodeIx>, after: &BTreeMap<u32, NodeIx>) -> usize {
    before.iter().filter(|(partition, owner)| after.get(partition) != Some(owner)).count()
}

#[test]
fn s10_a_rebalance_moves_only_what_must_move() {
    let mut run = group_run(1, "1ms", "");
    run.until("0s");
    let alone = owners(&run);
    assert_eq!(counts(&run), [6]);

    add_member(&mut run, 2, "1ms", "");
    run.until("1s");
    let two = owners(&run);
    assert_eq!((counts(&run), moved(&alone, &two)), (vec![3, 3], 3));

    add_member(&mut run, 3, "1ms", "");
    run.until("2s");
    let three = owners(&run);
    assert_eq!((counts(&run), moved(&two, &three)), (vec![2, 2, 2], 2));

    add_member(&mut run, 4, "1ms", "");
    run.until("3s");
    let four = owners(&run);
    let mut sizes = counts(&run);
    sizes.sort_unstable();
    assert_eq!((sizes, moved(&three, &four)), (vec![1, 1, 2, 2], 1));

    run.remove_node("c2");
    run.until("4s");
    let after = owners(&run);
    let c2 = run.node("c2");
    let left_alone = four.iter().filter(|(_, owner)| **owner != c2);
    assert!(left_alone.clone().all(|(partition, owner)| after[partition] == *owner), "{four:?} became {after:?}");
    assert_eq!(counts(&run), [2, 2, 2]);
    let generations: Vec<u32> = run
        .records()
        .filter_map(|record| match record.what {
            What::Rebalanced { generation, .. } => Some(generation),
            _ => None,
        })
        .collect();
    assert!(generations.is_sorted() && generations.len() >= 5, "{generations:?}");
}

#[test]
fn s10_more_members_than_partitions_leaves_some_without() {
    let mut run = group_run(8, "1ms", "");
    fire_into_each_partition(&mut run);
    run.until("1s");
    assert_eq!(counts(&run), [1; 6]);
    assert_eq!(run.fold.figures(run.sub("g")).acked, 6);
}

#[test]
fn s10_an_ack_of_an_old_generation_is_rejected_and_counted() {
    let mut run = group_run(1, "1s", "");
    fire_into_each_partition(&mut run);
    assert_eq!(run.fold.figures(run.sub("g")).in_flight, 6);
    run.until("500ms");
    add_member(&mut run, 2, "1s", "");
    run.until("500ms");
    let c2 = run.node("c2");
    let to_c2: Vec<EventId> = run
        .records()
        .filter_map(|record| match record.what {
            What::Delivered { event, node, .. } if node == c2 => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(to_c2.len(), 3, "the records in flight of the three partitions that moved come again");
    run.until("1s");
    let figures = run.fold.figures(run.sub("g"));
    assert_eq!((figures.acked, figures.in_flight), (3, 3), "{figures:?}");
    let stale = run.count(|what| matches!(what, What::Stale { why: Staleness::OldGeneration, .. }));
    assert_eq!(stale, 3);
    run.until("2s");
    let figures = run.fold.figures(run.sub("g"));
    assert_eq!((figures.acked, figures.open(), run.fold.redeliveries()), (6, 0, 3));
}

#[test]
fn s10_with_a_shared_queue_any_member_takes_the_next_record() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           c = Consumer(takes: Fixed("1s"))
           d = Consumer(takes: Fixed("1s"))
           p -> bus
           bus -> c (group: "g", prefetch: 1)
           bus -> d (group: "g", prefetch: 1)"#,
    );
    for _ in 0..6 {
        run.fire_key("p", "always-the-same");
    }
    run.until("3s");
    assert_eq!(
        (run.summary("c"), run.summary("d")),
        ("received 3 handled 3 acked 3".into(), "received 3 handled 3 acked 3".into())
    );
}

#[test]
fn s11_a_restored_subscription_goes_on_where_it_was() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus(topics: {"a": (keep: "1h")})
           c = Consumer(takes: Fixed("1s"))
           p -> bus
           bus -> c (prefetch: 1)"#,
    );
    let with_c = run.flow.clone();
    run.fire("p", 4);
    // #0 and #1 are settled, #2 is in flight, #3 is queued.
    run.until("2.5s");
    run.remove_node("c");
    run.until("2.5s");
    run.tells(
        "acked purged",
        "1s bus->c acked p#0 by c
         2s bus->c acked p#1 by c
         2.5s bus->c purged p#2 from in-flight
         2.5s bus->c purged p#3 from queued",
    );
    run.fire("p", 2);
    run.until("10s");
    run.become_flow(with_c);
    run.fire("p", 1);
    run.until("1m");
    let delivered = run.story("delivered");
    let after: Vec<&str> = delivered.lines().filter(|line| line.starts_with('1')).collect();
    // Nothing purged comes back, nothing accepted meanwhile is missing.
    let events: Vec<&str> = after.iter().filter_map(|line| line.split(' ').nth(3)).collect();
    assert_eq!(events[events.len() - 3..], ["p#4", "p#5", "p#6"], "{delivered}");
    assert_eq!(run.count(|what| matches!(what, What::Acked { .. })), 5);
    assert_eq!(run.fold.totals().open(), 0);
}

#[test]
fn s11_what_a_lost_member_held_is_redelivered_and_nothing_else() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("100/s"), stops_after: 100)
           bus = Bus
           c = Consumer(takes: Fixed("30ms"), concurrency: 3)
           d = Consumer(takes: Fixed("30ms"), concurrency: 3)
           p -> bus
           bus -> c 2ms (group: "g")
           bus -> d 2ms (group: "g")"#,
    );
    run.until("501ms");
    let c = run.node("c");
    let held: Vec<EventId> = {
        let g = run.sub("g");
        let open = run.fold.open();
        let of_c = open.iter().filter(|(sub, event, one)| {
            let text = format!("{:?}", one.state);
            *sub == g && event.origin() == run.node("p") && text == format!("InFlight({c:?})")
        });
        of_c.map(|(_, event, _)| *event).collect()
    };
    assert!(!held.is_empty());
    run.remove_node("c");
    run.until("1m");
    let mut seen = BTreeSet::new();
    let delivered = run.records().filter_map(|record| match record.what {
        What::Delivered { event, .. } => Some(event),
        _ => None,
    });
    let mut again: Vec<EventId> = delivered.filter(|event| !seen.insert(*event)).collect();
    again.sort_unstable();
    assert_eq!(again, held);
    let figures = run.fold.figures(run.sub("g"));
    assert_eq!((figures.obligations, figures.acked), (100, 100), "never a gap");
}

#[test]
fn s20_each_subscription_gets_each_match_once() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a.b", rate: ByHand)
           bus = Bus
           c1 = Consumer(takes: Fixed("1ms"))
           c2 = Consumer(takes: Fixed("1ms"))
           d = Consumer(takes: Fixed("1ms"))
           overlap = Consumer(takes: Fixed("1ms"))
           other = Consumer(takes: Fixed("1ms"))
           odd = Consumer(takes: Fixed("1ms"))
           p -> bus
           bus -> c1 (group: "shared")
           bus -> c2 (group: "shared")
           bus -> d (topics: ["a.*"])
           bus -> overlap (topics: ["a.b", "a.*", "a.>", ">"])
           bus -> other (topics: ["a", "b.*", "a.b.>"])
           bus -> odd (filter: "event.number == 1 || event.number == 3")"#,
    );
    run.fire("p", 5);
    run.until("1s");
    let received = |run: &Run, node: &str| {
        let node = run.node(node);
        run.count(|what| matches!(what, What::Received { node: at, .. } if *at == node))
    };
    assert_eq!(received(&run, "c1") + received(&run, "c2"), 5, "members compete");
    assert!(received(&run, "c1") > 0 && received(&run, "c2") > 0, "and share");
    assert_eq!(received(&run, "d"), 5);
    assert_eq!(received(&run, "overlap"), 5, "overlapping patterns are one obligation");
    assert_eq!(received(&run, "other"), 0);
    assert_eq!(received(&run, "odd"), 2);
    let totals = run.fold.totals();
    assert_eq!((totals.obligations, totals.acked), (17, 17));
    let odd: Vec<String> =
        run.story("handled").lines().filter(|line| line.contains(" odd ")).map(str::to_owned).collect();
    assert_eq!(odd.len(), 2);
    assert!(odd[0].contains("p#1") && odd[1].contains("p#3"), "{odd:?}");
}

#[test]
fn s20_groups_are_apart_even_on_one_bus() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           q = Producer(emits: "b", rate: ByHand)
           bus = Bus
           rail = Bus
           c = Consumer(takes: Fixed("1ms"))
           d = Consumer(takes: Fixed("1ms"))
           e = Consumer(takes: Fixed("1ms"))
           p -> bus (topic: "all")
           q -> bus (topic: "all")
           q -> rail
           bus -> c (group: "g")
           bus -> d (group: "h")
           rail -> e (group: "g")"#,
    );
    run.fire("p", 2);
    run.fire("q", 3);
    run.until("1s");
    let shown = ["c", "d", "e"].map(|node| run.summary(node));
    let five = "received 5 handled 5 acked 5";
    assert_eq!(shown, [five, five, "received 3 handled 3 acked 3"], "one group name, two buses, two groups");
}
