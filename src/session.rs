//! The front door for window, command line and tests: everything a person can do, in their words, with plain answers.
//!
//! A session holds one document and at most one run of it. Whoever uses it never sees the kernel or a driver.

mod examples;
mod files;
mod headless;
mod questions;
mod settings;
mod testing;
mod trace_line;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::edit::{Document, Edit};
use crate::file;
use crate::model::{
    EventName, EventType, FaultKind, FaultTarget, Flow, FlowError, FlowParts, KindTag, LinkId, Node, NodeId, NodeKind,
    Point, Rail, SimDuration, SimTime, StartAt, limits,
};
use crate::plan::{self, Capabilities, Problem, Severity};
use crate::run::brokers::Adapter;
use crate::run::journal::{Injected, Journal, Revision};
use crate::run::live::{self, Begin, Command, Connect, LiveRun, Wake};
use crate::store::{self, ContentHash, Disk, Expected, LoadError, OnDisk, SaveError};

pub use crate::export::Format as ExportFormat;
pub use crate::expr::{
    Candidate, CandidateKind, ExprError, FUNCTIONS, FunctionGroup, FunctionHelp, Paint, Purpose, Vocabulary, paint,
    place_of,
};
pub use crate::run::glimpse::Glimpse;
pub use crate::run::report::{LinkReport, PublishReport, Report};
pub use crate::run::view::*;
pub use crate::trace::LedgerCounts as LedgerReport;

pub use self::examples::{EXAMPLES, Example, WELCOME};
pub use self::files::check_file;
pub use self::headless::{Ending, SimulateOptions, Simulated, TEN_MINUTES, WatchSimulation, rerun};
pub use self::settings::{Settings, SettingsTheme, WindowPlace};
pub use self::testing::{TestOptions, Tested, TestedLine, WatchTest};
pub use self::trace_line::TraceLine;
pub use self::vocabulary::expression_error;

use self::files::Logs;
use self::questions::Questions;
use self::vocabulary::Learnt;

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
    /// What was asked for cannot be, and why.
    #[error("{0}")]
    Refused(String),
    /// A file could not be read or written; the text says which and what would help.
    #[error("{0}")]
    File(String),
    /// The file could be read, but holds no flow.
    #[error("{}:{}{}", .path.display(), .faults.first().map_or("", String::as_str), more(.faults.len()))]
    NotAFlow {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, each with line and column; at least one.
        faults: Vec<String>,
        /// What it holds, for a look at it, read-only.
        text: String,
    },
    /// The file on disk is not the one that was opened or saved last.
    #[error("{} has been changed by another program", .0.display())]
    ChangedOnDisk(PathBuf),
}

fn more(faults: usize) -> String {
    match faults {
        0 | 1 => String::new(),
        2 => " (and one more fault)".to_owned(),
        faults => format!(" (and {} more faults)", faults - 1),
    }
}

/// A document, and a run of it.
pub struct Session {
    document: Document,
    file: Option<BoundFile>,
    problems: Arc<[Problem]>,
    /// What only starting or editing a run can find: a log that cannot be read, an edit that a run cannot follow.
    run_problems: Vec<Problem>,
    run: Option<Run>,
    clock: Clock,
    wake: Option<Wake>,
    watched: Vec<NodeId>,
    questions: Questions,
    /// What logs were found to carry, for completion.
    learnt: Learnt,
    idle: Arc<LiveView>,
}

/// A file that the document is bound to.
#[derive(Clone, Debug)]
struct BoundFile {
    path: PathBuf,
    hash: ContentHash,
}

/// A run, and what it follows.
struct Run {
    live: LiveRun,
    /// The latest revision that was sent in.
    revision: Revision,
    /// The logs that were read for it.
    logs: Logs,
    /// The flow whose expectations it is held against.
    judged: Arc<Flow>,
}

/// Where runs live: on the runtime of whoever has one, or on our own, made when it is first needed.
#[derive(Default)]
struct Clock {
    given: Option<Handle>,
    own: Option<Runtime>,
}

impl Clock {
    /// Threads of our own runtime: one paces, the other keeps timers and questions going while it is busy.
    const WORKERS: usize = 2;

