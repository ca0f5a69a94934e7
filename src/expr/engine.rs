//! The script engine behind the language: rhai, stripped to what always ends and never reaches outside.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use rhai::packages::{
    BasicArrayPackage, BasicMapPackage, BasicMathPackage, CorePackage, LogicPackage, MoreStringPackage, Package as _,
};
use rhai::{
    AST, Array, Dynamic, Engine, EvalAltResult, FLOAT, INT, ImmutableString, LexError, Map, NativeCallContext,
    OptimizationLevel, ParseError, ParseErrorType, Position, Scope,
};
use serde_json::{Number, Value};

use super::scan::{ATTRIBUTES, DataUse, Scan, Uses, nearest};
use super::{EvalError, ExprError, Facts};

/// Steps that one evaluation may take.
const OPERATIONS: u64 = 50_000;
/// How deep an expression may nest.
const DEPTH: usize = 64;
/// Bytes of all text in one value.
pub(super) const TEXT_BYTES: usize = 65_536;
/// Elements of an array.
const ARRAY_ITEMS: usize = 10_000;
/// Fields of an object.
const OBJECT_FIELDS: usize = 1_000;
/// Variables.
const VARIABLES: usize = 64;
/// Decimal places that `round` knows.
const DECIMALS: INT = 15;

static ENGINE: LazyLock<Engine> = LazyLock::new(engine);

thread_local! {
    /// The random stream of the evaluation that runs on this thread: set when it begins, moved on by each draw.
    ///
    /// The engine is shared by all threads, and a native function is told nothing of its evaluation.
    static DRAWS: Cell<u64> = const { Cell::new(0) };
}

pub(super) type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// A compiled script.
pub(super) struct Script {
    ast: AST,
    uses: Uses,
    inserted: Vec<(usize, usize)>,
}

impl Script {
    /// Compiles what the first look let through.
    pub(super) fn compile(scan: &Scan) -> Result<Self, ExprError> {
        let mut scope = Scope::new();
        scope.push_dynamic("event", Dynamic::UNIT);
        let compiled = catch_unwind(AssertUnwindSafe(|| ENGINE.compile_with_scope(&scope, &scan.script)));
        let ast = match compiled {
            Ok(Ok(ast)) => ast,
            Ok(Err(error)) => return Err(compile_error(&error, scan)),
            Err(_) => {
                let what = "this cannot be understood".to_owned();
                return Err(ExprError { what, line: 1, column: 1, hint: "Say it in fewer words".to_owned() });
            }
        };
        let uses = Uses { attributes: scan.uses.attributes, data: scan.uses.data.clone() };
        Ok(Self { ast, uses, inserted: scan.inserted.clone() })
    }

    pub(super) fn test(&self, facts: &Facts<'_>) -> Result<bool, EvalError> {
        let value = self.run(facts)?;
        if value.is_unit() {
            return Ok(false);
        }
        value
            .as_bool()
            .map_err(|_kind| at_start(format!("a condition is true or false, this is {}", kind_word(&value))))
    }

    pub(super) fn text(&self, facts: &Facts<'_>) -> Result<String, EvalError> {
        let value = self.run(facts)?;
        if value.is_unit() {
            Ok(String::new())
        } else if let Ok(number) = value.as_float() {
            Ok(number.to_string())
        } else if value.is_string() || value.is_int() || value.is_bool() || value.is_char() {
            Ok(value.to_string())
        } else {
            Err(at_start(format!("a key is text or a number, this is {}", kind_word(&value))))
        }
    }

    pub(super) fn value(&self, facts: &Facts<'_>) -> Result<Value, EvalError> {
        json_of(&self.run(facts)?).map_err(|what| at_start(what.to_owned()))
    }

