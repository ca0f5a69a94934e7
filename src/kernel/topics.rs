//! What few topics do: know publishes again, count bytes, let records go that were acknowledged or replaced.
//!
//! All of it hangs on one pointer of the topic's plan that is usually null, and on one of the partition's state.

use std::sync::Arc;

use super::compaction::Cleaner;
use super::dedup::MessageId;
use super::holes::Holes;
use super::state::{CursorState, OpenState, PartitionState, Payload, Slot};
use super::{Cx, Kernel, Ready};
use crate::model::{LinkIx, Retention, TopicIx};
use crate::plan::{Plan, TopicRules};
use crate::trace::{Observer, Phase, Reason, Removal, What};

/// What a partition remembers for the rules of its topic.
#[derive(Clone, Debug, Default)]
pub(super) struct Ruled {
    /// Bytes of the records that are kept.
    pub(super) bytes: u64,
    /// Offsets from the log's beginning on whose records are gone.
    pub(super) holes: Holes,
    pub(super) cleaner: Cleaner,
    /// Records that were settled by somebody since it was looked after last, and whether by an ack.
    settled: Vec<(u64, bool)>,
    /// Every record is to be looked at, whoever settled it.
    looks_at_all: bool,
    /// It is in the ring.
    is_woken: bool,
}

/// What becomes of a publish at the door of such a topic.
pub(super) enum Admission {
    /// It may go on; this is what it will be known by.
    In(Option<MessageId>),
    /// It is known already, or refused, and has been told so.
    Over,
}

impl PartitionState {
    /// Whether the record of an offset is no longer in the log.
    #[inline]
    pub(super) fn is_gone(&self, offset: u64) -> bool {
        offset < self.start || self.ruled.as_ref().is_some_and(|ruled| ruled.holes.contains(offset))
    }

    /// How many records the log keeps.
    pub(super) fn live(&self) -> u64 {
        self.log.end() - self.start - self.ruled.as_ref().map_or(0, |ruled| ruled.holes.count())
    }
}

impl CursorState {
    /// Whether a record is owed and not settled.
    fn owes(&self, offset: u64) -> bool {
        if let Some(place) = offset.checked_sub(self.next) {
            return self.fresh > 0 && self.mask.as_ref().is_none_or(|mask| mask.get(place as usize) == Some(&true));
        }
        let place = offset.checked_sub(self.floor);
        place.and_then(|place| self.open.get(place as usize)).is_some_and(|open| open.state != OpenState::Settled)
    }

    /// Takes a record out of those that wait and were never handed over. Whether it was one.
    fn pass_over(&mut self, offset: u64, end: u64) -> bool {
        let Some(place) = offset.checked_sub(self.next) else { return false };
        if self.fresh == 0 {
            return false;
        }
        let waiting = (end - self.next) as usize;
        let mask = self.mask.get_or_insert_with(|| std::iter::repeat_n(true, waiting).collect());
        let waits = mask.get_mut(place as usize).is_some_and(std::mem::take);
        self.fresh -= u64::from(waits);
        waits
    }
}

