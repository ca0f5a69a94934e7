//! S29: a saga ends completed or compensated, whatever happens on the way, and says so when it cannot.

use std::collections::BTreeMap;

use eventloom::model::{EventId, StartAt};
use eventloom::trace::{Kept, SagaMove, What};
use proptest::prelude::*;

use crate::support::Run;
use crate::support::flow::flow;

/// A trip: a hotel, a car, a flight. Each answers as its settings say.
fn trip(saga: &str, hotel: &str, car: &str, flight: &str, more: &str) -> String {
    format!(
        r#"p = Producer(emits: "trip", rate: ByHand)
           bus = Bus
           saga = Service(
               handlers: [(on: ">", takes: Fixed("1ms"))],
               saga: (starts: "trip", {saga} completed: "trip.booked", compensated: "trip.off", steps: [
                   (command: "hotel", done: "hotel.ok", refused: "hotel.no", undo: "hotel.off", undone: "hotel.gone", timeout: "100ms"),
                   (command: "car", done: "car.ok", refused: "car.no", undo: "car.off", undone: "car.gone", timeout: "100ms"),
                   (command: "flight", done: "flight.ok", refused: "flight.no", timeout: "100ms"),
               ]),
           )
           hotel = Service(handlers: [{hotel}, (on: "hotel.off", takes: Fixed("5ms"), emits: [(event: "hotel.gone")])])
           car = Service(handlers: [{car}, (on: "car.off", takes: Fixed("5ms"), emits: [(event: "car.gone")])])
           flight = Service(handlers: [{flight}])
           p -> bus
           bus -> saga (topics: ["trip", "hotel.*", "car.*", "flight.*"], deliveries: 20, ack_wait: "300ms", backoff: Fixed("5ms"))
           bus -> hotel (topics: ["hotel", "hotel.off"], deliveries: 20, ack_wait: "300ms", backoff: Fixed("5ms"))
           bus -> car (topics: ["car", "car.off"], deliveries: 20, ack_wait: "300ms", backoff: Fixed("5ms"))
           bus -> flight (topics: ["flight"], deliveries: 20, ack_wait: "300ms", backoff: Fixed("5ms"))
           saga -> bus
           hotel -> bus
           car -> bus
           flight -> bus
           {more}"#
    )
}

fn says(name: &str, what: &str) -> String {
    format!(r#"(on: "{name}", takes: Fixed("10ms"), emits: [(event: "{name}.{what}")])"#)
}

/// Answers with yes or, as often as this, with no.
fn maybe(name: &str, no: f64) -> String {
    format!(
        r#"(on: "{name}", takes: Exponential(mean: "10ms"), pick: One,
            emits: [(event: "{name}.no", chance: {no}), (event: "{name}.ok", chance: {})])"#,
        1.0 - no
    )
}

#[test]
fn s29_all_steps_one_after_the_other() {
    let mut run = Run::new(&trip("", &says("hotel", "ok"), &says("car", "ok"), &says("flight", "ok"), ""));
    run.fire_key("p", "t1");
    run.until("1s");
    run.tells(
        "saga",
        "1ms saga saga p#0 0 step 0 started
         1ms saga saga p#0 0 step 0 asked
         12ms saga saga hotel#0 0 step 0 done
         12ms saga saga hotel#0 0 step 1 asked
         23ms saga saga car#0 0 step 1 done
         23ms saga saga car#0 0 step 2 asked
         34ms saga saga flight#0 0 step 2 done
         34ms saga saga flight#0 0 step 3 completed",
    );
    let keys: Vec<&str> = run.kept.keys.values().map(String::as_str).collect();
    assert!(keys.iter().all(|key| *key == "t1"), "every event of a saga has its key: {keys:?}");
}

