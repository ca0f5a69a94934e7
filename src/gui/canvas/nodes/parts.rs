//! What cards and rails have in common: frame, queue bar, ports, fire button, badge.

use egui::epaint::RectShape;
use egui::{Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

use super::super::brush::Brush;
use super::super::camera::Detail;
use super::super::hit::Hit;
use super::super::scene::{Port, Side};
use super::super::{geometry, ink};
use crate::gui::icons;
use crate::gui::theme::Theme;
use crate::session::NodeLive;

/// How full a node's queue is, 0 to 1; 0 if it has no limit.
pub(in super::super) fn fill_of(live: &NodeLive) -> f32 {
    if live.queue_limit == 0 { 0.0 } else { (live.queue as f64 / live.queue_limit as f64).min(1.0) as f32 }
}

/// The colour of a queue that is so full.
pub(in super::super) fn fill_color(theme: &Theme, fill: f32) -> Color32 {
    match fill {
        fill if fill > 0.85 => theme.bad,
        fill if fill > 0.6 => theme.warn,
        _ => theme.accent,
    }
}

/// The frame of a card or rail: what it is drawn on, what outlines it, and how it shows that it is selected.
pub(super) fn frame(brush: &mut Brush, ix: u32, corner: f32) {
    let theme = brush.theme.clone();
    let mark = brush.marks.nodes[ix as usize];
    let rect = brush.camera.screen_rect(brush.scene.nodes[ix as usize].rect);
    let hovered = brush.hover.node() == Some(ix);
    let live = brush.node_live(ix).copied().unwrap_or_default();
    let radius = CornerRadius::from((corner * brush.camera.zoom).clamp(2.0, 10.0));
    let outline = if live.faulted || brush.node_fault(ix).is_some() {
        theme.bad
    } else if live.blocked {
        theme.warn
    } else if mark.selected {
        theme.accent
    } else if hovered {
        ink::mix(theme.edge, theme.dim, 0.5)
    } else {
        theme.edge
    };
    let fill = if hovered { ink::mix(theme.card, theme.raised, 0.6) } else { theme.card };
    let layer = brush.layer(ix);
    if mark.selected {
        let ring = RectShape::new(
            rect.expand(3.0),
            radius + CornerRadius::same(3),
            Color32::TRANSPARENT,
            Stroke::new(2.0, theme.accent.gamma_multiply(0.55)),
            StrokeKind::Middle,
        );
        layer.push(Shape::Rect(ring));
    }
    layer.push(Shape::Rect(RectShape::new(rect, radius, fill, Stroke::new(1.0, outline), StrokeKind::Inside)));
}

/// The bar along a card's foot that shows how full its queue is.
pub(super) fn queue_bar(brush: &mut Brush, ix: u32) {
    let Some(live) = brush.node_live(ix).copied() else { return };
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom;
    let card = brush.camera.screen_rect(brush.scene.nodes[ix as usize].rect);
    let radius = (6.0 * zoom).clamp(2.0, 10.0);
    let height = (3.0 * zoom).clamp(2.0, 4.0);
    let track = Rect::from_min_max(
        pos2(card.min.x + radius, card.max.y - 1.0 - height),
        pos2(card.max.x - radius, card.max.y - 1.0),
    );
    let hovered = brush.hover == Hit::Queue(ix);
    let track = if hovered { Rect::from_min_max(track.min - vec2(0.0, 2.0), track.max) } else { track };
    let fill = fill_of(&live);
    let layer = brush.layer(ix);
    let round = CornerRadius::from(height / 2.0);
    if live.queue > 0 || hovered {
        layer.push(Shape::rect_filled(track, round, ink::mix(theme.card, theme.line, 0.8)));
    }
    if live.queue > 0 {
        let width = (track.width() * fill).max(height);
        layer.push(Shape::rect_filled(
            Rect::from_min_size(track.min, vec2(width, track.height())),
            round,
            fill_color(&theme, fill),
        ));
    }
}

/// A node's ports. Those that nobody uses show only while the pointer is near.
pub(super) fn ports(brush: &mut Brush, ix: u32) {
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom.min(1.25);
    let used = brush.scene.nodes[ix as usize].used;
    let near = brush.hover.node() == Some(ix);
    for port in brush.scene.ports(ix) {
        let hovered = matches!(brush.hover, Hit::Port(other) if same(other, port));
        let on_rail = port.row.is_some() || !brush.scene.nodes[ix as usize].rows.is_empty();
        let taken = match port.side {
            Side::In => used.inward,
            Side::Out => used.outward,
            Side::Dead => used.dead,
        };
        if !near && (on_rail || port.side == Side::Dead) {
            continue;
        }
        let radius = if hovered { geometry::PORT_RADIUS_HOVERED } else { geometry::PORT_RADIUS } * zoom;
        let (fill, line) = match (hovered, port.side) {
            (true, Side::Dead) => (theme.bad, theme.bad),
            (true, Side::In | Side::Out) => (theme.accent, theme.accent),
            (false, Side::Dead) => (theme.canvas, theme.bad),
            (false, Side::In | Side::Out) if taken => (ink::mix(theme.line, theme.faint, 0.6), theme.faint),
            (false, Side::In | Side::Out) => (theme.canvas, theme.faint),
        };
        disc(brush, ix, brush.camera.screen(port.anchor.at), radius, fill, line);
    }
}

/// Whether two are one port, wherever they are drawn.
pub(in super::super) fn same(one: Port, other: Port) -> bool {
    (one.node, one.side, one.row) == (other.node, other.side, other.row)
}

fn disc(brush: &mut Brush, ix: u32, at: Pos2, radius: f32, fill: Color32, line: Color32) {
    let shape = egui::epaint::CircleShape { center: at, radius, fill, stroke: Stroke::new(1.0, line) };
    brush.layer(ix).push(Shape::Circle(shape));
}

/// A producer's fire button, outside its card.
pub(super) fn fire_button(brush: &mut Brush, ix: u32) {
    let Some(at) = brush.scene.fire_button(ix) else { return };
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom;
    let at = brush.camera.screen(at);
    let hovered = brush.hover == Hit::Fire(ix);
    let radius = geometry::FIRE_RADIUS * zoom.min(1.5);
    let (fill, line, sign) =
        if hovered { (theme.accent, theme.accent, theme.on_accent) } else { (theme.card, theme.edge, theme.dim) };
    disc(brush, ix, at, radius, fill, line);
    let half = radius * 0.42;
    let tip = vec2(half * 1.15, 0.0);
    let triangle = vec![at + tip, at + vec2(-half * 0.75, half), at + vec2(-half * 0.75, -half)];
    brush.layer(ix).push(Shape::convex_polygon(triangle, sign, Stroke::NONE));
}

/// Where a node's mark of what is wrong with it is, in the window.
pub(in super::super) fn badge_at(card: Rect) -> Pos2 {
    card.right_top() + vec2(-2.0, 2.0)
}

/// The radius of that mark.
pub(in super::super) const BADGE_RADIUS: f32 = 8.0;

/// The mark of what is wrong with a node, with how many things are.
pub(super) fn badge(brush: &mut Brush, painter: &Painter, ix: u32) {
    let Some((error, count)) = brush.marks.nodes[ix as usize].problems else { return };
    let theme = brush.theme.clone();
    let color = if error { theme.bad } else { theme.warn };
    let at = badge_at(brush.camera.screen_rect(brush.scene.nodes[ix as usize].rect));
    if brush.detail() < Detail::Compact {
        disc(brush, ix, at, 4.0, color, theme.canvas);
        return;
    }
    let words = if count > 9 { "9+".to_owned() } else { count.to_string() };
    let galley = ink::text(painter, words, theme.strong(11.0), theme.canvas, 24.0);
    let radius = BADGE_RADIUS + if brush.hover == Hit::Badge(ix) { 1.0 } else { 0.0 };
    let size = vec2((galley.size().x + 9.0).max(2.0 * radius), 2.0 * radius);
    let room = Rect::from_center_size(at, size);
    let layer = brush.layer(ix);
    layer.push(Shape::Rect(RectShape::new(
        room,
        CornerRadius::from(radius),
        color,
        Stroke::new(2.0, theme.canvas),
        StrokeKind::Outside,
    )));
    layer.push(Shape::galley(ink::beside(&galley, room.center(), egui::Align::Center), galley, theme.canvas));
}

/// The icon of a kind with its middle here.
pub(super) fn icon(brush: &mut Brush, painter: &Painter, ix: u32, at: Pos2, size: f32, color: Color32) {
    let sign = icons::kind(brush.scene.nodes[ix as usize].tag);
    let galley = painter.layout_no_wrap(sign.to_owned(), egui::FontId::proportional(size), color);
    let corner = at - galley.size() / 2.0;
    brush.layer(ix).push(Shape::galley(pos2(corner.x.round(), corner.y.round()), galley, color));
}

/// The sizes of a node's name and figures at this zoom: they step, they do not scale.
pub(super) fn text_sizes(zoom: f32) -> (f32, f32) {
    match zoom {
        zoom if zoom >= 1.6 => (20.0, 15.0),
        zoom if zoom >= 1.3 => (15.0, 13.0),
        zoom if zoom >= 0.75 => (13.0, 11.0),
        zoom if zoom >= 0.6 => (12.0, 11.0),
        _ => (11.0, 11.0),
    }
}

/// Text on a node's layer.
pub(super) fn put(brush: &mut Brush, ix: u32, galley: std::sync::Arc<egui::Galley>, at: Pos2, align: egui::Align) {
    let at = ink::beside(&galley, at, align);
    brush.layer(ix).push(Shape::galley(at, galley, Color32::PLACEHOLDER));
}

/// A row of small cells, one for each of a function's instances: cold outlined, warm filled, busy bright.
pub(super) fn cells(brush: &mut Brush, ix: u32, room: Rect) {
    let theme = brush.theme.clone();
    let most = brush.scene.nodes[ix as usize].instances.max(1);
    let live = brush.node_live(ix).copied().unwrap_or_default();
    let shown = most.min(16);
    // One cell stands for several instances where there are more than fit.
    let each = f64::from(most) / f64::from(shown);
    let side = room.height();
    let step = ((room.width() - side) / 15.0).min(side + 3.0);
    let (busy, warm) = (f64::from(live.busy), f64::from(live.busy + live.warm));
    let cold = warm + f64::from(live.cold);
    for cell in 0..shown {
        let place = Rect::from_min_size(room.min + vec2(step * cell as f32, 0.0), Vec2::splat(side));
        let number = f64::from(cell) * each;
        let (fill, line) = match number {
            number if number < busy => (theme.accent, theme.accent),
            number if number < warm => (theme.accent.gamma_multiply(0.35), theme.accent.gamma_multiply(0.5)),
            number if number < cold => (Color32::TRANSPARENT, theme.accent),
            _ => (Color32::TRANSPARENT, ink::mix(theme.line, theme.faint, 0.3)),
        };
        let shape = RectShape::new(place, 1.5, fill, Stroke::new(1.0, line), StrokeKind::Inside);
        brush.layer(ix).push(Shape::Rect(shape));
    }
}
