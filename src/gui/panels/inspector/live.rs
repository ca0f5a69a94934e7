//! Live figures of what is selected, each with a tooltip that defines it.

use egui::{Color32, RichText, Sense, Ui, Vec2, WidgetInfo, WidgetType};

use crate::gui::format;
use crate::gui::theme::Theme;
use crate::gui::view::{Ask, ViewCtx};
use crate::gui::widgets;
use crate::model::{KindTag, LinkId, NodeId, moment_text};
use crate::session::{BusLive, NodeLive, NodeReport, PartitionLive, RunState, Spread, StreamLive};
use crate::trace::Circuit;

use super::kept;

/// A figure: what it is called, its value, what it means, and its colour if it wants to be seen.
pub(super) struct Figure {
    pub label: &'static str,
    pub value: String,
    pub meaning: &'static str,
    pub color: Option<Color32>,
}

pub(super) const fn figure(label: &'static str, value: String, meaning: &'static str) -> Figure {
    Figure { label, value, meaning, color: None }
}

/// Three figures in a row.
const COLUMNS: usize = 3;

/// Draws a node's figures, if there is a run to have them.
pub(super) fn node_figures(ctx: &ViewCtx<'_>, id: &NodeId, tag: KindTag, ui: &mut Ui) {
    let live = ctx.live;
    if live.state == RunState::Idle || tag == KindTag::Note {
        return;
    }
    let Some(node) = live.node(id) else { return };
    let report = live.watched.get(id);
    ui.add_space(ctx.theme.space.s);
    let figures = match tag {
        KindTag::Producer => producer(node),
        KindTag::Bus => bus(node, live.buses.get(id), report.map(AsRef::as_ref)),
        KindTag::DeadLetterQueue => dead_letters(node),
        KindTag::Consumer | KindTag::Service | KindTag::Function | KindTag::Stream | KindTag::Store => {
            handler(ctx.theme, tag, node, report.map(AsRef::as_ref))
        }
        KindTag::Gateway => gateway(ctx.theme, node),
        KindTag::Note => Vec::new(),
    };
    tiles(ctx.theme, ui, &figures);
    let state = if node.faulted {
        Some((ctx.theme.bad, "Stopped by a fault of its own; the log says which"))
    } else if node.blocked {
        Some((ctx.theme.warn, "Waits because a queue downstream is full"))
    } else {
        None
    };
    if let Some((color, words)) = state {
        ui.label(RichText::new(words).size(ctx.theme.sizes.small).color(color));
    }
    // It stays where it is while the queue comes and goes: what is below must not jump.
    let (is_dead, queues) = (tag == KindTag::DeadLetterQueue, figures.iter().any(|figure| figure.label == "Queue"));
    if is_dead || queues {
        let words = if is_dead { "Show dead letters" } else { "Show queue" };
        let button = egui::Button::new(RichText::new(words).size(ctx.theme.sizes.small));
        let response = ui.add_enabled(node.queue > 0 || node.dead_letters > 0, button);
        if response.on_hover_text("Lists what waits here, the oldest first").clicked() {
            ctx.ask(Ask::OpenQueue(id.clone()));
        }
    }
    if let Some(report) = report {
        spreads(ctx.theme, ui, report);
    }
    if let Some(rows) = live.kept.get(id) {
        kept::table(ctx, ui, id, rows);
    }
    if let Some(bus) = live.buses.get(id) {
        bus_tables(ctx.theme, ui, bus);
    }
}

fn producer(node: &NodeLive) -> Vec<Figure> {
    vec![
        figure("Rate", format::rate(node.per_second), "Events that it emitted per second of virtual time, lately"),
        figure("Emitted", format::count(node.emitted), "Events that it emitted since the start of the run"),
    ]
}

fn bus(node: &NodeLive, bus: Option<&BusLive>, report: Option<&NodeReport>) -> Vec<Figure> {
    let (queued, in_flight) = bus.map_or((0, 0), |bus| {
        let sum =
            |count: fn(&crate::session::SubscriptionLive) -> u64| bus.subscriptions.iter().map(count).sum::<u64>();
        (sum(|sub| sub.queued + sub.delayed), sum(|sub| sub.in_flight))
    });
    let mut figures = vec![
        figure("Rate", format::rate(node.per_second), "Records that it accepted per second of virtual time, lately"),
        figure("Queued", format::count(queued), "Records that wait for a subscriber, in all subscriptions together"),
        figure(
            "In flight",
            format::count(in_flight),
            "Records handed out and not settled, in all subscriptions together",
        ),
    ];
    if let Some(deduped) = report.and_then(|report| report.deduped) {
        let meaning = "Publishes of what a topic had stored already; they got the place of the first";
        figures.push(figure("Duplicates", format::count(deduped), meaning));
    }
    figures
}

