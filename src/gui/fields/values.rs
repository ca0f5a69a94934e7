//! What a field holds: durations and sizes, names, numbers, chances, prices, words, one of a few.

#![expect(
    clippy::option_option,
    clippy::ref_option,
    reason = "a field answers `None` for no change and `Some(None)` for a change to nothing"
)]

use std::fmt::Display;
use std::str::FromStr;

use egui::{Id, RichText, Ui, Vec2};
use egui_phosphor::regular as ph;

use super::draft::{Look, text_edit};
use super::{Form, LABEL_WIDTH, Name, Suggestion, sentence_case};
use crate::gui::widgets;
use crate::model::{Chance, Pattern};

impl Form<'_> {
    /// A value that has a text: durations, rates, sizes, names.
    pub(crate) fn value<T>(&self, ui: &mut Ui, name: Name<'_>, value: &T) -> Option<T>
    where
        T: FromStr<Err: Display> + Display + PartialEq,
    {
        let parse = |text: &str| text.parse::<T>().map_err(|error| error.to_string());
        self.parsed(ui, name, &value.to_string(), "", Look::VALUE, parse).filter(|new| new != value)
    }

    /// A value that has a text, with others of the flow on offer.
    pub(crate) fn suggested<T>(&self, ui: &mut Ui, name: Name<'_>, value: &T, offers: &[Suggestion]) -> Option<T>
    where
        T: FromStr<Err: Display> + Display + PartialEq,
    {
        let parse = |text: &str| text.trim().parse::<T>().map_err(|error| error.to_string());
        self.parsed_with(ui, name, &value.to_string(), "", Look::VALUE, offers, parse).filter(|new| new != value)
    }

    /// A value that may be absent, with others of the flow on offer.
    pub(crate) fn optional_suggested<T>(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &Option<T>,
        hint: &str,
        offers: &[Suggestion],
    ) -> Option<Option<T>>
    where
        T: FromStr<Err: Display> + Display + PartialEq,
    {
        let text = value.as_ref().map(ToString::to_string).unwrap_or_default();
        let parse = unless_empty(|text| text.parse::<T>().map_err(|error| error.to_string()));
        self.parsed_with(ui, name, &text, hint, Look::VALUE, offers, parse).filter(|new| new != value)
    }

    /// Patterns as chips that a press takes away, and a field that adds one more.
    pub(crate) fn patterns(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &[Pattern],
        hint: &str,
        offers: &[Suggestion],
    ) -> Option<Vec<Pattern>> {
        let theme = self.theme();
        let mut next = value.to_vec();
        let parse = unless_empty(|text| Pattern::new(text).map_err(|error| error.to_string()));
        let added = self.parsed_with(ui, name, "", hint, Look::VALUE, offers, parse).flatten();
        if !value.is_empty() {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = Vec2::splat(theme.space.xs);
                ui.add_space(LABEL_WIDTH + theme.space.s);
                for (at, pattern) in value.iter().enumerate() {
                    let color =
                        offers.iter().find(|(offer, _)| offer == pattern.as_str()).and_then(|(_, color)| *color);
                    let text = format!("{pattern}  {}", ph::X);
                    let response = widgets::chip(ui, theme, &text, color.unwrap_or(theme.accent), true);
                    response.widget_info(|| {
                        egui::WidgetInfo::labeled(egui::WidgetType::Button, true, format!("Remove {pattern}"))
                    });
                    if response.on_hover_text("Takes it away").clicked() {
                        next.remove(at);
                        break;
                    }
                }
            });
        }
        next.extend(added.filter(|added| !value.contains(added)));
        (next != value).then_some(next)
    }

    /// A value that may be absent; an empty field means that. The hint says what then holds.
    pub(crate) fn optional<T>(&self, ui: &mut Ui, name: Name<'_>, value: &Option<T>, hint: &str) -> Option<Option<T>>
    where
        T: FromStr<Err: Display> + Display + PartialEq,
    {
        self.optional_suggested(ui, name, value, hint, &[])
    }

    /// Words: names and titles.
    pub(crate) fn words(&self, ui: &mut Ui, name: Name<'_>, value: &str, hint: &str) -> Option<String> {
        let parse = |text: &str| Ok(text.trim().to_owned());
        self.parsed(ui, name, value, hint, Look::WORDS, parse).filter(|new| new != value)
    }

    /// A whole number between two limits, both included.
    pub(crate) fn whole(&self, ui: &mut Ui, name: Name<'_>, value: u64, limits: (u64, u64)) -> Option<u64> {
        let parse = |text: &str| whole_number(text, limits);
        self.parsed(ui, name, &value.to_string(), "", Look::VALUE, parse).filter(|new| *new != value)
    }

    /// A whole number that may be absent.
    pub(crate) fn optional_whole(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: Option<u64>,
        limits: (u64, u64),
        hint: &str,
    ) -> Option<Option<u64>> {
        let text = value.map(|value| value.to_string()).unwrap_or_default();
        let parse = unless_empty(|text| whole_number(text, limits));
        self.parsed(ui, name, &text, hint, Look::VALUE, parse).filter(|new| *new != value)
    }

    /// A chance, in percent.
    pub(crate) fn chance(&self, ui: &mut Ui, name: Name<'_>, value: Chance) -> Option<Chance> {
        self.parsed(ui, name, &value.to_string(), "", Look::VALUE, percent).filter(|new| *new != value)
    }

    /// A sum of money, given in billionths of a dollar.
    pub(crate) fn dollars(&self, ui: &mut Ui, name: Name<'_>, billionths: u64) -> Option<u64> {
        let text = format!("${}", trimmed(billionths as f64 / 1e9, 10));
        let parse = |text: &str| match text.trim().trim_start_matches('$').trim().parse::<f64>() {
            Ok(dollars) if (0.0..1e6).contains(&dollars) => Ok((dollars * 1e9).round() as u64),
            _ => Err(format!("“{}” is no price: write dollars, as in $0.0000002", text.trim())),
        };
        self.parsed(ui, name, &text, "", Look::VALUE, parse).filter(|new| *new != billionths)
    }

    /// Several lines of words.
    pub(crate) fn prose(&self, ui: &mut Ui, name: Name<'_>, value: &str, hint: &str, rows: usize) -> Option<String> {
        let parse = |text: &str| Ok(text.trim_end().to_owned());
        self.parsed(ui, name, value, hint, Look { rows, ..Look::WORDS }, parse).filter(|new| new != value)
    }

    /// Several lines that are parsed as one value: JSON.
    pub(crate) fn block<T>(&self, ui: &mut Ui, name: Name<'_>, value: &Option<T>, hint: &str) -> Option<Option<T>>
    where
        T: FromStr<Err: Display> + Display + PartialEq,
    {
        let text = value.as_ref().map(ToString::to_string).unwrap_or_default();
        let parse = unless_empty(|text| text.parse::<T>().map_err(|error| error.to_string()));
        let rows = text.lines().count().clamp(3, 12);
        self.parsed(ui, name, &text, hint, Look { rows, ..Look::VALUE }, parse).filter(|new| new != value)
    }

    /// One of a few, each with its label and what it means.
    pub(crate) fn choice<T: Copy + PartialEq>(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: T,
        options: &[(T, &str, &str)],
    ) -> Option<T> {
        let chosen = options.iter().find(|(option, ..)| *option == value).map_or("", |(_, label, _)| label);
        let mut picked = None;
        self.row(ui, name, |ui| {
            let width = ui.available_width();
            let response = egui::ComboBox::from_id_salt(self.id.with(("choice", name.path, name.label)))
                .selected_text(chosen)
                .width(width)
                .truncate()
                .icon(|ui, rect, visuals, _| {
                    let font = egui::FontId::proportional(12.0);
                    let ink = visuals.fg_stroke.color;
                    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, ph::CARET_DOWN, font, ink);
                })
                .show_ui(ui, |ui| {
                    for (option, label, meaning) in options {
                        if ui.selectable_label(*option == value, *label).on_hover_text(*meaning).clicked() {
                            picked = Some(*option);
                        }
                    }
                })
                .response;
            ((), response)
        });
        picked.filter(|picked| *picked != value)
    }

    /// One of several things of the flow, each with its title.
    pub(crate) fn pick<T: Clone + PartialEq>(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &T,
        options: &[(T, String)],
    ) -> Option<T> {
        let indices: Vec<(usize, &str, &str)> =
            options.iter().enumerate().map(|(at, (_, title))| (at, title.as_str(), name.tip)).collect();
        let current = options.iter().position(|(option, _)| option == value).unwrap_or(usize::MAX);
        let picked = self.choice(ui, name, current, &indices)?;
        options.get(picked).map(|(option, _)| option.clone())
    }

    /// The title of what the form is about, as a field that looks like a heading; and the field's id.
    pub(crate) fn title(&self, ui: &mut Ui, value: &str, hint: &str) -> (Option<String>, Id) {
        let id = self.id.with("title");
        let name = Name { label: "Name", tip: "What people call it", path: "name" };
        // What it is called without a name of its own stands there as if typed, and typing just that names nothing.
        let parse = |text: &str| match text.trim() {
            text if text == hint => Ok(String::new()),
            text => Ok(text.to_owned()),
        };
        let shown = if value.is_empty() { hint } else { value };
        let new = self.committed(ui, id, shown, parse, |ui, text, wrong| {
            let theme = self.theme();
            let response = text_edit(ui, theme, id, text, hint, Look::TITLE, wrong, ui.available_width());
            response.widget_info(|| {
                let mut info = egui::WidgetInfo::text_edit(true, "", text.as_str(), hint);
                info.label = Some(name.label.to_owned());
                info
            });
            (response, false)
        });
        (new.filter(|new| new != value), id)
    }

    /// Yes or no, said as a sentence behind its box.
    pub(crate) fn toggle(&self, ui: &mut Ui, name: Name<'_>, value: bool) -> Option<bool> {
        let mut on = value;
        // As a label does, it stands a little to the right where it belongs to what is above.
        let words = name.label.trim_start();
        let indent = if words.len() < name.label.len() { self.theme().space.m } else { 0.0 };
        ui.horizontal(|ui| {
            ui.add_space(LABEL_WIDTH + ui.spacing().item_spacing.x + indent);
            // A long sentence would widen the panel, and push the canvas aside.
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Wrap);
            widgets::outline_marks(ui, self.theme());
            let text = RichText::new(sentence_case(words)).font(self.theme().words(self.theme().sizes.small));
            let response = ui.checkbox(&mut on, text).on_hover_text(name.tip);
            self.mark_setting(ui, &response, name.path);
        });
        self.problems_below(ui, name.path);
        (on != value).then_some(on)
    }
}

