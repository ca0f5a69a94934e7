//! Makes a plan of a flow: handles given out, routes and settings resolved, expressions compiled.

mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::data_needs;
use super::faults::FaultPlan;
use super::guards::{BreakerPlan, GatePlan, GatewayPlan};
use super::lanes;
use super::lanes::Lanes;
use super::lines::LinePlan;
use super::plan::Names;
use super::plan::SubName;
use super::plan::{ATTEMPTS, DEAD_LETTERS, EVENT_TYPES};
use super::plan::{
    BucketPlan, CallPlan, CursorPlan, DataPlan, DeadPath, EmitPlan, EventPlan, Feed, FunctionPlan, HandlerPlan,
    InboxRoute, KeyPlan, Kinds, LinkPlan, MemberPlan, NodePlan, Pace, PartitionPlan, ProducerPlan, QueuePlan, ReplayAt,
    Route, RouteTo, SubPlan, TopicPlan, Work, WorkerPlan,
};
use super::topics::{DedupPlan, TopicRules};
use super::{Capabilities, Place, Plan, Problem, ReplayLog, Sampler, Severity};
use crate::expr::{self, Program, Purpose};
use crate::model::{
    Backoff, ByteSize, Call, Chance, Emit, EventName, EventTypeIx, Expression, Flow, Gateway, Handler, Key, KindTag,
    Link, LinkId, LinkIx, LinkKind, NodeId, NodeIx, NodeKind, Pacing, Pattern, Pick, Producer, Publish, QueueLimit,
    RateLimit, ReplayPace, Retention, Share, SimDuration, StartAt, SubIx, Subscription, Topic, TopicIx, TopicName,
};

/// What a plan needs besides the flow: the logs that its producers replay, already read, and who carries its buses.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// By producer. One that replays and is missing here emits nothing.
    pub replays: BTreeMap<NodeId, Arc<ReplayLog>>,
    /// By bus: those that an outside broker carries in this run, and what it promises. Everything else is carried inside.
    pub outside: BTreeMap<NodeId, Capabilities>,
}

/// Makes a plan; or the problems that keep it from being made.
///
/// With a `previous` plan of the same run, every handle of it keeps its meaning, and what is no longer drawn is marked so.
pub fn compile(flow: &Flow, inputs: &Inputs, previous: Option<&Plan>) -> Result<Plan, Vec<Problem>> {
    let mut compiler = Compiler::new(flow, inputs, previous);
    compiler.number_nodes();
    compiler.number_events();
    compiler.number_links();
    compiler.lay_topics();
    compiler.lay_subscriptions();
    compiler.lay_inboxes();
    compiler.lay_cursors();
    compiler.mark_outside();
    compiler.fill_nodes();
    compiler.finish()
}

/// Routes of event types that only a replayed log emits.
type OtherRoutes = Vec<(EventTypeIx, Box<[Route]>)>;

pub(super) struct Compiler<'a> {
    flow: &'a Flow,
    inputs: &'a Inputs,
    pub(super) plan: Plan,
    problems: Vec<Problem>,
    /// The node of each handle, where it is drawn.
    drawn: Vec<Option<&'a crate::model::Node>>,
    /// Links that leave each node, in order of their ids.
    links_from: Vec<Vec<(LinkIx, &'a Link)>>,
}

const NO_LIMIT: QueuePlan =
    QueuePlan { records: u64::MAX, bytes: u64::MAX, when_full: crate::model::WhenFull::DropNewest };

impl<'a> Compiler<'a> {
    fn new(flow: &'a Flow, inputs: &'a Inputs, previous: Option<&Plan>) -> Self {
        let mut plan = Plan {
            revision: 0,
            hop_limit: flow.hop_limit(),
            nodes: Vec::new(),
            links: Vec::new(),
            topics: Vec::new(),
            partitions: Vec::new(),
            subs: Vec::new(),
            cursors: Vec::new(),
            events: Vec::new(),
            faults: Vec::new(),
            emits: 0,
            outside: BTreeMap::new(),
            cycles: 0,
            has_lines: false,
            lanes: Lanes::default(),
            breakers: BTreeMap::new(),
            names: Names::default(),
        };
        if let Some(previous) = previous {
            plan.carry_over(previous);
        }
        Self { flow, inputs, plan, problems: Vec::new(), drawn: Vec::new(), links_from: Vec::new() }
    }

    fn number_nodes(&mut self) {
        let (nodes, links) = (self.flow.nodes().len(), self.flow.links().len());
        self.plan.nodes.reserve(nodes);
        self.plan.links.reserve(links);
        self.plan.names.nodes.reserve(nodes);
        self.plan.names.links.reserve(links);
        for (id, node) in self.flow.nodes() {
            let tag = node.kind.tag();
            let known = self.plan.names.nodes.get(id).copied();
            // A node that was removed and drawn anew as another kind is another node.
            let known = known.filter(|ix| self.plan.nodes[ix.index()].tag == tag);
            let ix = known.unwrap_or_else(|| {
                let ix = NodeIx(self.plan.nodes.len() as u32);
                self.plan.nodes.push(NodePlan { id: id.clone(), alive: true, tag, work: Work::None });
                self.plan.names.nodes.insert(id.clone(), ix);
                ix
            });
            self.plan.nodes[ix.index()].alive = true;
            self.drawn.resize(self.plan.nodes.len().max(self.drawn.len()), None);
            self.drawn[ix.index()] = Some(node);
        }
        self.drawn.resize(self.plan.nodes.len(), None);
        self.links_from.resize_with(self.plan.nodes.len(), Vec::new);
    }

