//! A piece of a flow as text, for the clipboard: nodes, the links among them and the event types that they name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::edit::Edit;
use crate::model::{
    EventName, EventType, Flow, FlowParts, Link, LinkId, LinkKind, Node, NodeId, NodeKind, Point, limits,
};

use super::{FORMAT, ReadError, read_as, write_as};

/// How far from its model a copy lands when nobody says where: one step of the grid.
const STEP: i32 = 32;

/// A sound piece of a flow, ready to be pasted into any other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    piece: Flow,
}

/// A fragment as format 1 writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Fragment", deny_unknown_fields)]
struct FragmentFile {
    format: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    events: BTreeMap<EventName, EventType>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    nodes: BTreeMap<NodeId, Node>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<LinkId, Link>,
}

/// The text of some nodes of a flow, the links among them and the event types that they emit.
///
/// A dead-letter queue that is not among the nodes is forgotten: a fragment stands for itself.
pub fn write_fragment(flow: &Flow, nodes: &[NodeId]) -> String {
    let chosen: BTreeSet<&NodeId> = nodes.iter().filter(|id| flow.node(id).is_some()).collect();
    let keep = |queue: &mut Option<NodeId>| {
        if queue.as_ref().is_some_and(|id| !chosen.contains(id)) {
            *queue = None;
        }
    };
    let mut file = FragmentFile {
        format: FORMAT,
        events: BTreeMap::new(),
        nodes: flow.nodes().iter().filter(|(id, _)| chosen.contains(id)).map(owned).collect(),
        links: BTreeMap::new(),
    };
    let inner = |link: &Link| chosen.contains(&link.from) && chosen.contains(&link.to);
    file.links = flow.links().iter().filter(|(_, link)| inner(link)).map(owned).collect();
    file.nodes.values_mut().for_each(|node| dead_letters_of_node(node).into_iter().for_each(keep));
    file.links.values_mut().for_each(|link| dead_letters_of_link(link).into_iter().for_each(keep));
    let named: BTreeSet<&EventName> = file.nodes.values().flat_map(|node| node.kind.emitted()).collect();
    file.events = flow.events().iter().filter(|(name, _)| named.contains(name)).map(owned).collect();
    write_as(&file, "Fragment")
}

/// The fragment that a text holds; a whole flow is one too.
pub fn read_fragment(text: &str) -> Result<Fragment, ReadError> {
    if text.trim_start_matches('\u{feff}').trim_start().starts_with("Flow(") {
        return super::read(text).map(|piece| Fragment { piece });
    }
    let (file, scan) = read_as::<FragmentFile>(text, "Fragment")?;
    let FragmentFile { format: _, events, nodes, links } = file;
    let parts = FlowParts {
        name: String::new(),
        note: String::new(),
        seed: Flow::SEED,
        hop_limit: Flow::HOP_LIMIT,
        events,
        nodes,
        links,
        faults: BTreeMap::new(),
        expect: BTreeMap::new(),
    };
    Flow::try_from(parts).map(|piece| Fragment { piece }).map_err(|errors| scan.unsound(&errors))
}

impl Fragment {
    /// The nodes, links and event types.
    pub const fn piece(&self) -> &Flow {
        &self.piece
    }

