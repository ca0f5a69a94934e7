//! What is known of the events that come to an expression of a flow: for completion.
//!
//! Types and nodes are those of the drawing. What data events have is learnt from their types' examples and schemas, by
//! evaluating what their emitters build them with, from the logs that are replayed, and from events that were looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::files::{LogName, log_names, sample};
use super::{Answer, Session};
use crate::expr::{self, Candidate, ExprError, Facts, Purpose, Vocabulary};
use crate::model::{EventName, Expectation, Expression, Flow, Handler, LinkKind, NodeId, Pattern};
use crate::plan::Place;

/// How many samples of one type are enough.
const SAMPLES: usize = 16;
/// How long a chain of causes is followed.
const CAUSES: usize = 6;
/// How often an emitter's expression is tried out for one look.
const MAKINGS: usize = 400;
/// How deep a schema is followed.
const SCHEMA_DEPTH: usize = 8;

/// Events of the logs that a flow replays, each read once.
#[derive(Debug, Default)]
pub(super) struct Learnt(Mutex<BTreeMap<LogPlace, Arc<[Sample]>>>);

/// A log, and the flow file that it is looked for beside.
type LogPlace = (Option<PathBuf>, LogName);

/// What one event carried.
type Sample = (EventName, Value);

impl Session {
    /// What could stand at a place of an expression's source, counted in bytes; the likeliest first.
    pub fn complete(&self, at: &Place, source: &str, cursor: usize) -> Vec<Candidate> {
        expr::complete(source, cursor, &self.vocabulary(at))
    }

    /// What is known of the events that come to a place of the flow.
    pub fn vocabulary(&self, at: &Place) -> Vocabulary {
        let flow = self.flow();
        let described = |event: &EventName| flow.events().get(event).map_or("", |event| event.note.as_str());
        let events = flow.event_names();
        let sources = flow.nodes().iter().filter(|(_, node)| node.kind.tag().publishes());
        let samples = Samples { flow, seen: self.seen_events() };
        Vocabulary {
            samples: samples.at(at, &events),
            sources: sources.map(|(id, node)| (id.to_string(), node.title(id))).collect(),
            events: events.iter().map(|event| (event.to_string(), described(event).to_owned())).collect(),
        }
    }

    /// What recorded events, and those that somebody looked at, carried.
    fn seen_events(&self) -> Vec<Sample> {
        let mut seen = Vec::new();
        for name in log_names(self.flow()) {
            seen.extend(self.first_rows(name).iter().cloned());
        }
        if let Answer::Ready(card) = self.event_card()
            && let Some(data) = card.data.as_ref().and_then(|data| serde_json::from_str(data).ok())
            && let Some((_, kind)) = card.attributes.iter().find(|(name, _)| *name == "type")
        {
            seen.extend(EventName::new(kind).ok().map(|kind| (kind, data)));
        }
        seen
    }

    fn first_rows(&self, name: LogName) -> Arc<[Sample]> {
        let mut known = self.learnt.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (self.path().map(Path::to_path_buf), name);
        if let Some(rows) = known.get(&place) {
            return Arc::clone(rows);
        }
        // One that cannot be read now may be there later.
        let Some(log) = sample(&place.1, self.path()) else { return Arc::default() };
        let rows = log.rows.iter().take(SAMPLES).map(|row| (row.kind.clone(), Value::clone(&row.data)));
        Arc::clone(known.entry(place).or_insert(rows.collect()))
    }
}

/// What is wrong with a source, and where; nothing if it can be understood.
pub fn expression_error(source: &str, purpose: Purpose) -> Option<ExprError> {
    expr::compile(&Expression(source.to_owned()), purpose).err()
}

/// Finds what data events of a type can have.
struct Samples<'a> {
    flow: &'a Flow,
    seen: Vec<Sample>,
}

