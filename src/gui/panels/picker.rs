//! A list to pick from by typing: what the command palette, the quick-add search and the connect search have in common.

use egui::{Align2, Color32, Id, Key, Modifiers, Rect, RichText, Sense, Ui, Vec2, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::gui::fields;
use crate::gui::fuzzy;
use crate::gui::theme::Theme;

/// Something that can be picked.
pub(crate) struct Item<T> {
    /// Its sign.
    pub icon: &'static str,
    /// The sign's colour, where it has one of its own.
    pub color: Option<Color32>,
    /// Its name, which is searched.
    pub label: String,
    /// What else is to be said, dim, at the right; a key, a kind.
    pub aside: String,
    /// What picking it means.
    pub means: T,
}

/// What a picker remembers while it is open.
#[derive(Default)]
pub(crate) struct PickerState {
    /// What was typed.
    pub query: String,
    /// Which of the found ones the keyboard is on.
    at: usize,
    /// Whether it has taken the keyboard.
    begun: bool,
}

/// How a picker was left.
pub(crate) enum Picked<T> {
    /// It is still open.
    Open,
    /// With this.
    One(T),
    /// With nothing.
    Cancelled,
}

const ROW: f32 = 30.0;

/// Draws a search field and what it finds; up, down, Enter and Escape work while typing.
pub(crate) fn picker_ui<T: Clone>(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    state: &mut PickerState,
    (hint, rows): (&str, usize),
    items: &[Item<T>],
) -> Picked<T> {
    let field_id = id.with("query");
    let response = ui
        .horizontal(|ui| {
            ui.label(RichText::new(ph::MAGNIFYING_GLASS).font(theme.words(theme.sizes.icon)).color(theme.dim));
            fields::search_field(ui, theme, field_id, &mut state.query, hint, "Search")
        })
        .inner;
    if !std::mem::replace(&mut state.begun, true) {
        response.request_focus();
    }
    if response.changed() {
        state.at = 0;
    }
    let mut found: Vec<(i32, &Item<T>)> =
        items.iter().filter_map(|item| fuzzy::score(&state.query, &item.label).map(|score| (score, item))).collect();
    if !state.query.trim().is_empty() {
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    }
    let key = |ui: &Ui, key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if key(ui, Key::Escape) {
        return Picked::Cancelled;
    }
    let last = found.len().saturating_sub(1);
    let mut moved = response.changed();
    for (pressed, to) in [
        (key(ui, Key::ArrowDown), (state.at + 1).min(last)),
        (key(ui, Key::ArrowUp), state.at.saturating_sub(1)),
        (key(ui, Key::PageDown), (state.at + rows).min(last)),
        (key(ui, Key::PageUp), state.at.saturating_sub(rows)),
    ] {
        if pressed {
            state.at = to;
            moved = true;
        }
    }
    state.at = state.at.min(last);
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if entered && let Some((_, item)) = found.get(state.at) {
        return Picked::One(item.means.clone());
    }
    if entered {
        response.request_focus();
    }
    ui.add_space(theme.space.s);
    if found.is_empty() {
        ui.label(RichText::new("Nothing is called so").color(theme.dim));
        return Picked::Open;
    }
    let mut picked = Picked::Open;
    ui.spacing_mut().item_spacing.y = 0.0;
    let height = ROW * rows as f32;
    // As high as what is found, up to that: what it was a frame ago, with fewer of them, is no limit.
    let area = egui::ScrollArea::vertical().id_salt(id).max_height(height).min_scrolled_height(height);
    area.auto_shrink([false, true]).show_rows(ui, ROW, found.len(), |ui, range| {
        for (number, (_, item)) in found.iter().enumerate().take(range.end).skip(range.start) {
            let response = row(ui, theme, item, number == state.at);
            if response.clicked() {
                picked = Picked::One(item.means.clone());
            }
        }
        if moved {
            let top = ui.min_rect().top() - range.start as f32 * ROW + state.at as f32 * ROW;
            let rect = Rect::from_min_size(egui::pos2(ui.min_rect().left(), top), Vec2::new(1.0, ROW));
            ui.scroll_to_rect(rect, None);
        }
    });
    picked
}

fn row<T>(ui: &mut Ui, theme: &Theme, item: &Item<T>, current: bool) -> egui::Response {
    // The field keeps the keyboard; rows are for the pointer and for screen readers.
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::CLICK);
    response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, current, &item.label));
    let fill = match (current, response.hovered()) {
        (true, _) => Theme::wash(theme.accent, 0.22),
        (false, true) => theme.raised,
        (false, false) => Color32::TRANSPARENT,
    };
    let painter = ui.painter();
    painter.rect_filled(rect, theme.control_corners(), fill);
    let icon_at = rect.left_center() + Vec2::new(16.0, 0.0);
    let icon_color = item.color.unwrap_or(theme.dim);
    painter.text(icon_at, Align2::CENTER_CENTER, item.icon, theme.words(theme.sizes.icon), icon_color);
    let text_at = rect.left_center() + Vec2::new(34.0, 0.0);
    painter.text(text_at, Align2::LEFT_CENTER, &item.label, theme.words(theme.sizes.body), theme.text);
    let aside_at = rect.right_center() - Vec2::new(theme.space.m, 0.0);
    painter.text(aside_at, Align2::RIGHT_CENTER, &item.aside, theme.words(theme.sizes.tiny), theme.faint);
    response
}
