//! What the pointer is doing, and what it means when it is done: one gesture, one thing asked for.

use std::collections::BTreeSet;

use egui::{Modifiers, PointerButton, Pos2, Rect, Response, Vec2};

use crate::edit::Edit;
use crate::gui::action::Action;
use crate::gui::build::{self, Between};
use crate::gui::view::{Ask, Selection, ViewCtx};
use crate::model::{
    Flow, KindTag, Link, LinkId, LinkKind, LinkRefusal, NodeId, NodeKind, Pattern, Point, Publish, Subscription,
    TopicName,
};
use crate::session::EventRef;

use super::Canvas;
use super::geometry::SNAP;
use super::hit::Hit;
use super::scene::{LinkKey, Port, Scene, Side, snapped};

/// So far the pointer may go, on screen, before a press is a drag.
const DRAG_BEGINS: f32 = 4.0;
/// The pointer catches a port from so far, on screen.
const PORT_REACH: f32 = 11.0;
/// The pointer catches a link from so far, on screen.
const LINK_REACH: f32 = 6.0;

/// The pointer catches a note's corner from so far, on screen.
const CORNER_REACH: f32 = 14.0;
/// A note is at least so large.
const LEAST_NOTE: Vec2 = Vec2::new(64.0, 32.0);

/// What the pointer is doing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Gesture {
    /// Nothing but pointing.
    #[default]
    Idle,
    /// It is down and has not moved: a click, unless it moves.
    Pressed { at: Pos2, hit: Hit, modifiers: Modifiers },
    /// It moves the picture.
    Pan,
    /// It moves nodes.
    Move {
        /// Which; the first is the one that was taken hold of.
        nodes: Vec<u32>,
        /// Where it took hold, on the canvas.
        from: Pos2,
        /// How far they are by now, on the canvas.
        by: Vec2,
    },
    /// It makes a note larger or smaller.
    Resize {
        /// Which.
        note: u32,
        /// How large it was.
        was: Vec2,
        /// How large it is by now.
        size: Vec2,
        /// How far from its corner it was taken hold of.
        hold: Vec2,
    },
    /// It draws a box around what is to be selected.
    Box {
        /// The first corner, on the canvas.
        from: Pos2,
        /// What was selected before and stays so.
        kept: Selection,
    },
    /// It draws a link.
    Connect {
        /// Where from; a link to an inward port is drawn backwards.
        port: Port,
        /// Whether by keys: then the arrows choose where to, and Enter makes the link.
        target: Option<u32>,
        by_keys: bool,
    },
}

/// What would happen if a link that is being drawn were let go here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Drop {
    /// The two would be linked.
    Link { from: u32, to: u32, row: Option<u32> },
    /// A bus would be put between the two.
    Bus { from: u32, to: u32 },
    /// Nothing, and why.
    Refused(LinkRefusal),
    /// One could choose what to add here.
    Add,
}

impl Canvas {
    /// What is at a place of the window.
    pub(super) fn hit(&self, ctx: &ViewCtx<'_>, at: Pos2) -> Hit {
        if !self.camera.view.contains(at) {
            return Hit::Nothing;
        }
        let place = self.camera.canvas(at);
        let zoom = self.camera.zoom;
        let near = zoom >= 0.4;
        if near {
            let covered = self.scene.node_at(place);
            if let Some(port) = self.scene.port_at(place, PORT_REACH / zoom)
                && covered.is_none_or(|node| node == port.node)
            {
                return Hit::Port(port);
            }
            if let Some(node) = self.scene.fire_at(place) {
                return Hit::Fire(node);
            }
        }
        let Some(node) = self.badge_at(at).or_else(|| self.scene.node_at(place)) else {
            if let Some(dot) = self.dot_at(ctx, at) {
                return Hit::Dot(dot);
            }
            return self.scene.link_at(place, LINK_REACH / zoom).map_or(Hit::Nothing, Hit::Link);
        };
        if self.badge_at(at) == Some(node) {
            return Hit::Badge(node);
        }
        let SceneBar { has_queue, rect } = self.queue_bar(node);
        if near && has_queue && at.y > rect.max.y - 8.0 {
            return Hit::Queue(node);
        }
        if near && self.is_corner(node, place) {
            return Hit::Corner(node);
        }
        // Paper lies under the links.
        if self.scene.nodes[node as usize].tag == KindTag::Note
            && let Some(link) = self.scene.link_at(place, LINK_REACH / zoom)
        {
            return Hit::Link(link);
        }
        Hit::Node(node)
    }

