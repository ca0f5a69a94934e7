//! The window, by the names that a screen reader would say: built, changed, asked and left by mouse and by keys.

use std::time::Duration;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, vec2};
use egui_kittest::kittest::{AccessKitNode, By, NodeT as _, Queryable as _};
use eventloom::gui::App;
use eventloom::model::{
    Commit, Flow, KindTag, LinkKind, NodeKind, Operator, Pacing, Point, Rate, SimDuration, StoreKeeps, WindowShape,
};
use eventloom::run::journal::Injected;
use eventloom::session::{KeptLive, KeptRows, RunState, Session};

use crate::support::window::{Window, node_id};

fn rate(window: &Window, id: &str) -> Rate {
    match window.flow().node(&node_id(id)).map(|node| &node.kind) {
        Some(NodeKind::Producer(producer)) => match producer.rate {
            Pacing::Constant(rate) | Pacing::Poisson(rate) => rate,
            _ => panic!("{id} has no rate"),
        },
        _ => panic!("{id} is no producer"),
    }
}

#[test]
fn five_nodes_are_drawn_run_saved_and_reopened_by_keys_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = Window::beside(folder.path());
    window.search(Key::K, "add producer");
    // What is added next is connected to what is selected, which is what was added last.
    for kind in ["bus", "service", "dead-letter queue"] {
        window.search(Key::I, kind);
    }
    window.search(Key::K, "bus");
    window.search(Key::I, "consumer");
    assert_eq!(window.flow().nodes().len(), 5);
    assert_eq!(window.flow().links().len(), 3, "{:?}", window.flow().links().keys());
    assert_eq!(window.flow().dead_letter_links().len(), 1);
    // Connecting by keys: the service publishes what it emits.
    window.search(Key::K, "service");
    window.search(Key::L, "bus");
    assert_eq!(window.flow().links().len(), 4);

    window.press_running(Modifiers::NONE, Key::F5);
    assert_eq!(window.run_state(), RunState::Running, "{:?}", window.harness.state().toasts());
    window.pass(Duration::from_secs(5));
    assert!(window.session().live().counts.events > 0, "five seconds of a producer at one a second");
    window.press_running(Modifiers::SHIFT, Key::F5);
    window.pass(Duration::from_millis(100));
    assert_eq!(window.run_state(), RunState::Ended);

    window.save_as("five.ron");
    assert!(folder.path().join("five.ron").exists(), "{:?}", window.harness.state().toasts());
    assert!(!window.session().is_unsaved());
    let drawn = window.flow().clone();
    window.press(Modifiers::COMMAND, Key::N);
    assert_eq!(window.flow().nodes().len(), 0);
    // The dialog lists the empty flow first, then this one.
    window.press(Modifiers::COMMAND, Key::O);
    window.wait_for("five.ron");
    for key in [Key::ArrowDown, Key::ArrowDown, Key::Enter] {
        window.press(Modifiers::NONE, key);
    }
    assert_eq!(*window.flow(), drawn);
}

#[test]
fn five_nodes_are_drawn_run_saved_and_reopened_by_mouse_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut window = Window::beside(folder.path());
    window.drop_file(&folder.path().join("empty.ron"));
    window.menu("File", "New flow");
    for (kind, off) in [
        (KindTag::Producer, vec2(-260.0, -60.0)),
        (KindTag::Bus, vec2(0.0, -60.0)),
        (KindTag::Consumer, vec2(260.0, -140.0)),
        (KindTag::Service, vec2(260.0, 0.0)),
        (KindTag::DeadLetterQueue, vec2(260.0, 140.0)),
    ] {
        window.place(kind, off);
    }
    assert_eq!(window.flow().nodes().len(), 5);
    let bus = window.drawn("Bus");
    window.drag(window.drawn("Producer").right_center(), bus.left_center());
    window.drag(bus.right_center(), window.drawn("Consumer").center());
    window.drag(bus.right_center(), window.drawn("Service").center());
    window.drag(window.drawn("Service").center_bottom(), window.drawn("Dead letters").center());
    assert_eq!(window.flow().links().len(), 3, "{:?}", window.flow().links().keys());
    assert_eq!(window.flow().dead_letter_links().len(), 1);

    window.click_running("Run");
    assert_eq!(window.run_state(), RunState::Running);
    window.pass(Duration::from_secs(5));
    assert!(window.session().live().counts.events > 0);
    window.click_running("Stop");
    window.pass(Duration::from_millis(100));
    assert_eq!(window.run_state(), RunState::Ended);

    window.menu("File", "Save");
    window.wait_for("File name");
    window.click_last("Save");
    assert!(folder.path().join("flow.ron").exists(), "{:?}", window.harness.state().toasts());
    let drawn = window.flow().clone();
    window.menu("File", "New flow");
    assert_eq!(window.flow().nodes().len(), 0);
    window.menu("File", "Open");
    window.wait_for("flow.ron");
    window.click_containing("flow.ron");
    window.click_last("Open");
    assert_eq!(*window.flow(), drawn);
}

