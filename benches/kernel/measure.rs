//! Taking time: processor time of this thread, in runs that take turns, so that what disturbs one disturbs all.

use std::time::Duration;

/// Processor time that this thread has used; the time of day where the system does not tell.
///
/// A busy machine lets a thread wait; that is no property of the code that is measured.
pub(crate) fn cpu_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let used = told.and_then(|text| text.split(' ').next()?.parse().ok());
    used.map_or_else(wall_time, Duration::from_nanos)
}

/// Time of day, since the first call. For what takes less than the few milliseconds that [`cpu_time`] is exact to.
pub(crate) fn wall_time() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    #[expect(clippy::disallowed_methods, reason = "a bench is the one who looks at the clock")]
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// So many things in so much time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// How many things.
    pub(crate) count: u64,
    /// In how much processor time.
    pub(crate) took: Duration,
}

impl Sample {
    /// Millions a second.
    pub(crate) fn rate(self) -> f64 {
        self.count as f64 / 1e6 / self.took.as_secs_f64().max(1e-9)
    }

    /// Counts what `run` says it did.
    pub(crate) fn of(run: impl FnOnce() -> u64) -> Self {
        let before = cpu_time();
        let count = run();
        Self { count, took: cpu_time().saturating_sub(before) }
    }
}

/// The one in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// The rates of contestants that took turns.
pub(crate) struct Rounds {
    rates: Vec<Vec<f64>>,
}

impl Rounds {
    /// Lets the contestants take turns, so many rounds. The round before the first only warms up.
    pub(crate) fn run(rounds: usize, contestants: &mut [&mut dyn FnMut() -> Sample]) -> Self {
        let mut rates = vec![Vec::new(); contestants.len()];
        for round in 0..=rounds {
            for (contestant, rates) in contestants.iter_mut().zip(&mut rates) {
                let sample = contestant();
                if round > 0 {
                    rates.push(sample.rate());
                }
            }
        }
        Self { rates }
    }

    /// A contestant's median, in millions a second.
    pub(crate) fn rate(&self, contestant: usize) -> f64 {
        median(self.rates[contestant].clone())
    }

    /// The median of a contestant's rate over another's in the same round.
    pub(crate) fn ratio(&self, contestant: usize, other: usize) -> f64 {
        let pairs = self.rates[contestant].iter().zip(&self.rates[other]);
        median(pairs.map(|(one, other)| one / other).collect())
    }
}

/// The median time of a few runs of something quick, by the time of day.
pub(crate) fn median_time<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    let mut once = || {
        let before = wall_time();
        let made = run();
        let took = wall_time().saturating_sub(before);
        drop(made);
        took.as_secs_f64()
    };
    once();
    Duration::from_secs_f64(median((0..runs).map(|_| once()).collect()))
}

/// Bytes of memory that a copy of something takes, as the system sees it: of many copies, so that pages do not matter.
/// None where the system does not tell.
pub(crate) fn bytes_of_a_copy<T>(copies: usize, copy: impl Fn() -> T) -> Option<f64> {
    let resident = || -> Option<f64> {
        let text = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: f64 = text.split(' ').nth(1)?.parse().ok()?;
        Some(pages * 4096.0)
    };
    // What earlier runs gave back is taken first: only what comes after is new.
    let filler: Vec<T> = (0..copies).map(|_| copy()).collect();
    let before = resident()?;
    let kept: Vec<T> = (0..copies).map(|_| copy()).collect();
    let after = resident()?;
    drop((filler, kept));
    Some((after - before) / copies as f64)
}
