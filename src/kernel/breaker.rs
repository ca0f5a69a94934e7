//! Circuit breakers and rate limits: what stands between a queue and whoever takes from it.

use std::collections::VecDeque;

use super::event_list::Class;
use super::settlement::GivenUp;
use super::state::{Job, Tag};
use super::{Cx, Kernel};
use crate::model::{LinkIx, NodeIx, OverLimit, SubIx};
use crate::plan::{BreakerPlan, BucketPlan, Plan, SubPlan};
use crate::trace::{Circuit, Observer, Reason, What};

/// A circuit breaker: what it is follows from the outcomes that it was told, in their order, and from the time since it
/// opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Breaker {
    pub(super) circuit: Circuit,
    /// Failures since the last success.
    row: u32,
    /// The latest outcomes, the oldest first: whether they failed.
    recent: VecDeque<bool>,
    /// How many of those failed.
    failed: u32,
    /// Until when it is open.
    until: u64,
    /// Half-open: probes that went through, and those of them that succeeded.
    issued: u32,
    succeeded: u32,
    /// How often it has opened: probes of an earlier time decide nothing.
    pub(super) episode: u16,
}

/// Whether something may go through a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permit {
    Yes,
    /// Its outcome decides.
    Probe,
    No,
}

/// What became of something that went through a breaker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) has_failed: bool,
    pub(super) is_probe: bool,
}

impl Breaker {
    pub(super) const fn permit(&self, plan: &BreakerPlan) -> Permit {
        match self.circuit {
            Circuit::Closed => Permit::Yes,
            Circuit::HalfOpen if self.issued < plan.probes => Permit::Probe,
            Circuit::HalfOpen | Circuit::Open => Permit::No,
        }
    }

    /// A probe goes through.
    pub(super) const fn issue(&mut self) {
        self.issued += 1;
    }

    /// A probe comes to nothing: another one takes its place.
    pub(super) const fn reissue(&mut self) {
        self.issued = self.issued.saturating_sub(1);
    }

    /// Takes note of an outcome. Its state, if that is another one now.
    pub(super) fn learn(&mut self, plan: &BreakerPlan, outcome: Outcome, now: u64) -> Option<Circuit> {
        let Outcome { has_failed, is_probe } = outcome;
        match self.circuit {
            Circuit::Open => None,
            Circuit::Closed => {
                self.row = if has_failed { self.row + 1 } else { 0 };
                if plan.ratio.is_some() {
                    self.recent.push_back(has_failed);
                    self.failed += u32::from(has_failed);
                    while self.recent.len() > plan.window as usize {
                        self.failed -= u32::from(self.recent.pop_front() == Some(true));
                    }
                }
                let is_full = self.recent.len() == plan.window as usize;
                let share = u64::from(self.failed) * 1_000_000_000;
                let limit = |ratio: crate::model::Chance| u64::from(ratio.billionths()) * u64::from(plan.window);
                let is_too_much = is_full && plan.ratio.is_some_and(|ratio| share >= limit(ratio)) && has_failed;
                (self.row >= plan.failures || is_too_much).then(|| self.open(plan, now))
            }
            Circuit::HalfOpen if !is_probe => None,
            Circuit::HalfOpen if has_failed => Some(self.open(plan, now)),
            Circuit::HalfOpen => {
                self.succeeded += 1;
                (self.succeeded >= plan.probes).then(|| {
                    *self = Self { episode: self.episode, ..Self::default() };
                    Circuit::Closed
                })
            }
        }
    }

    fn open(&mut self, plan: &BreakerPlan, now: u64) -> Circuit {
        let (until, episode) = (now.saturating_add(plan.reset), self.episode.wrapping_add(1));
        *self = Self { circuit: Circuit::Open, until, episode, ..Self::default() };
        Circuit::Open
    }

    /// It was open for long enough, if its time is now.
    fn half_open(&mut self, now: u64) -> bool {
        let is_due = self.circuit == Circuit::Open && self.until == now;
        if is_due {
            *self = Self { circuit: Circuit::HalfOpen, episode: self.episode, ..Self::default() };
        }
        is_due
    }
}

/// What a subscription's gate remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct GateState {
    /// When its token bucket would be full again.
    bucket: u64,
    token_armed: bool,
    breaker: Breaker,
    /// Cursor and offset of the probes that are in flight.
    probes: Vec<(u32, u64)>,
}

impl Kernel {
    // ---- of subscriptions -----------------------------------------------------------------------------------------

