//! What is kept in a way that cannot work, or hardly as intended: stores, outboxes, sagas.

use std::collections::BTreeSet;

use super::routes::Routes;
use super::settings::At;
use super::wiring::Wiring;
use super::{Findings, did_you_mean, listed};
use crate::model::{Commit, EventName, Expects, LinkKind, NodeKind, Saga, SagaStep, Service, Store, StoreKeeps};

// ---- settings -----------------------------------------------------------------------------------------------------

pub(super) fn check_store(at: &mut At<'_, '_>, node: usize, store: &Store) {
    at.not_zero("concurrency", u64::from(store.concurrency), "takes no event at all: it takes 0 at once");
    at.distribution("takes", &store.takes);
    let mut names = BTreeSet::new();
    for (number, field) in store.state.iter().enumerate() {
        let place = format!("state[{number}].name");
        if field.name.trim().is_empty() {
            at.error(&place, "state-name", "works out something without a name", "Name it, as in total");
        } else if !names.insert(field.name.as_str()) {
            let what = format!("works out “{}” twice", field.name);
            at.error(&place, "state-name", &what, "Give each part of the state a name of its own");
        }
    }
    if store.fold.is_some() && !store.state.is_empty() {
        let what = "has a fold that says the whole state, so its named parts are not worked out";
        at.warning("state", "fold-and-state", what, "Leave out the fold, or the named parts");
    }
    if store.snapshot_every == Some(0) {
        let hint = "Set it to at least 1, or leave it out";
        at.error("snapshot_every", "zero", "keeps a snapshot after every 0 events", hint);
    }
    if store.keeps == StoreKeeps::View {
        check_view(at, node, store);
    } else if store.expects == Expects::AsRead && store.concurrency == 1 {
        let what = "takes one event at a time, so the version that it read is always the one that it finds";
        at.warning("expects", "expects-never", what, "Let it take several at once, or expect any version");
    }
}

fn check_view(at: &mut At<'_, '_>, node: usize, store: &Store) {
    if store.snapshot_every.is_some() {
        let what = "is a view: its state is all that it keeps, so it needs no snapshots";
        at.warning("snapshot_every", "snapshot-of-view", what, "Leave it out, or let the store keep the events");
    }
    if store.expects != Expects::Any {
        let what = "is a view, which takes what comes: no event can expect a version";
        at.warning("expects", "expects-of-view", what, "Expect any version, or let the store keep the events");
    }
    if store.fold.is_some() && store.concurrency > 1 {
        let what = "folds several events at once, in the order in which that ends";
        at.warning("concurrency", "fold-order", what, "Let it take one at a time");
    }
    let called = at.wiring.into[node].iter().any(|link| matches!(at.wiring.links[*link].link.kind, LinkKind::Call(_)));
    if called {
        let what = "is a view and takes calls, which no log keeps: it cannot be rebuilt";
        at.warning("keeps", "view-by-call", what, "Let it subscribe to a topic, or keep the events itself");
    }
}

pub(super) fn check_service(at: &mut At<'_, '_>, service: &Service) {
    if let Some(saga) = &service.saga {
        check_saga(at, saga);
        if service.commits.is_some() {
            let what = "leads a saga, which commits where it stands by itself";
            at.error("commits", "commit-and-saga", what, "Leave out how it commits, or the saga");
        }
    } else if let Some(commits) = service.commits {
        check_commit(at, service, commits);
    }
}

fn check_commit(at: &mut At<'_, '_>, service: &Service, commits: Commit) {
    let mut emits = service.handlers.iter().enumerate().flat_map(|(h, handler)| {
        handler.emits.iter().enumerate().map(move |(e, emit)| (format!("handlers[{h}].emits[{e}].after"), emit))
    });
    if let Some((place, emit)) = emits.clone().find(|(_, emit)| emit.after.is_some()) {
        let what = format!("emits “{}” some time after its commit, and is not in the transaction by then", emit.event);
        at.warning(&place, "commit-after", &what, "Emit it at once");
    }
    if emits.next().is_none() {
        let what = "commits its state with the events that tell of it, but emits none";
        at.warning("commits", "commit-nothing", what, "Let a handler emit an event, or leave it out");
    }
    if let Commit::Outbox { every, batch, marks: _ } = commits {
        if every.is_zero() {
            let what = "has an outbox that is looked at without a pause";
            at.error("commits.every", "zero", what, "Say how often the relay looks, as in 100ms");
        }
        at.not_zero("commits.batch", u64::from(batch), "has an outbox whose relay publishes 0 events at a look");
    }
}

