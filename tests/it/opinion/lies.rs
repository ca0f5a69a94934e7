//! The model is lied to: what machines with a fault in them would have shown.

use std::collections::BTreeMap;

use eventloom::model::{SimDuration, SimTime};
use eventloom::trace::{Leg, Phase, Record, Removal, What};

use super::history::{History, each_history};

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
    ("a gap not told", |all, ix| is(all, ix, |what| matches!(what, What::OrderGap { .. })) && forget(all, ix)),
    ("worth something for ever", |all, ix| is(all, ix, |what| matches!(what, What::Expired { .. })) && forget(all, ix)),
    ("in sight too soon", |all, ix| is(all, ix, |what| matches!(what, What::Postponed { .. })) && forget(all, ix)),
    ("not known again", |all, ix| is(all, ix, |what| matches!(what, What::Deduped { .. })) && forget(all, ix)),
    ("kept after the first ack", |all, ix| {
        is(all, ix, |what| matches!(what, What::Removed { why: Removal::Consumed, .. })) && forget(all, ix)
    }),
    ("taken for another reason", |all, ix| {
        change(all, ix, |what| match what {
            What::Removed { why, .. } if *why == Removal::Superseded => {
                *why = Removal::Deleted;
                true
            }
            _ => false,
        })
    }),
    ("never cleaned", |all, ix| {
        is(all, ix, |what| matches!(what, What::Removed { why: Removal::Superseded, .. })) && forget(all, ix)
    }),
    ("lost to retention in silence", |all, ix| {
        is(all, ix, |what| matches!(what, What::OutOfRange { .. })) && forget(all, ix)
    }),
    ("its effect twice", |all, ix| {
        change(all, ix, |what| match *what {
            What::Recognised { node, sub, event, kind, attempt, service } => {
                let end_to_end = service;
                *what = What::Handled { node, sub, event, kind, attempt, service, end_to_end };
                true
            }
            _ => false,
        })
    }),
    ("not read again", |all, ix| is(all, ix, |what| matches!(what, What::Replayed { .. })) && forget(all, ix)),
    ("sought to the next one", |all, ix| {
        change(all, ix, |what| match what {
            What::Sought { offset, .. } => {
                *offset += 1;
                true
            }
            _ => false,
        })
    }),
    ("muted in silence", |all, ix| is(all, ix, |what| matches!(what, What::Muted { .. })) && forget(all, ix)),
    ("a lost call forgotten", |all, ix| is(all, ix, |what| matches!(what, What::CallFailed { .. })) && forget(all, ix)),
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

/// How many histories are searched for a record that a lie can be told about, and how many such lies are told of each kind.
const LIED_TO: u32 = 600;
const TOLD: u32 = 25;

#[test]
fn the_model_is_not_lied_to() {
    let mut told: BTreeMap<&str, u32> = BTreeMap::new();
    let mut believed: Vec<String> = Vec::new();
    each_history(LIED_TO, 11, |case| {
        let history = History::play(case);
        for (name, lie) in LIES {
            if !history.is_whole() || told.get(name).is_some_and(|count| *count >= TOLD) {
                continue;
            }
            let mut records = history.run.kept.records.clone();
            // From the middle on, where there is something to contradict it.
            let Some(_) = (0..records.len()).skip(records.len() / 3).find(|ix| lie(&mut records, *ix)) else {
                continue;
            };
            *told.entry(name).or_default() += 1;
            if history.judge(&records).is_ok() {
                believed.push(format!("{name}\n{case}"));
            }
        }
        Ok(())
    });
    let untold: Vec<_> = LIES.iter().map(|(name, _)| name).filter(|name| !told.contains_key(*name)).collect();
    assert!(untold.is_empty(), "nothing to lie about: {untold:?}");
    assert!(believed.is_empty(), "{} lies believed, the first: {}", believed.len(), believed[0]);
}
