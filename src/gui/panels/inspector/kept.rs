//! What a node keeps, live: a store's state, the events in an outbox, the sagas that go on.

use egui::{RichText, Ui, Vec2};

use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::theme::Theme;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::NodeId;
use crate::session::{KeptLive, KeptRows, OutboxRow, SagaRow, SagaWay, StateRow};

use super::live::{Figure, cell, figure};

/// Rows that a table shows; the rest is a number below it.
const ROWS: usize = 12;

/// Parts of a state that have a column of their own; the others are told on hover.
const PARTS: usize = 2;

/// The figures of what a node keeps.
pub(super) fn figures(theme: &Theme, kept: KeptLive) -> Vec<Figure> {
    let count = |label, value, meaning| figure(label, format::short_count(value), meaning);
    let seen = |value: u64, color, figure| Figure { color: (value > 0).then_some(color), ..figure };
    match kept {
        KeptLive::Store(store) => vec![
            count("Keys", store.keys, "Streams or rows that it keeps"),
            count("Taken", store.events, "Events that its state is made of"),
            count("Repeated", store.repeated, "Events that it had taken before: they changed nothing"),
            seen(
                store.conflicts,
                theme.warn,
                count("Conflicts", store.conflicts, "Appends that expected another version than they found"),
            ),
        ],
        KeptLive::Outbox(outbox) => vec![
            count("Outbox", outbox.waiting, "Events that are committed and not marked as published"),
            count("Committed", outbox.committed, "Events that were committed together with the state"),
            count("Published", outbox.published, "Events that a bus has and that are marked so"),
        ],
        KeptLive::Sagas(sagas) => vec![
            count("Under way", sagas.forward, "Sagas that wait for an answer to a step"),
            seen(sagas.back, theme.warn, count("Going back", sagas.back, "Sagas of which what was done is undone")),
            count("Completed", sagas.completed, "Sagas of which all steps were done"),
            count("Compensated", sagas.compensated, "Sagas of which everything was undone"),
            seen(sagas.stuck, theme.bad, count("Stuck", sagas.stuck, "Sagas that people have to see to")),
        ],
    }
}

/// What a node keeps, row by row.
pub(super) fn table(ctx: &ViewCtx<'_>, ui: &mut Ui, id: &NodeId, rows: &KeptRows) {
    let theme = ctx.theme;
    ui.add_space(theme.space.s);
    match rows {
        KeptRows::State(rows) => {
            state(theme, ui, rows);
            more(theme, ui, rows.len());
            if ctx.session.flow().node(id).is_some_and(|node| node.kind.is_view()) {
                let text = RichText::new(Action::Rebuild.label()).size(theme.sizes.small);
                let button = ui.add_enabled(ctx.live.state.is_alive(), egui::Button::new(text));
                if button.on_hover_text(Action::Rebuild.tip()).clicked() {
                    ctx.act(Action::Rebuild);
                }
            }
        }
        KeptRows::Outbox(rows) => {
            outbox(ctx, ui, rows);
            more(theme, ui, rows.len());
        }
        KeptRows::Sagas(rows) => {
            sagas(theme, ui, rows);
            more(theme, ui, rows.len());
        }
    }
}

fn more(theme: &Theme, ui: &mut Ui, rows: usize) {
    if rows > ROWS {
        ui.label(widgets::hint(theme, format!("and {} more", rows - ROWS)));
    }
}

/// A line of a table: the first cell takes what the others leave.
fn line(ui: &mut Ui, widths: &[f32], first: RichText, tip: &str, cells: Vec<RichText>) {
    let left = ui.available_width() - widths.iter().sum::<f32>();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(Vec2::new(left, 18.0), layout, |ui| {
            ui.set_min_width(left);
            ui.set_max_width(left);
            let response = ui.add(egui::Label::new(first).truncate());
            if !tip.is_empty() {
                response.on_hover_text(tip);
            }
        });
        for (width, text) in widths.iter().zip(cells) {
            cell(ui, *width, text);
        }
    });
}