    fn badge_at(&self, at: Pos2) -> Option<u32> {
        let place = self.camera.canvas(at);
        let reach = super::nodes::BADGE_RADIUS + 1.0;
        let covers = |node: &u32| {
            let card = self.camera.screen_rect(self.scene.nodes[*node as usize].rect);
            self.marks.nodes[*node as usize].problems.is_some() && (super::nodes::badge_at(card) - at).length() <= reach
        };
        self.scene.nodes_in(Rect::from_center_size(place, Vec2::splat(2.0 * reach / self.camera.zoom))).find(covers)
    }

    /// Whether a place is the corner of a note by which it is resized.
    fn is_corner(&self, node: u32, place: Pos2) -> bool {
        let node = &self.scene.nodes[node as usize];
        let off = node.rect.max - place;
        node.tag == KindTag::Note && off.max_elem() <= CORNER_REACH / self.camera.zoom
    }

    fn queue_bar(&self, node: u32) -> SceneBar {
        let live = self.marks.nodes[node as usize].live;
        let rect = self.camera.screen_rect(self.scene.nodes[node as usize].rect);
        SceneBar { has_queue: live.is_some() && self.scene.nodes[node as usize].tag.subscribes(), rect }
    }

    /// Follows the pointer: what it is over, what it begins, does and ends.
    pub(super) fn follow_pointer(&mut self, ctx: &ViewCtx<'_>, response: &Response, ui: &egui::Ui) {
        let (pointer, pressed, released, modifiers, space, escape) = ui.input(|i| {
            let p = &i.pointer;
            let pressed = [PointerButton::Primary, PointerButton::Middle].map(|button| p.button_pressed(button));
            let space = i.key_down(egui::Key::Space);
            (p.latest_pos(), pressed, p.any_released(), i.modifiers, space, i.key_pressed(egui::Key::Escape))
        });
        if escape && self.gesture != Gesture::Idle {
            self.cancel();
            return;
        }
        let over = response.contains_pointer();
        let hover = match pointer {
            Some(at) if over && self.gesture == Gesture::Idle => self.hit(ctx, at),
            _ => match self.gesture {
                Gesture::Pressed { hit, .. } => hit,
                _ => Hit::Nothing,
            },
        };
        self.hover = hover;
        let Some(at) = pointer else { return };
        self.pointer = at;

        if over && self.gesture == Gesture::Idle {
            let typing = ui.ctx().egui_wants_keyboard_input() && !self.has_focus;
            if pressed[1] || (pressed[0] && space && !typing) {
                self.gesture = Gesture::Pan;
            } else if pressed[0] {
                self.press(ctx, at, hover, modifiers);
                response.request_focus();
            }
        }
        self.drag(ctx, at, ui);
        if released {
            self.release(ctx, at, modifiers, response);
        }
        self.show_cursor(ui, space);
    }

    fn press(&mut self, ctx: &ViewCtx<'_>, at: Pos2, hit: Hit, modifiers: Modifiers) {
        self.gesture = Gesture::Pressed { at, hit, modifiers };
        let adds = modifiers.shift || modifiers.command;
        // What is taken hold of is selected at once, so that it can be dragged by the same press.
        if let (Hit::Node(node) | Hit::Queue(node) | Hit::Badge(node) | Hit::Corner(node), false) = (hit, adds) {
            let id = &self.scene.nodes[node as usize].id;
            if !ctx.view.selection.nodes.contains(id) {
                self.select(ctx, Selection::node(id.clone()));
            }
        }
    }

