//! Where the clock on the wall meets virtual time.

use tokio::time::{Duration, Instant};

use crate::model::{SimDuration, SimTime};

use super::view::Speed;

/// The clock on the wall: the one place in the whole program that reads it. In tests it is tokio's, which they can stop.
pub(crate) fn wall_now() -> Instant {
    Instant::now()
}

/// Nanoseconds since 1970, for what leaves the program: a world outside dates its events.
#[expect(clippy::disallowed_methods, reason = "the one place that knows the date; no run depends on it")]
pub(super) fn date_nanos() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// How virtual time follows the clock on the wall: a point at which both stood together, and a speed since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    speed: Speed,
    stands: bool,
    wall: Instant,
    at: SimTime,
}

impl Pace {
    pub(super) fn new(speed: Speed, at: SimTime) -> Self {
        Self { speed, stands: false, wall: wall_now(), at }
    }

    pub(super) const fn speed(&self) -> Speed {
        self.speed
    }

    pub(super) const fn stands(&self) -> bool {
        self.stands
    }

    /// Goes on from here at another speed. What was behind is forgiven: the new speed starts where the run really is.
    pub(super) fn set_speed(&mut self, speed: Speed, at: SimTime) {
        *self = Self { speed, stands: self.stands, wall: wall_now(), at };
    }

    /// Stops time, or lets it go on, from here.
    pub(super) fn set_stands(&mut self, stands: bool, at: SimTime) {
        *self = Self { speed: self.speed, stands, wall: wall_now(), at };
    }

    /// Where virtual time should be by now.
    pub(super) fn now(&self) -> SimTime {
        if self.stands {
            return self.at;
        }
        match self.speed {
            Speed::Max => SimTime::MAX,
            Speed::Times(factor) => {
                let passed = wall_now().saturating_duration_since(self.wall);
                let nanos = passed.as_nanos() * u128::from(factor.thousandths()) / 1_000;
                self.at + SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
        }
    }

    /// When virtual time will be there; `None` if time stands, or if that is beyond what the clock can say.
    pub(super) fn wall_of(&self, at: SimTime) -> Option<Instant> {
        if self.stands {
            return None;
        }
        match self.speed {
            Speed::Max => Some(self.wall),
            Speed::Times(factor) => {
                // Rounded up: when the clock gets there, virtual time has.
                let nanos =
                    (u128::from(at.since(self.at).as_nanos()) * 1_000).div_ceil(u128::from(factor.thousandths()));
                self.wall.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?))
            }
        }
    }

    /// How much virtual time this much time on the wall is; `None` as fast as the machine can.
    pub(super) fn virtual_of(&self, wall: Duration) -> Option<SimDuration> {
        match self.speed {
            Speed::Max => None,
            Speed::Times(factor) => {
                let nanos = wall.as_nanos() * u128::from(factor.thousandths()) / 1_000;
                Some(SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
            }
        }
    }
}
