//! The editor of what a service or function does with which event, and what it emits.

use egui::{Stroke, Ui};

use crate::gui::fields::{Form, Suggestion, add_button, name, order_buttons};
use crate::model::{Distribution, Emit, EventName, Handler, Key, Pattern, Pick, SimDuration, limits};

use super::timing;

/// Draws the handlers; the changed list, if anything was changed.
pub(super) fn handlers(form: &Form<'_>, ui: &mut Ui, value: &[Handler], events: &[Suggestion]) -> Option<Vec<Handler>> {
    let mut next = value.to_vec();
    let mut change = None;
    let theme = form.ctx.theme;
    for (at, handler) in next.iter_mut().enumerate() {
        if at > 0 {
            ui.add_space(theme.space.s);
            let rect = ui.available_rect_before_wrap();
            ui.painter().hline(rect.x_range(), rect.top(), Stroke::new(1.0, theme.line));
            ui.add_space(theme.space.s);
        }
        let title = format!("Handler {}", at + 1);
        form.subhead(ui, &title, |ui| change = change.or(order_buttons(ui, theme, &title, at, value.len())));
        one(form, ui, handler, at, events);
    }
    if let Some(change) = change {
        change.apply(&mut next);
    }
    if add_button(ui, theme, "Add handler").clicked() {
        next.push(Handler::default());
    }
    (next != value).then_some(next)
}

fn one(form: &Form<'_>, ui: &mut Ui, handler: &mut Handler, at: usize, events: &[Suggestion]) {
    let path = |field: &str| format!("handlers[{at}].{field}");
    let on = path("on");
    let tip =
        "The event types it reacts to: a name, or a pattern as in order.* or >; the first handler that matches decides";
    if let Some(new) = form.suggested::<Pattern>(ui, name("When", tip, &on), &handler.on, events) {
        handler.on = new;
    }
    let takes = path("takes");
    if let Some(new) = timing::distribution(form, ui, name("Takes", "How long handling takes", &takes), &handler.takes)
    {
        handler.takes = new;
    }
    let fails = path("fails");
    let tip = "How often it fails; what it would have emitted is then not emitted";
    if let Some(new) = form.chance(ui, name("Fails", tip, &fails), handler.fails) {
        handler.fails = new;
    }
    let mut change = None;
    let of = handler.emits.len();
    for (number, emit) in handler.emits.iter_mut().enumerate() {
        let theme = form.ctx.theme;
        let title = if at == 0 { format!("Emit {}", number + 1) } else { format!("Emit {}.{}", at + 1, number + 1) };
        form.subhead(ui, "Then emits", |ui| change = change.or(order_buttons(ui, theme, &title, number, of)));
        one_emit(form, ui, emit, &format!("handlers[{at}].emits[{number}]"), &title, events);
    }
    if let Some(change) = change {
        change.apply(&mut handler.emits);
    }
    if handler.emits.len() > 1 {
        let picks = [
            (Pick::Each, "Each by its own chance", "Every one of them is emitted or not by its own chance"),
            (Pick::One, "At most one", "The chances share one draw; what is left of 100 % is nothing"),
        ];
        let pick = path("pick");
        if let Some(new) = form.choice(ui, name("Of these", "Which of its emits it makes", &pick), handler.pick, &picks)
        {
            handler.pick = new;
        }
    }
    if add_button(ui, form.ctx.theme, "Add emitted event").clicked() {
        let known = events
            .iter()
            .find_map(|(event, _)| EventName::new(event).ok().filter(|name| !handler.on.matches(name.as_str())));
        let event = known.or_else(|| EventName::new("event.handled").ok());
        handler.emits.extend(event.map(Emit::new));
    }
}

