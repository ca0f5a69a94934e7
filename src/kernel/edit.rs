//! A flow is edited while it runs: what remains keeps its state, what is new begins, what is gone is settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bus::Match;
use super::settlement::GivenUp;
use super::state::{
    CursorState, FunctionState, GraveState, InboxState, Job, MemberState, NodeRest, NodeState, OpenState,
    PartitionState, ProducerState, SubState, Tag, TopicState,
};
use super::{Cx, Kernel, Ready};
use crate::model::{KindTag, LinkIx, NodeIx, SubIx};
use crate::plan::{Pace, Plan};
use crate::trace::{Kept, Observer, Phase, Reason, What};

impl Kernel {
    /// Makes room in the tables for everything that a plan has.
    pub(super) fn grow(&mut self, plan: &Plan) {
        for node in &plan.nodes[self.nodes.len()..] {
            let (streams, arrival, various) = super::draws::Streams::new(self.seed, node.id.as_str());
            let mut state = NodeState::new(streams);
            self.rest.push(NodeRest { bucket: 0, arrival, various });
            match node.tag {
                KindTag::Producer | KindTag::Gateway => {
                    state.extra = self.producers.len() as u32;
                    self.producers.push(ProducerState::new(self.now));
                }
                KindTag::Function => {
                    state.extra = self.functions.len() as u32;
                    self.functions.push(FunctionState::default());
                }
                KindTag::Stream => {
                    state.extra = self.streams.len() as u32;
                    self.streams.push(Arc::default());
                }
                KindTag::DeadLetterQueue => {
                    state.extra = self.graves.len() as u32;
                    self.graves.push(GraveState::default());
                }
                KindTag::Bus | KindTag::Consumer | KindTag::Service | KindTag::Store | KindTag::Note => {}
            }
            self.nodes.push(state);
        }
        let inboxes = plan.subs.iter().filter(|sub| sub.is_inbox).count();
        self.inboxes.resize(inboxes, InboxState::default());
        self.subs.resize(plan.subs.len() - inboxes, SubState::default());
        self.cursors.resize(plan.cursors.len(), CursorState::default());
        self.partitions.resize(plan.partitions.len(), PartitionState::default());
        self.keep_account(plan);
        self.counters.resize(plan.cycles as usize, 0);
        for topic in &plan.topics[self.topics.len()..] {
            let bus = plan.node_id(topic.bus);
            let (mut draws, ..) = super::draws::Streams::new(self.seed, &format!("{bus}\n{}", topic.name));
            let sticky = draws.choice.below(topic.partitions.len().max(1) as u64) as u32;
            self.topics.push(TopicState { sticky, left: super::bus::STICKY_BATCH });
        }
        for sub in plan.subs.iter().filter(|sub| !sub.is_inbox) {
            let state = &mut self.subs[sub.slot as usize];
            let before = std::mem::take(&mut state.members);
            let held = |link: u32| before.iter().find(|member| member.link == link).map_or(0, |member| member.held);
            let member = |link: u32| MemberState { link, held: held(link) };
            state.members = sub.members.iter().map(|planned| member(planned.link.0)).collect();
        }
        self.lay_gates(plan);
        self.is_followed = self.all_data || super::nodes::has_gateways(plan);
    }

    /// What happens at the very start, before anything else.
    pub(super) fn begin_run<O: Observer>(&mut self, cx: &mut Cx<'_, O>) {
        for sub in 0..cx.plan.subs.len() {
            self.rebalance(cx, SubIx(sub as u32));
        }
        for node in 0..cx.plan.nodes.len() {
            self.begin_node(cx, NodeIx(node as u32));
        }
        self.schedule_faults(cx.plan);
    }

