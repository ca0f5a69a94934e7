//! What a gesture means as an edit: placing and connecting, with everything that has to come along.

use std::slice;

use crate::edit::Edit;
use crate::model::{
    EventName, Flow, KindTag, Link, LinkId, LinkKind, LinkRefusal, Node, NodeId, NodeKind, Point, Publish,
    Subscription, TopicName,
};

/// How far apart cards stand that are placed one beside the other.
pub(crate) const STEP_X: i32 = 256;
const STEP_Y: i32 = 96;

/// The edit that places a new node, connected from another one if that is possible, and the new node's id.
///
/// Where a bus is needed between the two, it comes along.
pub(crate) fn place(flow: &Flow, kind: KindTag, at: Point, from: Option<&NodeId>) -> (Edit, NodeId) {
    let id = flow.free_node_id(kind.id_stem());
    let add = Edit::AddNode(id.clone(), Node::new(at, kind.default_kind()));
    let label = add.label();
    let mut with_node = flow.clone();
    let added = with_node.add_node(id.clone(), Node::new(at, kind.default_kind()));
    let connected = match (from, added) {
        (Some(from), Ok(())) => connect(&with_node, from, &id, true).or_else(|_| connect(&with_node, &id, from, true)),
        _ => Err(LinkRefusal::Note),
    };
    match connected {
        Ok(connect) => (Edit::Many(label, vec![add, connect]), id),
        Err(_) => (add, id),
    }
}

/// How well a new node of a kind goes with the one it would be placed after: the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// A link leads to it.
    Straight,
    /// A link leads to it from a bus that comes along.
    ThroughBus,
    /// A link leads from it.
    Backwards,
    /// It stands alone.
    Alone,
}

/// How well a new node of this kind goes with another one.
pub(crate) fn fit(flow: &Flow, from: &NodeId, kind: KindTag) -> Fit {
    let id = flow.free_node_id(kind.id_stem());
    let mut with_node = flow.clone();
    if with_node.add_node(id.clone(), Node::new(Point(0, 0), kind.default_kind())).is_err() {
        return Fit::Alone;
    }
    match with_node.possible_link(from, &id) {
        Ok(_) => Fit::Straight,
        Err(LinkRefusal::NeedsBus) => Fit::ThroughBus,
        Err(_) if connect(&with_node, &id, from, true).is_ok() => Fit::Backwards,
        Err(_) => Fit::Alone,
    }
}

/// The edit that connects two nodes, or why there can be none. With a bus put between where that mends it.
pub(crate) fn connect(flow: &Flow, from: &NodeId, to: &NodeId, bus_between: bool) -> Result<Edit, LinkRefusal> {
    match flow.possible_link(from, to) {
        Ok(Some(kind)) if comes_already(flow, from, to, &kind, None) => Err(LinkRefusal::Linked),
        Ok(Some(kind)) => Ok(add_link(flow, from, to, kind)),
        Ok(None) => Ok(Edit::SetDeadLetters { from: from.clone(), to: Some(to.clone()) }),
        Err(LinkRefusal::NeedsBus) if bus_between => put_bus_between(flow, from, to),
        Err(refusal) => Err(refusal),
    }
}

/// Whether a link of this kind, for this topic alone if one is named, would bring what comes already.
pub(crate) fn comes_already(
    flow: &Flow,
    from: &NodeId,
    to: &NodeId,
    kind: &LinkKind,
    topic: Option<&TopicName>,
) -> bool {
    match (kind, topic) {
        (LinkKind::Subscribe(_), Some(topic)) => is_subscribed(flow, from, to, slice::from_ref(topic)),
        (LinkKind::Subscribe(_), None) => is_subscribed(flow, from, to, &flow.topics_of(from)),
        (LinkKind::Publish(_), Some(topic)) => published(flow, from, to).contains(topic),
        (LinkKind::Publish(_), None) => flow.links_from(from).any(|(_, link)| link.to == *to && link.kind == *kind),
        // However a call is made, all that goes this way goes it once.
        (LinkKind::Call(_), _) => {
            let takes_all = |kind: &LinkKind| matches!(kind, LinkKind::Call(call) if call.events.is_empty());
            flow.links_from(from).any(|(_, link)| link.to == *to && takes_all(&link.kind))
        }
    }
}

