//! S12: a subscription goes on reading at another place. What waits before it is not read any more; what was settled after
//! it is owed once more, by an obligation of its own.

use eventloom::model::{EventId, NodeIx, StartAt, SubIx};
use eventloom::trace::Phase;

use super::ensure;
use super::naive::{Debt, Due, Naive, Partition, Verdict};
use super::retention::Log;

impl Naive {
    /// A hand or an edit says where a subscription goes on.
    pub(super) fn seeks(&mut self, ix: SubIx, to: StartAt) {
        let Some(sub) = self.rules.subs.get(&ix) else { return };
        for partition in sub.partitions.clone() {
            self.expect(0, Due::Seek(ix, partition, to));
        }
    }

    /// The offset that a place means in a log from its oldest record on.
    pub(super) fn place_of(&self, partition: Partition, place: StartAt, oldest: u64) -> u64 {
        let nothing = Log::default();
        let log = self.logs.get(&partition).unwrap_or(&nothing);
        match place {
            StartAt::End => log.end(),
            StartAt::Start => oldest,
            StartAt::Offset(offset) => offset,
            StartAt::At(time) => {
                let is_late = |offset: &u64| log.at(*offset).as_nanos() >= time.as_nanos();
                (oldest..log.end()).find(is_late).unwrap_or(log.end())
            }
        }
    }

    pub(super) fn sought(&mut self, ix: SubIx, partition: Partition, offset: u64) -> Verdict {
        let is_it = |due: &Due| match due {
            Due::Seek(sub, own, to) if (*sub, *own) == (ix, partition) => Some(*to),
            _ => None,
        };
        let Some(to) = self.meet_first(is_it) else { return Err("S12: sought, but nobody said so".to_owned()) };
        self.saw("sought");
        let readers = self.rules.subs.iter().filter(|(_, sub)| sub.partitions.contains(&partition));
        let oldest = self.oldest(partition, readers.map(|(ix, _)| *ix));
        let end = self.logs.get(&partition).map_or(0, Log::end);
        let wanted = self.place_of(partition, to, oldest);
        let right = wanted.clamp(oldest, end);
        ensure!(offset == right, "S12: sought to {offset}, but {to:?} is {right} of {oldest} to {end}");
        if wanted < right {
            self.unread.insert((ix, partition), right - wanted);
        }
        let open: Vec<(u64, Debt)> = self
            .open
            .get(&ix)
            .into_iter()
            .flatten()
            .filter_map(|debt| {
                let (own, offset) = self.debts[*debt].place?;
                (own == partition).then_some((offset, *debt))
            })
            .collect();
        for (_, debt) in open.iter().filter(|(place, _)| *place < offset) {
            if self.debts[*debt].phase != Some(Phase::InFlight) {
                self.due.retain(|(_, due)| *due != Due::Queue(*debt));
                self.expect(0, Due::Purge(*debt));
            }
        }
        self.line_up_unseen(ix, partition);
        for place in offset..end {
            let event = self.logs[&partition].event(place);
            let is_open = open.iter().any(|(other, _)| *other == place);
            let is_final = self.event(event)?.hops > self.rules.hop_limit;
            let wants = || self.takers(partition.0, event).contains(&(ix, Ok(true)));
            if !is_open && !is_final && !self.is_gone(partition, place) && wants() {
                self.expect(0, Due::Replay(ix, event, (partition, place)));
            }
        }
        self.queues.entry((ix, partition)).or_default().is_sought = true;
        Ok(())
    }

    /// What nobody had seen at a seek stands behind what was queued again by then, in the order of the log.
    pub(super) fn line_up_unseen(&mut self, ix: SubIx, partition: Partition) {
        let queue = self.queues.entry((ix, partition)).or_default();
        if std::mem::take(&mut queue.is_sought) {
            queue.again.append(&mut queue.fresh);
        }
    }

    pub(super) fn replayed(&mut self, sub: SubIx, event: EventId, place: (Partition, u64)) -> Verdict {
        self.meet(&Due::Replay(sub, event, place)).map_err(|wrong| format!("S12: {wrong}"))?;
        let debt = self.owe(sub, event, Some(place), None);
        let now = self.now;
        let one = &mut self.debts[debt];
        (one.is_replay, one.ready, one.since) = (true, now, now);
        let (partition, offset) = place;
        let debts = &self.debts;
        let queue = self.queues.entry((sub, partition)).or_default();
        let is_before = |debt: &Debt| debts[*debt].place.is_some_and(|(_, before)| before < offset);
        while queue.fresh.front().is_some_and(is_before) {
            queue.again.extend(queue.fresh.pop_front());
        }
        queue.again.push_back(debt);
        self.saw("read again");
        Ok(())
    }

    /// Whether a handling of what was read again has to keep quiet.
    pub(super) fn is_mute(&self, sub: SubIx) -> bool {
        !self.rules.replay_emits.get(&sub).copied().unwrap_or_default()
    }

    pub(super) fn muted(&mut self, node: NodeIx, sub: SubIx, event: EventId) -> Verdict {
        ensure!(self.muted.is_none(), "S12: muted twice");
        self.muted = Some((node, sub, event));
        self.saw("muted");
        Ok(())
    }
}
