//! S36, S11: what is broken and until when, and what that does to nodes: crash and restart, pause, slowness, wrong clocks.

use eventloom::model::{EventId, FaultIx, FaultKind, FaultTag, KindTag, LinkIx, NodeIx, SimDuration, SimTime, SubIx};
use eventloom::plan::Aim;
use eventloom::trace::{Phase, Reason, Stage};

use super::coverage::Stood;
use super::ensure;
use super::naive::{Due, Naive, Verdict, Visit, take_first};
use super::rules::can_happen;
use super::travelling::Answer;

/// A fault that is on.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) on: Aim,
    pub(super) kind: FaultKind,
}

/// What a hand broke.
#[derive(Clone, Debug)]
pub(super) struct ByHand {
    pub(super) on: Aim,
    pub(super) kind: FaultKind,
    pub(super) lasts: Option<SimDuration>,
}

impl Naive {
    pub(super) fn arm_scenario(&mut self) {
        for (fault, rule) in self.rules.faults.clone() {
            self.arm(fault, rule.at);
        }
    }

    /// A fault of the scenario is to come.
    pub(super) fn arm(&mut self, fault: FaultIx, at: u64) {
        self.due.push((SimTime::from_nanos(at).max(self.now), Due::Break(fault)));
    }

    pub(super) fn hand_breaks(&mut self, by_hand: ByHand) {
        let fault = FaultIx::by_hand(self.hands.len() as u32);
        if self.rules.is_drawn(&by_hand.on) && can_happen(by_hand.kind.chance()) {
            self.expect(0, Due::Break(fault));
        }
        self.hands.push(by_hand);
    }

    pub(super) fn hand_heals(&mut self, on: &Aim) {
        self.is_over(|_, active| active.on.meets(on));
    }

    /// Faults that are on and have to end now.
    pub(super) fn is_over(&mut self, which: impl Fn(FaultIx, &Active) -> bool) {
        let over: Vec<FaultIx> =
            self.faults.iter().filter(|(ix, active)| which(**ix, active)).map(|(ix, _)| *ix).collect();
        for fault in over {
            if !self.is_due(&Due::Heal(fault)) {
                self.expect(0, Due::Heal(fault));
            }
        }
    }

