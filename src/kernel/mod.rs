//! The machine: a pure, single-threaded state machine in virtual time. No clock, no thread, no IO.

#[macro_use]
pub mod planted;

mod aggregates;
mod breaker;
mod bus;
mod compaction;
mod data;
mod dedup;
mod draws;
mod edit;
mod event_list;
mod fault_links;
mod faults;
mod groups;
mod holes;
mod idempotence;
mod inbox;
mod keeping;
mod keys;
mod ledger;
mod line;
mod log;
mod nodes;
mod outside;
mod peek;
mod replay;
mod retention;
mod seam;
mod settlement;
mod state;
mod straight;
mod topics;
mod unsent;
mod windows;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

pub use self::event_list::ListChoice;
use self::event_list::{Class, EventList, Key};
pub use self::faults::FaultNow;
pub use self::keys::partition_of;
pub use self::ledger::{Letter, OpenObligation};
pub use self::nodes::StreamNow;
pub use self::nodes::{OutboxNow, SagaNow, SagaWay, SagasNow, StoreCounts, StoreNow, StoreRow};
pub use self::peek::NodeNow;
pub use self::seam::{Incoming, Outgoing, Ownership, Publish, PublishOutcome, Receipt};
use self::state::{
    CursorState, DeadLetter, FunctionState, GraveState, InboxState, Job, Jobs, NodeRest, NodeState, PartitionState,
    ProducerState, SubState, Tag, TopicState,
};
use self::windows::StreamState;
use crate::model::{FaultIx, FaultKind, LinkIx, NodeIx, SimDuration, SimTime, StartAt, SubIx};
use crate::plan::{Aim, Plan, Work};
use crate::trace::{NodeShape, Observer, Record, Shape, SubShape, What};

/// Something that comes into a run from outside. It takes effect at the current instant, before everything else that is
/// due then.
#[derive(Clone, Debug)]
pub enum Input {
    /// A hand presses a producer's button, or calls a service or function.
    Fire {
        /// The node.
        node: NodeIx,
        /// How many events, at most [`limits::FIRED`].
        count: u32,
        /// Their data, in place of the node's own.
        data: Option<Arc<Value>>,
        /// Their partition key, in place of the node's own.
        key: Option<Arc<str>>,
    },
    /// The flow was edited: a plan that was compiled with the current one as `previous`.
    Plan(Arc<Plan>),
    /// Sources stop; what is under way goes on.
    Drain,
    /// A hand breaks something.
    Break {
        /// What.
        on: Aim,
        /// How.
        kind: FaultKind,
        /// For how long; unset means until it is healed.
        lasts: Option<SimDuration>,
    },
    /// A hand heals something: every fault about it is over, also one of the scenario.
    Heal(Aim),
    /// A hand has a view worked out again from the log of its topics.
    Rebuild(NodeIx),
    /// A hand seeks a subscription to a place of its topics' logs.
    Seek {
        /// The subscription.
        sub: SubIx,
        /// Where it goes on reading.
        to: StartAt,
    },
    /// A broker that carries one of the buses told something.
    Outside(Incoming),
}

/// Why [`Kernel::run_until`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything that was due is done; there is more to come later, at [`Kernel::next_due`].
    Until,
    /// The budget is used up; there may be more to do at this very instant.
    Budget,
    /// Nothing is left to do, ever, unless something comes in.
    Quiet,
    /// Nodes block each other in a ring and nothing else is left to do; [`crate::trace::What::Deadlocked`] names them.
    Stuck,
    /// A named limit was reached; the run cannot go on.
    Limit(Limit),
}

/// A limit of a run that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// [`limits::PENDING`].
    #[error("more than {} events are under way at once", limits::PENDING)]
    Pending,
    /// [`limits::REMEMBERED`].
    #[error("idempotent subscriptions remember more than {} events", limits::REMEMBERED)]
    Remembered,
    /// [`limits::RETAINED`].
    #[error("topics keep more than {} records", limits::RETAINED)]
    Retained,
    /// [`limits::STREAM_STATE`].
    #[error("a stream processor holds more than {} windows and events", limits::STREAM_STATE)]
    StreamState,
    /// [`limits::STORE_KEYS`], [`limits::STORE_EVENTS`].
    #[error("a store has more than {} keys, or took more than {} events", limits::STORE_KEYS, limits::STORE_EVENTS)]
    Stored,
    /// [`limits::SAGAS`].
    #[error("a node led more than {} sagas", limits::SAGAS)]
    Sagas,
}

