//! A node into a link: one way becomes two, what went along it goes on, and it is one step to take back.

use std::collections::BTreeMap;
use std::fmt;

use crate::edit::Document;
use crate::edit::Edit;
use crate::model::{
    Call, Emit, EventName, Flow, Handler, KindTag, Link, LinkId, LinkKind, Node, NodeId, NodeKind, Pattern, Point,
    Publish, Subscription,
};

use super::build::{self, STEP_X};

/// So many event types are handed on one by one; of more than these the person has to say which.
const HANDED_ON: usize = 8;

/// Why a node cannot go into a link, in the few words that fit beside a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing arrives at it.
    TakesNothing(KindTag),
    /// Nothing leaves it.
    PassesNothingOn(KindTag),
    /// It never calls: what it says, it says to a bus.
    CallsNobody(KindTag),
    /// One end is a bus already.
    BusBesideBus,
    /// There is no such link any more, or no room in the flow.
    Gone,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakesNothing(kind) => write!(f, "A {} takes no events", kind.label().to_lowercase()),
            Self::PassesNothingOn(kind) => write!(f, "A {} passes nothing on", kind.label().to_lowercase()),
            Self::CallsNobody(kind) => write!(f, "A {} calls nobody", kind.label().to_lowercase()),
            Self::BusBesideBus => f.write_str("A bus cannot feed a bus"),
            Self::Gone => f.write_str("The link is gone"),
        }
    }
}

/// Whether a node of this kind can go into a link, or why not.
pub(crate) fn fits(flow: &Flow, kind: KindTag, link: &LinkId) -> Result<(), Refusal> {
    let link = flow.link(link).ok_or(Refusal::Gone)?;
    match kind {
        KindTag::Bus if matches!(link.kind, LinkKind::Call(_)) => Ok(()),
        KindTag::Bus => Err(Refusal::BusBesideBus),
        KindTag::Store if matches!(link.kind, LinkKind::Call(_)) => Err(Refusal::CallsNobody(kind)),
        // What it gets ends with it: a reply is for whoever asked.
        KindTag::Gateway => Err(Refusal::PassesNothingOn(kind)),
        kind if !kind.subscribes() && kind.publishes() => Err(Refusal::TakesNothing(kind)),
        kind if !kind.publishes() => Err(Refusal::PassesNothingOn(kind)),
        _ if matches!(link.kind, LinkKind::Call(_)) && !kind.is_called() => Err(Refusal::PassesNothingOn(kind)),
        _ => Ok(()),
    }
}

/// The edit that puts a new node into a link, and the node's id. Between a node that emits and one that reacts stands a
/// bus: where the new node is neither, its own bus comes along.
///
/// What is to the right steps aside as far as there is too little room.
pub(crate) fn splice(flow: &Flow, kind: KindTag, at: Point, link_id: &LinkId) -> Result<(Edit, NodeId), Refusal> {
    fits(flow, kind, link_id)?;
    let link = flow.link(link_id).ok_or(Refusal::Gone)?;
    let needs_bus = kind != KindTag::Bus && !matches!(link.kind, LinkKind::Call(_));
    let mut draft = Draft { document: Document::new(flow.clone()), edits: Vec::new() };
    draft.make(Edit::Remove { nodes: Vec::new(), links: vec![link_id.clone()] });

    let new = if needs_bus { 2 } else { 1 };
    draft.make_room(&link.from, &link.to, new);
    let mut places = draft.places(&link.from, &link.to, new, at);
    // Publishers come before their bus, subscribers behind it.
    let bus_first = matches!(link.kind, LinkKind::Publish(_));
    let bus_place = if needs_bus { if bus_first { places.remove(0) } else { places.remove(1) } } else { at };
    let id = draft.document.flow().free_node_id(kind.id_stem());
    let node = Node::new(places[0], handing_on(kind.default_kind(), &passing(flow, link)));
    draft.make(Edit::AddNode(id.clone(), node));
    let bus = needs_bus.then(|| draft.add_bus(bus_place));

    let plain = || LinkKind::Publish(Publish::default());
    let subscribe = |subscription| LinkKind::Subscribe(subscription);
    match (&link.kind, &bus) {
        (LinkKind::Publish(publish), Some(bus)) => {
            let into = Publish { topic: None, events: publish.events.clone() };
            let on = Publish { topic: publish.topic.clone(), events: Vec::new() };
            draft.link(&link.from, bus, LinkKind::Publish(into), link);
            draft.link(bus, &id, subscribe(Subscription::default()), link);
            draft.link(&id, &link.to, LinkKind::Publish(on), link);
        }
        (LinkKind::Subscribe(subscription), Some(bus)) => {
            // Which records come is settled where they leave the old bus; how they are handed over, where they arrive.
            let behind = Subscription { topics: Vec::new(), group: None, filter: None, ..subscription.clone() };
            draft.link(&link.from, &id, subscribe(subscription.clone()), link);
            draft.link(&id, bus, plain(), link);
            draft.link(bus, &link.to, subscribe(behind), link);
        }
        (LinkKind::Call(call), _) if kind == KindTag::Bus => {
            let handed_over = Subscription {
                deliveries: call.deliveries,
                backoff: call.backoff,
                queue: call.queue,
                dead_letters: call.dead_letters.clone(),
                ..Subscription::default()
            };
            let publish = Publish { topic: None, events: call.events.clone() };
            draft.link(&link.from, &id, LinkKind::Publish(publish), link);
            draft.link(&id, &link.to, subscribe(handed_over), link);
        }
        (LinkKind::Call(call), _) => {
            draft.link(&link.from, &id, LinkKind::Call(call.clone()), link);
            let on = Call { events: Vec::new(), ..call.clone() };
            draft.link(&id, &link.to, LinkKind::Call(on), link);
        }
        (LinkKind::Publish(_) | LinkKind::Subscribe(_), None) => return Err(Refusal::BusBesideBus),
    }
    let label = format!("Insert {}", kind.label().to_lowercase());
    Ok((Edit::Many(label, draft.edits), id))
}

