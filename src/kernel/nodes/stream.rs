//! Stream processors: each event that comes in is taken into windows or finds its partners, and what comes of that leaves.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::event_list::Class;
use super::super::state::{Job, Lineage, Payload, Slot, Tag};
use super::super::windows::{Arrival, Entry, Fired, Held, Pair, Side, StreamState, StreamTimer, Waiting};
use super::super::{Cx, Kernel, Limit};
use crate::expr::{EvalError, Facts};
use crate::model::{FaultIx, NodeIx};
use crate::plan::{
    AggregateKind, AggregatePlan, DataPlan, EmitPlan, GroupPlan, HandlerPlan, OperatorPlan, Plan, StreamPlan, TimePlan,
    WindowPlan, rfc3339_nanos,
};
use crate::trace::{Observer, Reason, What};

/// Keeps the draws of what looks at an event that comes in apart from others'.
const IN_PLACE: u64 = 3 << 40;
/// The same of what builds a result's data.
const OUT_PLACE: u64 = 4 << 40;
/// Event times reach so far either way: 146 years, so that windows around them can be reckoned with.
const FARTHEST: i64 = i64::MAX / 2;

/// What a stream processor makes of an event when it looks at it.
enum Look {
    /// Its filter leaves it out; that it came, and when it happened, counts for the watermark all the same.
    Passed(Option<i64>),
    Taken(i64, Arc<str>, Vec<Value>),
}

pub(in super::super) fn stream_of(plan: &Plan, node: NodeIx) -> Option<&StreamPlan> {
    plan.nodes[node.index()].work.worker()?.stream.as_deref()
}

