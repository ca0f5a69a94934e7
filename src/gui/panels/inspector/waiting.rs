//! Who goes first in a subscription, how long a record is worth waiting, and whether an effect is remembered.

use egui::Ui;

use crate::gui::fields::{Form, name};
use crate::model::{EventType, Guarantee, Order, Priority, SimDuration, Subscription};

/// Who goes first: one question, for strict order and priorities exclude each other.
#[derive(Clone, Copy, PartialEq)]
enum First {
    Relaxed,
    Strict,
    Priority,
}

/// Draws how a subscription's records wait.
pub(super) fn waiting_ui(form: &Form<'_>, ui: &mut Ui, sub: &mut Subscription) {
    form.section(ui, "Order and time");
    let first = match (sub.priority, sub.order) {
        (Some(_), _) => First::Priority,
        (None, Order::Strict) => First::Strict,
        (None, Order::Relaxed) => First::Relaxed,
    };
    let firsts = [
        (First::Relaxed, "As they came", "In the order of the log; one that is tried again may be overtaken"),
        (
            First::Strict,
            "Strict for each key",
            "The next of a key waits until the one before is settled, as in an SQS FIFO group",
        ),
        (
            First::Priority,
            "By priority",
            "Event types with a higher priority go first, as with RabbitMQ's x-max-priority",
        ),
    ];
    let tip = "Which of the waiting records is handed over next";
    if let Some(new) = form.choice(ui, name("Goes first", tip, "order"), first, &firsts) {
        sub.order = if new == First::Strict { Order::Strict } else { Order::Relaxed };
        sub.priority = (new == First::Priority).then(Priority::default);
    }
    if let Some(priority) = &mut sub.priority {
        let tip = "How many levels there are, from 0; an event type that names a higher one has the highest";
        let levels = u64::from(priority.levels);
        if let Some(new) = form.whole(ui, name("  levels", tip, "priority.levels"), levels, (2, u8::MAX.into())) {
            priority.levels = new as u8;
        }
        let tip =
            "What waits counts one level higher each time this has passed, so that the lowest does not wait for ever";
        if let Some(new) =
            form.optional::<SimDuration>(ui, name("  aging", tip, "priority.aging"), &priority.aging, "never")
        {
            priority.aging = new;
        }
    }
    let tip = "A record that has waited so long is never handed over; the shorter of this and its event type's counts";
    if let Some(new) = form.optional::<SimDuration>(ui, name("Time to live", tip, "ttl"), &sub.ttl, "for ever") {
        sub.ttl = new;
    }
    let tip = "How long a new record stays out of sight; an event type that says its own delay has that instead";
    if let Some(new) = form.value(ui, name("Visible after", tip, "delay"), &sub.delay) {
        sub.delay = new;
    }
    form.section(ui, "Effects");
    let tip =
        "For how long an event is remembered that was handled, so that it has its effect once however often it comes";
    let title = name("Once within", tip, "idempotent");
    if let Some(new) = form.optional::<SimDuration>(ui, title, &sub.idempotent, "not remembered") {
        sub.idempotent = new;
    }
    if sub.idempotent.is_some() && sub.guarantee == Guarantee::AtMostOnce {
        ui.weak("Settled at hand-over: only what was published twice comes twice");
    }
}

/// Draws what every event of a type says about how it waits.
pub(super) fn terms_ui(form: &Form<'_>, ui: &mut Ui, event: &mut EventType) {
    form.section(ui, "On a bus");
    let tip = "A record that has waited so long is never handed over, as RabbitMQ's expiration has it";
    if let Some(new) = form.optional::<SimDuration>(ui, name("Time to live", tip, "ttl"), &event.ttl, "for ever") {
        event.ttl = new;
    }
    let tip = "Subscriptions that go by priority hand over the higher ones first";
    let priority = u64::from(event.priority);
    if let Some(new) = form.whole(ui, name("Priority", tip, "priority"), priority, (0, u8::MAX.into())) {
        event.priority = new as u8;
    }
    let tip = "How long a bus keeps one out of sight, as SQS's DelaySeconds; empty means as the subscription says";
    if let Some(new) =
        form.optional::<SimDuration>(ui, name("Visible after", tip, "delay"), &event.delay, "as subscribed")
    {
        event.delay = new;
    }
}
