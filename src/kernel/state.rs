//! What a run remembers: flat tables of plain data, so that a keyframe is a copy.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::breaker::GateState;
use super::draws::{Draws, Streams};
use super::idempotence::Memory;
use super::line::Line;
use super::log::Log;
use super::topics::Ruled;
use crate::model::{EventId, EventTypeIx, LinkIx};
use crate::plan::ReplayLog;
use crate::trace::{KeyRef, Phase, Reason};

/// What a log keeps of an event: 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) event: EventId,
    /// When its root cause came into being.
    pub(super) born: u64,
    /// When it was appended or became ready; while it is handled, when that began.
    pub(super) at: u64,
    /// Type (12 bits), replayed (1), hops (19), key (32).
    packed: u64,
}

/// A seek asked for it.
const REPLAYED: u64 = 1 << 51;

/// The text of the key is in the payload.
const TEXT_KEY: u32 = 1 << 31;

impl Slot {
    pub(super) fn new(event: EventId, born: u64, at: u64, kind: EventTypeIx, hops: u32, key: u32) -> Self {
        let hops = hops.min(super::limits::HOPS);
        let packed = u64::from(kind.0) << 52 | u64::from(hops) << 32 | u64::from(key);
        Self { event, born, at, packed }
    }

    /// A key that is a number.
    pub(super) const fn number_key(number: u32) -> u32 {
        // Zero is no key, so the last number has to share.
        if number >= TEXT_KEY - 1 { TEXT_KEY - 1 } else { number + 1 }
    }

    /// A key whose text is in the payload.
    pub(super) const TEXT_KEY: u32 = TEXT_KEY;

    /// The same, marked as what a seek asked for. What lies in a log is never marked.
    pub(super) const fn replayed(self) -> Self {
        Self { packed: self.packed | REPLAYED, ..self }
    }

    /// Whether a seek asked for it.
    #[inline]
    pub(super) const fn is_replayed(&self) -> bool {
        self.packed & REPLAYED != 0
    }

    #[inline]
    pub(super) const fn kind(&self) -> EventTypeIx {
        EventTypeIx((self.packed >> 52) as u32)
    }

    #[inline]
    pub(super) const fn hops(&self) -> u32 {
        (self.packed >> 32) as u32 & super::limits::HOPS
    }

    #[inline]
    pub(super) const fn key_code(&self) -> u32 {
        self.packed as u32
    }

    pub(super) fn key<'a>(&self, payload: Option<&'a Payload>) -> KeyRef<'a> {
        match self.key_code() {
            0 => KeyRef::None,
            TEXT_KEY => KeyRef::Text(payload.and_then(|payload| payload.key.as_deref()).unwrap_or_default()),
            number => KeyRef::Number(number - 1),
        }
    }
}

/// What an event carries that does not follow from its type: kept only where something may look at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Payload {
    pub(super) key: Option<Arc<str>>,
    pub(super) data: Option<Arc<Value>>,
    /// The row of the log that it replays.
    pub(super) row: Option<(Arc<ReplayLog>, u32)>,
    /// What the clock said that stamped it, if that was wrong.
    pub(super) clock: Option<u64>,
    /// Where it comes from, in a run that has to tell an outside broker.
    pub(super) lineage: Option<Lineage>,
    /// The request that it is, or comes of: CloudEvents' extension `correlationid`.
    pub(super) correlation: Option<EventId>,
}

/// What led to an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lineage {
    /// The event whose handling emitted it.
    pub(super) cause: EventId,
    /// The first of its causes.
    pub(super) root: EventId,
}

