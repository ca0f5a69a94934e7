//! Plain expressions, run natively: comparisons of attributes, data paths and literals, joined by `&&`, `||` and `!`; and
//! arrays and objects of such values.
//!
//! What this form does not decide for some event (arrays compared with arrays, a field of a text, a `&&` between numbers) it
//! declines, and the engine answers or explains.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::scan::{ATTRIBUTES, Scan, Token, TokenKind};
use super::{ExprError, Facts, Purpose};

/// How deep a plain expression may nest; the engine allows no more.
const DEPTH: usize = 64;

/// The native form of a plain expression.
pub(super) struct Plain {
    root: Node,
    line: usize,
    column: usize,
}

enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Attribute(Attribute),
    Data(Vec<String>),
    Has(Box<Self>),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare(Box<Self>, Operator, Box<Self>),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

#[derive(Clone, Copy)]
enum Attribute {
    Id,
    Source,
    Type,
    Subject,
    Time,
    Key,
    Hops,
    Number,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value while it is being looked at.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// An array or an object.
    Many,
}

impl Plain {
    /// Refuses what never has a value of the kind that is asked for.
    pub(super) fn check_purpose(&self, purpose: Purpose) -> Result<(), ExprError> {
        let found = match &self.root {
            Node::Int(_) | Node::Float(_) | Node::Attribute(Attribute::Time | Attribute::Hops | Attribute::Number) => {
                "a number"
            }
            Node::Text(_) | Node::Attribute(_) => "text",
            Node::Array(_) => "an array",
            Node::Object(_) => "an object",
            Node::Null
            | Node::Bool(_)
            | Node::Data(_)
            | Node::Has(_)
            | Node::Not(_)
            | Node::All(_)
            | Node::Any(_)
            | Node::Compare(..) => return Ok(()),
        };
        let (wanted, hint) = match purpose {
            Purpose::Condition => ("a condition is true or false", "Compare it with something, as in event.hops > 1"),
            Purpose::Key if matches!(self.root, Node::Array(_) | Node::Object(_)) => {
                ("a key is text or a number", "Choose one field, as in event.data.customer")
            }
            Purpose::Key | Purpose::Data | Purpose::Fold => return Ok(()),
        };
        let what = format!("{wanted}, this is {found}");
        Err(ExprError { what, line: self.line, column: self.column, hint: hint.to_owned() })
    }

    /// Whether it is true, if it can say.
    pub(super) fn test(&self, facts: &Facts<'_>) -> Option<bool> {
        match self.root.seen(facts)? {
            Seen::Bool(value) => Some(value),
            Seen::Null => Some(false),
            Seen::Int(_) | Seen::Float(_) | Seen::Text(_) | Seen::Many => None,
        }
    }

    /// Its text, if it can say.
    pub(super) fn text(&self, facts: &Facts<'_>) -> Option<String> {
        match self.root.seen(facts)? {
            Seen::Null => Some(String::new()),
            Seen::Bool(value) => Some(value.to_string()),
            Seen::Int(number) => Some(number.to_string()),
            Seen::Float(number) => Some(number.to_string()),
            Seen::Text(text) => Some(text.to_owned()),
            Seen::Many => None,
        }
    }

    /// Its value, if it can say.
    pub(super) fn value(&self, facts: &Facts<'_>) -> Option<Value> {
        self.root.value(facts)
    }
}

impl Node {
    /// What it is for an event; `None` leaves it to the engine.
    fn seen<'a>(&'a self, facts: &Facts<'a>) -> Option<Seen<'a>> {
        let seen = match self {
            Self::Null => Seen::Null,
            Self::Bool(value) => Seen::Bool(*value),
            Self::Int(number) => Seen::Int(*number),
            Self::Float(number) => Seen::Float(*number),
            Self::Text(text) => Seen::Text(text),
            Self::Attribute(attribute) => attribute.seen(facts),
            Self::Data(path) => seen(at_path(facts.data, path)?),
            Self::Has(value) => Seen::Bool(!matches!(value.seen(facts)?, Seen::Null)),
            Self::Not(value) => match value.seen(facts)? {
                Seen::Bool(value) => Seen::Bool(!value),
                _ => return None,
            },
            Self::All(parts) => return until(parts, facts, false),
            Self::Any(parts) => return until(parts, facts, true),
            Self::Compare(a, operator, b) => Seen::Bool(compare(a.seen(facts)?, *operator, b.seen(facts)?)?),
            Self::Array(_) | Self::Object(_) => Seen::Many,
        };
        Some(seen)
    }

