//! What comes in from outside, and what an edit makes of a run: what is gone is settled, what stays goes on, what is new
//! begins.

use std::collections::BTreeSet;

use eventloom::model::{FaultIx, LinkIx, NodeIx, SimTime, StartAt, SubIx};
use eventloom::trace::Phase;

use super::ensure;
use super::faults::ByHand;
use super::handling::Node;
use super::naive::{Debt, Due, Naive, Partition, Verdict};
use super::retention::Log;
use super::rules::{Rules, Sub};
use crate::support::Told;

impl Naive {
    /// Something comes in from outside, at the current instant of the run.
    pub(crate) fn told(&mut self, at: SimTime, told: &Told) -> Verdict {
        self.depart()?;
        self.pass_to(at)?;
        match told {
            Told::Fire { node, count } => {
                let is_producer = self.rules.produced.contains_key(node);
                let is_still = self.is_halted(*node) || self.is_down(*node);
                let does = self.rules.nodes.contains_key(node) && !(is_producer && is_still);
                for _ in 0..if does { *count } else { 0 } {
                    self.expect(0, Due::Fire(*node));
                }
            }
            Told::Break { on, kind, lasts } => {
                self.hand_breaks(ByHand { on: on.clone(), kind: *kind, lasts: *lasts });
            }
            Told::Heal(on) => self.hand_heals(on),
            Told::Seek { sub, to } => {
                self.forget_old();
                self.nothing_consumed_stays()?;
                self.seeks(*sub, *to);
            }
            // The records say when these take effect.
            Told::Plan(..) | Told::Drain => self.told.push_back(told.clone()),
        }
        Ok(())
    }

    pub(super) fn drains(&mut self) -> Verdict {
        ensure!(matches!(self.told.pop_front(), Some(Told::Drain)), "S40: nobody said that sources stop");
        self.is_draining = true;
        Ok(())
    }

    pub(super) fn edited(&mut self, revision: u32) -> Verdict {
        let Some(Told::Plan(flow, plan)) = self.told.pop_front() else {
            return Err("nobody edited the flow".to_owned());
        };
        ensure!(revision == plan.revision(), "revision {revision} of the flow, not {}", plan.revision());
        self.saw("edited");
        self.is_dealt()?;
        self.nothing_consumed_stays()?;
        // A hand edits when all that was due at this instant has happened: what is too old by now is gone.
        self.forget_old();
        let new = self.rules.after(&flow, &plan);
        let old = std::mem::replace(&mut self.rules, new);
        self.had_twins = old.subs.iter().filter(|(_, sub)| sub.has_twins()).map(|(ix, _)| *ix).collect();
        let gone: Vec<NodeIx> = old.nodes.keys().filter(|node| !self.rules.nodes.contains_key(node)).copied().collect();
        for node in &gone {
            self.node_is_gone(&old, *node);
        }
        self.purge(&old);
        self.members_leave(&old);
        self.begin_to_read(&old);
        self.forget_messages(&old);
        self.learn_keys_anew();
        self.interest_may_be_lost();
        for partition in self.logs.keys().copied().collect::<Vec<_>>() {
            self.trim(partition);
        }
        self.begin_to_wait_by_terms(&old);
        self.places_change(&old);
        for (ix, sub) in &old.subs {
            let links: BTreeSet<LinkIx> = self.member_links(*ix);
            for partition in &sub.partitions {
                if let Some(owner) = self.owners.get_mut(&(*ix, *partition)) {
                    owner.retain(|link| links.contains(link));
                    if owner.is_empty() {
                        self.owners.remove(&(*ix, *partition));
                    }
                }
            }
        }
        self.scenario_changes(&old);
        Ok(())
    }

    /// S12: a subscription that goes on, and is to begin at another place than before, goes on there. To say that it begins at
    /// the end takes nothing from what runs.
    fn places_change(&mut self, old: &Rules) {
        let from = |sub: &Sub| sub.settings.from;
        let moved = |(ix, sub): (&SubIx, &Sub)| {
            let before = old.subs.get(ix).map(from)?;
            (before != from(sub) && from(sub) != StartAt::End).then_some((*ix, from(sub)))
        };
        for (ix, to) in self.rules.subs.iter().filter_map(moved).collect::<Vec<_>>() {
            self.seeks(ix, to);
        }
    }

    /// S12: what is read again, and was handed over before anything was said of how it waits, waits from then on.
    fn begin_to_wait_by_terms(&mut self, old: &Rules) {
        for ix in self.rules.lined.difference(&old.lined) {
            for debt in self.open.get(ix).into_iter().flatten() {
                let one = &mut self.debts[*debt];
                if let Some(first) = one.first.filter(|_| one.is_replay) {
                    one.since = first;
                }
            }
        }
    }

    fn member_links(&self, sub: SubIx) -> BTreeSet<LinkIx> {
        let members = self.rules.subs.get(&sub).into_iter().flat_map(|sub| &sub.members);
        members.map(|member| member.link).collect()
    }

