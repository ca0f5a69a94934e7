//! What a person sees of a run: dots, flashes, log rows and the state of things, folded from its records.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{EventId, LinkIx, NodeIx, SimDuration, SimTime, SubIx};
use crate::plan::Plan;
use crate::trace::{self, Observer, Record, What};

use super::dots::Dots;
use super::log::Logger;
use super::view::{Dot, Flash, FlashKind, Leg, LogRow, RunIndex};

/// At most so many flashes in one look.
const FLASHES: usize = 512;

/// What an observer remembers of a node so that its card can show it.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeSeen {
    /// The number that its next event will have.
    pub(super) next_number: u64,
    /// When it last flashed, by kind: nodes flash at most a few times while a flash is seen.
    flashed: [Option<SimTime>; 3],
    /// A function's instances.
    pub(super) instances: u32,
    /// When those get ready that are on their way.
    cold_until: Vec<SimTime>,
    /// Records that a dead-letter queue has.
    pub(super) dead_letters: u64,
    /// Publishes and calls that wait before full queues.
    pub(super) blocked: u32,
    /// Whether an expression of it broke.
    pub(super) broken: bool,
}

impl NodeSeen {
    /// Instances that are getting ready.
    pub(super) fn cold(&mut self, now: SimTime) -> u32 {
        self.cold_until.retain(|ready| *ready > now);
        self.cold_until.len() as u32
    }
}

/// What an observer remembers of a subscription so that its bus can show it.
#[derive(Clone, Debug, Default)]
pub(super) struct SubSeen {
    /// How often the partitions were dealt out.
    pub(super) generation: u32,
    /// Which partition of which topic has which owner.
    pub(super) owners: std::collections::BTreeMap<(crate::model::TopicIx, u32), NodeIx>,
}

/// Folds records into what a look shows.
#[derive(Debug)]
pub(super) struct Looker {
    plan: Arc<Plan>,
    index: Arc<RunIndex>,
    pub(super) logger: Logger,
    pub(super) dots: Dots,
    flashes: VecDeque<Flash>,
    /// How long a flash is seen, in virtual time.
    stays: SimDuration,
    nodes: Vec<NodeSeen>,
    last_event: Vec<u32>,
    subs: Vec<SubSeen>,
    accepted: Vec<u64>,
    /// Events that came into being.
    pub(super) events: u64,
    /// When the last thing happened.
    pub(super) last_at: SimTime,
}

