//! Buses that an outside broker carries: what an adapter is, and the bridge between adapters and a run.
//!
//! An adapter is a task that owns its client library and knows nothing of the machine: it takes [`Order`]s, tells
//! [`News`], and names things as the flow does. The [`Bridge`] translates between it and the machine for whatever driver
//! paces the run. A driver does three things: after each stretch of the run it calls [`Bridge::carry_out`]; while it
//! waits it also waits for [`Bridge::receive`]; and what that gives it notes in the run's journal and injects. While
//! [`Bridge::is_congested`] it lets the run stand.

mod log;
mod message;

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::Duration;

use crate::kernel::{Incoming, Kernel, Outgoing, Ownership, PublishOutcome, Receipt};
use crate::model::{LinkId, NodeIx, SubIx, TopicIx, TopicName};
use crate::plan::{Capabilities, Plan, SubTerms};

pub use self::log::{LogBroker, Losses};
pub use self::message::Identity;

/// Orders on their way to an adapter, and news on its way back. Beyond it either side waits.
const ON_THE_WAY: usize = 1_024;

/// Carries a bus with the help of an outside broker.
///
/// What it owes the run: one outcome for each publish, even if that is that nobody knows; deliveries with the place at
/// which the record lies, again and again until it is acknowledged, as far as the broker can; and the same place for the
/// same record each time.
pub trait Adapter: Send + 'static {
    /// What the broker promises. It is settled before the run begins, as an option of its plan.
    fn capabilities(&self) -> Capabilities;

    /// Works until the driver hangs up. The first order is to set up, as is one after each edit of the flow.
    fn carry(self, orders: mpsc::Receiver<Order>, news: mpsc::Sender<News>) -> impl Future<Output = ()> + Send;
}

/// Something for an adapter to do.
#[derive(Clone, Debug)]
pub enum Order {
    /// Have these topics and subscriptions. Those that are there stay as they are.
    SetUp(Arc<SetUp>),
    /// Publish an event.
    Publish(Message),
    /// The record is settled for this subscription.
    Ack(Place),
    /// Deliver it again after the delay.
    Nack {
        /// Which delivery.
        of: Place,
        /// How long from now.
        delay: Duration,
    },
    /// It is still being worked on: its ack wait begins anew.
    Extend(Place),
}

/// Something that an adapter tells.
#[derive(Clone, Debug)]
pub enum News {
    /// What became of a publish.
    Outcome {
        /// Which one.
        ticket: u64,
        /// What.
        outcome: PublishOutcome,
    },
    /// A record came for a subscription: for the first time, or again.
    Delivery {
        /// Where it lies, for whom it is, and which attempt this is by the broker's count; 1 if it does not count.
        place: Place,
        /// As it was published.
        body: Arc<[u8]>,
    },
    /// The broker dealt partitions of a group out anew: those with a new owner, a member by its link or nobody.
    Members {
        /// The group.
        subscription: Arc<str>,
        /// Topic, partition, owner.
        owners: Vec<(TopicName, u32, Option<LinkId>)>,
    },
}

/// An event as the broker gets it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Names the outcome.
    pub ticket: u64,
    /// Where it goes.
    pub topic: TopicName,
    /// Its partition key. [`crate::kernel::partition_of`] is the flow's partitioner.
    pub key: Option<Arc<str>>,
    /// One and the same however often it is published: what a broker's window of deduplication goes by.
    pub id: Arc<str>,
    /// A CloudEvents 1.0 message in structured JSON: all that anybody needs to know of it.
    pub body: Arc<[u8]>,
}

/// Which delivery of a record is meant, in the flow's names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// To which subscription: a group, else a link.
    pub subscription: Arc<str>,
    /// The record's topic.
    pub topic: TopicName,
    /// Its partition, counted within the topic.
    pub partition: u32,
    /// Its place in the partition's log.
    pub offset: u64,
    /// Which attempt.
    pub attempt: u32,
}

/// What a bus is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    /// Names, and how many partitions each has.
    pub topics: Vec<(TopicName, u32)>,
    /// Groups, and links without one.
    pub subscriptions: Vec<SubSetUp>,
}

