//! The same networks in nexosim 1.0, written as its own documentation and examples write models; on one thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::Output;
use nexosim::simulation::{Mailbox, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

use super::bare::Stream;
use super::flows::Ring;

thread_local! {
    /// What was done since the start. The models of a simulation on one thread all run on it.
    static DONE: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    DONE.set(DONE.get() + 1);
}

/// A job: when it was born.
type Job = u64;

#[derive(Serialize, Deserialize)]
struct Source {
    out: Output<Job>,
    mean: f64,
    #[serde(skip, default = "stream")]
    stream: Stream,
}

#[Model]
impl Source {
    #[expect(clippy::unused_async, reason = "nexosim wants it so")]
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        self.plan(cx);
    }

    fn plan(&mut self, cx: &Context<Self>) {
        // At no distance at all nothing can be scheduled.
        let gap = Duration::from_nanos(self.stream.exponential(self.mean).max(1));
        cx.schedule_event(gap, schedulable!(Self::emit), ()).expect("it is in the future");
    }

    #[nexosim(schedulable)]
    async fn emit(&mut self, (): (), cx: &Context<Self>) {
        self.plan(cx);
        self.out.send(nanos(cx.time())).await;
    }
}

/// A station of one exponential server, and where its jobs go.
#[derive(Serialize, Deserialize)]
struct Station {
    outs: Vec<Output<Job>>,
    mean: f64,
    queue: VecDeque<Job>,
    /// Whether it begins with a token.
    has_token: bool,
    #[serde(skip, default = "stream")]
    stream: Stream,
}

#[Model]
impl Station {
    #[expect(clippy::unused_async, reason = "nexosim wants it so")]
    #[nexosim(init)]
    async fn init(&mut self, cx: &Context<Self>) {
        if self.has_token {
            self.arrive(0, cx);
        }
    }

    fn arrive(&mut self, job: Job, cx: &Context<Self>) {
        self.queue.push_back(job);
        if self.queue.len() == 1 {
            self.start(cx);
        }
    }

    fn start(&mut self, cx: &Context<Self>) {
        let takes = Duration::from_nanos(self.stream.exponential(self.mean).max(1));
        cx.schedule_event(takes, schedulable!(Self::finish), ()).expect("it is in the future");
    }

    #[nexosim(schedulable)]
    async fn finish(&mut self, (): (), cx: &Context<Self>) {
        count();
        let Some(job) = self.queue.pop_front() else { return };
        if !self.queue.is_empty() {
            self.start(cx);
        }
        let way = if self.outs.len() == 1 { 0 } else { (((self.stream.next() >> 32) * 3) >> 32) as usize };
        self.outs[way].send(job).await;
    }
}

#[derive(Serialize, Deserialize)]
struct Sink {
    jobs: u64,
    age: u64,
}

#[Model]
impl Sink {
    fn arrive(&mut self, job: Job, cx: &Context<Self>) {
        self.jobs += 1;
        self.age += nanos(cx.time()) - job;
    }
}

fn stream() -> Stream {
    Stream::new(1)
}

fn nanos(time: MonotonicTime) -> u64 {
    let since = time.duration_since(MonotonicTime::EPOCH);
    since.as_secs() * 1_000_000_000 + u64::from(since.subsec_nanos())
}

/// A simulation, and how far it went.
pub(crate) struct Peer {
    simulation: Simulation,
}

impl Peer {
    /// W2: a source, two stations, a sink. Only the ends of service are counted.
    pub(crate) fn chain() -> Self {
        let boxes = (Mailbox::new(), Mailbox::new(), Mailbox::new(), Mailbox::new());
        let mut source = Source { out: Output::default(), mean: 1.25e6, stream: Stream::new(1) };
        let mut first = station(1, 2, false);
        let mut second = station(1, 3, false);
        source.out.connect(Station::arrive, &boxes.1);
        first.outs[0].connect(Station::arrive, &boxes.2);
        second.outs[0].connect(Sink::arrive, &boxes.3);
        let init = SimInit::with_num_threads(1)
            .add_model(source, boxes.0, "source")
            .add_model(first, boxes.1, "first")
            .add_model(second, boxes.2, "second")
            .add_model(Sink { jobs: 0, age: 0 }, boxes.3, "sink");
        Self { simulation: init.init(MonotonicTime::EPOCH).expect("a sound bench") }
    }

    /// W4: the closed network, a token at each station.
    pub(crate) fn ring(ring: &Ring) -> Self {
        let mailboxes: Vec<Mailbox<Station>> = ring.to.iter().map(|_| Mailbox::new()).collect();
        let mut stations = Vec::new();
        for (node, to) in ring.to.iter().enumerate() {
            let mut station = station(3, node as u64 + 1, true);
            for (out, to) in station.outs.iter_mut().zip(to) {
                out.connect(Station::arrive, &mailboxes[*to as usize]);
            }
            stations.push(station);
        }
        let mut init = SimInit::with_num_threads(1);
        for (node, (station, mailbox)) in stations.into_iter().zip(mailboxes).enumerate() {
            init = init.add_model(station, mailbox, &format!("n{node}"));
        }
        Self { simulation: init.init(MonotonicTime::EPOCH).expect("a sound bench") }
    }

    /// Goes on for so many virtual milliseconds and returns how many services ended.
    pub(crate) fn run(&mut self, millis: u64) -> u64 {
        let before = DONE.get();
        self.simulation.step_until(Duration::from_millis(millis)).expect("nothing stops it");
        DONE.get() - before
    }
}

fn station(ways: usize, seed: u64, has_token: bool) -> Station {
    let outs = std::iter::repeat_with(Output::default).take(ways).collect();
    Station { outs, mean: 1e6, queue: VecDeque::new(), has_token, stream: Stream::new(seed) }
}
