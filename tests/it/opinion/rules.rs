//! What the flow promises, in the words of the flow file: all that the model knows beside the records.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{
    Backoff, ByteSize, Call, Chance, Compaction, Dedup, Distribution, EventTypeIx, FaultIx, FaultKind, Flow, Guarantee,
    Handler, Jitter, KindTag, LinkIx, LinkKind, NodeIx, NodeKind, Order, OverLimit, Publish, RateLimit, Retention,
    Share, SubIx, Subscription, TopicIx,
};
use eventloom::plan::{Aim, Plan};

use super::dedup::left_alone;
use super::naive::Partition;
use super::waiting::Terms;

/// Where a link of a member comes from, and what it is worth.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) link: LinkIx,
    pub(crate) node: NodeIx,
    pub(crate) prefetch: usize,
    pub(crate) dead_letters: Option<NodeIx>,
}

/// A subscription of a bus.
#[derive(Clone, Debug)]
pub(crate) struct Sub {
    pub(crate) bus: NodeIx,
    pub(crate) settings: Subscription,
    pub(crate) topics: BTreeSet<TopicIx>,
    /// What it reads, in the order of the topics' names.
    pub(crate) partitions: Vec<Partition>,
    pub(crate) members: Vec<Member>,
}

impl Sub {
    pub(crate) fn member(&self, link: LinkIx) -> Option<&Member> {
        self.members.iter().find(|member| member.link == link)
    }

    pub(crate) fn owns_partitions(&self) -> bool {
        self.settings.share == Share::Partition
    }

    pub(crate) fn at_most_once(&self) -> bool {
        self.settings.guarantee == Guarantee::AtMostOnce
    }

    /// S1, S7: how often one record may be tried.
    pub(crate) fn most(&self) -> u32 {
        if self.at_most_once() { 1 } else { self.settings.deliveries }
    }

    /// Whether a node is in it by two links: records name the node only.
    pub(crate) fn has_twins(&self) -> bool {
        let nodes: BTreeSet<NodeIx> = self.members.iter().map(|member| member.node).collect();
        nodes.len() < self.members.len()
    }
}

/// What goes along a link that something emitted leaves by.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Publish(Publish),
    Call(Call, Option<NodeIx>),
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) from: NodeIx,
    pub(crate) to: NodeIx,
    pub(crate) delay: u64,
    /// None for a subscription.
    pub(crate) way: Option<Way>,
}

/// What takes events.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) concurrency: usize,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) function: Option<Function>,
    pub(crate) inbox: Option<SubIx>,
}

/// What a function is besides.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// What it does with one too many.
    pub(crate) over: OverLimit,
    pub(crate) provisioned: usize,
    pub(crate) cold_start: Distribution,
    pub(crate) keep_warm: u64,
    pub(crate) scale_out: usize,
}

impl Worker {
    /// Whether what it hands back is refused for good.
    pub(crate) fn refuses(&self) -> bool {
        let over = self.function.iter().map(|function| function.over).chain(self.rate.map(|rate| rate.over));
        over.into_iter().any(|over| over == OverLimit::Reject)
    }
}

/// A fault of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FaultRule {
    pub(crate) at: u64,
    /// `u64::MAX` if it does not end by itself.
    pub(crate) until: u64,
    pub(crate) on: Aim,
    pub(crate) kind: FaultKind,
}

/// What is kept of a topic's log.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) bus: NodeIx,
    pub(crate) partitions: u32,
    pub(crate) keep: Option<u64>,
    pub(crate) keep_records: Option<u64>,
    pub(crate) keep_bytes: Option<u64>,
    pub(crate) retention: Retention,
    pub(crate) compact: Option<Compaction>,
    pub(crate) dedup: Option<Dedup>,
}

