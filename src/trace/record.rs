//! One thing that happened, and who is shown it.

use std::sync::Arc;

use serde_json::Value;

use super::shape::Shape;
use crate::model::{EventId, EventTypeIx, FaultIx, FaultTag, LinkIx, NodeIx, SimDuration, SimTime, SubIx, TopicIx};

/// One thing that happened, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// When, in virtual time. Never earlier than the record before.
    pub at: SimTime,
    /// What.
    pub what: What<'a>,
}

/// What happened. Handles are those of the run's plan.
///
/// Obligations (an accepted event, a subscription that matches it) are followed through [`What::Opened`],
/// [`What::Delivered`], [`What::Retrying`], [`What::Queued`] and exactly one of the final records: [`What::Acked`],
/// [`What::Dropped`], [`What::DeadLettered`], [`What::Expired`], [`What::Evicted`], [`What::Purged`]. A call opens one at
/// the callee's inbox; a seek opens another one for what was settled before, with [`What::Replayed`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What<'a> {
    /// An event came into being at its origin.
    Emitted {
        /// The event; its origin is the node.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// The event whose handling emitted it; none for what a producer or a hand made.
        cause: Option<EventId>,
        /// When its root cause came into being.
        born: SimTime,
        /// How many events it is away from its root cause.
        hops: u32,
        /// Its partition key.
        key: KeyRef<'a>,
        /// Its data, where the run has it at hand; see `Kernel::keep_all_data`.
        data: Option<&'a Arc<Value>>,
    },
    /// An event left along a link and arrives at a known instant.
    Sent {
        /// The link.
        link: LinkIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// What it travels for.
        leg: Leg,
        /// Which attempt: 1 is the first; 0 where that means nothing.
        attempt: u32,
        /// When it arrives.
        arrives: SimTime,
    },
    /// A bus took a publish into a topic's log.
    Accepted {
        /// The link it came by.
        link: LinkIx,
        /// The bus.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// The topic.
        topic: TopicIx,
        /// The partition, counted within the topic.
        partition: u32,
        /// Its place in the partition's log.
        offset: u64,
    },
    /// A bus has stored this message within its topic's window already: the publish succeeds, and nothing is stored.
    Deduped {
        /// The link it came by.
        link: LinkIx,
        /// The bus.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// The topic.
        topic: TopicIx,
        /// The partition of the one that was stored, counted within the topic.
        partition: u32,
        /// Its place in the partition's log.
        offset: u64,
        /// The event that was stored.
        of: EventId,
    },
    /// A bus or an inbox refused a publish or a call as a whole.
    Rejected {
        /// The link it came by.
        link: LinkIx,
        /// The bus, or the callee.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Why.
        reason: Reason,
    },
    /// A subscription matches an accepted event, or a call reached its callee: an obligation is open and queued.
    Opened {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// The topic; none for a call.
        topic: Option<TopicIx>,
        /// The partition, counted within the topic.
        partition: u32,
        /// Its place in the partition's log, or its number among the inbox's calls.
        offset: u64,
        /// The link it came by, if it is a call.
        link: Option<LinkIx>,
    },
    /// A record left the queue for a member: it is in flight.
    Delivered {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The member.
        node: NodeIx,
        /// Which attempt: 1 is the first.
        attempt: u32,
    },
    /// A delivery or call arrived at its node's door.
    Received {
        /// The node.
        node: NodeIx,
        /// The link it came by; none for a call by hand.
        link: Option<LinkIx>,
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Which attempt.
        attempt: u32,
    },
    /// A node began to handle it.
    Started {
        /// The node.
        node: NodeIx,
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Which attempt.
        attempt: u32,
        /// How long it had waited, ready, without the way along the link.
        wait: SimDuration,
    },
    /// A node finished handling it.
    Handled {
        /// The node.
        node: NodeIx,
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Which attempt.
        attempt: u32,
        /// How long the handling took.
        service: SimDuration,
        /// Since the root cause came into being.
        end_to_end: SimDuration,
    },
    /// Handling failed.
    Failed {
        /// The node.
        node: NodeIx,
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Which attempt.
        attempt: u32,
        /// Why.
        reason: Reason,
        /// How long the handling took.
        service: SimDuration,
        /// Whether it was settled at hand-over, so that the failure loses it.
        lost: bool,
    },
    /// A node handed it back without beginning: no free instance, no token.
    Throttled {
        /// The node.
        node: NodeIx,
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Which attempt.
        attempt: u32,
    },
    /// Settled for good: the handler has finished, or (at most once) it was handed over.
    Acked {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The member that did.
        node: NodeIx,
        /// Whether it was settled at hand-over.
        auto: bool,
        /// In which state the obligation was: a late ack may find it delayed or queued again.
        from: Phase,
    },
    /// An ack or nack that no longer meant anything.
    Stale {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The member that sent it.
        node: NodeIx,
        /// Why.
        why: Staleness,
    },
    /// In flight no more: it waits for its next attempt.
    Retrying {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The attempt that failed.
        attempt: u32,
        /// Why it did.
        reason: Reason,
        /// When it is queued again.
        due: SimTime,
    },
    /// Queued again: the time of its next attempt has come, or it was taken back from a member that left.
    Queued {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Whether it was in flight at a member that left or lost its partition, rather than delayed. That attempt never was:
        /// the next one has its number, and later records count it once.
        taken_back: bool,
    },
    /// Given up: gone, and why.
    Dropped {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Where.
        node: NodeIx,
        /// Why.
        reason: Reason,
        /// How often it was handed over.
        attempts: u32,
        /// In which state the obligation was.
        from: Phase,
    },
    /// Given up: on its way to a dead-letter queue.
    DeadLettered {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Where.
        node: NodeIx,
        /// Why.
        reason: Reason,
        /// How often it was handed over.
        attempts: u32,
        /// In which state the obligation was.
        from: Phase,
        /// The dead-letter queue.
        to: NodeIx,
    },
    /// A dead-letter queue took it.
    Buried {
        /// The dead-letter queue.
        node: NodeIx,
        /// The path it came by.
        link: LinkIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Why it was given up.
        reason: Reason,
    },
    /// A dead-letter queue was full and forgot its oldest.
    Forgotten {
        /// The dead-letter queue.
        node: NodeIx,
        /// The event.
        event: EventId,
    },
    /// Evicted from the log before it was settled: lost to retention.
    Evicted {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The bus.
        node: NodeIx,
        /// In which state the obligation was.
        from: Phase,
    },
    /// A subscription found the log gone beneath it: Kafka's `OffsetOutOfRange`.
    OutOfRange {
        /// The subscription.
        sub: SubIx,
        /// The topic.
        topic: TopicIx,
        /// The partition, counted within the topic.
        partition: u32,
        /// How many of its records were evicted unread.
        skipped: u64,
    },
    /// A record left its topic's log before a limit said so. Whoever still waits for it loses it: [`What::Evicted`] follows.
    Removed {
        /// The bus.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// The topic.
        topic: TopicIx,
        /// The partition, counted within the topic.
        partition: u32,
        /// Its place in the partition's log.
        offset: u64,
        /// Why.
        why: Removal,
    },
    /// A subscription was sought to a place of a partition's log: it goes on reading there.
    ///
    /// [`What::Purged`] follows for what waited before that place, [`What::Replayed`] for what was settled after it.
    Sought {
        /// The subscription.
        sub: SubIx,
        /// The topic.
        topic: TopicIx,
        /// The partition, counted within the topic.
        partition: u32,
        /// The place.
        offset: u64,
    },
    /// A record that was settled is owed once more, because of a seek: another obligation is open and queued.
    Replayed {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// The topic.
        topic: TopicIx,
        /// The partition, counted within the topic.
        partition: u32,
        /// Its place in the partition's log.
        offset: u64,
    },
    /// A node has handled a record once more, and what it would have emitted is not: its subscription mutes replays.
    Muted {
        /// The node.
        node: NodeIx,
        /// The subscription.
        sub: SubIx,
        /// The event that it handled.
        event: EventId,
    },
    /// An edit removed the subscription that it was owed to, or a seek went past it.
    Purged {
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// In which state the obligation was.
        from: Phase,
    },
    /// A publish or call waits before a full queue: its publisher is blocked.
    Blocked {
        /// The publisher.
        node: NodeIx,
        /// The full subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
    },
    /// The publish or call went through.
    Unblocked {
        /// The publisher.
        node: NodeIx,
        /// The subscription or inbox it waited for.
        sub: SubIx,
        /// The event.
        event: EventId,
    },
    /// A ring of nodes each of which waits for the next: it will never move by itself. One record for each of its nodes.
    Deadlocked {
        /// The node.
        node: NodeIx,
        /// The next of the ring, whose queue it waits for.
        waits_for: NodeIx,
        /// That queue.
        sub: SubIx,
    },
    /// A function got a new instance.
    InstanceStarted {
        /// The function.
        node: NodeIx,
        /// Whether an event had to wait for it.
        cold: bool,
        /// When it can handle its first event.
        ready: SimTime,
        /// How many there are now.
        instances: u32,
    },
    /// A function gave an idle instance back.
    InstanceReclaimed {
        /// The function.
        node: NodeIx,
        /// How many there are now.
        instances: u32,
    },
    /// A group's partitions were dealt out anew.
    Rebalanced {
        /// The subscription.
        sub: SubIx,
        /// Which time.
        generation: u32,
        /// Among how many members.
        members: u32,
    },
    /// A partition has a new owner within a group, or none.
    Assigned {
        /// The subscription.
        sub: SubIx,
        /// The topic.
        topic: TopicIx,
        /// The partition, counted within the topic.
        partition: u32,
        /// Its owner.
        owner: Option<NodeIx>,
        /// Since which rebalance.
        generation: u32,
    },
    /// A new record is out of sight until its time: it was queued, and is delayed.
    Postponed {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// When it is queued again.
        due: SimTime,
    },
    /// It waited longer than it is worth anything: it is never handed over again.
    Expired {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The bus.
        node: NodeIx,
        /// How often it was handed over.
        attempts: u32,
        /// In which state the obligation was.
        from: Phase,
        /// The dead-letter queue that gets a copy, if one does. There it has no time to live.
        to: Option<NodeIx>,
    },
    /// A record of a strict order ended without an ack: what comes after it of its key comes after a gap.
    OrderGap {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
    },
    /// An event came again whose effect is there already: its handling ends with no other. An ack follows.
    Recognised {
        /// The node.
        node: NodeIx,
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Which attempt.
        attempt: u32,
        /// How long it was handled in vain; no time if it was known from the start.
        service: SimDuration,
    },
    /// An expression ran away or broke: the node is marked, the run goes on.
    Broken {
        /// The node.
        node: NodeIx,
        /// The event it was about.
        event: EventId,
    },
    /// An edit entered the run.
    Edited {
        /// The number of the plan that holds from here on.
        revision: u32,
    },
    /// A producer will emit nothing more by itself.
    SourceEnded {
        /// The producer.
        node: NodeIx,
    },
    /// The sources were stopped, and what is under way is being finished.
    Draining,
    /// The answer of an outside broker to a publish was lost: the event may be in its log or not.
    Unconfirmed {
        /// The link it came by.
        link: LinkIx,
        /// The bus.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
    },
    /// Something breaks: by the scenario, or by hand.
    FaultBegan {
        /// Which fault.
        fault: FaultIx,
        /// What goes wrong.
        kind: FaultTag,
        /// The node that it is about, if it is about one.
        node: Option<NodeIx>,
        /// The first link that it is about, if it is about links.
        link: Option<LinkIx>,
    },
    /// It is whole again.
    FaultEnded {
        /// Which fault.
        fault: FaultIx,
    },
    /// A link lost what went along it.
    LinkLost {
        /// The fault that did it.
        fault: FaultIx,
        /// The link.
        link: LinkIx,
        /// The event, or what was answered for.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// What it travelled for.
        leg: Leg,
    },
    /// A link brings an event once more: another [`What::Sent`] follows.
    Duplicated {
        /// The fault that did it.
        fault: FaultIx,
        /// The link.
        link: LinkIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// What it travels for.
        leg: Leg,
    },
    /// A link takes longer for an event, or for an answer.
    HeldUp {
        /// The fault that did it.
        fault: FaultIx,
        /// The link.
        link: LinkIx,
        /// The event, or what is answered for.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// What it travels for.
        leg: Leg,
        /// By how much.
        by: SimDuration,
    },
    /// A node crashed and an attempt with it. What was owed is queued again, or its caller hears of it.
    LostInCrash {
        /// The fault that did it.
        fault: FaultIx,
        /// The node.
        node: NodeIx,
        /// The link it came by; none for a call by hand.
        link: Option<LinkIx>,
        /// The subscription or inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Which attempt.
        attempt: u32,
        /// How far it was.
        stage: Stage,
        /// How long it had been handled.
        service: SimDuration,
        /// Whether it was settled at hand-over, so that nobody hands it over again.
        lost: bool,
    },
    /// A bus that is gone turns a publish away: [`What::Rejected`] follows.
    TurnedAway {
        /// The fault that did it.
        fault: FaultIx,
        /// The bus.
        node: NodeIx,
        /// The event.
        event: EventId,
    },
    /// A handling that begins takes longer.
    Slowed {
        /// The fault that did it.
        fault: FaultIx,
        /// The node.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// By how much.
        by: SimDuration,
    },
    /// An event carries the time of a clock that is wrong.
    Skewed {
        /// The fault that did it.
        fault: FaultIx,
        /// The node that made it.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// What the event says.
        time: SimTime,
    },
    /// A subscription's rate limit had no token for a record: it was not sent to its member, and comes again or is given
    /// up. [`What::Delivered`] came before.
    Limited {
        /// The subscription.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// The member that it was for.
        node: NodeIx,
        /// Which attempt.
        attempt: u32,
    },
    /// A circuit breaker is in another state.
    BreakerTurned {
        /// The subscription; for a call's, the callee's inbox.
        sub: SubIx,
        /// The link of the calls, if it is a call's.
        link: Option<LinkIx>,
        /// Its state from here on.
        circuit: Circuit,
    },
    /// A call was due again, but its breaker is not closed: it goes on waiting.
    HeldBack {
        /// The callee's inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// When it is due the next time.
        due: SimTime,
    },
    /// A call was cancelled before its callee had begun with it: its caller waits no longer.
    Cancelled {
        /// The callee.
        node: NodeIx,
        /// Its inbox.
        sub: SubIx,
        /// The event.
        event: EventId,
        /// Which attempt.
        attempt: u32,
    },
    /// A call failed before it reached its callee. It is made again, or an obligation follows that ends at once.
    CallFailed {
        /// The caller.
        node: NodeIx,
        /// The link.
        link: LinkIx,
        /// The event.
        event: EventId,
        /// Its type.
        kind: EventTypeIx,
        /// Which attempt.
        attempt: u32,
        /// Why.
        reason: Reason,
        /// When it is made again; unset if it is given up.
        due: Option<SimTime>,
    },
    /// A gateway made a request and waits for its reply. The request is an event: [`What::Emitted`] came before.
    Requested {
        /// The gateway.
        node: NodeIx,
        /// The request.
        event: EventId,
        /// How long it waits.
        deadline: SimTime,
    },
    /// A reply came in time, and it is the first.
    Replied {
        /// The gateway.
        node: NodeIx,
        /// The request.
        event: EventId,
        /// The reply.
        reply: EventId,
        /// Since the request.
        round_trip: SimDuration,
    },
    /// A request ended without a reply.
    Unanswered {
        /// The gateway.
        node: NodeIx,
        /// The request.
        event: EventId,
        /// Why.
        why: NoReply,
    },
    /// A gateway got a reply that nobody waits for any more, or that answers nothing.
    Orphaned {
        /// The gateway.
        node: NodeIx,
        /// The reply.
        event: EventId,
        /// The request that it answers, if it answers one.
        request: Option<EventId>,
    },
}

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

