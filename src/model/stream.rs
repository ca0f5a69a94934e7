//! Stream processors: filter, transform, windows and joins, by the time that events carry.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::ids::EventName;
use super::is_default;
use super::node::{Emit, Expression, Handler, Key};
use super::pattern::Pattern;
use super::quantity::Chance;
use super::time::SimDuration;

/// Takes events in, and publishes what it makes of them: some of them, others in their place, or what many add up to.
///
/// Windows and joins go by *event time*: when a thing happened, not when it came here. A *watermark* says up to when all is
/// believed to have come; a window closes when the watermark passes its end, and what comes later than allowed is late.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stream {
    /// The event types that it takes; of a join, those of its left side. Others are acknowledged and ignored.
    #[serde(skip_serializing_if = "is_all")]
    pub on: Pattern,

    /// Only events for which this is true go on to the operator.
    #[serde(skip_serializing_if = "is_default")]
    pub when: Option<Expression>,

    /// What it makes of them.
    pub operator: Operator,

    /// The type of its results.
    pub emits: EventName,

    /// When an event happened.
    #[serde(skip_serializing_if = "is_default")]
    pub time: EventTime,

    /// Up to when everything is believed to have come.
    #[serde(skip_serializing_if = "is_default")]
    pub watermark: Watermark,

    /// For how long after the watermark has passed a window's end events are still taken into it. Each of them makes the
    /// window's result come out anew.
    #[serde(skip_serializing_if = "is_default")]
    pub lateness: SimDuration,

    /// The type under which events that are too late are published, unchanged; unset means that they are only counted.
    #[serde(skip_serializing_if = "is_default")]
    pub late: Option<EventName>,

    /// Whether open windows and what waits for its partner survive a crash.
    #[serde(skip_serializing_if = "is_default")]
    pub state: StateKept,

    /// How long it takes to take an event in.
    #[serde(skip_serializing_if = "is_default_takes")]
    pub takes: Distribution,

    /// How often that fails.
    #[serde(skip_serializing_if = "is_default")]
    pub fails: Chance,

    /// How many events it takes in at once.
    #[serde(skip_serializing_if = "is_one")]
    pub concurrency: u32,
}

impl Stream {
    /// A millisecond: taking an event in is no more than a look at a table.
    pub const TAKES: Distribution = Distribution::Fixed(SimDuration::from_millis(1));

    /// What it does with each event, said as the handlers of a service: for whoever asks what can come of what.
    ///
    /// Its results are on the condition that a filter lets something through, a window closes or a partner comes.
    pub fn as_handlers(&self) -> Vec<Handler> {
        let condition = || Some(Expression::default());
        let is_sure = matches!(self.operator, Operator::Map(_)) && self.when.is_none();
        let mut result = Emit::new(self.emits.clone());
        result.when = if is_sure { None } else { condition() };
        let mut emits = vec![result];
        emits.extend(self.late_event().cloned().map(|late| Emit { when: condition(), ..Emit::new(late) }));
        let handler = |on: &Pattern| Handler {
            on: on.clone(),
            takes: self.takes,
            fails: self.fails,
            emits: emits.clone(),
            ..Handler::default()
        };
        let mut handlers = vec![handler(&self.on)];
        if let Operator::Join(join) = &self.operator {
            handlers.push(handler(&join.with));
        }
        handlers
    }

    /// The type of late events, where there can be any.
    pub const fn late_event(&self) -> Option<&EventName> {
        match self.operator {
            Operator::Window(_) | Operator::Join(_) => self.late.as_ref(),
            Operator::Filter(_) | Operator::Map(_) => None,
        }
    }

