//! The flow as a picture: cards, rails and curves with their places, made anew when the flow changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use egui::{Pos2, Rect, Vec2, pos2, vec2};

use crate::model::{
    EventName, Flow, KindTag, Link, LinkId, LinkKind, Node, NodeId, NodeKind, Pattern, Point, Rail, TopicName,
};

use super::geometry::{self, Anchor, Coarse, End, Path};
use super::hit::Grid;
use super::words;

/// Every node and link with its place.
#[derive(Debug, Default)]
pub(super) struct Scene {
    /// In the order in which they lie on each other, the lowest first.
    pub nodes: Vec<SceneNode>,
    /// Links, then the drawn paths of dead letters.
    pub links: Vec<SceneLink>,
    /// Each link's curve for when it is short on screen: close together in memory, for a hundred thousand events go
    /// along them in every frame.
    pub coarse: Vec<Coarse>,
    /// Which colour an event type wears, and its place in the order of first use.
    pub events: BTreeMap<EventName, (u8, usize)>,
    /// Where a node is in `nodes`.
    pub node_ix: HashMap<NodeId, u32>,
    /// Where a link is in `links`.
    pub link_ix: HashMap<LinkId, u32>,
    /// What everything lies in.
    pub bounds: Option<Rect>,
    /// Finds what is near a place.
    pub grid: Grid,
}

/// A node with its place.
#[derive(Debug)]
pub(super) struct SceneNode {
    pub id: NodeId,
    pub title: String,
    pub tag: KindTag,
    /// Where the flow says that its middle is.
    pub at: Point,
    /// Where it is drawn now: elsewhere than the flow says while it is being moved.
    pub rect: Rect,
    /// What it is set to: in a few words, and in fewer.
    pub settings: [String; 2],
    /// The event type whose colour it wears.
    pub emits: Option<EventName>,
    /// The topics of a bus.
    pub rows: Vec<Row>,
    /// Whether a bus lies.
    pub lying: bool,
    /// The words of a note.
    pub text: String,
    /// How many instances a function may have.
    pub instances: u32,
    /// The links that meet here.
    pub links: Vec<u32>,
    /// Whether a link leaves, arrives, or carries dead letters away.
    pub used: Used,
}

/// Which of a node's ports have links.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub inward: bool,
    pub outward: bool,
    pub dead: bool,
}

/// A topic of a bus.
#[derive(Debug)]
pub(super) struct Row {
    pub topic: TopicName,
    pub partitions: u32,
    /// Its place relative to the upper left corner of the rail.
    pub rect: Rect,
}

/// What a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LinkKey {
    /// One of the flow's links.
    Link(LinkId),
    /// The drawn path of what a subscriber or bus gives up; it stands for a setting.
    DeadLetters,
}

/// A link with its curve.
#[derive(Debug)]
pub(super) struct SceneLink {
    pub key: LinkKey,
    pub from: u32,
    pub to: u32,
    pub look: LinkLook,
    /// What it says near its bus.
    pub label: Option<String>,
    /// Which end of it `label` is at: whether it is the first.
    pub label_at_start: bool,
    /// Where it leaves, relative to the upper left corner of its first node.
    leaves: Anchor,
    /// Where it arrives, relative to the upper left corner of its second node.
    arrives: Anchor,
    /// How many links left the first node before it.
    nth: usize,
    pub path: Path,
}

/// How a link is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkLook {
    Plain,
    /// Doubled.
    Call,
    /// Dashed.
    DeadLetters,
}

/// Where a link can begin or end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Port {
    pub node: u32,
    pub side: Side,
    /// The row of a bus that it belongs to.
    pub row: Option<u32>,
    pub anchor: Anchor,
    /// How far to both sides of its middle it reaches along its node's side.
    pub half: f32,
}

impl Port {
    /// How far a place is from it.
    pub(super) fn distance(&self, place: Pos2) -> f32 {
        let along = self.anchor.out.rot90();
        let off = place - self.anchor.at;
        (off - along * off.dot(along).clamp(-self.half, self.half)).length()
    }
}

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    In,
    Out,
    /// What is given up leaves here.
    Dead,
}

