//! What waits where, recounted from the records alone: strict order (S8), time to live (S17), priority (S18), delay (S19),
//! and who has had an effect (S3).
//!
//! Records do not tell two obligations of one event at one subscription apart: such twins are left out here.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{
    EventId, EventType, EventTypeIx, Flow, Order, SimDuration, SimTime, SubIx, Subscription, TopicIx,
};
use eventloom::plan::Plan;
use eventloom::trace::{KeyRef, Phase, Record, What};

type Place = (TopicIx, u32, u64);

/// An obligation that has not ended.
#[derive(Clone, Debug)]
struct One {
    event: EventId,
    kind: EventTypeIx,
    /// When it could be handed over first.
    since: SimTime,
    phase: Phase,
    /// When it was queued or delayed last.
    waits_since: SimTime,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    now: SimTime,
    /// Since when the rules hold.
    edited: SimTime,
    kinds: Vec<EventType>,
    settings: BTreeMap<SubIx, Subscription>,
    accepted: BTreeMap<Place, SimTime>,
    keys: BTreeMap<EventId, String>,
    open: BTreeMap<SubIx, BTreeMap<Place, One>>,
    places: BTreeMap<(SubIx, EventId), Place>,
    twins: BTreeSet<(SubIx, EventId)>,
    /// Subscriptions that have had a reason to hand over otherwise than in the order of the log.
    reordered: BTreeSet<SubIx>,
    /// Whether anything can expire.
    has_ttl: bool,
    /// Ends without an ack, at a strict order, that no gap has marked yet.
    gaps: BTreeSet<(SubIx, EventId)>,
    /// Until when whose effect is remembered.
    effects: BTreeMap<(SubIx, EventId), SimTime>,
}

macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}

impl Waits {
    /// Reads the rules of a flow: as started, and after each edit.
    pub(crate) fn follow(&mut self, flow: &Flow, plan: &Plan) {
        let kinds = (0..plan.event_count() as u32).map(EventTypeIx);
        let described = |kind| flow.events().get(plan.event_name(kind)).cloned().unwrap_or_default();
        self.kinds = kinds.map(described).collect();
        self.has_ttl = self.kinds.iter().any(|kind| kind.ttl.is_some());
        let has_delays = self.kinds.iter().any(|kind| kind.delay.is_some());
        self.settings.clear();
        for sub in (0..plan.sub_count()).map(|ix| SubIx(ix as u32)) {
            if plan.is_inbox(sub) || !plan.is_sub_alive(sub) {
                continue;
            }
            let first = plan.sub_members(sub).map(|(_, link)| plan.link_id(link)).min();
            let Some(settings) = first.and_then(|link| flow.link(link)?.subscription()) else { continue };
            let is_strict = settings.order == Order::Strict;
            if is_strict || settings.priority.is_some() || !settings.delay.is_zero() || has_delays {
                self.reordered.insert(sub);
            }
            self.has_ttl |= settings.ttl.is_some();
            self.settings.insert(sub, settings.clone());
        }
    }

    /// Whether first deliveries may leave the order of the log.
    pub(crate) fn may_reorder(&self, sub: SubIx) -> bool {
        self.reordered.contains(&sub)
    }

