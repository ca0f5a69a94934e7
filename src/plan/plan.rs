//! A flow made runnable: dense tables by handle, routes and settings resolved, expressions compiled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::faults::FaultPlan;
use super::guards::{BreakerPlan, GatePlan, GatewayPlan};
use super::keeps::KeepsPlan;
use super::lanes::Lanes;
use super::lines::LinePlan;
use super::outside::Capabilities;
use super::replay::ReplayLog;
use super::sampler::Sampler;
use super::stream::StreamPlan;
use super::topics::TopicRules;
use crate::expr::Program;
use crate::model::{
    Backoff, Chance, EventName, EventTypeIx, Factor, KindTag, LinkId, LinkIx, NodeId, NodeIx, OverLimit, Pick, Rate,
    RateStep, Share, SimDuration, Spacing, StartAt, SubIx, TopicIx, TopicName, WhenFull,
};

/// Event types of a run: their number has twelve bits in a record of a log.
pub(crate) const EVENT_TYPES: usize = 1 << 12;
/// Dead letters that a queue keeps if it names no figure of its own.
pub(crate) const DEAD_LETTERS: u64 = 100_000;
/// Deliveries of one record: more than anybody waits for.
pub(crate) const ATTEMPTS: u32 = u16::MAX as u32;

/// A flow made runnable. Immutable; an edit makes another one, in which every handle of this one means the same.
pub struct Plan {
    pub(super) revision: u32,
    pub(crate) hop_limit: u32,
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) links: Vec<LinkPlan>,
    pub(crate) topics: Vec<TopicPlan>,
    pub(crate) partitions: Vec<PartitionPlan>,
    pub(crate) subs: Vec<SubPlan>,
    pub(crate) cursors: Vec<CursorPlan>,
    pub(crate) events: Vec<EventPlan>,
    /// The scenario, without what never happens.
    pub(crate) faults: Vec<FaultPlan>,
    /// How many emit settings there are: each has a counter of its own for keys in turn.
    pub(crate) emits: u32,
    /// Buses that an outside broker carries.
    pub(crate) outside: BTreeMap<NodeIx, Capabilities>,
    /// How many of those counters there have to be: up to the last emit setting with keys in turn.
    pub(crate) cycles: u32,
    /// Whether any subscription's records wait otherwise than in the order of the log.
    pub(crate) has_lines: bool,
    /// What nearly every step needs.
    pub(crate) lanes: Lanes,
    /// By link: the subscription or inbox of its circuit breaker, and the link itself if it is a call.
    pub(super) breakers: BTreeMap<LinkIx, (SubIx, Option<LinkIx>)>,
    pub(super) names: Names,
}

/// Handles by name. What is only ever asked for one name is a hash map: ten thousand nodes have many names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) nodes: HashMap<NodeId, NodeIx>,
    pub(super) links: HashMap<LinkId, LinkIx>,
    pub(super) topics: BTreeMap<(NodeIx, TopicName), TopicIx>,
    pub(super) subs: HashMap<SubName, SubIx>,
    pub(super) events: HashMap<EventName, EventTypeIx>,
    pub(super) cursors: HashMap<(SubIx, u32), u32>,
    pub(super) emits: HashMap<(NodeIx, u32, u32), u32>,
}

/// What makes a subscription the same one after an edit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum SubName {
    /// A consumer group of a bus.
    Group(NodeIx, Arc<str>),
    /// A link without a group.
    Link(LinkIx),
    /// Where a node takes its calls.
    Inbox(NodeIx),
}

pub(crate) struct NodePlan {
    pub(crate) id: NodeId,
    pub(crate) alive: bool,
    pub(crate) tag: KindTag,
    pub(crate) work: Work,
}

/// What a node does.
pub(crate) enum Work {
    Producer(Box<ProducerPlan>),
    Worker(Box<WorkerPlan>),
    DeadLetters {
        keep: u64,
    },
    Gateway(Box<GatewayPlan>),
    /// A bus works through its topics, a note not at all.
    None,
}

