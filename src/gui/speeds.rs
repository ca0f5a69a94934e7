//! The speeds that slider and keys offer: 1, 2, 5 of each decade from 0.001x to 1000x, and as fast as it goes.

use crate::model::Factor;
use crate::session::Speed;

/// Thousandths, in order.
const STEPS: [u64; 19] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000,
];

/// The last step: as fast as it goes.
pub(crate) const MAX_STEP: usize = STEPS.len();

/// The speed of a step; beyond the last is as fast as it goes.
pub(crate) fn at(step: usize) -> Speed {
    STEPS.get(step).map_or(Speed::Max, |thousandths| Speed::Times(Factor::from_thousandths(*thousandths)))
}

/// The step nearest to a speed.
pub(crate) fn step_of(speed: Speed) -> usize {
    match speed {
        Speed::Max => MAX_STEP,
        Speed::Times(factor) => STEPS.iter().rposition(|step| *step <= factor.thousandths()).unwrap_or(0),
    }
}

/// The next faster one.
pub(crate) fn faster(speed: Speed) -> Speed {
    at((step_of(speed) + 1).min(MAX_STEP))
}

/// The next slower one.
pub(crate) fn slower(speed: Speed) -> Speed {
    at(step_of(speed).saturating_sub(1))
}