    pub(super) fn began(
        &mut self,
        fault: FaultIx,
        tag: FaultTag,
        node: Option<NodeIx>,
        link: Option<LinkIx>,
    ) -> Verdict {
        self.meet(&Due::Break(fault)).map_err(|wrong| format!("S36: {wrong}"))?;
        let (on, kind, until) = if let Some(number) = fault.hand_number() {
            let ByHand { on, kind, lasts } = self.hands[number as usize].clone();
            (on, kind, lasts.map(|lasts| self.after(lasts.as_nanos())))
        } else {
            let rule = self.rules.faults[&fault].clone();
            (rule.on, rule.kind, Some(SimTime::from_nanos(rule.until)).filter(|until| *until < SimTime::MAX))
        };
        let aim = match &on {
            Aim::Node(node) => (Some(*node), None),
            Aim::Links(links) => (None, links.first().copied()),
        };
        ensure!(kind.tag() == tag && (node, link) == aim, "S36: {tag:?} of {node:?} {link:?}, the flow says {kind:?}");
        let (was_down, was_still) =
            node.map_or((false, false), |node| (self.is_down(node), self.is_down(node) || self.is_halted(node)));
        self.faults.insert(fault, Active { on, kind });
        if let Some(until) = until {
            self.due.push((until, Due::Heal(fault)));
        }
        match (kind, node) {
            (FaultKind::Crash, Some(node)) if !was_down => self.crash(fault, node),
            (FaultKind::Pause, Some(node)) if !was_still => self.halt(fault, node),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn ended(&mut self, fault: FaultIx) -> Verdict {
        self.meet(&Due::Heal(fault)).map_err(|wrong| format!("S36: {wrong}"))?;
        self.due.retain(|(_, due)| *due != Due::Heal(fault));
        let Some(Active { on, kind }) = self.faults.remove(&fault) else {
            return Err("S36: over, but it was never on".to_owned());
        };
        let Aim::Node(node) = on else { return Ok(()) };
        let paused = |active: &Active| active.kind == FaultKind::Pause && active.on == Aim::Node(node);
        if kind == FaultKind::Pause && self.rules.nodes.contains_key(&node) && !self.faults.values().any(paused) {
            self.unhalt(node);
        }
        Ok(())
    }

    /// The crash that a node is gone by.
    pub(super) fn downed_by(&self, node: NodeIx) -> Option<FaultIx> {
        let is_it = |active: &Active| active.kind == FaultKind::Crash && active.on == Aim::Node(node);
        self.faults.iter().find(|(_, active)| is_it(active)).map(|(ix, _)| *ix)
    }

    pub(super) fn is_down(&self, node: NodeIx) -> bool {
        self.downed_by(node).is_some()
    }

    pub(super) fn is_halted(&self, node: NodeIx) -> bool {
        self.halted.contains_key(&node)
    }

    // ---- pause --------------------------------------------------------------------------------------------------------

    fn halt(&mut self, fault: FaultIx, node: NodeIx) {
        self.halted.insert(node, self.now);
        let mut held: Vec<Option<usize>> = Vec::new();
        if let Some(state) = self.nodes.get(&node) {
            held.extend(state.visits().map(|visit| Some(visit.debt)));
        }
        for (sub, open) in &self.open {
            if self.rules.buses.get(sub) == Some(&node) {
                held.extend(open.iter().map(|debt| Some(*debt)));
            }
        }
        let comes = |due: &Due| match due {
            Due::Arrive(_, _, Some(topic)) => self.rules.topics[topic].bus == node,
            Due::Arrive(link, _, None) => self.rules.link(*link).to == node,
            _ => false,
        };
        held.extend(self.due.iter().filter(|(_, due)| comes(due)).map(|_| None));
        for debt in held {
            self.note(fault, debt).expect("a fault that is on");
        }
    }

    /// A node goes on where it stood still: what it was about has as long to go as it had then.
    pub(super) fn unhalt(&mut self, node: NodeIx) {
        let Some(since) = self.halted.remove(&node) else { return };
        let stood = self.now.since(since);
        for (at, due) in &mut self.due {
            let is_its_own = match due {
                Due::Begin(visit) => visit.node == node,
                Due::CallLost(link, _) | Due::Resend(link, _) => self.rules.link(*link).from == node,
                _ => false,
            };
            if is_its_own {
                *at = *at + stood;
            }
        }
        for handling in &mut self.nodes.entry(node).or_default().running {
            handling.stood += stood.as_nanos();
        }
        self.what_came_is_here(node);
    }

    /// What came to a bus while it stood still is there now.
    fn what_came_is_here(&mut self, bus: NodeIx) {
        let now = self.now;
        for (at, due) in &mut self.due {
            if matches!(due, Due::Arrive(_, _, Some(topic)) if self.rules.topics[topic].bus == bus) {
                *at = (*at).max(now);
            }
        }
        for answer in &mut self.answers {
            if self.rules.buses[&answer.visit.sub] == bus {
                answer.at = answer.at.max(now);
            }
        }
    }

    // ---- crash --------------------------------------------------------------------------------------------------------

    /// A node is gone: it loses exactly what it has in memory.
    fn crash(&mut self, fault: FaultIx, node: NodeIx) {
        self.halted.remove(&node);
        if self.rules.nodes[&node] == KindTag::Bus {
            self.what_came_is_here(node);
            return;
        }
        let now = self.now;
        let mut lost: Vec<(Visit, Stage, u64)> = Vec::new();
        let state = self.node(node);
        // A call that waits is owed by the inbox until it is let in: that is told before it is lost.
        lost.extend(state.door.extract_if(.., |visit| !visit.is_call).map(|visit| (visit, Stage::Waiting, 0)));
        lost.extend(state.starting.drain(..).map(|visit| (visit, Stage::Waiting, 0)));
        for handling in state.running.drain(..) {
            lost.push((handling.visit, Stage::Handling, now.since(handling.since).as_nanos()));
        }
        state.idle.clear();
        let had_instances = state.instances > 0;
        if had_instances {
            self.expect(0, Due::LoseInstances(node));
        }
        self.due.retain(|(_, due)| match due {
            Due::Begin(visit) | Due::NewInstance(visit) if visit.node == node => false,
            Due::Receive(visit) if visit.node == node && !visit.is_call => {
                lost.push((*visit, Stage::OnWire, 0));
                false
            }
            _ => true,
        });
        // What has come to a bus that stands still is there.
        let by_hand = fault.hand_number().is_some();
        let (halted, buses) = (&self.halted, &self.rules.buses);
        let is_there =
            |at: SimTime, sub: SubIx| halted.contains_key(&buses[&sub]) && (at < now || by_hand && at == now);
        lost.extend(
            self.answers
                .extract_if(.., |answer| answer.visit.node == node && !is_there(answer.at, answer.visit.sub))
                .map(|answer| (answer.visit, Stage::Answering, 0)),
        );
        for (visit, stage, service) in lost {
            self.expect(0, Due::Lose(visit, stage, service));
        }
        self.caller_crashes(node);
        self.what_waited_is_lost(node);
        self.unheld.retain(|(_, visit)| visit.node != node);
        let links = &self.rules.links;
        self.held.retain(|(_, link), _| links[link].to != node);
        self.connections_break(|_, member| member == node);
    }

    /// What a node had emitted and waited with before full queues was in its memory.
    fn what_waited_is_lost(&mut self, node: NodeIx) {
        let mut lost = Vec::new();
        for door in self.doors.values_mut() {
            lost.extend(door.iter().filter(|waiter| waiter.node == node).map(|waiter| (waiter.link, waiter.event)));
            door.retain(|waiter| waiter.node != node);
        }
        self.node(node).blocked -= lost.len();
        for (link, event) in lost {
            self.expect(0, Due::LoseBlocked(link, event));
        }
    }

    /// S11: buses take back what members have in their hands that are gone.
    pub(super) fn connections_break(&mut self, is_gone: impl Fn(LinkIx, NodeIx) -> bool) {
        let mut back = Vec::new();
        for (ix, sub) in &self.rules.subs {
            for debt in self.open.get(ix).into_iter().flatten() {
                let one = &self.debts[*debt];
                let Some((place, link)) = one.place.zip(one.held_by) else { continue };
                if one.phase == Some(Phase::InFlight) && is_gone(link, self.rules.link(link).to) {
                    let member = sub.members.iter().position(|member| member.link == link);
                    let partition = sub.partitions.iter().position(|own| *own == place.0);
                    back.push((*ix, member, partition, place.1, *debt));
                }
            }
        }
        back.sort_unstable();
        for (.., debt) in back {
            self.expect(0, Due::TakeBack(debt));
        }
    }

    pub(super) fn lost_in_crash(
        &mut self,
        fault: FaultIx,
        node: NodeIx,
        (sub, event, attempt): (SubIx, EventId, u32),
        stage: Stage,
        service: u64,
        lost: bool,
    ) -> Verdict {
        ensure!(self.downed_by(node) == Some(fault), "S36: {node:?} is not gone by {fault:?}");
        let now = self.now;
        let fits = |(at, due): &(SimTime, Due)| match due {
            Due::Lose(visit, at_stage, handled) => {
                let is_it = visit.node == node && visit.is(sub, event, attempt);
                *at == now && is_it && (*at_stage, *handled) == (stage, service)
            }
            _ => false,
        };
        let Some((_, Due::Lose(visit, ..))) = take_first(&mut self.due, fits) else {
            return Err(format!("S36: lost in the crash {stage:?}, but it was not there"));
        };
        ensure!(lost == (visit.is_settled && !visit.is_call), "S1: lost is {lost}");
        self.saw(match (stage, visit.is_call) {
            (_, true) => "call lost in a crash",
            (Stage::OnWire, _) => "lost in a crash on the wire",
            (Stage::Waiting, _) => "lost in a crash at the door",
            (Stage::Handling, _) => "lost in a crash while handled",
            (Stage::Answering, _) => "lost in a crash when answered",
        });
        self.note(fault, Some(visit.debt))?;
        if visit.is_call {
            self.expect(0, Due::Close(visit.debt, Some(Reason::Down)));
        }
        Ok(())
    }

    pub(super) fn turned_away(&mut self, fault: FaultIx, node: NodeIx, event: EventId) -> Verdict {
        ensure!(self.downed_by(node) == Some(fault), "S36: {node:?} is not gone by {fault:?}");
        self.saw("turned away");
        self.note(fault, None)?;
        self.turned_away = Some((node, event));
        Ok(())
    }

    /// An answer comes to a bus that is gone.
    pub(super) fn answer_lost_at_bus(&mut self, fault: FaultIx, link: LinkIx, event: EventId) -> Verdict {
        let now = self.now;
        let arrives = |answer: &Answer| (answer.at, answer.visit.link, answer.visit.event) == (now, Some(link), event);
        let Some(answer) = take_first(&mut self.answers, arrives) else {
            return Err("S36: an answer is lost that does not arrive now".to_owned());
        };
        let bus = self.rules.buses[&answer.visit.sub];
        ensure!(self.downed_by(bus) == Some(fault), "S36: {bus:?} is not gone by {fault:?}");
        self.saw("answer to a bus that is gone");
        self.note(fault, Some(answer.visit.debt))?;
        self.answer_never_comes(answer.visit);
        Ok(())
    }

    // ---- slow, and wrong clocks ---------------------------------------------------------------------------------------

    pub(super) fn slowed(&mut self, fault: FaultIx, node: NodeIx, event: EventId, by: u64) -> Verdict {
        let is_it = |due: &Due| match due {
            Due::Slow(one, visit) if (*one, visit.node, visit.event) == (fault, node, event) => Some(*visit),
            _ => None,
        };
        let Some(visit) = self.meet_first(is_it) else { return Err("S36: slowed, but no such fault is on".to_owned()) };
        let FaultKind::Slow { by: factor } = self.faults[&fault].kind else {
            return Err("S36: it is not about slowness".to_owned());
        };
        let handling = self.node(node).running.iter_mut().rev().find(|handling| handling.visit == visit);
        handling.expect("it was begun just now").slow.push((factor.thousandths(), by));
        self.saw("slowed");
        self.note(fault, Some(visit.debt))
    }

    pub(super) fn skewed(&mut self, fault: FaultIx, node: NodeIx, event: EventId, time: SimTime) -> Verdict {
        self.meet(&Due::Skew(fault, event)).map_err(|wrong| format!("S36: {wrong}"))?;
        ensure!(event.origin() == node, "S36: another node's clock");
        let FaultKind::ClockSkew { by, behind } = self.faults[&fault].kind else {
            return Err("S36: it is not about clocks".to_owned());
        };
        let one = self.event(event)?;
        let (right, by) = (one.clock.unwrap_or(one.born).as_nanos(), by.as_nanos());
        let wrong = if behind { right.saturating_sub(by) } else { right.saturating_add(by) };
        ensure!(time.as_nanos() == wrong, "S36: the clock says {time}, not {wrong} ns");
        self.events.get_mut(&event).expect("just seen").clock = Some(time);
        self.saw("skewed");
        self.note(fault, None)
    }

    /// Faults of a node that say something of what it does, in the order in which they are asked.
    pub(super) fn faults_of(&self, node: NodeIx, tag: FaultTag) -> Vec<FaultIx> {
        let is_it = |active: &Active| active.kind.tag() == tag && active.on == Aim::Node(node);
        self.faults.iter().filter(|(_, active)| is_it(active)).map(|(ix, _)| *ix).collect()
    }

    /// Where what a fault strikes stood, for the table of what was covered.
    pub(super) fn note(&mut self, fault: FaultIx, debt: Option<usize>) -> Verdict {
        let Some(active) = self.faults.get(&fault) else { return Err(format!("S36: {fault:?} is not on")) };
        let stood = debt.map_or(Stood::OnWire, |debt| Stood::of(self.debts[debt].phase));
        self.cells.note(active.kind.tag(), stood);
        Ok(())
    }
}
