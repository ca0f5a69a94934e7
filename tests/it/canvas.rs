//! Gestures on the canvas, by the names that a screen reader would say.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use egui::{Event, Key, Modifiers, Pos2, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use eventloom::edit::Edit;
use eventloom::gui::canvas::Canvas;
use eventloom::gui::{Action, Ask, Theme, ThemeName, ViewCtx, ViewState, fonts};
use eventloom::model::{
    EventId, Flow, KindTag, Link, LinkId, LinkIx, Node, NodeId, NodeIx, Point, SimDuration, SimTime,
};
use eventloom::plan::Problem;
use eventloom::session::{Dot, Leg, LinkLive, LiveView, NodeLive, RunIndex, RunState, Session};

/// A window that is all canvas: carries out what changes the flow or the selection, and keeps the rest to be looked at.
struct Host {
    session: Session,
    view: ViewState,
    canvas: Canvas,
    live: Arc<LiveView>,
    problems: Arc<[Problem]>,
    asked: Vec<Ask>,
    dressed: bool,
}

impl Host {
    fn ui(&mut self, ui: &mut egui::Ui) {
        if !self.dressed {
            self.dressed = true;
            ui.ctx().set_fonts(fonts());
            Theme::of(ThemeName::Dark).apply(ui.ctx(), false);
            ui.ctx().request_repaint();
            return;
        }
        let asks = RefCell::new(Vec::new());
        let theme = Theme::of(ThemeName::Dark);
        let ctx = ViewCtx {
            session: &self.session,
            live: &self.live,
            playhead: self.live.now,
            problems: &self.problems,
            view: &self.view,
            theme: &theme,
            asks: &asks,
        };
        self.canvas.ui(&ctx, ui);
        for ask in asks.into_inner() {
            match ask {
                Ask::Select(selection) => self.view.selection = selection,
                Ask::Edit(edit) => {
                    self.session.apply(&edit).expect("the canvas asks only for what can be done");
                    self.asked.push(Ask::Edit(edit));
                }
                Ask::Connect { from, to, bus_between: false } => {
                    let flow = self.session.flow();
                    let kind = flow.possible_link(&from, &to).expect("it was offered").expect("it is a link");
                    let (id, link) = (flow.free_link_id(&from, &to), Link::new(from, to, kind));
                    self.session.apply(&Edit::AddLink(id, link)).expect("it was offered");
                }
                other => self.asked.push(other),
            }
            ui.ctx().request_repaint();
        }
    }
}

/// A canvas with these nodes, ready.
fn canvas(nodes: &[(&str, KindTag, Point)], links: &[(&str, &str)]) -> Harness<'static, Host> {
    canvas_of(flow(nodes, links), LiveView::default())
}

fn canvas_of(flow: Flow, live: LiveView) -> Harness<'static, Host> {
    let host = Host {
        session: Session::new(flow),
        view: ViewState::default(),
        canvas: Canvas::default(),
        live: Arc::new(live),
        problems: Arc::from([]),
        asked: Vec::new(),
        dressed: false,
    };
    let mut harness = Harness::builder()
        .with_size(vec2(1000.0, 700.0))
        .with_max_steps(60)
        .with_step_dt(0.02)
        .build_ui_state(|ui, host: &mut Host| host.ui(ui), host);
    harness.run();
    harness
}

fn flow(nodes: &[(&str, KindTag, Point)], links: &[(&str, &str)]) -> Flow {
    let mut flow = Flow::new("test");
    for (id, kind, at) in nodes {
        flow.add_node(node(id), Node::new(*at, kind.default_kind())).expect("a new id");
    }
    for (from, to) in links {
        let (from, to) = (node(from), node(to));
        let kind = flow.possible_link(&from, &to).expect("may be linked").expect("is a link");
        flow.add_link(LinkId::between(&from, &to), Link::new(from, to, kind)).expect("a new link");
    }
    flow
}

fn node(id: &str) -> NodeId {
    NodeId::new(id).expect("a well-formed id")
}

/// The three that most flows begin with.
const ROW: [(&str, KindTag, Point); 3] = [
    ("checkout", KindTag::Producer, Point(-320, 0)),
    ("bus", KindTag::Bus, Point(0, 0)),
    ("billing", KindTag::Consumer, Point(320, 0)),
];

fn drag(harness: &mut Harness<'_, Host>, from: Pos2, to: Pos2) {
    harness.hover_at(from);
    harness.step();
    harness.drag_at(from);
    for part in [0.1, 0.5, 1.0] {
        harness.hover_at(from.lerp(to, part));
    }
    harness.step();
    harness.drop_at(to);
    harness.run();
}

