//! What is remembered of events between their origin and their end: a bounded number of them.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::{KeyRef, Record, What};
use crate::model::{EventId, EventTypeIx};

/// How many events a judge remembers of each kind of thing. Of older ones it knows nothing any more, and says so.
pub const REMEMBERED: usize = 1 << 20;

/// The last so many values by a key: the oldest go first.
#[derive(Clone, Debug)]
pub(super) struct Recent<K, V> {
    values: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self { values: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Remembers a value, in place of an earlier one; whether there was none.
    pub(super) fn insert(&mut self, key: K, value: V) -> bool {
        let is_new = self.values.insert(key, value).is_none();
        if is_new {
            self.order.push_back(key);
            // What was taken out stays in the order until its turn comes: a look at both keeps each within the limit.
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.values.remove(&oldest);
            }
        }
        is_new
    }

    pub(super) fn get(&self, key: K) -> Option<&V> {
        self.values.get(&key)
    }

    pub(super) fn take(&mut self, key: K) -> Option<V> {
        self.values.remove(&key)
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}

/// A partition key as a number of the judge's own; none is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyCode(u64);

impl KeyCode {
    const TEXT: u64 = 1 << 40;

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// What is remembered of one event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its root cause.
    pub(super) root: EventId,
    /// Its type.
    pub(super) kind: EventTypeIx,
    /// Its key.
    pub(super) key: KeyCode,
}

/// The events of a run, as far as they are remembered.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    /// Whether anybody asks.
    pub(super) is_kept: bool,
    events: Recent<EventId, Entry>,
    texts: HashMap<Box<str>, u64>,
}

impl Book {
    pub(super) fn record(&mut self, record: &Record<'_>) {
        if let What::Emitted { event, kind, cause, key, .. } = record.what
            && self.is_kept
        {
            let root = cause.map_or(event, |cause| self.events.get(cause).map_or(cause, |cause| cause.root));
            let key = self.code(key);
            self.events.insert(event, Entry { root, kind, key });
        }
    }

    pub(super) fn get(&self, event: EventId) -> Option<&Entry> {
        self.events.get(event)
    }

    fn code(&mut self, key: KeyRef<'_>) -> KeyCode {
        match key {
            KeyRef::None => KeyCode::default(),
            KeyRef::Number(number) => KeyCode(u64::from(number) + 1),
            KeyRef::Text(text) => {
                if let Some(code) = self.texts.get(text) {
                    return KeyCode(*code);
                }
                let code = KeyCode::TEXT + self.texts.len() as u64;
                if self.texts.len() < REMEMBERED {
                    self.texts.insert(text.into(), code);
                }
                KeyCode(code)
            }
        }
    }
}
