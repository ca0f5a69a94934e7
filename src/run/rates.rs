//! What happened lately: counters of a moment ago beside those of now.

use std::collections::VecDeque;

use crate::model::{SimDuration, SimTime};

/// How many samples the window is made of: it slides by a sixteenth of its length.
const SAMPLES: usize = 16;

/// Counters at one instant. Their places never change within a run; new ones come at the end.
#[derive(Clone, Debug, Default)]
struct Sample {
    at: SimTime,
    counters: Vec<u64>,
}

/// A window over counters that only grow, sliding with virtual time.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    samples: VecDeque<Sample>,
}

impl Window {
    /// Whether it is time for the next sample, if the window is to be this long.
    pub(super) fn wants_sample(&self, now: SimTime, length: SimDuration) -> bool {
        let spacing = SimDuration::from_nanos(length.as_nanos() / SAMPLES as u64);
        self.samples.back().is_none_or(|last| now >= last.at + spacing && now > last.at)
    }

    /// Remembers the counters of now.
    pub(super) fn sample(&mut self, at: SimTime, counters: impl Iterator<Item = u64>) {
        let mut sample = if self.samples.len() == SAMPLES {
            self.samples.pop_front().unwrap_or_default()
        } else {
            Sample::default()
        };
        sample.at = at;
        sample.counters.clear();
        sample.counters.extend(counters);
        self.samples.push_back(sample);
    }

    /// The counters at the window's beginning; before the first sample those of the run's start, which are zero.
    pub(super) fn since(&self, now: SimTime) -> Since<'_> {
        // The oldest sample of a full window; while it fills, the start of the run.
        let oldest = if self.samples.len() == SAMPLES { self.samples.front() } else { None };
        let (start, counters) = oldest.map_or((SimTime::ZERO, &[][..]), |sample| (sample.at, &sample.counters));
        Since { nanos: now.since(start).as_nanos(), counters }
    }

    /// Whether the counter at this place has changed since the window's beginning.
    pub(super) fn is_moving(&self, place: usize, now: u64) -> bool {
        match self.samples.front() {
            Some(oldest) if self.samples.len() == SAMPLES => oldest.counters.get(place).copied().unwrap_or(0) != now,
            _ => now != 0,
        }
    }
}

/// A stretch of virtual time and the counters at its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since<'a> {
    nanos: u64,
    counters: &'a [u64],
}

impl Since<'_> {
    /// How long it is.
    pub(super) const fn nanos(self) -> u64 {
        self.nanos
    }

    /// How much the counter at this place has grown.
    pub(super) fn growth(self, place: usize, now: u64) -> u64 {
        now.saturating_sub(self.counters.get(place).copied().unwrap_or(0))
    }

    /// How much it has grown per second of virtual time.
    pub(super) fn per_second(self, place: usize, now: u64) -> f64 {
        if self.nanos == 0 { 0.0 } else { self.growth(place, now) as f64 * 1e9 / self.nanos as f64 }
    }
}