    /// Every expression of it: where it stands, and what it is for.
    pub fn expressions(&self) -> Vec<(String, &Expression, Use)> {
        let mut all = Vec::new();
        let mut add = |place: &str, expression, purpose| all.push((place.to_owned(), expression, purpose));
        if let Some(when) = &self.when {
            add("when", when, Use::Condition);
        }
        if let Some((expression, _)) = self.time.expression() {
            add("time", expression, Use::Value);
        }
        match &self.operator {
            Operator::Filter(when) => add("operator", when, Use::Condition),
            Operator::Map(map) => {
                add("operator.data", &map.data, Use::Value);
                if let Key::Of(key) = &map.key {
                    add("operator.key", key, Use::Key);
                }
            }
            Operator::Window(window) => {
                if let Grouping::Of(key) = &window.by {
                    add("operator.by", key, Use::Key);
                }
                for (name, aggregate) in &window.aggregates {
                    if let Some(of) = aggregate.of() {
                        add(&format!("operator.aggregates[\"{name}\"]"), of, Use::Value);
                    }
                }
                if let Some(data) = &window.data {
                    add("operator.data", data, Use::Value);
                }
            }
            Operator::Join(join) => {
                if let Grouping::Of(key) = &join.by {
                    add("operator.by", key, Use::Key);
                }
                if let Some(data) = &join.data {
                    add("operator.data", data, Use::Value);
                }
            }
        }
        all
    }
}

/// What an expression of a stream processor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is true or false.
    Condition,
    /// It is text or a number to group by.
    Key,
    /// It is any value.
    Value,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            on: Pattern::all(),
            when: None,
            operator: Operator::default(),
            emits: EventName::new("window.closed").expect("a fixed, well-formed name"),
            time: EventTime::default(),
            watermark: Watermark::default(),
            lateness: SimDuration::ZERO,
            late: None,
            state: StateKept::default(),
            takes: Self::TAKES,
            fails: Chance::NEVER,
            concurrency: 1,
        }
    }
}

fn is_all(pattern: &Pattern) -> bool {
    *pattern == Pattern::all()
}

fn is_default_takes(takes: &Distribution) -> bool {
    *takes == Stream::TAKES
}

fn is_one(value: &u32) -> bool {
    *value == 1
}

/// What a stream processor makes of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Operator {
    /// Those for which this is true, with the data and the key that they have.
    Filter(Expression),
    /// Another one in the place of each.
    Map(Mapping),
    /// What those of a stretch of time add up to.
    Window(Window),
    /// Pairs of two types that happened at nearly the same time.
    Join(Join),
}

impl Operator {
    /// What people call it.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Filter(_) => "Filter",
            Self::Map(_) => "Transform",
            Self::Window(window) => window.shape.label(),
            Self::Join(_) => "Join",
        }
    }

    /// What its results' data are built with, if that is said.
    pub const fn data(&self) -> Option<&Expression> {
        match self {
            Self::Filter(_) => None,
            Self::Map(map) => Some(&map.data),
            Self::Window(window) => window.data.as_ref(),
            Self::Join(join) => join.data.as_ref(),
        }
    }
}

impl Default for Operator {
    /// Events a key in ten seconds.
    fn default() -> Self {
        Self::Window(Window::default())
    }
}

/// Makes one event of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Its data, built from the event's.
    pub data: Expression,

    /// Its partition key.
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: Key,
}

/// Gathers events by time, and closes with one result.
///
/// The result's data are an object: `key`, `start` and `end` of the window, each aggregate by its name, and `revision` when
/// it comes out anew. Times are in the unit of the event time, milliseconds unless that says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// Which stretches of time.
    pub shape: WindowShape,

    /// Which events have windows of their own.
    #[serde(skip_serializing_if = "is_default")]
    pub by: Grouping,

    /// What is worked out, by the name that it has in the result.
    #[serde(skip_serializing_if = "is_just_count")]
    pub aggregates: BTreeMap<String, Aggregate>,

    /// The result's data, built from that object: `event.data.count` is the aggregate of that name.
    #[serde(skip_serializing_if = "is_default")]
    pub data: Option<Expression>,
}

impl Default for Window {
    fn default() -> Self {
        let shape = WindowShape::Tumbling { size: SimDuration::from_secs(10), offset: SimDuration::ZERO };
        Self { shape, by: Grouping::default(), aggregates: just_count(), data: None }
    }
}

