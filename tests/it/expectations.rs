//! What is expected of runs: each kind is kept by one flow and broken by another one that differs in one thing, and the
//! verdict names the first event, instant and place.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use eventloom::edit::Edit;
use eventloom::file::{read, write};
use eventloom::model::{Expectation, ExpectationName, Flow, SimDuration, SimTime};
use eventloom::plan::check as problems;
use eventloom::session::{Session, SimulateOptions, Standing, TestOptions, VerdictLine};

use crate::support::flow::{flow, node_id};

fn run(flow: &Flow, limit: Option<&str>) -> Vec<VerdictLine> {
    let session = Session::new(flow.clone());
    let limit = limit.map(|limit| limit.parse::<SimDuration>().expect("a time"));
    let watch = &mut |_, _| ControlFlow::Continue(());
    let simulated = session.simulate(&SimulateOptions { seed: None, limit }, watch);
    simulated.unwrap_or_else(|error| panic!("{error}: {:?}", session.problems())).verdicts
}

fn words(verdicts: &[VerdictLine]) -> String {
    let mut text = String::new();
    for VerdictLine { name, standing, what, at, event: _, handle: _, place } in verdicts {
        write!(text, "{name}: {standing:?}: {what}").expect("text");
        if let Some(at) = at {
            write!(text, ", at {}", at.since(SimTime::ZERO)).expect("text");
        }
        if let Some(place) = place {
            write!(text, " in {place}").expect("text");
        }
        text.push('\n');
    }
    text.trim_end().to_owned()
}

/// Runs a flow of these rows for a time, and compares how what it expects stands.
#[track_caller]
fn check(rows: &str, limit: &str, expected: &str) {
    let found = words(&run(&flow(rows), (!limit.is_empty()).then_some(limit)));
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(found, expected.join("\n"), "\n{found}");
}

/// A producer of three events a second apart, a bus and a consumer, with these settings.
fn line(producer: &str, consumer: &str, subscription: &str, more: &str) -> String {
    format!(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 3, {producer})
           bus = Bus
           c = Consumer({consumer})
           p -> bus
           bus -> c ({subscription})
           {more}"#
    )
}

