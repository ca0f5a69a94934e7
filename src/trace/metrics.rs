//! The figures of a report, folded from the records while a run goes on.

use std::collections::BTreeMap;

use super::calls::{BreakerFigures, CallFigures, GatewayFigures};
use super::histogram::Histogram;
use super::kept::KeptFigures;
use super::ledger::{Ledger, LedgerCounts};
use super::observer::{Observer, Passage};
use super::record::{Record, What};
use super::shape::{Shape, SubShape};
use super::ways::{Leg, Phase, Stage};
use crate::model::{KindTag, LinkIx, NodeIx, SimDuration, SimTime, SubIx};

/// The figures of a run: by node, by link, the ledger, publishes.
#[derive(Clone, Debug)]
pub struct Metrics {
    nodes: Vec<NodeCell>,
    rare: Vec<RareCell>,
    /// Histograms of each node, beside the counters that every record touches.
    spreads: Vec<Spreads>,
    /// Queues that several members share; those of one member are counted at its node.
    shared: Vec<QueueCell>,
    links: Vec<LinkFigures>,
    subs: Vec<SubCell>,
    /// What else became of obligations, by subscription.
    ends: Vec<LedgerCounts>,
    /// Only functions have these; by node.
    functions: Vec<(NodeIx, FunctionFigures)>,
    /// Only stream processors have these; by node.
    streams: Vec<(NodeIx, StreamFigures)>,
    /// Only those that keep something have these.
    kept: BTreeMap<NodeIx, KeptFigures>,
    publishes: Publishes,
    /// Figures of gateways and circuit breakers.
    calls: CallFigures,
    shape: Shape,
    records: u64,
    lost_in_handler: u64,
    begun: SimTime,
    now: SimTime,
}

/// What became of publish attempts: law C3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Publishes {
    /// Sent towards a bus.
    pub attempts: u64,
    /// Taken into a log.
    pub accepted: u64,
    /// Refused.
    pub rejected: u64,
    /// Known already, and not stored again.
    pub deduped: u64,
    /// Lost on a link, by a fault.
    pub link_lost: u64,
    /// Neither, as far as anybody knows: the answer of an outside broker was lost.
    pub unknown: u64,
}

impl Publishes {
    /// Without an outcome so far: on the wire, or waiting before a full queue.
    pub const fn on_wire(&self) -> u64 {
        self.attempts - self.accepted - self.rejected - self.deduped - self.link_lost - self.unknown
    }
}

/// The figures of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkFigures {
    /// Events that left along it.
    pub sent: u64,
    /// Events that arrived.
    pub arrived: u64,
    /// Events that were lost on the way, by a fault.
    pub lost: u64,
    /// Events that a fault brought once more: they are among those that left.
    pub duplicated: u64,
}

/// The figures of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionFigures {
    /// Instances that an event had to wait for.
    pub cold_starts: u64,
    /// Instances there are.
    pub instances: u32,
    /// The most there were at once.
    pub instances_max: u32,
    /// What it cost before its price was changed by an edit, in billionths of a dollar.
    paid: u128,
    /// Handlings and their time that are in `paid`.
    paid_count: u64,
    paid_nanos: u128,
}

/// The figures of a stream processor: what came to its windows or joins is the sum of the first three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamFigures {
    /// Events that it took in in time.
    pub on_time: u64,
    /// Events that it took in although the watermark had passed them by.
    pub late_taken: u64,
    /// Events that were too late.
    pub late: u64,
    /// Windows as often as they came out, and pairs.
    pub results: u64,
}

