//! Groups whose members own partitions: who owns which, and what happens when that changes.

use super::state::OpenState;
use super::{Cx, Kernel};
use crate::model::{NodeIx, Share, SubIx};
use crate::trace::{Observer, What};

impl Kernel {
    /// Deals the partitions of a group out among its members: as even as can be, moving only what must move.
    pub(super) fn rebalance<O: Observer>(&mut self, cx: &mut Cx<'_, O>, sub_ix: SubIx) {
        let plan = cx.plan;
        let sub = &plan.subs[sub_ix.index()];
        if sub.share != Share::Partition || sub.is_inbox || super::outside::is_dealt_outside(plan, sub) {
            return;
        }
        let is_there = |node: NodeIx| !self.faults.is_on || !self.is_down(node);
        let members = sub.members.iter().filter(|member| is_there(member.node));
        let links: Vec<u32> = members.map(|member| member.link.0).collect();
        let owner_of = |kernel: &Self, cursor: u32| {
            let owner = kernel.cursors[cursor as usize].owner?;
            links.iter().position(|link| *link == owner)
        };
        let mut owned = vec![Vec::new(); links.len()];
        let mut free = Vec::new();
        for cursor in &sub.cursors {
            match owner_of(self, *cursor) {
                Some(place) => owned[place].push(*cursor),
                None => free.push(*cursor),
            }
        }
        if !links.is_empty() {
            // Whoever owns most may keep one more, so that fewer move.
            let mut by_size: Vec<usize> = (0..links.len()).collect();
            by_size.sort_by_key(|place| std::cmp::Reverse(owned[*place].len()));
            let (base, extra) = (sub.cursors.len() / links.len(), sub.cursors.len() % links.len());
            let mut quota = vec![base; links.len()];
            for place in by_size.iter().take(extra) {
                quota[*place] += 1;
            }
            for place in 0..links.len() {
                if owned[place].len() > quota[place] {
                    free.extend(owned[place].split_off(quota[place]));
                }
            }
            free.sort_unstable();
            let mut free = free.into_iter();
            for place in 0..links.len() {
                let missing = quota[place].saturating_sub(owned[place].len());
                owned[place].extend(free.by_ref().take(missing));
            }
        }
        let mut moves: Vec<(u32, Option<u32>)> = Vec::new();
        for cursor in &sub.cursors {
            let place = owned.iter().position(|cursors| cursors.contains(cursor));
            let owner = place.map(|place| links[place]);
            if owner != self.cursors[*cursor as usize].owner {
                moves.push((*cursor, owner));
            }
        }
        let state = &mut self.subs[sub.slot as usize];
        if moves.is_empty() && state.generation > 0 {
            return;
        }
        state.generation += 1;
        let (generation, members) = (state.generation, links.len() as u32);
        cx.show(What::Rebalanced { sub: sub_ix, generation, members });
        for (cursor, owner) in moves {
            if !planted!(LostOnRebalance) {
                self.revoke(cx, cursor, None);
            }
            let state = &mut self.cursors[cursor as usize];
            state.owner = owner;
            state.fence = state.token;
            let partition = &plan.partitions[plan.cursors[cursor as usize].partition as usize];
            let owner = owner.map(|link| NodeIx(plan.links[link as usize].to.0));
            let (topic, partition) = (partition.topic, partition.number);
            cx.show(What::Assigned { sub: sub_ix, topic, partition, owner, generation });
        }
        self.wake(sub_ix, sub);
    }

    /// Takes back what is in flight on a cursor, or only what one member's link has of it.
    pub(super) fn revoke<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32, link: Option<u32>) {
        if cx.plan.subs[cx.plan.cursors[cursor as usize].sub.index()].is_outside {
            self.revoke_outside(cx, cursor, link);
            return;
        }
        let state = &self.cursors[cursor as usize];
        let floor = state.floor;
        let open = state.open.iter().enumerate();
        let held =
            open.filter(|(_, open)| open.state == OpenState::InFlight && link.is_none_or(|link| open.link == link));
        let offsets: Vec<u64> = held.map(|(place, _)| floor + place as u64).collect();
        for offset in offsets {
            self.take_back(cx, cursor, offset);
        }
    }
}