    fn number_events(&mut self) {
        // Types that only a log knows are not drawn: such rows are of the producer's own type.
        for (name, event) in self.flow.events() {
            self.intern_event(name, Some(event));
        }
        for name in self.flow.nodes().values().flat_map(|node| node.kind.emitted()) {
            self.intern_event(name, None);
        }
        if self.plan.events.len() > EVENT_TYPES {
            self.problems.push(Problem {
                severity: Severity::Error,
                at: Place::Flow,
                code: "too-many-event-types",
                what: format!("A run knows at most {EVENT_TYPES} event types"),
                hint: "Use one type with a field that tells its kinds apart".to_owned(),
            });
        }
    }

    pub(super) fn intern_event(&mut self, name: &EventName, event: Option<&crate::model::EventType>) -> EventTypeIx {
        let known = self.plan.names.events.get(name).copied();
        if let Some(ix) = known
            && event.is_none()
        {
            return ix;
        }
        let example = event.and_then(|event| event.example.as_ref());
        let length = example.map_or(0, |text| text.as_str().len() as u64);
        let size = event.and_then(|event| event.size).map_or(length, |size| size.as_bytes());
        let entry = EventPlan {
            name: name.clone(),
            example: example.map(|text| Arc::new(text.value())),
            size,
            ttl: event.and_then(|event| event.ttl).map_or(u64::MAX, SimDuration::as_nanos),
            priority: event.map_or(0, |event| event.priority),
            delay: event.and_then(|event| event.delay).map(SimDuration::as_nanos),
            needs_data: false,
        };
        if let Some(ix) = known {
            self.plan.events[ix.index()] = entry;
            return ix;
        }
        let ix = EventTypeIx(self.plan.events.len() as u32);
        self.plan.events.push(entry);
        self.plan.names.events.insert(name.clone(), ix);
        ix
    }

    fn node(&self, id: &NodeId) -> NodeIx {
        *self.plan.names.nodes.get(id).expect("a flow's links name nodes that exist")
    }

    fn number_links(&mut self) {
        let flow = self.flow;
        let mut calls = Vec::new();
        for (id, link) in flow.links() {
            let (from, to) = (self.node(&link.from), self.node(&link.to));
            let ix = self.link(id, from, to, link.delay.as_nanos());
            self.links_from[from.index()].push((ix, link));
            if let LinkKind::Call(call) = &link.kind {
                calls.push((ix, call));
            }
        }
        for path in flow.dead_letter_links() {
            let (from, to) = (self.node(&path.from), self.node(&path.to));
            let id = LinkId::between(&path.from, &path.to);
            self.link(&id, from, to, Link::DELAY.as_nanos());
        }
        // Dead-letter paths have to be known first.
        for (ix, call) in calls {
            let plan = self.call_plan(call, self.plan.links[ix.index()].to);
            self.plan.links[ix.index()].call = Some(Box::new(plan));
        }
    }

    fn link(&mut self, id: &LinkId, from: NodeIx, to: NodeIx, delay: u64) -> LinkIx {
        let plan = LinkPlan { id: id.clone(), alive: true, from, to, delay, call: None };
        let known = self.plan.names.links.get(id).copied();
        let same_ends = |ix: &LinkIx| {
            let old = &self.plan.links[ix.index()];
            old.from == from && old.to == to
        };
        if let Some(ix) = known.filter(same_ends) {
            self.plan.links[ix.index()] = plan;
            return ix;
        }
        let ix = LinkIx(self.plan.links.len() as u32);
        self.plan.links.push(plan);
        self.plan.names.links.insert(id.clone(), ix);
        ix
    }

    fn call_plan(&self, call: &Call, callee: NodeIx) -> CallPlan {
        CallPlan {
            deliveries: call.deliveries.clamp(1, ATTEMPTS),
            backoff: call.backoff,
            queue: queue_plan(&call.queue),
            dead: call.dead_letters.as_ref().and_then(|to| self.dead_path(callee, to)),
            timeout: call.timeout.map_or(u64::MAX, |timeout| timeout.as_nanos().max(1)),
            breaker: call.breaker.as_deref().map(BreakerPlan::new),
        }
    }

    fn dead_path(&self, from: NodeIx, to: &NodeId) -> Option<DeadPath> {
        let id = LinkId::between(&self.plan.nodes[from.index()].id, to);
        let link = *self.plan.names.links.get(&id)?;
        let plan = &self.plan.links[link.index()];
        Some(DeadPath { link, to: plan.to, delay: plan.delay })
    }

    fn lay_topics(&mut self) {
        let flow = self.flow;
        for (id, node) in flow.nodes() {
            if let NodeKind::Bus(bus) = &node.kind {
                let ix = self.node(id);
                for (name, topic) in &bus.topics {
                    self.topic(ix, name, Some(topic));
                }
            }
        }
        for link in flow.links().values() {
            let LinkKind::Publish(publish) = &link.kind else { continue };
            let bus = self.node(&link.to);
            if let Some(name) = &publish.topic {
                self.topic(bus, name, None);
                continue;
            }
            for event in self.emitted_by(&link.from) {
                if takes(&publish.events, &event) {
                    self.topic(bus, &TopicName::from(&event), None);
                }
            }
        }
    }

