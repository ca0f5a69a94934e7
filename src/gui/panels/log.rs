//! The log: what happens, line by line, the latest last; filtered by text, kind and selection.

use std::collections::{BTreeSet, VecDeque};

use egui::{Align2, Color32, Id, RichText, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use crate::gui::fields;
use crate::gui::format;
use crate::gui::icons;
use crate::gui::theme::Theme;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{LinkId, NodeId, NodeIx};
use crate::session::{EventRef, LogKind, LogRow, RunState};

/// How many rows are kept; older ones are forgotten.
const KEPT: usize = 20_000;
/// More rows than this are never seen at once.
const SHOWN: usize = 60;
/// How high a row is.
const ROW: f32 = 20.0;

/// What the log remembers from frame to frame.
pub(crate) struct LogState {
    rows: VecDeque<LogRow>,
    text: String,
    /// Kinds that are hidden: everything is shown until somebody says otherwise.
    hidden: BTreeSet<LogKind>,
    selection_only: bool,
    /// Which rows the filter lets through, counted from the first of the run, and for what that was found out.
    found: Vec<u64>,
    found_for: Option<Filter>,
    /// Grows with each row that came or went.
    changes: u64,
    /// How many rows are forgotten.
    forgotten: u64,
    /// Whether the list stands still, because the pointer is on it: nobody can press a row that runs away.
    held: bool,
}

/// What the found rows depend on.
#[derive(Clone, PartialEq)]
struct Filter {
    changes: u64,
    text: String,
    hidden: BTreeSet<LogKind>,
    nodes: Option<BTreeSet<NodeIx>>,
}

impl Default for LogState {
    fn default() -> Self {
        // Every hand-over of every event is more than most people want to read.
        let hidden = BTreeSet::from([LogKind::Accepted, LogKind::Delivered, LogKind::Started, LogKind::Stream]);
        Self {
            rows: VecDeque::new(),
            text: String::new(),
            hidden,
            selection_only: false,
            found: Vec::new(),
            found_for: None,
            changes: 0,
            forgotten: 0,
            held: false,
        }
    }
}

impl LogState {
    /// Takes rows that came; forgets the oldest beyond its limit.
    pub(crate) fn take(&mut self, rows: &mut Vec<LogRow>) {
        if rows.is_empty() {
            return;
        }
        self.changes += rows.len() as u64;
        let too_many = (self.rows.len() + rows.len()).saturating_sub(KEPT);
        self.rows.drain(..too_many.min(self.rows.len()));
        self.forgotten += too_many as u64;
        let skip = rows.len().saturating_sub(KEPT);
        self.rows.extend(rows.drain(..).skip(skip));
    }

    /// Begins anew, with a new run.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.found.clear();
        self.changes += 1;
    }

    fn filter(&mut self, ctx: &ViewCtx<'_>) {
        let chosen =
            |nodes: &BTreeSet<NodeId>| nodes.iter().filter_map(|id| ctx.live.index.node_ix.get(id).copied()).collect();
        let nodes = self.selection_only.then(|| chosen(&ctx.view.selection.nodes));
        let wanted =
            Filter { changes: self.changes, text: self.text.trim().to_lowercase(), hidden: self.hidden.clone(), nodes };
        let same = |of: &Filter| *of == Filter { changes: of.changes, ..wanted.clone() };
        // It cannot stand still for longer than what it shows is remembered.
        let oldest_shown = self.found.get(self.found.len().saturating_sub(SHOWN));
        let held = self.held && oldest_shown.is_some_and(|oldest| *oldest >= self.forgotten);
        if self.found_for.as_ref().is_some_and(|of| same(of) && (held || of.changes == wanted.changes)) {
            return;
        }
        let fits = |row: &LogRow| {
            !wanted.hidden.contains(&row.what)
                && wanted.nodes.as_ref().is_none_or(|nodes| row.node.is_some_and(|node| nodes.contains(&node)))
                && (wanted.text.is_empty() || words(ctx, row).to_lowercase().contains(&wanted.text))
        };
        let numbered = (self.forgotten..).zip(&self.rows);
        self.found = numbered.filter(|(_, row)| fits(row)).map(|(at, _)| at).collect();
        self.found_for = Some(wanted);
    }
}

/// Everything of a row as one text, for the filter and for screen readers.
fn words(ctx: &ViewCtx<'_>, row: &LogRow) -> String {
    let node = row.node.and_then(|node| ctx.live.index.nodes.get(node.index())).map_or("", |id| id.as_str());
    let event = row.event.map(|event| ctx.live.event_text(event)).unwrap_or_default();
    let kind = row.kind.and_then(|kind| ctx.live.event_name(kind)).map_or("", |name| name.as_str());
    format!("{} {} {node} {kind} {event} {}", row.at, row.what.label(), row.detail)
}

