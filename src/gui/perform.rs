//! Carrying out what was asked: the only place of the window that changes anything, always through the session.

use std::path::Path;

use crate::edit::Edit;
use crate::model::{FaultKind, FaultTarget, Flow, KindTag, LinkId, NodeId, NodeKind, Point, SimTime, StartAt};
use crate::session::{ExportFormat, RunState, SessionError, SettingsTheme, Speed, StartOptions, Step, StopMode};

use super::action::Action;
use super::app::App;
use super::build;
use super::dialogs::{self, Dialog, Fire, Then};
use super::files::Choice;
use super::format::sentence;
use super::panels::lower::Tab;
use super::panels::palette::{Search, SearchState};
use super::seek::{self, Seek};
use super::speeds;
use super::splice;
use super::view::{Ask, Selection, Target};

impl App {
    /// Carries out one thing that was asked.
    pub(super) fn perform(&mut self, ctx: &egui::Context, ask: Ask) {
        match ask {
            Ask::Action(action) => self.act(ctx, action),
            Ask::Edit(edit) => {
                self.apply(&edit);
            }
            Ask::Select(selection) => {
                if selection != self.view.selection {
                    self.inspector.event = None;
                }
                self.view.selection = selection;
            }
            Ask::Show(target) => self.show(target),
            Ask::ShowEventType(name) => {
                self.view.selection = Selection::default();
                self.inspector.event = Some(name);
                self.settings.panels.inspector = true;
            }
            Ask::ShowExpectations(name) => {
                self.view.selection = Selection::default();
                self.inspector.event = None;
                self.inspector.expectation = name;
                self.inspector.show_expectations = true;
                self.settings.panels.inspector = true;
            }
            Ask::Rename(id) => {
                self.view.selection = Selection::node(id);
                self.inspector.focus_name = true;
                self.settings.panels.inspector = true;
            }
            Ask::FireDialog(node) => self.ask_fire(node),
            Ask::Fire(node, count, data) => self.fire(&node, count, data.as_deref()),
            Ask::Seek(link, to) => self.seek(&link, to),
            Ask::SeekDialog(link) => self.ask_seek(link),
            Ask::Break(on, kind) => self.break_now(&on, kind),
            Ask::Heal(on) => self.heal_now(&on),
            Ask::OpenEvent(event) => self.open_event(event),
            Ask::AskEvent(event) => self.session.ask_event(event),
            Ask::OpenQueue(node) => {
                self.session.ask_queue(&node);
                self.queue = Some(node);
            }
            Ask::OpenFile(path) => self.leave(ctx, Then::Open(path)),
            Ask::OpenExample(name) => self.leave(ctx, Then::Example(name)),
            Ask::SaveTo(path) => self.save_to(ctx, &path),
            Ask::Reload => self.leave(ctx, Then::Reload),
            Ask::KeepMine => {
                self.changed_on_disk = false;
                if let Some(path) = self.session.path().map(Path::to_path_buf) {
                    self.save_to(ctx, &path);
                }
            }
            Ask::QuickAdd { at, from } => self.search = Some(SearchState::new(Search::Add { at, from })),
            Ask::QuickInsert { at, link } => self.search = Some(SearchState::new(Search::Insert { at, link })),
            Ask::Insert { kind, at, link } => self.insert(kind, at, &link),
            Ask::Speed(speed) => {
                self.view.speed = speed;
                self.session.set_speed(speed);
            }
            Ask::Place { kind, at, from } => self.place(kind, at, from.as_ref()),
            Ask::Connect { from, to, bus_between } => self.connect(&from, &to, bus_between),
            Ask::Paste(text, at) => self.paste(&text, at),
            Ask::Toast(text) => self.toasts.say(text),
        }
    }

