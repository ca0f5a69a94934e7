//! The way to a queue: what is emitted leaves, arrives, S9 finds its partition, S16 is let in or has to wait, S20 is owed.

use std::collections::VecDeque;

use eventloom::model::{EventId, EventTypeIx, FaultTag, LinkIx, NodeIx, SimTime, SubIx, TopicIx, WhenFull};
use eventloom::trace::{KeyRef, Phase, Reason};

use super::dedup::Admission;
use super::ensure;
use super::naive::{Debt, Due, Event, Naive, Obligation, Partition, Verdict, Visit, Waiter};
use super::retention::Log;
use super::rules::partition_of;

/// Records without a key that go to one partition before the next one's turn.
const STICKY_BATCH: u32 = 16;

/// What is believed where records do not say whether a member has room.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    HasRoom,
    HasNone,
}

/// What an expression of the random flows says of an event: they are few, so the model knows them by heart.
fn passes(filter: &str, event: EventId) -> Result<bool, ()> {
    match filter {
        "event.number % 2 == 0" => Ok(event.number().is_multiple_of(2)),
        "100 / (event.number % 3) > 1" if event.number().is_multiple_of(3) => Err(()),
        "100 / (event.number % 3) > 1" | "event.data != 1" => Ok(true),
        other => panic!("the model does not know the filter {other}"),
    }
}

impl Naive {
    pub(super) fn emitted(
        &mut self,
        event: EventId,
        kind: EventTypeIx,
        cause: Option<EventId>,
        born: SimTime,
        hops: u32,
        key: KeyRef<'_>,
    ) -> Verdict {
        let node = event.origin();
        let name = self.rules.event_names[&kind].clone();
        ensure!(self.rules.nodes.contains_key(&node), "emitted by a node that is not drawn");
        let mut leaves = true;
        if let Some(cause) = cause {
            let (first, before) = (self.event(cause)?.born, self.event(cause)?.hops);
            ensure!(born == first && hops == before + 1, "S38: the cause is {before} hops away, born at {first}");
            ensure!(!self.is_halted(node) && !self.is_down(node), "S36: emitted by a node that stands still");
            let on = self.event(cause)?.kind;
            let emits = self.rules.handler(node, on).map_or(&[][..], |handler| &handler.emits);
            ensure!(emits.iter().any(|emit| emit.event.as_str() == name), "a handler that does not emit {name}");
            let may_be_late = emits.iter().any(|emit| emit.event.as_str() == name && emit.after.is_some());
            if self.node(node).running.iter().any(|handling| handling.visit.event == cause) {
                self.bred.push((node, cause, kind));
            } else {
                let late = may_be_late && self.handled.contains(&(node, cause));
                ensure!(late, "S38: emitted, but the cause is not being handled");
                self.saw("emitted later");
            }
        } else {
            ensure!(hops == 0 && born == self.now, "S38: a root event of {hops} hops, born at {born}");
            let by_hand = self.meet(&Due::Fire(node)).is_ok();
            if let Some(produced) = self.rules.produced.get(&node) {
                ensure!(*produced == name, "a producer of {produced} emits {name}");
                let blocked = self.nodes.get(&node).map_or(0, |node| node.blocked);
                ensure!(by_hand || blocked == 0, "S16: a producer that is blocked emits");
                ensure!(by_hand || !self.is_draining, "S40: a source that was stopped emits");
                ensure!(!self.is_halted(node) && !self.is_down(node), "S36: emitted by a node that stands still");
            } else {
                ensure!(by_hand, "emitted without a cause, but nobody pressed a button");
                let inbox = self.rules.workers.get(&node).and_then(|worker| worker.inbox);
                let inbox = inbox.ok_or("emitted by a node that cannot")?;
                self.expect(0, Due::Open(inbox, event, None, false));
                leaves = false;
            }
        }
        let key = (key != KeyRef::None).then(|| key.to_string());
        // Its type's example, or else its cause's data.
        let is_null = match (self.rules.events[&kind].is_null, cause) {
            (Some(is_null), _) => is_null,
            (None, Some(cause)) => self.event(cause)?.is_null,
            (None, None) => false,
        };
        self.events.insert(event, Event { kind, key, born, hops, is_null, clock: None });
        if leaves {
            for fault in self.faults_of(node, FaultTag::ClockSkew) {
                self.expect(0, Due::Skew(fault, event));
            }
            for link in self.rules.ways_out(node, &name).collect::<Vec<_>>() {
                self.expect(0, Due::Leave(link, event));
            }
        }
        Ok(())
    }

