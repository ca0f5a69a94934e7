//! Real logs, ready to be replayed.

use std::sync::Arc;

use serde_json::Value;

use crate::model::{EventName, SimDuration};

/// What really happened, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayLog {
    /// One row an event.
    pub rows: Vec<ReplayRow>,
}

/// One event of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    /// Since the first row.
    pub at: SimDuration,
    /// Its id in the log.
    pub id: Arc<str>,
    /// Where the log says it came from.
    pub source: Arc<str>,
    /// What it is about; empty if the log does not say.
    pub subject: Arc<str>,
    /// Its type.
    pub kind: EventName,
    /// Its partition key.
    pub key: Option<Arc<str>>,
    /// Its data.
    pub data: Arc<Value>,
}
