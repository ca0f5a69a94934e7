//! What is kept, in words for the event log.

use crate::model::NodeIx;
use crate::plan::Plan;
use crate::trace::{Kept, SagaMove};

use super::view::LogKind;

/// What a record of keeping is called in the log.
pub(super) const fn kind_of(what: &Kept<'_>) -> Option<LogKind> {
    Some(match what {
        Kept::Appended { .. } | Kept::Committed { .. } | Kept::Relayed { attempt: 1 } => LogKind::Kept,
        Kept::Saga { is: SagaMove::Started | SagaMove::Asked | SagaMove::Done, .. } => LogKind::Kept,
        Kept::Marked => return None,
        Kept::Repeated
        | Kept::Conflict { .. }
        | Kept::Snapshot { .. }
        | Kept::Recovered { .. }
        | Kept::Rebuilt { .. }
        | Kept::NotRebuilt { .. }
        | Kept::Relayed { .. }
        | Kept::Unpublished
        | Kept::Saga { .. } => LogKind::Notice,
    })
}

/// A record of keeping in words.
pub(super) fn words(plan: &Plan, node: NodeIx, what: &Kept<'_>) -> String {
    match *what {
        Kept::Appended { key, version } => format!("version {version} of {}", named(&key.to_string())),
        Kept::Repeated => "was taken before: nothing changes".to_owned(),
        Kept::Conflict { expected, found } => format!("version conflict: expected {expected}, found {found}"),
        Kept::Snapshot { key, version } => format!("snapshot of {} at version {version}", named(&key.to_string())),
        Kept::Recovered { keys, replayed } => format!("{keys} streams are read again, {replayed} events replayed"),
        Kept::Rebuilt { events, hash, was } if hash == was => {
            format!("rebuilt from {events} events: the same state as before")
        }
        Kept::Rebuilt { events, .. } => format!("rebuilt from {events} events: another state than before"),
        Kept::NotRebuilt { missing } => format!("cannot be rebuilt: the log does not keep {missing} of its events"),
        Kept::Committed { events: 0 } => "committed, with nothing to tell".to_owned(),
        Kept::Committed { events: 1 } => "committed, with one event that tells of it".to_owned(),
        Kept::Committed { events } => format!("committed, with {events} events that tell of it"),
        Kept::Relayed { attempt: 1 } => "published from the outbox".to_owned(),
        Kept::Relayed { attempt } => format!("published from the outbox once more, the {attempt}. time"),
        Kept::Marked => "marked as published".to_owned(),
        Kept::Unpublished => "was committed, and is never published".to_owned(),
        Kept::Saga { saga: u32::MAX, .. } => "a reply to no saga".to_owned(),
        Kept::Saga { saga, step, attempt, is } => {
            let step =
                plan.saga_step(node, step).map_or_else(|| format!("step {}", step + 1), |name| format!("“{name}”"));
            let again = if attempt > 1 { format!(", the {attempt}. time") } else { String::new() };
            let what = match is {
                SagaMove::Started => "begins".to_owned(),
                SagaMove::Asked => format!("asks for {step}{again}"),
                SagaMove::Done => format!("{step} is done"),
                SagaMove::Refused => format!("{step} is refused: back again"),
                SagaMove::InDoubt => format!("{step} is never answered: back again, this one too"),
                SagaMove::Undoing => format!("asks to undo {step}{again}"),
                SagaMove::Undone => format!("{step} is undone"),
                SagaMove::Ignored => "an answer that nobody waits for".to_owned(),
                SagaMove::Completed => "completed".to_owned(),
                SagaMove::Compensated => "compensated".to_owned(),
                SagaMove::Stuck => format!("stuck: nobody undoes {step}"),
            };
            format!("saga {}: {what}", saga + 1)
        }
    }
}

fn named(key: &str) -> String {
    if key.is_empty() { "events without a key".to_owned() } else { format!("“{key}”") }
}
