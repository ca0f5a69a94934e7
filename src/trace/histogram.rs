//! How durations are spread: log-linear buckets, eight to an octave.

use crate::model::SimDuration;

/// Counts of durations by size. Percentiles are off by at most 1/16 of their value (7 %); count, sum, least and greatest are exact.
///
/// One cache line, and a table beside it in which the last few durations are not counted yet: so the table is looked at once
/// in a while, and not for every duration. It reaches from the smallest octave seen to the largest, so that one that is used
/// little takes little memory.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub struct Histogram {
    count: u64,
    /// Without what is carried over into the table's part of it.
    sum: u64,
    max: u64,
    table: Option<Box<Table>>,
    /// The buckets of those that are not in the table yet.
    latest: [u16; LATEST],
    latest_len: u16,
}

/// So many durations are counted at a time.
const LATEST: usize = 15;

#[derive(Clone, Debug, Default)]
struct Table {
    /// How often the sum went beyond 64 bits.
    carries: u64,
    /// The number of the first bucket.
    first: u32,
    buckets: Vec<u32>,
}

/// Buckets of one octave.
const STEPS_BITS: u32 = 3;
const STEPS: u32 = 1 << STEPS_BITS;

/// The bucket of a value. Values below 8 have one each.
#[inline]
const fn bucket_of(value: u64) -> u32 {
    if value < STEPS as u64 {
        return value as u32;
    }
    let octave = value.ilog2();
    let step = (value >> (octave - STEPS_BITS)) as u32 & (STEPS - 1);
    (octave - STEPS_BITS + 1) * STEPS + step
}

/// The middle of a bucket.
const fn middle_of(bucket: u32) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let shift = bucket / STEPS - 1;
    let low = ((STEPS + bucket % STEPS) as u64) << shift;
    low + (1u64 << shift) / 2
}

impl Histogram {
    /// Adds one.
    #[inline]
    pub fn add(&mut self, nanos: u64) {
        self.count += 1;
        if nanos == 0 {
            // What took no time is what is counted and in no bucket.
            return;
        }
        let (sum, is_over) = self.sum.overflowing_add(nanos);
        self.sum = sum;
        if is_over {
            self.table.get_or_insert_default().carries += 1;
        }
        self.max = self.max.max(nanos);
        let bucket = bucket_of(nanos) as u16;
        if let Some(latest) = self.latest.get_mut(usize::from(self.latest_len)) {
            *latest = bucket;
            self.latest_len += 1;
        } else {
            self.settle();
            self.latest[0] = bucket;
            self.latest_len = 1;
        }
    }

    /// Counts the latest into the table.
    #[inline(never)]
    fn settle(&mut self) {
        let table = self.table.get_or_insert_default();
        for bucket in &self.latest[..usize::from(self.latest_len)] {
            table.add((*bucket).into());
        }
        self.latest_len = 0;
    }

    /// How many there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All of them together, in nanoseconds.
    pub fn sum_nanos(&self) -> u128 {
        let carries = self.table.as_ref().map_or(0, |table| table.carries);
        u128::from(carries) << 64 | u128::from(self.sum)
    }

    /// The longest.
    pub const fn max(&self) -> SimDuration {
        SimDuration::from_nanos(self.max)
    }

    /// The mean; zero if there are none.
    pub fn mean(&self) -> SimDuration {
        SimDuration::from_nanos((self.sum_nanos() / u128::from(self.count.max(1))) as u64)
    }

    /// What a share (0 to 1) of them does not exceed.
    pub fn percentile(&self, share: f64) -> SimDuration {
        let rank = ((share * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut settled = self.clone();
        settled.settle();
        let Table { carries: _, first, buckets } = *settled.table.unwrap_or_default();
        let in_buckets = buckets.iter().copied().map(u64::from).sum::<u64>();
        let mut seen = self.count - in_buckets;
        if seen >= rank {
            return SimDuration::ZERO;
        }
        for (place, count) in buckets.iter().map(|count| u64::from(*count)).enumerate() {
            seen += count;
            if seen < rank {
                continue;
            }
            // What lies in one bucket alone is told by its mean: a time that never differs is told as it is.
            let nanos = if count == in_buckets {
                (self.sum_nanos() / u128::from(in_buckets)) as u64
            } else {
                middle_of(first + place as u32)
            };
            return SimDuration::from_nanos(nanos.min(self.max));
        }
        self.max()
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        let table = self.table.as_ref().map_or(0, |table| size_of::<Table>() + table.buckets.capacity() * 4);
        size_of::<Self>() + table
    }
}

impl Table {
    fn add(&mut self, bucket: u32) {
        let place = bucket.wrapping_sub(self.first) as usize;
        match self.buckets.get_mut(place) {
            Some(count) => *count = count.saturating_add(1),
            None => self.widen(bucket),
        }
    }

    /// Makes room for an octave that was not seen before, and counts one there.
    #[cold]
    fn widen(&mut self, bucket: u32) {
        let start = bucket / STEPS * STEPS;
        if self.buckets.is_empty() {
            self.first = start;
        }
        if start < self.first {
            let missing = (self.first - start) as usize;
            self.buckets.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = start;
        }
        let end = (start + STEPS - self.first) as usize;
        if self.buckets.len() < end {
            self.buckets.resize(end, 0);
        }
        self.buckets[(bucket - self.first) as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_within_seven_percent() {
        let mut value = 1u64;
        while value < u64::MAX / 3 {
            let middle = middle_of(bucket_of(value));
            let error = middle.abs_diff(value) as f64 / value as f64;
            assert!(error <= 0.07, "{value} is told as {middle}");
            value += value / 3 + 1;
        }
        let mut histogram = Histogram::default();
        (1..=10_000u64).for_each(|value| histogram.add(value * 1_000));
        for (share, exact) in [(0.5, 5_000_000.0), (0.95, 9_500_000.0), (0.99, 9_900_000.0)] {
            let told = histogram.percentile(share).as_nanos() as f64;
            assert!((told / exact - 1.0).abs() < 0.07, "{share}: {told}");
        }
        assert_eq!((histogram.mean().as_nanos(), histogram.max().as_nanos()), (5_000_500, 10_000_000));
    }

    #[test]
    fn a_time_that_never_differs_is_told_as_it_is() {
        let mut histogram = Histogram::default();
        (0..100).for_each(|_| histogram.add(150_000_000));
        assert_eq!(histogram.percentile(0.5).as_nanos(), 150_000_000);
        // What took no time is in no bucket.
        histogram.add(0);
        assert_eq!((histogram.percentile(0.0).as_nanos(), histogram.percentile(0.99).as_nanos()), (0, 150_000_000));
    }
}