    fn value(&self, facts: &Facts<'_>) -> Option<Value> {
        match self {
            Self::Data(path) => Some(as_engine_returns(at_path(facts.data, path)?)),
            Self::Array(items) => items.iter().map(|item| item.value(facts)).collect::<Option<_>>().map(Value::Array),
            Self::Object(fields) => {
                let fields = fields.iter().map(|(name, field)| Some((name.clone(), field.value(facts)?)));
                fields.collect::<Option<_>>().map(Value::Object)
            }
            _ => match self.seen(facts)? {
                Seen::Null => Some(Value::Null),
                Seen::Bool(value) => Some(value.into()),
                Seen::Int(number) => Some(number.into()),
                Seen::Float(number) => Number::from_f64(number).map(Value::Number),
                Seen::Text(text) => Some(text.into()),
                Seen::Many => None,
            },
        }
    }
}

impl Attribute {
    fn seen<'a>(self, facts: &Facts<'a>) -> Seen<'a> {
        let whole = |number| Seen::Int(i64::try_from(number).unwrap_or(i64::MAX));
        match self {
            Self::Id => Seen::Text(facts.id),
            Self::Source => Seen::Text(facts.source),
            Self::Type => Seen::Text(facts.kind),
            Self::Subject => Seen::Text(facts.subject),
            Self::Time => whole(facts.time_nanos),
            Self::Key => Seen::Text(facts.key),
            Self::Hops => Seen::Int(i64::from(facts.hops)),
            Self::Number => whole(facts.number),
        }
    }
}

/// The value at a path: null where a field is missing, nothing where only the engine knows fields (`"text".len`).
fn at_path<'a>(mut value: &'a Value, path: &[String]) -> Option<&'a Value> {
    static NULL: Value = Value::Null;
    for name in path {
        value = match value {
            Value::Object(fields) => fields.get(name).unwrap_or(&NULL),
            Value::Null => &NULL,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
        };
    }
    Some(value)
}

fn seen(value: &Value) -> Seen<'_> {
    match value {
        Value::Null => Seen::Null,
        Value::Bool(value) => Seen::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Seen::Int(number),
            None => Seen::Float(number.as_f64().unwrap_or(0.0)),
        },
        Value::String(text) => Seen::Text(text),
        Value::Array(_) | Value::Object(_) => Seen::Many,
    }
}

/// A copy in which numbers are those that the engine counts with.
fn as_engine_returns(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            number.as_f64().and_then(Number::from_f64).map_or(Value::Null, Value::Number)
        }
        Value::Array(items) => items.iter().map(as_engine_returns).collect(),
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), as_engine_returns(field))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The first part that is `stop` decides; parts behind it are not looked at.
fn until<'a>(parts: &'a [Node], facts: &Facts<'a>, stop: bool) -> Option<Seen<'a>> {
    for part in parts {
        match part.seen(facts)? {
            Seen::Bool(value) if value == stop => return Some(Seen::Bool(stop)),
            Seen::Bool(_) => {}
            _ => return None,
        }
    }
    Some(Seen::Bool(!stop))
}

