//! Editors of how long things take and how often they happen, each with a small picture.

#![expect(
    clippy::option_option,
    clippy::ref_option,
    reason = "an editor answers `None` for no change and `Some(None)` for a change to nothing"
)]

use egui::Ui;

use crate::gui::fields::{Form, Name, Reorder, add_button, name, order_buttons};
use crate::gui::format;
use crate::gui::pictures;
use crate::model::{
    Distribution, OverLimit, Pacing, Rate, RateLimit, RateStep, ReplayPace, SimDuration, Spacing, limits,
};

/// The kinds of distributions, in the order in which they are offered.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Fixed,
    Uniform,
    Exponential,
    Normal,
    LogNormal,
    Erlang,
    Pareto,
}

const SHAPES: [(Shape, &str, &str); 7] = [
    (Shape::Fixed, "Fixed", "Always the same"),
    (Shape::Uniform, "Uniform", "Anything in between, each as likely"),
    (Shape::Exponential, "Exponential", "Memoryless: many short, few long"),
    (Shape::Normal, "Normal", "The bell curve, cut at 0"),
    (Shape::LogNormal, "Log-normal", "What service times mostly look like: a bell on a logarithmic axis"),
    (Shape::Erlang, "Erlang", "The sum of several exponential ones: steadier than one"),
    (Shape::Pareto, "Pareto", "Heavy tail: now and then enormous"),
];

const fn shape_of(distribution: &Distribution) -> Shape {
    match distribution {
        Distribution::Fixed(_) => Shape::Fixed,
        Distribution::Uniform { .. } => Shape::Uniform,
        Distribution::Exponential { .. } => Shape::Exponential,
        Distribution::Normal { .. } => Shape::Normal,
        Distribution::LogNormal { .. } => Shape::LogNormal,
        Distribution::Erlang { .. } => Shape::Erlang,
        Distribution::Pareto { .. } => Shape::Pareto,
    }
}

/// A distribution of another kind that takes about as long.
fn reshaped(from: &Distribution, shape: Shape) -> Distribution {
    let mean = from.mean_nanos();
    let mean = if mean.is_finite() && mean > 0.0 { mean } else { 20e6 };
    let times = |factor: f64| SimDuration::from_nanos(two_digits(mean * factor));
    match shape {
        Shape::Fixed => Distribution::Fixed(times(1.0)),
        Shape::Uniform => Distribution::Uniform { min: times(0.5), max: times(1.5) },
        Shape::Exponential => Distribution::Exponential { mean: times(1.0) },
        Shape::Normal => Distribution::Normal { mean: times(1.0), deviation: times(0.25) },
        Shape::LogNormal => Distribution::LogNormal { median: times(0.8), p99: times(4.0) },
        Shape::Erlang => Distribution::Erlang { mean: times(1.0), stages: 4 },
        Shape::Pareto => Distribution::Pareto { min: times(0.4), median: times(0.6) },
    }
}

/// Rounded to two digits: a changed kind shows no `27.182818ms`.
fn two_digits(nanos: f64) -> u64 {
    let scale = 10.0_f64.powf(nanos.max(1.0).log10().floor() - 1.0).max(1.0);
    ((nanos / scale).round() * scale) as u64
}

