//! Who is shown the records of a run: one by one, or what always comes together at once.

use super::record::{Record, What};
use super::shape::Shape;
use super::ways::{KeyRef, Leg, Phase};
use crate::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimDuration, SimTime, SubIx, TopicIx};

/// Is shown every record of a run, in order.
///
/// Dispatch is static: a call site shows one kind of record, so what an observer does not care about costs nothing. What
/// always comes together at one instant is shown at once: whoever only counts can count it at once, and whoever does not
/// say otherwise is shown the records that it stands for.
pub trait Observer {
    /// Takes note of one record.
    fn record(&mut self, record: Record<'_>);

    /// Takes note of a delivery that took no time.
    #[inline]
    fn passed(&mut self, at: SimTime, passage: &Passage) {
        for record in passage.records(at) {
            self.record(record);
        }
    }

    /// Takes note of a publish that arrived as it was made.
    #[inline]
    fn published(&mut self, at: SimTime, published: &Published) {
        let [first, second, third] = published.records(at);
        self.record(first);
        self.record(second);
        self.record(third);
    }

    /// Takes note of a call that arrived as it was made.
    #[inline]
    fn called(&mut self, at: SimTime, called: &Called) {
        let [first, second, third] = called.records(at);
        self.record(first);
        self.record(second);
        self.record(third);
    }

    /// Takes note of what left a queue for a node that began with it at once.
    #[inline]
    fn begun(&mut self, at: SimTime, begun: &Begun) {
        let (delivered, sent, received, started) = begun.parts(at);
        self.record(delivered);
        if let Some(sent) = sent {
            self.record(sent);
        }
        self.record(received);
        self.record(started);
    }

    /// Takes note of what a subscription hands over to a node that lets it wait.
    #[inline]
    fn handed(&mut self, at: SimTime, handed: &Handed) {
        let [first, second, third] = handed.records(at);
        self.record(first);
        self.record(second);
        self.record(third);
    }

    /// Takes note of a call that began as it was made: [`Observer::called`], then [`Observer::begun`] without a wait.
    #[inline]
    fn called_idle(&mut self, at: SimTime, called: &Called) {
        self.called(at, called);
        self.begun(at, &called.begun());
    }

    /// Takes note of a handling that ended well and was acknowledged at once.
    #[inline]
    fn ended(&mut self, at: SimTime, ended: &Ended) {
        let [first, second] = ended.records(at);
        self.record(first);
        self.record(second);
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
    #[inline]
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

/// An event that comes into being and carries nothing but a number for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The event; its origin is the node.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// The event whose handling emitted it; none for what a producer made.
    pub cause: Option<EventId>,
    /// When its root cause came into being.
    pub born: SimTime,
    /// How many events it is away from its root cause.
    pub hops: u32,
    /// Its partition key.
    pub key: KeyRef<'static>,
}

impl Birth {
    #[inline]
    const fn what(&self) -> What<'static> {
        let Self { event, kind, cause, born, hops, key } = *self;
        What::Emitted { event, kind, cause, born, hops, key, data: None }
    }
}

/// An event that comes into being and is in a topic's log at once: three records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The event.
    pub birth: Birth,
    /// The link it went by.
    pub link: LinkIx,
    /// The bus.
    pub bus: NodeIx,
    /// The topic.
    pub topic: TopicIx,
    /// The partition, counted within the topic.
    pub partition: u32,
    /// Its place in the partition's log.
    pub offset: u64,
}

impl Published {
    /// The records that it stands for, in order.
    #[inline]
    pub fn records(&self, at: SimTime) -> [Record<'static>; 3] {
        let Self { birth, link, bus: node, topic, partition, offset } = *self;
        let Birth { event, kind, .. } = birth;
        [
            birth.what(),
            What::Sent { link, event, kind, leg: Leg::Publish, attempt: 0, arrives: at },
            What::Accepted { link, node, event, kind, topic, partition, offset },
        ]
        .map(|what| Record { at, what })
    }
}

/// An event that comes into being and is in its callee's inbox at once: three records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// The event.
    pub birth: Birth,
    /// The link it went by.
    pub link: LinkIx,
    /// The inbox.
    pub sub: SubIx,
    /// The callee.
    pub node: NodeIx,
    /// Its number among the inbox's calls.
    pub offset: u64,
}

impl Called {
    /// The records that it stands for, in order.
    #[inline]
    pub fn records(&self, at: SimTime) -> [Record<'static>; 3] {
        let Self { birth, link, sub, node: _, offset } = *self;
        let Birth { event, kind, .. } = birth;
        [
            birth.what(),
            What::Sent { link, event, kind, leg: Leg::Call, attempt: 1, arrives: at },
            What::Opened { sub, event, kind, topic: None, partition: 0, offset, link: Some(link) },
        ]
        .map(|what| Record { at, what })
    }

    /// What comes next if the callee has nothing else to do.
    #[inline]
    pub const fn begun(&self) -> Begun {
        let Self { birth: Birth { event, kind, .. }, link, sub, node, offset: _ } = *self;
        let way = Way::Call(Some(link));
        Begun { node, sub, event, kind, attempt: 1, wait: SimDuration::ZERO, way }
    }
}

