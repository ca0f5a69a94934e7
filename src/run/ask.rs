//! Questions about the past: the stretch in question is run again, with somebody who takes notes.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::kernel::{Kernel, Letter};
use crate::model::{EventId, EventTypeIx, KindTag, NodeId, NodeIx, SimTime, SubIx};
use crate::plan::{Plan, ReplayRow};
use crate::trace::{Observer, Phase, Reason, Record, What};

use super::fast;
use super::journal::Injected;
use super::log;
use super::look::{event_of, event_text};
use super::past::{Past, Stretch};
use super::view::{EventCard, EventRef, LogRow, ObligationCard, RelatedEvent, WaitingEvent};

/// Rows of an event's history, events that it caused, and obligations, at most. One that goes to thousands has no more
/// to tell.
const NOTES: usize = 1_000;

/// Characters of data that are shown.
const PREVIEW_CHARS: usize = 64 << 10;

/// The card of an event as of an instant; or, in a sentence, why there is none.
pub(crate) fn event_card(
    past: &Past,
    event: EventId,
    until: SimTime,
    cancel: &AtomicBool,
) -> Result<EventCard, String> {
    const UNKNOWN: &str = "there is no such event in this run";
    let plan = latest_plan(past);
    if event.origin().index() >= plan.node_count() {
        return Err(UNKNOWN.to_owned());
    }
    // How it came into being tells where to begin: data that are built from their causes' need those too.
    let birth = birth(past.before_event(event), event, until, cancel).ok_or(UNKNOWN)?;
    let stretch = if birth.cause.is_some() { past.before(birth.born) } else { past.before_event(event) };
    let fired = past.journal().entries.iter().any(|entry| matches!(entry.what, Injected::Fire { .. }));
    let notes = take_notes(stretch, Notes::new(event, birth, &plan, fired), until, cancel);
    if cancel.load(Ordering::Relaxed) {
        return Err("cancelled".to_owned());
    }
    Ok(notes.card())
}

/// The first events that wait in front of a node, or the newest in a dead-letter queue: oldest first, at most
/// [`NOTES`].
pub(crate) fn queue(kernel: &Kernel, node: &NodeId) -> Vec<WaitingEvent> {
    let plan = kernel.plan();
    let Some(node) = plan.node_ix(node) else { return Vec::new() };
    let related = |event: EventId, kind: EventTypeIx| RelatedEvent {
        event: EventRef { event, seen_at: kernel.now() },
        id: event_text(plan, event),
        kind: plan.event_name(kind).clone(),
    };
    if plan.node_kind(node) == KindTag::DeadLetterQueue {
        let given_up = |letter: &Letter| WaitingEvent {
            event: related(letter.event, letter.kind),
            since: letter.at,
            reason: Some(letter.reason.name()),
            attempts: letter.attempts,
        };
        return kernel.dead_letters(node, NOTES).iter().map(given_up).collect();
    }
    let waits = |(event, kind, since)| WaitingEvent { event: related(event, kind), since, reason: None, attempts: 0 };
    kernel.waiting(node, NOTES).into_iter().map(waits).collect()
}

/// The plan that names every handle of the run so far.
fn latest_plan(past: &Past) -> Arc<Plan> {
    let journal = past.journal();
    let edited = journal.entries.iter().rev().find_map(|entry| match &entry.what {
        Injected::Edit(revision) => Some(Arc::clone(&revision.plan)),
        Injected::Fire { .. }
        | Injected::Break { .. }
        | Injected::Heal(_)
        | Injected::Rebuild(_)
        | Injected::Seek { .. }
        | Injected::Drain
        | Injected::Outside(_) => None,
    });
    edited.unwrap_or_else(|| Arc::clone(&journal.start.plan))
}

/// How an event came into being.
#[derive(Clone, Copy)]
struct Birth {
    cause: Option<EventId>,
    /// When its root cause did.
    born: SimTime,
}

/// Runs until the event comes into being.
fn birth(stretch: Stretch, event: EventId, until: SimTime, cancel: &AtomicBool) -> Option<Birth> {
    struct Finder<'a> {
        event: EventId,
        found: &'a Cell<Option<Birth>>,
    }
    impl Observer for Finder<'_> {
        fn record(&mut self, record: Record<'_>) {
            if let What::Emitted { event, cause, born, .. } = record.what
                && event == self.event
            {
                self.found.set(Some(Birth { cause, born }));
            }
        }
    }
    let found = Cell::new(None);
    let Stretch { mut kernel, entries } = stretch;
    let mut watch = |_: &Kernel| goes_on(found.get().is_none() && !cancel.load(Ordering::Relaxed));
    fast::run(&mut kernel, &entries, Some(until), &mut Finder { event, found: &found }, &mut watch);
    found.get()
}

