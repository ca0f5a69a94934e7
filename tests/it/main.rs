//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod expr;
mod semantics;
mod support;
mod tidy;
