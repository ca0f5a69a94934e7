//! The first seconds of a run, for a picture that shows them over and over.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::model::{SimDuration, SimTime};

use super::fast;
use super::journal::Journal;
use super::look::Looker;
use super::view::{Dot, RunIndex};

/// How much of a run is glimpsed.
const SECONDS: u64 = 6;
/// Looks a second: each gives every link its share of the dots anew.
const LOOKS: u64 = 4;

/// What moved in the first seconds of a run: real events, each with its link and its times.
#[derive(Clone, Debug, Default)]
pub struct Glimpse {
    /// Names for links and event types.
    pub index: Arc<RunIndex>,
    /// What left, in the order in which it did.
    pub dots: Vec<Dot>,
    /// How long it lasts.
    pub lasts: SimDuration,
}

/// Runs a journal from its start for a few seconds of virtual time, as fast as the machine can.
pub fn glimpse(journal: &Journal) -> Glimpse {
    let lasts = SimDuration::from_secs(SECONDS);
    let mut looker = Looker::new(&journal.start.plan);
    let mut kernel = journal.kernel();
    let mut dots = Vec::new();
    for look in 1..=SECONDS * LOOKS {
        let until = SimTime::ZERO + SimDuration::from_millis(look * 1_000 / LOOKS);
        fast::run(&mut kernel, &journal.entries, Some(until), &mut looker, &mut |_| ControlFlow::Continue(()));
        dots = looker.look(until, lasts).0;
    }
    Glimpse { index: Arc::clone(looker.index()), dots, lasts }
}
