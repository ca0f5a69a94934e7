//! How long things take: the distributions that a flow can name.

use serde::{Deserialize, Serialize};

use super::time::SimDuration;

/// How long something takes, drawn anew each time from the node's own random stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Fixed(SimDuration),
    /// Anything in between, each as likely.
    Uniform {
        /// The shortest.
        min: SimDuration,
        /// The longest.
        max: SimDuration,
    },
    /// Memoryless: many short, few long.
    Exponential {
        /// The mean.
        mean: SimDuration,
    },
    /// The bell curve, cut at 0.
    Normal {
        /// The mean before cutting.
        mean: SimDuration,
        /// The standard deviation before cutting.
        deviation: SimDuration,
    },
    /// What service times mostly look like: a bell on a logarithmic axis.
    LogNormal {
        /// Half are shorter.
        median: SimDuration,
        /// One in a hundred is longer.
        p99: SimDuration,
    },
    /// The sum of `stages` exponential ones: steadier than exponential.
    Erlang {
        /// The mean of the sum.
        mean: SimDuration,
        /// How many stages, at least 1.
        stages: u32,
    },
    /// Heavy tail: now and then enormous.
    Pareto {
        /// The shortest.
        min: SimDuration,
        /// Half are shorter; must be longer than `min`.
        median: SimDuration,
    },
}

impl Distribution {
    /// No time at all.
    pub const ZERO: Self = Self::Fixed(SimDuration::ZERO);

    /// The mean in nanoseconds, by formula; infinite for a Pareto whose tail is too heavy to have one.
    ///
    /// For checks and pictures; a run draws, it does not ask for means. The normal's mean is the one before cutting.
    pub fn mean_nanos(&self) -> f64 {
        let nanos = |duration: SimDuration| duration.as_nanos() as f64;
        match *self {
            Self::Fixed(duration) => nanos(duration),
            Self::Uniform { min, max } => f64::midpoint(nanos(min), nanos(max)),
            Self::Exponential { mean } | Self::Normal { mean, deviation: _ } | Self::Erlang { mean, stages: _ } => {
                nanos(mean)
            }
            Self::LogNormal { median, p99 } => {
                let sigma = log_normal_sigma(median, p99);
                nanos(median) * (sigma * sigma / 2.0).exp()
            }
            Self::Pareto { min, median } => {
                let alpha = pareto_alpha(min, median);
                if alpha > 1.0 { nanos(min) * alpha / (alpha - 1.0) } else { f64::INFINITY }
            }
        }
    }

    /// The standard deviation in nanoseconds over the mean, by formula; infinite where there is none.
    pub fn variation(&self) -> f64 {
        let nanos = |duration: SimDuration| duration.as_nanos() as f64;
        match *self {
            Self::Fixed(_) => 0.0,
            Self::Uniform { min, max } => {
                let mean = f64::midpoint(nanos(min), nanos(max)).max(1.0);
                (nanos(max) - nanos(min)) / 12.0_f64.sqrt() / mean
            }
            Self::Exponential { .. } => 1.0,
            Self::Normal { mean, deviation } => nanos(deviation) / nanos(mean).max(1.0),
            Self::LogNormal { median, p99 } => {
                let sigma = log_normal_sigma(median, p99);
                (sigma * sigma).exp_m1().sqrt()
            }
            Self::Erlang { mean: _, stages } => 1.0 / f64::from(stages.max(1)).sqrt(),
            Self::Pareto { min, median } => {
                let alpha = pareto_alpha(min, median);
                if alpha > 2.0 { 1.0 / (alpha * (alpha - 2.0)).sqrt() } else { f64::INFINITY }
            }
        }
    }

    /// Why no draw can be made from these figures, or `None` if all is well.
    pub fn fault(&self) -> Option<&'static str> {
        match *self {
            Self::Uniform { min, max } if min > max => Some("the shortest is longer than the longest"),
            Self::LogNormal { median, .. } if median.is_zero() => Some("the median must be longer than 0"),
            Self::LogNormal { median, p99 } if p99 < median => Some("the p99 is shorter than the median"),
            Self::Erlang { stages: 0, .. } => Some("an Erlang distribution has at least one stage"),
            Self::Erlang { stages, .. } if stages > 1_000 => Some("an Erlang distribution has at most 1000 stages"),
            Self::Pareto { min, .. } if min.is_zero() => Some("the shortest must be longer than 0"),
            Self::Pareto { min, median } if median <= min => Some("the median must be longer than the shortest"),
            _ => None,
        }
    }
}

/// The 99 % quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Sigma of the logarithm, from the median and the 99 % quantile.
pub(super) fn log_normal_sigma(median: SimDuration, p99: SimDuration) -> f64 {
    let ratio = p99.as_nanos() as f64 / (median.as_nanos() as f64).max(1.0);
    ratio.max(1.0).ln() / Z99
}

/// The tail index, from the scale and the median: the median is `min * 2^(1/alpha)`.
pub(super) fn pareto_alpha(min: SimDuration, median: SimDuration) -> f64 {
    let ratio = median.as_nanos() as f64 / (min.as_nanos() as f64).max(1.0);
    std::f64::consts::LN_2 / ratio.max(1.0 + 1e-9).ln()
}
