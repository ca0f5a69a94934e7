//! Fields of a form: text that is parsed when it is committed, with the error beside it and one edit per commit.
//!
//! While a field has the keyboard its text is a draft of its own. Enter, Tab and a press elsewhere commit it; Escape takes
//! it back. What cannot be parsed stays in the field with the reason below it, and nothing else has changed.

#![expect(
    clippy::option_option,
    clippy::ref_option,
    reason = "a field answers `None` for no change and `Some(None)` for a change to nothing"
)]

use std::fmt::Display;
use std::str::FromStr;

use egui::{Color32, Frame, Id, Key, Margin, Response, RichText, Stroke, TextEdit, Ui, Vec2};
use egui_phosphor::regular as ph;

use crate::model::{Chance, JsonText, Pattern};
use crate::plan::{Place, Problem, Severity};
use crate::session::{Candidate, CandidateKind};

use super::code::{Helping, helping_edit};
use super::theme::Theme;
use super::view::ViewCtx;
use super::widgets;

/// How wide the labels are, so that all fields of a form begin at the same place.
const LABEL_WIDTH: f32 = 96.0;

/// A form about one thing of the flow: its fields know where they are, so that problems stand beside them.
pub(crate) struct Form<'a> {
    /// What the form reads.
    pub ctx: &'a ViewCtx<'a>,
    /// What it is about, with no field.
    place: Place,
    /// Keeps the drafts of different things apart.
    id: Id,
    /// What its fields are part of, as the file calls it.
    prefix: &'static str,
}

/// What a field is called, what it means, and how the file calls it.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    /// Beside the field.
    pub label: &'a str,
    /// On hover, a sentence.
    pub tip: &'a str,
    /// Path in the file: `handlers[0].takes`; problems name it so.
    pub path: &'a str,
}

/// A field's name, in the order label, tip, path.
pub(crate) const fn name<'a>(label: &'a str, tip: &'a str, path: &'a str) -> Name<'a> {
    Name { label, tip, path }
}

/// What is being typed.
#[derive(Clone, Default)]
struct Draft {
    text: String,
    error: Option<String>,
}

/// Something that a field offers to fill in, with the colour it is known by.
pub(crate) type Suggestion = (String, Option<Color32>);

/// How a text field looks.
#[derive(Clone, Copy)]
struct Look {
    mono: bool,
    rows: usize,
    /// Large, and a field only when the pointer or the keyboard is on it.
    title: bool,
}

impl Look {
    const WORDS: Self = Self { mono: false, rows: 1, title: false };
    const VALUE: Self = Self { mono: true, rows: 1, title: false };
    const TITLE: Self = Self { mono: false, rows: 1, title: true };
}

impl<'a> Form<'a> {
    /// A form about this place of the flow.
    pub(crate) fn new(ctx: &'a ViewCtx<'a>, place: Place) -> Self {
        let id = Id::new(("form", place.to_string()));
        Self { ctx, place, id, prefix: "" }
    }

    /// The same about a part of it: `requests.`.
    pub(crate) fn within(&self, prefix: &'static str) -> Self {
        Self { ctx: self.ctx, place: self.place.clone(), id: self.id.with(prefix), prefix }
    }

