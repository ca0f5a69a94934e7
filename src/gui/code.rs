//! Text fields that help: candidates below what is typed, colours for what a word is, errors underlined where they are.
//!
//! Arrows choose, Tab or Enter takes, Escape closes the candidates and nothing else; Ctrl and the space bar ask for them.

use std::sync::Arc;

use egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use egui::{
    Align2, Area, Color32, EventFilter, FontId, Frame, Id, Key, Margin, Modifiers, Order, Pos2, Rect, Response,
    RichText, Sense, Stroke, TextBuffer, TextEdit, Ui, Vec2, WidgetInfo, WidgetType,
};
use egui_phosphor::regular as ph;

use crate::session::{Candidate, CandidateKind, ExprError, Paint, Purpose, expression_error, paint, place_of};

use super::theme::Theme;

/// Rows of candidates that are seen at once.
const ROWS: usize = 8;
const ROW: f32 = 24.0;
const WIDTH: f32 = 380.0;

/// Says what could stand in a text at a place, counted in bytes.
pub(crate) type Completer<'a> = &'a dyn Fn(&str, usize) -> Vec<Candidate>;

/// What a field shows below what is typed.
#[derive(Clone)]
struct Open {
    candidates: Arc<[Candidate]>,
    /// Which one Enter would take; free text has none until an arrow chooses.
    chosen: Option<usize>,
    /// The text and the place that they are for.
    text: String,
    cursor: usize,
    /// Where they were drawn last: the pointer may be there.
    rect: Rect,
    /// The chosen one is to be brought into view.
    moved: bool,
}

/// How a helping field is drawn.
#[derive(Clone, Copy)]
pub(crate) struct Helping<'a> {
    /// Where its candidates come from.
    pub complete: Completer<'a>,
    /// What an expression is for; unset for free text.
    pub purpose: Option<Purpose>,
    /// Lines; one line cannot be broken.
    pub rows: usize,
    /// Shown while it is empty.
    pub hint: &'a str,
    /// The line around it.
    pub wrong: bool,
}

/// Draws a field that helps. Also says whether the pointer is on its candidates: then the field is not left.
pub(crate) fn helping_edit(
    ui: &mut Ui,
    theme: &Theme,
    id: Id,
    text: &mut String,
    look: Helping<'_>,
    width: f32,
) -> (Response, bool) {
    let open_id = id.with("candidates");
    let mut open = ui.data(|data| data.get_temp::<Open>(open_id));
    let focused = ui.memory(|memory| memory.has_focus(id));
    let mut taken = None;
    let mut wants = false;
    if focused {
        let keys = keys(ui, &mut open, text);
        (taken, wants) = (keys.taken, keys.wants);
    }
    if let Some(candidate) = &taken {
        take(ui, id, text, candidate);
        open = None;
    }
    let error = look.purpose.and_then(|purpose| checked(ui, id, text, purpose));
    let line = match (look.wrong || error.is_some(), focused) {
        (true, _) => theme.bad,
        (false, true) => theme.accent,
        (false, false) => theme.line,
    };
    let frame = Frame::new()
        .fill(theme.field)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(theme.control_corners())
        // Less at the right, for the sake of long names.
        .inner_margin(Margin { left: 7, right: 3, top: 4, bottom: 4 });
    let font = theme.mono(theme.sizes.small);
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, width: f32| {
        let mut job = match look.purpose {
            Some(_) => colored(theme, text.as_str(), error.as_ref()),
            None => LayoutJob::single_section(text.as_str().to_owned(), plain(font.clone(), theme.text)),
        };
        job.wrap.max_width = if look.rows > 1 { width } else { f32::INFINITY };
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let hint = RichText::new(look.hint).font(theme.words(theme.sizes.small)).color(theme.faint);
    let edit =
        if look.rows > 1 { TextEdit::multiline(text).desired_rows(look.rows) } else { TextEdit::singleline(text) };
    // While candidates are shown these keys are theirs, not the window's.
    let is_open = open.is_some();
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, tab: is_open, escape: is_open };
    let edit = edit.id(id).font(font.clone()).hint_text(hint).frame(frame).desired_width(width).event_filter(filter);
    let output = edit.layouter(&mut layouter).show(ui);
    let mut response = output.response.response;
    let cursor = output.cursor_range.map(|range| byte_of(text, range.primary.index.0));
    let typed = response.changed() && taken.is_none();
    if let Some(cursor) = cursor
        && (wants || typed && begins(text, cursor, look.purpose.is_some()))
    {
        let candidates = (look.complete)(text, cursor);
        let chosen = look.purpose.map(|_| 0);
        let rect = open.as_ref().map_or(Rect::NOTHING, |open| open.rect);
        open = (!candidates.is_empty()).then(|| Open {
            candidates: candidates.into(),
            chosen,
            text: text.clone(),
            cursor,
            rect,
            moved: true,
        });
    } else if open.as_ref().is_some_and(|open| open.text != *text || cursor.is_some_and(|at| at != open.cursor)) {
        open = None;
    }
    let pointer = ui.input(|input| input.pointer.interact_pos());
    let held = open.as_ref().is_some_and(|open| pointer.is_some_and(|at| open.rect.contains(at)));
    if !response.has_focus() && !held {
        open = None;
    }
    if let Some(shown) = &mut open {
        let start = shown.candidates.iter().map(|candidate| candidate.replaces.start).max().unwrap_or(shown.cursor);
        let at = output.galley.pos_from_cursor(CCursor::new(char_of(text, start)));
        let at = output.galley_pos + at.left_bottom().to_vec2() + Vec2::new(-theme.space.s, theme.space.s);
        if let Some(candidate) = candidates_ui(ui, theme, open_id, shown, at) {
            take(ui, id, text, &candidate);
            response.request_focus();
            taken = Some(candidate);
            open = None;
        }
    }
    if taken.is_some() {
        response.mark_changed();
    }
    ui.data_mut(|data| match open {
        Some(open) => {
            data.insert_temp(open_id, open);
        }
        None => {
            data.remove::<Open>(open_id);
        }
    });
    (response, held)
}

