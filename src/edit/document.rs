//! A flow that is being worked on: what it is now, how it was, and whether it is saved.

use std::sync::Arc;

use crate::model::{Flow, FlowError};

use super::Edit;
use super::history::History;

/// A flow with its history.
///
/// Each change makes a new revision; saving remembers which revision was saved, so that an edit made while a save is
/// on its way to the disk stays unsaved.
#[derive(Clone, Debug)]
pub struct Document {
    flow: Arc<Flow>,
    history: History,
    revision: u64,
    saved: Arc<Flow>,
}

impl Document {
    /// A document that has nothing unsaved.
    pub fn new(flow: Flow) -> Self {
        let flow = Arc::new(flow);
        Self { saved: Arc::clone(&flow), flow, history: History::default(), revision: 0 }
    }

    /// Puts another flow in its place, as opened: nothing to undo, nothing unsaved. The revision grows, so that whoever
    /// remembers one knows that this is another flow.
    pub fn replace(&mut self, flow: Flow) {
        *self = Self { revision: self.revision + 1, ..Self::new(flow) };
    }

    /// The flow as it is now.
    pub const fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Grows with each change, undone ones included.
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the flow differs from what was saved last.
    pub fn is_unsaved(&self) -> bool {
        !Arc::ptr_eq(&self.flow, &self.saved) && self.flow != self.saved
    }

    /// Remembers that this very flow was saved; later changes stay unsaved.
    pub fn mark_saved(&mut self, flow: &Arc<Flow>) {
        self.saved = Arc::clone(flow);
    }

    /// Makes one change and one undo step; a change that changes nothing makes none. On `Err` nothing has changed.
    pub fn apply(&mut self, edit: &Edit) -> Result<(), FlowError> {
        let mut next = Flow::clone(&self.flow);
        edit.apply_to(&mut next)?;
        debug_assert!(next.broken_invariants().is_empty(), "{:?}", next.broken_invariants());
        if next != *self.flow {
            self.history.push(edit.label(), Arc::clone(&self.flow));
            self.flow = Arc::new(next);
            self.revision += 1;
        }
        Ok(())
    }

    /// Takes the last change back; whether there was one.
    pub fn undo(&mut self) -> bool {
        let earlier = self.history.undo(&self.flow);
        self.go_to(earlier)
    }

    /// Makes the change again that was taken back last; whether there was one.
    pub fn redo(&mut self) -> bool {
        let later = self.history.redo(&self.flow);
        self.go_to(later)
    }

    fn go_to(&mut self, flow: Option<Arc<Flow>>) -> bool {
        let Some(flow) = flow else { return false };
        self.flow = flow;
        self.revision += 1;
        true
    }

    /// What undo would take back, in words.
    pub fn undo_label(&self) -> Option<&str> {
        self.history.undo_label()
    }

    /// What redo would make again, in words.
    pub fn redo_label(&self) -> Option<&str> {
        self.history.redo_label()
    }
}
