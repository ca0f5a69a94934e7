//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod check;
mod expr;
mod file;
mod flows;
mod readme;
mod replay;
mod store;
mod closed_forms;
mod expr;
mod ledger;
mod semantics;
mod support;
mod tidy;
