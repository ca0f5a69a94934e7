//! The event log: records in words, as many as a person can follow, the rest counted.

use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::model::{EventId, EventTypeIx, moment_text};
use crate::plan::Plan;
use crate::trace::{Circuit, Leg, NoReply, Phase, Record, Removal, Stage, Staleness, What};

use super::look::event_text;
use super::view::{LogKind, LogRow};

/// Rows between two looks at most; beyond that they are counted. Nobody reads faster than this scrolls.
const ROWS_A_LOOK: usize = 200;

/// Rows of what went wrong or changed: it is rare and must not drown in deliveries.
const TROUBLE_A_LOOK: usize = 200;

/// Rows that wait for somebody to fetch them.
const WAITING: usize = 20_000;

/// Types of recent events, so that rows of records that do not carry one can wear its colour.
const RECENT: usize = 1 << 12;

/// Makes log rows of records.
#[derive(Debug)]
pub(super) struct Logger {
    rows: VecDeque<LogRow>,
    /// How many rows of everyday things there may be until the next look.
    left: usize,
    /// The same for trouble.
    trouble_left: usize,
    logged: u64,
    not_logged: u64,
    recent: Box<[(EventId, u32)]>,
}

impl Logger {
    pub(super) fn new() -> Self {
        let nothing = (EventId::from_bits(u64::MAX), 0);
        Self {
            rows: VecDeque::new(),
            left: ROWS_A_LOOK,
            trouble_left: TROUBLE_A_LOOK,
            logged: 0,
            not_logged: 0,
            recent: vec![nothing; RECENT].into_boxed_slice(),
        }
    }

    /// Rows that were skipped or forgotten so far.
    pub(super) const fn not_logged(&self) -> u64 {
        self.not_logged
    }

    /// Takes note of a record, in words if there is room.
    #[inline]
    pub(super) fn record(&mut self, record: &Record<'_>, plan: &Plan) {
        let Some(what) = kind_of(&record.what) else { return };
        let left = if is_trouble(what) { &mut self.trouble_left } else { &mut self.left };
        if *left == 0 {
            self.not_logged += 1;
            return;
        }
        *left -= 1;
        self.log(record, what, plan);
    }

    /// Counts so many everyday records that there is no room for; nothing if there is.
    #[inline]
    pub(super) const fn leaves_out(&mut self, records: u64) -> bool {
        let is_full = self.left == 0;
        if is_full {
            self.not_logged += records;
        }
        is_full
    }

    #[cold]
    fn log(&mut self, record: &Record<'_>, what: LogKind, plan: &Plan) {
        if let What::Emitted { event, kind, .. } = record.what {
            self.recent[slot(event)] = (event, kind.0);
        }
        self.logged += 1;
        let mut row = row(record, what, plan);
        row.number = self.logged + self.not_logged;
        if row.kind.is_none()
            && let Some(event) = row.event
        {
            let (known, kind) = self.recent[slot(event)];
            row.kind = (known == event).then_some(kind);
        }
        self.rows.push_back(row);
    }

    /// Hands over what came since the last look, without ever waiting for whoever reads.
    pub(super) fn hand_over(&mut self, into: &mut VecDeque<LogRow>) {
        (self.left, self.trouble_left) = (ROWS_A_LOOK, TROUBLE_A_LOOK);
        into.append(&mut self.rows);
        let too_many = into.len().saturating_sub(WAITING);
        into.drain(..too_many);
        self.not_logged += too_many as u64;
    }

    /// As [`Logger::hand_over`], when the reader is just fetching: the rows go with the next look.
    pub(super) fn keep(&mut self) {
        (self.left, self.trouble_left) = (ROWS_A_LOOK, TROUBLE_A_LOOK);
        let too_many = self.rows.len().saturating_sub(WAITING);
        self.rows.drain(..too_many);
        self.not_logged += too_many as u64;
    }
}

fn slot(event: EventId) -> usize {
    // Neighbouring numbers of one node take neighbouring places; nodes start apart.
    (event.number() as usize).wrapping_add(event.origin().index().wrapping_mul(613)) % RECENT
}