impl Topic {
    /// Whether settled records stay, so that they can be read again.
    pub(crate) fn keeps(&self) -> bool {
        let by_limits = self.keep.is_some() || self.keep_records.is_some() || self.keep_bytes.is_some();
        by_limits || self.retention != Retention::Limits || self.compact.is_some()
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) hop_limit: u32,
    /// What is drawn.
    pub(crate) nodes: BTreeMap<NodeIx, KindTag>,
    pub(crate) faults: BTreeMap<FaultIx, FaultRule>,
    pub(crate) subs: BTreeMap<SubIx, Sub>,
    /// The bus of each subscription, also of those that are gone.
    pub(crate) buses: BTreeMap<SubIx, NodeIx>,
    /// Whether a handling of what is read again emits, of each subscription, also of those that are gone.
    pub(crate) replay_emits: BTreeMap<SubIx, bool>,
    /// The inbox that each link calls, also of those that are gone.
    pub(crate) callees: BTreeMap<LinkIx, SubIx>,
    /// The node of each inbox.
    pub(crate) inboxes: BTreeMap<SubIx, NodeIx>,
    pub(crate) links: BTreeMap<LinkIx, Link>,
    pub(crate) drawn_links: BTreeSet<LinkIx>,
    pub(crate) workers: BTreeMap<NodeIx, Worker>,
    /// Those that are not drawn any more keep what they have in their logs.
    pub(crate) topics: BTreeMap<TopicIx, Topic>,
    /// The bus and the name of each topic that is drawn.
    pub(crate) topic_names: BTreeMap<(NodeIx, String), TopicIx>,
    pub(crate) event_names: BTreeMap<EventTypeIx, String>,
    /// What event types say of how their records wait.
    pub(crate) events: BTreeMap<EventTypeIx, Terms>,
    /// Topics that something comes to that says when it is due, or for how long it is worth something; also if it did once.
    pub(crate) termed: BTreeSet<TopicIx>,
    /// Subscriptions whose records wait by such terms, their own ones included; also if they did once.
    pub(crate) lined: BTreeSet<SubIx>,
    /// The type that each producer emits.
    pub(crate) produced: BTreeMap<NodeIx, String>,
}