impl Work {
    /// How it takes events, if it does.
    #[inline]
    pub(crate) fn worker(&self) -> Option<&WorkerPlan> {
        match self {
            Self::Worker(worker) => Some(worker),
            Self::Gateway(gateway) => Some(&gateway.worker),
            Self::Producer(_) | Self::DeadLetters { .. } | Self::None => None,
        }
    }

    /// How it makes events by itself, if it does.
    pub(crate) fn source(&self) -> Option<&ProducerPlan> {
        match self {
            Self::Producer(producer) => Some(producer),
            Self::Gateway(gateway) => Some(&gateway.requests),
            Self::Worker(_) | Self::DeadLetters { .. } | Self::None => None,
        }
    }
}

pub(crate) struct ProducerPlan {
    pub(crate) pacing: Pace,
    pub(crate) after: u64,
    pub(crate) stops_after: u64,
    pub(crate) emit: EmitPlan,
    /// Routes of types that only a replayed log emits, by type.
    pub(crate) other_routes: Vec<(EventTypeIx, Box<[Route]>)>,
}

pub(crate) enum Pace {
    ByHand,
    Constant(Rate),
    Poisson { mean_nanos: f64 },
    Never,
    Bursts { size: u32, every: u64, within: u64 },
    Schedule { steps: Box<[RateStep]>, ramp: bool, repeat: Option<SimDuration>, spacing: Spacing },
    Replay { log: Arc<ReplayLog>, kinds: Box<[EventTypeIx]>, pace: ReplayAt },
}

/// When the rows of a log come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplayAt {
    Times(Factor),
    Every(Rate),
}

pub(crate) struct WorkerPlan {
    /// How many at once: instances, for a function.
    pub(crate) concurrency: u32,
    pub(crate) handlers: Box<[HandlerPlan]>,
    pub(crate) rate: Option<BucketPlan>,
    /// How long one handling may take.
    pub(crate) timeout: Option<u64>,
    pub(crate) function: Option<FunctionPlan>,
    /// What it makes of events, if it is a stream processor.
    pub(crate) stream: Option<Box<StreamPlan>>,
    /// What it keeps that outlives its crashes.
    pub(crate) keeps: Option<Box<KeepsPlan>>,
    /// Where it takes calls; none for a consumer.
    pub(crate) inbox: Option<SubIx>,
    /// The type of an event that a hand calls it with.
    pub(crate) fire: Option<EventTypeIx>,
    /// Whether it can neither emit nor be called, so that its handling has no effect beyond itself.
    pub(crate) is_sink: bool,
    /// A sink that takes no time, never fails and has no rate limit, whatever comes.
    pub(crate) is_instant: bool,
}

/// A token bucket in whole nanoseconds.
#[derive(Clone, Copy)]
pub(crate) struct BucketPlan {
    /// From one token to the next.
    pub(crate) gap: u64,
    /// How far ahead of an even pace it may run.
    pub(crate) slack: u64,
    pub(crate) over: OverLimit,
}

pub(crate) struct FunctionPlan {
    pub(crate) provisioned: u32,
    pub(crate) cold_start: Sampler,
    pub(crate) keep_warm: u64,
    pub(crate) scale_out: u32,
    pub(crate) over: OverLimit,
    /// Bytes of memory times the price of a GiB-second in billionths of a dollar.
    pub(crate) price_byte_seconds: u128,
    /// In billionths of a dollar.
    pub(crate) price_invocation: u64,
}

pub(crate) struct HandlerPlan {
    pub(crate) on: Kinds,
    pub(crate) takes: Sampler,
    pub(crate) fails: Chance,
    pub(crate) emits: Box<[EmitPlan]>,
    pub(crate) pick: Pick,
    /// Whether its emits look at nothing of their cause but a numbered key, and have none of their own making.
    pub(crate) is_plain: bool,
}

/// A set of event types.
pub(crate) enum Kinds {
    All,
    Some(Box<[EventTypeIx]>),
}

impl Kinds {
    #[inline]
    pub(crate) fn contains(&self, kind: EventTypeIx) -> bool {
        match self {
            Self::All => true,
            Self::Some(kinds) => kinds.contains(&kind),
        }
    }
}

