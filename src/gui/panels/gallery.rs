//! The examples that ship: cards with a small picture of the running flow, a name and what it teaches. A picture stands
//! still until somebody points at it.

use std::cell::OnceCell;

use egui::{Align2, Frame, Id, Margin, Modal, Rect, RichText, Sense, Stroke, Ui, Vec2, WidgetInfo, WidgetType, pos2};
use egui_phosphor::regular as ph;

use crate::gui::canvas::Miniature;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{Flow, SimDuration, SimTime};
use crate::session::{EXAMPLES, Glimpse, Session};

/// The examples as flows, read once.
pub(crate) struct Gallery {
    examples: Vec<Shown>,
}

/// An example with its picture.
struct Shown {
    name: &'static str,
    flow: Flow,
    picture: Miniature,
    /// Its first seconds, found out when it is first seen: one example a frame, so that the gallery opens at once.
    glimpse: OnceCell<Moving>,
}

/// A picture's first seconds, and the moment of them that it shows while it stands still.
struct Moving {
    glimpse: Glimpse,
    still: SimTime,
}

impl Default for Gallery {
    fn default() -> Self {
        let shown = |flow: Flow, name| Shown { name, picture: Miniature::of(&flow), flow, glimpse: OnceCell::new() };
        Self { examples: EXAMPLES.iter().map(|example| shown(example.flow(), example.name)).collect() }
    }
}

impl Gallery {
    /// Finds out what moves in one more of the first so many examples, if it is not known of all.
    fn glimpse_one(&self, most: usize, ui: &Ui) {
        let unknown = self.examples.iter().take(most).find(|shown| shown.glimpse.get().is_none());
        if let Some(shown) = unknown {
            shown.glimpse.get_or_init(|| {
                let glimpse = Session::new(shown.flow.clone()).glimpse();
                Moving { still: Miniature::fullest(&glimpse), glimpse }
            });
            ui.ctx().request_repaint();
        }
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
                for row in gallery.examples.chunks(columns) {
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = theme.space.m;
                        for shown in row {
                            if card(ctx, ui, shown, Vec2::new(card_width, 196.0)).clicked() {
                                ctx.ask(Ask::OpenExample(shown.name.to_owned()));
                                open = false;
                            }
                        }
                    });
                    ui.add_space(theme.space.m);
                }
            });
    });
    gallery.glimpse_one(usize::MAX, ui);
    open && !modal.should_close()
}

/// How many examples an empty canvas shows.
const STRIP: usize = 3;

/// A few examples in one row, for the foot of an empty canvas.
pub(crate) fn strip_ui(ctx: &ViewCtx<'_>, gallery: &Gallery, ui: &mut Ui, width: f32) {
    let theme = ctx.theme;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.m;
        let size = Vec2::new(((width - theme.space.m * 2.0) / 3.0).clamp(120.0, 220.0), 146.0);
        for shown in gallery.examples.iter().take(STRIP) {
            if card(ctx, ui, shown, size).clicked() {
                ctx.ask(Ask::OpenExample(shown.name.to_owned()));
            }
        }
    });
    gallery.glimpse_one(STRIP, ui);
}

fn card(ctx: &ViewCtx<'_>, ui: &mut Ui, shown: &Shown, size: Vec2) -> egui::Response {
    let (theme, flow) = (ctx.theme, &shown.flow);
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
    let moment = shown.glimpse.get().map(|moving| (&moving.glimpse, moment(ctx, ui, moving, lit, response.id)));
    shown.picture.draw(&painter, theme, picture.shrink(14.0), moment);
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
    let is_cut = galley.elided;
    painter.galley(pos2(left, picture.bottom() + 28.0), galley, theme.dim);
    if is_cut { response.on_hover_text(flow.note()) } else { response }
}

/// The instant that a picture shows: it goes on for as long as somebody points at it.
fn moment(ctx: &ViewCtx<'_>, ui: &Ui, moving: &Moving, lit: bool, id: Id) -> SimTime {
    let since = Id::new(("glimpse since", id));
    if !lit || ctx.view.reduced_motion {
        ui.data_mut(|data| data.remove_temp::<f64>(since));
        return moving.still;
    }
    let now = ui.input(|input| input.time);
    let began = ui.data_mut(|data| *data.get_temp_mut_or_insert_with(since, || now));
    ui.ctx().request_repaint();
    let passed = SimDuration::from_nanos(((now - began) * 1e9) as u64);
    let lasts = moving.glimpse.lasts.as_nanos().max(1);
    SimTime::from_nanos((moving.still + passed).as_nanos() % lasts)
}
