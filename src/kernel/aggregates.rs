//! What windows add up to. Nothing here depends on the order in which values come.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Number, Value};

use super::limits;
use crate::plan::AggregateKind;

/// An aggregate on its way.
#[derive(Clone, Debug)]
pub(super) enum Accumulator {
    /// The window counts its events itself.
    Count,
    Sum(Sum),
    Mean(Sum),
    Min(Option<Figure>),
    Max(Option<Figure>),
    Distinct(BTreeSet<String>),
    Last(Option<(Moment, Value)>),
}

/// When an event happened, and which it was: no two are the same.
pub(super) type Moment = (i64, u64);

impl Accumulator {
    pub(super) const fn new(kind: AggregateKind) -> Self {
        match kind {
            AggregateKind::Count => Self::Count,
            AggregateKind::Sum => Self::Sum(Sum::NOTHING),
            AggregateKind::Mean => Self::Mean(Sum::NOTHING),
            AggregateKind::Min => Self::Min(None),
            AggregateKind::Max => Self::Max(None),
            AggregateKind::Distinct => Self::Distinct(BTreeSet::new()),
            AggregateKind::Last => Self::Last(None),
        }
    }

    /// Takes one value in. What is missing, or no number where one is needed, is left out.
    pub(super) fn add(&mut self, value: &Value, at: Moment) {
        if value.is_null() {
            return;
        }
        match self {
            Self::Count => {}
            Self::Sum(sum) | Self::Mean(sum) => sum.add(value),
            Self::Min(least) => *least = chosen(*least, Figure::of(value), Ordering::Less),
            Self::Max(greatest) => *greatest = chosen(*greatest, Figure::of(value), Ordering::Greater),
            Self::Distinct(seen) => {
                if seen.len() < limits::DISTINCT {
                    seen.insert(canonical(value));
                }
            }
            Self::Last(last) => {
                if last.as_ref().is_none_or(|(before, _)| *before < at) {
                    *last = Some((at, value.clone()));
                }
            }
        }
    }

    /// Takes in what another window has: two sessions have become one.
    pub(super) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Sum(sum), Self::Sum(other)) | (Self::Mean(sum), Self::Mean(other)) => sum.merge(&other),
            (Self::Min(least), Self::Min(other)) => *least = chosen(*least, other, Ordering::Less),
            (Self::Max(greatest), Self::Max(other)) => *greatest = chosen(*greatest, other, Ordering::Greater),
            (Self::Distinct(seen), Self::Distinct(other)) => {
                seen.extend(other);
                while seen.len() > limits::DISTINCT {
                    seen.pop_last();
                }
            }
            (Self::Last(last), Self::Last(Some((at, value))))
                if last.as_ref().is_none_or(|(before, _)| *before < at) =>
            {
                *last = Some((at, value));
            }
            _ => {}
        }
    }

    /// What it comes to.
    pub(super) fn value(&self, count: u64) -> Value {
        match self {
            Self::Count => count.into(),
            Self::Sum(sum) => sum.value(),
            Self::Mean(sum) => sum.mean(),
            Self::Min(figure) | Self::Max(figure) => figure.map_or(Value::Null, Figure::value),
            Self::Distinct(seen) => seen.len().into(),
            Self::Last(last) => last.as_ref().map_or(Value::Null, |(_, value)| value.clone()),
        }
    }
}

fn chosen(one: Option<Figure>, other: Option<Figure>, wanted: Ordering) -> Option<Figure> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.compare(one) == wanted { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// Whole numbers and decimals that are the same number are the same value.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) if !number.is_i64() && !number.is_u64() => {
            let number = number.as_f64().unwrap_or(0.0);
            let is_whole = libm::trunc(number) == number && number.abs() < 9e15;
            if is_whole { (number as i64).to_string() } else { number.to_string() }
        }
        other => other.to_string(),
    }
}

/// A number of the data.
#[derive(Clone, Copy, Debug)]
pub(super) enum Figure {
    Whole(i128),
    Decimal(f64),
}

impl Figure {
    fn of(value: &Value) -> Option<Self> {
        let Value::Number(number) = value else { return None };
        let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
        whole.map(Self::Whole).or_else(|| number.as_f64().map(Self::Decimal))
    }

