//! What could stand where somebody writes: attributes, fields, functions, event types, the names of nodes.
//!
//! A pure function of a source, a place in it, and what is known of the events that come there.

use std::ops::Range;

use serde_json::Value;

use super::reference::{ATTRIBUTE_HELP, FUNCTIONS, FunctionGroup, KEYWORDS};
use super::scan::{Token, TokenKind, tokens};

/// What is known at a place of a flow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vocabulary {
    /// Event types, and what each means.
    pub events: Vec<(String, String)>,
    /// The ids of nodes that events come from, and what people call them.
    pub sources: Vec<(String, String)>,
    /// Data that an event can have here, and what event that is.
    pub samples: Vec<(String, Value)>,
    /// What a fold's `state` can look like, where there is one.
    pub state: Option<Value>,
}

/// Something that could stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it is called.
    pub label: String,
    /// What it is.
    pub kind: CandidateKind,
    /// The bytes of the source that it takes the place of.
    pub replaces: Range<usize>,
    /// What is written there.
    pub insert: String,
    /// How many characters before its end the cursor is to stand.
    pub back: usize,
    /// How it is used, in few words: a signature, or an example of its value.
    pub detail: String,
    /// What it means, in a sentence.
    pub about: String,
}

/// What a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// An attribute of the event.
    Attribute,
    /// A field of its data.
    Field,
    /// A function.
    Function,
    /// A word of the language.
    Keyword,
    /// A name that the expression gave to a value itself.
    Variable,
    /// The name of an event type.
    EventType,
    /// The id of a node.
    Node,
    /// A text that a field is known to have.
    Text,
}

/// What could stand at a place of a source, counted in bytes: the likeliest first; nothing where nothing fits, or where what
/// stands there is complete already.
pub fn complete(source: &str, cursor: usize, vocabulary: &Vocabulary) -> Vec<Candidate> {
    let cursor = (0..=cursor.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    let Ok(tokens) = tokens(source) else { return Vec::new() };
    let place = Place { source, cursor, tokens: &tokens, vocabulary };
    let candidates = place.candidates();
    match &candidates[..] {
        [only] if source.get(only.replaces.clone()) == Some(only.insert.as_str()) => Vec::new(),
        _ => candidates,
    }
}

/// Where somebody writes.
struct Place<'a> {
    source: &'a str,
    cursor: usize,
    tokens: &'a [Token],
    vocabulary: &'a Vocabulary,
}

