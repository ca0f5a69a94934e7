//! Circuit breakers, rate limits and gateways, recounted from the records alone: what each must be by what it was told.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{
    Breaker, EventId, Flow, LinkIx, LinkKind, NodeIx, NodeKind, RateLimit, SimDuration, SimTime, SubIx,
};
use eventloom::plan::Plan;
use eventloom::trace::{Circuit, NoReply, Reason};

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}

/// Whose a breaker is: a subscription's, or the calls' of one link into an inbox.
pub(crate) type Whose = (SubIx, Option<LinkIx>);

/// A circuit breaker by its history: nothing is kept but outcomes, and when it opened.
#[derive(Clone, Debug, Default)]
struct Model {
    settings: Breaker,
    circuit: Circuit,
    /// Whether each outcome since it was closed was a failure.
    outcomes: Vec<bool>,
    opened_at: SimTime,
    /// Half-open: what went through, and the successes among it.
    issued: u32,
    probes: Vec<EventId>,
    succeeded: u32,
    /// What the last outcome must turn it into.
    expected: Option<Circuit>,
    /// A fault brought one of its calls twice: which of the two was the probe, records do not tell.
    is_blurred: bool,
}

impl Model {
    /// What it is by all it was told since it was closed.
    fn is_tripped(&self) -> bool {
        let Breaker { failures, ratio, window, .. } = self.settings;
        let row = self.outcomes.iter().rev().take_while(|failed| **failed).count();
        let latest = self.outcomes.iter().rev().take(window as usize);
        let share = latest.clone().filter(|failed| **failed).count() as f64 / f64::from(window);
        let is_full = latest.count() == window as usize;
        let by_share = ratio.is_some_and(|ratio| is_full && share >= ratio.as_f64() - 1e-12);
        self.outcomes.last() == Some(&true) && (failures.is_some_and(|failures| row >= failures as usize) || by_share)
    }
}

#[derive(Clone, Debug)]
struct Request {
    since: SimTime,
    deadline: SimTime,
    is_forgotten: bool,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guards {
    breakers: BTreeMap<Whose, Model>,
    /// Those that an edit or a crash took away: one more record says so.
    gone: BTreeSet<Whose>,
    /// Where calls leave, and whose inbox they go to.
    calls: BTreeMap<LinkIx, (NodeIx, SubIx)>,
    rates: BTreeMap<SubIx, RateLimit>,
    /// By when the last hand-over of a subscription is paid for, in nanoseconds, and what it was before.
    paid: BTreeMap<SubIx, (u64, u64)>,
    handed: BTreeMap<SubIx, u64>,
    /// Handed over just now: the next record says whether it had no token.
    just_handed: Option<(SubIx, SimTime)>,
    /// Records that found no token: what comes of them is no outcome.
    limited: BTreeSet<(SubIx, EventId)>,
    /// Copies that a fault makes of a call: they follow at once.
    copies: BTreeMap<(LinkIx, EventId), u32>,
    lost_calls: BTreeMap<(LinkIx, EventId), u32>,
    deadlines: BTreeMap<NodeIx, SimDuration>,
    requests: BTreeMap<EventId, Request>,
    ended: BTreeMap<EventId, &'static str>,
    orphans: u64,
}

impl Guards {
    pub(crate) fn follow(&mut self, flow: &Flow, plan: &Plan) {
        let mut drawn = BTreeMap::new();
        self.rates.clear();
        self.calls.clear();
        for sub in (0..plan.sub_count()).map(|ix| SubIx(ix as u32)).filter(|sub| plan.is_sub_alive(*sub)) {
            if plan.is_inbox(sub) {
                continue;
            }
            let mut members: Vec<_> = plan.sub_members(sub).map(|(_, link)| plan.link_id(link)).collect();
            members.sort();
            let settings = members.first().and_then(|link| flow.link(link)).and_then(|link| link.subscription());
            let Some(settings) = settings else { continue };
            drawn.extend(settings.breaker.as_deref().map(|breaker| ((sub, None), *breaker)));
            self.rates.extend(settings.rate.as_deref().map(|rate| (sub, *rate)));
        }
        for (id, link) in flow.links() {
            let (LinkKind::Call(call), Some(ix)) = (&link.kind, plan.link_ix(id)) else { continue };
            let (from, to) = plan.link_ends(ix);
            let inboxes = (0..plan.sub_count()).map(|ix| SubIx(ix as u32));
            let inbox = inboxes.rev().find(|sub| plan.is_inbox(*sub) && plan.sub_node(*sub) == to);
            let Some(inbox) = inbox else { continue };
            self.calls.insert(ix, (from, inbox));
            drawn.extend(call.breaker.as_deref().map(|breaker| ((inbox, Some(ix)), *breaker)));
        }
        for (whose, model) in std::mem::take(&mut self.breakers) {
            if drawn.contains_key(&whose) {
                self.breakers.insert(whose, model);
            } else if model.circuit != Circuit::Closed {
                self.gone.insert(whose);
            }
        }
        for (whose, settings) in drawn {
            self.breakers.entry(whose).or_default().settings = settings;
        }
        let rates = &self.rates;
        self.paid.retain(|sub, _| rates.contains_key(sub));
        self.handed.retain(|sub, _| rates.contains_key(sub));
        self.deadlines.clear();
        for (id, node) in flow.nodes() {
            if let (NodeKind::Gateway(gateway), Some(ix)) = (&node.kind, plan.node_ix(id)) {
                self.deadlines.insert(ix, gateway.deadline);
            }
        }
    }

