//! Fields of a form: text that is parsed when it is committed, with the error beside it and one edit per commit.
//!
//! While a field has the keyboard its text is a draft of its own. Enter, Tab and a press elsewhere commit it; Escape takes
//! it back. What cannot be parsed stays in the field with the reason below it, and nothing else has changed.

mod draft;
mod loose;
mod values;

use egui::{Color32, Id, Response, RichText, Stroke, Ui, Vec2};
use egui_phosphor::regular as ph;

use crate::plan::{Place, Problem, Severity};

use super::theme::Theme;
use super::view::ViewCtx;

pub(crate) use self::loose::{Reorder, add_button, flush_button, json_area, order_buttons, search_field};

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

/// Something that a field offers to fill in, with the colour it is known by.
pub(crate) type Suggestion = (String, Option<Color32>);

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

    /// Tells a group of fields from the one before, by space and a line.
    pub(crate) fn divider(&self, ui: &mut Ui) {
        let theme = self.theme();
        ui.add_space(theme.space.m);
        let rect = ui.available_rect_before_wrap();
        ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, theme.line));
        ui.add_space(theme.space.m);
    }

    /// A group of fields under a quiet head.
    pub(crate) fn section(&self, ui: &mut Ui, title: &str) {
        let theme = self.theme();
        self.divider(ui);
        ui.label(RichText::new(title).font(theme.strong(theme.sizes.small)).color(theme.text));
        ui.add_space(theme.space.xs);
    }

    /// One of several things in a section, under a head of its own, with what can be done to it at the right.
    pub(crate) fn subhead(&self, ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
        let theme = self.theme();
        ui.add_space(theme.space.s);
        ui.horizontal(|ui| {
            ui.label(RichText::new(title).font(theme.strong(theme.sizes.small)).color(theme.dim));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), add);
        });
    }

    /// A section that can be folded away; it begins unfolded if it holds something that differs from what is usual.
    pub(crate) fn folded(&self, ui: &mut Ui, title: &str, differs: bool, add: impl FnOnce(&mut Ui)) {
        self.folded_row(ui, title, title, "", differs, add);
    }

    /// The same for one of several that look alike: its head is a word, its whole name for screen readers; and while it
    /// is folded it says what it holds.
    pub(crate) fn folded_row(
        &self,
        ui: &mut Ui,
        word: &str,
        title: &str,
        says: &str,
        differs: bool,
        add: impl FnOnce(&mut Ui),
    ) {
        let theme = self.theme();
        let id = self.id.with(("folded", title));
        let mut open = ui.data_mut(|data| data.get_temp::<bool>(id)).unwrap_or(differs);
        let icon = if open { ph::CARET_DOWN } else { ph::CARET_RIGHT };
        let text = RichText::new(format!("{icon}  {word}")).font(theme.words(theme.sizes.small)).color(theme.dim);
        let response = ui
            .horizontal(|ui| {
                let left = ui.cursor().left();
                let response = flush_button(ui, text);
                if !open && !says.is_empty() {
                    let values = left + LABEL_WIDTH + theme.space.s;
                    ui.add_space((values - ui.cursor().left()).max(0.0));
                    let says = RichText::new(says).font(theme.words(theme.sizes.small)).color(theme.faint);
                    ui.add(egui::Label::new(says).truncate());
                }
                response
            })
            .inner;
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
                self.mark_setting(ui, &response, name.path);
                response.labelled_by(label.id);
                result
            })
            .inner;
        self.problems_below(ui, name.path);
        result
    }

    /// Tells whoever reads the window as a tree which setting of the file a field is.
    pub(crate) fn mark_setting(&self, ui: &Ui, field: &Response, path: &str) {
        let path = format!("{}{path}", self.prefix);
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_author_id(path));
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