#[test]
fn the_first_node_of_a_flow_lands_under_the_pointer_that_lets_it_go() {
    let mut window = Window::empty();
    window.place(KindTag::Producer, vec2(0.0, 0.0));
    assert_eq!(window.flow().nodes().len(), 1);
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(window.flow().nodes().is_empty());
    window.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::Z);
    assert_eq!(window.flow().nodes().len(), 1);
}

#[test]
fn everything_that_can_be_done_is_listed_whatever_was_searched_before() {
    let mut window = Window::example("hello");
    let listed = |window: &Window| {
        let rows = window
            .harness
            .query_all(By::new().predicate(|node| node.role() == Role::Button && node.toggled().is_some()));
        rows.count()
    };
    window.press(Modifiers::COMMAND, Key::K);
    window.harness.run_steps(3);
    let all = listed(&window);
    assert!(all >= 12, "{all} rows");
    window.types("add producer");
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::COMMAND, Key::K);
    window.harness.run_steps(3);
    assert_eq!(listed(&window), all);
}

#[test]
fn a_flow_is_saved_where_no_dialog_service_answers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut session = Session::new(Flow::new(""));
    session.save_as(&folder.path().join("empty.ron")).expect("it can be saved");
    let mut window = Window::with(session, App::new_for_test_without_dialogs);
    window.search(Key::K, "add producer");
    window.save_as("found.ron");
    let text = std::fs::read_to_string(folder.path().join("found.ron")).expect("it is there");
    assert!(text.contains("producer"), "{text}");
    assert!(!window.session().is_unsaved());
}

#[test]
fn the_card_of_a_replayed_event_shows_what_was_recorded() {
    let mut window = Window::example("earthquake-alerts");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(2));
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_millis(100));
    assert_eq!(window.run_state(), RunState::Paused);
    window.run();
    let line = |node: &AccessKitNode<'_>| {
        node.label().is_some_and(|label| label.starts_with("00:") && label.contains("emitted"))
    };
    // The first of them may be scrolled out of view.
    let lines: Vec<_> = window.harness.query_all(By::new().predicate(line)).map(|line| line.rect()).collect();
    window.click_at(lines[lines.len() / 2].center());
    window.wait_for("specversion");
    let says = |words: &str| window.harness.query_all_by_label_contains(words).count() > 0;
    let recorded = include_str!("../../flows/data/earthquakes.jsonl").lines();
    let shown = recorded
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .find(|event| ["id", "source", "time"].iter().all(|name| event[*name].as_str().is_some_and(says)));
    assert!(shown.is_some(), "no recorded event has the id, source and time that the card shows");
    // What came of it stands before what every event has.
    let top = |words: &str| window.harness.get_by_label(words).rect().top();
    assert!(top("Data") < top("What became of it") && top("What became of it") < top("Attributes"));
}

#[test]
fn the_log_stands_still_while_the_pointer_is_on_it() {
    let mut window = Window::example("hello");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(20));
    let lines = |window: &Window| {
        let is_line = |node: &AccessKitNode<'_>| node.label().is_some_and(|label| label.starts_with("00:"));
        let lines = window.harness.query_all(By::new().predicate(is_line));
        lines.map(|line| (line.accesskit_node().label().unwrap_or_default(), line.rect())).collect::<Vec<_>>()
    };
    let shown = lines(&window);
    window.harness.hover_at(shown[shown.len() / 2].1.center());
    window.pass(Duration::from_secs(1));
    let held = lines(&window);
    window.pass(Duration::from_secs(20));
    assert_eq!(lines(&window), held);
    window.harness.hover_at(window.canvas().center());
    window.pass(Duration::from_secs(1));
    assert_ne!(lines(&window), held, "it has gone on");
}

