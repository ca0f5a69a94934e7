//! What a step of a run has to know of a node, gathered where it is found at once.
//!
//! A plan is made of many small tables, and a flow of ten thousand nodes has megabytes of them. Nearly every step needs
//! the same few figures of its node: here they share one cache line, and the rest is looked at only where this says so.

use super::Plan;
use super::Sampler;
use super::plan::{EmitPlan, HandlerPlan, Kinds, Route, Work, WorkerPlan};
use crate::model::{Chance, EventTypeIx, Pick};

/// A node.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lane {
    /// How long it takes, if it is plain.
    pub(crate) takes: Sampler,
    /// How many at once, if it is simple.
    pub(crate) concurrency: u32,
    /// Where its inbox is among all inboxes, whether it is still drawn or not.
    pub(crate) inbox: u32,
    /// Its hops, if it is plain.
    first_hop: u32,
    hops: u32,
    /// It works, with neither a rate limit nor instances.
    pub(crate) is_simple: bool,
    /// It is simple, does the same with every event, never fails, and what it emits is computed from nothing.
    pub(crate) is_plain: bool,
    /// It emits one of its hops, rather than each by its own chance.
    pub(crate) picks_one: bool,
    /// It can neither emit nor be called.
    pub(crate) is_sink: bool,
}

/// What a plain node may emit.
#[derive(Clone, Copy)]
pub(crate) struct Hop {
    pub(crate) chance: Chance,
    pub(crate) kind: EventTypeIx,
    pub(crate) count: u32,
    /// How large such an event is.
    pub(crate) size: u64,
    first_route: u32,
    routes: u32,
}

/// The lanes of a plan.
#[derive(Default)]
pub(crate) struct Lanes {
    nodes: Vec<Lane>,
    hops: Vec<Hop>,
    routes: Vec<Route>,
}

impl Lanes {
    /// A node's.
    #[inline]
    pub(crate) fn of(&self, node: usize) -> &Lane {
        &self.nodes[node]
    }

    /// What a plain node may emit.
    #[inline]
    pub(crate) fn hops(&self, lane: &Lane) -> &[Hop] {
        &self.hops[lane.first_hop as usize..][..lane.hops as usize]
    }

    /// The ways that it goes.
    #[inline]
    pub(crate) fn routes(&self, hop: &Hop) -> &[Route] {
        &self.routes[hop.first_route as usize..][..hop.routes as usize]
    }
}

/// Lays the lanes of a plan that is complete but for them.
pub(super) fn lay(plan: &Plan) -> Lanes {
    let mut lanes = Lanes::default();
    lanes.nodes.reserve_exact(plan.nodes.len());
    for node in &plan.nodes {
        let mut lane = Lane {
            takes: Sampler::Fixed(0),
            concurrency: 0,
            inbox: u32::MAX,
            first_hop: 0,
            hops: 0,
            is_simple: false,
            is_plain: false,
            picks_one: false,
            is_sink: false,
        };
        if let Some(worker) = node.work.worker()
            && node.alive
        {
            let WorkerPlan {
                concurrency,
                handlers,
                rate,
                timeout,
                function,
                stream,
                keeps,
                inbox: _,
                fire: _,
                is_sink,
                is_instant: _,
            } = worker;
            lane.concurrency = *concurrency;
            lane.is_sink = *is_sink;
            lane.is_simple = rate.is_none() && function.is_none();
            // Who waits for replies, and who may be cancelled, has more to look at.
            let may_be_plain = timeout.is_none() && matches!(node.work, Work::Worker(_));
            if lane.is_simple
                && keeps.is_none()
                && may_be_plain
                && stream.is_none()
                && let [HandlerPlan { on: Kinds::All, takes, fails: Chance::NEVER, emits, pick, is_plain: true }] =
                    &handlers[..]
            {
                lane.is_plain = true;
                lane.takes = *takes;
                lane.picks_one = *pick == Pick::One;
                lane.first_hop = lanes.hops.len() as u32;
                lane.hops = emits.len() as u32;
                for emit in emits {
                    lanes.hop(emit, plan.events[emit.kind.index()].size);
                }
            }
        }
        lanes.nodes.push(lane);
    }
    for sub in plan.subs.iter().filter(|sub| sub.remembers > 0) {
        // Whoever remembers looks before it does anything.
        for member in &sub.members {
            lanes.nodes[member.node.index()].is_plain = false;
        }
    }
    for link in plan.links.iter().filter(|link| link.call.as_ref().is_some_and(|call| call.timeout != u64::MAX)) {
        lanes.nodes[link.to.index()].is_plain = false;
    }
    for sub in plan.subs.iter().filter(|sub| sub.is_inbox) {
        lanes.nodes[sub.node.index()].inbox = sub.slot;
    }
    lanes
}

impl Lanes {
    fn hop(&mut self, emit: &EmitPlan, size: u64) {
        let EmitPlan { counter: _, kind, chance, count, when: _, after: _, key: _, data: _, routes } = emit;
        let first_route = self.routes.len() as u32;
        self.routes.extend_from_slice(routes);
        let hop = Hop { chance: *chance, kind: *kind, count: *count, size, first_route, routes: routes.len() as u32 };
        self.hops.push(hop);
    }
}