#[test]
fn s29_a_refusal_undoes_what_was_done_the_latest_first() {
    let mut run = Run::new(&trip("", &says("hotel", "ok"), &says("car", "ok"), &says("flight", "no"), ""));
    run.fire_key("p", "t1");
    run.until("1s");
    run.tells(
        "saga",
        "1ms saga saga p#0 0 step 0 started
         1ms saga saga p#0 0 step 0 asked
         12ms saga saga hotel#0 0 step 0 done
         12ms saga saga hotel#0 0 step 1 asked
         23ms saga saga car#0 0 step 1 done
         23ms saga saga car#0 0 step 2 asked
         34ms saga saga flight#0 0 step 2 refused
         34ms saga saga flight#0 0 step 1 undoing
         40ms saga saga car#1 0 step 1 undone
         40ms saga saga car#1 0 step 0 undoing
         46ms saga saga hotel#1 0 step 0 undone
         46ms saga saga hotel#1 0 step 0 compensated",
    );
}

#[test]
fn s29_a_step_that_is_never_answered_is_undone_too() {
    let silent = r#"(on: "car", takes: Fixed("10ms"))"#;
    let mut run = Run::new(&trip("tries: 2,", &says("hotel", "ok"), silent, &says("flight", "ok"), ""));
    run.fire_key("p", "t1");
    run.until("1s");
    run.tells(
        "saga",
        "1ms saga saga p#0 0 step 0 started
         1ms saga saga p#0 0 step 0 asked
         12ms saga saga hotel#0 0 step 0 done
         12ms saga saga hotel#0 0 step 1 asked
         112ms saga saga hotel#0 0 step 1 asked attempt 2
         212ms saga saga hotel#0 0 step 1 in_doubt
         212ms saga saga hotel#0 0 step 1 undoing
         218ms saga saga car#0 0 step 1 undone
         218ms saga saga car#0 0 step 0 undoing
         224ms saga saga hotel#1 0 step 0 undone
         224ms saga saga hotel#1 0 step 0 compensated",
    );
}

#[test]
fn s29_an_answer_that_comes_too_late_moves_nothing() {
    let slow = r#"(on: "car", takes: Fixed("250ms"), emits: [(event: "car.ok")])"#;
    let mut run = Run::new(&trip("", &says("hotel", "ok"), slow, &says("flight", "ok"), ""));
    run.fire_key("p", "t1");
    run.until("2s");
    let story = run.story("saga");
    let moves: Vec<&str> = story.lines().map(|line| line.rsplit(' ').next().expect("words")).collect();
    // The undoing was asked for twice, and is answered twice.
    let expected = "started asked done asked in_doubt undoing 2 ignored undone undoing ignored undone compensated";
    assert_eq!(moves.join(" "), expected, "{story}");
}

#[test]
fn s29_a_compensation_that_is_never_answered_is_stuck_for_all_to_see() {
    let mut run = Run::new(&trip(
        "undo_tries: 3,",
        &says("hotel", "ok"),
        &says("car", "no"),
        &says("flight", "ok"),
        r#"fault gone (at: "15ms", on: Node("hotel"), kind: Crash)"#,
    ));
    run.fire_key("p", "t1");
    run.until("10s");
    let story = run.story("saga");
    assert!(story.ends_with("323ms saga saga car#0 0 step 0 stuck"), "{story}");
    let now = run.kernel.sagas_now(run.node("saga")).expect("a saga");
    assert_eq!((now.stuck, now.completed, now.compensated, now.forward, now.back), (1, 0, 0, 0, 0));
}

#[test]
fn s29_what_begins_a_saga_twice_begins_one() {
    let mut run = Run::new(&trip("", &says("hotel", "ok"), &says("car", "ok"), &says("flight", "ok"), ""));
    run.fire_key("p", "t1");
    run.until("5ms");
    run.fire_key("p", "t1");
    run.fire("p", 1);
    run.until("1s");
    run.fire_key("p", "t1");
    run.until("2s");
    let moved = |is: SagaMove| {
        run.count(|what| matches!(what, What::Kept { what: Kept::Saga { is: moved, .. }, .. } if *moved == is))
    };
    // One by its key, one by the id of an event without a key.
    assert_eq!((moved(SagaMove::Started), moved(SagaMove::Completed), moved(SagaMove::Ignored)), (2, 2, 2));
}

