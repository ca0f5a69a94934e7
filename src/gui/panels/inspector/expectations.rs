//! What is expected of every run, in the flow's own settings: how each expectation stands, and how it is changed.

use egui::{Align, Button, Layout, RichText, Ui, WidgetInfo, WidgetType};
use egui_phosphor::regular as ph;

use super::{InspectorState, below, event_offers, problems_ui};
use crate::edit::Edit;
use crate::gui::fields::{Form, add_button, name};
use crate::gui::view::{Ask, Target, ViewCtx};
use crate::gui::widgets;
use crate::model::{
    Chance, Counted, EventName, Expectation, ExpectationName, ExpectationTag, Flow, KindTag, LinkId, LinkKind, NodeId,
    Scope, SimDuration,
};
use crate::plan::Place;
use crate::session::{EventRef, RunState, Standing, VerdictLine};

/// Draws every expectation with how it stands, and a way to add one.
pub(super) fn expectations_ui(ctx: &ViewCtx<'_>, state: &mut InspectorState, ui: &mut Ui) {
    let theme = ctx.theme;
    let flow = ctx.session.flow();
    if std::mem::take(&mut state.show_expectations) {
        ui.scroll_to_cursor(Some(Align::Center));
    }
    if flow.expectations().is_empty() {
        let words = "What has to hold in every run, whatever chance and faults bring; eventloom test judges it too";
        ui.add(egui::Label::new(widgets::hint(theme, words)).wrap());
    }
    for (expectation_name, expectation) in flow.expectations() {
        expectation_ui(ctx, state, ui, expectation_name, expectation);
        ui.add_space(theme.space.xs);
    }
    let button = add_button(ui, theme, "Add expectation");
    egui::Popup::menu(&button).show(|ui| {
        for tag in ExpectationTag::ALL {
            let fresh = fresh(flow, tag);
            let tip =
                if fresh.is_some() { tag.tip() } else { "There is nothing in the drawing that it could be about" };
            let entry = ui.add_enabled(fresh.is_some(), Button::new(tag.label()));
            if entry.on_hover_text(tip).on_disabled_hover_text(tip).clicked()
                && let Some(expectation) = fresh
            {
                let free = flow.free_expectation_name(&stem(flow, &expectation));
                state.expectation = Some(free.clone());
                ctx.ask(Ask::edit(Edit::SetExpectation(free, expectation)));
                ui.close();
            }
        }
    });
}

fn expectation_ui(
    ctx: &ViewCtx<'_>,
    state: &mut InspectorState,
    ui: &mut Ui,
    expectation_name: &ExpectationName,
    expectation: &Expectation,
) {
    let theme = ctx.theme;
    let is_open = state.expectation.as_ref() == Some(expectation_name);
    let is_run = ctx.live.state != RunState::Idle;
    let verdict = ctx.live.verdicts.iter().find(|verdict| is_run && verdict.name == *expectation_name);
    ui.horizontal(|ui| {
        let (icon, color) = match verdict.map(|verdict| verdict.standing) {
            Some(Standing::Kept) => (ph::CHECK_CIRCLE, theme.good),
            Some(Standing::Broken) => (ph::X_CIRCLE, theme.bad),
            Some(Standing::Open) => (ph::CIRCLE_DASHED, theme.faint),
            None => (ph::CIRCLE, theme.faint),
        };
        ui.spacing_mut().item_spacing.x = theme.space.xs;
        ui.label(RichText::new(icon).font(theme.words(theme.sizes.icon)).color(color));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let label = format!("Remove expectation {expectation_name}");
            if widgets::small_icon_button(ui, theme, ph::X, &label, "Expects it no longer", true).clicked() {
                ctx.ask(Ask::edit(Edit::RemoveExpectation(expectation_name.clone())));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().button_padding.x = 0.0;
                let text = RichText::new(expectation_name.as_str()).font(theme.strong(theme.sizes.small));
                let head = ui.add(Button::new(text.color(theme.text)).frame_when_inactive(false).wrap());
                head.widget_info(|| {
                    let label = format!("Expectation {expectation_name}");
                    WidgetInfo::selected(WidgetType::CollapsingHeader, true, is_open, label)
                });
                if head.on_hover_text(expectation.tag().tip()).clicked() {
                    state.expectation = (!is_open).then(|| expectation_name.clone());
                }
            });
        });
    });
    match verdict {
        Some(verdict) => verdict_ui(ctx, ui, verdict),
        None => below(ctx, ui, |ui| {
            ui.add(egui::Label::new(widgets::hint(theme, said(ctx.session.flow(), expectation))).wrap());
        }),
    }
    if is_open {
        settings_ui(ctx, state, ui, expectation_name, expectation);
    } else {
        problems_ui(ctx, ui, |place| matches!(place, Place::Expectation(of, _) if of == expectation_name));
    }
}

