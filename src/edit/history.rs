//! What can be undone and redone: earlier and later flows, kept whole and shared.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::Flow;

/// How many changes can be undone. The oldest is forgotten first.
const STEPS: usize = 2_000;

/// A change that can be taken back or made again.
#[derive(Clone, Debug)]
struct Step {
    label: String,
    flow: Arc<Flow>,
}

/// The flows before and after the present one, and what people call the way between them.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    undo: VecDeque<Step>,
    redo: Vec<Step>,
}

impl History {
    /// Remembers the flow as it was before a change; what was undone can no longer be redone.
    pub(super) fn push(&mut self, label: String, before: Arc<Flow>) {
        if self.undo.len() == STEPS {
            self.undo.pop_front();
        }
        self.undo.push_back(Step { label, flow: before });
        self.redo.clear();
    }

    /// The flow before the last change, for `present`, which can then be had back.
    pub(super) fn undo(&mut self, present: &Arc<Flow>) -> Option<Arc<Flow>> {
        let step = self.undo.pop_back()?;
        self.redo.push(Step { label: step.label, flow: Arc::clone(present) });
        Some(step.flow)
    }

    /// The flow after the change that was undone last.
    pub(super) fn redo(&mut self, present: &Arc<Flow>) -> Option<Arc<Flow>> {
        let step = self.redo.pop()?;
        self.undo.push_back(Step { label: step.label, flow: Arc::clone(present) });
        Some(step.flow)
    }

    pub(super) fn undo_label(&self) -> Option<&str> {
        self.undo.back().map(|step| step.label.as_str())
    }

    pub(super) fn redo_label(&self) -> Option<&str> {
        self.redo.last().map(|step| step.label.as_str())
    }
}