    /// Takes one record; what is wrong with it, if something is.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.now = record.at;
        match record.what {
            What::Edited { .. } => self.edited = record.at,
            What::Emitted { event, key, .. } if key != KeyRef::None => {
                self.keys.insert(event, key.to_string());
            }
            What::Accepted { topic, partition, offset, .. } => {
                self.accepted.insert((topic, partition, offset), record.at);
            }
            What::Opened { sub, event, kind, topic: Some(topic), partition, offset, .. } => {
                self.opened(sub, event, kind, (topic, partition, offset));
            }
            What::Replayed { sub, event, kind, topic, partition, offset } => {
                self.waits(sub, event, kind, (topic, partition, offset), record.at);
            }
            What::Postponed { sub, event, due } => {
                self.turn(sub, event, Phase::Delayed);
                if let Some(one) = self.one(sub, event) {
                    ensure!(due == one.since && due > record.at, "S19: out of sight until {due}, not {}", one.since);
                }
            }
            What::Delivered { sub, event, .. } => {
                self.may_go(sub, event)?;
                self.turn(sub, event, Phase::InFlight);
            }
            What::Retrying { sub, event, .. } => self.turn(sub, event, Phase::Delayed),
            What::Queued { sub, event, .. } => self.turn(sub, event, Phase::Queued),
            What::Expired { sub, event, .. } => {
                if let Some(expires) = self.one(sub, event).and_then(|one| self.expires(sub, one)) {
                    ensure!(expires <= record.at, "S17: expired before {expires}");
                }
                self.end(sub, event, true);
            }
            What::Dropped { sub, event, .. }
            | What::DeadLettered { sub, event, .. }
            | What::Evicted { sub, event, .. } => {
                self.end(sub, event, true);
            }
            What::Acked { sub, event, .. } | What::Purged { sub, event, .. } => self.end(sub, event, false),
            What::OrderGap { sub, event } => {
                ensure!(self.gaps.remove(&(sub, event)), "S8: a gap where nothing has ended");
            }
            What::Handled { sub, event, .. } => {
                if let Some(window) = self.settings.get(&sub).and_then(|settings| settings.idempotent) {
                    let known = self.effects.insert((sub, event), record.at + window);
                    ensure!(
                        known.is_none_or(|until| until <= record.at),
                        "S3: a second effect, remembered until {known:?}"
                    );
                }
            }
            What::Recognised { sub, event, .. } => {
                let known = self.effects.get(&(sub, event));
                ensure!(known.is_some_and(|until| record.at < *until), "S3: recognised, but {known:?} is remembered");
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, sub: SubIx, event: EventId, kind: EventTypeIx, place: Place) {
        let accepted = self.accepted.get(&place).copied().unwrap_or(self.now);
        let own = self.settings.get(&sub).map_or(SimDuration::ZERO, |settings| settings.delay);
        let since = accepted + self.kinds[kind.index()].delay.unwrap_or(own);
        self.waits(sub, event, kind, place, since);
    }

    /// A record is owed, and may be handed over from an instant on: what is read again from the seek on.
    fn waits(&mut self, sub: SubIx, event: EventId, kind: EventTypeIx, place: Place, since: SimTime) {
        let is_twin = self.places.get(&(sub, event)).is_some_and(|known| *known != place);
        if is_twin && self.twins.insert((sub, event)) {
            self.remove(sub, event);
        }
        self.places.insert((sub, event), place);
        if !self.twins.contains(&(sub, event)) {
            let one = One { event, kind, since, phase: Phase::Queued, waits_since: self.now };
            self.open.entry(sub).or_default().insert(place, one);
        }
    }

    fn remove(&mut self, sub: SubIx, event: EventId) {
        if let Some(place) = self.places.get(&(sub, event))
            && let Some(open) = self.open.get_mut(&sub)
        {
            open.remove(place);
        }
    }

    fn one(&self, sub: SubIx, event: EventId) -> Option<&One> {
        if self.twins.contains(&(sub, event)) {
            return None;
        }
        self.open.get(&sub)?.get(self.places.get(&(sub, event))?)
    }

    fn turn(&mut self, sub: SubIx, event: EventId, phase: Phase) {
        let now = self.now;
        if let Some(place) = self.places.get(&(sub, event))
            && let Some(one) = self.open.get_mut(&sub).and_then(|open| open.get_mut(place))
        {
            (one.phase, one.waits_since) = (phase, now);
        }
    }

    fn end(&mut self, sub: SubIx, event: EventId, leaves_a_gap: bool) {
        let is_strict = self.settings.get(&sub).is_some_and(|settings| settings.order == Order::Strict);
        if leaves_a_gap && is_strict && self.keys.contains_key(&event) {
            self.gaps.insert((sub, event));
        }
        self.remove(sub, event);
    }

    /// The shorter of what subscription and event type say, from when it could be handed over first.
    fn expires(&self, sub: SubIx, one: &One) -> Option<SimTime> {
        let own = self.settings.get(&sub).and_then(|settings| settings.ttl);
        let kind = self.kinds[one.kind.index()].ttl;
        let ttl = own.into_iter().chain(kind).min()?;
        Some(one.since + ttl)
    }

    /// The level that a record has by now.
    fn level(&self, settings: &Subscription, one: &One) -> u64 {
        let Some(priority) = settings.priority.filter(|_| settings.order != Order::Strict) else { return 0 };
        let top = u64::from(priority.levels.max(1)) - 1;
        let own = u64::from(self.kinds[one.kind.index()].priority).min(top);
        let waited = self.now.since(one.since).as_nanos();
        let aged = priority.aging.map_or(0, |aging| waited / aging.as_nanos().max(1));
        own.saturating_add(aged).min(top)
    }

    /// Whether a record may be handed over now, and before the others.
    fn may_go(&self, sub: SubIx, event: EventId) -> Result<(), String> {
        let (Some(one), Some(settings)) = (self.one(sub, event), self.settings.get(&sub)) else { return Ok(()) };
        let now = self.now;
        ensure!(one.since <= now, "S19: handed over before it could be seen, at {}", one.since);
        let expires = self.expires(sub, one);
        ensure!(expires.is_none_or(|expires| now < expires), "S17: handed over, but expired at {expires:?}");
        let is_strict = settings.order == Order::Strict;
        let (place, open) = (self.places[&(sub, event)], &self.open[&sub]);
        let is_held = |place: &Place, one: &One| {
            let key = self.keys.get(&one.event);
            let before = open.range((place.0, place.1, 0)..*place);
            is_strict && key.is_some() && before.into_iter().any(|(_, other)| self.keys.get(&other.event) == key)
        };
        ensure!(!is_held(&place, one), "S8: one of its key is before it");
        let asks = is_strict || settings.ttl.is_some() || settings.priority.is_some() || !settings.delay.is_zero();
        if !asks {
            return Ok(());
        }
        let rank = |one: &One| (std::cmp::Reverse(self.level(settings, one)), one.since);
        let shares_queue = settings.share == eventloom::model::Share::Queue;
        for (other_place, other) in open {
            let is_beside = shares_queue || (other_place.0, other_place.1) == (place.0, place.1);
            if is_beside
                && other.phase == Phase::Queued
                && rank(other) < rank(one)
                && !is_held(other_place, other)
                && self.expires(sub, other).is_none_or(|expires| now < expires)
            {
                return Err(format!("S18: {:?} goes, but {:?} was before it", event, other.event));
            }
        }
        Ok(())
    }

    /// S8: every gap is marked; S17: nothing waits that has expired.
    pub(crate) fn end_of_step(&self, now: SimTime) -> Result<(), String> {
        ensure!(self.gaps.is_empty(), "S8: ended without an ack, and no gap was marked: {:?}", self.gaps);
        for (sub, open) in self.open.iter().filter(|_| self.has_ttl) {
            for one in open.values().filter(|one| one.phase != Phase::InFlight) {
                let late =
                    self.expires(*sub, one).filter(|expires| now > (*expires).max(one.waits_since).max(self.edited));
                ensure!(late.is_none(), "S17: {:?} waits, but expired at {late:?}", one.event);
            }
        }
        Ok(())
    }
}