    fn begin_node<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let work = &cx.plan.nodes[node.index()].work;
        if let Some(producer) = work.source() {
            let state = &mut self.producers[self.nodes[node.index()].extra as usize];
            state.base = self.now.saturating_add(producer.after);
            self.arm_source(cx, node);
        }
        if let Some(worker) = work.worker() {
            if worker.function.is_some() {
                self.provision(cx, node);
            }
            if let Some(stream) = &worker.stream {
                self.begin_stream(node, stream);
            }
            self.recover_keeping(cx, node);
        }
    }

    /// Goes over from one plan to the next.
    pub(super) fn edit<O: Observer>(&mut self, old: &Plan, cx: &mut Cx<'_, O>) {
        let new = cx.plan;
        cx.show(What::Edited { revision: new.revision() });
        let was_alive = |node: usize| old.nodes.get(node).is_some_and(|node| node.alive);
        let known_nodes = self.nodes.len();
        let known_cursors = self.cursors.len();
        let left: Vec<u32> = (0..new.nodes.len())
            .filter(|node| was_alive(*node) && !new.nodes[*node].alive)
            .map(|node| node as u32)
            .collect();

        self.wake_before_edit(&left);
        self.part_from_breakers(cx, old);
        self.purge_subscriptions(cx, old, &left);
        self.part_from_members(old, new);
        self.edit_dedups(old, new);
        self.grow(new);
        self.lay_lines(new);
        for cursor in 0..new.cursors.len() as u32 {
            let was_alive = old.cursors.get(cursor as usize).is_some_and(|cursor| cursor.alive);
            if new.cursors[cursor as usize].alive && !was_alive {
                self.open_cursor(cx, old, cursor, (cursor as usize) < known_cursors);
            }
        }
        self.hurry_timers(cx, old);
        self.edit_rules(cx);
        self.edit_places(cx, old);
        for sub in 0..new.subs.len() {
            self.rebalance(cx, SubIx(sub as u32));
        }
        for node in 0..new.nodes.len() {
            let ix = NodeIx(node as u32);
            if !new.nodes[node].alive {
                continue;
            }
            if node >= known_nodes || !was_alive(node) {
                if node < known_nodes && matches!(new.nodes[node].tag, KindTag::Producer | KindTag::Gateway) {
                    let extra = self.nodes[node].extra as usize;
                    self.producers[extra].restart(self.now);
                }
                self.begin_node(cx, ix);
            } else {
                self.change_node(cx, old, ix);
            }
        }
        self.edit_faults(cx, old);
        for sub in 0..new.subs.len() {
            let (sub_ix, sub) = (SubIx(sub as u32), &new.subs[sub]);
            if !sub.is_inbox && sub.alive {
                self.wake(sub_ix, sub);
            }
        }
        for partition in 0..new.partitions.len() {
            self.trim(cx, partition, false);
        }
        let doors: Vec<u32> = self.doors.keys().copied().collect();
        for door in doors {
            self.open_door(SubIx(door));
        }
    }

    /// Timers that were set by an earlier rule may come too late by the new one. They stay, and come to nothing.
    fn hurry_timers<O: Observer>(&mut self, cx: &Cx<'_, O>, old: &Plan) {
        let new = cx.plan;
        for (partition, plan) in new.partitions.iter().enumerate() {
            let before = old.topics.get(plan.topic.index());
            if before.is_some_and(|before| new.topics[plan.topic.index()].keep < before.keep) {
                self.partitions[partition].retention_armed = false;
            }
        }
    }

    /// A node that stays: what its settings changed takes effect.
    fn change_node<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan, node: NodeIx) {
        let (before, after) = (&old.nodes[node.index()].work, &cx.plan.nodes[node.index()].work);
        if let (Some(before), Some(after)) = (before.source(), after.source()) {
            let extra = self.nodes[node.index()].extra as usize;
            if !before.pacing.is_same(&after.pacing) {
                self.producers[extra].restart(self.now);
            } else if after.stops_after > self.producers[extra].made {
                self.producers[extra].is_ended = false;
            }
            self.arm_source(cx, node);
        }
        if let Some(worker) = after.worker() {
            if worker.function.is_some() && !self.is_down(node) {
                self.provision(cx, node);
            }
            if let Some(stream) = &worker.stream {
                self.change_stream(cx, old, node, stream);
            }
            self.change_keeping(cx, old, node);
            self.begin_next(cx, node);
        }
    }

    /// What members that are gone have in their hands is theirs no more: if they come back, they come with empty ones.
    fn part_from_members(&mut self, old: &Plan, new: &Plan) {
        let stays = |sub: usize, link: LinkIx| {
            new.subs[sub].alive && new.subs[sub].members.iter().any(|member| member.link == link)
        };
        let mut gone = BTreeSet::new();
        for (ix, sub) in old.subs.iter().enumerate().filter(|(_, sub)| sub.alive && !sub.is_inbox) {
            let members = sub.members.iter().map(|member| member.link);
            gone.extend(members.filter(|link| !stays(ix, *link)).map(|link| (ix as u32, link.0)));
        }
        if gone.is_empty() {
            return;
        }
        for job in self.jobs.each_mut() {
            let is_delivery =
                matches!(job.tag, Tag::Deliver | Tag::Work | Tag::Cold | Tag::Ack | Tag::Nack | Tag::Unheld);
            let cursor = old.cursors.get(job.source as usize).filter(|_| is_delivery);
            if cursor.is_some_and(|cursor| gone.contains(&(cursor.sub.0, job.link))) {
                job.link |= Job::LEFT;
            }
        }
    }

    /// Settles what is owed to what is gone, and takes back what members that are gone hold.
    fn purge_subscriptions<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan, left: &[u32]) {
        let new = cx.plan;
        for node in left {
            self.clear_node(cx, old, NodeIx(*node));
        }
        for (cursor, plan) in old.cursors.iter().enumerate() {
            let cursor = cursor as u32;
            if !plan.alive {
                continue;
            }
            if !new.cursors[cursor as usize].alive {
                self.purge_cursor(cx, cursor);
                continue;
            }
            let stays = |link: u32| new.subs[plan.sub.index()].members.iter().any(|member| member.link.0 == link);
            let gone = old.subs[plan.sub.index()].members.iter().filter(|member| !stays(member.link.0));
            for member in gone {
                self.revoke(cx, cursor, Some(member.link.0));
            }
        }
    }

    /// Ends every open obligation of a cursor; what comes to its log from here on is not owed.
    fn purge_cursor<O: Observer>(&mut self, cx: &mut Cx<'_, O>, cursor: u32) {
        let plan = cx.plan;
        let CursorTarget { sub_ix, partition_ix } = target(plan, cursor);
        let sub = &plan.subs[sub_ix.index()];
        if sub.is_outside {
            self.purge_outside(cx, cursor);
            return;
        }
        let floor = self.cursors[cursor as usize].floor;
        for place in 0..self.cursors[cursor as usize].open.len() {
            let offset = floor + place as u64;
            let Some(slot) = self.partitions[partition_ix].log.get(offset).copied() else { continue };
            let state = &mut self.cursors[cursor as usize];
            let from = match state.open[place].state {
                OpenState::Settled => continue,
                OpenState::Queued => Phase::Queued,
                OpenState::Delayed => Phase::Delayed,
                OpenState::InFlight => Phase::InFlight,
            };
            state.open[place].state = OpenState::Settled;
            state.counts.purged += 1;
            match from {
                Phase::Queued => {
                    state.again -= 1;
                    self.count_unqueued(sub_ix, sub, plan.events[slot.kind().index()].size);
                }
                Phase::Delayed => {
                    state.delayed -= 1;
                    self.subs[sub.slot as usize].delayed -= 1;
                }
                Phase::InFlight => {
                    state.in_flight -= 1;
                    self.subs[sub.slot as usize].in_flight -= 1;
                    self.forget_probe(sub, cursor, offset);
                }
            }
            if !planted!(PurgedInSilence) {
                cx.show(What::Purged { sub: sub_ix, event: slot.event, from });
            }
        }
        while let Some(offset) = self.cursors[cursor as usize].next_fresh() {
            let slot = self.partitions[partition_ix].log.get(offset).copied();
            let state = &mut self.cursors[cursor as usize];
            state.fresh -= 1;
            state.next += 1;
            state.counts.purged += 1;
            if let Some(slot) = slot {
                self.count_unqueued(sub_ix, sub, plan.events[slot.kind().index()].size);
                cx.show(What::Purged { sub: sub_ix, event: slot.event, from: Phase::Queued });
            }
        }
        let end = self.partitions[partition_ix].log.end();
        let state = &mut self.cursors[cursor as usize];
        state.open.clear();
        state.redeliver.clear();
        state.later.clear();
        state.mask = None;
        state.line = None;
        state.owner = None;
        state.floor = end;
        state.next = end;
        state.is_ready = false;
        self.subs[sub.slot as usize].ready.retain(|ready| *ready != cursor);
    }

    /// A subscription begins to read a partition, or goes on where it was when it was removed.
    fn open_cursor<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan, cursor: u32, is_restored: bool) {
        let plan = cx.plan;
        let CursorTarget { sub_ix, partition_ix } = target(plan, cursor);
        let sub = &plan.subs[sub_ix.index()];
        let partition = &plan.partitions[partition_ix];
        let log = &self.partitions[partition_ix];
        let end = log.log.end();
        // What the log must still hold: everything if it keeps, else what somebody had to get before this edit.
        let others =
            partition.cursors.iter().filter(|other| old.cursors.get(**other as usize).is_some_and(|was| was.alive));
        let unsettled = others.filter_map(|other| self.cursors[*other as usize].first_open()).min().unwrap_or(end);
        let oldest = if plan.topics[partition.topic.index()].keeps() { log.start } else { unsettled };
        let first = if is_restored {
            self.cursors[cursor as usize].next.saturating_sub(u64::from(planted!(OffsetOneBack))).max(oldest)
        } else {
            log.place_of(sub.from, oldest).clamp(oldest, end)
        };
        let state = &mut self.cursors[cursor as usize];
        state.floor = first.min(end);
        state.next = state.floor;
        for offset in first..end {
            let partition_state = &self.partitions[partition_ix];
            let Some(slot) = partition_state.log.get(offset).copied() else { continue };
            if partition_state.is_gone(offset) {
                self.cursors[cursor as usize].pass(offset);
                continue;
            }
            let payload = partition_state.payload(offset).cloned();
            let matching = self.matching(cx, sub_ix, &slot, payload.as_ref());
            if matching == Match::No {
                self.cursors[cursor as usize].pass(offset);
                continue;
            }
            self.cursors[cursor as usize].counts.opened += 1;
            let (event, kind, number) = (slot.event, slot.kind(), partition.number);
            let topic = Some(partition.topic);
            cx.show(What::Opened { sub: sub_ix, event, kind, topic, partition: number, offset, link: None });
            let hops_exceeded = slot.hops() > plan.hop_limit;
            if hops_exceeded || matching == Match::Broken {
                // As if it were accepted just now.
                self.cursors[cursor as usize].pass(offset);
                let reason = if hops_exceeded { Reason::HopLimit } else { Reason::Decode };
                self.give_up(cx, cursor, &GivenUp::fresh(slot, payload.as_ref(), reason).at(offset));
                continue;
            }
            if sub.line.is_some() {
                self.stand_in_line(cx, cursor, offset, slot, payload.as_ref());
                continue;
            }
            self.cursors[cursor as usize].queue();
            self.count_queued(sub, cursor, plan.events[kind.index()].size);
        }
    }

    /// A node is gone: what it was doing and what waited in front of it ends here.
    fn clear_node<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan, node: NodeIx) {
        let inbox = old.nodes[node.index()].work.worker().and_then(|worker| worker.inbox);
        for handle in self.drain_queue(node) {
            self.purge_call(cx, old, handle, Phase::Queued);
        }
        let mut ended: Vec<(u32, Phase)> = Vec::new();
        let jobs = &self.jobs;
        let foreground = &mut self.foreground;
        self.list.retain(|handle| {
            let job = &jobs[handle];
            let is_its_own = match job.tag {
                Tag::Work
                | Tag::Cold
                | Tag::EmitLater
                | Tag::Deliver
                | Tag::CallAgain
                | Tag::Source
                | Tag::Token
                | Tag::Reclaim
                | Tag::Unheld
                | Tag::Watermark
                | Tag::Sweep
                | Tag::ScaleOut
                | Tag::Unsent
                | Tag::Relay
                | Tag::Mark
                | Tag::SagaTimer => true,
                Tag::Publish
                | Tag::Gate
                | Tag::Reset
                | Tag::CallLost
                | Tag::CallResend
                | Tag::CallDeadline
                | Tag::ReplyDue
                | Tag::Call
                | Tag::Waiting
                | Tag::DeadLetter
                | Tag::Ack
                | Tag::Nack
                | Tag::AckTimer
                | Tag::Due
                | Tag::Expiry
                | Tag::FaultBegin
                | Tag::FaultEnd
                | Tag::Retention
                | Tag::Clean => false,
            };
            if job.node != node.0 || !is_its_own {
                return true;
            }
            if !job.tag.is_background() {
                *foreground -= 1;
            }
            ended.push((handle, if job.tag == Tag::CallAgain { Phase::Delayed } else { Phase::InFlight }));
            false
        });
        self.ready_completions.retain(|ready| match ready {
            Ready::Job(handle) if jobs[*handle].node == node.0 => {
                ended.push((*handle, Phase::InFlight));
                false
            }
            Ready::Job(_) | Ready::Dispatch(_) | Ready::Door(_) | Ready::Sweep(_) => true,
        });
        for (handle, phase) in ended {
            if self.jobs[handle].tag == Tag::Unsent {
                let event = self.jobs[handle].slot.event;
                Self::show_kept(cx, node, Some(event), Kept::Unpublished);
            }
            self.purge_call(cx, old, handle, phase);
        }
        let state = &mut self.nodes[node.index()];
        state.busy = 0;
        state.token_armed = false;
        let extra = state.extra as usize;
        match old.nodes[node.index()].tag {
            KindTag::Function => self.functions[extra] = FunctionState::default(),
            KindTag::Producer => self.producers[extra].restart(self.now),
            KindTag::Gateway => {
                self.producers[extra].restart(self.now);
                self.purge_requests(cx, node);
            }
            KindTag::Stream => {
                // Its timer is gone with the rest.
                self.stream_state(node).timer = None;
                self.forget_state(cx, node, None);
            }
            KindTag::Bus
            | KindTag::Consumer
            | KindTag::Service
            | KindTag::DeadLetterQueue
            | KindTag::Store
            | KindTag::Note => {}
        }
        self.stop_keeping(node);
        if let Some(inbox) = inbox
            && self.doors.contains_key(&inbox.0)
        {
            self.open_door(inbox);
        }
    }

    /// Frees a job of a node that is gone. If it is a call, its obligation ends; a delivery is taken back by its cursor.
    fn purge_call<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan, handle: u32, from: Phase) {
        let job = self.jobs[handle];
        let is_call = job.source != Job::NONE && job.source & Job::INBOX != 0;
        // Its deadline may still be to come: it finds nothing that waits.
        self.jobs[handle].tag = Tag::Call;
        self.jobs.remove(handle);
        if !is_call {
            return;
        }
        self.forget_call(&job);
        let sub = SubIx(job.source & !Job::INBOX);
        let inbox = &mut self.inboxes[old.subs[sub.index()].slot as usize];
        match from {
            Phase::Queued => {
                inbox.queued -= 1;
                let size = old.events[job.slot.kind().index()].size;
                inbox.queued_bytes = inbox.queued_bytes.saturating_sub(size);
            }
            Phase::Delayed => inbox.delayed -= 1,
            Phase::InFlight => inbox.in_flight -= 1,
        }
        inbox.purged += 1;
        cx.show(What::Purged { sub, event: job.slot.event, from });
    }
}

