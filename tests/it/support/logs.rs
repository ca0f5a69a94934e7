//! The logs of topics recounted from the records alone: what lies in them, what was stored once only, what may go from
//! them, and what a seek brings back.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{
    ByteSize, EventId, EventTypeIx, Flow, NodeKind, Retention, SimDuration, SimTime, SubIx, Topic, TopicIx,
};
use eventloom::plan::Plan;
use eventloom::trace::Removal;

/// A log of a topic.
type Partition = (TopicIx, u32);

#[derive(Clone, Debug)]
struct Row {
    event: EventId,
    size: u64,
    at: SimTime,
    key: Option<String>,
    /// It has left its log.
    is_gone: bool,
}

/// What the fold of the ledger says of a record when it leaves its log.
pub(crate) struct Owed {
    pub(crate) acked: bool,
    pub(crate) open: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs {
    rules: BTreeMap<TopicIx, Topic>,
    sizes: Vec<u64>,
    rows: BTreeMap<Partition, Vec<Row>>,
    /// When each event was stored last, in topics that know it again by its own id.
    stored: BTreeMap<(TopicIx, EventId), SimTime>,
    /// Logs that something came to in this step: what nobody wants goes from them before a limit is looked at.
    untrimmed: BTreeSet<Partition>,
    /// Places that subscriptions were sought to in this step.
    sought: BTreeMap<(SubIx, TopicIx, u32), u64>,
    /// The last place that was read again since.
    replayed: BTreeMap<(SubIx, TopicIx, u32), u64>,
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}

const fn after(at: SimTime, wait: SimDuration) -> SimTime {
    SimTime::from_nanos(at.as_nanos().saturating_add(wait.as_nanos()))
}

impl Logs {
    /// Reads the rules of a flow: as started, and after each edit.
    pub(crate) fn follow(&mut self, flow: &Flow, plan: &Plan, now: SimTime) {
        let rules = std::mem::take(&mut self.rules);
        let window = |rules: &BTreeMap<TopicIx, Topic>, topic: &TopicIx| {
            rules.get(topic).and_then(|topic| topic.dedup.as_ref()).map(|dedup| dedup.window)
        };
        for topic in (0..plan.topic_count()).map(|ix| TopicIx(ix as u32)) {
            let bus = plan.topic_bus(topic);
            let drawn = flow.node(plan.node_id(bus)).filter(|_| plan.outside(bus).is_none());
            let Some(NodeKind::Bus(drawn)) = drawn.map(|node| &node.kind) else { continue };
            if plan.topics_of(bus).any(|own| own == topic) {
                let settings = drawn.topics.get(plan.topic_name(topic)).cloned().unwrap_or_default();
                self.rules.insert(topic, settings);
            }
        }
        let known = &self.rules;
        self.stored.retain(|(topic, _), at| {
            let is_young = window(&rules, topic).is_some_and(|window| after(*at, window) > now);
            is_young && window(known, topic).is_some()
        });
        self.sizes = (0..plan.event_count()).map(|ix| plan.event_size(EventTypeIx(ix as u32))).collect();
    }

    pub(crate) fn accepted(
        &mut self,
        (topic, partition): Partition,
        offset: u64,
        (event, kind, key): (EventId, EventTypeIx, Option<&String>),
        now: SimTime,
    ) -> Verdict {
        let Some(rules) = self.rules.get(&topic) else { return Ok(()) };
        ensure!(rules.compact.is_none() || key.is_some(), "S14: a record without a key in a compacted topic");
        if let Some(dedup) = rules.dedup.as_ref().filter(|dedup| dedup.id.is_none()) {
            let before = self.stored.insert((topic, event), now);
            let is_new = before.is_none_or(|before| after(before, dedup.window) <= now);
            ensure!(is_new, "S4: stored at {before:?} and again within {}", dedup.window);
        }
        if self.untrimmed.contains(&(topic, partition)) {
            self.trim((topic, partition), now);
        }
        let rows = self.rows.entry((topic, partition)).or_default();
        ensure!(offset == rows.len() as u64, "offset {offset} after {} records", rows.len());
        rows.push(Row { event, size: self.sizes[kind.index()], at: now, key: key.cloned(), is_gone: false });
        self.untrimmed.insert((topic, partition));
        Ok(())
    }

    /// S13: the oldest go until the rest is within the limits; the newest stays.
    fn trim(&mut self, partition: Partition, now: SimTime) {
        let rules = &self.rules[&partition.0];
        let Some(rows) = self.rows.get_mut(&partition) else { return };
        if let Some(keep) = rules.keep {
            rows.iter_mut().filter(|row| after(row.at, keep) < now).for_each(|row| row.is_gone = true);
        }
        let newest = rows.len().saturating_sub(1);
        loop {
            let live = rows.iter().filter(|row| !row.is_gone);
            let (count, bytes) = live.fold((0, 0), |(count, bytes), row| (count + 1, bytes + row.size));
            let fits = rules.keep_records.is_none_or(|keep| count <= keep)
                && rules.keep_bytes.is_none_or(|keep| bytes <= ByteSize::as_bytes(keep));
            let oldest = rows[..newest].iter_mut().find(|row| !row.is_gone);
            match oldest {
                Some(oldest) if !fits => oldest.is_gone = true,
                _ => return,
            }
        }
    }

