//! What becomes of state that is kept: of a store's, of a service's outbox, of a saga.

use super::ways::KeyRef;

/// What happened to something that is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kept<'a> {
    /// A store took an event: the state of a key has a new version.
    Appended {
        /// The key.
        key: KeyRef<'a>,
        /// How many events it is made of now.
        version: u64,
    },
    /// A store had taken the event before: nothing changes.
    Repeated,
    /// The event expected another version of its stream: nothing is appended, and this attempt fails.
    Conflict {
        /// What it expected.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A store keeps the state of a stream beside its events.
    Snapshot {
        /// The stream.
        key: KeyRef<'a>,
        /// Of which version.
        version: u64,
    },
    /// A store that had crashed has its state again, from snapshots and the events after them.
    Recovered {
        /// How many streams it has.
        keys: u64,
        /// How many events had to be replayed.
        replayed: u64,
    },
    /// A view was worked out again from the log of its topics.
    Rebuilt {
        /// How many events it is made of.
        events: u64,
        /// What its state hashes to.
        hash: u64,
        /// What it hashed to before.
        was: u64,
    },
    /// A view cannot be worked out again, and stays as it is: the log does not have all events any more.
    NotRebuilt {
        /// How many it does not have.
        missing: u64,
    },
    /// A service committed its state, and with an outbox the events that tell of it.
    Committed {
        /// How many events.
        events: u32,
    },
    /// The relay of an outbox publishes an event.
    Relayed {
        /// Which time.
        attempt: u32,
    },
    /// The event is marked as published, and leaves the outbox.
    Marked,
    /// The event was committed, but is never published: lost between two writes, or with its outbox.
    Unpublished,
    /// A saga moves on.
    Saga {
        /// Which run of it: its number at its node.
        saga: u32,
        /// Which step it is about.
        step: u32,
        /// Which time, for what is asked; else 0.
        attempt: u32,
        /// How.
        is: SagaMove,
    },
}

/// How a saga moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SagaMove {
    /// It begins.
    Started,
    /// A step's command is sent.
    Asked,
    /// The step is done.
    Done,
    /// The step was refused: everything before is to be undone.
    Refused,
    /// No reply came, so the step may have been done or not: it is to be undone too, with everything before.
    InDoubt,
    /// A step's compensation is sent.
    Undoing,
    /// The step is undone.
    Undone,
    /// A reply that nobody waits for, or an event that begins what has begun: it changes nothing.
    Ignored,
    /// All steps are done: the end.
    Completed,
    /// All that was done is undone: the end.
    Compensated,
    /// A compensation is never answered: the end, and people have to see to it.
    Stuck,
}

impl SagaMove {
    /// Its stable name, as traces have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Asked => "asked",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::InDoubt => "in_doubt",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
            Self::Ignored => "ignored",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::Stuck => "stuck",
        }
    }

    /// Whether nothing more happens to it.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::Stuck)
    }
}

impl<'a> Kept<'a> {
    /// Its stable name, as traces have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Appended { .. } => "appended",
            Self::Repeated => "repeated",
            Self::Conflict { .. } => "conflict",
            Self::Snapshot { .. } => "snapshot",
            Self::Recovered { .. } => "recovered",
            Self::Rebuilt { .. } => "rebuilt",
            Self::NotRebuilt { .. } => "not_rebuilt",
            Self::Committed { .. } => "committed",
            Self::Relayed { .. } => "relayed",
            Self::Marked => "marked",
            Self::Unpublished => "unpublished",
            Self::Saga { .. } => "saga",
        }
    }

    /// Its key, if it is about one.
    pub const fn key(&self) -> Option<KeyRef<'a>> {
        match self {
            Self::Appended { key, .. } | Self::Snapshot { key, .. } => Some(*key),
            _ => None,
        }
    }

    /// Its canonical form but for the key: its number and its fields.
    pub(super) const fn words(&self) -> [u64; 5] {
        match *self {
            Self::Appended { key: _, version } => [0, version, 0, 0, 0],
            Self::Repeated => [1, 0, 0, 0, 0],
            Self::Conflict { expected, found } => [2, expected, found, 0, 0],
            Self::Snapshot { key: _, version } => [3, version, 0, 0, 0],
            Self::Recovered { keys, replayed } => [4, keys, replayed, 0, 0],
            Self::Rebuilt { events, hash, was } => [5, events, hash, was, 0],
            Self::NotRebuilt { missing } => [6, missing, 0, 0, 0],
            Self::Committed { events } => [7, events as u64, 0, 0, 0],
            Self::Relayed { attempt } => [8, attempt as u64, 0, 0, 0],
            Self::Marked => [9, 0, 0, 0, 0],
            Self::Unpublished => [10, 0, 0, 0, 0],
            Self::Saga { saga, step, attempt, is } => [11, saga as u64, step as u64, attempt as u64, is as u64],
        }
    }
}

/// What a node's keeping came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptFigures {
    /// Events that a store took.
    pub appended: u64,
    /// Events that it had taken before.
    pub repeated: u64,
    /// Appends that expected another version.
    pub conflicts: u64,
    /// Events that a service committed.
    pub committed: u64,
    /// Times that a relay published one.
    pub relayed: u64,
    /// Events that were committed and are never published.
    pub unpublished: u64,
    /// Sagas that began.
    pub sagas: u64,
    /// Sagas of which all steps were done.
    pub completed: u64,
    /// Sagas of which everything was undone.
    pub compensated: u64,
    /// Sagas that people have to see to.
    pub stuck: u64,
}

impl KeptFigures {
    /// Counts one thing that happened.
    pub(super) fn count(&mut self, what: &Kept<'_>) {
        match what {
            Kept::Appended { .. } => self.appended += 1,
            Kept::Repeated => self.repeated += 1,
            Kept::Conflict { .. } => self.conflicts += 1,
            Kept::Committed { events } => self.committed += u64::from(*events),
            Kept::Relayed { .. } => self.relayed += 1,
            Kept::Unpublished => self.unpublished += 1,
            Kept::Saga { is: SagaMove::Started, .. } => self.sagas += 1,
            Kept::Saga { is: SagaMove::Completed, .. } => self.completed += 1,
            Kept::Saga { is: SagaMove::Compensated, .. } => self.compensated += 1,
            Kept::Saga { is: SagaMove::Stuck, .. } => self.stuck += 1,
            Kept::Snapshot { .. }
            | Kept::Recovered { .. }
            | Kept::Rebuilt { .. }
            | Kept::NotRebuilt { .. }
            | Kept::Marked
            | Kept::Saga { .. } => {}
        }
    }
}
