//! S14: of the records of a key all but the last go, some time after they were replaced; and of those that say that their key
//! is deleted also the last.
//!
//! The cleaner of a partition comes so long after something was replaced, or when a deletion has been there for long
//! enough, whichever it has to do first; then it does all there is to do.

use std::collections::{BTreeMap, VecDeque};

use eventloom::model::{EventId, SimTime};
use eventloom::trace::Removal;

use super::ensure;
use super::naive::{Due, Naive, Partition, Verdict};

/// What the cleaner of a partition knows.
#[derive(Clone, Debug, Default)]
pub(super) struct Cleaner {
    /// When it comes.
    comes: Option<SimTime>,
    /// The last record of each key.
    latest: BTreeMap<String, u64>,
    /// What was replaced since it came last, and when.
    replaced: Vec<(u64, SimTime)>,
    /// What says that its key is deleted, and when it was stored.
    deletions: VecDeque<(u64, SimTime)>,
}

impl Naive {
    /// Whether a record replaces one that time takes at this very instant: then it is not said which came first.
    pub(super) fn replaces_what_goes(&self, event: EventId, partition: Partition) -> bool {
        let Some(log) = self.logs.get(&partition) else { return false };
        let key = self.events.get(&event).and_then(|event| event.key.as_ref());
        let before = key.and_then(|key| log.cleaner.latest.get(key)).copied();
        let is_there = |before: &u64| *before >= log.start.max(log.limit) && !log.is_removed(*before);
        self.rules.topics[&partition.0].compact.is_some()
            && before.filter(is_there).is_some_and(|before| self.is_old(partition, before))
    }

    /// The cleaner learns of a record.
    pub(super) fn note_key(&mut self, partition: Partition, offset: u64, is_alone: bool) {
        if self.rules.topics[&partition.0].compact.is_none() {
            return;
        }
        let (now, log) = (self.now, &self.logs[&partition]);
        let event = &self.events[&log.event(offset)];
        let (is_deletion, at) = (event.is_null, log.at(offset));
        let Some(key) = event.key.clone() else { return };
        let log = self.logs.entry(partition).or_default();
        let before = log.cleaner.latest.insert(key, offset);
        let is_there = |before: &u64| *before >= log.start && !log.is_removed(*before) && !is_alone;
        if let Some(before) = before.filter(is_there) {
            log.cleaner.replaced.push((before, now));
        }
        if is_deletion {
            log.cleaner.deletions.push_back((offset, at));
        }
        self.call_cleaner(partition, now);
    }

    /// A record is gone by whatever rule.
    pub(super) fn forget_key(&mut self, partition: Partition, offset: u64) {
        let latest = &mut self.logs.entry(partition).or_default().cleaner.latest;
        latest.retain(|_, last| *last != offset);
    }

    /// After an edit: what there is to clean is looked up anew.
    pub(super) fn learn_keys_anew(&mut self) {
        for partition in self.logs.keys().copied().collect::<Vec<_>>() {
            let log = self.logs.entry(partition).or_default();
            log.cleaner = Cleaner { comes: log.cleaner.comes, ..Cleaner::default() };
            for offset in log.start.max(log.limit)..log.end() {
                if !self.is_gone(partition, offset) {
                    self.note_key(partition, offset, false);
                }
            }
        }
    }

    /// Says when the cleaner comes, if there is something to do.
    fn call_cleaner(&mut self, partition: Partition, from: SimTime) {
        let Some(compact) = self.rules.topics[&partition.0].compact else { return };
        let cleaner = &mut self.logs.entry(partition).or_default().cleaner;
        let soon = from + compact.every;
        let due = match cleaner.deletions.front() {
            _ if !cleaner.replaced.is_empty() => soon,
            Some((_, stored)) => soon.max(*stored + compact.keep_deletes),
            None => return,
        };
        cleaner.comes = Some(cleaner.comes.map_or(due, |comes| comes.min(due)));
    }

