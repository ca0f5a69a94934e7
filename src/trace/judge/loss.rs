//! Nothing lost: every way in which an event can be gone for good.

use super::{Breach, CaseTally, Ledger, Reach, Record, What, Wrong};
use crate::model::{EventId, LinkIx, NodeIx, SimTime, SubIx};
use crate::trace::record::Leg;

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
        let mut lost = |event: EventId, node: Option<NodeIx>, link: Option<LinkIx>, wrong| {
            tally.judged += 1;
            tally.breach(Breach { at, event: Some(event), node, link, wrong });
        };
        match record.what {
            What::Rejected { link, node, event, reason, .. } if self.reach.has_link(link) => {
                lost(event, Some(node), Some(link), Wrong::Lost(reason));
            }
            What::LinkLost { link, event, leg, .. } => {
                let for_good = match leg {
                    Leg::Publish | Leg::Call | Leg::DeadLetter => self.reach.has_link(link),
                    // Whoever waits for an ack hands it over again.
                    Leg::Deliver => self.reach.has_link(link) && self.reach.hand_over.contains(&link),
                    Leg::Answer => false,
                };
                if for_good {
                    lost(event, None, Some(link), Wrong::LostOnLink);
                }
            }
            What::Dropped { sub, event, node, reason, .. } if self.ends(sub) => {
                self.seen += 1;
                lost(event, Some(node), None, Wrong::Lost(reason));
            }
            What::Evicted { sub, event, node, .. } if self.ends(sub) => {
                self.seen += 1;
                lost(event, Some(node), None, Wrong::Lost(super::Reason::Retention));
            }
            What::Failed { node, sub, event, lost: true, .. }
            | What::LostInCrash { node, sub, event, lost: true, .. }
                if self.reach.has_sub(sub) =>
            {
                lost(event, Some(node), None, Wrong::LostInHandler);
            }
            What::Forgotten { node, event } if self.reach.has_queue(node) => {
                lost(event, Some(node), None, Wrong::Forgotten);
            }
            What::Opened { sub, .. } if self.reach.has_sub(sub) => self.open += 1,
            What::Acked { sub, .. } | What::DeadLettered { sub, .. } | What::Purged { sub, .. } if self.ends(sub) => {
                tally.judged += 1;
            }
            What::Accepted { link, .. } if self.reach.has_link(link) => tally.judged += 1,
            What::Buried { node, .. } if self.reach.has_queue(node) => tally.judged += 1,
            _ => {}
        }
    }

    /// An obligation ends; whether it is within the reach.
    fn ends(&mut self, sub: SubIx) -> bool {
        let is_within = self.reach.has_sub(sub);
        self.open = self.open.saturating_sub(u64::from(is_within));
        is_within
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
