//! Logs of what really happened, ready to be replayed: CloudEvents as JSON lines, or CSV with a column of times.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use crate::model::{EventName, SimDuration, limits};

/// Bytes of a log.
pub const LOG_BYTES: usize = 64 * 1024 * 1024;
/// Rows of a log.
pub const LOG_ROWS: usize = 1_000_000;

/// The field or column of times, if nobody names another.
const TIME: &str = "time";

/// What happened, in order of time; rows of one moment stay in the log's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayLog {
    /// At least one, unless the log was made by hand.
    pub rows: Vec<ReplayRow>,
}

/// One event of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayRow {
    /// How long after the first one.
    pub at: SimDuration,
    /// As recorded, or the row's number.
    pub id: Arc<str>,
    /// As recorded, or the log's name.
    pub source: Arc<str>,
    /// As recorded; empty if there is none.
    pub subject: Arc<str>,
    /// When it happened, in the log's own words.
    pub time: Arc<str>,
    /// As recorded, or what the producer emits.
    pub kind: EventName,
    /// The partition key, if one was recorded.
    pub key: Option<Arc<str>>,
    /// As recorded; of a CSV row an object of the columns that say nothing else.
    pub data: Arc<Value>,
}

/// Why a log cannot be replayed, and at which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ReplayError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, in a sentence without its full stop.
    pub what: String,
}

impl ReplayLog {
    /// Reads a log. Its name tells what it is (`.csv`, `.tsv`, `.jsonl`), or else its first character does.
    ///
    /// `time_field` is the field or column of times (unset: `time`; a dotted path reaches inside), `event` the type of rows
    /// that name none. Times are RFC 3339, or numbers: of seconds, or so large that they can only be milli-, micro- or
    /// nanoseconds since 1970.
    pub fn parse(name: &str, bytes: &[u8], time_field: Option<&str>, event: &EventName) -> Result<Self, ReplayError> {
        if bytes.len() > LOG_BYTES {
            return Err(at(1, format!("a log has at most {} MiB", LOG_BYTES >> 20)));
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            at(line, "this is no UTF-8 text".to_owned())
        })?;
        let mut reading = Reading { name, time_field: time_field.unwrap_or(TIME), event, texts: BTreeSet::new() };
        let rows = match Format::of(name, text) {
            Format::JsonLines => reading.json_lines(text)?,
            Format::Csv { delimiter } => reading.csv(text, delimiter)?,
        };
        in_order(rows).map(|rows| Self { rows })
    }
}

enum Format {
    JsonLines,
    Csv { delimiter: u8 },
}

impl Format {
    fn of(name: &str, text: &str) -> Self {
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension.as_deref() {
            Some("jsonl" | "ndjson" | "json") => Self::JsonLines,
            Some("tsv") => Self::Csv { delimiter: b'\t' },
            _ if text.trim_start().starts_with('{') => Self::JsonLines,
            _ => {
                // What the header has most of. A comma, if it has none of them.
                let header = text.lines().next().unwrap_or_default();
                let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
                let delimiter = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter));
                Self::Csv { delimiter: delimiter.unwrap_or(b',') }
            }
        }
    }
}

/// A row whose time is not yet relative to the first.
struct Raw {
    line: usize,
    time: Time,
    row: ReplayRow,
}

#[derive(Clone, Copy)]
enum Time {
    /// Nanoseconds since 1970.
    Moment(i128),
    /// A number of a unit that the largest of them tells, in billionths.
    Number(i128),
}

struct Reading<'a> {
    name: &'a str,
    time_field: &'a str,
    event: &'a EventName,
    /// Sources, subjects and keys repeat: each is kept once.
    texts: BTreeSet<Arc<str>>,
}

