//! How a service commits its state and its events: both at once into an outbox that a relay empties, or one after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::event_list::Class;
use super::super::state::{Job, Payload, Slot, Tag};
use super::super::{Cx, Kernel, Limit, limits};
use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx};
use crate::plan::{CommitPlan, HandlerPlan, KeepsPlan, Plan, Route, RouteTo};
use crate::trace::{Kept, Observer, Reason};

/// An event that came into being and has not left.
#[derive(Clone, Debug)]
pub(in super::super) struct Unsent {
    pub(in super::super) slot: Slot,
    pub(in super::super) payload: Option<Arc<Payload>>,
    /// Which emit setting made it: it goes the ways that this has when it leaves.
    pub(in super::super) counter: u32,
}

/// The outbox of a service, and where its relay stands.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct OutboxState {
    /// Committed and not marked as published, in the order of the commits.
    entries: VecDeque<Entry>,
    /// The relay's next look is in the list.
    is_armed: bool,
    /// The first entry was published.
    is_sent: bool,
    /// All buses have it: it is about to be marked.
    is_marking: bool,
    /// How many more the relay publishes before it looks again.
    left: u32,
    committed: u64,
    published: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    unsent: Unsent,
    /// Links of buses that have not said that they have it.
    awaits: Vec<u32>,
    attempts: u32,
}

impl OutboxState {
    /// What its process was about to do is gone with it.
    pub(in super::super) const fn forget_timers(&mut self) {
        self.is_armed = false;
        self.is_sent = false;
        self.is_marking = false;
    }
}

/// An outbox as it is right now, for whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxNow {
    /// Events in it.
    pub waiting: u64,
    /// Events committed so far.
    pub committed: u64,
    /// Events marked as published so far.
    pub published: u64,
}

