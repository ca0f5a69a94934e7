//! Functions of the language beyond those that the engine brings: lists without loops, text, numbers, times, keys.
//!
//! None of them changes what it is given, so that all work on an event's own data. Each looks at each element of a list
//! once or sorts it, and no list has more than the engine allows: a source has a bounded number of calls, and no loops.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rhai::{Array, Dynamic, Engine, EvalAltResult, FLOAT, INT, Map};

use super::calendar;
use super::engine::{Fallible, TEXT_BYTES, failure, kind_word};
use crate::model::{Pattern, SimDuration};

/// Teaches them to an engine.
pub(super) fn register(engine: &mut Engine) {
    lists(engine);
    texts(engine);
    numbers(engine);
    times(engine);
}

// ---- lists --------------------------------------------------------------------------------------------------------

fn lists(engine: &mut Engine) {
    engine.register_fn("sum", |items: Array| sum(&items));
    engine.register_fn("avg", |items: Array| -> Fallible<Dynamic> {
        let count = items.iter().filter(|item| !item.is_unit()).count();
        let sum = sum(&items)?;
        let sum = sum.as_float().or_else(|_kind| sum.as_int().map(|sum| sum as FLOAT));
        Ok(sum.ok().filter(|_| count > 0).map_or(Dynamic::UNIT, |sum| (sum / count as FLOAT).into()))
    });
    engine.register_fn("min", |items: Array| extreme(&items, Ordering::Less));
    engine.register_fn("max", |items: Array| extreme(&items, Ordering::Greater));
    engine.register_fn("first", |items: Array| items.first().cloned().unwrap_or(Dynamic::UNIT));
    engine.register_fn("last", |items: Array| items.last().cloned().unwrap_or(Dynamic::UNIT));
    engine.register_fn("sorted", |items: Array| sorted(items));
    engine.register_fn("reversed", |mut items: Array| {
        items.reverse();
        items
    });
    engine.register_fn("unique", |items: Array| -> Array {
        let mut seen = BTreeSet::new();
        items.into_iter().filter(|item| seen.insert(same_text(item))).collect()
    });
    engine.register_fn("pluck", |items: Array, field: &str| -> Array {
        items.iter().map(|item| field_of(item, field)).collect()
    });
    engine.register_fn("only", |items: Array, field: &str, wanted: Dynamic| -> Array {
        let wanted = same_text(&wanted);
        items.into_iter().filter(|item| same_text(&field_of(item, field)) == wanted).collect()
    });
    engine.register_fn("count", |items: Array, field: &str, wanted: Dynamic| -> INT {
        let wanted = same_text(&wanted);
        items.iter().filter(|item| same_text(&field_of(item, field)) == wanted).count().try_into().unwrap_or(INT::MAX)
    });
    engine.register_fn("join", |items: Array, between: &str| joined(&items, between));
    engine.register_fn("without", |mut fields: Map, field: &str| {
        fields.remove(field);
        fields
    });
    engine.register_fn("merge", |mut fields: Map, others: Map| {
        fields.extend(others);
        fields
    });
    engine.register_fn("kind", |value: Dynamic| kind(&value));
}

fn field_of(item: &Dynamic, field: &str) -> Dynamic {
    item.as_map_ref().ok().and_then(|fields| fields.get(field).cloned()).unwrap_or(Dynamic::UNIT)
}

/// Missing elements count nothing; what is no number is refused.
fn sum(items: &Array) -> Fallible<Dynamic> {
    let mut whole: INT = 0;
    let mut decimal: Option<FLOAT> = None;
    for item in items.iter().filter(|item| !item.is_unit()) {
        if let Ok(number) = item.as_int() {
            match &mut decimal {
                Some(sum) => *sum += number as FLOAT,
                None => whole = whole.checked_add(number).ok_or_else(|| failure("the sum is too large a number"))?,
            }
        } else if let Ok(number) = item.as_float() {
            *decimal.get_or_insert(whole as FLOAT) += number;
        } else {
            return Err(failure(format!("only numbers have a sum, and one of these is {}", kind_word(item))));
        }
    }
    Ok(decimal.map_or_else(|| whole.into(), Into::into))
}

