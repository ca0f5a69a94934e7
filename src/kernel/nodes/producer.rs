//! Producers: when their events come.

use std::sync::Arc;

use serde_json::Value;

use super::super::draws::Draws;
use super::super::event_list::Class;
use super::super::state::{Job, Payload, ProducerState, Slot, Tag};
use super::super::{Cx, Kernel, limits};
use crate::model::{NodeIx, Rate, RateStep, SimDuration, Spacing};
use crate::plan::{Pace, ProducerPlan, ReplayAt, Work};
use crate::trace::{Observer, What};

impl ProducerState {
    pub(in super::super) const fn new(base: u64) -> Self {
        Self { made: 0, base, step: 0, position: 0.0, is_armed: false, epoch: 0, is_held: false, is_ended: false }
    }

    /// Begins its pacing anew at an instant: what it has made so far still counts.
    pub(in super::super) const fn restart(&mut self, base: u64) {
        self.base = base;
        self.step = 0;
        self.position = 0.0;
        self.epoch += 1;
        self.is_armed = false;
        self.is_held = false;
        self.is_ended = false;
    }

    /// When its next event comes, if one does.
    fn next_due(&mut self, pace: &Pace, draws: &mut Draws, now: u64) -> Option<u64> {
        self.step += 1;
        let step = self.step;
        match pace {
            Pace::ByHand | Pace::Never => None,
            Pace::Constant(rate) => Some(self.base.saturating_add(nth(*rate, step))),
            Pace::Poisson { mean_nanos } => {
                let from = if step == 1 { self.base } else { now };
                Some(from.saturating_add((mean_nanos * draws.exponential() + 0.5) as u64))
            }
            Pace::Bursts { size, every, within } => {
                let (burst, place) = ((step - 1) / u64::from(*size), (step - 1) % u64::from(*size));
                let spread = u128::from(*within) * u128::from(place) / u128::from(*size);
                Some(self.base.saturating_add(burst.saturating_mul(*every)).saturating_add(spread as u64))
            }
            Pace::Schedule { steps, ramp, repeat, spacing } => {
                let amount = match spacing {
                    Spacing::Random => draws.exponential(),
                    Spacing::Even => 1.0,
                };
                let schedule = Schedule { steps, ramp: *ramp, repeat: *repeat };
                let position = schedule.after(self.position, amount)?;
                self.position = position;
                Some(self.base.saturating_add((position + 0.5) as u64))
            }
            Pace::Replay { log, kinds: _, pace } => {
                let row = log.rows.get((step - 1) as usize)?;
                let offset = match pace {
                    ReplayAt::Times(factor) => {
                        let scaled = u128::from(row.at.as_nanos()) * 1_000 / u128::from(factor.thousandths());
                        u64::try_from(scaled).unwrap_or(u64::MAX)
                    }
                    ReplayAt::Every(rate) => nth(*rate, step - 1),
                };
                Some(self.base.saturating_add(offset))
            }
        }
    }
}

/// When the nth event of an even rate comes, exactly: no rounding adds up.
fn nth(rate: Rate, n: u64) -> u64 {
    let nanos = u128::from(n) * u128::from(rate.unit().nanos()) * 1_000;
    u64::try_from(nanos / u128::from(rate.thousandths().max(1))).unwrap_or(u64::MAX)
}

/// A rate over time, integrated exactly: with steps it is a sum, with ramps a quadratic.
struct Schedule<'a> {
    steps: &'a [RateStep],
    ramp: bool,
    repeat: Option<SimDuration>,
}

