//! What nodes do with what stands at their door: S24 how many at once and how fast, S25 instances of functions, and what a
//! handling emits.

use eventloom::model::{
    Distribution, EventId, EventTypeIx, FaultTag, LinkIx, NodeIx, OverLimit, Pick, SimDuration, SimTime, SubIx,
};
use eventloom::trace::{Reason, Stage};

use super::ensure;
use super::naive::{Due, Naive, Verdict, Visit, handling, take_first};
use super::rules::{can_take, is_certain};

/// The window in which only so many instances may be created: ten seconds, half open.
const SCALE_OUT_WINDOW: u64 = 10_000_000_000;

/// Something in a node's hands.
#[derive(Clone, Debug)]
pub(super) struct Handling {
    pub(super) visit: Visit,
    pub(super) since: SimTime,
    /// How long its node has stood still meanwhile.
    pub(super) stood: u64,
    /// How long it takes by what the flow said when it began; none for what no handler is for.
    pub(super) takes: Option<Distribution>,
    /// How slow its node was, in thousandths, and how much longer that took it.
    pub(super) slow: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// First in, first out.
    pub(super) door: Vec<Visit>,
    /// Let in, and not begun yet.
    pub(super) starting: Vec<Visit>,
    pub(super) running: Vec<Handling>,
    /// Its own publishes and calls that wait before full queues.
    pub(super) blocked: usize,
    /// By when all tokens that it took are paid for, in nanoseconds.
    pub(super) paid: u64,
    pub(super) instances: usize,
    /// Since when each idle instance is, the longest first.
    pub(super) idle: Vec<SimTime>,
    /// When instances were created for an event that waited.
    pub(super) created: Vec<SimTime>,
}

impl Node {
    /// All that is at or in it.
    pub(super) fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.door.iter().chain(&self.starting).chain(self.running.iter().map(|one| &one.visit))
    }
}

/// How a handling ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Handled,
    /// Its effect was there already.
    Known,
    /// Why, and whether that loses it.
    Failed(Reason, bool),
}

/// Whether a node can begin with the first at its door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Yes,
    /// It waits.
    Later,
    /// It goes back to where it came from.
    Back,
    /// The node is gone, and it with it.
    Gone,
}

impl Naive {
    pub(super) fn room(&self, ix: NodeIx) -> Room {
        if self.is_down(ix) {
            return Room::Gone;
        }
        if self.is_halted(ix) {
            return Room::Later;
        }
        let Some(worker) = self.rules.workers.get(&ix) else { return Room::Later };
        let nothing = Node::default();
        let node = self.nodes.get(&ix).unwrap_or(&nothing);
        let or_back = |over: OverLimit| if over == OverLimit::Queue { Room::Later } else { Room::Back };
        let by_function = worker.function.as_ref().map_or(Room::Later, |function| or_back(function.over));
        if node.running.len() + node.starting.len() + node.blocked >= worker.concurrency {
            return by_function;
        }
        if let Some(rate) = &worker.rate {
            let ahead = gap(rate.rate).saturating_mul(u64::from(rate.burst.max(1)) - 1);
            if node.paid > self.after(ahead).as_nanos() {
                return or_back(rate.over);
            }
        }
        if let Some(function) = &worker.function
            && node.idle.is_empty()
        {
            let is_young = |at: &&SimTime| at.as_nanos() + SCALE_OUT_WINDOW > self.now.as_nanos();
            let recent = node.created.iter().filter(is_young).count();
            if node.instances >= worker.concurrency || recent >= function.scale_out {
                return by_function;
            }
        }
        Room::Yes
    }

    /// A node lets the first at its door in: that takes a token, and an instance.
    pub(super) fn lets_in(&mut self, visit: Visit) {
        let worker = &self.rules.workers[&visit.node];
        let (rate, is_function) = (worker.rate, worker.function.is_some());
        let now = self.now.as_nanos();
        let node = self.node(visit.node);
        if let Some(rate) = rate {
            node.paid = node.paid.max(now).saturating_add(gap(rate.rate));
        }
        node.starting.push(visit);
        // The one used last is warmest.
        if is_function && node.idle.pop().is_none() {
            self.expect(0, Due::NewInstance(visit));
        } else {
            self.expect(0, Due::Begin(visit));
        }
    }

