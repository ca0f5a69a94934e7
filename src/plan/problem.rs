//! What is wrong with a flow, where, and what would help.

use std::fmt;

use crate::model::{EventName, ExpectationName, FaultName, LinkId, NodeId};

/// One thing that is wrong or doubtful in a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether the flow can run all the same.
    pub severity: Severity,
    /// Where it is.
    pub at: Place,
    /// Its stable name, as in `no-subscriber`, for filters and tests.
    pub code: &'static str,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What would help, in a sentence.
    pub hint: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The flow cannot run.
    Error,
    /// The flow can run, but hardly as intended.
    Warning,
}

/// Where in a flow. The field is named as in the file, with a dotted path: `handlers[0].emits[1].data`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The flow as a whole.
    Flow,
    /// A node, and which of its settings if it is one.
    Node(NodeId, Option<String>),
    /// A link, and which of its settings if it is one.
    Link(LinkId, Option<String>),
    /// An event type, and which of its settings if it is one.
    Event(EventName, Option<String>),
    /// A fault of the scenario, and which of its settings if it is one.
    Fault(FaultName, Option<String>),
    /// An expectation, and which of its settings if it is one.
    Expectation(ExpectationName, Option<String>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id, field): (_, &dyn fmt::Display, _) = match self {
            Self::Flow => return f.write_str("flow"),
            Self::Node(id, field) => ("node", id, field),
            Self::Link(id, field) => ("link", id, field),
            Self::Event(name, field) => ("event", name, field),
            Self::Fault(name, field) => ("fault", name, field),
            Self::Expectation(name, field) => ("expectation", name, field),
        };
        write!(f, "{kind} {id}")?;
        match field {
            Some(field) => write!(f, " ({field})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}