    fn drag(&mut self, ctx: &ViewCtx<'_>, at: Pos2, ui: &egui::Ui) {
        let moved = ui.input(|i| i.pointer.delta());
        let place = self.camera.canvas(at);
        match &mut self.gesture {
            Gesture::Idle => {}
            Gesture::Pressed { at: began, hit, modifiers } => {
                let (began, hit, modifiers) = (*began, *hit, *modifiers);
                if (at - began).length() >= DRAG_BEGINS {
                    self.begin_drag(ctx, began, hit, modifiers);
                    if self.gesture != (Gesture::Pressed { at: began, hit, modifiers }) {
                        self.drag(ctx, at, ui);
                    }
                }
            }
            Gesture::Pan => self.camera.pan(moved),
            Gesture::Move { nodes, from, by } => {
                let first = nodes.first().map(|node| self.scene.nodes[*node as usize].at).unwrap_or_default();
                let first = super::scene::center(first);
                let wanted = first + (place - *from);
                let free = ui.input(|i| i.modifiers.alt);
                let snapped = if free { Point(wanted.x as i32, wanted.y as i32) } else { snapped(wanted) };
                *by = super::scene::center(snapped) - first;
                let (nodes, by) = (nodes.clone(), *by);
                self.scene.shift(&nodes, by);
                self.picture_stale = true;
                self.push_edge(at, ui);
            }
            Gesture::Resize { note, size, hold, .. } => {
                let wanted = place + *hold - self.scene.nodes[*note as usize].rect.min;
                let step = if ui.input(|i| i.modifiers.alt) { 1.0 } else { SNAP };
                *size = ((wanted / step).round() * step).max(LEAST_NOTE);
                let (note, size) = (*note, *size);
                self.scene.resize(note, size);
                self.picture_stale = true;
                self.push_edge(at, ui);
            }
            Gesture::Box { .. } => self.push_edge(at, ui),
            Gesture::Connect { by_keys, .. } => {
                if !*by_keys {
                    self.push_edge(at, ui);
                }
            }
        }
    }

    /// Moves the picture while something is dragged at the edge of the view, so that far places can be reached.
    fn push_edge(&mut self, at: Pos2, ui: &egui::Ui) {
        let inner = self.camera.view.shrink(20.0);
        let beyond = at - inner.clamp(at);
        if beyond != Vec2::ZERO && self.camera.view.expand(60.0).contains(at) {
            let dt = ui.input(|i| i.stable_dt).min(0.1);
            self.camera.pan(-beyond.clamp(Vec2::splat(-40.0), Vec2::splat(40.0)) * dt * 14.0);
            ui.ctx().request_repaint();
        }
    }

    fn begin_drag(&mut self, ctx: &ViewCtx<'_>, began: Pos2, hit: Hit, modifiers: Modifiers) {
        let from = self.camera.canvas(began);
        match hit {
            Hit::Port(port) => self.gesture = Gesture::Connect { port, target: None, by_keys: false },
            Hit::Node(node) | Hit::Queue(node) | Hit::Badge(node) => {
                let selected = &self.wanted_selection(ctx).nodes;
                let id = &self.scene.nodes[node as usize].id;
                let others = selected.iter().filter(|other| *other != id && selected.contains(id));
                let others = others.filter_map(|id| self.scene.node_ix.get(id).copied());
                let nodes = std::iter::once(node).chain(others).collect();
                self.gesture = Gesture::Move { nodes, from, by: Vec2::ZERO };
            }
            Hit::Corner(note) => {
                let rect = self.scene.nodes[note as usize].rect;
                self.gesture = Gesture::Resize { note, was: rect.size(), size: rect.size(), hold: rect.max - from };
            }
            Hit::Nothing | Hit::Link(_) | Hit::Dot(_) => {
                let adds = modifiers.shift || modifiers.command;
                let kept = if adds { ctx.view.selection.clone() } else { Selection::default() };
                self.gesture = Gesture::Box { from, kept };
            }
            Hit::Fire(_) => {}
        }
    }

