//! Chance: streams of random numbers that belong to identities, and draws from distributions.
//!
//! A stream's state is eight bytes. It begins at a hash of (seed, identity) at a place of its purpose, so that editing one
//! node leaves all others' draws alone. Whatever is not exact by IEEE 754 comes from `libm`.

use std::sync::LazyLock;

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::SplitMix64;

use crate::model::Chance;
use crate::plan::Sampler;

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Draws(SplitMix64);

/// The streams of one node that nearly every step draws from, each for its own purpose.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    /// How long handling takes.
    pub(super) service: Draws,
    /// Which emits come about.
    pub(super) choice: Draws,
    /// Whether handling fails.
    pub(super) outcome: Draws,
}

impl Streams {
    /// The streams of an identity; then that of arrivals, and that of all else.
    pub(super) fn new(seed: u64, identity: &str) -> (Self, Draws, Draws) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(identity.as_bytes());
        let mut bytes = [0; 40];
        hasher.finalize_xof().fill(&mut bytes);
        let stream = |purpose: usize| {
            let mut state = [0; 8];
            state.copy_from_slice(&bytes[purpose * 8..purpose * 8 + 8]);
            Draws(SplitMix64::from_seed(state))
        };
        (Self { service: stream(0), choice: stream(1), outcome: stream(2) }, stream(3), stream(4))
    }
}

/// Mixes two numbers into one that looks random: where an expression's `random()` begins.
pub(super) fn mixed(a: u64, b: u64) -> u64 {
    SplitMix64::seed_from_u64(a ^ b.rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15)).next_u64()
}

impl Draws {
    /// Any number.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below `bound`, by multiplication: the bias is below 2^-32 for the bounds a flow can name.
    #[inline]
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// Whether something of this chance happens. What is certain needs no draw.
    #[inline]
    pub(super) fn happens(&mut self, chance: Chance) -> bool {
        if chance == Chance::ALWAYS {
            true
        } else if chance == Chance::NEVER {
            false
        } else {
            self.below(1_000_000_000) < u64::from(chance.billionths())
        }
    }

    /// Anything in [0, 1), in steps of 2^-53.
    #[inline]
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * UNIT
    }

    /// Anything in (0, 1): a place whose logarithm exists.
    fn open_unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * (2.0 * UNIT)
    }

    /// Exponential with mean 1, by Marsaglia and Tsang's ziggurat of 256 layers.
    #[inline]
    pub(super) fn exponential(&mut self) -> f64 {
        let bits = self.bits();
        let layer = (bits & 0xff) as usize;
        let x = (bits >> 11) as f64 * UNIT * ZIGGURAT.x[layer];
        // Where nearly all draws fall.
        if x < ZIGGURAT.x[layer + 1] { x } else { self.exponential_beside(layer, x) }
    }

    /// The same, when the first place drawn was not wholly under the curve.
    #[cold]
    #[inline(never)]
    fn exponential_beside(&mut self, mut layer: usize, mut x: f64) -> f64 {
        let ziggurat = &*ZIGGURAT;
        loop {
            if layer == 0 {
                return ZIGGURAT_R - libm::log(self.open_unit());
            }
            let (low, high) = (ziggurat.f[layer], ziggurat.f[layer + 1]);
            if low + (high - low) * self.unit() < libm::exp(-x) {
                return x;
            }
            let bits = self.bits();
            layer = (bits & 0xff) as usize;
            x = (bits >> 11) as f64 * UNIT * ziggurat.x[layer];
            if x < ziggurat.x[layer + 1] {
                return x;
            }
        }
    }

    /// A length of time in nanoseconds.
    #[inline]
    pub(super) fn sample(&mut self, sampler: &Sampler) -> u64 {
        match *sampler {
            Sampler::Fixed(nanos) => nanos,
            Sampler::Exponential { mean } => whole(mean * self.exponential()),
            _ => self.sample_rare(sampler),
        }
    }

    #[inline(never)]
    fn sample_rare(&mut self, sampler: &Sampler) -> u64 {
        match *sampler {
            Sampler::Fixed(nanos) => nanos,
            Sampler::Exponential { mean } => whole(mean * self.exponential()),
            Sampler::Uniform { min, span } => min.saturating_add(self.below(span.saturating_add(1))),
            Sampler::Normal { mean, deviation } => whole(mean + deviation * self.normal()),
            Sampler::LogNormal { median, sigma } => whole(median * libm::exp(sigma * self.normal())),
            Sampler::Erlang { stage_mean, stages } => {
                let sum: f64 = (0..stages).map(|_| self.exponential()).sum();
                whole(stage_mean * sum)
            }
            Sampler::Pareto { min, inverse_alpha } => {
                whole(min * libm::exp(-inverse_alpha * libm::log(self.open_unit())))
            }
        }
    }

    /// Standard normal, by inversion.
    fn normal(&mut self) -> f64 {
        normal_quantile(self.open_unit())
    }

    /// A rank from 0 to `ranks` - 1 by Zipf's law with exponent 1, by Hörmann and Derflinger's rejection-inversion.
    pub(super) fn zipf(&mut self, ranks: u32) -> u32 {
        let last = f64::from(ranks.max(1));
        let top = libm::log(1.5) - 1.0;
        let end = libm::log(last + 0.5);
        let shortcut = 2.0 - libm::exp(libm::log(2.5) - 0.5);
        loop {
            let u = end + self.unit() * (top - end);
            let x = libm::exp(u);
            let rank = (x + 0.5).floor().clamp(1.0, last);
            if rank - x <= shortcut || u >= libm::log(rank + 0.5) - 1.0 / rank {
                return rank as u32 - 1;
            }
        }
    }
}