/// A distribution's kind, figures and picture.
pub(super) fn distribution(
    form: &Form<'_>,
    ui: &mut Ui,
    title: Name<'_>,
    value: &Distribution,
) -> Option<Distribution> {
    let mut next = *value;
    if let Some(shape) = form.choice(ui, title, shape_of(value), &SHAPES) {
        next = reshaped(value, shape);
    }
    let part = |label, tip| name(label, tip, title.path);
    // Each kind's figures by the names that they have in textbooks.
    let set = |ui: &mut Ui, label, tip, duration: &mut SimDuration| {
        // The path says whose figure it is; the label alone may stand on several.
        if let Some(new) = form.value(ui, part(label, tip), duration) {
            *duration = new;
        }
    };
    if next == *value {
        match &mut next {
            Distribution::Fixed(duration) => set(ui, "  time", "How long it always takes", duration),
            Distribution::Uniform { min, max } => {
                set(ui, "  shortest", "Nothing is shorter", min);
                set(ui, "  longest", "Nothing is longer", max);
            }
            Distribution::Exponential { mean } => set(ui, "  mean", "How long it takes on average", mean),
            Distribution::Normal { mean, deviation } => {
                set(ui, "  mean", "How long it takes on average", mean);
                set(ui, "  deviation", "Two thirds are within this much of the mean", deviation);
            }
            Distribution::LogNormal { median, p99 } => {
                set(ui, "  median", "Half are shorter", median);
                set(ui, "  p99", "One in a hundred is longer", p99);
            }
            Distribution::Erlang { mean, stages } => {
                set(ui, "  mean", "How long it takes on average", mean);
                let stages_name = part("  stages", "How many exponential stages it is the sum of: more are steadier");
                if let Some(new) = form.whole(ui, stages_name, u64::from(*stages), (1, 1_000)) {
                    *stages = new as u32;
                }
            }
            Distribution::Pareto { min, median } => {
                set(ui, "  shortest", "Nothing is shorter", min);
                set(ui, "  median", "Half are shorter; must be longer than the shortest", median);
            }
        }
    }
    match value.fault() {
        Some(fault) => {
            let theme = form.ctx.theme;
            ui.label(egui::RichText::new(format::sentence(fault)).size(theme.sizes.tiny).color(theme.bad));
        }
        None => pictures::distribution(ui, form.ctx.theme, value),
    }
    (next != *value).then_some(next)
}

/// The ways of pacing, in the order in which they are offered.
#[derive(Clone, Copy, PartialEq)]
enum Rhythm {
    ByHand,
    Constant,
    Poisson,
    Bursts,
    Schedule,
    Replay,
}

const RHYTHMS: [(Rhythm, &str, &str); 6] = [
    (Rhythm::ByHand, "By hand", "Only when somebody presses its button"),
    (Rhythm::Constant, "Constant", "At even intervals"),
    (Rhythm::Poisson, "Poisson", "At random, independent of each other: what many unrelated people do"),
    (Rhythm::Bursts, "Bursts", "A handful at once, then silence"),
    (Rhythm::Schedule, "Schedule", "A rate that changes over time: ramps, day shapes"),
    (Rhythm::Replay, "Replay", "What really happened, from a log"),
];

const fn rhythm_of(pacing: &Pacing) -> Rhythm {
    match pacing {
        Pacing::ByHand => Rhythm::ByHand,
        Pacing::Constant(_) => Rhythm::Constant,
        Pacing::Poisson(_) => Rhythm::Poisson,
        Pacing::Bursts { .. } => Rhythm::Bursts,
        Pacing::Schedule { .. } => Rhythm::Schedule,
        Pacing::Replay { .. } => Rhythm::Replay,
    }
}

fn repaced(from: &Pacing, rhythm: Rhythm) -> Pacing {
    let rate = match from {
        Pacing::Constant(rate) | Pacing::Poisson(rate) => *rate,
        Pacing::Schedule { steps, .. } => {
            steps.iter().map(|step| step.rate).find(|rate| !rate.is_zero()).unwrap_or(Rate::per_second(1))
        }
        Pacing::ByHand | Pacing::Bursts { .. } | Pacing::Replay { .. } => Rate::per_second(1),
    };
    match rhythm {
        Rhythm::ByHand => Pacing::ByHand,
        Rhythm::Constant => Pacing::Constant(rate),
        Rhythm::Poisson => Pacing::Poisson(rate),
        Rhythm::Bursts => Pacing::Bursts { size: 10, every: SimDuration::from_secs(10), within: SimDuration::ZERO },
        Rhythm::Schedule => Pacing::Schedule {
            steps: vec![RateStep { at: SimDuration::ZERO, rate }, RateStep { at: SimDuration::from_secs(30), rate }],
            ramp: true,
            repeat: None,
            spacing: Spacing::default(),
        },
        Rhythm::Replay => Pacing::Replay { file: String::new(), time: None, pace: ReplayPace::default() },
    }
}

