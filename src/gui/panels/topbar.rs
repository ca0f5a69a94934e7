//! The top bar: what is open, how it runs, and the way to everything else.

use egui::{
    Align, Align2, Color32, CursorIcon, Layout, Rect, RectAlign, RichText, Sense, Stroke, Ui, UiBuilder, Vec2,
    WidgetInfo, WidgetType,
};
use egui_phosphor::regular as ph;

use crate::gui::action::{Action, ActionGroup};
use crate::gui::format;
use crate::gui::seek;
use crate::gui::speeds;
use crate::gui::theme::ThemeName;
use crate::gui::view::{Ask, Selection, ViewCtx};
use crate::gui::widgets;
use crate::session::RunState;
use crate::session::Settings;

/// Room for the run controls, in the middle whatever the name's length.
const RUN_WIDTH: f32 = 496.0;

/// Draws the top bar.
pub(crate) fn topbar_ui(ctx: &ViewCtx<'_>, settings: &Settings, ui: &mut Ui) {
    let bar = ui.max_rect();
    let middle = Rect::from_center_size(bar.center(), Vec2::new(RUN_WIDTH.min(bar.width()), bar.height()));
    let left = Rect::from_min_max(bar.min, egui::pos2(middle.left() - ctx.theme.space.s, bar.bottom()));
    let right = Rect::from_min_max(egui::pos2(middle.right() + ctx.theme.space.s, bar.top()), bar.max);
    let part = |ui: &mut Ui, rect: Rect, layout: Layout, salt: &str, add: &mut dyn FnMut(&mut Ui)| {
        ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout).id_salt(salt), |ui| {
            ui.set_clip_rect(rect.expand2(Vec2::new(0.0, 4.0)).intersect(ui.clip_rect()));
            add(ui);
        });
    };
    let from_left = Layout::left_to_right(Align::Center);
    part(ui, left, from_left, "left", &mut |ui| document(ctx, settings, ui));
    part(ui, middle, from_left, "run", &mut |ui| run_controls(ctx, ui));
    part(ui, right, Layout::right_to_left(Align::Center), "right", &mut |ui| search(ctx, ui));
}

fn document(ctx: &ViewCtx<'_>, settings: &Settings, ui: &mut Ui) {
    let theme = ctx.theme;
    ui.spacing_mut().item_spacing.x = theme.space.xs;
    let button = widgets::icon_button(ui, theme, ph::LIST, "Menu", "Everything that can be done", true);
    egui::Popup::menu(&button).show(|ui| menu(ctx, settings, ui));
    let session = ctx.session;
    widgets::action_button(ui, ctx, ph::ARROW_U_UP_LEFT, Action::Undo, session.undo_label().is_some());
    widgets::action_button(ui, ctx, ph::ARROW_U_UP_RIGHT, Action::Redo, session.redo_label().is_some());
    ui.add_space(theme.space.xs);
    let name = format::flow_title(session);
    let title = RichText::new(&name).font(theme.strong(theme.sizes.body)).color(theme.text);
    let response = ui.add(egui::Label::new(title).truncate().sense(Sense::click()));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Link, true, format!("Flow {name}")));
    if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text("Shows the settings of the flow").clicked() {
        ctx.ask(Ask::Select(Selection::default()));
    }
    if session.is_unsaved() {
        let (rect, response) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, "Not saved"));
        ui.painter().circle_filled(rect.center(), 3.5, theme.warn);
        response.on_hover_text("There are changes that are not saved");
    }
}

/// The main menu: one submenu for each group of the action list.
fn menu(ctx: &ViewCtx<'_>, settings: &Settings, ui: &mut Ui) {
    ui.set_min_width(120.0);
    for group in ActionGroup::ALL {
        widgets::submenu(ui, group.label(), |ui| {
            ui.set_min_width(260.0);
            for action in group.actions() {
                let enabled = is_possible(ctx, action);
                let mut button = egui::Button::new(menu_label(ctx, action)).wrap_mode(egui::TextWrapMode::Extend);
                if let Some(key) = action.shortcut_text() {
                    button = button.shortcut_text(widgets::hint(ctx.theme, key));
                }
                if let Some(on) = is_on(ctx, settings, action) {
                    button = button.selected(on);
                }
                let response = ui.add_enabled(enabled, button);
                widgets::tip_beside(&response, RectAlign::RIGHT_START, |ui| {
                    ui.label(action.tip());
                });
                if response.clicked() {
                    ctx.act(action);
                    ui.close();
                }
            }
            if group == ActionGroup::File && !settings.recent.is_empty() {
                ui.separator();
                ui.label(widgets::hint(ctx.theme, "Recent"));
                for path in &settings.recent {
                    let name = path
                        .file_name()
                        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
                    let response = ui.button(name);
                    widgets::tip_beside(&response, RectAlign::RIGHT_START, |ui| {
                        ui.label(path.display().to_string());
                    });
                    if response.clicked() {
                        ctx.ask(Ask::OpenFile(path.clone()));
                        ui.close();
                    }
                }
            }
        });
    }
}