impl Scene {
    /// The picture of a flow.
    pub(super) fn of(flow: &Flow) -> Self {
        let mut scene = Self::default();
        for (order, name) in flow.event_names().into_iter().enumerate() {
            scene.events.insert(name, (0, order));
        }
        for (name, color) in flow.event_colors() {
            scene.events.entry(name).or_default().0 = color;
        }
        for (id, node) in flow.nodes() {
            scene.node_ix.insert(id.clone(), scene.nodes.len() as u32);
            scene.nodes.push(scene_node(id, node));
        }
        scene.add_links(flow);
        scene.lay_rails(flow);
        scene.coarse = vec![Coarse::default(); scene.links.len()];
        for link in 0..scene.links.len() {
            scene.lay_link(link);
        }
        let all = scene.nodes.iter().map(|node| node.rect).reduce(Rect::union);
        scene.bounds = scene.links.iter().fold(all, |all, link| all.map(|all| all.union(link.path.bounds)));
        scene.grid = Grid::of(&scene.nodes, &scene.links);
        scene
    }

    fn add_links(&mut self, flow: &Flow) {
        for (id, link) in flow.links() {
            let (Some(from), Some(to)) = (self.node_ix.get(&link.from), self.node_ix.get(&link.to)) else { continue };
            let look = match link.kind {
                LinkKind::Publish(_) | LinkKind::Subscribe(_) => LinkLook::Plain,
                LinkKind::Call(_) => LinkLook::Call,
            };
            let (label, label_at_start) = label(link);
            self.link_ix.insert(id.clone(), self.links.len() as u32);
            self.push_link(LinkKey::Link(id.clone()), *from, *to, look, label, label_at_start);
        }
        for path in flow.dead_letter_links() {
            let (Some(from), Some(to)) = (self.node_ix.get(&path.from), self.node_ix.get(&path.to)) else { continue };
            self.link_ix.entry(LinkId::between(&path.from, &path.to)).or_insert(self.links.len() as u32);
            self.push_link(LinkKey::DeadLetters, *from, *to, LinkLook::DeadLetters, None, false);
        }
    }

    fn push_link(&mut self, key: LinkKey, from: u32, to: u32, look: LinkLook, label: Option<String>, at_start: bool) {
        let link = self.links.len() as u32;
        let nth = self.nodes[from as usize]
            .links
            .iter()
            .take(64)
            .filter(|other| self.links[**other as usize].from == from)
            .count();
        self.nodes[from as usize].links.push(link);
        self.nodes[to as usize].links.push(link);
        if look == LinkLook::DeadLetters {
            self.nodes[from as usize].used.dead = true;
        } else {
            self.nodes[from as usize].used.outward = true;
        }
        self.nodes[to as usize].used.inward = true;
        let nowhere = Anchor { at: Pos2::ZERO, out: Vec2::X };
        let path = Path::default();
        let label_at_start = at_start;
        self.links.push(SceneLink {
            key,
            from,
            to,
            look,
            label,
            label_at_start,
            leaves: nowhere,
            arrives: nowhere,
            nth,
            path,
        });
    }

