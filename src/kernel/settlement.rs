//! How obligations end: acks, nacks and silence, retries, and what is given up.

use std::sync::Arc;

use super::event_list::Class;
use super::state::{Job, MemberState, Open, OpenState, Payload, Slot, Tag};
use super::{Cx, Kernel};
use crate::model::{NodeIx, SimTime, SubIx};
use crate::plan::{DeadPath, SubPlan};
use crate::trace::{Leg, Observer, Phase, Reason, Staleness, What};

impl Kernel {
    /// Ends an obligation for good, with a reason; its place in the cursor is settled by the caller.
    pub(super) fn give_up<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, given_up: &GivenUp<'_>) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        if cx.plan.cursors[cursor as usize].consumes {
            match given_up.offset {
                Some(offset) => self.settled_by(cx.plan, cursor, offset, false),
                None => self.some_settled(cx.plan.cursors[cursor as usize].partition),
            }
        }
        let (node, dead) = Self::last_holder(sub, given_up);
        let dead = dead.filter(|_| !planted!(DeadLetterMissed));
        let counts = &mut self.cursors[cursor as usize].counts;
        if dead.is_some() {
            counts.dead_lettered += 1;
        } else {
            counts.dropped += 1;
        }
        self.bury(cx, sub_ix, node, dead, given_up);
        Self::mark_gap(cx, sub_ix, &given_up.slot);
    }

    /// Where something was given up, and where that goes: by the member that had it last.
    pub(super) fn last_holder(sub: &SubPlan, given_up: &GivenUp<'_>) -> (NodeIx, Option<DeadPath>) {
        let member = sub.members.iter().find(|member| member.link.0 == given_up.link).or(sub.members.first());
        let node = match given_up.attempts {
            0 => sub.node,
            _ => member.map_or(sub.node, |member| member.node),
        };
        (node, member.and_then(|member| member.dead))
    }

    /// Shows that something was given up, and sends it to its dead-letter queue.
    pub(super) fn bury<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        sub: SubIx,
        node: NodeIx,
        dead: Option<DeadPath>,
        given_up: &GivenUp<'_>,
    ) {
        let GivenUp { slot, payload: _, reason, attempts, from, first: _, link: _, offset: _ } = *given_up;
        let event = slot.event;
        let Some(path) = dead else {
            cx.show(What::Dropped { sub, event, node, reason, attempts: attempts.into(), from });
            return;
        };
        let to = path.to;
        cx.show(What::DeadLettered { sub, event, node, reason, attempts: attempts.into(), from, to });
        self.carry_to_grave(cx, sub, path, given_up);
    }

    /// Something that was given up leaves for its dead-letter queue.
    pub(super) fn carry_to_grave<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        sub: SubIx,
        path: DeadPath,
        given_up: &GivenUp<'_>,
    ) {
        let GivenUp { slot, payload, reason, attempts, from: _, first, link: _, offset: _ } = *given_up;
        let (event, kind) = (slot.event, slot.kind());
        let arrives = self.now.saturating_add(path.delay);
        let shown = SimTime::from_nanos(arrives);
        cx.show(What::Sent { link: path.link, event, kind, leg: Leg::DeadLetter, attempt: 0, arrives: shown });
        if planted!(DeadLetterLost) {
            return;
        }
        let job = Job {
            offset: first,
            node: path.to.0,
            link: path.link.0,
            token: sub.0,
            attempt: attempts,
            reason,
            ..Job::carrying(slot, Tag::DeadLetter)
        };
        let handle = self.jobs.put_with(job, payload.cloned());
        self.later(arrives, Class::Arrival, handle);
    }

    /// A member has finished with a record: its answer comes back to the bus.
    pub(super) fn answer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        self.jobs.remove(handle);
        let cursor = job.source;
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let (event, node, offset) = (job.slot.event, NodeIx(job.node), job.offset);
        let sub_state = &mut self.subs[sub.slot as usize];
        if let Some(member) = member_mut(&mut sub_state.members, job.link) {
            member.held = member.held.saturating_sub(1);
        }
        if sub.is_outside {
            self.answer_outside(cx, &job);
            return;
        }
        if job.token == Job::SETTLED {
            self.wake(sub_ix, sub);
            return;
        }
        let state = &mut self.cursors[cursor as usize];
        let fence = state.fence;
        let stale = match state.open_at(offset) {
            None => Some(Staleness::Settled),
            Some(open) if open.state == OpenState::Settled || open.is_before(job.token) => Some(Staleness::Settled),
            Some(open) if planted!(LateAckRefused) && open.state != OpenState::InFlight => Some(Staleness::Settled),
            Some(_) if !planted!(OldGenerationCounts) && job.token.wrapping_sub(fence).cast_signed() <= 0 => {
                Some(Staleness::OldGeneration)
            }
            Some(open) if job.tag == Tag::Nack && (open.token != job.token || open.state != OpenState::InFlight) => {
                Some(Staleness::EarlierAttempt)
            }
            Some(_) => None,
        };
        if let Some(why) = stale {
            cx.show(What::Stale { sub: sub_ix, event, node, why });
            self.wake(sub_ix, sub);
            return;
        }
        if job.tag == Tag::Nack {
            self.unanswered(cx, cursor, offset, job.reason);
            self.learn(cx, cursor, offset, true);
        } else {
            let size = cx.plan.events[job.slot.kind().index()].size;
            let state = &mut self.cursors[cursor as usize];
            let from = match state.open_at(offset).map(|open| open.state) {
                Some(OpenState::Delayed) => {
                    state.delayed -= 1;
                    self.count_undelayed(sub_ix, sub);
                    Phase::Delayed
                }
                Some(OpenState::Queued) => {
                    state.again -= 1;
                    self.count_unqueued(sub_ix, sub, size);
                    Phase::Queued
                }
                Some(OpenState::InFlight | OpenState::Settled) | None => {
                    state.in_flight -= 1;
                    self.subs[sub.slot as usize].in_flight -= 1;
                    Phase::InFlight
                }
            };
            let state = &mut self.cursors[cursor as usize];
            state.counts.acked += 1;
            state.settle(offset);
            cx.show(What::Acked { sub: sub_ix, event, node, auto: false, from });
            if planted!(SettledTwice) {
                cx.show(What::Acked { sub: sub_ix, event, node, auto: false, from });
            }
            if cx.plan.cursors[cursor as usize].consumes {
                self.settled_by(cx.plan, cursor, offset, true);
            }
            if sub.gate.is_some() {
                self.learn(cx, cursor, offset, false);
            }
        }
        self.wake(sub_ix, sub);
    }

    /// A record in flight comes back unhandled: it is tried again, or given up.
    pub(super) fn unanswered<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64, reason: Reason) {
        let plan = cx.plan;
        let sub_ix = plan.cursors[cursor as usize].sub;
        let sub = &plan.subs[sub_ix.index()];
        let partition_ix = plan.cursors[cursor as usize].partition as usize;
        let partition = &self.partitions[partition_ix];
        let is_evicted = partition.is_gone(offset);
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let payload = partition.payload(offset).cloned();
        let state = &mut self.cursors[cursor as usize];
        let Some(open) = state.open_at(offset) else { return };
        let (attempt, token, link) = (open.attempt, open.token, open.link);
        let mut given_up = GivenUp::fresh(slot, payload.as_ref(), Reason::DeliveryLimit).at(offset);
        given_up.take_history(open);
        given_up.from = Phase::InFlight;
        state.in_flight -= 1;
        self.subs[sub.slot as usize].in_flight -= 1;
        let event = slot.event;
        if is_evicted {
            self.lose_from_hands(cx, cursor, offset, &slot);
            return;
        }
        let most = sub.deliveries + u32::from(planted!(OneTryTooMany)) - u32::from(planted!(OneTryTooFew));
        if u32::from(attempt) >= most || reason == Reason::Throttled && Self::refuses(plan, link) {
            if matches!(reason, Reason::Throttled | Reason::Decode | Reason::Conflict) {
                given_up.reason = reason;
            }
            self.cursors[cursor as usize].settle(offset);
            self.give_up(cx, cursor, &given_up);
            return;
        }
        let wait = match reason {
            Reason::AckTimeout => 0,
            // From the stream of the member: what other subscriptions of the bus draw changes nothing here.
            _ => self.backoff(&sub.backoff, plan.links.get(link as usize).map_or(sub.node, |link| link.to), attempt),
        };
        let due = self.now.saturating_add(wait);
        let shown = SimTime::from_nanos(due);
        cx.show(What::Retrying { sub: sub_ix, event, attempt: attempt.into(), reason, due: shown });
        if wait == 0 {
            self.queue_again(cx, cursor, offset);
            return;
        }
        let state = &mut self.cursors[cursor as usize];
        if let Some(open) = state.open_at(offset) {
            open.state = OpenState::Delayed;
        }
        state.delayed += 1;
        state.later.push(std::cmp::Reverse((due - u64::from(planted!(RetriedTooSoon)), offset, token)));
        if let Some(line) = &mut state.line {
            line.wait(offset);
        }
        self.subs[sub.slot as usize].delayed += 1;
        self.arm_due(cursor);
        self.arm_expiry(cursor);
    }

    pub(super) fn arm_due(&mut self, cursor: u32) {
        let state = &mut self.cursors[cursor as usize];
        let Some(std::cmp::Reverse((due, _, _))) = state.later.peek().copied() else { return };
        if state.due_armed.is_none_or(|armed| due < armed) {
            state.due_armed = Some(due);
            self.arm(due, Class::Timer, Job::timer(Tag::Due, Job::NONE, cursor));
        }
    }

    /// Records are due again.
    pub(super) fn on_due<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let now = self.now;
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        if sub.is_outside {
            self.on_due_outside(cx, cursor);
            return;
        }
        if self.cursors[cursor as usize].due_armed.is_none_or(|armed| armed != now) {
            return;
        }
        self.cursors[cursor as usize].due_armed = None;
        while let Some(std::cmp::Reverse((due, offset, token))) = self.cursors[cursor as usize].later.peek().copied() {
            if due > now {
                break;
            }
            let state = &mut self.cursors[cursor as usize];
            state.later.pop();
            let is_due = |open: &mut Open| open.state == OpenState::Delayed && open.token == token;
            if state.open_at(offset).is_some_and(is_due) {
                state.delayed -= 1;
                self.subs[sub.slot as usize].delayed -= 1;
                self.queue_again(cx, cursor, offset);
            }
        }
        self.arm_due(cursor);
        self.wake(sub_ix, sub);
    }

    /// Puts a record between floor and next into the queue again.
    fn queue_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let now = self.now;
        let partition = &self.partitions[cx.plan.cursors[cursor as usize].partition as usize];
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let state = &mut self.cursors[cursor as usize];
        if let Some(open) = state.open_at(offset) {
            open.state = OpenState::Queued;
            open.deadline = now;
        }
        state.again += 1;
        state.line_up(offset);
        if planted!(RetriesOvertake)
            && let Some(last) = state.redeliver.pop_back()
        {
            state.redeliver.push_front(last);
        }
        let sub = &cx.plan.subs[sub_ix.index()];
        self.count_queued(sub, cursor, cx.plan.events[slot.kind().index()].size);
        cx.show(What::Queued { sub: sub_ix, event: slot.event, taken_back: false });
        self.arm_expiry(cursor);
    }

    /// Takes a record back from a member that left or lost its partition: it is queued again, and that attempt never was.
    /// What the log has let go of meanwhile is lost with its member.
    pub(super) fn take_back<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let now = self.now;
        let partition = &self.partitions[cx.plan.cursors[cursor as usize].partition as usize];
        let is_evicted = partition.is_gone(offset);
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let state = &mut self.cursors[cursor as usize];
        let Some(open) = state.open_at(offset) else { return };
        open.state = OpenState::Queued;
        open.deadline = now;
        open.attempt = open.attempt.saturating_sub(1);
        state.in_flight -= 1;
        self.subs[sub.slot as usize].in_flight -= 1;
        if is_evicted {
            self.lose_from_hands(cx, cursor, offset, &slot);
            self.learn(cx, cursor, offset, true);
            return;
        }
        state.again += 1;
        state.line_up(offset);
        self.count_queued(sub, cursor, cx.plan.events[slot.kind().index()].size);
        cx.show(What::Queued { sub: sub_ix, event: slot.event, taken_back: true });
        self.arm_expiry(cursor);
        self.forget_probe(sub, cursor, offset);
    }

    /// Ends the obligation for a record that comes back unhandled when the log has let go of it.
    fn lose_from_hands<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64, slot: &Slot) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let node = cx.plan.subs[sub_ix.index()].node;
        let state = &mut self.cursors[cursor as usize];
        state.counts.retention_lost += 1;
        state.settle(offset);
        cx.show(What::Evicted { sub: sub_ix, event: slot.event, node, from: Phase::InFlight });
        Self::mark_gap(cx, sub_ix, slot);
    }

    /// Looks for records whose ack is overdue.
    pub(super) fn on_ack_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let now = self.now;
        if cx.plan.subs[cx.plan.cursors[cursor as usize].sub.index()].is_outside {
            self.on_ack_timer_outside(cx, cursor);
            return;
        }
        if self.cursors[cursor as usize].ack_armed.is_none_or(|armed| armed != now) {
            // An edit to a shorter ack wait has set an earlier one.
            return;
        }
        self.cursors[cursor as usize].ack_armed = None;
        let floor = self.cursors[cursor as usize].floor;
        let open = self.cursors[cursor as usize].open.iter().enumerate();
        let overdue: Vec<u64> = open
            .filter(|(_, open)| open.state == OpenState::InFlight && open.deadline <= now)
            .map(|(place, _)| floor + place as u64)
            .collect();
        for offset in overdue {
            self.unanswered(cx, cursor, offset, Reason::AckTimeout);
            self.learn(cx, cursor, offset, true);
        }
        let state = &mut self.cursors[cursor as usize];
        let in_flight = state.open.iter().filter(|open| open.state == OpenState::InFlight);
        if let Some(deadline) = in_flight.map(|open| open.deadline).min() {
            state.ack_armed = Some(deadline);
            self.arm(deadline, Class::Timer, Job::timer(Tag::AckTimer, Job::NONE, cursor));
        }
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        self.wake(sub_ix, &cx.plan.subs[sub_ix.index()]);
    }
}