    /// A publish or call is let in: it was under way until now, or first in line before this queue.
    pub(super) fn let_in(&mut self, link: LinkIx, event: EventId) -> Result<(Option<TopicIx>, Option<SubIx>), String> {
        let arrives = |due: &Due| match due {
            Due::Arrive(by, one, topic) if (*by, *one) == (link, event) => Some(*topic),
            _ => None,
        };
        let is_first = |due: &Due| {
            let topic = arrives(due)?;
            (!self.is_put_off(&Due::Arrive(link, event, topic))).then_some(topic)
        };
        let now = self.now;
        let here = self.due.iter().filter(|(at, _)| *at == now).find_map(|(_, due)| is_first(due));
        if let Some(topic) = here {
            self.meet(&Due::Arrive(link, event, topic))?;
            return Ok((topic, None));
        }
        let is_it = |one: &&Waiter| one.link == link && one.event == event;
        let first = self.doors.iter().find_map(|(sub, door)| Some((*sub, door.front().filter(is_it)?.clone())));
        let Some((sub, waiter)) = first else {
            return Err("C3: let in, but neither just arrived nor first in line".to_owned());
        };
        self.expect(0, Due::Unblock(waiter.node, sub, event));
        Ok((waiter.topic, Some(sub)))
    }

    /// S9: where a record goes: by its key, or with those that came just before; unset for the first without a key.
    fn partition_for(&self, event: EventId, topic: TopicIx) -> Result<Option<u32>, String> {
        let count = self.rules.topics[&topic].partitions;
        Ok(match &self.event(event)?.key {
            _ if count == 1 => Some(0),
            Some(key) => Some(partition_of(key, count)),
            None => match self.sticky.get(&topic) {
                Some((number, batch)) if *batch < STICKY_BATCH => Some(*number),
                Some((number, _)) => Some((number + 1) % count),
                // The first batch goes anywhere; so it is not known how many of it have gone elsewhere by an edit before.
                None => None,
            },
        })
    }

    fn stick(&mut self, event: EventId, (topic, number): Partition) -> Verdict {
        if self.rules.topics[&topic].partitions == 1 || self.event(event)?.key.is_some() {
            return Ok(());
        }
        let batch = match self.sticky.get(&topic) {
            Some((same, batch)) if *same == number => batch % STICKY_BATCH + 1,
            _ => 1,
        };
        self.sticky.insert(topic, (number, batch));
        Ok(())
    }

    pub(super) fn accepted(&mut self, link: LinkIx, event: EventId, partition: Partition, offset: u64) -> Verdict {
        let is_alone = self.replaces_what_goes(event, partition) && self.decide(2)? == 1;
        let (topic, from_door) = self.let_in(link, event)?;
        ensure!(topic == Some(partition.0), "published to {topic:?}, but accepted by {:?}", partition.0);
        let bus = self.rules.topics[&partition.0].bus;
        ensure!(self.rules.nodes.contains_key(&bus) && !self.is_down(bus), "accepted by a bus that is gone");
        let count = self.rules.topics[&partition.0].partitions;
        let own = self.partition_for(event, partition.0)?;
        ensure!(own.is_none_or(|own| own == partition.1) && partition.1 < count, "S9: it belongs to partition {own:?}");
        self.stick(event, partition)?;
        let full = self.refusing(event, partition, from_door, Doubt::HasRoom);
        ensure!(full.is_none(), "S16: accepted, but there is no room: {full:?}");
        let admission = self.admits(event, partition.0)?;
        ensure!(admission == Admission::In, "S4: accepted, but it is {admission:?}");
        let end = self.logs.get(&partition).map_or(0, Log::end);
        ensure!(offset == end, "offset {offset} after {end} records");
        self.store(event, partition);
        self.note_key(partition, offset, is_alone);
        self.remember_message(event, (partition, offset));
        for (sub, verdict) in self.takers(partition.0, event) {
            if verdict != Ok(false) {
                self.expect(0, Due::Open(sub, event, Some((partition, offset)), false));
            }
        }
        self.saw("accepted");
        Ok(())
    }

