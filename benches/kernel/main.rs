//! The promised figures of the engine, and what they are compared with.
//!
//! ```sh
//! cargo bench --bench kernel                        # everything, a few minutes
//! cargo bench --bench kernel -- w2 clone            # some of it: w1 w2 w4 live clone compile hour
//! cargo bench --bench kernel -- --hash              # hashes of short runs: what must stay when the kernel is tuned
//! .dev/instructions                                 # instructions an event, under valgrind: the same on any day
//! ```
//!
//! Full semantics, the ledger and the figures of every report are on. Contestants take turns within one run, rates are
//! of processor time, and the medians are printed: on another machine the ratios are what counts. `bare` is the least
//! machine that takes any node and any route, see [`bare`]; nexosim runs on one thread.

#![expect(clippy::print_stdout, reason = "what a bench is for")]

mod bare;
mod flows;
mod measure;
mod ours;
mod peer;

use std::time::Duration;

use eventloom::file;
use eventloom::model::{Flow, SimDuration};
use eventloom::plan::{self, Inputs};
use eventloom::run::Looker;
use eventloom::trace::TraceHash;

use self::bare::{FanOut, Network};
use self::flows::{Ring, W4_NODES};
use self::measure::{Rounds, Sample, bytes_of_a_copy, median_time};
use self::ours::Run;
use self::peer::Peer;

// As in the program: part of what is measured is what it costs to get memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns that each contestant has.
const ROUNDS: usize = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--instructions", workload, events] = words[..] {
        let events = events.parse().expect("how many events");
        println!("{}", instructions(workload, events));
        return;
    }
    if words[..] == ["--hash"] {
        hashes();
        return;
    }
    let benches: [(&str, fn()); 7] =
        [("w1", w1), ("w2", w2), ("w4", w4), ("live", live), ("clone", clone), ("compile", compile), ("hour", hour)];
    for (name, bench) in benches {
        if words.is_empty() || words.contains(&name) {
            bench();
        }
    }
}

/// Says whether a promise is kept.
fn promise(what: &str, is_kept: bool) {
    println!("    {}  {what}", if is_kept { "kept  " } else { "MISSED" });
}

fn w1() {
    println!("W1 fan-out, deliveries settled a second: 4 producers, 8 topics, 16 consumers of 2 topics each");
    let mut run = Run::new(&flows::w1());
    let mut single = Run::new(&flows::w1_single());
    let mut fan_out = FanOut::new();
    let rounds = Rounds::run(
        ROUNDS,
        &mut [
            &mut || Sample::of(|| run.go_on(SimDuration::from_millis(250))),
            &mut || Sample::of(|| single.go_on(SimDuration::from_millis(250))),
            &mut || Sample::of(|| fan_out.run(2_000_000)),
        ],
    );
    println!("    Eventloom {:8.2} M/s    {:.3} of bare", rounds.rate(0), rounds.ratio(0, 2));
    println!("    the same  {:8.2} M/s    8 producers of one topic instead: each event is one record", rounds.rate(1));
    println!("    bare      {:8.2} M/s    a queue a consumer, copied into and taken out again", rounds.rate(2));
    promise("at least 30 M deliveries/s", rounds.rate(0).min(rounds.rate(1)) >= 30.0);
}

fn w2() {
    println!("W2 chain, timed events a second (3 a job): Poisson source, two M/M/1 stations at 80 %, sink");
    let mut run = Run::new(&flows::w2());
    let mut bare = Network::chain();
    let mut peer = Peer::chain();
    let rounds = Rounds::run(
        ROUNDS,
        &mut [
            &mut || Sample::of(|| run.go_on(SimDuration::from_secs(1_500))),
            &mut || Sample::of(|| bare.run(6_000_000)),
            // It counts the two ends of service; the arrival is the third of three.
            &mut || Sample::of(|| peer.run(400_000) * 3 / 2),
        ],
    );
    compared(&rounds);
    promise("at least 15 M timed events/s", rounds.rate(0) >= 15.0);
    promise("at least 5 x nexosim", rounds.ratio(0, 2) >= 5.0);
}

fn w4() {
    println!(
        "W4 graph, hops a second: {W4_NODES} M/M/1 stations, random ways, out-degree 3, closed, {W4_NODES} tokens"
    );
    w4_on(&Ring::random(W4_NODES));
    println!("W4 on a graph whose nodes are all visited as often: no cache holds what half of them do at any time");
    w4_on(&Ring::new(W4_NODES));
}

fn w4_on(ring: &Ring) {
    let mut run = Run::closed(ring);
    let mut bare = Network::ring(ring);
    let mut peer = Peer::ring(ring);
    let rounds = Rounds::run(
        ROUNDS,
        &mut [
            &mut || Sample::of(|| run.go_on(SimDuration::from_millis(600))),
            &mut || Sample::of(|| bare.run(4_000_000)),
            &mut || Sample::of(|| peer.run(100)),
        ],
    );
    compared(&rounds);
    promise("at least 8 M hops/s", rounds.rate(0) >= 8.0);
    promise("at least 5 x nexosim", rounds.ratio(0, 2) >= 5.0);
}

/// Prints us, bare and the peer.
fn compared(rounds: &Rounds) {
    println!("    Eventloom {:8.2} M/s", rounds.rate(0));
    println!("    bare      {:8.2} M/s    Eventloom is {:.2} of it", rounds.rate(1), rounds.ratio(0, 1));
    println!("    nexosim   {:8.2} M/s    Eventloom is {:.1} times it", rounds.rate(2), rounds.ratio(0, 2));
}

