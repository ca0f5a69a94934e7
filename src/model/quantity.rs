//! Numbers with units that a flow file holds as text: rates and sizes; and chances.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::limits;
use super::time::{SimDuration, decimal_times};

/// Why a text is not the quantity that was asked for. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// No number with a unit of time.
    #[error("“{0}” is not a duration: write a number with a unit, as in 250ms, 1.5s or 1h30m")]
    NotADuration(String),
    /// Beyond [`limits::DURATION_NANOS`].
    #[error("a duration is at most ten years")]
    DurationTooLong,
    /// No number per unit of time.
    #[error("“{0}” is not a rate: write a number per unit, as in 50/s, 3/min or 0.5/h")]
    NotARate(String),
    /// Beyond [`limits::RATE_PER_SECOND`].
    #[error("a rate is at most 1000000/s")]
    RateTooHigh,
    /// No number with a unit of size.
    #[error("“{0}” is not a size: write a number with a unit, as in 512 B, 4 KiB or 1.5 MiB")]
    NotASize(String),
    /// No positive number.
    #[error("“{0}” is not a factor: write how many times as fast, as in 10x or 0.5x")]
    NotAFactor(String),
    /// Not between 0 and 1.
    #[error("a chance is a number from 0 to 1, as in 0.05")]
    NotAChance,
}

/// How often something happens: thousandths of an event per unit of time, written as `"50/s"` or `"0.5/min"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    thousandths: u64,
    unit: RateUnit,
}

/// The unit of time of a [`Rate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateUnit {
    /// `/s`
    Second,
    /// `/min`
    Minute,
    /// `/h`
    Hour,
    /// `/d`
    Day,
}

impl RateUnit {
    /// Every unit, the shortest first.
    pub const ALL: [Self; 4] = [Self::Second, Self::Minute, Self::Hour, Self::Day];

    /// The unit's length in nanoseconds.
    pub const fn nanos(self) -> u64 {
        match self {
            Self::Second => 1_000_000_000,
            Self::Minute => 60_000_000_000,
            Self::Hour => 3_600_000_000_000,
            Self::Day => 86_400_000_000_000,
        }
    }

    /// As written behind the stroke.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }
}

impl Rate {
    /// Nothing ever.
    pub const ZERO: Self = Self { thousandths: 0, unit: RateUnit::Second };

    /// This many whole events a second.
    pub const fn per_second(events: u64) -> Self {
        Self { thousandths: events * 1_000, unit: RateUnit::Second }
    }

    /// Whether nothing ever happens.
    pub const fn is_zero(self) -> bool {
        self.thousandths == 0
    }

    /// Thousandths of an event per [`Rate::unit`].
    pub const fn thousandths(self) -> u64 {
        self.thousandths
    }

    /// The unit of time.
    pub const fn unit(self) -> RateUnit {
        self.unit
    }

    /// The mean time between two events, rounded to the nearest nanosecond; `None` at rate zero.
    pub fn mean_gap(self) -> Option<SimDuration> {
        if self.thousandths == 0 {
            return None;
        }
        let nanos = u128::from(self.unit.nanos()) * 1_000;
        let rate = u128::from(self.thousandths);
        let gap = (nanos + rate / 2) / rate;
        Some(SimDuration::from_nanos(u64::try_from(gap).unwrap_or(u64::MAX)))
    }

    /// Events a second, for display, checks and rates that change over time.
    pub fn per_second_f64(self) -> f64 {
        self.thousandths as f64 * 1e6 / self.unit.nanos() as f64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.thousandths / 1_000)?;
        let fraction = self.thousandths % 1_000;
        if fraction > 0 {
            let digits = format!("{fraction:03}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        write!(f, "/{}", self.unit.text())
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong = || QuantityError::NotARate(text.trim().chars().take(40).collect());
        let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
        let unit = match unit.trim() {
            "s" | "sec" | "second" => RateUnit::Second,
            "m" | "min" | "minute" => RateUnit::Minute,
            "h" | "hour" => RateUnit::Hour,
            "d" | "day" => RateUnit::Day,
            _ => return Err(wrong()),
        };
        let thousandths = decimal_times(number.trim(), 1_000).ok_or_else(wrong)?;
        let per_second_limit = u128::from(limits::RATE_PER_SECOND) * 1_000;
        if u128::from(thousandths) * 1_000_000_000 > per_second_limit * u128::from(unit.nanos()) {
            return Err(QuantityError::RateTooHigh);
        }
        Ok(Self { thousandths, unit })
    }
}

/// A number of bytes, written as `"512 B"` or `"4 KiB"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

const SIZE_UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// This many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The size in bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ByteSize {
    /// In the largest unit that divides it, so that the text is exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, bytes): &&(&str, u64)| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        let (unit, bytes) = SIZE_UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / bytes)
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        let wrong = || QuantityError::NotASize(text.chars().take(40).collect());
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, unit) = text.split_at(split);
        let unit = match unit.trim() {
            "kB" | "KB" | "k" => "KiB",
            "MB" => "MiB",
            "GB" => "GiB",
            unit => unit,
        };
        let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        decimal_times(number, *bytes).map(Self).ok_or_else(wrong)
    }
}

