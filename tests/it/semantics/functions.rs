//! S25: functions that scale from zero.

use eventloom::trace::What;

use crate::support::Run;

/// A function with these settings, fed by hand through a bus.
fn function_run(settings: &str) -> Run {
    Run::new(&format!(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           f = Function(handlers: [(takes: Fixed("100ms"))], {settings})
           p -> bus
           bus -> f (prefetch: 100, deliveries: 4, backoff: Fixed("1s"))"#
    ))
}

#[test]
fn s25_each_instance_starts_cold_handles_one_at_a_time_and_goes_when_idle() {
    let mut run = function_run(r#"instances: 2, cold_start: Fixed("400ms"), keep_warm: "1s""#);
    run.fire("p", 3);
    run.until("1m");
    run.tells(
        "instance-started started handled instance-reclaimed",
        "0s f instance-started cold ready 400ms of 1
         0s f instance-started cold ready 400ms of 2
         400ms f started p#0 try 1 waited 400ms
         400ms f started p#1 try 1 waited 400ms
         500ms f handled p#0 try 1 took 100ms
         500ms f started p#2 try 1 waited 500ms
         500ms f handled p#1 try 1 took 100ms
         600ms f handled p#2 try 1 took 100ms
         1.5s f instance-reclaimed leaves 1
         1.6s f instance-reclaimed leaves 0",
    );
}

#[test]
fn s25_warm_up_to_the_last_moment_and_cold_right_after() {
    for (pause, cold) in [("500ms", 1), ("1.499999999s", 1), ("1.500000001s", 2), ("5s", 2)] {
        let mut run = function_run(r#"instances: 1, cold_start: Fixed("400ms"), keep_warm: "1s""#);
        run.fire("p", 1);
        // Handled at 500 ms, idle since: warm until 1.5 s.
        run.until(pause);
        run.fire("p", 1);
        run.until("3s");
        run.until("1m");
        assert_eq!(run.count(|what| matches!(what, What::InstanceStarted { cold: true, .. })), cold, "after {pause}");
        assert_eq!(run.summary("f"), "received 2 handled 2 acked 2");
    }
}

#[test]
fn s25_an_arrival_at_the_very_moment_of_reclaim_finds_it_warm() {
    // Idle since 500 ms, kept warm for a second: reclaimed at 1.5 s, when timers run, which is after arrivals.
    for (delay, cold) in [("1.5s", 1), ("1.500000001s", 2)] {
        let mut run = Run::new(&format!(
            r#"p = Producer(emits: "a", rate: ByHand)
               bus = Bus
               f = Function(handlers: [(takes: Fixed("100ms"))], cold_start: Fixed("400ms"), keep_warm: "1s")
               p -> bus
               p -> bus {delay}
               bus -> f"#
        ));
        run.fire("p", 1);
        run.until("1m");
        assert_eq!(run.summary("f"), "received 2 handled 2 acked 2");
        assert_eq!(run.count(|what| matches!(what, What::InstanceStarted { cold: true, .. })), cold, "after {delay}");
    }
}

#[test]
fn s25_an_event_in_time_keeps_the_instance() {
    // One a second against a keep-warm of a second and a bit: one cold start for the whole day.
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Constant("1/s"), stops_after: 1000)
           bus = Bus
           f = Function(handlers: [(takes: Fixed("100ms"))], cold_start: Fixed("400ms"), keep_warm: "950ms")
           p -> bus
           bus -> f"#,
    );
    run.until("2h");
    assert_eq!(run.count(|what| matches!(what, What::InstanceStarted { .. })), 1);
    assert_eq!(run.count(|what| matches!(what, What::InstanceReclaimed { .. })), 1);
    assert_eq!(run.summary("f"), "received 1000 handled 1000 acked 1000");
}

