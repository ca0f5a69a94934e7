//! Topics: the named logs of a bus, with the rules of what they take in and what they let go of.

use serde::{Deserialize, Serialize};

use super::is_default;
use super::node::Expression;
use super::quantity::ByteSize;
use super::time::SimDuration;

/// A named log of a bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Topic {
    /// How many logs it is really made of. Order holds within one.
    #[serde(skip_serializing_if = "is_one")]
    pub partitions: u32,

    /// Records older than this are evicted, read or not; settled ones stay until then. Unset: until all have settled.
    #[serde(skip_serializing_if = "is_default")]
    pub keep: Option<SimDuration>,

    /// When a partition holds more records than this, the oldest are evicted, read or not.
    #[serde(skip_serializing_if = "is_default")]
    pub keep_records: Option<u64>,

    /// When a partition holds more bytes than this, the oldest records are evicted, read or not; the newest always stays.
    #[serde(skip_serializing_if = "is_default")]
    pub keep_bytes: Option<ByteSize>,

    /// Whether a record goes as soon as it was acknowledged, before a limit says so.
    #[serde(skip_serializing_if = "is_default")]
    pub retention: Retention,

    /// Of the records of a key all but the last go. Records without a key are refused then.
    #[serde(skip_serializing_if = "is_default")]
    pub compact: Option<Compaction>,

    /// Which publishes are known already and not stored again; unset means none.
    #[serde(skip_serializing_if = "is_default")]
    pub dedup: Option<Dedup>,
}

impl Default for Topic {
    fn default() -> Self {
        Self {
            partitions: 1,
            keep: None,
            keep_records: None,
            keep_bytes: None,
            retention: Retention::default(),
            compact: None,
            dedup: None,
        }
    }
}

impl Topic {
    /// Whether something limits how long, or how many, settled records stay. An acknowledgement may let them go before.
    pub const fn keeps(&self) -> bool {
        self.keep.is_some() || self.keep_records.is_some() || self.keep_bytes.is_some() || self.compact.is_some()
    }

    /// Whether settled records stay for a while, so that they can be read again.
    pub const fn replays(&self) -> bool {
        self.keeps() && matches!(self.retention, Retention::Limits)
    }
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

/// What else than a limit lets a record go. JetStream's words and meanings; limits hold in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// Nothing: records go when a limit says so; without any limit, when all have settled them.
    #[default]
    Limits,
    /// The first ack, whoever sends it; and that everybody who was owed it has given it up.
    WorkQueue,
    /// That every subscription there is has settled it, or none ever wanted it.
    Interest,
}

/// How a log is compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Compaction {
    /// How long the log is left alone after something in it was replaced.
    #[serde(skip_serializing_if = "is_default_every")]
    pub every: SimDuration,

    /// How long a deletion (a record whose data are null) stays, so that whoever reads sees it.
    #[serde(skip_serializing_if = "is_default_keep_deletes")]
    pub keep_deletes: SimDuration,
}

impl Compaction {
    /// Kafka's `log.cleaner.backoff.ms`.
    pub const EVERY: SimDuration = SimDuration::from_secs(15);
    /// Kafka's `delete.retention.ms`: a day.
    pub const KEEP_DELETES: SimDuration = SimDuration::from_secs(86_400);
}

impl Default for Compaction {
    fn default() -> Self {
        Self { every: Self::EVERY, keep_deletes: Self::KEEP_DELETES }
    }
}

fn is_default_every(value: &SimDuration) -> bool {
    *value == Compaction::EVERY
}

fn is_default_keep_deletes(value: &SimDuration) -> bool {
    *value == Compaction::KEEP_DELETES
}

/// How a topic recognises what it has stored already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dedup {
    /// For how long from when it was stored; what comes later is stored again.
    #[serde(skip_serializing_if = "is_default_window")]
    pub window: SimDuration,

    /// What tells messages apart, as in `event.data.order`. Unset: the event's own id, so that only the same event
    /// coming again is a duplicate.
    #[serde(skip_serializing_if = "is_default")]
    pub id: Option<Expression>,
}

impl Dedup {
    /// JetStream's `duplicate_window`.
    pub const WINDOW: SimDuration = SimDuration::from_secs(120);
}

impl Default for Dedup {
    fn default() -> Self {
        Self { window: Self::WINDOW, id: None }
    }
}

fn is_default_window(value: &SimDuration) -> bool {
    *value == Dedup::WINDOW
}