struct CursorTarget {
    sub_ix: SubIx,
    partition_ix: usize,
}

fn target(plan: &Plan, cursor: u32) -> CursorTarget {
    let cursor = &plan.cursors[cursor as usize];
    CursorTarget { sub_ix: cursor.sub, partition_ix: cursor.partition as usize }
}

impl Pace {
    /// Whether a producer can go on as it was.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::ByHand, Self::ByHand) | (Self::Never, Self::Never) => true,
            (Self::Constant(a), Self::Constant(b)) => a == b,
            (Self::Poisson { mean_nanos: a }, Self::Poisson { mean_nanos: b }) => a == b,
            (
                Self::Bursts { size, every, within },
                Self::Bursts { size: other_size, every: other_every, within: other_within },
            ) => (size, every, within) == (other_size, other_every, other_within),
            (
                Self::Schedule { steps, ramp, repeat, spacing },
                Self::Schedule { steps: other_steps, ramp: other_ramp, repeat: other_repeat, spacing: other_spacing },
            ) => (steps, ramp, repeat, spacing) == (other_steps, other_ramp, other_repeat, other_spacing),
            (
                Self::Replay { log, kinds, pace },
                Self::Replay { log: other_log, kinds: other_kinds, pace: other_pace },
            ) => (Arc::ptr_eq(log, other_log) || log == other_log) && kinds == other_kinds && pace == other_pace,
            _ => false,
        }
    }
}
