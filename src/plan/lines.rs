//! What waits in a subscription otherwise than in the order of the log: strict order, time to live, priority, delay.

use super::Plan;
use super::plan::{EmitPlan, RouteTo};
use crate::model::{EventTypeIx, Order, SimDuration, Subscription, TopicIx};

/// How a subscription's records wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinePlan {
    /// Whether the next of a key is held back until the one before is settled.
    pub(crate) is_strict: bool,
    /// How long a record is worth anything; `u64::MAX` for ever.
    pub(crate) ttl: u64,
    /// How long a new record stays out of sight.
    pub(crate) delay: u64,
    /// How many levels there are; 1 without priorities.
    pub(crate) levels: u8,
    /// What waits counts one level higher each time this has passed; `u64::MAX` for never.
    pub(crate) aging: u64,
}

impl LinePlan {
    /// In the order of the log, but for what event types say of themselves.
    pub(super) const PLAIN: Self = Self { is_strict: false, ttl: u64::MAX, delay: 0, levels: 1, aging: u64::MAX };

    /// What a subscription says, if it says anything.
    pub(super) fn of(settings: &Subscription) -> Option<Self> {
        let is_strict = settings.order == Order::Strict;
        // Levels would break the order of a key; `check` refuses the two together.
        let priority = settings.priority.filter(|_| !is_strict);
        let line = Self {
            is_strict,
            ttl: settings.ttl.map_or(u64::MAX, SimDuration::as_nanos),
            delay: settings.delay.as_nanos(),
            levels: priority.map_or(1, |priority| priority.levels.max(1)),
            aging: priority.and_then(|priority| priority.aging).map_or(u64::MAX, |aging| aging.as_nanos().max(1)),
        };
        (line != Self::PLAIN).then_some(line)
    }

    /// The settings of a subscription that nobody but the bus inside can keep.
    pub(super) fn asks(settings: &Subscription) -> impl Iterator<Item = &'static str> {
        let asked = [
            ("order", settings.order == Order::Strict),
            ("ttl", settings.ttl.is_some()),
            ("priority", settings.priority.is_some()),
            ("delay", !settings.delay.is_zero()),
        ];
        asked.into_iter().filter(|(_, asks)| *asks).map(|(field, _)| field)
    }
}

impl Plan {
    /// Event types with a time to live or a delay of their own that go to a topic.
    pub(super) fn terms_to(&self) -> Vec<(TopicIx, EventTypeIx)> {
        let has_terms = |kind: EventTypeIx| {
            let event = &self.events[kind.index()];
            event.ttl != u64::MAX || event.delay.is_some()
        };
        if !(0..self.events.len() as u32).any(|kind| has_terms(EventTypeIx(kind))) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut add = |kind: EventTypeIx, to: &RouteTo| {
            if let RouteTo::Topic(topic) = to
                && has_terms(kind)
            {
                found.push((*topic, kind));
            }
        };
        let mut add_emit = |emit: &EmitPlan| emit.routes.iter().for_each(|route| add(emit.kind, &route.to));
        for node in &self.nodes {
            if let Some(producer) = node.work.source() {
                add_emit(&producer.emit);
            }
            let handlers = node.work.worker().into_iter().flat_map(|worker| &worker.handlers);
            handlers.flat_map(|handler| &handler.emits).for_each(&mut add_emit);
        }
        for producer in self.nodes.iter().filter_map(|node| node.work.source()) {
            for (kind, routes) in &producer.other_routes {
                routes.iter().for_each(|route| add(*kind, &route.to));
            }
        }
        found
    }

    /// Lets every subscription have a line whose records may have terms of their own.
    pub(super) fn lay_lines(&mut self) {
        for (topic, _) in self.terms_to() {
            self.topics[topic.index()].has_terms = true;
        }
        for sub in &mut self.subs {
            let has_terms = |cursor: &u32| {
                let partition = &self.partitions[self.cursors[*cursor as usize].partition as usize];
                self.topics[partition.topic.index()].has_terms
            };
            if sub.is_outside {
                sub.line = None;
            } else if sub.line.is_none() && sub.cursors.iter().any(has_terms) {
                sub.line = Some(Box::new(LinePlan::PLAIN));
            }
            self.has_lines |= sub.line.is_some();
        }
    }
}