fn menu_label(ctx: &ViewCtx<'_>, action: Action) -> String {
    let what = match action {
        Action::Undo => ctx.session.undo_label(),
        Action::Redo => ctx.session.redo_label(),
        _ => None,
    };
    match what {
        Some(what) => format!("{} “{what}”", action.label()),
        None => action.label().to_owned(),
    }
}

/// Whether an action would do anything now.
pub(crate) fn is_possible(ctx: &ViewCtx<'_>, action: Action) -> bool {
    let selection = &ctx.view.selection;
    match action {
        Action::Undo => ctx.session.undo_label().is_some(),
        Action::Redo => ctx.session.redo_label().is_some(),
        Action::Stop | Action::Drain => ctx.live.state.is_alive(),
        Action::Cut | Action::Copy | Action::Duplicate => !selection.nodes.is_empty(),
        Action::Delete | Action::Escape => !selection.is_empty(),
        Action::Connect => matches!(selection.nodes.len(), 1 | 2),
        Action::Fire => selection.single_node().is_some(),
        Action::Rebuild => {
            let node = selection.single_node().and_then(|node| ctx.session.flow().node(node));
            ctx.live.state.is_alive() && node.is_some_and(|node| node.kind.is_view())
        }
        Action::Replay => ctx.live.state.is_alive() && seek::selected(ctx.session, selection).is_some(),
        Action::Break => selection.single_node().is_some() || selection.single_link().is_some(),
        Action::Heal => !ctx.live.faults.is_empty() && !selection.is_empty(),
        _ => true,
    }
}

/// Whether what an action switches is on; `None` if it switches nothing.
fn is_on(ctx: &ViewCtx<'_>, settings: &Settings, action: Action) -> Option<bool> {
    match action {
        Action::ToggleLibrary => Some(settings.panels.library),
        Action::ToggleInspector => Some(settings.panels.inspector),
        Action::ToggleLower => Some(settings.panels.foot),
        Action::ToggleTheme => Some(ctx.theme.name == ThemeName::Light),
        Action::ToggleEventShapes => Some(settings.event_shapes),
        Action::ToggleReducedMotion => Some(settings.reduced_motion),
        Action::ToggleInAppDialogs => Some(settings.in_app_dialogs),
        _ => None,
    }
}

fn run_controls(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let (theme, state) = (ctx.theme, ctx.live.state);
    ui.spacing_mut().item_spacing.x = theme.space.xs;
    widgets::action_button(ui, ctx, ph::ARROW_COUNTER_CLOCKWISE, Action::Restart, state != RunState::Idle);
    widgets::action_button(ui, ctx, ph::SKIP_FORWARD, Action::StepRecord, state != RunState::Running);
    run_button(ctx, ui);
    widgets::action_button(ui, ctx, ph::STOP, Action::Stop, state.is_alive());
    ui.add_space(theme.space.m);
    speed(ctx, ui);
    ui.add_space(theme.space.m);
    clock(ctx, ui);
}

/// The one primary button of the window.
fn run_button(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    let (icon, label) = match ctx.live.state {
        RunState::Running | RunState::Draining => (ph::PAUSE, "Pause"),
        RunState::Paused => (ph::PLAY, "Resume"),
        RunState::Idle | RunState::Ended => (ph::PLAY, "Run"),
    };
    let running = matches!(ctx.live.state, RunState::Running | RunState::Draining);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(92.0, 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, label));
    let lift = if response.hovered() { 0.9 } else { 1.0 };
    let (fill, ink) =
        if running { (theme.raised, theme.text) } else { (theme.accent.gamma_multiply(lift), theme.on_accent) };
    ui.painter().rect_filled(rect, theme.control_corners(), fill);
    if response.has_focus() {
        let ring = Stroke::new(1.5, theme.accent);
        ui.painter().rect_stroke(rect.expand(2.0), theme.control_corners(), ring, egui::StrokeKind::Outside);
    }
    let icon_at = rect.left_center() + Vec2::new(18.0, 0.0);
    ui.painter().text(icon_at, Align2::CENTER_CENTER, icon, theme.words(theme.sizes.icon), ink);
    let text_at = rect.left_center() + Vec2::new(32.0, 0.0);
    ui.painter().text(text_at, Align2::LEFT_CENTER, label, theme.strong(theme.sizes.body), ink);
    if response.on_hover_text(Action::RunOrPause.tip_with_key()).clicked() {
        ctx.act(Action::RunOrPause);
    }
}

