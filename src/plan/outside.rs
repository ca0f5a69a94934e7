//! Buses that an outside broker carries: which rules it keeps, and which the machine keeps in its stead.

/// What a broker promises, as its adapter states it. What it does not promise the machine does itself, as far as anybody
/// can from this side.
///
/// Neither is a setting of the flow: the same drawing runs on the bus inside and on any broker outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It delivers again what was not acknowledged in time. Without it (Kafka, MQTT) the machine hands over again from
    /// its own copy.
    pub ack_wait: bool,
    /// It takes a negative acknowledgement and delivers again. Without it the machine does.
    pub nack: bool,
    /// It delivers again only after the delay that a negative acknowledgement names. Without it the machine waits first.
    pub nack_delay: bool,
    /// It takes word that a record is still being worked on, and gives it more time. The machine sends such word while it
    /// holds a record back.
    pub extend: bool,
    /// It stops delivering a record by itself after so many attempts, and tells nobody. Then the machine watches the last
    /// attempt's time, so that the record ends as the flow says.
    pub max_deliver: bool,
    /// It deals partitions out among the members of a group. Without it the machine does.
    pub groups: bool,
    /// It stores what is published twice under one id once. Without it the machine settles the second copy unhandled.
    pub dedup: bool,
    /// It delivers the records of one key in the order of the log. Without it nobody can.
    pub ordered_by_key: bool,
    /// It delivers older records again from a position or a time. Without it nobody can.
    pub replay: bool,
}

/// A rule of the semantics that a broker may or may not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// S4: what is published twice is handled once.
    Dedup,
    /// S5: what is not acknowledged in time is delivered again.
    AckWait,
    /// S5: what is refused is delivered again after a delay.
    NackDelay,
    /// S6: at most so many are unsettled.
    InFlightCap,
    /// S7: after so many attempts a record is a dead letter.
    MaxDeliver,
    /// S8: first deliveries of one key follow the log.
    OrderByKey,
    /// S10: each partition has one owner within a group.
    Groups,
    /// S12: the log can be read again.
    Replay,
    /// S20: a filter keeps a record from a subscription.
    Filter,
}

impl Rule {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Dedup,
        Self::AckWait,
        Self::NackDelay,
        Self::InFlightCap,
        Self::MaxDeliver,
        Self::OrderByKey,
        Self::Groups,
        Self::Replay,
        Self::Filter,
    ];
}

/// Who keeps a rule on a bus outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptBy {
    /// The broker.
    Broker,
    /// The machine, in its stead.
    Machine,
    /// Nobody: the flow's semantics are weaker there, and whoever shows the run has to say so.
    Nobody,
}

impl Capabilities {
    /// A broker that keeps every rule, as the bus inside does.
    pub const ALL: Self = Self {
        ack_wait: true,
        nack: true,
        nack_delay: true,
        extend: true,
        max_deliver: true,
        groups: true,
        dedup: true,
        ordered_by_key: true,
        replay: true,
    };

    /// Who keeps a rule.
    pub const fn kept_by(&self, rule: Rule) -> KeptBy {
        let (promised, instead) = match rule {
            Rule::Dedup => (self.dedup, KeptBy::Machine),
            Rule::AckWait => (self.ack_wait, KeptBy::Machine),
            Rule::NackDelay => (self.nack && self.nack_delay, KeptBy::Machine),
            Rule::OrderByKey => (self.ordered_by_key, KeptBy::Nobody),
            Rule::Groups => (self.groups, KeptBy::Machine),
            Rule::Replay => (self.replay, KeptBy::Nobody),
            // Dead letters, members' room and filters are the flow's own: no broker has all of them as drawn.
            Rule::InFlightCap | Rule::MaxDeliver | Rule::Filter => (false, KeptBy::Machine),
        };
        if promised { KeptBy::Broker } else { instead }
    }
}
