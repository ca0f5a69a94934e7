//! Consumers, services and functions: they take events one after the other or several at once, and emit.

use std::sync::Arc;

use super::super::event_list::Class;
use super::super::state::{Job, Payload, Slot, Tag};
use super::super::{Cx, Kernel, Ready};
use super::Unsent;
use crate::model::{EventId, LinkIx, NodeIx, OverLimit, Pick, SimDuration, SimTime, SubIx};
use crate::plan::{BucketPlan, EmitPlan, HandlerPlan, KeepsPlan, Plan, Route, RouteTo, WorkerPlan};
use crate::trace::{KeyRef, Leg, Observer, Reason, What};

/// Whether a node can begin with an event.
enum Room {
    Yes,
    /// It waits in the node's queue.
    Later,
    /// It goes back to where it came from, to be tried again.
    Back,
    /// The node is gone.
    Gone,
}

/// An event that an emit setting is about to make.
pub(in super::super) struct Planned<'a> {
    emit: &'a EmitPlan,
    payload: Option<Arc<Payload>>,
    key: u32,
}

fn worker_of(plan: &Plan, node: NodeIx) -> Option<&WorkerPlan> {
    plan.nodes[node.index()].work.worker()
}

impl Kernel {
    /// Whether a node would begin at once with what comes now.
    #[inline]
    pub(in super::super) fn is_idle(&self, plan: &Plan, node: NodeIx) -> bool {
        let state = &self.nodes[node.index()];
        let Some(worker) = worker_of(plan, node) else { return false };
        state.queue_len == 0 && state.busy + state.waiting_out < worker.concurrency
    }

