//! A bus takes publishes into its logs, and hands records over to the members of subscriptions.

use std::sync::Arc;

use super::event_list::Class;
use super::settlement::GivenUp;
use super::state::{Job, Open, OpenState, Payload, Slot, Tag};
use super::topics::Admission;
use super::{Cx, Kernel};
use crate::model::{LinkIx, NodeIx, Share, SimDuration, SimTime, SubIx, TopicIx, WhenFull};
use crate::plan::{Feed, MemberPlan, Plan, SubPlan};
use crate::trace::{Leg, Observer, Passage, Phase, Reason, What};

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
            self.hears_nobody(cx, link, event);
            return Ok(());
        }
        if topic.is_outside {
            self.publish_outside(plan, link, slot, payload, topic_ix);
            return Ok(());
        }
        if self.faults.is_on
            && !planted!(GoneAndAccepts)
            && let Some(fault) = self.downed_by(node)
        {
            cx.show(What::TurnedAway { fault, node, event });
            cx.show(What::Rejected { link, node, event, kind, reason: Reason::Down });
            self.hears_nobody(cx, link, event);
            return Ok(());
        }
        let mut id = None;
        if let Some(rules) = &topic.rules {
            match self.admit(cx, rules, (link, topic_ix), &slot, payload) {
                Admission::In(known_by) => id = known_by,
                Admission::Over => {
                    self.hears_nobody(cx, link, event);
                    return Ok(());
                }
            }
        }
        let number = self.choose_partition(plan, topic_ix, &slot, payload);
        let number = if planted!(WrongPartition) { (number + 1) % topic.partitions.len() as u32 } else { number };
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
            if !self.is_full(sub, size, from_door == Some(sub_ix))
                || self.is_free_for(plan, sub, *cursor, &slot, payload)
            {
                continue;
            }
            match sub.queue.when_full {
                WhenFull::Block if self.matching(cx, sub_ix, &slot, payload) == Match::Yes => return Err(sub_ix),
                WhenFull::Reject if self.matching(cx, sub_ix, &slot, payload) == Match::Yes => {
                    cx.show(What::Rejected { link, node, event, kind, reason: Reason::MaxLength });
                    self.hears_nobody(cx, link, event);
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
        if !self.keeping.outboxes.is_empty() {
            self.confirm_publish(plan, link, event);
        }
        let hops_exceeded = slot.hops() > plan.hop_limit + u32::from(planted!(OneHopTooMany));
        let end_to_end = SimDuration::from_nanos(self.now.saturating_sub(slot.born));
        let mut is_heard = false;
        for feed in feeds {
            let (cursor, sub_ix) = (&feed.cursor, feed.sub);
            if planted!(LastSubscriptionForgotten) && feeds.len() > 1 && feed.cursor == feeds[feeds.len() - 1].cursor {
                self.cursors[*cursor as usize].pass(offset);
                continue;
            }
            if feed.passes && !hops_exceeded && self.pass_through(feed) {
                let (node, link, partition) = (feed.node, feed.link, number);
                let passage =
                    Passage { sub: sub_ix, event, kind, topic: topic_ix, partition, offset, node, link, end_to_end };
                cx.out.passed(cx.now, &passage);
                is_heard = true;
                continue;
            }
            let sub = &plan.subs[sub_ix.index()];
            let matching = if feed.has_filter { self.matching(cx, sub_ix, &slot, payload) } else { Match::Yes };
            if matching == Match::No {
                self.cursors[*cursor as usize].pass(offset);
                continue;
            }
            // A gateway that listens to its own requests answers none of them.
            is_heard = is_heard || self.is_followed && sub.members.iter().any(|member| member.node != event.origin());
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
                self.give_up(cx, *cursor, &GivenUp::fresh(slot, payload, reason).at(offset));
                continue;
            }
            self.offer(cx, *cursor, offset, slot, payload);
        }
        if let Some(rules) = &topic.rules {
            self.appended(cx, rules, partition_ix, id);
        }
        if self.is_followed {
            if is_heard {
                self.hears_somebody(event);
            } else {
                self.hears_nobody(cx, link, event);
            }
        }
        if is_full || topic.has_rules() {
            self.trim(cx, partition_ix, is_full);
        }
        Ok(())
    }

    /// A record that a cursor matches is new in its log: it is handed over, or waits, or is one too many.
    #[inline]
    pub(super) fn offer<O: Observer>(
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
        if sub.line.is_some() {
            self.get_in_line(cx, cursor, offset, slot, payload);
            return;
        }
        let sub_state = &self.subs[sub.slot as usize];
        if sub_state.queued == 0
            && let Some(member) = self.pick_member(plan, sub, cursor)
        {
            self.cursors[cursor as usize].catch_up();
            if !self.hand_over_straight(cx, (cursor, sub_ix, sub), offset, slot, payload) {
                self.hand_over_fresh(cx, cursor, offset, member, slot, payload);
            }
            return;
        }
        if self.is_full(sub, size, true) {
            match sub.queue.when_full {
                WhenFull::DropNewest => {
                    self.cursors[cursor as usize].pass(offset);
                    self.give_up(cx, cursor, &GivenUp::fresh(slot, payload, Reason::MaxLength).at(offset));
                    return;
                }
                WhenFull::DropOldest => {
                    // A retry may have made it longer than its bound: more than one may have to go.
                    while self.is_full(sub, size, true) && self.drop_oldest(cx, sub_ix) {}
                    if self.is_full(sub, size, true) {
                        // There is nothing older that waits to be handed over.
                        self.cursors[cursor as usize].pass(offset);
                        self.give_up(cx, cursor, &GivenUp::fresh(slot, payload, Reason::MaxLength).at(offset));
                        return;
                    }
                }
                WhenFull::Block | WhenFull::Reject => {}
            }
        }
        self.cursors[cursor as usize].queue();
        self.count_queued(sub, cursor, size);
        if sub.share == Share::Partition || sub.gate.is_some() {
            self.wake(sub_ix, sub);
        }
    }

    /// The whole life of a delivery that takes no time, if nothing stands before it. Whether it was that.
    #[inline]
    pub(super) fn pass_through(&mut self, feed: &Feed) -> bool {
        let sub = &self.subs[feed.slot as usize];
        let cursor = &mut self.cursors[feed.cursor as usize];
        // What was given up may still be on its way to the only member there is, and takes its place there.
        let is_clear = !self.faults.is_on
            && sub.queued == 0
            && sub.members[0].held == 0
            && self.nodes[feed.node.index()].queue_len == 0;
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
    pub(super) fn is_full(&self, sub: &SubPlan, size: u64, ignores_door: bool) -> bool {
        let state = &self.subs[sub.slot as usize];
        let waiting = state.queued + state.delayed;
        waiting >= sub.queue.records.saturating_add(u64::from(planted!(QueueOneLonger)))
            || state.queued_bytes.saturating_add(size) > sub.queue.bytes
            || state.door_waits > 0 && !ignores_door
    }

    /// Whether a new record would not have to wait at all.
    pub(super) fn is_free(&self, plan: &Plan, sub: &SubPlan, cursor: u32) -> bool {
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

    /// One that waited for its next attempt waits no more: whoever stands at the door may come in.
    pub(super) fn count_undelayed(&mut self, sub_ix: SubIx, sub: &SubPlan) {
        let state = &mut self.subs[sub.slot as usize];
        state.delayed -= 1;
        if state.door_waits > 0 {
            self.open_door(sub_ix);
        }
    }

    /// The member that the next record of a cursor goes to, if one has room: an idle one first, in turn.
    #[inline]
    pub(super) fn pick_member(&self, plan: &Plan, sub: &SubPlan, cursor: u32) -> Option<usize> {
        let state = &self.subs[sub.slot as usize];
        if state.in_flight >= sub.max_in_flight.saturating_add(u32::from(planted!(OneInFlightTooMany)))
            || self.faults.is_on && self.is_still(sub.node)
        {
            return None;
        }
        if sub.gate.is_some() && !self.is_gate_open(sub) {
            return None;
        }
        let has_room = |place: usize| {
            let member = &sub.members[place];
            state.members[place].held < member.prefetch.saturating_add(u32::from(planted!(PrefetchOneMore)))
                && !(self.faults.is_on && self.is_down(member.node))
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
            is_replay: false,
            fence: 0,
        });
        self.hand_over(cx, cursor, offset, place, slot, payload.cloned());
    }

    /// Hands a record over that has its place between floor and next; `slot.at` is when it became ready.
    pub(super) fn hand_over<O: Observer>(
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
        let deadline = now.saturating_add(sub.ack_wait).saturating_add(u64::from(planted!(AckWaitOneLonger)));
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
        if sub.gate.is_some() && !self.passes_gate(cx, cursor, offset, node) {
            return;
        }
        let cursor_state = &mut self.cursors[cursor as usize];
        let sub_state = &mut self.subs[sub.slot as usize];
        sub_state.members[place].held += 1;
        sub_state.turn = place as u32 + 1;
        if sub.at_most_once {
            cursor_state.counts.acked += 1;
            cursor_state.settle(offset);
            cx.show(What::Acked { sub: sub_ix, event, node, auto: true, from: Phase::InFlight });
            if cx.plan.cursors[cursor as usize].consumes {
                self.settled_by(cx.plan, cursor, offset, true);
            }
        } else {
            cursor_state.in_flight += 1;
            sub_state.in_flight += 1;
            if deadline < cursor_state.ack_armed.unwrap_or(u64::MAX) {
                cursor_state.ack_armed = Some(deadline);
                self.arm(deadline, Class::Timer, Job::timer(Tag::AckTimer, Job::NONE, cursor));
            }
        }
        // What is settled by now has nothing to answer for, whatever an edit makes of the rule meanwhile.
        let token = if sub.at_most_once && !planted!(SettledAndAnswered) { Job::SETTLED } else { token };
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
            leg: if job.slot.is_replayed() { Leg::Replay } else { Leg::Deliver },
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
        if sub.line.is_some() {
            self.dispatch_line(cx, sub_ix);
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
                if sub.gate.is_some() {
                    self.wait_at_gate(sub_ix, sub);
                }
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
                if is_fresh && kernel.hand_over_straight(cx, (cursor, sub_ix, sub), offset, slot, payload.as_ref()) {
                    return;
                }
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
        let (offset, is_fresh) = if let Some(offset) = state.next_again() {
            state.again -= 1;
            (offset, false)
        } else if let Some(offset) = state.next_fresh() {
            state.fresh -= 1;
            (offset, true)
        } else {
            debug_assert!(false, "what is counted as queued is there");
            return;
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
            if open.token == 0 {
                // A seek put it here, and nobody had it since.
                open.first = self.now;
            }
            if open.is_replay && !planted!(ReplayUnmarked) {
                slot = slot.replayed();
            }
        }
        let size = plan.events[slot.kind().index()].size;
        self.count_unqueued(sub_ix, &plan.subs[sub_ix.index()], size);
        then(self, cx, offset, slot, payload, is_fresh);
    }

    /// Makes room by giving up the record that waits longest; whether there was one.
    fn drop_oldest<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) -> bool {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        if planted!(NothingPushedOut) {
            return false;
        }
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
            kernel.give_up(cx, cursor, &given_up.at(offset));
        });
        true
    }
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
