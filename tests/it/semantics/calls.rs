//! S21, S27, S36: who asks gets one answer or learns that there is none; who takes too long is cancelled; a call that is
//! lost is made again, or ends where everybody can see it.

use eventloom::trace::{Leg, NoReply, Reason, What};

use crate::support::Run;

/// A gateway that asks ten times in a second, and a service that answers.
fn asks(gateway: &str, service: &str, more: &str) -> Run {
    Run::new(&format!(
        r#"g = Gateway(requests: (emits: "ask", rate: Constant("10/s"), stops_after: 10), replies: "answer", {gateway})
           bus = Bus
           s = Service(handlers: [(on: "ask", takes: {service}, emits: [(event: "answer")])], concurrency: 20)
           g -> bus 1ms
           bus -> s 1ms (topics: ["ask"])
           s -> bus 1ms
           bus -> g 1ms (topics: ["answer"])
           {more}"#
    ))
}

fn ends(run: &Run) -> [usize; 3] {
    ["replied", "timed_out", "no_responders"].map(|how| run.fold.guards.ended(how))
}

#[test]
fn s21_a_gateway_publishes_subscribes_and_calls_and_nothing_else_comes_to_it() {
    use crate::support::flow::{flow, node_id};
    use eventloom::model::{LinkKind, LinkRefusal};

    let flow = flow(
        "g = Gateway\nh = Gateway\nbus = Bus\np = Producer\nc = Consumer\ns = Service\nf = Function\nd = DeadLetterQueue",
    );
    let link = |from: &str, to: &str| flow.possible_link(&node_id(from), &node_id(to));
    assert!(matches!(link("g", "bus"), Ok(Some(LinkKind::Publish(_)))));
    assert!(matches!(link("bus", "g"), Ok(Some(LinkKind::Subscribe(_)))));
    assert!(matches!(link("g", "s"), Ok(Some(LinkKind::Call(_)))));
    assert!(matches!(link("g", "f"), Ok(Some(LinkKind::Call(_)))));
    for (from, to) in [("s", "g"), ("f", "g"), ("p", "g"), ("g", "h"), ("g", "c")] {
        assert_eq!(link(from, to), Err(LinkRefusal::NeedsBus), "{from} {to}");
    }
    assert_eq!(link("g", "p"), Err(LinkRefusal::IntoProducer));
    assert_eq!(link("g", "d"), Err(LinkRefusal::NothingToGiveUp));
}