impl Place<'_> {
    fn candidates(&self) -> Vec<Candidate> {
        let touching = self.tokens.iter().rposition(|token| token.start < self.cursor && self.cursor <= token.end);
        if let Some(at) = touching {
            let token = &self.tokens[at];
            match &token.kind {
                TokenKind::Text(text) => {
                    let written = &self.source[token.start..token.end];
                    let is_closed = text.is_some() && written.len() > 1;
                    if !is_closed || self.cursor < token.end {
                        return self.in_text(at, is_closed);
                    }
                    return Vec::new();
                }
                TokenKind::Word(_) => return self.word(at, token.start..token.end),
                TokenKind::Number(_) => return Vec::new(),
                // Within a text with expressions in it only those count, and they have tokens of their own.
                TokenKind::Opaque if self.cursor < token.end => return Vec::new(),
                TokenKind::Opaque | TokenKind::Sign(_) => {}
            }
        }
        let before = self.tokens.iter().take_while(|token| token.end <= self.cursor).count();
        if self.is_in_comment(before) {
            return Vec::new();
        }
        self.word(before, self.cursor..self.cursor)
    }

    fn is_in_comment(&self, before: usize) -> bool {
        let start = before.checked_sub(1).map_or(0, |at| self.tokens[at].end);
        let gap = &self.source[start..self.cursor];
        gap.rfind("//").is_some_and(|at| !gap[at..].contains('\n'))
            || gap.rfind("/*").is_some_and(|at| !gap[at..].contains("*/"))
    }

    fn kind(&self, at: Option<usize>) -> Option<&TokenKind> {
        self.tokens.get(at?).map(|token| &token.kind)
    }

    fn is_sign(&self, at: Option<usize>, signs: &[&str]) -> bool {
        matches!(self.kind(at), Some(TokenKind::Sign(sign)) if signs.contains(sign))
    }

    /// A word, or none yet, in front of which so many tokens stand.
    fn word(&self, at: usize, replaces: Range<usize>) -> Vec<Candidate> {
        let typed = &self.source[replaces.start..self.cursor];
        let before = at.checked_sub(1);
        if self.is_sign(before, &[".", "?."]) {
            return self.member(at - 1, typed, replaces);
        }
        // A field of an object that is being written has a name of its own.
        let next = if replaces.is_empty() { at } else { at + 1 };
        if self.is_sign(before, &["{", "#{", ","]) && self.is_sign(Some(next), &[":"]) {
            return Vec::new();
        }
        if matches!(self.kind(before), Some(TokenKind::Word(word)) if word == "let" || word == "const") {
            return Vec::new();
        }
        let mut all = Vec::new();
        if let Some(path) = self.compared(at) {
            let quoted = self.texts_of(&path).into_iter().map(|candidate| Candidate {
                insert: format!("\"{}\"", candidate.insert),
                replaces: replaces.clone(),
                ..candidate
            });
            all.extend(quoted);
        }
        let is_behind_value = match self.kind(before) {
            Some(TokenKind::Word(word)) => !KEYWORDS.iter().any(|(keyword, _)| keyword == word) || is_literal(word),
            Some(TokenKind::Number(_) | TokenKind::Text(_) | TokenKind::Sign(")" | "]")) => true,
            Some(TokenKind::Opaque | TokenKind::Sign(_)) | None => false,
        };
        if is_behind_value {
            // Only an operator or a word that joins can come.
            if typed.is_empty() {
                return Vec::new();
            }
            all.extend(["in", "else"].into_iter().filter_map(|word| keyword(word, &replaces)));
            return fitting(all, typed);
        }
        all.push(Candidate {
            label: "event".to_owned(),
            kind: CandidateKind::Attribute,
            replaces: replaces.clone(),
            insert: "event".to_owned(),
            back: 0,
            detail: String::new(),
            about: "The event that the expression looks at".to_owned(),
        });
        all.extend(self.vocabulary.state.as_ref().map(|_| Candidate {
            label: "state".to_owned(),
            kind: CandidateKind::Variable,
            replaces: replaces.clone(),
            insert: "state".to_owned(),
            back: 0,
            detail: String::new(),
            about: "The state before this event; null at first".to_owned(),
        }));
        all.extend(self.variables(at).into_iter().map(|name| Candidate {
            label: name.clone(),
            kind: CandidateKind::Variable,
            replaces: replaces.clone(),
            insert: name,
            back: 0,
            detail: String::new(),
            about: "A name given above".to_owned(),
        }));
        let is_called = self.source[replaces.end..].starts_with('(');
        all.extend(FUNCTIONS.iter().map(|function| Candidate {
            label: function.name.to_owned(),
            kind: CandidateKind::Function,
            replaces: replaces.clone(),
            insert: if is_called { function.name.to_owned() } else { format!("{}()", function.name) },
            back: usize::from(!is_called),
            detail: function.form.to_owned(),
            about: function.about.to_owned(),
        }));
        all.extend(KEYWORDS.iter().filter_map(|(word, _)| keyword(word, &replaces)));
        fitting(all, typed)
    }

    /// Names that `let` gave before a place.
    fn variables(&self, at: usize) -> Vec<String> {
        let mut names = Vec::new();
        for pair in self.tokens[..at].windows(2) {
            if let [Token { kind: TokenKind::Word(word), .. }, Token { kind: TokenKind::Word(name), .. }] = pair
                && (word == "let" || word == "const")
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    /// The path of names that ends at a point: `event.data.` is `event`, `data`. `None` if something else ends there.
    fn path(&self, point: usize) -> Option<Vec<&str>> {
        let mut path = Vec::new();
        let mut at = point;
        loop {
            let Some(TokenKind::Word(word)) = self.kind(at.checked_sub(1)) else { return None };
            path.push(word.as_str());
            match at.checked_sub(2) {
                Some(before) if self.is_sign(Some(before), &[".", "?."]) => at = before,
                _ => break,
            }
        }
        path.reverse();
        Some(path)
    }

    /// What is behind a point.
    fn member(&self, point: usize, typed: &str, replaces: Range<usize>) -> Vec<Candidate> {
        let path = self.path(point);
        let mut all = Vec::new();
        match path.as_deref() {
            Some(["event"]) => {
                all.extend(ATTRIBUTE_HELP.iter().map(|attribute| Candidate {
                    label: attribute.name.to_owned(),
                    kind: CandidateKind::Attribute,
                    replaces: replaces.clone(),
                    insert: attribute.name.to_owned(),
                    back: 0,
                    detail: String::new(),
                    about: attribute.about.to_owned(),
                }));
                return fitting(all, typed);
            }
            Some(path) => all.extend(self.fields(path, &replaces)),
            None => {}
        }
        let is_called = self.source[replaces.end..].starts_with('(');
        let is_first = |form: &str, names: &[&str]| {
            let first = form.split_once('(').map_or("", |(_, inside)| inside);
            let first = first.split([',', ')']).next().unwrap_or("");
            names.contains(&first)
        };
        // A function of a text or an array can be written behind it.
        let of_text = FUNCTIONS.iter().filter(|function| function.group != FunctionGroup::Chance);
        let methods = of_text.filter(|function| is_first(function.form, &["text", "array", "x", "object"]));
        all.extend(methods.map(|function| {
            let more = function.form.contains(',');
            let insert = if is_called { function.name.to_owned() } else { format!("{}()", function.name) };
            Candidate {
                label: function.name.to_owned(),
                kind: CandidateKind::Function,
                replaces: replaces.clone(),
                insert,
                back: usize::from(more && !is_called),
                detail: function.form.to_owned(),
                about: function.about.to_owned(),
            }
        }));
        fitting(all, typed)
    }

    /// The values that are known at a path, each with what has it: an event, or the state.
    fn values<'s>(&'s self, path: &'s [&str]) -> impl Iterator<Item = (&'s str, &'s Value)> {
        let of_event = path.strip_prefix(&["event", "data"]);
        let of_state = path.strip_prefix(&["state"]);
        let samples = self.vocabulary.samples.iter().map(|(event, sample)| (event.as_str(), sample));
        let state = self.vocabulary.state.iter().map(|state| ("the state", state));
        let events = of_event.into_iter().flat_map(move |below| samples.clone().map(move |known| (below, known)));
        let states = of_state.into_iter().flat_map(move |below| state.clone().map(move |known| (below, known)));
        events.chain(states).filter_map(|(below, (owner, sample))| {
            let found = below.iter().try_fold(sample, |value, name| value.get(name))?;
            Some((owner, found))
        })
    }

    fn fields(&self, path: &[&str], replaces: &Range<usize>) -> Vec<Candidate> {
        let mut fields: Vec<Candidate> = Vec::new();
        let mut owners: Vec<Vec<&str>> = Vec::new();
        for (event, value) in self.values(path) {
            let Value::Object(object) = value else { continue };
            for (name, value) in object {
                if let Some(known) = fields.iter().position(|field| field.label == *name) {
                    if !owners[known].contains(&event) {
                        owners[known].push(event);
                    }
                    continue;
                }
                // What is no name is asked for in brackets, in place of the point.
                let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && !name.is_empty();
                let point = replaces.start.saturating_sub(1);
                let quoted = Value::from(name.as_str());
                fields.push(Candidate {
                    label: name.clone(),
                    kind: CandidateKind::Field,
                    replaces: if is_name { replaces.clone() } else { point..replaces.end },
                    insert: if is_name { name.clone() } else { format!("[{quoted}]") },
                    back: 0,
                    detail: shortened(value),
                    about: String::new(),
                });
                owners.push(vec![event]);
            }
        }
        for (field, owners) in fields.iter_mut().zip(owners) {
            field.about = format!("Of {}", owners.join(", "));
        }
        fields
    }

    // ---- texts ----------------------------------------------------------------------------------------------------

    /// Within quotes: what that which is compared with it can be.
    fn in_text(&self, at: usize, is_closed: bool) -> Vec<Candidate> {
        let Some(path) = self.compared(at).or_else(|| self.first_argument(at)) else { return Vec::new() };
        let token = &self.tokens[at];
        // One that is not closed yet goes on to the end of the line: what stands there is not for it.
        let inside = token.start + 1..if is_closed { token.end - 1 } else { self.cursor };
        let typed = &self.source[inside.start..self.cursor];
        let close = if is_closed { "" } else { "\"" };
        let candidates = self.texts_of(&path).into_iter().map(|candidate| Candidate {
            insert: format!("{}{close}", candidate.insert),
            replaces: inside.clone(),
            ..candidate
        });
        fitting(candidates.collect(), typed)
    }

    /// The path that what stands at a place is compared with: `event.type == …`, `event.type in ["a", …`.
    fn compared(&self, at: usize) -> Option<Vec<&str>> {
        let before = at.checked_sub(1)?;
        if self.is_sign(Some(before), &["==", "!="]) {
            return self.path(before);
        }
        // An element of an array that something may be in.
        let mut place = before;
        while self.is_sign(Some(place), &[","]) && matches!(self.kind(place.checked_sub(1)), Some(TokenKind::Text(_))) {
            place = place.checked_sub(2)?;
        }
        let is_in = matches!(self.kind(place.checked_sub(1)), Some(TokenKind::Word(word)) if word == "in");
        if self.is_sign(Some(place), &["["]) && is_in { self.path(place - 1) } else { None }
    }

    /// The path that a function is given in front of this text: `matches(event.type, "…`.
    fn first_argument(&self, at: usize) -> Option<Vec<&str>> {
        let comma = at.checked_sub(1).filter(|at| self.is_sign(Some(*at), &[","]))?;
        self.path(comma)
    }

    /// The texts that a path is known to have.
    fn texts_of(&self, path: &[&str]) -> Vec<Candidate> {
        let candidate = |text: &str, kind, about: &str| Candidate {
            label: text.to_owned(),
            kind,
            replaces: 0..0,
            insert: text.replace('\\', "\\\\").replace('"', "\\\""),
            back: 0,
            detail: String::new(),
            about: about.to_owned(),
        };
        match path {
            ["event", "type"] => {
                let events = self.vocabulary.events.iter();
                events.map(|(name, about)| candidate(name, CandidateKind::EventType, about)).collect()
            }
            ["event", "source"] => {
                let sources = self.vocabulary.sources.iter();
                sources.map(|(id, title)| candidate(id, CandidateKind::Node, title)).collect()
            }
            _ => {
                let mut texts: Vec<Candidate> = Vec::new();
                for (event, value) in self.values(path) {
                    if let Value::String(text) = value
                        && text.len() <= 80
                        && !texts.iter().any(|known| known.label == *text)
                    {
                        texts.push(candidate(text, CandidateKind::Text, &format!("Of {event}")));
                    }
                }
                texts
            }
        }
    }
}