/// How it stands, and the way to what broke it.
fn verdict_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, verdict: &VerdictLine) {
    let (theme, flow) = (ctx.theme, ctx.session.flow());
    below(ctx, ui, |ui| {
        let is_over = ctx.live.state == RunState::Ended;
        let (words, color) = match (verdict.standing, verdict.at) {
            (Standing::Kept, _) if is_over => (format!("kept: {}", verdict.what), theme.dim),
            (Standing::Kept, _) => (format!("holds so far: {}", verdict.what), theme.dim),
            (Standing::Open, _) => (verdict.what.clone(), theme.faint),
            (Standing::Broken, Some(at)) => (format!("broken at {at}: {}", verdict.what), theme.bad),
            (Standing::Broken, None) => (format!("broken: {}", verdict.what), theme.bad),
        };
        let text = RichText::new(&words).font(theme.words(theme.sizes.tiny)).color(color);
        let Some(at) = verdict.at.filter(|_| verdict.standing == Standing::Broken) else {
            ui.add(egui::Label::new(text).wrap());
            return;
        };
        let target = verdict.place.as_deref().and_then(|place| target(flow, place));
        ui.spacing_mut().button_padding.x = 0.0;
        match verdict.handle {
            Some(event) => {
                let line = ui.add(Button::new(text).frame_when_inactive(false).wrap());
                line.widget_info(|| WidgetInfo::labeled(WidgetType::Link, true, &words));
                if line.on_hover_text("Shows the event that broke it").clicked() {
                    ctx.ask(Ask::OpenEvent(EventRef { event, seen_at: at }));
                }
            }
            None => {
                ui.add(egui::Label::new(text).wrap());
            }
        }
        if let Some((target, title)) = target {
            let text = RichText::new(format!("at {title}")).font(theme.words(theme.sizes.tiny)).color(theme.accent);
            if ui.add(Button::new(text).frame_when_inactive(false)).on_hover_text("Shows where it was").clicked() {
                ctx.ask(Ask::Show(target));
            }
        }
    });
}

/// A verdict's place on the canvas, and what people call it.
fn target(flow: &Flow, place: &str) -> Option<(Target, String)> {
    if let Some(id) = flow.nodes().keys().find(|id| id.as_str() == place) {
        return Some((Target::Node(id.clone()), flow.title(id)));
    }
    let id = flow.links().keys().find(|id| id.as_str() == place)?;
    Some((Target::Link(id.clone()), link_title(flow, id)))
}

fn link_title(flow: &Flow, id: &LinkId) -> String {
    flow.link(id)
        .map_or_else(|| id.to_string(), |link| format!("{} → {}", flow.title(&link.from), flow.title(&link.to)))
}

/// What it asks for, in few words, with the names that the canvas shows.
fn said(flow: &Flow, expectation: &Expectation) -> String {
    let at = |scope: &Option<Scope>| match scope {
        None => "anywhere".to_owned(),
        Some(Scope::Node(id)) => format!("at {}", flow.title(id)),
        Some(Scope::Link(id)) => format!("along {}", link_title(flow, id)),
    };
    match expectation {
        Expectation::NothingLost { at: scope } => format!("Nothing is lost {}", at(scope)),
        Expectation::InOrder { at: scope } => format!("Each key in order, {}", at(scope)),
        Expectation::Once { at: scope } => format!("Nothing is handled twice {}", at(scope)),
        Expectation::DeadLetters { at, at_most } => {
            let place = at.as_ref().map_or_else(|| "in all".to_owned(), |id| format!("in {}", flow.title(id)));
            format!("At most {at_most} dead letters {place}")
        }
        Expectation::Latency { from, to, share, within } => {
            format!("{share} of journeys from {} to {} within {within}", flow.title(from), flow.title(to))
        }
        Expectation::Follows { every, by, within, .. } => format!("Each {every} is followed by {by} within {within}"),
        Expectation::Lag { of, at_most } => format!("Never more than {at_most} open along {}", link_title(flow, of)),
        Expectation::Count { at, of, at_least, at_most, .. } => {
            let bounds = match at_most {
                Some(most) if most == at_least => most.to_string(),
                Some(most) => format!("{at_least} to {most}"),
                None => format!("at least {at_least}"),
            };
            format!("{} has {} {bounds}", flow.title(at), of.word())
        }
    }
}

