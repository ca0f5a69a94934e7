//! The settings of a stream processor: what it takes, what it makes of it, and whose time it goes by.

use egui::Ui;

use crate::gui::fields::{Form, Name, Reorder, Suggestion, add_button, name, order_buttons};
use crate::model::{
    Aggregate, EventName, EventTime, Expression, Grouping, Join, Key, Mapping, Operator, Pattern, SimDuration,
    StateKept, Stream, Window, WindowShape, limits,
};

use super::{handlers, timing};

/// Draws the settings.
pub(super) fn stream_ui(form: &Form<'_>, ui: &mut Ui, stream: &mut Stream, events: &[Suggestion]) {
    let gathers = matches!(stream.operator, Operator::Window(_) | Operator::Join(_));
    form.section(ui, "Takes");
    let (label, tip) = match stream.operator {
        Operator::Join(_) => ("Left side", "The event types of one side: a name, or a pattern as in order.* or >"),
        _ => ("Events", "The event types that it takes: a name, or a pattern as in order.* or >"),
    };
    if let Some(new) = form.suggested::<Pattern>(ui, name(label, tip, "on"), &stream.on, events) {
        stream.on = new;
    }
    if let Operator::Join(join) = &mut stream.operator {
        let right = name("Right side", "The event types of the other side", "operator.with");
        if let Some(new) = form.suggested::<Pattern>(ui, right, &join.with, events) {
            join.with = new;
        }
    }
    let tip = "Only events for which this is true go on, as in event.data.amount > 0";
    if let Some(new) = form.expression(ui, name("Only when", tip, "when"), &stream.when, "always") {
        stream.when = new;
    }
    form.section(ui, "Makes of them");
    operator(form, ui, stream, events);
    let emits = name("Emits", "The type of its results", "emits");
    if let Some(new) = form.suggested::<EventName>(ui, emits, &stream.emits, events) {
        stream.emits = new;
    }
    if gathers {
        form.section(ui, "Event time");
        time(form, ui, stream);
        form.section(ui, "Late events");
        late(form, ui, stream, events);
    }
    form.section(ui, "Working");
    if gathers {
        let kept = [
            (StateKept::Checkpointed, "Checkpointed", "Saved with the position of each input: a crash loses nothing"),
            (StateKept::Volatile, "In memory only", "A crash empties it, and what was acknowledged is gone with it"),
        ];
        let tip = "Whether open windows and what waits for its partner survive a crash";
        if let Some(new) = form.choice(ui, name("State", tip, "state"), stream.state, &kept) {
            stream.state = new;
        }
    }
    let takes = name("Takes", "How long taking an event in takes", "takes");
    if let Some(new) = timing::distribution(form, ui, takes, &stream.takes) {
        stream.takes = new;
    }
    let at_once = name("At once", "How many events it takes in at the same time", "concurrency");
    let most = u64::from(limits::CONCURRENCY);
    if let Some(new) = form.whole(ui, at_once, u64::from(stream.concurrency), (1, most)) {
        stream.concurrency = new as u32;
    }
    if let Some(new) = form.chance(ui, name("Fails", "How often taking an event in fails", "fails"), stream.fails) {
        stream.fails = new;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Filter,
    Map,
    Tumbling,
    Hopping,
    Session,
    Join,
}

const WHATS: [(What, &str, &str); 6] = [
    (What::Filter, "Filter", "Lets those through for which something is true"),
    (What::Map, "Transform", "Another event in the place of each"),
    (What::Tumbling, "Tumbling windows", "What comes in each stretch of time, one after the other"),
    (What::Hopping, "Hopping windows", "The same, but a new one begins before the last has ended"),
    (What::Session, "Session windows", "What comes between two pauses"),
    (What::Join, "Join", "Pairs of two types that happened at nearly the same time"),
];

const fn what_of(operator: &Operator) -> What {
    match operator {
        Operator::Filter(_) => What::Filter,
        Operator::Map(_) => What::Map,
        Operator::Window(Window { shape, .. }) => match shape {
            WindowShape::Tumbling { .. } => What::Tumbling,
            WindowShape::Hopping { .. } => What::Hopping,
            WindowShape::Session { .. } => What::Session,
        },
        Operator::Join(_) => What::Join,
    }
}

/// Another operator, with as much of the settings as still means something.
fn become_other(operator: &Operator, what: What) -> Operator {
    let window = match operator {
        Operator::Window(window) => window.clone(),
        Operator::Join(join) => Window { by: join.by.clone(), ..Window::default() },
        Operator::Filter(_) | Operator::Map(_) => Window::default(),
    };
    let size = match window.shape {
        WindowShape::Tumbling { size, .. } | WindowShape::Hopping { size, .. } => size,
        WindowShape::Session { gap } => gap,
    };
    let shaped = |shape| Operator::Window(Window { shape, ..window.clone() });
    match what {
        What::Filter => Operator::Filter(Expression("event.hops >= 0".to_owned())),
        What::Map => Operator::Map(Mapping { data: Expression("event.data".to_owned()), key: Key::Inherit }),
        What::Tumbling => shaped(WindowShape::Tumbling { size, offset: SimDuration::ZERO }),
        What::Hopping => {
            let slide = SimDuration::from_nanos((size.as_nanos() / 2).max(1));
            shaped(WindowShape::Hopping { size, slide, offset: SimDuration::ZERO })
        }
        What::Session => shaped(WindowShape::Session { gap: size }),
        What::Join => {
            let with = Pattern::new("other.event").expect("a fixed, well-formed pattern");
            Operator::Join(Join { with, within: size, by: window.by.clone(), data: None })
        }
    }
}

fn operator(form: &Form<'_>, ui: &mut Ui, stream: &mut Stream, events: &[Suggestion]) {
    let tip = "What it makes of the events that it takes";
    let current = what_of(&stream.operator);
    if let Some(what) = form.choice(ui, name("Operator", tip, "operator"), current, &WHATS) {
        stream.operator = become_other(&stream.operator, what);
        if let Operator::Join(join) = &mut stream.operator {
            // A type of the flow that the left side does not take, if there is one.
            let other = events.iter().find(|(event, _)| !stream.on.matches(event) && *event != stream.emits.as_str());
            if let Some(with) = other.and_then(|(event, _)| Pattern::new(event).ok()) {
                join.with = with;
            }
        }
        return;
    }
    match &mut stream.operator {
        Operator::Filter(when) => {
            let field = name("Passes", "True of what is let through, as in event.data.amount > 100", "operator");
            required(form, ui, field, when, "event.data.amount > 100");
        }
        Operator::Map(map) => {
            let field = name("Data", "The new event's data, built from the one that came", "operator.data");
            required(form, ui, field, &mut map.data, r#"{ "total": event.data.amount * 2 }"#);
            if let Some(new) = handlers::key(form, ui, "operator.key", &map.key, "That of its cause") {
                map.key = new;
            }
        }
        Operator::Window(window) => window_ui(form, ui, window),
        Operator::Join(join) => {
            let within = name("Within", "How far apart the two may be, either way", "operator.within");
            if let Some(new) = form.value(ui, within, &join.within) {
                join.within = new;
            }
            let tip = "Which events fit together";
            if let Some(new) = grouping(form, ui, name("Same", tip, "operator.by"), &join.by) {
                join.by = new;
            }
            let tip = "Built from both, as in { \"order\": event.data.left.order }";
            let field = name("Data", tip, "operator.data");
            if let Some(new) = form.expression(ui, field, &join.data, "left and right, each with its data") {
                join.data = new;
            }
        }
    }
}

/// An expression that has to be there: an emptied field changes nothing.
fn required(form: &Form<'_>, ui: &mut Ui, field: Name<'_>, value: &mut Expression, hint: &str) {
    if let Some(Some(new)) = form.expression(ui, field, &Some(value.clone()), hint) {
        *value = new;
    }
}

fn window_ui(form: &Form<'_>, ui: &mut Ui, window: &mut Window) {
    let span = |ui: &mut Ui, label, tip, path, value: &mut SimDuration| {
        if let Some(new) = form.value(ui, name(label, tip, path), value) {
            *value = new;
        }
    };
    let (size_path, offset_path) = ("operator.shape.size", "operator.shape.offset");
    match &mut window.shape {
        WindowShape::Tumbling { size, offset } => {
            span(ui, "Size", "How long each window is", size_path, size);
            span(ui, "Offset", "Windows begin so long after whole multiples of their size", offset_path, offset);
        }
        WindowShape::Hopping { size, slide, offset } => {
            span(ui, "Size", "How long each window is", size_path, size);
            let tip = "From the start of one window to that of the next; it has to divide the size";
            span(ui, "Slide", tip, "operator.shape.slide", slide);
            span(ui, "Offset", "Windows begin so long after whole multiples of the slide", offset_path, offset);
        }
        WindowShape::Session { gap } => {
            span(ui, "Gap", "A pause of so long ends a session", "operator.shape.gap", gap);
        }
    }
    let tip = "Which events have windows of their own";
    if let Some(new) = grouping(form, ui, name("For each", tip, "operator.by"), &window.by) {
        window.by = new;
    }
    aggregates(form, ui, window);
    let tip = "The result's data, built from its figures, as in { \"who\": event.data.key, \"n\": event.data.count }";
    let field = name("Data", tip, "operator.data");
    if let Some(new) = form.expression(ui, field, &window.data, "all figures, with key, start and end") {
        window.data = new;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum By {
    Key,
    All,
    Of,
}

fn grouping(form: &Form<'_>, ui: &mut Ui, field: Name<'_>, value: &Grouping) -> Option<Grouping> {
    let tag = match value {
        Grouping::Key => By::Key,
        Grouping::All => By::All,
        Grouping::Of(_) => By::Of,
    };
    let options = [
        (By::Key, "Partition key", "Events of the same key belong together"),
        (By::All, "All together", "All events belong together"),
        (By::Of, "By expression", "Events of which an expression says the same, as in event.data.customer"),
    ];
    if let Some(new) = form.choice(ui, field, tag, &options) {
        return Some(match new {
            By::Key => Grouping::Key,
            By::All => Grouping::All,
            By::Of => Grouping::Of(Expression("event.key".to_owned())),
        });
    }
    let Grouping::Of(of) = value else { return None };
    let of_field = name("  expression", "Its value is text or a number", field.path);
    let new = form.expression(ui, of_field, &Some(of.clone()), "event.data.customer")?;
    Some(new.map_or(Grouping::Key, Grouping::Of))
}

#[derive(Clone, Copy, PartialEq)]
enum Figure {
    Count,
    Sum,
    Min,
    Max,
    Mean,
    Distinct,
    Last,
}

const FIGURES: [(Figure, &str, &str); 7] = [
    (Figure::Count, "Count", "How many events"),
    (Figure::Sum, "Sum of", "The sum of a number"),
    (Figure::Min, "Smallest", "The smallest number"),
    (Figure::Max, "Greatest", "The greatest number"),
    (Figure::Mean, "Mean of", "The mean of a number"),
    (Figure::Distinct, "Different", "How many different values"),
    (Figure::Last, "Latest", "The value of the latest event, by event time"),
];

const fn figure_of(aggregate: &Aggregate) -> Figure {
    match aggregate {
        Aggregate::Count => Figure::Count,
        Aggregate::Sum(_) => Figure::Sum,
        Aggregate::Min(_) => Figure::Min,
        Aggregate::Max(_) => Figure::Max,
        Aggregate::Mean(_) => Figure::Mean,
        Aggregate::Distinct(_) => Figure::Distinct,
        Aggregate::Last(_) => Figure::Last,
    }
}

fn aggregate(figure: Figure, of: Expression) -> Aggregate {
    match figure {
        Figure::Count => Aggregate::Count,
        Figure::Sum => Aggregate::Sum(of),
        Figure::Min => Aggregate::Min(of),
        Figure::Max => Aggregate::Max(of),
        Figure::Mean => Aggregate::Mean(of),
        Figure::Distinct => Aggregate::Distinct(of),
        Figure::Last => Aggregate::Last(of),
    }
}

/// The figures of a window's result, each with its name.
fn aggregates(form: &Form<'_>, ui: &mut Ui, window: &mut Window) {
    let theme = form.ctx.theme;
    let mut rows: Vec<(String, Aggregate)> =
        window.aggregates.iter().map(|(name, aggregate)| (name.clone(), aggregate.clone())).collect();
    let mut removed = None;
    for (at, (called, one)) in rows.iter_mut().enumerate() {
        let path = format!("operator.aggregates[\"{called}\"]");
        form.subhead(ui, "Works out", |ui| {
            if let Some(Reorder::Remove(_)) = order_buttons(ui, theme, &format!("figure {called}"), 0, 1) {
                removed = Some(at);
            }
        });
        let kind = figure_of(one);
        let of = one.of().cloned().unwrap_or_else(|| Expression("event.data.amount".to_owned()));
        if let Some(new) = form.choice(ui, name("Figure", "What is worked out", &path), kind, &FIGURES) {
            *one = aggregate(new, of);
        } else if one.of().is_some() {
            let field = name("  of", "What it is worked out of, as in event.data.amount", &path);
            if let Some(Some(new)) = form.expression(ui, field, &Some(of), "event.data.amount") {
                *one = aggregate(kind, new);
            }
        }
        if let Some(new) = form.words(ui, name("  called", "Its name in the result", &path), called, "") {
            *called = new;
        }
    }
    if let Some(at) = removed {
        rows.remove(at);
    }
    if add_button(ui, theme, "Add figure").clicked() {
        let is_free = |called: &String| rows.iter().all(|(other, _)| other != called);
        let called = (1..=rows.len() + 1)
            .map(|number| if number == 1 { "sum".to_owned() } else { format!("sum{number}") })
            .find(is_free);
        rows.extend(called.map(|called| (called, Aggregate::Sum(Expression("event.data.amount".to_owned())))));
    }
    // Two of one name would be one: then nothing is renamed.
    let next: std::collections::BTreeMap<String, Aggregate> = rows.iter().cloned().collect();
    if next.len() == rows.len() {
        window.aggregates = next;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Clock {
    Born,
    Seconds,
    Millis,
    Nanos,
}

fn time(form: &Form<'_>, ui: &mut Ui, stream: &mut Stream) {
    let tag = match stream.time {
        EventTime::Born => Clock::Born,
        EventTime::Seconds(_) => Clock::Seconds,
        EventTime::Millis(_) => Clock::Millis,
        EventTime::Nanos(_) => Clock::Nanos,
    };
    let options = [
        (Clock::Born, "Its own time", "The event's own time: when its root cause came into being"),
        (Clock::Seconds, "Its data, in s", "What an expression says, in seconds, or as an RFC 3339 time"),
        (Clock::Millis, "Its data, in ms", "What an expression says, in milliseconds, or as an RFC 3339 time"),
        (Clock::Nanos, "Its data, in ns", "What an expression says, in nanoseconds, or as an RFC 3339 time"),
    ];
    let of = stream.time.expression().map_or_else(|| Expression("event.data.at".to_owned()), |(of, _)| of.clone());
    let in_unit = |clock, of| match clock {
        Clock::Born => EventTime::Born,
        Clock::Seconds => EventTime::Seconds(of),
        Clock::Millis => EventTime::Millis(of),
        Clock::Nanos => EventTime::Nanos(of),
    };
    let field = name("Happened", "When an event happened, which is what windows go by", "time");
    if let Some(new) = form.choice(ui, field, tag, &options) {
        stream.time = in_unit(new, of);
    } else if tag != Clock::Born {
        let mut said = of;
        required(form, ui, name("  expression", "Where the time is", "time"), &mut said, "event.data.at");
        stream.time = in_unit(tag, said);
    }
    let tip = "How far out of order events may be: the watermark stays so far behind the latest one";
    if let Some(new) = form.value(ui, name("Out of order", tip, "watermark.behind"), &stream.watermark.behind) {
        stream.watermark.behind = new;
    }
    let tip = "An input from which nothing has come for so long is not waited for; empty means for ever";
    let idle = name("Idle after", tip, "watermark.idle");
    if let Some(new) = form.optional(ui, idle, &stream.watermark.idle, "waits for ever") {
        stream.watermark.idle = new;
    }
}

fn late(form: &Form<'_>, ui: &mut Ui, stream: &mut Stream, events: &[Suggestion]) {
    let tip = "For how long after its end a window still takes events, and its result comes out anew with each";
    if let Some(new) = form.value(ui, name("Taken for", tip, "lateness"), &stream.lateness) {
        stream.lateness = new;
    }
    let tip = "The type under which what is too late is published; empty means that it is only counted";
    let field = name("Too late", tip, "late");
    if let Some(new) = form.optional_suggested::<EventName>(ui, field, &stream.late, "only counted", events) {
        stream.late = new;
    }
}
