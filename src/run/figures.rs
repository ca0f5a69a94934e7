//! The figures of a run: what observers folded and what the machine says of itself, put into looks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::kernel::{FaultNow, Kernel, shape_of};
use crate::model::{FaultKind, Flow, KindTag, LinkIx, NodeId, NodeIx, SimDuration, SimTime, SubIx, TopicIx};
use crate::plan::{Aim, Plan};
use crate::trace::{Ledger, Observer, Shape, Work, hand_on};

use super::kept::{kept_live, kept_rows};
use super::look::Looker;
use super::rates::{Since, Window};
use super::report::{LinkReport, Report, Tally};
use super::verdicts::{Expected, VerdictLine};
use super::view::{
    BusLive, Counts, FaultLive, LinkLive, LiveView, LogRow, NodeLive, PartitionLive, StreamLive, SubscriptionLive,
    TopicLive,
};

/// How long the window of “lately” is at least in time on the wall: four seconds, in units of how long motion is seen.
const LATELY_IN_SEEN: u64 = 11;

/// How long it is at least in virtual time: in slow motion four seconds on the wall hold too little to speak of a rate.
const LATELY: SimDuration = SimDuration::from_secs(2);

/// A report's figures, and what a window shows besides.
pub(super) struct Figures {
    tally: Tally,
    looker: Looker,
    window: Window,
    places: Places,
    /// The latest plan.
    plan: Arc<Plan>,
    expected: Expected,
    /// How what was expected stands, once the run has ended.
    judged: Option<Vec<VerdictLine>>,
}

/// What belongs to what in a plan, looked up once for all looks.
#[derive(Default)]
struct Places {
    /// Subscriptions that feed a node, inboxes not among them.
    fed_by: Vec<Vec<SubIx>>,
    buses: Vec<BusPlaces>,
    /// How many events each node can handle at once.
    capacity: Vec<u32>,
}

/// The parts of a bus.
struct BusPlaces {
    bus: NodeIx,
    topics: Vec<TopicIx>,
    subs: Vec<SubIx>,
}

impl Places {
    fn of(plan: &Plan) -> Self {
        let nodes = plan.node_count();
        let mut fed_by = vec![Vec::new(); nodes];
        let mut subs_of: BTreeMap<NodeIx, Vec<SubIx>> = BTreeMap::new();
        let drawn = |sub: &SubIx| plan.is_sub_alive(*sub) && !plan.is_inbox(*sub);
        for sub in (0..plan.sub_count() as u32).map(SubIx).filter(drawn) {
            subs_of.entry(plan.sub_node(sub)).or_default().push(sub);
            for (member, _) in plan.sub_members(sub) {
                let feeds: &mut Vec<SubIx> = &mut fed_by[member.index()];
                if !feeds.contains(&sub) {
                    feeds.push(sub);
                }
            }
        }
        let is_bus = |node: &NodeIx| plan.is_alive(*node) && plan.node_kind(*node) == KindTag::Bus;
        let buses = (0..nodes as u32).map(NodeIx).filter(is_bus);
        let buses = buses.map(|bus| BusPlaces {
            bus,
            topics: plan.topics_of(bus).collect(),
            subs: subs_of.remove(&bus).unwrap_or_default(),
        });
        let capacity = shape_of(plan).nodes.iter().map(|node| node.capacity).collect();
        Self { buses: buses.collect(), fed_by, capacity }
    }
}

impl Figures {
    pub(super) fn new(flow: &Flow, plan: &Arc<Plan>) -> Self {
        Self {
            tally: Tally::new(plan),
            looker: Looker::new(plan),
            window: Window::default(),
            places: Places::of(plan),
            plan: Arc::clone(plan),
            expected: Expected::new(flow, plan),
            judged: None,
        }
    }

    /// Holds the run against what this flow expects, from here on. Edits are followed first: the machine itself may not
    /// have carried them out yet.
    pub(super) fn expect(&mut self, flow: &Flow) {
        self.expected.follow(flow, &Arc::clone(&self.plan));
    }

    /// Whether what is expected looks at the data of events.
    pub(super) const fn needs_data(&self) -> bool {
        self.expected.needs_data()
    }

    /// The run has ended: what is still open is seen to.
    pub(super) fn finish_judging(&mut self, kernel: &Kernel) {
        self.judged = Some(self.expected.finish(kernel, kernel.is_quiet()));
    }

    /// Goes on with an edited plan.
    pub(super) fn follow(&mut self, plan: &Arc<Plan>) {
        self.looker.follow(plan);
        self.places = Places::of(plan);
        self.plan = Arc::clone(plan);
    }

    /// Whether a rate is shown that would be another one if nothing happened any more.
    pub(super) fn is_moving(&self) -> bool {
        self.window.is_moving(place(0, EVENTS), self.looker.events())
    }

    pub(super) fn hand_over_log(&mut self, into: Option<&mut VecDeque<LogRow>>) {
        self.looker.hand_over_log(into);
    }

    pub(super) fn report(&mut self, name: &str, seed: u64, kernel: &Kernel) -> Report {
        self.tally.report(name, seed, kernel)
    }