/// The speed as words and as a slider with a step for 1, 2 and 5 of each decade.
fn speed(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    let speed = if ctx.live.state.is_alive() { ctx.live.speed } else { ctx.view.speed };
    let (rect, _) = ui.allocate_exact_size(Vec2::new(44.0, 28.0), Sense::hover());
    let font = theme.mono(theme.sizes.small);
    ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, speed.to_string(), font, theme.text);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(112.0, 28.0), Sense::click_and_drag());
    let step = speeds::step_of(speed);
    response.widget_info(|| WidgetInfo::slider(true, step as f64, "Speed"));
    let rail = Rect::from_center_size(rect.center(), Vec2::new(rect.width() - 12.0, 2.0));
    let x_of = |step: usize| egui::lerp(rail.x_range(), step as f32 / speeds::MAX_STEP as f32);
    let mut chosen = step;
    if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()) {
        let share = (pointer.x - rail.left()) / rail.width();
        chosen = (share * speeds::MAX_STEP as f32).round().clamp(0.0, speeds::MAX_STEP as f32) as usize;
    }
    if response.double_clicked() {
        chosen = speeds::step_of(crate::session::Speed::default());
    }
    if response.has_focus() {
        ui.memory_mut(|memory| {
            let filter = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
            memory.set_focus_lock_filter(response.id, filter);
        });
        let key = |key| ui.input(|input| input.key_pressed(key));
        if key(egui::Key::ArrowRight) {
            chosen = (chosen + 1).min(speeds::MAX_STEP);
        } else if key(egui::Key::ArrowLeft) {
            chosen = chosen.saturating_sub(1);
        }
    }
    if chosen != step {
        ctx.ask(Ask::Speed(speeds::at(chosen)));
    }
    let painter = ui.painter();
    painter.rect_filled(rail, 1.0, theme.edge);
    let one = x_of(speeds::step_of(crate::session::Speed::default()));
    painter.vline(one, (rail.center().y - 5.0)..=(rail.center().y + 5.0), Stroke::new(1.0, theme.edge));
    let lit = response.hovered() || response.has_focus() || response.dragged();
    let handle: Color32 = if lit { theme.accent } else { theme.dim };
    painter.circle_filled(egui::pos2(x_of(step), rail.center().y), if lit { 6.5 } else { 5.5 }, handle);
    let tip = format!(
        "How fast virtual time passes: 0.001x to 1000x, and as fast as the machine can. Results stay the same  ({}, {})",
        Action::Slower.shortcut_text().unwrap_or_default(),
        Action::Faster.shortcut_text().unwrap_or_default(),
    );
    response.on_hover_text(tip);
}

fn clock(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    let text = ctx.playhead.to_string();
    // Tenths are what the eye can follow.
    let text = &text[..text.len().saturating_sub(2)];
    let color = if ctx.live.state == RunState::Idle { theme.faint } else { theme.text };
    let label = RichText::new(text).font(theme.mono(theme.sizes.body)).color(color);
    ui.label(label).on_hover_text("Virtual time since the start of the run");
}

fn search(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    ui.spacing_mut().item_spacing.x = theme.space.xs;
    let (icon, name) = match theme.name {
        ThemeName::Dark => (ph::SUN, "Light theme"),
        ThemeName::Light => (ph::MOON, "Dark theme"),
    };
    let response = widgets::icon_button(ui, theme, icon, name, &Action::ToggleTheme.tip_with_key(), true);
    if response.clicked() {
        ctx.act(Action::ToggleTheme);
    }
    let (rect, response) = ui.allocate_exact_size(Vec2::new(200.0_f32.min(ui.available_width()), 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, Action::Palette.label()));
    let lit = response.hovered() || response.has_focus();
    ui.painter().rect_filled(rect, theme.control_corners(), if lit { theme.raised } else { theme.field });
    let border = if response.has_focus() { theme.accent } else { theme.line };
    ui.painter().rect_stroke(rect, theme.control_corners(), Stroke::new(1.0, border), egui::StrokeKind::Inside);
    let at = rect.left_center() + Vec2::new(10.0, 0.0);
    let icon =
        ui.painter().text(at, Align2::LEFT_CENTER, ph::MAGNIFYING_GLASS, theme.words(theme.sizes.body), theme.dim);
    let at = egui::pos2(icon.right() + theme.space.s, rect.center().y);
    ui.painter().text(at, Align2::LEFT_CENTER, "Search", theme.words(theme.sizes.small), theme.dim);
    // In a narrow window there is room for the word alone.
    if let Some(key) = Action::Palette.shortcut_text().filter(|_| rect.width() > 132.0) {
        let at = rect.right_center() - Vec2::new(10.0, 0.0);
        ui.painter().text(at, Align2::RIGHT_CENTER, key, theme.words(theme.sizes.tiny), theme.faint);
    }
    if response.on_hover_text(Action::Palette.tip()).clicked() {
        ctx.act(Action::Palette);
    }
}