    /// Gives each topic its row and each link its own place at its row, in the order of where the links come from, so
    /// that they do not cross.
    fn lay_rails(&mut self, flow: &Flow) {
        for bus in 0..self.nodes.len() {
            if self.nodes[bus].tag != KindTag::Bus {
                self.lay_ends_at_card(bus);
                continue;
            }
            let Some(node) = flow.node(&self.nodes[bus].id) else { continue };
            let NodeKind::Bus(settings) = &node.kind else { continue };
            let mut topics: BTreeSet<TopicName> = settings.topics.keys().cloned().collect();
            let links = self.nodes[bus].links.clone();
            let published: Vec<Vec<TopicName>> = links.iter().map(|link| self.published(flow, *link)).collect();
            topics.extend(published.iter().flatten().cloned());
            let topics: Vec<TopicName> = topics.into_iter().collect();

            // Row 0 is the head: what concerns several topics or all of them. Each row has a near and a far side.
            let lying = settings.rail == Rail::Lying;
            let letters = |topic: &TopicName| topic.as_str().chars().count();
            let across = if lying {
                geometry::LYING_HEIGHT
            } else {
                geometry::name_room(topics.iter().map(letters).max().unwrap_or(0), geometry::RAIL_WIDTH)
            };
            let mut ends: Vec<[Vec<u32>; 2]> = vec![Default::default(); topics.len() + 1];
            for (link, published) in links.iter().zip(&published) {
                let scene_link = &self.links[*link as usize];
                if scene_link.look == LinkLook::DeadLetters {
                    continue;
                }
                let arrives = scene_link.to as usize == bus;
                let row = if arrives {
                    single(published.iter().filter_map(|topic| topics.binary_search(topic).ok()))
                } else {
                    let subscription = link_of(flow, scene_link).and_then(Link::subscription);
                    subscription.and_then(|s| match s.topics.as_slice() {
                        [only] if !only.has_wildcard() => topics.iter().position(|t| only.matches(t.as_str())),
                        patterns => {
                            let takes = |t: &TopicName| patterns.iter().any(|p: &Pattern| p.matches(t.as_str()));
                            let any = patterns.is_empty() || topics.len() < 2;
                            if any { None } else { single((0..topics.len()).filter(|ix| takes(&topics[*ix]))) }
                        }
                    })
                };
                let far = self.is_far_side(bus, lying, across, *link);
                ends[row.map_or(0, |row| row + 1)][usize::from(far)].push(*link);
            }
            let least = |row: usize| match (lying, row.checked_sub(1)) {
                (false, None) => geometry::RAIL_HEAD,
                (false, Some(_)) => geometry::ROW,
                (true, None) => geometry::LYING_HEAD,
                (true, Some(topic)) => geometry::name_room(letters(&topics[topic]), geometry::COLUMN),
            };
            let rooms = rail_rooms(lying, across, &ends, least);
            let topic = |name: &TopicName| settings.topics.get(name).map_or(1, |topic| topic.partitions);
            let node = &mut self.nodes[bus];
            node.lying = lying;
            node.rows = topics
                .iter()
                .zip(&rooms[1..])
                .map(|(name, rect)| Row { topic: name.clone(), partitions: topic(name), rect: *rect })
                .collect();
            let size = rail_size(lying, &rooms);
            node.rect = Rect::from_center_size(center(node.at), size);
            self.lay_ends_at_rail(bus, ends, &rooms);
        }
    }

    /// The topics that a link publishes to; none if it is no such link.
    fn published(&self, flow: &Flow, link: u32) -> Vec<TopicName> {
        let Some(link) = link_of(flow, &self.links[link as usize]) else { return Vec::new() };
        let LinkKind::Publish(publish) = &link.kind else { return Vec::new() };
        if let Some(topic) = &publish.topic {
            return vec![topic.clone()];
        }
        let Some(node) = flow.node(&link.from) else { return Vec::new() };
        let takes = |event: &&EventName| {
            publish.events.is_empty() || publish.events.iter().any(|pattern| pattern.matches(event.as_str()))
        };
        let topics: BTreeSet<TopicName> = node.kind.emitted().filter(takes).map(TopicName::from).collect();
        topics.into_iter().collect()
    }

    /// Whether a link meets a rail at its right (or lower) side: there leaves what leaves and to the left (or above)
    /// arrives what arrives, unless the other end is on the other side.
    fn is_far_side(&self, bus: usize, lying: bool, across: f32, link: u32) -> bool {
        let link = &self.links[link as usize];
        let arrives = link.to as usize == bus;
        let other = self.nodes[if arrives { link.from } else { link.to } as usize].at;
        let own = self.nodes[bus].at;
        let off = if lying { other.1.saturating_sub(own.1) } else { other.0.saturating_sub(own.0) };
        let off = off as f32;
        if arrives { off > across / 2.0 } else { off >= -across / 2.0 }
    }