fn just_count() -> BTreeMap<String, Aggregate> {
    BTreeMap::from([("count".to_owned(), Aggregate::Count)])
}

fn is_just_count(aggregates: &BTreeMap<String, Aggregate>) -> bool {
    *aggregates == just_count()
}

/// Stretches of event time. Each takes in its start and leaves out its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WindowShape {
    /// One after the other, without gap or overlap.
    Tumbling {
        /// How long each is.
        size: SimDuration,
        /// They begin so long after whole multiples of the size, counted from 0.
        #[serde(default, skip_serializing_if = "is_default")]
        offset: SimDuration,
    },
    /// A new one begins before the last has ended: each event is in several.
    Hopping {
        /// How long each is.
        size: SimDuration,
        /// From the start of one to that of the next; divides the size.
        slide: SimDuration,
        /// They begin so long after whole multiples of the slide, counted from 0.
        #[serde(default, skip_serializing_if = "is_default")]
        offset: SimDuration,
    },
    /// From the first event after a pause to the next pause.
    Session {
        /// A pause: no event of the key for so long.
        gap: SimDuration,
    },
}

impl WindowShape {
    /// What people call it.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Tumbling { .. } => "Tumbling window",
            Self::Hopping { .. } => "Hopping window",
            Self::Session { .. } => "Session window",
        }
    }
}

impl fmt::Display for WindowShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tumbling { size, .. } => write!(f, "{size} windows"),
            Self::Hopping { size, slide, .. } => write!(f, "{size} windows every {slide}"),
            Self::Session { gap } => write!(f, "sessions, {gap} apart"),
        }
    }
}

/// Which events belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Grouping {
    /// Those of the same partition key.
    #[default]
    Key,
    /// All of them.
    All,
    /// Those of which an expression says the same, as in `event.data.customer`.
    Of(Expression),
}

/// What is worked out of the events in a window. A value that is missing is left out.
///
/// Results do not depend on the order in which events come: sums are exact and are rounded once, at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Aggregate {
    /// How many events.
    Count,
    /// The sum of a number.
    Sum(Expression),
    /// The smallest number.
    Min(Expression),
    /// The greatest number.
    Max(Expression),
    /// The mean of a number.
    Mean(Expression),
    /// How many different values.
    Distinct(Expression),
    /// The value of the latest event, by event time.
    Last(Expression),
}

impl Aggregate {
    /// What it is worked out of; nothing for a count.
    pub const fn of(&self) -> Option<&Expression> {
        match self {
            Self::Count => None,
            Self::Sum(of) | Self::Min(of) | Self::Max(of) | Self::Mean(of) | Self::Distinct(of) | Self::Last(of) => {
                Some(of)
            }
        }
    }

    /// What people call it.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum(_) => "sum",
            Self::Min(_) => "min",
            Self::Max(_) => "max",
            Self::Mean(_) => "mean",
            Self::Distinct(_) => "distinct",
            Self::Last(_) => "last",
        }
    }
}

/// Finds pairs: an event of the left side (`on`) and one of the right side of the same group, at most so far apart in event
/// time. Each pair comes out once, whichever of the two came first.
///
/// The result's data are `{ "left": …, "right": … }`, the data of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The event types of the right side.
    pub with: Pattern,

    /// How far apart the two may be, either way.
    pub within: SimDuration,

    /// Which events fit together.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by: Grouping,

    /// The result's data, built from that object: `event.data.left.amount` is a field of the left event.
    #[serde(default, skip_serializing_if = "is_default")]
    pub data: Option<Expression>,
}

/// When an event happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum EventTime {
    /// `event.time`: when its root cause came into being.
    #[default]
    Born,
    /// What an expression says, in seconds, as in `event.data.at`. Text is read as an RFC 3339 time.
    Seconds(Expression),
    /// The same in milliseconds.
    Millis(Expression),
    /// The same in nanoseconds.
    Nanos(Expression),
}

