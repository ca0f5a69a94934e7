//! What waits in front of a node, or was given up into a dead-letter queue: a list to open events from.

use egui::{Align, Align2, Frame, Id, Layout, Margin, RichText, Sense, Ui, Vec2, WidgetInfo, WidgetType, Window, pos2};
use egui_phosphor::regular as ph;

use crate::gui::format;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{KindTag, NodeId, SimTime};
use crate::session::{Answer, WaitingEvent};

use super::log::cut;

/// How often the list is looked at again while events come and go, in seconds.
const AGAIN: f64 = 0.5;
/// How high a row is.
const ROW: f32 = 24.0;
/// The answer holds no more than this.
const MOST: usize = 1_000;

/// Where the columns begin, from the left; reason and deliveries are those of dead letters.
const EVENT: f32 = 96.0;
const ID: f32 = 268.0;
const REASON: f32 = 380.0;
const DELIVERIES: f32 = 72.0;

/// Draws the list; whether it stays open.
pub(crate) fn queue_ui(ctx: &ViewCtx<'_>, node: &NodeId, ui: &Ui) -> bool {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let is_dead = flow.node(node).is_some_and(|node| node.kind.tag() == KindTag::DeadLetterQueue);
    let mut open = true;
    let room = ui.ctx().content_rect();
    let at = pos2(room.left() + theme.panels.library + theme.space.l, room.top() + theme.panels.top + theme.space.l);
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    // Each kind of list has a window of its own: their columns differ.
    let (name, width) = if is_dead { ("Dead letters", 540.0) } else { ("Queue", 400.0) };
    let window = Window::new(name).title_bar(false).frame(frame).default_pos(at).default_size([width, 420.0]);
    let shown = window.min_width(width).show(ui.ctx(), |ui| {
        ui.horizontal(|ui| {
            let title = if is_dead { "Dead letters in" } else { "Waiting for" };
            ui.label(RichText::new(title).color(theme.dim));
            ui.label(RichText::new(flow.title(node)).font(theme.strong(theme.sizes.body)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if widgets::small_icon_button(ui, theme, ph::X, "Close queue", "Closes the list", true).clicked() {
                    open = false;
                }
            });
        });
        ui.add_space(theme.space.s);
        match ctx.session.queue() {
            Answer::None => {
                ui.label(widgets::dim(theme, "There is no run to look into"));
            }
            Answer::Working => {
                ui.label(widgets::dim(theme, "Looking…"));
            }
            Answer::Failed(why) => {
                ui.add(egui::Label::new(RichText::new(why).color(theme.bad)).wrap());
            }
            Answer::Ready(events) if events.is_empty() => {
                ui.label(widgets::dim(theme, if is_dead { "Nothing was given up" } else { "Nothing waits here" }));
            }
            Answer::Ready(events) => list_ui(ctx, &events, is_dead, ui),
        }
    });
    // Under the pointer it stands still: nobody can press a row that runs away.
    let is_held = shown.is_some_and(|shown| shown.response.contains_pointer());
    if open && !is_held {
        look_again(ctx, node, ui);
    }
    open
}

/// Asks anew when time has passed in the run since the list was asked for.
fn look_again(ctx: &ViewCtx<'_>, node: &NodeId, ui: &Ui) {
    let id = Id::new(("queue looked at", node));
    let now = ui.input(|input| input.time);
    let (asked_at, seen) = ui.data(|data| data.get_temp::<(f64, SimTime)>(id)).unwrap_or_default();
    if !ctx.live.state.is_alive() || ctx.live.now == seen {
        return;
    }
    if now - asked_at < AGAIN {
        ui.ctx().request_repaint_after_secs((asked_at + AGAIN - now) as f32);
        return;
    }
    ui.data_mut(|data| data.insert_temp(id, (now, ctx.live.now)));
    ctx.ask(Ask::OpenQueue(node.clone()));
}

