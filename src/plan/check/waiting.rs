//! What waits in a subscription otherwise than in the order of the log, and for how long an effect is remembered.

use super::Findings;
use super::routes::Routes;
use super::wiring::Wiring;
use crate::model::{Backoff, EventName, Guarantee, Key, NodeKind, Order, Pacing, Priority, SimDuration, Subscription};
use crate::plan::problem::Place;

pub(super) fn check(wiring: &Wiring<'_>, routes: &Routes<'_>, findings: &mut Findings) {
    for (name, event) in wiring.flow.events() {
        let at = |field: &str| Place::Event(name.clone(), Some(field.to_owned()));
        if event.ttl.is_some_and(SimDuration::is_zero) {
            let what = format!("“{name}” is worth nothing from the start: its time to live is 0");
            findings.error(at("ttl"), "zero", what, "Say how long, as in 10s, or leave it out");
        }
        if event.priority > 0 && !taken_by_levels(wiring, routes, name) {
            let what =
                format!("“{name}” has the priority {}, but no subscription that takes it has any", event.priority);
            findings.warning(at("priority"), "priority-unused", what, "Give the subscription priorities");
        }
    }
    let has_keys = has_keys(wiring);
    for link in 0..wiring.links.len() {
        let Some(settings) = wiring.links[link].link.subscription() else { continue };
        let at = At { wiring, link };
        check_order(&at, settings, has_keys, findings);
        check_times(&at, settings, findings);
        if let Some(priority) = settings.priority {
            check_priority(&at, routes, priority, findings);
        }
        if let Some(window) = settings.idempotent {
            check_window(&at, settings, window, findings);
        }
    }
}

struct At<'a, 'b> {
    wiring: &'a Wiring<'b>,
    link: usize,
}

impl At<'_, '_> {
    fn place(&self, field: &str) -> Place {
        self.wiring.at_link(self.link, Some(field.to_owned()))
    }

    fn way(&self) -> String {
        format!("The link {}", self.wiring.way(self.link))
    }
}

/// The event types that come along a subscribing link.
fn arriving<'a>(routes: &'a Routes<'_>, link: usize) -> impl Iterator<Item = &'a str> {
    let streams = routes.selected[link].map_or(&[][..], |selection| &routes.selections[selection].streams[..]);
    streams.iter().map(|stream| routes.types[routes.streams[*stream]])
}

fn taken_by_levels(wiring: &Wiring<'_>, routes: &Routes<'_>, event: &EventName) -> bool {
    let has_levels =
        |link: &usize| wiring.links[*link].link.subscription().is_some_and(|settings| settings.priority.is_some());
    let mut links = (0..wiring.links.len()).filter(has_levels);
    links.any(|link| arriving(routes, link).any(|name| name == event.as_str()))
}

/// Whether anything may give an event a key.
fn has_keys(wiring: &Wiring<'_>) -> bool {
    wiring.flow.nodes().values().any(|node| match &node.kind {
        NodeKind::Producer(producer) => {
            producer.key != Key::Inherit || matches!(producer.rate, Pacing::ByHand | Pacing::Replay { .. })
        }
        kind => kind.handlers().iter().flat_map(|handler| &handler.emits).any(|emit| emit.key != Key::Inherit),
    })
}

fn check_order(at: &At<'_, '_>, settings: &Subscription, has_keys: bool, findings: &mut Findings) {
    if settings.order != Order::Strict {
        return;
    }
    if settings.priority.is_some() {
        let what = format!("{} keeps the strict order of each key, and lets higher priorities go first", at.way());
        let hint = "Choose one: what goes first is no more in order";
        findings.error(at.place("priority"), "order-priority", what, hint);
    }
    if settings.guarantee == Guarantee::AtMostOnce {
        let what = format!("{} settles each record at hand-over, so the next of a key never waits", at.way());
        let hint = "Let it be at least once, or give up the strict order";
        findings.warning(at.place("order"), "order-at-most-once", what, hint);
    }
    if !has_keys {
        let what = format!("{} keeps the strict order of each key, but no event has one", at.way());
        findings.warning(
            at.place("order"),
            "order-without-keys",
            what,
            "Give the events a key, as in event.data.customer",
        );
    }
}