fn rect(harness: &Harness<'_, Host>, name: &str) -> egui::Rect {
    harness.get_by_label(name).rect()
}

fn links(harness: &Harness<'_, Host>) -> Vec<String> {
    harness.state().session.flow().links().keys().map(ToString::to_string).collect()
}

fn selected(harness: &Harness<'_, Host>) -> BTreeSet<String> {
    harness.state().view.selection.nodes.iter().map(ToString::to_string).collect()
}

#[test]
fn dragging_from_port_to_port_connects() {
    let mut harness = canvas(&ROW, &[]);
    let (from, to) = (rect(&harness, "Checkout").right_center(), rect(&harness, "Bus").left_center());
    drag(&mut harness, from, to);
    let (from, to) = (rect(&harness, "Bus").right_center(), rect(&harness, "Billing").center());
    drag(&mut harness, from, to);
    assert_eq!(links(&harness), ["bus->billing", "checkout->bus"]);
    harness.get_by_label("Checkout to Bus");
}

#[test]
fn a_link_drawn_backwards_from_an_inward_port_is_the_same_link() {
    let mut harness = canvas(&ROW, &[]);
    let (from, to) = (rect(&harness, "Billing").left_center(), rect(&harness, "Bus").center());
    drag(&mut harness, from, to);
    assert_eq!(links(&harness), ["bus->billing"]);
}

#[test]
fn what_cannot_be_linked_is_refused_or_mended_with_a_bus() {
    let mut harness = canvas(&ROW, &[]);
    let (from, to) = (rect(&harness, "Checkout").right_center(), rect(&harness, "Billing").center());
    drag(&mut harness, from, to);
    let asked = std::mem::take(&mut harness.state_mut().asked);
    assert!(
        matches!(&asked[..], [Ask::Connect { from, to, bus_between: true }] if *from == node("checkout") && *to == node("billing")),
        "{asked:?}"
    );
    let (from, to) = (rect(&harness, "Bus").right_center(), rect(&harness, "Checkout").center());
    drag(&mut harness, from, to);
    assert!(harness.state().asked.is_empty(), "a producer takes no events: {:?}", harness.state().asked);
    assert!(links(&harness).is_empty());
}

#[test]
fn a_link_let_go_on_empty_canvas_asks_what_to_add() {
    let mut harness = canvas(&ROW, &[]);
    let from = rect(&harness, "Bus").right_center();
    drag(&mut harness, from, from + vec2(60.0, 200.0));
    let asked = &harness.state().asked;
    assert!(matches!(&asked[..], [Ask::QuickAdd { from: Some(from), .. }] if *from == node("bus")), "{asked:?}");
}

#[test]
fn a_box_selects_and_what_is_selected_moves_together_in_one_step() {
    let mut harness = canvas(&ROW, &[("checkout", "bus")]);
    let (first, second) = (rect(&harness, "Checkout"), rect(&harness, "Bus"));
    drag(&mut harness, first.left_top() - vec2(60.0, 60.0), second.right_bottom() + vec2(20.0, 60.0));
    assert_eq!(selected(&harness), BTreeSet::from(["bus".to_owned(), "checkout".to_owned()]));

    let before = Arc::clone(harness.state().session.flow());
    drag(&mut harness, second.center(), second.center() + vec2(83.0, 41.0));
    let at = |id: &str| harness.state().session.flow().node(&node(id)).expect("it is there").at;
    assert_eq!((at("checkout"), at("bus"), at("billing")), (Point(-240, 40), Point(80, 40), Point(320, 0)));
    let moved = rect(&harness, "Checkout").center() - first.center();
    assert_eq!(moved, vec2(80.0, 40.0), "what is drawn follows, on the grid");
    assert!(harness.state_mut().session.undo());
    assert_eq!(**harness.state().session.flow(), *before, "one step back is all of it");
}

#[test]
fn escape_takes_a_move_back_before_it_is_made() {
    let mut harness = canvas(&ROW, &[]);
    let from = rect(&harness, "Billing").center();
    harness.hover_at(from);
    harness.step();
    harness.drag_at(from);
    harness.hover_at(from + vec2(40.0, 80.0));
    harness.step();
    assert_ne!(rect(&harness, "Billing").center(), from);
    harness.key_press(Key::Escape);
    harness.step();
    harness.drop_at(from + vec2(40.0, 80.0));
    harness.run();
    assert_eq!(rect(&harness, "Billing").center(), from);
    assert!(harness.state().asked.is_empty());
}

