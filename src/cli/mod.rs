//! The command line: arguments in, what the session answers out, and an exit code.
//!
//! 0 is fine, 1 is problems found, 2 could not run (with one line on stderr). A closed pipe is no error: whoever reads
//! has seen enough.

mod check;
mod export;
mod interrupt;
mod output;
mod progress;
mod report;
mod run;
mod simulate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Write a flow in another format.
    Export(export::Export),
}

/// What a command came to, other than an error that kept it from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Exit code 0.
    Fine,
    /// Exit code 1.
    ProblemsFound,
}

/// Reads the arguments, does what they say, prints what came of it.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let mut output = Output::new();
    let result = match args.command {
        Some(Command::Check(command)) => command.run(&mut output),
        Some(Command::Simulate(command)) => command.run(&mut output),
        Some(Command::Run(command)) => command.run(&mut output),
        Some(Command::Export(command)) => command.run(&mut output),
        None => open_designer(args.flow),
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

/// Help and version are answers, all else is a mistake in the arguments; clap has the words for both.
fn usage(error: &clap::Error) -> ExitCode {
    let asked_for = !error.use_stderr();
    match error.print() {
        Ok(()) if asked_for => ExitCode::SUCCESS,
        Err(closed) if closed.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(()) | Err(_) => ExitCode::from(2),
    }
}

#[cfg(feature = "gui")]
fn open_designer(flow: Option<PathBuf>) -> anyhow::Result<Outcome> {
    crate::gui::run(flow)?;
    Ok(Outcome::Fine)
}

#[cfg(not(feature = "gui"))]
fn open_designer(flow: Option<PathBuf>) -> anyhow::Result<Outcome> {
    let flow = flow.map_or_else(|| "FLOW".to_owned(), |path| path.display().to_string());
    anyhow::bail!("this build has no designer window; run the flow headless with `eventloom simulate {flow}`")
}
