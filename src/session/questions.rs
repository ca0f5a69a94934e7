//! Questions about a run's past, answered on a thread beside it; a new question takes the place of the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tokio::runtime::Handle;

use crate::model::NodeId;
use crate::run::ask;
use crate::run::live::{AnswerSlot, Command, LiveRun, Wake};

use super::{Answer, EventCard, EventRef, WaitingEvent};

/// The last question of each kind.
#[derive(Default)]
pub(super) struct Questions {
    event: Option<Asked<EventCard>>,
    queue: Option<AskedQueue>,
}

/// A question about a queue. While it is worked on, the last answer about the same one stands.
struct AskedQueue {
    node: NodeId,
    asked: Asked<Vec<WaitingEvent>>,
    before: Answer<Vec<WaitingEvent>>,
}

/// A question; nobody waits for the answer any more when it is dropped.
struct Asked<T> {
    slot: AnswerSlot<T>,
    cancel: Arc<AtomicBool>,
}

impl<T> Asked<T> {
    fn new() -> Self {
        Self { slot: Arc::new(ArcSwap::from_pointee(Answer::Working)), cancel: Arc::default() }
    }
}

impl<T> Drop for Asked<T> {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

impl Questions {
    pub(super) fn ask_event(&mut self, runtime: &Handle, live: &LiveRun, event: EventRef, wake: Option<Wake>) {
        let asked = Asked::new();
        let (slot, cancel) = (Arc::clone(&asked.slot), Arc::clone(&asked.cancel));
        self.event = Some(asked);
        let past = live.past();
        // The look that is shown: an answer beyond it would be about a future that nobody has seen.
        let until = live.view().now.max(event.seen_at);
        runtime.spawn_blocking(move || {
            let answer = match ask::event_card(&past, event.event, until, &cancel) {
                Ok(card) => Answer::Ready(Arc::new(card)),
                Err(why) => Answer::Failed(why),
            };
            slot.store(Arc::new(answer));
            if let Some(wake) = wake
                && !cancel.load(Ordering::Relaxed)
            {
                wake();
            }
        });
    }

    pub(super) fn ask_queue(&mut self, live: &LiveRun, node: &NodeId) {
        let is_same = self.queue.as_ref().is_some_and(|queue| queue.node == *node);
        let before = if is_same { self.queue() } else { Answer::Working };
        let asked = Asked::new();
        let slot = Arc::clone(&asked.slot);
        if !live.send(Command::Queue(node.clone(), Arc::clone(&slot))) {
            slot.store(Arc::new(Answer::Failed("the run has ended".to_owned())));
        }
        self.queue = Some(AskedQueue { node: node.clone(), asked, before });
    }

    pub(super) fn event_card(&self) -> Answer<EventCard> {
        self.event.as_ref().map_or(Answer::None, |asked| Answer::clone(&asked.slot.load()))
    }

    pub(super) fn queue(&self) -> Answer<Vec<WaitingEvent>> {
        let Some(AskedQueue { node: _, asked, before }) = &self.queue else { return Answer::None };
        match &**asked.slot.load() {
            Answer::Working => before.clone(),
            answer => answer.clone(),
        }
    }
}