impl Schedule<'_> {
    /// The position by which `amount` more events have come in the mean; `None` if they never do.
    fn after(&self, mut position: f64, mut amount: f64) -> Option<f64> {
        let whole = self.repeat.map(|repeat| repeat.as_nanos().max(1) as f64);
        if let Some(whole) = whole {
            let area: f64 = self.areas(whole);
            if area <= 0.0 {
                return None;
            }
            // Full rounds are stepped over at once, however little comes in one.
            let rounds = (amount / area).floor();
            position += rounds * whole;
            amount -= rounds * area;
        }
        let round = whole.map_or(0.0, |whole| (position / whole).floor());
        let mut origin = whole.map_or(0.0, |whole| round * whole);
        loop {
            let end = whole.unwrap_or(f64::INFINITY);
            let mut from = position - origin;
            for place in 0..=self.steps.len() {
                let (start, stop, low, high) = self.segment(place, end);
                if stop <= from {
                    continue;
                }
                let (a, b) = (from.max(start), stop);
                let slope = if b.is_finite() && stop > start { (high - low) / (stop - start) } else { 0.0 };
                let rate = low + slope * (a - start);
                let area = if b.is_finite() { (b - a) * (rate + slope * (b - a) / 2.0) } else { f64::INFINITY };
                if rate <= 0.0 && slope <= 0.0 {
                    if b.is_infinite() {
                        return None;
                    }
                } else if area >= amount {
                    // The stable form of the quadratic's solution.
                    let root = (rate * rate + 2.0 * slope * amount).max(0.0).sqrt();
                    let along = if rate + root > 0.0 { 2.0 * amount / (rate + root) } else { 0.0 };
                    return Some(origin + (a + along).min(b));
                } else {
                    amount -= area;
                }
                from = b;
            }
            let whole = whole?;
            origin += whole;
            position = origin;
        }
    }

    /// The stretch before the first step (its rate 0), between two steps, or after the last: start, end, rates in events a nanosecond.
    fn segment(&self, place: usize, end: f64) -> (f64, f64, f64, f64) {
        let at = |step: &RateStep| (step.at.as_nanos() as f64).min(end);
        let rate = |step: &RateStep| step.rate.per_second_f64() / 1e9;
        match place.checked_sub(1).map(|place| &self.steps[place]) {
            None => (0.0, self.steps.first().map_or(end, at), 0.0, 0.0),
            Some(step) => match self.steps.get(place) {
                Some(next) => (at(step), at(next), rate(step), if self.ramp { rate(next) } else { rate(step) }),
                None => (at(step), end, rate(step), rate(step)),
            },
        }
    }

    /// How many events come in one round in the mean.
    fn areas(&self, end: f64) -> f64 {
        let area = |place| {
            let (start, stop, low, high) = self.segment(place, end);
            (stop - start).max(0.0) * (low + high) / 2.0
        };
        (0..=self.steps.len()).map(area).sum()
    }
}

