//! The flows that ship, built in: the gallery shows them, and they run where no file of theirs is.

use crate::file;
use crate::model::Flow;

/// A flow that ships.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Its file without the extension, as in `order-fulfilment`.
    pub name: &'static str,
    /// What the file holds.
    pub text: &'static str,
}

impl Example {
    /// The flow.
    pub fn flow(&self) -> Flow {
        file::read(self.text).expect("a test reads every example")
    }
}

macro_rules! examples {
    ($($name:literal),+ $(,)?) => {
        [$(Example {
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/flows/", $name, ".ron")),
        }),+]
    };
}

/// Every flow that ships, the simplest first. A test holds this list against the folder.
pub const EXAMPLES: &[Example] = &examples![
    "hello",
    "publish-subscribe",
    "competing-consumers",
    "retry-and-dead-letter",
    "poison-message",
    "order-fulfilment",
    "image-pipeline",
    "iot-sensors",
    "partitions-and-keys",
    "consumer-group-rebalance",
    "order-per-key",
    "express-lane",
    "time-to-live",
    "delayed-reminder",
    "flaky-link",
    "idempotent-consumer",
    "deduplicated-orders",
    "retention",
    "latest-prices",
    "replay",
    "outbox",
    "saga",
    "event-sourcing",
    "request-reply",
    "circuit-breaker",
    "slow-consumer",
    "windowed-clicks",
    "fraud-join",
    "earthquake-alerts",
];

/// The example that greets whoever opens nothing.
pub const WELCOME: &str = "order-fulfilment";

/// The data files that examples replay, as they name them.
const DATA: &[(&str, &[u8])] =
    &[("data/earthquakes.jsonl", include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/flows/data/earthquakes.jsonl")))];

/// A data file that ships.
pub(super) fn data(name: &str) -> Option<&'static [u8]> {
    DATA.iter().find(|(known, _)| *known == name).map(|(_, bytes)| *bytes)
}