    fn release(&mut self, ctx: &ViewCtx<'_>, at: Pos2, modifiers: Modifiers, response: &Response) {
        match std::mem::take(&mut self.gesture) {
            Gesture::Idle | Gesture::Pan => {}
            Gesture::Pressed { hit, .. } => {
                // A double click that follows a click elsewhere counts as a triple one.
                let double = response.double_clicked() || response.triple_clicked();
                self.click(ctx, hit, at, modifiers, double);
            }
            Gesture::Move { nodes, by, .. } => {
                if by == Vec2::ZERO {
                    return;
                }
                let moved = |node: &u32| {
                    let node = &self.scene.nodes[*node as usize];
                    let at = super::scene::center(node.at) + by;
                    (node.id.clone(), Point(at.x.round() as i32, at.y.round() as i32))
                };
                // The picture stays as it is until the flow has followed, so that nothing jumps back for a frame.
                ctx.ask(Ask::edit(Edit::Move(nodes.iter().map(moved).collect())));
            }
            Gesture::Resize { note, was, size, hold: _ } => {
                if size != was {
                    self.resized(ctx, note, size);
                }
            }
            Gesture::Box { from, kept } => {
                let part = Rect::from_two_pos(from, self.camera.canvas(at));
                let selection = self.boxed(part, kept);
                self.select(ctx, selection);
            }
            Gesture::Connect { port, by_keys: false, .. } => {
                let drop = self.drop_at(ctx.session.flow(), port, at);
                self.drop_link(ctx, port, &drop, at);
            }
            keys @ Gesture::Connect { .. } => self.gesture = keys,
        }
    }

    /// A note is so large from now on.
    fn resized(&self, ctx: &ViewCtx<'_>, note: u32, size: Vec2) {
        let drawn = &self.scene.nodes[note as usize];
        let Some(mut node) = ctx.session.flow().node(&drawn.id).cloned() else { return };
        if let NodeKind::Note(paper) = &mut node.kind {
            let middle = drawn.rect.min + size / 2.0;
            paper.size = Point(size.x.round() as i32, size.y.round() as i32);
            node.at = Point(middle.x.round() as i32, middle.y.round() as i32);
            ctx.ask(Ask::edit(Edit::SetNode(drawn.id.clone(), node)));
        }
    }

    fn click(&mut self, ctx: &ViewCtx<'_>, hit: Hit, at: Pos2, modifiers: Modifiers, double: bool) {
        let adds = modifiers.shift || modifiers.command;
        let id = |node: u32| self.scene.nodes[node as usize].id.clone();
        match hit {
            Hit::Fire(node) => ctx.ask(Ask::Fire(id(node), 1, None)),
            Hit::Dot(dot) => {
                if let Some(dot) = ctx.live.dots.get(dot as usize) {
                    ctx.ask(Ask::OpenEvent(EventRef { event: dot.event, seen_at: dot.departed }));
                }
            }
            Hit::Queue(node) => ctx.ask(Ask::OpenQueue(id(node))),
            Hit::Badge(_) => ctx.act(Action::ShowProblems),
            Hit::Node(node) | Hit::Corner(node) if double && !adds => ctx.ask(Ask::Rename(id(node))),
            Hit::Node(node) | Hit::Corner(node) | Hit::Port(Port { node, .. }) => {
                let id = id(node);
                let mut selection = ctx.view.selection.clone();
                if !adds {
                    // The keys go on from what was clicked.
                    self.focus_wanted = Some(id.clone());
                    selection = Selection::node(id);
                } else if !selection.nodes.remove(&id) {
                    selection.nodes.insert(id);
                }
                self.select(ctx, selection);
            }
            Hit::Link(link) if double && !adds => {
                if let LinkKey::Link(link) = &self.scene.links[link as usize].key {
                    ctx.ask(Ask::QuickInsert { at: snapped(self.camera.canvas(at)), link: link.clone() });
                }
            }
            Hit::Link(link) => {
                let mut selection = if adds { ctx.view.selection.clone() } else { Selection::default() };
                let link = &self.scene.links[link as usize];
                match &link.key {
                    LinkKey::Link(id) => {
                        if !selection.links.remove(id) {
                            selection.links.insert(id.clone());
                        }
                    }
                    // A drawn path is a setting of where it comes from.
                    LinkKey::DeadLetters => {
                        selection.nodes.insert(self.scene.nodes[link.from as usize].id.clone());
                    }
                }
                self.select(ctx, selection);
            }
            Hit::Nothing if double => {
                ctx.ask(Ask::QuickAdd { at: snapped(self.camera.canvas(at)), from: None });
            }
            Hit::Nothing => {
                if !adds && !ctx.view.selection.is_empty() {
                    self.select(ctx, Selection::default());
                }
            }
        }
    }