/// Limits of a run.
pub mod limits {
    /// Things under way at once: events on the wire or being handled, and timers.
    pub const PENDING: usize = 1 << 20;
    /// Records that the logs of all topics hold.
    pub const RETAINED: usize = 1 << 25;
    /// Events that an idempotent subscription remembers.
    pub const REMEMBERED: usize = 1 << 22;
    /// Windows and waiting events that one stream processor holds.
    pub const STREAM_STATE: usize = 1 << 20;
    /// Hopping windows that one event is in.
    pub const WINDOWS_PER_EVENT: u32 = crate::plan::WINDOWS_PER_EVENT;
    /// Different values that one window counts; beyond that the figure stays.
    pub const DISTINCT: usize = 100_000;
    /// Hops are counted up to here; a hop limit beyond is none.
    pub const HOPS: u32 = (1 << 19) - 1;
    /// Events that one press of a button makes.
    pub const FIRED: u32 = 100_000;
    /// Dead letters that a queue keeps if it names no figure of its own.
    pub const DEAD_LETTERS: u64 = crate::plan::DEAD_LETTERS;
    /// Keys of one store.
    pub const STORE_KEYS: usize = 1 << 18;
    /// Events that one store takes.
    pub const STORE_EVENTS: u64 = 1 << 22;
    /// Sagas that one node leads, ended ones included.
    pub const SAGAS: usize = 1 << 18;
    /// Event types of a run.
    pub const EVENT_TYPES: usize = crate::plan::EVENT_TYPES;
}

/// A run. A clone is a keyframe: it goes on exactly as the original does.
#[derive(Clone, Debug)]
pub struct Kernel {
    plan: Arc<Plan>,
    seed: u64,
    /// Nanoseconds since the start.
    now: u64,
    sequence: u64,
    steps: u64,
    list: EventList,
    /// What is to be done at this very instant, in order, of the class of arrivals.
    ready_arrivals: VecDeque<Ready>,
    /// The same, of the class of completions.
    ready_completions: VecDeque<Ready>,
    jobs: Jobs,
    nodes: Vec<NodeState>,
    rest: Vec<NodeRest>,
    producers: Vec<ProducerState>,
    functions: Vec<FunctionState>,
    /// Shared with keyframes until they change.
    streams: Vec<Arc<StreamState>>,
    graves: Vec<GraveState>,
    topics: Vec<TopicState>,
    partitions: Vec<PartitionState>,
    /// What topics that know messages again have stored, by topic.
    remembered: BTreeMap<u32, dedup::Remembered>,
    cursors: Vec<CursorState>,
    subs: Vec<SubState>,
    inboxes: Vec<InboxState>,
    /// For keys in turn, by emit setting, up to the last one that has such keys.
    counters: Vec<u32>,
    /// Publishes and calls that wait for room, by subscription.
    doors: BTreeMap<u32, VecDeque<u32>>,
    opened_doors: Vec<u32>,
    inputs: VecDeque<Input>,
    outside: outside::OutsideState,
    faults: faults::FaultState,
    keeping: keeping::Keeping,
    /// How many entries of the list are more than housekeeping.
    foreground: u64,
    /// Records that all logs hold in memory.
    retained: usize,
    limit: Option<Limit>,
    has_begun: bool,
    is_draining: bool,
    has_ring: bool,
    all_data: bool,
    /// What an event comes of has to be known wherever it goes: somebody looks, or gateways wait for replies.
    is_followed: bool,
    /// The circuit breakers of calls, by link.
    call_breakers: BTreeMap<u32, breaker::Breaker>,
    gateways: BTreeMap<u32, nodes::GatewayState>,
    facts_text: data::FactsText,
}

/// Something to do at this very instant.
#[derive(Clone, Copy, Debug)]
enum Ready {
    /// What a job is about.
    Job(u32),
    /// A subscription may have more to hand over.
    Dispatch(u32),
    /// There may be room behind a full queue.
    Door(u32),
    /// Records of a partition were settled that may go for it.
    Sweep(u32),
}

