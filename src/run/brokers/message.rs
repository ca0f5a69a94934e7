//! Events as messages: CloudEvents 1.0 in structured JSON.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::kernel::Publish;
use crate::model::{EventId, NodeIx, SimTime};
use crate::plan::Plan;

/// What makes the events of one run unlike those of any other, on a broker that has carried others and will carry more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Names the run; nothing else that uses the broker has the same name.
    pub run: Arc<str>,
    /// When the run began, in nanoseconds since 1970: what its virtual time is counted from.
    pub began_nanos: u64,
}

impl Identity {
    /// The name of an event beyond its run.
    pub(super) fn id_of(&self, plan: &Plan, event: EventId) -> String {
        format!("{}/{}", self.run, local_id(plan, event))
    }

    /// An event as a message.
    pub(super) fn body_of(&self, plan: &Plan, publish: &Publish) -> Vec<u8> {
        let mut body = Map::new();
        let mut put = |name: &str, value: String| body.insert(name.to_owned(), Value::String(value));
        put("specversion", "1.0".to_owned());
        put("id", local_id(plan, publish.event));
        put("source", self.source_of(plan, publish.event.origin()));
        put("type", plan.event_name(publish.kind).to_string());
        put("time", self.time_of(publish.emitted));
        put("correlationid", local_id(plan, publish.root));
        if let Some(cause) = publish.cause {
            put("causationid", local_id(plan, cause));
        }
        if let Some(subject) = &publish.subject {
            put("subject", subject.to_string());
        }
        if let Some(key) = &publish.key {
            put("partitionkey", key.to_string());
        }
        if let Some(data) = &publish.data {
            put("datacontenttype", "application/json".to_owned());
            body.insert("data".to_owned(), Value::clone(data));
        }
        Value::Object(body).to_string().into_bytes()
    }

    /// The event of this run that a message is; `None` if it is none of its own.
    pub(super) fn event_of(&self, plan: &Plan, body: &[u8]) -> Option<EventId> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (node, number) = text("id")?.rsplit_once('/')?;
        let node = (0..plan.node_count() as u32).map(NodeIx).find(|ix| plan.node_id(*ix).as_str() == node)?;
        (text("source")? == self.source_of(plan, node)).then_some(EventId::new(node, number.parse().ok()?))
    }

    fn source_of(&self, plan: &Plan, node: NodeIx) -> String {
        format!("{}/{}", self.run, plan.node_id(node))
    }

    /// A moment as RFC 3339 has it.
    fn time_of(&self, at: SimTime) -> String {
        const SECOND: u64 = 1_000_000_000;
        let nanos = self.began_nanos.saturating_add(at.as_nanos());
        let (seconds, nanos) = (nanos / SECOND, nanos % SECOND);
        let (year, month, day) = civil_from_days((seconds / 86_400).cast_signed());
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

/// As people write it: the node it came from and its number.
fn local_id(plan: &Plan, event: EventId) -> String {
    format!("{}/{}", plan.node_id(event.origin()), event.number())
}

/// Year, month and day of so many days since 1970. Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March, so that the leap day is their last.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        let began = |began_nanos| Identity { run: "run".into(), began_nanos };
        let leap_day = began(1_709_164_800_000_000_000);
        assert_eq!(leap_day.time_of(SimTime::from_nanos(86_399_000_000_001)), "2024-02-29T23:59:59.000000001Z");
        assert_eq!(began(0).time_of(SimTime::ZERO), "1970-01-01T00:00:00.000000000Z");
    }
}