#[test]
fn s29_s12_a_replay_moves_no_saga_unless_it_is_to_have_its_effects() {
    let moves = |settings: &str| {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: ByHand)
               bus = Bus(topics: {{"a": (keep: "1h")}})
               s = Service(handlers: [(on: ">", takes: Fixed("0s"))], saga: (starts: "a", completed: "all", compensated: "none", steps: [
                   (command: "do", done: "did", refused: "no", undo: "undo", undone: "undid", timeout: "1h"),
               ]))
               p -> bus
               s -> bus
               bus -> s (topics: ["a", "did", "no", "undid"], deliveries: 1, ack_wait: "100ms"{settings})
               fault lost (for: "1s", on: Link("bus->s"), kind: Drop(chance: 1.0))"#
        ));
        run.until("1ms");
        run.fire_key("p", "k");
        run.until("2s");
        assert_eq!(
            run.count(|what| matches!(what, What::Kept { .. })),
            0,
            "the first attempt is lost on its way, and there is no other"
        );
        run.seek("bus->s", StartAt::Start);
        run.until("3s");
        run.story("muted saga").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(moves(""), ["2s s muted p#0"]);
    assert_eq!(moves(", replay_emits: true"), ["2s s saga p#0 0 step 0 started", "2s s saga p#0 0 step 0 asked"]);
}

/// What the records tell of one saga.
#[derive(Default)]
struct Told {
    done: Vec<u32>,
    in_doubt: Option<u32>,
    undone: Vec<u32>,
    turned: bool,
    ends: Vec<SagaMove>,
}

fn sagas(run: &Run) -> BTreeMap<u32, Told> {
    let mut sagas: BTreeMap<u32, Told> = BTreeMap::new();
    for record in run.records() {
        let What::Kept { what: Kept::Saga { saga, step, is, .. }, .. } = record.what else { continue };
        if saga == u32::MAX {
            continue;
        }
        let told = sagas.entry(saga).or_default();
        match is {
            SagaMove::Started | SagaMove::Ignored => continue,
            SagaMove::Asked | SagaMove::Done => assert!(!told.turned, "saga {saga}: forward again after going back"),
            SagaMove::Refused => told.turned = true,
            SagaMove::InDoubt => {
                told.turned = true;
                told.in_doubt = Some(step);
            }
            SagaMove::Undoing => assert!(told.turned, "saga {saga}: undoes what nobody refused"),
            SagaMove::Undone => told.undone.push(step),
            SagaMove::Completed | SagaMove::Compensated | SagaMove::Stuck => {}
        }
        assert!(told.ends.is_empty(), "saga {saga}: {is:?} after its end");
        if is == SagaMove::Done {
            told.done.push(step);
        }
        if is.is_end() {
            told.ends.push(is);
        }
    }
    sagas
}

