//! Expectations: those that name what is not drawn, ask what cannot be answered there, or can only be met or broken.

use std::collections::BTreeSet;

use super::{Findings, did_you_mean};
use crate::model::{
    Counted, EventName, Expectation, ExpectationName, Flow, Key, KindTag, LinkKind, NodeId, NodeKind, Pacing, Scope,
};
use crate::plan::problem::Place;

pub(super) fn check(flow: &Flow, findings: &mut Findings) {
    for (name, expectation) in flow.expectations() {
        let mut case = Case { flow, name, findings };
        let is_drawn = case.check_targets(expectation);
        case.check_events(expectation);
        if is_drawn {
            case.check_settings(expectation);
        }
    }
}

/// One expectation, and where what is found about it goes.
struct Case<'a, 'b> {
    flow: &'a Flow,
    name: &'a ExpectationName,
    findings: &'b mut Findings,
}

impl Case<'_, '_> {
    fn at(&self, field: &str) -> Place {
        Place::Expectation(self.name.clone(), Some(field.to_owned()))
    }

    fn error(&mut self, field: &str, code: &'static str, what: String, hint: impl Into<String>) {
        self.findings.error(self.at(field), code, what, hint);
    }

    fn warning(&mut self, field: &str, code: &'static str, what: String, hint: impl Into<String>) {
        self.findings.warning(self.at(field), code, what, hint);
    }

    fn tag(&self, id: &NodeId) -> Option<KindTag> {
        self.flow.node(id).map(|node| node.kind.tag())
    }

    /// Whether all that it names is drawn.
    fn check_targets(&mut self, expectation: &Expectation) -> bool {
        let (flow, name) = (self.flow, self.name);
        let mut is_drawn = true;
        for (field, id) in expectation.nodes() {
            if flow.node(id).is_none() {
                is_drawn = false;
                let hint = did_you_mean(id.as_str(), flow.nodes().keys().map(|id| id.as_str()));
                let hint = if hint.is_empty() { "Name a node that is drawn".to_owned() } else { hint };
                let what = format!("“{name}” is about the node “{id}”, which is not drawn");
                self.error(field, "expect-target", what, hint);
            }
        }
        if let Some((field, id)) = expectation.link()
            && flow.link(id).is_none()
        {
            is_drawn = false;
            let hint = did_you_mean(id.as_str(), flow.links().keys().map(|id| id.as_str()));
            let hint = if hint.is_empty() { "Name a link that is drawn".to_owned() } else { hint };
            self.error(field, "expect-target", format!("“{name}” is about the link “{id}”, which is not drawn"), hint);
        }
        is_drawn
    }

    fn check_events(&mut self, expectation: &Expectation) {
        let (flow, name) = (self.flow, self.name);
        // A log may hold events of types that nobody names.
        let replays = |kind: &NodeKind| matches!(kind, NodeKind::Producer(producer) if matches!(producer.rate, Pacing::Replay { .. }));
        if flow.nodes().values().any(|node| replays(&node.kind)) {
            return;
        }
        let emitted: BTreeSet<&EventName> = flow.nodes().values().flat_map(|node| node.kind.emitted()).collect();
        for (field, event) in expectation.events() {
            if !emitted.contains(event) {
                let hint = did_you_mean(event.as_str(), emitted.iter().map(|name| name.as_str()));
                let hint = if hint.is_empty() { "Name an event type that some node emits".to_owned() } else { hint };
                self.error(field, "expect-event", format!("“{name}” is about “{event}”, which no node emits"), hint);
            }
        }
    }

