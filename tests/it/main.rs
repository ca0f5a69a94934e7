//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod check;
mod closed_forms;
mod expr;
mod file;
mod flows;
mod ledger;
mod readme;
mod replay;
mod semantics;
mod store;
mod support;
mod tidy;