impl Kernel {
    fn producer<'a, O: Observer>(cx: &Cx<'a, O>, node: NodeIx) -> Option<&'a ProducerPlan> {
        cx.plan.nodes[node.index()].work.source()
    }

    /// Puts a producer's next event into the list, if there is one.
    pub(in super::super) fn arm_source<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Some(plan) = Self::producer(cx, node) else { return };
        let now = self.now;
        let is_still = self.faults.is_on && self.is_still(node);
        let producer = &mut self.producers[self.nodes[node.index()].extra as usize];
        if producer.is_armed || producer.is_held || producer.is_ended || self.is_draining || is_still {
            return;
        }
        let due = if producer.made >= plan.stops_after {
            None
        } else {
            producer.next_due(&plan.pacing, &mut self.rest[node.index()].arrival, now)
        };
        match due {
            Some(due) => {
                producer.is_armed = true;
                let epoch = producer.epoch;
                let job = Job { token: epoch, ..Job::timer(Tag::Source, node.0, Job::NONE) };
                self.arm(due.max(now), Class::Source, job);
            }
            None if matches!(plan.pacing, Pace::ByHand) => {}
            None => {
                producer.is_ended = true;
                cx.show(What::SourceEnded { node });
            }
        }
    }

    /// A producer's next event is due. The handle is used again for the one after.
    pub(in super::super) fn on_source<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let node = NodeIx(self.jobs[handle].node);
        let epoch = self.jobs[handle].token;
        self.jobs.remove(handle);
        if !cx.plan.is_alive(node) || self.is_draining {
            return;
        }
        let state = &self.nodes[node.index()];
        let producer = &mut self.producers[state.extra as usize];
        if producer.epoch != epoch {
            // An edit has begun its pacing anew.
            return;
        }
        producer.is_armed = false;
        if state.waiting_out > 0 {
            producer.is_held = true;
            return;
        }
        self.produce(cx, node);
        self.arm_source(cx, node);
    }

    /// A producer is no longer blocked, or goes on where it stood still: an event that was due meanwhile comes now.
    pub(in super::super) fn resume_source<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let is_blocked = self.nodes[node.index()].waiting_out > 0;
        if Self::producer(cx, node).is_none() || is_blocked || self.faults.is_on && self.is_still(node) {
            return;
        }
        let producer = &mut self.producers[self.nodes[node.index()].extra as usize];
        if std::mem::take(&mut producer.is_held) && cx.plan.is_alive(node) && !self.is_draining {
            self.produce(cx, node);
            self.arm_source(cx, node);
        }
    }

    /// A producer makes the event that is due.
    fn produce<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Some(plan) = Self::producer(cx, node) else { return };
        let producer = &mut self.producers[self.nodes[node.index()].extra as usize];
        producer.made += 1;
        let row = producer.step - 1;
        if let Pace::Replay { log, kinds, pace: _ } = &plan.pacing {
            let Some((row, kind)) = log.rows.get(row as usize).zip(kinds.get(row as usize).copied()) else { return };
            let place = producer.step - 1;
            let payload = Payload {
                key: row.key.clone(),
                data: Some(Arc::clone(&row.data)),
                row: Some((Arc::clone(log), place as u32)),
                ..Payload::default()
            };
            let key = if row.key.is_some() { Slot::TEXT_KEY } else { 0 };
            let other = plan.other_routes.iter().find(|(other, _)| *other == kind);
            let routes = other.map_or(&plan.emit.routes, |(_, routes)| routes);
            let (key, payload) = self.produced(cx, node, plan, kind, payload, key);
            self.set_forth(cx, node, kind, routes, key, payload.as_ref());
            return;
        }
        if self.carries_nothing(cx.plan, plan, plan.emit.kind) {
            self.set_forth(cx, node, plan.emit.kind, &plan.emit.routes, 0, None);
            return;
        }
        let (key, payload) = self.produced(cx, node, plan, plan.emit.kind, Payload::default(), 0);
        self.set_forth(cx, node, plan.emit.kind, &plan.emit.routes, key, payload.as_ref());
    }

    /// A hand presses the button.
    pub(in super::super) fn fire<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        count: u32,
        data: Option<&Arc<Value>>,
        key: Option<&Arc<str>>,
    ) {
        if !cx.plan.is_alive(node) {
            return;
        }
        if cx.plan.nodes[node.index()].work.source().is_some() && self.is_still(node) {
            // A button of something that is gone, or stands still, does nothing.
            return;
        }
        let given = Payload { key: key.cloned(), data: data.cloned(), ..Payload::default() };
        let given_key = if key.is_some() { Slot::TEXT_KEY } else { 0 };
        for _ in 0..count.min(limits::FIRED) {
            match &cx.plan.nodes[node.index()].work {
                Work::Producer(plan) => self.fire_source(cx, node, plan, given.clone(), given_key),
                Work::Gateway(plan) => self.fire_source(cx, node, &plan.requests, given.clone(), given_key),
                Work::Worker(plan) => {
                    let Some(kind) = plan.fire else { return };
                    let payload = (given.key.is_some() || given.data.is_some()).then(|| Arc::new(given.clone()));
                    self.call_by_hand(cx, node, kind, given_key, payload);
                }
                Work::DeadLetters { .. } | Work::None => return,
            }
        }
    }

    fn fire_source<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        plan: &ProducerPlan,
        given: Payload,
        given_key: u32,
    ) {
        let kind = plan.emit.kind;
        let (key, payload) = self.produced(cx, node, plan, kind, given, given_key);
        self.set_forth(cx, node, kind, &plan.emit.routes, key, payload.as_ref());
    }
}
