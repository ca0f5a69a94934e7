//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod closed_forms;
mod expr;
mod ledger;
mod semantics;
mod support;
mod tidy;
