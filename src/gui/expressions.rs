//! Fields for expressions: the small one of a form, and a large editor with everything that can be said, for long ones.

#![expect(
    clippy::option_option,
    clippy::ref_option,
    reason = "a field answers `None` for no change and `Some(None)` for a change to nothing"
)]

use egui::{
    Align, Frame, Id, Layout, Margin, Modal, Response, RichText, ScrollArea, Stroke, Ui, WidgetInfo, WidgetType,
};
use egui_phosphor::regular as ph;

use super::code::{self, Helping, helping_edit};
use super::fields::{Form, Name};
use super::theme::Theme;
use super::widgets;
use crate::model::Expression;
use crate::session::{FUNCTIONS, FunctionGroup, FunctionHelp, Purpose};

/// How wide the column of signatures is: all of them fit.
const FORM_WIDTH: f32 = 248.0;

/// A large editor that is open.
#[derive(Clone)]
struct Large {
    text: String,
    /// It has yet to take the keyboard.
    is_new: bool,
}

impl Form<'_> {
    /// Source in the small language; an empty field means none.
    ///
    /// It is taken as it is: what is wrong with it, and where, is a problem of the flow and stands below.
    pub(crate) fn expression(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &Option<Expression>,
        hint: &str,
    ) -> Option<Option<Expression>> {
        self.source(ui, name, value, hint, Purpose::Data)
    }

    /// The same for what is true or false.
    pub(crate) fn condition(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &Option<Expression>,
        hint: &str,
    ) -> Option<Option<Expression>> {
        self.source(ui, name, value, hint, Purpose::Condition)
    }

    /// The same for what tells things apart: text or a number.
    pub(crate) fn distinction(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &Option<Expression>,
        hint: &str,
    ) -> Option<Option<Expression>> {
        self.source(ui, name, value, hint, Purpose::Key)
    }

    /// The same for a state after an event, built from `state` and `event`.
    pub(crate) fn fold(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &Option<Expression>,
        hint: &str,
    ) -> Option<Option<Expression>> {
        self.source(ui, name, value, hint, Purpose::Fold)
    }

    fn source(
        &self,
        ui: &mut Ui,
        name: Name<'_>,
        value: &Option<Expression>,
        hint: &str,
        purpose: Purpose,
    ) -> Option<Option<Expression>> {
        let theme = self.ctx.theme;
        let id = self.field_id(name);
        let place = self.place_of(name);
        let complete = |source: &str, cursor: usize| self.ctx.session.complete(&place, source, cursor);
        let text = value.as_ref().map(|expression| expression.0.as_str()).unwrap_or_default();
        let large_id = id.with("large");
        let mut enlarged = None;
        let committed = self.committed(ui, id, text, parse, |ui, text, wrong| {
            let label = ui
                .horizontal(|ui| {
                    let label = self.label(ui, name);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let words = format!("Larger editor for {}", name.label.trim().to_lowercase());
                        let tip = "Opens a larger editor, with everything that can be said";
                        if widgets::small_icon_button(ui, theme, ph::ARROWS_OUT_SIMPLE, &words, tip, true).clicked() {
                            enlarged = Some(text.clone());
                        }
                    });
                    label
                })
                .inner;
            let rows = text.lines().count().clamp(2, 8);
            let look = Helping { complete: &complete, purpose: Some(purpose), rows, hint, wrong };
            let width = ui.available_width();
            let (response, held) = helping_edit(ui, theme, id, text, look, width);
            // What is typed now has its error here; what was taken has it as a problem of the flow.
            let is_draft = value.as_ref().map_or("", |value| value.0.as_str()) != text.as_str();
            match code::checked(ui, id, text, purpose) {
                Some(error) if is_draft => {
                    let below = self.below(ui, theme.bad, &error.to_string());
                    if !error.hint.is_empty() {
                        below.on_hover_text(&error.hint);
                    }
                }
                Some(_) | None => self.problems_below(ui, name.path),
            }
            self.mark_setting(ui, &response, name.path);
            (response.labelled_by(label.id), held)
        });
        if let Some(text) = enlarged {
            code::put_cursor(ui, large_id.with("edit"), text.chars().count());
            ui.data_mut(|data| data.insert_temp(large_id, Large { text, is_new: true }));
        }
        let enlarged = self.large(ui, large_id, name, hint, purpose, &complete);
        if enlarged.is_some() {
            self.forget_draft(ui, id);
        }
        enlarged.or(committed).filter(|new| new != value)
    }

    /// The large editor, while it is open; what was taken.
    fn large(
        &self,
        ui: &Ui,
        id: Id,
        name: Name<'_>,
        hint: &str,
        purpose: Purpose,
        complete: code::Completer<'_>,
    ) -> Option<Option<Expression>> {
        let theme = self.ctx.theme;
        let Large { mut text, is_new } = ui.data(|data| data.get_temp::<Large>(id))?;
        let frame = Frame::new()
            .fill(theme.panel)
            .stroke(Stroke::new(1.0, theme.edge))
            .corner_radius(theme.card_corners())
            .shadow(ui.visuals().window_shadow)
            .inner_margin(Margin::same(20));
        let edit = id.with("edit");
        let mut taken = None;
        let mut closes = false;
        let modal = Modal::new(id).frame(frame).backdrop_color(theme.scrim).show(ui.ctx(), |ui| {
            ui.set_width(680.0);
            ui.label(RichText::new(name.label.trim()).font(theme.strong(theme.sizes.title)));
            ui.label(widgets::dim(theme, name.tip));
            ui.add_space(theme.space.s);
            let look = Helping { complete, purpose: Some(purpose), rows: 12, hint, wrong: false };
            let width = ui.available_width();
            let (response, _) = helping_edit(ui, theme, edit, &mut text, look, width);
            response.widget_info(|| {
                let mut info = WidgetInfo::text_edit(true, "", text.as_str(), hint);
                info.label = Some(format!("{}, large", name.label.trim()));
                info
            });
            if is_new {
                response.request_focus();
            }
            verdict(ui, theme, edit, &text, purpose);
            ui.add_space(theme.space.s);
            if let Some(function) = reference_ui(ui, theme, id) {
                insert(ui, edit, &mut text, function);
                response.request_focus();
            }
            ui.add_space(theme.space.m);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let done = RichText::new("Take it").color(theme.on_accent);
                if ui.add(egui::Button::new(done).fill(theme.accent).min_size(egui::vec2(88.0, 28.0))).clicked() {
                    taken = parse(&text).ok();
                }
                closes = ui.add(egui::Button::new("Cancel").min_size(egui::vec2(88.0, 28.0))).clicked();
            });
        });
        let closes = closes || taken.is_some() || modal.should_close();
        ui.data_mut(|data| {
            if closes {
                data.remove::<Large>(id);
            } else {
                data.insert_temp(id, Large { text, is_new: false });
            }
        });
        taken
    }
}

