//! What the user draws: a [`Flow`] of nodes and links, always structurally sound.
//!
//! Everything else (plan, problems, trace, figures, picture) is derived from a flow, a seed and the inputs of a run.
//! The types here are also the flow file: their serde shape is the format that [`crate::file`] reads and writes.

mod distribution;
mod event;
mod expect;
mod fault;
mod flow;
mod gateway;
mod guard;
mod ids;
mod link;
mod node;
mod pattern;
mod preset;
mod quantity;
mod store;
mod stream;
mod time;
mod topic;

pub use self::distribution::Distribution;
pub use self::event::{EventType, JsonText};
pub use self::expect::{Counted, Expectation, ExpectationName, ExpectationTag, Scope};
pub use self::fault::{Fault, FaultKind, FaultName, FaultTag, FaultTarget};
pub use self::flow::{DeadLetterLink, ExpectedLink, Flow, FlowError, FlowParts, LinkRefusal};
pub use self::gateway::Gateway;
pub use self::guard::Breaker;
pub use self::ids::{
    EventId, EventName, EventTypeIx, FaultIx, IdError, LinkId, LinkIx, NodeId, NodeIx, SubIx, TopicIx, TopicName,
};
pub use self::link::{
    Backoff, Call, Guarantee, Jitter, Link, LinkKind, Order, Priority, Publish, QueueLimit, Share, StartAt,
    Subscription, WhenFull,
};
pub use self::node::{
    Bus, Consumer, DeadLetterQueue, Emit, Expression, Function, Handler, Key, KindTag, Node, NodeKind, Note, OverLimit,
    Pacing, Pick, Point, Producer, Rail, RateLimit, RateStep, ReplayPace, Service, Spacing,
};
pub use self::pattern::{Pattern, PatternError};
pub use self::preset::{ENDLESS, Figure, Preset};
pub use self::quantity::{ByteSize, Chance, Factor, QuantityError, Rate, RateUnit};
pub use self::store::{Commit, Expects, Saga, SagaStep, StateField, StateValue, Store, StoreKeeps};
pub use self::stream::{
    Aggregate, EventTime, Grouping, Join, Mapping, Operator, StateKept, Stream, Use, Watermark, Window, WindowShape,
    moment_text,
};
pub use self::time::{SimDuration, SimTime};
pub use self::topic::{Compaction, Dedup, Retention, Topic};

/// Limits of a document. A file beyond one of them is refused when it is read, and the message names the limit.
pub mod limits {
    /// Nodes in a flow.
    pub const NODES: usize = 10_000;
    /// Links in a flow.
    pub const LINKS: usize = 50_000;
    /// Partitions of a topic.
    pub const PARTITIONS: u32 = 1_024;
    /// Members of a consumer group.
    pub const GROUP_MEMBERS: usize = 1_000;
    /// Bytes of one event's data.
    pub const PAYLOAD_BYTES: u64 = 16 * 1024 * 1024;
    /// Emitted events of one handled event.
    pub const EMITS: u32 = 10_000;
    /// Events a second of one producer.
    pub const RATE_PER_SECOND: u64 = 1_000_000;
    /// Longest duration: ten years of 365 days.
    pub const DURATION_NANOS: u64 = 10 * 365 * 86_400 * 1_000_000_000;
    /// Characters of an id, an event type or a topic.
    pub const NAME_CHARS: usize = 200;
    /// Characters of a link's id: two ids, an arrow, and a number that makes it new.
    pub const LINK_NAME_CHARS: usize = 2 * NAME_CHARS + 16;
    /// Faults of a scenario.
    pub const FAULTS: usize = 1_000;
    /// Expectations of a flow.
    pub const EXPECTATIONS: usize = 1_000;
    /// Work a node does at once.
    pub const CONCURRENCY: u32 = 100_000;
    /// Named parts of the state of a key.
    pub const STATE_FIELDS: usize = 64;
    /// Steps of a saga.
    pub const SAGA_STEPS: usize = 100;
    /// Outcomes that a circuit breaker looks back on.
    pub const BREAKER_WINDOW: u32 = 10_000;
}

/// Whether a value is its type's default: what serde skips, so that a file says only what differs.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
