//! Stores: what events add up to, key by key; and the events themselves, with versions, where the store is their keeper.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::super::data::data_of;
use super::super::log::Log;
use super::super::state::{Job, Payload, Slot};
use super::super::{Cx, Kernel, Limit, limits};
use crate::expr::EvalError;
use crate::model::{EventId, EventTypeIx, NodeIx, StoreKeeps};
use crate::plan::{Adds, ExpectsPlan, HandlerPlan, Plan, StorePlan};
use crate::trace::{Kept, KeyRef, Observer, Reason};

/// What a store has committed.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct StoreState {
    rows: BTreeMap<Arc<str>, Arc<Row>>,
    /// Events it took.
    taken: u64,
    /// Of each cursor that feeds it, the offsets it took: kept with the state, so that neither is ahead of the other.
    positions: BTreeMap<u32, Ranges>,
    /// Events that came by call: no log has them.
    by_call: u64,
    conflicts: u64,
    repeated: u64,
}

/// The state of a key.
#[derive(Clone, Debug, Default)]
struct Row {
    version: u64,
    state: RowState,
    /// The events, if the store is their keeper.
    events: Log<Stored>,
    /// Which those are.
    known: BTreeSet<EventId>,
    snapshot: Option<(u64, RowState)>,
}

/// What the events of a key add up to.
#[derive(Clone, Debug, Default, PartialEq)]
struct RowState {
    parts: Vec<Part>,
    folded: Value,
}

/// A named part of a state.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Count(u64),
    /// In billionths: whole numbers add up in any order to the same.
    Sum(i128),
    Extreme(Option<i128>),
    Value(Option<(Place, Value)>),
}

/// Where an event stands among all that a store takes: when its bus took it, partition and offset; or its number.
type Place = (u64, u32, u64);

/// What an event store keeps of an event.
#[derive(Clone, Debug)]
struct Stored {
    slot: Slot,
    payload: Option<Arc<Payload>>,
    place: Place,
}

/// A set of offsets, as stretches.
#[derive(Clone, Debug, Default)]
struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    fn contains(&self, offset: u64) -> bool {
        self.0.range(..=offset).next_back().is_some_and(|(_, end)| offset < *end)
    }

    fn insert(&mut self, offset: u64) {
        if self.contains(offset) {
            return;
        }
        let end = self.0.remove(&(offset + 1)).unwrap_or(offset + 1);
        match self.0.range_mut(..=offset).next_back() {
            Some((_, before)) if *before == offset => *before = end,
            _ => {
                self.0.insert(offset, end);
            }
        }
    }

    fn offsets(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(start, end)| *start..*end)
    }
}

/// A store as it is right now, for whoever looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreNow {
    /// How many keys it has.
    pub keys: u64,
    /// Events it took.
    pub events: u64,
    /// Appends that expected another version.
    pub conflicts: u64,
    /// Events that it had taken before.
    pub repeated: u64,
    /// What its whole state hashes to.
    pub hash: u64,
    /// The first keys, in their order.
    pub rows: Vec<StoreRow>,
}

/// What a store has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// How many keys it has.
    pub keys: u64,
    /// Events it took.
    pub events: u64,
    /// Appends that expected another version.
    pub conflicts: u64,
    /// Events that it had taken before.
    pub repeated: u64,
}

/// The state of a key, for whoever looks.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreRow {
    /// The key; empty for events without one.
    pub key: Arc<str>,
    /// How many events it is made of.
    pub version: u64,
    /// Up to which version its state is kept beside its events; 0 if it is not.
    pub snapshot: u64,
    /// What they add up to.
    pub state: Value,
}

impl RowState {
    fn new(store: &StorePlan) -> Self {
        let part = |adds| match adds {
            Adds::Count => Part::Count(0),
            Adds::Sum => Part::Sum(0),
            Adds::Min | Adds::Max => Part::Extreme(None),
            Adds::First | Adds::Last => Part::Value(None),
        };
        Self { parts: store.fields.iter().map(|field| part(field.adds)).collect(), folded: Value::Null }
    }

