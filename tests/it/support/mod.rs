//! What the tests of the machine share: flows written as rows, runs that recount their own ledger, text to compare.

pub(crate) mod flow;
pub(crate) mod fold;
pub(crate) mod run;

pub(crate) use self::flow::{flow, kind};
pub(crate) use self::run::Run;
