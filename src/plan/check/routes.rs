//! What can get where: which types a node emits, which topics they reach, and who hears of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::wiring::{Wiring, replays};
use super::{Findings, did_you_mean, listed};
use crate::model::{LinkKind, Node, NodeKind, Pattern, Topic};

/// Event types, topics and streams of a flow by dense index.
pub(super) struct Routes<'a> {
    /// The names of the event types.
    pub(super) types: Vec<&'a str>,
    pub(super) topics: Vec<TopicRoutes<'a>>,
    /// One event type in one topic: the type.
    pub(super) streams: Vec<usize>,
    /// What each link carries, by type: the stream that it becomes part of if the link publishes.
    pub(super) carried: Vec<Vec<Carried>>,
    /// Which topics each subscribing link takes, as an index of [`Routes::selections`].
    pub(super) selected: Vec<Option<usize>>,
    /// Topics that subscriptions take. Links that say the same share one.
    pub(super) selections: Vec<Selection>,
    /// Of each node the types that it emits, in the order of its settings.
    pub(super) emits: Vec<Vec<usize>>,
    /// Of each service and function the types that can arrive, in order.
    received: Vec<Vec<usize>>,
    /// Of each bus its topics by name.
    by_name: Vec<BTreeMap<&'a str, usize>>,
}

pub(super) struct TopicRoutes<'a> {
    pub(super) bus: usize,
    pub(super) name: &'a str,
    pub(super) settings: Option<&'a Topic>,
    published: bool,
    subscribed: bool,
    pub(super) streams: Vec<usize>,
}

#[derive(Clone, Copy)]
pub(super) struct Carried {
    pub(super) event: usize,
    pub(super) stream: Option<usize>,
}

pub(super) struct Selection {
    pub(super) topics: Vec<usize>,
    pub(super) streams: Vec<usize>,
}

/// Types by name.
#[derive(Default)]
struct Types<'a> {
    ix: HashMap<&'a str, usize>,
    names: Vec<&'a str>,
}

impl<'a> Types<'a> {
    fn ix(&mut self, name: &'a str) -> usize {
        *self.ix.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() - 1
        })
    }
}

