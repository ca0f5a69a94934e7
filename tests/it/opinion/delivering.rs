//! The way out of a queue: S20 who is given a record, S6 how many at once, S8 in which order, S1 and S2 when it is settled.

use std::collections::BTreeSet;
use std::ops::Not as _;

use eventloom::model::{EventId, LinkIx, NodeIx, SimTime, SubIx};
use eventloom::trace::{Phase, Stage};

use super::ensure;
use super::handling::Room;
use super::naive::{Debt, Due, Naive, Obligation, Partition, Verdict, Visit};
use super::rules::Member;

impl Naive {
    pub(super) fn delivered(&mut self, sub: SubIx, event: EventId, node: NodeIx, attempt: u32) -> Verdict {
        ensure!(self.handing.is_none(), "delivered, while another is being handed over");
        if self.rules.inboxes.contains_key(&sub) {
            return self.let_in_by_node(sub, event, node, attempt);
        }
        let debt = self.first_in_line(sub, event, attempt)?;
        let one = &self.debts[debt];
        let Some((partition, offset)) = one.place else { return Err("a call at a subscription".to_owned()) };
        ensure!(one.phase == Some(Phase::Queued), "C4: delivered, but it was {:?}", one.phase);
        ensure!(attempt == one.attempts + 1, "C2: attempt {attempt} after {}", one.attempts);
        ensure!(!self.is_gone(partition, offset), "S13: delivered, but evicted before");
        let rules = &self.rules.subs[&sub];
        let cap = u64::from(rules.settings.max_in_flight);
        let (at_most_once, ack_wait) = (rules.at_most_once(), rules.settings.ack_wait.as_nanos());
        ensure!(!self.is_halted(rules.bus) && !self.is_down(rules.bus), "S36: delivered by a bus that stands still");
        ensure!(!self.is_down(node), "S36: delivered to a member that is gone");
        let in_flight = self.count(sub, &[Phase::InFlight]) + 1;
        ensure!(in_flight <= cap, "S6: {in_flight} in flight of at most {cap}");
        self.is_worth_something(debt)?;
        if self.queued_in(sub, partition).first() != Some(&debt) && self.rules.lined.contains(&sub) {
            self.saw("overtakes");
        }
        self.leave_queue(debt);
        self.due.retain(|(_, due)| *due != Due::Deliver(debt));
        let visit = self.handed_over(debt, node, self.after(ack_wait), at_most_once);
        if at_most_once {
            self.expect(0, Due::AutoAck(debt));
        }
        self.saw(match (attempt, self.debts[debt].held_by) {
            (1, None) => "delivered",
            (1, Some(_)) => "delivered anew",
            _ => "delivered again",
        });
        self.handing = Some(visit);
        Ok(())
    }

    /// The record that is meant: the first of its partition. One that was published twice may be first in two.
    fn first_in_line(&mut self, sub: SubIx, event: EventId, attempt: u32) -> Result<Debt, String> {
        let is_lined = self.rules.lined.contains(&sub);
        let is_first = |debt: &Debt| {
            let Some((partition, _)) = self.debts[*debt].place else { return false };
            if is_lined {
                let one = &self.debts[*debt];
                return one.phase == Some(Phase::Queued) && one.attempts + 1 == attempt && self.is_next(*debt);
            }
            let Some(queue) = self.queues.get(&(sub, partition)) else { return false };
            let first = queue.again.front().or(queue.fresh.front());
            first == Some(debt) && self.debts[*debt].attempts + 1 == attempt
        };
        let first: Vec<Debt> = self.owed(sub, event).iter().copied().filter(is_first).collect();
        match first.len() {
            0 => {
                let all: Vec<_> = self.owed(sub, event).iter().map(|debt| &self.debts[*debt]).collect();
                Err(format!("S8: {event:?}, attempt {attempt}, is first of no partition: {all:?}"))
            }
            1 => Ok(first[0]),
            several => self.decide(several).map(|choice| first[choice]),
        }
    }

    /// One of several, where the records do not say which: all are tried, one after the other.
    pub(super) fn decide(&mut self, several: usize) -> Result<usize, String> {
        self.choice.take().ok_or_else(|| {
            self.doubt = several;
            "the records do not say which".to_owned()
        })
    }

    /// An obligation is in flight.
    fn handed_over(&mut self, debt: Debt, node: NodeIx, deadline: SimTime, is_settled: bool) -> Visit {
        self.deliveries += 1;
        let delivery = self.deliveries;
        let one = &mut self.debts[debt];
        one.attempts += 1;
        one.phase = Some(Phase::InFlight);
        one.deadline = deadline;
        one.delivery = delivery;
        one.first.get_or_insert(self.now);
        let Obligation { sub, event, attempts, by, ready, is_replay, .. } = *one;
        let moves = one.place.and_then(|(partition, _)| self.moves.get(&(sub, partition))).copied().unwrap_or_default();
        let is_call = one.place.is_none();
        Visit {
            debt,
            node,
            sub,
            event,
            attempt: attempts,
            link: by,
            delivery,
            moves,
            left: 0,
            is_settled,
            is_call,
            is_replay,
            ready,
        }
    }

