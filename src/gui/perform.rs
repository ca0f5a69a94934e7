//! Carrying out what was asked: the only place of the window that changes anything, always through the session.

use crate::edit::Edit;
use crate::model::{Flow, KindTag, NodeId, Point};
use crate::session::{RunState, StartOptions, Step, StopMode};

use super::action::Action;
use super::app::App;
use super::build;
use super::format::sentence;
use super::speeds;
use super::view::{Ask, Selection, Target};

impl App {
    /// Carries out one thing that was asked.
    pub(super) fn perform(&mut self, ctx: &egui::Context, ask: Ask) {
        match ask {
            Ask::Action(action) => self.act(ctx, action),
            Ask::Edit(edit) => {
                self.apply(&edit);
            }
            Ask::Select(selection) => self.view.selection = selection,
            Ask::Show(target) => self.show(target),
            Ask::ShowEventType(name) => {
                self.view.selection = Selection::default();
                self.inspector.event = Some(name);
                self.settings.inspector = true;
            }
            Ask::Rename(id) => {
                self.view.selection = Selection::node(id);
                self.inspector.focus_name = true;
                self.settings.inspector = true;
            }
            Ask::FireDialog(_) => {}
            Ask::Fire(node, count, data) => self.fire(&node, count, data.as_deref()),
            Ask::OpenEvent(_) | Ask::OpenQueue(_) | Ask::OpenFile(_) | Ask::OpenExample(_) | Ask::QuickAdd { .. } => {}
            Ask::Speed(speed) => {
                self.view.speed = speed;
                self.session.set_speed(speed);
            }
            Ask::Place { kind, at, from } => self.place(kind, at, from.as_ref()),
            Ask::Connect { from, to, bus_between } => {
                match build::connect(self.session.flow(), &from, &to, bus_between) {
                    Ok(edit) => {
                        self.apply(&edit);
                    }
                    Err(refusal) => self.toasts.say(sentence(&refusal.to_string())),
                }
            }
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
                let seed = if live.state == RunState::Idle { None } else { Some(live.seed) };
                self.start(StartOptions { seed, speed: self.view.speed, paused: false });
            }
            Action::RestartNewSeed => {
                let seed = self.session.live().seed.max(self.session.flow().seed()).wrapping_add(1);
                self.start(StartOptions { seed: Some(seed), speed: self.view.speed, paused: false });
            }
            Action::StepRecord => self.step(Step::Record),
            Action::StepInstant => self.step(Step::Instant),
            Action::Faster => self.perform(ctx, Ask::Speed(speeds::faster(self.speed()))),
            Action::Slower => self.perform(ctx, Ask::Speed(speeds::slower(self.speed()))),
            Action::Undo => {
                if !self.session.undo() {
                    self.toasts.say("There is nothing to undo");
                }
                self.forget_what_is_gone();
            }
            Action::Redo => {
                if !self.session.redo() {
                    self.toasts.say("There is nothing to redo");
                }
                self.forget_what_is_gone();
            }
            Action::Delete => self.delete(),
            Action::SelectAll => {
                let flow = self.session.flow();
                let nodes = flow.nodes().keys().cloned().collect();
                self.view.selection = Selection { nodes, links: flow.links().keys().cloned().collect() };
            }
            Action::Fit => self.view.fit = true,
            Action::ZoomIn => self.view.zoom_by *= 1.25,
            Action::ZoomOut => self.view.zoom_by /= 1.25,
            Action::ZoomReset => self.view.zoom_by = 1.0 / self.view.zoom.max(f32::EPSILON),
            Action::ToggleLibrary => self.settings.library ^= true,
            Action::ToggleInspector => self.settings.inspector ^= true,
            Action::ToggleLower => self.settings.lower ^= true,
            Action::ToggleTheme => {
                self.settings.light ^= true;
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
            Action::Escape => {
                if !self.canvas.escape() {
                    self.view.selection = Selection::default();
                }
            }
            Action::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            _ => {}
        }
    }

    /// Makes a change; what the flow refuses is said, and nothing has changed. Whether it was made.
    pub(super) fn apply(&mut self, edit: &Edit) -> bool {
        match self.session.apply(edit) {
            Ok(()) => {
                self.forget_what_is_gone();
                true
            }
            Err(error) => {
                self.toasts.say(sentence(&error.to_string()));
                false
            }
        }
    }

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
        if let Err(error) = self.session.start(options) {
            self.toasts.say(sentence(&error.to_string()));
        }
    }

    fn step(&mut self, step: Step) {
        if let Err(error) = self.session.step(step) {
            self.toasts.say(sentence(&error.to_string()));
        }
    }

    fn speed(&self) -> crate::session::Speed {
        let live = self.session.live();
        if live.state.is_alive() { live.speed } else { self.view.speed }
    }

    fn fire(&mut self, node: &NodeId, count: u32, data: Option<&str>) {
        // A button that is pressed before the run begins starts it: what else could it mean?
        if !self.session.live().state.is_alive() {
            self.start(StartOptions { seed: None, speed: self.view.speed, paused: false });
        }
        if let Err(error) = self.session.fire(node, count, data) {
            self.toasts.say(sentence(&error.to_string()));
        }
    }

    fn place(&mut self, kind: KindTag, at: Point, from: Option<&NodeId>) {
        let (edit, id) = build::place(self.session.flow(), kind, at, from);
        if self.apply(&edit) {
            self.view.selection = Selection::node(id);
        }
    }

    fn paste(&mut self, text: &str, at: Point) {
        match self.session.paste(text, at) {
            Ok(nodes) => {
                self.view.selection = Selection { nodes: nodes.into_iter().collect(), ..Selection::default() };
            }
            Err(error) => self.toasts.say(sentence(&error.to_string())),
        }
    }

    fn delete(&mut self) {
        let Selection { nodes, links } = std::mem::take(&mut self.view.selection);
        if nodes.is_empty() && links.is_empty() {
            return;
        }
        self.apply(&Edit::Remove { nodes: nodes.into_iter().collect(), links: links.into_iter().collect() });
    }

    fn show(&mut self, target: Target) {
        self.view.selection = match &target {
            Target::Node(id) => Selection::node(id.clone()),
            Target::Link(id) => Selection::link(id.clone()),
        };
        self.view.show = Some(target);
    }

    /// A selection never names what is no longer there.
    fn forget_what_is_gone(&mut self) {
        let flow: &Flow = self.session.flow();
        self.view.selection.nodes.retain(|id| flow.node(id).is_some());
        self.view.selection.links.retain(|id| flow.link(id).is_some());
    }
}