impl Rules {
    /// Reads them off a flow; the plan only tells which handle is whose.
    pub(crate) fn of(flow: &Flow, plan: &Plan) -> Self {
        let mut rules = Self { hop_limit: flow.hop_limit(), ..Self::default() };
        for ix in (0..plan.event_count()).map(|ix| EventTypeIx(ix as u32)) {
            rules.event_names.insert(ix, plan.event_name(ix).to_string());
            let terms = flow.events().get(plan.event_name(ix)).map_or_else(Terms::default, |event| Terms {
                ttl: event.ttl,
                delay: event.delay,
                priority: event.priority,
                size: event.size.map_or_else(
                    || event.example.as_ref().map_or(0, |example| example.as_str().len() as u64),
                    ByteSize::as_bytes,
                ),
                is_null: event.example.as_ref().map(|example| example.as_str().trim() == "null"),
            });
            rules.events.insert(ix, terms);
        }
        for (id, node) in flow.nodes() {
            let ix = plan.node_ix(id).expect("a node that is drawn has a handle");
            rules.nodes.insert(ix, node.kind.tag());
            match &node.kind {
                NodeKind::Producer(producer) => {
                    rules.produced.insert(ix, producer.emits.to_string());
                }
                NodeKind::Bus(bus) => {
                    for topic in plan.topics_of(ix) {
                        let settings = bus.topics.get(plan.topic_name(topic));
                        rules.topic_names.insert((ix, plan.topic_name(topic).to_string()), topic);
                        rules.topics.insert(
                            topic,
                            Topic {
                                bus: ix,
                                partitions: plan.topic_partitions(topic),
                                keep: settings.and_then(|topic| topic.keep).map(|keep| keep.as_nanos()),
                                keep_records: settings.and_then(|topic| topic.keep_records),
                                keep_bytes: settings.and_then(|topic| topic.keep_bytes).map(ByteSize::as_bytes),
                                retention: settings.map_or_else(Retention::default, |topic| topic.retention),
                                compact: settings.and_then(|topic| topic.compact),
                                dedup: settings.and_then(|topic| topic.dedup.clone()),
                            },
                        );
                    }
                }
                kind => {
                    if let Some(worker) = worker(kind) {
                        rules.workers.insert(ix, worker);
                    }
                }
            }
        }
        for (id, link) in flow.links() {
            let ix = plan.link_ix(id).expect("a link that is drawn has a handle");
            let (from, to) = plan.link_ends(ix);
            let way = match &link.kind {
                LinkKind::Publish(publish) => Some(Way::Publish(publish.clone())),
                LinkKind::Call(call) => {
                    Some(Way::Call(call.clone(), call.dead_letters.as_ref().and_then(|id| plan.node_ix(id))))
                }
                LinkKind::Subscribe(_) => None,
            };
            rules.drawn_links.insert(ix);
            rules.links.insert(ix, Link { from, to, delay: link.delay.as_nanos(), way });
        }
        for ix in (0..plan.sub_count()).map(|ix| SubIx(ix as u32)) {
            if !plan.is_inbox(ix) {
                rules.buses.insert(ix, plan.sub_node(ix));
            }
            if !plan.is_sub_alive(ix) {
                continue;
            }
            if plan.is_inbox(ix) {
                let node = plan.sub_node(ix);
                rules.inboxes.insert(ix, node);
                rules.workers.get_mut(&node).expect("an inbox is a worker's").inbox = Some(ix);
            } else {
                let sub = rules.sub(flow, plan, ix);
                rules.replay_emits.insert(ix, sub.settings.replay_emits);
                rules.subs.insert(ix, sub);
            }
        }
        for (ix, link) in &rules.links {
            let inbox = rules.workers.get(&link.to).and_then(|worker| worker.inbox);
            if let Some(inbox) = inbox.filter(|_| matches!(link.way, Some(Way::Call(..)))) {
                rules.callees.insert(*ix, inbox);
            }
        }
        rules.find_terms();
        for place in 0.. {
            let ix = FaultIx(place);
            let name = plan.fault_name(ix);
            if name.is_empty() {
                break;
            }
            let Some((_, fault)) = flow.faults().iter().find(|(other, _)| other.as_str() == name) else { continue };
            let at = fault.at.as_nanos();
            let until = fault.lasts.map_or(u64::MAX, |lasts| at.saturating_add(lasts.as_nanos()));
            let Some(on) = plan.aim(&fault.on).filter(|_| can_happen(fault.kind.chance()) && until > at) else {
                continue;
            };
            rules.faults.insert(ix, FaultRule { at, until, on, kind: fault.kind });
        }
        rules
    }

    /// The rules after an edit: what is gone is remembered as far as something of it may still be under way.
    pub(crate) fn after(&self, flow: &Flow, plan: &Plan) -> Self {
        let mut rules = Self::of(flow, plan);
        for (ix, link) in &self.links {
            // A link that is gone has no settings any more: what left by it arrives.
            rules.links.entry(*ix).or_insert_with(|| Link { way: None, ..link.clone() });
        }
        for (ix, topic) in &self.topics {
            rules.topics.entry(*ix).or_insert_with(|| left_alone(topic));
        }
        for (ix, emits) in &self.replay_emits {
            rules.replay_emits.entry(*ix).or_insert(*emits);
        }
        for (ix, inbox) in &self.callees {
            rules.callees.entry(*ix).or_insert(*inbox);
        }
        rules.termed.extend(&self.termed);
        rules.lined.extend(&self.lined);
        rules.line_up();
        rules
    }

    pub(crate) fn is_drawn(&self, on: &Aim) -> bool {
        match on {
            Aim::Node(node) => self.nodes.contains_key(node),
            Aim::Links(links) => links.iter().any(|link| self.is_link_drawn(*link)),
        }
    }

    pub(crate) fn is_link_drawn(&self, link: LinkIx) -> bool {
        self.drawn_links.contains(&link)
    }

