//! A run in the hands of a test: time passes when the test says so, every record is kept, and the ledger is recounted
//! from the records alone after every step of the machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use eventloom::kernel::{Input, Kernel, Stopped};
use eventloom::model::{
    EventId, FaultKind, FaultTarget, Flow, LinkId, LinkIx, NodeIx, SimDuration, SimTime, StartAt, SubIx, TopicIx,
    moment_text,
};
use eventloom::plan::{Aim, Inputs, Plan, compile};
use eventloom::trace::{Kept, KeyRef, Leg, Observer, Phase, Reason, Record, Staleness, TraceHash, What};
use serde_json::Value;

use super::flow::{flow, node_id};
use super::fold::Fold;

/// Steps of a run after each of which the fold and the machine's own ledger are compared; later only at the end of
/// each stretch, so that long runs stay short.
const COMPARED_STEPS: u64 = 20_000;

/// Keeps every record of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keeper {
    pub(crate) records: Vec<Record<'static>>,
    /// The keys of events, as text.
    pub(crate) keys: BTreeMap<EventId, String>,
    /// The data of events, where the run had them at hand.
    pub(crate) data: BTreeMap<EventId, Arc<Value>>,
    texts: BTreeSet<&'static str>,
}

impl Observer for Keeper {
    fn record(&mut self, record: Record<'_>) {
        if let What::Emitted { event, key, data, .. } = record.what {
            if key != KeyRef::None {
                self.keys.insert(event, key.to_string());
            }
            if let Some(data) = data {
                self.data.insert(event, Arc::clone(data));
            }
        }
        let what = self.owned(record.what);
        self.records.push(Record { at: record.at, what });
    }
}

/// Each variant anew, with the same fields.
macro_rules! anew {
    ($what:expr; $($name:ident { $($field:ident),* })+; $($rest:tt)+) => {
        match $what {
            $(What::$name { $($field),* } => What::$name { $($field),* },)+
            $($rest)+
        }
    };
}

