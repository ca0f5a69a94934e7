//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod file;
mod support;
mod tidy;