/// What every step needs: the plan, and who is shown the records.
struct Cx<'a, O> {
    plan: &'a Plan,
    now: SimTime,
    out: &'a mut O,
}

impl<O: Observer> Cx<'_, O> {
    #[expect(clippy::inline_always, reason = "each call shows one kind of record, and only its arm is to remain")]
    #[inline(always)]
    fn show(&mut self, what: What<'_>) {
        self.out.record(Record { at: self.now, what });
    }
}

impl Kernel {
    /// A run of a plan that has not begun.
    pub fn new(plan: Arc<Plan>, seed: u64) -> Self {
        Self::with_list(plan, seed, ListChoice::Auto)
    }

    /// A run that keeps what is due in a certain list. It goes the same way with each.
    #[expect(clippy::needless_pass_by_value, reason = "a run holds its plan; callers hand theirs over")]
    pub fn with_list(plan: Arc<Plan>, seed: u64, list: ListChoice) -> Self {
        let mut kernel = Self {
            plan: Arc::clone(&plan),
            seed,
            now: 0,
            sequence: 0,
            steps: 0,
            list: EventList::new(list),
            ready_arrivals: VecDeque::new(),
            ready_completions: VecDeque::new(),
            jobs: Jobs::new(),
            nodes: Vec::with_capacity(plan.nodes.len()),
            rest: Vec::with_capacity(plan.nodes.len()),
            producers: Vec::new(),
            functions: Vec::new(),
            streams: Vec::new(),
            graves: Vec::new(),
            topics: Vec::new(),
            partitions: Vec::new(),
            remembered: BTreeMap::new(),
            cursors: Vec::new(),
            subs: Vec::new(),
            inboxes: Vec::new(),
            counters: Vec::new(),
            doors: BTreeMap::new(),
            opened_doors: Vec::new(),
            inputs: VecDeque::new(),
            outside: outside::OutsideState::default(),
            faults: faults::FaultState::default(),
            keeping: keeping::Keeping::default(),
            foreground: 0,
            retained: 0,
            limit: None,
            has_begun: false,
            is_draining: false,
            has_ring: false,
            all_data: false,
            is_followed: false,
            call_breakers: BTreeMap::new(),
            gateways: BTreeMap::new(),
            facts_text: data::FactsText::default(),
        };
        kernel.grow(&plan);
        kernel.lay_lines(&plan);
        kernel
    }

    /// Handles everything due up to and including `until`, at most `budget` items, and shows each record to `out`.
    ///
    /// Unless the budget was used up, [`Kernel::now`] is then `until`; only [`SimTime::MAX`] stands for no instant: there a run
    /// stops when the last thing has happened that is more than housekeeping.
    pub fn run_until<O: Observer>(&mut self, until: SimTime, budget: u32, out: &mut O) -> Stopped {
        let mut left = budget;
        let mut plan = Arc::clone(&self.plan);
        if !self.has_begun {
            self.has_begun = true;
            self.begin_run(&mut Cx { plan: &plan, now: self.now(), out });
        }
        loop {
            while let Some(input) = self.inputs.pop_front() {
                if left == 0 {
                    self.inputs.push_front(input);
                    return Stopped::Budget;
                }
                left -= 1;
                self.steps += 1;
                let now = self.now();
                match input {
                    Input::Fire { node, count, data, key } => {
                        self.fire(&mut Cx { plan: &plan, now, out }, node, count, data.as_ref(), key.as_ref());
                    }
                    Input::Plan(next) => {
                        out.reshape(&shape_of(&next), now);
                        self.plan = Arc::clone(&next);
                        self.edit(&plan, &mut Cx { plan: &next, now, out });
                        plan = next;
                    }
                    Input::Drain => {
                        self.is_draining = true;
                        Cx { plan: &plan, now, out }.show(What::Draining);
                    }
                    Input::Break { on, kind, lasts } => {
                        self.break_by_hand(&mut Cx { plan: &plan, now, out }, on, kind, lasts);
                    }
                    Input::Heal(on) => self.heal(&mut Cx { plan: &plan, now, out }, &on),
                    Input::Rebuild(node) => {
                        self.rebuild(&mut Cx { plan: &plan, now, out }, node);
                    }
                    Input::Seek { sub, to } => self.seek(&mut Cx { plan: &plan, now, out }, sub, to),
                    Input::Outside(incoming) => self.on_incoming(&mut Cx { plan: &plan, now, out }, &incoming),
                }
            }
            let stopped = self.run_plan(&plan, until.as_nanos(), &mut left, out);
            if self.inputs.is_empty() {
                return stopped;
            }
        }
    }

