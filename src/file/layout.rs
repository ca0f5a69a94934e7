//! A tree as lines: a group stays on one line if it fits, and stands open if a diff reads better so.

use std::fmt::Write as _;

use super::tree::{Brackets, Group, Label, Tree};

/// How wide a line may grow before a group on it is opened.
const WIDTH: usize = 120;
const INDENT: usize = 4;

/// The text of a document, with a newline at its end.
///
/// The document and its maps always stand open, and so does each node and link: no line belongs to two of them, and
/// `at:` has one of its own.
pub(super) fn text(document: &Tree) -> String {
    let mut out = String::new();
    match document {
        Tree::Group(group) => open_group(&mut out, group, 0, |out, label, value| match (label, value) {
            (Label::Field(field), Tree::Group(section)) if section.brackets == Brackets::Map => {
                let entries_stand_open = matches!(*field, "nodes" | "links");
                open_group(out, section, 1, |out, label, value| match value {
                    Tree::Group(entry) if entries_stand_open => {
                        open_group(out, entry, 2, |out, label, value| write(out, value, 3, label_width(label)));
                    }
                    value => write(out, value, 2, label_width(label)),
                });
            }
            (label, value) => write(out, value, 1, label_width(label)),
        }),
        Tree::Word(_) | Tree::Text(_) => write(&mut out, document, 0, 0),
    }
    out.push('\n');
    out
}

/// Writes a group with each item on a line of its own, through `item`.
fn open_group(out: &mut String, group: &Group, depth: usize, mut item: impl FnMut(&mut String, &Label, &Tree)) {
    let (open, close) = brackets(group);
    out.push_str(&group.name);
    out.push(open);
    if !group.items.is_empty() {
        for (label, value) in &group.items {
            new_line(out, depth + 1);
            push_label(out, label);
            item(out, label, value);
            out.push(',');
        }
        new_line(out, depth);
    }
    out.push(close);
}

/// Writes a value behind a label of this width, on one line if it fits there.
fn write(out: &mut String, tree: &Tree, depth: usize, label: usize) {
    // The comma behind it wants room too.
    let room = WIDTH.saturating_sub(depth * INDENT + label + 1);
    let mut line = String::new();
    if flat(&mut line, tree, room) {
        out.push_str(&line);
        return;
    }
    match tree {
        Tree::Word(word) => out.push_str(word),
        Tree::Text(text) => out.push_str(&long_text(text)),
        Tree::Group(group) => {
            open_group(out, group, depth, |out, label, value| write(out, value, depth + 1, label_width(label)));
        }
    }
}

/// Writes a value on one line; `false`, and no more than a little too much written, if it does not fit.
fn flat(line: &mut String, tree: &Tree, room: usize) -> bool {
    match tree {
        Tree::Word(word) => line.push_str(word),
        Tree::Text(text) if text.len() > room => return false,
        Tree::Text(text) => line.push_str(&short_text(text)),
        Tree::Group(group) => {
            let (open, close) = brackets(group);
            line.push_str(&group.name);
            line.push(open);
            for (index, (label, value)) in group.items.iter().enumerate() {
                if index > 0 {
                    line.push_str(", ");
                }
                push_label(line, label);
                if line.len() > room.saturating_mul(4) || !flat(line, value, room) {
                    return false;
                }
            }
            line.push(close);
        }
    }
    line.chars().count() <= room
}

const fn brackets(group: &Group) -> (char, char) {
    match group.brackets {
        Brackets::Struct => ('(', ')'),
        Brackets::List => ('[', ']'),
        Brackets::Map => ('{', '}'),
    }
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', depth * INDENT));
}

fn push_label(out: &mut String, label: &Label) {
    match label {
        Label::None => return,
        Label::Field(field) => out.push_str(field),
        Label::Key(key) => out.push_str(&short_text(key)),
    }
    out.push_str(": ");
}

fn label_width(label: &Label) -> usize {
    match label {
        Label::None => 0,
        Label::Field(field) => field.chars().count() + 2,
        Label::Key(key) => short_text(key).chars().count() + 2,
    }
}

/// A text in quotes on one line: raw if that spares escapes, as JSON does.
fn short_text(text: &str) -> String {
    let quotes = text.contains(['"', '\\']);
    if quotes && !text.chars().any(must_escape) { raw(text) } else { escaped(text) }
}

/// A text in quotes that does not fit a line: raw over several lines if it has several.
fn long_text(text: &str) -> String {
    if text.contains('\n') && !text.chars().any(|c| c != '\n' && must_escape(c)) { raw(text) } else { short_text(text) }
}

/// `r#"…"#`, with as many hashes as it takes.
fn raw(text: &str) -> String {
    let mut longest = 0;
    let mut rest = text;
    while let Some(quote) = rest.find('"') {
        rest = &rest[quote + 1..];
        longest = longest.max(1 + rest.bytes().take_while(|byte| *byte == b'#').count());
    }
    let hashes = "#".repeat(longest);
    format!("r{hashes}\"{text}\"{hashes}")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if must_escape(c) => write!(out, "\\u{{{:x}}}", u32::from(c)).expect("text takes everything"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What a reader would not see, or what would show text in another order than it stands: it never hides in a file.
fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
