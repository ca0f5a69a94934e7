//! Settings that are wrong by themselves, whatever is around them.

use std::path::{Component, Path};

use super::Findings;
use super::guards;
use super::wiring::Wiring;
use crate::model::{
    Backoff, Bus, Distribution, Function, Guarantee, Handler, Key, LinkKind, NodeKind, Pacing, Pick, Producer,
    QueueLimit, RateLimit, RateStep, SimDuration, Subscription, limits,
};
use crate::plan::problem::Place;

pub(super) fn check(wiring: &Wiring<'_>, findings: &mut Findings) {
    if wiring.flow.hop_limit() == 0 && !wiring.nodes.is_empty() {
        let what = "The hop limit is 0: every event would be taken for a loop";
        findings.error(Place::Flow, "zero", what, "Set it to 64, or to as many hops as the longest way has");
    }
    for node in 0..wiring.nodes.len() {
        check_node(&mut At { wiring, findings, of: Of::Node(node), prefix: "" }, node);
    }
    for link in 0..wiring.links.len() {
        check_link(&mut At { wiring, findings, of: Of::Link(link), prefix: "" }, link);
    }
}

/// A node or link that is being looked at.
pub(super) struct At<'a, 'b> {
    wiring: &'a Wiring<'b>,
    findings: &'a mut Findings,
    of: Of,
    /// What its settings are part of.
    prefix: &'static str,
}

#[derive(Clone, Copy)]
enum Of {
    Node(usize),
    Link(usize),
}

impl At<'_, '_> {
    fn place(&self, field: &str) -> Place {
        let field = format!("{}{field}", self.prefix);
        match self.of {
            Of::Node(node) => self.wiring.at_node(node, Some(field)),
            Of::Link(link) => self.wiring.at_link(link, Some(field)),
        }
    }

    /// Who it is, as the subject of a sentence.
    fn who(&self) -> String {
        match self.of {
            Of::Node(node) => format!("“{}”", self.wiring.title(node)),
            Of::Link(link) => format!("The link {}", self.wiring.way(link)),
        }
    }

    pub(super) fn error(&mut self, field: &str, code: &'static str, what: &str, hint: &str) {
        let (place, what) = (self.place(field), format!("{} {what}", self.who()));
        self.findings.error(place, code, what, hint);
    }

    pub(super) fn warning(&mut self, field: &str, code: &'static str, what: &str, hint: &str) {
        let (place, what) = (self.place(field), format!("{} {what}", self.who()));
        self.findings.warning(place, code, what, hint);
    }

    pub(super) fn not_zero(&mut self, field: &str, value: u64, what: &str) {
        if value == 0 {
            self.error(field, "zero", what, "Set it to at least 1");
        }
    }

    fn distribution(&mut self, field: &str, distribution: &Distribution) {
        if let Some(fault) = distribution.fault() {
            let what = format!("says how long something takes, but {fault}");
            self.error(field, "distribution", &what, "Change the figures so that they fit together");
        }
    }
}

fn check_node(at: &mut At<'_, '_>, node: usize) {
    match &at.wiring.nodes[node].1.kind {
        NodeKind::Producer(producer) => check_producer(at, producer),
        NodeKind::Bus(bus) => check_bus(at, bus),
        NodeKind::Consumer(consumer) => {
            at.not_zero("concurrency", u64::from(consumer.concurrency), "handles no event at all: it does 0 at once");
            at.distribution("takes", &consumer.takes);
            check_rate_limit(at, consumer.rate_limit);
            guards::timeout(at, consumer.timeout, std::slice::from_ref(&consumer.takes));
        }
        NodeKind::Service(service) => {
            at.not_zero("concurrency", u64::from(service.concurrency), "handles no event at all: it does 0 at once");
            check_rate_limit(at, service.rate_limit);
            guards::timeout(at, service.timeout, &takes(&service.handlers));
            check_handlers(at, &service.handlers);
        }
        NodeKind::Function(function) => check_function(at, function),
        NodeKind::DeadLetterQueue(queue) => {
            if queue.keep_records == Some(0) {
                at.error("keep_records", "zero", "keeps no record at all", "Set it to at least 1, or leave it out");
            }
        }
        NodeKind::Gateway(gateway) => {
            if gateway.deadline.is_zero() {
                let what = "waits no time for a reply, so that each request times out at once";
                at.error("deadline", "zero", what, "Say how long it waits, as in 1s");
            }
            at.prefix = "requests.";
            check_producer(at, &gateway.requests);
        }
        NodeKind::Note(_) => {}
    }
}

// ---- producers ----------------------------------------------------------------------------------------------------

