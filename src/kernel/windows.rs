//! What a stream processor remembers: how far event time has come, open windows, and events that wait for a partner.
//!
//! All of it is a function of what was taken in and when; nothing here knows of nodes or links.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use super::aggregates::{Accumulator, Moment};
use super::limits;
use super::state::{CursorState, Payload, Slot};
use crate::plan::{JoinPlan, OperatorPlan, ShapePlan, StreamInput, StreamPlan, WindowPlan};

/// What a stream processor remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamState {
    /// By cursor and link.
    pub(super) inputs: BTreeMap<(u32, u32), InputState>,
    /// Up to when everything is believed to have come; unset until every input has brought something or is idle.
    pub(super) watermark: Option<i64>,
    windows: BTreeMap<WindowId, WindowState>,
    /// Windows that have not closed, by their ends.
    open: BTreeSet<(i64, WindowId)>,
    /// Windows that have, and still take events in.
    closed: BTreeSet<(i64, WindowId)>,
    /// Events that wait for a partner, left and right.
    sides: [BTreeMap<WaitingId, Waiting>; 2],
    /// The same by their times.
    by_time: BTreeSet<(i64, Side, WaitingId)>,
    /// Positions that have been taken in and are not behind their cursor's floor, by cursor.
    entered: BTreeMap<u32, BTreeSet<u64>>,
    pub(super) timer: Option<StreamTimer>,
}

/// The timer of a stream processor, of which there is one at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamTimer {
    pub(super) handle: u32,
    pub(super) due: u64,
    pub(super) closes: bool,
}

/// How far an input has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputState {
    /// The latest event time that it brought.
    pub(super) latest: Option<i64>,
    /// When it brought something last, or began to count.
    pub(super) at: u64,
}

/// A window by its group and its start.
type WindowId = (Arc<str>, i64);
/// An event that waits, by its group, its time and its id.
type WaitingId = (Arc<str>, i64, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Left,
    Right,
}

#[derive(Clone, Debug)]
struct WindowState {
    end: i64,
    count: u64,
    /// How often it has come out.
    fired: u32,
    accumulators: Box<[Accumulator]>,
    newest: (Moment, Waiting),
}

/// An event that state remembers.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) slot: Slot,
    pub(super) payload: Option<Arc<Payload>>,
}

/// An event that comes in, as far as a stream processor looks at it.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) time: i64,
    pub(super) key: Arc<str>,
    /// What each aggregate is worked out of.
    pub(super) values: Vec<Value>,
    pub(super) event: Waiting,
}

impl Arrival {
    const fn moment(&self) -> Moment {
        (self.time, self.event.slot.event.to_bits())
    }
}

/// A window that comes out.
#[derive(Clone, Debug)]
pub(super) struct Fired {
    pub(super) key: Arc<str>,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) count: u64,
    /// 0 the first time.
    pub(super) revision: u32,
    pub(super) values: Vec<Value>,
    /// Its latest event, by event time: what the result is said to be caused by.
    pub(super) newest: Waiting,
}

/// Two events that fit together.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: Arc<str>,
    pub(super) left: Waiting,
    pub(super) right: Waiting,
    /// Which of them is the later one, by event time.
    pub(super) newer: Side,
}

/// What became of an event at the door of the state.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Into how many windows it went; 1 for an event that waits for partners.
    pub(super) places: u32,
    /// Whether one of them had closed already.
    pub(super) is_late: bool,
    /// Whether it was there before.
    pub(super) is_known: bool,
    pub(super) fired: Vec<Fired>,
    pub(super) pairs: Vec<Pair>,
}

/// How much is held, for whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) open: usize,
    pub(super) closed: usize,
    pub(super) waiting: usize,
}

impl StreamState {
    pub(super) fn held(&self) -> Held {
        let waiting = self.sides.iter().map(BTreeMap::len).sum();
        Held { open: self.open.len(), closed: self.closed.len(), waiting }
    }

    pub(super) fn is_full(&self) -> bool {
        let Held { open, closed, waiting } = self.held();
        open + closed + waiting > limits::STREAM_STATE
    }

    /// The latest event time that came so far.
    pub(super) fn latest(&self) -> Option<i64> {
        self.inputs.values().filter_map(|input| input.latest).max()
    }

    // ---- event time -----------------------------------------------------------------------------------------------

