//! The way out of a queue: hand-over, handling, answers, and how an obligation ends.

use eventloom::model::{EventId, EventTypeIx, Guarantee, LinkIx, NodeIx, Pick, SimTime, SubIx, WhenFull};
use eventloom::trace::{Phase, Reason, Staleness};

use super::ensure;
use super::naive::{Answer, Due, Handling, Naive, Obligation, Partition, Verdict, Visit};
use super::rules::{Way, can_take, can_wait};

impl Naive {
    pub(super) fn delivered(&mut self, sub: SubIx, event: EventId, node: NodeIx, attempt: u32) -> Verdict {
        ensure!(self.handing.is_none(), "delivered, while another is being handed over");
        self.saw(if attempt == 1 { "delivered" } else { "delivered again" });
        let ack_wait = self.rules.subs.get(&sub).map(|sub| sub.settings.ack_wait.as_nanos());
        let at_most_once = self.rules.subs.get(&sub).is_some_and(|sub| sub.settings.guarantee == Guarantee::AtMostOnce);
        let deadline = ack_wait.map_or(SimTime::MAX, |wait| self.after(wait));
        let one = self.obligation(sub, event)?;
        ensure!(one.phase == Some(Phase::Queued), "C4: delivered, but it was {:?}", one.phase);
        ensure!(attempt == one.attempts + 1, "C2: attempt {attempt} after {}", one.attempts);
        one.attempts = attempt;
        one.phase = Some(Phase::InFlight);
        one.deadline = deadline;
        let Some((partition, offset)) = one.place else {
            let front = self.node(node).door.iter().position(|visit| visit.sub == sub && visit.event == event);
            let plain = self.rules.workers[&node].is_plain();
            let Some(place) = front else { return Err("delivered, but not at the door".to_owned()) };
            ensure!(!plain || place == 0, "S8: overtaken at the door");
            let visit = self.node(node).door.remove(place).expect("just found");
            self.node(node).admitted.push(visit);
            self.expect(0, Due::Receive(sub, event, attempt));
            if plain {
                self.expect(0, Due::Begin(sub, event, attempt));
            }
            return Ok(());
        };
        ensure!(!self.is_beyond(partition, offset), "S13: delivered, but evicted before");
        let rules = &self.rules.subs[&sub];
        let most = if at_most_once { 1 } else { rules.settings.deliveries };
        ensure!(attempt <= most, "S7: attempt {attempt} of at most {most}");
        let in_flight = self.count(sub, &[Phase::InFlight]);
        let cap = u64::from(rules.settings.max_in_flight);
        ensure!(in_flight <= cap, "S6: {in_flight} in flight of at most {cap}");
        if rules.owns_partitions() {
            let owner = self.owners.get(&(sub, partition));
            ensure!(owner == Some(&node), "S10: delivered to {node:?}, but owned by {owner:?}");
        }
        let queue = self.queues.entry((sub, partition)).or_default();
        let first = if queue.again.is_empty() { queue.fresh.pop_front() } else { queue.again.pop_front() };
        ensure!(first == Some(event), "S8: {first:?} is the first of its partition");
        self.due.retain(|(_, due)| *due != Due::Deliver(sub, event));
        if at_most_once {
            self.expect(0, Due::AutoAck(sub, event));
        }
        self.handing = Some((sub, event, node, attempt));
        Ok(())
    }

    pub(super) fn is_beyond(&self, partition: Partition, offset: u64) -> bool {
        let keep = self.rules.topics[&partition.0].keep_records;
        // The append that is under way evicts when it has been handed on.
        keep.is_some_and(|keep| offset + keep + 1 < self.logs[&partition].len() as u64)
    }

    pub(super) fn received(&mut self, node: NodeIx, visit: Visit) -> Verdict {
        self.meet(&Due::Receive(visit.sub, visit.event, visit.attempt))?;
        if self.rules.subs.contains_key(&visit.sub) {
            self.node(node).door.push_back(visit);
        }
        Ok(())
    }