    fn handle(&mut self) -> Result<Handle, SessionError> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let own = match self.own.take() {
            Some(runtime) => runtime,
            None => Builder::new_multi_thread()
                .worker_threads(Self::WORKERS)
                .thread_name("eventloom-run")
                .enable_time()
                .build()
                .map_err(|error| SessionError::Refused(format!("the system gives no threads to run on: {error}")))?,
        };
        Ok(self.own.insert(own).handle().clone())
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // Not waited for: a window that closes must not hang on a run, nor may a runtime wait within another one.
        if let Some(runtime) = self.own.take() {
            runtime.shutdown_background();
        }
    }
}

impl Session {
    /// A session with this flow, bound to no file.
    pub fn new(flow: Flow) -> Self {
        let problems = plan::check(&flow).into();
        Self {
            document: Document::new(flow),
            file: None,
            problems,
            run_problems: Vec::new(),
            run: None,
            clock: Clock::default(),
            wake: None,
            watched: Vec::new(),
            questions: Questions::default(),
            learnt: Learnt::default(),
            idle: Arc::default(),
        }
    }

    /// A session with the flow of this file, bound to it.
    pub fn from_file(path: &Path) -> Result<Self, SessionError> {
        let mut session = Self::new(Flow::new(""));
        session.open(path)?;
        Ok(session)
    }

    /// Runs live on this runtime from here on, with its clock, instead of one of our own.
    pub fn run_on(&mut self, runtime: Handle) {
        self.run = None;
        self.clock.given = Some(runtime);
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
        self.follow_document();
        Ok(())
    }

    /// Takes the last change back; while running, by a forward edit at the current instant. Whether there was one.
    pub fn undo(&mut self) -> bool {
        let undone = self.document.undo();
        self.follow_document();
        undone
    }