    /// Every type that a node can emit, those of its replayed log that the flow knows included.
    fn emitted_by(&self, id: &NodeId) -> Vec<EventName> {
        let Some(node) = self.flow.node(id) else { return Vec::new() };
        let mut names: Vec<EventName> = node.kind.emitted().cloned().collect();
        if let Some(log) = self.inputs.replays.get(id) {
            let known = |kind: &&EventName| self.plan.names.events.contains_key(*kind);
            let mut more: Vec<EventName> = log.rows.iter().map(|row| &row.kind).filter(known).cloned().collect();
            more.sort();
            more.dedup();
            names.extend(more);
        }
        names
    }

    fn topic(&mut self, bus: NodeIx, name: &TopicName, settings: Option<&Topic>) {
        let key = (bus, name.clone());
        let known = self.plan.names.topics.get(&key).copied();
        let ix = known.unwrap_or_else(|| {
            let ix = TopicIx(self.plan.topics.len() as u32);
            self.plan.topics.push(TopicPlan {
                bus,
                name: name.clone(),
                alive: false,
                is_outside: false,
                partitions: Vec::new(),
                keep: u64::MAX,
                keep_records: u64::MAX,
                has_terms: false,
                rules: None,
            });
            self.plan.names.topics.insert(key, ix);
            ix
        });
        let topic = &mut self.plan.topics[ix.index()];
        if topic.alive && settings.is_none() {
            return;
        }
        topic.alive = true;
        let defaults = Topic::default();
        let settings = settings.unwrap_or(&defaults);
        topic.keep = settings.keep.map_or(u64::MAX, SimDuration::as_nanos);
        topic.keep_records = settings.keep_records.unwrap_or(u64::MAX);
        let rules = self.topic_rules(bus, name, settings);
        let topic = &mut self.plan.topics[ix.index()];
        topic.rules = rules;
        let wanted = settings.partitions.max(1) as usize;
        if wanted < topic.partitions.len() {
            let bus = self.plan.nodes[bus.index()].id.clone();
            self.problems.push(Problem {
                severity: Severity::Error,
                at: Place::Node(bus, Some(format!("topics.{name}.partitions"))),
                code: "fewer-partitions",
                what: format!("Topic “{name}” cannot lose partitions while the flow runs"),
                hint: format!("Keep {} partitions, or start the run again", topic.partitions.len()),
            });
            return;
        }
        while topic.partitions.len() < wanted {
            topic.partitions.push(self.plan.partitions.len() as u32);
            let number = topic.partitions.len() as u32 - 1;
            self.plan.partitions.push(PartitionPlan { topic: ix, number, cursors: Vec::new(), feeds: Vec::new() });
        }
    }

    fn topic_rules(&mut self, bus: NodeIx, name: &TopicName, settings: &Topic) -> Option<Box<TopicRules>> {
        let Topic { partitions: _, keep: _, keep_records: _, keep_bytes, retention, compact, dedup } = settings;
        let keep_bytes = keep_bytes.map_or(u64::MAX, ByteSize::as_bytes);
        let dedup = dedup.as_ref().map(|dedup| {
            let bus = self.plan.nodes[bus.index()].id.clone();
            let place = || Place::Node(bus.clone(), Some(format!("kind.topics[\"{name}\"].dedup.id")));
            let id = dedup.id.as_ref().and_then(|source| self.program(source, Purpose::Key, place));
            DedupPlan { window: dedup.window.as_nanos(), id }
        });
        let rules = TopicRules { keep_bytes, retention: *retention, compact: *compact, dedup };
        (rules.keeps() || rules.dedup.is_some()).then(|| Box::new(rules))
    }

    fn lay_subscriptions(&mut self) {
        let flow = self.flow;
        for (id, link) in flow.links() {
            let LinkKind::Subscribe(settings) = &link.kind else { continue };
            let bus = self.node(&link.from);
            let link_ix = self.plan.names.links[id];
            let name = match &settings.group {
                Some(group) => SubName::Group(bus, group.as_str().into()),
                None => SubName::Link(link_ix),
            };
            let sub = self.sub(name, settings.group.as_deref().unwrap_or(id.as_str()), bus);
            let member = self.member(link_ix, link, settings);
            if self.plan.subs[sub.index()].alive {
                self.plan.subs[sub.index()].members.push(member);
                continue;
            }
            // A group has the settings of its first link; `check` reports those that differ.
            let filter = settings.filter.as_ref().and_then(|filter| {
                self.program(filter, Purpose::Condition, || Place::Link(id.clone(), Some("kind.filter".to_owned())))
            });
            let plan = &mut self.plan.subs[sub.index()];
            plan.alive = true;
            plan.members.push(member);
            plan.share = settings.share;
            plan.filter = filter;
            plan.from = settings.from;
            plan.replay_emits = settings.replay_emits;
            plan.at_most_once = settings.guarantee == crate::model::Guarantee::AtMostOnce;
            plan.ack_wait = settings.ack_wait.as_nanos().max(1);
            // What an earlier promise left open, and comes back unhandled, is not handed over again under this one.
            plan.deliveries = if plan.at_most_once { 1 } else { settings.deliveries.clamp(1, ATTEMPTS) };
            plan.backoff = settings.backoff;
            plan.max_in_flight = settings.max_in_flight.max(1);
            plan.queue = queue_plan(&settings.queue);
            // What had a line keeps one, so that whoever waits in it keeps its place.
            plan.line = LinePlan::of(settings).map(Box::new).or(plan.line.take());
            plan.remembers = settings.idempotent.map_or(0, SimDuration::as_nanos);
            plan.gate = GatePlan::of(settings);
        }
    }