fn check_saga(at: &mut At<'_, '_>, saga: &Saga) {
    if saga.steps.is_empty() {
        let what = "leads a saga without steps: it is completed when it begins";
        at.error("saga.steps", "saga-empty", what, "Add a step: a command and the replies that answer it");
    }
    at.not_zero("saga.tries", u64::from(saga.tries), "leads a saga that sends no command: it tries 0 times");
    at.not_zero("saga.undo_tries", u64::from(saga.undo_tries), "leads a saga that undoes nothing: it tries 0 times");
    for (number, step) in saga.steps.iter().enumerate() {
        let SagaStep { command, done, refused, undo, undone, timeout } = step;
        let field = |setting: &str| format!("saga.steps[{number}].{setting}");
        if timeout.is_zero() {
            let what = format!("awaits no reply to “{command}”: the step is in doubt as soon as it is asked for");
            at.error(&field("timeout"), "zero", &what, "Say how long, as in 10s");
        }
        if done == refused {
            let what = format!("cannot tell whether “{command}” was done or refused: both replies are “{done}”");
            at.error(&field("refused"), "saga-replies", &what, "Give the refusal a type of its own");
        }
        if undone.as_ref().is_some_and(|undone| undone == done || undone == refused) {
            let what = format!("cannot tell the reply to undoing “{command}” from the reply to doing it");
            at.error(&field("undone"), "saga-replies", &what, "Give it a type of its own");
        }
        match (undo, undone) {
            (None, Some(undone)) => {
                let what = format!("awaits “{undone}”, but sends nothing that would undo “{command}”");
                at.warning(&field("undone"), "saga-undo", &what, "Name the command that undoes the step");
            }
            (None, None) if number + 1 < saga.steps.len() => {
                let what = format!("cannot undo “{command}”, and a later step may be refused");
                at.warning(
                    &field("undo"),
                    "saga-undo",
                    &what,
                    "Name the command that undoes it, or make it the last step",
                );
            }
            (Some(_) | None, _) => {}
        }
    }
}

// ---- with what is around ------------------------------------------------------------------------------------------

pub(super) fn check(wiring: &Wiring<'_>, routes: &Routes<'_>, findings: &mut Findings) {
    for (node, (_, what)) in wiring.nodes.iter().enumerate() {
        match &what.kind {
            NodeKind::Store(store) => check_store_links(wiring, routes, node, store, findings),
            NodeKind::Service(service) => {
                if let Some(saga) = &service.saga {
                    check_saga_links(wiring, routes, node, saga, findings);
                } else if let Some(Commit::Outbox { every, .. }) = service.commits {
                    check_outbox_links(wiring, node, every, findings);
                }
            }
            _ => {}
        }
    }
}

fn check_store_links(wiring: &Wiring<'_>, routes: &Routes<'_>, node: usize, store: &Store, findings: &mut Findings) {
    let title = wiring.title(node);
    let got: BTreeSet<&str> = routes.received[node].iter().map(|event| routes.types[*event]).collect();
    for (number, told) in store.tells.iter().enumerate() {
        let place = wiring.at_node(node, Some(format!("tells[{number}]")));
        if !got.contains(told.as_str()) && !got.is_empty() && !wiring.replays {
            let near = did_you_mean(told.as_str(), got.iter().copied());
            let hint = if near.is_empty() { format!("It gets {}", listed(got.iter().copied())) } else { near };
            findings.warning(place, "tells-never", format!("“{title}” tells of “{told}”, but never gets it"), hint);
        } else if !wiring.out[node].is_empty() && !is_carried(wiring, routes, node, told) {
            let what = format!("No link carries “{told}”, which “{title}” tells of");
            findings.warning(place, "emits-nowhere", what, "Let one of its links take this type");
        }
    }
    if store.tells.is_empty() && !wiring.out[node].is_empty() {
        let what = format!("“{title}” is linked to a bus, but tells of nothing that it takes");
        findings.warning(
            wiring.at_node(node, Some("tells".to_owned())),
            "tells-nothing",
            what,
            "Say which events it passes on",
        );
    }
    if store.keeps == StoreKeeps::Events && store.expects != Expects::Any {
        for &link in &wiring.into[node] {
            if let LinkKind::Call(call) = &wiring.links[link].link.kind
                && call.deliveries == 1
            {
                let what = format!("The link {} gives up at the first version conflict", wiring.way(link));
                let place = wiring.at_link(link, Some("deliveries".to_owned()));
                findings.warning(place, "conflict-without-retry", what, "Let it try more often");
            }
        }
    }
}

