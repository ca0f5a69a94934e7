//! Links: publishing to a bus, subscribing to one, calling a service.

use serde::{Deserialize, Serialize};

use super::guard::Breaker;
use super::ids::{NodeId, TopicName};
use super::is_default;
use super::node::{Expression, RateLimit};
use super::pattern::Pattern;
use super::quantity::ByteSize;
use super::time::SimDuration;

/// A one-way path for events between two nodes of the same flow.
///
/// Both ends exist for as long as the link does, and are of kinds that may be linked so: only [`super::Flow`] makes and
/// removes links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Where it leaves.
    pub from: NodeId,

    /// Where it arrives.
    pub to: NodeId,

    /// What the author wants a reader to know.
    #[serde(default, skip_serializing_if = "is_default")]
    pub note: String,

    /// How long an event is on its way.
    #[serde(default = "default_delay", skip_serializing_if = "is_default_delay")]
    pub delay: SimDuration,

    /// What goes along it.
    pub kind: LinkKind,
}

impl Link {
    /// One millisecond: a hop within a data centre.
    pub const DELAY: SimDuration = SimDuration::from_millis(1);

    /// A link with the default delay.
    pub const fn new(from: NodeId, to: NodeId, kind: LinkKind) -> Self {
        Self { from, to, note: String::new(), delay: Self::DELAY, kind }
    }

    /// Its subscription, if it is one.
    pub const fn subscription(&self) -> Option<&Subscription> {
        match &self.kind {
            LinkKind::Subscribe(subscription) => Some(subscription),
            LinkKind::Publish(_) | LinkKind::Call(_) => None,
        }
    }

    /// The dead-letter queue that it names, if it names one.
    pub const fn dead_letters(&self) -> Option<&NodeId> {
        match &self.kind {
            LinkKind::Subscribe(subscription) => subscription.dead_letters.as_ref(),
            LinkKind::Call(call) => call.dead_letters.as_ref(),
            LinkKind::Publish(_) => None,
        }
    }
}

fn default_delay() -> SimDuration {
    Link::DELAY
}

fn is_default_delay(delay: &SimDuration) -> bool {
    *delay == Link::DELAY
}

/// What goes along a link. Which it can be follows from the kinds of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum LinkKind {
    /// Producer, service, function or gateway to bus.
    Publish(Publish),
    /// Bus to consumer, service, function or gateway.
    Subscribe(Subscription),
    /// Service, function or gateway to service or function, with no bus between.
    Call(Call),
}

/// Which emitted events go to a bus, and into which topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publish {
    /// The event types that take this way; none named means all.
    #[serde(skip_serializing_if = "is_default")]
    pub events: Vec<Pattern>,

    /// The topic; unset means the one of the event type's name.
    #[serde(skip_serializing_if = "is_default")]
    pub topic: Option<TopicName>,
}