/// The figures of a node, as a report has them. What does not apply to its kind is zero.
#[derive(Clone, Debug)]
pub struct NodeFigures<'a> {
    /// Attempts that arrived; for a dead-letter queue, letters.
    pub received: u64,
    /// Attempts that succeeded; for a bus, publishes that it accepted.
    pub handled: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Attempts that arrived and were not the first.
    pub retried: u64,
    /// Events that it emitted.
    pub emitted: u64,
    /// Attempts that were handed back because nothing was free.
    pub throttled: u64,
    /// Attempts of events whose effect was there already.
    pub recognised: u64,
    /// Publishes to it that it had stored already.
    pub deduped: u64,
    /// Events waiting in front of it, now.
    pub queue: u64,
    /// The longest that its queue was for any time.
    pub queue_max: u64,
    /// The mean length of its queue, weighted by time.
    pub queue_mean: f64,
    /// Events being handled, now.
    pub busy: u32,
    /// Share of its capacity that was in use.
    pub utilization: f64,
    /// Time in its queue.
    pub wait: &'a Histogram,
    /// Time being handled.
    pub service: &'a Histogram,
    /// From the root cause to the end of its handling here.
    pub end_to_end: &'a Histogram,
    /// A function's own figures.
    pub function: Option<FunctionFigures>,
    /// A stream processor's own figures.
    pub stream: Option<StreamFigures>,
    /// A function's cost in billionths of a dollar.
    pub cost_nanodollars: u128,
}

/// A node's work: but for what it does now, counters that only grow, so that two of them tell what happened between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Attempts that arrived.
    pub received: u64,
    /// Attempts that succeeded; for a bus, publishes that it accepted.
    pub handled: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Events that it emitted.
    pub emitted: u64,
    /// Events being handled, now.
    pub busy: u32,
    /// Attempts that were begun.
    pub waits: u64,
    /// How long those had waited together.
    pub waited_nanos: u64,
    /// How long it worked, each of its hands counted.
    pub busy_nanos: u64,
}

/// A queue over time.
#[derive(Clone, Copy, Debug, Default)]
struct QueueCell {
    /// When it changed last.
    last: u64,
    /// Length times time so far.
    area: u128,
    length: u32,
    /// The greatest length that lasted.
    max: u32,
}

impl QueueCell {
    /// Accounts for the time up to now at the present length. What lasts no time was never there.
    #[inline]
    fn tick(&mut self, now: u64) {
        let lasted = now - self.last;
        if lasted > 0 {
            self.area += u128::from(self.length) * u128::from(lasted);
            self.max = self.max.max(self.length);
            self.last = now;
        }
    }

    #[inline]
    fn add(&mut self, now: u64) {
        self.tick(now);
        self.length += 1;
    }

    #[inline]
    fn remove(&mut self, now: u64) {
        self.tick(now);
        self.length = self.length.saturating_sub(1);
    }

    fn area_until(&self, now: u64) -> u128 {
        self.area + u128::from(self.length) * u128::from(now.saturating_sub(self.last))
    }

    const fn max_until(&self, now: u64) -> u32 {
        if now > self.last && self.length > self.max { self.length } else { self.max }
    }
}

/// The counters of a node that nearly every record touches: one cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct NodeCell {
    queue: QueueCell,
    busy: u32,
    /// Of the queue, what has been handed over and not begun.
    local: u32,
    received: u64,
    emitted: u64,
    /// When each of those being handled began, summed: what they have used so far follows. It wraps around; a difference
    /// does not, unless all of them together have taken five hundred years.
    busy_since: u64,
}

impl NodeCell {
    /// Time that those being handled have used so far.
    const fn running(&self, now: u64) -> u64 {
        (self.busy as u64).wrapping_mul(now).wrapping_sub(self.busy_since)
    }
}

/// The other counters of a node. Attempts that succeeded are not counted: they are those that took time and did not fail.
#[derive(Clone, Copy, Debug, Default)]
struct RareCell {
    accepted: u64,
    failed: u64,
    retried: u64,
    throttled: u64,
    recognised: u64,
    deduped: u64,
    /// Time that those used which were being handled when their node was removed.
    cut_nanos: u128,
}

#[derive(Clone, Debug, Default)]
struct Spreads {
    wait: Histogram,
    service: Histogram,
    end_to_end: Histogram,
}

/// The counters of a subscription that nearly every obligation touches: half a cache line.
#[derive(Clone, Copy, Debug, Default)]
struct SubCell {
    obligations: u64,
    acked: u64,
    queued: u32,
    in_flight: u32,
    /// Where its queue is counted: a node, or with [`SHARED`] a shared cell.
    queue: u32,
    is_inbox: bool,
}