    /// Makes the change again that was taken back last. Whether there was one.
    pub fn redo(&mut self) -> bool {
        let redone = self.document.redo();
        self.follow_document();
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

    /// All problems of the flow as it is now, errors first; with what the last start or edit of a run found besides.
    pub const fn problems(&self) -> &Arc<[Problem]> {
        &self.problems
    }

    /// These nodes and the links between them, as text for the clipboard.
    pub fn copy(&self, nodes: &[NodeId]) -> String {
        file::write_fragment(self.flow(), nodes)
    }

    /// Adds what [`Session::copy`] wrote, here or in another session, with fresh ids, its middle at `at`; one undo step. The new nodes.
    pub fn paste(&mut self, text: &str, at: Point) -> Result<Vec<NodeId>, SessionError> {
        let fragment = file::read_fragment(text)
            .map_err(|error| SessionError::Refused(format!("the clipboard holds no nodes: {}", error.first())))?;
        let (edit, nodes) = fragment.paste_into(self.flow(), Some(at));
        self.apply(&edit)?;
        Ok(nodes)
    }

    /// The flow in another format.
    pub fn export(&self, format: ExportFormat) -> String {
        crate::export::export(self.flow(), format)
    }

    /// Writes the flow in another format to a file, in place of what it holds.
    pub fn export_to(&self, format: ExportFormat, path: &Path) -> Result<(), SessionError> {
        let text = self.export(format);
        store::write_text(&Disk, &text, path).map_err(|error| SessionError::File(error.to_string()))
    }

    // ---- files ----------------------------------------------------------------------------------------------------

    /// The file that the document is bound to.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// Whether there is something that was not saved.
    pub fn is_unsaved(&self) -> bool {
        self.document.is_unsaved()
    }

    /// Opens a file in place of the document; ends a run. On `Err` nothing has changed.
    pub fn open(&mut self, path: &Path) -> Result<(), SessionError> {
        let loaded = store::load(&Disk, path).map_err(load_error)?;
        self.replace(loaded.flow, Some(BoundFile { path: loaded.path, hash: loaded.hash }));
        Ok(())
    }

    /// Puts a flow in place of the document that is bound to no file: a new one, an example; ends a run.
    pub fn open_flow(&mut self, flow: Flow) {
        self.replace(flow, None);
    }

    /// Opens one of [`EXAMPLES`] by its name; ends a run. On `Err` nothing has changed.
    pub fn open_example(&mut self, name: &str) -> Result<(), SessionError> {
        let example = EXAMPLES.iter().find(|example| example.name == name);
        let example = example.ok_or_else(|| SessionError::Refused(format!("there is no example “{name}”")))?;
        self.open_flow(example.flow());
        Ok(())
    }

    fn replace(&mut self, flow: Flow, file: Option<BoundFile>) {
        self.run = None;
        self.questions = Questions::default();
        self.document.replace(flow);
        self.file = file;
        self.run_problems.clear();
        self.find_problems();
        self.wake();
    }

    /// Saves to the file that the document is bound to. Refuses if it was changed on disk since.
    pub fn save(&mut self) -> Result<(), SessionError> {
        let Some(file) = &self.file else {
            return Err(SessionError::File("this flow has no file yet: save it under a name".to_owned()));
        };
        let (path, expected) = (file.path.clone(), Expected::Still(file.hash));
        self.write(&path, expected)
    }

    /// Saves to this file, whatever it holds, and binds the document to it.
    pub fn save_as(&mut self, path: &Path) -> Result<(), SessionError> {
        self.write(path, Expected::Anything)
    }

    fn write(&mut self, path: &Path, expected: Expected) -> Result<(), SessionError> {
        let flow = Arc::clone(self.flow());
        let hash = store::save(&Disk, &flow, path, expected).map_err(|error| match error {
            SaveError::ChangedOnDisk { path } => SessionError::ChangedOnDisk(path),
            error => SessionError::File(error.to_string()),
        })?;
        self.file = Some(BoundFile { path: path.to_owned(), hash });
        self.document.mark_saved(&flow);
        Ok(())
    }

    /// Whether the bound file on disk is no longer the one that was opened or saved last. Looks at the disk; ask now and then.
    pub fn is_changed_on_disk(&self) -> bool {
        match &self.file {
            Some(file) => store::on_disk(&Disk, &file.path, file.hash) == OnDisk::Changed,
            None => false,
        }
    }

    /// What the flow is called in a report: its file without the extension, or its name made into one.
    fn report_name(&self) -> String {
        if let Some(stem) = self.path().and_then(Path::file_stem) {
            return stem.to_string_lossy().into_owned();
        }
        let words = self.flow().name().split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let name = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
        if name.is_empty() { "flow".to_owned() } else { name }
    }

    // ---- the run --------------------------------------------------------------------------------------------------

    /// Starts a run of the flow as it is, in place of one that goes on.
    pub fn start(&mut self, options: StartOptions) -> Result<(), SessionError> {
        self.start_for(options, None)
    }

    /// As [`Session::start`]; the run ends by itself after so much virtual time.
    pub fn start_for(&mut self, options: StartOptions, limit: Option<SimDuration>) -> Result<(), SessionError> {
        self.start_run(options, limit, BTreeMap::new(), None)
    }

    /// As [`Session::start_for`], with one bus carried by a broker outside instead of by the machine.
    ///
    /// Nothing of it is in the flow: it is an option of the run, and its journal alone runs it again with nobody outside.
    pub fn start_outside(
        &mut self,
        options: StartOptions,
        limit: Option<SimDuration>,
        bus: &NodeId,
        adapter: impl Adapter,
    ) -> Result<(), SessionError> {
        let outside = BTreeMap::from([(bus.clone(), adapter.capabilities())]);
        self.start_run(options, limit, outside, Some(live::carry(bus.clone(), adapter)))
    }

    fn start_run(
        &mut self,
        options: StartOptions,
        limit: Option<SimDuration>,
        outside: BTreeMap<NodeId, Capabilities>,
        connect: Option<Connect>,
    ) -> Result<(), SessionError> {
        let mut logs = Logs::carrying(outside);
        let revision = self.compile(&mut logs)?;
        let seed = options.seed.unwrap_or_else(|| self.flow().seed());
        let begin = Begin {
            name: self.report_name(),
            speed: options.speed,
            paused: options.paused,
            until: limit.map(|limit| SimTime::ZERO + limit),
            watched: self.watched.clone(),
            wake: self.wake.clone(),
            connect,
        };
        // The earlier run ends before the next one begins: it must not go on beside it.
        self.run = None;
        self.questions = Questions::default();
        let runtime = self.clock.handle()?;
        let live = LiveRun::start(&runtime, Journal::new(revision.clone(), seed), begin);
        let judged = Arc::clone(&revision.flow);
        self.run = Some(Run { live, revision, logs, judged });
        self.wake();
        Ok(())
    }

    /// Makes the flow as it is now runnable, from the start; what keeps it from that is among the problems then.
    fn compile(&mut self, logs: &mut Logs) -> Result<Revision, SessionError> {
        self.run_problems.clear();
        let (inputs, unread) = logs.read(self.flow(), self.path());
        self.run_problems = unread;
        self.find_problems();
        if let Some(errors) = self.error_count() {
            return Err(SessionError::HasErrors(errors));
        }
        Revision::compile(self.flow(), &Arc::new(inputs), None).map_err(|problems| {
            self.run_problems = problems;
            self.find_problems();
            SessionError::HasErrors(self.error_count().unwrap_or(1))
        })
    }

    fn error_count(&self) -> Option<usize> {
        let errors = self.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        (errors > 0).then_some(errors)
    }

    fn find_problems(&mut self) {
        let mut problems = plan::check(self.document.flow());
        problems.extend(self.run_problems.iter().cloned());
        // Stable: within a severity the order of the file.
        problems.sort_by_key(|problem| problem.severity);
        problems.dedup();
        self.problems = problems.into();
    }

    /// Brings problems and run up to date with the document.
    fn follow_document(&mut self) {
        self.run_problems.clear();
        self.find_problems();
        let Some(mut run) = self.run.take() else { return };
        if run.live.view().state != RunState::Ended {
            let follows = self.send_edit(&mut run);
            let flow = self.document.flow();
            // After the edit: what is expected may be about what it adds. It changes nothing in the run itself.
            if flow.expectations() != run.judged.expectations() && run.live.send(Command::Expect(Arc::clone(flow))) {
                run.judged = Arc::clone(flow);
            }
            run.live.send(Command::RunsEarlierDrawing(!follows));
            if !self.run_problems.is_empty() {
                self.find_problems();
            }
        }
        self.run = Some(run);
    }

    /// Sends the document's flow into the run, if it means something else than what runs. Whether the run follows it.
    fn send_edit(&mut self, run: &mut Run) -> bool {
        let flow = self.document.flow();
        if means_the_same(flow, &run.revision.flow) {
            return true;
        }
        if self.error_count().is_some() {
            return false;
        }
        let (inputs, unread) = run.logs.read(flow, self.path());
        if !unread.is_empty() {
            self.run_problems = unread;
            return false;
        }
        match Revision::compile(flow, &Arc::new(inputs), Some(&run.revision.plan)) {
            Ok(revision) => {
                let sent = run.live.send(Command::Inject(Injected::Edit(revision.clone())));
                if sent {
                    run.revision = revision;
                }
                sent
            }
            Err(problems) => {
                self.run_problems = problems;
                false
            }
        }
    }

    /// Stops time.
    pub fn pause(&mut self) {
        self.tell(Command::Pause);
    }

    /// Lets time go on.
    pub fn resume(&mut self) {
        self.tell(Command::Resume);
    }

    /// Lets a paused run (or a new one) do one thing.
    pub fn step(&mut self, step: Step) -> Result<(), SessionError> {
        if !self.is_alive() {
            self.start(StartOptions { paused: true, ..StartOptions::default() })?;
        }
        self.tell(Command::Step(step));
        Ok(())
    }

    /// Ends the run.
    pub fn stop(&mut self, mode: StopMode) {
        self.tell(Command::Stop(mode));
    }

    /// Changes how fast time passes; results stay the same.
    pub fn set_speed(&mut self, speed: Speed) {
        self.tell(Command::SetSpeed(speed));
    }

    /// Makes a producer emit now (or a service take a call), `count` times, with this data (JSON) in place of its own.
    pub fn fire(&mut self, node: &NodeId, count: u32, data: Option<&str>) -> Result<(), SessionError> {
        if !self.is_alive() {
            return Err(SessionError::NotRunning);
        }
        let tag = self.flow().node(node).map(|node| node.kind.tag());
        let tag = tag.ok_or_else(|| FlowError::NoNode(node.clone()))?;
        if !tag.is_fired() {
            let what = tag.label().to_lowercase();
            return Err(SessionError::Refused(format!(
                "a {what} cannot be fired by hand: fire a producer or a service"
            )));
        }
        if count > limits::EMITS {
            return Err(SessionError::Refused(format!("at most {} events can be fired at once", limits::EMITS)));
        }
        let data = match data {
            Some(text) => Some(Arc::new(
                serde_json::from_str(text).map_err(|error| SessionError::Refused(format!("not JSON: {error}")))?,
            )),
            None => None,
        };
        self.tell(Command::Inject(Injected::Fire { node: node.clone(), count, data }));
        Ok(())
    }

    /// Breaks a node or a link of the run now, until it is healed or for so long. The flow stays as it is.
    pub fn break_now(
        &mut self,
        on: &FaultTarget,
        kind: FaultKind,
        lasts: Option<SimDuration>,
    ) -> Result<(), SessionError> {
        if !self.is_alive() {
            return Err(SessionError::NotRunning);
        }
        if let FaultTarget::Node(id) = on {
            let node = self.flow().node(id).ok_or_else(|| FlowError::NoNode(id.clone()))?;
            if !kind.is_for_node(node.kind.tag()) {
                let (who, what) = (node.kind.tag().label().to_lowercase(), kind.label().to_lowercase());
                return Err(SessionError::Refused(format!("a {who} cannot have the fault “{what}”")));
            }
        }
        for id in on.links() {
            self.flow().link(id).ok_or_else(|| FlowError::NoLink(id.clone()))?;
            if !kind.is_for_links() {
                let what = kind.label().to_lowercase();
                return Err(SessionError::Refused(format!("a link cannot have the fault “{what}”")));
            }
        }
        if let FaultKind::Delay { by, .. } = &kind
            && let Some(wrong) = by.fault()
        {
            return Err(SessionError::Refused(wrong.to_owned()));
        }
        self.tell(Command::Inject(Injected::Break { on: on.clone(), kind, lasts }));
        Ok(())
    }

    /// Heals a node or a link of the run now: every fault about it is over, also one of the scenario.
    pub fn heal_now(&mut self, on: &FaultTarget) -> Result<(), SessionError> {
        if !self.is_alive() {
            return Err(SessionError::NotRunning);
        }
        self.tell(Command::Inject(Injected::Heal(on.clone())));
        Ok(())
    }

    /// Has a view of the run worked out again from the log of its topics, from the first record on.
    pub fn rebuild(&mut self, view: &NodeId) -> Result<(), SessionError> {
        if !self.is_alive() {
            return Err(SessionError::NotRunning);
        }
        let node = self.flow().node(view).ok_or_else(|| FlowError::NoNode(view.clone()))?;
        if !node.kind.is_view() {
            let what = node.kind.tag().label().to_lowercase();
            return Err(SessionError::Refused(format!("a {what} that keeps no view cannot be rebuilt")));
        }
        self.tell(Command::Inject(Injected::Rebuild(view.clone())));
        Ok(())
    }

    /// Seeks the subscription of a link to a place of its topics' logs: it goes on reading there. The flow stays as it is.
    ///
    /// What it has settled from there on comes once more, marked as a replay; what waits before is not read any more.
    pub fn seek(&mut self, link: &LinkId, to: StartAt) -> Result<(), SessionError> {
        if !self.is_alive() {
            return Err(SessionError::NotRunning);
        }
        let drawn = self.flow().link(link).ok_or_else(|| FlowError::NoLink(link.clone()))?;
        if drawn.subscription().is_none() {
            return Err(SessionError::Refused("only a subscription reads a log that it can be sought in".to_owned()));
        }
        self.tell(Command::Inject(Injected::Seek { link: link.clone(), to }));
        Ok(())
    }

    fn is_alive(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.live.view().state.is_alive())
    }