    /// As data: what the fold says, or an object of the named parts.
    fn value(&self, store: &StorePlan) -> Value {
        if store.fold.is_some() {
            return self.folded.clone();
        }
        let part = |part: &Part| match part {
            Part::Count(count) => (*count).into(),
            Part::Sum(sum) => number(*sum),
            Part::Extreme(extreme) => extreme.map_or(Value::Null, number),
            Part::Value(value) => value.as_ref().map_or(Value::Null, |(_, value)| value.clone()),
        };
        let named = store.fields.iter().zip(&self.parts);
        Value::Object(named.map(|(field, of)| (field.name.to_string(), part(of))).collect::<Map<_, _>>())
    }
}

/// Billionths to one.
const ONE: i128 = 1_000_000_000;

/// A number in billionths; `None` for what is no number.
fn billionths(value: &Value) -> Option<i128> {
    let number = value.as_number()?;
    if let Some(whole) = number.as_i128() {
        return Some(whole * ONE);
    }
    // Exact by IEEE 754 up to the rounding itself, so the same on every machine.
    let scaled = number.as_f64()? * ONE as f64;
    Some((scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i128)
}

fn number(billionths: i128) -> Value {
    match i64::try_from(billionths / ONE) {
        Ok(whole) if billionths % ONE == 0 => whole.into(),
        _ => Number::from_f64(billionths as f64 / ONE as f64).map_or(Value::Null, Value::Number),
    }
}

/// Keeps an expression's draws apart from those of other places that look at the same event.
const STORE_PLACE: u64 = 3 << 40;

impl Kernel {
    /// Taking an event begins: the version of its stream is read, if it is what the event will expect.
    pub(in super::super) fn read_store<O: Observer>(&mut self, cx: &Cx<'_, O>, handle: u32, store: &StorePlan) {
        if !matches!(store.expects, ExpectsPlan::AsRead) {
            return;
        }
        let (node, slot) = (self.jobs[handle].node, self.jobs[handle].slot);
        let payload = self.jobs.payload_cloned(handle);
        // What no key can be worked out of fails at the end.
        let key = self.store_key(cx.plan, store, &slot, payload.as_ref()).unwrap_or_default();
        let row = self.keeping.stores.get(&node).and_then(|state| state.rows.get(&key));
        let version = row.map_or(0, |row| row.version);
        self.keeping.read.insert(handle, (node, version));
    }

    /// Taking an event ends: it is taken, was taken before, or is in conflict with what somebody else appended.
    pub(in super::super) fn take_into_store<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        store: &StorePlan,
        handler: Option<&HandlerPlan>,
    ) -> Result<(), Reason> {
        let job = self.jobs[handle];
        let node = NodeIx(job.node);
        let read = self.keeping.read.remove(&handle).map(|(_, version)| version);
        // The state is out of the machine's hands while expressions look at it and at the event.
        let mut shared = self.keeping.stores.remove(&node.0).unwrap_or_default();
        let taken = self.take_event(cx, handle, store, Arc::make_mut(&mut shared), read);
        self.keeping.stores.insert(node.0, shared);
        match (taken, handler) {
            (Ok(true), Some(handler)) if !handler.emits.is_empty() => self.emit_all(cx, handle, handler),
            (taken, _) => taken.map(drop),
        }
    }

    /// Whether the event was taken now.
    fn take_event<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        store: &StorePlan,
        state: &mut StoreState,
        read: Option<u64>,
    ) -> Result<bool, Reason> {
        let plan = cx.plan;
        let job = self.jobs[handle];
        let (node, event) = (NodeIx(job.node), job.slot.event);
        let mut payload = self.jobs.payload_cloned(handle);
        let broken = |kernel: &mut Self, cx: &mut Cx<'_, O>| {
            kernel.mark_broken(cx, node, event);
            Reason::Decode
        };
        let Ok(key) = self.store_key(plan, store, &job.slot, payload.as_ref()) else {
            return Err(broken(self, cx));
        };
        let cursor = (job.source & Job::INBOX == 0).then_some(job.source);
        let was_taken = cursor
            .is_some_and(|cursor| state.positions.get(&cursor).is_some_and(|position| position.contains(job.offset)));
        let row = state.rows.get(&key);
        if was_taken || row.is_some_and(|row| row.known.contains(&event)) {
            state.repeated += 1;
            Self::show_kept(cx, node, Some(event), Kept::Repeated);
            return Ok(false);
        }
        let expected = match &store.expects {
            ExpectsPlan::Any => None,
            ExpectsPlan::AsRead => read,
            ExpectsPlan::Version(program) => {
                let value =
                    self.with_facts(plan, &job.slot, payload.as_ref(), STORE_PLACE, |facts| program.value(facts));
                match value.map(|value| (value.is_null(), value.as_u64())) {
                    Ok((true, _)) => None,
                    Ok((false, Some(version))) => Some(version),
                    Ok((false, None)) | Err(_) => return Err(broken(self, cx)),
                }
            }
        };
        let found = row.map_or(0, |row| row.version);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            state.conflicts += 1;
            Self::show_kept(cx, node, Some(event), Kept::Conflict { expected, found });
            return Err(Reason::Conflict);
        }
        let place = match (store.keeps, cursor) {
            (StoreKeeps::View, Some(cursor)) => {
                let partition = plan.cursors[cursor as usize].partition;
                let at = self.partitions[partition as usize].log.get(job.offset).map_or(job.slot.born, |slot| slot.at);
                (at, partition, job.offset)
            }
            (StoreKeeps::View, None) | (StoreKeeps::Events, _) => (self.now, u32::MAX, state.taken),
        };
        if store.keeps == StoreKeeps::Events && store.needs_data {
            // What an event says stays, whatever becomes of its type's example.
            let mut own = payload.as_deref().cloned().unwrap_or_default();
            own.data = Some(Arc::clone(data_of(plan, job.slot.kind(), payload.as_deref())));
            payload = Some(Arc::new(own));
        }
        let before = row.map_or_else(|| RowState::new(store), |row| row.state.clone());
        let Ok(after) = self.folded(plan, store, before, &job.slot, payload.as_ref(), place) else {
            return Err(broken(self, cx));
        };
        if row.is_none() && state.rows.len() >= limits::STORE_KEYS || state.taken >= limits::STORE_EVENTS {
            self.limit = Some(Limit::Stored);
        }
        state.taken += 1;
        match cursor {
            Some(cursor) => state.positions.entry(cursor).or_default().insert(job.offset),
            None => state.by_call += 1,
        }
        let row = Arc::make_mut(state.rows.entry(Arc::clone(&key)).or_default());
        row.version += 1;
        row.state = after;
        let (version, key) = (row.version, key_ref(&key));
        if store.keeps == StoreKeeps::Events {
            row.known.insert(event);
            row.events.push(Stored { slot: job.slot, payload, place });
        }
        Self::show_kept(cx, node, Some(event), Kept::Appended { key, version });
        if store.snapshot_every > 0 && version % store.snapshot_every == 0 {
            row.snapshot = Some((version, row.state.clone()));
            Self::show_kept(cx, node, Some(event), Kept::Snapshot { key, version });
        }
        Ok(true)
    }

    fn store_key(
        &mut self,
        plan: &Plan,
        store: &StorePlan,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
    ) -> Result<Arc<str>, EvalError> {
        match &store.key {
            Some(program) => {
                self.with_facts(plan, slot, payload, STORE_PLACE, |facts| program.text(facts)).map(Into::into)
            }
            None => Ok(slot.key(payload.map(|payload| &**payload)).to_string().into()),
        }
    }

    /// The state of a key after an event.
    fn folded(
        &mut self,
        plan: &Plan,
        store: &StorePlan,
        mut state: RowState,
        slot: &Slot,
        payload: Option<&Arc<Payload>>,
        place: Place,
    ) -> Result<RowState, EvalError> {
        if store.fields.is_empty() && store.fold.is_none() {
            return Ok(state);
        }
        self.with_facts(plan, slot, payload, STORE_PLACE, |facts| {
            if let Some(fold) = &store.fold {
                state.folded = fold.fold(&state.folded, facts)?;
                return Ok(state);
            }
            for (field, part) in store.fields.iter().zip(&mut state.parts) {
                let value = field.of.as_ref().map(|program| program.value(facts)).transpose()?;
                part.add(field.adds, value.unwrap_or_default(), place);
            }
            Ok(state)
        })
    }

    // ---- from the events again ------------------------------------------------------------------------------------

    /// A store that had crashed reads its snapshots, and replays what came after them.
    pub(in super::super) fn recover_store<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, store: &StorePlan) {
        let Some(state) = self.keeping.stores.get(&node.0) else { return };
        // It may have been drawn anew meanwhile, with other settings.
        if state.rows.values().any(|row| row.state.parts.len() != store.fields.len()) {
            self.refold_store(cx, node, store);
        } else if store.keeps == StoreKeeps::Events {
            let (keys, replayed) = self.replay_store(cx.plan, node, store, true);
            Self::show_kept(cx, node, None, Kept::Recovered { keys, replayed });
        }
    }

    /// Works the state of every stream out of its events, from its snapshot on or from the very first. How many streams,
    /// and how many events.
    fn replay_store(&mut self, plan: &Plan, node: NodeIx, store: &StorePlan, from_snapshots: bool) -> (u64, u64) {
        let Some(mut shared) = self.keeping.stores.remove(&node.0) else { return (0, 0) };
        let state = Arc::make_mut(&mut shared);
        let mut replayed = 0;
        for row in state.rows.values_mut() {
            let row = Arc::make_mut(row);
            let (first, mut now) = match row.snapshot.take().filter(|_| from_snapshots) {
                Some((version, kept)) => {
                    row.snapshot = Some((version, kept.clone()));
                    (version, kept)
                }
                None => (0, RowState::new(store)),
            };
            for offset in first..row.events.end() {
                let Some(Stored { slot, payload, place }) = row.events.get(offset).cloned() else { continue };
                replayed += 1;
                // What the expressions of now can make nothing of leaves the state as it is.
                if let Ok(next) = self.folded(plan, store, now.clone(), &slot, payload.as_ref(), place) {
                    now = next;
                }
            }
            row.state = now;
        }
        let keys = state.rows.len() as u64;
        self.keeping.stores.insert(node.0, shared);
        (keys, replayed)
    }

    /// The settings say another state from here on: an event store works it out anew from its events, a view from the
    /// log; where that has not all of them, the view begins with nothing.
    pub(in super::super) fn refold_store<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, store: &StorePlan) {
        if !self.keeping.stores.contains_key(&node.0) {
            return;
        }
        if store.keeps == StoreKeeps::Events {
            let (keys, replayed) = self.replay_store(cx.plan, node, store, false);
            Self::show_kept(cx, node, None, Kept::Recovered { keys, replayed });
        } else if !self.rebuild(cx, node)
            && let Some(shared) = self.keeping.stores.get_mut(&node.0)
        {
            Arc::make_mut(shared).rows.clear();
        }
    }

    /// Works a view out again from the very first record of its topics. Whether their logs still have all that it took.
    pub(in super::super) fn rebuild<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) -> bool {
        let plan = cx.plan;
        let Some(store) = plan.store(node).filter(|store| store.keeps == StoreKeeps::View) else { return false };
        let before = self.keeping.stores.get(&node.0).map(Arc::clone).unwrap_or_default();
        let mut missing = before.by_call;
        let mut places: Vec<(Place, u32)> = Vec::new();
        for (cursor, position) in &before.positions {
            let partition_ix = plan.cursors[*cursor as usize].partition;
            let partition = &self.partitions[partition_ix as usize];
            let keeps = plan.topics[plan.partitions[partition_ix as usize].topic.index()].keeps();
            for offset in position.offsets() {
                match partition.log.get(offset).filter(|_| keeps && offset >= partition.start) {
                    Some(slot) => places.push(((slot.at, partition_ix, offset), *cursor)),
                    None => missing += 1,
                }
            }
        }
        if missing > 0 {
            Self::show_kept(cx, node, None, Kept::NotRebuilt { missing });
            return false;
        }
        // In the order in which the buses took them.
        places.sort_unstable();
        let mut after = StoreState { conflicts: before.conflicts, repeated: before.repeated, ..StoreState::default() };
        for (place @ (_, partition, offset), cursor) in places {
            let log = &self.partitions[partition as usize];
            let Some(slot) = log.log.get(offset).copied() else { continue };
            let payload = log.payload(offset).cloned();
            let Ok(key) = self.store_key(plan, store, &slot, payload.as_ref()) else { continue };
            let row = after.rows.get(&key);
            let state = row.map_or_else(|| RowState::new(store), |row| row.state.clone());
            let Ok(state) = self.folded(plan, store, state, &slot, payload.as_ref(), place) else { continue };
            after.taken += 1;
            after.positions.entry(cursor).or_default().insert(offset);
            let row = Arc::make_mut(after.rows.entry(key).or_default());
            row.version += 1;
            row.state = state;
        }
        let (events, hash, was) = (after.taken, after.hash(store), before.hash(store));
        self.keeping.stores.insert(node.0, Arc::new(after));
        Self::show_kept(cx, node, None, Kept::Rebuilt { events, hash, was });
        true
    }

    // ---- for whoever looks ----------------------------------------------------------------------------------------

    /// A store as it is right now, with its first keys; `None` if the node is no store.
    pub fn store_now(&self, node: NodeIx, most: usize) -> Option<StoreNow> {
        let store = self.plan().store(node)?;
        let Some(state) = self.keeping.stores.get(&node.0) else { return Some(StoreNow::default()) };
        Some(StoreNow {
            keys: state.rows.len() as u64,
            events: state.taken,
            conflicts: state.conflicts,
            repeated: state.repeated,
            hash: state.hash(store),
            rows: self.store_rows(node, most),
        })
    }

    /// The first keys of a store, in their order.
    pub fn store_rows(&self, node: NodeIx, most: usize) -> Vec<StoreRow> {
        let Some(store) = self.plan().store(node) else { return Vec::new() };
        let row = |(key, row): (&Arc<str>, &Arc<Row>)| StoreRow {
            key: Arc::clone(key),
            version: row.version,
            snapshot: row.snapshot.as_ref().map_or(0, |(version, _)| *version),
            state: row.state.value(store),
        };
        self.keeping.stores.get(&node.0).into_iter().flat_map(|state| &state.rows).take(most).map(row).collect()
    }

    /// What a store has come to; `None` if the node is no store. Unlike [`Kernel::store_now`] it reads no state.
    pub fn store_counts(&self, node: NodeIx) -> Option<StoreCounts> {
        self.plan().store(node)?;
        let counts = |state: &Arc<StoreState>| StoreCounts {
            keys: state.rows.len() as u64,
            events: state.taken,
            conflicts: state.conflicts,
            repeated: state.repeated,
        };
        Some(self.keeping.stores.get(&node.0).map_or_else(StoreCounts::default, counts))
    }

    /// The type and the number of every event of a stream, in order. Empty for a view, which keeps none.
    pub fn stream(&self, node: NodeIx, key: &str) -> Vec<(EventId, EventTypeIx)> {
        let row = self.keeping.stores.get(&node.0).and_then(|state| state.rows.get(key));
        let events = row.into_iter().flat_map(|row| (0..row.events.end()).filter_map(|offset| row.events.get(offset)));
        events.map(|stored| (stored.slot.event, stored.slot.kind())).collect()
    }
}

