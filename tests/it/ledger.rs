//! The laws of the ledger and of determinism, on random small flows with random interventions.
//!
//! Every step of every case is recounted from the records alone by [`crate::support::fold`] and compared with the
//! machine's own cursors. A failing case shrinks, and is told as rows that can be pasted into a test.

use std::ops::Range;

use eventloom::kernel::Stopped;
use eventloom::model::{FaultKind, KindTag, SimDuration, SimTime};
use eventloom::trace::{Circuit, Leg, Reason, What};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::support::flow::flow;
use crate::support::random_flow::{Act, Case, any_case, guarded_case, keeping_case, ruled_case};
use crate::support::{Run, carry_out};

/// Steps after which a case is cut short: a small loop with a large fan-out would go on for long and show nothing new.
const STEPS: u64 = 3_000;

/// How long a case goes on after its last intervention.
const AFTER: SimDuration = SimDuration::from_secs(2);

/// How a case is driven: all ways must show the same records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    /// One step at a time, recounted after each.
    Recounted,
    /// So many steps at a time.
    Slices(u32),
    /// As few calls as possible.
    Whole,
}

fn go(run: &mut Run, until: SimTime, drive: Drive) -> Result<Stopped, TestCaseError> {
    loop {
        let left = STEPS.saturating_sub(run.kernel.steps());
        if left == 0 {
            return Ok(Stopped::Budget);
        }
        let stopped = match drive {
            Drive::Recounted => run.try_step(until).map_err(TestCaseError::fail)?,
            Drive::Slices(budget) => run.unchecked(until, u64::from(budget).min(left) as u32),
            Drive::Whole => run.unchecked(until, left as u32),
        };
        if stopped != Stopped::Budget {
            return Ok(stopped);
        }
    }
}

/// Plays some of a case's interventions, and the time before each; after the last one the time after it.
pub(crate) fn play(run: &mut Run, case: &Case, acts: Range<usize>, drive: Drive) -> Result<Stopped, TestCaseError> {
    let begin = case.scenario();
    for (pause, act) in &case.acts[acts.clone()] {
        let until = run.kernel.now() + SimDuration::from_millis(*pause);
        go(run, until, drive)?;
        carry_out(run, &begin, act);
    }
    if acts.end < case.acts.len() {
        return Ok(Stopped::Until);
    }
    let until = run.kernel.now() + AFTER;
    go(run, until, drive)
}

pub(crate) fn start(case: &Case) -> Run {
    Run::of(case.scenario(), case.seed)
}

/// Runs so many cases, the same ones every time, and half as many whose topics have rules; a failing one shrinks and is
/// told as rows.
#[track_caller]
pub(crate) fn check(cases: u32, test: impl Fn(&Case) -> Result<(), TestCaseError>) {
    check_of(any_case(), cases, &test);
    check_of(ruled_case(), cases / 2, &test);
    check_of(keeping_case(), cases / 2, &test);
}

