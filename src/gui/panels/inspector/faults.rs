//! The scenario, in the flow's own settings: what breaks when, which of it is on, and how it is changed.

use egui::{Align, Button, Layout, RichText, Ui, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use super::{InspectorState, below, problems_ui, timing};
use crate::edit::Edit;
use crate::gui::fields::{Form, add_button, name};
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{Fault, FaultKind, FaultName, FaultTarget, Flow, KindTag, Link, LinkId, SimDuration};
use crate::plan::Place;

/// Draws every fault with its settings, and a way to add one.
pub(super) fn faults_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui) {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    if flow.faults().is_empty() {
        let words = "A fault breaks a node or a link at an instant of every run, and heals it again";
        ui.add(egui::Label::new(widgets::hint(theme, words)).wrap());
    }
    for (fault_name, fault) in flow.faults() {
        fault_ui(ctx, state, ui, fault_name, fault);
        ui.add_space(theme.space.xs);
    }
    // By hand, for as long as it lasts: it is no part of the flow.
    for fault in ctx.live.faults.iter().filter(|fault| !flow.faults().keys().any(|name| name.as_str() == fault.name)) {
        let words = format!("{} {}: on since {}", fault.kind.label(), fault.name, fault.since);
        ui.label(RichText::new(words).size(theme.sizes.small).color(theme.bad));
    }
    if add_button(ui, theme, "Add fault").clicked()
        && let Some((stem, fault)) = new_fault(ctx)
    {
        let free = flow.free_fault_name(&stem);
        state.fault = Some(free.clone());
        ctx.ask(Ask::edit(Edit::SetFault(free, fault)));
    }
}

/// A fault to begin with: of what is selected, else of the first node that can crash.
fn new_fault(ctx: &ViewCtx<'_>) -> Option<(String, Fault)> {
    let flow = ctx.session.flow();
    let can_crash = |tag: KindTag| FaultKind::Crash.is_for_node(tag);
    let workers = flow.nodes().iter().filter(|(_, node)| node.kind.tag().subscribes());
    let others = flow.nodes().iter().filter(|(_, node)| can_crash(node.kind.tag()));
    let (id, _) = workers.chain(others).next()?;
    let (at, lasts) = (SimDuration::from_secs(10), Some(SimDuration::from_secs(5)));
    let on = FaultTarget::Node(id.clone());
    Some((format!("{} dies", flow.title(id)), Fault { at, lasts, on, kind: FaultKind::Crash, note: String::new() }))
}

/// A fault in a line, and unfolded with its settings.
fn fault_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui, fault_name: &FaultName, fault: &Fault) {
    let theme = ctx.theme;
    let is_open = state.fault.as_ref() == Some(fault_name);
    let is_on = ctx.live.state.is_alive() && ctx.live.faults.iter().any(|live| live.name == fault_name.as_str());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.xs;
        let color = if is_on { theme.bad } else { theme.faint };
        ui.label(RichText::new(ph::LIGHTNING_SLASH).font(theme.words(theme.sizes.icon)).color(color));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let label = format!("Remove fault {fault_name}");
            if widgets::small_icon_button(ui, theme, ph::X, &label, "Take it out of the scenario", true).clicked() {
                ctx.ask(Ask::edit(Edit::RemoveFault(fault_name.clone())));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().button_padding.x = 0.0;
                let words = if is_on { format!("{fault_name}, on") } else { fault_name.to_string() };
                let color = if is_on { theme.bad } else { theme.text };
                let text = RichText::new(words).font(theme.strong(theme.sizes.small)).color(color);
                let head = ui.add(Button::new(text).frame_when_inactive(false).wrap());
                head.widget_info(|| {
                    let label = format!("Fault {fault_name}");
                    WidgetInfo::selected(WidgetType::CollapsingHeader, true, is_open, label)
                });
                if head.on_hover_text("Shows its settings").clicked() {
                    state.fault = (!is_open).then(|| fault_name.clone());
                }
            });
        });
    });
    if is_open {
        settings_ui(ctx, state, ui, fault_name, fault);
    } else {
        below(ctx, ui, |ui| {
            ui.add(egui::Label::new(widgets::hint(theme, said(ctx.session.flow(), fault))).wrap());
        });
    }
    problems_ui(ctx, ui, |place| matches!(place, Place::Fault(of, _) if of == fault_name));
}

/// What a fault does, in a line.
fn said(flow: &Flow, fault: &Fault) -> String {
    let on = match &fault.on {
        FaultTarget::Node(id) => flow.title(id),
        FaultTarget::Link(id) => link_title(flow, id),
        FaultTarget::Links(links) => format!("{} links", links.len()),
    };
    let lasts = fault.lasts.map_or_else(|| "to the end".to_owned(), |lasts| format!("for {lasts}"));
    format!("{}: {on}, at {} {lasts}", fault.kind.label(), fault.at)
}

