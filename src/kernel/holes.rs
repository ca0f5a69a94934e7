//! Which records of a log are gone although older ones are still there.

use std::collections::VecDeque;

/// A set of offsets that moves along with its log: a bit each, so that a keyframe copies little.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes {
    /// The offset of the first bit; a multiple of 64.
    first: u64,
    words: VecDeque<u64>,
    count: u64,
}

impl Holes {
    /// How many there are.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn contains(&self, offset: u64) -> bool {
        let Some(bit) = offset.checked_sub(self.first) else { return false };
        self.words.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Adds an offset. Whether it was not there before.
    pub(super) fn insert(&mut self, offset: u64) -> bool {
        if self.words.is_empty() {
            self.first = offset / 64 * 64;
        }
        while offset < self.first {
            self.first -= 64;
            self.words.push_front(0);
        }
        let bit = offset - self.first;
        let place = (bit / 64) as usize;
        if place >= self.words.len() {
            self.words.resize(place + 1, 0);
        }
        let before = self.words[place];
        self.words[place] |= 1 << (bit % 64);
        let is_new = self.words[place] != before;
        self.count += u64::from(is_new);
        is_new
    }

    /// Forgets what lies before the log's beginning.
    pub(super) fn forget(&mut self, start: u64) {
        while self.first + 64 <= start
            && let Some(word) = self.words.pop_front()
        {
            self.count -= u64::from(word.count_ones());
            self.first += 64;
        }
        if let Some(word) = self.words.front_mut()
            && start > self.first
        {
            let kept = *word >> (start - self.first) << (start - self.first);
            self.count -= u64::from((*word ^ kept).count_ones());
            *word = kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_counted_however_they_come_and_go() {
        let mut holes = Holes::default();
        for offset in [700, 65, 64, 3, 700, 130] {
            holes.insert(offset);
        }
        assert_eq!(holes.count(), 5);
        assert!(holes.contains(3) && holes.contains(130) && !holes.contains(4) && !holes.contains(9_000));
        holes.forget(65);
        assert_eq!((holes.count(), holes.contains(64), holes.contains(65)), (3, false, true));
        holes.forget(10_000);
        assert_eq!((holes.count(), holes.contains(700)), (0, false));
        holes.insert(12);
        assert!(holes.contains(12));
    }
}