/// How something that begins has come to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It waited in the inbox since it came by this link; none for a call by hand.
    Call(Option<LinkIx>),
    /// A subscription hands it over at this very instant, by a link that takes no time.
    Delivery(LinkIx),
}

/// A node that has room begins with something the instant that it is handed over: three records, or four if a bus does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The node.
    pub node: NodeIx,
    /// The subscription or inbox.
    pub sub: SubIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// Which attempt.
    pub attempt: u32,
    /// How long it had waited, ready.
    pub wait: SimDuration,
    /// How it came.
    pub way: Way,
}

impl Begun {
    /// The records that it stands for, in order.
    pub fn records(&self, at: SimTime) -> impl Iterator<Item = Record<'static>> {
        let (delivered, sent, received, started) = self.parts(at);
        std::iter::once(delivered).chain(sent).chain([received, started])
    }

    #[inline]
    fn parts(&self, at: SimTime) -> BegunRecords {
        let Self { node, sub, event, kind, attempt, wait, way } = *self;
        let (link, sent) = match way {
            Way::Call(link) => (link, None),
            Way::Delivery(link) => {
                (Some(link), Some(What::Sent { link, event, kind, leg: Leg::Deliver, attempt, arrives: at }))
            }
        };
        let record = |what| Record { at, what };
        (
            record(What::Delivered { sub, event, node, attempt }),
            sent.map(record),
            record(What::Received { node, link, sub, event, kind, attempt }),
            record(What::Started { node, sub, event, kind, attempt, wait }),
        )
    }
}

/// The records of [`Begun`]: the second is there if a bus hands over.
type BegunRecords = (Record<'static>, Option<Record<'static>>, Record<'static>, Record<'static>);

/// A subscription hands something over by a link that takes no time, to a node whose hands are full: three records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The node.
    pub node: NodeIx,
    /// The subscription.
    pub sub: SubIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// Which attempt.
    pub attempt: u32,
    /// The link.
    pub link: LinkIx,
}

impl Handed {
    /// The records that it stands for, in order.
    #[inline]
    pub fn records(&self, at: SimTime) -> [Record<'static>; 3] {
        let Self { node, sub, event, kind, attempt, link } = *self;
        [
            What::Delivered { sub, event, node, attempt },
            What::Sent { link, event, kind, leg: Leg::Deliver, attempt, arrives: at },
            What::Received { node, link: Some(link), sub, event, kind, attempt },
        ]
        .map(|what| Record { at, what })
    }
}

/// A handling that ended well and whose acknowledgement takes no time: two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The node.
    pub node: NodeIx,
    /// The subscription or inbox.
    pub sub: SubIx,
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: EventTypeIx,
    /// Which attempt.
    pub attempt: u32,
    /// How long the handling took.
    pub service: SimDuration,
    /// Since the root cause came into being.
    pub end_to_end: SimDuration,
}

impl Ended {
    /// The records that it stands for, in order.
    #[inline]
    pub fn records(&self, at: SimTime) -> [Record<'static>; 2] {
        let Self { node, sub, event, kind, attempt, service, end_to_end } = *self;
        [
            What::Handled { node, sub, event, kind, attempt, service, end_to_end },
            What::Acked { sub, event, node, auto: false, from: Phase::InFlight },
        ]
        .map(|what| Record { at, what })
    }
}

/// Nobody looks.
impl Observer for () {
    #[inline]
    fn record(&mut self, _record: Record<'_>) {}
}

/// The methods of an [`Observer`] that hand what they are shown on to one or several others, the first one first, and what
/// comes at once still at once. Inlined always: each call shows one kind of record, and only its arm is to remain.
macro_rules! hand_on {
    ($self:ident to $($other:expr),+) => {
        #[inline(always)]
        fn record(&mut $self, record: $crate::trace::Record<'_>) {
            $($other.record(record);)+
        }

        $crate::trace::hand_on!(@ $self [$($other),+] passed(Passage) published(Published) called(Called));
        $crate::trace::hand_on!(@ $self [$($other),+] called_idle(Called) begun(Begun) handed(Handed) ended(Ended));
    };
    (@ $self:ident $others:tt $($several:ident($what:ident))+) => {
        $($crate::trace::hand_on!(@@ $self $others $several $what);)+
    };
    (@@ $self:ident [$($other:expr),+] $several:ident $what:ident) => {
        #[inline(always)]
        fn $several(&mut $self, at: $crate::model::SimTime, what: &$crate::trace::$what) {
            $($other.$several(at, what);)+
        }
    };
}
pub(crate) use hand_on;

/// Two look, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    hand_on!(self to self.0, self.1);

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        self.0.reshape(shape, at);
        self.1.reshape(shape, at);
    }
}

impl<O: Observer> Observer for &mut O {
    hand_on!(self to (**self));

    fn reshape(&mut self, shape: &Shape, at: SimTime) {
        (**self).reshape(shape, at);
    }
}
