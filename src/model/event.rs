//! Event types: what kinds of facts there are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::is_default;
use super::quantity::{ByteSize, serde_as_text};
use super::time::SimDuration;

/// What is known of one kind of event. Its name is its key in the flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventType {
    /// What happened, in a sentence.
    #[serde(skip_serializing_if = "is_default")]
    pub note: String,

    /// Which of the eight event colours it wears; unset means the next one free, in order of first use.
    #[serde(skip_serializing_if = "is_default")]
    pub color: Option<u8>,

    /// How large one event is, for limits by bytes; unset means the length of its data.
    #[serde(skip_serializing_if = "is_default")]
    pub size: Option<ByteSize>,

    /// How long one is worth anything: a record of it that has waited so long is never handed over. RabbitMQ's `expiration`.
    /// Unset means for ever.
    #[serde(skip_serializing_if = "is_default")]
    pub ttl: Option<SimDuration>,

    /// How much one matters, from 0: subscriptions with priorities hand over the higher ones first.
    #[serde(skip_serializing_if = "is_default")]
    pub priority: u8,

    /// How long a bus keeps one out of sight: SQS's `DelaySeconds`, in place of what a subscription says. Unset means as the
    /// subscription says.
    #[serde(skip_serializing_if = "is_default")]
    pub delay: Option<SimDuration>,

    /// The data of a typical event, and of every event that says nothing else.
    #[serde(skip_serializing_if = "is_default")]
    pub example: Option<JsonText>,

    /// A JSON Schema that the data is meant to satisfy.
    #[serde(skip_serializing_if = "is_default")]
    pub schema: Option<JsonText>,
}

/// Text that is one JSON value, kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonText(String);

impl JsonText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value. The text was checked when it was taken, so there always is one.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for JsonText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match serde_json::from_str::<serde_json::Value>(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("not JSON: {error}")),
        }
    }
}

serde_as_text!(JsonText);
