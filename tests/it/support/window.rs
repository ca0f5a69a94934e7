//! The window as a person has it: gestures by the names that a screen reader would say, files through its own dialog.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, Pos2, Rect, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use eventloom::gui::App;
use eventloom::model::{Flow, KindTag, NodeId};
use eventloom::session::{RunState, Session};
use tokio::runtime::Runtime;

/// A window, driven from outside.
pub(crate) struct Window {
    /// The harness that it lives in.
    pub harness: Harness<'static, App>,
    /// Whose time passes when the test says so.
    runtime: Runtime,
}

impl Window {
    /// A window of the usual size onto this session.
    pub(crate) fn of(session: Session) -> Self {
        Self::with(session, App::new_for_test)
    }

    /// One that is made so.
    pub(crate) fn with(mut session: Session, app: fn(Session) -> App) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        session.run_on(runtime.handle().clone());
        let harness =
            Harness::builder().with_size([1280.0, 800.0]).with_max_steps(120).with_step_dt(1.0 / 60.0).build_ui_state(
                |ui, app: &mut App| {
                    app.logic_pass(ui.ctx());
                    app.ui_pass(ui);
                },
                app(session),
            );
        let mut window = Self { harness, runtime };
        window.run();
        window
    }

    /// One onto an empty flow.
    pub(crate) fn empty() -> Self {
        Self::of(Session::new(Flow::new("")))
    }

    /// One onto a flow that ships.
    pub(crate) fn example(name: &str) -> Self {
        let mut session = Session::new(Flow::new(""));
        session.open_example(name).expect("an example");
        Self::of(session)
    }

    /// One onto a flow that ships, saved to this file.
    pub(crate) fn example_in(name: &str, path: &Path) -> Self {
        let mut session = Session::new(Flow::new(""));
        session.open_example(name).expect("an example");
        session.save_as(path).expect("it can be saved");
        Self::of(session)
    }

    /// One onto an empty flow that is saved in this folder, so that dialogs begin there.
    pub(crate) fn beside(folder: &Path) -> Self {
        let mut session = Session::new(Flow::new(""));
        session.save_as(&folder.join("empty.ron")).expect("it can be saved");
        Self::of(session)
    }

    /// Lets frames pass until nothing moves.
    pub(crate) fn run(&mut self) {
        self.harness.run();
    }

    /// Lets time pass, and the window see it.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.runtime.block_on(async move { tokio::time::sleep(time).await });
        self.harness.run_steps(3);
    }

    /// The session behind the window.
    pub(crate) fn session(&self) -> &Session {
        self.harness.state().session()
    }

    /// What is drawn.
    pub(crate) fn flow(&self) -> &Flow {
        self.session().flow()
    }

    /// Whether the run goes on.
    pub(crate) fn run_state(&self) -> RunState {
        self.session().live().state
    }

    /// Everything that the last frame painted, as text.
    pub(crate) fn painted(&self) -> String {
        format!("{:?}", self.harness.output().shapes)
    }

    // ---- keys -----------------------------------------------------------------------------------------------------

    /// Presses a key; the window settles.
    pub(crate) fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.run();
    }

    /// Presses a key while something moves all the time.
    pub(crate) fn press_running(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(3);
    }

    /// Types a text.
    pub(crate) fn types(&mut self, text: &str) {
        self.harness.event(Event::Text(text.to_owned()));
        self.run();
    }

    /// Opens a search by its key, types, and takes the first thing found.
    pub(crate) fn search(&mut self, key: Key, text: &str) {
        self.press(Modifiers::COMMAND, key);
        self.types(text);
        self.press(Modifiers::NONE, Key::Enter);
    }

    /// Finds something by the palette while something moves all the time, and takes the first thing found.
    pub(crate) fn search_running(&mut self, text: &str) {
        self.press_running(Modifiers::COMMAND, Key::K);
        self.harness.event(Event::Text(text.to_owned()));
        self.harness.run_steps(3);
        self.press_running(Modifiers::NONE, Key::Enter);
    }

    /// Puts a text in place of what a field holds while something moves all the time.
    pub(crate) fn retype_running(&mut self, label: &str, text: &str) {
        self.harness.get_by_role_and_label(Role::TextInput, label).focus();
        self.harness.run_steps(3);
        self.press_running(Modifiers::COMMAND, Key::A);
        self.harness.event(Event::Text(text.to_owned()));
        self.harness.run_steps(3);
    }

    /// Puts a text in place of what a field of the inspector holds.
    pub(crate) fn retype(&mut self, label: &str, text: &str) {
        self.harness.get_by_role_and_label(Role::TextInput, label).focus();
        self.run();
        self.press(Modifiers::COMMAND, Key::A);
        self.types(text);
        self.press(Modifiers::NONE, Key::Enter);
    }

    /// The same in the last field of this name: below the flow's own settings stand those of its parts.
    pub(crate) fn retype_last(&mut self, label: &str, text: &str) {
        let fields = self.harness.get_all_by_role_and_label(Role::TextInput, label);
        fields.last().expect("there is one").focus();
        self.run();
        self.press(Modifiers::COMMAND, Key::A);
        self.types(text);
        self.press(Modifiers::NONE, Key::Enter);
    }

    // ---- the pointer ----------------------------------------------------------------------------------------------

    /// Clicks a button.
    pub(crate) fn click(&mut self, label: &str) {
        self.harness.get_by_role_and_label(Role::Button, label).click();
        self.run();
    }

    /// Clicks a button that may have to be scrolled into view.
    pub(crate) fn click_below(&mut self, label: &str) {
        self.harness.get_by_role_and_label(Role::Button, label).scroll_to_me();
        self.run();
        self.click(label);
    }

    /// Clicks a button while something moves all the time.
    pub(crate) fn click_running(&mut self, label: &str) {
        self.harness.get_by_role_and_label(Role::Button, label).click();
        self.harness.run_steps(4);
    }

    /// Clicks the topmost button of this name while something moves all the time.
    pub(crate) fn click_last_running(&mut self, label: &str) {
        let is_it = |node: &egui_kittest::Node<'_>| {
            node.accesskit_node().label().is_some_and(|found| {
                found.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '…').trim() == label
            })
        };
        let found = self.harness.get_all_by_label_contains(label).rfind(is_it);
        found.unwrap_or_else(|| panic!("no button says {label}")).click();
        self.harness.run_steps(4);
    }

    /// Picks one of several that exclude each other.
    pub(crate) fn click_radio(&mut self, label: &str) {
        self.harness.get_by_role_and_label(Role::RadioButton, label).click();
        self.harness.run_steps(4);
    }

    /// Clicks a place of the window.
    pub(crate) fn click_at(&mut self, at: Pos2) {
        self.harness.hover_at(at);
        self.harness.step();
        self.harness.drag_at(at);
        self.harness.drop_at(at);
        self.run();
    }

    /// Drags from one place of the window to another.
    pub(crate) fn drag(&mut self, from: Pos2, to: Pos2) {
        self.harness.hover_at(from);
        self.harness.step();
        self.harness.drag_at(from);
        self.harness.step();
        for part in [0.1, 0.5, 1.0] {
            self.harness.hover_at(from.lerp(to, part));
            self.harness.step();
        }
        self.harness.step();
        self.harness.drop_at(to);
        // The harness takes the pointer away with the drop; a hand's stays where it is.
        self.harness.hover_at(to);
        self.run();
    }

    /// Where a button is.
    pub(crate) fn button(&self, label: &str) -> Rect {
        self.harness.get_by_role_and_label(Role::Button, label).rect()
    }

    /// Where the canvas is.
    pub(crate) fn canvas(&self) -> Rect {
        self.harness.get_by_label("Canvas").rect()
    }

    /// Where a node or link is on the canvas.
    pub(crate) fn drawn(&self, name: &str) -> Rect {
        let canvas = self.canvas();
        let rects = self.harness.get_all_by_label(name).map(|node| node.rect());
        let inside = rects.filter(|rect| canvas.contains(rect.center()));
        inside.max_by(|a, b| a.area().total_cmp(&b.area())).unwrap_or_else(|| panic!("{name} is not on the canvas"))
    }

    /// Selects a node or link by clicking it.
    pub(crate) fn select(&mut self, name: &str) {
        let at = self.drawn(name).center();
        self.click_at(at);
    }

    /// Selects a node or link of the canvas as a screen reader does.
    pub(crate) fn touch(&mut self, name: &str) {
        let canvas = self.canvas();
        let found = self.harness.get_all_by_label(name).rfind(|node| canvas.contains(node.rect().center()));
        found.unwrap_or_else(|| panic!("{name} is not on the canvas")).click_accesskit();
        self.run();
    }

    /// The same while something moves all the time.
    pub(crate) fn touch_running(&mut self, name: &str) {
        let canvas = self.canvas();
        let found = self.harness.get_all_by_label(name).rfind(|node| canvas.contains(node.rect().center()));
        found.unwrap_or_else(|| panic!("{name} is not on the canvas")).click_accesskit();
        self.harness.run_steps(3);
    }

    /// Drags something of the library to a place of the canvas, counted from its middle.
    pub(crate) fn place(&mut self, kind: KindTag, off: Vec2) {
        let from = self.button(&format!("Add {}", kind.label())).center();
        let to = self.canvas().center() + off;
        self.drag(from, to);
    }

    /// Selects everything.
    pub(crate) fn select_all(&mut self) {
        self.press(Modifiers::COMMAND, Key::A);
    }

    /// Picks something of a group of the window's menu.
    pub(crate) fn menu(&mut self, group: &str, label: &str) {
        self.click("Menu");
        self.click_containing(group);
        self.click_containing(label);
    }

    /// Clicks the topmost button whose words begin so.
    pub(crate) fn click_containing(&mut self, words: &str) {
        let fits = |node: &egui_kittest::Node<'_>| {
            let node = node.accesskit_node();
            node.role() == Role::Button && node.label().is_some_and(|label| label.trim_start().contains(words))
        };
        let found = self.harness.get_all_by_label_contains(words).rfind(fits);
        found.unwrap_or_else(|| panic!("no button says {words}")).click();
        self.run();
    }

    /// Clicks the topmost button of this name.
    pub(crate) fn click_last(&mut self, label: &str) {
        let all = self.harness.get_all_by_role_and_label(Role::Button, label);
        all.last().expect("there is one").click();
        self.run();
    }

    /// Picks one of what a field of the inspector offers.
    pub(crate) fn pick(&mut self, field: &str, value: &str) {
        self.harness.get_all_by_role_and_label(Role::ComboBox, field).last().expect("it is there").scroll_to_me();
        self.run();
        let boxes = self.harness.get_all_by_role_and_label(Role::ComboBox, field);
        boxes.last().expect("there is such a field").click();
        self.run();
        self.click_last(value);
    }

    // ---- files ----------------------------------------------------------------------------------------------------

    /// Lets a file fall on the window.
    pub(crate) fn drop_file(&mut self, path: &Path) {
        self.harness.input_mut().dropped_files.push(Arc::new(Dropped(path.to_path_buf())));
        self.run();
    }

    /// Waits until the dialog lists its folder: it reads on a thread of its own.
    pub(crate) fn wait_for(&mut self, words: &str) {
        for _ in 0..10_000 {
            self.harness.step();
            if self.harness.query_all_by_label_contains(words).count() > 0 {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{words} does not appear");
    }

    /// Saves under a name of this folder's, by keys.
    pub(crate) fn save_as(&mut self, name: &str) {
        self.press(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::S);
        self.wait_for("File name");
        self.press(Modifiers::COMMAND, Key::A);
        self.types(name);
        self.press(Modifiers::NONE, Key::Enter);
    }
}

/// A file that falls on the window.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// A node's id.
pub(crate) fn node_id(text: &str) -> NodeId {
    NodeId::new(text).expect("an id")
}