    pub(super) fn started(&mut self, node: NodeIx, sub: SubIx, event: EventId, attempt: u32, wait: u64) -> Verdict {
        let worker = &self.rules.workers[&node];
        let (plain, concurrency, is_function) = (worker.is_plain(), worker.concurrency, worker.function.is_some());
        let fits = |visit: &Visit| (visit.sub, visit.event, visit.attempt) == (sub, event, attempt);
        let is_call = self.rules.inboxes.contains_key(&sub);
        let state = self.nodes.entry(node).or_default();
        let visit = if let Some(place) = state.admitted.iter().position(fits) {
            state.admitted.remove(place)
        } else {
            let place = state.door.iter().position(fits);
            ensure!(place.is_some_and(|place| place == 0 || is_function), "S8: begun, but at the door it is {place:?}");
            state.door.remove(place.unwrap_or_default()).expect("just found")
        };
        // An instance that was getting ready is let begin, whatever was blocked meanwhile.
        let blocked = if is_function { 0 } else { state.blocked };
        ensure!(state.running.len() + blocked < concurrency, "S24: more than {concurrency} at once");
        state.running.push(Handling { visit, since: self.now });
        if plain && is_call {
            self.meet(&Due::Begin(sub, event, attempt))?;
        }
        let delay = if is_call { 0 } else { visit.link.map_or(0, |link| self.rules.link(link).delay) };
        let one = &self.obligations[&(sub, event)];
        // A record that came back in the meantime is ready anew; the wait of the earlier attempt is not known any more.
        if one.attempts == attempt && one.phase == Some(Phase::InFlight) {
            let waited = self.now.as_nanos() - one.ready.as_nanos() - delay;
            ensure!(wait == waited, "waited {waited} ns, not {wait}");
        }
        Ok(())
    }

    pub(super) fn finished(
        &mut self,
        node: NodeIx,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        service: u64,
        failure: Option<Reason>,
    ) -> Verdict {
        let kind = self.event(event)?.kind;
        let fits = |one: &Handling| (one.visit.sub, one.visit.event, one.visit.attempt) == (sub, event, attempt);
        let Some(place) = self.node(node).running.iter().position(fits) else {
            return Err("finished, but never begun".to_owned());
        };
        let Handling { visit, since } = self.node(node).running.remove(place);
        ensure!(service == self.now.as_nanos() - since.as_nanos(), "begun at {since}, but it took {service} ns");
        // What a handling emits comes right before its end.
        let is_own = |(by, cause, _): &mut (NodeIx, EventId, EventTypeIx)| (*by, *cause) == (node, event);
        let emitted: Vec<EventTypeIx> = self.bred.extract_if(.., is_own).map(|(_, _, kind)| kind).collect();
        let handler = self.rules.handler(node, kind);
        match handler {
            None => ensure!(service == 0 && failure.is_none(), "no handler, but it took {service} ns"),
            Some(handler) => {
                ensure!(can_take(&handler.takes, service), "{service} ns is none of {:?}", handler.takes);
                match failure {
                    None => {
                        let always = handler.fails.billionths() == 1_000_000_000;
                        ensure!(!always, "handled, but it always fails");
                        for emit in &handler.emits {
                            let certain = emit.chance.billionths() == 1_000_000_000;
                            let certain = certain && emit.when.is_none() && emit.after.is_none();
                            let count = emitted
                                .iter()
                                .filter(|kind| self.rules.event_names[kind] == emit.event.as_str())
                                .count();
                            let missing = certain && handler.pick == Pick::Each && count < emit.count as usize;
                            ensure!(!missing, "{count} of {} {} emitted", emit.count, emit.event);
                        }
                    }
                    Some(Reason::Failed) => {
                        ensure!(handler.fails.billionths() > 0, "failed, but it never does");
                        // Something of an earlier handling of the same may come at this very moment.
                        let may_be_late = |kind: &EventTypeIx| {
                            let name = &self.rules.event_names[kind];
                            handler.emits.iter().any(|emit| emit.event.as_str() == name && emit.after.is_some())
                        };
                        let late = self.handled.contains(&(node, event)) && emitted.iter().all(may_be_late);
                        ensure!(emitted.is_empty() || late, "failed, but something was emitted");
                    }
                    Some(Reason::Decode) => {}
                    Some(other) => return Err(format!("failed with {other:?}")),
                }
            }
        }
        self.handled.insert((node, event));
        self.answered(visit, failure)
    }

