//! The future-event list: what is due when, in one total order.
//!
//! A key is time (64 bits) | class (4) | sequence (40) | handle (20): comparing two keys compares time, then class, then
//! who came first. Two lists are behind it, a heap for few entries and a ladder of buckets for many; both give the same order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What comes first at one instant; see SEMANTICS part 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Class {
    /// Something breaks, or is whole again.
    Fault = 1,
    /// Something arrives along a link.
    Arrival = 2,
    /// A handling ends, an ack comes back.
    Completion = 3,
    /// Ack wait, retry, retention, instances.
    Timer = 4,
    /// A producer makes its next event.
    Source = 5,
}

/// Bits of a handle: [`super::limits::PENDING`] things at once.
pub(super) const HANDLE_BITS: u32 = 20;
const SEQUENCE_BITS: u32 = 40;
const CLASS_SHIFT: u32 = HANDLE_BITS + SEQUENCE_BITS;
const TIME_SHIFT: u32 = 64;

/// One entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u128);

impl Key {
    #[inline]
    pub(super) fn new(at: u64, class: Class, sequence: u64, handle: u32) -> Self {
        let sequence = sequence & ((1 << SEQUENCE_BITS) - 1);
        let low = (class as u64) << CLASS_SHIFT | sequence << HANDLE_BITS | u64::from(handle);
        Self(u128::from(at) << TIME_SHIFT | u128::from(low))
    }

    #[inline]
    pub(super) const fn nanos(self) -> u64 {
        (self.0 >> TIME_SHIFT) as u64
    }

    #[inline]
    pub(super) const fn class(self) -> u8 {
        (self.0 as u64 >> CLASS_SHIFT) as u8
    }

    #[inline]
    pub(super) const fn handle(self) -> u32 {
        self.0 as u32 & ((1 << HANDLE_BITS) - 1)
    }
}

/// Which list to use. The order is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListChoice {
    /// The plainest that serves: a handful, a heap while there are few entries, then the ladder.
    #[default]
    Auto,
    /// Always a handful, looked through one by one.
    Few,
    /// Always a binary heap.
    Heap,
    /// Always the ladder.
    Ladder,
}

/// A list of keys that always gives the least one. Never is a key put in that is less than the last one given.
trait FutureEvents {
    fn push(&mut self, key: Key);
    fn peek(&self) -> Option<Key>;
    fn pop(&mut self) -> Option<Key>;
    fn len(&self) -> usize;
}

#[derive(Clone, Debug)]
pub(super) struct EventList {
    kind: Kind,
    choice: ListChoice,
}

#[derive(Clone, Debug)]
enum Kind {
    Few(Few),
    Heap(BinaryHeap<Reverse<Key>>),
    Ladder(Box<Ladder>),
}

/// Up to so many entries nothing is faster than to look through them all.
const FEW_ENTRIES: usize = 16;
/// From so many entries on the ladder is faster.
const HEAP_ENTRIES: usize = 96;

impl EventList {
    pub(super) fn new(choice: ListChoice) -> Self {
        let kind = match choice {
            ListChoice::Auto | ListChoice::Few => Kind::Few(Few::default()),
            ListChoice::Heap => Kind::Heap(BinaryHeap::new()),
            ListChoice::Ladder => Kind::Ladder(Box::default()),
        };
        Self { kind, choice }
    }

