//! The picture for those who do not see it, and for keys: each node, link and fire button in view is a widget with a
//! name; nodes can be focused, and the arrows walk from node to node.

use egui::accesskit::Action as Accessible;
use egui::{EventFilter, Id, Key, Modifiers, Rect, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use crate::edit::Edit;
use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::view::{Ask, Selection, ViewCtx};
use crate::model::Point;

use super::Canvas;
use super::geometry;
use super::gesture::{Gesture, NUDGE};
use super::scene::LinkKey;

/// More nodes or links than this are too many to be walked through; those that are selected still can be.
const MOST: usize = 400;

impl Canvas {
    /// Says what is in view to AccessKit, and takes keys for the node that has the focus.
    pub(super) fn access_ui(&mut self, ctx: &ViewCtx<'_>, ui: &Ui, canvas: Id) {
        let seen = self.camera.visible();
        let visible: Vec<u32> = self.scene.nodes_in(seen).collect();
        let all = visible.len() <= MOST;
        let mut focused = None;
        for ix in visible {
            let mark = self.marks.nodes[ix as usize];
            if !all && !mark.selected {
                continue;
            }
            let node = &self.scene.nodes[ix as usize];
            let id = canvas.with(("node", node.id.as_str()));
            let rect = self.camera.screen_rect(node.rect);
            let response = ui.interact(rect, id, Sense::focusable_noninteractive());
            response.widget_info(|| {
                let mut info = WidgetInfo::selected(WidgetType::SelectableLabel, true, mark.selected, &node.title);
                info.current_text_value = Some(self.figures(ctx, ix));
                info
            });
            if self.focus_wanted.as_ref() == Some(&node.id) {
                response.request_focus();
                self.focus_wanted = None;
            }
            let chosen = ui.input(|i| i.has_accesskit_action_request(id, Accessible::Click));
            if (response.gained_focus() || chosen) && !mark.selected && self.gesture == Gesture::Idle {
                let selection = Selection::node(node.id.clone());
                self.select(ctx, selection);
            }
            if response.has_focus() {
                focused = Some((ix, id));
            }
            if let Some(button) = self.scene.fire_button(ix).filter(|_| self.camera.zoom >= 0.4) {
                let node = &self.scene.nodes[ix as usize];
                let side = Vec2::splat(2.0 * geometry::FIRE_RADIUS * self.camera.zoom);
                let id = canvas.with(("fire", node.id.as_str()));
                let rect = Rect::from_center_size(self.camera.screen(button), side);
                let response = ui.interact(rect, id, Sense::focusable_noninteractive());
                let name = format!("Fire {}", node.title);
                response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
                let pressed = response.has_focus()
                    && ui.input_mut(|i| {
                        i.consume_key(Modifiers::NONE, Key::Enter) || i.consume_key(Modifiers::NONE, Key::Space)
                    });
                if pressed || ui.input(|i| i.has_accesskit_action_request(id, Accessible::Click)) {
                    ctx.ask(Ask::Fire(node.id.clone(), 1, None));
                }
                if response.has_focus() {
                    ui.painter().circle_stroke(rect.center(), side.x / 2.0 + 3.0, (2.0, ctx.theme.accent));
                }
            }
        }
        self.links_access_ui(ctx, ui, canvas);
        if let Some((node, id)) = focused {
            self.has_focus = true;
            self.keys_ui(ctx, ui, node, id);
        } else if self.has_focus {
            self.keys_on_canvas(ctx, ui);
        }
    }

    fn links_access_ui(&mut self, ctx: &ViewCtx<'_>, ui: &Ui, canvas: Id) {
        if self.scene.links.len() > MOST {
            return;
        }
        for ix in 0..self.scene.links.len() as u32 {
            let link = &self.scene.links[ix as usize];
            let middle = self.camera.screen(link.path.at(0.5));
            if !self.camera.view.contains(middle) {
                continue;
            }
            let id = canvas.with(("link", ix));
            let rect = Rect::from_center_size(middle, Vec2::splat(12.0));
            let response = ui.interact(rect, id, Sense::hover());
            let (name, selected) = (self.scene.link_name(ix), self.marks.links[ix as usize].selected);
            response.widget_info(|| WidgetInfo::selected(WidgetType::SelectableLabel, true, selected, &name));
            if let LinkKey::Link(link) = &link.key
                && ui.input(|i| i.has_accesskit_action_request(id, Accessible::Click))
            {
                let selection = Selection::link(link.clone());
                self.select(ctx, selection);
            }
        }
    }

    /// A node's live figures in words.
    fn figures(&self, ctx: &ViewCtx<'_>, ix: u32) -> String {
        let node = &self.scene.nodes[ix as usize];
        let kind = node.tag.label();
        let live = self.marks.nodes[ix as usize].live.and_then(|live| ctx.live.nodes.get(live as usize));
        match live {
            Some(live) => format!("{kind}, {}, {} waiting", format::rate(live.per_second), live.queue),
            None if node.settings[0].is_empty() => kind.to_owned(),
            None => format!("{kind}, {}", node.settings[0]),
        }
    }

    /// Keys for the focused node: arrows walk on, with Alt they move it; Enter opens it.
    fn keys_ui(&mut self, ctx: &ViewCtx<'_>, ui: &Ui, node: u32, id: Id) {
        let keep = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, keep));
        let arrow = |modifiers: Modifiers| {
            let keys = [
                (Key::ArrowRight, Vec2::X),
                (Key::ArrowLeft, -Vec2::X),
                (Key::ArrowDown, Vec2::Y),
                (Key::ArrowUp, -Vec2::Y),
            ];
            keys.into_iter().find(|(key, _)| ui.input_mut(|i| i.consume_key(modifiers, *key))).map(|(_, way)| way)
        };
        if let Gesture::Connect { port, target, by_keys: true } = self.gesture.clone() {
            if let Some(way) = arrow(Modifiers::NONE) {
                let next = target.and_then(|from| self.nearest(from, way)).or(target);
                self.gesture = Gesture::Connect { port, target: next, by_keys: true };
            }
            if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter)) {
                self.gesture = Gesture::Idle;
                if let Some(target) = target {
                    let drop = self.drop_on(ctx.session.flow(), port, target, None);
                    self.drop_link(ctx, port, &drop, self.camera.view.center());
                }
            }
            return;
        }
        if let Some(way) = arrow(Modifiers::ALT) {
            let moved = self.wanted_selection(ctx).nodes.iter().filter_map(|id| {
                let Point(x, y) = self.scene.node(id)?.at;
                Some((id.clone(), Point(x + way.x as i32 * NUDGE, y + way.y as i32 * NUDGE)))
            });
            ctx.ask(Ask::edit(Edit::Move(moved.collect())));
        } else if let Some(way) = arrow(Modifiers::NONE)
            && let Some(next) = self.nearest(node, way)
        {
            let next = self.scene.nodes[next as usize].id.clone();
            self.focus_wanted = Some(next.clone());
            self.camera.reveal(self.scene.node(&next).map_or(Rect::NOTHING, |node| node.rect));
            self.select(ctx, Selection::node(next));
            ui.ctx().request_repaint();
        }
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter)) {
            ctx.ask(Ask::Rename(self.scene.nodes[node as usize].id.clone()));
        }
    }

    /// Keys while the canvas itself has the focus: Enter goes to the first node, or adds one where there is none.
    fn keys_on_canvas(&mut self, ctx: &ViewCtx<'_>, ui: &Ui) {
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter)) {
            let selected = self.wanted_selection(ctx).nodes.first().cloned();
            match selected.or_else(|| self.scene.nodes.first().map(|node| node.id.clone())) {
                Some(id) => self.focus_wanted = Some(id),
                None => ctx.act(Action::QuickAdd),
            }
            ui.ctx().request_repaint();
        }
    }

    /// The nearest node on this side of another one.
    pub(super) fn nearest(&self, from: u32, way: Vec2) -> Option<u32> {
        let start = self.scene.nodes.get(from as usize)?.rect.center();
        let cost = |ix: u32| {
            let off = self.scene.nodes[ix as usize].rect.center() - start;
            let (ahead, aside) = (off.dot(way), off.dot(way.rot90()).abs());
            // What lies further to the side than ahead is on another side.
            (ahead > 1.0 && aside <= ahead * 2.0).then_some(ahead + 2.0 * aside)
        };
        let others = (0..self.scene.nodes.len() as u32).filter(|ix| *ix != from);
        let costs = others.filter_map(|ix| cost(ix).map(|cost| (cost, ix)));
        costs.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, ix)| ix)
    }
}