    /// A node has done with something: it answers.
    pub(super) fn answered(&mut self, visit: Visit, failure: Option<Reason>) -> Verdict {
        let Visit { sub, event, attempt, link } = visit;
        let Some(rules) = self.rules.subs.get(&sub) else {
            self.expect(0, Due::Close(sub, event, failure));
            return Ok(());
        };
        let Some(link) = link else { return Err("a record without a link".to_owned()) };
        if rules.settings.guarantee == Guarantee::AtMostOnce {
            self.give_back(link);
            return Ok(());
        }
        let at = self.after(self.rules.link(link).delay);
        self.answers.push(Answer { at, sub, event, link, attempt, nack: failure });
        Ok(())
    }

    pub(super) fn give_back(&mut self, link: LinkIx) {
        *self.held.get_mut(&link).expect("held by this member") -= 1;
    }

    pub(super) fn throttled(&mut self, node: NodeIx, sub: SubIx, event: EventId, attempt: u32) -> Verdict {
        ensure!(self.rules.workers[&node].throttles(), "S24: throttled by a node that lets wait");
        self.saw("throttled");
        let fits = |visit: &Visit| (visit.sub, visit.event, visit.attempt) == (sub, event, attempt);
        let state = self.node(node);
        let visit = if let Some(place) = state.admitted.iter().position(fits) {
            state.admitted.remove(place)
        } else {
            let place = state.door.iter().position(fits).ok_or("throttled, but not at the door")?;
            state.door.remove(place).expect("just found")
        };
        self.answered(visit, Some(Reason::Throttled))
    }

    /// Takes an answer that arrives now.
    pub(super) fn answer(&mut self, sub: SubIx, event: EventId, fits: impl Fn(&Answer) -> bool) -> Option<Answer> {
        let now = self.now;
        let arrives = |answer: &Answer| answer.at == now && answer.sub == sub && answer.event == event;
        let place = self.answers.iter().position(|answer| arrives(answer) && fits(answer))?;
        let answer = self.answers.remove(place);
        self.give_back(answer.link);
        Some(answer)
    }

    pub(super) fn acked(&mut self, sub: SubIx, event: EventId, node: NodeIx, auto: bool, from: Phase) -> Verdict {
        if auto {
            self.saw("acked at hand-over");
            self.meet(&Due::AutoAck(sub, event))?;
        } else if self.rules.inboxes.contains_key(&sub) {
            self.saw("call answered");
            self.meet(&Due::Close(sub, event, None))?;
        } else {
            let link_to: Vec<LinkIx> =
                self.rules.subs[&sub].members.iter().filter(|one| one.node == node).map(|one| one.link).collect();
            let answer = self.answer(sub, event, |answer| answer.nack.is_none() && link_to.contains(&answer.link));
            ensure!(answer.is_some(), "S5: acked, but no ack arrives now");
            self.saw(match from {
                Phase::InFlight => "acked",
                Phase::Delayed => "acked while delayed",
                Phase::Queued => "acked while queued again",
            });
        }
        self.settle(sub, event, from)
    }

    pub(super) fn stale(&mut self, sub: SubIx, event: EventId, node: NodeIx, why: Staleness) -> Verdict {
        let one = self.obligation(sub, event)?.clone();
        let fits = |answer: &Answer| match why {
            Staleness::Settled => one.phase.is_none(),
            Staleness::EarlierAttempt => {
                answer.nack.is_some()
                    && one.phase.is_some()
                    && (answer.attempt != one.attempts || one.phase != Some(Phase::InFlight))
            }
            Staleness::OldGeneration => false,
        };
        let links = self.rules.links.clone();
        let answer = self.answer(sub, event, |answer| links[&answer.link].to == node && fits(answer));
        ensure!(answer.is_some(), "S5: called stale ({why:?}), but no such answer arrives now");
        self.saw(if why == Staleness::Settled { "answered too late" } else { "nack of an earlier attempt" });
        Ok(())
    }