    /// Lets the clock go on while nothing is left to do but housekeeping; that is done. Nothing else may be due before.
    pub fn idle_until<O: Observer>(&mut self, until: SimTime, out: &mut O) {
        let plan = Arc::clone(&self.plan);
        while self.foreground == 0
            && self.is_ring_empty()
            && self.list.peek().is_some_and(|key| key.nanos() <= until.as_nanos())
        {
            let Some(key) = self.list.pop() else { break };
            self.now = key.nanos();
            self.steps += 1;
            self.handle(&mut Cx { plan: &plan, now: self.now(), out }, key.handle());
        }
        if self.next_due().is_none_or(|due| due > until) {
            self.now = self.now.max(until.as_nanos());
        }
    }

    /// Whether something waits that time alone will end.
    fn may_expire(&self, plan: &Plan) -> bool {
        let may_expire = |cursor: &CursorState| cursor.line.as_ref().is_some_and(|line| line.may_expire());
        plan.has_lines && self.cursors.iter().any(may_expire)
    }

    fn is_ring_empty(&self) -> bool {
        self.ready_arrivals.is_empty() && self.ready_completions.is_empty()
    }

    /// The loop: the least thing that is due, until nothing is.
    fn run_plan<O: Observer>(&mut self, plan: &Plan, until: u64, left: &mut u32, out: &mut O) -> Stopped {
        loop {
            if let Some(limit) = self.limit {
                return Stopped::Limit(limit);
            }
            if *left == 0 {
                return Stopped::Budget;
            }
            let next = self.list.peek();
            // What is in the list for this instant was put there before, so at equal class it comes first.
            let ready = if !self.ready_arrivals.is_empty() {
                Some((Class::Arrival as u8, &mut self.ready_arrivals))
            } else if !self.ready_completions.is_empty() {
                Some((Class::Completion as u8, &mut self.ready_completions))
            } else {
                None
            };
            if let Some((class, ring)) = ready {
                let is_list_first = next.is_some_and(|key| key.nanos() == self.now && key.class() <= class);
                if !is_list_first {
                    let Some(ready) = ring.pop_front() else { continue };
                    *left -= 1;
                    self.steps += 1;
                    let mut cx = Cx { plan, now: SimTime::from_nanos(self.now), out: &mut *out };
                    match ready {
                        Ready::Job(handle) => self.complete(&mut cx, handle),
                        Ready::Dispatch(sub) => self.dispatch(&mut cx, SubIx(sub)),
                        Ready::Door(sub) => self.on_door(&mut cx, SubIx(sub)),
                        Ready::Sweep(partition) => self.sweep(&mut cx, partition),
                    }
                    continue;
                }
            } else if until == u64::MAX && self.foreground == 0 && self.doors.is_empty() && !self.may_expire(plan) {
                return Stopped::Quiet;
            }
            let Some(key) = next.filter(|key| key.nanos() <= until) else {
                if next.is_none() && !self.doors.is_empty() {
                    self.name_rings(&mut Cx { plan, now: SimTime::from_nanos(self.now), out: &mut *out });
                }
                if until < u64::MAX {
                    self.now = self.now.max(until);
                }
                // Whoever waits before a full queue may still be let in by housekeeping: an eviction, an ack that is overdue.
                return match (self.foreground, self.doors.is_empty()) {
                    (0, true) if !self.may_expire(plan) => Stopped::Quiet,
                    (0, false) if next.is_none() => Stopped::Stuck,
                    _ => Stopped::Until,
                };
            };
            self.list.pop();
            self.now = key.nanos();
            *left -= 1;
            self.steps += 1;
            let mut cx = Cx { plan, now: SimTime::from_nanos(self.now), out: &mut *out };
            self.handle(&mut cx, key.handle());
        }
    }

