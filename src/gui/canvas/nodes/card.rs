//! The cards of producers, consumers, services, functions, dead-letter queues and stores.

use egui::epaint::RectShape;
use egui::{Align, Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, pos2, vec2};

use super::super::brush::Brush;
use super::super::camera::Detail;
use super::super::{ink, words};
use super::parts;
use crate::gui::format;
use crate::gui::theme::Theme;
use crate::model::KindTag;
use crate::session::{KeptLive, NodeLive};

/// Draws a card.
pub(super) fn draw(brush: &mut Brush, painter: &Painter, ix: u32) {
    let detail = brush.detail();
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom;
    let (tag, title) = (brush.scene.nodes[ix as usize].tag, brush.scene.nodes[ix as usize].title.clone());
    let card = brush.camera.screen_rect(brush.scene.nodes[ix as usize].rect);
    let live = brush.node_live(ix).copied();
    parts::frame(brush, ix, 6.0);
    edge(brush, ix, card);

    let (name_size, live_size) = parts::text_sizes(zoom);
    let cells = tag == KindTag::Function && detail == Detail::Full;
    let middle = if cells { card.center().y - (9.0 * zoom).max(6.5) } else { card.center().y };
    let icon_size = match card.width() {
        width if width < 70.0 => 12.0,
        width if width < 100.0 => 16.0,
        _ => 20.0,
    };
    let icon_x = card.min.x + (12.0 * zoom).max(5.0) + icon_size / 2.0;
    let tiny = card.width() < 46.0;
    if tiny {
        parts::icon(brush, painter, ix, card.center(), 12.0, theme.dim);
    } else {
        let mut left = icon_x + icon_size / 2.0 + (8.0 * zoom).clamp(3.0, 12.0);
        let mut right = card.max.x - (11.0 * zoom).max(6.0);
        if tag == KindTag::DeadLetterQueue && detail >= Detail::Compact {
            let count = live.map_or(0, |live| live.dead_letters);
            let color = if count > 0 { theme.bad } else { theme.faint };
            let galley = ink::text(painter, format::short_count(count), theme.mono(20.0), color, card.width() / 2.0);
            let width = galley.size().x;
            parts::put(brush, ix, galley, pos2(right, middle), Align::Max);
            right -= width + 6.0;
        }
        let full = detail == Detail::Full;
        // On a small card the two lines move together, away from its edges.
        let apart = if zoom < 0.75 { 2.5 } else { 4.0 };
        let name_y = if full { middle - (live_size * 0.5 + apart - 0.5).round() } else { middle };
        let font = if detail >= Detail::Compact { theme.strong(name_size) } else { theme.words(name_size) };
        let mut name = ink::name(painter, &title, font.clone(), theme.text, right - left);
        if name.elided {
            // The edge says by its colour, and the links say by their ends, what it is: who it is matters more.
            left = card.min.x + (12.0 * zoom).max(6.0);
            name = ink::name(painter, &title, font, theme.text, right - left);
        } else {
            parts::icon(brush, painter, ix, pos2(icon_x, middle), icon_size, theme.dim);
        }
        parts::put(brush, ix, name, pos2(left, name_y), Align::Min);
        if full {
            let y = middle + (name_size * 0.5 + apart + 0.5).round();
            match live {
                Some(live) => live_line(brush, painter, ix, &live, [pos2(left, y), pos2(right, y)], live_size),
                None => settings_line(brush, painter, ix, [pos2(left, y), pos2(right, y)], live_size),
            }
        }
        if cells {
            let side = (8.0 * zoom).min(12.0);
            let from = pos2(card.min.x + 14.0 * zoom, card.max.y - 10.0 * zoom - side);
            parts::cells(brush, ix, Rect::from_min_max(from, pos2(card.max.x - 14.0 * zoom, from.y + side)));
        }
    }
    if detail >= Detail::Compact {
        if tag.subscribes() {
            parts::queue_bar(brush, ix);
        }
        parts::fire_button(brush, ix);
        parts::ports(brush, ix);
    }
    parts::badge(brush, painter, ix);
}

/// What it does now, below its name, between two places.
fn live_line(brush: &mut Brush, painter: &Painter, ix: u32, live: &NodeLive, ends: [Pos2; 2], size: f32) {
    let theme = brush.theme.clone();
    let figures = figures(brush, ix, live);
    let room = ends[1].x - ends[0].x;
    let line = |(words, color)| ink::text(painter, words, theme.mono(size), color, room);
    let is_alarm = |(_, color): &(String, Color32)| *color == theme.bad || *color == theme.warn;
    let alarm = figures.right.as_ref().is_some_and(is_alarm);
    let first = line(figures.left);
    let second = figures.right.map(line);
    // Where both do not fit, the one that says something is wrong stays, or else the first.
    let both = second.as_ref().is_none_or(|second| first.size().x + 8.0 + second.size().x <= room);
    // Rather no word than half of one: the count of a dead-letter queue stands large beside it.
    let is_half = first.elided && brush.scene.nodes[ix as usize].tag == KindTag::DeadLetterQueue;
    if (both || !alarm) && !is_half {
        parts::put(brush, ix, first, ends[0], Align::Min);
    }
    if let Some(second) = second.filter(|_| both || alarm) {
        parts::put(brush, ix, second, ends[1], Align::Max);
    }
}

/// What it is set to, while there are no figures: in few words, or in fewer where those do not fit.
fn settings_line(brush: &mut Brush, painter: &Painter, ix: u32, ends: [Pos2; 2], size: f32) {
    let (font, color) = (brush.theme.words(size), brush.theme.dim);
    let line = |words: &String| ink::text(painter, words.clone(), font.clone(), color, ends[1].x - ends[0].x);
    let [few, fewer] = &brush.scene.nodes[ix as usize].settings;
    let galley = Some(line(few)).filter(|galley| !galley.elided).unwrap_or_else(|| line(fewer));
    parts::put(brush, ix, galley, ends[0], Align::Min);
}

