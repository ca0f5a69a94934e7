//! What is left when everything is left out: a heap of u128 keys, an enum of nodes, flat state.
//!
//! The least that a machine must do which takes any node and any route: no ledger, no settlement, no records, no
//! figures. What the kernel costs beyond it is the price of meaning.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::LazyLock;

use super::flows::{Ring, W1_CONSUMERS, W1_TOPICS};

/// SplitMix64: eight bytes of state, as the kernel's own streams have.
#[derive(Clone)]
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An exponential draw in nanoseconds, by Marsaglia and Tsang's ziggurat, as the kernel draws: it is the machine
    /// around the draws that is compared.
    pub(crate) fn exponential(&mut self, mean: f64) -> u64 {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        let table = &*ZIGGURAT;
        loop {
            let bits = self.next();
            let layer = (bits & 0xff) as usize;
            let x = (bits >> 11) as f64 * UNIT * table.x[layer];
            if x < table.x[layer + 1] {
                return (x * mean) as u64;
            }
            let unit = ((self.next() >> 11) + 1) as f64 * UNIT;
            if layer == 0 {
                return ((table.x[1] - libm::log(unit)) * mean) as u64;
            }
            let (low, high) = (table.f[layer], table.f[layer + 1]);
            if low + (high - low) * unit < libm::exp(-x) {
                return (x * mean) as u64;
            }
        }
    }
}

struct Ziggurat {
    x: [f64; 257],
    f: [f64; 257],
}

static ZIGGURAT: LazyLock<Ziggurat> = LazyLock::new(|| {
    const END: f64 = 7.697_117_470_131_05;
    const AREA: f64 = 0.003_949_659_822_581_557;
    let mut x = [0.0; 257];
    x[0] = AREA / libm::exp(-END);
    x[1] = END;
    for layer in 2..256 {
        x[layer] = -libm::log(AREA / x[layer - 1] + libm::exp(-x[layer - 1]));
    }
    Ziggurat { x, f: x.map(|x| libm::exp(-x)) }
});

/// A time (64 bits), a sequence number (40), a node (24): one comparison is the whole order.
#[derive(Default)]
struct Heap {
    due: BinaryHeap<Reverse<u128>>,
    sequence: u128,
}

impl Heap {
    fn push(&mut self, at: u64, node: u32) {
        self.sequence += 1;
        self.due.push(Reverse(u128::from(at) << 64 | self.sequence << 24 | u128::from(node)));
    }

    fn pop(&mut self) -> Option<(u64, u32)> {
        let Reverse(key) = self.due.pop()?;
        Some(((key >> 64) as u64, key as u32 & 0xff_ffff))
    }
}

/// A node of a queueing network.
enum Node {
    Source { mean: f64, to: u32, stream: Stream },
    Station { mean: f64, to: [u32; 3], ways: u32, stream: Stream, queue: u32, head: u32, tail: u32 },
    Sink { count: u64 },
}

/// A job in a queue: when it was born, and the next one behind it.
struct Job {
    born: u64,
    next: u32,
}

const NONE: u32 = u32::MAX;

/// A queueing network.
pub(crate) struct Network {
    now: u64,
    heap: Heap,
    nodes: Vec<Node>,
    jobs: Vec<Job>,
    free: u32,
}

impl Network {
    fn new() -> Self {
        Self { now: 0, heap: Heap::default(), nodes: Vec::new(), jobs: Vec::new(), free: NONE }
    }

    /// W2: a source, two stations, a sink.
    pub(crate) fn chain() -> Self {
        let mut network = Self::new();
        network.nodes.push(Node::Source { mean: 1.25e6, to: 1, stream: Stream::new(1) });
        network.station(1e6, [2; 3], 1);
        network.station(1e6, [3; 3], 1);
        network.nodes.push(Node::Sink { count: 0 });
        network.heap.push(0, 0);
        network
    }

    /// W4: the closed network, a token at each station.
    pub(crate) fn ring(ring: &Ring) -> Self {
        let mut network = Self::new();
        for to in &ring.to {
            network.station(1e6, *to, 3);
        }
        for node in 0..ring.to.len() as u32 {
            network.arrive(node, 0);
        }
        network
    }

