//! Nodes: producers, buses, consumers, services, functions, stream processors, dead-letter queues, stores, gateways and notes.
//!
//! Every setting has a default that makes a node useful the moment it is dropped, and a file says only what differs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::gateway::Gateway;
use super::ids::{EventName, NodeId, TopicName};
use super::is_default;
use super::pattern::Pattern;
use super::quantity::{ByteSize, Chance, Factor, Rate};
use super::store::{Commit, Saga, Store, StoreKeeps};
use super::stream::{Operator, Stream};
use super::time::SimDuration;
use super::topic::Topic;

/// One thing on the canvas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What people call it; empty means its id, made readable.
    #[serde(default, skip_serializing_if = "is_default")]
    pub name: String,

    /// Where its card's centre is.
    pub at: Point,

    /// What the author wants a reader to know.
    #[serde(default, skip_serializing_if = "is_default")]
    pub note: String,

    /// What it does.
    pub kind: NodeKind,
}

impl Node {
    /// A node of this kind, with no name of its own.
    pub const fn new(at: Point, kind: NodeKind) -> Self {
        Self { name: String::new(), at, note: String::new(), kind }
    }

    /// What to call it: its name, or its id made readable (`order-store` is “Order store”).
    pub fn title(&self, id: &NodeId) -> String {
        if !self.name.is_empty() {
            return self.name.clone();
        }
        let words = id.as_str().replace(['-', '_'], " ");
        let mut letters = words.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }
}

/// A place on the canvas, in points at zoom 1; x grows to the right, y downwards. Written as `(620, 240)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point(
    /// To the right.
    pub i32,
    /// Downwards.
    pub i32,
);

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum NodeKind {
    /// Detects or makes events.
    Producer(Producer),
    /// Takes events into topics and hands them to subscribers.
    Bus(Bus),
    /// Reacts to events.
    Consumer(Consumer),
    /// Reacts to events and emits new ones.
    Service(Service),
    /// A service that scales from zero.
    Function(Function),
    /// Filters, transforms, gathers and joins events by the time that they carry.
    Stream(Box<Stream>),
    /// Keeps what could not be handled.
    DeadLetterQueue(DeadLetterQueue),
    /// Keeps state by key: an event store, or a projection.
    Store(Store),
    /// Asks, and waits for the reply to each request.
    Gateway(Box<Gateway>),
    /// A sticky note: words on the canvas.
    Note(Note),
}

/// The kind of a node without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KindTag {
    /// See [`NodeKind::Producer`].
    Producer,
    /// See [`NodeKind::Bus`].
    Bus,
    /// See [`NodeKind::Consumer`].
    Consumer,
    /// See [`NodeKind::Service`].
    Service,
    /// See [`NodeKind::Function`].
    Function,
    /// See [`NodeKind::Stream`].
    Stream,
    /// See [`NodeKind::DeadLetterQueue`].
    DeadLetterQueue,
    /// See [`NodeKind::Store`].
    Store,
    /// See [`NodeKind::Gateway`].
    Gateway,
    /// See [`NodeKind::Note`].
    Note,
}

