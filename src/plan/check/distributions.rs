//! How long something takes at the slow end.

use crate::model::{Distribution, SimDuration};

/// The 99 % quantile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

/// Ninety-nine in a hundred are shorter, within a few percent.
pub(super) fn p99(distribution: &Distribution) -> SimDuration {
    let nanos = |duration: SimDuration| duration.as_nanos() as f64;
    let quantile = match *distribution {
        Distribution::Fixed(duration) => return duration,
        Distribution::LogNormal { p99, .. } => return p99,
        Distribution::Uniform { min, max } => nanos(min) + 0.99 * (nanos(max) - nanos(min)),
        Distribution::Exponential { mean } => nanos(mean) * 100.0_f64.ln(),
        Distribution::Normal { mean, deviation } => nanos(mean) + Z99 * nanos(deviation),
        Distribution::Erlang { mean, stages } => {
            // Wilson and Hilferty's approximation of the gamma distribution.
            let stages = f64::from(stages.max(1));
            nanos(mean) * (1.0 - 1.0 / (9.0 * stages) + Z99 / (3.0 * stages.sqrt())).powi(3)
        }
        Distribution::Pareto { min, median } => {
            // The median is min * 2^(1/alpha), the p99 min * 100^(1/alpha).
            let ratio = nanos(median) / nanos(min).max(1.0);
            nanos(min) * ratio.powf(100.0_f64.log2())
        }
    };
    SimDuration::from_nanos(quantile as u64)
}
