//! The machine: a pure, single-threaded state machine in virtual time. No clock, no thread, no IO.

use std::sync::Arc;

use serde_json::Value;

use crate::model::{NodeIx, SimTime};
use crate::plan::Plan;
use crate::trace::Observer;

/// Something that comes into a run from outside. It takes effect at the current instant, before everything else that is
/// due then.
#[derive(Clone, Debug)]
pub enum Input {
    /// A hand presses a producer's button, or calls a service or function.
    Fire {
        /// The node.
        node: NodeIx,
        /// How many events.
        count: u32,
        /// Their data, in place of the node's own.
        data: Option<Arc<Value>>,
        /// Their partition key, in place of the node's own.
        key: Option<Arc<str>>,
    },
    /// The flow was edited: a plan that was compiled with the current one as `previous`.
    Plan(Arc<Plan>),
    /// Sources stop; what is under way goes on.
    Drain,
}

/// Why [`Kernel::run_until`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that was due is done; there is more to come later, at [`Kernel::next_due`].
    Until,
    /// The budget is used up; there may be more to do at this very instant.
    Budget,
    /// Nothing is left to do, ever, unless something comes in.
    Quiet,
    /// Nodes block each other in a ring and nothing else is left to do; [`crate::trace::What::Deadlocked`] names them.
    Stuck,
    /// A named limit was reached; the run cannot go on.
    Limit(Limit),
}

/// A limit of a run that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// [`limits::PENDING`].
    #[error("more than {} events are under way at once", limits::PENDING)]
    Pending,
    /// [`limits::RETAINED`].
    #[error("topics keep more than {} records", limits::RETAINED)]
    Retained,
}

/// Limits of a run.
pub mod limits {
    /// Things under way at once: events on the wire or being handled, and timers.
    pub const PENDING: usize = 1 << 20;
    /// Records that the logs of all topics hold.
    pub const RETAINED: usize = 1 << 25;
    /// Hops are counted up to here; a hop limit beyond is none.
    pub const HOPS: u32 = (1 << 20) - 1;
    /// Dead letters that a queue keeps if it names no figure of its own.
    pub const DEAD_LETTERS: u64 = 100_000;
    /// Event types of a run.
    pub const EVENT_TYPES: usize = 1 << 12;
}

/// A run. A clone is a keyframe: it goes on exactly as the original does.
#[derive(Clone, Debug)]
pub struct Kernel {
    plan: Arc<Plan>,
    now: SimTime,
}

impl Kernel {
    /// A run of a plan that has not begun.
    pub fn new(plan: Arc<Plan>, _seed: u64) -> Self {
        Self { plan, now: SimTime::ZERO }
    }

    /// Handles everything due up to and including `until`, at most `budget` items, and shows each record to `out`.
    ///
    /// Unless the budget was used up, [`Kernel::now`] is then `until`.
    pub fn run_until<O: Observer>(&mut self, until: SimTime, _budget: u32, _out: &mut O) -> Stopped {
        self.now = until;
        Stopped::Quiet
    }

    /// Takes something in. It is carried out first thing by the next [`Kernel::run_until`], at [`Kernel::now`].
    pub fn inject(&mut self, _input: Input) {}

    /// The current instant.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// When there is something to do next; `None` if never.
    pub fn next_due(&self) -> Option<SimTime> {
        None
    }

    /// How many items were handled since the start. Two runs of the same inputs agree after the same number of steps: a
    /// journal can say between which two an input came.
    pub fn steps(&self) -> u64 {
        0
    }

    /// The plan that holds now.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Computes the data of every event as it comes into being, for people who look: what happens stays the same.
    pub fn keep_all_data(&mut self) {}
}