    /// Counts the inputs of a plan from now on, those that do not count already. What is no input any more is forgotten.
    pub(super) fn count_inputs(&mut self, stream: &StreamPlan, now: u64) {
        let before = std::mem::take(&mut self.inputs);
        for input in &stream.inputs {
            let id = (input.cursor, input.link.0);
            let fresh = InputState { latest: None, at: now };
            self.inputs.insert(id, before.get(&id).copied().unwrap_or(fresh));
        }
        self.entered.retain(|cursor, _| stream.inputs.iter().any(|input| input.cursor == *cursor));
    }

    /// Takes note of what an input brought.
    pub(super) fn hear(&mut self, cursor: u32, link: u32, time: Option<i64>, now: u64) {
        let is_of_cursor = |(id, _): &(&(u32, u32), &mut InputState)| id.0 == cursor;
        let input = if self.inputs.contains_key(&(cursor, link)) {
            self.inputs.get_mut(&(cursor, link))
        } else {
            // With a queue shared, one input stands for all links that lead here.
            self.inputs.iter_mut().find(is_of_cursor).map(|(_, input)| input)
        };
        if let Some(input) = input {
            input.at = now;
            input.latest = input.latest.max(time);
        }
    }

    /// Moves the watermark as far as the inputs let it; whether it moved.
    pub(super) fn advance(&mut self, stream: &StreamPlan, cursors: &[CursorState], now: u64) -> bool {
        let target = self.target(stream, cursors, now);
        let moves = target > self.watermark;
        if moves {
            self.watermark = target;
        }
        moves
    }

    fn target(&self, stream: &StreamPlan, cursors: &[CursorState], now: u64) -> Option<i64> {
        let mut least: Option<i64> = None;
        let (mut waits, mut all_idle) = (false, true);
        let (mut last, mut latest) = (0, None);
        for (state, idle_at) in self.counting(stream, cursors, now) {
            last = last.max(state.at);
            latest = latest.max(state.latest);
            if idle_at <= now {
                continue;
            }
            all_idle = false;
            match state.latest {
                Some(time) => least = Some(least.map_or(time, |least| least.min(time))),
                None => waits = true,
            }
        }
        let reached = if all_idle {
            // Nobody says what time it is: it goes on as the clock does.
            latest.map(|latest: i64| latest.saturating_add_unsigned(now - last))
        } else {
            least.filter(|_| !waits)
        };
        reached.map(|reached| reached.saturating_sub(stream.behind))
    }

