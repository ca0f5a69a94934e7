//! Random flows that are sound and can run, with random interventions: small enough to read when one of them fails.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

use eventloom::model::{Fault, FaultTarget, Flow};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::flow::flow;

/// A flow, a seed, and what is done to the run.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) rows: String,
    /// Kind, node, link and milliseconds of each fault of the scenario; see [`super::flows::fault`].
    pub(crate) faults: Vec<(Index, Index, Index, u64)>,
    /// Each with the milliseconds since the one before.
    pub(crate) acts: Vec<(u64, Act)>,
}

/// One intervention. What an index means is decided when it comes to pass, so that shrinking keeps it meaningful.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Fire {
        node: Index,
        count: u32,
        key: Option<&'static str>,
    },
    RemoveNode(Index),
    RemoveLink(Index),
    /// The flow as it was started: what undo does.
    Restore,
    /// One more consumer on a bus.
    AddConsumer {
        bus: Index,
        settings: &'static str,
    },
    /// A worker's chance to fail becomes this.
    SetFails {
        node: Index,
        fails: f64,
    },
    /// Something breaks by hand, for so many milliseconds.
    Break {
        kind: Index,
        node: Index,
        link: Index,
        millis: u64,
    },
    /// A node is healed.
    Heal(Index),
    Drain,
    /// The flow before the last edit.
    Undo,
    /// A subscription's settings become these.
    SetSubscription {
        link: Index,
        settings: String,
    },
    /// A worker does so much at once.
    SetAtOnce {
        node: Index,
        at_once: u32,
    },
    /// One more link of whatever kind there can be.
    AddLink {
        from: Index,
        to: Index,
    },
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}\n{}faults {:?}\nacts {:?}", self.seed, self.rows, self.scenario().faults(), self.acts)
    }
}

impl Case {
    /// The flow with its scenario. What a fault cannot befall is left out.
    pub(crate) fn scenario(&self) -> Flow {
        let mut flow = flow(&self.rows);
        for (kind, node, link, millis) in &self.faults {
            let fault = super::flows::fault(&flow, *kind, *node, *link, *millis).filter(|fault| suits(&flow, fault));
            if let Some(fault) = fault {
                flow.set_fault(flow.free_fault_name("it breaks"), fault).expect("few faults");
            }
        }
        flow
    }
}

/// Whether a target can have a fault: what check says of the flow as a whole.
pub(crate) fn suits(flow: &Flow, fault: &Fault) -> bool {
    match &fault.on {
        FaultTarget::Node(id) => flow.node(id).is_some_and(|node| fault.kind.is_for_node(node.kind.tag())),
        FaultTarget::Link(_) | FaultTarget::Links(_) => {
            let is_drawn = |id: &eventloom::model::LinkId| flow.link(id).is_some();
            fault.kind.is_for_links() && fault.on.links().iter().any(is_drawn)
        }
    }
}

/// A case of a few nodes of every kind, with every policy there is.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    case_of(1..=3, 1..=2, 1..=5, act().boxed(), Waits::Short)
}

fn case_of(
    producers: RangeInclusive<usize>,
    buses: RangeInclusive<usize>,
    workers: RangeInclusive<usize>,
    act: BoxedStrategy<Act>,
    waits: Waits,
) -> impl Strategy<Value = Case> {
    let producers = prop::collection::vec(producer(), producers);
    let buses = prop::collection::vec(bus(), buses);
    let workers = prop::collection::vec(worker(waits), workers);
    let acts = prop::collection::vec((0_u64..60, act), 0..=8);
    (any::<u64>(), 1_u32..=5, producers, buses, workers, acts).prop_map(
        |(seed, hops, producers, buses, workers, acts)| Case {
            seed,
            rows: rows(hops, &producers, &buses, &workers),
            faults: Vec::new(),
            acts,
        },
    )
}

/// A case in which things break: by a scenario, by hand, both, or not at all.
pub(crate) fn broken_case() -> impl Strategy<Value = Case> {
    breaking(case().boxed(), 4, 3, 100)
}

