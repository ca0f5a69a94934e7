//! The bus as it is described, written for clarity: lists that are searched, nothing that is fast, no code of the machine.
//!
//! The model is shown the records of a run. Some tell of a free choice: what a producer emits and when, how long a handling
//! takes and whether it fails, which of several members with room is given a record, how long a jittered backoff is. Of these the
//! model asks only whether they could be chosen. Everything else follows from the flow and from those choices, so the model
//! says it itself: what must happen at which instant is noted as due, a record that is not due is wrong, and so is an
//! instant that ends with something undone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use eventloom::model::{EventId, EventTypeIx, Guarantee, LinkIx, NodeIx, SimTime, SubIx, TopicIx, WhenFull};
use eventloom::trace::{Phase, Reason, Record, What};

use super::ensure;
use super::rules::Rules;

/// What has to happen at an instant that the model knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Leave(LinkIx, EventId),
    /// A publish or call comes to its end.
    Arrive(LinkIx, EventId),
    Open(SubIx, EventId),
    Deliver(SubIx, EventId),
    AutoAck(SubIx, EventId),
    Receive(SubIx, EventId, u32),
    Begin(SubIx, EventId, u32),
    /// The callee has done with it.
    Close(SubIx, EventId, Option<Reason>),
    Queue(SubIx, EventId),
    End(SubIx, EventId, Reason),
    /// Whoever waited before this queue is through.
    Unblock(NodeIx, SubIx, EventId),
    DeadLeave(EventId),
    Bury(NodeIx, EventId),
}

/// An ack or nack on its way back to the bus.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) at: SimTime,
    pub(super) sub: SubIx,
    pub(super) event: EventId,
    pub(super) link: LinkIx,
    pub(super) attempt: u32,
    pub(super) nack: Option<Reason>,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: EventTypeIx,
    pub(super) key: Option<String>,
    pub(super) born: SimTime,
    pub(super) hops: u32,
}

/// Where a record stands in a log.
pub(super) type Partition = (TopicIx, u32);

/// One accepted event and one subscription, or one call.
#[derive(Clone, Debug)]
pub(super) struct Obligation {
    pub(super) place: Option<(Partition, u64)>,
    /// By which link a call came.
    pub(super) by: Option<LinkIx>,
    /// None when it has ended.
    pub(super) phase: Option<Phase>,
    pub(super) attempts: u32,
    /// The link of the member that had it last.
    pub(super) held_by: Option<LinkIx>,
    pub(super) deadline: SimTime,
    pub(super) ready: SimTime,
    pub(super) due: SimTime,
}

/// Something before a node's door, or in its hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Visit {
    pub(super) sub: SubIx,
    pub(super) event: EventId,
    pub(super) attempt: u32,
    pub(super) link: Option<LinkIx>,
}

#[derive(Clone, Debug)]
pub(super) struct Handling {
    pub(super) visit: Visit,
    pub(super) since: SimTime,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) door: VecDeque<Visit>,
    /// Let in, and not begun yet: a call that was delivered, an event that waits for an instance.
    pub(super) admitted: Vec<Visit>,
    pub(super) running: Vec<Handling>,
    /// Its own publishes and calls that wait before full queues.
    pub(super) blocked: usize,
}

/// The queue of a subscription in one partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pub(super) again: VecDeque<EventId>,
    pub(super) fresh: VecDeque<EventId>,
}

