//! What each part of a source is, for whoever shows it: words, numbers, text; and where an error stands.

use std::ops::Range;

use super::ExprError;
use super::scan::{TokenKind, tokens};

/// What a part of a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Operators, brackets, blanks, names of one's own.
    Plain,
    /// `if`, `null`, `in`.
    Keyword,
    /// `event` and what is behind it.
    Event,
    /// The name of a function.
    Function,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
}

/// The parts of a source, one behind the other without a gap.
pub fn paint(source: &str) -> Vec<(Range<usize>, Paint)> {
    let Ok(tokens) = tokens(source) else { return vec![(0..source.len(), Paint::Plain)] };
    let mut paints = vec![Paint::Plain; source.len()];
    // What is between tokens and no blank is a comment.
    let mut behind = 0;
    for token in &tokens {
        comment(source, behind..token.start, &mut paints);
        behind = behind.max(token.end);
    }
    comment(source, behind..source.len(), &mut paints);
    let mut is_path = false;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map(|token| &token.kind);
        let is_member = at > 0 && matches!(tokens[at - 1].kind, TokenKind::Sign("." | "?."));
        let is_call = matches!(next, Some(TokenKind::Sign("(")));
        let paint = match &token.kind {
            TokenKind::Word(_) if is_call => Paint::Function,
            TokenKind::Word(word) => {
                is_path = if is_member { is_path } else { word == "event" };
                match word.as_str() {
                    _ if is_path => Paint::Event,
                    word if !is_member && super::KEYWORDS.iter().any(|(keyword, _)| *keyword == word) => Paint::Keyword,
                    _ => Paint::Plain,
                }
            }
            TokenKind::Number(_) => Paint::Number,
            TokenKind::Text(_) => Paint::Text,
            TokenKind::Opaque if source[token.start..].starts_with(['`', '#', '\'']) => Paint::Text,
            TokenKind::Sign(".") if is_path => Paint::Event,
            TokenKind::Opaque | TokenKind::Sign(_) => Paint::Plain,
        };
        paints[token.start..token.end].fill(paint);
    }
    let mut parts: Vec<(Range<usize>, Paint)> = Vec::new();
    for (at, paint) in paints.into_iter().enumerate() {
        match parts.last_mut() {
            Some((range, last)) if *last == paint => range.end = at + 1,
            _ => parts.push((at..at + 1, paint)),
        }
    }
    parts
}

/// Paints a gap between tokens, where it holds more than blanks.
fn comment(source: &str, gap: Range<usize>, paints: &mut [Paint]) {
    let Some(text) = source.get(gap.clone()).filter(|text| !text.trim().is_empty()) else { return };
    let start = gap.start + (text.len() - text.trim_start().len());
    paints[start..start + text.trim().len()].fill(Paint::Comment);
}

/// The part of a source that an error is about: the token that begins at its place, or what is nearest to it.
pub fn place_of(error: &ExprError, source: &str) -> Range<usize> {
    let line = source.split_inclusive('\n').take(error.line.saturating_sub(1)).map(str::len).sum::<usize>();
    let within = source[line..].lines().next().unwrap_or("");
    let column = error.column.saturating_sub(1);
    let start = line + within.char_indices().nth(column).map_or(within.len(), |(at, _)| at);
    let tokens = tokens(source).unwrap_or_default();
    let end = tokens.iter().filter(|token| (token.start..token.end).contains(&start)).map(|token| token.end).min();
    match (end, source[start..].chars().next()) {
        (Some(end), _) => start..end,
        (None, Some(c)) if !c.is_whitespace() => start..start + c.len_utf8(),
        // Something is missing here: what stands before it is shown.
        (None, _) => {
            let before = tokens.iter().rfind(|token| token.end <= start);
            before.map_or(start..start, |token| token.start..token.end)
        }
    }
}
