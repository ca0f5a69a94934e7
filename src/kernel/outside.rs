//! A bus that an outside broker carries: what goes out to its adapter, what comes in, and the obligations between.
//!
//! The broker owns log, positions and redelivery; the machine owns what the flow is owed. An obligation opens when the
//! broker has accepted, is queued while the record is there, and ends by our word alone. What the broker does not
//! promise ([`Capabilities`]) is done here, from the copy that every open obligation keeps.
//!
//! Everything that comes in is an [`Input`](super::Input), so that a journal of it runs the same run again with no
//! adapter: then nothing is connected, and what would go out is not even made.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::bus::Match;
use super::data::data_of;
use super::event_list::Class;
use super::ledger::OpenObligation;
use super::seam::{Incoming, Outgoing, Ownership, Publish, PublishOutcome, Receipt};
use super::settlement::GivenUp;
use super::state::{Job, Payload, Slot, Tag};
use super::{Cx, Kernel, Limit, Ready, limits};
use crate::model::{EventId, LinkIx, NodeIx, SimDuration, SimTime, SubIx, TopicIx};
use crate::plan::{Capabilities, Plan, SubPlan};
use crate::trace::{KeyRef, Observer, Phase, Reason, Staleness, What};

/// What the machine remembers of its outside buses.
#[derive(Clone, Debug, Default)]
pub(super) struct OutsideState {
    /// By cursor and offset.
    owed: BTreeMap<(u32, u64), Owed>,
    /// Of each subscription, what has come and waits for a member with room.
    here: BTreeMap<u32, VecDeque<(u32, u64)>>,
    /// Publishes without an outcome, by what was published and ticket.
    pending: BTreeMap<(TopicIx, EventId, u64), Pending>,
    tickets: BTreeMap<u64, (TopicIx, EventId)>,
    next_ticket: u64,
    /// Places that a delivery told of before the outcome did.
    told_early: BTreeSet<(TopicIx, u32, u64)>,
    /// Publishes whose outcome is unknown, for as long as they may turn up.
    unconfirmed: BTreeMap<(TopicIx, EventId), Pending>,
    settled_again: u64,
    port: Port,
}

/// Where the driver fetches what goes out. A keyframe of the machine is connected to nobody.
#[derive(Debug, Default)]
struct Port(Option<Vec<Outgoing>>);

impl Clone for Port {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Port {
    fn send(&mut self, make: impl FnOnce() -> Outgoing) {
        if let Some(out) = &mut self.0 {
            out.push(make());
        }
    }
}

#[derive(Clone, Debug)]
struct Pending {
    link: LinkIx,
    slot: Slot,
    payload: Option<Arc<Payload>>,
}

/// An open obligation.
#[derive(Clone, Debug)]
struct Owed {
    slot: Slot,
    payload: Option<Arc<Payload>>,
    place: Receipt,
    state: State,
    /// Here: since when. In flight: when its ack is overdue. Delayed: until when.
    time: u64,
    /// When it was handed over first.
    first: u64,
    /// Which delivery of the cursor the last hand-over was.
    token: u32,
    /// The link of the member that had it last.
    link: u32,
    /// The attempt that was handed over last.
    attempt: u16,
    /// The attempt that is next.
    next: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Queued, at the broker.
    There,
    /// Queued: it has come, and waits for a member with room.
    Here,
    InFlight,
    Delayed {
        /// It has come before its time.
        has_come: bool,
    },
}

impl State {
    const fn phase(self) -> Phase {
        match self {
            Self::There | Self::Here => Phase::Queued,
            Self::InFlight => Phase::InFlight,
            Self::Delayed { .. } => Phase::Delayed,
        }
    }
}

impl Owed {
    fn given_up(&self, reason: Reason) -> GivenUp<'_> {
        GivenUp {
            slot: self.slot,
            payload: self.payload.as_ref(),
            reason,
            attempts: self.attempt,
            from: self.state.phase(),
            first: self.first,
            link: self.link,
            offset: None,
        }
    }
}

fn capabilities(plan: &Plan, sub: &SubPlan) -> Capabilities {
    plan.outside.get(&sub.node).copied().unwrap_or_default()
}

