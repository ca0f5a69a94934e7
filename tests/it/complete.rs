//! Completion of expressions: a source with the cursor at `|`, and what could stand there; and what a place is known to see.

use std::fmt::Write as _;

use eventloom::expr::{FUNCTIONS, Paint, Purpose, Vocabulary, compile, complete, paint, place_of};
use eventloom::model::{Expression, LinkId, NodeId};
use eventloom::plan::Place;
use eventloom::session::Session;
use serde_json::json;

fn vocabulary() -> Vocabulary {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    Vocabulary {
        events: vec![pair("order.placed", "Somebody ordered"), pair("order.paid", ""), pair("stock.low", "")],
        sources: vec![pair("checkout", "Checkout"), pair("web-shop", "Web shop")],
        samples: vec![
            (
                "order.placed".to_owned(),
                json!({ "amount": 129.9, "customer": "anna", "lines": [1, 2], "deep": { "er": { "value": 5 } } }),
            ),
            ("order.paid".to_owned(), json!({ "amount": 7, "customer": "ben", "pay-method": "card" })),
        ],
        state: Some(json!({ "balance": 3, "last_seen": "today" })),
    }
}

/// The source without its cursor, and where that is.
fn at_cursor(marked: &str) -> (String, usize) {
    let at = marked.find('|').expect("a cursor");
    (marked.replacen('|', "", 1), at)
}

/// The first candidates, and whether there are more.
fn said(marked: &str) -> String {
    let (source, cursor) = at_cursor(marked);
    let candidates = complete(&source, cursor, &vocabulary());
    let mut text = candidates.iter().take(4).map(|candidate| candidate.label.as_str()).collect::<Vec<_>>().join(" ");
    if candidates.len() > 4 {
        text.push_str(" …");
    }
    text
}

/// What the source becomes when the first candidate is taken; the cursor at `|`.
fn taken(marked: &str) -> String {
    let (mut source, cursor) = at_cursor(marked);
    let candidates = complete(&source, cursor, &vocabulary());
    let Some(first) = candidates.first() else { return marked.to_owned() };
    source.replace_range(first.replaces.clone(), &first.insert);
    let behind = first.replaces.start + first.insert.len() - first.back;
    source.insert(behind, '|');
    source
}