    #[inline]
    pub(super) fn push(&mut self, key: Key) {
        match &mut self.kind {
            Kind::Few(few) => {
                few.push(key);
                if few.len() > FEW_ENTRIES && self.choice == ListChoice::Auto {
                    self.heap_up();
                }
            }
            Kind::Heap(heap) => {
                heap.push(Reverse(key));
                if heap.len() > HEAP_ENTRIES && self.choice == ListChoice::Auto {
                    self.climb();
                }
            }
            Kind::Ladder(ladder) => ladder.push(key),
        }
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<Key> {
        match &self.kind {
            Kind::Few(few) => few.peek(),
            Kind::Heap(heap) => heap.peek().map(|key| key.0),
            Kind::Ladder(ladder) => ladder.peek(),
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Key> {
        match &mut self.kind {
            Kind::Few(few) => few.pop(),
            Kind::Heap(heap) => heap.pop().map(|key| key.0),
            Kind::Ladder(ladder) => ladder.pop(),
        }
    }

    /// Takes out every entry whose handle is not to stay. Slow: for edits.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(u32) -> bool) {
        let mut kept = Vec::with_capacity(self.len());
        while let Some(key) = self.pop() {
            kept.push(key);
        }
        *self = Self::new(self.choice);
        for key in kept.into_iter().filter(|key| stays(key.handle())) {
            self.push(key);
        }
    }

    /// Takes out every entry whose handle is meant, in their order. Slow: for faults.
    pub(super) fn take_out(&mut self, mut is_meant: impl FnMut(u32) -> bool) -> Vec<Key> {
        let (mut taken, mut kept) = (Vec::new(), Vec::with_capacity(self.len()));
        while let Some(key) = self.pop() {
            if is_meant(key.handle()) {
                taken.push(key);
            } else {
                kept.push(key);
            }
        }
        *self = Self::new(self.choice);
        for key in kept {
            self.push(key);
        }
        taken
    }

    pub(super) fn len(&self) -> usize {
        match &self.kind {
            Kind::Few(few) => few.len(),
            Kind::Heap(heap) => heap.len(),
            Kind::Ladder(ladder) => ladder.len(),
        }
    }

    /// Moves from the handful to the heap, for good.
    #[cold]
    fn heap_up(&mut self) {
        if let Kind::Few(few) = &mut self.kind {
            self.kind = Kind::Heap(few.keys.drain(..).map(Reverse).collect());
        }
    }

    /// Moves from the heap to the ladder, for good.
    #[cold]
    fn climb(&mut self) {
        if let Kind::Heap(heap) = &mut self.kind {
            let mut ladder = Box::<Ladder>::default();
            for Reverse(key) in std::mem::take(heap) {
                ladder.push(key);
            }
            self.kind = Kind::Ladder(ladder);
        }
    }

    /// Bytes that a keyframe of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.len() * size_of::<Key>()
    }
}

/// A handful of keys, the greatest first. A new one changes places all the way down without a branch that could be guessed
/// wrongly: that is what costs in a heap of three.
#[derive(Clone, Debug, Default)]
struct Few {
    keys: Vec<Key>,
}

impl FutureEvents for Few {
    #[inline]
    fn push(&mut self, key: Key) {
        let mut less = key;
        for other in &mut self.keys {
            let is_greater = less > *other;
            let pair = (*other, less);
            *other = if is_greater { pair.1 } else { pair.0 };
            less = if is_greater { pair.0 } else { pair.1 };
        }
        self.keys.push(less);
    }

    #[inline]
    fn peek(&self) -> Option<Key> {
        self.keys.last().copied()
    }

    #[inline]
    fn pop(&mut self) -> Option<Key> {
        self.keys.pop()
    }

    fn len(&self) -> usize {
        self.keys.len()
    }
}

/// A ladder of buckets over the digits of time, base 64, and a short sorted run at the bottom.
///
/// A bucket is opened when time reaches it: a small one is sorted into the bottom, a large one is dealt out to the rungs
/// below. So each key moves a few times and is sorted among few.
#[derive(Clone, Debug)]
struct Ladder {
    /// Sorted, the least key last.
    bottom: Vec<Key>,
    /// Keys before this instant belong into the bottom.
    bottom_end: u64,
    /// The beginning of the bucket that was opened last: the rungs hold what differs from it in that digit.
    base: u64,
    rungs: Vec<Rung>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Rung {
    occupied: u64,
    buckets: Vec<Vec<Key>>,
}

const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
const RUNGS: usize = 64usize.div_ceil(DIGIT_BITS as usize);
/// A bucket of at most so many keys is sorted at once.
const SMALL_BUCKET: usize = 32;

impl Default for Ladder {
    fn default() -> Self {
        let rung = Rung { occupied: 0, buckets: vec![Vec::new(); DIGITS] };
        Self { bottom: Vec::new(), bottom_end: 0, base: 0, rungs: vec![rung; RUNGS], len: 0 }
    }
}

impl Ladder {
    #[inline]
    fn put(&mut self, key: Key) {
        let at = key.nanos();
        if at < self.bottom_end {
            let place = self.bottom.partition_point(|other| *other > key);
            self.bottom.insert(place, key);
            return;
        }
        let differs = at ^ self.base;
        let rung = if differs == 0 { 0 } else { (differs.ilog2() / DIGIT_BITS) as usize };
        let digit = (at >> (rung as u32 * DIGIT_BITS)) as usize & (DIGITS - 1);
        let rung = &mut self.rungs[rung];
        rung.occupied |= 1 << digit;
        rung.buckets[digit].push(key);
    }