    /// Fills in a look. Motion is seen for `seen` of virtual time, which passes at `per_second` of its own on the wall.
    pub(super) fn fill(&mut self, view: &mut LiveView, kernel: &Kernel, seen: SimDuration, watched: &[NodeId]) {
        let plan = Arc::clone(kernel.plan());
        let now = view.now;
        self.tally.advance(kernel);
        self.sample(kernel, &plan, seen);
        let since = self.window.since(now);
        let ledger = kernel.ledger();
        view.index = Arc::clone(self.looker.index());
        view.links = (0..plan.link_count() as u32).map(|link| self.link(kernel, LinkIx(link), since)).collect();
        view.nodes =
            (0..plan.node_count() as u32).map(|node| self.node(kernel, &plan, &ledger, NodeIx(node), since)).collect();
        view.buses = self.places.buses.iter().map(|places| bus_live(kernel, &plan, &ledger, places, since)).collect();
        view.counts = Counts {
            on_wire: view.links.iter().map(|link| link.on_wire).sum(),
            in_flight: ledger.total.in_flight,
            queued: ledger.total.queued,
            delayed: ledger.total.delayed,
            given_up: ledger.total.settled() - ledger.total.acked,
            events: self.looker.events(),
            events_per_second: since.per_second(place(0, EVENTS), self.looker.events()),
            not_logged: self.looker.not_logged(),
        };
        let report = |id: &NodeId| Some((id.clone(), Arc::new(self.tally.node(plan.node_ix(id)?, &plan))));
        view.watched = watched.iter().filter_map(report).collect();
        let kept = |id: &NodeId| Some((id.clone(), Arc::new(kept_rows(kernel, &plan, plan.node_ix(id)?)?)));
        view.kept = watched.iter().filter_map(kept).collect();
        view.faults = kernel.faults_now().map(|fault| fault_live(kernel.plan(), &fault)).collect();
        view.verdicts = self.judged.clone().unwrap_or_else(|| self.expected.so_far());
        (view.dots, view.flashes) = self.looker.look(now, seen);
    }
}

/// Counters of the window: so many for each handle, whatever it is a handle of. New handles come at the end, so that a
/// counter keeps its place.
const KINDS: usize = 7;
/// What a node has done: handled, emitted or accepted, whatever it is for.
const DONE: usize = 0;
/// How many waits a node has seen the end of, and how long they were together.
const WAITS: usize = 1;
const WAITED: usize = 2;
/// How long a node's hands were busy together.
const BUSY: usize = 3;
/// Events that left along a link.
const SENT: usize = 4;
/// Records that a topic has.
const ACCEPTED: usize = 5;
/// Events that came into being, of handle 0 only.
const EVENTS: usize = 6;

const fn place(handle: u32, kind: usize) -> usize {
    handle as usize * KINDS + kind
}

impl Figures {
    /// Lets the window slide, if it is time.
    fn sample(&mut self, kernel: &Kernel, plan: &Plan, seen: SimDuration) {
        let now = kernel.now();
        // What is seen for 350 ms on the wall is seen eleven times in four seconds.
        let length = seen.saturating_mul(LATELY_IN_SEEN);
        if !self.window.wants_sample(now, length.max(LATELY)) {
            return;
        }
        let handles = plan.node_count().max(plan.link_count()).max(plan.topic_count()) as u32;
        let counters = (0..handles).flat_map(|handle| {
            let work = self.tally.work(NodeIx(handle));
            [
                done(&work),
                work.waits,
                work.waited_nanos,
                work.busy_nanos,
                if (handle as usize) < plan.link_count() { self.tally.sent(LinkIx(handle)) } else { 0 },
                accepted(kernel, plan, TopicIx(handle)),
                if handle == 0 { self.looker.events() } else { 0 },
            ]
        });
        self.window.sample(now, counters);
    }

    fn link(&self, kernel: &Kernel, link: LinkIx, since: Since<'_>) -> LinkLive {
        let LinkReport { sent, arrived, lost, duplicated: _, breaker_opened } = self.tally.link(link, kernel.plan());
        LinkLive {
            sent,
            arrived,
            lost,
            on_wire: sent.saturating_sub(arrived + lost),
            per_second: since.per_second(place(link.0, SENT), sent),
            last_event: self.looker.last_event(link),
            circuit: kernel.circuit(link),
            breaker_opened: breaker_opened.unwrap_or_default(),
        }
    }

