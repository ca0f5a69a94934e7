//! One look at a text before RON reads it: what RON would accept in silence, and where things stand.
//!
//! RON takes the last of two equal keys, takes `NaN` for a chance, and knows no limit but the depth. So the words and
//! brackets are walked once, in constant memory a bracket, and every key's place is remembered for later errors.

use std::collections::{BTreeMap, BTreeSet};

use ron::error::{Error as RonError, SpannedError};

use crate::model::{FlowError, limits};

use super::error::{Fault, FaultKind, ReadError, did_you_mean, push_index, push_key};
use super::{FORMAT, MAX_BYTES, MAX_NESTING};

/// How many brackets a text may open: far more than the largest flow does, and few enough to hold what they make.
const MAX_BRACKETS: usize = 1_000_000;
/// How many words, numbers and texts it may have.
const MAX_WORDS: usize = 3_000_000;
/// How many faults of a flow are told at once.
const MAX_FAULTS: usize = 100;

/// What a look at a text has shown.
pub(super) struct Scan<'text> {
    text: &'text str,
    /// What stands behind the document's `format:`.
    format: Option<(&'text str, usize)>,
    /// Where the keys of the document's own maps stand: (`nodes`, `billing`) is at byte 312.
    keys: BTreeMap<(&'text str, String), usize>,
    /// The first thing that is wrong.
    fault: Option<Fault>,
}

/// An open bracket.
struct Frame<'text> {
    bracket: u8,
    /// The word or text read last, which a colon makes a name.
    last: Option<Word<'text>>,
    /// The name in force: of the value that is being read.
    name: Option<Name<'text>>,
    /// The number of the item, for lists.
    index: usize,
    /// The keys so far, for maps.
    keys: BTreeSet<String>,
}

#[derive(Clone, Copy)]
struct Word<'text> {
    text: &'text str,
    at: usize,
    quoted: bool,
}

enum Name<'text> {
    Field(&'text str),
    Key(String),
}

impl<'text> Scan<'text> {
    /// Looks at a text.
    pub(super) fn of(text: &'text str) -> Self {
        let mut scan = Self { text, format: None, keys: BTreeMap::new(), fault: None };
        if text.len() > MAX_BYTES {
            let what = format!("the text has {} bytes, more than the limit of 64 MiB", text.len());
            scan.fault = Some(scan.fault_at(FaultKind::Limit, 0, what));
        } else if let Err(fault) = scan.walk() {
            scan.fault = Some(fault);
        }
        scan
    }

    /// Refuses a text of a format that is not ours, before anything else is said about it.
    pub(super) fn check_format(&self, header: &str) -> Result<(), ReadError> {
        let fault = match self.format {
            Some((number, at)) => match number.parse::<u64>() {
                Ok(found) if found == u64::from(FORMAT) => return Ok(()),
                Ok(found) if found > u64::from(FORMAT) => Fault {
                    hint: Some("Open it with a newer version of Eventloom".to_owned()),
                    path: "format".to_owned(),
                    ..self.fault_at(
                        FaultKind::TooNew,
                        at,
                        format!("made by a newer version (format {found}; this one reads up to {FORMAT})"),
                    )
                },
                _ => Fault {
                    hint: Some(format!("Write “format: {FORMAT}”")),
                    path: "format".to_owned(),
                    ..self.fault_at(FaultKind::NoFormat, at, "there is no such format".to_owned())
                },
            },
            // What is no RON at all is told so; the missing line would be the lesser news.
            None if self.fault.is_some() => return Ok(()),
            None if !self.text.trim_start().starts_with(['(', 'F', '/']) => Fault {
                hint: Some(format!("A file of Eventloom begins with “{header}(format: {FORMAT},”")),
                ..self.fault_at(FaultKind::Syntax, 0, format!("this is no {}", header.to_lowercase()))
            },
            None => Fault {
                hint: Some(format!("Write “format: {FORMAT},” as the first line in “{header}(”")),
                ..self.fault_at(FaultKind::NoFormat, 0, "the text does not say which format it has".to_owned())
            },
        };
        Err(fault.into())
    }