    pub(super) fn rejected(&mut self, link: LinkIx, node: NodeIx, event: EventId, reason: Reason) -> Verdict {
        let call = self.rules.call(link).map(|(call, _)| call.queue.when_full);
        let is_full = self.call_is_full(link, false);
        let turned_away = self.turned_away.take();
        let (topic, from_door) = self.let_in(link, event)?;
        let admission = match topic {
            Some(topic) if !matches!(reason, Reason::NoDestination | Reason::Down) => self.admits(event, topic)?,
            _ => Admission::In,
        };
        let right = match reason {
            Reason::NoKey => Admission::NoKey,
            Reason::Decode => Admission::Broken,
            _ => Admission::In,
        };
        ensure!(admission == right, "S4: refused for {reason:?}, but it is {admission:?}");
        match (reason, topic) {
            (Reason::NoKey, Some(_)) => self.saw("no key"),
            (Reason::Decode, Some(_)) => self.saw("no message id"),
            (Reason::NoDestination, _) => {
                ensure!(
                    !self.rules.nodes.contains_key(&node) || !self.is_topic_drawn(topic),
                    "refused, but it is there"
                );
                self.saw("no destination");
            }
            (Reason::Down, Some(topic)) => {
                let bus = self.rules.topics[&topic].bus;
                ensure!(turned_away == Some((bus, event)), "S36: refused by {bus:?}, which is there");
            }
            (Reason::MaxLength, Some(topic)) => {
                let count = self.rules.topics[&topic].partitions;
                let own = self.partition_for(event, topic)?;
                let mut partitions = (0..count).filter(|number| own.is_none_or(|own| own == *number));
                let refuses = |number| {
                    let refusing = self.refusing(event, (topic, number), from_door, Doubt::HasNone);
                    refusing.is_some_and(|(_, policy)| policy == WhenFull::Reject)
                };
                ensure!(partitions.any(refuses), "S16: refused, but there is room");
            }
            (Reason::MaxLength, None) => {
                ensure!(call == Some(WhenFull::Reject) && is_full, "S16: refused, but there is room");
            }
            (other, _) => return Err(format!("refused for {other:?}")),
        }
        self.saw("refused");
        Ok(())
    }

    fn is_topic_drawn(&self, topic: Option<TopicIx>) -> bool {
        topic.is_none_or(|topic| self.rules.topic_names.values().any(|drawn| *drawn == topic))
    }

    pub(super) fn owe(
        &mut self,
        sub: SubIx,
        event: EventId,
        place: Option<(Partition, u64)>,
        by: Option<LinkIx>,
    ) -> Debt {
        let debt = self.debts.len();
        let since =
            place.map_or(self.now, |(partition, offset)| self.in_sight(sub, event, self.logs[&partition].at(offset)));
        self.debts.push(Obligation {
            sub,
            event,
            place,
            by,
            phase: Some(Phase::Queued),
            attempts: 0,
            delivery: 0,
            held_by: None,
            deadline: SimTime::MAX,
            ready: since,
            since,
            first: None,
            is_replay: false,
            unsent: 0,
        });
        self.by_name.entry((sub, event)).or_default().push(debt);
        self.open.entry(sub).or_default().insert(debt);
        debt
    }

