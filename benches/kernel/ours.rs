//! A run of the kernel as the session has it: with the figures of its report.

use std::sync::Arc;

use eventloom::kernel::{Input, Kernel, Stopped};
use eventloom::model::{Flow, NodeIx, SimDuration};
use eventloom::trace::{Metrics, Observer};

use super::compiled;
use super::flows::Ring;

/// A run and its figures.
#[derive(Clone)]
pub(crate) struct Run {
    pub(crate) kernel: Kernel,
    pub(crate) metrics: Metrics,
}

impl Run {
    /// A flow that has not begun.
    pub(crate) fn new(flow: &Flow) -> Self {
        let plan = compiled(flow);
        let metrics = Metrics::new(&eventloom::kernel::shape_of(&plan));
        Self { kernel: Kernel::new(Arc::clone(&plan), flow.seed()), metrics }
    }

    /// W4, a token at each of its nodes.
    pub(crate) fn closed(ring: &Ring) -> Self {
        let mut run = Self::new(&ring.flow());
        for node in 0..ring.to.len() as u32 {
            run.kernel.inject(Input::Fire { node: NodeIx(node), count: 1, data: None, key: None });
        }
        run
    }

    /// Goes on for so long and returns how many obligations were settled: W1's deliveries; W2's jobs, three times each;
    /// W4's hops.
    pub(crate) fn go_on(&mut self, how_long: SimDuration) -> u64 {
        let before = self.kernel.ledger().total.acked;
        drive(&mut self.kernel, how_long, &mut self.metrics);
        self.kernel.ledger().total.acked - before
    }

    /// The same while somebody else looks on.
    pub(crate) fn go_on_watched(&mut self, how_long: SimDuration, other: &mut impl Observer) -> u64 {
        let before = self.kernel.ledger().total.acked;
        drive(&mut self.kernel, how_long, &mut (&mut self.metrics, other));
        self.kernel.ledger().total.acked - before
    }
}

fn drive(kernel: &mut Kernel, how_long: SimDuration, out: &mut impl Observer) {
    let until = kernel.now() + how_long;
    loop {
        match kernel.run_until(until, u32::MAX, out) {
            Stopped::Budget => {}
            Stopped::Until => return,
            stopped @ (Stopped::Quiet | Stopped::Stuck | Stopped::Limit(_)) => panic!("the run ended: {stopped:?}"),
        }
    }
}
