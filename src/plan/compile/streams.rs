//! Stream processors: their operators compiled, and which partitions their watermarks wait for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Compiler, DataPlan, EmitPlan, HandlerPlan, KeyPlan, Kinds, Place, Plan, Work, WorkerPlan};
use crate::expr::Purpose;
use crate::model::{
    Aggregate, Chance, EventName, EventTypeIx, Expression, Grouping, Join, Key, LinkIx, Mapping, NodeId, NodeIx,
    Operator, Pick, Share, SimDuration, StateKept, Stream, TopicIx, Window, WindowShape,
};
use crate::plan::plan::{Route, RouteTo};
use crate::plan::sampler::Sampler;
use crate::plan::stream::{
    AggregateKind, AggregatePlan, GroupPlan, JoinPlan, OperatorPlan, ShapePlan, StreamInput, StreamPlan, TimePlan,
    WindowPlan,
};

/// Emit settings of a node have a number each; results come before late events.
const RESULT: u32 = 0;
const LATE: u32 = 1;

impl<'a> Compiler<'a> {
    pub(super) fn stream(&mut self, ix: NodeIx, id: &NodeId, stream: &'a Stream) -> WorkerPlan {
        let left = self.kinds(&stream.on);
        let (operator, emits, on) = match &stream.operator {
            Operator::Filter(when) => {
                let when = self.stream_program(id, "operator", when, Purpose::Condition);
                let mut emit = self.stream_emit(ix, RESULT, &stream.emits);
                emit.when = when;
                emit.data = DataPlan::Cause;
                (OperatorPlan::Each, vec![emit], left)
            }
            Operator::Map(Mapping { data, key }) => {
                let data = self.stream_program(id, "operator.data", data, Purpose::Data);
                let mut emit = self.stream_emit(ix, RESULT, &stream.emits);
                emit.counter = self.counter(ix, 0, RESULT, key);
                emit.data = data.map_or(DataPlan::Cause, DataPlan::Expr);
                emit.key = match key {
                    Key::Of(of) => {
                        let of = self.stream_program(id, "operator.key", of, Purpose::Key);
                        of.map_or(KeyPlan::Inherit, KeyPlan::Of)
                    }
                    other => self.key(other, || Place::Node(id.clone(), None)),
                };
                (OperatorPlan::Each, vec![emit], left)
            }
            Operator::Window(window) => (OperatorPlan::Window(self.window(ix, id, stream, window)), Vec::new(), left),
            Operator::Join(join) => {
                let right = self.kinds(&join.with);
                let on = united(&left, &right);
                (OperatorPlan::Join(self.join(ix, id, stream, join, left)), Vec::new(), on)
            }
        };
        let late = stream.late_event().map(|late| {
            let mut emit = self.stream_emit(ix, LATE, late);
            emit.data = DataPlan::Cause;
            emit
        });
        let when = stream.when.as_ref();
        let plan = StreamPlan {
            when: when.and_then(|when| self.stream_program(id, "when", when, Purpose::Condition)),
            operator,
            time: match stream.time.expression() {
                None => TimePlan::Born,
                Some((of, unit)) => self
                    .stream_program(id, "time", of, Purpose::Data)
                    .map_or(TimePlan::Born, |program| TimePlan::Of { program, unit }),
            },
            behind: signed(stream.watermark.behind),
            idle: stream.watermark.idle.map_or(u64::MAX, |idle| idle.as_nanos().max(1)),
            lateness: signed(stream.lateness),
            late,
            is_checkpointed: stream.state == StateKept::Checkpointed,
            inputs: Box::default(),
            identity: identity(stream),
        };
        let handler = HandlerPlan {
            on,
            takes: Sampler::new(&stream.takes),
            fails: stream.fails,
            emits: emits.into(),
            pick: Pick::Each,
            is_plain: false,
        };
        WorkerPlan {
            concurrency: stream.concurrency.max(1),
            handlers: Box::new([handler]),
            rate: None,
            timeout: None,
            function: None,
            stream: Some(Box::new(plan)),
            inbox: None,
            fire: None,
            is_sink: false,
            is_instant: false,
        }
    }

