//! An append-only log in segments: sealed ones are shared by all keyframes, the tail is copied.

use std::collections::VecDeque;
use std::sync::Arc;

/// How many entries a segment has.
pub(super) const SEGMENT: usize = 1_024;

/// Entries by offset, from the oldest that is kept to the newest.
#[derive(Clone, Debug)]
pub(super) struct Log<T> {
    sealed: VecDeque<Arc<[T]>>,
    tail: Vec<T>,
    /// The offset of the first entry of the first segment.
    first: u64,
    /// The offset of the first entry of the tail.
    tail_first: u64,
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { sealed: VecDeque::new(), tail: Vec::new(), first: 0, tail_first: 0 }
    }
}

impl<T: Clone> Log<T> {
    /// A log whose first entry gets this offset.
    pub(super) const fn starting_at(offset: u64) -> Self {
        Self { sealed: VecDeque::new(), tail: Vec::new(), first: offset, tail_first: offset }
    }

    /// The offset that the next entry gets.
    #[inline]
    pub(super) const fn end(&self) -> u64 {
        self.tail_first + self.tail.len() as u64
    }

    /// Adds an entry. Whether a segment became full by it: a good moment to [`Log::forget`].
    #[inline]
    pub(super) fn push(&mut self, entry: T) -> bool {
        if self.tail.len() == SEGMENT {
            self.seal();
        }
        self.tail.push(entry);
        self.tail.len() == SEGMENT
    }

    fn seal(&mut self) {
        let tail = std::mem::replace(&mut self.tail, Vec::with_capacity(SEGMENT));
        self.tail_first += SEGMENT as u64;
        self.sealed.push_back(tail.into());
    }

    /// The entry at an offset that is kept.
    #[inline]
    pub(super) fn get(&self, offset: u64) -> Option<&T> {
        if offset >= self.tail_first {
            return self.tail.get((offset - self.tail_first) as usize);
        }
        let place = offset.checked_sub(self.first)? as usize;
        self.sealed.get(place / SEGMENT)?.get(place % SEGMENT)
    }

    /// Gives up whole segments before `start`. How many entries are kept then.
    pub(super) fn forget(&mut self, start: u64) -> usize {
        if start >= self.end() {
            // Everything is settled: the memory of the tail serves again.
            self.tail_first = self.end();
            self.first = self.tail_first;
            self.tail.clear();
            self.sealed.clear();
        }
        while !self.sealed.is_empty() && self.first + SEGMENT as u64 <= start {
            self.sealed.pop_front();
            self.first += SEGMENT as u64;
        }
        self.sealed.len() * SEGMENT + self.tail.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_offsets_when_segments_are_sealed_and_given_up() {
        let mut log = Log::default();
        for entry in 0..5_000u64 {
            if log.push(entry) {
                log.forget(entry.saturating_sub(1_500));
            }
        }
        assert_eq!(log.end(), 5_000);
        assert_eq!(log.get(4_999), Some(&4_999));
        assert_eq!(log.get(2_600), Some(&2_600));
        assert_eq!(log.get(1_000), None);
        assert_eq!(log.forget(5_000), 0);
        assert_eq!((log.end(), log.get(4_999)), (5_000, None));
        log.push(5_000);
        assert_eq!(log.get(5_000), Some(&5_000));
    }
}
