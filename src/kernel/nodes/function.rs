//! Functions: instances that come with demand, cold, and go with idleness.

use super::super::event_list::Class;
use super::super::state::{Job, Tag};
use super::super::{Cx, Kernel};
use crate::model::{NodeIx, SimTime};
use crate::plan::{FunctionPlan, Work};
use crate::trace::{Observer, What};

/// The window in which only so many instances may be created: AWS Lambda's.
const SCALE_OUT_WINDOW: u64 = 10_000_000_000;

impl Kernel {
    /// Whether an event that comes now gets an instance: a warm one, or a new one.
    pub(super) fn has_instance<O: Observer>(&mut self, cx: &Cx<'_, O>, node: NodeIx, function: &FunctionPlan) -> bool {
        let Work::Worker(worker) = &cx.plan.nodes[node.index()].work else { return false };
        let (limit, now) = (worker.concurrency, self.now);
        let extra = self.nodes[node.index()].extra as usize;
        let state = &mut self.functions[extra];
        if !state.idle.is_empty() {
            return true;
        }
        if state.total >= limit {
            return false;
        }
        while state.created.front().is_some_and(|at| at.saturating_add(SCALE_OUT_WINDOW) <= now) {
            state.created.pop_front();
        }
        if state.created.len() < function.scale_out as usize + usize::from(planted!(ScalesOutOneMore)) {
            return true;
        }
        if !state.scale_armed
            && let Some(oldest) = state.created.front()
        {
            let due = oldest.saturating_add(SCALE_OUT_WINDOW);
            state.scale_armed = true;
            self.arm(due, Class::Timer, Job::timer(Tag::ScaleOut, node.0, Job::NONE));
        }
        false
    }

    /// Takes the instance used last, whose caches are warmest; else a new one. Whether it is ready at once.
    pub(super) fn occupy_instance<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        function: &FunctionPlan,
        handle: u32,
    ) -> bool {
        let extra = self.nodes[node.index()].extra as usize;
        let state = &mut self.functions[extra];
        if state.idle.pop_back().is_some() {
            return true;
        }
        state.total += 1;
        state.created.push_back(self.now);
        let instances = state.total;
        let start = self.rest[node.index()].arrival.sample(&function.cold_start);
        let ready = self.now.saturating_add(start);
        cx.show(What::InstanceStarted { node, cold: true, ready: SimTime::from_nanos(ready), instances });
        self.jobs[handle].tag = Tag::Cold;
        self.later(ready, Class::Completion, handle);
        false
    }

    /// An instance has nothing to do for now.
    pub(super) fn release_instance<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, function: &FunctionPlan) {
        let Work::Worker(worker) = &cx.plan.nodes[node.index()].work else { return };
        let now = self.now;
        let extra = self.nodes[node.index()].extra as usize;
        let state = &mut self.functions[extra];
        if state.total > worker.concurrency {
            // An edit allows fewer than there are.
            state.total -= 1;
            let instances = state.total;
            cx.show(What::InstanceReclaimed { node, instances });
            return;
        }
        state.idle.push_back(now);
        if !state.reclaim_armed && state.total > function.provisioned {
            state.reclaim_armed = true;
            let due = now.saturating_add(function.keep_warm).saturating_add(u64::from(planted!(WarmTooLong)));
            self.arm(due, Class::Timer, Job::timer(Tag::Reclaim, node.0, Job::NONE));
        }
    }

    /// Gives back what was idle for too long, the provisioned instances apart.
    pub(in super::super) fn on_reclaim<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Work::Worker(worker) = &cx.plan.nodes[node.index()].work else { return };
        let Some(function) = &worker.function else { return };
        let now = self.now;
        let extra = self.nodes[node.index()].extra as usize;
        let state = &mut self.functions[extra];
        state.reclaim_armed = false;
        while state.total > function.provisioned
            && state.idle.front().is_some_and(|since| since.saturating_add(function.keep_warm) <= now)
        {
            state.idle.pop_front();
            state.total -= 1;
            let instances = state.total;
            cx.show(What::InstanceReclaimed { node, instances });
        }
        if state.total > function.provisioned
            && let Some(since) = state.idle.front()
        {
            let due = since.saturating_add(function.keep_warm);
            state.reclaim_armed = true;
            self.arm(due, Class::Timer, Job::timer(Tag::Reclaim, node.0, Job::NONE));
        }
    }

    /// More instances may come again.
    pub(in super::super) fn on_scale_out<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let extra = self.nodes[node.index()].extra as usize;
        self.functions[extra].scale_armed = false;
        self.begin_next(cx, node);
    }

    /// Warms the instances that are always there, up to as many as the plan says.
    pub(in super::super) fn provision<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Work::Worker(worker) = &cx.plan.nodes[node.index()].work else { return };
        let Some(function) = &worker.function else { return };
        let now = self.now;
        let extra = self.nodes[node.index()].extra as usize;
        while self.functions[extra].total < function.provisioned {
            let state = &mut self.functions[extra];
            state.total += 1;
            state.idle.push_back(now);
            let instances = state.total;
            cx.show(What::InstanceStarted { node, cold: false, ready: SimTime::from_nanos(now), instances });
        }
    }
}
