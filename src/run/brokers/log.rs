//! A broker in a task of its own: append-only logs with partitions, a position for each subscription, and redelivery of
//! what is not acknowledged in time. It shares nothing with the machine but the messages, and keeps everything in memory.
//!
//! It is what adapters are held against: whatever runs here has to run on a broker of the same capabilities. It can be told
//! to lose acks and answers, as networks do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};

use super::{Adapter, Message, News, Order, Place, SetUp};
use crate::kernel::{PublishOutcome, partition_of};
use crate::model::{LinkId, TopicName};
use crate::plan::{Capabilities, SubTerms};
use crate::run::pace::wall_now;

/// What is lost or refused on purpose: every so manyth; 0 for none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Losses {
    /// Acks that never arrive.
    pub acks: u32,
    /// Publishes that are stored, and whose answer is lost.
    pub answers: u32,
    /// Publishes that are refused.
    pub refusals: u32,
}

/// See the module.
#[derive(Debug)]
pub struct LogBroker {
    capabilities: Capabilities,
    losses: Losses,
    acks: u32,
    publishes: u32,
    topics: BTreeMap<TopicName, Topic>,
    subs: BTreeMap<Arc<str>, Sub>,
    /// Deliveries that are due again. One that was settled or put off meanwhile means nothing.
    timers: BTreeSet<(Instant, Arc<str>, At)>,
    news: Vec<News>,
}

/// Topic, partition, offset.
type At = (TopicName, u32, u64);

#[derive(Debug, Default)]
struct Topic {
    partitions: Vec<Vec<Arc<[u8]>>>,
    /// Where each id is stored.
    ids: BTreeMap<Arc<str>, (u32, u64)>,
    /// Records without a key, to deal them out in turn.
    keyless: usize,
}

#[derive(Debug)]
struct Sub {
    terms: SubTerms,
    /// What is next, by partition.
    next: BTreeMap<(TopicName, u32), u64>,
    unsettled: BTreeMap<At, Unsettled>,
    owners: BTreeMap<(TopicName, u32), LinkId>,
}

#[derive(Clone, Copy, Debug)]
struct Unsettled {
    attempt: u32,
    /// When it is delivered again; never, if the broker does not by itself.
    due: Option<Instant>,
}

impl LogBroker {
    /// A broker that keeps what it promises and no more.
    pub const fn new(capabilities: Capabilities, losses: Losses) -> Self {
        Self {
            capabilities,
            losses,
            acks: 0,
            publishes: 0,
            topics: BTreeMap::new(),
            subs: BTreeMap::new(),
            timers: BTreeSet::new(),
            news: Vec::new(),
        }
    }

    fn take(&mut self, order: Order, now: Instant) {
        match order {
            Order::SetUp(set_up) => self.set_up(&set_up),
            Order::Publish(message) => self.publish(message),
            Order::Ack(place) => {
                self.acks += 1;
                if !is_nth(self.acks, self.losses.acks)
                    && let Some(sub) = self.subs.get_mut(&place.subscription)
                {
                    sub.unsettled.remove(&(place.topic, place.partition, place.offset));
                }
            }
            Order::Nack { of, delay } if self.capabilities.nack => self.put_off(of, now + delay),
            Order::Extend(of) if self.capabilities.extend && self.capabilities.ack_wait => {
                let wait = self.subs.get(&of.subscription).map_or(Duration::ZERO, Sub::ack_wait);
                self.put_off(of, now + wait);
            }
            // Such a broker knows no such word.
            Order::Nack { .. } | Order::Extend(_) => {}
        }
    }

    fn set_up(&mut self, set_up: &SetUp) {
        for (name, partitions) in &set_up.topics {
            let topic = self.topics.entry(name.clone()).or_default();
            topic.partitions.resize(topic.partitions.len().max(*partitions as usize), Vec::new());
        }
        self.subs.retain(|name, _| set_up.subscriptions.iter().any(|sub| sub.name == *name));
        for wanted in &set_up.subscriptions {
            let sub = self.subs.entry(Arc::clone(&wanted.name)).or_insert_with(|| Sub {
                terms: wanted.terms,
                next: BTreeMap::new(),
                unsettled: BTreeMap::new(),
                owners: BTreeMap::new(),
            });
            sub.terms = wanted.terms;
            sub.next.retain(|(topic, _), _| wanted.topics.contains(topic));
            for name in &wanted.topics {
                let Some(topic) = self.topics.get(name) else { continue };
                for (number, partition) in topic.partitions.iter().enumerate() {
                    // A subscription that is new begins with the next record.
                    sub.next.entry((name.clone(), number as u32)).or_insert(partition.len() as u64);
                }
            }
            if wanted.shares_partitions && self.capabilities.groups {
                let before = sub.owners.clone();
                let partitions = sub.next.keys().cloned();
                sub.owners = partitions.zip(wanted.members.iter().cycle().cloned()).collect();
                let owners = sub.owners.iter().filter(|(place, owner)| before.get(*place) != Some(*owner));
                let owners = owners.map(|((topic, number), owner)| (topic.clone(), *number, Some(owner.clone())));
                let owners = owners.collect();
                self.news.push(News::Members { subscription: Arc::clone(&wanted.name), owners });
            }
        }
    }

