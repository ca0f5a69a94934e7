//! Compaction: of the records of a key all but the last go, some time after they were replaced.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::data::NO_DATA;
use super::event_list::Class;
use super::state::{Job, Payload, Slot, Tag};
use super::{Cx, Kernel};
use crate::plan::Plan;
use crate::trace::{KeyRef, Observer, Removal};

/// A key of the log. Numbered keys and their texts are the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum LogKey {
    Number(u32),
    Text(Arc<str>),
}

impl LogKey {
    fn of(slot: &Slot, payload: Option<&Payload>) -> Option<Self> {
        match slot.key(payload) {
            KeyRef::None => None,
            KeyRef::Number(number) => Some(Self::Number(number)),
            KeyRef::Text(text) => {
                let digits = text.strip_prefix('k').filter(|digits| *digits == "0" || !digits.starts_with(['0', '+']));
                let number = digits.and_then(|digits| digits.parse().ok());
                Some(number.map_or_else(|| Self::Text(text.into()), Self::Number))
            }
        }
    }
}

/// What the cleaner of a partition knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Cleaner {
    /// The last record of each key.
    latest: BTreeMap<LogKey, u64>,
    /// Records that were replaced since it cleaned last.
    stale: Vec<u64>,
    /// Records that say that their key is deleted, with the time at which they were stored, oldest first.
    deletes: VecDeque<(u64, u64)>,
    /// When it comes next.
    armed: Option<u64>,
}

impl Cleaner {
    /// Takes note of a record at the end of the log.
    fn note(&mut self, key: LogKey, offset: u64, at: u64, is_deletion: bool) {
        let before = self.latest.insert(key, offset);
        self.stale.extend(if planted!(LastOfKeyTaken) { before.map(|_| offset) } else { before });
        if is_deletion {
            self.deletes.push_back((at, offset));
        }
    }

    /// A record is gone by another rule.
    fn lose(&mut self, key: &LogKey, offset: u64) {
        if self.latest.get(key) == Some(&offset) {
            self.latest.remove(key);
        }
    }
}

/// Whether a record says that its key is deleted: its data are null, and it has data.
fn is_deletion(plan: &Plan, slot: &Slot, payload: Option<&Payload>) -> bool {
    match payload.and_then(|payload| payload.data.as_ref()) {
        Some(data) => data.is_null() && !Arc::ptr_eq(data, &NO_DATA),
        None => plan.events[slot.kind().index()].example.as_ref().is_some_and(|example| example.is_null()),
    }
}

impl Kernel {
    /// Takes note of the record at an offset of a compacted log, and has the cleaner come when there is something to do.
    pub(super) fn note_key<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize, offset: u64) {
        let partition = &mut self.partitions[partition_ix];
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let payload = partition.payload(offset).cloned();
        let Some(key) = LogKey::of(&slot, payload.as_deref()) else { return };
        let is_deletion = is_deletion(cx.plan, &slot, payload.as_deref());
        if let Some(ruled) = &mut partition.ruled {
            ruled.cleaner.note(key, offset, slot.at, is_deletion);
        }
        self.arm_cleaner(cx, partition_ix);
    }

    /// A record of a log that may be compacted is gone by another rule.
    pub(super) fn lose_key(&mut self, partition_ix: usize, offset: u64) {
        let partition = &mut self.partitions[partition_ix];
        let Some(key) = partition
            .log
            .get(offset)
            .and_then(|slot| LogKey::of(slot, partition.payload(offset).map(|payload| &**payload)))
        else {
            return;
        };
        if let Some(ruled) = &mut partition.ruled {
            ruled.cleaner.lose(&key, offset);
        }
    }

    /// After an edit: what the cleaner knows is read from the log anew.
    pub(super) fn relearn_keys<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize) {
        let Some(ruled) = &mut self.partitions[partition_ix].ruled else { return };
        // A timer that is set comes in any case; what it finds to do then is decided then.
        ruled.cleaner = Cleaner { armed: ruled.cleaner.armed, ..Cleaner::default() };
        let topic = &cx.plan.topics[cx.plan.partitions[partition_ix].topic.index()];
        if topic.rules.as_ref().is_none_or(|rules| rules.compact.is_none()) {
            return;
        }
        let (start, end) = (self.partitions[partition_ix].start, self.partitions[partition_ix].log.end());
        for offset in start..end {
            if !self.partitions[partition_ix].is_gone(offset) {
                self.note_key(cx, partition_ix, offset);
            }
        }
    }

    fn arm_cleaner<O: Observer>(&mut self, cx: &Cx<'_, O>, partition_ix: usize) {
        let topic = &cx.plan.topics[cx.plan.partitions[partition_ix].topic.index()];
        let Some(compact) = topic.rules.as_ref().and_then(|rules| rules.compact) else { return };
        let now = self.now;
        let Some(ruled) = &mut self.partitions[partition_ix].ruled else { return };
        let cleaner = &mut ruled.cleaner;
        let soon = now.saturating_add(compact.every.as_nanos()).saturating_add(u64::from(planted!(CleanedLate)));
        let due = match cleaner.deletes.front() {
            _ if !cleaner.stale.is_empty() => soon,
            Some((at, _)) => at.saturating_add(compact.keep_deletes.as_nanos()).max(soon),
            None => return,
        };
        if cleaner.armed.is_none_or(|armed| due < armed) {
            cleaner.armed = Some(due);
            self.arm(due, Class::Timer, Job::timer(Tag::Clean, Job::NONE, partition_ix as u32));
        }
    }

    /// The cleaner comes.
    pub(super) fn on_clean<O: Observer>(&mut self, cx: &mut Cx<'_, O>, partition_ix: u32) {
        let (partition_ix, now) = (partition_ix as usize, self.now);
        let topic = &cx.plan.topics[cx.plan.partitions[partition_ix].topic.index()];
        let Some(ruled) = &mut self.partitions[partition_ix].ruled else { return };
        if ruled.cleaner.armed != Some(now) {
            return;
        }
        ruled.cleaner.armed = None;
        let Some(compact) = topic.rules.as_ref().and_then(|rules| rules.compact) else { return };
        for offset in std::mem::take(&mut ruled.cleaner.stale) {
            self.remove_record(cx, partition_ix, offset, Removal::Superseded);
        }
        let keep = compact.keep_deletes.as_nanos();
        while let Some(ruled) = &mut self.partitions[partition_ix].ruled
            && let Some((at, offset)) = ruled.cleaner.deletes.front().copied()
            && at.saturating_add(keep) <= now
        {
            ruled.cleaner.deletes.pop_front();
            // One that was replaced itself went with the others.
            self.remove_record(cx, partition_ix, offset, Removal::Deleted);
        }
        self.move_start(cx, partition_ix);
        self.arm_cleaner(cx, partition_ix);
    }
}