impl Keeper {
    /// The same without borrowed parts: texts of keys are kept for good, once each.
    fn owned(&mut self, what: What<'_>) -> What<'static> {
        anew! { what;
            Sent { link, event, kind, leg, attempt, arrives }
            Accepted { link, node, event, kind, topic, partition, offset }
            Rejected { link, node, event, kind, reason }
            Opened { sub, event, kind, topic, partition, offset, link }
            Delivered { sub, event, node, attempt }
            Received { node, link, sub, event, kind, attempt }
            Started { node, sub, event, kind, attempt, wait }
            Handled { node, sub, event, kind, attempt, service, end_to_end }
            Failed { node, sub, event, kind, attempt, reason, service, lost }
            Throttled { node, sub, event, attempt }
            Acked { sub, event, node, auto, from }
            Stale { sub, event, node, why }
            Retrying { sub, event, attempt, reason, due }
            Queued { sub, event, taken_back }
            Dropped { sub, event, node, reason, attempts, from }
            DeadLettered { sub, event, node, reason, attempts, from, to }
            Buried { node, link, event, kind, reason }
            Forgotten { node, event }
            Evicted { sub, event, node, from }
            OutOfRange { sub, topic, partition, skipped }
            Deduped { link, node, event, kind, topic, partition, offset, of }
            Removed { node, event, kind, topic, partition, offset, why }
            Sought { sub, topic, partition, offset }
            Replayed { sub, event, kind, topic, partition, offset }
            Muted { node, sub, event }
            Purged { sub, event, from }
            Blocked { node, sub, event }
            Unblocked { node, sub, event }
            Deadlocked { node, waits_for, sub }
            InstanceStarted { node, cold, ready, instances }
            InstanceReclaimed { node, instances }
            Rebalanced { sub, generation, members }
            Assigned { sub, topic, partition, owner, generation }
            Broken { node, event }
            Edited { revision }
            Unconfirmed { link, node, event, kind }
            FaultBegan { fault, kind, node, link }
            FaultEnded { fault }
            LinkLost { fault, link, event, kind, leg }
            Duplicated { fault, link, event, kind, leg }
            HeldUp { fault, link, event, kind, leg, by }
            LostInCrash { fault, node, link, sub, event, attempt, stage, service, lost }
            TurnedAway { fault, node, event }
            Slowed { fault, node, event, by }
            Skewed { fault, node, event, time }
            Postponed { sub, event, due }
            Expired { sub, event, node, attempts, from, to }
            OrderGap { sub, event }
            Recognised { node, sub, event, kind, attempt, service }
            Limited { sub, event, node, attempt }
            BreakerTurned { sub, link, circuit }
            HeldBack { sub, event, due }
            Cancelled { node, sub, event, attempt }
            CallFailed { node, link, event, kind, attempt, reason, due }
            Requested { node, event, deadline }
            Replied { node, event, reply, round_trip }
            Unanswered { node, event, why }
            Orphaned { node, event, request }
            WatermarkAdvanced { node, to_nanos }
            Gathered { node, event, time_nanos, places, late }
            Late { node, event, time_nanos, watermark_nanos }
            HeldAlready { node, event }
            WindowClosed { node, event, start_nanos, end_nanos, count, revision }
            Joined { node, event, left, right }
            StateLost { fault, node, windows, waiting }
            SourceEnded { node };
            What::Draining => What::Draining,
            What::Kept { node, event, what } => {
                let what = match what {
                    Kept::Appended { key, version } => Kept::Appended { key: self.key(key), version },
                    Kept::Snapshot { key, version } => Kept::Snapshot { key: self.key(key), version },
                    Kept::Conflict { expected, found } => Kept::Conflict { expected, found },
                    Kept::Recovered { keys, replayed } => Kept::Recovered { keys, replayed },
                    Kept::Rebuilt { events, hash, was } => Kept::Rebuilt { events, hash, was },
                    Kept::NotRebuilt { missing } => Kept::NotRebuilt { missing },
                    Kept::Committed { events } => Kept::Committed { events },
                    Kept::Relayed { attempt } => Kept::Relayed { attempt },
                    Kept::Saga { saga, step, attempt, is } => Kept::Saga { saga, step, attempt, is },
                    Kept::Repeated => Kept::Repeated,
                    Kept::Marked => Kept::Marked,
                    Kept::Unpublished => Kept::Unpublished,
                };
                What::Kept { node, event, what }
            }
            What::Emitted { event, kind, cause, born, hops, key, data: _ } => {
                let key = self.key(key);
                What::Emitted { event, kind, cause, born, hops, key, data: None }
            }
        }
    }

    fn key(&mut self, key: KeyRef<'_>) -> KeyRef<'static> {
        match key {
            KeyRef::None => KeyRef::None,
            KeyRef::Number(number) => KeyRef::Number(number),
            KeyRef::Text(text) => KeyRef::Text(self.text(text)),
        }
    }

    fn text(&mut self, text: &str) -> &'static str {
        if let Some(known) = self.texts.get(text) {
            return known;
        }
        let text: &'static str = Box::leak(text.to_owned().into_boxed_str());
        self.texts.insert(text);
        text
    }
}

/// What came into a run from outside.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Fire { node: NodeIx, count: u32 },
    Plan(Flow, Arc<Plan>),
    Drain,
    Break { on: Aim, kind: FaultKind, lasts: Option<SimDuration> },
    Heal(Aim),
    Seek { sub: SubIx, to: StartAt },
}

/// A run, what it was made of, and what it has shown so far.
#[derive(Clone)]
pub(crate) struct Run {
    /// What came from outside, when, and before which record.
    pub(crate) told: Vec<(usize, SimTime, Told)>,
    /// The flow before each edit.
    before: Vec<Flow>,
    pub(crate) flow: Flow,
    pub(crate) inputs: Inputs,
    pub(crate) kernel: Kernel,
    pub(crate) kept: Keeper,
    pub(crate) hash: TraceHash,
    pub(crate) fold: Fold,
    /// The plan of the last edit, entered or not.
    latest: Arc<Plan>,
    /// Edits that have not entered the run yet.
    edits: VecDeque<(Flow, Arc<Plan>)>,
    folded: usize,
}

impl Run {
    /// A run of the flow that these rows say, with seed 1.
    #[track_caller]
    pub(crate) fn new(rows: &str) -> Self {
        Self::of(flow(rows), 1)
    }

    #[track_caller]
    pub(crate) fn of(flow: Flow, seed: u64) -> Self {
        Self::with(flow, Inputs::default(), seed)
    }

    #[track_caller]
    pub(crate) fn with(flow: Flow, inputs: Inputs, seed: u64) -> Self {
        let plan = compile(&flow, &inputs, None).expect("a flow that compiles");
        let plan = Arc::new(plan);
        let kernel = Kernel::new(Arc::clone(&plan), seed);
        let mut fold = Fold::default();
        fold.follow(&flow, &plan);
        Self {
            told: Vec::new(),
            before: Vec::new(),
            flow,
            inputs,
            kernel,
            kept: Keeper::default(),
            hash: TraceHash::default(),
            fold,
            latest: plan,
            edits: VecDeque::new(),
            folded: 0,
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        self.kernel.plan()
    }

    /// Lets time pass up to and including this moment, one step at a time; the law holds after each.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> Stopped {
        self.until_at(at(text))
    }

