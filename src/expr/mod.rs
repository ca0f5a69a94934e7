//! The small language of filters, conditions and data: compiled once, evaluated with fuel, errors with a place.
//!
//! `event.data.amount > 100 && event.type == "order.placed"` is valid in it. Sources are expressions of rhai without
//! its loops, functions and modules; plain comparisons on attributes and data paths compile to a native predicate.

use std::sync::Arc;

use serde_json::Value;

/// What an expression can see of an event: its CloudEvents attributes and its data.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `event.id`
    pub id: &'a str,
    /// `event.source`: the id of the node it came from, or what a log says.
    pub source: &'a str,
    /// `event.type`
    pub kind: &'a str,
    /// `event.subject`, empty if there is none.
    pub subject: &'a str,
    /// `event.time`, nanoseconds of the run.
    pub time_nanos: u64,
    /// `event.key`, the partition key, empty if there is none.
    pub key: &'a str,
    /// `event.hops`: how far it is from its root cause.
    pub hops: u32,
    /// `event.data`
    pub data: &'a Arc<Value>,
    /// Where `random()` begins: fixed by seed, event and place, so that the same run draws the same.
    pub draws: u64,
    /// `event.number`: its number among the events of its node, counted from 0.
    pub number: u64,
}
