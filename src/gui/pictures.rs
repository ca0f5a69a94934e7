//! Small pictures of what numbers mean: the shape of a distribution, the rhythm of a producer.

use egui::{Align2, Color32, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, WidgetType, pos2};

use crate::model::{Distribution, Pacing, RateStep, SimDuration};

use super::format;
use super::theme::Theme;

/// How high a picture is, its axis included.
const HEIGHT: f32 = 64.0;
/// Room for the axis' words.
const AXIS: f32 = 16.0;
/// How many points a curve has.
const POINTS: usize = 96;
/// The standard normal distribution's quantile at 99 %.
const Z99: f64 = 2.326_347_874;

/// Draws the density of a distribution, with its mean and p99 on the axis; nothing of one that is always the same.
pub(crate) fn distribution(ui: &mut Ui, theme: &Theme, distribution: &Distribution) {
    if matches!(distribution, Distribution::Fixed(_)) {
        return;
    }
    let size = Vec2::new(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.add_space(theme.space.xs);
    let (mean, p99) = (distribution.mean_nanos(), p99(distribution));
    let words = format!("Mean {}, 1 in 100 is longer than {}", format::nanos(mean), format::nanos(p99));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, &words));
    response.on_hover_text(words);
    if !ui.is_rect_visible(rect) || distribution.fault().is_some() {
        return;
    }
    let plot = Rect::from_min_max(rect.min + Vec2::new(0.0, 4.0), rect.max - Vec2::new(0.0, AXIS));
    let painter = ui.painter();
    let end = span(distribution, p99);
    let x_of = |nanos: f64| plot.left() + (nanos / end).clamp(0.0, 1.0) as f32 * plot.width();
    let at = |point: usize| (point as f64 + 0.5) / POINTS as f64 * end;
    let heights: Vec<f64> = (0..POINTS).map(|point| density(distribution, at(point))).collect();
    let top = heights.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let points = heights
        .iter()
        .enumerate()
        .map(|(point, height)| pos2(x_of(at(point)), plot.bottom() - (height / top) as f32 * (plot.height() - 2.0)));
    area(painter, plot, &points.collect::<Vec<_>>(), theme.accent);
    painter.hline(rect.x_range(), plot.bottom(), Stroke::new(1.0, theme.edge));
    let two = p99 > mean * 1.05;
    let side = if two { Align2::LEFT_TOP } else { Align2::CENTER_TOP };
    mark(painter, theme, plot, x_of(mean), &format!("mean {}", format::nanos(mean)), side);
    if two {
        mark(painter, theme, plot, x_of(p99), &format!("p99 {}", format::nanos(p99)), Align2::RIGHT_TOP);
    }
}

/// A tick on the axis with its words, which stay inside the picture.
fn mark(painter: &Painter, theme: &Theme, plot: Rect, x: f32, words: &str, align: Align2) {
    painter.vline(x, (plot.bottom() - 4.0)..=(plot.bottom() + 3.0), Stroke::new(1.0, theme.dim));
    let galley = painter.layout_no_wrap(words.to_owned(), theme.mono(theme.sizes.tiny), theme.dim);
    let width = galley.size().x;
    // The mean's words keep to the left half and the p99's to the right one, so that they never meet.
    let (least, most) = match align {
        Align2::LEFT_TOP => (plot.left(), plot.center().x - width - 4.0),
        Align2::CENTER_TOP => (plot.left(), plot.right() - width),
        _ => (plot.center().x + 4.0, plot.right() - width),
    };
    let left = (x - width / 2.0).clamp(least, most.max(least));
    painter.galley(pos2(left, plot.bottom() + 3.0), galley, theme.dim);
}

/// A curve with what is below it washed in its colour.
fn area(painter: &Painter, plot: Rect, points: &[Pos2], color: Color32) {
    let mut mesh = egui::Mesh::default();
    let wash = Theme::wash(color, 0.18);
    for point in points {
        mesh.colored_vertex(*point, wash);
        mesh.colored_vertex(pos2(point.x, plot.bottom()), wash);
    }
    for segment in 0..points.len().saturating_sub(1) as u32 {
        let first = segment * 2;
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first + 1, first + 2, first + 3);
    }
    painter.add(Shape::mesh(mesh));
    painter.add(Shape::line(points.to_vec(), Stroke::new(1.5, color)));
}