/// Is shown every record of a run, in order.
///
/// Dispatch is static: a call site shows one kind of record, so what an observer does not care about costs nothing.
pub trait Observer {
    /// Takes note of one record.
    fn record(&mut self, record: Record<'_>);

    /// Takes note of a delivery that took no time, as of its seven records: whoever only counts can do so at once.
    #[inline]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        for record in passage.records(at) {
            self.record(record);
        }
    }

    /// The run's nodes, links and subscriptions have changed at this instant (an edit): tables by handle may have to grow.
    fn reshape(&mut self, _shape: &Shape, _at: SimTime) {}
}

/// A delivery that takes no time and no way, at the moment of its append: seven records at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The subscription.
    pub sub: SubIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// The topic.
    pub topic: TopicIx,
    /// The partition, counted within the topic.
    pub partition: u32,
    /// Its place in the partition's log.
    pub offset: u64,
    /// The member.
    pub node: NodeIx,
    /// The link.
    pub link: LinkIx,
    /// Since the root cause came into being.
    pub end_to_end: SimDuration,
}

impl Passage {
    /// The records that it stands for, in order.
    pub fn records(&self, at: SimTime) -> [Record<'static>; 7] {
        let Self { sub, event, kind, topic, partition, offset, node, link, end_to_end } = *self;
        let (attempt, topic, nothing) = (1, Some(topic), SimDuration::ZERO);
        [
            What::Opened { sub, event, kind, topic, partition, offset, link: None },
            What::Delivered { sub, event, node, attempt },
            What::Sent { link, event, kind, leg: Leg::Deliver, attempt, arrives: at },
            What::Received { node, link: Some(link), sub, event, kind, attempt },
            What::Started { node, sub, event, kind, attempt, wait: nothing },
            What::Handled { node, sub, event, kind, attempt, service: nothing, end_to_end },
            What::Acked { sub, event, node, auto: false, from: Phase::InFlight },
        ]
        .map(|what| Record { at, what })
    }
}

/// Nobody looks.
impl Observer for () {
    #[inline]
    fn record(&mut self, _record: Record<'_>) {}

    #[inline]
    fn passed(&mut self, _at: SimTime, _passage: &Passage) {}
}

/// Two look, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn record(&mut self, record: Record<'_>) {
        self.0.record(record);
        self.1.record(record);
    }

    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        self.0.passed(at, passage);
        self.1.passed(at, passage);
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.0.reshape(shape, at);
        self.1.reshape(shape, at);
    }
}

impl<O: Observer> Observer for &mut O {
    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn record(&mut self, record: Record<'_>) {
        (**self).record(record);
    }

    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        (**self).passed(at, passage);
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        (**self).reshape(shape, at);
    }
}