fn is_literal(word: &str) -> bool {
    matches!(word, "true" | "false" | "null")
}

fn keyword(word: &str, replaces: &Range<usize>) -> Option<Candidate> {
    let (name, about) = KEYWORDS.iter().find(|(name, _)| *name == word)?;
    Some(Candidate {
        label: (*name).to_owned(),
        kind: CandidateKind::Keyword,
        replaces: replaces.clone(),
        insert: (*name).to_owned(),
        back: 0,
        detail: String::new(),
        about: (*about).to_owned(),
    })
}

/// An example of a value, in few characters.
fn shortened(value: &Value) -> String {
    let text = match value {
        Value::Object(_) => return "{ … }".to_owned(),
        Value::Array(items) => return format!("[ {} ]", items.len()),
        value => value.to_string(),
    };
    if text.chars().count() <= 24 { text } else { text.chars().take(23).chain(['…']).collect() }
}

/// Those that begin with what was typed, then those that contain it, then those that have its letters in this order.
fn fitting(all: Vec<Candidate>, typed: &str) -> Vec<Candidate> {
    let typed = typed.to_lowercase();
    let mut ranked: Vec<(u8, Candidate)> = all
        .into_iter()
        .filter_map(|candidate| {
            let label = candidate.label.to_lowercase();
            let rank = match () {
                () if label.starts_with(&typed) => 0,
                () if label.contains(&typed) => 1,
                () if has_letters(&label, &typed) => 2,
                () => return None,
            };
            Some((rank, candidate))
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether the letters that were typed come in this order, the first one first: `tint` is `to_int`.
fn has_letters(label: &str, typed: &str) -> bool {
    let mut letters = label.chars();
    let begins = label.chars().next() == typed.chars().next();
    begins && typed.chars().all(|wanted| letters.any(|letter| letter == wanted))
}