/// What a job is about to do when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Arrives at a bus: `offset` is the topic.
    Publish,
    /// Arrives at a member.
    Deliver,
    /// Arrives at a callee.
    Call,
    /// Is in no list: a call that waits in its inbox.
    Waiting,
    /// Arrives at a dead-letter queue: `token` is the subscription, `offset` the first attempt.
    DeadLetter,
    /// An ack comes back.
    Ack,
    /// A nack comes back.
    Nack,
    /// A handling ends.
    Work,
    /// A function's instance is ready for the event that waits for it.
    Cold,
    /// An emit that comes some time after its handling: `offset` is handler and place.
    EmitLater,
    /// A call is due again.
    CallAgain,
    /// A producer's next event is due.
    Source,
    /// A token is there again.
    Token,
    /// Idle instances may be given back.
    Reclaim,
    /// A function may have more instances again.
    ScaleOut,
    /// The clock may close a stream processor's window.
    Watermark,
    /// The clock may free what a stream processor holds.
    Sweep,
    /// The oldest of a cursor's unacked records may have waited long enough.
    AckTimer,
    /// The first of a cursor's delayed records is due.
    Due,
    /// The first of a cursor's waiting records is worth nothing any more.
    Expiry,
    /// The oldest record of a partition is too old.
    Retention,
    /// The cleaner of a compacted partition comes.
    Clean,
    /// A fault of the scenario begins: `source` is its place, `token` which timer it is.
    FaultBegin,
    /// A fault is over: `source` is its number.
    FaultEnd,
    /// The ack of a delivery is overdue that was lost, or whose answer was.
    Unheld,
    /// An event leaves that was committed before, in a write of its own: `source` is its emit setting.
    Unsent,
    /// The relay of an outbox looks.
    Relay,
    /// The first event of an outbox is marked as published.
    Mark,
    /// The answer to a step of a saga is overdue: `source` is its number, `token` which timer it is.
    SagaTimer,
    /// A subscription's rate limit has a token again.
    Gate,
    /// A circuit breaker was open for long enough: `source` is the subscription, or `link` the link of the calls.
    Reset,
    /// A caller learns that a link lost its call.
    CallLost,
    /// A call that failed before it was there is made again.
    CallResend,
    /// A caller waits no longer: `source` is the call's handle, `offset` its number in the inbox, `token` its source.
    CallDeadline,
    /// A gateway waits no longer: `offset` is the request's number.
    ReplyDue,
}

impl Tag {
    /// Whether it is housekeeping: a run with nothing else left to do is over.
    pub(super) const fn is_background(self) -> bool {
        matches!(
            self,
            Self::Reclaim
                | Self::Sweep
                | Self::AckTimer
                | Self::Expiry
                | Self::Retention
                | Self::Clean
                | Self::FaultBegin
                | Self::CallDeadline
                | Self::ReplyDue
        )
    }
}

/// Something under way: an event on the wire, waiting at a node or being handled; or a timer. 64 bytes.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Job {
    pub(super) slot: Slot,
    pub(super) offset: u64,
    /// The cursor; or the subscription of an inbox, with [`Job::INBOX`].
    pub(super) source: u32,
    pub(super) node: u32,
    pub(super) link: u32,
    /// The next job in a node's queue, or in the list of free ones.
    pub(super) next: u32,
    /// Which delivery of the cursor it is.
    pub(super) token: u32,
    pub(super) attempt: u16,
    pub(super) tag: Tag,
    pub(super) reason: Reason,
}

impl Job {
    pub(super) const INBOX: u32 = 1 << 31;
    pub(super) const NONE: u32 = u32::MAX;
    /// In a delivery's link: that member has left since, so its answer frees no slot of a member that came after it.
    pub(super) const LEFT: u32 = 1 << 31;
    /// The token of a delivery that was settled at hand-over.
    pub(super) const SETTLED: u32 = 0;

    /// A timer of a node, cursor or partition.
    pub(super) fn timer(tag: Tag, node: u32, source: u32) -> Self {
        let slot = Slot::new(EventId::from_bits(0), 0, 0, EventTypeIx(0), 0, 0);
        Self { source, node, ..Self::carrying(slot, tag) }
    }

    /// An event that is about to do something.
    pub(super) const fn carrying(slot: Slot, tag: Tag) -> Self {
        Self {
            slot,
            offset: 0,
            source: Self::NONE,
            node: Self::NONE,
            link: Self::NONE,
            next: Self::NONE,
            token: 0,
            attempt: 0,
            tag,
            reason: Reason::Failed,
        }
    }
}

