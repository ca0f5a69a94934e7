//! Days of the calendar, in whole numbers: the same on every machine, without a time zone but UTC.

const DAY: i64 = 86_400_000;

/// A time in milliseconds since 1970, as in `2026-03-01T08:00:00.000Z`; nothing beyond four digits of a year.
pub(super) fn iso(millis: i64) -> Option<String> {
    let (year, month, day) = date(millis.div_euclid(DAY));
    let of_day = millis.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    (0..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000))
}

/// One number of a time, by its name.
pub(super) fn part_of(millis: i64, part: &str) -> Option<i64> {
    let days = millis.div_euclid(DAY);
    let (year, month, day) = date(days);
    let of_day = millis.rem_euclid(DAY);
    Some(match part {
        "year" => year,
        "month" => month,
        "day" => day,
        "hour" => of_day / 3_600_000,
        "minute" => of_day / 60_000 % 60,
        "second" => of_day / 1000 % 60,
        // The first day of 1970 was a Thursday.
        "weekday" => (days + 3).rem_euclid(7) + 1,
        _ => return None,
    })
}

/// Milliseconds since 1970 of a date, with or without a time of day, as RFC 3339 writes them.
pub(super) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-').map(digits);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(0..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let days = days(year, month, day);
    // A day that its month does not have would be one of the next.
    if self::date(days) != (year, month, day) {
        return None;
    }
    let of_day = match time {
        Some(time) => millis_of_day(time)?,
        None => 0,
    };
    Some(days * DAY + of_day)
}

/// `08:30`, `08:30:15.25Z`, `08:30+02:00`
fn millis_of_day(time: &str) -> Option<i64> {
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?)?, digits(parts.next()?)?);
    let (second, fraction) = match parts.next() {
        None => (0, 0),
        Some(text) => {
            let (second, fraction) = text.split_once('.').unwrap_or((text, "0"));
            let thousandths: String = fraction.chars().chain("000".chars()).take(3).collect();
            (digits(second)?, digits(&thousandths)?)
        }
    };
    if parts.next().is_some() || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let offset = match zone {
        "" | "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
            let minutes = digits(hours)? * 60 + digits(minutes)?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    Some(((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction)
}

fn digits(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// The day so many days after 1 January 1970 (Howard Hinnant's `civil_from_days`).
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// The other way round (`days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