fn state(theme: &Theme, ui: &mut Ui, rows: &[StateRow]) {
    let Some(first) = rows.first() else { return };
    let names: Vec<&str> = first.parts.iter().take(PARTS).map(|(name, _)| name.as_str()).collect();
    let mut widths = vec![44.0];
    widths.extend(names.iter().map(|_| 76.0));
    let heads = std::iter::once("version").chain(names.iter().copied());
    let heads = heads.map(|head| widgets::hint(theme, clipped(if head.is_empty() { "state" } else { head }, 11)));
    line(ui, &widths, widgets::hint(theme, "Key"), "What the events of a row have in common", heads.collect());
    for row in rows.iter().take(ROWS) {
        let named = |name: &str| {
            let value = row.parts.iter().find(|(part, _)| part == name).map_or("–", |(_, value)| value.as_str());
            widgets::figure(theme, clipped(value, 10))
        };
        let cells = std::iter::once(widgets::figure(theme, row.version.to_string()));
        let cells = cells.chain(names.iter().map(|name| named(name)));
        let key = if row.key.is_empty() { "no key" } else { row.key.as_str() };
        line(ui, &widths, widgets::dim(theme, key), &whole(row), cells.collect());
    }
}

/// Everything that is known of a key.
fn whole(row: &StateRow) -> String {
    let mut lines = vec![format!("{} · version {}", row.key, row.version)];
    if row.snapshot > 0 {
        lines.push(format!("snapshot at version {}", row.snapshot));
    }
    let part =
        |(name, value): &(String, String)| if name.is_empty() { value.clone() } else { format!("{name}: {value}") };
    lines.extend(row.parts.iter().map(part));
    lines.join("\n")
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn outbox(ctx: &ViewCtx<'_>, ui: &mut Ui, rows: &[OutboxRow]) {
    let theme = ctx.theme;
    if rows.is_empty() {
        return;
    }
    let widths = [110.0, 60.0];
    let heads = vec![widgets::hint(theme, "type"), widgets::hint(theme, "published")];
    line(ui, &widths, widgets::hint(theme, "In the outbox"), "In the order in which they leave", heads);
    for row in rows.iter().take(ROWS) {
        let left = ui.available_width() - widths.iter().sum::<f32>();
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let text = RichText::new(&row.event.id).font(theme.mono(theme.sizes.small)).color(theme.accent);
            let layout = egui::Layout::left_to_right(egui::Align::Center);
            ui.allocate_ui_with_layout(Vec2::new(left, 18.0), layout, |ui| {
                ui.set_min_width(left);
                ui.set_max_width(left);
                let link = egui::Label::new(text).truncate().sense(egui::Sense::click());
                if ui.add(link).on_hover_text("Shows its card").clicked() {
                    ctx.ask(Ask::OpenEvent(row.event.event));
                }
            });
            let times = if row.attempts > 0 { format!("{}×", row.attempts) } else { "–".to_owned() };
            cell(ui, widths[0], widgets::dim(theme, clipped(row.event.kind.as_str(), 16)));
            cell(ui, widths[1], widgets::figure(theme, times));
        });
    }
}

fn sagas(theme: &Theme, ui: &mut Ui, rows: &[SagaRow]) {
    if rows.is_empty() {
        return;
    }
    let widths = [130.0, 40.0];
    let heads = vec![widgets::hint(theme, "waits for"), widgets::hint(theme, "try")];
    line(ui, &widths, widgets::hint(theme, "Saga"), "Those that go on, and those that are stuck", heads);
    for row in rows.iter().take(ROWS) {
        let step = row.step.as_ref().map_or("–", |step| step.as_str());
        let (words, color, tip) = match row.way {
            SagaWay::Forward => (step.to_owned(), theme.text, "Waits for the answer to this command"),
            SagaWay::Back => (format!("undo {step}"), theme.warn, "Goes back: this step is being undone"),
            SagaWay::Stuck => (format!("stuck: {step}"), theme.bad, "Nobody answers: people have to see to it"),
        };
        let words = RichText::new(clipped(&words, 20)).font(theme.words(theme.sizes.small)).color(color);
        let cells = vec![words, widgets::figure(theme, row.attempt.to_string())];
        line(ui, &widths, widgets::dim(theme, row.key.as_str()), tip, cells);
    }
}
