//! The figures of a report, folded from the records while a run goes on.

use std::collections::BTreeMap;

use super::calls::{BreakerFigures, CallFigures, GatewayFigures};
use super::cells::{NodeCell, QueueCell, RareCell, SHARED, Spreads, SubCell};
use super::figures::{FunctionFigures, LinkFigures, NodeFigures, Publishes, StreamFigures, Work};
use super::kept::KeptFigures;
use super::ledger::{Ledger, LedgerCounts};
use super::observer::{Begun, Birth, Called, Ended, Handed, Observer, Passage, Published, Way};
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

    /// So many records at once.
    #[inline]
    fn took_note(&mut self, at: SimTime, records: u64) {
        self.records += records;
        self.now = at;
    }

    #[inline]
    fn was_born(&mut self, birth: &Birth) {
        self.nodes[birth.event.origin().index()].emitted += 1;
    }

    /// Something left along a link that takes no time.
    #[inline]
    fn carried(&mut self, link: LinkIx) {
        let link = &mut self.links[link.index()];
        link.sent += 1;
        link.arrived += 1;
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
                cell.begin(now);
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
        self.took_note(at, 7);
        self.carried(link);
        let counts = &mut self.subs[sub.index()];
        counts.obligations += 1;
        counts.acked += 1;
        self.nodes[node.index()].received += 1;
        let spreads = &mut self.spreads[node.index()];
        spreads.wait.add(0);
        spreads.service.add(0);
        spreads.end_to_end.add(end_to_end.as_nanos());
    }

    #[expect(clippy::inline_always, reason = "what it is shown is known where it is made")]
    #[inline(always)]
    fn published(&mut self, at: SimTime, published: &Published) {
        let Published { birth, link, bus, topic: _, partition: _, offset: _ } = published;
        self.took_note(at, 3);
        self.was_born(birth);
        self.carried(*link);
        self.publishes.attempts += 1;
        self.publishes.accepted += 1;
        self.rare[bus.index()].accepted += 1;
    }

    #[expect(clippy::inline_always, reason = "what it is shown is known where it is made")]
    #[inline(always)]
    fn called(&mut self, at: SimTime, called: &Called) {
        let Called { birth, link, sub, node: _, offset: _ } = called;
        self.took_note(at, 3);
        self.was_born(birth);
        self.carried(*link);
        self.subs[sub.index()].obligations += 1;
        self.enqueue(*sub, at.as_nanos());
    }

    #[expect(clippy::inline_always, reason = "what it is shown is known where it is made")]
    #[inline(always)]
    fn called_idle(&mut self, at: SimTime, called: &Called) {
        let Called { birth, link, sub, node, offset: _ } = called;
        self.took_note(at, 6);
        self.was_born(birth);
        self.carried(*link);
        let counts = &mut self.subs[sub.index()];
        counts.obligations += 1;
        counts.in_flight += 1;
        let cell = &mut self.nodes[node.index()];
        cell.received += 1;
        cell.begin(at.as_nanos());
        self.spreads[node.index()].wait.add(0);
    }

    #[expect(clippy::inline_always, reason = "what it is shown is known where it is made")]
    #[inline(always)]
    fn begun(&mut self, at: SimTime, begun: &Begun) {
        let Begun { node, sub, event: _, kind: _, attempt, wait, way } = *begun;
        self.took_note(at, if let Way::Delivery(_) = way { 4 } else { 3 });
        self.dequeue(sub, at.as_nanos());
        self.subs[sub.index()].in_flight += 1;
        if let Way::Delivery(link) = way {
            self.carried(link);
        }
        let cell = &mut self.nodes[node.index()];
        cell.received += 1;
        cell.begin(at.as_nanos());
        self.spreads[node.index()].wait.add(wait.as_nanos());
        if attempt > 1 {
            self.rare[node.index()].retried += 1;
        }
    }

    #[expect(clippy::inline_always, reason = "what it is shown is known where it is made")]
    #[inline(always)]
    fn handed(&mut self, at: SimTime, handed: &Handed) {
        let Handed { node, sub, event: _, kind: _, attempt, link } = *handed;
        self.took_note(at, 3);
        let counts = &mut self.subs[sub.index()];
        counts.queued -= 1;
        counts.in_flight += 1;
        let is_own = counts.queue == node.0;
        self.carried(link);
        if !is_own {
            self.queue(sub).remove(at.as_nanos());
        }
        let cell = &mut self.nodes[node.index()];
        cell.received += 1;
        cell.local += 1;
        if !is_own {
            cell.queue.add(at.as_nanos());
        }
        if attempt > 1 {
            self.rare[node.index()].retried += 1;
        }
    }

    #[expect(clippy::inline_always, reason = "what it is shown is known where it is made")]
    #[inline(always)]
    fn ended(&mut self, at: SimTime, ended: &Ended) {
        let Ended { node, sub, event: _, kind: _, attempt: _, service, end_to_end } = *ended;
        self.took_note(at, 2);
        self.finish(node, at.as_nanos(), service).end_to_end.add(end_to_end.as_nanos());
        let counts = &mut self.subs[sub.index()];
        counts.in_flight -= 1;
        counts.acked += 1;
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.now = at;
        self.grow(shape);
    }
}
