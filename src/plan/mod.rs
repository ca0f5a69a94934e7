//! From a flow to something that can run: [`check()`] finds all problems, [`compile()`] makes a plan.

mod check;
mod compile;
mod data_needs;
mod expect;
mod faults;
mod guards;
mod lanes;
mod lines;
mod outside;
#[expect(clippy::module_inception, reason = "the plan is what this module is about")]
mod plan;
mod problem;
mod replay;
mod sampler;
mod topics;

pub use self::check::check;
pub use self::compile::{Inputs, compile};
pub use self::expect::{Condition, Witnessed};
pub use self::faults::Aim;
pub(crate) use self::guards::BreakerPlan;
pub(crate) use self::lanes::{Hop, Lane};
pub(crate) use self::lines::LinePlan;
pub use self::outside::{Capabilities, KeptBy, Rule};
pub(crate) use self::plan::{
    BucketPlan, CallPlan, DEAD_LETTERS, DataPlan, DeadPath, EVENT_TYPES, EmitPlan, Feed, FunctionPlan, HandlerPlan,
    InboxRoute, KeyPlan, MemberPlan, NodePlan, Pace, ProducerPlan, ReplayAt, Route, RouteTo, SubPlan, Work, WorkerPlan,
};
pub use self::plan::{Plan, SubTerms};
pub use self::problem::{Place, Problem, Severity};
pub use self::replay::{LOG_BYTES, LOG_ROWS, ReplayError, ReplayLog, ReplayRow};
pub(crate) use self::sampler::Sampler;
pub(crate) use self::topics::{DedupPlan, TopicRules};