    /// A record in flight comes back unhandled: because an answer says so, or none came. Which attempt's settings decide.
    pub(super) fn came_back(&mut self, sub: SubIx, event: EventId, reason: Reason) -> Result<(), String> {
        let one = self.obligation(sub, event)?.clone();
        ensure!(one.phase == Some(Phase::InFlight), "C4: it came back, but it was {:?}", one.phase);
        let nack = |answer: &Answer| answer.nack == Some(reason) && answer.attempt == one.attempts;
        if reason != Reason::AckTimeout && self.answer(sub, event, nack).is_some() {
            return Ok(());
        }
        let answered = self.answers.iter().any(|answer| {
            (answer.sub, answer.event, answer.at, answer.attempt) == (sub, event, self.now, one.attempts)
        });
        ensure!(
            one.deadline == self.now && !answered,
            "S5: it came back, but no answer says so and its ack is awaited until {}",
            one.deadline
        );
        Ok(())
    }

    pub(super) fn retrying(
        &mut self,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        reason: Reason,
        due: SimTime,
    ) -> Verdict {
        let is_call = self.rules.inboxes.contains_key(&sub);
        let attempts = self.obligation(sub, event)?.attempts;
        ensure!(attempt == attempts, "attempt {attempt}, but {attempts} were made");
        let (backoff, most, refused) = if is_call {
            self.meet(&Due::Close(sub, event, Some(reason)))?;
            let Some(link) = self.obligation(sub, event)?.by else {
                return Err("S7: by hand it is called once".to_owned());
            };
            let node = self.rules.inboxes[&sub];
            let (call, _) = self.rules.call(link).expect("a call's link");
            (call.backoff, call.deliveries, self.rules.workers[&node].refuses())
        } else {
            self.came_back(sub, event, reason)?;
            let settings = &self.rules.subs[&sub].settings;
            let node = self.obligations[&(sub, event)].held_by.map(|link| self.rules.link(link).to);
            let refused = node.is_some_and(|node| self.rules.workers[&node].refuses());
            (settings.backoff, settings.deliveries, refused)
        };
        ensure!(attempt < most, "S7: tried again after attempt {attempt} of {most}");
        ensure!(!(refused && reason == Reason::Throttled), "S24: refused for good, but tried again");
        if let Some((partition, offset)) = self.obligations[&(sub, event)].place {
            // Two timers of one instant come in the order in which they were set.
            let oldest = self.rules.topics[&partition.0].keep.map(|keep| self.now.as_nanos().saturating_sub(keep));
            let at = self.logs[&partition][offset as usize].as_nanos();
            let is_tie = oldest == Some(at) && !self.is_beyond(partition, offset);
            ensure!(is_tie || !self.is_evicted(partition, offset), "S13: tried again, but evicted");
        }
        let wait = due.as_nanos() - self.now.as_nanos();
        let fits = if reason == Reason::AckTimeout { wait == 0 } else { can_wait(&backoff, attempt, wait) };
        ensure!(fits, "S23: after attempt {attempt} it waits {wait} ns, which is none of {backoff:?}");
        let one = self.obligation(sub, event)?;
        one.phase = Some(Phase::Delayed);
        one.due = due;
        self.due.push((due, Due::Queue(sub, event)));
        self.saw(match reason {
            Reason::AckTimeout => "ack overdue",
            Reason::Throttled => "tried again, throttled",
            Reason::Decode => "tried again, broken",
            _ => "tried again",
        });
        Ok(())
    }

