//! Nothing lost: every way in which an event can be gone for good.

use super::turn::{Turn, turn};
use super::{Breach, CaseTally, Ledger, Reach, Reason, Record, What, Wrong};
use crate::model::{EventId, LinkIx, NodeIx, SimTime, SubIx};
use crate::trace::ways::Leg;

/// Sees what is lost within a reach.
#[derive(Clone, Debug)]
pub(super) struct Loss {
    pub(super) reach: Reach,
    /// Obligations that are open within the reach.
    open: u64,
    /// Obligations of which records said that they were lost.
    seen: u64,
}

impl Loss {
    pub(super) const fn new(reach: Reach) -> Self {
        Self { reach, open: 0, seen: 0 }
    }

    pub(super) const fn open(&self) -> u64 {
        self.open
    }

    pub(super) fn record(&mut self, record: &Record<'_>, tally: &mut CaseTally) {
        let at = record.at;
        let lost = |tally: &mut CaseTally, event: EventId, node: Option<NodeIx>, link: Option<LinkIx>, wrong| {
            tally.judged += 1;
            tally.breach(Breach { at, event: Some(event), node, link, wrong });
        };
        if let Some((sub, event, turn)) = turn(&record.what)
            && self.reach.has_sub(sub)
        {
            self.open = if turn.is_end() { self.open.saturating_sub(1) } else { self.open + 1 };
            match turn {
                Turn::Opened | Turn::Again => {}
                Turn::Settled | Turn::DeadLettered | Turn::Purged => tally.judged += 1,
                // What expires with a way to a dead-letter queue is kept there.
                Turn::Expired { node: _, is_kept: true } => {
                    self.seen += 1;
                    tally.judged += 1;
                }
                Turn::Expired { node, is_kept: false } => {
                    self.seen += 1;
                    lost(tally, event, Some(node), None, Wrong::Lost(Reason::Expired));
                }
                Turn::Lost { node, reason } => {
                    self.seen += 1;
                    lost(tally, event, Some(node), None, Wrong::Lost(reason));
                }
            }
            return;
        }
        match record.what {
            What::Rejected { link, node, event, reason, .. } if self.reach.has_link(link) => {
                lost(tally, event, Some(node), Some(link), Wrong::Lost(reason));
            }
            What::LinkLost { link, event, leg, .. } => {
                let for_good = match leg {
                    Leg::Publish | Leg::Call | Leg::DeadLetter => self.reach.has_link(link),
                    // Whoever waits for an ack hands it over again.
                    Leg::Deliver | Leg::Replay => self.reach.has_link(link) && self.reach.hand_over.contains(&link),
                    Leg::Answer => false,
                };
                if for_good {
                    lost(tally, event, None, Some(link), Wrong::LostOnLink);
                }
            }
            What::Failed { node, sub, event, lost: true, .. }
            | What::LostInCrash { node, sub, event, lost: true, .. }
                if self.reach.has_sub(sub) =>
            {
                lost(tally, event, Some(node), None, Wrong::LostInHandler);
            }
            What::Forgotten { node, event } if self.reach.has_queue(node) => {
                lost(tally, event, Some(node), None, Wrong::Forgotten);
            }
            What::Accepted { link, .. } if self.reach.has_link(link) => tally.judged += 1,
            What::Buried { node, .. } if self.reach.has_queue(node) => tally.judged += 1,
            _ => {}
        }
    }

    pub(super) fn finish(&self, at: SimTime, ledger: &Ledger, tally: &mut CaseTally) {
        let within = ledger.subs.iter().enumerate().filter(|(sub, _)| self.reach.has_sub(SubIx(*sub as u32)));
        let lost: u64 = within.map(|(_, counts)| counts.dropped + counts.expired + counts.retention_lost).sum();
        if lost > self.seen {
            let wrong = Wrong::LostUnseen(lost - self.seen);
            tally.breach(Breach { at, event: None, node: None, link: None, wrong });
        }
    }
}