    fn sub(&mut self, name: SubName, label: &str, node: NodeIx) -> SubIx {
        if let Some(sub) = self.plan.names.subs.get(&name) {
            return *sub;
        }
        let sub = SubIx(self.plan.subs.len() as u32);
        let is_inbox = matches!(name, SubName::Inbox(_));
        let slot = self.plan.subs.iter().rev().find(|sub| sub.is_inbox == is_inbox).map_or(0, |last| last.slot + 1);
        self.plan.subs.push(SubPlan {
            label: label.to_owned(),
            alive: false,
            is_inbox,
            is_outside: false,
            slot,
            node,
            members: Vec::new(),
            cursors: Vec::new(),
            share: Share::Queue,
            filter: None,
            from: StartAt::End,
            replay_emits: false,
            at_most_once: false,
            ack_wait: u64::MAX,
            deliveries: 1,
            backoff: Backoff::None,
            max_in_flight: u32::MAX,
            queue: NO_LIMIT,
            line: None,
            remembers: 0,
            gate: None,
        });
        self.plan.names.subs.insert(name, sub);
        sub
    }

    fn member(&self, link_ix: LinkIx, link: &Link, settings: &Subscription) -> MemberPlan {
        let node = self.node(&link.to);
        let at_once = match &self.drawn[node.index()].map(|node| &node.kind) {
            Some(NodeKind::Consumer(consumer)) => consumer.concurrency,
            Some(NodeKind::Service(service)) => service.concurrency,
            Some(NodeKind::Function(function)) => function.instances,
            Some(NodeKind::Store(store)) => store.concurrency,
            // It takes whatever comes, at once.
            Some(NodeKind::Gateway(_)) => u32::MAX,
            Some(NodeKind::Stream(stream)) => stream.concurrency,
            _ => 1,
        };
        let prefetch = settings.prefetch.unwrap_or_else(|| at_once.max(1).saturating_mul(2));
        let bus = self.node(&link.from);
        let own = settings.dead_letters.as_ref().and_then(|to| self.dead_path(node, to));
        let of_bus = || match self.drawn[bus.index()].map(|node| &node.kind) {
            Some(NodeKind::Bus(settings)) => settings.dead_letters.as_ref().and_then(|to| self.dead_path(bus, to)),
            _ => None,
        };
        MemberPlan {
            link: link_ix,
            node,
            delay: link.delay.as_nanos(),
            prefetch: prefetch.clamp(1, settings.max_in_flight.max(1)),
            dead: own.or_else(of_bus),
        }
    }

    fn lay_inboxes(&mut self) {
        for ix in 0..self.plan.nodes.len() {
            let node = &self.plan.nodes[ix];
            if !(node.alive && node.tag.is_called()) {
                continue;
            }
            let label = node.id.to_string();
            let node = NodeIx(ix as u32);
            let sub = self.sub(SubName::Inbox(node), &label, node);
            let plan = &mut self.plan.subs[sub.index()];
            plan.alive = true;
            plan.members.push(MemberPlan { link: LinkIx(u32::MAX), node, delay: 0, prefetch: u32::MAX, dead: None });
        }
    }

    fn lay_cursors(&mut self) {
        let flow = self.flow;
        let mut topics_of: BTreeMap<NodeIx, Vec<TopicIx>> = BTreeMap::new();
        for ((bus, _), topic) in &self.plan.names.topics {
            if self.plan.topics[topic.index()].alive {
                topics_of.entry(*bus).or_default().push(*topic);
            }
        }
        let mut done = vec![false; self.plan.subs.len()];
        for (id, link) in flow.links() {
            let LinkKind::Subscribe(settings) = &link.kind else { continue };
            let bus = self.node(&link.from);
            let name = match &settings.group {
                Some(group) => SubName::Group(bus, group.as_str().into()),
                None => SubName::Link(self.plan.names.links[id]),
            };
            let sub = self.plan.names.subs[&name];
            if std::mem::replace(&mut done[sub.index()], true) {
                continue;
            }
            for topic in topics_of.get(&bus).map_or(&[][..], |topics| topics) {
                if !settings.takes_topic(self.plan.topics[topic.index()].name.as_str()) {
                    continue;
                }
                for number in 0..self.plan.topics[topic.index()].partitions.len() {
                    let partition = self.plan.topics[topic.index()].partitions[number];
                    self.cursor(sub, partition);
                }
            }
        }
        for partition in &mut self.plan.partitions {
            let cursors = &self.plan.cursors;
            partition.cursors.sort_by_key(|cursor| cursors[*cursor as usize].sub);
        }
    }

    fn cursor(&mut self, sub: SubIx, partition: u32) {
        let count = self.plan.cursors.len() as u32;
        let cursor = *self.plan.names.cursors.entry((sub, partition)).or_insert(count);
        if cursor == count {
            self.plan.cursors.push(CursorPlan { sub, partition, alive: true, consumes: false, is_straight: false });
        }
        self.plan.cursors[cursor as usize].alive = true;
        self.plan.subs[sub.index()].cursors.push(cursor);
        self.plan.partitions[partition as usize].cursors.push(cursor);
    }

