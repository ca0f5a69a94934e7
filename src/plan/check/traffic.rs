//! Traffic as it follows from the drawing: events that go round and grow, rings that can block themselves, and nodes that
//! get more than they can handle.
//!
//! Events are followed as *streams* (one type in one topic) and *reactions* (one handler of one node), so that services that
//! share a bus, or even a topic, are only taken for a loop if a type really comes back. Chances are expected values.
//! Filters and conditions may let everything through or nothing: hence two rates, what comes at least and at most.

use std::collections::VecDeque;

use petgraph::Direction;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, EdgeIndex, EdgeReference, NodeIndex};
use petgraph::visit::EdgeRef as _;

use super::Findings;
use super::groups::Groups;
use super::routes::{Routes, Selection};
use super::wiring::Wiring;
use crate::model::{
    Chance, Distribution, Guarantee, Handler, LinkKind, NodeKind, OverLimit, Pacing, Producer, Rate, RateLimit,
    RateStep, Share, WhenFull,
};

/// Edges that are followed at most; beyond that the traffic is left to a run. Drawn by hand nobody comes near it.
const EDGES: usize = 1_000_000;
/// Steps that the figures of loops may take altogether.
const STEPS: usize = 2_000_000;
/// As good as one: what rounding leaves of it.
const ONE: f64 = 1.0 - 1e-9;

pub(super) fn check(wiring: &Wiring<'_>, routes: &Routes<'_>, findings: &mut Findings) {
    let groups = Groups::new(wiring);
    let Some(mut traffic) = Traffic::new(wiring, routes, &groups) else { return };
    traffic.follow(findings);
    traffic.check_loads(findings);
}

/// What comes, in events a second.
#[derive(Clone, Copy, Default)]
struct Flowing {
    /// If filters and conditions let nothing through.
    least: f64,
    /// If they let everything through.
    most: f64,
}

impl Flowing {
    fn sure(rate: f64) -> Self {
        Self { least: rate, most: rate }
    }

    fn times(self, edge: &Edge) -> Self {
        let least = if edge.conditional { 0.0 } else { self.least * edge.weight };
        Self { least, most: self.most * edge.weight }
    }

    fn add(&mut self, other: Self) {
        self.least += other.least;
        self.most += other.most;
    }
}

/// One stream or reaction leads to another.
struct Edge {
    /// How many come of one, on average.
    weight: f64,
    /// Whether a filter or a condition stands between.
    conditional: bool,
    /// Whether a full queue here holds up whoever sends.
    blocks: bool,
    /// The link that leads to a reaction.
    link: Option<usize>,
}

#[derive(Clone, Copy)]
enum Vertex {
    Stream,
    Reaction { node: usize, handler: usize },
}

type VertexIx = NodeIndex<u32>;

/// Which strongly connected part each vertex belongs to, and its place in it.
struct Parts {
    of: Vec<usize>,
    place: Vec<usize>,
}

struct Traffic<'a, 'b> {
    wiring: &'a Wiring<'b>,
    routes: &'a Routes<'b>,
    groups: &'a Groups,
    graph: DiGraph<Vertex, Edge, u32>,
    rates: Vec<Flowing>,
    /// Of each link, which part of its group's records it gets.
    shares: Vec<f64>,
    steps: usize,
}

/// Work that comes to a node, or to all members of a group.
#[derive(Clone, Copy, Default)]
struct Load {
    rate: Flowing,
    /// Seconds of handling that each second brings.
    busy: Flowing,
}

