//! The flow on an egui_graphs view: a graph of bare numbers whose nodes and edges draw themselves through a [`Brush`].
//!
//! The view clones every node twice an edge and every payload each frame, so both are `Copy` numbers. It builds a
//! node's display from its payload alone and gives `shapes` only its own context; what a frame is drawn from therefore
//! lies in a cell of this thread while the view is shown.

use std::cell::RefCell;

use egui::{Pos2, Rect, Shape, Ui, UiBuilder, Vec2};
use egui_graphs::{
    DisplayEdge, DisplayNode, DrawContext, EdgeProps, Graph, GraphView, Layout, LayoutState, MetadataFrame, Node,
    NodeProps, SettingsInteraction, SettingsNavigation,
};
use petgraph::Directed;
use petgraph::EdgeType;
use petgraph::graph::IndexType;
use petgraph::stable_graph::{DefaultIx, EdgeIndex, NodeIndex};

use super::brush::Brush;
use super::scene::{Scene, center};

/// The name under which the view keeps its own notes in egui's memory.
const VIEW: &str = "eventloom canvas";
/// The payload of a node that only carries the edges of another one.
const TAP: u32 = u32::MAX;
/// So many edges leave one node of the graph; adding an edge looks at all that leave the same node.
const EDGES_A_TAP: usize = 64;

thread_local! {
    static BRUSH: RefCell<Option<Brush>> = const { RefCell::new(None) };
}

type Drawn = Graph<u32, u32, Directed, DefaultIx, Card, Curve>;

/// The graph that the view shows.
#[derive(Default)]
pub(super) struct FlowGraph {
    graph: Drawn,
    nodes: Vec<NodeIndex>,
    edges: Vec<(EdgeIndex, u32, u32)>,
}

impl FlowGraph {
    /// Follows the scene. A scene with the same nodes and links only moves them.
    pub(super) fn follow(&mut self, scene: &Scene) {
        let same = self.nodes.len() == scene.nodes.len()
            && self.edges.len() == scene.links.len()
            && self.edges.iter().zip(&scene.links).all(|(edge, link)| (edge.1, edge.2) == (link.from, link.to));
        if !same {
            self.rebuild(scene);
        }
        for (ix, node) in self.nodes.iter().zip(&scene.nodes) {
            if let Some(drawn) = self.graph.node_mut(*ix) {
                drawn.set_location(center(node.at));
            }
        }
    }

    fn rebuild(&mut self, scene: &Scene) {
        self.graph = Drawn::new();
        self.nodes = (0..scene.nodes.len()).map(|ix| self.graph.add_node(ix as u32)).collect();
        let mut taps: Vec<(NodeIndex, usize)> = self.nodes.iter().map(|ix| (*ix, 0)).collect();
        self.edges.clear();
        for (ix, link) in scene.links.iter().enumerate() {
            let tap = &mut taps[link.from as usize];
            if tap.1 == EDGES_A_TAP {
                *tap = (self.graph.add_node(TAP), 0);
            }
            tap.1 += 1;
            let edge = self.graph.add_edge(tap.0, self.nodes[link.to as usize], ix as u32);
            self.edges.push((edge, link.from, link.to));
        }
    }

    /// Shows the view over this part of the window, and gives the brush back with what it has drawn.
    pub(super) fn show(&mut self, ui: &mut Ui, view: Rect, brush: Brush) -> Option<Brush> {
        // The canvas takes its own gestures: the view is shown in a disabled child, so that it is no widget to anybody.
        let mut child = ui.new_child(UiBuilder::new().max_rect(view).id_salt(VIEW));
        child.disable();
        child.set_clip_rect(view);
        let id = Some(VIEW.to_owned());
        let mut meta = MetadataFrame::new(id.clone()).load(&child);
        meta.zoom = brush.camera.zoom;
        meta.pan = view.size() / 2.0 - brush.camera.middle.to_vec2() * brush.camera.zoom;
        meta.save(&mut child);
        BRUSH.with(|cell| cell.replace(Some(brush)));
        GraphView::<Still, NoLayout>::new()
            .with_interactions(&SettingsInteraction::new())
            .with_navigations(
                &SettingsNavigation::new().with_fit_to_screen_enabled(false).with_zoom_and_pan_enabled(false),
            )
            .with_id(id)
            .show(&mut child, &mut self.graph);
        BRUSH.with(RefCell::take)
    }
}

fn with_brush(draw: impl FnOnce(&mut Brush)) -> Vec<Shape> {
    BRUSH.with(|cell| {
        if let Some(brush) = cell.borrow_mut().as_mut() {
            draw(brush);
        }
    });
    // The brush keeps what it draws, to be painted again for as long as nothing changes.
    Vec::new()
}

/// A node of the graph: which node of the scene it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Card {
    node: u32,
    at: Pos2,
}

impl From<NodeProps<u32>> for Card {
    fn from(props: NodeProps<u32>) -> Self {
        Self { node: props.payload, at: props.location() }
    }
}

impl<Ty: EdgeType, Ix: IndexType> DisplayNode<u32, u32, Ty, Ix> for Card {
    fn closest_boundary_point(&self, _dir: Vec2) -> Pos2 {
        self.at
    }

    fn shapes(&mut self, ctx: &DrawContext<'_>) -> Vec<Shape> {
        if self.node == TAP {
            return Vec::new();
        }
        with_brush(|brush| brush.node(ctx.painter, self.node))
    }

    fn update(&mut self, props: &NodeProps<u32>) {
        self.at = props.location();
    }

    fn is_inside(&self, _pos: Pos2) -> bool {
        false
    }
}

/// An edge of the graph: which link of the scene it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve {
    link: u32,
}

impl From<EdgeProps<u32>> for Curve {
    fn from(props: EdgeProps<u32>) -> Self {
        Self { link: props.payload }
    }
}

impl<Ty: EdgeType, Ix: IndexType> DisplayEdge<u32, u32, Ty, Ix, Card> for Curve {
    fn shapes(
        &mut self,
        _start: &Node<u32, u32, Ty, Ix, Card>,
        _end: &Node<u32, u32, Ty, Ix, Card>,
        ctx: &DrawContext<'_>,
    ) -> Vec<Shape> {
        with_brush(|brush| brush.link(ctx.painter, self.link))
    }

    fn update(&mut self, _props: &EdgeProps<u32>) {}

    fn is_inside(
        &self,
        _start: &Node<u32, u32, Ty, Ix, Card>,
        _end: &Node<u32, u32, Ty, Ix, Card>,
        _pos: Pos2,
    ) -> bool {
        false
    }
}

/// Nothing to remember between frames.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Still;

impl LayoutState for Still {}

/// Leaves every node where the flow has it.
#[derive(Default)]
struct NoLayout;

impl Layout<Still> for NoLayout {
    fn from_state(_state: Still) -> impl Layout<Still> {
        Self
    }

    fn next<N, E, Ty, Ix, Dn, De>(&mut self, _graph: &mut Graph<N, E, Ty, Ix, Dn, De>, _ui: &Ui)
    where
        N: Clone,
        E: Clone,
        Ty: EdgeType,
        Ix: IndexType,
        Dn: DisplayNode<N, E, Ty, Ix>,
        De: DisplayEdge<N, E, Ty, Ix, Dn>,
    {
    }

    fn state(&self) -> Still {
        Still
    }
}
