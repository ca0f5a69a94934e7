//! Flows written as rows: what a test is about, and nothing else.
//!
//! ```text
//! p = Producer(emits: "a", rate: ByHand)
//! bus = Bus
//! c = Consumer(takes: Fixed("10ms"))
//! p -> bus
//! bus -> c 5ms (ack_wait: "1s", deliveries: 3)
//! event a (size: "1 KiB")
//! hops 4
//! fault dies (at: "1s", for: "2s", on: Node("c"), kind: Crash)
//! expect nothing lost: NothingLost(at: Node("c"))
//! ```
//!
//! Settings are those of the flow file. A link's kind follows from its ends. A link takes no time unless its row says how
//! much, so that the figures of a test are the test's own; dead-letter paths always take the product's millisecond.
//! A row goes on until its parentheses are closed.

use eventloom::model::{
    EventName, EventType, ExpectationName, FaultName, Flow, Link, LinkKind, Node, NodeId, NodeKind, Point, SimDuration,
    Subscription,
};
use ron::extensions::Extensions;
use serde::de::DeserializeOwned;

/// The flow that these rows say. Panics with the row that says nothing.
#[track_caller]
pub(crate) fn flow(rows: &str) -> Flow {
    let mut flow = Flow::new("test");
    let mut links = Vec::new();
    for row in joined(rows) {
        if let Some(rest) = row.strip_prefix("hops ") {
            flow.set_hop_limit(rest.trim().parse().expect("a number of hops"));
        } else if let Some(rest) = row.strip_prefix("fault ") {
            let (name, settings) = rest.trim().split_once(char::is_whitespace).expect("a name and settings");
            flow.set_fault(FaultName::new(name).expect("the name of a fault"), read(settings)).expect("few faults");
        } else if let Some(rest) = row.strip_prefix("expect ") {
            let (name, expectation) = rest.trim().split_once(": ").expect("a name and an expectation");
            let name = ExpectationName::new(name).expect("the name of an expectation");
            flow.set_expectation(name, read(expectation)).expect("few expectations");
        } else if let Some(rest) = row.strip_prefix("event ") {
            let (name, settings) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), "()"));
            let event: EventType = read(settings);
            flow.set_event(EventName::new(name).expect("the name of an event type"), event);
        } else if let Some((from, rest)) = row.split_once("->").filter(|(from, _)| !from.contains(['=', '('])) {
            links.push((from.trim().to_owned(), rest.trim().to_owned()));
        } else if let Some((id, settings)) = row.split_once('=') {
            flow.add_node(node_id(id.trim()), Node::new(Point(0, 0), kind(settings.trim()))).expect(&row);
        } else {
            panic!("a row that says nothing: {row}");
        }
    }
    for (from, rest) in links {
        add_link(&mut flow, &from, &rest);
    }
    flow
}

/// Draws one more link: `add_link(&mut flow, "bus", "c 5ms (deliveries: 3)")`.
#[track_caller]
pub(crate) fn add_link(flow: &mut Flow, from: &str, rest: &str) {
    let (rest, settings) = match rest.find('(') {
        Some(at) => (rest[..at].trim(), &rest[at..]),
        None => (rest.trim(), "()"),
    };
    let (to, delay) = rest.split_once(char::is_whitespace).unwrap_or((rest, "0s"));
    let (from, to) = (node_id(from), node_id(to));
    let mut kind = flow.possible_link(&from, &to).expect("ends that can be linked").expect("no dead-letter path");
    match &mut kind {
        LinkKind::Publish(publish) => *publish = read(settings),
        LinkKind::Subscribe(subscription) => *subscription = read(settings),
        LinkKind::Call(call) => *call = read(settings),
    }
    let mut link = Link::new(from.clone(), to.clone(), kind);
    link.delay = delay.trim().parse::<SimDuration>().expect(delay);
    flow.add_link(flow.free_link_id(&from, &to), link).expect("a link that fits");
}

/// A node's settings as a flow file writes them; parentheses may be left out where nothing is set.
#[track_caller]
pub(crate) fn kind(text: &str) -> NodeKind {
    if text.contains('(') { read(text) } else { read(&format!("{text}()")) }
}

/// A subscription's settings as a flow file writes them.
#[track_caller]
pub(crate) fn subscription(text: &str) -> Subscription {
    read(text)
}

#[track_caller]
pub(crate) fn node_id(text: &str) -> NodeId {
    NodeId::new(text).expect(text)
}

#[track_caller]
fn read<T: DeserializeOwned>(text: &str) -> T {
    let options =
        ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME | Extensions::UNWRAP_VARIANT_NEWTYPES);
    options.from_str(text).unwrap_or_else(|error| panic!("{error}\nin: {text}"))
}

/// Rows, each joined with those that close its parentheses.
fn joined(rows: &str) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut open = 0_i32;
    for line in rows.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match joined.last_mut() {
            Some(row) if open > 0 => {
                row.push(' ');
                row.push_str(line);
            }
            _ => joined.push(line.to_owned()),
        }
        let count = |c| i32::try_from(line.matches(c).count()).expect("a short line");
        open += count('(') - count(')');
    }
    joined
}