    // ---- rate limits ----------------------------------------------------------------------------------------------

    /// S24: a record leaves its queue.
    pub(crate) fn handed(&mut self, sub: SubIx, event: EventId, now: SimTime) -> Verdict {
        if self.rates.contains_key(&sub) {
            let gap = self.rates[&sub].rate.mean_gap().map_or(u64::MAX, SimDuration::as_nanos);
            let (paid, _) = self.paid.get(&sub).copied().unwrap_or_default();
            self.paid.insert(sub, (paid.max(now.as_nanos()).saturating_add(gap), paid));
            *self.handed.entry(sub).or_default() += 1;
            self.just_handed = Some((sub, now));
        }
        let Some(model) = self.breakers.get_mut(&(sub, None)) else { return Ok(()) };
        ensure!(model.circuit != Circuit::Open, "S26: handed over while its circuit breaker is open");
        if model.circuit == Circuit::HalfOpen {
            model.issued += 1;
            model.probes.push(event);
            let (issued, most) = (model.issued, model.settings.probes);
            // One that finds no token is taken back at once; see `limited`.
            ensure!(issued <= most || self.rates.contains_key(&sub), "S26: {issued} probes of at most {most}");
        }
        Ok(())
    }

    /// S24: what was handed over just now had a token, unless the next record calls it limited.
    pub(crate) fn settle(&mut self, is_limited: bool) -> Verdict {
        let Some((sub, now)) = self.just_handed.take().filter(|_| !is_limited) else { return Ok(()) };
        let (Some(rate), Some((paid, _))) = (self.rates.get(&sub), self.paid.get(&sub)) else { return Ok(()) };
        let gap = rate.rate.mean_gap().map_or(u64::MAX, SimDuration::as_nanos);
        let most = gap.saturating_mul(u64::from(rate.burst.max(1)));
        let ahead = paid.saturating_sub(now.as_nanos());
        ensure!(ahead <= most, "S24: handed over {} ns before its token", ahead - most);
        Ok(())
    }

    pub(crate) fn limited(&mut self, sub: SubIx, event: EventId, now: SimTime) -> Verdict {
        let Some(rate) = self.rates.get(&sub) else { return Err("S24: limited without a rate".to_owned()) };
        let gap = rate.rate.mean_gap().map_or(u64::MAX, SimDuration::as_nanos);
        let slack = gap.saturating_mul(u64::from(rate.burst.max(1)) - 1);
        let (_, before) = self.paid[&sub];
        ensure!(before > now.as_nanos().saturating_add(slack), "S24: limited, but it had a token");
        self.paid.insert(sub, (before, before));
        self.limited.insert((sub, event));
        if let Some(model) = self.breakers.get_mut(&(sub, None))
            && model.circuit == Circuit::HalfOpen
        {
            model.issued -= 1;
            model.probes.retain(|probe| *probe != event);
        }
        Ok(())
    }

    // ---- circuit breakers -----------------------------------------------------------------------------------------

