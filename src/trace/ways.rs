//! The ways in which what happened happens: why, how far, on what occasion. Each is named once, for people and for rules.

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Circuit {
    /// All goes through.
    #[default]
    Closed,
    /// Nothing goes through.
    Open,
    /// A few probes go through, and decide.
    HalfOpen,
}

impl Circuit {
    /// Its stable name, as traces have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoReply {
    /// None came in time.
    TimedOut,
    /// Nobody listens: no subscription matches it, or whoever was asked would not have it.
    NoResponders,
    /// An edit removed the gateway.
    Purged,
}

impl NoReply {
    /// Its stable name, as traces have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::NoResponders => "no_responders",
            Self::Purged => "purged",
        }
    }
}

/// How far an attempt was that a crash ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// On its way to the node.
    OnWire,
    /// At its door.
    Waiting,
    /// Being handled.
    Handling,
    /// Handled, its answer on the way back.
    Answering,
}

impl Stage {
    /// Its stable name, as traces have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnWire => "on_wire",
            Self::Waiting => "waiting",
            Self::Handling => "handling",
            Self::Answering => "answering",
        }
    }
}

/// Why a record left its log before a limit said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Removal {
    /// Whose ack it takes have acked it, or given it up.
    Consumed,
    /// A later record has the same key.
    Superseded,
    /// It said that its key is deleted, and has said so for long enough.
    Deleted,
}

impl Removal {
    /// Its stable name, as traces have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consumed => "consumed",
            Self::Superseded => "superseded",
            Self::Deleted => "deleted",
        }
    }
}

/// The partition key of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyRef<'a> {
    /// It has none.
    #[default]
    None,
    /// One of numbered keys, written `k0`, `k1`, …
    Number(u32),
    /// Its own text.
    Text(&'a str),
}

impl std::fmt::Display for KeyRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Number(number) => write!(f, "k{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What an event travels a link for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// To a bus.
    Publish,
    /// From a bus to a member.
    Deliver,
    /// To a service or function that is called.
    Call,
    /// To a dead-letter queue.
    DeadLetter,
    /// Back to a bus: an ack or a nack. It has no record of its own but where a fault meets it.
    Answer,
    /// From a bus to a member, once more: a seek asked for it.
    Replay,
}

/// The state of an open obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Waiting to be handed over.
    Queued,
    /// Waiting for the time of its next attempt.
    Delayed,
    /// Handed over, not settled.
    InFlight,
}

/// Why an attempt failed, or a record was refused or given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The handler failed, by its own chance.
    Failed,
    /// No ack came in time.
    AckTimeout,
    /// It was tried as often as allowed.
    DeliveryLimit,
    /// The queue was full.
    MaxLength,
    /// An expression could not make sense of it.
    Decode,
    /// It is too many hops away from its root cause: a loop.
    HopLimit,
    /// No instance or token was free, and waiting was not allowed.
    Throttled,
    /// It was evicted from the log.
    Retention,
    /// There is no such topic or node any more.
    NoDestination,
    /// An outside broker would not have it.
    Refused,
    /// The node that it was for, or at, had crashed.
    Down,
    /// It waited longer than it is worth anything.
    Expired,
    /// It has no key, and the topic is compacted by key.
    NoKey,
    /// It took longer than allowed and was cancelled.
    Timeout,
    /// The circuit breaker before it was open.
    CircuitOpen,
    /// The link lost it on its way to its callee.
    Unreachable,
    /// A store's stream had another version than it expected.
    Conflict,
}

impl Reason {
    /// Its stable name, as reports and attributes of dead letters have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed => "rejected",
            Self::AckTimeout => "ack_timeout",
            Self::DeliveryLimit => "max_deliver",
            Self::MaxLength => "maxlen",
            Self::Decode => "decode",
            Self::HopLimit => "hop_limit",
            Self::Throttled => "throttled",
            Self::Retention => "retention",
            Self::NoDestination => "no_destination",
            Self::Refused => "refused",
            Self::Down => "down",
            Self::Conflict => "version_conflict",
            Self::Expired => "expired",
            Self::NoKey => "no_key",
            Self::Timeout => "timeout",
            Self::CircuitOpen => "circuit_open",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Why an ack or nack meant nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Staleness {
    /// The record was settled before.
    Settled,
    /// A later attempt is under way, and this was a nack of an earlier one.
    EarlierAttempt,
    /// The partition had gone to another member since: an old generation.
    OldGeneration,
}