    /// Marks what an outside broker carries. Who carries a bus is settled before its run and stays so.
    fn mark_outside(&mut self) {
        for (id, capabilities) in &self.inputs.outside {
            if let Some(bus) = self.plan.names.nodes.get(id) {
                self.plan.outside.entry(*bus).or_insert(*capabilities);
            }
        }
        let plan = &mut self.plan;
        for topic in &mut plan.topics {
            topic.is_outside = plan.outside.contains_key(&topic.bus);
            if topic.is_outside {
                // Its broker has rules of its own.
                topic.rules = None;
            }
        }
        for cursor in plan.cursors.iter_mut().filter(|cursor| cursor.alive) {
            let topic = &plan.topics[plan.partitions[cursor.partition as usize].topic.index()];
            cursor.consumes = topic.rules.as_ref().is_some_and(|rules| rules.retention != Retention::Limits);
        }
        for sub in &mut plan.subs {
            sub.is_outside = !sub.is_inbox && plan.outside.contains_key(&sub.node);
        }
    }

    fn fill_nodes(&mut self) {
        for ix in 0..self.plan.nodes.len() {
            let Some(node) = self.drawn[ix] else { continue };
            let ix = NodeIx(ix as u32);
            let id = self.plan.nodes[ix.index()].id.clone();
            let work = match &node.kind {
                NodeKind::Producer(producer) => Work::Producer(Box::new(self.producer(ix, &id, producer, "kind"))),
                NodeKind::Consumer(consumer) => {
                    let handler = HandlerPlan {
                        on: Kinds::All,
                        takes: Sampler::new(&consumer.takes),
                        fails: consumer.fails,
                        emits: Box::default(),
                        pick: Pick::Each,
                        is_plain: true,
                    };
                    let rate = consumer.rate_limit.as_ref().map(BucketPlan::new);
                    let is_instant = handler.takes.is_zero() && handler.fails == Chance::NEVER && rate.is_none();
                    Work::Worker(Box::new(WorkerPlan {
                        concurrency: consumer.concurrency.max(1),
                        handlers: Box::new([handler]),
                        rate,
                        timeout: timeout(consumer.timeout),
                        function: None,
                        stream: None,
                        keeps: None,
                        inbox: None,
                        fire: None,
                        is_sink: true,
                        is_instant,
                    }))
                }
                NodeKind::Service(service) => {
                    let handlers = self.handlers(ix, &id, &service.handlers);
                    let rate = service.rate_limit.as_ref();
                    let mut worker = self.worker(ix, service.concurrency, &service.handlers, handlers, rate);
                    worker.keeps = self.service_keeps(ix, service);
                    worker.timeout = timeout(service.timeout);
                    Work::Worker(Box::new(worker))
                }
                NodeKind::Function(function) => {
                    let handlers = self.handlers(ix, &id, &function.handlers);
                    let rate = function.rate_limit.as_ref();
                    let mut worker = self.worker(ix, function.instances, &function.handlers, handlers, rate);
                    worker.timeout = timeout(function.timeout);
                    worker.function = Some(FunctionPlan {
                        provisioned: function.provisioned.min(function.instances.max(1)),
                        cold_start: Sampler::new(&function.cold_start),
                        keep_warm: function.keep_warm.as_nanos(),
                        scale_out: function.scale_out.max(1),
                        over: function.over_limit,
                        price_byte_seconds: u128::from(function.memory.as_bytes())
                            * u128::from(function.price_gib_second),
                        price_invocation: function.price_invocation,
                    });
                    Work::Worker(Box::new(worker))
                }
                NodeKind::Stream(stream) => Work::Worker(Box::new(self.stream(ix, &id, stream))),
                NodeKind::DeadLetterQueue(queue) => {
                    Work::DeadLetters { keep: queue.keep_records.unwrap_or(DEAD_LETTERS).max(1) }
                }
                NodeKind::Store(store) => Work::Worker(Box::new(self.store(ix, &id, store))),
                NodeKind::Gateway(gateway) => Work::Gateway(Box::new(self.gateway(ix, &id, gateway))),
                NodeKind::Bus(_) | NodeKind::Note(_) => Work::None,
            };
            self.plan.nodes[ix.index()].work = work;
        }
    }

    pub(super) fn worker(
        &mut self,
        ix: NodeIx,
        at_once: u32,
        drawn: &[Handler],
        handlers: Box<[HandlerPlan]>,
        rate: Option<&RateLimit>,
    ) -> WorkerPlan {
        let all = 0..self.plan.events.len() as u32;
        let reacts = |event: &EventTypeIx| handlers.iter().any(|handler| handler.on.contains(*event));
        let fire = all.map(EventTypeIx).find(reacts).or_else(|| {
            // Nothing drawn has a type that it reacts to: a hand calls it with the type that it names, if it names one.
            let named = drawn.iter().find(|handler| !handler.on.has_wildcard());
            let name = named.map_or("event.happened", |handler| handler.on.as_str());
            EventName::new(name).ok().map(|name| self.intern_event(&name, None))
        });
        let inbox = self.plan.names.subs.get(&SubName::Inbox(ix)).copied();
        WorkerPlan {
            concurrency: at_once.max(1),
            handlers,
            rate: rate.map(BucketPlan::new),
            timeout: None,
            function: None,
            stream: None,
            keeps: None,
            inbox,
            fire,
            is_sink: false,
            is_instant: false,
        }
    }

