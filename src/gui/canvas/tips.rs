//! What the pointer is told: every figure with its unit and a sentence, what is wrong and what would help, a dot's true
//! times.

use egui::{Response, RichText, Ui};

use crate::gui::format;
use crate::gui::view::ViewCtx;
use crate::model::KindTag;
use crate::plan::{Place, Severity};
use crate::session::{Dot, KeptLive, Leg, NodeLive};
use crate::trace::Circuit;

use super::gesture::Gesture;
use super::hit::Hit;
use super::nodes::words_on;
use super::{Canvas, words};

impl Canvas {
    /// Shows the tip of what is under the pointer.
    pub(super) fn tip_ui(&self, ctx: &ViewCtx<'_>, response: &Response) {
        let quiet = self.gesture != Gesture::Idle || response.context_menu_opened() || !response.contains_pointer();
        if quiet || matches!(self.hover, Hit::Nothing) || self.is_read_already(ctx, response) {
            return;
        }
        let tip = |ui: &mut Ui| {
            ui.set_max_width(300.0);
            match self.hover {
                Hit::Dot(dot) => {
                    if let Some(dot) = ctx.live.dots.get(dot as usize) {
                        dot_ui(ctx, ui, dot);
                    }
                }
                Hit::Badge(node) => self.problems_ui(ctx, ui, node),
                Hit::Fire(_) => {
                    ui.label("Fire one event now");
                }
                Hit::Port(port) => {
                    ui.label(match port.side {
                        super::Side::In => "Drag to what events come from",
                        super::Side::Out => "Drag to where events go",
                        super::Side::Dead => "Drag to a dead-letter queue for what is given up",
                    });
                }
                Hit::Corner(_) => {
                    ui.label("Drag to make it larger or smaller");
                }
                Hit::Queue(node) | Hit::Node(node) => self.node_tip_ui(ctx, ui, node),
                Hit::Link(link) => self.link_tip_ui(ctx, ui, link),
                Hit::Nothing => {}
            }
        };
        match self.hover {
            // A dot moves on: what it is has to be said at once.
            Hit::Dot(_) => {
                egui::Tooltip::always_open(
                    response.ctx.clone(),
                    response.layer_id,
                    response.id,
                    egui::PopupAnchor::Pointer,
                )
                .gap(12.0)
                .show(tip);
            }
            _ => {
                response.clone().on_hover_ui_at_pointer(tip);
            }
        }
    }

    /// Whether the pointer is on a note whose words can all be read where they stand.
    fn is_read_already(&self, ctx: &ViewCtx<'_>, response: &Response) -> bool {
        let Hit::Node(node) = self.hover else { return false };
        let node = &self.scene.nodes[node as usize];
        let zoom = self.camera.zoom;
        let words = || words_on(&response.ctx, ctx.theme, zoom, node.rect.size() * zoom, &node.text);
        node.tag == KindTag::Note && !node.text.is_empty() && words().is_some_and(|words| !words.elided)
    }

    fn node_tip_ui(&self, ctx: &ViewCtx<'_>, ui: &mut Ui, ix: u32) {
        let node = &self.scene.nodes[ix as usize];
        // From further away not all of a note's words fit its paper.
        if node.tag == KindTag::Note && !node.text.is_empty() {
            ui.label(&node.text);
            return;
        }
        ui.label(RichText::new(&node.title).strong());
        let live = self.marks.nodes[ix as usize].live.and_then(|live| ctx.live.nodes.get(live as usize));
        let Some(live) = live.filter(|_| node.tag != KindTag::Note) else {
            ui.label(node.tag.tip());
            return;
        };
        for (figure, meaning) in node_figures(node.tag, live) {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.label(RichText::new(figure).font(ctx.theme.mono(11.0)).color(ctx.theme.text));
                ui.label(RichText::new(meaning).color(ctx.theme.dim));
            });
        }
    }

    fn link_tip_ui(&self, ctx: &ViewCtx<'_>, ui: &mut Ui, ix: u32) {
        ui.label(RichText::new(self.scene.link_name(ix)).strong());
        if let Some(label) = &self.scene.links[ix as usize].label {
            ui.label(label);
        }
        let live = self.marks.links[ix as usize].live.and_then(|live| ctx.live.links.get(live as usize));
        if let Some(live) = live {
            let rate = format::rate(live.per_second);
            ui.label(format!("{rate} lately, {} so far", format::short_count(live.sent)));
            ui.label(format!("{} on the wire: left and not yet arrived", format::short_count(live.on_wire)));
            match live.circuit {
                Some(Circuit::Open) => {
                    ui.colored_label(ctx.theme.bad, "Its circuit breaker is open: nothing goes through");
                }
                Some(Circuit::HalfOpen) => {
                    ui.colored_label(ctx.theme.warn, "Its circuit breaker is half-open: probes decide");
                }
                Some(Circuit::Closed) | None => {}
            }
            if live.lost > 0 {
                ui.colored_label(ctx.theme.bad, format!("{} lost on the way", format::short_count(live.lost)));
            }
        }
    }

    fn problems_ui(&self, ctx: &ViewCtx<'_>, ui: &mut Ui, ix: u32) {
        let id = &self.scene.nodes[ix as usize].id;
        let here = ctx.problems.iter().filter(|problem| matches!(&problem.at, Place::Node(node, _) if node == id));
        for problem in here.take(6) {
            let color = if problem.severity == Severity::Error { ctx.theme.bad } else { ctx.theme.warn };
            ui.colored_label(color, &problem.what);
            ui.label(RichText::new(&problem.hint).color(ctx.theme.dim));
        }
    }
}

