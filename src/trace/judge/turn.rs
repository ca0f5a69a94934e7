//! What a record does to an obligation: the one place where the judge names every kind of record, so that a new final state
//! is noticed here and by all that is judged.

use super::What;
use crate::model::{EventId, NodeIx, SubIx};
use crate::trace::ways::Reason;

/// What becomes of an obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is owed.
    Opened,
    /// One that was settled is owed once more: a seek went back to it.
    Again,
    /// It is settled.
    Settled,
    /// It was given up, and a dead-letter queue has it.
    DeadLettered,
    /// It was worth nothing any more, at this bus.
    Expired {
        /// Which bus.
        node: NodeIx,
        /// Whether a dead-letter queue has a copy.
        is_kept: bool,
    },
    /// It is gone.
    Lost {
        /// Where.
        node: NodeIx,
        /// Why.
        reason: Reason,
    },
    /// An edit took away what it was owed to.
    Purged,
}

impl Turn {
    /// Whether it comes to its end.
    pub(super) const fn is_end(self) -> bool {
        match self {
            Self::Opened | Self::Again => false,
            Self::Settled | Self::DeadLettered | Self::Expired { .. } | Self::Lost { .. } | Self::Purged => true,
        }
    }
}

/// The obligation that a record is about, if something becomes of it.
pub(super) const fn turn(what: &What<'_>) -> Option<(SubIx, EventId, Turn)> {
    Some(match *what {
        What::Opened { sub, event, .. } => (sub, event, Turn::Opened),
        What::Replayed { sub, event, .. } => (sub, event, Turn::Again),
        What::Acked { sub, event, .. } => (sub, event, Turn::Settled),
        What::DeadLettered { sub, event, .. } => (sub, event, Turn::DeadLettered),
        What::Expired { sub, event, node, to, .. } => (sub, event, Turn::Expired { node, is_kept: to.is_some() }),
        What::Dropped { sub, event, node, reason, .. } => (sub, event, Turn::Lost { node, reason }),
        What::Evicted { sub, event, node, .. } => (sub, event, Turn::Lost { node, reason: Reason::Retention }),
        What::Purged { sub, event, .. } => (sub, event, Turn::Purged),
        // On its way, or from one attempt to the next.
        What::Delivered { .. }
        | What::Received { .. }
        | What::Started { .. }
        | What::Handled { .. }
        | What::Recognised { .. }
        | What::Failed { .. }
        | What::Throttled { .. }
        | What::Stale { .. }
        | What::Retrying { .. }
        | What::Queued { .. }
        | What::Postponed { .. }
        | What::HeldBack { .. }
        | What::Limited { .. }
        | What::Muted { .. }
        | What::OrderGap { .. }
        | What::LostInCrash { .. }
        | What::Cancelled { .. }
        // Before it is owed, or after it has ended.
        | What::Emitted { .. }
        | What::Sent { .. }
        | What::Accepted { .. }
        | What::Deduped { .. }
        | What::Rejected { .. }
        | What::Unconfirmed { .. }
        | What::CallFailed { .. }
        | What::Buried { .. }
        | What::Forgotten { .. }
        // Where it is owed: another record says what becomes of it.
        | What::OutOfRange { .. }
        | What::Removed { .. }
        | What::Sought { .. }
        // Of its sender, not of who is owed.
        | What::Requested { .. }
        | What::Replied { .. }
        | What::Unanswered { .. }
        | What::Orphaned { .. }
        // What a stream processor makes of it.
        | What::WatermarkAdvanced { .. }
        | What::Gathered { .. }
        | What::Late { .. }
        | What::HeldAlready { .. }
        | What::WindowClosed { .. }
        | What::Joined { .. }
        | What::StateLost { .. }
        // Of nodes, links and the run.
        | What::Blocked { .. }
        | What::Unblocked { .. }
        | What::Deadlocked { .. }
        | What::BreakerTurned { .. }
        | What::InstanceStarted { .. }
        | What::InstanceReclaimed { .. }
        | What::Rebalanced { .. }
        | What::Assigned { .. }
        | What::Broken { .. }
        | What::Edited { .. }
        | What::SourceEnded { .. }
        | What::Draining
        | What::FaultBegan { .. }
        | What::FaultEnded { .. }
        | What::LinkLost { .. }
        | What::Duplicated { .. }
        | What::HeldUp { .. }
        | What::TurnedAway { .. }
        | What::Slowed { .. }
        | What::Skewed { .. }
        | What::Kept { .. } => return None,
    })
}
