//! Topic patterns with NATS wildcards: `orders.*`, `orders.>`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::quantity::serde_as_text;

/// Which topics a subscription takes, or which event types a handler reacts to.
///
/// Names are tokens between dots. `*` stands for exactly one token; `>`, last only, for one or more.
/// Source: the NATS documentation, "Subject-Based Messaging".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

/// Why a text is no pattern, and at which character (counted from 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at character {column}")]
pub struct PatternError {
    /// What is wrong.
    pub what: &'static str,
    /// Where, counted from 1.
    pub column: usize,
}

impl Pattern {
    /// Checks the text and takes it.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let error = |what, column| Err(PatternError { what, column });
        if text.is_empty() {
            return error("a pattern must not be empty", 1);
        }
        let mut column = 1;
        let mut tokens = text.split('.').peekable();
        while let Some(token) = tokens.next() {
            if token.is_empty() {
                return error("an empty part between dots", column);
            }
            if token == ">" && tokens.peek().is_some() {
                return error("“>” stands at the end only", column);
            }
            if token.len() > 1
                && let Some(at) = token.chars().position(|c| c == '*' || c == '>')
            {
                return error("a wildcard stands for a whole part between dots", column + at);
            }
            if let Some(at) = token.chars().position(|c| c.is_whitespace() || c.is_control()) {
                return error("a blank", column + at);
            }
            column += token.chars().count() + 1;
        }
        Ok(Self(text.into()))
    }

    /// The pattern of everything: `>`.
    pub fn all() -> Self {
        Self(">".into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one name.
    pub fn has_wildcard(&self) -> bool {
        self.0.split('.').any(|token| token == "*" || token == ">")
    }

    /// Whether it stands for this name.
    pub fn matches(&self, name: &str) -> bool {
        // Most patterns are the very name that they are asked about.
        if *self.0 == *name {
            return true;
        }
        let mut tokens = name.split('.');
        for part in self.0.split('.') {
            match (part, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (part, Some(token)) if part == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::new(text)
    }
}

serde_as_text!(Pattern);
