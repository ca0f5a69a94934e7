//! What stands in a form or beside one without being a setting: searches, JSON to be sent, buttons that add and reorder.

use egui::{Id, Response, RichText, Ui};
use egui_phosphor::regular as ph;

use super::draft::{Look, text_edit};
use crate::gui::theme::Theme;
use crate::gui::widgets;
use crate::model::JsonText;

/// A free-standing text field in the same looks, for searches: the text is the caller's.
pub(crate) fn search_field(ui: &mut Ui, theme: &Theme, id: Id, text: &mut String, hint: &str, label: &str) -> Response {
    let width = ui.available_width();
    let response = text_edit(ui, theme, id, text, hint, Look::WORDS, false, width);
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::text_edit(true, "", text.as_str(), hint);
        info.label = Some(label.to_owned());
        info
    });
    response
}

/// A free-standing field of several lines for JSON, in the same looks.
pub(crate) fn json_area(ui: &mut Ui, theme: &Theme, id: Id, text: &mut String, rows: usize, label: &str) -> Response {
    let wrong = !text.trim().is_empty() && text.parse::<JsonText>().is_err();
    let width = ui.available_width();
    let response = text_edit(ui, theme, id, text, "{ }", Look { rows, ..Look::VALUE }, wrong, width);
    response.widget_info(|| {
        let mut info = egui::WidgetInfo::text_edit(true, "", text.as_str(), "");
        info.label = Some(label.to_owned());
        info
    });
    response
}

/// A button that adds one more of something.
pub(crate) fn add_button(ui: &mut Ui, theme: &Theme, label: &str) -> Response {
    let text = RichText::new(format!("{}  {label}", ph::PLUS)).font(theme.words(theme.sizes.small)).color(theme.accent);
    let response = flush_button(ui, text);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Button, true, label));
    response
}

/// A button without a frame, whose words begin where those above it do.
pub(crate) fn flush_button(ui: &mut Ui, text: RichText) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding.x = 0.0;
        // Pointed at, it has air around its words all the same.
        let widgets = &mut ui.visuals_mut().widgets;
        (widgets.hovered.expansion, widgets.active.expansion) = (4.0, 4.0);
        ui.add(egui::Button::new(text).frame_when_inactive(false))
    })
    .inner
}

/// Small buttons that move something up, down or away; what was pressed.
pub(crate) fn order_buttons(ui: &mut Ui, theme: &Theme, what: &str, at: usize, of: usize) -> Option<Reorder> {
    let mut pressed = None;
    ui.spacing_mut().item_spacing.x = 0.0;
    if widgets::small_icon_button(ui, theme, ph::X, &format!("Remove {what}"), "Removes it", true).clicked() {
        pressed = Some(Reorder::Remove(at));
    }
    if of > 1 {
        let down = widgets::small_icon_button(
            ui,
            theme,
            ph::CARET_DOWN,
            &format!("Move {what} down"),
            "Moves it down",
            at + 1 < of,
        );
        if down.clicked() {
            pressed = Some(Reorder::Swap(at, at + 1));
        }
        let up = widgets::small_icon_button(ui, theme, ph::CARET_UP, &format!("Move {what} up"), "Moves it up", at > 0);
        if up.clicked() {
            pressed = Some(Reorder::Swap(at - 1, at));
        }
    }
    pressed
}

/// A change of a list's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reorder {
    /// Take this one away.
    Remove(usize),
    /// Exchange these two.
    Swap(usize, usize),
}

impl Reorder {
    /// Changes the list so.
    pub(crate) fn apply<T>(self, list: &mut Vec<T>) {
        match self {
            Self::Remove(at) => {
                list.remove(at);
            }
            Self::Swap(a, b) => list.swap(a, b),
        }
    }
}
