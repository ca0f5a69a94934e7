//! What observers have to know of a plan: how many of everything there are, and what belongs together.

use crate::model::{KindTag, NodeIx};

/// The tables that figures are kept in, by the handles of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// By node handle.
    pub nodes: Vec<NodeShape>,
    /// How many links there are, dead-letter paths included.
    pub links: usize,
    /// By subscription handle.
    pub subs: Vec<SubShape>,
}

/// What observers have to know of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeShape {
    /// What it does.
    pub kind: KindTag,
    /// Whether it is still drawn.
    pub alive: bool,
    /// How many events it can handle at once.
    pub capacity: u32,
    /// A function's price of one nanosecond of use, in 2^-30 billionths of a billionth of a dollar (memory x price).
    pub price_byte_seconds: u128,
    /// A function's price of one invocation, in billionths of a dollar.
    pub price_invocation: u64,
}

/// What observers have to know of a subscription or inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubShape {
    /// Its members; an inbox has one.
    pub members: Vec<NodeIx>,
    /// Whether it is an inbox.
    pub is_inbox: bool,
}
