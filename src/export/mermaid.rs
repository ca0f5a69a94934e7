//! Mermaid flowcharts, as GitHub and GitLab show them in Markdown.

use std::fmt::Write as _;

use crate::model::{Flow, KindTag};

use super::{ArrowKind, Names, arrows, box_lines, is_invisible};

/// The flowchart of a flow, left to right, with its name as title.
pub(super) fn text(flow: &Flow) -> String {
    let mut out = String::new();
    if !flow.name().is_empty() {
        writeln!(out, "---\ntitle: {}\n---", yaml(flow.name())).expect("text takes everything");
    }
    out.push_str("flowchart LR\n");
    let names = Names::of(flow);
    for (id, node) in flow.nodes() {
        let lines: Vec<String> = box_lines(flow, id).iter().map(|line| escaped(line)).collect();
        let (open, close) = shape(node.kind.tag());
        writeln!(out, "    {name}{open}\"{}\"{close}", lines.join("<br/>"), name = names.get(id))
            .expect("text takes everything");
    }
    for arrow in arrows(flow) {
        let (from, to) = (names.get(arrow.from), names.get(arrow.to));
        let line = match arrow.kind {
            ArrowKind::Publish | ArrowKind::Subscribe => "-->",
            ArrowKind::Call => "==>",
            ArrowKind::DeadLetters => "-.->",
        };
        let label = if arrow.label.is_empty() { String::new() } else { format!("|\"{}\"|", escaped(&arrow.label)) };
        writeln!(out, "    {from} {line}{label} {to}").expect("text takes everything");
    }
    let members = |kind: KindTag| {
        let ids = flow.nodes().iter().filter(|(_, node)| node.kind.tag() == kind).map(|(id, _)| names.get(id));
        ids.collect::<Vec<_>>().join(",")
    };
    for (class, kind, style) in [
        ("bus", KindTag::Bus, "stroke-width:3px"),
        ("dead", KindTag::DeadLetterQueue, "stroke:#c6372d,stroke-dasharray:4 3"),
        ("note", KindTag::Note, "fill:#fff8dc,stroke:#d9c98a,color:#333"),
    ] {
        let members = members(kind);
        if !members.is_empty() {
            writeln!(out, "    classDef {class} {style}\n    class {members} {class}").expect("text takes everything");
        }
    }
    out
}

/// The brackets that give a box its shape.
const fn shape(kind: KindTag) -> (&'static str, &'static str) {
    match kind {
        KindTag::Producer => ("([", "])"),
        KindTag::Bus | KindTag::Note => ("[", "]"),
        KindTag::Consumer => ("(", ")"),
        KindTag::Service => ("[[", "]]"),
        KindTag::Function => ("{{", "}}"),
        KindTag::DeadLetterQueue => ("[(", ")]"),
        KindTag::Gateway => ("[/", "/]"),
    }
}

/// Text within quotes: everything that Mermaid, its Markdown or HTML would read as more than text becomes an entity.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    // “1. …” and “- …” would begin a list, which Mermaid then refuses to draw.
    let mut may_begin_list = true;
    for c in text.chars() {
        match c {
            c if is_invisible(c) => out.push(' '),
            '.' | ')' | '-' | '+' if may_begin_list => entity(&mut out, c),
            c if c.is_alphanumeric() || " .,:-+/()!?’“”…=".contains(c) => out.push(c),
            c => entity(&mut out, c),
        }
        may_begin_list &= c.is_ascii_digit() || c.is_whitespace();
    }
    out
}

fn entity(out: &mut String, c: char) {
    write!(out, "#{};", u32::from(c)).expect("text takes everything");
}

/// Text in double quotes for the front matter, which is YAML.
fn yaml(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_invisible(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
