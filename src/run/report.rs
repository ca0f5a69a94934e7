//! The report of a run: one object with stable names, as `--json` prints it.

use std::collections::BTreeMap;

use crate::kernel::{Kernel, shape_of};
use crate::model::{KindTag, LinkId, LinkIx, NodeId, NodeIx, SimDuration, SimTime};
use crate::plan::Plan;
use crate::trace::{
    GatewayFigures, Histogram, KeptFigures, LedgerCounts, Metrics, Observer, Shape, TraceHash, Work, hand_on,
};

use super::view::{NodeReport, RequestsLive, Spread};

/// Everything a run has to say about itself. Its JSON shape is a contract: names and order never change.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The flow's file without its extension, or its name made into one.
    pub flow: String,
    /// Where all chance came from.
    pub seed: u64,
    /// The virtual instant at which it ended.
    pub virtual_ns: u64,
    /// How many records the kernel wrote.
    pub records: u64,
    /// What the records hash to, in their order: 16 hexadecimal digits.
    pub trace_hash: String,
    /// What became of what was published.
    pub publishes: PublishReport,
    /// What became of what subscriptions were owed.
    pub ledger: LedgerCounts,
    /// Figures of each node.
    pub nodes: BTreeMap<NodeId, NodeReport>,
    /// Figures of each link.
    pub links: BTreeMap<LinkId, LinkReport>,
}

/// What became of publish attempts: attempts are the sum of all the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PublishReport {
    /// Events that set out for a bus.
    pub attempts: u64,
    /// Events that a bus took.
    pub accepted: u64,
    /// Events that a bus refused.
    pub rejected: u64,
    /// Events that a bus knew already.
    pub deduped: u64,
    /// Events that a fault lost on the way.
    pub link_lost: u64,
    /// Events of which an external bus never said what became of them.
    pub unknown: u64,
    /// Events that are on their way, or wait at the door of a full queue.
    pub on_wire: u64,
}

/// What became of events on a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkReport {
    /// Events that left.
    pub sent: u64,
    /// Events that arrived.
    pub arrived: u64,
    /// Events that a fault lost.
    pub lost: u64,
    /// Events that a fault doubled.
    pub duplicated: u64,
    /// How often its circuit breaker opened; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_opened: Option<u64>,
}

/// What a report needs: every run folds it, watched or not.
pub(crate) struct Tally {
    metrics: Metrics,
    hash: TraceHash,
}

