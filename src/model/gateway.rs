//! Gateways: requests that are answered, or are not.

use serde::{Deserialize, Serialize};

use super::ids::EventName;
use super::node::Producer;
use super::pattern::Pattern;
use super::time::SimDuration;

/// Sends requests, and waits for the reply to each: the first event that comes back to it because of the request.
///
/// A request is an event like any other; whatever is emitted because of it carries its id as `correlationid`. It goes to
/// a bus, or as a call to a service or function; the reply comes by a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// What it asks, and when.
    pub requests: Producer,

    /// The event types that are replies.
    #[serde(skip_serializing_if = "is_all")]
    pub replies: Pattern,

    /// How long after a request its reply is awaited. What comes later is an orphan.
    #[serde(skip_serializing_if = "is_default_deadline")]
    pub deadline: SimDuration,
}

impl Gateway {
    /// As long as a person waits before a page without losing the thread.
    pub const DEADLINE: SimDuration = SimDuration::from_secs(1);
}

impl Default for Gateway {
    fn default() -> Self {
        let emits = EventName::new("request.made").expect("a fixed, well-formed name");
        let requests = Producer { emits, ..Producer::default() };
        Self { requests, replies: Pattern::all(), deadline: Self::DEADLINE }
    }
}

fn is_all(pattern: &Pattern) -> bool {
    *pattern == Pattern::all()
}

fn is_default_deadline(value: &SimDuration) -> bool {
    *value == Gateway::DEADLINE
}