    /// What is first at the door, if it is this.
    fn first_at_door(&self, node: NodeIx, fits: impl Fn(&Visit) -> bool) -> Result<Visit, String> {
        let first = self.nodes.get(&node).and_then(|node| node.door.first()).copied();
        let Some(first) = first.filter(|first| fits(first)) else {
            return Err(format!("S8: at the door of {node:?} the first is {first:?}"));
        };
        ensure!(!first.is_call, "a call begins without having left its inbox");
        Ok(first)
    }

    pub(super) fn received(
        &mut self,
        node: NodeIx,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        link: Option<LinkIx>,
    ) -> Verdict {
        let is_it = |due: &Due| match due {
            Due::Receive(visit) if visit.is(sub, event, attempt) && (visit.node, visit.link) == (node, link) => {
                Some(*visit)
            }
            _ => None,
        };
        let Some(visit) = self.meet_first(is_it) else { return Err("received, but nothing arrives now".to_owned()) };
        if visit.is_call {
            return Ok(());
        }
        if self.is_down(node) {
            self.give_back(visit);
            self.expect(0, Due::Lose(visit, Stage::Waiting, 0));
        } else {
            self.node(node).door.push(visit);
        }
        Ok(())
    }

    pub(super) fn started(&mut self, node: NodeIx, sub: SubIx, event: EventId, attempt: u32, wait: u64) -> Verdict {
        let begins = |due: &Due| match due {
            Due::Begin(visit) if visit.node == node && visit.is(sub, event, attempt) => Some(*visit),
            _ => None,
        };
        let visit = if let Some(visit) = self.meet_first(begins) {
            visit
        } else {
            let visit = self.first_at_door(node, |first| first.is(sub, event, attempt))?;
            let room = self.room(node);
            ensure!(room == Room::Yes, "S24: begun by {node:?}, which can do so {room:?}");
            self.node(node).door.remove(0);
            self.lets_in(visit);
            self.meet(&Due::Begin(visit)).map_err(|wrong| format!("S25: begun without an instance: {wrong}"))?;
            visit
        };
        take_first(&mut self.node(node).starting, |one| *one == visit).expect("it was let in");
        let waited = self.now.as_nanos().saturating_sub(visit.ready.as_nanos());
        ensure!(wait == waited, "waited {waited} ns, not {wait}");
        let kind = self.event(event)?.kind;
        let (takes, now) = (self.rules.handler(node, kind).map(|handler| handler.takes), self.now);
        if self.has_had_effect(&visit) {
            // A look at the memory is all that it takes.
            self.node(node).running.push(handling(visit, now));
            return Ok(());
        }
        self.node(node).running.push(Handling { takes, ..handling(visit, now) });
        for fault in self.faults_of(node, FaultTag::Slow) {
            self.expect(0, Due::Slow(fault, visit));
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of a record")]
    pub(super) fn failed(
        &mut self,
        node: NodeIx,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        service: u64,
        reason: Reason,
        lost: bool,
    ) -> Verdict {
        self.finished(node, sub, event, attempt, service, End::Failed(reason, lost))?;
        self.saw(if lost { "lost in its handler" } else { "failed" });
        Ok(())
    }

    pub(super) fn finished(
        &mut self,
        node: NodeIx,
        sub: SubIx,
        event: EventId,
        attempt: u32,
        service: u64,
        end: End,
    ) -> Verdict {
        let (failure, lost) = match end {
            End::Handled | End::Known => (None, None),
            End::Failed(reason, lost) => (Some(reason), Some(lost)),
        };
        let place = self.which_ends(node, (sub, event, attempt), service, lost)?;
        ensure!(!self.is_halted(node) && !self.is_down(node), "S36: finished by a node that stands still");
        let handled = self.node(node).running.remove(place);
        let visit = handled.visit;
        // What a handling emits comes right before its end.
        let is_own = |(by, cause, _): &mut (NodeIx, EventId, EventTypeIx)| (*by, *cause) == (node, event);
        let emitted: Vec<EventTypeIx> = self.bred.extract_if(.., is_own).map(|(_, _, kind)| kind).collect();
        let muted = self.muted.take();
        let kind = self.event(event)?.kind;
        let emits = self.rules.handler(node, kind).is_some_and(|handler| !handler.emits.is_empty());
        let is_mute = end == End::Handled && visit.is_replay && self.is_mute(sub) && emits;
        ensure!(muted == is_mute.then_some((node, sub, event)), "S12: muted is {muted:?}, but it should be {is_mute}");
        let is_known = self.has_had_effect(&visit);
        ensure!(is_known == (end == End::Known), "S3: its effect is there: {is_known}, but it ends {end:?}");
        if is_known || is_mute {
            let is_silent = self.is_of_earlier(node, event, &emitted);
            ensure!(is_silent, "S3, S12: its effect was there, or is muted, and it emits");
        } else {
            self.emitted_as_it_should(node, event, &emitted, failure)?;
        }
        if end == End::Handled {
            self.has_effect(&visit);
        }
        self.handled.insert((node, event));
        self.release_instance(node);
        self.answered(visit, failure);
        Ok(())
    }

    /// The handling that ends. One event that was published twice may be in a node's hands twice.
    fn which_ends(
        &mut self,
        node: NodeIx,
        (sub, event, attempt): (SubIx, EventId, u32),
        service: u64,
        lost: Option<bool>,
    ) -> Result<usize, String> {
        let now = self.now;
        let fits = |one: &Handling| one.visit.is(sub, event, attempt) && now.since(one.since).as_nanos() == service;
        // S1: what was settled at hand-over is lost in its handler.
        let is_lost = |one: &Handling| one.visit.is_settled && !one.visit.is_call;
        let fits = |one: &Handling| fits(one) && lost.is_none_or(|lost| lost == is_lost(one));
        let running = self.node(node).running.iter().enumerate().filter(|(_, one)| fits(one));
        let (ended, wrong): (Vec<_>, Vec<_>) =
            running.map(|(place, one)| Self::took(one, service).map(|()| place)).partition(Result::is_ok);
        match (ended.len(), wrong.into_iter().next()) {
            (0, Some(wrong)) => wrong,
            (0, None) => Err(format!("finished after {service} ns, but not begun then")),
            (1, _) => ended.into_iter().next().expect("there is one"),
            (several, _) => self.decide(several).and_then(|choice| ended.into_iter().nth(choice).expect("one of them")),
        }
    }

    /// Whether a handling can have taken so long.
    fn took(handled: &Handling, service: u64) -> Verdict {
        let Handling { stood, takes, slow, .. } = handled;
        let longer: u64 = stood + slow.iter().map(|(_, by)| by).sum::<u64>();
        let Some(drawn) = service.checked_sub(longer) else {
            return Err(format!("S36: it took {service} ns, but {longer} ns more than it should"));
        };
        match takes {
            None => ensure!(drawn == 0, "no handler, but it took {service} ns"),
            Some(takes) => ensure!(can_take(takes, drawn), "{drawn} ns is none of {takes:?}"),
        }
        let mut so_far = drawn;
        for (factor, by) in slow {
            let slowed = u128::from(so_far) * u128::from(*factor) / 1_000;
            ensure!(
                slowed == u128::from(so_far) + u128::from(*by),
                "S36: {factor} thousandths of {so_far} are not {by} more"
            );
            so_far += by;
        }
        Ok(())
    }

    /// When a handling has to be over, if the flow says so.
    fn over_at(one: &Handling) -> Option<SimTime> {
        let longer: u64 = one.stood + one.slow.iter().map(|(_, by)| by).sum::<u64>();
        match one.takes {
            Some(Distribution::Fixed(takes)) => Some(one.since + takes + SimDuration::from_nanos(longer)),
            Some(_) => None,
            None => Some(one.since + SimDuration::from_nanos(longer)),
        }
    }

    fn emitted_as_it_should(
        &self,
        node: NodeIx,
        event: EventId,
        emitted: &[EventTypeIx],
        failure: Option<Reason>,
    ) -> Verdict {
        let kind = self.event(event)?.kind;
        let Some(handler) = self.rules.handler(node, kind) else {
            ensure!(failure.is_none(), "no handler, but it failed");
            return Ok(());
        };
        match failure {
            None => {
                ensure!(!is_certain(handler.fails), "handled, but it always fails");
                for emit in &handler.emits {
                    let certain = is_certain(emit.chance) && emit.when.is_none() && emit.after.is_none();
                    let is_it = |kind: &&EventTypeIx| self.rules.event_names[kind] == emit.event.as_str();
                    let count = emitted.iter().filter(is_it).count();
                    let missing = certain && handler.pick == Pick::Each && count < emit.count as usize;
                    ensure!(!missing, "{count} of {} {} emitted", emit.count, emit.event);
                }
            }
            Some(Reason::Failed) => {
                ensure!(handler.fails.billionths() > 0, "failed, but it never does");
                ensure!(self.is_of_earlier(node, event, emitted), "failed, but something was emitted");
            }
            Some(Reason::Decode) => {}
            Some(other) => return Err(format!("failed with {other:?}")),
        }
        Ok(())
    }

    /// Whether what a handling seems to emit is of an earlier one of the same, and comes at this very moment.
    fn is_of_earlier(&self, node: NodeIx, event: EventId, emitted: &[EventTypeIx]) -> bool {
        let handler = self.events.get(&event).and_then(|event| self.rules.handler(node, event.kind));
        let may_be_late = |kind: &EventTypeIx| {
            let name = &self.rules.event_names[kind];
            let mut emits = handler.into_iter().flat_map(|handler| &handler.emits);
            emits.any(|emit| emit.event.as_str() == name && emit.after.is_some())
        };
        emitted.is_empty() || self.handled.contains(&(node, event)) && emitted.iter().all(may_be_late)
    }

    /// A node has done with something: it answers.
    fn answered(&mut self, visit: Visit, failure: Option<Reason>) {
        match visit.link {
            _ if visit.is_call => self.expect(0, Due::Close(visit.debt, failure)),
            // What was settled at hand-over has nothing to answer for: that there is room again is known at once.
            _ if visit.is_settled => self.give_back(visit),
            Some(link) => self.answers(visit, link, failure),
            None => unreachable!("what is delivered comes by a link"),
        }
    }

    pub(super) fn throttled(&mut self, node: NodeIx, sub: SubIx, event: EventId, attempt: u32) -> Verdict {
        self.saw("throttled");
        let is_it = |due: &Due| match due {
            Due::Throttle(visit) if visit.node == node && visit.is(sub, event, attempt) => Some(*visit),
            _ => None,
        };
        let visit = if let Some(visit) = self.meet_first(is_it) {
            visit
        } else {
            let _ = self.first_at_door(node, |first| first.is(sub, event, attempt))?;
            let room = self.room(node);
            ensure!(room == Room::Back, "S24: handed back by {node:?}, which can begin {room:?}");
            self.node(node).door.remove(0)
        };
        self.answered(visit, Some(Reason::Throttled));
        Ok(())
    }

    // ---- instances ------------------------------------------------------------------------------------------------------

    pub(super) fn instance_started(&mut self, ix: NodeIx, cold: bool, ready: SimTime, instances: u32) -> Verdict {
        let Some(function) = self.rules.workers.get(&ix).and_then(|worker| worker.function.clone()) else {
            return Err("S25: an instance of what is no function".to_owned());
        };
        let now = self.now;
        if cold {
            let waits = |due: &Due| match due {
                Due::NewInstance(visit) if visit.node == ix => Some(*visit),
                _ => None,
            };
            let visit = if let Some(visit) = self.meet_first(waits) {
                visit
            } else {
                let visit = self.first_at_door(ix, |_| true)?;
                let room = self.room(ix);
                ensure!(room == Room::Yes, "S25: a new instance, but {ix:?} can begin {room:?}");
                self.node(ix).door.remove(0);
                self.lets_in(visit);
                let new = self.meet(&Due::NewInstance(visit));
                new.map_err(|wrong| format!("S25: a new instance, but there is an idle one: {wrong}"))?;
                visit
            };
            let takes = ready.since(now).as_nanos();
            ensure!(can_take(&function.cold_start, takes), "S25: ready after {takes} ns");
            self.due.push((ready, Due::Begin(visit)));
            self.node(ix).created.push(now);
            self.saw("cold start");
        } else {
            let node = self.node(ix);
            ensure!(node.instances < function.provisioned, "S25: more than {} are always there", function.provisioned);
            ensure!(ready == now, "S25: it is there, but ready only at {ready}");
            node.idle.push(now);
            self.saw("provisioned");
        }
        let node = self.node(ix);
        node.instances += 1;
        ensure!(node.instances == instances as usize, "S25: {instances} instances, not {}", node.instances);
        Ok(())
    }

    fn release_instance(&mut self, ix: NodeIx) {
        let Some(worker) = self.rules.workers.get(&ix).filter(|worker| worker.function.is_some()) else { return };
        let (most, now) = (worker.concurrency, self.now);
        let node = self.node(ix);
        if node.instances > most {
            // An edit allows fewer than there are.
            self.expect(0, Due::Reclaim(ix));
        } else {
            node.idle.push(now);
        }
    }

    pub(super) fn instance_reclaimed(&mut self, ix: NodeIx, instances: u32) -> Verdict {
        if self.meet(&Due::LoseInstances(ix)).is_ok() {
            self.node(ix).instances = 0;
            ensure!(instances == 0, "S36: {instances} instances are left of what is gone");
            return Ok(());
        }
        let over = self.meet(&Due::Reclaim(ix)).is_ok();
        let Some(function) = self.rules.workers.get(&ix).and_then(|worker| worker.function.clone()) else {
            return Err("S25: an instance of what is no function".to_owned());
        };
        let now = self.now;
        let node = self.node(ix);
        if !over {
            let since = node.idle.first().copied();
            let is_old =
                since.is_some_and(|since| since.as_nanos().saturating_add(function.keep_warm) <= now.as_nanos());
            ensure!(is_old, "S25: reclaimed, but idle since {since:?}");
            ensure!(node.instances > function.provisioned, "S25: {} are always there", function.provisioned);
            node.idle.remove(0);
        }
        node.instances -= 1;
        ensure!(node.instances == instances as usize, "S25: {instances} instances, not {}", node.instances);
        self.saw("reclaimed");
        Ok(())
    }

    /// S25: those that are always there are, and none is idle for too long; and nothing is handled longer than it takes.
    pub(super) fn instances_are_as_they_should(&self) -> Verdict {
        for (ix, worker) in &self.rules.workers {
            let nothing = Node::default();
            let node = self.nodes.get(ix).unwrap_or(&nothing);
            if let Some(one) = node.running.iter().find(|one| Self::over_at(one).is_some_and(|at| at <= self.now)) {
                ensure!(self.is_halted(*ix), "it should have come to its end: {one:?}");
            }
            let Some(function) = &worker.function else { continue };
            let least = if self.is_down(*ix) { 0 } else { function.provisioned };
            ensure!(node.instances >= least, "S25: {} instances of {least} that are always there", node.instances);
            let Some(since) = node.idle.first() else { continue };
            let is_old = since.as_nanos().saturating_add(function.keep_warm) <= self.now.as_nanos();
            ensure!(!(is_old && node.instances > function.provisioned), "S25: an instance is idle since {since}");
        }
        Ok(())
    }
}

/// From one token to the next.
fn gap(rate: eventloom::model::Rate) -> u64 {
    rate.mean_gap().map_or(u64::MAX, SimDuration::as_nanos)
}