fn check_producer(at: &mut At<'_, '_>, producer: &Producer) {
    check_key(at, "key", &producer.key);
    match &producer.rate {
        Pacing::ByHand | Pacing::Constant(_) | Pacing::Poisson(_) => {}
        Pacing::Bursts { size, every, within: _ } => {
            at.not_zero("rate.size", u64::from(*size), "emits bursts of 0 events");
            if every.is_zero() {
                let hint = "Say from the beginning of one burst to that of the next, as in 10s";
                at.error("rate.every", "zero", "emits burst after burst with no time in between", hint);
            } else if f64::from(*size) / every.as_secs_f64() > limits::RATE_PER_SECOND as f64 {
                let what = format!("emits more than {} events a second", limits::RATE_PER_SECOND);
                at.error("rate", "rate-too-high", &what, "Make the bursts smaller, or rarer");
            }
        }
        Pacing::Schedule { steps, ramp: _, repeat, spacing: _ } => check_schedule(at, steps, *repeat),
        Pacing::Replay { file, time: _, pace: _ } => check_replay(at, file),
    }
}

fn check_schedule(at: &mut At<'_, '_>, steps: &[RateStep], repeat: Option<SimDuration>) {
    let Some(last) = steps.last() else {
        let hint = "Add a step, as in 10/s from 0s on";
        at.error("rate.steps", "schedule-empty", "has a schedule without steps", hint);
        return;
    };
    for (ix, pair) in steps.windows(2).enumerate() {
        if pair[1].at <= pair[0].at {
            let what = format!("has a step at {} that comes after one at {}", pair[1].at, pair[0].at);
            let field = format!("rate.steps[{}]", ix + 1);
            at.error(&field, "schedule-order", &what, "Put the steps in order of time, each at a time of its own");
        }
    }
    match repeat {
        Some(repeat) if repeat.is_zero() => {
            at.error("rate.repeat", "zero", "begins its schedule again after no time", "Say how long the whole lasts");
        }
        Some(repeat) if repeat <= last.at => {
            let what = format!("begins its schedule again after {repeat}, before its last step at {}", last.at);
            at.error("rate.repeat", "schedule-repeat", &what, "Make it longer than the last step's time");
        }
        Some(_) | None => {}
    }
}

fn check_replay(at: &mut At<'_, '_>, file: &str) {
    if file.trim().is_empty() {
        let hint = "Name a log: CloudEvents as JSON lines, or CSV with a column of times";
        at.error("rate.file", "replay-without-file", "replays a log, but names none", hint);
        return;
    }
    let path = Path::new(file);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // A drive or a backslash leads outwards on some machines.
    if !inside || file.contains(['\\', ':']) {
        let hint = "Put the log into the flow's own folder, or below it, and name it from there";
        at.error("rate.file", "replay-outside", "replays a log outside the flow's folder", hint);
    }
}

fn check_key(at: &mut At<'_, '_>, field: &str, key: &Key) {
    match key {
        Key::Cycle(keys) | Key::Uniform(keys) | Key::Skewed(keys) => {
            at.not_zero(field, u64::from(*keys), "chooses among 0 keys");
        }
        Key::Inherit | Key::Of(_) => {}
    }
}

// ---- buses --------------------------------------------------------------------------------------------------------

fn check_bus(at: &mut At<'_, '_>, bus: &Bus) {
    for (name, topic) in &bus.topics {
        let field = |setting: &str| format!("topics[\"{name}\"].{setting}");
        at.not_zero(
            &field("partitions"),
            u64::from(topic.partitions),
            &format!("has a topic “{name}” of 0 partitions, which can hold nothing"),
        );
        let keeps_nothing = format!("keeps nothing in its topic “{name}”: a record is gone before it is read");
        if topic.keep.is_some_and(SimDuration::is_zero) {
            at.error(&field("keep"), "zero", &keeps_nothing, "Say how long, as in 1h, or leave it out");
        }
        if topic.keep_records == Some(0) {
            at.error(&field("keep_records"), "zero", &keeps_nothing, "Set it to at least 1, or leave it out");
        }
    }
}

// ---- what reacts --------------------------------------------------------------------------------------------------

fn check_rate_limit(at: &mut At<'_, '_>, limit: Option<RateLimit>) {
    let Some(RateLimit { rate, burst, over: _ }) = limit else { return };
    if rate.is_zero() && burst > 0 {
        let what = "has a rate limit of 0: it stops for good when its burst is used up";
        at.error("rate_limit.rate", "zero", what, "Say how many it may begin, as in 10/s");
    }
    at.not_zero("rate_limit.burst", u64::from(burst), "has a rate limit that lets nothing through: its burst is 0");
}

