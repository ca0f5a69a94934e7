//! From a flow to something that can run: [`check()`] finds all problems, [`compile()`] makes a plan.

mod check;
mod problem;

pub use self::check::check;
pub use self::problem::{Place, Problem, Severity};