    fn window(&mut self, ix: NodeIx, id: &NodeId, stream: &'a Stream, window: &'a Window) -> WindowPlan {
        let Window { shape, by, aggregates, data } = window;
        let mut plans = Vec::with_capacity(aggregates.len());
        for (name, aggregate) in aggregates {
            let field = format!("operator.aggregates[\"{name}\"]");
            let of = aggregate.of().and_then(|of| self.stream_program(id, &field, of, Purpose::Data));
            plans.push(AggregatePlan { name: name.clone(), kind: aggregate_kind(aggregate), of });
        }
        WindowPlan {
            shape: shape_plan(*shape),
            by: self.grouping(id, by),
            aggregates: plans.into(),
            result: self.stream_result(ix, id, stream, data.as_ref()),
            unit: stream.time.unit_nanos(),
        }
    }

    fn join(&mut self, ix: NodeIx, id: &NodeId, stream: &'a Stream, join: &'a Join, left: Kinds) -> JoinPlan {
        let Join { with: _, within, by, data } = join;
        JoinPlan {
            left,
            within: signed(*within),
            by: self.grouping(id, by),
            result: self.stream_result(ix, id, stream, data.as_ref()),
        }
    }

    fn stream_result(&mut self, ix: NodeIx, id: &NodeId, stream: &'a Stream, data: Option<&'a Expression>) -> EmitPlan {
        let program = data.and_then(|data| self.stream_program(id, "operator.data", data, Purpose::Data));
        let mut emit = self.stream_emit(ix, RESULT, &stream.emits);
        emit.data = program.map_or(DataPlan::Cause, DataPlan::Expr);
        emit
    }

    fn stream_emit(&mut self, ix: NodeIx, place: u32, event: &'a EventName) -> EmitPlan {
        EmitPlan {
            counter: self.counter(ix, 0, place, &Key::Inherit),
            kind: self.intern_event(event, None),
            chance: Chance::ALWAYS,
            count: 1,
            when: None,
            after: None,
            key: KeyPlan::Inherit,
            data: DataPlan::Example,
            routes: self.routes(ix, event),
        }
    }

    fn grouping(&mut self, id: &NodeId, by: &'a Grouping) -> GroupPlan {
        match by {
            Grouping::Key => GroupPlan::Key,
            Grouping::All => GroupPlan::All,
            Grouping::Of(of) => {
                self.stream_program(id, "operator.by", of, Purpose::Key).map_or(GroupPlan::Key, GroupPlan::Of)
            }
        }
    }

    fn stream_program(
        &mut self,
        id: &NodeId,
        field: &str,
        source: &Expression,
        purpose: Purpose,
    ) -> Option<crate::expr::Program> {
        self.program(source, purpose, || Place::Node(id.clone(), Some(format!("kind.{field}"))))
    }
}