    fn handlers(&mut self, ix: NodeIx, id: &NodeId, handlers: &'a [Handler]) -> Box<[HandlerPlan]> {
        let mut plans = Vec::with_capacity(handlers.len());
        for (number, handler) in handlers.iter().enumerate() {
            let mut emits = Vec::with_capacity(handler.emits.len());
            for (place, emit) in handler.emits.iter().enumerate() {
                emits.push(self.emit(ix, id, (number as u32, place as u32), emit));
            }
            plans.push(HandlerPlan {
                on: self.kinds(&handler.on),
                takes: Sampler::new(&handler.takes),
                fails: handler.fails,
                emits: emits.into(),
                pick: handler.pick,
                is_plain: false,
            });
        }
        plans.into()
    }

    pub(super) fn kinds(&self, pattern: &Pattern) -> Kinds {
        if pattern.as_str() == ">" {
            return Kinds::All;
        }
        let events = self.plan.events.iter().enumerate();
        let matching = events.filter(|(_, event)| pattern.matches(event.name.as_str()));
        Kinds::Some(matching.map(|(ix, _)| EventTypeIx(ix as u32)).collect())
    }

    fn emit(&mut self, ix: NodeIx, id: &NodeId, (handler, place): (u32, u32), emit: &'a Emit) -> EmitPlan {
        let at = |field: &str| {
            let path = format!("kind.handlers[{handler}].emits[{place}].{field}");
            Place::Node(id.clone(), Some(path))
        };
        let kind = self.intern_event(&emit.event, None);
        let when = emit.when.as_ref().and_then(|source| self.program(source, Purpose::Condition, || at("when")));
        let data = match &emit.data {
            Some(source) => {
                self.program(source, Purpose::Data, || at("data")).map_or(DataPlan::Example, DataPlan::Expr)
            }
            None if self.plan.events[kind.index()].example.is_some() => DataPlan::Example,
            None => DataPlan::Cause,
        };
        EmitPlan {
            counter: self.counter(ix, handler, place, &emit.key),
            kind,
            chance: emit.chance,
            count: emit.count,
            when,
            after: emit.after.as_ref().map(Sampler::new),
            key: self.key(&emit.key, || at("key")),
            data,
            routes: self.routes(ix, &emit.event),
        }
    }

    pub(super) fn counter(&mut self, node: NodeIx, handler: u32, place: u32, key: &Key) -> u32 {
        let next = self.plan.emits;
        let counter = *self.plan.names.emits.entry((node, handler, place)).or_insert(next);
        self.plan.emits = next.max(counter + 1);
        if matches!(key, Key::Cycle(_)) {
            self.plan.cycles = self.plan.cycles.max(counter + 1);
        }
        counter
    }

    fn key(&mut self, key: &Key, place: impl Fn() -> Place) -> KeyPlan {
        match key {
            Key::Inherit => KeyPlan::Inherit,
            Key::Cycle(keys) => KeyPlan::Cycle((*keys).max(1)),
            Key::Uniform(keys) => KeyPlan::Uniform((*keys).max(1)),
            Key::Skewed(keys) => KeyPlan::Skewed((*keys).max(1)),
            Key::Of(source) => self.program(source, Purpose::Key, place).map_or(KeyPlan::Inherit, KeyPlan::Of),
        }
    }

    pub(super) fn program(
        &mut self,
        source: &Expression,
        purpose: Purpose,
        place: impl Fn() -> Place,
    ) -> Option<Program> {
        match expr::compile(source, purpose) {
            Ok(program) => Some(program),
            Err(error) => {
                self.problems.push(Problem {
                    severity: Severity::Error,
                    at: place(),
                    code: "expression",
                    what: format!("The expression does not compile: {error}"),
                    hint: error.hint,
                });
                None
            }
        }
    }

    fn gateway(&mut self, ix: NodeIx, id: &NodeId, gateway: &'a Gateway) -> GatewayPlan {
        let handler = HandlerPlan {
            on: Kinds::All,
            takes: Sampler::Fixed(0),
            fails: Chance::NEVER,
            emits: Box::default(),
            pick: Pick::Each,
            is_plain: false,
        };
        let worker = WorkerPlan {
            concurrency: u32::MAX,
            handlers: Box::new([handler]),
            rate: None,
            timeout: None,
            function: None,
            stream: None,
            keeps: None,
            inbox: None,
            fire: None,
            is_sink: true,
            is_instant: false,
        };
        GatewayPlan {
            requests: self.producer(ix, id, &gateway.requests, "kind.requests"),
            worker,
            replies: self.kinds(&gateway.replies),
            deadline: gateway.deadline.as_nanos().max(1),
        }
    }

    fn producer(&mut self, ix: NodeIx, id: &NodeId, producer: &'a Producer, at: &str) -> ProducerPlan {
        let at = |field: &str| Place::Node(id.clone(), Some(format!("{at}.{field}")));
        let kind = self.intern_event(&producer.emits, None);
        let data = producer
            .data
            .as_ref()
            .and_then(|source| self.program(source, Purpose::Data, || at("data")))
            .map_or(DataPlan::Example, DataPlan::Expr);
        let emit = EmitPlan {
            counter: self.counter(ix, u32::MAX, 0, &producer.key),
            kind,
            chance: Chance::ALWAYS,
            count: 1,
            when: None,
            after: None,
            key: self.key(&producer.key, || at("key")),
            data,
            routes: self.routes(ix, &producer.emits),
        };
        let (pacing, other_routes) = self.pacing(ix, id, producer, kind);
        ProducerPlan {
            pacing,
            after: producer.after.as_nanos(),
            stops_after: producer.stops_after.unwrap_or(u64::MAX),
            emit,
            other_routes,
        }
    }