    fn lay_ends_at_rail(&mut self, bus: usize, ends: Vec<[Vec<u32>; 2]>, rooms: &[Rect]) {
        let (lying, rect) = (self.nodes[bus].lying, self.nodes[bus].rect);
        for (ends, room) in ends.into_iter().zip(rooms) {
            for (side, mut links) in [Side::In, Side::Out].into_iter().zip(ends) {
                let far = |link: u32| {
                    let link = &self.links[link as usize];
                    let other = if link.to as usize == bus { link.from } else { link.to };
                    let at = self.nodes[other as usize].at;
                    if lying { (at.0, at.1) } else { (at.1, at.0) }
                };
                links.sort_by_key(|link| far(*link));
                let along = if lying { room.width() } else { room.height() };
                for (nth, link) in links.iter().enumerate() {
                    let offset = geometry::slot_offset(nth, links.len(), along);
                    let mut anchor = rail_anchor(*room, rect.size(), lying, side);
                    anchor.at += if lying { vec2(offset, 0.0) } else { vec2(0.0, offset) };
                    let link = &mut self.links[*link as usize];
                    if link.to as usize == bus {
                        link.arrives = anchor;
                    } else {
                        link.leaves = anchor;
                    }
                }
            }
        }
        let size = rect.size();
        for link in self.nodes[bus].links.clone() {
            let link = &mut self.links[link as usize];
            if link.look == LinkLook::DeadLetters {
                link.leaves = dead_anchor(size);
            }
        }
    }

    fn lay_ends_at_card(&mut self, node: usize) {
        let size = self.nodes[node].rect.size();
        let card = Rect::from_min_size(Pos2::ZERO, size);
        let from_above = |scene: &Self, other: u32| {
            let (other, own) = (&scene.nodes[other as usize], &scene.nodes[node]);
            let way = vec2((own.at.0 - other.at.0) as f32, (own.at.1 - other.at.1) as f32);
            way.y > 60.0 && way.y > way.x.abs() * 0.6
        };
        for ix in self.nodes[node].links.clone() {
            let link = &self.links[ix as usize];
            let dead = link.look == LinkLook::DeadLetters;
            if link.from as usize == node {
                let anchor = if dead { dead_anchor(size) } else { Anchor::on(card, Vec2::X) };
                self.links[ix as usize].leaves = anchor;
            } else {
                // What is given up falls: into the top of a queue below, else into its side as everything does.
                let out = if dead && from_above(self, link.from) { -Vec2::Y } else { -Vec2::X };
                self.links[ix as usize].arrives = Anchor::on(card, out);
            }
        }
    }

    fn lay_link(&mut self, link: usize) {
        let SceneLink { from, to, leaves, arrives, nth, .. } = &self.links[link];
        let end = |node: u32, anchor: Anchor| {
            let SceneNode { rect, tag, .. } = &self.nodes[node as usize];
            let anchor = Anchor { at: anchor.at + rect.min.to_vec2(), out: anchor.out };
            End { anchor, around: (*tag != KindTag::Bus).then_some(*rect) }
        };
        let route = geometry::route(end(*from, *leaves), end(*to, *arrives), *nth);
        let path = Path::along(&route);
        self.coarse[link] = path.coarse();
        self.links[link].path = path;
    }

    /// Draws these nodes so far from where the flow has them, until told otherwise.
    pub(super) fn shift(&mut self, nodes: &[u32], by: Vec2) {
        let mut touched = BTreeSet::new();
        for ix in nodes {
            let node = &mut self.nodes[*ix as usize];
            node.rect = Rect::from_center_size(center(node.at) + by, node.rect.size());
            touched.extend(node.links.iter().copied());
        }
        for link in touched {
            self.lay_link(link as usize);
        }
    }

    /// Draws a note so large, its upper left corner where it was, until told otherwise.
    pub(super) fn resize(&mut self, note: u32, size: Vec2) {
        let node = &mut self.nodes[note as usize];
        node.rect = Rect::from_min_size(node.rect.min, size);
    }

