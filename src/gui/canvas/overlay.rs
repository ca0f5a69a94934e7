//! What lies over the picture while something is being done: the link that is drawn, the box, what would be placed, and
//! in few words what would happen.

use egui::epaint::RectShape;
use egui::{Color32, Mesh, Painter, Pos2, Rect, Response, Shape, Stroke, StrokeKind, vec2};

use crate::gui::build::{self, Between};
use crate::gui::icons;
use crate::gui::splice;
use crate::gui::view::{Ask, ViewCtx};
use crate::model::{KindTag, LinkId, LinkRefusal};

use super::geometry::{self, Anchor, Path};
use super::gesture::{Drop, Gesture};
use super::hit::Hit;
use super::scene::{LinkKey, Port, Side, center, snapped};
use super::{Canvas, edges, ink, nodes, ribbon};

impl Canvas {
    /// Paints what the gesture is about to do.
    pub(super) fn overlay_ui(&self, ctx: &ViewCtx<'_>, painter: &Painter) {
        match &self.gesture {
            Gesture::Box { from, .. } => {
                let part = Rect::from_two_pos(self.camera.screen(*from), self.pointer);
                let accent = ctx.theme.accent;
                painter.rect(part, 2.0, accent.gamma_multiply(0.10), Stroke::new(1.0, accent), StrokeKind::Inside);
            }
            Gesture::Connect { port, target, by_keys } => self.connect_ui(ctx, painter, *port, *target, *by_keys),
            Gesture::Idle | Gesture::Pressed { .. } | Gesture::Pan | Gesture::Move { .. } | Gesture::Resize { .. } => {}
        }
        if self.scene.nodes.is_empty() && self.gesture == Gesture::Idle {
            hints(ctx, painter, self.camera.view);
        }
    }

    fn connect_ui(&self, ctx: &ViewCtx<'_>, painter: &Painter, port: Port, target: Option<u32>, by_keys: bool) {
        let theme = ctx.theme;
        let flow = ctx.session.flow();
        let drop = match (by_keys, target) {
            (false, _) => self.drop_at(flow, port, self.pointer),
            (true, Some(node)) => self.drop_on(flow, port, node, None),
            (true, None) => return,
        };
        let other = target.or(match drop {
            Drop::Link { from, to, .. } | Drop::Bus { from, to } => Some(if from == port.node { to } else { from }),
            Drop::Refused(_) | Drop::Add => None,
        });
        let free = Anchor { at: self.camera.canvas(self.pointer), out: -port.anchor.out };
        let row = if let Drop::Link { row, .. } = drop { row } else { None };
        let end = other.and_then(|node| self.meeting(node, port, row)).unwrap_or(free);
        let (begin, end) = if port.side == Side::In { (end, port.anchor) } else { (port.anchor, end) };
        let (color, fits) = match drop {
            Drop::Link { .. } | Drop::Add => (if port.side == Side::Dead { theme.bad } else { theme.accent }, true),
            Drop::Bus { .. } => (theme.warn, false),
            Drop::Refused(_) => (theme.bad, false),
        };
        let path = Path::along(&[geometry::curve(begin, end)]);
        let points: Vec<Pos2> = path.points.iter().map(|place| self.camera.screen(*place)).collect();
        let mut mesh = Mesh::with_texture(ribbon::texture(painter.ctx()));
        edges::preview(&mut mesh, &points, color, fits);
        painter.add(Shape::mesh(mesh));
        if let Some(node) = other {
            let card = self.camera.screen_rect(self.scene.nodes[node as usize].rect);
            painter.rect_stroke(card.expand(3.0), 8.0, Stroke::new(2.0, color), StrokeKind::Middle);
        }
        let name = |ix: u32| self.scene.nodes[ix as usize].title.clone();
        let words = match drop {
            Drop::Link { from, to, row } => {
                let topic = row.and_then(|row| {
                    let bus = if self.scene.nodes[to as usize].tag == KindTag::Bus { to } else { from };
                    self.scene.nodes[bus as usize].rows.get(row as usize).map(|row| format!(" · {}", row.topic))
                });
                format!("{} → {}{}", name(from), name(to), topic.unwrap_or_default())
            }
            Drop::Bus { from, to } => {
                let flow = ctx.session.flow();
                let id = |ix: u32| &self.scene.nodes[ix as usize].id;
                match build::between(flow, id(from), id(to)) {
                    Between::Bus(bus) => format!("{} → {}, through {}", name(from), name(to), flow.title(&bus)),
                    Between::NewBus | Between::Linked => "Put a bus between".to_owned(),
                }
            }
            Drop::Refused(LinkRefusal::Itself) if !by_keys => return,
            Drop::Refused(refusal) => sentence(&refusal.to_string()),
            Drop::Add => "Add here…".to_owned(),
        };
        let at = if by_keys { points.last().copied().unwrap_or(self.pointer) } else { self.pointer };
        let color = if fits { theme.text } else { color };
        beside_pointer(ctx, painter, at, words, color);
    }

    /// Where a link from this port would meet a node.
    fn meeting(&self, node: u32, port: Port, row: Option<u32>) -> Option<Anchor> {
        let wanted = if port.side == Side::In { Side::Out } else { Side::In };
        let ports = self.scene.ports(node);
        let exact = ports.iter().find(|other| other.side == wanted && other.row == row);
        exact.or_else(|| ports.iter().find(|other| other.side == wanted)).map(|port| port.anchor)
    }

