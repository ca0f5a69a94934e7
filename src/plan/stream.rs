//! What a stream processor does, resolved.

use super::plan::{EmitPlan, Kinds};
use crate::expr::Program;
use crate::model::LinkIx;

/// Hopping windows that one event may be in.
pub(crate) const WINDOWS_PER_EVENT: u32 = 1_000;

/// A stream processor. Its node's only handler takes the events; what becomes of them is said here. Times are whole
/// nanoseconds and may be negative.
pub(crate) struct StreamPlan {
    pub(crate) when: Option<Program>,
    pub(crate) operator: OperatorPlan,
    pub(crate) time: TimePlan,
    pub(crate) behind: i64,
    /// After so long an input is idle; `u64::MAX` for never.
    pub(crate) idle: u64,
    pub(crate) lateness: i64,
    pub(crate) late: Option<EmitPlan>,
    pub(crate) is_checkpointed: bool,
    pub(crate) inputs: Box<[StreamInput]>,
    /// Two plans that agree in this understand each other's state.
    pub(crate) identity: String,
}

impl StreamPlan {
    /// What its windows or pairs come out as; for a filter or a transform its handler says that.
    pub(crate) fn result(&self) -> Option<&EmitPlan> {
        match &self.operator {
            OperatorPlan::Each => None,
            OperatorPlan::Window(window) => Some(&window.result),
            OperatorPlan::Join(join) => Some(&join.result),
        }
    }

    /// Every expression that looks at an event that comes in.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &Program> {
        let by = match &self.operator {
            OperatorPlan::Each => None,
            OperatorPlan::Window(WindowPlan { by, .. }) | OperatorPlan::Join(JoinPlan { by, .. }) => Some(by),
        };
        let by = by.and_then(|by| match by {
            GroupPlan::Of(program) => Some(program),
            GroupPlan::Key | GroupPlan::All => None,
        });
        let time = match &self.time {
            TimePlan::Born => None,
            TimePlan::Of { program, .. } => Some(program),
        };
        let aggregates = match &self.operator {
            OperatorPlan::Window(window) => &window.aggregates[..],
            OperatorPlan::Each | OperatorPlan::Join(_) => &[],
        };
        let aggregates = aggregates.iter().filter_map(|aggregate| aggregate.of.as_ref());
        self.when.iter().chain(by).chain(time).chain(aggregates)
    }
}

/// What it makes of events.
pub(crate) enum OperatorPlan {
    /// Each by itself, as a service's handler does: a filter or a transform.
    Each,
    Window(WindowPlan),
    Join(JoinPlan),
}

pub(crate) struct WindowPlan {
    pub(crate) shape: ShapePlan,
    pub(crate) by: GroupPlan,
    /// In the order of their names.
    pub(crate) aggregates: Box<[AggregatePlan]>,
    pub(crate) result: EmitPlan,
    /// Nanoseconds in the unit in which results tell times.
    pub(crate) unit: i64,
}

#[derive(Clone, Copy)]
pub(crate) enum ShapePlan {
    /// Tumbling windows hop by their own size.
    Hopping {
        size: i64,
        slide: i64,
        offset: i64,
    },
    Session {
        gap: i64,
    },
}

pub(crate) struct AggregatePlan {
    pub(crate) name: String,
    pub(crate) kind: AggregateKind,
    pub(crate) of: Option<Program>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggregateKind {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    Distinct,
    Last,
}

pub(crate) struct JoinPlan {
    pub(crate) left: Kinds,
    pub(crate) within: i64,
    pub(crate) by: GroupPlan,
    pub(crate) result: EmitPlan,
}

pub(crate) enum GroupPlan {
    Key,
    All,
    Of(Program),
}

pub(crate) enum TimePlan {
    Born,
    Of { program: Program, unit: i64 },
}

/// Where events that it takes can come from: one partition of one subscription.
#[derive(Clone, Copy)]
pub(crate) struct StreamInput {
    pub(crate) cursor: u32,
    pub(crate) link: LinkIx,
    /// Whether it is its input only while its member owns the partition.
    pub(crate) by_owner: bool,
}
