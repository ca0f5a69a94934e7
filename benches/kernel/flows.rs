//! The workloads as flows: W1 and W2 are files, W4 is made from a seed.

use std::collections::BTreeMap;

use eventloom::file;
use eventloom::model::{
    Call, Chance, Distribution, Emit, EventName, Flow, FlowParts, Handler, Link, LinkId, LinkKind, Node, NodeId,
    NodeKind, Pattern, Pick, Point, Producer, Publish, Service, SimDuration, TopicName,
};

use super::bare::Stream;

/// Topics of W1.
pub(crate) const W1_TOPICS: usize = 8;
/// Consumers of W1, of two topics each.
pub(crate) const W1_CONSUMERS: usize = 16;
/// Stations of W4, and tokens.
pub(crate) const W4_NODES: usize = 10_000;

/// W1, fan-out.
pub(crate) fn w1() -> Flow {
    read(include_str!("../w1.ron"))
}

/// W1 with eight producers of one topic each instead of four of two: each event is one record, and is delivered 4 times.
pub(crate) fn w1_single() -> Flow {
    let mut parts = w1().parts().clone();
    for number in 0..4 {
        let id = node_id(&format!("q{number}"));
        let old = node_id(&format!("p{number}"));
        let mut twin = parts.nodes[&old].clone();
        let event = EventName::new(&format!("q{number}.made")).expect("a name");
        if let NodeKind::Producer(Producer { emits, .. }) = &mut twin.kind {
            let size = parts.events[emits].clone();
            *emits = event.clone();
            parts.events.insert(event, size);
        }
        parts.nodes.insert(id.clone(), twin);
        let topic = 2 * number + 1;
        parts.links.remove(&link_id(&format!("p{number}->t{topic}")));
        let kind = LinkKind::Publish(Publish { events: Vec::new(), topic: TopicName::new(&format!("t{topic}")).ok() });
        let link = at_once(Link::new(id, node_id("bus"), kind));
        parts.links.insert(link_id(&format!("q{number}->t{topic}")), link);
    }
    Flow::try_from(parts).expect("a sound flow")
}

/// W2, a chain of queues.
pub(crate) fn w2() -> Flow {
    read(include_str!("../w2.ron"))
}

/// The text of a flow file, read.
pub(crate) fn read(text: &str) -> Flow {
    file::read(text).expect("a flow file that can be read")
}

/// Who follows whom in W4.
pub(crate) struct Ring {
    /// The three that a node sends its tokens to.
    pub(crate) to: Vec<[u32; 3]>,
}

impl Ring {
    /// A random graph without cycles, closed at its ends: each node sends to three random ones of the next hundred, and
    /// the last hundred to the first. Three come into each node as well, so that every node is visited as often as any
    /// other: else nearly all tokens would wait in a few queues, and the rest of the graph would be idle.
    pub(crate) fn new(nodes: usize) -> Self {
        const LAYER: usize = 100;
        let mut stream = Stream::new(42);
        let mut to = vec![[0; 3]; nodes];
        for layer in 0..nodes / LAYER {
            let first = layer * LAYER;
            let next = (first + LAYER) % nodes;
            // One shuffle, begun at three different places: no successor comes twice, neither out of a node nor in.
            let mut targets: Vec<usize> = (0..LAYER).collect();
            for left in (1..LAYER).rev() {
                targets.swap(left, (stream.next() % (left as u64 + 1)) as usize);
            }
            let second = 1 + (stream.next() % 49) as usize;
            let third = 50 + (stream.next() % 49) as usize;
            for node in 0..LAYER {
                for (way, shift) in [0, second, third].into_iter().enumerate() {
                    to[first + node][way] = (next + targets[(node + shift) % LAYER]) as u32;
                }
            }
        }
        Self { to }
    }

    /// The plainest random graph without cycles, closed at its end: each node sends to three random ones of all that come
    /// after it, the last ones to the first. Ways gather towards the end, so that a few hundred nodes do most of the work.
    pub(crate) fn random(nodes: usize) -> Self {
        let mut stream = Stream::new(42);
        let mut successors = |node: usize| {
            let after = (nodes - 1 - node).max(3) as u64;
            let mut to = [0; 3];
            for way in 0..to.len() {
                while to[way] == 0 || to[..way].contains(&to[way]) {
                    to[way] = 1 + (stream.next() % after) as u32;
                }
            }
            to.map(|steps| ((node + steps as usize) % nodes) as u32)
        };
        Self { to: (0..nodes).map(&mut successors).collect() }
    }

    /// As a flow: services that call each other.
    pub(crate) fn flow(&self) -> Flow {
        let ways = ["left", "straight", "right"];
        let chances = [333_333_333, 333_333_333, 333_333_334];
        let emit = |(way, chance): (&str, u32)| {
            let mut emit = Emit::new(EventName::new(way).expect("a name"));
            emit.chance = Chance::from_billionths(chance);
            emit
        };
        let handler = Handler {
            takes: Distribution::Exponential { mean: SimDuration::from_millis(1) },
            emits: ways.into_iter().zip(chances).map(emit).collect(),
            pick: Pick::One,
            ..Handler::default()
        };
        let service = Service { handlers: vec![handler], ..Service::default() };
        let id = |node: usize| node_id(&format!("n{node:05}"));
        let mut nodes = BTreeMap::new();
        let mut links = BTreeMap::new();
        for (node, to) in self.to.iter().enumerate() {
            let place = |steps: usize, width: i32| i32::try_from(steps).expect("few") * width;
            let at = Point(place(node / 100, 240), place(node % 100, 160));
            nodes.insert(id(node), Node::new(at, NodeKind::Service(service.clone())));
            for (way, to) in ways.into_iter().zip(to) {
                let call = Call { events: vec![Pattern::new(way).expect("a pattern")], ..Call::default() };
                let (from, to) = (id(node), id(*to as usize));
                links.insert(LinkId::between(&from, &to), at_once(Link::new(from, to, LinkKind::Call(call))));
            }
        }
        Flow::try_from(FlowParts {
            name: "W4 graph".to_owned(),
            note: String::new(),
            seed: 1,
            hop_limit: u32::MAX,
            events: BTreeMap::new(),
            nodes,
            links,
            faults: BTreeMap::new(),
            expect: BTreeMap::new(),
        })
        .expect("a sound flow")
    }
}

fn at_once(link: Link) -> Link {
    Link { delay: SimDuration::ZERO, ..link }
}

fn node_id(text: &str) -> NodeId {
    NodeId::new(text).expect("an id")
}

fn link_id(text: &str) -> LinkId {
    LinkId::new(text).expect("an id")
}
