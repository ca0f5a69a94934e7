//! The lower panel: log and problems, one at a time; folds to one line.

use egui::{Align, Layout, Sense, Stroke, Ui, Vec2, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::gui::action::Action;
use crate::gui::theme::Theme;
use crate::gui::view::ViewCtx;
use crate::gui::widgets;
use crate::plan::Severity;

use super::log::{self, LogState};
use super::problems;

/// What the lower panel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    /// What happens.
    #[default]
    Log,
    /// What is wrong.
    Problems,
}

/// Draws the tabs and, unless it is folded, what the current one holds.
pub(crate) fn lower_ui(ctx: &ViewCtx<'_>, tab: Tab, open: bool, log: &mut LogState, ui: &mut Ui) {
    let theme = ctx.theme;
    ui.horizontal(|ui| {
        ui.set_height(theme.panels.lower_folded);
        ui.spacing_mut().item_spacing.x = theme.space.xs;
        if tab_button(ui, theme, "Log", None, open && tab == Tab::Log, Action::ShowLog).clicked() {
            ctx.act(if open && tab == Tab::Log { Action::ToggleLower } else { Action::ShowLog });
        }
        let count = ctx.problems.len();
        let color = match ctx.problems.first().map(|problem| problem.severity) {
            Some(Severity::Error) => theme.bad,
            Some(Severity::Warning) => theme.warn,
            None => theme.faint,
        };
        let badge = (count > 0).then(|| (count.to_string(), color));
        if tab_button(ui, theme, "Problems", badge, open && tab == Tab::Problems, Action::ShowProblems).clicked() {
            ctx.act(if open && tab == Tab::Problems { Action::ToggleLower } else { Action::ShowProblems });
        }
        if open && tab == Tab::Log {
            ui.add_space(theme.space.m);
            // The button at the far end keeps its place.
            let room = Vec2::new(ui.available_width() - 28.0, theme.panels.lower_folded);
            let layout = Layout::left_to_right(Align::Center);
            ui.allocate_ui_with_layout(room, layout, |ui| log::log_tools(ctx, log, ui));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (icon, name) =
                if open { (ph::CARET_DOWN, "Fold the lower panel") } else { (ph::CARET_UP, "Unfold the lower panel") };
            if widgets::small_icon_button(ui, theme, icon, name, &Action::ToggleLower.tip_with_key(), true).clicked() {
                ctx.act(Action::ToggleLower);
            }
        });
    });
    if open {
        match tab {
            Tab::Log => log::log_ui(ctx, log, ui),
            Tab::Problems => problems::problems_ui(ctx, ui),
        }
    }
}

fn tab_button(
    ui: &mut Ui,
    theme: &Theme,
    label: &str,
    badge: Option<(String, egui::Color32)>,
    current: bool,
    action: Action,
) -> egui::Response {
    let ink = if current { theme.text } else { theme.dim };
    let mut job = egui::text::LayoutJob::default();
    let format = |font, color| egui::TextFormat { font_id: font, color, valign: Align::Center, ..Default::default() };
    job.append(label, 0.0, format(theme.words(theme.sizes.small), ink));
    if let Some((text, color)) = badge {
        job.append(&text, 6.0, format(theme.mono(theme.sizes.tiny), color));
    }
    let galley = ui.ctx().fonts_mut(|fonts| fonts.layout_job(job));
    let size = Vec2::new(galley.size().x + theme.space.l, theme.panels.lower_folded);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, current, label));
    let at = rect.center() - galley.size() / 2.0;
    if response.hovered() {
        ui.painter().galley_with_override_text_color(at, galley, theme.text);
    } else {
        ui.painter().galley(at, galley, ink);
    }
    if current {
        let y = rect.bottom() - 1.0;
        ui.painter().hline(rect.x_range().shrink(theme.space.s), y, Stroke::new(2.0, theme.accent));
    }
    widgets::focus_ring(ui, theme, &response);
    response.on_hover_text(action.tip_with_key())
}
