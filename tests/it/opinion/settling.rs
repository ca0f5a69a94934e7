//! How obligations end: S5 acks, nacks and silence, S23 retries, S7 what is given up and where it goes.

use eventloom::model::{EventId, LinkIx, NodeIx, SimTime, SubIx, WhenFull};
use eventloom::trace::{Phase, Reason, Staleness};

use super::ensure;
use super::naive::{Debt, Due, Naive, Obligation, Verdict};
use super::rules::{Way, Worker, can_wait};
use super::travelling::Answer;

/// What an answer is worth when it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// It settles what it answers for.
    Ack,
    /// What it answers for comes back unhandled.
    Nack(Reason),
    Nothing(Staleness),
}

impl Naive {
    fn worth(&self, answer: &Answer) -> Worth {
        let visit = answer.visit;
        let one = &self.debts[visit.debt];
        let Some(phase) = one.phase else { return Worth::Nothing(Staleness::Settled) };
        let place = one.place.map(|(partition, _)| (visit.sub, partition));
        let moves = place.and_then(|place| self.moves.get(&place)).copied().unwrap_or_default();
        if visit.moves < moves {
            return Worth::Nothing(Staleness::OldGeneration);
        }
        match answer.nack {
            None => Worth::Ack,
            Some(_) if one.delivery != visit.delivery || phase != Phase::InFlight => {
                Worth::Nothing(Staleness::EarlierAttempt)
            }
            Some(reason) => Worth::Nack(reason),
        }
    }

    /// Takes an answer that arrives now and is worth this.
    fn answer(
        &mut self,
        sub: SubIx,
        event: EventId,
        worth: Worth,
        fits: impl Fn(&Self, &Answer) -> bool,
    ) -> Option<Answer> {
        let place = self.answers.iter().position(|answer| {
            let visit = answer.visit;
            let arrives = answer.at == self.now && (visit.sub, visit.event) == (sub, event) && !self.is_kept(answer);
            arrives && self.worth(answer) == worth && fits(self, answer)
        })?;
        let answer = self.answers.remove(place);
        self.give_back(answer.visit);
        Some(answer)
    }

    pub(super) fn acked(&mut self, sub: SubIx, event: EventId, node: NodeIx, auto: bool, from: Phase) -> Verdict {
        let debt = if auto {
            self.saw("acked at hand-over");
            let debts = &self.debts;
            let found = self.due.iter().find_map(|(_, due)| match due {
                Due::AutoAck(debt) if (debts[*debt].sub, debts[*debt].event) == (sub, event) => Some(*debt),
                _ => None,
            });
            let Some(debt) = found else { return Err("S2: settled at hand-over, but nobody said so".to_owned()) };
            self.meet(&Due::AutoAck(debt))?;
            debt
        } else if self.rules.inboxes.contains_key(&sub) {
            self.saw("call answered");
            self.closed(sub, event, None)?
        } else {
            let by_node = |model: &Self, answer: &Answer| {
                answer.visit.node == node && model.debts[answer.visit.debt].phase == Some(from)
            };
            let answer = self.answer(sub, event, Worth::Ack, by_node);
            let Some(answer) = answer else { return Err("S5: acked, but no ack arrives now".to_owned()) };
            self.saw(match from {
                Phase::InFlight => "acked",
                Phase::Delayed => "acked while delayed",
                Phase::Queued => "acked while queued again",
            });
            answer.visit.debt
        };
        self.may_be_consumed(debt, true);
        self.settle(debt, from)
    }

    /// A call was handled, or not: the debt that ends or comes back.
    fn closed(&mut self, sub: SubIx, event: EventId, failure: Option<Reason>) -> Result<Debt, String> {
        let debts = &self.debts;
        let found = self.due.iter().find_map(|(_, due)| match due {
            Due::Close(debt, why) if (debts[*debt].sub, debts[*debt].event, *why) == (sub, event, failure) => {
                Some(*debt)
            }
            _ => None,
        });
        let Some(debt) = found else { return Err(format!("no call of {event:?} ends with {failure:?} now")) };
        self.meet(&Due::Close(debt, failure))?;
        Ok(debt)
    }