    const fn theme(&self) -> &'a Theme {
        self.ctx.theme
    }

    /// A group of fields under a quiet head, told from the one before by space and a line.
    pub(crate) fn section(&self, ui: &mut Ui, title: &str) {
        let theme = self.theme();
        ui.add_space(theme.space.m);
        let rect = ui.available_rect_before_wrap();
        ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, theme.line));
        ui.add_space(theme.space.m);
        ui.label(RichText::new(title).font(theme.strong(theme.sizes.small)).color(theme.text));
        ui.add_space(theme.space.xs);
    }

    /// A section that is folded until somebody wants it.
    pub(crate) fn folded(&self, ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
        let theme = self.theme();
        let id = self.id.with(("folded", title));
        let mut open = ui.data_mut(|data| data.get_temp::<bool>(id)).unwrap_or(false);
        ui.add_space(theme.space.xs);
        let icon = if open { ph::CARET_DOWN } else { ph::CARET_RIGHT };
        let text = RichText::new(format!("{icon}  {title}")).font(theme.words(theme.sizes.small)).color(theme.dim);
        let response = flush_button(ui, text);
        response.widget_info(|| egui::WidgetInfo::selected(egui::WidgetType::CollapsingHeader, true, open, title));
        if response.clicked() {
            open = !open;
            ui.data_mut(|data| data.insert_temp(id, open));
        }
        if open {
            add(ui);
        }
    }

    /// A row: the label at the left, whatever it labels at the right.
    pub(crate) fn row<R>(&self, ui: &mut Ui, name: Name<'_>, add: impl FnOnce(&mut Ui) -> (R, Response)) -> R {
        let result = ui
            .horizontal(|ui| {
                let label = self.label(ui, name);
                let (result, response) = add(ui);
                response.labelled_by(label.id);
                result
            })
            .inner;
        self.problems_below(ui, name.path);
        result
    }

    /// The id of a field.
    pub(super) fn field_id(&self, name: Name<'_>) -> Id {
        self.id.with((name.path, name.label))
    }

    /// Where a field is in the flow.
    pub(super) fn place_of(&self, name: Name<'_>) -> Place {
        let field = Some(format!("{}{}", self.prefix, name.path));
        match &self.place {
            Place::Flow => Place::Flow,
            Place::Node(id, _) => Place::Node(id.clone(), field),
            Place::Link(id, _) => Place::Link(id.clone(), field),
            Place::Event(name, _) => Place::Event(name.clone(), field),
            Place::Fault(name, _) => Place::Fault(name.clone(), field),
            Place::Expectation(name, _) => Place::Expectation(name.clone(), field),
        }
    }

    pub(super) fn label(&self, ui: &mut Ui, name: Name<'_>) -> Response {
        let theme = self.theme();
        // What belongs to the field above is written with spaces before it: it stands a little to the right.
        let words = name.label.trim_start();
        let text = RichText::new(sentence_case(words)).font(theme.words(theme.sizes.small)).color(theme.dim);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        let size = Vec2::new(LABEL_WIDTH, ui.spacing().interact_size.y);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_width(LABEL_WIDTH);
            if words.len() < name.label.len() {
                ui.add_space(theme.space.m);
            }
            ui.add(egui::Label::new(text).truncate())
        })
        .inner
        .on_hover_text(name.tip)
    }

    /// What [`crate::plan::check()`] has to say about a field.
    pub(super) fn problems_below(&self, ui: &mut Ui, path: &str) {
        let path = format!("{}{path}", self.prefix);
        for problem in self.ctx.problems.iter().filter(|problem| is_at(problem, &self.place, &path)) {
            let color = match problem.severity {
                Severity::Error => self.theme().bad,
                Severity::Warning => self.theme().warn,
            };
            self.below(ui, color, &problem.what).on_hover_text(&problem.hint);
        }
    }

    /// A remark below a field, in line with it.
    pub(super) fn below(&self, ui: &mut Ui, color: Color32, text: &str) -> Response {
        let theme = self.theme();
        ui.horizontal_top(|ui| {
            ui.add_space(LABEL_WIDTH + theme.space.s);
            ui.set_max_width(ui.available_width());
            let text = RichText::new(text).font(theme.words(theme.sizes.tiny)).color(color);
            ui.add(egui::Label::new(text).wrap())
        })
        .inner
    }

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
        let parse = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<T>().map(Some).map_err(|error| error.to_string()),
        };
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
        let parse = |text: &str| match text.trim() {
            "" => Ok(None),
            text => Pattern::new(text).map(Some).map_err(|error| error.to_string()),
        };
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
        let text = value.as_ref().map(ToString::to_string).unwrap_or_default();
        let parse = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<T>().map(Some).map_err(|error| error.to_string()),
        };
        self.parsed(ui, name, &text, hint, Look::VALUE, parse).filter(|new| new != value)
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
        let parse = |text: &str| match text.trim() {
            "" => Ok(None),
            text => whole_number(text, limits).map(Some),
        };
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
        let parse = |text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse::<T>().map(Some).map_err(|error| error.to_string()),
        };
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
        ui.horizontal(|ui| {
            ui.add_space(LABEL_WIDTH + ui.spacing().item_spacing.x);
            let text = RichText::new(name.label).font(self.theme().words(self.theme().sizes.small));
            ui.checkbox(&mut on, text).on_hover_text(name.tip);
        });
        self.problems_below(ui, name.path);
        (on != value).then_some(on)
    }

    /// What the flow already knows, behind a small button; what was taken.
    fn offers(&self, ui: &mut Ui, name: Name<'_>, offers: &[Suggestion]) -> Option<String> {
        let theme = self.theme();
        let label = format!("{} known in this flow", name.label);
        let button = widgets::small_icon_button(ui, theme, ph::CARET_DOWN, &label, "What the flow already knows", true);
        let mut taken = None;
        egui::Popup::menu(&button).show(|ui| {
            for (offer, color) in offers {
                let mut text = egui::text::LayoutJob::default();
                let format = |font, color| egui::TextFormat { font_id: font, color, ..Default::default() };
                if let Some(color) = color {
                    text.append("\u{25CF}  ", 0.0, format(theme.words(theme.sizes.small), *color));
                }
                text.append(offer, 0.0, format(theme.mono(theme.sizes.small), theme.text));
                if ui.button(text).clicked() {
                    taken = Some(offer.clone());
                    ui.close();
                }
            }
        });
        taken
    }

    /// A field whose text stands for a value: the draft, its error, its commit.
    fn parsed<T>(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        current: &str,
        hint: &str,
        look: Look,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parsed_with(ui, name, current, hint, look, &[], parse)
    }

    #[expect(clippy::too_many_arguments, reason = "one private place that all kinds of fields come down to")]
    fn parsed_with<T>(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        current: &str,
        hint: &str,
        look: Look,
        offers: &[Suggestion],
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let id = self.field_id(name);
        let mut taken = None;
        let complete = |text: &str, _cursor: usize| offered(text, offers);
        let committed = self.committed(ui, id, current, &parse, |ui, text, wrong| {
            let mut held = false;
            let mut field = |ui: &mut Ui| {
                if offers.is_empty() {
                    let width = ui.available_width();
                    let response = text_edit(ui, self.theme(), id, text, hint, look, wrong, width);
                    return (response.clone(), response);
                }
                let width = ui.available_width() - 22.0 - ui.spacing().item_spacing.x;
                let helping = Helping { complete: &complete, purpose: None, rows: look.rows, hint, wrong };
                let response;
                (response, held) = helping_edit(ui, self.theme(), id, text, helping, width);
                taken = self.offers(ui, name, offers);
                (response.clone(), response)
            };
            let response = if look.rows > 1 {
                let label = self.label(ui, name);
                let (response, _) = field(ui);
                self.problems_below(ui, name.path);
                response.labelled_by(label.id)
            } else {
                self.row(ui, name, field)
            };
            (response, held)
        });
        match taken {
            Some(taken) => {
                self.forget_draft(ui, id);
                parse(&taken).ok()
            }
            None => committed,
        }
    }

    /// What is being typed into a field is taken back.
    #[expect(clippy::unused_self, reason = "the drafts are those of a form's fields")]
    pub(super) fn forget_draft(&self, ui: &Ui, id: Id) {
        ui.data_mut(|data| data.remove::<Draft>(id));
    }

    /// The life of a draft: begun with the first key, committed or taken back when the keyboard goes elsewhere.
    ///
    /// `show` also says whether the field is held: the pointer is on something that belongs to it, so that it is not left.
    pub(super) fn committed<T>(
        &self,
        ui: &mut Ui,
        id: Id,
        current: &str,
        parse: impl Fn(&str) -> Result<T, String>,
        show: impl FnOnce(&mut Ui, &mut String, bool) -> (Response, bool),
    ) -> Option<T> {
        let mut draft = ui.data_mut(|data| data.get_temp::<Draft>(id));
        let wrong = draft.as_ref().is_some_and(|draft| draft.error.is_some());
        let mut text = draft.as_ref().map_or_else(|| current.to_owned(), |draft| draft.text.clone());
        let mut commit = None;
        let (response, held) = show(ui, &mut text, wrong);
        if response.changed() {
            draft = Some(Draft { text, error: None });
        }
        // A press elsewhere may take the whole form away before the field is asked again.
        let pressed_elsewhere = response.has_focus()
            && ui.input(|input| input.pointer.any_pressed())
            && ui.input(|input| input.pointer.interact_pos()).is_some_and(|at| !response.rect.contains(at));
        if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
            draft = None;
        } else if (response.lost_focus() || pressed_elsewhere)
            && !held
            && let Some(open) = &mut draft
            && open.error.is_none()
        {
            match parse(&open.text) {
                Ok(value) => {
                    commit = Some(value);
                    draft = None;
                }
                Err(error) => open.error = Some(error),
            }
        }
        if let Some(error) = draft.as_ref().and_then(|draft| draft.error.as_deref()) {
            self.below(ui, self.theme().bad, error);
        }
        ui.data_mut(|data| match draft {
            Some(draft) => {
                data.insert_temp(id, draft);
            }
            None => {
                data.remove::<Draft>(id);
            }
        });
        commit
    }
}

