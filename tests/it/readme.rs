//! README's lists come from the things themselves: the flows that ship, the actions of the window.
//!
//! `UPDATE_EXPECT=1` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use eventloom::model::{Figure, Function, Preset, Subscription, Topic};

/// README's text between two marks is this; under `UPDATE_EXPECT=1` it becomes this.
#[track_caller]
pub(super) fn check_block(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("README.md");
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (before, rest) = readme.split_once(&begin).expect("the mark of the beginning");
    let (found, after) = rest.split_once(&end).expect("the mark of the end");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).expect("a writable README.md");
    } else {
        assert_eq!(found, expected, "README.md is behind; run the tests with UPDATE_EXPECT=1");
    }
}

#[test]
fn readme_lists_the_flows_that_ship() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let mut names: Vec<_> = fs::read_dir(folder).expect("flows/").flatten().map(|entry| entry.path()).collect();
    names.sort();
    let mut block = String::from("| flow | what it teaches |\n|---|---|\n");
    for path in names.iter().filter(|path| path.extension().is_some_and(|e| e == "ron")) {
        let flow = eventloom::file::read(&fs::read_to_string(path).expect("a readable flow")).expect("a sound flow");
        let file = path.file_name().expect("a name").to_string_lossy();
        writeln!(block, "| [{}](flows/{file}) | {} |", flow.name(), flow.note()).expect("text");
    }
    check_block("flows", &block);
}

#[test]
fn readme_lists_what_can_be_said_in_an_expression() {
    use eventloom::expr::{ATTRIBUTE_HELP, FUNCTIONS, FunctionGroup};

    // A bar within a cell ends it.
    let cell = |text: &str| text.replace('|', "\\|");
    let mut block = String::from("| | what it is | for example |\n|---|---|---|\n");
    for attribute in &ATTRIBUTE_HELP {
        writeln!(block, "| `event.{}` | {} | |", attribute.name, attribute.about).expect("text");
    }
    for group in FunctionGroup::ALL {
        for function in FUNCTIONS.iter().filter(|function| function.group == group) {
            let (example, says) = (cell(function.example), cell(function.says));
            writeln!(block, "| `{}` | {} | `{example}` is `{says}` |", function.form, function.about).expect("text");
        }
    }
    check_block("expressions", &block);
}

#[test]
fn readme_lists_the_presets() {
    fn rows<T>(block: &mut String, of: &str, presets: &[Preset<T>]) {
        for preset in presets {
            let set =
                |figure: &Figure| (figure.value != "unset").then(|| format!("`{}` {}", figure.setting, figure.value));
            let settings: Vec<String> = preset.figures.iter().filter_map(set).collect();
            writeln!(block, "| {} | {of} | {} |", preset.label, settings.join(", ")).expect("text");
        }
    }

    let mut block = String::from("| preset | of a | what it sets |\n|---|---|---|\n");
    rows(&mut block, "topic", Preset::<Topic>::TOPICS);
    rows(&mut block, "subscription", Preset::<Subscription>::SUBSCRIPTIONS);
    rows(&mut block, "function", Preset::<Function>::FUNCTIONS);
    check_block("presets", &block);
}

#[cfg(feature = "gui")]
#[test]
fn readme_lists_what_can_be_done_in_the_window() {
    use eventloom::gui::ActionGroup;

    let mut block = String::from("| action | key | what it does |\n|---|---|---|\n");
    for group in ActionGroup::ALL {
        for action in group.actions() {
            let key = action.shortcut_text().map(|key| format!("`{key}`")).unwrap_or_default();
            let (label, tip) = (action.label(), action.tip());
            writeln!(block, "| {}: {label} | {key} | {tip} |", group.label()).expect("text");
        }
    }
    check_block("actions", &block);
}
