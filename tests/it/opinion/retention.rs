//! S13: what a log keeps, and that it lets go of the oldest first.

use eventloom::model::{EventId, SimTime, SubIx};
use eventloom::trace::{Phase, Reason};

use super::ensure;
use super::naive::{Naive, Partition, Verdict};

/// What was appended to a partition, and how much of it is gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<(EventId, SimTime)>,
    /// The first that was not evicted.
    pub(super) start: u64,
}

impl Log {
    pub(super) fn end(&self) -> u64 {
        self.records.len() as u64
    }

    pub(super) fn at(&self, offset: u64) -> SimTime {
        self.records[offset as usize].1
    }
}

impl Naive {
    /// Whether the log has let go of a record.
    pub(super) fn is_evicted(&self, partition: Partition, offset: u64) -> bool {
        let log = &self.logs[&partition];
        let topic = self.rules.topics[&partition.0];
        let is_beyond = topic.keep_records.is_some_and(|keep| offset + keep < log.end());
        let is_old = topic.keep.is_some_and(|keep| log.at(offset).as_nanos() + keep <= self.now.as_nanos());
        offset < log.start || is_beyond || is_old
    }

    /// Whether it has by the number of records alone, one apart: the append that is under way evicts when it has been handed on.
    pub(super) fn is_beyond(&self, partition: Partition, offset: u64) -> bool {
        let keep = self.rules.topics[&partition.0].keep_records;
        keep.is_some_and(|keep| offset + keep + 1 < self.logs[&partition].end())
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
        let Some((partition, offset)) = self.debts[debt].place else { return Err("a call is in no log".to_owned()) };
        ensure!(self.is_evicted(partition, offset), "S13: evicted, but the log still keeps it");
        self.saw(if from == Phase::InFlight { "evicted when it came back" } else { "evicted" });
        self.settle(debt, from)
    }

    /// The oldest record of a log that can be read from a certain point on, by whoever begins to read it with an edit.
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
}