impl Job {
    /// The link that it came by, whether or not its member has left since.
    pub(super) const fn way(&self) -> LinkIx {
        LinkIx(self.link & !Self::LEFT)
    }

    /// Where the obligation of a call stands; `None` while it is on its way to the inbox.
    pub(super) const fn call_phase(&self) -> Option<Phase> {
        match self.tag {
            Tag::Work | Tag::Cold => Some(Phase::InFlight),
            Tag::CallAgain => Some(Phase::Delayed),
            Tag::Waiting => Some(Phase::Queued),
            _ => None,
        }
    }
}

/// Everything under way, by handle.
#[derive(Clone, Debug)]
pub(super) struct Jobs {
    table: Vec<Job>,
    /// Beside the table, and only as long as somebody needs it.
    payloads: Vec<Option<Arc<Payload>>>,
    free: u32,
    used: usize,
}

impl Jobs {
    pub(super) const fn new() -> Self {
        Self { table: Vec::new(), payloads: Vec::new(), free: Job::NONE, used: 0 }
    }

    #[inline]
    pub(super) fn put(&mut self, job: Job) -> u32 {
        self.used += 1;
        let handle = self.free;
        if handle == Job::NONE {
            self.table.push(job);
            return self.table.len() as u32 - 1;
        }
        let place = &mut self.table[handle as usize];
        self.free = place.next;
        *place = job;
        handle
    }

    pub(super) fn put_with(&mut self, job: Job, payload: Option<Arc<Payload>>) -> u32 {
        let handle = self.put(job);
        if payload.is_some() {
            if self.payloads.len() <= handle as usize {
                self.payloads.resize(handle as usize + 1, None);
            }
            self.payloads[handle as usize] = payload;
        }
        handle
    }

    #[inline]
    pub(super) fn remove(&mut self, handle: u32) {
        self.used -= 1;
        self.table[handle as usize].next = self.free;
        self.free = handle;
        if let Some(payload) = self.payloads.get_mut(handle as usize) {
            *payload = None;
        }
    }

    #[inline]
    pub(super) fn payload(&self, handle: u32) -> Option<&Arc<Payload>> {
        self.payloads.get(handle as usize)?.as_ref()
    }

    #[inline]
    pub(super) fn payload_cloned(&self, handle: u32) -> Option<Arc<Payload>> {
        self.payload(handle).cloned()
    }

    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// Everything under way. Slow: for questions.
    pub(super) fn used_jobs(&self) -> impl Iterator<Item = &Job> {
        let mut is_free = vec![false; self.table.len()];
        let mut free = self.free;
        while free != Job::NONE {
            is_free[free as usize] = true;
            free = self.table[free as usize].next;
        }
        self.table.iter().zip(is_free).filter(|(_, is_free)| !is_free).map(|(job, _)| job)
    }

    /// Every place of the table, also what is free. For changes that an edit makes.
    pub(super) fn each_mut(&mut self) -> impl Iterator<Item = &mut Job> {
        self.table.iter_mut()
    }

    /// Bytes that a keyframe of it takes.
    pub(super) fn bytes(&self) -> usize {
        self.table.len() * size_of::<Job>() + self.payloads.len() * size_of::<usize>()
    }
}

impl std::ops::Index<u32> for Jobs {
    type Output = Job;

    #[inline]
    fn index(&self, handle: u32) -> &Job {
        &self.table[handle as usize]
    }
}

impl std::ops::IndexMut<u32> for Jobs {
    #[inline]
    fn index_mut(&mut self, handle: u32) -> &mut Job {
        &mut self.table[handle as usize]
    }
}

/// What a node remembers and nearly every step needs: one cache line.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct NodeState {
    /// Events being handled; for a function, instances in use.
    pub(super) busy: u32,
    /// Its publishes and calls that wait before a full queue: each keeps it from beginning something else.
    pub(super) waiting_out: u32,
    pub(super) queue_head: u32,
    pub(super) queue_tail: u32,
    pub(super) queue_len: u32,
    /// Its place in the table of producers, functions or dead-letter queues.
    pub(super) extra: u32,
    /// How many events it emitted.
    pub(super) emitted: u64,
    pub(super) streams: Streams,
    pub(super) token_armed: bool,
    pub(super) is_deadlocked: bool,
    pub(super) is_broken: bool,
}