#[test]
fn zoom_keeps_what_is_under_the_pointer_and_stops_at_its_ends() {
    let mut harness = canvas(&ROW, &[]);
    let place = Point(-320, 0);
    let pointer = harness.state().canvas.screen(place);
    harness.hover_at(pointer);
    harness.step();
    harness.event(Event::Zoom(1.25));
    harness.run();
    let canvas = &harness.state().canvas;
    assert!((canvas.zoom() - 1.25).abs() < 1e-4, "exactly as much as was asked: {}", canvas.zoom());
    assert!((canvas.screen(place) - pointer).length() < 0.01);
    for _ in 0..60 {
        harness.event(Event::Zoom(0.5));
    }
    harness.run();
    let canvas = &harness.state().canvas;
    assert!(canvas.zoom() > 0.01, "{}", canvas.zoom());
    assert!((canvas.screen(place) - pointer).length() < 0.01);
}

#[test]
fn the_wheel_pans() {
    let mut harness = canvas(&ROW, &[]);
    let before = rect(&harness, "Bus").center();
    harness.hover_at(before + vec2(0.0, 200.0));
    harness.step();
    harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, -50.0),
        phase: egui::TouchPhase::Move,
        modifiers: Modifiers::NONE,
    });
    harness.run();
    let moved = rect(&harness, "Bus").center() - before;
    assert!((moved - vec2(0.0, -50.0)).length() < 1.0, "{moved:?}");
}

#[test]
fn an_idle_canvas_is_idle() {
    let mut harness = canvas(&ROW, &[("checkout", "bus"), ("bus", "billing")]);
    harness.hover_at(Pos2::new(4.0, 4.0));
    harness.run();
    let shows = harness.state().canvas.shows();
    for _ in 0..20 {
        harness.step();
        let viewport = &harness.output().viewport_output[&egui::ViewportId::ROOT];
        assert!(viewport.repaint_delay > std::time::Duration::from_millis(100), "{:?}", viewport.repaint_delay);
    }
    assert_eq!(harness.state().canvas.shows(), shows, "the view is shown only when something has changed");
    let to = rect(&harness, "Bus").center();
    harness.hover_at(to);
    harness.run();
    assert!(harness.state().canvas.shows() > shows);
}

#[test]
fn the_fire_button_fires_without_selecting() {
    let mut harness = canvas(&ROW, &[]);
    harness.get_by_label("Fire Checkout").click();
    harness.run();
    let asked = &harness.state().asked;
    assert!(matches!(&asked[..], [Ask::Fire(id, 1, None)] if *id == node("checkout")), "{asked:?}");
    assert!(selected(&harness).is_empty());
}

#[test]
fn clicks_select_and_toggle_and_double_clicks_add() {
    let mut harness = canvas(&ROW, &[("checkout", "bus")]);
    harness.get_by_label("Bus").click();
    harness.run();
    assert_eq!(selected(&harness), BTreeSet::from(["bus".to_owned()]));
    harness.get_by_label("Billing").click_modifiers(Modifiers::SHIFT);
    harness.run();
    assert_eq!(selected(&harness).len(), 2);
    harness.get_by_label("Bus").click_modifiers(Modifiers::COMMAND);
    harness.run();
    assert_eq!(selected(&harness), BTreeSet::from(["billing".to_owned()]));
    harness.get_by_label("Checkout to Bus").click();
    harness.run();
    assert_eq!(harness.state().view.selection.single_link().map(LinkId::as_str), Some("checkout->bus"));

    let empty = rect(&harness, "Bus").center() + vec2(0.0, 240.0);
    for _ in 0..2 {
        harness.drag_at(empty);
        harness.drop_at(empty);
    }
    harness.run();
    assert!(harness.state().view.selection.is_empty(), "a click on nothing selects nothing");
    let asked = &harness.state().asked;
    assert!(matches!(&asked[..], [Ask::QuickAdd { at: Point(0, 240), from: None }]), "{asked:?}");
}

#[test]
fn the_right_button_offers_what_can_be_done() {
    let mut harness = canvas(&ROW, &[]);
    harness.get_by_label("Checkout").click_secondary();
    harness.run();
    assert_eq!(selected(&harness), BTreeSet::from(["checkout".to_owned()]));
    harness.get_by_label_contains(Action::Delete.label()).click();
    harness.run();
    let asked = &harness.state().asked;
    assert!(matches!(&asked[..], [Ask::Action(Action::Delete)]), "{asked:?}");
}

