//! What happened in a run: records, and what is folded from them while it goes on.

mod calls;
mod cells;
mod figures;
mod hash;
mod histogram;
mod judge;
mod kept;
mod ledger;
mod metrics;
mod observer;
mod record;
mod shape;
mod ways;

pub use self::calls::{BreakerFigures, GatewayFigures};
pub use self::figures::{FunctionFigures, LinkFigures, NodeFigures, Publishes, StreamFigures, Work};
pub use self::hash::TraceHash;
pub use self::histogram::Histogram;
pub use self::judge::{Breach, Judge, Measured, Outcome, Question, REMEMBERED, Reach, Seen, Verdict, When, Wrong};
pub use self::kept::{Kept, KeptFigures, SagaMove};
pub use self::ledger::{Ledger, LedgerCounts};
pub use self::metrics::Metrics;
pub(crate) use self::observer::hand_on;
pub use self::observer::{Begun, Birth, Called, Ended, Handed, Observer, Passage, Published, Way};
pub use self::record::{Record, What};
pub use self::shape::{NodeShape, Shape, SubShape};
pub use self::ways::{Circuit, KeyRef, Leg, NoReply, Phase, Reason, Removal, Stage, Staleness};
