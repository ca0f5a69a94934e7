//! The first look at a source: its tokens, what it mentions, and what is refused before the engine sees it.
//!
//! It also turns what people know from JSON (`{ "a": null }`) into what the engine reads (`#{ "a": () }`), and remembers
//! where, so that the places in the engine's errors are those of the source.

use std::collections::BTreeSet;

use super::{ExprError, Purpose, SOURCE_BYTES};

/// Brackets, calls and assignments that one source may have.
///
/// There are no loops, so each can make a value only one level deeper: this bounds how deep values nest, and with it
/// the stack that walking them takes.
const NESTING_TOKENS: usize = 256;

/// How deep texts with expressions in them may nest.
const TEXT_DEPTH: usize = 8;

/// The names behind `event.`.
pub(super) const ATTRIBUTES: [&str; 9] = ["id", "source", "type", "subject", "time", "key", "hops", "number", "data"];

/// A source that passed the first look.
pub(super) struct Scan {
    /// What the engine is to compile.
    pub(super) script: String,
    /// Its tokens, as in the source.
    pub(super) tokens: Vec<Token>,
    /// What it mentions.
    pub(super) uses: Uses,
    /// Line and column, in the script, of each sign that the source does not have.
    pub(super) inserted: Vec<(usize, usize)>,
}

/// What of an event a source mentions.
pub(super) struct Uses {
    /// The attributes by their place in [`ATTRIBUTES`].
    pub(super) attributes: [bool; ATTRIBUTES.len()],
    /// The data.
    pub(super) data: DataUse,
}

/// Which of an event's data a source mentions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DataUse {
    /// None.
    None,
    /// These fields of an object, and what is below them.
    Fields(BTreeSet<String>),
    /// All of it.
    All,
}

/// A token, and where it begins and ends.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// A name or a keyword.
    Word(String),
    /// A number as it is written.
    Number(String),
    /// Text in double quotes, if it has only the escapes of JSON that the engine reads in the same way.
    Text(Option<String>),
    /// Text in backticks, of which only the expressions in it follow as tokens; or anything else that has an inside.
    Opaque,
    /// An operator or a bracket.
    Sign(&'static str),
}

impl Scan {
    /// A place in the script as a place in the source.
    pub(super) fn source_column(inserted: &[(usize, usize)], line: usize, column: usize) -> usize {
        column - inserted.iter().filter(|(l, c)| *l == line && *c < column).count()
    }
}

/// Takes a source apart, refuses what the language does not have, and writes the script for the engine.
pub(super) fn scan(source: &str, purpose: Purpose) -> Result<Scan, ExprError> {
    if source.len() > SOURCE_BYTES {
        let what = format!("an expression has at most {SOURCE_BYTES} bytes");
        return Err(ExprError { what, line: 1, column: 1, hint: "Say it in fewer words".to_owned() });
    }
    let tokens = tokens(source)?;
    if tokens.is_empty() {
        let (what, hint) = match purpose {
            Purpose::Condition => ("there is no condition", "Write one, as in event.data.amount > 100"),
            Purpose::Key => ("there is no key", "Write one, as in event.data.customer"),
            Purpose::Data => ("there are no data", "Write some, as in { \"amount\": 12.5 }"),
        };
        return Err(ExprError { what: what.to_owned(), line: 1, column: 1, hint: hint.to_owned() });
    }
    let uses = uses(&tokens)?;
    refuse(&tokens)?;
    let (script, inserted) = script(source, &tokens);
    Ok(Scan { script, tokens, uses, inserted })
}

// ---- tokens -------------------------------------------------------------------------------------------------------

/// Operators and brackets, the longer ones first.
const SIGNS: [&str; 58] = [
    "<<=", ">>=", "**=", "...", "..=", "===", "!==", "&&", "||", "??", "?.", "?[", "==", "!=", "<=", ">=", "<<", ">>",
    "**", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "=>", "..", "::", "->", "#{", "(", ")", "[", "]", "{", "}",
    ".", ",", ";", ":", "!", "<", ">", "=", "+", "-", "*", "/", "%", "&", "|", "^", "?", "#", "$", "@",
];

struct Reader<'a> {
    source: &'a str,
    at: usize,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            self.line += 1;
            self.column = 1;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn skip_chars(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn skip_while(&mut self, test: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&test) {
            self.next();
        }
    }
}

