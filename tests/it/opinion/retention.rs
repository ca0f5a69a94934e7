//! S13, S15: what a log keeps, that it lets go of the oldest first, and what goes because it was settled.

use std::collections::BTreeSet;

use eventloom::model::{EventId, Retention, SimTime, SubIx};
use eventloom::trace::{Phase, Reason, Removal};

use super::compaction::Cleaner;
use super::ensure;
use super::naive::{Debt, Naive, Partition, Verdict};

/// A record of a log.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) event: EventId,
    pub(super) at: SimTime,
    /// It left the log from its middle.
    pub(super) is_removed: bool,
    /// Somebody has settled it at this instant, or begun to want nothing of it.
    is_settled: bool,
    is_acked: bool,
}

/// What was appended to a partition, and how much of it is gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<Stored>,
    /// The first that was not evicted before the last append.
    pub(super) start: u64,
    /// The first that the last append leaves.
    pub(super) limit: u64,
    pub(super) cleaner: Cleaner,
}

impl Log {
    pub(super) fn end(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) fn at(&self, offset: u64) -> SimTime {
        self.records[offset as usize].at
    }

    pub(super) fn event(&self, offset: u64) -> EventId {
        self.records[offset as usize].event
    }

    pub(super) fn is_removed(&self, offset: u64) -> bool {
        self.records[offset as usize].is_removed
    }
}

impl Naive {
    /// Whether the log has let go of a record.
    pub(super) fn is_evicted(&self, partition: Partition, offset: u64) -> bool {
        offset < self.logs[&partition].limit || self.is_gone(partition, offset) || self.is_old(partition, offset)
    }

    /// S13: whether a record is older than its topic keeps any.
    pub(super) fn is_old(&self, partition: Partition, offset: u64) -> bool {
        let keep = self.rules.topics[&partition.0].keep;
        keep.is_some_and(|keep| self.logs[&partition].at(offset).as_nanos() + keep <= self.now.as_nanos())
    }

    /// Whether it has for sure: the append that is under way evicts when it has been handed on, and time when its turn comes.
    pub(super) fn is_gone(&self, partition: Partition, offset: u64) -> bool {
        let log = &self.logs[&partition];
        offset < log.start || log.is_removed(offset)
    }

    /// S13: the first record that is kept by number and bytes. The newest always is.
    fn kept_from(&self, partition: Partition) -> u64 {
        let (log, topic) = (&self.logs[&partition], &self.rules.topics[&partition.0]);
        let (mut records, mut bytes, mut first) = (0, 0, log.end());
        for offset in (log.start..log.end()).rev() {
            if !log.is_removed(offset) {
                records += 1;
                bytes += self.rules.events[&self.events[&log.event(offset)].kind].size;
            }
            let is_beyond = topic.keep_records.is_some_and(|keep| records > keep)
                || topic.keep_bytes.is_some_and(|keep| bytes > keep);
            if is_beyond && offset + 1 < log.end() {
                break;
            }
            first = offset;
        }
        first.max(log.limit)
    }

    /// A record is at the end of its log from here on.
    pub(super) fn store(&mut self, event: EventId, partition: Partition) {
        let at = self.now;
        let is_settled = self.rules.topics[&partition.0].retention == Retention::Interest;
        let log = self.logs.entry(partition).or_default();
        log.start = log.start.max(log.limit);
        log.records.push(Stored { event, at, is_removed: false, is_settled, is_acked: false });
        self.trim(partition);
    }

    pub(super) fn trim(&mut self, partition: Partition) {
        let limit = self.kept_from(partition);
        self.logs.entry(partition).or_default().limit = limit;
    }

    /// Time passes: what an edit makes of the rules brings nothing back.
    pub(super) fn forget_old(&mut self) {
        let gone: Vec<(Partition, u64)> = self
            .logs
            .iter()
            .map(|(partition, log)| {
                let kept = (log.start..log.end()).find(|offset| !self.is_evicted(*partition, *offset));
                (*partition, kept.unwrap_or(log.end()))
            })
            .collect();
        for (partition, start) in gone {
            self.logs.entry(partition).or_default().start = start;
        }
    }

