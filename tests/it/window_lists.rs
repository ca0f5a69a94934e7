//! Lists of events in the window: what waits, what was given up.

use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use eventloom::gui::Ask;
use eventloom::model::NodeId;

use crate::support::window::Window;

/// The events of the list that is open, as a screen reader says them.
fn listed(window: &Window) -> Vec<String> {
    let links = window.harness.get_all_by_role(Role::Link).filter_map(|link| link.accesskit_node().label());
    links.filter(|label| label.contains('/')).collect()
}

/// How many there are, as the head of the list says.
fn told(window: &Window) -> Option<String> {
    let painted = window.painted();
    let (before, _) = painted.split_once(", the oldest first")?;
    before.rsplit('"').next().map(str::to_owned)
}

/// Lets half a second pass in the window too, so that the list is looked at again.
fn wait(window: &mut Window) {
    window.pass(Duration::from_secs(5));
    window.harness.run_steps(40);
    window.pass(Duration::from_millis(100));
}

#[test]
fn what_was_given_up_is_listed_with_its_reason_and_the_list_keeps_up_with_the_run() {
    let mut window = Window::example("retry-and-dead-letter");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(20));
    let dead_letters = NodeId::new("dead-letters").expect("a name");
    window.harness.state().ask(Ask::OpenQueue(dead_letters));
    wait(&mut window);
    let before = listed(&window);
    assert!(!before.is_empty() && before.iter().all(|row| row.ends_with(" max deliver, 3 deliveries")), "{before:?}");
    let first = told(&window);
    assert!(first.is_some());
    window.pass(Duration::from_mins(1));
    wait(&mut window);
    assert_ne!(told(&window), first, "the list stands still while letters come");
    // The first one still stands first: what comes later comes below it.
    assert_eq!(listed(&window)[0], before[0]);
}

#[test]
fn a_queue_is_listed_with_what_waits_and_is_told_when_nothing_does() {
    let mut window = Window::example("slow-consumer");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(30));
    let node = |id: &str| NodeId::new(id).expect("a name");
    window.harness.state().ask(Ask::OpenQueue(node("ledger")));
    wait(&mut window);
    let waiting = listed(&window);
    assert!(waiting.len() > 5 && waiting.iter().all(|row| row.starts_with("ticket.scanned gates/")), "{waiting:?}");
    window.harness.state().ask(Ask::OpenQueue(node("gates")));
    wait(&mut window);
    assert!(window.painted().contains("Nothing waits here"));
}