    /// The inputs that count now, each with when it is idle.
    fn counting<'a>(
        &'a self,
        stream: &'a StreamPlan,
        cursors: &'a [CursorState],
        now: u64,
    ) -> impl Iterator<Item = (InputState, u64)> + 'a {
        let counts = move |input: &StreamInput| {
            let state = self.inputs.get(&(input.cursor, input.link.0))?;
            let cursor = cursors.get(input.cursor as usize)?;
            if input.by_owner && cursor.owner != Some(input.link.0) {
                return None;
            }
            // What is on its way here, or waits for its turn, is no silence.
            let is_pending = cursor.has_queued() || cursor.in_flight > 0 || cursor.delayed > 0;
            let since = if is_pending { now } else { state.at };
            Some((*state, since.saturating_add(stream.idle)))
        };
        stream.inputs.iter().filter_map(counts)
    }

    /// When the clock alone moves something: the instant, and whether a window closes by it rather than state being freed.
    pub(super) fn next_due(&self, stream: &StreamPlan, cursors: &[CursorState], now: u64) -> Option<(u64, bool)> {
        if stream.idle == u64::MAX {
            return None;
        }
        let closes = self.open.first().map(|(end, _)| *end);
        let frees = || {
            let window = self.closed.first().map(|(end, _)| end.saturating_add(stream.lateness));
            window.or_else(|| self.by_time.first().map(|(time, ..)| kept_until(*time, stream).saturating_add(1)))
        };
        let next = closes.or_else(frees)?;
        let (mut last, mut latest, mut idle) = (0, None, u64::MAX);
        for (state, idle_at) in self.counting(stream, cursors, now) {
            last = last.max(state.at);
            latest = latest.max(state.latest);
            if idle_at > now {
                idle = idle.min(idle_at);
            }
        }
        let due = if idle < u64::MAX {
            idle
        } else {
            // All are idle: it is a matter of time.
            let reached = latest?.saturating_sub(stream.behind);
            last.saturating_add(u64::try_from(next.saturating_sub(reached)).unwrap_or(0))
        };
        Some((due.max(now + 1), closes.is_some()))
    }

    // ---- positions ------------------------------------------------------------------------------------------------

    /// Takes note of a position; whether it was taken in before.
    pub(super) fn is_entered(&mut self, cursor: u32, offset: u64, floor: u64) -> bool {
        let entered = self.entered.entry(cursor).or_default();
        // What is behind the floor is settled and never comes again.
        if entered.first().is_some_and(|first| *first < floor) {
            *entered = entered.split_off(&floor);
        }
        entered.contains(&offset)
    }

    pub(super) fn enter(&mut self, cursor: u32, offset: u64) {
        self.entered.entry(cursor).or_default().insert(offset);
    }

    // ---- windows --------------------------------------------------------------------------------------------------

    /// Takes an event into its windows.
    pub(super) fn gather(&mut self, window: &WindowPlan, lateness: i64, arrival: &Arrival) -> Entry {
        let mut entry = Entry::default();
        match window.shape {
            ShapePlan::Hopping { size, slide, offset } => {
                let time = arrival.time;
                let mut start = time.saturating_sub(time.saturating_sub(offset).rem_euclid(slide));
                for _ in 0..limits::WINDOWS_PER_EVENT {
                    let end = start.saturating_add(size);
                    if end <= time {
                        break;
                    }
                    if !self.is_past(end.saturating_add(lateness)) {
                        self.add(window, (Arc::clone(&arrival.key), start), end, arrival, &mut entry);
                    }
                    start = start.saturating_sub(slide);
                }
                entry.fired.reverse();
            }
            ShapePlan::Session { gap } => self.gather_session(window, gap, lateness, arrival, &mut entry),
        }
        entry
    }

    fn is_past(&self, time: i64) -> bool {
        self.watermark.is_some_and(|watermark| watermark >= time)
    }

    fn add(&mut self, window: &WindowPlan, id: WindowId, end: i64, arrival: &Arrival, entry: &mut Entry) {
        let is_new = !self.windows.contains_key(&id);
        let state = self.windows.entry(id.clone()).or_insert_with(|| WindowState::new(window, end, arrival));
        state.add(arrival);
        entry.places += 1;
        if self.is_past(end) {
            entry.is_late = true;
            self.open.remove(&(end, id.clone()));
            self.closed.insert((end, id.clone()));
            entry.fired.extend(self.fire(&id));
        } else if is_new {
            self.open.insert((end, id));
        }
    }

    /// Takes an event into its session, which may become one with its neighbours.
    fn gather_session(&mut self, window: &WindowPlan, gap: i64, lateness: i64, arrival: &Arrival, entry: &mut Entry) {
        let (mut start, mut end) = (arrival.time, arrival.time.saturating_add(gap));
        let (key, time) = (&arrival.key, arrival.time);
        let from = (Bound::Unbounded, Bound::Included((Arc::clone(key), time)));
        let before = self.windows.range(from).next_back();
        let before = before.filter(|((of, _), state)| of == key && state.end > time);
        let to = (Bound::Excluded((Arc::clone(key), time)), Bound::Excluded((Arc::clone(key), end)));
        let after = self.windows.range(to);
        let touched: Vec<WindowId> = before.into_iter().chain(after).map(|(id, _)| id.clone()).collect();
        if touched.is_empty() && self.is_past(end.saturating_add(lateness)) {
            return;
        }
        let mut merged = WindowState::new(window, end, arrival);
        merged.add(arrival);
        for id in touched {
            let Some(state) = self.windows.remove(&id) else { continue };
            self.open.remove(&(state.end, id.clone()));
            self.closed.remove(&(state.end, id.clone()));
            start = start.min(id.1);
            end = end.max(state.end);
            merged.merge(state);
        }
        merged.end = end;
        let id = (Arc::clone(key), start);
        self.windows.insert(id.clone(), merged);
        entry.places = 1;
        if self.is_past(end) {
            entry.is_late = true;
            self.closed.insert((end, id.clone()));
            entry.fired.extend(self.fire(&id));
        } else {
            self.open.insert((end, id));
        }
    }

    fn fire(&mut self, id: &WindowId) -> Option<Fired> {
        let state = self.windows.get_mut(id)?;
        let revision = state.fired;
        state.fired += 1;
        Some(Fired {
            key: Arc::clone(&id.0),
            start: id.1,
            end: state.end,
            count: state.count,
            revision,
            values: state.accumulators.iter().map(|one| one.value(state.count)).collect(),
            newest: state.newest.1.clone(),
        })
    }

    /// Closes what the watermark has passed, in the order of their ends, and frees what nothing is taken into any more.
    pub(super) fn close(&mut self, stream: &StreamPlan) -> Vec<Fired> {
        let mut fired = Vec::new();
        let Some(watermark) = self.watermark else { return fired };
        while let Some((end, id)) = self.open.pop_first() {
            if end > watermark {
                self.open.insert((end, id));
                break;
            }
            fired.extend(self.fire(&id));
            self.closed.insert((end, id));
        }
        while let Some((end, id)) = self.closed.pop_first() {
            if end.saturating_add(stream.lateness) > watermark {
                self.closed.insert((end, id));
                break;
            }
            self.windows.remove(&id);
        }
        while let Some((time, side, id)) = self.by_time.pop_first() {
            if kept_until(time, stream) >= watermark {
                self.by_time.insert((time, side, id));
                break;
            }
            self.sides[side as usize].remove(&id);
        }
        fired
    }

    // ---- joins ----------------------------------------------------------------------------------------------------

    /// Finds an event's partners, and lets it wait for those to come.
    pub(super) fn pair(&mut self, join: &JoinPlan, lateness: i64, arrival: Arrival, side: Side) -> Entry {
        let mut entry = Entry::default();
        if self.watermark.is_some_and(|watermark| arrival.time.saturating_add(lateness) < watermark) {
            return entry;
        }
        let Arrival { time, key, values: _, event } = arrival;
        entry.is_late = self.watermark.is_some_and(|watermark| time < watermark);
        entry.places = 1;
        let id = (Arc::clone(&key), time, event.slot.event.to_bits());
        if self.sides[side as usize].contains_key(&id) {
            entry.is_known = true;
            return entry;
        }
        let from = (Arc::clone(&key), time.saturating_sub(join.within), 0);
        let to = (Arc::clone(&key), time.saturating_add(join.within), u64::MAX);
        let other_side = if side == Side::Left { Side::Right } else { Side::Left };
        for ((_, other_time, other_event), other) in self.sides[other_side as usize].range(from..=to) {
            let is_newer = (time, id.2) >= (*other_time, *other_event);
            let newer = if is_newer { side } else { other_side };
            let (left, right) = match side {
                Side::Left => (event.clone(), other.clone()),
                Side::Right => (other.clone(), event.clone()),
            };
            entry.pairs.push(Pair { key: Arc::clone(&key), left, right, newer });
        }
        self.by_time.insert((time, side, id.clone()));
        self.sides[side as usize].insert(id, event);
        entry
    }
}

/// Up to which watermark an event waits for partners.
fn kept_until(time: i64, stream: &StreamPlan) -> i64 {
    let within = match &stream.operator {
        OperatorPlan::Join(join) => join.within,
        OperatorPlan::Each | OperatorPlan::Window(_) => 0,
    };
    time.saturating_add(within).saturating_add(stream.lateness)
}

impl WindowState {
    fn new(window: &WindowPlan, end: i64, arrival: &Arrival) -> Self {
        let accumulators = window.aggregates.iter().map(|one| Accumulator::new(one.kind)).collect();
        Self { end, count: 0, fired: 0, accumulators, newest: (arrival.moment(), arrival.event.clone()) }
    }

    fn add(&mut self, arrival: &Arrival) {
        let at = arrival.moment();
        self.count += 1;
        for (accumulator, value) in self.accumulators.iter_mut().zip(&arrival.values) {
            accumulator.add(value, at);
        }
        if at > self.newest.0 {
            self.newest = (at, arrival.event.clone());
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.fired = self.fired.max(other.fired);
        for (accumulator, other) in self.accumulators.iter_mut().zip(other.accumulators) {
            accumulator.merge(other);
        }
        if other.newest.0 > self.newest.0 {
            self.newest = other.newest;
        }
    }
}