impl NodeState {
    pub(super) const fn new(streams: Streams) -> Self {
        Self {
            busy: 0,
            waiting_out: 0,
            queue_head: Job::NONE,
            queue_tail: Job::NONE,
            queue_len: 0,
            extra: u32::MAX,
            emitted: 0,
            streams,
            token_armed: false,
            is_deadlocked: false,
            is_broken: false,
        }
    }
}

/// What else a node remembers.
#[derive(Clone, Debug)]
pub(super) struct NodeRest {
    /// When its token bucket would be full again, in the manner of the generic cell rate algorithm.
    pub(super) bucket: u64,
    /// When a producer's next event comes; how long a cold start takes.
    pub(super) arrival: Draws,
    /// Keys, delays of emits, jitter of backoffs.
    pub(super) various: Draws,
}

/// What a producer remembers.
#[derive(Clone, Debug)]
pub(super) struct ProducerState {
    /// How many events it emitted by itself.
    pub(super) made: u64,
    /// The instant that its pacing counts from.
    pub(super) base: u64,
    /// The number of the next event since `base`.
    pub(super) step: u64,
    /// Where a schedule's rate was integrated up to, in nanoseconds since `base`.
    pub(super) position: f64,
    /// Its timer is in the list.
    pub(super) is_armed: bool,
    /// Which timer is the valid one.
    pub(super) epoch: u32,
    /// Its event was due while it was blocked.
    pub(super) is_held: bool,
    pub(super) is_ended: bool,
}

/// What a function remembers besides.
#[derive(Clone, Debug, Default)]
pub(super) struct FunctionState {
    /// Since when each idle instance is, the longest first.
    pub(super) idle: VecDeque<u64>,
    /// Instances in all.
    pub(super) total: u32,
    /// When instances were created within the last 10 seconds.
    pub(super) created: VecDeque<u64>,
    pub(super) reclaim_armed: bool,
    pub(super) scale_armed: bool,
}

/// What a dead-letter queue keeps of an event.
#[derive(Clone, Debug)]
pub(super) struct DeadLetter {
    pub(super) slot: Slot,
    pub(super) sub: u32,
    pub(super) attempts: u16,
    pub(super) reason: Reason,
    pub(super) first: u64,
    pub(super) at: u64,
    pub(super) payload: Option<Arc<Payload>>,
}

/// A dead-letter queue.
#[derive(Clone, Debug, Default)]
pub(super) struct GraveState {
    pub(super) log: Log<DeadLetter>,
    pub(super) start: u64,
}

/// What an inbox remembers: the calls that a node takes. 72 bytes.
#[derive(Clone, Debug, Default)]
#[repr(align(64))]
pub(super) struct InboxState {
    pub(super) opened: u64,
    pub(super) acked: u64,
    pub(super) dropped: u64,
    pub(super) dead_lettered: u64,
    pub(super) purged: u64,
    pub(super) queued_bytes: u64,
    pub(super) queued: u32,
    pub(super) delayed: u32,
    pub(super) in_flight: u32,
    pub(super) door_waits: u32,
}

/// What a subscription remembers over all its cursors.
#[derive(Clone, Debug, Default)]
pub(super) struct SubState {
    pub(super) queued: u64,
    pub(super) queued_bytes: u64,
    pub(super) delayed: u64,
    pub(super) in_flight: u32,
    /// Publishes that wait for room.
    pub(super) door_waits: u32,
    /// Whom to ask first next time.
    pub(super) turn: u32,
    pub(super) generation: u32,
    /// A dispatch is under way or in the ring.
    pub(super) is_woken: bool,
    pub(super) members: Vec<MemberState>,
    /// What was handled, where that is remembered.
    pub(super) memory: Option<Box<Memory>>,
    /// Cursors with something queued, each once, in turn.
    pub(super) ready: VecDeque<u32>,
    /// Its rate limit and circuit breaker, if it has them.
    pub(super) gate: Option<Box<GateState>>,
}