    /// By which link a member is given what was delivered to it.
    pub(super) fn handed_by(&mut self, mut visit: Visit, link: LinkIx) -> Result<Visit, String> {
        let sub = &self.rules.subs[&visit.sub];
        let Some(member) = sub.member(link).filter(|member| member.node == visit.node) else {
            return Err("S20: by a link of no member".to_owned());
        };
        let prefetch = member.prefetch;
        if sub.owns_partitions() {
            let (partition, _) = self.debts[visit.debt].place.expect("it is in a log");
            let owner = self.owners.get_mut(&(visit.sub, partition));
            let Some(owner) = owner.filter(|owner| owner.contains(&link)) else {
                return Err(format!("S10: delivered by {link:?}, which does not own {partition:?}"));
            };
            // From here on it is known which of a node's links it is.
            *owner = BTreeSet::from([link]);
        }
        visit.link = Some(link);
        visit.left = self.left.get(&(visit.sub, link)).copied().unwrap_or_default();
        if self.held.get(&(visit.sub, link)).is_some_and(|held| *held >= prefetch) {
            self.free_hands();
        }
        let held = self.held.entry((visit.sub, link)).or_default();
        *held += 1;
        ensure!(*held <= prefetch, "S6: {held} held of at most {prefetch}");
        self.debts[visit.debt].held_by = Some(link);
        Ok(visit)
    }

    /// A call leaves its inbox: its node begins with it, hands it back, or has lost it.
    fn let_in_by_node(&mut self, sub: SubIx, event: EventId, node: NodeIx, attempt: u32) -> Verdict {
        let first = self.node(node).door.first().copied();
        let Some(first) = first.filter(|first| first.is(sub, event, attempt)) else {
            return Err(format!("S8: {event:?} is let in, but the first at the door is {first:?}"));
        };
        self.saw(if attempt == 1 { "delivered" } else { "delivered again" });
        let one = &self.debts[first.debt];
        ensure!(one.phase == Some(Phase::Queued), "C4: delivered, but it was {:?}", one.phase);
        ensure!(attempt == one.attempts + 1, "C2: attempt {attempt} after {}", one.attempts);
        let room = self.room(node);
        self.node(node).door.remove(0);
        let visit = self.handed_over(first.debt, node, SimTime::MAX, false);
        match room {
            Room::Yes => self.lets_in(visit),
            Room::Back => self.expect(0, Due::Throttle(visit)),
            Room::Gone => self.expect(0, Due::Lose(visit, Stage::Waiting, 0)),
            Room::Later => return Err(format!("S24: let in by {node:?}, which is busy")),
        }
        self.expect(0, Due::Receive(visit));
        Ok(())
    }

    /// S6, S10: whether some member may be given one more record of this partition; unset where records do not say which
    /// of a node's links owns it.
    pub(super) fn has_room(&self, ix: SubIx, partition: Partition) -> Option<bool> {
        let sub = &self.rules.subs[&ix];
        let in_flight = self.count(ix, &[Phase::InFlight]);
        if in_flight >= u64::from(sub.settings.max_in_flight) || self.is_halted(sub.bus) || self.is_down(sub.bus) {
            return Some(false);
        }
        let there = sub.members.iter().filter(|member| !self.is_down(member.node));
        let mut links: Vec<(LinkIx, Option<bool>)> =
            there.map(|member| (member.link, self.has_hand(ix, member))).collect();
        if !sub.owns_partitions() {
            let hands: Vec<Option<bool>> = links.into_iter().map(|(_, hand)| hand).collect();
            return if hands.contains(&Some(true)) { Some(true) } else { hands.contains(&None).not().then_some(false) };
        }
        let Some(owner) = self.owners.get(&(ix, partition)) else { return Some(false) };
        links.retain(|(link, _)| owner.contains(link));
        match links.iter().filter(|(_, hand)| *hand != Some(false)).count() {
            0 => Some(false),
            _ => (links.len() == owner.len() && links.iter().all(|(_, hand)| *hand == Some(true))).then_some(true),
        }
    }

    /// Whether a member may be given one more. Unset where it has room at this instant, but maybe not yet.
    fn has_hand(&self, ix: SubIx, member: &Member) -> Option<bool> {
        let held = self.held.get(&(ix, member.link)).copied().unwrap_or_default();
        let is_freed = |visit: &Visit| visit.sub == ix && visit.link == Some(member.link);
        let freed = self.unheld.iter().filter(|(at, visit)| *at <= self.now && is_freed(visit)).count();
        match (held < member.prefetch, held.saturating_sub(freed) < member.prefetch) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }

    /// Whether what waits must be handed over now.
    pub(super) fn must_hand_over(&self, ix: SubIx, partition: Partition) -> bool {
        self.has_room(ix, partition) == Some(true)
    }
}