// ---- settings -----------------------------------------------------------------------------------------------------

fn settings_ui(
    ctx: &ViewCtx<'_>,
    state: &mut InspectorState,
    ui: &mut Ui,
    expectation_name: &ExpectationName,
    expectation: &Expectation,
) {
    let flow = ctx.session.flow();
    let form = Form::new(ctx, Place::Expectation(expectation_name.clone(), None));
    if let Some(new) = form.value(ui, name("Name", "What people call it", "name"), expectation_name) {
        if flow.expectation(&new).is_none() {
            state.expectation = Some(new.clone());
        }
        ctx.ask(Ask::edit(Edit::RenameExpectation(expectation_name.clone(), new)));
    }
    let kinds: Vec<(ExpectationTag, &str, &str)> = ExpectationTag::ALL
        .into_iter()
        .filter(|tag| *tag == expectation.tag() || fresh(flow, *tag).is_some())
        .map(|tag| (tag, tag.label(), tag.tip()))
        .collect();
    let mut next = expectation.clone();
    let kind = name("Expects", "What has to hold", "kind");
    match form.choice(ui, kind, expectation.tag(), &kinds).and_then(|tag| fresh(flow, tag)) {
        Some(other) => next = other,
        None => kind_ui(&form, ui, &mut next),
    }
    if next != *expectation {
        ctx.ask(Ask::edit(Edit::SetExpectation(expectation_name.clone(), next)));
    }
}

