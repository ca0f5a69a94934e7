//! Logs that are replayed: what is understood, in which order, and what is refused with which line.

use eventloom::model::EventName;
use eventloom::plan::ReplayLog;

/// Each row in a line: when, type, id, source, subject, key, data; or why there are none.
fn read(name: &str, time_field: Option<&str>, text: &str) -> String {
    let event = EventName::new("thing.happened").expect("a name");
    match ReplayLog::parse(name, text.as_bytes(), time_field, &event) {
        Ok(log) => {
            let row = |row: &eventloom::plan::ReplayRow| {
                let eventloom::plan::ReplayRow { at, id, source, subject, time: _, kind, key, data } = row;
                let key = key.as_deref().unwrap_or("-");
                format!("{at} {kind} {id} {source} {subject:?} {key} {data}")
            };
            log.rows.iter().map(row).collect::<Vec<_>>().join("\n")
        }
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(name: &str, time_field: Option<&str>, text: &str, expected: &str) {
    assert_eq!(read(name, time_field, text), expected, "{name}\n{text}");
}

#[test]
fn cloud_events_as_json_lines() {
    check(
        "log.jsonl",
        None,
        "\u{feff}{\"specversion\":\"1.0\",\"id\":\"b\",\"source\":\"/s\",\"type\":\"a.b\",\"subject\":\"x\",\"time\":\"2018-01-31T02:00:00.5Z\",\"partitionkey\":\"k\",\"data\":{\"n\":1}}\r\n\n\
         {\"specversion\":\"1.0\",\"id\":\"a\",\"source\":\"/s\",\"time\":\"2018-01-31T03:00:00+01:00\"}\n\
         {\"time\":1517364001.25,\"n\":5,\"type\":\"c\"}",
        "0s thing.happened a /s \"\" - null\n500ms a.b b /s \"x\" k {\"n\":1}\n1.25s c 3 log.jsonl \"\" - {\"n\":5}",
    );
    check(
        "log",
        Some("data.when"),
        "{\"data\":{\"when\":5}}\n{\"data\":{\"when\":2.5}}",
        "0s thing.happened 2 log \"\" - {\"when\":2.5}\n2.5s thing.happened 1 log \"\" - {\"when\":5}",
    );
}

#[test]
fn csv_with_a_column_of_times() {
    check(
        "orders.csv",
        Some("when"),
        "when;type;key;amount;paid;zip;note\n\
         2024-02-29T23:59:60Z;order.placed;anna;12.5;true;01234;\"a; \"\"b\"\"\"\n\
         2024-02-29 23:59:59.999999999Z;;;-3;False;;x\n",
        "0s thing.happened 2 orders.csv \"\" - {\"amount\":-3,\"note\":\"x\",\"paid\":false,\"zip\":null}\n\
         1ns order.placed 1 orders.csv \"\" anna {\"amount\":12.5,\"note\":\"a; \\\"b\\\"\",\"paid\":true,\"zip\":\"01234\"}",
    );
    // Milliseconds since 1970, then seconds of a log of its own.
    check(
        "t.csv",
        None,
        "time,n\n1700000000250,1\n1700000000000,2",
        "0s thing.happened 2 t.csv \"\" - {\"n\":2}\n250ms thing.happened 1 t.csv \"\" - {\"n\":1}",
    );
    check(
        "t.csv",
        None,
        "time,n\n0.25,1\n0,2\n0.25,3",
        "0s thing.happened 2 t.csv \"\" - {\"n\":2}\n250ms thing.happened 1 t.csv \"\" - {\"n\":1}\n250ms thing.happened 3 t.csv \"\" - {\"n\":3}",
    );
}

#[test]
fn what_is_refused_says_where() {
    for (name, time_field, text, expected) in [
        ("a.jsonl", None, "", "line 1: there are no rows"),
        ("a.jsonl", None, "{\"time\":1}\n{", "line 2: this is no JSON: EOF while parsing an object, at character 1"),
        ("a.jsonl", None, "{\"time\":1}\n[1]", "line 2: a row is an object, as in { \"time\": …, \"data\": … }"),
        ("a.jsonl", None, "{\"when\":1,\"n\":2}", "line 1: there is no “time”, only n, when"),
        (
            "a.jsonl",
            None,
            "\n{\"time\":\"soon\"}",
            "line 2: “time” is no time: write 2024-05-01T12:00:00Z, or a number of seconds",
        ),
        (
            "a.jsonl",
            None,
            "{\"time\":1,\"type\":\"a b\"}",
            "line 1: “a b” is no event type: a name must not contain ' '",
        ),
        (
            "a.jsonl",
            None,
            "{\"time\":\"2024-01-01T00:00:00Z\"}\n{\"time\":\"2034-01-01T00:00:00Z\"}",
            "line 2: this is more than ten years after the first row",
        ),
        ("a.csv", None, "when,n\n1,2", "line 1: there is no “time”, only when, n"),
        ("a.csv", Some("when"), "when,n\n1,2\n3", "line 3: this row has 1 fields, the header has 2"),
        ("a.csv", Some("when"), "when,n,n\n1,2,3", "line 1: there are two columns “n”"),
        (
            "a.csv",
            None,
            "time\n2023-02-29T00:00:00Z",
            "line 2: “time” is no time: write 2024-05-01T12:00:00Z, or a number of seconds",
        ),
        ("a.csv", None, "time\nNaN", "line 2: “time” is no time: write 2024-05-01T12:00:00Z, or a number of seconds"),
        ("a.csv", None, "", "line 1: there is no “time”"),
    ] {
        check(name, time_field, text, expected);
    }
    let event = EventName::new("thing.happened").expect("a name");
    let error = ReplayLog::parse("a.csv", b"time,n\n1,\xff", None, &event).expect_err("no text");
    assert_eq!(error.to_string(), "line 2: this is no UTF-8 text");
}

#[test]
fn a_week_of_earthquakes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/flows/data/earthquakes.jsonl");
    let bytes = std::fs::read(path).expect("it ships");
    let event = EventName::new("earthquake.detected").expect("a name");
    let log = ReplayLog::parse("earthquakes.jsonl", &bytes, None, &event).expect("it is well-formed");
    let strong = |row: &&eventloom::plan::ReplayRow| row.data["magnitude"].as_f64().is_some_and(|m| m >= 5.0);
    assert_eq!((log.rows.len(), log.rows.iter().filter(strong).count()), (1707, 39));
    assert!(log.rows.is_sorted_by_key(|row| row.at));
}
