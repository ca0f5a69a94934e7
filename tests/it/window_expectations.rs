//! Expectations in the window: added, held against a run, seen broken, led to what broke them, taken back.

use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use eventloom::model::{Counted, Expectation};
use eventloom::plan::Severity;
use eventloom::session::{RunState, Standing};

use crate::support::window::Window;

fn says(window: &Window, words: &str) -> bool {
    window.harness.query_all_by_label_contains(words).count() > 0
}

#[test]
fn an_expectation_is_added_seen_broken_and_taken_back() {
    let mut window = Window::example("hello");
    let drawn = window.flow().clone();
    window.click_below("Add expectation");
    window.click_last("Count");
    let names: Vec<&str> = window.flow().expectations().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["Chime has work", "every ring is heard", "the chime answers soon"]);
    // Its settings are unfolded at once.
    window.retype_last("Name", "a quiet house");
    window.retype("At least", "0");
    window.retype("At most", "2");
    window.pick("Counts", "Received");
    let (name, expectation) = window.flow().expectations().first_key_value().expect("three of them");
    assert_eq!(name.as_str(), "a quiet house");
    let Expectation::Count { at, of: Counted::Received, at_least: 0, at_most: Some(2), .. } = expectation else {
        panic!("{expectation:?}");
    };
    assert_eq!(at.as_str(), "chime");
    assert!(!says(&window, "Expectations 0/3"), "nothing is judged before there is a run");

    window.press_running(Modifiers::NONE, Key::F5);
    window.pass(Duration::from_millis(200));
    assert!(says(&window, "0 received so far, of at most 2"));
    window.pass(Duration::from_secs(20));
    let live = window.session().live();
    let standing: Vec<Standing> = live.verdicts.iter().map(|verdict| verdict.standing).collect();
    assert_eq!(standing, [Standing::Broken, Standing::Kept, Standing::Kept], "{:?}", live.verdicts);
    assert!(says(&window, "Expectations 2/3") && says(&window, "holds so far"));
    window.press_running(Modifiers::SHIFT, Key::F5);
    window.pass(Duration::from_millis(100));
    assert_eq!(window.run_state(), RunState::Ended);
    window.run();
    assert!(says(&window, "kept: "));

    // To the event that broke it, and to where.
    let broken = window
        .harness
        .get_by(|node| node.role() == Role::Link && node.label().is_some_and(|label| label.starts_with("broken at ")));
    broken.click();
    window.wait_for("What became of it");
    assert!(says(&window, "doorbell/2"), "the third ring");
    window.press(Modifiers::NONE, Key::Escape);
    window.click("at Chime");
    assert_eq!(window.harness.state().view().selection.single_node().map(|id| id.as_str()), Some("chime"));
    // Back to it from the status bar, which opens the first one that is broken.
    window.click("Expectations 2/3");
    assert!(window.harness.state().view().selection.is_empty());
    assert!(says(&window, "a quiet house"));

    while window.session().undo_label().is_some() {
        window.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(*window.flow(), drawn);
    window.click("Remove expectation every ring is heard");
    assert_eq!(window.flow().expectations().len(), 1);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(*window.flow(), drawn);
}

#[test]
fn an_expectation_of_each_kind_can_be_begun_with_and_says_what_is_wrong_with_it() {
    let mut window = Window::example("order-fulfilment");
    let before = window.flow().expectations().len();
    let kinds = ["Nothing lost", "In order by key", "Effect at most once", "Latency", "Followed by", "Lag", "Count"];
    for (at, kind) in kinds.into_iter().enumerate() {
        window.click_below("Add expectation");
        window.click_last(kind);
        assert_eq!(window.flow().expectations().len(), before + at + 1, "{kind}");
    }
    let errors = window.session().problems().iter().filter(|problem| problem.severity == Severity::Error).count();
    assert_eq!(errors, 0, "{:?}", window.session().problems());
    // The last one is unfolded: a contradiction stands below its field.
    window.retype("At least", "3");
    window.retype("At most", "2");
    assert!(says(&window, "cannot be met: at least 3 and at most 2"));
    // Another kind in its place keeps the name.
    let name = window.flow().expectations().keys().find(|name| name.as_str().ends_with("has work")).cloned();
    let name = name.expect("the count");
    window.pick("Expects", "Lag");
    assert!(matches!(window.flow().expectation(&name), Some(Expectation::Lag { .. })));
}