    pub(super) fn opened(&mut self, sub: SubIx, event: EventId, place: (Partition, u64)) -> Verdict {
        let partition = place.0;
        let late = self.is_due(&Due::Open(sub, event, Some(place), true));
        let waits = self.count(sub, &[Phase::Queued]) > 0;
        let rules = self.rules.subs.get(&sub).ok_or("S20: owed to what is not drawn")?;
        let settings = &rules.settings;
        let (records, policy) = (settings.queue.records, settings.queue.when_full);
        let broken = settings.filter.as_ref().is_some_and(|filter| passes(&filter.0, event).is_err());
        let is_final = broken || self.event(event)?.hops > self.rules.hop_limit;
        let free = !late
            && !waits
            && !is_final
            && self.may_go_at_once(sub, partition, event)
            && match self.has_room(sub, partition) {
                Some(room) => room,
                None => self.decide(2)? == 1,
            };
        self.meet(&Due::Open(sub, event, Some(place), late))?;
        let full = self.is_full(sub, records, true);
        let debt = self.owe(sub, event, Some(place), None);
        if self.event(event)?.hops > self.rules.hop_limit {
            self.saw("too many hops");
            self.expect(0, Due::End(debt, Reason::HopLimit));
            return Ok(());
        }
        if broken {
            self.expect(0, Due::End(debt, Reason::Decode));
            return Ok(());
        }
        self.line_up_unseen(sub, partition);
        self.queues.entry((sub, partition)).or_default().fresh.push_back(debt);
        let mut goes = Vec::new();
        if late {
            // It has been in the log for some time: nothing is published that could be refused.
            self.saw("owed from earlier on");
        } else if free {
            self.expect(0, Due::Deliver(debt));
        } else if full && policy == WhenFull::DropNewest {
            goes.push(debt);
        } else if full && policy == WhenFull::DropOldest {
            goes = self.pushed_out(sub, debt, records);
        }
        if self.debts[debt].since > self.now && !goes.contains(&debt) {
            self.expect(0, Due::Postpone(debt));
        } else if self.is_held_back(debt) {
            self.saw("held back by its key");
        }
        for one in goes {
            self.expect(0, Due::End(one, Reason::MaxLength));
        }
        Ok(())
    }

    /// S16: those that wait longest make room for this one, as many as it takes; if none is left that waits, it goes itself.
    fn pushed_out(&self, sub: SubIx, newest: Debt, records: u64) -> Vec<Debt> {
        let mut waiting = self.count(sub, &[Phase::Queued, Phase::Delayed]) - 1;
        // In the order of the topics' names: of equally old ones the first partition's is pushed out.
        let in_turn = |partition: &Partition| -> VecDeque<Debt> {
            if self.rules.lined.contains(&sub) {
                return self.queued_in(sub, *partition).into();
            }
            let queue = self.queues.get(&(sub, *partition));
            queue.into_iter().flat_map(|queue| queue.again.iter().chain(&queue.fresh)).copied().collect()
        };
        let mut queues: Vec<VecDeque<Debt>> = self.rules.subs[&sub].partitions.iter().map(in_turn).collect();
        let accepted = |debt: Debt| {
            let (partition, offset) = self.debts[debt].place.expect("a record of a log");
            self.logs[&partition].at(offset)
        };
        let mut out = Vec::new();
        while waiting >= records {
            let heads = queues.iter_mut().filter(|queue| queue.front().is_some_and(|head| *head != newest));
            let Some(oldest) = heads.min_by_key(|queue| accepted(queue[0])) else {
                out.push(newest);
                break;
            };
            out.extend(oldest.pop_front());
            waiting -= 1;
        }
        out
    }

    // ---- room ---------------------------------------------------------------------------------------------------------

    /// S16: whether one more waiting record would be too many.
    fn is_full(&self, sub: SubIx, records: u64, ignores_door: bool) -> bool {
        let waits_at_door = self.doors.get(&sub).is_some_and(|door| !door.is_empty());
        self.count(sub, &[Phase::Queued, Phase::Delayed]) >= records || waits_at_door && !ignores_door
    }

    /// The first subscription that a publish has to wait for or is refused by. Where the records do not say whether a
    /// member has room, `doubt` says so.
    fn refusing(
        &self,
        event: EventId,
        partition: Partition,
        from_door: Option<SubIx>,
        doubt: Doubt,
    ) -> Option<(SubIx, WhenFull)> {
        let takers = self.takers(partition.0, event).into_iter().filter(|(_, verdict)| *verdict == Ok(true));
        let refuses = |(ix, _): (SubIx, _)| {
            let policy = self.rules.subs[&ix].settings.queue.when_full;
            self.stops(ix, partition, event, from_door == Some(ix), doubt).then_some((ix, policy))
        };
        takers.into_iter().find_map(refuses)
    }