    fn tell(&self, command: Command) {
        if let Some(run) = &self.run {
            // An ended run takes no commands, and needs none.
            run.live.send(command);
        }
    }

    /// The latest look at the run. Cheap; ask every frame.
    pub fn live(&self) -> Arc<LiveView> {
        self.run.as_ref().map_or_else(|| Arc::clone(&self.idle), |run| run.live.view())
    }

    /// The virtual instant to draw at: that of the latest look, carried on by the clock on the wall while running.
    pub fn playhead(&self) -> SimTime {
        self.run.as_ref().map_or(SimTime::ZERO, |run| run.live.playhead())
    }

    /// Which nodes [`LiveView::watched`] holds all figures of: those that an inspector shows.
    pub fn watch(&mut self, nodes: &[NodeId]) {
        if self.watched != nodes {
            nodes.clone_into(&mut self.watched);
            self.tell(Command::Watch(self.watched.clone()));
        }
    }

    /// Hands over the log rows that came since the last call, oldest first.
    pub fn drain_log(&mut self, into: &mut Vec<LogRow>) {
        if let Some(run) = &self.run {
            run.live.drain_log(into);
        }
    }

    /// The report of the run, once it has ended.
    pub fn report(&self) -> Option<Report> {
        self.run.as_ref()?.live.report()
    }