    /// Shows what would be placed when something of the library is let go here, and places it: on a link, into the link.
    pub(super) fn take_library_drop(&mut self, ctx: &ViewCtx<'_>, response: &Response, ui: &egui::Ui) {
        let dragged = response.dnd_hover_payload::<KindTag>().or_else(|| response.dnd_release_payload::<KindTag>());
        let Some(pointer) = ui.input(|i| i.pointer.latest_pos()) else { return };
        let (Some(kind), true) = (dragged, self.camera.view.contains(pointer)) else {
            self.into = None;
            return;
        };
        let kind = *kind;
        let at = snapped(self.camera.canvas(pointer));
        let link = self.link_to_go_into(ctx, kind, pointer);
        let fits = link.as_ref().map(|(id, _)| splice::fits(ctx.session.flow(), kind, id));
        if ui.input(|i| i.pointer.any_released()) {
            self.into = None;
            match (link, fits) {
                (Some((link, _)), Some(Ok(()))) => ctx.ask(Ask::Insert { kind, at, link }),
                _ => ctx.ask(Ask::Place { kind, at, from: None }),
            }
            return;
        }
        let painter = ui.painter_at(self.camera.view);
        let card = self.camera.screen_rect(Rect::from_center_size(center(at), nodes::new_size(kind)));
        let theme = ctx.theme;
        let (color, words) = match &fits {
            Some(Ok(())) => (theme.accent, Some("Insert into this link".to_owned())),
            Some(Err(refusal)) => (theme.warn, Some(format!("{refusal}: only placed here"))),
            None => (theme.accent, None),
        };
        self.into = link.map(|(_, link)| link).filter(|_| matches!(fits, Some(Ok(()))));
        let mut mesh = Mesh::with_texture(ribbon::texture(ui.ctx()));
        let corners = [card.left_top(), card.right_top(), card.right_bottom(), card.left_bottom(), card.left_top()];
        ribbon::dashes(&mut mesh, &corners, 5.0, 1.5, color);
        painter.rect_filled(card, 6.0, color.gamma_multiply(0.10));
        painter.add(Shape::mesh(mesh));
        let name = format!("{} {}", icons::kind(kind), kind.label());
        let galley = ink::text(&painter, name, theme.words(13.0), theme.text, card.width() - 8.0);
        painter.galley(ink::beside(&galley, card.center(), egui::Align::Center), galley, theme.text);
        if let Some(words) = words {
            let color = if color == theme.warn { theme.warn } else { theme.text };
            beside_pointer(ctx, &painter, pointer, words, color);
        }
        ui.ctx().set_cursor_icon(egui::CursorIcon::Copy);
    }

    /// The link under the pointer that something new could go into.
    fn link_to_go_into(&self, ctx: &ViewCtx<'_>, kind: KindTag, pointer: Pos2) -> Option<(LinkId, u32)> {
        if kind == KindTag::Note {
            return None;
        }
        let Hit::Link(link) = self.hit(ctx, pointer) else { return None };
        match &self.scene.links[link as usize].key {
            LinkKey::Link(id) => Some((id.clone(), link)),
            LinkKey::DeadLetters => None,
        }
    }

    /// The port or node that a context menu or a key is about, as a node.
    pub(super) fn node_of(&self, hit: Hit) -> Option<u32> {
        hit.node().filter(|node| (*node as usize) < self.scene.nodes.len())
    }
}

/// A few words beside the pointer that say what letting go would do.
fn beside_pointer(ctx: &ViewCtx<'_>, painter: &Painter, at: Pos2, words: String, color: Color32) {
    let galley = ink::text(painter, words, ctx.theme.words(12.0), color, 280.0);
    let room = Rect::from_min_size(at + vec2(14.0, 14.0), galley.size() + vec2(16.0, 8.0));
    let seen = painter.clip_rect().shrink(4.0);
    let shift = vec2((seen.max.x - room.max.x).min(0.0), (seen.max.y - room.max.y).min(0.0));
    let room = room.translate(shift);
    let theme = ctx.theme;
    painter.add(RectShape::new(room, 4.0, theme.raised, Stroke::new(1.0, theme.line), StrokeKind::Inside));
    painter.galley(room.min + vec2(8.0, 4.0), galley, color);
}

/// What an empty canvas says.
fn hints(ctx: &ViewCtx<'_>, painter: &Painter, view: Rect) {
    use egui_phosphor::regular;
    let lines = [
        (regular::HAND_GRABBING, "Drag something from the library"),
        (regular::CURSOR_CLICK, "Double-click to add where you point"),
        (regular::FOLDER_OPEN, "Open an example and press Run"),
    ];
    let theme = ctx.theme;
    let middle = view.center();
    let title = ink::text(painter, "An empty flow".to_owned(), theme.strong(20.0), theme.text, view.width());
    painter.galley(ink::beside(&title, middle - vec2(0.0, 76.0), egui::Align::Center), title, theme.text);
    let texts = lines.map(|(icon, words)| {
        let icon = painter.layout_no_wrap(icon.to_owned(), theme.words(20.0), theme.faint);
        (icon, ink::text(painter, words.to_owned(), theme.words(13.0), theme.dim, view.width()))
    });
    let widest = texts.iter().map(|(_, words)| words.size().x).fold(0.0, f32::max);
    let left = middle.x - widest / 2.0 - 16.0;
    for (nth, (icon, words)) in texts.into_iter().enumerate() {
        let y = middle.y - 32.0 + nth as f32 * 32.0;
        painter.galley(ink::beside(&icon, Pos2::new(left, y), egui::Align::Min), icon, theme.faint);
        painter.galley(ink::beside(&words, Pos2::new(left + 32.0, y), egui::Align::Min), words, theme.dim);
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