fn gateway(theme: &Theme, node: &NodeLive) -> Vec<Figure> {
    let requests = node.requests.unwrap_or_default();
    let alarm = |count: u64| (count > 0).then_some(theme.bad);
    vec![
        figure("Pending", format::count(requests.pending), "Requests that wait for their reply"),
        figure("Replied", format::count(requests.replied), "Requests that were answered in time"),
        Figure {
            color: alarm(requests.timed_out),
            ..figure("Timed out", format::count(requests.timed_out), "Requests that nobody answered in time")
        },
        Figure {
            color: alarm(requests.no_responders),
            ..figure("No responders", format::count(requests.no_responders), "Requests that nobody listened to")
        },
        figure("Orphans", format::count(requests.orphans), "Replies that nobody waited for any more"),
    ]
}

fn dead_letters(node: &NodeLive) -> Vec<Figure> {
    vec![figure(
        "Dead letters",
        format::count(node.dead_letters),
        "Events that nobody could handle and that are kept here",
    )]
}

fn handler(theme: &Theme, tag: KindTag, node: &NodeLive, report: Option<&NodeReport>) -> Vec<Figure> {
    let fill = if node.queue_limit > 0 { node.queue as f64 / node.queue_limit as f64 } else { 0.0 };
    let queue_color = match fill {
        fill if fill > 0.85 => Some(theme.bad),
        fill if fill > 0.6 => Some(theme.warn),
        _ => None,
    };
    let busy_meaning = if tag == KindTag::Function {
        "Instances at work, of how many it may have"
    } else {
        "Events being handled, of how many it can handle at once"
    };
    let mut figures = vec![
        figure("Rate", format::rate(node.per_second), "Events that it handled per second of virtual time, lately"),
        Figure {
            color: queue_color,
            ..figure(
                "Queue",
                format::short_count(node.queue),
                "Events waiting in front of it: the backlog of its subscriptions and what it has not begun",
            )
        },
        figure("Busy", format!("{}/{}", node.busy, node.capacity), busy_meaning),
        figure("In use", format::percent(node.utilization), "Share of its capacity that was in use lately"),
        figure("Handled", format::short_count(node.handled), "Attempts that succeeded since the start of the run"),
        Figure {
            color: (node.failed > 0).then_some(theme.bad),
            ..figure("Failed", format::short_count(node.failed), "Attempts that failed since the start of the run")
        },
    ];
    if let Some(stream) = node.stream {
        figures.extend(stream_figures(theme, &stream));
    }
    if let Some(kept) = node.kept {
        figures.extend(kept::figures(theme, kept));
    }
    if tag == KindTag::Function {
        figures.push(figure("Warm", node.warm.to_string(), "Instances that are ready and idle"));
        figures.push(figure(
            "Starting",
            node.cold.to_string(),
            "Instances that are getting ready: cold starts under way",
        ));
    }
    if let Some(report) = report {
        let counts = [
            ("Cold starts", report.cold_starts, "Instances that had to be started since the start of the run"),
            ("Throttled", report.throttled, "Attempts that found no room to start"),
            ("Recognised", report.recognised, "Attempts of events whose effect was there already"),
            ("Retried", report.retried, "Attempts that were not the first"),
        ];
        for (label, value, meaning) in counts {
            if let Some(value) = value.filter(|value| *value > 0 || label == "Cold starts") {
                figures.push(figure(label, format::short_count(value), meaning));
            }
        }
        if let Some(cost) = report.cost {
            figures.push(figure(
                "Cost",
                format!("${cost:.4}"),
                "What its invocations and its memory in use would have cost",
            ));
        }
    }
    figures
}

/// How far a stream processor has come, and what it holds.
fn stream_figures(theme: &Theme, stream: &StreamLive) -> Vec<Figure> {
    let lag = stream.lag.map_or_else(|| "–".to_owned(), |lag| format::nanos(lag.as_nanos() as f64));
    let mark = stream.watermark_nanos.map_or_else(|| "–".to_owned(), moment_text);
    let mut figures = vec![
        figure("Watermark", mark, "Up to this moment of event time everything is believed to have come"),
        figure("Lag", lag, "How far the watermark is behind the latest event"),
        figure("Open", stream.open.to_string(), "Windows that have not closed"),
        Figure {
            color: (stream.late > 0).then_some(theme.warn),
            ..figure("Late", format::short_count(stream.late), "Events that were too late for their window or partner")
        },
    ];
    if stream.waiting > 0 {
        figures.push(figure("Waiting", stream.waiting.to_string(), "Events that wait for their partner"));
    }
    if stream.closed > 0 {
        figures.push(figure(
            "Still taking",
            stream.closed.to_string(),
            "Windows that have closed and take late events",
        ));
    }
    figures
}