/// The flow as it becomes, and the edits so far.
struct Draft {
    document: Document,
    edits: Vec<Edit>,
}

impl Draft {
    fn make(&mut self, edit: Edit) {
        // Each is possible by how it was made; one that is not is refused again when the whole is applied.
        self.document.apply(&edit).ok();
        self.edits.push(edit);
    }

    fn add_bus(&mut self, at: Point) -> NodeId {
        let bus = self.document.flow().free_node_id(KindTag::Bus.id_stem());
        self.make(Edit::AddNode(bus.clone(), Node::new(at, KindTag::Bus.default_kind())));
        bus
    }

    /// A link that takes as long as the one it comes from.
    fn link(&mut self, from: &NodeId, to: &NodeId, kind: LinkKind, old: &Link) {
        let id = self.document.flow().free_link_id(from, to);
        let link = Link { delay: old.delay, ..Link::new(from.clone(), to.clone(), kind) };
        self.make(Edit::AddLink(id, link));
    }

    fn at(&self, id: &NodeId) -> Point {
        self.document.flow().node(id).map_or(Point(0, 0), |node| node.at)
    }

    /// Moves the second of two nodes, and what is as far to the right, so far that this many find room between them.
    fn make_room(&mut self, from: &NodeId, to: &NodeId, new: i32) {
        let (Point(x1, _), Point(x2, _)) = (self.at(from), self.at(to));
        let missing = STEP_X * (new + 1) - x2.saturating_sub(x1);
        if x2 <= x1 || missing <= 0 {
            return;
        }
        let right = self.document.flow().nodes().iter().filter(|(_, node)| node.at.0 >= x2);
        let moved = right.map(|(id, node)| (id.clone(), Point(node.at.0.saturating_add(missing), node.at.1)));
        let moved = moved.collect();
        self.make(Edit::Move(moved));
    }

    /// Where this many new nodes go between two; on a way back, where the pointer was.
    fn places(&self, from: &NodeId, to: &NodeId, new: i32, at: Point) -> Vec<Point> {
        let (Point(x1, y1), Point(x2, y2)) = (self.at(from), self.at(to));
        let between = |nth: i32, a: i32, b: i32| a + (b - a) / (new + 1) * (nth + 1);
        let mut taken = Flow::clone(self.document.flow());
        let mut places = Vec::new();
        for nth in 0..new {
            let wanted = if x2 > x1 {
                Point(between(nth, x1, x2), between(nth, y1, y2))
            } else {
                Point(at.0 + STEP_X * nth, at.1)
            };
            let place = build::free_place(&taken, wanted);
            let id = taken.free_node_id("taken");
            taken.add_node(id, Node::new(place, KindTag::Consumer.default_kind())).ok();
            places.push(place);
        }
        places
    }
}

/// The event types that go along a link, as far as the flow says.
fn passing(flow: &Flow, link: &Link) -> Vec<EventName> {
    let emitted = |from: &NodeId, events: &[Pattern]| -> Vec<EventName> {
        let Some(node) = flow.node(from) else { return Vec::new() };
        let takes = |name: &&EventName| events.is_empty() || events.iter().any(|event| event.matches(name.as_str()));
        node.kind.emitted().filter(takes).cloned().collect()
    };
    let mut passing = match &link.kind {
        LinkKind::Publish(publish) => emitted(&link.from, &publish.events),
        LinkKind::Call(call) => emitted(&link.from, &call.events),
        LinkKind::Subscribe(subscription) => {
            let mut all = Vec::new();
            for (_, into) in flow.links_to(&link.from) {
                let LinkKind::Publish(publish) = &into.kind else { continue };
                let topic = publish.topic.as_ref();
                let comes = |name: &EventName| {
                    subscription.takes_topic(topic.map_or_else(|| name.as_str(), |topic| topic.as_str()))
                };
                all.extend(emitted(&into.from, &publish.events).into_iter().filter(|name| comes(name)));
            }
            all
        }
    };
    passing.sort_unstable();
    passing.dedup();
    passing
}

