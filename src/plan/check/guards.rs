//! Rate limits, circuit breakers and timeouts that can do nothing, or nothing but harm.

use super::Findings;
use super::settings::At;
use super::wiring::Wiring;
use crate::model::{Breaker, Call, Distribution, Guarantee, LinkKind, NodeKind, SimDuration, Subscription, limits};

pub(super) fn subscription(at: &mut At<'_, '_>, subscription: &Subscription) {
    if let Some(rate) = &subscription.rate {
        if rate.rate.is_zero() && rate.burst > 0 {
            let what = "has a rate of 0: it hands nothing over when its burst is used up";
            at.error("rate.rate", "zero", what, "Say how many it may hand over, as in 10/s");
        }
        at.not_zero("rate.burst", u64::from(rate.burst), "lets nothing through: the burst of its rate is 0");
    }
    let Some(breaker) = &subscription.breaker else { return };
    self::breaker(at, breaker);
    if subscription.guarantee == Guarantee::AtMostOnce {
        let what = "has a circuit breaker, but hears of no failure: at most once, it is settled at hand-over";
        at.error("breaker", "breaker-deaf", what, "Promise at least once, or remove the circuit breaker");
    }
    if breaker.probes > subscription.max_in_flight && subscription.max_in_flight > 0 {
        let what = format!(
            "lets {} probes through, but only {} may be in flight at once",
            breaker.probes, subscription.max_in_flight
        );
        at.warning("breaker.probes", "breaker-probes", &what, "Ask fewer probes, or allow more in flight");
    }
}

pub(super) fn call(at: &mut At<'_, '_>, call: &Call) {
    if call.timeout.is_some_and(SimDuration::is_zero) {
        at.error("timeout", "zero", "waits no time: each call times out at once", "Say how long, as in 500ms");
    }
    if let Some(breaker) = &call.breaker {
        self::breaker(at, breaker);
    }
}

fn breaker(at: &mut At<'_, '_>, breaker: &Breaker) {
    let Breaker { failures, ratio, window, reset, probes } = *breaker;
    if failures.is_none() && ratio.is_none() {
        let what = "has a circuit breaker that nothing opens";
        at.error("breaker", "breaker-never", what, "Say how many failures in a row open it, or which share");
    }
    at.not_zero(
        "breaker.failures",
        u64::from(failures.unwrap_or(1)),
        "has a circuit breaker that opens after 0 failures",
    );
    if ratio.is_some_and(|ratio| ratio.billionths() == 0) {
        let what = "has a circuit breaker that opens when nothing failed";
        at.error("breaker.ratio", "zero", what, "Say which share of failures opens it, as in 0.5");
    }
    at.not_zero("breaker.window", u64::from(window), "has a circuit breaker that looks back on 0 outcomes");
    if window > limits::BREAKER_WINDOW {
        let what = format!("has a circuit breaker that looks back on more than {} outcomes", limits::BREAKER_WINDOW);
        at.error("breaker.window", "breaker-window", &what, "Let it look back on fewer");
    }
    if reset.is_zero() {
        let what = "has a circuit breaker that is open for no time";
        at.error("breaker.reset", "zero", what, "Say how long it stays open, as in 30s");
    }
    at.not_zero(
        "breaker.probes",
        u64::from(probes),
        "has a circuit breaker that never closes: it lets 0 probes through",
    );
}

/// A timeout of a node, and how long its handlings take.
pub(super) fn timeout(at: &mut At<'_, '_>, timeout: Option<SimDuration>, takes: &[Distribution]) {
    let Some(timeout) = timeout else { return };
    if timeout.is_zero() {
        at.error("timeout", "zero", "cancels each handling at once: its timeout is 0", "Say how long, as in 5s");
        return;
    }
    let is_hopeless = |takes: &Distribution| match *takes {
        Distribution::Fixed(takes) => takes > timeout,
        Distribution::Uniform { min, .. } => min > timeout,
        _ => false,
    };
    if takes.iter().any(is_hopeless) {
        let what = format!("never finishes what takes it longer than {timeout}: it is cancelled every time");
        at.warning("timeout", "timeout-hopeless", &what, "Make the timeout longer than handling takes");
    }
}

/// Timeouts that come too late: the bus has lost patience by then.
pub(super) fn check(wiring: &Wiring<'_>, findings: &mut Findings) {
    for (link, wire) in wiring.links.iter().enumerate() {
        let LinkKind::Subscribe(subscription) = &wire.link.kind else { continue };
        let timeout = match &wiring.nodes[wire.to].1.kind {
            NodeKind::Consumer(consumer) => consumer.timeout,
            NodeKind::Service(service) => service.timeout,
            NodeKind::Function(function) => function.timeout,
            _ => None,
        };
        if let Some(timeout) = timeout
            && subscription.guarantee == Guarantee::AtLeastOnce
            && timeout >= subscription.ack_wait
        {
            let what = format!(
                "“{}” may take {timeout}, but the bus waits {} for its answer: it hands the record over again before",
                wiring.title(wire.to),
                subscription.ack_wait
            );
            let place = wiring.at_link(link, Some("ack_wait".to_owned()));
            findings.warning(place, "timeout-late", what, "Make the ack wait longer than the timeout");
        }
    }
}