/// Which records of a bus come here, who shares them, and how they are handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subscription {
    /// The topics; none named means all.
    #[serde(skip_serializing_if = "is_default")]
    pub topics: Vec<Pattern>,

    /// The consumer group: all links of one bus with the same group are one subscription and share its records.
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<String>,

    /// How the members of the group share.
    #[serde(skip_serializing_if = "is_default")]
    pub share: Share,

    /// Only records for which this is true.
    #[serde(skip_serializing_if = "is_default")]
    pub filter: Option<Expression>,

    /// Where in the log it starts when it is added while the flow runs. A change of it seeks one that runs there.
    #[serde(skip_serializing_if = "is_default")]
    pub from: StartAt,

    /// Whether what is handled once more, by a seek, has its effects once more too: without it nothing is emitted.
    #[serde(skip_serializing_if = "is_default")]
    pub replay_emits: bool,

    /// What is promised.
    #[serde(skip_serializing_if = "is_default")]
    pub guarantee: Guarantee,

    /// How long after hand-over an acknowledgement is awaited. JetStream's and SQS's default is 30 s.
    #[serde(skip_serializing_if = "is_default_ack_wait")]
    pub ack_wait: SimDuration,

    /// How often a record is handed over at most. JetStream and SQS leave it endless; 5 is a common choice.
    #[serde(skip_serializing_if = "is_default_deliveries")]
    pub deliveries: u32,

    /// How long after a failure a record is handed over again.
    #[serde(skip_serializing_if = "is_default")]
    pub backoff: Backoff,

    /// At most so many unsettled records in all. JetStream's `max_ack_pending` is 1000.
    #[serde(skip_serializing_if = "is_default_max_in_flight")]
    pub max_in_flight: u32,

    /// At most so many unsettled records at one member; unset means twice what it can handle at once.
    #[serde(skip_serializing_if = "is_default")]
    pub prefetch: Option<u32>,

    /// How long the queue may grow, and what happens then.
    #[serde(skip_serializing_if = "is_default")]
    pub queue: QueueLimit,

    /// Whether records of one key wait for each other.
    #[serde(skip_serializing_if = "is_default")]
    pub order: Order,

    /// How long a record is worth anything from when it could be handed over first: RabbitMQ's `x-message-ttl`. What its event
    /// type says counts too, the shorter of the two. Unset means for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: Option<SimDuration>,

    /// Whether records that matter more go first: RabbitMQ's `x-max-priority`. Unset means first come, first served.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: Option<Priority>,

    /// How long a new record stays out of sight: SQS's delay queue. An event type that says its own delay has that instead.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: SimDuration,

    /// For how long an event is remembered that was handled, so that it has its effect once however often it comes. The memory
    /// is shared by the members and outlives their crashes, as a table beside the effects would. Unset means nothing is.
    #[serde(skip_serializing_if = "is_default")]
    pub idempotent: Option<SimDuration>,

    /// Where a record goes that is given up; unset means where the bus says, or nowhere.
    #[serde(skip_serializing_if = "is_default")]
    pub dead_letters: Option<NodeId>,

    /// How many records may be handed over in a time; unset means as many as the members take.
    #[serde(skip_serializing_if = "is_default")]
    pub rate: Option<Box<RateLimit>>,

    /// When nothing is handed over for a while, because too much of it failed; unset means never.
    #[serde(skip_serializing_if = "is_default")]
    pub breaker: Option<Box<Breaker>>,
}

impl Subscription {
    /// JetStream's and SQS's default.
    pub const ACK_WAIT: SimDuration = SimDuration::from_secs(30);
    /// Enough to ride out a hiccup, few enough to see poison.
    pub const DELIVERIES: u32 = 5;
    /// JetStream's default.
    pub const MAX_IN_FLIGHT: u32 = 1_000;

    /// A subscription to these topics, everything else by default.
    pub fn to(topics: Vec<Pattern>) -> Self {
        Self { topics, ..Self::default() }
    }

    /// Whether a topic is one of its own.
    pub fn takes_topic(&self, topic: &str) -> bool {
        self.topics.is_empty() || self.topics.iter().any(|pattern| pattern.matches(topic))
    }
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            topics: Vec::new(),
            group: None,
            share: Share::default(),
            filter: None,
            from: StartAt::default(),
            replay_emits: false,
            guarantee: Guarantee::default(),
            ack_wait: Self::ACK_WAIT,
            deliveries: Self::DELIVERIES,
            backoff: Backoff::default(),
            max_in_flight: Self::MAX_IN_FLIGHT,
            prefetch: None,
            queue: QueueLimit::default(),
            order: Order::default(),
            ttl: None,
            priority: None,
            delay: SimDuration::ZERO,
            idempotent: None,
            dead_letters: None,
            rate: None,
            breaker: None,
        }
    }
}

fn is_default_ack_wait(value: &SimDuration) -> bool {
    *value == Subscription::ACK_WAIT
}

fn is_default_deliveries(value: &u32) -> bool {
    *value == Subscription::DELIVERIES
}

fn is_default_max_in_flight(value: &u32) -> bool {
    *value == Subscription::MAX_IN_FLIGHT
}

/// How the members of a group share its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// Any member takes the next record, as with SQS, RabbitMQ and JetStream.
    #[default]
    Queue,
    /// Each member owns some of the partitions, as with Kafka.
    Partition,
}

/// A place in the logs of a subscription's topics: where it starts when it is added while the flow runs, or is sought to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartAt {
    /// With the next record.
    #[default]
    End,
    /// With the oldest record that is still kept.
    Start,
    /// With the record of this offset, in each partition.
    Offset(u64),
    /// With the first record that was stored at this time or later, counted from the beginning of the run.
    At(SimDuration),
}

