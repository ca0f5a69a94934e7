//! Expectations: what has to hold in every run of a flow, whatever chance and faults bring.

use serde::{Deserialize, Serialize};

use super::ids::{EventName, LinkId, NodeId, titles};
use super::is_default;
use super::node::Expression;
use super::quantity::Chance;
use super::time::SimDuration;

titles! {
    /// The name of an expectation, in a person's words: `every order is shipped`.
    ExpectationName;
}

/// One thing that has to hold in every run. What it judges are the records of the run, and the ledger at its end.
///
/// Work that is still under way when a run ends is not judged: it may yet come to a good end, and the verdict says how much
/// of it there was. Where nothing is left to do, nothing is under way, and all is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Expectation {
    /// Nothing is lost: no event is refused, dropped, evicted or lost on a link for good, or by a handler that had it
    /// settled at hand-over. What went to a dead-letter queue is not lost as long as the queue remembers it.
    NothingLost {
        /// Where; unset means everywhere.
        #[serde(default, skip_serializing_if = "is_default")]
        at: Option<Scope>,
    },
    /// Events with the same key are handled in the order in which they were published. Given up ones leave a gap; events
    /// without a key have no order.
    InOrder {
        /// Where; unset means everywhere.
        #[serde(default, skip_serializing_if = "is_default")]
        at: Option<Scope>,
    },
    /// No event is handled twice: its effect happens at most once for each subscription.
    Once {
        /// Where; unset means everywhere.
        #[serde(default, skip_serializing_if = "is_default")]
        at: Option<Scope>,
    },
    /// At most so many dead letters.
    DeadLetters {
        /// The dead-letter queue; unset means all of them together.
        #[serde(default, skip_serializing_if = "is_default")]
        at: Option<NodeId>,
        /// How many there may be.
        #[serde(default)]
        at_most: u64,
    },
    /// A share of all journeys from one node to another takes no longer than a time. A journey begins when the first node
    /// emits (a bus: accepts) an event, and ends when the other one has handled it, or an event that it caused.
    Latency {
        /// Where journeys begin.
        from: NodeId,
        /// Where they end.
        to: NodeId,
        /// Which share of them: 0.99 asks for the p99.
        #[serde(default = "p99", skip_serializing_if = "is_p99")]
        share: Chance,
        /// How long it may take.
        within: SimDuration,
    },
    /// Every event of one type is followed by one of another type with the same root cause.
    Follows {
        /// The type of the first.
        every: EventName,
        /// The type of what has to follow.
        by: EventName,
        /// After how long at the latest.
        within: SimDuration,
        /// Whether both must have the same key besides.
        #[serde(default, skip_serializing_if = "is_default")]
        same_key: bool,
        /// Which of the first ones it is about; unset means all of them.
        #[serde(default, skip_serializing_if = "is_default")]
        when: Option<Expression>,
    },
    /// At most so many events of a subscription are not settled, at any time.
    Lag {
        /// A link that the subscription is drawn as, or a call.
        of: LinkId,
        /// How many there may be.
        at_most: u64,
    },
    /// A node does something this often.
    Count {
        /// The node.
        at: NodeId,
        /// What is counted.
        of: Counted,
        /// Only events of this type.
        #[serde(default, skip_serializing_if = "is_default")]
        event: Option<EventName>,
        /// Only events of which this is true.
        #[serde(default, skip_serializing_if = "is_default")]
        when: Option<Expression>,
        /// How many there have to be when the run ends.
        #[serde(default, skip_serializing_if = "is_default")]
        at_least: u64,
        /// How many there may be; unset means any number.
        #[serde(default, skip_serializing_if = "is_default")]
        at_most: Option<u64>,
    },
}

/// What an expectation is about, where it is not about the whole flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Scope {
    /// A node: what is on its way to it or owed to it; of a producer, what it emits; of a bus, its subscriptions too.
    Node(NodeId),
    /// A link: what goes along it, and the subscription that it is drawn for.
    Link(LinkId),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Node(id) => write!(f, "{id}"),
            Self::Link(id) => write!(f, "{id}"),
        }
    }
}

/// What a node does with events that can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Counted {
    /// Attempts that arrive; publishes that a bus accepts; letters of a dead-letter queue.
    Received,
    /// Attempts that succeed.
    Handled,
    /// Attempts that fail.
    Failed,
    /// Events that it emits.
    Emitted,
}

