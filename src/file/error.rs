//! Why a text is no flow: every fault with its place and what would help.

use std::fmt::{self, Write as _};

use serde_path_to_error::{Path, Segment};

/// Why a text was not read. Nothing was loaded.
///
/// Faults of the text itself come alone, since nothing behind the first can be trusted; faults of a flow whose text is
/// fine come all at once, in the order of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// At least one.
    faults: Vec<Fault>,
}

/// One thing that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {what}{place}{help}", place = in_path(.path), help = in_words(.hint.as_deref()))]
pub struct Fault {
    /// Which kind of thing it is.
    pub kind: FaultKind,
    /// What is wrong, in a sentence.
    pub what: String,
    /// Where, counted from 1.
    pub line: usize,
    /// Where in the line, in characters, counted from 1.
    pub column: usize,
    /// Where in the document, as in `nodes.billing.at`; empty if it is the document as a whole.
    pub path: String,
    /// What would help.
    pub hint: Option<String>,
}

/// What kind of thing is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// A newer version of the app can read it.
    TooNew,
    /// It does not say which format it has.
    NoFormat,
    /// It is no RON.
    Syntax,
    /// There is no such setting, or a setting is missing or set twice.
    Setting,
    /// A setting has a value that it cannot have.
    Value,
    /// A key stands twice in one map.
    DuplicateKey,
    /// A number is none, infinite or too large.
    Number,
    /// A limit is exceeded, which the sentence names.
    Limit,
    /// The parts of the flow do not fit together.
    Unsound,
}

fn in_path(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" (in {path})") }
}

fn in_words(hint: Option<&str>) -> String {
    hint.map_or_else(String::new, |hint| format!(". {hint}"))
}

impl ReadError {
    /// The faults, at least one, in the order of the lines.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The first fault.
    pub fn first(&self) -> &Fault {
        self.faults.first().expect("there is no way to make an error without a fault")
    }

    pub(super) fn of(mut faults: Vec<Fault>) -> Self {
        debug_assert!(!faults.is_empty(), "an error says what is wrong");
        faults.sort_by_key(|fault| (fault.line, fault.column));
        Self { faults }
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault] }
    }
}

impl std::error::Error for ReadError {}

impl fmt::Display for ReadError {
    /// One line a fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// A path as people write it: `nodes.billing.handlers[0].takes`.
pub(super) fn dotted(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push_index(&mut text, *index),
            Segment::Map { key } => push_key(&mut text, key),
            // The name of a variant stands in the text anyway; left out, a path looks like the fields that people see.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

/// Appends a key to a dotted path, in quotes if it would be mistaken for several.
pub(super) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    let shown: String = key.chars().take(80).collect();
    if shown.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
        path.push_str(&shown);
    } else {
        write!(path, "{shown:?}").expect("text takes everything");
    }
}

/// Appends the number of a list's item to a dotted path.
pub(super) fn push_index(path: &mut String, index: usize) {
    write!(path, "[{index}]").expect("text takes everything");
}

/// “Did you mean …”, or a list of what there is if nothing is similar and the list is short.
pub(super) fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(close) = closest(found, &known) {
        return Some(format!("Did you mean “{close}”?"));
    }
    match known.as_slice() {
        [] => None,
        [only] => Some(format!("There is only “{only}”")),
        few if few.len() <= 14 => Some(format!("There are: {}", few.join(", "))),
        _ => None,
    }
}

fn closest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    if found.chars().count() > 80 {
        return None;
    }
    let found = found.to_lowercase();
    let score = |name: &&&str| (strsim::jaro_winkler(&found, &name.to_lowercase()) * 1000.0) as u32;
    known.iter().filter(|name| score(name) >= 800).max_by_key(score).copied()
}
