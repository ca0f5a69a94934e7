//! What one picture of the flow is drawn from, and what has been drawn so far.

use std::collections::HashMap;
use std::sync::Arc;

use egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, TextureId};

use crate::gui::theme::Theme;
use crate::model::{KindTag, LinkId, NodeId};
use crate::plan::{Place, Problem, Severity};
use crate::session::{BusLive, FaultLive, LinkLive, LiveView, NodeLive};

use super::camera::{Camera, Detail};
use super::hit::Hit;
use super::scene::{LinkKey, Scene, SceneNode};

/// Everything that a picture depends on, and the picture.
pub(super) struct Brush {
    pub scene: Scene,
    pub marks: Marks,
    pub theme: Theme,
    pub live: Arc<LiveView>,
    pub camera: Camera,
    pub hover: Hit,
    pub picture: Picture,
    /// Labels that are already in the picture, so that none covers another.
    pub labels: Vec<Rect>,
    /// What can be seen, on the canvas, with some room around it.
    pub seen: Rect,
}

/// What has been drawn, in layers, the lowest first. Events are drawn between links and cards.
#[derive(Clone, Default)]
pub(super) struct Picture {
    /// Papers, under everything.
    pub paper: Vec<Shape>,
    /// All links.
    pub links: Arc<Mesh>,
    /// Links that are selected or under the pointer.
    pub bright_links: Arc<Mesh>,
    /// Words beside links.
    pub labels: Vec<Shape>,
    /// Nodes from far away.
    pub blocks: Arc<Mesh>,
    /// Cards and rails.
    pub nodes: Vec<Shape>,
    /// Those that are selected.
    pub top: Vec<Shape>,
}

/// What is marked in a picture, by place in the scene, and where its figures are.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    pub nodes: Vec<NodeMark>,
    pub links: Vec<LinkMark>,
}

/// A node's marks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct NodeMark {
    /// Whether it is selected, or about to be.
    pub selected: bool,
    /// How many problems it has, and whether the worst is an error.
    pub problems: Option<(bool, u16)>,
    /// Where its figures are in the look at the run.
    pub live: Option<u32>,
}

/// A link's marks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct LinkMark {
    /// Whether it is selected, or about to be.
    pub selected: bool,
    /// Whether the worst of its problems is an error.
    pub problem: Option<bool>,
    /// Where its figures are in the look at the run.
    pub live: Option<u32>,
}

impl Picture {
    /// An empty picture in the memory of this one, its links drawn with this texture of lines.
    pub(super) fn emptied(mut self, lines: TextureId) -> Self {
        let textures = [lines, lines, TextureId::default()];
        for (mesh, texture) in [&mut self.links, &mut self.bright_links, &mut self.blocks].into_iter().zip(textures) {
            emptied(mesh).texture_id = texture;
        }
        for shapes in [&mut self.paper, &mut self.labels, &mut self.nodes, &mut self.top] {
            shapes.clear();
        }
        self
    }
}

/// This mesh without anything in it. Its memory is used again, unless what was painted last is still in use.
pub(super) fn emptied(mesh: &mut Arc<Mesh>) -> &mut Mesh {
    if Arc::get_mut(mesh).is_none() {
        *mesh = Arc::default();
    }
    let mesh = Arc::make_mut(mesh);
    // Its own way of clearing gives the memory back.
    mesh.vertices.clear();
    mesh.indices.clear();
    mesh
}

impl Marks {
    /// Marks for a scene, with the places of its figures and its problems; nothing selected.
    pub(super) fn of(scene: &Scene, live: &LiveView, problems: &[Problem]) -> Self {
        let mut marks = Self {
            nodes: vec![NodeMark::default(); scene.nodes.len()],
            links: vec![LinkMark::default(); scene.links.len()],
        };
        for (mark, node) in marks.nodes.iter_mut().zip(&scene.nodes) {
            mark.live = live.index.node_ix.get(&node.id).map(|ix| ix.0);
        }
        for (mark, link) in marks.links.iter_mut().zip(&scene.links) {
            mark.live = match &link.key {
                LinkKey::Link(id) => live.index.link_ix.get(id),
                LinkKey::DeadLetters => {
                    let (from, to) = (&scene.nodes[link.from as usize].id, &scene.nodes[link.to as usize].id);
                    live.index.link_ix.get(&LinkId::between(from, to))
                }
            }
            .map(|ix| ix.0);
        }
        let mut worst: HashMap<&NodeId, (bool, u16)> = HashMap::new();
        for problem in problems {
            let is_error = problem.severity == Severity::Error;
            match &problem.at {
                Place::Node(id, _) => {
                    let (error, count) = worst.entry(id).or_default();
                    *error |= is_error;
                    *count = count.saturating_add(1);
                }
                Place::Link(id, _) => {
                    if let Some(ix) = scene.link_ix.get(id) {
                        let mark = &mut marks.links[*ix as usize].problem;
                        *mark = Some(mark.unwrap_or_default() | is_error);
                    }
                }
                Place::Flow | Place::Event(..) | Place::Fault(..) | Place::Expectation(..) => {}
            }
        }
        for problem in problems {
            if let Place::Node(id, _) = &problem.at
                && let Some(ix) = scene.node_ix.get(id)
            {
                marks.nodes[*ix as usize].problems = worst.get(id).copied();
            }
        }
        marks
    }
}

