//! One thing that happened.

use std::sync::Arc;

use serde_json::Value;

use super::kept::Kept;
use super::ways::{Circuit, KeyRef, Leg, NoReply, Phase, Reason, Removal, Stage, Staleness};
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
    /// Something happened to state that a node keeps.
    Kept {
        /// The node.
        node: NodeIx,
        /// The event that it is about, if it is about one.
        event: Option<EventId>,
        /// What.
        what: Kept<'a>,
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
    /// Event time has come further at a stream processor: everything up to here is believed to have come.
    WatermarkAdvanced {
        /// The stream processor.
        node: NodeIx,
        /// Event time, in nanoseconds; it may be negative.
        to_nanos: i64,
    },
    /// A stream processor took an event into its state: into windows, or to wait for a partner.
    Gathered {
        /// The stream processor.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// When it happened, in nanoseconds of event time.
        time_nanos: i64,
        /// Into how many windows it went; 1 for one side of a join.
        places: u32,
        /// Whether the watermark had passed it by: late, but not too late.
        late: bool,
    },
    /// An event came too late for a stream processor to do anything with it.
    Late {
        /// The stream processor.
        node: NodeIx,
        /// The event.
        event: EventId,
        /// When it happened, in nanoseconds of event time.
        time_nanos: i64,
        /// Where the watermark is.
        watermark_nanos: i64,
    },
    /// A record came again that a stream processor has in its state already: it is only acknowledged.
    HeldAlready {
        /// The stream processor.
        node: NodeIx,
        /// The event.
        event: EventId,
    },
    /// A window came out, as the event just emitted.
    WindowClosed {
        /// The stream processor.
        node: NodeIx,
        /// The result.
        event: EventId,
        /// Its start, in nanoseconds of event time.
        start_nanos: i64,
        /// Its end, which is outside.
        end_nanos: i64,
        /// How many events are in it.
        count: u64,
        /// How often it had come out before: late events make it come out anew.
        revision: u32,
    },
    /// Two events found each other, as the event just emitted.
    Joined {
        /// The stream processor.
        node: NodeIx,
        /// The result.
        event: EventId,
        /// One of its parents.
        left: EventId,
        /// The other one.
        right: EventId,
    },
    /// A stream processor lost what it held.
    StateLost {
        /// The fault that did it; none if an edit gave it something else to hold.
        fault: Option<FaultIx>,
        /// The stream processor.
        node: NodeIx,
        /// How many windows.
        windows: u64,
        /// How many events that waited for a partner.
        waiting: u64,
    },
}
