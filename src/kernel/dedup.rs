//! Publishes that a topic knows already: what has the same message id within the topic's window is stored once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::Kernel;
use super::state::{Payload, Slot};
use crate::expr::EvalError;
use crate::model::{EventId, TopicIx};
use crate::plan::{DedupPlan, Plan};

/// What tells messages apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MessageId {
    /// The event itself.
    Event(EventId),
    /// What an expression says of it.
    Text(Arc<str>),
}

/// What was stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) event: EventId,
    pub(super) partition: u32,
    pub(super) offset: u64,
    at: u64,
}

/// What a topic remembers to have stored.
#[derive(Clone, Debug, Default)]
pub(super) struct Remembered {
    by_id: BTreeMap<MessageId, Stored>,
    /// Oldest first.
    order: VecDeque<(u64, MessageId)>,
}

impl Remembered {
    /// What was stored under this id within the window that ends now. The window is half open: at its end a message is new.
    fn find(&mut self, id: &MessageId, now: u64, window: u64) -> Option<Stored> {
        self.forget(now, window);
        self.by_id.get(id).copied()
    }

    fn forget(&mut self, now: u64, window: u64) {
        while let Some((at, _)) = self.order.front()
            && at.saturating_add(window).saturating_add(u64::from(planted!(KnownTooLong))) <= now
            && let Some((_, id)) = self.order.pop_front()
        {
            self.by_id.remove(&id);
        }
    }

    fn store(&mut self, id: MessageId, stored: Stored) {
        self.order.push_back((stored.at, id.clone()));
        self.by_id.insert(id, stored);
    }
}

/// Which draws of an event's are for its message id: apart from those of filters, keys and data.
const ID_PLACE: u64 = 3 << 40;

impl Kernel {
    /// The id of a message.
    pub(super) fn message_id(
        &mut self,
        plan: &Plan,
        dedup: &DedupPlan,
        topic: TopicIx,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
    ) -> Result<MessageId, EvalError> {
        let Some(program) = &dedup.id else { return Ok(MessageId::Event(slot.event)) };
        let place = ID_PLACE ^ u64::from(topic.0);
        let text = self.with_facts(plan, slot, payload, place, |facts| program.text(facts))?;
        Ok(MessageId::Text(text.into()))
    }

    /// What a topic has stored under this id within its window.
    pub(super) fn known(&mut self, topic: TopicIx, dedup: &DedupPlan, id: &MessageId) -> Option<Stored> {
        let now = self.now;
        self.remembered.get_mut(&topic.0)?.find(id, now, dedup.window)
    }

    /// Takes note of what a topic has stored just now.
    pub(super) fn remember(&mut self, topic: TopicIx, id: MessageId, event: EventId, partition: u32, offset: u64) {
        let stored = Stored { event, partition, offset, at: self.now };
        self.remembered.entry(topic.0).or_default().store(id, stored);
    }

    /// Before an edit changes windows: what is beyond the old ones is forgotten, and all where there is none any more.
    pub(super) fn edit_dedups(&mut self, old: &Plan, new: &Plan) {
        let dedup_of = |plan: &Plan, topic: u32| {
            let rules = plan.topics.get(topic as usize)?.rules.as_ref()?;
            rules.dedup.as_ref().map(|dedup| dedup.window)
        };
        let now = self.now;
        self.remembered.retain(|topic, remembered| {
            if let Some(window) = dedup_of(old, *topic) {
                remembered.forget(now, window);
            }
            dedup_of(new, *topic).is_some()
        });
    }
}