/// Whether the broker deals out the partitions of a group.
pub(super) fn is_dealt_outside(plan: &Plan, sub: &SubPlan) -> bool {
    sub.is_outside && capabilities(plan, sub).groups
}

/// Whether the machine has to watch the time of an attempt.
const fn is_watched(broker: Capabilities, sub: &SubPlan, attempt: u16) -> bool {
    !broker.ack_wait || broker.max_deliver && attempt as u32 >= sub.deliveries
}

fn sub_of(plan: &Plan, cursor: u32) -> (SubIx, &SubPlan) {
    let sub = plan.cursors[cursor as usize].sub;
    (sub, &plan.subs[sub.index()])
}

impl Kernel {
    // ---- for drivers ----------------------------------------------------------------------------------------------

    /// From here on what goes out to outside brokers is kept for [`Kernel::take_outgoing`]. A driver without an adapter
    /// never calls it; a keyframe is not connected.
    pub fn connect_outside(&mut self) {
        self.outside.port.0.get_or_insert_default();
    }

    /// Hands over what is to go out since the last time, in order.
    pub fn take_outgoing(&mut self, into: &mut impl Extend<Outgoing>) {
        if let Some(out) = &mut self.outside.port.0 {
            into.extend(out.drain(..));
        }
    }

    /// Whether an outside broker still has to tell something: a run that is quiet is not over then.
    pub fn awaits_outside(&self) -> bool {
        !self.outside.pending.is_empty() || !self.outside.owed.is_empty()
    }

    /// How often a broker delivered what was settled or never owed: lost acks, second copies, what a filter keeps out.
    /// Each was acknowledged and handled by nobody.
    pub const fn settled_again(&self) -> u64 {
        self.outside.settled_again
    }

    // ---- publishing -----------------------------------------------------------------------------------------------

    /// A publish arrives at a bus that a broker carries: it goes out, and nothing is owed until the broker has it.
    pub(super) fn publish_outside(
        &mut self,
        plan: &Plan,
        link: LinkIx,
        slot: Slot,
        payload: Option<&Arc<Payload>>,
        topic: TopicIx,
    ) {
        let outside = &mut self.outside;
        let ticket = outside.next_ticket;
        outside.next_ticket += 1;
        outside.tickets.insert(ticket, (topic, slot.event));
        outside.pending.insert((topic, slot.event, ticket), Pending { link, slot, payload: payload.cloned() });
        if outside.pending.len() > limits::PENDING {
            self.limit = Some(Limit::Pending);
        }
        outside.port.send(|| {
            let payload = payload.map(|payload| &**payload);
            let key = slot.key(payload);
            let lineage = payload.and_then(|payload| payload.lineage);
            let row = payload.and_then(|payload| payload.row.as_ref());
            let row = row.and_then(|(log, row)| log.rows.get(*row as usize));
            Outgoing::Publish(Box::new(Publish {
                ticket,
                topic,
                event: slot.event,
                kind: slot.kind(),
                emitted: SimTime::from_nanos(slot.at),
                key: (key != KeyRef::None).then(|| key.to_string().into()),
                data: Some(data_of(plan, slot.kind(), payload)).filter(|data| !data.is_null()).cloned(),
                subject: row.map(|row| Arc::clone(&row.subject)).filter(|subject| !subject.is_empty()),
                cause: lineage.map(|lineage| lineage.cause),
                root: lineage.map_or(slot.event, |lineage| lineage.root),
            }))
        });
    }

    /// Something comes in from an outside broker.
    pub(super) fn on_incoming<O: Observer>(&mut self, cx: &mut Cx<'_, O>, incoming: &Incoming) {
        match incoming {
            Incoming::PublishOutcome { ticket, outcome } => self.on_outcome(cx, *ticket, *outcome),
            Incoming::Delivery { event, place } => self.on_delivery(cx, *event, *place),
            Incoming::MemberChange { sub, owners } => self.on_member_change(cx, *sub, owners),
        }
    }

