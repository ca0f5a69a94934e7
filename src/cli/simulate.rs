//! `eventloom simulate`: virtual time, flat out.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::model::SimDuration;
use crate::session::{Ending, Session, SimulateOptions, TraceLine};

use super::interrupt::Interrupt;
use super::output::{self, Output};
use super::progress::Progress;
use super::report;
use super::{Outcome, in_a_line};

#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// The flow.
    #[arg(value_name = "FLOW")]
    flow: PathBuf,

    /// How much virtual time; without this until nothing is left to do, or 10 minutes where a producer never ends.
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true)]
    limit: Option<SimDuration>,

    /// Where all chance comes from, in place of the flow's own seed.
    #[arg(long, value_name = "N", value_parser = super::seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,

    /// Write every record as a line of JSON to this file.
    #[arg(long, value_name = "OUT.jsonl")]
    trace: Option<PathBuf>,
}

impl Simulate {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<Outcome> {
        let session = Session::from_file(&self.flow)?;
        let options = SimulateOptions { seed: self.seed, limit: self.limit };
        let interrupt = Interrupt::listen(|| {});
        let progress = Progress::new(session.simulated_time(&options));
        let mut watch = |now, records| {
            progress.show(now, records);
            if interrupt.is_pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let cannot = |error| in_a_line(error, &session, &self.flow);
        let simulated = match &self.trace {
            None => session.simulate(&options, &mut watch).map_err(cannot)?,
            Some(path) => {
                let named = || format!("{} cannot be written", path.display());
                let mut file = BufWriter::new(File::create(path).with_context(named)?);
                let mut failed = None;
                let mut write = |line: &TraceLine<'_>| {
                    let written = serde_json::to_writer(&mut file, line).map_err(std::io::Error::from);
                    match written.and_then(|()| file.write_all(b"\n")) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(error) => {
                            failed = Some(error);
                            ControlFlow::Break(())
                        }
                    }
                };
                let simulated = session.simulate_traced(&options, &mut watch, &mut write).map_err(cannot)?;
                if let Some(error) = failed {
                    return Err(error).with_context(named);
                }
                file.flush().with_context(named)?;
                simulated
            }
        };
        drop(progress);
        match &simulated.ending {
            // A person who gave no limit hears why it ended where it did; one who did knows.
            Ending::Limit if self.limit.is_some() => {}
            ending => output::complain(&ending.to_string()),
        }
        report::write(output, &simulated.report, self.json)?;
        if !self.json {
            report::write_verdicts(output, &simulated.verdicts)?;
        }
        Ok(Outcome::Fine)
    }
}
