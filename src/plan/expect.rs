//! Conditions of expectations, compiled: which events one is about.

use std::sync::{Arc, LazyLock};

use serde_json::Value;

use crate::expr::{Facts, Program, Purpose, compile};
use crate::model::Expression;

static NO_DATA: LazyLock<Arc<Value>> = LazyLock::new(Arc::default);

/// Which events an expectation is about.
#[derive(Clone, Debug)]
pub struct Condition {
    program: Program,
}

/// What a condition can see of an event: what the record of its origin tells.
#[derive(Clone, Copy, Debug)]
pub struct Witnessed<'a> {
    /// Its id, as people write it.
    pub id: &'a str,
    /// The id of the node that it came from.
    pub source: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// When it came into being.
    pub time_nanos: u64,
    /// Its key, empty if there is none.
    pub key: &'a str,
    /// How far it is from its root cause.
    pub hops: u32,
    /// Its number among the events of its node.
    pub number: u64,
    /// Its data, where the run has them at hand.
    pub data: Option<&'a Arc<Value>>,
}

impl Condition {
    /// Compiles a source; `None` for one that [`crate::plan::check()`] has refused.
    pub fn compile(source: &Expression) -> Option<Self> {
        compile(source, Purpose::Condition).ok().map(|program| Self { program })
    }

    /// Whether it may look at the data of events, so that a run must have them at hand.
    pub fn needs_data(&self) -> bool {
        self.program.needs_data()
    }

    /// Whether it is true of an event. Of one that it can make nothing of it is not.
    pub fn holds(&self, event: &Witnessed<'_>) -> bool {
        let Witnessed { id, source, kind, time_nanos, key, hops, number, data } = *event;
        let facts = Facts {
            id,
            source,
            kind,
            subject: "",
            time_nanos,
            key,
            hops,
            data: data.unwrap_or(&NO_DATA),
            // The same event draws the same, whatever is expected of it.
            draws: number,
            number,
        };
        self.program.test(&facts).unwrap_or(false)
    }
}
