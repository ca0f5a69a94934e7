//! The shapes of dots, in one small texture, so that any number of them is one mesh.

use egui::{Color32, ColorImage, Context, Mesh, Pos2, Rect, TextureId, TextureOptions, Vec2, pos2};

use super::ink;

/// The side of a shape's cell, in texels.
const CELL: usize = 32;
/// The diameter of a shape in its cell, in texels.
const DIAMETER: f32 = 20.0;
/// Samples across a texel, for smooth edges.
const SAMPLES: usize = 4;

/// A shape of the texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sprite {
    Disc,
    Diamond,
    Square,
    Triangle,
    HollowDisc,
    HollowDiamond,
    HollowSquare,
    HollowTriangle,
    /// A thin ring around a dot.
    Halo,
    /// A broken ring around a dot: it is a replay.
    Echo,
    /// Where one was lost.
    Cross,
}

impl Sprite {
    const ALL: [Self; 11] = [
        Self::Disc,
        Self::Diamond,
        Self::Square,
        Self::Triangle,
        Self::HollowDisc,
        Self::HollowDiamond,
        Self::HollowSquare,
        Self::HollowTriangle,
        Self::Halo,
        Self::Echo,
        Self::Cross,
    ];

    /// The shape for the `nth` event type, filled or hollow.
    pub(super) const fn of(nth: usize, filled: bool) -> Self {
        Self::ALL[nth % 4 + if filled { 0 } else { 4 }]
    }

    /// How much of the colour is at a place, counted in radii from the middle. What is hollow keeps a breath of it, or
    /// it would be lost on its link.
    fn cover(self, x: f32, y: f32) -> f32 {
        let solid = |inside: bool| f32::from(u8::from(inside));
        let disc = x.hypot(y);
        let diamond = (x.abs() + y.abs()) / 1.2;
        let square = x.abs().max(y.abs()) / 0.85;
        let triangle = (y / 0.75).max(x.abs() * 0.95 - y * 0.55).max(-y / 1.1);
        let rim = |depth: f32, rim: f32| match depth {
            depth if depth > 1.0 => 0.0,
            depth if depth > rim => 1.0,
            _ => 0.25,
        };
        match self {
            Self::Disc => solid(disc <= 1.0),
            Self::Diamond => solid(diamond <= 1.0),
            Self::Square => solid(square <= 1.0),
            Self::Triangle => solid(triangle <= 1.0),
            Self::HollowDisc => rim(disc, 0.6),
            Self::HollowDiamond => rim(diamond, 0.6),
            Self::HollowSquare => rim(square, 0.6),
            Self::HollowTriangle => rim(triangle, 0.4),
            Self::Halo => solid(disc <= 1.55 && disc > 1.33),
            Self::Echo => solid(disc <= 1.6 && disc > 1.28 && x.abs() > 0.6 && y.abs() > 0.6),
            Self::Cross => solid(disc <= 1.0 && ((x - y).abs() < 0.34 || (x + y).abs() < 0.34)),
        }
    }
}

/// The texture, made when it is first asked for.
pub(super) fn texture(ctx: &Context) -> TextureId {
    // Dots are far smaller than their cells: without smaller copies they would flicker as they move.
    let options = TextureOptions { mipmap_mode: Some(egui::TextureFilter::Linear), ..TextureOptions::LINEAR };
    ink::texture(ctx, "event dots", options, cells)
}

/// Every shape in a cell of its own.
fn cells() -> ColorImage {
    let mut image = ColorImage::filled([CELL * Sprite::ALL.len(), CELL], Color32::TRANSPARENT);
    let radius = DIAMETER / 2.0;
    for (cell, sprite) in Sprite::ALL.into_iter().enumerate() {
        for y in 0..CELL {
            for x in 0..CELL {
                let sample = |at: usize, of: usize| {
                    ((at as f32 + (of as f32 + 0.5) / SAMPLES as f32) - CELL as f32 / 2.0) / radius
                };
                let samples = (0..SAMPLES).flat_map(|i| (0..SAMPLES).map(move |j| (i, j)));
                let covered: f32 = samples.map(|(i, j)| sprite.cover(sample(x, i), sample(y, j))).sum();
                let alpha = (covered * 255.0 / (SAMPLES * SAMPLES) as f32).round() as u8;
                image[(cell * CELL + x, y)] = Color32::from_white_alpha(alpha);
            }
        }
    }
    image
}

/// Adds a dot of this diameter.
pub(super) fn push(mesh: &mut Mesh, sprite: Sprite, at: Pos2, diameter: f32, color: Color32) {
    let half = diameter * CELL as f32 / DIAMETER / 2.0;
    let cells = Sprite::ALL.len() as f32;
    let left = f32::from(sprite as u8) / cells;
    let uv = Rect::from_min_max(pos2(left, 0.0), pos2(left + 1.0 / cells, 1.0));
    mesh.add_rect_with_uv(Rect::from_center_size(at, Vec2::splat(2.0 * half)), uv, color);
}