const SHARED: u32 = 1 << 31;

impl Metrics {
    /// The figures of a run of a plan of this shape that has not begun.
    pub fn new(shape: &Shape) -> Self {
        let mut metrics = Self {
            nodes: Vec::new(),
            rare: Vec::new(),
            spreads: Vec::new(),
            shared: Vec::new(),
            links: Vec::new(),
            subs: Vec::new(),
            ends: Vec::new(),
            functions: Vec::new(),
            streams: Vec::new(),
            kept: BTreeMap::new(),
            publishes: Publishes::default(),
            calls: CallFigures::default(),
            shape: Shape::default(),
            records: 0,
            lost_in_handler: 0,
            begun: SimTime::ZERO,
            now: SimTime::ZERO,
        };
        metrics.grow(shape);
        metrics
    }

    fn grow(&mut self, shape: &Shape) {
        let now = self.now.as_nanos();
        self.settle_prices();
        self.nodes.resize(shape.nodes.len(), NodeCell::default());
        self.rare.resize(shape.nodes.len(), RareCell::default());
        self.ends.resize(shape.subs.len(), LedgerCounts::default());
        self.spreads.resize(shape.nodes.len(), Spreads::default());
        self.links.resize(shape.links, LinkFigures::default());
        for (place, node) in shape.nodes.iter().enumerate() {
            let ix = NodeIx(place as u32);
            if node.kind == KindTag::Function && !self.functions.iter().any(|(known, _)| *known == ix) {
                self.functions.push((ix, FunctionFigures::default()));
            }
            if node.kind == KindTag::Stream && !self.streams.iter().any(|(known, _)| *known == ix) {
                self.streams.push((ix, StreamFigures::default()));
            }
            let cell = &mut self.nodes[place];
            if !node.alive {
                self.rare[place].cut_nanos += u128::from(cell.running(now));
                cell.busy = 0;
                cell.busy_since = 0;
                cell.local = 0;
            }
            cell.queue.tick(now);
            cell.queue.length = cell.local;
        }
        for (place, sub) in shape.subs.iter().enumerate() {
            if place == self.subs.len() {
                self.subs.push(SubCell { queue: u32::MAX, is_inbox: sub.is_inbox, ..SubCell::default() });
            }
            self.place_queue(place, sub, now);
        }
        self.shape = shape.clone();
    }

    /// Counts a subscription's queue at its only member, or in a cell of its own.
    fn place_queue(&mut self, place: usize, sub: &SubShape, now: u64) {
        let cell = self.subs[place];
        let queued = cell.queued;
        let was_shared = cell.queue != u32::MAX && cell.queue & SHARED != 0;
        if let [member] = sub.members[..] {
            self.nodes[member.index()].queue.length += queued;
            if was_shared {
                let shared = &mut self.shared[(cell.queue & !SHARED) as usize];
                shared.tick(now);
                shared.length = 0;
            }
            self.subs[place].queue = member.0;
        } else if !was_shared {
            self.subs[place].queue = self.shared.len() as u32 | SHARED;
            self.shared.push(QueueCell { last: now, length: queued, ..QueueCell::default() });
        }
    }

    /// Works out what functions cost so far, before their prices change.
    fn settle_prices(&mut self) {
        for place in 0..self.functions.len() {
            let (node, _) = self.functions[place];
            let paid = self.cost(node);
            let spreads = &self.spreads[node.index()];
            let (count, nanos) = (spreads.service.count(), spreads.service.sum_nanos());
            let figures = &mut self.functions[place].1;
            (figures.paid, figures.paid_count, figures.paid_nanos) = (paid, count, nanos);
        }
    }

    fn cost(&self, node: NodeIx) -> u128 {
        let Some((_, figures)) = self.functions.iter().find(|(of, _)| *of == node) else { return 0 };
        let shape = &self.shape.nodes[node.index()];
        let service = &self.spreads[node.index()].service;
        let nanos = service.sum_nanos() - figures.paid_nanos;
        let count = u128::from(service.count() - figures.paid_count);
        let use_cost = nanos.saturating_mul(shape.price_byte_seconds) / (1 << 30) / 1_000_000_000;
        figures.paid + use_cost + count * u128::from(shape.price_invocation)
    }