impl Counted {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 4] = [Self::Received, Self::Handled, Self::Failed, Self::Emitted];

    /// In a sentence: `handled 12`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Handled => "handled",
            Self::Failed => "failed",
            Self::Emitted => "emitted",
        }
    }
}

/// A kind of expectation without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExpectationTag {
    /// [`Expectation::NothingLost`]
    NothingLost,
    /// [`Expectation::InOrder`]
    InOrder,
    /// [`Expectation::Once`]
    Once,
    /// [`Expectation::DeadLetters`]
    DeadLetters,
    /// [`Expectation::Latency`]
    Latency,
    /// [`Expectation::Follows`]
    Follows,
    /// [`Expectation::Lag`]
    Lag,
    /// [`Expectation::Count`]
    Count,
}

impl ExpectationTag {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 8] = [
        Self::NothingLost,
        Self::InOrder,
        Self::Once,
        Self::DeadLetters,
        Self::Latency,
        Self::Follows,
        Self::Lag,
        Self::Count,
    ];

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NothingLost => "Nothing lost",
            Self::InOrder => "In order by key",
            Self::Once => "Effect at most once",
            Self::DeadLetters => "Dead letters",
            Self::Latency => "Latency",
            Self::Follows => "Followed by",
            Self::Lag => "Lag",
            Self::Count => "Count",
        }
    }

    /// What it asks for, in a sentence.
    pub const fn tip(self) -> &'static str {
        match self {
            Self::NothingLost => "No event is refused, dropped, evicted or lost on a link for good",
            Self::InOrder => "Events with the same key are handled in the order in which they were published",
            Self::Once => "No event is handled twice",
            Self::DeadLetters => "At most so many events end in a dead-letter queue",
            Self::Latency => "A share of all journeys from one node to another takes no longer than a time",
            Self::Follows => "Every event of one type is followed by one of another type in time",
            Self::Lag => "A subscription is never further behind than this",
            Self::Count => "A node receives, handles, fails or emits this many events",
        }
    }
}

fn p99() -> Chance {
    Chance::from_billionths(990_000_000)
}

fn is_p99(share: &Chance) -> bool {
    *share == p99()
}

impl Expectation {
    /// Which kind it is.
    pub const fn tag(&self) -> ExpectationTag {
        match self {
            Self::NothingLost { .. } => ExpectationTag::NothingLost,
            Self::InOrder { .. } => ExpectationTag::InOrder,
            Self::Once { .. } => ExpectationTag::Once,
            Self::DeadLetters { .. } => ExpectationTag::DeadLetters,
            Self::Latency { .. } => ExpectationTag::Latency,
            Self::Follows { .. } => ExpectationTag::Follows,
            Self::Lag { .. } => ExpectationTag::Lag,
            Self::Count { .. } => ExpectationTag::Count,
        }
    }

    /// The nodes that it names, each with the setting that does.
    pub fn nodes(&self) -> Vec<(&'static str, &NodeId)> {
        match self {
            Self::NothingLost { at } | Self::InOrder { at } | Self::Once { at } => match at {
                Some(Scope::Node(id)) => vec![("at", id)],
                Some(Scope::Link(_)) | None => Vec::new(),
            },
            Self::DeadLetters { at, at_most: _ } => at.iter().map(|id| ("at", id)).collect(),
            Self::Latency { from, to, share: _, within: _ } => vec![("from", from), ("to", to)],
            Self::Count { at, .. } => vec![("at", at)],
            Self::Follows { .. } | Self::Lag { .. } => Vec::new(),
        }
    }

    /// The link that it names, with the setting that does.
    pub const fn link(&self) -> Option<(&'static str, &LinkId)> {
        match self {
            Self::NothingLost { at: Some(Scope::Link(id)) }
            | Self::InOrder { at: Some(Scope::Link(id)) }
            | Self::Once { at: Some(Scope::Link(id)) } => Some(("at", id)),
            Self::Lag { of, at_most: _ } => Some(("of", of)),
            _ => None,
        }
    }

    /// The event types that it names, each with the setting that does.
    pub fn events(&self) -> Vec<(&'static str, &EventName)> {
        match self {
            Self::Follows { every, by, .. } => vec![("every", every), ("by", by)],
            Self::Count { event, .. } => event.iter().map(|name| ("event", name)).collect(),
            _ => Vec::new(),
        }
    }

    /// Which events it is about, if it says so.
    pub const fn when(&self) -> Option<&Expression> {
        match self {
            Self::Follows { when, .. } | Self::Count { when, .. } => when.as_ref(),
            _ => None,
        }
    }
}