    pub(super) fn stale(&mut self, sub: SubIx, event: EventId, node: NodeIx, why: Staleness) -> Verdict {
        let answer = self.answer(sub, event, Worth::Nothing(why), |_, answer| answer.visit.node == node);
        ensure!(answer.is_some(), "S5: called stale ({why:?}), but no such answer arrives now");
        self.saw(match why {
            Staleness::Settled => "answered too late",
            Staleness::EarlierAttempt => "nack of an earlier attempt",
            Staleness::OldGeneration => "answer of an old generation",
        });
        Ok(())
    }

    /// A record in flight comes back unhandled: because an answer says so, or none came.
    pub(super) fn comes_back(
        &mut self,
        sub: SubIx,
        event: EventId,
        reason: Reason,
        attempt: Option<u32>,
    ) -> Result<Debt, String> {
        let same = |one: &Obligation| attempt.is_none_or(|attempt| attempt == one.attempts);
        if reason != Reason::AckTimeout {
            let answer =
                self.answer(sub, event, Worth::Nack(reason), |model, answer| same(&model.debts[answer.visit.debt]));
            return answer
                .map(|answer| answer.visit.debt)
                .ok_or_else(|| "S5: it came back, but no nack arrives".to_owned());
        }
        let now = self.now;
        let debt = self
            .find(sub, event, |_, one| one.phase == Some(Phase::InFlight) && one.deadline == now && same(one))
            .map_err(|wrong| format!("S5: no ack is overdue now\n{wrong}"))?;
        let answered = |answer: &&Answer| {
            answer.visit.debt == debt
                && answer.at == now
                && !self.is_kept(answer)
                && self.worth(answer) != Worth::Nothing(Staleness::EarlierAttempt)
        };
        let answered = self.answers.iter().find(answered);
        ensure!(answered.is_none(), "S5: called overdue, but {answered:?} arrives now");
        Ok(debt)
    }

    pub(super) fn retrying(
        &mut self,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        reason: Reason,
        due: SimTime,
    ) -> Verdict {
        let (debt, backoff, most, refused);
        if let Some(node) = self.rules.inboxes.get(&sub).copied() {
            debt = self.closed(sub, event, Some(reason))?;
            let Some((call, _)) = self.debts[debt].by.and_then(|link| self.rules.call(link)) else {
                return Err("S7: by hand it is called once".to_owned());
            };
            (backoff, most) = (call.backoff, call.deliveries);
            refused = self.rules.workers[&node].refuses();
        } else {
            debt = self.comes_back(sub, event, reason, Some(attempt))?;
            let rules = &self.rules.subs[&sub];
            (backoff, most) = (rules.settings.backoff, rules.most());
            refused = self.is_refused(&self.debts[debt]);
        }
        let one = &self.debts[debt];
        ensure!(attempt == one.attempts, "attempt {attempt}, but {} were made", one.attempts);
        ensure!(one.phase == Some(Phase::InFlight), "C4: it came back, but it was {:?}", one.phase);
        ensure!(attempt + one.unsent < most, "S7: tried again after attempt {attempt} of {most}");
        ensure!(!(refused && reason == Reason::Throttled), "S24: refused for good, but tried again");
        if let Some((partition, offset)) = one.place {
            // Two timers of one instant come in the order in which they were set.
            let oldest = self.rules.topics[&partition.0].keep.map(|keep| self.now.as_nanos().saturating_sub(keep));
            let is_tie =
                oldest == Some(self.logs[&partition].at(offset).as_nanos()) && !self.is_gone(partition, offset);
            ensure!(is_tie || !self.is_evicted(partition, offset), "S13: tried again, but evicted");
        }
        let wait = due.as_nanos() - self.now.as_nanos();
        let fits = if reason == Reason::AckTimeout { wait == 0 } else { can_wait(&backoff, attempt, wait) };
        ensure!(fits, "S23: after attempt {attempt} it waits {wait} ns, which is none of {backoff:?}");
        self.debts[debt].phase = Some(Phase::Delayed);
        self.due.push((due, Due::Queue(debt)));
        self.saw(match reason {
            Reason::AckTimeout => "ack overdue",
            Reason::Throttled => "tried again, throttled",
            Reason::Decode => "tried again, broken",
            Reason::Down => "tried again, callee gone",
            _ => "tried again",
        });
        Ok(())
    }

