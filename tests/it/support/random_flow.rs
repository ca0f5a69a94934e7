//! Random flows that are sound and can run, with random interventions: small enough to read when one of them fails.

use std::fmt::{self, Write as _};
use std::ops::RangeInclusive;

use eventloom::model::{Fault, FaultTarget, Flow, SimDuration, StartAt};
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
    /// A subscription is sought to a place; by an edit of it, or by hand.
    Seek {
        link: Index,
        to: StartAt,
        by_edit: bool,
    },
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

/// A case of a few nodes of every kind that keeps nothing, with every policy there is.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    case_of(Scale::small(), producer().boxed(), bus().boxed(), Just(String::new()).boxed(), Just(String::new()).boxed())
}

/// A case whose records wait otherwise than in the order of the log: strict order, time to live, priority, delay; and whose
/// subscriptions may remember what was handled.
pub(crate) fn waiting_case() -> impl Strategy<Value = Case> {
    let a = select(vec!["", r#"event e.a (ttl: "20ms", priority: 2)"#, r#"event e.a (priority: 7, delay: "10ms")"#]);
    let b = select(vec!["", "event e.b (priority: 1)", r#"event e.b (ttl: "50ms", delay: "0s")"#]);
    let events = (a, b).prop_map(|(a, b)| format!("{a}\n{b}\n"));
    case_of(Scale::small(), producer().boxed(), bus().boxed(), waits().boxed(), events.boxed())
}

/// How a subscription makes its records wait, and for how long it remembers what was handled.
fn waits() -> impl Strategy<Value = String> {
    let idempotent = select(vec!["", "", r#", idempotent: "10ms""#, r#", idempotent: "1h""#]);
    (waits_by_order(), idempotent).prop_map(|(waits, idempotent)| waits + idempotent)
}

/// How a subscription makes its records wait.
fn waits_by_order() -> impl Strategy<Value = String> {
    let order = select(vec![
        "",
        ", order: Strict",
        ", order: Strict",
        ", priority: (levels: 3)",
        r#", priority: (levels: 4, aging: "10ms")"#,
    ]);
    let ttl = select(vec!["", "", r#", ttl: "15ms""#, r#", ttl: "80ms""#]);
    let delay = select(vec!["", "", r#", delay: "5ms""#, r#", delay: "40ms""#]);
    (order, ttl, delay).prop_map(|(order, ttl, delay)| format!("{order}{ttl}{delay}"))
}

/// The same, or in the order of the log.
fn may_wait() -> BoxedStrategy<String> {
    let idempotent =
        select(vec!["", "", "", r#", idempotent: "20ms""#, r#", idempotent: "1h""#, ", replay_emits: true"]);
    let by_age = select(vec![r#", priority: (levels: 4, aging: "10ms")"#, r#", priority: (levels: 8, aging: "4ms")"#]);
    let waits = prop_oneof![3 => Just(String::new()), 2 => waits_by_order(), 1 => by_age.prop_map(str::to_owned)];
    (waits, idempotent).prop_map(|(waits, idempotent)| waits + idempotent).boxed()
}

/// A case of 5 to 40 nodes in which things break, and that is edited in every way.
pub(crate) fn history_case() -> impl Strategy<Value = Case> {
    let terms_of_a = select(vec!["", r#", ttl: "90ms", priority: 2"#, r#", priority: 7, delay: "10ms""#]);
    let terms_of_b = select(vec![", priority: 1", r#", ttl: "50ms", delay: "0s""#]);
    let terms = (terms_of_a, terms_of_b, any::<bool>()).prop_map(|(a, b, deletes)| {
        let deletes = if deletes { r#", example: "null""# } else { "" };
        format!("event e.a (size: \"100 B\"{a})\nevent e.b (size: \"7 B\"{deletes}{b})\n")
    });
    let events = prop_oneof![1 => Just(String::new()), 1 => terms].boxed();
    let buses = prop_oneof![2 => bus(), 1 => ruled_bus()].boxed();
    let scale = |producers, buses, workers| Scale {
        producers,
        buses,
        workers,
        act: prop_oneof![3 => act(), 2 => wider_act()].boxed(),
        patience: Patience::Long,
    };
    let of = |scale| case_of(scale, producer().boxed(), buses.clone(), may_wait(), events.clone()).boxed();
    let few = of(scale(1..=3, 1..=2, 1..=5));
    let some = of(scale(1..=5, 1..=4, 3..=12));
    let many = of(scale(2..=8, 2..=5, 10..=25));
    breaking_often(prop_oneof![6 => few, 2 => some, 1 => many], 8, 8, 40)
}

/// How large a case is, and what is done to it.
struct Scale {
    producers: RangeInclusive<usize>,
    buses: RangeInclusive<usize>,
    workers: RangeInclusive<usize>,
    act: BoxedStrategy<Act>,
    patience: Patience,
}

impl Scale {
    fn small() -> Self {
        Self { producers: 1..=3, buses: 1..=2, workers: 1..=5, act: act().boxed(), patience: Patience::Short }
    }
}

/// How long what failed waits for its next attempt: while it does, faults may strike its earlier ones.
#[derive(Clone, Copy, Debug)]
enum Patience {
    Short,
    Long,
}

fn case_of(
    scale: Scale,
    producer: BoxedStrategy<Producer>,
    bus: BoxedStrategy<String>,
    waits: BoxedStrategy<String>,
    events: BoxedStrategy<String>,
) -> impl Strategy<Value = Case> {
    let worker = worker(scale.patience, waits, false).boxed();
    case_with(scale, producer, bus, worker, events)
}

/// A case in which some nodes keep something: stores, outboxes, sagas.
pub(crate) fn keeping_case() -> impl Strategy<Value = Case> {
    let (scale, events) = (Scale::small(), Just(String::new()).boxed());
    let worker = worker(scale.patience, Just(String::new()).boxed(), true).boxed();
    breaking(case_with(scale, producer().boxed(), bus().boxed(), worker, events))
}

fn case_with(
    scale: Scale,
    producer: BoxedStrategy<Producer>,
    bus: BoxedStrategy<String>,
    worker: BoxedStrategy<Worker>,
    events: BoxedStrategy<String>,
) -> impl Strategy<Value = Case> {
    let producers = prop::collection::vec(producer, scale.producers);
    let buses = prop::collection::vec(bus, scale.buses);
    let workers = prop::collection::vec(worker, scale.workers);
    let acts = prop::collection::vec((0_u64..60, scale.act), 0..=8);
    (any::<u64>(), 1_u32..=5, events, producers, buses, workers, acts).prop_map(
        |(seed, hops, events, producers, buses, workers, acts)| Case {
            seed,
            rows: format!("{events}{}", rows(hops, &producers, &buses, &workers)),
            faults: Vec::new(),
            acts,
        },
    )
}

/// A case of everything: in half of them records wait in some way of their own.
pub(crate) fn any_case() -> impl Strategy<Value = Case> {
    prop_oneof![breaking(case()), breaking(waiting_case())]
}

/// The same as [`any_case`] with topics that have rules, and hands that seek.
pub(crate) fn ruled_case() -> impl Strategy<Value = Case> {
    let head = "event e.a (size: \"100 B\")\nevent e.b (size: \"7 B\", example: \"null\")\n";
    let data = select(vec!["", r#", data: "if event.number % 3 == 0 { () } else { event.number }""#]);
    let producer = (producer(), data)
        .prop_map(|(producer, data)| Producer { settings: producer.settings.clone() + data, ..producer });
    let waits = prop_oneof![Just(String::new()), waits()].boxed();
    let case =
        breaking(case_of(Scale::small(), producer.boxed(), ruled_bus().boxed(), waits, Just(head.to_owned()).boxed()));
    let seeks = prop::collection::vec((any::<Index>(), 0_u64..100, seek()), 0..=3);
    (case, seeks).prop_map(|(mut case, seeks)| {
        for (place, pause, seek) in seeks {
            case.acts.insert(place.index(case.acts.len() + 1), (pause, seek));
        }
        case
    })
}

/// A subscription is sought, by hand or by an edit.
fn seek() -> impl Strategy<Value = Act> {
    let to = prop_oneof![
        Just(StartAt::Start),
        Just(StartAt::End),
        (0_u64..8).prop_map(StartAt::Offset),
        (0_u64..200).prop_map(|millis| StartAt::At(SimDuration::from_millis(millis))),
    ];
    (any::<Index>(), to, any::<bool>()).prop_map(|(link, to, by_edit)| Act::Seek { link, to, by_edit })
}

/// A case in which things break: by a scenario, by hand, both, or not at all.
fn breaking(case: impl Strategy<Value = Case>) -> impl Strategy<Value = Case> {
    breaking_often(case, 4, 3, 100)
}

/// With at most so many faults of the scenario and by hand; the sooner, the more there is that they can strike.
fn breaking_often(
    case: impl Strategy<Value = Case>,
    faults: usize,
    hands: usize,
    soon: u64,
) -> impl Strategy<Value = Case> {
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

/// A case in which things break, receivers are protected, and gateways ask: rate limits, circuit breakers and timeouts of
/// every kind, in some of the rows.
pub(crate) fn guarded_case() -> impl Strategy<Value = Case> {
    let rate = select(vec!["20/s", "100/s", "1000/s"]);
    let rate = (rate, 1_u32..=3, select(vec!["Queue", "Retry", "Reject"]))
        .prop_map(|(rate, burst, over)| format!(r#"rate: (rate: "{rate}", burst: {burst}, over: {over})"#));
    let trips = select(vec!["failures: 1", "failures: 2", "failures: None, ratio: 0.5, window: 2"]);
    let breaker = (trips, select(vec!["5ms", "30ms", "200ms"]), 1_u32..=3)
        .prop_map(|(trips, reset, probes)| format!(r#"breaker: ({trips}, reset: "{reset}", probes: {probes})"#));
    let timeout = select(vec![r#"timeout: "3ms""#, r#"timeout: "10ms""#, r#"timeout: "50ms""#]).prop_map(str::to_owned);
    let guard = (prop::option::of(rate), prop::option::of(breaker), prop::option::of(timeout));
    let guards = prop::collection::vec((any::<Index>(), guard), 1..=5);
    let gateway = (event_name(), publish(), select(vec!["5ms", "40ms", "1s"]), delay(), any::<Index>(), any::<bool>());
    // Calls are few: here all of them have a breaker.
    let calls = prop::option::of(select(vec![
        r#"breaker: (failures: 1, reset: "40ms")"#,
        r#"breaker: (failures: 2, reset: "15ms", probes: 2)"#,
        r#"timeout: "4ms""#,
    ]));
    (any_case(), guards, prop::option::of(gateway), calls).prop_map(|(mut case, guards, gateway, calls_breaker)| {
        if let Some((event, publish, deadline, delay, bus, calls)) = gateway {
            let buses = case.rows.lines().filter(|row| row.contains(" = Bus")).count();
            let (to, back) = (publish.bus.index(buses), bus.index(buses));
            let Publish { delay: way, settings, .. } = publish;
            let requests = format!(r#"(emits: "{event}", rate: Constant("40/s"), stops_after: 6)"#);
            writeln!(
                case.rows,
                "g = Gateway(requests: {requests}, deadline: \"{deadline}\")\n\
                 g -> bus{to} {way} {settings}\nbus{back} -> g {delay} (ack_wait: \"1s\")"
            )
            .expect("text grows");
            let is_called = |row: &&str| row.contains(" = Service") || row.contains(" = Function");
            let callee = case.rows.lines().find(is_called).and_then(|row| row.split(' ').next()).map(str::to_owned);
            if let Some(callee) = callee.filter(|_| calls) {
                writeln!(case.rows, "g -> {callee} 1ms ()").expect("text grows");
            }
        }
        let mut rows: Vec<String> = case.rows.lines().map(str::to_owned).collect();
        let rows_before = rows.len();
        for (place, (rate, breaker, timeout)) in guards {
            let row = &mut rows[place.index(rows_before)];
            let worker = [" = Consumer", " = Service", " = Function"].iter().any(|kind| row.contains(kind));
            let call = row.contains(" -> ") && row.contains("(deliveries: ");
            let subscription = row.contains(" -> w") && row.contains("(topics: ");
            // Only an at-least-once subscription hears of failures.
            let hears = !row.contains("AtMostOnce");
            let settings: Vec<String> = match (worker, subscription, call) {
                (true, ..) => timeout.into_iter().collect(),
                (_, true, _) => rate.into_iter().chain(breaker.filter(|_| hears)).collect(),
                (.., true) => breaker.into_iter().chain(timeout).collect(),
                _ => Vec::new(),
            };
            for setting in settings {
                let name = setting.split(':').next().expect("a name");
                if !row.contains(&format!(", {name}: ")) || name == "rate" && !row.contains(", rate: (") {
                    row.pop();
                    write!(row, ", {setting})").expect("text grows");
                }
            }
        }
        for row in rows.iter_mut().filter(|row| row.contains(" -> w") && row.contains("(deliveries: ")) {
            if let Some(breaker) = calls_breaker.filter(|_| !row.contains("breaker: ") && !row.contains("timeout: ")) {
                row.pop();
                write!(row, ", {breaker})").expect("text grows");
            }
        }
        case.rows = rows.join("\n") + "\n";
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
    /// 0 a consumer, 1 a service, 2 a function, 3 a store.
    kind: u8,
    settings: String,
    consumer_settings: String,
    function_settings: String,
    store_settings: String,
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

/// A bus whose topics do more than keep records by age and number.
fn ruled_bus() -> impl Strategy<Value = String> {
    let limits =
        select(vec!["", "", r#"keep: "60ms", "#, r#"keep: "1h", "#, "keep_records: 4, ", r#"keep_bytes: "250 B", "#]);
    let rules = select(vec![
        "",
        "retention: WorkQueue, ",
        "retention: Interest, ",
        r#"compact: (every: "20ms", keep_deletes: "50ms"), "#,
        r#"compact: (every: "0s", keep_deletes: "0s"), "#,
    ]);
    let dedup = select(vec![
        "",
        "",
        r#"dedup: (window: "30ms"), "#,
        "dedup: (), ",
        r#"dedup: (window: "40ms", id: "event.number % 2"), "#,
    ]);
    let topic = (1_u32..=3, limits, rules, dedup)
        .prop_map(|(partitions, limits, rules, dedup)| format!("(partitions: {partitions}, {limits}{rules}{dedup})"));
    let topics = prop::collection::vec(topic, 4);
    (topics, any::<bool>()).prop_map(|(topics, dead)| {
        let names = ["e.a", "e.b", "f", "t"].iter().zip(topics);
        let topics: Vec<String> = names.map(|(name, topic)| format!(r#""{name}": {topic}"#)).collect();
        let dead = if dead { r#", dead_letters: "dlq""# } else { "" };
        format!("Bus(topics: {{{}}}{dead})", topics.join(", "))
    })
}

fn backoff(patience: Patience) -> impl Strategy<Value = &'static str> {
    let mut backoffs = vec![
        "None",
        r#"Fixed("10ms")"#,
        r#"Exponential(base: "5ms", cap: "20ms")"#,
        r#"Exponential(base: "5ms", cap: "20ms", jitter: None)"#,
    ];
    if matches!(patience, Patience::Long) {
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
/// The same for a group: who is busy begins with it while it waits, for another one has handed it back.
const IMPATIENT_GROUP: &str =
    r#"(topics: [], group: "i", ack_wait: "5ms", deliveries: 4, backoff: Fixed("100ms"), prefetch: 3)"#;
/// Members that own partitions and have something in their hands when these move.
const PARTITIONED: &str = r#"(topics: [], group: "h", share: Partition, deliveries: 3, backoff: Fixed("10ms"))"#;
const BUSY: &str = r#"takes: Fixed("40ms"), concurrency: 1"#;
const HANDS_BACK: &str = r#"takes: Fixed("40ms"), concurrency: 3, rate_limit: (rate: "20/s", burst: 1, over: Retry)"#;

fn subscription(patience: Patience, waits: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let any = any_subscription(patience, waits);
    match patience {
        Patience::Short => any.boxed(),
        Patience::Long => {
            let special = prop_oneof![
                2 => Just(IMPATIENT),
                2 => Just(IMPATIENT_GROUP),
                1 => Just(PARTITIONED),
            ];
            prop_oneof![5 => any, 4 => special.prop_map(str::to_owned)].boxed()
        }
    }
}

fn any_subscription(patience: Patience, waits: BoxedStrategy<String>) -> impl Strategy<Value = String> {
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
    let second = (ack_wait, 1_u32..=4, backoff(patience), in_flight, prefetch, queue(), dead, waits);
    (first, second).prop_map(
        |((topics, group, filter, start, guarantee), (wait, deliveries, backoff, in_flight, prefetch, queue, dead, waits))| {
            format!(
                r#"(topics: {topics}{group}{filter}{start}{guarantee}, ack_wait: "{wait}", deliveries: {deliveries}, backoff: {backoff}, max_in_flight: {in_flight}{prefetch}, queue: {queue}{dead}{waits})"#
            )
        },
    )
}

fn call(patience: Patience) -> impl Strategy<Value = String> {
    let dead = select(vec!["", r#", dead_letters: "dlq""#]);
    (1_u32..=3, backoff(patience), queue(), dead).prop_map(|(deliveries, backoff, queue, dead)| {
        format!("(deliveries: {deliveries}, backoff: {backoff}, queue: {queue}{dead})")
    })
}

fn worker(patience: Patience, waits: BoxedStrategy<String>, keeps: bool) -> impl Strategy<Value = Worker> {
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
    let subscriptions = prop::collection::vec((any::<Index>(), delay(), subscription(patience, waits)), 1..=2);
    let publishes = prop::collection::vec(publish(), 0..=1);
    let calls = prop::collection::vec((any::<Index>(), delay(), call(patience)), 0..=1);
    let kinds = if keeps { 4 } else { 3 };
    let keeping = (select(STORES.to_vec()), select(COMMITS.to_vec()));
    let keeping = if keeps { keeping.boxed() } else { Just(("", "")).boxed() };
    (0_u8..kinds, figures, work, subscriptions, publishes, calls, keeping).prop_map(
        move |(kind, figures, (emits, pick_one), subscriptions, publishes, calls, (store, commits))| {
            let (takes, fails, concurrency, rate, function) = figures;
            Worker {
                kind,
                consumer_settings: match patience {
                    Patience::Long if concurrency == 3 => HANDS_BACK.to_owned(),
                    Patience::Long if concurrency == 1 && fails == "0.3" => BUSY.to_owned(),
                    Patience::Long | Patience::Short => {
                        format!("takes: {takes}, fails: {fails}, concurrency: {concurrency}{rate}")
                    }
                },
                settings: format!("takes: {takes}, fails: {fails}"),
                store_settings: format!("{store}, takes: {takes}, fails: {fails}, concurrency: {concurrency}"),
                function_settings: if kind == 1 {
                    format!("concurrency: {concurrency}{rate}{commits}")
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

/// How stores keep, and what they tell.
const STORES: [&str; 4] = [
    "keeps: Events, expects: AsRead, snapshot_every: 2",
    r#"keeps: Events, expects: Version("event.number % 3"), tells: ["e.a", "f"]"#,
    r#"state: [(name: "n", is: Count)], tells: ["e.b"]"#,
    r#"key: "10 / (event.number % 4)", fold: "{ \"n\": (state.n ?? 0) + 1 }""#,
];

/// How services commit, or which saga they lead.
const COMMITS: [&str; 5] = [
    "",
    r#", commits: Outbox(every: "10ms", batch: 2, marks: "3ms")"#,
    r#", commits: Outbox(every: "50ms")"#,
    r#", commits: DualWrite(gap: "5ms")"#,
    r#", saga: (starts: "e.a", tries: 2, completed: "e.b", compensated: "e.b", steps: [
        (command: "f", done: "e.b", refused: "g", undo: "f", undone: "g", timeout: "20ms"),
        (command: "f", done: "e.b", refused: "g", timeout: "5ms"),
    ])"#,
];

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
        2 => (any::<Index>(), subscription(Patience::Long, may_wait()))
            .prop_map(|(link, settings)| Act::SetSubscription { link, settings }),
        1 => (any::<Index>(), 1_u32..=4).prop_map(|(node, at_once)| Act::SetAtOnce { node, at_once }),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Act::AddLink { from, to }),
        1 => seek(),
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
        if worker.kind == 3 {
            line(format!("{id} = Store({})", worker.store_settings));
            publishes(&id, &worker.publishes).into_iter().for_each(&mut link);
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