    /// Opens buckets until the bottom has the least key, if there is one.
    fn refill(&mut self) {
        while self.bottom.is_empty() {
            let Some(level) = self.rungs.iter().position(|rung| rung.occupied != 0) else { return };
            let shift = level as u32 * DIGIT_BITS;
            let rung = &mut self.rungs[level];
            let digit = rung.occupied.trailing_zeros();
            rung.occupied &= !(1 << digit);
            let mut bucket = std::mem::take(&mut rung.buckets[digit as usize]);
            let above =
                if shift + DIGIT_BITS >= 64 { 0 } else { self.base >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS) };
            self.base = above | u64::from(digit) << shift;
            if level == 0 || bucket.len() <= SMALL_BUCKET {
                self.bottom_end = self.base.saturating_add(1 << shift);
                bucket.sort_unstable_by(|a, b| b.cmp(a));
                std::mem::swap(&mut self.bottom, &mut bucket);
            } else {
                self.bottom_end = self.base;
                for key in bucket.drain(..) {
                    self.put(key);
                }
            }
            // The emptied vector keeps its memory for the next keys of this bucket.
            let place = &mut self.rungs[level].buckets[digit as usize];
            if place.is_empty() {
                *place = bucket;
            }
        }
    }
}

impl FutureEvents for Ladder {
    #[inline]
    fn push(&mut self, key: Key) {
        self.len += 1;
        self.put(key);
        if self.bottom.is_empty() {
            self.refill();
        }
    }

    #[inline]
    fn peek(&self) -> Option<Key> {
        self.bottom.last().copied()
    }

    #[inline]
    fn pop(&mut self) -> Option<Key> {
        let key = self.bottom.pop()?;
        self.len -= 1;
        if self.bottom.is_empty() {
            self.refill();
        }
        Some(key)
    }

    fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SimTime;

    #[test]
    fn all_lists_give_the_same_order() {
        let mut lists = [ListChoice::Auto, ListChoice::Few, ListChoice::Heap, ListChoice::Ladder].map(EventList::new);
        let mut random = 7u64;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (random >> 33) % below
        };
        let mut now = 0;
        for sequence in 0..200_000u64 {
            // Grows to thousands, then shrinks again; near and far, equal times too.
            let grows = sequence < 120_000 || draw(3) == 0;
            if grows || lists[0].len() == 0 {
                let far = [1, 50, 5_000, 40_000_000, u64::MAX / 4][draw(5) as usize];
                let class = [Class::Arrival, Class::Completion, Class::Timer, Class::Source][draw(4) as usize];
                let key = Key::new(now + draw(far), class, sequence, draw(1 << HANDLE_BITS) as u32);
                for list in &mut lists {
                    list.push(key);
                }
            }
            if draw(2) == 0 || !grows {
                let popped = lists.each_mut().map(|list| (list.peek(), list.pop()));
                assert!(popped.iter().all(|pair| *pair == popped[0]), "{popped:?}");
                now = popped[0].1.map_or(now, Key::nanos);
            }
        }
    }

    #[test]
    fn the_time_of_a_key_comes_back() {
        let key = Key::new(u64::MAX, Class::Source, 1 << 39, 77);
        assert_eq!((key.nanos(), key.class(), key.handle()), (u64::MAX, Class::Source as u8, 77));
        assert_eq!(SimTime::from_nanos(key.nanos()), SimTime::MAX);
    }
}
