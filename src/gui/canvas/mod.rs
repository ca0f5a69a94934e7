//! The canvas: the flow as nodes and links on an egui_graphs view, gestures on it, and events moving along the links.
//!
//! A frame goes: follow the flow ([`scene`]), the wheel ([`camera`]) and the pointer ([`gesture`], [`hit`]); show the
//! view ([`graph`], [`brush`]) if anything it draws has changed, else paint what it drew last; paint the events on the
//! wire between links and cards ([`pulses`]); say everything again to AccessKit ([`access`]).

mod access;
mod brush;
mod camera;
mod edges;
mod geometry;
mod gesture;
mod graph;
mod hit;
mod ink;
mod menu;
mod miniature;
mod nodes;
mod overlay;
mod pulses;
mod ribbon;
mod scene;
mod sprites;
mod tips;
mod words;

use std::sync::Arc;

use egui::{Color32, Mesh, Pos2, Rect, Sense, Shape, Vec2, vec2};

use crate::gui::theme::ThemeName;
use crate::gui::view::{Selection, Target, ViewCtx};
use crate::model::{Flow, NodeId, Point};
use crate::plan::Problem;
use crate::session::{LiveView, RunIndex};

pub(crate) use self::miniature::Miniature;

use self::brush::{Brush, Marks, Picture};
use self::camera::{Camera, Detail};
use self::gesture::Gesture;
use self::graph::FlowGraph;
use self::hit::Hit;
use self::pulses::Pulses;
use self::scene::{Scene, Side};

/// The canvas' id among widgets.
const CANVAS: &str = "canvas";
/// How far apart the dots of the background are, on the canvas.
const BACKDROP: f32 = 32.0;

/// What the canvas remembers from frame to frame: camera, gesture, cached picture.
#[derive(Default)]
pub struct Canvas {
    camera: Camera,
    /// The camera as it was when the whole flow was brought into view.
    fitted: Option<Camera>,
    flow: Option<Arc<Flow>>,
    scene: Scene,
    graph: FlowGraph,
    marks: Marks,
    marks_of: Option<MarksKey>,
    hover: Hit,
    pointer: Pos2,
    gesture: Gesture,
    asked_selection: Option<Selection>,
    has_focus: bool,
    focus_wanted: Option<NodeId>,
    picture: Picture,
    picture_of: Option<PictureKey>,
    picture_stale: bool,
    pulses: Pulses,
    menu_for: Hit,
    /// The link that something dragged from the library would go into.
    into: Option<u32>,
    took_show: bool,
    shows: u64,
}

/// What marks depend on.
#[derive(Clone)]
struct MarksKey {
    index: Arc<RunIndex>,
    problems: Arc<[Problem]>,
    selection: Selection,
}

/// What a picture depends on, besides the flow.
#[derive(Clone)]
struct PictureKey {
    camera: Camera,
    hover: Hit,
    live: Arc<LiveView>,
    theme: (ThemeName, Color32),
    points: f32,
}

impl PictureKey {
    fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.live, &other.live)
            && (self.camera, self.hover, self.theme, self.points)
                == (other.camera, other.hover, other.theme, other.points)
    }
}

