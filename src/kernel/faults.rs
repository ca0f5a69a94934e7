//! Faults: what is broken on purpose right now, when that begins and ends, and what it does to nodes.
//!
//! Everything here stands behind one flag, [`FaultState::is_on`]: a run in which nothing is broken pays for that branch
//! and for nothing else. What faults do on the way along a link is in [`super::fault_links`].

use std::collections::BTreeMap;

use super::draws::{Draws, Streams};
use super::event_list::Class;
use super::state::{Job, MemberState, Tag};
use super::{Cx, Kernel, Ready};
use crate::model::{FaultIx, FaultKind, KindTag, LinkIx, NodeIx, SimDuration, SimTime, SubIx};
use crate::plan::{Aim, Pace, Plan, ReplayAt};
use crate::trace::{Kept, Leg, Observer, Reason, Stage, What};

/// What is broken right now.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultState {
    /// Whether anything is.
    pub(super) is_on: bool,
    pub(super) active: Vec<Active>,
    /// How many were made by hand so far.
    by_hand: u32,
    /// Which timers of each fault of the scenario are the valid ones.
    epochs: Vec<u32>,
    /// Nodes that stand still.
    halted: BTreeMap<u32, Halted>,
}

/// A fault that is on.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) fault: FaultIx,
    pub(super) on: Aim,
    pub(super) kind: FaultKind,
    /// One stream for each of its links.
    pub(super) draws: Vec<Draws>,
    since: u64,
}

/// What a node that stands still would be doing.
#[derive(Clone, Debug, Default)]
struct Halted {
    since: u64,
    /// What was to come, and how much of the time to it was left.
    later: Vec<(u64, Class, u32)>,
    /// What has come since, in order.
    arrived: Vec<u32>,
}

/// A fault that is on, for whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultNow {
    /// Which.
    pub fault: FaultIx,
    /// What it is about.
    pub on: Aim,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Since when.
    pub since: SimTime,
}

impl Kernel {
    /// What is broken right now, in the order of the faults' numbers.
    pub fn faults_now(&self) -> impl Iterator<Item = FaultNow> {
        let now = |active: &Active| FaultNow {
            fault: active.fault,
            on: active.on.clone(),
            kind: active.kind,
            since: SimTime::from_nanos(active.since),
        };
        self.faults.active.iter().map(now)
    }

    /// The crash that a node is gone by, if it is.
    pub(super) fn downed_by(&self, node: NodeIx) -> Option<FaultIx> {
        let mut active = self.faults.active.iter();
        active.find(|active| active.kind == FaultKind::Crash && active.on == Aim::Node(node)).map(|active| active.fault)
    }

    /// Whether a node is gone.
    pub(super) fn is_down(&self, node: NodeIx) -> bool {
        self.faults.is_on && self.downed_by(node).is_some()
    }

    /// Whether a node stands still, and nobody knows.
    pub(super) fn is_halted(&self, node: NodeIx) -> bool {
        self.faults.is_on && self.faults.halted.contains_key(&node.0)
    }

    /// Whether a node does nothing for now, gone or standing still.
    pub(super) fn is_still(&self, node: NodeIx) -> bool {
        self.is_halted(node) || self.is_down(node)
    }

    // ---- when -----------------------------------------------------------------------------------------------------

    /// Puts the scenario into the list.
    pub(super) fn schedule_faults(&mut self, plan: &Plan) {
        self.faults.epochs.resize(plan.faults.len(), 0);
        for place in 0..plan.faults.len() {
            self.arm_fault(plan, place);
        }
    }

    fn arm_fault(&mut self, plan: &Plan, place: usize) {
        let fault = &plan.faults[place];
        if fault.alive && fault.until > self.now {
            let token = self.faults.epochs[place];
            let job = Job { token, ..Job::timer(Tag::FaultBegin, Job::NONE, place as u32) };
            self.arm(fault.at.max(self.now), Class::Fault, job);
        }
    }

