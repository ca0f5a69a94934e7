//! One file a kind of node.

mod function;
mod producer;
mod worker;

pub(super) use self::worker::Planned;