    /// Whether the gate of a subscription lets one more through right now, or at least to where it is refused.
    pub(super) fn is_gate_open(&self, sub: &SubPlan) -> bool {
        let (Some(plan), Some(state)) = (&sub.gate, &self.subs[sub.slot as usize].gate) else { return true };
        let is_closed = plan.breaker.as_ref().is_some_and(|breaker| state.breaker.permit(breaker) == Permit::No);
        let waits_for_token = plan.rate.as_ref().is_some_and(|rate| rate.over == OverLimit::Queue);
        !is_closed && (!waits_for_token || plan.rate.is_none_or(|rate| has_token(state, &rate, self.now)))
    }

    /// Something waits at a gate: it is looked at again when there is a token.
    pub(super) fn wait_at_gate(&mut self, sub_ix: SubIx, sub: &SubPlan) {
        let now = self.now;
        let (Some(plan), Some(state)) = (&sub.gate, &mut self.subs[sub.slot as usize].gate) else { return };
        let Some(rate) = plan.rate.filter(|rate| rate.over == OverLimit::Queue) else { return };
        if !state.token_armed && !has_token(state, &rate, now) {
            state.token_armed = true;
            let due = state.bucket - rate.slack;
            self.arm(due, Class::Timer, Job::timer(Tag::Gate, Job::NONE, sub_ix.0));
        }
    }

    /// There is a token again.
    pub(super) fn on_gate(&mut self, plan: &Plan, sub_ix: SubIx) {
        let sub = &plan.subs[sub_ix.index()];
        if let Some(state) = &mut self.subs[sub.slot as usize].gate {
            state.token_armed = false;
        }
        self.wake(sub_ix, sub);
    }