/// What a subscription remembers of a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberState {
    pub(super) link: u32,
    /// Records that it has and has not answered for.
    pub(super) held: u32,
}

/// The state of a record between a cursor's floor and its next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OpenState {
    InFlight,
    Delayed,
    Queued,
    Settled,
}

/// A record between a cursor's floor and its next. 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    /// In flight: when its ack is overdue. Queued again: since when.
    pub(super) deadline: u64,
    /// When it was handed over first.
    pub(super) first: u64,
    /// Which delivery of the cursor the last one was.
    pub(super) token: u32,
    /// The link of the member that had it last.
    pub(super) link: u32,
    pub(super) attempt: u16,
    pub(super) state: OpenState,
    /// A seek asked for it: deliveries up to the fence are of an obligation that ended before.
    pub(super) is_replay: bool,
    pub(super) fence: u32,
}

impl Open {
    pub(super) const SETTLED: Self = Self { state: OpenState::Settled, ..Self::FRESH };
    /// One that nobody has seen.
    pub(super) const FRESH: Self = Self {
        deadline: 0,
        first: 0,
        token: 0,
        link: Job::NONE,
        attempt: 0,
        state: OpenState::Queued,
        is_replay: false,
        fence: 0,
    };

    /// Whether the answer to a delivery is about an obligation that ended before a seek opened this one.
    pub(super) const fn is_before(&self, token: u32) -> bool {
        self.is_replay && token.wrapping_sub(self.fence).cast_signed() <= 0
    }
}

/// How far a subscription is in a partition: `[start, floor)` is settled, `[floor, next)` open, `[next, end)` queued.
#[derive(Clone, Debug, Default)]
pub(super) struct CursorState {
    pub(super) floor: u64,
    pub(super) next: u64,
    /// Matching records in `[next, end)`.
    pub(super) fresh: u64,
    /// Records in `[floor, next)` that are queued again.
    pub(super) again: u32,
    pub(super) delayed: u32,
    pub(super) in_flight: u32,
    /// Grows with each delivery.
    pub(super) token: u32,
    /// Deliveries before this one are of an old generation.
    pub(super) fence: u32,
    /// The link of the member that owns the partition.
    pub(super) owner: Option<u32>,
    pub(super) is_ready: bool,
    /// When the timer of its acks comes, if one is set.
    pub(super) ack_armed: Option<u64>,
    pub(super) due_armed: Option<u64>,
    pub(super) open: VecDeque<Open>,
    pub(super) redeliver: VecDeque<u64>,
    pub(super) later: BinaryHeap<Reverse<(u64, u64, u32)>>,
    /// Which of `[next, end)` match; unset means all.
    pub(super) mask: Option<VecDeque<bool>>,
    /// How its records wait, if not in the order of the log.
    pub(super) line: Option<Box<Line>>,
    pub(super) counts: CursorCounts,
}

/// Final states of a cursor's obligations, and how many it had.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CursorCounts {
    pub(super) opened: u64,
    pub(super) acked: u64,
    pub(super) dropped: u64,
    pub(super) dead_lettered: u64,
    pub(super) expired: u64,
    pub(super) retention_lost: u64,
    pub(super) purged: u64,
}

impl CursorState {
    /// Whether something can be handed over.
    #[inline]
    pub(super) const fn has_queued(&self) -> bool {
        self.fresh > 0 || self.again > 0
    }

    /// The record of an offset between floor and next.
    #[inline]
    pub(super) fn open_at(&mut self, offset: u64) -> Option<&mut Open> {
        self.open.get_mut(offset.checked_sub(self.floor)? as usize)
    }

    /// Takes note of a new record that is none of its own, or is settled already.
    #[inline]
    pub(super) fn pass(&mut self, offset: u64) {
        self.catch_up();
        if offset == self.next {
            self.step_over();
        } else {
            self.mask_up_to(offset).push_back(false);
        }
    }

    /// With nothing waiting, moves next to the end, past what is none of its own.
    #[inline]
    pub(super) fn catch_up(&mut self) {
        if self.fresh == 0
            && let Some(mask) = self.mask.take()
        {
            for _ in mask {
                self.step_over();
            }
        }
    }