impl KindTag {
    /// Every kind, in the order of the library.
    pub const ALL: [Self; 10] = [
        Self::Producer,
        Self::Bus,
        Self::Consumer,
        Self::Service,
        Self::Function,
        Self::Stream,
        Self::DeadLetterQueue,
        Self::Store,
        Self::Gateway,
        Self::Note,
    ];

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Producer => "Producer",
            Self::Bus => "Bus",
            Self::Consumer => "Consumer",
            Self::Service => "Service",
            Self::Function => "Function",
            Self::Stream => "Stream processor",
            Self::DeadLetterQueue => "Dead-letter queue",
            Self::Store => "Store",
            Self::Gateway => "Gateway",
            Self::Note => "Note",
        }
    }

    /// What it is for, in a sentence.
    pub const fn tip(self) -> &'static str {
        match self {
            Self::Producer => "Detects or makes events: by hand, at a rate, in bursts, or from a real log",
            Self::Bus => "Takes events into topics and hands them to everyone who subscribed",
            Self::Consumer => "Reacts to events, and that is the end of them",
            Self::Service => "Reacts to events and emits new ones",
            Self::Function => "A service that scales from zero: cold starts, a limit on instances, a cost",
            Self::Stream => "Filters, transforms, counts in windows and joins, by the time that events carry",
            Self::DeadLetterQueue => "Keeps the events that nobody could handle, with the reason",
            Self::Store => {
                "Keeps state by key: the events themselves with their versions, or a view of what they add up to"
            }
            Self::Gateway => "Sends requests, and waits for the reply to each until its deadline",
            Self::Note => "Words on the canvas for whoever reads the drawing",
        }
    }

    /// The beginning of a new node's id.
    pub const fn id_stem(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Bus => "bus",
            Self::Consumer => "consumer",
            Self::Service => "service",
            Self::Function => "function",
            Self::Stream => "stream",
            Self::DeadLetterQueue => "dead-letters",
            Self::Store => "store",
            Self::Gateway => "gateway",
            Self::Note => "note",
        }
    }

    /// A new node's settings, useful as they are.
    pub fn default_kind(self) -> NodeKind {
        match self {
            Self::Producer => NodeKind::Producer(Producer::default()),
            Self::Bus => NodeKind::Bus(Bus::default()),
            Self::Consumer => NodeKind::Consumer(Consumer::default()),
            Self::Service => NodeKind::Service(Service::default()),
            Self::Function => NodeKind::Function(Function::default()),
            Self::Stream => NodeKind::Stream(Box::default()),
            Self::DeadLetterQueue => NodeKind::DeadLetterQueue(DeadLetterQueue::default()),
            Self::Store => NodeKind::Store(Store::default()),
            Self::Gateway => NodeKind::Gateway(Box::default()),
            Self::Note => NodeKind::Note(Note::default()),
        }
    }

    /// Whether it can publish to a bus.
    pub const fn publishes(self) -> bool {
        matches!(self, Self::Producer | Self::Service | Self::Function | Self::Stream | Self::Store | Self::Gateway)
    }

    /// Whether it can subscribe to a bus.
    pub const fn subscribes(self) -> bool {
        matches!(self, Self::Consumer | Self::Service | Self::Function | Self::Stream | Self::Store | Self::Gateway)
    }

    /// Whether it can be called.
    pub const fn is_called(self) -> bool {
        matches!(self, Self::Service | Self::Function | Self::Store)
    }

    /// Whether a hand can make it emit: its button is pressed, or it is called.
    pub const fn is_fired(self) -> bool {
        matches!(self, Self::Producer | Self::Service | Self::Function | Self::Gateway)
    }
}

impl NodeKind {
    /// The kind without its settings.
    pub const fn tag(&self) -> KindTag {
        match self {
            Self::Producer(_) => KindTag::Producer,
            Self::Bus(_) => KindTag::Bus,
            Self::Consumer(_) => KindTag::Consumer,
            Self::Service(_) => KindTag::Service,
            Self::Function(_) => KindTag::Function,
            Self::Stream(_) => KindTag::Stream,
            Self::DeadLetterQueue(_) => KindTag::DeadLetterQueue,
            Self::Store(_) => KindTag::Store,
            Self::Gateway(_) => KindTag::Gateway,
            Self::Note(_) => KindTag::Note,
        }
    }

    /// The handlers of a service or function; none for the others.
    pub fn handlers(&self) -> &[Handler] {
        match self {
            Self::Service(service) => &service.handlers,
            Self::Function(function) => &function.handlers,
            Self::Producer(_)
            | Self::Bus(_)
            | Self::Consumer(_)
            | Self::Stream(_)
            | Self::DeadLetterQueue(_)
            | Self::Store(_)
            | Self::Gateway(_)
            | Self::Note(_) => &[],
        }
    }