#[test]
fn an_example_moves_while_somebody_points_at_it_unless_motion_is_reduced() {
    let mut window = Window::empty();
    let moves = |window: &mut Window| {
        window.harness.run_steps(5);
        let before = window.painted();
        window.harness.run_steps(12);
        before != window.painted()
    };
    let hello = window.harness.get_by_label("Example Hello").rect().center();
    window.harness.hover_at(hello);
    assert!(!moves(&mut window), "motion is reduced in tests");
    let elsewhere = window.canvas().left_top() + vec2(8.0, 8.0);
    window.harness.hover_at(elsewhere);
    window.search(Key::K, "reduced motion");
    window.harness.hover_at(hello);
    assert!(moves(&mut window), "dots travel");
    window.harness.hover_at(elsewhere);
    window.harness.run_steps(30);
    assert!(!moves(&mut window), "nobody points at it");
}

#[test]
fn a_node_goes_into_a_link_by_mouse_and_by_keys() {
    let mut window = Window::example("hello");
    let drawn = window.flow().clone();
    let on_link = window.drawn("House to Chime").center() - window.canvas().center();
    window.place(KindTag::Service, on_link);
    let flow = window.flow();
    assert!(!flow.links().keys().any(|id| id.as_str() == "house->chime"), "{:?}", flow.links().keys());
    let service = node_id("service");
    assert!(flow.links_to(&service).next().is_some() && flow.links_from(&service).next().is_some());
    assert!(flow.links_to(&node_id("chime")).any(|(_, link)| matches!(link.kind, LinkKind::Subscribe(_))));
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(*window.flow(), drawn, "one step takes all of it back");

    // With the link selected, two actions: the search, and its first answer.
    window.select("House to Chime");
    window.search(Key::I, "function");
    assert!(window.flow().links_to(&node_id("function")).next().is_some());
    window.press(Modifiers::COMMAND, Key::Z);

    // What cannot be in between is placed all the same, and touches nothing.
    let on_link = window.drawn("House to Chime").center() - window.canvas().center();
    window.place(KindTag::Consumer, on_link);
    assert_eq!(window.flow().nodes().len(), drawn.nodes().len() + 1);
    assert_eq!(window.flow().links(), drawn.links());
}

#[test]
fn a_note_is_resized_by_its_corner_in_one_step() {
    let mut window = Window::empty();
    window.place(KindTag::Note, vec2(0.0, -80.0));
    let before = window.flow().clone();
    let paper = window.drawn("Note");
    window.drag(paper.right_bottom() - vec2(5.0, 5.0), paper.right_bottom() + vec2(59.0, 27.0));
    let size = |window: &Window| match window.flow().node(&node_id("note")).map(|node| (&node.kind, node.at)) {
        Some((NodeKind::Note(note), at)) => (note.size, at),
        other => panic!("{other:?}"),
    };
    let (now, at) = size(&window);
    assert_eq!(now, Point(264, 128));
    assert_eq!(window.drawn("Note").left_top(), paper.left_top(), "its upper left corner stays: {at:?}");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(*window.flow(), before);
}

#[test]
fn a_fault_can_be_about_several_links_and_hold_up_by_chance() {
    let mut window = Window::example("hello");
    window.click("Add fault");
    let fault = |window: &Window| window.flow().faults().values().next().expect("one fault").clone();
    window.pick("On", "Several links");
    assert_eq!(fault(&window).on.links().len(), 1, "those of the node that it was about: {:?}", fault(&window).on);
    window.harness.get_by_label("Doorbell → House").click();
    window.run();
    assert_eq!(fault(&window).on.links().len(), 2);
    window.pick("Kind", "Delay");
    window.pick("By", "Log-normal");
    window.retype("p99", "3s");
    assert!(format!("{:?}", fault(&window).kind).contains("LogNormal"), "{:?}", fault(&window).kind);
}

/// The clock's tenth of a second, less the frame that it takes to show it.
const CLOCK_TICK: Duration = Duration::from_millis(80);

/// How soon the window wants its next frame, with nobody touching it.
fn next_frame(window: &mut Window) -> Duration {
    window.harness.run_steps(3);
    window.harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay
}