    /// What came into the run from outside so far: with it, the run can be run again.
    pub fn journal(&self) -> Option<Journal> {
        Some(self.run.as_ref()?.live.past().journal())
    }

    /// Asks for an event's card; [`Session::event_card`] has the answer when it is there.
    pub fn ask_event(&mut self, event: EventRef) {
        let Some(run) = &self.run else { return };
        if let Ok(runtime) = self.clock.handle() {
            self.questions.ask_event(&runtime, &run.live, event, self.wake.clone());
        }
    }

    /// The answer to the last [`Session::ask_event`].
    pub fn event_card(&self) -> Answer<EventCard> {
        self.questions.event_card()
    }

    /// Asks for the first events waiting in front of a node (or in a dead-letter queue); [`Session::queue`] has the answer.
    pub fn ask_queue(&mut self, node: &NodeId) {
        if let Some(run) = &self.run {
            self.questions.ask_queue(&run.live, node);
        }
    }

    /// The answer to the last [`Session::ask_queue`]: at most 1000, oldest first.
    pub fn queue(&self) -> Answer<Vec<WaitingEvent>> {
        self.questions.queue()
    }

    /// Calls `wake` whenever there is something new to look at. It is called from another thread and must be quick.
    pub fn on_change(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        if let Some(run) = &self.run {
            run.live.on_change(Arc::clone(&wake));
        }
        self.wake = Some(wake);
    }

