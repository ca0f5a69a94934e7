//! Virtual time: whole nanoseconds, so that no run depends on rounding.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::limits;
use super::quantity::QuantityError;

/// A moment of a run: nanoseconds since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimTime(u64);

impl SimTime {
    /// The start of a run.
    pub const ZERO: Self = Self(0);
    /// Later than everything that can happen.
    pub const MAX: Self = Self(u64::MAX);

    /// The moment this many nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for display and charts only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;

    /// Saturates: [`SimTime::MAX`] never comes.
    fn add(self, duration: SimDuration) -> Self {
        Self(self.0.saturating_add(duration.0))
    }
}

impl Sub<SimDuration> for SimTime {
    type Output = Self;

    /// Saturates at the start of the run.
    fn sub(self, duration: SimDuration) -> Self {
        Self(self.0.saturating_sub(duration.0))
    }
}

impl fmt::Display for SimTime {
    /// As a clock: `00:01:23.456`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0 / 1_000_000;
        let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1_000)
    }
}

/// A length of virtual time: whole nanoseconds, written as `"250ms"` or `"1h30m"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SimDuration(u64);

/// Units from the largest on. `m` is minutes, as in Go, Prometheus and systemd.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any duration a flow may hold.
    pub const MAX: Self = Self(u64::MAX);

    /// This many nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// This many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// This many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// This many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The length in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The length in seconds, for display and charts only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This length `factor` times; saturates.
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// Its three leading digits, rounded down: what a person reads of a measured length (`559ms`, not `559.091291ms`).
    pub const fn rounded(self) -> Self {
        let Some(digits) = self.0.checked_ilog10() else { return self };
        let unit = 10_u64.pow(digits.saturating_sub(2));
        Self(self.0 / unit * unit)
    }

    /// Both lengths, one after the other; saturates.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for SimDuration {
    /// The shortest exact text: whole days, hours and minutes, then one decimal number of the fitting smaller unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, nanos) in &UNITS[..3] {
            if rest >= *nanos {
                write!(f, "{}{unit}", rest / nanos)?;
                rest %= nanos;
            }
        }
        for (unit, nanos) in &UNITS[3..] {
            if rest >= *nanos {
                write!(f, "{}", rest / nanos)?;
                let fraction = rest % nanos;
                if fraction > 0 {
                    let digits = nanos.ilog10() as usize;
                    let text = format!("{fraction:0digits$}");
                    write!(f, ".{}", text.trim_end_matches('0'))?;
                }
                return f.write_str(unit);
            }
        }
        Ok(())
    }
}

impl FromStr for SimDuration {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let text = text.trim();
        let wrong = || QuantityError::NotADuration(text.chars().take(40).collect());
        let mut rest = text;
        let mut total: u64 = 0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let (number, tail) = rest.split_at(number_len);
            let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == ' ').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_len);
            let unit = match unit {
                "µs" | "μs" => "us",
                "min" => "m",
                unit => unit,
            };
            let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let part = decimal_times(number, *nanos).ok_or_else(wrong)?;
            total = total.checked_add(part).ok_or(QuantityError::DurationTooLong)?;
            rest = tail.trim_start();
        }
        if total > limits::DURATION_NANOS {
            return Err(QuantityError::DurationTooLong);
        }
        Ok(Self(total))
    }
}

/// `number` (decimal digits, at most one point) times `unit`, exactly, the last digit cut. `None` if it is no number.
pub(super) fn decimal_times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let total = whole.checked_mul(u128::from(unit))?;
    // As one fraction, since a KiB has no whole tenths; more digits than these tell no two nanoseconds apart.
    let (mut part, mut scale) = (0_u128, 1_u128);
    for (place, digit) in fraction.chars().enumerate() {
        let digit = digit.to_digit(10)?;
        if place < 18 {
            part = part * 10 + u128::from(digit);
            scale *= 10;
        }
    }
    let total = total.checked_add(part * u128::from(unit) / scale)?;
    // What does not fit is as good as too long, and says so.
    Some(u64::try_from(total).unwrap_or(u64::MAX))
}

impl Serialize for SimDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SimDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::quantity::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_what_they_write() {
        for (text, nanos) in [
            ("0s", 0),
            ("250ms", 250_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("7d", 604_800_000_000_000),
            ("1m0.000000001s", 60_000_000_001),
            ("20us", 20_000),
        ] {
            let read: SimDuration = text.parse().expect(text);
            assert_eq!(read.as_nanos(), nanos, "{text}");
            let again: SimDuration = read.to_string().parse().expect("written text reads");
            assert_eq!(again, read, "{text} was written as {read}");
        }
        for text in ["", "5", "s", "1.2.3s", "-1s", "1y", "NaN", "9999999999d", "inf", "."] {
            assert!(text.parse::<SimDuration>().is_err(), "{text}");
        }
    }
}