impl Canvas {
    /// Draws the flow and takes gestures; asks for what they mean.
    pub fn ui(&mut self, ctx: &ViewCtx<'_>, ui: &mut egui::Ui) {
        let view = ui.available_rect_before_wrap();
        let id = ui.id().with(CANVAS);
        self.camera.view = view;
        self.asked_selection = None;
        self.follow_flow(ctx);
        self.follow_requests(ctx);
        // Interaction is known from where the canvas was in the last frame; it is registered below, above the view.
        if let Some(response) = ui.ctx().read_response(id) {
            self.has_focus = response.has_focus() || self.has_focus;
            self.follow_wheel(&response, ui);
            self.follow_pointer(ctx, &response, ui);
        }
        self.follow_marks(ctx);
        self.draw(ctx, ui, view);

        let response = ui.interact(view, id, Sense::click_and_drag());
        ui.advance_cursor_after_rect(view);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::WidgetType::Other, true, "Canvas"));
        self.has_focus = response.has_focus();
        self.take_library_drop(ctx, &response, ui);
        self.access_ui(ctx, ui, id);
        self.menu_ui(ctx, &response);
        self.tip_ui(ctx, &response);
        if Pulses::is_moving(ctx) {
            ui.ctx().request_repaint();
        }
    }

    /// How near the flow is looked at: 1.0 is 100 %.
    pub fn zoom(&self) -> f32 {
        self.camera.zoom
    }

    /// The middle of what is seen, where new and pasted things go when there is no pointer.
    pub fn middle(&self) -> Point {
        scene::snapped(self.camera.middle)
    }

    /// Whether what the view asked for (to show something, to fit, to zoom) has been done in the last frame.
    pub fn took_show(&self) -> bool {
        self.took_show
    }

    /// Ends what the pointer or the keys have begun, as if it had not been; whether there was anything.
    pub fn escape(&mut self) -> bool {
        let busy = self.gesture != Gesture::Idle;
        self.cancel();
        busy
    }

    /// Where a place of the canvas is in the window.
    pub fn screen(&self, at: Point) -> Pos2 {
        self.camera.screen(scene::center(at))
    }

    /// How often the graph view has been shown: while nothing changes, its last picture is painted instead.
    pub fn shows(&self) -> u64 {
        self.shows
    }

    /// Begins a link from a node by keys: the arrows choose where to, Enter makes it, Escape does not.
    pub fn begin_connect(&mut self, from: &NodeId) {
        let Some(node) = self.scene.node_ix.get(from).copied() else { return };
        let ports = self.scene.ports(node);
        let first = |side: Side| ports.iter().find(|port| port.side == side).copied();
        if let Some(port) = first(Side::Out).or_else(|| first(Side::Dead)) {
            let target = self.nearest(node, Vec2::X);
            self.gesture = Gesture::Connect { port, target, by_keys: true };
            self.picture_stale = true;
        }
    }

    fn follow_flow(&mut self, ctx: &ViewCtx<'_>) {
        let flow = ctx.session.flow();
        if self.flow.as_ref().is_some_and(|drawn| Arc::ptr_eq(drawn, flow)) {
            return;
        }
        self.scene = Scene::of(flow);
        self.graph.follow(&self.scene);
        self.flow = Some(Arc::clone(flow));
        self.marks_of = None;
        // Places in the old scene mean nothing in the new one.
        self.hover = Hit::Nothing;
        self.menu_for = Hit::Nothing;
        self.into = None;
        self.focus_wanted = self.focus_wanted.take().filter(|id| self.scene.node_ix.contains_key(id));
        if !matches!(self.gesture, Gesture::Pan | Gesture::Box { .. }) {
            self.gesture = Gesture::Idle;
        }
        self.picture_stale = true;
        // What the pointer is over is asked of both, so the marks never lag behind the scene.
        self.follow_marks(ctx);
    }

    fn follow_requests(&mut self, ctx: &ViewCtx<'_>) {
        self.took_show = false;
        self.camera.limit(self.scene.bounds);
        // A picture that nobody has moved since it was fitted stays fitted when the window or a panel changes its size.
        let untouched = self.fitted.is_none_or(|fitted| {
            (fitted.middle, fitted.zoom) == (self.camera.middle, self.camera.zoom)
                && fitted.view.size() != self.camera.view.size()
        });
        if untouched && self.camera.view.width() > 8.0 {
            self.fit();
        }
        if ctx.view.fit {
            self.fit();
            self.took_show = true;
        }
        if ctx.view.zoom_by > 0.0 && ctx.view.zoom_by != 1.0 {
            self.camera.zoom_about(self.camera.view.center(), ctx.view.zoom_by);
            self.took_show = true;
        }
        if let Some(target) = &ctx.view.show {
            let part = match target {
                Target::Node(id) => self.scene.node(id).map(|node| node.rect),
                Target::Link(id) => self.scene.link_ix.get(id).map(|ix| self.scene.links[*ix as usize].path.bounds),
            };
            if let Some(part) = part {
                // A picture that was whole, and that nobody has moved, stays whole when something new pushes others out.
                let (middle, zoom) = (self.camera.middle, self.camera.zoom);
                let is_fitted = self.fitted.is_some_and(|fitted| (fitted.middle, fitted.zoom) == (middle, zoom));
                let seen = self.camera.visible();
                if is_fitted && self.scene.bounds.is_some_and(|bounds| !seen.contains_rect(bounds)) {
                    self.fit();
                } else if !is_fitted {
                    self.camera.reveal(part);
                }
            }
            if let Target::Node(id) = target {
                self.focus_wanted = Some(id.clone());
            }
            self.took_show = true;
        }
    }

    fn fit(&mut self) {
        if let Some(bounds) = self.scene.bounds {
            // Fire buttons, ports and badges stand out a little.
            self.camera.fit(bounds.expand(24.0));
        } else {
            (self.camera.middle, self.camera.zoom) = (Pos2::ZERO, 1.0);
        }
        self.fitted = Some(self.camera);
    }

    fn follow_wheel(&mut self, response: &egui::Response, ui: &egui::Ui) {
        if !response.contains_pointer() {
            return;
        }
        let (zoom, scroll, pointer) = ui.input(|i| (i.zoom_delta(), i.smooth_scroll_delta(), i.pointer.hover_pos()));
        let Some(pointer) = pointer else { return };
        if zoom != 1.0 {
            self.camera.zoom_about(pointer, zoom);
        } else if scroll != Vec2::ZERO {
            self.camera.pan(scroll);
        }
    }

    fn follow_marks(&mut self, ctx: &ViewCtx<'_>) {
        let selection = match &self.gesture {
            Gesture::Box { from, kept } => {
                let part = Rect::from_two_pos(*from, self.camera.canvas(self.pointer));
                self.boxed(part, kept.clone())
            }
            _ => self.wanted_selection(ctx).clone(),
        };
        let (index, problems) = (&ctx.live.index, ctx.problems);
        let known =
            self.marks_of.as_ref().filter(|of| Arc::ptr_eq(&of.index, index) && Arc::ptr_eq(&of.problems, problems));
        if known.is_some_and(|of| of.selection == selection) {
            return;
        }
        if known.is_none() {
            self.marks = Marks::of(&self.scene, ctx.live, problems);
            self.pulses.forget_places();
        }
        self.marks.nodes.iter_mut().for_each(|mark| mark.selected = false);
        self.marks.links.iter_mut().for_each(|mark| mark.selected = false);
        for id in &selection.nodes {
            if let Some(ix) = self.scene.node_ix.get(id) {
                self.marks.nodes[*ix as usize].selected = true;
            }
        }
        for id in &selection.links {
            if let Some(ix) = self.scene.link_ix.get(id) {
                self.marks.links[*ix as usize].selected = true;
            }
        }
        self.marks_of = Some(MarksKey { index: Arc::clone(index), problems: Arc::clone(problems), selection });
        self.picture_stale = true;
    }

    fn draw(&mut self, ctx: &ViewCtx<'_>, ui: &mut egui::Ui, view: Rect) {
        let hover = match (self.hover, &self.gesture) {
            (_, Gesture::Idle) if self.into.is_some() => self.into.map_or(Hit::Nothing, Hit::Link),
            (Hit::Dot(_), _) => Hit::Nothing,
            (_, Gesture::Connect { .. }) => self.connect_target(ctx).map_or(Hit::Nothing, Hit::Node),
            (hover, _) => hover,
        };
        let key = PictureKey {
            camera: self.camera,
            hover,
            live: Arc::clone(ctx.live),
            theme: (ctx.theme.name, ctx.theme.canvas),
            points: ui.ctx().pixels_per_point(),
        };
        if self.picture_stale || !self.picture_of.as_ref().is_some_and(|of| of.same(&key)) {
            self.show_view(ctx, ui, view, hover);
            self.picture_of = Some(key);
            self.picture_stale = false;
        }
        let painter = ui.painter_at(view);
        painter.rect_filled(view, 0.0, ctx.theme.canvas);
        let Picture { paper, links, bright_links, labels, blocks, nodes, top } = &self.picture;
        painter.extend(paper.iter().cloned());
        for mesh in [links, bright_links].into_iter().filter(|mesh| !mesh.is_empty()) {
            painter.add(Shape::Mesh(Arc::clone(mesh)));
        }
        self.pulses.draw(ctx, &painter, &self.scene, &self.marks, &self.camera, self.hover);
        painter.extend(labels.iter().cloned());
        painter.add(Shape::Mesh(Arc::clone(blocks)));
        painter.extend(nodes.iter().chain(top).cloned());
        Pulses::flashes(ctx, &painter, &self.scene, &self.camera);
        self.overlay_ui(ctx, &painter);
    }

    fn show_view(&mut self, ctx: &ViewCtx<'_>, ui: &mut egui::Ui, view: Rect, hover: Hit) {
        let mut brush = Brush {
            scene: std::mem::take(&mut self.scene),
            marks: std::mem::take(&mut self.marks),
            theme: ctx.theme.clone(),
            live: Arc::clone(ctx.live),
            camera: self.camera,
            hover,
            seen: self.camera.visible(),
            picture: std::mem::take(&mut self.picture).emptied(ribbon::texture(ui.ctx())),
            labels: Vec::new(),
        };
        brush.picture.paper.push(Shape::mesh(backdrop(&self.camera, ctx)));
        self.shows += 1;
        if let Some(brush) = self.graph.show(ui, view, brush) {
            (self.scene, self.marks, self.picture) = (brush.scene, brush.marks, brush.picture);
        }
    }

    fn connect_target(&self, ctx: &ViewCtx<'_>) -> Option<u32> {
        match &self.gesture {
            Gesture::Connect { by_keys: true, target, .. } => *target,
            Gesture::Connect { port, by_keys: false, .. } => {
                match self.drop_at(ctx.session.flow(), *port, self.pointer) {
                    gesture::Drop::Link { from, to, .. } | gesture::Drop::Bus { from, to } => {
                        Some(if from == port.node { to } else { from })
                    }
                    gesture::Drop::Refused(_) | gesture::Drop::Add => None,
                }
            }
            _ => None,
        }
    }
}

/// Quiet dots behind everything, so that one sees how far one has moved and zoomed.
fn backdrop(camera: &Camera, ctx: &ViewCtx<'_>) -> Mesh {
    let mut mesh = Mesh::default();
    if camera.detail() < Detail::Compact {
        return mesh;
    }
    let seen = camera.visible();
    let color = ink::mix(ctx.theme.canvas, ctx.theme.line, 0.75);
    // Seen from further away, every other one is enough.
    let apart = if camera.zoom < 0.75 { 2.0 * BACKDROP } else { BACKDROP };
    let (from, to) = ((seen.min / apart).floor(), (seen.max / apart).ceil());
    for x in from.x as i32..=to.x as i32 {
        for y in from.y as i32..=to.y as i32 {
            let at = camera.screen(Pos2::new(x as f32, y as f32) * apart);
            ink::block(&mut mesh, Rect::from_center_size(at.round(), vec2(1.5, 1.5)), color);
        }
    }
    mesh
}