    fn wake(&self) {
        if let Some(wake) = &self.wake {
            wake();
        }
    }
}

fn load_error(error: LoadError) -> SessionError {
    match error {
        LoadError::NoFlow { path, error, text } => {
            let faults = error.faults().iter().map(ToString::to_string).collect();
            SessionError::NotAFlow { path, faults, text }
        }
        LoadError::NoText { path, at, text } => {
            let line = text[..at].lines().count().max(1);
            let faults = vec![format!("{line}:1: byte {at} is no text. Save the file as UTF-8")];
            SessionError::NotAFlow { path, faults, text }
        }
        error @ (LoadError::Refused { .. } | LoadError::TooLong { .. }) => SessionError::File(error.to_string()),
    }
}

/// Whether two flows run alike: they differ in nothing but places, names, notes and colours.
fn means_the_same(a: &Flow, b: &Flow) -> bool {
    // The seed is the run's from its start on; a new one is for the next run.
    // What is expected of a run changes nothing in it.
    let FlowParts { name: _, note: _, seed: _, hop_limit, events, nodes, links, faults, expect: _ } = a.parts();
    let other = b.parts();
    let kinds = |flow: &Flow| -> Vec<(NodeId, NodeKind)> {
        let drawn = flow.nodes().iter().filter(|(_, node)| node.kind.tag() != KindTag::Note);
        drawn.map(|(id, node)| (id.clone(), plain_kind(node))).collect()
    };
    let facts = |events: &BTreeMap<EventName, EventType>| -> Vec<_> {
        let fact = |(name, event): (&EventName, &EventType)| {
            let plain = EventType { note: String::new(), color: None, schema: None, ..event.clone() };
            (name.clone(), plain)
        };
        events.iter().map(fact).collect()
    };
    *hop_limit == other.hop_limit
        && faults == &other.faults
        && links.len() == other.links.len()
        && links.iter().zip(&other.links).all(|((id, link), (other_id, other))| {
            id == other_id
                && link.from == other.from
                && link.to == other.to
                && link.delay == other.delay
                && link.kind == other.kind
        })
        && (nodes == &other.nodes || kinds(a) == kinds(b))
        && (events == &other.events || facts(events) == facts(&other.events))
}

/// A node's settings without those that are only about its picture.
fn plain_kind(node: &Node) -> NodeKind {
    let mut kind = node.kind.clone();
    if let NodeKind::Bus(bus) = &mut kind {
        bus.rail = Rail::default();
    }
    kind
}
