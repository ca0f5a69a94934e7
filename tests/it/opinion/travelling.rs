//! S36, on the way: what leaves along a link, what befalls it there, and when it arrives.
//!
//! A record says that something left; right after it stands what faults did to it. What they may do and what they must
//! do is known when the next thing happens.

use eventloom::model::{EventId, EventTypeIx, FaultIx, FaultKind, LinkIx, SimTime};
use eventloom::plan::Aim;
use eventloom::trace::{Leg, Phase, Reason, What};

use super::ensure;
use super::naive::{Due, Naive, Verdict, Visit};
use super::rules::{can_take, is_certain};

/// An ack or nack on its way back.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: SimTime,
    pub(super) visit: Visit,
    /// Why, if it is a nack.
    pub(super) nack: Option<Reason>,
}

/// Something that leaves.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    link: LinkIx,
    event: EventId,
    leg: Leg,
    /// When it arrives by its record; an answer has none.
    arrives: Option<SimTime>,
    /// What is delivered or answered for.
    visit: Option<Visit>,
    nack: Option<Reason>,
    effects: Vec<(FaultIx, Effect)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Lost,
    Twice,
    Late(u64),
}

impl Naive {
    pub(super) fn sent(&mut self, link: LinkIx, event: EventId, leg: Leg, attempt: u32, arrives: SimTime) -> Verdict {
        if leg == Leg::DeadLetter {
            return self.meet(&Due::DeadLeave(event));
        }
        let to = self.rules.link(link).to;
        let is_copy = |due: &Due| match due {
            Due::LeaveAgain(l, e, g, visit) if (*l, *e, *g) == (link, event, leg) => {
                let fits = visit.is_none_or(|visit| (visit.node, visit.attempt) == (to, attempt));
                fits.then_some(*visit)
            }
            _ => None,
        };
        if self.handing.is_none()
            && let Some(visit) = self.meet_first(is_copy)
        {
            if let Some(visit) = visit {
                *self.held.entry((visit.sub, link)).or_default() += 1;
            }
            return self.travels(link, event, leg, visit, arrives);
        }
        let mut visit = None;
        if matches!(leg, Leg::Deliver | Leg::Replay) {
            let handed = self.handing.take().filter(|one| (one.event, one.node, one.attempt) == (event, to, attempt));
            let Some(handed) = handed else { return Err("sent to a member, but not delivered to it".to_owned()) };
            ensure!(handed.is_replay == (leg == Leg::Replay), "S12: asked for by a seek: {}", handed.is_replay);
            visit = Some(self.handed_by(handed, link)?);
        } else if !(leg == Leg::Call && self.is_made_again(link, event, attempt)) {
            self.meet(&Due::Leave(link, event))?;
        }
        let arrives = Some(arrives);
        self.journey = Some(Journey { link, event, leg, arrives, visit, nack: None, effects: Vec::new() });
        Ok(())
    }

    /// An answer leaves, for a delivery.
    pub(super) fn answers(&mut self, visit: Visit, link: LinkIx, nack: Option<Reason>) {
        let (event, leg) = (visit.event, Leg::Answer);
        self.journey = Some(Journey { link, event, leg, arrives: None, visit: Some(visit), nack, effects: Vec::new() });
    }

    /// Whether a record tells what befell that which left last.
    pub(super) fn befalls(&self, what: &What<'_>) -> bool {
        let Some(journey) = &self.journey else { return false };
        let own = (journey.link, journey.event, journey.leg);
        match *what {
            What::LinkLost { fault, link, event, leg, .. } => {
                // A bus that is gone has lost it at its end.
                let is_crash = self.faults.get(&fault).is_some_and(|active| active.kind == FaultKind::Crash);
                (link, event, leg) == own && !is_crash
            }
            What::Duplicated { link, event, leg, .. } | What::HeldUp { link, event, leg, .. } => {
                (link, event, leg) == own
            }
            _ => false,
        }
    }