fn one_emit(form: &Form<'_>, ui: &mut Ui, emit: &mut Emit, path: &str, title: &str, events: &[Suggestion]) {
    let field = |name: &str| format!("{path}.{name}");
    let event = field("event");
    if let Some(new) = form.suggested::<EventName>(ui, name("Event", "Its type", &event), &emit.event, events) {
        emit.event = new;
    }
    let chance = field("chance");
    if let Some(new) = form.chance(ui, name("Chance", "How likely it is emitted", &chance), emit.chance) {
        emit.chance = new;
    }
    let says_more = *emit != Emit { chance: emit.chance, ..Emit::new(emit.event.clone()) };
    form.folded(ui, &format!("More of {}", title.to_lowercase()), says_more, |ui| {
        let count = field("count");
        if let Some(new) =
            form.whole(ui, name("Count", "How many", &count), u64::from(emit.count), (1, u64::from(limits::EMITS)))
        {
            emit.count = new as u32;
        }
        let when = field("when");
        let tip = "Only if this is true of the event that was handled, as in event.data.amount > 100";
        if let Some(new) = form.condition(ui, name("Only when", tip, &when), &emit.when, "always") {
            emit.when = new;
        }
        let after = field("after");
        let mut delayed = emit.after.is_some();
        if let Some(new) =
            form.toggle(ui, name("Waits before emitting", "Counted from the end of the handling", &after), delayed)
        {
            delayed = new;
            emit.after = new.then_some(Distribution::Fixed(SimDuration::from_secs(1)));
        }
        if delayed
            && let Some(value) = &emit.after
            && let Some(new) = timing::distribution(form, ui, name("Waits", "How long", &after), value)
        {
            emit.after = Some(new);
        }
        if let Some(new) = key(form, ui, &field("key"), &emit.key, "That of its cause") {
            emit.key = new;
        }
        let data = field("data");
        let tip = "Built from the event that was handled, as in { \"order\": event.data.order }";
        let hint = "the type's example, or its cause's data";
        if let Some(new) = form.expression(ui, name("Data", tip, &data), &emit.data, hint) {
            emit.data = new;
        }
    });
}

#[derive(Clone, Copy, PartialEq)]
enum KeyTag {
    Inherit,
    Cycle,
    Uniform,
    Skewed,
    Of,
}

/// Where a partition key comes from.
pub(super) fn key(form: &Form<'_>, ui: &mut Ui, path: &str, value: &Key, inherit: &str) -> Option<Key> {
    let (tag, keys) = match value {
        Key::Inherit => (KeyTag::Inherit, 10),
        Key::Cycle(keys) => (KeyTag::Cycle, *keys),
        Key::Uniform(keys) => (KeyTag::Uniform, *keys),
        Key::Skewed(keys) => (KeyTag::Skewed, *keys),
        Key::Of(_) => (KeyTag::Of, 10),
    };
    let options = [
        (KeyTag::Inherit, inherit, "Nothing of its own"),
        (KeyTag::Cycle, "In turn", "One of so many keys after the other: k0, k1, …"),
        (KeyTag::Uniform, "At random", "One of so many keys, each as likely"),
        (KeyTag::Skewed, "Mostly the first", "One of so many keys, the first far more often than the last (Zipf)"),
        (KeyTag::Of, "By expression", "What an expression says, as in event.data.customer"),
    ];
    let tip = "The partition key: records with the same key stay in order, in the same partition";
    if let Some(new) = form.choice(ui, name("Key", tip, path), tag, &options) {
        return Some(match new {
            KeyTag::Inherit => Key::Inherit,
            KeyTag::Cycle => Key::Cycle(keys),
            KeyTag::Uniform => Key::Uniform(keys),
            KeyTag::Skewed => Key::Skewed(keys),
            KeyTag::Of => Key::Of(crate::model::Expression("event.subject".to_owned())),
        });
    }
    match value {
        Key::Inherit => None,
        Key::Cycle(_) | Key::Uniform(_) | Key::Skewed(_) => {
            let count = name("  keys", "How many different keys there are", path);
            let new = form.whole(ui, count, u64::from(keys), (1, 1_000_000))? as u32;
            Some(match value {
                Key::Cycle(_) => Key::Cycle(new),
                Key::Uniform(_) => Key::Uniform(new),
                _ => Key::Skewed(new),
            })
        }
        Key::Of(expression) => {
            let field = name("  expression", "Its value is text or a number", path);
            let new = form.expression(ui, field, &Some(expression.clone()), "event.data.customer")?;
            Some(new.map_or(Key::Inherit, Key::Of))
        }
    }
}
