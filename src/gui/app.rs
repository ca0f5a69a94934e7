//! The window as a whole: what it holds, and in which order a frame goes.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;

use egui::{CentralPanel, Frame, Margin, Panel, Ui};

use crate::model::Flow;
use crate::session::Session;

use super::action::Action;
use super::canvas::Canvas;
use super::panels::inspector::{self, InspectorState};
use super::panels::{library, status, topbar};
use super::settings::Settings;
use super::theme::{self, Theme};
use super::toasts::Toasts;
use super::view::{Ask, ViewCtx, ViewState};

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum GuiError {
    /// There is no display, or it cannot draw. Nothing was opened or changed.
    #[error("no window can be opened here ({0}); `eventloom simulate FLOW` runs a flow without one")]
    NoWindow(String),
}

/// The designer window.
pub struct App {
    pub(super) session: Session,
    pub(super) view: ViewState,
    pub(super) settings: Settings,
    pub(super) toasts: Toasts,
    pub(super) inspector: InspectorState,
    pub(super) canvas: Canvas,
    theme: Arc<Theme>,
    /// What the last frame asked for; carried out before the next.
    asks: RefCell<Vec<Ask>>,
    /// The toolkit's pass in which fonts and theme were set: they are there from the next one on.
    dressed_at: Option<u64>,
}

/// Opens the window and returns when it is closed.
pub fn run(_path: Option<PathBuf>) -> Result<(), GuiError> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Eventloom")
        .with_app_id("eventloom")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([800.0, 500.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions { viewport, ..Default::default() };
    let app = App::new(Session::new(Flow::new("")), Settings::default());
    eframe::run_native("Eventloom", options, Box::new(move |_| Ok(Box::new(app))))
        .map_err(|error| GuiError::NoWindow(error.to_string()))
}

impl App {
    /// A window onto a session that keeps nothing on the disk: for tests.
    pub fn new_for_test(session: Session) -> Self {
        Self::new(session, Settings::default())
    }

    /// A window onto a session.
    pub(super) fn new(session: Session, settings: Settings) -> Self {
        let theme = Theme::of(settings.theme());
        Self {
            session,
            view: ViewState { fit: true, ..ViewState::default() },
            settings,
            toasts: Toasts::default(),
            inspector: InspectorState::default(),
            canvas: Canvas::default(),
            theme,
            asks: RefCell::default(),
            dressed_at: None,
        }
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

    /// Makes the window look as the settings say.
    pub(super) fn use_settings(&mut self, ctx: &egui::Context) {
        self.theme = Theme::of(self.settings.theme());
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
        }
        self.keys(ctx);
        for ask in self.asks.take() {
            self.perform(ctx, ask);
        }
    }

    fn keys(&mut self, ctx: &egui::Context) {
        let typing = ctx.text_edit_focused();
        let mut actions: Vec<Action> = Action::ALL.into_iter().filter(|action| action.shortcut().is_some()).collect();
        // The longer shortcut first: Ctrl+Z would take Ctrl+Shift+Z otherwise.
        actions.sort_by_key(|action| {
            let modifiers = action.shortcut().map(|shortcut| shortcut.modifiers).unwrap_or_default();
            std::cmp::Reverse(u8::from(modifiers.shift) + u8::from(modifiers.alt) + u8::from(modifiers.command))
        });
        for action in actions {
            let Some(shortcut) = action.shortcut() else { continue };
            if typing && belongs_to_text(action) {
                continue;
            }
            if ctx.input_mut(|input| input.consume_shortcut(&shortcut)) {
                self.asks.borrow_mut().push(Ask::Action(action));
            }
        }
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
        let panel = |margin: Margin| Frame::new().fill(theme.panel).inner_margin(margin);
        Panel::top("top bar")
            .exact_size(theme.panels.top)
            .resizable(false)
            .frame(panel(Margin::symmetric(8, 0)))
            .show(ui, |ui| topbar::topbar_ui(&ctx, &self.settings, ui));
        Panel::bottom("status bar")
            .exact_size(theme.panels.status)
            .resizable(false)
            .frame(panel(Margin::symmetric(12, 0)))
            .show(ui, |ui| status::status_ui(&ctx, ui));
        if self.settings.library {
            Panel::left("library")
                .default_size(theme.panels.library)
                .size_range(160.0..=360.0)
                .frame(panel(Margin::symmetric(8, 4)))
                .show(ui, |ui| library::library_ui(&ctx, ui));
        }
        if self.settings.inspector {
            Panel::right("inspector")
                .default_size(theme.panels.inspector)
                .size_range(248.0..=480.0)
                .frame(panel(Margin::symmetric(12, 4)))
                .show(ui, |ui| inspector::inspector_ui(&ctx, &mut self.inspector, ui));
        }
        CentralPanel::default().frame(Frame::new().fill(theme.canvas)).show(ui, |ui| self.canvas.ui(&ctx, ui));
        self.toasts.ui(&theme, ui, theme.panels.status);
        if !asks.borrow().is_empty() {
            ui.ctx().request_repaint();
        }
        self.asks = asks;
        if self.canvas.took_show() {
            self.view.show = None;
            self.view.fit = false;
            self.view.zoom_by = 1.0;
        }
        self.view.zoom = self.canvas.zoom();
        self.view.middle = self.canvas.middle();
    }
}

/// Whether an action's key means something else while text is being typed.
const fn belongs_to_text(action: Action) -> bool {
    matches!(
        action,
        Action::Undo
            | Action::Redo
            | Action::Cut
            | Action::Copy
            | Action::Paste
            | Action::Delete
            | Action::SelectAll
            | Action::Escape
    )
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.logic_pass(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.ui_pass(ui);
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.theme.canvas.to_normalized_gamma_f32()
    }
}