#[test]
fn s21_a_reply_in_time_answers_its_request() {
    let mut run = asks(r#"deadline: "1s""#, r#"Fixed("50ms")"#, "");
    run.until("10s");
    assert_eq!(ends(&run), [10, 0, 0]);
    assert_eq!(run.fold.guards.orphans(), 0);
    let trips: Vec<u64> = run
        .records()
        .filter_map(|record| match record.what {
            What::Replied { round_trip, .. } => Some(round_trip.as_nanos() / 1_000_000),
            _ => None,
        })
        .collect();
    assert_eq!(trips, [54; 10], "four ways of a millisecond each, and the handling");
}

#[test]
fn s21_a_deadline_is_kept_to_the_nanosecond() {
    // The reply is there 54 ms after the request: at the deadline is in time, a nanosecond later is not.
    for (deadline, expected, orphans) in [("54ms", [10, 0, 0], 0), ("53999999ns", [0, 10, 0], 10)] {
        let mut run = asks(&format!(r#"deadline: "{deadline}""#), r#"Fixed("50ms")"#, "");
        run.until("10s");
        assert_eq!((ends(&run), run.fold.guards.orphans()), (expected, orphans), "{deadline}");
    }
}

#[test]
fn s21_the_first_reply_wins_and_later_ones_are_orphans() {
    // Two that answer, the quicker one first.
    let mut run = asks(
        r#"deadline: "1s""#,
        r#"Fixed("50ms")"#,
        r#"t = Service(handlers: [(on: "ask", takes: Fixed("20ms"), emits: [(event: "answer", count: 2)])], concurrency: 20)
           bus -> t 1ms (topics: ["ask"])
           t -> bus 1ms"#,
    );
    run.until("10s");
    assert_eq!(ends(&run), [10, 0, 0]);
    assert_eq!(run.fold.guards.orphans(), 20);
    let by_t = run.count(|what| matches!(what, What::Replied { reply, .. } if reply.origin() == run.node("t")));
    assert_eq!(by_t, 10);
}

#[test]
fn s21_with_no_listener_it_is_known_at_once() {
    let mut run = Run::new(
        r#"g = Gateway(requests: (emits: "ask", rate: ByHand), deadline: "1s")
           bus = Bus
           c = Consumer
           g -> bus 1ms
           bus -> c (topics: ["other"])
           bus -> g (topics: [">"])"#,
    );
    run.fire("g", 1);
    run.until("10s");
    // It hears its own request; that is no listener, and no reply.
    run.tells(
        "requested replied unanswered orphaned",
        "0s g requested g#0 until 1s
         1ms g unanswered g#0 no_responders",
    );
    // Without any way at all there is nothing to wait for either.
    let mut run = Run::new("g = Gateway(requests: (rate: ByHand))");
    run.fire("g", 1);
    run.until("10s");
    run.tells("unanswered", "0s g unanswered g#0 no_responders");
    // A filter that lets nothing through is no listener; a bus that is gone is none.
    for (settings, faults) in [
        (r#"(topics: ["ask"], filter: "false")"#, ""),
        (r#"(topics: ["ask"])"#, r#"fault dies (on: Node("bus"), kind: Crash)"#),
    ] {
        let mut run = Run::new(&format!(
            r#"g = Gateway(requests: (emits: "ask", rate: ByHand))
               bus = Bus
               c = Consumer
               g -> bus
               bus -> c {settings}
               {faults}"#
        ));
        run.until("1ms");
        run.fire("g", 3);
        run.until("10s");
        assert_eq!(ends(&run), [0, 0, 3], "{settings} {faults}");
    }
}

#[test]
fn s21_a_lost_request_times_out_for_nobody_knows() {
    let mut run = asks(r#"deadline: "1s""#, r#"Fixed("5ms")"#, r#"fault cut (on: Link("g->bus"), kind: Drop())"#);
    run.until("10s");
    assert_eq!(ends(&run), [0, 10, 0]);
}

#[test]
fn s21_two_gateways_that_share_a_topic_of_replies_take_only_their_own() {
    let mut run = asks(
        r#"deadline: "1s""#,
        r#"Fixed("5ms")"#,
        r#"h = Gateway(requests: (emits: "ask", rate: Constant("7/s"), stops_after: 7), replies: "answer")
           h -> bus 1ms
           bus -> h 1ms (topics: ["answer"])"#,
    );
    run.until("10s");
    assert_eq!(ends(&run), [17, 0, 0]);
    assert_eq!(run.fold.guards.orphans(), 0);
}

#[test]
fn s21_the_request_is_known_through_calls_and_further_services() {
    let mut run = Run::new(
        r#"g = Gateway(requests: (emits: "ask", rate: Constant("10/s"), stops_after: 10), replies: "answer")
           bus = Bus
           s = Service(handlers: [(on: "ask", takes: Fixed("1ms"), emits: [(event: "step")])])
           t = Service(handlers: [(on: "step", takes: Fixed("1ms"), emits: [(event: "answer", after: Fixed("3ms"))])])
           g -> s 1ms
           s -> t 1ms
           t -> bus 1ms
           bus -> g 1ms (topics: ["answer"])"#,
    );
    run.until("10s");
    assert_eq!(ends(&run), [10, 0, 0]);
}

#[test]
fn s21_a_crashed_gateway_forgets_and_whoever_asked_times_out() {
    let mut run = asks(
        r#"deadline: "1s""#,
        r#"Fixed("300ms")"#,
        r#"fault dies (at: "450ms", for: "10ms", on: Node("g"), kind: Crash)"#,
    );
    run.until("10s");
    // Those of 200, 300 and 400 ms were not answered when it crashed; it paces anew afterwards.
    let [replied, timed_out, none] = ends(&run);
    assert_eq!((timed_out, none, replied + timed_out), (3, 0, 10));
    assert_eq!(run.fold.guards.orphans(), 3);
}

#[test]
fn s21_an_edit_that_removes_a_gateway_ends_its_requests() {
    let mut run = asks(r#"deadline: "1s""#, r#"Fixed("300ms")"#, "");
    run.until("350ms");
    run.remove_node("g");
    run.until("10s");
    let purged = run.count(|what| matches!(what, What::Unanswered { why: NoReply::Purged, .. }));
    assert_eq!((purged, run.fold.guards.ended("purged")), (3, 3));
}

#[test]
fn s27_a_handling_past_its_timeout_is_cancelled_and_emits_nothing() {
    let play = |takes: &str, timeout: &str| {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 10)
               bus = Bus
               s = Service(handlers: [(on: "a", takes: {takes}, emits: [(event: "b")])], timeout: "{timeout}")
               c = Consumer(takes: Fixed("0s"))
               p -> bus
               bus -> s (topics: ["a"], deliveries: 2, backoff: Fixed("10ms"))
               s -> bus
               bus -> c (topics: ["b"])"#
        ));
        run.until("60s");
        run
    };
    // Exactly as long as it may is in time.
    assert_eq!(play(r#"Fixed("50ms")"#, "50ms").summary("s"), "emitted 10 received 10 handled 10 acked 10");
    let late = play(r#"Fixed("50ms")"#, "49999999ns");
    assert_eq!(late.count(|what| matches!(what, What::Failed { reason: Reason::Timeout, .. })), 20);
    assert_eq!(late.count(|what| matches!(what, What::Emitted { cause: Some(_), .. })), 0);
    assert_eq!(late.fold.totals().dropped, 10);
    // Some in time, some not: what is emitted is what was handled, and each emission ends with its handling.
    let mixed = play(r#"Exponential(mean: "50ms")"#, "50ms");
    let emitted = mixed.count(|what| matches!(what, What::Emitted { cause: Some(_), .. }));
    let handled = |record: &&eventloom::trace::Record<'_>| matches!(record.what, What::Handled { node, .. } if node == mixed.node("s"));
    assert_eq!(emitted, mixed.records().filter(handled).count());
    assert!(emitted > 0 && mixed.count(|what| matches!(what, What::Failed { .. })) > 0);
}

#[test]
fn s27_consumers_functions_and_slow_nodes_have_timeouts_too() {
    for worker in [
        r#"Consumer(takes: Fixed("50ms"), timeout: "20ms")"#,
        r#"Function(handlers: [(takes: Fixed("50ms"))], timeout: "20ms", cold_start: Fixed("1s"))"#,
    ] {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 3)
               bus = Bus
               w = {worker}
               p -> bus
               bus -> w (deliveries: 1)"#
        ));
        run.until("60s");
        let took = run.records().filter_map(|record| match record.what {
            What::Failed { reason: Reason::Timeout, service, .. } => Some(service.as_nanos() / 1_000_000),
            _ => None,
        });
        assert_eq!(took.collect::<Vec<_>>(), [20, 20, 20], "{worker}");
    }
    let mut slow = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 4)
           bus = Bus
           c = Consumer(takes: Fixed("15ms"), timeout: "20ms")
           p -> bus
           bus -> c (deliveries: 1)
           fault tired (at: "2500ms", on: Node("c"), kind: Slow(by: "5x"))"#,
    );
    slow.until("60s");
    assert_eq!(slow.summary("c"), "received 4 handled 2 failed 2 acked 2");
}

/// A service that calls another one ten times a second.
fn calls(call: &str, callee: &str, more: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "a", rate: Constant("10/s"), stops_after: 10)
           bus = Bus
           s = Service(handlers: [(on: "a", takes: Fixed("0s"), emits: [(event: "b")])])
           t = Service(handlers: [(on: "b", takes: {callee})])
           dlq = DeadLetterQueue
           p -> bus
           bus -> s
           s -> t 1ms ({call})
           {more}"#
    ))
}

