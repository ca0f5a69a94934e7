//! Drivers: the only place that waits. The fast one runs a plan flat out, the live one paces it against the clock.
//!
//! A driver adds no meaning. Whatever it does, flow, seed and journal of inputs fix every record of a run.

pub mod view;