    fn node(&self, kernel: &Kernel, plan: &Plan, ledger: &Ledger, node: NodeIx, since: Since<'_>) -> NodeLive {
        let now = kernel.node_now(node);
        let work = self.tally.work(node);
        let subs = self.places.fed_by.get(node.index()).map_or(&[][..], Vec::as_slice);
        let queued = |sub: &SubIx| ledger.subs.get(sub.index()).map_or(0, |counts| counts.queued);
        let capacity = self.places.capacity.get(node.index()).copied().unwrap_or(0);
        let waits = since.growth(place(node.0, WAITS), work.waits);
        let waited = since.growth(place(node.0, WAITED), work.waited_nanos);
        let busy_nanos = since.growth(place(node.0, BUSY), work.busy_nanos) as f64;
        let hands = f64::from(capacity) * since.nanos() as f64;
        NodeLive {
            queue: subs.iter().map(queued).sum::<u64>() + u64::from(now.waiting),
            queue_limit: subs.iter().filter_map(|sub| plan.queue_limit(*sub)).sum(),
            busy: work.busy,
            capacity,
            received: work.received,
            handled: work.handled,
            failed: work.failed,
            emitted: now.emitted,
            per_second: since.per_second(place(node.0, DONE), done(&work)),
            wait_nanos: if waits == 0 { 0.0 } else { waited as f64 / waits as f64 },
            utilization: if hands > 0.0 { (busy_nanos / hands).min(1.0) } else { 0.0 },
            cold: now.instances.saturating_sub(now.idle + work.busy),
            warm: now.idle,
            stream: now.stream.map(|stream| StreamLive {
                watermark_nanos: stream.watermark_nanos,
                lag: stream.lag_nanos.map(SimDuration::from_nanos),
                open: stream.open,
                closed: stream.closed,
                waiting: stream.waiting,
                late: self.tally.late(node),
            }),
            dead_letters: now.dead_letters,
            kept: kept_live(kernel, node),
            blocked: now.is_blocked,
            faulted: now.is_broken,
            requests: self.tally.requests(kernel, node),
        }
    }
}

/// The figures of a bus.
fn bus_live(kernel: &Kernel, plan: &Plan, ledger: &Ledger, places: &BusPlaces, since: Since<'_>) -> (NodeId, BusLive) {
    let topic = |topic: &TopicIx| {
        let (ends, kept) = (kernel.ends(*topic), kernel.kept(*topic));
        let lags: Vec<Vec<u64>> = places.subs.iter().map(|sub| kernel.lag(*sub, *topic)).collect();
        let partition = |(number, end): (usize, &u64)| PartitionLive {
            end: *end,
            kept: kept.get(number).copied().unwrap_or(0),
            lag: lags.iter().filter_map(|lag| lag.get(number)).max().copied().unwrap_or(0),
        };
        let accepted = ends.iter().sum();
        TopicLive {
            name: plan.topic_name(*topic).clone(),
            accepted,
            per_second: since.per_second(place(topic.0, ACCEPTED), accepted),
            partitions: ends.iter().enumerate().map(partition).collect(),
        }
    };
    let subscription = |sub: &SubIx| {
        let counts = ledger.subs.get(sub.index()).copied().unwrap_or_default();
        let owners = |topic: &TopicIx| kernel.owners(*sub, *topic);
        let name = |owner: Option<NodeIx>| owner.map(|owner| plan.node_id(owner).clone());
        SubscriptionLive {
            label: plan.sub_label(*sub).to_owned(),
            members: plan.sub_members(*sub).map(|(member, _)| plan.node_id(member).clone()).collect(),
            queued: counts.queued,
            delayed: counts.delayed,
            in_flight: counts.in_flight,
            queue_limit: plan.queue_limit(*sub).unwrap_or(0),
            generation: kernel.generation(*sub).into(),
            owners: if plan.shares_partitions(*sub) {
                places.topics.iter().flat_map(owners).map(name).collect()
            } else {
                Vec::new()
            },
        }
    };
    let bus = BusLive {
        topics: places.topics.iter().map(topic).collect(),
        subscriptions: places.subs.iter().map(subscription).collect(),
    };
    (plan.node_id(places.bus).clone(), bus)
}

/// What a node is there for: handling, accepting, or emitting.
const fn done(work: &Work) -> u64 {
    if work.handled > 0 { work.handled } else { work.emitted }
}

/// Records that a topic has accepted; none where there is no such handle.
fn accepted(kernel: &Kernel, plan: &Plan, topic: TopicIx) -> u64 {
    if topic.index() < plan.topic_count() { kernel.ends(topic).iter().sum() } else { 0 }
}

impl Observer for Figures {
    hand_on!(self to self.tally, self.looker, self.expected);

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.tally.reshape(shape, at);
        self.looker.reshape(shape, at);
    }
}

fn fault_live(plan: &Plan, fault: &FaultNow) -> FaultLive {
    let (node, links) = match &fault.on {
        Aim::Node(node) => {
            let is_cut = |link: &LinkIx| {
                let (from, to) = plan.link_ends(*link);
                plan.is_link_alive(*link) && (from == *node || to == *node)
            };
            let all = (0..plan.link_count() as u32).map(LinkIx).filter(|_| fault.kind == FaultKind::Partition);
            (Some(plan.node_id(*node).clone()), all.filter(is_cut).collect())
        }
        Aim::Links(links) => (None, links.to_vec()),
    };
    FaultLive {
        name: plan.fault_name(fault.fault),
        node,
        links: links.into_iter().map(|link| plan.link_id(link).clone()).collect(),
        kind: fault.kind,
        since: fault.since,
    }
}