    /// A record that was just handed over goes through its subscription's gate. If it may not, it is not sent: it is in
    /// flight no more.
    pub(super) fn passes_gate<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        cursor: u32,
        offset: u64,
        node: NodeIx,
    ) -> bool {
        let now = self.now;
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let (Some(plan), Some(state)) = (&sub.gate, &mut self.subs[sub.slot as usize].gate) else { return true };
        if let Some(rate) = &plan.rate {
            if !has_token(state, rate, now) {
                self.limit(cx, cursor, offset, node, rate.over);
                return false;
            }
            state.bucket = state.bucket.max(now).saturating_add(rate.gap);
        }
        if let Some(breaker) = &plan.breaker
            && state.breaker.permit(breaker) == Permit::Probe
        {
            state.breaker.issue();
            state.probes.push((cursor, offset));
        }
        true
    }

    /// A record finds no token, and waiting is not what its subscription does.
    fn limit<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64, node: NodeIx, over: OverLimit) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let partition = &self.partitions[cx.plan.cursors[cursor as usize].partition as usize];
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let payload = partition.payload(offset).cloned();
        let state = &mut self.cursors[cursor as usize];
        state.in_flight += 1;
        self.subs[sub.slot as usize].in_flight += 1;
        let Some(open) = state.open_at(offset) else { return };
        let mut given_up = GivenUp::fresh(slot, payload.as_ref(), Reason::Throttled).at(offset);
        given_up.take_history(open);
        given_up.from = crate::trace::Phase::InFlight;
        cx.show(What::Limited { sub: sub_ix, event: slot.event, node, attempt: given_up.attempts.into() });
        if over == OverLimit::Retry {
            self.unanswered(cx, cursor, offset, Reason::Throttled);
            return;
        }
        let state = &mut self.cursors[cursor as usize];
        state.in_flight -= 1;
        self.subs[sub.slot as usize].in_flight -= 1;
        state.settle(offset);
        self.give_up(cx, cursor, &given_up);
    }

    /// A record that was sent was settled, or came back unhandled.
    pub(super) fn learn<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64, has_failed: bool) {
        let now = self.now;
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let (Some(plan), Some(state)) = (&sub.gate, &mut self.subs[sub.slot as usize].gate) else { return };
        let Some(breaker) = &plan.breaker else { return };
        let probe = state.probes.iter().position(|probe| *probe == (cursor, offset));
        if let Some(place) = probe {
            state.probes.swap_remove(place);
        }
        if let Some(circuit) = state.breaker.learn(breaker, Outcome { has_failed, is_probe: probe.is_some() }, now) {
            state.probes.clear();
            cx.show(What::BreakerTurned { sub: sub_ix, link: None, circuit });
            if circuit == Circuit::Open {
                self.arm(now.saturating_add(breaker.reset), Class::Timer, Job::timer(Tag::Reset, Job::NONE, sub_ix.0));
            }
        }
    }

    /// What was sent will have no outcome: if it was a probe, another one may go.
    pub(super) fn forget_probe(&mut self, sub: &SubPlan, cursor: u32, offset: u64) {
        let Some(state) = &mut self.subs[sub.slot as usize].gate else { return };
        if let Some(place) = state.probes.iter().position(|probe| *probe == (cursor, offset)) {
            state.probes.swap_remove(place);
            state.breaker.reissue();
        }
    }

    /// A breaker was open for long enough.
    pub(super) fn on_reset<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub: u32, link: u32) {
        let (now, circuit) = (self.now, Circuit::HalfOpen);
        if let Some(breaker) = self.call_breakers.get_mut(&link) {
            if breaker.half_open(now) {
                let callee = cx.plan.links[link as usize].to;
                if let Some(sub) = cx.plan.inbox_of(callee) {
                    cx.show(What::BreakerTurned { sub, link: Some(LinkIx(link)), circuit });
                }
            }
            return;
        }
        let Some(sub_plan) = cx.plan.subs.get(sub as usize).filter(|sub| !sub.is_inbox) else { return };
        let Some(state) = &mut self.subs[sub_plan.slot as usize].gate else { return };
        if state.breaker.half_open(now) {
            cx.show(What::BreakerTurned { sub: SubIx(sub), link: None, circuit });
            self.wake(SubIx(sub), sub_plan);
        }
    }

    /// After an edit, and at the start: gates and breakers are there where they are drawn, and closed where they are new.
    pub(super) fn lay_gates(&mut self, plan: &Plan) {
        for sub in plan.subs.iter().filter(|sub| !sub.is_inbox) {
            let state = &mut self.subs[sub.slot as usize];
            if sub.gate.is_none() {
                state.gate = None;
            } else if state.gate.is_none() {
                state.gate = Some(Box::default());
            }
        }
        for (ix, link) in plan.links.iter().enumerate() {
            if link.call.as_ref().is_some_and(|call| call.breaker.is_some()) {
                self.call_breakers.entry(ix as u32).or_default();
            }
        }
    }

    /// Before an edit takes effect: breakers that are drawn no more are closed, and say so.
    pub(super) fn part_from_breakers<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan) {
        for (ix, sub) in old.subs.iter().enumerate().filter(|(_, sub)| !sub.is_inbox) {
            let stays = cx.plan.subs[ix].gate.as_ref().is_some_and(|gate| gate.breaker.is_some());
            let Some(state) = self.subs[sub.slot as usize].gate.as_mut().filter(|_| !stays) else { continue };
            if std::mem::take(&mut state.breaker).circuit != Circuit::Closed {
                state.probes.clear();
                cx.show(What::BreakerTurned { sub: SubIx(ix as u32), link: None, circuit: Circuit::Closed });
            }
        }
        let is_drawn =
            |link: u32| cx.plan.links[link as usize].call.as_ref().is_some_and(|call| call.breaker.is_some());
        let gone: Vec<u32> = self.call_breakers.keys().copied().filter(|link| !is_drawn(*link)).collect();
        for link in gone {
            self.drop_call_breaker(cx, link);
        }
    }

    /// A caller's breaker is gone, with what it knew.
    pub(super) fn drop_call_breaker<O: Observer>(&mut self, cx: &mut Cx<'_, O>, link: u32) {
        let Some(breaker) = self.call_breakers.remove(&link) else { return };
        if breaker.circuit != Circuit::Closed
            && let Some(sub) = cx.plan.inbox_of(cx.plan.links[link as usize].to)
        {
            cx.show(What::BreakerTurned { sub, link: Some(LinkIx(link)), circuit: Circuit::Closed });
        }
    }

    /// The state of the circuit breaker that a link goes through, if there is one.
    pub fn circuit(&self, link: LinkIx) -> Option<Circuit> {
        let (sub, call) = self.plan.breaker_of(link)?;
        if let Some(link) = call {
            return self.call_breakers.get(&link.0).map(|breaker| breaker.circuit);
        }
        let slot = self.plan.subs[sub.index()].slot as usize;
        self.subs[slot].gate.as_ref().map(|gate| gate.breaker.circuit)
    }
}

const fn has_token(state: &GateState, rate: &BucketPlan, now: u64) -> bool {
    state.bucket <= now.saturating_add(rate.slack)
}