impl<'a, 'b> Traffic<'a, 'b> {
    fn new(wiring: &'a Wiring<'b>, routes: &'a Routes<'b>, groups: &'a Groups) -> Option<Self> {
        let mut graph = DiGraph::with_capacity(routes.streams.len(), wiring.links.len());
        for _ in &routes.streams {
            graph.add_node(Vertex::Stream);
        }
        let mut first_reaction = Vec::with_capacity(wiring.nodes.len());
        for (node, (_, what)) in wiring.nodes.iter().enumerate() {
            first_reaction.push(graph.node_count());
            for handler in 0..what.kind.handlers().len() {
                graph.add_node(Vertex::Reaction { node, handler });
            }
        }
        let rates = vec![Flowing::default(); graph.node_count()];
        let mut traffic = Self { wiring, routes, groups, graph, rates, shares: shares(wiring, groups), steps: 0 };
        let reaction = |node: usize, handler: usize| NodeIndex::new(first_reaction[node] + handler);
        for (link, wire) in wiring.links.iter().enumerate() {
            match &wire.link.kind {
                LinkKind::Subscribe(subscription) => {
                    let Some(selection) = routes.selected[link].filter(|_| has_handlers(wiring, wire.to)) else {
                        continue;
                    };
                    let weight = traffic.shares[link];
                    let conditional = subscription.filter.is_some();
                    let blocks = subscription.queue.when_full == WhenFull::Block;
                    for &stream in &routes.selections[selection].streams {
                        let event = routes.streams[stream];
                        let Some(handler) = routes.handler_of(wiring, wire.to, event) else { continue };
                        let edge = Edge { weight, conditional, blocks, link: Some(link) };
                        traffic.graph.add_edge(NodeIndex::new(stream), reaction(wire.to, handler), edge);
                    }
                }
                LinkKind::Publish(_) | LinkKind::Call(_) => traffic.add_emits(link, reaction),
            }
            if traffic.graph.edge_count() > EDGES {
                return None;
            }
        }
        Some(traffic)
    }

    /// What the sender of a link emits along it, from each of its handlers.
    fn add_emits(&mut self, link: usize, reaction: impl Fn(usize, usize) -> NodeIndex<u32>) {
        let (wiring, routes) = (self.wiring, self.routes);
        let wire = &wiring.links[link];
        let sender = &wiring.nodes[wire.from].1.kind;
        if let Some(producer) = sender.source() {
            let rate = Flowing::sure(producer_rate(producer));
            for stream in routes.carried[link].iter().filter_map(|carried| carried.stream) {
                self.rates[stream].add(rate);
            }
            return;
        }
        let blocks = match &wire.link.kind {
            LinkKind::Call(call) => call.queue.when_full == WhenFull::Block,
            LinkKind::Publish(_) | LinkKind::Subscribe(_) => true,
        };
        let deliveries = deliveries_to(wiring, wire.from);
        let mut events = routes.emits[wire.from].iter();
        for (h, handler) in sender.handlers().iter().enumerate() {
            let success = 1.0 - handler.fails.as_f64().powf(f64::from(deliveries));
            for (emit, &event) in handler.emits.iter().zip(&mut events) {
                let Some(carried) = routes.carries(link, event) else { continue };
                let (to, call) = if let Some(stream) = carried.stream {
                    (Some(NodeIndex::new(stream)), None)
                } else {
                    let handler = routes.handler_of(wiring, wire.to, event);
                    (handler.map(|handler| reaction(wire.to, handler)), Some(link))
                };
                let weight = success * emit.chance.as_f64() * f64::from(emit.count);
                if let Some(to) = to.filter(|_| weight > 0.0) {
                    let conditional = emit.when.is_some();
                    self.graph.add_edge(reaction(wire.from, h), to, Edge { weight, conditional, blocks, link: call });
                }
            }
        }
    }

    // ---- loops and rates ------------------------------------------------------------------------------------------

