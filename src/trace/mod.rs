//! What happened in a run: records, and what is folded from them while it goes on.

mod calls;
mod hash;
mod histogram;
mod judge;
mod ledger;
mod metrics;
mod record;
mod shape;

pub use self::calls::{BreakerFigures, GatewayFigures};
pub use self::hash::TraceHash;
pub use self::histogram::Histogram;
pub use self::judge::{Breach, Judge, Measured, Outcome, Question, REMEMBERED, Reach, Seen, Verdict, When, Wrong};
pub use self::ledger::{Ledger, LedgerCounts};
pub use self::metrics::{FunctionFigures, LinkFigures, Metrics, NodeFigures, Publishes, Work};
pub use self::record::{
    Circuit, KeyRef, Leg, NoReply, Observer, Passage, Phase, Reason, Record, Removal, Stage, Staleness, What,
};
pub use self::shape::{NodeShape, Shape, SubShape};
