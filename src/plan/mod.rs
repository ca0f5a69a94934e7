//! From a flow to something that can run: [`check()`] finds all problems, [`compile()`] makes a plan.

mod check;
mod problem;
mod replay;

pub use self::check::check;
pub use self::problem::{Place, Problem, Severity};
pub use self::replay::{LOG_BYTES, LOG_ROWS, ReplayError, ReplayLog, ReplayRow};