/// The settings of a kind.
fn kind_ui(form: &Form<'_>, ui: &mut Ui, next: &mut Expectation) {
    let flow = form.ctx.session.flow();
    match next {
        Expectation::NothingLost { at } => scope(form, ui, at, |tag| tag != KindTag::Note, |_| true),
        Expectation::InOrder { at } | Expectation::Once { at } => {
            scope(form, ui, at, |tag| tag.subscribes() || tag == KindTag::Bus, owes);
        }
        Expectation::DeadLetters { at, at_most } => {
            let mut queues = vec![(None, "All of them together".to_owned())];
            let drawn = nodes(flow, |tag| tag == KindTag::DeadLetterQueue);
            queues.extend(drawn.into_iter().map(|(id, title)| (Some(id), title)));
            with_current(&mut queues, at, |at| at.as_ref().map_or_else(String::new, ToString::to_string));
            if let Some(new) = form.pick(ui, name("Queue", "Which dead-letter queue", "at"), at, &queues) {
                *at = new;
            }
            at_most_ui(form, ui, "How many dead letters there may be", at_most);
        }
        Expectation::Latency { from, to, share, within } => {
            let begin = nodes(flow, |tag| tag.publishes() || tag == KindTag::Bus);
            let end = nodes(flow, |tag| tag.subscribes() || tag == KindTag::Bus || tag == KindTag::DeadLetterQueue);
            node(
                form,
                ui,
                ("From", "from", "Where journeys begin: it emits an event, or a bus accepts one"),
                from,
                begin,
            );
            node(
                form,
                ui,
                ("To", "to", "Where journeys end: it has handled the event, or one that it caused"),
                to,
                end,
            );
            let label = name("Share", "Which share of all journeys: 99 % asks for the p99", "share");
            if let Some(new) = form.chance(ui, label, *share) {
                *share = new;
            }
            within_ui(form, ui, within);
        }
        Expectation::Follows { every, by, within, same_key, when } => {
            let events = event_offers(form.ctx);
            if let Some(new) = form.suggested(ui, name("Every", "The type of the first", "every"), every, &events) {
                *every = new;
            }
            let label = name("Followed by", "The type of what has to follow, with the same root cause", "by");
            if let Some(new) = form.suggested(ui, label, by, &events) {
                *by = new;
            }
            within_ui(form, ui, within);
            let label = name("With the same key", "Both must have the same partition key besides", "same_key");
            if let Some(new) = form.toggle(ui, label, *same_key) {
                *same_key = new;
            }
            let label = name("Only when", "Which of the first ones it is about, as in event.data.amount > 100", "when");
            if let Some(new) = form.condition(ui, label, when, "always") {
                *when = new;
            }
        }
        Expectation::Lag { of, at_most } => {
            let links = flow.links().iter().filter(|(_, link)| owes(&link.kind));
            let mut links: Vec<(LinkId, String)> = links.map(|(id, _)| (id.clone(), link_title(flow, id))).collect();
            with_current(&mut links, of, ToString::to_string);
            let label = name("Of", "A link that the subscription is drawn as, or a call", "of");
            if let Some(new) = form.pick(ui, label, of, &links) {
                *of = new;
            }
            at_most_ui(form, ui, "How many events may be open at any time", at_most);
        }
        Expectation::Count { at, of, event, when, at_least, at_most } => {
            node(form, ui, ("Node", "at", "Whose events are counted"), at, nodes(flow, |tag| tag != KindTag::Note));
            let whats = [
                (Counted::Received, "Received", "Attempts that arrive; of a bus, publishes that it accepts"),
                (Counted::Handled, "Handled", "Attempts that succeed"),
                (Counted::Failed, "Failed", "Attempts that fail"),
                (Counted::Emitted, "Emitted", "Events that it emits"),
            ];
            if let Some(new) = form.choice(ui, name("Counts", "What is counted", "of"), *of, &whats) {
                *of = new;
            }
            let events = event_offers(form.ctx);
            let label = name("Event", "Only events of this type; empty means all", "event");
            if let Some(new) = form.optional_suggested::<EventName>(ui, label, event, "every type", &events) {
                *event = new;
            }
            let label = name("Only when", "Only events of which this is true, as in event.data.amount > 100", "when");
            if let Some(new) = form.condition(ui, label, when, "always") {
                *when = new;
            }
            let label = name("At least", "How many there have to be when the run ends", "at_least");
            if let Some(new) = form.whole(ui, label, *at_least, (0, u64::MAX)) {
                *at_least = new;
            }
            let label = name("At most", "How many there may be; empty means any number", "at_most");
            if let Some(new) = form.optional_whole(ui, label, *at_most, (0, u64::MAX), "any number") {
                *at_most = new;
            }
        }
    }
}

fn at_most_ui(form: &Form<'_>, ui: &mut Ui, tip: &str, at_most: &mut u64) {
    if let Some(new) = form.whole(ui, name("At most", tip, "at_most"), *at_most, (0, u64::MAX)) {
        *at_most = new;
    }
}

fn within_ui(form: &Form<'_>, ui: &mut Ui, within: &mut SimDuration) {
    if let Some(new) = form.value(ui, name("Within", "How long it may take", "within"), within) {
        *within = new;
    }
}

/// Where: anywhere, a node, or a link.
fn scope(
    form: &Form<'_>,
    ui: &mut Ui,
    at: &mut Option<Scope>,
    is_for: impl Fn(KindTag) -> bool,
    is_for_link: impl Fn(&LinkKind) -> bool,
) {
    let flow = form.ctx.session.flow();
    let mut places = vec![(None, "Anywhere".to_owned())];
    places.extend(nodes(flow, is_for).into_iter().map(|(id, title)| (Some(Scope::Node(id)), title)));
    let links = flow.links().iter().filter(|(_, link)| is_for_link(&link.kind));
    places.extend(links.map(|(id, _)| (Some(Scope::Link(id.clone())), link_title(flow, id))));
    with_current(&mut places, at, |at| at.as_ref().map_or_else(String::new, ToString::to_string));
    if let Some(new) = form.pick(ui, name("Where", "A node, a link, or the whole flow", "at"), at, &places) {
        *at = new;
    }
}

