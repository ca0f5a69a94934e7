//! Sagas: a business transaction over several services, step by step, and back again if one refuses.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::data::data_of;
use super::super::event_list::Class;
use super::super::state::{Job, Payload, Slot, Tag};
use super::super::{Cx, Kernel, Limit, limits};
use crate::model::{EventId, NodeIx};
use crate::plan::{EmitPlan, HandlerPlan, KeepsPlan, Plan, SagaPlan, StepPlan};
use crate::trace::{Kept, Observer, Reason, SagaMove};

/// The runs of a saga.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct SagasState {
    /// All that ever began, by their key: an event that begins one of them again begins nothing.
    by_key: BTreeMap<Arc<str>, u32>,
    /// Those that go on, and those that are stuck.
    runs: BTreeMap<u32, SagaRun>,
    completed: u64,
    compensated: u64,
    stuck: u64,
}

/// One run. Where it stands is on disk; only its timer is not.
#[derive(Clone, Debug)]
struct SagaRun {
    key: Arc<str>,
    /// The event that began it: what it asks for is about this one.
    start: Slot,
    payload: Option<Arc<Payload>>,
    /// What moved it last: the cause of what it emits.
    cause: Slot,
    stage: Stage,
    /// The step that an answer is awaited for.
    step: u32,
    attempt: u32,
    /// When that answer is overdue.
    deadline: u64,
    /// Which timer is the valid one.
    epoch: u32,
    /// Steps to undo if need be, in the order in which they were done.
    to_undo: Vec<u32>,
}

/// Which way a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Forward,
    Back,
    Stuck,
    Ended,
}

/// The runs of a saga as they are right now, for whoever looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SagasNow {
    /// Runs that wait for an answer to a step.
    pub forward: u64,
    /// Runs that are being undone.
    pub back: u64,
    /// Runs of which all steps are done.
    pub completed: u64,
    /// Runs of which everything is undone.
    pub compensated: u64,
    /// Runs that people have to see to.
    pub stuck: u64,
}

/// A run of a saga that goes on or is stuck, for whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SagaNow {
    /// Its number at its node.
    pub number: u32,
    /// What its events have in common.
    pub key: Arc<str>,
    /// The step that an answer is awaited for.
    pub step: u32,
    /// Which way it goes.
    pub way: SagaWay,
    /// How often that was asked for.
    pub attempt: u32,
}

/// Which way a run of a saga goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SagaWay {
    /// From step to step.
    Forward,
    /// Back: what was done is undone.
    Back,
    /// No further: nobody undoes a step.
    Stuck,
}

impl SagasState {
    /// Puts a run back, unless nothing can happen to it any more.
    fn put(&mut self, number: u32, run: SagaRun) {
        if run.stage != Stage::Ended {
            self.runs.insert(number, run);
        }
    }
}