    /// A fault of the scenario is due.
    pub(super) fn on_fault_begin<O: Observer>(&mut self, cx: &mut Cx<'_, O>, place: u32, epoch: u32) {
        if self.faults.epochs[place as usize] == epoch {
            let fault = &cx.plan.faults[place as usize];
            self.begin_fault(cx, FaultIx(place), fault.on.clone(), fault.kind, fault.until, epoch);
        }
    }

    /// A fault is over.
    pub(super) fn on_fault_end<O: Observer>(&mut self, cx: &mut Cx<'_, O>, fault: FaultIx, epoch: u32) {
        let is_valid = match fault.hand_number() {
            Some(_) => true,
            None => self.faults.epochs[fault.index()] == epoch,
        };
        if is_valid {
            self.end_faults(cx, |active| active.fault == fault);
        }
    }

    /// A hand breaks something.
    pub(super) fn break_by_hand<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        on: Aim,
        kind: FaultKind,
        lasts: Option<SimDuration>,
    ) {
        let fault = FaultIx::by_hand(self.faults.by_hand);
        self.faults.by_hand += 1;
        let until = lasts.map_or(u64::MAX, |lasts| self.now.saturating_add(lasts.as_nanos()));
        self.begin_fault(cx, fault, on, kind, until, 0);
    }

    fn begin_fault<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        fault: FaultIx,
        on: Aim,
        kind: FaultKind,
        until: u64,
        epoch: u32,
    ) {
        if !is_drawn(cx.plan, &on) || kind.chance().billionths() == 0 {
            return;
        }
        let name = cx.plan.fault_name(fault);
        let (mut draws, mut node, mut link) = (Vec::new(), None, None);
        match &on {
            Aim::Node(on) => node = Some(*on),
            Aim::Links(links) => {
                link = links.first().copied();
                for link in links {
                    let identity = format!("fault\n{name}\n{}", cx.plan.link_id(*link));
                    draws.push(Streams::new(self.seed, &identity).0.choice);
                }
            }
        }
        let was_still = node.is_some_and(|node| self.is_still(node));
        let was_down = node.is_some_and(|node| self.is_down(node));
        let place = self.faults.active.partition_point(|active| active.fault < fault);
        self.faults.active.insert(place, Active { fault, on, kind, draws, since: self.now });
        self.faults.is_on = true;
        cx.show(What::FaultBegan { fault, kind: kind.tag(), node, link });
        if until < u64::MAX {
            let job = Job { token: epoch, ..Job::timer(Tag::FaultEnd, Job::NONE, fault.0) };
            self.arm(until, Class::Fault, job);
        }
        match (kind, node) {
            (FaultKind::Crash, Some(node)) if !was_down => self.crash(cx, fault, node),
            (FaultKind::Pause, Some(node)) if !was_still => self.halt(node),
            _ => {}
        }
    }

    /// Heals what a hand points at: every fault that is about it is over.
    pub(super) fn heal<O: Observer>(&mut self, cx: &mut Cx<'_, O>, on: &Aim) {
        self.end_faults(cx, |active| active.on.meets(on));
    }

    fn end_faults<O: Observer>(&mut self, cx: &mut Cx<'_, O>, is_over: impl Fn(&Active) -> bool) {
        while let Some(place) = self.faults.active.iter().position(&is_over) {
            let Active { fault, on, kind, since, .. } = self.faults.active.remove(place);
            self.faults.is_on = !self.faults.active.is_empty() || !self.faults.halted.is_empty();
            cx.show(What::FaultEnded { fault });
            let Aim::Node(node) = on else { continue };
            if !cx.plan.is_alive(node) {
                continue;
            }
            match kind {
                FaultKind::Crash if !self.is_down(node) => self.restart(cx, node, since),
                FaultKind::Pause => {
                    let stays = |active: &Active| active.kind == FaultKind::Pause && active.on == Aim::Node(node);
                    if !self.faults.active.iter().any(stays) {
                        self.unhalt(cx, node);
                    }
                }
                _ => {}
            }
        }
        self.faults.is_on = !self.faults.active.is_empty() || !self.faults.halted.is_empty();
    }

    /// Before an edit: what a node that goes was doing while it stood still is back where all others' is.
    pub(super) fn wake_before_edit(&mut self, left: &[u32]) {
        for node in left {
            self.put_back(NodeIx(*node));
        }
    }

    /// After an edit: what changed of the scenario begins anew, and what is about nothing is over.
    pub(super) fn edit_faults<O: Observer>(&mut self, cx: &mut Cx<'_, O>, old: &Plan) {
        let new = cx.plan;
        self.faults.epochs.resize(new.faults.len(), 0);
        for (place, fault) in new.faults.iter().enumerate() {
            if old.faults.get(place) != Some(fault) {
                self.faults.epochs[place] += 1;
                self.end_faults(cx, |active| active.fault == FaultIx(place as u32));
                self.arm_fault(new, place);
            }
        }
        self.end_faults(cx, |active| !is_drawn(new, &active.on));
    }

    // ---- nodes ----------------------------------------------------------------------------------------------------

    /// A node is gone, with everything that it had in memory.
    fn crash<O: Observer>(&mut self, cx: &mut Cx<'_, O>, fault: FaultIx, node: NodeIx) {
        let plan = cx.plan;
        let halted = self.faults.halted.remove(&node.0).unwrap_or_default();
        for handle in halted.arrived {
            // It stood still; now it refuses what came meanwhile.
            self.later(self.now, Class::Arrival, handle);
        }
        let mut lost: Vec<(u32, Stage)> = Vec::new();
        for handle in self.drain_queue(node) {
            lost.push((handle, Stage::Waiting));
        }
        let mut ended: Vec<u32> = halted.later.into_iter().map(|(_, _, handle)| handle).collect();
        let is_volatile = |job: &Job| {
            job.node == node.0
                && matches!(
                    job.tag,
                    Tag::Work
                        | Tag::Cold
                        | Tag::EmitLater
                        | Tag::Deliver
                        | Tag::Ack
                        | Tag::Nack
                        | Tag::Unheld
                        | Tag::Source
                        | Tag::Token
                        | Tag::Watermark
                        | Tag::Sweep
                        | Tag::Reclaim
                        | Tag::ScaleOut
                        | Tag::Unsent
                        | Tag::Relay
                        | Tag::Mark
                        | Tag::SagaTimer
                        | Tag::CallLost
                        | Tag::CallResend
                )
        };
        let (jobs, foreground) = (&self.jobs, &mut self.foreground);
        self.list.retain(|handle| {
            let job = &jobs[handle];
            if !is_volatile(job) {
                return true;
            }
            if !job.tag.is_background() {
                *foreground -= 1;
            }
            ended.push(handle);
            false
        });
        self.ready_completions.retain(|ready| match ready {
            Ready::Job(handle) if jobs[*handle].node == node.0 => {
                ended.push(*handle);
                false
            }
            Ready::Job(_) | Ready::Dispatch(_) | Ready::Door(_) | Ready::Sweep(_) => true,
        });
        let mut unsent: Vec<u32> = Vec::new();
        for handle in ended {
            match self.jobs[handle].tag {
                Tag::Work => lost.push((handle, Stage::Handling)),
                Tag::Cold => lost.push((handle, Stage::Waiting)),
                Tag::Deliver => lost.push((handle, Stage::OnWire)),
                Tag::Ack | Tag::Nack => lost.push((handle, Stage::Answering)),
                Tag::Unsent => {
                    let event = self.jobs[handle].slot.event;
                    self.jobs.remove(handle);
                    Self::show_kept(cx, node, Some(event), Kept::Unpublished);
                }
                Tag::CallLost | Tag::CallResend => unsent.push(handle),
                _ => self.jobs.remove(handle),
            }
        }
        let state = &mut self.nodes[node.index()];
        state.busy = 0;
        state.token_armed = false;
        state.is_deadlocked = false;
        let extra = state.extra as usize;
        for (handle, stage) in lost {
            self.lose_attempt(cx, fault, handle, stage);
        }
        for handle in unsent {
            self.end_unsent(cx, handle, Reason::Down);
        }
        self.lose_at_doors(cx, fault, node);
        self.forget_requests(node);
        let breakers: Vec<u32> = self.call_breakers.keys().copied().collect();
        for link in breakers.into_iter().filter(|link| plan.links[*link as usize].from == node) {
            self.drop_call_breaker(cx, link);
        }
        self.lay_gates(plan);
        match plan.nodes[node.index()].work.source() {
            Some(producer) => {
                let state = &mut self.producers[extra];
                if state.is_armed && matches!(producer.pacing, Pace::Replay { .. }) {
                    // The row that was to come next is still to come, if its time is not over by then.
                    state.step -= 1;
                }
                state.is_armed = false;
                state.is_held = false;
                state.epoch += 1;
            }
            None if plan.nodes[node.index()].work.worker().is_some_and(|worker| worker.function.is_some()) => {
                let state = &mut self.functions[extra];
                state.idle.clear();
                state.reclaim_armed = false;
                state.scale_armed = false;
                if std::mem::take(&mut state.total) > 0 {
                    cx.show(What::InstanceReclaimed { node, instances: 0 });
                }
            }
            None => {
                let worker = plan.nodes[node.index()].work.worker();
                if let Some(stream) = worker.and_then(|worker| worker.stream.as_ref()) {
                    self.crash_stream(cx, fault, node, stream);
                }
            }
        }
        self.stop_keeping(node);
        self.lose_connections(cx, node);
    }

    /// What a node that is gone had emitted and waited with before full queues was in its memory: it is lost.
    fn lose_at_doors<O: Observer>(&mut self, cx: &mut Cx<'_, O>, fault: FaultIx, node: NodeIx) {
        let doors: Vec<u32> = self.doors.keys().copied().collect();
        for door in doors {
            let Some(waiting) = self.doors.get_mut(&door) else { continue };
            let jobs = &self.jobs;
            let lost: Vec<u32> = waiting.iter().copied().filter(|handle| jobs[*handle].node == node.0).collect();
            if lost.is_empty() {
                continue;
            }
            waiting.retain(|handle| !lost.contains(handle));
            if waiting.is_empty() {
                self.doors.remove(&door);
            }
            let sub = SubIx(door);
            self.close_door(cx.plan, sub, lost.len() as u32);
            for handle in lost {
                let job = self.jobs[handle];
                self.nodes[node.index()].waiting_out -= 1;
                let (link, event, kind) = (LinkIx(job.link), job.slot.event, job.slot.kind());
                let leg = if job.tag == Tag::Call { Leg::Call } else { Leg::Publish };
                cx.show(What::LinkLost { fault, link, event, kind, leg });
                if job.tag == Tag::Call {
                    self.end_unsent(cx, handle, Reason::Down);
                } else {
                    self.jobs.remove(handle);
                }
            }
            self.open_door(sub);
        }
    }

    /// Takes one job out of what a node that stands still would be doing; whether it was there.
    pub(super) fn take_from_halted(&mut self, node: NodeIx, handle: u32) -> bool {
        let Some(halted) = self.faults.halted.get_mut(&node.0) else { return false };
        let place = halted.later.iter().position(|(_, _, of)| *of == handle);
        place.map(|place| halted.later.remove(place)).is_some()
    }

    /// Buses see the connections to a node break: what it held is queued again, its partitions go to others.
    fn lose_connections<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        for (ix, sub) in cx.plan.subs.iter().enumerate() {
            if sub.is_inbox || !sub.alive {
                continue;
            }
            for member in sub.members.iter().filter(|member| member.node == node) {
                let is_its_own = |state: &&mut MemberState| state.link == member.link.0;
                if let Some(state) = self.subs[sub.slot as usize].members.iter_mut().find(is_its_own) {
                    state.held = 0;
                }
                for cursor in sub.cursors.iter().filter(|_| !planted!(CrashForgetsInFlight)) {
                    self.revoke(cx, *cursor, Some(member.link.0));
                }
            }
            if sub.members.iter().any(|member| member.node == node) {
                let sub_ix = SubIx(ix as u32);
                self.rebalance(cx, sub_ix);
                self.wake(sub_ix, sub);
            }
        }
    }

    /// One attempt is lost with its node. A caller hears of it at once; a bus by the connection that breaks.
    fn lose_attempt<O: Observer>(&mut self, cx: &mut Cx<'_, O>, fault: FaultIx, handle: u32, stage: Stage) {
        let job = self.jobs[handle];
        let is_call = job.source & Job::INBOX != 0;
        if is_call && job.tag == Tag::Waiting {
            self.leave_inbox(cx, handle);
        }
        let sub = if is_call { SubIx(job.source & !Job::INBOX) } else { cx.plan.cursors[job.source as usize].sub };
        let job = self.jobs[handle];
        let handled = if stage == Stage::Handling { self.now - job.slot.at } else { 0 };
        cx.show(What::LostInCrash {
            fault,
            node: NodeIx(job.node),
            link: (job.link != Job::NONE).then_some(job.way()),
            sub,
            event: job.slot.event,
            attempt: job.attempt.into(),
            stage,
            service: SimDuration::from_nanos(handled),
            lost: !is_call && job.token == Job::SETTLED,
        });
        if is_call {
            self.close_call(cx, handle, Some(Reason::Down));
        } else {
            self.jobs.remove(handle);
        }
    }

    /// Something comes to the door of a node that is gone.
    pub(super) fn lose_at_door<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let Some(fault) = self.downed_by(NodeIx(job.node)) else { return };
        if job.source & Job::INBOX == 0 {
            self.free_hold(cx, &job);
        }
        self.lose_attempt(cx, fault, handle, Stage::Waiting);
    }

    /// A node that was gone is there again, with nothing in memory.
    fn restart<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, since: u64) {
        let (now, extra) = (self.now, self.nodes[node.index()].extra as usize);
        if let Some(producer) = cx.plan.nodes[node.index()].work.source() {
            let state = &mut self.producers[extra];
            match &producer.pacing {
                // What it missed does not pile up: it begins its pacing anew.
                Pace::Constant(_) | Pace::Poisson { .. } | Pace::Bursts { .. } if state.base < now => {
                    state.base = now;
                    state.step = 0;
                }
                Pace::Schedule { .. } => {
                    state.position = state.position.max(now.saturating_sub(state.base) as f64);
                }
                Pace::Replay { log, kinds: _, pace: ReplayAt::Times(factor) } => {
                    let due = |at: SimTime| {
                        let scaled = u128::from(at.as_nanos()) * 1_000 / u128::from(factor.thousandths());
                        state.base.saturating_add(u64::try_from(scaled).unwrap_or(u64::MAX))
                    };
                    let rows = log.rows.iter().skip(state.step as usize);
                    state.step += rows.take_while(|row| due(SimTime::ZERO + row.at) < now).count() as u64;
                }
                Pace::Replay { log: _, kinds: _, pace: ReplayAt::Every(_) } => {
                    state.base = state.base.saturating_add(now - since.max(state.base).min(now));
                }
                Pace::Constant(_) | Pace::Poisson { .. } | Pace::Bursts { .. } | Pace::ByHand | Pace::Never => {}
            }
            self.arm_source(cx, node);
        }
        if let Some(worker) = cx.plan.nodes[node.index()].work.worker() {
            if worker.function.is_some() {
                self.provision(cx, node);
            }
            if let Some(stream) = &worker.stream {
                self.begin_stream(node, stream);
            }
            self.recover_keeping(cx, node);
            for (ix, sub) in cx.plan.subs.iter().enumerate() {
                if !sub.is_inbox && sub.alive && sub.members.iter().any(|member| member.node == node) {
                    self.rebalance(cx, SubIx(ix as u32));
                    self.wake(SubIx(ix as u32), sub);
                }
            }
            self.begin_next(cx, node);
        }
        self.reopen(cx.plan, node);
    }

    /// A bus hands over again, and lets in who waits.
    fn reopen(&mut self, plan: &Plan, node: NodeIx) {
        if plan.node_kind(node) != KindTag::Bus {
            return;
        }
        for sub in plan.subs_of(node).collect::<Vec<_>>() {
            self.wake(sub, &plan.subs[sub.index()]);
            if self.doors.contains_key(&sub.0) {
                self.open_door(sub);
            }
        }
    }

    /// A node stands still: what it was about to do is set aside, with the time that was left to it.
    fn halt(&mut self, node: NodeIx) {
        let mut halted = Halted { since: self.now, ..Halted::default() };
        let jobs = &self.jobs;
        let is_its_own = |handle: u32| {
            let job = &jobs[handle];
            // Tokens and instances come with time, whoever looks: those timers go on, and find it standing still.
            let freezes = matches!(
                job.tag,
                Tag::Work | Tag::Cold | Tag::EmitLater | Tag::Source | Tag::CallLost | Tag::CallResend
            );
            job.node == node.0 && (freezes || job.tag.is_keeping())
        };
        for key in self.list.take_out(is_its_own) {
            halted.later.push((key.nanos() - self.now, class_of(self.jobs[key.handle()].tag), key.handle()));
        }
        self.foreground -= halted.later.len() as u64;
        self.faults.halted.insert(node.0, halted);
    }

    /// A node goes on where it stood still.
    fn unhalt<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx) {
        let Some(stood) = self.put_back(node) else { return };
        if cx.plan.nodes[node.index()].work.source().is_some() {
            let state = &mut self.producers[self.nodes[node.index()].extra as usize];
            state.base = state.base.saturating_add(stood);
            self.resume_source(cx, node);
            self.arm_source(cx, node);
        }
        if let Some(stream) = super::nodes::stream_of(cx.plan, node) {
            self.wake_stream(node, stream, stood);
        }
        self.begin_next(cx, node);
        self.reopen(cx.plan, node);
    }

    /// Puts what was set aside back into the list. How long the node stood still, if it did.
    fn put_back(&mut self, node: NodeIx) -> Option<u64> {
        let Halted { since, later, arrived } = self.faults.halted.remove(&node.0)?;
        for handle in arrived {
            self.later(self.now, Class::Arrival, handle);
        }
        for (left, class, handle) in later {
            self.later(self.now.saturating_add(left), class, handle);
        }
        Some(self.now - since)
    }

    /// Keeps what came to a node that stands still until it goes on.
    pub(super) fn keep_for(&mut self, node: NodeIx, handle: u32) {
        if let Some(halted) = self.faults.halted.get_mut(&node.0) {
            halted.arrived.push(handle);
        }
    }

    /// How long a handling takes at a node that is slow.
    pub(super) fn slowed<O: Observer>(&self, cx: &mut Cx<'_, O>, handle: u32, takes: u64) -> u64 {
        let job = &self.jobs[handle];
        let mut slowed = takes;
        for active in &self.faults.active {
            if let FaultKind::Slow { by } = active.kind
                && active.on == Aim::Node(NodeIx(job.node))
            {
                let longer = u128::from(slowed) * u128::from(by.thousandths()) / 1_000;
                let longer = u64::try_from(longer).unwrap_or(u64::MAX).min(crate::model::limits::DURATION_NANOS);
                let by = SimDuration::from_nanos(longer.saturating_sub(slowed));
                slowed = longer;
                cx.show(What::Slowed { fault: active.fault, node: NodeIx(job.node), event: job.slot.event, by });
            }
        }
        if planted!(SlowInWordsOnly) { takes } else { slowed }
    }
}

const fn class_of(tag: Tag) -> Class {
    match tag {
        Tag::Source => Class::Source,
        Tag::Relay | Tag::Mark | Tag::SagaTimer => Class::Timer,
        Tag::CallLost | Tag::CallResend => Class::Timer,
        _ => Class::Completion,
    }
}

fn is_drawn(plan: &Plan, on: &Aim) -> bool {
    match on {
        Aim::Node(node) => plan.is_alive(*node),
        Aim::Links(links) => links.iter().any(|link| plan.is_link_alive(*link)),
    }
}
