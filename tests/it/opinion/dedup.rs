//! S4: what a topic has stored under a message id it does not store again for so long.

use eventloom::model::{EventId, LinkIx, Retention, SimTime, TopicIx};

use super::ensure;
use super::naive::{Naive, Partition, Verdict};

/// What was stored under a message id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    id: String,
    event: EventId,
    place: (Partition, u64),
    at: SimTime,
}

/// What becomes of a publish at the door of a topic, before anybody asks for room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    In,
    /// S14: it has no key, and the topic is compacted by key.
    NoKey,
    /// Its id cannot be made out.
    Broken,
    Known(Message),
}

/// What an expression of the random flows makes of an event: they are few, so the model knows them by heart.
fn id_of(expression: Option<&str>, event: EventId) -> Result<String, ()> {
    let number = event.number();
    match expression {
        None => Ok(format!("{event:?}")),
        Some("event.number % 2") => Ok((number % 2).to_string()),
        Some("10 / (event.number % 4)") => (10_u64).checked_div(number % 4).map(|id| id.to_string()).ok_or(()),
        Some(other) => panic!("the model does not know the id {other}"),
    }
}

impl Naive {
    pub(super) fn admits(&self, event: EventId, topic: TopicIx) -> Result<Admission, String> {
        let rules = &self.rules.topics[&topic];
        if rules.compact.is_some() && self.event(event)?.key.is_none() {
            return Ok(Admission::NoKey);
        }
        let Some(dedup) = &rules.dedup else { return Ok(Admission::In) };
        let Ok(id) = id_of(dedup.id.as_ref().map(|id| id.0.as_str()), event) else { return Ok(Admission::Broken) };
        let messages = self.messages.get(&topic).into_iter().flatten();
        let known = messages.rev().find(|message| message.id == id && message.at + dedup.window > self.now);
        Ok(known.cloned().map_or(Admission::In, Admission::Known))
    }

    /// A topic has stored a message.
    pub(super) fn remember_message(&mut self, event: EventId, place: (Partition, u64)) {
        let topic = place.0.0;
        let Some(dedup) = &self.rules.topics[&topic].dedup else { return };
        if let Ok(id) = id_of(dedup.id.as_ref().map(|id| id.0.as_str()), event) {
            let at = self.now;
            self.messages.entry(topic).or_default().push(Message { id, event, place, at });
        }
    }

    pub(super) fn deduped(&mut self, link: LinkIx, event: EventId, place: (Partition, u64), of: EventId) -> Verdict {
        let (topic, _) = self.let_in(link, event)?;
        ensure!(topic == Some(place.0.0), "S4: published to {topic:?}, but known at {place:?}");
        let bus = self.rules.topics[&place.0.0].bus;
        ensure!(self.rules.nodes.contains_key(&bus) && !self.is_down(bus), "S4: known to a bus that is gone");
        match self.admits(event, place.0.0)? {
            Admission::Known(message) => {
                ensure!((message.event, message.place) == (of, place), "S4: it is {message:?} that is known");
            }
            other => return Err(format!("S4: nothing of its id is known: {other:?}")),
        }
        self.saw("known already");
        Ok(())
    }

    /// After an edit: what is beyond the window that held is new by any other one.
    pub(super) fn forget_messages(&mut self, old: &super::rules::Rules) {
        let (now, new) = (self.now, &self.rules.topics);
        self.messages.retain(|topic, messages| {
            if let Some(before) = old.topics.get(topic).and_then(|topic| topic.dedup.as_ref()) {
                messages.retain(|message| message.at + before.window > now);
            }
            new.get(topic).is_some_and(|topic| topic.dedup.is_some())
        });
    }
}

/// The rules of a topic that is drawn no more: it keeps what it has, within its limits.
pub(super) fn left_alone(topic: &super::rules::Topic) -> super::rules::Topic {
    super::rules::Topic { keep_bytes: None, retention: Retention::Limits, compact: None, dedup: None, ..topic.clone() }
}