    /// Takes note of a new record that waits.
    pub(super) fn queue(&mut self) {
        self.fresh += 1;
        if let Some(mask) = &mut self.mask {
            mask.push_back(true);
        }
    }

    /// Moves next past a record that is settled or none of its own.
    #[inline]
    pub(super) fn step_over(&mut self) {
        self.next += 1;
        if self.open.is_empty() {
            self.floor = self.next;
        } else {
            self.open.push_back(Open::SETTLED);
        }
    }

    fn mask_up_to(&mut self, offset: u64) -> &mut VecDeque<bool> {
        let waiting = (offset - self.next) as usize;
        self.mask.get_or_insert_with(|| std::iter::repeat_n(true, waiting).collect())
    }

    /// Moves next to the first waiting record, past those that are none of its own. The caller takes it from there.
    pub(super) fn next_fresh(&mut self) -> Option<u64> {
        if self.fresh == 0 {
            return None;
        }
        while let Some(mask) = &mut self.mask {
            match mask.pop_front() {
                Some(true) => break,
                Some(false) => self.step_over(),
                None => self.mask = None,
            }
        }
        if self.mask.as_ref().is_some_and(VecDeque::is_empty) {
            self.mask = None;
        }
        Some(self.next)
    }

    /// The first record that is its own and not settled.
    pub(super) fn first_open(&self) -> Option<u64> {
        if self.open.is_empty() { self.peek_fresh() } else { Some(self.floor) }
    }

    /// The first waiting record that was never handed over, left where it is.
    pub(super) fn peek_fresh(&self) -> Option<u64> {
        if self.fresh == 0 {
            return None;
        }
        let passed = self.mask.as_ref().map_or(0, |mask| mask.iter().take_while(|matches| !**matches).count());
        Some(self.next + passed as u64)
    }

    /// The first record that is queued again, out of its queue.
    pub(super) fn next_again(&mut self) -> Option<u64> {
        if self.again == 0 {
            return None;
        }
        while let Some(offset) = self.redeliver.pop_front() {
            if self.open_at(offset).is_some_and(|open| open.state == OpenState::Queued) {
                return Some(offset);
            }
        }
        None
    }

    /// Ends a record between floor and next.
    pub(super) fn settle(&mut self, offset: u64) {
        if self.line.is_some() {
            self.settle_in_line(offset);
        }
        if let Some(open) = self.open_at(offset) {
            open.state = OpenState::Settled;
        }
        self.move_floor();
    }

    /// Moves the floor past what is settled.
    pub(super) fn move_floor(&mut self) {
        while self.open.front().is_some_and(|open| open.state == OpenState::Settled) {
            self.open.pop_front();
            self.floor += 1;
        }
    }
}

/// A partition's log.
#[derive(Clone, Debug, Default)]
pub(super) struct PartitionState {
    pub(super) log: Log<Slot>,
    /// Beside the log, from the first record on that carries something.
    pub(super) payloads: Option<Log<Option<Arc<Payload>>>>,
    /// The first offset that was not evicted.
    pub(super) start: u64,
    pub(super) retention_armed: bool,
    /// How many records it holds in memory.
    pub(super) kept: usize,
    /// Only where the topic has rules.
    pub(super) ruled: Option<Box<Ruled>>,
}

impl PartitionState {
    pub(super) fn push(&mut self, slot: Slot, payload: Option<Arc<Payload>>) -> bool {
        if payload.is_some() && self.payloads.is_none() {
            self.payloads = Some(Log::starting_at(self.log.end()));
        }
        if let Some(payloads) = &mut self.payloads {
            payloads.push(payload);
        }
        self.log.push(slot)
    }

    pub(super) fn payload(&self, offset: u64) -> Option<&Arc<Payload>> {
        self.payloads.as_ref()?.get(offset)?.as_ref()
    }
}

/// Where a topic's records without a key go.
#[derive(Clone, Copy, Debug)]
pub(super) struct TopicState {
    pub(super) sticky: u32,
    pub(super) left: u32,
}