/// What the keyboard said to the candidates.
struct Keys {
    taken: Option<Candidate>,
    wants: bool,
}

fn keys(ui: &Ui, open: &mut Option<Open>, text: &str) -> Keys {
    let pressed = |key: Key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let mut keys = Keys { taken: None, wants: false };
    let Some(shown) = open else {
        keys.wants = ui.input_mut(|input| input.consume_key(Modifiers::CTRL, Key::Space));
        return keys;
    };
    let count = shown.candidates.len();
    if pressed(Key::ArrowDown) {
        shown.chosen = Some(shown.chosen.map_or(0, |at| (at + 1) % count));
        shown.moved = true;
    }
    if pressed(Key::ArrowUp) {
        shown.chosen = Some(shown.chosen.map_or(count - 1, |at| (at + count - 1) % count));
        shown.moved = true;
    }
    let chosen = shown.chosen.and_then(|at| shown.candidates.get(at));
    // What is there already has nothing to take: the key means what it means elsewhere.
    let news = chosen.filter(|candidate| text.get(candidate.replaces.clone()) != Some(candidate.insert.as_str()));
    if let Some(candidate) = news
        && (pressed(Key::Tab) || pressed(Key::Enter))
    {
        keys.taken = Some(candidate.clone());
    }
    if pressed(Key::Escape) {
        *open = None;
    }
    keys
}

/// Whether what was just typed is the beginning of something.
fn begins(text: &str, cursor: usize, is_expression: bool) -> bool {
    let last = text[..cursor].chars().next_back();
    if !is_expression {
        return !text.is_empty();
    }
    last.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"'))
}

/// Puts a candidate into the text, and the cursor behind it.
fn take(ui: &Ui, id: Id, text: &mut String, candidate: &Candidate) {
    if text.get(candidate.replaces.clone()).is_none() {
        return;
    }
    text.replace_range(candidate.replaces.clone(), &candidate.insert);
    let behind = char_of(text, candidate.replaces.start + candidate.insert.len()).saturating_sub(candidate.back);
    put_cursor(ui, id, behind);
}

/// Puts a field's cursor behind so many characters.
pub(crate) fn put_cursor(ui: &Ui, id: Id, behind: usize) {
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(behind))));
    TextEdit::store_state(ui.ctx(), id, state);
}

/// Where a field's cursor is, in bytes; at the end if it never had one.
pub(crate) fn cursor_of(ui: &Ui, id: Id, text: &str) -> usize {
    let range = TextEdit::load_state(ui.ctx(), id).and_then(|state| state.cursor.char_range());
    range.map_or(text.len(), |range| byte_of(text, range.primary.index.0))
}

fn byte_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

fn char_of(text: &str, bytes: usize) -> usize {
    text.get(..bytes).map_or(0, |before| before.chars().count())
}

// ---- candidates ---------------------------------------------------------------------------------------------------

/// Draws the candidates; the one that was pressed.
fn candidates_ui(ui: &Ui, theme: &Theme, id: Id, open: &mut Open, at: Pos2) -> Option<Candidate> {
    let frame = Frame::new()
        .fill(theme.panel)
        .stroke(Stroke::new(1.0, theme.edge))
        .corner_radius(theme.card_corners())
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin::same(4));
    let mut pressed = None;
    let area = Area::new(id).order(Order::Foreground).fixed_pos(at).constrain(true).sense(Sense::hover());
    let shown = area.show(ui.ctx(), |ui| {
        frame.show(ui, |ui| {
            ui.set_width(WIDTH);
            ui.spacing_mut().item_spacing.y = 0.0;
            let height = ROW * ROWS as f32;
            egui::ScrollArea::vertical().id_salt(id).max_height(height).auto_shrink([false, true]).show(ui, |ui| {
                for (place, candidate) in open.candidates.iter().enumerate() {
                    let is_chosen = open.chosen == Some(place);
                    let row = candidate_row(ui, theme, candidate, is_chosen);
                    if is_chosen && open.moved {
                        row.scroll_to_me(None);
                    }
                    if row.clicked() {
                        pressed = Some(candidate.clone());
                    }
                }
            });
            let about = open.chosen.and_then(|at| open.candidates.get(at)).map_or("", |candidate| &candidate.about);
            if !about.is_empty() {
                ui.add_space(theme.space.xs);
                let rect = ui.available_rect_before_wrap();
                ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, theme.line));
                ui.add_space(theme.space.xs);
                let text = RichText::new(about).font(theme.words(theme.sizes.tiny)).color(theme.dim);
                ui.horizontal_top(|ui| {
                    ui.add_space(theme.space.s);
                    ui.add(egui::Label::new(text).wrap());
                });
                ui.add_space(2.0);
            }
        });
    });
    open.moved = false;
    open.rect = shown.response.rect;
    pressed
}

