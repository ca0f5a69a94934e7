//! The progress of long work, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::{SimDuration, SimTime};

/// A bar from the start to a virtual instant, or a clock where the end is not known. Draws nothing where stderr is no
/// terminal.
pub(super) struct Progress {
    bar: ProgressBar,
    until: Option<SimTime>,
}

impl Progress {
    pub(super) fn new(until: Option<SimDuration>) -> Self {
        let until = until.map(|limit| SimTime::ZERO + limit);
        let bar = match until {
            // Microseconds keep ten years within what the bar can count without rounding.
            Some(until) => {
                ProgressBar::new(until.as_nanos() / 1_000).with_style(style("{bar:32} {msg}").progress_chars("━╸─"))
            }
            None => ProgressBar::no_length().with_style(style("{spinner} {msg}")),
        };
        // 10 Hz is enough for eyes, and costs the run nothing.
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        Self { bar, until }
    }

    pub(super) fn show(&self, now: SimTime, records: u64) {
        let of = self.until.map(|until| format!(" of {}", SimDuration::from_nanos(until.as_nanos())));
        self.bar.set_message(format!("{now}{}  {records} records", of.unwrap_or_default()));
        match self.until {
            Some(_) => self.bar.set_position(now.as_nanos() / 1_000),
            None => self.bar.tick(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// A bar over the seeds of a test. Draws nothing where stderr is no terminal.
pub(super) struct Seeds {
    bar: ProgressBar,
}

impl Seeds {
    pub(super) fn new(seeds: u64, flow: &str) -> Self {
        let bar =
            ProgressBar::new(seeds).with_style(style("{bar:32} {pos} of {len} seeds  {msg}").progress_chars("━╸─"));
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        bar.set_message(flow.to_owned());
        Self { bar }
    }

    pub(super) fn show(&self, done: u64) {
        self.bar.set_position(done);
    }
}

impl Drop for Seeds {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How often a live run's progress is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);
