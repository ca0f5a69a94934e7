//! Lines with soft edges, as strips of one small texture that holds how a line of any width fades at its sides: two
//! corners a point, however wide the line is.

use egui::epaint::Vertex;
use egui::{Color32, ColorImage, Context, Mesh, Pos2, TextureId, TextureOptions, Vec2, pos2};

use super::ink;

/// How wide the soft edge of a line is.
const FEATHER: f32 = 1.0;
/// The widths in the texture: from one feather on, so far apart. Those in between are mixed from both their neighbours.
const STEP: f32 = 0.5;
/// How many widths there are.
const WIDTHS: usize = 16;
/// Texels across a line.
const ACROSS: usize = 64;
/// Where the texture is opaque.
const SOLID: Pos2 = pos2(1.0, 0.5);

/// The texture, made when it is first asked for.
pub(super) fn texture(ctx: &Context) -> TextureId {
    ink::texture(ctx, "lines", TextureOptions::LINEAR, profiles)
}

/// How a line fades at its sides: a column for each width.
fn profiles() -> ColorImage {
    let mut image = ColorImage::filled([WIDTHS, ACROSS], Color32::TRANSPARENT);
    for nth in 0..WIDTHS {
        let outer = reach(FEATHER + nth as f32 * STEP);
        for y in 0..ACROSS {
            let away = ((y as f32 + 0.5) / ACROSS as f32 * 2.0 - 1.0).abs() * outer;
            let cover = ((outer - away) / FEATHER).clamp(0.0, 1.0);
            image[(nth, y)] = Color32::from_white_alpha((cover * 255.0).round() as u8);
        }
    }
    image
}

/// How far from its middle a line of this width ends.
fn reach(width: f32) -> f32 {
    f32::midpoint(width, FEATHER)
}

/// A line along these points, with soft edges. The points follow a curve closely, so joints need no rounding. The mesh
/// has to be one of this texture.
pub(super) fn line(mesh: &mut Mesh, mut points: impl Iterator<Item = Pos2>, width: f32, color: Color32) {
    // What is thinner than its own edge is fainter instead.
    let color = if width < FEATHER { color.gamma_multiply(width.max(0.0) / FEATHER) } else { color };
    let width = width.max(FEATHER);
    let outer = reach(width);
    let across = ((width - FEATHER) / STEP + 0.5) / WIDTHS as f32;
    let Some(mut here) = points.next() else { return };
    let mut before = Vec2::ZERO;
    let mut corner = mesh.vertices.len() as u32;
    loop {
        let next = points.next();
        let after = next.map_or(Vec2::ZERO, |next| unit(next - here).rot90());
        let aside = unit(before + after) * outer;
        mesh.vertices.push(Vertex { pos: here + aside, uv: pos2(across, 0.0), color });
        mesh.vertices.push(Vertex { pos: here - aside, uv: pos2(across, 1.0), color });
        let Some(next) = next else { return };
        mesh.indices.extend([corner, corner + 1, corner + 2, corner + 2, corner + 1, corner + 3]);
        corner += 2;
        (here, before) = (next, after);
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
    mesh.vertices.extend([tip, foot + side, foot - side].map(|pos| Vertex { pos, uv: SOLID, color }));
    mesh.indices.extend([base, base + 1, base + 2]);
    line(mesh, [foot + side, tip, foot - side].into_iter(), 1.0, color.gamma_multiply(0.6));
}

/// The same way, one long; no way stays none. Points of a screen are not so far apart that their squares run over, and without
/// that care it takes a fraction of the time.
fn unit(way: Vec2) -> Vec2 {
    let length = way.length_sq().sqrt();
    if length > 0.0 { way / length } else { Vec2::ZERO }
}