    /// S4: what is called a duplicate was stored within the window, where the record says.
    pub(crate) fn deduped(
        &self,
        event: EventId,
        of: EventId,
        (topic, partition): Partition,
        offset: u64,
        now: SimTime,
    ) -> Verdict {
        let dedup = self.rules.get(&topic).and_then(|rules| rules.dedup.as_ref());
        let Some(dedup) = dedup else { return Err("S4: a topic that knows nothing again".to_owned()) };
        let row = self.rows.get(&(topic, partition)).and_then(|rows| rows.get(offset as usize));
        let Some(row) = row.filter(|row| row.event == of) else {
            return Err(format!("S4: {of:?} does not lie at {offset}"));
        };
        ensure!(after(row.at, dedup.window) > now, "S4: stored at {}, more than {} ago", row.at, dedup.window);
        ensure!(dedup.id.is_some() || of == event, "S4: called a duplicate of another event");
        Ok(())
    }

    /// S14, S15: what leaves the middle of a log may do so.
    pub(crate) fn removed(
        &mut self,
        (topic, partition): Partition,
        offset: u64,
        why: Removal,
        owed: &Owed,
        now: SimTime,
    ) -> Verdict {
        let rules = self.rules.get(&topic).cloned().unwrap_or_default();
        let rows = self.rows.entry((topic, partition)).or_default();
        let (earlier, later) = rows.split_at_mut(offset as usize + 1);
        let Some(row) = earlier.last_mut().filter(|row| !row.is_gone) else {
            return Err(format!("S14, S15: the record at {offset} is gone already"));
        };
        row.is_gone = true;
        let is_replaced = later.iter().any(|other| other.key == row.key);
        match why {
            Removal::Superseded => ensure!(is_replaced, "S14: {offset} is the last of its key {:?}", row.key),
            Removal::Deleted => {
                let Some(compact) = rules.compact else { return Err("S14: the topic is not compacted".to_owned()) };
                ensure!(after(row.at, compact.keep_deletes) <= now, "S14: deleted at {}, gone too early", row.at);
            }
            Removal::Consumed => match rules.retention {
                Retention::Limits => return Err("S15: records of this topic go by limits only".to_owned()),
                Retention::WorkQueue => ensure!(owed.acked || !owed.open, "S15: gone, but nobody has acked it"),
                Retention::Interest => ensure!(!owed.open, "S15: gone, but somebody waits for it"),
            },
        }
        Ok(())
    }

    pub(crate) fn sought(&mut self, sub: SubIx, (topic, partition): Partition, offset: u64) {
        self.sought.insert((sub, topic, partition), offset);
        self.replayed.remove(&(sub, topic, partition));
    }

    /// S12: what is read again lies in the log, at or after the place, and comes in its order.
    pub(crate) fn replayed(&mut self, sub: SubIx, (topic, partition): Partition, offset: u64, now: SimTime) -> Verdict {
        let Some(from) = self.sought.get(&(sub, topic, partition)) else {
            return Err("S12: read again, but nobody sought it".to_owned());
        };
        ensure!(offset >= *from, "S12: {offset} read again, but sought to {from}");
        let last = self.replayed.insert((sub, topic, partition), offset);
        ensure!(last.is_none_or(|last| last < offset), "S12: {offset} read again after {last:?}");
        self.trim((topic, partition), now);
        let row = self.rows.get(&(topic, partition)).and_then(|rows| rows.get(offset as usize));
        ensure!(row.is_some_and(|row| !row.is_gone), "S12: {offset} read again, but it is gone");
        Ok(())
    }

    /// S12: after a seek everything that the log keeps from there on is owed. Who has a filter may have its reasons.
    pub(crate) fn end_of_step(
        &mut self,
        now: SimTime,
        is_owed: impl Fn(SubIx, Partition, u64, EventId) -> bool,
    ) -> Verdict {
        for partition in std::mem::take(&mut self.untrimmed) {
            self.trim(partition, now);
        }
        for ((sub, topic, partition), from) in std::mem::take(&mut self.sought) {
            let rules = &self.rules[&topic];
            if !(rules.keeps() || rules.retention != Retention::Limits) {
                continue;
            }
            self.trim((topic, partition), now);
            let rules = &self.rules[&topic];
            // One whose last moment this is may go before or after.
            let is_leaving = |row: &Row| rules.keep.is_some_and(|keep| after(row.at, keep) <= now);
            for (offset, row) in self.rows.get(&(topic, partition)).into_iter().flatten().enumerate() {
                let offset = offset as u64;
                if offset >= from && !row.is_gone && !is_leaving(row) {
                    let owed = is_owed(sub, (topic, partition), offset, row.event);
                    ensure!(owed, "S12: {sub:?} was sought to {from}, but {offset} is not owed");
                }
            }
        }
        Ok(())
    }

    /// Every key's last value that is still in a log: what a reader of the whole would know at the end.
    pub(crate) fn last_of_keys(&self) -> BTreeMap<(TopicIx, u32, String), EventId> {
        let mut last = BTreeMap::new();
        for ((topic, partition), rows) in &self.rows {
            for row in rows.iter().filter(|row| !row.is_gone) {
                if let Some(key) = &row.key {
                    last.insert((*topic, *partition, key.clone()), row.event);
                }
            }
        }
        last
    }

    /// What lies in the logs of a topic, by partition and offset.
    pub(crate) fn kept(&self, topic: TopicIx) -> BTreeSet<(u32, u64)> {
        let own = self.rows.iter().filter(|((of, _), _)| *of == topic);
        let live = own.flat_map(|((_, partition), rows)| {
            let live = rows.iter().enumerate().filter(|(_, row)| !row.is_gone);
            live.map(|(offset, _)| (*partition, offset as u64))
        });
        live.collect()
    }
}
