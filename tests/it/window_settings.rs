//! Everything that a file can say of a node, a link or an event type has a field in the inspector.

use std::collections::BTreeSet;

use egui::{Key, Modifiers};
use egui_kittest::kittest::{By, NodeT as _, Queryable as _};
use eventloom::file::read;
use eventloom::model::{LinkKind, NodeKind};
use eventloom::session::Session;
use serde_json::Value;

use crate::support::window::Window;

/// A flow in which everything has every setting that it can have, none of them as it usually is.
const FULL: &str = r#"Flow(
    format: 1,
    events: {
        "zebra": (note: "n", color: 3, size: "1 kB", ttl: "17s", priority: 2, delay: "17s", example: "{}", schema: "{}"),
    },
    nodes: {
        "dlq": (at: (900, 600), note: "n", kind: DeadLetterQueue(keep_records: 17)),
        "gate": (at: (100, 500), note: "n", kind: Gateway(
            requests: (emits: "b", rate: Bursts(size: 17, every: "17s", within: "1s"), key: Cycle(17), data: "17", after: "17s", stops_after: 17),
            replies: "c", deadline: "17s",
        )),
        "source": (at: (100, 100), note: "n", kind: Producer(
            emits: "zebra", key: Of("event.number"), data: "17", after: "17s", stops_after: 17,
            rate: Schedule(steps: [(at: "0s", rate: "17/s"), (at: "17s", rate: "1/s")], ramp: true, repeat: "1h", spacing: Even),
        )),
        "log": (at: (100, 200), kind: Producer(emits: "zebra", rate: Replay(file: "x.csv", time: "t", pace: Times("17x")))),
        "hand": (at: (100, 300), kind: Producer(emits: "zebra", rate: Replay(file: "x.csv", pace: Every("17/s")), key: Uniform(17))),
        "steady": (at: (100, 400), kind: Producer(emits: "zebra", rate: Poisson("17/s"))),
        "hub": (at: (400, 300), note: "n", kind: Bus(
            topics: {"zebra": (partitions: 17, keep: "17m", keep_records: 17, keep_bytes: "17 kB", retention: Interest,
                compact: (every: "17s", keep_deletes: "17h"), dedup: (window: "17s", id: "event.key"))},
            dead_letters: "dlq", rail: Lying,
        )),
        "sink": (at: (900, 100), note: "n", kind: Consumer(
            takes: Pareto(min: "1ms", median: "17ms"), concurrency: 17, fails: 0.17,
            rate_limit: (rate: "17/s", burst: 17, over: Reject), timeout: "17s",
        )),
        "maid": (at: (900, 200), note: "n", kind: Service(
            concurrency: 17,
            handlers: [(on: "zebra", takes: Erlang(mean: "17ms", stages: 17), fails: 0.17, pick: One, emits: [
                (event: "b", chance: 0.17, count: 17, when: "true", after: Normal(mean: "17ms", deviation: "1ms"), key: Skewed(17), data: "17"),
                (event: "c"),
            ])],
            rate_limit: (rate: "17/s", burst: 17, over: Retry), timeout: "17s",
            commits: Outbox(every: "17s", batch: 17, marks: "17ms"),
        )),
        "chief": (at: (900, 300), kind: Service(
            handlers: [(on: "zebra")],
            commits: DualWrite(gap: "17ms"),
            saga: (starts: "zebra", tries: 17, undo_tries: 17, completed: "b", compensated: "c", steps: [
                (command: "d", done: "e", refused: "f", undo: "g", undone: "h", timeout: "17s"),
            ]),
        )),
        "cloud": (at: (1250, 400), note: "n", kind: Function(
            handlers: [(on: "zebra", takes: Uniform(min: "1ms", max: "17ms"))],
            instances: 17, provisioned: 7, cold_start: LogNormal(median: "17ms", p99: "170ms"), keep_warm: "17s", scale_out: 17,
            over_limit: Retry, memory: "17 MiB", price_gib_second: 17, price_invocation: 17,
            rate_limit: (rate: "17/s", burst: 17, over: Reject), timeout: "17s",
        )),
        "river": (at: (900, 500), note: "n", kind: Stream(
            on: "zebra", when: "true", operator: Window(shape: Hopping(size: "34s", slide: "17s", offset: "1s"), by: Of("event.key"),
                aggregates: {"sum": Sum("event.data.x")}, data: "17"),
            emits: "b", time: Millis("event.data.at"), watermark: (behind: "17s", idle: "17m"), lateness: "17s", late: "c",
            state: Volatile, takes: Fixed("17ms"), fails: 0.17, concurrency: 17,
        )),
        "wed": (at: (900, 700), kind: Stream(
            operator: Join(with: "b", within: "17s", by: Of("event.key"), data: "17"), emits: "c",
        )),
        "map": (at: (900, 800), kind: Stream(operator: Map(data: "17", key: Of("event.key")), emits: "c")),
        "pass": (at: (900, 900), kind: Stream(operator: Filter("true"), emits: "c")),
        "nap": (at: (900, 1000), kind: Stream(operator: Window(shape: Session(gap: "17s")), emits: "c")),
        "vault": (at: (900, 1100), note: "n", kind: Store(
            keeps: Events, key: "event.key", state: [(name: "total", is: Sum("event.data.x"))],
            expects: Version("17"), snapshot_every: 17, tells: ["b"], takes: Exponential(mean: "17ms"), concurrency: 17, fails: 0.17,
        )),
        "heap": (at: (900, 1200), kind: Store(keeps: View, fold: "17")),
        "words": (at: (100, 700), kind: Note(text: "Words", size: (217, 117))),
    },
    links: {
        "in": (from: "source", to: "hub", note: "n", delay: "17ms", kind: Publish(events: ["zebra"], topic: "zebra")),
        "out": (from: "hub", to: "sink", note: "n", delay: "17ms", kind: Subscribe(
            topics: ["zebra"], group: "g", share: Partition, filter: "true", from: Offset(17), replay_emits: true, ack_wait: "17s",
            deliveries: 17, backoff: Exponential(base: "17ms", cap: "17s", jitter: None), max_in_flight: 17, prefetch: 17,
            queue: (records: 17, bytes: "17 kB", when_full: Reject), ttl: "17m", priority: (levels: 17, aging: "17s"), delay: "17s",
            idempotent: "17m", dead_letters: "dlq", rate: (rate: "17/s", burst: 17, over: Reject),
            breaker: (failures: 17, ratio: 0.17, window: 17, reset: "17s", probes: 17),
        )),
        "late": (from: "hub", to: "maid", kind: Subscribe(from: At("17s"), guarantee: AtMostOnce, order: Strict)),
        "flat": (from: "hub", to: "cloud", kind: Subscribe(backoff: Fixed("17s"))),
        "call": (from: "maid", to: "cloud", note: "n", delay: "17ms", kind: Call(
            events: ["b"], deliveries: 17, backoff: Exponential(base: "17ms", cap: "17s", jitter: None),
            queue: (records: 17, bytes: "17 kB", when_full: Reject), dead_letters: "dlq", timeout: "17s",
            breaker: (failures: 17, ratio: 0.17, window: 17, reset: "17s", probes: 17),
        )),
    },
)"#;