#[derive(Clone, Debug)]
pub(super) struct Waiter {
    pub(super) node: NodeIx,
    pub(super) event: EventId,
    pub(super) link: LinkIx,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naive {
    pub(super) rules: Rules,
    pub(super) now: SimTime,
    pub(super) due: Vec<(SimTime, Due)>,
    pub(super) answers: Vec<Answer>,
    pub(super) events: BTreeMap<EventId, Event>,
    pub(super) logs: BTreeMap<Partition, Vec<SimTime>>,
    pub(super) obligations: BTreeMap<(SubIx, EventId), Obligation>,
    pub(super) queues: BTreeMap<(SubIx, Partition), Queue>,
    pub(super) held: BTreeMap<LinkIx, usize>,
    pub(super) owners: BTreeMap<(SubIx, Partition), NodeIx>,
    pub(super) nodes: BTreeMap<NodeIx, Node>,
    pub(super) doors: BTreeMap<SubIx, VecDeque<Waiter>>,
    /// Delivered; the record that says by which link comes next.
    pub(super) handing: Option<(SubIx, EventId, NodeIx, u32)>,
    /// The queue that what is blocked next has waited before, and now has a place in.
    pub(super) moved: Option<SubIx>,
    /// What was emitted by a handling that has not told of its end yet: the node, the cause and the type.
    pub(super) bred: Vec<(NodeIx, EventId, EventTypeIx)>,
    /// What each node has handled, for what it emits later.
    pub(super) handled: BTreeSet<(NodeIx, EventId)>,
    /// How often each transition was seen: what the model has really judged.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

pub(super) type Verdict = Result<(), String>;

/// What an expression of the random flows says of an event: they are few, so the model knows them by heart.
pub(super) fn passes(filter: &str, event: EventId) -> Result<bool, ()> {
    match filter {
        "event.number % 2 == 0" => Ok(event.number().is_multiple_of(2)),
        "100 / (event.number % 3) > 1" if event.number().is_multiple_of(3) => Err(()),
        "100 / (event.number % 3) > 1" | "event.data != 1" => Ok(true),
        other => panic!("the model does not know the filter {other}"),
    }
}

impl Naive {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Takes one record; what is wrong with it, if something is.
    pub(crate) fn take(&mut self, record: &Record<'_>) -> Verdict {
        ensure!(record.at >= self.now, "time went back");
        if record.at > self.now {
            self.end_of_instant()?;
            let next = self.due.iter().map(|(at, _)| *at).chain(self.answers.iter().map(|answer| answer.at)).min();
            ensure!(next.is_none_or(|next| next >= record.at), "nothing happened at {next:?}, but something was due");
            self.now = record.at;
            self.bred.clear();
        }
        match record.what {
            What::Emitted { event, kind, cause, born, hops, key, .. } => {
                self.emitted(event, kind, cause, born, hops, key)
            }
            What::Sent { link, event, leg, attempt, arrives, .. } => self.sent(link, event, leg, attempt, arrives),
            What::Accepted { link, event, topic, partition, offset, .. } => {
                self.accepted(link, event, (topic, partition), offset)
            }
            What::Rejected { link, event, reason, .. } => self.rejected(link, event, reason),
            What::Opened { sub, event, topic, partition, offset, link, .. } => match topic {
                Some(topic) => self.opened(sub, event, ((topic, partition), offset)),
                None => self.called(sub, event, link),
            },
            What::Delivered { sub, event, node, attempt } => self.delivered(sub, event, node, attempt),
            What::Received { node, sub, event, attempt, link, .. } => {
                self.received(node, Visit { sub, event, attempt, link })
            }
            What::Started { node, sub, event, attempt, wait, .. } => {
                self.started(node, sub, event, attempt, wait.as_nanos())
            }
            What::Handled { node, sub, event, attempt, service, end_to_end, .. } => {
                let born = self.event(event)?.born;
                ensure!(end_to_end == self.now.since(born), "S38: end to end is {end_to_end}");
                self.finished(node, sub, event, attempt, service.as_nanos(), None)
            }
            What::Failed { node, sub, event, attempt, reason, service, lost, .. } => {
                let at_most_once =
                    self.rules.subs.get(&sub).is_some_and(|sub| sub.settings.guarantee == Guarantee::AtMostOnce);
                ensure!(lost == at_most_once, "S1: lost is {lost}");
                self.saw(if lost { "lost in its handler" } else { "failed" });
                self.finished(node, sub, event, attempt, service.as_nanos(), Some(reason))
            }
            What::Throttled { node, sub, event, attempt } => self.throttled(node, sub, event, attempt),
            What::Acked { sub, event, node, auto, from } => self.acked(sub, event, node, auto, from),
            What::Stale { sub, event, node, why } => self.stale(sub, event, node, why),
            What::Retrying { sub, event, attempt, reason, due } => self.retrying(sub, event, attempt, reason, due),
            What::Queued { sub, event, taken_back } => {
                ensure!(!taken_back, "nobody left");
                self.queued(sub, event)
            }
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
            What::Blocked { node, sub, event } => self.blocked(node, sub, event),
            What::Unblocked { node, sub, event } => self.unblocked(node, sub, event),
            What::Assigned { sub, topic, partition, owner, .. } => {
                match owner {
                    Some(owner) => self.owners.insert((sub, (topic, partition)), owner),
                    None => self.owners.remove(&(sub, (topic, partition))),
                };
                Ok(())
            }
            What::Purged { .. } | What::Edited { .. } | What::Unconfirmed { .. } => {
                Err("nobody edited the flow".to_owned())
            }
            // Instances are counted by the fold of the ledger; the rest follows from nothing the model knows.
            _ => Ok(()),
        }
    }

    /// The run went on until this instant, and showed nothing more.
    pub(crate) fn end(&mut self, until: SimTime) -> Verdict {
        self.now = until;
        self.end_of_instant()
    }

    /// Nothing that was due at this instant, or at any before, is left undone.
    pub(super) fn end_of_instant(&self) -> Verdict {
        let now = self.now;
        if let Some((at, due)) = self.due.iter().find(|(at, _)| *at <= now) {
            return Err(format!("{due:?} was due at {at}, and did not happen"));
        }
        if let Some(answer) = self.answers.iter().find(|answer| answer.at <= now) {
            return Err(format!("S5: {answer:?} was due, and did nothing"));
        }
        for ((sub, event), one) in &self.obligations {
            let is_late = one.phase == Some(Phase::InFlight) && one.place.is_some() && one.deadline <= now;
            ensure!(!is_late, "S5: the ack of {event:?} at {sub:?} is overdue since {}", one.deadline);
            let evicted = one.place.is_some_and(|(partition, offset)| self.is_evicted(partition, offset));
            let waits = matches!(one.phase, Some(Phase::Queued | Phase::Delayed));
            ensure!(!(evicted && waits), "S13: {event:?} at {sub:?} should have been evicted");
        }
        for (ix, sub) in &self.rules.subs {
            for topic in &sub.topics {
                for number in 0..self.rules.topics[topic].partitions {
                    let partition = (*topic, number);
                    let Some(queue) = self.queues.get(&(*ix, partition)) else { continue };
                    let waits = !queue.again.is_empty() || !queue.fresh.is_empty();
                    ensure!(
                        !(waits && self.has_room(*ix, partition)),
                        "S20: {ix:?} has room, but records wait in {partition:?}"
                    );
                }
            }
        }
        for (ix, worker) in &self.rules.workers {
            let Some(node) = self.nodes.get(ix) else { continue };
            let is_free = node.running.len() + node.admitted.len() + node.blocked < worker.concurrency;
            ensure!(
                !(worker.is_plain() && is_free && !node.door.is_empty()),
                "S24: {ix:?} has a free hand, but events wait at its door"
            );
        }
        Ok(())
    }

    // ---- what the model remembers -----------------------------------------------------------------------------------

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub(super) fn expect(&mut self, delay_nanos: u64, due: Due) {
        self.due.push((self.after(delay_nanos), due));
    }

    pub(super) fn after(&self, nanos: u64) -> SimTime {
        SimTime::from_nanos(self.now.as_nanos() + nanos)
    }

    /// Something happened that has to happen now.
    pub(super) fn meet(&mut self, what: &Due) -> Verdict {
        let place = self.due.iter().position(|(at, due)| *at == self.now && due == what);
        let Some(place) = place else { return Err(format!("{what:?} is not due now")) };
        self.due.remove(place);
        Ok(())
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

    pub(super) fn obligation(&mut self, sub: SubIx, event: EventId) -> Result<&mut Obligation, String> {
        self.obligations.get_mut(&(sub, event)).ok_or_else(|| format!("{event:?} is not owed to {sub:?}"))
    }

    pub(super) fn node(&mut self, node: NodeIx) -> &mut Node {
        self.nodes.entry(node).or_default()
    }

    pub(super) fn count(&self, sub: SubIx, phases: &[Phase]) -> u64 {
        let own = self.obligations.range((sub, EventId::from_bits(0))..=(sub, EventId::from_bits(u64::MAX)));
        own.filter(|(_, one)| one.phase.is_some_and(|phase| phases.contains(&phase))).count() as u64
    }

    /// S6, S10: whether some member may be given one more record of this partition.
    pub(super) fn has_room(&self, ix: SubIx, partition: Partition) -> bool {
        let sub = &self.rules.subs[&ix];
        if self.count(ix, &[Phase::InFlight]) >= u64::from(sub.settings.max_in_flight) {
            return false;
        }
        let owner = self.owners.get(&(ix, partition));
        let mut members = sub.members.iter().filter(|member| !sub.owns_partitions() || owner == Some(&member.node));
        members.any(|member| self.held.get(&member.link).copied().unwrap_or_default() < member.prefetch)
    }

    /// S16: whether one more waiting record would be too many.
    pub(super) fn is_full(&self, sub: SubIx, records: u64, ignores_door: bool) -> bool {
        let waits_at_door = self.doors.get(&sub).is_some_and(|door| !door.is_empty());
        self.count(sub, &[Phase::Queued, Phase::Delayed]) >= records || waits_at_door && !ignores_door
    }

    /// The first subscription with this policy that has no room for a publish.
    pub(super) fn refusing(
        &self,
        event: EventId,
        partition: Partition,
        from_door: Option<SubIx>,
        policy: WhenFull,
    ) -> Option<SubIx> {
        self.takers(partition.0, event).into_iter().filter(|(_, match_)| *match_ == Ok(true)).map(|(ix, _)| ix).find(
            |ix| {
                let sub = &self.rules.subs[ix];
                let door_is_empty = self.doors.get(ix).is_none_or(VecDeque::is_empty);
                let is_free = self.count(*ix, &[Phase::Queued]) == 0 && door_is_empty && self.has_room(*ix, partition);
                sub.settings.queue.when_full == policy
                    && self.is_full(*ix, sub.settings.queue.records, from_door == Some(*ix))
                    && !is_free
            },
        )
    }

    /// Who subscribed to a topic, and what its filter says.
    pub(super) fn takers(&self, topic: TopicIx, event: EventId) -> Vec<(SubIx, Result<bool, ()>)> {
        let own = self.rules.subs.iter().filter(|(_, sub)| sub.topics.contains(&topic));
        own.map(|(ix, sub)| (*ix, sub.settings.filter.as_ref().map_or(Ok(true), |filter| passes(&filter.0, event))))
            .collect()
    }

    /// S13: whether the log has let go of a record.
    pub(super) fn is_evicted(&self, partition: Partition, offset: u64) -> bool {
        let topic = self.rules.topics[&partition.0];
        let log = &self.logs[&partition];
        let is_beyond = topic.keep_records.is_some_and(|keep| offset + keep < log.len() as u64);
        let is_old = topic.keep.is_some_and(|keep| log[offset as usize].as_nanos() + keep <= self.now.as_nanos());
        is_beyond || is_old
    }

    pub(super) fn settle(&mut self, sub: SubIx, event: EventId, from: Phase) -> Verdict {
        let one = self.obligation(sub, event)?;
        ensure!(one.phase == Some(from), "C4: it was {from:?} by the record, but {:?}", one.phase);
        one.phase = None;
        self.leave_queue(sub, event);
        Ok(())
    }

    pub(super) fn leave_queue(&mut self, sub: SubIx, event: EventId) {
        let place = self.obligations[&(sub, event)].place;
        if let Some((partition, _)) = place {
            let queue = self.queues.entry((sub, partition)).or_default();
            queue.again.retain(|one| *one != event);
            queue.fresh.retain(|one| *one != event);
        }
        // What was to be queued again is settled before.
        self.due.retain(|(_, due)| *due != Due::Queue(sub, event));
    }
}