/// A case of 5 to 40 nodes in which things break, and that is edited in every way.
pub(crate) fn history_case() -> impl Strategy<Value = Case> {
    let edit = || prop_oneof![3 => act(), 2 => wider_act()].boxed();
    let few = case_of(1..=3, 1..=2, 1..=5, edit(), Waits::Long);
    let some = case_of(1..=5, 1..=4, 3..=12, edit(), Waits::Long);
    let many = case_of(2..=8, 2..=5, 10..=25, edit(), Waits::Long);
    breaking(prop_oneof![6 => few, 2 => some, 1 => many].boxed(), 8, 8, 40)
}

/// At most so many faults of the scenario and by hand; the sooner, the more there is that they can strike.
fn breaking(case: BoxedStrategy<Case>, faults: usize, hands: usize, soon: u64) -> impl Strategy<Value = Case> {
    let fault = (any::<Index>(), any::<Index>(), any::<Index>(), 1..soon);
    let faults = prop_oneof![Just(Vec::new()), prop::collection::vec(fault, 1..=faults)];
    let breaks = (any::<Index>(), any::<Index>(), any::<Index>(), 1_u64..60)
        .prop_map(|(kind, node, link, millis)| Act::Break { kind, node, link, millis });
    let hand = prop_oneof![2 => breaks, 1 => any::<Index>().prop_map(Act::Heal)];
    let hands = prop::collection::vec((any::<Index>(), 0_u64..60, hand), 0..=hands);
    (case, faults, hands).prop_map(|(mut case, faults, hands)| {
        case.faults = faults;
        for (place, pause, hand) in hands {
            case.acts.insert(place.index(case.acts.len() + 1), (pause, hand));
        }
        case
    })
}

#[derive(Clone, Debug)]
struct Producer {
    settings: String,
    publishes: Vec<Publish>,
}

#[derive(Clone, Debug)]
struct Publish {
    bus: Index,
    delay: &'static str,
    settings: &'static str,
}

