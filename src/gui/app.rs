//! The window as a whole: what it holds, and in which order a frame goes.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egui::{CentralPanel, Frame, Id, Margin, Panel, Rect, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use crate::model::{Flow, NodeId, Point};
use crate::session::{
    EventRef, LogRow, RunState, Session, SessionError, Settings, SettingsTheme, StartOptions, WELCOME, WindowPlace,
};

use super::action::Action;
use super::canvas::Canvas;
use super::dialogs::{self, Decision, Dialog, Then};
use super::files::Files;
use super::format;
use super::panels::event_card::EventCardState;
use super::panels::gallery::Gallery;
use super::panels::inspector::InspectorState;
use super::panels::log::LogState;
use super::panels::lower::Tab;
use super::panels::palette::SearchState;
use super::panels::{event_card, gallery, inspector, library, lower, palette, queue, status, topbar};
use super::theme::{self, Theme, ThemeName};
use super::toasts::Toasts;
use super::view::{Ask, ViewCtx, ViewState};
use super::widgets;

/// The clock shows tenths of a second.
const CLOCK_TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum GuiError {
    /// There is no display, or it cannot draw. Nothing was opened or changed.
    #[error("no window can be opened here ({0}); `eventloom simulate FLOW` runs a flow without one")]
    NoWindow(String),
    /// The file cannot be opened, and why.
    #[error("{0}")]
    Open(String),
}

/// The parts of the window that F6 goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    TopBar,
    Library,
    Canvas,
    Inspector,
    Lower,
}

impl Part {
    const ALL: [Self; 5] = [Self::TopBar, Self::Library, Self::Canvas, Self::Inspector, Self::Lower];

    const fn name(self) -> &'static str {
        match self {
            Self::TopBar => "Top bar",
            Self::Library => "Library panel",
            Self::Canvas => "Canvas panel",
            Self::Inspector => "Inspector panel",
            Self::Lower => "Lower panel area",
        }
    }
}

/// The designer window.
pub struct App {
    pub(super) session: Session,
    pub(super) view: ViewState,
    pub(super) settings: Settings,
    /// Whether settings are kept on the disk, and what was kept last.
    keep_settings: bool,
    kept: Settings,
    pub(super) toasts: Toasts,
    pub(super) inspector: InspectorState,
    pub(super) log: LogState,
    pub(super) tab: Tab,
    pub(super) search: Option<SearchState>,
    pub(super) dialog: Option<Dialog>,
    pub(super) gallery_open: bool,
    gallery: Option<Gallery>,
    pub(super) event_card: Option<EventCardState>,
    pub(super) queue: Option<NodeId>,
    pub(super) files: Files,
    /// What goes on after the flow has been saved under a name that is being chosen.
    pub(super) after_save: Option<Then>,
    pub(super) changed_on_disk: bool,
    /// The window may close, whatever is unsaved.
    pub(super) closing: bool,
    pub(super) canvas: Canvas,
    pub(super) theme: Arc<Theme>,
    /// The part of the window that F6 went to last, and whether it has yet to take the keyboard.
    part: (Part, bool),
    /// What the last frame asked for; carried out before the next.
    asks: RefCell<Vec<Ask>>,
    /// Actions by key while a field had the keyboard: they wait until it has committed what was typed.
    after_typing: Vec<Action>,
    watched: Vec<NodeId>,
    rows: Vec<LogRow>,
    title: String,
    /// Where the window is, to be kept when it closes.
    place: Option<WindowPlace>,
    /// The toolkit's pass in which fonts and theme were set: they are there from the next one on.
    dressed_at: Option<u64>,
}

