//! The ledger recounted from the records alone.
//!
//! Shares no code with the machine: what a record says is held against what was said before, and against the flow's own
//! settings. Everything here is checked at every record or at the end of every step; the first thing that is wrong is
//! told in a sentence.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::kernel::Kernel;
use eventloom::model::{
    EventId, FaultIx, FaultTag, Flow, Guarantee, KindTag, LinkIx, LinkKind, NodeIx, NodeKind, RateLimit, Share,
    SimDuration, SimTime, StartAt, SubIx, Subscription, TopicIx,
};
use eventloom::plan::Plan;
use eventloom::trace::{KeyRef, LedgerCounts, Leg, Phase, Reason, Record, Stage, Staleness, What};

use super::guards::Guards;

use super::logs::{Logs, Owed};

use super::waits::Waits;

/// How many obligations of a subscription are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) obligations: u64,
    pub(crate) acked: u64,
    pub(crate) dropped: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) expired: u64,
    pub(crate) retention_lost: u64,
    pub(crate) purged: u64,
    pub(crate) queued: u64,
    pub(crate) delayed: u64,
    pub(crate) in_flight: u64,
}

impl Figures {
    /// C1: whatever was born is in exactly one state.
    const fn is_balanced(&self) -> bool {
        let ended = self.acked + self.dropped + self.dead_lettered + self.expired + self.retention_lost + self.purged;
        self.obligations == ended + self.queued + self.delayed + self.in_flight
    }

    pub(crate) const fn open(&self) -> u64 {
        self.queued + self.delayed + self.in_flight
    }

    /// The machine's figures, each by its name.
    const fn of(counts: LedgerCounts) -> Self {
        let LedgerCounts { obligations, acked, dropped, dead_lettered, expired, retention_lost, .. } = counts;
        let LedgerCounts { purged, queued, delayed, in_flight, .. } = counts;
        Self { obligations, acked, dropped, dead_lettered, expired, retention_lost, purged, queued, delayed, in_flight }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            obligations: self.obligations + other.obligations,
            acked: self.acked + other.acked,
            dropped: self.dropped + other.dropped,
            dead_lettered: self.dead_lettered + other.dead_lettered,
            expired: self.expired + other.expired,
            retention_lost: self.retention_lost + other.retention_lost,
            purged: self.purged + other.purged,
            queued: self.queued + other.queued,
            delayed: self.delayed + other.delayed,
            in_flight: self.in_flight + other.in_flight,
        }
    }
}

/// What became of publishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Publishes {
    pub(crate) attempts: u64,
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) deduped: u64,
    pub(crate) link_lost: u64,
    pub(crate) unknown: u64,
    /// Travelling, or waiting before a full queue.
    pub(crate) on_wire: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Queued,
    Delayed(SimTime),
    InFlight(NodeIx),
    Acked,
    Dropped,
    DeadLettered,
    Expired,
    Evicted,
    Purged,
}

