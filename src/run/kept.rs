//! What nodes keep, put into looks: a few counts for every card, and rows to read for the nodes that somebody looks at.

use serde_json::Value;

use crate::kernel::Kernel;
use crate::model::{EventName, NodeIx};
use crate::plan::Plan;

pub use crate::kernel::{OutboxNow, SagaWay, SagasNow, StoreCounts};

use super::look::event_text;
use super::view::{EventRef, RelatedEvent};

/// Rows of one node in a look, at most: nobody reads more of them while they change.
const ROWS: usize = 100;

/// Characters of a value that are shown.
const VALUE_CHARS: usize = 400;

/// What a node keeps, in a few counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptLive {
    /// A store.
    Store(StoreCounts),
    /// The outbox of a service.
    Outbox(OutboxNow),
    /// The sagas that a service leads.
    Sagas(SagasNow),
}

/// What a node keeps, row by row: the first rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptRows {
    /// The state of a store, key by key, in their order.
    State(Vec<StateRow>),
    /// The events of an outbox, in the order in which they leave.
    Outbox(Vec<OutboxRow>),
    /// The sagas that go on or are stuck, in the order in which they began.
    Sagas(Vec<SagaRow>),
}

/// The state of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateRow {
    /// The key; empty for events without one.
    pub key: String,
    /// How many events it is made of.
    pub version: u64,
    /// Up to which version its state is kept beside its events; 0 if it is not.
    pub snapshot: u64,
    /// Its parts with their values, both as text; what is no object is one part without a name.
    pub parts: Vec<(String, String)>,
}

/// An event that is committed and not marked as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The event.
    pub event: RelatedEvent,
    /// How often it was published; a second time is one too many for whoever does not look at ids.
    pub attempts: u32,
}

/// A saga that goes on or is stuck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaRow {
    /// What its events have in common.
    pub key: String,
    /// The command of the step that it is at.
    pub step: Option<EventName>,
    /// Which way it goes.
    pub way: SagaWay,
    /// How often that was asked for.
    pub attempt: u32,
}

/// What a node keeps, in a few counts; `None` if it keeps nothing.
pub(super) fn kept_live(kernel: &Kernel, node: NodeIx) -> Option<KeptLive> {
    let store = kernel.store_counts(node).map(KeptLive::Store);
    let outbox = || kernel.outbox_now(node).map(KeptLive::Outbox);
    let sagas = || kernel.sagas_now(node).map(KeptLive::Sagas);
    store.or_else(outbox).or_else(sagas)
}

/// What a node keeps, row by row; `None` if it keeps nothing.
pub(super) fn kept_rows(kernel: &Kernel, plan: &Plan, node: NodeIx) -> Option<KeptRows> {
    Some(match kept_live(kernel, node)? {
        KeptLive::Store(_) => {
            let row = |row: crate::kernel::StoreRow| StateRow {
                key: row.key.to_string(),
                version: row.version,
                snapshot: row.snapshot,
                parts: parts(&row.state),
            };
            KeptRows::State(kernel.store_rows(node, ROWS).into_iter().map(row).collect())
        }
        KeptLive::Outbox(_) => {
            let row = |(event, kind, attempts)| {
                let event = RelatedEvent {
                    event: EventRef { event, seen_at: kernel.now() },
                    id: event_text(plan, event),
                    kind: plan.event_name(kind).clone(),
                };
                OutboxRow { event, attempts }
            };
            KeptRows::Outbox(kernel.outbox_waiting(node, ROWS).into_iter().map(row).collect())
        }
        KeptLive::Sagas(_) => {
            let row = |saga: crate::kernel::SagaNow| SagaRow {
                key: saga.key.to_string(),
                step: plan.saga_step(node, saga.step).cloned(),
                way: saga.way,
                attempt: saga.attempt,
            };
            KeptRows::Sagas(kernel.sagas_open(node, ROWS).into_iter().map(row).collect())
        }
    })
}

fn parts(state: &Value) -> Vec<(String, String)> {
    match state {
        Value::Object(parts) => parts.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
        Value::Null => Vec::new(),
        value => vec![(String::new(), shown(value))],
    }
}

/// A value as people read it: text without its quotes, nothing as a dash, and no more of it than can be looked at.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "–".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
