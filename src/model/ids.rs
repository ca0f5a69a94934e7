//! Names of things: readable ids as a file holds them, and the dense handles that a run uses for them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::limits;
use super::quantity::serde_as_text;

/// Why a text cannot name a thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// There is nothing to call it by.
    #[error("a name must not be empty")]
    Empty,
    /// Beyond [`limits::NAME_CHARS`], or [`limits::LINK_NAME_CHARS`] for a link.
    #[error("a name has at most {limit} characters")]
    TooLong {
        /// How many it may have.
        limit: usize,
    },
    /// A blank, control or other character that would break a diff, a pattern or a path.
    #[error("a name must not contain {0:?}")]
    Character(char),
}

fn checked_name(text: &str, forbidden: &[char], limit: usize) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.chars().count() > limit {
        return Err(IdError::TooLong { limit });
    }
    let wrong = |c: &char| c.is_control() || c.is_whitespace() || is_bidi_control(*c) || forbidden.contains(c);
    match text.chars().find(wrong) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(text.into()),
    }
}

/// Marks that reorder text around them: they would let one name look like another.
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

macro_rules! names {
    ($($(#[$doc:meta])+ $name:ident, forbidden $forbidden:expr, at most $limit:expr;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and takes it.
            pub fn new(text: &str) -> Result<Self, IdError> {
                checked_name(text, &$forbidden, $limit).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        serde_as_text!($name);
    )+};
}

names! {
    /// The id of a node: set when the node is made, never changed. Renaming a node changes its `name`.
    ///
    /// A run's random streams are keyed by it, so that editing one node leaves the others' draws alone.
    NodeId, forbidden ['>'], at most limits::NAME_CHARS;

    /// The id of a link, by habit `"from->to"`.
    LinkId, forbidden [], at most limits::LINK_NAME_CHARS;

    /// The name of an event type, as in `order.placed`.
    EventName, forbidden ['*', '>'], at most limits::NAME_CHARS;

    /// The name of a topic: tokens separated by dots, as in `sensors.kitchen.temperature`.
    TopicName, forbidden ['*', '>'], at most limits::NAME_CHARS;
}

/// Names in a person's words: blanks within them are allowed, at their ends they are not.
macro_rules! titles {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Checks the text and takes it: blanks within it are allowed, at its ends they are not.
            pub fn new(text: &str) -> Result<Self, $crate::model::IdError> {
                $crate::model::ids::checked_title(text).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::IdError;

            fn from_str(text: &str) -> Result<Self, $crate::model::IdError> {
                Self::new(text)
            }
        }

        $crate::model::quantity::serde_as_text!($name);
    )+};
}

pub(super) use titles;

pub(super) fn checked_title(text: &str) -> Result<Arc<str>, IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.chars().count() > limits::NAME_CHARS {
        return Err(IdError::TooLong { limit: limits::NAME_CHARS });
    }
    if text.trim() != text {
        return Err(IdError::Character(' '));
    }
    let wrong = |c: &char| c.is_control() || (c.is_whitespace() && *c != ' ') || is_bidi_control(*c);
    match text.chars().find(wrong) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(text.into()),
    }
}

/// The stem as a title that is not taken: the first number that makes it new is added.
pub(super) fn free_title(stem: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let stem: String = stem.trim().chars().filter(|c| !c.is_control()).take(limits::NAME_CHARS - 8).collect();
    let numbered = |n: u64| if n == 1 { stem.trim().to_owned() } else { format!("{} {n}", stem.trim()) };
    (1..=u64::MAX)
        .map(numbered)
        .find(|title| checked_title(title).is_ok() && !is_taken(title))
        .expect("numbers do not run out, and digits are well-formed")
}

impl LinkId {
    /// The habitual id of a link between two nodes.
    pub fn between(from: &NodeId, to: &NodeId) -> Self {
        Self(format!("{from}->{to}").into())
    }
}

impl From<&EventName> for TopicName {
    /// Events go to the topic of their type unless a link says otherwise.
    fn from(event: &EventName) -> Self {
        Self(Arc::clone(&event.0))
    }
}

macro_rules! handles {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into the tables of a plan.
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

handles! {
    /// A node of a run. Handles are dense, append-only within a run and never reused.
    NodeIx;
    /// A link of a run; drawn dead-letter paths have one too.
    LinkIx;
    /// A topic of a bus of a run.
    TopicIx;
    /// A subscription of a run (all members of a consumer group are one), or the inbox that takes a node's calls.
    SubIx;
    /// An event type of a run, by its name.
    EventTypeIx;
    /// A fault of a run: one of the scenario, or one that a hand made.
    FaultIx;
}

impl FaultIx {
    const BY_HAND: u32 = 1 << 31;

    /// The fault that a hand made as so manieth, counted from 0.
    pub const fn by_hand(number: u32) -> Self {
        Self(number | Self::BY_HAND)
    }

    /// Which of those that hands made it is, if it is one.
    pub const fn hand_number(self) -> Option<u32> {
        if self.0 & Self::BY_HAND == 0 { None } else { Some(self.0 & !Self::BY_HAND) }
    }
}

/// An event of a run: the node it came from and its number among that node's events, counted from 0.
///
/// It depends on nothing else, so that editing one node leaves the ids of the others' events alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u64);

impl EventId {
    /// Bits of the number; the rest is the node.
    const NUMBER_BITS: u32 = 40;

    /// The event of a node with this number.
    pub const fn new(origin: NodeIx, number: u64) -> Self {
        Self((origin.0 as u64) << Self::NUMBER_BITS | number)
    }

    /// The node it came from.
    pub const fn origin(self) -> NodeIx {
        NodeIx((self.0 >> Self::NUMBER_BITS) as u32)
    }

    /// Its number among the events of that node.
    pub const fn number(self) -> u64 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }

    /// Both in one, as records and slots hold it.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// From [`EventId::to_bits`].
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_would_mislead() {
        assert!(NodeId::new("billing-2").is_ok());
        for text in ["", "a b", "a\0", "a\u{202e}b", "a>b", &"x".repeat(201)] {
            assert!(NodeId::new(text).is_err(), "{text:?}");
        }
        assert!(EventName::new("order.*").is_err());
    }
}