    /// Asks for a selection, and remembers it for what else happens in this frame.
    pub(super) fn select(&mut self, ctx: &ViewCtx<'_>, selection: Selection) {
        if selection != ctx.view.selection || self.asked_selection.is_some() {
            self.asked_selection = Some(selection.clone());
            ctx.ask(Ask::Select(selection));
        }
    }

    /// The selection as it was asked for last, even if that has not been carried out yet.
    pub(super) fn wanted_selection<'a>(&'a self, ctx: &'a ViewCtx<'_>) -> &'a Selection {
        self.asked_selection.as_ref().unwrap_or(&ctx.view.selection)
    }

    /// What is selected by a box.
    pub(super) fn boxed(&self, part: Rect, mut kept: Selection) -> Selection {
        kept.nodes.extend(self.scene.nodes_in(part).map(|ix| self.scene.nodes[ix as usize].id.clone()));
        let link = |ix: u32| match &self.scene.links[ix as usize].key {
            LinkKey::Link(id) => Some(id.clone()),
            LinkKey::DeadLetters => None,
        };
        kept.links.extend(self.scene.links_in(part).filter_map(link));
        kept
    }

    /// Ends a gesture as if it had not begun.
    pub(super) fn cancel(&mut self) {
        match std::mem::take(&mut self.gesture) {
            Gesture::Move { nodes, .. } => self.scene.shift(&nodes, Vec2::ZERO),
            Gesture::Resize { note, was, .. } => self.scene.resize(note, was),
            _ => {}
        }
        self.picture_stale = true;
    }

    /// What would happen if a link from this port were let go at a place of the window.
    pub(super) fn drop_at(&self, flow: &Flow, port: Port, at: Pos2) -> Drop {
        let place = self.camera.canvas(at);
        let near = self.scene.port_at(place, 2.0 * PORT_REACH / self.camera.zoom).filter(|near| near.node != port.node);
        let Some(node) = near.map(|near| near.node).or_else(|| self.scene.node_at(place)) else { return Drop::Add };
        if self.scene.nodes[node as usize].tag == KindTag::Note {
            return Drop::Add;
        }
        let row = near.filter(|near| near.node == node).and_then(|near| near.row).or_else(|| {
            let corner = self.scene.nodes[node as usize].rect.min.to_vec2();
            let rows = &self.scene.nodes[node as usize].rows;
            rows.iter().position(|row| row.rect.translate(corner).contains(place)).map(|row| row as u32)
        });
        self.drop_on(flow, port, node, row)
    }

    /// What would happen if a link from this port were let go on a node.
    pub(super) fn drop_on(&self, flow: &Flow, port: Port, node: u32, row: Option<u32>) -> Drop {
        let (from, to) = if port.side == Side::In { (node, port.node) } else { (port.node, node) };
        let id = |ix: u32| &self.scene.nodes[ix as usize].id;
        if port.side == Side::Dead && self.scene.nodes[to as usize].tag != KindTag::DeadLetterQueue && from != to {
            return Drop::Refused(LinkRefusal::NothingToGiveUp);
        }
        let row = port.row.or(row);
        match flow.possible_link(id(from), id(to)) {
            Ok(Some(kind)) => {
                let bus = if self.scene.nodes[to as usize].tag == KindTag::Bus { to } else { from };
                let topic = row.and_then(|row| self.scene.nodes[bus as usize].rows.get(row as usize));
                let topic = topic.map(|row| &row.topic);
                if build::comes_already(flow, id(from), id(to), &kind, topic) {
                    Drop::Refused(LinkRefusal::Linked)
                } else {
                    Drop::Link { from, to, row }
                }
            }
            Ok(None) => Drop::Link { from, to, row },
            Err(LinkRefusal::NeedsBus) => match build::between(flow, id(from), id(to)) {
                Between::Linked => Drop::Refused(LinkRefusal::Linked),
                Between::NewBus | Between::Bus(_) => Drop::Bus { from, to },
            },
            Err(refusal) => Drop::Refused(refusal),
        }
    }

    /// Carries out what letting a link go means.
    pub(super) fn drop_link(&mut self, ctx: &ViewCtx<'_>, port: Port, drop: &Drop, at: Pos2) {
        let id = |ix: u32| self.scene.nodes[ix as usize].id.clone();
        match *drop {
            Drop::Refused(_) => {}
            Drop::Add => {
                let from = (port.side != Side::In).then(|| id(port.node));
                ctx.ask(Ask::QuickAdd { at: snapped(self.camera.canvas(at)), from });
            }
            Drop::Bus { from, to } => ctx.ask(Ask::Connect { from: id(from), to: id(to), bus_between: true }),
            Drop::Link { from, to, row } => {
                let (from, to) = (id(from), id(to));
                match row.and_then(|row| topic_link(ctx.session.flow(), &self.scene, &from, &to, row)) {
                    Some((id, link)) => {
                        ctx.ask(Ask::edit(Edit::AddLink(id.clone(), link)));
                        self.select(ctx, Selection::link(id));
                    }
                    None => ctx.ask(Ask::Connect { from, to, bus_between: false }),
                }
            }
        }
    }

    fn show_cursor(&self, ui: &egui::Ui, space: bool) {
        use egui::CursorIcon;
        let icon = match (&self.gesture, self.hover) {
            (Gesture::Pan, _) => CursorIcon::Grabbing,
            (Gesture::Move { .. }, _) => CursorIcon::Move,
            (Gesture::Resize { .. }, _) | (_, Hit::Corner(_)) => CursorIcon::ResizeNwSe,
            (Gesture::Box { .. } | Gesture::Connect { .. }, _) | (_, Hit::Port(_)) => CursorIcon::Crosshair,
            (_, Hit::Fire(_) | Hit::Queue(_) | Hit::Dot(_) | Hit::Badge(_) | Hit::Link(_)) => CursorIcon::PointingHand,
            (_, Hit::Node(_) | Hit::Nothing) if space => CursorIcon::Grab,
            (_, Hit::Node(_) | Hit::Nothing) => return,
        };
        ui.ctx().set_cursor_icon(icon);
    }
}

