//! A bus that an outside broker carries: a log in a task of its own, which redelivers. Every obligation ends, the ledger's
//! laws hold after each step, and what came in, run again without the broker, is the same run to the last record.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use eventloom::kernel::{Incoming, Input, Kernel, Outgoing, Ownership, PublishOutcome, Receipt, Stopped};
use eventloom::model::{EventId, SimTime};
use eventloom::plan::{Capabilities, Inputs, KeptBy, Rule};
use eventloom::run::brokers::{Bridge, Identity, LogBroker, Losses};
use eventloom::run::fast;
use eventloom::run::journal::{Entry, Injected};
use eventloom::trace::{LedgerCounts, Observer as _, Reason, Record, TraceHash, What};
use tokio::runtime::Handle;
use tokio::time::{Duration, Instant, sleep_until};

use super::support::Run;
use super::support::flow::{flow, node_id};
use super::support::run::at;

const ORDERS: &str = r#"
    shop = Producer(emits: "order.placed", rate: Poisson("60/s"), key: Cycle(9), stops_after: 300,
        data: "{ \"amount\": event.number % 10 }")
    bus = Bus(topics: {"order.placed": (partitions: 3), "payment.taken": (partitions: 2)})
    billing = Service(concurrency: 4, handlers: [(on: "order.placed", takes: Exponential(mean: "25ms"), fails: 0.1,
        emits: [(event: "payment.taken")])])
    packing = Consumer(takes: Exponential(mean: "15ms"))
    packing-2 = Consumer(takes: Exponential(mean: "15ms"))
    audit = Consumer(takes: Fixed("1ms"))
    glance = Consumer(takes: Fixed("1ms"), fails: 0.2)
    grave = DeadLetterQueue
    shop -> bus 1ms
    billing -> bus 1ms
    bus -> billing 1ms (topics: ["order.placed"], ack_wait: "100ms", deliveries: 3, backoff: Fixed("50ms"), dead_letters: "grave")
    bus -> packing 1ms (topics: ["payment.taken"], group: "packing", share: Partition, ack_wait: "200ms")
    bus -> packing-2 1ms (topics: ["payment.taken"], group: "packing", share: Partition, ack_wait: "200ms")
    bus -> audit 1ms (topics: ["order.placed"], filter: "event.data.amount >= 5", ack_wait: "50ms")
    bus -> glance (topics: ["order.placed"], guarantee: AtMostOnce, ack_wait: "100ms")
"#;

fn run_of(rows: &str, capabilities: Capabilities) -> Run {
    let outside = BTreeMap::from([(node_id("bus"), capabilities)]);
    Run::with(flow(rows), Inputs { outside, ..Inputs::default() }, 7)
}

/// What a run came to, and what came into it.
struct Lived {
    run: Run,
    entries: Vec<Entry>,
    again: u64,
}

/// A driver at the pace of the clock: the run, one step at a time, and the broker in a task of its own.
async fn live(capabilities: Capabilities, losses: Losses, until: SimTime) -> Lived {
    let mut run = run_of(ORDERS, capabilities);
    let identity = Identity { run: "test-run".into(), began_nanos: 1_700_000_000_000_000_000 };
    let mut bridge = Bridge::new(&mut run.kernel, identity);
    let bus = run.node("bus");
    bridge.connect(&Handle::current(), bus, LogBroker::new(capabilities, losses));
    let began = Instant::now();
    let mut entries = Vec::new();
    loop {
        let now = SimTime::from_nanos(began.elapsed().as_nanos() as u64).min(until);
        if !bridge.is_congested() {
            run.until_at(now);
        }
        bridge.carry_out(&mut run.kernel);
        if now >= until {
            break;
        }
        let due = run.kernel.next_due().map_or(until, |due| due.min(until));
        let due = began + Duration::from_nanos(due.as_nanos());
        tokio::select! {
            biased;
            incoming = bridge.receive() => if let Some(incoming) = incoming {
                // What is due by now comes before what comes in now.
                run.until_at(SimTime::from_nanos(began.elapsed().as_nanos() as u64).min(until));
                let what = Injected::Outside(incoming.clone());
                entries.push(Entry { at: run.kernel.now(), steps: run.kernel.steps(), what });
                run.kernel.inject(Input::Outside(incoming));
            },
            () = sleep_until(due), if !bridge.is_congested() => {}
        }
    }
    assert_eq!(bridge.foreign(), 0);
    let again = run.kernel.settled_again();
    Lived { run, entries, again }
}

fn hash<'a>(records: impl Iterator<Item = &'a Record<'static>>) -> u64 {
    let mut hash = TraceHash::default();
    records.for_each(|record| hash.record(*record));
    hash.value()
}