/// The names of all settings below a value, as problems call them: variants have none, keys stand in brackets.
fn settings(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let next = if name.starts_with(|first: char| first.is_ascii_uppercase()) {
                    path.to_owned()
                } else if path == "topics" || path.ends_with("aggregates") {
                    format!("{path}[\"{name}\"]")
                } else if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                settings(value, &next, into);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (number, item) in items.iter().enumerate() {
                settings(item, &format!("{path}[{number}]"), into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

/// The figures of a distribution stand under the setting that it is.
const PARTS: [&str; 8] = ["mean", "deviation", "median", "p99", "min", "max", "stages", "name"];

/// Those settings that no field of the inspector is about.
fn missing(window: &Window, value: &Value) -> Vec<String> {
    let is_setting = |node: &egui_kittest::kittest::AccessKitNode<'_>| node.author_id().is_some();
    let shown = window.harness.query_all(By::new().predicate(is_setting));
    let shown: BTreeSet<String> =
        shown.filter_map(|node| node.accesskit_node().author_id().map(str::to_owned)).collect();
    let mut all = BTreeSet::new();
    settings(value, "", &mut all);
    let is_shown = |name: &String| {
        let part_of = name.rsplit_once('.').filter(|(_, part)| PARTS.contains(part)).map(|(whole, _)| whole);
        shown.contains(name) || part_of.is_some_and(|whole| shown.contains(whole))
    };
    all.into_iter().filter(|name| !is_shown(name)).collect()
}

#[test]
fn every_setting_of_a_file_has_a_field() {
    let flow = read(FULL).unwrap_or_else(|error| panic!("{error}"));
    let mut window = Window::of(Session::new(flow.clone()));
    window.press(Modifiers::COMMAND, Key::Num1);
    let room = window.canvas();
    let mut wrong = Vec::new();
    let mut note = |what: &str, missing: Vec<String>| {
        wrong.extend(missing.into_iter().map(|name| format!("{what}: {name}")));
    };
    for (id, node) in flow.nodes() {
        window.touch(&flow.title(id));
        let kind = match &node.kind {
            NodeKind::Producer(of) => serde_json::to_value(of),
            NodeKind::Bus(of) => serde_json::to_value(of),
            NodeKind::Consumer(of) => serde_json::to_value(of),
            NodeKind::Service(of) => serde_json::to_value(of),
            NodeKind::Function(of) => serde_json::to_value(of),
            NodeKind::Stream(of) => serde_json::to_value(of),
            NodeKind::DeadLetterQueue(of) => serde_json::to_value(of),
            NodeKind::Store(of) => serde_json::to_value(of),
            NodeKind::Gateway(of) => serde_json::to_value(of),
            NodeKind::Note(of) => serde_json::to_value(of),
        };
        note(id.as_str(), missing(&window, &kind.expect("JSON")));
        assert_eq!(window.canvas(), room, "what {id} has to say pushes the canvas aside");
    }
    for (id, link) in flow.links() {
        let says = if matches!(link.kind, LinkKind::Call(_)) { "calls" } else { "to" };
        window.touch(&format!("{} {says} {}", flow.title(&link.from), flow.title(&link.to)));
        let kind = match &link.kind {
            LinkKind::Publish(of) => serde_json::to_value(of),
            LinkKind::Subscribe(of) => serde_json::to_value(of),
            LinkKind::Call(of) => serde_json::to_value(of),
        };
        let mut kind = kind.expect("JSON");
        kind["delay"] = Value::from("17ms");
        kind["note"] = Value::from("n");
        note(id.as_str(), missing(&window, &kind));
        assert_eq!(window.canvas(), room, "what {id} has to say pushes the canvas aside");
    }
    window.search(Key::K, "zebra");
    let (_, event) = flow.events().first_key_value().expect("an event type");
    note("zebra", missing(&window, &serde_json::to_value(event).expect("JSON")));
    assert!(wrong.is_empty(), "no field for\n{}", wrong.join("\n"));
}
