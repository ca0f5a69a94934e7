//! Fields that help, in the window: candidates by keys and by pointer, errors where they are, the large editor.

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use eventloom::model::NodeKind;

use crate::support::window::{Window, node_id};

fn filter(window: &Window) -> Option<String> {
    let link = window.flow().links().iter().find(|(id, _)| id.as_str() == "house->chime").map(|(_, link)| link)?;
    link.subscription()?.filter.as_ref().map(|filter| filter.0.clone())
}

/// What the field offers now.
fn offered(window: &Window) -> Vec<String> {
    let rows = window.harness.query_all_by_label_contains("Complete ");
    rows.filter_map(|row| row.accesskit_node().label()).map(|label| label.replacen("Complete ", "", 1)).collect()
}

fn says(window: &Window, words: &str) -> bool {
    window.harness.query_all_by_label_contains(words).count() > 0
}

fn on_filter(window: &mut Window) {
    window.select("House to Chime");
    window.harness.get_by_role_and_label(Role::MultilineTextInput, "Filter").focus();
    window.run();
}

#[test]
fn an_expression_is_written_with_candidates_by_keys() {
    let mut window = Window::example("hello");
    on_filter(&mut window);
    window.types("ev");
    assert_eq!(offered(&window), ["event", "reversed"]);
    window.press(Modifiers::NONE, Key::Tab);
    assert!(offered(&window).is_empty());
    window.types(".da");
    window.press(Modifiers::NONE, Key::Enter);
    window.types(".");
    assert_eq!(offered(&window)[0], "door", "learnt from the example");
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::ArrowUp);
    window.press(Modifiers::NONE, Key::Tab);
    window.types(" == \"");
    assert_eq!(offered(&window), ["front"], "a value that it is known to have");
    window.press(Modifiers::NONE, Key::Tab);
    window.types(" && ha");
    assert_eq!(offered(&window)[0], "has");
    // Escape closes the candidates and nothing else; the next one takes all of it back.
    window.press(Modifiers::NONE, Key::Escape);
    assert!(offered(&window).is_empty());
    assert_eq!(filter(&window), None);
    window.types("s(event.key)");
    window.press(Modifiers::NONE, Key::Tab);
    assert_eq!(filter(&window).as_deref(), Some("event.data.door == \"front\" && has(event.key)"));
    // The keyboard is in the next field, whose own undo that would be.
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(filter(&window), None, "one step");

    on_filter(&mut window);
    window.types("event.ke");
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::NONE, Key::Escape);
    window.run();
    assert_eq!(filter(&window), None);
}

#[test]
fn a_candidate_is_taken_by_the_pointer_without_leaving_the_field() {
    let mut window = Window::example("hello");
    on_filter(&mut window);
    window.types("event.ty");
    let row = window.harness.get_by_label("Complete type").rect().center();
    window.click_at(row);
    assert_eq!(filter(&window), None, "it is still being written");
    window.types(" == \"b");
    assert_eq!(offered(&window), ["bell.rung"]);
    window.press(Modifiers::NONE, Key::Enter);
    window.press(Modifiers::NONE, Key::Tab);
    assert_eq!(filter(&window).as_deref(), Some("event.type == \"bell.rung\""));
}

#[test]
fn an_error_is_said_while_it_is_typed_and_after() {
    let mut window = Window::example("hello");
    on_filter(&mut window);
    window.types("event.typ == 1");
    assert!(says(&window, "line 1, column 7: an event has no attribute “typ”"));
    window.press(Modifiers::NONE, Key::Tab);
    assert_eq!(filter(&window).as_deref(), Some("event.typ == 1"), "it is taken as it is");
    assert!(says(&window, "This condition cannot be understood: line 1, column 7"));
}

#[test]
fn the_large_editor_takes_several_lines_and_inserts_from_the_reference() {
    let mut window = Window::example("hello");
    window.select("House to Chime");
    window.click("Larger editor for filter");
    window.types("event.hops > 1");
    window.press(Modifiers::NONE, Key::Enter);
    window.types("&& ");
    window.harness.get_by_role_and_label(Role::CheckBox, "Text").click();
    window.run();
    window.click("Insert starts_with");
    window.types("event.id, \"d\"");
    window.click("Take it");
    assert_eq!(filter(&window).as_deref(), Some("event.hops > 1\n&& starts_with(event.id, \"d\")"));
    // Nothing is taken from one that is cancelled.
    window.click("Larger editor for filter");
    window.types("nonsense");
    window.click("Cancel");
    assert_eq!(filter(&window).as_deref(), Some("event.hops > 1\n&& starts_with(event.id, \"d\")"));
}

#[test]
fn an_event_type_is_completed_from_those_of_the_flow() {
    let mut window = Window::example("order-fulfilment");
    window.select("Checkout");
    let emits = |window: &Window| match window.flow().node(&node_id("checkout")).map(|node| node.kind.clone()) {
        Some(NodeKind::Producer(producer)) => producer.emits.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(emits(&window), "order.placed");
    window.harness.get_by_role_and_label(Role::TextInput, "Event").focus();
    window.run();
    window.press(Modifiers::COMMAND, Key::A);
    window.types("pay");
    let offers = offered(&window);
    assert!(!offers.is_empty() && offers.iter().all(|offer| offer.contains("pay")), "{offers:?}");
    // Without a choice what was typed stands: a type may be new.
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(emits(&window), "pay");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(emits(&window), "order.placed");
    window.harness.get_by_role_and_label(Role::TextInput, "Event").focus();
    window.run();
    window.press(Modifiers::COMMAND, Key::A);
    window.types("pay");
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::Enter);
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(emits(&window), offers[0]);
}