impl Kernel {
    /// A handling ends: its state and what it emits are committed.
    pub(in super::super) fn commit_handling<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        commit: &CommitPlan,
        handler: Option<&HandlerPlan>,
    ) -> Result<(), Reason> {
        let Some(handler) = handler else { return Ok(()) };
        let job = self.jobs[handle];
        let node = NodeIx(job.node);
        self.keeping.commit = Some(Vec::new());
        let emitted = self.emit_all(cx, handle, handler);
        let unsent = self.keeping.commit.take().unwrap_or_default();
        emitted?;
        Self::show_kept(cx, node, Some(job.slot.event), Kept::Committed { events: unsent.len() as u32 });
        match commit {
            CommitPlan::DualWrite { gap } => {
                for Unsent { slot, payload, counter } in unsent {
                    let job = Job { node: node.0, source: counter, ..Job::carrying(slot, Tag::Unsent) };
                    let handle = self.jobs.put_with(job, payload);
                    self.later(self.now.saturating_add(*gap), Class::Completion, handle);
                }
            }
            CommitPlan::Outbox { .. } => {
                let outbox = self.keeping.outboxes.entry(node.0).or_default();
                outbox.committed += unsent.len() as u64;
                let entry = |unsent| Entry { unsent, awaits: Vec::new(), attempts: 0 };
                outbox.entries.extend(unsent.into_iter().map(entry));
                if outbox.entries.len() > limits::PENDING {
                    self.limit = Some(Limit::Pending);
                }
                self.arm_relay(cx.plan, node);
            }
        }
        Ok(())
    }

    /// The second of two writes: the event is published.
    pub(in super::super) fn on_unsent<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let payload = self.jobs.payload_cloned(handle);
        self.jobs.remove(handle);
        let node = NodeIx(job.node);
        self.send(cx, node, cx.plan.routes_of(node, job.source), job.slot, payload.as_ref());
    }

    /// The relay looks at its next turn, if there is something to look for.
    pub(in super::super) fn arm_relay(&mut self, plan: &Plan, node: NodeIx) {
        let Some(KeepsPlan::Commit(CommitPlan::Outbox { every, .. })) = plan.keeps(node) else { return };
        if self.is_down(node) {
            return;
        }
        let Some(outbox) = self.keeping.outboxes.get_mut(&node.0) else { return };
        if outbox.is_armed || outbox.entries.is_empty() {
            return;
        }
        outbox.is_armed = true;
        let due = (self.now / every).saturating_add(1).saturating_mul(*every);
        self.arm(due, Class::Timer, Job::timer(Tag::Relay, node.0, Job::NONE));
    }

    /// The relay looks.
    pub(in super::super) fn on_relay<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Some(KeepsPlan::Commit(CommitPlan::Outbox { batch, .. })) = cx.plan.keeps(node) else { return };
        let is_blocked = self.nodes[node.index()].waiting_out > 0;
        let Some(outbox) = self.keeping.outboxes.get_mut(&node.0) else { return };
        outbox.is_armed = false;
        let is_published = outbox.is_sent && outbox.entries.front().is_some_and(|first| first.awaits.is_empty());
        if is_published {
            self.mark_when_published(cx.plan, node);
        } else if !(outbox.is_sent && is_blocked) {
            // What waits before a full queue will be let in; what was published and never heard of is published again.
            if !outbox.is_sent {
                outbox.left = *batch;
            }
            self.relay_first(cx, node);
        }
        self.arm_relay(cx.plan, node);
    }

    /// Publishes the first entry; for the second time only where no bus said that it has it.
    fn relay_first<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Some(outbox) = self.keeping.outboxes.get_mut(&node.0) else { return };
        let Some(entry) = outbox.entries.front_mut() else { return };
        let routes = cx.plan.routes_of(node, entry.unsent.counter);
        let is_first = !std::mem::replace(&mut outbox.is_sent, true);
        let to_bus = |route: &&Route| matches!(route.to, RouteTo::Topic(_));
        if is_first {
            entry.awaits = routes.iter().filter(to_bus).map(|route| route.link.0).collect();
        }
        let awaits = entry.awaits.clone();
        entry.attempts += 1;
        let (attempt, Unsent { slot, payload, .. }) = (entry.attempts, entry.unsent.clone());
        Self::show_kept(cx, node, Some(slot.event), Kept::Relayed { attempt });
        // Calls have delivery rules of their own: they are made once.
        let goes = |route: &&Route| if to_bus(route) { awaits.contains(&route.link.0) } else { is_first };
        let routes: Vec<Route> = routes.iter().filter(goes).copied().collect();
        self.send(cx, node, &routes, slot, payload.as_ref());
        self.mark_when_published(cx.plan, node);
    }

    /// A bus has an event: if a relay published it, it knows.
    pub(in super::super) fn confirm_publish(&mut self, plan: &Plan, link: LinkIx, event: EventId) {
        let node = event.origin();
        let Some(outbox) = self.keeping.outboxes.get_mut(&node.0) else { return };
        let Some(first) = outbox.entries.front_mut().filter(|first| first.unsent.slot.event == event) else { return };
        if outbox.is_sent {
            first.awaits.retain(|awaited| *awaited != link.0);
            self.mark_when_published(plan, node);
        }
    }

    fn mark_when_published(&mut self, plan: &Plan, node: NodeIx) {
        let Some(KeepsPlan::Commit(CommitPlan::Outbox { marks, .. })) = plan.keeps(node) else { return };
        if self.is_still(node) {
            return;
        }
        let Some(outbox) = self.keeping.outboxes.get_mut(&node.0) else { return };
        let is_published = outbox.is_sent && outbox.entries.front().is_some_and(|first| first.awaits.is_empty());
        if is_published && !outbox.is_marking {
            outbox.is_marking = true;
            let due = self.now.saturating_add(*marks);
            self.arm(due, Class::Timer, Job::timer(Tag::Mark, node.0, Job::NONE));
        }
    }

    /// The first entry is marked as published; the next one has its turn.
    pub(in super::super) fn on_mark<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let marks = |outbox: &&mut OutboxState| outbox.is_marking;
        let Some(outbox) = self.keeping.outboxes.get_mut(&node.0).filter(marks) else { return };
        outbox.is_marking = false;
        outbox.is_sent = false;
        outbox.left = outbox.left.saturating_sub(1);
        outbox.published += 1;
        let (left, first) = (outbox.left, outbox.entries.pop_front());
        if let Some(first) = first {
            Self::show_kept(cx, node, Some(first.unsent.slot.event), Kept::Marked);
        }
        if left > 0 {
            self.relay_first(cx, node);
        }
        self.arm_relay(cx.plan, node);
    }

    /// The settings of a service with an outbox changed: without one, what is left in it leaves at once.
    pub(in super::super) fn change_outbox<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        if let Some(KeepsPlan::Commit(CommitPlan::Outbox { .. })) = cx.plan.keeps(node) {
            self.arm_relay(cx.plan, node);
            return;
        }
        let Some(outbox) = self.keeping.outboxes.remove(&node.0) else { return };
        for Entry { unsent: Unsent { slot, payload, counter }, .. } in outbox.entries {
            self.send(cx, node, cx.plan.routes_of(node, counter), slot, payload.as_ref());
        }
    }

    /// The events of an outbox and how often each was published, at most so many, in the order in which they leave.
    pub fn outbox_waiting(&self, node: NodeIx, most: usize) -> Vec<(EventId, EventTypeIx, u32)> {
        let entries = self.keeping.outboxes.get(&node.0).into_iter().flat_map(|outbox| &outbox.entries);
        let now = |entry: &Entry| (entry.unsent.slot.event, entry.unsent.slot.kind(), entry.attempts);
        entries.take(most).map(now).collect()
    }

    /// An outbox as it is right now; `None` if the node has none.
    pub fn outbox_now(&self, node: NodeIx) -> Option<OutboxNow> {
        let Some(KeepsPlan::Commit(CommitPlan::Outbox { .. })) = self.plan().keeps(node) else { return None };
        let now = |outbox: &OutboxState| OutboxNow {
            waiting: outbox.entries.len() as u64,
            committed: outbox.committed,
            published: outbox.published,
        };
        Some(self.keeping.outboxes.get(&node.0).map_or_else(OutboxNow::default, now))
    }
}