/// Labels above values, three in a row, all columns of the same width; a value that is wider takes two.
fn tiles(theme: &Theme, ui: &mut Ui, figures: &[Figure]) {
    let gap = theme.space.s;
    let column = (ui.available_width() - gap * (COLUMNS as f32 - 1.0)) / COLUMNS as f32;
    let painter = ui.painter().clone();
    let tile = |figure: &Figure| {
        let value = figure.value.clone();
        let color = figure.color.unwrap_or(theme.text);
        let galley = painter.layout_no_wrap(value, theme.mono(theme.sizes.body), color);
        (if galley.size().x > column { 2 } else { 1 }, galley)
    };
    let mut rest = figures.iter().map(|figure| (figure, tile(figure))).peekable();
    while rest.peek().is_some() {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            let mut left = COLUMNS;
            while let Some((figure, (columns, galley))) = rest.next_if(|(_, (columns, _))| *columns <= left) {
                left -= columns;
                let width = column * columns as f32 + gap * (columns - 1) as f32;
                let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 36.0), Sense::hover());
                response.widget_info(|| {
                    WidgetInfo::labeled(WidgetType::Label, true, format!("{} {}", figure.label, figure.value))
                });
                let painter = ui.painter();
                let label = theme.words(theme.sizes.tiny);
                painter.text(rect.left_top(), egui::Align2::LEFT_TOP, figure.label, label, theme.faint);
                let color = figure.color.unwrap_or(theme.text);
                painter.galley(rect.left_top() + Vec2::new(0.0, 15.0), galley, color);
                response.on_hover_text(figure.meaning);
            }
        });
    }
}

/// Wait, service and end-to-end times as a table, so that columns can be compared.
fn spreads(theme: &Theme, ui: &mut Ui, report: &NodeReport) {
    let rows: [(&str, Option<Spread>, &str); 4] = [
        ("Wait", report.wait_ns, "Time in its queue, until handling begins"),
        ("Service", report.service_ns, "Time being handled"),
        ("Round trip", report.round_trip_ns, "From a request to its reply"),
        ("End to end", report.end_to_end_ns, "From the event's root cause to the end of its handling here"),
    ];
    if rows.iter().all(|(_, spread, _)| spread.is_none()) {
        return;
    }
    ui.add_space(theme.space.xs);
    let heads = [
        ("p50", "Half are shorter (exact to 7 %)"),
        ("p95", "95 of 100 are shorter (exact to 7 %)"),
        ("p99", "99 of 100 are shorter (exact to 7 %)"),
    ];
    let first = 76.0;
    let width = ((ui.available_width() - first) / heads.len() as f32).floor();
    let line = |ui: &mut Ui, add: &mut dyn FnMut(&mut Ui)| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            add(ui);
        });
    };
    line(ui, &mut |ui| {
        ui.add_space(first);
        for (head, meaning) in heads {
            cell(ui, width, widgets::hint(theme, head)).on_hover_text(meaning);
        }
    });
    for (label, spread, meaning) in rows {
        let Some(spread) = spread else { continue };
        line(ui, &mut |ui| {
            ui.allocate_ui_with_layout(
                Vec2::new(first, 18.0),
                egui::Layout::left_to_right(egui::Align::Center),
                |ui| {
                    ui.set_min_width(first);
                    let whole = format!(
                        "{meaning}. Mean {}, longest {}",
                        format::nanos(spread.mean as f64),
                        format::nanos(spread.max as f64)
                    );
                    ui.label(widgets::dim(theme, label)).on_hover_text(whole);
                },
            );
            for value in [spread.p50, spread.p95, spread.p99] {
                cell(ui, width, widgets::figure(theme, format::nanos(value as f64)));
            }
        });
    }
}

/// A cell of a table of numbers: to the right, so that digits stand below each other.
pub(super) fn cell(ui: &mut Ui, width: f32, text: RichText) -> egui::Response {
    let layout = egui::Layout::right_to_left(egui::Align::Center);
    ui.allocate_ui_with_layout(Vec2::new(width, 18.0), layout, |ui| {
        ui.set_min_width(width);
        ui.label(text)
    })
    .inner
}

