//! Subscriptions and calls with what is at their end: groups whose members disagree, waits that are too short, failures
//! that lead nowhere.

use std::collections::HashMap;

use super::Findings;
use super::distributions::p99;
use super::routes::Routes;
use super::wiring::Wiring;
use crate::model::{Distribution, Guarantee, Link, LinkKind, NodeKind, Share, SimDuration, Subscription, limits};

/// The members of each subscription, in the order of the file. A link without a group is a group of its own.
pub(super) struct Groups {
    pub(super) members: Vec<Vec<usize>>,
    /// Of each subscribing link its group.
    pub(super) of_link: Vec<Option<usize>>,
}

impl Groups {
    pub(super) fn new(wiring: &Wiring<'_>) -> Self {
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut of_link = vec![None; wiring.links.len()];
        let mut named: HashMap<(usize, &str), usize> = HashMap::new();
        for (link, wire) in wiring.links.iter().enumerate() {
            let Some(subscription) = wire.link.subscription() else { continue };
            let next = members.len();
            let group = match &subscription.group {
                Some(name) => *named.entry((wire.from, name)).or_insert(next),
                None => next,
            };
            if group == next {
                members.push(Vec::new());
            }
            members[group].push(link);
            of_link[link] = Some(group);
        }
        Self { members, of_link }
    }
}

pub(super) fn check(wiring: &Wiring<'_>, routes: &Routes<'_>, findings: &mut Findings) {
    for members in Groups::new(wiring).members {
        let Some((&first, others)) = members.split_first() else { continue };
        let Some(settings) = wiring.links[first].link.subscription() else { continue };
        check_members(wiring, routes, (first, settings), &members, findings);
        for &link in others {
            check_alike(wiring, (first, settings), link, findings);
        }
        for &link in &members {
            check_wait(wiring, routes, link, settings, findings);
        }
        let failing = members.iter().find(|link| can_fail(wiring, routes, **link));
        if let Some(&failing) = failing
            && settings.guarantee == Guarantee::AtLeastOnce
            && members.iter().all(|link| wiring.dead_letters(*link).is_none())
        {
            let node = wiring.title(wiring.links[failing].to);
            let what = format!("What “{node}” fails to handle {} is dropped", times(settings.deliveries));
            let hint = "Draw a link from it to a dead-letter queue, so that it can be looked at";
            findings.warning(wiring.at_link(first, Some("dead_letters".to_owned())), "no-dead-letters", what, hint);
        }
    }
    for (link, wire) in wiring.links.iter().enumerate() {
        if let LinkKind::Call(call) = &wire.link.kind
            && call.dead_letters.is_none()
            && can_fail(wiring, routes, link)
        {
            let (from, to) = (wiring.title(wire.from), wiring.title(wire.to));
            let what = format!("A call of “{from}” that “{to}” fails to handle {} is dropped", times(call.deliveries));
            let hint = "Name a dead-letter queue for it, so that it can be looked at";
            findings.warning(wiring.at_link(link, Some("dead_letters".to_owned())), "no-dead-letters", what, hint);
        }
    }
}

fn times(deliveries: u32) -> String {
    if deliveries == 1 { "once".to_owned() } else { format!("{deliveries} times") }
}

fn check_members(
    wiring: &Wiring<'_>,
    routes: &Routes<'_>,
    (first, settings): (usize, &Subscription),
    members: &[usize],
    findings: &mut Findings,
) {
    let Some(group) = &settings.group else { return };
    let place = || wiring.at_link(first, Some("group".to_owned()));
    if members.len() > limits::GROUP_MEMBERS {
        let what = format!("The group “{group}” has {} members, the limit is {}", members.len(), limits::GROUP_MEMBERS);
        findings.error(place(), "group-members", what, "Make two groups of it, or let each member do more at once");
    }
    if settings.share == Share::Partition
        && let Some(selection) = routes.selected[first]
    {
        let partitions = |topic: &usize| routes.topics[*topic].settings.map_or(1, |topic| topic.partitions as usize);
        let partitions: usize = routes.selections[selection].topics.iter().map(partitions).sum();
        if partitions > 0 && members.len() > partitions {
            let idle = members.len() - partitions;
            let what = format!(
                "The group “{group}” has {} members for {partitions} {}: {idle} of them will have nothing to do",
                members.len(),
                if partitions == 1 { "partition" } else { "partitions" }
            );
            findings.warning(
                place(),
                "idle-member",
                what,
                "Give the topic more partitions, or the group fewer members",
            );
        }
    }
}

