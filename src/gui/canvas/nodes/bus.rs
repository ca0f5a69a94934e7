//! A bus: a rail that its topics live on, each with its own ports, its rate, and its partitions as a bar of segments.

use egui::epaint::RectShape;
use egui::{Align, Color32, CornerRadius, FontId, Painter, Rect, Shape, Stroke, StrokeKind, pos2, vec2};

use super::super::brush::Brush;
use super::super::camera::Detail;
use super::super::{geometry, ink};
use super::parts;
use crate::gui::format;
use crate::model::QueueLimit;
use crate::session::{BusLive, TopicLive};

/// More partitions than this are drawn as one bar.
const SEGMENTS: usize = 32;
/// So wide is a figure beside a name, as a part of the text's height, whatever it is: it comes and goes with the zoom,
/// not with its digits.
const FIGURE: f32 = 4.2;

/// Draws a rail.
pub(super) fn draw(brush: &mut Brush, painter: &Painter, ix: u32) {
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom;
    let detail = brush.detail();
    let node = &brush.scene.nodes[ix as usize];
    let rect = brush.camera.screen_rect(node.rect);
    let (lying, title, rows) = (node.lying, node.title.clone(), node.rows.len());
    let live = brush.bus_live(node).cloned();
    let rate = brush.node_live(ix).map(|live| format::rate(live.per_second));
    parts::frame(brush, ix, 6.0);
    rails(brush, ix, rect, lying);

    let (name_size, live_size) = parts::text_sizes(zoom);
    let icon_size = if rect.width() < 100.0 { 16.0 } else { 20.0 };
    let head = if detail < Detail::Compact {
        rect
    } else if lying {
        Rect::from_min_size(rect.min, vec2(geometry::LYING_HEAD * zoom, rect.height()))
    } else {
        let first = brush.scene.nodes[ix as usize].rows.first().map_or(rect.height(), |row| row.rect.min.y * zoom);
        Rect::from_min_size(rect.min, vec2(rect.width(), first))
    };
    let icon_x = head.min.x + (14.0 * zoom).max(6.0) + icon_size / 2.0;
    let left = icon_x + icon_size / 2.0 + (8.0 * zoom).clamp(4.0, 12.0);
    let mut right = head.max.x - (12.0 * zoom).max(4.0);
    let two_lines = lying && detail == Detail::Full;
    let middle = head.center().y;
    if head.width() < 46.0 {
        parts::icon(brush, painter, ix, head.center(), 12.0, theme.dim);
    } else {
        // What it is called matters more than its rate, which its topics tell as well.
        let fits = two_lines || whole(painter, &title, theme.strong(live_size), right - left - FIGURE * live_size);
        if let (Some(rate), Detail::Full, true) = (rate, detail, fits) {
            let galley = ink::text(painter, rate, theme.mono(live_size), theme.dim, right - left);
            if two_lines {
                parts::put(brush, ix, galley, pos2(left, middle + 10.0), Align::Min);
            } else {
                let width = galley.size().x;
                parts::put(brush, ix, galley, pos2(right, middle), Align::Max);
                right -= width + 8.0;
            }
        }
        let font = theme.strong(name_size);
        let mut left = left;
        let mut name = ink::name(painter, &title, font.clone(), theme.text, right - left);
        if name.elided {
            // A rail is known by its looks: who it is matters more than the icon.
            left = head.min.x + (12.0 * zoom).max(6.0);
            name = ink::name(painter, &title, font, theme.text, right - left);
        } else {
            parts::icon(brush, painter, ix, pos2(icon_x, middle), icon_size, theme.dim);
        }
        let y = if two_lines { middle - 8.0 } else { middle };
        parts::put(brush, ix, name, pos2(left, y), Align::Min);
    }

    if detail >= Detail::Compact {
        for row in 0..rows {
            topic(brush, painter, ix, row, live.as_ref());
        }
        if rows == 0 && !lying && detail == Detail::Full {
            // The stub of a rail says how it gets its topics.
            let words = "topics appear as events arrive".to_owned();
            let galley = ink::text(painter, words, theme.words(11.0), theme.faint, rect.width() - 16.0);
            parts::put(brush, ix, galley, pos2(rect.center().x, rect.max.y - 14.0 * zoom), Align::Center);
        }
        link_ends(brush, ix);
        parts::ports(brush, ix);
    }
    parts::badge(brush, painter, ix);
}

/// Whether words are not cut in so much room.
fn whole(painter: &Painter, words: &str, font: FontId, width: f32) -> bool {
    !ink::text(painter, words.to_owned(), font, Color32::PLACEHOLDER, width).elided
}

/// The two rails that links hang on.
fn rails(brush: &mut Brush, ix: u32, rect: Rect, lying: bool) {
    let color = ink::mix(brush.theme.line, brush.theme.faint, 0.75);
    let width = (4.0 * brush.camera.zoom).clamp(2.0, 6.0);
    let radius = (6.0 * brush.camera.zoom).clamp(2.0, 10.0) as u8;
    let (one, other) = if lying {
        let one = Rect::from_min_size(rect.min, vec2(rect.width(), width));
        let other = Rect::from_min_max(pos2(rect.min.x, rect.max.y - width), rect.max);
        (
            (one, CornerRadius { nw: radius, ne: radius, sw: 0, se: 0 }),
            (other, CornerRadius { nw: 0, ne: 0, sw: radius, se: radius }),
        )
    } else {
        let one = Rect::from_min_size(rect.min, vec2(width, rect.height()));
        let other = Rect::from_min_max(pos2(rect.max.x - width, rect.min.y), rect.max);
        (
            (one, CornerRadius { nw: radius, sw: radius, ne: 0, se: 0 }),
            (other, CornerRadius { nw: 0, sw: 0, ne: radius, se: radius }),
        )
    };
    for (rail, corners) in [one, other] {
        let shape = RectShape::new(rail, corners, color, Stroke::NONE, StrokeKind::Inside);
        brush.layer(ix).push(Shape::Rect(shape));
    }
}

