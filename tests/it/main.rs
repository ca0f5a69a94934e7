//! Behaviour through the front doors: session, command line, window. A file a behaviour.

#[cfg(feature = "gui")]
mod canvas;
mod check;
mod cli;
mod closed_forms;
mod complete;
mod expectations;
mod export;
mod expr;
mod file;
mod flow_runs;
mod flows;
mod judged;
mod ledger;
mod opinion;
mod outside;
mod presets;
mod properties;
mod readme;
mod replay;
mod rules;
mod semantics;
mod session_files;
mod session_run;
mod store;
mod straight;
mod support;
mod tidy;
mod wildcards;
#[cfg(feature = "gui")]
mod window;
#[cfg(feature = "gui")]
mod window_code;
#[cfg(feature = "gui")]
mod window_expectations;
#[cfg(feature = "gui")]
mod window_lists;
#[cfg(feature = "gui")]
mod window_looks;
#[cfg(feature = "gui")]
mod window_settings;
#[cfg(feature = "gui")]
mod window_topics;