    /// Where links can begin and end at a node.
    pub(super) fn ports(&self, node: u32) -> Vec<Port> {
        let SceneNode { tag, rect, lying, rows, used, .. } = &self.nodes[node as usize];
        let mut ports = Vec::new();
        let mut add = |side, row, anchor: Anchor, half| ports.push(Port { node, side, row, anchor, half });
        let at = |anchor: Anchor| Anchor { at: anchor.at + rect.min.to_vec2(), out: anchor.out };
        if *tag == KindTag::Bus {
            let whole = Rect::from_min_size(Pos2::ZERO, rect.size());
            let head = if rows.is_empty() { whole } else { rail_head(*lying, rect.size()) };
            // The whole side of a row is its port: a rail is taken hold of anywhere.
            let half = |room: Rect| if *lying { room.width() / 2.0 } else { room.height() / 2.0 };
            for side in [Side::In, Side::Out] {
                add(side, None, at(rail_anchor(head, rect.size(), *lying, side)), half(head));
                for (ix, row) in rows.iter().enumerate() {
                    add(side, Some(ix as u32), at(rail_anchor(row.rect, rect.size(), *lying, side)), half(row.rect));
                }
            }
        } else {
            if tag.subscribes() || *tag == KindTag::DeadLetterQueue {
                add(Side::In, None, Anchor::on(*rect, -Vec2::X), 0.0);
            }
            if tag.publishes() {
                add(Side::Out, None, Anchor::on(*rect, Vec2::X), 0.0);
            }
        }
        if (tag.subscribes() && used.inward) || *tag == KindTag::Bus {
            add(Side::Dead, None, at(dead_anchor(rect.size())), 0.0);
        }
        ports
    }

    /// Where a producer's or gateway's fire button is.
    pub(super) fn fire_button(&self, node: u32) -> Option<Pos2> {
        let node = &self.nodes[node as usize];
        match node.tag {
            KindTag::Producer => Some(node.rect.left_center() - vec2(geometry::FIRE_OFFSET, 0.0)),
            // Replies arrive in the middle of its left edge: the button stands above them.
            KindTag::Gateway => Some(node.rect.left_top() + vec2(-geometry::FIRE_OFFSET, 6.0)),
            _ => None,
        }
    }

    /// What to call a link.
    pub(super) fn link_name(&self, link: u32) -> String {
        let link = &self.links[link as usize];
        let (from, to) = (&self.nodes[link.from as usize].title, &self.nodes[link.to as usize].title);
        match link.look {
            LinkLook::Plain => format!("{from} to {to}"),
            LinkLook::Call => format!("{from} calls {to}"),
            LinkLook::DeadLetters => format!("Dead letters of {from} to {to}"),
        }
    }

    /// The node of this id.
    pub(super) fn node(&self, id: &NodeId) -> Option<&SceneNode> {
        self.node_ix.get(id).map(|ix| &self.nodes[*ix as usize])
    }
}

fn scene_node(id: &NodeId, node: &Node) -> SceneNode {
    let tag = node.kind.tag();
    let size = match &node.kind {
        NodeKind::Function(_) => geometry::FUNCTION_CARD,
        NodeKind::Note(note) => vec2((note.size.0 as f32).max(64.0), (note.size.1 as f32).max(32.0)),
        NodeKind::Bus(_)
        | NodeKind::Producer(_)
        | NodeKind::Consumer(_)
        | NodeKind::Service(_)
        | NodeKind::Stream(_)
        | NodeKind::DeadLetterQueue(_)
        | NodeKind::Store(_)
        | NodeKind::Gateway(_) => geometry::CARD,
    };
    let text = if let NodeKind::Note(note) = &node.kind { note.text.clone() } else { String::new() };
    let instances = if let NodeKind::Function(function) = &node.kind { function.instances } else { 0 };
    SceneNode {
        id: id.clone(),
        title: node.title(id),
        tag,
        at: node.at,
        rect: Rect::from_center_size(center(node.at), size),
        settings: words::settings(&node.kind),
        emits: node.kind.emitted().next().cloned(),
        rows: Vec::new(),
        lying: false,
        text,
        instances,
        links: Vec::new(),
        used: Used::default(),
    }
}