    /// What a subscription or a call came to. `from_queue`: it never came to its receiver.
    pub(crate) fn outcome(&mut self, sub: SubIx, link: Option<LinkIx>, event: EventId, failed: bool, now: SimTime) {
        if failed && self.limited.remove(&(sub, event)) {
            return;
        }
        let Some(model) = self.breakers.get_mut(&(sub, link)) else { return };
        let probe = model.probes.iter().position(|probe| *probe == event);
        if let Some(place) = probe {
            model.probes.remove(place);
        }
        match model.circuit {
            Circuit::Open => {}
            Circuit::Closed => {
                model.outcomes.push(failed);
                if model.is_tripped() {
                    model.expected = Some(Circuit::Open);
                }
            }
            Circuit::HalfOpen if probe.is_none() => {}
            Circuit::HalfOpen if failed => model.expected = Some(Circuit::Open),
            Circuit::HalfOpen => {
                model.succeeded += 1;
                if model.succeeded >= model.settings.probes {
                    model.expected = Some(Circuit::Closed);
                }
            }
        }
        if model.expected == Some(Circuit::Open) {
            model.opened_at = now;
        }
    }

    /// What a probe was will never be known.
    pub(crate) fn no_outcome(&mut self, sub: SubIx, link: Option<LinkIx>, event: EventId) {
        let Some(model) = self.breakers.get_mut(&(sub, link)) else { return };
        if model.circuit == Circuit::HalfOpen
            && let Some(place) = model.probes.iter().position(|probe| *probe == event)
        {
            model.probes.remove(place);
            model.issued -= 1;
        }
    }

    pub(crate) fn turned(&mut self, sub: SubIx, link: Option<LinkIx>, circuit: Circuit, now: SimTime) -> Verdict {
        let whose = (sub, link);
        if circuit == Circuit::Closed && self.gone.remove(&whose) {
            return Ok(());
        }
        let Some(model) = self.breakers.get_mut(&whose) else { return Err("S26: there is no such breaker".to_owned()) };
        if circuit == Circuit::HalfOpen {
            let due = model.opened_at + model.settings.reset;
            ensure!(model.circuit == Circuit::Open || model.is_blurred, "S26: half-open after {:?}", model.circuit);
            ensure!(now == due || model.is_blurred, "S26: half-open at {now}, not at {due}");
        } else {
            let (expected, outcomes) = (model.expected, &model.outcomes);
            ensure!(
                expected == Some(circuit) || model.is_blurred,
                "S26: it turned {circuit:?}, but its history says {expected:?}: {outcomes:?}"
            );
        }
        let opened_at = if circuit == Circuit::Open { now } else { model.opened_at };
        *model =
            Model { settings: model.settings, circuit, opened_at, is_blurred: model.is_blurred, ..Model::default() };
        Ok(())
    }

    /// A call leaves its caller, or leaves the wait for its next attempt.
    pub(crate) fn called(&mut self, link: LinkIx, event: EventId) -> Verdict {
        if let Some(copies) = self.copies.get_mut(&(link, event)).filter(|copies| **copies > 0) {
            *copies -= 1;
            return Ok(());
        }
        let Some((_, inbox)) = self.calls.get(&link) else { return Ok(()) };
        let Some(model) = self.breakers.get_mut(&(*inbox, Some(link))) else { return Ok(()) };
        if model.is_blurred {
            return Ok(());
        }
        ensure!(model.circuit != Circuit::Open, "S26: called while its circuit breaker is open");
        if model.circuit == Circuit::HalfOpen {
            model.issued += 1;
            model.probes.push(event);
            let (issued, most) = (model.issued, model.settings.probes);
            ensure!(issued <= most, "S26: {issued} probes of at most {most}");
        }
        Ok(())
    }

    pub(crate) fn call_doubled(&mut self, link: LinkIx, event: EventId) {
        *self.copies.entry((link, event)).or_default() += 1;
        if let Some((_, inbox)) = self.calls.get(&link)
            && let Some(model) = self.breakers.get_mut(&(*inbox, Some(link)))
        {
            model.is_blurred = true;
        }
    }

    pub(crate) fn call_lost(&mut self, link: LinkIx, event: EventId) {
        *self.lost_calls.entry((link, event)).or_default() += 1;
    }

    pub(crate) fn call_refused(&mut self, link: LinkIx, event: EventId, now: SimTime) {
        if let Some((_, inbox)) = self.calls.get(&link).copied() {
            self.outcome(inbox, Some(link), event, true, now);
        }
    }