    #[inline]
    fn queue(&mut self, sub: SubIx) -> &mut QueueCell {
        let place = self.subs[sub.index()].queue;
        if place & SHARED == 0 {
            &mut self.nodes[place as usize].queue
        } else {
            &mut self.shared[(place & !SHARED) as usize]
        }
    }

    /// One more waits.
    #[inline]
    fn enqueue(&mut self, sub: SubIx, now: u64) {
        self.subs[sub.index()].queued += 1;
        self.queue(sub).add(now);
    }

    /// One fewer waits.
    #[inline]
    fn dequeue(&mut self, sub: SubIx, now: u64) {
        self.subs[sub.index()].queued -= 1;
        self.queue(sub).remove(now);
    }

    /// An obligation leaves an open state for good.
    #[inline]
    fn end(&mut self, sub: SubIx, from: Phase, now: u64) {
        match from {
            Phase::Queued => self.dequeue(sub, now),
            Phase::Delayed => self.ends[sub.index()].delayed -= 1,
            Phase::InFlight => self.subs[sub.index()].in_flight -= 1,
        }
    }

    /// An attempt is over.
    #[inline]
    fn finish(&mut self, node: NodeIx, now: u64, service: SimDuration) -> &mut Spreads {
        let cell = &mut self.nodes[node.index()];
        if cell.busy > 0 {
            cell.busy -= 1;
            cell.busy_since = cell.busy_since.wrapping_sub(now - service.as_nanos());
        }
        let spreads = &mut self.spreads[node.index()];
        spreads.service.add(service.as_nanos());
        spreads
    }

    // ---- answers --------------------------------------------------------------------------------------------------

    /// The instant of the latest record, or what [`Metrics::advance`] said.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// Time has passed with nothing to record: what is weighted by time reaches up to here.
    pub fn advance(&mut self, now: SimTime) {
        self.now = self.now.max(now);
    }

    /// How many records there were.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// What became of publish attempts.
    pub const fn publishes(&self) -> &Publishes {
        &self.publishes
    }

    /// Handlings that failed after their record was settled at hand-over.
    pub const fn lost_in_handler(&self) -> u64 {
        self.lost_in_handler
    }

    /// How many obligations are in which state, by the records.
    pub fn ledger(&self) -> Ledger {
        let counts = |(sub, ends): (&SubCell, &LedgerCounts)| LedgerCounts {
            obligations: sub.obligations,
            acked: sub.acked,
            queued: sub.queued.into(),
            in_flight: sub.in_flight.into(),
            ..*ends
        };
        let subs = self.subs.iter().zip(&self.ends).map(counts).collect();
        let mut ledger = Ledger { subs, ..Ledger::default() };
        for counts in &ledger.subs {
            ledger.total.add(counts);
        }
        ledger
    }

    /// The counters of a node's work, without the folds over queues and histograms that [`Metrics::node`] does.
    pub fn work(&self, node: NodeIx) -> Work {
        let (Some(cell), Some(spreads)) = (self.nodes.get(node.index()), self.spreads.get(node.index())) else {
            return Work::default();
        };
        let rare = &self.rare[node.index()];
        let running = u128::from(cell.running(self.now.as_nanos()));
        let busy_nanos = spreads.service.sum_nanos() + running + rare.cut_nanos;
        Work {
            received: cell.received,
            handled: rare.accepted + spreads.service.count() - rare.failed - rare.recognised,
            failed: rare.failed,
            emitted: cell.emitted,
            busy: cell.busy,
            waits: spreads.wait.count(),
            waited_nanos: u64::try_from(spreads.wait.sum_nanos()).unwrap_or(u64::MAX),
            busy_nanos: u64::try_from(busy_nanos).unwrap_or(u64::MAX),
        }
    }

    /// What a node's keeping came to; `None` if it keeps nothing, or nothing yet.
    pub fn kept(&self, node: NodeIx) -> Option<KeptFigures> {
        self.kept.get(&node).copied()
    }