#[track_caller]
fn check_of(which: impl Strategy<Value = Case>, cases: u32, test: impl Fn(&Case) -> Result<(), TestCaseError>) {
    let config = Config { cases, max_shrink_iters: 2_000, failure_persistence: None, ..Config::default() };
    let seed = std::env::var("EVENTLOOM_CASES").ok().and_then(|seed| seed.parse::<u64>().ok()).unwrap_or(0);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = proptest::test_runner::TestRng::from_seed(proptest::test_runner::RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    if let Err(error) = runner.run(&which, |case| test(&case)) {
        match error {
            proptest::test_runner::TestError::Fail(why, case) => panic!("{why}\n\n{case}\n"),
            proptest::test_runner::TestError::Abort(why) => panic!("{why}"),
        }
    }
}

#[test]
fn the_ledger_balances_at_every_step_of_any_flow() {
    check(1_000, |case| {
        let mut run = start(case);
        let stopped = play(&mut run, case, 0..case.acts.len(), Drive::Recounted)?;
        let (given_up, buried) = run.fold.dead_letters();
        // Whatever is quiet owes nothing to the wire.
        // Unless a bus stands still for good, and what comes to it waits.
        let stands_still = |fault: eventloom::kernel::FaultNow| fault.kind == FaultKind::Pause;
        if stopped == Stopped::Quiet && !run.kernel.faults_now().any(stands_still) {
            prop_assert_eq!(run.fold.publishes().on_wire, 0, "quiet, but something is on the wire");
            let removed = case.acts.iter().any(|(_, act)| matches!(act, Act::RemoveNode(_) | Act::Restore));
            prop_assert!(removed || given_up == buried, "{} given up, {} buried", given_up, buried);
        }
        Ok(())
    });
}

/// S21, S24, S26, S27: the same where receivers are protected and gateways ask. Each breaker is derived anew from the
/// outcomes in the trace, each token counted, each request ends once; see [`crate::support::guards`].
#[test]
fn s21_s24_s26_s27_hold_at_every_step_of_any_flow() {
    let seen = std::cell::RefCell::new(std::collections::BTreeMap::<&str, usize>::new());
    check_of(guarded_case(), 700, |case| {
        let mut run = start(case);
        let stopped = play(&mut run, case, 0..case.acts.len(), Drive::Recounted);
        // Of a record that a fault brought twice, records do not tell one obligation from its twin.
        if run.count(|what| matches!(what, What::Duplicated { leg: Leg::Publish | Leg::Call, .. })) > 0 {
            return Ok(());
        }
        if stopped? == Stopped::Quiet {
            let gateways = run.flow.nodes().iter().filter(|(_, node)| node.kind.tag() == KindTag::Gateway);
            for (id, _) in gateways {
                prop_assert_eq!(run.kernel.pending(run.node(id.as_str())), 0, "quiet, but a request waits");
            }
        }
        let mut seen = seen.borrow_mut();
        for record in run.records() {
            let what = match record.what {
                What::BreakerTurned { link: None, circuit, .. } => circuit.name(),
                What::BreakerTurned { circuit: Circuit::Closed, .. } => "call closed",
                What::BreakerTurned { circuit: Circuit::Open, .. } => "call open",
                What::BreakerTurned { .. } => "call half-open",
                What::Limited { .. } => "limited",
                What::HeldBack { .. } => "held back",
                What::Cancelled { .. } => "cancelled",
                What::CallFailed { due: None, .. } => "call given up",
                What::CallFailed { .. } => "call made again",
                What::Failed { reason: Reason::Timeout, .. } => "timeout",
                What::Replied { .. } => "replied",
                What::Unanswered { why, .. } => why.name(),
                What::Orphaned { .. } => "orphan",
                _ => continue,
            };
            *seen.entry(what).or_default() += 1;
        }
        Ok(())
    });
    let seen = seen.into_inner();
    for what in [
        "closed",
        "open",
        "half_open",
        "call closed",
        "call open",
        "call half-open",
        "limited",
        "held back",
        "cancelled",
        "call given up",
        "call made again",
        "timeout",
        "replied",
        "timed_out",
        "no_responders",
        "purged",
        "orphan",
    ] {
        assert!(seen.contains_key(what), "no case had this: {what}; they had {seen:?}");
    }
}

#[test]
fn guarded_cases_go_the_same_way_however_they_are_driven() {
    check_of(guarded_case(), 60, |case| {
        let all = 0..case.acts.len();
        let mut whole = start(case);
        play(&mut whole, case, all.clone(), Drive::Whole)?;
        let mut again = start(case);
        play(&mut again, case, all, Drive::Slices(7))?;
        same_records(&whole, &again, "slices")?;
        let half = case.acts.len() / 2;
        let mut original = start(case);
        play(&mut original, case, 0..half, Drive::Slices(13))?;
        let mut keyframe = original.clone();
        play(&mut original, case, half..case.acts.len(), Drive::Whole)?;
        play(&mut keyframe, case, half..case.acts.len(), Drive::Slices(3))?;
        same_records(&original, &keyframe, "keyframe")
    });
}

/// S2: whatever broke, once it is whole again and time has passed, all that was owed has come to its end, if it does so
/// where nothing breaks.
#[test]
fn after_faults_everything_settles() {
    let settled = std::cell::Cell::new(0_u32);
    check(250, |case| {
        let until = SimTime::ZERO + SimDuration::from_secs(900);
        let mut still = Run::of(flow(&case.rows), case.seed);
        if go(&mut still, until, Drive::Whole)? != Stopped::Quiet || still.kernel.ledger().total.open() > 0 {
            return Ok(());
        }
        let mut scenario = case.scenario();
        let endless: Vec<_> = scenario.faults().iter().filter(|(_, fault)| fault.lasts.is_none()).collect();
        for name in endless.into_iter().map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            scenario.remove_fault(&name).expect("a fault that is there");
        }
        if scenario.faults().is_empty() {
            return Ok(());
        }
        let mut run = Run::of(scenario, case.seed);
        if go(&mut run, until, Drive::Recounted)? == Stopped::Budget {
            return Ok(());
        }
        settled.set(settled.get() + 1);
        let open = run.fold.open();
        prop_assert!(open.is_empty(), "still open: {open:?}");
        prop_assert_eq!(run.fold.publishes().on_wire, 0);
        Ok(())
    });
    assert!(settled.get() > 20, "{} cases had faults that came to an end", settled.get());
}

#[test]
fn the_same_seed_shows_the_same_records_however_it_is_driven() {
    check(80, |case| {
        let all = 0..case.acts.len();
        let mut whole = start(case);
        play(&mut whole, case, all.clone(), Drive::Whole)?;
        for drive in [Drive::Whole, Drive::Slices(1), Drive::Slices(7), Drive::Slices(64)] {
            let mut again = start(case);
            play(&mut again, case, all.clone(), drive)?;
            same_records(&whole, &again, &format!("{drive:?}"))?;
        }
        Ok(())
    });
}