/// A subscription that a bus is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubSetUp {
    /// Its group, else its link.
    pub name: Arc<str>,
    /// The topics that it takes, wildcards resolved.
    pub topics: Vec<TopicName>,
    /// The links of its members.
    pub members: Vec<LinkId>,
    /// Whether each partition belongs to one member, as with Kafka.
    pub shares_partitions: bool,
    /// What it asks.
    pub terms: SubTerms,
}

/// The way between a run and the adapters that carry its buses.
pub struct Bridge {
    identity: Identity,
    plan: Arc<Plan>,
    lines: Vec<Line>,
    news: Vec<mpsc::Receiver<News>>,
    fetched: Vec<Outgoing>,
    foreign: u64,
}

/// The way to one adapter.
struct Line {
    bus: NodeIx,
    orders: mpsc::Sender<Order>,
    /// Orders that found no room.
    waiting: VecDeque<Order>,
}

impl Bridge {
    /// A bridge with no adapter yet, for a run that has not begun.
    pub fn new(kernel: &mut Kernel, identity: Identity) -> Self {
        kernel.connect_outside();
        let plan = Arc::clone(kernel.plan());
        Self { identity, plan, lines: Vec::new(), news: Vec::new(), fetched: Vec::new(), foreign: 0 }
    }

    /// Starts an adapter for a bus that the plan has outside.
    pub fn connect(&mut self, on: &Handle, bus: NodeIx, adapter: impl Adapter) {
        let (orders, to_adapter) = mpsc::channel(ON_THE_WAY);
        let (to_driver, news) = mpsc::channel(ON_THE_WAY);
        on.spawn(adapter.carry(to_adapter, to_driver));
        let first = Order::SetUp(Arc::new(set_up(&self.plan, bus)));
        self.lines.push(Line { bus, orders, waiting: VecDeque::from([first]) });
        self.news.push(news);
    }

    /// Sends what the run has given out since the last time. Never waits: what finds no room goes later.
    pub fn carry_out(&mut self, kernel: &mut Kernel) {
        if !Arc::ptr_eq(&self.plan, kernel.plan()) {
            self.plan = Arc::clone(kernel.plan());
            for line in &mut self.lines {
                line.waiting.push_back(Order::SetUp(Arc::new(set_up(&self.plan, line.bus))));
            }
        }
        kernel.take_outgoing(&mut self.fetched);
        for outgoing in self.fetched.drain(..) {
            let topic = match &outgoing {
                Outgoing::Publish(publish) => publish.topic,
                Outgoing::Ack(of) | Outgoing::Nack { of, .. } | Outgoing::Extend(of) => of.topic,
            };
            let bus = self.plan.topic_bus(topic);
            if let Some(line) = self.lines.iter_mut().find(|line| line.bus == bus) {
                line.waiting.push_back(order(&self.plan, &self.identity, outgoing));
            }
        }
        for line in &mut self.lines {
            line.send();
        }
    }

    /// Whether an adapter is behind: the run has to stand until [`Bridge::receive`] has sent what waits, so that no more
    /// does.
    pub fn is_congested(&self) -> bool {
        self.lines.iter().any(|line| !line.waiting.is_empty())
    }

    /// The next thing that comes in; sends what waits meanwhile, and returns `None` when none waits any more. Nothing is
    /// lost if it is dropped half-way.
    pub async fn receive(&mut self) -> Option<Incoming> {
        loop {
            let was_congested = self.is_congested();
            tokio::select! {
                biased;
                (place, news) = next(&mut self.news) => {
                    if let Some(incoming) = self.translate(self.lines[place].bus, news) {
                        return Some(incoming);
                    }
                }
                () = room(&mut self.lines) => {}
            }
            if was_congested && !self.is_congested() {
                return None;
            }
        }
    }

    /// How much came in that is none of this run's: events of others, subscriptions that are gone. It is left alone.
    pub const fn foreign(&self) -> u64 {
        self.foreign
    }

    fn translate(&mut self, bus: NodeIx, news: News) -> Option<Incoming> {
        let incoming = match news {
            News::Outcome { ticket, outcome } => Some(Incoming::PublishOutcome { ticket, outcome }),
            News::Delivery { place, body } => self.delivery(bus, &place, &body),
            News::Members { subscription, owners } => {
                let owner = |(topic, partition, link): (TopicName, u32, Option<LinkId>)| {
                    let topic = topic_ix(&self.plan, bus, &topic)?;
                    Some(Ownership { topic, partition, owner: link.and_then(|link| self.plan.link_ix(&link)) })
                };
                let owners: Arc<[Ownership]> = owners.into_iter().filter_map(owner).collect();
                sub_ix(&self.plan, bus, &subscription).map(|sub| Incoming::MemberChange { sub, owners })
            }
        };
        self.foreign += u64::from(incoming.is_none());
        incoming
    }

