//! Which fault struck what, and where that stood at the moment: an opinion on nothing is none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use eventloom::model::FaultTag;
use eventloom::trace::Phase;

/// Where something stood when a fault struck it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stood {
    /// A publish or call on its way: nobody is owed anything yet.
    OnWire,
    Queued,
    Delayed,
    InFlight,
    /// Settled already: at hand-over, by another attempt, or by a copy.
    Settled,
}

impl Stood {
    /// Where an obligation in this phase is; none if it has ended.
    pub(crate) const fn of(phase: Option<Phase>) -> Self {
        match phase {
            Some(Phase::Queued) => Self::Queued,
            Some(Phase::Delayed) => Self::Delayed,
            Some(Phase::InFlight) => Self::InFlight,
            None => Self::Settled,
        }
    }
}

const STOOD: [(Stood, &str); 5] = [
    (Stood::OnWire, "on the wire"),
    (Stood::Queued, "queued"),
    (Stood::Delayed, "delayed"),
    (Stood::InFlight, "in flight"),
    (Stood::Settled, "settled"),
];

const FAULTS: [FaultTag; 9] = [
    FaultTag::Drop,
    FaultTag::Duplicate,
    FaultTag::Delay,
    FaultTag::Reorder,
    FaultTag::Partition,
    FaultTag::Crash,
    FaultTag::Pause,
    FaultTag::Slow,
    FaultTag::ClockSkew,
];

/// Why a cell stays empty, for those that must.
const fn cannot(fault: FaultTag, stood: Stood) -> Option<&'static str> {
    match (fault, stood) {
        (FaultTag::Duplicate, Stood::Queued | Stood::Delayed) => {
            Some("only answers travel then, and an answer is never brought twice")
        }
        (FaultTag::Slow, Stood::OnWire) => Some("only a handling is slow, and what is handled is owed"),
        (FaultTag::ClockSkew, Stood::OnWire) => None,
        (FaultTag::ClockSkew, _) => Some("an event is stamped as it comes into being, before anybody is owed it"),
        _ => None,
    }
}

/// How often each kind of fault struck something that stood there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells(BTreeMap<(FaultTag, Stood), u64>);

impl Cells {
    pub(crate) fn note(&mut self, fault: FaultTag, stood: Stood) {
        *self.0.entry((fault, stood)).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// The table, for people; a dash where nothing can be.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("{:<12}", "fault");
        for (_, name) in STOOD {
            write!(text, "{name:>13}").expect("text grows");
        }
        for fault in FAULTS {
            write!(text, "\n{:<12}", fault.label()).expect("text grows");
            for (stood, _) in STOOD {
                let count = self.0.get(&(fault, stood)).copied().unwrap_or_default();
                let cell = if cannot(fault, stood).is_some() { "-".to_owned() } else { count.to_string() };
                write!(text, "{cell:>13}").expect("text grows");
            }
        }
        text
    }

    /// What is wrong with it: cells that stayed empty, and those that could not be filled and were.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for fault in FAULTS {
            for (stood, name) in STOOD {
                let count = self.0.get(&(fault, stood)).copied().unwrap_or_default();
                match (cannot(fault, stood), count) {
                    (None, 0) => gaps.push(format!("{} never struck what was {name}", fault.label())),
                    (Some(why), 1..) => gaps.push(format!("{} struck what was {name}, but {why}", fault.label())),
                    (None, _) | (Some(_), 0) => {}
                }
            }
        }
        gaps
    }
}