    /// The one edit that puts a copy into a flow, and the ids of the new nodes.
    ///
    /// The copy's middle comes to `at`; where nobody says, it lands beside what stands there already. Ids are made new
    /// where they are taken, links and dead-letter paths among the nodes follow, and event types that the flow
    /// describes already stay as they are.
    pub fn paste_into(&self, flow: &Flow, at: Option<Point>) -> (Edit, Vec<NodeId>) {
        let shift = self.shift(flow, at);
        let mut taken: BTreeSet<NodeId> = flow.nodes().keys().cloned().collect();
        let mut renamed: BTreeMap<&NodeId, NodeId> = BTreeMap::new();
        for id in self.piece.nodes().keys() {
            let fresh = fresh_id(id, &taken);
            taken.insert(fresh.clone());
            renamed.insert(id, fresh);
        }
        let follow = |queue: &mut Option<NodeId>| {
            *queue = queue.as_ref().and_then(|id| renamed.get(id).cloned());
        };

        let known = |name: &EventName| flow.events().contains_key(name);
        let mut edits: Vec<Edit> = self
            .piece
            .events()
            .iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, event)| Edit::SetEvent(name.clone(), event.clone()))
            .collect();
        let mut nodes: Vec<(&NodeId, &Node)> = self.piece.nodes().iter().collect();
        // Whoever names a dead-letter queue needs it to be there.
        nodes.sort_by_key(|(_, node)| !matches!(node.kind, NodeKind::DeadLetterQueue(_)));
        for (id, node) in nodes {
            let mut node = node.clone();
            node.at = Point(node.at.0.saturating_add(shift.0), node.at.1.saturating_add(shift.1));
            dead_letters_of_node(&mut node).into_iter().for_each(follow);
            edits.push(Edit::AddNode(renamed[id].clone(), node));
        }
        let mut links: BTreeSet<LinkId> = flow.links().keys().cloned().collect();
        for link in self.piece.links().values() {
            let mut link = link.clone();
            link.from = renamed[&link.from].clone();
            link.to = renamed[&link.to].clone();
            dead_letters_of_link(&mut link).into_iter().for_each(follow);
            let id = fresh_link_id(&link, &links);
            links.insert(id.clone());
            edits.push(Edit::AddLink(id, link));
        }
        let label = match renamed.len() {
            1 => "Paste node".to_owned(),
            count => format!("Paste {count} nodes"),
        };
        (Edit::Many(label, edits), renamed.into_values().collect())
    }

    fn shift(&self, flow: &Flow, at: Option<Point>) -> Point {
        let places: Vec<Point> = self.piece.nodes().values().map(|node| node.at).collect();
        if let Some(at) = at {
            let middle = |axis: fn(&Point) -> i32| {
                let low = places.iter().map(axis).min().unwrap_or(0);
                let high = places.iter().map(axis).max().unwrap_or(0);
                i32::midpoint(low, high)
            };
            return Point(at.0.saturating_sub(middle(|at| at.0)), at.1.saturating_sub(middle(|at| at.1)));
        }
        let standing: BTreeSet<(i32, i32)> = flow.nodes().values().map(|node| (node.at.0, node.at.1)).collect();
        let free = |shift: &i32| {
            places.iter().all(|at| !standing.contains(&(at.0.saturating_add(*shift), at.1.saturating_add(*shift))))
        };
        // A diagonal of so many steps has a free one unless somebody filled it on purpose.
        let shift = (0..1_000).map(|step| step * STEP).find(free).unwrap_or(0);
        Point(shift, shift)
    }
}

fn owned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

const fn dead_letters_of_node(node: &mut Node) -> Option<&mut Option<NodeId>> {
    match &mut node.kind {
        NodeKind::Bus(bus) => Some(&mut bus.dead_letters),
        NodeKind::Producer(_)
        | NodeKind::Consumer(_)
        | NodeKind::Service(_)
        | NodeKind::Function(_)
        | NodeKind::DeadLetterQueue(_)
        | NodeKind::Gateway(_)
        | NodeKind::Note(_) => None,
    }
}

const fn dead_letters_of_link(link: &mut Link) -> Option<&mut Option<NodeId>> {
    match &mut link.kind {
        LinkKind::Subscribe(subscription) => Some(&mut subscription.dead_letters),
        LinkKind::Call(call) => Some(&mut call.dead_letters),
        LinkKind::Publish(_) => None,
    }
}

/// The id itself if it is free, else its stem with the first number that is: `billing`, `billing-2`, `billing-3`.
fn fresh_id(id: &NodeId, taken: &BTreeSet<NodeId>) -> NodeId {
    if !taken.contains(id) {
        return id.clone();
    }
    let text = id.as_str();
    let stem = match text.rsplit_once('-') {
        Some((stem, number)) if !stem.is_empty() && number.parse::<u32>().is_ok() => stem,
        _ => text,
    };
    let stem: String = stem.chars().take(limits::NAME_CHARS - 8).collect();
    (2..=u32::MAX)
        .filter_map(|number| NodeId::new(&format!("{stem}-{number}")).ok())
        .find(|id| !taken.contains(id))
        .expect("numbers do not run out before nodes do")
}

fn fresh_link_id(link: &Link, taken: &BTreeSet<LinkId>) -> LinkId {
    let habitual = LinkId::between(&link.from, &link.to);
    if !taken.contains(&habitual) {
        return habitual;
    }
    (2..=u32::MAX)
        .filter_map(|number| LinkId::new(&format!("{habitual}#{number}")).ok())
        .find(|id| !taken.contains(id))
        .expect("numbers do not run out before links do")
}
