//! Flow files: reading and writing are inverse, texts read like drawings, and no text does harm.

use std::time::{Duration, Instant};

use eventloom::edit::{Document, Edit};
use eventloom::file::{FaultKind, read, read_fragment, write, write_fragment};
use eventloom::model::{Flow, NodeId, Point};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::support::flows::sound_flow;

/// The flavour that the format promises, to the letter.
const BEAUTIFUL: &str = r##"Flow(
    format: 1,
    name: "Order fulfilment",
    note: "Checkout places orders; billing reacts; nobody knows anybody.",
    seed: 42,
    events: {
        "order.placed": (color: 0, size: "512 B", example: r#"{ "order": 1001, "amount": 129.90 }"#),
    },
    nodes: {
        "billing": (
            at: (620, 240),
            kind: Service(
                concurrency: 4,
                handlers: [
                    (
                        on: "order.placed",
                        takes: LogNormal(median: "20ms", p99: "180ms"),
                        emits: [(event: "payment.taken", chance: 0.97), (event: "payment.refused", chance: 0.03)],
                        pick: One,
                    ),
                ],
            ),
        ),
        "bus": (
            at: (380, 240),
            kind: Bus(topics: {"orders": (partitions: 6, keep: "7d")}),
        ),
        "checkout": (
            at: (120, 240),
            kind: Producer(emits: "order.placed", rate: Poisson("50/s")),
        ),
        "graveyard": (
            at: (860, 360),
            kind: DeadLetterQueue(),
        ),
    },
    links: {
        "bus->billing": (
            from: "bus",
            to: "billing",
            kind: Subscribe(topics: ["orders"], group: "billing", dead_letters: "graveyard"),
        ),
        "checkout->bus": (
            from: "checkout",
            to: "bus",
            kind: Publish(topic: "orders"),
        ),
    },
    faults: {
        "billing dies": (at: "30s", for: "10s", on: Node("billing"), kind: Crash),
        "the way back is bad": (on: Link("billing->bus"), kind: Drop(chance: 0.2)),
    },
)
"##;

#[test]
fn a_written_flow_reads_like_the_drawing() {
    let flow = read(BEAUTIFUL).expect("it reads");
    assert_eq!(write(&flow), BEAUTIFUL);
}