pub(crate) struct EmitPlan {
    /// Which counter keys in turn use.
    pub(crate) counter: u32,
    pub(crate) kind: EventTypeIx,
    pub(crate) chance: Chance,
    pub(crate) count: u32,
    pub(crate) when: Option<Program>,
    pub(crate) after: Option<Sampler>,
    pub(crate) key: KeyPlan,
    pub(crate) data: DataPlan,
    pub(crate) routes: Box<[Route]>,
}

pub(crate) enum KeyPlan {
    Inherit,
    Cycle(u32),
    Uniform(u32),
    Skewed(u32),
    Of(Program),
}

/// Where the data of an emitted event come from.
pub(crate) enum DataPlan {
    /// The type's example, or nothing.
    Example,
    /// The cause's.
    Cause,
    Expr(Program),
}

/// One way that an emitted event takes.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) link: LinkIx,
    pub(crate) delay: u64,
    pub(crate) to: RouteTo,
}

/// The way into an inbox, with what a call that arrives at once has to know of it.
#[derive(Clone, Copy)]
pub(crate) struct InboxRoute {
    pub(crate) sub: SubIx,
    /// Its place among all inboxes.
    pub(crate) slot: u32,
    pub(crate) callee: NodeIx,
    /// How much the link lets the inbox hold.
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum RouteTo {
    Topic(TopicIx),
    Inbox(InboxRoute),
    /// As an inbox, by a link with a circuit breaker or a timeout, or from a gateway.
    Guarded(InboxRoute),
}

pub(crate) struct LinkPlan {
    pub(crate) id: LinkId,
    pub(crate) alive: bool,
    pub(crate) from: NodeIx,
    pub(crate) to: NodeIx,
    pub(crate) delay: u64,
    pub(crate) call: Option<Box<CallPlan>>,
}

pub(crate) struct CallPlan {
    pub(crate) deliveries: u32,
    pub(crate) backoff: Backoff,
    pub(crate) queue: QueuePlan,
    pub(crate) dead: Option<DeadPath>,
    /// How long an attempt may take from its arrival on; `u64::MAX` for as long as it likes.
    pub(crate) timeout: u64,
    pub(crate) breaker: Option<BreakerPlan>,
}

#[derive(Clone, Copy)]
pub(crate) struct QueuePlan {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) when_full: WhenFull,
}

/// The drawn path to a dead-letter queue.
#[derive(Clone, Copy)]
pub(crate) struct DeadPath {
    pub(crate) link: LinkIx,
    pub(crate) to: NodeIx,
    pub(crate) delay: u64,
}

pub(crate) struct TopicPlan {
    pub(crate) bus: NodeIx,
    pub(crate) name: TopicName,
    pub(crate) alive: bool,
    /// Whether an outside broker carries its bus.
    pub(crate) is_outside: bool,
    /// Indices into the plan's partitions.
    pub(crate) partitions: Vec<u32>,
    /// `u64::MAX` for no limit.
    pub(crate) keep: u64,
    /// `u64::MAX` for no limit.
    pub(crate) keep_records: u64,
    /// Whether events may come here that have a time to live or a delay of their own: once so, always so, for some may be on
    /// their way when an edit parts them from it.
    pub(crate) has_terms: bool,
    /// What few topics do.
    pub(crate) rules: Option<Box<TopicRules>>,
}

impl TopicPlan {
    /// Whether settled records stay, so that they can be read again.
    pub(crate) fn keeps(&self) -> bool {
        self.keep != u64::MAX || self.keep_records != u64::MAX || self.rules.as_ref().is_some_and(|rules| rules.keeps())
    }

    /// Whether an append has to do something about it.
    pub(crate) const fn has_rules(&self) -> bool {
        self.keep != u64::MAX || self.keep_records != u64::MAX || self.rules.is_some()
    }
}

pub(crate) struct PartitionPlan {
    pub(crate) topic: TopicIx,
    /// Its number within the topic.
    pub(crate) number: u32,
    /// Indices of the cursors on it whose subscriptions are alive, in the order of the subscriptions.
    pub(crate) cursors: Vec<u32>,
    /// The same cursors, with what an append asks of each first.
    pub(crate) feeds: Vec<Feed>,
}