/// An obligation that ends without an ack.
pub(super) struct GivenUp<'a> {
    pub(super) slot: Slot,
    pub(super) payload: Option<&'a Arc<Payload>>,
    pub(super) reason: Reason,
    pub(super) attempts: u16,
    pub(super) from: Phase,
    /// When it was handed over first.
    pub(super) first: u64,
    /// The link of the member that had it last.
    pub(super) link: u32,
    /// Its place in the log, if it is in one and whoever gives it up knows where.
    pub(super) offset: Option<u64>,
}

impl<'a> GivenUp<'a> {
    /// One that was never handed over.
    pub(super) const fn fresh(slot: Slot, payload: Option<&'a Arc<Payload>>, reason: Reason) -> Self {
        Self { slot, payload, reason, attempts: 0, from: Phase::Queued, first: 0, link: Job::NONE, offset: None }
    }

    /// The same, with its place in the log.
    pub(super) const fn at(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }

    pub(super) const fn take_history(&mut self, open: &Open) {
        self.attempts = open.attempt;
        self.first = open.first;
        self.link = open.link;
    }
}

/// A member by its link.
pub(super) fn member_mut(members: &mut [MemberState], link: u32) -> Option<&mut MemberState> {
    members.iter_mut().find(|member| member.link == link)
}