impl Plan {
    /// Finds out which partitions can bring each stream processor what it takes: its watermark waits for these.
    pub(super) fn lay_stream_inputs(&mut self) {
        let is_stream = |work: &Work| work.worker().is_some_and(|worker| worker.stream.is_some());
        if !self.nodes.iter().any(|node| is_stream(&node.work)) {
            return;
        }
        let mut brings: BTreeMap<TopicIx, BTreeSet<EventTypeIx>> = BTreeMap::new();
        let mut bring = |kind: EventTypeIx, routes: &[Route]| {
            for route in routes {
                if let RouteTo::Topic(topic) = route.to {
                    brings.entry(topic).or_default().insert(kind);
                }
            }
        };
        for node in &self.nodes {
            if let Some(producer) = node.work.source() {
                bring(producer.emit.kind, &producer.emit.routes);
                producer.other_routes.iter().for_each(|(kind, routes)| bring(*kind, routes));
            }
            if let Some(worker) = node.work.worker() {
                let stream = worker.stream.iter().flat_map(|stream| stream.result().into_iter().chain(&stream.late));
                let handled = worker.handlers.iter().flat_map(|handler| &handler.emits[..]);
                handled.chain(stream).for_each(|emit| bring(emit.kind, &emit.routes));
            }
        }
        let mut inputs: BTreeMap<usize, Vec<StreamInput>> = BTreeMap::new();
        for (ix, node) in self.nodes.iter().enumerate() {
            let Work::Worker(worker) = &node.work else { continue };
            if worker.stream.is_none() {
                continue;
            }
            let takes = |topic: TopicIx| {
                let kinds = brings.get(&topic);
                self.topics[topic.index()].is_outside
                    || kinds.is_some_and(|kinds| kinds.iter().any(|kind| worker.handlers[0].on.contains(*kind)))
            };
            let list = inputs.entry(ix).or_default();
            for sub in self.subs.iter().filter(|sub| sub.alive && !sub.is_inbox) {
                let members: Vec<LinkIx> =
                    sub.members.iter().filter(|member| member.node.index() == ix).map(|member| member.link).collect();
                let by_owner = sub.share == Share::Partition;
                for cursor in &sub.cursors {
                    let partition = self.cursors[*cursor as usize].partition;
                    if takes(self.partitions[partition as usize].topic) {
                        // With a queue shared, one entry stands for all links that lead here.
                        let links = if by_owner { &members[..] } else { &members[..members.len().min(1)] };
                        list.extend(links.iter().map(|link| StreamInput { cursor: *cursor, link: *link, by_owner }));
                    }
                }
            }
        }
        for (ix, list) in inputs {
            if let Work::Worker(worker) = &mut self.nodes[ix].work
                && let Some(stream) = &mut worker.stream
            {
                stream.inputs = list.into();
            }
        }
    }
}

/// A duration as a span of event time.
fn signed(duration: SimDuration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

const fn aggregate_kind(aggregate: &Aggregate) -> AggregateKind {
    match aggregate {
        Aggregate::Count => AggregateKind::Count,
        Aggregate::Sum(_) => AggregateKind::Sum,
        Aggregate::Min(_) => AggregateKind::Min,
        Aggregate::Max(_) => AggregateKind::Max,
        Aggregate::Mean(_) => AggregateKind::Mean,
        Aggregate::Distinct(_) => AggregateKind::Distinct,
        Aggregate::Last(_) => AggregateKind::Last,
    }
}

fn shape_plan(shape: WindowShape) -> ShapePlan {
    match shape {
        WindowShape::Tumbling { size, offset } => {
            let size = signed(size).max(1);
            ShapePlan::Hopping { size, slide: size, offset: signed(offset) }
        }
        WindowShape::Hopping { size, slide, offset } => {
            ShapePlan::Hopping { size: signed(size).max(1), slide: signed(slide).max(1), offset: signed(offset) }
        }
        WindowShape::Session { gap } => ShapePlan::Session { gap: signed(gap).max(1) },
    }
}

/// What the state of a stream processor depends on: an edit of anything else leaves it as it is.
fn identity(stream: &Stream) -> String {
    let Stream { on, when, operator, time, .. } = stream;
    match operator {
        Operator::Filter(_) | Operator::Map(_) => String::new(),
        Operator::Window(Window { shape, by, aggregates, data: _ }) => {
            format!("{on} {when:?} {time:?} {shape:?} {by:?} {aggregates:?}")
        }
        Operator::Join(Join { with, within, by, data: _ }) => {
            format!("{on} {when:?} {time:?} {with} {within} {by:?}")
        }
    }
}

fn united(a: &Kinds, b: &Kinds) -> Kinds {
    match (a, b) {
        (Kinds::Some(a), Kinds::Some(b)) => {
            let all: BTreeSet<EventTypeIx> = a.iter().chain(b.iter()).copied().collect();
            Kinds::Some(all.into_iter().collect())
        }
        (Kinds::All, _) | (_, Kinds::All) => Kinds::All,
    }
}
