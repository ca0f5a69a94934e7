//! The inspector.

use egui::Ui;

use crate::gui::view::ViewCtx;
use crate::gui::widgets;

/// Draws the settings and figures of what is selected.
pub(crate) fn inspector_ui(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    widgets::panel_head(ui, ctx.theme, "Inspector");
}