impl Kernel {
    /// An event of a saga was handled: it begins a run, answers a step of one, or means nothing to it.
    pub(in super::super) fn move_saga<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        handle: u32,
        saga: &SagaPlan,
        handler: Option<&HandlerPlan>,
    ) -> Result<(), Reason> {
        // What a handler emits besides is emitted first: if that cannot be, nothing has happened.
        if let Some(handler) = handler.filter(|handler| !handler.emits.is_empty()) {
            self.emit_all(cx, handle, handler)?;
        }
        let job = self.jobs[handle];
        let (node, slot) = (NodeIx(job.node), job.slot);
        let payload = self.jobs.payload_cloned(handle);
        let key = saga_key(cx.plan, &slot, payload.as_deref());
        let mut state = self.keeping.sagas.remove(&node.0).unwrap_or_default();
        let known = state.by_key.get(&key).copied();
        if saga.is_reply(slot.kind()) {
            match known {
                Some(number) => self.answer_saga(cx, node, saga, &mut state, number, &slot),
                None => Self::show_move(cx, node, slot.event, u32::MAX, 0, 0, SagaMove::Ignored),
            }
        } else if saga.starts.contains(slot.kind()) {
            match known {
                Some(number) => Self::show_move(cx, node, slot.event, number, 0, 0, SagaMove::Ignored),
                None => self.start_saga(cx, node, saga, &mut state, key, &slot, payload),
            }
        }
        self.keeping.sagas.insert(node.0, state);
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "what a run is made of")]
    fn start_saga<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        saga: &SagaPlan,
        state: &mut SagasState,
        key: Arc<str>,
        slot: &Slot,
        payload: Option<Arc<Payload>>,
    ) {
        let number = state.by_key.len() as u32;
        if state.by_key.len() >= limits::SAGAS {
            self.limit = Some(Limit::Sagas);
        }
        state.by_key.insert(Arc::clone(&key), number);
        Self::show_move(cx, node, slot.event, number, 0, 0, SagaMove::Started);
        let mut run = SagaRun {
            key,
            start: *slot,
            payload,
            cause: *slot,
            stage: Stage::Forward,
            step: 0,
            attempt: 0,
            deadline: 0,
            epoch: 0,
            to_undo: Vec::new(),
        };
        self.go_forward(cx, node, saga, state, number, &mut run);
        state.put(number, run);
    }

    /// An answer comes. Only the one that is awaited moves a run.
    fn answer_saga<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        saga: &SagaPlan,
        state: &mut SagasState,
        number: u32,
        slot: &Slot,
    ) {
        let Some(mut run) = state.runs.remove(&number) else {
            Self::show_move(cx, node, slot.event, number, 0, 0, SagaMove::Ignored);
            return;
        };
        let step = saga.steps.get(run.step as usize);
        let says = |what: fn(&StepPlan) -> Option<crate::model::EventTypeIx>| step.and_then(what) == Some(slot.kind());
        let (number_of, at) = (number, run.step);
        let show = |cx: &mut Cx<'_, O>, is| Self::show_move(cx, node, slot.event, number_of, at, 0, is);
        match run.stage {
            Stage::Forward if says(|step| Some(step.done)) => {
                run.cause = *slot;
                show(cx, SagaMove::Done);
                run.to_undo.push(run.step);
                run.step += 1;
                run.attempt = 0;
                self.go_forward(cx, node, saga, state, number, &mut run);
            }
            Stage::Forward if says(|step| Some(step.refused)) => {
                run.cause = *slot;
                show(cx, SagaMove::Refused);
                run.stage = Stage::Back;
                self.go_back(cx, node, saga, state, number, &mut run);
            }
            Stage::Back if says(|step| step.undone) => {
                run.cause = *slot;
                show(cx, SagaMove::Undone);
                self.go_back(cx, node, saga, state, number, &mut run);
            }
            Stage::Forward | Stage::Back | Stage::Stuck | Stage::Ended => show(cx, SagaMove::Ignored),
        }
        state.put(number, run);
    }

    /// Asks for the next step; or all are done.
    fn go_forward<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        saga: &SagaPlan,
        state: &mut SagasState,
        number: u32,
        run: &mut SagaRun,
    ) {
        let Some(step) = saga.steps.get(run.step as usize) else {
            state.completed += 1;
            self.end_saga(cx, node, number, run, SagaMove::Completed, saga.completed.as_ref());
            return;
        };
        self.ask(cx, node, number, run, &step.command, step.timeout, SagaMove::Asked);
    }

    /// Undoes the latest step that is not undone yet; or all are.
    fn go_back<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        saga: &SagaPlan,
        state: &mut SagasState,
        number: u32,
        run: &mut SagaRun,
    ) {
        run.epoch += 1;
        while let Some(place) = run.to_undo.pop() {
            run.step = place;
            run.attempt = 0;
            let step = saga.steps.get(place as usize);
            if let Some((step, undo)) = step.and_then(|step| Some((step, step.undo.as_ref()?))) {
                self.ask(cx, node, number, run, undo, step.timeout, SagaMove::Undoing);
                if step.undone.is_some() {
                    return;
                }
                run.epoch += 1;
            }
            // There is nothing to undo, or nobody who says so.
            Self::show_move(cx, node, run.cause.event, number, place, 0, SagaMove::Undone);
        }
        state.compensated += 1;
        self.end_saga(cx, node, number, run, SagaMove::Compensated, saga.compensated.as_ref());
    }

    /// Sends a command, and awaits its answer.
    #[expect(clippy::too_many_arguments, reason = "what is asked, of whom, and until when")]
    fn ask<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        number: u32,
        run: &mut SagaRun,
        command: &EmitPlan,
        timeout: u64,
        is: SagaMove,
    ) {
        run.attempt += 1;
        run.deadline = self.now.saturating_add(timeout);
        Self::show_move(cx, node, run.cause.event, number, run.step, run.attempt, is);
        self.emit_for(cx, node, run, command);
        self.arm_saga(node, number, run);
    }

    fn arm_saga(&mut self, node: NodeIx, number: u32, run: &mut SagaRun) {
        run.epoch += 1;
        let job = Job { token: run.epoch, ..Job::timer(Tag::SagaTimer, node.0, number) };
        self.arm(run.deadline.max(self.now), Class::Timer, job);
    }

    fn end_saga<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        number: u32,
        run: &mut SagaRun,
        is: SagaMove,
        tells: Option<&EmitPlan>,
    ) {
        run.stage = if is == SagaMove::Stuck { Stage::Stuck } else { Stage::Ended };
        run.epoch += 1;
        Self::show_move(cx, node, run.cause.event, number, run.step, 0, is);
        if let Some(emit) = tells {
            self.emit_for(cx, node, run, emit);
        }
        run.payload = None;
    }

    /// An event about a run: with the key and the data of what began it.
    fn emit_for<O: Observer>(&mut self, cx: &mut Cx<'_, O>, node: NodeIx, run: &SagaRun, emit: &EmitPlan) {
        let plan = cx.plan;
        let mut payload = Payload { key: Some(Arc::clone(&run.key)), ..Payload::default() };
        if plan.events[emit.kind.index()].needs_data || self.all_data {
            payload.data = Some(Arc::clone(data_of(plan, run.start.kind(), run.payload.as_deref())));
        }
        if !plan.outside.is_empty() {
            let before = run.payload.as_ref().and_then(|payload| payload.lineage);
            let root = before.map_or(run.start.event, |before| before.root);
            payload.lineage = Some(super::super::state::Lineage { cause: run.cause.event, root });
        }
        self.bring_forth(cx, node, Some(&run.cause), emit, Slot::TEXT_KEY, Some(&Arc::new(payload)));
    }

    /// An answer is overdue: it is asked for again; or the step is in doubt, and with it the run.
    pub(in super::super) fn on_saga_timer<O: Observer>(&mut self, cx: &mut Cx<'_, O>, job: &Job) {
        let (node, number) = (NodeIx(job.node), job.source);
        let Some(KeepsPlan::Saga(saga)) = cx.plan.keeps(node) else { return };
        let Some(mut state) = self.keeping.sagas.remove(&node.0) else { return };
        if let Some(mut run) = state.runs.remove(&number) {
            if run.epoch == job.token && run.stage != Stage::Stuck {
                self.overdue_step(cx, node, saga, &mut state, number, &mut run);
            }
            state.put(number, run);
        }
        self.keeping.sagas.insert(node.0, state);
    }

    fn overdue_step<O: Observer>(
        &mut self,
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        saga: &SagaPlan,
        state: &mut SagasState,
        number: u32,
        run: &mut SagaRun,
    ) {
        let step = saga.steps.get(run.step as usize);
        match (run.stage, step) {
            (Stage::Forward, Some(step)) if run.attempt < saga.tries => {
                self.ask(cx, node, number, run, &step.command, step.timeout, SagaMove::Asked);
            }
            (Stage::Forward, _) => {
                Self::show_move(cx, node, run.cause.event, number, run.step, 0, SagaMove::InDoubt);
                run.to_undo.push(run.step);
                run.stage = Stage::Back;
                self.go_back(cx, node, saga, state, number, run);
            }
            (Stage::Back, Some(StepPlan { undo: Some(undo), timeout, .. })) if run.attempt < saga.undo_tries => {
                self.ask(cx, node, number, run, undo, *timeout, SagaMove::Undoing);
            }
            (Stage::Back | Stage::Stuck | Stage::Ended, _) => {
                state.stuck += 1;
                self.end_saga(cx, node, number, run, SagaMove::Stuck, None);
            }
        }
    }

    /// The leader of sagas is there again: it reads where they stand, and awaits what it awaited.
    pub(in super::super) fn recover_sagas(&mut self, node: NodeIx) {
        let Some(mut state) = self.keeping.sagas.remove(&node.0) else { return };
        for (number, run) in state.runs.iter_mut().filter(|(_, run)| run.stage != Stage::Stuck) {
            self.arm_saga(node, *number, run);
        }
        self.keeping.sagas.insert(node.0, state);
    }

    fn show_move<O: Observer>(
        cx: &mut Cx<'_, O>,
        node: NodeIx,
        event: EventId,
        saga: u32,
        step: u32,
        attempt: u32,
        is: SagaMove,
    ) {
        Self::show_kept(cx, node, Some(event), Kept::Saga { saga, step, attempt, is });
    }

    /// The runs of a saga as they are right now; `None` if the node leads none.
    pub fn sagas_now(&self, node: NodeIx) -> Option<SagasNow> {
        let Some(KeepsPlan::Saga(_)) = self.plan().keeps(node) else { return None };
        let Some(state) = self.keeping.sagas.get(&node.0) else { return Some(SagasNow::default()) };
        let count = |stage| state.runs.values().filter(|run| run.stage == stage).count() as u64;
        Some(SagasNow {
            forward: count(Stage::Forward),
            back: count(Stage::Back),
            completed: state.completed,
            compensated: state.compensated,
            stuck: state.stuck,
        })
    }
}

impl Kernel {
    /// The runs of a saga that go on or are stuck, at most so many, in the order in which they began.
    pub fn sagas_open(&self, node: NodeIx, most: usize) -> Vec<SagaNow> {
        let now = |(number, run): (&u32, &SagaRun)| SagaNow {
            number: *number,
            key: Arc::clone(&run.key),
            step: run.step,
            way: match run.stage {
                Stage::Forward => SagaWay::Forward,
                Stage::Back | Stage::Ended => SagaWay::Back,
                Stage::Stuck => SagaWay::Stuck,
            },
            attempt: run.attempt,
        };
        self.keeping.sagas.get(&node.0).into_iter().flat_map(|state| &state.runs).take(most).map(now).collect()
    }
}

/// What the events of a run have in common: their key, or where the first has none, its id.
fn saga_key(plan: &Plan, slot: &Slot, payload: Option<&Payload>) -> Arc<str> {
    let key = slot.key(payload).to_string();
    if key.is_empty() {
        format!("{}/{}", plan.node_id(slot.event.origin()), slot.event.number()).into()
    } else {
        key.into()
    }
}