    /// Refuses a text that has a fault which RON would not see, or would see later.
    pub(super) fn check_text(&self) -> Result<(), ReadError> {
        match &self.fault {
            Some(fault) => Err(fault.clone().into()),
            None => Ok(()),
        }
    }

    fn fault_at(&self, kind: FaultKind, at: usize, what: String) -> Fault {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        // Bytes that begin a character, so that a cut in the middle of one would do no harm.
        let column = 1 + before[line_start..].iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
        Fault { kind, what, line, column, path: String::new(), hint: None }
    }

    // ---- the walk -------------------------------------------------------------------------------------------------

    fn walk(&mut self) -> Result<(), Fault> {
        let text = self.text;
        let bytes = text.as_bytes();
        let mut frames: Vec<Frame<'text>> = Vec::new();
        let (mut brackets, mut words) = (0_usize, 0_usize);
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let start = at;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                0 => {
                    let fault = self.fault_at(FaultKind::Syntax, at, "the text holds a NUL character".to_owned());
                    let hint = Some("The file may have been damaged; look for an earlier version".to_owned());
                    return Err(Fault { hint, ..fault });
                }
                b'/' if bytes.get(at + 1) == Some(&b'/') => {
                    at = text[at..].find('\n').map_or(bytes.len(), |len| at + len);
                }
                b'/' if bytes.get(at + 1) == Some(&b'*') => at = self.comment_end(at)?,
                b'(' | b'[' | b'{' => {
                    at += 1;
                    brackets += 1;
                    if frames.len() == MAX_NESTING {
                        // Without its path, which would be sixty steps long.
                        let what = format!("brackets stand deeper than the limit of {MAX_NESTING}");
                        return Err(self.fault_at(FaultKind::Limit, start, what));
                    }
                    if brackets > MAX_BRACKETS {
                        let what = format!("more brackets than the limit of {MAX_BRACKETS}");
                        return Err(self.fault_in(&frames, FaultKind::Limit, start, what));
                    }
                    frames.push(Frame { bracket: byte, last: None, name: None, index: 0, keys: BTreeSet::new() });
                }
                b')' | b']' | b'}' => {
                    at += 1;
                    let open = frames.pop().map(|frame| frame.bracket);
                    let fits = matches!((open, byte), (Some(b'('), b')') | (Some(b'['), b']') | (Some(b'{'), b'}'));
                    if !fits {
                        let what = match open {
                            Some(open) => {
                                format!("“{}” closes what “{}” has opened", char::from(byte), char::from(open))
                            }
                            None => format!("“{}” closes nothing", char::from(byte)),
                        };
                        return Err(self.fault_in(&frames, FaultKind::Syntax, start, what));
                    }
                }
                b',' => {
                    at += 1;
                    if let Some(frame) = frames.last_mut() {
                        (frame.last, frame.name) = (None, None);
                        frame.index += 1;
                    }
                }
                b':' => {
                    at += 1;
                    self.name(&mut frames)?;
                }
                b'#' if frames.is_empty() => {
                    let fault =
                        self.fault_at(FaultKind::Syntax, at, "extensions of RON cannot be chosen here".to_owned());
                    let hint = Some("Remove this line; those that a flow needs are always on".to_owned());
                    return Err(Fault { hint, ..fault });
                }
                _ => {
                    words += 1;
                    if words > MAX_WORDS {
                        let what = format!("more words than the limit of {MAX_WORDS}");
                        return Err(self.fault_in(&frames, FaultKind::Limit, start, what));
                    }
                    let quoted;
                    (at, quoted) = self.word_end(at).map_err(|fault| Fault { path: path_of(&frames), ..fault })?;
                    let word = Word { text: &text[start..at], at: start, quoted };
                    self.word(&mut frames, word)?;
                }
            }
        }
        match frames.last() {
            Some(frame) => {
                let what = format!("the text ends before “{}” is closed", char::from(frame.bracket));
                Err(self.fault_in(&frames, FaultKind::Syntax, bytes.len(), what))
            }
            None => Ok(()),
        }
    }

    /// A colon: the word before it is the name of what follows.
    fn name(&mut self, frames: &mut [Frame<'text>]) -> Result<(), Fault> {
        let depth = frames.len();
        let Some((frame, outer)) = frames.split_last_mut() else { return Ok(()) };
        let Some(word) = frame.last.take() else { return Ok(()) };
        if !word.quoted {
            frame.name = Some(Name::Field(word.text));
            return Ok(());
        }
        // What does not decode is left for RON to refuse, with its own words.
        let key: String = ron::from_str(word.text).unwrap_or_else(|_| word.text.to_owned());
        let section = match outer {
            [Frame { name: Some(Name::Field(section)), .. }] => Some(*section),
            _ => None,
        };
        if let Some(section) = section
            && depth == 2
            && frame.bracket == b'{'
        {
            let limit = if section == "links" { limits::LINKS } else { limits::NODES };
            if frame.keys.len() >= limit {
                let what = format!("the limit of {limit} {section} is exceeded");
                return Err(Fault { path: section.to_owned(), ..self.fault_at(FaultKind::Limit, word.at, what) });
            }
            self.keys.entry((section, key.clone())).or_insert(word.at);
        }
        if !frame.keys.insert(key.clone()) {
            let first = section.and_then(|section| self.keys.get(&(section, key.clone())));
            let first = first.map(|at| self.fault_at(FaultKind::DuplicateKey, *at, String::new()).line);
            let what = format!("“{}” stands here for the second time", shown(&key));
            let hint = match first {
                Some(line) => format!("It stands in line {line} already; give one of them another id"),
                None => "Give one of them another name, or remove it".to_owned(),
            };
            let fault = self.fault_in(outer, FaultKind::DuplicateKey, word.at, what);
            let mut path = fault.path.clone();
            push_key(&mut path, &key);
            return Err(Fault { path, hint: Some(hint), ..fault });
        }
        frame.name = Some(Name::Key(key));
        Ok(())
    }

    /// A word, number or text.
    fn word(&mut self, frames: &mut [Frame<'text>], word: Word<'text>) -> Result<(), Fault> {
        if !word.quoted {
            if let Some(what) = number_fault(word.text) {
                let hint = Some("Write a plain number, as in 0.05 or 12".to_owned());
                return Err(Fault { hint, ..self.fault_in(frames, FaultKind::Number, word.at, what) });
            }
            if let [Frame { name: Some(Name::Field("format")), last: None, .. }] = &*frames
                && self.format.is_none()
            {
                self.format = Some((word.text, word.at));
            }
        }
        if let Some(frame) = frames.last_mut() {
            frame.last = Some(word);
        }
        Ok(())
    }

    /// Where a word, number or text ends that begins here, and whether it stands in double quotes.
    fn word_end(&self, start: usize) -> Result<(usize, bool), Fault> {
        let bytes = self.text.as_bytes();
        let rest = &bytes[start..];
        let unclosed = || {
            let what = "a text is opened here and never closed".to_owned();
            let hint = Some("Close it with the same quotes".to_owned());
            Fault { hint, ..self.fault_at(FaultKind::Syntax, start, what) }
        };
        // b"…" and r#"…"#, and both at once.
        let prefix = rest.iter().take(2).take_while(|byte| matches!(byte, b'b' | b'r')).count();
        let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
        let raw = rest[..prefix].contains(&b'r');
        if rest.get(prefix + hashes) == Some(&b'"') && (raw || hashes == 0) {
            let open = start + prefix + hashes + 1;
            if raw {
                let close = format!("\"{}", "#".repeat(hashes));
                let len = self.text[open..].find(&close).ok_or_else(unclosed)?;
                return Ok((open + len + close.len(), true));
            }
            let mut at = open;
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'\\' => at += 2,
                    b'"' => return Ok((at + 1, true)),
                    _ => at += 1,
                }
            }
            return Err(unclosed());
        }
        if rest[0] == b'\'' {
            // A character, as in 'x' or '\''; a flow holds none, but one must not be taken for a bracket.
            let len = if rest.get(1) == Some(&b'\\') { 3 } else { 2 };
            return match rest.iter().skip(len).position(|byte| *byte == b'\'') {
                Some(more) if more < 12 => Ok((start + len + more + 1, false)),
                _ => Err(unclosed()),
            };
        }
        let len = rest.iter().take_while(|byte| !b" \t\r\n()[]{},:\"'\0".contains(byte)).count();
        let len = self.text[start..start + len]
            .find("//")
            .into_iter()
            .chain(self.text[start..start + len].find("/*"))
            .min()
            .unwrap_or(len);
        Ok((start + len.max(1), false))
    }

    /// Where a block comment ends that begins here; block comments nest.
    fn comment_end(&self, start: usize) -> Result<usize, Fault> {
        let bytes = self.text.as_bytes();
        let (mut depth, mut at) = (0_usize, start);
        while at + 1 < bytes.len() {
            match &bytes[at..at + 2] {
                b"/*" => {
                    depth += 1;
                    at += 2;
                }
                b"*/" => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return Ok(at);
                    }
                }
                _ => at += 1,
            }
        }
        Err(self.fault_at(FaultKind::Syntax, start, "a comment is opened here and never closed".to_owned()))
    }

    /// A fault with the path of the open brackets.
    fn fault_in(&self, frames: &[Frame<'text>], kind: FaultKind, at: usize, what: String) -> Fault {
        Fault { path: path_of(frames), ..self.fault_at(kind, at, what) }
    }

    // ---- what others found ----------------------------------------------------------------------------------------

    /// What RON or the model refused, in our words.
    pub(super) fn syntax(&self, error: &SpannedError, path: &str) -> ReadError {
        let (kind, what, hint) = in_our_words(&error.code);
        let what = if what.chars().count() > 300 { what.chars().take(300).chain(['…']).collect() } else { what };
        let place = self.value_start(error);
        Fault { path: path.to_owned(), hint, ..self.fault_at(kind, place, what) }.into()
    }

    /// The parts of a flow do not fit together: each fault at the line of the id that it names.
    pub(super) fn unsound(&self, errors: &[FlowError]) -> ReadError {
        // Each takes a look at the whole text: a stranger's file must not make that a million looks.
        let mut faults: Vec<Fault> = errors.iter().take(MAX_FAULTS).map(|error| self.unsound_part(error)).collect();
        if errors.len() > MAX_FAULTS {
            let what = format!("{} more of this kind", errors.len() - MAX_FAULTS);
            faults.push(self.fault_at(FaultKind::Unsound, self.text.len(), what));
        }
        ReadError::of(faults)
    }

    fn unsound_part(&self, error: &FlowError) -> Fault {
        let named = |section: &'static str, id: &str| {
            let at = self.keys.get(&(section, id.to_owned()))?;
            let mut path = section.to_owned();
            push_key(&mut path, id);
            Some((*at, path))
        };
        let nodes = || self.keys.keys().filter(|(section, _)| *section == "nodes").map(|(_, id)| id.as_str());
        let (place, hint) = match error {
            FlowError::NoNode(id) | FlowError::NodeExists(id) | FlowError::KindChange(id) => {
                (named("nodes", id.as_str()), None)
            }
            FlowError::Dangling { link, node } => (named("links", link.as_str()), did_you_mean(node.as_str(), nodes())),
            FlowError::NotADeadLetterQueue { place, node } => {
                let hint = did_you_mean(node.as_str(), nodes().filter(|id| *id != node.as_str()));
                (named("links", place).or_else(|| named("nodes", place)), hint)
            }
            FlowError::WrongLinkKind { link, .. }
            | FlowError::Refused { link, .. }
            | FlowError::NoLink(link)
            | FlowError::LinkExists(link)
            | FlowError::EndsChange(link) => (named("links", link.as_str()), None),
            FlowError::NoEvent(event) | FlowError::EventInUse(event) => (named("events", event.as_str()), None),
            FlowError::NoFault(fault) | FlowError::FaultExists(fault) => (named("faults", fault.as_str()), None),
            FlowError::NoExpectation(name) | FlowError::ExpectationExists(name) => {
                (named("expect", name.as_str()), None)
            }
            FlowError::Limit { node, .. } => (node.as_ref().and_then(|id| named("nodes", id.as_str())), None),
        };
        let kind = if matches!(error, FlowError::Limit { .. }) { FaultKind::Limit } else { FaultKind::Unsound };
        let (at, path) = place.unwrap_or_default();
        Fault { path, hint, ..self.fault_at(kind, at, error.to_string()) }
    }

    /// Where the value begins that was refused: RON's cursor stands behind it, and behind blanks.
    fn value_start(&self, error: &SpannedError) -> usize {
        let position = error.span.start;
        let line_start = match position.line {
            0 | 1 => 0,
            line => self.text.match_indices('\n').nth(line - 2).map_or(0, |(newline, _)| newline + 1),
        };
        let line = &self.text[line_start..];
        let column = line.char_indices().nth(position.col.saturating_sub(1)).map_or(line.len(), |(byte, _)| byte);
        let place = line_start + column;
        let blank = self.text[place..].len() - self.text[place..].trim_start().len();
        if place + blank < self.text.len() { place + blank } else { place }
    }
}

