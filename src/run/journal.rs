//! What came into a run from outside, so that it can be run again: flow as started, seed and journal fix every record.

use std::sync::Arc;

use crate::kernel::{Incoming, Input, Kernel};
use crate::model::{FaultKind, FaultTarget, Flow, LinkId, NodeId, SimDuration, SimTime, StartAt};
use crate::plan::{self, Inputs, Plan, Problem};

/// At most so many inputs in one run. Beyond it inputs are refused, since a run that forgot one could not be run again.
pub const ENTRIES: usize = 1 << 20;

/// A run as its beginning and its inputs fix it.
#[derive(Clone, Debug)]
pub struct Journal {
    /// The flow as started.
    pub start: Revision,
    /// Where all chance comes from.
    pub seed: u64,
    /// What came in, in order.
    pub entries: Vec<Entry>,
}

/// A flow of a run, and what was made of it.
#[derive(Clone, Debug)]
pub struct Revision {
    /// The flow.
    pub flow: Arc<Flow>,
    /// The logs that it replays.
    pub inputs: Arc<Inputs>,
    /// The plan.
    pub plan: Arc<Plan>,
}

impl Revision {
    /// Compiles a flow, for a new run or as an edit of the previous revision.
    pub fn compile(flow: &Arc<Flow>, inputs: &Arc<Inputs>, previous: Option<&Plan>) -> Result<Self, Vec<Problem>> {
        let plan = plan::compile(flow, inputs, previous)?;
        Ok(Self { flow: Arc::clone(flow), inputs: Arc::clone(inputs), plan: Arc::new(plan) })
    }
}

/// One input, and between which two steps of the run it came.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The virtual instant.
    pub at: SimTime,
    /// How many steps the run had made: it tells apart what was before and after within one instant.
    pub steps: u64,
    /// What came in.
    pub what: Injected,
}

/// What can come into a run from outside.
#[derive(Clone, Debug)]
pub enum Injected {
    /// A hand made a producer emit, or called a service.
    Fire {
        /// The node.
        node: NodeId,
        /// How many events.
        count: u32,
        /// Their data, in place of the node's own.
        data: Option<Arc<serde_json::Value>>,
    },
    /// A hand broke something.
    Break {
        /// What.
        on: FaultTarget,
        /// How.
        kind: FaultKind,
        /// For how long; unset means until it is healed.
        lasts: Option<SimDuration>,
    },
    /// A hand healed something: every fault about it is over.
    Heal(FaultTarget),
    /// A hand sought a subscription to a place of its topics' logs.
    Seek {
        /// A link of it.
        link: LinkId,
        /// Where it goes on reading.
        to: StartAt,
    },
    /// The flow was edited.
    Edit(Revision),
    /// The sources were stopped.
    Drain,
    /// A broker that carries one of the buses told something.
    Outside(Incoming),
}

impl Injected {
    /// As the kernel takes it; `None` if it is about a node that is not there.
    pub(super) fn input(&self, plan: &Plan) -> Option<Input> {
        Some(match self {
            Self::Fire { node, count, data } => {
                Input::Fire { node: plan.node_ix(node)?, count: *count, data: data.clone(), key: None }
            }
            Self::Break { on, kind, lasts } => Input::Break { on: plan.aim(on)?, kind: *kind, lasts: *lasts },
            Self::Heal(on) => Input::Heal(plan.aim(on)?),
            Self::Seek { link, to } => Input::Seek { sub: plan.sub_of_link(plan.link_ix(link)?)?, to: *to },
            Self::Edit(revision) => Input::Plan(Arc::clone(&revision.plan)),
            Self::Drain => Input::Drain,
            Self::Outside(incoming) => Input::Outside(incoming.clone()),
        })
    }
}

impl Journal {
    /// A run that nothing came into yet.
    pub const fn new(start: Revision, seed: u64) -> Self {
        Self { start, seed, entries: Vec::new() }
    }

    /// The machine as it was at the start.
    ///
    /// Where people edited while it ran, events carry all their data as they did then: an edit may bring a filter that looks
    /// into what is under way.
    pub(crate) fn kernel(&self) -> Kernel {
        let mut kernel = Kernel::new(Arc::clone(&self.start.plan), self.seed);
        if self.entries.iter().any(|entry| matches!(entry.what, Injected::Edit(_))) {
            kernel.keep_all_data();
        }
        kernel
    }

    /// The same journal with every plan made anew from its flow, as on another machine that has only the flows.
    pub fn recompiled(&self) -> Result<Self, Vec<Problem>> {
        let start = Revision::compile(&self.start.flow, &self.start.inputs, None)?;
        let mut previous = Arc::clone(&start.plan);
        let mut entries = self.entries.clone();
        for entry in &mut entries {
            if let Injected::Edit(revision) = &mut entry.what {
                *revision = Revision::compile(&revision.flow, &revision.inputs, Some(&previous))?;
                previous = Arc::clone(&revision.plan);
            }
        }
        Ok(Self { start, seed: self.seed, entries })
    }
}
