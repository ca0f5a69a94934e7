//! A flow with its links sorted by node, made once for all checks.

use std::collections::{HashMap, HashSet};

use crate::model::{Flow, Link, LinkId, Node, NodeId, NodeKind, Pacing};
use crate::plan::problem::Place;

/// Nodes and links by dense index, both in the order of the file.
pub(super) struct Wiring<'a> {
    pub(super) flow: &'a Flow,
    pub(super) nodes: Vec<(&'a NodeId, &'a Node)>,
    pub(super) links: Vec<Wire<'a>>,
    /// Of each node the links that leave it.
    pub(super) out: Vec<Vec<usize>>,
    /// Of each node the links that arrive at it.
    pub(super) into: Vec<Vec<usize>>,
    /// What somebody names for dead letters.
    pub(super) takes_dead_letters: HashSet<&'a NodeId>,
    /// Whether some producer replays a log.
    pub(super) replays: bool,
}

/// A link with its ends as indices.
pub(super) struct Wire<'a> {
    pub(super) id: &'a LinkId,
    pub(super) link: &'a Link,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl<'a> Wiring<'a> {
    pub(super) fn new(flow: &'a Flow) -> Self {
        let nodes: Vec<_> = flow.nodes().iter().collect();
        let ix: HashMap<&NodeId, usize> = nodes.iter().enumerate().map(|(ix, (id, _))| (*id, ix)).collect();
        let mut out = vec![Vec::new(); nodes.len()];
        let mut into = vec![Vec::new(); nodes.len()];
        let mut links = Vec::with_capacity(flow.links().len());
        let mut takes_dead_letters = HashSet::new();
        for (id, link) in flow.links() {
            // A flow is sound: both ends exist.
            let (Some(&from), Some(&to)) = (ix.get(&link.from), ix.get(&link.to)) else { continue };
            out[from].push(links.len());
            into[to].push(links.len());
            links.push(Wire { id, link, from, to });
            takes_dead_letters.extend(link.dead_letters());
        }
        for (_, node) in &nodes {
            if let NodeKind::Bus(bus) = &node.kind {
                takes_dead_letters.extend(&bus.dead_letters);
            }
        }
        let replays = nodes.iter().any(|(_, node)| replays(&node.kind));
        Self { flow, nodes, links, out, into, takes_dead_letters, replays }
    }

    /// What a node is called.
    pub(super) fn title(&self, node: usize) -> String {
        let (id, node) = self.nodes[node];
        node.title(id)
    }

    /// A node, or one of its settings.
    pub(super) fn at_node(&self, node: usize, field: Option<String>) -> Place {
        Place::Node(self.nodes[node].0.clone(), field)
    }

    /// A link, or one of its settings.
    pub(super) fn at_link(&self, link: usize, field: Option<String>) -> Place {
        Place::Link(self.links[link].id.clone(), field)
    }

    /// Which way a link goes, in words.
    pub(super) fn way(&self, link: usize) -> String {
        let wire = &self.links[link];
        format!("from “{}” to “{}”", self.title(wire.from), self.title(wire.to))
    }

    /// Where what a subscription or call gives up goes, if anywhere.
    pub(super) fn dead_letters(&self, link: usize) -> Option<&'a NodeId> {
        let wire = &self.links[link];
        wire.link.dead_letters().or_else(|| match &self.nodes[wire.from].1.kind {
            NodeKind::Bus(bus) => bus.dead_letters.as_ref(),
            _ => None,
        })
    }
}

/// Whether a node replays a log: its rows bring types of their own.
pub(super) fn replays(kind: &NodeKind) -> bool {
    kind.source().is_some_and(|source| matches!(source.rate, Pacing::Replay { .. }))
}
