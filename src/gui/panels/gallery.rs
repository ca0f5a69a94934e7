//! The examples that ship: cards with a small drawing, a name and what the flow teaches.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::{
    Align2, Color32, Frame, Id, Margin, Modal, Painter, Pos2, Rect, RichText, Sense, Shape, Stroke, Ui, Vec2,
    WidgetInfo, WidgetType, pos2,
};
use egui_phosphor::regular as ph;

use crate::gui::theme::Theme;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{Flow, KindTag, NodeId};
use crate::session::EXAMPLES;

/// The examples as flows, read once.
pub(crate) struct Gallery {
    flows: Vec<(&'static str, Arc<Flow>)>,
}

impl Default for Gallery {
    fn default() -> Self {
        Self { flows: EXAMPLES.iter().map(|example| (example.name, Arc::new(example.flow()))).collect() }
    }
}

/// Draws the gallery in front of everything; whether it stays open.
pub(crate) fn gallery_ui(ctx: &ViewCtx<'_>, gallery: &Gallery, ui: &Ui) -> bool {
    let theme = ctx.theme;
    let room = ui.ctx().content_rect().size();
    let frame = Frame::new()
        .fill(theme.panel)
        .stroke(Stroke::new(1.0, theme.edge))
        .corner_radius(theme.card_corners())
        .shadow(ui.visuals().window_shadow)
        .inner_margin(Margin::same(20));
    let mut open = true;
    let modal = Modal::new(Id::new("gallery")).frame(frame).backdrop_color(theme.scrim).show(ui.ctx(), |ui| {
        let columns = if room.x > 1_100.0 { 3 } else { 2 };
        let width = (room.x - 160.0).min(340.0 * columns as f32);
        ui.set_width(width);
        ui.horizontal(|ui| {
            ui.label(RichText::new("Examples").font(theme.strong(theme.sizes.title)));
            ui.label(widgets::dim(theme, "Each teaches one thing; open one and press Run"));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if widgets::icon_button(ui, theme, ph::X, "Close examples", "Closes the examples", true).clicked() {
                    open = false;
                }
            });
        });
        ui.add_space(theme.space.m);
        egui::ScrollArea::vertical()
            .id_salt("gallery")
            .max_height(room.y - 160.0)
            .min_scrolled_height(room.y - 160.0)
            .show(ui, |ui| {
                let card_width = (width - theme.space.m * columns as f32) / columns as f32;
                for row in gallery.flows.chunks(columns) {
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = theme.space.m;
                        for (name, flow) in row {
                            if card(ctx.theme, ui, flow, Vec2::new(card_width, 196.0)).clicked() {
                                ctx.ask(Ask::OpenExample((*name).to_owned()));
                                open = false;
                            }
                        }
                    });
                    ui.add_space(theme.space.m);
                }
            });
    });
    open && !modal.should_close()
}

/// A few examples in one row, for the foot of an empty canvas.
pub(crate) fn strip_ui(ctx: &ViewCtx<'_>, gallery: &Gallery, ui: &mut Ui, width: f32) {
    let theme = ctx.theme;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.m;
        let size = Vec2::new(((width - theme.space.m * 2.0) / 3.0).clamp(120.0, 220.0), 146.0);
        for (name, flow) in gallery.flows.iter().take(3) {
            if card(theme, ui, flow, size).clicked() {
                ctx.ask(Ask::OpenExample((*name).to_owned()));
            }
        }
    });
}

