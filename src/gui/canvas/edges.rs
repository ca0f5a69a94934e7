//! Links: smooth curves whose width and colour tell how much goes along them.

use std::sync::Arc;

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, vec2};

use super::brush::Brush;
use super::camera::Detail;
use super::hit::Hit;
use super::scene::LinkLook;
use super::{geometry, ink, ribbon, words};
use crate::trace::Circuit;

/// Draws a link.
pub(super) fn draw(brush: &mut Brush, painter: &Painter, ix: u32) {
    let detail = brush.detail();
    let theme = brush.theme.clone();
    let link = &brush.scene.links[ix as usize];
    let mark = brush.marks.links[ix as usize];
    let hovered = brush.hover == Hit::Link(ix);
    let beside_hovered = brush.hover.node().is_some_and(|node| node == link.from || node == link.to);
    let look = link.look;
    let live = brush.link_live(ix);
    let traffic = live.map_or(0.0, |live| load(live.per_second));

    let rest = match (look, mark.problem) {
        (_, Some(true)) => theme.bad,
        (_, Some(false)) => theme.warn,
        (LinkLook::DeadLetters, None) => ink::mix(theme.canvas, theme.bad, 0.5),
        (LinkLook::Plain | LinkLook::Call, None) => ink::mix(theme.line, theme.faint, 0.35),
    };
    let busy = live.filter(|_| traffic > 0.0).map_or(rest, |live| brush.event_color(live.last_event));
    let mut color = ink::mix(rest, busy, 0.2 + 0.45 * traffic);
    let mut width = 1.5 + 2.0 * traffic;
    if beside_hovered {
        color = ink::mix(color, theme.text, 0.35);
    }
    if hovered {
        (color, width) = (ink::mix(color, theme.text, 0.6), width.max(2.5));
    }
    if mark.selected {
        (color, width) = (theme.accent, width.max(2.5));
    }
    let circuit = live.and_then(|live| live.circuit).filter(|circuit| *circuit != Circuit::Closed);
    if let Some(circuit) = circuit {
        let alarm = if circuit == Circuit::Open { theme.bad } else { theme.warn };
        (color, width) = (alarm, width.max(2.5));
    }
    let broken: Vec<String> = brush.link_faults(ix).map(|fault| words::broken(&fault.kind)).collect();
    if !broken.is_empty() {
        (color, width) = (theme.bad, width.max(2.5));
    }
    if detail == Detail::Block {
        width = (width - 0.5).max(1.0);
    }

    let camera = brush.camera;
    let points = &link.path.points;
    let length = link.path.length * camera.zoom;
    let bright = hovered || mark.selected;
    let mesh = if bright { &mut brush.picture.bright_links } else { &mut brush.picture.links };
    let mesh = Arc::make_mut(mesh);
    let screen = |place: &Pos2| camera.screen(*place);
    let last = points.len() - 1;
    let curve = || link.path.seen_at(camera.zoom).map(screen);
    if length < 24.0 {
        ribbon::line(mesh, [points[0], points[last]].iter().map(screen), width, color);
    } else if look == LinkLook::DeadLetters && detail > Detail::Block {
        let places: Vec<Pos2> = curve().collect();
        ribbon::dashes(mesh, &places, 5.0, width, color);
    } else if length < geometry::COARSE_BELOW {
        ribbon::line(mesh, brush.scene.coarse[ix as usize].iter().map(screen), width, color);
    } else if look == LinkLook::Call && detail >= Detail::Compact {
        ribbon::line(mesh, curve(), width + 4.0, color);
        ribbon::line(mesh, curve(), width + 1.0, theme.canvas);
    } else {
        ribbon::line(mesh, curve(), width, color);
    }
    if detail > Detail::Block && length > 30.0 {
        let port = if detail >= Detail::Compact { geometry::PORT_RADIUS * camera.zoom.min(1.0) + 0.5 } else { 0.0 };
        let way = points[last] - points[last - 1];
        let tip = screen(&points[last]) - way.normalized() * port;
        ribbon::arrow(mesh, tip, way, 7.0, color);
    }
    let (label, at_start) = (link.label.clone(), link.label_at_start);
    // What is broken, and a breaker that is not closed, say so from wherever words can be read.
    let breaker = circuit.map(|circuit| if circuit == Circuit::Open { "circuit open" } else { "half-open" });
    let state = if broken.is_empty() { breaker.map(str::to_owned) } else { Some(broken.join(", ")) };
    let wants_label = camera.zoom >= 0.8 || hovered || mark.selected;
    if let Some(state) = state.filter(|_| detail >= Detail::Compact) {
        pill(brush, painter, ix, state, color, Beside::Middle);
    }
    if wants_label && let Some(label) = label {
        let beside = if at_start { Beside::Start } else { Beside::End };
        pill(brush, painter, ix, label, theme.dim, beside);
    }
}

/// How lively a rate looks, 0 to 1: each tenfold adds as much.
fn load(per_second: f64) -> f32 {
    if per_second <= 0.0 { 0.0 } else { ((per_second.log10() as f32 + 1.0) / 5.0).clamp(0.05, 1.0) }
}

/// Where along a link words are wanted.
#[derive(Clone, Copy, PartialEq)]
enum Beside {
    Start,
    Middle,
    End,
}

/// Words on a link, where they cover nothing.
fn pill(brush: &mut Brush, painter: &Painter, ix: u32, words: String, color: Color32, beside: Beside) {
    let theme = brush.theme.clone();
    let galley = ink::text(painter, words, theme.words(11.0), color, 180.0);
    let size = galley.size() + vec2(12.0, 4.0);
    let link = &brush.scene.links[ix as usize];
    let length = link.path.length * brush.camera.zoom;
    let near = if beside == Beside::Middle { length / 2.0 } else { size.x / 2.0 + 14.0 };
    let places = [near, length / 2.0].map(|away| {
        let part = (away / length.max(1.0)).min(0.5);
        brush.camera.screen(link.path.at(if beside == Beside::End { 1.0 - part } else { part }))
    });
    for place in places {
        let room = Rect::from_center_size(place, size);
        if length > size.x + 24.0 && brush.take_label_room(room) {
            let frame =
                egui::epaint::RectShape::new(room, 8.0, theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
            brush.picture.labels.push(Shape::Rect(frame));
            let at = ink::beside(&galley, room.center(), egui::Align::Center);
            brush.picture.labels.push(Shape::galley(at, galley, color));
            return;
        }
    }
}

/// The curve that a link would have, while it is being drawn.
pub(super) fn preview(mesh: &mut Mesh, points: &[Pos2], color: Color32, fits: bool) {
    if fits {
        ribbon::line(mesh, points.iter().copied(), 2.5, color);
    } else {
        ribbon::dashes(mesh, points, 6.0, 2.0, color);
    }
    if let [.., before, last] = points {
        let way: Vec2 = *last - *before;
        if way.length() > 0.1 {
            ribbon::arrow(mesh, *last, way, 8.0, color);
        }
    }
}