    pub(super) fn lost_on_the_way(&mut self, fault: FaultIx, link: LinkIx, event: EventId, leg: Leg) -> Verdict {
        if self.befalls(&What::LinkLost { fault, link, event, kind: EventTypeIx(0), leg }) {
            return self.befell(fault, Effect::Lost);
        }
        if matches!(leg, Leg::Publish | Leg::Call) && self.meet(&Due::LoseBlocked(link, event)).is_ok() {
            self.saw("lost in a crash before a full queue");
            if leg == Leg::Call {
                self.expect(0, Due::GiveUpCall(link, event));
            }
            return self.note(fault, None);
        }
        ensure!(leg == Leg::Answer, "S36: lost, but it did not leave just now");
        self.answer_lost_at_bus(fault, link, event)
    }

    pub(super) fn brought_twice(&mut self, fault: FaultIx, link: LinkIx, event: EventId, leg: Leg) -> Verdict {
        let own = self.journey.as_ref().is_some_and(|one| (one.link, one.event, one.leg) == (link, event, leg));
        ensure!(own, "S36: brought twice, but it did not leave just now");
        self.befell(fault, Effect::Twice)
    }

    pub(super) fn held_up(&mut self, fault: FaultIx, link: LinkIx, event: EventId, leg: Leg, by: u64) -> Verdict {
        let own = self.journey.as_ref().is_some_and(|one| (one.link, one.event, one.leg) == (link, event, leg));
        ensure!(own, "S36: held up, but it did not leave just now");
        self.befell(fault, Effect::Late(by))
    }

    fn befell(&mut self, fault: FaultIx, effect: Effect) -> Verdict {
        let Some(journey) = &mut self.journey else { return Err("S36: nothing is on its way".to_owned()) };
        journey.effects.push((fault, effect));
        let debt = journey.visit.map(|visit| visit.debt);
        self.note(fault, debt)
    }

    /// The faults that are about a link, in the order in which they are asked.
    fn about(&self, link: LinkIx) -> Vec<(FaultIx, FaultKind)> {
        let (from, to) = (self.rules.link(link).from, self.rules.link(link).to);
        let is_about = |active: &super::faults::Active| match &active.on {
            Aim::Node(node) => active.kind == FaultKind::Partition && (*node == from || *node == to),
            Aim::Links(links) => links.contains(&link),
        };
        self.faults.iter().filter(|(_, active)| is_about(active)).map(|(ix, active)| (*ix, active.kind)).collect()
    }

    /// What left is on its way: nothing more befalls it.
    pub(super) fn depart(&mut self) -> Verdict {
        let Some(journey) = self.journey.take() else { return Ok(()) };
        let Journey { link, event, leg, arrives, mut visit, nack, effects } = journey;
        let mut told = effects.iter().copied().peekable();
        let (mut is_lost, mut extra, mut copies) = (false, 0_u64, 0);
        for (fault, kind) in self.about(link) {
            if is_lost {
                break;
            }
            let Some((_, effect)) = told.next_if(|(by, _)| *by == fault) else {
                let must =
                    is_certain(kind.chance()) && !matches!(kind, FaultKind::Duplicate { .. } if leg == Leg::Answer);
                ensure!(!must, "S36: {fault:?} ({kind:?}) did nothing to {event:?}");
                continue;
            };
            let fits = match (kind, effect) {
                (FaultKind::Partition | FaultKind::Drop { .. }, Effect::Lost) => true,
                (FaultKind::Duplicate { .. }, Effect::Twice) => leg != Leg::Answer,
                (FaultKind::Delay { by, .. }, Effect::Late(late)) => can_take(&by, late),
                (FaultKind::Reorder { within, .. }, Effect::Late(late)) => late <= within.as_nanos(),
                _ => false,
            };
            ensure!(fits, "S36: {effect:?} is nothing that {kind:?} does");
            match effect {
                Effect::Lost => is_lost = true,
                Effect::Twice => copies += 1,
                Effect::Late(late) => extra += late,
            }
        }
        ensure!(
            told.next().is_none(),
            "S36: {effects:?} befell {event:?}, but no such fault is on, or they are out of turn"
        );
        let delay = self.rules.link(link).delay + extra;
        if let Some(arrives) = arrives {
            ensure!(arrives == self.after(delay), "the way takes {delay} ns, but it arrives at {arrives}");
        }
        if leg == Leg::Answer {
            let visit = visit.expect("what is answered for");
            if is_lost {
                self.answer_never_comes(visit);
            } else {
                self.answers.push(Answer { at: self.after(delay), visit, nack });
            }
            return Ok(());
        }
        if let Some(visit) = &mut visit {
            visit.ready = SimTime::from_nanos(visit.ready.as_nanos() + delay);
        }
        if is_lost {
            if let Some(visit) = visit {
                self.delivery_never_comes(visit);
            } else if leg == Leg::Call {
                self.call_never_comes(link, event, self.after(delay));
            }
            return Ok(());
        }
        for _ in 0..copies {
            self.expect(0, Due::LeaveAgain(link, event, leg, visit));
        }
        self.travels(link, event, leg, visit, self.after(delay))
    }

