//! The window, by the names that a screen reader would say: built, changed, asked and left by mouse and by keys.

use egui::{Event, Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use eventloom::gui::{Action, App, Ask, Selection};
use eventloom::model::{Flow, KindTag, NodeId, NodeKind, Pacing, Rate, SimDuration};
use eventloom::session::{RunState, Session};

type Window = Harness<'static, App>;

/// A window of the usual size onto this session.
fn window(session: Session) -> Window {
    let mut harness = Harness::builder().with_size([1280.0, 800.0]).with_max_steps(40).build_ui_state(
        |ui, app: &mut App| {
            app.logic_pass(ui.ctx());
            app.ui_pass(ui);
        },
        App::new_for_test(session),
    );
    harness.run();
    harness
}

fn empty() -> Window {
    window(Session::new(Flow::new("")))
}

fn example(name: &str) -> Window {
    let mut session = Session::new(Flow::new(""));
    session.open_example(name).expect("an example");
    window(session)
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    window.run();
}

fn types(window: &mut Window, text: &str) {
    window.event(Event::Text(text.to_owned()));
    window.run();
}

/// Opens a search by its key, types, and takes the first thing found.
fn search(window: &mut Window, key: Key, text: &str) {
    press(window, Modifiers::COMMAND, key);
    types(window, text);
    press(window, Modifiers::NONE, Key::Enter);
}

fn act(window: &mut Window, action: Action) {
    window.state().ask(Ask::Action(action));
    window.run();
}

fn flow(window: &Window) -> &Flow {
    window.state().session().flow()
}

fn select(window: &mut Window, id: &str) {
    window.state().ask(Ask::Select(Selection::node(node_id(id))));
    window.run();
}

fn node_id(text: &str) -> NodeId {
    NodeId::new(text).expect("an id")
}

fn rate(window: &Window, id: &str) -> Rate {
    match flow(window).node(&node_id(id)).map(|node| &node.kind) {
        Some(NodeKind::Producer(producer)) => match producer.rate {
            Pacing::Constant(rate) | Pacing::Poisson(rate) => rate,
            _ => panic!("{id} has no rate"),
        },
        _ => panic!("{id} is no producer"),
    }
}

/// Puts a text in place of what a field of the inspector holds.
fn retype(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(egui::accesskit::Role::TextInput, label).focus();
    window.run();
    press(window, Modifiers::COMMAND, Key::A);
    types(window, text);
    press(window, Modifiers::NONE, Key::Enter);
}

#[test]
fn five_nodes_are_drawn_run_saved_and_reopened_by_keys_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let mut session = Session::new(Flow::new("Five"));
    session.run_on(runtime.handle().clone());
    let mut window = window(session);
    search(&mut window, Key::K, "add producer");
    // What is added next is connected to what is selected, which is what was added last.
    for kind in ["bus", "service", "dead-letter queue"] {
        search(&mut window, Key::I, kind);
    }
    search(&mut window, Key::K, "bus");
    search(&mut window, Key::I, "consumer");
    assert_eq!(flow(&window).nodes().len(), 5);
    assert_eq!(flow(&window).links().len(), 3, "{:?}", flow(&window).links().keys());
    assert_eq!(flow(&window).dead_letter_links().len(), 1);
    // Connecting by keys: the service publishes what it emits.
    search(&mut window, Key::K, "service");
    search(&mut window, Key::L, "bus");
    assert_eq!(flow(&window).links().len(), 4);

    let path = folder.path().join("five.ron");
    window.state().ask(Ask::SaveTo(path.clone()));
    window.run();
    assert!(!window.state().session().is_unsaved());
    let drawn = flow(&window).clone();

    window.key_press_modifiers(Modifiers::NONE, Key::F5);
    window.run_steps(3);
    assert_eq!(window.state().session().live().state, RunState::Running, "{:?}", window.state().toasts());
    let pass = |time| runtime.block_on(async move { tokio::time::sleep(time).await });
    pass(std::time::Duration::from_secs(5));
    window.run_steps(3);
    assert!(window.state().session().live().counts.events > 0, "five seconds of a producer at one a second");
    window.key_press_modifiers(Modifiers::SHIFT, Key::F5);
    window.run_steps(3);
    pass(std::time::Duration::from_millis(100));
    window.run_steps(3);
    assert_eq!(window.state().session().live().state, RunState::Ended);

    press(&mut window, Modifiers::COMMAND, Key::N);
    assert_eq!(flow(&window).nodes().len(), 0);
    window.state().ask(Ask::OpenFile(path));
    window.run();
    assert_eq!(*flow(&window), drawn);
}

