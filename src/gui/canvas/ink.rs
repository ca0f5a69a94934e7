//! What the parts of the picture are drawn with: smooth lines gathered into one mesh, text that fits, colours in between.

use std::sync::Arc;

use egui::epaint::Vertex;
use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, FontId, Galley, Mesh, Painter, Pos2, Rect, Vec2, pos2};

/// How wide the soft edge of a line is.
const FEATHER: f32 = 1.0;
/// Where a mesh without a texture looks for its colour.
const WHITE: Pos2 = egui::epaint::WHITE_UV;

/// A line along these points, with soft edges. The points are few and far apart, so joints need no rounding.
pub(super) fn line(mesh: &mut Mesh, points: impl Iterator<Item = Pos2> + Clone, width: f32, color: Color32) {
    let thin = width <= FEATHER;
    let color = if thin { color.gamma_multiply(width.max(0.0) / FEATHER) } else { color };
    let inner = if thin { 0.0 } else { (width - FEATHER) / 2.0 };
    let outer = if thin { FEATHER } else { inner + FEATHER };
    let across = if thin { 3 } else { 4 };
    let mut rest = points.peekable();
    let mut before = Vec2::ZERO;
    let mut begun = false;
    while let Some(point) = rest.next() {
        let after = rest.peek().map_or(Vec2::ZERO, |next| unit(*next - point).rot90());
        let normal = unit(before + after);
        let base = mesh.vertices.len() as u32;
        mesh.vertices.push(vertex(point + normal * outer, Color32::TRANSPARENT));
        mesh.vertices.push(vertex(point + normal * inner, color));
        if !thin {
            mesh.vertices.push(vertex(point - normal * inner, color));
        }
        mesh.vertices.push(vertex(point - normal * outer, Color32::TRANSPARENT));
        if begun {
            let last = base - across;
            for i in 0..across - 1 {
                let (a, b, c, d) = (last + i, last + i + 1, base + i, base + i + 1);
                mesh.indices.extend_from_slice(&[a, b, c, c, b, d]);
            }
        }
        begun = true;
        before = after;
    }
}

/// A dashed line along these points: so long a dash, then as long a gap.
pub(super) fn dashes(mesh: &mut Mesh, points: &[Pos2], dash: f32, width: f32, color: Color32) {
    let mut drawn = true;
    let mut left = dash;
    let mut piece: Vec<Pos2> = points.first().copied().into_iter().collect();
    for ends in points.windows(2) {
        let (mut from, to) = (ends[0], ends[1]);
        let mut rest = (to - from).length();
        while rest > left {
            let turn = from + (to - from) * (left / rest);
            if drawn {
                piece.push(turn);
                line(mesh, piece.iter().copied(), width, color);
            }
            piece.clear();
            piece.push(turn);
            drawn = !drawn;
            rest -= left;
            from = turn;
            left = dash;
        }
        left -= rest;
        piece.push(to);
    }
    if drawn && piece.len() > 1 {
        line(mesh, piece.iter().copied(), width, color);
    }
}

/// A filled triangle that points this way, its tip here.
pub(super) fn arrow(mesh: &mut Mesh, tip: Pos2, way: Vec2, size: f32, color: Color32) {
    let way = way.normalized();
    let side = way.rot90() * size * 0.5;
    let foot = tip - way * size;
    let base = mesh.vertices.len() as u32;
    for place in [tip, foot + side, foot - side] {
        mesh.vertices.push(vertex(place, color));
    }
    mesh.indices.extend_from_slice(&[base, base + 1, base + 2]);
    line(mesh, [foot + side, tip, foot - side].into_iter(), 1.0, color.gamma_multiply(0.6));
}

/// A plain rectangle.
pub(super) fn block(mesh: &mut Mesh, rect: Rect, color: Color32) {
    mesh.add_colored_rect(rect, color);
}

fn vertex(pos: Pos2, color: Color32) -> Vertex {
    Vertex { pos, uv: WHITE, color }
}

/// The same way, one long; no way stays none. Points of a screen are not so far apart that their squares run over, and without
/// that care it takes a fraction of the time.
fn unit(way: Vec2) -> Vec2 {
    let length = way.length_sq().sqrt();
    if length > 0.0 { way / length } else { Vec2::ZERO }
}

/// One line of text, cut with an ellipsis where it would be wider than this.
pub(super) fn text(painter: &Painter, words: String, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(words, font, color);
    job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
    painter.layout_job(job)
}

/// A name in one line: smaller, down to a size that can still be read, before it is cut.
pub(super) fn name(painter: &Painter, words: &str, mut font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    const LEAST: f32 = 10.0;
    loop {
        let galley = text(painter, words.to_owned(), font.clone(), color, width);
        if !galley.elided || font.size <= LEAST {
            return galley;
        }
        font.size = (font.size - 1.0).max(LEAST);
    }
}

/// Puts text so that its middle is at this height and it begins or ends at this place.
pub(super) fn beside(galley: &Galley, at: Pos2, align: egui::Align) -> Pos2 {
    let x = match align {
        egui::Align::Min => at.x,
        egui::Align::Center => at.x - galley.size().x / 2.0,
        egui::Align::Max => at.x - galley.size().x,
    };
    pos2(x.round(), (at.y - galley.size().y / 2.0).round())
}

/// A colour between two others.
pub(super) fn mix(from: Color32, to: Color32, part: f32) -> Color32 {
    from.lerp_to_gamma(to, part.clamp(0.0, 1.0))
}