    /// What a node was doing ends here, and its calls with it; what it had answered is on its way.
    fn node_is_gone(&mut self, old: &Rules, node: NodeIx) {
        self.unhalt(node);
        if let Some(inbox) = old.workers.get(&node).and_then(|worker| worker.inbox) {
            for debt in self.open.get(&inbox).cloned().unwrap_or_default() {
                self.expect(0, Due::Purge(debt));
                self.due.retain(|(_, due)| *due != Due::Queue(debt));
            }
        }
        let is_its_own = |due: &Due| match due {
            Due::Begin(visit) | Due::Receive(visit) | Due::NewInstance(visit) => visit.node == node,
            _ => false,
        };
        self.due.retain(|(_, due)| !is_its_own(due));
        self.unheld.retain(|(_, visit)| visit.node != node);
        let Node { blocked, paid, .. } = self.nodes.remove(&node).unwrap_or_default();
        self.nodes.insert(node, Node { blocked, paid, ..Node::default() });
    }

    /// What is owed to a subscription that is gone, or of a topic that it takes no more, is owed no more.
    fn purge(&mut self, old: &Rules) {
        for (ix, sub) in &old.subs {
            let stays: BTreeSet<Partition> =
                self.rules.subs.get(ix).into_iter().flat_map(|sub| &sub.partitions).copied().collect();
            for partition in sub.partitions.iter().filter(|partition| !stays.contains(partition)) {
                let end = self.logs.get(partition).map_or(0, Log::end);
                self.bookmarks.insert((*ix, *partition), end);
                self.owners.remove(&(*ix, *partition));
                let is_of_it = |debt: &&Debt| self.debts[**debt].place.is_some_and(|(own, _)| own == *partition);
                let owed: Vec<Debt> = self.open.get(ix).into_iter().flatten().filter(is_of_it).copied().collect();
                for debt in owed {
                    self.due.retain(|(_, due)| *due != Due::Queue(debt));
                    self.expect(0, Due::Purge(debt));
                }
            }
        }
    }

    /// What members that are gone have in their hands is theirs no more: if they come back, they come with empty ones.
    fn members_leave(&mut self, old: &Rules) {
        let mut gone = BTreeSet::new();
        for (ix, sub) in &old.subs {
            let stay = self.member_links(*ix);
            for member in sub.members.iter().filter(|member| !stay.contains(&member.link)) {
                *self.left.entry((*ix, member.link)).or_default() += 1;
                self.held.remove(&(*ix, member.link));
                gone.insert((*ix, member.link));
            }
        }
        let purged = |model: &Self, debt: Debt| model.is_due(&Due::Purge(debt));
        let mut back = Vec::new();
        for (ix, link) in gone {
            let Some(sub) = self.rules.subs.get(&ix) else { continue };
            for debt in self.open.get(&ix).into_iter().flatten() {
                let one = &self.debts[*debt];
                let is_held = one.phase == Some(Phase::InFlight) && one.held_by == Some(link);
                if let Some((partition, offset)) = one.place.filter(|_| is_held && !purged(self, *debt)) {
                    let number = sub.partitions.iter().position(|own| *own == partition);
                    back.push((ix, number, link, offset, *debt));
                }
            }
        }
        back.sort_unstable();
        for (.., debt) in back {
            self.expect(0, Due::TakeBack(debt));
        }
    }

    /// A subscription that is new, or was gone for a while, is owed what the log still has of what it wants.
    fn begin_to_read(&mut self, old: &Rules) {
        let known =
            |ix: &SubIx, partition: &Partition| old.subs.get(ix).is_some_and(|sub| sub.partitions.contains(partition));
        let mut owed = Vec::new();
        for (ix, sub) in &self.rules.subs {
            for partition in sub.partitions.iter().filter(|partition| !known(ix, partition)) {
                let end = self.logs.get(partition).map_or(0, Log::end);
                let reads =
                    |other: &&SubIx| self.rules.subs[other].partitions.contains(partition) && known(other, partition);
                let oldest = self.oldest(*partition, self.rules.subs.keys().filter(reads).copied());
                let first = match self.bookmarks.get(&(*ix, *partition)) {
                    Some(bookmark) => (*bookmark).max(oldest),
                    None => self.place_of(*partition, sub.settings.from, oldest).clamp(oldest, end),
                };
                for offset in first..end {
                    if self.is_gone(*partition, offset) {
                        continue;
                    }
                    let event = self.logs[partition].event(offset);
                    let wants =
                        self.takers(partition.0, event).iter().any(|(one, verdict)| one == ix && *verdict != Ok(false));
                    if wants {
                        owed.push((*ix, event, (*partition, offset)));
                    }
                }
            }
        }
        for (sub, event, place) in owed {
            self.expect(0, Due::Open(sub, event, Some(place), true));
        }
    }

    /// What changed of the scenario begins anew, and what is about nothing is over.
    fn scenario_changes(&mut self, old: &Rules) {
        let numbers: BTreeSet<FaultIx> = old.faults.keys().chain(self.rules.faults.keys()).copied().collect();
        let mut over = BTreeSet::new();
        for fault in numbers {
            let rule = self.rules.faults.get(&fault).cloned();
            if old.faults.get(&fault) == rule.as_ref() {
                continue;
            }
            self.due.retain(|(_, due)| *due != Due::Break(fault));
            over.insert(fault);
            if let Some(rule) = rule.filter(|rule| rule.until > self.now.as_nanos()) {
                self.arm(fault, rule.at);
            }
        }
        let drawn: BTreeSet<FaultIx> =
            self.faults.iter().filter(|(_, active)| self.rules.is_drawn(&active.on)).map(|(ix, _)| *ix).collect();
        self.is_over(|fault, _| over.contains(&fault) || !drawn.contains(&fault));
    }
}
