//! One binary of integration tests, a file a behaviour.

mod expr;
//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod file;
mod flows;
mod support;
mod tidy;
