//! What stands before a receiver: rate limits, timeouts and circuit breakers; and the page of a gateway.

use egui::Ui;

use crate::gui::fields::{Form, Suggestion, name};
use crate::model::{Breaker, Call, Chance, Gateway, Pattern, SimDuration, Subscription, limits};

use super::{node, timing};

/// How long a handling may take.
pub(super) fn timeout(form: &Form<'_>, ui: &mut Ui, value: &mut Option<SimDuration>) {
    let tip = "How long handling one event may take; then it is cancelled, fails and emits nothing";
    if let Some(new) = form.optional(ui, name("Timeout", tip, "timeout"), value, "as long as it takes") {
        *value = new;
    }
}

/// The gate of a subscription: how much goes through, and when nothing does.
pub(super) fn subscription_ui(form: &Form<'_>, ui: &mut Ui, sub: &mut Subscription) {
    form.section(ui, "Protection");
    if let Some(new) = timing::limit_at(form, ui, &sub.rate.as_deref().copied(), "rate") {
        sub.rate = new.map(Box::new);
    }
    let tip = "Hands nothing over for a while after too many failures: what comes meanwhile waits in the queue";
    breaker_ui(form, ui, &mut sub.breaker, tip);
}

/// How a caller protects itself and its callee.
pub(super) fn call_ui(form: &Form<'_>, ui: &mut Ui, call: &mut Call) {
    form.section(ui, "Protection");
    let tip = "How long the caller waits for one attempt, from its arrival on; then it is cancelled there, and failed";
    if let Some(new) = form.optional(ui, name("Timeout", tip, "timeout"), &call.timeout, "as long as it takes") {
        call.timeout = new;
    }
    let tip = "Lets calls fail at once for a while, instead of making them, after too many failures";
    breaker_ui(form, ui, &mut call.breaker, tip);
}

fn breaker_ui(form: &Form<'_>, ui: &mut Ui, value: &mut Option<Box<Breaker>>, tip: &str) {
    if let Some(on) = form.toggle(ui, name("Circuit breaker", tip, "breaker"), value.is_some()) {
        *value = on.then(Box::default);
        return;
    }
    let Some(breaker) = value else { return };
    let tip = "It opens after so many failures in a row";
    let failures = breaker.failures.map(u64::from);
    if let Some(new) = form.optional_whole(
        ui,
        name("  in a row", tip, "breaker.failures"),
        failures,
        (1, u64::from(u32::MAX)),
        "however many",
    ) {
        breaker.failures = new.map(|new| new as u32);
    }
    let tip = "It opens when this share of the latest outcomes are failures";
    if let Some(on) = form.toggle(ui, name("  by share", tip, "breaker.ratio"), breaker.ratio.is_some()) {
        breaker.ratio = if on { Chance::new(0.5).ok() } else { None };
    }
    if let Some(ratio) = &mut breaker.ratio {
        if let Some(new) = form.chance(ui, name("  share", tip, "breaker.ratio"), *ratio) {
            *ratio = new;
        }
        let tip = "How many of the latest outcomes the share is taken of";
        let most = u64::from(limits::BREAKER_WINDOW);
        if let Some(new) =
            form.whole(ui, name("  of the last", tip, "breaker.window"), u64::from(breaker.window), (1, most))
        {
            breaker.window = new as u32;
        }
    }
    let reset = name("  open for", "How long it stays open before probes go through", "breaker.reset");
    if let Some(new) = form.value(ui, reset, &breaker.reset) {
        breaker.reset = new;
    }
    let tip = "Half-open, so many go through: all of them have to succeed before it closes";
    let most = u64::from(limits::CONCURRENCY);
    if let Some(new) = form.whole(ui, name("  probes", tip, "breaker.probes"), u64::from(breaker.probes), (1, most)) {
        breaker.probes = new as u32;
    }
}

/// The settings of a gateway: what it asks and when, what answers, and how long it waits.
pub(super) fn gateway_ui(form: &Form<'_>, ui: &mut Ui, gateway: &mut Gateway, events: &[Suggestion]) {
    form.section(ui, "Replies");
    let tip = "The event types that are replies: a name, or a pattern as in quote.*; the first one that comes because \
               of a request answers it";
    if let Some(new) = form.suggested::<Pattern>(ui, name("Reply", tip, "replies"), &gateway.replies, events) {
        gateway.replies = new;
    }
    let tip = "How long after a request its reply is awaited; what comes later is an orphan";
    if let Some(new) = form.value(ui, name("Deadline", tip, "deadline"), &gateway.deadline) {
        gateway.deadline = new;
    }
    node::producer_ui(&form.within("requests."), ui, &mut gateway.requests, events, "Requests");
}