#[test]
fn a_keyframe_goes_on_exactly_as_the_original_does() {
    check(80, |case| {
        let half = case.acts.len() / 2;
        let mut original = start(case);
        play(&mut original, case, 0..half, Drive::Slices(13))?;
        // In the middle of an instant, if there is more to do.
        let now = original.kernel.now() + SimDuration::from_millis(3);
        original.unchecked(now, 5);
        let mut keyframe = original.clone();
        play(&mut original, case, half..case.acts.len(), Drive::Whole)?;
        play(&mut keyframe, case, half..case.acts.len(), Drive::Slices(3))?;
        same_records(&original, &keyframe, "keyframe")
    });
}

fn same_records(one: &Run, other: &Run, what: &str) -> Result<(), TestCaseError> {
    let (one_records, other_records) = (&one.kept.records, &other.kept.records);
    let differs = one_records.iter().zip(other_records).position(|(a, b)| a != b);
    let shorter = one_records.len().min(other_records.len());
    let at = differs.unwrap_or(shorter);
    if at < one_records.len().max(other_records.len()) {
        let line = |run: &Run| run.kept.records.get(at).map_or("nothing".to_owned(), |record| run.line(record));
        return Err(TestCaseError::fail(format!("{what}: record {at} is\n{}\nand\n{}", line(one), line(other))));
    }
    prop_assert_eq!(one.hash.value(), other.hash.value(), "{}: the same records, but another hash", what);
    Ok(())
}

/// What happened at nodes whose names begin with `mine`, in words, so that handles may differ.
fn mine(run: &Run) -> Vec<String> {
    let lines = run.records().map(|record| run.line(record));
    lines.filter(|line| line.split(' ').nth(1).is_some_and(|who| who.starts_with("mine"))).collect()
}

#[track_caller]
fn same_lines(one: &[String], other: &[String]) {
    let differs = one.iter().zip(other).position(|(a, b)| a != b);
    assert_eq!(differs, None, "{:?}\n{:?}", differs.map(|ix| &one[ix]), differs.map(|ix| &other[ix]));
    assert_eq!(one.len(), other.len());
}

#[test]
fn editing_one_part_leaves_the_draws_of_another_alone() {
    let part = |name: &str, rate: &str, takes: &str| {
        format!(
            r#"{name}-p = Producer(emits: "a", rate: Poisson("{rate}"), key: Uniform(5), stops_after: 200)
               {name}-bus = Bus(topics: {{"a": (partitions: 3)}})
               {name}-s = Service(handlers: [(on: "a", takes: Exponential(mean: "{takes}"), fails: 0.2,
                   emits: [(event: "b", chance: 0.5), (event: "c", chance: 0.3)], pick: One)])
               {name}-f = Function(handlers: [(takes: LogNormal(median: "{takes}", p99: "1s"))], instances: 3)
               {name}-p -> {name}-bus
               {name}-s -> {name}-bus
               {name}-bus -> {name}-s (topics: ["a"], deliveries: 4)
               {name}-bus -> {name}-f (topics: ["b"])
            "#
        )
    };
    let base = part("mine", "40/s", "10ms");
    let play = |rows: String| {
        let mut run = Run::of(flow(&rows), 7);
        run.until("20s");
        mine(&run)
    };
    let alone = play(base.clone());
    assert!(alone.len() > 1_500, "{} records", alone.len());
    // Handles shift with names before and after; nothing of mine does.
    for other in [
        part("aaa", "40/s", "10ms"),
        part("aaa", "17/s", "3ms"),
        part("zzz", "90/s", "1ms"),
        format!("{}{}", part("aaa", "5/s", "1ms"), part("zzz", "3/s", "7ms")),
    ] {
        same_lines(&alone, &play(format!("{base}{other}")));
    }
    // Another seed is another run.
    let mut other_seed = Run::of(flow(&base), 8);
    other_seed.until("20s");
    assert_ne!(mine(&other_seed), alone);
}

#[test]
fn an_edit_in_mid_run_leaves_the_draws_of_another_node_alone() {
    let rows = r#"p = Producer(emits: "a", rate: Poisson("40/s"), stops_after: 200)
                  q = Producer(emits: "b", rate: Poisson("40/s"), stops_after: 200)
                  bus = Bus
                  c = Consumer(takes: Exponential(mean: "5ms"), fails: 0.1)
                  d = Consumer(takes: Exponential(mean: "5ms"), fails: 0.1)
                  p -> bus
                  q -> bus
                  bus -> c (topics: ["a"])
                  bus -> d (topics: ["b"])"#;
    let of_c = |run: &Run| {
        let lines = run.records().map(|record| run.line(record));
        lines.filter(|line| matches!(line.split(' ').nth(1), Some("p" | "c"))).collect::<Vec<_>>()
    };
    let mut still = Run::new(rows);
    still.until("20s");
    let mut edited = Run::new(rows);
    edited.until("1s");
    edited.remove_node("q");
    edited.until("2s");
    edited.remove_node("d");
    edited.until("20s");
    same_lines(&of_c(&still), &of_c(&edited));
    assert!(of_c(&still).len() > 800);
}