    fn run(&self, facts: &Facts<'_>) -> Result<Dynamic, EvalError> {
        DRAWS.set(facts.draws);
        // An unshared constant of this evaluation's own: nothing a script does is seen by anybody else.
        let mut scope = Scope::new();
        scope.push_constant_dynamic("event", self.event(facts));
        let run = || ENGINE.eval_ast_with_scope::<Dynamic>(&mut scope, &self.ast);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.eval_error(&error)),
            Err(_) => Err(at_start("the expression failed in an unforeseen way".to_owned())),
        }
    }

    /// The parts of an event that the script mentions.
    fn event(&self, facts: &Facts<'_>) -> Dynamic {
        let mut event = Map::new();
        for (name, used) in ATTRIBUTES.iter().zip(self.uses.attributes) {
            if used {
                event.insert((*name).into(), self.attribute(name, facts));
            }
        }
        event.into()
    }

    fn attribute(&self, name: &str, facts: &Facts<'_>) -> Dynamic {
        match name {
            "id" => facts.id.into(),
            "source" => facts.source.into(),
            "type" => facts.kind.into(),
            "subject" => facts.subject.into(),
            "time" => whole(facts.time_nanos),
            "key" => facts.key.into(),
            "hops" => INT::from(facts.hops).into(),
            "number" => whole(facts.number),
            _ => match (&self.uses.data, &**facts.data) {
                (DataUse::None, _) => Dynamic::UNIT,
                (DataUse::Fields(names), Value::Object(fields)) => {
                    let named = names.iter().filter_map(|name| fields.get(name).map(|value| (name, value)));
                    named.map(|(name, value)| (name.as_str().into(), dynamic_of(value))).collect::<Map>().into()
                }
                (DataUse::Fields(_) | DataUse::All, data) => dynamic_of(data),
            },
        }
    }

    fn eval_error(&self, error: &EvalAltResult) -> EvalError {
        let position = error.position();
        let line = position.line().unwrap_or(1);
        let column = Scan::source_column(&self.inserted, line, position.position().unwrap_or(1).max(1));
        EvalError { what: eval_words(error), line, column }
    }
}

/// A number of the run; beyond what the engine counts it stays at the largest.
fn whole(number: u64) -> Dynamic {
    INT::try_from(number).unwrap_or(INT::MAX).into()
}

fn at_start(what: String) -> EvalError {
    EvalError { what, line: 1, column: 1 }
}

// ---- values -------------------------------------------------------------------------------------------------------

fn dynamic_of(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or(0.0).into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(dynamic_of).collect::<Array>().into(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.as_str().into(), dynamic_of(value))).collect::<Map>().into()
        }
    }
}

pub(super) fn json_of(value: &Dynamic) -> Result<Value, &'static str> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(value) = value.as_bool() {
        return Ok(value.into());
    }
    if let Ok(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Ok(number) = value.as_float() {
        return Number::from_f64(number).map(Value::Number).ok_or("data hold no number that is not finite");
    }
    if value.is_string() || value.is_char() {
        return Ok(value.to_string().into());
    }
    if let Ok(items) = value.as_array_ref() {
        return items.iter().map(json_of).collect::<Result<Vec<Value>, _>>().map(Value::Array);
    }
    if let Ok(fields) = value.as_map_ref() {
        let fields = fields.iter().map(|(name, value)| Ok((name.to_string(), json_of(value)?)));
        return fields.collect::<Result<serde_json::Map<String, Value>, _>>().map(Value::Object);
    }
    Err("data are text, numbers, true or false, null, arrays and objects; this is something else")
}

pub(super) fn kind_word(value: &Dynamic) -> &'static str {
    type_word(value.type_name())
}

/// An engine's type as people call it.
fn type_word(name: &str) -> &'static str {
    match name {
        "()" => "null",
        "bool" => "true or false",
        "i64" => "a whole number",
        "f64" => "a number",
        "string" | "char" | "&str" => "text",
        "array" => "an array",
        "map" => "an object",
        name if name.contains("String") || name.contains("str") => "text",
        name if name.contains("Map") => "an object",
        name if name.contains("Vec") => "an array",
        _ => "something else",
    }
}

