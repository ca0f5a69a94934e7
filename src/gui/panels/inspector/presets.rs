//! “Like…”: the settings of a known product, taken over at once and changed at will.

use egui::{RectAlign, RichText, Tooltip, Ui, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::gui::fields::flush_button;
use crate::gui::view::ViewCtx;
use crate::model::{Figure, Preset};

/// Draws the menu of presets; what was picked is applied.
pub(super) fn like_ui<T>(ctx: &ViewCtx<'_>, ui: &mut Ui, what: &str, presets: &[Preset<T>], value: &mut T) {
    let theme = ctx.theme;
    let text = RichText::new(format!("Like…  {}", ph::CARET_DOWN));
    let button = flush_button(ui, text.font(theme.words(theme.sizes.small)).color(theme.accent));
    button.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Make {what} like…")));
    let button = button.on_hover_text("Takes over what a known product documents as its defaults");
    egui::Popup::menu(&button).show(|ui| {
        for preset in presets {
            let entry = ui.button(preset.label);
            // Beside the menu, so that the other presets stay in sight.
            let mut tip = Tooltip::for_enabled(&entry);
            tip.popup = tip.popup.align(RectAlign::LEFT_START);
            tip.show(|ui| {
                ui.set_min_width(400.0);
                ui.label(preset.tip);
                ui.add_space(theme.space.xs);
                egui::Grid::new(preset.label).spacing([theme.space.m, 2.0]).show(ui, |ui| {
                    for Figure { setting, value, theirs, source: _ } in preset.figures {
                        let mono = |text: &str| RichText::new(text).font(theme.mono(theme.sizes.tiny));
                        ui.label(mono(setting).color(theme.dim));
                        ui.label(mono(value).color(theme.text));
                        ui.label(RichText::new(*theirs).font(theme.words(theme.sizes.tiny)).color(theme.faint));
                        ui.end_row();
                    }
                });
            });
            if entry.clicked() {
                preset.apply(value);
                ui.close();
            }
        }
    });
}
