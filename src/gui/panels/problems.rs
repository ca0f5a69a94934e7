//! The problems of the flow: each a place to jump to, with what would help.

use egui::{RichText, Sense, Ui, UiBuilder, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::gui::mend;
use crate::gui::view::{Ask, Selection, Target, ViewCtx};
use crate::gui::widgets;
use crate::plan::{Place, Problem, Severity};

/// Draws the problems, errors first.
pub(crate) fn problems_ui(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    if ctx.problems.is_empty() {
        ui.centered_and_justified(|ui| ui.label(RichText::new("Nothing is wrong with this flow").color(theme.faint)));
        return;
    }
    egui::ScrollArea::vertical().id_salt("problems").auto_shrink([false, false]).show(ui, |ui| {
        for problem in ctx.problems.iter() {
            problem_row(ctx, ui, problem);
        }
    });
}

fn problem_row(ctx: &ViewCtx<'_>, ui: &mut Ui, problem: &Problem) {
    let theme = ctx.theme;
    let (icon, color) = match problem.severity {
        Severity::Error => (ph::WARNING_CIRCLE, theme.bad),
        Severity::Warning => (ph::WARNING, theme.warn),
    };
    let builder = UiBuilder::new().id_salt((problem.at.to_string(), problem.code)).sense(Sense::click());
    let row = ui.scope_builder(builder, |ui| {
        let response = ui.response();
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(response.rect, theme.control_corners(), theme.raised);
        }
        widgets::focus_ring(ui, theme, &response);
        ui.horizontal_top(|ui| {
            ui.add_space(theme.space.xs);
            ui.label(RichText::new(icon).font(theme.words(theme.sizes.body)).color(color));
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 1.0;
                ui.spacing_mut().interact_size.y = 18.0;
                ui.horizontal_wrapped(|ui| {
                    ui.label(RichText::new(&problem.what).size(theme.sizes.body));
                    ui.label(widgets::hint(theme, place_words(ctx, &problem.at)));
                });
                ui.horizontal_wrapped(|ui| {
                    ui.label(widgets::dim(theme, &problem.hint));
                    if let Some((label, edit)) = mend::mend(ctx.session.flow(), problem) {
                        let text = RichText::new(label).size(theme.sizes.small).color(theme.accent);
                        if ui.add(egui::Button::new(text).small()).clicked() {
                            ctx.ask(Ask::edit(edit));
                        }
                    }
                });
            });
        });
        ui.add_space(theme.space.xs);
    });
    let response = row.response;
    response.widget_info(|| {
        WidgetInfo::labeled(WidgetType::Button, true, format!("{}: {}", problem.severity, problem.what))
    });
    if response.clicked() {
        jump(ctx, &problem.at);
    }
}

/// Shows the place of a problem.
fn jump(ctx: &ViewCtx<'_>, place: &Place) {
    ctx.ask(match place {
        Place::Flow => Ask::Select(Selection::default()),
        Place::Node(id, _) => Ask::Show(Target::Node(id.clone())),
        Place::Link(id, _) => Ask::Show(Target::Link(id.clone())),
        Place::Event(name, _) => Ask::ShowEventType(name.clone()),
        Place::Expectation(name, _) => Ask::ShowExpectations(Some(name.clone())),
        // The scenario is a part of the flow's own page.
        Place::Fault(..) => Ask::Select(Selection::default()),
    });
}

fn place_words(ctx: &ViewCtx<'_>, place: &Place) -> String {
    let (what, field) = match place {
        Place::Flow => ("the flow".to_owned(), &None),
        Place::Node(id, field) => (ctx.session.flow().title(id), field),
        Place::Link(id, field) => (id.to_string(), field),
        Place::Event(name, field) => (name.to_string(), field),
        Place::Fault(name, field) => (name.to_string(), field),
        Place::Expectation(name, field) => (name.to_string(), field),
    };
    match field {
        Some(field) => format!("{what}, {field}"),
        None => what,
    }
}
