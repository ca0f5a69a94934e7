//! Behaviour through the front doors: session, command line, window. A file a behaviour.

mod check;
mod cli;
mod export;
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
mod closed_forms;
mod expr;
mod ledger;
mod semantics;
mod support;
mod tidy;