impl Kernel {
    /// A publish comes to a topic with rules.
    #[inline(never)]
    pub(super) fn admit<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        rules: &TopicRules,
        (link, topic): (LinkIx, TopicIx),
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
    ) -> Admission {
        let plan = cx.plan;
        let (event, kind, node) = (slot.event, slot.kind(), plan.topics[topic.index()].bus);
        if rules.compact.is_some() && slot.key_code() == 0 {
            cx.show(What::Rejected { link, node, event, kind, reason: Reason::NoKey });
            return Admission::Over;
        }
        let Some(dedup) = &rules.dedup else { return Admission::In(None) };
        let Ok(id) = self.message_id(plan, dedup, topic, slot, payload) else {
            cx.show(What::Rejected { link, node, event, kind, reason: Reason::Decode });
            return Admission::Over;
        };
        if let Some(stored) = self.known(topic, dedup, &id) {
            let (partition, of) = (stored.partition, stored.event);
            let offset = stored.offset.saturating_sub(u64::from(planted!(KnownAsAnother)));
            cx.show(What::Deduped { link, node, event, kind, topic, partition, offset, of });
            return Admission::Over;
        }
        Admission::In(Some(id))
    }

    /// A record was appended to a topic with rules, and everybody who subscribed has it.
    #[inline(never)]
    pub(super) fn appended<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        rules: &TopicRules,
        partition_ix: usize,
        id: Option<MessageId>,
    ) {
        let partition_plan = &cx.plan.partitions[partition_ix];
        let offset = self.partitions[partition_ix].log.end() - 1;
        let Some(slot) = self.partitions[partition_ix].log.get(offset).copied() else { return };
        if let Some(id) = id {
            self.remember(partition_plan.topic, id, slot.event, partition_plan.number, offset);
        }
        if let Some(ruled) = &mut self.partitions[partition_ix].ruled {
            ruled.bytes += cx.plan.events[slot.kind().index()].size;
        }
        if rules.compact.is_some() {
            self.note_key(cx, partition_ix, offset);
        }
        let is_kept = rules.retention != Retention::Interest || planted!(KeptForNobody);
        if !is_kept && !self.is_owed(cx.plan, partition_ix, offset) {
            self.remove_record(cx, partition_ix, offset, Removal::Consumed);
            self.move_start(cx, partition_ix);
        }
    }

    /// After an append: evicts what is beyond the limits of a topic with rules.
    pub(super) fn trim_ruled<O: Observer>(&mut self, cx: &mut Cx<'_, O>, rules: &TopicRules, partition_ix: usize) {
        let topic = &cx.plan.topics[cx.plan.partitions[partition_ix].topic.index()];
        let partition = &self.partitions[partition_ix];
        let Some(ruled) = &partition.ruled else { return };
        let (mut live, mut bytes, mut start) = (partition.live(), ruled.bytes, partition.start);
        let end = partition.log.end();
        let keep_bytes = rules.keep_bytes.saturating_add(u64::from(planted!(KeepsSomeBytesMore)) * 50);
        while start + 1 < end && (live > topic.keep_records || bytes > keep_bytes) {
            if !ruled.holes.contains(start)
                && let Some(slot) = partition.log.get(start)
            {
                live -= 1;
                bytes -= cx.plan.events[slot.kind().index()].size;
            }
            start += 1;
        }
        self.evict(cx, partition_ix, start);
    }

    /// The log lets go of what is before `start`: what was known of it is forgotten. `first` is where it began before.
    pub(super) fn forget_evicted<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize, first: u64, start: u64) {
        for offset in first..start {
            let partition = &self.partitions[partition_ix];
            let Some(ruled) = &partition.ruled else { return };
            if ruled.holes.contains(offset) {
                continue;
            }
            let size = partition.log.get(offset).map_or(0, |slot| cx.plan.events[slot.kind().index()].size);
            self.lose_key(partition_ix, offset);
            if let Some(ruled) = &mut self.partitions[partition_ix].ruled {
                ruled.bytes = ruled.bytes.saturating_sub(size);
            }
        }
        if let Some(ruled) = &mut self.partitions[partition_ix].ruled {
            ruled.holes.forget(start);
        }
        self.move_start(cx, partition_ix);
    }

    /// The log begins with a record that is there.
    pub(super) fn move_start<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize) {
        let partition = &mut self.partitions[partition_ix];
        let Some(ruled) = &mut partition.ruled else { return };
        let before = partition.start;
        while partition.start < partition.log.end() && ruled.holes.contains(partition.start) {
            partition.start += 1;
        }
        ruled.holes.forget(partition.start);
        if partition.start / super::log::SEGMENT as u64 > before / super::log::SEGMENT as u64 {
            self.give_memory_back(cx, partition_ix);
        }
    }

    /// Takes a record out of the middle of a log. Whoever waits for it loses it; what is in flight stays with its member.
    pub(super) fn remove_record<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        partition_ix: usize,
        offset: u64,
        why: Removal,
    ) {
        let plan = cx.plan;
        let partition = &mut self.partitions[partition_ix];
        if offset < partition.start {
            return;
        }
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let Some(ruled) = &mut partition.ruled else { return };
        if !ruled.holes.insert(offset) {
            return;
        }
        let (event, kind) = (slot.event, slot.kind());
        ruled.bytes = ruled.bytes.saturating_sub(plan.events[kind.index()].size);
        let end = partition.log.end();
        self.lose_key(partition_ix, offset);
        let partition_plan = &plan.partitions[partition_ix];
        let (topic, partition) = (partition_plan.topic, partition_plan.number);
        let node = plan.topics[topic.index()].bus;
        cx.show(What::Removed { node, event, kind, topic, partition, offset, why });
        for cursor in &partition_plan.cursors {
            let cursor = *cursor;
            let state = &mut self.cursors[cursor as usize];
            if state.pass_over(offset, end) {
                self.lose(cx, cursor, offset, Phase::Queued);
            } else {
                self.lose_open(cx, cursor, offset);
            }
            if self.cursors[cursor as usize].line.is_some() {
                // The next of its key may go.
                let sub_ix = plan.cursors[cursor as usize].sub;
                self.wake(sub_ix, &plan.subs[sub_ix.index()]);
            }
        }
    }

    // ---- work queues, interest --------------------------------------------------------------------------------------

    /// Somebody has settled a record of a topic that may let it go for that: looked after as soon as the step is done.
    pub(super) fn settled_by(&mut self, plan: &Plan, cursor: u32, offset: u64, is_ack: bool) {
        let partition_ix = plan.cursors[cursor as usize].partition;
        if let Some(ruled) = &mut self.partitions[partition_ix as usize].ruled {
            ruled.settled.push((offset, is_ack));
            self.wake_sweeper(partition_ix);
        }
    }

    /// Some records were settled, nobody says which.
    pub(super) fn some_settled(&mut self, partition_ix: u32) {
        if let Some(ruled) = &mut self.partitions[partition_ix as usize].ruled {
            ruled.looks_at_all = true;
            self.wake_sweeper(partition_ix);
        }
    }

    fn wake_sweeper(&mut self, partition_ix: u32) {
        if let Some(ruled) = &mut self.partitions[partition_ix as usize].ruled
            && !std::mem::replace(&mut ruled.is_woken, true)
        {
            self.ready_completions.push_back(Ready::Sweep(partition_ix));
        }
    }

    /// Lets go of what was settled by those whose word it takes.
    pub(super) fn sweep<O: Observer>(&mut self, cx: &mut Cx<'_, O>, partition_ix: u32) {
        let plan = cx.plan;
        let partition_ix = partition_ix as usize;
        let topic = &plan.topics[plan.partitions[partition_ix].topic.index()];
        let Some(ruled) = &mut self.partitions[partition_ix].ruled else { return };
        ruled.is_woken = false;
        let mut settled = std::mem::take(&mut ruled.settled);
        let looks_at_all = std::mem::take(&mut ruled.looks_at_all);
        let retention = topic.rules.as_ref().map_or(Retention::Limits, |rules| rules.retention);
        if retention == Retention::Limits {
            return;
        }
        if looks_at_all && retention == Retention::Interest {
            let partition = &self.partitions[partition_ix];
            let live = (partition.start..partition.log.end()).filter(|offset| !partition.is_gone(*offset));
            settled.extend(live.map(|offset| (offset, false)));
        }
        for (offset, is_ack) in settled {
            let by_ack = retention == Retention::WorkQueue && is_ack && !planted!(AckTakesNothing);
            let goes = by_ack || !self.is_owed(plan, partition_ix, offset);
            if goes {
                self.remove_record(cx, partition_ix, offset, Removal::Consumed);
            }
        }
        self.move_start(cx, partition_ix);
    }

    /// Whether some subscription has not settled a record yet.
    fn is_owed(&self, plan: &Plan, partition_ix: usize, offset: u64) -> bool {
        let mut cursors = plan.partitions[partition_ix].cursors.iter();
        cursors.any(|cursor| self.cursors[*cursor as usize].owes(offset))
    }

    // ---- edits ------------------------------------------------------------------------------------------------------

    /// Partitions of topics with rules keep account of what those need.
    pub(super) fn keep_account(&mut self, plan: &Plan) {
        for (state, partition) in self.partitions.iter_mut().zip(&plan.partitions) {
            if plan.topics[partition.topic.index()].rules.is_some() && state.ruled.is_none() {
                state.ruled = Some(Box::default());
            }
        }
    }

    /// After an edit: the accounts are made anew by the rules and sizes that hold now.
    pub(super) fn edit_rules<O: Observer>(&mut self, cx: &Cx<'_, O>) {
        let plan = cx.plan;
        for partition_ix in 0..plan.partitions.len() {
            let partition = &self.partitions[partition_ix];
            if partition.ruled.is_none() {
                continue;
            }
            let live = (partition.start..partition.log.end()).filter(|offset| !partition.is_gone(*offset));
            let sizes = live.filter_map(|offset| partition.log.get(offset));
            let bytes = sizes.map(|slot| plan.events[slot.kind().index()].size).sum();
            if let Some(ruled) = &mut self.partitions[partition_ix].ruled {
                ruled.bytes = bytes;
            }
            self.relearn_keys(cx, partition_ix);
            self.some_settled(partition_ix as u32);
        }
    }
}
