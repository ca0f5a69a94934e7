//! What waits in a subscription otherwise than in the order of the log: strict order, time to live, priority, delay.
//!
//! A cursor with a [`Line`] has every record of its own between floor and next from the moment it is appended; nothing of
//! it is beyond. Which one is next is then a question of who matters most, and of those who has waited longest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::event_list::Class;
use super::settlement::GivenUp;
use super::state::{CursorState, Job, Open, OpenState, Payload, Slot, Tag};
use super::{Cx, Kernel};
use crate::model::{Share, SimTime, SubIx, WhenFull};
use crate::plan::{LinePlan, Plan, SubPlan};
use crate::trace::{KeyRef, Observer, Phase, Reason, What};

/// A cursor's records that are not settled, and in which order they are handed over.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    terms: BTreeMap<u64, Terms>,
    /// What may be handed over: by level, then by since when, then by offset.
    ready: BTreeMap<u8, BTreeSet<(u64, u64)>>,
    /// When what is not in flight expires.
    expiries: BTreeSet<(u64, u64)>,
    /// Unsettled records of each key in the order of the log; only the first of them may be handed over.
    chains: BTreeMap<ChainKey, VecDeque<u64>>,
    /// For when the timer is set.
    expiry_armed: Option<u64>,
}

/// What a record waits by.
#[derive(Clone, Debug)]
struct Terms {
    /// When it could be handed over first. It keeps its place when it comes back.
    since: u64,
    /// When it is worth nothing any more; `u64::MAX` for never.
    expires: u64,
    level: u8,
    chain: Option<ChainKey>,
}

/// A key by which records wait for each other: `k7` is the same however it came to be written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ChainKey {
    Number(u32),
    Text(Arc<str>),
}

impl ChainKey {
    fn of(slot: &Slot, payload: Option<&Payload>) -> Option<Self> {
        match slot.key(payload) {
            KeyRef::None => None,
            KeyRef::Number(number) => Some(Self::Number(number)),
            KeyRef::Text(text) => {
                let number = text.strip_prefix('k').and_then(|digits| digits.parse().ok());
                let number = number.filter(|number: &u32| KeyRef::Number(*number).to_string() == text);
                number.map(Self::Number).or_else(|| {
                    let own = payload.and_then(|payload| payload.key.clone());
                    Some(Self::Text(own.unwrap_or_else(|| text.into())))
                })
            }
        }
    }
}

/// Who is next in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Next {
    level: u8,
    since: u64,
    offset: u64,
    expires: u64,
}

impl Line {
    fn enter(&mut self, offset: u64, terms: Terms) {
        if let Some(key) = &terms.chain {
            self.chains.entry(key.clone()).or_default().push_back(offset);
        }
        self.terms.insert(offset, terms);
        self.wait(offset);
    }

    /// A record is not in flight, or no more: it may expire.
    pub(super) fn wait(&mut self, offset: u64) {
        if let Some(terms) = self.terms.get(&offset)
            && terms.expires != u64::MAX
        {
            self.expiries.insert((terms.expires, offset));
        }
    }

    /// A record is queued: it may be handed over, unless one of its key is before it.
    fn line_up(&mut self, offset: u64) {
        if let Some(terms) = self.terms.get(&offset)
            && self.is_first(terms, offset)
        {
            self.ready.entry(terms.level).or_default().insert((terms.since, offset));
        }
    }

    fn is_first(&self, terms: &Terms, offset: u64) -> bool {
        let chain = terms.chain.as_ref().and_then(|key| self.chains.get(key));
        planted!(OrderNotKept) || chain.is_none_or(|chain| chain.front() == Some(&offset))
    }

    /// A record leaves the line for a member.
    fn take(&mut self, offset: u64) {
        let Some(terms) = self.terms.get(&offset) else { return };
        self.expiries.remove(&(terms.expires, offset));
        if let Some(level) = self.ready.get_mut(&terms.level) {
            level.remove(&(terms.since, offset));
            if level.is_empty() {
                self.ready.remove(&terms.level);
            }
        }
    }

