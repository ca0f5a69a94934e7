//! The settings of the flow as a whole, when nothing is selected.

use egui::{Align2, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use crate::edit::Edit;
use crate::gui::fields::{Form, add_button, name};
use crate::gui::format;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{EventName, EventType, KindTag};
use crate::plan::Place;

use super::{InspectorState, problems_ui};

/// Draws the flow's name, description, chance and event types.
pub(super) fn flow_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui) {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let form = Form::new(ctx, Place::Flow);
    ui.label(widgets::dim(theme, "Flow"));
    let (new, field) = form.title(ui, flow.name(), &format::flow_title(ctx.session));
    if let Some(new) = new {
        ctx.ask(Ask::edit(Edit::SetName(new)));
    }
    if std::mem::take(&mut state.focus_name) {
        ui.memory_mut(|memory| memory.request_focus(field));
    }
    let count = |tag: KindTag| flow.nodes().values().filter(|node| node.kind.tag() == tag).count();
    let notes = count(KindTag::Note);
    let nodes = flow.nodes().len() - notes;
    let words = match (nodes, flow.links().len()) {
        (0, _) => "Nothing drawn yet".to_owned(),
        (nodes, links) => format!("{nodes} nodes, {links} links"),
    };
    ui.label(widgets::hint(theme, words));
    problems_ui(ctx, ui, |place| matches!(place, Place::Flow));
    ui.add_space(theme.space.s);
    let about = name("About", "What it shows, in a sentence or two", "note");
    if let Some(new) = form.prose(ui, about, flow.note(), "What does this flow show?", 3) {
        ctx.ask(Ask::edit(Edit::SetNote(new)));
    }
    form.section(ui, "Event types");
    event_types(ctx, state, ui);
    form.section(ui, "Expectations");
    super::expectations::expectations_ui(ctx, state, ui);
    form.section(ui, "Faults");
    super::faults::faults_ui(ctx, state, ui);
    form.section(ui, "Run");
    let seed = name("Seed", "Where all chance comes from: the same flow and seed give the same run", "seed");
    if let Some(new) = form.whole(ui, seed, flow.seed(), (0, u64::MAX)) {
        ctx.ask(Ask::edit(Edit::SetSeed(new)));
    }
    let tip = "How many hops an event may be away from its root cause before it is taken for a loop and dead-lettered";
    if let Some(new) = form.whole(ui, name("Hop limit", tip, "hop_limit"), u64::from(flow.hop_limit()), (1, 10_000)) {
        ctx.ask(Ask::edit(Edit::SetHopLimit(new as u32)));
    }
}

fn event_types(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui) {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let colors = flow.event_colors();
    let names = flow.event_names();
    if names.is_empty() {
        ui.add(
            egui::Label::new(widgets::hint(theme, "They appear as producers and services name what they emit")).wrap(),
        );
    }
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for event in names {
            let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 26.0), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, format!("Event type {event}")));
            if response.hovered() || response.has_focus() {
                ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
            }
            widgets::focus_ring(ui, theme, &response);
            let color = colors.get(&event).map_or(theme.faint, |color| theme.event(*color));
            ui.painter().circle_filled(rect.left_center() + Vec2::new(8.0, 0.0), 4.0, color);
            let at = rect.left_center() + Vec2::new(22.0, 0.0);
            ui.painter().text(at, Align2::LEFT_CENTER, event.as_str(), theme.mono(theme.sizes.small), theme.text);
            let tip = flow.events().get(&event).map_or("Not described yet", |event| event.note.as_str());
            if response.on_hover_text(if tip.is_empty() { "Its example, size and colour" } else { tip }).clicked() {
                state.event = Some(event);
            }
        }
    });
    if add_button(ui, theme, "Add event type").clicked() {
        let free = (1..).find_map(|number| {
            let text =
                if number == 1 { "something.happened".to_owned() } else { format!("something.happened-{number}") };
            EventName::new(&text).ok().filter(|name| !flow.events().contains_key(name))
        });
        if let Some(free) = free {
            ctx.ask(Ask::edit(Edit::SetEvent(free.clone(), EventType::default())));
            state.event = Some(free);
        }
    }
}