    fn pacing(&self, ix: NodeIx, id: &NodeId, producer: &Producer, kind: EventTypeIx) -> (Pace, OtherRoutes) {
        let pace = match &producer.rate {
            Pacing::ByHand => Pace::ByHand,
            Pacing::Constant(rate) if rate.is_zero() => Pace::Never,
            Pacing::Constant(rate) => Pace::Constant(*rate),
            Pacing::Poisson(rate) if rate.is_zero() => Pace::Never,
            Pacing::Poisson(rate) => {
                let per_unit = rate.thousandths() as f64 / 1e3;
                Pace::Poisson { mean_nanos: rate.unit().nanos() as f64 / per_unit }
            }
            Pacing::Bursts { size: 0, .. } => Pace::Never,
            Pacing::Bursts { size, every, within } => {
                let every = every.as_nanos().max(1);
                Pace::Bursts { size: *size, every, within: within.as_nanos().min(every) }
            }
            Pacing::Schedule { steps, ramp, repeat, spacing } => {
                Pace::Schedule { steps: steps.as_slice().into(), ramp: *ramp, repeat: *repeat, spacing: *spacing }
            }
            Pacing::Replay { file: _, time: _, pace } => {
                let Some(log) = self.inputs.replays.get(id) else { return (Pace::Never, Vec::new()) };
                let known = |name: &EventName| self.plan.names.events.get(name).copied().unwrap_or(kind);
                let kinds: Box<[EventTypeIx]> = log.rows.iter().map(|row| known(&row.kind)).collect();
                let mut others = kinds.to_vec();
                others.sort_unstable();
                others.dedup();
                others.retain(|other| *other != kind);
                let routes = |other: &EventTypeIx| (*other, self.routes(ix, &self.plan.events[other.index()].name));
                let others = others.iter().map(routes).collect();
                let pace = match pace {
                    ReplayPace::Recorded => ReplayAt::Times(crate::model::Factor::ONE),
                    ReplayPace::Times(factor) => ReplayAt::Times(*factor),
                    ReplayPace::Every(rate) if rate.is_zero() => return (Pace::Never, Vec::new()),
                    ReplayPace::Every(rate) => ReplayAt::Every(*rate),
                };
                return (Pace::Replay { log: Arc::clone(log), kinds, pace }, others);
            }
        };
        (pace, Vec::new())
    }

    pub(super) fn routes(&self, from: NodeIx, event: &EventName) -> Box<[Route]> {
        let mut routes = Vec::new();
        for (link, drawn) in &self.links_from[from.index()] {
            let delay = drawn.delay.as_nanos();
            let to = match &drawn.kind {
                LinkKind::Publish(Publish { events, topic }) if takes(events, event) => {
                    let topic = topic.clone().unwrap_or_else(|| TopicName::from(event));
                    let bus = self.plan.links[link.index()].to;
                    self.plan.names.topics.get(&(bus, topic)).map(|topic| RouteTo::Topic(*topic))
                }
                LinkKind::Call(call) if takes(&call.events, event) => {
                    let callee = self.plan.links[link.index()].to;
                    self.plan.names.subs.get(&SubName::Inbox(callee)).map(|inbox| {
                        let asks = self.plan.nodes[from.index()].tag == KindTag::Gateway;
                        let is_guarded = asks || call.breaker.is_some() || call.timeout.is_some();
                        let to = if is_guarded { RouteTo::Guarded } else { RouteTo::Inbox };
                        to(InboxRoute {
                            sub: *inbox,
                            slot: self.plan.subs[inbox.index()].slot,
                            callee,
                            records: call.queue.records,
                            bytes: call.queue.bytes.as_bytes(),
                        })
                    })
                }
                LinkKind::Publish(_) | LinkKind::Call(_) | LinkKind::Subscribe(_) => None,
            };
            routes.extend(to.map(|to| Route { link: *link, delay, to }));
        }
        routes.into()
    }

    /// A broker outside keeps its records as it keeps them: what it cannot be asked for is refused, never weakened in silence.
    fn refuse_outside(&mut self) {
        for (id, link) in self.flow.links() {
            let LinkKind::Subscribe(settings) = &link.kind else { continue };
            let bus = self.node(&link.from);
            if !self.plan.outside.contains_key(&bus) {
                continue;
            }
            for field in LinePlan::asks(settings) {
                self.problems.push(Problem {
                    severity: Severity::Error,
                    at: Place::Link(id.clone(), Some(field.to_owned())),
                    code: "outside-line",
                    what: format!("The broker that carries “{}” cannot be asked for this {field}", link.from),
                    hint: "Leave it out, or let the bus inside carry the flow".to_owned(),
                });
            }
        }
        for (topic, kind) in self.plan.terms_to() {
            if self.plan.topics[topic.index()].is_outside {
                let (event, topic) = (&self.plan.events[kind.index()], &self.plan.topics[topic.index()]);
                let field = if event.ttl == u64::MAX { "delay" } else { "ttl" };
                let bus = &self.plan.nodes[topic.bus.index()].id;
                self.problems.push(Problem {
                    severity: Severity::Error,
                    at: Place::Event(event.name.clone(), Some(field.to_owned())),
                    code: "outside-line",
                    what: format!(
                        "The broker that carries “{bus}” cannot be asked for the {field} of “{}”",
                        event.name
                    ),
                    hint: "Leave it out, or let the bus inside carry the flow".to_owned(),
                });
            }
        }
    }

