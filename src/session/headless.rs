//! A run with nobody watching: virtual time, flat out, and a report.

use std::cell::Cell;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::kernel::{Kernel, Stopped};
use crate::model::{Flow, NodeId, NodeKind, Pacing, SimDuration, SimTime};
use crate::plan::{Plan, Problem, Severity};
use crate::run::fast::{self, Finished};
use crate::run::glimpse::{Glimpse, glimpse};
use crate::run::journal::{Journal, Revision};
use crate::run::report::{Report, Tally};
use crate::run::verdicts::Expected;
use crate::trace::{Observer, Record};

use super::files::Logs;
use super::{Session, SessionError, TraceLine, VerdictLine};

/// How long a flow is simulated that never ends by itself, when nobody says how long.
pub const TEN_MINUTES: SimDuration = SimDuration::from_secs(600);

/// What to simulate.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulateOptions {
    /// The seed; unset means the flow's own.
    pub seed: Option<u64>,
    /// How much virtual time; unset means until nothing is left to do, or [`TEN_MINUTES`] where a producer never ends.
    pub limit: Option<SimDuration>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// Its figures.
    pub report: Report,
    /// Why it ended where it did.
    pub ending: Ending,
    /// How what was expected of it stands.
    pub verdicts: Vec<VerdictLine>,
}

/// Why a simulation ended where it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was left to do.
    NothingLeft(SimTime),
    /// The time that was asked for was up.
    Limit,
    /// [`TEN_MINUTES`] were up, and this producer never ends.
    NeverEnds(NodeId),
    /// Nodes waited for each other in a ring, and nothing else was left to do.
    Stuck(SimTime),
    /// A named limit was reached, in words.
    Exhausted(String),
    /// Somebody had seen enough.
    Cancelled(SimTime),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeft(at) => write!(f, "nothing was left to do after {at}"),
            Self::Limit => f.write_str("the time was up"),
            Self::NeverEnds(node) => {
                write!(
                    f,
                    "simulated {TEN_MINUTES} of virtual time, since “{node}” never ends; --for sets another limit"
                )
            }
            Self::Stuck(at) => write!(f, "stuck after {at}: nodes wait for each other in a ring"),
            Self::Exhausted(limit) => write!(f, "a limit was reached: {limit}"),
            Self::Cancelled(at) => write!(f, "cancelled after {at}"),
        }
    }
}

/// Whoever watches is told the virtual instant and the steps so far, and says whether to go on.
pub type WatchSimulation<'a> = &'a mut dyn FnMut(SimTime, u64) -> ControlFlow<()>;

impl Session {
    /// How much virtual time a simulation will take; unset where it goes on until nothing is left to do.
    pub fn simulated_time(&self, options: &SimulateOptions) -> Option<SimDuration> {
        options.limit.or_else(|| never_ends(self.flow()).map(|_| TEN_MINUTES))
    }

    /// Runs the flow as it is now in virtual time, as fast as the machine can, beside whatever runs live.
    pub fn simulate(&self, options: &SimulateOptions, watch: WatchSimulation<'_>) -> Result<Simulated, SessionError> {
        self.simulate_with(options, watch, |_| ())
    }

