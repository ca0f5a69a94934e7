//! What a node keeps, made runnable: stores, commits and sagas.

use std::sync::Arc;

use super::Sampler;
use super::compile::Compiler;
use super::plan::{DataPlan, EmitPlan, HandlerPlan, KeyPlan, Kinds, Route, Work, WorkerPlan};
use super::{Place, Plan};
use crate::expr::{Program, Purpose};
use crate::model::{
    Chance, Commit, EventName, EventTypeIx, Expects, Expression, NodeId, NodeIx, Pick, Saga, SagaStep, Service,
    SimDuration, StateValue, Store, StoreKeeps,
};

/// What a node keeps that outlives its crashes.
pub(crate) enum KeepsPlan {
    Store(StorePlan),
    Commit(CommitPlan),
    Saga(SagaPlan),
}

/// A store.
pub(crate) struct StorePlan {
    pub(crate) keeps: StoreKeeps,
    pub(crate) key: Option<Program>,
    pub(crate) fields: Box<[FieldPlan]>,
    pub(crate) fold: Option<Program>,
    pub(crate) expects: ExpectsPlan,
    /// 0 for never.
    pub(crate) snapshot_every: u64,
    /// Whether what it works out looks at the data of events.
    pub(crate) needs_data: bool,
}

/// A named part of the state of a key.
pub(crate) struct FieldPlan {
    pub(crate) name: Arc<str>,
    pub(crate) adds: Adds,
    /// What it looks at; none for a count.
    pub(crate) of: Option<Program>,
}

/// How a part of a state follows from events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adds {
    Count,
    Sum,
    Min,
    Max,
    First,
    Last,
}

/// Which version an event expects.
pub(crate) enum ExpectsPlan {
    Any,
    AsRead,
    Version(Program),
}

impl StorePlan {
    /// Whether another one makes the same state of the same events.
    pub(crate) fn makes_same(&self, other: &Self) -> bool {
        let source = |program: &Option<Program>| program.as_ref().map(|program| program.source().to_owned());
        let field = |field: &FieldPlan| (Arc::clone(&field.name), field.adds, source(&field.of));
        self.keeps == other.keeps
            && source(&self.key) == source(&other.key)
            && source(&self.fold) == source(&other.fold)
            && self.fields.iter().map(field).eq(other.fields.iter().map(field))
    }
}

/// How a service commits.
pub(crate) enum CommitPlan {
    DualWrite { gap: u64 },
    Outbox { every: u64, batch: u32, marks: u64 },
}

/// A saga.
pub(crate) struct SagaPlan {
    pub(crate) starts: Kinds,
    pub(crate) steps: Box<[StepPlan]>,
    pub(crate) tries: u32,
    pub(crate) undo_tries: u32,
    pub(crate) completed: Option<EmitPlan>,
    pub(crate) compensated: Option<EmitPlan>,
}

/// A step of a saga. Its replies are types by handle; those that nothing emits have none, and never come.
pub(crate) struct StepPlan {
    pub(crate) command: EmitPlan,
    pub(crate) done: EventTypeIx,
    pub(crate) refused: EventTypeIx,
    pub(crate) undo: Option<EmitPlan>,
    pub(crate) undone: Option<EventTypeIx>,
    pub(crate) timeout: u64,
}

impl SagaPlan {
    /// Whether some step is answered by events of this type.
    pub(crate) fn is_reply(&self, kind: EventTypeIx) -> bool {
        self.steps.iter().any(|step| step.done == kind || step.refused == kind || step.undone == Some(kind))
    }

    /// Everything that it emits.
    pub(crate) fn emits(&self) -> impl Iterator<Item = &EmitPlan> {
        let steps = self.steps.iter().flat_map(|step| std::iter::once(&step.command).chain(&step.undo));
        steps.chain(&self.completed).chain(&self.compensated)
    }
}