#[test]
fn nothing_lost_names_what_was_lost_and_how() {
    let kept = "lost: Kept: 6 judged";
    let expect = "expect lost: NothingLost()";
    check(&line("", r#"takes: Fixed("1ms")"#, "", expect), "", kept);
    // Given up after as many deliveries as allowed, without a dead-letter queue.
    let fails = r#"takes: Fixed("1ms"), fails: 1.0"#;
    let dropped = "lost: Broken: p/0 was lost: max_deliver; 3 in all, at 1.001s in c";
    check(&line("", fails, "deliveries: 1", expect), "", dropped);
    // With one it is kept there, and not lost; but for what the queue forgets.
    let buried = "lost: Kept: 9 judged";
    let dead = format!("d = DeadLetterQueue\n{expect}");
    check(&line("", fails, r#"deliveries: 1, dead_letters: "d""#, &dead), "", buried);
    let dead = format!("d = DeadLetterQueue(keep_records: 1)\n{expect}");
    let forgotten = "lost: Broken: p/0 was forgotten by a full dead-letter queue; 2 in all, at 2.002s in d";
    check(&line("", fails, r#"deliveries: 1, dead_letters: "d""#, &dead), "", forgotten);
    // Settled at hand-over, a failure loses it.
    let at_once = "lost: Broken: p/0 was lost by its handler, settled at hand-over; 3 in all, at 1.001s in c";
    check(&line("", fails, "guarantee: AtMostOnce", expect), "", at_once);
    // A link that loses a publish loses it for good; one that loses a delivery does not, unless it was settled.
    let cut = |on: &str| format!("fault cut (at: \"1500ms\", for: \"1s\", on: Link(\"{on}\"), kind: Drop())\n{expect}");
    let handles = r#"takes: Fixed("1ms")"#;
    check(&line("", handles, "", &cut("p->bus")), "", "lost: Broken: p/1 was lost on its way, at 2s in p->bus");
    check(&line("", handles, r#"ack_wait: "1s""#, &cut("bus->c")), "", kept);
    let lost = "lost: Broken: p/1 was lost on its way, at 2s in bus->c";
    check(&line("", handles, "guarantee: AtMostOnce", &cut("bus->c")), "", lost);
    // What a full queue refuses or drops.
    let slow = r#"takes: Fixed("10s")"#;
    let queue =
        |when| format!("prefetch: 1, max_in_flight: 1, queue: (records: 1, bytes: \"1 MiB\", when_full: {when})");
    let refused = "lost: Broken: p/2 was lost: maxlen, at 3s in bus";
    check(&line("", slow, &queue("Reject"), expect), "5s", refused);
}

#[test]
fn a_scope_leaves_out_what_is_elsewhere() {
    let rows = r#"
        p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 3)
        bus = Bus
        good = Consumer(takes: Fixed("1ms"))
        bad = Consumer(takes: Fixed("1ms"), fails: 1.0)
        p -> bus
        bus -> good
        bus -> bad (deliveries: 1)
        expect at bad: NothingLost(at: Node("bad"))
        expect at good: NothingLost(at: Node("good"))
        expect at its link: NothingLost(at: Link("bus->good"))
        expect at the bus: NothingLost(at: Node("bus"))
        expect at the producer: NothingLost(at: Node("p"))
    "#;
    check(
        rows,
        "",
        "at bad: Broken: p/0 was lost: max_deliver; 3 in all, at 1.001s in bad
         at good: Kept: 3 judged
         at its link: Kept: 3 judged
         at the bus: Broken: p/0 was lost: max_deliver; 3 in all, at 1.001s in bad
         at the producer: Kept: 3 judged",
    );
}

#[test]
fn order_by_key_names_the_one_that_was_overtaken() {
    let expect = "expect order: InOrder()";
    let keyed = "key: Cycle(1)";
    let one = r#"takes: Fixed("1500ms")"#;
    check(&line(keyed, one, "", expect), "", "order: Kept: 3 judged");
    // Two at once, the first of them slower: a retry lets the next one pass.
    let fails =
        "fault slow (at: \"900ms\", for: \"200ms\", on: Node(\"c\"), kind: Slow(by: \"4x\"))\nexpect order: InOrder()";
    let two = r#"takes: Fixed("600ms"), concurrency: 2"#;
    let overtaken = "order: Broken: p/0 was handled after p/1, which was published later, at 3.4s in c";
    check(&line(keyed, two, "", fails), "", overtaken);
    // Different keys have no order among themselves, and events without a key have none at all.
    check(&line("key: Cycle(3)", two, "", fails), "", "order: Kept: 3 judged");
    check(&line("", two, "", fails), "", "order: Open: nothing happened that it could judge");
}

#[test]
fn once_names_the_event_that_was_handled_again() {
    let expect = "expect once: Once(at: Node(\"c\"))";
    let handles = r#"takes: Fixed("100ms")"#;
    check(&line("", handles, "", expect), "", "once: Kept: 3 judged");
    // An ack that is lost brings the record again, and at-least-once handles it again.
    let cut = format!("fault cut (at: \"1050ms\", for: \"100ms\", on: Link(\"bus->c\"), kind: Drop())\n{expect}");
    let again = "once: Broken: p/0 was handled once more, at 1.6s in c";
    check(&line("", handles, r#"ack_wait: "500ms""#, &cut), "", again);
    // A link that doubles does so too; settled at hand-over or not.
    let double = format!("fault twin (at: \"1500ms\", for: \"1s\", on: Link(\"p->bus\"), kind: Duplicate())\n{expect}");
    let doubled = "once: Broken: p/1 was handled once more, at 2.2s in c";
    check(&line("", handles, "", &double), "", doubled);
}

#[test]
fn dead_letters_are_counted_up_to_a_bound() {
    let expect = |at_most| format!("d = DeadLetterQueue\nexpect few: DeadLetters(at: \"d\", at_most: {at_most})");
    let fails = r#"takes: Fixed("1ms"), fails: 1.0"#;
    let dead = r#"deliveries: 1, dead_letters: "d""#;
    check(&line("", fails, dead, &expect(3)), "", "few: Kept: 3 of them");
    let one_more = "few: Broken: p/2 is dead letter number 3, where at most 2 may be, at 3.002s in d";
    check(&line("", fails, dead, &expect(2)), "", one_more);
    check(&line("", r#"takes: Fixed("1ms")"#, dead, &expect(0)), "", "few: Kept: none");
}

#[test]
fn latency_is_judged_by_counts_and_names_the_first_late_one() {
    let expect =
        |share, within| format!("expect quick: Latency(from: \"p\", to: \"c\", share: {share}, within: \"{within}\")");
    let slow = |expect: &str| {
        let fault = r#"fault slow (at: "1500ms", for: "1s", on: Node("c"), kind: Slow(by: "3x"))"#;
        line("", r#"takes: Fixed("100ms")"#, "", &format!("{fault}\n{expect}"))
    };
    let late = "quick: Broken: 1 of 3 journeys took longer than 200ms, none may; first p/1, 300ms";
    check(&slow(&expect("1.0", "200ms")), "", &format!("{late}, at 2.3s in c"));
    check(&slow(&expect("1.0", "300ms")), "", "quick: Kept: the longest is 300ms, of 3 journeys");
    // Two of three are in time: a share of two thirds is kept, one above it is not.
    check(&slow(&expect("0.66", "200ms")), "", "quick: Kept: p66 is 96.5ms, of 3 journeys");
    assert!(run(&flow(&slow(&expect("0.67", "200ms"))), None)[0].standing == Standing::Broken);
}

#[test]
fn a_journey_begins_at_the_nearest_cause_that_the_first_node_made() {
    let rows = r#"
        p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 2)
        bus = Bus
        s = Service(handlers: [(on: "a", takes: Fixed("300ms"), emits: [(event: "b", after: Fixed("50ms"))])])
        c = Consumer(takes: Fixed("10ms"))
        p -> bus 100ms
        bus -> s (topics: ["a"])
        s -> bus
        bus -> c 20ms (topics: ["b"])
        expect all: Latency(from: "p", to: "c", share: 1.0, within: "1s")
        expect bus to c: Latency(from: "bus", to: "c", share: 1.0, within: "1s")
        expect last: Latency(from: "s", to: "c", share: 1.0, within: "1s")
    "#;
    check(
        rows,
        "",
        "all: Kept: the longest is 480ms, of 2 journeys
         bus to c: Kept: the longest is 380ms, of 2 journeys
         last: Kept: the longest is 30ms, of 2 journeys",
    );
}

/// Orders that are shipped two seconds later, but for those that `ships` leaves out.
fn shop(ships: &str, expect: &str) -> String {
    format!(
        r#"shop = Producer(emits: "placed", rate: Constant("1/s"), stops_after: 4, key: Cycle(2),
               data: "{{ \"n\": event.number }}")
           bus = Bus
           s = Service(concurrency: 8, handlers: [(on: "placed", takes: Fixed("1s"),
               emits: [(event: "shipped", after: Fixed("1s"), {ships})])])
           all = Consumer(takes: Fixed("1us"))
           shop -> bus
           bus -> s (topics: ["placed"])
           s -> bus
           bus -> all
           {expect}"#
    )
}

#[test]
fn every_x_is_followed_by_a_y_in_time_or_named() {
    let expect =
        |within: &str| format!("expect shipped: Follows(every: \"placed\", by: \"shipped\", within: \"{within}\")");
    check(&shop("", &expect("2s")), "", "shipped: Kept: 4 judged");
    let late = "shipped: Broken: shop/0 was not followed by shipped within 1.9s; 4 in all, at 2.9s in shop";
    check(&shop("", &expect("1900ms")), "", late);
    let left_out = "shipped: Broken: shop/2 was not followed by shipped within 5s, at 8s in shop";
    check(&shop(r#"when: "event.number != 2""#, &expect("5s")), "", left_out);
    // With the condition that leaves it out nothing is missing.
    let when = r#"expect shipped: Follows(every: "placed", by: "shipped", within: "5s", when: "event.data.n != 2")"#;
    check(&shop(r#"when: "event.number != 2""#, when), "", "shipped: Kept: 3 judged");
    // Another key is no answer.
    let same_key = r#"expect shipped: Follows(every: "placed", by: "shipped", within: "5s", same_key: true)"#;
    check(&shop("", same_key), "", "shipped: Kept: 4 judged");
    let other = "shipped: Broken: shop/0 was not followed by shipped within 5s; 4 in all, at 6s in shop";
    check(&shop(r#"key: Of("\"other\"")"#, same_key), "", other);
}

#[test]
fn what_is_too_young_at_the_end_is_not_judged() {
    let expect = r#"expect shipped: Follows(every: "placed", by: "shipped", within: "5s")"#;
    let never = r#"when: "false""#;
    // At 4 s nothing is older than 5 s, at 7 s one is.
    let open = "shipped: Open: nothing happened that it could judge, 4 under way and not judged";
    check(&shop(never, expect), "4s", open);
    let one = "shipped: Broken: shop/0 was not followed by shipped within 5s, at 6s in shop";
    check(&shop(never, expect).replace("stops_after: 4, ", ""), "6500ms", one);
    // Where nothing is left to do, nothing will follow any more.
    let all = "shipped: Broken: shop/0 was not followed by shipped within 5s; 4 in all, at 6s in shop";
    check(&shop(never, expect), "", all);
}

#[test]
fn lag_counts_what_is_open_and_lasts() {
    let expect = |at_most| format!("expect lag: Lag(of: \"bus->c\", at_most: {at_most})");
    check(&line("", r#"takes: Fixed("2500ms")"#, "", &expect(3)), "", "lag: Kept: never more than 3");
    let behind = "lag: Broken: 3 were open when p/2 came, where at most 2 may be, at 3s";
    check(&line("", r#"takes: Fixed("2500ms")"#, "", &expect(2)), "", behind);
    // What is settled at the instant at which it came was never behind.
    check(&line("", r#"takes: Fixed("0s")"#, "", &expect(0)), "", "lag: Kept: never more than 0");
}

#[test]
fn counts_are_judged_as_they_grow_and_at_the_end() {
    let count = |settings: &str| format!("expect count: Count(at: \"c\", {settings})");
    let handles = r#"takes: Fixed("1ms")"#;
    let with = |settings: &str| line(r#"data: "{ \"n\": event.number }""#, handles, "", &count(settings));
    check(&with("of: Handled, at_least: 3, at_most: 3"), "", "count: Kept: 3 handled");
    let few = "count: Broken: 3 were handled, where at least 4 have to be, at 3.001s in c";
    check(&with("of: Handled, at_least: 4"), "", few);
    let many = "count: Broken: p/1 was received as number 2, where at most 1 may be, at 2s in c";
    check(&with("of: Received, at_most: 1"), "", many);
    check(&with(r#"of: Received, when: "event.data.n == 1", at_least: 1, at_most: 1"#), "", "count: Kept: 1 received");
    check(&with(r#"of: Received, event: "a", at_least: 3"#), "", "count: Kept: 3 received");
    check(&with("of: Failed, at_most: 0"), "", "count: Kept: 0 failed");
    let emitted = line("", handles, "", "expect count: Count(at: \"p\", of: Emitted, at_least: 3)");
    check(&emitted, "", "count: Kept: 3 emitted");
}

#[test]
fn what_is_expected_changes_nothing_in_a_run() {
    let rows = shop("", "");
    let all = r#"
        expect a: NothingLost()
        expect b: InOrder()
        expect c: Once()
        expect d: DeadLetters()
        expect e: Latency(from: "shop", to: "all", within: "10s")
        expect f: Follows(every: "placed", by: "shipped", within: "5s", when: "event.data.n >= 0")
        expect g: Lag(of: "bus->s", at_most: 10)
        expect h: Count(at: "all", of: Handled, when: "event.data.n >= 0", at_least: 4)
    "#;
    let hash = |rows: &str| {
        let session = Session::new(flow(rows));
        let watch = &mut |_, _| ControlFlow::Continue(());
        session.simulate(&SimulateOptions::default(), watch).expect("it runs").report.trace_hash
    };
    assert_eq!(hash(&rows), hash(&format!("{rows}\n{all}")));
    let verdicts = run(&flow(&format!("{rows}\n{all}")), None);
    assert!(verdicts.iter().all(|line| line.standing == Standing::Kept), "{}", words(&verdicts));
}

#[test]
fn a_test_runs_all_seeds_and_names_the_first_that_breaks() {
    let rows = line(
        "",
        r#"takes: Fixed("1ms"), fails: 0.2"#,
        "deliveries: 1",
        "expect count: Count(at: \"p\", of: Emitted, at_least: 3)\nexpect lost: NothingLost()",
    );
    let session = Session::new(flow(&rows));
    let test = |first, seeds| {
        let options = TestOptions { first: Some(first), seeds, limit: None };
        session.test(&options, &|_| ControlFlow::Continue(())).expect("it runs")
    };
    let tested = test(1, 40);
    assert_eq!((tested.seeds, tested.was_interrupted, tested.cut_short.is_some()), (40, false, false));
    let [count, lost] = &tested.lines[..] else { panic!("two expectations: {:?}", tested.lines) };
    assert_eq!((count.kept, count.broken, lost.kept + lost.broken), (40, 0, 40));
    // The first seed that breaks it is the least one, whichever thread came first; alone it breaks too, in the same way.
    let (seed, verdict) = lost.first_broken.clone().expect("0.8 to the power of 120");
    let broken = |seed| test(seed, 1).lines[1].first_broken.clone();
    assert_eq!(broken(seed), Some((seed, verdict)));
    assert!((1..seed).all(|seed| broken(seed).is_none()));
    assert!(tested.has_failed());
    // Whoever has seen enough gets what there is.
    let options = TestOptions { first: Some(1), seeds: 1_000_000, limit: None };
    let stop = |done| if done >= 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let tested = session.test(&options, &stop).expect("it runs");
    assert!(tested.was_interrupted && tested.seeds >= 5, "{}", tested.seeds);
}

#[test]
fn expectations_are_read_written_edited_and_go_with_what_they_are_about() {
    let rows = shop(
        "",
        r#"expect a: NothingLost(at: Node("s"))
           expect b: Lag(of: "bus->s", at_most: 3)
           expect c: Count(at: "all", of: Handled, event: "shipped", when: "event.data.n > 1", at_least: 1, at_most: 9)
           expect d: Follows(every: "placed", by: "shipped", within: "5s", same_key: true)
           expect e: Latency(from: "shop", to: "all", within: "10s")
           expect f: DeadLetters()"#,
    );
    let before = flow(&rows);
    let text = write(&before);
    assert_eq!(read(&text).expect("a flow"), before);
    // One a line where it is short, none of what is as always.
    let section = text.split("    expect: {\n").nth(1).expect("a section");
    let first: Vec<&str> = section.lines().take(2).collect();
    assert_eq!(
        first,
        [r#"        "a": NothingLost(at: Node("s")),"#, r#"        "b": Lag(of: "bus->s", at_most: 3),"#]
    );
    assert!(section.contains(r#"        "e": Latency(from: "shop", to: "all", within: "10s"),"#), "{section}");

    let mut session = Session::new(before.clone());
    let name = |text: &str| ExpectationName::new(text).expect("a name");
    session.apply(&Edit::RenameExpectation(name("a"), name("z"))).expect("it is free");
    assert!(session.apply(&Edit::RenameExpectation(name("b"), name("z"))).is_err());
    session.apply(&Edit::SetExpectation(name("b"), Expectation::Once { at: None })).expect("it may be");
    session.apply(&Edit::RemoveExpectation(name("f"))).expect("it is there");
    assert!(session.apply(&Edit::RemoveExpectation(name("f"))).is_err());
    session.apply(&Edit::Remove { nodes: vec![node_id("all")], links: Vec::new() }).expect("it is there");
    let left: Vec<&str> = session.flow().expectations().keys().map(ExpectationName::as_str).collect();
    assert_eq!(left, ["b", "d", "z"]);
    while session.undo() {}
    assert_eq!(**session.flow(), before);
}

#[test]
fn check_finds_what_cannot_be_judged() {
    let say = |expect: &str| {
        let found = problems(&flow(&shop("", &format!("n = Note\nexpect x: {expect}"))));
        let about = |problem: &&eventloom::plan::Problem| problem.at.to_string().starts_with("expectation");
        found
            .iter()
            .filter(about)
            .map(|p| format!("{} {} {}: {}", p.severity, p.at, p.what, p.hint))
            .collect::<Vec<_>>()
    };
    for (expect, expected) in [
        (
            r#"NothingLost(at: Node("shopp"))"#,
            "error expectation x (at) “x” is about the node “shopp”, which is not drawn: Did you mean “shop”?",
        ),
        (
            r#"Lag(of: "bus->q", at_most: 1)"#,
            "error expectation x (of) “x” is about the link “bus->q”, which is not drawn: Did you mean “bus->s”?",
        ),
        (
            r#"Lag(of: "shop->bus", at_most: 1)"#,
            "error expectation x (of) “x” cannot be judged: nothing is owed along “shop->bus”, which publishes to a bus: \
             Choose a link from a bus to a subscriber, or a call",
        ),
        (
            r#"Once(at: Node("shop"))"#,
            "error expectation x (at) “x” cannot be judged: “Shop” is a producer, and nothing is handled there: \
             Choose another node",
        ),
        (
            r#"Follows(every: "placd", by: "shipped", within: "1s")"#,
            "error expectation x (every) “x” is about “placd”, which no node emits: Did you mean “placed”?",
        ),
        (
            r#"Follows(every: "placed", by: "shipped", within: "0s")"#,
            "error expectation x (within) “x” leaves no time at all: Say how long it may take, as in 500ms",
        ),
        (
            r#"Follows(every: "placed", by: "shipped", within: "1s", when: "event.dta > 1")"#,
            "error expectation x (when) This condition cannot be understood: line 1, column 7: an event has no attribute “dta”: \
             Did you mean event.data?",
        ),
        (
            r#"Latency(from: "all", to: "s", within: "1s")"#,
            "error expectation x (from) “x” cannot be judged: “All” is a consumer, and no event begins there: \
             Choose another node",
        ),
        (
            r#"Latency(from: "s", to: "n", within: "1s")"#,
            "error expectation x (to) “x” cannot be judged: “N” is a note, and no event arrives there: Choose another node",
        ),
        (
            r#"Count(at: "all", of: Emitted, at_least: 1)"#,
            "error expectation x (of) “x” cannot be judged: “All” is a consumer, and nothing is emitted there: \
             Choose another node",
        ),
        (
            r#"Count(at: "all", of: Handled, at_least: 3, at_most: 2)"#,
            "error expectation x (at_most) “x” cannot be met: at least 3 and at most 2: \
             Let the second figure be the larger one",
        ),
        (
            r#"Count(at: "all", of: Handled)"#,
            "warning expectation x (at_least) “x” asks for nothing: any number will do: Say how many at least, or at most",
        ),
        (
            "DeadLetters()",
            "warning expectation x (at) “x” counts dead letters, but there is no dead-letter queue: \
             Add one, or expect that nothing is lost",
        ),
    ] {
        assert_eq!(say(expect), [expected], "{expect}");
    }
    assert_eq!(say("InOrder()"), [""; 0]);
    // Without any key there is no order to keep.
    let unkeyed = problems(&flow(&line("", r#"takes: Fixed("1ms")"#, "", "expect x: InOrder()")));
    let unkeyed: Vec<&str> = unkeyed.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(unkeyed, ["“x” asks for order by key, but no event has a key"]);
}
