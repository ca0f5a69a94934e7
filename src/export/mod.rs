//! A flow in other people's languages: pure translations of the drawing.

mod dot;
mod mermaid;

use std::collections::BTreeMap;

use crate::file;
use crate::model::{Flow, LinkKind, NodeId, NodeKind};

/// What a flow can be exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The flow file itself, in the form in which it is saved.
    Ron,
    /// A Mermaid flowchart, for Markdown.
    Mermaid,
    /// A Graphviz graph.
    Dot,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Ron, Self::Mermaid, Self::Dot];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ron => "ron",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
        }
    }

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ron => "Flow file",
            Self::Mermaid => "Mermaid flowchart",
            Self::Dot => "Graphviz graph",
        }
    }

    /// The usual end of its files' names.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Ron => "ron",
            Self::Mermaid => "mmd",
            Self::Dot => "dot",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A flow as text of another format. Equal flows give equal texts.
pub fn export(flow: &Flow, format: Format) -> String {
    match format {
        Format::Ron => file::write(flow),
        Format::Mermaid => mermaid::text(flow),
        Format::Dot => dot::text(flow),
    }
}

/// An arrow of the drawing: a link, or the path of dead letters.
struct Arrow<'flow> {
    from: &'flow NodeId,
    to: &'flow NodeId,
    /// What goes along it, in few words; empty if that is everything.
    label: String,
    kind: ArrowKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ArrowKind {
    Publish,
    Subscribe,
    Call,
    DeadLetters,
}

/// The links of a flow with its paths of dead letters behind them, in order.
fn arrows(flow: &Flow) -> Vec<Arrow<'_>> {
    let of_link = flow.links().values().map(|link| {
        let (label, kind) = match &link.kind {
            LinkKind::Publish(publish) => (
                publish.topic.as_ref().map_or_else(|| listed(&publish.events), ToString::to_string),
                ArrowKind::Publish,
            ),
            LinkKind::Subscribe(subscription) => (listed(&subscription.topics), ArrowKind::Subscribe),
            LinkKind::Call(call) => (listed(&call.events), ArrowKind::Call),
        };
        Arrow { from: &link.from, to: &link.to, label, kind }
    });
    let mut arrows: Vec<Arrow<'_>> = of_link.collect();
    for path in flow.dead_letter_links() {
        // The ids live in the flow; the path that was made of them does not.
        let (Some((from, _)), Some((to, _))) =
            (flow.nodes().get_key_value(&path.from), flow.nodes().get_key_value(&path.to))
        else {
            continue;
        };
        arrows.push(Arrow { from, to, label: "dead letters".to_owned(), kind: ArrowKind::DeadLetters });
    }
    arrows
}

fn listed<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What stands in a node's box: its name, and below it what it emits or holds.
fn box_lines(flow: &Flow, id: &NodeId) -> Vec<String> {
    let Some(node) = flow.node(id) else { return Vec::new() };
    if let NodeKind::Note(note) = &node.kind {
        return note.text.lines().flat_map(wrapped).collect();
    }
    let mut lines = vec![node.title(id)];
    match &node.kind {
        NodeKind::Producer(producer) => lines.push(producer.emits.to_string()),
        NodeKind::Gateway(gateway) => lines.push(gateway.requests.emits.to_string()),
        NodeKind::Bus(_) => lines.extend(flow.topics_of(id).iter().map(ToString::to_string)),
        NodeKind::Consumer(_)
        | NodeKind::Service(_)
        | NodeKind::Function(_)
        | NodeKind::DeadLetterQueue(_)
        | NodeKind::Note(_) => {}
    }
    lines
}

/// How long the lines of a sticky note are, in characters: neither language breaks lines by itself.
const NOTE_WIDTH: usize = 36;

fn wrapped(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_whitespace() {
        let last = lines.last_mut().expect("there is a line from the start on");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= NOTE_WIDTH {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// A short, safe name for each node: `n0`, `n1`, … in the order of the file. Ids may hold anything.
struct Names<'flow> {
    numbers: BTreeMap<&'flow NodeId, usize>,
}

impl<'flow> Names<'flow> {
    fn of(flow: &'flow Flow) -> Self {
        Self { numbers: flow.nodes().keys().enumerate().map(|(number, id)| (id, number)).collect() }
    }

    fn get(&self, id: &NodeId) -> String {
        format!("n{}", self.numbers.get(id).copied().unwrap_or_default())
    }
}

/// Whether a character would not be seen, or would show text in another order than it stands.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
