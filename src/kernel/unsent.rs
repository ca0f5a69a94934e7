//! Calls that are watched from their caller's side: those that a link loses, those that a breaker does not let go, and
//! those that take too long.

use std::sync::Arc;

use super::breaker::{Breaker, Outcome, Permit};
use super::event_list::Class;
use super::state::{Job, Payload, Slot, Tag};
use super::{Cx, Kernel};
use crate::model::{LinkIx, NodeIx, SimTime, SubIx};
use crate::plan::{InboxRoute, Plan};
use crate::trace::{Circuit, Leg, Observer, Phase, Reason, What};

/// In a call's token: it is a probe of its link's breaker. The fifteen bits after it say of which time that it was half-open.
const PROBE: u32 = 1 << 31;
/// In a call's token: how often it failed before it reached its callee.
const UNSENT: u32 = 0xffff;

/// How often a call failed before it reached its callee.
pub(super) const fn unsent(job: &Job) -> u32 {
    job.token & UNSENT
}

/// What marks the probes of a breaker's present time.
const fn mark(breaker: &Breaker) -> u32 {
    PROBE | (breaker.episode as u32 & 0x7fff) << 16
}

impl Kernel {
    /// A call sets out by a link that is watched.
    pub(super) fn send_guarded<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        link: LinkIx,
        inbox: &InboxRoute,
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        let job =
            Job { source: inbox.sub.0 | Job::INBOX, node: node.0, link: link.0, ..Job::carrying(slot, Tag::Call) };
        let handle = self.jobs.put_with(job, payload.cloned());
        self.set_out(cx, handle);
    }

    /// A call leaves its caller, if its breaker lets it, and comes to its callee unless a link loses it.
    fn set_out<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        if !self.is_let_through(cx.plan, handle) {
            self.fail_unsent(cx, handle, Reason::CircuitOpen);
            return;
        }
        let job = self.jobs[handle];
        let (link, event, kind, leg) = (LinkIx(job.link), job.slot.event, job.slot.kind(), Leg::Call);
        let attempt = unsent(&job) + 1;
        let mut delay = cx.plan.links[link.index()].delay;
        let (mut is_lost, mut copies) = (false, 0);
        if self.faults.is_on {
            (is_lost, copies, delay) = self.journey_of_call(cx, &job, delay, attempt);
        } else {
            let arrives = SimTime::from_nanos(self.now.saturating_add(delay));
            cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
        }
        self.jobs[handle].tag = Tag::Call;
        if is_lost {
            self.await_lost_call(cx.plan, handle, delay);
            return;
        }
        for _ in 0..copies {
            let arrives = SimTime::from_nanos(self.now.saturating_add(delay));
            cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
            let payload = self.jobs.payload_cloned(handle);
            let copy = self.jobs.put_with(Job { token: unsent(&job), tag: Tag::Call, ..job }, payload);
            self.arrive(cx, copy, delay);
        }
        self.arrive(cx, handle, delay);
    }

    fn arrive<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, delay: u64) {
        if delay == 0 {
            self.call(cx, handle, None);
        } else {
            self.later(self.now.saturating_add(delay), Class::Arrival, handle);
        }
    }

    /// A link loses a call: its caller knows when it would have to be there by then, or when it has waited for long enough.
    pub(super) fn await_lost_call(&mut self, plan: &Plan, handle: u32, delay: u64) {
        let call = plan.links[self.jobs[handle].link as usize].call.as_ref();
        let patience = call.map_or(u64::MAX, |call| call.timeout);
        let patience = if patience == u64::MAX { 0 } else { patience };
        self.jobs[handle].tag = Tag::CallLost;
        if planted!(LostCallForgotten) {
            return;
        }
        self.later(self.now.saturating_add(delay).saturating_add(patience), Class::Timer, handle);
    }

    /// A caller learns that its call was lost.
    pub(super) fn on_call_lost<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        self.jobs[handle].token &= UNSENT;
        self.fail_unsent(cx, handle, Reason::Unreachable);
        self.learn_of_call(cx, &job, true);
    }

    /// A call that failed before it was there is due again.
    pub(super) fn on_resend<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let link = self.jobs[handle].way();
        if cx.plan.is_link_alive(link) {
            self.set_out(cx, handle);
        } else {
            self.end_unsent(cx, handle, Reason::NoDestination);
        }
    }

    /// An attempt fails before it reached its callee: it is made again, or the call is given up.
    fn fail_unsent<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, reason: Reason) {
        self.jobs[handle].token += u32::from(unsent(&self.jobs[handle]) < UNSENT);
        let job = self.jobs[handle];
        let call = cx.plan.links[job.link as usize].call.as_deref();
        if unsent(&job) >= call.map_or(1, |call| call.deliveries) {
            self.end_unsent(cx, handle, reason);
            return;
        }
        let (node, tries) = (NodeIx(job.node), u16::try_from(unsent(&job)).unwrap_or(u16::MAX));
        let wait = call.map_or(0, |call| self.backoff(&call.backoff, node, tries));
        let due = self.now.saturating_add(wait);
        Self::show_failed_call(cx, &job, reason, Some(due));
        self.jobs[handle].tag = Tag::CallResend;
        self.later(due, Class::Timer, handle);
    }

    /// A call is given up that never reached its callee: its obligation is born, and ends.
    pub(super) fn end_unsent<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, reason: Reason) {
        let job = self.jobs[handle];
        Self::show_failed_call(cx, &job, reason, None);
        let sub_ix = SubIx(job.source & !Job::INBOX);
        self.open_call(cx, handle, sub_ix, None);
        self.end_call(cx, handle, reason, Phase::Queued);
    }

    fn show_failed_call<O: Observer>(cx: &mut Cx<'_, O>, job: &Job, reason: Reason, due: Option<u64>) {
        cx.show(What::CallFailed {
            node: NodeIx(job.node),
            link: job.way(),
            event: job.slot.event,
            kind: job.slot.kind(),
            attempt: unsent(job),
            reason,
            due: due.map(SimTime::from_nanos),
        });
    }

    // ---- breakers -------------------------------------------------------------------------------------------------

    /// Whether a call's breaker lets it through. If it is half-open, the call is one of its probes.
    fn is_let_through(&mut self, plan: &Plan, handle: u32) -> bool {
        self.jobs[handle].token &= UNSENT;
        let link = self.jobs[handle].link;
        let Some(breaker) = self.call_breakers.get_mut(&link) else { return true };
        let call = plan.links.get(link as usize).and_then(|link| link.call.as_ref());
        let Some(settings) = call.and_then(|call| call.breaker) else { return true };
        match breaker.permit(&settings) {
            Permit::Yes => true,
            Permit::No => false,
            Permit::Probe => {
                breaker.issue();
                self.jobs[handle].token |= mark(breaker);
                true
            }
        }
    }

    /// A call that is due again at its callee asks its breaker. If that does not let it through it goes on waiting, or is
    /// given up.
    pub(super) fn is_held_back<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) -> bool {
        if self.call_breakers.is_empty() || self.is_let_through(cx.plan, handle) {
            return false;
        }
        self.jobs[handle].token += u32::from(unsent(&self.jobs[handle]) < UNSENT);
        let job = self.jobs[handle];
        let sub = SubIx(job.source & !Job::INBOX);
        let call = cx.plan.links[job.link as usize].call.as_deref();
        let tries = u32::from(job.attempt) + unsent(&job);
        if tries >= call.map_or(1, |call| call.deliveries) {
            self.inboxes[cx.plan.subs[sub.index()].slot as usize].delayed -= 1;
            self.end_call(cx, handle, Reason::CircuitOpen, Phase::Delayed);
            return true;
        }
        let tries = u16::try_from(tries).unwrap_or(u16::MAX);
        let wait = call.map_or(0, |call| self.backoff(&call.backoff, NodeIx(job.node), tries));
        // A breaker that is asked again at the same instant says the same.
        let due = self.now.saturating_add(wait.max(1));
        cx.show(What::HeldBack { sub, event: job.slot.event, due: SimTime::from_nanos(due) });
        self.later(due, Class::Timer, handle);
        true
    }

    /// A call was handled, or was not: its breaker learns of it.
    pub(super) fn learn_of_call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, job: &Job, has_failed: bool) {
        let now = self.now;
        let Some(breaker) = self.call_breakers.get_mut(&job.link) else { return };
        let link = &cx.plan.links[job.link as usize];
        let Some(settings) = link.call.as_ref().and_then(|call| call.breaker) else { return };
        let is_probe = job.token & !UNSENT == mark(breaker);
        let Some(circuit) = breaker.learn(&settings, Outcome { has_failed, is_probe }, now) else { return };
        let sub = SubIx(job.source & !Job::INBOX);
        cx.show(What::BreakerTurned { sub, link: Some(LinkIx(job.link)), circuit });
        if circuit == Circuit::Open {
            let timer = Job { link: job.link, ..Job::timer(Tag::Reset, Job::NONE, Job::NONE) };
            self.arm(now.saturating_add(settings.reset), Class::Timer, timer);
        }
    }

    /// A call ends without an outcome: if it was a probe, another one may go.
    pub(super) fn forget_call(&mut self, job: &Job) {
        if job.token & PROBE != 0
            && let Some(breaker) = self.call_breakers.get_mut(&job.link)
            && job.token & !UNSENT == mark(breaker)
        {
            breaker.reissue();
        }
    }

    // ---- deadlines ------------------------------------------------------------------------------------------------

    /// An attempt of a call is in its inbox, or about to be: from here on its caller waits so long.
    pub(super) fn arm_deadline(&mut self, handle: u32, offset: u64, timeout: u64) {
        let Job { slot, node, source, attempt, .. } = self.jobs[handle];
        // What it is about is known by its number in the inbox: handles are used again.
        let timer =
            Job { offset, node, source: handle, token: source, attempt, ..Job::carrying(slot, Tag::CallDeadline) };
        self.arm(self.now.saturating_add(timeout), Class::Timer, timer);
    }

    /// A caller waits no longer. What is being handled ends by itself at this instant; unless its node stands still.
    pub(super) fn on_call_deadline<O: Observer>(&mut self, cx: &mut Cx<'_, O>, timer: u32) {
        let Job { offset, source: handle, token, attempt, .. } = self.jobs[timer];
        self.jobs.remove(timer);
        let job = self.jobs[handle];
        if job.source != token || job.offset != offset {
            return;
        }
        let node = NodeIx(job.node);
        match job.tag {
            Tag::Waiting if job.attempt == attempt => {
                self.unqueue(node, handle);
                self.leave_inbox(cx, handle);
                let (event, attempt) = (job.slot.event, self.jobs[handle].attempt.into());
                let sub = SubIx(job.source & !Job::INBOX);
                cx.show(What::Cancelled { node, sub, event, attempt });
                self.close_call(cx, handle, Some(Reason::Timeout));
                self.begin_next(cx, node);
            }
            Tag::Work if job.attempt == attempt + 1 && self.take_from_halted(node, handle) => {
                self.jobs[handle].reason = Reason::Timeout;
                self.complete(cx, handle);
            }
            _ => {}
        }
    }

    /// Takes one job out of its node's queue.
    fn unqueue(&mut self, node: NodeIx, handle: u32) {
        for waiting in self.drain_queue(node) {
            if waiting != handle {
                self.enqueue(node, waiting);
            }
        }
    }

    /// How long a call may still take, as it is about to begin.
    pub(super) fn patience(&self, plan: &Plan, job: &Job) -> u64 {
        if job.source & Job::INBOX == 0 {
            return u64::MAX;
        }
        let call = plan.links.get(job.link as usize).and_then(|link| link.call.as_ref());
        let timeout = call.map_or(u64::MAX, |call| call.timeout);
        timeout.saturating_sub(self.now.saturating_sub(job.slot.at))
    }
}
