//! The counters that figures are worked out of, laid out by how often records touch them.

use super::histogram::Histogram;

/// A queue over time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueueCell {
    /// When it changed last.
    pub(super) last: u64,
    /// Length times time so far.
    pub(super) area: u128,
    pub(super) length: u32,
    /// The greatest length that lasted.
    pub(super) max: u32,
}

impl QueueCell {
    /// Accounts for the time up to now at the present length. What lasts no time was never there.
    #[inline]
    pub(super) fn tick(&mut self, now: u64) {
        let lasted = now - self.last;
        if lasted > 0 {
            self.area += u128::from(self.length) * u128::from(lasted);
            self.max = self.max.max(self.length);
            self.last = now;
        }
    }

    #[inline]
    pub(super) fn add(&mut self, now: u64) {
        self.tick(now);
        self.length += 1;
    }

    #[inline]
    pub(super) fn remove(&mut self, now: u64) {
        self.tick(now);
        self.length = self.length.saturating_sub(1);
    }

    pub(super) fn area_until(&self, now: u64) -> u128 {
        self.area + u128::from(self.length) * u128::from(now.saturating_sub(self.last))
    }

    pub(super) const fn max_until(&self, now: u64) -> u32 {
        if now > self.last && self.length > self.max { self.length } else { self.max }
    }
}

/// The counters of a node that nearly every record touches: one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct NodeCell {
    pub(super) queue: QueueCell,
    pub(super) busy: u32,
    /// Of the queue, what has been handed over and not begun.
    pub(super) local: u32,
    pub(super) received: u64,
    pub(super) emitted: u64,
    /// When each of those being handled began, summed: what they have used so far follows. It wraps around; a difference
    /// does not, unless all of them together have taken five hundred years.
    pub(super) busy_since: u64,
}

impl NodeCell {
    /// One more is being handled.
    #[inline]
    pub(super) const fn begin(&mut self, now: u64) {
        self.busy += 1;
        self.busy_since = self.busy_since.wrapping_add(now);
    }

    /// Time that those being handled have used so far.
    pub(super) const fn running(&self, now: u64) -> u64 {
        (self.busy as u64).wrapping_mul(now).wrapping_sub(self.busy_since)
    }
}

/// The other counters of a node. Attempts that succeeded are not counted: they are those that took time and did not fail.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RareCell {
    pub(super) accepted: u64,
    pub(super) failed: u64,
    pub(super) retried: u64,
    pub(super) throttled: u64,
    pub(super) recognised: u64,
    pub(super) deduped: u64,
    /// Time that those used which were being handled when their node was removed.
    pub(super) cut_nanos: u128,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Spreads {
    pub(super) wait: Histogram,
    pub(super) service: Histogram,
    pub(super) end_to_end: Histogram,
}

/// The counters of a subscription that nearly every obligation touches: half a cache line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SubCell {
    pub(super) obligations: u64,
    pub(super) acked: u64,
    pub(super) queued: u32,
    pub(super) in_flight: u32,
    /// Where its queue is counted: a node, or with [`SHARED`] a shared cell.
    pub(super) queue: u32,
    pub(super) is_inbox: bool,
}

pub(super) const SHARED: u32 = 1 << 31;
