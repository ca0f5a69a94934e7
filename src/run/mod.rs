//! Drivers: the only place that waits. The fast one runs a plan flat out, the live one paces it against the clock.
//!
//! A driver adds no meaning. Whatever it does, flow, seed and journal of inputs fix every record of a run.

pub(crate) mod ask;
pub mod brokers;
mod dots;
pub mod fast;
mod figures;
pub mod glimpse;
pub mod journal;
pub(crate) mod live;
mod log;
mod look;
pub(crate) mod pace;
mod past;
mod rates;
pub mod report;
pub(crate) mod verdicts;
pub mod view;

pub use self::look::Looker;