    #[track_caller]
    pub(crate) fn until_at(&mut self, until: SimTime) -> Stopped {
        loop {
            let compare_each = self.kernel.steps() < COMPARED_STEPS;
            let budget = if compare_each { 1 } else { 4_096 };
            let stopped = self.unchecked(until, budget);
            self.recount();
            if stopped != Stopped::Budget {
                return stopped;
            }
        }
    }

    /// Lets time pass without recounting: where one event is in a log twice and tried again, the records do not say which of
    /// its obligations they are about.
    #[track_caller]
    pub(crate) fn quickly(&mut self, until: &str) -> Stopped {
        loop {
            let stopped = self.unchecked(at(until), u32::MAX);
            if stopped != Stopped::Budget {
                return stopped;
            }
        }
    }

    /// One step, recounted; or what is wrong after it.
    pub(crate) fn try_step(&mut self, until: SimTime) -> Result<Stopped, String> {
        let stopped = self.unchecked(until, 1);
        self.try_recount()?;
        Ok(stopped)
    }

    /// Some steps that nobody recounts, for runs that are compared with others.
    pub(crate) fn unchecked(&mut self, until: SimTime, budget: u32) -> Stopped {
        let mut out = (&mut self.kept, &mut self.hash);
        self.kernel.run_until(until, budget, &mut out)
    }

    #[track_caller]
    fn recount(&mut self) {
        if let Err(broken) = self.try_recount() {
            panic!("{broken}");
        }
    }

    /// Folds what is new, and compares the fold with the machine's own figures.
    fn try_recount(&mut self) -> Result<(), String> {
        for ix in self.folded..self.kept.records.len() {
            let record = self.kept.records[ix];
            if matches!(record.what, What::Edited { .. })
                && let Some((flow, plan)) = self.edits.pop_front()
            {
                self.fold.follow(&flow, &plan);
            }
            self.fold.take(&record).map_err(|broken| self.with_story(&broken, ix))?;
        }
        self.folded = self.kept.records.len();
        self.fold.end_of_step(self.kernel.now()).map_err(|broken| self.with_story(&broken, self.folded))?;
        self.fold.compare(&self.kernel).map_err(|broken| self.with_story(&broken, self.folded))
    }

    /// What is wrong, and the records that led to it.
    fn with_story(&self, broken: &str, ix: usize) -> String {
        let from = ix.saturating_sub(40);
        let to = (ix + 1).min(self.kept.records.len());
        let lines: Vec<String> = self.kept.records[from..to].iter().map(|record| self.line(record)).collect();
        format!("{broken}\nafter record {ix}, the last of:\n{}\n", lines.join("\n"))
    }

    /// Presses a producer's button, or calls a service or function.
    #[track_caller]
    pub(crate) fn fire(&mut self, node: &str, count: u32) {
        self.fire_with(node, count, None, None);
    }

    #[track_caller]
    pub(crate) fn fire_key(&mut self, node: &str, key: &str) {
        self.fire_with(node, 1, Some(key), None);
    }

    #[track_caller]
    pub(crate) fn fire_with(&mut self, node: &str, count: u32, key: Option<&str>, data: Option<Value>) {
        let node = self.node(node);
        self.tell(Told::Fire { node, count });
        self.kernel.inject(Input::Fire { node, count, data: data.map(Arc::new), key: key.map(Arc::from) });
    }