    /// A record is settled: it leaves for good. The next of its key, if that may go now.
    fn settle(&mut self, offset: u64) -> Option<u64> {
        self.take(offset);
        let key = self.terms.remove(&offset)?.chain?;
        let chain = self.chains.get_mut(&key)?;
        let was_first = chain.front() == Some(&offset);
        if let Ok(place) = chain.binary_search(&offset) {
            chain.remove(place);
        }
        let next = chain.front().copied();
        if next.is_none() {
            self.chains.remove(&key);
        }
        next.filter(|_| was_first)
    }

    /// Who is next: the highest level, then whoever has waited longest. Of one level nobody can be before its first.
    fn next(&self, plan: &LinePlan, now: u64) -> Option<Next> {
        let firsts = self.ready.iter().filter_map(|(level, records)| Some((*level, *records.first()?)));
        let next = |(level, (since, offset)): (u8, (u64, u64))| {
            let aged = if planted!(NeverAges) { 0 } else { now.saturating_sub(since) / plan.aging };
            let level = u64::from(level).saturating_add(aged).min(u64::from(plan.levels.max(1)) - 1) as u8;
            let expires = self.terms.get(&offset).map_or(u64::MAX, |terms| terms.expires);
            Next { level, since, offset, expires }
        };
        if planted!(LowestFirst) {
            return firsts.map(next).min_by_key(|next| (next.level, next.since, next.offset));
        }
        firsts.map(next).min_by_key(|next| (std::cmp::Reverse(next.level), next.since, next.offset))
    }

    /// Whether a record of this key would be the first of its key.
    fn has_none_of(&self, key: Option<&ChainKey>) -> bool {
        key.is_none_or(|key| !self.chains.contains_key(key))
    }

    pub(super) fn may_expire(&self) -> bool {
        !self.expiries.is_empty()
    }
}

impl CursorState {
    /// A record between floor and next is queued again.
    pub(super) fn line_up(&mut self, offset: u64) {
        match &mut self.line {
            Some(line) => {
                line.wait(offset);
                line.line_up(offset);
            }
            None => self.redeliver.push_back(offset),
        }
    }

    /// A record of a line is settled: the next of its key may go, if it is there.
    pub(super) fn settle_in_line(&mut self, offset: u64) {
        let next = self.line.as_mut().and_then(|line| line.settle(offset));
        if let Some(next) = next
            && self.open_at(next).is_some_and(|open| open.state == OpenState::Queued)
            && let Some(line) = &mut self.line
        {
            line.line_up(next);
        }
    }

    /// The oldest record that is queued, by the order of the log.
    fn oldest_queued(&self) -> Option<u64> {
        let place = self.open.iter().position(|open| open.state == OpenState::Queued)?;
        Some(self.floor + place as u64)
    }
}

/// How long a new record stays out of sight: as it says itself, else as its subscription says.
fn delay_of(plan: &Plan, line: &LinePlan, slot: &Slot) -> u64 {
    plan.events[slot.kind().index()].delay.unwrap_or(line.delay)
}

fn terms_of(plan: &Plan, line: &LinePlan, slot: &Slot, payload: Option<&Payload>, since: u64) -> Terms {
    let event = &plan.events[slot.kind().index()];
    Terms {
        since,
        expires: since.saturating_add(event.ttl.min(line.ttl)).saturating_add(u64::from(planted!(WorthTooLong))),
        level: event.priority.min(line.levels.max(1) - 1),
        chain: ChainKey::of(slot, payload).filter(|_| line.is_strict),
    }
}

impl Kernel {
    // ---- in -------------------------------------------------------------------------------------------------------

    /// Whether a new record would not have to wait at all.
    pub(super) fn is_free_for(
        &self,
        plan: &Plan,
        sub: &SubPlan,
        cursor: u32,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
    ) -> bool {
        if let Some(line) = &sub.line {
            let key = ChainKey::of(slot, payload.map(|payload| &**payload)).filter(|_| line.is_strict);
            let state = self.cursors[cursor as usize].line.as_ref();
            if delay_of(plan, line, slot) > 0 || !state.is_none_or(|state| state.has_none_of(key.as_ref())) {
                return false;
            }
        }
        self.is_free(plan, sub, cursor)
    }

