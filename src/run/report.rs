//! The report of a run: one object with stable names, as `--json` prints it.

use std::collections::BTreeMap;

use super::view::NodeReport;
use crate::model::{LinkId, NodeId};

/// Everything a run has to say about itself. Its JSON shape is a contract: names and order never change.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The flow's file without its extension, or its name made into one.
    pub flow: String,
    /// Where all chance came from.
    pub seed: u64,
    /// The virtual instant at which it ended.
    pub virtual_ns: u64,
    /// How many records the kernel wrote.
    pub records: u64,
    /// What the records hash to, in their order: 16 hexadecimal digits.
    pub trace_hash: String,
    /// What became of what was published.
    pub publishes: PublishReport,
    /// What became of what subscriptions were owed.
    pub ledger: LedgerReport,
    /// Figures of each node.
    pub nodes: BTreeMap<NodeId, NodeReport>,
    /// Figures of each link.
    pub links: BTreeMap<LinkId, LinkReport>,
}

/// What became of publish attempts: attempts are the sum of all the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PublishReport {
    /// Events that set out for a bus.
    pub attempts: u64,
    /// Events that a bus took.
    pub accepted: u64,
    /// Events that a bus refused.
    pub rejected: u64,
    /// Events that a bus knew already.
    pub deduped: u64,
    /// Events that a fault lost on the way.
    pub link_lost: u64,
    /// Events of which an external bus never said what became of them.
    pub unknown: u64,
    /// Events that are on their way, or wait at the door of a full queue.
    pub on_wire: u64,
}

/// What became of obligations: their number is the sum of all the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerReport {
    /// Accepted events times matching subscriptions.
    pub obligations: u64,
    /// Settled by an acknowledgement.
    pub acked: u64,
    /// Given up with no dead-letter queue to go to.
    pub dropped: u64,
    /// Given up to a dead-letter queue.
    pub dead_lettered: u64,
    /// Too old to be handed over.
    pub expired: u64,
    /// Evicted before they were read.
    pub retention_lost: u64,
    /// Ended by an edit or a person.
    pub purged: u64,
    /// Waiting to be handed over.
    pub queued: u64,
    /// Waiting for the time of their next attempt.
    pub delayed: u64,
    /// Handed over and not settled.
    pub in_flight: u64,
}

/// What became of events on a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LinkReport {
    /// Events that left.
    pub sent: u64,
    /// Events that arrived.
    pub arrived: u64,
    /// Events that a fault lost.
    pub lost: u64,
    /// Events that a fault doubled.
    pub duplicated: u64,
}