    /// A gateway's figures, if it has any yet.
    pub fn gateway(&self, node: NodeIx) -> Option<&GatewayFigures> {
        self.calls.gateways.get(&node)
    }

    /// The circuit breaker of a subscription; or that of a call link, with the callee's inbox. Closed if it never turned.
    pub fn breaker(&self, sub: SubIx, link: Option<LinkIx>) -> BreakerFigures {
        self.calls.breakers.get(&(sub, link)).copied().unwrap_or_default()
    }

    /// A link's figures.
    pub fn link(&self, link: LinkIx) -> LinkFigures {
        self.links[link.index()]
    }

    /// A stream processor's own figures.
    pub fn stream(&self, node: NodeIx) -> Option<StreamFigures> {
        self.streams.iter().find(|(of, _)| *of == node).map(|(_, figures)| *figures)
    }

    fn of_stream(&mut self, node: NodeIx, count: impl FnOnce(&mut StreamFigures)) {
        if let Some((_, figures)) = self.streams.iter_mut().find(|(of, _)| *of == node) {
            count(figures);
        }
    }

    /// A node's figures.
    pub fn node(&self, node: NodeIx) -> NodeFigures<'_> {
        let now = self.now.as_nanos();
        let cell = &self.nodes[node.index()];
        let spreads = &self.spreads[node.index()];
        let shape = &self.shape.nodes[node.index()];
        let mut queue = u64::from(cell.queue.length);
        let mut max = u64::from(cell.queue.max_until(now));
        let mut area = cell.queue.area_until(now);
        for (sub, shape) in self.subs.iter().zip(&self.shape.subs) {
            if sub.queue & SHARED != 0 && shape.members.contains(&node) {
                // The backlog of a group stands in front of each of its members. Two maxima at different times may add up.
                let shared = &self.shared[(sub.queue & !SHARED) as usize];
                queue += u64::from(shared.length);
                max += u64::from(shared.max_until(now));
                area += shared.area_until(now);
            }
        }
        let elapsed = self.now.since(self.begun).as_nanos().max(1) as f64;
        let rare = &self.rare[node.index()];
        let used = spreads.service.sum_nanos() + u128::from(cell.running(now)) + rare.cut_nanos;
        let function = self.functions.iter().find(|(of, _)| *of == node).map(|(_, figures)| *figures);
        NodeFigures {
            received: cell.received,
            handled: rare.accepted + spreads.service.count() - rare.failed - rare.recognised,
            failed: rare.failed,
            retried: rare.retried,
            emitted: cell.emitted,
            throttled: rare.throttled,
            recognised: rare.recognised,
            deduped: rare.deduped,
            queue,
            queue_max: max,
            queue_mean: area as f64 / elapsed,
            busy: cell.busy,
            utilization: used as f64 / (elapsed * f64::from(shape.capacity.max(1))),
            wait: &spreads.wait,
            service: &spreads.service,
            end_to_end: &spreads.end_to_end,
            function,
            stream: self.stream(node),
            cost_nanodollars: self.cost(node),
        }
    }

    /// Bytes that the figures take.
    pub fn bytes(&self) -> usize {
        let spread = |spread: &Spreads| spread.wait.bytes() + spread.service.bytes() + spread.end_to_end.bytes();
        self.nodes.len() * (size_of::<NodeCell>() + size_of::<RareCell>())
            + self.spreads.iter().map(spread).sum::<usize>()
            + self.links.len() * size_of::<LinkFigures>()
            + self.subs.len() * (size_of::<SubCell>() + size_of::<LedgerCounts>())
    }
}