#[test]
fn moving_a_node_changes_one_line() {
    let mut document = Document::new(read(BEAUTIFUL).expect("it reads"));
    let billing = NodeId::new("billing").expect("an id");
    document.apply(&Edit::Move(vec![(billing, Point(640, 300))])).expect("it moves");
    let moved = write(document.flow());
    let changed: Vec<(&str, &str)> = BEAUTIFUL.lines().zip(moved.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(changed, [("            at: (620, 240),", "            at: (640, 300),")]);
}

// ---- what is wrong is said, with its place and what would help ----------------------------------------------------

/// Checks what is said about a text.
#[track_caller]
fn check(text: &str, expected: &str) {
    match read(text) {
        Ok(_) => panic!("it reads:\n{text}"),
        Err(error) => assert_eq!(error.to_string(), expected, "\n{text}"),
    }
}

/// Checks what is said about one more entry, in line 6, behind a bus `a` and a consumer `b`.
#[track_caller]
fn check_node(entry: &str, expected: &str) {
    check(&format!("{NODES}    {entry},\n  }},\n)"), expected);
}

const NODES: &str = r#"Flow(
  format: 1,
  nodes: {
    "a": (at: (1, 2), kind: Bus()),
    "b": (at: (1, 2), kind: Consumer()),
"#;

#[test]
fn a_text_says_first_of_all_which_format_it_has() {
    check("", "1:1: this is no flow. A file of Eventloom begins with “Flow(format: 1,”");
    check(r#"{"nodes": []}"#, "1:1: this is no flow. A file of Eventloom begins with “Flow(format: 1,”");
    check(
        "Flow(name: \"x\")",
        "1:1: the text does not say which format it has. Write “format: 1,” as the first line in “Flow(”",
    );
    // Whatever else a newer format may bring.
    check(
        "Flow(\n  format: 2, zork: @@@ ((",
        "2:11: made by a newer version (format 2; this one reads up to 1) (in format). Open it with a newer version of \
         Eventloom",
    );
    check("Flow(format: 0)", "1:14: there is no such format (in format). Write “format: 1”");
    check("Flow(format: 1, format: 1)", "1:17: “format” is set twice. Remove one of them");
    check("Flwo(format: 1)", "1:1: “Flow(” was expected here, not “Flwo”");
}

#[test]
fn faults_of_the_text_have_a_place() {
    check("Flow(\n  format: 1\n  name: \"x\",\n)", "3:3: a comma is missing before this. Add a comma");
    check(
        "Flow(format: 1)\nFlow()",
        "2:1: something stands behind the end. Remove what stands behind the last bracket",
    );
    check(
        "Flow(format: 1, name: \"x",
        "1:23: a text is opened here and never closed (in name). Close it with the same quotes",
    );
    check(
        "Flow(format: 1, name: r#\"x\")",
        "1:23: a text is opened here and never closed (in name). Close it with the same quotes",
    );
    check("Flow(format: 1, /* x", "1:17: a comment is opened here and never closed");
    check("Flow(format: 1, nodes: [)", "1:25: “)” closes what “[” has opened (in nodes)");
    check("Flow(format: 1, nodes: {", "1:25: the text ends before “{” is closed (in nodes)");
    check(
        "Flow(format: 1,\n  na\0me: 1)",
        "2:5: the text holds a NUL character. The file may have been damaged; look for an earlier version",
    );
    check(
        "#![enable(unwrap_newtypes)]\nFlow(format: 1)",
        "1:1: extensions of RON cannot be chosen here. Remove this line; those that a flow needs are always on",
    );
    assert!(read("\u{feff}Flow(format: 1)").is_ok(), "what a Windows editor puts first does no harm");
    assert!(read("// A comment\nFlow(format: 1, /* (((( /* */ \" */ )").is_ok());
}

#[test]
fn faults_of_settings_have_a_place_and_a_mend() {
    check("Flow(format: 1,\n  nmae: \"x\",\n)", "2:3: there is no setting “nmae” here (in nmae). Did you mean “name”?");
    check_node(
        r#""c": (at: (3, 4), kind: Consumr())"#,
        "6:29: “Consumr” is nothing that can stand here (in nodes.c.kind). Did you mean “Consumer”?",
    );
    check_node(
        r#""c": (at: (3, 4), kind: Consumer(takes: Fixed("20 parsecs")))"#,
        "6:52: “20 parsecs” is not a duration: write a number with a unit, as in 250ms, 1.5s or 1h30m (in \
         nodes.c.kind.takes)",
    );
    check_node(
        r#""c": (at: (3, 4), kind: Consumer(takes: LogNormal(median: "1s", p98: "2s")))"#,
        "6:69: there is no setting “p98” here (in nodes.c.kind.takes.p98). Did you mean “p99”?",
    );
    check_node(
        r#""c": (at: (3, 4), kind: Consumer(fails: 1.5))"#,
        "6:45: a chance is a number from 0 to 1, as in 0.05 (in nodes.c.kind.fails)",
    );
    check_node(r#""c": (at: (3, 4))"#, "6:21: “kind” is missing (in nodes.c). Write “kind: …”");
    check_node(
        r#""c": (at: (3), kind: Bus())"#,
        "6:17: a place is two numbers (in nodes.c.at). Write it as in (620, 240)",
    );
    check_node(r#""c d": (at: (3, 4), kind: Bus())"#, "6:6: a name must not contain ' ' (in nodes.\"c d\")");
    check_node(
        r#""c": (at: (3, 4), kind: Service(handlers: [(on: "x"), (on: "a..b")]))"#,
        "6:65: an empty part between dots, at character 3 (in nodes.c.kind.handlers[1].on)",
    );
}

#[test]
fn numbers_are_finite_and_fit() {
    for (number, said) in [
        ("NaN", "6:45: “NaN” is no number"),
        ("-inf", "6:45: “-inf” is no number"),
        ("1e999", "6:45: “1e999” is too large"),
    ] {
        check_node(
            &format!(r#""c": (at: (3, 4), kind: Consumer(fails: {number}))"#),
            &format!("{said} (in nodes.c.kind.fails). Write a plain number, as in 0.05 or 12"),
        );
    }
    check("Flow(format: 1, seed: 99999999999999999999999)", "1:23: the number is too large or too small (in seed)");
    check_node(
        r#""c": (at: (3, 4), kind: Consumer(concurrency: 4000000))"#,
        "6:5: “c”: the limit of 100000 events handled at once is exceeded (in nodes.c)",
    );
}

#[test]
fn no_key_stands_twice() {
    check_node(
        r#""b": (at: (3, 4), kind: Bus())"#,
        "6:5: “b” stands here for the second time (in nodes.b). It stands in line 5 already; give one of them another id",
    );
    // The same name, written in another way.
    check_node(
        r#""\u{62}": (at: (3, 4), kind: Bus())"#,
        "6:5: “b” stands here for the second time (in nodes.b). It stands in line 5 already; give one of them another id",
    );
    check_node(
        r#""c": (at: (3, 4), kind: Bus(topics: {"t": (), "t": ()}))"#,
        "6:51: “t” stands here for the second time (in nodes.c.kind.topics.t). Give one of them another name, or remove \
         it",
    );
}

#[test]
fn everything_that_does_not_fit_together_is_said_at_once() {
    check(
        &format!(
            r#"{NODES}  }},
  links: {{
    "v": (from: "a", to: "bb", kind: Subscribe()),
    "w": (from: "b", to: "a", kind: Publish()),
    "x": (from: "a", to: "b", kind: Publish()),
    "y": (from: "a", to: "b", kind: Subscribe(dead_letters: "b")),
  }},
)"#
        ),
        "8:5: link “v” names the node “bb”, which does not exist (in links.v). Did you mean “b”?\n\
         9:5: link “w”: a consumer emits no events (in links.w)\n\
         10:5: link “x” from “a” to “b” must be a Subscribe (in links.x)\n\
         11:5: “y” names “b” for dead letters, which is no dead-letter queue (in links.y). There is only “a”",
    );
}

// ---- no text does harm --------------------------------------------------------------------------------------------

/// Reads a text that is no flow, in time.
#[track_caller]
fn refuse_quickly(text: &str) -> FaultKind {
    #[expect(clippy::disallowed_methods, reason = "a hang is what this looks for")]
    let started = Instant::now();
    let error = read(text).expect_err("it is no flow");
    // A hundred times what it takes, without optimisation and on a busy machine.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert!(error.to_string().len() < 100_000);
    error.first().kind
}

#[test]
fn hostile_texts_are_refused_in_time() {
    for open in ["(", "[", "{", "Flow(format: 1, nodes: {\"a\": ", "Some(", "/*", "r#", "'", "\"", "\\", "b\""] {
        refuse_quickly(&open.repeat(200_000));
    }
    let flow = |inner: &str| format!("Flow(format: 1, {inner})");
    assert_eq!(refuse_quickly(&flow(&format!("nodes: {}", "[".repeat(65)))), FaultKind::Limit);
    let services = format!("nodes: {{\"a\": (at: (0, 0), kind: Service(handlers: [{}]))}}", "(),".repeat(1_100_000));
    assert_eq!(refuse_quickly(&flow(&services)), FaultKind::Limit);
    let entries = |count: u32, entry: fn(u32) -> String| (0..count).map(entry).collect::<Vec<_>>().concat();
    let many = entries(10_001, |n| format!("\"{n}\": (at: (0, 0), kind: Bus()),"));
    assert_eq!(refuse_quickly(&flow(&format!("nodes: {{{many}}}"))), FaultKind::Limit);
    let dangling = entries(50_000, |n| format!("\"{n}\": (from: \"x{n}\", to: \"y\", kind: Publish()),"));
    assert_eq!(refuse_quickly(&flow(&format!("links: {{{dangling}}}"))), FaultKind::Unsound);
    assert_eq!(refuse_quickly(&" ".repeat((64 << 20) + 1)), FaultKind::Limit);
    let long = "x".repeat(1 << 20);
    refuse_quickly(&flow(&format!("{long}: 1")));
    refuse_quickly(&flow(&format!("seed: {long}")));
    refuse_quickly(&flow(&format!("seed: {}", "9".repeat(1 << 20))));
    refuse_quickly(&flow(&format!("nodes: {{\"{long}\": (at: (0, 0), kind: Bus())}}")));
}

/// Bits that upset readers.
fn splinter() -> impl Strategy<Value = &'static str> {
    select(vec![
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "r#\"",
        "\"#",
        "'",
        "\\",
        "/*",
        "*/",
        "//",
        "\n",
        "\0",
        "NaN",
        "inf",
        "1e999",
        "-1",
        "Some(",
        "None",
        "format: 2",
        "\u{202e}",
        "é",
        "18446744073709551616",
        "\"bus\"",
        "kind",
        "#![enable(x)]",
        "0x",
        "b\"",
        "()",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// A mutated file is a flow or has located faults; it never panics, and what reads is sound.
    #[test]
    fn mutated_texts_do_no_harm(
        mutations in vec((any::<Index>(), 0..12_usize, splinter()), 1..6),
    ) {
        let mut text: Vec<char> = BEAUTIFUL.chars().collect();
        for (at, cut, splinter) in mutations {
            let at = at.index(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, splinter.chars());
        }
        let text: String = text.into_iter().collect();
        match read(&text) {
            Ok(flow) => prop_assert!(flow.broken_invariants().is_empty()),
            Err(error) => {
                let lines = text.lines().count().max(1);
                for fault in error.faults() {
                    prop_assert!((1..=lines + 1).contains(&fault.line) && fault.column >= 1, "{fault}\n{text}");
                    prop_assert!(!fault.what.is_empty());
                }
            }
        }
    }

    #[test]
    fn any_text_does_no_harm(text in any::<String>()) {
        drop(read(&text));
        drop(read(&["Flow(format: 1, ", &text].concat()));
    }
}

// ---- reading and writing are inverse ------------------------------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(flow in sound_flow()) {
        let text = write(&flow);
        let again = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(&again, &flow);
        prop_assert_eq!(write(&again), text);
    }

    /// A piece reads back as it was cut, and pastes beside itself or into an empty flow.
    #[test]
    fn what_is_copied_can_be_pasted(flow in sound_flow(), chosen in vec(any::<Index>(), 0..6)) {
        let ids: Vec<NodeId> = flow.nodes().keys().cloned().collect();
        let chosen: Vec<NodeId> =
            if ids.is_empty() { Vec::new() } else { chosen.iter().map(|index| index.get(&ids).clone()).collect() };
        let text = write_fragment(&flow, &chosen);
        let fragment = read_fragment(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        for target in [flow, Flow::new("empty")] {
            let (edit, new) = fragment.paste_into(&target, None);
            let mut document = Document::new(target.clone());
            document.apply(&edit).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let pasted = document.flow();
            prop_assert_eq!(new.len(), fragment.piece().nodes().len());
            prop_assert_eq!(pasted.nodes().len(), target.nodes().len() + new.len());
            prop_assert_eq!(pasted.links().len(), target.links().len() + fragment.piece().links().len());
            for id in &new {
                prop_assert!(!target.nodes().contains_key(id));
            }
        }
    }
}

#[test]
fn a_pasted_piece_keeps_its_inner_links_and_lands_where_it_is_put() {
    let flow = read(BEAUTIFUL).expect("it reads");
    let ids: Vec<NodeId> = ["billing", "bus", "graveyard"].map(|id| NodeId::new(id).expect("an id")).to_vec();
    let fragment = read_fragment(&write_fragment(&flow, &ids)).expect("it reads");
    let (edit, new) = fragment.paste_into(&flow, Some(Point(1000, 1000)));
    assert_eq!(edit.label(), "Paste 3 nodes");
    assert_eq!(new.iter().map(NodeId::as_str).collect::<Vec<_>>(), ["billing-2", "bus-2", "graveyard-2"]);
    let mut document = Document::new(flow);
    document.apply(&edit).expect("it pastes");
    let text = write(document.flow());
    let link = "\"bus-2->billing-2\": (\n            from: \"bus-2\",\n            to: \"billing-2\",\n            kind: \
                Subscribe(topics: [\"orders\"], group: \"billing\", dead_letters: \"graveyard-2\"),";
    assert!(text.contains(link), "{text}");
    let at = |id: &NodeId| document.flow().node(id).expect("it was pasted").at;
    assert_eq!(new.iter().map(at).collect::<Vec<_>>(), [Point(1000, 940), Point(760, 940), Point(1240, 1060)]);
}