    /// Edits the flow while it runs.
    #[track_caller]
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Flow)) {
        let mut flow = self.flow.clone();
        change(&mut flow);
        self.become_flow(flow);
    }

    fn tell(&mut self, told: Told) {
        self.told.push((self.kept.records.len(), self.kernel.now(), told));
    }

    /// The flow as it was before the last edit.
    #[track_caller]
    pub(crate) fn undo(&mut self) {
        if let Some(flow) = self.before.pop() {
            self.become_flow(flow);
            self.before.pop();
        }
    }

    #[track_caller]
    pub(crate) fn become_flow(&mut self, flow: Flow) {
        let plan = compile(&flow, &self.inputs, Some(&self.latest)).expect("an edited flow that compiles");
        self.latest = Arc::new(plan);
        self.edits.push_back((flow.clone(), Arc::clone(&self.latest)));
        self.tell(Told::Plan(flow.clone(), Arc::clone(&self.latest)));
        self.before.push(std::mem::replace(&mut self.flow, flow));
        self.kernel.inject(Input::Plan(Arc::clone(&self.latest)));
    }

    #[track_caller]
    pub(crate) fn remove_node(&mut self, node: &str) {
        self.edit(|flow| flow.remove_node(&node_id(node)).expect("a node to remove"));
    }

    /// A hand breaks something: a node by its id, or a link.
    #[track_caller]
    pub(crate) fn break_it(&mut self, on: &FaultTarget, kind: FaultKind, lasts: Option<SimDuration>) {
        let on = self.plan().aim(on).unwrap_or_else(|| panic!("{on} is not drawn"));
        self.tell(Told::Break { on: on.clone(), kind, lasts });
        self.kernel.inject(Input::Break { on, kind, lasts });
    }

    #[track_caller]
    pub(crate) fn heal(&mut self, on: &FaultTarget) {
        let on = self.plan().aim(on).unwrap_or_else(|| panic!("{on} is not drawn"));
        self.heal_aim(on);
    }

    pub(crate) fn heal_aim(&mut self, on: Aim) {
        self.tell(Told::Heal(on.clone()));
        self.kernel.inject(Input::Heal(on));
    }

    /// A hand has a view worked out again from the log of its topics.
    #[track_caller]
    pub(crate) fn rebuild(&mut self, node: &str) {
        let node = self.node(node);
        self.kernel.inject(Input::Rebuild(node));
    }

    /// A hand seeks the subscription of a group or link.
    #[track_caller]
    pub(crate) fn seek(&mut self, label: &str, to: StartAt) {
        let sub = self.sub(label);
        self.tell(Told::Seek { sub, to });
        self.kernel.inject(Input::Seek { sub, to });
    }

    pub(crate) fn drain(&mut self) {
        self.tell(Told::Drain);
        self.kernel.inject(Input::Drain);
    }

    // ---- names ----------------------------------------------------------------------------------------------------

    #[track_caller]
    pub(crate) fn node(&self, id: &str) -> NodeIx {
        self.plan().node_ix(&node_id(id)).unwrap_or_else(|| panic!("there is no node {id}"))
    }

    #[track_caller]
    pub(crate) fn link(&self, id: &str) -> LinkIx {
        let id = LinkId::new(id).expect(id);
        self.plan().link_ix(&id).unwrap_or_else(|| panic!("there is no link {id}"))
    }

    /// A subscription by its group or link, an inbox by its node.
    #[track_caller]
    pub(crate) fn sub(&self, label: &str) -> SubIx {
        let subs = (0..self.plan().sub_count()).map(|ix| SubIx(ix as u32));
        let found = subs.rev().find(|sub| self.plan().sub_label(*sub) == label);
        found.unwrap_or_else(|| panic!("there is no subscription {label}"))
    }

    /// An event as stories write it: `p#0` is the first of `p`.
    #[track_caller]
    pub(crate) fn event(&self, text: &str) -> EventId {
        let (node, number) = text.split_once('#').expect("node#number");
        EventId::new(self.node(node), number.parse().expect("a number"))
    }

    // ---- what happened --------------------------------------------------------------------------------------------

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record<'static>> {
        self.kept.records.iter()
    }

    /// How many records a pattern fits: `run.count(|what| matches!(what, What::Acked { .. }))`.
    pub(crate) fn count(&self, fits: impl Fn(&What<'static>) -> bool) -> usize {
        self.records().filter(|record| fits(&record.what)).count()
    }

    /// The lines of these verbs, in order: what a test compares.
    pub(crate) fn story(&self, verbs: &str) -> String {
        let verbs: Vec<&str> = verbs.split_whitespace().collect();
        let lines = self.records().filter(|record| verbs.contains(&verb(&record.what)));
        lines.map(|record| self.line(record)).collect::<Vec<_>>().join("\n")
    }

    /// Checks that exactly this is told of these verbs.
    #[track_caller]
    pub(crate) fn tells(&self, verbs: &str, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let story = self.story(verbs);
        let told: Vec<&str> = story.lines().collect();
        assert!(told == expected, "told:\n{story}\n\nexpected:\n{}\n", expected.join("\n"));
    }

    /// One record in words: when, who, verb, what.
    pub(crate) fn line(&self, record: &Record<'_>) -> String {
        let at = record.at.since(SimTime::ZERO);
        format!("{at} {}", self.words(&record.what))
    }

    fn words(&self, what: &What<'_>) -> String {
        let plan = self.plan();
        let node = |ix: NodeIx| plan.node_id(ix).to_string();
        let link = |ix: LinkIx| plan.link_id(ix).to_string();
        let sub = |ix: SubIx| plan.sub_label(ix).to_owned();
        let event = |id: EventId| format!("{}#{}", plan.node_id(id.origin()), id.number());
        let place = |topic: TopicIx, partition: u32| format!("{}/{partition}", plan.topic_name(topic));
        let when = |time: SimTime| time.since(SimTime::ZERO);
        let verb = verb(what);
        match *what {
            What::Emitted { event: id, cause, hops, key, .. } => {
                let key = if key == KeyRef::None { String::new() } else { format!(" key {key}") };
                let cause = cause.map(|cause| format!(" from {} hop {hops}", event(cause))).unwrap_or_default();
                format!("{} {verb} {}{key}{cause}", node(id.origin()), event(id))
            }
            What::Sent { link: ix, event: id, leg, arrives, .. } => {
                let leg = match leg {
                    Leg::Publish => "publish",
                    Leg::Deliver => "deliver",
                    Leg::Call => "call",
                    Leg::DeadLetter => "dead-letter",
                    Leg::Answer => "answer",
                    Leg::Replay => "replay",
                };
                format!("{} {verb} {} until {} as {leg}", link(ix), event(id), when(arrives))
            }
            What::Accepted { node: bus, event: id, topic, partition, offset, .. } => {
                format!("{} {verb} {} at {}@{offset}", node(bus), event(id), place(topic, partition))
            }
            What::Rejected { node: by, event: id, reason, .. } => {
                format!("{} {verb} {} {}", node(by), event(id), reason.name())
            }
            What::Opened { sub: of, event: id, offset, .. } => format!("{} {verb} {} @{offset}", sub(of), event(id)),
            What::Delivered { sub: of, event: id, node: to, attempt } => {
                format!("{} {verb} {} to {} try {attempt}", sub(of), event(id), node(to))
            }
            What::Received { node: by, event: id, attempt, .. } => {
                format!("{} {verb} {} try {attempt}", node(by), event(id))
            }
            What::Started { node: by, event: id, attempt, wait, .. } => {
                format!("{} {verb} {} try {attempt} waited {wait}", node(by), event(id))
            }
            What::Handled { node: by, event: id, attempt, service, .. } => {
                format!("{} {verb} {} try {attempt} took {service}", node(by), event(id))
            }
            What::Failed { node: by, event: id, attempt, reason, lost, .. } => {
                let lost = if lost { " lost" } else { "" };
                format!("{} {verb} {} try {attempt} {}{lost}", node(by), event(id), reason.name())
            }
            What::Throttled { node: by, event: id, attempt, .. } => {
                format!("{} {verb} {} try {attempt}", node(by), event(id))
            }
            What::Acked { sub: of, event: id, node: by, auto, from: _ } => {
                let auto = if auto { " auto" } else { "" };
                format!("{} {verb} {} by {}{auto}", sub(of), event(id), node(by))
            }
            What::Stale { sub: of, event: id, node: by, why } => {
                let why = match why {
                    Staleness::Settled => "settled",
                    Staleness::EarlierAttempt => "earlier attempt",
                    Staleness::OldGeneration => "old generation",
                };
                format!("{} {verb} {} by {} {why}", sub(of), event(id), node(by))
            }
            What::Retrying { sub: of, event: id, attempt, reason, due } => {
                format!("{} {verb} {} try {attempt} {} until {}", sub(of), event(id), reason.name(), when(due))
            }
            What::Queued { sub: of, event: id, taken_back } => {
                let back = if taken_back { " taken back" } else { "" };
                format!("{} {verb} {}{back}", sub(of), event(id))
            }
            What::Dropped { sub: of, event: id, reason, attempts, from, .. } => {
                format!("{} {verb} {} {} after {attempts} from {}", sub(of), event(id), reason.name(), phase(from))
            }
            What::DeadLettered { sub: of, event: id, reason, attempts, from, to, .. } => {
                let reason = reason.name();
                format!(
                    "{} {verb} {} {reason} after {attempts} from {} to {}",
                    sub(of),
                    event(id),
                    phase(from),
                    node(to)
                )
            }
            What::Buried { node: by, event: id, reason, .. } => {
                format!("{} {verb} {} {}", node(by), event(id), reason.name())
            }
            What::Forgotten { node: by, event: id } | What::Broken { node: by, event: id } => {
                format!("{} {verb} {}", node(by), event(id))
            }
            What::Evicted { sub: of, event: id, from, .. } | What::Purged { sub: of, event: id, from } => {
                format!("{} {verb} {} from {}", sub(of), event(id), phase(from))
            }
            What::Deduped { node: bus, event: id, topic, partition, offset, of, .. } => {
                format!("{} {verb} {} as {} at {}@{offset}", node(bus), event(id), event(of), place(topic, partition))
            }
            What::Removed { node: bus, event: id, topic, partition, offset, why, .. } => {
                format!("{} {verb} {} at {}@{offset} {}", node(bus), event(id), place(topic, partition), why.name())
            }
            What::Sought { sub: of, topic, partition, offset } => {
                format!("{} {verb} {}@{offset}", sub(of), place(topic, partition))
            }
            What::Replayed { sub: of, event: id, topic, partition, offset, .. } => {
                format!("{} {verb} {} at {}@{offset}", sub(of), event(id), place(topic, partition))
            }
            What::Muted { node: by, event: id, .. } => format!("{} {verb} {}", node(by), event(id)),
            What::OutOfRange { sub: of, topic, partition, skipped } => {
                format!("{} {verb} {} skipped {skipped}", sub(of), place(topic, partition))
            }
            What::Blocked { node: by, sub: of, event: id } | What::Unblocked { node: by, sub: of, event: id } => {
                format!("{} {verb} {} before {}", node(by), event(id), sub(of))
            }
            What::Deadlocked { node: by, waits_for, sub: of } => {
                format!("{} {verb} waits for {} before {}", node(by), node(waits_for), sub(of))
            }
            What::InstanceStarted { node: by, cold, ready, instances } => {
                let cold = if cold { "cold" } else { "warm" };
                format!("{} {verb} {cold} ready {} of {instances}", node(by), when(ready))
            }
            What::InstanceReclaimed { node: by, instances } => format!("{} {verb} leaves {instances}", node(by)),
            What::Rebalanced { sub: of, generation, members } => {
                format!("{} {verb} generation {generation} members {members}", sub(of))
            }
            What::Assigned { sub: of, topic, partition, owner, generation } => {
                let owner = owner.map_or_else(|| "nobody".to_owned(), node);
                format!("{} {verb} {} to {owner} generation {generation}", sub(of), place(topic, partition))
            }
            What::Edited { revision } => format!("{verb} revision {revision}"),
            What::SourceEnded { node: by } => format!("{} {verb}", node(by)),
            What::Unconfirmed { node: by, event: id, .. } => format!("{} {verb} {}", node(by), event(id)),
            What::FaultBegan { fault, kind, node: on, link: along } => {
                let on = on.map(node).or(along.map(link)).unwrap_or_default();
                format!("{on} {verb} {} ({})", kind.label(), self.plan().fault_name(fault))
            }
            What::FaultEnded { fault } => format!("{verb} {}", self.plan().fault_name(fault)),
            What::LinkLost { link: ix, event: id, leg, .. } => format!("{} {verb} {} as {leg:?}", link(ix), event(id)),
            What::Duplicated { link: ix, event: id, .. } => format!("{} {verb} {}", link(ix), event(id)),
            What::HeldUp { link: ix, event: id, by, .. } => format!("{} {verb} {} by {by}", link(ix), event(id)),
            What::LostInCrash { node: by, event: id, attempt, stage, .. } => {
                format!("{} {verb} {} attempt {attempt} {}", node(by), event(id), stage.name())
            }
            What::TurnedAway { node: by, event: id, .. } => format!("{} {verb} {}", node(by), event(id)),
            What::Slowed { node: by, event: id, by: longer, .. } => {
                format!("{} {verb} {} by {longer}", node(by), event(id))
            }
            What::Limited { sub: of, event: id, attempt, .. } => {
                format!("{} {verb} {} try {attempt}", sub(of), event(id))
            }
            What::BreakerTurned { sub: of, link: by, circuit } => {
                let whose = by.map_or_else(|| sub(of), link);
                format!("{whose} {verb} {}", circuit.name())
            }
            What::HeldBack { sub: of, event: id, due } => {
                format!("{} {verb} {} until {}", sub(of), event(id), when(due))
            }
            What::Cancelled { node: by, event: id, attempt, .. } => {
                format!("{} {verb} {} try {attempt}", node(by), event(id))
            }
            What::CallFailed { link: by, event: id, attempt, reason, due, .. } => {
                let due = due.map_or_else(|| "given up".to_owned(), |due| format!("again at {}", when(due)));
                format!("{} {verb} {} try {attempt} {} {due}", link(by), event(id), reason.name())
            }
            What::Requested { node: by, event: id, deadline } => {
                format!("{} {verb} {} until {}", node(by), event(id), when(deadline))
            }
            What::Replied { node: by, event: id, reply, round_trip } => {
                format!("{} {verb} {} by {} after {round_trip}", node(by), event(id), event(reply))
            }
            What::Unanswered { node: by, event: id, why } => {
                format!("{} {verb} {} {}", node(by), event(id), why.name())
            }
            What::Orphaned { node: by, event: id, request } => {
                let request = request.map_or_else(|| "nothing".to_owned(), event);
                format!("{} {verb} {} for {request}", node(by), event(id))
            }
            What::Skewed { node: by, event: id, time, .. } => format!("{} {verb} {} to {time}", node(by), event(id)),
            What::Kept { node: by, event: id, what } => {
                let about = id.map(|id| format!(" {}", event(id))).unwrap_or_default();
                let detail = match what {
                    Kept::Appended { key, version } | Kept::Snapshot { key, version } => format!(" {key}@{version}"),
                    Kept::Conflict { expected, found } => format!(" expected {expected} found {found}"),
                    Kept::Recovered { keys, replayed } => format!(" {keys} keys {replayed} replayed"),
                    Kept::Rebuilt { events, hash, was } => {
                        format!(" of {events} {}", if hash == was { "the same" } else { "another" })
                    }
                    Kept::NotRebuilt { missing } => format!(" missing {missing}"),
                    Kept::Committed { events } => format!(" with {events}"),
                    Kept::Relayed { attempt } => format!(" attempt {attempt}"),
                    Kept::Saga { saga, step, attempt, is } => {
                        let again = if attempt > 1 { format!(" attempt {attempt}") } else { String::new() };
                        format!(" {saga} step {step} {}{again}", is.name())
                    }
                    Kept::Repeated | Kept::Marked | Kept::Unpublished => String::new(),
                };
                format!("{} {verb}{about}{detail}", node(by))
            }
            What::Postponed { sub: of, event: id, due } => {
                format!("{} {verb} {} until {}", sub(of), event(id), when(due))
            }
            What::Expired { sub: of, event: id, attempts, from, to, node: _ } => {
                let to = to.map(|to| format!(" to {}", node(to))).unwrap_or_default();
                format!("{} {verb} {} after {attempts} from {}{to}", sub(of), event(id), phase(from))
            }
            What::OrderGap { sub: of, event: id } => format!("{} {verb} {}", sub(of), event(id)),
            What::Recognised { node: by, event: id, attempt, service, .. } => {
                format!("{} {verb} {} try {attempt} took {service}", node(by), event(id))
            }
            What::WatermarkAdvanced { node: by, to_nanos } => format!("{} {verb} {}", node(by), moment_text(to_nanos)),
            What::Gathered { node: by, event: id, time_nanos, places, late } => {
                let late = if late { " late" } else { "" };
                format!("{} {verb} {} of {} in {places}{late}", node(by), event(id), moment_text(time_nanos))
            }
            What::Late { node: by, event: id, time_nanos, watermark_nanos } => {
                let (time, mark) = (moment_text(time_nanos), moment_text(watermark_nanos));
                format!("{} {verb} {} of {time} at {mark}", node(by), event(id))
            }
            What::HeldAlready { node: by, event: id } => format!("{} {verb} {}", node(by), event(id)),
            What::WindowClosed { node: by, event: id, start_nanos, end_nanos, count, revision } => {
                let (start, end) = (moment_text(start_nanos), moment_text(end_nanos));
                format!("{} {verb} {} {start} to {end} count {count} revision {revision}", node(by), event(id))
            }
            What::Joined { node: by, event: id, left, right } => {
                format!("{} {verb} {} of {} and {}", node(by), event(id), event(left), event(right))
            }
            What::StateLost { node: by, windows, waiting, .. } => {
                format!("{} {verb} windows {windows} waiting {waiting}", node(by))
            }
            What::Draining => verb.to_owned(),
        }
    }

    /// Figures of one node in a line: `emitted 5 received 3 handled 2 failed 1`, zeros left out.
    pub(crate) fn summary(&self, id: &str) -> String {
        let ix = self.node(id);
        let mut counts: BTreeMap<&'static str, u32> = BTreeMap::new();
        for record in self.records() {
            let name = match record.what {
                What::Emitted { event, .. } if event.origin() == ix => "emitted",
                What::Received { node, .. } if node == ix => "received",
                What::Handled { node, .. } if node == ix => "handled",
                What::Failed { node, .. } if node == ix => "failed",
                What::Throttled { node, .. } if node == ix => "throttled",
                What::Buried { node, .. } if node == ix => "buried",
                What::Accepted { node, .. } if node == ix => "accepted",
                What::Rejected { node, .. } if node == ix => "rejected",
                What::Acked { node, .. } if node == ix => "acked",
                _ => continue,
            };
            *counts.entry(name).or_default() += 1;
        }
        let order =
            ["emitted", "accepted", "rejected", "received", "handled", "failed", "throttled", "acked", "buried"];
        let told = order.iter().filter_map(|name| counts.get(name).map(|count| format!("{name} {count}")));
        told.collect::<Vec<_>>().join(" ")
    }
}

