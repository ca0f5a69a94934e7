//! Obligations by state: one for each accepted event and each subscription that matches it, and one for each call.

/// How many obligations are in which state. Every one is in exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LedgerCounts {
    /// All that were ever opened.
    pub obligations: u64,
    /// Settled by an ack, or at hand-over.
    pub acked: u64,
    /// Given up and gone.
    pub dropped: u64,
    /// Given up, to a dead-letter queue.
    pub dead_lettered: u64,
    /// Too old to be delivered.
    pub expired: u64,
    /// Evicted from the log before they were settled.
    pub retention_lost: u64,
    /// Ended by an edit that removed the subscription.
    pub purged: u64,
    /// Waiting to be handed over.
    pub queued: u64,
    /// Waiting for the time of the next attempt.
    pub delayed: u64,
    /// Handed over, not settled.
    pub in_flight: u64,
}

impl LedgerCounts {
    /// How many can still come to something.
    pub const fn open(&self) -> u64 {
        self.queued + self.delayed + self.in_flight
    }

    /// How many are settled, one way or another.
    pub const fn settled(&self) -> u64 {
        self.acked + self.dropped + self.dead_lettered + self.expired + self.retention_lost + self.purged
    }

    /// Whether every obligation is in exactly one state: law C1.
    pub const fn balances(&self) -> bool {
        self.obligations == self.settled() + self.open()
    }

    /// Adds another's counts.
    pub const fn add(&mut self, other: &Self) {
        self.obligations += other.obligations;
        self.acked += other.acked;
        self.dropped += other.dropped;
        self.dead_lettered += other.dead_lettered;
        self.expired += other.expired;
        self.retention_lost += other.retention_lost;
        self.purged += other.purged;
        self.queued += other.queued;
        self.delayed += other.delayed;
        self.in_flight += other.in_flight;
    }
}

/// The obligations of a run, by subscription and in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By subscription handle, inboxes included.
    pub subs: Vec<LedgerCounts>,
    /// In all.
    pub total: LedgerCounts,
}
