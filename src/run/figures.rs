//! The figures of a run: folded from its records, and put into looks and reports.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::kernel::Kernel;
use crate::model::{NodeId, SimDuration};
use crate::plan::Plan;
use crate::trace::{Observer, Record, Shape};

use super::look::Looker;
use super::rates::Window;
use super::report::Report;
use super::view::{LiveView, LogRow, RelatedEvent};

/// What a report needs: every run has it, watched or not.
#[derive(Debug)]
pub(crate) struct Tally {
    records: u64,
}

impl Tally {
    pub(crate) fn new(_plan: &Plan) -> Self {
        Self { records: 0 }
    }

    pub(crate) fn report(&self, name: &str, seed: u64, kernel: &Kernel) -> Report {
        Report {
            flow: name.to_owned(),
            seed,
            virtual_ns: kernel.now().as_nanos(),
            records: self.records,
            ..Report::default()
        }
    }
}

impl Observer for Tally {
    fn record(&mut self, _record: Record<'_>) {
        self.records += 1;
    }
}

/// A report's figures, and what a window shows besides.
#[derive(Debug)]
pub(super) struct Figures {
    tally: Tally,
    looker: Looker,
    window: Window,
}

impl Figures {
    pub(super) fn new(plan: &Arc<Plan>) -> Self {
        Self { tally: Tally::new(plan), looker: Looker::new(plan), window: Window::default() }
    }

    /// Goes on with an edited plan.
    pub(super) fn follow(&mut self, plan: &Arc<Plan>) {
        self.looker.follow(plan);
    }

    /// Whether a rate is shown that would be another one if nothing happened any more.
    pub(super) fn is_moving(&self) -> bool {
        self.window.is_moving(std::iter::once(self.looker.events()))
    }

    /// Whether nothing is under way: nothing on the wire, nothing open, nobody busy.
    pub(super) fn is_drained(&self, _kernel: &Kernel) -> bool {
        false
    }

    pub(super) fn hand_over_log(&mut self, into: Option<&mut VecDeque<LogRow>>) {
        self.looker.hand_over_log(into);
    }

    /// The first events that wait in front of a node, oldest first.
    pub(super) fn queue(&self, _kernel: &Kernel, _node: &NodeId) -> Vec<RelatedEvent> {
        Vec::new()
    }

    pub(super) fn report(&self, name: &str, seed: u64, kernel: &Kernel) -> Report {
        self.tally.report(name, seed, kernel)
    }

    /// Fills in a look.
    pub(super) fn fill(&mut self, view: &mut LiveView, _kernel: &Kernel, seen: SimDuration, _watched: &[NodeId]) {
        view.index = Arc::clone(self.looker.index());
        (view.dots, view.flashes) = self.looker.look(view.now, seen);
        view.counts.not_logged = self.looker.not_logged();
    }
}

impl Observer for Figures {
    fn record(&mut self, record: Record<'_>) {
        self.tally.record(record);
        self.looker.record(record);
    }

    fn reshape(&mut self, shape: &Shape) {
        self.tally.reshape(shape);
    }
}
