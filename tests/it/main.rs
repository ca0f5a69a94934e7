//! Behaviour through the front doors: session, command line, window. A file a behaviour.

#[cfg(feature = "gui")]
mod canvas;
mod expr;
mod file;
mod flows;
mod support;
mod tidy;