    /// Does what a job is about, now that its time has come.
    #[inline]
    fn handle<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let Job { tag, node, source, .. } = self.jobs[handle];
        if tag == Tag::Work && !self.faults.is_on {
            self.foreground -= 1;
            self.complete(cx, handle);
            return;
        }
        self.handle_any(cx, handle, (tag, node, source));
    }

    #[inline(never)]
    fn handle_any<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32, (tag, node, source): (Tag, u32, u32)) {
        if !tag.is_background() {
            self.foreground -= 1;
        }
        if self.faults.is_on && self.meets_fault(cx, handle) {
            return;
        }
        match tag {
            Tag::Work => self.complete(cx, handle),
            Tag::Source => self.on_source(cx, handle),
            Tag::Deliver => self.deliver(cx, handle),
            Tag::Ack | Tag::Nack => self.answer(cx, handle),
            Tag::Call => {
                self.call(cx, handle, None);
            }
            Tag::Publish => {
                if let Err(sub) = self.on_publish(cx, handle, None) {
                    self.wait_at_door(cx, sub, handle);
                }
            }
            Tag::Waiting => debug_assert!(false, "what waits in a queue is in no list"),
            Tag::DeadLetter => self.on_dead_letter(cx, handle),
            Tag::Cold => self.start(cx, handle),
            Tag::EmitLater => self.on_emit_later(cx, handle),
            Tag::CallAgain => self.on_call_again(cx, handle),
            Tag::Token => {
                self.jobs.remove(handle);
                self.nodes[node as usize].token_armed = false;
                self.begin_next(cx, NodeIx(node));
            }
            Tag::Reclaim => {
                self.jobs.remove(handle);
                self.on_reclaim(cx, NodeIx(node));
            }
            Tag::ScaleOut => {
                self.jobs.remove(handle);
                self.on_scale_out(cx, NodeIx(node));
            }
            Tag::Watermark | Tag::Sweep => self.on_stream_timer(cx, handle),
            Tag::AckTimer => {
                self.jobs.remove(handle);
                self.on_ack_timer(cx, source);
            }
            Tag::Due => {
                self.jobs.remove(handle);
                self.on_due(cx, source);
            }
            Tag::Expiry => {
                self.jobs.remove(handle);
                self.on_expiry(cx, source);
            }
            Tag::FaultBegin => {
                let epoch = self.jobs[handle].token;
                self.jobs.remove(handle);
                self.on_fault_begin(cx, source, epoch);
            }
            Tag::FaultEnd => {
                let epoch = self.jobs[handle].token;
                self.jobs.remove(handle);
                self.on_fault_end(cx, FaultIx(source), epoch);
            }
            Tag::Unheld => self.on_unheld(cx, handle),
            Tag::Unsent => self.on_unsent(cx, handle),
            Tag::Relay => {
                self.jobs.remove(handle);
                self.on_relay(cx, NodeIx(node));
            }
            Tag::Mark => {
                self.jobs.remove(handle);
                self.on_mark(cx, NodeIx(node));
            }
            Tag::SagaTimer => {
                let job = self.jobs[handle];
                self.jobs.remove(handle);
                self.on_saga_timer(cx, &job);
            }
            Tag::Gate => {
                self.jobs.remove(handle);
                self.on_gate(cx.plan, SubIx(source));
            }
            Tag::Reset => {
                let link = self.jobs[handle].link;
                self.jobs.remove(handle);
                self.on_reset(cx, source, link);
            }
            Tag::CallLost => self.on_call_lost(cx, handle),
            Tag::CallResend => self.on_resend(cx, handle),
            Tag::CallDeadline => self.on_call_deadline(cx, handle),
            Tag::ReplyDue => {
                let number = self.jobs[handle].offset;
                self.jobs.remove(handle);
                self.on_reply_due(cx, NodeIx(node), number);
            }
            Tag::Retention => {
                self.jobs.remove(handle);
                self.on_retention(cx, source);
            }
            Tag::Clean => {
                self.jobs.remove(handle);
                self.on_clean(cx, source);
            }
        }
    }

    /// Puts a job into the list.
    #[inline]
    fn later(&mut self, at: u64, class: Class, handle: u32) {
        if !self.jobs[handle].tag.is_background() {
            self.foreground += 1;
        }
        if self.jobs.used() > limits::PENDING || handle as usize >= limits::PENDING {
            self.limit = Some(Limit::Pending);
        }
        self.sequence += 1;
        self.list.push(Key::new(at, class, self.sequence, handle));
    }

    /// Puts a new job into the list.
    fn arm(&mut self, at: u64, class: Class, job: Job) {
        let handle = self.jobs.put(job);
        self.later(at, class, handle);
    }

    /// A dead letter arrives.
    fn on_dead_letter<O: Observer>(&mut self, cx: &mut Cx<'_, O>, handle: u32) {
        let job = self.jobs[handle];
        let payload = self.jobs.payload_cloned(handle);
        self.jobs.remove(handle);
        let node = NodeIx(job.node);
        let extra = self.nodes[node.index()].extra as usize;
        let keep = match &cx.plan.nodes[node.index()].work {
            Work::DeadLetters { keep } => *keep,
            // It was removed meanwhile; what was on its way arrives as recorded.
            Work::Producer(_) | Work::Worker(_) | Work::Gateway(_) | Work::None => limits::DEAD_LETTERS,
        };
        let (event, kind, reason) = (job.slot.event, job.slot.kind(), job.reason);
        cx.show(What::Buried { node, link: LinkIx(job.link), event, kind, reason });
        let grave = &mut self.graves[extra];
        let letter = DeadLetter {
            slot: job.slot,
            sub: job.token,
            attempts: job.attempt,
            reason,
            first: job.offset,
            at: self.now,
            payload,
        };
        let is_full = grave.log.push(letter);
        while grave.log.end() - grave.start > keep {
            let oldest = grave.log.get(grave.start).map(|letter| letter.slot.event);
            grave.start += 1;
            if let Some(event) = oldest {
                cx.show(What::Forgotten { node, event });
            }
        }
        if is_full {
            grave.log.forget(grave.start);
        }
    }

    /// Takes something in. It is carried out first thing by the next [`Kernel::run_until`], at [`Kernel::now`].
    pub fn inject(&mut self, input: Input) {
        self.inputs.push_back(input);
    }

    /// The current instant.
    pub const fn now(&self) -> SimTime {
        SimTime::from_nanos(self.now)
    }

    /// When there is something to do next, housekeeping included; `None` if never.
    pub fn next_due(&self) -> Option<SimTime> {
        if !self.has_begun || !self.inputs.is_empty() || !self.is_ring_empty() {
            return Some(self.now());
        }
        self.list.peek().map(|key| SimTime::from_nanos(key.nanos()))
    }

    /// Whether nothing is left to do but housekeeping: until something comes in, nothing will happen any more.
    pub fn is_quiet(&self) -> bool {
        self.has_begun && self.inputs.is_empty() && self.foreground == 0 && self.is_ring_empty()
    }

    /// How many items were handled since the start. Two runs of the same inputs agree after the same number of steps: a
    /// journal can say between which two an input came.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The plan that holds now.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What observers have to know of the plan that holds now.
    pub fn shape(&self) -> Shape {
        shape_of(&self.plan)
    }

    /// Computes the data of every event as it comes into being, for people who look: what happens stays the same.
    pub const fn keep_all_data(&mut self) {
        self.all_data = true;
        self.is_followed = true;
    }
}

/// What observers have to know of a plan.
pub fn shape_of(plan: &Plan) -> Shape {
    let node = |node: &crate::plan::NodePlan| {
        let (capacity, function) = match &node.work {
            Work::Worker(worker) => (worker.concurrency, worker.function.as_ref()),
            Work::Producer(_) | Work::DeadLetters { .. } | Work::Gateway(_) | Work::None => (0, None),
        };
        NodeShape {
            kind: node.tag,
            alive: node.alive,
            capacity,
            price_byte_seconds: function.map_or(0, |function| function.price_byte_seconds),
            price_invocation: function.map_or(0, |function| function.price_invocation),
        }
    };
    let sub = |sub: &crate::plan::SubPlan| SubShape {
        members: sub.members.iter().map(|member| member.node).collect(),
        is_inbox: sub.is_inbox,
    };
    Shape {
        nodes: plan.nodes.iter().map(node).collect(),
        links: plan.links.len(),
        subs: plan.subs.iter().map(sub).collect(),
    }
}
