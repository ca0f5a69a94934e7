//! S10: groups whose members own partitions: who owns which, how that changes, and what an old owner's answers are worth.

use std::collections::{BTreeMap, BTreeSet};

use eventloom::model::{EventId, LinkIx, NodeIx, SubIx};
use eventloom::trace::Phase;

use super::ensure;
use super::naive::{Debt, Due, Naive, Partition, Verdict};
use super::rules::Sub;

/// A group is being dealt its partitions anew.
#[derive(Clone, Debug)]
pub(super) struct Rebalance {
    sub: SubIx,
    generation: u32,
    /// Taken from their owners; who gets them is told next.
    revoked: BTreeSet<Partition>,
    /// The links of the members that it is dealt out among: they may be others before the instant ends.
    present: Vec<LinkIx>,
    before: BTreeMap<Partition, BTreeSet<LinkIx>>,
}

impl Naive {
    /// The links of the members that are there.
    fn present(&self, sub: &Sub) -> Vec<LinkIx> {
        let there = sub.members.iter().filter(|member| !self.is_down(member.node));
        there.map(|member| member.link).collect()
    }

    fn owner(&self, sub: SubIx, partition: Partition) -> Option<&BTreeSet<LinkIx>> {
        self.owners.get(&(sub, partition))
    }

    pub(super) fn rebalanced(&mut self, ix: SubIx, generation: u32, members: u32) -> Verdict {
        self.is_dealt()?;
        let Some(sub) = self.rules.subs.get(&ix) else { return Err("S10: a group of none".to_owned()) };
        ensure!(sub.owns_partitions(), "S10: nobody owns partitions here");
        let (present, partitions) = (self.present(sub), sub.partitions.clone());
        ensure!(members as usize == present.len(), "S10: dealt out among {members}, but {present:?} are there");
        let last = self.generations.insert(ix, generation).unwrap_or_default();
        ensure!(generation == last + 1, "S10: generation {generation} after {last}");
        let owner = |partition: &Partition| Some((*partition, self.owner(ix, *partition)?.clone()));
        let before = partitions.iter().filter_map(owner).collect();
        self.rebalancing = Some(Rebalance { sub: ix, generation, revoked: BTreeSet::new(), present, before });
        self.saw("rebalanced");
        Ok(())
    }

    pub(super) fn assigned(&mut self, sub: SubIx, place: Partition, owner: Option<NodeIx>, generation: u32) -> Verdict {
        let Some(rebalance) = self.rebalancing.as_mut().filter(|one| (one.sub, one.generation) == (sub, generation))
        else {
            return Err("S10: a new owner, but nothing is dealt out".to_owned());
        };
        rebalance.revoked.remove(&place);
        let in_flight = self.in_flight_in(sub, place);
        ensure!(in_flight.is_empty(), "S10: it has a new owner, but the old one has {in_flight:?} in its hands");
        *self.moves.entry((sub, place)).or_default() += 1;
        let Some(owner) = owner else {
            self.owners.remove(&(sub, place));
            return Ok(());
        };
        let members = self.rules.subs[&sub].members.iter().filter(|member| member.node == owner);
        let links: BTreeSet<LinkIx> = members.map(|member| member.link).collect();
        ensure!(!links.is_empty() && !self.is_down(owner), "S10: {owner:?} is not there");
        self.owners.insert((sub, place), links);
        Ok(())
    }

    fn in_flight_in(&self, sub: SubIx, place: Partition) -> Vec<Debt> {
        let open = self.open.get(&sub).into_iter().flatten().copied();
        open.filter(|debt| {
            let one = &self.debts[*debt];
            one.phase == Some(Phase::InFlight) && one.place.is_some_and(|(own, _)| own == place)
        })
        .collect()
    }

    /// A record is taken back from a member that left, or lost its partition. That attempt never was.
    pub(super) fn taken_back(&mut self, sub: SubIx, event: EventId) -> Verdict {
        let Some(debt) = self.takes_back(sub, event)? else {
            return Err("S10, S11: taken back, but its member is there".to_owned());
        };
        let now = self.now;
        let (partition, offset) = self.debts[debt].place.expect("it is in a log");
        ensure!(!self.is_gone(partition, offset), "S13: taken back, but evicted before");
        let one = &mut self.debts[debt];
        ensure!(one.phase == Some(Phase::InFlight), "C4: taken back, but it was {:?}", one.phase);
        one.phase = Some(Phase::Queued);
        one.attempts -= 1;
        one.ready = now;
        self.line_up_unseen(sub, partition);
        self.queues.entry((sub, partition)).or_default().again.push_back(debt);
        self.saw("taken back");
        Ok(())
    }