/// Whether all that is in these topics comes from a bus to a node by one subscription.
fn is_subscribed(flow: &Flow, bus: &NodeId, to: &NodeId, topics: &[TopicName]) -> bool {
    let takes = |subscription: &Subscription, topic: &TopicName| {
        subscription.topics.is_empty() || subscription.topics.iter().any(|pattern| pattern.matches(topic.as_str()))
    };
    let all = |subscription: &Subscription| {
        subscription.filter.is_none() && topics.iter().all(|topic| takes(subscription, topic))
    };
    flow.links_from(bus).any(|(_, link)| link.to == *to && link.subscription().is_some_and(all))
}

/// The topics that a node publishes into.
fn published(flow: &Flow, from: &NodeId, bus: &NodeId) -> Vec<TopicName> {
    let emitted = || flow.node(from).into_iter().flat_map(|node| node.kind.emitted());
    let ways = flow.links_from(from).filter(|(_, link)| link.to == *bus).filter_map(|(_, link)| match &link.kind {
        LinkKind::Publish(publish) => Some(publish),
        LinkKind::Subscribe(_) | LinkKind::Call(_) => None,
    });
    let mut topics = Vec::new();
    for Publish { events, topic } in ways {
        let goes =
            |event: &&EventName| events.is_empty() || events.iter().any(|pattern| pattern.matches(event.as_str()));
        match topic {
            Some(topic) => topics.push(topic.clone()),
            None => topics.extend(emitted().filter(goes).map(TopicName::from)),
        }
    }
    topics
}

/// How events get from one node to another that no link may lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    /// By a bus that is put between them.
    NewBus,
    /// By this one, which the first publishes to.
    Bus(NodeId),
    /// They come already.
    Linked,
}

/// How events would get from one node to another by a bus.
pub(crate) fn between(flow: &Flow, from: &NodeId, to: &NodeId) -> Between {
    let is_bus = |id: &&NodeId| flow.node(id).is_some_and(|node| node.kind.tag() == KindTag::Bus);
    let mut buses = flow.links_from(from).map(|(_, link)| &link.to).filter(is_bus);
    let Some(first) = buses.next() else { return Between::NewBus };
    // Of a node that emits nothing yet nothing comes already.
    let leads = |bus: &NodeId| {
        let topics = published(flow, from, bus);
        !topics.is_empty() && is_subscribed(flow, bus, to, &topics)
    };
    if leads(first) || buses.any(leads) { Between::Linked } else { Between::Bus(first.clone()) }
}