fn check_function(at: &mut At<'_, '_>, function: &Function) {
    let Function { instances, provisioned, scale_out, .. } = *function;
    at.not_zero("instances", u64::from(instances), "handles no event at all: it may have 0 instances");
    if provisioned > instances && instances > 0 {
        let what = format!("keeps {provisioned} instances warm, but may have {instances} only");
        at.error("provisioned", "provisioned", &what, "Allow more instances, or keep fewer of them warm");
    }
    if scale_out == 0 && provisioned < instances {
        let what = "may never start an instance beyond those that are always warm";
        at.error("scale_out", "zero", what, "Set it to at least 1, or allow no more instances than are always warm");
    }
    at.distribution("cold_start", &function.cold_start);
    check_rate_limit(at, function.rate_limit);
    guards::timeout(at, function.timeout, &takes(&function.handlers));
    check_handlers(at, &function.handlers);
}

fn takes(handlers: &[Handler]) -> Vec<Distribution> {
    handlers.iter().map(|handler| handler.takes).collect()
}

fn check_handlers(at: &mut At<'_, '_>, handlers: &[Handler]) {
    for (h, handler) in handlers.iter().enumerate() {
        at.distribution(&format!("handlers[{h}].takes"), &handler.takes);
        for (e, emit) in handler.emits.iter().enumerate() {
            let field = |setting: &str| format!("handlers[{h}].emits[{e}].{setting}");
            if let Some(after) = &emit.after {
                at.distribution(&field("after"), after);
            }
            check_key(at, &field("key"), &emit.key);
            if emit.count == 0 {
                let what = format!("emits “{}” 0 times", emit.event);
                at.warning(&field("count"), "emits-none", &what, "Set it to at least 1, or remove it");
            }
        }
        let chances: u64 = handler.emits.iter().map(|emit| u64::from(emit.chance.billionths())).sum();
        if handler.pick == Pick::One && chances > 1_000_000_000 {
            let percent = chances as f64 / 1e7;
            let what = format!("emits one of several events, but their chances add up to {percent} %");
            let hint = "Lower them to 100 % together, or let it emit each by its own chance";
            at.error(&format!("handlers[{h}].emits"), "chances", &what, hint);
        }
    }
}

// ---- links --------------------------------------------------------------------------------------------------------

fn check_link(at: &mut At<'_, '_>, link: usize) {
    match &at.wiring.links[link].link.kind {
        LinkKind::Publish(_) => {}
        LinkKind::Subscribe(subscription) => check_subscription(at, subscription),
        LinkKind::Call(call) => {
            at.not_zero("deliveries", u64::from(call.deliveries), "is never tried: it has 0 deliveries");
            guards::call(at, call);
            check_backoff(at, call.backoff);
            check_queue(at, call.queue);
        }
    }
}

fn check_subscription(at: &mut At<'_, '_>, subscription: &Subscription) {
    let Subscription { deliveries, max_in_flight, prefetch, ack_wait, guarantee, .. } = *subscription;
    at.not_zero("deliveries", u64::from(deliveries), "hands nothing over: it has 0 deliveries");
    at.not_zero("max_in_flight", u64::from(max_in_flight), "hands nothing over: 0 records may be in flight");
    at.not_zero("prefetch", u64::from(prefetch.unwrap_or(1)), "hands nothing over: its prefetch is 0");
    if ack_wait.is_zero() && guarantee == Guarantee::AtLeastOnce {
        let what = "waits no time for an acknowledgement, so every record comes again and again";
        at.error("ack_wait", "zero", what, "Make it longer than handling takes, as in 30s");
    }
    if subscription.group.as_deref().is_some_and(|group| group.trim().is_empty()) {
        at.error("group", "group-name", "names a group without a name", "Name the group, or leave it out");
    }
    check_backoff(at, subscription.backoff);
    check_queue(at, subscription.queue);
    guards::subscription(at, subscription);
}

fn check_backoff(at: &mut At<'_, '_>, backoff: Backoff) {
    if let Backoff::Exponential { base, cap, jitter: _ } = backoff
        && base > cap
    {
        let what = format!("waits {base} after the first failure, but never longer than {cap}");
        at.warning("backoff", "backoff", &what, "Make the cap longer than the base");
    }
}

fn check_queue(at: &mut At<'_, '_>, queue: QueueLimit) {
    at.not_zero("queue.records", queue.records, "has a queue that holds 0 records");
    at.not_zero("queue.bytes", queue.bytes.as_bytes(), "has a queue that holds 0 bytes");
}