impl Reading<'_> {
    // ---- JSON lines -----------------------------------------------------------------------------------------------

    fn json_lines(&mut self, text: &str) -> Result<Vec<Raw>, ReplayError> {
        let mut rows = Vec::new();
        for (ix, row) in text.lines().enumerate() {
            let line = ix + 1;
            if row.trim().is_empty() {
                continue;
            }
            within_limits(line, rows.len(), row.len())?;
            let value: Value = serde_json::from_str(row).map_err(|error| {
                let words = error.to_string();
                let words = words.split(" at line ").next().unwrap_or_default();
                at(line, format!("this is no JSON: {words}, at character {}", error.column()))
            })?;
            let Value::Object(fields) = value else {
                return Err(at(line, "a row is an object, as in { \"time\": …, \"data\": … }".to_owned()));
            };
            rows.push(self.json_row(line, rows.len(), fields)?);
        }
        Ok(rows)
    }

    fn json_row(&mut self, line: usize, number: usize, mut fields: Map<String, Value>) -> Result<Raw, ReplayError> {
        let (time, when) = match lookup(&fields, self.time_field) {
            Some(Value::String(text)) => (time_of(text), text.clone()),
            Some(Value::Number(number)) => (number_of(&number.to_string()).map(Time::Number), number.to_string()),
            Some(_) => (None, String::new()),
            None => return Err(at(line, missing(self.time_field, fields.keys().map(String::as_str)))),
        };
        let Some(time) = time else { return Err(at(line, no_time(self.time_field))) };
        let is_cloud_event = fields.contains_key("specversion") || fields.contains_key("data");
        let id = take_text(&mut fields, "id");
        let source = take_text(&mut fields, "source");
        let subject = take_text(&mut fields, "subject");
        let kind = take_text(&mut fields, "type");
        let key = take_text(&mut fields, "partitionkey").or_else(|| take_text(&mut fields, "key"));
        let data = if is_cloud_event {
            fields.remove("data").unwrap_or_default()
        } else {
            if !self.time_field.contains('.') {
                fields.remove(self.time_field);
            }
            Value::Object(fields)
        };
        let texts = Texts { id, source, subject, kind, key, when };
        Ok(Raw { line, time, row: self.row(line, number, texts, data)? })
    }

    // ---- CSV ------------------------------------------------------------------------------------------------------

    fn csv(&mut self, text: &str, delimiter: u8) -> Result<Vec<Raw>, ReplayError> {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
        let wrong = |error: &csv::Error| {
            let line = error.position().map_or(1, |position| position.line() as usize);
            let what = match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                    format!("this row has {len} fields, the header has {expected_len}")
                }
                _ => error.to_string(),
            };
            at(line, what)
        };
        let header = reader.headers().map_err(|error| wrong(&error))?.clone();
        let mut columns = BTreeSet::new();
        for column in &header {
            if !columns.insert(column) {
                return Err(at(1, format!("there are two columns “{column}”")));
            }
        }
        if !columns.contains(self.time_field) {
            return Err(at(1, missing(self.time_field, header.iter())));
        }
        let mut rows = Vec::new();
        let mut record = csv::StringRecord::new();
        loop {
            if !reader.read_record(&mut record).map_err(|error| wrong(&error))? {
                return Ok(rows);
            }
            let line = record.position().map_or(1, |position| position.line() as usize);
            within_limits(line, rows.len(), record.as_slice().len())?;
            rows.push(self.csv_row(line, rows.len(), &header, &record)?);
        }
    }

    fn csv_row(
        &mut self,
        line: usize,
        number: usize,
        header: &csv::StringRecord,
        record: &csv::StringRecord,
    ) -> Result<Raw, ReplayError> {
        let mut time = None;
        let mut texts = Texts::default();
        let mut data = Map::new();
        for (column, field) in header.iter().zip(record) {
            let text = || (!field.is_empty()).then(|| field.to_owned());
            match column {
                _ if column == self.time_field => {
                    time = time_of(field);
                    field.clone_into(&mut texts.when);
                }
                "id" => texts.id = text(),
                "source" => texts.source = text(),
                "subject" => texts.subject = text(),
                "type" => texts.kind = text(),
                "key" | "partitionkey" => texts.key = text(),
                _ => {
                    data.insert(column.to_owned(), recognised(field));
                }
            }
        }
        let Some(time) = time else { return Err(at(line, no_time(self.time_field))) };
        Ok(Raw { line, time, row: self.row(line, number, texts, Value::Object(data))? })
    }

    // ---- both -----------------------------------------------------------------------------------------------------

    fn row(&mut self, line: usize, number: usize, texts: Texts, data: Value) -> Result<ReplayRow, ReplayError> {
        let Texts { id, source, subject, kind, key, when } = texts;
        let kind = match kind {
            Some(kind) if kind == self.event.as_str() => self.event.clone(),
            Some(kind) => EventName::new(&kind)
                .map_err(|error| at(line, format!("“{}” is no event type: {error}", shortened(&kind))))?,
            None => self.event.clone(),
        };
        let name = self.name;
        Ok(ReplayRow {
            at: SimDuration::ZERO,
            id: id.unwrap_or_else(|| (number + 1).to_string()).into(),
            source: self.kept(source.as_deref().unwrap_or(name)),
            subject: self.kept(subject.as_deref().unwrap_or_default()),
            time: when.into(),
            kind,
            key: key.map(|key| self.kept(&key)),
            data: Arc::new(data),
        })
    }

    fn kept(&mut self, text: &str) -> Arc<str> {
        if let Some(kept) = self.texts.get(text) {
            return Arc::clone(kept);
        }
        let kept: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&kept));
        kept
    }
}

/// What a row says of itself besides its data.
#[derive(Default)]
struct Texts {
    id: Option<String>,
    source: Option<String>,
    subject: Option<String>,
    kind: Option<String>,
    key: Option<String>,
    when: String,
}