    fn finish(mut self) -> Result<Plan, Vec<Problem>> {
        self.refuse_outside();
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        self.plan.lay_lines();
        self.plan.lay_faults(self.flow);
        self.plan.lay_stream_inputs();
        data_needs::mark(&mut self.plan);
        self.plan.lanes = lanes::lay(&self.plan);
        self.plan.lay_feeds();
        self.plan.lay_breakers();
        Ok(self.plan)
    }
}

impl Plan {
    /// Gathers what an append asks of each cursor.
    fn lay_feeds(&mut self) {
        for partition in &mut self.partitions {
            partition.feeds.clear();
            for cursor in &partition.cursors {
                let plan = &mut self.cursors[*cursor as usize];
                let sub = &self.subs[plan.sub.index()];
                let (node, link) =
                    sub.members.first().map_or((sub.node, LinkIx(0)), |member| (member.node, member.link));
                let is_instant = match &self.nodes[node.index()].work {
                    Work::Worker(worker) => worker.is_instant,
                    Work::Producer(_) | Work::DeadLetters { .. } | Work::Gateway(_) | Work::None => false,
                };
                plan.is_straight = matches!(sub.members[..], [MemberPlan { delay: 0, .. }])
                    && !sub.is_outside
                    && !sub.at_most_once
                    && sub.share == Share::Queue
                    && sub.line.is_none()
                    && sub.gate.is_none()
                    && sub.remembers == 0
                    && !plan.consumes;
                let has_filter = sub.filter.is_some();
                let passes = is_instant && plan.is_straight && !has_filter;
                let (sub_ix, slot, cursor) = (plan.sub, sub.slot, *cursor);
                partition.feeds.push(Feed { cursor, sub: sub_ix, slot, node, link, has_filter, passes });
            }
        }
    }

    /// Takes every handle of the plan before, all marked as no longer drawn: what is drawn marks itself again.
    fn carry_over(&mut self, previous: &Self) {
        self.revision = previous.revision + 1;
        self.names = previous.names.clone();
        self.emits = previous.emits;
        self.outside.clone_from(&previous.outside);
        self.cycles = previous.cycles;
        let node = |node: &NodePlan| NodePlan { id: node.id.clone(), alive: false, tag: node.tag, work: Work::None };
        self.nodes = previous.nodes.iter().map(node).collect();
        let link = |link: &LinkPlan| LinkPlan {
            id: link.id.clone(),
            alive: false,
            from: link.from,
            to: link.to,
            delay: link.delay,
            call: None,
        };
        self.links = previous.links.iter().map(link).collect();
        let topic = |topic: &TopicPlan| TopicPlan {
            bus: topic.bus,
            name: topic.name.clone(),
            alive: false,
            is_outside: topic.is_outside,
            partitions: topic.partitions.clone(),
            keep: topic.keep,
            keep_records: topic.keep_records,
            has_terms: topic.has_terms,
            rules: None,
        };
        self.topics = previous.topics.iter().map(topic).collect();
        let partition = |partition: &PartitionPlan| PartitionPlan {
            topic: partition.topic,
            number: partition.number,
            cursors: Vec::new(),
            feeds: Vec::new(),
        };
        self.partitions = previous.partitions.iter().map(partition).collect();
        let sub = |sub: &SubPlan| SubPlan {
            label: sub.label.clone(),
            alive: false,
            is_inbox: sub.is_inbox,
            is_outside: sub.is_outside,
            slot: sub.slot,
            node: sub.node,
            members: Vec::new(),
            cursors: Vec::new(),
            share: sub.share,
            filter: None,
            from: sub.from,
            replay_emits: sub.replay_emits,
            at_most_once: sub.at_most_once,
            ack_wait: sub.ack_wait,
            deliveries: sub.deliveries,
            backoff: sub.backoff,
            max_in_flight: sub.max_in_flight,
            queue: sub.queue,
            line: sub.line.as_ref().map(|_| Box::new(LinePlan::PLAIN)),
            remembers: 0,
            gate: None,
        };
        self.subs = previous.subs.iter().map(sub).collect();
        let fault = |fault: &FaultPlan| FaultPlan { alive: false, ..fault.clone() };
        self.faults = previous.faults.iter().map(fault).collect();
        let cursor = |cursor: &CursorPlan| CursorPlan {
            sub: cursor.sub,
            partition: cursor.partition,
            alive: false,
            consumes: false,
            is_straight: false,
        };
        self.cursors = previous.cursors.iter().map(cursor).collect();
        let event = |event: &EventPlan| EventPlan {
            name: event.name.clone(),
            example: event.example.clone(),
            size: event.size,
            ttl: event.ttl,
            priority: event.priority,
            delay: event.delay,
            needs_data: false,
        };
        self.events = previous.events.iter().map(event).collect();
    }
}

fn timeout(timeout: Option<SimDuration>) -> Option<u64> {
    timeout.map(|timeout| timeout.as_nanos().max(1))
}

fn takes(events: &[Pattern], event: &EventName) -> bool {
    events.is_empty() || events.iter().any(|pattern| pattern.matches(event.as_str()))
}

fn queue_plan(queue: &QueueLimit) -> QueuePlan {
    QueuePlan { records: queue.records, bytes: queue.bytes.as_bytes(), when_full: queue.when_full }
}
