//! Every rule of the bus and its nodes is shown by a flow that ships, with the setting that makes it hold there.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A rule's number, what it is about, the flow that shows it, and what that flow says to have it.
type Rule = (u32, &'static str, &'static str, &'static [&'static str]);

const RULES: [Rule; 40] = [
    (1, "At most once: settled at hand-over", "iot-sensors", &["guarantee: AtMostOnce"]),
    (2, "At least once: settled by an acknowledgement, handed over again without one", "flaky-link", &["kind: Drop("]),
    (3, "An effect happens once, however often its event comes", "idempotent-consumer", &["idempotent: \""]),
    (4, "What is published twice within a window is stored once", "deduplicated-orders", &["dedup: ("]),
    (5, "What is not acknowledged in time comes again", "flaky-link", &["ack_wait: \""]),
    (6, "At most so much is in flight", "competing-consumers", &["prefetch: 1"]),
    (7, "What fails too often becomes a dead letter", "retry-and-dead-letter", &["deliveries: 3", "dead_letters: \""]),
    (8, "The order of a key is kept", "order-per-key", &["order: Strict"]),
    (9, "The key decides the partition", "partitions-and-keys", &["partitions: 4", "key: Uniform("]),
    (10, "A partition has one owner in a group", "consumer-group-rebalance", &["share: Partition"]),
    (11, "Who crashes goes on where it was", "consumer-group-rebalance", &["kind: Crash"]),
    (12, "What is kept can be read again", "replay", &["keep: \"", "replay_emits: true"]),
    (13, "What is too old, too much or too large goes", "retention", &["keep: \"", "keep_records: ", "keep_bytes: \""]),
    (14, "A compacted topic keeps the last record of each key", "latest-prices", &["compact: (", "keep_deletes: \""]),
    (
        15,
        "A record goes when one has taken it, or all have",
        "retention",
        &["retention: WorkQueue", "retention: Interest"],
    ),
    (16, "A full queue pushes back, or drops", "slow-consumer", &["records: 40", "when_full: DropOldest"]),
    (17, "What has lived too long is not delivered", "time-to-live", &["ttl: \""]),
    (18, "What matters more goes first, and nobody waits for ever", "express-lane", &["priority: 4", "aging: \""]),
    (19, "What is delayed is out of sight until it is due", "delayed-reminder", &["delay: \"30s\""]),
    (20, "Each subscription gets its own copy", "publish-subscribe", &["Subscribe("]),
    (21, "A request is answered, times out, or finds nobody", "request-reply", &["Gateway(", "deadline: \""]),
    (22, "Topics are chosen by pattern", "iot-sensors", &["\"home.*.motion\"", "\"home.>\""]),
    (23, "A retry comes after a growing pause", "retry-and-dead-letter", &["backoff: Exponential("]),
    (24, "No more at once, and no more in a time", "circuit-breaker", &["rate: (rate: \"", "concurrency: "]),
    (25, "Functions scale with demand, and start cold", "image-pipeline", &["Function(", "cold_start: "]),
    (26, "A circuit breaker spares who struggles", "circuit-breaker", &["breaker: ("]),
    (27, "What takes too long is cancelled", "circuit-breaker", &["timeout: \""]),
    (28, "An outbox publishes what was committed", "outbox", &["commits: Outbox("]),
    (29, "A saga is complete, or as if it had never been", "saga", &["saga: (", "undo: \""]),
    (30, "State is what the events add up to; appends expect a version", "event-sourcing", &["expects: AsRead"]),
    (31, "A view can be rebuilt", "event-sourcing", &["keeps: View"]),
    (32, "Windows of a fixed length", "windowed-clicks", &["Tumbling("]),
    (33, "Sessions end with a pause", "fraud-join", &["Session("]),
    (34, "The watermark decides what is late", "windowed-clicks", &["watermark: (", "late: "]),
    (35, "Two streams are joined by time", "fraud-join", &["Join("]),
    (36, "Faults do what they say, and are named", "flaky-link", &["kind: Duplicate(", "kind: Delay("]),
    (37, "Loops end: an event is at most so many hops from its cause", "order-fulfilment", &["kind: Publish("]),
    (38, "Everything has a cause and a root", "order-fulfilment", &["emits: ["]),
    (
        39,
        "What cannot be understood is put aside, and nobody else suffers",
        "poison-message",
        &["filter: \"", "dead_letters: \""],
    ),
    (40, "What is open when a run stops is reported", "delayed-reminder", &["delay: \"30s\""]),
];

fn text_of(flow: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("flows/{flow}.ron"));
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{flow}: {error}"))
}

#[test]
fn every_rule_is_shown_by_a_flow_that_ships() {
    for (place, (number, _, flow, settings)) in (1..).zip(RULES) {
        assert_eq!(number, place, "the rules are listed in their order");
        let text = text_of(flow);
        for setting in settings {
            assert!(text.contains(setting), "S{number}: {flow} does not say {setting}");
        }
    }
}

#[test]
fn readme_lists_which_flow_shows_which_rule() {
    let mut block = String::from("| rule | | shown by |\n|---|---|---|\n");
    for (number, about, flow, _) in RULES {
        let name = eventloom::file::read(&text_of(flow)).expect("a flow").name().to_owned();
        writeln!(block, "| S{number} | {about} | [{name}](flows/{flow}.ron) |").expect("text");
    }
    super::readme::check_block("rules", &block);
}
