//! What a frame of the canvas costs: recorded and tessellated, without a window, on one core.
//!
//! The promise: 10 000 nodes, 15 000 links and 100 000 events on the wire, all of it in view, in at most 16 ms; with 50
//! nodes in view at most 4 ms. Every frame is a new look at the run, so that nothing is painted from memory.

use std::cell::RefCell;
use std::sync::Arc;

use egui::{RawInput, Rect, Vec2, vec2};
use eventloom::gui::canvas::Canvas;
use eventloom::gui::{Ask, Theme, ThemeName, ViewCtx, ViewState, fonts};
use eventloom::model::{
    Consumer, EventId, Flow, KindTag, Link, LinkId, LinkIx, LinkKind, Node, NodeId, NodeIx, NodeKind, Point,
    SimDuration, SimTime, Subscription,
};
use eventloom::plan::Problem;
use eventloom::session::{Dot, Leg, LinkLive, LiveView, NodeLive, RunIndex, RunState, Session};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NODES: usize = 10_000;
const LINKS: usize = 15_000;
const EVENTS: usize = 100_000;

fn main() {
    divan::main();
}

/// Everything in view; events in the places that the density of the picture gives them.
#[divan::bench(name = "10 000 nodes, 15 000 links, 100 000 events, all in view")]
fn everything(bencher: divan::Bencher<'_, '_>) {
    let mut host = Host::new(1, None);
    bencher.bench_local(move || host.frame(true));
}

/// Few long links instead of many short ones, so that each of many thousand dots really is drawn.
#[divan::bench(name = "10 000 nodes, 15 000 links, 60 000 dots drawn, all in view")]
fn dots(bencher: divan::Bencher<'_, '_>) {
    let mut host = Host::new(40, None);
    bencher.bench_local(move || host.frame(true));
}

/// The same flow, looked at from near.
#[divan::bench(name = "the same, 50 nodes in view")]
fn near(bencher: divan::Bencher<'_, '_>) {
    let mut host = Host::new(1, Some(0.5));
    bencher.bench_local(move || host.frame(true));
}

/// The same flow at the zoom where a whole screen of cards still has names: the most text.
#[divan::bench(name = "the same, about 500 nodes in view")]
fn middle(bencher: divan::Bencher<'_, '_>) {
    let mut host = Host::new(1, Some(0.21));
    bencher.bench_local(move || host.frame(true));
}

/// Nothing new: what a repaint costs that is not the canvas' own.
#[divan::bench(name = "the same, nothing has changed")]
fn unchanged(bencher: divan::Bencher<'_, '_>) {
    let mut host = Host::new(1, None);
    bencher.bench_local(move || host.frame(false));
}

/// A window that is all canvas, over a run that has been made up.
struct Host {
    egui: egui::Context,
    session: Session,
    view: ViewState,
    canvas: Canvas,
    /// Two looks at the run that are told apart, to be shown in turn.
    looks: [Arc<LiveView>; 2],
    theme: Arc<Theme>,
    problems: Arc<[Problem]>,
    time: f64,
}

impl Host {
    /// `reach` is how many columns a link spans; `zoom` is left to fit everything if unset.
    fn new(reach: usize, zoom: Option<f32>) -> Self {
        let flow = flow(reach);
        let live = live(&flow);
        let egui = egui::Context::default();
        egui.set_fonts(fonts());
        let theme = Theme::of(ThemeName::Dark);
        let looks = [Arc::new(live.clone()), Arc::new(LiveView { revision: 2, ..live })];
        let mut host = Self {
            egui,
            session: Session::new(flow),
            view: ViewState::default(),
            canvas: Canvas::default(),
            looks,
            theme,
            problems: Arc::from([]),
            time: 0.0,
        };
        host.frame(true);
        host.frame(true);
        if let Some(zoom) = zoom {
            host.view.zoom_by = zoom / host.canvas.zoom();
        }
        host.frame(true);
        host.view.zoom_by = 1.0;
        host.frame(true);
        host
    }

