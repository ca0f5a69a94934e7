//! The shipped flows: the gallery, the documentation's examples and the test corpus are the same files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventloom::expr::{Facts, Purpose, compile};
use eventloom::file::{read, write};
use eventloom::model::{EventName, Expression, Flow, Link, LinkKind, Node, NodeId, NodeKind, Pacing};
use eventloom::plan::check;
use serde_json::Value;

/// A card's width and height.
const CARD: (i32, i32) = (176, 60);
/// A standing rail's width, the height of its head and of a topic's row, a little more than they are drawn with.
const RAIL: (i32, i32, i32) = (190, 44, 36);
/// What two cards keep between them, one way or the other.
const GAP: i32 = 40;

fn shipped() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("flows ship with the source")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ron"))
        .collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).expect("a readable file"))).collect()
}

fn shipped_flows() -> Vec<(String, Flow)> {
    let read = |(path, text): (PathBuf, String)| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let flow = read(&text).unwrap_or_else(|error| panic!("{}:\n{error}", path.display()));
        (name, flow)
    };
    shipped().into_iter().map(read).collect()
}

#[test]
fn shipped_flows_are_stored_as_they_are_written() {
    for (path, text) in shipped() {
        let flow = read(&text).unwrap_or_else(|error| panic!("{}:\n{error}", path.display()));
        let written = write(&flow);
        if written != text && std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, &written).expect("a writable file");
            continue;
        }
        assert!(written == text, "{} is not as it would be saved; UPDATE_EXPECT=1 saves it", path.display());
    }
}

#[test]
fn shipped_flows_say_what_they_teach() {
    for (name, flow) in shipped_flows() {
        assert!(!flow.name().is_empty() && !flow.note().is_empty(), "{name} has no name or no note");
        for event in flow.event_names() {
            let described = flow.events().get(&event).unwrap_or_else(|| panic!("{name}: {event} is not described"));
            assert!(described.example.is_some() && described.color.is_some(), "{name}: {event}");
        }
    }
}

