//! Makes a plan of a flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Plan, Problem, ReplayLog};
use crate::model::{Flow, NodeId};

/// What a plan needs besides the flow: the logs that its producers replay, already read.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// By producer. One that replays and is missing here emits nothing.
    pub replays: BTreeMap<NodeId, Arc<ReplayLog>>,
}

/// Makes a plan; or the problems that keep it from being made.
///
/// With a `previous` plan of the same run, every handle of it keeps its meaning, and what is no longer drawn is marked so.
pub fn compile(_flow: &Flow, _inputs: &Inputs, _previous: Option<&Plan>) -> Result<Plan, Vec<Problem>> {
    Err(Vec::new())
}