    /// What it makes by itself: a producer's events, a gateway's requests.
    pub fn source(&self) -> Option<&Producer> {
        match self {
            Self::Producer(producer) => Some(producer),
            Self::Gateway(gateway) => Some(&gateway.requests),
            Self::Bus(_)
            | Self::Consumer(_)
            | Self::Service(_)
            | Self::Function(_)
            | Self::Stream(_)
            | Self::DeadLetterQueue(_)
            | Self::Store(_)
            | Self::Note(_) => None,
        }
    }

    /// What it does with which event, whatever its kind calls that: its handlers, or a stream processor's operator said as
    /// such.
    pub fn reactions(&self) -> Cow<'_, [Handler]> {
        match self {
            Self::Stream(stream) => Cow::Owned(stream.as_handlers()),
            _ => Cow::Borrowed(self.handlers()),
        }
    }

    /// Whether it is a store that keeps a view, which can be worked out again.
    pub fn is_view(&self) -> bool {
        matches!(self, Self::Store(store) if store.keeps == StoreKeeps::View)
    }

    /// The saga that a service leads, if it leads one.
    pub fn saga(&self) -> Option<&Saga> {
        match self {
            Self::Service(service) => service.saga.as_ref(),
            _ => None,
        }
    }

    /// Every event type that it emits, in the order of its settings.
    pub fn emitted(&self) -> impl Iterator<Item = &EventName> {
        let (produced, late, sides) = match self {
            Self::Stream(stream) => {
                let sides = if matches!(stream.operator, Operator::Join(_)) { 2 } else { 1 };
                (Some(&stream.emits), stream.late_event(), sides)
            }
            _ => (self.source().map(|source| &source.emits), None, 1),
        };
        let handled = self.handlers().iter().flat_map(|handler| handler.emits.iter().map(|emit| &emit.event));
        let told = match self {
            Self::Store(store) => &store.tells[..],
            _ => &[],
        };
        let made = (0..sides).flat_map(move |_| produced.into_iter().chain(late));
        made.chain(handled).chain(self.saga().into_iter().flat_map(Saga::emitted)).chain(told)
    }
}

/// Source text in the small language of filters, conditions and data. Compiled when a flow is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression(pub String);

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// ---- producer -----------------------------------------------------------------------------------------------------

/// Detects or makes events of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Producer {
    /// The type of its events.
    pub emits: EventName,

    /// When it emits.
    pub rate: Pacing,

    /// The partition key of each event.
    #[serde(skip_serializing_if = "is_default")]
    pub key: Key,

    /// The data of each event; unset means the event type's example, or the recorded data when a log is replayed.
    #[serde(skip_serializing_if = "is_default")]
    pub data: Option<Expression>,

    /// How long after the start it begins.
    #[serde(skip_serializing_if = "is_default")]
    pub after: SimDuration,

    /// How many events it emits by itself before it stops; unset means it never does.
    #[serde(skip_serializing_if = "is_default")]
    pub stops_after: Option<u64>,
}

impl Default for Producer {
    fn default() -> Self {
        Self {
            emits: EventName::new("event.happened").expect("a fixed, well-formed name"),
            rate: Pacing::default(),
            key: Key::default(),
            data: None,
            after: SimDuration::ZERO,
            stops_after: None,
        }
    }
}