impl Lived {
    /// The same journal, the fast driver, no adapter: the same run.
    #[track_caller]
    fn assert_replays(&self, capabilities: Capabilities) {
        let fresh = run_of(ORDERS, capabilities);
        let mut kernel = Kernel::new(std::sync::Arc::clone(fresh.kernel.plan()), 7);
        let mut trace = TraceHash::default();
        let until = Some(self.run.kernel.now());
        fast::run(&mut kernel, &self.entries, until, &mut trace, &mut |_| ControlFlow::Continue(()));
        assert_eq!(kernel.steps(), self.run.kernel.steps());
        assert_eq!(trace.value(), hash(self.run.kept.records.iter()), "another run");
        assert_eq!(kernel.ledger(), self.run.kernel.ledger());
    }

    fn count(&self, is: impl Fn(&What<'_>) -> bool) -> usize {
        self.run.kept.records.iter().filter(|record| is(&record.what)).count()
    }
}

/// Runs with a broker of these capabilities and losses: all is settled in the end, and the journal replays.
async fn check(capabilities: Capabilities, losses: Losses) -> Lived {
    let lived = live(capabilities, losses, at("60s")).await;
    let ledger = lived.run.kernel.ledger().total;
    assert_eq!(ledger.open(), 0, "{capabilities:?} {ledger:?}");
    assert!(ledger.balances() && ledger.acked > 500, "{ledger:?}");
    assert!(!lived.run.kernel.awaits_outside() && lived.run.kernel.open_obligations().is_empty());
    assert_eq!(lived.run.fold.publishes().on_wire, 0, "every publish has an outcome");
    lived.assert_replays(capabilities);
    lived
}

/// What the log promises by itself.
const LOG: Capabilities = Capabilities { max_deliver: false, groups: false, replay: false, ..Capabilities::ALL };

#[tokio::test(start_paused = true)]
async fn a_log_outside_redelivers_and_every_obligation_ends_once() {
    let lived = check(LOG, Losses { acks: 7, ..Losses::default() }).await;
    assert!(lived.again > 10, "withheld acks came back as deliveries of what was settled: {}", lived.again);
    let overdue = lived.count(|what| matches!(what, What::Retrying { reason: Reason::AckTimeout, .. }));
    assert!(overdue > 0, "slow handlings were delivered again while they were open");
    assert!(lived.run.fold.redeliveries() as usize > overdue, "failed ones too, after their backoff");
    let publishes = lived.run.fold.publishes();
    assert_eq!((publishes.rejected, publishes.unknown), (0, 0));
    assert_eq!(publishes.accepted, publishes.attempts);
    // S1: what was settled at hand-over is not handed over again, however it ended.
    let glance = lived.run.node("glance");
    assert_eq!(lived.count(|what| matches!(what, What::Received { node, .. } if *node == glance)), 300);
    // S20: the broker knows no filters; they hold all the same.
    let audit = lived.run.node("audit");
    let seen = lived.run.kept.records.iter().filter_map(|record| match record.what {
        What::Handled { node, event, .. } if node == audit => Some(event.number() % 10),
        _ => None,
    });
    let seen: Vec<u64> = seen.collect();
    assert!(seen.len() == 150 && seen.iter().all(|amount| *amount >= 5), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_broker_does_not_promise_is_done_for_it() {
    let rows = [
        Capabilities { groups: true, ..LOG },
        Capabilities { nack_delay: false, ..LOG },
        Capabilities { nack_delay: false, extend: false, ..LOG },
        Capabilities { nack: false, nack_delay: false, ..LOG },
        // As with Kafka: partitions and positions, and nothing else.
        Capabilities { groups: true, ordered_by_key: true, replay: true, ..Capabilities::default() },
    ];
    for capabilities in rows {
        let lived = check(capabilities, Losses::default()).await;
        assert!(lived.run.fold.redeliveries() > 20, "{capabilities:?}");
        // S5: none comes before its time; the fold has held every redelivery against what was told.
        let delayed = lived.count(|what| matches!(what, What::Retrying { reason: Reason::Failed, .. }));
        assert!(delayed > 10, "{capabilities:?}");
        let rebalanced = lived.count(|what| matches!(what, What::Rebalanced { .. }));
        assert_eq!(rebalanced, 1, "the partitions of the group were dealt out once: {capabilities:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_and_unanswered_publishes_are_counted_as_what_they_are() {
    let losses = Losses { acks: 5, answers: 9, refusals: 11 };
    let lived = check(LOG, losses).await;
    let publishes = lived.run.fold.publishes();
    assert!(publishes.rejected > 20 && publishes.unknown > 20, "{publishes:?}");
    assert_eq!(publishes.attempts, publishes.accepted + publishes.rejected + publishes.unknown);
    let refused = lived.count(|what| matches!(what, What::Rejected { reason: Reason::Refused, .. }));
    assert_eq!(refused as u64, publishes.rejected);
}

// ---- the seam itself, with no broker at all ------------------------------------------------------------------------

const PAIR: &str = r#"
    p = Producer(emits: "a", rate: ByHand)
    bus = Bus(topics: {"a": (partitions: 2)})
    c = Consumer(takes: Fixed("10ms"))
    d = Consumer(takes: Fixed("10ms"))
    p -> bus
    bus -> c (group: "g", share: Partition, deliveries: 2)
    bus -> d (group: "g", share: Partition, deliveries: 2)
"#;

fn event(run: &Run, number: u64) -> EventId {
    EventId::new(run.node("p"), number)
}

fn place(run: &Run, partition: u32, offset: u64, attempt: u32) -> Receipt {
    let bus = run.node("bus");
    let topic = run.plan().topics_of(bus).next().expect("a topic");
    let sub = run.plan().subs_of(bus).next().expect("a subscription");
    Receipt { sub, topic, partition, offset, attempt }
}

fn outcome(run: &mut Run, ticket: u64, outcome: PublishOutcome) {
    run.kernel.inject(Input::Outside(Incoming::PublishOutcome { ticket, outcome }));
}

fn deliver(run: &mut Run, number: u64, place: Receipt) {
    let event = event(run, number);
    run.kernel.inject(Input::Outside(Incoming::Delivery { event, place }));
}

fn counts(run: &Run) -> LedgerCounts {
    let ledger = run.kernel.ledger().total;
    assert!(ledger.balances());
    ledger
}

/// What went out since the last time, in words.
fn sent(run: &mut Run) -> String {
    let mut out = Vec::new();
    run.kernel.take_outgoing(&mut out);
    let words = out.iter().map(|outgoing| match outgoing {
        Outgoing::Publish(publish) => format!("publish {}", publish.ticket),
        Outgoing::Ack(of) => format!("ack {}@{}", of.partition, of.offset),
        Outgoing::Nack { of, delay } => format!("nack {}@{} {delay}", of.partition, of.offset),
        Outgoing::Extend(of) => format!("extend {}@{}", of.partition, of.offset),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn an_obligation_opens_when_the_broker_has_the_record_and_not_before() {
    let mut run = run_of(PAIR, LOG);
    run.kernel.connect_outside();
    run.fire("p", 4);
    run.until("1s");
    assert_eq!(sent(&mut run), "publish 0, publish 1, publish 2, publish 3");
    assert_eq!(counts(&run).obligations, 0);
    assert!(run.kernel.awaits_outside());

    outcome(&mut run, 0, PublishOutcome::Accepted { partition: 0, offset: 0 });
    outcome(&mut run, 0, PublishOutcome::Rejected);
    outcome(&mut run, 1, PublishOutcome::Unknown);
    run.until("2s");
    assert_eq!((counts(&run).obligations, counts(&run).queued), (1, 1));

    // A delivery that is here before the answer tells as much; one of an unanswered publish tells that it exists.
    let early = place(&run, 1, 0, 1);
    deliver(&mut run, 2, early);
    outcome(&mut run, 2, PublishOutcome::Accepted { partition: 1, offset: 0 });
    let found = place(&run, 1, 1, 1);
    deliver(&mut run, 1, found);
    run.until("3s");
    assert_eq!((counts(&run).obligations, counts(&run).acked, counts(&run).queued), (3, 2, 1));
    assert_eq!(sent(&mut run), "ack 1@0, ack 1@1");

    // What is settled stays settled; a second copy at another place is settled unhandled.
    deliver(&mut run, 2, place_again(early));
    deliver(&mut run, 2, Receipt { offset: 7, ..early });
    outcome(&mut run, 3, PublishOutcome::Rejected);
    run.until("4s");
    assert_eq!(counts(&run).acked, 2);
    assert_eq!(sent(&mut run), "ack 1@0, ack 1@7");
    assert_eq!(run.kernel.settled_again(), 2);
    let publishes = run.fold.publishes();
    assert_eq!((publishes.accepted, publishes.rejected, publishes.unknown, publishes.on_wire), (2, 1, 1, 0));
}

fn place_again(place: Receipt) -> Receipt {
    Receipt { attempt: place.attempt + 1, ..place }
}

#[test]
fn the_broker_deals_partitions_out_and_acks_of_the_owner_before_mean_nothing() {
    let mut run = run_of(PAIR, Capabilities::ALL);
    run.kernel.connect_outside();
    let member = |run: &Run, name: &str| {
        let sub = place(run, 0, 0, 1).sub;
        let (_, link) = run.plan().sub_members(sub).find(|(node, _)| *node == run.node(name)).expect("a member");
        link
    };
    let change = |run: &mut Run, owners: [&str; 2]| {
        let Receipt { sub, topic, .. } = place(run, 0, 0, 1);
        let owner = |(partition, name): (usize, &str)| Ownership {
            topic,
            partition: partition as u32,
            owner: Some(member(run, name)),
        };
        let owners = owners.into_iter().enumerate().map(owner).collect();
        run.kernel.inject(Input::Outside(Incoming::MemberChange { sub, owners }));
    };
    change(&mut run, ["c", "d"]);
    run.fire("p", 1);
    run.until("1s");
    outcome(&mut run, 0, PublishOutcome::Accepted { partition: 0, offset: 0 });
    let first = place(&run, 0, 0, 1);
    deliver(&mut run, 0, first);
    run.until("1005ms");
    assert_eq!(counts(&run).in_flight, 1);
    change(&mut run, ["d", "c"]);
    run.until("1500ms");
    assert_eq!((counts(&run).queued, counts(&run).acked), (1, 0), "the ack of the owner before is stale");
    deliver(&mut run, 0, first);
    run.until("2s");
    assert_eq!(counts(&run).acked, 1);
    let acked_by = run.kept.records.iter().find_map(|record| match record.what {
        What::Acked { node, .. } => Some(node),
        _ => None,
    });
    assert_eq!(acked_by, Some(run.node("d")));
    assert_eq!(sent(&mut run), "publish 0, ack 0@0");
}

#[test]
fn a_record_whose_last_attempt_is_not_answered_is_given_up() {
    // The broker says nothing any more after its own limit: the machine has watched the time.
    let rows = PAIR.replace("10ms", "2h").replace("deliveries: 2", "deliveries: 2, ack_wait: \"1s\"");
    let mut run = run_of(&rows, Capabilities { groups: false, ..Capabilities::ALL });
    run.kernel.connect_outside();
    run.fire("p", 1);
    run.until("1s");
    outcome(&mut run, 0, PublishOutcome::Accepted { partition: 0, offset: 0 });
    for attempt in 1..=2 {
        let delivery = place(&run, 0, 0, attempt);
        deliver(&mut run, 0, delivery);
        run.until(if attempt == 1 { "2s" } else { "2500ms" });
        assert_eq!(counts(&run).in_flight, 1);
    }
    assert_eq!(run.until("4s"), Stopped::Until);
    assert_eq!((counts(&run).dropped, counts(&run).open()), (1, 0));
    assert_eq!(sent(&mut run), "publish 0, ack 0@0");
}

#[test]
fn an_edit_that_removes_a_subscription_settles_what_it_was_owed() {
    let mut run = run_of(PAIR, LOG);
    run.kernel.connect_outside();
    run.fire("p", 2);
    run.until("1s");
    outcome(&mut run, 0, PublishOutcome::Accepted { partition: 0, offset: 0 });
    outcome(&mut run, 1, PublishOutcome::Accepted { partition: 1, offset: 0 });
    let delivery = place(&run, 0, 0, 1);
    deliver(&mut run, 0, delivery);
    run.until("1005ms");
    assert_eq!((counts(&run).in_flight, counts(&run).queued), (1, 1));
    run.remove_node("c");
    run.until("1006ms");
    assert_eq!((counts(&run).in_flight, counts(&run).queued), (1, 1), "the other member has what the first one held");
    run.remove_node("d");
    run.until("2s");
    assert_eq!((counts(&run).purged, counts(&run).open()), (2, 0));
    assert!(!run.kernel.awaits_outside());
    assert_eq!(sent(&mut run), "publish 0, publish 1, ack 0@0, ack 1@0");
}

#[test]
fn it_is_said_who_keeps_which_rule() {
    let kafka = Capabilities { groups: true, ordered_by_key: true, replay: true, ..Capabilities::default() };
    let kept = |by| Rule::ALL.into_iter().filter(|rule| kafka.kept_by(*rule) == by).collect::<Vec<_>>();
    assert_eq!(kept(KeptBy::Broker), [Rule::OrderByKey, Rule::Groups, Rule::Replay]);
    assert!(kept(KeptBy::Nobody).is_empty());
    let plain = Capabilities::default();
    assert_eq!(plain.kept_by(Rule::OrderByKey), KeptBy::Nobody);
    assert_eq!(plain.kept_by(Rule::AckWait), KeptBy::Machine);
}