impl Looker {
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        let mut looker = Self {
            plan: Arc::clone(plan),
            index: Arc::default(),
            logger: Logger::new(),
            dots: Dots::new(),
            flashes: VecDeque::new(),
            stays: SimDuration::ZERO,
            nodes: Vec::new(),
            last_event: Vec::new(),
            subs: Vec::new(),
            accepted: Vec::new(),
            events: 0,
            last_at: SimTime::ZERO,
        };
        looker.follow(plan);
        looker
    }

    /// Goes on with an edited plan. Handles of the earlier one keep their meaning.
    pub(super) fn follow(&mut self, plan: &Arc<Plan>) {
        self.plan = Arc::clone(plan);
        self.index = Arc::new(index_of(plan));
        self.nodes.resize_with(plan.node_count(), NodeSeen::default);
        self.last_event.resize(plan.link_count(), 0);
        self.subs.resize_with(plan.sub_count(), SubSeen::default);
        self.accepted.resize(plan.topic_count(), 0);
    }

    pub(super) const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub(super) const fn index(&self) -> &Arc<RunIndex> {
        &self.index
    }

    /// Sets how long dots and flashes are seen, in virtual time.
    pub(super) const fn set_stays(&mut self, stays: SimDuration) {
        self.stays = stays;
        self.dots.set_stays(stays);
    }

    pub(super) fn node(&mut self, node: NodeIx) -> Option<&mut NodeSeen> {
        self.nodes.get_mut(node.index())
    }

    /// Which number the next event of each node will have.
    pub(super) fn next_numbers(&self) -> Vec<u64> {
        self.nodes.iter().map(|seen| seen.next_number).collect()
    }

    pub(super) fn sub(&self, sub: SubIx) -> Option<&SubSeen> {
        self.subs.get(sub.index())
    }

    /// Records that a topic has accepted.
    pub(super) fn accepted(&self, topic: crate::model::TopicIx) -> u64 {
        self.accepted.get(topic.index()).copied().unwrap_or(0)
    }

    /// The event type that travelled a link last.
    pub(super) fn last_event(&self, link: LinkIx) -> u32 {
        self.last_event.get(link.index()).copied().unwrap_or(0)
    }

    /// The flashes that are still to be seen.
    pub(super) fn flashes(&mut self, now: SimTime) -> Vec<Flash> {
        while self.flashes.front().is_some_and(|flash| flash.at + self.stays < now) {
            self.flashes.pop_front();
        }
        self.flashes.iter().copied().collect()
    }

    /// Hands over the log rows since the last look.
    pub(super) fn hand_over_log(&mut self, into: Option<&mut VecDeque<LogRow>>) {
        match into {
            Some(into) => self.logger.hand_over(into),
            None => self.logger.keep(),
        }
    }

    fn flash(&mut self, node: NodeIx, at: SimTime, what: FlashKind) {
        let pause = SimDuration::from_nanos(self.stays.as_nanos() / 4);
        let Some(seen) = self.nodes.get_mut(node.index()) else { return };
        let last = &mut seen.flashed[what as usize];
        if last.is_some_and(|last| at < last + pause) {
            return;
        }
        *last = Some(at);
        if self.flashes.len() == FLASHES {
            self.flashes.pop_front();
        }
        self.flashes.push_back(Flash { node, at, what });
    }
}

impl Observer for Looker {
    fn record(&mut self, record: Record<'_>) {
        let at = record.at;
        self.last_at = at;
        self.logger.record(&record, &self.plan);
        match record.what {
            What::Emitted { event, .. } => {
                self.events += 1;
                self.with(event.origin(), |seen| seen.next_number = event.number() + 1);
            }
            What::Sent { link, event, kind, leg, attempt, arrives } => {
                if let Some(last) = self.last_event.get_mut(link.index()) {
                    *last = kind.0;
                }
                let leg = leg_of(leg);
                self.dots.sent(Dot { link, event, kind: kind.0, departed: at, arrives, attempt, leg });
            }
            What::Accepted { topic, .. } => {
                if let Some(accepted) = self.accepted.get_mut(topic.index()) {
                    *accepted += 1;
                }
            }
            What::Handled { node, .. } => self.flash(node, at, FlashKind::Handled),
            What::Failed { node, .. } => self.flash(node, at, FlashKind::Failed),
            What::Dropped { node, .. } | What::DeadLettered { node, .. } | What::Evicted { node, .. } => {
                self.flash(node, at, FlashKind::GivenUp);
            }
            What::Buried { node, .. } => self.with(node, |seen| seen.dead_letters += 1),
            What::Forgotten { node, .. } => self.with(node, |seen| seen.dead_letters -= seen.dead_letters.min(1)),
            What::Blocked { node, .. } => self.with(node, |seen| seen.blocked += 1),
            What::Unblocked { node, .. } => self.with(node, |seen| seen.blocked -= seen.blocked.min(1)),
            What::Broken { node, .. } => self.with(node, |seen| seen.broken = true),
            What::InstanceStarted { node, ready, instances, .. } => self.with(node, |seen| {
                seen.instances = instances;
                // Whoever never looks must not pile them up.
                seen.cold_until.retain(|ready| *ready > at);
                seen.cold_until.push(ready);
            }),
            What::InstanceReclaimed { node, instances } => self.with(node, |seen| seen.instances = instances),
            What::Rebalanced { sub, generation, .. } => {
                if let Some(seen) = self.subs.get_mut(sub.index()) {
                    seen.generation = generation;
                }
            }
            What::Assigned { sub, topic, partition, owner, .. } => {
                if let Some(seen) = self.subs.get_mut(sub.index()) {
                    match owner {
                        Some(owner) => seen.owners.insert((topic, partition), owner),
                        None => seen.owners.remove(&(topic, partition)),
                    };
                }
            }
            What::Rejected { .. }
            | What::Opened { .. }
            | What::Delivered { .. }
            | What::Received { .. }
            | What::Started { .. }
            | What::Throttled { .. }
            | What::Acked { .. }
            | What::Stale { .. }
            | What::Retrying { .. }
            | What::Queued { .. }
            | What::OutOfRange { .. }
            | What::Purged { .. }
            | What::Deadlocked { .. }
            | What::Edited { .. }
            | What::SourceEnded { .. }
            | What::Draining => {}
        }
    }
}

