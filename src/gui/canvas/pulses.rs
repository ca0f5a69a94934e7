//! Events on the wire: where each is follows from its record, the playhead and the speed; nothing here is kept in step.

use egui::Painter;

use crate::gui::view::ViewCtx;

use super::brush::Marks;
use super::camera::Camera;
use super::hit::Hit;
use super::scene::Scene;

/// What drawing events needs from frame to frame: only caches.
#[derive(Default)]
pub(super) struct Pulses {}

impl Pulses {
    pub(super) fn forget_places(&mut self) {}
    pub(super) fn is_moving(&self, _ctx: &ViewCtx<'_>) -> bool { false }
    pub(super) fn draw(&mut self, _ctx: &ViewCtx<'_>, _painter: &Painter, _scene: &Scene, _marks: &Marks, _camera: &Camera, _hover: Hit) {}
    pub(super) fn flashes(&self, _ctx: &ViewCtx<'_>, _painter: &Painter, _scene: &Scene, _camera: &Camera) {}
}