pub(super) fn tokens(source: &str) -> Result<Vec<Token>, ExprError> {
    let mut reader = Reader { source, at: 0, line: 1, column: 1 };
    let mut tokens = Vec::new();
    read(&mut reader, &mut tokens, 0)?;
    Ok(tokens)
}

/// Reads to the end; inside a text to the brace that closes its expression.
fn read(reader: &mut Reader<'_>, tokens: &mut Vec<Token>, inside: usize) -> Result<(), ExprError> {
    let mut braces = 0usize;
    loop {
        reader.skip_while(|c| c.is_whitespace());
        let (start, line, column) = (reader.at, reader.line, reader.column);
        let Some(first) = reader.peek() else { return Ok(()) };
        if inside > TEXT_DEPTH {
            let what = "texts are nested too deeply in each other".to_owned();
            return Err(ExprError { what, line, column, hint: "Join them with +".to_owned() });
        }
        let place = tokens.len();
        let mut push = |kind| tokens.push(Token { kind, start, end: start, line, column });
        if reader.rest().starts_with("//") {
            reader.skip_while(|c| c != '\n');
        } else if reader.rest().starts_with("/*") {
            skip_block_comment(reader);
        } else if first.is_alphabetic() || first == '_' {
            reader.skip_while(|c| c.is_alphanumeric() || c == '_');
            push(TokenKind::Word(reader.source[start..reader.at].to_owned()));
        } else if first.is_ascii_digit() {
            number(reader);
            push(TokenKind::Number(reader.source[start..reader.at].to_owned()));
        } else if first == '"' {
            push(TokenKind::Text(text(reader)));
        } else if first == '\'' {
            skip_char(reader);
            push(TokenKind::Opaque);
        } else if first == '`' {
            push(TokenKind::Opaque);
            reader.next();
            while let Some(c) = reader.next() {
                if c == '`' {
                    break;
                }
                if c == '$' && reader.peek() == Some('{') {
                    reader.next();
                    read(reader, tokens, inside + 1)?;
                }
            }
        } else if let Some(hashes) = raw_text_hashes(reader.rest()) {
            push(TokenKind::Opaque);
            let end = format!("\"{}", "#".repeat(hashes));
            reader.skip_chars(hashes + 1);
            let rest = reader.rest();
            let length = rest.find(&end).map_or(rest.chars().count(), |at| rest[..at].chars().count() + end.len());
            reader.skip_chars(length);
        } else if let Some(sign) = SIGNS.iter().find(|sign| reader.rest().starts_with(**sign)) {
            reader.skip_chars(sign.len());
            match *sign {
                "}" if inside > 0 && braces == 0 => return Ok(()),
                "}" => braces = braces.saturating_sub(1),
                "{" | "#{" => braces += 1,
                _ => {}
            }
            push(TokenKind::Sign(sign));
        } else {
            reader.next();
            push(TokenKind::Opaque);
        }
        // Of a text with expressions in it the text itself: its expressions follow it.
        if let Some(token) = tokens.get_mut(place) {
            token.end = reader.at;
        }
    }
}

/// How many `#` open a raw text here, if one begins.
fn raw_text_hashes(rest: &str) -> Option<usize> {
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    (hashes > 0 && rest[hashes..].starts_with('"')).then_some(hashes)
}

/// Block comments nest.
fn skip_block_comment(reader: &mut Reader<'_>) {
    let mut depth = 0usize;
    loop {
        if reader.rest().starts_with("/*") {
            depth += 1;
            reader.skip_chars(2);
        } else if reader.rest().starts_with("*/") {
            depth -= 1;
            reader.skip_chars(2);
        } else if reader.next().is_none() {
            return;
        }
        if depth == 0 {
            return;
        }
    }
}

/// Digits, a point with digits behind it, an exponent. Other notations are left to the engine.
fn number(reader: &mut Reader<'_>) {
    reader.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
    let mut behind = reader.rest().chars();
    if behind.next() == Some('.') && behind.next().is_some_and(|c| c.is_ascii_digit()) {
        reader.next();
        reader.skip_while(|c| c.is_ascii_alphanumeric() || c == '_');
    }
}

fn text(reader: &mut Reader<'_>) -> Option<String> {
    let mut text = Some(String::new());
    reader.next();
    loop {
        let c = match reader.next()? {
            '"' => return text,
            '\\' => match reader.next()? {
                '"' => '"',
                '\\' => '\\',
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                _ => {
                    text = None;
                    continue;
                }
            },
            // The engine ends an unfinished text here, and says so.
            '\n' => return None,
            c => c,
        };
        if let Some(text) = &mut text {
            text.push(c);
        }
    }
}