impl StoreState {
    fn hash(&self, store: &StorePlan) -> u64 {
        let mut hasher = blake3::Hasher::new();
        for (key, row) in &self.rows {
            hasher.update(&(key.len() as u64).to_le_bytes());
            hasher.update(key.as_bytes());
            hasher.update(&row.version.to_le_bytes());
            let state = row.state.value(store).to_string();
            hasher.update(&(state.len() as u64).to_le_bytes());
            hasher.update(state.as_bytes());
        }
        let mut word = [0; 8];
        hasher.finalize_xof().fill(&mut word);
        u64::from_le_bytes(word)
    }
}

impl Part {
    /// Takes a value in. What is no number changes no sum, what is nothing changes no value.
    fn add(&mut self, adds: Adds, value: Value, place: Place) {
        match self {
            Self::Count(count) => *count += 1,
            Self::Sum(sum) => *sum = sum.saturating_add(billionths(&value).unwrap_or(0)),
            Self::Extreme(extreme) => {
                if let Some(new) = billionths(&value) {
                    let old = extreme.unwrap_or(new);
                    *extreme = Some(if adds == Adds::Min { old.min(new) } else { old.max(new) });
                }
            }
            Self::Value(kept) => {
                // By place and not by arrival: a retry that comes late is not the latest.
                let replaces = match kept {
                    None => true,
                    Some((old, _)) if adds == Adds::First => place < *old,
                    Some((old, _)) => place > *old,
                };
                if replaces && !value.is_null() {
                    *kept = Some((place, value));
                }
            }
        }
    }
}

/// A key as records have it.
fn key_ref(key: &str) -> KeyRef<'_> {
    if key.is_empty() { KeyRef::None } else { KeyRef::Text(key) }
}