const UNIT: f64 = 1.0 / (1u64 << 53) as f64;

/// To whole nanoseconds, the nearest; never negative, never beyond what a duration may be.
#[inline]
fn whole(nanos: f64) -> u64 {
    ((nanos + 0.5) as u64).min(crate::model::limits::DURATION_NANOS)
}

/// Where the ziggurat's tail begins.
const ZIGGURAT_R: f64 = 7.697_117_470_131_05;
/// The area of each layer.
const ZIGGURAT_V: f64 = 0.003_949_659_822_581_557;

struct Ziggurat {
    x: [f64; 257],
    f: [f64; 257],
}

static ZIGGURAT: LazyLock<Ziggurat> = LazyLock::new(|| {
    let mut x = [0.0; 257];
    let mut f = [0.0; 257];
    x[0] = ZIGGURAT_V / libm::exp(-ZIGGURAT_R);
    x[1] = ZIGGURAT_R;
    for layer in 2..256 {
        x[layer] = -libm::log(ZIGGURAT_V / x[layer - 1] + libm::exp(-x[layer - 1]));
    }
    x[256] = 0.0;
    for layer in 0..257 {
        f[layer] = libm::exp(-x[layer]);
    }
    Ziggurat { x, f }
});

/// The quantile function of the standard normal distribution. Source: Wichura, Algorithm AS 241 (PPND16), 1988.
#[expect(clippy::excessive_precision, reason = "the coefficients as published")]
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        let upper = polynomial(
            r,
            &[
                3.3871328727963666080e0,
                1.3314166789178437745e2,
                1.9715909503065514427e3,
                1.3731693765509461125e4,
                4.5921953931549871457e4,
                6.7265770927008700853e4,
                3.3430575583588128105e4,
                2.5090809287301226727e3,
            ],
        );
        let lower = polynomial(
            r,
            &[
                1.0,
                4.2313330701600911252e1,
                6.8718700749205790830e2,
                5.3941960214247511077e3,
                2.1213794301586595867e4,
                3.9307895800092710610e4,
                2.8729085735721942674e4,
                5.2264952788528545610e3,
            ],
        );
        return q * upper / lower;
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let magnitude = if r <= 5.0 {
        let r = r - 1.6;
        let upper = polynomial(
            r,
            &[
                1.42343711074968357734e0,
                4.63033784615654529590e0,
                5.76949722146069140550e0,
                3.64784832476320460504e0,
                1.27045825245236838258e0,
                2.41780725177450611770e-1,
                2.27238449892691845833e-2,
                7.74545014278341407640e-4,
            ],
        );
        let lower = polynomial(
            r,
            &[
                1.0,
                2.05319162663775882187e0,
                1.67638483018380384940e0,
                6.89767334985100004550e-1,
                1.48103976427480074590e-1,
                1.51986665636164571966e-2,
                5.47593808499534494600e-4,
                1.05075007164441684324e-9,
            ],
        );
        upper / lower
    } else {
        let r = r - 5.0;
        let upper = polynomial(
            r,
            &[
                6.65790464350110377720e0,
                5.46378491116411436990e0,
                1.78482653991729133580e0,
                2.96560571828504891230e-1,
                2.65321895265761230930e-2,
                1.24266094738807843860e-3,
                2.71155556874348757815e-5,
                2.01033439929228813265e-7,
            ],
        );
        let lower = polynomial(
            r,
            &[
                1.0,
                5.99832206555887937690e-1,
                1.36929880922735805310e-1,
                1.48753612908506148525e-2,
                7.86869131145613259100e-4,
                1.84631831751005468180e-5,
                1.42151175831644588870e-7,
                2.04426310338993978564e-15,
            ],
        );
        upper / lower
    };
    if q < 0.0 { -magnitude } else { magnitude }
}