impl Looker {
    fn with(&mut self, node: NodeIx, change: impl FnOnce(&mut NodeSeen)) {
        if let Some(seen) = self.nodes.get_mut(node.index()) {
            change(seen);
        }
    }
}

pub(super) const fn leg_of(leg: trace::Leg) -> Leg {
    match leg {
        trace::Leg::Publish => Leg::Publish,
        trace::Leg::Deliver => Leg::Deliver,
        trace::Leg::Call => Leg::Call,
        trace::Leg::DeadLetter => Leg::DeadLetter,
    }
}

/// Names for the handles of a plan.
pub(super) fn index_of(plan: &Plan) -> RunIndex {
    let nodes: Vec<_> = (0..plan.node_count() as u32).map(NodeIx).collect();
    let links: Vec<_> = (0..plan.link_count() as u32).map(LinkIx).collect();
    let events = (0..plan.event_count() as u32).map(crate::model::EventTypeIx);
    RunIndex {
        nodes: nodes.iter().map(|node| plan.node_id(*node).clone()).collect(),
        links: links.iter().map(|link| plan.link_id(*link).clone()).collect(),
        events: events.map(|event| plan.event_name(event).clone()).collect(),
        node_ix: nodes.iter().map(|node| (plan.node_id(*node).clone(), *node)).collect(),
        link_ix: links.iter().map(|link| (plan.link_id(*link).clone(), *link)).collect(),
    }
}

/// How people write an event's id: the node it came from and its number.
pub(super) fn event_text(plan: &Plan, event: EventId) -> String {
    format!("{}/{}", plan.node_id(event.origin()), event.number())
}

/// The event that a record is about, if it is about one.
pub(super) const fn event_of(what: &What<'_>) -> Option<EventId> {
    match what {
        What::Emitted { event, .. }
        | What::Sent { event, .. }
        | What::Accepted { event, .. }
        | What::Rejected { event, .. }
        | What::Opened { event, .. }
        | What::Delivered { event, .. }
        | What::Received { event, .. }
        | What::Started { event, .. }
        | What::Handled { event, .. }
        | What::Failed { event, .. }
        | What::Throttled { event, .. }
        | What::Acked { event, .. }
        | What::Stale { event, .. }
        | What::Retrying { event, .. }
        | What::Queued { event, .. }
        | What::Dropped { event, .. }
        | What::DeadLettered { event, .. }
        | What::Buried { event, .. }
        | What::Forgotten { event, .. }
        | What::Evicted { event, .. }
        | What::Purged { event, .. }
        | What::Blocked { event, .. }
        | What::Unblocked { event, .. }
        | What::Broken { event, .. } => Some(*event),
        What::OutOfRange { .. }
        | What::Deadlocked { .. }
        | What::InstanceStarted { .. }
        | What::InstanceReclaimed { .. }
        | What::Rebalanced { .. }
        | What::Assigned { .. }
        | What::Edited { .. }
        | What::SourceEnded { .. }
        | What::Draining => None,
    }
}