#[test]
fn five_nodes_are_drawn_by_mouse_alone() {
    let mut window = empty();
    for kind in [KindTag::Producer, KindTag::Bus, KindTag::Consumer, KindTag::Service, KindTag::DeadLetterQueue] {
        window.get_by_label(&format!("Add {}", kind.label())).click();
        window.run();
    }
    assert_eq!(flow(&window).nodes().len(), 5);
    for (from, to) in [("producer", "Bus"), ("bus", "Consumer"), ("bus", "Service"), ("service", "Dead letters")] {
        select(&mut window, from);
        window.get_by_role_and_label(egui::accesskit::Role::Button, Action::Connect.label()).click();
        window.run();
        let is_row = |role| role == egui::accesskit::Role::Button;
        let last = window.get_all_by_label(to).rfind(|node| is_row(node.accesskit_node().role()));
        last.expect("a row of the search").click();
        window.run();
    }
    assert_eq!(flow(&window).links().len(), 3, "{:?}", flow(&window).links().keys());
    assert_eq!(flow(&window).dead_letter_links().len(), 1);
}

#[test]
fn what_cannot_be_read_stays_in_its_field_with_the_reason_and_changes_nothing() {
    let mut window = example("hello");
    let producer = flow(&window).nodes().iter().find(|(_, node)| node.kind.tag() == KindTag::Producer);
    let id = producer.expect("hello has a producer").0.to_string();
    select(&mut window, &id);
    let before = window.state().session().revision();
    retype(&mut window, "Rate", "often");
    assert_eq!(window.state().session().revision(), before);
    assert!(window.query_by_label_contains("is not a rate").is_some());
    retype(&mut window, "Rate", "25/s");
    assert_eq!(rate(&window, &id), "25/s".parse::<Rate>().expect("a rate"));
    assert!(window.query_by_label_contains("is not a rate").is_none());
    assert_eq!(window.state().session().revision(), before + 1, "one commit is one edit");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_ne!(rate(&window, &id), "25/s".parse::<Rate>().expect("a rate"));
    press(&mut window, Modifiers { shift: true, ..Modifiers::COMMAND }, Key::Z);
    assert_eq!(rate(&window, &id), "25/s".parse::<Rate>().expect("a rate"));
}

#[test]
fn a_fault_is_added_changed_and_taken_back_in_the_flows_own_settings() {
    let mut window = example("hello");
    window.get_by_label("Add fault").click();
    window.run();
    let only = |window: &Window| {
        let mut faults = flow(window).faults().iter();
        (faults.next().map(|(name, fault)| (name.to_string(), fault.clone())), faults.count())
    };
    let (Some((name, fault)), 0) = only(&window) else { panic!("one fault") };
    assert!(name.ends_with("dies") && fault.lasts.is_some(), "{name} {fault:?}");
    retype(&mut window, "At", "3s");
    assert_eq!(only(&window).0.expect("it is there").1.at, SimDuration::from_secs(3));
    retype(&mut window, "For", "0s");
    assert!(
        window.query_all_by_label_contains("is over the moment it begins").count() > 0,
        "its problem stands beside it"
    );
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(only(&window).0.expect("it is there").1.lasts, fault.lasts);
    window.get_by_label(&format!("Remove fault {name}")).click();
    window.run();
    assert!(flow(&window).faults().is_empty());
}

#[test]
fn escape_takes_back_what_was_typed() {
    let mut window = example("hello");
    let id =
        flow(&window).nodes().iter().find(|(_, node)| node.kind.tag() == KindTag::Producer).expect("one").0.to_string();
    select(&mut window, &id);
    let before = window.state().session().revision();
    window.get_by_role_and_label(egui::accesskit::Role::TextInput, "Rate").focus();
    window.run();
    types(&mut window, "9");
    press(&mut window, Modifiers::NONE, Key::Escape);
    press(&mut window, Modifiers::NONE, Key::Tab);
    assert_eq!(window.state().session().revision(), before);
}

#[test]
fn a_shortcut_while_typing_waits_for_what_was_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hello.ron");
    let mut window = example("hello");
    window.state().ask(Ask::SaveTo(path.clone()));
    window.run();
    let id =
        flow(&window).nodes().iter().find(|(_, node)| node.kind.tag() == KindTag::Producer).expect("one").0.to_string();
    select(&mut window, &id);
    window.get_by_role_and_label(egui::accesskit::Role::TextInput, "Rate").focus();
    window.run();
    press(&mut window, Modifiers::COMMAND, Key::A);
    types(&mut window, "7/s");
    press(&mut window, Modifiers::COMMAND, Key::S);
    assert!(!window.state().session().is_unsaved());
    assert!(std::fs::read_to_string(path).expect("it was saved").contains("7/s"));
}