    fn check_settings(&mut self, expectation: &Expectation) {
        let (flow, name) = (self.flow, self.name);
        match expectation {
            Expectation::NothingLost { at } => {
                if let Some(Scope::Node(id)) = at
                    && self.tag(id) == Some(KindTag::Note)
                {
                    self.no_place("at", id, "nothing comes to a note");
                }
            }
            Expectation::InOrder { at } | Expectation::Once { at } => {
                match at {
                    Some(Scope::Node(id))
                        if !self.tag(id).is_some_and(|tag| tag.subscribes() || tag == KindTag::Bus) =>
                    {
                        self.no_place("at", id, "nothing is handled there");
                    }
                    Some(Scope::Link(id)) if is_publish(flow, id) => self.no_subscription("at", id.as_str()),
                    Some(_) | None => {}
                }
                if matches!(expectation, Expectation::InOrder { .. }) && !has_keys(flow) {
                    let what = format!("“{name}” asks for order by key, but no event has a key");
                    self.warning("at", "expect-nothing", what, "Give a producer's events a key");
                }
            }
            Expectation::DeadLetters { at, at_most: _ } => match at {
                Some(id) if self.tag(id) != Some(KindTag::DeadLetterQueue) => {
                    self.no_place("at", id, "dead letters go to dead-letter queues");
                }
                None if !flow.nodes().values().any(|node| node.kind.tag() == KindTag::DeadLetterQueue) => {
                    let what = format!("“{name}” counts dead letters, but there is no dead-letter queue");
                    self.warning("at", "expect-nothing", what, "Add one, or expect that nothing is lost");
                }
                Some(_) | None => {}
            },
            Expectation::Latency { from, to, share, within } => {
                if within.is_zero() {
                    self.no_time("within");
                }
                if share.billionths() == 0 {
                    let what = format!("“{name}” asks for no journey at all: its share is 0");
                    self.error("share", "zero", what, "Set the share to 0.99 for the p99, or to 1 for all of them");
                }
                let begins = |tag: KindTag| tag.publishes() || tag == KindTag::Bus;
                let ends = |tag: KindTag| tag.subscribes() || tag == KindTag::Bus || tag == KindTag::DeadLetterQueue;
                if !self.tag(from).is_some_and(begins) {
                    self.no_place("from", from, "no event begins there");
                } else if !self.tag(to).is_some_and(ends) {
                    self.no_place("to", to, "no event arrives there");
                } else if !reaches(flow, from, to) {
                    let what = format!("“{name}” measures from “{from}” to “{to}”, but no way leads there");
                    self.warning("to", "expect-nothing", what, "Name two nodes that are connected in this direction");
                }
            }
            Expectation::Follows { within, .. } => {
                if within.is_zero() {
                    self.no_time("within");
                }
            }
            Expectation::Lag { of, at_most: _ } => {
                if is_publish(flow, of) {
                    self.no_subscription("of", of.as_str());
                }
            }
            Expectation::Count { at, of, at_least, at_most, .. } => {
                let tag = self.tag(at);
                let is_there = tag.is_some_and(|tag| match of {
                    Counted::Received => tag.subscribes() || tag == KindTag::Bus || tag == KindTag::DeadLetterQueue,
                    Counted::Handled | Counted::Failed => tag.subscribes(),
                    Counted::Emitted => tag.publishes(),
                });
                if !is_there {
                    self.no_place("of", at, &format!("nothing is {} there", of.word()));
                }
                if let Some(most) = at_most
                    && most < at_least
                {
                    let what = format!("“{name}” cannot be met: at least {at_least} and at most {most}");
                    self.error("at_most", "expect-range", what, "Let the second figure be the larger one");
                } else if *at_least == 0 && at_most.is_none() {
                    let what = format!("“{name}” asks for nothing: any number will do");
                    self.warning("at_least", "expect-nothing", what, "Say how many at least, or at most");
                }
            }
        }
    }

    fn no_place(&mut self, field: &str, id: &NodeId, why: &str) {
        let who = self.tag(id).map_or_else(String::new, |tag| format!(" is a {}", tag.label().to_lowercase()));
        let what = format!("“{}” cannot be judged: “{}”{who}, and {why}", self.name, self.flow.title(id));
        self.error(field, "expect-target", what, "Choose another node");
    }

    fn no_subscription(&mut self, field: &str, id: &str) {
        let what = format!("“{}” cannot be judged: nothing is owed along “{id}”, which publishes to a bus", self.name);
        self.error(field, "expect-target", what, "Choose a link from a bus to a subscriber, or a call");
    }

    fn no_time(&mut self, field: &str) {
        let what = format!("“{}” leaves no time at all", self.name);
        self.error(field, "zero", what, "Say how long it may take, as in 500ms");
    }
}

fn is_publish(flow: &Flow, id: &crate::model::LinkId) -> bool {
    flow.link(id).is_some_and(|link| matches!(link.kind, LinkKind::Publish(_)))
}

/// Whether some event may have a key: a log may hold keys of its own.
fn has_keys(flow: &Flow) -> bool {
    flow.nodes().values().any(|node| {
        let produced = match &node.kind {
            NodeKind::Producer(producer) => {
                producer.key != Key::Inherit || matches!(producer.rate, Pacing::Replay { .. })
            }
            _ => false,
        };
        produced || node.kind.handlers().iter().flat_map(|handler| &handler.emits).any(|emit| emit.key != Key::Inherit)
    })
}

/// Whether a way leads from one node to another, along links and paths of dead letters.
fn reaches(flow: &Flow, from: &NodeId, to: &NodeId) -> bool {
    let dead = flow.dead_letter_links();
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(id) = next.pop() {
        let linked = flow.links_from(id).map(|(_, link)| &link.to);
        let given_up = dead.iter().filter(|path| path.from == *id).map(|path| &path.to);
        for other in linked.chain(given_up) {
            if other == to {
                return true;
            }
            if seen.insert(other) {
                next.push(other);
            }
        }
    }
    false
}
