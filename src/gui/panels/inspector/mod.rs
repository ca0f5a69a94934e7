//! The inspector: settings and figures of what is selected, or of the flow as a whole.

mod bus;
mod event;
mod expectations;
mod faults;
mod flow;
mod guards;
mod handlers;
mod kept;
mod link;
mod live;
mod node;
mod presets;
mod store;
mod stream;
mod timing;
mod waiting;

use egui::{RichText, Ui};
use egui_phosphor::regular as ph;

use crate::gui::action::Action;
use crate::gui::fields::Suggestion;
use crate::gui::mend;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{EventName, ExpectationName, FaultName, KindTag, NodeId};
use crate::plan::{Place, Problem, Severity};

/// What the inspector remembers from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct InspectorState {
    /// The event type that is shown while nothing is selected.
    pub event: Option<EventName>,
    /// The name field is to take the keyboard.
    pub focus_name: bool,
    /// The expectation whose settings are unfolded.
    pub expectation: Option<ExpectationName>,
    /// The fault whose settings are unfolded.
    pub fault: Option<FaultName>,
    /// What is expected is to be brought into view.
    pub show_expectations: bool,
}

/// Draws the settings and figures of what is selected.
pub(crate) fn inspector_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui) {
    let selection = &ctx.view.selection;
    egui::ScrollArea::vertical().id_salt("inspector").auto_shrink([false, false]).show(ui, |ui| {
        ui.add_space(ctx.theme.space.s);
        // Room for the scroll bar, which floats.
        ui.set_max_width(ui.available_width() - ctx.theme.space.xs);
        if let Some(id) = selection.single_node() {
            node::node_ui(ctx, state, id, ui);
        } else if let Some(id) = selection.single_link() {
            link::link_ui(ctx, id, ui);
        } else if selection.is_empty() {
            match &state.event {
                Some(name) if ctx.session.flow().event_names().contains(name) => {
                    let name = name.clone();
                    event::event_ui(ctx, state, &name, ui);
                }
                _ => flow::flow_ui(ctx, state, ui),
            }
        } else {
            many_ui(ctx, ui);
        }
        ui.add_space(ctx.theme.space.xl);
    });
}

/// Several things at once: what can be done with all of them.
fn many_ui(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    let (nodes, links) = (ctx.view.selection.nodes.len(), ctx.view.selection.links.len());
    let words = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        count => Some(format!("{count} {word}s")),
    };
    let title = [words(nodes, "node"), words(links, "link")].into_iter().flatten().collect::<Vec<_>>().join(", ");
    ui.label(RichText::new(title).font(theme.strong(theme.sizes.title)));
    ui.add_space(theme.space.s);
    for action in [Action::Duplicate, Action::Copy, Action::Connect, Action::Delete] {
        let possible = match action {
            Action::Connect => nodes == 2 && links == 0,
            Action::Delete => true,
            _ => nodes > 0,
        };
        let button = egui::Button::new(action.label()).min_size(egui::vec2(ui.available_width(), 28.0));
        if ui.add_enabled(possible, button).on_hover_text(action.tip_with_key()).clicked() {
            ctx.act(action);
        }
    }
}

/// The problems of a place, each with what would help and, where there is one, the mend as a button.
fn problems_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, is_here: impl Fn(&Place) -> bool) {
    let theme = ctx.theme;
    for problem in ctx.problems.iter().filter(|problem| is_here(&problem.at)) {
        ui.add_space(theme.space.s);
        problem_ui(ctx, ui, problem);
    }
}

fn problem_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, problem: &Problem) {
    let theme = ctx.theme;
    let (icon, color) = match problem.severity {
        Severity::Error => (ph::WARNING_CIRCLE, theme.bad),
        Severity::Warning => (ph::WARNING, theme.warn),
    };
    ui.horizontal_top(|ui| {
        ui.label(RichText::new(icon).font(theme.words(theme.sizes.body)).color(color));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add(egui::Label::new(RichText::new(&problem.what).size(theme.sizes.small).color(theme.text)).wrap());
            ui.add(egui::Label::new(widgets::hint(theme, &problem.hint)).wrap());
            if let Some((label, edit)) = mend::mend(ctx.session.flow(), problem) {
                let text = RichText::new(label).size(theme.sizes.small).color(theme.accent);
                if ui.add(egui::Button::new(text)).clicked() {
                    ctx.ask(Ask::edit(edit));
                }
            }
        });
    });
}

/// What stands below a name, in line with it.
fn below(ctx: &ViewCtx<'_>, ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = ctx.theme.space.xs;
        ui.add_space(ctx.theme.sizes.icon + ctx.theme.space.xs);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            add(ui);
        });
    });
}

/// The event types of the flow, each with its colour.
fn event_offers(ctx: &ViewCtx<'_>) -> Vec<Suggestion> {
    let flow = ctx.session.flow();
    let colors = flow.event_colors();
    let offer = |name: EventName| {
        let color = colors.get(&name).map(|color| ctx.theme.event(*color));
        (name.to_string(), color)
    };
    flow.event_names().into_iter().map(offer).collect()
}

/// The dead-letter queues of the flow: id and what to call it.
fn dead_letter_queues(ctx: &ViewCtx<'_>) -> Vec<(NodeId, String)> {
    let flow = ctx.session.flow();
    let queues = flow.nodes().iter().filter(|(_, node)| node.kind.tag() == KindTag::DeadLetterQueue);
    queues.map(|(id, node)| (id.clone(), node.title(id))).collect()
}
