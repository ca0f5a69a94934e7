//! What a run looks like from outside: plain data that the window draws and the command line prints, and what can be
//! asked of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    EventId, EventName, Factor, FaultKind, LinkId, LinkIx, NodeId, NodeIx, SimDuration, SimTime, TopicName,
};
use crate::trace::Circuit;

pub use super::kept::{KeptLive, KeptRows, OutboxNow, OutboxRow, SagaRow, SagaWay, SagasNow, StateRow, StoreCounts};
pub use super::verdicts::{Standing, VerdictLine};

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunState {
    /// There is none.
    #[default]
    Idle,
    /// Time passes.
    Running,
    /// Time stands still; nothing is lost.
    Paused,
    /// Sources are stopped; what is under way is being finished.
    Draining,
    /// Nothing is left to do, or it was stopped; its figures can still be read.
    Ended,
}

impl RunState {
    /// Whether there is a run that can still go on.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Draining)
    }
}

/// How fast virtual time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many times as fast as the clock on the wall: 0.001x to 1000x.
    Times(Factor),
    /// As fast as the machine can.
    Max,
}

impl Default for Speed {
    fn default() -> Self {
        Self::Times(Factor::ONE)
    }
}

impl Speed {
    /// The slowest: a thousandth.
    pub const SLOWEST: Factor = Factor::MIN;
    /// The fastest that still keeps to the clock: a thousand times.
    pub const FASTEST: Factor = Factor::from_thousandths(1_000_000);
}

/// The text is no speed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a speed: write 0.001x to 1000x, or max")]
pub struct SpeedError(String);

impl std::str::FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Self, SpeedError> {
        if text.trim().eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        match text.parse::<Factor>() {
            Ok(factor) if factor <= Self::FASTEST => Ok(Self::Times(factor)),
            Ok(_) | Err(_) => Err(SpeedError(text.trim().chars().take(40).collect())),
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Times(factor) => factor.fmt(f),
            Self::Max => f.write_str("max"),
        }
    }
}

/// How to begin a run.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartOptions {
    /// The seed; unset means the flow's own.
    pub seed: Option<u64>,
    /// How fast.
    pub speed: Speed,
    /// Whether it waits for the first step.
    pub paused: bool,
}

/// How far a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the next thing that happens.
    Record,
    /// Through everything that happens at the next instant.
    Instant,
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Sources stop; what is under way is finished, for a bounded time.
    Drain,
    /// At once; what is open stays open in the report.
    Abort,
}

/// Names for the dense handles of a run: one for each plan revision, shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunIndex {
    /// Node ids by handle; a removed node keeps its place.
    pub nodes: Vec<NodeId>,
    /// Link ids by handle; drawn dead-letter paths have one too, as in `billing->graveyard`.
    pub links: Vec<LinkId>,
    /// Event types by their index in dots and log rows.
    pub events: Vec<EventName>,
    /// Handles of nodes.
    pub node_ix: BTreeMap<NodeId, NodeIx>,
    /// Handles of links.
    pub link_ix: BTreeMap<LinkId, LinkIx>,
}

/// One look at a run: consistent in itself, taken at one virtual instant, cheap to hand around.
#[derive(Clone, Debug, Default)]
pub struct LiveView {
    /// Grows with each look, so that a reader can tell whether anything is new.
    pub revision: u64,
    /// Whether the run goes on.
    pub state: RunState,
    /// The virtual instant of this look.
    pub now: SimTime,
    /// How fast time passes.
    pub speed: Speed,
    /// The run's seed.
    pub seed: u64,
    /// How far virtual time is behind where the wanted speed would have it; zero when it keeps up.
    pub behind: SimDuration,
    /// Whether nothing is left to do until somebody does something, so that time passes and nothing happens.
    pub is_quiet: bool,
    /// Why the run ended or cannot go on, in a sentence; `None` while it can.
    pub ended_because: Option<String>,
    /// Whether the drawing has changed in a way that cannot run, so that the run still follows an earlier one.
    pub runs_earlier_drawing: bool,
    /// Counts over the whole flow.
    pub counts: Counts,
    /// Names for the handles below.
    pub index: Arc<RunIndex>,
    /// A few figures for each node, by handle.
    pub nodes: Vec<NodeLive>,
    /// A few figures for each link, by handle.
    pub links: Vec<LinkLive>,
    /// Figures of each bus, by its id.
    pub buses: BTreeMap<NodeId, BusLive>,
    /// Events on the wire that are shown one by one: at most a budget, spread over the links.
    pub dots: Vec<Dot>,
    /// What became of events a moment ago, to be flashed where it happened.
    pub flashes: Vec<Flash>,
    /// What is broken right now, by the scenario or by hand.
    pub faults: Vec<FaultLive>,
    /// How what is expected of the run stands, in the order of the flow.
    pub verdicts: Vec<VerdictLine>,
    /// Full figures of the nodes that somebody looks at; see [`crate::session::Session::watch`].
    pub watched: BTreeMap<NodeId, Arc<NodeReport>>,
    /// What those of them keep that keep something.
    pub kept: BTreeMap<NodeId, Arc<KeptRows>>,
}

