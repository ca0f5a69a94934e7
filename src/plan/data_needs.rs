//! Which events' data a run must have at hand: those that some expression may look at, directly or through an effect.

use std::collections::BTreeSet;

use super::Plan;
use super::keeps::{KeepsPlan, SagaPlan};
use super::plan::{
    DataPlan, EmitPlan, HandlerPlan, KeyPlan, Kinds, ProducerPlan, RouteTo, TopicPlan, Work, WorkerPlan,
};
use super::stream::{OperatorPlan, StreamPlan};
use crate::model::{EventTypeIx, NodeIx, TopicIx};

/// Marks the event types of a plan. All others' data are never computed unless a person asks.
pub(super) fn mark(plan: &mut Plan) {
    let mut needed = vec![false; plan.events.len()];
    // A broker outside is given the data along with the event.
    let outside = plan.topics.iter().enumerate().filter(|(_, topic)| topic.is_outside);
    let mut filtered: Vec<TopicIx> = outside.map(|(ix, _)| TopicIx(ix as u32)).collect();
    filtered.extend(filtered_topics(plan));
    filtered.extend(ruled_topics(plan));
    let stores = looking_stores(plan);
    if !filtered.is_empty() || !stores.is_empty() {
        for emit in emits(plan) {
            let to_filter = |to: &RouteTo| match to {
                RouteTo::Topic(topic) => filtered.contains(topic),
                RouteTo::Inbox(inbox) | RouteTo::Guarded(inbox) => stores.contains(&inbox.callee),
            };
            if emit.routes.iter().any(|route| to_filter(&route.to)) {
                needed[emit.kind.index()] = true;
            }
        }
        for producer in producers(plan) {
            for (kind, _) in &producer.other_routes {
                needed[kind.index()] = true;
            }
        }
    }
    for producer in producers(plan) {
        // The key is read off what the event itself carries.
        if matches!(&producer.emit.key, KeyPlan::Of(program) if program.needs_data()) {
            needed[producer.emit.kind.index()] = true;
        }
    }
    for handler in handlers(plan) {
        let looks = |emit: &EmitPlan| {
            let when = emit.when.as_ref().is_some_and(|program| program.needs_data());
            when || matches!(&emit.key, KeyPlan::Of(program) if program.needs_data())
        };
        if handler.emits.iter().any(looks) {
            mark_causes(&handler.on, &mut needed);
        }
    }
    for (worker, stream) in streams(plan) {
        if stream.programs().any(|program| program.needs_data()) {
            mark_causes(&worker.handlers[0].on, &mut needed);
        }
    }
    // A needed effect that is made of its cause's data needs the cause's.
    loop {
        let before = needed.clone();
        for handler in handlers(plan) {
            let hands_on = |emit: &EmitPlan| match &emit.data {
                DataPlan::Example => false,
                DataPlan::Cause => needed[emit.kind.index()],
                DataPlan::Expr(program) => needed[emit.kind.index()] && program.needs_data(),
            };
            if handler.emits.iter().any(hands_on) {
                mark_causes(&handler.on, &mut needed);
            }
        }
        for saga in sagas(plan) {
            // What it asks for is made of what began it.
            if saga.emits().any(|emit| needed[emit.kind.index()]) {
                mark_causes(&saga.starts, &mut needed);
            }
        }
        for (worker, stream) in streams(plan) {
            // A pair holds both sides' data, a late event is what it was; a window's result is made of its own state.
            let pairs = match &stream.operator {
                OperatorPlan::Join(join) => needed[join.result.kind.index()],
                OperatorPlan::Each | OperatorPlan::Window(_) => false,
            };
            if pairs || stream.late.as_ref().is_some_and(|late| needed[late.kind.index()]) {
                mark_causes(&worker.handlers[0].on, &mut needed);
            }
        }
        if needed == before {
            break;
        }
    }
    for (event, needed) in plan.events.iter_mut().zip(needed) {
        event.needs_data = needed;
    }
    let events = &plan.events;
    // There, events also tell what caused them.
    let has_lineage = !plan.outside.is_empty();
    for node in &mut plan.nodes {
        let Work::Worker(worker) = &mut node.work else { continue };
        for handler in &mut worker.handlers {
            let is_plain = |emit: &EmitPlan| {
                let no_data = !events[emit.kind.index()].needs_data || matches!(emit.data, DataPlan::Example);
                emit.when.is_none() && emit.after.is_none() && matches!(emit.key, KeyPlan::Inherit) && no_data
            };
            handler.is_plain = !has_lineage && handler.emits.iter().all(is_plain);
        }
    }
}

