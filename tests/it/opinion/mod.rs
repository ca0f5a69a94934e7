//! A second opinion: an independent model of the bus reads the records of random runs and must come to the same.
//!
//! `EVENTLOOM_HISTORIES=10000 cargo test --release --no-default-features --test it opinion -- --nocapture` judges more of them
//! and prints what was seen how often.

mod delivering;
mod naive;
mod publishing;
mod rules;

use std::collections::BTreeMap;
use std::io::Write as _;

use eventloom::kernel::Stopped;
use eventloom::model::{SimDuration, SimTime};
use eventloom::trace::{Leg, Phase, Record, What};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use self::naive::Naive;
use self::rules::Rules;
use crate::support::Run;
use crate::support::flow::flow;
use crate::support::random_flow::{Act, Case, case};

/// A sentence for whoever reads why, unless it holds.
macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}
pub(crate) use ensure;

/// Histories that the test command judges.
const HISTORIES: u32 = 500;
/// Steps after which a history is cut short.
const STEPS: u32 = 3_000;

/// A history: a random flow with hands that press buttons and stop it. Nobody edits it: what edits do is judged by the ledger.
fn history(case: &Case) -> (Run, Stopped) {
    let mut run = Run::of(flow(&case.rows), case.seed);
    let mut stopped = Stopped::Until;
    for (pause, act) in &case.acts {
        let until = run.kernel.now() + SimDuration::from_millis(*pause);
        run.unchecked(until, STEPS);
        match act {
            Act::Fire { node, count, key } => {
                let nodes = run.flow.nodes().iter().filter(|(_, node)| node.kind.tag().publishes());
                let nodes: Vec<String> = nodes.map(|(id, _)| id.to_string()).collect();
                if !nodes.is_empty() {
                    run.fire_with(&nodes[node.index(nodes.len())], *count, *key, None);
                }
            }
            Act::Drain => run.drain(),
            _ => {}
        }
    }
    let until = run.kernel.now() + SimDuration::from_secs(2);
    if run.kernel.steps() < u64::from(STEPS) {
        stopped = run.unchecked(until, STEPS);
    }
    (run, stopped)
}

