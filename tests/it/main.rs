//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod expr;
mod ledger;
mod semantics;
mod support;
mod tidy;