#[test]
fn a_problem_leads_to_its_place() {
    let mut window = empty();
    search(&mut window, Key::K, "add consumer");
    act(&mut window, Action::Escape);
    act(&mut window, Action::ShowProblems);
    let problem =
        window.state().session().problems().first().cloned().expect("a consumer that gets nothing is a problem");
    window.get_by_label_contains(&format!("{}: ", problem.severity)).click();
    window.run();
    assert_eq!(window.state().view().selection.nodes.len(), 1);
}

#[test]
fn the_theme_changes_by_key() {
    let mut window = empty();
    assert!(window.query_by_role_and_label(egui::accesskit::Role::Button, "Light theme").is_some());
    press(&mut window, Modifiers { shift: true, ..Modifiers::COMMAND }, Key::T);
    assert!(window.query_by_role_and_label(egui::accesskit::Role::Button, "Dark theme").is_some());
}

#[test]
fn unsaved_work_is_never_lost_without_a_question() {
    let mut window = empty();
    search(&mut window, Key::K, "add bus");
    press(&mut window, Modifiers::COMMAND, Key::N);
    window.get_by_label("Cancel").click();
    window.run();
    assert_eq!(flow(&window).nodes().len(), 1);
    press(&mut window, Modifiers::COMMAND, Key::N);
    window.get_by_label("Don't save").click();
    window.run();
    assert_eq!(flow(&window).nodes().len(), 0);
    assert!(!window.state().session().is_unsaved());
}

#[test]
fn a_file_that_holds_no_flow_is_shown_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.ron");
    std::fs::write(&path, "Flow(format: 1, nodes: {").expect("a file");
    let mut window = example("hello");
    let before = flow(&window).clone();
    window.state().ask(Ask::OpenFile(path.clone()));
    window.run();
    assert!(window.query_by_label_contains("holds no flow that can be read").is_some());
    assert_eq!(*flow(&window), before);
    assert_eq!(window.state().session().path(), None);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label_contains("holds no flow").is_none());
    assert_eq!(std::fs::read_to_string(path).expect("it is there"), "Flow(format: 1, nodes: {");
}

#[test]
fn a_file_changed_by_another_program_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shared.ron");
    let mut window = example("hello");
    window.state().ask(Ask::SaveTo(path.clone()));
    window.run();
    let theirs = std::fs::read_to_string(&path).expect("saved") + "\n// theirs\n";
    std::fs::write(&path, &theirs).expect("a file");
    search(&mut window, Key::K, "add note");
    press(&mut window, Modifiers::COMMAND, Key::S);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), theirs);
    window.get_by_label("Keep mine").click();
    window.run();
    assert_ne!(std::fs::read_to_string(&path).expect("it is there"), theirs);
    assert!(!window.state().session().is_unsaved());
}

#[test]
fn nodes_are_copied_and_pasted_between_flows() {
    let mut window = example("publish-subscribe");
    let nodes = flow(&window).nodes().len();
    act(&mut window, Action::SelectAll);
    act(&mut window, Action::Duplicate);
    assert_eq!(flow(&window).nodes().len(), nodes * 2);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(flow(&window).nodes().len(), nodes);
    act(&mut window, Action::SelectAll);
    let text = window.state().session().copy(&flow(&window).nodes().keys().cloned().collect::<Vec<_>>());
    let mut other = empty();
    other.event(Event::Paste(text));
    other.run();
    assert_eq!(flow(&other).nodes().len(), nodes);
    assert_eq!(flow(&other).links().len(), flow(&window).links().len());
}

#[test]
fn an_example_opens_from_the_empty_canvas_and_from_the_gallery() {
    let mut window = empty();
    window.get_by_label("Example Hello").click();
    window.run();
    assert_eq!(flow(&window).name(), "Hello");
    press(&mut window, Modifiers::COMMAND, Key::E);
    window.get_by_label("Example Competing consumers").click();
    window.run();
    assert_eq!(flow(&window).name(), "Competing consumers");
}

#[test]
fn every_part_of_the_window_is_reached_by_f6() {
    let mut window = empty();
    let mut seen = Vec::new();
    for _ in 0..5 {
        press(&mut window, Modifiers::NONE, Key::F6);
        for part in ["Top bar", "Library panel", "Canvas panel", "Inspector panel", "Lower panel area"] {
            if window.get_by_label(part).accesskit_node().is_focused() {
                seen.push(part);
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["Canvas panel", "Inspector panel", "Library panel", "Lower panel area", "Top bar"]);
}
