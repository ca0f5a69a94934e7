//! Passing notes at the window's edge: what happened, in a sentence, without taking the keyboard.

use egui::{Align2, Area, Frame, Id, Margin, Order, RichText, Ui};

use super::theme::Theme;

/// How long a note stays, in seconds.
const STAYS: f64 = 5.0;
/// More than this would cover the flow.
const AT_ONCE: usize = 4;

/// The notes that are shown now.
#[derive(Default)]
pub(crate) struct Toasts {
    /// Each with the time of the window's clock at which it goes; `None` until it has been shown.
    notes: Vec<(String, Option<f64>)>,
}

impl Toasts {
    /// Shows a note; the oldest goes if there are too many.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.notes.retain(|(known, _)| *known != text);
        self.notes.push((text, None));
        if self.notes.len() > AT_ONCE {
            self.notes.remove(0);
        }
    }

    /// What is shown, the oldest first.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|(text, _)| text.as_str())
    }

    /// Draws the notes above this distance from the window's foot.
    pub(crate) fn ui(&mut self, theme: &Theme, ui: &Ui, above: f32) {
        let now = ui.input(|input| input.time);
        for (_, goes) in &mut self.notes {
            goes.get_or_insert(now + STAYS);
        }
        self.notes.retain(|(_, goes)| goes.is_none_or(|goes| goes > now));
        let Some(next) = self.notes.iter().filter_map(|(_, goes)| *goes).reduce(f64::min) else { return };
        ui.ctx().request_repaint_after_secs((next - now) as f32);
        let offset = egui::vec2(0.0, -above - theme.space.m);
        Area::new(Id::new("toasts")).order(Order::Foreground).anchor(Align2::CENTER_BOTTOM, offset).show(
            ui.ctx(),
            |ui| {
                for (text, _) in &self.notes {
                    Frame::new()
                        .fill(theme.raised)
                        .stroke(egui::Stroke::new(1.0, theme.edge))
                        .corner_radius(theme.card_corners())
                        .inner_margin(Margin::symmetric(12, 8))
                        .show(ui, |ui| ui.label(RichText::new(text).color(theme.text)));
                }
            },
        );
    }
}