/// When a producer emits.
pub(super) fn pacing(form: &Form<'_>, ui: &mut Ui, value: &Pacing) -> Option<Pacing> {
    let mut next = value.clone();
    let kind = name("Emits", "When it emits by itself; each producer can also be fired by hand", "rate");
    if let Some(rhythm) = form.choice(ui, kind, rhythm_of(value), &RHYTHMS) {
        return Some(repaced(value, rhythm));
    }
    match &mut next {
        Pacing::ByHand => {}
        Pacing::Constant(rate) | Pacing::Poisson(rate) => {
            if let Some(new) =
                form.value(ui, name("Rate", "How often: a number per s, min, h or d, as in 50/s", "rate"), rate)
            {
                *rate = new;
            }
        }
        Pacing::Bursts { size, every, within } => {
            if let Some(new) =
                form.whole(ui, name("Size", "How many at once", "rate.size"), u64::from(*size), (1, 1_000_000))
            {
                *size = new as u32;
            }
            if let Some(new) = form.value(
                ui,
                name("Every", "From the beginning of one burst to that of the next", "rate.every"),
                every,
            ) {
                *every = new;
            }
            if let Some(new) =
                form.value(ui, name("Within", "Over how long one burst is spread, evenly", "rate.within"), within)
            {
                *within = new;
            }
        }
        Pacing::Schedule { steps, ramp, repeat, spacing } => schedule(form, ui, steps, ramp, repeat, spacing),
        Pacing::Replay { file, time, pace } => replay(form, ui, file, time, pace),
    }
    pictures::pacing(ui, form.ctx.theme, value);
    (next != *value).then_some(next)
}