/// Stores that look at the data of what they take.
fn looking_stores(plan: &Plan) -> BTreeSet<NodeIx> {
    let nodes = (0..plan.nodes.len() as u32).map(NodeIx);
    nodes.filter(|node| plan.store(*node).is_some_and(|store| store.needs_data)).collect()
}

fn filtered_topics(plan: &Plan) -> Vec<TopicIx> {
    let mut topics = BTreeSet::new();
    for sub in plan.subs.iter().filter(|sub| sub.alive) {
        let looks = |node: NodeIx| plan.store(node).is_some_and(|store| store.needs_data);
        if sub.filter.as_ref().is_some_and(|filter| filter.needs_data())
            || sub.members.iter().any(|member| looks(member.node))
        {
            for cursor in &sub.cursors {
                let partition = plan.cursors[*cursor as usize].partition;
                topics.insert(plan.partitions[partition as usize].topic);
            }
        }
    }
    topics.into_iter().collect()
}

/// Topics that look into what they store: for what says that a key is deleted, for what tells messages apart.
fn ruled_topics(plan: &Plan) -> Vec<TopicIx> {
    let looks = |topic: &TopicPlan| {
        let rules = topic.rules.as_deref().filter(|_| topic.alive);
        rules.is_some_and(|rules| {
            let id = rules.dedup.as_ref().and_then(|dedup| dedup.id.as_ref());
            rules.compact.is_some() || id.is_some_and(|id| id.needs_data())
        })
    };
    let topics = plan.topics.iter().enumerate();
    topics.filter(|(_, topic)| looks(topic)).map(|(ix, _)| TopicIx(ix as u32)).collect()
}

fn producers(plan: &Plan) -> impl Iterator<Item = &ProducerPlan> {
    plan.nodes.iter().filter_map(|node| node.work.source())
}

fn handlers(plan: &Plan) -> impl Iterator<Item = &HandlerPlan> {
    plan.nodes.iter().flat_map(|node| match &node.work {
        Work::Worker(worker) => &worker.handlers[..],
        Work::Producer(_) | Work::DeadLetters { .. } | Work::Gateway(_) | Work::None => &[],
    })
}

fn emits(plan: &Plan) -> impl Iterator<Item = &EmitPlan> {
    let produced = producers(plan).map(|producer| &producer.emit);
    let gathered = streams(plan).flat_map(|(_, stream)| stream.result().into_iter().chain(&stream.late));
    let handled = handlers(plan).flat_map(|handler| &handler.emits[..]);
    produced.chain(handled).chain(gathered).chain(sagas(plan).flat_map(SagaPlan::emits))
}

fn streams(plan: &Plan) -> impl Iterator<Item = (&WorkerPlan, &StreamPlan)> {
    let workers = plan.nodes.iter().filter_map(|node| node.work.worker());
    workers.filter_map(|worker| Some((worker, worker.stream.as_deref()?)))
}

fn sagas(plan: &Plan) -> impl Iterator<Item = &SagaPlan> {
    let nodes = (0..plan.nodes.len() as u32).map(NodeIx);
    nodes.filter_map(|node| match plan.keeps(node) {
        Some(KeepsPlan::Saga(saga)) => Some(saga),
        Some(KeepsPlan::Store(_) | KeepsPlan::Commit(_)) | None => None,
    })
}

fn mark_causes(causes: &Kinds, needed: &mut [bool]) {
    for (ix, needed) in needed.iter_mut().enumerate() {
        *needed |= causes.contains(EventTypeIx(ix as u32));
    }
}