    fn act(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::RunOrPause => self.run_or_pause(),
            Action::Stop => self.session.stop(StopMode::Abort),
            Action::Drain => self.session.stop(StopMode::Drain),
            Action::Restart => {
                let live = self.session.live();
                let seed = (live.state != RunState::Idle).then_some(live.seed);
                self.start(StartOptions { seed, speed: self.speed(), paused: false });
            }
            Action::RestartNewSeed => {
                let live = self.session.live();
                let seed = if live.state == RunState::Idle { self.session.flow().seed() } else { live.seed };
                self.start(StartOptions { seed: Some(seed.wrapping_add(1)), speed: self.speed(), paused: false });
            }
            Action::StepRecord => self.step(Step::Record),
            Action::StepInstant => self.step(Step::Instant),
            Action::Faster => self.perform(ctx, Ask::Speed(speeds::faster(self.speed()))),
            Action::Slower => self.perform(ctx, Ask::Speed(speeds::slower(self.speed()))),
            Action::Fire => match self.view.selection.single_node().cloned() {
                Some(node) => self.ask_fire(node),
                None => self.toasts.say("Select a producer first"),
            },
            Action::Rebuild => self.rebuild(),
            Action::Replay => match seek::selected(&self.session, &self.view.selection) {
                Some(link) => self.ask_seek(link),
                None => self.toasts.say("Select a subscription first"),
            },
            Action::Break | Action::Heal => self.break_or_heal(action),
            Action::NewFlow => self.leave(ctx, Then::New),
            Action::Open => self.leave(ctx, Then::Choose),
            Action::Save => self.save(ctx),
            Action::SaveAs => self.choose_name(ctx),
            Action::Examples => self.gallery_open = true,
            Action::Export | Action::Help => self.dialog = dialogs::of_action(action),
            Action::Quit => self.leave(ctx, Then::Quit),
            Action::Undo | Action::Redo => self.travel(action),
            Action::Cut => {
                if self.copy(ctx) {
                    self.delete();
                }
            }
            Action::Copy => {
                self.copy(ctx);
            }
            Action::Paste => ctx.send_viewport_cmd(egui::ViewportCommand::RequestPaste),
            Action::Duplicate => self.duplicate(),
            Action::Delete => self.delete(),
            Action::SelectAll => {
                let flow = self.session.flow();
                let nodes = flow.nodes().keys().cloned().collect();
                self.view.selection = Selection { nodes, links: flow.links().keys().cloned().collect() };
            }
            Action::Escape => self.escape(),
            Action::QuickAdd if self.view.selection.single_link().is_some() => {
                if let Some(link) = self.view.selection.single_link().cloned() {
                    let at = build::middle_of(self.session.flow(), &link);
                    self.search = Some(SearchState::new(Search::Insert { at, link }));
                }
            }
            Action::QuickAdd => {
                let from = self.view.selection.single_node().cloned();
                let at = from
                    .as_ref()
                    .map_or_else(|| self.free_middle(), |from| build::place_after(self.session.flow(), from));
                self.search = Some(SearchState::new(Search::Add { at, from }));
            }
            Action::Connect => self.ask_connect(),
            Action::Palette => self.search = Some(SearchState::new(Search::Everything)),
            Action::Fit => self.view.fit = true,
            Action::ZoomIn => self.view.zoom_by *= 1.25,
            Action::ZoomOut => self.view.zoom_by /= 1.25,
            Action::ZoomReset => self.view.zoom_by = 1.0 / self.view.zoom.max(f32::EPSILON),
            Action::ToggleLibrary => self.settings.panels.library ^= true,
            Action::ToggleInspector => self.settings.panels.inspector ^= true,
            Action::ToggleLower => self.settings.panels.foot ^= true,
            Action::ShowLog => self.show_tab(Tab::Log),
            Action::ShowProblems => self.show_tab(Tab::Problems),
            Action::NextPanel => self.go_to_part(true),
            Action::PreviousPanel => self.go_to_part(false),
            Action::ToggleTheme => {
                self.settings.theme = match self.settings.theme {
                    SettingsTheme::Dark => SettingsTheme::Light,
                    SettingsTheme::Light => SettingsTheme::Dark,
                };
                self.use_settings(ctx);
            }
            Action::ToggleEventShapes => {
                self.settings.event_shapes ^= true;
                self.use_settings(ctx);
            }
            Action::ToggleReducedMotion => {
                self.settings.reduced_motion ^= true;
                self.use_settings(ctx);
            }
            Action::ToggleInAppDialogs => self.settings.in_app_dialogs ^= true,
        }
    }

    // ---- the drawing ----------------------------------------------------------------------------------------------

    /// Makes a change; what the flow refuses is said, and nothing has changed. Whether it was made.
    pub(super) fn apply(&mut self, edit: &Edit) -> bool {
        match self.session.apply(edit) {
            Ok(()) => {
                self.forget_what_is_gone();
                true
            }
            Err(error) => {
                self.complain(&error);
                false
            }
        }
    }

    fn complain(&mut self, error: &SessionError) {
        self.toasts.say(sentence(&error.to_string()));
    }

    fn travel(&mut self, action: Action) {
        let (done, nothing) = match action {
            Action::Undo => (self.session.undo(), "There is nothing to undo"),
            _ => (self.session.redo(), "There is nothing to redo"),
        };
        if !done {
            self.toasts.say(nothing);
        }
        self.forget_what_is_gone();
    }

    fn place(&mut self, kind: KindTag, at: Point, from: Option<&NodeId>) {
        let (edit, id) = build::place(self.session.flow(), kind, at, from);
        if self.apply(&edit) {
            self.inspector.event = None;
            self.view.show = Some(Target::Node(id.clone()));
            self.view.selection = Selection::node(id);
        }
    }

    /// Puts a new node into a link; where that cannot be, it is said and nothing is placed.
    fn insert(&mut self, kind: KindTag, at: Point, link: &LinkId) {
        match splice::splice(self.session.flow(), kind, at, link) {
            Ok((edit, id)) => {
                if self.apply(&edit) {
                    self.inspector.event = None;
                    self.view.show = Some(Target::Node(id.clone()));
                    self.view.selection = Selection::node(id);
                }
            }
            Err(refusal) => self.toasts.say(refusal.to_string()),
        }
    }

    fn connect(&mut self, from: &NodeId, to: &NodeId, bus_between: bool) {
        match build::connect(self.session.flow(), from, to, bus_between) {
            Ok(edit) => {
                self.apply(&edit);
            }
            Err(refusal) => self.toasts.say(sentence(&refusal.to_string())),
        }
    }

    /// With two nodes selected they are connected, whichever way is possible; with one, a search for the other opens.
    fn ask_connect(&mut self) {
        let chosen: Vec<NodeId> = self.view.selection.nodes.iter().cloned().collect();
        match chosen.as_slice() {
            [from] => self.search = Some(SearchState::new(Search::Connect(from.clone()))),
            [a, b] => {
                let flow = self.session.flow();
                let forth = build::connect(flow, a, b, false).is_ok();
                let (from, to) = if forth { (a, b) } else { (b, a) };
                self.connect(from, to, true);
            }
            _ => self.toasts.say("Select one or two nodes first"),
        }
    }

    fn copy(&self, ctx: &egui::Context) -> bool {
        let nodes: Vec<NodeId> = self.view.selection.nodes.iter().cloned().collect();
        if !nodes.is_empty() {
            ctx.copy_text(self.session.copy(&nodes));
        }
        !nodes.is_empty()
    }

    fn paste(&mut self, text: &str, at: Point) {
        match self.session.paste(text, at) {
            Ok(nodes) => self.view.selection = Selection { nodes: nodes.into_iter().collect(), ..Selection::default() },
            Err(error) => self.complain(&error),
        }
    }

    fn duplicate(&mut self) {
        let nodes: Vec<NodeId> = self.view.selection.nodes.iter().cloned().collect();
        let flow = self.session.flow();
        let places: Vec<Point> = nodes.iter().filter_map(|id| flow.node(id)).map(|node| node.at).collect();
        if places.is_empty() {
            return;
        }
        let mean = |part: fn(&Point) -> i32| {
            let sum: f64 = places.iter().map(|at| f64::from(part(at))).sum();
            (sum / places.len() as f64).round() as i32
        };
        let middle = Point(mean(|at| at.0) + 32, mean(|at| at.1) + 88);
        let text = self.session.copy(&nodes);
        self.paste(&text, middle);
    }

    fn delete(&mut self) {
        let Selection { nodes, links } = std::mem::take(&mut self.view.selection);
        if nodes.is_empty() && links.is_empty() {
            return;
        }
        self.apply(&Edit::Remove { nodes: nodes.into_iter().collect(), links: links.into_iter().collect() });
    }

    fn show(&mut self, target: Target) {
        self.inspector.event = None;
        self.view.selection = match &target {
            Target::Node(id) => Selection::node(id.clone()),
            Target::Link(id) => Selection::link(id.clone()),
        };
        self.view.show = Some(target);
    }

    /// Gives up a gesture, closes what was opened last, or selects nothing: the nearest thing first.
    fn escape(&mut self) {
        if self.canvas.escape() || self.event_card.take().is_some() || self.queue.take().is_some() {
            return;
        }
        self.view.selection = Selection::default();
        self.inspector.event = None;
    }

    fn show_tab(&mut self, tab: Tab) {
        self.tab = tab;
        self.settings.panels.foot = true;
    }

    /// A selection never names what is no longer there.
    fn forget_what_is_gone(&mut self) {
        let flow: &Flow = self.session.flow();
        self.view.selection.nodes.retain(|id| flow.node(id).is_some());
        self.view.selection.links.retain(|id| flow.link(id).is_some());
    }

    // ---- the run --------------------------------------------------------------------------------------------------

    fn run_or_pause(&mut self) {
        match self.session.live().state {
            RunState::Running | RunState::Draining => self.session.pause(),
            RunState::Paused => self.session.resume(),
            RunState::Idle | RunState::Ended => {
                self.start(StartOptions { seed: None, speed: self.view.speed, paused: false });
            }
        }
    }

    pub(super) fn start(&mut self, options: StartOptions) {
        match self.session.start(options) {
            Ok(()) => {
                self.log.clear();
                self.event_card = None;
                self.queue = None;
            }
            Err(error @ SessionError::HasErrors(_)) => {
                self.complain(&error);
                self.show_tab(Tab::Problems);
            }
            Err(error) => self.complain(&error),
        }
    }

    fn step(&mut self, step: Step) {
        if !self.session.live().state.is_alive() {
            self.start(StartOptions { seed: None, speed: self.view.speed, paused: true });
        }
        if let Err(error) = self.session.step(step) {
            self.complain(&error);
        }
    }

    fn speed(&self) -> Speed {
        let live = self.session.live();
        if live.state.is_alive() { live.speed } else { self.view.speed }
    }

    fn fire(&mut self, node: &NodeId, count: u32, data: Option<&str>) {
        // A button that is pressed before the run begins starts it: what else could it mean?
        if !self.session.live().state.is_alive() {
            self.start(StartOptions { seed: None, speed: self.view.speed, paused: false });
        }
        if let Err(error) = self.session.fire(node, count, data) {
            self.complain(&error);
        }
    }

    fn break_now(&mut self, on: &FaultTarget, kind: FaultKind) {
        if !self.session.live().state.is_alive() {
            self.start(StartOptions { seed: None, speed: self.view.speed, paused: false });
        }
        if let Err(error) = self.session.break_now(on, kind, None) {
            self.complain(&error);
        }
    }

    fn heal_now(&mut self, on: &FaultTarget) {
        if let Err(error) = self.session.heal_now(on) {
            self.complain(&error);
        }
    }

    /// Crashes or heals the selected node, cuts or heals the selected link.
    fn break_or_heal(&mut self, action: Action) {
        let selection = &self.view.selection;
        let target = match (selection.single_node(), selection.single_link()) {
            (Some(node), _) => Some((FaultTarget::Node(node.clone()), FaultKind::Crash)),
            (None, Some(link)) => Some((FaultTarget::Link(link.clone()), FaultKind::Partition)),
            (None, None) => None,
        };
        match target {
            Some((on, kind)) if action == Action::Break => self.break_now(&on, kind),
            Some((on, _)) => self.heal_now(&on),
            None => self.toasts.say("Select a node or a link first"),
        }
    }

    fn rebuild(&mut self) {
        match self.view.selection.single_node().cloned() {
            Some(node) => {
                if let Err(error) = self.session.rebuild(&node) {
                    self.complain(&error);
                }
            }
            None => self.toasts.say("Select a store that keeps a view first"),
        }
    }

    fn ask_seek(&mut self, link: LinkId) {
        let now = self.session.playhead().since(SimTime::ZERO);
        self.dialog = Some(Dialog::Seek(Seek::new(link, now)));
    }

    fn seek(&mut self, link: &LinkId, to: StartAt) {
        if let Err(error) = self.session.seek(link, to) {
            self.complain(&error);
        }
    }

    fn ask_fire(&mut self, node: NodeId) {
        let flow = self.session.flow();
        let Some(kind) = flow.node(&node).map(|node| &node.kind) else { return };
        let event = match kind {
            NodeKind::Producer(producer) => Some(&producer.emits),
            NodeKind::Gateway(gateway) => Some(&gateway.requests.emits),
            NodeKind::Service(_) | NodeKind::Function(_) => None,
            NodeKind::Bus(_)
            | NodeKind::Consumer(_)
            | NodeKind::Stream(_)
            | NodeKind::DeadLetterQueue(_)
            | NodeKind::Note(_)
            | NodeKind::Store(_) => {
                self.toasts.say("Only producers, gateways, services and functions can be fired");
                return;
            }
        };
        let example = event.and_then(|event| flow.events().get(event)).and_then(|event| event.example.as_ref());
        let data = example.map(|example| format!("{:#}", example.value())).unwrap_or_default();
        self.dialog = Some(Dialog::Fire(Fire { node, data, count: "1".to_owned() }));
    }

    // ---- files ----------------------------------------------------------------------------------------------------

    /// Goes on to something that takes the flow away, after the question for unsaved work.
    pub(super) fn leave(&mut self, ctx: &egui::Context, then: Then) {
        if self.session.is_unsaved() {
            self.dialog = Some(Dialog::Unsaved(then));
        } else {
            self.go_on(ctx, then);
        }
    }

    /// Goes on, whatever is unsaved.
    pub(super) fn go_on(&mut self, ctx: &egui::Context, then: Then) {
        match then {
            Then::New => {
                self.session.open_flow(Flow::new(""));
                self.opened();
            }
            Then::Choose => {
                let beside =
                    self.session.path().map(Path::to_path_buf).or_else(|| self.settings.recent.first().cloned());
                let inside = self.settings.in_app_dialogs;
                self.files.choose(ctx, Choice::Open, "", beside.as_deref(), inside);
            }
            Then::Open(path) => self.open(&path),
            Then::Example(name) => match self.session.open_example(&name) {
                Ok(()) => self.opened(),
                Err(error) => self.complain(&error),
            },
            Then::Reload => {
                if let Some(path) = self.session.path().map(Path::to_path_buf) {
                    self.open(&path);
                }
            }
            Then::Quit => {
                self.closing = true;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
        }
    }

    fn open(&mut self, path: &Path) {
        match self.session.open(path) {
            Ok(()) => self.opened(),
            Err(SessionError::NotAFlow { path, faults, text }) => {
                self.dialog = Some(Dialog::Unreadable { path, faults, text });
            }
            Err(error) => {
                if !path.exists() {
                    self.settings.forget(path);
                }
                self.complain(&error);
            }
        }
    }

    /// Begins with the flow that was just put in place.
    pub(super) fn opened(&mut self) {
        self.view.selection = Selection::default();
        self.view.show = None;
        self.view.fit = true;
        self.inspector.event = None;
        self.log.clear();
        self.event_card = None;
        self.queue = None;
        self.gallery_open = false;
        self.changed_on_disk = false;
        if let Some(path) = self.session.path() {
            self.settings.remember(path);
        }
    }

    /// Saves to the bound file, or asks for a name if there is none.
    pub(super) fn save(&mut self, ctx: &egui::Context) {
        if self.session.path().is_none() {
            self.choose_name(ctx);
            return;
        }
        match self.session.save() {
            Ok(()) => self.saved(ctx),
            Err(error) => {
                self.after_save = None;
                self.changed_on_disk |= matches!(error, SessionError::ChangedOnDisk(_));
                self.complain(&error);
            }
        }
    }

    fn choose_name(&mut self, ctx: &egui::Context) {
        let known = self.session.path().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let name = known.unwrap_or_else(|| format!("{}.ron", file_stem(self.session.flow().name())));
        let beside = self.session.path().map(Path::to_path_buf).or_else(|| self.settings.recent.first().cloned());
        self.files.choose(ctx, Choice::SaveAs, &name, beside.as_deref(), self.settings.in_app_dialogs);
    }

    fn save_to(&mut self, ctx: &egui::Context, path: &Path) {
        match self.session.save_as(path) {
            Ok(()) => self.saved(ctx),
            Err(error) => {
                self.after_save = None;
                self.complain(&error);
            }
        }
    }

    fn saved(&mut self, ctx: &egui::Context) {
        self.changed_on_disk = false;
        if let Some(path) = self.session.path() {
            self.settings.remember(path);
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            self.toasts.say(format!("Saved {name}"));
        }
        if let Some(then) = self.after_save.take() {
            self.go_on(ctx, then);
        }
    }

    pub(super) fn export(&mut self, ctx: &egui::Context, format: ExportFormat) {
        let extension = match format {
            ExportFormat::Ron => "ron",
            ExportFormat::Mermaid => "mmd",
            ExportFormat::Dot => "dot",
        };
        let name = format!("{}.{extension}", file_stem(self.session.flow().name()));
        let beside = self.session.path().map(Path::to_path_buf);
        self.files.choose(ctx, Choice::Export(format), &name, beside.as_deref(), self.settings.in_app_dialogs);
    }

    /// Does what a file was chosen for.
    pub(super) fn chosen_files(&mut self, ctx: &egui::Context) {
        let Some((choice, path)) = self.files.take(ctx) else { return };
        match choice {
            Choice::Open => self.open(&path),
            Choice::SaveAs => self.save_to(ctx, &path),
            Choice::Export(format) => match self.session.export_to(format, &path) {
                Ok(()) => self.toasts.say(format!("Exported {}", path.display())),
                Err(error) => self.complain(&error),
            },
        }
    }
}

/// A flow's name as that of a file.
fn file_stem(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let stem = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    if stem.is_empty() { "flow".to_owned() } else { stem }
}
