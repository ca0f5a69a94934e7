//! Everything that the language offers by name, with an example that a test evaluates: for completion, help and README.

/// An attribute of an event.
#[derive(Clone, Copy, Debug)]
pub struct AttributeHelp {
    /// Behind `event.`.
    pub name: &'static str,
    /// What it is, in a sentence without its full stop.
    pub about: &'static str,
}

/// A function.
#[derive(Clone, Copy, Debug)]
pub struct FunctionHelp {
    /// Its name.
    pub name: &'static str,
    /// How it is called: `round(x, decimals)`.
    pub form: &'static str,
    /// What it says, in a sentence without its full stop.
    pub about: &'static str,
    /// An expression that uses it.
    pub example: &'static str,
    /// What that expression says, as JSON.
    pub says: &'static str,
    /// What it is about.
    pub group: FunctionGroup,
}

/// What a function is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FunctionGroup {
    /// Whether something is there, and what it is.
    Values,
    /// Text.
    Text,
    /// Numbers.
    Numbers,
    /// Arrays and objects.
    Lists,
    /// Times and durations.
    Times,
    /// Chance.
    Chance,
}

impl FunctionGroup {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 6] = [Self::Values, Self::Text, Self::Numbers, Self::Lists, Self::Times, Self::Chance];

    /// What people call it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Values => "Values",
            Self::Text => "Text",
            Self::Numbers => "Numbers",
            Self::Lists => "Arrays and objects",
            Self::Times => "Times",
            Self::Chance => "Chance",
        }
    }
}

/// The attributes of an event, those first that are asked for most.
pub const ATTRIBUTE_HELP: [AttributeHelp; 9] = [
    AttributeHelp { name: "data", about: "What it carries; a field that is missing is null" },
    AttributeHelp { name: "type", about: "Its type, as in order.placed" },
    AttributeHelp { name: "key", about: "Its partition key, empty if there is none" },
    AttributeHelp { name: "id", about: "Its id: the node it came from and its number" },
    AttributeHelp { name: "source", about: "The id of the node that it came from" },
    AttributeHelp { name: "number", about: "Its number among the events of its node, counted from 0" },
    AttributeHelp { name: "time", about: "When it came into being, in nanoseconds of the run" },
    AttributeHelp { name: "hops", about: "How many events it is away from its root cause" },
    AttributeHelp { name: "subject", about: "What it is about, if a log says so; else empty" },
];

/// Words of the language, and what each is for.
pub const KEYWORDS: [(&str, &str); 9] = [
    ("true", "Yes"),
    ("false", "No"),
    ("null", "Nothing: what a missing field is"),
    ("if", "One of two values: if a > b { a } else { b }"),
    ("else", "The other value of an if"),
    ("switch", "One of many values: switch event.key { \"a\" => 1, _ => 2 }"),
    ("let", "A name for a value: let total = event.data.a + event.data.b; total > 9"),
    ("in", "Whether an array has it, or a text contains it: \"a\" in [\"a\", \"b\"]"),
    ("const", "A name for a value that stays"),
];

const fn f(
    group: FunctionGroup,
    form: &'static str,
    about: &'static str,
    example: &'static str,
    says: &'static str,
) -> FunctionHelp {
    let bytes = form.as_bytes();
    let mut end = 0;
    while bytes[end] != b'(' {
        end += 1;
    }
    let (name, _) = form.split_at(end);
    FunctionHelp { name, form, about, example, says, group }
}

use FunctionGroup::{Chance, Lists, Numbers, Text, Times, Values};