fn nanos(duration: SimDuration) -> f64 {
    duration.as_nanos() as f64
}

/// Where the picture's axis ends.
fn span(distribution: &Distribution, p99: f64) -> f64 {
    let end = match distribution {
        Distribution::Fixed(duration) => nanos(*duration) * 2.0,
        Distribution::Uniform { max, .. } => nanos(*max) * 1.1,
        _ => p99 * 1.15,
    };
    if end.is_finite() && end > 0.0 { end } else { 1e6 }
}

/// One in a hundred is longer than this.
fn p99(distribution: &Distribution) -> f64 {
    match *distribution {
        Distribution::Fixed(duration) => nanos(duration),
        Distribution::Uniform { min, max } => nanos(min) + 0.99 * (nanos(max) - nanos(min)),
        Distribution::Exponential { mean } => nanos(mean) * 100.0_f64.ln(),
        Distribution::Normal { mean, deviation } => nanos(mean) + Z99 * nanos(deviation),
        Distribution::LogNormal { p99, .. } => nanos(p99),
        Distribution::Erlang { mean, stages } => {
            // Wilson and Hilferty's approximation of the gamma quantile: right to a percent, which a picture can live with.
            let k = f64::from(stages.max(1));
            let cube = 1.0 - 1.0 / (9.0 * k) + Z99 / (3.0 * k.sqrt());
            nanos(mean) * cube.powi(3)
        }
        Distribution::Pareto { min, .. } => nanos(min) * 100.0_f64.powf(1.0 / alpha(distribution)),
    }
}

/// The tail index of a Pareto distribution.
fn alpha(distribution: &Distribution) -> f64 {
    let Distribution::Pareto { min, median } = *distribution else { return 1.0 };
    std::f64::consts::LN_2 / (nanos(median) / nanos(min).max(1.0)).max(1.0 + 1e-9).ln()
}

/// The density, up to a factor: a picture needs the shape alone.
fn density(distribution: &Distribution, x: f64) -> f64 {
    match *distribution {
        Distribution::Fixed(_) => 0.0,
        Distribution::Uniform { min, max } => f64::from(u8::from(x >= nanos(min) && x <= nanos(max))),
        Distribution::Exponential { mean } => (-x / nanos(mean).max(1.0)).exp(),
        Distribution::Normal { mean, deviation } => {
            let z = (x - nanos(mean)) / nanos(deviation).max(1.0);
            (-z * z / 2.0).exp()
        }
        Distribution::LogNormal { median, p99 } => {
            let sigma = ((nanos(p99) / nanos(median).max(1.0)).max(1.0 + 1e-9).ln() / Z99).max(1e-6);
            let z = (x.max(1.0) / nanos(median).max(1.0)).ln() / sigma;
            (-z * z / 2.0).exp() / x.max(1.0)
        }
        Distribution::Erlang { mean, stages } => {
            let k = f64::from(stages.max(1));
            let scaled = x.max(1.0) / nanos(mean).max(1.0);
            ((k - 1.0) * scaled.ln() - k * scaled + k).exp()
        }
        Distribution::Pareto { min, .. } => {
            let ratio = x / nanos(min).max(1.0);
            if ratio < 1.0 { 0.0 } else { ratio.powf(-alpha(distribution) - 1.0) }
        }
    }
}