fn settings_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui, fault_name: &FaultName, fault: &Fault) {
    let flow = ctx.session.flow();
    let form = Form::new(ctx, Place::Fault(fault_name.clone(), None));
    let mut next = fault.clone();
    if let Some(new) =
        form.value(ui, name("Name", "What people call it; its draws are keyed by it", "name"), fault_name)
    {
        state.fault = Some(new.clone());
        ctx.ask(Ask::edit(Edit::RenameFault(fault_name.clone(), new)));
    }
    if let Some(new) =
        form.pick(ui, name("On", "Which node or link it is about", "on"), &fault.on, &targets(flow, fault))
    {
        next.on = new;
        if !fits(flow, &next.on, &next.kind)
            && let Some(kind) = FaultKind::ALL.into_iter().find(|kind| fits(flow, &next.on, kind))
        {
            next.kind = kind;
        }
    }
    if let FaultTarget::Links(links) = &fault.on
        && let Some(links) = links_ui(ctx, ui, links)
    {
        next.on = FaultTarget::Links(links);
    }
    // One that does not fit what it is about is only offered where it is what the file says.
    let kinds: Vec<(FaultKind, String)> = FaultKind::ALL
        .into_iter()
        .map(|kind| if kind.tag() == fault.kind.tag() { fault.kind } else { kind })
        .filter(|kind| *kind == fault.kind || fits(flow, &fault.on, kind))
        .map(|kind| (kind, kind.label().to_owned()))
        .collect();
    if let Some(new) = form.pick(ui, name("Kind", "What goes wrong", "kind"), &fault.kind, &kinds) {
        next.kind = new;
    }
    if let Some(new) = form.value(ui, name("At", "When it begins, from the start of a run", "at"), &fault.at) {
        next.at = new;
    }
    let lasts = name("For", "How long it lasts; empty means until it is healed, or to the end", "for");
    if let Some(new) = form.optional(ui, lasts, &fault.lasts, "to the end") {
        next.lasts = new;
    }
    kind_ui(ui, &form, &mut next.kind, &fault.kind);
    if next != *fault {
        ctx.ask(Ask::edit(Edit::SetFault(fault_name.clone(), next)));
    }
}

/// Everything that a fault can be about, by the names that the canvas shows.
fn targets(flow: &Flow, fault: &Fault) -> Vec<(FaultTarget, String)> {
    let mut targets: Vec<(FaultTarget, String)> = Vec::new();
    for (id, node) in flow.nodes() {
        if FaultKind::Crash.is_for_node(node.kind.tag()) {
            targets.push((FaultTarget::Node(id.clone()), flow.title(id)));
        }
    }
    targets.extend(flow.links().keys().map(|id| (FaultTarget::Link(id.clone()), link_title(flow, id))));
    // Several begin with what is chosen by now: a node's links, or the one link.
    let several = match &fault.on {
        FaultTarget::Links(links) => links.clone(),
        FaultTarget::Link(link) => vec![link.clone()],
        FaultTarget::Node(node) => flow.links_from(node).chain(flow.links_to(node)).map(|(id, _)| id.clone()).collect(),
    };
    if !several.is_empty() {
        targets.push((FaultTarget::Links(several), "Several links".to_owned()));
    }
    if !targets.iter().any(|(target, _)| *target == fault.on) {
        targets.push((fault.on.clone(), fault.on.to_string()));
    }
    targets
}

fn link_title(flow: &Flow, id: &LinkId) -> String {
    let ends = |link: &Link| format!("{} → {}", flow.title(&link.from), flow.title(&link.to));
    flow.link(id).map_or_else(|| id.to_string(), ends)
}

fn fits(flow: &Flow, on: &FaultTarget, kind: &FaultKind) -> bool {
    match on {
        FaultTarget::Node(id) => flow.node(id).is_some_and(|node| kind.is_for_node(node.kind.tag())),
        FaultTarget::Link(_) | FaultTarget::Links(_) => kind.is_for_links(),
    }
}

/// Which links a fault is about that is about several. The last one stays.
fn links_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, chosen: &[LinkId]) -> Option<Vec<LinkId>> {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    let mut changed = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::Vec2::splat(theme.space.xs);
        for id in flow.links().keys() {
            let on = chosen.contains(id);
            let chip = widgets::chip(ui, theme, &link_title(flow, id), theme.accent, on);
            if !chip.clicked() || (on && chosen.len() == 1) {
                continue;
            }
            let stays = chosen.iter().filter(|other| *other != id).cloned();
            changed = Some(stays.chain((!on).then(|| id.clone())).collect());
        }
    });
    changed
}

/// The settings of a kind. `kind` is what it becomes, `shown` what it is.
fn kind_ui(ui: &mut Ui, form: &Form<'_>, kind: &mut FaultKind, shown: &FaultKind) {
    if kind.tag() != shown.tag() {
        return;
    }
    match kind {
        FaultKind::Drop { chance } | FaultKind::Duplicate { chance } | FaultKind::Delay { by: _, chance } => {
            let label = name("Chance", "How likely it befalls each event", "kind.chance");
            if let Some(new) = form.chance(ui, label, *chance) {
                *chance = new;
            }
        }
        FaultKind::Reorder { within, chance } => {
            let label = name("Within", "The longest that one is held back", "kind.within");
            if let Some(new) = form.value(ui, label, within) {
                *within = new;
            }
            let label = name("Chance", "How likely each is held back", "kind.chance");
            if let Some(new) = form.chance(ui, label, *chance) {
                *chance = new;
            }
        }
        FaultKind::Slow { by } => {
            if let Some(new) = form.value(ui, name("Factor", "How many times as long: 4x", "kind.by"), by) {
                *by = new;
            }
        }
        FaultKind::ClockSkew { by, behind } => {
            if let Some(new) = form.value(ui, name("By", "By how much the clock is wrong", "kind.by"), by) {
                *by = new;
            }
            let label = name("Behind", "Whether it is late rather than early", "kind.behind");
            if let Some(new) = form.toggle(ui, label, *behind) {
                *behind = new;
            }
        }
        FaultKind::Partition | FaultKind::Crash | FaultKind::Pause => {}
    }
    if let FaultKind::Delay { by, .. } = kind
        && let Some(new) = timing::distribution(form, ui, name("By", "How much longer each takes", "kind.by"), by)
    {
        *by = new;
    }
}