#[test]
fn what_is_dragged_from_the_library_is_placed_on_the_grid() {
    let mut harness = canvas(&ROW, &[]);
    let at = rect(&harness, "Bus").center() + vec2(101.0, 203.0);
    harness.hover_at(at);
    harness.step();
    egui::DragAndDrop::set_payload(&harness.ctx, KindTag::Service);
    harness.step();
    harness.drop_at(at);
    harness.run();
    let asked = &harness.state().asked;
    assert!(
        matches!(&asked[..], [Ask::Place { kind: KindTag::Service, at: Point(104, 200), from: None }]),
        "{asked:?}"
    );
}

#[test]
fn arrows_walk_and_nudge_and_keys_connect() {
    let mut harness = canvas(&ROW, &[]);
    harness.get_by_label("Billing").click();
    harness.run();
    harness.key_press(Key::ArrowLeft);
    harness.run();
    assert_eq!(selected(&harness), BTreeSet::from(["bus".to_owned()]), "a click brings the keys along");
    harness.get_by_label("Checkout").focus();
    harness.run();
    assert_eq!(selected(&harness), BTreeSet::from(["checkout".to_owned()]));
    harness.key_press(Key::ArrowRight);
    harness.run();
    assert_eq!(selected(&harness), BTreeSet::from(["bus".to_owned()]));
    harness.key_press_modifiers(Modifiers::ALT, Key::ArrowDown);
    harness.run();
    assert_eq!(harness.state().session.flow().node(&node("bus")).expect("it is there").at, Point(0, 8));

    harness.state_mut().canvas.begin_connect(&node("bus"));
    harness.run();
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(links(&harness), ["bus->billing"]);
}

/// A look at a run of the row with one event half-way from the bus to billing, and twelve waiting.
fn busy_row() -> (Flow, LiveView) {
    let flow = flow(&ROW, &[("checkout", "bus"), ("bus", "billing")]);
    let mut index = RunIndex::default();
    for id in flow.nodes().keys() {
        index.node_ix.insert(id.clone(), NodeIx(index.nodes.len() as u32));
        index.nodes.push(id.clone());
    }
    for id in flow.links().keys() {
        index.link_ix.insert(id.clone(), LinkIx(index.links.len() as u32));
        index.links.push(id.clone());
    }
    index.events = flow.event_names();
    let now = SimTime::ZERO + SimDuration::from_secs(5);
    let dot = Dot {
        link: index.link_ix[&LinkId::between(&node("bus"), &node("billing"))],
        event: EventId::new(NodeIx(2), 17),
        kind: 0,
        departed: now - SimDuration::from_secs(1),
        arrives: now + SimDuration::from_secs(1),
        attempt: 2,
        leg: Leg::Deliver,
        lost: false,
    };
    let waiting = NodeLive { queue: 70, queue_limit: 100, capacity: 1, ..NodeLive::default() };
    let live = LiveView {
        revision: 1,
        state: RunState::Paused,
        now,
        nodes: vec![waiting; index.nodes.len()],
        links: vec![LinkLive { on_wire: 1, ..LinkLive::default() }; index.links.len()],
        dots: vec![dot],
        index: Arc::new(index),
        ..LiveView::default()
    };
    (flow, live)
}

#[test]
fn a_dot_opens_its_event_and_a_queue_bar_its_queue() {
    let (flow, live) = busy_row();
    let mut harness = canvas_of(flow, live);
    let half_way = rect(&harness, "Bus to Billing").center();
    harness.hover_at(half_way);
    harness.run();
    harness.get_by_label("attempt 2");
    harness.drag_at(half_way);
    harness.drop_at(half_way);
    harness.run();
    let asked = std::mem::take(&mut harness.state_mut().asked);
    assert!(matches!(&asked[..], [Ask::OpenEvent(event)] if event.event.number() == 17), "{asked:?}");

    let foot = rect(&harness, "Billing").center_bottom() - Vec2::new(20.0, 2.0);
    harness.hover_at(foot);
    harness.step();
    harness.drag_at(foot);
    harness.drop_at(foot);
    harness.run();
    let asked = &harness.state().asked;
    assert!(matches!(&asked[..], [Ask::OpenQueue(id)] if *id == node("billing")), "{asked:?}");
}

#[test]
fn a_paused_run_is_as_idle_as_none() {
    let (flow, live) = busy_row();
    let mut harness = canvas_of(flow, live);
    harness.run();
    let shows = harness.state().canvas.shows();
    harness.run_steps(5);
    assert_eq!(harness.state().canvas.shows(), shows);
}