/// What an append has to know of a cursor.
#[derive(Clone, Copy)]
pub(crate) struct Feed {
    pub(crate) cursor: u32,
    pub(crate) sub: SubIx,
    /// See [`SubPlan::slot`].
    pub(crate) slot: u32,
    /// The only member, where records pass.
    pub(crate) node: NodeIx,
    pub(crate) link: LinkIx,
    pub(crate) has_filter: bool,
    /// Whether records pass: one member that takes no time, no way to it, no filter.
    pub(crate) passes: bool,
}

pub(crate) struct CursorPlan {
    pub(crate) sub: SubIx,
    pub(crate) partition: u32,
    pub(crate) alive: bool,
    /// Whether settling a record of it may let the record go: see [`crate::model::Retention`].
    pub(crate) consumes: bool,
    /// Whether its records go the straight way: to one member without a way, by no rules but those that all have.
    pub(crate) is_straight: bool,
}

pub(crate) struct SubPlan {
    pub(crate) label: String,
    pub(crate) alive: bool,
    pub(crate) is_inbox: bool,
    /// Whether an outside broker carries its bus.
    pub(crate) is_outside: bool,
    /// Its place among all subscriptions, or among all inboxes.
    pub(crate) slot: u32,
    /// The bus, or the callee.
    pub(crate) node: NodeIx,
    pub(crate) members: Vec<MemberPlan>,
    /// Cursors of it, in the order of topics and partitions.
    pub(crate) cursors: Vec<u32>,
    pub(crate) share: Share,
    pub(crate) filter: Option<Program>,
    pub(crate) from: StartAt,
    pub(crate) replay_emits: bool,
    pub(crate) at_most_once: bool,
    pub(crate) ack_wait: u64,
    pub(crate) deliveries: u32,
    pub(crate) backoff: Backoff,
    pub(crate) max_in_flight: u32,
    pub(crate) queue: QueuePlan,
    /// What makes its records wait otherwise than in the order of the log, if anything does.
    pub(crate) line: Option<Box<LinePlan>>,
    /// For how long an event is remembered that was handled; 0 for not at all.
    pub(crate) remembers: u64,
    /// What stands before its members.
    pub(crate) gate: Option<Box<GatePlan>>,
}

#[derive(Clone, Copy)]
pub(crate) struct MemberPlan {
    pub(crate) link: LinkIx,
    pub(crate) node: NodeIx,
    pub(crate) delay: u64,
    pub(crate) prefetch: u32,
    pub(crate) dead: Option<DeadPath>,
}

pub(crate) struct EventPlan {
    pub(crate) name: EventName,
    pub(crate) example: Option<Arc<Value>>,
    pub(crate) size: u64,
    /// How long one is worth anything; `u64::MAX` for ever.
    pub(crate) ttl: u64,
    /// How much one matters.
    pub(crate) priority: u8,
    /// How long a bus keeps one out of sight, if it says so itself.
    pub(crate) delay: Option<u64>,
    /// Whether some expression may look at the data of such events, so that the run must have them at hand.
    pub(crate) needs_data: bool,
}

/// What a subscription asks of whoever delivers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubTerms {
    /// How long after hand-over an acknowledgement is awaited.
    pub ack_wait: SimDuration,
    /// How often a record is handed over at most.
    pub deliveries: u32,
    /// At most so many unsettled records: no more than its members take at once, so that none waits at their door while its
    /// ack wait goes by.
    pub max_in_flight: u32,
}

impl Plan {
    /// Its number within the run: 0 for the flow as started, one more for each edit.
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// How many nodes there are, removed ones included.
    pub const fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many links there are, dead-letter paths and removed ones included.
    pub const fn link_count(&self) -> usize {
        self.links.len()
    }

    /// How many topics there are, removed ones included.
    pub const fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// How many subscriptions and inboxes there are, removed ones included.
    pub const fn sub_count(&self) -> usize {
        self.subs.len()
    }