/// The moment that a text like `1.5s` says.
#[track_caller]
pub(crate) fn at(text: &str) -> SimTime {
    SimTime::ZERO + text.parse::<SimDuration>().expect(text)
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Queued => "queued",
        Phase::Delayed => "delayed",
        Phase::InFlight => "in-flight",
    }
}

/// The word that stories tell a record with.
fn verb(what: &What<'_>) -> &'static str {
    match what {
        What::Emitted { .. } => "emitted",
        What::Sent { .. } => "sent",
        What::Accepted { .. } => "accepted",
        What::Rejected { .. } => "rejected",
        What::Opened { .. } => "opened",
        What::Delivered { .. } => "delivered",
        What::Received { .. } => "received",
        What::Started { .. } => "started",
        What::Handled { .. } => "handled",
        What::Failed { .. } => "failed",
        What::Throttled { .. } => "throttled",
        What::Acked { .. } => "acked",
        What::Stale { .. } => "stale",
        What::Retrying { .. } => "retrying",
        What::Queued { .. } => "queued",
        What::Dropped { .. } => "dropped",
        What::DeadLettered { .. } => "dead-lettered",
        What::Buried { .. } => "buried",
        What::Forgotten { .. } => "forgotten",
        What::Evicted { .. } => "evicted",
        What::OutOfRange { .. } => "out-of-range",
        What::Purged { .. } => "purged",
        What::Deduped { .. } => "deduped",
        What::Removed { .. } => "removed",
        What::Sought { .. } => "sought",
        What::Replayed { .. } => "replayed",
        What::Muted { .. } => "muted",
        What::Blocked { .. } => "blocked",
        What::Unblocked { .. } => "unblocked",
        What::Deadlocked { .. } => "deadlocked",
        What::InstanceStarted { .. } => "instance-started",
        What::InstanceReclaimed { .. } => "instance-reclaimed",
        What::Rebalanced { .. } => "rebalanced",
        What::Assigned { .. } => "assigned",
        What::Broken { .. } => "broken",
        What::Edited { .. } => "edited",
        What::SourceEnded { .. } => "source-ended",
        What::Draining => "draining",
        What::Unconfirmed { .. } => "unconfirmed",
        What::FaultBegan { .. } => "fault-began",
        What::FaultEnded { .. } => "fault-ended",
        What::LinkLost { .. } => "link-lost",
        What::Duplicated { .. } => "duplicated",
        What::HeldUp { .. } => "held-up",
        What::LostInCrash { .. } => "lost-in-crash",
        What::TurnedAway { .. } => "turned-away",
        What::Slowed { .. } => "slowed",
        What::Skewed { .. } => "skewed",
        What::Kept { what, .. } => what.name(),
        What::Postponed { .. } => "postponed",
        What::Expired { .. } => "expired",
        What::OrderGap { .. } => "order-gap",
        What::Recognised { .. } => "recognised",
        What::Limited { .. } => "limited",
        What::BreakerTurned { .. } => "breaker",
        What::HeldBack { .. } => "held-back",
        What::Cancelled { .. } => "cancelled",
        What::CallFailed { .. } => "call-failed",
        What::Requested { .. } => "requested",
        What::Replied { .. } => "replied",
        What::Unanswered { .. } => "unanswered",
        What::Orphaned { .. } => "orphaned",
        What::WatermarkAdvanced { .. } => "watermark",
        What::Gathered { .. } => "gathered",
        What::Late { .. } => "late",
        What::HeldAlready { .. } => "held-already",
        What::WindowClosed { .. } => "window-closed",
        What::Joined { .. } => "joined",
        What::StateLost { .. } => "state-lost",
    }
}

/// Why something was given up, of all that was; for counting.
pub(crate) fn reason_of(what: &What<'_>) -> Option<Reason> {
    match what {
        What::Dropped { reason, .. } | What::DeadLettered { reason, .. } | What::Rejected { reason, .. } => {
            Some(*reason)
        }
        _ => None,
    }
}
