//! What the figures of a run are.

use super::histogram::Histogram;

/// What became of publish attempts: law C3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Publishes {
    /// Sent towards a bus.
    pub attempts: u64,
    /// Taken into a log.
    pub accepted: u64,
    /// Refused.
    pub rejected: u64,
    /// Known already, and not stored again.
    pub deduped: u64,
    /// Lost on a link, by a fault.
    pub link_lost: u64,
    /// Neither, as far as anybody knows: the answer of an outside broker was lost.
    pub unknown: u64,
}

impl Publishes {
    /// Without an outcome so far: on the wire, or waiting before a full queue.
    pub const fn on_wire(&self) -> u64 {
        self.attempts - self.accepted - self.rejected - self.deduped - self.link_lost - self.unknown
    }
}

/// The figures of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Events that left along it.
    pub sent: u64,
    /// Events that arrived.
    pub arrived: u64,
    /// Events that were lost on the way, by a fault.
    pub lost: u64,
    /// Events that a fault brought once more: they are among those that left.
    pub duplicated: u64,
}

/// The figures of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionFigures {
    /// Instances that an event had to wait for.
    pub cold_starts: u64,
    /// Instances there are.
    pub instances: u32,
    /// The most there were at once.
    pub instances_max: u32,
    /// What it cost before its price was changed by an edit, in billionths of a dollar.
    pub(super) paid: u128,
    /// Handlings and their time that are in `paid`.
    pub(super) paid_count: u64,
    pub(super) paid_nanos: u128,
}

/// The figures of a stream processor: what came to its windows or joins is the sum of the first three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFigures {
    /// Events that it took in in time.
    pub on_time: u64,
    /// Events that it took in although the watermark had passed them by.
    pub late_taken: u64,
    /// Events that were too late.
    pub late: u64,
    /// Windows as often as they came out, and pairs.
    pub results: u64,
}

/// The figures of a node, as a report has them. What does not apply to its kind is zero.
#[derive(Clone, Debug)]
pub struct NodeFigures<'a> {
    /// Attempts that arrived; for a dead-letter queue, letters.
    pub received: u64,
    /// Attempts that succeeded; for a bus, publishes that it accepted.
    pub handled: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Attempts that arrived and were not the first.
    pub retried: u64,
    /// Events that it emitted.
    pub emitted: u64,
    /// Attempts that were handed back because nothing was free.
    pub throttled: u64,
    /// Attempts of events whose effect was there already.
    pub recognised: u64,
    /// Publishes to it that it had stored already.
    pub deduped: u64,
    /// Events waiting in front of it, now.
    pub queue: u64,
    /// The longest that its queue was for any time.
    pub queue_max: u64,
    /// The mean length of its queue, weighted by time.
    pub queue_mean: f64,
    /// Events being handled, now.
    pub busy: u32,
    /// Share of its capacity that was in use.
    pub utilization: f64,
    /// Time in its queue.
    pub wait: &'a Histogram,
    /// Time being handled.
    pub service: &'a Histogram,
    /// From the root cause to the end of its handling here.
    pub end_to_end: &'a Histogram,
    /// A function's own figures.
    pub function: Option<FunctionFigures>,
    /// A stream processor's own figures.
    pub stream: Option<StreamFigures>,
    /// A function's cost in billionths of a dollar.
    pub cost_nanodollars: u128,
}

/// A node's work: but for what it does now, counters that only grow, so that two of them tell what happened between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Attempts that arrived.
    pub received: u64,
    /// Attempts that succeeded; for a bus, publishes that it accepted.
    pub handled: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that it emitted.
    pub emitted: u64,
    /// Events being handled, now.
    pub busy: u32,
    /// Attempts that were begun.
    pub waits: u64,
    /// How long those had waited together.
    pub waited_nanos: u64,
    /// How long it worked, each of its hands counted.
    pub busy_nanos: u64,
}