    /// The topics that something with terms of its own is published to.
    fn find_terms(&mut self) {
        let mut emitted: Vec<(NodeIx, &str)> =
            self.produced.iter().map(|(node, name)| (*node, name.as_str())).collect();
        for (node, worker) in &self.workers {
            let emits = worker.handlers.iter().flat_map(|handler| &handler.emits);
            emitted.extend(emits.map(|emit| (*node, emit.event.as_str())));
        }
        let has_terms = |name: &str| {
            let kind = self.event_names.iter().find(|(_, other)| *other == name).map(|(kind, _)| kind);
            kind.is_some_and(|kind| self.events[kind].ttl.is_some() || self.events[kind].delay.is_some())
        };
        let mut termed = BTreeSet::new();
        for (node, name) in emitted.into_iter().filter(|(_, name)| has_terms(name)) {
            termed.extend(self.ways_out(node, name).filter_map(|link| self.topic(link, name)));
        }
        self.termed = termed;
        self.line_up();
    }

    fn line_up(&mut self) {
        for (ix, sub) in &self.subs {
            let Subscription { order, ttl, priority, delay, .. } = &sub.settings;
            let own = *order == Order::Strict || ttl.is_some() || priority.is_some() || !delay.is_zero();
            if own || sub.topics.iter().any(|topic| self.termed.contains(topic)) {
                self.lined.insert(*ix);
            }
        }
    }

    fn sub(&self, flow: &Flow, plan: &Plan, ix: SubIx) -> Sub {
        let bus = plan.sub_node(ix);
        let by_bus = match flow.node(plan.node_id(bus)).map(|node| &node.kind) {
            Some(NodeKind::Bus(bus)) => bus.dead_letters.as_ref().and_then(|id| plan.node_ix(id)),
            _ => None,
        };
        let mut members: Vec<_> = plan.sub_members(ix).map(|(node, link)| (plan.link_id(link), node, link)).collect();
        members.sort_by_key(|(id, ..)| *id);
        let settings_of = |id| flow.link(id).and_then(|link| link.subscription()).expect("a member's link subscribes");
        // The first link of a group speaks for all of it.
        let settings = settings_of(members[0].0).clone();
        let named = plan.topics_of(bus).filter(|topic| settings.takes_topic(plan.topic_name(*topic).as_str()));
        let members = members.iter().map(|(id, node, link)| {
            let own = settings_of(id);
            let room = self.workers.get(node).map_or(1, |worker| worker.concurrency);
            Member {
                link: *link,
                node: *node,
                prefetch: own
                    .prefetch
                    .map_or(room * 2, |prefetch| prefetch as usize)
                    .clamp(1, own.max_in_flight as usize),
                dead_letters: own.dead_letters.as_ref().and_then(|id| plan.node_ix(id)).or(by_bus),
            }
        });
        let members = members.collect();
        let topics: Vec<TopicIx> = named.collect();
        let partitions =
            topics.iter().flat_map(|topic| (0..plan.topic_partitions(*topic)).map(|number| (*topic, number)));
        Sub { bus, partitions: partitions.collect(), topics: topics.into_iter().collect(), members, settings }
    }

    pub(crate) fn link(&self, link: LinkIx) -> &Link {
        &self.links[&link]
    }

    pub(crate) fn call(&self, link: LinkIx) -> Option<(&Call, Option<NodeIx>)> {
        match &self.links.get(&link)?.way {
            Some(Way::Call(call, dead)) => Some((call, *dead)),
            _ => None,
        }
    }

    /// The links that something of this type leaves a node by.
    pub(crate) fn ways_out(&self, node: NodeIx, kind: &str) -> impl Iterator<Item = LinkIx> {
        let takes = |way: &Way| {
            let events = match way {
                Way::Publish(publish) => &publish.events,
                Way::Call(call, _) => &call.events,
            };
            events.is_empty() || events.iter().any(|pattern| pattern.matches(kind))
        };
        let own = self.links.iter().filter(move |(_, link)| link.from == node);
        own.filter(move |(_, link)| link.way.as_ref().is_some_and(takes)).map(|(ix, _)| *ix)
    }

    /// The topic that a link publishes this type to.
    pub(crate) fn topic(&self, link: LinkIx, kind: &str) -> Option<TopicIx> {
        let link = self.link(link);
        let Some(Way::Publish(publish)) = &link.way else { return None };
        let name = publish.topic.as_ref().map_or(kind, |topic| topic.as_str());
        self.topic_names.get(&(link.to, name.to_owned())).copied()
    }

