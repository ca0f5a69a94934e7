//! The bus as it is described, written for clarity: lists that are searched, nothing that is fast, no code of the machine.
//!
//! The model is told what came into the run from outside ([`Told`]), and is shown its records. Some records tell of a free
//! choice: what a producer emits and when, how long a handling takes and whether it fails, which of several members with room is
//! given a record, how long a jittered backoff is, whether a fault strikes. Of these the model asks only whether they could be
//! chosen. Everything else follows from the flow and from those choices, so the model says it itself: what must happen
//! at which instant is noted as due, a record that is not due is wrong, and so is an instant that ends with something undone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use eventloom::model::{EventId, EventTypeIx, FaultIx, LinkIx, NodeIx, SimTime, StartAt, SubIx, TopicIx};
use eventloom::trace::{Leg, Phase, Reason, Record, Removal, Stage, What};

use super::coverage::Cells;
use super::ensure;
use super::faults::Active;
use super::handling::{End, Handling, Node, Room};
use super::retention::Log;
use super::rules::Rules;
use super::travelling::{Answer, Journey};
use crate::support::Told;

/// What is owed, by its number: one accepted record and one subscription, or one call.
pub(super) type Debt = usize;

/// Where records are kept: a topic, and a number within it.
pub(super) type Partition = (TopicIx, u32);

pub(super) type Verdict = Result<(), String>;

/// What has to happen at an instant that the model knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A hand pressed a button.
    Fire(NodeIx),
    Leave(LinkIx, EventId),
    /// A link brings it once more.
    LeaveAgain(LinkIx, EventId, Leg, Option<Visit>),
    /// A publish, to this topic, or a call comes to its end.
    Arrive(LinkIx, EventId, Option<TopicIx>),
    /// With its place in a log, and whether it has been there for some time.
    Open(SubIx, EventId, Option<(Partition, u64)>, bool),
    Deliver(Debt),
    AutoAck(Debt),
    Receive(Visit),
    Begin(Visit),
    /// An event that was let in needs a new instance.
    NewInstance(Visit),
    Throttle(Visit),
    /// The callee has done with it.
    Close(Debt, Option<Reason>),
    Queue(Debt),
    TakeBack(Debt),
    Purge(Debt),
    End(Debt, Reason),
    /// Whoever waited before this queue is through.
    Unblock(NodeIx, SubIx, EventId),
    DeadLeave(EventId),
    Bury(NodeIx, EventId),
    Break(FaultIx),
    Heal(FaultIx),
    Slow(FaultIx, Visit),
    Skew(FaultIx, EventId),
    /// A crash ends an attempt: how far it was, and how long it had been handled.
    Lose(Visit, Stage, u64),
    /// A crash takes what waited before a full queue.
    LoseBlocked(LinkIx, EventId),
    /// A crash takes all instances of a function.
    LoseInstances(NodeIx),
    /// A function has more instances than it may.
    Reclaim(NodeIx),
    /// A new record is out of sight until its time.
    Postpone(Debt),
    /// A subscription goes on reading at this place.
    Seek(SubIx, Partition, StartAt),
    /// A record that was settled is owed once more.
    Replay(SubIx, EventId, (Partition, u64)),
    /// A caller learns that its call was lost.
    CallLost(LinkIx, EventId),
    /// A call that was lost is made again.
    Resend(LinkIx, EventId),
    /// A call ends with its caller, before it came to its callee.
    GiveUpCall(LinkIx, EventId),
    /// Of a call that is given up on its way an obligation is born.
    OpenUnsent(SubIx, LinkIx, EventId, Reason),
    /// The cleaner takes a record out of a log.
    Remove(Partition, u64, Removal),
    /// The order of a key has a gap.
    Gap(SubIx, EventId),
}

/// What an event carries.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: EventTypeIx,
    pub(super) key: Option<String>,
    pub(super) born: SimTime,
    pub(super) hops: u32,
    /// Whether its data are null: that its key is deleted.
    pub(super) is_null: bool,
    /// What a wrong clock said of it.
    pub(super) clock: Option<SimTime>,
}