    fn travels(&mut self, link: LinkIx, event: EventId, leg: Leg, visit: Option<Visit>, arrives: SimTime) -> Verdict {
        let due = match (leg, visit) {
            (Leg::Deliver | Leg::Replay, Some(visit)) => Due::Receive(visit),
            (Leg::Call, _) => Due::Arrive(link, event, None),
            _ => {
                let name = self.kind_name(event)?;
                let topic = self.rules.topic(link, &name);
                ensure!(topic.is_some(), "published to no topic");
                Due::Arrive(link, event, topic)
            }
        };
        self.due.push((arrives, due));
        Ok(())
    }

    /// Where something that is due comes to stands still, so that it has to wait.
    pub(super) fn is_put_off(&self, due: &Due) -> bool {
        match due {
            Due::Arrive(_, _, Some(topic)) => self.halted.contains_key(&self.rules.topics[topic].bus),
            Due::Begin(visit) => self.halted.contains_key(&visit.node),
            Due::CallLost(link, _) | Due::Resend(link, _) => self.halted.contains_key(&self.rules.link(*link).from),
            _ => false,
        }
    }

    pub(super) fn is_kept(&self, answer: &Answer) -> bool {
        self.halted.contains_key(&self.rules.buses[&answer.visit.sub])
    }

    // ---- what never comes ---------------------------------------------------------------------------------------------

    /// A member was handed something that never comes to it. Its bus learns of it when the ack is overdue.
    fn delivery_never_comes(&mut self, visit: Visit) {
        if visit.is_settled {
            self.give_back(visit);
        } else {
            self.unheld.push((self.debts[visit.debt].deadline, visit));
        }
    }

    /// An answer is lost: the place that it would give back is free when the ack is overdue, or at once if none is awaited.
    pub(super) fn answer_never_comes(&mut self, visit: Visit) {
        let one = &self.debts[visit.debt];
        let is_awaited = one.phase == Some(Phase::InFlight) && one.delivery == visit.delivery;
        if is_awaited {
            self.unheld.push((one.deadline.max(self.now), visit));
        } else {
            self.give_back(visit);
        }
    }

    /// What members have room for again by now.
    pub(super) fn free_hands(&mut self) {
        let now = self.now;
        let freed: Vec<(SimTime, Visit)> = self.unheld.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, visit) in freed {
            self.give_back(visit);
        }
    }

    /// A member has one record less in its hands, unless it left meanwhile.
    pub(super) fn give_back(&mut self, visit: Visit) {
        let Some(link) = visit.link else { return };
        if self.left.get(&(visit.sub, link)).copied().unwrap_or_default() == visit.left {
            let held = self.held.entry((visit.sub, link)).or_default();
            *held = held.saturating_sub(1);
        }
    }
}
