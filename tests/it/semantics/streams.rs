//! S32 to S35: windows, sessions, watermarks and joins, each beside an oracle that knows nothing of how they are done.
//!
//! Event times stand in the data, in milliseconds, so that they can be of any order and sign. The fold checks of every run
//! here that watermarks never go back and that no window closes before its time.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{FaultKind, FaultTarget, NodeKind, SimDuration, Stream, Watermark};
use eventloom::trace::What;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::Run;
use crate::support::flow::{flow, kind, node_id};

/// What a hand feeds: from which producer, when it happened, and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fed {
    at: i64,
    key: u8,
    right: bool,
}

fn fed(at: i64, key: u8) -> Fed {
    Fed { at, key, right: false }
}

/// A stream processor that takes no time, fed by hand: `p` publishes `a`, `q` publishes `b`.
fn stream(settings: &str) -> Run {
    let rows = format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           q = Producer(emits: "b", rate: ByHand)
           in = Bus
           s = Stream({settings}, time: Millis("event.data.at"), takes: Fixed("0s"))
           out = Bus
           sink = Consumer(takes: Fixed("0s"))
           p -> in
           q -> in
           in -> s
           s -> out
           out -> sink"#
    );
    let mut run = Run::new(&rows);
    run.kernel.keep_all_data();
    run
}

