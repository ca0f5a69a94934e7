//! `eventloom run`: live, on the embedded tokio runtime.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};

use clap::Args;

use crate::model::SimDuration;
use crate::session::{RunState, Session, Speed, StartOptions, StopMode};

use super::interrupt::Interrupt;
use super::output::{self, Output};
use super::progress::{self, Progress};
use super::report;
use super::{Outcome, in_a_line};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// The flow.
    #[arg(value_name = "FLOW")]
    flow: PathBuf,

    /// How much virtual time; without this until nothing is left to do, or until Ctrl-C.
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true)]
    limit: Option<SimDuration>,

    /// How fast: 0.001x to 1000x, or max.
    #[arg(long, value_name = "SPEED", default_value = "1x", allow_hyphen_values = true)]
    speed: Speed,

    /// Where all chance comes from, in place of the flow's own seed.
    #[arg(long, value_name = "N", value_parser = super::seed, allow_negative_numbers = true)]
    seed: Option<u64>,

    /// Print the report as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<Outcome> {
        let mut session = Session::from_file(&self.flow)?;
        let path = &self.flow;
        // One slot: whoever is about to look needs no second call to do so.
        let (wake, woken) = sync_channel(1);
        let interrupt = Interrupt::listen({
            let wake = wake.clone();
            move || call(&wake)
        });
        session.on_change(Arc::new(move || call(&wake)));
        let options = StartOptions { seed: self.seed, speed: self.speed, paused: false };
        session.start_for(options, self.limit).map_err(|error| in_a_line(error, &session, path))?;

        let progress = Progress::new(self.limit);
        let mut stopping = false;
        loop {
            let live = session.live();
            progress.show(session.playhead(), live.counts.events);
            if live.state == RunState::Ended {
                break;
            }
            let has_nothing_to_do = live.is_quiet && self.limit.is_none();
            if !stopping && (interrupt.is_pressed() || has_nothing_to_do) {
                stopping = true;
                session.stop(StopMode::Abort);
            }
            match woken.recv_timeout(progress::LOOK) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        drop(progress);
        let behind = session.live().behind;
        if !behind.is_zero() {
            output::complain(&format!("the machine could not keep up: the run is {behind} behind the clock"));
        }
        let report = session.report().ok_or_else(|| anyhow::anyhow!("the run ended without a report"))?;
        report::write(output, &report, self.json)?;
        Ok(Outcome::Fine)
    }
}

fn call(wake: &SyncSender<()>) {
    // A full slot means that the call is under way already.
    wake.try_send(()).ok();
}
