//! Subscriptions that remember what was handled, so that an event has its effect once however often it comes.
//!
//! The memory stands beside the effects and is written with them, as a table of keys in the same transaction is: an event is
//! remembered when its handling ends well, and whoever comes second, even at the same time, finds it there and has no effect.
//! So the memory is the group's, and outlives its members.

use std::collections::{BTreeMap, BTreeSet};

use super::state::Job;
use super::{Kernel, Limit, limits};
use crate::model::EventId;
use crate::plan::Plan;

/// What was handled, and until when that is remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    until: BTreeMap<EventId, u64>,
    /// The same, by when it is forgotten.
    forgotten: BTreeSet<(u64, EventId)>,
}

impl Memory {
    /// Whether an event is remembered: for `[handled, handled + window)`.
    fn holds(&self, event: EventId, now: u64) -> bool {
        self.until.get(&event).is_some_and(|until| now < *until + u64::from(planted!(RememberedTooLong)) * 5_000_000)
    }

    fn keep(&mut self, event: EventId, now: u64, until: u64) {
        while let Some((forgotten, event)) = self.forgotten.first().copied()
            && forgotten <= now
        {
            self.forgotten.pop_first();
            self.until.remove(&event);
        }
        if let Some(before) = self.until.insert(event, until) {
            self.forgotten.remove(&(before, event));
        }
        self.forgotten.insert((until, event));
    }
}

impl Kernel {
    /// Whether a delivery is of an event whose effect is there already.
    pub(super) fn is_remembered(&self, plan: &Plan, job: &Job) -> bool {
        let Some((slot, _)) = memory_of(plan, job) else { return false };
        self.subs[slot].memory.as_ref().is_some_and(|memory| memory.holds(job.slot.event, self.now))
    }

    /// An event has had its effect.
    pub(super) fn remember_effect(&mut self, plan: &Plan, job: &Job) {
        let Some((slot, window)) = memory_of(plan, job).filter(|_| !planted!(EffectTwice)) else { return };
        let memory = self.subs[slot].memory.get_or_insert_default();
        memory.keep(job.slot.event, self.now, self.now.saturating_add(window));
        if memory.until.len() > limits::REMEMBERED {
            self.limit = Some(Limit::Remembered);
        }
    }
}

/// The place of the memory that a delivery's subscription has, and for how long it remembers.
fn memory_of(plan: &Plan, job: &Job) -> Option<(usize, u64)> {
    if job.source & Job::INBOX != 0 {
        return None;
    }
    let sub = &plan.subs[plan.cursors[job.source as usize].sub.index()];
    (sub.remembers > 0).then_some((sub.slot as usize, sub.remembers))
}
