//! Faults: what is broken on purpose, where, when and how badly.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::ids::{LinkId, NodeId, titles};
use super::is_default;
use super::node::KindTag;
use super::quantity::{Chance, Factor};
use super::time::SimDuration;

titles! {
    /// The name of a fault of the scenario, in a person's words: `billing dies`. Its random stream is keyed by it.
    FaultName;
}

/// One entry of the scenario: something breaks at an instant and is whole again some time later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When it begins, counted from the start of a run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at: SimDuration,

    /// How long it lasts; unset means to the end of the run, or until somebody heals its target.
    #[serde(default, rename = "for", skip_serializing_if = "is_default")]
    pub lasts: Option<SimDuration>,

    /// What it is about.
    pub on: FaultTarget,

    /// What goes wrong.
    pub kind: FaultKind,

    /// What the author wants a reader to know.
    #[serde(default, skip_serializing_if = "is_default")]
    pub note: String,
}

/// What a fault is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum FaultTarget {
    /// A node.
    Node(NodeId),
    /// A link.
    Link(LinkId),
    /// Several links at once, each with its own draws.
    Links(Vec<LinkId>),
}

impl FaultTarget {
    /// The node, if it is one.
    pub const fn node(&self) -> Option<&NodeId> {
        match self {
            Self::Node(id) => Some(id),
            Self::Link(_) | Self::Links(_) => None,
        }
    }

    /// The links that it names.
    pub fn links(&self) -> &[LinkId] {
        match self {
            Self::Node(_) => &[],
            Self::Link(id) => std::slice::from_ref(id),
            Self::Links(ids) => ids,
        }
    }
}

impl fmt::Display for FaultTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => write!(f, "{id}"),
            Self::Link(id) => write!(f, "{id}"),
            Self::Links(ids) => {
                for (place, id) in ids.iter().enumerate() {
                    write!(f, "{}{id}", if place == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum FaultKind {
    /// A link loses what goes along it: publishes, deliveries, calls, and the acks that travel back.
    Drop {
        /// How likely each is lost.
        #[serde(default = "always", skip_serializing_if = "is_always")]
        chance: Chance,
    },
    /// A link brings what goes along it twice.
    Duplicate {
        /// How likely each comes twice.
        #[serde(default = "always", skip_serializing_if = "is_always")]
        chance: Chance,
    },
    /// A link takes longer.
    Delay {
        /// By how much.
        by: Distribution,
        /// How likely each is late.
        #[serde(default = "always", skip_serializing_if = "is_always")]
        chance: Chance,
    },
    /// A link holds some back for anything up to a time, so that what left later overtakes it.
    Reorder {
        /// The longest that one is held back.
        within: SimDuration,
        /// How likely each is held back.
        #[serde(default = "half", skip_serializing_if = "is_half")]
        chance: Chance,
    },
    /// Links carry nothing either way; of a node: all its links, so that it is cut off from the others.
    Partition,
    /// A node is gone until the fault ends, then starts anew. What it was doing and what waited in its memory is lost; a
    /// bus sees the connection break and hands over again at once what it held. A bus refuses publishes and keeps its log.
    Crash,
    /// A node stands still, as by SIGSTOP: nothing is lost, everything waits, ack waits go on. Nobody is told.
    Pause,
    /// A node needs longer for each event that it begins.
    Slow {
        /// How many times as long: `"4x"`.
        by: Factor,
    },
    /// A node's clock is wrong: the events that it makes carry another `time`.
    ClockSkew {
        /// By how much.
        by: SimDuration,
        /// Whether it is late rather than early.
        #[serde(default, skip_serializing_if = "is_default")]
        behind: bool,
    },
}

/// A kind of fault without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultTag {
    /// [`FaultKind::Drop`]
    Drop,
    /// [`FaultKind::Duplicate`]
    Duplicate,
    /// [`FaultKind::Delay`]
    Delay,
    /// [`FaultKind::Reorder`]
    Reorder,
    /// [`FaultKind::Partition`]
    Partition,
    /// [`FaultKind::Crash`]
    Crash,
    /// [`FaultKind::Pause`]
    Pause,
    /// [`FaultKind::Slow`]
    Slow,
    /// [`FaultKind::ClockSkew`]
    ClockSkew,
}

impl FaultTag {
    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Drop => "Drop",
            Self::Duplicate => "Duplicate",
            Self::Delay => "Delay",
            Self::Reorder => "Reorder",
            Self::Partition => "Partition",
            Self::Crash => "Crash",
            Self::Pause => "Pause",
            Self::Slow => "Slow down",
            Self::ClockSkew => "Clock skew",
        }
    }
}