    fn station(&mut self, mean: f64, to: [u32; 3], ways: u32) {
        let stream = Stream::new(self.nodes.len() as u64 + 1);
        self.nodes.push(Node::Station { mean, to, ways, stream, queue: 0, head: NONE, tail: NONE });
    }

    /// Handles so many timed events, and returns how many.
    pub(crate) fn run(&mut self, events: u64) -> u64 {
        for done in 0..events {
            let Some((at, node)) = self.heap.pop() else { return done };
            self.now = at;
            self.fire(node);
        }
        events
    }

    fn fire(&mut self, node: u32) {
        let now = self.now;
        match &mut self.nodes[node as usize] {
            Node::Source { mean, to, stream } => {
                let (gap, to) = (stream.exponential(*mean), *to);
                self.heap.push(now + gap, node);
                self.arrive(to, now);
            }
            Node::Station { mean, to, ways, stream, queue, head, tail: _ } => {
                let job = *head as usize;
                *head = self.jobs[job].next;
                *queue -= 1;
                let way = if *ways == 1 { 0 } else { ((stream.next() >> 32) * u64::from(*ways)) >> 32 };
                let to = to[way as usize];
                if *queue > 0 {
                    let takes = stream.exponential(*mean);
                    self.heap.push(now + takes, node);
                }
                let born = self.jobs[job].born;
                self.jobs[job].next = self.free;
                self.free = job as u32;
                self.arrive(to, born);
            }
            Node::Sink { .. } => {}
        }
    }

    fn arrive(&mut self, node: u32, born: u64) {
        match &mut self.nodes[node as usize] {
            Node::Station { mean, stream, queue, head, tail, .. } => {
                let job = Job { born, next: NONE };
                let at = if self.free == NONE {
                    self.jobs.push(job);
                    self.jobs.len() as u32 - 1
                } else {
                    let at = self.free;
                    self.free = self.jobs[at as usize].next;
                    self.jobs[at as usize] = job;
                    at
                };
                *queue += 1;
                if *queue == 1 {
                    (*head, *tail) = (at, at);
                    let takes = stream.exponential(*mean);
                    self.heap.push(self.now + takes, node);
                } else {
                    self.jobs[*tail as usize].next = at;
                    *tail = at;
                }
            }
            Node::Sink { count } => *count += 1,
            Node::Source { .. } => {}
        }
    }
}

/// W1: an append to the topic's queue for each of its consumers, and each takes it out again.
pub(crate) struct FanOut {
    heap: Heap,
    mailboxes: Vec<VecDeque<[u64; 8]>>,
    subscribers: [Vec<usize>; W1_TOPICS],
    sum: u64,
    numbers: [u64; 4],
}

impl FanOut {
    pub(crate) fn new() -> Self {
        let mut subscribers: [Vec<usize>; W1_TOPICS] = std::array::from_fn(|_| Vec::new());
        for consumer in 0..W1_CONSUMERS {
            subscribers[consumer % W1_TOPICS].push(consumer);
            subscribers[(consumer + 3) % W1_TOPICS].push(consumer);
        }
        let mut heap = Heap::default();
        for producer in 0..4 {
            heap.push(0, producer);
        }
        Self { heap, mailboxes: vec![VecDeque::new(); W1_CONSUMERS], subscribers, sum: 0, numbers: [0; 4] }
    }

    /// Emits so many events, to two topics each, and returns how many deliveries that made.
    pub(crate) fn run(&mut self, events: u64) -> u64 {
        let mut deliveries = 0;
        for _ in 0..events {
            let Some((at, producer)) = self.heap.pop() else { break };
            let number = &mut self.numbers[producer as usize];
            *number += 1;
            let event = [at, *number, u64::from(producer), 0, 0, 0, 0, 0];
            self.heap.push(at + 1_000, producer);
            for topic in [2 * producer as usize, 2 * producer as usize + 1] {
                for consumer in &self.subscribers[topic] {
                    self.mailboxes[*consumer].push_back(event);
                }
                for consumer in &self.subscribers[topic] {
                    if let Some(event) = self.mailboxes[*consumer].pop_front() {
                        self.sum = self.sum.wrapping_add(event[1]);
                        deliveries += 1;
                    }
                }
            }
        }
        std::hint::black_box(self.sum);
        deliveries
    }
}