#[test]
fn an_idle_window_is_idle() {
    // Nothing runs: no frame is asked for at all, with an empty flow and its examples, and with a drawn one.
    for mut window in [Window::empty(), Window::example("order-fulfilment")] {
        assert_eq!(next_frame(&mut window), Duration::MAX);
        window.harness.hover_at(window.canvas().center());
        window.run();
        assert!(next_frame(&mut window) > Duration::from_secs(1));
    }
    // A run in which nothing happens shows its clock, ten times a second, and no more.
    let mut window = Window::empty();
    window.place(KindTag::Producer, vec2(-200.0, -60.0));
    window.pick("Emits", "By hand");
    window.click_running("Run");
    window.pass(Duration::from_secs(2));
    assert_eq!(window.run_state(), RunState::Running);
    assert!(next_frame(&mut window) > CLOCK_TICK, "{:?}", window.harness.ctx.repaint_causes());
    // What was fired is seen to its end; then it is as before.
    window.harness.get_by_label("Fire Producer").click();
    window.pass(Duration::from_millis(100));
    window.pass(Duration::from_secs(2));
    assert!(next_frame(&mut window) > CLOCK_TICK, "{:?}", window.harness.ctx.repaint_causes());
    // A paused run stands still, whatever is on the wire.
    let mut window = Window::example("order-fulfilment");
    window.click_running("Run");
    window.pass(Duration::from_secs(3));
    window.click_running("Pause");
    window.pass(Duration::from_millis(100));
    assert_eq!(window.run_state(), RunState::Paused);
    assert!(!window.session().live().dots.is_empty(), "something is on its way");
    assert_eq!(next_frame(&mut window), Duration::MAX);
}

#[test]
fn what_cannot_be_read_stays_in_its_field_with_the_reason_and_changes_nothing() {
    let mut window = Window::example("hello");
    window.select("Doorbell");
    let id = "doorbell";
    let before = window.session().revision();
    window.retype("Rate", "often");
    assert_eq!(window.session().revision(), before);
    assert!(window.harness.query_by_label_contains("is not a rate").is_some());
    window.retype("Rate", "25/s");
    assert_eq!(rate(&window, id), "25/s".parse::<Rate>().expect("a rate"));
    assert!(window.harness.query_by_label_contains("is not a rate").is_none());
    assert_eq!(window.session().revision(), before + 1, "one commit is one edit");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_ne!(rate(&window, id), "25/s".parse::<Rate>().expect("a rate"));
    window.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::Z);
    assert_eq!(rate(&window, id), "25/s".parse::<Rate>().expect("a rate"));
}

#[test]
fn a_fault_is_added_changed_and_taken_back_in_the_flows_own_settings() {
    let mut window = Window::example("hello");
    window.harness.get_by_label("Add fault").click();
    window.run();
    let only = |window: &Window| {
        let mut faults = window.flow().faults().iter();
        (faults.next().map(|(name, fault)| (name.to_string(), fault.clone())), faults.count())
    };
    let (Some((name, fault)), 0) = only(&window) else { panic!("one fault") };
    assert!(name.ends_with("dies") && fault.lasts.is_some(), "{name} {fault:?}");
    window.retype("At", "3s");
    assert_eq!(only(&window).0.expect("it is there").1.at, SimDuration::from_secs(3));
    window.retype("For", "0s");
    assert!(
        window.harness.query_all_by_label_contains("is over the moment it begins").count() > 0,
        "its problem stands beside it"
    );
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(only(&window).0.expect("it is there").1.lasts, fault.lasts);
    window.harness.get_by_label(&format!("Remove fault {name}")).click();
    window.run();
    assert!(window.flow().faults().is_empty());
}

#[test]
fn a_stream_processor_is_set_and_shows_how_far_it_has_come() {
    let mut window = Window::example("windowed-clicks");
    window.select("Counter");
    let stream = |window: &Window| match &window.flow().node(&node_id("counter")).expect("it is drawn").kind {
        NodeKind::Stream(stream) => stream.clone(),
        other => panic!("{other:?}"),
    };
    let drawn = stream(&window);
    window.retype("Size", "0s");
    assert!(window.harness.query_all_by_label_contains("windows of no length").count() > 0, "beside its field");
    window.press(Modifiers::COMMAND, Key::Z);
    window.retype("Out of order", "3s");
    assert_eq!(stream(&window).watermark.behind, SimDuration::from_secs(3));
    window.press(Modifiers::COMMAND, Key::Z);
    window.pick("Operator", "Session windows");
    let Operator::Window(sessions) = stream(&window).operator else { panic!("a window") };
    assert_eq!(sessions.shape, WindowShape::Session { gap: SimDuration::from_secs(10) });
    assert_eq!(sessions.aggregates.len(), 2, "what still means something stays");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(stream(&window), drawn);

    window.click_running("Run");
    window.pass(Duration::from_secs(30));
    let live = window.session().live().node(&node_id("counter")).and_then(|node| node.stream).expect("it runs");
    assert!(live.watermark_nanos > Some(20_000_000_000) && live.open > 0, "{live:?}");
    assert!(window.harness.query_all_by_label_contains("Watermark").count() > 0);
}

