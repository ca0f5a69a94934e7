//! The fast driver: virtual time, flat out. Also how a run is run again, for a report or a question about its past.

use std::ops::ControlFlow;

use crate::kernel::{Kernel, Stopped};
use crate::model::SimTime;
use crate::trace::Observer;

use super::journal::Entry;

/// Steps between two looks at whether to go on: some milliseconds of work.
const BATCH: u32 = 1 << 15;

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The instant was reached.
    Until,
    /// Whoever watched had seen enough.
    Cancelled,
    /// The kernel cannot go on by itself, or not at all.
    Stopped(Stopped),
}

/// Whoever watches is told how far it is, and says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(&Kernel) -> ControlFlow<()>;

/// Runs a machine up to and including an instant, or until nothing is left to do; the journal's entries come in where
/// they came in. The entries are those that the machine has not seen.
///
/// A run with an end gets there even if nothing is left to do before.
pub fn run<O: Observer>(
    kernel: &mut Kernel,
    entries: &[Entry],
    until: Option<SimTime>,
    out: &mut O,
    watch: Watch<'_>,
) -> Finished {
    for entry in entries.iter().take_while(|entry| until.is_none_or(|until| entry.at <= until)) {
        // Within an instant steps tell the place: an input that came before all else of it and one that came after.
        while kernel.steps() < entry.steps || kernel.now() < entry.at {
            let left = entry.steps.saturating_sub(kernel.steps()).clamp(1, u64::from(BATCH));
            let before = (kernel.steps(), kernel.now());
            let stopped = advance(kernel, entry.at, left as u32, out);
            if watch(kernel).is_break() {
                return Finished::Cancelled;
            }
            if let Stopped::Limit(_) = stopped {
                return Finished::Stopped(stopped);
            }
            if (kernel.steps(), kernel.now()) == before {
                // The machine stands where the journal says that it went on: these two do not belong together.
                debug_assert!(false, "the journal's entry at {} does not fit the run at {}", entry.at, kernel.now());
                break;
            }
        }
        if let Some(input) = entry.what.input(kernel.plan()) {
            kernel.inject(input);
        }
    }
    loop {
        let stopped = match until {
            Some(until) => advance(kernel, until, BATCH, out),
            None => kernel.run_until(SimTime::MAX, BATCH, out),
        };
        let goes_on = watch(kernel);
        match stopped {
            Stopped::Budget if goes_on.is_break() => return Finished::Cancelled,
            Stopped::Budget => {}
            Stopped::Until => return Finished::Until,
            Stopped::Quiet | Stopped::Stuck | Stopped::Limit(_) => return Finished::Stopped(stopped),
        }
    }
}

/// One batch towards an instant; where nothing is left to do, the clock goes there by itself.
pub(super) fn advance<O: Observer>(kernel: &mut Kernel, until: SimTime, budget: u32, out: &mut O) -> Stopped {
    let stopped = kernel.run_until(until, budget, out);
    if let Stopped::Quiet | Stopped::Stuck = stopped {
        kernel.idle_until(until, out);
    }
    stopped
}
