//! What faults do on the way along a link: lose, bring twice, hold up, cut; and what clocks say that are wrong.

use std::sync::Arc;

use super::event_list::Class;
use super::state::{Job, OpenState, Payload, Slot, Tag};
use super::{Cx, Kernel};
use crate::model::{EventId, EventTypeIx, FaultIx, FaultKind, LinkIx, NodeIx, SimDuration, SimTime, TopicIx};
use crate::plan::{Aim, MemberPlan, Plan, Route, RouteTo, Sampler};
use crate::trace::{Leg, Observer, Reason, What};

/// What becomes of one event on its way.
#[derive(Default)]
struct Journey {
    is_lost: bool,
    /// How much longer it takes.
    extra: u64,
    /// How many come besides.
    copies: u32,
    /// What was done, by whom.
    effects: Vec<(FaultIx, Effect)>,
}

#[derive(Clone, Copy)]
enum Effect {
    Lost,
    Twice,
    Late(u64),
}

/// What travels.
#[derive(Clone, Copy)]
struct Traveller {
    link: LinkIx,
    event: EventId,
    kind: EventTypeIx,
    leg: Leg,
}

impl Kernel {
    /// Asks every fault that is on, in the order of their numbers, what becomes of something on this link.
    fn journey(&mut self, plan: &Plan, link: LinkIx, leg: Leg) -> Journey {
        let mut journey = Journey::default();
        let (from, to) = plan.link_ends(link);
        for active in &mut self.faults.active {
            let mut draws = match &active.on {
                // Of a node only its partition is about links.
                Aim::Node(node) if active.kind == FaultKind::Partition && (*node == from || *node == to) => None,
                Aim::Node(_) => continue,
                Aim::Links(links) => match links.iter().position(|other| *other == link) {
                    Some(place) => Some(&mut active.draws[place]),
                    None => continue,
                },
            };
            let mut happens = |chance| draws.as_mut().is_some_and(|draws| draws.happens(chance));
            let effect = match active.kind {
                FaultKind::Partition => Some(Effect::Lost),
                FaultKind::Drop { chance } => happens(chance).then_some(Effect::Lost),
                // A second ack would only be stale.
                FaultKind::Duplicate { .. } if leg == Leg::Answer => None,
                FaultKind::Duplicate { chance } => happens(chance).then_some(Effect::Twice),
                FaultKind::Delay { chance, .. } | FaultKind::Reorder { chance, .. } => {
                    happens(chance).then_some(Effect::Late(0))
                }
                FaultKind::Crash | FaultKind::Pause | FaultKind::Slow { .. } | FaultKind::ClockSkew { .. } => None,
            };
            let effect = match (effect, active.kind, draws) {
                (None, ..) => continue,
                (Some(_), FaultKind::Delay { by, .. }, Some(draws)) => Effect::Late(draws.sample(&Sampler::new(&by))),
                (Some(_), FaultKind::Reorder { within, .. }, Some(draws)) => {
                    Effect::Late(draws.below(within.as_nanos().saturating_add(1)))
                }
                (Some(effect), ..) => effect,
            };
            journey.effects.push((active.fault, effect));
            match effect {
                Effect::Lost => {
                    journey.is_lost = !planted!(LostAndArrives);
                    journey.copies = 0;
                    break;
                }
                Effect::Late(_) if planted!(HeldUpByNothing) => {}
                Effect::Late(by) => journey.extra = journey.extra.saturating_add(by),
                Effect::Twice => journey.copies += u32::from(!planted!(CopyNeverComes)),
            }
        }
        journey
    }

    fn show_effects<O: Observer>(cx: &mut Cx<'_, O>, traveller: Traveller, journey: &Journey) {
        let Traveller { link, event, kind, leg } = traveller;
        for (fault, effect) in &journey.effects {
            let fault = *fault;
            cx.show(match effect {
                Effect::Lost => What::LinkLost { fault, link, event, kind, leg },
                Effect::Twice => What::Duplicated { fault, link, event, kind, leg },
                Effect::Late(by) => What::HeldUp { fault, link, event, kind, leg, by: SimDuration::from_nanos(*by) },
            });
        }
    }