/// A bus that the first already publishes to is used; otherwise a new one is put halfway.
fn put_bus_between(flow: &Flow, from: &NodeId, to: &NodeId) -> Result<Edit, LinkRefusal> {
    let label = "Put a bus between".to_owned();
    match between(flow, from, to) {
        Between::Linked => return Err(LinkRefusal::Linked),
        Between::Bus(bus) => {
            let kind = flow.possible_link(&bus, to)?.ok_or(LinkRefusal::NeedsBus)?;
            return Ok(add_link(flow, &bus, to, kind));
        }
        Between::NewBus => {}
    }
    let place = |id: &NodeId| flow.node(id).map_or(Point(0, 0), |node| node.at);
    let (Point(x1, y1), Point(x2, y2)) = (place(from), place(to));
    let middle = Point(i32::midpoint(x1, x2), i32::midpoint(y1, y2));
    let bus = flow.free_node_id(KindTag::Bus.id_stem());
    let node = Node::new(middle, KindTag::Bus.default_kind());
    let mut edits = vec![Edit::AddNode(bus.clone(), node.clone())];
    // The two step aside if there is no room for a bus.
    if (x2 - x1).abs() < STEP_X * 2 {
        let shift = (STEP_X * 2 - (x2 - x1).abs()) * if x2 >= x1 { 1 } else { -1 };
        edits.push(Edit::Move(vec![(to.clone(), Point(x2 + shift, y2))]));
        edits.push(Edit::Move(vec![(bus.clone(), Point(i32::midpoint(x1, x2 + shift), middle.1))]));
    }
    let mut with_bus = flow.clone();
    with_bus.add_node(bus.clone(), node).map_err(|_full| LinkRefusal::NeedsBus)?;
    for (a, b) in [(from, &bus), (&bus, to)] {
        let kind = with_bus.possible_link(a, b)?.ok_or(LinkRefusal::NeedsBus)?;
        edits.push(add_link(&with_bus, a, b, kind));
    }
    Ok(Edit::Many(label, edits))
}

fn add_link(flow: &Flow, from: &NodeId, to: &NodeId, kind: LinkKind) -> Edit {
    let id: LinkId = flow.free_link_id(from, to);
    Edit::AddLink(id, Link::new(from.clone(), to.clone(), kind))
}

/// A place near this one where a card covers no other: the place itself, or the next free one below or beside it.
pub(crate) fn free_place(flow: &Flow, near: Point) -> Point {
    let covered = |at: Point| {
        flow.nodes().values().any(|node| {
            let tall = match &node.kind {
                NodeKind::Bus(_) => STEP_Y * 2,
                _ => STEP_Y,
            };
            (node.at.0 - at.0).abs() < STEP_X - 40 && (node.at.1 - at.1).abs() < tall
        })
    };
    let near = Point(snap(near.0), snap(near.1));
    let rings = (0..40).flat_map(|ring| (-ring..=ring).map(move |step| (ring, step)));
    let places = rings.flat_map(|(ring, step)| {
        [(ring, step), (-ring, step), (step, ring), (step, -ring)]
            .map(|(x, y)| Point(near.0 + x * STEP_X, near.1 + y * STEP_Y))
    });
    places.into_iter().find(|at| !covered(*at)).unwrap_or(near)
}

/// Halfway along a link, as the crow flies.
pub(crate) fn middle_of(flow: &Flow, link: &LinkId) -> Point {
    let place = |id: &NodeId| flow.node(id).map_or(Point(0, 0), |node| node.at);
    let (Point(x1, y1), Point(x2, y2)) =
        flow.link(link).map_or_else(Default::default, |link| (place(&link.from), place(&link.to)));
    Point(snap(i32::midpoint(x1, x2)), snap(i32::midpoint(y1, y2)))
}

/// Where a node goes that is placed after another one: to its right.
pub(crate) fn place_after(flow: &Flow, from: &NodeId) -> Point {
    let Point(x, y) = flow.node(from).map_or(Point(0, 0), |node| node.at);
    free_place(flow, Point(x + STEP_X, y))
}

