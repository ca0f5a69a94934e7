//! Presets: each sets what its figures say, in the words of the file, and nothing else.

use std::fmt::Debug;

use eventloom::model::{Backoff, Figure, Function, Preset, Subscription, Topic};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// A figure's value as JSON has it.
fn value(text: &str) -> Value {
    if text == "unset" {
        return Value::Null;
    }
    if let Some((variant, inner)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        return json!({ variant: value(inner) });
    }
    text.parse::<u64>().map_or_else(|_no_number| Value::from(text), Value::from)
}

/// Sets one setting by its name in the file.
fn set(settings: &mut Map<String, Value>, figure: &Figure) {
    let value = value(figure.value);
    match figure.setting.split_once('.') {
        None if value.is_null() => {
            settings.remove(figure.setting);
        }
        None => {
            settings.insert(figure.setting.to_owned(), value);
        }
        Some((outer, inner)) => {
            let usual = if outer == "backoff" {
                serde_json::to_value(Backoff::default()).expect("JSON")
            } else {
                Value::Object(Map::new())
            };
            let mut part = settings.entry(outer).or_insert_with(|| usual.clone());
            if outer == "backoff" {
                if part.get("Exponential").is_none() {
                    *part = usual;
                }
                part = &mut part["Exponential"];
            }
            part[inner] = value;
        }
    }
}

fn check<T>(presets: &[Preset<T>], odd: &str)
where
    T: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned,
{
    let odd: T = serde_json::from_str(odd).expect("settings");
    let all: Value = serde_json::to_value(&odd).expect("JSON");
    for preset in presets {
        for before in [T::default(), odd.clone()] {
            let mut after = before.clone();
            preset.apply(&mut after);
            let Value::Object(mut settings) = serde_json::to_value(&before).expect("JSON") else {
                panic!("settings have names")
            };
            for figure in preset.figures {
                let name = figure.setting.split('.').next().expect("a name");
                assert!(all.get(name).is_some(), "{}: nothing odd was said about {name}", preset.label);
                set(&mut settings, figure);
            }
            let expected: T =
                serde_json::from_value(Value::Object(settings)).expect("figures are written as in the file");
            assert_eq!(after, expected, "{}", preset.label);
        }
        let mut names: Vec<_> = preset.figures.iter().map(|figure| figure.setting).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), preset.figures.len(), "{} says something twice", preset.label);
        for figure in preset.figures {
            assert!(!figure.theirs.is_empty() && figure.source.contains(", "), "{}: {figure:?}", preset.label);
        }
    }
}

#[test]
fn a_topic_becomes_what_its_preset_says() {
    check(
        Preset::<Topic>::TOPICS,
        r#"{ "partitions": 7, "keep": "17m", "keep_records": 17, "keep_bytes": "17 kB", "retention": "Interest",
             "compact": { "every": "17s", "keep_deletes": "17h" }, "dedup": { "window": "17s", "id": "event.key" } }"#,
    );
}

#[test]
fn a_subscription_becomes_what_its_preset_says() {
    check(
        Preset::<Subscription>::SUBSCRIPTIONS,
        r#"{ "topics": ["a"], "group": "g", "share": "Partition", "filter": "true", "from": { "Offset": 17 },
             "replay_emits": true, "guarantee": "AtMostOnce", "ack_wait": "17s", "deliveries": 17,
             "backoff": { "Exponential": { "base": "17ms", "cap": "17s", "jitter": "None" } }, "max_in_flight": 17,
             "prefetch": 17, "queue": { "records": 17, "bytes": "17 kB", "when_full": "Reject" }, "order": "Strict",
             "ttl": "17m", "priority": { "levels": 17 }, "delay": "17s", "idempotent": "17m", "dead_letters": "dlq" }"#,
    );
}

#[test]
fn a_function_becomes_what_its_preset_says() {
    check(
        Preset::<Function>::FUNCTIONS,
        r#"{ "handlers": [], "instances": 17, "provisioned": 17, "cold_start": { "Fixed": "17s" }, "keep_warm": "17s",
             "scale_out": 17, "over_limit": "Reject", "memory": "17 MiB", "price_gib_second": 17, "timeout": "17s" }"#,
    );
}
