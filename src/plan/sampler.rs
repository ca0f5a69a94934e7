//! Distributions with their constants worked out, so that a draw is a few multiplications.

use crate::model::{Distribution, SimDuration};

/// A distribution, ready to be drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sampler {
    Fixed(u64),
    Uniform { min: u64, span: u64 },
    Exponential { mean: f64 },
    Normal { mean: f64, deviation: f64 },
    LogNormal { median: f64, sigma: f64 },
    Erlang { stage_mean: f64, stages: u32 },
    Pareto { min: f64, inverse_alpha: f64 },
}

/// The 99 % quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

impl Sampler {
    /// Works the constants out with `libm`: what the platform's own functions say may differ in the last digit.
    pub(crate) fn new(distribution: &Distribution) -> Self {
        let nanos = |duration: SimDuration| duration.as_nanos() as f64;
        match *distribution {
            Distribution::Fixed(duration) => Self::Fixed(duration.as_nanos()),
            Distribution::Uniform { min, max } => {
                Self::Uniform { min: min.as_nanos(), span: max.as_nanos().saturating_sub(min.as_nanos()) }
            }
            Distribution::Exponential { mean } => Self::Exponential { mean: nanos(mean) },
            Distribution::Normal { mean, deviation } => Self::Normal { mean: nanos(mean), deviation: nanos(deviation) },
            Distribution::LogNormal { median, p99 } => {
                let ratio = nanos(p99) / nanos(median).max(1.0);
                Self::LogNormal { median: nanos(median), sigma: libm::log(ratio.max(1.0)) / Z99 }
            }
            Distribution::Erlang { mean, stages } => {
                let stages = stages.max(1);
                Self::Erlang { stage_mean: nanos(mean) / f64::from(stages), stages }
            }
            Distribution::Pareto { min, median } => {
                let ratio = nanos(median) / nanos(min).max(1.0);
                Self::Pareto { min: nanos(min), inverse_alpha: libm::log2(ratio.max(1.0)) }
            }
        }
    }

    /// Whether every draw is zero.
    pub(crate) const fn is_zero(&self) -> bool {
        matches!(self, Self::Fixed(0))
    }
}
