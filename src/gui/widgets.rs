//! Small widgets that the toolkit lacks, in the theme's looks: icon buttons, chips, section heads, rows.

use egui::{Color32, RectAlign, Response, RichText, Sense, Stroke, Tooltip, Ui, Vec2, WidgetInfo, WidgetType};

use super::action::Action;
use super::theme::Theme;
use super::view::ViewCtx;

/// A square button with a sign alone. Its name is for screen readers and tests.
pub(crate) fn icon_button(ui: &mut Ui, theme: &Theme, icon: &str, name: &str, tip: &str, enabled: bool) -> Response {
    let size = Vec2::splat(28.0);
    let (rect, response) = ui.allocate_exact_size(size, if enabled { Sense::click() } else { Sense::hover() });
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    if ui.is_rect_visible(rect) {
        let lit = enabled && (response.hovered() || response.has_focus());
        if lit {
            ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
        }
        focus_ring(ui, theme, &response);
        let color = if !enabled {
            Theme::wash(theme.faint, 0.5)
        } else if lit {
            theme.text
        } else {
            theme.dim
        };
        let font = theme.words(theme.sizes.icon);
        ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon, font, color);
    }
    response.on_hover_text(tip)
}

/// An icon button for an action: its label, tip and key come along.
pub(crate) fn action_button(ui: &mut Ui, ctx: &ViewCtx<'_>, icon: &str, action: Action, enabled: bool) -> Response {
    let response = icon_button(ui, ctx.theme, icon, action.label(), &action.tip_with_key(), enabled);
    if response.clicked() {
        ctx.act(action);
    }
    response
}

/// A line of a menu that unfolds another menu. The toolkit's own shows a sign that our fonts do not have.
pub(crate) fn submenu(ui: &mut Ui, label: &str, content: impl FnOnce(&mut Ui)) {
    let button = egui::Button::new(label).right_text(egui_phosphor::regular::CARET_RIGHT);
    egui::containers::menu::SubMenuButton::from_button(button).ui(ui, content);
}

/// The ring around what the keyboard is on.
pub(crate) fn focus_ring(ui: &Ui, theme: &Theme, response: &Response) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, theme.accent);
        ui.painter().rect_stroke(response.rect, theme.control_corners(), stroke, egui::StrokeKind::Inside);
    }
}

/// The head of a panel: quiet, not a title that competes with the flow.
pub(crate) fn panel_head(ui: &mut Ui, theme: &Theme, text: &str) {
    ui.add_space(theme.space.s);
    ui.horizontal(|ui| {
        ui.add_space(theme.space.s);
        ui.label(RichText::new(text).font(theme.strong(theme.sizes.small)).color(theme.dim));
    });
    ui.add_space(theme.space.xs);
}

/// A small rounded label that can be switched on and off. The colour tells what it stands for.
pub(crate) fn chip(ui: &mut Ui, theme: &Theme, text: &str, color: Color32, on: bool) -> Response {
    let font = theme.words(theme.sizes.tiny);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), font, Color32::PLACEHOLDER);
    let size = galley.size() + Vec2::new(theme.space.l, 6.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(WidgetType::Checkbox, true, on, text));
    if ui.is_rect_visible(rect) {
        // The words stay the text's colour: that of an event is made for signs, not for reading.
        let (fill, ink) = if on { (Theme::wash(color, 0.28), theme.text) } else { (theme.raised, theme.dim) };
        let fill = if response.hovered() && !on { theme.line } else { fill };
        ui.painter().rect_filled(rect, egui::CornerRadius::same(10), fill);
        focus_ring(ui, theme, &response);
        ui.painter().galley(rect.center() - galley.size() / 2.0, galley, ink);
    }
    response
}

/// Boxes and circles that are switched have a line around them here: their fill alone is too near what is behind it.
pub(crate) fn outline_marks(ui: &mut Ui, theme: &Theme) {
    let inactive = &mut ui.visuals_mut().widgets.inactive;
    (inactive.bg_fill, inactive.bg_stroke) = (theme.field, Stroke::new(1.0, theme.faint));
}

/// A tip beside a line of a menu, so that the next lines stay in sight.
pub(crate) fn tip_beside(response: &Response, side: RectAlign, add: impl FnOnce(&mut Ui)) {
    let mut tip = if response.enabled() { Tooltip::for_enabled(response) } else { Tooltip::for_disabled(response) };
    tip.popup = tip.popup.align(side);
    tip.show(add);
}

/// Numbers in the numbers' font, so that they do not change width.
pub(crate) fn figure(theme: &Theme, text: impl Into<String>) -> RichText {
    RichText::new(text).font(theme.mono(theme.sizes.small)).color(theme.text)
}

/// Secondary words.
pub(crate) fn dim(theme: &Theme, text: impl Into<String>) -> RichText {
    RichText::new(text).font(theme.words(theme.sizes.small)).color(theme.dim)
}

/// Words that may be overlooked.
pub(crate) fn hint(theme: &Theme, text: impl Into<String>) -> RichText {
    RichText::new(text).font(theme.words(theme.sizes.tiny)).color(theme.faint)
}

/// A small square button with a sign alone, for rows of lists.
pub(crate) fn small_icon_button(
    ui: &mut Ui,
    theme: &Theme,
    icon: &str,
    name: &str,
    tip: &str,
    enabled: bool,
) -> Response {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(22.0), sense);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, name));
    let lit = enabled && (response.hovered() || response.has_focus());
    if lit {
        ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
    }
    focus_ring(ui, theme, &response);
    let color = match (enabled, lit) {
        (false, _) => Theme::wash(theme.faint, 0.4),
        (true, false) => theme.faint,
        (true, true) => theme.text,
    };
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon, theme.words(theme.sizes.small), color);
    response.on_hover_text(tip)
}
