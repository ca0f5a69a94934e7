//! What the flow promises, in the words of the flow file: all that the model knows beside the records.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{
    Backoff, Call, Distribution, EventTypeIx, Flow, Handler, KindTag, LinkIx, LinkKind, NodeIx, NodeKind, OverLimit,
    Publish, RateLimit, Share, SubIx, Subscription, TopicIx,
};
use eventloom::plan::Plan;

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
    pub(crate) settings: Subscription,
    pub(crate) topics: BTreeSet<TopicIx>,
    pub(crate) members: Vec<Member>,
}

impl Sub {
    pub(crate) fn member(&self, link: LinkIx) -> Option<&Member> {
        self.members.iter().find(|member| member.link == link)
    }

    pub(crate) fn owns_partitions(&self) -> bool {
        self.settings.share == Share::Partition
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
    /// What a function does with one too many.
    pub(crate) function: Option<OverLimit>,
    pub(crate) inbox: Option<SubIx>,
}

impl Worker {
    /// Begins at once whenever it has a free hand.
    pub(crate) const fn is_plain(&self) -> bool {
        self.rate.is_none() && self.function.is_none()
    }

    pub(crate) fn throttles(&self) -> bool {
        self.over().any(|over| over != OverLimit::Queue)
    }

    pub(crate) fn refuses(&self) -> bool {
        self.over().any(|over| over == OverLimit::Reject)
    }

    fn over(&self) -> impl Iterator<Item = OverLimit> {
        self.function.into_iter().chain(self.rate.map(|rate| rate.over))
    }
}

/// What is kept of a topic's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Topic {
    pub(crate) partitions: u32,
    pub(crate) keep: Option<u64>,
    pub(crate) keep_records: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) hop_limit: u32,
    pub(crate) subs: BTreeMap<SubIx, Sub>,
    /// The node of each inbox.
    pub(crate) inboxes: BTreeMap<SubIx, NodeIx>,
    pub(crate) links: BTreeMap<LinkIx, Link>,
    pub(crate) workers: BTreeMap<NodeIx, Worker>,
    pub(crate) topics: BTreeMap<TopicIx, Topic>,
    /// The bus and the name of each topic.
    pub(crate) topic_names: BTreeMap<(NodeIx, String), TopicIx>,
    pub(crate) event_names: BTreeMap<EventTypeIx, String>,
    /// The type that each producer emits.
    pub(crate) produced: BTreeMap<NodeIx, String>,
}

impl Rules {
    /// Reads them off a flow; the plan only tells which handle is whose.
    pub(crate) fn of(flow: &Flow, plan: &Plan) -> Self {
        let mut rules = Self { hop_limit: flow.hop_limit(), ..Self::default() };
        for ix in (0..plan.event_count()).map(|ix| EventTypeIx(ix as u32)) {
            rules.event_names.insert(ix, plan.event_name(ix).to_string());
        }
        for (id, node) in flow.nodes() {
            let ix = plan.node_ix(id).expect("a node that is drawn has a handle");
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
                                partitions: plan.topic_partitions(topic),
                                keep: settings.and_then(|topic| topic.keep).map(|keep| keep.as_nanos()),
                                keep_records: settings.and_then(|topic| topic.keep_records),
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
            rules.links.insert(ix, Link { from, to, delay: link.delay.as_nanos(), way });
        }
        for ix in (0..plan.sub_count()).map(|ix| SubIx(ix as u32)) {
            if plan.is_inbox(ix) {
                let node = plan.sub_node(ix);
                rules.inboxes.insert(ix, node);
                rules.workers.get_mut(&node).expect("an inbox is a worker's").inbox = Some(ix);
            } else {
                let sub = rules.sub(flow, plan, ix);
                rules.subs.insert(ix, sub);
            }
        }
        rules
    }

    /// Whether a node is in one group by two links, each of which may own partitions: records name the node only.
    pub(crate) fn has_twins(&self) -> bool {
        let twins =
            |sub: &Sub| sub.members.iter().map(|member| member.node).collect::<BTreeSet<_>>().len() < sub.members.len();
        self.subs.values().any(|sub| sub.owns_partitions() && twins(sub))
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
        Sub { topics: named.collect(), members: members.collect(), settings }
    }

    pub(crate) fn topic_name(&self, topic: TopicIx) -> &str {
        let named = self.topic_names.iter().find(|(_, ix)| **ix == topic);
        named.map_or("", |((_, name), _)| name)
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
            function: Some(function.over_limit),
            inbox: None,
        },
        _ => return None,
    };
    debug_assert!(kind.tag() != KindTag::Producer, "producers take nothing");
    Some(worker)
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
                eventloom::model::Jitter::Full => u128::from(nanos) <= ceiling,
                eventloom::model::Jitter::None => u128::from(nanos) == ceiling,
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