/// Draws the log's own tools, in the head of the lower panel.
pub(crate) fn log_tools(ctx: &ViewCtx<'_>, state: &mut LogState, ui: &mut Ui) {
    let theme = ctx.theme;
    ui.spacing_mut().item_spacing.x = theme.space.xs;
    // The buttons behind it come first where there is little room.
    let width = (ui.available_width() - 144.0).clamp(64.0, 180.0);
    ui.allocate_ui(Vec2::new(width, 24.0), |ui| {
        fields::search_field(ui, theme, Id::new("log filter"), &mut state.text, "Filter", "Filter the log");
    });
    let button = ui.button(RichText::new("Kinds").size(theme.sizes.small));
    egui::Popup::menu(&button).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.set_max_width(300.0);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = Vec2::splat(theme.space.xs);
            for kind in LogKind::ALL {
                let on = !state.hidden.contains(&kind);
                if widgets::chip(ui, theme, kind.label(), color(theme, kind), on).clicked() {
                    if on {
                        state.hidden.insert(kind);
                    } else {
                        state.hidden.remove(&kind);
                    }
                }
            }
        });
        ui.horizontal(|ui| {
            if ui.button("All").clicked() {
                state.hidden.clear();
            }
            if ui.button("None").clicked() {
                state.hidden = LogKind::ALL.into_iter().collect();
            }
        });
    });
    let text = RichText::new("Selection").size(theme.sizes.small);
    let toggle = ui.add(egui::Button::new(text).selected(state.selection_only));
    if toggle.on_hover_text("Only what happens at the selected nodes").clicked() {
        state.selection_only ^= true;
    }
    if state.held && ctx.live.state == RunState::Running {
        ui.add(egui::Label::new(widgets::hint(theme, "stands still under the pointer")).truncate());
    }
    if ctx.live.counts.not_logged > 0 {
        let text = format!("{} not shown", format::count(ctx.live.counts.not_logged));
        ui.add(egui::Label::new(widgets::hint(theme, text)).truncate())
            .on_hover_text("There were more than can be read; every one of them counts all the same");
    }
}

/// Draws the rows.
pub(crate) fn log_ui(ctx: &ViewCtx<'_>, state: &mut LogState, ui: &mut Ui) {
    let theme = ctx.theme;
    state.held = ui.rect_contains_pointer(ui.available_rect_before_wrap());
    state.filter(ctx);
    if state.found.is_empty() {
        let text = match (state.rows.is_empty(), ctx.live.state.is_alive()) {
            (true, true) => "Nothing has happened yet",
            (true, false) => "Press Run to see what happens",
            (false, _) => "The filter lets nothing through",
        };
        ui.centered_and_justified(|ui| ui.label(RichText::new(text).color(theme.faint)));
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    // The height is one of whole rows: scrolled to its end, the list begins with a row and not with half of one.
    let height = ui.available_height();
    ui.add_space(height % ROW);
    ui.spacing_mut().scroll.fade.strength = 0.0;
    let area = egui::ScrollArea::vertical().id_salt("log rows").auto_shrink([false, false]).stick_to_bottom(true);
    area.show_rows(ui, ROW, state.found.len(), |ui, range| {
        for at in &state.found[range] {
            let row = at.checked_sub(state.forgotten).and_then(|at| state.rows.get(at as usize));
            match row {
                Some(row) => log_row(ctx, ui, row),
                // Forgotten while the list stood still.
                None => ui.add_space(ROW),
            }
        }
    });
}

/// A line: when, what, where, which event, and what else there is to say. Columns are aligned.
pub(crate) fn log_row(ctx: &ViewCtx<'_>, ui: &mut Ui, row: &LogRow) {
    let theme = ctx.theme;
    let width = ui.available_width();
    let sense = if row.event.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, ROW), sense);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, row.event.is_some(), words(ctx, row)));
    if row.event.is_some() && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
    }
    widgets::focus_ring(ui, theme, &response);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let (mono, text_font) = (theme.mono(theme.sizes.tiny), theme.words(theme.sizes.small));
    let y = rect.center().y;
    let ink = color(theme, row.what);
    // What else there is to say comes before the id, which the event's card has.
    let narrow = width < 880.0;
    // Where each column begins.
    let at = |x: f32| egui::pos2(rect.left() + x, y);
    painter.text(at(4.0), Align2::LEFT_CENTER, row.at.to_string(), mono.clone(), theme.faint);
    painter.text(at(96.0), Align2::LEFT_CENTER, icons::log(row.what), theme.words(theme.sizes.small), ink);
    painter.text(at(114.0), Align2::LEFT_CENTER, row.what.label(), text_font.clone(), ink);
    let flow = ctx.session.flow();
    // In the smallest window the columns are closer together, so that the event's type is still to be read.
    let (node_at, node_room, mut x) = if width < 560.0 { (198.0, 84.0, 286.0) } else { (208.0, 116.0, 332.0) };
    if let Some(id) = row.node.and_then(|node| ctx.live.index.nodes.get(node.index())) {
        cut(&painter, at(node_at), node_room, flow.title(id), text_font.clone(), theme.text);
    } else if let Some(link) = on_link(ctx, row).and_then(|id| flow.link(id)) {
        let to = format!("to {}", flow.title(&link.to));
        cut(&painter, at(node_at), node_room, to, text_font.clone(), theme.dim);
    }
    if let Some(kind) = row.kind.and_then(|kind| ctx.live.event_name(kind)) {
        let dot = flow.event_colors().get(kind).map_or(theme.faint, |color| theme.event(*color));
        painter.circle_filled(at(x + 4.0), 3.5, dot);
        let room = 138.0_f32.min(width - x - 14.0);
        cut(&painter, at(x + 14.0), room, kind.to_string(), mono.clone(), theme.dim);
    }
    x += 156.0;
    if !narrow {
        if let Some(event) = row.event {
            cut(&painter, at(x), 92.0, ctx.live.event_text(event), mono, theme.faint);
        }
        x += 100.0;
    }
    let detail = if row.attempt > 1 { format!("attempt {}  {}", row.attempt, row.detail) } else { row.detail.clone() };
    cut(&painter, at(x), rect.width() - x, detail.clone(), text_font, theme.dim);
    let response = if detail.is_empty() { response } else { response.on_hover_text(detail) };
    if response.clicked()
        && let Some(event) = row.event
    {
        ctx.ask(Ask::OpenEvent(EventRef { event, seen_at: row.at }));
    }
}