impl Kernel {
    /// A stream processor has finished with an event. On `Err` an expression could make nothing of it, and nothing has
    /// changed.
    pub(super) fn take_in<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        stream: &StreamPlan,
        handler: &HandlerPlan,
    ) -> Result<(), Reason> {
        let job = self.jobs[handle];
        let (node, slot, event) = (NodeIx(job.node), job.slot, job.slot.event);
        let payload = self.jobs.payload_cloned(handle);
        if matches!(stream.operator, OperatorPlan::Each) {
            if let Some(when) = &stream.when {
                match self.with_facts(cx.plan, &slot, payload.as_ref(), IN_PLACE, |facts| when.test(facts)) {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(_) => return Err(self.broken(cx, node, event)),
                }
            }
            return self.emit_all(cx, handle, handler);
        }
        let floor = self.cursors[job.source as usize].floor;
        if stream.is_checkpointed && self.stream_state(node).is_entered(job.source, job.offset, floor) {
            cx.show(What::HeldAlready { node, event });
            return Ok(());
        }
        let look = self.with_facts(cx.plan, &slot, payload.as_ref(), IN_PLACE, |facts| look_at(stream, facts));
        let Ok(look) = look else { return Err(self.broken(cx, node, event)) };
        // What was idle until now has let time pass.
        self.pass_time(cx, node, stream);
        if stream.is_checkpointed {
            self.stream_state(node).enter(job.source, job.offset);
        }
        let time = match look {
            Look::Passed(time) => time,
            Look::Taken(time, key, values) => {
                let arrival = Arrival { time, key, values, event: Waiting { slot, payload } };
                let state = self.stream_state(node);
                let entry = match &stream.operator {
                    OperatorPlan::Window(window) => state.gather(window, stream.lateness, &arrival),
                    OperatorPlan::Join(join) => {
                        let side = if join.left.contains(slot.kind()) { Side::Left } else { Side::Right };
                        state.pair(join, stream.lateness, arrival, side)
                    }
                    OperatorPlan::Each => Entry::default(),
                };
                let is_full = state.is_full();
                self.tell_of(cx, handle, stream, time, &entry);
                for fired in &entry.fired {
                    self.close_window(cx, node, stream, fired);
                }
                for pair in &entry.pairs {
                    self.join_pair(cx, node, stream, pair);
                }
                if is_full {
                    self.limit = Some(Limit::StreamState);
                }
                Some(time)
            }
        };
        let now = self.now;
        self.stream_state(node).hear(job.source, job.way().0, time, now);
        self.pass_time(cx, node, stream);
        self.arm_stream(node, stream);
        Ok(())
    }

    /// Shows what became of an event; one that is too late goes its own way.
    fn tell_of<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        stream: &StreamPlan,
        time_nanos: i64,
        entry: &Entry,
    ) {
        let job = self.jobs[handle];
        let (node, event) = (NodeIx(job.node), job.slot.event);
        if entry.is_known {
            cx.show(What::HeldAlready { node, event });
        } else if entry.places > 0 {
            cx.show(What::Gathered { node, event, time_nanos, places: entry.places, late: entry.is_late });
        } else {
            let watermark_nanos = self.stream_state(node).watermark.unwrap_or(i64::MIN);
            cx.show(What::Late { node, event, time_nanos, watermark_nanos });
            if let Some(late) = &stream.late {
                self.emit_one(cx, handle, late);
            }
        }
    }

    /// Lets event time come as far as it can, and closes what that closes.
    fn pass_time<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, stream: &StreamPlan) {
        let extra = self.nodes[node.index()].extra as usize;
        let state = Arc::make_mut(&mut self.streams[extra]);
        if !state.advance(stream, &self.cursors, self.now) {
            return;
        }
        let watermark_nanos = state.watermark.unwrap_or(i64::MIN);
        let fired = state.close(stream);
        cx.show(What::WatermarkAdvanced { node, to_nanos: watermark_nanos });
        for fired in &fired {
            self.close_window(cx, node, stream, fired);
        }
    }

    // ---- results --------------------------------------------------------------------------------------------------

    /// A window comes out.
    fn close_window<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, stream: &StreamPlan, fired: &Fired) {
        let OperatorPlan::Window(window) = &stream.operator else { return };
        let Fired { key, start, end, count, revision, values: _, newest } = fired;
        let result = self.result(cx, node, &window.result, newest, (&window.by, key), |_| window_data(window, fired));
        let event = result.0.event;
        let (start_nanos, end_nanos, count, revision) = (*start, *end, *count, *revision);
        cx.show(What::WindowClosed { node, event, start_nanos, end_nanos, count, revision });
        self.send(cx, node, &window.result.routes, result.0, result.1.as_ref());
    }

    /// Two events have found each other.
    fn join_pair<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, stream: &StreamPlan, pair: &Pair) {
        let OperatorPlan::Join(join) = &stream.operator else { return };
        let Pair { key, left, right, newer } = pair;
        let cause = if *newer == Side::Left { left } else { right };
        let result = self.result(cx, node, &join.result, cause, (&join.by, key), |plan| {
            let data = |side: &Waiting| {
                let data = super::super::data::data_of(plan, side.slot.kind(), side.payload.as_deref());
                Value::clone(data)
            };
            Map::from_iter([("left".to_owned(), data(left)), ("right".to_owned(), data(right))])
        });
        let (event, left, right) = (result.0.event, left.slot.event, right.slot.event);
        cx.show(What::Joined { node, event, left, right });
        self.send(cx, node, &join.result.routes, result.0, result.1.as_ref());
    }

    /// A result comes into being: caused by an event, with the key of its group, and with data of its own where somebody may
    /// look at them.
    fn result<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        emit: &EmitPlan,
        cause: &Waiting,
        (by, group): (&GroupPlan, &Arc<str>),
        build: impl FnOnce(&Plan) -> Map<String, Value>,
    ) -> (Slot, Option<Arc<Payload>>) {
        let plan = cx.plan;
        let Waiting { slot, payload: before } = cause;
        let mut payload = Payload::default();
        let key = match by {
            GroupPlan::Key => {
                payload.key = before.as_ref().and_then(|before| before.key.clone());
                slot.key_code()
            }
            GroupPlan::All => 0,
            GroupPlan::Of(_) => {
                payload.key = Some(Arc::clone(group));
                Slot::TEXT_KEY
            }
        };
        if !plan.outside.is_empty() {
            let root = before.as_ref().and_then(|before| before.lineage).map_or(slot.event, |before| before.root);
            payload.lineage = Some(Lineage { cause: slot.event, root });
        }
        let needs_data = plan.events[emit.kind.index()].needs_data;
        if needs_data || self.all_data {
            let built = Arc::new(Value::Object(build(plan)));
            payload.data = Some(Arc::clone(&built));
            if let DataPlan::Expr(program) = &emit.data {
                let shown = Arc::new(Payload { data: Some(built), ..payload.clone() });
                let made = self.with_facts(plan, slot, Some(&shown), OUT_PLACE, |facts| program.value(facts));
                match made {
                    Ok(value) => payload.data = Some(Arc::new(value)),
                    // Nothing in the run needs it: then it must not matter whether somebody looks.
                    Err(_) if !needs_data => {}
                    Err(_) => self.mark_broken(cx, node, slot.event),
                }
            }
        }
        let payload = super::super::data::carried(payload);
        (self.give_birth(cx, node, Some(slot), emit.kind, key, payload.as_ref()), payload)
    }

    // ---- time that passes by itself -------------------------------------------------------------------------------

    pub(in super::super) fn stream_state(&mut self, node: NodeIx) -> &mut StreamState {
        let extra = self.nodes[node.index()].extra as usize;
        Arc::make_mut(&mut self.streams[extra])
    }

    /// A stream processor begins, or comes back: its inputs are heard from now on.
    pub(in super::super) fn begin_stream(&mut self, node: NodeIx, stream: &StreamPlan) {
        let now = self.now;
        let state = self.stream_state(node);
        state.count_inputs(stream, now);
        for input in state.inputs.values_mut() {
            input.at = now;
        }
        self.arm_stream(node, stream);
    }

    /// Comes back when the clock alone closes a window or frees state.
    fn arm_stream(&mut self, node: NodeIx, stream: &StreamPlan) {
        let extra = self.nodes[node.index()].extra as usize;
        let state = Arc::make_mut(&mut self.streams[extra]);
        let next = state.next_due(stream, &self.cursors, self.now);
        let closes = next.is_some_and(|(_, closes)| closes);
        if let Some(timer) = &mut state.timer
            && timer.closes
            && !(closes && next.is_some_and(|(due, _)| timer.due <= due))
        {
            // A timer that nobody waits for is no reason to go on.
            timer.closes = false;
            self.jobs[timer.handle].tag = Tag::Sweep;
            self.foreground -= 1;
        }
        let Some((due, _)) = next else { return };
        // One that comes too early comes again.
        if state.timer.is_some_and(|timer| timer.due <= due && timer.closes == closes) {
            return;
        }
        let handle = self.jobs.put(Job::timer(if closes { Tag::Watermark } else { Tag::Sweep }, node.0, Job::NONE));
        state.timer = Some(StreamTimer { handle, due, closes });
        self.later(due, Class::Timer, handle);
    }

    /// The clock may have closed a window.
    pub(in super::super) fn on_stream_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let node = NodeIx(self.jobs[handle].node);
        self.jobs.remove(handle);
        let state = self.stream_state(node);
        if state.timer.is_none_or(|timer| timer.handle != handle) {
            return;
        }
        state.timer = None;
        let Some(stream) = stream_of(cx.plan, node) else { return };
        if !self.is_still(node) {
            self.pass_time(cx, node, stream);
            self.arm_stream(node, stream);
        }
    }

    // ---- edits and faults -----------------------------------------------------------------------------------------

    /// What it holds is gone, and its timer with it.
    pub(in super::super) fn forget_state<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        fault: Option<FaultIx>,
    ) {
        self.drop_timer(node);
        let Held { open, closed, waiting } = self.stream_state(node).held();
        let had_any = self.stream_state(node).watermark.is_some();
        *self.stream_state(node) = StreamState::default();
        if had_any || open + closed + waiting > 0 {
            cx.show(What::StateLost { fault, node, windows: (open + closed) as u64, waiting: waiting as u64 });
        }
    }

    fn drop_timer(&mut self, node: NodeIx) {
        if let Some(timer) = self.stream_state(node).timer.take()
            && timer.closes
        {
            self.jobs[timer.handle].tag = Tag::Sweep;
            self.foreground -= 1;
        }
    }

    /// A node is gone: its timer is, and what it has in memory only.
    pub(in super::super) fn crash_stream<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        fault: FaultIx,
        node: NodeIx,
        stream: &StreamPlan,
    ) {
        // The timer has gone with everything else that it was about to do.
        self.stream_state(node).timer = None;
        if !stream.is_checkpointed {
            self.forget_state(cx, node, Some(fault));
        }
    }

    /// A node goes on that stood still for so long: to it, that was no silence.
    pub(in super::super) fn wake_stream(&mut self, node: NodeIx, stream: &StreamPlan, stood: u64) {
        for input in self.stream_state(node).inputs.values_mut() {
            input.at = input.at.saturating_add(stood);
        }
        self.arm_stream(node, stream);
    }

    /// An edit changed a stream processor that stays. What it holds stays too if that still means the same.
    pub(in super::super) fn change_stream<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        old: &Plan,
        node: NodeIx,
        stream: &StreamPlan,
    ) {
        if stream_of(old, node).is_some_and(|before| before.identity != stream.identity) {
            self.forget_state(cx, node, None);
        }
        let now = self.now;
        self.stream_state(node).count_inputs(stream, now);
        if !self.is_still(node) {
            self.pass_time(cx, node, stream);
            self.arm_stream(node, stream);
        }
    }
}