    /// Whether a subscription lets nothing in, by its own rules.
    fn stops(&self, ix: SubIx, partition: Partition, event: EventId, ignores_door: bool, doubt: Doubt) -> bool {
        let sub = &self.rules.subs[&ix];
        let door_is_empty = self.doors.get(&ix).is_none_or(VecDeque::is_empty);
        let room = self.has_room(ix, partition).unwrap_or(doubt == Doubt::HasRoom);
        let is_free =
            self.count(ix, &[Phase::Queued]) == 0 && door_is_empty && room && self.may_go_at_once(ix, partition, event);
        let policy = sub.settings.queue.when_full;
        let stops = matches!(policy, WhenFull::Block | WhenFull::Reject);
        stops && self.is_full(ix, sub.settings.queue.records, ignores_door) && !is_free
    }

    /// Who subscribed to a topic, and what its filter says.
    pub(super) fn takers(&self, topic: TopicIx, event: EventId) -> Vec<(SubIx, Result<bool, ()>)> {
        let own = self.rules.subs.iter().filter(|(_, sub)| sub.topics.contains(&topic));
        own.map(|(ix, sub)| (*ix, sub.settings.filter.as_ref().map_or(Ok(true), |filter| passes(&filter.0, event))))
            .collect()
    }

    fn call_is_full(&self, link: LinkIx, ignores_door: bool) -> bool {
        let Some((call, _)) = self.rules.call(link) else { return false };
        let node = self.rules.link(link).to;
        let Some(worker) = self.rules.workers.get(&node) else { return false };
        let Some(inbox) = worker.inbox else { return false };
        let is_idle = self.nodes.get(&node).is_none_or(|node| {
            node.door.is_empty() && node.running.len() + node.starting.len() + node.blocked < worker.concurrency
        });
        let door_is_empty = self.doors.get(&inbox).is_none_or(VecDeque::is_empty);
        // What pushes others out, or goes itself, waits for nobody.
        let ignores_door = ignores_door || matches!(call.queue.when_full, WhenFull::DropOldest | WhenFull::DropNewest);
        self.is_full(inbox, call.queue.records, ignores_door) && !(is_idle && door_is_empty)
    }

    // ---- calls --------------------------------------------------------------------------------------------------------

    pub(super) fn called(&mut self, sub: SubIx, event: EventId, link: Option<LinkIx>) -> Verdict {
        let Some(link) = link else {
            if self.opened_unsent(sub, event) {
                return Ok(());
            }
            self.meet(&Due::Open(sub, event, None, false))?;
            let debt = self.owe(sub, event, None, None);
            self.enter(debt);
            return Ok(());
        };
        ensure!(self.rules.inboxes.get(&sub) == Some(&self.rules.link(link).to), "a call in another's inbox");
        // Nobody overtakes those who wait before the inbox.
        let full = self.call_is_full(link, !self.is_due(&Due::Arrive(link, event, None)));
        let policy = self.rules.call(link).map(|(call, _)| call.queue.when_full);
        let (_, from_door) = self.let_in(link, event)?;
        ensure!(from_door.is_none_or(|door| door == sub), "C3: let in by another door");
        let waits = self.count(sub, &[Phase::Queued]) > 0;
        ensure!(
            !(full && waits && policy == Some(WhenFull::DropOldest)),
            "S16: none was dropped, but the inbox is full"
        );
        let debt = self.owe(sub, event, None, Some(link));
        self.debts[debt].unsent = self.failed_before(Some(link), event);
        match policy {
            Some(WhenFull::Block | WhenFull::Reject) => ensure!(!full, "S16: taken in, but the inbox is full"),
            // Those that could make room have gone by now.
            Some(WhenFull::DropNewest | WhenFull::DropOldest) if full => {
                self.expect(0, Due::End(debt, Reason::MaxLength));
                return Ok(());
            }
            _ => {}
        }
        if self.event(event)?.hops > self.rules.hop_limit {
            self.expect(0, Due::End(debt, Reason::HopLimit));
            return Ok(());
        }
        self.enter(debt);
        Ok(())
    }