/// Opens the window and returns when it is closed.
///
/// Without a file the welcome example opens and starts by itself: a stranger's file never does.
pub fn run(path: Option<PathBuf>) -> Result<(), GuiError> {
    let (settings, fault) = Settings::load();
    let mut app = App::new(Session::new(Flow::new("")), settings);
    app.keep_settings = true;
    if let Some(fault) = fault {
        app.toasts.say(fault);
    }
    match path {
        None => app.welcome(),
        Some(path) => match app.session.open(&path) {
            Ok(()) => app.opened(),
            Err(SessionError::NotAFlow { path, faults, text }) => {
                app.dialog = Some(Dialog::Unreadable { path, faults, text });
            }
            Err(error) => return Err(GuiError::Open(error.to_string())),
        },
    }
    let place = app.settings.window;
    let size = place.map_or([1280.0, 800.0], |place| [place.width, place.height]);
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("Eventloom")
        .with_app_id("eventloom")
        .with_inner_size(size)
        .with_min_inner_size([900.0, 520.0])
        .with_drag_and_drop(true);
    if let Some(place) = place {
        viewport = viewport.with_maximized(place.maximized);
    }
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let opened = Arc::new(AtomicBool::new(false));
    let is_open = Arc::clone(&opened);
    let created = Box::new(move |creation: &eframe::CreationContext<'_>| {
        is_open.store(true, Ordering::Relaxed);
        app.wake_by(&creation.egui_ctx);
        Ok(Box::new(app) as Box<dyn eframe::App>)
    });
    // Where a library of the window system is missing the toolkit panics: to a person that is the same as an error.
    // The panic's own words are kept back until the window is there; from then on a panic is a mistake of ours.
    let hook: Arc<PanicHook> = Arc::from(std::panic::take_hook());
    let (hook_then, opened_then) = (Arc::clone(&hook), Arc::clone(&opened));
    std::panic::set_hook(Box::new(move |info| {
        if opened_then.load(Ordering::Relaxed) {
            hook_then(info);
        }
    }));
    let run = std::panic::AssertUnwindSafe(|| eframe::run_native("Eventloom", options, created));
    let result = std::panic::catch_unwind(run);
    std::panic::set_hook(Box::new(move |info| hook(info)));
    match result {
        Ok(result) => result.map_err(|error| GuiError::NoWindow(reason(&error))),
        Err(panic) if opened.load(Ordering::Relaxed) => std::panic::resume_unwind(panic),
        Err(_) => Err(GuiError::NoWindow("a library of the window system is missing".to_owned())),
    }
}