fn extreme(items: &Array, wanted: Ordering) -> Fallible<Dynamic> {
    let mut best: Option<&Dynamic> = None;
    for item in items.iter().filter(|item| !item.is_unit()) {
        best = match best {
            Some(known) if order(item, known)? != wanted => Some(known),
            _ => Some(item),
        };
    }
    Ok(best.cloned().unwrap_or(Dynamic::UNIT))
}

/// Numbers by value, texts by letters, missing ones last; the same kind throughout.
fn sorted(items: Array) -> Fallible<Array> {
    let (missing, mut there): (Array, Array) = items.into_iter().partition(|item| item.is_unit());
    let mut wrong = None;
    there.sort_by(|a, b| {
        order(a, b).unwrap_or_else(|error| {
            wrong.get_or_insert(error);
            Ordering::Equal
        })
    });
    there.extend(missing);
    match wrong {
        Some(error) => Err(error),
        None => Ok(there),
    }
}

fn order(a: &Dynamic, b: &Dynamic) -> Fallible<Ordering> {
    let float = |value: &Dynamic| value.as_float().or_else(|_kind| value.as_int().map(|value| value as FLOAT)).ok();
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Ok(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (float(a), float(b)) {
        return Ok(a.total_cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return Ok(a.as_str().cmp(b.as_str()));
    }
    Err(failure(format!("there is no order between {} and {}", kind_word(a), kind_word(b))))
}

/// A text that two values share if and only if they are the same; whole numbers are those that a decimal may write.
fn same_text(value: &Dynamic) -> String {
    match value.as_float() {
        Ok(number) if number == libm::trunc(number) && number.abs() < 9e15 => (number as INT).to_string(),
        Ok(number) => number.to_string(),
        Err(_) => super::engine::json_of(value).map(|value| value.to_string()).unwrap_or_default(),
    }
}

fn joined(items: &Array, between: &str) -> Fallible<String> {
    let mut text = String::new();
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            text.push_str(between);
        }
        text.push_str(&plain_text(item)?);
        if text.len() > TEXT_BYTES * 2 {
            return Err(EvalAltResult::ErrorDataTooLarge("text".to_owned(), rhai::Position::NONE).into());
        }
    }
    Ok(text)
}

/// Text as it is; of everything else what JSON has for it, of nothing nothing.
fn plain_text(value: &Dynamic) -> Fallible<String> {
    if value.is_unit() {
        return Ok(String::new());
    }
    if value.is_string() || value.is_char() {
        return Ok(value.to_string());
    }
    super::engine::json_of(value).map(|value| value.to_string()).map_err(failure)
}

fn kind(value: &Dynamic) -> &'static str {
    match value.type_name() {
        "()" => "null",
        "bool" => "bool",
        "i64" | "f64" => "number",
        "string" | "char" => "text",
        "array" => "array",
        "map" => "object",
        _ => "other",
    }
}

// ---- text ---------------------------------------------------------------------------------------------------------

fn texts(engine: &mut Engine) {
    engine.register_fn("text", |value: Dynamic| plain_text(&value));
    engine.register_fn("trimmed", |text: &str| text.trim().to_owned());
    engine.register_fn("replaced", |text: &str, from: &str, to: &str| super::engine::replaced(text, from, to));
    engine.register_fn("padded", |text: &str, length: INT, fill: &str| padded(text, length, fill));
    engine.register_fn("padded", |number: INT, length: INT, fill: &str| padded(&number.to_string(), length, fill));
    engine.register_fn("matches", |text: &str, pattern: &str| -> Fallible<bool> {
        match Pattern::new(pattern) {
            Ok(pattern) => Ok(pattern.matches(text)),
            Err(error) => Err(failure(format!("“{pattern}” is no pattern: {error}"))),
        }
    });
}