#[derive(Clone, Debug)]
pub(super) struct Obligation {
    pub(super) sub: SubIx,
    pub(super) event: EventId,
    pub(super) place: Option<(Partition, u64)>,
    /// By which link a call came.
    pub(super) by: Option<LinkIx>,
    /// None when it has ended.
    pub(super) phase: Option<Phase>,
    pub(super) attempts: u32,
    /// Which delivery of all the last one was: a number of an attempt that was taken back is used again.
    pub(super) delivery: u64,
    /// The link of the member that had it last.
    pub(super) held_by: Option<LinkIx>,
    pub(super) deadline: SimTime,
    pub(super) ready: SimTime,
    /// When it could be handed over first: it keeps that when it comes back.
    pub(super) since: SimTime,
    /// When it was handed over first.
    pub(super) first: Option<SimTime>,
    /// A seek asked for it.
    pub(super) is_replay: bool,
    /// How often it failed as a call before it came here.
    pub(super) unsent: u32,
}

/// Something on its way to a node, before its door, in its hands, or answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) debt: Debt,
    pub(super) node: NodeIx,
    pub(super) sub: SubIx,
    pub(super) event: EventId,
    pub(super) attempt: u32,
    pub(super) link: Option<LinkIx>,
    pub(super) delivery: u64,
    /// How often its partition had changed its owner by then.
    pub(super) moves: u64,
    /// How often its member had left by then.
    pub(super) left: u64,
    /// Settled at hand-over: nothing is answered.
    pub(super) is_settled: bool,
    pub(super) is_call: bool,
    pub(super) is_replay: bool,
    /// From when on it waits at the door.
    pub(super) ready: SimTime,
}

impl Visit {
    pub(super) fn is(&self, sub: SubIx, event: EventId, attempt: u32) -> bool {
        (self.sub, self.event, self.attempt) == (sub, event, attempt)
    }
}

/// The queue of a subscription in one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) again: VecDeque<Debt>,
    pub(super) fresh: VecDeque<Debt>,
    /// A seek was there since, and nothing was queued.
    pub(super) is_sought: bool,
}