/// An empty text is no expression.
#[expect(clippy::unnecessary_wraps, reason = "fields take what parses, and any text is an expression's source")]
fn parse(text: &str) -> Result<Option<Expression>, String> {
    Ok(match text.trim() {
        "" => None,
        text => Some(Expression(text.to_owned())),
    })
}

/// What is wrong, in as much room as when nothing is.
fn verdict(ui: &mut Ui, theme: &Theme, id: Id, text: &str, purpose: Purpose) -> Response {
    let (words, color) = match code::checked(ui, id, text, purpose) {
        Some(error) if error.hint.is_empty() => (error.to_string(), theme.bad),
        Some(error) => (format!("{error}. {}", error.hint), theme.bad),
        None => (String::from(" "), theme.faint),
    };
    ui.add(egui::Label::new(RichText::new(words).font(theme.words(theme.sizes.tiny)).color(color)).wrap())
}

/// Everything that can be said, by what it is about; what was pressed.
fn reference_ui(ui: &mut Ui, theme: &Theme, id: Id) -> Option<&'static FunctionHelp> {
    let mut pressed = None;
    let group_id = id.with("group");
    let mut group = ui.data(|data| data.get_temp::<FunctionGroup>(group_id)).unwrap_or(FunctionGroup::Values);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.xs;
        for each in FunctionGroup::ALL {
            if widgets::chip(ui, theme, each.label(), theme.accent, each == group).clicked() {
                group = each;
            }
        }
    });
    ui.data_mut(|data| data.insert_temp(group_id, group));
    ui.add_space(theme.space.xs);
    ScrollArea::vertical().id_salt(id).max_height(168.0).min_scrolled_height(168.0).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for function in FUNCTIONS.iter().filter(|function| function.group == group) {
            ui.horizontal(|ui| {
                ui.set_height(24.0);
                let form = RichText::new(function.form).font(theme.mono(theme.sizes.small)).color(theme.code.function);
                let column = egui::vec2(FORM_WIDTH, 24.0);
                let button = ui.allocate_ui_with_layout(column, Layout::left_to_right(Align::Center), |ui| {
                    ui.set_min_width(FORM_WIDTH);
                    ui.add(egui::Button::new(form).frame_when_inactive(false))
                });
                let button = button.inner;
                button
                    .widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Insert {}", function.name)));
                let tip = format!("{}\n{}  →  {}", function.about, function.example, function.says);
                if button.on_hover_text(tip).clicked() {
                    pressed = Some(function);
                }
                ui.add(egui::Label::new(widgets::hint(theme, function.about).color(theme.dim)).truncate());
            });
        }
    });
    pressed
}

/// Writes a call where the cursor is, and puts the cursor between its brackets.
fn insert(ui: &Ui, id: Id, text: &mut String, function: &FunctionHelp) {
    let at = code::cursor_of(ui, id, text);
    let call = format!("{}()", function.name);
    text.insert_str(at, &call);
    let behind = text[..at + call.len() - 1].chars().count();
    code::put_cursor(ui, id, behind);
}