/// The settings of a group are those of its first link.
fn check_alike(wiring: &Wiring<'_>, (first, settings): (usize, &Subscription), link: usize, findings: &mut Findings) {
    let Some(other) = wiring.links[link].link.subscription() else { return };
    // A member's own are its `prefetch`, and the `group` that makes it one.
    let Subscription {
        topics,
        group: _,
        share,
        filter,
        from,
        replay_emits,
        guarantee,
        ack_wait,
        deliveries,
        backoff,
        max_in_flight,
        prefetch: _,
        queue,
        order,
        ttl,
        priority,
        delay,
        idempotent,
        dead_letters,
        rate,
        breaker,
    } = other;
    let differing = [
        ("topics", *topics != settings.topics),
        ("share", *share != settings.share),
        ("filter", *filter != settings.filter),
        ("from", *from != settings.from),
        ("replay_emits", *replay_emits != settings.replay_emits),
        ("guarantee", *guarantee != settings.guarantee),
        ("ack_wait", *ack_wait != settings.ack_wait),
        ("deliveries", *deliveries != settings.deliveries),
        ("backoff", *backoff != settings.backoff),
        ("max_in_flight", *max_in_flight != settings.max_in_flight),
        ("queue", *queue != settings.queue),
        ("order", *order != settings.order),
        ("ttl", *ttl != settings.ttl),
        ("priority", *priority != settings.priority),
        ("delay", *delay != settings.delay),
        ("idempotent", *idempotent != settings.idempotent),
        ("dead_letters", *dead_letters != settings.dead_letters),
        ("rate", *rate != settings.rate),
        ("breaker", *breaker != settings.breaker),
    ];
    let group = settings.group.as_deref().unwrap_or_default();
    for (field, _) in differing.into_iter().filter(|(_, differs)| *differs) {
        let place = wiring.at_link(link, Some(field.to_owned()));
        let (this, lead) = (wiring.title(wiring.links[link].to), wiring.title(wiring.links[first].to));
        let what =
            format!("“{this}” and “{lead}” are in the group “{group}”, but differ in {}", field.replace('_', " "));
        let hint = format!("A group has one setting for all: that of “{lead}” counts. Make them the same");
        findings.warning(place, "group-settings", what, hint);
    }
}

/// What handles the events of a link: how long that takes, and whether it can fail.
fn handling<'a>(
    wiring: &'a Wiring<'_>,
    routes: &Routes<'_>,
    link: usize,
) -> impl Iterator<Item = (&'a Distribution, bool)> {
    let (_, node) = wiring.nodes[wiring.links[link].to];
    let events: Vec<usize> = match routes.selected[link] {
        Some(selection) => {
            let streams = routes.selections[selection].streams.iter();
            streams.map(|stream| routes.streams[*stream]).collect()
        }
        None => routes.carried[link].iter().map(|carried| carried.event).collect(),
    };
    let consumer = match &node.kind {
        NodeKind::Consumer(consumer) => Some((&consumer.takes, consumer.fails.billionths() > 0)),
        NodeKind::Store(store) => Some((&store.takes, store.fails.billionths() > 0)),
        _ => None,
    };
    let types: Vec<&str> = events.into_iter().map(|event| routes.types[event]).collect();
    let reached =
        wiring.reactions[wiring.links[link].to].iter().filter(move |h| types.iter().any(|name| h.on.matches(name)));
    consumer.into_iter().chain(reached.map(|handler| (&handler.takes, handler.fails.billionths() > 0)))
}

fn can_fail(wiring: &Wiring<'_>, routes: &Routes<'_>, link: usize) -> bool {
    handling(wiring, routes, link).any(|(_, fails)| fails)
}

/// The wait begins when a record leaves the bus, and the acknowledgement takes the link's delay back.
fn check_wait(wiring: &Wiring<'_>, routes: &Routes<'_>, link: usize, settings: &Subscription, findings: &mut Findings) {
    let wire = &wiring.links[link];
    if settings.guarantee != Guarantee::AtLeastOnce || settings.ack_wait.is_zero() {
        return;
    }
    let Link { delay, .. } = wire.link;
    let slowest =
        handling(wiring, routes, link).filter(|(takes, _)| takes.fault().is_none()).map(|(takes, _)| p99(takes));
    let Some(slowest) = slowest.max() else { return };
    let cold = match &wiring.nodes[wire.to].1.kind {
        NodeKind::Function(function) if function.cold_start.fault().is_none() => p99(&function.cold_start),
        _ => SimDuration::ZERO,
    };
    let needed = slowest.saturating_add(cold).saturating_add(delay.saturating_mul(2));
    if settings.ack_wait < needed {
        let title = wiring.title(wire.to);
        let (takes, hint) = if needed == SimDuration::MAX {
            ("for ever".to_owned(), format!("Draw the time of “{title}” from a law with a lighter tail"))
        } else {
            let longest = SimDuration::from_nanos(limits::DURATION_NANOS);
            let enough = rounded(needed.saturating_mul(3)).min(longest);
            let hint = format!("Let the subscription wait longer, as in {enough}");
            (format!("{} or longer", rounded(needed)), hint)
        };
        let what = format!(
            "“{title}” gets a record again after {}, but may still be busy with it: one in a hundred takes {takes}",
            settings.ack_wait
        );
        findings.warning(wiring.at_link(link, Some("ack_wait".to_owned())), "ack-wait", what, hint);
    }
}

/// To a few figures, upwards.
fn rounded(duration: SimDuration) -> SimDuration {
    let nanos = duration.as_nanos();
    let grain = match nanos {
        0..1_000_000 => 1_000,
        1_000_000..10_000_000_000 => 1_000_000,
        10_000_000_000..100_000_000_000 => 100_000_000,
        _ => 1_000_000_000,
    };
    SimDuration::from_nanos(nanos.div_ceil(grain).saturating_mul(grain))
}