    fn delivery(&self, bus: NodeIx, place: &Place, body: &[u8]) -> Option<Incoming> {
        let event = self.identity.event_of(&self.plan, body)?;
        let Place { subscription, topic, partition, offset, attempt } = place;
        let place = Receipt {
            sub: sub_ix(&self.plan, bus, subscription)?,
            topic: topic_ix(&self.plan, bus, topic)?,
            partition: *partition,
            offset: *offset,
            attempt: *attempt,
        };
        Some(Incoming::Delivery { event, place })
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bridge({} adapters, {} foreign)", self.lines.len(), self.foreign)
    }
}

impl Line {
    /// Sends what waits, as far as there is room.
    fn send(&mut self) {
        while let Some(order) = self.waiting.pop_front() {
            match self.orders.try_send(order) {
                Ok(()) => {}
                Err(TrySendError::Full(order)) => {
                    self.waiting.push_front(order);
                    return;
                }
                // The adapter is gone. What is owed stays open, and the report says so.
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }
}

/// The next news of any adapter; never, once all are gone.
async fn next(news: &mut [mpsc::Receiver<News>]) -> (usize, News) {
    poll_fn(|cx| {
        for (place, news) in news.iter_mut().enumerate() {
            if let Poll::Ready(Some(news)) = news.poll_recv(cx) {
                return Poll::Ready((place, news));
            }
        }
        Poll::Pending
    })
    .await
}

/// Waits until an adapter that is behind takes something, and sends it; never, if none is behind.
async fn room(lines: &mut [Line]) {
    let Some(line) = lines.iter_mut().find(|line| !line.waiting.is_empty()) else { return pending().await };
    match line.orders.reserve().await {
        Ok(permit) => {
            if let Some(order) = line.waiting.pop_front() {
                permit.send(order);
            }
        }
        Err(_) => line.waiting.clear(),
    }
    line.send();
}

fn topic_ix(plan: &Plan, bus: NodeIx, name: &TopicName) -> Option<TopicIx> {
    plan.topics_of(bus).find(|topic| plan.topic_name(*topic) == name)
}

fn sub_ix(plan: &Plan, bus: NodeIx, name: &str) -> Option<SubIx> {
    plan.subs_of(bus).find(|sub| plan.sub_label(*sub) == name)
}

fn set_up(plan: &Plan, bus: NodeIx) -> SetUp {
    let topic = |topic: TopicIx| (plan.topic_name(topic).clone(), plan.topic_partitions(topic));
    let subscription = |sub: SubIx| SubSetUp {
        name: plan.sub_label(sub).into(),
        topics: plan.sub_topics(sub).into_iter().map(|topic| plan.topic_name(topic).clone()).collect(),
        members: plan.sub_members(sub).map(|(_, link)| plan.link_id(link).clone()).collect(),
        shares_partitions: plan.shares_partitions(sub),
        terms: plan.sub_terms(sub),
    };
    SetUp {
        topics: plan.topics_of(bus).map(topic).collect(),
        subscriptions: plan.subs_of(bus).map(subscription).collect(),
    }
}

fn order(plan: &Plan, identity: &Identity, outgoing: Outgoing) -> Order {
    let place = |of: Receipt| Place {
        subscription: plan.sub_label(of.sub).into(),
        topic: plan.topic_name(of.topic).clone(),
        partition: of.partition,
        offset: of.offset,
        attempt: of.attempt,
    };
    match outgoing {
        Outgoing::Publish(publish) => Order::Publish(Message {
            ticket: publish.ticket,
            topic: plan.topic_name(publish.topic).clone(),
            id: identity.id_of(plan, publish.event).into(),
            body: identity.body_of(plan, &publish).into(),
            key: publish.key,
        }),
        Outgoing::Ack(of) => Order::Ack(place(of)),
        Outgoing::Nack { of, delay } => Order::Nack { of: place(of), delay: Duration::from_nanos(delay.as_nanos()) },
        Outgoing::Extend(of) => Order::Extend(place(of)),
    }
}