    fn on_outcome<O: Observer>(&mut self, cx: &mut Cx<'_, O>, ticket: u64, outcome: PublishOutcome) {
        // One outcome a ticket: what is told twice is told once.
        let Some((topic, event)) = self.outside.tickets.remove(&ticket) else { return };
        if let PublishOutcome::Accepted { partition, offset } = outcome
            && self.outside.told_early.remove(&(topic, partition, offset))
        {
            return;
        }
        // Its own publish; or, where a delivery was taken for that one, another of the same event to the same topic.
        let own = self.outside.pending.remove(&(topic, event, ticket));
        let Some(pending) = own.or_else(|| self.first_pending(topic, event)) else { return };
        let Pending { link, slot, .. } = pending;
        let (node, kind) = (cx.plan.topics[topic.index()].bus, slot.kind());
        let partitions = cx.plan.topics[topic.index()].partitions.len() as u32;
        match outcome {
            PublishOutcome::Accepted { partition, offset } if partition < partitions => {
                cx.show(What::Accepted { link, node, event, kind, topic, partition, offset });
                self.confirm_publish(cx.plan, link, event);
                self.owe(cx, &pending, topic, partition, offset);
            }
            PublishOutcome::Rejected => {
                cx.show(What::Rejected { link, node, event, kind, reason: Reason::Refused });
            }
            // A place that the flow does not have is none that anything could be owed from.
            PublishOutcome::Unknown | PublishOutcome::Accepted { .. } => {
                cx.show(What::Unconfirmed { link, node, event, kind });
                let unconfirmed = &mut self.outside.unconfirmed;
                unconfirmed.insert((topic, event), pending);
                if unconfirmed.len() > limits::PENDING {
                    self.limit = Some(Limit::Pending);
                }
            }
        }
    }

    fn first_pending(&mut self, topic: TopicIx, event: EventId) -> Option<Pending> {
        let all = (topic, event, 0)..=(topic, event, u64::MAX);
        let first = *self.outside.pending.range(all).next()?.0;
        self.outside.pending.remove(&first)
    }

    /// The broker has a record: every subscription that it matches is owed it.
    fn owe<O: Observer>(&mut self, cx: &mut Cx<'_, O>, pending: &Pending, topic: TopicIx, partition: u32, offset: u64) {
        let plan = cx.plan;
        let payload = pending.payload.as_ref();
        let mut slot = pending.slot;
        slot.at = self.now;
        let (event, kind) = (slot.event, slot.kind());
        let partition_ix = plan.topics[topic.index()].partitions[partition as usize];
        for cursor in &plan.partitions[partition_ix as usize].cursors {
            let (sub_ix, _) = sub_of(plan, *cursor);
            let matching = self.matching(cx, sub_ix, &slot, payload);
            if matching == Match::No || self.outside.owed.contains_key(&(*cursor, offset)) {
                continue;
            }
            self.cursors[*cursor as usize].counts.opened += 1;
            cx.show(What::Opened { sub: sub_ix, event, kind, topic: Some(topic), partition, offset, link: None });
            if slot.hops() > plan.hop_limit || matching == Match::Broken {
                let reason = if matching == Match::Broken { Reason::Decode } else { Reason::HopLimit };
                self.give_up(cx, *cursor, &GivenUp::fresh(slot, payload, reason));
                continue;
            }
            self.cursors[*cursor as usize].again += 1;
            let owed = Owed {
                slot,
                payload: payload.cloned(),
                place: Receipt { sub: sub_ix, topic, partition, offset, attempt: 0 },
                state: State::There,
                time: 0,
                first: 0,
                token: 0,
                link: Job::NONE,
                attempt: 0,
                next: 1,
            };
            self.outside.owed.insert((*cursor, offset), owed);
        }
        if self.outside.owed.len() > limits::RETAINED {
            self.limit = Some(Limit::Retained);
        }
    }

    // ---- deliveries -----------------------------------------------------------------------------------------------