const fn always() -> Chance {
    Chance::ALWAYS
}

fn is_always(chance: &Chance) -> bool {
    *chance == Chance::ALWAYS
}

const fn half() -> Chance {
    Chance::from_billionths(500_000_000)
}

fn is_half(chance: &Chance) -> bool {
    *chance == half()
}

impl FaultKind {
    /// One of each kind with settings to begin with, in the order of menus.
    pub const ALL: [Self; 9] = [
        Self::Drop { chance: half() },
        Self::Duplicate { chance: half() },
        Self::Delay { by: Distribution::Fixed(SimDuration::from_millis(500)), chance: Chance::ALWAYS },
        Self::Reorder { within: SimDuration::from_millis(500), chance: half() },
        Self::Partition,
        Self::Crash,
        Self::Pause,
        Self::Slow { by: Factor::from_thousandths(4_000) },
        Self::ClockSkew { by: SimDuration::from_secs(5), behind: false },
    ];

    /// What people call it.
    pub const fn label(&self) -> &'static str {
        self.tag().label()
    }

    /// Which kind it is.
    pub const fn tag(&self) -> FaultTag {
        match self {
            Self::Drop { .. } => FaultTag::Drop,
            Self::Duplicate { .. } => FaultTag::Duplicate,
            Self::Delay { .. } => FaultTag::Delay,
            Self::Reorder { .. } => FaultTag::Reorder,
            Self::Partition => FaultTag::Partition,
            Self::Crash => FaultTag::Crash,
            Self::Pause => FaultTag::Pause,
            Self::Slow { .. } => FaultTag::Slow,
            Self::ClockSkew { .. } => FaultTag::ClockSkew,
        }
    }

    /// Whether links can have it.
    pub const fn is_for_links(&self) -> bool {
        match self {
            Self::Drop { .. }
            | Self::Duplicate { .. }
            | Self::Delay { .. }
            | Self::Reorder { .. }
            | Self::Partition => true,
            Self::Crash | Self::Pause | Self::Slow { .. } | Self::ClockSkew { .. } => false,
        }
    }

    /// Whether a node of this kind can have it.
    pub const fn is_for_node(&self, tag: KindTag) -> bool {
        match self {
            Self::Drop { .. } | Self::Duplicate { .. } | Self::Delay { .. } | Self::Reorder { .. } => false,
            Self::Partition | Self::Crash | Self::Pause => !matches!(tag, KindTag::Note | KindTag::DeadLetterQueue),
            Self::Slow { .. } => matches!(tag, KindTag::Consumer | KindTag::Service | KindTag::Function),
            Self::ClockSkew { .. } => {
                matches!(tag, KindTag::Producer | KindTag::Service | KindTag::Function | KindTag::Gateway)
            }
        }
    }

    /// How likely it befalls what it could befall.
    pub const fn chance(&self) -> Chance {
        match self {
            Self::Drop { chance }
            | Self::Duplicate { chance }
            | Self::Delay { chance, .. }
            | Self::Reorder { chance, .. } => *chance,
            Self::Partition | Self::Crash | Self::Pause | Self::Slow { .. } | Self::ClockSkew { .. } => Chance::ALWAYS,
        }
    }
}
