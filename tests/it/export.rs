//! Exports: golden texts for two shipped flows, and nothing in a name that could break out of its quotes.

use std::fs;
use std::path::Path;

use eventloom::export::{Format, export};
use eventloom::file::{read, write};
use eventloom::model::{Bus, Flow, KindTag, Node, NodeId, NodeKind, Point};
use proptest::prelude::*;

use super::support::flows::sound_flow;

/// Compares with the golden text, or rewrites it under `UPDATE_EXPECT=1`.
#[track_caller]
fn check(flow: &str, format: Format) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join(format!("flows/{flow}.ron"))).expect("a shipped flow");
    let exported = export(&read(&text).expect("it reads"), format);
    let golden = root.join(format!("tests/expected/{flow}.{}", format.extension()));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&golden, &exported).expect("a writable file");
    }
    let expected = fs::read_to_string(&golden).expect("a golden text; UPDATE_EXPECT=1 makes it");
    assert_eq!(exported, expected, "UPDATE_EXPECT=1 rewrites {}", golden.display());
}

#[test]
fn flows_export_to_mermaid_and_graphviz() {
    for flow in ["hello", "order-fulfilment"] {
        check(flow, Format::Mermaid);
        check(flow, Format::Dot);
    }
}

/// A flow whose every word tries to be more than a word.
fn hostile() -> Flow {
    let mut flow = Flow::new("a\"]; b -> c; %%{init: {}}%%\n---\nend");
    let mut node = Node::new(Point(0, 0), NodeKind::Bus(Bus::default()));
    node.name = String::from(
        "\"]; x[\\\" <script>alert(1)</script> `code` **bold** end &quot; #quot; \u{202e}\u{0}\nn9 --> n1",
    );
    flow.add_node(NodeId::new("end\"];").expect("an id"), node).expect("it is sound");
    flow.add_node(
        NodeId::new("subgraph").expect("an id"),
        Node::new(Point(10, 10), KindTag::DeadLetterQueue.default_kind()),
    )
    .expect("it is sound");
    flow
}

#[test]
fn no_name_breaks_out_of_its_quotes() {
    assert_eq!(
        export(&hostile(), Format::Mermaid),
        "---\ntitle: \"a\\\"]; b -> c; %%{init: {}}%% --- end\"\n---\nflowchart LR\n    n0[\"#34;#93;#59; \
         x#91;#92;#34; #60;script#62;alert(1)#60;/script#62; #96;code#96; #42;#42;bold#42;#42; end #38;quot#59; \
         #35;quot#59;    n9 --#62; n1\"]\n    n1[(\"Subgraph\")]\n    classDef bus stroke-width:3px\n    class n0 bus\n    \
         classDef dead stroke:#c6372d,stroke-dasharray:4 3\n    class n1 dead\n"
    );
    let dot = export(&hostile(), Format::Dot);
    assert!(
        dot.contains(r#"label="\"]; x[\\\" <script>alert(1)</script> `code` **bold** end &amp;quot; #quot;    n9"#),
        "{dot}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_sound_flow_exports(flow in sound_flow()) {
        prop_assert_eq!(export(&flow, Format::Ron), write(&flow));
        for format in [Format::Mermaid, Format::Dot] {
            let text = export(&flow, format);
            // A line for each node and link, whatever their names hold.
            let arrows = flow.links().len() + flow.dead_letter_links().len();
            let lines = text.lines().filter(|line| line.starts_with("    n") && !line.starts_with("    node ")).count();
            prop_assert_eq!(lines, flow.nodes().len() + arrows, "{}", text);
        }
    }
}
