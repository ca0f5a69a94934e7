//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod cli;
#[cfg(feature = "gui")]
mod canvas;
mod export;
mod check;
mod expr;
mod file;
mod flow_runs;
mod flows;
mod properties;
mod readme;
mod replay;
mod session_files;
mod session_run;
mod store;
mod support;
mod tidy;
