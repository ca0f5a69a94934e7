//! “Like…”: the settings of a known product, taken over at once and changed at will.

use egui::{RectAlign, RichText, Ui, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::gui::fields::flush_button;
use crate::gui::theme::Theme;
use crate::gui::view::ViewCtx;
use crate::gui::widgets;
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
            widgets::tip_beside(&entry, RectAlign::LEFT_START, |ui| tip_ui(theme, preset, ui));
            if entry.clicked() {
                preset.apply(value);
                ui.close();
            }
        }
    });
}

/// What a preset sets, what the product calls it, and the page that says so.
fn tip_ui<T>(theme: &Theme, preset: &Preset<T>, ui: &mut Ui) {
    ui.set_min_width(480.0);
    ui.label(preset.tip);
    ui.add_space(theme.space.xs);
    let mut sources: Vec<&str> = Vec::new();
    egui::Grid::new(preset.label).spacing([theme.space.m, 0.0]).min_row_height(18.0).show(ui, |ui| {
        for Figure { setting, value, theirs, source } in preset.figures {
            let at = sources.iter().position(|known| known == source).unwrap_or(sources.len());
            if at == sources.len() {
                sources.push(source);
            }
            let mono = |text: &str| RichText::new(text).font(theme.mono(theme.sizes.tiny));
            ui.label(mono(setting).color(theme.dim));
            ui.label(mono(value).color(theme.text));
            ui.label(widgets::hint(theme, *theirs).color(theme.dim));
            ui.label(widgets::hint(theme, (at + 1).to_string()));
            ui.end_row();
        }
    });
    ui.add_space(theme.space.xs);
    ui.spacing_mut().item_spacing.y = 2.0;
    for (at, source) in sources.iter().enumerate() {
        ui.label(widgets::hint(theme, format!("{}  {source}", at + 1)));
    }
}