// ---- the engine ---------------------------------------------------------------------------------------------------

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    CorePackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);

    // Every limit is set: the defaults differ between debug and release builds.
    engine
        .set_max_operations(OPERATIONS)
        .set_max_expr_depths(DEPTH, DEPTH / 2)
        .set_max_call_levels(16)
        .set_max_string_size(TEXT_BYTES)
        .set_max_array_size(ARRAY_ITEMS)
        .set_max_map_size(OBJECT_FIELDS)
        .set_max_variables(VARIABLES)
        .set_max_functions(0)
        .set_strict_variables(true)
        // A field that is not there is null: data come from outside, and a filter has an answer for all of them.
        .set_fail_on_invalid_map_property(false)
        .set_allow_looping(false)
        .set_allow_loop_expressions(false)
        .set_allow_anonymous_fn(false)
        // What a constant was when it was compiled is not what it is when it runs.
        .set_optimization_level(OptimizationLevel::None);
    for symbol in ["eval", "print", "debug", "import", "export", "Fn", "call", "curry", "**", "**="] {
        engine.disable_symbol(symbol);
    }

    // What is below a missing field is missing too.
    engine.register_indexer_get(|(): &mut (), _: ImmutableString| Dynamic::UNIT);
    engine.register_indexer_get(|(): &mut (), _: INT| Dynamic::UNIT);
    engine.register_fn("has", |value: Dynamic| !value.is_unit());

    register_maths(&mut engine);
    register_chance(&mut engine);
    register_bounded(&mut engine);
    super::functions::register(&mut engine);
    engine
}

/// The float functions of `libm`, in place of the platform's, so that results are the same on every machine.
fn register_maths(engine: &mut Engine) {
    type Function = fn(f64) -> f64;
    let functions: [(&str, Function); 16] = [
        ("sin", libm::sin),
        ("cos", libm::cos),
        ("tan", libm::tan),
        ("sinh", libm::sinh),
        ("cosh", libm::cosh),
        ("tanh", libm::tanh),
        ("asin", libm::asin),
        ("acos", libm::acos),
        ("atan", libm::atan),
        ("asinh", libm::asinh),
        ("acosh", libm::acosh),
        ("atanh", libm::atanh),
        ("exp", libm::exp),
        ("ln", libm::log),
        ("log", libm::log10),
        ("sqrt", libm::sqrt),
    ];
    for (name, function) in functions {
        engine.register_fn(name, function);
    }
    engine.register_fn("atan", libm::atan2);
    engine.register_fn("hypot", libm::hypot);
    engine.register_fn("log", |x: FLOAT, base: FLOAT| libm::log(x) / libm::log(base));
    engine.register_fn("pow", libm::pow);
    engine.register_fn("pow", |x: INT, y: FLOAT| libm::pow(x as f64, y));
    engine.register_fn("pow", |x: FLOAT, y: INT| libm::pow(x, y as f64));
    engine.register_fn("pow", |x: INT, y: INT| -> Fallible<Dynamic> {
        if y < 0 {
            return Ok(libm::pow(x as f64, y as f64).into());
        }
        let power = u32::try_from(y).ok().and_then(|y| x.checked_pow(y));
        power.map(Into::into).ok_or_else(|| failure("the power is too large a number"))
    });
    engine.register_fn("round", |x: FLOAT, decimals: INT| {
        let scale = (0..decimals.clamp(0, DECIMALS)).fold(1.0, |scale, _| scale * 10.0);
        libm::round(x * scale) / scale
    });
    engine.register_fn("round", |x: INT, _decimals: INT| x);
}

fn register_chance(engine: &mut Engine) {
    engine.register_fn("random", || unit_interval(draw()));
    engine.register_fn("random", |from: INT, to: INT| -> Fallible<INT> {
        if from > to {
            return Err(failure("random(a, b) needs the smaller number first"));
        }
        let span = u128::from(from.abs_diff(to)) + 1;
        Ok(from.wrapping_add_unsigned(below(draw(), span) as u64))
    });
    let between = |from: FLOAT, to: FLOAT| -> Fallible<FLOAT> {
        if from > to {
            return Err(failure("random(a, b) needs the smaller number first"));
        }
        Ok(from + (to - from) * unit_interval(draw()))
    };
    engine.register_fn("random", between);
    engine.register_fn("random", move |from: INT, to: FLOAT| between(from as f64, to));
    engine.register_fn("random", move |from: FLOAT, to: INT| between(from, to as f64));
    engine.register_fn("pick", |items: Array| -> Fallible<Dynamic> {
        let at = below(draw(), items.len() as u128);
        items.get(at as usize).cloned().ok_or_else(|| failure("there is nothing to pick from"))
    });
}