const fn is_trouble(what: LogKind) -> bool {
    match what {
        LogKind::Emitted
        | LogKind::Accepted
        | LogKind::Delivered
        | LogKind::Started
        | LogKind::Handled
        | LogKind::Stream
        | LogKind::Window
        | LogKind::Kept => false,
        LogKind::Rejected
        | LogKind::Failed
        | LogKind::Retrying
        | LogKind::DeadLettered
        | LogKind::Dropped
        | LogKind::Expired
        | LogKind::Evicted
        | LogKind::Recognised
        | LogKind::Backpressure
        | LogKind::Instance
        | LogKind::Late
        | LogKind::Rebalanced
        | LogKind::Edited
        | LogKind::Notice => true,
    }
}

/// What a record is called in the log; `None` for those that say nothing that another does not.
const fn kind_of(what: &What<'_>) -> Option<LogKind> {
    Some(match what {
        What::Emitted { .. } => LogKind::Emitted,
        What::Accepted { .. } => LogKind::Accepted,
        What::Rejected { .. } => LogKind::Rejected,
        What::Delivered { .. } => LogKind::Delivered,
        What::Started { .. } => LogKind::Started,
        What::Handled { .. } => LogKind::Handled,
        What::Failed { .. } => LogKind::Failed,
        What::Retrying { .. } => LogKind::Retrying,
        What::Dropped { .. } | What::Purged { .. } => LogKind::Dropped,
        What::DeadLettered { .. } => LogKind::DeadLettered,
        What::Expired { .. } => LogKind::Expired,
        What::Recognised { .. } => LogKind::Recognised,
        What::Evicted { .. } | What::Removed { why: Removal::Superseded | Removal::Deleted, .. } => LogKind::Evicted,
        What::Blocked { .. } | What::Unblocked { .. } => LogKind::Backpressure,
        What::InstanceStarted { .. } | What::InstanceReclaimed { .. } => LogKind::Instance,
        What::WatermarkAdvanced { .. } | What::Gathered { .. } | What::HeldAlready { .. } => LogKind::Stream,
        What::WindowClosed { .. } | What::Joined { .. } => LogKind::Window,
        What::Late { .. } => LogKind::Late,
        What::Rebalanced { .. } => LogKind::Rebalanced,
        What::Edited { .. } => LogKind::Edited,
        What::Kept { what, .. } => return super::log_kept::kind_of(what),
        What::Queued { taken_back: true, .. }
        | What::Throttled { .. }
        | What::Stale { .. }
        | What::Forgotten { .. }
        | What::OutOfRange { .. }
        | What::Deduped { .. }
        | What::Sought { .. }
        | What::Replayed { .. }
        | What::Muted { .. }
        | What::Deadlocked { .. }
        | What::Broken { .. }
        | What::SourceEnded { .. }
        | What::Unconfirmed { .. }
        | What::FaultBegan { .. }
        | What::FaultEnded { .. }
        | What::LinkLost { .. }
        | What::Duplicated { .. }
        | What::HeldUp { .. }
        | What::LostInCrash { .. }
        | What::TurnedAway { .. }
        | What::Slowed { .. }
        | What::Skewed { .. }
        | What::OrderGap { .. }
        | What::Limited { .. }
        | What::BreakerTurned { .. }
        | What::HeldBack { .. }
        | What::Cancelled { .. }
        | What::CallFailed { .. }
        | What::Unanswered { .. }
        | What::Orphaned { .. }
        | What::StateLost { .. }
        | What::Draining => LogKind::Notice,
        What::Replied { .. } => LogKind::Handled,
        What::Sent { .. }
        | What::Opened { .. }
        | What::Received { .. }
        | What::Acked { .. }
        | What::Queued { taken_back: false, .. }
        | What::Postponed { .. }
        | What::Buried { .. }
        | What::Removed { why: Removal::Consumed, .. }
        | What::Requested { .. }
        | What::Assigned { .. } => return None,
    })
}