impl Tally {
    /// Nothing recorded yet of a run of this plan.
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { metrics: Metrics::new(&shape_of(plan)), hash: TraceHash::default() }
    }

    /// The report of a run that has come to where the machine stands.
    pub(crate) fn report(&mut self, name: &str, seed: u64, kernel: &Kernel) -> Report {
        self.metrics.advance(kernel.now());
        let plan = kernel.plan();
        let nodes = (0..plan.node_count() as u32).map(NodeIx).filter(|node| plan.node_kind(*node) != KindTag::Note);
        let links = (0..plan.link_count() as u32).map(LinkIx);
        let publishes = self.metrics.publishes();
        Report {
            flow: name.to_owned(),
            seed,
            virtual_ns: kernel.now().as_nanos(),
            records: self.hash.records(),
            trace_hash: format!("{:016x}", self.hash.value()),
            publishes: PublishReport {
                attempts: publishes.attempts,
                accepted: publishes.accepted,
                rejected: publishes.rejected,
                deduped: publishes.deduped,
                link_lost: publishes.link_lost,
                unknown: publishes.unknown,
                on_wire: publishes.on_wire(),
            },
            ledger: kernel.ledger().total,
            nodes: nodes.map(|node| (plan.node_id(node).clone(), self.node(node, plan))).collect(),
            links: links.map(|link| (plan.link_id(link).clone(), self.link(link, plan))).collect(),
        }
    }

    /// How many events left along a link.
    pub(super) fn sent(&self, link: LinkIx) -> u64 {
        self.metrics.link(link).sent
    }

    /// What a gateway's requests have come to, if it is a gateway.
    pub(super) fn requests(&self, kernel: &Kernel, node: NodeIx) -> Option<RequestsLive> {
        if kernel.plan().node_kind(node) != KindTag::Gateway {
            return None;
        }
        let none = GatewayFigures::default();
        let figures = self.metrics.gateway(node).unwrap_or(&none);
        Some(RequestsLive {
            pending: figures.pending(),
            replied: figures.replied,
            timed_out: figures.timed_out,
            no_responders: figures.no_responders,
            orphans: figures.orphans,
        })
    }

    /// A link's figures.
    pub(super) fn link(&self, link: LinkIx, plan: &Plan) -> LinkReport {
        let figures = self.metrics.link(link);
        let breaker = plan.breaker_of(link).map(|(sub, link)| self.metrics.breaker(sub, link));
        LinkReport {
            sent: figures.sent,
            arrived: figures.arrived,
            lost: figures.lost,
            duplicated: figures.duplicated,
            breaker_opened: breaker.map(|breaker| breaker.opened),
        }
    }

    /// The counters of a node's work.
    pub(super) fn work(&self, node: NodeIx) -> Work {
        self.metrics.work(node)
    }

    /// Takes it that the clock has come here, so that what is weighted by time reaches up to now.
    pub(super) fn advance(&mut self, kernel: &Kernel) {
        self.metrics.advance(kernel.now());
    }

    /// All figures of a node, those left out that do not apply to its kind.
    pub(super) fn node(&self, node: NodeIx, plan: &Plan) -> NodeReport {
        let figures = self.metrics.node(node);
        let tag = plan.node_kind(node);
        let mut report = NodeReport::default();
        match tag {
            KindTag::Producer => report.emitted = Some(figures.emitted),
            KindTag::Bus => {
                let arrived = |link: &LinkIx| plan.link_ends(*link).1 == node;
                let links = (0..plan.link_count() as u32).map(LinkIx).filter(arrived);
                let received = links.map(|link| self.metrics.link(link).arrived).sum();
                report.received = Some(received);
                report.handled = Some(figures.handled);
                report.failed = Some(received.saturating_sub(figures.handled));
                report.deduped = (figures.deduped > 0).then_some(figures.deduped);
            }
            KindTag::Consumer | KindTag::Service | KindTag::Function | KindTag::Stream | KindTag::Store => {
                report.received = Some(figures.received);
                report.handled = Some(figures.handled);
                report.failed = Some(figures.failed);
                report.retried = Some(figures.retried);
                report.emitted = tag.publishes().then_some(figures.emitted);
                report.queue_max = Some(figures.queue_max);
                report.queue_mean = Some(figures.queue_mean);
                report.utilization = Some(figures.utilization);
                report.wait_ns = Some(spread(figures.wait));
                report.service_ns = Some(spread(figures.service));
                report.end_to_end_ns = Some(spread(figures.end_to_end));
                report.recognised = (figures.recognised > 0).then_some(figures.recognised);
                report.throttled = (tag == KindTag::Function || figures.throttled > 0).then_some(figures.throttled);
            }
            KindTag::DeadLetterQueue => report.received = Some(figures.received),
            KindTag::Gateway => {
                let gateway = self.metrics.gateway(node);
                let count = |count: fn(&GatewayFigures) -> u64| Some(gateway.map_or(0, count));
                report.received = Some(figures.received);
                report.emitted = Some(figures.emitted);
                report.requests = count(|gateway| gateway.requests);
                report.replied = count(|gateway| gateway.replied);
                report.timed_out = count(|gateway| gateway.timed_out);
                report.no_responders = count(|gateway| gateway.no_responders);
                report.pending = count(GatewayFigures::pending);
                report.orphans = count(|gateway| gateway.orphans);
                let none = Histogram::default();
                report.round_trip_ns = Some(spread(gateway.map_or(&none, |gateway| &gateway.round_trip)));
            }
            KindTag::Note => {}
        }
        if let Some(kept) = self.metrics.kept(node) {
            report.keep(tag, &kept);
        }
        if let Some(function) = figures.function {
            report.cold_starts = Some(function.cold_starts);
            report.instances_max = Some(function.instances_max.into());
            report.cost = Some(figures.cost_nanodollars as f64 / 1e9);
        }
        if let Some(stream) = figures.stream {
            report.on_time = Some(stream.on_time);
            report.late_taken = Some(stream.late_taken);
            report.late = Some(stream.late);
            report.results = Some(stream.results);
        }
        report
    }

    /// Events that were too late for a stream processor.
    pub(super) fn late(&self, node: NodeIx) -> u64 {
        self.metrics.stream(node).map_or(0, |figures| figures.late)
    }
}

impl NodeReport {
    /// Takes in what a node's keeping came to.
    fn keep(&mut self, tag: KindTag, kept: &KeptFigures) {
        let KeptFigures {
            appended,
            repeated,
            conflicts,
            committed,
            relayed,
            unpublished,
            sagas,
            completed,
            compensated,
            stuck,
        } = *kept;
        let some = |value: u64, matters: bool| (value > 0 || matters).then_some(value);
        self.appended = some(appended, tag == KindTag::Store);
        self.repeated = some(repeated, false);
        self.conflicts = some(conflicts, false);
        self.committed = some(committed, false);
        self.relayed = some(relayed, false);
        self.unpublished = some(unpublished, false);
        self.sagas_completed = some(completed, sagas > 0);
        self.sagas_compensated = some(compensated, sagas > 0);
        self.sagas_stuck = some(stuck, sagas > 0);
    }
}

impl Observer for Tally {
    hand_on!(self to self.metrics, self.hash);

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.metrics.reshape(shape, at);
        self.hash.reshape(shape, at);
    }
}

fn spread(histogram: &Histogram) -> Spread {
    let percentile = |share| SimDuration::as_nanos(histogram.percentile(share));
    Spread {
        mean: histogram.mean().as_nanos(),
        p50: percentile(0.50),
        p95: percentile(0.95),
        p99: percentile(0.99),
        max: histogram.max().as_nanos(),
    }
}
