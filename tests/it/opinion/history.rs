//! A history: a random flow in which things break, with hands that press buttons, edit it, break and heal; and what the
//! model says of it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use eventloom::kernel::Stopped;
use eventloom::model::{SimDuration, SimTime};
use eventloom::trace::{Record, What};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use super::coverage::Cells;
use super::naive::Naive;
use super::rules::Rules;
use crate::support::random_flow::{Case, history_case};
use crate::support::{Run, Told, carry_out};

/// Steps after which a history is cut short.
pub(super) const STEPS: u64 = 3_000;

/// How often the model may try what records do not say.
const TRIES: u32 = 2_000;

/// What was told to a run, and before which of its records.
pub(super) type Feed = Vec<(usize, SimTime, Told)>;

/// A run of a case, and whether it came to its end.
pub(super) struct History {
    pub(super) run: Run,
    pub(super) stopped: Stopped,
    start: Rules,
    slice: u32,
}

impl History {
    /// Plays a case: everything that is done to it, then as much time as shows what came of it.
    pub(super) fn play(case: &Case) -> Self {
        Self::play_in(case, u32::MAX)
    }

    /// The same, at most so many steps at a time.
    fn play_in(case: &Case, slice: u32) -> Self {
        let begin = case.scenario();
        let run = Run::of(begin.clone(), case.seed);
        let start = Rules::of(&run.flow, run.plan());
        let mut history = Self { run, stopped: Stopped::Until, start, slice };
        for (pause, act) in &case.acts {
            history.go(SimDuration::from_millis(*pause));
            if !history.is_whole() {
                return history;
            }
            carry_out(&mut history.run, &begin, act);
        }
        history.go(SimDuration::from_secs(2));
        history
    }

    /// Heals everything and lets time pass until nothing is left to do.
    pub(super) fn settle(&mut self) {
        if self.is_whole() {
            let broken: Vec<_> = self.run.kernel.faults_now().map(|fault| fault.on).collect();
            for on in broken {
                self.run.heal_aim(on);
            }
            // Far beyond all that can be under way: the longest of a Pareto's handlings takes weeks.
            self.go_until(SimTime::from_nanos(u64::MAX / 2));
        }
    }

    fn go(&mut self, time: SimDuration) {
        self.go_until(self.run.kernel.now() + time);
    }

    fn go_until(&mut self, until: SimTime) {
        self.stopped = loop {
            let left = STEPS.saturating_sub(self.run.kernel.steps());
            if left == 0 {
                break Stopped::Budget;
            }
            let stopped = self.run.unchecked(until, left.min(self.slice.into()) as u32);
            if stopped != Stopped::Budget {
                break stopped;
            }
        };
    }

    pub(super) const fn is_whole(&self) -> bool {
        !matches!(self.stopped, Stopped::Budget)
    }

    /// The same case again, a few steps at a time, must show the same records.
    pub(super) fn repeats(&self, case: &Case) -> Result<(), String> {
        let mut again = Self::play_in(case, 7);
        again.settle();
        if again.run.hash.value() == self.run.hash.value() {
            return Ok(());
        }
        let (records, others) = (&self.run.kept.records, &again.run.kept.records);
        let differs = records.iter().zip(others).position(|(record, other)| record != other);
        Err(format!("the same history went another way from record {differs:?} on"))
    }

    /// S2: faults have ended and time has passed: nothing is owed any more, or nodes that wait for each other are named.
    pub(super) fn is_settled(&self, model: &Naive) -> Result<(), String> {
        let is_named = self.run.count(|what| matches!(what, What::Deadlocked { .. })) > 0;
        let open = model.still_open();
        match self.stopped {
            Stopped::Budget => Ok(()),
            Stopped::Stuck if is_named => Ok(()),
            Stopped::Quiet if open.is_empty() => Ok(()),
            stopped => Err(format!("S2: {stopped:?}, a ring is named: {is_named}, still open: {open:?}")),
        }
    }