/// How many times as fast: thousandths, at least one, written as `"10x"` or `"0.5x"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Factor(u64);

impl Factor {
    /// As fast as it is.
    pub const ONE: Self = Self(1_000);
    /// The slowest: a thousandth.
    pub const MIN: Self = Self(1);

    /// This many thousandths; zero becomes one.
    pub const fn from_thousandths(thousandths: u64) -> Self {
        Self(if thousandths == 0 { 1 } else { thousandths })
    }

    /// In thousandths.
    pub const fn thousandths(self) -> u64 {
        self.0
    }
}

impl Default for Factor {
    fn default() -> Self {
        Self::ONE
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / 1_000)?;
        let fraction = self.0 % 1_000;
        if fraction > 0 {
            let digits = format!("{fraction:03}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("x")
    }
}

impl FromStr for Factor {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        let number = text.trim_end_matches(['x', 'X', '×']);
        match decimal_times(number, 1_000) {
            Some(thousandths) if thousandths > 0 => Ok(Self(thousandths)),
            _ => Err(QuantityError::NotAFactor(text.chars().take(40).collect())),
        }
    }
}

/// How likely something is: whole billionths, so that a chance is exact and comparable; written as `0.05`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chance(u32);

impl Chance {
    /// It never happens.
    pub const NEVER: Self = Self(0);
    /// It always happens.
    pub const ALWAYS: Self = Self(1_000_000_000);

    /// From a number between 0 and 1, rounded to the nearest billionth.
    pub fn new(chance: f64) -> Result<Self, QuantityError> {
        if (0.0..=1.0).contains(&chance) {
            Ok(Self((chance * 1e9).round() as u32))
        } else {
            Err(QuantityError::NotAChance)
        }
    }

    /// From billionths; more than one is one.
    pub const fn from_billionths(billionths: u32) -> Self {
        Self(if billionths > 1_000_000_000 { 1_000_000_000 } else { billionths })
    }

    /// In billionths: 0 to 1 000 000 000.
    pub const fn billionths(self) -> u32 {
        self.0
    }

    /// As a number between 0 and 1.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1e9
    }
}

impl fmt::Display for Chance {
    /// In percent, as people say it: `2.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 1e7)
    }
}

impl Serialize for Chance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Chance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// Reads a value from text through its [`FromStr`], with its own words when the text is wrong.
pub(super) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    struct Text<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text in quotes")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(PhantomData))
}

/// Reads and writes a type as the text of its `FromStr` and `Display`.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::model::quantity::from_text(deserializer)
            }
        }
    )+};
}
pub(super) use serde_as_text;

serde_as_text!(Rate, ByteSize, Factor);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_sizes_read_back_what_they_write() {
        for text in ["50/s", "3/min", "0.5/h", "12.345/s", "0/s"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
        }
        for text in ["512 B", "4 KiB", "1536 KiB", "64 MiB", "0 B"] {
            assert_eq!(text.parse::<ByteSize>().expect(text).to_string(), text);
        }
        assert_eq!("1.5 MiB".parse::<ByteSize>().expect("a size").as_bytes(), 1_572_864);
        for text in ["", "/s", "50", "50/", "-1/s", "NaN/s", "1000001/s", "1e9/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert_eq!("3/min".parse::<Rate>().expect("a rate").mean_gap(), Some(SimDuration::from_secs(20)));
    }

    #[test]
    fn a_chance_is_between_nothing_and_always() {
        assert_eq!(Chance::new(0.97).expect("a chance").as_f64().to_string(), "0.97");
        for chance in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Chance::new(chance).is_err(), "{chance}");
        }
    }
}