    /// A record that was just appended gets in line, or goes at once.
    pub(super) fn get_in_line<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        cursor: u32,
        offset: u64,
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        let plan = cx.plan;
        let sub_ix = plan.cursors[cursor as usize].sub;
        let sub = &plan.subs[sub_ix.index()];
        let size = plan.events[slot.kind().index()].size;
        let is_free = self.is_free_for(plan, sub, cursor, &slot, payload);
        if !is_free && self.is_full(sub, size, true) {
            let drops_oldest = sub.queue.when_full == WhenFull::DropOldest;
            while drops_oldest && self.is_full(sub, size, true) && self.drop_oldest_in_line(cx, sub_ix) {}
            let drops = drops_oldest || sub.queue.when_full == WhenFull::DropNewest;
            if drops && self.is_full(sub, size, true) {
                self.cursors[cursor as usize].pass(offset);
                self.give_up(cx, cursor, &GivenUp::fresh(slot, payload, Reason::MaxLength).at(offset));
                return;
            }
        }
        self.stand_in_line(cx, cursor, offset, slot, payload);
        if is_free {
            self.dispatch_line(cx, sub_ix);
        } else {
            self.wake(sub_ix, sub);
        }
    }

    /// A record is in line, or out of sight until its time.
    pub(super) fn stand_in_line<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        cursor: u32,
        offset: u64,
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        let plan = cx.plan;
        let sub_ix = plan.cursors[cursor as usize].sub;
        let sub = &plan.subs[sub_ix.index()];
        let Some(line) = &sub.line else { return };
        let delay = delay_of(plan, line, &slot);
        let since = slot.at.saturating_add(delay);
        let terms = terms_of(plan, line, &slot, payload.map(|payload| &**payload), since);
        let is_delayed = since > self.now;
        let state = &mut self.cursors[cursor as usize];
        state.catch_up();
        debug_assert_eq!(state.next, offset, "whatever has a line has every record of its own in it");
        state.next += 1;
        let open_state = if is_delayed { OpenState::Delayed } else { OpenState::Queued };
        state.open.push_back(Open { state: open_state, deadline: since, ..Open::FRESH });
        let waiting = state.line.get_or_insert_default();
        waiting.enter(offset, terms);
        if is_delayed {
            state.delayed += 1;
            state.later.push(std::cmp::Reverse((since - u64::from(planted!(SeenTooSoon)), offset, 0)));
            self.subs[sub.slot as usize].delayed += 1;
            let due = SimTime::from_nanos(since);
            cx.show(What::Postponed { sub: sub_ix, event: slot.event, due });
            self.arm_due(cursor);
        } else {
            waiting.line_up(offset);
            state.again += 1;
            self.count_queued(sub, cursor, plan.events[slot.kind().index()].size);
        }
        self.arm_expiry(cursor);
    }

    // ---- out ------------------------------------------------------------------------------------------------------

    /// Hands over as much as there is room for, who is next first.
    pub(super) fn dispatch_line<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        self.subs[sub.slot as usize].is_woken = false;
        while self.subs[sub.slot as usize].queued > 0 {
            let Some((cursor, next, place)) = self.next_in_line(plan, sub) else {
                if sub.gate.is_some() {
                    self.wait_at_gate(sub_ix, sub);
                }
                break;
            };
            let offset = next.offset;
            if next.expires <= self.now {
                self.expire(cx, cursor, offset);
                continue;
            }
            let Some(place) = place else { break };
            let partition = &self.partitions[plan.cursors[cursor as usize].partition as usize];
            let Some(mut slot) = partition.log.get(offset).copied() else {
                debug_assert!(false, "a queued record is in the log");
                break;
            };
            let payload = partition.payload(offset).cloned();
            let now = self.now;
            let state = &mut self.cursors[cursor as usize];
            state.again -= 1;
            if let Some(line) = &mut state.line {
                line.take(offset);
            }
            if let Some(open) = state.open_at(offset) {
                slot.at = open.deadline;
                if open.token == 0 {
                    open.first = now;
                }
                if open.is_replay {
                    slot = slot.replayed();
                }
            }
            self.count_unqueued(sub_ix, sub, plan.events[slot.kind().index()].size);
            self.hand_over(cx, cursor, offset, place, slot, payload);
        }
    }

    /// Who is next of all cursors whose member has room: a place among the members. Who has expired needs none.
    fn next_in_line(&self, plan: &Plan, sub: &SubPlan) -> Option<(u32, Next, Option<usize>)> {
        let line = sub.line.as_ref()?;
        let mut best: Option<(u32, Next, Option<usize>)> = None;
        for cursor in &sub.cursors {
            let Some(next) = self.cursors[*cursor as usize].line.as_ref().and_then(|state| state.next(line, self.now))
            else {
                continue;
            };
            if next.expires <= self.now {
                return Some((*cursor, next, None));
            }
            let is_before = best.as_ref().is_none_or(|(_, best, _)| {
                (std::cmp::Reverse(next.level), next.since) < (std::cmp::Reverse(best.level), best.since)
            });
            if is_before {
                // Members that share the queue are asked once, about the best.
                let place = match sub.share {
                    Share::Queue => None,
                    Share::Partition => match self.pick_member(plan, sub, *cursor) {
                        Some(place) => Some(place),
                        None => continue,
                    },
                };
                best = Some((*cursor, next, place));
            }
        }
        let (cursor, next, place) = best?;
        let place = place.or_else(|| self.pick_member(plan, sub, cursor))?;
        Some((cursor, next, Some(place)))
    }

    /// Makes room by giving up the record that waits longest; whether there was one.
    fn drop_oldest_in_line<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) -> bool {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        let mut oldest: Option<(u64, u32, u64)> = None;
        for cursor in &sub.cursors {
            let Some(offset) = self.cursors[*cursor as usize].oldest_queued() else { continue };
            let log = &self.partitions[plan.cursors[*cursor as usize].partition as usize].log;
            if let Some(slot) = log.get(offset)
                && oldest.is_none_or(|(at, ..)| slot.at < at)
            {
                oldest = Some((slot.at, *cursor, offset));
            }
        }
        let Some((_, cursor, offset)) = oldest else { return false };
        let partition = &self.partitions[plan.cursors[cursor as usize].partition as usize];
        let Some(slot) = partition.log.get(offset).copied() else { return false };
        let payload = partition.payload(offset).cloned();
        let mut given_up = GivenUp::fresh(slot, payload.as_ref(), Reason::MaxLength).at(offset);
        let state = &mut self.cursors[cursor as usize];
        state.again -= 1;
        if let Some(open) = state.open_at(offset) {
            given_up.take_history(open);
        }
        state.settle(offset);
        self.count_unqueued(sub_ix, sub, plan.events[slot.kind().index()].size);
        self.give_up(cx, cursor, &given_up);
        true
    }

    // ---- time to live ---------------------------------------------------------------------------------------------

    /// Sets the timer for what expires first while it waits.
    pub(super) fn arm_expiry(&mut self, cursor: u32) {
        let now = self.now;
        let Some(line) = &mut self.cursors[cursor as usize].line else { return };
        let Some((at, _)) = line.expiries.first().copied() else { return };
        let at = at.max(now);
        if line.expiry_armed.is_none_or(|armed| at < armed) {
            line.expiry_armed = Some(at);
            self.arm(at, Class::Timer, Job::timer(Tag::Expiry, Job::NONE, cursor));
        }
    }

    /// Some of a cursor's records may be worth nothing any more.
    pub(super) fn on_expiry<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let now = self.now;
        let Some(line) = &mut self.cursors[cursor as usize].line else { return };
        if line.expiry_armed != Some(now) {
            return;
        }
        line.expiry_armed = None;
        let first = |kernel: &Self| kernel.cursors[cursor as usize].line.as_ref()?.expiries.first().copied();
        while let Some((at, offset)) = first(self)
            && at <= now
        {
            self.expire(cx, cursor, offset);
        }
        self.arm_expiry(cursor);
    }

    /// Ends a record that waited too long. A copy goes to the dead-letter queue, if there is one.
    fn expire<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
        let plan = cx.plan;
        let sub_ix = plan.cursors[cursor as usize].sub;
        let sub = &plan.subs[sub_ix.index()];
        let partition = &self.partitions[plan.cursors[cursor as usize].partition as usize];
        let slot = partition.log.get(offset).copied();
        let payload = partition.payload(offset).cloned();
        let state = &mut self.cursors[cursor as usize];
        let history = state.open_at(offset).map(|open| *open);
        let from = match history.map(|open| open.state) {
            Some(OpenState::Queued) => Phase::Queued,
            Some(OpenState::Delayed) => Phase::Delayed,
            Some(OpenState::InFlight | OpenState::Settled) | None => {
                debug_assert!(false, "only what waits expires");
                if let Some(line) = &mut state.line {
                    line.take(offset);
                }
                return;
            }
        };
        let (Some(slot), Some(open)) = (slot, history) else { return };
        if from == Phase::Queued {
            state.again -= 1;
        } else {
            state.delayed -= 1;
            self.count_undelayed(sub_ix, sub);
        }
        let state = &mut self.cursors[cursor as usize];
        state.counts.expired += 1;
        state.settle(offset);
        if from == Phase::Queued {
            self.count_unqueued(sub_ix, sub, plan.events[slot.kind().index()].size);
        }
        let mut given_up = GivenUp::fresh(slot, payload.as_ref(), Reason::Expired);
        given_up.take_history(&open);
        given_up.from = from;
        let (_, dead) = Self::last_holder(sub, &given_up);
        let (event, node, attempts) = (slot.event, sub.node, open.attempt.into());
        let to = dead.map(|path| path.to);
        cx.show(What::Expired { sub: sub_ix, event, node, attempts, from, to });
        if plan.cursors[cursor as usize].consumes {
            self.settled_by(plan, cursor, offset, false);
        }
        Self::mark_gap(cx, sub_ix, &slot);
        if let Some(path) = dead {
            self.carry_to_grave(cx, sub_ix, path, &given_up);
        }
        self.wake(sub_ix, sub);
    }

    /// A record that ends without an ack leaves a gap in the order of its key.
    pub(super) fn mark_gap<O: Observer>(cx: &mut Cx<'_, O>, sub_ix: SubIx, slot: &Slot) {
        let line = cx.plan.subs[sub_ix.index()].line.as_ref();
        if slot.key_code() != 0 && line.is_some_and(|line| line.is_strict) && !planted!(GapInSilence) {
            cx.show(What::OrderGap { sub: sub_ix, event: slot.event });
        }
    }

    // ---- edits ----------------------------------------------------------------------------------------------------

    /// At the start and after an edit: every cursor gets the line that its subscription asks for.
    pub(super) fn lay_lines(&mut self, plan: &Plan) {
        if !plan.has_lines {
            return;
        }
        for (cursor, laid) in (0..).zip(&plan.cursors) {
            if let Some(line) = plan.subs[laid.sub.index()].line.as_ref().filter(|_| laid.alive) {
                self.lay_line(plan, cursor, line);
                self.arm_expiry(cursor);
            }
        }
    }

    /// Lines up anew what a cursor has, by the terms that hold now. What has waited, has waited.
    pub(super) fn lay_line(&mut self, plan: &Plan, cursor: u32, line: &LinePlan) {
        let partition = &self.partitions[plan.cursors[cursor as usize].partition as usize];
        let state = &mut self.cursors[cursor as usize];
        while let Some(offset) = state.next_fresh() {
            let since = partition.log.get(offset).map_or(0, |slot| slot.at);
            state.fresh -= 1;
            state.again += 1;
            state.next += 1;
            state.open.push_back(Open { state: OpenState::Queued, deadline: since, ..Open::FRESH });
        }
        state.catch_up();
        state.redeliver.clear();
        let before = state.line.take().unwrap_or_default();
        let mut laid = Box::new(Line { expiry_armed: before.expiry_armed, ..Line::default() });
        for (place, open) in state.open.iter().enumerate() {
            let offset = state.floor + place as u64;
            if open.state == OpenState::Settled {
                continue;
            }
            let Some(slot) = partition.log.get(offset) else { continue };
            // What is read again waits from then on; what somebody had since, from when it was handed over first.
            let start = match (open.is_replay, open.token) {
                (false, _) => slot.at,
                (true, 0) => open.deadline,
                (true, _) => open.first,
            };
            let since = before.terms.get(&offset).map_or(start, |terms| terms.since);
            let payload = partition.payload(offset).map(|payload| &**payload);
            laid.enter(offset, terms_of(plan, line, slot, payload, since));
            match open.state {
                OpenState::Queued => laid.line_up(offset),
                OpenState::InFlight => laid.take(offset),
                OpenState::Delayed | OpenState::Settled => {}
            }
        }
        state.line = Some(laid);
    }
}
