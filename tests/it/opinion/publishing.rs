//! The way to a queue: what is emitted leaves, arrives, is let in or has to wait, and is owed.

use std::collections::VecDeque;

use eventloom::model::{EventId, EventTypeIx, LinkIx, NodeIx, SimTime, SubIx, WhenFull};
use eventloom::trace::{KeyRef, Leg, Phase, Reason};

use super::ensure;
use super::naive::{Due, Event, Naive, Obligation, Partition, Verdict, Visit, Waiter, passes};
use super::rules::partition_of;

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
        if let Some(cause) = cause {
            let (first, before) = (self.event(cause)?.born, self.event(cause)?.hops);
            ensure!(born == first && hops == before + 1, "S38: the cause is {before} hops away, born at {first}");
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
            if let Some(produced) = self.rules.produced.get(&node) {
                ensure!(*produced == name, "a producer of {produced} emits {name}");
            } else {
                let inbox = self.rules.workers.get(&node).and_then(|worker| worker.inbox);
                let inbox = inbox.ok_or("emitted by a node that cannot")?;
                self.expect(0, Due::Open(inbox, event));
            }
        }
        let key = (key != KeyRef::None).then(|| key.to_string());
        self.events.insert(event, Event { kind, key, born, hops });
        let by_hand = cause.is_none() && !self.rules.produced.contains_key(&node);
        if !by_hand {
            for link in self.rules.ways_out(node, &name).collect::<Vec<_>>() {
                self.expect(0, Due::Leave(link, event));
            }
        }
        Ok(())
    }

    pub(super) fn sent(&mut self, link: LinkIx, event: EventId, leg: Leg, attempt: u32, arrives: SimTime) -> Verdict {
        if leg == Leg::DeadLetter {
            self.meet(&Due::DeadLeave(event))?;
            return Ok(());
        }
        let (to, delay) = (self.rules.link(link).to, self.rules.link(link).delay);
        ensure!(arrives == self.after(delay), "the way takes {delay} ns, but it arrives at {arrives}");
        if leg != Leg::Deliver {
            self.meet(&Due::Leave(link, event))?;
            self.expect(delay, Due::Arrive(link, event));
            return Ok(());
        }
        let handing = self.handing.take();
        let Some((sub, ..)) = handing.filter(|(_, e, node, a)| (*e, *node, *a) == (event, to, attempt)) else {
            return Err("sent to a member, but not delivered to it".to_owned());
        };
        let Some(member) = self.rules.subs[&sub].member(link) else {
            return Err("S20: by a link of no member".to_owned());
        };
        let prefetch = member.prefetch;
        let held = self.held.entry(link).or_default();
        *held += 1;
        ensure!(*held <= prefetch, "S6: {held} held of at most {prefetch}");
        self.obligation(sub, event)?.held_by = Some(link);
        self.expect(delay, Due::Receive(sub, event, attempt));
        Ok(())
    }

    /// A publish or call is let in: it was under way until now, or first in line before this queue.
    pub(super) fn let_in(&mut self, link: LinkIx, event: EventId) -> Result<Option<SubIx>, String> {
        if self.is_due(&Due::Arrive(link, event)) {
            self.meet(&Due::Arrive(link, event))?;
            return Ok(None);
        }
        let first =
            self.doors.iter().find(|(_, door)| door.front().is_some_and(|one| one.link == link && one.event == event));
        let Some((sub, waiter)) = first.map(|(sub, door)| (*sub, door[0].clone())) else {
            return Err("C3: let in, but neither just arrived nor first in line".to_owned());
        };
        self.expect(0, Due::Unblock(waiter.node, sub, event));
        Ok(Some(sub))
    }

    pub(super) fn accepted(&mut self, link: LinkIx, event: EventId, partition: Partition, offset: u64) -> Verdict {
        let from_door = self.let_in(link, event)?;
        let name = self.kind_name(event)?;
        let topic = self.rules.topic(link, &name);
        ensure!(topic == Some(partition.0), "published to {topic:?}, but accepted by {:?}", partition.0);
        let count = self.rules.topics[&partition.0].partitions;
        match &self.event(event)?.key {
            Some(key) => {
                let own = if count == 1 { 0 } else { partition_of(key, count) };
                ensure!(partition.1 == own, "S9: key {key} belongs to partition {own}");
            }
            None => ensure!(partition.1 < count, "S9: there are {count} partitions"),
        }
        for policy in [WhenFull::Block, WhenFull::Reject] {
            let full = self.refusing(event, partition, from_door, policy);
            ensure!(full.is_none(), "S16: accepted, but {full:?} is full ({policy:?})");
        }
        let log = self.logs.entry(partition).or_default();
        ensure!(offset == log.len() as u64, "offset {offset} after {} records", log.len());
        log.push(self.now);
        for (sub, verdict) in self.takers(partition.0, event) {
            if verdict != Ok(false) {
                self.expect(0, Due::Open(sub, event));
            }
        }
        self.saw("accepted");
        Ok(())
    }

    pub(super) fn rejected(&mut self, link: LinkIx, event: EventId, reason: Reason) -> Verdict {
        ensure!(reason == Reason::MaxLength, "refused for {reason:?}");
        let name = self.kind_name(event)?;
        if let Some((call, _)) = self.rules.call(link) {
            let is_reject = call.queue.when_full == WhenFull::Reject;
            ensure!(is_reject && self.call_is_full(link, false), "S16: refused, but there is room");
        } else {
            let topic = self.rules.topic(link, &name);
            let Some(topic) = topic else { return Err("refused by a topic that is none".to_owned()) };
            let count = self.rules.topics[&topic].partitions;
            let full = (0..count).any(|number| self.refusing(event, (topic, number), None, WhenFull::Reject).is_some());
            ensure!(full, "S16: refused, but there is room");
        }
        self.let_in(link, event)?;
        self.saw("refused");
        Ok(())
    }

    pub(super) fn open(&mut self, sub: SubIx, event: EventId, place: Option<(Partition, u64)>, by: Option<LinkIx>) {
        let one = Obligation {
            place,
            by,
            phase: Some(Phase::Queued),
            attempts: 0,
            held_by: None,
            deadline: SimTime::MAX,
            ready: self.now,
            due: self.now,
        };
        self.obligations.insert((sub, event), one);
    }

    pub(super) fn opened(&mut self, sub: SubIx, event: EventId, place: (Partition, u64)) -> Verdict {
        self.meet(&Due::Open(sub, event))?;
        let partition = place.0;
        ensure!(
            place.1 + 1 == self.logs[&partition].len() as u64,
            "S20: owed at another place than it was accepted at"
        );
        let settings = &self.rules.subs[&sub].settings;
        let (records, policy) = (settings.queue.records, settings.queue.when_full);
        let broken = settings.filter.as_ref().is_some_and(|filter| passes(&filter.0, event).is_err());
        let waits = self.count(sub, &[Phase::Queued]) > 0;
        let full = self.is_full(sub, records, true);
        let free = !waits && self.has_room(sub, partition);
        self.open(sub, event, Some(place), None);
        if self.event(event)?.hops > self.rules.hop_limit {
            self.saw("too many hops");
            self.expect(0, Due::End(sub, event, Reason::HopLimit));
            return Ok(());
        }
        if broken {
            self.expect(0, Due::End(sub, event, Reason::Decode));
            return Ok(());
        }
        self.queues.entry((sub, partition)).or_default().fresh.push_back(event);
        if free {
            self.expect(0, Due::Deliver(sub, event));
        } else if full && policy == WhenFull::DropNewest {
            self.expect(0, Due::End(sub, event, Reason::MaxLength));
        } else if full && policy == WhenFull::DropOldest {
            for pushed_out in self.pushed_out(sub, event, records) {
                self.expect(0, Due::End(sub, pushed_out, Reason::MaxLength));
            }
        }
        Ok(())
    }

    /// S16: those that wait longest make room for this one, as many as it takes; if none is left that waits, it goes itself.
    pub(super) fn pushed_out(&self, sub: SubIx, newest: EventId, records: u64) -> Vec<EventId> {
        let mut waiting = self.count(sub, &[Phase::Queued, Phase::Delayed]) - 1;
        // In the order of the topics' names: of equally old ones the first partition's is pushed out.
        let mut own: Vec<_> = self.queues.iter().filter(|((of, _), _)| *of == sub).collect();
        own.sort_by_key(|((_, (topic, number)), _)| (self.rules.topic_name(*topic), *number));
        let mut queues: Vec<VecDeque<EventId>> =
            own.iter().map(|(_, queue)| queue.again.iter().chain(&queue.fresh).copied().collect()).collect();
        let accepted = |event: EventId| {
            let (partition, offset) = self.obligations[&(sub, event)].place.expect("a record of a log");
            self.logs[&partition][offset as usize]
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

    pub(super) fn call_is_full(&self, link: LinkIx, ignores_door: bool) -> bool {
        let Some((call, _)) = self.rules.call(link) else { return false };
        let node = self.rules.link(link).to;
        let worker = &self.rules.workers[&node];
        let Some(inbox) = worker.inbox else { return false };
        let is_idle = self.nodes.get(&node).is_none_or(|node| {
            node.door.is_empty() && node.running.len() + node.admitted.len() + node.blocked < worker.concurrency
        });
        let door_is_empty = self.doors.get(&inbox).is_none_or(VecDeque::is_empty);
        self.is_full(inbox, call.queue.records, ignores_door) && !(is_idle && door_is_empty)
    }

    pub(super) fn called(&mut self, sub: SubIx, event: EventId, link: Option<LinkIx>) -> Verdict {
        let Some(link) = link else {
            self.meet(&Due::Open(sub, event))?;
            self.open(sub, event, None, None);
            self.enter(sub, event);
            return Ok(());
        };
        // Nobody overtakes those who wait before the inbox.
        let full = self.call_is_full(link, !self.is_due(&Due::Arrive(link, event)));
        let policy = self.rules.call(link).map(|(call, _)| call.queue.when_full);
        let from_door = self.let_in(link, event)?;
        ensure!(from_door.is_none_or(|door| door == sub), "C3: let in by another door");
        let waits = self.count(sub, &[Phase::Queued]) > 0;
        ensure!(
            !(full && waits && policy == Some(WhenFull::DropOldest)),
            "S16: none was dropped, but the inbox is full"
        );
        self.open(sub, event, None, Some(link));
        match policy {
            Some(WhenFull::Block | WhenFull::Reject) => ensure!(!full, "S16: taken in, but the inbox is full"),
            // Those that could make room have gone by now.
            Some(WhenFull::DropNewest | WhenFull::DropOldest) if full => {
                self.expect(0, Due::End(sub, event, Reason::MaxLength));
                return Ok(());
            }
            _ => {}
        }
        if self.event(event)?.hops > self.rules.hop_limit {
            self.expect(0, Due::End(sub, event, Reason::HopLimit));
            return Ok(());
        }
        self.enter(sub, event);
        Ok(())
    }

    /// A call is in its inbox and stands at its callee's door.
    pub(super) fn enter(&mut self, sub: SubIx, event: EventId) {
        let node = self.rules.inboxes[&sub];
        let one = &self.obligations[&(sub, event)];
        let visit = Visit { sub, event, attempt: one.attempts + 1, link: one.by };
        self.node(node).door.push_back(visit);
    }

    pub(super) fn blocked(&mut self, node: NodeIx, sub: SubIx, event: EventId) -> Verdict {
        let name = self.kind_name(event)?;
        let is_mine = |due: &Due| match due {
            Due::Arrive(link, one) if *one == event => {
                let ends_there = match self.rules.inboxes.get(&sub) {
                    Some(callee) => self.rules.link(*link).to == *callee && self.rules.call(*link).is_some(),
                    None => self
                        .rules
                        .topic(*link, &name)
                        .is_some_and(|topic| self.rules.subs[&sub].topics.contains(&topic)),
                };
                ends_there.then_some(*link)
            }
            _ => None,
        };
        let link = self.due.iter().filter(|(at, _)| *at == self.now).find_map(|(_, due)| is_mine(due));
        let moved = self.moved.take();
        let Some(link) = link else { return Err("S16: blocked, but nothing of it arrives now".to_owned()) };
        let full = if self.rules.inboxes.contains_key(&sub) {
            let policy = self.rules.call(link).map(|(call, _)| call.queue.when_full);
            policy == Some(WhenFull::Block) && self.call_is_full(link, false)
        } else {
            let topic = self.rules.topic(link, &name).expect("found by it");
            let count = self.rules.topics[&topic].partitions;
            let keyed =
                self.event(event)?.key.as_ref().map(|key| if count == 1 { 0 } else { partition_of(key, count) });
            let mut partitions = (0..count).filter(|number| keyed.is_none_or(|keyed| keyed == *number));
            partitions.any(|number| self.refusing(event, (topic, number), moved, WhenFull::Block) == Some(sub))
        };
        ensure!(full, "S16: blocked, but there is room");
        self.meet(&Due::Arrive(link, event))?;
        self.doors.entry(sub).or_default().push_back(Waiter { node, event, link });
        self.node(node).blocked += 1;
        self.saw("blocked");
        Ok(())
    }

    pub(super) fn unblocked(&mut self, node: NodeIx, sub: SubIx, event: EventId) -> Verdict {
        let door = self.doors.entry(sub).or_default();
        let fits = door.front().is_some_and(|first| first.node == node && first.event == event);
        ensure!(fits, "S16: unblocked, but not first in line");
        let Waiter { link, .. } = door.pop_front().expect("there is a first");
        self.node(node).blocked -= 1;
        if !self.is_due(&Due::Unblock(node, sub, event)) {
            // There is room here, but not in another queue that it matches: it waits there from now on.
            self.expect(0, Due::Arrive(link, event));
            self.moved = Some(sub);
            return Ok(());
        }
        self.meet(&Due::Unblock(node, sub, event))
    }
}