#[test]
fn s25_no_more_new_instances_in_ten_seconds_than_allowed() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: ByHand)
           bus = Bus
           f = Function(handlers: [(takes: Fixed("1h"))], instances: 100, cold_start: Fixed("1s"), scale_out: 2)
           p -> bus
           bus -> f (prefetch: 100, ack_wait: "2h")"#,
    );
    run.fire("p", 5);
    run.until("1m");
    run.tells(
        "instance-started",
        "0s f instance-started cold ready 1s of 1
         0s f instance-started cold ready 1s of 2
         10s f instance-started cold ready 11s of 3
         10s f instance-started cold ready 11s of 4
         20s f instance-started cold ready 21s of 5",
    );
}

#[test]
fn s25_provisioned_instances_are_warm_and_stay() {
    let mut run = function_run(r#"instances: 3, provisioned: 2, cold_start: Fixed("400ms"), keep_warm: "1s""#);
    run.until("10s");
    run.fire("p", 3);
    run.until("1m");
    let created = run.count(|what| matches!(what, What::InstanceStarted { .. }));
    let cold = run.count(|what| matches!(what, What::InstanceStarted { cold: true, .. }));
    assert_eq!(cold + 2, created, "cold starts = instances created - provisioned");
    assert!(cold <= 1, "two of three found a warm instance");
    let at_once =
        run.records().filter(|record| matches!(record.what, What::Started { .. }) && record.at.as_secs_f64() == 10.0);
    assert_eq!(at_once.count(), 2);
    let left = run.records().filter_map(|record| match record.what {
        What::InstanceStarted { instances, .. } | What::InstanceReclaimed { instances, .. } => Some(instances),
        _ => None,
    });
    assert_eq!(left.last(), Some(2), "the provisioned ones are never given back");
}

#[test]
fn s25_over_the_limit_waits_is_handed_back_or_refused() {
    let settings = |over| format!(r#"instances: 1, cold_start: Fixed("0s"), keep_warm: "1h", over_limit: {over}"#);
    let mut run = function_run(&settings("Queue"));
    run.fire("p", 3);
    run.until("1m");
    assert_eq!(run.summary("f"), "received 3 handled 3 acked 3");
    assert_eq!(run.fold.redeliveries(), 0);

    let mut run = function_run(&settings("Retry"));
    run.fire("p", 3);
    run.until("1m");
    run.tells(
        "throttled handled",
        "0s f throttled p#1 try 1
         0s f throttled p#2 try 1
         100ms f handled p#0 try 1 took 100ms
         1s f throttled p#2 try 2
         1.1s f handled p#1 try 2 took 100ms
         2.1s f handled p#2 try 3 took 100ms",
    );

    let mut run = function_run(&settings("Reject"));
    run.fire("p", 3);
    run.until("1m");
    assert_eq!(run.summary("f"), "received 3 handled 1 throttled 2 acked 1");
    assert_eq!(run.fold.totals().dropped, 2);
}

#[test]
fn s25_a_busy_day_never_breaks_the_limits() {
    let mut run = Run::new(
        r#"p = Producer(emits: "a", rate: Bursts(size: 30, every: "7s", within: "2s"), stops_after: 600, key: Uniform(5))
           bus = Bus
           f = Function(
               handlers: [(takes: Exponential(mean: "300ms"), fails: 0.1, emits: [(event: "b", chance: 0.5)])],
               instances: 12, provisioned: 1, cold_start: LogNormal(median: "300ms", p99: "2s"), keep_warm: "3s",
               scale_out: 5,
           )
           g = Function(handlers: [(takes: Exponential(mean: "100ms"))], instances: 4, keep_warm: "1s", over_limit: Retry)
           p -> bus
           bus -> f (deliveries: 3)
           f -> g (deliveries: 5, backoff: Fixed("200ms"))"#,
    );
    run.until("1h");
    let created = run.count(|what| matches!(what, What::InstanceStarted { .. }));
    let cold = run.count(|what| matches!(what, What::InstanceStarted { cold: true, .. }));
    assert_eq!(created, cold + 1, "cold starts = instances created - provisioned");
    let reclaimed = run.count(|what| matches!(what, What::InstanceReclaimed { .. }));
    assert_eq!(created, reclaimed + 1, "in the end all but the provisioned one are gone");
    assert_eq!(run.fold.totals().open(), 0);
}