impl Plan {
    /// What a node keeps, if it keeps something.
    pub(crate) fn keeps(&self, node: NodeIx) -> Option<&KeepsPlan> {
        self.nodes[node.index()].work.worker().and_then(|worker| worker.keeps.as_deref())
    }

    /// The settings of a store.
    pub(crate) fn store(&self, node: NodeIx) -> Option<&StorePlan> {
        match self.keeps(node) {
            Some(KeepsPlan::Store(store)) => Some(store),
            Some(KeepsPlan::Commit(_) | KeepsPlan::Saga(_)) | None => None,
        }
    }

    /// What a node asks for in a step of its saga: its command.
    pub fn saga_step(&self, node: NodeIx, step: u32) -> Option<&EventName> {
        match self.keeps(node) {
            Some(KeepsPlan::Saga(saga)) => saga.steps.get(step as usize).map(|step| self.event_name(step.command.kind)),
            Some(KeepsPlan::Store(_) | KeepsPlan::Commit(_)) | None => None,
        }
    }

    /// The ways that an emit setting of a node goes; none if it is not there any more.
    pub(crate) fn routes_of(&self, node: NodeIx, counter: u32) -> &[Route] {
        let Work::Worker(worker) = &self.nodes[node.index()].work else { return &[] };
        let mut emits = worker.handlers.iter().flat_map(|handler| &handler.emits);
        emits.find(|emit| emit.counter == counter).map_or(&[], |emit| &emit.routes)
    }
}

/// Places of emit settings that are none of a handler.
const SAGA: u32 = u32::MAX - 1;
const TOLD: u32 = u32::MAX - 2;

impl<'a> Compiler<'a> {
    /// What a service keeps.
    pub(super) fn service_keeps(&mut self, ix: NodeIx, service: &'a Service) -> Option<Box<KeepsPlan>> {
        let keeps = match (&service.saga, service.commits) {
            (Some(saga), _) => KeepsPlan::Saga(self.saga(ix, saga)),
            (None, Some(commits)) => KeepsPlan::Commit(commit(commits)),
            (None, None) => return None,
        };
        Some(Box::new(keeps))
    }

    fn saga(&mut self, ix: NodeIx, saga: &'a Saga) -> SagaPlan {
        let steps = saga.steps.iter().zip(0..).map(|(step, number)| self.step(ix, step, number)).collect();
        let mut end = |name: &Option<EventName>, place| name.as_ref().map(|name| self.own_emit(ix, SAGA, place, name));
        let completed = end(&saga.completed, u32::MAX);
        let compensated = end(&saga.compensated, u32::MAX - 1);
        SagaPlan {
            starts: self.kinds(&saga.starts),
            steps,
            tries: saga.tries.max(1),
            undo_tries: saga.undo_tries.max(1),
            completed,
            compensated,
        }
    }

    fn step(&mut self, ix: NodeIx, step: &SagaStep, number: u32) -> StepPlan {
        StepPlan {
            command: self.own_emit(ix, SAGA, 2 * number, &step.command),
            done: self.intern_event(&step.done, None),
            refused: self.intern_event(&step.refused, None),
            undo: step.undo.as_ref().map(|undo| self.own_emit(ix, SAGA, 2 * number + 1, undo)),
            undone: step.undone.as_ref().map(|undone| self.intern_event(undone, None)),
            timeout: step.timeout.as_nanos().max(1),
        }
    }

    /// An event that a node emits of its own accord, with the key and the data of what it is about.
    fn own_emit(&mut self, ix: NodeIx, group: u32, place: u32, name: &EventName) -> EmitPlan {
        let kind = self.intern_event(name, None);
        EmitPlan {
            counter: self.counter(ix, group, place, &crate::model::Key::Inherit),
            kind,
            chance: Chance::ALWAYS,
            count: 1,
            when: None,
            after: None,
            key: KeyPlan::Inherit,
            data: DataPlan::Cause,
            routes: self.routes(ix, name),
        }
    }

