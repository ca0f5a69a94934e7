//! What fits a card: what it is set to, what is broken, times to two figures. Counts and rates are as everywhere.

use crate::model::{
    Distribution, FaultKind, NodeKind, Operator, Pacing, Service, SimDuration, StoreKeeps, WindowShape,
};

/// A length of time, to two or three figures.
pub(super) fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        nanos if nanos < 0.5 => (0.0, "ms"),
        nanos if nanos < 1e3 => (nanos, "ns"),
        nanos if nanos < 1e6 => (nanos / 1e3, "µs"),
        nanos if nanos < 1e9 => (nanos / 1e6, "ms"),
        nanos if nanos < 60e9 => (nanos / 1e9, "s"),
        nanos if nanos < 3600e9 => (nanos / 60e9, "min"),
        nanos => (nanos / 3600e9, "h"),
    };
    if value < 9.95 && value.fract() > 0.05 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// What a node is while this fault lasts.
pub(super) fn broken(fault: &FaultKind) -> String {
    match fault {
        FaultKind::Drop { .. } => "loses".to_owned(),
        FaultKind::Duplicate { .. } => "doubles".to_owned(),
        FaultKind::Delay { .. } => "late".to_owned(),
        FaultKind::Reorder { .. } => "out of order".to_owned(),
        FaultKind::Partition => "cut off".to_owned(),
        FaultKind::Crash => "crashed".to_owned(),
        FaultKind::Pause => "stands still".to_owned(),
        FaultKind::Slow { by } => format!("slow {by}"),
        FaultKind::ClockSkew { .. } => "clock wrong".to_owned(),
    }
}

/// What a node is set to, in the few words that fit its card while nothing runs, and in fewer for a small one.
pub(super) fn settings(kind: &NodeKind) -> [String; 2] {
    let same = |words: &str| [words, words].map(str::to_owned);
    match kind {
        NodeKind::Producer(producer) => pacing(&producer.rate),
        NodeKind::Consumer(consumer) => takes(&consumer.takes, consumer.concurrency),
        NodeKind::Service(Service { saga: Some(saga), .. }) => {
            let steps = if saga.steps.len() == 1 { "1 step".to_owned() } else { format!("{} steps", saga.steps.len()) };
            [format!("saga of {steps}"), steps]
        }
        NodeKind::Service(service) => match service.handlers.as_slice() {
            [handler] => takes(&handler.takes, service.concurrency),
            handlers => same(&format!("{} handlers", handlers.len())),
        },
        NodeKind::Function(function) => {
            [format!("0–{} instances", function.instances), format!("0–{}", function.instances)]
        }
        NodeKind::Stream(stream) => match &stream.operator {
            Operator::Filter(_) => same("filter"),
            Operator::Map(_) => same("transform"),
            Operator::Window(window) => {
                let fewer = match window.shape {
                    WindowShape::Tumbling { .. } | WindowShape::Hopping { .. } => "windows",
                    WindowShape::Session { .. } => "sessions",
                };
                [window.shape.to_string(), fewer.to_owned()]
            }
            Operator::Join(join) => [format!("join within {}", join.within), "join".to_owned()],
        },
        NodeKind::DeadLetterQueue(_) => same("letters"),
        NodeKind::Store(store) => match store.keeps {
            StoreKeeps::Events => same("event store"),
            StoreKeeps::View => same("view"),
        },
        NodeKind::Gateway(gateway) => pacing(&gateway.requests.rate),
        NodeKind::Bus(_) | NodeKind::Note(_) => same(""),
    }
}

fn takes(distribution: &Distribution, at_once: u32) -> [String; 2] {
    let mean = distribution.mean_nanos();
    let mean = if mean.is_finite() { time(mean) } else { "long".to_owned() };
    let mean = if at_once == 1 { mean } else { format!("{mean} ×{at_once}") };
    [format!("takes {mean}"), mean]
}

fn pacing(pacing: &Pacing) -> [String; 2] {
    let same = |words: String| [words.clone(), words];
    match pacing {
        Pacing::ByHand => same("by hand".to_owned()),
        Pacing::Constant(rate) => same(format!("every {}", rate.mean_gap().map_or_else(|| "never".to_owned(), short))),
        Pacing::Poisson(rate) => [format!("about {rate}"), rate.to_string()],
        Pacing::Bursts { size, every, within: _ } => same(format!("{size} every {every}")),
        Pacing::Schedule { .. } => same("by schedule".to_owned()),
        Pacing::Replay { file, .. } => {
            let log = file.rsplit(['/', '\\']).next().unwrap_or(file);
            [format!("replays {log}"), "replays a log".to_owned()]
        }
    }
}

fn short(duration: SimDuration) -> String {
    time(duration.as_nanos() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_have_units() {
        assert_eq!(time(0.0), "0 ms");
        assert_eq!(time(12.0e6), "12 ms");
        assert_eq!(time(1.25e9), "1.2 s");
    }
}
