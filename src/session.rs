//! The front door for window, command line and tests: everything a person can do, in their words, with plain answers.
//!
//! A session holds one document and at most one run of it. Whoever uses it never sees the kernel or a driver.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::edit::{Document, Edit};
use crate::model::{Flow, FlowError, NodeId, Point, SimTime};
use crate::plan::{self, Problem};

pub use crate::run::view::*;

/// Why something could not be done. Nothing was lost.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The change would break the flow.
    #[error(transparent)]
    Edit(#[from] FlowError),
    /// The flow has errors; [`Session::problems`] names them.
    #[error("{0} problems keep this flow from running")]
    HasErrors(usize),
    /// There is no run.
    #[error("nothing is running")]
    NotRunning,
    /// A file could not be read or written; the text says which and what would help.
    #[error("{0}")]
    File(String),
    /// The file on disk is not the one that was opened or saved last.
    #[error("{} has been changed by another program", .0.display())]
    ChangedOnDisk(PathBuf),
}

/// A document, and a run of it.
pub struct Session {
    document: Document,
    path: Option<PathBuf>,
    problems: Arc<[Problem]>,
    live: Arc<LiveView>,
}

impl Session {
    /// A session with this flow, bound to no file.
    pub fn new(flow: Flow) -> Self {
        let problems = plan::check(&flow).into();
        Self { document: Document::new(flow), path: None, problems, live: Arc::default() }
    }

    // ---- the document ---------------------------------------------------------------------------------------------

    /// The flow as it is now.
    pub const fn flow(&self) -> &Arc<Flow> {
        self.document.flow()
    }

    /// Grows with each change of the flow, undone ones and opened files included.
    pub const fn revision(&self) -> u64 {
        self.document.revision()
    }

    /// Makes one change and one undo step, in the document and in the run. On `Err` nothing has changed.
    pub fn apply(&mut self, edit: &Edit) -> Result<(), SessionError> {
        self.document.apply(edit)?;
        self.problems = plan::check(self.document.flow()).into();
        Ok(())
    }

    /// Takes the last change back; while running, by a forward edit at the current instant. Whether there was one.
    pub fn undo(&mut self) -> bool {
        let undone = self.document.undo();
        self.problems = plan::check(self.document.flow()).into();
        undone
    }

    /// Makes the change again that was taken back last. Whether there was one.
    pub fn redo(&mut self) -> bool {
        let redone = self.document.redo();
        self.problems = plan::check(self.document.flow()).into();
        redone
    }

    /// What undo would take back.
    pub fn undo_label(&self) -> Option<&str> {
        self.document.undo_label()
    }

    /// What redo would make again.
    pub fn redo_label(&self) -> Option<&str> {
        self.document.redo_label()
    }

    /// All problems of the flow as it is now, errors first.
    pub const fn problems(&self) -> &Arc<[Problem]> {
        &self.problems
    }

    /// These nodes and the links between them, as text for the clipboard.
    pub fn copy(&self, _nodes: &[NodeId]) -> String {
        String::new()
    }

    /// Adds what [`Session::copy`] wrote, here or in another session, with fresh ids, its middle at `at`; one undo step. The new nodes.
    pub fn paste(&mut self, _text: &str, _at: Point) -> Result<Vec<NodeId>, SessionError> {
        Ok(Vec::new())
    }

    // ---- files ----------------------------------------------------------------------------------------------------

    /// The file that the document is bound to.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether there is something that was not saved.
    pub fn is_unsaved(&self) -> bool {
        self.document.is_unsaved()
    }

    /// Opens a file in place of the document; ends a run. On `Err` nothing has changed.
    pub fn open(&mut self, _path: &Path) -> Result<(), SessionError> {
        Err(SessionError::File("reading is not built in".to_owned()))
    }

    /// Puts a flow in place of the document that is bound to no file: a new one, an example; ends a run.
    pub fn open_flow(&mut self, flow: Flow) {
        *self = Self::new(flow);
    }

    /// Saves to the file that the document is bound to. Refuses if it was changed on disk since.
    pub fn save(&mut self) -> Result<(), SessionError> {
        Err(SessionError::File("writing is not built in".to_owned()))
    }

    /// Saves to this file, whatever it holds, and binds the document to it.
    pub fn save_as(&mut self, _path: &Path) -> Result<(), SessionError> {
        Err(SessionError::File("writing is not built in".to_owned()))
    }

    /// Whether the bound file on disk is no longer the one that was opened or saved last. Looks at the disk; ask now and then.
    pub fn is_changed_on_disk(&self) -> bool {
        false
    }

    // ---- the run --------------------------------------------------------------------------------------------------

    /// Starts a run of the flow as it is, in place of one that goes on.
    pub fn start(&mut self, _options: StartOptions) -> Result<(), SessionError> {
        Err(SessionError::NotRunning)
    }

    /// Stops time.
    pub fn pause(&mut self) {}

    /// Lets time go on.
    pub fn resume(&mut self) {}

    /// Lets a paused run (or a new one) do one thing.
    pub fn step(&mut self, _step: Step) -> Result<(), SessionError> {
        Err(SessionError::NotRunning)
    }

    /// Ends the run.
    pub fn stop(&mut self, _mode: StopMode) {}

    /// Changes how fast time passes; results stay the same.
    pub fn set_speed(&mut self, _speed: Speed) {}

    /// Makes a producer emit now (or a service take a call), `count` times, with this data (JSON) in place of its own.
    pub fn fire(&mut self, _node: &NodeId, _count: u32, _data: Option<&str>) -> Result<(), SessionError> {
        Err(SessionError::NotRunning)
    }

    /// The latest look at the run. Cheap; ask every frame.
    pub fn live(&self) -> Arc<LiveView> {
        Arc::clone(&self.live)
    }

    /// The virtual instant to draw at: that of the latest look, carried on by the clock on the wall while running.
    pub fn playhead(&self) -> SimTime {
        self.live.now
    }

    /// Which nodes [`LiveView::watched`] holds all figures of: those that an inspector shows.
    pub fn watch(&mut self, _nodes: &[NodeId]) {}

    /// Hands over the log rows that came since the last call, oldest first.
    pub fn drain_log(&mut self, _into: &mut Vec<LogRow>) {}

    /// Asks for an event's card; [`Session::event_card`] has the answer when it is there.
    pub fn ask_event(&mut self, _event: EventRef) {}

    /// The answer to the last [`Session::ask_event`].
    pub fn event_card(&self) -> Answer<EventCard> {
        Answer::None
    }

    /// Asks for the first events waiting in front of a node (or in a dead-letter queue); [`Session::queue`] has the answer.
    pub fn ask_queue(&mut self, _node: &NodeId) {}

    /// The answer to the last [`Session::ask_queue`]: at most 1000, oldest first.
    pub fn queue(&self) -> Answer<Vec<RelatedEvent>> {
        Answer::None
    }

    /// Calls `wake` whenever there is something new to look at. It is called from another thread and must be quick.
    pub fn on_change(&mut self, _wake: Arc<dyn Fn() + Send + Sync>) {}
}