/// The link that a row is about.
fn on_link<'a>(ctx: &'a ViewCtx<'_>, row: &LogRow) -> Option<&'a LinkId> {
    row.link.and_then(|link| ctx.live.index.links.get(link.index()))
}

/// A line of one event's history: as in the log, without what the card says already.
pub(crate) fn history_row(ctx: &ViewCtx<'_>, ui: &mut Ui, row: &LogRow) {
    let theme = ctx.theme;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, words(ctx, row)));
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let ink = color(theme, row.what);
    let at = |x: f32| egui::pos2(rect.left() + x, rect.center().y);
    painter.text(at(0.0), Align2::LEFT_CENTER, row.at.to_string(), theme.mono(theme.sizes.tiny), theme.faint);
    painter.text(at(88.0), Align2::LEFT_CENTER, row.what.label(), theme.words(theme.sizes.small), ink);
    let node = row.node.and_then(|node| ctx.live.index.nodes.get(node.index()));
    let node = node.map(|id| ctx.session.flow().title(id)).unwrap_or_default();
    cut(&painter, at(180.0), 108.0, node, theme.words(theme.sizes.small), theme.text);
    let detail = if row.attempt > 1 { format!("attempt {}  {}", row.attempt, row.detail) } else { row.detail.clone() };
    cut(&painter, at(294.0), rect.width() - 294.0, detail.clone(), theme.words(theme.sizes.small), theme.dim);
    if !detail.is_empty() {
        response.on_hover_text(detail);
    }
}

/// Text that ends with an ellipsis where its column ends.
pub(super) fn cut(
    painter: &egui::Painter,
    at: egui::Pos2,
    width: f32,
    text: String,
    font: egui::FontId,
    color: Color32,
) {
    let mut job = egui::text::LayoutJob::simple_singleline(text, font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(8.0));
    let galley = painter.ctx().fonts_mut(|fonts| fonts.layout_job(job));
    let top = at - Vec2::new(0.0, galley.size().y / 2.0);
    painter.galley(top, galley, color);
}

/// Bad things are red, doubtful ones yellow, good ones green; the rest steps back.
const fn color(theme: &Theme, kind: LogKind) -> Color32 {
    match kind {
        LogKind::Failed
        | LogKind::Dropped
        | LogKind::DeadLettered
        | LogKind::Expired
        | LogKind::Evicted
        | LogKind::Rejected => theme.bad,
        LogKind::Retrying | LogKind::Backpressure | LogKind::Late | LogKind::Notice => theme.warn,
        LogKind::Handled | LogKind::Recognised => theme.good,
        LogKind::Emitted | LogKind::Window | LogKind::Edited => theme.accent,
        LogKind::Accepted
        | LogKind::Delivered
        | LogKind::Started
        | LogKind::Instance
        | LogKind::Stream
        | LogKind::Rebalanced
        | LogKind::Kept => theme.dim,
    }
}