    /// S24: whether the member that had it last throws back for good.
    fn is_refused(&self, one: &Obligation) -> bool {
        let node = one.held_by.map(|link| self.rules.link(link).to);
        node.and_then(|node| self.rules.workers.get(&node)).is_some_and(Worker::refuses)
    }

    pub(super) fn queued(&mut self, sub: SubIx, event: EventId) -> Verdict {
        let now = self.now;
        let debts = &self.debts;
        // What came back at this very moment is queued right away; what waited, in the order of the log.
        let mut due: Vec<Debt> = self
            .due
            .iter()
            .filter(|(at, _)| *at == now)
            .filter_map(|(_, due)| match due {
                Due::Queue(debt) if (debts[*debt].sub, debts[*debt].event) == (sub, event) => Some(*debt),
                _ => None,
            })
            .collect();
        due.sort_by_key(|debt| debts[*debt].place.map(|(_, offset)| offset));
        let Some(debt) = due.first().copied() else {
            return Err("S23: queued again, but it is not due now".to_owned());
        };
        self.meet(&Due::Queue(debt))?;
        let one = &mut self.debts[debt];
        ensure!(one.phase == Some(Phase::Delayed), "C4: queued again, but it was {:?}", one.phase);
        one.phase = Some(Phase::Queued);
        one.ready = now;
        match one.place {
            Some((partition, _)) => {
                self.line_up_unseen(sub, partition);
                self.queues.entry((sub, partition)).or_default().again.push_back(debt);
            }
            None => self.enter(debt),
        }
        Ok(())
    }

    pub(super) fn given_up(
        &mut self,
        sub: SubIx,
        event: EventId,
        reason: Reason,
        attempts: u32,
        from: Phase,
        to: Option<NodeIx>,
    ) -> Verdict {
        let debts = &self.debts;
        let ends = |due: &Due| match due {
            Due::End(debt, why) if (debts[*debt].sub, debts[*debt].event, *why) == (sub, event, reason) => Some(*debt),
            _ => None,
        };
        let now = self.now;
        let foreseen = self.due.iter().filter(|(at, _)| *at == now).find_map(|(_, due)| ends(due));
        let debt = if let Some(debt) = foreseen {
            self.meet(&Due::End(debt, reason))?;
            debt
        } else if reason == Reason::MaxLength && self.rules.inboxes.contains_key(&sub) {
            self.pushed_out_of_inbox(sub, event)?
        } else {
            self.gives_up(sub, event, reason, attempts)?
        };
        let one = self.debts[debt].clone();
        ensure!(attempts == one.attempts, "S7: given up after {attempts}, but {} attempts were made", one.attempts);
        let dead = self.dead_letter_queue(&one);
        ensure!(to == dead, "S7: goes to {to:?}, but the flow says {dead:?}");
        if let Some(to) = to {
            self.expect(0, Due::DeadLeave(event));
            // A dead-letter path takes the product's millisecond.
            self.expect(1_000_000, Due::Bury(to, event));
        }
        self.saw(match (reason, to.is_some()) {
            (Reason::MaxLength, _) => "pushed out of a full queue",
            (Reason::Decode, _) => "undecodable",
            (_, true) => "dead-lettered",
            (_, false) => "dropped",
        });
        self.leaves_gap(sub, event);
        self.may_be_consumed(debt, false);
        self.settle(debt, from)
    }