/// Of each service, the keys of the commands that it carried out, and of those that it undid, by the answers that it gave.
fn answers(run: &Run, name: &str) -> (Vec<String>, Vec<String>) {
    let node = run.node(name);
    let plan = run.plan();
    let of = |suffix: &str| {
        let emitted = run.records().filter_map(|record| match record.what {
            What::Emitted { event, kind, .. } if event.origin() == node => Some((event, kind)),
            _ => None,
        });
        let fits = |(_, kind): &(EventId, _)| plan.event_name(*kind).as_str() == format!("{name}.{suffix}");
        let mut keys: Vec<String> = emitted.filter(fits).map(|(event, _)| run.kept.keys[&event].clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    };
    (of("ok"), of("gone"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Services refuse, crash and stand still, links lose, double and hold up: every saga ends, completed or compensated;
    /// it undoes in reverse exactly what it did, and what it cannot know; and no service keeps what a saga took back.
    #[test]
    fn s29_a_saga_ends_completed_or_compensated(
        no in 0_u32..50,
        chance in 0_u32..30,
        crashes in prop::collection::vec((0_u32..900, 1_u32..250, 0_usize..5), 0..4),
        seed in 0_u64..1_000,
    ) {
        let no = f64::from(no) / 100.0;
        let mut faults = format!(
            "fault loses (for: \"900ms\", on: Links([\"saga->bus\", \"hotel->bus\", \"bus->saga\"]), kind: Drop(chance: {c}))
             fault doubles (for: \"900ms\", on: Links([\"saga->bus\", \"car->bus\"]), kind: Duplicate(chance: {c}))
             fault late (for: \"900ms\", on: Links([\"bus->car\", \"flight->bus\"]), kind: Delay(by: Exponential(mean: \"60ms\"), chance: {c}))\n",
            c = f64::from(chance) / 100.0
        );
        for (number, (at, lasts, of)) in crashes.iter().enumerate() {
            let node = ["saga", "hotel", "car", "flight", "bus"][*of];
            let crash = format!("fault c{number} (at: \"{at}ms\", for: \"{lasts}ms\", on: Node(\"{node}\"), kind: Crash)\n");
            faults.push_str(&crash);
        }
        let rows = trip("tries: 2, undo_tries: 50,", &maybe("hotel", no), &maybe("car", no), &maybe("flight", no), &faults);
        let mut run = Run::of(flow(&rows), seed);
        for number in 0..12 {
            run.fire_key("p", &format!("t{number}"));
            run.quickly(&format!("{}ms", 50 * (number + 1)));
        }
        run.quickly("60s");
        let sagas = sagas(&run);
        let mut compensated = 0;
        for (saga, told) in &sagas {
            prop_assert_eq!(told.ends.len(), 1, "saga {} has no end", saga);
            match told.ends[0] {
                SagaMove::Completed => {
                    prop_assert!(!told.turned);
                    prop_assert_eq!(&told.done, &[0, 1, 2]);
                }
                SagaMove::Compensated => {
                    compensated += 1;
                    let mut undone = told.undone.clone();
                    undone.reverse();
                    let mut owed = told.done.clone();
                    owed.extend(told.in_doubt);
                    prop_assert_eq!(undone, owed);
                }
                other => prop_assert!(false, "saga {}: {:?}", saga, other),
            }
        }
        let now = run.kernel.sagas_now(run.node("saga")).expect("a saga");
        prop_assert_eq!((now.forward, now.back, now.stuck), (0, 0, 0));
        prop_assert_eq!((now.completed + now.compensated, now.compensated), (sagas.len() as u64, compensated));
    }
}

#[test]
fn s29_no_service_keeps_what_a_saga_took_back() {
    let mut both = 0;
    for seed in 0..20 {
        let rows = trip("", &maybe("hotel", 0.2), &maybe("car", 0.3), &maybe("flight", 0.4), "");
        let mut run = Run::of(flow(&rows), seed);
        for number in 0..6 {
            run.fire_key("p", &format!("t{number}"));
            run.until(&format!("{}ms", 70 * (number + 1)));
        }
        run.until("60s");
        let ended: BTreeMap<String, SagaMove> = run
            .records()
            .filter_map(|record| match record.what {
                What::Kept { event: Some(event), what: Kept::Saga { is, .. }, .. } if is.is_end() => {
                    Some((run.kept.keys[&event].clone(), is))
                }
                _ => None,
            })
            .collect();
        for name in ["hotel", "car"] {
            let (done, undone) = answers(&run, name);
            for key in &done {
                let taken_back = undone.contains(key);
                assert_eq!(taken_back, ended[key] == SagaMove::Compensated, "seed {seed}: {name} {key}");
            }
            both += usize::from(!undone.is_empty() && undone.len() < done.len());
        }
    }
    assert!(both > 10, "some are taken back and some are not");
}
