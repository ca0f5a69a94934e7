//! What is where: a grid over the canvas, so that finding what is under the pointer does not look at everything.

use std::collections::HashMap;

use egui::{Pos2, Rect};

use super::geometry;
use super::scene::{Port, Scene, SceneLink, SceneNode};

/// The side of a cell, on the canvas.
const CELL: f32 = 256.0;
/// What covers more cells than this is kept apart and always looked at.
const MANY: i64 = 4_096;

/// What is under the pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Hit {
    /// Only canvas.
    #[default]
    Nothing,
    /// Where a link can begin or end.
    Port(Port),
    /// A producer's button.
    Fire(u32),
    /// A node's queue bar.
    Queue(u32),
    /// A node's mark of what is wrong with it.
    Badge(u32),
    /// The corner by which a note is made larger or smaller.
    Corner(u32),
    /// A node.
    Node(u32),
    /// An event on its way: its place in the look at the run.
    Dot(u32),
    /// A link.
    Link(u32),
}

impl Hit {
    /// The node that it is or belongs to.
    pub(super) fn node(self) -> Option<u32> {
        match self {
            Self::Port(Port { node, .. })
            | Self::Fire(node)
            | Self::Queue(node)
            | Self::Badge(node)
            | Self::Corner(node)
            | Self::Node(node) => Some(node),
            Self::Nothing | Self::Dot(_) | Self::Link(_) => None,
        }
    }
}

/// Nodes and links by the cells that they touch.
#[derive(Debug, Default)]
pub(super) struct Grid {
    nodes: HashMap<(i32, i32), Vec<u32>>,
    links: HashMap<(i32, i32), Vec<u32>>,
    large: Vec<u32>,
}

impl Grid {
    /// A grid over these.
    pub(super) fn of(nodes: &[SceneNode], links: &[SceneLink]) -> Self {
        let mut grid = Self::default();
        for (ix, node) in nodes.iter().enumerate() {
            // Ports, badges and fire buttons stand out.
            for cell in cells(node.rect.expand(2.0 * geometry::FIRE_OFFSET)) {
                grid.nodes.entry(cell).or_default().push(ix as u32);
            }
        }
        for (ix, link) in links.iter().enumerate() {
            let bounds = link.path.bounds;
            if (bounds.width() / CELL + 1.0) * (bounds.height() / CELL + 1.0) > MANY as f32 {
                grid.large.push(ix as u32);
                continue;
            }
            for ends in link.path.points.windows(2) {
                for cell in cells(Rect::from_two_pos(ends[0], ends[1])) {
                    let links = grid.links.entry(cell).or_default();
                    if links.last() != Some(&(ix as u32)) {
                        links.push(ix as u32);
                    }
                }
            }
        }
        grid
    }

    /// The nodes that may be at a place, the topmost first.
    fn nodes_at(&self, place: Pos2) -> impl Iterator<Item = u32> {
        self.nodes.get(&cell(place)).into_iter().flatten().rev().copied()
    }

    /// The links that may be so near to a place.
    pub(super) fn links_near(&self, place: Pos2, reach: f32) -> Vec<u32> {
        let mut found: Vec<u32> = cells(Rect::from_center_size(place, egui::Vec2::splat(2.0 * reach)))
            .filter_map(|cell| self.links.get(&cell))
            .flatten()
            .chain(&self.large)
            .copied()
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Scene {
    /// The topmost node that covers a place of the canvas.
    pub(super) fn node_at(&self, place: Pos2) -> Option<u32> {
        self.grid.nodes_at(place).find(|node| self.nodes[*node as usize].rect.contains(place))
    }

    /// The port that is within reach of a place of the canvas.
    pub(super) fn port_at(&self, place: Pos2, reach: f32) -> Option<Port> {
        let near = |port: &Port| port.distance(place);
        let ports = self.grid.nodes_at(place).flat_map(|node| self.ports(node));
        ports.filter(|port| near(port) <= reach).min_by(|a, b| near(a).total_cmp(&near(b)))
    }

    /// The producer whose fire button covers a place of the canvas.
    pub(super) fn fire_at(&self, place: Pos2) -> Option<u32> {
        let covers = |at: Pos2| (at - place).length() <= geometry::FIRE_RADIUS;
        self.grid.nodes_at(place).find(|node| self.fire_button(*node).is_some_and(covers))
    }

    /// The link that is nearest to a place of the canvas, within reach.
    pub(super) fn link_at(&self, place: Pos2, reach: f32) -> Option<u32> {
        let distance = |link: u32| {
            let path = &self.links[link as usize].path;
            if path.bounds.expand(reach).contains(place) { path.distance(place) } else { f32::INFINITY }
        };
        let near = self.grid.links_near(place, reach).into_iter().map(|link| (distance(link), link));
        near.filter(|(distance, _)| *distance <= reach).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, link)| link)
    }

    /// Every node that lies in a part of the canvas, wholly or in part.
    pub(super) fn nodes_in(&self, part: Rect) -> impl Iterator<Item = u32> {
        let touches = move |(ix, node): (usize, &SceneNode)| node.rect.intersects(part).then_some(ix as u32);
        self.nodes.iter().enumerate().filter_map(touches)
    }

    /// Every link whose curve is in a part of the canvas, wholly.
    pub(super) fn links_in(&self, part: Rect) -> impl Iterator<Item = u32> {
        let inside = move |(ix, link): (usize, &SceneLink)| part.contains_rect(link.path.bounds).then_some(ix as u32);
        self.links.iter().enumerate().filter_map(inside)
    }
}

fn cell(place: Pos2) -> (i32, i32) {
    ((place.x / CELL).floor() as i32, (place.y / CELL).floor() as i32)
}

fn cells(rect: Rect) -> impl Iterator<Item = (i32, i32)> {
    let (from, to) = (cell(rect.min), cell(rect.max));
    let across = i64::from(to.0) - i64::from(from.0) + 1;
    let down = i64::from(to.1) - i64::from(from.1) + 1;
    // A hostile place or size must not make a grid of millions.
    let too_many = across.saturating_mul(down) > MANY;
    let (across, down) = if too_many { (1, 1) } else { (across as i32, down as i32) };
    (0..across).flat_map(move |x| (0..down).map(move |y| (from.0.wrapping_add(x), from.1.wrapping_add(y))))
}