impl LiveView {
    /// A node's figures.
    pub fn node(&self, id: &NodeId) -> Option<&NodeLive> {
        self.nodes.get(self.index.node_ix.get(id)?.index())
    }

    /// A link's figures; a drawn dead-letter path is found by `from->to` too.
    pub fn link(&self, id: &LinkId) -> Option<&LinkLive> {
        self.links.get(self.index.link_ix.get(id)?.index())
    }

    /// The faults that are on and about a node.
    pub fn faults_on_node(&self, id: &NodeId) -> impl Iterator<Item = &FaultLive> {
        self.faults.iter().filter(move |fault| fault.node.as_ref() == Some(id))
    }

    /// The faults that are on and about a link.
    pub fn faults_on_link(&self, id: &LinkId) -> impl Iterator<Item = &FaultLive> {
        self.faults.iter().filter(move |fault| fault.links.contains(id))
    }

    /// The type of a dot's or log row's event.
    pub fn event_name(&self, kind: u32) -> Option<&EventName> {
        self.index.events.get(kind as usize)
    }

    /// How people write an event's id: the node it came from and its number, as in `checkout/17`.
    pub fn event_text(&self, event: EventId) -> String {
        match self.index.nodes.get(event.origin().index()) {
            Some(node) => format!("{node}/{}", event.number()),
            None => format!("?/{}", event.number()),
        }
    }
}

/// A fault that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultLive {
    /// Its name in the scenario, or that it was made by hand.
    pub name: String,
    /// The node that it is about, if it is about one.
    pub node: Option<NodeId>,
    /// The links that it is about; of a node that is cut off, all of its links.
    pub links: Vec<LinkId>,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Since when.
    pub since: SimTime,
}

/// Counts over the whole flow: one meaning each, everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Events travelling a link.
    pub on_wire: u64,
    /// Records handed out and not settled.
    pub in_flight: u64,
    /// Records waiting to be handed out.
    pub queued: u64,
    /// Records waiting for the time of their next attempt.
    pub delayed: u64,
    /// Obligations that were dropped, dead-lettered, expired, evicted or purged so far.
    pub given_up: u64,
    /// Events that came into being so far.
    pub events: u64,
    /// Events that come into being per second of virtual time, lately.
    pub events_per_second: f64,
    /// Records that were not shown in the log because there were too many.
    pub not_logged: u64,
}

impl Counts {
    /// Queued, delayed and in flight.
    pub const fn open(&self) -> u64 {
        self.queued + self.delayed + self.in_flight
    }
}

/// The few figures of a node that its card shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeLive {
    /// Events waiting in front of it: its subscriptions' backlog, its inbox, what it has not begun.
    pub queue: u64,
    /// Where the queue is full; 0 if it has no limit of its own.
    pub queue_limit: u64,
    /// Events being handled.
    pub busy: u32,
    /// How many it can handle at once; for a function, how many instances it may have.
    pub capacity: u32,
    /// Attempts that arrived so far.
    pub received: u64,
    /// Attempts that succeeded so far.
    pub handled: u64,
    /// Attempts that failed so far.
    pub failed: u64,
    /// Events that it emitted so far.
    pub emitted: u64,
    /// Handled (a producer: emitted; a bus: accepted) per second of virtual time, lately.
    pub per_second: f64,
    /// Mean wait lately, in nanoseconds.
    pub wait_nanos: f64,
    /// Share of its capacity in use lately: 0 to 1.
    pub utilization: f64,
    /// A function's instances that are getting ready.
    pub cold: u32,
    /// A function's instances that are ready and idle.
    pub warm: u32,
    /// What a stream processor holds, and how far it has come.
    pub stream: Option<StreamLive>,
    /// A dead-letter queue's records.
    pub dead_letters: u64,
    /// What it keeps: a store its state, a service its outbox or its sagas.
    pub kept: Option<KeptLive>,
    /// Whether it waits because a queue downstream is full.
    pub blocked: bool,
    /// Whether it was stopped because of its own fault (a spent budget, a panic).
    pub faulted: bool,
    /// What a gateway's requests have come to.
    pub requests: Option<RequestsLive>,
}