impl Observer for Metrics {
    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn record(&mut self, record: Record<'_>) {
        self.records += 1;
        self.now = record.at;
        let now = record.at.as_nanos();
        match record.what {
            What::Emitted { event, .. } => self.nodes[event.origin().index()].emitted += 1,
            What::Sent { link, leg, .. } => {
                self.links[link.index()].sent += 1;
                if leg == Leg::Publish {
                    self.publishes.attempts += 1;
                }
            }
            What::Accepted { link, node, .. } => {
                self.links[link.index()].arrived += 1;
                self.rare[node.index()].accepted += 1;
                self.publishes.accepted += 1;
            }
            What::Rejected { link, node, .. } => {
                self.links[link.index()].arrived += 1;
                if self.shape.nodes[node.index()].kind == KindTag::Bus {
                    self.publishes.rejected += 1;
                }
            }
            What::Deduped { link, node, .. } => {
                self.links[link.index()].arrived += 1;
                // Whoever published is told that it is stored.
                self.rare[node.index()].accepted += 1;
                self.rare[node.index()].deduped += 1;
                self.publishes.deduped += 1;
            }
            What::Unconfirmed { link, .. } => {
                self.links[link.index()].arrived += 1;
                self.publishes.unknown += 1;
            }
            What::Opened { sub, link, .. } => {
                if let Some(link) = link {
                    self.links[link.index()].arrived += 1;
                }
                self.subs[sub.index()].obligations += 1;
                self.enqueue(sub, now);
            }
            What::Replayed { sub, .. } => {
                self.subs[sub.index()].obligations += 1;
                self.enqueue(sub, now);
            }
            What::Delivered { sub, .. } => {
                self.dequeue(sub, now);
                self.subs[sub.index()].in_flight += 1;
            }
            What::Received { node, link, sub, attempt, .. } => {
                if let Some(link) = link
                    && !self.subs[sub.index()].is_inbox
                {
                    self.links[link.index()].arrived += 1;
                }
                let cell = &mut self.nodes[node.index()];
                cell.received += 1;
                cell.local += 1;
                cell.queue.add(now);
                if attempt > 1 {
                    self.rare[node.index()].retried += 1;
                }
            }
            What::Started { node, wait, .. } => {
                let cell = &mut self.nodes[node.index()];
                cell.local = cell.local.saturating_sub(1);
                cell.queue.remove(now);
                cell.busy += 1;
                cell.busy_since = cell.busy_since.wrapping_add(now);
                self.spreads[node.index()].wait.add(wait.as_nanos());
            }
            What::Handled { node, service, end_to_end, .. } => {
                self.finish(node, now, service).end_to_end.add(end_to_end.as_nanos());
            }
            What::Failed { node, service, lost, .. } => {
                self.finish(node, now, service);
                self.rare[node.index()].failed += 1;
                self.lost_in_handler += u64::from(lost);
            }
            What::Throttled { node, .. } | What::Cancelled { node, .. } => {
                self.rare[node.index()].throttled += u64::from(matches!(record.what, What::Throttled { .. }));
                let cell = &mut self.nodes[node.index()];
                cell.local = cell.local.saturating_sub(1);
                cell.queue.remove(now);
            }
            What::Acked { sub, from, .. } => {
                self.end(sub, from, now);
                self.subs[sub.index()].acked += 1;
            }
            What::Retrying { sub, .. } => {
                self.subs[sub.index()].in_flight -= 1;
                self.ends[sub.index()].delayed += 1;
            }
            What::Queued { sub, taken_back, .. } => {
                self.end(sub, if taken_back { Phase::InFlight } else { Phase::Delayed }, now);
                self.enqueue(sub, now);
            }
            What::Dropped { sub, from, .. } => {
                self.end(sub, from, now);
                self.ends[sub.index()].dropped += 1;
            }
            What::DeadLettered { sub, from, .. } => {
                self.end(sub, from, now);
                self.ends[sub.index()].dead_lettered += 1;
            }
            What::Postponed { sub, .. } => {
                self.end(sub, Phase::Queued, now);
                self.ends[sub.index()].delayed += 1;
            }
            What::Expired { sub, from, .. } => {
                self.end(sub, from, now);
                self.ends[sub.index()].expired += 1;
            }
            What::Recognised { node, service, .. } => {
                self.finish(node, now, service);
                self.rare[node.index()].recognised += 1;
            }
            What::Evicted { sub, from, .. } => {
                self.end(sub, from, now);
                self.ends[sub.index()].retention_lost += 1;
            }
            What::Purged { sub, from, .. } => {
                self.end(sub, from, now);
                self.ends[sub.index()].purged += 1;
            }
            What::Buried { node, link, .. } => {
                self.links[link.index()].arrived += 1;
                self.nodes[node.index()].received += 1;
            }
            What::InstanceStarted { node, cold, instances, .. } => {
                if let Some((_, figures)) = self.functions.iter_mut().find(|(of, _)| *of == node) {
                    figures.cold_starts += u64::from(cold);
                    figures.instances = instances;
                    figures.instances_max = figures.instances_max.max(instances);
                }
            }
            What::InstanceReclaimed { node, instances } => {
                if let Some((_, figures)) = self.functions.iter_mut().find(|(of, _)| *of == node) {
                    figures.instances = instances;
                }
            }
            What::Gathered { node, late, .. } => self.of_stream(node, |figures| {
                let count = if late { &mut figures.late_taken } else { &mut figures.on_time };
                *count += 1;
            }),
            What::Late { node, .. } => self.of_stream(node, |figures| figures.late += 1),
            What::WindowClosed { node, .. } | What::Joined { node, .. } => {
                self.of_stream(node, |figures| figures.results += 1);
            }
            What::LinkLost { link, leg, .. } => {
                // An answer never counted as sent.
                self.links[link.index()].lost += u64::from(leg != Leg::Answer);
                self.publishes.link_lost += u64::from(leg == Leg::Publish);
            }
            What::Duplicated { link, .. } => self.links[link.index()].duplicated += 1,
            What::LostInCrash { node, link, stage, service, lost, .. } => {
                self.lost_in_handler += u64::from(lost);
                let cell = &mut self.nodes[node.index()];
                match stage {
                    Stage::OnWire => {
                        if let Some(link) = link {
                            self.links[link.index()].lost += 1;
                        }
                    }
                    Stage::Waiting => {
                        cell.local = cell.local.saturating_sub(1);
                        cell.queue.remove(now);
                    }
                    Stage::Handling => {
                        cell.busy = cell.busy.saturating_sub(1);
                        cell.busy_since = cell.busy_since.wrapping_sub(now - service.as_nanos());
                        self.rare[node.index()].cut_nanos += u128::from(service.as_nanos());
                    }
                    Stage::Answering => {}
                }
            }
            What::Kept { node, what, .. } => self.kept.entry(node).or_default().count(&what),
            // It never came to the node.
            What::Limited { node, .. } => self.rare[node.index()].throttled += 1,
            What::BreakerTurned { .. }
            | What::Requested { .. }
            | What::Replied { .. }
            | What::Unanswered { .. }
            | What::Orphaned { .. } => self.calls.take(&record.what),
            What::HeldBack { .. }
            | What::CallFailed { .. }
            | What::FaultBegan { .. }
            | What::FaultEnded { .. }
            | What::HeldUp { .. }
            | What::TurnedAway { .. }
            | What::Slowed { .. }
            | What::Skewed { .. }
            | What::OrderGap { .. }
            | What::Stale { .. }
            | What::Forgotten { .. }
            | What::OutOfRange { .. }
            | What::Removed { .. }
            | What::Sought { .. }
            | What::Muted { .. }
            | What::Blocked { .. }
            | What::Unblocked { .. }
            | What::Deadlocked { .. }
            | What::Rebalanced { .. }
            | What::Assigned { .. }
            | What::Broken { .. }
            | What::Edited { .. }
            | What::SourceEnded { .. }
            | What::WatermarkAdvanced { .. }
            | What::HeldAlready { .. }
            | What::StateLost { .. }
            | What::Draining => {}
        }
    }

    #[inline]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        let Passage { sub, event: _, kind: _, topic: _, partition: _, offset: _, node, link, end_to_end } = *passage;
        self.records += 7;
        self.now = at;
        let link = &mut self.links[link.index()];
        link.sent += 1;
        link.arrived += 1;
        let counts = &mut self.subs[sub.index()];
        counts.obligations += 1;
        counts.acked += 1;
        let cell = &mut self.nodes[node.index()];
        cell.received += 1;
        let spreads = &mut self.spreads[node.index()];
        spreads.wait.add(0);
        spreads.service.add(0);
        spreads.end_to_end.add(end_to_end.as_nanos());
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.now = at;
        self.grow(shape);
    }
}
