//! Graphviz graphs, with every node where it was drawn.

use std::fmt::Write as _;

use crate::model::{Flow, KindTag};

use super::{ArrowKind, Names, arrows, box_lines, is_invisible};

/// Points of the canvas in an inch of Graphviz's: what a card's 60 points look right with.
const POINTS_PER_INCH: f64 = 96.0;

/// The graph of a flow. `dot` lays it out anew; `neato -n` keeps the places of the drawing.
pub(super) fn text(flow: &Flow) -> String {
    let mut out = String::new();
    writeln!(out, "digraph {} {{", quoted(flow.name())).expect("text takes everything");
    writeln!(out, "    graph [rankdir=LR, label={}, labelloc=t, fontname=\"Helvetica\"];", quoted(flow.name()))
        .expect("text takes everything");
    out.push_str("    node [shape=box, style=rounded, fontname=\"Helvetica\"];\n");
    out.push_str("    edge [fontname=\"Helvetica\", fontsize=10];\n");
    let names = Names::of(flow);
    for (id, node) in flow.nodes() {
        let (name, kind) = (names.get(id), node.kind.tag());
        let lines = box_lines(flow, id);
        // Graphviz counts upwards, the canvas downwards.
        let (x, y) = (inches(node.at.0) * 72.0, -inches(node.at.1) * 72.0);
        writeln!(out, "    {name} [label={}, {}, pos=\"{x:.1},{y:.1}\"];", label(&lines), shape(kind))
            .expect("text takes everything");
    }
    for arrow in arrows(flow) {
        let (from, to) = (names.get(arrow.from), names.get(arrow.to));
        let mut attributes = Vec::new();
        if !arrow.label.is_empty() {
            attributes.push(format!("label={}", quoted(&arrow.label)));
        }
        match arrow.kind {
            ArrowKind::Publish | ArrowKind::Subscribe => {}
            ArrowKind::Call => attributes.push("color=\"black:invis:black\"".to_owned()),
            ArrowKind::DeadLetters => attributes.push("style=dashed, color=\"#c6372d\"".to_owned()),
        }
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        writeln!(out, "    {from} -> {to}{attributes};").expect("text takes everything");
    }
    out.push_str("}\n");
    out
}

fn inches(points: i32) -> f64 {
    f64::from(points) / POINTS_PER_INCH
}

/// The attributes that tell a kind of node from the others.
const fn shape(kind: KindTag) -> &'static str {
    match kind {
        KindTag::Producer => "shape=cds, style=solid",
        KindTag::Bus => "shape=box, style=bold",
        KindTag::Consumer => "shape=box",
        KindTag::Service => "shape=component, style=solid",
        KindTag::Function => "shape=hexagon, style=solid",
        KindTag::DeadLetterQueue => "shape=cylinder, style=dashed, color=\"#c6372d\"",
        KindTag::Gateway => "shape=doubleoctagon, style=solid",
        KindTag::Note => "shape=note, style=filled, fillcolor=\"#fff8dc\", color=\"#d9c98a\"",
    }
}

/// Lines below each other within quotes.
fn label(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    format!("\"{}\"", lines.join("\\n"))
}

/// Text within quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A backslash would begin an escape, and an ampersand an HTML entity, which Graphviz knows within quotes too.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            c if is_invisible(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
