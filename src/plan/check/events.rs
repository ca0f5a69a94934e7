//! Event types whose example is not what their schema says.

use serde_json::Value;

use super::{Findings, did_you_mean};
use crate::model::Flow;
use crate::plan::problem::Place;

/// How deep an example is compared with its schema.
const DEPTH: usize = 64;

pub(super) fn check(flow: &Flow, findings: &mut Findings) {
    for (name, event) in flow.events() {
        let Some(schema) = &event.schema else { continue };
        let schema = schema.value();
        if !schema.is_object() && !schema.is_boolean() {
            let place = Place::Event(name.clone(), Some("schema".to_owned()));
            let what = format!("The schema of “{name}” is no JSON Schema");
            findings.error(place, "schema", what, "Write an object, as in { \"type\": \"object\" }");
            continue;
        }
        let Some(example) = &event.example else { continue };
        let mut faults = Vec::new();
        compare(&example.value(), &schema, &mut String::new(), DEPTH, &mut faults);
        for (what, hint) in faults {
            let place = Place::Event(name.clone(), Some("example".to_owned()));
            findings.warning(place, "example", format!("The example of “{name}”: {what}"), hint);
        }
    }
}

/// Compares shapes: `type`, `required`, `properties`, `items`, `enum`. What else a schema says is taken on trust.
fn compare(value: &Value, schema: &Value, path: &mut String, depth: usize, faults: &mut Vec<(String, String)>) {
    let Some(schema) = schema.as_object().filter(|_| depth > 0) else { return };
    let subject = || if path.is_empty() { "it".to_owned() } else { format!("“{path}”") };
    if let Some(wanted) = schema.get("type") {
        let names: Vec<&str> = match wanted {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !names.is_empty() && !names.iter().any(|name| is_a(value, name)) {
            let what = format!("{} is {}, the schema says {}", subject(), kind(value), names.join(" or "));
            faults.push((what, "Change the example, or the schema".to_owned()));
            return;
        }
    }
    if let Some(Value::Array(allowed)) = schema.get("enum")
        && !allowed.contains(value)
    {
        faults.push((format!("{} is none of the values of the schema", subject()), String::new()));
    }
    if let Value::Object(fields) = value {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for name in required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name)) {
            let near = did_you_mean(name, fields.keys().map(String::as_str));
            let hint = if near.is_empty() { format!("Add “{name}” to the example") } else { near };
            faults.push((format!("{} has no “{name}”, which the schema requires", subject()), hint));
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, schema) in properties {
                let Some(field) = fields.get(name) else { continue };
                let length = path.len();
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                compare(field, schema, path, depth - 1, faults);
                path.truncate(length);
            }
        }
    }
    if let (Value::Array(items), Some(schema)) = (value, schema.get("items")) {
        for (ix, item) in items.iter().enumerate() {
            let length = path.len();
            path.push('[');
            path.push_str(&ix.to_string());
            path.push(']');
            compare(item, schema, path, depth - 1, faults);
            path.truncate(length);
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        // A type that JSON Schema does not know.
        _ => true,
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
