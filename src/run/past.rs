//! The past of a run: its journal and spaced keyframes, from which any stretch of it can be run again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kernel::Kernel;
use crate::model::{EventId, SimTime};

use super::journal::{Entry, Injected, Journal};

/// Steps between two keyframes at first: some milliseconds of work to run again.
const SPACING: u64 = 1 << 17;

/// Bytes that all keyframes together may take; then every second one goes, and the spacing doubles.
const MEMORY_BYTES: usize = 256 << 20;

/// More would be no use: between two of them is less than half a percent of the run.
const MOST: usize = 256;

/// A run as it was at one instant; it goes on exactly as the run did.
#[derive(Debug)]
pub(super) struct Keyframe {
    pub(super) kernel: Kernel,
    /// How many entries of the journal it has seen.
    pub(super) entries: usize,
}

/// Where a stretch of the past begins, and what came in since.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) kernel: Kernel,
    pub(super) entries: Vec<Entry>,
}

/// The past of a run, shared between the driver that writes it and questions that read it.
#[derive(Debug)]
pub(crate) struct Past {
    // A std mutex: nothing is awaited while it is held, and nothing large is copied.
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    journal: Journal,
    keyframes: Vec<Arc<Keyframe>>,
    spacing: u64,
    bytes_each: usize,
}

impl Past {
    pub(super) fn new(journal: Journal) -> Self {
        let inner = Inner { journal, keyframes: Vec::new(), spacing: SPACING, bytes_each: 0 };
        Self { inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked left nothing half done: every change below is one push or one assignment.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came in so far.
    pub(crate) fn journal(&self) -> Journal {
        self.lock().journal.clone()
    }

    /// Remembers an input. `false` if the journal is full; then it must not come in.
    pub(super) fn note(&self, kernel: &Kernel, what: Injected) -> bool {
        let mut inner = self.lock();
        if inner.journal.entries.len() >= super::journal::ENTRIES {
            return false;
        }
        inner.journal.entries.push(Entry { at: kernel.now(), steps: kernel.steps(), what });
        true
    }

    /// Remembers the run as it is, if it has gone far enough since the last time.
    pub(super) fn keep(&self, kernel: &Kernel) {
        let mut inner = self.lock();
        let last = inner.keyframes.last().map_or(0, |frame| frame.kernel.steps());
        if kernel.steps() < last + inner.spacing {
            return;
        }
        inner.bytes_each = inner.bytes_each.max(kernel.state_bytes());
        let room = (MEMORY_BYTES / inner.bytes_each.max(1)).clamp(2, MOST);
        if inner.keyframes.len() >= room {
            let mut nth = 0;
            inner.keyframes.retain(|_| {
                nth += 1;
                nth % 2 == 0
            });
            inner.spacing *= 2;
        }
        let entries = inner.journal.entries.len();
        inner.keyframes.push(Arc::new(Keyframe { kernel: kernel.clone(), entries }));
    }

    /// The latest stretch that begins before this event came into being.
    pub(super) fn before_event(&self, event: EventId) -> Stretch {
        self.stretch(|frame| frame.kernel.emitted(event.origin()) <= event.number())
    }

    /// The latest stretch that begins before this instant.
    pub(super) fn before(&self, at: SimTime) -> Stretch {
        self.stretch(|frame| frame.kernel.now() < at)
    }

    fn stretch(&self, is_early: impl Fn(&Keyframe) -> bool) -> Stretch {
        let inner = self.lock();
        let frame = inner.keyframes.iter().rev().find(|frame| is_early(frame)).map(Arc::clone);
        let entries = inner.journal.entries[frame.as_ref().map_or(0, |frame| frame.entries)..].to_vec();
        let start = (Arc::clone(&inner.journal.start.plan), inner.journal.seed);
        drop(inner);
        // Copied or made outside the lock: the driver must not wait for it.
        let kernel = match frame {
            Some(frame) => frame.kernel.clone(),
            None => Kernel::new(start.0, start.1),
        };
        Stretch { kernel, entries }
    }
}