struct SceneBar {
    has_queue: bool,
    rect: Rect,
}

/// The link that a drop on a topic's own port means: into that topic, or from that topic alone.
///
/// `None` where the topic says nothing that a plain link does not say.
fn topic_link(flow: &Flow, scene: &Scene, from: &NodeId, to: &NodeId, row: u32) -> Option<(LinkId, Link)> {
    let kind = flow.possible_link(from, to).ok()??;
    let bus = match kind {
        LinkKind::Publish(_) => to,
        LinkKind::Subscribe(_) => from,
        LinkKind::Call(_) => return None,
    };
    let topic = &scene.node(bus)?.rows.get(row as usize)?.topic;
    let kind = match kind {
        LinkKind::Publish(_) => {
            let own: BTreeSet<TopicName> = flow.node(from)?.kind.emitted().map(TopicName::from).collect();
            if own.len() == 1 && own.contains(topic) {
                return None;
            }
            LinkKind::Publish(Publish { topic: Some(topic.clone()), ..Publish::default() })
        }
        LinkKind::Subscribe(_) => LinkKind::Subscribe(Subscription::to(vec![Pattern::new(topic.as_str()).ok()?])),
        LinkKind::Call(_) => return None,
    };
    Some((flow.free_link_id(from, to), Link::new(from.clone(), to.clone(), kind)))
}

/// The grid's step, for those who nudge.
pub(super) const NUDGE: i32 = SNAP as i32;