impl State {
    const fn phase(self) -> Option<Phase> {
        match self {
            Self::Queued => Some(Phase::Queued),
            Self::Delayed(_) => Some(Phase::Delayed),
            Self::InFlight(_) => Some(Phase::InFlight),
            Self::Acked | Self::Dropped | Self::DeadLettered | Self::Expired | Self::Evicted | Self::Purged => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Obligation {
    /// Its place in a log; none for a call.
    pub(crate) place: Option<(TopicIx, u32, u64)>,
    /// A seek opened it.
    pub(crate) is_replay: bool,
    pub(crate) state: State,
    /// Those that count: one that was taken back from a member never was.
    pub(crate) attempts: u32,
    /// How often it was handed over, whatever came of it.
    pub(crate) deliveries: u32,
    /// The most attempts that it may have; a call brings its own figure.
    most: u32,
    /// The link that a call came by.
    link: Option<LinkIx>,
}

/// What the flow says about a subscription.
#[derive(Clone, Debug, Default)]
struct SubRules {
    label: String,
    is_alive: bool,
    /// Topics that it takes again after a while: there it goes on from its kept place in the log.
    restored: BTreeSet<TopicIx>,
    /// Every topic that it ever took.
    ever: BTreeSet<TopicIx>,
    /// The most attempts that any revision allowed: an edit that allows fewer takes no promised one back.
    most: u32,
    settings: Option<Subscription>,
    topics: BTreeSet<TopicIx>,
    prefetch: BTreeMap<NodeIx, u32>,
    /// How many links each member has.
    links: BTreeMap<NodeIx, u32>,
}

/// What the flow says about a node.
#[derive(Clone, Debug, Default)]
struct NodeRules {
    is_alive: bool,
    is_bus: bool,
    concurrency: u32,
    scale_out: Option<u32>,
    rate: Option<RateLimit>,
    timeout: Option<SimDuration>,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    hops: u32,
    born: SimTime,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    now: SimTime,
    hop_limit: u32,
    subs: Vec<SubRules>,
    nodes: Vec<NodeRules>,
    call_deliveries: BTreeMap<LinkIx, u32>,
    events: BTreeMap<EventId, Origin>,
    keys: BTreeMap<EventId, String>,
    next_number: BTreeMap<NodeIx, u64>,
    obligations: BTreeMap<(SubIx, EventId), Vec<Obligation>>,
    figures: Vec<Figures>,
    publishes: Publishes,
    /// Publishes and calls on the wire: when they arrive.
    wire: BTreeMap<(LinkIx, EventId), Vec<SimTime>>,
    blocked: BTreeMap<(NodeIx, SubIx, EventId), u32>,
    /// Accepted in this step: the subscriptions that have not opened their obligation yet.
    awaited: BTreeMap<(TopicIx, u32, u64), BTreeSet<SubIx>>,
    offsets: BTreeMap<(TopicIx, u32), u64>,
    opened_at: BTreeSet<(SubIx, TopicIx, u32, u64)>,
    /// The offset of the last first delivery.
    delivered_to: BTreeMap<(SubIx, TopicIx, u32), u64>,
    in_flight: BTreeMap<(SubIx, NodeIx), u32>,
    owners: BTreeMap<(SubIx, TopicIx, u32), NodeIx>,
    generations: BTreeMap<SubIx, u32>,
    rebalanced: BTreeSet<SubIx>,
    /// What each node is handling: one record published twice may be there twice.
    running: BTreeMap<NodeIx, Vec<(SubIx, EventId, u32)>>,
    begun: BTreeSet<(NodeIx, EventId)>,
    /// By when the last start of a rate-limited node is paid for, in nanoseconds.
    paid: BTreeMap<NodeIx, u64>,
    starts: BTreeMap<NodeIx, u64>,
    instances: BTreeMap<NodeIx, u32>,
    cold_starts: BTreeMap<NodeIx, Vec<SimTime>>,
    given_up: BTreeMap<EventId, u32>,
    buried: BTreeMap<EventId, u32>,
    first_deliveries: u64,
    redeliveries: u64,
    deliveries: u64,
    is_draining: bool,
    /// Faults that are on, and the nodes that are gone by one.
    broken: BTreeSet<FaultIx>,
    down: BTreeMap<FaultIx, NodeIx>,
    injected_duplicates: u64,
    /// May be in the log of an outside broker or not.
    unconfirmed: BTreeSet<EventId>,
    waits: Waits,
    pub(crate) logs: Logs,
    /// Attempts that were handled, and whose ack has not been seen: they tell apart what else looks alike.
    handled: BTreeMap<(SubIx, EventId, NodeIx), Vec<u32>>,
    /// Rate limits, circuit breakers and gateways.
    pub(crate) guards: Guards,
    /// Nodes that stood still at some time: there handling may seem to take longer than it may.
    paused: BTreeSet<NodeIx>,
}

type Verdict = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}

impl Fold {
    /// Reads the rules of a flow: as started, and after each edit.
    pub(crate) fn follow(&mut self, flow: &Flow, plan: &Plan) {
        self.hop_limit = flow.hop_limit();
        self.waits.follow(flow, plan);
        self.logs.follow(flow, plan, self.now);
        self.guards.follow(flow, plan);
        self.figures.resize(plan.sub_count(), Figures::default());
        let earlier = std::mem::take(&mut self.subs);
        self.subs = (0..plan.sub_count()).map(|ix| sub_rules(flow, plan, SubIx(ix as u32))).collect();
        for rules in &mut self.subs {
            rules.most = rules.settings.as_ref().map_or(0, most_attempts);
            rules.ever.clone_from(&rules.topics);
        }
        for (rules, earlier) in self.subs.iter_mut().zip(earlier) {
            let again = rules.topics.iter().filter(|topic| !earlier.topics.contains(topic));
            let again = again.filter(|topic| earlier.ever.contains(topic)).copied();
            rules.restored = earlier.restored.iter().copied().chain(again).collect();
            rules.ever.extend(earlier.ever);
            rules.most = rules.most.max(earlier.most);
        }
        self.nodes = (0..plan.node_count()).map(|ix| node_rules(flow, plan, NodeIx(ix as u32))).collect();
        for (id, link) in flow.links() {
            if let (LinkKind::Call(call), Some(ix)) = (&link.kind, plan.link_ix(id)) {
                self.call_deliveries.insert(ix, call.deliveries);
            }
        }
        for (ix, rules) in self.nodes.iter().enumerate() {
            if !rules.is_alive {
                let node = NodeIx(ix as u32);
                self.running.remove(&node);
                self.paid.remove(&node);
                self.instances.remove(&node);
                self.cold_starts.remove(&node);
            }
        }
    }

    /// Takes one record; what is wrong with it, if something is.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Verdict {
        ensure!(record.at >= self.now, "time went back from {} to {}", self.now, record.at);
        self.now = record.at;
        self.waits.take(record)?;
        self.guards.settle(matches!(record.what, What::Limited { .. }))?;
        match record.what {
            What::Emitted { event, cause, born, hops, key, .. } => self.emitted(event, cause, born, hops, key),
            What::Sent { link, event, leg, arrives, .. } => {
                if leg == Leg::Call {
                    self.guards.called(link, event)?;
                }
                self.sent(link, event, leg, arrives)
            }
            What::Accepted { link, event, kind, topic, partition, offset, .. } => {
                self.publishes.accepted += 1;
                self.publishes.on_wire = self.publishes.on_wire.wrapping_sub(1);
                self.arrived(link, event)?;
                self.accepted(topic, partition, offset)?;
                if !self.unconfirmed.is_empty() {
                    return Ok(());
                }
                self.logs.accepted((topic, partition), offset, (event, kind, self.keys.get(&event)), self.now)
            }
            What::Deduped { link, event, topic, partition, offset, of, .. } => {
                self.publishes.deduped += 1;
                self.publishes.on_wire = self.publishes.on_wire.wrapping_sub(1);
                self.arrived(link, event)?;
                self.logs.deduped(event, of, (topic, partition), offset, self.now)
            }
            What::Removed { event, topic, partition, offset, why, .. } => {
                let owed = self.owed(event, (topic, partition, offset));
                self.logs.removed((topic, partition), offset, why, &owed, self.now)
            }
            What::Sought { sub, topic, partition, offset } => {
                self.logs.sought(sub, (topic, partition), offset);
                Ok(())
            }
            What::Replayed { sub, event, topic, partition, offset, .. } => {
                self.replayed(sub, event, (topic, partition, offset))
            }
            What::Muted { node, event, .. } => {
                ensure!(self.begun.contains(&(node, event)), "S12: muted, but never begun");
                Ok(())
            }
            What::Rejected { link, node, event, .. } => {
                self.arrived(link, event)?;
                self.guards.call_refused(link, event, self.now);
                if self.nodes[node.index()].is_bus {
                    self.publishes.rejected += 1;
                    self.publishes.on_wire = self.publishes.on_wire.wrapping_sub(1);
                }
                Ok(())
            }
            What::Opened { sub, event, topic, partition, offset, link, .. } => {
                self.opened(sub, event, topic.map(|topic| (topic, partition, offset)), link)
            }
            What::Delivered { sub, event, node, attempt } => {
                self.guards.handed(sub, event, self.now)?;
                self.delivered(sub, event, node, attempt)
            }
            What::Received { .. } => Ok(()),
            What::Started { node, sub, event, attempt, .. } => self.started(node, sub, event, attempt),
            What::Handled { node, sub, event, attempt, service, .. } => {
                self.in_time(node, service)?;
                self.finished(node, sub, event, attempt)
            }
            What::Failed { node, sub, event, attempt, service, .. } => {
                self.in_time(node, service)?;
                // An attempt may fail without having begun: an expression that breaks at the door.
                self.leave(node, (sub, event, attempt));
                Ok(())
            }
            What::Throttled { node, sub, event, attempt } => {
                let is_held = |one: &Obligation| one.state == State::InFlight(node) && one.attempts == attempt;
                let guarantee = self.subs[sub.index()].settings.as_ref().map(|settings| settings.guarantee);
                let held = self.obligations.get(&(sub, event)).is_some_and(|all| all.iter().any(is_held));
                // At most once it was settled at hand-over, and a call is handed over when it is begun; a late
                // attempt may be thrown back when the record has gone on.
                let late =
                    self.obligations.get(&(sub, event)).is_some_and(|all| all.iter().any(|one| one.deliveries > 0));
                let fits = held || late || guarantee.is_none();
                ensure!(fits, "S24: throttled, but never handed over");
                Ok(())
            }
            What::Cancelled { node, sub, event, attempt } => {
                let is_held = |one: &Obligation| one.state == State::InFlight(node) && one.attempts == attempt;
                let held = self.obligations.get(&(sub, event)).is_some_and(|all| all.iter().any(is_held));
                ensure!(held, "S27: cancelled, but not handed over");
                Ok(())
            }
            What::Limited { sub, event, node, attempt } => {
                let is_held = |one: &Obligation| one.state == State::InFlight(node) && one.attempts == attempt;
                let held = self.obligations.get(&(sub, event)).is_some_and(|all| all.iter().any(is_held));
                ensure!(held, "S24: limited, but never handed over");
                self.guards.limited(sub, event, self.now)
            }
            What::BreakerTurned { sub, link, circuit } => self.guards.turned(sub, link, circuit, self.now),
            What::HeldBack { sub, event, due } => {
                ensure!(due > self.now, "S26: held back for no time");
                let now = self.now;
                let fits = move |one: &Obligation| matches!(one.state, State::Delayed(due) if due == now);
                self.turn(sub, event, "held back", fits, State::Delayed(due)).map(drop)
            }
            What::CallFailed { link, event, reason, .. } => self.guards.call_failed(link, event, reason, self.now),
            What::Requested { node, event, deadline } => self.guards.requested(node, event, deadline, self.now),
            What::Replied { event, reply, round_trip, .. } => {
                ensure!(self.events.contains_key(&reply), "S21: a reply that never came into being");
                self.guards.replied(event, round_trip, self.now)
            }
            What::Unanswered { node, event, why } => {
                // What it is owed itself answers nothing.
                let others = |sub: &SubIx| self.subs[sub.index()].prefetch.keys().any(|member| *member != node);
                let mut owed = self.obligations.keys().filter(|(_, of)| *of == event).map(|(sub, _)| *sub);
                let is_owed = owed.any(|sub| self.subs[sub.index()].settings.is_none() || others(&sub));
                self.guards.unanswered(event, why, is_owed, self.now)
            }
            What::Orphaned { request, .. } => self.guards.orphaned(request),
            What::Acked { sub, event, node, auto, from } => self.acked(sub, event, node, auto, from),
            What::Stale { sub, event, why, .. } => self.stale(sub, event, why),
            What::Retrying { sub, event, attempt, due, .. } => {
                ensure!(due >= self.now, "S23: due at {due}, which has been");
                let fits = |one: &Obligation| matches!(one.state, State::InFlight(_)) && one.attempts == attempt;
                let one = self.turn(sub, event, "retrying", fits, State::Delayed(due))?;
                self.guards.outcome(sub, one.link, event, true, self.now);
                Ok(())
            }
            What::Queued { sub, event, taken_back } => self.queued(sub, event, taken_back),
            What::Dropped { sub, event, attempts, from, reason, .. } => {
                let one = self.end(sub, event, "dropped", Some(attempts), from, State::Dropped)?;
                self.given_up(sub, &one, event, from, reason);
                Ok(())
            }
            What::DeadLettered { sub, event, attempts, from, reason, .. } => {
                *self.given_up.entry(event).or_default() += 1;
                let one = self.end(sub, event, "dead-lettered", Some(attempts), from, State::DeadLettered)?;
                self.given_up(sub, &one, event, from, reason);
                Ok(())
            }
            What::Buried { event, .. } => {
                let buried = self.buried.entry(event).or_default();
                *buried += 1;
                let given_up = self.given_up.get(&event).copied().unwrap_or_default();
                ensure!(*buried <= given_up, "S7: buried {buried} times, given up {given_up} times");
                Ok(())
            }
            What::Postponed { sub, event, due } => {
                self.turn(sub, event, "postponed", |one| one.state == State::Queued, State::Delayed(due)).map(drop)
            }
            What::Expired { sub, event, attempts, from, to, .. } => {
                if to.is_some() {
                    *self.given_up.entry(event).or_default() += 1;
                }
                ensure!(from != Phase::InFlight, "S17: expired in flight");
                self.end(sub, event, "expired", Some(attempts), from, State::Expired).map(drop)
            }
            What::Recognised { node, sub, event, attempt, .. } => self.finished(node, sub, event, attempt),
            What::OrderGap { .. } => Ok(()),
            What::Evicted { sub, event, from, .. } => {
                self.end(sub, event, "evicted", None, from, State::Evicted)?;
                if from == Phase::InFlight {
                    self.guards.outcome(sub, None, event, true, self.now);
                }
                Ok(())
            }
            What::Purged { sub, event, from } => {
                let one = self.end(sub, event, "purged", None, from, State::Purged)?;
                self.guards.no_outcome(sub, one.link, event);
                Ok(())
            }
            What::Blocked { node, sub, event } => {
                *self.blocked.entry((node, sub, event)).or_default() += 1;
                Ok(())
            }
            What::Unblocked { node, sub, event } => {
                let count = self.blocked.get_mut(&(node, sub, event)).filter(|count| **count > 0);
                let Some(count) = count else { return Err("S16: unblocked, but never blocked".to_owned()) };
                *count -= 1;
                Ok(())
            }
            What::InstanceStarted { node, cold, ready, instances } => self.instance(node, cold, ready, instances),
            What::InstanceReclaimed { node, instances } => {
                self.instances.insert(node, instances);
                let running = self.running.get(&node).map_or(0, Vec::len);
                ensure!(running <= instances as usize, "S25: {running} events run on {instances} instances");
                Ok(())
            }
            What::Rebalanced { sub, generation, .. } => {
                let last = self.generations.insert(sub, generation);
                ensure!(last.is_none_or(|last| last < generation), "S10: generation {generation} after {last:?}");
                self.rebalanced.insert(sub);
                Ok(())
            }
            What::Assigned { sub, topic, partition, owner, .. } => {
                match owner {
                    Some(owner) => self.owners.insert((sub, topic, partition), owner),
                    None => self.owners.remove(&(sub, topic, partition)),
                };
                Ok(())
            }
            What::Unconfirmed { link, event, .. } => {
                self.publishes.unknown += 1;
                self.publishes.on_wire = self.publishes.on_wire.wrapping_sub(1);
                self.unconfirmed.insert(event);
                self.arrived(link, event)
            }
            What::FaultBegan { fault, kind, node, .. } => {
                if let (FaultTag::Crash, Some(node)) = (kind, node) {
                    if !self.down.values().any(|down| *down == node) {
                        self.guards.crashed(node);
                    }
                    self.down.insert(fault, node);
                }
                if let (FaultTag::Pause, Some(node)) = (kind, node) {
                    self.paused.insert(node);
                }
                ensure!(self.broken.insert(fault), "S36: {fault:?} begins twice");
                Ok(())
            }
            What::FaultEnded { fault } => {
                self.down.remove(&fault);
                ensure!(self.broken.remove(&fault), "S36: {fault:?} ends, but never began");
                Ok(())
            }
            What::LinkLost { fault, link, event, leg, .. } => {
                ensure!(self.broken.contains(&fault), "S36: {fault:?} is not on");
                match leg {
                    Leg::Publish => {
                        self.publishes.link_lost += 1;
                        self.publishes.on_wire = self.publishes.on_wire.wrapping_sub(1);
                        self.vanished(link, event)
                    }
                    Leg::Call => {
                        self.guards.call_lost(link, event);
                        self.vanished(link, event)
                    }
                    Leg::Deliver | Leg::Replay | Leg::Answer => Ok(()),
                    Leg::DeadLetter => Err("S36: dead letters are never lost".to_owned()),
                }
            }
            What::Duplicated { fault, leg, link, event, .. } => {
                ensure!(self.broken.contains(&fault), "S36: {fault:?} is not on");
                if leg == Leg::Call {
                    self.guards.call_doubled(link, event);
                }
                if matches!(leg, Leg::Deliver | Leg::Replay) {
                    self.deliveries += 1;
                    self.injected_duplicates += 1;
                }
                Ok(())
            }
            What::HeldUp { fault, .. } | What::Slowed { fault, .. } | What::Skewed { fault, .. } => {
                ensure!(self.broken.contains(&fault), "S36: {fault:?} is not on");
                Ok(())
            }
            What::TurnedAway { fault, node, .. } => {
                ensure!(self.down.get(&fault) == Some(&node), "S36: {node:?} is not gone by {fault:?}");
                Ok(())
            }
            What::LostInCrash { fault, node, sub, event, attempt, stage, .. } => {
                ensure!(self.down.get(&fault) == Some(&node), "S36: {node:?} is not gone by {fault:?}");
                let was_handled = self.leave(node, (sub, event, attempt));
                ensure!(was_handled == (stage == Stage::Handling), "S36: lost {stage:?}, but handled: {was_handled}");
                Ok(())
            }
            What::Draining => {
                self.is_draining = true;
                Ok(())
            }
            What::OutOfRange { skipped, .. } => {
                ensure!(skipped > 0, "S13: out of range, but nothing was skipped");
                Ok(())
            }
            What::Forgotten { .. }
            | What::Deadlocked { .. }
            | What::Broken { .. }
            | What::Edited { .. }
            | What::SourceEnded { .. } => Ok(()),
        }
    }

    /// S38, S37: every event has its cause, its root's birth and its number.
    fn emitted(
        &mut self,
        event: EventId,
        cause: Option<EventId>,
        born: SimTime,
        hops: u32,
        key: KeyRef<'_>,
    ) -> Verdict {
        let next = self.next_number.entry(event.origin()).or_default();
        ensure!(event.number() == *next, "S38: event number {}, not {next}", event.number());
        *next += 1;
        match cause {
            None => {
                ensure!(hops == 0 && born == self.now, "S38: a root event of {hops} hops born at {born}");
            }
            Some(cause) => {
                let Some(origin) = self.events.get(&cause) else {
                    return Err("S38: the cause never came into being".to_owned());
                };
                ensure!(hops == origin.hops + 1, "S38: {hops} hops, the cause has {}", origin.hops);
                ensure!(born == origin.born, "S38: root born at {born}, the cause says {}", origin.born);
                let begun = self.begun.contains(&(event.origin(), cause));
                ensure!(begun, "S38: emitted by a node that never began to handle the cause");
            }
        }
        ensure!(self.events.insert(event, Origin { hops, born }).is_none(), "S38: an event came into being twice");
        if key != KeyRef::None {
            self.keys.insert(event, key.to_string());
        }
        Ok(())
    }

    fn sent(&mut self, link: LinkIx, event: EventId, leg: Leg, arrives: SimTime) -> Verdict {
        ensure!(arrives >= self.now, "a journey ends before it begins");
        ensure!(self.events.contains_key(&event), "an event travels that never came into being");
        match leg {
            Leg::Publish => {
                self.publishes.attempts += 1;
                self.publishes.on_wire += 1;
                self.wire.entry((link, event)).or_default().push(arrives);
            }
            Leg::Call => self.wire.entry((link, event)).or_default().push(arrives),
            Leg::Deliver | Leg::Replay | Leg::DeadLetter => {}
            Leg::Answer => return Err("an answer has no journey of its own".to_owned()),
        }
        Ok(())
    }

    /// C3: what arrives was sent, and is due.
    fn arrived(&mut self, link: LinkIx, event: EventId) -> Verdict {
        let journeys = self.wire.get_mut(&(link, event)).filter(|journeys| !journeys.is_empty());
        let Some(journeys) = journeys else { return Err("C3: arrived, but never sent".to_owned()) };
        let arrives = journeys.remove(0);
        ensure!(arrives <= self.now, "C3: arrived before {arrives}");
        Ok(())
    }

    /// C3: what is lost was sent; it never arrives.
    fn vanished(&mut self, link: LinkIx, event: EventId) -> Verdict {
        let lost = self.wire.get_mut(&(link, event)).and_then(Vec::pop);
        ensure!(lost.is_some(), "C3: lost, but never sent");
        Ok(())
    }

    /// S20: each subscription of the topic owes exactly one obligation; a filter may excuse it.
    fn accepted(&mut self, topic: TopicIx, partition: u32, offset: u64) -> Verdict {
        let next = self.offsets.entry((topic, partition)).or_default();
        // Of an outside broker nobody may know that it took one.
        let may_skip = !self.unconfirmed.is_empty() && offset > *next;
        ensure!(offset == *next || may_skip, "offset {offset}, not {next}");
        *next = offset + 1;
        let takes = |(_, rules): &(usize, &SubRules)| rules.is_alive && rules.topics.contains(&topic);
        let has_filter = |rules: &SubRules| rules.settings.as_ref().is_some_and(|settings| settings.filter.is_some());
        let owed = self.subs.iter().enumerate().filter(takes).filter(|(_, rules)| !has_filter(rules));
        let owed: BTreeSet<SubIx> = owed.map(|(ix, _)| SubIx(ix as u32)).collect();
        self.awaited.insert((topic, partition, offset), owed);
        Ok(())
    }

    fn opened(
        &mut self,
        sub: SubIx,
        event: EventId,
        place: Option<(TopicIx, u32, u64)>,
        link: Option<LinkIx>,
    ) -> Verdict {
        let hops = self.events.get(&event).map(|origin| origin.hops);
        let Some(hops) = hops else { return Err("owed, but never came into being".to_owned()) };
        ensure!(hops <= self.hop_limit.saturating_add(1), "S37: {hops} hops, the limit is {}", self.hop_limit);
        if let Some(link) = link {
            self.arrived(link, event)?;
        }
        let rules = &self.subs[sub.index()];
        let mut most = u32::MAX;
        if let Some((topic, partition, offset)) = place {
            ensure!(rules.topics.contains(&topic), "S20: a topic that the subscription does not take");
            let is_new = self.opened_at.insert((sub, topic, partition, offset));
            ensure!(is_new, "S20: one record, one subscription, two obligations");
            match self.awaited.get_mut(&(topic, partition, offset)) {
                Some(owed) => {
                    owed.remove(&sub);
                }
                None if self.unconfirmed.contains(&event) => {}
                None => {
                    let from_start = rules.settings.as_ref().is_some_and(|settings| settings.from != StartAt::End);
                    ensure!(
                        from_start || rules.restored.contains(&topic),
                        "S20: an obligation for a record that was not accepted just now"
                    );
                }
            }
            most = rules.settings.as_ref().map_or(u32::MAX, most_attempts);
        } else if let Some(link) = link {
            most = self.call_deliveries.get(&link).copied().unwrap_or(u32::MAX);
        }
        let one = Obligation { place, is_replay: false, state: State::Queued, attempts: 0, deliveries: 0, most, link };
        self.obligations.entry((sub, event)).or_default().push(one);
        self.figures[sub.index()].obligations += 1;
        self.figures[sub.index()].queued += 1;
        Ok(())
    }

    /// S12, C4: what was settled stays so; a seek opens another obligation for the same record.
    fn replayed(&mut self, sub: SubIx, event: EventId, place: (TopicIx, u32, u64)) -> Verdict {
        self.logs.replayed(sub, (place.0, place.1), place.2, self.now)?;
        let all = self.obligations.entry((sub, event)).or_default();
        let own: Vec<&Obligation> = all.iter().filter(|one| one.place == Some(place)).collect();
        let settled = own.iter().all(|one| one.state.phase().is_none());
        ensure!(settled, "S12: read again, but it is open: {own:?}");
        let most = self.subs[sub.index()].settings.as_ref().map_or(u32::MAX, most_attempts);
        let one = Obligation {
            place: Some(place),
            is_replay: true,
            state: State::Queued,
            attempts: 0,
            deliveries: 0,
            most,
            link: None,
        };
        all.push(one);
        self.figures[sub.index()].obligations += 1;
        self.figures[sub.index()].queued += 1;
        Ok(())
    }

    /// What is owed of one record of a log.
    fn owed(&self, event: EventId, place: (TopicIx, u32, u64)) -> Owed {
        let subs = (0..self.subs.len()).map(|ix| SubIx(ix as u32));
        let all = subs.filter_map(|sub| self.obligations.get(&(sub, event))).flatten();
        let (own, others): (Vec<&Obligation>, Vec<&Obligation>) = all.partition(|one| one.place == Some(place));
        // Of one event that was stored twice nobody can tell which of the two is meant.
        let has_twin = others.iter().any(|one| one.place.is_some_and(|other| other.0 == place.0));
        Owed {
            acked: has_twin || own.iter().any(|one| one.state == State::Acked),
            open: !has_twin && own.iter().any(|one| one.state.phase().is_some()),
        }
    }

    fn delivered(&mut self, sub: SubIx, event: EventId, node: NodeIx, attempt: u32) -> Verdict {
        let fits = |one: &Obligation| one.state == State::Queued && one.attempts + 1 == attempt;
        let one = self.turn(sub, event, "delivered", fits, State::InFlight(node))?;
        self.deliveries += 1;
        if one.deliveries == 1 {
            self.first_deliveries += 1;
        } else {
            self.redeliveries += 1;
        }
        let rules = &self.subs[sub.index()];
        // What was open already has what any revision since allowed.
        let most = if rules.settings.is_some() { one.most.max(rules.most) } else { one.most };
        ensure!(attempt <= most, "S7: attempt {attempt} of at most {most}");
        if let Some(settings) = &rules.settings {
            let in_flight = self.figures[sub.index()].in_flight;
            let cap = u64::from(settings.max_in_flight.max(1));
            ensure!(in_flight <= cap, "S6: {in_flight} in flight of at most {cap}");
            let Some(prefetch) = rules.prefetch.get(&node) else {
                return Err("S20: delivered to a node that is no member".to_owned());
            };
            let held = self.in_flight.get(&(sub, node)).copied().unwrap_or_default();
            ensure!(held <= *prefetch, "S6: {held} at one member of at most {prefetch}");
        }
        if let Some((topic, partition, offset)) = one.place {
            if one.deliveries == 1 && !one.is_replay && !self.waits.may_reorder(sub) {
                let last = self.delivered_to.insert((sub, topic, partition), offset);
                ensure!(last.is_none_or(|last| last < offset), "S8: offset {offset} after {last:?}");
            }
            let shares = rules.settings.as_ref().map(|settings| settings.share);
            if shares == Some(Share::Partition) {
                let owner = self.owners.get(&(sub, topic, partition));
                ensure!(owner == Some(&node), "S10: delivered to {node:?}, the owner is {owner:?}");
            }
        }
        Ok(())
    }

    /// S24, S25: never more at once than allowed, never faster than the bucket lets through.
    fn started(&mut self, node: NodeIx, sub: SubIx, event: EventId, attempt: u32) -> Verdict {
        self.begun.insert((node, event));
        let rules = &self.nodes[node.index()];
        let running = self.running.entry(node).or_default();
        running.push((sub, event, attempt));
        let count = running.len();
        ensure!(count <= rules.concurrency as usize, "S24: {count} at once of at most {}", rules.concurrency);
        if rules.scale_out.is_some() {
            let instances = self.instances.get(&node).copied().unwrap_or_default();
            ensure!(count <= instances as usize, "S25: {count} events on {instances} instances");
        }
        // A function pays when an instance is given the event; a cold one begins later, and may begin close to the next.
        if let Some(limit) = rules.rate.as_ref().filter(|_| rules.scale_out.is_none()) {
            let gap = limit.rate.mean_gap().map_or(0, SimDuration::as_nanos);
            let starts = self.starts.entry(node).or_default();
            *starts += 1;
            let now = self.now.as_nanos();
            let paid = self.paid.entry(node).or_default();
            *paid = (*paid).max(now) + gap;
            // A gap that is no whole number of nanoseconds may be rounded either way, each time.
            let most = gap * u64::from(limit.burst.max(1)) + *starts;
            ensure!(*paid - now <= most, "S24: begun {} ns before its token", *paid - now - most);
        }
        Ok(())
    }

    fn finished(&mut self, node: NodeIx, sub: SubIx, event: EventId, attempt: u32) -> Verdict {
        ensure!(self.leave(node, (sub, event, attempt)), "handled, but never begun");
        self.handled.entry((sub, event, node)).or_default().push(attempt);
        Ok(())
    }

    /// Takes one attempt off those that a node is handling; whether it was there.
    fn leave(&mut self, node: NodeIx, attempt: (SubIx, EventId, u32)) -> bool {
        let Some(running) = self.running.get_mut(&node) else { return false };
        let place = running.iter().position(|one| *one == attempt);
        place.map(|place| running.swap_remove(place)).is_some()
    }

    /// C4, S1, S5: the first ack of any attempt settles, if there was an attempt at all.
    fn acked(&mut self, sub: SubIx, event: EventId, node: NodeIx, auto: bool, from: Phase) -> Verdict {
        let guarantee = self.subs[sub.index()].settings.as_ref().map(|settings| settings.guarantee);
        if guarantee == Some(Guarantee::AtLeastOnce) {
            ensure!(!auto, "S2: settled at hand-over, but at-least-once was promised");
            let begun = self.begun.contains(&(node, event));
            ensure!(begun, "S2: acked by a node that never began to handle it");
        }
        let is_held = |one: &Obligation| one.state == State::InFlight(node);
        let all = self.obligations.get(&(sub, event)).map_or(&[][..], |all| all);
        let held = all.iter().any(is_held);
        // A link that doubles what is published makes two obligations of one event that look alike.
        let handled = self.handled.entry((sub, event, node)).or_default();
        let of_handled = |attempt: &u32| all.iter().any(|one| is_held(one) && one.attempts == *attempt);
        let place = handled.iter().position(of_handled).filter(|_| from == Phase::InFlight && !auto);
        let attempt = place.map(|place| handled.remove(place));
        let fits = move |one: &Obligation| {
            let fits = one.state.phase() == Some(from) && one.deliveries > 0;
            // A record that came twice has twins: which of them is meant, its state says.
            fits && (!held || from != Phase::InFlight || one.state == State::InFlight(node))
                && attempt.is_none_or(|attempt| one.attempts == attempt)
        };
        let one = self.turn(sub, event, "acked", fits, State::Acked)?;
        if !auto {
            self.guards.outcome(sub, one.link, event, false, self.now);
        }
        Ok(())
    }

    /// S26: what a circuit breaker learns of an obligation that is given up.
    fn given_up(&mut self, sub: SubIx, one: &Obligation, event: EventId, from: Phase, reason: Reason) {
        let was_refused = one.link.is_some() && matches!(reason, Reason::MaxLength | Reason::HopLimit);
        if from == Phase::InFlight || from == Phase::Queued && was_refused {
            self.guards.outcome(sub, one.link, event, true, self.now);
        }
    }

    /// S27: no handling takes longer than it may.
    fn in_time(&self, node: NodeIx, service: SimDuration) -> Verdict {
        let timeout = self.nodes[node.index()].timeout.filter(|_| !self.paused.contains(&node));
        ensure!(timeout.is_none_or(|most| service <= most), "S27: it took {service} of at most {timeout:?}");
        Ok(())
    }

    fn stale(&self, sub: SubIx, event: EventId, why: Staleness) -> Verdict {
        let all = self.obligations.get(&(sub, event)).map_or(&[][..], |all| all);
        let fits = match why {
            Staleness::Settled => all.iter().any(|one| one.state.phase().is_none()),
            Staleness::EarlierAttempt => all.iter().any(|one| one.state.phase().is_some()),
            Staleness::OldGeneration => {
                let settings = self.subs[sub.index()].settings.as_ref();
                settings.is_none_or(|settings| settings.share == Share::Partition)
            }
        };
        ensure!(fits, "S5: called stale ({why:?}), but is {all:?}");
        Ok(())
    }

    fn queued(&mut self, sub: SubIx, event: EventId, taken_back: bool) -> Verdict {
        if taken_back {
            let fits = |one: &Obligation| matches!(one.state, State::InFlight(_));
            let one = self.turn(sub, event, "taken back", fits, State::Queued)?;
            self.guards.no_outcome(sub, one.link, event);
            return Ok(());
        }
        let now = self.now;
        let fits = move |one: &Obligation| matches!(one.state, State::Delayed(due) if due == now);
        let one = self.turn(sub, event, "queued again at its time", fits, State::Queued)?;
        one.link.map_or(Ok(()), |link| self.guards.called(link, event))
    }

    fn end(
        &mut self,
        sub: SubIx,
        event: EventId,
        verb: &str,
        attempts: Option<u32>,
        from: Phase,
        to: State,
    ) -> Result<Obligation, String> {
        let fits = move |one: &Obligation| {
            one.state.phase() == Some(from) && attempts.is_none_or(|attempts| attempts == one.attempts)
        };
        self.turn(sub, event, verb, fits, to)
    }

    /// C4: moves one open obligation that fits, or says that none does.
    fn turn(
        &mut self,
        sub: SubIx,
        event: EventId,
        verb: &str,
        fits: impl Fn(&Obligation) -> bool,
        to: State,
    ) -> Result<Obligation, String> {
        let all = self.obligations.entry((sub, event)).or_default();
        let Some(ix) = all.iter().position(fits) else {
            let label = self.subs.get(sub.index()).map_or("", |rules| &rules.label);
            return Err(format!("C4: {verb} at {label}, but the obligations of this event are {all:?}"));
        };
        let one = &mut all[ix];
        let figures = &mut self.figures[sub.index()];
        match one.state {
            State::Queued => figures.queued -= 1,
            State::Delayed(_) => figures.delayed -= 1,
            State::InFlight(owner) => {
                figures.in_flight -= 1;
                *self.in_flight.entry((sub, owner)).or_default() -= 1;
            }
            State::Acked | State::Dropped | State::DeadLettered | State::Expired | State::Evicted | State::Purged => {
                return Err(format!("C4: {verb} after its end"));
            }
        }
        match to {
            State::Queued => {
                if matches!(one.state, State::InFlight(_)) {
                    one.attempts -= 1;
                }
                figures.queued += 1;
            }
            State::Delayed(_) => figures.delayed += 1,
            State::InFlight(owner) => {
                one.attempts += 1;
                one.deliveries += 1;
                figures.in_flight += 1;
                *self.in_flight.entry((sub, owner)).or_default() += 1;
            }
            State::Acked => figures.acked += 1,
            State::Dropped => figures.dropped += 1,
            State::DeadLettered => figures.dead_lettered += 1,
            State::Expired => figures.expired += 1,
            State::Evicted => figures.retention_lost += 1,
            State::Purged => figures.purged += 1,
        }
        one.state = to;
        Ok(one.clone())
    }

    fn instance(&mut self, node: NodeIx, cold: bool, ready: SimTime, instances: u32) -> Verdict {
        let rules = &self.nodes[node.index()];
        let Some(scale_out) = rules.scale_out else { return Err("S25: an instance of what is no function".to_owned()) };
        let most = rules.concurrency;
        ensure!(instances <= most, "S25: {instances} instances of at most {most}");
        ensure!(ready >= self.now, "S25: an instance ready before it was started");
        self.instances.insert(node, instances);
        if cold {
            let starts = self.cold_starts.entry(node).or_default();
            starts.push(self.now);
            // A window of ten seconds is half open: what was started ten seconds ago is out of it.
            let window = self.now.as_nanos().checked_sub(10_000_000_000);
            let is_young = |at: &&SimTime| window.is_none_or(|window| at.as_nanos() > window);
            let recent = starts.iter().filter(is_young).count();
            ensure!(recent <= scale_out as usize, "S25: {recent} new instances in 10 s of at most {scale_out}");
        }
        Ok(())
    }

    /// What holds between steps, at this moment.
    pub(crate) fn end_of_step(&mut self, now: SimTime) -> Verdict {
        ensure!(now >= self.now, "the machine says {now}, its last record {}", self.now);
        for (place, owed) in std::mem::take(&mut self.awaited) {
            ensure!(owed.is_empty(), "C1, S20: no obligation of {owed:?} for the record at {place:?}");
        }
        let mut logs = std::mem::take(&mut self.logs);
        let verdict = logs.end_of_step(now, |sub, (topic, partition), offset, event| {
            let rules = &self.subs[sub.index()];
            let excused = rules.settings.as_ref().is_none_or(|settings| settings.filter.is_some())
                || !rules.is_alive
                || self.events.get(&event).is_some_and(|origin| origin.hops > self.hop_limit);
            let place = Some((topic, partition, offset));
            let all = self.obligations.get(&(sub, event)).map_or(&[][..], |all| all);
            let has_twin = all.iter().any(|one| one.place.is_some_and(|other| other.0 == topic) && one.place != place);
            excused || has_twin || all.iter().any(|one| one.place == place && one.state.phase().is_some())
        });
        self.logs = logs;
        verdict?;
        for (sub, figures) in self.figures.iter().enumerate() {
            ensure!(figures.is_balanced(), "C1: {} does not balance: {figures:?}", self.subs[sub].label);
        }
        ensure!(
            self.deliveries == self.first_deliveries + self.redeliveries + self.injected_duplicates,
            "C2: deliveries do not balance"
        );
        let Publishes { attempts, accepted, rejected, deduped, link_lost, unknown, on_wire } = self.publishes;
        let sum = accepted + rejected + deduped + link_lost + unknown + on_wire;
        ensure!(attempts == sum, "C3: {:?} do not balance", self.publishes);
        self.waits.end_of_step(now)?;
        for sub in std::mem::take(&mut self.rebalanced) {
            self.fairly_shared(sub)?;
        }
        self.guards.end_of_step(now)
    }

    /// S10: after a rebalance each partition has an owner, and no member has two more than another.
    fn fairly_shared(&self, sub: SubIx) -> Verdict {
        let rules = &self.subs[sub.index()];
        if !rules.is_alive || rules.prefetch.is_empty() {
            return Ok(());
        }
        let is_there = |member: &&NodeIx| !self.down.values().any(|node| node == *member);
        let links: BTreeMap<NodeIx, u32> = rules
            .links
            .iter()
            .filter(|(member, _)| is_there(member))
            .map(|(member, links)| (*member, *links))
            .collect();
        if links.is_empty() {
            return Ok(());
        }
        let mut counts: BTreeMap<NodeIx, u32> = links.keys().map(|member| (*member, 0)).collect();
        for ((of, topic, _), owner) in &self.owners {
            if *of == sub && rules.topics.contains(topic) {
                let Some(count) = counts.get_mut(owner) else {
                    return Err(format!("S10: {owner:?} owns a partition and is no member"));
                };
                *count += 1;
            }
        }
        // A node with two links is two members.
        let (partitions, members): (u32, u32) = (counts.values().sum(), links.values().sum());
        let is_fair = |(node, count): (&NodeIx, &u32)| {
            let links = links[node];
            (partitions / members * links..=partitions.div_ceil(members) * links).contains(count)
        };
        ensure!(counts.iter().all(is_fair), "S10: partitions are shared as {counts:?}");
        Ok(())
    }

    /// The machine's own figures, taken from its cursors, must be these; and so must what it says is open, item by item.
    pub(crate) fn compare(&self, kernel: &Kernel) -> Verdict {
        let ledger = kernel.ledger();
        for (sub, mine) in self.figures.iter().enumerate() {
            let its = Figures::of(ledger.subs.get(sub).copied().unwrap_or_default());
            let label = &self.subs[sub].label;
            ensure!(*mine == its, "C1: {label} is\n{mine:?}\nby its records, but\n{its:?}\nby its cursors");
        }
        let (mine, its) = (self.totals(), Figures::of(ledger.total));
        ensure!(mine == its, "C1: in all it is\n{mine:?}\nby the records, but\n{its:?}\nby the cursors");
        let mut mine: Vec<(SubIx, EventId, Phase, u32)> = self.open().iter().map(item).collect();
        let its = kernel.open_obligations();
        let mut its: Vec<_> = its.iter().map(|one| (one.sub, one.event, one.phase, one.attempts)).collect();
        mine.sort_unstable();
        its.sort_unstable();
        ensure!(mine == its, "S40: open are\n{mine:?}\nby the records, but\n{its:?}\nby the cursors");
        for node in (0..self.nodes.len()).map(|ix| NodeIx(ix as u32)) {
            let (mine, its) = (self.guards.pending(node), kernel.pending(node));
            ensure!(mine == its, "S21: {mine} requests wait by the records, {its} by the gateway");
        }
        Ok(())
    }

    // ---- answers --------------------------------------------------------------------------------------------------

    pub(crate) fn figures(&self, sub: SubIx) -> Figures {
        self.figures[sub.index()]
    }

    pub(crate) fn totals(&self) -> Figures {
        self.figures.iter().fold(Figures::default(), |sum, figures| sum.plus(*figures))
    }

    pub(crate) const fn publishes(&self) -> Publishes {
        self.publishes
    }

    pub(crate) const fn redeliveries(&self) -> u64 {
        self.redeliveries
    }

    /// Every obligation that has not ended: what a stopped run has to report.
    pub(crate) fn open(&self) -> Vec<(SubIx, EventId, Obligation)> {
        let all = self.obligations.iter();
        let each = all.flat_map(|((sub, event), all)| all.iter().map(move |one| (*sub, *event, one.clone())));
        each.filter(|(_, _, one)| one.state.phase().is_some()).collect()
    }

    /// How often each event was given up towards a dead-letter queue, and how often one took it.
    pub(crate) fn dead_letters(&self) -> (u32, u32) {
        (self.given_up.values().sum(), self.buried.values().sum())
    }
}

/// S1, S7: how often a record may be handed over.
fn most_attempts(settings: &Subscription) -> u32 {
    match settings.guarantee {
        Guarantee::AtLeastOnce => settings.deliveries,
        Guarantee::AtMostOnce => 1,
    }
}

fn item((sub, event, one): &(SubIx, EventId, Obligation)) -> (SubIx, EventId, Phase, u32) {
    (*sub, *event, one.state.phase().expect("what is open has not ended"), one.attempts)
}

fn sub_rules(flow: &Flow, plan: &Plan, sub: SubIx) -> SubRules {
    let label = plan.sub_label(sub).to_owned();
    let is_alive = plan.is_sub_alive(sub);
    let mut rules = SubRules { label, is_alive, ..SubRules::default() };
    if plan.is_inbox(sub) || !is_alive {
        return rules;
    }
    let mut members: Vec<_> = plan.sub_members(sub).map(|(node, link)| (plan.link_id(link), node)).collect();
    members.sort();
    for (link, node) in members {
        let Some(settings) = flow.link(link).and_then(|link| link.subscription()) else { continue };
        let at_once = plan.node_kind(node);
        let at_once = match (at_once, flow.node(plan.node_id(node)).map(|node| &node.kind)) {
            (KindTag::Consumer, Some(NodeKind::Consumer(consumer))) => consumer.concurrency,
            (KindTag::Service, Some(NodeKind::Service(service))) => service.concurrency,
            (KindTag::Function, Some(NodeKind::Function(function))) => function.instances,
            // It takes whatever comes.
            (KindTag::Gateway, _) => settings.max_in_flight,
            _ => 1,
        };
        let prefetch = settings.prefetch.unwrap_or_else(|| at_once.max(1).saturating_mul(2)).max(1);
        *rules.prefetch.entry(node).or_default() += prefetch;
        *rules.links.entry(node).or_default() += 1;
        let taken = |topic: &TopicIx| settings.takes_topic(plan.topic_name(*topic).as_str());
        if rules.settings.is_none() {
            rules.topics = plan.topics_of(plan.sub_node(sub)).filter(taken).collect();
            rules.settings = Some(settings.clone());
        }
    }
    rules
}

fn node_rules(flow: &Flow, plan: &Plan, node: NodeIx) -> NodeRules {
    let drawn = plan.is_alive(node).then(|| flow.node(plan.node_id(node))).flatten();
    let is_bus = plan.node_kind(node) == KindTag::Bus;
    let mut rules = NodeRules { is_alive: drawn.is_some(), is_bus, ..NodeRules::default() };
    match drawn.map(|node| &node.kind) {
        Some(NodeKind::Consumer(consumer)) => {
            rules.concurrency = consumer.concurrency.max(1);
            rules.rate = consumer.rate_limit;
            rules.timeout = consumer.timeout;
        }
        Some(NodeKind::Service(service)) => {
            rules.concurrency = service.concurrency.max(1);
            rules.rate = service.rate_limit;
            rules.timeout = service.timeout;
        }
        Some(NodeKind::Function(function)) => {
            rules.concurrency = function.instances.max(1);
            rules.scale_out = Some(function.scale_out);
            rules.rate = function.rate_limit;
            rules.timeout = function.timeout;
        }
        Some(NodeKind::Gateway(_)) => rules.concurrency = u32::MAX,
        _ => {}
    }
    rules
}