/// The topics and subscriptions of a bus.
fn bus_tables(theme: &Theme, ui: &mut Ui, bus: &BusLive) {
    // Names are long: beside three figures, counts make room for them.
    let width_of = |at: usize, of: usize| match (of > 2, at) {
        (true, 0) => 50.0,
        (true, _) => 36.0,
        (false, _) => 52.0,
    };
    let row = |ui: &mut Ui, name: RichText, tip: String, cells: &[RichText]| {
        // One that is longer still has a line of its own above its figures.
        let is_long = name.text().chars().count() > 20;
        if is_long {
            ui.add(egui::Label::new(name.clone()).truncate()).on_hover_text(&tip);
        }
        let name = if is_long { RichText::new("") } else { name };
        let widths = (0..cells.len()).map(|at| width_of(at, cells.len()));
        let name_width = ui.available_width() - widths.clone().sum::<f32>();
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.allocate_ui_with_layout(
                Vec2::new(name_width, 18.0),
                egui::Layout::left_to_right(egui::Align::Center),
                |ui| {
                    ui.set_min_width(name_width);
                    ui.set_max_width(name_width);
                    ui.add(egui::Label::new(name).truncate()).on_hover_text(tip);
                },
            );
            for (text, width) in cells.iter().zip(widths) {
                cell(ui, width, text.clone());
            }
        });
    };
    if !bus.topics.is_empty() {
        ui.add_space(theme.space.s);
        row(
            ui,
            widgets::hint(theme, "Topic"),
            "A named log of this bus; how many records it still holds, and how many the slowest reader has not settled"
                .to_owned(),
            &["rate", "kept", "lag"].map(|head| widgets::hint(theme, head)),
        );
        for topic in &bus.topics {
            let sum = |of: fn(&PartitionLive) -> u64| topic.partitions.iter().map(of).sum::<u64>();
            let (kept, lag) = (sum(|partition| partition.kept), sum(|partition| partition.lag));
            let tip =
                format!("{} records accepted, in {} partitions", format::count(topic.accepted), topic.partitions.len());
            let cells = [format::rate(topic.per_second), format::short_count(kept), format::short_count(lag)];
            let cells = cells.map(|cell| widgets::figure(theme, cell));
            row(ui, widgets::hint(theme, topic.name.as_str()).color(theme.dim), tip, &cells);
        }
    }
    if !bus.subscriptions.is_empty() {
        ui.add_space(theme.space.s);
        row(
            ui,
            widgets::hint(theme, "Subscription"),
            "A group of members that share records".to_owned(),
            &["queued", "in flight"].map(|head| widgets::hint(theme, head)),
        );
        for sub in &bus.subscriptions {
            let members = sub.members.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let tip = format!("{members}; {} wait for their next attempt", format::count(sub.delayed));
            let cells = [
                widgets::figure(theme, format::short_count(sub.queued + sub.delayed)),
                widgets::figure(theme, format::short_count(sub.in_flight)),
            ];
            row(ui, widgets::dim(theme, sub.label.as_str()), tip, &cells);
        }
    }
}

/// Draws a link's figures, if there is a run to have them.
pub(super) fn link_figures(ctx: &ViewCtx<'_>, id: &LinkId, ui: &mut Ui) {
    let Some(link) = ctx.live.link(id).filter(|_| ctx.live.state != RunState::Idle) else { return };
    ui.add_space(ctx.theme.space.s);
    let mut figures = vec![
        figure("Rate", format::rate(link.per_second), "Events that left per second of virtual time, lately"),
        figure(
            "On the wire",
            format::count(link.on_wire),
            "Events travelling it now: its dots and bundles add up to this",
        ),
        figure("Sent", format::count(link.sent), "Events that left since the start of the run"),
        figure("Arrived", format::count(link.arrived), "Events that arrived since the start of the run"),
        Figure {
            color: (link.lost > 0).then_some(ctx.theme.bad),
            ..figure("Lost", format::count(link.lost), "Events that were lost on the way")
        },
    ];
    if let Some(circuit) = link.circuit {
        let (word, color) = match circuit {
            Circuit::Closed => ("closed", None),
            Circuit::Open => ("open", Some(ctx.theme.bad)),
            Circuit::HalfOpen => ("half-open", Some(ctx.theme.warn)),
        };
        let breaker =
            figure("Circuit", word.to_owned(), "The state of its circuit breaker: open, nothing goes through");
        figures.push(Figure { color, ..breaker });
        let opened = format::count(link.breaker_opened);
        figures.push(figure("Opened", opened, "How often its circuit breaker opened since the start of the run"));
    }
    tiles(ctx.theme, ui, &figures);
}