/// Every function that the reference names. The engine knows a few more of the same kind.
pub const FUNCTIONS: &[FunctionHelp] = &[
    f(Values, "has(x)", "Whether it is there", "has(event.data.missing)", "false"),
    f(Values, "kind(x)", "null, bool, number, text, array or object", "kind([1])", "\"array\""),
    f(Values, "number(x)", "The number that a text holds; null if it holds none", "number(\" 12.5 \")", "12.5"),
    f(Values, "text(x)", "As text; of null the empty one", "text(12) + text(null)", "\"12\""),
    f(Text, "len(x)", "How many characters, elements or fields", "len(\"abc\")", "3"),
    f(
        Text,
        "contains(x, part)",
        "Whether a text has a part, or an array an element",
        "contains(\"abc\", \"bc\")",
        "true",
    ),
    f(Text, "starts_with(text, part)", "Whether it begins so", "starts_with(\"abc\", \"ab\")", "true"),
    f(Text, "ends_with(text, part)", "Whether it ends so", "ends_with(\"abc\", \"bc\")", "true"),
    f(
        Text,
        "matches(text, pattern)",
        "Whether a name fits a pattern: * is one part, > all the rest",
        "matches(\"order.placed\", \"order.*\")",
        "true",
    ),
    f(Text, "to_upper(text)", "In capitals", "to_upper(\"abc\")", "\"ABC\""),
    f(Text, "to_lower(text)", "In small letters", "to_lower(\"ABC\")", "\"abc\""),
    f(Text, "trimmed(text)", "Without blanks at its ends", "trimmed(\"  abc \")", "\"abc\""),
    f(
        Text,
        "replaced(text, from, to)",
        "With one part in place of another",
        "replaced(\"a-b-c\", \"-\", \"+\")",
        "\"a+b+c\"",
    ),
    f(Text, "padded(x, length, fill)", "Filled up at the front", "padded(7, 3, \"0\")", "\"007\""),
    f(
        Text,
        "sub_string(text, from, length)",
        "A part of it, counted from 0",
        "sub_string(\"abcdef\", 2, 3)",
        "\"cde\"",
    ),
    f(Text, "index_of(text, part)", "Where a part begins; -1 if nowhere", "index_of(\"abc\", \"c\")", "2"),
    f(Text, "split(text, by)", "Its parts, as an array", "split(\"a,b\", \",\")", "[\"a\",\"b\"]"),
    f(
        Text,
        "hash(x)",
        "A whole number made of it, the same on every machine",
        "hash(\"anna\") == hash(\"anna\")",
        "true",
    ),
    f(
        Text,
        "bucket(x, n)",
        "Which of n buckets it falls into, counted from 0: a key for partitions of one's own",
        "bucket(\"anna\", 4) < 4",
        "true",
    ),
    f(Numbers, "round(x, decimals)", "To so many decimals", "round(3.14159, 2)", "3.14"),
    f(Numbers, "floor(x)", "The whole number at or below it", "floor(2.7)", "2.0"),
    f(Numbers, "ceiling(x)", "The whole number at or above it", "ceiling(2.1)", "3.0"),
    f(Numbers, "to_int(x)", "Its whole part", "to_int(2.7)", "2"),
    f(Numbers, "to_float(x)", "As a decimal", "to_float(2)", "2.0"),
    f(
        Numbers,
        "floor_to(x, step)",
        "The multiple of a step at or below it: where its window begins",
        "floor_to(127, 50)",
        "100",
    ),
    f(Numbers, "clamp(x, least, most)", "Not below the one, nor above the other", "clamp(12, 0, 10)", "10"),
    f(Numbers, "abs(x)", "Without its sign", "abs(-3)", "3"),
    f(Numbers, "min(a, b)", "The smaller of two numbers; of an array the smallest element", "min([3, 1, 2])", "1"),
    f(Numbers, "max(a, b)", "The larger of two numbers; of an array the largest element", "max(2, 5)", "5"),
    f(Numbers, "pow(x, y)", "x to the power of y", "pow(2, 10)", "1024"),
    f(Numbers, "sqrt(x)", "The square root", "sqrt(9.0)", "3.0"),
    f(Numbers, "exp(x)", "e to the power of x", "exp(0.0)", "1.0"),
    f(Numbers, "ln(x)", "The natural logarithm", "ln(1.0)", "0.0"),
    f(Numbers, "sin(x)", "The sine; there are cos, tan and their inverses too", "sin(0.0)", "0.0"),
    f(Lists, "sum(array)", "All numbers together; missing ones count nothing", "sum([1, 2, null, 3])", "6"),
    f(Lists, "avg(array)", "The mean; null of none", "avg([1, 2])", "1.5"),
    f(Lists, "first(array)", "The first element; null if there is none", "first([4, 5])", "4"),
    f(Lists, "last(array)", "The last element; null if there is none", "last([4, 5])", "5"),
    f(Lists, "pluck(array, field)", "One field of each element", "pluck([{ \"n\": 1 }, { \"n\": 2 }], \"n\")", "[1,2]"),
    f(
        Lists,
        "only(array, field, value)",
        "The elements whose field has this value",
        "only([{ \"a\": 1 }, { \"a\": 2 }], \"a\", 2)",
        "[{\"a\":2}]",
    ),
    f(
        Lists,
        "count(array, field, value)",
        "How many elements have this value in a field",
        "count([{ \"a\": 1 }, { \"a\": 1 }], \"a\", 1)",
        "2",
    ),
    f(Lists, "join(array, between)", "All elements as one text", "join([\"a\", 1], \"-\")", "\"a-1\""),
    f(Lists, "sorted(array)", "Smallest first; missing ones last", "sorted([3, 1, 2])", "[1,2,3]"),
    f(Lists, "reversed(array)", "Last first", "reversed([1, 2])", "[2,1]"),
    f(Lists, "unique(array)", "Each element once", "unique([1, 2, 1])", "[1,2]"),
    f(Lists, "keys(object)", "The names of its fields", "keys({ \"a\": 1 })", "[\"a\"]"),
    f(Lists, "values(object)", "The values of its fields", "values({ \"a\": 1 })", "[1]"),
    f(
        Lists,
        "merge(object, other)",
        "Both together; where both have a field, the other's",
        "merge({ \"a\": 1 }, { \"a\": 2, \"b\": 3 })",
        "{\"a\":2,\"b\":3}",
    ),
    f(
        Lists,
        "without(object, field)",
        "All of it but for a field",
        "without({ \"a\": 1, \"b\": 2 }, \"a\")",
        "{\"b\":2}",
    ),
    f(Times, "duration(text)", "In nanoseconds, the unit of event.time", "duration(\"1m30s\")", "90000000000"),
    f(
        Times,
        "instant(text)",
        "Milliseconds since 1970 of a date and time; null if it is none",
        "instant(\"1970-01-02T00:00:01Z\")",
        "86401000",
    ),
    f(
        Times,
        "iso(millis)",
        "Milliseconds since 1970 as a date and time",
        "iso(86401000)",
        "\"1970-01-02T00:00:01.000Z\"",
    ),
    f(
        Times,
        "part_of(millis, part)",
        "year, month, day, hour, minute, second or weekday",
        "part_of(86401000, \"weekday\")",
        "5",
    ),
    f(
        Chance,
        "random(from, to)",
        "A number between two, whole if both are; without them, from 0 up to 1",
        "random(3, 3)",
        "3",
    ),
    f(Chance, "pick(array)", "One of its elements, each as likely", "pick([7])", "7"),
];
