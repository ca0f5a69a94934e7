//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod export;
mod check;
mod expr;
mod file;
mod flows;
mod readme;
mod store;
mod replay;
mod support;
mod tidy;
mod wildcards;