fn schedule(
    form: &Form<'_>,
    ui: &mut Ui,
    steps: &mut Vec<RateStep>,
    ramp: &mut bool,
    repeat: &mut Option<SimDuration>,
    spacing: &mut Spacing,
) {
    let theme = form.ctx.theme;
    let mut change = None;
    for (at, step) in steps.iter_mut().enumerate() {
        let (path_at, path_rate) = (format!("rate.steps[{at}].at"), format!("rate.steps[{at}].rate"));
        let label = format!("Step {}", at + 1);
        form.subhead(ui, &label, |ui| change = change.or(order_buttons(ui, theme, &label, at, 1)));
        if let Some(new) =
            form.value(ui, name("  at", "When, counted from the schedule's beginning", &path_at), &step.at)
        {
            step.at = new;
        }
        if let Some(new) = form.value(ui, name("  rate", "How often from then on", &path_rate), &step.rate) {
            step.rate = new;
        }
    }
    if let Some(change @ Reorder::Remove(_)) = change {
        change.apply(steps);
    }
    if add_button(ui, theme, "Add step").clicked() {
        let last = steps.last().copied().unwrap_or(RateStep { at: SimDuration::ZERO, rate: Rate::per_second(1) });
        steps.push(RateStep { at: last.at.saturating_add(SimDuration::from_secs(30)), rate: last.rate });
    }
    // What is typed may come before its neighbour; time goes on all the same.
    steps.sort_by_key(|step| step.at);
    if let Some(new) = form.toggle(
        ui,
        name("Ramps between steps", "It moves steadily from one to the next; otherwise it jumps", "rate.ramp"),
        *ramp,
    ) {
        *ramp = new;
    }
    if let Some(new) = form.optional(
        ui,
        name("Repeats", "How long the whole lasts before it begins again", "rate.repeat"),
        repeat,
        "never",
    ) {
        *repeat = new;
    }
    let spacings = [
        (Spacing::Random, "At random", "Independent of each other, as a Poisson process"),
        (Spacing::Even, "Evenly", "At even intervals"),
    ];
    if let Some(new) =
        form.choice(ui, name("Spacing", "How events are spread within the rate", "rate.spacing"), *spacing, &spacings)
    {
        *spacing = new;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum PaceTag {
    Recorded,
    Times,
    Every,
}

fn replay(form: &Form<'_>, ui: &mut Ui, file: &mut String, time: &mut Option<String>, pace: &mut ReplayPace) {
    let tip = "The log, relative to the flow's own folder: CloudEvents as JSON lines, or CSV with a column of times";
    if let Some(new) = form.words(ui, name("Log file", tip, "rate.file"), file, "data/events.jsonl") {
        *file = new;
    }
    let column = time.clone().unwrap_or_default();
    if let Some(new) = form.words(ui, name("Time field", "Its column or field of times", "rate.time"), &column, "time")
    {
        *time = (!new.is_empty()).then_some(new);
    }
    let tag = match pace {
        ReplayPace::Recorded => PaceTag::Recorded,
        ReplayPace::Times(_) => PaceTag::Times,
        ReplayPace::Every(_) => PaceTag::Every,
    };
    let options = [
        (PaceTag::Recorded, "As recorded", "With the gaps that the log has"),
        (PaceTag::Times, "Faster or slower", "With the gaps that the log has, all shorter or longer"),
        (PaceTag::Every, "At a rate", "One event after the other, whatever was recorded"),
    ];
    if let Some(new) = form.choice(ui, name("Pace", "How fast it is replayed", "rate.pace"), tag, &options) {
        *pace = match new {
            PaceTag::Recorded => ReplayPace::Recorded,
            PaceTag::Times => ReplayPace::Times(crate::model::Factor::from_thousandths(3_600_000)),
            PaceTag::Every => ReplayPace::Every(Rate::per_second(1)),
        };
    }
    match pace {
        ReplayPace::Recorded => {}
        ReplayPace::Times(factor) => {
            if let Some(new) = form.value(ui, name("Times", "3600x is an hour a second", "rate.pace"), factor) {
                *factor = new;
            }
        }
        ReplayPace::Every(rate) => {
            if let Some(new) = form.value(ui, name("Rate", "How often, as in 50/s", "rate.pace"), rate) {
                *rate = new;
            }
        }
    }
}

const OVER_LIMITS: [(OverLimit, &str, &str); 3] = [
    (OverLimit::Queue, "Waits in the queue", "It stays where it is until there is room"),
    (
        OverLimit::Retry,
        "Comes again later",
        "It is handed back and comes again after the subscription's backoff; counts as throttled",
    ),
    (OverLimit::Reject, "Is refused", "It is given up at once: dead-lettered or dropped"),
];

/// What happens to an event that finds no room.
pub(super) fn over_limit(form: &Form<'_>, ui: &mut Ui, title: Name<'_>, value: OverLimit) -> Option<OverLimit> {
    form.choice(ui, title, value, &OVER_LIMITS)
}

/// A limit of how many events may be begun in a time.
pub(super) fn rate_limit(form: &Form<'_>, ui: &mut Ui, value: &Option<RateLimit>) -> Option<Option<RateLimit>> {
    limit_at(form, ui, value, "rate_limit")
}

/// The same, by the name that the file has for it here.
pub(super) fn limit_at(form: &Form<'_>, ui: &mut Ui, value: &Option<RateLimit>, at: &str) -> Option<Option<RateLimit>> {
    let path = |field: &str| format!("{at}.{field}");
    let (path_rate, path_burst, path_over) = (path("rate"), path("burst"), path("over"));
    let mut next = *value;
    let tip = "A token bucket: so many at once, and so many in the long run";
    if let Some(on) = form.toggle(ui, name("Limits its rate", tip, at), value.is_some()) {
        next = on.then_some(RateLimit { rate: Rate::per_second(100), burst: 10, over: OverLimit::default() });
    }
    if let Some(limit) = &mut next
        && value.is_some()
    {
        if let Some(new) = form.value(ui, name("Rate", "How fast tokens come back", &path_rate), &limit.rate) {
            limit.rate = new;
        }
        let burst = name("Burst", "How many can be saved up", &path_burst);
        if let Some(new) = form.whole(ui, burst, u64::from(limit.burst), (1, u64::from(limits::CONCURRENCY))) {
            limit.burst = new as u32;
        }
        let over = name("One too many", "What happens to an event that finds no token", &path_over);
        if let Some(new) = over_limit(form, ui, over, limit.over) {
            limit.over = new;
        }
    }
    (next != *value).then_some(next)
}
