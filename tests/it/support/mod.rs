//! What several tests share.

pub(crate) mod disk;
pub(crate) mod flows;
//! What the tests of the machine share: flows written as rows, runs that recount their own ledger, text to compare.

pub(crate) mod flow;
pub(crate) mod fold;
pub(crate) mod random_flow;
pub(crate) mod run;

pub(crate) use self::run::Run;
