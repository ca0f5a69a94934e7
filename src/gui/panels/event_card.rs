//! An event's card: what it is, where it came from, what it led to, and what became of it everywhere.

use egui::{Frame, Margin, RichText, Sense, Ui, Vec2, WidgetInfo, WidgetType, Window};
use egui_phosphor::regular as ph;

use crate::gui::view::{Ask, Target, ViewCtx};
use crate::gui::widgets;
use crate::session::{Answer, EventCard, EventRef, ObligationCard, RelatedEvent, RunState};

use super::{log, queue};

/// What the card remembers while it is open.
pub(crate) struct EventCardState {
    /// The event that is shown.
    pub event: EventRef,
    /// Those that were shown before it, to go back.
    pub before: Vec<EventRef>,
}

/// Draws the card; whether it stays open.
pub(crate) fn event_card_ui(ctx: &ViewCtx<'_>, state: &mut EventCardState, ui: &Ui) -> bool {
    let theme = ctx.theme;
    let mut open = true;
    let room = ui.ctx().content_rect();
    let at = egui::pos2(
        room.right() - theme.panels.inspector - 440.0 - theme.space.l,
        room.top() + theme.panels.top + theme.space.l,
    );
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let window = Window::new("Event card")
        .title_bar(false)
        .frame(frame)
        .default_pos(at)
        .default_size([440.0, 520.0])
        .min_width(360.0)
        .max_height(room.height() - 120.0)
        .resizable(true);
    window.show(ui.ctx(), |ui| {
        head(ctx, state, &mut open, ui);
        match ctx.session.event_card() {
            Answer::None => {
                ui.label(widgets::dim(theme, "There is no run to look into"));
            }
            Answer::Working => {
                ui.label(widgets::dim(theme, "Running the past again…"));
            }
            Answer::Failed(why) => {
                ui.add(egui::Label::new(RichText::new(why).color(theme.bad)).wrap());
            }
            Answer::Ready(card) => {
                egui::ScrollArea::vertical().id_salt("event card").auto_shrink([false, false]).show(ui, |ui| {
                    ui.set_max_width(ui.available_width() - theme.space.s);
                    card_ui(ctx, &card, ui);
                });
            }
        }
    });
    open
}

fn head(ctx: &ViewCtx<'_>, state: &mut EventCardState, open: &mut bool, ui: &mut Ui) {
    let theme = ctx.theme;
    ui.horizontal(|ui| {
        if !state.before.is_empty()
            && widgets::small_icon_button(ui, theme, ph::ARROW_LEFT, "Back", "Shows the event before", true).clicked()
            && let Some(before) = state.before.pop()
        {
            state.event = before;
            ctx.ask(Ask::AskEvent(before));
        }
        let id = ctx.live.event_text(state.event.event);
        if let Answer::Ready(card) = ctx.session.event_card()
            && let Some(kind) = attribute(&card, "type")
        {
            dot(ctx, ui, kind);
            ui.label(RichText::new(kind).font(theme.strong(theme.sizes.body)));
        } else {
            ui.label(RichText::new("Event").color(theme.dim));
        }
        ui.label(RichText::new(id).font(theme.mono(theme.sizes.small)).color(theme.dim));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if widgets::small_icon_button(ui, theme, ph::X, "Close event card", "Closes the card", true).clicked() {
                *open = false;
            }
            if ctx.live.state != RunState::Idle
                && widgets::small_icon_button(
                    ui,
                    theme,
                    ph::ARROW_CLOCKWISE,
                    "Look again",
                    "Asks what has become of it by now",
                    true,
                )
                .clicked()
            {
                let now = EventRef { event: state.event.event, seen_at: ctx.live.now };
                state.event = now;
                ctx.ask(Ask::AskEvent(now));
            }
        });
    });
    ui.add_space(theme.space.s);
}

/// What an attribute of it says.
fn attribute<'a>(card: &'a EventCard, name: &str) -> Option<&'a str> {
    card.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// The dot that an event type is known by.
fn dot(ctx: &ViewCtx<'_>, ui: &mut Ui, kind: &str) {
    let colors = ctx.session.flow().event_colors();
    let color = colors.iter().find(|(name, _)| name.as_str() == kind).map(|(_, color)| ctx.theme.event(*color));
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(ctx.theme.space.s), Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, color.unwrap_or(ctx.theme.faint));
}

fn section(ctx: &ViewCtx<'_>, ui: &mut Ui, title: &str) {
    let theme = ctx.theme;
    ui.add_space(theme.space.m);
    ui.label(RichText::new(title).font(theme.strong(theme.sizes.small)).color(theme.dim));
    ui.add_space(theme.space.xs);
}