    pub(super) fn queued(&mut self, sub: SubIx, event: EventId) -> Verdict {
        self.meet(&Due::Queue(sub, event))?;
        let now = self.now;
        let one = self.obligation(sub, event)?;
        ensure!(one.phase == Some(Phase::Delayed), "C4: queued again, but it was {:?}", one.phase);
        one.phase = Some(Phase::Queued);
        one.ready = now;
        match one.place {
            Some((partition, _)) => self.queues.entry((sub, partition)).or_default().again.push_back(event),
            None => self.enter(sub, event),
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
        let one = self.obligation(sub, event)?.clone();
        ensure!(attempts == one.attempts, "S7: given up after {attempts}, but {} attempts were made", one.attempts);
        let is_call = self.rules.inboxes.contains_key(&sub);
        let is_final =
            |most: u32, refused: bool, cause: Reason| attempts >= most || refused && cause == Reason::Throttled;
        if self.is_due(&Due::End(sub, event, reason)) {
            self.meet(&Due::End(sub, event, reason))?;
        } else if is_call && reason == Reason::MaxLength {
            // The oldest call that waits makes room for the one that arrives next.
            let node = self.rules.inboxes[&sub];
            let first = self.node(node).door.iter().find(|visit| visit.sub == sub).copied();
            ensure!(first.is_some_and(|first| first.event == event), "S16: dropped, but {first:?} is the oldest");
            let drops = self.rules.links.values().any(|link| {
                link.to == node
                    && matches!(&link.way, Some(Way::Call(call, _)) if call.queue.when_full == WhenFull::DropOldest)
            });
            ensure!(drops, "S16: dropped, but no caller says so");
            self.node(node).door.retain(|visit| (visit.sub, visit.event) != (sub, event));
        } else {
            // What could not be handled at all keeps its own reason; the rest was tried as often as allowed.
            let causes: &[Reason] = match reason {
                Reason::DeliveryLimit => &[Reason::Failed, Reason::AckTimeout],
                Reason::Throttled => &[Reason::Throttled],
                Reason::Decode => &[Reason::Decode],
                other => return Err(format!("S7: given up for {other:?}")),
            };
            let mut met = false;
            for cause in causes {
                let (most, refused);
                if is_call {
                    let node = self.rules.inboxes[&sub];
                    most = one.by.and_then(|link| self.rules.call(link)).map_or(1, |(call, _)| call.deliveries);
                    refused = self.rules.workers[&node].refuses();
                    met = self.meet(&Due::Close(sub, event, Some(*cause))).is_ok();
                } else {
                    most = self.rules.subs[&sub].settings.deliveries;
                    refused = one.held_by.is_some_and(|link| self.rules.workers[&self.rules.link(link).to].refuses());
                    met = self.came_back(sub, event, *cause).is_ok();
                }
                if met {
                    ensure!(is_final(most, refused, *cause), "S7: given up after attempt {attempts} of {most}");
                    break;
                }
            }
            ensure!(met, "S7: given up, but it was neither handed back nor overdue");
        }
        let dead = self.dead_letter_queue(sub, &one);
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
        self.settle(sub, event, from)
    }

    pub(super) fn dead_letter_queue(&self, sub: SubIx, one: &Obligation) -> Option<NodeIx> {
        match self.rules.subs.get(&sub) {
            Some(rules) => {
                let member = one.held_by.and_then(|link| rules.member(link));
                member.or_else(|| rules.members.first()).and_then(|member| member.dead_letters)
            }
            None => one.by.and_then(|link| self.rules.call(link)).and_then(|(_, dead)| dead),
        }
    }

    pub(super) fn evicted(&mut self, sub: SubIx, event: EventId, from: Phase) -> Verdict {
        let one = self.obligation(sub, event)?.clone();
        let Some((partition, offset)) = one.place else { return Err("a call is in no log".to_owned()) };
        ensure!(self.is_evicted(partition, offset), "S13: evicted, but the log still keeps it");
        if from == Phase::InFlight {
            let by = [Reason::Failed, Reason::Throttled, Reason::Decode, Reason::AckTimeout];
            let came_back = by.into_iter().any(|reason| self.came_back(sub, event, reason).is_ok());
            ensure!(came_back, "S13: evicted from the hands of its member");
        }
        self.saw("evicted");
        self.settle(sub, event, from)
    }
}
