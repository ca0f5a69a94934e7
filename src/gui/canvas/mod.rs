//! The canvas: the flow as nodes and links on an egui_graphs view, gestures on it, and events moving along the links.

use super::view::ViewCtx;

/// What the canvas remembers from frame to frame: camera, gesture, cached picture.
#[derive(Default)]
pub struct Canvas {}

impl Canvas {
    /// Draws the flow and takes gestures; asks for what they mean.
    pub fn ui(&mut self, _ctx: &ViewCtx<'_>, _ui: &mut egui::Ui) {}
}
