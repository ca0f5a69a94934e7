//! What a window needs of a run for its animation, gathered as cheaply as it can be.

use eventloom::trace::{Observer, Record, What};

/// Dots that a frame shows at most.
const BUDGET: usize = 2_048;

/// Counts what each link carries, and keeps some of it as dots.
///
/// A frame has a budget, so that its cost is bounded however fast the run goes; a link's share of it is what is left
/// when the link's turn comes, halved each time it takes one, so that rare links still move.
pub(crate) struct Live {
    carried: Vec<u32>,
    dots: Vec<(u32, u64, u64)>,
    left: usize,
    /// Dots of all frames, so that nothing is optimised away.
    pub(crate) shown: u64,
}

impl Live {
    pub(crate) fn new(links: usize) -> Self {
        Self { carried: vec![0; links], dots: Vec::with_capacity(BUDGET), left: BUDGET, shown: 0 }
    }

    /// What the window does once a frame: it takes the dots, and the next frame has a new budget.
    pub(crate) fn frame(&mut self) {
        self.shown += self.dots.len() as u64;
        self.dots.clear();
        self.left = BUDGET;
    }
}

impl Observer for Live {
    #[inline]
    fn record(&mut self, record: Record<'_>) {
        if let What::Sent { link, event, arrives, .. } = record.what {
            self.carried[link.index()] += 1;
            if self.left > 0 {
                self.left -= 1;
                self.dots.push((link.0, event.to_bits(), arrives.as_nanos()));
            }
        }
    }
}
