//! A record as a line of JSON, with names in place of handles.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::model::{EventId, FaultIx, LinkIx, NodeIx, SimTime, SubIx};
use crate::plan::Plan;
use crate::trace::{Leg, Phase, Record, Staleness, What};

/// A record of a run, to be written with its names: `{"n":1,"at_ns":0,"what":"emitted","event":"checkout/0",…}`.
#[derive(Clone, Copy, Debug)]
pub struct TraceLine<'a> {
    pub(super) number: u64,
    pub(super) record: &'a Record<'a>,
    pub(super) plan: &'a Plan,
}

/// A map that is being written, and the names.
struct Line<'a, M> {
    map: M,
    plan: &'a Plan,
}

impl<M: SerializeMap> Line<'_, M> {
    fn put(&mut self, key: &'static str, value: impl Serialize) -> Result<(), M::Error> {
        self.map.serialize_entry(key, &value)
    }

    fn what(&mut self, what: &'static str) -> Result<(), M::Error> {
        self.put("what", what)
    }

    fn event(&mut self, event: EventId) -> Result<(), M::Error> {
        self.put("event", self.named(event))
    }

    fn named(&self, event: EventId) -> String {
        format!("{}/{}", self.plan.node_id(event.origin()), event.number())
    }

    fn typed(&mut self, event: EventId, kind: crate::model::EventTypeIx) -> Result<(), M::Error> {
        self.event(event)?;
        self.put("type", self.plan.event_name(kind).as_str())
    }

    fn node(&mut self, node: NodeIx) -> Result<(), M::Error> {
        self.put("node", self.plan.node_id(node).as_str())
    }

    fn link(&mut self, link: LinkIx) -> Result<(), M::Error> {
        self.put("link", self.plan.link_id(link).as_str())
    }

    fn sub(&mut self, sub: SubIx) -> Result<(), M::Error> {
        self.put("subscription", self.plan.sub_label(sub))
    }

    fn place(&mut self, topic: crate::model::TopicIx, partition: u32) -> Result<(), M::Error> {
        self.put("topic", self.plan.topic_name(topic).as_str())?;
        self.put("partition", partition)
    }

    fn fault(&mut self, fault: FaultIx) -> Result<(), M::Error> {
        self.put("fault", self.plan.fault_name(fault))
    }

    fn instant(&mut self, key: &'static str, at: SimTime) -> Result<(), M::Error> {
        self.put(key, at.as_nanos())
    }
}

const fn leg_name(leg: Leg) -> &'static str {
    match leg {
        Leg::Publish => "publish",
        Leg::Deliver => "deliver",
        Leg::Call => "call",
        Leg::DeadLetter => "dead_letter",
        Leg::Answer => "answer",
        Leg::Replay => "replay",
    }
}

const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "queued",
        Phase::Delayed => "delayed",
        Phase::InFlight => "in_flight",
    }
}

const fn staleness_name(why: Staleness) -> &'static str {
    match why {
        Staleness::Settled => "settled",
        Staleness::EarlierAttempt => "earlier_attempt",
        Staleness::OldGeneration => "old_generation",
    }
}