fn candidate_row(ui: &mut Ui, theme: &Theme, candidate: &Candidate, is_chosen: bool) -> Response {
    // The field keeps the keyboard; rows are for the pointer and for screen readers.
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::CLICK);
    let label = format!("Complete {}", candidate.label);
    response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, is_chosen, &label));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let fill = match (is_chosen, response.hovered()) {
        (true, _) => Theme::wash(theme.accent, 0.22),
        (false, true) => theme.raised,
        (false, false) => Color32::TRANSPARENT,
    };
    let (icon, color) = match candidate.kind {
        CandidateKind::Attribute | CandidateKind::Field => (ph::TAG, theme.code.event),
        CandidateKind::Function => (ph::FUNCTION, theme.code.function),
        CandidateKind::Keyword => (ph::TEXT_T, theme.code.keyword),
        CandidateKind::Variable => (ph::TEXT_T, theme.dim),
        CandidateKind::EventType | CandidateKind::Text => (ph::QUOTES, theme.code.text),
        CandidateKind::Node => (ph::CUBE, theme.code.text),
    };
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    painter.rect_filled(rect, theme.control_corners(), fill);
    let middle = rect.center().y;
    let icon_at = Pos2::new(rect.left() + 14.0, middle);
    painter.text(icon_at, Align2::CENTER_CENTER, icon, theme.words(theme.sizes.body), color);
    let label_at = Pos2::new(rect.left() + 28.0, middle);
    let mono = theme.mono(theme.sizes.small);
    let label = painter.text(label_at, Align2::LEFT_CENTER, &candidate.label, mono, theme.text);
    // How it is used stands at the right, as far as there is room.
    let room = Rect::from_min_max(Pos2::new(label.right() + theme.space.m, rect.top()), rect.max);
    let detail_at = Pos2::new(rect.right() - theme.space.s, middle);
    let painter = painter.with_clip_rect(room.intersect(ui.clip_rect()));
    painter.text(detail_at, Align2::RIGHT_CENTER, &candidate.detail, theme.mono(theme.sizes.tiny), theme.faint);
    response
}

// ---- colours ------------------------------------------------------------------------------------------------------

fn plain(font: FontId, color: Color32) -> TextFormat {
    TextFormat { font_id: font, color, ..Default::default() }
}

/// An expression in the colours of its words, its error underlined.
pub(crate) fn colored(theme: &Theme, source: &str, error: Option<&ExprError>) -> LayoutJob {
    let font = theme.mono(theme.sizes.small);
    let wrong = error.map_or(0..0, |error| place_of(error, source));
    let mut job = LayoutJob::default();
    for (range, paint) in paint(source) {
        let color = match paint {
            Paint::Plain => theme.text,
            Paint::Keyword => theme.code.keyword,
            Paint::Event => theme.code.event,
            Paint::Function => theme.code.function,
            Paint::Text => theme.code.text,
            Paint::Number => theme.code.number,
            Paint::Comment => theme.faint,
        };
        // Cut where the error begins and ends.
        let cuts = [
            range.start,
            wrong.start.clamp(range.start, range.end),
            wrong.end.clamp(range.start, range.end),
            range.end,
        ];
        for pair in cuts.windows(2) {
            let (start, end) = (pair[0], pair[1]);
            let Some(part) = source.get(start..end).filter(|part| !part.is_empty()) else { continue };
            let is_wrong = wrong.contains(&start);
            let underline = if is_wrong { Stroke::new(1.5, theme.bad) } else { Stroke::NONE };
            job.append(part, 0.0, TextFormat { underline, ..plain(font.clone(), color) });
        }
    }
    job
}

/// What is wrong with a source, found out once for each that is typed.
pub(crate) fn checked(ui: &Ui, id: Id, text: &str, purpose: Purpose) -> Option<ExprError> {
    #[derive(Clone)]
    struct Checked(String, Option<ExprError>);

    if text.trim().is_empty() {
        return None;
    }
    let id = id.with("checked");
    if let Some(Checked(known, error)) = ui.data(|data| data.get_temp::<Checked>(id))
        && known == text
    {
        return error;
    }
    let error = expression_error(text, purpose);
    ui.data_mut(|data| data.insert_temp(id, Checked(text.to_owned(), error.clone())));
    error
}
