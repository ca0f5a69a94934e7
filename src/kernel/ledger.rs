//! Figures that come from the run's own tables: where every obligation stands, how much memory a keyframe takes.

use std::sync::Arc;

use serde_json::Value;

use super::Kernel;
use super::state::{CursorState, InboxState, Job, NodeRest, NodeState, OpenState};
use crate::model::{EventId, EventTypeIx, KindTag, LinkIx, NodeIx, SimTime, SubIx, TopicIx};
use crate::trace::{Ledger, LedgerCounts, Phase, Reason};

/// One open obligation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenObligation {
    /// The subscription or inbox.
    pub sub: SubIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// Where it stands.
    pub phase: Phase,
    /// How often it was handed over.
    pub attempts: u32,
}

/// A letter in a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// The subscription or inbox that gave it up.
    pub sub: SubIx,
    /// Why.
    pub reason: Reason,
    /// How often it was handed over.
    pub attempts: u32,
    /// When it was handed over first.
    pub first: SimTime,
    /// When it came here.
    pub at: SimTime,
    /// Its data, where the run has them at hand.
    pub data: Option<Arc<Value>>,
}

impl Kernel {
    /// Where every obligation stands, by the cursors' own positions and counts.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger { subs: vec![LedgerCounts::default(); self.plan.subs.len()], ..Ledger::default() };
        for (cursor, plan) in self.cursors.iter().zip(&self.plan.cursors) {
            ledger.subs[plan.sub.index()].add(&cursor.ledger());
        }
        for (sub, plan) in self.plan.subs.iter().enumerate() {
            if plan.is_inbox {
                ledger.subs[sub].add(&self.inboxes[plan.slot as usize].ledger());
            }
        }
        for counts in &ledger.subs {
            ledger.total.add(counts);
        }
        ledger
    }

    /// Every open obligation: what is still owed, item by item.
    pub fn open_obligations(&self) -> Vec<OpenObligation> {
        let mut open = Vec::new();
        for (cursor, plan) in self.cursors.iter().zip(&self.plan.cursors) {
            let log = &self.partitions[plan.partition as usize].log;
            let mut add = |offset: u64, phase, attempts: u16| {
                if let Some(slot) = log.get(offset) {
                    let (event, kind) = (slot.event, slot.kind());
                    open.push(OpenObligation { sub: plan.sub, event, kind, phase, attempts: attempts.into() });
                }
            };
            for (place, entry) in cursor.open.iter().enumerate() {
                let phase = match entry.state {
                    OpenState::Queued => Phase::Queued,
                    OpenState::Delayed => Phase::Delayed,
                    OpenState::InFlight => Phase::InFlight,
                    OpenState::Settled => continue,
                };
                add(cursor.floor + place as u64, phase, entry.attempt);
            }
            if cursor.fresh > 0 {
                for offset in cursor.next..log.end() {
                    let place = (offset - cursor.next) as usize;
                    if cursor.mask.as_ref().is_none_or(|mask| mask.get(place) == Some(&true)) {
                        add(offset, Phase::Queued, 0);
                    }
                }
            }
        }
        let calls = self.jobs.used_jobs().filter(|job| job.source != Job::NONE && job.source & Job::INBOX != 0);
        for job in calls {
            let Some(phase) = job.call_phase() else { continue };
            let (sub, event, kind) = (SubIx(job.source & !Job::INBOX), job.slot.event, job.slot.kind());
            // One that waits in the node's queue has been handed over as often as it was tried.
            open.push(OpenObligation { sub, event, kind, phase, attempts: job.attempt.into() });
        }
        self.list_outside(&mut open);
        open.sort_by_key(|obligation| (obligation.sub, obligation.event));
        open
    }

    /// The newest letters of a dead-letter queue, at most so many, oldest first.
    pub fn dead_letters(&self, node: NodeIx, most: usize) -> Vec<Letter> {
        if self.plan.node_kind(node) != KindTag::DeadLetterQueue {
            return Vec::new();
        }
        let grave = &self.graves[self.nodes[node.index()].extra as usize];
        let first = grave.start.max(grave.log.end().saturating_sub(most as u64));
        let letters = (first..grave.log.end()).filter_map(|offset| grave.log.get(offset));
        let letter = |letter: &super::DeadLetter| Letter {
            event: letter.slot.event,
            kind: letter.slot.kind(),
            sub: SubIx(letter.sub),
            reason: letter.reason,
            attempts: letter.attempts.into(),
            first: SimTime::from_nanos(letter.first),
            at: SimTime::from_nanos(letter.at),
            data: letter.payload.as_ref().and_then(|payload| payload.data.clone()),
        };
        letters.map(letter).collect()
    }

    /// The member that owns each partition of a topic within a subscription; all `None` where members share the queue.
    pub fn owners(&self, sub: SubIx, topic: TopicIx) -> Vec<Option<NodeIx>> {
        let partitions = &self.plan.topics[topic.index()].partitions;
        let owner = |partition: &u32| {
            let cursors = &self.plan.partitions[*partition as usize].cursors;
            let cursor = cursors.iter().find(|cursor| self.plan.cursors[**cursor as usize].sub == sub)?;
            let link = self.cursors[*cursor as usize].owner?;
            Some(self.plan.link_ends(LinkIx(link)).1)
        };
        partitions.iter().map(owner).collect()
    }

    /// How many records of each partition of a topic a subscription has not settled: its lag.
    pub fn lag(&self, sub: SubIx, topic: TopicIx) -> Vec<u64> {
        let partitions = &self.plan.topics[topic.index()].partitions;
        let lag = |partition: &u32| {
            let cursors = &self.plan.partitions[*partition as usize].cursors;
            let cursor = cursors.iter().find(|cursor| self.plan.cursors[**cursor as usize].sub == sub);
            cursor.map_or(0, |cursor| self.cursors[*cursor as usize].ledger().open())
        };
        partitions.iter().map(lag).collect()
    }

    /// How many records were appended to each partition of a topic.
    pub fn ends(&self, topic: TopicIx) -> Vec<u64> {
        let partitions = &self.plan.topics[topic.index()].partitions;
        partitions.iter().map(|partition| self.partitions[*partition as usize].log.end()).collect()
    }

    /// Whether a ring of blocked nodes was found.
    pub const fn has_ring(&self) -> bool {
        self.has_ring
    }

    /// How many bytes a keyframe copies, without what it shares.
    pub fn state_bytes(&self) -> usize {
        let cursors: usize = self.cursors.iter().map(|cursor| cursor.open.len() * 32 + size_of::<CursorState>()).sum();
        self.nodes.len() * (size_of::<NodeState>() + size_of::<NodeRest>())
            + self.inboxes.len() * size_of::<InboxState>()
            + cursors
            + self.jobs.bytes()
            + self.list.bytes()
    }
}

impl CursorState {
    fn ledger(&self) -> LedgerCounts {
        LedgerCounts {
            obligations: self.counts.opened,
            acked: self.counts.acked,
            dropped: self.counts.dropped,
            dead_lettered: self.counts.dead_lettered,
            expired: self.counts.expired,
            retention_lost: self.counts.retention_lost,
            purged: self.counts.purged,
            queued: self.fresh + u64::from(self.again),
            delayed: self.delayed.into(),
            in_flight: self.in_flight.into(),
        }
    }
}

impl InboxState {
    fn ledger(&self) -> LedgerCounts {
        LedgerCounts {
            obligations: self.opened,
            acked: self.acked,
            dropped: self.dropped,
            dead_lettered: self.dead_lettered,
            expired: 0,
            retention_lost: 0,
            purged: self.purged,
            queued: self.queued.into(),
            delayed: self.delayed.into(),
            in_flight: self.in_flight.into(),
        }
    }
}
