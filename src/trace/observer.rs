//! Who is shown what happened.

use super::record::{Record, What};
use super::shape::Shape;
use super::ways::{Leg, Phase};
use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime, SubIx, TopicIx};

/// Is shown every record of a run, in order.
///
/// Dispatch is static: a call site shows one kind of record, so what an observer does not care about costs nothing.
pub trait Observer {
    /// Takes note of one record.
    fn record(&mut self, record: Record<'_>);

    /// Takes note of a delivery that took no time, as of its seven records: whoever only counts can do so at once.
    #[inline]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        for record in passage.records(at) {
            self.record(record);
        }
    }

    /// The run's nodes, links and subscriptions have changed at this instant (an edit): tables by handle may have to grow.
    fn reshape(&mut self, _shape: &Shape, _at: SimTime) {}
}

/// A delivery that takes no time and no way, at the moment of its append: seven records at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The subscription.
    pub sub: SubIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// The topic.
    pub topic: TopicIx,
    /// The partition, counted within the topic.
    pub partition: u32,
    /// Its place in the partition's log.
    pub offset: u64,
    /// The member.
    pub node: NodeIx,
    /// The link.
    pub link: LinkIx,
    /// Since the root cause came into being.
    pub end_to_end: SimDuration,
}

impl Passage {
    /// The records that it stands for, in order.
    pub fn records(&self, at: SimTime) -> [Record<'static>; 7] {
        let Self { sub, event, kind, topic, partition, offset, node, link, end_to_end } = *self;
        let (attempt, topic, nothing) = (1, Some(topic), SimDuration::ZERO);
        [
            What::Opened { sub, event, kind, topic, partition, offset, link: None },
            What::Delivered { sub, event, node, attempt },
            What::Sent { link, event, kind, leg: Leg::Deliver, attempt, arrives: at },
            What::Received { node, link: Some(link), sub, event, kind, attempt },
            What::Started { node, sub, event, kind, attempt, wait: nothing },
            What::Handled { node, sub, event, kind, attempt, service: nothing, end_to_end },
            What::Acked { sub, event, node, auto: false, from: Phase::InFlight },
        ]
        .map(|what| Record { at, what })
    }
}

/// Nobody looks.
impl Observer for () {
    #[inline]
    fn record(&mut self, _record: Record<'_>) {}

    #[inline]
    fn passed(&mut self, _at: SimTime, _passage: &Passage) {}
}

/// Two look, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn record(&mut self, record: Record<'_>) {
        self.0.record(record);
        self.1.record(record);
    }

    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        self.0.passed(at, passage);
        self.1.passed(at, passage);
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.0.reshape(shape, at);
        self.1.reshape(shape, at);
    }
}

impl<O: Observer> Observer for &mut O {
    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn record(&mut self, record: Record<'_>) {
        (**self).record(record);
    }

    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        (**self).passed(at, passage);
    }

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        (**self).reshape(shape, at);
    }
}