/// A service or function that emits again what it gets, so that what comes behind it goes on as before.
fn handing_on(mut kind: NodeKind, passing: &[EventName]) -> NodeKind {
    let handlers = match &mut kind {
        NodeKind::Service(service) => &mut service.handlers,
        NodeKind::Function(function) => &mut function.handlers,
        _ => return kind,
    };
    if passing.is_empty() || passing.len() > HANDED_ON {
        return kind;
    }
    let like = handlers.first().cloned().unwrap_or_default();
    let on: BTreeMap<&EventName, Pattern> =
        passing.iter().filter_map(|name| Some((name, Pattern::new(name.as_str()).ok()?))).collect();
    let handler =
        |(name, on): (&EventName, Pattern)| Handler { on, emits: vec![Emit::new(name.clone())], ..like.clone() };
    *handlers = on.into_iter().map(handler).collect();
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::EXAMPLES;

    fn example(name: &str) -> Flow {
        EXAMPLES.iter().find(|example| example.name == name).expect("it ships").flow()
    }

    fn link(flow: &Flow, from: &str, to: &str) -> LinkId {
        let ends = |link: &Link| link.from.as_str() == from && link.to.as_str() == to;
        flow.links().iter().find(|(_, link)| ends(link)).expect("there is such a link").0.clone()
    }

    fn ends(flow: &Flow) -> Vec<String> {
        flow.links().values().map(|link| format!("{} {}", link.from, link.to)).collect()
    }

    #[test]
    fn a_service_goes_into_a_subscription_with_its_own_bus_and_hands_on() {
        let mut flow = example("retry-and-dead-letter");
        let (from, to) = {
            let link = flow.links().values().find(|link| link.subscription().is_some()).expect("one subscribes");
            (link.from.clone(), link.to.clone())
        };
        let id = link(&flow, from.as_str(), to.as_str());
        let before = flow.link(&id).expect("it is there").clone();
        let (edit, service) = splice(&flow, KindTag::Service, Point(0, 0), &id).expect("it fits");
        let mut document = Document::new(flow.clone());
        document.apply(&edit).expect("it can be made");
        let spliced = Flow::clone(document.flow());
        assert!(spliced.link(&id).is_none(), "the old way is gone");
        let (_, last) = spliced.links_to(&to).next().expect("it still gets events");
        let (now, then) = (last.subscription().expect("from a bus"), before.subscription().expect("from a bus"));
        assert_eq!(
            (now.deliveries, now.backoff, &now.dead_letters),
            (then.deliveries, then.backoff, &then.dead_letters)
        );
        assert!(spliced.links_from(&service).any(|(_, link)| link.to == last.from), "{:?}", ends(&spliced));
        let emitted: Vec<_> = spliced.node(&service).expect("it is there").kind.emitted().cloned().collect();
        assert_eq!(emitted, passing(&flow, &before), "what came is handed on");
        document.undo();
        flow = Flow::clone(document.flow());
        assert_eq!(flow, example("retry-and-dead-letter"), "one step takes it back");
    }

    #[test]
    fn spliced_flows_deliver_as_before_and_cards_cover_no_other() {
        for example in EXAMPLES {
            let flow = example.flow();
            for (id, link) in flow.links() {
                for kind in KindTag::ALL {
                    let (edit, new) = match splice(&flow, kind, Point(0, 0), id) {
                        Ok(made) => made,
                        Err(refusal) => {
                            assert_eq!(fits(&flow, kind, id), Err(refusal));
                            continue;
                        }
                    };
                    let mut document = Document::new(flow.clone());
                    document.apply(&edit).unwrap_or_else(|error| panic!("{} {kind:?} {id}: {error}", example.name));
                    let spliced = document.flow();
                    assert!(spliced.links_to(&new).next().is_some() && spliced.links_from(&new).next().is_some());
                    assert!(spliced.links_to(&link.to).next().is_some(), "{} {id}: cut off", example.name);
                    let at = spliced.node(&new).expect("it is there").at;
                    let covers = |other: &Node| (other.at.0 - at.0).abs() < 176 && (other.at.1 - at.1).abs() < 60;
                    let others = spliced.nodes().iter().filter(|(other, _)| **other != new);
                    assert_eq!(others.filter(|(_, other)| covers(other)).count(), 0, "{} {id} {kind:?}", example.name);
                }
            }
        }
    }

    #[test]
    fn what_cannot_go_between_says_why() {
        let flow = example("hello");
        let id = flow.links().iter().find(|(_, link)| link.subscription().is_some()).expect("one subscribes").0.clone();
        let words = |kind| fits(&flow, kind, &id).map_err(|refusal| refusal.to_string());
        assert_eq!(words(KindTag::Service), Ok(()));
        assert_eq!(words(KindTag::Producer), Err("A producer takes no events".to_owned()));
        assert_eq!(words(KindTag::Consumer), Err("A consumer passes nothing on".to_owned()));
        assert_eq!(words(KindTag::DeadLetterQueue), Err("A dead-letter queue passes nothing on".to_owned()));
        assert_eq!(words(KindTag::Bus), Err("A bus cannot feed a bus".to_owned()));
    }
}
