//! What nodes keep that outlives their crashes, and when it is looked at: at the end of a handling, when a node crashes or
//! is there again, and when the flow is edited.
//!
//! A run in which nobody keeps anything pays for an empty table here and there, and for nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::nodes::{OutboxState, SagasState, StoreState, Unsent};
use super::state::Tag;
use super::{Cx, Kernel};
use crate::model::NodeIx;
use crate::plan::{HandlerPlan, KeepsPlan, Plan};
use crate::trace::{Kept, Observer, Reason, What};

/// What all nodes of a run keep. Plain data; large parts are shared by keyframes until they change.
#[derive(Clone, Debug, Default)]
pub(super) struct Keeping {
    pub(super) stores: BTreeMap<u32, Arc<StoreState>>,
    pub(super) outboxes: BTreeMap<u32, OutboxState>,
    pub(super) sagas: BTreeMap<u32, SagasState>,
    /// Of each job in hand the node, and the version that it read when it was begun.
    pub(super) read: BTreeMap<u32, (u32, u64)>,
    /// While a handling commits: what it emits, which leaves later.
    pub(super) commit: Option<Vec<Unsent>>,
}

impl Kernel {
    /// A handling that keeps something begins.
    pub(super) fn begin_to_keep<O: Observer>(&mut self, cx: &Cx<'_, O>, handle: u32, keeps: &KeepsPlan) {
        match keeps {
            KeepsPlan::Store(store) => self.read_store(cx, handle, store),
            KeepsPlan::Commit(_) | KeepsPlan::Saga(_) => {}
        }
    }

    /// A handling that keeps something ends, and has not failed so far. On `Err` nothing has changed.
    pub(super) fn keep<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        keeps: &KeepsPlan,
        handler: Option<&HandlerPlan>,
    ) -> Result<(), Reason> {
        match keeps {
            KeepsPlan::Store(store) => self.take_into_store(cx, handle, store, handler),
            KeepsPlan::Commit(commit) => self.commit_handling(cx, handle, commit, handler),
            KeepsPlan::Saga(saga) => self.move_saga(cx, handle, saga, handler),
        }
    }

    pub(super) fn show_kept<O: Observer>(
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        event: Option<crate::model::EventId>,
        what: Kept<'_>,
    ) {
        cx.show(What::Kept { node, event, what });
    }

    /// A node crashed, or is drawn no more: what it kept is on its disk, what it was about to do with it is not.
    pub(super) fn stop_keeping(&mut self, node: NodeIx) {
        self.keeping.read.retain(|_, (reader, _)| *reader != node.0);
        if let Some(outbox) = self.keeping.outboxes.get_mut(&node.0) {
            outbox.forget_timers();
        }
    }

    /// A node that had crashed, or was drawn no more, is there again, and reads what it kept.
    pub(super) fn recover_keeping<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        match cx.plan.keeps(node) {
            Some(KeepsPlan::Store(store)) => self.recover_store(cx, node, store),
            Some(KeepsPlan::Saga(_)) => self.recover_sagas(node),
            Some(KeepsPlan::Commit(_)) | None => {}
        }
        self.arm_relay(cx.plan, node);
    }

    /// A node stays: what its settings make of what it keeps takes effect.
    pub(super) fn change_keeping<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan, node: NodeIx) {
        if let Some(store) = cx.plan.store(node)
            && old.store(node).is_none_or(|before| !store.makes_same(before))
        {
            self.refold_store(cx, node, store);
        }
        if self.keeping.outboxes.contains_key(&node.0) {
            self.change_outbox(cx, node);
        }
    }
}

impl Tag {
    /// Whether it is about what a node keeps: a timer of its own process, which goes with a crash.
    pub(super) const fn is_keeping(self) -> bool {
        matches!(self, Self::Relay | Self::Mark | Self::Unsent | Self::SagaTimer)
    }
}
