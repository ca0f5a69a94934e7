//! Expressions: what they say of an event, what is refused, and that nothing hostile gets through.

use std::fmt::Write as _;
use std::sync::Arc;

use eventloom::expr::{Facts, Program, Purpose, compile};
use eventloom::model::Expression;
use proptest::prelude::*;
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
        Purpose::Fold => {
            let state = serde_json::json!({ "total": 7, "seen": ["a"] });
            program.fold(&state, &facts).map(|value| value.to_string())
        }
    };
    said.unwrap_or_else(|error| format!("! {error}"))
}

#[track_caller]
fn check(purpose: Purpose, rows: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (source, expected) in rows {
        let found = said(source, purpose);
        if found != *expected {
            writeln!(wrong, "\n  source   {source}\n  expected {expected}\n  found    {found}")
                .expect("a text takes all");
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

#[test]
fn keys() {
    check(
        Purpose::Key,
        &[
            ("event.data.customer", "anna"),
            ("event.data.items", "3"),
            ("event.data.amount", "129.9"),
            ("event.data.missing", ""),
            ("event.key + \"-\" + event.data.items", "anna-3"),
            ("`${event.data.customer}/${event.number % 4}`", "anna/3"),
            ("`k${random(0, 9)}`", "k5"),
            ("event.data", "! line 1, column 1: a key is text or a number, this is an object"),
        ],
    );
}

#[test]
fn data() {
    check(
        Purpose::Data,
        &[
            ("event.data.deep", r#"{"er":{"value":5}}"#),
            (
                r#"{ "order": event.id, "lines": [{ "n": 1 }, {}], "gone": null }"#,
                r#"{"gone":null,"lines":[{"n":1},{}],"order":"billing-7"}"#,
            ),
            ("#{ total: event.data.amount * 2 }", r#"{"total":259.8}"#),
            ("{ total: event.data.amount * event.data.items }", r#"{"total":389.70000000000005}"#),
            ("round(event.data.amount * 1.19, 2)", "154.58"),
            ("let d = event.data; d.seen = true; d.len()", "9"),
            ("if event.data.vip { { \"tier\": \"gold\" } } else { {} }", r#"{"tier":"gold"}"#),
            ("random(1, 6)", "4"),
            ("[random(1, 6), random(1, 6), random(1, 6)]", "[4,2,5]"),
            ("random()", "0.5225782730139731"),
            ("random(0.5, 2.0) < 2.0 && random(0.5, 2.0) >= 0.5", "true"),
            ("pick([\"red\", \"green\", \"blue\"])", "\"green\""),
            ("pick([])", "! line 1, column 1: there is nothing to pick from"),
            ("sin(1.0) + exp(0.5) + ln(3.0) + pow(2.0, 0.5) + pow(2, 10)", "1029.0030181065492"),
            ("1.0 / 0.0", "! line 1, column 1: data hold no number that is not finite"),
            (
                "event",
                r#"{"data":{"amount":129.9,"big":9007199254740993,"customer":"anna","deep":{"er":{"value":5}},"items":3,"list":[1,2,3],"none":null,"vip":true},"hops":2,"id":"billing-7","key":"anna","number":7,"source":"billing","subject":"orders/7","time":1500000000,"type":"order.placed"}"#,
            ),
        ],
    );
}

#[test]
fn errors_say_where_and_what_would_help() {
    check(
        Purpose::Condition,
        &[
            ("", "line 1, column 1: there is no condition | Write one, as in event.data.amount > 100"),
            ("event.typ == 1", "line 1, column 7: an event has no attribute “typ” | Did you mean event.type?"),
            (
                "event.magnitude > 5",
                "line 1, column 7: an event has no attribute “magnitude” | Fields of the data are behind event.data: did you mean event.data.magnitude?",
            ),
            ("magnitude > 5", "line 1, column 1: there is no “magnitude” | Did you mean event.data.magnitude?"),
            ("evnt.id == 5", "line 1, column 1: there is no “evnt” | Did you mean event?"),
            ("event.data.x = 5", "line 1, column 14: an event cannot be changed | To compare, write =="),
            ("event.hops > 1 and true", "line 1, column 16: “and” is no operator | Write &&"),
            (
                "event.hops > 1 &&\n  event.subjet == \"x\"",
                "line 2, column 9: an event has no attribute “subjet” | Did you mean event.subject?",
            ),
            ("event.type == 'x y'", "line 1, column 15: text stands in double quotes | Write \"…\" instead of '…'"),
            ("event.type == \"x", "line 1, column 15: a text does not end | Close it with \""),
            ("{ \"a\": [null, } == 1", "line 1, column 15: Unexpected '}' | "),
            ("event.hops >", "line 1, column 13: it ends too early | Something is missing at the end"),
            (
                "event.type",
                "line 1, column 1: a condition is true or false, this is text | Compare it with something, as in event.hops > 1",
            ),
            ("event.hops + 1", "! line 1, column 1: a condition is true or false, this is a whole number"),
            ("event.data.customer && true", "! line 1, column 6: true or false is needed, this is text"),
            (
                "while true {}",
                "line 1, column 1: there are no loops, so “while” cannot be used | Say what is true of one event; a run asks for each of them",
            ),
            (
                "fn f() { 1 } f()",
                "line 1, column 1: there are no functions of one's own, so “fn” cannot be used | Write out what the function would do",
            ),
            (
                "`${sleep(9)}` == \"\"",
                "line 1, column 4: “sleep” cannot be used in an expression | An expression only looks at its event and says a value",
            ),
            (
                "let event = 5; true",
                "line 1, column 5: “event” always is the event | Choose another name for the variable",
            ),
            ("event.data.customer.round()", "! line 1, column 21: there is no “round” for text"),
            ("2 ** 3 == 8", "line 1, column 3: “**” is no operator here | Write pow(a, b)"),
        ],
    );
}

#[test]
fn data_are_only_needed_where_they_are_mentioned() {
    for (source, needed) in [
        ("event.type == \"a\"", false),
        ("event.data.a == 1", true),
        ("`${event.hops}` == \"2\"", false),
        ("`${event.data.a}` == \"2\"", true),
        ("let e = event; e.hops > 2", true),
        ("\"event.data\" == event.type", false),
    ] {
        assert_eq!(program(source, Purpose::Condition).needs_data(), needed, "{source}");
    }
}

#[test]
fn hostile_sources_neither_abort_nor_hang() {
    let long = |unit: &str| unit.repeat(16_000 / unit.len());
    let sources = [
        format!("1{}", long("<1")),
        format!("1{}", long("+1")),
        format!("1{}", long("-1")),
        format!("event{}", long(".data")),
        format!("event.data{}", long(".a")),
        format!("event.data{}", long("?.a")),
        format!("event.data.list{}", long("[0]")),
        format!("{}true", long("!")),
        format!("{}1", long("-")),
        format!("{}1", long("- ")),
        format!("1{}", long("??1")),
        format!("1{}", long("&&1")),
        format!("true{}", long("&&true")),
        format!("false{}", long("||false")),
        long("("),
        long("["),
        long("{"),
        long("#{a:"),
        long("`${"),
        format!("if false {{}}{}", long(" else if false {}")),
        format!("let a=[];{}a == a", long("a=[a];")),
        format!("let a=[];{}a.to_string()", long("a=[[[[[[[[a]]]]]]]];")),
        format!("let a=[];{}a == [a]", "a=[[[[[[[[a]]]]]]]];".repeat(27)),
        format!("let a=[];{}a.to_string()", "a=[[[[[[[[a]]]]]]]];".repeat(27)),
        format!("let a=[];{}`${{a}}`", "a=[[[[[[[[a]]]]]]]];".repeat(27)),
        format!("let a=[];{}a in [a]", "a=[[[[[[[[a]]]]]]]];".repeat(27)),
        format!("let a=[];{}a.contains(a)", "a=[[[[[[[[a]]]]]]]];".repeat(27)),
        format!("let a=[];{}a", "a=[[[[[[[[a]]]]]]]];".repeat(27)),
        format!("let a=[1];{}a", "a=[a,a,a,a];".repeat(40)),
        format!("let a=\"aaaaaaaaaaaaaaaa\";{}a", "a+=a;".repeat(100)),
        format!("let a=\"aaaaaaaaaaaaaaaa\";{}a.replace(\"a\",a);a", "a+=a;".repeat(11)),
        "\"a\".pad(9223372036854775807, 'b')".to_owned(),
        "[].pad(9223372036854775807, 1)".to_owned(),
        "let a = []; a.pad(10000, [1,2,3,4,5,6,7,8,9,10]); a.len()".to_owned(),
        "9223372036854775807 + 1".to_owned(),
        "-9223372036854775808 / -1".to_owned(),
        "1 / 0".to_owned(),
        "1 % 0".to_owned(),
        "1.0 / 0.0".to_owned(),
        "pow(10, 400)".to_owned(),
        "1 << 1000000".to_owned(),
        "\"\\u{FFFFFFFF}\"".to_owned(),
        "switch event.data.items { 3 => true, _ => false }".to_owned(),
        "event.data.items = 4".to_owned(),
        "event = 4".to_owned(),
        "sleep(100)".to_owned(),
        "event.data.sleep(100)".to_owned(),
        "exit()".to_owned(),
        "0..9223372036854775807".to_owned(),
        "(0..9223372036854775807).contains(5)".to_owned(),
        "let s = 0..9223372036854775807; `${s}`".to_owned(),
        "\u{202e}\0\u{feff}".to_owned(),
        long("a:"),
        long("random("),
        long("[1,"),
        long("\"a\"+"),
        long("/*"),
        long("let a=1;"),
        long("1;"),
        long(";"),
        "x".repeat(17_000),
    ];
    for source in &sources {
        for purpose in [Purpose::Condition, Purpose::Key, Purpose::Data] {
            let answer = said(source, purpose);
            assert_eq!(said(source, purpose), answer, "{source}");
        }
    }
}

// ---- properties ---------------------------------------------------------------------------------------------------

const ATTRIBUTES: [&str; 8] = ["id", "source", "type", "subject", "time", "key", "hops", "number"];
const OPERATORS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i8>().prop_map(|n| n.to_string()),
        Just("9007199254740993".to_owned()),
        (-40i32..40).prop_map(|n| format!("{:.1}", f64::from(n) / 10.0)),
        Just("0.30000000000000004".to_owned()),
        "\"[ab]{0,2}\"",
        prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(str::to_owned),
    ]
}

fn operand() -> impl Strategy<Value = String> {
    prop_oneof![
        literal(),
        prop::sample::select(ATTRIBUTES.as_slice()).prop_map(|name| format!("event.{name}")),
        "event\\.data(\\.[abc]){1,3}",
        Just("event.data".to_owned()),
    ]
}

/// Sources in the plain part of the language, well-formed, but not always sensible.
fn plain_source() -> impl Strategy<Value = String> {
    let comparison = (operand(), prop::sample::select(OPERATORS.as_slice()), operand())
        .prop_map(|(a, operator, b)| format!("{a} {operator} {b}"));
    let leaf = prop_oneof![
        6 => comparison,
        1 => operand(),
        1 => operand().prop_map(|value| format!("has({value})")),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} && {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) == ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn some_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        prop_oneof![Just(u64::MAX), Just(9007199254740993)].prop_map(Value::from),
        (-40i32..40).prop_map(|n| Value::from(f64::from(n) / 10.0)),
        Just(Value::from(0.1 + 0.2)),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            4 => prop::collection::btree_map("[abc]", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_native_form_answers_as_the_engine_does(source in plain_source(), data in some_json()) {
        let data = Arc::new(data);
        let facts = facts(&data);
        // A variable is beyond the native form, and changes nothing.
        let scripted = format!("let one = 1; {source}");
        let in_both = |purpose| {
            let native = compile(&Expression(source.clone()), purpose);
            let scripted = compile(&Expression(scripted.clone()), purpose);
            // A native form is no excuse for what the engine would not take.
            assert!(native.is_err() || scripted.is_ok(), "{source}: {scripted:?}");
            Some((native.ok()?, scripted.ok()?))
        };
        for purpose in [Purpose::Condition, Purpose::Key, Purpose::Data] {
            let Some((native, scripted)) = in_both(purpose) else { continue };
            prop_assert!(native.is_plain(), "{} should be plain", source);
            prop_assert!(!scripted.is_plain());
            match purpose {
                Purpose::Condition => prop_assert_eq!(native.test(&facts).ok(), scripted.test(&facts).ok()),
                Purpose::Key => prop_assert_eq!(native.text(&facts).ok(), scripted.text(&facts).ok()),
                Purpose::Data | Purpose::Fold => prop_assert_eq!(native.value(&facts).ok(), scripted.value(&facts).ok()),
            }
        }
    }

    #[test]
    fn any_words_at_all_end_in_an_answer_or_an_error(
        words in prop::collection::vec(prop::sample::select(WORDS.as_slice()), 0..40),
        noise in "\\PC{0,12}",
        data in some_json(),
    ) {
        let source = Expression(format!("{} {noise}", words.join(" ")));
        let data = Arc::new(data);
        let facts = facts(&data);
        for purpose in [Purpose::Condition, Purpose::Key, Purpose::Data] {
            match compile(&source, purpose) {
                Ok(program) => {
                    prop_assert_eq!(program.value(&facts), program.value(&facts));
                    let _answers = (program.test(&facts), program.text(&facts));
                }
                Err(error) => prop_assert!(error.line >= 1 && error.column >= 1 && !error.what.is_empty()),
            }
        }
    }
}

/// What a random source is made of: every kind of token, and names that do something.
const WORDS: [&str; 84] = [
    "event",
    ".",
    "data",
    ".a",
    ".b",
    "event.data.a",
    "event.hops",
    "event.type",
    "1",
    "0",
    "-",
    "9223372036854775807",
    "1.5",
    "1e308",
    "\"a\"",
    "\"",
    "`",
    "${",
    "}",
    "`x${",
    "}`",
    "'",
    "'c'",
    "(",
    ")",
    "[",
    "]",
    "{",
    "#{",
    "a",
    ":",
    "\"a\":",
    ",",
    ";",
    "=",
    "+=",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "+",
    "*",
    "/",
    "%",
    "<<",
    ">>",
    "??",
    "?.",
    "..",
    "..=",
    "in",
    "let a =",
    "const",
    "if",
    "else",
    "if true {",
    "} else {",
    "switch",
    "=>",
    "_",
    "return",
    "null",
    "true",
    "false",
    "random(",
    "pick(",
    "has(",
    "pow(",
    "round(",
    ".pad(100000, ",
    ".push(",
    ".split()",
    ".to_string()",
    ".replace(",
    ".len()",
    ".keys()",
    "is_def_var(",
    "type_of(",
    "/*",
];