impl<'a> Routes<'a> {
    pub(super) fn new(wiring: &Wiring<'a>) -> Self {
        let mut types = Types::default();
        let emits = |(_, node): &(_, &'a Node)| node.kind.emitted().map(|name| types.ix(name.as_str())).collect();
        let emits: Vec<Vec<usize>> = wiring.nodes.iter().map(emits).collect();
        let mut routes = Self {
            types: types.names,
            topics: Vec::new(),
            streams: Vec::new(),
            carried: vec![Vec::new(); wiring.links.len()],
            selected: vec![None; wiring.links.len()],
            selections: Vec::new(),
            emits,
            received: vec![Vec::new(); wiring.nodes.len()],
            by_name: vec![BTreeMap::new(); wiring.nodes.len()],
        };
        routes.declare_topics(wiring);
        routes.carry(wiring);
        routes.select(wiring);
        routes.receive(wiring);
        routes
    }

    fn declare_topics(&mut self, wiring: &Wiring<'a>) {
        for (bus, (_, node)) in wiring.nodes.iter().enumerate() {
            let NodeKind::Bus(settings) = &node.kind else { continue };
            for (name, topic) in &settings.topics {
                let ix = self.topic(bus, name.as_str());
                self.topics[ix].settings = Some(topic);
            }
        }
    }

    fn topic(&mut self, bus: usize, name: &'a str) -> usize {
        *self.by_name[bus].entry(name).or_insert_with(|| {
            let (settings, published, subscribed) = (None, false, false);
            self.topics.push(TopicRoutes { bus, name, settings, published, subscribed, streams: Vec::new() });
            self.topics.len() - 1
        })
    }

    fn carry(&mut self, wiring: &Wiring<'a>) {
        let mut streams: HashMap<(usize, usize), usize> = HashMap::new();
        for (link, wire) in wiring.links.iter().enumerate() {
            let (patterns, topic) = match &wire.link.kind {
                LinkKind::Publish(publish) => (&publish.events, Some(publish.topic.as_ref())),
                LinkKind::Call(call) => (&call.events, None),
                LinkKind::Subscribe(_) => continue,
            };
            let mut emitted = self.emits[wire.from].clone();
            emitted.sort_unstable();
            emitted.dedup();
            for event in emitted {
                let name = self.types[event];
                if !patterns.is_empty() && !patterns.iter().any(|pattern| pattern.matches(name)) {
                    continue;
                }
                let stream = topic.map(|topic| {
                    let topic = self.topic(wire.to, topic.map_or(name, |topic| topic.as_str()));
                    self.topics[topic].published = true;
                    *streams.entry((topic, event)).or_insert_with(|| {
                        self.streams.push(event);
                        self.topics[topic].streams.push(self.streams.len() - 1);
                        self.streams.len() - 1
                    })
                });
                self.carried[link].push(Carried { event, stream });
            }
        }
    }

    fn select(&mut self, wiring: &Wiring<'a>) {
        let mut known: HashMap<(usize, &[Pattern]), usize> = HashMap::new();
        for (link, wire) in wiring.links.iter().enumerate() {
            let LinkKind::Subscribe(subscription) = &wire.link.kind else { continue };
            let selection = *known.entry((wire.from, &subscription.topics)).or_insert_with(|| {
                let topics = self.matching(wire.from, &subscription.topics);
                for topic in &topics {
                    self.topics[*topic].subscribed = true;
                }
                let streams = topics.iter().flat_map(|topic| self.topics[*topic].streams.iter().copied()).collect();
                self.selections.push(Selection { topics, streams });
                self.selections.len() - 1
            });
            self.selected[link] = Some(selection);
        }
    }

    /// The topics of a bus that some pattern stands for; all of them if there is no pattern.
    fn matching(&self, bus: usize, patterns: &[Pattern]) -> Vec<usize> {
        let names = &self.by_name[bus];
        if patterns.is_empty() {
            return names.values().copied().collect();
        }
        let mut topics = Vec::new();
        for pattern in patterns {
            if !pattern.has_wildcard() {
                topics.extend(names.get(pattern.as_str()));
                continue;
            }
            // Names are sorted: only those that begin like the pattern are looked at.
            let start = pattern.as_str().split(['*', '>']).next().unwrap_or_default();
            let alike = names.range(start..).take_while(|(name, _)| name.starts_with(start));
            topics.extend(alike.filter(|(name, _)| pattern.matches(name)).map(|(_, topic)| *topic));
        }
        topics.sort_unstable();
        topics.dedup();
        topics
    }

    fn receive(&mut self, wiring: &Wiring<'a>) {
        for (node, (_, what)) in wiring.nodes.iter().enumerate() {
            if what.kind.handlers().is_empty() {
                continue;
            }
            let mut types = Vec::new();
            for &link in &wiring.into[node] {
                match self.selected[link] {
                    Some(selection) => {
                        let streams = &self.selections[selection].streams;
                        types.extend(streams.iter().map(|stream| self.streams[*stream]));
                    }
                    None => types.extend(self.carried[link].iter().map(|carried| carried.event)),
                }
            }
            types.sort_unstable();
            types.dedup();
            self.received[node] = types;
        }
    }

    // ---- problems -------------------------------------------------------------------------------------------------

    pub(super) fn check(&self, wiring: &Wiring<'a>, findings: &mut Findings) {
        for node in 0..wiring.nodes.len() {
            self.check_node(wiring, node, findings);
        }
        self.check_topics(wiring, findings);
        for link in 0..wiring.links.len() {
            self.check_link(wiring, link, findings);
        }
    }

    fn check_node(&self, wiring: &Wiring<'a>, node: usize, findings: &mut Findings) {
        let title = || format!("“{}”", wiring.title(node));
        let (has_input, has_output) = (!wiring.into[node].is_empty(), !wiring.out[node].is_empty());
        let place = |field: Option<&str>| wiring.at_node(node, field.map(str::to_owned));
        let (id, what) = wiring.nodes[node];
        match &what.kind {
            NodeKind::Producer(producer) => {
                if !has_output {
                    let hint = "Link it to a bus";
                    findings.warning(place(None), "no-output", format!("What {} emits goes nowhere", title()), hint);
                } else if wiring.out[node].iter().all(|link| self.carried[*link].is_empty()) {
                    let what = format!("No link carries “{}”, which {} emits", producer.emits, title());
                    findings.warning(
                        place(Some("emits")),
                        "emits-nowhere",
                        what,
                        "Let one of its links take this type",
                    );
                }
            }
            NodeKind::Bus(_) => match (has_input, has_output) {
                (false, false) => {
                    let hint = "Link a producer to it, and it to a consumer";
                    findings.warning(place(None), "unconnected", format!("{} is linked to nothing", title()), hint);
                }
                (false, true) => {
                    let what = format!("Nobody publishes to {}", title());
                    findings.warning(place(None), "no-input", what, "Link a producer or a service to it");
                }
                (true, false) => {
                    let what = format!("Nobody subscribes to {}", title());
                    findings.warning(place(None), "no-output", what, "Link it to a consumer, a service or a function");
                }
                (true, true) => {}
            },
            NodeKind::Consumer(_) => {
                if !has_input {
                    let what = format!("{} gets no events", title());
                    findings.warning(place(None), "no-input", what, "Link a bus to it");
                }
            }
            NodeKind::Service(_) | NodeKind::Function(_) => {
                if has_input {
                    self.check_handlers(wiring, node, findings);
                } else {
                    let what = format!("{} gets no events", title());
                    findings.warning(place(None), "no-input", what, "Link a bus to it, or let another service call it");
                }
                self.check_emits(wiring, node, findings);
            }
            NodeKind::DeadLetterQueue(_) => {
                if !wiring.takes_dead_letters.contains(id) {
                    let what = format!("Nobody sends dead letters to {}", title());
                    let hint = "Draw a link to it from a subscriber or a bus";
                    findings.warning(place(None), "no-input", what, hint);
                }
            }
            NodeKind::Gateway(_) => {
                if !has_output {
                    let what = format!("What {} asks goes nowhere", title());
                    findings.warning(place(None), "no-output", what, "Link it to a bus, or let it call a service");
                } else if wiring.out[node].iter().all(|link| self.carried[*link].is_empty()) {
                    let what = format!("No link carries the requests of {}", title());
                    let hint = "Let one of its links take this type";
                    findings.warning(place(Some("requests.emits")), "emits-nowhere", what, hint);
                }
                if !has_input {
                    let what = format!("No reply can come back to {}: each of its requests times out", title());
                    findings.warning(place(None), "no-input", what, "Let it subscribe to what is replied");
                }
            }
            NodeKind::Note(_) => {}
        }
    }

    /// Handlers that never get an event to react to.
    fn check_handlers(&self, wiring: &Wiring<'a>, node: usize, findings: &mut Findings) {
        let handlers = wiring.nodes[node].1.kind.handlers();
        let title = wiring.title(node);
        if handlers.is_empty() {
            let what = format!("“{title}” has no handler: it takes every event and ignores it");
            let hint = "Add one that says what it reacts to";
            findings.warning(wiring.at_node(node, Some("handlers".to_owned())), "no-handlers", what, hint);
            return;
        }
        let received = &self.received[node];
        if received.is_empty() {
            // Nothing comes at all, which is said elsewhere.
            return;
        }
        let names = || received.iter().map(|event| self.types[*event]);
        for (h, handler) in handlers.iter().enumerate() {
            let first = |name: &str| handlers.iter().position(|handler| handler.on.matches(name));
            let mut wanted = names().filter(|name| handler.on.matches(name)).peekable();
            let place = || wiring.at_node(node, Some(format!("handlers[{h}].on")));
            if wanted.peek().is_none() {
                if may_come_from_a_log(wiring, &handler.on) {
                    continue;
                }
                let what = format!("“{title}” reacts to “{}”, but never gets such an event", handler.on);
                let near = did_you_mean(handler.on.as_str(), names());
                let hint = if near.is_empty() { format!("It gets {}", listed(names())) } else { near };
                findings.warning(place(), "handler-never-reacts", what, hint);
            } else if wanted.all(|name| first(name) != Some(h)) {
                let what = format!("A handler of “{title}” above this one takes every “{}”", handler.on);
                let hint = "The first that matches decides: move this one up, or let the other take less";
                findings.warning(place(), "handler-never-reacts", what, hint);
            }
        }
    }

    /// Emitted types that no link carries away.
    fn check_emits(&self, wiring: &Wiring<'a>, node: usize, findings: &mut Findings) {
        let title = || wiring.title(node);
        let (_, what) = wiring.nodes[node];
        if wiring.out[node].is_empty() {
            if what.kind.emitted().next().is_some() {
                let names = listed(what.kind.emitted().map(|name| name.as_str()));
                let what = format!("“{}” emits {names}, but is linked to nobody who takes it", title());
                findings.warning(wiring.at_node(node, None), "no-output", what, "Link it to a bus");
            }
            return;
        }
        let mut told = BTreeSet::new();
        let places = what.kind.handlers().iter().enumerate();
        let places = places.flat_map(|(h, handler)| (0..handler.emits.len()).map(move |e| (h, e)));
        for (&event, (h, e)) in self.emits[node].iter().zip(places) {
            let carried = |link: &usize| self.carries(*link, event).is_some();
            if wiring.out[node].iter().any(carried) || !told.insert(event) {
                continue;
            }
            let place = wiring.at_node(node, Some(format!("handlers[{h}].emits[{e}].event")));
            let what = format!("No link carries “{}”, which “{}” emits", self.types[event], title());
            findings.warning(place, "emits-nowhere", what, "Let one of its links take this type");
        }
    }

    /// How a link carries a type, if it does.
    pub(super) fn carries(&self, link: usize, event: usize) -> Option<Carried> {
        let carried = &self.carried[link];
        carried.binary_search_by_key(&event, |carried| carried.event).ok().map(|ix| carried[ix])
    }

    fn check_topics(&self, wiring: &Wiring<'a>, findings: &mut Findings) {
        for topic in &self.topics {
            let TopicRoutes { bus, name, published, subscribed, .. } = *topic;
            // A bus without publishers or subscribers has a problem of its own.
            let (has_input, has_output) = (!wiring.into[bus].is_empty(), !wiring.out[bus].is_empty());
            let unpublished = !published && has_input && !logs_may_publish(wiring, bus, name);
            let unsubscribed = !subscribed && has_output;
            let (code, who, hint) = match (unpublished, unsubscribed) {
                (true, true) => ("topic-unused", "publishes or subscribes to", "Use it, or remove it"),
                (true, false) => ("topic-without-publisher", "publishes to", "Publish to it, or remove it"),
                (false, true) => {
                    let hint = "Its events are kept for nobody: subscribe to it, or do not publish them";
                    ("topic-without-subscriber", "subscribes to", hint)
                }
                (false, false) => continue,
            };
            let what = format!("Nobody {who} the topic “{name}” of “{}”", wiring.title(bus));
            let published = self.by_name[bus].iter().filter(|(_, topic)| self.topics[**topic].published);
            let near = if unpublished { did_you_mean(name, published.map(|(name, _)| *name)) } else { String::new() };
            let hint = if near.is_empty() { hint.to_owned() } else { near };
            findings.warning(wiring.at_node(bus, Some(format!("topics[\"{name}\"]"))), code, what, hint);
        }
    }

    fn check_link(&self, wiring: &Wiring<'a>, link: usize, findings: &mut Findings) {
        let wire = &wiring.links[link];
        let title = |node: usize| wiring.title(node);
        let place = |field: &str, ix: usize| wiring.at_link(link, Some(format!("{field}[{ix}]")));
        let patterns = match &wire.link.kind {
            LinkKind::Subscribe(subscription) => {
                let names = &self.by_name[wire.from];
                if names.is_empty() {
                    // Nobody publishes to this bus, which is said there.
                    return;
                }
                for (ix, pattern) in subscription.topics.iter().enumerate() {
                    let known = !self.matching(wire.from, std::slice::from_ref(pattern)).is_empty();
                    if known || logs_may_publish(wiring, wire.from, pattern.as_str()) {
                        continue;
                    }
                    let (to, bus) = (title(wire.to), title(wire.from));
                    let what = format!("“{to}” subscribes to “{pattern}”, which is no topic of “{bus}”");
                    let near = did_you_mean(pattern.as_str(), names.keys().copied());
                    let hint = if near.is_empty() { format!("It has {}", listed(names.keys().copied())) } else { near };
                    findings.warning(place("topics", ix), "no-such-topic", what, hint);
                }
                return;
            }
            LinkKind::Publish(publish) => &publish.events,
            LinkKind::Call(call) => &call.events,
        };
        let sender = &wiring.nodes[wire.from].1.kind;
        let emitted = || sender.emitted().map(|name| name.as_str());
        if emitted().next().is_none() {
            let what = format!("“{}” emits nothing that this link could carry", title(wire.from));
            let hint = "Let one of its handlers emit an event";
            findings.warning(wiring.at_link(link, None), "link-carries-nothing", what, hint);
            return;
        }
        for (ix, pattern) in patterns.iter().enumerate() {
            if emitted().any(|name| pattern.matches(name)) || may_come_from_a_log(wiring, pattern) {
                continue;
            }
            let what = format!("“{}” never emits “{pattern}”, which this link would carry", title(wire.from));
            let near = did_you_mean(pattern.as_str(), emitted());
            let hint = if near.is_empty() { format!("It emits {}", listed(emitted())) } else { near };
            findings.warning(place("events", ix), "link-carries-nothing", what, hint);
        }
    }

    /// Which handler of a node takes a type.
    pub(super) fn handler_of(&self, wiring: &Wiring<'a>, node: usize, event: usize) -> Option<usize> {
        let name = self.types[event];
        wiring.nodes[node].1.kind.handlers().iter().position(|handler| handler.on.matches(name))
    }
}

/// Whether a described type can come out of a log: its rows bring their own types, which only a run reads.
fn may_come_from_a_log(wiring: &Wiring<'_>, pattern: &Pattern) -> bool {
    wiring.replays && wiring.flow.events().keys().any(|name| pattern.matches(name.as_str()))
}

/// Whether a log that is replayed into a bus can fill a topic of the name of a described type.
fn logs_may_publish(wiring: &Wiring<'_>, bus: usize, name: &str) -> bool {
    wiring.replays
        && wiring.into[bus].iter().any(|link| replays(&wiring.nodes[wiring.links[*link].from].1.kind))
        && Pattern::new(name)
            .is_ok_and(|pattern| wiring.flow.events().keys().any(|event| pattern.matches(event.as_str())))
}