    fn on_delivery<O: Observer>(&mut self, cx: &mut Cx<'_, O>, event: EventId, place: Receipt) {
        let plan = cx.plan;
        let Some(cursor) = cursor_at(plan, place) else {
            // A subscription that an edit removed, or a place that is not drawn.
            self.settle_again(place);
            return;
        };
        let key = (cursor, place.offset);
        if !self.outside.owed.contains_key(&key) {
            self.believe(cx, event, place);
        }
        let sub = &plan.subs[place.sub.index()];
        let Some(owed) = self.outside.owed.get_mut(&key).filter(|owed| owed.slot.event == event) else {
            self.settle_again(place);
            return;
        };
        owed.place.attempt = place.attempt;
        if owed.state == State::Here {
            // It had not been handed over yet, so that attempt never was.
            return;
        }
        let told = u16::try_from(place.attempt).unwrap_or(u16::MAX);
        owed.next = owed.attempt.saturating_add(1).max(told);
        if u32::from(owed.next) > sub.deliveries {
            self.give_up_outside(cx, key, Reason::DeliveryLimit);
            self.wake_outside(place.sub, sub);
            return;
        }
        match owed.state {
            State::There => self.come(place.sub, key),
            State::Delayed { .. } => owed.state = State::Delayed { has_come: true },
            State::InFlight => self.overdue(cx, key),
            State::Here => {}
        }
        self.dispatch_outside(cx, place.sub);
    }

    /// A delivery whose publish has no outcome, or an unknown one, tells that the broker has it.
    fn believe<O: Observer>(&mut self, cx: &mut Cx<'_, O>, event: EventId, place: Receipt) {
        let Receipt { topic, partition, offset, .. } = place;
        if let Some(pending) = self.first_pending(topic, event) {
            self.outside.told_early.insert((topic, partition, offset));
            let (link, kind) = (pending.link, pending.slot.kind());
            let node = cx.plan.topics[topic.index()].bus;
            cx.show(What::Accepted { link, node, event, kind, topic, partition, offset });
            self.confirm_publish(cx.plan, link, event);
            self.owe(cx, &pending, topic, partition, offset);
        } else if let Some(pending) = self.outside.unconfirmed.remove(&(topic, event)) {
            self.owe(cx, &pending, topic, partition, offset);
        }
    }

    /// A delivery of what is owed no more, or never was: the broker is told so, and nobody handles it.
    fn settle_again(&mut self, place: Receipt) {
        self.outside.settled_again += 1;
        self.outside.port.send(|| Outgoing::Ack(place));
    }

    /// A queued record is at hand: it waits for a member with room.
    fn come(&mut self, sub: SubIx, key: (u32, u64)) {
        let now = self.now;
        if let Some(owed) = self.outside.owed.get_mut(&key) {
            owed.state = State::Here;
            owed.time = now;
            self.outside.here.entry(sub.0).or_default().push_back(key);
        }
    }

    /// No ack came in time: it is queued again, and at hand.
    fn overdue<O: Observer>(&mut self, cx: &mut Cx<'_, O>, key: (u32, u64)) {
        let Some(owed) = self.outside.owed.get(&key) else { return };
        let (sub, event, attempt) = (owed.place.sub, owed.slot.event, owed.attempt.into());
        self.land(cx.plan, key.0);
        self.cursors[key.0 as usize].again += 1;
        let due = SimTime::from_nanos(self.now);
        cx.show(What::Retrying { sub, event, attempt, reason: Reason::AckTimeout, due });
        cx.show(What::Queued { sub, event, taken_back: false });
        self.come(sub, key);
    }

    /// One less in flight.
    fn land(&mut self, plan: &Plan, cursor: u32) {
        self.cursors[cursor as usize].in_flight -= 1;
        self.subs[sub_of(plan, cursor).1.slot as usize].in_flight -= 1;
    }