    /// A call is in its inbox and stands at its callee's door.
    pub(super) fn enter(&mut self, debt: Debt) {
        let one = &self.debts[debt];
        let node = self.rules.inboxes[&one.sub];
        let visit = Visit {
            debt,
            node,
            sub: one.sub,
            event: one.event,
            attempt: one.attempts + 1,
            link: one.by,
            delivery: 0,
            moves: 0,
            left: 0,
            is_settled: false,
            is_call: true,
            is_replay: false,
            ready: self.now,
        };
        self.node(node).door.push(visit);
    }

    // ---- doors --------------------------------------------------------------------------------------------------------

    pub(super) fn blocked(&mut self, node: NodeIx, sub: SubIx, event: EventId) -> Verdict {
        let moved = self.moved.take();
        let ends_there = |due: &Due| match due {
            Due::Arrive(link, one, topic) if *one == event && !self.is_put_off(due) => {
                let is_it = match (self.rules.inboxes.get(&sub), topic) {
                    (Some(callee), None) => self.rules.link(*link).to == *callee,
                    (None, Some(topic)) => self.rules.subs.get(&sub).is_some_and(|sub| sub.topics.contains(topic)),
                    _ => false,
                };
                is_it.then_some((*link, *topic))
            }
            _ => None,
        };
        let here = self.due.iter().filter(|(at, _)| *at == self.now).find_map(|(_, due)| ends_there(due));
        let Some((link, topic)) = here else { return Err("S16: blocked, but nothing of it arrives now".to_owned()) };
        let full = match topic {
            None => {
                let policy = self.rules.call(link).map(|(call, _)| call.queue.when_full);
                policy == Some(WhenFull::Block) && self.call_is_full(link, false)
            }
            Some(topic) => {
                let admission = self.admits(event, topic)?;
                ensure!(admission == Admission::In, "S4: blocked, but it is {admission:?}");
                let count = self.rules.topics[&topic].partitions;
                let own = self.partition_for(event, topic)?;
                let mut partitions = (0..count).filter(|number| own.is_none_or(|own| own == *number));
                let waits_for = Some((sub, WhenFull::Block));
                partitions.any(|number| self.refusing(event, (topic, number), moved, Doubt::HasNone) == waits_for)
            }
        };
        ensure!(full, "S16: blocked, but there is room");
        self.meet(&Due::Arrive(link, event, topic))?;
        self.doors.entry(sub).or_default().push_back(Waiter { node, event, link, topic });
        self.node(node).blocked += 1;
        self.saw("blocked");
        Ok(())
    }

    pub(super) fn unblocked(&mut self, node: NodeIx, sub: SubIx, event: EventId) -> Verdict {
        let door = self.doors.entry(sub).or_default();
        let fits = door.front().is_some_and(|first| first.node == node && first.event == event);
        ensure!(fits, "S16: unblocked, but not first in line");
        let Waiter { link, topic, .. } = door.pop_front().expect("there is a first");
        self.node(node).blocked -= 1;
        self.saw("unblocked");
        if !self.is_due(&Due::Unblock(node, sub, event)) {
            // There is room here, but not in another queue that it matches: it waits there from now on.
            self.expect(0, Due::Arrive(link, event, topic));
            self.moved = Some(sub);
            return Ok(());
        }
        self.meet(&Due::Unblock(node, sub, event))
    }

    /// S16: nobody waits before a queue that has room.
    pub(super) fn nobody_waits_for_nothing(&self) -> Verdict {
        for (sub, door) in &self.doors {
            let Some(first) = door.front() else { continue };
            let waits = match first.topic {
                None => self.call_is_full(first.link, true),
                Some(topic) => {
                    let bus = self.rules.topics[&topic].bus;
                    let is_still = self.is_halted(bus) || self.is_down(bus);
                    let is_drawn = self.rules.subs.contains_key(sub) && self.is_topic_drawn(Some(topic));
                    let stops = |own| is_drawn && self.stops(*sub, (topic, own), first.event, true, Doubt::HasNone);
                    is_still || self.partition_for(first.event, topic)?.is_none_or(stops)
                }
            };
            ensure!(waits, "S16: {first:?} waits before {sub:?}, which has room");
        }
        Ok(())
    }
}
