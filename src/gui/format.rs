//! Numbers as people read them: units always, thousands apart, never wider than they need to be.

use std::path::Path;

use crate::model::SimDuration;
use crate::session::Session;

/// What to call the flow: its name, or else that of its file.
pub(crate) fn flow_title(session: &Session) -> String {
    let of_file = || session.path().and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    match session.flow().name() {
        "" => of_file().unwrap_or_else(|| "Untitled flow".to_owned()),
        name => name.to_owned(),
    }
}

/// A count with thousands apart, as in `1 204`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// A count in at most five characters, as in `1 204` and `12.3k`.
pub(crate) fn short_count(value: u64) -> String {
    let value_f = value as f64;
    match value {
        0..=9_999 => count(value),
        10_000..=999_999 => format!("{:.1}k", value_f / 1e3),
        1_000_000..=999_999_999 => format!("{:.1}M", value_f / 1e6),
        _ => format!("{:.1}G", value_f / 1e9),
    }
}

/// A rate, as in `48/s` and `0.5/s`; what is so slow that a second says little, by the minute or the hour.
pub(crate) fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second <= 0.0 {
        return "0/s".to_owned();
    }
    let (value, unit) = match per_second {
        v if v >= 0.1 => (v, "s"),
        v if v * 60.0 >= 0.1 => (v * 60.0, "min"),
        v => (v * 3_600.0, "h"),
    };
    let rounded = value.round() as u64;
    if value >= 9.95 {
        return format!("{}/{unit}", short_count(rounded));
    }
    // With a decimal also where it is 0: a figure that changes keeps its width.
    format!("{value:.1}/{unit}")
}

/// A duration to three digits, as in `12.3 ms`.
pub(crate) fn nanos(nanos: f64) -> String {
    if !nanos.is_finite() {
        return "endless".to_owned();
    }
    let units = [("d", 86_400e9), ("h", 3_600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6), ("µs", 1e3)];
    match units.into_iter().find(|(_, size)| nanos >= *size) {
        Some((unit, size)) => format!("{} {unit}", three_digits(nanos / size)),
        None if nanos <= 0.0 => "0 ms".to_owned(),
        None => format!("{nanos:.0} ns"),
    }
}

/// A duration of virtual time to three digits.
pub(crate) fn duration(duration: SimDuration) -> String {
    nanos(duration.as_nanos() as f64)
}

/// A share in percent, as in `83 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// With a capital at its beginning.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn three_digits(value: f64) -> String {
    let text = match value {
        v if v >= 100.0 => return format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_have_units() {
        for (value, text) in [
            (0.0, "0/s"),
            (48.2, "48/s"),
            (9.97, "10/s"),
            (2.0, "2.0/s"),
            (0.52, "0.5/s"),
            (0.05, "3.0/min"),
            (0.001, "3.6/h"),
            (1_204.0, "1\u{2009}204/s"),
            (12_345.0, "12.3k/s"),
        ] {
            assert_eq!(rate(value), text);
        }
        for (value, text) in
            [(0.0, "0 ms"), (900.0, "900 ns"), (1.5e6, "1.5 ms"), (12_345_678.0, "12.3 ms"), (9e10, "1.5 min")]
        {
            assert_eq!(nanos(value), text);
        }
        assert_eq!(count(1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!(short_count(12_300), "12.3k");
    }
}