impl Samples<'_> {
    /// The data of the events that an expression at a place can look at.
    fn at(&self, at: &Place, events: &[EventName]) -> Vec<(String, Value)> {
        if let Place::Node(id, Some(field)) = at
            && let Some(node) = self.flow.node(id)
        {
            // A producer builds its events from what a log has recorded, or from the type's example.
            if let Some(producer) = node.kind.source() {
                let seen = self.seen.iter().filter(|(kind, _)| *kind == producer.emits).map(|(_, data)| data.clone());
                let found = self.described(&producer.emits).into_iter().chain(seen);
                return found.map(|data| (producer.emits.to_string(), data)).collect();
            }
            let number = field.strip_prefix("handlers[").and_then(|rest| rest.split(']').next());
            let handler = number.and_then(|number| node.kind.handlers().get(number.parse::<usize>().ok()?));
            if let Some(handler) = handler {
                return self.of_types(events.iter().filter(|event| handler.on.matches(event.as_str())));
            }
            // What tells the messages of a topic apart is asked of what comes to it.
            let topic = field.strip_prefix("topics[\"").and_then(|rest| rest.split_once("\"]"));
            if let Some((topic, _)) = topic {
                return self.of_types(self.published(id, events, |name| name == topic).into_iter());
            }
        }
        let chosen: Vec<&EventName> = match at {
            Place::Link(id, _) => match self.flow.link(id) {
                Some(link) => match link.subscription() {
                    Some(sub) => {
                        let topics = &sub.topics;
                        let fits = |topic: &str| topics.is_empty() || topics.iter().any(|p: &Pattern| p.matches(topic));
                        self.published(&link.from, events, fits)
                    }
                    None => events.iter().collect(),
                },
                None => Vec::new(),
            },
            Place::Expectation(name, _) => match self.flow.expectation(name) {
                Some(Expectation::Follows { every, .. }) => vec![every],
                Some(Expectation::Count { event: Some(event), .. }) => vec![event],
                _ => events.iter().collect(),
            },
            _ => events.iter().collect(),
        };
        self.of_types(chosen.into_iter())
    }

    /// The types that come to topics of a bus.
    fn published<'e>(&self, bus: &NodeId, events: &'e [EventName], fits: impl Fn(&str) -> bool) -> Vec<&'e EventName> {
        let comes = |event: &&EventName| {
            self.flow.links_to(bus).any(|(_, link)| {
                let LinkKind::Publish(publish) = &link.kind else { return false };
                let emits =
                    self.flow.node(&link.from).is_some_and(|node| node.kind.emitted().any(|name| name == *event));
                let takes = publish.events.is_empty() || publish.events.iter().any(|p| p.matches(event.as_str()));
                let topic = publish.topic.as_ref().map_or(event.as_str(), |topic| topic.as_str());
                emits && takes && fits(topic)
            })
        };
        events.iter().filter(comes).collect()
    }

    fn of_types<'e>(&self, events: impl Iterator<Item = &'e EventName>) -> Vec<(String, Value)> {
        let known = self.learn();
        let of = |event: &EventName| known.get(event).cloned().unwrap_or_default();
        events.flat_map(|event| of(event).into_iter().map(|data| (event.to_string(), data))).collect()
    }

    /// What its description says that it has.
    fn described(&self, event: &EventName) -> Vec<Value> {
        let Some(known) = self.flow.events().get(event) else { return Vec::new() };
        let schema = known.schema.as_ref().map(|schema| of_schema(&schema.value(), SCHEMA_DEPTH));
        known.example.as_ref().map(|example| example.value()).into_iter().chain(schema).collect()
    }

    /// What events of each type can carry: as described and seen, then as their emitters make them, each effect of what is
    /// known of its causes by then. Bounded, however large a flow is: somebody is typing.
    fn learn(&self) -> BTreeMap<EventName, Vec<Value>> {
        let names = self.flow.event_names();
        let told = |event: &EventName| {
            let seen = self.seen.iter().filter(|(kind, _)| kind == event).map(|(_, data)| data.clone());
            self.described(event).into_iter().chain(seen).take(SAMPLES).collect::<Vec<_>>()
        };
        let mut known: BTreeMap<EventName, Vec<Value>> =
            names.iter().map(|event| (event.clone(), told(event))).collect();
        let mut makings = MAKINGS;
        for producer in self.flow.nodes().values().filter_map(|node| node.kind.source()) {
            let Some(data) = &producer.data else { continue };
            if makings == 0 {
                break;
            }
            makings -= 1;
            let samples = known.entry(producer.emits.clone()).or_default();
            let example = samples.first().cloned().unwrap_or_default();
            samples.extend(made_of(data, &producer.emits, &example));
        }
        let handlers: Vec<&Handler> = self.flow.nodes().values().flat_map(|node| node.kind.handlers()).collect();
        // In the last round of all, of causes that nothing is known of.
        for round in 0..=CAUSES {
            let mut learnt: Vec<Sample> = Vec::new();
            for (handler, emit) in
                handlers.iter().flat_map(|handler| handler.emits.iter().map(move |emit| (handler, emit)))
            {
                let samples = known.get(&emit.event).map_or(&[][..], |samples| samples);
                let is_enough = samples.len() >= SAMPLES || (emit.data.is_none() && !samples.is_empty());
                if is_enough || makings == 0 {
                    continue;
                }
                let causes = names.iter().filter(|cause| **cause != emit.event && handler.on.matches(cause.as_str()));
                for cause in causes.take(SAMPLES) {
                    let before = known.get(cause).map_or(&[][..], |samples| samples);
                    let nothing = [Value::Null];
                    let before = if before.is_empty() && round == CAUSES { &nothing[..] } else { before };
                    for before in before.iter().take(2) {
                        makings = makings.saturating_sub(1);
                        let made = match &emit.data {
                            None => Some(before.clone()),
                            Some(data) => made_of(data, cause, before),
                        };
                        learnt.extend(made.map(|made| (emit.event.clone(), made)));
                    }
                }
            }
            for (event, made) in learnt {
                let samples = known.entry(event).or_default();
                if samples.len() < SAMPLES && !samples.contains(&made) {
                    samples.push(made);
                }
            }
        }
        known
    }
}

/// What an expression makes of an event with these data.
fn made_of(data: &Expression, kind: &EventName, cause: &Value) -> Option<Value> {
    let program = expr::compile(data, Purpose::Data).ok()?;
    let cause = Arc::new(cause.clone());
    let facts = Facts {
        id: "",
        source: "",
        kind: kind.as_str(),
        subject: "",
        time_nanos: 0,
        key: "",
        hops: 0,
        data: &cause,
        draws: 0,
        number: 0,
    };
    program.value(&facts).ok()
}

/// A value that a JSON Schema would be content with, as far as names and kinds go.
fn of_schema(schema: &Value, depth: usize) -> Value {
    if let Some(example) = schema.get("examples").and_then(|examples| examples.get(0)).or_else(|| schema.get("default"))
    {
        return example.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if let Some(fields) = schema.get("properties").and_then(Value::as_object).filter(|_| depth > 0) {
        let fields = fields.iter().map(|(name, field)| (name.clone(), of_schema(field, depth - 1)));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "".into(),
        Some("integer" | "number") => 0.into(),
        Some("boolean") => false.into(),
        Some("array") => Value::Array(
            schema.get("items").map(|items| of_schema(items, depth.saturating_sub(1))).into_iter().collect(),
        ),
        Some("object") => Value::Object(Map::new()),
        _ => Value::Null,
    }
}