type PanicHook = dyn Fn(&std::panic::PanicHookInfo<'_>) + Send + Sync;

/// Why there is no window, in few words.
fn reason(error: &eframe::Error) -> String {
    match error {
        eframe::Error::WinitEventLoop(_) | eframe::Error::Winit(_) => "there is no display".to_owned(),
        eframe::Error::NoGlutinConfigs(..) | eframe::Error::Glutin(_) | eframe::Error::OpenGL(_) => {
            "there is no OpenGL".to_owned()
        }
        eframe::Error::AppCreation(error) => error.to_string(),
    }
}

impl App {
    /// A window onto a session that keeps nothing on the disk: for tests.
    pub fn new_for_test(session: Session) -> Self {
        let settings = Settings { in_app_dialogs: true, reduced_motion: true, ..Settings::default() };
        Self::new(session, settings)
    }

    /// The same, where the system has no dialog that could be asked for a file.
    pub fn new_for_test_without_dialogs(session: Session) -> Self {
        let settings = Settings { reduced_motion: true, ..Settings::default() };
        Self { files: Files::with(|_, _, _| None), ..Self::new(session, settings) }
    }

    fn new(session: Session, settings: Settings) -> Self {
        Self {
            session,
            view: ViewState { fit: true, ..ViewState::default() },
            kept: settings.clone(),
            keep_settings: false,
            toasts: Toasts::default(),
            inspector: InspectorState::default(),
            log: LogState::default(),
            tab: Tab::default(),
            search: None,
            dialog: None,
            gallery_open: false,
            gallery: None,
            event_card: None,
            queue: None,
            files: Files::default(),
            after_save: None,
            changed_on_disk: false,
            closing: false,
            canvas: Canvas::default(),
            theme: Theme::of(theme_of(&settings)),
            settings,
            part: (Part::Canvas, false),
            asks: RefCell::default(),
            after_typing: Vec::new(),
            watched: Vec::new(),
            rows: Vec::new(),
            title: String::new(),
            place: None,
            dressed_at: None,
        }
    }

    fn welcome(&mut self) {
        match self.session.open_example(WELCOME) {
            Ok(()) => self.start(StartOptions::default()),
            Err(error) => self.toasts.say(error.to_string()),
        }
    }

    /// Lets whatever is new in the session bring a frame.
    fn wake_by(&mut self, ctx: &egui::Context) {
        let ctx = ctx.clone();
        self.session.on_change(Arc::new(move || ctx.request_repaint()));
    }

    /// Asks for something, as a part of the window would.
    pub fn ask(&self, ask: Ask) {
        self.asks.borrow_mut().push(ask);
    }

    /// The session behind the window.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// What the window remembers.
    pub const fn view(&self) -> &ViewState {
        &self.view
    }

    /// What is said at the window's edge now.
    pub fn toasts(&self) -> Vec<String> {
        self.toasts.texts().map(str::to_owned).collect()
    }

    /// Makes the window look as the settings say.
    pub(super) fn use_settings(&mut self, ctx: &egui::Context) {
        self.theme = Theme::of(theme_of(&self.settings));
        self.theme.apply(ctx, self.settings.reduced_motion);
        self.view.reduced_motion = self.settings.reduced_motion;
        self.view.event_shapes = self.settings.event_shapes;
    }

    /// Carries out what keys and the last frame asked for.
    pub fn logic_pass(&mut self, ctx: &egui::Context) {
        if self.dressed_at.is_none() {
            ctx.set_fonts(theme::fonts());
            self.use_settings(ctx);
            self.dressed_at = Some(ctx.cumulative_pass_nr());
            self.wake_by(ctx);
        }
        let mut asks = self.asks.take();
        asks.extend(self.after_typing.drain(..).map(Ask::Action));
        self.keys(ctx, &mut asks);
        self.clipboard(ctx, &mut asks);
        for ask in asks {
            self.perform(ctx, ask);
        }
        self.chosen_files(ctx);
        self.dropped_files(ctx);
        self.closing(ctx);
        self.follow(ctx);
    }

    /// Keeps up with the session: the log, the watched nodes, the title, the settings, the file on disk.
    fn follow(&mut self, ctx: &egui::Context) {
        self.session.drain_log(&mut self.rows);
        self.log.take(&mut self.rows);
        if !self.view.selection.nodes.iter().eq(self.watched.iter()) {
            self.watched = self.view.selection.nodes.iter().take(32).cloned().collect();
            self.session.watch(&self.watched);
        }
        let focused =
            ctx.input(|input| input.events.iter().any(|event| matches!(event, egui::Event::WindowFocused(true))));
        if focused {
            self.changed_on_disk = self.session.is_changed_on_disk();
        }
        let name = format::flow_title(&self.session);
        ctx.input(|input| {
            let viewport = input.viewport();
            if let Some(rect) = viewport.inner_rect.filter(|rect| rect.is_positive()) {
                let at = viewport.outer_rect.map_or(rect.min, |outer| outer.min);
                let maximized = viewport.maximized.unwrap_or(false);
                let place = WindowPlace { x: at.x, y: at.y, width: rect.width(), height: rect.height(), maximized };
                self.place = Some(place);
            }
        });
        let title = format!("{name}{} – Eventloom", if self.session.is_unsaved() { " •" } else { "" });
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        // Not while a panel's edge is being dragged: each step of that would go to the disk.
        let still = !ctx.input(|input| input.pointer.any_down());
        if self.keep_settings && still && self.settings != self.kept {
            if let Err(error) = self.settings.save() {
                self.toasts.say(error);
            }
            self.kept = self.settings.clone();
        }
    }

    fn keys(&mut self, ctx: &egui::Context, asks: &mut Vec<Ask>) {
        // What stands in front of everything has the keys to itself.
        if self.dialog.is_some() || self.search.is_some() || self.gallery_open || self.files.is_open() {
            return;
        }
        if ctx.memory(|memory| memory.top_modal_layer().is_some()) {
            return;
        }
        let typing = ctx.text_edit_focused();
        let keys = |action: Action| [action.shortcut(), action.other_shortcut()].into_iter().flatten();
        let mut shortcuts: Vec<_> =
            Action::ALL.into_iter().flat_map(|action| keys(action).map(move |key| (action, key))).collect();
        // The longer shortcut first: Ctrl+Z would take Ctrl+Shift+Z otherwise.
        shortcuts.sort_by_key(|(_, shortcut)| {
            let modifiers = shortcut.modifiers;
            std::cmp::Reverse(u8::from(modifiers.shift) + u8::from(modifiers.alt) + u8::from(modifiers.command))
        });
        for (action, shortcut) in shortcuts {
            if (typing && belongs_to_text(action)) || is_clipboard(action) {
                continue;
            }
            // An open menu closes itself on Escape; nothing else is to close with it.
            if action == Action::Escape && egui::Popup::is_any_open(ctx) {
                continue;
            }
            if !ctx.input_mut(|input| input.consume_shortcut(&shortcut)) {
                continue;
            }
            if typing {
                ctx.memory_mut(|memory| memory.stop_text_input());
                self.after_typing.push(action);
                ctx.request_repaint();
            } else {
                asks.push(Ask::Action(action));
            }
        }
    }

    /// The toolkit hands cut, copy and paste over as events, not as keys.
    fn clipboard(&self, ctx: &egui::Context, asks: &mut Vec<Ask>) {
        if ctx.text_edit_focused() || self.dialog.is_some() || self.search.is_some() {
            return;
        }
        ctx.input(|input| {
            for event in &input.events {
                match event {
                    egui::Event::Copy => asks.push(Ask::Action(Action::Copy)),
                    egui::Event::Cut => asks.push(Ask::Action(Action::Cut)),
                    egui::Event::Paste(text) => asks.push(Ask::Paste(text.clone(), self.view.middle)),
                    _ => {}
                }
            }
        });
    }

    fn dropped_files(&mut self, ctx: &egui::Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_path_buf()));
        if let Some(path) = dropped {
            self.leave(ctx, Then::Open(path));
        }
    }

    fn closing(&mut self, ctx: &egui::Context) {
        if !ctx.input(|input| input.viewport().close_requested()) {
            return;
        }
        if self.session.is_unsaved() && !self.closing {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.dialog = Some(Dialog::Unsaved(Then::Quit));
        }
    }

    /// Moves the keyboard to the next or previous part of the window that is shown.
    pub(super) fn go_to_part(&mut self, forth: bool) {
        let shown: Vec<Part> = Part::ALL
            .into_iter()
            .filter(|part| match part {
                Part::Library => self.settings.panels.library,
                Part::Inspector => self.settings.panels.inspector,
                Part::TopBar | Part::Canvas | Part::Lower => true,
            })
            .collect();
        let at = shown.iter().position(|part| *part == self.part.0).unwrap_or(0);
        let next = if forth { at + 1 } else { at + shown.len() - 1 };
        self.part = (shown[next % shown.len()], true);
    }

    /// Draws one frame.
    pub fn ui_pass(&mut self, ui: &mut Ui) {
        if self.dressed_at.is_none_or(|pass| pass == ui.ctx().cumulative_pass_nr()) {
            ui.ctx().request_repaint();
            return;
        }
        let live = self.session.live();
        let problems = Arc::clone(self.session.problems());
        let theme = Arc::clone(&self.theme);
        let asks = RefCell::new(self.asks.take());
        let ctx = ViewCtx {
            session: &self.session,
            live: &live,
            playhead: self.session.playhead(),
            problems: &problems,
            view: &self.view,
            theme: &theme,
            asks: &asks,
        };
        let wanted = std::mem::replace(&mut self.part.1, false).then_some(self.part.0);
        let panels = self.settings.panels;
        let bar = |margin: Margin| Frame::new().fill(theme.panel).inner_margin(margin);
        Panel::top("top bar").exact_size(theme.panels.top).resizable(false).frame(bar(Margin::symmetric(8, 0))).show(
            ui,
            |ui| {
                landmark(ui, &theme, Part::TopBar, wanted);
                topbar::topbar_ui(&ctx, &self.settings, ui);
            },
        );
        Panel::bottom("status bar")
            .exact_size(theme.panels.status)
            .resizable(false)
            .frame(bar(Margin::symmetric(12, 0)))
            .show(ui, |ui| status::status_ui(&ctx, ui));
        if panels.library {
            let shown = Panel::left("library")
                .default_size(panels.library_width)
                .size_range(160.0..=360.0)
                .frame(bar(Margin::symmetric(8, 4)))
                .show(ui, |ui| {
                    landmark(ui, &theme, Part::Library, wanted);
                    library::library_ui(&ctx, ui);
                });
            self.settings.panels.library_width = shown.response.rect.width().round();
        }
        if panels.inspector {
            let shown = Panel::right("inspector")
                .default_size(panels.inspector_width)
                .size_range(264.0..=480.0)
                .frame(bar(Margin::symmetric(12, 4)))
                .show(ui, |ui| {
                    landmark(ui, &theme, Part::Inspector, wanted);
                    inspector::inspector_ui(&ctx, &mut self.inspector, ui);
                });
            self.settings.panels.inspector_width = shown.response.rect.width().round();
        }
        let lower_margin = Margin { left: 8, right: 8, top: 0, bottom: 0 };
        let lower = if panels.foot {
            Panel::bottom("lower panel").default_size(panels.foot_height).size_range(96.0..=480.0)
        } else {
            Panel::bottom("lower panel folded").exact_size(theme.panels.lower_folded).resizable(false)
        };
        let shown = lower.frame(bar(lower_margin)).show(ui, |ui| {
            landmark(ui, &theme, Part::Lower, wanted);
            lower::lower_ui(&ctx, self.tab, panels.foot, &mut self.log, ui);
        });
        if panels.foot {
            self.settings.panels.foot_height = shown.response.rect.height().round();
        }
        let canvas_rect = CentralPanel::default()
            .frame(Frame::new().fill(theme.canvas))
            .show(ui, |ui| {
                if self.changed_on_disk {
                    changed_bar(&ctx, ui);
                }
                landmark(ui, &theme, Part::Canvas, wanted);
                let rect = ui.available_rect_before_wrap();
                self.canvas.ui(&ctx, ui);
                rect
            })
            .inner;
        if self.session.flow().nodes().is_empty() && self.search.is_none() {
            let gallery = self.gallery.get_or_insert_with(Gallery::default);
            empty_canvas(&ctx, gallery, canvas_rect, ui);
        }
        if self.event_card.as_mut().is_some_and(|card| !event_card::event_card_ui(&ctx, card, ui)) {
            self.event_card = None;
        }
        if self.queue.as_ref().is_some_and(|node| !queue::queue_ui(&ctx, node, ui)) {
            self.queue = None;
        }
        if self.search.as_mut().is_some_and(|search| !palette::search_ui(&ctx, search, ui)) {
            self.search = None;
        }
        if self.gallery_open {
            let gallery = self.gallery.get_or_insert_with(Gallery::default);
            self.gallery_open = gallery::gallery_ui(&ctx, gallery, ui);
        }
        let decision = self.dialog.as_mut().map(|dialog| dialogs::dialog_ui(&ctx, dialog, ui));
        self.files.ui(ui.ctx(), &theme);
        let lower_height = if panels.foot { panels.foot_height } else { theme.panels.lower_folded };
        self.toasts.ui(&theme, ui, theme.panels.status + lower_height);
        self.view.zoom = self.canvas.zoom();
        self.view.middle = self.canvas.middle();
        if self.canvas.took_show() {
            self.view.show = None;
            self.view.fit = false;
            self.view.zoom_by = 1.0;
        }
        if !asks.borrow().is_empty() {
            ui.ctx().request_repaint();
        }
        // Time goes on where nothing happens: the clock shows it.
        if live.state == RunState::Running {
            ui.ctx().request_repaint_after(CLOCK_TICK);
        }
        self.asks = asks;
        if let Some(decision) = decision {
            self.decide(ui.ctx(), decision);
        }
    }

    fn decide(&mut self, ctx: &egui::Context, decision: Decision) {
        match decision {
            Decision::Open => return,
            Decision::Close => self.dialog = None,
            Decision::SaveThen(then) => {
                self.dialog = None;
                self.after_save = Some(then);
                self.save(ctx);
            }
            Decision::LoseThen(then) => {
                self.dialog = None;
                self.go_on(ctx, then);
            }
            Decision::Export(format) => {
                self.dialog = None;
                self.export(ctx, format);
            }
        }
        ctx.request_repaint();
    }

    /// Shows an event's card.
    pub(super) fn open_event(&mut self, event: EventRef) {
        self.session.ask_event(event);
        let before = self.event_card.take().map_or_else(Vec::new, |card| {
            let mut before = card.before;
            before.push(card.event);
            before
        });
        self.event_card = Some(EventCardState { event, before });
    }

    /// Where something goes that is added without a pointer.
    pub(super) fn free_middle(&self) -> Point {
        super::build::free_place(self.session.flow(), self.view.middle)
    }
}

