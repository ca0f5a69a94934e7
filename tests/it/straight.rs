//! What is plain goes a straight way through the machine, and is shown several records at once: nobody can tell.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use eventloom::kernel::{Kernel, Stopped, shape_of};
use eventloom::model::{FaultKind, FaultTarget, Flow, Node, NodeIx, Point, SimDuration, SimTime, SubIx};
use eventloom::plan::{Inputs, compile};
use eventloom::trace::{Metrics, Observer, Record, Shape, What};

use crate::ledger::check;
use crate::support::Run;
use crate::support::flow::{flow, kind, node_id};

/// Stations of every plain sort: calls, deliveries and publishes that take no time, keys, bounds that are reached, many
/// hands, services that take no time, chances and picks.
const PLAIN: &str = r#"
    event job (size: "64 B")
    source = Producer(emits: "job", rate: Poisson("800/s"), key: Cycle(3))
    bus = Bus(topics: {"job": (), "done": ()})
    first = Service(handlers: [(takes: Exponential(mean: "1ms"),
        emits: [(event: "job"), (event: "extra", chance: 0.3, count: 2)])])
    second = Service(concurrency: 2, handlers: [(takes: Exponential(mean: "1ms"),
        emits: [(event: "left", chance: 0.5), (event: "right", chance: 0.5)], pick: One)])
    third = Service(handlers: [(takes: Uniform(min: "0s", max: "2ms"), emits: [(event: "done")])])
    swift = Service(handlers: [(takes: Fixed("0s"), emits: [(event: "done")])])
    sink = Consumer(takes: Fixed("0s"))
    slow = Consumer(takes: Exponential(mean: "4ms"), concurrency: 3)
    source -> bus
    bus -> first (topics: ["job"])
    first -> second (events: ["job"])
    first -> third (events: ["extra"], queue: (records: 3, when_full: DropNewest))
    second -> third (events: ["left"], queue: (records: 2))
    second -> swift (events: ["right"])
    third -> bus
    swift -> bus
    bus -> sink (topics: ["done"])
    bus -> slow (topics: ["done"], queue: (records: 20, when_full: DropOldest))
"#;

/// The same flow with links that take no time, and with something besides that is linked to nothing.
fn at_once(flow: &Flow) -> Flow {
    let mut parts = flow.parts().clone();
    for link in parts.links.values_mut() {
        link.delay = SimDuration::ZERO;
    }
    let elsewhere = kind(r#"Producer(emits: "elsewhere", rate: ByHand)"#);
    parts.nodes.insert(node_id("elsewhere"), Node::new(Point(0, 0), elsewhere));
    Flow::try_from(parts).expect("a sound flow")
}

/// The records of a run. Where something is broken anywhere, nothing goes the straight way.
fn records(flow: &Flow, seed: u64, is_broken: bool, until: SimTime) -> Vec<Record<'static>> {
    let mut run = Run::of(flow.clone(), seed);
    if is_broken {
        run.break_it(&FaultTarget::Node(node_id("elsewhere")), FaultKind::Pause, None);
    }
    // What breaks comes in first, and is a step of its own.
    run.unchecked(until, 20_000 + u32::from(is_broken));
    let is_fault = |record: &&Record<'_>| matches!(record.what, What::FaultBegan { .. });
    run.records().filter(|record| !is_fault(record)).copied().collect()
}

fn shipped() -> impl Iterator<Item = Flow> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let mut paths: Vec<_> = fs::read_dir(folder).expect("flows").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let rons = paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "ron"));
    rons.map(|path| eventloom::file::read(&fs::read_to_string(path).expect("a text")).expect("a flow"))
}

fn check_both_ways(flow: &Flow, seed: u64) {
    let until = SimTime::ZERO + SimDuration::from_secs(5);
    let (straight, long) = (records(flow, seed, false, until), records(flow, seed, true, until));
    for (place, (one, other)) in straight.iter().zip(&long).enumerate() {
        assert_eq!(one, other, "{}: record {place}", flow.name());
    }
    assert_eq!(straight.len(), long.len(), "{}", flow.name());
}

#[test]
fn the_straight_way_goes_where_the_long_way_goes() {
    check_both_ways(&at_once(&flow(PLAIN)), 7);
    // What replays a log needs it beside the flow.
    for flow in shipped().map(|flow| at_once(&flow)) {
        if flow.faults().is_empty() && compile(&flow, &Inputs::default(), None).is_ok() {
            check_both_ways(&flow, 3);
        }
    }
    check(100, |case| {
        let flow = at_once(&flow(&case.rows));
        check_both_ways(&flow, case.seed);
        Ok(())
    });
}

/// Is shown what comes at once one by one.
struct OneByOne(Metrics);

impl Observer for OneByOne {
    fn record(&mut self, record: Record<'_>) {
        self.0.record(record);
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.0.reshape(shape, at);
    }
}

/// All that figures say.
fn figures(metrics: &Metrics, kernel: &Kernel) -> String {
    use std::fmt::Write as _;
    let mut text = format!("{} {:?} {:?}\n", metrics.records(), metrics.publishes(), metrics.ledger());
    let plan = kernel.plan();
    for node in (0..plan.node_count() as u32).map(NodeIx) {
        writeln!(text, "{}: {:?} {:?}", plan.node_id(node), metrics.node(node), metrics.work(node)).expect("a text");
    }
    for link in (0..plan.link_count() as u32).map(eventloom::model::LinkIx) {
        writeln!(text, "{}: {:?}", plan.link_id(link), metrics.link(link)).expect("a text");
    }
    text
}

#[test]
fn what_comes_at_once_counts_as_its_records_do() {
    let check_figures = |flow: &Flow, seed: u64| {
        let plan = Arc::new(compile(flow, &Inputs::default(), None).expect("a flow that compiles"));
        let mut kernel = Kernel::new(Arc::clone(&plan), seed);
        let mut at_once = Metrics::new(&shape_of(&plan));
        let mut one_by_one = OneByOne(at_once.clone());
        for step in 1..=10 {
            let until = SimTime::ZERO + SimDuration::from_millis(200 * step);
            let stopped = kernel.run_until(until, 5_000, &mut (&mut at_once, &mut one_by_one));
            let now = kernel.now();
            at_once.advance(now);
            one_by_one.0.advance(now);
            assert_eq!(figures(&at_once, &kernel), figures(&one_by_one.0, &kernel), "{}", flow.name());
            if let Stopped::Quiet | Stopped::Stuck | Stopped::Limit(_) = stopped {
                break;
            }
        }
        let owed = |sub: u32| kernel.ledger().subs[SubIx(sub).index()];
        let told = at_once.ledger();
        for sub in 0..plan.sub_count() as u32 {
            assert_eq!(owed(sub), told.subs[sub as usize], "{}: {}", flow.name(), plan.sub_label(SubIx(sub)));
        }
    };
    check_figures(&at_once(&flow(PLAIN)), 5);
    check(50, |case| {
        check_figures(&at_once(&flow(&case.rows)), case.seed);
        Ok(())
    });
}