/// A publish or call that waits before a full queue.
#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) node: NodeIx,
    pub(super) event: EventId,
    pub(super) link: LinkIx,
    pub(super) topic: Option<TopicIx>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naive {
    pub(super) rules: Rules,
    pub(super) now: SimTime,
    /// What came from outside and has not taken effect yet.
    pub(super) told: VecDeque<Told>,
    pub(super) due: Vec<(SimTime, Due)>,
    pub(super) events: BTreeMap<EventId, Event>,
    pub(super) logs: BTreeMap<Partition, Log>,
    /// Of each topic, where records without a key go, and how many of the same batch have gone there.
    pub(super) sticky: BTreeMap<TopicIx, (u32, u32)>,
    pub(super) debts: Vec<Obligation>,
    pub(super) by_name: BTreeMap<(SubIx, EventId), Vec<Debt>>,
    pub(super) open: BTreeMap<SubIx, BTreeSet<Debt>>,
    pub(super) queues: BTreeMap<(SubIx, Partition), Queue>,
    pub(super) deliveries: u64,
    /// How many records each member has and has not answered for.
    pub(super) held: BTreeMap<(SubIx, LinkIx), usize>,
    /// When a member has room again for what never came to it, or was never answered.
    pub(super) unheld: Vec<(SimTime, Visit)>,
    pub(super) left: BTreeMap<(SubIx, LinkIx), u64>,
    pub(super) answers: Vec<Answer>,
    /// By which of these links a partition's owner is fed: records name the owner only.
    pub(super) owners: BTreeMap<(SubIx, Partition), BTreeSet<LinkIx>>,
    pub(super) moves: BTreeMap<(SubIx, Partition), u64>,
    pub(super) generations: BTreeMap<SubIx, u32>,
    pub(super) rebalancing: Option<super::groups::Rebalance>,
    /// Groups in which a node had two links before the last edit.
    pub(super) had_twins: BTreeSet<SubIx>,
    /// Where a subscription that is gone would go on reading.
    pub(super) bookmarks: BTreeMap<(SubIx, Partition), u64>,
    pub(super) nodes: BTreeMap<NodeIx, Node>,
    /// What topics have stored that know messages again, the latest last.
    pub(super) messages: BTreeMap<TopicIx, Vec<super::dedup::Message>>,
    /// Until when a group remembers what it has handled.
    pub(super) effects: BTreeMap<(SubIx, EventId), SimTime>,
    /// How many records of a partition were evicted that a subscription had not seen, and has not been told of.
    pub(super) unread: BTreeMap<(SubIx, Partition), u64>,
    pub(super) doors: BTreeMap<SubIx, VecDeque<Waiter>>,
    pub(super) faults: BTreeMap<FaultIx, Active>,
    /// Faults made by hand so far.
    pub(super) hands: Vec<super::faults::ByHand>,
    /// Nodes that stand still, and since when.
    pub(super) halted: BTreeMap<NodeIx, SimTime>,
    pub(super) is_draining: bool,
    /// What left just now: what befalls it on the way is told next.
    pub(super) journey: Option<Journey>,
    /// Delivered; the record that says by which link comes next.
    pub(super) handing: Option<Visit>,
    /// The queue that what is blocked next has waited before, and now has a place in.
    pub(super) moved: Option<SubIx>,
    /// A bus that is gone turned this away; that it is refused is told next.
    pub(super) turned_away: Option<(NodeIx, EventId)>,
    /// What was emitted by a handling that has not told of its end yet: the node, the cause and the type.
    pub(super) bred: Vec<(NodeIx, EventId, EventTypeIx)>,
    /// A handling ends next whose emissions a seek mutes.
    pub(super) muted: Option<(NodeIx, SubIx, EventId)>,
    /// How often calls failed on their way.
    pub(super) unsent: BTreeMap<(LinkIx, EventId), u32>,
    /// What each node has handled, for what it emits later.
    pub(super) handled: BTreeSet<(NodeIx, EventId)>,
    /// How often each transition was seen: what the model has really judged.
    pub(crate) seen: BTreeMap<&'static str, u64>,
    pub(crate) cells: Cells,
    /// So many records could have been meant by the last one: nothing was done about it yet.
    pub(crate) doubt: usize,
    /// Which of them it is to be.
    pub(crate) choice: Option<usize>,
}

impl Naive {
    pub(crate) fn new(rules: Rules) -> Self {
        let mut model = Self { rules, ..Self::default() };
        model.arm_scenario();
        model
    }