/// The row of one record, whatever the budget: for an event's history.
pub(super) fn row_of(record: &Record<'_>, plan: &Plan) -> Option<LogRow> {
    kind_of(&record.what).map(|what| row(record, what, plan))
}

fn row(record: &Record<'_>, what: LogKind, plan: &Plan) -> LogRow {
    let mut row = LogRow {
        number: 0,
        at: record.at,
        event: None,
        kind: None,
        what,
        node: None,
        link: None,
        attempt: 0,
        detail: String::new(),
    };
    let typed = |row: &mut LogRow, kind: EventTypeIx| row.kind = Some(kind.0);
    match record.what {
        What::Emitted { event, kind, cause, key, .. } => {
            (row.event, row.node) = (Some(event), Some(event.origin()));
            typed(&mut row, kind);
            let key = key.to_string();
            if !key.is_empty() {
                row.detail = format!("key {key}");
            }
            if let Some(cause) = cause {
                let comma = if row.detail.is_empty() { "" } else { ", " };
                append(
                    &mut row.detail,
                    format_args!("{comma}because of {}/{}", plan.node_id(cause.origin()), cause.number()),
                );
            }
        }
        What::Accepted { link, node, event, kind, topic, partition, offset } => {
            (row.event, row.node, row.link) = (Some(event), Some(node), Some(link));
            typed(&mut row, kind);
            row.detail = format!("{}[{partition}]@{offset}", plan.topic_name(topic));
        }
        What::Rejected { link, node, event, kind, reason } => {
            (row.event, row.node, row.link) = (Some(event), Some(node), Some(link));
            typed(&mut row, kind);
            reason.name().clone_into(&mut row.detail);
        }
        What::Delivered { sub, event, node, attempt } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            plan.sub_label(sub).clone_into(&mut row.detail);
        }
        What::Started { node, sub: _, event, kind, attempt, wait } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            typed(&mut row, kind);
            row.detail = format!("waited {}", wait.rounded());
        }
        What::Handled { node, sub: _, event, kind, attempt, service, end_to_end } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            typed(&mut row, kind);
            row.detail = format!("took {}, {} since its root cause", service.rounded(), end_to_end.rounded());
        }
        What::Failed { node, sub: _, event, kind, attempt, reason, service, lost } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            typed(&mut row, kind);
            let lost = if lost { ", lost: it was settled at hand-over" } else { "" };
            row.detail = format!("{} after {}{lost}", reason.name(), service.rounded());
        }
        What::Throttled { node, sub: _, event, attempt } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            "throttled: nothing was free to begin it".clone_into(&mut row.detail);
        }
        What::Stale { sub, event, node, why } => {
            (row.event, row.node) = (Some(event), Some(node));
            let why = match why {
                Staleness::Settled => "it was settled before",
                Staleness::EarlierAttempt => "a later attempt is under way",
                Staleness::OldGeneration => "its partition has another owner by now",
            };
            row.detail = format!("an answer to {} means nothing: {why}", plan.sub_label(sub));
        }
        What::Retrying { sub, event, attempt, reason, due } => {
            // Who hands it over again: the bus, or the inbox itself.
            (row.event, row.node, row.attempt) = (Some(event), Some(plan.sub_node(sub)), attempt);
            row.detail =
                format!("{}: {}, again in {}", plan.sub_label(sub), reason.name(), due.since(record.at).rounded());
        }
        What::Queued { sub, event, taken_back: _ } => {
            row.event = Some(event);
            row.detail = format!("taken back into the queue of {}", plan.sub_label(sub));
        }
        What::Dropped { sub, event, node, reason, attempts, from: _ } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempts);
            row.detail = format!("{} by {}", reason.name(), plan.sub_label(sub));
        }
        What::DeadLettered { sub, event, node, reason, attempts, from: _, to } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempts);
            row.detail = format!("{} by {}, to {}", reason.name(), plan.sub_label(sub), plan.node_id(to));
        }
        What::Forgotten { node, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            "forgotten: the dead-letter queue is full".clone_into(&mut row.detail);
        }
        What::Expired { sub, event, node, attempts, from, to } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempts);
            row.detail = format!("worth nothing any more, while {} for {}", phase_word(from), plan.sub_label(sub));
            if let Some(to) = to {
                append(&mut row.detail, format_args!(", a copy to {}", plan.node_id(to)));
            }
        }
        What::OrderGap { sub, event } => {
            row.event = Some(event);
            row.detail = format!("a gap in the order of its key at {}", plan.sub_label(sub));
        }
        What::Recognised { node, sub, event, kind, attempt, service } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            typed(&mut row, kind);
            row.detail = format!("its effect is there already: acknowledged for {}", plan.sub_label(sub));
            if !service.is_zero() {
                append(&mut row.detail, format_args!(", after {} in vain", service.rounded()));
            }
        }
        What::Evicted { sub, event, node, from } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("while {} for {}", phase_word(from), plan.sub_label(sub));
        }
        What::OutOfRange { sub, topic, partition, skipped } => {
            row.node = Some(plan.sub_node(sub));
            row.detail = format!(
                "offset out of range: {} skips {skipped} records of {}[{partition}] that are gone",
                plan.sub_label(sub),
                plan.topic_name(topic)
            );
        }
        What::Deduped { link, node, event, kind, topic, partition, offset, of } => {
            (row.event, row.node, row.link) = (Some(event), Some(node), Some(link));
            typed(&mut row, kind);
            let place = format!("{}[{partition}]@{offset}", plan.topic_name(topic));
            row.detail = if of == event {
                format!("a duplicate: {place} holds it already")
            } else {
                format!("a duplicate of {}, which {place} holds", event_text(plan, of))
            };
        }
        What::Removed { node, event, kind, topic, partition, offset, why } => {
            (row.event, row.node) = (Some(event), Some(node));
            typed(&mut row, kind);
            let why = match why {
                Removal::Consumed => "it was acknowledged",
                Removal::Superseded => "a later record has its key",
                Removal::Deleted => "its key has been deleted for long enough",
            };
            row.detail = format!("gone from {}[{partition}]@{offset}: {why}", plan.topic_name(topic));
        }
        What::Sought { sub, topic, partition, offset } => {
            row.node = Some(plan.sub_node(sub));
            row.detail = format!("{} goes on at {}[{partition}]@{offset}", plan.sub_label(sub), plan.topic_name(topic));
        }
        What::Replayed { sub, event, kind, topic, partition, offset } => {
            (row.event, row.node) = (Some(event), Some(plan.sub_node(sub)));
            typed(&mut row, kind);
            let place = format!("{}[{partition}]@{offset}", plan.topic_name(topic));
            row.detail = format!("a replay of {place} for {}", plan.sub_label(sub));
        }
        What::Muted { node, sub: _, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            "handled as a replay: what it would emit is muted".clone_into(&mut row.detail);
        }
        What::Purged { sub, event, from } => {
            row.event = Some(event);
            let what = phase_word(from);
            row.detail = format!("purged by an edit or a seek while {what} for {}", plan.sub_label(sub));
        }
        What::Blocked { node, sub, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("waits: the queue of {} is full", plan.sub_label(sub));
        }
        What::Unblocked { node, sub, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("goes on: the queue of {} has room", plan.sub_label(sub));
        }
        What::Deadlocked { node, waits_for, sub } => {
            row.node = Some(node);
            row.detail = format!(
                "blocked for good: waits for {} at {}, in a ring",
                plan.node_id(waits_for),
                plan.sub_label(sub)
            );
        }
        What::InstanceStarted { node, cold, ready, instances } => {
            row.node = Some(node);
            let cold = if cold { "cold start, " } else { "" };
            row.detail = format!("{cold}ready in {}, {instances} in all", ready.since(record.at).rounded());
        }
        What::InstanceReclaimed { node, instances } => {
            row.node = Some(node);
            row.detail = format!("given back, {instances} left");
        }
        What::Rebalanced { sub, generation, members } => {
            row.detail = format!("{} among {members}, generation {generation}", plan.sub_label(sub));
        }
        What::Broken { node, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            "an expression broke; the node is marked".clone_into(&mut row.detail);
        }
        What::Edited { revision } => row.detail = format!("plan {revision} holds from here on"),
        What::SourceEnded { node } => {
            row.node = Some(node);
            "emits nothing more by itself".clone_into(&mut row.detail);
        }
        What::FaultBegan { fault, kind, node, link } => {
            (row.node, row.link) = (node, link);
            row.detail = format!("{}: the fault “{}” begins", kind.label().to_lowercase(), plan.fault_name(fault));
        }
        What::FaultEnded { fault } => row.detail = format!("the fault “{}” is over", plan.fault_name(fault)),
        What::LinkLost { fault, link, event, kind, leg } => {
            (row.event, row.link) = (Some(event), Some(link));
            typed(&mut row, kind);
            let what = if leg == Leg::Answer { "its answer is lost" } else { "lost" };
            row.detail = format!("{what} on the way by “{}”", plan.fault_name(fault));
        }
        What::Duplicated { fault, link, event, kind, leg: _ } => {
            (row.event, row.link) = (Some(event), Some(link));
            typed(&mut row, kind);
            row.detail = format!("comes once more by “{}”", plan.fault_name(fault));
        }
        What::HeldUp { fault, link, event, kind, leg: _, by } => {
            (row.event, row.link) = (Some(event), Some(link));
            typed(&mut row, kind);
            row.detail = format!("held up for {} by “{}”", by.rounded(), plan.fault_name(fault));
        }
        What::LostInCrash { fault, node, link, sub: _, event, attempt, stage, service: _, lost } => {
            (row.event, row.node, row.link, row.attempt) = (Some(event), Some(node), link, attempt);
            let stage = match stage {
                Stage::OnWire => "on its way there",
                Stage::Waiting => "at its door",
                Stage::Handling => "while being handled",
                Stage::Answering => "with its answer",
            };
            let lost = if lost { ", for good: it was settled at hand-over" } else { "" };
            row.detail = format!("lost {stage} by “{}”{lost}", plan.fault_name(fault));
        }
        What::TurnedAway { fault, node, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("turned away: gone by “{}”", plan.fault_name(fault));
        }
        What::Slowed { fault, node, event, by } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("takes {} longer by “{}”", by.rounded(), plan.fault_name(fault));
        }
        What::Skewed { fault, node, event, time } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("says {time} by “{}”", plan.fault_name(fault));
        }
        What::Kept { node, event, what } => {
            (row.event, row.node) = (event, Some(node));
            row.detail = super::log_kept::words(plan, node, &what);
        }
        What::Limited { sub, event, node, attempt } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            row.detail = format!("throttled: {} had no token for it", plan.sub_label(sub));
        }
        What::BreakerTurned { sub, link, circuit } => {
            row.link = link;
            let whose = link.map_or_else(|| plan.sub_label(sub), |link| plan.link_id(link).as_str());
            row.detail = match circuit {
                Circuit::Closed => format!("the circuit breaker of {whose} is closed: all goes through again"),
                Circuit::Open => format!("the circuit breaker of {whose} is open: nothing goes through"),
                Circuit::HalfOpen => format!("the circuit breaker of {whose} is half-open: probes decide"),
            };
        }
        What::HeldBack { sub, event, due } => {
            row.event = Some(event);
            let wait = due.since(record.at).rounded();
            row.detail = format!("{}: its circuit breaker is open, again in {wait}", plan.sub_label(sub));
        }
        What::Cancelled { node, sub: _, event, attempt } => {
            (row.event, row.node, row.attempt) = (Some(event), Some(node), attempt);
            "cancelled before it began: its caller waits no longer".clone_into(&mut row.detail);
        }
        What::CallFailed { node, link, event, kind, attempt, reason, due } => {
            (row.event, row.node, row.link, row.attempt) = (Some(event), Some(node), Some(link), attempt);
            typed(&mut row, kind);
            row.detail = match due {
                Some(due) => format!("call failed, {}: again in {}", reason.name(), due.since(record.at).rounded()),
                None => format!("call failed, {}: given up", reason.name()),
            };
        }
        What::Replied { node, event, reply, round_trip } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!("answered by {} after {}", event_text(plan, reply), round_trip.rounded());
        }
        What::Unanswered { node, event, why } => {
            (row.event, row.node) = (Some(event), Some(node));
            let why = match why {
                NoReply::TimedOut => "no reply in time",
                NoReply::NoResponders => "no responders: nobody listens",
                NoReply::Purged => "no reply: an edit removed the gateway",
            };
            why.clone_into(&mut row.detail);
        }
        What::Orphaned { node, event, request } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = match request {
                Some(request) => format!("orphan: {} waits for no reply any more", event_text(plan, request)),
                None => "orphan: it answers no request".to_owned(),
            };
        }
        What::WatermarkAdvanced { node, to_nanos } => {
            row.node = Some(node);
            row.detail = format!("watermark {}: all up to here is believed to have come", moment_text(to_nanos));
        }
        What::Gathered { node, event, time_nanos, places, late } => {
            (row.event, row.node) = (Some(event), Some(node));
            let windows = if places == 1 { String::new() } else { format!(" into {places} windows") };
            let late = if late { ", late but not too late" } else { "" };
            row.detail = format!("taken in{windows}, happened at {}{late}", moment_text(time_nanos));
        }
        What::Late { node, event, time_nanos, watermark_nanos } => {
            (row.event, row.node) = (Some(event), Some(node));
            row.detail = format!(
                "too late: happened at {}, the watermark is at {}",
                moment_text(time_nanos),
                moment_text(watermark_nanos)
            );
        }
        What::HeldAlready { node, event } => {
            (row.event, row.node) = (Some(event), Some(node));
            "came again, and is in the state already: only acknowledged".clone_into(&mut row.detail);
        }
        What::WindowClosed { node, event, start_nanos, end_nanos, count, revision } => {
            (row.event, row.node) = (Some(event), Some(node));
            let events = if count == 1 { "event" } else { "events" };
            let again = if revision == 0 { String::new() } else { format!(", revision {revision}") };
            let (start, end) = (moment_text(start_nanos), moment_text(end_nanos));
            row.detail = format!("{count} {events} from {start} to {end}{again}");
        }
        What::Joined { node, event, left, right } => {
            (row.event, row.node) = (Some(event), Some(node));
            let named = |event: EventId| format!("{}/{}", plan.node_id(event.origin()), event.number());
            row.detail = format!("{} with {}", named(left), named(right));
        }
        What::StateLost { fault, node, windows, waiting } => {
            row.node = Some(node);
            let by = match fault {
                Some(fault) => format!("lost by “{}”", plan.fault_name(fault)),
                None => "dropped by an edit".to_owned(),
            };
            row.detail = format!("its state is {by}: {windows} windows, {waiting} events that waited for a partner");
        }
        What::Draining => "sources are stopped".clone_into(&mut row.detail),
        What::Unconfirmed { link, node, event, kind } => {
            (row.event, row.node, row.link) = (Some(event), Some(node), Some(link));
            typed(&mut row, kind);
            "the broker's answer to a publish was lost".clone_into(&mut row.detail);
        }
        // These have no row of their own; see `kind_of`.
        What::Sent { .. }
        | What::Opened { .. }
        | What::Received { .. }
        | What::Acked { .. }
        | What::Postponed { .. }
        | What::Buried { .. }
        | What::Requested { .. }
        | What::Assigned { .. } => {}
    }
    row
}

/// Writing to a text cannot fail.
fn append(text: &mut String, words: std::fmt::Arguments<'_>) {
    text.write_fmt(words).ok();
}

pub(super) const fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "queued",
        Phase::Delayed => "delayed",
        Phase::InFlight => "in flight",
    }
}
