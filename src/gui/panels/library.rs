//! The library: every kind of node, to drag onto the canvas or to add with a click.

use egui::{Align2, CursorIcon, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use crate::gui::build;
use crate::gui::icons;
use crate::gui::theme::Theme;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::KindTag;

/// Draws the library.
pub(crate) fn library_ui(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    widgets::panel_head(ui, ctx.theme, "Library");
    ui.spacing_mut().item_spacing.y = 2.0;
    egui::ScrollArea::vertical().id_salt("library").auto_shrink([false, false]).show(ui, |ui| {
        for kind in KindTag::ALL {
            kind_row(ctx, ui, kind);
        }
        ui.add_space(ctx.theme.space.m);
        ui.horizontal_top(|ui| {
            ui.add_space(ctx.theme.space.s);
            ui.add(egui::Label::new(widgets::hint(ctx.theme, "Drag onto the canvas, or press Enter to add")).wrap());
        });
    });
}

fn kind_row(ctx: &ViewCtx<'_>, ui: &mut Ui, kind: KindTag) {
    let theme = ctx.theme;
    let size = Vec2::new(ui.available_width(), 48.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Add {}", kind.label())));
    if ui.is_rect_visible(rect) {
        if response.hovered() || response.has_focus() || response.dragged() {
            ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
        }
        widgets::focus_ring(ui, theme, &response);
        let icon_at = rect.left_center() + Vec2::new(20.0, 0.0);
        let icon_font = theme.words(theme.sizes.icon_large);
        ui.painter().text(icon_at, Align2::CENTER_CENTER, icons::kind(kind), icon_font, theme.dim);
        let text_left = rect.left_top() + Vec2::new(40.0, 7.0);
        let name_font = theme.words(theme.sizes.body);
        ui.painter().text(text_left, Align2::LEFT_TOP, kind.label(), name_font, theme.text);
        short_tip(ui, theme, kind, text_left + Vec2::new(0.0, 18.0), rect.right() - theme.space.xs);
    }
    if response.drag_started() || response.dragged() {
        response.dnd_set_drag_payload(kind);
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }
    let response = response.on_hover_cursor(CursorIcon::Grab).on_hover_text(kind.tip());
    if response.clicked() {
        let at = build::free_place(ctx.session.flow(), ctx.view.middle);
        ctx.ask(Ask::Place { kind, at, from: None });
    }
}

fn short_tip(ui: &Ui, theme: &Theme, kind: KindTag, at: egui::Pos2, right: f32) {
    let mut job = egui::text::LayoutJob::simple_singleline(
        in_few_words(kind).to_owned(),
        theme.words(theme.sizes.tiny),
        theme.faint,
    );
    job.wrap = egui::text::TextWrapping::truncate_at_width(right - at.x);
    let galley = ui.ctx().fonts_mut(|fonts| fonts.layout_job(job));
    ui.painter().galley(at, galley, theme.faint);
}

/// What a kind is for, in as many words as a row of the library holds.
pub(crate) const fn in_few_words(kind: KindTag) -> &'static str {
    match kind {
        KindTag::Producer => "Makes events",
        KindTag::Bus => "Topics and subscriptions",
        KindTag::Consumer => "Reacts to events",
        KindTag::Service => "Reacts and emits new events",
        KindTag::Function => "Scales from zero",
        KindTag::Stream => "Windows, joins, filters",
        KindTag::DeadLetterQueue => "Keeps what was given up",
        KindTag::Store => "Event store or view",
        KindTag::Gateway => "Asks and awaits replies",
        KindTag::Note => "Words on the canvas",
    }
}