    /// What the cleaner has to take away at an instant.
    fn to_clean(&self, partition: Partition, at: SimTime) -> Vec<(u64, Removal)> {
        let Some(compact) = self.rules.topics[&partition.0].compact else { return Vec::new() };
        let log = &self.logs[&partition];
        let keep = self.rules.topics[&partition.0].keep;
        let is_there = |offset: u64| {
            let is_old = keep.is_some_and(|keep| log.at(offset).as_nanos() + keep <= at.as_nanos());
            offset >= log.start.max(log.limit) && !log.is_removed(offset) && !is_old
        };
        let replaced = log.cleaner.replaced.iter().filter(|(_, since)| *since <= at).map(|(offset, _)| *offset);
        let mut all: Vec<(u64, Removal)> = replaced.map(|offset| (offset, Removal::Superseded)).collect();
        for (offset, stored) in &log.cleaner.deletions {
            if *stored + compact.keep_deletes > at {
                break;
            }
            if all.iter().all(|(other, _)| other != offset) {
                all.push((*offset, Removal::Deleted));
            }
        }
        all.retain(|(offset, _)| is_there(*offset));
        all
    }

    /// The cleaner has been there: what it leaves for the next time is what came at this instant, after it.
    fn cleaner_was_there(&mut self, partition: Partition, at: SimTime, leaves: impl Fn(SimTime) -> bool) {
        let compact = self.rules.topics[&partition.0].compact;
        let cleaner = &mut self.logs.entry(partition).or_default().cleaner;
        cleaner.comes = None;
        let Some(compact) = compact else { return };
        cleaner.replaced.retain(|(_, since)| leaves(*since));
        while let Some((_, stored)) = cleaner.deletions.front()
            && *stored + compact.keep_deletes <= at
            && !leaves(*stored)
        {
            cleaner.deletions.pop_front();
        }
        self.call_cleaner(partition, at);
    }

    /// Whether something came at this instant that the cleaner would have to do with, and nothing of it is there any more.
    fn hides_its_turn(&self, partition: Partition) -> bool {
        let (now, log) = (self.now, &self.logs[&partition]);
        let replaced = log.cleaner.replaced.iter().copied();
        let mut came =
            replaced.chain(log.cleaner.deletions.iter().copied()).filter(|(_, since)| *since == now).peekable();
        came.peek().is_some() && came.all(|(offset, _)| self.is_evicted(partition, offset))
    }

    /// A record is taken away by the cleaner.
    pub(super) fn cleaned(&mut self, partition: Partition, offset: u64, why: Removal) -> Verdict {
        let own = Due::Remove(partition, offset, why);
        if self.meet(&own).is_ok() || self.is_old(partition, offset) {
            return Ok(());
        }
        let comes = self.logs[&partition].cleaner.comes;
        ensure!(comes == Some(self.now), "S14: taken away, but the cleaner comes at {comes:?}");
        let all = self.to_clean(partition, self.now);
        ensure!(
            all.contains(&(offset, why)),
            "S14: {offset} is taken away, but the cleaner has {all:?} to do of {:?}",
            self.logs[&partition].cleaner
        );
        for (offset, why) in all {
            self.expect(0, Due::Remove(partition, offset, why));
        }
        self.cleaner_was_there(partition, self.now, |_| false);
        self.meet(&own)
    }

    /// S14: the cleaner comes in time, also where there is nothing to do.
    pub(super) fn cleaners_come(&mut self, until: SimTime) -> Verdict {
        for partition in self.logs.keys().copied().collect::<Vec<_>>() {
            while let Some(comes) = self.logs[&partition].cleaner.comes.filter(|comes| *comes < until) {
                let now = self.now;
                let every = self.rules.topics[&partition.0].compact.map(|compact| compact.every);
                let left = self.to_clean(partition, comes);
                // What came at this very instant may have come after the cleaner.
                let is_young = |offset: u64| {
                    let log = &self.logs[&partition];
                    let replaced = log.cleaner.replaced.iter().find(|(other, _)| *other == offset).map(|(_, at)| *at);
                    let since = replaced.unwrap_or(log.at(offset));
                    since == now && every.is_some_and(|every| since + every > now)
                };
                let missed = left.iter().find(|(offset, _)| comes > now || !is_young(*offset));
                ensure!(missed.is_none(), "S14: {missed:?} of {partition:?} should have been taken away at {comes}");
                let is_same = every.is_some_and(|every| !every.is_zero()) && comes == now;
                // What of this instant is gone already does not show whether it came before the cleaner or after it.
                let is_later = is_same && !(self.hides_its_turn(partition) && self.decide(2)? == 1);
                self.cleaner_was_there(partition, comes, |since| is_later && since == now);
            }
        }
        Ok(())
    }
}
