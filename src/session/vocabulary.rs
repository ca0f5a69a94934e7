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
use crate::model::{
    Aggregate, Emit, EventName, Expectation, Expression, Flow, Grouping, Handler, LinkKind, NodeId, NodeKind, Operator,
    Pattern, Stream,
};
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
            state: samples.state(at),
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
            if let Some(stream) = stream_of(&node.kind) {
                return self.of_stream(stream, field, events);
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

    /// What a fold makes of the first event that it understands; null if there is none.
    fn state(&self, at: &Place) -> Option<Value> {
        let Place::Node(id, Some(field)) = at else { return None };
        let NodeKind::Store(store) = &self.flow.node(id)?.kind else { return None };
        if field != "fold" {
            return None;
        }
        let state = || {
            let program = expr::compile(store.fold.as_ref()?, Purpose::Fold).ok()?;
            let known = self.learn();
            let mut events = known.iter().flat_map(|(event, samples)| samples.iter().map(move |data| (event, data)));
            events.find_map(|(event, data)| {
                let data = Arc::new(data.clone());
                program.fold(&Value::Null, &facts(event, &data)).ok().filter(Value::is_object)
            })
        };
        Some(state().unwrap_or_default())
    }

    /// What an expression of a stream processor looks at: its data are built from what it has gathered, all else from an
    /// event that it takes.
    fn of_stream(&self, stream: &Stream, field: &str, events: &[EventName]) -> Vec<(String, Value)> {
        if field == "operator.data"
            && let Some(gathered) = gathered(stream, &self.learn())
        {
            return vec![(stream.emits.to_string(), gathered)];
        }
        let takes = |event: &&EventName| match &stream.operator {
            Operator::Join(join) if field != "when" => {
                stream.on.matches(event.as_str()) || join.with.matches(event.as_str())
            }
            _ => stream.on.matches(event.as_str()),
        };
        self.of_types(events.iter().filter(takes))
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
        let streams: Vec<&Stream> = self.flow.nodes().values().filter_map(|node| stream_of(&node.kind)).collect();
        let handlers = self.flow.nodes().values().flat_map(|node| node.kind.handlers());
        let emits = handlers.flat_map(|handler| handler.emits.iter().map(|emit| Making::of(handler, emit)));
        let makings_of: Vec<Making<'_>> =
            emits.chain(streams.iter().flat_map(|stream| Making::of_stream(stream))).collect();
        // In the last round of all, of causes that nothing is known of.
        for round in 0..=CAUSES {
            let mut learnt: Vec<Sample> = Vec::new();
            for Making { on, event, data } in &makings_of {
                let samples = known.get(*event).map_or(&[][..], |samples| samples);
                let is_enough = samples.len() >= SAMPLES || (data.is_none() && !samples.is_empty());
                if is_enough || makings == 0 {
                    continue;
                }
                let causes = names.iter().filter(|cause| cause != event && on.matches(cause.as_str()));
                for cause in causes.take(SAMPLES) {
                    let before = known.get(cause).map_or(&[][..], |samples| samples);
                    let nothing = [Value::Null];
                    let before = if before.is_empty() && round == CAUSES { &nothing[..] } else { before };
                    for before in before.iter().take(2) {
                        makings = makings.saturating_sub(1);
                        let made = match data {
                            None => Some(before.clone()),
                            Some(data) => made_of(data, cause, before),
                        };
                        learnt.extend(made.map(|made| ((*event).clone(), made)));
                    }
                }
            }
            for stream in &streams {
                let Some(gathered) = gathered(stream, &known).filter(|_| makings > 0) else { continue };
                makings -= 1;
                let made = match stream.operator.data() {
                    None => Some(gathered),
                    Some(data) => made_of(data, &stream.emits, &gathered),
                };
                learnt.extend(made.map(|made| (stream.emits.clone(), made)));
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

/// An event that comes of another.
struct Making<'a> {
    /// Which types it comes of.
    on: &'a Pattern,
    event: &'a EventName,
    /// What its data are built with; without it they are those of its cause.
    data: Option<&'a Expression>,
}

impl<'a> Making<'a> {
    fn of(handler: &'a Handler, emit: &'a Emit) -> Self {
        Self { on: &handler.on, event: &emit.event, data: emit.data.as_ref() }
    }

    /// What a stream processor passes on or transforms, and what comes too late for it.
    fn of_stream(stream: &'a Stream) -> impl Iterator<Item = Self> {
        let result = match &stream.operator {
            Operator::Filter(_) => Some(None),
            Operator::Map(map) => Some(Some(&map.data)),
            Operator::Window(_) | Operator::Join(_) => None,
        };
        let result = result.map(|data| Self { on: &stream.on, event: &stream.emits, data });
        result.into_iter().chain(stream.late_event().map(|event| Self { on: &stream.on, event, data: None }))
    }
}

const fn stream_of(kind: &NodeKind) -> Option<&Stream> {
    if let NodeKind::Stream(stream) = kind { Some(stream) } else { None }
}

/// What a window or a join has gathered, as an example: the object that its result's data are built from.
fn gathered(stream: &Stream, known: &BTreeMap<EventName, Vec<Value>>) -> Option<Value> {
    let example = |on: &Pattern| {
        let mut known = known.iter().filter(|(event, _)| on.matches(event.as_str()) && **event != stream.emits);
        known.find_map(|(event, samples)| Some((event, samples.first()?)))
    };
    let taken = example(&stream.on);
    match &stream.operator {
        Operator::Filter(_) | Operator::Map(_) => None,
        Operator::Window(window) => {
            let of = |expression| taken.and_then(|(event, data)| made_of(expression, event, data));
            let key = match &window.by {
                Grouping::All => None,
                Grouping::Key => Some(Value::from("")),
                Grouping::Of(key) => Some(of(key).unwrap_or_else(|| Value::from(""))),
            };
            let mut fields: Map<String, Value> = key.into_iter().map(|key| ("key".to_owned(), key)).collect();
            fields.extend(["start", "end"].map(|name| (name.to_owned(), Value::from(0))));
            for (name, aggregate) in &window.aggregates {
                let value = match aggregate {
                    Aggregate::Count | Aggregate::Distinct(_) => Value::from(1),
                    Aggregate::Sum(number)
                    | Aggregate::Min(number)
                    | Aggregate::Max(number)
                    | Aggregate::Mean(number)
                    | Aggregate::Last(number) => of(number).unwrap_or_default(),
                };
                fields.insert(name.clone(), value);
            }
            if !stream.lateness.is_zero() {
                fields.insert("revision".to_owned(), Value::from(1));
            }
            Some(Value::Object(fields))
        }
        Operator::Join(join) => {
            let data = |side: Option<(&EventName, &Value)>| side.map(|(_, data)| data.clone()).unwrap_or_default();
            Some(serde_json::json!({ "left": data(taken), "right": data(example(&join.with)) }))
        }
    }
}

/// What an expression makes of an event with these data.
fn made_of(data: &Expression, kind: &EventName, cause: &Value) -> Option<Value> {
    let program = expr::compile(data, Purpose::Data).ok()?;
    program.value(&facts(kind, &Arc::new(cause.clone()))).ok()
}

/// An event of which nothing is known but its type and its data.
fn facts<'a>(kind: &'a EventName, data: &'a Arc<Value>) -> Facts<'a> {
    Facts {
        id: "",
        source: "",
        kind: kind.as_str(),
        subject: "",
        time_nanos: 0,
        key: "",
        hops: 0,
        data,
        draws: 0,
        number: 0,
    }
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
