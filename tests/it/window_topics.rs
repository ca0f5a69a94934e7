//! Topics in the window: what is read again by hand, and the settings of known products.

use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{AccessKitNode, By, NodeT as _, Queryable as _};
use eventloom::model::{Guarantee, LinkId, NodeKind, Order, Retention, SimDuration, StartAt, Subscription, Topic};
use eventloom::run::journal::Injected;
use eventloom::session::RunState;

use crate::support::window::{Window, node_id};

fn handled(window: &Window, node: &str) -> u64 {
    window.session().live().node(&node_id(node)).map_or(0, |node| node.handled)
}

fn sought(window: &Window) -> Vec<(String, StartAt)> {
    let journal = window.session().journal().expect("a run");
    let seek = |what: &Injected| match what {
        Injected::Seek { link, to } => Some((link.to_string(), *to)),
        _ => None,
    };
    journal.entries.iter().filter_map(|entry| seek(&entry.what)).collect()
}

#[test]
fn a_subscription_reads_again_by_menu_by_palette_and_from_its_page() {
    let mut window = Window::example("replay");
    window.touch("Plant to Watch");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(20));
    let (watched, rung) = (handled(&window, "watch"), handled(&window, "pager"));
    assert!(watched > 60 && rung > 5, "{watched} readings, {rung} alarms");

    // The menu of the link: one press.
    window.harness.get_by_label("Plant to Watch").click_secondary();
    window.harness.run_steps(4);
    for words in ["Replay", "From the start"] {
        window.click_last_running(words);
    }
    window.pass(Duration::from_secs(5));
    assert_eq!(sought(&window), [("plant->watch".to_owned(), StartAt::Start)]);
    let again = handled(&window, "watch") - watched;
    assert!(again >= watched, "{again} more after all {watched} were read again");
    assert!(handled(&window, "pager") < rung + rung / 2 + 2, "nobody is woken by the past");
    let says = |window: &Window, words: &str| window.harness.query_all_by_label_contains(words).count() > 0;
    window.retype_running("Filter the log", "a replay of");
    window.pass(Duration::from_millis(100));
    assert!(says(&window, "a replay of temperature.measured"));

    // The dialog: a time that is none is said, and nothing is sent; then an offset.
    window.search_running("replay…");
    window.click_radio("From a time");
    window.retype_running("Time", "soon");
    assert!(says(&window, "is not a duration"));
    window.click_radio("From an offset");
    window.retype_running("Offset", "40");
    window.click_last_running("Replay");
    window.pass(Duration::from_millis(200));
    assert_eq!(sought(&window)[1..], [("plant->watch".to_owned(), StartAt::Offset(40))]);

    // The page of the link has the same.
    window.click_last_running("Replay…");
    window.click_radio("Skip to the end");
    window.click_last_running("Replay");
    window.pass(Duration::from_millis(200));
    assert_eq!(sought(&window).last().map(|(_, to)| *to), Some(StartAt::End));
    assert_eq!(window.run_state(), RunState::Running);
}

#[test]
fn a_replayed_event_says_so_on_its_card() {
    let mut window = Window::example("replay");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(3));
    window.touch_running("Plant to Watch");
    window.search_running("replay…");
    window.click_last_running("Replay");
    window.pass(Duration::from_secs(1));
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_millis(100));
    window.run();
    window.retype("Filter the log", "a replay of");
    let is_line = |node: &AccessKitNode<'_>| node.label().is_some_and(|label| label.starts_with("00:"));
    let lines: Vec<_> = window.harness.query_all(By::new().predicate(is_line)).map(|line| line.rect()).collect();
    window.click_at(lines[lines.len() / 2].center());
    window.wait_for("replayed");
}

#[test]
fn a_replay_that_would_bring_nothing_is_told_so_and_can_be_called_off_by_key() {
    let mut window = Window::example("retention");
    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_secs(3));
    // The work queue and the messages have limits too, but let go of what was acknowledged.
    for (link, brings_nothing) in [("Logs to Printer", true), ("Logs to Phone", true), ("Logs to Chart", false)] {
        window.touch_running(link);
        window.search_running("replay…");
        let warned = window.harness.query_all_by_label_contains("there is nothing to replay").count() > 0;
        assert_eq!(warned, brings_nothing, "{link}");
        window.harness.get_by_label("Cancel").focus();
        window.harness.run_steps(3);
        window.press_running(Modifiers::NONE, Key::Enter);
        assert!(window.harness.query_by_label("Cancel").is_none(), "{link}");
    }
    assert_eq!(sought(&window), []);
}

fn subscription(window: &Window) -> Subscription {
    let link = LinkId::new("house->chime").expect("an id");
    window.flow().link(&link).and_then(|link| link.subscription()).expect("a subscription").clone()
}

fn topic(window: &Window) -> Topic {
    match window.flow().node(&node_id("house")).map(|node| &node.kind) {
        Some(NodeKind::Bus(bus)) => bus.topics.values().next().expect("a topic").clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_preset_is_one_step_and_every_setting_stays_to_be_changed() {
    let mut window = Window::example("hello");
    let drawn = window.flow().clone();
    window.touch("House to Chime");
    window.click("Make this subscription like…");
    // Beside the menu stands what it would set, and which page says so.
    let entry = window.button("SQS FIFO queue");
    window.harness.hover_at(entry.center());
    window.harness.run_steps(60);
    assert!(window.painted().contains("1  Amazon SQS Developer Guide, "));
    window.click("SQS FIFO queue");
    let taken = subscription(&window);
    assert_eq!(
        (taken.order, taken.ack_wait, taken.guarantee),
        (Order::Strict, Subscription::ACK_WAIT, Guarantee::AtLeastOnce)
    );
    assert_eq!(
        taken.group,
        drawn.links().values().find_map(|link| link.subscription()).expect("one").group,
        "not of a queue"
    );
    window.retype("Ack wait", "1m");
    assert_eq!(subscription(&window).ack_wait, SimDuration::from_secs(60));
    for _ in 0..2 {
        window.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(*window.flow(), drawn);

    window.touch("House");
    window.click("Make bell.rung like…");
    window.click("JetStream work queue");
    assert_eq!(topic(&window).retention, Retention::WorkQueue);
    // What it has set is there to be seen.
    window.harness.get_by_role_and_label(Role::CheckBox, "Drops duplicates");
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(*window.flow(), drawn);
}

#[test]
fn what_is_wrong_with_a_topic_stands_beside_its_field() {
    let mut window = Window::example("latest-prices");
    window.touch("Prices");
    window.pick("Goes", "With the first ack");
    let says = |window: &Window, words: &str| window.harness.query_all_by_label_contains(words).count();
    // Once on the page's head, once below the field.
    assert_eq!(says(&window, "keeps the last record of each key, but lets it go"), 2);
}

#[test]
fn a_bus_says_how_much_of_what_it_was_told_it_had_stored_already() {
    let mut window = Window::example("deduplicated-orders");
    window.press_running(Modifiers::NONE, Key::F5);
    window.touch_running("Orders");
    window.pass(Duration::from_secs(20));
    window.pass(Duration::from_millis(100));
    // A third of three a second.
    let count = |text: String| text.strip_prefix("Duplicates ").and_then(|count| count.parse::<u32>().ok());
    let is_count = |node: &AccessKitNode<'_>| node.value().and_then(count).is_some();
    let mut found = window.harness.query_all(By::new().predicate(is_count));
    let found = found.next().and_then(|node| node.accesskit_node().value()).and_then(count);
    assert!(found.is_some_and(|found| (10..35).contains(&found)), "{found:?}");
}