fn live() {
    println!("Live animation on W4: what a window looks at, taken once a frame, against no window");
    let mut warm = Run::closed(&Ring::new(W4_NODES));
    warm.go_on(SimDuration::from_millis(200));
    // A frame at full speed: what a sixtieth of a second has room for. Motion is seen for a third of a second.
    let (frame, frames) = (SimDuration::from_millis(25), 16);
    let stays = SimDuration::from_millis(25 * 21);
    let mut looker = Looker::new(warm.kernel.plan());
    let mut dots = 0;
    let (mut quiet, mut shown) = (warm.clone(), warm);
    let rounds = Rounds::run(
        4 * ROUNDS,
        &mut [&mut || Sample::of(|| (0..frames).map(|_| quiet.go_on(frame)).sum()), &mut || {
            Sample::of(|| {
                let frames = (0..frames).map(|_| {
                    let count = shown.go_on_watched(frame, &mut looker);
                    dots += looker.look(shown.kernel.now(), stays).0.len();
                    count
                });
                frames.sum()
            })
        }],
    );
    let cost = (rounds.ratio(0, 1) - 1.0) * 100.0;
    println!("    {:.2} M hops/s without, {:.2} with ({dots} dots shown)", rounds.rate(0), rounds.rate(1));
    promise(&format!("costs at most 5 %: {cost:.1} %"), cost <= 5.0);
}

fn clone() {
    println!("State of {W4_NODES} nodes (W4, {W4_NODES} tokens under way)");
    let mut run = Run::closed(&Ring::new(W4_NODES));
    run.go_on(SimDuration::from_millis(500));
    let again = median_time(200, || run.kernel.clone());
    let mut kept = Vec::new();
    let fresh = median_time(50, || kept.push(run.kernel.clone()));
    drop(kept);
    println!("    a clone takes {} us; {} us in memory never used before", micros(again), micros(fresh));
    promise("at most 200 us", again <= Duration::from_micros(200));
    let nodes = W4_NODES as f64;
    if let Some(bytes) = bytes_of_a_copy(64, || run.kernel.clone()) {
        println!("    {:.0} bytes a node, the tokens, timers and open calls of the run included", bytes / nodes);
        promise("at most 256 bytes of forkable state a node", bytes / nodes <= 256.0);
    }
    if let Some(bytes) = bytes_of_a_copy(16, || run.metrics.clone()) {
        println!("    {:.0} bytes of figures a node, kept apart from the state", bytes / nodes);
    }
}

fn compile() {
    println!("A flow of {W4_NODES} nodes and {} links, from text to a plan", 3 * W4_NODES);
    let text = file::write(&Ring::new(W4_NODES).flow());
    let flow = flows::read(&text);
    let check = median_time(15, || plan::check(&flow));
    let compile = median_time(15, || plan::compile(&flow, &Inputs::default(), None));
    let parse = median_time(5, || flows::read(&text));
    println!("    check {} us, compile {} us", micros(check), micros(compile));
    promise("check and compile in at most 50 ms", check + compile <= Duration::from_millis(50));
    println!("    parse {} us of {} KiB (goal: 200 ms)", micros(parse), text.len() / 1024);
}

fn hour() {
    println!("order-fulfilment.ron for one virtual hour, with report and hash");
    let flow = flows::read(include_str!("../../flows/order-fulfilment.ron"));
    let took = median_time(3, || {
        let mut run = Run::new(&flow);
        let mut hash = TraceHash::default();
        run.go_on_watched(SimDuration::from_secs(3_600), &mut hash)
    });
    println!("    {} us", micros(took));
    promise("under 1 s", took < Duration::from_secs(1));
}

fn micros(duration: Duration) -> u128 {
    duration.as_micros()
}

/// Prints what a short run of each workload hashes to.
fn hashes() {
    let order = flows::read(include_str!("../../flows/order-fulfilment.ron"));
    let runs = [
        ("w1", Run::new(&flows::w1()), SimDuration::from_millis(5)),
        ("w2", Run::new(&flows::w2()), SimDuration::from_secs(100)),
        ("w4", Run::closed(&Ring::new(W4_NODES)), SimDuration::from_millis(50)),
        ("order-fulfilment", Run::new(&order), SimDuration::from_secs(3_600)),
    ];
    for (name, mut run, how_long) in runs {
        let mut hash = TraceHash::default();
        run.go_on_watched(how_long, &mut hash);
        println!("{name}: {:016x} after {} records", hash.value(), run.metrics.records());
    }
}

/// Runs about so many events of a workload and nothing else, and says how many there were: the difference between two
/// such runs under callgrind is what events cost.
fn instructions(workload: &str, events: u64) -> u64 {
    let ring = |nodes: usize| Ring::new(nodes);
    let (mut run, nanos_an_event) = match workload {
        // 8 deliveries from each of 4 producers a microsecond.
        "w1" => (Run::new(&flows::w1()), 1_000.0 / 32.0),
        // 800 jobs a second.
        "w2" => (Run::new(&flows::w2()), 1e9 / 2_400.0),
        // Half the stations are busy.
        "w4" => (Run::closed(&ring(W4_NODES)), 1e6 / (W4_NODES as f64 / 2.0)),
        _ => panic!("w1, w2 or w4"),
    };
    run.go_on(SimDuration::from_nanos((events as f64 * nanos_an_event) as u64))
}

/// Makes a flow runnable.
fn compiled(flow: &Flow) -> std::sync::Arc<plan::Plan> {
    std::sync::Arc::new(plan::compile(flow, &Inputs::default(), None).expect("a flow that can run"))
}
