//! Calls: a callee has one inbox, a queue through the shared table of jobs; and doors, where what finds a full queue waits.

use std::sync::Arc;

use super::event_list::Class;
use super::settlement::GivenUp;
use super::state::{Job, Payload, Tag};
use super::unsent::unsent;
use super::{Cx, Kernel, Ready};
use crate::model::{Backoff, EventTypeIx, Jitter, LinkIx, NodeIx, Share, SimTime, SubIx, WhenFull};
use crate::plan::{CallPlan, InboxRoute, Plan, Work};
use crate::trace::{Observer, Phase, Reason, What};

fn call_of(plan: &Plan, link: u32) -> Option<&CallPlan> {
    plan.links.get(link as usize)?.call.as_deref()
}

impl Kernel {
    /// A call arrives at its callee. Until then the job's node is the caller.
    pub(super) fn call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, from_door: Option<SubIx>) -> bool {
        let plan = cx.plan;
        let job = self.jobs[handle];
        let sub_ix = SubIx(job.source & !Job::INBOX);
        let sub = &plan.subs[sub_ix.index()];
        let (callee, event, kind) = (sub.node, job.slot.event, job.slot.kind());
        let call = call_of(plan, job.link);
        let link = LinkIx(job.link);
        if !sub.alive {
            cx.show(What::Rejected { link, node: callee, event, kind, reason: Reason::NoDestination });
            self.refuse_call(cx, handle);
            return true;
        }
        let size = plan.events[kind.index()].size;
        if let Some(call) = call {
            // Nobody overtakes those who wait; what pushes others out, or goes itself, waits for nobody.
            let minds_door = matches!(call.queue.when_full, WhenFull::Block | WhenFull::Reject) && from_door.is_none();
            let is_full = |kernel: &Self| {
                let inbox = &kernel.inboxes[sub.slot as usize];
                let waiting = u64::from(inbox.queued) + u64::from(inbox.delayed);
                waiting >= call.queue.records
                    || inbox.queued_bytes.saturating_add(size) > call.queue.bytes
                    || inbox.door_waits > 0 && minds_door
            };
            if is_full(self) && !(self.is_idle(plan, callee) && self.inboxes[sub.slot as usize].door_waits == 0) {
                match call.queue.when_full {
                    WhenFull::Block => {
                        if from_door.is_none() {
                            self.wait_at_door(cx, sub_ix, handle);
                        }
                        return false;
                    }
                    WhenFull::Reject => {
                        cx.show(What::Rejected { link, node: callee, event, kind, reason: Reason::MaxLength });
                        self.refuse_call(cx, handle);
                        return true;
                    }
                    // Retries, and callers that may fill it further, make it longer than this link's bound.
                    WhenFull::DropOldest => while is_full(self) && self.drop_oldest_call(cx, sub_ix, callee) {},
                    WhenFull::DropNewest => {}
                }
                if is_full(self) {
                    self.open_call(cx, handle, sub_ix, Some(link));
                    self.end_call(cx, handle, Reason::MaxLength, Phase::Queued);
                    return true;
                }
            }
        }
        if job.slot.hops() > plan.hop_limit {
            self.open_call(cx, handle, sub_ix, (job.link != Job::NONE).then_some(link));
            self.end_call(cx, handle, Reason::HopLimit, Phase::Queued);
            return true;
        }
        if self.is_followed {
            self.hears_somebody(event);
        }
        if let Some(call) = call.filter(|call| call.timeout != u64::MAX) {
            let job = &mut self.jobs[handle];
            job.node = callee.0;
            let offset = self.inboxes[sub.slot as usize].opened;
            self.arm_deadline(handle, offset, call.timeout);
        }
        self.enter(cx, handle, sub_ix, sub.slot, callee, size);
        true
    }

    /// A call arrives the instant it is made, by a route of the plan that holds: nothing has to be looked up again.
    #[inline]
    pub(super) fn call_at_once<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, route: &InboxRoute) {
        let slot = &self.jobs[handle].slot;
        let size = cx.plan.events[slot.kind().index()].size;
        let inbox = &self.inboxes[route.slot as usize];
        let has_room = u64::from(inbox.queued) + u64::from(inbox.delayed) < route.records
            && inbox.queued_bytes.saturating_add(size) <= route.bytes
            && inbox.door_waits == 0;
        if has_room && slot.hops() <= cx.plan.hop_limit {
            self.enter(cx, handle, route.sub, route.slot, route.callee, size);
        } else {
            self.call(cx, handle, None);
        }
    }

    /// A call is in the inbox: it is queued, and its callee may begin with it.
    #[inline]
    fn enter<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        sub_ix: SubIx,
        slot: u32,
        callee: NodeIx,
        size: u64,
    ) {
        let inbox = &mut self.inboxes[slot as usize];
        let offset = inbox.opened;
        inbox.opened += 1;
        inbox.queued += 1;
        inbox.queued_bytes += size;
        let job = &mut self.jobs[handle];
        job.offset = offset;
        job.tag = Tag::Waiting;
        job.node = callee.0;
        job.slot.at = self.now;
        let link = (job.link != Job::NONE).then_some(LinkIx(job.link));
        let (event, kind) = (job.slot.event, job.slot.kind());
        cx.show(What::Opened { sub: sub_ix, event, kind, topic: None, partition: 0, offset, link });
        self.take(cx, handle);
    }

    /// A refused call never was: its caller hears of it at once.
    fn refuse_call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        self.jobs.remove(handle);
        self.learn_of_call(cx, &job, true);
        self.hears_nobody(cx, job.way(), job.slot.event);
    }

    pub(super) fn open_call<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        sub_ix: SubIx,
        link: Option<LinkIx>,
    ) {
        let inbox = &mut self.inboxes[cx.plan.subs[sub_ix.index()].slot as usize];
        let offset = inbox.opened;
        inbox.opened += 1;
        let job = &mut self.jobs[handle];
        job.offset = offset;
        let (event, kind) = (job.slot.event, job.slot.kind());
        cx.show(What::Opened { sub: sub_ix, event, kind, topic: None, partition: 0, offset, link });
    }

    /// A hand calls a service or function.
    pub(super) fn call_by_hand<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        kind: EventTypeIx,
        key: u32,
        payload: Option<Arc<Payload>>,
    ) {
        let Work::Worker(worker) = &cx.plan.nodes[node.index()].work else { return };
        let Some(inbox) = worker.inbox else { return };
        let slot = self.give_birth(cx, node, None, kind, key, payload.as_ref());
        let job = Job { source: inbox.0 | Job::INBOX, node: node.0, ..Job::carrying(slot, Tag::Call) };
        let handle = self.jobs.put_with(job, payload);
        self.call(cx, handle, None);
    }

    /// A call leaves the inbox: its node begins with it, or hands it back.
    #[inline]
    pub(super) fn leave_inbox<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = &mut self.jobs[handle];
        job.attempt = job.attempt.saturating_add(1);
        let sub = SubIx(job.source & !Job::INBOX);
        let (node, event, kind, attempt) = (NodeIx(job.node), job.slot.event, job.slot.kind(), job.attempt.into());
        let link = (job.link != Job::NONE).then_some(LinkIx(job.link));
        let inbox = &mut self.inboxes[cx.plan.lanes.of(node.index()).inbox as usize];
        inbox.queued -= 1;
        inbox.in_flight += 1;
        inbox.queued_bytes = inbox.queued_bytes.saturating_sub(cx.plan.events[kind.index()].size);
        cx.show(What::Delivered { sub, event, node, attempt });
        cx.show(What::Received { node, link, sub, event, kind, attempt });
        if inbox.door_waits > 0 {
            self.open_door(sub);
        }
    }

    /// A call was handled, or was not: settled, tried again, or given up.
    pub(super) fn close_call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, failure: Option<Reason>) {
        let plan = cx.plan;
        let job = self.jobs[handle];
        let sub_ix = SubIx(job.source & !Job::INBOX);
        let inbox = &mut self.inboxes[plan.lanes.of(job.node as usize).inbox as usize];
        inbox.in_flight -= 1;
        let (event, node) = (job.slot.event, NodeIx(job.node));
        let Some(reason) = failure else {
            inbox.acked += 1;
            cx.show(What::Acked { sub: sub_ix, event, node, auto: false, from: Phase::InFlight });
            self.jobs.remove(handle);
            if !self.call_breakers.is_empty() {
                self.learn_of_call(cx, &job, false);
            }
            return;
        };
        let call = call_of(plan, job.link);
        let refused = reason == Reason::Throttled && Self::refuses_calls(plan, node);
        let most = call.map_or(1, |call| call.deliveries) + u32::from(planted!(OneCallTooMany));
        let before = if planted!(LostCallFree) { 0 } else { unsent(&job) };
        if refused || u32::from(job.attempt) + before >= most {
            let is_own = matches!(reason, Reason::Throttled | Reason::Decode | Reason::Conflict);
            let reason = if is_own { reason } else { Reason::DeliveryLimit };
            self.end_call(cx, handle, reason, Phase::InFlight);
            self.learn_of_call(cx, &job, true);
            return;
        }
        self.inboxes[plan.subs[sub_ix.index()].slot as usize].delayed += 1;
        let wait = call.map_or(0, |call| self.backoff(&call.backoff, node, job.attempt));
        let due = self.now.saturating_add(wait);
        let shown = SimTime::from_nanos(due);
        cx.show(What::Retrying { sub: sub_ix, event, attempt: job.attempt.into(), reason, due: shown });
        self.jobs[handle].tag = Tag::CallAgain;
        self.later(due, Class::Timer, handle);
        self.learn_of_call(cx, &job, true);
    }

    fn refuses_calls(plan: &Plan, node: NodeIx) -> bool {
        let Work::Worker(worker) = &plan.nodes[node.index()].work else { return false };
        let refuses = crate::model::OverLimit::Reject;
        worker.function.as_ref().is_some_and(|function| function.over == refuses)
            || worker.rate.as_ref().is_some_and(|rate| rate.over == refuses)
    }

    /// A call is due again.
    pub(super) fn on_call_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let sub_ix = SubIx(job.source & !Job::INBOX);
        let sub = &cx.plan.subs[sub_ix.index()];
        if !sub.alive {
            // The edit that removed the callee has purged it.
            self.jobs.remove(handle);
            return;
        }
        if self.is_held_back(cx, handle) {
            return;
        }
        let inbox = &mut self.inboxes[sub.slot as usize];
        inbox.delayed -= 1;
        inbox.queued += 1;
        inbox.queued_bytes += cx.plan.events[job.slot.kind().index()].size;
        self.jobs[handle].tag = Tag::Waiting;
        self.jobs[handle].slot.at = self.now;
        cx.show(What::Queued { sub: sub_ix, event: job.slot.event, taken_back: false });
        if let Some(call) = call_of(cx.plan, job.link).filter(|call| call.timeout != u64::MAX) {
            self.arm_deadline(handle, job.offset, call.timeout);
        }
        self.take(cx, handle);
    }

    /// Ends a call without an ack. It is in no queue any more.
    pub(super) fn end_call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, reason: Reason, from: Phase) {
        let job = self.jobs[handle];
        let sub_ix = SubIx(job.source & !Job::INBOX);
        let sub = &cx.plan.subs[sub_ix.index()];
        let dead = call_of(cx.plan, job.link).and_then(|call| call.dead);
        let inbox = &mut self.inboxes[sub.slot as usize];
        if dead.is_some() {
            inbox.dead_lettered += 1;
        } else {
            inbox.dropped += 1;
        }
        let payload = self.jobs.payload_cloned(handle);
        // Its deadline may still be to come: it finds nothing that waits.
        self.jobs[handle].tag = Tag::Call;
        self.jobs.remove(handle);
        let given_up = GivenUp {
            slot: job.slot,
            payload: payload.as_ref(),
            reason,
            attempts: job.attempt,
            from,
            first: job.slot.at,
            link: job.link,
            offset: None,
        };
        self.bury(cx, sub_ix, sub.node, dead, &given_up);
        if from == Phase::Queued && matches!(reason, Reason::MaxLength | Reason::HopLimit) {
            self.learn_of_call(cx, &job, true);
        }
    }

    /// Makes room by giving up the call that waits longest; whether there was one.
    fn drop_oldest_call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx, node: NodeIx) -> bool {
        let source = sub_ix.0 | Job::INBOX;
        let queue = self.drain_queue(node);
        let mut oldest = None;
        for handle in queue {
            if oldest.is_none() && self.jobs[handle].source == source {
                oldest = Some(handle);
            } else {
                self.enqueue(node, handle);
            }
        }
        let Some(handle) = oldest else { return false };
        let size = cx.plan.events[self.jobs[handle].slot.kind().index()].size;
        let inbox = &mut self.inboxes[cx.plan.subs[sub_ix.index()].slot as usize];
        inbox.queued -= 1;
        inbox.queued_bytes = inbox.queued_bytes.saturating_sub(size);
        if inbox.door_waits > 0 {
            self.open_door(sub_ix);
        }
        self.end_call(cx, handle, Reason::MaxLength, Phase::Queued);
        true
    }

    /// How long until the next attempt. AWS calls it full jitter: anything from 0 to the capped exponential.
    pub(super) fn backoff(&mut self, backoff: &Backoff, node: NodeIx, attempt: u16) -> u64 {
        match backoff {
            Backoff::None => 0,
            Backoff::Fixed(wait) => wait.as_nanos(),
            Backoff::Exponential { base, cap, jitter } => {
                let doublings = u32::from(attempt.saturating_sub(u16::from(!planted!(BackoffDoubled))));
                let factor = 1u64.checked_shl(doublings).unwrap_or(u64::MAX);
                let ceiling = base.as_nanos().saturating_mul(factor).min(cap.as_nanos());
                match jitter {
                    Jitter::None => ceiling,
                    Jitter::Full => self.rest[node.index()].various.below(ceiling.saturating_add(1)),
                }
            }
        }
    }

    // ---- doors ----------------------------------------------------------------------------------------------------

    /// A publish or call finds a full queue: it waits, and its publisher with it.
    pub(super) fn wait_at_door<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx, handle: u32) {
        let job = &self.jobs[handle];
        let (node, event) = (NodeIx(job.node), job.slot.event);
        self.doors.entry(sub_ix.0).or_default().push_back(handle);
        *self.door_waits_mut(cx.plan, sub_ix) += 1;
        self.nodes[node.index()].waiting_out += 1;
        cx.show(What::Blocked { node, sub: sub_ix, event });
        self.look_for_ring(cx, node);
    }

    fn door_waits_mut(&mut self, plan: &Plan, sub_ix: SubIx) -> &mut u32 {
        let sub = &plan.subs[sub_ix.index()];
        if sub.is_inbox {
            &mut self.inboxes[sub.slot as usize].door_waits
        } else {
            &mut self.subs[sub.slot as usize].door_waits
        }
    }

    /// So many wait before a door no more.
    pub(super) fn close_door(&mut self, plan: &Plan, sub_ix: SubIx, gone: u32) {
        *self.door_waits_mut(plan, sub_ix) -= gone;
    }

    /// There may be room behind a door: whoever waits there tries again, as soon as the current step is done.
    pub(super) fn open_door(&mut self, sub_ix: SubIx) {
        if !self.opened_doors.contains(&sub_ix.0) && !planted!(DoorStaysShut) {
            self.opened_doors.push(sub_ix.0);
            self.ready_arrivals.push_back(Ready::Door(sub_ix.0));
        }
    }

    /// Lets in who waits before a queue, first come first in, as far as there is room.
    pub(super) fn on_door<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) {
        self.opened_doors.retain(|door| *door != sub_ix.0);
        let sub = &cx.plan.subs[sub_ix.index()];
        if self.faults.is_on && !sub.is_inbox && self.is_halted(sub.node) {
            // It is opened again when the bus goes on.
            return;
        }
        while let Some(handle) = self.doors.get(&sub_ix.0).and_then(|waiting| waiting.front()).copied() {
            let job = self.jobs[handle];
            let (node, event) = (NodeIx(job.node), job.slot.event);
            let entered = if job.tag == Tag::Call {
                self.call(cx, handle, Some(sub_ix))
            } else {
                match self.on_publish(cx, handle, Some(sub_ix)) {
                    Ok(()) => true,
                    Err(other) if other == sub_ix => false,
                    Err(other) => {
                        // There is room here, but not in another queue that it matches.
                        self.leave_door(cx, sub_ix);
                        cx.show(What::Unblocked { node, sub: sub_ix, event });
                        self.nodes[node.index()].waiting_out -= 1;
                        self.wait_at_door(cx, other, handle);
                        continue;
                    }
                }
            };
            if !entered {
                return;
            }
            self.leave_door(cx, sub_ix);
            cx.show(What::Unblocked { node, sub: sub_ix, event });
            self.unblock(cx, node);
        }
    }

    fn leave_door<O: Observer>(&mut self, cx: &Cx<'_, O>, sub_ix: SubIx) {
        if let Some(waiting) = self.doors.get_mut(&sub_ix.0) {
            waiting.pop_front();
            if waiting.is_empty() {
                self.doors.remove(&sub_ix.0);
            }
        }
        *self.door_waits_mut(cx.plan, sub_ix) -= 1;
    }

    fn unblock<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let state = &mut self.nodes[node.index()];
        state.waiting_out -= 1;
        state.is_deadlocked = false;
        if state.waiting_out == 0 {
            self.resume_source(cx, node);
        }
        self.begin_next(cx, node);
    }

    /// Follows who waits for whom from a node that was just blocked; a way back to it is a ring that never moves.
    pub(super) fn look_for_ring<O: Observer>(&mut self, cx: &mut Cx<'_, O>, first: NodeIx) {
        let mut ring: Vec<(NodeIx, SubIx)> = Vec::new();
        let mut node = first;
        loop {
            if !self.is_frozen(cx.plan, node) || self.nodes[node.index()].is_deadlocked {
                return;
            }
            let Some(sub_ix) = self.waits_for(node) else { return };
            let members = &cx.plan.subs[sub_ix.index()].members;
            let mut frozen = members.iter().map(|member| member.node);
            if !frozen.clone().all(|member| self.is_frozen(cx.plan, member)) {
                return;
            }
            let Some(next) = frozen.next() else { return };
            ring.push((node, sub_ix));
            if next == first {
                break;
            }
            if ring.iter().any(|(seen, _)| *seen == next) {
                return;
            }
            node = next;
        }
        self.name_ring(cx, &ring);
    }

    fn name_ring<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ring: &[(NodeIx, SubIx)]) {
        for (place, (node, sub)) in ring.iter().enumerate() {
            let waits_for = ring[(place + 1) % ring.len()].0;
            self.nodes[node.index()].is_deadlocked = true;
            cx.show(What::Deadlocked { node: *node, waits_for, sub: *sub });
        }
        self.has_ring = true;
    }

    /// Nothing is left to do, and somebody waits before a queue: names the rings that could not be told from the nodes alone,
    /// as where a partition's owner is blocked and the other members of its group have nothing to do.
    pub(super) fn name_rings<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        let waiting: Vec<NodeIx> =
            self.doors.values().flatten().map(|handle| NodeIx(self.jobs[*handle].node)).collect();
        for first in waiting {
            let mut way: Vec<(NodeIx, SubIx)> = Vec::new();
            let mut next = Some(first);
            while let Some(node) = next.filter(|node| !self.nodes[node.index()].is_deadlocked) {
                if let Some(place) = way.iter().position(|(seen, _)| *seen == node) {
                    self.name_ring(cx, &way[place..]);
                    break;
                }
                let Some(sub) = self.waits_for(node) else { break };
                way.push((node, sub));
                next = self.stands_in_the_way(cx.plan, sub);
            }
        }
    }

    /// A node that keeps a queue from getting shorter because it waits itself.
    fn stands_in_the_way(&self, plan: &Plan, sub_ix: SubIx) -> Option<NodeIx> {
        let sub = &plan.subs[sub_ix.index()];
        let waits = |node: &NodeIx| self.nodes[node.index()].waiting_out > 0;
        if sub.is_inbox {
            return Some(sub.node).filter(waits);
        }
        let members = sub.members.iter();
        if sub.share == Share::Queue {
            return members.map(|member| member.node).find(waits);
        }
        let has_queued = |cursor: &&u32| self.cursors[**cursor as usize].has_queued();
        let owners = sub.cursors.iter().filter(has_queued).filter_map(|cursor| self.cursors[*cursor as usize].owner);
        owners.map(|link| plan.link_ends(LinkIx(link)).1).find(waits)
    }

    /// Whether a node does nothing and can begin nothing, because what it emitted waits.
    fn is_frozen(&self, plan: &Plan, node: NodeIx) -> bool {
        let state = &self.nodes[node.index()];
        let Work::Worker(worker) = &plan.nodes[node.index()].work else { return false };
        state.busy == 0 && state.waiting_out >= worker.concurrency
    }

    fn waits_for(&self, node: NodeIx) -> Option<SubIx> {
        let mut doors = self.doors.iter();
        doors
            .find(|(_, waiting)| waiting.iter().any(|handle| self.jobs[*handle].node == node.0))
            .map(|(sub, _)| SubIx(*sub))
    }
}