/// The card's left edge wears the colour of the events that leave it; what only takes events has a quiet one.
fn edge(brush: &mut Brush, ix: u32, card: Rect) {
    let theme = brush.theme.clone();
    let node = &brush.scene.nodes[ix as usize];
    let known = node.emits.as_ref().and_then(|name| brush.scene.events.get(name));
    let color = match (known, node.tag) {
        (Some((color, _)), _) => theme.events[usize::from(*color) % 8],
        (None, KindTag::DeadLetterQueue) => ink::mix(theme.card, theme.bad, 0.7),
        (None, _) => ink::mix(theme.line, theme.faint, 0.5),
    };
    let zoom = brush.camera.zoom;
    let width = (3.0 * zoom).clamp(2.0, 5.0);
    let radius = (6.0 * zoom).clamp(2.0, 10.0) as u8;
    let strip = Rect::from_min_size(card.min, vec2(width, card.height()));
    let corners = CornerRadius { nw: radius, sw: radius, ne: 0, se: 0 };
    let shape = RectShape::new(strip, corners, color, Stroke::NONE, StrokeKind::Inside);
    brush.layer(ix).push(Shape::Rect(shape));
}

/// The live line: what matters most for this kind at its left, what else needs to be seen at its right.
struct Figures {
    left: (String, Color32),
    right: Option<(String, Color32)>,
}

fn figures(brush: &Brush, ix: u32, live: &NodeLive) -> Figures {
    let theme = &brush.theme;
    let node = &brush.scene.nodes[ix as usize];
    let rate = format::rate(live.per_second);
    if let Some(fault) = brush.node_fault(ix) {
        return Figures { left: (words::broken(&fault.kind), theme.bad), right: Some((rate, theme.dim)) };
    }
    if live.faulted {
        return Figures { left: ("stopped: fault".to_owned(), theme.bad), right: None };
    }
    if live.blocked {
        return Figures { left: (rate, theme.dim), right: Some(("blocked".to_owned(), theme.warn)) };
    }
    let queue = || {
        let fill = parts::fill_of(live);
        let color = if fill > 0.6 { parts::fill_color(theme, fill) } else { theme.dim };
        (live.queue > 0).then(|| (format!("q {}", format::short_count(live.queue)), color))
    };
    match node.tag {
        KindTag::Producer => {
            let sent = (live.emitted > 0).then(|| (format::short_count(live.emitted), theme.faint));
            Figures { left: (rate, theme.dim), right: sent }
        }
        KindTag::Consumer | KindTag::Service | KindTag::Store => {
            let wait = || (format!("wait {}", words::time(live.wait_nanos)), theme.dim);
            let kept = || live.kept.and_then(|kept| self::kept(theme, kept));
            let right = queue().or_else(kept).or_else(|| (live.handled > 0).then(wait));
            Figures { left: (rate, theme.dim), right }
        }
        KindTag::Function => {
            let busy = (format!("{}/{} busy", live.busy, live.capacity), theme.dim);
            Figures { left: (rate, theme.dim), right: queue().or(Some(busy)) }
        }
        KindTag::Gateway => {
            let requests = live.requests.unwrap_or_default();
            let failed = requests.timed_out + requests.no_responders;
            let waits = (format!("{} pending", format::short_count(requests.pending)), theme.dim);
            let right = if failed > 0 {
                (format!("{} timed out", format::short_count(failed)), theme.bad)
            } else {
                (format!("{} replied", format::short_count(requests.replied)), theme.faint)
            };
            Figures { left: waits, right: Some(right) }
        }
        KindTag::Stream => {
            let Some(stream) = live.stream else { return Figures { left: (rate, theme.dim), right: queue() } };
            let held = stream.open + stream.waiting;
            let lag = stream.lag.map(|lag| format!("lag {}", words::time(lag.as_nanos() as f64)));
            let late = (stream.late > 0).then(|| (format!("{} late", format::short_count(stream.late)), theme.warn));
            let open = || (held > 0).then(|| (format!("{held} open"), theme.dim));
            Figures { left: (lag.unwrap_or(rate), theme.dim), right: late.or_else(queue).or_else(open) }
        }
        KindTag::DeadLetterQueue => Figures { left: ("letters".to_owned(), theme.dim), right: None },
        KindTag::Bus | KindTag::Note => Figures { left: (String::new(), theme.dim), right: None },
    }
}

/// What a node keeps, in two words; `None` while there is nothing to tell.
fn kept(theme: &Theme, kept: KeptLive) -> Option<(String, Color32)> {
    match kept {
        KeptLive::Store(store) => {
            let keys =
                if store.keys == 1 { "1 key".to_owned() } else { format!("{} keys", format::short_count(store.keys)) };
            (store.keys > 0).then_some((keys, theme.dim))
        }
        KeptLive::Outbox(outbox) => {
            (outbox.committed > 0).then(|| (format!("outbox {}", format::short_count(outbox.waiting)), theme.dim))
        }
        KeptLive::Sagas(sagas) if sagas.stuck > 0 => {
            Some((format!("{} stuck", format::short_count(sagas.stuck)), theme.bad))
        }
        KeptLive::Sagas(sagas) => {
            let open = sagas.forward + sagas.back;
            let began = open + sagas.completed + sagas.compensated;
            let color = if sagas.back > 0 { theme.warn } else { theme.dim };
            (began > 0).then(|| (format!("{} open", format::short_count(open)), color))
        }
    }
}