fn look_at(stream: &StreamPlan, facts: &Facts<'_>) -> Result<Look, EvalError> {
    let passes = stream.when.as_ref().map_or(Ok(true), |when| when.test(facts))?;
    let time = match &stream.time {
        TimePlan::Born => Ok(i64::try_from(facts.time_nanos).unwrap_or(FARTHEST).min(FARTHEST)),
        TimePlan::Of { program, unit } => program.value(facts).and_then(|value| time_of(&value, *unit)),
    };
    if !passes {
        return Ok(Look::Passed(time.ok()));
    }
    let (by, aggregates) = match &stream.operator {
        OperatorPlan::Window(window) => (&window.by, &window.aggregates[..]),
        OperatorPlan::Join(join) => (&join.by, &[][..]),
        OperatorPlan::Each => (&GroupPlan::All, &[][..]),
    };
    let key: Arc<str> = match by {
        GroupPlan::Key => facts.key.into(),
        GroupPlan::All => "".into(),
        GroupPlan::Of(program) => program.text(facts)?.into(),
    };
    let values = aggregates.iter().map(|aggregate| value_of(aggregate, facts));
    Ok(Look::Taken(time?, key, values.collect::<Result<_, _>>()?))
}

fn value_of(aggregate: &AggregatePlan, facts: &Facts<'_>) -> Result<Value, EvalError> {
    let value = aggregate.of.as_ref().map_or(Ok(Value::Null), |of| of.value(facts))?;
    let needs_number = match aggregate.kind {
        AggregateKind::Sum | AggregateKind::Min | AggregateKind::Max | AggregateKind::Mean => true,
        AggregateKind::Count | AggregateKind::Distinct | AggregateKind::Last => false,
    };
    if needs_number && !value.is_number() && !value.is_null() {
        let what = format!("“{}” needs a number", aggregate.name);
        return Err(EvalError { what, line: 1, column: 1 });
    }
    Ok(value)
}

