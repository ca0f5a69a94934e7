//! What a log keeps, and what becomes of records that it no longer does.

use super::event_list::Class;
use super::state::{Job, OpenState, Tag};
use super::{Cx, Kernel, Limit, limits};
use crate::trace::{Observer, Phase, What};

impl Kernel {
    /// After an append: evicts what is beyond the topic's limits, and gives memory back where a segment became full.
    pub(super) fn trim<O: Observer>(&mut self, cx: &mut Cx<'_, O>, partition_ix: usize, is_segment_full: bool) {
        let plan = cx.plan;
        let topic = &plan.topics[plan.partitions[partition_ix].topic.index()];
        if let Some(rules) = &topic.rules {
            self.trim_ruled(cx, rules, partition_ix);
        } else if topic.keep_records != u64::MAX {
            let excess = self.partitions[partition_ix].live().saturating_sub(topic.keep_records);
            let excess = excess.saturating_sub(u64::from(planted!(KeepsOneMore)));
            let start = self.partitions[partition_ix].start + excess;
            self.evict(cx, partition_ix, start);
        }
        if topic.keep != u64::MAX && !self.partitions[partition_ix].retention_armed {
            self.arm_retention(cx, partition_ix);
        }
        if is_segment_full {
            self.give_memory_back(cx, partition_ix);
        }
    }

    pub(super) fn give_memory_back<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize) {
        let plan = &cx.plan.partitions[partition_ix];
        let keeps = cx.plan.topics[plan.topic.index()].keeps();
        let floors = plan.cursors.iter().map(|cursor| self.cursors[*cursor as usize].floor);
        let settled = floors.min();
        let partition = &mut self.partitions[partition_ix];
        // A record that is evicted and still being handled may come back and must be known then.
        let start = match (keeps, settled) {
            (true, Some(settled)) => partition.start.min(settled),
            (true, None) => partition.start,
            (false, Some(settled)) => settled,
            (false, None) => partition.log.end(),
        };
        if !keeps {
            partition.start = start;
        }
        let kept = partition.log.forget(start);
        if let Some(payloads) = &mut partition.payloads {
            payloads.forget(start);
        }
        self.retained = self.retained + kept - partition.kept;
        partition.kept = kept;
        if self.retained > limits::RETAINED {
            self.limit = Some(Limit::Retained);
        }
    }

    fn arm_retention<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize) {
        let topic = &cx.plan.topics[cx.plan.partitions[partition_ix].topic.index()];
        let partition = &mut self.partitions[partition_ix];
        if topic.keep == u64::MAX {
            return;
        }
        if let Some(oldest) = partition.log.get(partition.start) {
            partition.retention_armed = true;
            let due = oldest.at.saturating_add(topic.keep).max(self.now) + u64::from(planted!(KeepsTooLong));
            self.arm(due, Class::Timer, Job::timer(Tag::Retention, Job::NONE, partition_ix as u32));
        }
    }

    /// The oldest record of a partition may be too old.
    pub(super) fn on_retention<O: Observer>(&mut self, cx: &mut Cx<'_, O>, partition_ix: u32) {
        let partition_ix = partition_ix as usize;
        let keep = cx.plan.topics[cx.plan.partitions[partition_ix].topic.index()].keep;
        let partition = &mut self.partitions[partition_ix];
        partition.retention_armed = false;
        if keep == u64::MAX {
            return;
        }
        let mut start = partition.start;
        while partition.log.get(start).is_some_and(|slot| slot.at.saturating_add(keep) <= self.now) {
            start += 1;
        }
        self.evict(cx, partition_ix, start);
        self.give_memory_back(cx, partition_ix);
        self.arm_retention(cx, partition_ix);
    }

    /// Evicts everything before `start`, read or not. What is in flight stays with its member.
    pub(super) fn evict<O: Observer>(&mut self, cx: &mut Cx<'_, O>, partition_ix: usize, start: u64) {
        let plan = cx.plan;
        let partition_plan = &plan.partitions[partition_ix];
        let first = self.partitions[partition_ix].start;
        if start <= first {
            return;
        }
        self.partitions[partition_ix].start = start;
        for cursor in &partition_plan.cursors {
            let cursor = *cursor;
            let sub_ix = plan.cursors[cursor as usize].sub;
            let mut skipped = 0;
            // Those that were handed over before and wait for another attempt.
            let until = self.cursors[cursor as usize].next.min(start);
            for offset in self.cursors[cursor as usize].floor..until {
                skipped += u64::from(self.lose_open(cx, cursor, offset));
            }
            // Those that nobody has seen.
            while self.cursors[cursor as usize].next < start {
                let Some(offset) = self.cursors[cursor as usize].next_fresh() else { break };
                if offset >= start {
                    // Its mark was taken off the mask; it belongs back.
                    if let Some(mask) = &mut self.cursors[cursor as usize].mask {
                        mask.push_front(true);
                    }
                    break;
                }
                self.cursors[cursor as usize].fresh -= 1;
                self.lose(cx, cursor, offset, Phase::Queued);
                self.cursors[cursor as usize].step_over();
                skipped += 1;
            }
            if self.cursors[cursor as usize].line.is_some() {
                self.wake(sub_ix, &plan.subs[sub_ix.index()]);
            }
            if skipped > 0 {
                let (topic, partition) = (partition_plan.topic, partition_plan.number);
                cx.show(What::OutOfRange { sub: sub_ix, topic, partition, skipped });
            }
        }
        if self.partitions[partition_ix].ruled.is_some() {
            self.forget_evicted(cx, partition_ix, first, start);
        }
    }

    /// Ends the obligation for a record that waits between floor and next and that the log has let go. Whether there was
    /// one that nobody had seen: those are in a line too.
    pub(super) fn lose_open<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) -> bool {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let state = &mut self.cursors[cursor as usize];
        let Some(open) = state.open_at(offset) else { return false };
        let from = match open.state {
            OpenState::Queued => Phase::Queued,
            OpenState::Delayed => Phase::Delayed,
            OpenState::InFlight | OpenState::Settled => return false,
        };
        let is_unseen = open.token == 0;
        if from == Phase::Queued {
            state.again -= 1;
        } else {
            state.delayed -= 1;
            self.count_undelayed(sub_ix, sub);
        }
        self.lose(cx, cursor, offset, from);
        self.cursors[cursor as usize].settle(offset);
        is_unseen
    }

    pub(super) fn lose<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64, from: Phase) {
        let plan = cx.plan;
        let sub_ix = plan.cursors[cursor as usize].sub;
        let sub = &plan.subs[sub_ix.index()];
        let partition = &self.partitions[plan.cursors[cursor as usize].partition as usize];
        let Some(slot) = partition.log.get(offset).copied() else { return };
        self.cursors[cursor as usize].counts.retention_lost += 1;
        if from == Phase::Queued {
            self.count_unqueued(sub_ix, sub, plan.events[slot.kind().index()].size);
        }
        cx.show(What::Evicted { sub: sub_ix, event: slot.event, node: sub.node, from });
        Self::mark_gap(cx, sub_ix, &slot);
    }
}