/// What the requests of a gateway have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestsLive {
    /// Those that wait for their reply.
    pub pending: u64,
    /// Those that were answered in time.
    pub replied: u64,
    /// Those that nobody answered in time.
    pub timed_out: u64,
    /// Those that nobody listened to.
    pub no_responders: u64,
    /// Replies that nobody waited for any more.
    pub orphans: u64,
}

/// How far a stream processor has come, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamLive {
    /// Up to when everything is believed to have come, in nanoseconds of event time; unset until something is known.
    pub watermark_nanos: Option<i64>,
    /// How far that is behind the latest event.
    pub lag: Option<SimDuration>,
    /// Windows that have not closed.
    pub open: u32,
    /// Windows that have closed and still take late events.
    pub closed: u32,
    /// Events that wait for a partner.
    pub waiting: u32,
    /// Events that were too late so far.
    pub late: u64,
}

/// The few figures of a link that its curve shows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkLive {
    /// Events that left so far.
    pub sent: u64,
    /// Events that arrived so far.
    pub arrived: u64,
    /// Events that were lost on the way so far.
    pub lost: u64,
    /// Events travelling it now: its solid dots and bundles add up to this.
    pub on_wire: u64,
    /// Events that left per second of virtual time, lately.
    pub per_second: f64,
    /// The event type that travelled it last, of those that became dots, for its glow.
    pub last_event: u32,
    /// The state of the circuit breaker that it goes through, if there is one.
    pub circuit: Option<Circuit>,
    /// How often that breaker opened so far.
    pub breaker_opened: u64,
}

/// Figures of a bus: what its rail shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BusLive {
    /// Its topics, in the order of its rail.
    pub topics: Vec<TopicLive>,
    /// Its subscriptions.
    pub subscriptions: Vec<SubscriptionLive>,
}

/// Figures of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicLive {
    /// Its name.
    pub name: TopicName,
    /// Records accepted so far.
    pub accepted: u64,
    /// Records accepted per second of virtual time, lately.
    pub per_second: f64,
    /// Each partition's end of log and largest lag among the subscriptions.
    pub partitions: Vec<PartitionLive>,
}

/// Figures of a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionLive {
    /// Offset of the next record.
    pub end: u64,
    /// Records that are still kept.
    pub kept: u64,
    /// Records that the slowest subscription has not settled.
    pub lag: u64,
}

/// Figures of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionLive {
    /// Its group, or its link.
    pub label: String,
    /// Its members.
    pub members: Vec<NodeId>,
    /// Records waiting.
    pub queued: u64,
    /// Records waiting for the time of their next attempt.
    pub delayed: u64,
    /// Records handed out and not settled.
    pub in_flight: u64,
    /// Where its queue is full.
    pub queue_limit: u64,
    /// With `share: Partition`, how often the partitions were dealt out anew.
    pub generation: u64,
    /// With `share: Partition`, which partition (counted over the topics of [`BusLive::topics`]) which member owns.
    pub owners: Vec<Option<NodeId>>,
}

/// An event travelling a link. It sits at (playhead - departed) / (arrives - departed) of the link's curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dot {
    /// The link.
    pub link: LinkIx,
    /// The event.
    pub event: EventId,
    /// Its type, an index of [`RunIndex::events`].
    pub kind: u32,
    /// When it left.
    pub departed: SimTime,
    /// When it arrives or arrived.
    pub arrives: SimTime,
    /// Which attempt it is: 1 is the first; more wear a ring.
    pub attempt: u32,
    /// What it travels for.
    pub leg: Leg,
    /// Whether a fault loses it on the way: then it never arrives, and is not on the wire.
    pub lost: bool,
}

/// What an event travels a link for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// To a bus.
    Publish,
    /// From a bus to a subscriber.
    Deliver,
    /// To a service that is called.
    Call,
    /// To a dead-letter queue.
    DeadLetter,
    /// From a bus to a subscriber, once more: a seek asked for it.
    Replay,
}