/// What it carries and what came of it first; what every event has comes last.
fn card_ui(ctx: &ViewCtx<'_>, card: &EventCard, ui: &mut Ui) {
    let theme = ctx.theme;
    ui.spacing_mut().item_spacing.y = 2.0;
    let key = attribute(card, "partitionkey").map(|key| format!("key {key}"));
    let short: Vec<String> = [Some(format!("Emitted at {}", card.emitted_at)), key].into_iter().flatten().collect();
    ui.label(widgets::dim(theme, short.join(", ")));
    if let Some(data) = &card.data {
        section(ctx, ui, "Data");
        Frame::new().fill(theme.field).corner_radius(theme.control_corners()).inner_margin(Margin::same(8)).show(
            ui,
            |ui| {
                ui.set_min_width(ui.available_width());
                // A payload is never markup: it is shown as it is, up to what can be read.
                let shown: String = data.chars().take(20_000).collect();
                ui.add(egui::Label::new(widgets::figure(theme, shown)).wrap().selectable(true));
            },
        );
    }
    if let Some(cause) = &card.cause {
        section(ctx, ui, "Caused by");
        related(ctx, ui, cause);
    }
    if !card.effects.is_empty() {
        section(ctx, ui, "Led to");
        for effect in card.effects.iter().take(100) {
            related(ctx, ui, effect);
        }
        if card.effects.len() > 100 {
            ui.label(widgets::hint(theme, format!("and {} more", card.effects.len() - 100)));
        }
    }
    if !card.obligations.is_empty() {
        section(ctx, ui, "What became of it");
        for obligation in &card.obligations {
            obligation_ui(ctx, ui, obligation);
        }
    }
    if !card.history.is_empty() {
        section(ctx, ui, "History");
        ui.spacing_mut().item_spacing.y = 0.0;
        for row in card.history.iter().take(300) {
            log::history_row(ctx, ui, row);
        }
        ui.spacing_mut().item_spacing.y = 2.0;
    }
    section(ctx, ui, "Attributes");
    for (name, value) in &card.attributes {
        ui.horizontal_top(|ui| {
            ui.allocate_ui_with_layout(Vec2::new(120.0, 18.0), egui::Layout::left_to_right(egui::Align::Min), |ui| {
                ui.set_min_width(120.0);
                ui.label(widgets::dim(theme, *name));
            });
            let text = widgets::figure(theme, value.as_str());
            ui.add(egui::Label::new(text).wrap().selectable(true));
        });
    }
}

/// Another event, as a way to its card.
fn related(ctx: &ViewCtx<'_>, ui: &mut Ui, event: &RelatedEvent) {
    let theme = ctx.theme;
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Link, true, format!("{} {}", event.kind, event.id)));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, theme.control_corners(), theme.raised);
    }
    widgets::focus_ring(ui, theme, &response);
    let color = ctx.session.flow().event_colors().get(&event.kind).map_or(theme.faint, |color| theme.event(*color));
    ui.painter().circle_filled(rect.left_center() + Vec2::new(8.0, 0.0), 3.5, color);
    let at = rect.left_center() + Vec2::new(20.0, 0.0);
    let kind = ui.painter().text(
        at,
        egui::Align2::LEFT_CENTER,
        event.kind.as_str(),
        theme.mono(theme.sizes.small),
        theme.text,
    );
    let at = egui::pos2(kind.right() + theme.space.m, rect.center().y);
    ui.painter().text(at, egui::Align2::LEFT_CENTER, &event.id, theme.mono(theme.sizes.small), theme.dim);
    if response.on_hover_text("Shows this event's card").clicked() {
        ctx.ask(Ask::OpenEvent(event.event));
    }
}

fn obligation_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, obligation: &ObligationCard) {
    let theme = ctx.theme;
    let (icon, color) = match (obligation.settled, obligation.state.as_str()) {
        (true, "acked") => (ph::CHECK, theme.good),
        (true, _) => (ph::X, theme.bad),
        (false, _) => (ph::CLOCK, theme.warn),
    };
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = theme.space.s;
        ui.label(RichText::new(icon).color(color));
        ui.label(RichText::new(&obligation.subscription).size(theme.sizes.body));
        ui.label(RichText::new(&obligation.state).size(theme.sizes.small).color(color));
        let attempts = match (obligation.attempts, obligation.settled) {
            (0, true) => "never handed over".to_owned(),
            (0, false) => "not handed over yet".to_owned(),
            (attempts, _) => queue::deliveries(attempts),
        };
        ui.label(widgets::dim(theme, attempts));
        if let Some(owner) = &obligation.owner {
            let text = widgets::dim(theme, ctx.session.flow().title(owner)).color(theme.accent);
            if ui
                .add(egui::Button::new(text).frame_when_inactive(false).small())
                .on_hover_text("Shows this node")
                .clicked()
            {
                ctx.ask(Ask::Show(Target::Node(owner.clone())));
            }
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.add_space(24.0);
        ui.label(RichText::new(&obligation.place).font(theme.mono(theme.sizes.tiny)).color(theme.faint));
        if let Some(reason) = &obligation.reason {
            ui.label(widgets::hint(theme, reason.as_str()).color(theme.dim));
        }
    });
    ui.add_space(theme.space.xs);
}