fn list_ui(ctx: &ViewCtx<'_>, events: &[WaitingEvent], is_dead: bool, ui: &mut Ui) {
    let theme = ctx.theme;
    let which = match (events.len(), is_dead) {
        (MOST.., false) => "The first ",
        (MOST.., true) => "The latest ",
        _ => "",
    };
    ui.label(widgets::hint(theme, format!("{which}{}, the oldest first", format::count(events.len() as u64))));
    ui.add_space(theme.space.xs);
    ui.spacing_mut().item_spacing.y = 0.0;
    // The scroll bar floats: the last column keeps clear of it.
    let columns = |ui: &Ui| ui.available_width() - theme.space.s;
    let (head, _) = ui.allocate_exact_size(Vec2::new(columns(ui), ROW), Sense::hover());
    let word = |x: f32, align: Align2, text: &str| {
        ui.painter().text(pos2(x, head.center().y), align, text, theme.words(theme.sizes.tiny), theme.faint);
    };
    word(head.left() + 4.0, Align2::LEFT_CENTER, if is_dead { "Given up at" } else { "Since" });
    word(head.left() + EVENT + 14.0, Align2::LEFT_CENTER, "Event");
    word(head.left() + ID, Align2::LEFT_CENTER, "Id");
    if is_dead {
        word(head.left() + REASON, Align2::LEFT_CENTER, "Reason");
        word(head.right() - 4.0, Align2::RIGHT_CENTER, "Deliveries");
    }
    ui.painter().hline(head.x_range(), head.bottom(), egui::Stroke::new(1.0, theme.line));
    let area = egui::ScrollArea::vertical().id_salt("queue rows").auto_shrink([false, false]);
    area.show_rows(ui, ROW, events.len(), |ui, range| {
        for event in &events[range] {
            let width = columns(ui);
            row_ui(ctx, event, width, ui);
        }
    });
}

fn row_ui(ctx: &ViewCtx<'_>, waiting: &WaitingEvent, width: f32, ui: &mut Ui) {
    let theme = ctx.theme;
    let WaitingEvent { event, since, reason, attempts } = waiting;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, ROW), Sense::click());
    let name = format!("{} {}", event.kind, event.id);
    let reason = reason.map(spaced);
    let words = match &reason {
        Some(reason) => format!("{name} {reason}, {}", deliveries(*attempts)),
        None => name,
    };
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Link, true, words.clone()));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
    }
    widgets::focus_ring(ui, theme, &response);
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let at = |x: f32| pos2(rect.left() + x, rect.center().y);
    let (small, tiny) = (theme.mono(theme.sizes.small), theme.mono(theme.sizes.tiny));
    painter.text(at(4.0), Align2::LEFT_CENTER, since.to_string(), tiny, theme.faint);
    let color = ctx.session.flow().event_colors().get(&event.kind).map_or(theme.faint, |color| theme.event(*color));
    painter.circle_filled(at(EVENT + 4.0), 3.5, color);
    cut(&painter, at(EVENT + 14.0), ID - EVENT - 22.0, event.kind.to_string(), small.clone(), theme.text);
    let room = if reason.is_some() { REASON } else { rect.width() } - ID - theme.space.s;
    cut(&painter, at(ID), room, event.id.clone(), small.clone(), theme.dim);
    if let Some(reason) = reason {
        let room = rect.width() - REASON - DELIVERIES;
        cut(&painter, at(REASON), room, reason, theme.words(theme.sizes.small), theme.bad);
        let right = pos2(rect.right() - 4.0, rect.center().y);
        painter.text(right, Align2::RIGHT_CENTER, attempts, small, theme.dim);
    }
    if response.on_hover_text("Shows this event's card").clicked() {
        ctx.ask(Ask::OpenEvent(event.event));
    }
}

/// A reason's stable name, as words.
fn spaced(name: &str) -> String {
    name.replace('_', " ")
}

/// How often something was handed over.
pub(super) fn deliveries(attempts: u32) -> String {
    match attempts {
        1 => "1 delivery".to_owned(),
        attempts => format!("{attempts} deliveries"),
    }
}
