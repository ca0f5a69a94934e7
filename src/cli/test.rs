//! `eventloom test`: everything that is expected of flows, over many seeds.

use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::model::SimDuration;
use crate::session::{Session, Standing, TestOptions, Tested, TestedLine, VerdictLine};

use super::interrupt::Interrupt;
use super::output::Output;
use super::progress::Seeds;
use super::{Outcome, in_a_line, junit};

/// How many seeds, when nobody says.
const SEEDS: u64 = 20;

#[derive(Debug, Args)]
pub(super) struct Test {
    /// The flows.
    #[arg(value_name = "FLOW", required = true)]
    flows: Vec<PathBuf>,

    /// With how many seeds each flow is run, counted up from its own; 20, or 1 with --seed.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    seeds: Option<u64>,

    /// This seed, or the first one where there are several.
    #[arg(long, value_name = "S", value_parser = super::seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// How much virtual time a run takes; without this until nothing is left to do, or 10 minutes where a producer never
    /// ends.
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true)]
    limit: Option<SimDuration>,

    /// Write the results as JUnit XML to this file.
    #[arg(long, value_name = "OUT.xml")]
    junit: Option<PathBuf>,
}

/// How many seeds, as it is typed.
fn at_least_one(text: &str) -> Result<u64, String> {
    let seeds = text.parse().ok().filter(|seeds| *seeds > 0);
    seeds.ok_or_else(|| format!("“{text}” is no number of seeds: write a whole number from 1 on"))
}

/// A flow and what came of it.
pub(super) struct TestedFlow {
    /// Its file, as it was given.
    pub(super) path: PathBuf,
    /// What came of it.
    pub(super) tested: Tested,
}

impl Test {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<Outcome> {
        // A flow that cannot be tested is found before an hour goes into the others.
        let mut sessions = Vec::new();
        for path in &self.flows {
            let session = Session::from_file(path)?;
            session.can_run().map_err(|error| in_a_line(error, &session, path))?;
            sessions.push((path, session));
        }
        let seeds = self.seeds.unwrap_or(if self.seed.is_some() { 1 } else { SEEDS });
        let options = TestOptions { first: self.seed, seeds, limit: self.limit };
        let interrupt = Interrupt::listen(|| {});
        let mut flows = Vec::new();
        for (number, (path, session)) in sessions.iter().enumerate() {
            if number > 0 {
                writeln!(output)?;
            }
            if session.flow().expectations().is_empty() {
                writeln!(output, "{}: nothing is expected of it; `expect:` in the flow says what is", path.display())?;
                continue;
            }
            let progress = Seeds::new(seeds, &path.display().to_string());
            let watch = |done| {
                progress.show(done);
                if interrupt.is_pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let tested = session.test(&options, &watch).map_err(|error| in_a_line(error, session, path))?;
            drop(progress);
            output.write_all(text(path, &tested).as_bytes())?;
            let was_interrupted = tested.was_interrupted;
            flows.push(TestedFlow { path: PathBuf::clone(path), tested });
            if was_interrupted {
                break;
            }
        }
        if flows.len() > 1 {
            writeln!(output, "\n{}", summary(&flows))?;
        }
        if let Some(path) = &self.junit {
            let named = || format!("{} cannot be written", path.display());
            let text = junit::text(&flows).with_context(named)?;
            std::fs::write(path, text).with_context(named)?;
        }
        let failed = flows.iter().any(|flow| flow.tested.has_failed());
        if !failed && flows.iter().any(|flow| flow.tested.was_interrupted) {
            // What was not run cannot have passed.
            output.flush()?;
            anyhow::bail!("interrupted before all seeds were run");
        }
        Ok(if failed { Outcome::ProblemsFound } else { Outcome::Fine })
    }
}

/// The commands that show a failure.
pub(super) fn commands(path: &Path, tested: &Tested, seed: u64) -> [String; 2] {
    let path = path.display();
    let limit = tested.limit.map(|limit| format!(" --for {limit}")).unwrap_or_default();
    ["simulate", "test"].map(|command| format!("eventloom {command} {path} --seed {seed}{limit}"))
}

/// What was wrong, with the instant and the place.
pub(super) fn located(line: &VerdictLine) -> String {
    let mut words = line.what.clone();
    // A write to a string cannot fail.
    if let Some(at) = line.at {
        write!(words, ", at {at}").ok();
    }
    if let Some(place) = &line.place {
        write!(words, " in {place}").ok();
    }
    words
}

fn text(path: &Path, tested: &Tested) -> String {
    let Tested { first, seeds, limit, lines, cut_short, was_interrupted, took: _ } = tested;
    let which = match seeds {
        1 => format!("seed {first}"),
        seeds => format!("{seeds} seeds from {first}"),
    };
    let time = limit.map_or_else(|| "until nothing is left to do".to_owned(), |limit| format!("{limit} each"));
    let mut text = format!("{}: {which}, {time}\n", path.display());
    if *was_interrupted {
        text.push_str("  interrupted: the other seeds were not run\n");
    }
    let width = lines.iter().map(|line| line.name.as_str().chars().count()).max().unwrap_or(0);
    for line in lines {
        let TestedLine { name, kept: _, open, broken, sample, first_broken } = line;
        let (mark, words) = match first_broken {
            Some((seed, _)) if *seeds > 1 => {
                ("FAILED", format!("with {broken} of {seeds} seeds, first with seed {seed}"))
            }
            Some((_, verdict)) => ("FAILED", located(verdict)),
            None if sample.standing == Standing::Open => ("idle", sample.what.clone()),
            None if *open > 0 => ("ok", format!("{}; nothing to judge with {open} seeds", sample.what)),
            None => ("ok", sample.what.clone()),
        };
        writeln!(text, "  {mark:<6}  {:<width$}  {words}", name.as_str()).ok();
        if let Some((seed, verdict)) = first_broken {
            if *seeds > 1 {
                writeln!(text, "          {}", located(verdict)).ok();
            }
            for command in commands(path, tested, *seed) {
                writeln!(text, "          {command}").ok();
            }
        }
    }
    if let Some((seed, limit)) = cut_short {
        writeln!(text, "  FAILED  a run did not come to its end: {limit}, with seed {seed}").ok();
        for command in commands(path, tested, *seed) {
            writeln!(text, "          {command}").ok();
        }
    }
    text
}

fn summary(flows: &[TestedFlow]) -> String {
    let lines = || flows.iter().flat_map(|flow| &flow.tested.lines);
    let (expectations, broken) = (lines().count(), lines().filter(|line| line.broken > 0).count());
    let cut_short = flows.iter().filter(|flow| flow.tested.cut_short.is_some()).count();
    let mut text = format!("{} flows, {expectations} expectations: ", flows.len());
    match broken {
        0 => text.push_str("all kept"),
        broken => write!(text, "{broken} broken").unwrap_or_default(),
    }
    if cut_short > 0 {
        write!(text, ", {cut_short} flows not run to their end").ok();
    }
    text
}