/// Something that happened at a node a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flash {
    /// The node.
    pub node: NodeIx,
    /// When.
    pub at: SimTime,
    /// What.
    pub what: FlashKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlashKind {
    /// An event was handled: the card breathes.
    Handled,
    /// Handling failed: a small cross.
    Failed,
    /// A record was given up or dropped.
    GivenUp,
}

/// One line of the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// Its number since the start of the run, gaps where rows were skipped.
    pub number: u64,
    /// When.
    pub at: SimTime,
    /// The event it is about.
    pub event: Option<EventId>,
    /// Its type, an index of [`RunIndex::events`].
    pub kind: Option<u32>,
    /// What happened.
    pub what: LogKind,
    /// The node where.
    pub node: Option<NodeIx>,
    /// The link on which.
    pub link: Option<LinkIx>,
    /// Which attempt, 0 where that means nothing.
    pub attempt: u32,
    /// The reason, the topic, the partition: what else there is to say.
    pub detail: String,
}

/// What a line of the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogKind {
    /// An event came into being.
    Emitted,
    /// A bus took it.
    Accepted,
    /// A bus refused it.
    Rejected,
    /// It was handed to a member.
    Delivered,
    /// Its handling began.
    Started,
    /// Its handling succeeded.
    Handled,
    /// Its handling failed.
    Failed,
    /// It will be handed over again.
    Retrying,
    /// It was given up and went to a dead-letter queue.
    DeadLettered,
    /// It was given up and is gone, with a reason.
    Dropped,
    /// It waited longer than it is worth anything.
    Expired,
    /// It was evicted before it was read.
    Evicted,
    /// It came again, and its effect was there already.
    Recognised,
    /// A node was blocked by a full queue, or goes on.
    Backpressure,
    /// A function's instance came or went.
    Instance,
    /// A stream processor took an event in, or event time went on there.
    Stream,
    /// A window closed, or two events found each other.
    Window,
    /// An event came too late for its window.
    Late,
    /// Partitions were dealt out anew.
    Rebalanced,
    /// An edit entered the run.
    Edited,
    /// State was kept: a store took an event, a service committed, a saga moved on.
    Kept,
    /// Something about the run itself: a limit, a fault, a ring of blocked nodes.
    Notice,
}

impl LogKind {
    /// Every kind, in the order of the filter.
    pub const ALL: [Self; 22] = [
        Self::Emitted,
        Self::Accepted,
        Self::Rejected,
        Self::Delivered,
        Self::Started,
        Self::Handled,
        Self::Failed,
        Self::Retrying,
        Self::DeadLettered,
        Self::Dropped,
        Self::Expired,
        Self::Evicted,
        Self::Recognised,
        Self::Backpressure,
        Self::Instance,
        Self::Stream,
        Self::Window,
        Self::Late,
        Self::Rebalanced,
        Self::Edited,
        Self::Kept,
        Self::Notice,
    ];

    /// In a word, for a row of the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Emitted => "emitted",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Delivered => "delivered",
            Self::Started => "started",
            Self::Handled => "handled",
            Self::Failed => "failed",
            Self::Retrying => "retrying",
            Self::DeadLettered => "dead-lettered",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::Recognised => "recognised",
            Self::Backpressure => "backpressure",
            Self::Instance => "instance",
            Self::Stream => "stream",
            Self::Window => "window",
            Self::Late => "late",
            Self::Rebalanced => "rebalanced",
            Self::Edited => "edited",
            Self::Kept => "kept",
            Self::Notice => "notice",
        }
    }
}

/// Mean, percentiles and maximum of a duration; percentiles are exact to 7 %, the rest is exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spread {
    /// Mean, in nanoseconds.
    pub mean: u64,
    /// Half are shorter, in nanoseconds.
    pub p50: u64,
    /// 95 % are shorter, in nanoseconds.
    pub p95: u64,
    /// 99 % are shorter, in nanoseconds.
    pub p99: u64,
    /// The longest, in nanoseconds.
    pub max: u64,
}

