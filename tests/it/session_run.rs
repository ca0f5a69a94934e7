//! Live runs through the session, under a clock that tests can stop: what is done to time never changes what happens.

use std::sync::Arc;
use std::time::Duration;

use eventloom::edit::Edit;
use eventloom::model::{
    ByteSize, Chance, Consumer, Distribution, EventType, Factor, FaultKind, FaultTarget, Link, LinkId, LinkKind, Node,
    NodeId, NodeKind, Pacing, Point, SimDuration, SimTime, Subscription,
};
use eventloom::plan::Capabilities;
use eventloom::run::brokers::{LogBroker, Losses};
use eventloom::session::{
    Answer, EXAMPLES, EventRef, Report, RunState, Session, SimulateOptions, Speed, StartOptions, Step, StopMode, rerun,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::properties::gesture;

fn example(name: &str) -> Session {
    let mut session = Session::new(eventloom::model::Flow::new(""));
    session.open_example(name).expect("an example");
    session.run_on(Handle::current());
    session
}

fn at(speed: u64) -> StartOptions {
    StartOptions { speed: Speed::Times(Factor::from_thousandths(speed * 1_000)), ..StartOptions::default() }
}

fn seconds(seconds: u64) -> SimDuration {
    SimDuration::from_secs(seconds)
}

fn id(text: &str) -> NodeId {
    NodeId::new(text).expect("an id")
}

/// The same draws in every run of the tests.
fn steady_runner() -> TestRunner {
    TestRunner::new_with_rng(ProptestConfig::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

fn draw<S: Strategy>(runner: &mut TestRunner, from: S) -> S::Value {
    from.new_tree(runner).expect("a value").current()
}

/// Lets the clock go until the run has ended, and hands over its report.
async fn ended(session: &Session) -> Report {
    while session.live().state != RunState::Ended {
        sleep(Duration::from_millis(5)).await;
    }
    session.report().expect("an ended run has a report")
}

fn simulated(session: &Session, limit: Option<SimDuration>) -> Report {
    let watch = &mut |_, _| std::ops::ControlFlow::Continue(());
    session.simulate(&SimulateOptions { seed: None, limit }, watch).expect("a flow that runs").report
}

#[tokio::test(start_paused = true)]
async fn live_and_fast_runs_are_the_same_run() {
    for flow in EXAMPLES {
        let mut session = example(flow.name);
        session.start_for(at(10), Some(seconds(30))).expect("an example runs");
        let live = ended(&session).await;
        assert_eq!(live, simulated(&session, Some(seconds(30))), "{}", flow.name);
        assert!(live.records > 0 || live.virtual_ns > 0, "{}", flow.name);
    }
}

#[test]
fn a_run_goes_by_the_clock_of_what_it_runs_on_from_its_start() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    // By now this clock is far from the one on the wall; the window starts runs from a thread that knows only that.
    runtime.block_on(async { sleep(Duration::from_hours(1)).await });
    let mut session = Session::new(eventloom::model::Flow::new(""));
    session.open_example("hello").expect("an example");
    session.run_on(runtime.handle().clone());
    session.start_for(at(1), None).expect("it runs");
    runtime.block_on(async { sleep(Duration::from_secs(5)).await });
    let (now, playhead) = (session.live().now, session.playhead());
    assert!(now > SimTime::ZERO && now <= SimTime::ZERO + seconds(5), "{now}");
    assert!(playhead >= now && playhead <= SimTime::ZERO + seconds(5), "{playhead}");
}

#[tokio::test(start_paused = true)]
async fn playing_with_time_changes_nothing_that_happens() {
    let mut session = example("order-fulfilment");
    let untouched = simulated(&session, Some(seconds(60)));
    session.start_for(at(1), Some(seconds(60))).expect("it runs");
    let mut runner = steady_runner();
    while session.live().state != RunState::Ended {
        let (what, speed, millis) = draw(&mut runner, (0..8_u8, 1..1_000_000_u64, 0..20_u64));
        match what {
            0 => session.pause(),
            1 => session.step(Step::Record).expect("a run"),
            2 => session.step(Step::Instant).expect("a run"),
            3 => session.set_speed(Speed::Times(Factor::from_thousandths(speed))),
            4 => session.set_speed(Speed::Max),
            5 => session.set_speed(Speed::Times(Factor::ONE)),
            _ => session.resume(),
        }
        sleep(Duration::from_millis(millis)).await;
    }
    assert_eq!(session.report().expect("a report"), untouched);
}

#[tokio::test(start_paused = true)]
async fn time_stands_while_paused_and_steps_go_one_at_a_time() {
    let mut session = example("order-fulfilment");
    session.step(Step::Instant).expect("a new run is started for a step");
    sleep(Duration::from_millis(50)).await;
    let first = session.live();
    assert_eq!(first.state, RunState::Paused);
    sleep(Duration::from_hours(1)).await;
    assert_eq!(session.live().now, first.now);
    assert_eq!(session.playhead(), first.now);

    let mut log = Vec::new();
    for _ in 0..200 {
        let before = session.live().now;
        session.step(Step::Instant).expect("a run");
        sleep(Duration::from_millis(50)).await;
        assert!(session.live().now > before, "an instant later each time");
        session.drain_log(&mut log);
    }
    assert!(log.windows(2).all(|rows| rows[0].at <= rows[1].at && rows[0].number < rows[1].number));
    session.resume();
    sleep(Duration::from_secs(2)).await;
    let live = session.live();
    assert_eq!(live.state, RunState::Running);
    let carried_on = session.playhead().since(first.now).as_secs_f64();
    assert!((2.0..60.0).contains(&carried_on), "{carried_on}");
}

#[tokio::test(start_paused = true)]
async fn a_run_with_nothing_due_sleeps_until_something_comes() {
    let mut session = example("hello");
    let doorbell = id("doorbell");
    let mut node = session.flow().node(&doorbell).expect("a producer").clone();
    if let NodeKind::Producer(producer) = &mut node.kind {
        producer.rate = Pacing::ByHand;
    }
    session.apply(&Edit::SetNode(doorbell.clone(), node)).expect("a sound edit");
    session.start(at(1)).expect("it runs");
    sleep(Duration::from_secs(30)).await;
    let looks = Arc::new(std::sync::atomic::AtomicU64::new(0));
    session.on_change({
        let looks = Arc::clone(&looks);
        Arc::new(move || {
            looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        })
    });
    sleep(Duration::from_hours(1)).await;
    assert_eq!(looks.load(std::sync::atomic::Ordering::Relaxed), 0, "nobody is woken while nothing happens");
    assert!(session.live().is_quiet && session.live().state == RunState::Running);

    session.fire(&doorbell, 3, Some("{\"by\": \"hand\"}")).expect("a producer");
    sleep(Duration::from_secs(5)).await;
    let live = session.live();
    assert_eq!(live.node(&doorbell).expect("a node").emitted, 3);
    assert!(looks.load(std::sync::atomic::Ordering::Relaxed) > 0);
    assert!(session.fire(&doorbell, 1, Some("{")).is_err(), "data are JSON");
    assert!(session.fire(&id("house"), 1, None).is_err(), "a bus cannot be fired");
}

/// A consumer of everything that the bus of a flow carries, by a subscription of its own.
fn another_consumer(session: &Session, name: &str) -> Edit {
    let bus = session.flow().nodes().iter().find(|(_, node)| matches!(node.kind, NodeKind::Bus(_)));
    let bus = bus.expect("a bus").0.clone();
    let consumer = Consumer { takes: Distribution::Fixed(SimDuration::from_millis(5)), ..Consumer::default() };
    let node = Node::new(Point(900, 900), NodeKind::Consumer(consumer));
    let link = Link::new(bus.clone(), id(name), LinkKind::Subscribe(Subscription::default()));
    Edit::Many(
        "Add a consumer".to_owned(),
        vec![Edit::AddNode(id(name), node), Edit::AddLink(LinkId::between(&bus, &id(name)), link)],
    )
}

#[tokio::test(start_paused = true)]
async fn a_consumer_added_while_running_loses_nothing_and_can_be_taken_back() {
    let mut session = example("order-fulfilment");
    session.start_for(at(1), Some(seconds(60))).expect("it runs");
    sleep(Duration::from_secs(20)).await;
    let before = session.live();
    session.apply(&another_consumer(&session, "newcomer")).expect("a sound edit");
    sleep(Duration::from_secs(20)).await;
    let during = session.live();
    assert!(!during.runs_earlier_drawing);
    assert!(during.counts.events > before.counts.events);
    assert!(during.node(&id("newcomer")).expect("it runs").handled > 0);
    assert!(session.undo(), "undo works while running");
    sleep(Duration::from_secs(10)).await;
    assert!(session.flow().node(&id("newcomer")).is_none());
    let report = ended(&session).await;
    let ledger = report.ledger;
    assert_eq!(ledger.obligations, ledger.settled() + ledger.open());
    assert_eq!(ledger.dropped, 0, "nothing was lost");

    // Headless, from the flow as started, seed and journal: the same run to the last record.
    let journal = session.journal().expect("a run");
    assert_eq!(journal.entries.len(), 2, "the edit and its undo");
    let journal = journal.recompiled().expect("it compiled before");
    assert_eq!(rerun(&report.flow, &journal, SimTime::from_nanos(report.virtual_ns)), report);
}

#[tokio::test(start_paused = true)]
async fn what_a_hand_breaks_and_heals_is_the_same_run_headless() {
    let mut session = example("order-fulfilment");
    session.start_for(at(1), Some(seconds(60))).expect("it runs");
    sleep(Duration::from_secs(10)).await;
    let node = FaultTarget::Node(id("billing"));
    assert!(
        session.break_now(&node, FaultKind::Drop { chance: Chance::ALWAYS }, None).is_err(),
        "a node drops nothing"
    );
    session.break_now(&node, FaultKind::Crash, None).expect("it breaks");
    sleep(Duration::from_secs(5)).await;
    let handled = |session: &Session| session.live().node(&id("billing")).expect("it is drawn").handled;
    assert_eq!(session.live().faults_on_node(&id("billing")).count(), 1);
    let while_down = handled(&session);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(handled(&session), while_down, "it is gone");
    session.heal_now(&node).expect("it heals");
    sleep(Duration::from_secs(5)).await;
    assert!(handled(&session) > while_down && session.live().faults.is_empty());
    let report = ended(&session).await;
    let journal = session.journal().expect("a run");
    assert_eq!(journal.entries.len(), 2);
    let journal = journal.recompiled().expect("it compiled before");
    assert_eq!(rerun(&report.flow, &journal, SimTime::from_nanos(report.virtual_ns)), report);
}

#[tokio::test(start_paused = true)]
async fn edits_and_fires_while_running_are_the_same_run_headless() {
    let mut runner = steady_runner();
    for case in 0..6 {
        let name = EXAMPLES[(case * 3 + 1) % EXAMPLES.len()].name;
        let mut session = example(name);
        session.start_for(at(1), Some(seconds(40))).expect("it runs");
        let mut edits = 0;
        while session.live().state != RunState::Ended {
            let edit = draw(&mut runner, gesture()).edit(session.flow());
            edits += usize::from(session.apply(&edit).is_ok());
            let producers =
                session.flow().nodes().iter().filter(|(_, node)| matches!(node.kind, NodeKind::Producer(_)));
            if let Some(producer) = producers.map(|(id, _)| id.clone()).next() {
                session.fire(&producer, 2, None).ok();
            }
            // A drawing that cannot run is taken back, so that there is something to compare.
            if edits % 3 == 0 || session.live().runs_earlier_drawing {
                session.undo();
            }
            sleep(Duration::from_millis(700)).await;
        }
        let report = session.report().expect("a report");
        let journal = session.journal().expect("a run").recompiled().expect("it compiled before");
        assert!(journal.entries.len() > 10, "{name}: {}", journal.entries.len());
        let again = rerun(&report.flow, &journal, SimTime::from_nanos(report.virtual_ns));
        assert_eq!(again.trace_hash, report.trace_hash, "{name}");
        assert_eq!(again, report, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drawing_that_cannot_run_leaves_the_earlier_one_running() {
    let mut session = example("order-fulfilment");
    session.start(at(1)).expect("it runs");
    sleep(Duration::from_secs(1)).await;
    let consumer = session.flow().nodes().iter().find(|(_, node)| matches!(node.kind, NodeKind::Consumer(_)));
    let (consumer, node) = consumer.map(|(id, node)| (id.clone(), node.clone())).expect("a consumer");
    let mut broken = node.clone();
    if let NodeKind::Consumer(settings) = &mut broken.kind {
        settings.concurrency = 0;
    }
    session.apply(&Edit::SetNode(consumer, broken)).expect("sound, if senseless");
    sleep(Duration::from_secs(1)).await;
    assert!(session.live().runs_earlier_drawing);
    assert!(!session.problems().is_empty());
    let before = session.live().counts.events;
    sleep(Duration::from_secs(2)).await;
    assert!(session.live().counts.events > before, "the run goes on");
    assert!(session.undo());
    sleep(Duration::from_secs(1)).await;
    assert!(!session.live().runs_earlier_drawing);
}

#[tokio::test(start_paused = true)]
async fn draining_finishes_what_is_under_way() {
    let mut session = example("order-fulfilment");
    session.start(at(1)).expect("it runs");
    sleep(Duration::from_secs(10)).await;
    session.stop(StopMode::Drain);
    let report = ended(&session).await;
    assert_eq!(report.ledger.open(), 0);
    assert_eq!(report.publishes.on_wire, 0);
    assert!(report.ledger.obligations > 0);
    assert!(session.live().ended_because.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_event_tells_where_it_came_from_and_what_became_of_it() {
    let mut session = example("order-fulfilment");
    session.start(at(1)).expect("it runs");
    sleep(Duration::from_secs(30)).await;
    session.pause();
    sleep(Duration::from_millis(100)).await;
    let mut log = Vec::new();
    session.drain_log(&mut log);
    // The last event that was handled and had a cause: its past is long over.
    let row = log.iter().rev().find(|row| {
        row.what == eventloom::session::LogKind::Handled
            && row.event.is_some_and(|event| session.live().event_text(event).starts_with("billing/"))
    });
    let row = row.expect("billing emits");
    session.ask_event(EventRef { event: row.event.expect("an event"), seen_at: row.at });
    let card = loop {
        match session.event_card() {
            Answer::Working => sleep(Duration::from_millis(1)).await,
            Answer::Ready(card) => break card,
            other => panic!("{other:?}"),
        }
    };
    assert!(card.id.starts_with("billing/"));
    let cause = card.cause.as_ref().expect("an order");
    assert!(cause.id.starts_with("checkout/"), "{cause:?}");
    assert!(card.data.is_some());
    assert!(card.obligations.iter().any(|owed| owed.settled && owed.state == "acked"), "{:?}", card.obligations);
    assert!(card.history.iter().any(|row| row.what == eventloom::session::LogKind::Handled));
    let names: Vec<&str> = card.attributes.iter().map(|(name, _)| *name).collect();
    assert_eq!(names[..4], ["id", "source", "specversion", "type"]);

    session.ask_event(EventRef { event: cause.event.event, seen_at: row.at });
    let cause_card = loop {
        match session.event_card() {
            Answer::Working => sleep(Duration::from_millis(1)).await,
            Answer::Ready(card) => break card,
            other => panic!("{other:?}"),
        }
    };
    assert!(cause_card.effects.iter().any(|effect| effect.id == card.id));
    assert!(cause_card.cause.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_bus_outside_that_loses_acks_is_the_same_run_headless() {
    let capabilities = Capabilities { max_deliver: false, groups: false, replay: false, ..Capabilities::ALL };
    // Each lost ack keeps one of a member's few places for the whole ack wait: more of them would only make it slow.
    let broker = LogBroker::new(capabilities, Losses { acks: 60, ..Losses::default() });
    let mut session = example("order-fulfilment");
    session.start_outside(at(1), None, &id("bus"), broker).expect("it runs");
    sleep(Duration::from_mins(1)).await;
    session.stop(StopMode::Drain);
    let report = ended(&session).await;
    assert!(report.publishes.accepted > 100);
    assert_eq!(report.ledger.open(), 0, "{:?}", report.ledger);
    let journal = session.journal().expect("a run").recompiled().expect("it compiled before");
    assert!(journal.entries.len() as u64 > report.publishes.accepted, "outcomes and deliveries came in");
    assert_eq!(rerun(&report.flow, &journal, SimTime::from_nanos(report.virtual_ns)), report);
}

#[tokio::test(start_paused = true)]
async fn what_an_event_type_says_of_its_waiting_reaches_a_run_and_what_it_looks_like_does_not() {
    type Change = fn(&mut EventType);
    const CHANGES: [(&str, bool, Change); 8] = [
        ("ttl", true, |event| event.ttl = Some(seconds(2))),
        ("priority", true, |event| event.priority = 7),
        ("delay", true, |event| event.delay = Some(seconds(1))),
        ("size", true, |event| event.size = Some(ByteSize::from_bytes(17))),
        ("example", true, |event| event.example = "17".parse().ok()),
        ("schema", false, |event| event.schema = "{}".parse().ok()),
        ("note", false, |event| "another".clone_into(&mut event.note)),
        ("color", false, |event| event.color = Some(7)),
    ];
    let mut session = example("time-to-live");
    session.start(at(1)).expect("it runs");
    sleep(Duration::from_secs(1)).await;
    let edits = |session: &Session| session.journal().expect("a run").entries.len();
    for (what, matters, change) in CHANGES {
        let before = edits(&session);
        let (name, mut event) =
            session.flow().events().first_key_value().map(|(n, e)| (n.clone(), e.clone())).expect("one");
        change(&mut event);
        session.apply(&Edit::SetEvent(name, event)).expect("a sound edit");
        sleep(Duration::from_millis(50)).await;
        assert_eq!(edits(&session) - before, usize::from(matters), "{what}");
    }
}