/// A place of the flow as a place of the picture.
pub(super) fn center(at: Point) -> Pos2 {
    pos2(at.0 as f32, at.1 as f32)
}

/// A place of the picture as a place of the flow, on the grid.
pub(super) fn snapped(at: Pos2) -> Point {
    let snap = |value: f32| ((value / geometry::SNAP).round() * geometry::SNAP) as i32;
    Point(snap(at.x), snap(at.y))
}

fn link_of<'a>(flow: &'a Flow, link: &SceneLink) -> Option<&'a Link> {
    match &link.key {
        LinkKey::Link(id) => flow.link(id),
        LinkKey::DeadLetters => None,
    }
}

/// What a link says beside its bus: the topics that no single row shows.
fn label(link: &Link) -> (Option<String>, bool) {
    match &link.kind {
        LinkKind::Subscribe(subscription) => {
            let wild = subscription.topics.len() > 1 || subscription.topics.iter().any(Pattern::has_wildcard);
            let topics: Vec<&str> = subscription.topics.iter().map(Pattern::as_str).collect();
            let group = subscription.group.as_deref().map(|group| format!("group {group}"));
            let topics = wild.then(|| topics.join(", "));
            let filter = subscription.filter.as_ref().map(|_| "filtered".to_owned());
            let words: Vec<String> = [topics, filter, group].into_iter().flatten().collect();
            ((!words.is_empty()).then(|| words.join(" · ")), true)
        }
        LinkKind::Publish(_) | LinkKind::Call(_) => (None, false),
    }
}

fn single(mut found: impl Iterator<Item = usize>) -> Option<usize> {
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The places of a rail's head and topics, relative to its upper left corner.
fn rail_rooms(lying: bool, across: f32, ends: &[[Vec<u32>; 2]], least: impl Fn(usize) -> f32) -> Vec<Rect> {
    let most = |ends: &[Vec<u32>; 2]| ends[0].len().max(ends[1].len());
    let mut rooms = Vec::with_capacity(ends.len());
    let mut at = 0.0;
    for (row, ends) in ends.iter().enumerate() {
        let room = geometry::rail_room(least(row), most(ends));
        rooms.push(if lying {
            Rect::from_min_size(pos2(at, 0.0), vec2(room, across))
        } else {
            Rect::from_min_size(pos2(0.0, at), vec2(across, room))
        });
        at += room;
    }
    rooms
}

fn rail_size(lying: bool, rooms: &[Rect]) -> Vec2 {
    let all = rooms.iter().copied().reduce(Rect::union).unwrap_or(Rect::ZERO);
    // A rail without topics is a stub that still reads as a rail.
    let least =
        if lying { vec2(geometry::LYING_HEAD * 2.0, 0.0) } else { vec2(0.0, geometry::RAIL_HEAD + geometry::ROW) };
    all.size().max(least)
}

/// The head of a rail that has topics.
fn rail_head(lying: bool, size: Vec2) -> Rect {
    let head = if lying { vec2(geometry::LYING_HEAD, size.y) } else { vec2(size.x, geometry::RAIL_HEAD) };
    Rect::from_min_size(Pos2::ZERO, head)
}

fn rail_anchor(room: Rect, size: Vec2, lying: bool, side: Side) -> Anchor {
    let middle = room.center();
    let inward = side == Side::In;
    if lying {
        let (y, out) = if inward { (0.0, -Vec2::Y) } else { (size.y, Vec2::Y) };
        Anchor { at: pos2(middle.x, y), out }
    } else {
        let (x, out) = if inward { (0.0, -Vec2::X) } else { (size.x, Vec2::X) };
        Anchor { at: pos2(x, middle.y), out }
    }
}

/// What is given up leaves below, a little to the right, so that it is never taken for the way on.
fn dead_anchor(size: Vec2) -> Anchor {
    Anchor { at: pos2(size.x * 0.5, size.y), out: Vec2::Y }
}