    /// How many event types there are.
    pub const fn event_count(&self) -> usize {
        self.events.len()
    }

    /// A node's id.
    pub fn node_id(&self, node: NodeIx) -> &NodeId {
        &self.nodes[node.index()].id
    }

    /// The node of this id.
    pub fn node_ix(&self, id: &NodeId) -> Option<NodeIx> {
        self.names.nodes.get(id).copied()
    }

    /// Whether a node waits for replies that carry its requests' ids.
    pub(crate) fn is_gateway(&self, node: NodeIx) -> bool {
        matches!(self.nodes[node.index()].work, Work::Gateway(_))
    }

    /// Where a node takes its calls, if it does.
    pub(crate) fn inbox_of(&self, node: NodeIx) -> Option<SubIx> {
        self.names.subs.get(&SubName::Inbox(node)).copied()
    }

    /// The circuit breaker that a link goes through, if there is one: the subscription's, which all its members share; or
    /// the link's own, with the callee's inbox.
    pub fn breaker_of(&self, link: LinkIx) -> Option<(SubIx, Option<LinkIx>)> {
        self.breakers.get(&link).copied()
    }

    /// Gathers the circuit breakers by the links that go through them.
    pub(super) fn lay_breakers(&mut self) {
        let mut breakers = BTreeMap::new();
        for (ix, link) in self.links.iter().enumerate() {
            let has_one = link.call.as_ref().is_some_and(|call| call.breaker.is_some());
            if let Some(inbox) = self.inbox_of(link.to).filter(|_| has_one) {
                breakers.insert(LinkIx(ix as u32), (inbox, Some(LinkIx(ix as u32))));
            }
        }
        for (ix, sub) in self.subs.iter().enumerate() {
            if sub.gate.as_ref().is_some_and(|gate| gate.breaker.is_some()) {
                let members = sub.members.iter();
                breakers.extend(members.map(|member| (member.link, (SubIx(ix as u32), None))));
            }
        }
        self.breakers = breakers;
    }

    /// What a node does.
    pub fn node_kind(&self, node: NodeIx) -> KindTag {
        self.nodes[node.index()].tag
    }

    /// The log that a node replays.
    pub fn replayed(&self, node: NodeIx) -> Option<&ReplayLog> {
        match &self.nodes.get(node.index())?.work.source()?.pacing {
            Pace::Replay { log, .. } => Some(log),
            _ => None,
        }
    }

    /// Whether a node is still drawn.
    pub fn is_alive(&self, node: NodeIx) -> bool {
        self.nodes[node.index()].alive
    }

    /// A link's id; a dead-letter path's is made as a link's habitually is: `billing->graveyard`.
    pub fn link_id(&self, link: LinkIx) -> &LinkId {
        &self.links[link.index()].id
    }

    /// The link or dead-letter path of this id.
    pub fn link_ix(&self, id: &LinkId) -> Option<LinkIx> {
        self.names.links.get(id).copied()
    }

    /// Where a link leaves and where it arrives.
    pub fn link_ends(&self, link: LinkIx) -> (NodeIx, NodeIx) {
        let plan = &self.links[link.index()];
        (plan.from, plan.to)
    }

    /// Whether a link or dead-letter path is still drawn.
    pub fn is_link_alive(&self, link: LinkIx) -> bool {
        self.links[link.index()].alive
    }

    /// What the broker promises that carries a bus; `None` for a bus inside.
    pub fn outside(&self, bus: NodeIx) -> Option<&Capabilities> {
        self.outside.get(&bus)
    }

    /// The subscriptions of a bus that are still drawn.
    pub fn subs_of(&self, bus: NodeIx) -> impl Iterator<Item = SubIx> {
        let own = move |(_, sub): &(usize, &SubPlan)| sub.alive && !sub.is_inbox && sub.node == bus;
        self.subs.iter().enumerate().filter(own).map(|(ix, _)| SubIx(ix as u32))
    }

