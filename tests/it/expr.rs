//! Expressions: what they say of an event, what is refused, and that nothing hostile gets through.

use std::sync::Arc;

use eventloom::expr::{Facts, Program, Purpose, compile};
use eventloom::model::Expression;
use serde_json::{Value, json};

/// Some event, with these data.
fn facts(data: &Arc<Value>) -> Facts<'_> {
    Facts {
        id: "billing-7",
        source: "billing",
        kind: "order.placed",
        subject: "orders/7",
        time_nanos: 1_500_000_000,
        key: "anna",
        hops: 2,
        data,
        draws: 4711,
        number: 7,
    }
}

fn order() -> Arc<Value> {
    Arc::new(json!({
        "amount": 129.9, "items": 3, "customer": "anna", "vip": true, "none": null,
        "list": [1, 2, 3], "deep": { "er": { "value": 5 } }, "big": 9007199254740993_i64,
    }))
}

fn program(source: &str, purpose: Purpose) -> Program {
    compile(&Expression(source.to_owned()), purpose).unwrap_or_else(|error| panic!("{source}: {error:?}"))
}

/// What a source says of the order, as text; errors with their place.
fn said(source: &str, purpose: Purpose) -> String {
    let program = match compile(&Expression(source.to_owned()), purpose) {
        Ok(program) => program,
        Err(error) => return format!("{error} | {}", error.hint),
    };
    let data = order();
    let facts = facts(&data);
    let said = match purpose {
        Purpose::Condition => program.test(&facts).map(|value| value.to_string()),
        Purpose::Key => program.text(&facts),
        Purpose::Data => program.value(&facts).map(|value| value.to_string()),
    };
    said.unwrap_or_else(|error| format!("! {error}"))
}

#[track_caller]
fn check(purpose: Purpose, rows: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (source, expected) in rows {
        let found = said(source, purpose);
        if found != *expected {
            wrong += &format!("\n  source   {source}\n  expected {expected}\n  found    {found}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn conditions() {
    check(
        Purpose::Condition,
        &[
            ("event.data.amount > 100 && event.type == \"order.placed\"", "true"),
            ("event.data.amount >= 129.9", "true"),
            ("event.data.items == 3.0", "true"),
            ("!(event.data.items < 3) || false", "true"),
            ("event.data.missing >= 5", "false"),
            ("event.data.missing != 5", "true"),
            ("event.data.missing.below == \"x\"", "false"),
            ("event.data.missing == null", "true"),
            ("event.data.none == null", "true"),
            ("event.data.missing", "false"),
            ("has(event.data.amount) && !has(event.data.missing)", "true"),
            ("event.data.vip", "true"),
            ("event.data.deep.er.value == 5", "true"),
            ("event.data[\"items\"] in [1, 2, 3]", "true"),
            ("2 in event.data.list", "true"),
            ("event.data.customer.starts_with(\"an\")", "true"),
            ("if event.hops > 1 { event.number == 7 } else { false }", "true"),
            ("let limit = 100; event.data.amount > limit", "true"),
            ("event.time == 1500000000 && event.key == \"anna\" && event.source == \"billing\"", "true"),
            ("event.data.list == [1, 2, 3]", "true"),
        ],
    );
}