const fn goes_on(does: bool) -> ControlFlow<()> {
    if does { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

fn take_notes(stretch: Stretch, mut notes: Notes, until: SimTime, cancel: &AtomicBool) -> Notes {
    let Stretch { mut kernel, entries } = stretch;
    kernel.keep_all_data();
    let mut watch = |_: &Kernel| goes_on(!cancel.load(Ordering::Relaxed));
    fast::run(&mut kernel, &entries, Some(until), &mut notes, &mut watch);
    notes
}

/// What is written down of one event while its past is run again.
struct Notes {
    event: EventId,
    birth: Birth,
    plan: Arc<Plan>,
    /// Whether a hand has fired the producer, so that its numbers are not those of its log.
    fired_by_hand: bool,
    emitted: Option<Emitted>,
    cause: Option<RelatedEvent>,
    /// Causes of the events that share its root cause, to find the way back to it.
    causes: BTreeMap<EventId, Option<EventId>>,
    effects: Vec<RelatedEvent>,
    obligations: Vec<Obligation>,
    history: Vec<LogRow>,
}

/// What its own record says.
struct Emitted {
    at: SimTime,
    kind: EventTypeIx,
    hops: u32,
    key: String,
    data: Option<Arc<Value>>,
}

/// What one subscription is owed, while it changes.
struct Obligation {
    sub: SubIx,
    place: String,
    state: State,
    reason: Option<Reason>,
    attempts: u32,
    owner: Option<NodeIx>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open(Phase),
    Settled(&'static str),
}

impl Notes {
    fn new(event: EventId, birth: Birth, plan: &Arc<Plan>, fired_by_hand: bool) -> Self {
        Self {
            event,
            birth,
            plan: Arc::clone(plan),
            fired_by_hand,
            emitted: None,
            cause: None,
            causes: BTreeMap::new(),
            effects: Vec::new(),
            obligations: Vec::new(),
            history: Vec::new(),
        }
    }

    fn related(&self, event: EventId, at: SimTime, kind: EventTypeIx) -> RelatedEvent {
        let kind = self.plan.event_name(kind).clone();
        RelatedEvent { event: EventRef { event, seen_at: at }, id: event_text(&self.plan, event), kind }
    }

    /// Changes what a subscription is owed: the latest of its obligations that is still open.
    fn owed(&mut self, sub: SubIx, change: impl FnOnce(&mut Obligation)) {
        let open = |owed: &&mut Obligation| owed.sub == sub && matches!(owed.state, State::Open(_));
        if let Some(owed) = self.obligations.iter_mut().rev().find(open) {
            change(owed);
        }
    }

    /// The root of its causes; itself if it has none.
    fn root(&self) -> EventId {
        let mut root = self.event;
        // Bounded by the number of events known: each step goes to an earlier one.
        for _ in 0..=self.causes.len() {
            match self.causes.get(&root) {
                Some(Some(cause)) => root = *cause,
                Some(None) | None => break,
            }
        }
        root
    }

    /// The row of a log that it replays, if it does.
    fn recorded(&self) -> Option<&ReplayRow> {
        let emitted = self.emitted.as_ref()?;
        let log = self.plan.replayed(self.event.origin())?;
        let is_same = |row: &&ReplayRow| emitted.data.as_ref().is_some_and(|data| Arc::ptr_eq(data, &row.data));
        // Where an expression builds the data anew, its number tells, unless a hand has fired in between.
        let by_number = || {
            let row = log.rows.get(self.event.number() as usize)?;
            (self.plan.event_name(emitted.kind) == &row.kind && !self.fired_by_hand).then_some(row)
        };
        log.rows.iter().find(is_same).or_else(by_number)
    }

    fn card(self) -> EventCard {
        let plan = &self.plan;
        let id = event_text(plan, self.event);
        let origin = plan.node_id(self.event.origin());
        let root = event_text(plan, self.root());
        // What is replayed is what it was: the log's words stand, as filters see them.
        let recorded = self.recorded();
        let source = recorded.map_or_else(|| origin.to_string(), |row| row.source.to_string());
        let own_id = recorded.map_or_else(|| id.clone(), |row| row.id.to_string());
        let mut attributes = vec![("id", own_id), ("source", source), ("specversion", "1.0".to_owned())];
        if let Some(emitted) = &self.emitted {
            attributes.push(("type", plan.event_name(emitted.kind).to_string()));
            if emitted.data.is_some() {
                attributes.push(("datacontenttype", "application/json".to_owned()));
            }
            if let Some(row) = recorded {
                if !row.subject.is_empty() {
                    attributes.push(("subject", row.subject.to_string()));
                }
                attributes.push(("time", row.time.to_string()));
                attributes.push(("replayed", format!("{} as {id}", emitted.at)));
            } else {
                attributes.push(("time", emitted.at.to_string()));
            }
            if !emitted.key.is_empty() {
                attributes.push(("partitionkey", emitted.key.clone()));
            }
            attributes.push(("correlationid", root));
            if let Some(cause) = self.birth.cause {
                attributes.push(("causationid", event_text(plan, cause)));
            }
            attributes.push(("hops", emitted.hops.to_string()));
        }
        let data = self.emitted.as_ref().and_then(|emitted| emitted.data.as_deref()).filter(|data| !data.is_null());
        EventCard {
            event: self.event,
            data: data.map(preview),
            emitted_at: self.emitted.as_ref().map_or(self.birth.born, |emitted| emitted.at),
            obligations: self.obligations.iter().map(|owed| owed.card(plan)).collect(),
            id,
            attributes,
            cause: self.cause,
            effects: self.effects,
            history: self.history,
        }
    }
}

impl Obligation {
    fn card(&self, plan: &Plan) -> ObligationCard {
        let (state, settled) = match self.state {
            State::Open(phase) => (log::phase_word(phase), false),
            State::Settled(word) => (word, true),
        };
        ObligationCard {
            subscription: plan.sub_label(self.sub).to_owned(),
            place: self.place.clone(),
            state: state.to_owned(),
            reason: self.reason.map(|reason| reason.name().to_owned()),
            attempts: self.attempts,
            owner: self.owner.map(|owner| plan.node_id(owner).clone()),
            settled,
        }
    }
}

impl Observer for Notes {
    fn record(&mut self, record: Record<'_>) {
        let own = self.event;
        if let What::Emitted { event, kind, cause, born, hops, key, data } = record.what {
            if born == self.birth.born && self.causes.len() < NOTES * NOTES {
                self.causes.insert(event, cause);
            }
            if event == own {
                let (key, data) = (key.to_string(), data.cloned());
                self.emitted = Some(Emitted { at: record.at, kind, hops, key, data });
            } else if Some(event) == self.birth.cause {
                self.cause = Some(self.related(event, record.at, kind));
            } else if cause == Some(own) && self.effects.len() < NOTES {
                let effect = self.related(event, record.at, kind);
                self.effects.push(effect);
            }
        }
        if event_of(&record.what) != Some(own) {
            return;
        }
        if self.history.len() < NOTES
            && let Some(mut row) = log::row_of(&record, &self.plan)
        {
            row.number = self.history.len() as u64;
            row.kind = row.kind.or_else(|| self.emitted.as_ref().map(|emitted| emitted.kind.0));
            self.history.push(row);
        }
        match record.what {
            What::Opened { sub, topic, partition, offset, .. } if self.obligations.len() < NOTES => {
                let node = self.plan.node_id(self.plan.sub_node(sub));
                let place = match topic {
                    Some(topic) => format!("{node} {}[{partition}]@{offset}", self.plan.topic_name(topic)),
                    None => format!("inbox of {node}"),
                };
                let state = State::Open(Phase::Queued);
                self.obligations.push(Obligation { sub, place, state, reason: None, attempts: 0, owner: None });
            }
            What::Replayed { sub, topic, partition, offset, .. } if self.obligations.len() < NOTES => {
                let node = self.plan.node_id(self.plan.sub_node(sub));
                let place = format!("{node} {}[{partition}]@{offset}, replayed", self.plan.topic_name(topic));
                let state = State::Open(Phase::Queued);
                self.obligations.push(Obligation { sub, place, state, reason: None, attempts: 0, owner: None });
            }
            What::Delivered { sub, node, attempt, .. } => self.owed(sub, |owed| {
                (owed.state, owed.attempts, owed.owner) = (State::Open(Phase::InFlight), attempt, Some(node));
            }),
            What::Retrying { sub, reason, .. } => self.owed(sub, |owed| {
                (owed.state, owed.reason) = (State::Open(Phase::Delayed), Some(reason));
            }),
            What::Queued { sub, .. } => self.owed(sub, |owed| owed.state = State::Open(Phase::Queued)),
            What::Acked { sub, node, .. } => self.owed(sub, |owed| {
                (owed.state, owed.reason, owed.owner) = (State::Settled("acked"), None, Some(node));
            }),
            What::Dropped { sub, reason, .. } => self.owed(sub, |owed| {
                (owed.state, owed.reason) = (State::Settled("dropped"), Some(reason));
            }),
            What::DeadLettered { sub, reason, .. } => self.owed(sub, |owed| {
                (owed.state, owed.reason) = (State::Settled("dead-lettered"), Some(reason));
            }),
            What::Postponed { sub, .. } => self.owed(sub, |owed| owed.state = State::Open(Phase::Delayed)),
            What::Expired { sub, .. } => self.owed(sub, |owed| {
                (owed.state, owed.reason) = (State::Settled("expired"), Some(Reason::Expired));
            }),
            What::Evicted { sub, .. } => self.owed(sub, |owed| {
                (owed.state, owed.reason) = (State::Settled("lost to retention"), Some(Reason::Retention));
            }),
            What::Purged { sub, .. } => self.owed(sub, |owed| owed.state = State::Settled("purged")),
            _ => {}
        }
    }
}

/// Data for people: pretty, cut where it gets long, with nothing in it that would reorder or hide text.
fn preview(data: &Value) -> String {
    let text = serde_json::to_string_pretty(data).unwrap_or_default();
    let mut shown = String::with_capacity(text.len().min(PREVIEW_CHARS));
    for (count, letter) in text.chars().enumerate() {
        if count == PREVIEW_CHARS {
            shown.push('…');
            break;
        }
        match letter {
            '\n' => shown.push(letter),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                shown.extend(letter.escape_unicode());
            }
            letter if letter.is_control() => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    shown
}