fn path_of(frames: &[Frame<'_>]) -> String {
    let mut path = String::new();
    for frame in frames {
        match &frame.name {
            Some(Name::Field(field)) => push_key(&mut path, field),
            Some(Name::Key(key)) => push_key(&mut path, key),
            None if frame.bracket == b'[' => push_index(&mut path, frame.index),
            None => {}
        }
    }
    path
}

/// Why a word cannot stand where a number is meant; `None` if it is no number or a fine one.
fn number_fault(word: &str) -> Option<String> {
    let unsigned = word.trim_start_matches(['+', '-']);
    if matches!(unsigned, "NaN" | "inf" | "NaNf32" | "NaNf64" | "inff32" | "inff64") {
        return Some(format!("“{word}” is no number"));
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let plain = unsigned.trim_end_matches("f32").trim_end_matches("f64").replace('_', "");
    match plain.parse::<f64>() {
        Ok(number) if number.is_infinite() => Some(format!("“{}” is too large", shown(word))),
        _ => None,
    }
}

/// The beginning of a text that may be long.
fn shown(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(60).chain(['…']).collect()
}

fn in_our_words(error: &RonError) -> (FaultKind, String, Option<String>) {
    match error {
        RonError::NoSuchStructField { expected, found, .. } => (
            FaultKind::Setting,
            format!("there is no setting “{}” here", shown(found)),
            did_you_mean(found, expected.iter().copied()),
        ),
        RonError::NoSuchEnumVariant { expected, found, .. } => (
            FaultKind::Value,
            format!("“{}” is nothing that can stand here", shown(found)),
            did_you_mean(found, expected.iter().copied()),
        ),
        RonError::MissingStructField { field, .. } => {
            (FaultKind::Setting, format!("“{field}” is missing"), Some(format!("Write “{field}: …”")))
        }
        RonError::DuplicateStructField { field, .. } => {
            (FaultKind::Setting, format!("“{field}” is set twice"), Some("Remove one of them".to_owned()))
        }
        RonError::ExpectedNamedStructLike(name) => (FaultKind::Syntax, format!("“{name}(” was expected here"), None),
        RonError::ExpectedDifferentStructName { expected, found } => {
            (FaultKind::Syntax, format!("“{expected}(” was expected here, not “{}”", shown(found)), None)
        }
        RonError::InvalidValueForType { expected, found } => {
            (FaultKind::Value, format!("{} was expected here, not {}", expected, shown(found)), None)
        }
        RonError::IntegerOutOfBounds => (FaultKind::Number, "the number is too large or too small".to_owned(), None),
        RonError::ExpectedString => {
            (FaultKind::Value, "text in quotes was expected here".to_owned(), Some("Put it in quotes".to_owned()))
        }
        RonError::ExpectedComma => {
            (FaultKind::Syntax, "a comma is missing before this".to_owned(), Some("Add a comma".to_owned()))
        }
        RonError::TrailingCharacters => (
            FaultKind::Syntax,
            "something stands behind the end".to_owned(),
            Some("Remove what stands behind the last bracket".to_owned()),
        ),
        RonError::ExpectedDifferentLength { expected, .. } if expected.contains("Point") => {
            (FaultKind::Value, "a place is two numbers".to_owned(), Some("Write it as in (620, 240)".to_owned()))
        }
        RonError::Message(message) => (FaultKind::Value, message.clone(), None),
        other => {
            let words = other.to_string().replace('`', "").replace("RON", "the text");
            let mut letters = words.chars();
            let lower: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
            (FaultKind::Syntax, format!("{lower} here"), None)
        }
    }
}