    /// A node has an event at its door: it begins, lets it wait, or hands it back.
    pub(in super::super) fn take<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let node = NodeIx(self.jobs[handle].node);
        let room = if self.nodes[node.index()].queue_len > 0 { Room::Later } else { self.room(cx, node) };
        match room {
            Room::Yes => self.begin(cx, handle),
            Room::Later => self.enqueue(node, handle),
            Room::Back => self.hand_back(cx, handle),
            Room::Gone => self.lose_at_door(cx, handle),
        }
    }

    /// Puts a job at the end of its node's queue.
    pub(in super::super) fn enqueue(&mut self, node: NodeIx, handle: u32) {
        let state = &mut self.nodes[node.index()];
        self.jobs[handle].next = Job::NONE;
        if state.queue_len == 0 {
            state.queue_head = handle;
        } else {
            self.jobs[state.queue_tail].next = handle;
        }
        state.queue_tail = handle;
        state.queue_len += 1;
    }

    pub(in super::super) fn dequeue(&mut self, node: NodeIx) -> u32 {
        let state = &mut self.nodes[node.index()];
        let handle = state.queue_head;
        state.queue_head = self.jobs[handle].next;
        state.queue_len -= 1;
        self.jobs[handle].next = Job::NONE;
        handle
    }

    /// Takes every job out of a node's queue.
    pub(in super::super) fn drain_queue(&mut self, node: NodeIx) -> Vec<u32> {
        let mut handles = Vec::with_capacity(self.nodes[node.index()].queue_len as usize);
        while self.nodes[node.index()].queue_len > 0 {
            handles.push(self.dequeue(node));
        }
        handles
    }

    /// Whether the node has room for one more. Takes a token if so, and asks for an instance if it is a function.
    #[inline]
    fn room<O: Observer>(&mut self, cx: &Cx<'_, O>, node: NodeIx) -> Room {
        if self.faults.is_on && self.is_still(node) {
            return if self.is_down(node) { Room::Gone } else { Room::Later };
        }
        let lane = cx.plan.lanes.of(node.index());
        if lane.is_simple {
            return if self.has_room(node, lane) { Room::Yes } else { Room::Later };
        }
        self.room_by_limits(cx, node)
    }

    fn room_by_limits<O: Observer>(&mut self, cx: &Cx<'_, O>, node: NodeIx) -> Room {
        let Some(worker) = worker_of(cx.plan, node) else { return Room::Later };
        let state = &self.nodes[node.index()];
        if state.busy + state.waiting_out >= worker.concurrency {
            return match &worker.function {
                Some(function) if function.over != OverLimit::Queue => Room::Back,
                _ => Room::Later,
            };
        }
        if let Some(bucket) = &worker.rate
            && !self.has_token(node, bucket)
        {
            return if bucket.over == OverLimit::Queue { Room::Later } else { Room::Back };
        }
        if let Some(function) = &worker.function
            && !self.has_instance(cx, node, function)
        {
            return if function.over == OverLimit::Queue { Room::Later } else { Room::Back };
        }
        if let Some(bucket) = &worker.rate {
            let rest = &mut self.rest[node.index()];
            rest.bucket = rest.bucket.max(self.now).saturating_add(bucket.gap);
        }
        Room::Yes
    }

    /// Whether there is a token; if not, and events wait for one, comes back when there is.
    fn has_token(&mut self, node: NodeIx, bucket: &BucketPlan) -> bool {
        let full_at = self.rest[node.index()].bucket;
        let slack = if planted!(OneTokenTooMany) { bucket.slack.saturating_add(bucket.gap) } else { bucket.slack };
        if full_at <= self.now.saturating_add(slack) {
            return true;
        }
        let state = &mut self.nodes[node.index()];
        if bucket.over == OverLimit::Queue && !state.token_armed {
            state.token_armed = true;
            let due = full_at - bucket.slack;
            self.arm(due, Class::Timer, Job::timer(Tag::Token, node.0, Job::NONE));
        }
        false
    }

    /// Whether what a link's node cannot begin with is refused for good.
    pub(in super::super) fn refuses(plan: &Plan, link: u32) -> bool {
        let Some(link) = plan.links.get(link as usize) else { return false };
        let Some(worker) = worker_of(plan, link.to) else { return false };
        let by_function = worker.function.as_ref().is_some_and(|function| function.over == OverLimit::Reject);
        by_function || worker.rate.as_ref().is_some_and(|rate| rate.over == OverLimit::Reject)
    }

    /// Begins with what waits, as far as there is room.
    pub(in super::super) fn begin_next<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        while self.nodes[node.index()].queue_len > 0 {
            match self.room(cx, node) {
                Room::Yes => {
                    let handle = self.dequeue(node);
                    self.begin(cx, handle);
                }
                Room::Later => return,
                Room::Back => {
                    let handle = self.dequeue(node);
                    self.hand_back(cx, handle);
                }
                Room::Gone => {
                    let handle = self.dequeue(node);
                    self.lose_at_door(cx, handle);
                }
            }
        }
    }

    #[inline]
    pub(in super::super) fn sub_of(plan: &Plan, job: &Job) -> SubIx {
        if job.source & Job::INBOX != 0 {
            SubIx(job.source & !Job::INBOX)
        } else {
            plan.cursors[job.source as usize].sub
        }
    }

    /// The node has room, and takes it.
    fn begin<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let node = NodeIx(self.jobs[handle].node);
        let lane = cx.plan.lanes.of(node.index());
        if lane.is_plain && !self.faults.is_on {
            self.begin_straight(cx, handle, lane);
            return;
        }
        self.nodes[node.index()].busy += 1;
        if self.jobs[handle].source & Job::INBOX != 0 {
            self.leave_inbox(cx, handle);
        }
        if lane.is_simple {
            self.start(cx, handle);
            return;
        }
        let Some(worker) = worker_of(cx.plan, node) else { return };
        if let Some(function) = &worker.function
            && !self.occupy_instance(cx, node, function, handle)
        {
            // The instance is new: the event waits for it to get ready.
            return;
        }
        self.start(cx, handle);
    }

    /// The handling itself begins.
    pub(in super::super) fn start<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let now = self.now;
        let node = NodeIx(self.jobs[handle].node);
        let lane = cx.plan.lanes.of(node.index());
        let patience = if lane.is_plain { u64::MAX } else { self.patience(cx.plan, &self.jobs[handle]) };
        let job = &mut self.jobs[handle];
        let (event, kind, attempt) = (job.slot.event, job.slot.kind(), job.attempt.into());
        let wait = SimDuration::from_nanos(now.saturating_sub(job.slot.at));
        job.slot.at = now;
        job.tag = Tag::Work;
        let sub = Self::sub_of(cx.plan, job);
        cx.show(What::Started { node, sub, event, kind, attempt, wait });
        let (takes, is_sink) = if lane.is_plain {
            let takes = self.nodes[node.index()].streams.service.sample(&lane.takes);
            (if self.faults.is_on { self.slowed(cx, handle, takes) } else { takes }, lane.is_sink)
        } else {
            let job = self.jobs[handle];
            if self.is_remembered(cx.plan, &job) {
                // A look at the memory is all that it takes; through the ring, for there may be many such in a row.
                self.ready_completions.push_back(Ready::Job(handle));
                return;
            }
            let Some(worker) = worker_of(cx.plan, node) else { return };
            if let Some(keeps) = &worker.keeps {
                self.begin_to_keep(cx, handle, keeps);
            }
            let handler = worker.handlers.iter().find(|handler| handler.on.contains(kind));
            let takes = handler.map_or(0, |handler| self.nodes[node.index()].streams.service.sample(&handler.takes));
            let takes = if self.faults.is_on { self.slowed(cx, handle, takes) } else { takes };
            // What takes longer than it may is cancelled then: it ends as a failure, and nothing that it would have emitted
            // after that is ever made.
            let most = worker.timeout.unwrap_or(u64::MAX).min(patience);
            self.jobs[handle].reason = if takes > most { Reason::Timeout } else { Reason::Failed };
            (takes.min(most), worker.is_sink)
        };
        if takes > 0 {
            self.later(now.saturating_add(takes), Class::Completion, handle);
        } else if is_sink {
            self.complete(cx, handle);
        } else {
            // Through the ring, so that a chain of services that take no time is no recursion.
            self.ready_completions.push_back(Ready::Job(handle));
        }
    }

    /// A handling ends: it failed, or it emits; either way the node answers and takes the next.
    #[inline]
    pub(in super::super) fn complete<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = &self.jobs[handle];
        // An edit may have made it plain since it began.
        if self.goes_straight(cx.plan.lanes.of(job.node as usize), &job.slot) && job.reason != Reason::Timeout {
            self.complete_straight(cx, handle);
        } else {
            self.complete_any(cx, handle);
        }
    }

    #[inline(never)]
    fn complete_any<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let plan = cx.plan;
        let job = self.jobs[handle];
        let node = NodeIx(job.node);
        let kind = job.slot.kind();
        if !plan.is_alive(node) {
            self.jobs.remove(handle);
            return;
        }
        let Some(worker) = worker_of(plan, node) else { return };
        let is_muted = job.slot.is_replayed() && !plan.subs[Self::sub_of(plan, &job).index()].replay_emits;
        let is_known = self.is_remembered(plan, &job);
        let handler = worker.handlers.iter().find(|handler| handler.on.contains(kind)).filter(|_| !is_known);
        let fails = |handler: &HandlerPlan| self.nodes[node.index()].streams.outcome.happens(handler.fails);
        let mut failure = None;
        if job.reason == Reason::Timeout {
            failure = Some(Reason::Timeout);
        } else if cx.plan.is_gateway(node) {
            self.on_reply(cx, handle);
        } else if handler.is_some_and(fails) {
            failure = Some(Reason::Failed);
        } else {
            let emits = handler.filter(|handler| !handler.emits.is_empty());
            // A saga asks for its steps whatever its handler emits.
            let is_saga = matches!(worker.keeps.as_deref(), Some(KeepsPlan::Saga(_)));
            let is_silent = is_muted && (emits.is_some() || is_saga);
            if is_silent {
                cx.show(What::Muted { node, sub: Self::sub_of(plan, &job), event: job.slot.event });
            }
            if let Some(keeps) = worker.keeps.as_ref().filter(|_| !(is_known || is_silent && is_saga)) {
                failure = self.keep(cx, handle, keeps, handler.filter(|_| !is_muted)).err();
            } else if let (Some(stream), Some(handler)) = (&worker.stream, handler.filter(|_| !is_silent)) {
                failure = self.take_in(cx, handle, stream, handler).err();
            } else if let Some(handler) = emits.filter(|_| !is_muted) {
                failure = self.emit_all(cx, handle, handler).err();
            }
        }
        if failure.is_none() && !is_known {
            self.remember_effect(plan, &job);
        }
        let event = job.slot.event;
        let sub = Self::sub_of(plan, &job);
        let attempt = job.attempt.into();
        let service = SimDuration::from_nanos(self.now - job.slot.at);
        let is_call = job.source & Job::INBOX != 0;
        match failure {
            None if is_known => cx.show(What::Recognised { node, sub, event, kind, attempt, service }),
            None => {
                let end_to_end = SimDuration::from_nanos(self.now.saturating_sub(job.slot.born));
                cx.show(What::Handled { node, sub, event, kind, attempt, service, end_to_end });
            }
            Some(reason) => {
                let lost = !is_call && job.token == Job::SETTLED;
                cx.show(What::Failed { node, sub, event, kind, attempt, reason, service, lost });
            }
        }
        if is_call {
            self.close_call(cx, handle, failure);
        } else {
            self.send_answer(cx, handle, failure);
        }
        // Until here its place was taken: what it emitted may have come back to it already.
        self.nodes[node.index()].busy -= 1;
        if let Some(function) = &worker.function {
            self.release_instance(cx, node, function);
        }
        if self.nodes[node.index()].waiting_out > 0 {
            self.look_for_ring(cx, node);
        }
        if self.nodes[node.index()].queue_len > 0 {
            self.begin_next(cx, node);
        }
    }

    /// An event goes back without having been begun.
    fn hand_back<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let (node, event, attempt) = (NodeIx(job.node), job.slot.event, job.attempt.into());
        let sub = Self::sub_of(cx.plan, &job);
        if job.source & Job::INBOX != 0 {
            self.leave_inbox(cx, handle);
            cx.show(What::Throttled { node, sub, event, attempt: self.jobs[handle].attempt.into() });
            self.close_call(cx, handle, Some(Reason::Throttled));
        } else {
            cx.show(What::Throttled { node, sub, event, attempt });
            self.send_answer(cx, handle, Some(Reason::Throttled));
        }
    }

    /// An ack or nack travels back to the bus; until it is there the record is in flight.
    pub(in super::super) fn send_answer<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        failure: Option<Reason>,
    ) {
        let job = &mut self.jobs[handle];
        job.tag = if failure.is_some() { Tag::Nack } else { Tag::Ack };
        job.reason = failure.unwrap_or(Reason::Failed);
        let delay = if planted!(AnswersAtOnce) { 0 } else { cx.plan.links[job.way().index()].delay };
        if self.faults.is_on && job.token != Job::SETTLED {
            self.answer_broken(cx, handle, delay);
            return;
        }
        // What was settled at hand-over sends no ack; that it has room again is known at once.
        if delay == 0 || job.token == Job::SETTLED {
            self.answer(cx, handle);
        } else {
            self.later(self.now.saturating_add(delay), Class::Completion, handle);
        }
    }

    /// Emits everything that a handler emits. On `Err` an expression could make nothing of the cause, and nothing was emitted.
    pub(in super::super) fn emit_all<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        cause: u32,
        handler: &HandlerPlan,
    ) -> Result<(), Reason> {
        let node = NodeIx(self.jobs[cause].node);
        let mut chosen: Vec<Planned<'_>> = Vec::new();
        let mut draw_one = match handler.pick {
            Pick::One => Some(self.nodes[node.index()].streams.choice.below(1_000_000_000) as u32),
            Pick::Each => None,
        };
        // A key of its own text has to be carried along; a number is in the slot.
        let is_plain = handler.is_plain && !self.is_followed && self.jobs[cause].slot.key_code() != Slot::TEXT_KEY;
        for (place, emit) in handler.emits.iter().enumerate() {
            if let Some(left) = &mut draw_one {
                if *left >= emit.chance.billionths() {
                    *left -= emit.chance.billionths();
                    continue;
                }
                // The draw fell here; the others' turn is over.
                *left = u32::MAX;
            } else if !self.nodes[node.index()].streams.choice.happens(emit.chance) {
                continue;
            }
            if is_plain {
                let slot = self.jobs[cause].slot;
                self.emit_plain(cx, node, &slot, emit);
                if draw_one.is_some() {
                    break;
                }
                continue;
            }
            if let Some(when) = &emit.when {
                let slot = self.jobs[cause].slot;
                let payload = self.jobs.payload_cloned(cause);
                let place = u64::from(emit.counter) << 14;
                match self.with_facts(cx.plan, &slot, payload.as_ref(), place, |facts| when.test(facts)) {
                    Ok(true) => {}
                    Ok(false) if draw_one.is_some() => break,
                    Ok(false) => continue,
                    Err(_) => return Err(self.broken(cx, node, slot.event)),
                }
            }
            if let Some(after) = &emit.after {
                let delay = self.rest[node.index()].various.sample(after);
                self.emit_later(cx, cause, handler, place, delay);
            } else {
                for copy in 0..emit.count {
                    let Ok(planned) = self.plan_emit(cx, cause, emit, copy) else {
                        let event = self.jobs[cause].slot.event;
                        return Err(self.broken(cx, node, event));
                    };
                    chosen.push(planned);
                }
            }
            if draw_one.is_some() {
                break;
            }
        }
        let slot = self.jobs[cause].slot;
        for planned in chosen {
            self.bring_forth(cx, node, Some(&slot), planned.emit, planned.key, planned.payload.as_ref());
        }
        Ok(())
    }

    /// An expression broke: the handling fails.
    pub(super) fn broken<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, event: EventId) -> Reason {
        self.mark_broken(cx, node, event);
        Reason::Decode
    }

    /// An expression broke: the node is marked, once.
    pub(in super::super) fn mark_broken<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, event: EventId) {
        if !self.nodes[node.index()].is_broken {
            self.nodes[node.index()].is_broken = true;
            cx.show(What::Broken { node, event });
        }
    }

    /// Emits without looking at anything but the cause's key.
    #[inline]
    fn emit_plain<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, cause: &Slot, emit: &EmitPlan) {
        for _ in 0..emit.count {
            self.bring_forth(cx, node, Some(cause), emit, cause.key_code(), None);
        }
    }

    /// Emits one event in place of another that carries the same.
    pub(super) fn emit_one<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cause: u32, emit: &EmitPlan) {
        let slot = self.jobs[cause].slot;
        if let Ok(Planned { emit, payload, key }) = self.plan_emit(cx, cause, emit, 0) {
            self.bring_forth(cx, NodeIx(self.jobs[cause].node), Some(&slot), emit, key, payload.as_ref());
        }
    }

    fn emit_later<O: Observer>(&mut self, cx: &Cx<'_, O>, cause: u32, handler: &HandlerPlan, place: usize, delay: u64) {
        let job = self.jobs[cause];
        let Some(worker) = worker_of(cx.plan, NodeIx(job.node)) else { return };
        let number = worker.handlers.iter().position(|other| std::ptr::eq(other, handler)).unwrap_or(0);
        let later = Job {
            offset: (number as u64) << 32 | place as u64,
            node: job.node,
            ..Job::carrying(job.slot, Tag::EmitLater)
        };
        let payload = self.jobs.payload_cloned(cause);
        let handle = self.jobs.put_with(later, payload);
        self.later(self.now.saturating_add(delay), Class::Completion, handle);
    }

    /// The time of a delayed emit has come.
    pub(in super::super) fn on_emit_later<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let node = NodeIx(job.node);
        let (number, place) = ((job.offset >> 32) as usize, job.offset as u32 as usize);
        let handler = worker_of(cx.plan, node).and_then(|worker| worker.handlers.get(number));
        if let Some(emit) = handler.and_then(|handler| handler.emits.get(place))
            && cx.plan.is_alive(node)
        {
            for copy in 0..emit.count {
                match self.plan_emit(cx, handle, emit, copy) {
                    Ok(Planned { emit, payload, key }) => {
                        self.bring_forth(cx, node, Some(&job.slot), emit, key, payload.as_ref());
                    }
                    Err(()) => {
                        self.broken(cx, node, job.slot.event);
                    }
                }
            }
        }
        self.jobs.remove(handle);
    }

    /// An event comes into being and leaves along its routes.
    pub(in super::super) fn bring_forth<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        cause: Option<&Slot>,
        emit: &EmitPlan,
        key: u32,
        payload: Option<&Arc<Payload>>,
    ) {
        let slot = self.give_birth(cx, node, cause, emit.kind, key, payload);
        if let Some(unsent) = &mut self.keeping.commit {
            unsent.push(Unsent { slot, payload: payload.cloned(), counter: emit.counter });
            return;
        }
        self.send(cx, node, &emit.routes, slot, payload);
    }

    /// An event comes into being.
    pub(in super::super) fn give_birth<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        cause: Option<&Slot>,
        kind: crate::model::EventTypeIx,
        key: u32,
        payload: Option<&Arc<Payload>>,
    ) -> Slot {
        let state = &mut self.nodes[node.index()];
        let event = EventId::new(node, state.emitted);
        state.emitted += 1;
        let (born, hops) =
            cause.map_or((self.now, 0), |cause| (cause.born, cause.hops() + u32::from(!planted!(HopsNotCounted))));
        let slot = Slot::new(event, born, self.now, kind, hops, key);
        let key = if key == 0 { KeyRef::None } else { slot.key(payload.map(|payload| &**payload)) };
        cx.show(What::Emitted {
            event,
            kind,
            cause: cause.map(|cause| cause.event),
            born: SimTime::from_nanos(born),
            hops: slot.hops(),
            key,
            data: payload.and_then(|payload| payload.data.as_ref()),
        });
        slot
    }

    /// An event leaves along all its routes.
    pub(in super::super) fn send<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        routes: &[Route],
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        if self.faults.is_on {
            self.send_broken(cx, node, routes, slot, payload);
            return;
        }
        for route in routes {
            if let RouteTo::Guarded(inbox) = &route.to {
                self.send_guarded(cx, node, route.link, inbox, slot, payload);
                continue;
            }
            let (event, kind, link) = (slot.event, slot.kind(), route.link);
            let arrives = self.now.saturating_add(route.delay);
            let (leg, attempt) = match route.to {
                RouteTo::Topic(_) => (Leg::Publish, 0),
                RouteTo::Inbox(_) | RouteTo::Guarded(_) => (Leg::Call, 1),
            };
            cx.show(What::Sent { link, event, kind, leg, attempt, arrives: SimTime::from_nanos(arrives) });
            self.depart(cx, node, route, route.delay, slot, payload);
        }
    }

    /// An event is on its way along a route, and arrives after a delay.
    #[inline]
    pub(in super::super) fn depart<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        route: &Route,
        delay: u64,
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        match &route.to {
            RouteTo::Topic(topic) if delay == 0 => {
                if let Err(sub) = self.publish(cx, route.link, slot, payload, *topic, None) {
                    let job = Job {
                        offset: topic.0.into(),
                        node: node.0,
                        link: route.link.0,
                        ..Job::carrying(slot, Tag::Publish)
                    };
                    let handle = self.jobs.put_with(job, payload.cloned());
                    self.wait_at_door(cx, sub, handle);
                }
            }
            RouteTo::Topic(topic) => {
                let job = Job {
                    offset: topic.0.into(),
                    node: node.0,
                    link: route.link.0,
                    ..Job::carrying(slot, Tag::Publish)
                };
                let handle = self.jobs.put_with(job, payload.cloned());
                self.later(self.now.saturating_add(delay), Class::Arrival, handle);
            }
            RouteTo::Inbox(inbox) | RouteTo::Guarded(inbox) => {
                let job = Job {
                    source: inbox.sub.0 | Job::INBOX,
                    node: node.0,
                    link: route.link.0,
                    ..Job::carrying(slot, Tag::Call)
                };
                let handle = match payload {
                    Some(payload) => self.jobs.put_with(job, Some(Arc::clone(payload))),
                    None => self.jobs.put(job),
                };
                if delay == 0 {
                    self.call_at_once(cx, handle, inbox);
                } else {
                    self.later(self.now.saturating_add(delay), Class::Arrival, handle);
                }
            }
        }
    }

    /// A publish that was on the wire arrives at its bus.
    pub(in super::super) fn on_publish<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        from_door: Option<SubIx>,
    ) -> Result<(), SubIx> {
        let job = self.jobs[handle];
        let topic = crate::model::TopicIx(job.offset as u32);
        let payload = self.jobs.payload_cloned(handle);
        self.publish(cx, LinkIx(job.link), job.slot, payload.as_ref(), topic, from_door)?;
        self.jobs.remove(handle);
        Ok(())
    }
}

impl<'a> Planned<'a> {
    pub(in super::super) const fn new(emit: &'a EmitPlan, key: u32, payload: Option<Arc<Payload>>) -> Self {
        Self { emit, payload, key }
    }
}