/// Every figure of a node, as in the JSON report; a figure that does not apply is absent.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NodeReport {
    /// Attempts that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Attempts that succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled: Option<u64>,
    /// Attempts that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// Attempts that were not the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retried: Option<u64>,
    /// Events it emitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emitted: Option<u64>,
    /// The longest its queue was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_max: Option<u64>,
    /// The mean length of its queue, weighted by time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_mean: Option<f64>,
    /// Share of its capacity that was in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utilization: Option<f64>,
    /// Time in its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ns: Option<Spread>,
    /// Time being handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ns: Option<Spread>,
    /// From the event's root cause to the end of its handling here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_to_end_ns: Option<Spread>,
    /// A function's cold starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cold_starts: Option<u64>,
    /// Attempts that found no room to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttled: Option<u64>,
    /// Attempts of events whose effect was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recognised: Option<u64>,
    /// Publishes to a bus that it had stored already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduped: Option<u64>,
    /// A function's most instances at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances_max: Option<u64>,
    /// A function's cost in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Events that a store took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appended: Option<u64>,
    /// Events that a store had taken before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeated: Option<u64>,
    /// Appends to a store that expected another version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflicts: Option<u64>,
    /// Events that a service committed together with its state, or after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committed: Option<u64>,
    /// Times that the relay of an outbox published one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relayed: Option<u64>,
    /// Events that were committed and are never published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unpublished: Option<u64>,
    /// Sagas that a service led to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sagas_completed: Option<u64>,
    /// Sagas of which everything was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sagas_compensated: Option<u64>,
    /// Sagas that people have to see to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sagas_stuck: Option<u64>,
    /// A gateway's requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Requests that were answered in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replied: Option<u64>,
    /// Requests that nobody answered in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timed_out: Option<u64>,
    /// Requests that nobody listened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_responders: Option<u64>,
    /// Requests that wait for their reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
    /// Replies that nobody waited for any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphans: Option<u64>,
    /// From request to reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ns: Option<Spread>,
    /// Events that a stream processor took into its state in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_time: Option<u64>,
    /// Events that it took in although the watermark had passed them by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_taken: Option<u64>,
    /// Events that were too late for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<u64>,
    /// Its results: windows as often as they came out, pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<u64>,
}

/// An event and when it was seen, so that it can be looked up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventRef {
    /// The event.
    pub event: EventId,
    /// A moment at which it existed.
    pub seen_at: SimTime,
}

/// All that is known of one event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventCard {
    /// The event.
    pub event: EventId,
    /// As people write it: `checkout/17`.
    pub id: String,
    /// Its CloudEvents attributes and extensions, in the order of the specification, as text.
    pub attributes: Vec<(&'static str, String)>,
    /// Its data, as pretty JSON; `None` if it has none.
    pub data: Option<String>,
    /// When it came into being.
    pub emitted_at: SimTime,
    /// The event that caused it.
    pub cause: Option<RelatedEvent>,
    /// The events that it caused.
    pub effects: Vec<RelatedEvent>,
    /// What each subscription was owed of it, and what became of that.
    pub obligations: Vec<ObligationCard>,
    /// What happened to it, in order.
    pub history: Vec<LogRow>,
}

/// An event that another one is related to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelatedEvent {
    /// The event.
    pub event: EventRef,
    /// As people write it.
    pub id: String,
    /// Its type.
    pub kind: EventName,
}

/// An event that waits in front of a node, or that was given up into a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingEvent {
    /// The event.
    pub event: RelatedEvent,
    /// Since when it is here.
    pub since: SimTime,
    /// Why it was given up, in a word; `None` if it was not.
    pub reason: Option<&'static str>,
    /// How often it had been handed over when it was given up.
    pub attempts: u32,
}

/// What one subscription is owed of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObligationCard {
    /// The subscription's group or link, or the inbox.
    pub subscription: String,
    /// The bus and topic, partition and offset, as in `bus orders[2]@17`; the inbox of a call.
    pub place: String,
    /// What became of it, in a word: `queued`, `delayed`, `in flight`, `acked`, `dead-lettered`, …
    pub state: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// How often it was handed over.
    pub attempts: u32,
    /// Who has or had it last.
    pub owner: Option<NodeId>,
    /// Whether nothing more can happen to it.
    pub settled: bool,
}

/// How far the answer to a question about the past is.
#[derive(Clone, Debug, Default)]
pub enum Answer<T> {
    /// Nobody asked.
    #[default]
    None,
    /// The past is being run again.
    Working,
    /// Here it is.
    Ready(Arc<T>),
    /// There is none, and why.
    Failed(String),
}