    /// How a subscription is to be set up at an outside broker.
    pub fn sub_terms(&self, sub: SubIx) -> SubTerms {
        let plan = &self.subs[sub.index()];
        let room = plan.members.iter().fold(0, |room: u32, member| room.saturating_add(member.prefetch));
        SubTerms {
            ack_wait: SimDuration::from_nanos(plan.ack_wait),
            deliveries: plan.deliveries,
            max_in_flight: room.clamp(1, plan.max_in_flight),
        }
    }

    /// A topic's name.
    pub fn topic_name(&self, topic: TopicIx) -> &TopicName {
        &self.topics[topic.index()].name
    }

    /// The bus that a topic is of.
    pub fn topic_bus(&self, topic: TopicIx) -> NodeIx {
        self.topics[topic.index()].bus
    }

    /// How many partitions a topic has.
    pub fn topic_partitions(&self, topic: TopicIx) -> u32 {
        self.topics[topic.index()].partitions.len() as u32
    }

    /// The topics of a bus that are still drawn, by name.
    pub fn topics_of(&self, bus: NodeIx) -> impl Iterator<Item = TopicIx> {
        let topics = self.names.topics.iter().filter(move |((of, _), _)| *of == bus).map(|(_, topic)| *topic);
        topics.filter(|topic| self.topics[topic.index()].alive)
    }

    /// What to call a subscription: its group, else its link; an inbox by its node.
    pub fn sub_label(&self, sub: SubIx) -> &str {
        &self.subs[sub.index()].label
    }

    /// Whether it is an inbox that takes a node's calls.
    pub fn is_inbox(&self, sub: SubIx) -> bool {
        self.subs[sub.index()].is_inbox
    }

    /// Whether a subscription or inbox is still drawn.
    pub fn is_sub_alive(&self, sub: SubIx) -> bool {
        self.subs[sub.index()].alive
    }

    /// The bus of a subscription; the node of an inbox.
    pub fn sub_node(&self, sub: SubIx) -> NodeIx {
        self.subs[sub.index()].node
    }

    /// The members of a subscription with the links that they are fed by.
    pub fn sub_members(&self, sub: SubIx) -> impl Iterator<Item = (NodeIx, LinkIx)> {
        self.subs[sub.index()].members.iter().map(|member| (member.node, member.link))
    }

    /// Whether the members of a subscription own partitions, as with Kafka.
    pub fn shares_partitions(&self, sub: SubIx) -> bool {
        !self.is_inbox(sub) && self.subs[sub.index()].share == Share::Partition
    }

    /// The subscription that a link is a member of.
    pub fn sub_of_link(&self, link: LinkIx) -> Option<SubIx> {
        let has_it = |sub: &SubPlan| sub.alive && sub.members.iter().any(|member| member.link == link);
        self.subs.iter().position(has_it).map(|place| SubIx(place as u32))
    }

    /// The topics that a subscription takes.
    pub fn sub_topics(&self, sub: SubIx) -> Vec<TopicIx> {
        let cursor_topic = |cursor: &u32| {
            let partition = self.cursors[*cursor as usize].partition;
            self.partitions[partition as usize].topic
        };
        let mut topics: Vec<TopicIx> = self.subs[sub.index()].cursors.iter().map(cursor_topic).collect();
        topics.dedup();
        topics
    }

    /// The most records that a subscription's queue holds; none for an inbox, whose callers each have their own bound.
    pub fn queue_limit(&self, sub: SubIx) -> Option<u64> {
        let plan = &self.subs[sub.index()];
        (!plan.is_inbox).then_some(plan.queue.records)
    }

    /// An event type's name.
    pub fn event_name(&self, event: EventTypeIx) -> &EventName {
        &self.events[event.index()].name
    }

    /// The event type of this name.
    pub fn event_ix(&self, name: &EventName) -> Option<EventTypeIx> {
        self.names.events.get(name).copied()
    }

    /// How large one event of a type is.
    pub fn event_size(&self, event: EventTypeIx) -> u64 {
        self.events[event.index()].size
    }
}

impl std::fmt::Debug for Plan {
    /// In a line: it is large, and its parts are of no use to a reader.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (nodes, links) = (self.nodes.len(), self.links.len());
        write!(f, "Plan(revision {}, {nodes} nodes, {links} links)", self.revision)
    }
}
