//! A bus takes publishes into its logs and hands records to subscriptions.

use std::sync::Arc;

use super::event_list::Class;
use super::state::{Job, MemberState, Open, OpenState, Payload, Slot, Tag};
use super::{Cx, Kernel};
use crate::model::{LinkIx, NodeIx, Share, SimDuration, SimTime, SubIx, TopicIx, WhenFull};
use crate::plan::{Feed, MemberPlan, Plan, SubPlan};
use crate::trace::{Leg, Observer, Passage, Phase, Reason, Staleness, What};

/// Records without a key that go to one partition before the next one's turn, as Kafka's sticky partitioner has it by batch.
pub(super) const STICKY_BATCH: u32 = 16;

/// What a subscription makes of a new record.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// Its filter cannot make sense of it.
    Broken,
}

impl Kernel {
    /// A publish arrives. `Err` names the full subscription that it has to wait for; then nothing has happened.
    pub(super) fn publish<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        link: LinkIx,
        mut slot: Slot,
        payload: Option<&Arc<Payload>>,
        topic_ix: TopicIx,
        from_door: Option<SubIx>,
    ) -> Result<(), SubIx> {
        let plan = cx.plan;
        let topic = &plan.topics[topic_ix.index()];
        let (event, kind, node) = (slot.event, slot.kind(), topic.bus);
        if !topic.alive {
            cx.show(What::Rejected { link, node, event, kind, reason: Reason::NoDestination });
            return Ok(());
        }
        if topic.is_outside {
            self.publish_outside(plan, link, slot, payload, topic_ix);
            return Ok(());
        }
        if self.faults.is_on
            && let Some(fault) = self.downed_by(node)
        {
            cx.show(What::TurnedAway { fault, node, event });
            cx.show(What::Rejected { link, node, event, kind, reason: Reason::Down });
            return Ok(());
        }
        let number = self.choose_partition(plan, topic_ix, &slot, payload);
        let partition_ix = topic.partitions[number as usize] as usize;
        let feeds = &plan.partitions[partition_ix].feeds;
        let size = plan.events[kind.index()].size;
        for feed in feeds {
            let state = &self.subs[feed.slot as usize];
            if feed.passes && state.queued == 0 && state.door_waits == 0 && !self.faults.is_on {
                continue;
            }
            let (cursor, sub_ix) = (&feed.cursor, feed.sub);
            let sub = &plan.subs[sub_ix.index()];
            if !self.is_full(sub, size, from_door == Some(sub_ix)) || self.is_free(plan, sub, *cursor) {
                continue;
            }
            match sub.queue.when_full {
                WhenFull::Block if self.matching(cx, sub_ix, &slot, payload) == Match::Yes => return Err(sub_ix),
                WhenFull::Reject if self.matching(cx, sub_ix, &slot, payload) == Match::Yes => {
                    cx.show(What::Rejected { link, node, event, kind, reason: Reason::MaxLength });
                    return Ok(());
                }
                WhenFull::Block | WhenFull::Reject | WhenFull::DropOldest | WhenFull::DropNewest => {}
            }
        }

        if slot.key_code() == 0 && topic.partitions.len() > 1 {
            self.stick(topic_ix, number, topic.partitions.len() as u32);
        }
        slot.at = self.now;
        let partition = &mut self.partitions[partition_ix];
        let offset = partition.log.end();
        let is_full = partition.push(slot, payload.cloned());
        cx.show(What::Accepted { link, node, event, kind, topic: topic_ix, partition: number, offset });
        let hops_exceeded = slot.hops() > plan.hop_limit;
        let end_to_end = SimDuration::from_nanos(self.now.saturating_sub(slot.born));
        for feed in feeds {
            let (cursor, sub_ix) = (&feed.cursor, feed.sub);
            if feed.passes && !hops_exceeded && self.pass_through(feed) {
                let (node, link, partition) = (feed.node, feed.link, number);
                let passage =
                    Passage { sub: sub_ix, event, kind, topic: topic_ix, partition, offset, node, link, end_to_end };
                cx.out.passed(cx.now, &passage);
                continue;
            }
            let sub = &plan.subs[sub_ix.index()];
            let matching = if feed.has_filter { self.matching(cx, sub_ix, &slot, payload) } else { Match::Yes };
            if matching == Match::No {
                self.cursors[*cursor as usize].pass(offset);
                continue;
            }
            self.cursors[*cursor as usize].counts.opened += 1;
            cx.show(What::Opened {
                sub: sub_ix,
                event,
                kind,
                topic: Some(topic_ix),
                partition: number,
                offset,
                link: None,
            });
            if hops_exceeded || matching == Match::Broken {
                self.cursors[*cursor as usize].pass(offset);
                let reason = if hops_exceeded { Reason::HopLimit } else { Reason::Decode };
                self.give_up(cx, *cursor, &GivenUp::fresh(slot, payload, reason));
                continue;
            }
            let sub_state = &self.subs[sub.slot as usize];
            if sub_state.queued == 0
                && let Some(member) = self.pick_member(plan, sub, *cursor)
            {
                self.cursors[*cursor as usize].catch_up();
                self.hand_over_fresh(cx, *cursor, offset, member, slot, payload);
                continue;
            }
            if self.is_full(sub, size, true) {
                match sub.queue.when_full {
                    WhenFull::DropNewest => {
                        self.cursors[*cursor as usize].pass(offset);
                        self.give_up(cx, *cursor, &GivenUp::fresh(slot, payload, Reason::MaxLength));
                        continue;
                    }
                    WhenFull::DropOldest => {
                        // A retry may have made it longer than its bound: more than one may have to go.
                        while self.is_full(sub, size, true) && self.drop_oldest(cx, sub_ix) {}
                        if self.is_full(sub, size, true) {
                            // There is nothing older that waits to be handed over.
                            self.cursors[*cursor as usize].pass(offset);
                            self.give_up(cx, *cursor, &GivenUp::fresh(slot, payload, Reason::MaxLength));
                            continue;
                        }
                    }
                    WhenFull::Block | WhenFull::Reject => {}
                }
            }
            self.cursors[*cursor as usize].queue();
            self.count_queued(sub, *cursor, size);
            if sub.share == Share::Partition {
                self.wake(sub_ix, sub);
            }
        }
        if is_full || topic.keeps() {
            self.trim(cx, partition_ix, is_full);
        }
        Ok(())
    }

    /// The whole life of a delivery that takes no time, if nothing stands before it. Whether it was that.
    #[inline]
    fn pass_through(&mut self, feed: &Feed) -> bool {
        let sub = &self.subs[feed.slot as usize];
        let cursor = &mut self.cursors[feed.cursor as usize];
        let is_clear =
            !self.faults.is_on && sub.queued == 0 && sub.in_flight == 0 && self.nodes[feed.node.index()].queue_len == 0;
        if !is_clear || cursor.mask.is_some() {
            return false;
        }
        cursor.counts.opened += 1;
        cursor.counts.acked += 1;
        cursor.step_over();
        true
    }

    fn choose_partition(&self, plan: &Plan, topic: TopicIx, slot: &Slot, payload: Option<&Arc<Payload>>) -> u32 {
        let partitions = plan.topics[topic.index()].partitions.len() as u32;
        if partitions <= 1 {
            return 0;
        }
        match slot.key(payload.map(|payload| &**payload)) {
            crate::trace::KeyRef::None => self.topics[topic.index()].sticky % partitions,
            crate::trace::KeyRef::Text(text) => super::keys::partition_of(text.as_bytes(), partitions),
            crate::trace::KeyRef::Number(number) => {
                let mut text = NumberKey::default();
                super::keys::partition_of(text.write(number), partitions)
            }
        }
    }

    fn stick(&mut self, topic: TopicIx, number: u32, partitions: u32) {
        let state = &mut self.topics[topic.index()];
        state.left = state.left.saturating_sub(1);
        state.sticky = number;
        if state.left == 0 {
            state.left = STICKY_BATCH;
            state.sticky = (number + 1) % partitions;
        }
    }

    pub(super) fn matching<O: Observer>(
        &mut self,
        cx: &Cx<'_, O>,
        sub: SubIx,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
    ) -> Match {
        let Some(filter) = &cx.plan.subs[sub.index()].filter else { return Match::Yes };
        match self.with_facts(cx.plan, slot, payload, u64::from(sub.0), |facts| filter.test(facts)) {
            Ok(true) => Match::Yes,
            Ok(false) => Match::No,
            Err(_) => Match::Broken,
        }
    }

    /// Whether one more waiting record of this size would be too many.
    #[inline]
    fn is_full(&self, sub: &SubPlan, size: u64, ignores_door: bool) -> bool {
        let state = &self.subs[sub.slot as usize];
        let waiting = state.queued + state.delayed;
        waiting >= sub.queue.records
            || state.queued_bytes.saturating_add(size) > sub.queue.bytes
            || state.door_waits > 0 && !ignores_door
    }

    /// Whether a new record would not have to wait at all.
    fn is_free(&self, plan: &Plan, sub: &SubPlan, cursor: u32) -> bool {
        let state = &self.subs[sub.slot as usize];
        state.queued == 0 && state.door_waits == 0 && self.pick_member(plan, sub, cursor).is_some()
    }

    #[inline]
    pub(super) fn count_queued(&mut self, sub: &SubPlan, cursor: u32, size: u64) {
        let state = &mut self.subs[sub.slot as usize];
        state.queued += 1;
        state.queued_bytes += size;
        let cursor_state = &mut self.cursors[cursor as usize];
        if !cursor_state.is_ready {
            cursor_state.is_ready = true;
            state.ready.push_back(cursor);
        }
    }

    pub(super) fn count_unqueued(&mut self, sub_ix: SubIx, sub: &SubPlan, size: u64) {
        let state = &mut self.subs[sub.slot as usize];
        state.queued -= 1;
        state.queued_bytes = state.queued_bytes.saturating_sub(size);
        if state.door_waits > 0 {
            self.open_door(sub_ix);
        }
    }

    /// The member that the next record of a cursor goes to, if one has room: an idle one first, in turn.
    #[inline]
    pub(super) fn pick_member(&self, plan: &Plan, sub: &SubPlan, cursor: u32) -> Option<usize> {
        let state = &self.subs[sub.slot as usize];
        if state.in_flight >= sub.max_in_flight || self.faults.is_on && self.is_still(sub.node) {
            return None;
        }
        let has_room = |place: usize| {
            let member = &sub.members[place];
            state.members[place].held < member.prefetch && !(self.faults.is_on && self.is_down(member.node))
        };
        if sub.share == Share::Partition {
            let owner = self.cursors[cursor as usize].owner?;
            let place = sub.members.iter().position(|member| member.link.0 == owner)?;
            return has_room(place).then_some(place);
        }
        let count = sub.members.len();
        if count == 1 {
            return has_room(0).then_some(0);
        }
        let mut fallback = None;
        for step in 0..count {
            let place = (state.turn as usize + step) % count;
            if has_room(place) {
                if self.is_idle(plan, sub.members[place].node) {
                    return Some(place);
                }
                fallback = fallback.or(Some(place));
            }
        }
        fallback
    }

    /// Hands a record over that was never handed over before, the next one of its cursor.
    #[inline]
    fn hand_over_fresh<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        cursor: u32,
        offset: u64,
        place: usize,
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let member = &sub.members[place];
        debug_assert_eq!(self.cursors[cursor as usize].next, offset, "a fresh record is the next of its cursor");
        let cursor_state = &mut self.cursors[cursor as usize];
        cursor_state.next += 1;
        cursor_state.open.push_back(Open {
            deadline: slot.at,
            first: self.now,
            token: 0,
            link: member.link.0,
            attempt: 0,
            state: OpenState::Queued,
        });
        self.hand_over(cx, cursor, offset, place, slot, payload.cloned());
    }

    /// Hands a record over that has its place between floor and next; `slot.at` is when it became ready.
    fn hand_over<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        cursor: u32,
        offset: u64,
        place: usize,
        slot: Slot,
        payload: Option<Arc<Payload>>,
    ) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let member = sub.members[place];
        let now = self.now;
        let deadline = now.saturating_add(sub.ack_wait);
        let cursor_state = &mut self.cursors[cursor as usize];
        cursor_state.token = cursor_state.token.wrapping_add(1).max(1);
        let token = cursor_state.token;
        let Some(open) = cursor_state.open_at(offset) else { return };
        open.deadline = deadline;
        open.token = token;
        open.link = member.link.0;
        open.attempt = open.attempt.saturating_add(1);
        open.state = OpenState::InFlight;
        let attempt = open.attempt;
        let (event, node) = (slot.event, member.node);
        cx.show(What::Delivered { sub: sub_ix, event, node, attempt: attempt.into() });
        let sub_state = &mut self.subs[sub.slot as usize];
        sub_state.members[place].held += 1;
        sub_state.turn = place as u32 + 1;
        if sub.at_most_once {
            cursor_state.counts.acked += 1;
            cursor_state.settle(offset);
            cx.show(What::Acked { sub: sub_ix, event, node, auto: true, from: Phase::InFlight });
        } else {
            cursor_state.in_flight += 1;
            sub_state.in_flight += 1;
            if !cursor_state.ack_armed && deadline < u64::MAX {
                cursor_state.ack_armed = true;
                self.arm(deadline, Class::Timer, Job::timer(Tag::AckTimer, Job::NONE, cursor));
            }
        }
        // What is settled by now has nothing to answer for, whatever an edit makes of the rule meanwhile.
        let token = if sub.at_most_once { Job::SETTLED } else { token };
        let job = Job { offset, source: cursor, token, attempt, ..Job::carrying(slot, Tag::Deliver) };
        if self.faults.is_on {
            self.hand_over_broken(cx, &member, job, payload.as_ref(), deadline);
            return;
        }
        self.send_off(cx, &member, job, payload);
    }

    /// Something that was handed over leaves for its member.
    #[inline]
    pub(super) fn send_off<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        member: &MemberPlan,
        mut job: Job,
        payload: Option<Arc<Payload>>,
    ) {
        let arrives = self.now.saturating_add(member.delay);
        cx.show(What::Sent {
            link: member.link,
            event: job.slot.event,
            kind: job.slot.kind(),
            leg: Leg::Deliver,
            attempt: job.attempt.into(),
            arrives: SimTime::from_nanos(arrives),
        });
        // Its wait is counted without the way along the link.
        job.slot.at = job.slot.at.saturating_add(member.delay);
        job.node = member.node.0;
        job.link = member.link.0;
        let handle = self.jobs.put_with(job, payload);
        if member.delay == 0 {
            self.deliver(cx, handle);
        } else {
            self.later(arrives, Class::Arrival, handle);
        }
    }

    /// A delivery arrives at its member.
    pub(super) fn deliver<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let sub = cx.plan.cursors[job.source as usize].sub;
        let node = NodeIx(job.node);
        if !cx.plan.is_alive(node) {
            // The edit that removed the member has taken back what it held.
            self.jobs.remove(handle);
            return;
        }
        let (event, kind, attempt) = (job.slot.event, job.slot.kind(), job.attempt.into());
        let link = Some(job.way());
        cx.show(What::Received { node, link, sub, event, kind, attempt });
        self.take(cx, handle);
    }

    /// Something changed that may let a subscription hand over more: it will, as soon as the current step is done.
    #[inline]
    pub(super) fn wake(&mut self, sub_ix: SubIx, sub: &SubPlan) {
        let state = &mut self.subs[sub.slot as usize];
        if state.queued > 0 && !state.is_woken {
            state.is_woken = true;
            self.ready_completions.push_back(super::Ready::Dispatch(sub_ix.0));
        }
    }

    /// Hands over as much as there is room for.
    pub(super) fn dispatch<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        if sub.is_outside {
            self.dispatch_outside(cx, sub_ix);
            return;
        }
        self.subs[sub.slot as usize].is_woken = false;
        let mut passed = 0;
        while self.subs[sub.slot as usize].queued > 0 {
            let Some(cursor) = self.subs[sub.slot as usize].ready.front().copied() else { break };
            if !self.cursors[cursor as usize].has_queued() {
                self.cursors[cursor as usize].is_ready = false;
                self.subs[sub.slot as usize].ready.pop_front();
                continue;
            }
            let Some(place) = self.pick_member(plan, sub, cursor) else {
                // With partitions shared, the owner of the next one may have room.
                passed += 1;
                if sub.share == Share::Queue || passed >= self.subs[sub.slot as usize].ready.len() {
                    break;
                }
                self.subs[sub.slot as usize].ready.rotate_left(1);
                continue;
            };
            passed = 0;
            self.take_queued(cx, sub_ix, cursor, |kernel, cx, offset, slot, payload, is_fresh| {
                if is_fresh {
                    kernel.hand_over_fresh(cx, cursor, offset, place, slot, payload.as_ref());
                } else {
                    kernel.hand_over(cx, cursor, offset, place, slot, payload);
                }
            });
            let ready = &mut self.subs[sub.slot as usize].ready;
            if ready.front() == Some(&cursor) {
                ready.pop_front();
                if self.cursors[cursor as usize].has_queued() {
                    ready.push_back(cursor);
                } else {
                    self.cursors[cursor as usize].is_ready = false;
                }
            }
        }
    }

    /// Takes the next record out of a cursor's queue: one that is queued again first, else a fresh one.
    fn take_queued<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        sub_ix: SubIx,
        cursor: u32,
        then: impl FnOnce(&mut Self, &mut Cx<'_, O>, u64, Slot, Option<Arc<Payload>>, bool),
    ) {
        let plan = cx.plan;
        let state = &mut self.cursors[cursor as usize];
        let (offset, is_fresh) = match state.next_again() {
            Some(offset) => {
                state.again -= 1;
                (offset, false)
            }
            None => match state.next_fresh() {
                Some(offset) => {
                    state.fresh -= 1;
                    (offset, true)
                }
                None => return,
            },
        };
        let partition = &self.partitions[plan.cursors[cursor as usize].partition as usize];
        let Some(slot) = partition.log.get(offset).copied() else {
            debug_assert!(false, "a queued record is in the log");
            return;
        };
        let payload = partition.payload(offset).cloned();
        let mut slot = slot;
        if !is_fresh && let Some(open) = self.cursors[cursor as usize].open_at(offset) {
            slot.at = open.deadline;
        }
        let size = plan.events[slot.kind().index()].size;
        self.count_unqueued(sub_ix, &plan.subs[sub_ix.index()], size);
        then(self, cx, offset, slot, payload, is_fresh);
    }

    /// Makes room by giving up the record that waits longest; whether there was one.
    fn drop_oldest<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) -> bool {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        let mut oldest: Option<(u64, u32)> = None;
        for cursor in &sub.cursors {
            let state = &mut self.cursors[*cursor as usize];
            let offset = match state.next_again() {
                Some(offset) => {
                    state.redeliver.push_front(offset);
                    Some(offset)
                }
                None => state.peek_fresh(),
            };
            let partition = &self.partitions[plan.cursors[*cursor as usize].partition as usize];
            let at = offset.and_then(|offset| partition.log.get(offset)).map(|slot| slot.at);
            if let Some(at) = at
                && oldest.is_none_or(|(before, _)| at < before)
            {
                oldest = Some((at, *cursor));
            }
        }
        let Some((_, cursor)) = oldest else { return false };
        self.take_queued(cx, sub_ix, cursor, |kernel, cx, offset, slot, payload, is_fresh| {
            let mut given_up = GivenUp::fresh(slot, payload.as_ref(), Reason::MaxLength);
            let state = &mut kernel.cursors[cursor as usize];
            if is_fresh {
                state.step_over();
            } else if let Some(open) = state.open_at(offset) {
                given_up.take_history(open);
                state.settle(offset);
            }
            kernel.give_up(cx, cursor, &given_up);
        });
        true
    }

    /// Ends an obligation for good, with a reason; its place in the cursor is settled by the caller.
    pub(super) fn give_up<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, given_up: &GivenUp<'_>) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let member = sub.members.iter().find(|member| member.link.0 == given_up.link).or(sub.members.first());
        let dead = member.and_then(|member| member.dead);
        let node = match given_up.attempts {
            0 => sub.node,
            _ => member.map_or(sub.node, |member| member.node),
        };
        let counts = &mut self.cursors[cursor as usize].counts;
        if dead.is_some() {
            counts.dead_lettered += 1;
        } else {
            counts.dropped += 1;
        }
        self.bury(cx, sub_ix, node, dead, given_up);
    }

    /// Shows that something was given up, and sends it to its dead-letter queue.
    pub(super) fn bury<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        sub: SubIx,
        node: NodeIx,
        dead: Option<crate::plan::DeadPath>,
        given_up: &GivenUp<'_>,
    ) {
        let GivenUp { slot, payload, reason, attempts, from, first, link: _ } = *given_up;
        let (event, kind) = (slot.event, slot.kind());
        let Some(path) = dead else {
            cx.show(What::Dropped { sub, event, node, reason, attempts: attempts.into(), from });
            return;
        };
        let to = path.to;
        cx.show(What::DeadLettered { sub, event, node, reason, attempts: attempts.into(), from, to });
        let arrives = self.now.saturating_add(path.delay);
        let shown = SimTime::from_nanos(arrives);
        cx.show(What::Sent { link: path.link, event, kind, leg: Leg::DeadLetter, attempt: 0, arrives: shown });
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
            Some(open) if open.state == OpenState::Settled => Some(Staleness::Settled),
            Some(_) if job.token.wrapping_sub(fence).cast_signed() <= 0 => Some(Staleness::OldGeneration),
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
        } else {
            let size = cx.plan.events[job.slot.kind().index()].size;
            let state = &mut self.cursors[cursor as usize];
            let from = match state.open_at(offset).map(|open| open.state) {
                Some(OpenState::Delayed) => {
                    state.delayed -= 1;
                    self.subs[sub.slot as usize].delayed -= 1;
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
        let is_evicted = offset < partition.start;
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let payload = partition.payload(offset).cloned();
        let state = &mut self.cursors[cursor as usize];
        let Some(open) = state.open_at(offset) else { return };
        let (attempt, token, link) = (open.attempt, open.token, open.link);
        let mut given_up = GivenUp::fresh(slot, payload.as_ref(), Reason::DeliveryLimit);
        given_up.take_history(open);
        given_up.from = Phase::InFlight;
        state.in_flight -= 1;
        self.subs[sub.slot as usize].in_flight -= 1;
        let event = slot.event;
        if is_evicted {
            state.counts.retention_lost += 1;
            state.settle(offset);
            cx.show(What::Evicted { sub: sub_ix, event, node: sub.node, from: Phase::InFlight });
            return;
        }
        if u32::from(attempt) >= sub.deliveries || reason == Reason::Throttled && Self::refuses(plan, link) {
            if matches!(reason, Reason::Throttled | Reason::Decode) {
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
        state.later.push(std::cmp::Reverse((due, offset, token)));
        self.subs[sub.slot as usize].delayed += 1;
        self.arm_due(cursor);
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
    pub(super) fn queue_again<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
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
        state.redeliver.push_back(offset);
        let sub = &cx.plan.subs[sub_ix.index()];
        self.count_queued(sub, cursor, cx.plan.events[slot.kind().index()].size);
        cx.show(What::Queued { sub: sub_ix, event: slot.event, taken_back: false });
    }

    /// Takes a record back from a member that left or lost its partition: it is queued again, and that attempt never was.
    pub(super) fn take_back<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, offset: u64) {
        let sub_ix = cx.plan.cursors[cursor as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        let now = self.now;
        let partition = &self.partitions[cx.plan.cursors[cursor as usize].partition as usize];
        let Some(slot) = partition.log.get(offset).copied() else { return };
        let state = &mut self.cursors[cursor as usize];
        let Some(open) = state.open_at(offset) else { return };
        open.state = OpenState::Queued;
        open.deadline = now;
        open.attempt = open.attempt.saturating_sub(1);
        state.in_flight -= 1;
        state.again += 1;
        state.redeliver.push_back(offset);
        self.subs[sub.slot as usize].in_flight -= 1;
        self.count_queued(sub, cursor, cx.plan.events[slot.kind().index()].size);
        cx.show(What::Queued { sub: sub_ix, event: slot.event, taken_back: true });
    }

    /// Looks for records whose ack is overdue.
    pub(super) fn on_ack_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let now = self.now;
        if cx.plan.subs[cx.plan.cursors[cursor as usize].sub.index()].is_outside {
            self.on_ack_timer_outside(cx, cursor);
            return;
        }
        self.cursors[cursor as usize].ack_armed = false;
        let floor = self.cursors[cursor as usize].floor;
        let open = self.cursors[cursor as usize].open.iter().enumerate();
        let overdue: Vec<u64> = open
            .filter(|(_, open)| open.state == OpenState::InFlight && open.deadline <= now)
            .map(|(place, _)| floor + place as u64)
            .collect();
        for offset in overdue {
            self.unanswered(cx, cursor, offset, Reason::AckTimeout);
        }
        let state = &mut self.cursors[cursor as usize];
        let in_flight = state.open.iter().filter(|open| open.state == OpenState::InFlight);
        if let Some(deadline) = in_flight.map(|open| open.deadline).min() {
            state.ack_armed = true;
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
}

impl<'a> GivenUp<'a> {
    /// One that was never handed over.
    pub(super) const fn fresh(slot: Slot, payload: Option<&'a Arc<Payload>>, reason: Reason) -> Self {
        Self { slot, payload, reason, attempts: 0, from: Phase::Queued, first: 0, link: Job::NONE }
    }

    const fn take_history(&mut self, open: &Open) {
        self.attempts = open.attempt;
        self.first = open.first;
        self.link = open.link;
    }
}

/// A member by its link.
pub(super) fn member_mut(members: &mut [MemberState], link: u32) -> Option<&mut MemberState> {
    members.iter_mut().find(|member| member.link == link)
}

/// The text of a numbered key, without an allocation.
#[derive(Default)]
struct NumberKey([u8; 11], usize);

impl NumberKey {
    fn write(&mut self, mut number: u32) -> &[u8] {
        let mut place = self.0.len();
        loop {
            place -= 1;
            self.0[place] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.0[place - 1] = b'k';
        self.1 = place - 1;
        &self.0[self.1..]
    }
}
