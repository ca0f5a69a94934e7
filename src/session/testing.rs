//! All expectations of a flow over many seeds, a run to a core: no run ever uses more than one thread.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::model::{ExpectationName, SimDuration};
use crate::run::pace::wall_now;

use super::headless::{Ending, SimulateOptions};
use super::{Session, SessionError, Standing, VerdictLine};

/// What to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestOptions {
    /// The first seed; unset means the flow's own.
    pub first: Option<u64>,
    /// How many seeds, one after the other.
    pub seeds: u64,
    /// How much virtual time each run takes; unset means what [`Session::simulate`] takes.
    pub limit: Option<SimDuration>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The first seed.
    pub first: u64,
    /// How many seeds were run to their end.
    pub seeds: u64,
    /// How much virtual time each run took at most; unset where it went on until nothing was left to do.
    pub limit: Option<SimDuration>,
    /// Every expectation, in the order of the file.
    pub lines: Vec<TestedLine>,
    /// The first seed whose run reached a limit of the machine, and which limit: what it would have come to is not known.
    pub cut_short: Option<(u64, String)>,
    /// Whether somebody ended it before all seeds were run.
    pub was_interrupted: bool,
    /// How long it took on the wall.
    pub took: Duration,
}

/// An expectation over all seeds.
#[derive(Clone, Debug)]
pub struct TestedLine {
    /// Its name.
    pub name: ExpectationName,
    /// With how many seeds it was kept.
    pub kept: u64,
    /// With how many seeds nothing happened that it could judge.
    pub open: u64,
    /// With how many seeds it was broken.
    pub broken: u64,
    /// What was said of the first seed.
    pub sample: VerdictLine,
    /// The first seed with which it was broken, and what was said of it.
    pub first_broken: Option<(u64, VerdictLine)>,
}

impl Tested {
    /// Whether something was not as expected.
    pub fn has_failed(&self) -> bool {
        self.cut_short.is_some() || self.lines.iter().any(|line| line.broken > 0)
    }
}

/// Whoever watches is told how many seeds are done, from several threads, and says whether to go on.
pub type WatchTest<'a> = &'a (dyn Fn(u64) -> ControlFlow<()> + Sync);

/// The results so far. They are the same whichever thread comes first.
#[derive(Default)]
struct Results {
    lines: Vec<TestedLine>,
    /// The seed that the samples are of.
    sampled: Option<u64>,
    cut_short: Option<(u64, String)>,
    seeds: u64,
}

impl Session {
    /// Runs the flow as it is now with many seeds and judges each run; all cores work, each on runs of its own.
    pub fn test(&self, options: &TestOptions, watch: WatchTest<'_>) -> Result<Tested, SessionError> {
        let TestOptions { first, seeds, limit } = *options;
        let first = first.unwrap_or_else(|| self.flow().seed());
        let began = wall_now();
        // What keeps it from running is said once, not by each thread.
        let fresh = self.fresh_journal(Some(first))?;
        let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let results = Mutex::new(Results::default());
        let lock = || results.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= seeds {
                    return;
                }
                let seed = first.wrapping_add(place);
                let mut journal = fresh.clone();
                journal.seed = seed;
                let options = SimulateOptions { seed: Some(seed), limit };
                let look = &mut |_, _| watch(done.load(Ordering::Relaxed));
                let (verdicts, ending) = self.judge(&journal, &options, look);
                if let Ending::Cancelled(_) = ending {
                    return;
                }
                done.fetch_add(1, Ordering::Relaxed);
                lock().add(seed, &verdicts, ending);
                if watch(done.load(Ordering::Relaxed)).is_break() {
                    return;
                }
            }
        };
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let workers = cores.min(usize::try_from(seeds).unwrap_or(cores));
        thread::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(work);
            }
            work();
        });
        let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Tested {
            first,
            seeds: results.seeds,
            limit: self.simulated_time(&SimulateOptions { seed: None, limit }),
            lines: results.lines,
            cut_short: results.cut_short,
            was_interrupted: results.seeds < seeds,
            took: wall_now().saturating_duration_since(began),
        })
    }
}

impl Results {
    fn add(&mut self, seed: u64, verdicts: &[VerdictLine], ending: Ending) {
        self.seeds += 1;
        if let Ending::Exhausted(limit) = ending
            && self.cut_short.as_ref().is_none_or(|(known, _)| seed < *known)
        {
            self.cut_short = Some((seed, limit));
        }
        let fresh = |line: &VerdictLine| TestedLine {
            name: line.name.clone(),
            kept: 0,
            open: 0,
            broken: 0,
            sample: line.clone(),
            first_broken: None,
        };
        if self.lines.is_empty() {
            self.lines = verdicts.iter().map(fresh).collect();
        }
        let is_sample = self.sampled.is_none_or(|known| seed < known);
        if is_sample {
            self.sampled = Some(seed);
        }
        for (line, verdict) in self.lines.iter_mut().zip(verdicts) {
            if is_sample {
                line.sample.clone_from(verdict);
            }
            match verdict.standing {
                Standing::Kept => line.kept += 1,
                Standing::Open => line.open += 1,
                Standing::Broken => {
                    line.broken += 1;
                    if line.first_broken.as_ref().is_none_or(|(known, _)| seed < *known) {
                        line.first_broken = Some((seed, verdict.clone()));
                    }
                }
            }
        }
    }
}