    /// As [`Session::simulate`], each record shown to `trace`, which says whether to go on.
    pub fn simulate_traced(
        &self,
        options: &SimulateOptions,
        watch: WatchSimulation<'_>,
        trace: &mut dyn FnMut(&TraceLine<'_>) -> ControlFlow<()>,
    ) -> Result<Simulated, SessionError> {
        let enough = Cell::new(false);
        let mut watch = |now, steps| if enough.get() { ControlFlow::Break(()) } else { watch(now, steps) };
        self.simulate_with(options, &mut watch, |plan| Tracer { trace, plan, number: 0, enough: &enough })
    }

    fn simulate_with<O: Observer>(
        &self,
        options: &SimulateOptions,
        watch: WatchSimulation<'_>,
        observer: impl FnOnce(Arc<Plan>) -> O,
    ) -> Result<Simulated, SessionError> {
        let journal = self.fresh_journal(options.seed)?;
        let mut out = (Tally::new(&journal.start.plan), observer(Arc::clone(&journal.start.plan)));
        let (kernel, verdicts, ending) = self.run_judged(&journal, options, watch, &mut out);
        let report = out.0.report(&self.report_name(), journal.seed, &kernel);
        Ok(Simulated { report, ending, verdicts })
    }

    /// Runs a fresh journal for what is expected of it, and nothing else.
    pub(super) fn judge(
        &self,
        journal: &Journal,
        options: &SimulateOptions,
        watch: WatchSimulation<'_>,
    ) -> (Vec<VerdictLine>, Ending) {
        let (_, verdicts, ending) = self.run_judged(journal, options, watch, &mut ());
        (verdicts, ending)
    }

    fn run_judged<O: Observer>(
        &self,
        journal: &Journal,
        options: &SimulateOptions,
        watch: WatchSimulation<'_>,
        out: &mut O,
    ) -> (Kernel, Vec<VerdictLine>, Ending) {
        let limit = self.simulated_time(options);
        let mut expected = Expected::new(self.flow(), &journal.start.plan);
        let mut kernel = journal.kernel();
        if expected.needs_data() {
            kernel.keep_all_data();
        }
        let until = limit.map(|limit| SimTime::ZERO + limit);
        let mut watch = |kernel: &Kernel| watch(kernel.now(), kernel.steps());
        // A run of which nothing is expected is shown to nobody besides.
        let finished = if expected.is_idle() {
            fast::run(&mut kernel, &journal.entries, until, out, &mut watch)
        } else {
            fast::run(&mut kernel, &journal.entries, until, &mut (out, &mut expected), &mut watch)
        };
        let ending = match finished {
            Finished::Cancelled => Ending::Cancelled(kernel.now()),
            Finished::Stopped(Stopped::Limit(limit)) => Ending::Exhausted(limit.to_string()),
            Finished::Stopped(Stopped::Stuck) => Ending::Stuck(kernel.now()),
            Finished::Until | Finished::Stopped(Stopped::Until | Stopped::Budget | Stopped::Quiet) => {
                match (options.limit, limit, never_ends(self.flow())) {
                    (Some(_), ..) => Ending::Limit,
                    (None, Some(_), Some(node)) => Ending::NeverEnds(node.clone()),
                    (None, ..) => Ending::NothingLeft(kernel.now()),
                }
            }
        };
        let is_over = kernel.is_quiet() && !matches!(ending, Ending::Cancelled(_) | Ending::Exhausted(_));
        let verdicts = expected.finish(&kernel, is_over);
        (kernel, verdicts, ending)
    }

    /// Whether nothing that is known keeps the flow from running.
    pub fn can_run(&self) -> Result<(), SessionError> {
        let is_error = |problem: &&Problem| problem.severity == Severity::Error;
        match self.problems().iter().filter(is_error).count() {
            0 => Ok(()),
            errors => Err(SessionError::HasErrors(errors)),
        }
    }

    /// What moves in the first seconds of the flow as it is now; nothing where it cannot run.
    pub fn glimpse(&self) -> Glimpse {
        self.fresh_journal(None).map(|journal| glimpse(&journal)).unwrap_or_default()
    }

    /// The flow as it is now, ready to be run from its start.
    pub(super) fn fresh_journal(&self, seed: Option<u64>) -> Result<Journal, SessionError> {
        self.can_run()?;
        let (inputs, unread) = Logs::default().read(self.flow(), self.path());
        if let Some(problem) = unread.first() {
            return Err(SessionError::File(format!("{}: {}", problem.at, problem.what)));
        }
        let revision = Revision::compile(self.flow(), &Arc::new(inputs), None)
            .map_err(|problems| SessionError::HasErrors(problems.len()))?;
        Ok(Journal::new(revision, seed.unwrap_or_else(|| self.flow().seed())))
    }
}

/// Runs a journal again up to an instant, and reports: what the live driver did, the fast one does too.
pub fn rerun(name: &str, journal: &Journal, until: SimTime) -> Report {
    let mut tally = Tally::new(&journal.start.plan);
    let (kernel, _) = replay(journal, Some(until), &mut tally, &mut |_, _| ControlFlow::Continue(()));
    tally.report(name, journal.seed, &kernel)
}

fn replay<O: Observer>(
    journal: &Journal,
    until: Option<SimTime>,
    out: &mut O,
    watch: WatchSimulation<'_>,
) -> (Kernel, Finished) {
    let mut kernel = journal.kernel();
    let finished =
        fast::run(&mut kernel, &journal.entries, until, out, &mut |kernel| watch(kernel.now(), kernel.steps()));
    (kernel, finished)
}

/// The first producer that goes on emitting by itself for ever.
fn never_ends(flow: &Flow) -> Option<&NodeId> {
    let goes_on = |kind: &NodeKind| {
        let Some(producer) = kind.source() else { return false };
        if producer.stops_after.is_some() {
            return false;
        }
        match &producer.rate {
            Pacing::ByHand | Pacing::Replay { .. } => false,
            Pacing::Constant(rate) | Pacing::Poisson(rate) => !rate.is_zero(),
            Pacing::Bursts { size, every: _, within: _ } => *size > 0,
            Pacing::Schedule { steps, ramp: _, repeat, spacing: _ } => match repeat {
                Some(_) => steps.iter().any(|step| !step.rate.is_zero()),
                None => steps.last().is_some_and(|step| !step.rate.is_zero()),
            },
        }
    };
    flow.nodes().iter().find(|(_, node)| goes_on(&node.kind)).map(|(id, _)| id)
}

/// Shows each record to somebody as a line with names.
struct Tracer<'a, 'b> {
    trace: &'a mut dyn FnMut(&TraceLine<'_>) -> ControlFlow<()>,
    plan: Arc<Plan>,
    number: u64,
    enough: &'b Cell<bool>,
}

impl Observer for Tracer<'_, '_> {
    fn record(&mut self, record: Record<'_>) {
        self.number += 1;
        if !self.enough.get() {
            let line = TraceLine { number: self.number, record: &record, plan: &self.plan };
            self.enough.set((self.trace)(&line).is_break());
        }
    }
}