/// A value as a moment of event time.
fn time_of(value: &Value, unit: i64) -> Result<i64, EvalError> {
    let nanos = match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(i128::from(whole) * i128::from(unit)),
            None => number.as_f64().map(|decimal| libm::round(decimal * unit as f64) as i128),
        },
        Value::String(text) => rfc3339_nanos(text),
        _ => None,
    };
    let nanos = nanos.filter(|nanos| nanos.unsigned_abs() <= FARTHEST.unsigned_abs().into());
    nanos.map(|nanos| nanos as i64).ok_or_else(|| EvalError {
        what: "the event time is no moment within 146 years of 1970".to_owned(),
        line: 1,
        column: 1,
    })
}

/// What a window's result holds.
fn window_data(window: &WindowPlan, fired: &Fired) -> Map<String, Value> {
    let mut data = Map::new();
    if !matches!(window.by, GroupPlan::All) {
        data.insert("key".to_owned(), fired.key.to_string().into());
    }
    data.insert("start".to_owned(), time_value(fired.start, window.unit));
    data.insert("end".to_owned(), time_value(fired.end, window.unit));
    for (aggregate, value) in window.aggregates.iter().zip(&fired.values) {
        data.insert(aggregate.name.clone(), value.clone());
    }
    if fired.revision > 0 {
        data.insert("revision".to_owned(), fired.revision.into());
    }
    data
}

/// A moment in a unit, with decimals only where it has some.
fn time_value(nanos: i64, unit: i64) -> Value {
    if nanos % unit == 0 { (nanos / unit).into() } else { (nanos as f64 / unit as f64).into() }
}

/// What a look at a stream processor shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamNow {
    /// Up to when everything is believed to have come, in nanoseconds of event time.
    pub watermark_nanos: Option<i64>,
    /// How far that is behind the latest event, in nanoseconds.
    pub lag_nanos: Option<u64>,
    /// Windows that have not closed.
    pub open: u32,
    /// Windows that have closed and still take late events.
    pub closed: u32,
    /// Events that wait for a partner.
    pub waiting: u32,
}

impl StreamNow {
    pub(in super::super) fn of(state: &StreamState) -> Self {
        let Held { open, closed, waiting } = state.held();
        let lag = state.latest().zip(state.watermark).map(|(latest, mark)| latest.saturating_sub(mark));
        Self {
            watermark_nanos: state.watermark,
            lag_nanos: lag.map(|lag| u64::try_from(lag).unwrap_or(0)),
            open: open as u32,
            closed: closed as u32,
            waiting: waiting as u32,
        }
    }
}