    /// Lets rates run through the flow from its producers on, loop by loop.
    fn follow(&mut self, findings: &mut Findings) {
        let parts = kosaraju_scc(&self.graph);
        let mut whole = Parts { of: vec![0; self.graph.node_count()], place: vec![0; self.graph.node_count()] };
        for (part, vertices) in parts.iter().enumerate() {
            for (place, vertex) in vertices.iter().enumerate() {
                whole.of[vertex.index()] = part;
                whole.place[vertex.index()] = place;
            }
        }
        // Parts come with those first that lead nowhere else.
        for (part, vertices) in parts.iter().enumerate().rev() {
            if vertices.len() > 1 {
                self.follow_loop(&whole, vertices, findings);
            }
            for &vertex in vertices {
                let rate = self.rates[vertex.index()];
                let mut walker = self.graph.neighbors_directed(vertex, Direction::Outgoing).detach();
                while let Some((edge, to)) = walker.next(&self.graph) {
                    if whole.of[to.index()] != part {
                        self.rates[to.index()].add(rate.times(&self.graph[edge]));
                    }
                }
            }
        }
    }

    fn follow_loop(&mut self, parts: &Parts, vertices: &[VertexIx], findings: &mut Findings) {
        let edges = self.edges_within(parts, vertices);
        if self.gain_is_one(vertices.len(), &edges, |edge| !edge.conditional) {
            let mut ring = self.ring(parts, vertices, |edge| !edge.conditional);
            if ring.is_empty() {
                ring = self.ring(parts, vertices, |_| true);
            }
            self.report_ring(
                &ring,
                "loop-gain",
                "so each round brings at least as many events as the one before",
                "Let one of them emit less often than it gets, or another type that ends the round",
                findings,
            );
            // What grows without end has no rate; nothing is said of it downstream.
            for vertex in vertices {
                self.rates[vertex.index()] = Flowing::default();
            }
            return;
        }
        let blocking = self.ring(parts, vertices, |edge| edge.blocks);
        if !blocking.is_empty() {
            self.report_ring(
                &blocking,
                "block-cycle",
                "and each waits when the next one's queue is full: they can end up waiting for each other",
                "Let one of these subscriptions drop or refuse records when its queue is full",
                findings,
            );
        }
        let may_grow = self.gain_is_one(vertices.len(), &edges, |_| true);
        self.settle(vertices, &edges);
        if may_grow {
            for vertex in vertices {
                let rate = &mut self.rates[vertex.index()];
                rate.most = rate.least;
            }
        }
    }

