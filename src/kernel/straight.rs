//! The straight way: a step of a plain node, in one go.
//!
//! Most of what happens in most runs is plain: a node that does the same with every event ([`Lane::is_plain`]), calls and
//! deliveries that take no time and find room, nothing broken, nobody who follows what comes of what. Then everything that
//! a step does is known beforehand, and is done here without asking again: the same changes, the same draws and the same
//! records in the same order as on the long way, which is taken as soon as one thing is not plain.

#![expect(
    clippy::inline_always,
    reason = "a step in one go: a call in between would pass all that is known through memory"
)]

use std::sync::Arc;

use super::event_list::Class;
use super::state::{Job, Open, OpenState, Payload, Slot, Tag};
use super::{Cx, Kernel, Ready};
use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime, SubIx};
use crate::plan::{Feed, Hop, InboxRoute, Lane, Plan, Route, RouteTo, SubPlan};
use crate::trace::{Begun, Birth, Called, Ended, Handed, KeyRef, Observer, Passage, Published, Way, What};

impl Kernel {
    /// Whether a step of a plain node may go the straight way with this event.
    #[inline(always)]
    pub(super) const fn goes_straight(&self, lane: &Lane, slot: &Slot) -> bool {
        // A key of its own text has to be carried along; a number is in the slot.
        lane.is_plain
            && !self.faults.is_on
            && !self.is_followed
            && !slot.is_replayed()
            && slot.key_code() != Slot::TEXT_KEY
    }