#[derive(Clone, Debug)]
struct Worker {
    /// 0 a consumer, 1 a service, 2 a function.
    kind: u8,
    settings: String,
    consumer_settings: String,
    function_settings: String,
    emits: Vec<String>,
    pick_one: bool,
    subscriptions: Vec<(Index, &'static str, String)>,
    publishes: Vec<Publish>,
    calls: Vec<(Index, &'static str, String)>,
}

fn producer() -> impl Strategy<Value = Producer> {
    let pacing = select(vec![
        "ByHand",
        r#"Constant("100/s")"#,
        r#"Constant("7/s")"#,
        r#"Poisson("50/s")"#,
        r#"Bursts(size: 4, every: "100ms")"#,
        r#"Bursts(size: 3, every: "80ms", within: "20ms")"#,
        r#"Schedule(steps: [(at: "0s", rate: "10/s"), (at: "100ms", rate: "100/s")], ramp: true)"#,
        r#"Schedule(steps: [(at: "0s", rate: "40/s")], repeat: "50ms", spacing: Even)"#,
    ]);
    let settings = (event_name(), pacing, key(), 1_u32..=15, select(vec!["0s", "30ms"]));
    (settings, prop::collection::vec(publish(), 1..=2)).prop_map(|((event, pacing, key, stops, after), publishes)| {
        let settings =
            format!(r#"emits: "{event}", rate: {pacing}, key: {key}, stops_after: {stops}, after: "{after}""#);
        Producer { settings, publishes }
    })
}

fn event_name() -> impl Strategy<Value = &'static str> {
    select(vec!["e.a", "e.b", "f"])
}

fn key() -> impl Strategy<Value = &'static str> {
    select(vec!["Inherit", "Cycle(3)", "Uniform(4)", "Skewed(5)", r#"Of("event.number % 3")"#])
}

fn delay() -> impl Strategy<Value = &'static str> {
    select(vec!["0s", "1ms", "7ms"])
}

fn takes() -> impl Strategy<Value = &'static str> {
    select(vec![
        r#"Fixed("0s")"#,
        r#"Fixed("5ms")"#,
        r#"Fixed("40ms")"#,
        r#"Exponential(mean: "10ms")"#,
        r#"Uniform(min: "1ms", max: "20ms")"#,
        r#"Erlang(mean: "10ms", stages: 3)"#,
        r#"Normal(mean: "10ms", deviation: "10ms")"#,
        r#"LogNormal(median: "5ms", p99: "100ms")"#,
        r#"Pareto(min: "1ms", median: "3ms")"#,
    ])
}

fn publish() -> impl Strategy<Value = Publish> {
    let settings =
        select(vec!["()", "()", r#"(topic: "t")"#, r#"(events: ["e.*"])"#, r#"(events: ["f"], topic: "t")"#]);
    (any::<Index>(), delay(), settings).prop_map(|(bus, delay, settings)| Publish { bus, delay, settings })
}

fn bus() -> impl Strategy<Value = String> {
    let topic = (1_u32..=4, select(vec!["", r#", keep: "60ms""#, r#", keep: "1h""#]), 0_u64..=6).prop_map(
        |(partitions, keep, records)| {
            let records = if records == 0 { String::new() } else { format!(", keep_records: {records}") };
            format!("(partitions: {partitions}{keep}{records})")
        },
    );
    (prop::option::of(topic.clone()), prop::option::of(topic), any::<bool>()).prop_map(|(a, t, dead)| {
        let a = a.map(|topic| format!(r#""e.a": {topic},"#)).unwrap_or_default();
        let t = t.map(|topic| format!(r#""t": {topic}"#)).unwrap_or_default();
        let dead = if dead { r#", dead_letters: "dlq""# } else { "" };
        format!("Bus(topics: {{{a}{t}}}{dead})")
    })
}

/// How long what failed waits for its next attempt: while it does, faults may strike its earlier ones.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Short,
    Long,
}

fn backoff(waits: Waits) -> impl Strategy<Value = &'static str> {
    let mut backoffs = vec![
        "None",
        r#"Fixed("10ms")"#,
        r#"Exponential(base: "5ms", cap: "20ms")"#,
        r#"Exponential(base: "5ms", cap: "20ms", jitter: None)"#,
    ];
    if matches!(waits, Waits::Long) {
        backoffs.extend([r#"Fixed("100ms")"#, r#"Exponential(base: "50ms", cap: "1s")"#]);
    }
    select(backoffs)
}

fn queue() -> impl Strategy<Value = String> {
    let policy = select(vec!["Block", "DropOldest", "DropNewest", "Reject"]);
    (select(vec![1_u64, 3, 10_000]), policy)
        .prop_map(|(records, policy)| format!(r#"(records: {records}, bytes: "1 MiB", when_full: {policy})"#))
}

/// What waits long for its next attempt while an earlier one is still being handled: the ack is overdue soon, and a
/// member that has no token left hands back at once.
const IMPATIENT: &str = r#"(topics: [], ack_wait: "5ms", deliveries: 4, backoff: Fixed("100ms"))"#;
const HANDS_BACK: &str = r#"takes: Fixed("40ms"), concurrency: 3, rate_limit: (rate: "20/s", burst: 1, over: Retry)"#;

fn subscription(waits: Waits) -> BoxedStrategy<String> {
    match waits {
        Waits::Short => any_subscription(waits).boxed(),
        Waits::Long => prop_oneof![3 => any_subscription(waits), 1 => Just(IMPATIENT.to_owned())].boxed(),
    }
}

fn any_subscription(waits: Waits) -> impl Strategy<Value = String> {
    let topics = select(vec!["[]", r#"["e.a"]"#, r#"["e.*"]"#, r#"["t", "f"]"#, r#"["*", ">"]"#]);
    // A group says how it shares, so that its members agree.
    let group = select(vec![
        "",
        "",
        r#", group: "g""#,
        r#", group: "g""#,
        r#", group: "h", share: Partition"#,
        ", share: Partition",
    ]);
    let filter = select(vec![
        "",
        "",
        "",
        r#", filter: "event.number % 2 == 0""#,
        r#", filter: "100 / (event.number % 3) > 1""#,
        r#", filter: "event.data != 1""#,
    ]);
    let start = select(vec!["", ", from: Start"]);
    let guarantee = select(vec!["", "", "", ", guarantee: AtMostOnce"]);
    let ack_wait = select(vec!["5ms", "20ms", "30s"]);
    let in_flight = select(vec![1_u32, 2, 5, 1_000]);
    let prefetch = select(vec!["", ", prefetch: 1", ", prefetch: 3"]);
    let dead = select(vec!["", r#", dead_letters: "dlq""#, r#", dead_letters: "graveyard""#]);
    let first = (topics, group, filter, start, guarantee);
    let second = (ack_wait, 1_u32..=4, backoff(waits), in_flight, prefetch, queue(), dead);
    (first, second).prop_map(
        |((topics, group, filter, start, guarantee), (wait, deliveries, backoff, in_flight, prefetch, queue, dead))| {
            format!(
                r#"(topics: {topics}{group}{filter}{start}{guarantee}, ack_wait: "{wait}", deliveries: {deliveries}, backoff: {backoff}, max_in_flight: {in_flight}{prefetch}, queue: {queue}{dead})"#
            )
        },
    )
}

fn call(waits: Waits) -> impl Strategy<Value = String> {
    let dead = select(vec!["", r#", dead_letters: "dlq""#]);
    (1_u32..=3, backoff(waits), queue(), dead).prop_map(|(deliveries, backoff, queue, dead)| {
        format!("(deliveries: {deliveries}, backoff: {backoff}, queue: {queue}{dead})")
    })
}

fn worker(waits: Waits) -> impl Strategy<Value = Worker> {
    let over = || select(vec!["Queue", "Retry", "Reject"]);
    let rate = prop::option::of((select(vec!["20/s", "100/s", "7/s"]), 1_u32..=3, over()));
    let rate = rate.prop_map(|rate| match rate {
        Some((rate, burst, over)) => format!(r#", rate_limit: (rate: "{rate}", burst: {burst}, over: {over})"#),
        None => String::new(),
    });
    let cold = select(vec![r#"Fixed("0s")"#, r#"Fixed("30ms")"#, r#"Uniform(min: "1ms", max: "50ms")"#]);
    let function = (1_u32..=3, 0_u32..=2, cold, select(vec!["0s", "40ms", "1h"]), 1_u32..=3, over());
    let function = function.prop_map(|(instances, provisioned, cold, keep, scale_out, over)| {
        let provisioned = provisioned.min(instances);
        format!(
            r#"instances: {instances}, provisioned: {provisioned}, cold_start: {cold}, keep_warm: "{keep}", scale_out: {scale_out}, over_limit: {over}"#
        )
    });
    let emit = (
        event_name(),
        select(vec!["1.0", "0.5"]),
        1_u32..=2,
        key(),
        select(vec!["", r#", after: Fixed("0s")"#, r#", after: Exponential(mean: "5ms")"#]),
        select(vec!["", "", r#", when: "event.hops < 3""#, r#", when: "10 / (event.number % 4) > 0""#]),
    );
    let emit = emit.prop_map(|(event, chance, count, key, after, when)| {
        format!(r#"(event: "{event}", chance: {chance}, count: {count}, key: {key}{after}{when})"#)
    });
    let figures = (takes(), select(vec!["0.0", "0.0", "0.3", "1.0"]), 1_u32..=3, rate, function);
    let work = (prop::collection::vec(emit, 0..=2), any::<bool>());
    let subscriptions = prop::collection::vec((any::<Index>(), delay(), subscription(waits)), 1..=2);
    let publishes = prop::collection::vec(publish(), 0..=1);
    let calls = prop::collection::vec((any::<Index>(), delay(), call(waits)), 0..=1);
    (0_u8..3, figures, work, subscriptions, publishes, calls).prop_map(
        move |(
            kind,
            (takes, fails, concurrency, rate, function),
            (emits, pick_one),
            subscriptions,
            publishes,
            calls,
        )| {
            Worker {
                kind,
                consumer_settings: match waits {
                    Waits::Long if concurrency == 3 => HANDS_BACK.to_owned(),
                    Waits::Long | Waits::Short => {
                        format!("takes: {takes}, fails: {fails}, concurrency: {concurrency}{rate}")
                    }
                },
                settings: format!("takes: {takes}, fails: {fails}"),
                function_settings: if kind == 1 {
                    format!("concurrency: {concurrency}{rate}")
                } else {
                    format!("{function}{rate}")
                },
                emits,
                pick_one,
                subscriptions,
                publishes,
                calls,
            }
        },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let fire = (any::<Index>(), 1_u32..=4, select(vec![None, Some("k"), Some("other")]));
    prop_oneof![
        4 => fire.prop_map(|(node, count, key)| Act::Fire { node, count, key }),
        2 => any::<Index>().prop_map(Act::RemoveNode),
        2 => any::<Index>().prop_map(Act::RemoveLink),
        2 => Just(Act::Restore),
        1 => (any::<Index>(), select(vec!["()", r#"(group: "g")"#, r#"(group: "h", share: Partition)"#, "(from: Start)"]))
            .prop_map(|(bus, settings)| Act::AddConsumer { bus, settings }),
        1 => (any::<Index>(), select(vec![0.0, 0.5, 1.0])).prop_map(|(node, fails)| Act::SetFails { node, fails }),
        1 => Just(Act::Drain),
    ]
}

fn wider_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => Just(Act::Undo),
        2 => (any::<Index>(), subscription(Waits::Long))
            .prop_map(|(link, settings)| Act::SetSubscription { link, settings }),
        1 => (any::<Index>(), 1_u32..=4).prop_map(|(node, at_once)| Act::SetAtOnce { node, at_once }),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Act::AddLink { from, to }),
    ]
}

/// The case as rows, so that what failed can be read, and pasted into a test.
fn rows(hops: u32, producers: &[Producer], buses: &[String], workers: &[Worker]) -> String {
    let mut rows = format!("hops {hops}\ndlq = DeadLetterQueue\ngraveyard = DeadLetterQueue(keep_records: 2)\n");
    let mut links = String::new();
    let mut line = |text: String| writeln!(rows, "{text}").expect("text grows");
    let mut link = |text: String| writeln!(links, "{text}").expect("text grows");
    for (ix, settings) in buses.iter().enumerate() {
        line(format!("bus{ix} = {settings}"));
    }
    // To each bus once: records do not tell two obligations of one event at one subscription apart.
    let publishes = |from: &str, all: &[Publish]| -> Vec<String> {
        let mut taken = Vec::new();
        let mut rows = Vec::new();
        for Publish { bus, delay, settings } in all {
            let bus = bus.index(buses.len());
            if !taken.contains(&bus) {
                taken.push(bus);
                rows.push(format!("{from} -> bus{bus} {delay} {settings}"));
            }
        }
        rows
    };
    for (ix, producer) in producers.iter().enumerate() {
        line(format!("p{ix} = Producer({})", producer.settings));
        publishes(&format!("p{ix}"), &producer.publishes).into_iter().for_each(&mut link);
    }
    let callable: Vec<usize> = (0..workers.len()).filter(|ix| workers[*ix].kind != 0).collect();
    for (ix, worker) in workers.iter().enumerate() {
        let id = format!("w{ix}");
        for (bus, delay, settings) in &worker.subscriptions {
            link(format!("bus{} -> {id} {delay} {settings}", bus.index(buses.len())));
        }
        if worker.kind == 0 {
            line(format!("{id} = Consumer({})", worker.consumer_settings));
            continue;
        }
        let kind = if worker.kind == 1 { "Service" } else { "Function" };
        let pick = if worker.pick_one { ", pick: One" } else { "" };
        let emits = worker.emits.join(", ");
        line(format!(
            "{id} = {kind}(handlers: [({}, emits: [{emits}]{pick})], {})",
            worker.settings, worker.function_settings
        ));
        publishes(&id, &worker.publishes).into_iter().for_each(&mut link);
        for (to, delay, settings) in &worker.calls {
            let to = callable[to.index(callable.len())];
            if to != ix {
                link(format!("{id} -> w{to} {delay} {settings}"));
            }
        }
    }
    rows + links.as_str()
}