    fn publish(&mut self, message: Message) {
        let Message { ticket, topic, key, id, body } = message;
        self.publishes += 1;
        let topic = self.topics.get_mut(&topic).filter(|topic| !topic.partitions.is_empty());
        let Some(topic) = topic.filter(|_| !is_nth(self.publishes, self.losses.refusals)) else {
            self.news.push(News::Outcome { ticket, outcome: PublishOutcome::Rejected });
            return;
        };
        let known = topic.ids.get(&id).copied().filter(|_| self.capabilities.dedup);
        let (partition, offset) = known.unwrap_or_else(|| {
            let partition = if let Some(key) = key {
                partition_of(key.as_bytes(), topic.partitions.len() as u32)
            } else {
                topic.keyless += 1;
                (topic.keyless % topic.partitions.len()) as u32
            };
            let log = &mut topic.partitions[partition as usize];
            log.push(body);
            (partition, log.len() as u64 - 1)
        });
        topic.ids.insert(id, (partition, offset));
        let is_lost = is_nth(self.publishes, self.losses.answers);
        let outcome = if is_lost { PublishOutcome::Unknown } else { PublishOutcome::Accepted { partition, offset } };
        self.news.push(News::Outcome { ticket, outcome });
    }

    /// Delivers a record again at a certain time, if it is not settled by then.
    fn put_off(&mut self, of: Place, due: Instant) {
        let Place { subscription, topic, partition, offset, attempt: _ } = of;
        let at = (topic, partition, offset);
        let unsettled = self.subs.get_mut(&subscription).and_then(|sub| sub.unsettled.get_mut(&at));
        if let Some(unsettled) = unsettled {
            unsettled.due = Some(due);
            self.timers.insert((due, subscription, at));
        }
    }

    /// Delivers what is due again, and what is new as far as allowed.
    fn deliver(&mut self, now: Instant) {
        while let Some((due, name, at)) = self.timers.pop_first() {
            if due > now {
                self.timers.insert((due, name, at));
                break;
            }
            let sub = self.subs.get(&name);
            if let Some(unsettled) = sub.and_then(|sub| sub.unsettled.get(&at))
                && unsettled.due == Some(due)
            {
                self.hand_out(&name, at, unsettled.attempt + 1, now);
            }
        }
        let mut fresh = Vec::new();
        for (name, sub) in &mut self.subs {
            let mut room = (sub.terms.max_in_flight as usize).saturating_sub(sub.unsettled.len());
            for ((topic, partition), next) in &mut sub.next {
                let end = self.topics[topic].partitions[*partition as usize].len() as u64;
                let count = (end - *next).min(room as u64);
                room -= count as usize;
                let offsets = *next..*next + count;
                fresh.extend(offsets.map(|offset| (Arc::clone(name), (topic.clone(), *partition, offset))));
                *next += count;
            }
        }
        for (name, at) in fresh {
            self.hand_out(&name, at, 1, now);
        }
    }

    fn hand_out(&mut self, name: &Arc<str>, at: At, attempt: u32, now: Instant) {
        let Some(sub) = self.subs.get_mut(name) else { return };
        let due = self.capabilities.ack_wait.then(|| now + sub.ack_wait());
        sub.unsettled.insert(at.clone(), Unsettled { attempt, due });
        let (topic, partition, offset) = at.clone();
        let body = Arc::clone(&self.topics[&topic].partitions[partition as usize][offset as usize]);
        let place = Place { subscription: Arc::clone(name), topic, partition, offset, attempt };
        self.news.push(News::Delivery { place, body });
        if let Some(due) = due {
            self.timers.insert((due, Arc::clone(name), at));
        }
    }
}

impl Sub {
    const fn ack_wait(&self) -> Duration {
        Duration::from_nanos(self.terms.ack_wait.as_nanos())
    }
}

impl Adapter for LogBroker {
    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn carry(mut self, mut orders: mpsc::Receiver<Order>, news: mpsc::Sender<News>) {
        loop {
            let due = self.timers.first().map(|(due, ..)| *due);
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.take(order, wall_now()),
                    None => return,
                },
                () = at(due) => {}
            }
            self.deliver(wall_now());
            for told in std::mem::take(&mut self.news) {
                if news.send(told).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

const fn is_nth(count: u32, nth: u32) -> bool {
    nth > 0 && count.is_multiple_of(nth)
}
