//! Figures as people read them: short, with a unit, and never wider than they need to be.

use crate::model::{Distribution, FaultKind, NodeKind, Pacing, SimDuration};

/// A count: exact up to 9 999, then with a letter.
pub(super) fn count(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..10_000 => format!("{}\u{2009}{:03}", number / 1_000, number % 1_000),
        10_000..1_000_000 => format!("{:.1}k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

/// A rate.
pub(super) fn per_second(rate: f64) -> String {
    match rate {
        rate if rate <= 0.0 => "0/s".to_owned(),
        rate if rate < 9.95 => format!("{rate:.1}/s"),
        rate => format!("{}/s", count(rate.round() as u64)),
    }
}

/// A length of time, to two or three figures.
pub(super) fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
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

/// What a node is set to, in the few words that fit its card while nothing runs.
pub(super) fn settings(kind: &NodeKind) -> String {
    match kind {
        NodeKind::Producer(producer) => pacing(&producer.rate),
        NodeKind::Consumer(consumer) => takes(&consumer.takes, consumer.concurrency),
        NodeKind::Service(service) => match service.handlers.as_slice() {
            [handler] => takes(&handler.takes, service.concurrency),
            handlers => format!("{} handlers", handlers.len()),
        },
        NodeKind::Function(function) => format!("0–{} instances", function.instances),
        NodeKind::DeadLetterQueue(_) => "letters".to_owned(),
        NodeKind::Gateway(gateway) => pacing(&gateway.requests.rate),
        NodeKind::Bus(_) | NodeKind::Note(_) => String::new(),
    }
}

fn takes(distribution: &Distribution, at_once: u32) -> String {
    let mean = distribution.mean_nanos();
    let mean = if mean.is_finite() { time(mean) } else { "long".to_owned() };
    if at_once == 1 { format!("takes {mean}") } else { format!("takes {mean}  ×{at_once}") }
}

fn pacing(pacing: &Pacing) -> String {
    match pacing {
        Pacing::ByHand => "by hand".to_owned(),
        Pacing::Constant(rate) => format!("every {}", rate.mean_gap().map_or_else(|| "never".to_owned(), short)),
        Pacing::Poisson(rate) => format!("about {rate}"),
        Pacing::Bursts { size, every, within: _ } => format!("{size} every {every}"),
        Pacing::Schedule { .. } => "by schedule".to_owned(),
        Pacing::Replay { file, .. } => {
            format!("replays {}", file.rsplit(['/', '\\']).next().unwrap_or(file))
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
    fn figures_are_short_and_have_units() {
        assert_eq!(count(1_204), "1\u{2009}204");
        assert_eq!(count(12_345), "12.3k");
        assert_eq!(per_second(0.52), "0.5/s");
        assert_eq!(per_second(48.2), "48/s");
        assert_eq!(time(12.0e6), "12 ms");
        assert_eq!(time(1.25e9), "1.2 s");
    }
}