impl EventTime {
    /// The expression, and how many nanoseconds its unit has.
    pub const fn expression(&self) -> Option<(&Expression, i64)> {
        match self {
            Self::Born => None,
            Self::Seconds(of) => Some((of, 1_000_000_000)),
            Self::Millis(of) => Some((of, 1_000_000)),
            Self::Nanos(of) => Some((of, 1)),
        }
    }

    /// Nanoseconds in the unit in which results tell times.
    pub const fn unit_nanos(&self) -> i64 {
        match self.expression() {
            Some((_, unit)) => unit,
            None => 1_000_000,
        }
    }
}

/// Up to when everything is believed to have come: so far behind the latest event time of the input that is furthest back.
///
/// An *input* is a partition that a subscription of the node reads and that can bring events that it takes. It counts from the
/// start on: until it has brought an event, or has been idle for long enough, the watermark waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watermark {
    /// How far out of order events may be.
    #[serde(skip_serializing_if = "is_default_behind")]
    pub behind: SimDuration,

    /// An input from which nothing has come for so long is not waited for. When all are idle, event time is taken to go on
    /// as the clock does, so that what is open closes. Unset means that an input is always waited for.
    #[serde(skip_serializing_if = "is_default_idle")]
    pub idle: Option<SimDuration>,
}

impl Watermark {
    /// Enough for retries within one service.
    pub const BEHIND: SimDuration = SimDuration::from_secs(1);
    /// Longer than ordinary traffic pauses.
    pub const IDLE: SimDuration = SimDuration::from_secs(10);
}

impl Default for Watermark {
    fn default() -> Self {
        Self { behind: Self::BEHIND, idle: Some(Self::IDLE) }
    }
}

fn is_default_behind(value: &SimDuration) -> bool {
    *value == Watermark::BEHIND
}

#[expect(clippy::ref_option, reason = "serde shows the field as it is")]
fn is_default_idle(value: &Option<SimDuration>) -> bool {
    *value == Some(Watermark::IDLE)
}

/// Whether what a stream processor holds survives a crash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StateKept {
    /// It is saved together with the position of each input, event by event, as Kafka Streams does with exactly-once
    /// processing: nothing is lost, and a record that is handed over again is known and not counted twice.
    #[default]
    Checkpointed,
    /// It is in memory only: a crash empties it. What was acknowledged before is lost with it; what was not is handed over
    /// again.
    Volatile,
}

/// A moment of event time as people read it: as a clock near 0 (`-00:00:05.000`), further away with its day
/// (`2026-03-01 00:00:05.000`).
pub fn moment_text(nanos: i64) -> String {
    const DAY_MILLIS: i64 = 86_400_000;
    // What a run's own clock can say in a few years is a clock.
    const CLOCK_DAYS: i64 = 3_650;
    let millis = nanos.div_euclid(1_000_000);
    let clock = |millis: i64| {
        let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
        format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1_000)
    };
    if millis.abs() < CLOCK_DAYS * DAY_MILLIS {
        let sign = if millis < 0 { "-" } else { "" };
        return format!("{sign}{}", clock(millis.abs()));
    }
    // The Gregorian calendar, after H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    let days = millis.div_euclid(DAY_MILLIS) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {}", clock(millis.rem_euclid(DAY_MILLIS)))
}

#[cfg(test)]
mod tests {
    use super::moment_text;

    #[test]
    fn moments_read_as_a_clock_or_a_day() {
        for (nanos, text) in [
            (0, "00:00:00.000"),
            (-5_000_000_000, "-00:00:05.000"),
            (90_061_500_000_000, "25:01:01.500"),
            (1_709_164_800_000_000_000, "2024-02-29 00:00:00.000"),
            (1_772_323_205_000_000_000, "2026-03-01 00:00:05.000"),
            (-1_000_000_000_000_000_000, "1938-04-24 22:13:20.000"),
        ] {
            assert_eq!(moment_text(nanos), text, "{nanos}");
        }
    }
}
