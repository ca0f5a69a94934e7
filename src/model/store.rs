//! What keeps state: stores, and how a service commits its own state together with the events that tell of it.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::ids::EventName;
use super::is_default;
use super::node::Expression;
use super::pattern::Pattern;
use super::quantity::Chance;
use super::time::SimDuration;

/// Keeps state by key: an event store, or a projection of events that others keep.
///
/// What it has committed outlives a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Whether it keeps the events themselves, or only what they add up to.
    pub keeps: StoreKeeps,

    /// What an event belongs to: a stream of the store, a row of the view. Unset means its partition key.
    #[serde(skip_serializing_if = "is_default")]
    pub key: Option<Expression>,

    /// What is worked out for each key, by name.
    #[serde(skip_serializing_if = "is_default")]
    pub state: Vec<StateField>,

    /// The whole state of a key after an event, from `state` before it and `event`; in place of the named fields.
    #[serde(skip_serializing_if = "is_default")]
    pub fold: Option<Expression>,

    /// Which version of its stream an event expects to find; another one is a conflict, and nothing is appended.
    #[serde(skip_serializing_if = "is_default")]
    pub expects: Expects,

    /// After how many events of a stream its state is kept too, so that the next start replays only the rest.
    #[serde(skip_serializing_if = "is_default")]
    pub snapshot_every: Option<u32>,

    /// Which events it passes on once it has taken them: its change feed, in the order in which it took them.
    #[serde(skip_serializing_if = "is_default")]
    pub tells: Vec<EventName>,

    /// How long taking an event lasts, reading the state included.
    pub takes: Distribution,

    /// How many events it takes at once.
    #[serde(skip_serializing_if = "is_one")]
    pub concurrency: u32,

    /// How often taking one fails.
    #[serde(skip_serializing_if = "is_default")]
    pub fails: Chance,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            keeps: StoreKeeps::default(),
            key: None,
            state: Vec::new(),
            fold: None,
            expects: Expects::default(),
            snapshot_every: None,
            tells: Vec::new(),
            takes: Distribution::Fixed(SimDuration::from_millis(2)),
            concurrency: 1,
            fails: Chance::NEVER,
        }
    }
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

/// What a store is the keeper of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StoreKeeps {
    /// What the events of a topic add up to. It can be worked out again, for as long as the topic keeps its log.
    #[default]
    View,
    /// The events, one stream a key, each with its version: the truth, of which all else follows.
    Events,
}

/// A named part of the state of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateField {
    /// What it is called.
    pub name: String,
    /// How it follows from the events.
    pub is: StateValue,
}

/// What events add up to. A value that an event does not have changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateValue {
    /// How many events there were.
    Count,
    /// The sum of a number, exact to nine decimals.
    Sum(Expression),
    /// The least number.
    Min(Expression),
    /// The greatest number.
    Max(Expression),
    /// The value of the earliest event.
    First(Expression),
    /// The value of the latest event.
    Last(Expression),
}

impl StateValue {
    /// What it looks at, if it looks at anything.
    pub const fn expression(&self) -> Option<&Expression> {
        match self {
            Self::Count => None,
            Self::Sum(of) | Self::Min(of) | Self::Max(of) | Self::First(of) | Self::Last(of) => Some(of),
        }
    }

    /// The same of something, or of something else.
    pub fn expression_mut(&mut self) -> Option<&mut Expression> {
        match self {
            Self::Count => None,
            Self::Sum(of) | Self::Min(of) | Self::Max(of) | Self::First(of) | Self::Last(of) => Some(of),
        }
    }
}

/// Which version of its stream an event expects to find.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expects {
    /// Any: it is appended behind whatever is there.
    #[default]
    Any,
    /// That which was read when taking it began: whoever else appended meanwhile has won. Another attempt reads anew.
    AsRead,
    /// That which an expression says, as in `event.data.version`; nothing there means any.
    Version(Expression),
}

/// How a service's own state and the events that tell of its change are committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Commit {
    /// State first, then the events, each by itself: a crash in between loses the events.
    DualWrite {
        /// From the commit to the publish.
        gap: SimDuration,
    },
    /// Both in one transaction. A relay then publishes what it finds, at least once, in the order of the commits.
    Outbox {
        /// How often the relay looks.
        every: SimDuration,
        /// How many events it publishes at one look.
        #[serde(default = "default_batch", skip_serializing_if = "is_default_batch")]
        batch: u32,
        /// From the bus's answer until the event is marked as published. A crash in between publishes it once more.
        #[serde(default = "default_marks", skip_serializing_if = "is_default_marks")]
        marks: SimDuration,
    },
}