fn skip_char(reader: &mut Reader<'_>) {
    reader.next();
    while let Some(c) = reader.next() {
        if c == '\'' {
            return;
        }
        if c == '\\' {
            reader.next();
        }
    }
}

// ---- what is refused ----------------------------------------------------------------------------------------------

fn refuse(tokens: &[Token]) -> Result<(), ExprError> {
    let mut nesting = 0;
    for (at, token) in tokens.iter().enumerate() {
        let error = |what: String, hint: &str| {
            Err(ExprError { what, line: token.line, column: token.column, hint: hint.to_owned() })
        };
        let next = tokens.get(at + 1).map(|token| &token.kind);
        let is_member = at > 0 && matches!(tokens[at - 1].kind, TokenKind::Sign("." | "?."));
        match &token.kind {
            TokenKind::Word(word) => {
                let is_key = matches!(next, Some(TokenKind::Sign(":")));
                let is_call = matches!(next, Some(TokenKind::Sign("(")));
                match word.as_str() {
                    _ if is_key => {}
                    "while" | "loop" | "for" | "do" if !is_member => {
                        return error(
                            format!("there are no loops, so “{word}” cannot be used"),
                            "Say what is true of one event; a run asks for each of them",
                        );
                    }
                    "fn" | "Fn" | "call" | "curry" | "private" if !is_member || is_call => {
                        return error(
                            format!("there are no functions of one's own, so “{word}” cannot be used"),
                            "Write out what the function would do",
                        );
                    }
                    "map" | "filter" | "reduce" | "reduce_rev" | "for_each" | "all" | "some" | "retain" | "find"
                    | "find_map" | "sort_by" | "order_by" | "dedup" | "drain"
                        if is_call =>
                    {
                        return error(
                            format!("“{word}” needs a function, and there are none of one's own"),
                            "Use what an array answers itself, as in event.data.list.len() or \"a\" in event.data.list",
                        );
                    }
                    "import" | "export" | "eval" | "print" | "debug" | "global" | "this" | "try" | "catch"
                    | "throw" | "sleep" | "exit" | "parse_json"
                        if !is_member || is_call =>
                    {
                        return error(
                            format!("“{word}” cannot be used in an expression"),
                            "An expression only looks at its event and says a value",
                        );
                    }
                    "and" | "or" | "not" if !is_member => {
                        let sign = match word.as_str() {
                            "and" => "&&",
                            "or" => "||",
                            _ => "!",
                        };
                        return error(format!("“{word}” is no operator"), &format!("Write {sign}"));
                    }
                    _ if is_call => nesting += 1,
                    _ => {}
                }
            }
            TokenKind::Sign("**" | "**=") => {
                return error("“**” is no operator here".to_owned(), "Write pow(a, b)");
            }
            TokenKind::Sign("===" | "!==") => {
                return error("this is no operator".to_owned(), "Write == or !=");
            }
            TokenKind::Sign("=" | "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" | "<<=" | ">>=")
                if assigns_to_event(&tokens[..at]) =>
            {
                return error("an event cannot be changed".to_owned(), "To compare, write ==");
            }
            TokenKind::Sign("[" | "?[" | "{" | "#{" | "(" | "=" | "+=") => nesting += 1,
            TokenKind::Number(_) | TokenKind::Text(_) | TokenKind::Opaque | TokenKind::Sign(_) => {}
        }
        if nesting > NESTING_TOKENS {
            return error(
                format!("an expression has at most {NESTING_TOKENS} brackets, calls and assignments"),
                "Say it in fewer words",
            );
        }
    }
    Ok(())
}

/// Whether what stands before an assignment is a path that begins at `event`.
fn assigns_to_event(before: &[Token]) -> bool {
    let mut wants_name = true;
    for token in before.iter().rev() {
        match (&token.kind, wants_name) {
            (TokenKind::Word(word), true) if word == "event" => return true,
            (TokenKind::Word(_), true) => wants_name = false,
            (TokenKind::Sign("." | "?."), false) => wants_name = true,
            _ => return false,
        }
    }
    false
}

// ---- what is mentioned --------------------------------------------------------------------------------------------

