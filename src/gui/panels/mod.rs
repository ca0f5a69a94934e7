//! The parts of the window around the canvas. Each reads and asks.

pub(crate) mod event_card;
pub(crate) mod gallery;
pub(crate) mod inspector;
pub(crate) mod library;
pub(crate) mod log;
pub(crate) mod lower;
pub(crate) mod palette;
pub(crate) mod picker;
pub(crate) mod problems;
pub(crate) mod queue;
pub(crate) mod status;
pub(crate) mod topbar;