/// What the model says to these records: what it has judged, or which record is wrong and why.
fn judge(run: &Run, records: &[Record<'_>], is_whole: bool) -> Result<BTreeMap<&'static str, u64>, (usize, String)> {
    let rules = Rules::of(&run.flow, run.plan());
    if rules.has_twins() {
        return Ok(BTreeMap::from([("left out: twins", 1)]));
    }
    let mut model = Naive::new(rules);
    for (ix, record) in records.iter().enumerate() {
        model.take(record).map_err(|wrong| (ix, wrong))?;
    }
    if is_whole {
        model.end(run.kernel.now()).map_err(|wrong| (records.len(), wrong))?;
    }
    Ok(model.seen)
}

fn with_story(run: &Run, ix: usize, wrong: &str) -> String {
    let records = &run.kept.records;
    let lines: Vec<String> =
        records[ix.saturating_sub(40)..(ix + 1).min(records.len())].iter().map(|record| run.line(record)).collect();
    format!("{wrong}\nat record {ix}, the last of:\n{}\n", lines.join("\n"))
}

/// Random histories, the same ones every time; a failing one shrinks and is told as rows.
#[track_caller]
fn each_history(count: u32, seed: u64, mut test: impl FnMut(&Case) -> Result<(), TestCaseError>) {
    let config = Config { cases: count, max_shrink_iters: 4_000, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let test = std::cell::RefCell::new(&mut test);
    match runner.run(&case(), |case| (test.borrow_mut())(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n\n{case}\n"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn histories() -> u32 {
    std::env::var("EVENTLOOM_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(HISTORIES)
}

/// Transitions that must be among those that the model has judged: an opinion on nothing is none.
const COVERED: &[&str] = &[
    "accepted",
    "refused",
    "blocked",
    "delivered",
    "delivered again",
    "acked",
    "acked at hand-over",
    "acked while delayed",
    "acked while queued again",
    "call answered",
    "answered too late",
    "nack of an earlier attempt",
    "failed",
    "lost in its handler",
    "throttled",
    "tried again",
    "tried again, throttled",
    "tried again, broken",
    "ack overdue",
    "dead-lettered",
    "dropped",
    "undecodable",
    "pushed out of a full queue",
    "too many hops",
    "evicted",
    "buried",
    "emitted later",
];

#[test]
fn an_independent_model_comes_to_the_same_records() {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    each_history(histories(), 7, |case| {
        let (run, stopped) = history(case);
        match judge(&run, &run.kept.records, stopped != Stopped::Budget) {
            Ok(one) => {
                for (what, count) in one {
                    *seen.entry(what).or_default() += count;
                }
                Ok(())
            }
            Err((ix, wrong)) => Err(TestCaseError::fail(with_story(&run, ix, &wrong))),
        }
    });
    if histories() != HISTORIES {
        for (what, count) in &seen {
            writeln!(std::io::stdout(), "{count:>9} {what}").expect("a place to tell");
        }
    }
    let missing: Vec<_> = COVERED.iter().filter(|what| !seen.contains_key(*what)).collect();
    assert!(missing.is_empty(), "never judged: {missing:?}");
}

/// A lie about one record: what a machine with a fault in it would have shown.
type Lie = fn(&mut Vec<Record<'static>>, usize) -> bool;

/// Each by the name of the fault that it stands for.
const LIES: &[(&str, Lie)] = &[
    ("settled twice", |all, ix| is(all, ix, |what| matches!(what, What::Acked { .. })) && repeat(all, ix)),
    ("never settled", |all, ix| is(all, ix, |what| matches!(what, What::Acked { .. })) && forget(all, ix)),
    ("handed over twice", |all, ix| is(all, ix, |what| matches!(what, What::Delivered { .. })) && repeat(all, ix)),
    ("never handed over", |all, ix| is(all, ix, |what| matches!(what, What::Delivered { .. })) && forget(all, ix)),
    ("a subscription forgotten", |all, ix| {
        is(all, ix, |what| matches!(what, What::Opened { topic: Some(_), .. })) && forget(all, ix)
    }),
    ("owed twice", |all, ix| is(all, ix, |what| matches!(what, What::Opened { .. })) && repeat(all, ix)),
    ("accepted twice", |all, ix| is(all, ix, |what| matches!(what, What::Accepted { .. })) && repeat(all, ix)),
    ("a publish lost", |all, ix| is(all, ix, |what| matches!(what, What::Accepted { .. })) && forget(all, ix)),
    ("an offset left out", |all, ix| {
        change(all, ix, |what| match what {
            What::Accepted { offset, .. } => {
                *offset += 1;
                true
            }
            _ => false,
        })
    }),
    ("another partition", |all, ix| {
        change(all, ix, |what| match what {
            What::Accepted { partition, .. } => {
                *partition += 1;
                true
            }
            _ => false,
        })
    }),
    ("an attempt not counted", |all, ix| {
        change(all, ix, |what| match what {
            What::Delivered { attempt, .. } if *attempt > 1 => {
                *attempt -= 1;
                true
            }
            _ => false,
        })
    }),
    ("a backoff too long", |all, ix| {
        change(all, ix, |what| match what {
            What::Retrying { due, .. } => {
                *due = *due + SimDuration::from_secs(60);
                true
            }
            _ => false,
        })
    }),
    ("a retry not queued", |all, ix| {
        is(all, ix, |what| matches!(what, What::Queued { taken_back: false, .. })) && forget(all, ix)
    }),
    ("given up in silence", |all, ix| {
        is(all, ix, |what| matches!(what, What::Dropped { .. } | What::DeadLettered { .. })) && forget(all, ix)
    }),
    ("dropped instead of dead-lettered", |all, ix| {
        change(all, ix, |what| match *what {
            What::DeadLettered { sub, event, node, reason, attempts, from, .. } => {
                *what = What::Dropped { sub, event, node, reason, attempts, from };
                true
            }
            _ => false,
        })
    }),
    ("a dead letter lost", |all, ix| is(all, ix, |what| matches!(what, What::Buried { .. })) && forget(all, ix)),
    ("not evicted", |all, ix| is(all, ix, |what| matches!(what, What::Evicted { .. })) && forget(all, ix)),
    ("arrives late", |all, ix| {
        change(all, ix, |what| match what {
            What::Sent { arrives, leg: Leg::Publish | Leg::Deliver, .. } => {
                *arrives = SimTime::from_nanos(arrives.as_nanos() + 1);
                true
            }
            _ => false,
        })
    }),
    ("ack after the ack wait", |all, ix| {
        change(all, ix, |what| match what {
            What::Acked { from, auto: false, .. } if *from != Phase::InFlight => {
                *from = Phase::InFlight;
                true
            }
            _ => false,
        })
    }),
    ("handled before its time", |all, ix| {
        change(all, ix, |what| match what {
            What::Handled { service, .. } if !service.is_zero() => {
                *service = SimDuration::from_nanos(service.as_nanos() - 1);
                true
            }
            _ => false,
        })
    }),
    ("begun out of turn", |all, ix| is(all, ix, |what| matches!(what, What::Started { .. })) && forget(all, ix)),
    ("let in though full", |all, ix| is(all, ix, |what| matches!(what, What::Blocked { .. })) && forget(all, ix)),
    ("an emission left out", |all, ix| {
        is(all, ix, |what| matches!(what, What::Sent { leg: Leg::Publish, .. })) && forget(all, ix)
    }),
    ("another member's record", |all, ix| is(all, ix, |what| matches!(what, What::Received { .. })) && forget(all, ix)),
];

fn is(all: &[Record<'_>], ix: usize, fits: impl Fn(&What<'_>) -> bool) -> bool {
    fits(&all[ix].what)
}

fn repeat(all: &mut Vec<Record<'static>>, ix: usize) -> bool {
    all.insert(ix, all[ix]);
    true
}

fn forget(all: &mut Vec<Record<'static>>, ix: usize) -> bool {
    all.remove(ix);
    true
}

fn change(all: &mut [Record<'static>], ix: usize, lie: impl Fn(&mut What<'static>) -> bool) -> bool {
    lie(&mut all[ix].what)
}

/// How many runs are searched for a record that a lie can be told about, and how many such lies are told of each kind.
const LIED_TO: u32 = 60;
const TOLD: u32 = 25;

#[test]
fn the_model_is_not_lied_to() {
    let mut told: BTreeMap<&str, u32> = BTreeMap::new();
    let mut believed: Vec<String> = Vec::new();
    each_history(LIED_TO, 11, |case| {
        let (run, stopped) = history(case);
        let is_whole = stopped != Stopped::Budget;
        for (name, lie) in LIES {
            let mut records = run.kept.records.clone();
            // From the middle on, where there is something to contradict it.
            let Some(_) = (0..records.len()).skip(records.len() / 3).find(|ix| lie(&mut records, *ix)) else {
                continue;
            };
            let count = told.entry(name).or_default();
            if *count < TOLD && is_whole && !Rules::of(&run.flow, run.plan()).has_twins() {
                *count += 1;
                if judge(&run, &records, true).is_ok() {
                    believed.push(format!("{name}\n{case}"));
                }
            }
        }
        Ok(())
    });
    let untold: Vec<_> = LIES.iter().map(|(name, _)| name).filter(|name| !told.contains_key(*name)).collect();
    assert!(untold.is_empty(), "nothing to lie about: {untold:?}");
    assert!(believed.is_empty(), "{} lies believed, the first: {}", believed.len(), believed[0]);
}
