//! `eventloom check`: all problems, one a block.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::plan::{Problem, Severity};
use crate::session::{self, SessionError};

use super::Outcome;
use super::output::Output;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The flows to check.
    #[arg(value_name = "FLOW", required = true)]
    flows: Vec<PathBuf>,
}

impl Check {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::Fine;
        for (number, path) in self.flows.iter().enumerate() {
            if number > 0 {
                writeln!(output)?;
            }
            match session::check_file(path) {
                Ok(problems) => {
                    writeln!(output, "{}: {}", path.display(), summary(&problems))?;
                    for problem in &problems {
                        write_problem(output, problem)?;
                    }
                    if problems.iter().any(|problem| problem.severity == Severity::Error) {
                        outcome = Outcome::ProblemsFound;
                    }
                }
                // What the text says is the flow's problem; that there is no text to read is ours.
                Err(SessionError::NotAFlow { path, faults, text: _ }) => {
                    writeln!(output, "{}: no flow", path.display())?;
                    for fault in faults {
                        writeln!(output, "\nerror[no-flow] {}:{fault}", path.display())?;
                    }
                    outcome = Outcome::ProblemsFound;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(outcome)
    }
}

fn write_problem(output: &mut Output, problem: &Problem) -> anyhow::Result<()> {
    let Problem { severity, at, code, what, hint } = problem;
    writeln!(output, "\n{severity}[{code}] {at}\n  {what}")?;
    if !hint.is_empty() {
        writeln!(output, "  hint: {hint}")?;
    }
    Ok(())
}

fn summary(problems: &[Problem]) -> String {
    let count = |severity, one, many| {
        let count = problems.iter().filter(|problem| problem.severity == severity).count();
        match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        }
    };
    let counts = [count(Severity::Error, "error", "errors"), count(Severity::Warning, "warning", "warnings")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    if counts.is_empty() { "no problems".to_owned() } else { counts.join(", ") }
}