/// When a producer emits. Each can also be fired by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Pacing {
    /// Only when somebody presses its button.
    ByHand,
    /// At even intervals.
    Constant(Rate),
    /// At random, independent of each other: what many unrelated people do.
    Poisson(Rate),
    /// A handful at once, then silence.
    Bursts {
        /// How many.
        size: u32,
        /// From the beginning of one burst to that of the next.
        every: SimDuration,
        /// Over how long one burst is spread, evenly.
        #[serde(default, skip_serializing_if = "is_default")]
        within: SimDuration,
    },
    /// A rate that changes over time: ramps, day shapes.
    Schedule {
        /// The rate at each moment, in order of time; after the last step it stays, or the whole begins again.
        steps: Vec<RateStep>,
        /// Whether the rate moves steadily from one step to the next, instead of jumping.
        #[serde(default, skip_serializing_if = "is_default")]
        ramp: bool,
        /// How long the whole lasts before it begins again; unset means it does not.
        #[serde(default, skip_serializing_if = "is_default")]
        repeat: Option<SimDuration>,
        /// Whether events come evenly or at random.
        #[serde(default, skip_serializing_if = "is_default")]
        spacing: Spacing,
    },
    /// What really happened, from a log: CloudEvents as JSON lines, or CSV with a column of times.
    Replay {
        /// The log, relative to the flow's own folder.
        file: String,
        /// Its column or field of times; unset means `time`.
        #[serde(default, skip_serializing_if = "is_default")]
        time: Option<String>,
        /// How fast.
        #[serde(default, skip_serializing_if = "is_default")]
        pace: ReplayPace,
    },
}

impl Default for Pacing {
    fn default() -> Self {
        Self::Constant(Rate::per_second(1))
    }
}

/// The rate from one moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateStep {
    /// When, counted from the schedule's beginning.
    pub at: SimDuration,
    /// How often.
    pub rate: Rate,
}

/// How a schedule's events are spread within its rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spacing {
    /// Independent of each other, as a Poisson process.
    #[default]
    Random,
    /// At even intervals.
    Even,
}

/// How fast a log is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ReplayPace {
    /// As it was recorded.
    #[default]
    Recorded,
    /// So many times as fast: `Times("3600x")` is an hour a second.
    Times(Factor),
    /// One event after the other at this rate, whatever was recorded.
    Every(Rate),
}

/// Where the partition key of an event comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Key {
    /// For a producer no key at all; for an emitted event that of its cause.
    #[default]
    Inherit,
    /// One of so many keys, in turn: `k0`, `k1`, …
    Cycle(u32),
    /// One of so many keys, each as likely.
    Uniform(u32),
    /// One of so many keys, the first far more often than the last (Zipf's law with exponent 1).
    Skewed(u32),
    /// What an expression says, as in `event.data.customer`: of the event itself where a producer makes it, of its cause
    /// where it is an effect.
    Of(Expression),
}

// ---- bus ----------------------------------------------------------------------------------------------------------

/// Takes events into topics and routes them by subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bus {
    /// Its topics. One that is published to and not named here exists with default settings.
    #[serde(skip_serializing_if = "is_default")]
    pub topics: BTreeMap<TopicName, Topic>,

    /// Where what its subscriptions give up goes when they do not say otherwise.
    #[serde(skip_serializing_if = "is_default")]
    pub dead_letters: Option<NodeId>,

    /// How its rail lies on the canvas.
    #[serde(skip_serializing_if = "is_default")]
    pub rail: Rail,
}

/// How a bus lies on the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rail {
    /// Topics below each other: publishers left, subscribers right.
    #[default]
    Standing,
    /// Topics beside each other: publishers above, subscribers below.
    Lying,
}

// ---- what reacts --------------------------------------------------------------------------------------------------

/// Reacts to every event it gets, and that is the end of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Consumer {
    /// How long it takes.
    pub takes: Distribution,

    /// How many events it handles at once.
    #[serde(skip_serializing_if = "is_one")]
    pub concurrency: u32,

    /// How often handling fails.
    #[serde(skip_serializing_if = "is_default")]
    pub fails: Chance,

    /// How many events it may begin to handle in a time.
    #[serde(skip_serializing_if = "is_default")]
    pub rate_limit: Option<RateLimit>,

    /// How long handling one event may take; then it is cancelled and failed, and emits nothing. Unset means as long as
    /// it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Option<SimDuration>,
}