    /// The edges of a part of the graph, by the places of its vertices.
    fn edges_within(&self, parts: &Parts, vertices: &[VertexIx]) -> Vec<(usize, usize, EdgeIndex<u32>)> {
        let inside =
            |edge: &EdgeReference<'_, Edge, u32>| parts.of[edge.source().index()] == parts.of[edge.target().index()];
        let places = |edge: EdgeReference<'_, Edge, u32>| {
            (parts.place[edge.source().index()], parts.place[edge.target().index()], edge.id())
        };
        vertices.iter().flat_map(|vertex| self.graph.edges(*vertex)).filter(inside).map(places).collect()
    }

    /// Adds round after round until no more comes of it.
    fn settle(&mut self, vertices: &[VertexIx], edges: &[(usize, usize, EdgeIndex<u32>)]) {
        const ROUNDS: usize = 200;
        let mut round: Vec<Flowing> = vertices.iter().map(|vertex| self.rates[vertex.index()]).collect();
        for _ in 0..ROUNDS {
            let mut next = vec![Flowing::default(); vertices.len()];
            for (from, to, edge) in edges {
                next[*to].add(round[*from].times(&self.graph[*edge]));
            }
            let mut largest: f64 = 0.0;
            for (vertex, rate) in vertices.iter().zip(&next) {
                largest = largest.max(rate.most);
                self.rates[vertex.index()].add(*rate);
            }
            round = next;
            self.steps += edges.len();
            if largest < 1e-9 || self.steps > STEPS {
                return;
            }
        }
    }

    /// Whether what goes round in a part of the graph does not die away: its spectral radius is at least 1.
    ///
    /// Bounds of Collatz and Wielandt around a power iteration; half of each step stays where it is, so that rings of any
    /// length converge.
    fn gain_is_one(
        &mut self,
        vertices: usize,
        edges: &[(usize, usize, EdgeIndex<u32>)],
        takes: impl Fn(&Edge) -> bool,
    ) -> bool {
        const ROUNDS: usize = 300;
        let mut values = vec![1.0; vertices];
        let mut radius = 0.0;
        for _ in 0..ROUNDS {
            let mut next = vec![0.0; vertices];
            for (from, to, edge) in edges {
                let edge = &self.graph[*edge];
                if takes(edge) {
                    next[*from] += edge.weight * values[*to];
                }
            }
            self.steps += edges.len();
            let ratios = next.iter().zip(&values).filter(|(_, value)| **value > 0.0).map(|(next, value)| next / value);
            let (lowest, highest) =
                ratios.fold((f64::INFINITY, 0.0_f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
            if lowest >= ONE {
                return true;
            }
            if highest < ONE {
                return false;
            }
            radius = highest;
            let mut largest = 0.0_f64;
            for (value, next) in values.iter_mut().zip(next) {
                *value = f64::midpoint(*value, next);
                largest = largest.max(*value);
            }
            for value in &mut values {
                *value /= largest.max(f64::MIN_POSITIVE);
            }
            if self.steps > STEPS {
                return false;
            }
        }
        radius >= 1.0 - 1e-4
    }

    /// A shortest way round over edges of a kind; empty if there is none.
    fn ring(&self, parts: &Parts, vertices: &[VertexIx], takes: impl Fn(&Edge) -> bool) -> Vec<VertexIx> {
        // From a few places only: each of them is a walk through the whole part.
        const PLACES: usize = 8;
        let mut order: Vec<VertexIx> = vertices.to_vec();
        order.sort_unstable();
        let reactions = order.into_iter().filter(|vertex| matches!(self.graph[*vertex], Vertex::Reaction { .. }));
        for start in reactions.take(PLACES) {
            let part = parts.of[start.index()];
            let mut came_from = vec![None; vertices.len()];
            let mut queue = VecDeque::from([start]);
            while let Some(vertex) = queue.pop_front() {
                for edge in self.graph.edges(vertex) {
                    let to = edge.target();
                    if parts.of[to.index()] != part || !takes(edge.weight()) {
                        continue;
                    }
                    if to == start {
                        let before = |at: &VertexIx| came_from[parts.place[at.index()]];
                        let mut ring: Vec<VertexIx> = std::iter::successors(Some(vertex), before).collect();
                        ring.reverse();
                        return ring;
                    }
                    let came_from = &mut came_from[parts.place[to.index()]];
                    if came_from.is_none() {
                        *came_from = Some(vertex);
                        queue.push_back(to);
                    }
                }
            }
        }
        Vec::new()
    }

    fn report_ring(&self, ring: &[VertexIx], code: &'static str, because: &str, hint: &str, findings: &mut Findings) {
        const SHOWN: usize = 8;
        let Some(Vertex::Reaction { node, handler }) = ring.first().map(|vertex| self.graph[*vertex]) else { return };
        let mut titles: Vec<String> = Vec::new();
        for vertex in ring {
            let title = match self.graph[*vertex] {
                Vertex::Stream => continue,
                Vertex::Reaction { node, .. } => format!("“{}”", self.wiring.title(node)),
            };
            if titles.last() != Some(&title) {
                titles.push(title);
            }
        }
        let more = titles.len().saturating_sub(SHOWN);
        titles.truncate(SHOWN);
        if more > 0 {
            titles.push(format!("{more} more"));
        }
        let what = match titles.split_first() {
            Some((only, [])) => format!("What {only} emits comes back to it, {because}"),
            _ => format!("Events go round: {} and back to the first, {because}", titles.join(" → ")),
        };
        let place = self.wiring.at_node(node, Some(format!("handlers[{handler}].emits")));
        findings.warning(place, code, what, hint);
    }

    // ---- loads ----------------------------------------------------------------------------------------------------

    fn check_loads(&self, findings: &mut Findings) {
        let mut by_node = vec![Load::default(); self.wiring.nodes.len()];
        let mut by_group = vec![Load::default(); self.groups.members.len()];
        for (link, load) in self.loads_of_links().into_iter().enumerate() {
            add(&mut by_node[self.wiring.links[link].to], load);
            if let Some(group) = self.groups.of_link[link] {
                add(&mut by_group[group], load);
            }
        }
        let mut told = vec![false; self.wiring.nodes.len()];
        for (group, members) in self.groups.members.iter().enumerate() {
            if members.len() > 1 {
                self.check_group(members, by_group[group], &mut told, findings);
            }
        }
        for (node, load) in by_node.into_iter().enumerate() {
            if !told[node] {
                self.check_node(node, load, findings);
            }
        }
    }

    /// What each link brings to its end.
    fn loads_of_links(&self) -> Vec<Load> {
        let mut loads = vec![Load::default(); self.wiring.links.len()];
        for edge in self.graph.edge_references() {
            let (Some(link), Vertex::Reaction { node, handler }) = (edge.weight().link, self.graph[edge.target()])
            else {
                continue;
            };
            let Handler { takes, fails, .. } = &self.wiring.nodes[node].1.kind.handlers()[handler];
            self.bring(&mut loads[link], link, self.rates[edge.source().index()].times(edge.weight()), takes, *fails);
        }
        let total = |selection: &Selection| {
            let mut total = Flowing::default();
            selection.streams.iter().for_each(|stream| total.add(self.rates[*stream]));
            total
        };
        let totals: Vec<Flowing> = self.routes.selections.iter().map(total).collect();
        for (link, wire) in self.wiring.links.iter().enumerate() {
            let NodeKind::Consumer(consumer) = &self.wiring.nodes[wire.to].1.kind else { continue };
            let (Some(selection), Some(subscription)) = (self.routes.selected[link], wire.link.subscription()) else {
                continue;
            };
            let (weight, conditional) = (self.shares[link], subscription.filter.is_some());
            let rate = totals[selection].times(&Edge { weight, conditional, blocks: false, link: None });
            self.bring(&mut loads[link], link, rate, &consumer.takes, consumer.fails);
        }
        loads
    }

    /// Adds what comes along a link and is handled so; nothing where it is meant to be dropped when it is too much.
    fn bring(&self, load: &mut Load, link: usize, rate: Flowing, takes: &Distribution, fails: Chance) {
        let (deliveries, when_full) = match &self.wiring.links[link].link.kind {
            LinkKind::Publish(_) => return,
            LinkKind::Subscribe(subscription) => {
                let once = subscription.guarantee == Guarantee::AtMostOnce;
                (if once { 1 } else { subscription.deliveries }, subscription.queue.when_full)
            }
            LinkKind::Call(call) => (call.deliveries, call.queue.when_full),
        };
        if matches!(when_full, WhenFull::DropOldest | WhenFull::DropNewest) || takes.fault().is_some() {
            return;
        }
        // Failed attempts come again.
        let (fails, deliveries) = (fails.as_f64(), f64::from(deliveries));
        let attempts = if fails < 1.0 { (1.0 - fails.powf(deliveries)) / (1.0 - fails) } else { deliveries };
        let seconds = takes.mean_nanos() / 1e9 * attempts;
        let busy = |rate: f64| if rate > 0.0 && seconds > 0.0 { rate * seconds } else { 0.0 };
        load.rate.add(rate);
        load.busy.add(Flowing { least: busy(rate.least), most: busy(rate.most) });
    }

    fn check_group(&self, members: &[usize], load: Load, told: &mut [bool], findings: &mut Findings) {
        let nodes: Vec<usize> = members.iter().map(|link| self.wiring.links[*link].to).collect();
        let capacity: f64 = nodes.iter().map(|node| concurrency(&self.wiring.nodes[*node].1.kind)).sum();
        let Some((comes, handles, _)) = overload(load, capacity) else { return };
        for node in nodes {
            told[node] = true;
        }
        let group =
            self.wiring.links[members[0]].link.subscription().and_then(|subscription| subscription.group.as_deref());
        let what = format!(
            "The group “{}” gets {comes}, and its {} members can handle {handles} together",
            group.unwrap_or_default(),
            members.len()
        );
        let place = self.wiring.at_link(members[0], Some("group".to_owned()));
        findings.warning(place, "overload", what, "Add members, or let each do more at once or be quicker");
    }

    fn check_node(&self, node: usize, load: Load, findings: &mut Findings) {
        let (_, what) = self.wiring.nodes[node];
        let (limit, setting) = match &what.kind {
            NodeKind::Consumer(consumer) => (consumer.rate_limit, "concurrency"),
            NodeKind::Service(service) => (service.rate_limit, "concurrency"),
            NodeKind::Function(function) => (function.rate_limit, "instances"),
            NodeKind::Producer(_)
            | NodeKind::Bus(_)
            | NodeKind::DeadLetterQueue(_)
            | NodeKind::Gateway(_)
            | NodeKind::Note(_) => return,
        };
        let title = self.wiring.title(node);
        let capacity = concurrency(&what.kind);
        if capacity > 0.0
            && let Some((comes, handles, so)) = overload(load, capacity)
        {
            let what = format!("“{title}” gets {comes}, and can handle {handles}: {so}");
            let hint = match what_helps(&self.wiring.nodes[node].1.kind) {
                "" => "Let it be quicker, or send it less",
                hint => hint,
            };
            findings.warning(self.wiring.at_node(node, Some(setting.to_owned())), "overload", what, hint);
        }
        if let Some(RateLimit { rate, over: OverLimit::Queue | OverLimit::Retry, .. }) = limit
            && !rate.is_zero()
            && load.rate.least > rate.per_second_f64()
        {
            let comes = per_second(load.rate.least);
            let what = format!(
                "“{title}” gets {comes}, and its rate limit lets {rate} through: it falls behind and stays behind"
            );
            let place = self.wiring.at_node(node, Some("rate_limit.rate".to_owned()));
            findings.warning(place, "overload", what, "Raise the limit, or let it reject what is too much");
        }
    }
}

/// Of each link, which part of its group's records it gets.
fn shares(wiring: &Wiring<'_>, groups: &Groups) -> Vec<f64> {
    let mut shares = vec![1.0; wiring.links.len()];
    // Whoever is free takes the next: more goes to those who do more at once.
    let at_once = |link: &usize| concurrency(&wiring.nodes[wiring.links[*link].to].1.kind).max(1.0);
    for members in groups.members.iter().filter(|members| members.len() > 1) {
        let settings = wiring.links[members[0]].link.subscription();
        let by_partition = settings.is_some_and(|settings| settings.share == Share::Partition);
        let all: f64 = members.iter().map(at_once).sum();
        for link in members {
            shares[*link] = if by_partition { 1.0 / members.len() as f64 } else { at_once(link) / all };
        }
    }
    shares
}

fn has_handlers(wiring: &Wiring<'_>, node: usize) -> bool {
    !wiring.nodes[node].1.kind.handlers().is_empty()
}

fn add(sum: &mut Load, load: Load) {
    sum.rate.add(load.rate);
    sum.busy.add(load.busy);
}

/// How many events a node handles at once.
fn concurrency(kind: &NodeKind) -> f64 {
    f64::from(match kind {
        NodeKind::Consumer(consumer) => consumer.concurrency,
        NodeKind::Service(service) => service.concurrency,
        NodeKind::Function(function) => function.instances,
        NodeKind::Producer(_)
        | NodeKind::Bus(_)
        | NodeKind::DeadLetterQueue(_)
        | NodeKind::Gateway(_)
        | NodeKind::Note(_) => 0,
    })
}

const fn what_helps(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Function(_) => "Allow it more instances, or let it be quicker",
        NodeKind::Consumer(_) | NodeKind::Service(_) => {
            "Let it do more at once, be quicker, or share the work in a group"
        }
        NodeKind::Producer(_)
        | NodeKind::Bus(_)
        | NodeKind::DeadLetterQueue(_)
        | NodeKind::Gateway(_)
        | NodeKind::Note(_) => "",
    }
}

