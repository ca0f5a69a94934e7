//! A run as it is right now, for whoever looks at it: read off its tables, nothing is folded for it.

use super::Kernel;
use super::nodes::StreamNow;
use super::state::{Open, OpenState};
use crate::model::{EventId, EventTypeIx, NodeIx, SimTime, SubIx, TopicIx};
use crate::plan::SubPlan;

/// A node as it is right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeNow {
    /// Events at its door that it has not begun.
    pub waiting: u32,
    /// Events that it handles; for a function, instances in use, those that are getting ready included.
    pub busy: u32,
    /// A function's instances.
    pub instances: u32,
    /// A function's instances that are ready and idle.
    pub idle: u32,
    /// Events it emitted so far.
    pub emitted: u64,
    /// Records that a dead-letter queue has.
    pub dead_letters: u64,
    /// How far a stream processor has come, and what it holds.
    pub stream: Option<StreamNow>,
    /// Whether it waits before a full queue.
    pub is_blocked: bool,
    /// Whether an expression of it broke.
    pub is_broken: bool,
}

impl Kernel {
    /// A node as it is right now.
    pub fn node_now(&self, node: NodeIx) -> NodeNow {
        let Some(state) = self.nodes.get(node.index()) else { return NodeNow::default() };
        let function = self.functions.get(state.extra as usize).filter(|_| self.is_function(node));
        let grave = self.graves.get(state.extra as usize).filter(|_| self.is_grave(node));
        NodeNow {
            waiting: state.queue_len,
            busy: state.busy,
            instances: function.map_or(0, |function| function.total),
            idle: function.map_or(0, |function| function.idle.len() as u32),
            emitted: state.emitted,
            dead_letters: grave.map_or(0, |grave| grave.log.end() - grave.start),
            stream: self
                .streams
                .get(state.extra as usize)
                .filter(|_| self.is_stream(node))
                .map(|state| StreamNow::of(state)),
            is_blocked: state.waiting_out > 0,
            is_broken: state.is_broken,
        }
    }

    fn is_function(&self, node: NodeIx) -> bool {
        self.plan.node_kind(node) == crate::model::KindTag::Function
    }

    fn is_stream(&self, node: NodeIx) -> bool {
        self.plan.node_kind(node) == crate::model::KindTag::Stream
    }

    fn is_grave(&self, node: NodeIx) -> bool {
        self.plan.node_kind(node) == crate::model::KindTag::DeadLetterQueue
    }

    /// How many events a node emitted so far: the number that its next one will have.
    pub fn emitted(&self, node: NodeIx) -> u64 {
        self.nodes.get(node.index()).map_or(0, |state| state.emitted)
    }

    /// How often the partitions of a subscription were dealt out.
    pub fn generation(&self, sub: SubIx) -> u32 {
        let slot = self.plan.subs[sub.index()].slot as usize;
        if self.plan.is_inbox(sub) { 0 } else { self.subs.get(slot).map_or(0, |state| state.generation) }
    }

    /// How many records each partition of a topic still keeps.
    pub fn kept(&self, topic: TopicIx) -> Vec<u64> {
        let partitions = &self.plan.topics[topic.index()].partitions;
        let keeps = self.plan.topics[topic.index()].keeps();
        let kept = |partition: &u32| {
            let state = self.partitions.get(*partition as usize);
            state.map_or(0, |state| if keeps { state.live() } else { state.kept as u64 })
        };
        partitions.iter().map(kept).collect()
    }

    /// The events that wait in front of a node, and since when, at most so many, oldest first: what stands at its door,
    /// then the backlog of the subscriptions that feed it.
    pub fn waiting(&self, node: NodeIx, most: usize) -> Vec<(EventId, EventTypeIx, SimTime)> {
        let Some(state) = self.nodes.get(node.index()) else { return Vec::new() };
        let mut waiting = Vec::new();
        let mut handle = state.queue_head;
        for _ in 0..(state.queue_len as usize).min(most) {
            let job = &self.jobs[handle];
            waiting.push((job.slot.event, job.slot.kind(), SimTime::from_nanos(job.slot.at)));
            handle = job.next;
        }
        let mut backlog: Vec<(u64, EventId, EventTypeIx)> = Vec::new();
        let feeds = |sub: &SubPlan| sub.alive && !sub.is_inbox && sub.members.iter().any(|member| member.node == node);
        for sub in self.plan.subs.iter().filter(|sub| feeds(sub)) {
            for cursor in &sub.cursors {
                let state = &self.cursors[*cursor as usize];
                let log = &self.partitions[self.plan.cursors[*cursor as usize].partition as usize].log;
                let again = state.open.iter().enumerate().filter(|(_, open)| open.state == OpenState::Queued);
                // What comes back waits from then on, and what is read again from when that was asked for.
                let since = |open: &Open| (open.token != 0 || open.is_replay).then_some(open.deadline);
                let again = again.map(|(place, open)| (state.floor + place as u64, since(open)));
                let matches = |offset: &u64| {
                    let place = (offset - state.next) as usize;
                    state.mask.as_ref().is_none_or(|mask| mask.get(place) == Some(&true))
                };
                let end = if state.fresh > 0 { log.end() } else { state.next };
                let offsets = again.chain((state.next..end).filter(matches).map(|offset| (offset, None))).take(most);
                backlog.extend(offsets.filter_map(|(offset, since)| {
                    let slot = log.get(offset)?;
                    Some((since.unwrap_or(slot.at), slot.event, slot.kind()))
                }));
            }
        }
        backlog.sort_unstable();
        waiting.extend(backlog.into_iter().map(|(at, event, kind)| (event, kind, SimTime::from_nanos(at))));
        waiting.truncate(most);
        waiting
    }
}