fn window(shape: &str, more: &str) -> Run {
    stream(&format!(r#"on: "a", operator: Window(shape: {shape}), {more}"#))
}

fn feed(run: &mut Run, events: &[Fed]) {
    for Fed { at, key, right } in events {
        let node = if *right { "q" } else { "p" };
        run.fire_with(node, 1, Some(&format!("k{key}")), Some(json!({ "at": at, "n": key })));
        let now = run.kernel.now();
        run.until_at(now);
    }
}

/// A result of a window.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Out {
    key: String,
    start: i64,
    end: i64,
    count: u64,
    revision: u32,
}

/// Every result of windows, in order.
fn results(run: &Run) -> Vec<Out> {
    let results = run.records().filter_map(|record| match record.what {
        What::WindowClosed { event, start_nanos, end_nanos, count, revision, .. } => Some(Out {
            key: run.kept.keys.get(&event).cloned().unwrap_or_default(),
            start: start_nanos / 1_000_000,
            end: end_nanos / 1_000_000,
            count,
            revision,
        }),
        _ => None,
    });
    results.collect()
}

/// Results in short: `k1 0..10 x3`, with `+1` for the first time that one comes out anew.
fn short(run: &Run) -> Vec<String> {
    let text = |out: Out| {
        let again = if out.revision == 0 { String::new() } else { format!(" +{}", out.revision) };
        format!("{} {}..{} x{}{again}", out.key, out.start, out.end, out.count)
    };
    results(run).into_iter().map(text).collect()
}

/// The data of every event that `s` emitted of a type, in order.
fn data(run: &Run, event: &str) -> Vec<Value> {
    let (node, kind) = (run.node("s"), run.plan().event_ix(&event.parse().expect("a name")).expect("a type"));
    let emitted = run.records().filter_map(|record| match record.what {
        What::Emitted { event, kind: of, .. } if event.origin() == node && of == kind => Some(event),
        _ => None,
    });
    emitted.map(|event| Value::clone(&run.kept.data[&event])).collect()
}

fn late(run: &Run) -> usize {
    run.count(|what| matches!(what, What::Late { .. }))
}

/// Events that came on time, late but in time, and too late.
fn arrivals(run: &Run) -> (usize, usize, usize) {
    let taken = |is_late: bool| run.count(|what| matches!(what, What::Gathered { late, .. } if *late == is_late));
    (taken(false), taken(true), late(run))
}

const WAITS: &str = r#"watermark: (behind: "0s", idle: None)"#;

// ---- S32: tumbling and hopping ------------------------------------------------------------------------------------

#[test]
fn s32_a_window_takes_in_its_start_and_leaves_out_its_end() {
    let mut run = window(r#"Tumbling(size: "10ms")"#, WAITS);
    feed(&mut run, &[fed(0, 1), fed(9, 1), fed(10, 1), fed(19, 1), fed(20, 1), fed(30, 1)]);
    assert_eq!(short(&run), ["k1 0..10 x2", "k1 10..20 x2", "k1 20..30 x1"]);
}

#[test]
fn s32_windows_are_aligned_below_zero_too() {
    let mut run = window(r#"Tumbling(size: "10ms")"#, WAITS);
    feed(&mut run, &[fed(-21, 1), fed(-20, 1), fed(-11, 1), fed(-10, 1), fed(-1, 1), fed(0, 1), fed(10, 1)]);
    assert_eq!(short(&run), ["k1 -30..-20 x1", "k1 -20..-10 x2", "k1 -10..0 x2", "k1 0..10 x1"]);
    let mut run = window(r#"Tumbling(size: "10ms", offset: "3ms")"#, WAITS);
    feed(&mut run, &[fed(-8, 1), fed(-7, 1), fed(2, 1), fed(3, 1), fed(13, 1)]);
    assert_eq!(short(&run), ["k1 -17..-7 x1", "k1 -7..3 x2", "k1 3..13 x1"]);
}

#[test]
fn s32_each_key_has_windows_of_its_own_and_they_close_in_order() {
    let mut run = window(r#"Tumbling(size: "10ms")"#, WAITS);
    feed(&mut run, &[fed(1, 2), fed(2, 1), fed(3, 2), fed(25, 1), fed(40, 3)]);
    assert_eq!(short(&run), ["k1 0..10 x1", "k2 0..10 x2", "k1 20..30 x1"]);
    let mut all = stream(&format!(r#"on: "a", operator: Window(shape: Tumbling(size: "10ms"), by: All), {WAITS}"#));
    feed(&mut all, &[fed(1, 2), fed(2, 1), fed(3, 2), fed(25, 1), fed(40, 3)]);
    assert_eq!(short(&all), [" 0..10 x3", " 20..30 x1"]);
    let by = r#"Of("if event.data.n > 1 { \"many\" } else { \"one\" }")"#;
    let mut grouped =
        stream(&format!(r#"on: "a", operator: Window(shape: Tumbling(size: "10ms"), by: {by}), {WAITS}"#));
    feed(&mut grouped, &[fed(1, 2), fed(2, 1), fed(3, 3), fed(25, 1), fed(40, 3)]);
    assert_eq!(short(&grouped), ["many 0..10 x2", "one 0..10 x1", "one 20..30 x1"]);
}

#[test]
fn s32_hopping_windows_overlap() {
    let mut run = window(r#"Hopping(size: "10ms", slide: "5ms")"#, WAITS);
    feed(&mut run, &[fed(-1, 1), fed(0, 1), fed(7, 1), fed(40, 1)]);
    assert_eq!(short(&run), ["k1 -10..0 x1", "k1 -5..5 x2", "k1 0..10 x2", "k1 5..15 x1"]);
}

// ---- S33: sessions ------------------------------------------------------------------------------------------------

#[test]
fn s33_a_session_ends_with_a_pause_of_exactly_its_gap() {
    let mut run = window(r#"Session(gap: "10ms")"#, WAITS);
    feed(&mut run, &[fed(0, 1), fed(9, 1), fed(19, 1), fed(28, 1), fed(60, 1)]);
    assert_eq!(short(&run), ["k1 0..19 x2", "k1 19..38 x2"], "9 and 19 are a whole gap apart");
}

#[test]
fn s33_an_event_between_two_sessions_makes_them_one() {
    let mut run = window(r#"Session(gap: "10ms")"#, r#"watermark: (behind: "50ms", idle: None)"#);
    feed(&mut run, &[fed(0, 1), fed(16, 1), fed(8, 1), fed(8, 2), fed(100, 1)]);
    assert_eq!(short(&run), ["k2 8..18 x1", "k1 0..26 x3"]);
}

#[test]
fn s33_sessions_that_came_out_may_still_become_one_within_lateness() {
    let mut run = window(r#"Session(gap: "10ms")"#, &format!(r#"lateness: "100ms", {WAITS}"#));
    feed(&mut run, &[fed(0, 1), fed(16, 1), fed(50, 1), fed(8, 1)]);
    assert_eq!(short(&run), ["k1 0..10 x1", "k1 16..26 x1", "k1 0..26 x3 +1"]);
}

// ---- S34: watermarks and late events ------------------------------------------------------------------------------

#[test]
fn s34_late_is_taken_within_lateness_and_goes_aside_after() {
    let more = format!(r#"lateness: "20ms", late: "too.late", {WAITS}"#);
    let mut run = window(r#"Tumbling(size: "10ms")"#, &more);
    feed(&mut run, &[fed(1, 1), fed(10, 1), fed(2, 1), fed(29, 1), fed(3, 1), fed(30, 1), fed(4, 1)]);
    // At 30 the watermark is where the first window's lateness ends: what comes then is too late for it.
    assert_eq!(short(&run), ["k1 0..10 x1", "k1 0..10 x2 +1", "k1 10..20 x1", "k1 0..10 x3 +2", "k1 20..30 x1"]);
    assert_eq!(arrivals(&run), (4, 2, 1));
    assert_eq!(data(&run, "too.late"), [json!({ "at": 4, "n": 1 })], "as it was");
    let late = run.records().find(|record| matches!(record.what, What::Late { .. })).map(|record| run.line(record));
    assert_eq!(late.as_deref(), Some("0s s late p#6 of 00:00:00.004 at 00:00:00.030"));
    assert_eq!(run.fold.totals().open(), 0, "all of them are acknowledged");
}

#[test]
fn s34_a_hopping_window_that_is_gone_does_not_make_the_others_late() {
    let mut run = window(r#"Hopping(size: "10ms", slide: "5ms")"#, WAITS);
    feed(&mut run, &[fed(10, 1), fed(7, 1), fed(4, 1), fed(20, 1)]);
    // At watermark 10 the windows up to 0..10 are gone; 5..15 is not.
    assert_eq!(short(&run), ["k1 5..15 x2", "k1 10..20 x1"]);
    assert_eq!(arrivals(&run), (3, 0, 1));
}

#[test]
fn s34_the_watermark_is_that_of_the_input_furthest_back() {
    let mut run = stream(&format!(r#"operator: Window(shape: Tumbling(size: "10ms")), emits: "c", {WAITS}"#));
    feed(&mut run, &[fed(100, 1)]);
    assert_eq!(run.story("watermark"), "", "the other input has brought nothing yet");
    feed(&mut run, &[Fed { at: 5, key: 1, right: true }, Fed { at: 12, key: 1, right: true }]);
    assert_eq!(short(&run), ["k1 0..10 x1"]);
    let marks = "0s s watermark 00:00:00.005\n0s s watermark 00:00:00.012";
    assert_eq!(run.story("watermark"), marks);
}

#[test]
fn s34_partitions_are_inputs_of_their_own() {
    let rows = r#"p = Producer(emits: "a", rate: ByHand)
        in = Bus(topics: {"a": (partitions: 2)})
        s = Stream(on: "a", operator: Window(shape: Tumbling(size: "10ms"), by: All), time: Millis("event.data.at"),
            takes: Fixed("0s"), watermark: (behind: "0s", idle: None))
        p -> in
        in -> s"#;
    let mut run = Run::new(rows);
    // These two keys lie in different partitions.
    let partition = |key: &str| eventloom::kernel::partition_of(key.as_bytes(), 2);
    let other = (1..20).map(|n| format!("k{n}")).find(|key| partition(key) != partition("k0")).expect("one of them");
    let fire = |run: &mut Run, key: &str, at: i64| {
        run.fire_with("p", 1, Some(key), Some(json!({ "at": at })));
        run.until("0s");
    };
    fire(&mut run, "k0", 50);
    fire(&mut run, &other, 1);
    assert_eq!(short(&run), [""; 0]);
    fire(&mut run, &other, 15);
    assert_eq!(short(&run), [" 0..10 x1"]);
}

#[test]
fn s34_an_idle_input_holds_nobody_up_beyond_its_timeout() {
    let settings =
        r#"operator: Window(shape: Tumbling(size: "10ms")), emits: "c", watermark: (behind: "0s", idle: "5s")"#;
    let mut run = stream(settings);
    feed(&mut run, &[fed(1, 1), fed(25, 1)]);
    run.until("4.999s");
    assert_eq!(short(&run), [""; 0], "the other input may still bring something");
    feed(&mut run, &[fed(26, 1)]);
    run.until("5s");
    assert_eq!(short(&run), ["k1 0..10 x1"], "it is idle, and the one that is not has come to 26");
    let closed = run.records().find(|record| matches!(record.what, What::WindowClosed { .. })).expect("one").at;
    assert_eq!(closed.since(eventloom::model::SimTime::ZERO), SimDuration::from_secs(5));
    // It comes back behind the watermark: what it brings is late, and the watermark stays.
    feed(&mut run, &[Fed { at: 3, key: 1, right: true }]);
    assert_eq!(late(&run), 1);
}

#[test]
fn s34_when_all_are_idle_event_time_goes_on_as_the_clock_does() {
    let mut run = window(r#"Tumbling(size: "60s")"#, r#"watermark: (behind: "2s", idle: "5s")"#);
    feed(&mut run, &[fed(1_000, 1)]);
    run.until("1h");
    // One minute after 1 s of event time the window ends, and two seconds later all is believed to have come.
    run.tells("window-closed", "1m1s s window-closed s#0 00:00:00.000 to 00:01:00.000 count 1 revision 0");
    let mut run = window(r#"Tumbling(size: "60s")"#, r#"watermark: (behind: "2s", idle: None)"#);
    feed(&mut run, &[fed(1_000, 1)]);
    run.until("1h");
    assert_eq!(short(&run), [""; 0], "without a timeout it is waited for");
}

#[test]
fn s34_what_a_filter_leaves_out_still_tells_the_time() {
    let settings =
        format!(r#"on: "a", when: "event.data.n > 1", operator: Window(shape: Tumbling(size: "10ms")), {WAITS}"#);
    let mut run = stream(&settings);
    feed(&mut run, &[fed(1, 2), fed(2, 1), fed(20, 1)]);
    assert_eq!(short(&run), ["k2 0..10 x1"]);
}

#[test]
fn s34_standing_still_is_no_silence() {
    let settings =
        r#"operator: Window(shape: Tumbling(size: "10ms")), emits: "c", watermark: (behind: "0s", idle: "5s")"#;
    let mut run = stream(settings);
    feed(&mut run, &[fed(1, 1), Fed { at: 1, key: 1, right: true }]);
    let on = FaultTarget::Node(node_id("s"));
    run.break_it(&on, FaultKind::Pause, Some(SimDuration::from_secs(60)));
    run.until("30s");
    // Both come while it stands still; when it goes on, the first of them must not make the other late.
    run.fire_with("p", 1, Some("k1"), Some(json!({ "at": 50 })));
    run.fire_with("q", 1, Some("k1"), Some(json!({ "at": 2 })));
    run.until("61s");
    assert_eq!((late(&run), short(&run)), (0, Vec::<String>::new()));
}

// ---- S35: joins ---------------------------------------------------------------------------------------------------

const JOIN: &str = r#"on: "a", operator: Join(with: "b", within: "10ms"), emits: "pair""#;

fn right(at: i64, key: u8) -> Fed {
    Fed { at, key, right: true }
}

#[test]
fn s35_pairs_are_at_most_so_far_apart_either_way() {
    let mut run = stream(&format!(r#"{JOIN}, watermark: (behind: "1s", idle: None)"#));
    feed(&mut run, &[fed(100, 1), right(90, 1), right(89, 1), right(110, 1), right(111, 1), right(100, 2), fed(-5, 2)]);
    let pairs: Vec<String> = run.story("joined").lines().map(|line| line.replace("0s s joined ", "")).collect();
    assert_eq!(pairs, ["s#0 of p#0 and q#0", "s#1 of p#0 and q#2"]);
    let first = json!({ "left": { "at": 100, "n": 1 }, "right": { "at": 90, "n": 1 } });
    assert_eq!(data(&run, "pair")[0], first);
}

#[test]
fn s35_a_pair_comes_once_although_a_record_comes_twice() {
    let mut run = stream(&format!(r#"{JOIN}, watermark: (behind: "1s", idle: None)"#));
    let twice = FaultTarget::Link("p->in".parse().expect("a link"));
    run.break_it(&twice, FaultKind::Duplicate { chance: eventloom::model::Chance::ALWAYS }, None);
    feed(&mut run, &[fed(100, 1), right(100, 1), fed(101, 1)]);
    assert_eq!(run.count(|what| matches!(what, What::Joined { .. })), 2);
    assert_eq!(run.count(|what| matches!(what, What::HeldAlready { .. })), 2);
}

#[test]
fn s35_state_is_bounded_by_what_can_still_find_a_partner() {
    let mut run = stream(&format!(r#"{JOIN}, lateness: "5ms", watermark: (behind: "20ms", idle: None)"#));
    let mut most = 0;
    for step in 0..500 {
        feed(&mut run, &[fed(step, 1), right(step, 1)]);
        most = most.max(run.kernel.node_now(run.node("s")).stream.expect("a stream processor").waiting);
    }
    // Within 10 ms, 5 ms of lateness and 20 ms of disorder: 36 moments of two events, and one that is just coming.
    assert!((60..=74).contains(&most), "{most}");
}

// ---- each by itself -----------------------------------------------------------------------------------------------

#[test]
fn a_filter_lets_through_what_is_true_with_all_that_it_has() {
    let mut run = stream(r#"on: "a", operator: Filter("event.data.at > 5"), emits: "passed""#);
    feed(&mut run, &[fed(1, 1), fed(6, 2), fed(9, 3)]);
    assert_eq!(data(&run, "passed"), [json!({ "at": 6, "n": 2 }), json!({ "at": 9, "n": 3 })]);
    run.tells("emitted", "0s p emitted p#0 key k1\n0s p emitted p#1 key k2\n0s s emitted s#0 key k2 from p#1 hop 1\n0s p emitted p#2 key k3\n0s s emitted s#1 key k3 from p#2 hop 1");
}

#[test]
fn a_transform_builds_data_and_a_key_after_its_filter() {
    let settings = r##"on: "a", when: "event.data.n != 2", emits: "made",
        operator: Map(data: "#{ at: event.data.at * 10, tags: [event.key, event.type] }", key: Of("event.data.n % 2"))"##;
    let mut run = stream(settings);
    feed(&mut run, &[fed(1, 1), fed(2, 2), fed(3, 4)]);
    assert_eq!(
        data(&run, "made"),
        [json!({ "at": 10, "tags": ["k1", "a"] }), json!({ "at": 30, "tags": ["k4", "a"] })]
    );
    let keys: Vec<&str> =
        run.kept.keys.iter().filter(|(event, _)| event.origin() == run.node("s")).map(|(_, key)| &**key).collect();
    assert_eq!(keys, ["1", "0"]);
}

#[test]
fn aggregates_are_worked_out_of_what_is_there() {
    let aggregates = r#"{"count": Count, "sum": Sum("event.data.v"), "min": Min("event.data.v"), "max": Max("event.data.v"),
        "mean": Mean("event.data.v"), "kinds": Distinct("event.data.kind"), "last": Last("event.data.kind")}"#;
    let settings =
        format!(r#"on: "a", operator: Window(shape: Tumbling(size: "10ms"), aggregates: {aggregates}), {WAITS}"#);
    let mut run = stream(&settings);
    for (at, v, kind) in [(1, json!(0.1), "x"), (5, json!(0.2), "z"), (3, json!(0.3), "y"), (4, json!(null), "x")] {
        run.fire_with("p", 1, Some("k"), Some(json!({ "at": at, "v": v, "kind": kind })));
        run.until("0s");
    }
    feed(&mut run, &[fed(50, 1)]);
    // Exact and rounded once: not 0.6000000000000001.
    let expected = json!({ "key": "k", "start": 0, "end": 10, "count": 4, "sum": 0.6, "min": 0.1, "max": 0.3,
        "mean": 0.6 / 3.0, "kinds": 3, "last": "z" });
    assert_eq!(data(&run, "window.closed"), [expected]);
}

#[test]
fn a_result_may_be_built_of_what_its_window_says() {
    let window = r##"Window(shape: Tumbling(size: "10ms"), data: "#{ who: event.data.key, per_second: event.data.count * 100 }")"##;
    let mut run = stream(&format!(r#"on: "a", operator: {window}, emits: "rate", {WAITS}"#));
    feed(&mut run, &[fed(1, 1), fed(2, 1), fed(50, 1)]);
    assert_eq!(data(&run, "rate"), [json!({ "who": "k1", "per_second": 200 })]);
}

#[test]
fn s39_what_has_no_event_time_is_given_up_and_the_rest_goes_on() {
    let mut run = window(r#"Tumbling(size: "10ms")"#, WAITS);
    feed(&mut run, &[fed(1, 1)]);
    run.fire_with("p", 1, Some("k1"), Some(json!({ "at": "never" })));
    run.fire_with("p", 1, Some("k1"), Some(json!({ "at": "1970-01-01T00:00:00.004Z" })));
    feed(&mut run, &[fed(20, 1)]);
    run.until("10m");
    assert_eq!(short(&run), ["k1 0..10 x2"], "a time may be written out");
    let totals = run.fold.totals();
    assert_eq!((totals.dropped, totals.open()), (1, 0));
    assert_eq!(run.count(|what| matches!(what, What::Broken { .. })), 1);
}

// ---- crashes and edits --------------------------------------------------------------------------------------------

fn crashed(state: &str) -> Run {
    let mut run = window(r#"Tumbling(size: "10ms")"#, &format!("state: {state}, {WAITS}"));
    feed(&mut run, &[fed(1, 1), fed(2, 1)]);
    let on = FaultTarget::Node(node_id("s"));
    run.break_it(&on, FaultKind::Crash, Some(SimDuration::from_secs(1)));
    run.until("2s");
    feed(&mut run, &[fed(3, 1), fed(20, 1)]);
    run
}

#[test]
fn s36_a_crash_loses_exactly_the_state_that_is_volatile() {
    let kept = crashed("Checkpointed");
    assert_eq!((short(&kept), kept.story("state-lost")), (vec!["k1 0..10 x3".to_owned()], String::new()));
    let lost = crashed("Volatile");
    assert_eq!(short(&lost), ["k1 0..10 x1"], "what was acknowledged before is gone");
    lost.tells("state-lost", "0s s state-lost windows 1 waiting 0");
}

#[test]
fn s36_what_comes_again_after_a_crash_is_counted_once_only_if_the_state_was_kept() {
    let count = |state: &str| {
        let rows = format!(
            r#"p = Producer(emits: "a", rate: ByHand)
               in = Bus
               s = Stream(on: "a", operator: Window(shape: Tumbling(size: "1h")), state: {state}, takes: Fixed("0s"),
                   time: Millis("event.data.at"), watermark: (behind: "0s", idle: "1s"))
               p -> in
               in -> s 10ms"#
        );
        let mut run = Run::new(&rows);
        run.fire_with("p", 1, Some("k"), Some(json!({ "at": 1 })));
        // It is taken in at 10 ms; its answer is on the way when the node goes.
        run.until("15ms");
        run.break_it(&FaultTarget::Node(node_id("s")), FaultKind::Crash, Some(SimDuration::from_millis(100)));
        run.until("3h");
        assert_eq!(run.fold.totals().acked, 1);
        (short(&run), run.count(|what| matches!(what, What::HeldAlready { .. })))
    };
    assert_eq!(count("Checkpointed"), (vec!["k 0..3600000 x1".to_owned()], 1));
    assert_eq!(count("Volatile"), (vec!["k 0..3600000 x1".to_owned()], 0), "the first time is forgotten");
}

#[test]
fn an_edit_keeps_state_that_still_means_the_same() {
    let change = |run: &mut Run, change: fn(&mut Stream)| {
        run.edit(|flow| {
            let mut node = flow.node(&node_id("s")).expect("it is drawn").clone();
            let NodeKind::Stream(stream) = &mut node.kind else { panic!("a stream processor") };
            change(stream);
            flow.set_node(&node_id("s"), node).expect("settings that fit");
        });
        let now = run.kernel.now();
        run.until_at(now);
    };
    let mut run = window(r#"Tumbling(size: "10ms")"#, WAITS);
    feed(&mut run, &[fed(1, 1), fed(2, 1)]);
    change(&mut run, |stream| stream.watermark = Watermark { behind: SimDuration::from_millis(5), idle: None });
    feed(&mut run, &[fed(14, 1)]);
    assert_eq!(short(&run), [""; 0]);
    feed(&mut run, &[fed(15, 1)]);
    assert_eq!(short(&run), ["k1 0..10 x2"]);
    change(&mut run, |stream| {
        let NodeKind::Stream(other) = kind(r#"Stream(operator: Window(shape: Tumbling(size: "20ms")))"#) else {
            panic!("a stream processor")
        };
        stream.operator = other.operator;
    });
    run.tells("state-lost", "0s s state-lost windows 1 waiting 0");
    feed(&mut run, &[fed(16, 1), fed(50, 1)]);
    assert_eq!(short(&run), ["k1 0..10 x2", "k1 0..20 x1"]);
    run.remove_node("s");
    run.until("1s");
    assert_eq!(run.story("state-lost").lines().count(), 2);
}

#[test]
fn a_keyframe_goes_on_as_the_original_and_looking_changes_nothing() {
    let rows = r#"p = Producer(emits: "a", rate: Poisson("50/s"), key: Uniform(3), stops_after: 300)
        q = Producer(emits: "b", rate: Poisson("20/s"), key: Uniform(3), stops_after: 100)
        in = Bus(topics: {"a": (partitions: 3)})
        s = Stream(on: "a", operator: Window(shape: Session(gap: "50ms")), emits: "c", watermark: (behind: "10ms", idle: "1s"))
        j = Stream(on: "a", operator: Join(with: "b", within: "20ms"), emits: "d", late: "e", watermark: (behind: "1ms"))
        out = Bus
        sink = Consumer(takes: Fixed("0s"))
        p -> in 1ms
        q -> in 3ms
        in -> s 1ms
        in -> j 1ms
        s -> out
        j -> out
        out -> sink"#;
    let mut run = Run::of(flow(rows), 5);
    run.until("2s");
    let mut twin = run.clone();
    twin.kernel.keep_all_data();
    run.until("1m");
    twin.until("1m");
    assert_eq!(run.hash.value(), twin.hash.value());
    assert!(run.count(|what| matches!(what, What::WindowClosed { .. })) > 50);
    assert!(run.count(|what| matches!(what, What::Joined { .. })) > 20);
}

// ---- oracles ------------------------------------------------------------------------------------------------------

/// Events in the order of their times, some of them below zero.
fn history() -> impl Strategy<Value = Vec<Fed>> {
    let event = (-200_i64..200, 0_u8..3, any::<bool>()).prop_map(|(at, key, right)| Fed { at, key, right });
    prop::collection::vec(event, 1..40).prop_map(|mut events| {
        events.sort();
        events
    })
}

/// The same events as they may come: each so much later than it happened, at most.
fn shuffled(events: &[Fed], delays: &[i64]) -> Vec<Fed> {
    let mut order: Vec<(i64, usize)> =
        events.iter().enumerate().map(|(ix, event)| (event.at + delays[ix % delays.len()], ix)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, ix)| events[ix].clone()).collect()
}

fn lefts(events: &[Fed]) -> Vec<Fed> {
    events.iter().map(|event| Fed { right: false, ..event.clone() }).collect()
}

type Counts = BTreeMap<(String, i64, i64), u64>;

/// The last that was said of each window.
fn last_word(run: &Run) -> Counts {
    results(run).into_iter().map(|out| ((out.key, out.start, out.end), out.count)).collect()
}

/// The last that was said of each session: a later one takes the place of those within it.
fn last_sessions(run: &Run) -> Counts {
    let mut sessions = Counts::new();
    for out in results(run) {
        sessions.retain(|(key, start, end), _| *key != out.key || *start < out.start || *end > out.end);
        sessions.insert((out.key, out.start, out.end), out.count);
    }
    sessions
}

/// Every window that an event is in, by trying all of them.
fn brute_windows(events: &[Fed], size: i64, slide: i64) -> Counts {
    let mut counts = Counts::new();
    for event in events {
        for start in (-100..100).map(|step| step * slide) {
            if (start..start + size).contains(&event.at) {
                *counts.entry((format!("k{}", event.key), start, start + size)).or_default() += 1;
            }
        }
    }
    counts
}

/// Sessions by sorting and scanning.
fn scanned_sessions(events: &[Fed], gap: i64) -> Counts {
    let mut counts = Counts::new();
    for key in 0..3 {
        let mut times: Vec<i64> = events.iter().filter(|event| event.key == key).map(|event| event.at).collect();
        times.sort_unstable();
        let mut open: Option<(i64, i64, u64)> = None;
        for at in times.into_iter().map(Some).chain([None]) {
            open = match (open, at) {
                (Some((start, last, count)), Some(at)) if at - last < gap => Some((start, at, count + 1)),
                (before, at) => {
                    if let Some((start, last, count)) = before {
                        counts.insert((format!("k{key}"), start, last + gap), count);
                    }
                    at.map(|at| (at, at, 1))
                }
            };
        }
    }
    counts
}

/// Closes everything: a last event far ahead, of a key that the oracles do not know.
fn close_all(run: &mut Run) {
    feed(run, &[fed(1_000_000, 9)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn s32_what_windows_count_is_what_brute_force_counts(
        events in history(), delays in prop::collection::vec(0_i64..=30, 1..9), hops in 1_i64..=4,
    ) {
        let (slide, events) = (10, lefts(&events));
        let size = slide * hops;
        let shape = format!(r#"Hopping(size: "{size}ms", slide: "{slide}ms")"#);
        let mut run = window(&shape, r#"watermark: (behind: "30ms", idle: None)"#);
        feed(&mut run, &shuffled(&events, &delays));
        close_all(&mut run);
        prop_assert_eq!(last_word(&run), brute_windows(&events, size, slide));
        // Each event in exactly size / slide windows, each window out once.
        let taken: u64 = results(&run).iter().map(|out| out.count).sum();
        prop_assert_eq!(taken, events.len() as u64 * hops as u64);
        prop_assert!(results(&run).iter().all(|out| out.revision == 0));
        prop_assert_eq!(late(&run), 0);
    }

    #[test]
    fn s32_s34_every_event_is_counted_in_its_tumbling_window_or_is_late(
        events in history(), delays in prop::collection::vec(0_i64..=120, 1..9), behind in 0_i64..=20, lateness in 0_i64..=40,
    ) {
        let events = lefts(&events);
        let more = format!(r#"lateness: "{lateness}ms", late: "late", watermark: (behind: "{behind}ms", idle: None)"#);
        let mut run = window(r#"Tumbling(size: "10ms")"#, &more);
        feed(&mut run, &shuffled(&events, &delays));
        close_all(&mut run);
        let counted: u64 = last_word(&run).values().sum();
        let (on_time, late_taken, too_late) = arrivals(&run);
        prop_assert_eq!(counted as usize + too_late, events.len());
        prop_assert_eq!(on_time + late_taken + too_late, events.len() + 1);
        prop_assert_eq!(data(&run, "late").len(), too_late);
    }

    #[test]
    fn s33_sessions_are_those_of_sorting_and_scanning(
        events in history(), delays in prop::collection::vec(0_i64..=60, 1..9), gap in 1_i64..=40,
    ) {
        let events = lefts(&events);
        let shape = format!(r#"Session(gap: "{gap}ms")"#);
        let mut run = window(&shape, r#"watermark: (behind: "60ms", idle: None)"#);
        feed(&mut run, &shuffled(&events, &delays));
        close_all(&mut run);
        prop_assert_eq!(last_word(&run), scanned_sessions(&events, gap));
        // The same by lateness, when the watermark believes nobody to be late: the last word is the same.
        let mut late = window(&shape, r#"lateness: "60ms", watermark: (behind: "0s", idle: None)"#);
        feed(&mut late, &shuffled(&events, &delays));
        close_all(&mut late);
        prop_assert_eq!(last_sessions(&late), scanned_sessions(&events, gap));
    }

    #[test]
    fn s34_results_do_not_depend_on_the_order_within_the_bound(
        events in history(), one in prop::collection::vec(0_i64..=50, 1..9), other in prop::collection::vec(0_i64..=50, 1..9),
        shape in prop::sample::select(vec![r#"Tumbling(size: "20ms")"#, r#"Hopping(size: "30ms", slide: "10ms")"#, r#"Session(gap: "15ms")"#]),
    ) {
        let events = lefts(&events);
        let play = |delays: &[i64]| {
            let aggregates = r#"{"sum": Sum("event.data.at / 7.0"), "last": Last("event.data.at"), "kinds": Distinct("event.data.at")}"#;
            let settings = format!(r#"on: "a", operator: Window(shape: {shape}, aggregates: {aggregates}), watermark: (behind: "50ms", idle: None)"#);
            let mut run = stream(&settings);
            feed(&mut run, &shuffled(&events, delays));
            close_all(&mut run);
            (results(&run), data(&run, "window.closed"))
        };
        prop_assert_eq!(play(&one), play(&other));
    }

    #[test]
    fn s35_pairs_are_those_of_brute_force(
        events in history(), delays in prop::collection::vec(0_i64..=40, 1..9), within in 0_i64..=30,
    ) {
        let settings = format!(
            r#"on: "a", operator: Join(with: "b", within: "{within}ms"), emits: "pair", late: "late", watermark: (behind: "40ms", idle: None)"#
        );
        let mut run = stream(&settings);
        let mut numbers = BTreeMap::new();
        let come = shuffled(&events, &delays);
        for event in &come {
            numbers.entry(event.right).or_insert_with(Vec::new).push(event.clone());
        }
        feed(&mut run, &come);
        let none = Vec::new();
        let (left, right) = (numbers.get(&false).unwrap_or(&none), numbers.get(&true).unwrap_or(&none));
        let mut expected = BTreeSet::new();
        for (l, a) in left.iter().enumerate() {
            for (r, b) in right.iter().enumerate() {
                if a.key == b.key && (a.at - b.at).abs() <= within {
                    expected.insert((l as u64, r as u64));
                }
            }
        }
        let pairs: Vec<(u64, u64)> = run.records().filter_map(|record| match record.what {
            What::Joined { left, right, .. } => Some((left.number(), right.number())),
            _ => None,
        }).collect();
        prop_assert_eq!(late(&run), 0);
        prop_assert_eq!(pairs.len(), expected.len(), "each once");
        prop_assert_eq!(pairs.into_iter().collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn s34_s35_the_ledger_balances_and_time_closes_everything_whatever_breaks(
        seed in any::<u64>(), volatile in any::<bool>(), crash in 0_u64..2_000, drops in 0_u32..3, partitions in 1_u32..4,
    ) {
        let state = if volatile { "Volatile" } else { "Checkpointed" };
        let chance = f64::from(drops) / 10.0;
        let rows = format!(
            r#"p = Producer(emits: "a", rate: Poisson("40/s"), key: Uniform(3), stops_after: 60)
               q = Producer(emits: "b", rate: Poisson("30/s"), key: Uniform(3), stops_after: 40)
               in = Bus(topics: {{"a": (partitions: {partitions})}})
               s = Stream(on: "a", operator: Window(shape: Hopping(size: "200ms", slide: "100ms")), emits: "c", late: "late",
                   lateness: "50ms", fails: 0.1, state: {state}, watermark: (behind: "30ms", idle: "1s"))
               j = Stream(on: "a", operator: Join(with: "b", within: "50ms"), emits: "d", state: {state}, watermark: (behind: "30ms", idle: "1s"))
               out = Bus
               sink = Consumer(takes: Fixed("0s"))
               p -> in 1ms
               q -> in 2ms
               in -> s 1ms (ack_wait: "300ms")
               in -> j 5ms (ack_wait: "300ms")
               s -> out 1ms
               j -> out 1ms
               out -> sink
               fault a (at: "{crash}ms", for: "200ms", on: Node("s"), kind: Crash)
               fault b (at: "{crash}ms", for: "300ms", on: Node("j"), kind: Pause)
               fault c (at: "0s", for: "1s", on: Links(["in->s", "in->j", "p->in"]), kind: Drop(chance: {chance}))
               fault d (at: "0s", for: "3s", on: Links(["p->in", "in->j"]), kind: Reorder(within: "40ms", chance: 0.3))"#
        );
        let mut run = Run::of(flow(&rows), seed);
        run.until("10m");
        let totals = run.fold.totals();
        prop_assert_eq!(totals.open(), 0);
        let now = run.kernel.node_now(run.node("s")).stream.expect("a stream processor");
        prop_assert_eq!(now.open, 0, "what is open closes in time");
        // What was acknowledged went in, and what is kept goes in once.
        let (s, p, sub) = (run.node("s"), run.node("p"), run.sub("in->s"));
        let mut entered: BTreeMap<u64, u32> = BTreeMap::new();
        let mut acked = BTreeSet::new();
        for record in run.records() {
            match record.what {
                What::Gathered { node, event, .. } | What::Late { node, event, .. } if node == s => {
                    *entered.entry(event.number()).or_default() += 1;
                }
                What::Acked { sub: of, event, .. } if of == sub && event.origin() == p => {
                    acked.insert(event.number());
                }
                _ => {}
            }
        }
        prop_assert!(acked.len() > 10 && acked.iter().all(|event| entered.contains_key(event)));
        prop_assert!(volatile || entered.values().all(|times| *times == 1), "{entered:?}");
    }
}
