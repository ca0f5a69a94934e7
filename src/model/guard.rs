//! What keeps a struggling receiver from being struck again and again: circuit breakers.

use serde::{Deserialize, Serialize};

use super::is_default;
use super::quantity::Chance;
use super::time::SimDuration;

/// A circuit breaker: closed while all is well, open for a while after too many failures, and then half-open, when a few
/// probes decide.
///
/// What it is depends on nothing but the outcomes of what went through it and on the time since it opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// It opens after so many failures in a row; unset means that a row of them does not open it.
    #[serde(skip_serializing_if = "is_default_failures")]
    pub failures: Option<u32>,

    /// It opens when this share of the latest outcomes are failures; unset means that no share does.
    #[serde(skip_serializing_if = "is_default")]
    pub ratio: Option<Chance>,

    /// How many of the latest outcomes the share is taken of; before there are so many it is not taken. Resilience4j's
    /// window has 100.
    #[serde(skip_serializing_if = "is_default_window")]
    pub window: u32,

    /// How long it stays open. Resilience4j waits 60 s, Polly 5 s.
    #[serde(skip_serializing_if = "is_default_reset")]
    pub reset: SimDuration,

    /// Half-open, so many go through. When all of them have succeeded it closes; the first that fails opens it again.
    #[serde(skip_serializing_if = "is_default_probes")]
    pub probes: u32,
}

impl Breaker {
    /// Enough to tell an outage from a hiccup.
    pub const FAILURES: u32 = 5;
    /// Few enough to notice within seconds.
    pub const WINDOW: u32 = 20;
    /// Long enough for a restart.
    pub const RESET: SimDuration = SimDuration::from_secs(30);
    /// One is the classic: Nygard's, in "Release It!".
    pub const PROBES: u32 = 1;
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: Some(Self::FAILURES),
            ratio: None,
            window: Self::WINDOW,
            reset: Self::RESET,
            probes: Self::PROBES,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde hands the field over as it is")]
fn is_default_failures(value: &Option<u32>) -> bool {
    *value == Some(Breaker::FAILURES)
}

fn is_default_window(value: &u32) -> bool {
    *value == Breaker::WINDOW
}

fn is_default_reset(value: &SimDuration) -> bool {
    *value == Breaker::RESET
}

fn is_default_probes(value: &u32) -> bool {
    *value == Breaker::PROBES
}