/// What comes, what can be handled, and what follows, in words, if the one is not less than the other.
fn overload(load: Load, capacity: f64) -> Option<(String, String, &'static str)> {
    let (words, rate, busy, so) = if load.busy.least >= capacity * ONE {
        ("at least ", load.rate.least, load.busy.least, "it falls behind and stays behind")
    } else if load.busy.most >= capacity * ONE {
        ("up to ", load.rate.most, load.busy.most, "it may fall behind")
    } else {
        return None;
    };
    let same = (load.rate.most - load.rate.least).abs() <= load.rate.most * 1e-9;
    let words = if same { "" } else { words };
    Some((format!("{words}{}", per_second(rate)), per_second(rate * capacity / busy), so))
}

/// A rate as people say it: three figures, in the unit that has some before the point.
fn per_second(rate: f64) -> String {
    let (value, unit) = if rate >= 1.0 || rate <= 0.0 {
        (rate, "s")
    } else if rate * 60.0 >= 1.0 {
        (rate * 60.0, "min")
    } else {
        (rate * 3_600.0, "h")
    };
    let decimals = match value {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}/{unit}")
}

/// How often a node is given the same event at most.
fn deliveries_to(wiring: &Wiring<'_>, node: usize) -> u32 {
    let deliveries = wiring.into[node].iter().map(|link| match &wiring.links[*link].link.kind {
        LinkKind::Subscribe(subscription) if subscription.guarantee == Guarantee::AtLeastOnce => {
            subscription.deliveries
        }
        LinkKind::Call(call) => call.deliveries,
        LinkKind::Subscribe(_) | LinkKind::Publish(_) => 1,
    });
    deliveries.max().unwrap_or(1)
}

