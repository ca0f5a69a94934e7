//! Rules of topics that contradict each other, or what comes to the topic and who reads it.

use super::groups::Groups;
use super::routes::{Routes, TopicRoutes};
use super::wiring::Wiring;
use super::{Findings, listed};
use crate::model::{Key, NodeKind, Pacing, Retention, StartAt, Topic};
use crate::plan::problem::Place;

pub(super) fn check(wiring: &Wiring<'_>, routes: &Routes<'_>, findings: &mut Findings) {
    for (ix, topic) in routes.topics.iter().enumerate() {
        let Some(settings) = topic.settings else { continue };
        check_settings(wiring, topic, settings, findings);
        if settings.compact.is_some() {
            check_keys(wiring, routes, topic, findings);
        }
        if settings.retention == Retention::WorkQueue {
            check_readers(wiring, routes, ix, findings);
        }
    }
    for (link, wire) in wiring.links.iter().enumerate() {
        let starts_before_end = wire.link.subscription().is_some_and(|sub| sub.from != StartAt::End);
        let Some(selection) = routes.selected[link].filter(|_| starts_before_end) else { continue };
        let mut topics = routes.selections[selection].topics.iter().map(|topic| &routes.topics[*topic]).peekable();
        let keeps = |topic: &TopicRoutes<'_>| {
            topic.settings.is_some_and(|topic| topic.replays() || topic.retention == Retention::WorkQueue)
        };
        if topics.peek().is_some() && topics.all(|topic| !keeps(topic)) {
            let title = wiring.title(wire.to);
            let what = format!("“{title}” begins with what is kept, but none of its topics keeps what was read");
            let hint = "Let a topic keep its records, as in keep: 1h, or begin with the next record";
            findings.warning(wiring.at_link(link, Some("from".to_owned())), "keeps-nothing", what, hint);
        }
    }
}

fn place(wiring: &Wiring<'_>, topic: &TopicRoutes<'_>, setting: &str) -> Place {
    wiring.at_node(topic.bus, Some(format!("topics[\"{}\"].{setting}", topic.name)))
}

fn check_settings(wiring: &Wiring<'_>, of: &TopicRoutes<'_>, topic: &Topic, findings: &mut Findings) {
    let who = format!("“{}” has a topic “{}”", wiring.title(of.bus), of.name);
    if topic.keep_bytes.is_some_and(|bytes| bytes.as_bytes() == 0) {
        let what = format!("{who} of 0 bytes: a record is gone before it is read");
        findings.error(place(wiring, of, "keep_bytes"), "zero", what, "Say how much, as in 1 GiB, or leave it out");
    }
    if topic.dedup.as_ref().is_some_and(|dedup| dedup.window.is_zero()) {
        let what = format!("{who} that knows messages again for no time, so that every duplicate is stored");
        findings.error(place(wiring, of, "dedup.window"), "zero", what, "Say for how long, as in 5m, or leave it out");
    }
    if topic.compact.is_some() && topic.retention != Retention::Limits {
        let what = format!("{who} that keeps the last record of each key, but lets it go when it is acknowledged");
        let hint = "Compact it, or let records go when they are acknowledged: not both";
        findings.error(place(wiring, of, "retention"), "compacted-queue", what, hint);
    }
}

/// A compacted topic refuses what has no key. What a service emits has that of its cause, whatever it is.
fn check_keys(wiring: &Wiring<'_>, routes: &Routes<'_>, topic: &TopicRoutes<'_>, findings: &mut Findings) {
    for (link, wire) in wiring.links.iter().enumerate() {
        let NodeKind::Producer(producer) = &wiring.nodes[wire.from].1.kind else { continue };
        let is_keyless = producer.key == Key::Inherit && !matches!(producer.rate, Pacing::Replay { .. });
        let streams = routes.carried[link].iter().filter_map(|carried| carried.stream);
        if is_keyless && streams.into_iter().any(|stream| topic.streams.contains(&stream)) {
            let title = wiring.title(wire.from);
            let what = format!("“{title}” publishes without a key, and the topic “{}” is compacted by key", topic.name);
            let hint = "Give its events a key: what has none is refused";
            findings.warning(wiring.at_node(wire.from, Some("key".to_owned())), "no-key", what, hint);
        }
    }
}

/// The first ack takes a record from everybody else.
fn check_readers(wiring: &Wiring<'_>, routes: &Routes<'_>, topic: usize, findings: &mut Findings) {
    let takes = |link: &usize| {
        routes.selected[*link].is_some_and(|selection| routes.selections[selection].topics.contains(&topic))
    };
    let groups = Groups::new(wiring).members;
    let first_links = groups.iter().filter_map(|members| members.first().copied());
    let readers: Vec<usize> = first_links.filter(|link| takes(link)).collect();
    let filters = readers.iter().filter(|link| {
        wiring.links[**link].link.subscription().is_some_and(|subscription| subscription.filter.is_some())
    });
    // Filters may well divide the work among them.
    if readers.len() < 2 || filters.count() == readers.len() {
        return;
    }
    let titles: Vec<_> = readers.iter().map(|link| wiring.title(wiring.links[*link].to)).collect();
    let name = routes.topics[topic].name;
    let what = format!(
        "{} each subscribe to the work queue “{name}”: whoever acknowledges first takes the record from the others",
        listed(titles.iter().map(|title| title.as_ref()))
    );
    let hint = "Put them into one group, divide the records by filters, or keep records by interest";
    findings.warning(place(wiring, &routes.topics[topic], "retention"), "work-queue-shared", what, hint);
}