/// Reads a value that may be absent: an empty text is none.
fn unless_empty<T>(parse: impl Fn(&str) -> Result<T, String>) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| match text.trim() {
        "" => Ok(None),
        text => parse(text).map(Some),
    }
}

fn whole_number(text: &str, (min, max): (u64, u64)) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '_' | '\u{2009}')).collect();
    match digits.parse::<u64>() {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ if max == u64::MAX => Err(format!("Write a whole number from {min} on")),
        _ => Err(format!("Write a whole number from {min} to {max}")),
    }
}

/// A chance from percent: `2.5 %` or `2.5`.
fn percent(text: &str) -> Result<Chance, String> {
    let number = text.trim().trim_end_matches('%').trim().replace(',', ".");
    let wrong = || "Write a chance in percent, from 0 % to 100 %".to_owned();
    let value: f64 = number.parse().map_err(|_no_number| wrong())?;
    if !(0.0..=100.0).contains(&value) {
        return Err(wrong());
    }
    Chance::new(value / 100.0).map_err(|_no_chance| wrong())
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_told_its_limits_where_it_has_some() {
        assert_eq!(whole_number("1 000", (1, u64::MAX)), Ok(1_000));
        assert_eq!(whole_number("0", (1, u64::MAX)), Err("Write a whole number from 1 on".to_owned()));
        assert_eq!(whole_number("9", (1, 8)), Err("Write a whole number from 1 to 8".to_owned()));
    }

    #[test]
    fn chances_are_read_in_percent() {
        for (text, billionths) in [("2.5 %", 25_000_000), ("100", 1_000_000_000), ("0", 0), ("0,5%", 5_000_000)] {
            assert_eq!(percent(text).map(Chance::billionths), Ok(billionths), "{text}");
        }
        for text in ["101", "-1", "half", "", "NaN"] {
            assert!(percent(text).is_err(), "{text}");
        }
        assert_eq!(percent(&Chance::from_billionths(1).to_string()).map(Chance::billionths), Ok(1));
    }
}
