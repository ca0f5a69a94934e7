//! A flow in small, as the gallery shows it: the canvas' own cards, rails and curves, and real events moving along them.

use egui::{Align2, Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

use crate::gui::icons;
use crate::gui::theme::Theme;
use crate::model::{Flow, KindTag, LinkId, SimTime};
use crate::session::{Dot, Glimpse, Leg};

use super::scene::{LinkLook, Scene, SceneNode};
use super::{ink, pulses};

/// Nothing is larger than this part of its own size.
const LARGEST: f32 = 0.5;
/// A journey is drawn over at least so long a time, in nanoseconds.
const SEEN_NANOS: u64 = 900_000_000;
/// The radius of a dot.
const DOT: f32 = 2.5;

/// A flow laid out once, to be drawn in any size.
pub(crate) struct Miniature {
    scene: Scene,
    bounds: Rect,
}

impl Miniature {
    /// A small picture of a flow. Notes are left out: nobody could read them.
    pub(crate) fn of(flow: &Flow) -> Self {
        let scene = Scene::of(flow);
        let nodes = scene.nodes.iter().filter(|node| node.tag != KindTag::Note).map(|node| node.rect);
        let links = scene.links.iter().map(|link| link.path.bounds);
        let bounds = nodes.chain(links).fold(Rect::NOTHING, Rect::union);
        Self { scene, bounds }
    }

    /// The moment of a glimpse at which most is on its way: what a picture shows that stands still.
    pub(crate) fn fullest(glimpse: &Glimpse) -> SimTime {
        let moments = (2..=10).map(|half| SimTime::from_nanos(half * 500_000_000));
        let moving = |now: &SimTime| glimpse.dots.iter().filter(|dot| sets_out(dot, glimpse, *now)).count();
        // Of moments with as much the first.
        moments.rev().max_by_key(moving).unwrap_or(SimTime::ZERO)
    }

    /// Draws it as large as it fits, with what was on its way at an instant of a glimpse of its run.
    pub(crate) fn draw(&self, painter: &Painter, theme: &Theme, rect: Rect, moment: Option<(&Glimpse, SimTime)>) {
        if !self.bounds.is_positive() {
            return;
        }
        let room = rect.size() / self.bounds.size().max(Vec2::splat(1.0));
        let scale = room.min_elem().min(LARGEST);
        let place = |at: Pos2| rect.center() + (at - self.bounds.center()) * scale;
        let colors = self.link_colors(theme, moment.map(|(glimpse, _)| glimpse));
        for (link, color) in self.scene.links.iter().zip(&colors) {
            let points: Vec<Pos2> = link.path.points.iter().map(|at| place(*at)).collect();
            if link.look == LinkLook::DeadLetters {
                painter.extend(Shape::dashed_line(&points, Stroke::new(1.0, *color), 3.0, 3.0));
            } else {
                painter.add(Shape::line(points, Stroke::new(1.25, *color)));
            }
        }
        if let Some((glimpse, now)) = moment {
            for dot in &glimpse.dots {
                self.dot(painter, theme, glimpse, dot, now, place);
            }
        }
        for node in self.scene.nodes.iter().filter(|node| node.tag != KindTag::Note) {
            let card = Rect::from_min_max(place(node.rect.min), place(node.rect.max));
            self.card(painter, theme, node, card, scale);
        }
    }

    /// Links wear the colour of what went along them first.
    fn link_colors(&self, theme: &Theme, glimpse: Option<&Glimpse>) -> Vec<Color32> {
        let rest = |look: LinkLook| match look {
            LinkLook::DeadLetters => ink::mix(theme.canvas, theme.bad, 0.6),
            LinkLook::Plain | LinkLook::Call => theme.edge,
        };
        let mut colors: Vec<Color32> = self.scene.links.iter().map(|link| rest(link.look)).collect();
        let Some(glimpse) = glimpse else { return colors };
        for dot in glimpse.dots.iter().rev().filter(|dot| dot.leg != Leg::DeadLetter) {
            if let Some(ix) = self.link_of(glimpse, dot) {
                colors[ix] = ink::mix(theme.canvas, self.color(theme, glimpse, dot), 0.6);
            }
        }
        colors
    }

    fn link_of(&self, glimpse: &Glimpse, dot: &Dot) -> Option<usize> {
        let id: &LinkId = glimpse.index.links.get(dot.link.index())?;
        self.scene.link_ix.get(id).map(|ix| *ix as usize)
    }

    fn color(&self, theme: &Theme, glimpse: &Glimpse, dot: &Dot) -> Color32 {
        let name = glimpse.index.events.get(dot.kind as usize);
        let known = name.and_then(|name| self.scene.events.get(name));
        theme.event(known.map_or(0, |(color, _)| *color))
    }

    fn dot(
        &self,
        painter: &Painter,
        theme: &Theme,
        glimpse: &Glimpse,
        dot: &Dot,
        now: SimTime,
        place: impl Fn(Pos2) -> Pos2,
    ) {
        if !sets_out(dot, glimpse, now) {
            return;
        }
        let Some(along) = pulses::along(dot, now, SEEN_NANOS) else { return };
        let Some(link) = self.link_of(glimpse, dot) else { return };
        let at = place(self.scene.links[link].path.at(along.part));
        if along.lost {
            let arm = vec2(DOT, DOT);
            let stroke = Stroke::new(1.5, theme.bad);
            painter.line_segment([at - arm, at + arm], stroke);
            painter.line_segment([at - arm.rot90(), at + arm.rot90()], stroke);
        } else if dot.leg == Leg::DeadLetter {
            painter.circle_stroke(at, DOT, Stroke::new(1.25, theme.bad));
        } else {
            painter.circle_filled(at, DOT, self.color(theme, glimpse, dot));
        }
    }

    fn card(&self, painter: &Painter, theme: &Theme, node: &SceneNode, card: Rect, scale: f32) {
        let radius = CornerRadius::same(2);
        let line = Stroke::new(1.0, theme.edge);
        painter.rect(card, radius, theme.raised, line, StrokeKind::Inside);
        let known = node.emits.as_ref().and_then(|name| self.scene.events.get(name));
        let edge = match (known, node.tag) {
            (Some((color, _)), _) => Some(theme.event(*color)),
            (None, KindTag::DeadLetterQueue) => Some(theme.bad),
            (None, _) => None,
        };
        if node.tag == KindTag::Bus {
            for row in &node.rows {
                let top = card.min.y + row.rect.min.y * scale;
                painter.hline(card.x_range().shrink(3.0), top, Stroke::new(1.0, theme.line));
            }
            let rail = ink::mix(theme.line, theme.dim, 0.6);
            for x in [card.min.x, card.max.x - 2.0] {
                painter.rect_filled(Rect::from_min_size(pos2(x, card.min.y), vec2(2.0, card.height())), 1.0, rail);
            }
        } else if let Some(edge) = edge {
            painter.rect_filled(Rect::from_min_size(card.min, vec2(2.0, card.height())), 1.0, edge);
        }
        if card.height() >= 15.0 && node.tag != KindTag::Bus {
            let font = theme.words(if card.height() >= 22.0 { 15.0 } else { 11.0 });
            painter.text(card.center(), Align2::CENTER_CENTER, icons::kind(node.tag), font, theme.dim);
        }
    }
}

/// Whether a dot is on its way. What would not get there before the glimpse begins anew does not set out.
fn sets_out(dot: &Dot, glimpse: &Glimpse, now: SimTime) -> bool {
    let seen = dot.arrives.since(dot.departed).as_nanos().max(SEEN_NANOS);
    dot.departed.as_nanos() + seen <= glimpse.lasts.as_nanos() && pulses::along(dot, now, SEEN_NANOS).is_some()
}