    /// Takes one record; what is wrong with it, if something is.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Verdict {
        if !self.befalls(&record.what) {
            self.depart()?;
        }
        self.pass_to(record.at)?;
        match record.what {
            What::Emitted { event, kind, cause, born, hops, key, .. } => {
                self.emitted(event, kind, cause, born, hops, key)
            }
            What::Sent { link, event, leg, attempt, arrives, .. } => self.sent(link, event, leg, attempt, arrives),
            What::Accepted { link, event, topic, partition, offset, .. } => {
                self.accepted(link, event, (topic, partition), offset)
            }
            What::Rejected { link, node, event, reason, .. } => self.rejected(link, node, event, reason),
            What::Opened { sub, event, topic, partition, offset, link, .. } => match topic {
                Some(topic) => self.opened(sub, event, ((topic, partition), offset)),
                None => self.called(sub, event, link),
            },
            What::Delivered { sub, event, node, attempt } => self.delivered(sub, event, node, attempt),
            What::Received { node, sub, event, attempt, link, .. } => self.received(node, sub, event, attempt, link),
            What::Started { node, sub, event, attempt, wait, .. } => {
                self.started(node, sub, event, attempt, wait.as_nanos())
            }
            What::Handled { node, sub, event, attempt, service, end_to_end, .. } => {
                let born = self.event(event)?.born;
                ensure!(end_to_end == self.now.since(born), "S38: end to end is {end_to_end}");
                self.finished(node, sub, event, attempt, service.as_nanos(), End::Handled)
            }
            What::Failed { node, sub, event, attempt, reason, service, lost, .. } => {
                self.failed(node, sub, event, attempt, service.as_nanos(), reason, lost)
            }
            What::Throttled { node, sub, event, attempt } => self.throttled(node, sub, event, attempt),
            What::Acked { sub, event, node, auto, from } => self.acked(sub, event, node, auto, from),
            What::Stale { sub, event, node, why } => self.stale(sub, event, node, why),
            What::Retrying { sub, event, attempt, reason, due } => self.retrying(sub, event, attempt, reason, due),
            What::Queued { sub, event, taken_back: false } => self.queued(sub, event),
            What::Queued { sub, event, taken_back: true } => self.taken_back(sub, event),
            What::Dropped { sub, event, reason, attempts, from, .. } => {
                self.given_up(sub, event, reason, attempts, from, None)
            }
            What::DeadLettered { sub, event, reason, attempts, from, to, .. } => {
                self.given_up(sub, event, reason, attempts, from, Some(to))
            }
            What::Buried { node, event, .. } => {
                self.saw("buried");
                self.meet(&Due::Bury(node, event))
            }
            What::Evicted { sub, event, from, .. } => self.evicted(sub, event, from),
            What::Deduped { link, event, topic, partition, offset, of, .. } => {
                self.deduped(link, event, ((topic, partition), offset), of)
            }
            What::Removed { event, topic, partition, offset, why, .. } => {
                self.removed(event, (topic, partition), offset, why)
            }
            What::Recognised { node, sub, event, attempt, service, .. } => {
                self.recognised(node, sub, event, attempt, service.as_nanos())
            }
            What::OutOfRange { sub, topic, partition, skipped } => self.out_of_range(sub, (topic, partition), skipped),
            What::Sought { sub, topic, partition, offset } => self.sought(sub, (topic, partition), offset),
            What::Replayed { sub, event, topic, partition, offset, .. } => {
                self.replayed(sub, event, ((topic, partition), offset))
            }
            What::Muted { node, sub, event } => self.muted(node, sub, event),
            What::CallFailed { node, link, event, attempt, reason, due, .. } => {
                self.call_failed(node, link, event, attempt, reason, due)
            }
            What::Postponed { sub, event, due } => self.postponed(sub, event, due),
            What::Expired { sub, event, attempts, from, to, .. } => self.expired(sub, event, attempts, from, to),
            What::OrderGap { sub, event } => self.order_gap(sub, event),
            What::Purged { sub, event, from } => self.purged(sub, event, from),
            What::Blocked { node, sub, event } => self.blocked(node, sub, event),
            What::Unblocked { node, sub, event } => self.unblocked(node, sub, event),
            What::InstanceStarted { node, cold, ready, instances } => {
                self.instance_started(node, cold, ready, instances)
            }
            What::InstanceReclaimed { node, instances } => self.instance_reclaimed(node, instances),
            What::Rebalanced { sub, generation, members } => self.rebalanced(sub, generation, members),
            What::Assigned { sub, topic, partition, owner, generation } => {
                self.assigned(sub, (topic, partition), owner, generation)
            }
            What::FaultBegan { fault, kind, node, link } => self.began(fault, kind, node, link),
            What::FaultEnded { fault } => self.ended(fault),
            What::LinkLost { fault, link, event, leg, .. } => self.lost_on_the_way(fault, link, event, leg),
            What::Duplicated { fault, link, event, leg, .. } => self.brought_twice(fault, link, event, leg),
            What::HeldUp { fault, link, event, leg, by, .. } => self.held_up(fault, link, event, leg, by.as_nanos()),
            What::LostInCrash { fault, node, sub, event, attempt, stage, service, lost, .. } => {
                self.lost_in_crash(fault, node, (sub, event, attempt), stage, service.as_nanos(), lost)
            }
            What::TurnedAway { fault, node, event } => self.turned_away(fault, node, event),
            What::Slowed { fault, node, event, by } => self.slowed(fault, node, event, by.as_nanos()),
            What::Skewed { fault, node, event, time } => self.skewed(fault, node, event, time),
            What::Edited { revision } => self.edited(revision),
            What::Draining => self.drains(),
            What::Unconfirmed { .. } => Err("there is no broker outside".to_owned()),
            // What follows from nothing the model knows, or changes nothing.
            What::Forgotten { .. } | What::Deadlocked { .. } | What::Broken { .. } | What::SourceEnded { .. } => Ok(()),
            other => Err(format!("none of these flows' rules does so: {other:?}")),
        }
    }

    /// The run went on until this instant, and showed nothing more.
    pub(crate) fn end(&mut self, until: SimTime) -> Verdict {
        self.depart()?;
        self.pass_to(until)?;
        self.end_of_instant()
    }

    /// Time passes: everything that was due before has happened.
    pub(super) fn pass_to(&mut self, at: SimTime) -> Verdict {
        ensure!(at >= self.now, "time went back");
        if at == self.now {
            return Ok(());
        }
        self.end_of_instant()?;
        let awaited = self.due.iter().filter(|(_, due)| !self.is_put_off(due)).map(|(at, _)| *at);
        let answers = self.answers.iter().filter(|answer| !self.is_kept(answer)).map(|answer| answer.at);
        let next = awaited.chain(answers).chain(self.next_expiry()).chain(self.next_eviction()).min();
        ensure!(next.is_none_or(|next| next >= at), "nothing happened at {next:?}, but something was due");
        self.cleaners_come(at)?;
        self.forget_old();
        self.now = at;
        self.bred.clear();
        Ok(())
    }

    /// Nothing that was due at this instant, or at any before, is left undone.
    pub(super) fn end_of_instant(&mut self) -> Verdict {
        let now = self.now;
        self.free_hands();
        if let Some((at, due)) = self.due.iter().find(|(at, due)| *at <= now && !self.is_put_off(due)) {
            return Err(format!("{due:?} was due at {at}, and did not happen"));
        }
        if let Some(answer) = self.answers.iter().find(|answer| answer.at <= now && !self.is_kept(answer)) {
            return Err(format!("S5: {answer:?} was due, and did nothing"));
        }
        for debt in self.open.values().flatten() {
            let one = &self.debts[*debt];
            let Some((partition, offset)) = one.place else { continue };
            let is_late = one.phase == Some(Phase::InFlight) && one.deadline <= now;
            ensure!(!is_late, "S5: the ack of {:?} at {:?} is overdue since {}", one.event, one.sub, one.deadline);
            let waits = matches!(one.phase, Some(Phase::Queued | Phase::Delayed));
            let evicted = self.is_evicted(partition, offset);
            ensure!(!(evicted && waits), "S13: {:?} at {:?} should have been evicted", one.event, one.sub);
        }
        for (ix, sub) in &self.rules.subs {
            for partition in &sub.partitions {
                let waits = self.has_ready(*ix, *partition);
                ensure!(
                    !(waits && self.must_hand_over(*ix, *partition)),
                    "S20: {ix:?} has room, but records wait in {partition:?}"
                );
            }
        }
        for ix in self.rules.workers.keys() {
            let waits = self.nodes.get(ix).is_some_and(|node| !node.door.is_empty());
            // What would be handed back is so when the node next looks at its door.
            let waits_rightly = matches!(self.room(*ix), Room::Later | Room::Back);
            ensure!(!waits || waits_rightly, "S24: {ix:?} lets events wait at its door: {:?}", self.room(*ix));
        }
        self.nothing_worthless_waits()?;
        self.nothing_consumed_stays()?;
        self.nothing_is_lost_in_silence()?;
        self.nobody_waits_for_nothing()?;
        self.instances_are_as_they_should()?;
        self.groups_are_shared()
    }

    // ---- what the model remembers -----------------------------------------------------------------------------------

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub(super) fn expect(&mut self, delay_nanos: u64, due: Due) {
        self.due.push((self.after(delay_nanos), due));
    }

    pub(super) fn after(&self, nanos: u64) -> SimTime {
        SimTime::from_nanos(self.now.as_nanos().saturating_add(nanos))
    }

    /// Something happened that has to happen now.
    pub(super) fn meet(&mut self, what: &Due) -> Verdict {
        let place = self.due.iter().position(|(at, due)| *at == self.now && due == what);
        let Some(place) = place else { return Err(format!("{what:?} is not due now")) };
        self.due.remove(place);
        Ok(())
    }

    /// Something happened that fits what has to happen now: the first that does.
    pub(super) fn meet_first<T>(&mut self, fits: impl Fn(&Due) -> Option<T>) -> Option<T> {
        let now = self.now;
        let mut due = self.due.iter().enumerate().filter(|(_, (at, _))| *at == now);
        let (place, found) = due.find_map(|(place, (_, due))| fits(due).map(|found| (place, found)))?;
        self.due.remove(place);
        Some(found)
    }

    pub(super) fn is_due(&self, what: &Due) -> bool {
        self.due.iter().any(|(at, due)| *at == self.now && due == what)
    }

    pub(super) fn event(&self, event: EventId) -> Result<&Event, String> {
        self.events.get(&event).ok_or_else(|| format!("{event:?} never came into being"))
    }

    pub(super) fn kind_name(&self, event: EventId) -> Result<String, String> {
        Ok(self.rules.event_names[&self.event(event)?.kind].clone())
    }

    pub(super) fn node(&mut self, node: NodeIx) -> &mut Node {
        self.nodes.entry(node).or_default()
    }

    /// What is owed of an event to a subscription, the oldest first.
    pub(super) fn owed(&self, sub: SubIx, event: EventId) -> &[Debt] {
        self.by_name.get(&(sub, event)).map_or(&[], Vec::as_slice)
    }

    /// The first of what is owed that fits.
    pub(super) fn find(
        &self,
        sub: SubIx,
        event: EventId,
        fits: impl Fn(Debt, &Obligation) -> bool,
    ) -> Result<Debt, String> {
        let owed = self.owed(sub, event);
        let found = owed.iter().copied().find(|debt| fits(*debt, &self.debts[*debt]));
        found.ok_or_else(|| {
            let all: Vec<_> = owed.iter().map(|debt| &self.debts[*debt]).collect();
            format!("C4: nothing of {event:?} at {sub:?} can do so: {all:?}")
        })
    }

    pub(super) fn count(&self, sub: SubIx, phases: &[Phase]) -> u64 {
        let open = self.open.get(&sub).into_iter().flatten();
        open.filter(|debt| self.debts[**debt].phase.is_some_and(|phase| phases.contains(&phase))).count() as u64
    }

    pub(super) fn settle(&mut self, debt: Debt, from: Phase) -> Verdict {
        let one = &mut self.debts[debt];
        ensure!(one.phase == Some(from), "C4: it was {from:?} by the record, but {:?}", one.phase);
        one.phase = None;
        let sub = one.sub;
        self.open.entry(sub).or_default().remove(&debt);
        self.leave_queue(debt);
        Ok(())
    }

    pub(super) fn leave_queue(&mut self, debt: Debt) {
        let Obligation { sub, place, .. } = self.debts[debt];
        if let Some((partition, _)) = place {
            let queue = self.queues.entry((sub, partition)).or_default();
            queue.again.retain(|one| *one != debt);
            queue.fresh.retain(|one| *one != debt);
        }
        // What was to be queued again is settled before.
        self.due.retain(|(_, due)| *due != Due::Queue(debt));
    }

    /// What is still owed at the end, in words.
    pub(crate) fn still_open(&self) -> Vec<String> {
        let open = self.open.values().flatten().map(|debt| &self.debts[*debt]);
        open.map(|one| format!("{:?} at {:?}: {:?}", one.event, one.sub, one.phase)).collect()
    }
}

/// Takes the first that fits out of a list.
pub(super) fn take_first<T>(list: &mut Vec<T>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let place = list.iter().position(fits)?;
    Some(list.remove(place))
}

/// What a handling has to say of itself.
pub(super) const fn handling(visit: Visit, since: SimTime) -> Handling {
    Handling { visit, since, stood: 0, takes: None, slow: Vec::new() }
}