const fn theme_of(settings: &Settings) -> ThemeName {
    match settings.theme {
        SettingsTheme::Dark => ThemeName::Dark,
        SettingsTheme::Light => ThemeName::Light,
    }
}

/// A place for the keyboard at the beginning of a part, so that F6 leads there and Tab goes on from it.
fn landmark(ui: &Ui, theme: &Theme, part: Part, wanted: Option<Part>) {
    let rect = ui.max_rect();
    let id = Id::new(("landmark", part.name()));
    let response = ui.interact(Rect::from_min_size(rect.min, Vec2::ZERO), id, Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Panel, true, part.name()));
    if wanted == Some(part) {
        response.request_focus();
    }
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.5, theme.accent);
        let rect = rect.expand2(Vec2::new(4.0, 0.0));
        ui.painter().rect_stroke(rect, theme.control_corners(), stroke, egui::StrokeKind::Inside);
    }
}

/// The bar above the canvas when the file is not the one that was opened.
fn changed_bar(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    let frame = Frame::new().fill(Theme::wash(theme.warn, 0.16)).inner_margin(Margin::symmetric(12, 6));
    Panel::top("changed on disk").frame(frame).resizable(false).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(egui::RichText::new(egui_phosphor::regular::WARNING).color(theme.warn));
            ui.label("This file has been changed by another program");
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.button("Keep mine").on_hover_text("Saves this drawing over what is there now").clicked() {
                    ctx.ask(Ask::KeepMine);
                }
                if ui.button("Reload").on_hover_text("Reads the file again").clicked() {
                    ctx.ask(Ask::Reload);
                }
            });
        });
    });
}