fn card(theme: &Theme, ui: &mut Ui, flow: &Flow, size: Vec2) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Example {}", flow.name())));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let lit = response.hovered() || response.has_focus();
    let painter = ui.painter().with_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
    painter.rect_filled(rect, theme.card_corners(), if lit { theme.raised } else { theme.card });
    let line = if lit { theme.accent } else { theme.line };
    painter.rect_stroke(rect, theme.card_corners(), Stroke::new(1.0, line), egui::StrokeKind::Inside);
    let picture =
        Rect::from_min_size(rect.min, Vec2::new(size.x, size.y - if size.y < 160.0 { 66.0 } else { 84.0 })).shrink(1.0);
    let corners = egui::CornerRadius { nw: theme.radius.card, ne: theme.radius.card, sw: 0, se: 0 };
    painter.rect_filled(picture, corners, theme.canvas);
    miniature(&painter, theme, flow, picture.shrink(14.0));
    let left = rect.left() + theme.space.m;
    let at = pos2(left, picture.bottom() + 9.0);
    painter.text(at, Align2::LEFT_TOP, flow.name(), theme.strong(theme.sizes.body), theme.text);
    let mut about = egui::text::LayoutJob::simple(
        flow.note().to_owned(),
        theme.words(theme.sizes.tiny),
        theme.dim,
        size.x - theme.space.m * 2.0,
    );
    about.wrap.max_rows = if size.y < 160.0 { 2 } else { 3 };
    let galley = ui.ctx().fonts_mut(|fonts| fonts.layout_job(about));
    painter.galley(pos2(left, picture.bottom() + 28.0), galley, theme.dim);
    response.on_hover_text(flow.note())
}

/// The drawing in small: cards as blocks, buses as rails, links as lines in the colours of their events.
fn miniature(painter: &Painter, theme: &Theme, flow: &Flow, rect: Rect) {
    let half = |kind: KindTag| match kind {
        KindTag::Bus => Vec2::new(70.0, 80.0),
        KindTag::Producer
        | KindTag::Consumer
        | KindTag::Service
        | KindTag::Function
        | KindTag::DeadLetterQueue
        | KindTag::Note => Vec2::new(88.0, 30.0),
    };
    let nodes: BTreeMap<&NodeId, (Pos2, KindTag)> = flow
        .nodes()
        .iter()
        .filter(|(_, node)| node.kind.tag() != KindTag::Note)
        .map(|(id, node)| (id, (pos2(node.at.0 as f32, node.at.1 as f32), node.kind.tag())))
        .collect();
    let mut bounds = Rect::NOTHING;
    for (at, kind) in nodes.values() {
        bounds = bounds.union(Rect::from_center_size(*at, half(*kind) * 2.0));
    }
    if !bounds.is_positive() {
        return;
    }
    let scale = (rect.width() / bounds.width()).min(rect.height() / bounds.height()).min(0.4);
    let place = |at: Pos2| rect.center() + (at - bounds.center()) * scale;
    let colors = flow.event_colors();
    let ends = flow.links().values().map(|link| (&link.from, &link.to, false));
    let dead: Vec<_> = flow.dead_letter_links();
    let ends = ends.chain(dead.iter().map(|link| (&link.from, &link.to, true)));
    for (from, to, is_dead) in ends {
        let (Some((a, from_kind)), Some((b, to_kind))) = (nodes.get(from), nodes.get(to)) else { continue };
        let start = place(*a + Vec2::new(half(*from_kind).x, 0.0));
        let end = place(*b - Vec2::new(half(*to_kind).x, 0.0));
        let emitted = flow.node(from).and_then(|node| node.kind.emitted().next()).and_then(|event| colors.get(event));
        let color: Color32 = match (is_dead, emitted) {
            (true, _) => Theme::wash(theme.bad, 0.5),
            (false, Some(color)) => Theme::wash(theme.event(*color), 0.7),
            (false, None) => theme.edge,
        };
        let bend = ((end.x - start.x).abs() * 0.5).max(6.0);
        let points = [start, start + Vec2::new(bend, 0.0), end - Vec2::new(bend, 0.0), end];
        painter.add(Shape::CubicBezier(egui::epaint::CubicBezierShape::from_points_stroke(
            points,
            false,
            Color32::TRANSPARENT,
            Stroke::new(1.2, color),
        )));
    }
    for (at, kind) in nodes.values() {
        let block = Rect::from_center_size(place(*at), half(*kind) * 2.0 * scale);
        let edge = match kind {
            KindTag::Bus => theme.dim,
            KindTag::DeadLetterQueue => Theme::wash(theme.bad, 0.7),
            KindTag::Producer | KindTag::Consumer | KindTag::Service | KindTag::Function | KindTag::Note => theme.edge,
        };
        painter.rect(block, 2.0, theme.raised, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
    }
}