    /// One frame, as far as triangles; how many there are.
    fn frame(&mut self, anew: bool) -> usize {
        if anew {
            self.looks.swap(0, 1);
        }
        self.time += 1.0 / 60.0;
        let size = vec2(1600.0, 1000.0);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Vec2::ZERO.to_pos2(), size)),
            time: Some(self.time),
            ..RawInput::default()
        };
        let asks: RefCell<Vec<Ask>> = RefCell::default();
        let (canvas, session, view, theme) = (&mut self.canvas, &self.session, &self.view, &self.theme);
        let (live, problems) = (&self.looks[0], &self.problems);
        let output = self.egui.run_ui(input, |ui| {
            let playhead = live.now;
            let ctx = ViewCtx { session, live, playhead, problems, view, theme, asks: &asks };
            canvas.ui(&ctx, ui);
        });
        let meshes = self.egui.tessellate(output.shapes, output.pixels_per_point);
        meshes
            .iter()
            .map(|clipped| match &clipped.primitive {
                egui::epaint::Primitive::Mesh(mesh) => mesh.indices.len() / 3,
                egui::epaint::Primitive::Callback(_) => 0,
            })
            .sum()
    }
}

/// A hundred columns of a hundred nodes: buses, and what subscribes to them.
fn flow(reach: usize) -> Flow {
    let mut flow = Flow::new("large");
    let id = |ix: usize| NodeId::new(&format!("node-{ix:05}")).expect("well-formed");
    let bus = |ix: usize| (ix / 100).is_multiple_of(2);
    for ix in 0..NODES {
        let grid = |cell: usize, step: i32| i32::try_from(cell).expect("few") * step;
        let at = Point(grid(ix / 100, 260), grid(ix % 100, 110));
        let kind = if bus(ix) { KindTag::Bus.default_kind() } else { NodeKind::Consumer(Consumer::default()) };
        flow.add_node(id(ix), Node::new(at, kind)).expect("a new id");
    }
    let mut links = 0;
    for round in 0..200 {
        for ix in (0..NODES).filter(|ix| bus(*ix)) {
            let column = ix / 100 + if round % 3 == 0 { reach | 1 } else { 1 };
            let to = column * 100 + (ix + round * 7) % 100;
            if links == LINKS || to >= NODES || bus(to) {
                continue;
            }
            let (from, to) = (id(ix), id(to));
            let link = Link::new(from.clone(), to.clone(), LinkKind::Subscribe(Subscription::default()));
            if flow.add_link(LinkId::between(&from, &to), link).is_ok() {
                links += 1;
            }
        }
    }
    assert_eq!(flow.links().len(), LINKS);
    flow
}

fn live(flow: &Flow) -> LiveView {
    let mut index = RunIndex::default();
    for id in flow.nodes().keys() {
        index.node_ix.insert(id.clone(), NodeIx(index.nodes.len() as u32));
        index.nodes.push(id.clone());
    }
    for id in flow.links().keys() {
        index.link_ix.insert(id.clone(), LinkIx(index.links.len() as u32));
        index.links.push(id.clone());
    }
    let start = SimTime::ZERO + SimDuration::from_secs(100);
    let dot = |ix: usize| {
        let age = SimDuration::from_millis(5 + (ix as u64 * 7_919) % 50_000);
        let link = LinkIx((ix % LINKS) as u32);
        let event = EventId::new(NodeIx(0), ix as u64);
        let departed = start - age;
        let arrives = departed + SimDuration::from_secs(100);
        Dot { link, event, kind: (ix % 5) as u32, departed, arrives, attempt: 1, leg: Leg::Deliver, lost: false }
    };
    let node =
        NodeLive { queue: 40, queue_limit: 100, per_second: 48.0, utilization: 0.6, handled: 9, ..NodeLive::default() };
    let link = LinkLive { on_wire: 1, per_second: 20.0, ..LinkLive::default() };
    LiveView {
        revision: 1,
        state: RunState::Running,
        now: start,
        nodes: vec![node; NODES],
        links: vec![link; LINKS],
        dots: (0..EVENTS).map(dot).collect(),
        index: Arc::new(index),
        ..LiveView::default()
    }
}
