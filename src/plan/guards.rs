//! What stands before a receiver: rate limits, circuit breakers, deadlines; and gateways, who wait for an answer.

use super::plan::{BucketPlan, Kinds, ProducerPlan, WorkerPlan};
use crate::model::{Breaker, Chance, RateLimit, SimDuration, Subscription, limits};

/// What a record has to pass before it is handed over.
#[derive(Clone, Copy)]
pub(crate) struct GatePlan {
    pub(crate) rate: Option<BucketPlan>,
    pub(crate) breaker: Option<BreakerPlan>,
}

impl GatePlan {
    /// The gate of a subscription, if it has one.
    pub(super) fn of(subscription: &Subscription) -> Option<Box<Self>> {
        let gate = Self {
            rate: subscription.rate.as_deref().map(BucketPlan::new),
            breaker: subscription.breaker.as_deref().map(BreakerPlan::new),
        };
        (gate.rate.is_some() || gate.breaker.is_some()).then(|| Box::new(gate))
    }
}

/// When a circuit breaker turns.
#[derive(Clone, Copy)]
pub(crate) struct BreakerPlan {
    /// Failures in a row; `u32::MAX` for however many.
    pub(crate) failures: u32,
    pub(crate) ratio: Option<Chance>,
    pub(crate) window: u32,
    pub(crate) reset: u64,
    pub(crate) probes: u32,
}

impl BreakerPlan {
    pub(super) fn new(breaker: &Breaker) -> Self {
        let Breaker { failures, ratio, window, reset, probes } = *breaker;
        Self {
            failures: failures.map_or(u32::MAX, |failures| failures.max(1)),
            ratio,
            window: window.clamp(1, limits::BREAKER_WINDOW),
            reset: reset.as_nanos(),
            probes: probes.max(1),
        }
    }
}

impl BucketPlan {
    pub(super) fn new(limit: &RateLimit) -> Self {
        let gap = limit.rate.mean_gap().map_or(u64::MAX, SimDuration::as_nanos);
        let slack = gap.saturating_mul(u64::from(limit.burst.max(1)) - 1);
        Self { gap, slack, over: limit.over }
    }
}

/// A gateway: a source of requests, and a place that replies come to at once.
pub(crate) struct GatewayPlan {
    pub(crate) requests: ProducerPlan,
    pub(crate) worker: WorkerPlan,
    pub(crate) replies: Kinds,
    pub(crate) deadline: u64,
}