    pub(super) fn evicted(&mut self, sub: SubIx, event: EventId, from: Phase) -> Verdict {
        let debt = if from == Phase::InFlight {
            let reasons = [Reason::Failed, Reason::Throttled, Reason::Decode, Reason::AckTimeout];
            let back = reasons.into_iter().find_map(|reason| self.comes_back(sub, event, reason, None).ok());
            let back = match back {
                Some(debt) => Some(debt),
                None => self.takes_back(sub, event)?,
            };
            let Some(debt) = back else { return Err("S13: evicted from the hands of its member".to_owned()) };
            debt
        } else {
            self.find(sub, event, |_, one| {
                one.phase == Some(from)
                    && one.place.is_some_and(|(partition, offset)| self.is_evicted(partition, offset))
            })
            .map_err(|wrong| format!("S13: evicted, but the log still keeps it\n{wrong}"))?
        };
        let one = &self.debts[debt];
        let Some((partition, offset)) = one.place else { return Err("a call is in no log".to_owned()) };
        ensure!(self.is_evicted(partition, offset), "S13: evicted, but the log still keeps it");
        if from != Phase::InFlight && one.delivery == 0 && !self.logs[&partition].is_removed(offset) {
            *self.unread.entry((sub, partition)).or_default() += 1;
        }
        self.leaves_gap(sub, event);
        self.saw(if from == Phase::InFlight { "evicted when it came back" } else { "evicted" });
        self.settle(debt, from)
    }

    /// S13: what was evicted unread is told, to the last record.
    pub(super) fn out_of_range(&mut self, sub: SubIx, partition: Partition, skipped: u64) -> Verdict {
        let unread = self.unread.remove(&(sub, partition)).unwrap_or_default();
        ensure!(skipped == unread, "S13: {skipped} are told to be gone unread, but {unread} are");
        self.saw("out of range");
        Ok(())
    }

    pub(super) fn nothing_is_lost_in_silence(&self) -> Verdict {
        ensure!(self.unread.is_empty(), "S13: evicted unread, and nobody is told: {:?}", self.unread);
        Ok(())
    }

    /// The oldest record of a log that can be read from a certain point on, by whoever begins to read it.
    pub(super) fn oldest(&self, partition: Partition, others: impl Iterator<Item = SubIx>) -> u64 {
        let Some(log) = self.logs.get(&partition) else { return 0 };
        if self.rules.topics[&partition.0].keeps() {
            return log.start;
        }
        // What nobody has to get any more is not kept.
        let first = |sub: SubIx| {
            let open = self.open.get(&sub).into_iter().flatten().filter_map(|debt| self.debts[*debt].place);
            open.filter(|(own, _)| *own == partition).map(|(_, offset)| offset).min()
        };
        others.filter_map(first).min().unwrap_or(log.end())
    }

    /// When the next of what waits is too old for its log.
    pub(super) fn next_eviction(&self) -> Option<SimTime> {
        let open = self.open.values().flatten().map(|debt| &self.debts[*debt]);
        let waits = open.filter(|one| matches!(one.phase, Some(Phase::Queued | Phase::Delayed)));
        let too_old = |(partition, offset): (Partition, u64)| {
            let keep = self.rules.topics[&partition.0].keep?;
            Some(SimTime::from_nanos(self.logs[&partition].at(offset).as_nanos().saturating_add(keep)))
        };
        waits.filter_map(|one| one.place).filter_map(too_old).min()
    }

    // ---- S15 ----------------------------------------------------------------------------------------------------------

