//! Gateways: each request waits for its first reply, until its deadline.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::event_list::Class;
use super::super::state::{Job, Payload, Tag};
use super::super::{Cx, Kernel};
use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime};
use crate::plan::{Plan, Route, Work};
use crate::trace::{NoReply, Observer, What};

/// What a gateway remembers: the requests that wait, by number.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct GatewayState {
    pending: BTreeMap<u64, Pending>,
}

/// A request that waits for its reply.
#[derive(Clone, Debug)]
struct Pending {
    since: u64,
    deadline: u64,
    /// How many ways it went.
    ways: usize,
    /// Those of them that came to nobody.
    silent: Vec<LinkIx>,
    /// It came to somebody: from here on there is something to wait for.
    is_heard: bool,
    /// Its gateway has crashed since: whoever asked still waits, but no reply finds its way any more.
    is_forgotten: bool,
}

impl Kernel {
    /// Makes a source's event and sends it; if the source is a gateway, it is a request.
    pub(super) fn set_forth<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        kind: EventTypeIx,
        routes: &[Route],
        key: u32,
        payload: Option<&Arc<Payload>>,
    ) {
        let Work::Gateway(gateway) = &cx.plan.nodes[node.index()].work else {
            if payload.is_none() && self.publish_straight(cx, node, None, (kind, key), routes) {
                return;
            }
            let slot = self.give_birth(cx, node, None, kind, key, payload);
            self.send(cx, node, routes, slot, payload);
            return;
        };
        let event = EventId::new(node, self.nodes[node.index()].emitted);
        let mut carried = payload.map_or_else(Payload::default, |payload| Payload::clone(payload));
        carried.correlation = Some(event);
        let carried = Arc::new(carried);
        let slot = self.give_birth(cx, node, None, kind, key, Some(&carried));
        let deadline = self.now.saturating_add(gateway.deadline);
        cx.show(What::Requested { node, event, deadline: SimTime::from_nanos(deadline) });
        let pending = Pending {
            since: self.now,
            deadline,
            ways: routes.len(),
            silent: Vec::new(),
            is_heard: false,
            is_forgotten: false,
        };
        self.gateways.entry(node.0).or_default().pending.insert(event.number(), pending);
        // As long as a request waits there is something left to do; its timer alone is housekeeping.
        self.foreground += 1;
        let timer = Job { offset: event.number(), ..Job::timer(Tag::ReplyDue, node.0, Job::NONE) };
        self.arm(deadline, Class::Timer, timer);
        if routes.is_empty() {
            self.end_request(cx, event, NoReply::NoResponders);
        } else {
            self.send(cx, node, routes, slot, Some(&carried));
        }
    }

    /// Something came to a gateway.
    pub(super) fn on_reply<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let slot = self.jobs[handle].slot;
        let node = NodeIx(self.jobs[handle].node);
        let Work::Gateway(gateway) = &cx.plan.nodes[node.index()].work else { return };
        let request = self.jobs.payload(handle).and_then(|payload| payload.correlation);
        let is_own_request = request == Some(slot.event);
        let is_anothers = request.is_some_and(|request| request.origin() != node);
        if is_own_request || is_anothers || !gateway.replies.contains(slot.kind()) {
            return;
        }
        let pending = self.gateways.entry(node.0).or_default();
        let waits = |request: &EventId| pending.pending.get(&request.number()).is_some_and(|one| !one.is_forgotten);
        let Some(event) = request.filter(waits) else {
            cx.show(What::Orphaned { node, event: slot.event, request });
            return;
        };
        if let Some(answered) = pending.pending.remove(&event.number()) {
            self.foreground -= 1;
            let round_trip = SimDuration::from_nanos(self.now - answered.since);
            cx.show(What::Replied { node, event, reply: slot.event, round_trip });
        }
    }

    /// A request came to a bus and nobody is owed it; or whoever was asked would not have it.
    pub(in super::super) fn hears_nobody<O: Observer>(&mut self, cx: &mut Cx<'_, O>, link: LinkIx, event: EventId) {
        let Some(state) = self.gateways.get_mut(&event.origin().0) else { return };
        let Some(pending) = state.pending.get_mut(&event.number()) else { return };
        // One that a fault brought twice comes to nobody twice, by the same way.
        if !pending.silent.contains(&link) {
            pending.silent.push(link);
        }
        if !pending.is_heard && pending.silent.len() >= pending.ways {
            self.end_request(cx, event, NoReply::NoResponders);
        }
    }

    /// A request came to somebody who may answer it.
    pub(in super::super) fn hears_somebody(&mut self, event: EventId) {
        let state = self.gateways.get_mut(&event.origin().0);
        if let Some(pending) = state.and_then(|state| state.pending.get_mut(&event.number())) {
            pending.is_heard = true;
        }
    }

    /// A request's time may be over.
    pub(in super::super) fn on_reply_due<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, number: u64) {
        let state = self.gateways.get(&node.0);
        let is_due = state.and_then(|state| state.pending.get(&number)).is_some_and(|one| one.deadline <= self.now);
        if is_due {
            self.end_request(cx, EventId::new(node, number), NoReply::TimedOut);
        }
    }

    fn end_request<O: Observer>(&mut self, cx: &mut Cx<'_, O>, event: EventId, why: NoReply) {
        let node = event.origin();
        let state = self.gateways.get_mut(&node.0);
        if state.and_then(|state| state.pending.remove(&event.number())).is_some() {
            self.foreground -= 1;
            cx.show(What::Unanswered { node, event, why });
        }
    }

    /// A gateway crashes: it knows of no request any more. Whoever asked waits until the deadline.
    pub(in super::super) fn forget_requests(&mut self, node: NodeIx) {
        if let Some(state) = self.gateways.get_mut(&node.0) {
            for pending in state.pending.values_mut() {
                pending.is_forgotten = true;
            }
        }
    }

    /// An edit removes a gateway.
    pub(in super::super) fn purge_requests<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let pending = self.gateways.get(&node.0).map(|state| state.pending.keys().copied().collect::<Vec<u64>>());
        for number in pending.unwrap_or_default() {
            self.end_request(cx, EventId::new(node, number), NoReply::Purged);
        }
    }

    /// How many requests of a gateway wait for their reply.
    pub fn pending(&self, node: NodeIx) -> u64 {
        self.gateways.get(&node.0).map_or(0, |state| state.pending.len() as u64)
    }
}

/// Whether what an event comes of has to be known wherever it goes: gateways recognise replies by it.
pub(in super::super) fn has_gateways(plan: &Plan) -> bool {
    plan.nodes.iter().any(|node| matches!(node.work, Work::Gateway(_)))
}
