//! What crosses the seam between the machine and the adapter of an outside broker, in the run's handles.

use std::sync::Arc;

use serde_json::Value;

use crate::model::{EventId, EventTypeIx, LinkIx, SimDuration, SimTime, SubIx, TopicIx};

/// Something for the adapter of an outside broker to do.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// Publish an event, and say what became of that: [`Incoming::PublishOutcome`].
    Publish(Box<Publish>),
    /// The record is settled for this subscription: it needs no more deliveries.
    Ack(Receipt),
    /// Deliver it again after the delay.
    Nack {
        /// Which delivery.
        of: Receipt,
        /// How long from now.
        delay: SimDuration,
    },
    /// It is still being worked on: its ack wait begins anew.
    Extend(Receipt),
}

/// An event on its way to an outside broker, with everything that a CloudEvents message says of it.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Names the outcome.
    pub ticket: u64,
    /// Where it goes.
    pub topic: TopicIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// When it came into being.
    pub emitted: SimTime,
    /// Its partition key.
    pub key: Option<Arc<str>>,
    /// Its data.
    pub data: Option<Arc<Value>>,
    /// What it is about, where a replayed log says so.
    pub subject: Option<Arc<str>>,
    /// The event that caused it.
    pub cause: Option<EventId>,
    /// The first of its causes; itself if it has none.
    pub root: EventId,
}

/// Which delivery of a record is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt {
    /// To which subscription.
    pub sub: SubIx,
    /// The record's topic.
    pub topic: TopicIx,
    /// Its partition, counted within the topic.
    pub partition: u32,
    /// Its place in the partition's log.
    pub offset: u64,
    /// Which attempt.
    pub attempt: u32,
}

/// Something that an outside broker told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// What became of a publish.
    PublishOutcome {
        /// Which one.
        ticket: u64,
        /// What.
        outcome: PublishOutcome,
    },
    /// A record came for a subscription: for the first time, or again.
    Delivery {
        /// Which event: one of this run's own.
        event: EventId,
        /// Where it lies, for whom it is, and which attempt this is by the broker's count; 1 if it does not count.
        place: Receipt,
    },
    /// The broker dealt partitions of a group out anew.
    MemberChange {
        /// The group.
        sub: SubIx,
        /// Partitions with a new owner: a member by its link, or nobody.
        owners: Arc<[Ownership]>,
    },
}

/// Who owns a partition from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The topic.
    pub topic: TopicIx,
    /// The partition, counted within the topic.
    pub partition: u32,
    /// The link of the member.
    pub owner: Option<LinkIx>,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishOutcome {
    /// It is in the log, as safe as the broker makes it.
    Accepted {
        /// The partition, counted within the topic.
        partition: u32,
        /// Its place in the partition's log.
        offset: u64,
    },
    /// It is not in the log and will not be.
    Rejected,
    /// The answer was lost: it may be in the log or not. Should it be delivered after all, it is owed from then on.
    Unknown,
}