impl Default for Consumer {
    fn default() -> Self {
        Self { takes: default_takes(), concurrency: 1, fails: Chance::NEVER, rate_limit: None, timeout: None }
    }
}

/// Reacts to events and emits new ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// How many events it handles at once.
    #[serde(skip_serializing_if = "is_one")]
    pub concurrency: u32,

    /// What it does with which event; the first that matches decides. What none matches is taken and ignored.
    pub handlers: Vec<Handler>,

    /// How many events it may begin to handle in a time.
    #[serde(skip_serializing_if = "is_default")]
    pub rate_limit: Option<RateLimit>,

    /// How its state and what it emits are committed; unset means that no state of its own is looked at.
    #[serde(skip_serializing_if = "is_default")]
    pub commits: Option<Commit>,

    /// The business transaction that it leads, if it leads one.
    #[serde(skip_serializing_if = "is_default")]
    pub saga: Option<Saga>,

    /// How long handling one event may take; then it is cancelled and failed, and emits nothing. Unset means as long as
    /// it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Option<SimDuration>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            concurrency: 1,
            handlers: vec![Handler::default()],
            rate_limit: None,
            timeout: None,
            commits: None,
            saga: None,
        }
    }
}

/// A service that scales from zero: one event an instance at a time, instances come with demand and go with idleness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Function {
    /// What it does with which event; the first that matches decides. What none matches is taken and ignored.
    pub handlers: Vec<Handler>,

    /// At most so many instances.
    pub instances: u32,

    /// Instances that are always warm.
    #[serde(skip_serializing_if = "is_default")]
    pub provisioned: u32,

    /// How long a new instance takes before it can handle its first event.
    pub cold_start: Distribution,

    /// How long an idle instance stays warm.
    pub keep_warm: SimDuration,

    /// At most so many new instances in any 10 seconds. AWS Lambda's figure is 1000 for each function.
    #[serde(skip_serializing_if = "is_default_scale_out")]
    pub scale_out: u32,

    /// What happens to an event when all instances are busy and no more may come.
    #[serde(skip_serializing_if = "is_default")]
    pub over_limit: OverLimit,

    /// The memory of an instance, for the cost.
    #[serde(skip_serializing_if = "is_default_memory")]
    pub memory: ByteSize,

    /// Price of one GiB of memory in use for one second, in billionths of a dollar.
    #[serde(skip_serializing_if = "is_default_gib_second")]
    pub price_gib_second: u64,

    /// Price of one invocation, in billionths of a dollar.
    #[serde(skip_serializing_if = "is_default_invocation")]
    pub price_invocation: u64,

    /// How many events it may begin to handle in a time.
    #[serde(skip_serializing_if = "is_default")]
    pub rate_limit: Option<RateLimit>,

    /// How long handling one event may take; then it is cancelled and failed, and emits nothing. Unset means as long as
    /// it takes.
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Option<SimDuration>,
}

impl Function {
    /// AWS Lambda: "each function can scale by up to 1000 execution environments every 10 seconds".
    pub const SCALE_OUT: u32 = 1_000;
    /// A common size.
    pub const MEMORY: ByteSize = ByteSize::from_bytes(512 << 20);
    /// AWS Lambda on x86 in us-east-1: 0.0000166667 dollars a GB-second.
    pub const PRICE_GIB_SECOND: u64 = 16_667;
    /// AWS Lambda: 0.20 dollars a million requests.
    pub const PRICE_INVOCATION: u64 = 200;
}