#[test]
fn a_store_is_set_shows_its_state_and_is_rebuilt() {
    let mut window = Window::example("event-sourcing");
    window.select("Journal");
    let store = |window: &Window, id: &str| match &window.flow().node(&node_id(id)).expect("it is drawn").kind {
        NodeKind::Store(store) => store.clone(),
        other => panic!("{other:?}"),
    };
    let drawn = store(&window, "journal");
    window.retype("Snapshot every", "25");
    assert_eq!(store(&window, "journal").snapshot_every, Some(25));
    window.press(Modifiers::COMMAND, Key::Z);
    window.pick("Keeps", "A view");
    assert_eq!(store(&window, "journal").keeps, StoreKeeps::View);
    assert!(window.harness.query_all_by_label_contains("needs no snapshots").count() > 0, "beside its field");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(store(&window, "journal"), drawn);

    window.select("Balances");
    window.click_running("Run");
    window.pass(Duration::from_secs(15));
    let live = window.session().live();
    let Some(KeptRows::State(rows)) = live.kept.get(&node_id("balances")).map(AsRef::as_ref) else {
        panic!("its state is shown: {:?}", live.kept)
    };
    assert_eq!(rows.len(), 10, "a row for each account");
    let events: u64 = rows.iter().map(|row| row.version).sum();
    let Some(KeptLive::Store(counts)) = live.node(&node_id("balances")).and_then(|node| node.kept) else { panic!() };
    assert_eq!(counts.events, events);
    assert!(window.harness.query_all_by_label_contains("balance").count() > 0);

    window.click_running("Rebuild view");
    window.pass(Duration::from_secs(1));
    let kinds = window.session().journal().expect("a run").entries;
    assert!(
        matches!(kinds.last().map(|entry| &entry.what), Some(Injected::Rebuild(node)) if *node == node_id("balances"))
    );
}

#[test]
fn an_outbox_and_a_saga_are_settings_of_a_service() {
    let mut window = Window::example("hello");
    window.search(Key::K, "add service");
    let (id, _) = window.flow().nodes().iter().find(|(_, node)| node.kind.tag() == KindTag::Service).expect("added");
    let id = id.clone();
    let service = |window: &Window| match &window.flow().node(&id).expect("it is drawn").kind {
        NodeKind::Service(service) => service.clone(),
        other => panic!("{other:?}"),
    };
    let plain = service(&window);
    window.pick("Keeps", "Outbox");
    assert_eq!(service(&window).commits, Some(Commit::OUTBOX));
    window.retype("Looks every", "1s");
    let Some(Commit::Outbox { every, .. }) = service(&window).commits else { panic!("an outbox") };
    assert_eq!(every, SimDuration::from_secs(1));
    window.pick("Keeps", "Leads a saga");
    assert!(service(&window).commits.is_none() && service(&window).saga.is_some());
    assert!(window.harness.query_all_by_label_contains("saga without steps").count() > 0, "in its problems");
    window.click("Add step");
    assert_eq!(service(&window).saga.expect("a saga").steps.len(), 1);
    for _ in 0..4 {
        window.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(service(&window), plain);
}

#[test]
fn escape_takes_back_what_was_typed() {
    let mut window = Window::example("hello");
    window.select("Doorbell");
    let before = window.session().revision();
    window.harness.get_by_role_and_label(Role::TextInput, "Rate").focus();
    window.run();
    window.types("9");
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::NONE, Key::Tab);
    assert_eq!(window.session().revision(), before);
}

#[test]
fn a_shortcut_while_typing_waits_for_what_was_typed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hello.ron");
    let mut window = Window::example_in("hello", &path);
    window.select("Doorbell");
    window.harness.get_by_role_and_label(Role::TextInput, "Rate").focus();
    window.run();
    window.press(Modifiers::COMMAND, Key::A);
    window.types("7/s");
    window.press(Modifiers::COMMAND, Key::S);
    assert!(!window.session().is_unsaved());
    assert!(std::fs::read_to_string(path).expect("it was saved").contains("7/s"));
}

