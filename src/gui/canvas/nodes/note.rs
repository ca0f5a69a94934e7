//! Notes: words on paper, under everything else.

use std::sync::Arc;

use egui::epaint::RectShape;
use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, Context, CornerRadius, Galley, Painter, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

use crate::gui::theme::Theme;

use super::super::brush::Brush;
use super::super::ink;
use super::parts;

/// Draws a note.
pub(super) fn draw(brush: &mut Brush, painter: &Painter, ix: u32) {
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom;
    let node = &brush.scene.nodes[ix as usize];
    let (text, title) = (node.text.clone(), node.title.clone());
    let paper = brush.camera.screen_rect(node.rect);
    let mark = brush.marks.nodes[ix as usize];
    let hovered = brush.hover.node() == Some(ix);
    let outline = if mark.selected {
        theme.accent
    } else {
        ink::mix(theme.paper, theme.paper_text, if hovered { 0.4 } else { 0.16 })
    };
    let fold = fold(zoom, paper.width());
    let (top, bottom) = (paper.min, paper.max);
    let corners = vec![top, pos2(bottom.x - fold, top.y), pos2(bottom.x, top.y + fold), bottom, pos2(top.x, bottom.y)];
    let layer = brush.layer(ix);
    layer.push(Shape::convex_polygon(corners, theme.paper, Stroke::new(1.0, outline)));
    let turned = vec![pos2(bottom.x - fold, top.y), pos2(bottom.x, top.y + fold), pos2(bottom.x - fold, top.y + fold)];
    layer.push(Shape::convex_polygon(turned, ink::mix(theme.paper, theme.paper_text, 0.16), Stroke::NONE));
    if mark.selected {
        let ring = Stroke::new(2.0, theme.accent.gamma_multiply(0.55));
        let shape =
            RectShape::new(paper.expand(3.0), CornerRadius::same(4), Color32::TRANSPARENT, ring, StrokeKind::Middle);
        layer.push(Shape::Rect(shape));
    }

    if hovered || mark.selected {
        // Three strokes in the corner say that it can be dragged.
        let grip = Stroke::new(1.5, ink::mix(theme.paper, theme.paper_text, 0.55));
        for step in [4.0, 8.0, 12.0] {
            let line = [bottom - vec2(step, 3.0), bottom - vec2(3.0, step)];
            layer.push(Shape::line_segment(line, grip));
        }
    }

    let (words, color) =
        if text.is_empty() { (title, theme.paper_text.gamma_multiply(0.6)) } else { (text, theme.paper_text) };
    if let Some(galley) = words_on(painter.ctx(), &theme, zoom, paper.size(), &words) {
        let pad = pad(zoom);
        brush.layer(ix).push(Shape::galley(paper.min + vec2(pad, pad), galley, color));
    }
}

/// How far words are from a note's edge.
fn pad(zoom: f32) -> f32 {
    (10.0 * zoom).clamp(3.0, 18.0)
}

/// The corner that is turned.
fn fold(zoom: f32, width: f32) -> f32 {
    (12.0 * zoom).clamp(4.0, 16.0).min(width / 3.0)
}

/// Words as they stand on a note of this size on screen, cut off where it is too small; `None` where there is no room at
/// all.
pub(in crate::gui::canvas) fn words_on(
    ctx: &Context,
    theme: &Theme,
    zoom: f32,
    paper: Vec2,
    words: &str,
) -> Option<Arc<Galley>> {
    let room = paper - Vec2::splat(2.0 * pad(zoom)) - vec2(fold(zoom, paper.x) * 0.4, 0.0);
    let size = match zoom {
        zoom if zoom >= 1.0 => parts::text_sizes(zoom).0,
        zoom if zoom >= 0.85 => 12.0,
        _ => 11.0,
    };
    if room.y < size || room.x < 24.0 {
        return None;
    }
    let lay = |size: f32| {
        let mut job = LayoutJob::simple(words.to_owned(), theme.words(size), Color32::PLACEHOLDER, room.x);
        let rows = (room.y / (size * 1.25)).floor().max(1.0) as usize;
        job.wrap = TextWrapping { max_rows: rows, max_width: room.x, ..TextWrapping::default() };
        ctx.fonts_mut(|fonts| fonts.layout_job(job))
    };
    // Smaller, as far as it can be read, before the end is cut off.
    let sizes = [size, size - 1.0, size - 2.0].into_iter().filter(|size| *size >= 9.0);
    sizes.map(lay).reduce(|larger, smaller| if larger.elided { smaller } else { larger })
}