/// Compares as the engine does: values of different kinds are unequal, and none is less than the other.
fn compare(a: Seen<'_>, operator: Operator, b: Seen<'_>) -> Option<bool> {
    let order = match (a, b) {
        (Seen::Int(a), Seen::Int(b)) => Some(a.cmp(&b)),
        (Seen::Int(a), Seen::Float(b)) => return Some(compare_floats(a as f64, operator, b)),
        (Seen::Float(a), Seen::Int(b)) => return Some(compare_floats(a, operator, b as f64)),
        (Seen::Float(a), Seen::Float(b)) => return Some(compare_floats(a, operator, b)),
        (Seen::Text(a), Seen::Text(b)) => Some(a.cmp(b)),
        (Seen::Bool(a), Seen::Bool(b)) => Some(a.cmp(&b)),
        (Seen::Many, Seen::Many) => return None,
        // Null is null, but it is not at most null.
        (Seen::Null, Seen::Null) => return Some(operator == Operator::Equal),
        _ => None,
    };
    Some(match operator {
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::Unequal => order != Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        Operator::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// Decimals that differ by no more than rounding are equal; the engine's formula, term by term.
fn compare_floats(a: f64, operator: Operator, b: f64) -> bool {
    let scale = if a * b == 0.0 { 1.0 } else { a.abs().max(b.abs()) };
    match operator {
        Operator::Equal => (a - b).abs() / scale <= f64::EPSILON,
        Operator::Unequal => (a - b).abs() / scale > f64::EPSILON,
        Operator::Less => (b - a) / scale > f64::EPSILON,
        Operator::LessOrEqual => (b - a) / scale > -f64::EPSILON,
        Operator::Greater => (a - b) / scale > f64::EPSILON,
        Operator::GreaterOrEqual => (a - b) / scale > -f64::EPSILON,
    }
}

/// Whether two numbers are equal as `==` sees them.
pub(super) fn numbers_equal(a: &Number, b: &Number) -> bool {
    match (a.as_i64(), b.as_i64()) {
        (Some(a), Some(b)) => a == b,
        _ => compare_floats(a.as_f64().unwrap_or(0.0), Operator::Equal, b.as_f64().unwrap_or(0.0)),
    }
}

// ---- reading ------------------------------------------------------------------------------------------------------

/// The native form, if the source is plain.
pub(super) fn parse(scan: &Scan) -> Option<Plain> {
    let first = scan.tokens.first()?;
    let mut parser = Parser { tokens: &scan.tokens, at: 0, depth: 0 };
    let root = parser.any()?;
    (parser.at == scan.tokens.len()).then_some(Plain { root, line: first.line, column: first.column })
}

/// Parts of `&&` and `||`; the engine refuses literals that are no conditions, and says so.
fn conditions(parts: Vec<Node>) -> Option<Vec<Node>> {
    let refused = |part: &Node| {
        matches!(part, Node::Null | Node::Int(_) | Node::Float(_) | Node::Text(_) | Node::Array(_) | Node::Object(_))
    };
    (!parts.iter().any(refused)).then_some(parts)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a TokenKind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(TokenKind::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> Option<&'a str> {
        let Some(TokenKind::Word(word)) = self.peek() else { return None };
        self.at += 1;
        // The engine knows no others.
        word.is_ascii().then_some(word)
    }

    fn any(&mut self) -> Option<Node> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.take("||") {
            parts.push(self.all()?);
        }
        if parts.len() == 1 { parts.pop() } else { conditions(parts).map(Node::Any) }
    }

    fn all(&mut self) -> Option<Node> {
        let first = self.equality()?;
        let mut parts = vec![first];
        while self.take("&&") {
            parts.push(self.equality()?);
        }
        if parts.len() == 1 { parts.pop() } else { conditions(parts).map(Node::All) }
    }

    fn equality(&mut self) -> Option<Node> {
        self.comparison(&[("==", Operator::Equal), ("!=", Operator::Unequal)], |parser| {
            parser.comparison(
                &[
                    ("<", Operator::Less),
                    ("<=", Operator::LessOrEqual),
                    (">", Operator::Greater),
                    (">=", Operator::GreaterOrEqual),
                ],
                Self::unary,
            )
        })
    }

    /// At most one: a comparison of comparisons is left to the engine.
    fn comparison(
        &mut self,
        operators: &[(&str, Operator)],
        operand: impl Fn(&mut Self) -> Option<Node>,
    ) -> Option<Node> {
        let first = operand(self)?;
        for (sign, operator) in operators {
            if self.take(sign) {
                let second = operand(self)?;
                return Some(Node::Compare(Box::new(first), *operator, Box::new(second)));
            }
        }
        Some(first)
    }

    fn unary(&mut self) -> Option<Node> {
        if self.take("!") {
            return self.deeper(Self::unary).map(|value| Node::Not(Box::new(value)));
        }
        if self.take("-") {
            return match self.number()? {
                Node::Int(number) => number.checked_neg().map(Node::Int),
                Node::Float(number) => Some(Node::Float(-number)),
                _ => None,
            };
        }
        self.primary()
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        let value = if self.depth > DEPTH { None } else { read(self) };
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Option<Node> {
        match self.peek()? {
            TokenKind::Number(_) => self.number(),
            TokenKind::Text(text) => {
                self.at += 1;
                text.clone().map(Node::Text)
            }
            TokenKind::Word(word) => {
                self.at += 1;
                match word.as_str() {
                    "null" => Some(Node::Null),
                    "true" => Some(Node::Bool(true)),
                    "false" => Some(Node::Bool(false)),
                    "event" => self.event(),
                    "has" if self.take("(") => {
                        let value = self.deeper(Self::any)?;
                        self.take(")").then(|| Node::Has(Box::new(value)))
                    }
                    _ => None,
                }
            }
            TokenKind::Sign("(") => {
                self.at += 1;
                let value = self.deeper(Self::any)?;
                self.take(")").then_some(value)
            }
            TokenKind::Sign("[") => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.take("]") {
                    items.push(self.deeper(Self::any)?);
                    if !self.take(",") && !matches!(self.peek(), Some(TokenKind::Sign("]"))) {
                        return None;
                    }
                }
                Some(Node::Array(items))
            }
            TokenKind::Sign("{" | "#{") => {
                self.at += 1;
                let mut fields = Vec::new();
                while !self.take("}") {
                    let name = match self.peek()? {
                        TokenKind::Word(name) => name.clone(),
                        TokenKind::Text(name) => name.clone()?,
                        TokenKind::Number(_) | TokenKind::Opaque | TokenKind::Sign(_) => return None,
                    };
                    self.at += 1;
                    // The engine says that a field is there twice.
                    if !self.take(":") || fields.iter().any(|(known, _)| *known == name) {
                        return None;
                    }
                    fields.push((name, self.deeper(Self::any)?));
                    if !self.take(",") && !matches!(self.peek(), Some(TokenKind::Sign("}"))) {
                        return None;
                    }
                }
                Some(Node::Object(fields))
            }
            TokenKind::Opaque | TokenKind::Sign(_) => None,
        }
    }

    fn number(&mut self) -> Option<Node> {
        let Some(TokenKind::Number(digits)) = self.peek() else { return None };
        self.at += 1;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits.parse().ok().map(Node::Int);
        }
        let decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: f64 = if decimal { digits.parse().ok()? } else { return None };
        number.is_finite().then_some(Node::Float(number))
    }

    fn event(&mut self) -> Option<Node> {
        if !self.take(".") {
            return None;
        }
        let name = self.word()?;
        debug_assert!(ATTRIBUTES.contains(&name), "the first look refuses others");
        let attribute = match name {
            "id" => Attribute::Id,
            "source" => Attribute::Source,
            "type" => Attribute::Type,
            "subject" => Attribute::Subject,
            "time" => Attribute::Time,
            "key" => Attribute::Key,
            "hops" => Attribute::Hops,
            "number" => Attribute::Number,
            "data" => {
                let mut path = Vec::new();
                while self.take(".") {
                    path.push(self.word()?.to_owned());
                }
                return Some(Node::Data(path));
            }
            _ => return None,
        };
        Some(Node::Attribute(attribute))
    }
}