/// Filled up at the front.
fn padded(text: &str, length: INT, fill: &str) -> Fallible<String> {
    let missing = usize::try_from(length).unwrap_or(0).saturating_sub(text.chars().count());
    if missing.saturating_mul(fill.len().max(1)) > TEXT_BYTES {
        return Err(EvalAltResult::ErrorDataTooLarge("text".to_owned(), rhai::Position::NONE).into());
    }
    Ok(fill.chars().cycle().take(missing).chain(text.chars()).collect())
}

// ---- numbers ------------------------------------------------------------------------------------------------------

fn numbers(engine: &mut Engine) {
    engine.register_fn("number", |value: Dynamic| number(&value));
    engine.register_fn("clamp", |x: INT, from: INT, to: INT| x.max(from).min(to.max(from)));
    engine.register_fn("clamp", |x: FLOAT, from: FLOAT, to: FLOAT| x.max(from).min(to.max(from)));
    engine.register_fn("clamp", |x: FLOAT, from: INT, to: INT| x.max(from as FLOAT).min(to.max(from) as FLOAT));
    engine.register_fn("floor_to", |x: INT, step: INT| -> Fallible<INT> {
        if step <= 0 {
            return Err(failure("floor_to(x, step) needs a step above 0"));
        }
        x.div_euclid(step).checked_mul(step).ok_or_else(|| failure("the number is too large"))
    });
    engine.register_fn("floor_to", |x: FLOAT, step: FLOAT| floor_to(x, step));
    engine.register_fn("floor_to", |x: FLOAT, step: INT| floor_to(x, step as FLOAT));
    engine
        .register_fn("hash", |value: Dynamic| -> Fallible<INT> { Ok((hash(&plain_text(&value)?) >> 1).cast_signed()) });
    engine.register_fn("bucket", |value: Dynamic, count: INT| -> Fallible<INT> {
        match u64::try_from(count) {
            Ok(count) if count > 0 => Ok((hash(&plain_text(&value)?) % count).cast_signed()),
            _ => Err(failure("bucket(x, n) needs at least one bucket")),
        }
    });
}

fn floor_to(x: FLOAT, step: FLOAT) -> Fallible<FLOAT> {
    if step > 0.0 { Ok(libm::floor(x / step) * step) } else { Err(failure("floor_to(x, step) needs a step above 0")) }
}

/// A number from text, if it is one; null if not.
fn number(value: &Dynamic) -> Dynamic {
    if value.is_int() || value.is_float() {
        return value.clone();
    }
    let Ok(text) = value.as_immutable_string_ref() else { return Dynamic::UNIT };
    let text = text.trim();
    let decimal = || text.parse::<FLOAT>().ok().filter(|number| number.is_finite());
    text.parse::<INT>().map(Into::into).ok().or_else(|| decimal().map(Into::into)).unwrap_or(Dynamic::UNIT)
}

/// FNV-1a, its bits stirred once more so that the low ones are as good as the high ones.
fn hash(text: &str) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let stirred = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    stirred ^ (stirred >> 31)
}

// ---- times --------------------------------------------------------------------------------------------------------

fn times(engine: &mut Engine) {
    engine.register_fn("duration", |text: &str| -> Fallible<INT> {
        let duration: SimDuration = text
            .parse()
            .map_err(|_error| failure(format!("“{text}” is no duration: write 250ms, 10s, 1m30s or 2h")))?;
        INT::try_from(duration.as_nanos()).map_err(|_error| failure("the duration is too long"))
    });
    engine.register_fn("iso", |millis: INT| -> Fallible<String> {
        calendar::iso(millis).ok_or_else(|| failure("this is no time between the years 0 and 9999"))
    });
    engine.register_fn("instant", |text: &str| calendar::instant(text).map_or(Dynamic::UNIT, Into::into));
    engine.register_fn("part_of", |millis: INT, part: &str| -> Fallible<INT> {
        let hint = "the parts of a time are year, month, day, hour, minute, second, weekday (1 is Monday)";
        calendar::part_of(millis, part).ok_or_else(|| failure(hint))
    });
}