    /// A store: a worker that passes on what it is to tell.
    pub(super) fn store(&mut self, ix: NodeIx, id: &NodeId, store: &'a Store) -> WorkerPlan {
        let takes = Sampler::new(&store.takes);
        let handler =
            |on, emits| HandlerPlan { on, takes, fails: store.fails, emits, pick: Pick::Each, is_plain: false };
        let mut handlers = Vec::with_capacity(store.tells.len() + 1);
        for (name, place) in store.tells.iter().zip(0..) {
            let emit = self.own_emit(ix, TOLD, place, name);
            handlers.push(handler(Kinds::Some(Box::new([emit.kind])), Box::new([emit]) as Box<[EmitPlan]>));
        }
        handlers.push(handler(Kinds::All, Box::default()));
        let mut worker = self.worker(ix, store.concurrency, &[], handlers.into(), None);
        worker.keeps = Some(Box::new(KeepsPlan::Store(self.store_plan(id, store))));
        worker
    }

    fn store_plan(&mut self, id: &NodeId, store: &'a Store) -> StorePlan {
        let at = |field: String| Place::Node(id.clone(), Some(format!("kind.{field}")));
        let key = self.optional(store.key.as_ref(), Purpose::Key, || at("key".to_owned()));
        let fold = self.optional(store.fold.as_ref(), Purpose::Fold, || at("fold".to_owned()));
        let mut fields = Vec::with_capacity(store.state.len());
        for (number, field) in store.state.iter().enumerate() {
            let of = self.optional(field.is.expression(), Purpose::Data, || at(format!("state[{number}].is")));
            let adds = match field.is {
                StateValue::Count => Adds::Count,
                StateValue::Sum(_) => Adds::Sum,
                StateValue::Min(_) => Adds::Min,
                StateValue::Max(_) => Adds::Max,
                StateValue::First(_) => Adds::First,
                StateValue::Last(_) => Adds::Last,
            };
            fields.push(FieldPlan { name: field.name.as_str().into(), adds, of });
        }
        let expects = match &store.expects {
            Expects::Any => ExpectsPlan::Any,
            Expects::AsRead => ExpectsPlan::AsRead,
            Expects::Version(source) => {
                let program = self.program(source, Purpose::Data, || at("expects".to_owned()));
                program.map_or(ExpectsPlan::Any, ExpectsPlan::Version)
            }
        };
        let version = match &expects {
            ExpectsPlan::Version(program) => Some(program),
            ExpectsPlan::Any | ExpectsPlan::AsRead => None,
        };
        let programs =
            key.iter().chain(&fold).chain(version).chain(fields.iter().filter_map(|field| field.of.as_ref()));
        let needs_data = programs.into_iter().any(Program::needs_data);
        let snapshot_every = if store.keeps == StoreKeeps::Events { store.snapshot_every.unwrap_or(0) } else { 0 };
        StorePlan {
            keeps: store.keeps,
            needs_data,
            key,
            // A fold says the whole state.
            fields: if fold.is_some() { Box::default() } else { fields.into() },
            fold,
            expects: if store.keeps == StoreKeeps::Events { expects } else { ExpectsPlan::Any },
            snapshot_every: snapshot_every.into(),
        }
    }

    fn optional(
        &mut self,
        source: Option<&'a Expression>,
        purpose: Purpose,
        place: impl Fn() -> Place,
    ) -> Option<Program> {
        source.and_then(|source| self.program(source, purpose, place))
    }
}

fn commit(commit: Commit) -> CommitPlan {
    match commit {
        Commit::DualWrite { gap } => CommitPlan::DualWrite { gap: gap.as_nanos() },
        Commit::Outbox { every, batch, marks } => {
            let every = every.max(SimDuration::from_nanos(1)).as_nanos();
            CommitPlan::Outbox { every, batch: batch.max(1), marks: marks.as_nanos() }
        }
    }
}