/// What of the offers the text could become: those that begin so, then those that contain it.
fn offered(text: &str, offers: &[Suggestion]) -> Vec<Candidate> {
    let typed = text.trim().to_lowercase();
    let mut found: Vec<(bool, Candidate)> = offers
        .iter()
        .filter(|(offer, _)| offer.to_lowercase().contains(&typed))
        .map(|(offer, _)| {
            let candidate = Candidate {
                label: offer.clone(),
                kind: CandidateKind::EventType,
                replaces: 0..text.len(),
                insert: offer.clone(),
                back: 0,
                detail: String::new(),
                about: String::new(),
            };
            (!offer.to_lowercase().starts_with(&typed), candidate)
        })
        .collect();
    found.sort_by_key(|(is_within, _)| *is_within);
    let is_typed = matches!(&found[..], [(_, only)] if only.insert == text);
    if is_typed { Vec::new() } else { found.into_iter().map(|(_, candidate)| candidate).collect() }
}

/// A text field in the theme's looks: a quiet well with a line that turns to the accent under the keyboard.
#[expect(clippy::too_many_arguments, reason = "the one place where text fields are painted")]
fn text_edit(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    text: &mut String,
    hint: &str,
    look: Look,
    wrong: bool,
    width: f32,
) -> Response {
    let focused = ui.memory(|memory| memory.has_focus(id));
    let line = if wrong {
        theme.bad
    } else if focused {
        theme.accent
    } else {
        theme.line
    };
    let quiet = look.title && !focused && !wrong;
    let frame = Frame::new()
        .fill(if quiet { Color32::TRANSPARENT } else { theme.field })
        .stroke(Stroke::new(1.0, if quiet { Color32::TRANSPARENT } else { line }))
        .corner_radius(theme.control_corners())
        .inner_margin(Margin::symmetric(if look.title { 0 } else { 7 }, 4));
    let font = match look {
        Look { title: true, .. } => theme.strong(theme.sizes.title),
        Look { mono: true, .. } => theme.mono(theme.sizes.small),
        Look { .. } => theme.words(theme.sizes.body),
    };
    let edit =
        if look.rows > 1 { TextEdit::multiline(text).desired_rows(look.rows) } else { TextEdit::singleline(text) };
    let (hint_font, hint_color) =
        if look.title { (font.clone(), theme.text) } else { (theme.words(theme.sizes.small), theme.faint) };
    let hint = RichText::new(hint).font(hint_font).color(hint_color);
    let edit = edit.id(id).font(font).hint_text(hint).frame(frame).desired_width(width);
    ui.add(edit)
}

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

/// Whether a problem is about this field of this place.
fn is_at(problem: &Problem, place: &Place, path: &str) -> bool {
    let field = match (&problem.at, place) {
        (Place::Node(a, field), Place::Node(b, _)) if a == b => field,
        (Place::Link(a, field), Place::Link(b, _)) if a == b => field,
        (Place::Event(a, field), Place::Event(b, _)) if a == b => field,
        (Place::Fault(a, field), Place::Fault(b, _)) if a == b => field,
        (Place::Expectation(a, field), Place::Expectation(b, _)) if a == b => field,
        _ => return false,
    };
    !path.is_empty() && field.as_deref() == Some(path)
}

/// With a capital at its beginning; percentiles keep their small p.
fn sentence_case(words: &str) -> String {
    let mut letters = words.chars();
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(|next: char| next.is_ascii_digit()) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => words.to_owned(),
    }
}

fn whole_number(text: &str, (min, max): (u64, u64)) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '_' | '\u{2009}')).collect();
    match digits.parse::<u64>() {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
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