    pub(crate) fn handler(&self, node: NodeIx, kind: EventTypeIx) -> Option<&Handler> {
        let name = &self.event_names[&kind];
        self.workers[&node].handlers.iter().find(|handler| handler.on.matches(name))
    }
}

fn worker(kind: &NodeKind) -> Option<Worker> {
    let worker = match kind {
        NodeKind::Consumer(consumer) => Worker {
            concurrency: consumer.concurrency as usize,
            handlers: vec![Handler { takes: consumer.takes, fails: consumer.fails, ..Handler::default() }],
            rate: consumer.rate_limit,
            function: None,
            inbox: None,
        },
        NodeKind::Service(service) => Worker {
            concurrency: service.concurrency as usize,
            handlers: service.handlers.clone(),
            rate: service.rate_limit,
            function: None,
            inbox: None,
        },
        NodeKind::Function(function) => Worker {
            concurrency: function.instances as usize,
            handlers: function.handlers.clone(),
            rate: function.rate_limit,
            function: Some(Function {
                over: function.over_limit,
                provisioned: function.provisioned.min(function.instances) as usize,
                cold_start: function.cold_start,
                keep_warm: function.keep_warm.as_nanos(),
                scale_out: function.scale_out as usize,
            }),
            inbox: None,
        },
        _ => return None,
    };
    debug_assert!(kind.tag() != KindTag::Producer, "producers take nothing");
    Some(worker)
}

pub(crate) fn can_happen(chance: Chance) -> bool {
    chance.billionths() > 0
}

pub(crate) fn is_certain(chance: Chance) -> bool {
    chance.billionths() == 1_000_000_000
}

/// Whether a drawn duration can be one of a distribution's.
pub(crate) fn can_take(distribution: &Distribution, nanos: u64) -> bool {
    match *distribution {
        Distribution::Fixed(fixed) => nanos == fixed.as_nanos(),
        Distribution::Uniform { min, max } => (min.as_nanos()..=max.as_nanos()).contains(&nanos),
        Distribution::Pareto { min, .. } => nanos >= min.as_nanos(),
        _ => true,
    }
}

/// S23: whether a wait after this attempt can be one of a backoff's.
pub(crate) fn can_wait(backoff: &Backoff, attempt: u32, nanos: u64) -> bool {
    match *backoff {
        Backoff::None => nanos == 0,
        Backoff::Fixed(fixed) => nanos == fixed.as_nanos(),
        Backoff::Exponential { base, cap, jitter } => {
            let mut ceiling = u128::from(base.as_nanos());
            for _ in 1..attempt.min(100) {
                ceiling = (ceiling * 2).min(u128::from(cap.as_nanos()));
            }
            let ceiling = ceiling.min(u128::from(cap.as_nanos()));
            match jitter {
                Jitter::Full => u128::from(nanos) <= ceiling,
                Jitter::None => u128::from(nanos) == ceiling,
            }
        }
    }
}

/// S9: the partition of a key, after the published description of Kafka's partitioner.
pub(crate) fn partition_of(key: &str, partitions: u32) -> u32 {
    let bytes = key.as_bytes();
    let scramble = |word: u32| {
        let word = word.wrapping_mul(0x5bd1_e995);
        (word ^ (word >> 24)).wrapping_mul(0x5bd1_e995)
    };
    let mut hash = 0x9747_b28c_u32 ^ bytes.len() as u32;
    let whole = bytes.len() / 4 * 4;
    for at in (0..whole).step_by(4) {
        let word = u32::from(bytes[at])
            | u32::from(bytes[at + 1]) << 8
            | u32::from(bytes[at + 2]) << 16
            | u32::from(bytes[at + 3]) << 24;
        hash = hash.wrapping_mul(0x5bd1_e995) ^ scramble(word);
    }
    if whole < bytes.len() {
        for at in (whole..bytes.len()).rev() {
            hash ^= u32::from(bytes[at]) << (8 * (at - whole));
        }
        hash = hash.wrapping_mul(0x5bd1_e995);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0x5bd1_e995);
    hash ^= hash >> 15;
    (hash & 0x7fff_ffff) % partitions
}