/// Left, top, right and bottom of what is drawn for a node.
fn outline(flow: &Flow, id: &NodeId, node: &Node) -> [i32; 4] {
    let (width, height) = match &node.kind {
        NodeKind::Bus(_) => {
            let rows = i32::try_from(flow.topics_of(id).len()).expect("few topics");
            (RAIL.0, RAIL.1 + RAIL.2 * rows)
        }
        NodeKind::Note(note) => (note.size.0, note.size.1),
        NodeKind::Function(_) => (CARD.0, CARD.1 + 12),
        NodeKind::Producer(_)
        | NodeKind::Consumer(_)
        | NodeKind::Service(_)
        | NodeKind::Stream(_)
        | NodeKind::DeadLetterQueue(_)
        | NodeKind::Store(_)
        | NodeKind::Gateway(_) => CARD,
    };
    let (x, y) = (node.at.0, node.at.1);
    [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
}

#[test]
fn nothing_in_a_shipped_flow_is_drawn_over_something_else() {
    for (name, flow) in shipped_flows() {
        let outlines: Vec<_> = flow.nodes().iter().map(|(id, node)| (id, outline(&flow, id, node))).collect();
        for (index, (a, [left, top, right, bottom])) in outlines.iter().enumerate() {
            for (b, other) in &outlines[index + 1..] {
                let beside = other[0] - right >= GAP || left - other[2] >= GAP;
                let below = other[1] - bottom >= GAP || top - other[3] >= GAP;
                assert!(beside || below, "{name}: {a} and {b} are too close");
            }
        }
    }
}

#[test]
fn links_of_shipped_flows_run_from_left_to_right() {
    for (name, flow) in shipped_flows() {
        let x = |id: &NodeId| flow.node(id).expect("links end at nodes").at.0;
        for (id, link) in flow.links() {
            // Only what a service announces may go back to the bus that it listens to.
            let listens = |(_, other): (_, &Link)| other.from == link.to;
            let answers = matches!(link.kind, LinkKind::Publish(_)) && flow.links_to(&link.from).any(listens);
            // A reply goes back to whoever asked.
            let replies = matches!(flow.node(&link.to).map(|node| &node.kind), Some(NodeKind::Gateway(_)));
            // Who leads a saga stands before the bus, for its commands go first; the answers come back to it.
            let leads = flow.node(&link.to).is_some_and(|node| node.kind.saga().is_some());
            assert!(answers || replies || leads || x(&link.from) < x(&link.to), "{name}: {id} runs backwards");
        }
    }
}

#[test]
fn shipped_flows_have_no_problems() {
    for (name, flow) in shipped_flows() {
        let problems: Vec<String> = check(&flow)
            .iter()
            .map(|problem| format!("{} {}: {} {}", problem.severity, problem.at, problem.what, problem.hint))
            .collect();
        assert!(problems.is_empty(), "{name}:\n{}", problems.join("\n"));
    }
}

/// The data that a node's expression makes of an event.
fn data(source: Option<&Expression>, kind: &str, cause: &Value, number: u64) -> Value {
    let Some(source) = source else { return cause.clone() };
    let program = compile(source, Purpose::Data).unwrap_or_else(|error| panic!("{source}: {error:?}"));
    let data = Arc::new(cause.clone());
    let facts = Facts {
        id: "e",
        source: "node",
        kind,
        subject: "",
        time_nanos: 0,
        key: "",
        hops: 0,
        data: &data,
        draws: 1,
        number,
    };
    program.value(&facts).unwrap_or_else(|error| panic!("{source}: {error:?}"))
}

#[test]
fn shipped_examples_look_like_the_data_that_is_made() {
    for (name, flow) in shipped_flows() {
        let example = |event: &EventName| flow.events()[event].example.as_ref().expect("described").value();
        let shape = |value: &Value| match value {
            Value::Object(fields) => fields.keys().cloned().collect::<Vec<_>>(),
            other => panic!("{name}: {other} has no fields"),
        };
        for (id, node) in flow.nodes() {
            if let NodeKind::Producer(producer) = &node.kind
                && !matches!(producer.rate, Pacing::Replay { .. })
                && producer.data.is_some()
            {
                for number in [0, 1, 1_000_003] {
                    let made = data(producer.data.as_ref(), producer.emits.as_str(), &Value::Null, number);
                    // A record without data says that its key is deleted.
                    if made.is_null() {
                        continue;
                    }
                    assert_eq!(shape(&made), shape(&example(&producer.emits)), "{name}: {id}");
                }
            }
            for handler in node.kind.handlers() {
                let Ok(cause) = EventName::new(handler.on.as_str()) else { continue };
                for emit in &handler.emits {
                    let made = data(emit.data.as_ref(), cause.as_str(), &example(&cause), 0);
                    assert_eq!(shape(&made), shape(&example(&emit.event)), "{name}: {id} emits {}", emit.event);
                }
            }
        }
    }
}

#[test]
fn the_week_of_earthquakes_holds_39_alerts() {
    let (_, flow) = shipped_flows().into_iter().find(|(name, _)| name == "earthquake-alerts").expect("it ships");
    let alerts = NodeId::new("alerts").expect("an id");
    let (_, link) = flow.links_to(&alerts).next().expect("somebody alerts");
    let filter = link.subscription().and_then(|subscription| subscription.filter.clone()).expect("it filters");
    let filter = compile(&filter, Purpose::Condition).expect("it compiles");
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows/data/earthquakes.jsonl");
    let log = fs::read_to_string(log).expect("the log ships with the flows");
    let mut count = 0;
    for (number, line) in (0..).zip(log.lines()) {
        let mut event: Value = serde_json::from_str(line).expect("a line is an event");
        let data = Arc::new(event["data"].take());
        let facts = Facts {
            id: "e",
            source: "log",
            kind: "earthquake.detected",
            subject: "",
            time_nanos: 0,
            key: "",
            hops: 0,
            data: &data,
            draws: 1,
            number,
        };
        count += u32::from(filter.test(&facts).expect("every event has a magnitude"));
    }
    assert_eq!(count, 39);
}