#[test]
fn s27_a_caller_waits_no_longer_than_its_timeout() {
    // Handling takes 150 ms and one waits for the other: the second has waited 51 ms when its turn comes, and is cut short.
    let mut run = calls(r#"timeout: "200ms""#, r#"Fixed("150ms")"#, "");
    run.until("60s");
    let failed = run.count(|what| matches!(what, What::Failed { reason: Reason::Timeout, .. }));
    let handled = run.count(|what| matches!(what, What::Handled { node, .. } if *node == run.node("t")));
    assert!(failed > 0 && handled > 0 && failed + handled <= 10, "{failed} {handled}");
    for record in run.records() {
        if let What::Failed { service, reason: Reason::Timeout, .. } = record.what {
            assert!(service.as_nanos() < 150_000_000);
        }
    }
    assert_eq!(run.fold.figures(run.sub("t")).open(), 0);
    // What never begins is cancelled where it waits.
    let mut run = calls(r#"timeout: "30ms", dead_letters: "dlq""#, r#"Fixed("500ms")"#, "");
    run.until("60s");
    let ends = run.fold.figures(run.sub("t"));
    assert_eq!((ends.acked, ends.dead_lettered), (0, 10));
}

#[test]
fn s27_a_callee_that_stands_still_is_not_waited_for() {
    let mut run = calls(
        r#"timeout: "50ms", dead_letters: "dlq""#,
        r#"Fixed("20ms")"#,
        r#"fault stops (at: "110ms", for: "5s", on: Node("t"), kind: Pause)"#,
    );
    run.until("2s");
    // The first was being handled, the others came to its door: all have ended while it stood.
    let cancelled = run.count(|what| matches!(what, What::Cancelled { .. }));
    let cut = run.count(|what| matches!(what, What::Failed { reason: Reason::Timeout, .. }));
    assert_eq!((cut, cancelled, run.fold.figures(run.sub("t")).dead_lettered), (1, 9, 10));
    run.until("60s");
    assert_eq!(run.fold.totals().open(), 0);
}

#[test]
fn s36_a_lost_call_is_made_again_or_ends_where_all_can_see_it() {
    let mut run = calls(
        r#"deliveries: 50, backoff: Fixed("20ms")"#,
        r#"Fixed("1ms")"#,
        r#"fault lossy (on: Link("s->t"), kind: Drop(chance: 0.5))"#,
    );
    run.until("60s");
    assert!(run.count(|what| matches!(what, What::LinkLost { leg: Leg::Call, .. })) > 0);
    assert_eq!(run.fold.figures(run.sub("t")).acked, 10, "every call came through in the end");

    let mut run = calls(
        r#"deliveries: 3, backoff: Fixed("20ms"), dead_letters: "dlq""#,
        r#"Fixed("1ms")"#,
        r#"fault cut (on: Link("s->t"), kind: Partition)"#,
    );
    run.until("60s");
    let ends = run.fold.figures(run.sub("t"));
    assert_eq!((ends.obligations, ends.dead_lettered), (10, 10));
    assert_eq!(run.count(|what| matches!(what, What::LinkLost { .. })), 30);
    assert_eq!(run.count(|what| matches!(what, What::DeadLettered { reason: Reason::Unreachable, .. })), 10);

    // Once is not again: it ends at once, and is seen.
    let mut run = calls("", r#"Fixed("1ms")"#, r#"fault cut (on: Link("s->t"), kind: Partition)"#);
    run.until("60s");
    assert_eq!(run.count(|what| matches!(what, What::Dropped { reason: Reason::Unreachable, .. })), 10);
}

#[test]
fn s36_a_crash_of_the_caller_ends_what_it_would_have_called_again() {
    let mut run = calls(
        r#"deliveries: 50, backoff: Fixed("10s")"#,
        r#"Fixed("1ms")"#,
        r#"fault cut (on: Link("s->t"), kind: Partition)
           fault dies (at: "5s", for: "1s", on: Node("s"), kind: Crash)"#,
    );
    run.until("60s");
    assert_eq!(run.count(|what| matches!(what, What::Dropped { reason: Reason::Down, .. })), 10);
    assert_eq!(run.fold.figures(run.sub("t")).open(), 0);
}

#[test]
fn s36_what_waits_before_a_full_queue_is_lost_with_its_node() {
    let rows = |faults: &str| {
        format!(
            r#"p = Producer(emits: "a", rate: Constant("100/s"), stops_after: 20)
               q = Producer(emits: "a", rate: Constant("10/s"), stops_after: 5)
               bus = Bus
               c = Consumer(takes: Fixed("100ms"))
               p -> bus
               q -> bus
               bus -> c (prefetch: 1, queue: (records: 2, bytes: "1 MiB"))
               {faults}"#
        )
    };
    let mut crashed = Run::new(&rows(r#"fault dies (at: "305ms", for: "1s", on: Node("p"), kind: Crash)"#));
    crashed.until("305ms");
    let waiting = crashed.fold.publishes().on_wire;
    assert!(waiting >= 1);
    crashed.until("60s");
    let lost = crashed.count(|what| matches!(what, What::LinkLost { leg: Leg::Publish, .. }));
    assert_eq!(lost, 1, "p waits with one; what q waits with stays");
    let publishes = crashed.fold.publishes();
    assert_eq!((publishes.on_wire, publishes.link_lost), (0, 1));
    assert_eq!(crashed.fold.totals().acked, publishes.accepted);
}
