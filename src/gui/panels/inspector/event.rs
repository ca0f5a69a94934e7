//! The description of an event type: what it means, its colour, its size, an example.

use egui::{RichText, Sense, Stroke, Ui, Vec2, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use crate::edit::Edit;
use crate::gui::fields::{Form, name};
use crate::gui::view::{Ask, Target, ViewCtx};
use crate::gui::widgets;
use crate::model::{EventName, JsonText, NodeId};
use crate::plan::Place;

use super::{InspectorState, problems_ui, waiting};

/// What the eight event colours are called, for those who cannot see them.
const COLOR_NAMES: [&str; 8] = ["Orange", "Sky blue", "Green", "Yellow", "Blue", "Vermilion", "Purple", "Grey"];

/// Draws an event type's settings.
pub(super) fn event_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, event: &EventName, ui: &mut Ui) {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let form = Form::new(ctx, Place::Event(event.clone(), None));
    let described = flow.events().get(event);
    let old = described.cloned().unwrap_or_default();
    let mut next = old.clone();
    let emitters: Vec<&NodeId> = flow
        .nodes()
        .iter()
        .filter(|(_, node)| node.kind.emitted().any(|name| name == event))
        .map(|(id, _)| id)
        .collect();
    ui.horizontal(|ui| {
        if widgets::small_icon_button(ui, theme, ph::ARROW_LEFT, "Back to the flow", "Shows the flow again", true)
            .clicked()
        {
            state.event = None;
        }
        ui.label(widgets::dim(theme, "Event type"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let tip = if emitters.is_empty() {
                "Forgets this event type"
            } else {
                "Forgets its description; nodes still emit it"
            };
            let button = widgets::icon_button(ui, theme, ph::TRASH, "Remove event type", tip, described.is_some());
            if button.clicked() {
                ctx.ask(Ask::edit(Edit::RemoveEvent(event.clone())));
            }
        });
    });
    ui.label(RichText::new(event.as_str()).font(theme.mono(theme.sizes.title)));
    problems_ui(ctx, ui, |place| matches!(place, Place::Event(at, _) if at == event));
    ui.add_space(theme.space.s);
    let about = name("About", "What happened, in a sentence", "note");
    if let Some(new) = form.prose(ui, about, &next.note, "What happened?", 2) {
        next.note = new;
    }
    let worn = flow.event_colors().get(event).copied().unwrap_or(0);
    if let Some(color) = swatches(&form, ui, worn) {
        next.color = Some(color);
    }
    let size = name("Size", "How large one event is, for limits by bytes; empty means the length of its data", "size");
    if let Some(new) = form.optional(ui, size, &next.size, "as its data") {
        next.size = new;
    }
    waiting::terms_ui(&form, ui, &mut next);
    form.section(ui, "Data");
    let example =
        name("Example", "The data of a typical event, as JSON, and of every event that says nothing else", "example");
    if let Some(new) = form.block::<JsonText>(ui, example, &next.example, "{ \"order\": 17 }") {
        next.example = new;
    }
    form.folded(ui, "JSON Schema", next.schema.is_some(), |ui| {
        let schema = name("Schema", "What the data is meant to satisfy", "schema");
        if let Some(new) = form.block::<JsonText>(ui, schema, &next.schema, "{ \"type\": \"object\" }") {
            next.schema = new;
        }
    });
    if !emitters.is_empty() {
        form.section(ui, "Emitted by");
        for id in emitters {
            let text = RichText::new(flow.title(id)).size(theme.sizes.small);
            if ui.add(egui::Button::new(text).frame_when_inactive(false)).on_hover_text("Shows this node").clicked() {
                ctx.ask(Ask::Show(Target::Node(id.clone())));
            }
        }
    }
    if next != old {
        ctx.ask(Ask::edit(Edit::SetEvent(event.clone(), next)));
    }
}

/// The eight colours; the one that was picked.
fn swatches(form: &Form<'_>, ui: &mut Ui, worn: u8) -> Option<u8> {
    let theme = form.ctx.theme;
    let mut picked = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.xs;
        for (number, title) in COLOR_NAMES.into_iter().enumerate() {
            let number = number as u8;
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(24.0), Sense::click());
            response.widget_info(|| WidgetInfo::selected(WidgetType::RadioButton, true, number == worn, title));
            form.mark_setting(ui, &response, "color");
            ui.painter().circle_filled(rect.center(), 7.0, theme.event(number));
            if number == worn {
                ui.painter().circle_stroke(rect.center(), 10.0, Stroke::new(1.5, theme.text));
            }
            widgets::focus_ring(ui, theme, &response);
            if response.on_hover_text(title).clicked() && number != worn {
                picked = Some(number);
            }
        }
    });
    picked
}