impl Serialize for TraceLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = Line { map: serializer.serialize_map(None)?, plan: self.plan };
        line.put("n", self.number)?;
        line.instant("at_ns", self.record.at)?;
        match self.record.what {
            What::Emitted { event, kind, cause, born, hops, key, data } => {
                line.what("emitted")?;
                line.typed(event, kind)?;
                if let Some(cause) = cause {
                    line.put("cause", line.named(cause))?;
                }
                line.instant("born_ns", born)?;
                line.put("hops", hops)?;
                if key != crate::trace::KeyRef::None {
                    line.put("key", key.to_string())?;
                }
                if let Some(data) = data {
                    line.put("data", data.as_ref())?;
                }
            }
            What::Sent { link, event, kind, leg, attempt, arrives } => {
                line.what("sent")?;
                line.typed(event, kind)?;
                line.link(link)?;
                line.put("leg", leg_name(leg))?;
                line.put("attempt", attempt)?;
                line.instant("arrives_ns", arrives)?;
            }
            What::Accepted { link, node, event, kind, topic, partition, offset } => {
                line.what("accepted")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.link(link)?;
                line.place(topic, partition)?;
                line.put("offset", offset)?;
            }
            What::Rejected { link, node, event, kind, reason } => {
                line.what("rejected")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.link(link)?;
                line.put("reason", reason.name())?;
            }
            What::Opened { sub, event, kind, topic, partition, offset, link } => {
                line.what("opened")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                if let Some(topic) = topic {
                    line.place(topic, partition)?;
                }
                line.put("offset", offset)?;
                if let Some(link) = link {
                    line.link(link)?;
                }
            }
            What::Delivered { sub, event, node, attempt } => {
                line.what("delivered")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
            }
            What::Received { node, link, sub, event, kind, attempt } => {
                line.what("received")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                line.node(node)?;
                if let Some(link) = link {
                    line.link(link)?;
                }
                line.put("attempt", attempt)?;
            }
            What::Started { node, sub, event, kind, attempt, wait } => {
                line.what("started")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
                line.put("wait_ns", wait.as_nanos())?;
            }
            What::Handled { node, sub, event, kind, attempt, service, end_to_end } => {
                line.what("handled")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
                line.put("service_ns", service.as_nanos())?;
                line.put("end_to_end_ns", end_to_end.as_nanos())?;
            }
            What::Failed { node, sub, event, kind, attempt, reason, service, lost } => {
                line.what("failed")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
                line.put("reason", reason.name())?;
                line.put("service_ns", service.as_nanos())?;
                line.put("lost", lost)?;
            }
            What::Throttled { node, sub, event, attempt } => {
                line.what("throttled")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
            }
            What::Acked { sub, event, node, from, auto } => {
                line.what("acked")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("from", phase_name(from))?;
                line.put("auto", auto)?;
            }
            What::Stale { sub, event, node, why } => {
                line.what("stale")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("why", staleness_name(why))?;
            }
            What::Retrying { sub, event, attempt, reason, due } => {
                line.what("retrying")?;
                line.event(event)?;
                line.sub(sub)?;
                line.put("attempt", attempt)?;
                line.put("reason", reason.name())?;
                line.instant("due_ns", due)?;
            }
            What::Queued { sub, event, taken_back } => {
                line.what("queued")?;
                line.event(event)?;
                line.sub(sub)?;
                line.put("taken_back", taken_back)?;
            }
            What::Dropped { sub, event, node, reason, attempts, from } => {
                line.what("dropped")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("reason", reason.name())?;
                line.put("attempts", attempts)?;
                line.put("from", phase_name(from))?;
            }
            What::DeadLettered { sub, event, node, reason, attempts, from, to } => {
                line.what("dead_lettered")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("reason", reason.name())?;
                line.put("attempts", attempts)?;
                line.put("from", phase_name(from))?;
                line.put("to", self.plan.node_id(to).as_str())?;
            }
            What::Buried { node, link, event, kind, reason } => {
                line.what("buried")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.link(link)?;
                line.put("reason", reason.name())?;
            }
            What::Forgotten { node, event } => {
                line.what("forgotten")?;
                line.event(event)?;
                line.node(node)?;
            }
            What::Evicted { sub, event, node, from } => {
                line.what("evicted")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("from", phase_name(from))?;
            }
            What::OutOfRange { sub, topic, partition, skipped } => {
                line.what("out_of_range")?;
                line.sub(sub)?;
                line.place(topic, partition)?;
                line.put("skipped", skipped)?;
            }
            What::Deduped { link, node, event, kind, topic, partition, offset, of } => {
                line.what("deduped")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.link(link)?;
                line.place(topic, partition)?;
                line.put("offset", offset)?;
                line.put("of", line.named(of))?;
            }
            What::Removed { node, event, kind, topic, partition, offset, why } => {
                line.what("removed")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.place(topic, partition)?;
                line.put("offset", offset)?;
                line.put("why", why.name())?;
            }
            What::Sought { sub, topic, partition, offset } => {
                line.what("sought")?;
                line.sub(sub)?;
                line.place(topic, partition)?;
                line.put("offset", offset)?;
            }
            What::Replayed { sub, event, kind, topic, partition, offset } => {
                line.what("replayed")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                line.place(topic, partition)?;
                line.put("offset", offset)?;
            }
            What::Muted { node, sub, event } => {
                line.what("muted")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
            }
            What::Purged { sub, event, from } => {
                line.what("purged")?;
                line.event(event)?;
                line.sub(sub)?;
                line.put("from", phase_name(from))?;
            }
            What::Blocked { node, sub, event } => {
                line.what("blocked")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
            }
            What::Unblocked { node, sub, event } => {
                line.what("unblocked")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
            }
            What::Deadlocked { node, waits_for, sub } => {
                line.what("deadlocked")?;
                line.node(node)?;
                line.put("waits_for", self.plan.node_id(waits_for).as_str())?;
                line.sub(sub)?;
            }
            What::InstanceStarted { node, cold, ready, instances } => {
                line.what("instance_started")?;
                line.node(node)?;
                line.put("cold", cold)?;
                line.instant("ready_ns", ready)?;
                line.put("instances", instances)?;
            }
            What::InstanceReclaimed { node, instances } => {
                line.what("instance_reclaimed")?;
                line.node(node)?;
                line.put("instances", instances)?;
            }
            What::Rebalanced { sub, generation, members } => {
                line.what("rebalanced")?;
                line.sub(sub)?;
                line.put("generation", generation)?;
                line.put("members", members)?;
            }
            What::Assigned { sub, topic, partition, owner, generation } => {
                line.what("assigned")?;
                line.sub(sub)?;
                line.place(topic, partition)?;
                line.put("owner", owner.map(|owner| self.plan.node_id(owner).as_str()))?;
                line.put("generation", generation)?;
            }
            What::Broken { node, event } => {
                line.what("broken")?;
                line.event(event)?;
                line.node(node)?;
            }
            What::Edited { revision } => {
                line.what("edited")?;
                line.put("revision", revision)?;
            }
            What::SourceEnded { node } => {
                line.what("source_ended")?;
                line.node(node)?;
            }
            What::FaultBegan { fault, kind, node, link } => {
                line.what("fault_began")?;
                line.fault(fault)?;
                line.put("kind", kind.label())?;
                if let Some(node) = node {
                    line.node(node)?;
                }
                if let Some(link) = link {
                    line.link(link)?;
                }
            }
            What::FaultEnded { fault } => {
                line.what("fault_ended")?;
                line.fault(fault)?;
            }
            What::LinkLost { fault, link, event, kind, leg } => {
                line.what("link_lost")?;
                line.typed(event, kind)?;
                line.link(link)?;
                line.put("leg", leg_name(leg))?;
                line.fault(fault)?;
            }
            What::Duplicated { fault, link, event, kind, leg } => {
                line.what("duplicated")?;
                line.typed(event, kind)?;
                line.link(link)?;
                line.put("leg", leg_name(leg))?;
                line.fault(fault)?;
            }
            What::HeldUp { fault, link, event, kind, leg, by } => {
                line.what("held_up")?;
                line.typed(event, kind)?;
                line.link(link)?;
                line.put("leg", leg_name(leg))?;
                line.put("by_ns", by.as_nanos())?;
                line.fault(fault)?;
            }
            What::LostInCrash { fault, node, link, sub, event, attempt, stage, service, lost } => {
                line.what("lost_in_crash")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                if let Some(link) = link {
                    line.link(link)?;
                }
                line.put("attempt", attempt)?;
                line.put("stage", stage.name())?;
                line.put("service_ns", service.as_nanos())?;
                line.put("lost", lost)?;
                line.fault(fault)?;
            }
            What::TurnedAway { fault, node, event } => {
                line.what("turned_away")?;
                line.event(event)?;
                line.node(node)?;
                line.fault(fault)?;
            }
            What::Slowed { fault, node, event, by } => {
                line.what("slowed")?;
                line.event(event)?;
                line.node(node)?;
                line.put("by_ns", by.as_nanos())?;
                line.fault(fault)?;
            }
            What::Skewed { fault, node, event, time } => {
                line.what("skewed")?;
                line.event(event)?;
                line.node(node)?;
                line.instant("time_ns", time)?;
                line.fault(fault)?;
            }
            What::Postponed { sub, event, due } => {
                line.what("postponed")?;
                line.event(event)?;
                line.sub(sub)?;
                line.instant("due_ns", due)?;
            }
            What::Expired { sub, event, node, attempts, from, to } => {
                line.what("expired")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempts", attempts)?;
                line.put("from", phase_name(from))?;
                if let Some(to) = to {
                    line.put("to", self.plan.node_id(to).as_str())?;
                }
            }
            What::OrderGap { sub, event } => {
                line.what("order_gap")?;
                line.event(event)?;
                line.sub(sub)?;
            }
            What::Recognised { node, sub, event, kind, attempt, service } => {
                line.what("recognised")?;
                line.typed(event, kind)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
                line.put("service_ns", service.as_nanos())?;
            }
            What::Limited { sub, event, node, attempt } => {
                line.what("limited")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
            }
            What::BreakerTurned { sub, link, circuit } => {
                line.what("breaker_turned")?;
                line.sub(sub)?;
                if let Some(link) = link {
                    line.link(link)?;
                }
                line.put("circuit", circuit.name())?;
            }
            What::HeldBack { sub, event, due } => {
                line.what("held_back")?;
                line.event(event)?;
                line.sub(sub)?;
                line.instant("due_ns", due)?;
            }
            What::Cancelled { node, sub, event, attempt } => {
                line.what("cancelled")?;
                line.event(event)?;
                line.sub(sub)?;
                line.node(node)?;
                line.put("attempt", attempt)?;
            }
            What::CallFailed { node, link, event, kind, attempt, reason, due } => {
                line.what("call_failed")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.link(link)?;
                line.put("attempt", attempt)?;
                line.put("reason", reason.name())?;
                if let Some(due) = due {
                    line.instant("due_ns", due)?;
                }
            }
            What::Requested { node, event, deadline } => {
                line.what("requested")?;
                line.event(event)?;
                line.node(node)?;
                line.instant("deadline_ns", deadline)?;
            }
            What::Replied { node, event, reply, round_trip } => {
                line.what("replied")?;
                line.event(event)?;
                line.node(node)?;
                let reply = line.named(reply);
                line.put("reply", reply)?;
                line.put("round_trip_ns", round_trip.as_nanos())?;
            }
            What::Unanswered { node, event, why } => {
                line.what("unanswered")?;
                line.event(event)?;
                line.node(node)?;
                line.put("why", why.name())?;
            }
            What::Orphaned { node, event, request } => {
                line.what("orphaned")?;
                line.event(event)?;
                line.node(node)?;
                let request = request.map(|request| line.named(request));
                line.put("request", request)?;
            }
            What::Draining => line.what("draining")?,
            What::Unconfirmed { link, node, event, kind } => {
                line.what("unconfirmed")?;
                line.typed(event, kind)?;
                line.node(node)?;
                line.link(link)?;
            }
        }
        line.map.end()
    }
}