fn check_times(at: &At<'_, '_>, settings: &Subscription, findings: &mut Findings) {
    let Some(ttl) = settings.ttl else { return };
    if ttl.is_zero() {
        let what = format!("{} lets every record expire before it is handed over: its time to live is 0", at.way());
        findings.error(at.place("ttl"), "zero", what, "Say how long, as in 10s, or leave it out");
    } else if let Backoff::Fixed(wait) = settings.backoff
        && wait >= ttl
        && settings.deliveries > 1
        && settings.guarantee == Guarantee::AtLeastOnce
    {
        let what = format!("{} tries again after {wait}, but a record is worth nothing after {ttl}", at.way());
        findings.warning(at.place("ttl"), "ttl-backoff", what, "Let it live longer, or be tried again sooner");
    }
}

fn check_priority(at: &At<'_, '_>, routes: &Routes<'_>, priority: Priority, findings: &mut Findings) {
    let Priority { levels, aging } = priority;
    if levels < 2 {
        let what = format!(
            "{} has {levels} priority {}, which is as good as none",
            at.way(),
            if levels == 1 { "level" } else { "levels" }
        );
        findings.error(at.place("priority.levels"), "levels", what, "Set it to at least 2, or leave priorities out");
        return;
    }
    if aging.is_some_and(SimDuration::is_zero) {
        let what = format!("{} lets whatever waits rise to the highest level at once", at.way());
        findings.error(at.place("priority.aging"), "zero", what, "Say how long, as in 10s, or leave it out");
    }
    let level = |name: &str| {
        let event = EventName::new(name).ok().and_then(|name| at.wiring.flow.events().get(&name));
        event.map_or(0, |event| event.priority).min(levels - 1)
    };
    let mut found: Vec<u8> = arriving(routes, at.link).map(level).collect();
    found.sort_unstable();
    found.dedup();
    if let [level] = found[..] {
        let what = format!("{} has priorities, but everything that comes along it has the level {level}", at.way());
        findings.warning(at.place("priority"), "one-priority", what, "Give an event type a priority of its own");
    }
}

/// A record may come again for as long as it is tried: its effect has to be remembered so long.
fn check_window(at: &At<'_, '_>, settings: &Subscription, window: SimDuration, findings: &mut Findings) {
    if window.is_zero() {
        let what = format!("{} remembers what was handled for no time", at.way());
        findings.error(at.place("idempotent"), "zero", what, "Say how long, as in 5m, or leave it out");
        return;
    }
    if settings.guarantee == Guarantee::AtMostOnce {
        return;
    }
    let tried = settings.ack_wait.saturating_mul(settings.deliveries.into());
    let spread = tried.saturating_add(longest_waits(settings.backoff, settings.deliveries.saturating_sub(1)));
    if window < spread {
        let what = format!("{} remembers an effect for {window}, but a record may come again for {spread}", at.way());
        let hint = format!("Remember it for {spread} at least: all ack waits and backoffs together");
        findings.warning(at.place("idempotent"), "idempotent-window", what, hint);
    }
}

/// All backoffs together, at their longest.
fn longest_waits(backoff: Backoff, retries: u32) -> SimDuration {
    match backoff {
        Backoff::None => SimDuration::ZERO,
        Backoff::Fixed(wait) => wait.saturating_mul(retries.into()),
        Backoff::Exponential { base, cap, jitter: _ } => {
            let (mut sum, mut wait) = (SimDuration::ZERO, base.min(cap));
            for done in 0..retries {
                if wait == cap || wait.is_zero() {
                    return sum.saturating_add(wait.saturating_mul(u64::from(retries - done)));
                }
                sum = sum.saturating_add(wait);
                wait = wait.saturating_mul(2).min(cap);
            }
            sum
        }
    }
}