impl Commit {
    /// How often a relay looks; a common choice.
    pub const EVERY: SimDuration = SimDuration::from_millis(100);
    /// How many events it publishes at one look.
    pub const BATCH: u32 = 100;
    /// How long marking an event takes.
    pub const MARKS: SimDuration = SimDuration::from_millis(1);

    /// An outbox with the usual figures.
    pub const OUTBOX: Self = Self::Outbox { every: Self::EVERY, batch: Self::BATCH, marks: Self::MARKS };
    /// A dual write with the usual figures.
    pub const DUAL_WRITE: Self = Self::DualWrite { gap: SimDuration::from_millis(5) };
}

fn default_batch() -> u32 {
    Commit::BATCH
}

fn is_default_batch(value: &u32) -> bool {
    *value == Commit::BATCH
}

fn default_marks() -> SimDuration {
    Commit::MARKS
}

fn is_default_marks(value: &SimDuration) -> bool {
    *value == Commit::MARKS
}

/// A service that leads a business transaction over several others: step by step, and back again if one refuses.
///
/// Where each run of it stands is event-sourced, and outlives a crash. Commands and replies belong to a run by their key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Saga {
    /// The events that begin one. One of a key that is known already begins nothing.
    pub starts: Pattern,

    /// What is asked for, one after the other.
    pub steps: Vec<SagaStep>,

    /// How often a command is sent at most while no reply comes.
    #[serde(skip_serializing_if = "is_one")]
    pub tries: u32,

    /// How often a compensation is sent at most while no reply comes. Beyond that the saga is stuck, for people to see.
    #[serde(skip_serializing_if = "is_default_undo_tries")]
    pub undo_tries: u32,

    /// What tells that all steps were done.
    #[serde(skip_serializing_if = "is_default")]
    pub completed: Option<EventName>,

    /// What tells that every step that was done has been undone.
    #[serde(skip_serializing_if = "is_default")]
    pub compensated: Option<EventName>,
}

impl Saga {
    /// Enough to ride out a restart.
    pub const UNDO_TRIES: u32 = 5;

    /// Every event type that it emits.
    pub fn emitted(&self) -> impl Iterator<Item = &EventName> {
        let steps = self.steps.iter().flat_map(|step| std::iter::once(&step.command).chain(&step.undo));
        steps.chain(&self.completed).chain(&self.compensated)
    }

    /// Whether it reacts to events of a type, by beginning or as a reply.
    pub fn reacts_to(&self, name: &str) -> bool {
        let replies = |step: &SagaStep| {
            step.done.as_str() == name
                || step.refused.as_str() == name
                || step.undone.as_ref().is_some_and(|undone| undone.as_str() == name)
        };
        self.starts.matches(name) || self.steps.iter().any(replies)
    }
}

impl Default for Saga {
    fn default() -> Self {
        Self {
            starts: Pattern::all(),
            steps: Vec::new(),
            tries: 1,
            undo_tries: Self::UNDO_TRIES,
            completed: None,
            compensated: None,
        }
    }
}

fn is_default_undo_tries(value: &u32) -> bool {
    *value == Saga::UNDO_TRIES
}

/// A step of a saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SagaStep {
    /// The command that asks for it.
    pub command: EventName,

    /// The reply that says it is done.
    pub done: EventName,

    /// The reply that says it is refused, and changed nothing.
    pub refused: EventName,

    /// The command that undoes it; unset means there is nothing to undo.
    #[serde(default, skip_serializing_if = "is_default")]
    pub undo: Option<EventName>,

    /// The reply that says it is undone; unset means that the command is trusted to do so.
    #[serde(default, skip_serializing_if = "is_default")]
    pub undone: Option<EventName>,

    /// How long a reply is awaited. When none comes, the step may have been done or not: it is undone with the others.
    #[serde(default = "default_timeout", skip_serializing_if = "is_default_timeout")]
    pub timeout: SimDuration,
}

impl SagaStep {
    /// Longer than most replies take.
    pub const TIMEOUT: SimDuration = SimDuration::from_secs(10);
}

fn default_timeout() -> SimDuration {
    SagaStep::TIMEOUT
}

fn is_default_timeout(value: &SimDuration) -> bool {
    *value == SagaStep::TIMEOUT
}
