//! What several tests share: random flows, a disk that fails, flows written as rows, runs that recount their own ledger.

pub(crate) mod acts;
pub(crate) mod disk;
pub(crate) mod flow;
pub(crate) mod flows;
pub(crate) mod fold;
pub(crate) mod guards;
pub(crate) mod logs;
pub(crate) mod random_flow;
pub(crate) mod run;
mod waits;
#[cfg(feature = "gui")]
pub(crate) mod window;

pub(crate) use self::acts::carry_out;
pub(crate) use self::run::{Run, Told};