/// Below the canvas' own words on an empty canvas: a few examples to begin with.
fn empty_canvas(ctx: &ViewCtx<'_>, gallery: &Gallery, canvas: Rect, ui: &Ui) {
    let theme = ctx.theme;
    let room = canvas.shrink(theme.space.xl);
    if room.height() < 420.0 || room.width() < 420.0 {
        return;
    }
    let width = room.width().min(700.0);
    let area = egui::Area::new(Id::new("first examples"))
        .order(egui::Order::Middle)
        .constrain(false)
        .pivot(egui::Align2::CENTER_BOTTOM)
        .fixed_pos(room.center_bottom());
    area.show(ui.ctx(), |ui| {
        ui.set_max_width(width);
        ui.horizontal(|ui| {
            ui.label(widgets::dim(theme, "Begin with an example"));
            if ui
                .add(
                    egui::Button::new(widgets::dim(theme, "All examples").color(theme.accent))
                        .frame_when_inactive(false),
                )
                .clicked()
            {
                ctx.act(Action::Examples);
            }
        });
        gallery::strip_ui(ctx, gallery, ui, width);
    });
}

/// Whether an action's key means something else while text is being typed.
const fn belongs_to_text(action: Action) -> bool {
    matches!(action, Action::Undo | Action::Redo | Action::Delete | Action::SelectAll | Action::Escape)
}

const fn is_clipboard(action: Action) -> bool {
    matches!(action, Action::Cut | Action::Copy | Action::Paste)
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.logic_pass(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.ui_pass(ui);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if self.keep_settings {
            // A window that fills the screen has no size of its own to remember.
            self.settings.window = match (self.place, self.settings.window) {
                (Some(place), Some(before)) if place.maximized => Some(WindowPlace { maximized: true, ..before }),
                (place, before) => place.or(before),
            };
            // Nobody is left to be told that it could not be kept.
            drop(self.settings.save());
        }
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.theme.canvas.to_normalized_gamma_f32()
    }
}