/// What a subscription promises about each record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guarantee {
    /// Settled when the handler has finished; handed over again until then.
    #[default]
    AtLeastOnce,
    /// Settled at hand-over; a crash or failure loses it. When a running subscription becomes this, what is in flight keeps
    /// its chance to be acknowledged, but what comes back unhandled is given up.
    AtMostOnce,
}

/// Whether records of one key wait for each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// They are handed over first in the order of the log; one that is tried again may be overtaken.
    #[default]
    Relaxed,
    /// The next of a key is held back until the one before is settled, as in an SQS FIFO group: at most one of a key is in
    /// flight. Records without a key do not wait. One that ends without an ack leaves a gap, which is marked.
    Strict,
}

/// Records that matter more go first; of those that matter as much, whoever has waited longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Priority {
    /// How many levels there are, from 0; an event type that names a higher one has the highest.
    pub levels: u8,

    /// A record that waits counts one level higher each time this has passed, so that after `levels` times this nobody who
    /// came later goes before it. Unset means that the lowest may wait for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub aging: Option<SimDuration>,
}

impl Priority {
    /// RabbitMQ's documentation: "we recommend using up to 5 priority levels"; 10 is what most queues are declared with.
    pub const LEVELS: u8 = 10;
}

impl Default for Priority {
    fn default() -> Self {
        Self { levels: Self::LEVELS, aging: None }
    }
}

/// How long after a failure a record is handed over again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Backoff {
    /// At once.
    None,
    /// Always after the same time.
    Fixed(SimDuration),
    /// After a time that doubles with each attempt.
    Exponential {
        /// After the first failure.
        base: SimDuration,
        /// Never longer than this.
        cap: SimDuration,
        /// How much of it is left to chance.
        #[serde(default, skip_serializing_if = "is_default")]
        jitter: Jitter,
    },
}

impl Default for Backoff {
    fn default() -> Self {
        Self::Exponential {
            base: SimDuration::from_millis(200),
            cap: SimDuration::from_secs(30),
            jitter: Jitter::default(),
        }
    }
}

/// How much of a backoff is left to chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// All of it: anything from 0 to the full time. Source: AWS Architecture Blog, "Exponential Backoff and Jitter".
    #[default]
    Full,
    /// None of it.
    None,
}

/// How long a queue may grow, and what happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueLimit {
    /// At most so many waiting records. NiFi's default is 10 000.
    pub records: u64,
    /// At most so many waiting bytes.
    pub bytes: ByteSize,
    /// What happens to the record that would be one too many.
    #[serde(skip_serializing_if = "is_default")]
    pub when_full: WhenFull,
}

impl Default for QueueLimit {
    fn default() -> Self {
        Self { records: 10_000, bytes: ByteSize::from_bytes(64 << 20), when_full: WhenFull::default() }
    }
}

/// What happens when a queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WhenFull {
    /// The publisher waits: backpressure. Nothing is lost.
    #[default]
    Block,
    /// The oldest waiting record is dropped.
    DropOldest,
    /// The new record is dropped for this subscription.
    DropNewest,
    /// The publish is refused as a whole.
    Reject,
}

/// Which emitted events go straight to another service or function, and how they are handed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Call {
    /// The event types that take this way; none named means all.
    #[serde(skip_serializing_if = "is_default")]
    pub events: Vec<Pattern>,

    /// How often a call is tried at most.
    #[serde(skip_serializing_if = "is_one_delivery")]
    pub deliveries: u32,

    /// How long after a failure it is tried again.
    #[serde(skip_serializing_if = "is_default")]
    pub backoff: Backoff,

    /// How long the callee's inbox may grow, and what happens then.
    #[serde(skip_serializing_if = "is_default")]
    pub queue: QueueLimit,

    /// Where a call goes that is given up; unset means nowhere.
    #[serde(skip_serializing_if = "is_default")]
    pub dead_letters: Option<NodeId>,

    /// How long the caller waits for one attempt, from the moment it is at its callee; then it is cancelled there, and
    /// failed. Unset means as long as it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Option<SimDuration>,

    /// When calls fail at once for a while instead of being made, because too many failed; unset means never.
    #[serde(skip_serializing_if = "is_default")]
    pub breaker: Option<Box<Breaker>>,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            deliveries: 1,
            backoff: Backoff::default(),
            queue: QueueLimit::default(),
            dead_letters: None,
            timeout: None,
            breaker: None,
        }
    }
}

fn is_one_delivery(value: &u32) -> bool {
    *value == 1
}