    /// A handling ends.
    pub(super) fn complete_straight<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let Job { slot, offset, source, node, link, next: _, token, attempt, tag: _, reason: _ } = self.jobs[handle];
        let (node, event, kind, attempt) = (NodeIx(node), slot.event, slot.kind(), attempt.into());
        let lane = cx.plan.lanes.of(node.index());
        let service = SimDuration::from_nanos(self.now - slot.at);
        let end_to_end = SimDuration::from_nanos(self.now.saturating_sub(slot.born));
        if source & Job::INBOX != 0 {
            // Its place serves again for what it emits.
            self.jobs.remove(handle);
            self.emit_straight(cx, node, &slot, lane);
            let inbox = &mut self.inboxes[lane.inbox as usize];
            inbox.in_flight -= 1;
            inbox.acked += 1;
            let sub = SubIx(source & !Job::INBOX);
            cx.out.ended(cx.now, &Ended { node, sub, event, kind, attempt, service, end_to_end });
            if !self.call_breakers.is_empty() {
                let job = Job { source, link, token, ..Job::carrying(slot, Tag::Work) };
                self.learn_of_call(cx, &job, false);
            }
        } else {
            self.emit_straight(cx, node, &slot, lane);
            let sub = cx.plan.cursors[source as usize].sub;
            if self.acks_straight(cx.plan, (source, offset), link, token) {
                self.jobs.remove(handle);
                cx.out.ended(cx.now, &Ended { node, sub, event, kind, attempt, service, end_to_end });
                self.wake(sub, &cx.plan.subs[sub.index()]);
            } else {
                cx.show(What::Handled { node, sub, event, kind, attempt, service, end_to_end });
                self.send_answer(cx, handle, None);
            }
        }
        // Until here its place was taken: what it emitted may have come back to it already.
        let state = &mut self.nodes[node.index()];
        state.busy -= 1;
        if state.waiting_out > 0 {
            self.look_for_ring(cx, node);
        }
        if self.nodes[node.index()].queue_len > 0 {
            self.begin_next_straight(cx, node, lane);
        }
    }

    /// The ack of a delivery is at its bus the instant that it is sent, and settles. Whether it was that plain.
    #[inline(always)]
    fn acks_straight(&mut self, plan: &Plan, (cursor, offset): (u32, u64), link: u32, token: u32) -> bool {
        let planned = &plan.cursors[cursor as usize];
        if !planned.is_straight || token == Job::SETTLED {
            return false;
        }
        let sub = &mut self.subs[plan.subs[planned.sub.index()].slot as usize];
        // Somebody who left answers by a way of its own.
        let [member] = &mut sub.members[..] else { return false };
        if member.link != link {
            return false;
        }
        let state = &mut self.cursors[cursor as usize];
        let fence = state.fence;
        let Some(open) = state.open_at(offset) else { return false };
        let is_owed = open.state == OpenState::InFlight && !open.is_replay;
        if !is_owed || token.wrapping_sub(fence).cast_signed() <= 0 {
            return false;
        }
        open.state = OpenState::Settled;
        state.move_floor();
        state.in_flight -= 1;
        state.counts.acked += 1;
        sub.in_flight -= 1;
        member.held = member.held.saturating_sub(1);
        true
    }

    /// Begins with what waits, as far as there is room.
    pub(super) fn begin_next_straight<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, lane: &Lane) {
        while self.nodes[node.index()].queue_len > 0 && self.has_room(node, lane) {
            let handle = self.dequeue(node);
            self.begin_straight(cx, handle, lane);
        }
    }

    /// Whether a node without limits of other kinds has a free hand.
    #[inline(always)]
    pub(super) fn has_room(&self, node: NodeIx, lane: &Lane) -> bool {
        let state = &self.nodes[node.index()];
        state.busy + state.waiting_out < lane.concurrency + u32::from(planted!(OneAtOnceTooMany))
    }

    /// A plain node that has room begins with what stood in its queue, or at its door. Nothing is broken.
    #[inline(always)]
    pub(super) fn begin_straight<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, lane: &Lane) {
        let job = &mut self.jobs[handle];
        let node = NodeIx(job.node);
        let (event, kind) = (job.slot.event, job.slot.kind());
        let wait = SimDuration::from_nanos(self.now.saturating_sub(job.slot.at));
        job.slot.at = self.now;
        job.tag = Tag::Work;
        if job.source & Job::INBOX != 0 {
            job.attempt = job.attempt.saturating_add(1);
            let (sub, attempt) = (SubIx(job.source & !Job::INBOX), job.attempt.into());
            let way = Way::Call((job.link != Job::NONE).then_some(LinkIx(job.link)));
            let inbox = &mut self.inboxes[lane.inbox as usize];
            inbox.queued -= 1;
            inbox.in_flight += 1;
            inbox.queued_bytes = inbox.queued_bytes.saturating_sub(cx.plan.events[kind.index()].size);
            let is_awaited = inbox.door_waits > 0;
            cx.out.begun(cx.now, &Begun { node, sub, event, kind, attempt, wait, way });
            if is_awaited {
                self.open_door(sub);
            }
        } else {
            let (sub, attempt) = (cx.plan.cursors[job.source as usize].sub, job.attempt.into());
            cx.show(What::Started { node, sub, event, kind, attempt, wait });
        }
        let takes = self.occupy_straight(node, lane);
        self.work_straight(cx, handle, takes, lane);
    }

    /// A hand of a node is busy for so long.
    #[inline(always)]
    fn occupy_straight(&mut self, node: NodeIx, lane: &Lane) -> u64 {
        let state = &mut self.nodes[node.index()];
        state.busy += 1;
        state.streams.service.sample(&lane.takes)
    }

    /// A handling goes on until it has taken its time.
    #[inline(always)]
    fn work_straight<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, takes: u64, lane: &Lane) {
        if takes > 0 {
            self.later(self.now.saturating_add(takes), Class::Completion, handle);
        } else if lane.is_sink {
            self.complete(cx, handle);
        } else {
            // Through the ring, so that a chain of services that take no time is no recursion.
            self.ready_completions.push_back(Ready::Job(handle));
        }
    }

    /// Emits what a plain node emits: the same draws and the same events as [`Kernel::emit_all`] makes.
    #[inline(always)]
    fn emit_straight<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, cause: &Slot, lane: &Lane) {
        let hops = cx.plan.lanes.hops(lane);
        if hops.is_empty() {
            return;
        }
        if lane.picks_one {
            let mut left = self.nodes[node.index()].streams.choice.below(1_000_000_000) as u32;
            for hop in hops {
                if left < hop.chance.billionths() {
                    self.take_hop(cx, node, cause, hop);
                    return;
                }
                left -= hop.chance.billionths();
            }
        } else {
            for hop in hops {
                if self.nodes[node.index()].streams.choice.happens(hop.chance) {
                    self.take_hop(cx, node, cause, hop);
                }
            }
        }
    }

    #[inline(always)]
    fn take_hop<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, cause: &Slot, hop: &Hop) {
        let routes = cx.plan.lanes.routes(hop);
        for _ in 0..hop.count {
            let is_done = if let [Route { link, delay: 0, to: RouteTo::Inbox(inbox) }] = routes {
                self.call_straight(cx, node, cause, hop, (*link, inbox))
            } else {
                self.publish_straight(cx, node, Some(cause), (hop.kind, cause.key_code()), routes)
            };
            if is_done {
                continue;
            }
            let slot = self.give_birth(cx, node, Some(cause), hop.kind, cause.key_code(), None);
            self.send(cx, node, routes, slot, None);
        }
    }

    /// A call that is made, arrives and perhaps begins at once. Whether it was that plain; if not, nothing has happened.
    #[inline(always)]
    fn call_straight<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        cause: &Slot,
        hop: &Hop,
        (link, route): (LinkIx, &InboxRoute),
    ) -> bool {
        let lane = cx.plan.lanes.of(route.callee.index());
        let inbox = &mut self.inboxes[route.slot as usize];
        let has_room = u64::from(inbox.queued) + u64::from(inbox.delayed) < route.records
            && inbox.queued_bytes.saturating_add(hop.size) <= route.bytes
            && inbox.door_waits == 0;
        let hops = cause.hops() + u32::from(!planted!(HopsNotCounted));
        if !has_room || !lane.is_plain || hops > cx.plan.hop_limit {
            return false;
        }
        let offset = inbox.opened;
        inbox.opened += 1;
        let state = &mut self.nodes[node.index()];
        let event = EventId::new(node, state.emitted);
        state.emitted += 1;
        let slot = Slot::new(event, cause.born, self.now, hop.kind, hops, cause.key_code());
        let birth = Birth {
            event,
            kind: hop.kind,
            cause: Some(cause.event),
            born: SimTime::from_nanos(cause.born),
            hops: slot.hops(),
            key: slot.number(),
        };
        let called = Called { birth, link, sub: route.sub, node: route.callee, offset };
        let job = Job {
            offset,
            source: route.sub.0 | Job::INBOX,
            node: route.callee.0,
            link: link.0,
            ..Job::carrying(slot, Tag::Work)
        };
        if self.nodes[route.callee.index()].queue_len == 0 && self.has_room(route.callee, lane) {
            self.inboxes[route.slot as usize].in_flight += 1;
            cx.out.called_idle(cx.now, &called);
            let takes = self.occupy_straight(route.callee, lane);
            let handle = self.jobs.put(Job { attempt: 1, ..job });
            self.work_straight(cx, handle, takes, lane);
        } else {
            let inbox = &mut self.inboxes[route.slot as usize];
            inbox.queued += 1;
            inbox.queued_bytes += hop.size;
            cx.out.called(cx.now, &called);
            let handle = self.jobs.put(Job { tag: Tag::Waiting, ..job });
            self.enqueue(route.callee, handle);
        }
        true
    }

    /// A publish that is made and appended at once, and that every subscription has room for. Whether it was that plain; if
    /// not, nothing has happened.
    #[inline]
    pub(super) fn publish_straight<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        cause: Option<&Slot>,
        (kind, key): (EventTypeIx, u32),
        routes: &[Route],
    ) -> bool {
        let [Route { link, delay: 0, to: RouteTo::Topic(topic_ix) }] = routes else { return false };
        let topic = &cx.plan.topics[topic_ix.index()];
        let [partition_ix] = topic.partitions[..] else { return false };
        let is_plain = topic.alive && !topic.is_outside && !topic.has_rules() && key != Slot::TEXT_KEY;
        if !is_plain || self.faults.is_on || self.is_followed || !self.keeping.outboxes.is_empty() {
            return false;
        }
        let hops = cause.map_or(0, |cause| cause.hops() + u32::from(!planted!(HopsNotCounted)));
        let feeds = &cx.plan.partitions[partition_ix as usize].feeds;
        let size = cx.plan.events[kind.index()].size;
        for feed in feeds {
            if feed.has_filter || self.is_full(&cx.plan.subs[feed.sub.index()], size, false) {
                return false;
            }
        }
        if hops > cx.plan.hop_limit || planted!(LastSubscriptionForgotten) {
            return false;
        }
        let state = &mut self.nodes[node.index()];
        let event = EventId::new(node, state.emitted);
        state.emitted += 1;
        let born = cause.map_or(self.now, |cause| cause.born);
        let slot = Slot::new(event, born, self.now, kind, hops, key);
        let partition = &mut self.partitions[partition_ix as usize];
        let offset = partition.log.end();
        let is_full = partition.push(slot, None);
        let birth = Birth {
            event,
            kind,
            cause: cause.map(|cause| cause.event),
            born: SimTime::from_nanos(born),
            hops: slot.hops(),
            key: slot.number(),
        };
        let (topic_ix, link, partition) = (*topic_ix, *link, 0);
        cx.out.published(cx.now, &Published { birth, link, bus: topic.bus, topic: topic_ix, partition, offset });
        let end_to_end = SimDuration::from_nanos(self.now.saturating_sub(born));
        for feed in feeds {
            let Feed { cursor, sub, slot: _, node, link, has_filter: _, passes } = *feed;
            if passes && self.pass_through(feed) {
                let passage = Passage { sub, event, kind, topic: topic_ix, partition, offset, node, link, end_to_end };
                cx.out.passed(cx.now, &passage);
                continue;
            }
            self.cursors[cursor as usize].counts.opened += 1;
            cx.show(What::Opened { sub, event, kind, topic: Some(topic_ix), partition, offset, link: None });
            self.offer(cx, cursor, offset, slot, None);
        }
        if is_full {
            self.trim(cx, partition_ix as usize, is_full);
        }
        true
    }

    /// Hands a fresh record over to a subscription's only member, which begins with it or lets it wait. Whether it was that
    /// plain; if not, nothing has happened.
    #[inline]
    pub(super) fn hand_over_straight<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        (cursor, sub_ix, sub): (u32, SubIx, &SubPlan),
        offset: u64,
        mut slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) -> bool {
        let [member] = &sub.members[..] else { return false };
        let (node, link) = (member.node, member.link);
        let lane = cx.plan.lanes.of(node.index());
        if !cx.plan.cursors[cursor as usize].is_straight || !lane.is_plain || self.faults.is_on {
            return false;
        }
        let begins = self.nodes[node.index()].queue_len == 0 && self.has_room(node, lane);
        let now = self.now;
        let deadline = now.saturating_add(sub.ack_wait).saturating_add(u64::from(planted!(AckWaitOneLonger)));
        let state = &mut self.cursors[cursor as usize];
        state.next += 1;
        state.token = state.token.wrapping_add(1).max(1);
        state.in_flight += 1;
        let token = state.token;
        state.open.push_back(Open {
            deadline,
            first: now,
            token,
            link: link.0,
            attempt: 1,
            state: OpenState::InFlight,
            is_replay: false,
            fence: 0,
        });
        let sub_state = &mut self.subs[sub.slot as usize];
        sub_state.members[0].held += 1;
        sub_state.turn = 1;
        sub_state.in_flight += 1;
        let (event, kind) = (slot.event, slot.kind());
        if begins {
            let wait = SimDuration::from_nanos(now.saturating_sub(slot.at));
            cx.out.begun(cx.now, &Begun { node, sub: sub_ix, event, kind, attempt: 1, wait, way: Way::Delivery(link) });
            slot.at = now;
        } else {
            cx.out.handed(cx.now, &Handed { node, sub: sub_ix, event, kind, attempt: 1, link });
        }
        if deadline < self.cursors[cursor as usize].ack_armed.unwrap_or(u64::MAX) {
            self.cursors[cursor as usize].ack_armed = Some(deadline);
            self.arm(deadline, Class::Timer, Job::timer(Tag::AckTimer, Job::NONE, cursor));
        }
        let job = Job {
            offset,
            source: cursor,
            node: node.0,
            link: link.0,
            token,
            attempt: 1,
            ..Job::carrying(slot, if begins { Tag::Work } else { Tag::Deliver })
        };
        let handle = match payload {
            Some(payload) => self.jobs.put_with(job, Some(Arc::clone(payload))),
            None => self.jobs.put(job),
        };
        if begins {
            let takes = self.occupy_straight(node, lane);
            self.work_straight(cx, handle, takes, lane);
        } else {
            self.enqueue(node, handle);
        }
        true
    }
}

impl Slot {
    /// Its key, if that is a number.
    #[inline]
    const fn number(&self) -> KeyRef<'static> {
        match self.key_code() {
            0 => KeyRef::None,
            code => KeyRef::Number(code - 1),
        }
    }
}