    /// S36, S26: a call that never came to its callee was lost, or its breaker was not closed.
    pub(crate) fn call_failed(&mut self, link: LinkIx, event: EventId, reason: Reason, now: SimTime) -> Verdict {
        match reason {
            Reason::Unreachable => {
                let lost = self.lost_calls.get_mut(&(link, event)).filter(|lost| **lost > 0);
                let Some(lost) = lost else { return Err("S36: unreachable, but no link lost it".to_owned()) };
                *lost -= 1;
                self.call_refused(link, event, now);
            }
            Reason::CircuitOpen => {
                let model = self.calls.get(&link).and_then(|(_, inbox)| self.breakers.get(&(*inbox, Some(link))));
                let is_closed = model.is_some_and(|model| model.circuit == Circuit::Closed && !model.is_blurred);
                ensure!(!is_closed, "S26: it failed fast, but its breaker is closed");
            }
            _ => {}
        }
        Ok(())
    }

    /// A caller crashes: what its breakers knew is gone. A gateway crashes: it knows its requests no more.
    pub(crate) fn crashed(&mut self, node: NodeIx) {
        for ((sub, link), model) in &mut self.breakers {
            if link.is_some_and(|link| self.calls.get(&link).is_some_and(|(from, _)| *from == node)) {
                if model.circuit != Circuit::Closed {
                    self.gone.insert((*sub, *link));
                }
                *model = Model { settings: model.settings, is_blurred: model.is_blurred, ..Model::default() };
            }
        }
        for (_, request) in self.requests.iter_mut().filter(|(event, _)| event.origin() == node) {
            request.is_forgotten = true;
        }
    }

    // ---- gateways -------------------------------------------------------------------------------------------------

    pub(crate) fn requested(&mut self, node: NodeIx, event: EventId, deadline: SimTime, now: SimTime) -> Verdict {
        ensure!(event.origin() == node, "S21: a request of another's");
        let awaited = self.deadlines.get(&node).copied().unwrap_or_default();
        ensure!(deadline == now + awaited, "S21: it waits until {deadline}, not for {awaited}");
        let request = Request { since: now, deadline, is_forgotten: false };
        ensure!(self.requests.insert(event, request).is_none(), "S21: one id, two requests");
        Ok(())
    }

    pub(crate) fn replied(&mut self, event: EventId, round_trip: SimDuration, now: SimTime) -> Verdict {
        let Some(request) = self.requests.remove(&event) else {
            return Err(format!("S21: answered, but it has ended: {:?}", self.ended.get(&event)));
        };
        ensure!(!request.is_forgotten, "S21: answered to a gateway that has forgotten it");
        ensure!(now <= request.deadline, "S21: answered after its deadline");
        ensure!(now == request.since + round_trip, "S21: it took {round_trip}, since {}", request.since);
        self.ended.insert(event, "replied");
        Ok(())
    }

    /// `is_owed`: some subscription was owed the request.
    pub(crate) fn unanswered(&mut self, event: EventId, why: NoReply, is_owed: bool, now: SimTime) -> Verdict {
        let Some(request) = self.requests.remove(&event) else {
            return Err(format!("S21: ended {why:?}, but it has ended: {:?}", self.ended.get(&event)));
        };
        match why {
            NoReply::TimedOut => ensure!(now == request.deadline, "S21: timed out before {}", request.deadline),
            NoReply::NoResponders => ensure!(!is_owed, "S21: nobody listens, but somebody is owed it"),
            NoReply::Purged => {}
        }
        self.ended.insert(event, why.name());
        Ok(())
    }

    pub(crate) fn orphaned(&mut self, request: Option<EventId>) -> Verdict {
        self.orphans += 1;
        let waits = request.and_then(|request| self.requests.get(&request)).is_some_and(|one| !one.is_forgotten);
        ensure!(!waits, "S21: called an orphan, but its request waits");
        Ok(())
    }

    /// How many requests of a gateway wait.
    pub(crate) fn pending(&self, node: NodeIx) -> u64 {
        self.requests.keys().filter(|event| event.origin() == node).count() as u64
    }

    /// How each request ended.
    pub(crate) fn ended(&self, how: &str) -> usize {
        self.ended.values().filter(|ended| **ended == how).count()
    }

    pub(crate) const fn orphans(&self) -> u64 {
        self.orphans
    }

    /// Between steps: every turn that an outcome asked for has come.
    pub(crate) fn end_of_step(&self, now: SimTime) -> Verdict {
        for (whose, model) in &self.breakers {
            let expected = model.expected;
            ensure!(expected.is_none() || model.is_blurred, "S26: {whose:?} must have turned {expected:?}");
        }
        for (event, request) in &self.requests {
            ensure!(now <= request.deadline, "S21: {event:?} waits after its deadline");
        }
        Ok(())
    }
}
