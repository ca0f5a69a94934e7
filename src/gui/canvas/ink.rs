//! What the parts of the picture are drawn with: text that fits, textures, plain blocks, colours in between.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Color32, ColorImage, Context, FontId, Galley, Id, Mesh, Painter, Pos2, Rect, TextureHandle, TextureId,
    TextureOptions, pos2,
};

/// A texture of this window, painted when it is first asked for.
pub(super) fn texture(
    ctx: &Context,
    name: &'static str,
    options: TextureOptions,
    paint: impl FnOnce() -> ColorImage,
) -> TextureId {
    let id = Id::new(("texture", name));
    let known = ctx.data(|data| data.get_temp::<TextureHandle>(id));
    let texture = known.unwrap_or_else(|| {
        let texture = ctx.load_texture(name, paint(), options);
        ctx.data_mut(|data| data.insert_temp(id, texture.clone()));
        texture
    });
    texture.id()
}

/// A plain rectangle.
pub(super) fn block(mesh: &mut Mesh, rect: Rect, color: Color32) {
    mesh.add_colored_rect(rect, color);
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
