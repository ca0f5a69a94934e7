//! What waits in front of a node, or was given up into a dead-letter queue: a list to open events from.

use egui::{Frame, Margin, RichText, Ui, Window};
use egui_phosphor::regular as ph;

use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{KindTag, NodeId};
use crate::session::Answer;

use super::event_card;

/// Draws the list; whether it stays open.
pub(crate) fn queue_ui(ctx: &ViewCtx<'_>, node: &NodeId, ui: &Ui) -> bool {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let mut open = true;
    let room = ui.ctx().content_rect();
    let at =
        egui::pos2(room.left() + theme.panels.library + theme.space.xl, room.top() + theme.panels.top + theme.space.l);
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let window = Window::new("Queue").title_bar(false).frame(frame).default_pos(at).default_size([360.0, 420.0]);
    window.show(ui.ctx(), |ui| {
        let is_dead = flow.node(node).is_some_and(|node| node.kind.tag() == KindTag::DeadLetterQueue);
        ui.horizontal(|ui| {
            let title = if is_dead { "Dead letters in" } else { "Waiting for" };
            ui.label(RichText::new(title).color(theme.dim));
            ui.label(RichText::new(flow.title(node)).font(theme.strong(theme.sizes.body)));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if widgets::small_icon_button(ui, theme, ph::X, "Close queue", "Closes the list", true).clicked() {
                    open = false;
                }
                if widgets::small_icon_button(ui, theme, ph::ARROW_CLOCKWISE, "Look again", "Asks what waits now", true)
                    .clicked()
                {
                    ctx.ask(Ask::OpenQueue(node.clone()));
                }
            });
        });
        ui.add_space(theme.space.s);
        match ctx.session.queue() {
            Answer::None => {
                ui.label(widgets::dim(theme, "There is no run to look into"));
            }
            Answer::Working => {
                ui.label(widgets::dim(theme, "Running the past again…"));
            }
            Answer::Failed(why) => {
                ui.add(egui::Label::new(RichText::new(why).color(theme.bad)).wrap());
            }
            Answer::Ready(events) if events.is_empty() => {
                ui.label(widgets::dim(theme, "Nothing waits here"));
            }
            Answer::Ready(events) => {
                let count = events.len();
                let words = if count >= 1_000 {
                    "The first 1000, the oldest first".to_owned()
                } else {
                    format!("{count}, the oldest first")
                };
                ui.label(widgets::hint(theme, words));
                ui.spacing_mut().item_spacing.y = 0.0;
                let area = egui::ScrollArea::vertical().id_salt("queue rows").auto_shrink([false, false]);
                area.show_rows(ui, 24.0, count, |ui, range| {
                    for event in &events[range] {
                        event_card::related(ctx, ui, event);
                    }
                });
            }
        }
    });
    open
}