/// The next 64 bits of this evaluation's stream (SplitMix64; Steele, Lea and Flood 2014).
fn draw() -> u64 {
    let state = DRAWS.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    DRAWS.set(state);
    let mut bits = state;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// 53 bits as a number from 0 up to 1.
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// A whole number from 0 up to `span`, as evenly as 64 bits allow.
fn below(bits: u64, span: u128) -> u128 {
    (u128::from(bits) * span) >> 64
}

/// Functions of the packages that would take memory or stack before the engine looks at their result.
fn register_bounded(engine: &mut Engine) {
    fn replace(text: &mut ImmutableString, from: &str, to: &str) -> Fallible<()> {
        *text = replaced(text, from, to)?.into();
        Ok(())
    }
    engine.register_fn("replace", replace);
    engine.register_fn("replace", |text: &mut ImmutableString, from: &str, to: char| {
        replace(text, from, to.encode_utf8(&mut [0; 4]))
    });
    engine.register_fn("replace", |text: &mut ImmutableString, from: char, to: &str| {
        replace(text, from.encode_utf8(&mut [0; 4]), to)
    });
    engine.register_fn("replace", |text: &mut ImmutableString, from: char, to: char| {
        replace(text, from.encode_utf8(&mut [0; 4]), to.encode_utf8(&mut [0; 4]))
    });

    // The packages' own go through the engine once a level, which takes a deal of stack.
    for name in ["to_string", "to_debug", "print", "debug"] {
        engine.register_fn(name, |_: NativeCallContext<'_>, items: &mut Array| -> Fallible<String> {
            written(&items.clone().into())
        });
        engine.register_fn(name, |_: NativeCallContext<'_>, fields: &mut Map| -> Fallible<String> {
            written(&fields.clone().into())
        });
    }
    engine.register_fn("==", |a: Array, b: Array| same(&a.into(), &b.into()));
    engine.register_fn("!=", |a: Array, b: Array| !same(&a.into(), &b.into()));
    engine.register_fn("==", |a: Map, b: Map| same(&a.into(), &b.into()));
    engine.register_fn("!=", |a: Map, b: Map| !same(&a.into(), &b.into()));
}

pub(super) fn replaced(text: &str, from: &str, to: &str) -> Fallible<String> {
    let grown = text.matches(from).count().saturating_mul(to.len()).saturating_add(text.len());
    if grown > TEXT_BYTES * 2 {
        return Err(EvalAltResult::ErrorDataTooLarge("text".to_owned(), Position::NONE).into());
    }
    Ok(text.replace(from, to))
}

fn written(value: &Dynamic) -> Fallible<String> {
    json_of(value).map(|value| value.to_string()).map_err(failure)
}

/// Whether two values are the same all the way down.
fn same(a: &Dynamic, b: &Dynamic) -> bool {
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(a, b));
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        return a.len() == b.len() && a.iter().zip(b.iter()).all(|((n, a), (m, b))| n == m && same(a, b));
    }
    match (json_of(a), json_of(b)) {
        (Ok(Value::Number(a)), Ok(Value::Number(b))) => super::plain::numbers_equal(&a, &b),
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[expect(clippy::unnecessary_box_returns, reason = "the engine takes errors in boxes only")]
pub(super) fn failure(what: impl Into<String>) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(what.into().into(), Position::NONE).into()
}

// ---- words for what went wrong ------------------------------------------------------------------------------------

fn compile_error(error: &ParseError, scan: &Scan) -> ExprError {
    let position = error.position();
    // Without a place the end is meant.
    let last = scan.tokens.last().map_or((1, 1), |token| (token.line, token.column));
    let line = position.line().unwrap_or(last.0);
    let column = match position.position() {
        Some(column) => Scan::source_column(&scan.inserted, line, column.max(1)),
        None if position.is_none() => last.1,
        None => 1,
    };
    let (what, hint) = compile_words(error.err_type());
    ExprError { what, line, column, hint }
}

