//! Seeking: a subscription goes on reading at another place of its topics' logs.
//!
//! What was settled is not owed again: a seek backwards opens obligations of its own for it, marked as replays. What is
//! in somebody's hands stays there.

use super::log::Log;
use super::state::{CursorState, Open, OpenState, PartitionState, Slot};
use super::{Cx, Kernel};
use crate::model::{StartAt, SubIx};
use crate::plan::Plan;
use crate::trace::{Observer, Phase, What};

use super::bus::Match;

impl PartitionState {
    /// The offset that a place means in a log whose oldest record is this.
    pub(super) fn place_of(&self, place: StartAt, oldest: u64) -> u64 {
        match place {
            StartAt::End => self.log.end(),
            StartAt::Start => oldest,
            StartAt::Offset(offset) => offset,
            StartAt::At(time) => {
                // Records are stored in order of time: the first that is not before it.
                let (mut low, mut high) = (oldest, self.log.end());
                while low < high {
                    let middle = low + (high - low) / 2;
                    if self.log.get(middle).is_some_and(|slot| slot.at < time.as_nanos()) {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                low - u64::from(planted!(SoughtOneBack) && low > oldest)
            }
        }
    }
}

impl CursorState {
    /// Makes room for what is read again from an offset on.
    fn rewind(&mut self, offset: u64) {
        while self.floor > offset {
            self.floor -= 1;
            self.open.push_front(Open::SETTLED);
        }
        let (floor, open) = (self.floor, &self.open);
        let is_queued = |offset: &u64| {
            let place = offset.checked_sub(floor).and_then(|place| open.get(place as usize));
            place.is_some_and(|open| open.state == OpenState::Queued)
        };
        self.redeliver.retain(is_queued);
    }

    /// Takes what waits and was never handed over to those that are queued again, so that what is read again comes among it
    /// in the order of the log. Where that begins; the caller puts them into the queue.
    fn take_unseen(&mut self, log: &Log<Slot>) -> u64 {
        let first = self.next;
        let mask = self.mask.take();
        let waits = |place: usize| mask.as_ref().is_none_or(|mask| mask.get(place) == Some(&true));
        let unseen = if self.fresh > 0 { (log.end() - first) as usize } else { 0 };
        for place in 0..unseen {
            let since = log.get(self.next).map_or(0, |slot| slot.at);
            self.next += 1;
            self.open.push_back(if waits(place) { Open::queued(since) } else { Open::SETTLED });
            self.fresh -= u64::from(waits(place));
            self.again += u32::from(waits(place));
        }
        if self.next < log.end() {
            self.mask = mask;
            self.catch_up();
        }
        first
    }
}

impl Open {
    /// One that waits since then and was never handed over.
    const fn queued(since: u64) -> Self {
        Self { deadline: since, ..Self::FRESH }
    }
}

impl Kernel {
    /// A hand seeks a subscription, or an edit does.
    pub(super) fn seek<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx, to: StartAt) {
        let plan = cx.plan;
        let Some(sub) = plan.subs.get(sub_ix.index()) else { return };
        if !sub.alive || sub.is_inbox || sub.is_outside {
            return;
        }
        for cursor in &sub.cursors {
            self.seek_cursor(cx, *cursor, to);
        }
        self.wake(sub_ix, sub);
        if self.doors.contains_key(&sub_ix.0) {
            self.open_door(sub_ix);
        }
    }

    /// After an edit: a subscription that goes on and is to start at another place than before is sought there.
    pub(super) fn edit_places<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan) {
        for (ix, sub) in cx.plan.subs.iter().enumerate() {
            let before = old.subs.get(ix).filter(|before| before.alive);
            // To say that it starts at the end takes nothing from what runs: that would be loss by undo.
            if before.is_some_and(|before| before.from != sub.from) && sub.from != StartAt::End {
                self.seek(cx, SubIx(ix as u32), sub.from);
            }
        }
    }