/// A small knob where each link meets the rail.
fn link_ends(brush: &mut Brush, ix: u32) {
    let color = ink::mix(brush.theme.line, brush.theme.dim, 0.6);
    let radius = (3.0 * brush.camera.zoom).clamp(1.5, 4.0);
    let mut places = Vec::new();
    for link in &brush.scene.nodes[ix as usize].links {
        let link = &brush.scene.links[*link as usize];
        let end = if link.from == ix { link.path.points.first() } else { link.path.points.last() };
        places.extend(end.map(|end| brush.camera.screen(*end)));
    }
    let layer = brush.layer(ix);
    layer.extend(places.into_iter().map(|place| Shape::circle_filled(place, radius, color)));
}

fn topic(brush: &mut Brush, painter: &Painter, ix: u32, row: usize, live: Option<&BusLive>) {
    let theme = brush.theme.clone();
    let zoom = brush.camera.zoom;
    let node = &brush.scene.nodes[ix as usize];
    let (lying, topic) = (node.lying, &node.rows[row]);
    let name = topic.topic.clone();
    let partitions = topic.partitions.max(1) as usize;
    let room = brush.camera.screen_rect(topic.rect.translate(node.rect.min.to_vec2()));
    let figures = live.and_then(|live| live.topics.iter().find(|other| other.name == name)).cloned();
    let limit = live.and_then(|live| live.subscriptions.iter().map(|sub| sub.queue_limit).filter(|l| *l > 0).min());
    let limit = limit.unwrap_or(QueueLimit::default().records);

    let border = Stroke::new(1.0, ink::mix(theme.card, theme.line, 0.8));
    let pad = (12.0 * zoom).max(4.0);
    let line = if lying {
        [room.left_top() + vec2(0.0, 10.0 * zoom), room.left_bottom() - vec2(0.0, 10.0 * zoom)]
    } else {
        [room.left_top() + vec2(pad, 0.0), room.right_top() - vec2(pad, 0.0)]
    };
    brush.layer(ix).push(Shape::line_segment(line, border));

    let full = brush.detail() == Detail::Full;
    let (_, size) = parts::text_sizes(zoom);
    let (left, mut right) = (room.min.x + pad, room.max.x - pad);
    let lag: u64 = figures.as_ref().map_or(0, |topic| topic.partitions.iter().map(|part| part.lag).sum());
    let words_y = if full { room.center().y - 4.0 * zoom } else { room.center().y };
    let words_y = if lying && full { room.center().y - 10.0 } else { words_y };
    let fill = (lag as f64 / limit as f64) as f32;
    let fits = lying || whole(painter, name.as_str(), theme.words(size - 1.0), right - left - FIGURE * size);
    if full
        && (fits || fill > 0.6)
        && let Some(topic) = &figures
    {
        let (words, color) = if lag > 0 {
            (
                format!("lag {}", format::short_count(lag)),
                if fill > 0.6 { parts::fill_color(&theme, fill) } else { theme.dim },
            )
        } else {
            (format::rate(topic.per_second), theme.faint)
        };
        let galley = ink::text(painter, words, theme.mono(size), color, right - left);
        if lying {
            parts::put(brush, ix, galley, pos2(left, room.center().y + 6.0), Align::Min);
        } else {
            let width = galley.size().x;
            parts::put(brush, ix, galley, pos2(right, words_y), Align::Max);
            right -= width + 6.0;
        }
    }
    let galley = ink::name(painter, name.as_str(), theme.words(size), theme.text, right - left);
    parts::put(brush, ix, galley, pos2(left, words_y), Align::Min);
    if full {
        let height = (3.0 * zoom).clamp(2.0, 5.0);
        let y = if lying { room.max.y - 14.0 * zoom } else { room.center().y + 8.0 * zoom };
        let bar = Rect::from_min_max(pos2(left, y), pos2(room.max.x - pad, y + height));
        segments(brush, ix, bar, partitions, figures.as_ref(), limit);
    }
}

/// One segment a partition, filled as far as its slowest subscription lags behind.
fn segments(brush: &mut Brush, ix: u32, bar: Rect, partitions: usize, live: Option<&TopicLive>, limit: u64) {
    let theme = brush.theme.clone();
    let shown = if partitions > SEGMENTS { 1 } else { partitions };
    let gap = if shown > 16 { 1.0 } else { 2.0 };
    let width = (bar.width() - gap * (shown - 1) as f32) / shown as f32;
    let empty = ink::mix(theme.card, theme.line, 0.9);
    let layer = brush.layer(ix);
    for segment in 0..shown {
        let place =
            Rect::from_min_size(pos2(bar.min.x + segment as f32 * (width + gap), bar.min.y), vec2(width, bar.height()));
        layer.push(Shape::rect_filled(place, CornerRadius::same(1), empty));
        let lag = live.map_or(0, |topic| {
            if shown == 1 {
                topic.partitions.iter().map(|part| part.lag).sum()
            } else {
                topic.partitions.get(segment).map_or(0, |part| part.lag)
            }
        });
        if lag > 0 {
            let fill = (lag as f64 / limit.max(1) as f64).min(1.0) as f32;
            let color: Color32 = parts::fill_color(&theme, fill);
            let part = Rect::from_min_size(place.min, vec2((width * fill).max(2.0_f32.min(width)), place.height()));
            layer.push(Shape::rect_filled(part, CornerRadius::same(1), color));
        }
    }
}
