//! The command line: arguments in, what the session answers out, and an exit code.
//!
//! 0 is fine, 1 is problems found, 2 could not run (with one line on stderr). A closed pipe is no error: whoever reads
//! has seen enough.

mod check;
mod export;
mod interrupt;
mod junit;
mod output;
mod presets;
mod progress;
mod report;
mod run;
mod simulate;
mod test;
mod usage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::plan::Severity;
use crate::session::{Session, SessionError};

use self::output::Output;

/// Draw an event-driven system, run it, break it, rewind it, ship it.
#[derive(Debug, Parser)]
#[command(name = "eventloom", version, about, args_conflicts_with_subcommands = true, max_term_width = 120)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// The flow to open in the designer; without one it opens an example.
    #[arg(value_name = "FLOW")]
    flow: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find all problems of flows, each with its place and what would help.
    Check(check::Check),
    /// Run a flow in virtual time, as fast as the machine can, and report.
    Simulate(simulate::Simulate),
    /// Run a flow live against the clock on the wall, and report.
    Run(run::Run),
    /// Run flows with many seeds and judge what is expected of them.
    Test(test::Test),
    /// Write a flow in another format.
    Export(export::Export),
    /// List the settings of known products that can be taken over, and their sources.
    Presets(presets::Presets),
}

/// What a command came to, other than an error that kept it from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Exit code 0.
    Fine,
    /// Exit code 1.
    ProblemsFound,
}

/// Reads the arguments, does what they say, prints what came of it. `designer` opens the window and returns when it is
/// closed.
pub fn main(designer: impl FnOnce(Option<PathBuf>) -> anyhow::Result<()>) -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage::answer::<Args>(&error),
    };
    let mut output = Output::new();
    let result = match args.command {
        Some(Command::Check(command)) => command.run(&mut output),
        Some(Command::Simulate(command)) => command.run(&mut output),
        Some(Command::Run(command)) => command.run(&mut output),
        Some(Command::Test(command)) => command.run(&mut output),
        Some(Command::Export(command)) => command.run(&mut output),
        Some(Command::Presets(command)) => command.run(&mut output),
        None => designer(args.flow).map(|()| Outcome::Fine),
    };
    match result.and_then(|outcome| output.flush().map(|()| outcome)) {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::ProblemsFound) => ExitCode::from(1),
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

/// Why a flow cannot run, for a person who has one line: the first problem, and where the others are told.
fn in_a_line(error: SessionError, session: &Session, path: &Path) -> anyhow::Error {
    let SessionError::HasErrors(count) = error else { return error.into() };
    let first = session.problems().iter().find(|problem| problem.severity == Severity::Error);
    let first = first.map(|problem| format!("{}: {}", problem.at, problem.what)).unwrap_or_default();
    let path = path.display();
    match count {
        0 | 1 => anyhow::anyhow!("{path} cannot run: {first}"),
        count => anyhow::anyhow!("{path} cannot run for {count} reasons; `eventloom check {path}` names them. {first}"),
    }
}

/// A seed, as it is typed.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_no_number| format!("“{text}” is not a seed: write a whole number from 0 to {}", u64::MAX))
}