fn compile_words(error: &ParseErrorType) -> (String, String) {
    let known = ["event", "null", "true", "false", "if", "else", "let", "switch"];
    let (what, hint) = match error {
        ParseErrorType::UnexpectedEOF => ("it ends too early".to_owned(), "Something is missing at the end".to_owned()),
        ParseErrorType::BadInput(LexError::UnterminatedString) => {
            ("a text does not end".to_owned(), "Close it with \"".to_owned())
        }
        ParseErrorType::BadInput(LexError::MalformedChar(_)) => {
            ("text stands in double quotes".to_owned(), "Write \"…\" instead of '…'".to_owned())
        }
        ParseErrorType::BadInput(error) => (error.to_string(), String::new()),
        ParseErrorType::MissingToken(token, what) => (format!("a {token} is missing {what}"), format!("Add {token}")),
        ParseErrorType::VariableUndefined(name) => match nearest(name, known.into_iter()) {
            Some(near) => (format!("there is no “{name}”"), format!("Did you mean {near}?")),
            None => (format!("there is no “{name}”"), format!("Did you mean event.data.{name}?")),
        },
        ParseErrorType::AssignmentToConstant(_) | ParseErrorType::AssignmentToInvalidLHS(_) => {
            ("an event cannot be changed".to_owned(), "To compare, write ==".to_owned())
        }
        ParseErrorType::MismatchedType(wanted, found) => {
            let words = |text: &str| if text.contains("bool") { "true or false".to_owned() } else { text.to_owned() };
            (format!("{} is needed, not {}", words(wanted), words(found)), String::new())
        }
        ParseErrorType::ExprTooDeep => ("it is nested too deeply".to_owned(), "Say it in fewer words".to_owned()),
        ParseErrorType::LiteralTooLarge(what, most) => (format!("{what} has at most {most} parts"), String::new()),
        ParseErrorType::Reserved(word) => (format!("“{word}” cannot be used here"), String::new()),
        ParseErrorType::DuplicatedProperty(name) => {
            (format!("“{name}” is there twice"), "Remove one of them".to_owned())
        }
        other => (other.to_string(), String::new()),
    };
    (what, hint)
}

fn eval_words(error: &EvalAltResult) -> String {
    match error {
        EvalAltResult::ErrorTooManyOperations(_) => format!("it takes more than {OPERATIONS} steps"),
        EvalAltResult::ErrorDataTooLarge(what, _) => format!("a value becomes too large: {what}"),
        EvalAltResult::ErrorStackOverflow(_) => "it is nested too deeply".to_owned(),
        EvalAltResult::ErrorRuntime(what, _) => what.to_string(),
        EvalAltResult::ErrorArithmetic(what, _) => format!("this cannot be calculated: {what}"),
        EvalAltResult::ErrorMismatchDataType(wanted, found, _) => {
            format!("{} is needed, this is {}", type_word(wanted), type_word(found))
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => format!("there is no {}", readable(signature)),
        EvalAltResult::ErrorArrayBounds(len, at, _) => format!("an array of {len} has no element {at}"),
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => eval_words(inner),
        EvalAltResult::ErrorDotExpr(..) | EvalAltResult::ErrorIndexingType(..) => {
            "only an object has fields, and this is none".to_owned()
        }
        EvalAltResult::ErrorNonPureMethodCallOnConstant(name, _) => {
            format!("“{name}” would change the event; put the value into a variable first")
        }
        EvalAltResult::ErrorAssignmentToConstant(..) => "an event cannot be changed; to compare, write ==".to_owned(),
        other => {
            // The place is said apart.
            let text = other.to_string();
            let end = text.rfind(" (line ").unwrap_or(text.len());
            text[..end].to_owned()
        }
    }
}

/// `to_upper (i64)` as people read it.
fn readable(signature: &str) -> String {
    match signature.split_once(" (") {
        Some((name, kinds)) => {
            let kinds = kinds.trim_end_matches(')').split(", ").map(type_word).collect::<Vec<_>>().join(" and ");
            format!("“{name}” for {kinds}")
        }
        None => format!("“{signature}”"),
    }
}