    /// S16: the oldest call that waits makes room for the one that arrives next.
    fn pushed_out_of_inbox(&mut self, sub: SubIx, event: EventId) -> Result<Debt, String> {
        let node = self.rules.inboxes[&sub];
        let first = self.node(node).door.iter().find(|visit| visit.sub == sub).copied();
        let Some(first) = first.filter(|first| first.event == event) else {
            return Err(format!("S16: dropped, but {first:?} is the oldest"));
        };
        let drops = self.rules.links.values().any(|link| {
            let drops = |way: &Way| matches!(way, Way::Call(call, _) if call.queue.when_full == WhenFull::DropOldest);
            link.to == node && link.way.as_ref().is_some_and(drops)
        });
        ensure!(drops, "S16: dropped, but no caller says so");
        self.node(node).door.retain(|visit| *visit != first);
        Ok(first.debt)
    }

    /// S7: it was tried as often as allowed. What could not be handled at all keeps its own reason.
    fn gives_up(&mut self, sub: SubIx, event: EventId, reason: Reason, attempts: u32) -> Result<Debt, String> {
        let causes: &[Reason] = match reason {
            Reason::DeliveryLimit => &[Reason::Failed, Reason::Down, Reason::AckTimeout],
            Reason::Throttled => &[Reason::Throttled],
            Reason::Decode => &[Reason::Decode],
            other => return Err(format!("S7: given up for {other:?}")),
        };
        for cause in causes {
            let (most, refused, debt);
            if let Some(node) = self.rules.inboxes.get(&sub).copied() {
                let Ok(closed) = self.closed(sub, event, Some(*cause)) else { continue };
                debt = closed;
                let call = self.debts[debt].by.and_then(|link| self.rules.call(link));
                most = call.map_or(1, |(call, _)| call.deliveries);
                refused = self.rules.workers[&node].refuses();
            } else {
                let Ok(back) = self.comes_back(sub, event, *cause, Some(attempts)) else { continue };
                debt = back;
                most = self.rules.subs[&sub].most();
                refused = self.is_refused(&self.debts[debt]);
            }
            let is_final = attempts + self.debts[debt].unsent >= most || refused && *cause == Reason::Throttled;
            ensure!(is_final, "S7: given up after attempt {attempts} of {most}");
            return Ok(debt);
        }
        Err("S7: given up, but it was neither handed back nor overdue".to_owned())
    }

    pub(super) fn dead_letter_queue(&self, one: &Obligation) -> Option<NodeIx> {
        match self.rules.subs.get(&one.sub) {
            Some(rules) => {
                let member = one.held_by.and_then(|link: LinkIx| rules.member(link));
                member.or_else(|| rules.members.first()).and_then(|member| member.dead_letters)
            }
            None => one.by.and_then(|link| self.rules.call(link)).and_then(|(_, dead)| dead),
        }
    }

    /// An edit removed what it was owed to.
    pub(super) fn purged(&mut self, sub: SubIx, event: EventId, from: Phase) -> Verdict {
        let debts = &self.debts;
        let is_it = |due: &Due| match due {
            Due::Purge(debt) => {
                let one = &debts[*debt];
                ((one.sub, one.event, one.phase) == (sub, event, Some(from))).then_some(*debt)
            }
            _ => None,
        };
        let Some(debt) = self.due.iter().find_map(|(_, due)| is_it(due)) else {
            return Err("C1: purged, but whom it is owed to is there".to_owned());
        };
        self.meet(&Due::Purge(debt))?;
        self.saw("purged");
        let place = self.debts[debt].place.map(|(partition, _)| partition);
        let reads = |partition| self.rules.subs.get(&sub).is_some_and(|sub| sub.partitions.contains(&partition));
        if place.is_some_and(reads) {
            // Nobody has removed it: a seek went past it.
            self.may_be_consumed(debt, false);
        }
        self.settle(debt, from)
    }
}