    fn value(self) -> Value {
        match self {
            Self::Whole(whole) => whole_value(whole),
            Self::Decimal(decimal) => decimal_value(decimal),
        }
    }

    const fn nearest(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Decimal(decimal) => decimal,
        }
    }

    /// By value; of two that are the same decimal, the whole one is less.
    fn compare(self, other: Self) -> Ordering {
        self.nearest().total_cmp(&other.nearest()).then_with(|| match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => one.cmp(&other),
            (Self::Whole(_), Self::Decimal(_)) => Ordering::Less,
            (Self::Decimal(_), Self::Whole(_)) => Ordering::Greater,
            (Self::Decimal(_), Self::Decimal(_)) => Ordering::Equal,
        })
    }
}

fn whole_value(whole: i128) -> Value {
    i64::try_from(whole).map_or_else(|_| decimal_value(whole as f64), Into::into)
}

fn decimal_value(decimal: f64) -> Value {
    Number::from_f64(decimal).map_or(Value::Null, Value::Number)
}

/// An exact sum, rounded when it is asked for.
///
/// Decimals are kept as partial sums that do not overlap. Source: J. R. Shewchuk, "Adaptive Precision Floating-Point
/// Arithmetic and Fast Robust Geometric Predicates", 1997; the rounding is that of Python's `math.fsum`.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    whole: i128,
    parts: Vec<f64>,
    count: u64,
}

impl Sum {
    const NOTHING: Self = Self { whole: 0, parts: Vec::new(), count: 0 };

    fn add(&mut self, value: &Value) {
        match Figure::of(value) {
            Some(Figure::Whole(whole)) => self.whole = self.whole.saturating_add(whole),
            Some(Figure::Decimal(decimal)) => add_part(&mut self.parts, decimal),
            None => return,
        }
        self.count += 1;
    }

    fn merge(&mut self, other: &Self) {
        self.whole = self.whole.saturating_add(other.whole);
        self.count += other.count;
        for part in &other.parts {
            add_part(&mut self.parts, *part);
        }
    }

    fn value(&self) -> Value {
        if self.parts.is_empty() { whole_value(self.whole) } else { decimal_value(self.rounded()) }
    }

    fn mean(&self) -> Value {
        if self.count == 0 { Value::Null } else { decimal_value(self.rounded() / self.count as f64) }
    }

    fn rounded(&self) -> f64 {
        if self.parts.is_empty() {
            return self.whole as f64;
        }
        let mut parts = self.parts.clone();
        let sign = if self.whole < 0 { -1.0 } else { 1.0 };
        // In pieces that a decimal holds exactly.
        for shift in [0, 32, 64, 96] {
            let piece = (self.whole.unsigned_abs() >> shift) as u32;
            add_part(&mut parts, sign * f64::from(piece) * libm::ldexp(1.0, shift));
        }
        rounded(&parts)
    }
}

fn add_part(parts: &mut Vec<f64>, number: f64) {
    let mut rest = number;
    let mut kept = 0;
    for place in 0..parts.len() {
        let mut part = parts[place];
        if rest.abs() < part.abs() {
            std::mem::swap(&mut rest, &mut part);
        }
        let high = rest + part;
        let low = part - (high - rest);
        if low != 0.0 {
            parts[kept] = low;
            kept += 1;
        }
        rest = high;
    }
    parts.truncate(kept);
    parts.push(rest);
}

/// The sum of parts that do not overlap, rounded to the nearest, ties to even.
fn rounded(parts: &[f64]) -> f64 {
    let mut rest = parts.iter().rev();
    let Some(mut high) = rest.next().copied() else { return 0.0 };
    let mut low = 0.0;
    for part in rest.by_ref() {
        let sum = high + part;
        low = part - (sum - high);
        high = sum;
        if low != 0.0 {
            break;
        }
    }
    // Exactly in the middle between two decimals: what is left of the parts decides.
    if let Some(next) = rest.next()
        && low != 0.0
        && (low < 0.0) == (*next < 0.0)
    {
        let twice = low * 2.0;
        let further = high + twice;
        if further - high == twice {
            return further;
        }
    }
    high
}