    /// An event leaves along all its routes while something is broken.
    pub(super) fn send_broken<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        routes: &[Route],
        slot: Slot,
        payload: Option<&Arc<Payload>>,
    ) {
        let skewed = self.skewed(cx, node, &slot, payload);
        let payload = skewed.as_ref().or(payload);
        for route in routes {
            let (leg, attempt) = match &route.to {
                RouteTo::Topic(_) => (Leg::Publish, 0),
                RouteTo::Inbox(_) => (Leg::Call, 1),
                RouteTo::Guarded(inbox) => {
                    self.send_guarded(cx, node, route.link, inbox, slot, payload);
                    continue;
                }
            };
            let (link, event, kind) = (route.link, slot.event, slot.kind());
            let journey = self.journey(cx.plan, link, leg);
            let delay = route.delay.saturating_add(journey.extra);
            let arrives = SimTime::from_nanos(self.now.saturating_add(delay));
            cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
            Self::show_effects(cx, Traveller { link, event, kind, leg }, &journey);
            if journey.is_lost {
                if let RouteTo::Inbox(inbox) = &route.to {
                    // A publish is lost for good; whoever calls waits for an answer.
                    let source = inbox.sub.0 | Job::INBOX;
                    let job = Job { source, node: node.0, link: link.0, ..Job::carrying(slot, Tag::Call) };
                    let handle = self.jobs.put_with(job, payload.cloned());
                    self.await_lost_call(cx.plan, handle, delay);
                }
                continue;
            }
            for copy in 0..=journey.copies {
                if copy > 0 {
                    cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
                }
                match route.to {
                    RouteTo::Topic(topic) if delay == 0 && self.is_halted(cx.plan.topics[topic.index()].bus) => {
                        let job = Job {
                            offset: topic.0.into(),
                            node: node.0,
                            link: link.0,
                            ..Job::carrying(slot, Tag::Publish)
                        };
                        let handle = self.jobs.put_with(job, payload.cloned());
                        self.keep_for(cx.plan.topics[topic.index()].bus, handle);
                    }
                    RouteTo::Topic(_) | RouteTo::Inbox(_) | RouteTo::Guarded(_) => {
                        self.depart(cx, node, route, delay, slot, payload);
                    }
                }
            }
        }
    }

    /// A call leaves by a link that is watched, while something is broken: whether it is lost, how often it comes besides, and
    /// how long it takes.
    pub(super) fn journey_of_call<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        job: &Job,
        delay: u64,
        attempt: u32,
    ) -> (bool, u32, u64) {
        let (link, event, kind, leg) = (LinkIx(job.link), job.slot.event, job.slot.kind(), Leg::Call);
        let journey = self.journey(cx.plan, link, leg);
        let delay = delay.saturating_add(journey.extra);
        let arrives = SimTime::from_nanos(self.now.saturating_add(delay));
        cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
        Self::show_effects(cx, Traveller { link, event, kind, leg }, &journey);
        (journey.is_lost, journey.copies, delay)
    }

    /// What the clock of a node says that is wrong, as the event that it makes carries it.
    fn skewed<O: Observer>(
        &self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
    ) -> Option<Arc<Payload>> {
        let mut clock = None;
        for active in &self.faults.active {
            if let FaultKind::ClockSkew { by, behind } = active.kind
                && active.on == Aim::Node(node)
            {
                let (right, by) = (clock.unwrap_or(slot.born), by.as_nanos());
                let wrong = if behind { right.saturating_sub(by) } else { right.saturating_add(by) };
                clock = Some(wrong);
                let time = SimTime::from_nanos(wrong);
                cx.show(What::Skewed { fault: active.fault, node, event: slot.event, time });
            }
        }
        let clock = Some(clock?);
        let payload = payload.map_or_else(Payload::default, |payload| Payload::clone(payload));
        Some(Arc::new(Payload { clock, ..payload }))
    }

    /// A record leaves for its member while something is broken. What is lost is awaited until its ack is overdue.
    pub(super) fn hand_over_broken<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        member: &MemberPlan,
        mut job: Job,
        payload: Option<&Arc<Payload>>,
        deadline: u64,
    ) {
        let (link, event, kind, leg) = (member.link, job.slot.event, job.slot.kind(), leg_of(&job));
        let journey = self.journey(cx.plan, link, leg);
        let delay = member.delay.saturating_add(journey.extra);
        job.slot.at = job.slot.at.saturating_add(delay);
        job.node = member.node.0;
        job.link = link.0;
        let arrives = SimTime::from_nanos(self.now.saturating_add(delay));
        let attempt = job.attempt.into();
        cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
        Self::show_effects(cx, Traveller { link, event, kind, leg }, &journey);
        if journey.is_lost {
            if job.token == Job::SETTLED {
                self.free_hold(cx, &job);
            } else {
                self.free_hold_at(deadline, job);
            }
            return;
        }
        let slot = cx.plan.subs[cx.plan.cursors[job.source as usize].sub.index()].slot as usize;
        for copy in 0..=journey.copies {
            if copy > 0 {
                cx.show(What::Sent { link, event, kind, leg, attempt, arrives });
                if let Some(state) = super::settlement::member_mut(&mut self.subs[slot].members, link.0) {
                    state.held += 1;
                }
            }
            let handle = self.jobs.put_with(job, payload.cloned());
            if delay == 0 {
                self.deliver(cx, handle);
            } else {
                self.later(self.now.saturating_add(delay), Class::Arrival, handle);
            }
        }
    }

    /// A member answers while something is broken. Whether that was all.
    pub(super) fn answer_broken<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, delay: u64) {
        let job = self.jobs[handle];
        let (link, event, kind, leg) = (job.way(), job.slot.event, job.slot.kind(), Leg::Answer);
        let journey = self.journey(cx.plan, link, leg);
        Self::show_effects(cx, Traveller { link, event, kind, leg }, &journey);
        let delay = delay.saturating_add(journey.extra);
        if journey.is_lost {
            self.lose_answer(cx, handle);
        } else if delay > 0 {
            self.later(self.now.saturating_add(delay), Class::Completion, handle);
        } else if !self.meets_fault(cx, handle) {
            self.answer(cx, handle);
        }
    }

    /// Whether what is due comes to a bus that is gone or stands still; then it is seen to.
    pub(super) fn meets_fault<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) -> bool {
        let job = self.jobs[handle];
        let bus = match job.tag {
            Tag::Publish => cx.plan.topics[TopicIx(job.offset as u32).index()].bus,
            Tag::Ack | Tag::Nack => cx.plan.subs[cx.plan.cursors[job.source as usize].sub.index()].node,
            _ => return false,
        };
        if self.is_halted(bus) && !planted!(StandsStillAndHears) {
            self.keep_for(bus, handle);
            return true;
        }
        let Some(fault) = self.downed_by(bus).filter(|_| job.tag != Tag::Publish) else { return false };
        let (link, event, kind) = (job.way(), job.slot.event, job.slot.kind());
        cx.show(What::LinkLost { fault, link, event, kind, leg: Leg::Answer });
        self.lose_answer(cx, handle);
        true
    }

    /// An answer never comes: its member has room again when the ack is overdue, for then the bus knows.
    fn lose_answer<O: Observer>(&mut self, cx: &Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        self.jobs.remove(handle);
        let is_awaited = |open: &&mut super::state::Open| open.token == job.token && open.state == OpenState::InFlight;
        let state = &mut self.cursors[job.source as usize];
        match state.open_at(job.offset).filter(is_awaited).map(|open| open.deadline) {
            Some(deadline) => self.free_hold_at(deadline, job),
            None => self.free_hold(cx, &job),
        }
    }

    fn free_hold_at(&mut self, deadline: u64, job: Job) {
        if deadline < u64::MAX {
            self.arm(deadline.max(self.now), Class::Timer, Job { tag: Tag::Unheld, ..job });
        }
    }

    /// A member has room again for one that it never got, or never answered for.
    pub(super) fn free_hold<O: Observer>(&mut self, cx: &Cx<'_, O>, job: &Job) {
        let sub_ix = cx.plan.cursors[job.source as usize].sub;
        let sub = &cx.plan.subs[sub_ix.index()];
        if let Some(member) = super::settlement::member_mut(&mut self.subs[sub.slot as usize].members, job.link) {
            member.held = member.held.saturating_sub(1);
        }
        self.wake(sub_ix, sub);
    }

    /// The ack of something that was lost is overdue.
    pub(super) fn on_unheld<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let (job, now) = (self.jobs[handle], self.now);
        self.jobs.remove(handle);
        let is_overdue = |open: &mut super::state::Open| {
            open.token == job.token && open.state == OpenState::InFlight && open.deadline <= now
        };
        if self.cursors[job.source as usize].open_at(job.offset).is_some_and(is_overdue) {
            self.unanswered(cx, job.source, job.offset, Reason::AckTimeout);
            self.learn(cx, job.source, job.offset, true);
        }
        self.free_hold(cx, &job);
    }
}

/// What a delivery travels for.
const fn leg_of(job: &Job) -> Leg {
    if job.slot.is_replayed() { Leg::Replay } else { Leg::Deliver }
}
