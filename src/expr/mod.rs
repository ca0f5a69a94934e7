//! The small language of filters, conditions and data: compiled once, evaluated with fuel, errors with a place.
//!
//! `event.data.amount > 100 && event.type == "order.placed"` is valid in it. Sources are expressions of rhai without
//! its loops, functions and modules; plain comparisons on attributes and data paths run in a native predicate, with the
//! same answers.
//!
//! What a writer of expressions can rely on:
//!
//! - `event` has the attributes of [`Facts`]: `id`, `source`, `type`, `subject`, `time` (nanoseconds of the run), `key`,
//!   `hops`, `number` and `data`. Any other name is refused when the expression is compiled.
//! - A field that the data do not have is `null`, and so is everything below it. `null` equals nothing but `null`:
//!   comparing it with `==`, `<`, `<=`, `>` or `>=` is false, with `!=` true. `has(event.data.x)` asks for it.
//! - Whole and decimal numbers compare by value; decimals that differ in their sixteenth digit only are equal.
//! - Data are written as in JSON, `{ "total": event.data.amount * 2 }`, or as in rhai, `#{ total: 1 }`.
//! - `random()` is a number from 0 up to 1, `random(1, 6)` a whole number of these six, `random(0.5, 2.0)` a number in
//!   between, `pick(["a", "b"])` one of them. Each is drawn from [`Facts::draws`], so the same run draws the same.
//! - [`FUNCTIONS`] lists what there is for text, numbers, arrays, objects and times; none of them changes what it is given.
//! - There are `if … else …`, `switch`, `let`, and the functions of rhai for numbers, text, arrays and objects; there are no
//!   loops and no functions of one's own. An expression always ends, and it never fails the process.

mod calendar;
mod complete;
mod engine;
mod functions;
mod paint;
mod plain;
mod reference;
mod scan;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use crate::model::Expression;

pub use self::complete::{Candidate, CandidateKind, Vocabulary, complete};
pub use self::paint::{Paint, paint, place_of};
pub use self::reference::{ATTRIBUTE_HELP, AttributeHelp, FUNCTIONS, FunctionGroup, FunctionHelp, KEYWORDS};

/// Bytes of one expression's source.
pub const SOURCE_BYTES: usize = 16 * 1024;

/// What an expression can see of an event: its CloudEvents attributes and its data.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// `event.id`
    pub id: &'a str,
    /// `event.source`: the id of the node it came from, or what a log says.
    pub source: &'a str,
    /// `event.type`
    pub kind: &'a str,
    /// `event.subject`, empty if there is none.
    pub subject: &'a str,
    /// `event.time`, nanoseconds of the run.
    pub time_nanos: u64,
    /// `event.key`, the partition key, empty if there is none.
    pub key: &'a str,
    /// `event.hops`: how far it is from its root cause.
    pub hops: u32,
    /// `event.data`
    pub data: &'a Arc<Value>,
    /// Where `random()` begins: fixed by seed, event and place, so that the same run draws the same.
    pub draws: u64,
    /// `event.number`: its number among the events of its node, counted from 0.
    pub number: u64,
}

/// What an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A filter or a condition: its value is true or false.
    Condition,
    /// A partition key: its value is text or a number.
    Key,
    /// The data of an event: its value is any JSON.
    Data,
}

/// Why a source is no expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct ExprError {
    /// What is wrong, in a sentence without its full stop.
    pub what: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What would help; empty if nothing is known to.
    pub hint: String,
}

/// Why an expression has no value for one event, and where. The next event may do better.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct EvalError {
    /// What is wrong, in a sentence without its full stop.
    pub what: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

/// An expression that compiled. Cheap to clone, and to share between threads.
#[derive(Clone)]
pub struct Program(Arc<Parts>);

struct Parts {
    source: Box<str>,
    purpose: Purpose,
    /// The native form, if the source is plain enough for one. It declines what it does not decide itself.
    plain: Option<plain::Plain>,
    scan: scan::Scan,
    /// Compiled at once where there is no native form, else when that first declines: a flow of thousands of plain filters
    /// is checked in no time, and most of them never need it.
    script: OnceLock<Result<engine::Script, ExprError>>,
}

/// Compiles a source for a purpose.
pub fn compile(source: &Expression, purpose: Purpose) -> Result<Program, ExprError> {
    let scan = scan::scan(&source.0, purpose)?;
    let script = OnceLock::new();
    let plain = plain::parse(&scan);
    if let Some(plain) = &plain {
        plain.check_purpose(purpose)?;
    } else {
        let compiled = engine::Script::compile(&scan)?;
        script.get_or_init(|| Ok(compiled));
    }
    Ok(Program(Arc::new(Parts { source: source.0.as_str().into(), purpose, plain, scan, script })))
}

impl Program {
    /// Whether it mentions `event.data`, or may: if not, an event's data need not be computed for it.
    pub fn needs_data(&self) -> bool {
        self.0.scan.uses.data != scan::DataUse::None
    }

    /// Whether it runs natively, without the script engine.
    pub fn is_plain(&self) -> bool {
        self.0.plain.is_some()
    }

    /// The source that it was compiled from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What it was compiled for.
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Whether it is true of an event. A missing value is not.
    pub fn test(&self, facts: &Facts<'_>) -> Result<bool, EvalError> {
        if let Some(plain) = &self.0.plain
            && let Some(answer) = plain.test(facts)
        {
            return Ok(answer);
        }
        self.script()?.test(facts)
    }

    /// The text that it makes of an event; a missing value is no text at all.
    pub fn text(&self, facts: &Facts<'_>) -> Result<String, EvalError> {
        if let Some(plain) = &self.0.plain
            && let Some(text) = plain.text(facts)
        {
            return Ok(text);
        }
        self.script()?.text(facts)
    }

    /// The data that it makes of an event.
    pub fn value(&self, facts: &Facts<'_>) -> Result<Value, EvalError> {
        if let Some(plain) = &self.0.plain
            && let Some(value) = plain.value(facts)
        {
            return Ok(value);
        }
        self.script()?.value(facts)
    }

    fn script(&self) -> Result<&engine::Script, EvalError> {
        let compiled = self.0.script.get_or_init(|| engine::Script::compile(&self.0.scan));
        compiled.as_ref().map_err(|error| {
            let ExprError { what, line, column, hint: _ } = error.clone();
            EvalError { what, line, column }
        })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.0.source).finish()
    }
}
