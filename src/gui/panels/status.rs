//! The status bar: how the run goes and whether the flow is saved, each figure with its meaning on hover.

use std::fmt::Write as _;

use egui::{RichText, Ui};

use crate::gui::action::Action;
use crate::gui::format;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::plan::Severity;
use crate::session::{RunState, Standing};

/// Draws the status bar.
pub(crate) fn status_ui(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let (theme, live) = (ctx.theme, ctx.live);
    ui.spacing_mut().item_spacing.x = theme.space.l;
    ui.horizontal_centered(|ui| {
        let (color, word) = match live.state {
            RunState::Idle => (theme.faint, "Not running"),
            RunState::Running => (theme.good, "Running"),
            RunState::Paused => (theme.warn, "Paused"),
            RunState::Draining => (theme.warn, "Draining"),
            RunState::Ended => (theme.faint, "Ended"),
        };
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.x = theme.space.s;
            dot(ui, color);
            let text = if live.state.is_alive() { format!("{word} {}", live.speed) } else { word.to_owned() };
            let response = ui.label(widgets::dim(theme, text));
            if let Some(reason) = &live.ended_because {
                response.on_hover_text(reason.as_str());
            }
        });
        if live.state != RunState::Idle {
            let counts = &live.counts;
            figure(
                ctx,
                ui,
                &format::rate(counts.events_per_second),
                "",
                "Events that come into being per second of virtual time, lately",
            );
            figure(
                ctx,
                ui,
                &format::count(counts.on_wire),
                "on the wire",
                "Events travelling a link now: the dots and bundles add up to this",
            );
            figure(
                ctx,
                ui,
                &format::count(counts.in_flight),
                "in flight",
                "Records handed out to a member and not settled yet",
            );
            figure(
                ctx,
                ui,
                &format::count(counts.queued + counts.delayed),
                "queued",
                "Records waiting to be handed out, those waiting for their next attempt included",
            );
            if counts.given_up > 0 {
                figure(
                    ctx,
                    ui,
                    &format::count(counts.given_up),
                    "given up",
                    "Obligations that were dropped, dead-lettered, expired, evicted or purged so far",
                );
            }
            if !live.behind.is_zero() {
                let text = RichText::new(format!("{} behind", format::duration(live.behind)))
                    .color(theme.warn)
                    .size(theme.sizes.small);
                ui.label(text).on_hover_text(
                    "How far virtual time is behind where this speed would have it: the machine does not keep up",
                );
            }
        }
        if live.runs_earlier_drawing {
            let text = RichText::new("runs an earlier drawing").color(theme.warn).size(theme.sizes.small);
            ui.label(text).on_hover_text(
                "The drawing has problems that keep it from running; the run goes on with the drawing before",
            );
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let zoom = ui.add(
                egui::Button::new(widgets::figure(theme, format!("{:>3.0} %", ctx.view.zoom * 100.0)).color(theme.dim))
                    .frame(false),
            );
            if zoom.on_hover_text("The canvas' zoom; press to go to 100 %").clicked() {
                ctx.act(Action::ZoomReset);
            }
            let saved = match (ctx.session.path(), ctx.session.is_unsaved()) {
                (_, true) => "Not saved",
                (Some(_), false) => "Saved",
                (None, false) => "No changes",
            };
            let place = ctx
                .session
                .path()
                .map_or_else(|| "This flow has no file yet".to_owned(), |path| path.display().to_string());
            ui.label(widgets::dim(theme, saved)).on_hover_text(place);
            let seed = if live.state == RunState::Idle { ctx.session.flow().seed() } else { live.seed };
            figure(
                ctx,
                ui,
                &seed.to_string(),
                "seed",
                "Where all chance of this run comes from: the same seed gives the same run",
            );
            problems(ctx, ui);
            expectations(ctx, ui);
        });
    });
}

fn problems(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let theme = ctx.theme;
    let errors = ctx.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = ctx.problems.len() - errors;
    if errors + warnings == 0 {
        return;
    }
    let color = if errors > 0 { theme.bad } else { theme.warn };
    let text = match (errors, warnings) {
        (0, 1) => "1 warning".to_owned(),
        (0, n) => format!("{n} warnings"),
        (1, 0) => "1 error".to_owned(),
        (n, 0) => format!("{n} errors"),
        (errors, warnings) => format!("{} problems", errors + warnings),
    };
    let button = egui::Button::new(RichText::new(text).color(color).size(theme.sizes.small)).frame(false);
    if ui.add(button).on_hover_text(Action::ShowProblems.tip_with_key()).clicked() {
        ctx.act(Action::ShowProblems);
    }
}

/// How many expectations hold, of all; those that do not, on hover.
fn expectations(ctx: &ViewCtx<'_>, ui: &mut Ui) {
    let (theme, verdicts) = (ctx.theme, &ctx.live.verdicts);
    if verdicts.is_empty() || ctx.live.state == RunState::Idle {
        return;
    }
    let count = |standing: Standing| verdicts.iter().filter(|verdict| verdict.standing == standing).count();
    let (kept, broken) = (count(Standing::Kept), count(Standing::Broken));
    let color = match (broken, kept == verdicts.len()) {
        (0, true) => theme.good,
        (0, false) => theme.dim,
        _ => theme.bad,
    };
    let text = RichText::new(format!("Expectations {kept}/{}", verdicts.len())).color(color).size(theme.sizes.small);
    let mut tip = "How many of the flow's expectations hold so far".to_owned();
    for verdict in verdicts.iter().filter(|verdict| verdict.standing != Standing::Kept) {
        let word = if verdict.standing == Standing::Broken { "broken" } else { "open" };
        // A write to a string cannot fail.
        write!(tip, "\n{}, {word}: {}", verdict.name, verdict.what).ok();
    }
    if ui.add(egui::Button::new(text).frame(false)).on_hover_text(tip).clicked() {
        let first = verdicts.iter().find(|verdict| verdict.standing == Standing::Broken);
        ctx.ask(Ask::ShowExpectations(first.map(|verdict| verdict.name.clone())));
    }
}

/// A number, what it counts, and what that means on hover. Laid out so in either direction.
fn figure(ctx: &ViewCtx<'_>, ui: &mut Ui, number: &str, what: &str, meaning: &str) {
    let theme = ctx.theme;
    // What changes never changes its width, up to what is rare.
    let padded = match what {
        "seed" => number.to_owned(),
        "" => format!("{number:>8}"),
        _ => format!("{number:>3}"),
    };
    let number = padded.as_str();
    let mut job = egui::text::LayoutJob::default();
    let format =
        |font, color| egui::TextFormat { font_id: font, color, valign: egui::Align::Center, ..Default::default() };
    if what == "seed" {
        job.append("seed ", 0.0, format(theme.words(theme.sizes.small), theme.faint));
        job.append(number, 0.0, format(theme.mono(theme.sizes.small), theme.dim));
    } else {
        job.append(number, 0.0, format(theme.mono(theme.sizes.small), theme.text));
        if !what.is_empty() {
            job.append(what, 6.0, format(theme.words(theme.sizes.small), theme.dim));
        }
    }
    ui.label(job).on_hover_text(meaning);
}

fn dot(ui: &mut Ui, color: egui::Color32) {
    let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(8.0), egui::Sense::hover());
    ui.painter().circle_filled(rect.center(), 4.0, color);
}
