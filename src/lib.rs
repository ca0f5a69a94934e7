//! Eventloom: draw an event-driven system, run it, break it, rewind it, ship it.

pub mod cli;
pub mod edit;
pub mod export;
pub mod expr;
pub mod file;
#[cfg(feature = "gui")]
pub mod gui;
pub mod kernel;
pub mod model;
pub mod plan;
pub mod run;
pub mod session;
pub mod store;
pub mod trace;
