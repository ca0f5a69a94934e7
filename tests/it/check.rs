//! What `check` says of flows: nothing of sound ones, and all that is wrong with others, with place and hint.

use std::fmt::Write as _;
use std::path::Path;

use eventloom::file::read;
use eventloom::model::Flow;
use eventloom::plan::{Problem, check};

/// A flow of these nodes and links, as a file writes them.
fn flow(events: &str, nodes: &str, links: &str) -> Flow {
    let text = format!("Flow(format: 1, seed: 1, events: {{{events}}}, nodes: {{{nodes}}}, links: {{{links}}})");
    read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Nodes of the cases below.
const SHOP: &str = r#"
    "shop": (at: (0, 0), kind: Producer(emits: "order.placed", rate: Constant("10/s"))),
    "bus": (at: (0, 0), kind: Bus()),
"#;
const BILLING: &str = r#"
    "billing": (at: (0, 0), kind: Service(concurrency: 4, handlers: [(on: "order.placed", takes: Fixed("10ms"),
        emits: [(event: "order.paid")])])),
    "mail": (at: (0, 0), kind: Consumer(takes: Fixed("10ms"))),
"#;
const LINKS: &str = r#"
    "in": (from: "shop", to: "bus", kind: Publish()),
"#;
const BILLING_LINKS: &str = r#"
    "to-billing": (from: "bus", to: "billing", kind: Subscribe(topics: ["order.placed"])),
    "from-billing": (from: "billing", to: "bus", kind: Publish()),
    "to-mail": (from: "bus", to: "mail", kind: Subscribe(topics: ["order.paid"])),
"#;

/// The shop with a producer of these settings.
fn producer(settings: &str) -> Flow {
    let nodes = format!(
        r#""shop": (at: (0, 0), kind: Producer({settings})), "bus": (at: (0, 0), kind: Bus()),
           "all": (at: (0, 0), kind: Consumer(takes: Fixed("1us")))"#
    );
    flow(
        "",
        &nodes,
        r#""in": (from: "shop", to: "bus", kind: Publish()), "out": (from: "bus", to: "all", kind: Subscribe())"#,
    )
}

/// The shop with a consumer and a subscription of these settings.
fn consumer(settings: &str, subscription: &str) -> Flow {
    let nodes = format!(r#"{SHOP} "mail": (at: (0, 0), kind: Consumer({settings}))"#);
    flow("", &nodes, &format!(r#"{LINKS} "out": (from: "bus", to: "mail", kind: Subscribe({subscription}))"#))
}

/// The shop with a service of these settings, whose events come back to the bus and end in a consumer.
fn service(settings: &str) -> Flow {
    let nodes = format!(
        r#"{SHOP} "billing": (at: (0, 0), kind: Service({settings})), "mail": (at: (0, 0), kind: Consumer(takes: Fixed("1us")))"#
    );
    flow("", &nodes, &format!("{LINKS} {BILLING_LINKS}"))
}

/// The shop with a store of these settings, and a bus that nobody else publishes to.
fn store(nodes: &str, settings: &str, links: &str) -> Flow {
    let nodes = format!(
        r#"{SHOP} {nodes} "book": (at: (0, 0), kind: Store({settings})), "news": (at: (0, 0), kind: Bus()),
           "mail": (at: (0, 0), kind: Consumer(takes: Fixed("1us")))"#
    );
    let links = format!(
        r#"{LINKS} "to-book": (from: "bus", to: "book", kind: Subscribe()), "to-mail": (from: "news", to: "mail", kind: Subscribe()),
           {links}"#
    );
    flow("", &nodes, &links)
}

/// Members of one group, with these settings of each link.
fn group(members: &[&str]) -> Flow {
    let mut nodes = SHOP.to_owned();
    let mut links = LINKS.to_owned();
    for (ix, settings) in members.iter().enumerate() {
        write!(nodes, r#""m{ix}": (at: (0, 0), kind: Consumer(takes: Fixed("1ms"))),"#).expect("text");
        write!(links, r#""g{ix}": (from: "bus", to: "m{ix}", kind: Subscribe(group: "g", {settings})),"#)
            .expect("text");
    }
    flow("", &nodes, &links)
}

/// The shop with a stream processor of these settings, whose results go to a bus of their own.
fn stream(settings: &str, more_links: &str) -> Flow {
    let nodes = format!(
        r#"{SHOP} "cart": (at: (0, 0), kind: Producer(emits: "cart.filled", rate: Constant("1/s"))),
           "s": (at: (0, 0), kind: Stream({settings})), "out": (at: (0, 0), kind: Bus()),
           "all": (at: (0, 0), kind: Consumer(takes: Fixed("1us")))"#
    );
    let links = format!(
        r#"{LINKS} "fill": (from: "cart", to: "bus", kind: Publish()), "publish": (from: "s", to: "out", kind: Publish()),
           "show": (from: "out", to: "all", kind: Subscribe()), {more_links}"#
    );
    flow("", &nodes, &links)
}

const TO_STREAM: &str = r#""to-s": (from: "bus", to: "s", kind: Subscribe())"#;

/// Two services on one bus that answer each other, with these emits.
fn ping_pong(ping: &str, pong: &str, subscription: &str) -> Flow {
    let nodes = format!(
        r#""start": (at: (0, 0), kind: Producer(emits: "ping", rate: Constant("1/s"))), "bus": (at: (0, 0), kind: Bus()),
           "a": (at: (0, 0), kind: Service(handlers: [(on: "ping", takes: Fixed("1ms"), emits: [{ping}])])),
           "b": (at: (0, 0), kind: Service(handlers: [(on: "pong", takes: Fixed("1ms"), emits: [{pong}])])),"#
    );
    let links = format!(
        r#""1": (from: "start", to: "bus", kind: Publish()),
           "2": (from: "bus", to: "a", kind: Subscribe(topics: ["ping"], {subscription})), "3": (from: "a", to: "bus", kind: Publish()),
           "4": (from: "bus", to: "b", kind: Subscribe(topics: ["pong"])), "5": (from: "b", to: "bus", kind: Publish()),"#
    );
    flow("", &nodes, &links)
}

fn cases() -> Vec<(&'static str, Flow)> {
    let sound = |links: &str| flow("", &format!("{SHOP}{BILLING}"), &format!("{LINKS}{BILLING_LINKS}{links}"));
    let two = |nodes: &str, links: &str| {
        flow("", &format!("{SHOP}{BILLING}{nodes}"), &format!("{LINKS}{BILLING_LINKS}{links}"))
    };
    let broken = |faults: &str| {
        let nodes = format!("{SHOP}{BILLING}");
        let text =
            format!("Flow(format: 1, nodes: {{{nodes}}}, links: {{{LINKS}{BILLING_LINKS}}}, faults: {{{faults}}})");
        read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    };
    vec![
        (
            "a sound scenario",
            broken(
                r#""billing dies": (at: "30s", for: "10s", on: Node("billing"), kind: Crash),
                   "the way is bad": (at: "10s", for: "5s", on: Links(["in", "to-mail"]), kind: Drop(chance: 0.1)),
                   "cut off": (for: "1s", on: Node("bus"), kind: Partition, note: "The switch is renewed")"#,
            ),
        ),
        (
            "faults of nothing",
            broken(
                r#""a": (on: Node("biling"), kind: Crash), "b": (on: Link("inn"), kind: Partition),
                   "c": (on: Links([]), kind: Drop()), "d": (on: Node("bus"), kind: Drop(chance: 0.5)),
                   "e": (on: Node("shop"), kind: Slow(by: "4x")), "f": (on: Link("in"), kind: Crash),
                   "g": (on: Node("mail"), kind: ClockSkew(by: "1s"))"#,
            ),
        ),
        (
            "faults that do nothing",
            broken(
                r#""a": (for: "0s", on: Node("billing"), kind: Crash),
                   "b": (on: Link("in"), kind: Drop(chance: 0.0)),
                   "c": (on: Link("in"), kind: Delay(by: Uniform(min: "2s", max: "1s"))),
                   "d": (on: Link("in"), kind: Reorder(within: "0s")),
                   "e": (on: Node("billing"), kind: Slow(by: "1x")),
                   "f": (on: Node("billing"), kind: ClockSkew(by: "0s", behind: true))"#,
            ),
        ),
        ("a sound window", stream(r#"on: "order.placed""#, TO_STREAM)),
        (
            "windows that cannot be",
            stream(r#"operator: Window(shape: Tumbling(size: "0s")), concurrency: 0"#, TO_STREAM),
        ),
        (
            "a slide that does not divide",
            stream(r#"operator: Window(shape: Hopping(size: "10s", slide: "4s"))"#, TO_STREAM),
        ),
        (
            "a slide of nothing and names that are taken",
            stream(
                r#"operator: Window(shape: Hopping(size: "10s", slide: "0s"), aggregates: {"": Count, "start": Count})"#,
                TO_STREAM,
            ),
        ),
        (
            "too many windows an event",
            stream(r#"operator: Window(shape: Hopping(size: "1h", slide: "1s"))"#, TO_STREAM),
        ),
        ("a session without a gap", stream(r#"operator: Window(shape: Session(gap: "0s"))"#, TO_STREAM)),
        (
            "watermarks that wait for nothing, or for ever",
            stream(
                r#"watermark: (idle: "0s"), operator: Window(shape: Tumbling(size: "1s", offset: "2s"))"#,
                TO_STREAM,
            ),
        ),
        ("a watermark that waits for ever", stream("watermark: (idle: None)", TO_STREAM)),
        ("a window that nothing reaches", stream("", "")),
        ("a window of another type", stream(r#"on: "order.plced""#, TO_STREAM)),
        (
            "a filter that nothing is late for",
            stream(r#"operator: Filter("event.data.x >"), lateness: "1s", late: "late""#, TO_STREAM),
        ),
        (
            "a join with one side",
            stream(r#"on: "order.placed", operator: Join(with: "cart.fild", within: "0s")"#, TO_STREAM),
        ),
        (
            "a join with both sides the same",
            stream(r#"on: "order.placed", operator: Join(with: "order.*", within: "5s")"#, TO_STREAM),
        ),
        (
            "windows that members share",
            stream(
                "",
                r#""a": (from: "bus", to: "s", kind: Subscribe(group: "g")),
                   "b": (from: "bus", to: "all", kind: Subscribe(group: "g"))"#,
            ),
        ),
        ("a result of no type", {
            let nodes = r#""p": (at: (0, 0), kind: Producer(emits: "a")), "bus": (at: (0, 0), kind: Bus()),
                    "s": (at: (0, 0), kind: Stream(on: "a", emits: "a.countd")),
                    "c": (at: (0, 0), kind: Consumer())"#;
            let links = r#""1": (from: "p", to: "bus", kind: Publish()), "2": (from: "bus", to: "s", kind: Subscribe(topics: ["a"])),
                    "3": (from: "s", to: "bus", kind: Publish()), "4": (from: "bus", to: "c", kind: Subscribe())"#;
            flow(r#""a": (), "a.counted": ()"#, nodes, links)
        }),
        (
            "faults that meet",
            broken(
                r#""a": (at: "1s", on: Node("billing"), kind: Crash), "b": (at: "5s", on: Node("billing"), kind: Pause),
                   "c": (at: "1s", for: "1s", on: Link("in"), kind: Drop()),
                   "d": (at: "2s", for: "9s", on: Link("in"), kind: Drop()),
                   "e": (at: "3s", for: "1s", on: Links(["in", "to-mail"]), kind: Drop(chance: 0.2))"#,
            ),
        ),
        ("an empty flow", Flow::new("empty")),
        ("a sound flow", sound("")),
        ("a note", flow("", r#""n": (at: (0, 0), kind: Note(text: "words"))"#, "")),
        // Settings.
        ("a burst of nothing", producer(r#"rate: Bursts(size: 0, every: "0s")"#)),
        ("bursts too large", producer(r#"rate: Bursts(size: 4000000000, every: "1s")"#)),
        ("a schedule without steps", producer("rate: Schedule(steps: [])")),
        (
            "a schedule out of order",
            producer(r#"rate: Schedule(steps: [(at: "10s", rate: "1/s"), (at: "5s", rate: "2/s")], repeat: "5s")"#),
        ),
        ("a replay of nothing", producer(r#"rate: Replay(file: " ")"#)),
        ("a replay from outside", producer(r#"rate: Replay(file: "../secret.csv")"#)),
        ("no keys", producer("key: Skewed(0)")),
        ("expressions", producer(r#"key: Of("event.customer"), data: "{ \"a\": evnt.id }""#)),
        ("a filter that is none", consumer("", r#"filter: "event.data.amount > 5 &&\n  event.tipe == 1""#)),
        ("a consumer of zeros", consumer("concurrency: 0, rate_limit: (rate: \"0/s\", burst: 0)", "")),
        (
            "a subscription of zeros",
            consumer(
                "",
                r#"group: "", deliveries: 0, max_in_flight: 0, prefetch: 0, ack_wait: "0s", queue: (records: 0, bytes: "0 B")"#,
            ),
        ),
        (
            "a gate of zeros",
            consumer(
                r#"timeout: "0s""#,
                r#"rate: (rate: "0/s", burst: 1), breaker: (failures: 0, ratio: 0.0, window: 0, reset: "0s", probes: 0)"#,
            ),
        ),
        (
            "a circuit breaker that does nothing",
            consumer("", "breaker: (failures: None, window: 20000), guarantee: AtMostOnce"),
        ),
        ("more probes than may be in flight", consumer("", "max_in_flight: 2, breaker: (probes: 3)")),
        (
            "timeouts that nothing keeps, or that come too late",
            consumer(r#"takes: Fixed("20ms"), timeout: "10ms""#, r#"ack_wait: "10ms""#),
        ),
        (
            "a gateway that waits for nothing",
            flow("", r#""g": (at: (0, 0), kind: Gateway(deadline: "0s", requests: (key: Cycle(0))))"#, ""),
        ),
        ("a backoff beyond its cap", consumer("", r#"backoff: Exponential(base: "10s", cap: "1s")"#)),
        ("a bad distribution", consumer(r#"takes: Uniform(min: "2s", max: "1s")"#, "")),
        (
            "a function that cannot run",
            two(
                r#""f": (at: (0, 0), kind: Function(instances: 2, provisioned: 3, scale_out: 0, cold_start: Erlang(mean: "1s", stages: 0))),
                   "g": (at: (0, 0), kind: Function(instances: 0))"#,
                r#""to-f": (from: "bus", to: "f", kind: Subscribe(topics: ["order.placed"])),
                   "to-g": (from: "bus", to: "g", kind: Subscribe(topics: ["order.placed"]))"#,
            ),
        ),
        (
            "chances beyond one",
            service(
                r#"handlers: [(on: "order.placed", takes: Fixed("1ms"), pick: One,
            emits: [(event: "order.paid", chance: 0.7), (event: "order.paid", chance: 0.7, count: 0)])]"#,
            ),
        ),
        (
            "topics that hold nothing",
            flow(
                "",
                r#""bus": (at: (0, 0), kind: Bus(topics: {"a": (partitions: 0, keep: "0s", keep_records: 0)}))"#,
                "",
            ),
        ),
        // Routes.
        ("nodes alone", flow("", &format!(r#"{SHOP}{BILLING} "dead": (at: (0, 0), kind: DeadLetterQueue()),"#), "")),
        (
            "a handler that never reacts",
            service(r#"handlers: [(on: "order.plced", takes: Fixed("1ms"), emits: [(event: "order.paid")])]"#),
        ),
        (
            "a handler behind another",
            service(
                r#"handlers: [(on: "order.*", takes: Fixed("1ms"), emits: [(event: "order.paid")]), (on: "order.placed", takes: Fixed("1ms"))]"#,
            ),
        ),
        ("no handlers", service("handlers: []")),
        (
            "events that no link carries",
            flow(
                "",
                &format!("{SHOP}{BILLING}"),
                r#""in": (from: "shop", to: "bus", kind: Publish()), "to-billing": (from: "bus", to: "billing", kind: Subscribe()),
                   "from-billing": (from: "billing", to: "bus", kind: Publish(events: ["order.payed"])),
                   "to-mail": (from: "bus", to: "mail", kind: Subscribe())"#,
            ),
        ),
        (
            "a topic that nobody knows",
            sound(r#""wrong": (from: "bus", to: "mail", kind: Subscribe(topics: ["order.payd", "stock.>"]))"#),
        ),
        (
            "topics that nobody fills or reads",
            flow(
                "",
                &format!("{SHOP}{BILLING}")
                    .replace("kind: Bus()", r#"kind: Bus(topics: {"orders": (), "order.placd": ()})"#),
                &format!("{LINKS}{BILLING_LINKS}"),
            ),
        ),
        // Groups.
        ("members that differ", group(&["deliveries: 5", "deliveries: 3, share: Partition", "prefetch: 1"])),
        ("more members than partitions", group(&["share: Partition", "share: Partition", "share: Partition"])),
        // What waits.
        (
            "levels, time to live and a window, all sound",
            flow(
                r#""order.placed": (ttl: "1m", priority: 3, delay: "5s")"#,
                &format!(
                    r#"{SHOP} "back-office": (at: (0, 0), kind: Producer(emits: "order.changed", rate: Constant("10/s"), key: Cycle(9))),
                       "mail": (at: (0, 0), kind: Consumer(takes: Fixed("1ms"))), "desk": (at: (0, 0), kind: Consumer(takes: Fixed("1ms")))"#
                ),
                &format!(
                    r#"{LINKS} "in2": (from: "back-office", to: "bus", kind: Publish()),
                       "out": (from: "bus", to: "mail", kind: Subscribe(priority: (aging: "10s"), ttl: "1h", delay: "1s", idempotent: "153s")),
                       "out2": (from: "bus", to: "desk", kind: Subscribe(order: Strict))"#
                ),
            ),
        ),
        (
            "event types that wait badly",
            flow(
                r#""order.placed": (ttl: "0s", priority: 3)"#,
                &format!(r#"{SHOP} "mail": (at: (0, 0), kind: Consumer(takes: Fixed("1ms")))"#),
                &format!(r#"{LINKS} "out": (from: "bus", to: "mail", kind: Subscribe())"#),
            ),
        ),
        (
            "strict order and priority",
            consumer(r#"takes: Fixed("1ms")"#, "order: Strict, priority: (levels: 1), guarantee: AtMostOnce"),
        ),
        (
            "times that do not fit",
            consumer(
                r#"takes: Fixed("1ms")"#,
                r#"ttl: "5s", backoff: Fixed("5s"), deliveries: 4, priority: (aging: "0s"), idempotent: "2m""#,
            ),
        ),
        ("times of nothing", consumer(r#"takes: Fixed("1ms")"#, r#"ttl: "0s", idempotent: "0s""#)),
        (
            "a window that covers its retries",
            consumer(r#"takes: Fixed("1ms")"#, r#"backoff: Fixed("5s"), deliveries: 4, idempotent: "2m15s""#),
        ),
        (
            "members that wait differently",
            group(&[
                r#"order: Strict, ttl: "1s", delay: "1s", idempotent: "1h""#,
                r#"order: Relaxed, ttl: "2s", delay: "2s", idempotent: "2h", priority: ()"#,
            ]),
        ),
        // Waits, failures, loads.
        (
            "a wait that is too short",
            consumer(r#"takes: LogNormal(median: "1ms", p99: "40s"), concurrency: 100000"#, ""),
        ),
        (
            "a wait for what may never end",
            consumer(r#"takes: Pareto(min: "1ms", median: "365d"), concurrency: 100000"#, ""),
        ),
        ("failures that lead nowhere", consumer(r#"takes: Fixed("1ms"), fails: 0.1"#, "deliveries: 3")),
        ("failures that are meant to", consumer(r#"takes: Fixed("1ms"), fails: 0.1"#, "guarantee: AtMostOnce")),
        ("too much", consumer(r#"takes: Fixed("250ms"), concurrency: 2"#, "")),
        ("too much, if it comes", consumer(r#"takes: Fixed("250ms")"#, r#"filter: "event.hops == 0""#)),
        (
            "too much, and dropped",
            consumer(r#"takes: Fixed("250ms")"#, "queue: (records: 5, bytes: \"1 MiB\", when_full: DropOldest)"),
        ),
        ("too much with what comes again", consumer(r#"takes: Fixed("60ms"), fails: 0.5"#, "guarantee: AtLeastOnce")),
        ("more than the rate limit", consumer(r#"takes: Fixed("1ms"), rate_limit: (rate: "9/s", burst: 1)"#, "")),
        (
            "a group that has too much",
            flow(
                "",
                &format!(
                    r#"{SHOP} "m": (at: (0, 0), kind: Consumer(takes: Fixed("250ms"))), "n": (at: (0, 0), kind: Consumer(takes: Fixed("250ms")))"#
                ),
                &format!(
                    r#"{LINKS} "a": (from: "bus", to: "m", kind: Subscribe(group: "g")), "b": (from: "bus", to: "n", kind: Subscribe(group: "g"))"#
                ),
            ),
        ),
        (
            "a schedule's mean",
            producer(
                r#"rate: Schedule(steps: [(at: "0s", rate: "0/s"), (at: "10s", rate: "1000000/s")], ramp: true, repeat: "1000s")"#,
            ),
        ),
        // Loops.
        ("a loop that goes on for ever", ping_pong(r#"(event: "pong")"#, r#"(event: "ping")"#, "")),
        (
            "a loop that grows with chance",
            ping_pong(r#"(event: "pong", count: 3)"#, r#"(event: "ping", chance: 0.4)"#, ""),
        ),
        (
            "a loop that dies away, and can block",
            ping_pong(r#"(event: "pong")"#, r#"(event: "ping", chance: 0.5)"#, ""),
        ),
        (
            "a loop that dies away, and cannot block",
            ping_pong(
                r#"(event: "pong")"#,
                r#"(event: "ping", chance: 0.5)"#,
                r#"queue: (records: 9, bytes: "1 MiB", when_full: DropOldest)"#,
            ),
        ),
        (
            "a loop behind a condition",
            ping_pong(r#"(event: "pong")"#, r#"(event: "ping", when: "event.hops < 9")"#, ""),
        ),
        (
            "a call that comes back",
            two(
                r#""x": (at: (0, 0), kind: Service(handlers: [(on: "order.placed", takes: Fixed("1ms"), emits: [(event: "ask")]), (on: "answer", takes: Fixed("1ms"), emits: [(event: "ask")])])),
                   "y": (at: (0, 0), kind: Service(handlers: [(on: "ask", takes: Fixed("1ms"), fails: 0.1, emits: [(event: "answer", chance: 0.5)])]))"#,
                r#""to-x": (from: "bus", to: "x", kind: Subscribe(topics: ["order.placed"])), "x-y": (from: "x", to: "y", kind: Call(deliveries: 3)), "y-x": (from: "y", to: "x", kind: Call())"#,
            ),
        ),
        // Events and secrets.
        (
            "examples beside their schema",
            flow(
                r##""order.placed": (example: r#"{ "amout": 5, "lines": [{ "n": "x" }] }"#,
                    schema: r#"{ "type": "object", "required": ["amount", "lines"], "properties": { "lines": { "type": "array", "items": { "properties": { "n": { "type": ["integer", "null"] } } } } } }"#),
                    "order.paid": (schema: "5")"##,
                &format!("{SHOP}{BILLING}"),
                &format!("{LINKS}{BILLING_LINKS}"),
            ),
        ),
        (
            "secrets",
            flow(
                r##""a": (note: "amqp://me:hunter22@host/vhost", example: r#"{ "password": "correct horse", "token": "AKIAIOSFODNN7EXAMPLE" }"#),
                    "b": (note: "amqp://host/vhost", example: r#"{ "password": "env:BROKER", "secret": "******" }"#)"##,
                "",
                "",
            ),
        ),
        (
            "a store of zeros",
            store("", r#"concurrency: 0, keeps: Events, snapshot_every: 0, takes: Uniform(min: "2s", max: "1s")"#, ""),
        ),
        (
            "the state of a store",
            store(
                "",
                r#"state: [(name: "", is: Count), (name: "n", is: Count), (name: "n", is: Sum("event.dat.n"))], fold: "state.n +""#,
                "",
            ),
        ),
        (
            "a view with the settings of an event store",
            store("", r#"snapshot_every: 5, expects: AsRead, concurrency: 2, fold: "{ \"n\": 1 }""#, ""),
        ),
        ("a version that is always the one that was read", store("", "keeps: Events, expects: AsRead", "")),
        ("a store that tells nothing", store("", "", r#""told": (from: "book", to: "news", kind: Publish())"#)),
        (
            "a store that tells of what it never gets",
            store("", r#"tells: ["order.placd"]"#, r#""told": (from: "book", to: "news", kind: Publish())"#),
        ),
        (
            "a store that is called",
            store(
                r#""desk": (at: (0, 0), kind: Service(handlers: [(on: ">", takes: Fixed("1ms"), emits: [(event: "note")])])),
                   "log": (at: (0, 0), kind: Store(keeps: Events, expects: AsRead, concurrency: 2)),"#,
                "",
                r#""to-desk": (from: "bus", to: "desk", kind: Subscribe()), "desk-book": (from: "desk", to: "book", kind: Call()),
                   "desk-log": (from: "desk", to: "log", kind: Call(deliveries: 1))"#,
            ),
        ),
        (
            "an outbox of zeros",
            service(
                r#"commits: Outbox(every: "0s", batch: 0), handlers: [(on: "order.placed", takes: Fixed("1ms"), emits: [(event: "order.paid", after: Fixed("1s"))])]"#,
            ),
        ),
        (
            "a commit of nothing",
            service(r#"commits: DualWrite(gap: "1ms"), handlers: [(on: "order.placed", takes: Fixed("1ms"))]"#),
        ),
        (
            "a relay in a hurry, and a call beside it",
            flow(
                "",
                &format!(
                    r#"{SHOP} "till": (at: (0, 0), kind: Service(commits: Outbox(every: "10ms"),
                    handlers: [(on: "order.placed", takes: Fixed("1ms"), emits: [(event: "order.paid")])])),
                    "bank": (at: (0, 0), kind: Service(handlers: [(on: "order.paid", takes: Fixed("1ms"))])),
                    "mail": (at: (0, 0), kind: Consumer(takes: Fixed("1ms"))),"#
                ),
                &format!(
                    r#"{LINKS} "to-till": (from: "bus", to: "till", kind: Subscribe(topics: ["order.placed"])),
                    "far": (from: "till", to: "bus", kind: Publish(), delay: "50ms"), "call": (from: "till", to: "bank", kind: Call()),
                    "to-mail": (from: "bus", to: "mail", kind: Subscribe(topics: ["order.paid"])),"#
                ),
            ),
        ),
        (
            "a saga without steps",
            service(r#"saga: (starts: "order.placed", tries: 0, undo_tries: 0), commits: DualWrite(gap: "1ms")"#),
        ),
        (
            "a saga that cannot tell its answers apart",
            service(
                r#"saga: (starts: "order.placed", steps: [
                    (command: "order.paid", done: "yes", refused: "yes", timeout: "0s"),
                    (command: "order.paid", done: "yes", refused: "no", undone: "no"),
                ])"#,
            ),
        ),
        (
            "a saga that nobody answers",
            service(
                r#"saga: (starts: "order.plced", steps: [
                    (command: "order.pay", done: "order.paid", refused: "order.refused", undo: "order.refund", undone: "order.refunded"),
                ])"#,
            ),
        ),
    ]
}

#[test]
fn problems_with_place_and_hint() {
    let mut found = String::new();
    for (name, flow) in cases() {
        writeln!(found, "# {name}").expect("a text takes all");
        for Problem { severity, at, code, what, hint } in check(&flow) {
            writeln!(found, "{severity}: {at}: {what} [{code}]\n    {hint}").expect("a text takes all");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/check.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, &found).expect("a writable file");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {} of check.txt; UPDATE_EXPECT=1 writes it anew", line + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "check.txt; UPDATE_EXPECT=1 writes it anew");
}

#[test]
fn the_shipped_flows_have_no_problems() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    for entry in std::fs::read_dir(folder).expect("flows ship with the source") {
        let path = entry.expect("a readable folder").path();
        if path.extension().is_some_and(|extension| extension == "ron") {
            let text = std::fs::read_to_string(&path).expect("a readable file");
            let flow = read(&text).unwrap_or_else(|error| panic!("{}:\n{error}", path.display()));
            assert_eq!(check(&flow), Vec::new(), "{}", path.display());
        }
    }
}

/// Services that call each other at random, as many as a flow may hold, with a bus that all of some others hear.
fn large() -> Flow {
    let mut nodes = String::new();
    let mut links = String::new();
    let mut random: u64 = 1;
    let mut made = std::collections::BTreeSet::new();
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    nodes += r#""p": (at: (0, 0), kind: Producer(emits: "job", rate: Constant("0.001/s"))), "bus": (at: (0, 0), kind: Bus()),"#;
    links += r#""p->bus": (from: "p", to: "bus", kind: Publish()),"#;
    for n in 0..4_999 {
        writeln!(
            nodes,
            r#""s{n}": (at: (0, 0), kind: Service(handlers: [(on: "job", takes: Exponential(mean: "1ms"), emits: [
                (event: "job", chance: 0.3, when: "event.data.n < {n}", data: "{{ \"n\": event.data.n + {n} }}")])])),
               "c{n}": (at: (0, 0), kind: Consumer(takes: Fixed("1us"))),"#
        )
        .expect("text");
        for _ in 0..3 {
            let to = draw(4_999);
            if to != n && made.insert((n, to)) {
                writeln!(links, r#""s{n}->s{to}": (from: "s{n}", to: "s{to}", kind: Call()),"#).expect("text");
            }
        }
        writeln!(links, r#""bus->c{n}": (from: "bus", to: "c{n}", kind: Subscribe(filter: "event.data.n == {n}")),
            "bus->s{n}": (from: "bus", to: "s{n}", kind: Subscribe()), "s{n}->bus": (from: "s{n}", to: "bus", kind: Publish()),"#).expect("text");
    }
    flow("", &nodes, &links)
}

#[test]
fn ten_thousand_nodes_are_looked_at_once() {
    let flow = large();
    assert!(flow.nodes().len() == 10_000 && flow.links().len() > 25_000);
    let problems = check(&flow);
    let codes: std::collections::BTreeSet<&str> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["block-cycle"], "{:?}", problems.first());
}
