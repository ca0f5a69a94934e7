//! A document as nested groups of words: what is between serde, which knows the shape, and the layout, which knows
//! the lines.
//!
//! RON's own pretty printer breaks either every struct or none below a depth; for diffs that people read it must be
//! decided by what fits a line, and for that the whole group has to be known first.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

/// A value as text, or a group of values in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// A number, a word.
    Word(String),
    /// A text, not yet in quotes: which quotes are best depends on the room.
    Text(String),
    /// Values in brackets.
    Group(Group),
}

/// Values in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    /// What stands before the bracket: the name of a variant or a document.
    pub(super) name: String,
    /// Which brackets.
    pub(super) brackets: Brackets,
    /// The values, each with its label.
    pub(super) items: Vec<(Label, Tree)>,
}

/// Which brackets a group has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brackets {
    /// `( )`
    Struct,
    /// `[ ]`
    List,
    /// `{ }`
    Map,
}

/// What stands before a value in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// Nothing: it is an item of a list.
    None,
    /// The name of a field.
    Field(&'static str),
    /// A key of a map.
    Key(String),
}

impl Tree {
    /// Puts a name before the brackets.
    pub(super) fn name(&mut self, name: &str) {
        if let Self::Group(group) = self {
            name.clone_into(&mut group.name);
        }
    }
}

/// The tree of a document of the model.
pub(super) fn of<T: Serialize>(document: &T) -> Tree {
    document.serialize(Builder).expect("the types of the model serialise without conditions")
}

/// No type of the model makes one.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unwritable(String);

impl serde::ser::Error for Unwritable {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct Builder;

/// A group that is being filled.
struct Filling {
    group: Group,
    key: Option<String>,
}

impl Filling {
    fn new(name: &str, brackets: Brackets) -> Self {
        Self { group: Group { name: name.to_owned(), brackets, items: Vec::new() }, key: None }
    }

    fn push<T: Serialize + ?Sized>(&mut self, label: Label, value: &T) -> Result<(), Unwritable> {
        self.group.items.push((label, value.serialize(Builder)?));
        Ok(())
    }

    fn done(self) -> Tree {
        Tree::Group(self.group)
    }
}

macro_rules! words {
    ($($method:ident: $type:ty),+) => {$(
        fn $method(self, value: $type) -> Result<Tree, Unwritable> {
            Ok(Tree::Word(value.to_string()))
        }
    )+};
}

impl Serializer for Builder {
    type Ok = Tree;
    type Error = Unwritable;
    type SerializeSeq = Filling;
    type SerializeTuple = Filling;
    type SerializeTupleStruct = Filling;
    type SerializeTupleVariant = Filling;
    type SerializeMap = Filling;
    type SerializeStruct = Filling;
    type SerializeStructVariant = Filling;

    words!(serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_f32(self, value: f32) -> Result<Tree, Unwritable> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<Tree, Unwritable> {
        // Without exponent, and always with a point: a chance of 1 is read as a chance, not as a count.
        let text = value.to_string();
        Ok(Tree::Word(if text.contains('.') { text } else { format!("{text}.0") }))
    }

    fn serialize_char(self, value: char) -> Result<Tree, Unwritable> {
        Ok(Tree::Text(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<Tree, Unwritable> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Tree, Unwritable> {
        Err(Unwritable("a flow holds no bytes".to_owned()))
    }

    fn serialize_none(self) -> Result<Tree, Unwritable> {
        Ok(Tree::Word("None".to_owned()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Tree, Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Tree, Unwritable> {
        Ok(Tree::Word("()".to_owned()))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Tree, Unwritable> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Tree, Unwritable> {
        Ok(Tree::Word(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Tree, Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Tree, Unwritable> {
        match value.serialize(Self)? {
            // `Bus((topics: …))` reads worse than `Bus(topics: …)`: the extension `unwrap_variant_newtypes`.
            Tree::Group(group) if group.brackets == Brackets::Struct && group.name.is_empty() => {
                Ok(Tree::Group(Group { name: variant.to_owned(), ..group }))
            }
            inner => {
                let items = vec![(Label::None, inner)];
                Ok(Tree::Group(Group { name: variant.to_owned(), brackets: Brackets::Struct, items }))
            }
        }
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Filling, Unwritable> {
        Ok(Filling::new("", Brackets::List))
    }

    fn serialize_tuple(self, _: usize) -> Result<Filling, Unwritable> {
        Ok(Filling::new("", Brackets::Struct))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Filling, Unwritable> {
        Ok(Filling::new("", Brackets::Struct))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Filling, Unwritable> {
        Ok(Filling::new(variant, Brackets::Struct))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Filling, Unwritable> {
        Ok(Filling::new("", Brackets::Map))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Filling, Unwritable> {
        Ok(Filling::new("", Brackets::Struct))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Filling, Unwritable> {
        Ok(Filling::new(variant, Brackets::Struct))
    }
}

macro_rules! unlabelled {
    ($($trait:ident $method:ident),+) => {$(
        impl $trait for Filling {
            type Ok = Tree;
            type Error = Unwritable;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
                self.push(Label::None, value)
            }

            fn end(self) -> Result<Tree, Unwritable> {
                Ok(self.done())
            }
        }
    )+};
}

unlabelled!(SerializeSeq serialize_element, SerializeTuple serialize_element);
unlabelled!(SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

macro_rules! labelled {
    ($($trait:ident),+) => {$(
        impl $trait for Filling {
            type Ok = Tree;
            type Error = Unwritable;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                field: &'static str,
                value: &T,
            ) -> Result<(), Unwritable> {
                self.push(Label::Field(field), value)
            }

            fn end(self) -> Result<Tree, Unwritable> {
                Ok(self.done())
            }
        }
    )+};
}

labelled!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Filling {
    type Ok = Tree;
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        match key.serialize(Builder)? {
            Tree::Text(text) => self.key = Some(text),
            Tree::Word(_) | Tree::Group(_) => return Err(Unwritable("the keys of a flow's maps are text".to_owned())),
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let label = self.key.take().map_or(Label::None, Label::Key);
        self.push(label, value)
    }

    fn end(self) -> Result<Tree, Unwritable> {
        Ok(self.done())
    }
}
