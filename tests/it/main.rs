//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod expr;
mod file;
mod flows;
mod store;
mod support;
mod tidy;