fn is_carried(wiring: &Wiring<'_>, routes: &Routes<'_>, node: usize, name: &EventName) -> bool {
    let event = routes.emits[node].iter().find(|event| routes.types[**event] == name.as_str());
    event.is_some_and(|event| wiring.out[node].iter().any(|link| routes.carries(*link, *event).is_some()))
}

fn check_saga_links(wiring: &Wiring<'_>, routes: &Routes<'_>, node: usize, saga: &Saga, findings: &mut Findings) {
    let title = wiring.title(node);
    let got: BTreeSet<&str> = routes.received[node].iter().map(|event| routes.types[*event]).collect();
    if got.is_empty() || wiring.replays {
        return;
    }
    let mut expect = |field: String, name: &EventName| {
        if !got.contains(name.as_str()) {
            let near = did_you_mean(name.as_str(), got.iter().copied());
            let hint = if near.is_empty() { format!("It gets {}", listed(got.iter().copied())) } else { near };
            let what = format!("The saga of “{title}” awaits “{name}”, but never gets it");
            findings.warning(wiring.at_node(node, Some(field)), "saga-reply", what, hint);
        }
    };
    for (number, step) in saga.steps.iter().enumerate() {
        expect(format!("saga.steps[{number}].done"), &step.done);
        expect(format!("saga.steps[{number}].refused"), &step.refused);
        if let Some(undone) = &step.undone {
            expect(format!("saga.steps[{number}].undone"), undone);
        }
    }
    if !got.iter().any(|name| saga.starts.matches(name)) {
        let what = format!("The saga of “{title}” begins with “{}”, but never gets such an event", saga.starts);
        let hint = format!("It gets {}", listed(got.iter().copied()));
        findings.warning(wiring.at_node(node, Some("saga.starts".to_owned())), "saga-reply", what, hint);
    }
    if wiring.out[node].is_empty() {
        return;
    }
    let mut told = BTreeSet::new();
    for name in saga.emitted() {
        if told.insert(name) && !is_carried(wiring, routes, node, name) {
            let what = format!("No link carries “{name}”, which the saga of “{title}” emits");
            let place = wiring.at_node(node, Some("saga".to_owned()));
            findings.warning(place, "emits-nowhere", what, "Let one of its links take this type");
        }
    }
}

fn check_outbox_links(wiring: &Wiring<'_>, node: usize, every: crate::model::SimDuration, findings: &mut Findings) {
    let title = wiring.title(node);
    for &link in &wiring.out[node] {
        let delay = wiring.links[link].link.delay;
        match &wiring.links[link].link.kind {
            LinkKind::Call(_) => {
                let what = format!(
                    "“{title}” has an outbox for what it publishes; the call {} is not in it",
                    wiring.way(link)
                );
                findings.warning(wiring.at_link(link, None), "outbox-call", what, "Put a bus between them");
            }
            LinkKind::Publish(_) if delay >= every && !every.is_zero() => {
                let what = format!(
                    "The relay of “{title}” looks every {every}, and publishes again before a bus that is {delay} away can answer"
                );
                let place = wiring.at_node(node, Some("commits.every".to_owned()));
                findings.warning(place, "relay-hurry", what, format!("Make it longer than {delay}"));
            }
            LinkKind::Publish(_) | LinkKind::Subscribe(_) => {}
        }
    }
}