#[track_caller]
fn check(say: impl Fn(&str) -> String, rows: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (source, expected) in rows {
        let found = say(source);
        if found != *expected {
            writeln!(wrong, "\n  source   {source}\n  expected {expected}\n  found    {found}").expect("text");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_could_stand_there() {
    check(
        said,
        &[
            // Attributes and fields.
            ("ev|", "event reversed"),
            ("event.|", "data type key id …"),
            ("event.t|", "type time data subject"),
            ("event.so|urce == 1", ""),
            ("event.data.|", "amount customer deep lines …"),
            ("event.data.cu|", "customer count"),
            ("event.data.am|ount > 3", "amount clamp"),
            ("event.data.deep.|", "er has kind number …"),
            ("event.data.deep.er.v|", "value values avg reversed"),
            ("event.data.pay|", "pay-method"),
            ("1 + event.data.c|) * 2", "customer contains ceiling clamp …"),
            ("event?.data?.cu|", "customer count"),
            // Functions and words.
            ("rou|", "round"),
            ("sum(ev|", "event reversed"),
            ("tru|", "true"),
            ("nul|", "null"),
            ("let total = 5; tot|", "total to_int to_float"),
            ("let to|", ""),
            ("\"a\" i|", "in"),
            ("event.hops |", ""),
            ("event.hops > |", "event state has kind …"),
            ("{ \"a\": ev|", "event reversed"),
            ("{ ev|: 1 }", ""),
            // What is compared says what it is compared with.
            ("event.type == |", "order.placed order.paid stock.low event …"),
            ("event.type == \"|", "order.placed order.paid stock.low"),
            ("event.type == \"pa|\"", "order.paid"),
            ("event.type == \"pa| && true", "order.paid"),
            ("event.type != \"st|", "stock.low"),
            ("event.type in [\"order.paid\", \"|", "order.placed order.paid stock.low"),
            ("event.source == \"|", "checkout web-shop"),
            ("event.data.customer == \"|", "anna ben"),
            ("event.data.pay == \"|", ""),
            ("matches(event.type, \"|", "order.placed order.paid stock.low"),
            ("\"|", ""),
            // Nowhere.
            ("12|", ""),
            ("// ev|", ""),
            ("/* ev|", ""),
            ("`ev|`", ""),
            ("`${ev|}`", "event reversed"),
            // A fold sees the state before.
            ("{ \"n\": (st|", "state starts_with sub_string first …"),
            ("state.|", "balance last_seen has kind …"),
            ("state.last_seen == \"|", "today"),
            ("\"order\" |", ""),
        ],
    );
}

#[test]
fn what_is_taken_stands_in_place_of_what_was_typed() {
    check(
        taken,
        &[
            ("ev|", "event|"),
            ("event.data.cu| == 1", "event.data.customer| == 1"),
            ("event.data.c|us == 1", "event.data.customer| == 1"),
            ("event.data.pay|", "event.data[\"pay-method\"]|"),
            ("roun|", "round(|)"),
            ("roun|(3, 1)", "round|(3, 1)"),
            ("event.data.customer.trimm|", "event.data.customer.trimmed()|"),
            ("event.data.customer.repl|", "event.data.customer.replaced(|)"),
            ("event.type == |", "event.type == \"order.placed\"|"),
            ("event.type == \"sto|", "event.type == \"stock.low\"|"),
            ("event.type == \"sto|\" && true", "event.type == \"stock.low|\" && true"),
        ],
    );
}

#[test]
fn a_cursor_anywhere_in_anything_is_answered() {
    let sources = [
        "event.data.ä == \"ö\" // ü",
        "`a ${event.data.x} ${",
        "#\"raw\"# + 'x",
        "((((",
        "\"\\",
        "event.type in [\"a\", ",
    ];
    for source in sources {
        for cursor in 0..=source.len() + 1 {
            for candidate in complete(source, cursor, &vocabulary()) {
                assert!(source.get(candidate.replaces.clone()).is_some(), "{source} at {cursor}: {candidate:?}");
            }
        }
    }
}

#[test]
fn every_function_of_the_reference_does_what_its_example_says() {
    let data = std::sync::Arc::new(json!({}));
    let facts = eventloom::expr::Facts {
        id: "",
        source: "",
        kind: "",
        subject: "",
        time_nanos: 0,
        key: "",
        hops: 0,
        data: &data,
        draws: 0,
        number: 0,
    };
    let mut wrong = String::new();
    for function in FUNCTIONS {
        let said = compile(&Expression(function.example.to_owned()), Purpose::Data)
            .map_err(|error| error.to_string())
            .and_then(|program| program.value(&facts).map_err(|error| error.to_string()))
            .map_or_else(|error| error, |value| value.to_string());
        if said != function.says {
            writeln!(wrong, "{}: {} says {said}, not {}", function.form, function.example, function.says)
                .expect("text");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn parts_are_painted_for_what_they_are() {
    let painted = |source: &str| {
        let parts = paint(source);
        assert_eq!(parts.iter().map(|(range, _)| &source[range.clone()]).collect::<String>(), source);
        let shown = parts.iter().filter(|(_, paint)| *paint != Paint::Plain);
        shown.map(|(range, paint)| format!("{}:{paint:?}", &source[range.clone()])).collect::<Vec<_>>().join(" ")
    };
    for (source, expected) in [
        ("event.data.a > 1.5", "event.data.a:Event 1.5:Number"),
        (
            "if has(event.key) { null } else { \"x\" }",
            "if:Keyword has:Function event.key:Event null:Keyword else:Keyword \"x\":Text",
        ),
        ("`a ${event.id} b` // why", "`a ${:Text event.id:Event } b`:Text // why:Comment"),
        ("let x = 1; x.len()", "let:Keyword 1:Number len:Function"),
        ("", ""),
        ("\"ä", "\"ä:Text"),
    ] {
        assert_eq!(painted(source), expected, "{source}");
    }
}

#[test]
fn an_error_stands_at_the_word_that_it_is_about() {
    for (source, expected) in [
        ("event.typ == 1", "typ"),
        ("1 +\n  evnt.id", "evnt"),
        ("event.hops >", ">"),
        ("event.type == \"x", "\"x"),
        ("2 ** 3", "**"),
        ("event.hops > 1 and true", "and"),
        ("{ \"a\": [null, }", "}"),
    ] {
        let error = compile(&Expression(source.to_owned()), Purpose::Data).expect_err("it is wrong");
        assert_eq!(&source[place_of(&error, source)], expected, "{source}: {error}");
    }
}

// ---- what a place of a flow sees ------------------------------------------------------------------------------------

fn fields(session: &Session, at: &Place) -> String {
    let candidates = session.complete(at, "event.data.", "event.data.".len());
    let fields = candidates.iter().filter(|candidate| candidate.kind == eventloom::expr::CandidateKind::Field);
    fields.map(|candidate| candidate.label.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn fields_are_learnt_from_examples_schemas_templates_and_logs() {
    let node = |id: &str, field: &str| Place::Node(NodeId::new(id).expect("an id"), Some(field.to_owned()));
    let link = |id: &str| Place::Link(LinkId::new(id).expect("an id"), Some("filter".to_owned()));
    let text = r##"Flow(
    format: 1,
    name: "x",
    events: {
        "a": (example: r#"{ "from_example": 1 }"#),
        "d": (schema: r#"{ "properties": { "from_schema": { "type": "string" } } }"#),
    },
    nodes: {
        "p": (at: (0, 0), kind: Producer(emits: "a")),
        "q": (at: (0, 0), kind: Producer(emits: "b", data: "{ \"made\": event.number, \"by\": { \"hand\": 1 } }")),
        "bus": (at: (0, 0), kind: Bus()),
        "s": (at: (0, 0), kind: Service(handlers: [
            (on: "b", emits: [(event: "c", data: "{ \"of\": event.data.made, \"more\": event.data.by }")]),
            (on: "c", emits: [(event: "d")]),
        ])),
        "t": (at: (0, 0), kind: Consumer()),
    },
    links: {
        "p->bus": (from: "p", to: "bus", kind: Publish()),
        "q->bus": (from: "q", to: "bus", kind: Publish()),
        "s->bus": (from: "s", to: "bus", kind: Publish()),
        "bus->s": (from: "bus", to: "s", kind: Subscribe(topics: ["b", "c"])),
        "bus->t": (from: "bus", to: "t", kind: Subscribe()),
    },
)"##;
    let session = Session::new(eventloom::file::read(text).expect("a flow"));
    assert_eq!(fields(&session, &node("p", "data")), "from_example");
    assert_eq!(fields(&session, &node("s", "handlers[0].emits[0].data")), "by made");
    assert_eq!(fields(&session, &node("s", "handlers[1].emits[0].when")), "more of");
    assert_eq!(fields(&session, &link("bus->s")), "by made more of");
    assert_eq!(fields(&session, &link("bus->t")), "from_example from_schema by made more of");
    assert_eq!(fields(&session, &node("bus", "topics[\"b\"].dedup.id")), "by made");
    // Deep below, with the value that was found there.
    let below = session.complete(&link("bus->s"), "event.data.more.", 16);
    assert_eq!((below[0].label.as_str(), below[0].detail.as_str(), below[0].about.as_str()), ("hand", "1", "Of c"));

    // Effects of effects of anything, in a circle: what is learnt has an end.
    let mut circle = String::new();
    for n in 0..40 {
        let emits = (0..10).map(|m| format!("(event: \"e{m}\", data: \"{{ \\\"v{n}\\\": event.data }}\")"));
        let emits = emits.collect::<Vec<_>>().join(", ");
        let handlers = format!("[(on: \">\", emits: [{emits}])]");
        writeln!(circle, "\"n{n}\": (at: (0, 0), kind: Service(handlers: {handlers})),").expect("text");
    }
    let text = format!("Flow(format: 1, name: \"x\", nodes: {{ {circle} }})");
    let round = Session::new(eventloom::file::read(&text).expect("a flow"));
    assert!(fields(&round, &node("n0", "handlers[0].emits[0].data")).starts_with("v0"));

    let mut session = session;
    session.open_example("earthquake-alerts").expect("an example");
    let (id, _) =
        session.flow().links().iter().find(|(_, link)| link.subscription().is_some()).expect("a subscription");
    assert!(fields(&session, &link(id.as_str())).contains("magnitude"), "{}", fields(&session, &link(id.as_str())));
}

#[test]
fn what_streams_and_stores_gather_has_names_of_its_own() {
    let text = r##"Flow(
    format: 1,
    name: "x",
    events: {
        "click": (example: r#"{ "page": "/", "ms": 120 }"#),
        "login": (example: r#"{ "from": "Oslo" }"#),
    },
    nodes: {
        "p": (at: (0, 0), kind: Producer(emits: "click")),
        "q": (at: (0, 0), kind: Producer(emits: "login")),
        "bus": (at: (0, 0), kind: Bus()),
        "w": (at: (0, 0), kind: Stream(on: "click", emits: "page.counted", lateness: "5s", operator: Window(
            by: Of("event.data.page"),
            aggregates: { "clicks": Count, "slowest": Max("event.data.ms") },
            data: "{ \"page\": event.data.key, \"n\": event.data.clicks }",
        ))),
        "all": (at: (0, 0), kind: Stream(on: "click", emits: "counted", operator: Window(by: All))),
        "j": (at: (0, 0), kind: Stream(on: "click", emits: "met", operator: Join(with: "login", within: "5s"))),
        "m": (at: (0, 0), kind: Stream(on: "click", emits: "mapped", operator: Map(data: "{ \"twice\": event.data.ms * 2 }"))),
        "f": (at: (0, 0), kind: Stream(on: "mapped", emits: "kept", operator: Filter("event.data.twice > 3"))),
        "v": (at: (0, 0), kind: Store(fold: "{ \"seen\": (state.seen ?? 0) + 1 }")),
        "s": (at: (0, 0), kind: Service(handlers: [(on: "page.counted"), (on: "met"), (on: "kept"), (on: "counted")])),
    },
)"##;
    let session = Session::new(eventloom::file::read(text).expect("a flow"));
    let at = |node: &str, field: &str| Place::Node(NodeId::new(node).expect("an id"), Some(field.to_owned()));
    for (node, field, expected) in [
        ("w", "operator.data", "clicks end key revision slowest start"),
        ("all", "operator.data", "count end start"),
        ("j", "operator.data", "left right"),
        ("w", "operator.by", "ms page"),
        ("j", "operator.by", "ms page from"),
        ("f", "operator", "twice"),
        ("s", "handlers[0].when", "n page"),
        ("s", "handlers[1].when", "left right"),
        ("s", "handlers[2].when", "twice"),
        ("s", "handlers[3].when", "count end start"),
    ] {
        assert_eq!(fields(&session, &at(node, field)), expected, "{node} {field}");
    }
    let first =
        |place: &Place, source: &str| session.complete(place, source, source.len()).first().map(|c| c.label.clone());
    assert_eq!(first(&at("j", "operator.data"), "event.data.right."), Some("from".to_owned()));
    assert_eq!(first(&at("v", "fold"), "state."), Some("seen".to_owned()));
    assert_eq!(first(&at("v", "key"), "sta"), Some("starts_with".to_owned()), "only a fold has a state");
}