/// Sorts the rows and counts their times from the first.
fn in_order(mut rows: Vec<Raw>) -> Result<Vec<ReplayRow>, ReplayError> {
    // Numbers of one log are of one unit.
    let largest = rows.iter().map(|raw| match raw.time {
        Time::Number(billionths) => billionths.unsigned_abs(),
        Time::Moment(_) => 0,
    });
    let per_unit = unit_nanos(largest.max().unwrap_or(0) / BILLION.unsigned_abs());
    let nanos = |time: Time| match time {
        Time::Moment(nanos) => nanos,
        Time::Number(billionths) => billionths * per_unit / BILLION,
    };
    rows.sort_by_key(|raw| nanos(raw.time));
    let Some(first) = rows.first().map(|raw| nanos(raw.time)) else {
        return Err(at(1, "there are no rows".to_owned()));
    };
    let since_first = |raw: Raw| {
        let Raw { line, time, mut row } = raw;
        let nanos = u64::try_from(nanos(time) - first).unwrap_or(u64::MAX);
        if nanos > limits::DURATION_NANOS {
            return Err(at(line, "this is more than ten years after the first row".to_owned()));
        }
        row.at = SimDuration::from_nanos(nanos);
        Ok(row)
    };
    rows.into_iter().map(since_first).collect()
}

fn within_limits(line: usize, rows: usize, bytes: usize) -> Result<(), ReplayError> {
    if rows >= LOG_ROWS {
        return Err(at(line, format!("a log has at most {LOG_ROWS} rows")));
    }
    if bytes as u64 > limits::PAYLOAD_BYTES {
        return Err(at(line, format!("a row has at most {} MiB", limits::PAYLOAD_BYTES >> 20)));
    }
    Ok(())
}

fn at(line: usize, what: String) -> ReplayError {
    ReplayError { line, what }
}

fn missing<'a>(name: &str, fields: impl Iterator<Item = &'a str>) -> String {
    let fields: Vec<String> = fields.take(12).map(shortened).collect();
    if fields.is_empty() {
        format!("there is no “{name}”")
    } else {
        format!("there is no “{name}”, only {}", fields.join(", "))
    }
}

fn no_time(name: &str) -> String {
    format!("“{name}” is no time: write 2024-05-01T12:00:00Z, or a number of seconds")
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// A field of a row; where there is none of this name, dots lead inside.
fn lookup<'a>(fields: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = fields.get(path) {
        return Some(value);
    }
    let mut parts = path.split('.');
    let first = fields.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// An attribute as text; a number is taken as it is written.
fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.get(name)? {
        Value::String(_) => match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        Value::Number(number) => {
            let text = number.to_string();
            fields.remove(name);
            Some(text)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A CSV field as the value that it most likely is. What begins with a needless zero is text: `007` is no number.
fn recognised(field: &str) -> Value {
    match field {
        "" => return Value::Null,
        "true" | "True" | "TRUE" => return true.into(),
        "false" | "False" | "FALSE" => return false.into(),
        _ => {}
    }
    let digits = field.strip_prefix('-').unwrap_or(field);
    let starts = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    if starts && !padded {
        if let Ok(number) = field.parse::<i64>() {
            return number.into();
        }
        if let Some(number) = field.parse().ok().and_then(Number::from_f64) {
            return number.into();
        }
    }
    field.into()
}

// ---- times --------------------------------------------------------------------------------------------------------

const BILLION: i128 = 1_000_000_000;

fn time_of(text: &str) -> Option<Time> {
    let text = text.trim();
    rfc3339_nanos(text).map(Time::Moment).or_else(|| number_of(text).map(Time::Number))
}

/// Nanoseconds of the unit that numbers of this size are of.
///
/// As seconds since 1970 a hundred billion is the year 5138; as milliseconds it is 1973. Likewise further up.
fn unit_nanos(largest: u128) -> i128 {
    match largest {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    }
}

/// A decimal number in billionths, exactly; beyond nine decimals it is cut.
fn number_of(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    if digits.contains(['e', 'E']) {
        let number: f64 = digits.parse().ok()?;
        return (number < 1e21).then_some(sign * (number * 1e9) as i128);
    }
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(decimals) || whole.len() > 21 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    Some(sign * (whole * BILLION + i128::from(billionths(decimals))))
}

/// The first nine decimals.
fn billionths(decimals: &str) -> u32 {
    let digits = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
    digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
}

/// `2018-01-31T01:49:59.650Z` as nanoseconds since 1970. Source: RFC 3339, section 5.6.
fn rfc3339_nanos(text: &str) -> Option<i128> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let sign = |at: usize, signs: &[u8]| text.as_bytes().get(at).is_some_and(|byte| signs.contains(byte));
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let shaped = sign(4, b"-") && sign(7, b"-") && sign(10, b"Tt ") && sign(13, b":") && sign(16, b":");
    let leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month_days = match month {
        2 => 28 + i64::from(leap_year),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    // Second 60 is a leap second.
    let in_range =
        (1..=12).contains(&month) && (1..=month_days).contains(&day) && hour <= 23 && minute <= 59 && second <= 60;
    if !shaped || !in_range {
        return None;
    }
    let rest = text.get(19..)?;
    let (decimals, zone) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let end = fraction.find(|c: char| !c.is_ascii_digit())?;
            fraction.split_at_checked(end).filter(|(decimals, _)| !decimals.is_empty())?
        }
        None => ("0", rest),
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    let seconds = seconds - zone_seconds(zone)?;
    Some(i128::from(seconds) * BILLION + i128::from(billionths(decimals)))
}

/// `Z` or `+02:00` in seconds east.
fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.as_bytes() {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = *rest else { return None };
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Days of the Gregorian calendar. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}
