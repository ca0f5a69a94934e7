//! The window as a whole: what it holds, and in which order a frame goes.

use crate::session::Session;

use super::canvas::Canvas;
use super::view::ViewState;

/// The designer window.
pub struct App {
    session: Session,
    view: ViewState,
    canvas: Canvas,
}

/// Opens the window and returns when it is closed.
pub fn run() -> Result<(), eframe::Error> {
    Ok(())
}