    /// Hands over what has come, as far as there is room.
    pub(super) fn dispatch_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        self.subs[sub.slot as usize].is_woken = false;
        let mut at = 0;
        while let Some(key) = self.outside.here.get(&sub_ix.0).and_then(|here| here.get(at)).copied() {
            let is_here = self.outside.owed.get(&key).is_some_and(|owed| owed.state == State::Here);
            let member = self.pick_member(plan, sub, key.0);
            if is_here && member.is_none() {
                if sub.share == crate::model::Share::Queue {
                    return;
                }
                // The owner of the next one's partition may have room.
                at += 1;
                continue;
            }
            if let Some(here) = self.outside.here.get_mut(&sub_ix.0) {
                here.remove(at);
            }
            if let Some(member) = member.filter(|_| is_here) {
                self.hand_over_outside(cx, key, member);
            }
        }
    }

    /// Something changed that may let a subscription hand over more: it will, as soon as the current step is done.
    fn wake_outside(&mut self, sub_ix: SubIx, sub: &SubPlan) {
        let state = &mut self.subs[sub.slot as usize];
        if !state.is_woken && self.outside.here.get(&sub_ix.0).is_some_and(|here| !here.is_empty()) {
            state.is_woken = true;
            self.ready_completions.push_back(Ready::Dispatch(sub_ix.0));
        }
    }

    fn hand_over_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, key: (u32, u64), place: usize) {
        let (sub_ix, sub) = sub_of(cx.plan, key.0);
        let member = sub.members[place];
        let now = self.now;
        let cursor = &mut self.cursors[key.0 as usize];
        let Some(owed) = self.outside.owed.get_mut(&key) else { return };
        cursor.token = cursor.token.wrapping_add(1);
        cursor.again -= 1;
        let token = cursor.token;
        let ready = owed.time;
        let broker = capabilities(cx.plan, sub);
        if owed.attempt == 0 {
            owed.first = now;
        } else if broker.ack_wait && broker.extend && !broker.nack {
            // Handed over again from our copy: the broker has to count from here too.
            let of = owed.place;
            self.outside.port.send(|| Outgoing::Extend(of));
        }
        owed.state = State::InFlight;
        owed.time = now.saturating_add(sub.ack_wait);
        owed.token = token;
        owed.link = member.link.0;
        owed.attempt = owed.next;
        let (attempt, deadline, receipt) = (owed.attempt, owed.time, owed.place);
        let (mut slot, payload) = (owed.slot, owed.payload.clone());
        let (event, node) = (slot.event, member.node);
        cx.show(What::Delivered { sub: sub_ix, event, node, attempt: attempt.into() });
        let sub_state = &mut self.subs[sub.slot as usize];
        sub_state.members[place].held += 1;
        sub_state.turn = place as u32 + 1;
        if sub.at_most_once {
            cursor.counts.acked += 1;
            self.outside.owed.remove(&key);
            self.outside.port.send(|| Outgoing::Ack(receipt));
            cx.show(What::Acked { sub: sub_ix, event, node, auto: true, from: Phase::InFlight });
        } else {
            cursor.in_flight += 1;
            sub_state.in_flight += 1;
            if is_watched(broker, sub, attempt) && deadline < cursor.ack_armed.unwrap_or(u64::MAX) {
                cursor.ack_armed = Some(deadline);
                self.arm(deadline, Class::Timer, Job::timer(Tag::AckTimer, Job::NONE, key.0));
            }
        }
        // Its wait is counted from when it was at hand.
        slot.at = ready;
        let job = Job { offset: key.1, source: key.0, token, attempt, ..Job::carrying(slot, Tag::Deliver) };
        self.send_off(cx, &member, job, payload);
    }

    // ---- settlement -----------------------------------------------------------------------------------------------

    /// A member has finished with a record that a broker delivered; the member has room again.
    pub(super) fn answer_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, job: &Job) {
        let (sub_ix, sub) = sub_of(cx.plan, job.source);
        let key = (job.source, job.offset);
        let (event, node) = (job.slot.event, NodeIx(job.node));
        let fence = self.cursors[key.0 as usize].fence;
        let stale = match self.outside.owed.get(&key) {
            // At most once, or a later word on what is settled.
            None if sub.at_most_once => None,
            None => Some(Staleness::Settled),
            Some(_) if job.token.wrapping_sub(fence).cast_signed() <= 0 => Some(Staleness::OldGeneration),
            Some(owed) if job.tag == Tag::Nack && (owed.token != job.token || owed.state != State::InFlight) => {
                Some(Staleness::EarlierAttempt)
            }
            Some(_) => None,
        };
        if let Some(why) = stale {
            cx.show(What::Stale { sub: sub_ix, event, node, why });
        } else if job.tag == Tag::Nack {
            self.refuse_outside(cx, key, job.reason);
        } else if let Some(owed) = self.outside.owed.remove(&key) {
            let from = owed.state.phase();
            self.leave(cx.plan, key.0, from);
            self.cursors[key.0 as usize].counts.acked += 1;
            self.outside.port.send(|| Outgoing::Ack(owed.place));
            cx.show(What::Acked { sub: sub_ix, event, node, auto: false, from });
        }
        self.wake_outside(sub_ix, sub);
    }

    /// One less in an open state.
    fn leave(&mut self, plan: &Plan, cursor: u32, from: Phase) {
        match from {
            Phase::Queued => self.cursors[cursor as usize].again -= 1,
            Phase::Delayed => self.cursors[cursor as usize].delayed -= 1,
            Phase::InFlight => self.land(plan, cursor),
        }
    }

    /// An attempt failed: it is tried again, or given up.
    fn refuse_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, key: (u32, u64), reason: Reason) {
        let (sub_ix, sub) = sub_of(cx.plan, key.0);
        let Some(owed) = self.outside.owed.get(&key) else { return };
        let (attempt, link, event) = (owed.attempt, owed.link, owed.slot.event);
        if u32::from(attempt) >= sub.deliveries || reason == Reason::Throttled && Self::refuses(cx.plan, link) {
            let is_own = matches!(reason, Reason::Throttled | Reason::Decode);
            self.give_up_outside(cx, key, if is_own { reason } else { Reason::DeliveryLimit });
            return;
        }
        let member = cx.plan.links.get(link as usize).map_or(sub.node, |link| link.to);
        let wait = self.backoff(&sub.backoff, member, attempt);
        let due = self.now.saturating_add(wait);
        self.land(cx.plan, key.0);
        self.cursors[key.0 as usize].delayed += 1;
        let shown = SimTime::from_nanos(due);
        cx.show(What::Retrying { sub: sub_ix, event, attempt: attempt.into(), reason, due: shown });
        let Some(owed) = self.outside.owed.get_mut(&key) else { return };
        owed.state = State::Delayed { has_come: false };
        owed.time = due;
        owed.next = attempt.saturating_add(1);
        let of = owed.place;
        let broker = capabilities(cx.plan, sub);
        if broker.nack && broker.nack_delay {
            self.outside.port.send(|| Outgoing::Nack { of, delay: SimDuration::from_nanos(wait) });
        }
        if wait == 0 {
            self.due_outside(cx, key);
        } else {
            self.hold(cx.plan, key);
        }
    }

    /// Waits until a delayed record is due. Where the machine waits in the broker's stead, the broker is told to be patient.
    fn hold(&mut self, plan: &Plan, key: (u32, u64)) {
        let (_, sub) = sub_of(plan, key.0);
        let broker = capabilities(plan, sub);
        let Some(owed) = self.outside.owed.get(&key) else { return };
        let (due, token, of) = (owed.time, owed.token, owed.place);
        let mut next = due;
        if broker.ack_wait && broker.extend && !(broker.nack && broker.nack_delay) {
            next = due.min(self.now.saturating_add((sub.ack_wait / 2).max(1)));
            self.outside.port.send(|| Outgoing::Extend(of));
        }
        self.cursors[key.0 as usize].later.push(std::cmp::Reverse((next, key.1, token)));
        self.arm_due(key.0);
    }

    /// The first of a cursor's delayed records are due, or their broker is to be told again to be patient.
    pub(super) fn on_due_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let now = self.now;
        if self.cursors[cursor as usize].due_armed.is_none_or(|armed| armed != now) {
            return;
        }
        self.cursors[cursor as usize].due_armed = None;
        while let Some(std::cmp::Reverse((at, offset, token))) = self.cursors[cursor as usize].later.peek().copied() {
            if at > now {
                break;
            }
            self.cursors[cursor as usize].later.pop();
            let key = (cursor, offset);
            let Some(owed) = self.outside.owed.get(&key) else { continue };
            match owed.state {
                State::Delayed { has_come } if owed.token == token => {
                    if owed.time <= now {
                        self.due_outside(cx, key);
                    } else if has_come {
                        // Delivered anew: the broker's patience begins with that.
                        let due = owed.time;
                        self.cursors[cursor as usize].later.push(std::cmp::Reverse((due, offset, token)));
                    } else {
                        self.hold(cx.plan, key);
                    }
                }
                _ => {}
            }
        }
        self.arm_due(cursor);
        let (sub_ix, sub) = sub_of(cx.plan, cursor);
        self.wake_outside(sub_ix, sub);
    }

    /// A delayed record is due: it is queued again, at the broker or here.
    fn due_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, key: (u32, u64)) {
        let (sub_ix, sub) = sub_of(cx.plan, key.0);
        let broker = capabilities(cx.plan, sub);
        let Some(owed) = self.outside.owed.get_mut(&key) else { return };
        let has_come = owed.state == State::Delayed { has_come: true };
        owed.state = State::There;
        let (event, of) = (owed.slot.event, owed.place);
        let cursor = &mut self.cursors[key.0 as usize];
        cursor.delayed -= 1;
        cursor.again += 1;
        cx.show(What::Queued { sub: sub_ix, event, taken_back: false });
        if has_come || !broker.nack {
            self.come(sub_ix, key);
        } else if !broker.nack_delay {
            self.outside.port.send(|| Outgoing::Nack { of, delay: SimDuration::ZERO });
        }
    }

    /// Ends an obligation for good, and tells the broker that it needs no more deliveries.
    fn give_up_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, key: (u32, u64), reason: Reason) {
        let Some(owed) = self.outside.owed.remove(&key) else { return };
        self.leave(cx.plan, key.0, owed.state.phase());
        self.outside.port.send(|| Outgoing::Ack(owed.place));
        self.give_up(cx, key.0, &owed.given_up(reason));
    }

    /// Looks for records whose ack is overdue and whose time the broker does not watch.
    pub(super) fn on_ack_timer_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let now = self.now;
        let (sub_ix, sub) = sub_of(cx.plan, cursor);
        let broker = capabilities(cx.plan, sub);
        if self.cursors[cursor as usize].ack_armed.is_none_or(|armed| armed != now) {
            return;
        }
        self.cursors[cursor as usize].ack_armed = None;
        let watched = |owed: &Owed| owed.state == State::InFlight && is_watched(broker, sub, owed.attempt);
        let all = (cursor, 0)..=(cursor, u64::MAX);
        let overdue = self.outside.owed.range(all.clone()).filter(|(_, owed)| watched(owed) && owed.time <= now);
        let overdue: Vec<(u32, u64)> = overdue.map(|(key, _)| *key).collect();
        for key in overdue {
            let Some(owed) = self.outside.owed.get_mut(&key) else { continue };
            if u32::from(owed.attempt) >= sub.deliveries {
                self.give_up_outside(cx, key, Reason::DeliveryLimit);
            } else {
                owed.next = owed.attempt.saturating_add(1);
                self.overdue(cx, key);
            }
        }
        let left = self.outside.owed.range(all).filter(|(_, owed)| watched(owed));
        if let Some(deadline) = left.map(|(_, owed)| owed.time).min() {
            self.cursors[cursor as usize].ack_armed = Some(deadline);
            self.arm(deadline, Class::Timer, Job::timer(Tag::AckTimer, Job::NONE, cursor));
        }
        self.wake_outside(sub_ix, sub);
    }

    // ---- members and edits ----------------------------------------------------------------------------------------

    /// The broker dealt partitions out anew.
    fn on_member_change<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx, owners: &[Ownership]) {
        let plan = cx.plan;
        let Some(sub) = plan.subs.get(sub_ix.index()).filter(|sub| sub.is_outside && sub.alive) else { return };
        let is_member = |link: &LinkIx| sub.members.iter().any(|member| member.link == *link);
        let mut moves = Vec::new();
        for Ownership { topic, partition, owner } in owners.iter().copied() {
            let place = Receipt { sub: sub_ix, topic, partition, offset: 0, attempt: 0 };
            let owner = owner.filter(is_member);
            if let Some(cursor) = cursor_at(plan, place)
                && self.cursors[cursor as usize].owner != owner.map(|link| link.0)
            {
                moves.push((cursor, place, owner));
            }
        }
        if moves.is_empty() {
            return;
        }
        let state = &mut self.subs[sub.slot as usize];
        state.generation += 1;
        let generation = state.generation;
        cx.show(What::Rebalanced { sub: sub_ix, generation, members: sub.members.len() as u32 });
        for (cursor, Receipt { topic, partition, .. }, owner) in moves {
            self.revoke_outside(cx, cursor, None);
            let state = &mut self.cursors[cursor as usize];
            state.owner = owner.map(|link| link.0);
            state.fence = state.token;
            let owner = owner.map(|link| plan.link_ends(link).1);
            cx.show(What::Assigned { sub: sub_ix, topic, partition, owner, generation });
        }
        self.wake_outside(sub_ix, sub);
    }

    /// Takes back what is in flight on a cursor, or only what one member's link has of it: those attempts never were.
    pub(super) fn revoke_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, link: Option<u32>) {
        let (sub_ix, sub) = sub_of(cx.plan, cursor);
        let is_held = |owed: &Owed| owed.state == State::InFlight && link.is_none_or(|link| owed.link == link);
        let held = self.outside.owed.range((cursor, 0)..=(cursor, u64::MAX)).filter(|(_, owed)| is_held(owed));
        let held: Vec<(u32, u64)> = held.map(|(key, _)| *key).collect();
        for key in held {
            self.land(cx.plan, cursor);
            self.cursors[cursor as usize].again += 1;
            let Some(owed) = self.outside.owed.get_mut(&key) else { continue };
            owed.next = owed.attempt;
            owed.attempt = owed.attempt.saturating_sub(1);
            owed.state = State::There;
            cx.show(What::Queued { sub: sub_ix, event: owed.slot.event, taken_back: true });
            // Where the broker deals partitions out, the new owner gets it from there.
            if !is_dealt_outside(cx.plan, sub) || link.is_some() {
                self.come(sub_ix, key);
            }
        }
        self.wake_outside(sub_ix, sub);
    }

    /// Ends every open obligation of a cursor whose subscription an edit removed.
    pub(super) fn purge_outside<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let (sub_ix, _) = sub_of(cx.plan, cursor);
        let all = self.outside.owed.range((cursor, 0)..=(cursor, u64::MAX));
        let all: Vec<(u32, u64)> = all.map(|(key, _)| *key).collect();
        for key in all {
            let Some(owed) = self.outside.owed.remove(&key) else { continue };
            let from = owed.state.phase();
            self.leave(cx.plan, cursor, from);
            self.cursors[cursor as usize].counts.purged += 1;
            self.outside.port.send(|| Outgoing::Ack(owed.place));
            cx.show(What::Purged { sub: sub_ix, event: owed.slot.event, from });
        }
        let state = &mut self.cursors[cursor as usize];
        state.later.clear();
        state.owner = None;
        if let Some(here) = self.outside.here.get_mut(&sub_ix.0) {
            here.retain(|(of, _)| *of != cursor);
        }
    }

    /// Open obligations at outside buses, item by item.
    pub(super) fn list_outside(&self, into: &mut Vec<OpenObligation>) {
        into.extend(self.outside.owed.values().map(|owed| OpenObligation {
            sub: owed.place.sub,
            event: owed.slot.event,
            kind: owed.slot.kind(),
            phase: owed.state.phase(),
            attempts: owed.attempt.into(),
        }));
    }
}

/// The cursor of a subscription on a partition.
fn cursor_at(plan: &Plan, place: Receipt) -> Option<u32> {
    let partition = *plan.topics.get(place.topic.index())?.partitions.get(place.partition as usize)?;
    let cursors = &plan.partitions[partition as usize].cursors;
    cursors.iter().copied().find(|cursor| plan.cursors[*cursor as usize].sub == place.sub)
}
