//! What the window looks like with every flow that ships: nothing is cut, nothing moves that should stand still.

use std::fmt::Write as _;
use std::time::Duration;

use egui::accesskit::Role;
use egui::epaint::ClippedShape;
use egui::{Key, Modifiers, Rect, Shape};
use egui_kittest::kittest::Queryable as _;
use eventloom::gui::{Ask, Selection};
use eventloom::model::{KindTag, NodeKind};
use eventloom::session::EXAMPLES;

use crate::support::window::Window;

/// Texts of the last frame that end in dots, or are cut at their left or right, within a part of the window.
fn cut(window: &Window, part: Rect) -> Vec<String> {
    let mut found = Vec::new();
    for ClippedShape { clip_rect, shape } in &window.harness.output().shapes {
        look(shape, *clip_rect, part, &mut found);
    }
    found
}

fn look(shape: &Shape, clip: Rect, part: Rect, found: &mut Vec<String>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| look(shape, clip, part, found)),
        Shape::Text(text) => {
            let rect = shape.visual_bounding_rect();
            let seen = rect.intersect(clip);
            let beyond = rect.left() < clip.left() - 1.0 || rect.right() > clip.right() + 1.0;
            if seen.is_positive() && part.contains(seen.center()) && (text.galley.elided || beyond) {
                found.push(text.galley.text().to_owned());
            }
        }
        _ => {}
    }
}

#[test]
fn every_shipped_flow_is_whole_in_the_smallest_window_that_it_is_made_for() {
    let mut wrong = String::new();
    for example in EXAMPLES {
        let mut window = Window::example(example.name);
        let canvas = window.canvas();
        let idle = cut(&window, canvas);
        window.press_running(Modifiers::NONE, Key::F5);
        window.pass(Duration::from_secs(8));
        let running = cut(&window, canvas);
        let zoom = window.harness.state().view().zoom;
        if zoom < 0.6 || !idle.is_empty() || !running.is_empty() {
            writeln!(wrong, "{}: zoom {zoom:.2}, cut {idle:?} {running:?}", example.name).expect("text");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn whatever_is_selected_the_inspector_keeps_its_width_and_shows_it_whole() {
    let mut wrong = String::new();
    for example in EXAMPLES {
        let mut window = Window::example(example.name);
        let left = |window: &Window| window.harness.get_by_label("Inspector panel").rect().left();
        let begin = left(&window);
        window.press_running(Modifiers::NONE, Key::F5);
        window.pass(Duration::from_secs(5));
        let flow = window.flow().clone();
        let nodes = flow.nodes().keys().map(|id| Selection::node(id.clone()));
        let links = flow.links().keys().map(|id| Selection::link(id.clone()));
        for selection in [Selection::default()].into_iter().chain(nodes).chain(links) {
            let what = format!("{} {:?} {:?}", example.name, selection.nodes, selection.links);
            window.harness.state().ask(Ask::Select(selection));
            window.harness.run_steps(4);
            let mut part = window.harness.ctx.content_rect();
            part.min.x = begin;
            // What somebody types in a field is scrolled, not cut.
            let fields =
                window.harness.get_all_by_role(Role::TextInput).filter_map(|field| field.value()).collect::<Vec<_>>();
            let mut found = cut(&window, part);
            found.retain(|text| !fields.contains(text));
            if left(&window) != begin || !found.is_empty() {
                writeln!(wrong, "{what}: {} cut {found:?}", left(&window) - begin).expect("text");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The texts of the last frame within a part of the window, with where each can be seen.
fn texts(window: &Window, part: Rect) -> Vec<(String, Rect)> {
    fn collect(shape: &Shape, clip: Rect, part: Rect, found: &mut Vec<(String, Rect)>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, part, found)),
            Shape::Text(text) => {
                let seen = shape.visual_bounding_rect().intersect(clip);
                if !text.galley.text().is_empty() && seen.is_positive() && part.contains(seen.center()) {
                    found.push((text.galley.text().to_owned(), seen));
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for ClippedShape { clip_rect, shape } in &window.harness.output().shapes {
        collect(shape, *clip_rect, part, &mut found);
    }
    found
}

#[test]
fn in_the_smallest_window_nothing_lies_over_anything_else() {
    let mut window = Window::example("order-fulfilment");
    window.harness.set_size(egui::vec2(900.0, 520.0));
    window.run();
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(5));
    let whole = window.harness.ctx.content_rect();
    let label = |label: &str| window.harness.get_by_label(label).rect();
    let (inspector, fold) = (label("Inspector panel").left(), label("Fold the lower panel"));
    assert!(fold.right() < inspector && label("Filter the log").width() > 60.0, "{fold} {inspector}");
    let bar = Rect::from_min_size(whole.min, egui::vec2(whole.width(), 40.0));
    let foot = Rect::from_min_max(egui::pos2(whole.left(), fold.top()), egui::pos2(inspector, fold.bottom()));
    for part in [bar, foot] {
        let texts = texts(&window, part);
        for (at, (text, rect)) in texts.iter().enumerate() {
            for (other, over) in &texts[at + 1..] {
                assert!(!rect.shrink(1.0).intersects(over.shrink(1.0)), "“{text}” lies over “{other}”");
            }
        }
    }
}

#[test]
fn what_is_added_by_keys_comes_into_view_and_what_it_hangs_on_stays_there() {
    let mut window = Window::empty();
    for kind in ["producer", "bus", "service", "dead"] {
        window.search(Key::I, kind);
    }
    let canvas = window.canvas();
    for name in ["Service", "Dead letters"] {
        let node = window.drawn(name);
        assert!(canvas.contains_rect(node), "{name} at {node} of {canvas}");
    }
}

#[test]
fn what_is_put_into_a_link_pushes_nothing_out_of_a_whole_picture() {
    let mut window = Window::example("hello");
    let canvas = window.canvas();
    let nodes = window.flow().nodes().len();
    window.place(KindTag::Service, window.drawn("House to Chime").center() - canvas.center());
    // The service, and the bus that it emits to.
    assert_eq!(window.flow().nodes().len(), nodes + 2);
    for name in ["Doorbell", "Service", "Chime"] {
        let node = window.drawn(name);
        assert!(canvas.contains_rect(node), "{name} at {node} of {canvas}");
    }
}

#[test]
fn a_note_that_can_be_read_says_nothing_twice() {
    let mut window = Window::example("hello");
    let note = window.flow().nodes().values().find_map(|node| match &node.kind {
        NodeKind::Note(note) if note.text.starts_with("2.") => Some(note.text.clone()),
        _ => None,
    });
    let note = note.expect("a note");
    let seen = |window: &Window| -> Vec<Rect> {
        texts(window, window.canvas()).into_iter().filter(|(text, _)| *text == note).map(|(_, rect)| rect).collect()
    };
    let found = seen(&window);
    window.harness.hover_at(found[0].center());
    window.harness.run_steps(60);
    assert_eq!((found.len(), seen(&window).len()), (1, 1));
    // From so far away that it is cut off, the whole of it is told.
    for _ in 0..8 {
        window.press(Modifiers::COMMAND, Key::Minus);
    }
    let far = seen(&window);
    window.harness.hover_at(far[0].center());
    window.harness.run_steps(60);
    assert_eq!((far.len(), seen(&window).len()), (1, 2));
}