fn polynomial(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Distribution, SimDuration};

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let ms = SimDuration::from_millis;
        for distribution in [
            Distribution::Uniform { min: ms(2), max: ms(12) },
            Distribution::Exponential { mean: ms(7) },
            Distribution::Normal { mean: ms(50), deviation: ms(6) },
            Distribution::LogNormal { median: ms(20), p99: ms(60) },
            Distribution::Erlang { mean: ms(9), stages: 4 },
            Distribution::Pareto { min: ms(5), median: ms(6) },
        ] {
            let sampler = Sampler::new(&distribution);
            let mut draws = Streams::new(11, "moments").0.service;
            let count = 1_000_000;
            let sample: Vec<f64> = (0..count).map(|_| draws.sample(&sampler) as f64).collect();
            let mean = sample.iter().sum::<f64>() / f64::from(count);
            let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(count);
            let expected_mean = distribution.mean_nanos();
            let deviation = expected_mean * distribution.variation();
            assert!((mean - expected_mean).abs() < 4.0 * deviation / 1_000.0, "{distribution:?}: mean {mean}");
            assert!(
                (variance.sqrt() / deviation - 1.0).abs() < 0.03,
                "{distribution:?}: deviation {}",
                variance.sqrt()
            );
        }
    }

    #[test]
    fn the_exponential_has_its_quantiles() {
        let mut draws = Streams::new(3, "quantiles").0.service;
        let mut sample: Vec<f64> = (0..1_000_000).map(|_| draws.exponential()).collect();
        sample.sort_by(f64::total_cmp);
        for (share, expected) in [(0.5, std::f64::consts::LN_2), (0.95, 2.995732), (0.99, 4.605170), (0.9999, 9.210340)]
        {
            let found = sample[(share * 1e6) as usize];
            assert!((found / expected - 1.0).abs() < 0.04, "{share}: {found}");
        }
    }

    #[test]
    fn the_first_key_of_a_zipf_is_as_frequent_as_the_law_says() {
        let mut draws = Streams::new(5, "zipf").2;
        let mut counts = [0u32; 10];
        for _ in 0..1_000_000 {
            counts[draws.zipf(10) as usize] += 1;
        }
        // The tenth harmonic number is 2.928968.
        for (rank, count) in counts.iter().enumerate() {
            let expected = 1e6 / 2.928968 / (rank as f64 + 1.0);
            assert!((f64::from(*count) / expected - 1.0).abs() < 0.02, "{rank}: {count}");
        }
    }

    #[test]
    fn streams_of_other_nodes_and_purposes_differ() {
        let (mut a, mut b) = (Streams::new(1, "a").0, Streams::new(1, "b").0);
        let draws = [a.service.bits(), a.choice.bits(), b.service.bits(), Streams::new(2, "a").0.service.bits()];
        for (place, draw) in draws.iter().enumerate() {
            assert!(!draws[..place].contains(draw));
        }
        assert_eq!(Streams::new(1, "a").0.service.bits(), draws[0]);
    }
}