impl Brush {
    /// Draws a node.
    pub(super) fn node(&mut self, painter: &Painter, ix: u32) {
        let node = &self.scene.nodes[ix as usize];
        if node.rect.expand(32.0).intersects(self.seen) {
            super::nodes::draw(self, painter, ix);
        }
    }

    /// Draws a link.
    pub(super) fn link(&mut self, painter: &Painter, ix: u32) {
        if self.scene.links[ix as usize].path.bounds.intersects(self.seen) {
            super::edges::draw(self, painter, ix);
        }
    }

    /// How much is drawn.
    pub(super) fn detail(&self) -> Detail {
        self.camera.detail()
    }

    /// The figures of a node of the scene.
    pub(super) fn node_live(&self, ix: u32) -> Option<&NodeLive> {
        self.live.nodes.get(self.marks.nodes[ix as usize].live? as usize)
    }

    /// A fault that is on and about a node of the scene.
    pub(super) fn node_fault(&self, ix: u32) -> Option<&FaultLive> {
        self.live.faults_on_node(&self.scene.nodes[ix as usize].id).next()
    }

    /// The faults that are on and about a link of the scene.
    pub(super) fn link_faults(&self, ix: u32) -> impl Iterator<Item = &FaultLive> {
        let link = match &self.scene.links[ix as usize].key {
            LinkKey::Link(id) => Some(id),
            LinkKey::DeadLetters => None,
        };
        link.into_iter().flat_map(|id| self.live.faults_on_link(id))
    }

    /// The figures of a link of the scene.
    pub(super) fn link_live(&self, ix: u32) -> Option<&LinkLive> {
        self.live.links.get(self.marks.links[ix as usize].live? as usize)
    }

    /// The figures of a bus.
    pub(super) fn bus_live(&self, node: &SceneNode) -> Option<&BusLive> {
        self.live.buses.get(&node.id)
    }

    /// The layer that a node is drawn on.
    pub(super) fn layer(&mut self, ix: u32) -> &mut Vec<Shape> {
        // Paper stays under everything, selected or not: it may lie under what it is about.
        if self.scene.nodes[ix as usize].tag == KindTag::Note {
            &mut self.picture.paper
        } else if self.marks.nodes[ix as usize].selected {
            &mut self.picture.top
        } else {
            &mut self.picture.nodes
        }
    }

    /// The colour of an event type's index in the look at the run.
    pub(super) fn event_color(&self, kind: u32) -> Color32 {
        event_color(&self.scene, &self.theme, &self.live, kind)
    }

    /// Whether a label finds room here without covering a card or another label; then the room is taken.
    pub(super) fn take_label_room(&mut self, room: Rect) -> bool {
        let corners = [room.left_top(), room.right_top(), room.left_bottom(), room.right_bottom(), room.center()];
        let covers = |place: &Pos2| self.scene.node_at(self.camera.canvas(*place)).is_some();
        let free = !self.labels.iter().any(|label| label.intersects(room)) && !corners.iter().any(covers);
        if free {
            self.labels.push(room.expand(2.0));
        }
        free
    }
}

/// The colour of an event type's index in a look at a run.
pub(super) fn event_color(scene: &Scene, theme: &Theme, live: &LiveView, kind: u32) -> Color32 {
    let known = live.event_name(kind).and_then(|name| scene.events.get(name));
    theme.events[known.map_or(kind as usize, |(color, _)| usize::from(*color)) % 8]
}