/// One of some nodes: label, path in the file, tip.
fn node(
    form: &Form<'_>,
    ui: &mut Ui,
    (label, path, tip): (&str, &str, &str),
    value: &mut NodeId,
    mut options: Vec<(NodeId, String)>,
) {
    with_current(&mut options, value, ToString::to_string);
    if let Some(new) = form.pick(ui, name(label, tip, path), value, &options) {
        *value = new;
    }
}

/// What the file says is offered too, even if it does not fit: the problem beside the field says so.
fn with_current<T: Clone + PartialEq>(options: &mut Vec<(T, String)>, current: &T, title: impl FnOnce(&T) -> String) {
    if !options.iter().any(|(option, _)| option == current) {
        options.push((current.clone(), title(current)));
    }
}

fn nodes(flow: &Flow, fits: impl Fn(KindTag) -> bool) -> Vec<(NodeId, String)> {
    let fitting = flow.nodes().iter().filter(|(_, node)| fits(node.kind.tag()));
    fitting.map(|(id, node)| (id.clone(), node.title(id))).collect()
}

/// Whether events are owed along it.
const fn owes(kind: &LinkKind) -> bool {
    !matches!(kind, LinkKind::Publish(_))
}

// ---- new ones -----------------------------------------------------------------------------------------------------

/// One to begin with, about something that is drawn; `None` if it could be about nothing.
fn fresh(flow: &Flow, tag: ExpectationTag) -> Option<Expectation> {
    let first = |fits: &dyn Fn(KindTag) -> bool| nodes(flow, fits).into_iter().next().map(|(id, _)| id);
    Some(match tag {
        ExpectationTag::NothingLost => Expectation::NothingLost { at: None },
        ExpectationTag::InOrder => Expectation::InOrder { at: None },
        ExpectationTag::Once => Expectation::Once { at: None },
        ExpectationTag::DeadLetters => {
            let at = first(&|tag| tag == KindTag::DeadLetterQueue)?;
            Expectation::DeadLetters { at: Some(at), at_most: 0 }
        }
        ExpectationTag::Latency => Expectation::Latency {
            from: first(&|tag| tag == KindTag::Producer)?,
            to: first(&|tag| tag == KindTag::Consumer).or_else(|| first(&KindTag::subscribes))?,
            share: Chance::from_billionths(990_000_000),
            within: SimDuration::from_secs(1),
        },
        ExpectationTag::Follows => {
            let (every, by) = follows(flow)?;
            Expectation::Follows { every, by, within: SimDuration::from_secs(10), same_key: false, when: None }
        }
        ExpectationTag::Lag => {
            let of = flow.links().iter().find(|(_, link)| owes(&link.kind))?.0.clone();
            Expectation::Lag { of, at_most: 100 }
        }
        ExpectationTag::Count => Expectation::Count {
            at: first(&KindTag::subscribes)?,
            of: Counted::Handled,
            event: None,
            when: None,
            at_least: 1,
            at_most: None,
        },
    })
}

/// A type, and one that a node makes of it.
fn follows(flow: &Flow) -> Option<(EventName, EventName)> {
    let names = flow.event_names();
    let handlers = || flow.nodes().values().flat_map(|node| node.kind.handlers());
    names.iter().find_map(|every| {
        let reacting = handlers().filter(|handler| handler.on.matches(every.as_str()));
        let made = reacting.flat_map(|handler| &handler.emits).find(|emit| emit.event != *every)?;
        Some((every.clone(), made.event.clone()))
    })
}

/// What to call a new one.
fn stem(flow: &Flow, expectation: &Expectation) -> String {
    match expectation {
        Expectation::NothingLost { .. } => "nothing is lost".to_owned(),
        Expectation::InOrder { .. } => "each key in order".to_owned(),
        Expectation::Once { .. } => "nothing twice".to_owned(),
        Expectation::DeadLetters { .. } => "few dead letters".to_owned(),
        Expectation::Latency { from, to, .. } => format!("{} to {} in time", flow.title(from), flow.title(to)),
        Expectation::Follows { every, by, .. } => format!("{every} leads to {by}"),
        Expectation::Lag { .. } => "never far behind".to_owned(),
        Expectation::Count { at, .. } => format!("{} has work", flow.title(at)),
    }
}