    fn seek_cursor<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, to: StartAt) {
        let plan = cx.plan;
        let sub_ix = plan.cursors[cursor as usize].sub;
        let partition_ix = plan.cursors[cursor as usize].partition as usize;
        let partition_plan = &plan.partitions[partition_ix];
        let (topic, partition) = (partition_plan.topic, partition_plan.number);
        let oldest = if plan.topics[topic.index()].keeps() {
            self.partitions[partition_ix].start
        } else {
            // Nobody keeps what all have settled.
            let open = partition_plan.cursors.iter().filter_map(|cursor| self.cursors[*cursor as usize].first_open());
            open.min().unwrap_or(self.partitions[partition_ix].log.end())
        };
        let wanted = self.partitions[partition_ix].place_of(to, oldest);
        let offset = wanted.clamp(oldest, self.partitions[partition_ix].log.end());
        cx.show(What::Sought { sub: sub_ix, topic, partition, offset });
        if wanted < offset {
            cx.show(What::OutOfRange { sub: sub_ix, topic, partition, skipped: offset - wanted });
        }
        self.skip_to(cx, cursor, offset);
        self.read_again(cx, cursor, offset);
    }

    /// What waits before an offset is not read any more.
    fn skip_to<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
        let until = self.cursors[cursor as usize].next.min(offset);
        for earlier in self.cursors[cursor as usize].floor..until {
            let state = &mut self.cursors[cursor as usize];
            match state.open_at(earlier).map(|open| open.state) {
                Some(OpenState::Queued) => {
                    state.again -= 1;
                    self.skip(cx, cursor, earlier, Phase::Queued);
                }
                Some(OpenState::Delayed) => {
                    state.delayed -= 1;
                    let sub_ix = cx.plan.cursors[cursor as usize].sub;
                    self.count_undelayed(sub_ix, &cx.plan.subs[sub_ix.index()]);
                    self.skip(cx, cursor, earlier, Phase::Delayed);
                }
                Some(OpenState::InFlight | OpenState::Settled) | None => continue,
            }
            self.cursors[cursor as usize].settle(earlier);
        }
        self.cursors[cursor as usize].catch_up();
        while self.cursors[cursor as usize].next < offset {
            let Some(earlier) = self.cursors[cursor as usize].next_fresh() else { break };
            if earlier >= offset {
                // Its mark was taken off the mask; it belongs back.
                if let Some(mask) = &mut self.cursors[cursor as usize].mask {
                    mask.push_front(true);
                }
                break;
            }
            self.cursors[cursor as usize].fresh -= 1;
            self.skip(cx, cursor, earlier, Phase::Queued);
            self.cursors[cursor as usize].step_over();
        }
        self.cursors[cursor as usize].catch_up();
    }

    fn skip<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64, from: Phase) {
        let plan = cx.plan;
        let CursorOf { sub_ix, partition_ix, consumes } = of(plan, cursor);
        let Some(slot) = self.partitions[partition_ix].log.get(offset).copied() else { return };
        self.cursors[cursor as usize].counts.purged += 1;
        if from == Phase::Queued {
            self.count_unqueued(sub_ix, &plan.subs[sub_ix.index()], plan.events[slot.kind().index()].size);
        }
        cx.show(What::Purged { sub: sub_ix, event: slot.event, from });
        if consumes {
            self.settled_by(plan, cursor, offset, false);
        }
    }

    /// What was settled from an offset on is owed once more, as far as the log still has it.
    fn read_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
        let plan = cx.plan;
        let CursorOf { sub_ix, partition_ix, .. } = of(plan, cursor);
        let sub = &plan.subs[sub_ix.index()];
        let partition_plan = &plan.partitions[partition_ix];
        let (topic, partition) = (partition_plan.topic, partition_plan.number);
        let now = self.now;
        self.cursors[cursor as usize].rewind(offset);
        let unseen = self.cursors[cursor as usize].take_unseen(&self.partitions[partition_ix].log);
        for place in offset..self.cursors[cursor as usize].next {
            let log = &self.partitions[partition_ix];
            if log.is_gone(place) && plan.topics[topic.index()].keeps() {
                continue;
            }
            let Some(slot) = log.log.get(place).copied() else { continue };
            let payload = log.payload(place).cloned();
            let state = &mut self.cursors[cursor as usize];
            if state.open_at(place).is_none_or(|open| open.state != OpenState::Settled) {
                // It gets this one anyway.
                if place >= unseen {
                    state.redeliver.push_back(place);
                }
                continue;
            }
            if planted!(ReadsOneTooFew) && place == offset {
                continue;
            }
            // What it could make nothing of it does not get again.
            if slot.hops() > plan.hop_limit || self.matching(cx, sub_ix, &slot, payload.as_ref()) != Match::Yes {
                continue;
            }
            let (event, kind) = (slot.event, slot.kind());
            let state = &mut self.cursors[cursor as usize];
            let fence = state.token;
            if let Some(open) = state.open_at(place) {
                *open = Open { is_replay: true, fence, ..Open::queued(now) };
            }
            state.counts.opened += 1;
            state.again += 1;
            state.redeliver.push_back(place);
            cx.show(What::Replayed { sub: sub_ix, event, kind, topic, partition, offset: place });
            self.count_queued(sub, cursor, plan.events[kind.index()].size);
        }
        self.cursors[cursor as usize].move_floor();
        if let Some(line) = &sub.line {
            self.lay_line(plan, cursor, line);
            self.arm_expiry(cursor);
        }
    }
}

struct CursorOf {
    sub_ix: SubIx,
    partition_ix: usize,
    consumes: bool,
}

fn of(plan: &Plan, cursor: u32) -> CursorOf {
    let cursor = &plan.cursors[cursor as usize];
    CursorOf { sub_ix: cursor.sub, partition_ix: cursor.partition as usize, consumes: cursor.consumes }
}