fn uses(tokens: &[Token]) -> Result<Uses, ExprError> {
    let mut uses = Uses { attributes: [false; ATTRIBUTES.len()], data: DataUse::None };
    let word = |at: usize| match tokens.get(at).map(|token| &token.kind) {
        Some(TokenKind::Word(word)) => Some(word.as_str()),
        _ => None,
    };
    let sign = |at: usize| match tokens.get(at).map(|token| &token.kind) {
        Some(TokenKind::Sign(sign)) => Some(*sign),
        _ => None,
    };
    let all = |uses: &mut Uses| *uses = Uses { attributes: [true; ATTRIBUTES.len()], data: DataUse::All };
    for (at, token) in tokens.iter().enumerate() {
        let is_member = at > 0 && matches!(sign(at - 1), Some("." | "?."));
        let is_key = sign(at + 1) == Some(":");
        match &token.kind {
            TokenKind::Word(name) if name == "event" && !is_member && !is_key => {
                if matches!(at.checked_sub(1).and_then(word), Some("let" | "const")) {
                    return Err(ExprError {
                        what: "“event” always is the event".to_owned(),
                        line: token.line,
                        column: token.column,
                        hint: "Choose another name for the variable".to_owned(),
                    });
                }
                let (Some("." | "?."), Some(attribute)) = (sign(at + 1), word(at + 2)) else {
                    all(&mut uses);
                    continue;
                };
                let Some(ix) = ATTRIBUTES.iter().position(|known| *known == attribute) else {
                    let token = &tokens[at + 2];
                    return Err(unknown_attribute(attribute, token.line, token.column));
                };
                uses.attributes[ix] = true;
                if attribute == "data" {
                    let field = match (sign(at + 3), word(at + 4)) {
                        (Some("." | "?."), Some(field)) if sign(at + 5) != Some("(") => Some(field),
                        _ => None,
                    };
                    match (field, &mut uses.data) {
                        (Some(field), DataUse::Fields(fields)) => {
                            fields.insert(field.to_owned());
                        }
                        (Some(field), DataUse::None) => uses.data = DataUse::Fields(BTreeSet::from([field.to_owned()])),
                        (Some(_), DataUse::All) => {}
                        (None, _) => uses.data = DataUse::All,
                    }
                }
            }
            TokenKind::Word(_) | TokenKind::Number(_) | TokenKind::Text(_) | TokenKind::Opaque | TokenKind::Sign(_) => {
            }
        }
    }
    Ok(uses)
}

fn unknown_attribute(name: &str, line: usize, column: usize) -> ExprError {
    let near = nearest(name, ATTRIBUTES.into_iter());
    let hint = match near {
        Some(near) => format!("Did you mean event.{near}?"),
        None => format!("Fields of the data are behind event.data: did you mean event.data.{name}?"),
    };
    ExprError { what: format!("an event has no attribute “{name}”"), line, column, hint }
}

/// The candidate that a writer of `name` most likely meant, if one is near.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

// ---- the script ---------------------------------------------------------------------------------------------------

/// The source as the engine reads it: `#` before the brace of an object, `()` for `null`.
fn script(source: &str, tokens: &[Token]) -> (String, Vec<(usize, usize)>) {
    let mut script = String::with_capacity(source.len() + 16);
    let mut inserted: Vec<(usize, usize)> = Vec::new();
    let mut copied = 0;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &tokens[at].kind);
        let kind = |at: usize| tokens.get(at).map(|token| &token.kind);
        match &token.kind {
            TokenKind::Sign("{") => {
                let keyed = matches!(kind(at + 1), Some(TokenKind::Word(_) | TokenKind::Text(_)))
                    && matches!(kind(at + 2), Some(TokenKind::Sign(":")));
                // Empty braces are an object where only a value can stand, and a block behind a condition.
                let is_value = match before {
                    None => true,
                    Some(TokenKind::Sign(sign)) => !matches!(*sign, ")" | "]" | "}" | ";" | "{" | "#{" | "=>"),
                    Some(_) => false,
                };
                let empty = is_value && matches!(kind(at + 1), Some(TokenKind::Sign("}")));
                if keyed || empty {
                    script.push_str(&source[copied..token.start]);
                    copied = token.start;
                    let earlier = inserted.iter().filter(|(line, _)| *line == token.line).count();
                    inserted.push((token.line, token.column + earlier));
                    script.push('#');
                }
            }
            TokenKind::Word(word) if word == "null" && !matches!(before, Some(TokenKind::Sign("." | "?."))) => {
                // As long as `null`, so that no place moves.
                script.push_str(&source[copied..token.start]);
                script.push_str("(())");
                copied = token.start + word.len();
            }
            _ => {}
        }
    }
    script.push_str(&source[copied..]);
    (script, inserted)
}