    /// Somebody has settled a record: by an ack, or not.
    pub(super) fn may_be_consumed(&mut self, debt: Debt, is_ack: bool) {
        let Some((partition, offset)) = self.debts[debt].place else { return };
        if self.rules.topics[&partition.0].retention != Retention::Limits {
            let record = &mut self.logs.entry(partition).or_default().records[offset as usize];
            record.is_settled = true;
            record.is_acked |= is_ack;
        }
    }

    /// After an edit: some may want nothing any more of what is kept for whoever does.
    pub(super) fn interest_may_be_lost(&mut self) {
        for (partition, log) in &mut self.logs {
            if self.rules.topics[&partition.0].retention == Retention::Interest {
                log.records.iter_mut().for_each(|record| record.is_settled = true);
            }
        }
    }

    fn is_owed(&self, partition: Partition, offset: u64) -> bool {
        self.open.values().flatten().any(|debt| self.debts[*debt].place == Some((partition, offset)))
    }

    /// S15: whether a record goes for having been settled: by the first ack, or when nobody is owed it.
    fn is_consumed(&self, partition: Partition, offset: u64) -> bool {
        let record = &self.logs[&partition].records[offset as usize];
        let by_ack = self.rules.topics[&partition.0].retention == Retention::WorkQueue && record.is_acked;
        by_ack || record.is_settled && !self.is_owed(partition, offset)
    }

    pub(super) fn removed(&mut self, event: EventId, partition: Partition, offset: u64, why: Removal) -> Verdict {
        let Some(log) = self.logs.get(&partition) else { return Err("removed from no log".to_owned()) };
        let there = offset < log.end() && log.event(offset) == event && !self.is_gone(partition, offset);
        ensure!(there && offset >= log.limit, "S15: removed, but it is not there");
        let is_last = offset + 1 == log.end() && log.at(offset) == self.now;
        match why {
            Removal::Consumed => {
                let keeps = self.rules.topics[&partition.0].retention;
                ensure!(keeps != Retention::Limits, "S15: removed, but only limits let it go");
                ensure!(self.is_consumed(partition, offset), "S15: removed, but somebody is owed it");
            }
            Removal::Superseded | Removal::Deleted => {}
        }
        // What nobody wants goes with its own append, before that looks at the limits; or with the settlement after it.
        let mut without = self.logs[&partition].clone();
        without.records[offset as usize].is_removed = true;
        without.limit = without.start;
        let before = self.logs.insert(partition, without).expect("it is there");
        let limit = self.kept_from(partition);
        self.logs.insert(partition, before);
        let is_doubtful = is_last && limit != self.logs[&partition].limit && why == Removal::Consumed;
        let with_append = is_doubtful && self.decide(2)? == 1;
        if why != Removal::Consumed {
            self.cleaned(partition, offset, why)?;
        }
        let log = self.logs.entry(partition).or_default();
        log.records[offset as usize].is_removed = true;
        if with_append {
            log.limit = limit;
        }
        self.forget_key(partition, offset);
        self.saw(match why {
            Removal::Consumed => "consumed",
            Removal::Superseded => "superseded",
            Removal::Deleted => "deleted",
        });
        Ok(())
    }

    /// S15: nothing stays that was settled by those whose word it takes.
    pub(super) fn nothing_consumed_stays(&mut self) -> Verdict {
        let keeping = |partition: &Partition| self.rules.topics[&partition.0].retention != Retention::Limits;
        let partitions: BTreeSet<Partition> =
            self.logs.keys().filter(|partition| keeping(partition)).copied().collect();
        for partition in partitions {
            let log = &self.logs[&partition];
            for offset in log.start..log.end() {
                let stays = !self.is_evicted(partition, offset) && self.is_consumed(partition, offset);
                ensure!(!stays, "S15: record {offset} of {partition:?} was settled, and stays");
            }
            let log = self.logs.entry(partition).or_default();
            log.records.iter_mut().for_each(|record| record.is_settled = false);
        }
        Ok(())
    }
}