    /// What the model says to these records: what it has judged, or which record is wrong and why.
    pub(super) fn judge(&self, records: &[Record<'_>]) -> Result<Naive, (usize, String)> {
        let end = self.is_whole().then(|| self.run.kernel.now());
        judge(&self.start, records, &self.run.told, end)
    }

    pub(super) fn with_story(&self, ix: usize, wrong: &str) -> String {
        let records = &self.run.kept.records;
        let to = (ix + 1).min(records.len());
        let story = super::number_from("EVENTLOOM_STORY").map_or(60, |lines| lines as usize);
        let lines: Vec<String> =
            records[to.saturating_sub(story)..to].iter().map(|record| self.run.line(record)).collect();
        format!("{wrong}\nat record {ix}, the last of:\n{}\n", lines.join("\n"))
    }
}

/// Reads records, and what was told between them. Where records do not say which of several is meant, one is tried, and the
/// others if it leads to nothing.
fn judge(start: &Rules, records: &[Record<'_>], told: &Feed, end: Option<SimTime>) -> Result<Naive, (usize, String)> {
    let mut model = Naive::new(start.clone());
    let (mut ix, mut heard) = (0, 0);
    let mut others: Vec<(usize, usize, Naive)> = Vec::new();
    let mut furthest: Option<(usize, String)> = None;
    let mut tries = 0;
    loop {
        let verdict = match (told.get(heard), records.get(ix)) {
            (Some((before, at, one)), _) if *before <= ix => {
                let verdict = model.told(*at, one);
                heard += 1;
                verdict
            }
            (_, Some(record)) => {
                let verdict = model.take(record);
                ix += 1;
                verdict
            }
            (_, None) => match end.map_or(Ok(()), |end| model.end(end)) {
                Ok(()) => return Ok(model),
                Err(wrong) => {
                    ix += 1;
                    Err(wrong)
                }
            },
        };
        let Err(wrong) = verdict else { continue };
        let several = std::mem::take(&mut model.doubt);
        if several > 0 {
            model.saw("not said which");
            for choice in (0..several).rev() {
                others.push((ix - 1, heard, Naive { choice: Some(choice), ..model.clone() }));
            }
        } else if furthest.as_ref().is_none_or(|(before, _)| *before < ix) {
            furthest = Some((ix, wrong));
        }
        tries += 1;
        let Some(other) = others.pop().filter(|_| tries < TRIES) else {
            let (ix, wrong) = furthest.expect("what was wrong");
            return Err((ix.saturating_sub(1), wrong));
        };
        (ix, heard, model) = other;
    }
}

fn runner(count: u32, seed: u64) -> TestRunner {
    let max_shrink_iters = super::number_from("EVENTLOOM_SHRINKS").map_or(1_000, |most| most as u32);
    let config = Config { cases: count, max_shrink_iters, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

/// The cases of random histories, the same ones every time.
pub(super) fn cases(seed: u64) -> impl Iterator<Item = Case> {
    let (mut runner, strategy) = (runner(1, seed), history_case());
    std::iter::repeat_with(move || strategy.new_tree(&mut runner).expect("a case").current())
}

/// Random histories, the same ones every time; a failing one shrinks and is told as rows.
#[track_caller]
pub(super) fn each_history(count: u32, seed: u64, mut test: impl FnMut(&Case) -> Result<(), TestCaseError>) {
    let mut runner = runner(count, seed);
    let test = RefCell::new(&mut test);
    match runner.run(&history_case(), |case| (test.borrow_mut())(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n\nhistories of seed {seed}\n{case}\n"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

/// What was judged over many histories.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) seen: BTreeMap<&'static str, u64>,
    pub(super) cells: Cells,
}

impl Judged {
    pub(super) fn add(&mut self, model: &Naive) {
        for (what, count) in &model.seen {
            *self.seen.entry(what).or_default() += count;
        }
        self.cells.add(&model.cells);
    }
}