/// Draws when a producer emits: strokes in time, or the course of its rate.
pub(crate) fn pacing(ui: &mut Ui, theme: &Theme, pacing: &Pacing) {
    let size = Vec2::new(ui.available_width(), HEIGHT - 16.0);
    let words = match pacing {
        Pacing::ByHand | Pacing::Replay { .. } => return,
        Pacing::Constant(rate) => format!("Evenly, {rate}"),
        Pacing::Poisson(rate) => format!("At random, {rate} on average"),
        Pacing::Bursts { size, every, .. } => format!("{size} at once, every {every}"),
        Pacing::Schedule { steps, .. } => format!("A rate that changes in {} steps", steps.len()),
    };
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.add_space(theme.space.xs);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, &words));
    response.on_hover_text(words);
    if !ui.is_rect_visible(rect) {
        return;
    }
    let plot = Rect::from_min_max(rect.min + Vec2::new(0.0, 4.0), rect.max - Vec2::new(0.0, AXIS));
    let painter = ui.painter();
    let stroke = |share: f32| {
        let x = plot.left() + share * plot.width();
        painter.vline(x, (plot.top() + 4.0)..=plot.bottom(), Stroke::new(1.5, theme.accent));
    };
    let until = match pacing {
        Pacing::Constant(rate) => {
            (0..16).for_each(|n| stroke((n as f32 + 0.5) / 16.0));
            rate.mean_gap().map(|gap| nanos(gap) * 16.0)
        }
        Pacing::Poisson(rate) => {
            random_gaps().for_each(stroke);
            rate.mean_gap().map(|gap| nanos(gap) * 16.0)
        }
        Pacing::Bursts { size, every, within } => {
            let shown = (*size).clamp(1, 24);
            let spread = (nanos(*within) / nanos(*every).max(1.0)).clamp(0.04, 1.0) as f32 / 3.0;
            for burst in 0..3 {
                for event in 0..shown {
                    stroke(burst as f32 / 3.0 + 0.02 + spread * event as f32 / shown as f32);
                }
            }
            Some(nanos(*every) * 3.0)
        }
        Pacing::Schedule { steps, ramp, repeat, .. } => {
            let end = repeat.or_else(|| steps.last().map(|step| step.at)).map_or(1e9, nanos).max(1.0);
            // Without a repeat the last rate goes on: show a little of that.
            let end = if repeat.is_some() { end } else { end * 1.2 };
            schedule(painter, theme, plot, steps, *ramp, end);
            Some(end)
        }
        Pacing::ByHand | Pacing::Replay { .. } => None,
    };
    painter.hline(rect.x_range(), plot.bottom(), Stroke::new(1.0, theme.edge));
    let font = theme.mono(theme.sizes.tiny);
    painter.text(pos2(plot.left(), plot.bottom() + 2.0), Align2::LEFT_TOP, "0", font.clone(), theme.dim);
    if let Some(until) = until {
        let words = format::nanos(until);
        painter.text(pos2(plot.right(), plot.bottom() + 2.0), Align2::RIGHT_TOP, words, font, theme.dim);
    }
}

/// Exponential gaps from a fixed beginning: the same picture each time.
fn random_gaps() -> impl Iterator<Item = f32> {
    const GAPS: [f32; 16] =
        [0.31, 1.62, 0.12, 0.54, 2.35, 0.22, 0.91, 0.08, 1.18, 0.43, 3.02, 0.17, 0.66, 1.94, 0.35, 1.10];
    GAPS.into_iter().scan(0.0, |at, gap| {
        *at += gap;
        Some(*at / 15.5)
    })
}

fn schedule(painter: &Painter, theme: &Theme, plot: Rect, steps: &[RateStep], ramp: bool, end: f64) {
    let top = steps.iter().map(|step| step.rate.per_second_f64()).fold(f64::MIN_POSITIVE, f64::max);
    let point = |at: f64, rate: f64| {
        let x = plot.left() + (at / end).clamp(0.0, 1.0) as f32 * plot.width();
        pos2(x, plot.bottom() - (rate / top) as f32 * (plot.height() - 2.0))
    };
    let mut points = Vec::new();
    let mut before = 0.0;
    for step in steps {
        let (at, rate) = (nanos(step.at), step.rate.per_second_f64());
        if !ramp || points.is_empty() {
            points.push(point(at, before));
        }
        points.push(point(at, rate));
        before = rate;
    }
    points.push(point(end, before));
    area(painter, plot, &points, theme.accent);
    let font = theme.mono(theme.sizes.tiny);
    painter.text(plot.left_top() + Vec2::new(0.0, -4.0), Align2::LEFT_TOP, format::rate(top), font, theme.faint);
}