impl Default for Function {
    fn default() -> Self {
        Self {
            handlers: vec![Handler::default()],
            instances: 10,
            provisioned: 0,
            cold_start: Distribution::Fixed(SimDuration::from_millis(400)),
            keep_warm: SimDuration::from_secs(300),
            scale_out: Self::SCALE_OUT,
            over_limit: OverLimit::default(),
            memory: Self::MEMORY,
            price_gib_second: Self::PRICE_GIB_SECOND,
            price_invocation: Self::PRICE_INVOCATION,
            rate_limit: None,
            timeout: None,
        }
    }
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

fn is_default_scale_out(value: &u32) -> bool {
    *value == Function::SCALE_OUT
}

fn is_default_memory(value: &ByteSize) -> bool {
    *value == Function::MEMORY
}

fn is_default_gib_second(value: &u64) -> bool {
    *value == Function::PRICE_GIB_SECOND
}

fn is_default_invocation(value: &u64) -> bool {
    *value == Function::PRICE_INVOCATION
}

fn default_takes() -> Distribution {
    Distribution::LogNormal { median: SimDuration::from_millis(20), p99: SimDuration::from_millis(100) }
}

/// What to do with an event that comes when nothing may start it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverLimit {
    /// It waits in the queue.
    #[default]
    Queue,
    /// It is handed back and comes again after the subscription's backoff; that counts as a throttled attempt.
    Retry,
    /// It is refused for good: dead-lettered or dropped.
    Reject,
}

/// A token bucket: `rate` in the long run, `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// How fast tokens come back.
    pub rate: Rate,
    /// How many can be saved up, at least 1.
    pub burst: u32,
    /// What happens to an event that finds no token.
    #[serde(default, skip_serializing_if = "is_default")]
    pub over: OverLimit,
}

/// What a service or function does with events of some types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Handler {
    /// The event types it reacts to.
    pub on: Pattern,

    /// How long it takes.
    pub takes: Distribution,

    /// How often it fails. What it would have emitted is then not emitted.
    #[serde(skip_serializing_if = "is_default")]
    pub fails: Chance,

    /// What it emits when it succeeds.
    #[serde(skip_serializing_if = "is_default")]
    pub emits: Vec<Emit>,

    /// Whether it emits each of them by its own chance, or one of them.
    #[serde(skip_serializing_if = "is_default")]
    pub pick: Pick,
}

impl Default for Handler {
    fn default() -> Self {
        Self { on: Pattern::all(), takes: default_takes(), fails: Chance::NEVER, emits: Vec::new(), pick: Pick::Each }
    }
}

/// Which of its emits a handler makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pick {
    /// Each, by its own chance.
    #[default]
    Each,
    /// At most one: the chances share one draw, and what is left of 1 is nothing.
    One,
}

/// An event that a handler emits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Emit {
    /// Its type.
    pub event: EventName,

    /// How likely.
    #[serde(default = "always", skip_serializing_if = "is_always")]
    pub chance: Chance,

    /// How many.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,

    /// Only if this expression about the cause is true.
    #[serde(default, skip_serializing_if = "is_default")]
    pub when: Option<Expression>,

    /// How long after the handling ended.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after: Option<Distribution>,

    /// Its partition key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: Key,

    /// Its data, built from the cause; unset means its type's example, or else the cause's data.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: Option<Expression>,
}

impl Emit {
    /// One event of this type, always.
    pub fn new(event: EventName) -> Self {
        Self { event, chance: Chance::ALWAYS, count: 1, when: None, after: None, key: Key::Inherit, data: None }
    }
}

fn always() -> Chance {
    Chance::ALWAYS
}

fn is_always(chance: &Chance) -> bool {
    *chance == Chance::ALWAYS
}

fn one() -> u32 {
    1
}

// ---- the rest -----------------------------------------------------------------------------------------------------

/// Keeps what could not be handled, with the reason, where it came from and how often it was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetterQueue {
    /// How many it keeps; beyond that the oldest is forgotten (and counted). Unset means the run's memory limit.
    #[serde(skip_serializing_if = "is_default")]
    pub keep_records: Option<u64>,
}

/// Words on the canvas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Note {
    /// The words.
    pub text: String,
    /// Width and height of the paper.
    pub size: Point,
}

impl Default for Note {
    fn default() -> Self {
        Self { text: String::new(), size: Point(200, 96) }
    }
}