    /// What of an event is taken back now, if something is: its member is gone, or its partition is dealt out anew.
    pub(super) fn takes_back(&mut self, sub: SubIx, event: EventId) -> Result<Option<Debt>, String> {
        let debts = &self.debts;
        let is_it = |due: &Due| match due {
            Due::TakeBack(debt) if (debts[*debt].sub, debts[*debt].event) == (sub, event) => Some(*debt),
            _ => None,
        };
        let now = self.now;
        let due = self.due.iter().filter(|(at, _)| *at == now).find_map(|(_, due)| is_it(due));
        if let Some(debt) = due {
            self.meet(&Due::TakeBack(debt))?;
            return Ok(Some(debt));
        }
        let debt = self.find(sub, event, |_, one| one.phase == Some(Phase::InFlight))?;
        let Some((partition, _)) = self.debts[debt].place else {
            return Err("a call is never taken back".to_owned());
        };
        let rebalancing = self.rebalancing.as_mut().filter(|one| one.sub == sub);
        Ok(rebalancing.map(|rebalance| {
            rebalance.revoked.insert(partition);
            debt
        }))
    }

    /// A group has been dealt its partitions: only what had to move has.
    pub(super) fn is_dealt(&mut self) -> Verdict {
        let Some(Rebalance { sub: ix, revoked, present, before, .. }) = self.rebalancing.take() else { return Ok(()) };
        ensure!(revoked.is_empty(), "S10: {revoked:?} were taken from their owner, but have no other");
        let Some(sub) = self.rules.subs.get(&ix) else { return Ok(()) };
        // Of a node that was in it by two links records do not say which of them owned what.
        if sub.has_twins() || self.had_twins.remove(&ix) {
            return Ok(());
        }
        let mut owned: Vec<usize> = Vec::new();
        for link in &present {
            owned.push(before.values().filter(|owner| owner.contains(link)).count());
        }
        // Whoever has most may keep one more.
        owned.sort_unstable_by(|a, b| b.cmp(a));
        let (share, more) = match present.len() {
            0 => (0, 0),
            members => (sub.partitions.len() / members, sub.partitions.len() % members),
        };
        let too_many = |(place, owned): (usize, &usize)| owned.saturating_sub(share + usize::from(place < more));
        let least: usize = owned.iter().enumerate().map(too_many).sum();
        let is_there = |owner: &BTreeSet<LinkIx>| owner.iter().any(|link| present.contains(link));
        let moved =
            before.iter().filter(|(place, owner)| is_there(owner) && self.owner(ix, **place) != Some(owner)).count();
        ensure!(moved <= least, "S10: {moved} partitions moved, but {least} had to");
        Ok(())
    }

    /// S10: each partition has an owner that is there, and no member has two more than another.
    pub(super) fn groups_are_shared(&mut self) -> Verdict {
        self.is_dealt()?;
        for (ix, sub) in self.rules.subs.iter().filter(|(_, sub)| sub.owns_partitions()) {
            let present = self.present(sub);
            // A node with two links is two members.
            let mut owned: BTreeMap<NodeIx, (usize, usize)> = BTreeMap::new();
            for link in &present {
                owned.entry(self.rules.link(*link).to).or_default().0 += 1;
            }
            for place in &sub.partitions {
                let owner = self.owner(*ix, *place);
                let node = owner.and_then(BTreeSet::first).map(|link| self.rules.link(*link).to);
                ensure!(owner.is_some() || present.is_empty(), "S10: nobody owns {place:?} of {ix:?}");
                let count = node.and_then(|node| owned.get_mut(&node));
                ensure!(count.is_some() || node.is_none(), "S10: {node:?} owns {place:?} and is not there");
                if let Some((_, count)) = count {
                    *count += 1;
                }
            }
            if present.is_empty() {
                continue;
            }
            let (least, most) = (sub.partitions.len() / present.len(), sub.partitions.len().div_ceil(present.len()));
            let is_fair = |(links, count): &(usize, usize)| (least * links..=most * links).contains(count);
            ensure!(owned.values().all(is_fair), "S10: the partitions of {ix:?} are shared as {owned:?}");
        }
        Ok(())
    }
}