fn dot_ui(ctx: &ViewCtx<'_>, ui: &mut Ui, dot: &Dot) {
    let kind = ctx.live.event_name(dot.kind).map_or_else(String::new, ToString::to_string);
    ui.label(RichText::new(kind).strong());
    ui.label(RichText::new(ctx.live.event_text(dot.event)).font(ctx.theme.mono(11.0)));
    ui.label(RichText::new(format!("left     {}", dot.departed)).font(ctx.theme.mono(11.0)));
    let arrival = if dot.arrives <= ctx.playhead { "arrived" } else { "arrives" };
    ui.label(RichText::new(format!("{arrival}  {}", dot.arrives)).font(ctx.theme.mono(11.0)));
    if dot.attempt > 1 {
        ui.colored_label(ctx.theme.warn, format!("attempt {}", dot.attempt));
    }
    if dot.leg == Leg::Replay {
        ui.colored_label(ctx.theme.warn, "a replay: a seek asked for it once more");
    }
    if dot.leg == Leg::DeadLetter {
        ui.colored_label(ctx.theme.bad, "given up, on its way to the dead letters");
    }
}

/// A node's figures with what each of them means.
fn node_figures(tag: KindTag, live: &NodeLive) -> Vec<(String, &'static str)> {
    let rate = format::rate(live.per_second);
    let mut figures = Vec::new();
    match tag {
        KindTag::Producer => {
            figures.push((rate, "events it emits, lately"));
            figures.push((format::short_count(live.emitted), "events it emitted so far"));
        }
        KindTag::Gateway => {
            let requests = live.requests.unwrap_or_default();
            figures.push((format::short_count(requests.pending), "requests that wait for their reply"));
            figures.push((format::short_count(requests.replied), "answered in time"));
            figures.push((format::short_count(requests.timed_out), "not answered in time"));
            figures.push((format::short_count(requests.no_responders), "that nobody listened to"));
            figures.push((format::short_count(requests.orphans), "replies that came too late"));
        }
        KindTag::Bus => figures.push((rate, "records it accepts, lately")),
        KindTag::DeadLetterQueue => {
            figures.push((format::short_count(live.dead_letters), "events that nobody could handle"));
        }
        KindTag::Consumer | KindTag::Service | KindTag::Function | KindTag::Stream | KindTag::Store => {
            figures.push((rate, "events it handles, lately"));
            let limit = if live.queue_limit > 0 {
                format!(" of {}", format::short_count(live.queue_limit))
            } else {
                String::new()
            };
            figures.push((format!("{}{limit}", format::short_count(live.queue)), "events waiting in front of it"));
            figures.push((format!("{} of {}", live.busy, live.capacity), "being handled at once"));
            figures.push((words::time(live.wait_nanos), "mean wait, lately"));
            figures.push((format!("{:.0} %", live.utilization * 100.0), "of its capacity in use, lately"));
            if live.failed > 0 {
                figures.push((format::short_count(live.failed), "attempts that failed so far"));
            }
            if let Some(stream) = live.stream {
                let lag = stream.lag.map_or_else(|| "–".to_owned(), |lag| words::time(lag.as_nanos() as f64));
                figures.push((lag, "the watermark is behind the latest event"));
                figures.push((stream.open.to_string(), "windows that are open"));
                if stream.waiting > 0 {
                    figures.push((stream.waiting.to_string(), "events that wait for their partner"));
                }
                figures.push((format::short_count(stream.late), "events that came too late"));
            }
            if let Some(kept) = live.kept {
                figures.extend(kept_figures(kept));
            }
            if tag == KindTag::Function {
                figures.push((format!("{} cold, {} warm", live.cold, live.warm), "instances getting ready, and idle"));
            }
        }
        KindTag::Note => {}
    }
    if live.blocked {
        figures.push(("blocked".to_owned(), "a queue downstream is full"));
    }
    if live.faulted {
        figures.push(("stopped".to_owned(), "by a fault of its own"));
    }
    figures
}

/// What a node keeps, with what each figure means.
fn kept_figures(kept: KeptLive) -> Vec<(String, &'static str)> {
    match kept {
        KeptLive::Store(store) => {
            let mut figures =
                vec![(format::short_count(store.keys), "keys"), (format::short_count(store.events), "events taken")];
            if store.conflicts > 0 {
                figures.push((format::short_count(store.conflicts), "expected another version"));
            }
            figures
        }
        KeptLive::Outbox(outbox) => vec![
            (format::short_count(outbox.waiting), "events in its outbox"),
            (format::short_count(outbox.published), "published from it so far"),
        ],
        KeptLive::Sagas(sagas) => {
            let mut figures = vec![
                (format::short_count(sagas.forward), "sagas under way"),
                (format::short_count(sagas.back), "being undone"),
                (format::short_count(sagas.completed), "completed"),
                (format::short_count(sagas.compensated), "compensated"),
            ];
            if sagas.stuck > 0 {
                figures.push((format::short_count(sagas.stuck), "stuck: nobody undoes a step"));
            }
            figures
        }
    }
}
