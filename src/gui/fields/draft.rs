//! The life of a text field: the draft while it has the keyboard, what is offered, how it is committed and painted.

use egui::{Color32, Frame, Id, Key, Margin, Response, RichText, Stroke, TextEdit, Ui};
use egui_phosphor::regular as ph;

use super::{Form, Name, Suggestion};
use crate::gui::code::{Helping, helping_edit};
use crate::gui::theme::Theme;
use crate::gui::widgets;
use crate::session::{Candidate, CandidateKind};

/// What is being typed.
#[derive(Clone, Default)]
struct Draft {
    text: String,
    error: Option<String>,
}

/// How a text field looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) mono: bool,
    pub(super) rows: usize,
    /// Large, and a field only when the pointer or the keyboard is on it.
    pub(super) title: bool,
}

impl Look {
    pub(super) const WORDS: Self = Self { mono: false, rows: 1, title: false };
    pub(super) const VALUE: Self = Self { mono: true, rows: 1, title: false };
    pub(super) const TITLE: Self = Self { mono: false, rows: 1, title: true };
}

impl Form<'_> {
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
    pub(super) fn parsed<T>(
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
    pub(super) fn parsed_with<T>(
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
                // Close together: names of event types are long.
                ui.spacing_mut().item_spacing.x = 0.0;
                let width = ui.available_width() - 22.0;
                let helping = Helping { complete: &complete, purpose: None, rows: look.rows, hint, wrong };
                let response;
                (response, held) = helping_edit(ui, self.theme(), id, text, helping, width);
                taken = self.offers(ui, name, offers);
                (response.clone(), response)
            };
            let response = if look.rows > 1 {
                let label = self.label(ui, name);
                let (response, _) = field(ui);
                self.mark_setting(ui, &response, name.path);
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
    pub(crate) fn forget_draft(&self, ui: &Ui, id: Id) {
        ui.data_mut(|data| data.remove::<Draft>(id));
    }

    /// The life of a draft: begun with the first key, committed or taken back when the keyboard goes elsewhere.
    ///
    /// `show` also says whether the field is held: the pointer is on something that belongs to it, so that it is not left.
    pub(crate) fn committed<T>(
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
pub(super) fn text_edit(
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