/// Events a second in the long run; 0 if it ends, or if only a log or a hand knows.
fn producer_rate(producer: &Producer) -> f64 {
    if producer.stops_after.is_some() {
        return 0.0;
    }
    match &producer.rate {
        Pacing::Constant(rate) | Pacing::Poisson(rate) => rate.per_second_f64(),
        Pacing::Bursts { size, every, within: _ } => {
            if every.is_zero() {
                0.0
            } else {
                f64::from(*size) / every.as_secs_f64()
            }
        }
        Pacing::Schedule { steps, ramp, repeat: Some(repeat), spacing: _ } => {
            schedule_mean(steps, *ramp, repeat.as_secs_f64())
        }
        // After the last step its rate stays.
        Pacing::Schedule { steps, .. } => steps.last().map_or(0.0, |step| step.rate.per_second_f64()),
        // Only a hand knows, and a log ends.
        Pacing::ByHand | Pacing::Replay { .. } => 0.0,
    }
}

/// The mean rate of a schedule that begins again after `length` seconds.
fn schedule_mean(steps: &[RateStep], ramp: bool, length: f64) -> f64 {
    if length <= 0.0 {
        return 0.0;
    }
    let ends = steps.iter().skip(1).map(|step| step.at.as_secs_f64()).chain([length]);
    let after = steps.iter().skip(1).map(|step| step.rate).chain(steps.last().map(|step| step.rate));
    let events = steps.iter().zip(ends).zip(after).map(|((step, end), next): ((&RateStep, f64), Rate)| {
        let seconds = (end.min(length) - step.at.as_secs_f64()).max(0.0);
        let rate = step.rate.per_second_f64();
        seconds * if ramp { f64::midpoint(rate, next.per_second_f64()) } else { rate }
    });
    events.sum::<f64>() / length
}
