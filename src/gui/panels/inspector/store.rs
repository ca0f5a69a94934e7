//! The settings of what keeps state: a store; and how a service commits, and the saga that it leads.

use egui::Ui;

use crate::gui::fields::{Form, Suggestion, add_button, name, order_buttons};
use crate::gui::widgets;
use crate::model::{
    Commit, EventName, Expects, Expression, LinkKind, NodeId, Pattern, Saga, SagaStep, Service, StateField, StateValue,
    Store, StoreKeeps, limits,
};

use super::timing;

// ---- stores -------------------------------------------------------------------------------------------------------

/// Draws the settings of a store.
pub(super) fn store_ui(form: &Form<'_>, ui: &mut Ui, id: &NodeId, store: &mut Store, events: &[Suggestion]) {
    form.section(ui, "Keeps");
    let keeps = [
        (StoreKeeps::View, "A view", "What events add up to, key by key: it can be worked out again from their topics"),
        (StoreKeeps::Events, "The events", "Every event in a stream of its key, each with its version: the truth"),
    ];
    if let Some(new) = form.choice(ui, name("Keeps", "What it is the keeper of", "keeps"), store.keeps, &keeps) {
        store.keeps = new;
    }
    let tip = "What an event belongs to, as in event.data.customer; empty means its partition key";
    if let Some(new) = form.expression(ui, name("Key", tip, "key"), &store.key, "the partition key") {
        store.key = new;
    }
    if store.keeps == StoreKeeps::Events {
        versions(form, ui, store);
    }
    form.section(ui, "State of each key");
    state(form, ui, store);
    let tip =
        "The whole state after an event, in place of the named parts, as in { \"n\": (state.n ?? 0) + event.data.n }";
    if let Some(new) = form.fold(ui, name("Fold", tip, "fold"), &store.fold, "the parts above") {
        store.fold = new;
    }
    form.section(ui, "Change feed");
    tells(form, ui, id, store, events);
    form.section(ui, "Working");
    let takes = name("Takes", "How long taking an event lasts, reading the state included", "takes");
    if let Some(new) = timing::distribution(form, ui, takes, &store.takes) {
        store.takes = new;
    }
    let at_once = name("At once", "How many events it takes at the same time", "concurrency");
    if let Some(new) = form.whole(ui, at_once, u64::from(store.concurrency), (1, u64::from(limits::CONCURRENCY))) {
        store.concurrency = new as u32;
    }
    if let Some(new) = form.chance(ui, name("Fails", "How often taking one fails", "fails"), store.fails) {
        store.fails = new;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Version {
    Any,
    AsRead,
    Said,
}

fn versions(form: &Form<'_>, ui: &mut Ui, store: &mut Store) {
    let tag = match store.expects {
        Expects::Any => Version::Any,
        Expects::AsRead => Version::AsRead,
        Expects::Version(_) => Version::Said,
    };
    let options = [
        (Version::Any, "Any version", "An event is appended behind whatever is there"),
        (Version::AsRead, "The one it read", "Whoever else appended meanwhile has won; another attempt reads anew"),
        (Version::Said, "The one it says", "Each event says which version it expects, as in event.data.version"),
    ];
    let tip = "Which version of its stream an event expects; another one is a conflict, and nothing is appended";
    if let Some(new) = form.choice(ui, name("Expects", tip, "expects"), tag, &options) {
        store.expects = match new {
            Version::Any => Expects::Any,
            Version::AsRead => Expects::AsRead,
            Version::Said => Expects::Version(Expression("event.data.version".to_owned())),
        };
    } else if let Expects::Version(said) = &mut store.expects {
        required(form, ui, "  version", "Where an event says it; nothing there means any", "expects", said);
    }
    let tip = "After so many events of a stream its state is kept too, so that a start replays only the rest";
    let field = name("Snapshot every", tip, "snapshot_every");
    let every = store.snapshot_every.map(u64::from);
    if let Some(new) = form.optional_whole(ui, field, every, (1, u64::from(u32::MAX)), "never") {
        store.snapshot_every = new.map(|every| every as u32);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Adds {
    Count,
    Sum,
    Min,
    Max,
    First,
    Last,
}

const ADDS: [(Adds, &str, &str); 6] = [
    (Adds::Count, "How many events", "Counts them"),
    (Adds::Sum, "Sum of", "The sum of a number, exact to nine decimals"),
    (Adds::Min, "Smallest", "The smallest number"),
    (Adds::Max, "Greatest", "The greatest number"),
    (Adds::First, "First", "The value of the earliest event, in the order of the log"),
    (Adds::Last, "Latest", "The value of the latest event, in the order of the log"),
];

const fn adds_of(value: &StateValue) -> Adds {
    match value {
        StateValue::Count => Adds::Count,
        StateValue::Sum(_) => Adds::Sum,
        StateValue::Min(_) => Adds::Min,
        StateValue::Max(_) => Adds::Max,
        StateValue::First(_) => Adds::First,
        StateValue::Last(_) => Adds::Last,
    }
}

fn state_value(adds: Adds, of: Expression) -> StateValue {
    match adds {
        Adds::Count => StateValue::Count,
        Adds::Sum => StateValue::Sum(of),
        Adds::Min => StateValue::Min(of),
        Adds::Max => StateValue::Max(of),
        Adds::First => StateValue::First(of),
        Adds::Last => StateValue::Last(of),
    }
}

fn state(form: &Form<'_>, ui: &mut Ui, store: &mut Store) {
    let theme = form.ctx.theme;
    let mut change = None;
    let of = store.state.len();
    for (at, part) in store.state.iter_mut().enumerate() {
        let StateField { name: called, is } = part;
        let path = |field: &str| format!("state[{at}].{field}");
        let title = format!("Part {}", at + 1);
        form.subhead(ui, "Works out", |ui| change = change.or(order_buttons(ui, theme, &title, at, of)));
        let named = path("name");
        if let Some(new) = form.words(ui, name("Called", "Its name in the state", &named), called, "total") {
            *called = new;
        }
        let field = path("is");
        let adds = adds_of(is);
        let looked_at = is.expression().cloned().unwrap_or_else(|| Expression("event.data.amount".to_owned()));
        if let Some(new) = form.choice(ui, name("Is", "How it follows from the events", &field), adds, &ADDS) {
            *is = state_value(new, looked_at);
        } else if let Some(looked_at) = is.expression_mut() {
            required(form, ui, "  of", "What of an event it looks at", &field, looked_at);
        }
    }
    if let Some(change) = change {
        change.apply(&mut store.state);
    }
    if add_button(ui, theme, "Add part of the state").clicked() {
        let is_free = |called: &String| store.state.iter().all(|part| part.name != *called);
        let names =
            (1..=store.state.len() + 1).map(|number| if number == 1 { "n".to_owned() } else { format!("n{number}") });
        let called = names.into_iter().find(is_free);
        store.state.extend(called.map(|name| StateField { name, is: StateValue::Count }));
    }
}

/// An expression that has to be there: an emptied field changes nothing.
fn required(form: &Form<'_>, ui: &mut Ui, label: &str, tip: &str, path: &str, value: &mut Expression) {
    if let Some(Some(new)) = form.expression(ui, name(label, tip, path), &Some(value.clone()), "event.data.amount") {
        *value = new;
    }
}

fn tells(form: &Form<'_>, ui: &mut Ui, id: &NodeId, store: &mut Store, events: &[Suggestion]) {
    let theme = form.ctx.theme;
    let flow = form.ctx.session.flow();
    let publishes = flow.links_from(id).any(|(_, link)| matches!(link.kind, LinkKind::Publish(_)));
    if !publishes && store.tells.is_empty() {
        let words = "Link it to a bus, and it passes on what it has taken, in that order";
        ui.add(egui::Label::new(widgets::hint(theme, words)).wrap());
        return;
    }
    let told: Vec<Pattern> = store.tells.iter().filter_map(|told| Pattern::new(told.as_str()).ok()).collect();
    let field = name("Tells of", "Which events it passes on once it has taken them", "tells");
    if let Some(new) = form.patterns(ui, field, &told, "order.placed", events) {
        store.tells = new.iter().filter_map(|told| EventName::new(told.as_str()).ok()).collect();
    }
}

// ---- services -----------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, PartialEq)]
enum Keeping {
    Nothing,
    DualWrite,
    Outbox,
    Saga,
}

/// Draws what a service keeps: nothing that matters here, state that it commits with its events, or a saga.
pub(super) fn keeping_ui(form: &Form<'_>, ui: &mut Ui, service: &mut Service, events: &[Suggestion]) {
    form.section(ui, "State of its own");
    let tag = match (&service.saga, service.commits) {
        (Some(_), _) => Keeping::Saga,
        (None, Some(Commit::Outbox { .. })) => Keeping::Outbox,
        (None, Some(Commit::DualWrite { .. })) => Keeping::DualWrite,
        (None, None) => Keeping::Nothing,
    };
    let options = [
        (Keeping::Nothing, "None", "What it emits leaves when handling ends; no state of its own is looked at"),
        (Keeping::Outbox, "Outbox", "State and events are committed together; a relay publishes them at least once"),
        (Keeping::DualWrite, "Two writes", "State first, then the events: a crash in between loses them"),
        (Keeping::Saga, "Leads a saga", "A business transaction over several services, and back if one refuses"),
    ];
    let tip = "What it keeps itself, and how that is committed with the events that tell of it";
    let path = if tag == Keeping::Saga { "saga" } else { "commits" };
    if let Some(new) = form.choice(ui, name("Keeps", tip, path), tag, &options) {
        service.commits = match new {
            Keeping::Outbox => Some(Commit::OUTBOX),
            Keeping::DualWrite => Some(Commit::DUAL_WRITE),
            Keeping::Nothing | Keeping::Saga => None,
        };
        service.saga = (new == Keeping::Saga).then(Saga::default);
        return;
    }
    match &mut service.commits {
        Some(Commit::Outbox { every, batch, marks }) => {
            let field = name("Looks every", "How often the relay looks into the outbox", "commits.every");
            if let Some(new) = form.value(ui, field, every) {
                *every = new;
            }
            let field = name("At a look", "How many events the relay publishes at one look", "commits.batch");
            if let Some(new) = form.whole(ui, field, u64::from(*batch), (1, 1_000_000)) {
                *batch = new as u32;
            }
            let tip =
                "From the bus's answer until the event is marked as published; a crash in between publishes it again";
            if let Some(new) = form.value(ui, name("Marks after", tip, "commits.marks"), marks) {
                *marks = new;
            }
        }
        Some(Commit::DualWrite { gap }) => {
            let tip = "From the commit of the state to the publish; a crash in between loses the events";
            if let Some(new) = form.value(ui, name("Gap", tip, "commits.gap"), gap) {
                *gap = new;
            }
        }
        None => {}
    }
    if let Some(saga) = &mut service.saga {
        saga_ui(form, ui, saga, events);
    }
}

fn saga_ui(form: &Form<'_>, ui: &mut Ui, saga: &mut Saga, events: &[Suggestion]) {
    let theme = form.ctx.theme;
    let tip = "The events that begin one; a key that has one already begins nothing";
    if let Some(new) = form.suggested::<Pattern>(ui, name("Begins with", tip, "saga.starts"), &saga.starts, events) {
        saga.starts = new;
    }
    let mut change = None;
    let of = saga.steps.len();
    for (at, step) in saga.steps.iter_mut().enumerate() {
        let title = format!("Step {}", at + 1);
        form.subhead(ui, &title, |ui| change = change.or(order_buttons(ui, theme, &title, at, of)));
        step_ui(form, ui, step, at, events);
    }
    if let Some(change) = change {
        change.apply(&mut saga.steps);
    }
    if add_button(ui, theme, "Add step").clicked() {
        saga.steps.extend(new_step(of + 1));
    }
    let usual = Saga::default();
    let differs = (saga.tries, saga.undo_tries) != (usual.tries, usual.undo_tries)
        || saga.completed.is_some()
        || saga.compensated.is_some();
    form.folded(ui, "Tries and outcome", differs, |ui| {
        let tip = "How often a command is sent at most while no reply comes";
        if let Some(new) = form.whole(ui, name("Tries", tip, "saga.tries"), u64::from(saga.tries), (1, 1_000)) {
            saga.tries = new as u32;
        }
        let tip = "How often a compensation is sent at most while no reply comes; beyond that the saga is stuck";
        let field = name("Undo tries", tip, "saga.undo_tries");
        if let Some(new) = form.whole(ui, field, u64::from(saga.undo_tries), (1, 1_000)) {
            saga.undo_tries = new as u32;
        }
        let field = name("Completed", "What tells that all steps were done", "saga.completed");
        if let Some(new) = form.optional_suggested::<EventName>(ui, field, &saga.completed, "tells nobody", events) {
            saga.completed = new;
        }
        let field = name("Compensated", "What tells that everything was undone", "saga.compensated");
        if let Some(new) = form.optional_suggested::<EventName>(ui, field, &saga.compensated, "tells nobody", events) {
            saga.compensated = new;
        }
    });
}

fn step_ui(form: &Form<'_>, ui: &mut Ui, step: &mut SagaStep, at: usize, events: &[Suggestion]) {
    let path = |field: &str| format!("saga.steps[{at}].{field}");
    let event = |ui: &mut Ui, label, tip, field: &str, value: &mut EventName| {
        if let Some(new) = form.suggested::<EventName>(ui, name(label, tip, &path(field)), value, events) {
            *value = new;
        }
    };
    event(ui, "Asks for", "The command that asks for it", "command", &mut step.command);
    event(ui, "Done", "The reply that says it is done", "done", &mut step.done);
    event(ui, "Refused", "The reply that says it is refused, and changed nothing", "refused", &mut step.refused);
    let maybe = |ui: &mut Ui, label, tip, field: &str, value: &mut Option<EventName>, hint| {
        if let Some(new) = form.optional_suggested::<EventName>(ui, name(label, tip, &path(field)), value, hint, events)
        {
            *value = new;
        }
    };
    maybe(ui, "Undo", "The command that undoes it", "undo", &mut step.undo, "nothing to undo");
    if step.undo.is_some() || step.undone.is_some() {
        let tip = "The reply that says it is undone; empty means that the command is trusted to do so";
        maybe(ui, "Undone", tip, "undone", &mut step.undone, "trusted");
    }
    let timeout = path("timeout");
    let tip = "How long a reply is awaited; when none comes, the step is undone with those before it";
    if let Some(new) = form.value(ui, name("Waits", tip, &timeout), &step.timeout) {
        step.timeout = new;
    }
}

/// A step with names of its own, to be given better ones.
fn new_step(number: usize) -> Option<SagaStep> {
    let event = |what: &str| EventName::new(&format!("step{number}.{what}")).ok();
    Some(SagaStep {
        command: event("do")?,
        done: event("done")?,
        refused: event("refused")?,
        undo: event("undo"),
        undone: event("undone"),
        timeout: SagaStep::TIMEOUT,
    })
}