#[test]
fn a_problem_leads_to_its_place() {
    let mut window = Window::empty();
    window.search(Key::K, "add consumer");
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::M);
    let problem = window.session().problems().first().cloned().expect("a consumer that gets nothing is a problem");
    window.harness.get_by_label_contains(&format!("{}: ", problem.severity)).click();
    window.run();
    assert_eq!(window.harness.state().view().selection.nodes.len(), 1);
}

#[test]
fn the_theme_changes_by_key() {
    let mut window = Window::empty();
    assert!(window.harness.query_by_role_and_label(Role::Button, "Light theme").is_some());
    window.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::T);
    assert!(window.harness.query_by_role_and_label(Role::Button, "Dark theme").is_some());
}

#[test]
fn unsaved_work_is_never_lost_without_a_question() {
    let mut window = Window::empty();
    window.search(Key::K, "add bus");
    window.press(Modifiers::COMMAND, Key::N);
    window.harness.get_by_label("Cancel").click();
    window.run();
    assert_eq!(window.flow().nodes().len(), 1);
    window.press(Modifiers::COMMAND, Key::N);
    window.harness.get_by_label("Don't save").click();
    window.run();
    assert_eq!(window.flow().nodes().len(), 0);
    assert!(!window.session().is_unsaved());
}

#[test]
fn a_file_that_holds_no_flow_is_shown_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.ron");
    std::fs::write(&path, "Flow(format: 1, nodes: {").expect("a file");
    let mut window = Window::example("hello");
    let before = window.flow().clone();
    window.drop_file(&path);
    assert!(window.harness.query_by_label_contains("holds no flow that can be read").is_some());
    assert_eq!(*window.flow(), before);
    assert_eq!(window.session().path(), None);
    window.press(Modifiers::NONE, Key::Escape);
    assert!(window.harness.query_by_label_contains("holds no flow").is_none());
    assert_eq!(std::fs::read_to_string(path).expect("it is there"), "Flow(format: 1, nodes: {");
}

#[test]
fn a_file_changed_by_another_program_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shared.ron");
    let mut window = Window::example_in("hello", &path);
    let theirs = std::fs::read_to_string(&path).expect("saved") + "\n// theirs\n";
    std::fs::write(&path, &theirs).expect("a file");
    window.search(Key::K, "add note");
    window.press(Modifiers::COMMAND, Key::S);
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), theirs);
    window.harness.get_by_label("Keep mine").click();
    window.run();
    assert_ne!(std::fs::read_to_string(&path).expect("it is there"), theirs);
    assert!(!window.session().is_unsaved());
}

#[test]
fn nodes_are_copied_and_pasted_between_flows() {
    let mut window = Window::example("publish-subscribe");
    let nodes = window.flow().nodes().len();
    window.select_all();
    window.press(Modifiers::COMMAND, Key::D);
    assert_eq!(window.flow().nodes().len(), nodes * 2);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(window.flow().nodes().len(), nodes);
    window.select_all();
    let text = window.session().copy(&window.flow().nodes().keys().cloned().collect::<Vec<_>>());
    let mut other = Window::empty();
    other.harness.event(Event::Paste(text));
    other.run();
    assert_eq!(other.flow().nodes().len(), nodes);
    assert_eq!(other.flow().links().len(), window.flow().links().len());
}

#[test]
fn an_example_opens_from_the_empty_canvas_and_from_the_gallery() {
    let mut window = Window::empty();
    window.harness.get_by_label("Example Hello").click();
    window.run();
    assert_eq!(window.flow().name(), "Hello");
    window.press(Modifiers::COMMAND, Key::E);
    window.harness.get_by_label("Example Competing consumers").click();
    window.run();
    assert_eq!(window.flow().name(), "Competing consumers");
}

#[test]
fn every_part_of_the_window_is_reached_by_f6() {
    let mut window = Window::empty();
    let mut seen = Vec::new();
    for _ in 0..5 {
        window.press(Modifiers::NONE, Key::F6);
        for part in ["Top bar", "Library panel", "Canvas panel", "Inspector panel", "Lower panel area"] {
            if window.harness.get_by_label(part).accesskit_node().is_focused() {
                seen.push(part);
            }
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["Canvas panel", "Inspector panel", "Library panel", "Lower panel area", "Top bar"]);
}