const fn snap(value: i32) -> i32 {
    value.div_euclid(8) * 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::Document;

    fn applied(flow: &Flow, edit: &Edit) -> Flow {
        let mut document = Document::new(flow.clone());
        document.apply(edit).expect("the edit fits");
        Flow::clone(document.flow())
    }

    #[test]
    fn a_consumer_after_a_producer_brings_its_bus_along() {
        let flow = Flow::new("test");
        let (edit, producer) = place(&flow, KindTag::Producer, Point(0, 0), None);
        let flow = applied(&flow, &edit);
        let (edit, consumer) = place(&flow, KindTag::Consumer, Point(256, 0), Some(&producer));
        let flow = applied(&flow, &edit);
        assert_eq!(flow.nodes().len(), 3);
        assert_eq!(flow.links().len(), 2);
        assert!(flow.links_to(&consumer).next().is_some());
        // What is linked is not linked once more, from either end: everything would come twice.
        let bus = flow.links_to(&consumer).next().map(|(_, link)| link.from.clone()).expect("a bus");
        for (from, to) in [(&producer, &consumer), (&bus, &consumer), (&producer, &bus)] {
            assert_eq!(connect(&flow, from, to, true), Err(LinkRefusal::Linked), "{from} to {to}");
        }
        // A second one uses the bus that is there.
        let (edit, _) = place(&flow, KindTag::Consumer, Point(256, 96), Some(&producer));
        let flow = applied(&flow, &edit);
        assert_eq!(flow.nodes().len(), 4);
        assert_eq!(flow.links().len(), 3);
    }

    #[test]
    fn only_what_would_come_twice_is_linked_already() {
        let mut flow = Flow::new("test");
        let mut put = |kind: KindTag, name: &str| {
            let id = NodeId::new(name).expect("an id");
            flow.add_node(id.clone(), Node::new(Point(0, 0), kind.default_kind())).expect("a new id");
            id
        };
        let [till, shop] = ["till", "shop"].map(|name| put(KindTag::Service, name));
        let (bus, all) = (put(KindTag::Bus, "bus"), put(KindTag::Consumer, "all"));
        let link =
            |flow: &Flow, from: &NodeId, to: &NodeId| applied(flow, &connect(flow, from, to, true).expect("a link"));
        // What emits nothing yet sends nothing along the way that is there.
        let flow = link(&link(&flow, &till, &bus), &bus, &all);
        assert!(connect(&flow, &till, &all, true).is_ok());
        // A call that is made otherwise than by default is made all the same.
        let flow = link(&flow, &till, &shop);
        let (id, way) = flow.links_from(&till).find(|(_, link)| link.to == shop).expect("a call");
        let mut way = way.clone();
        let LinkKind::Call(call) = &mut way.kind else { panic!("services call each other") };
        call.deliveries = 3;
        let flow = applied(&flow, &Edit::SetLink(id.clone(), way));
        assert_eq!(connect(&flow, &till, &shop, true), Err(LinkRefusal::Linked));
    }

    #[test]
    fn what_is_offered_first_is_what_a_link_can_lead_to() {
        let (edit, producer) = place(&Flow::new("test"), KindTag::Producer, Point(0, 0), None);
        let flow = applied(&Flow::new("test"), &edit);
        let (edit, bus) = place(&flow, KindTag::Bus, Point(256, 0), Some(&producer));
        let flow = applied(&flow, &edit);
        for (from, kind, expected) in [
            (&producer, KindTag::Bus, Fit::Straight),
            (&producer, KindTag::Consumer, Fit::ThroughBus),
            (&producer, KindTag::Producer, Fit::Alone),
            (&producer, KindTag::Note, Fit::Alone),
            (&bus, KindTag::Consumer, Fit::Straight),
            (&bus, KindTag::DeadLetterQueue, Fit::Straight),
            (&bus, KindTag::Producer, Fit::Backwards),
        ] {
            assert_eq!(fit(&flow, from, kind), expected, "{from} to {kind:?}");
        }
    }

    #[test]
    fn placed_cards_cover_no_other() {
        let mut flow = Flow::new("test");
        for _ in 0..30 {
            let at = free_place(&flow, Point(0, 0));
            let (edit, _) = place(&flow, KindTag::Consumer, at, None);
            flow = applied(&flow, &edit);
        }
        let places: Vec<Point> = flow.nodes().values().map(|node| node.at).collect();
        for (i, a) in places.iter().enumerate() {
            for b in &places[i + 1..] {
                assert!((a.0 - b.0).abs() >= 176 || (a.1 - b.1).abs() >= 60, "{a:?} covers {b:?}");
            }
        }
    }
}
