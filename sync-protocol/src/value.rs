//! JSON values, looked at wherever they stand: in trees of their own ([`serde_json::Value`]), or in
//! the text that they were read from ([`Borrowed`]). What only looks takes a [`ValueRef`], and a line
//! can be judged without taking it apart.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::{Map, Number, Value};

/// A value somewhere.
#[derive(Debug, Clone, Copy)]
pub enum ValueRef<'v> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(&'v Number),
    /// A text.
    Text(&'v str),
    /// A list.
    List(ListRef<'v>),
    /// An object.
    Object(ObjectRef<'v>),
}

/// The items of a list somewhere.
#[derive(Debug, Clone, Copy)]
pub enum ListRef<'v> {
    /// In a tree.
    Tree(&'v [Value]),
    /// In a text.
    Text(&'v [Borrowed<'v>]),
}

/// The members of an object somewhere.
#[derive(Debug, Clone, Copy)]
pub enum ObjectRef<'v> {
    /// In a tree.
    Tree(&'v Map<String, Value>),
    /// In a text.
    Text(&'v Members<'v>),
}

impl<'v> From<&'v Value> for ValueRef<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(ListRef::Tree(items)),
            Value::Object(members) => Self::Object(ObjectRef::Tree(members)),
        }
    }
}

impl<'v> From<&'v Borrowed<'_>> for ValueRef<'v> {
    fn from(value: &'v Borrowed<'_>) -> Self {
        match value {
            Borrowed::Null => Self::Null,
            Borrowed::Bool(flag) => Self::Bool(*flag),
            Borrowed::Number(number) => Self::Number(number),
            Borrowed::Text(text) => Self::Text(text),
            Borrowed::List(items) => Self::List(ListRef::Text(items)),
            Borrowed::Object(members) => Self::Object(ObjectRef::Text(members)),
        }
    }
}

impl<'v> ValueRef<'v> {
    /// Whether it is `null`.
    #[must_use]
    pub const fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_str(self) -> Option<&'v str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one that 64 bits hold with their sign.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The member of this name, if it is an object that has one.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }
}

impl PartialEq<Value> for ValueRef<'_> {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(one), Value::Bool(other)) => one == other,
            (Self::Number(one), Value::Number(other)) => *one == other,
            (Self::Text(one), Value::String(other)) => one == other,
            (Self::List(one), Value::Array(other)) => one.iter().eq(other),
            (Self::Object(one), Value::Object(other)) => {
                let both = || one.iter().zip(other);
                one.iter().count() == other.len()
                    && both().all(|((name, value), (other, held))| name == other && value == *held)
            }
            _ => false,
        }
    }
}

impl PartialEq<&Value> for ValueRef<'_> {
    fn eq(&self, other: &&Value) -> bool {
        self == *other
    }
}

impl<'v> ListRef<'v> {
    /// The items.
    pub fn iter(self) -> impl Iterator<Item = ValueRef<'v>> {
        let (tree, text): (&[Value], &[Borrowed<'v>]) = match self {
            Self::Tree(items) => (items, &[]),
            Self::Text(items) => (&[], items),
        };
        tree.iter()
            .map(ValueRef::from)
            .chain(text.iter().map(ValueRef::from))
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        match self {
            Self::Tree(items) => items.is_empty(),
            Self::Text(items) => items.is_empty(),
        }
    }
}

impl<'v> ObjectRef<'v> {
    /// The value of a member.
    #[must_use]
    pub fn get(self, name: &str) -> Option<ValueRef<'v>> {
        match self {
            Self::Tree(members) => members.get(name).map(ValueRef::from),
            Self::Text(members) => members.get(name).map(ValueRef::from),
        }
    }

    /// The members, in order of their names.
    pub fn iter(self) -> impl Iterator<Item = (&'v str, ValueRef<'v>)> {
        let (tree, text) = match self {
            Self::Tree(members) => (Some(members), None),
            Self::Text(members) => (None, Some(members)),
        };
        let tree = tree.into_iter().flatten();
        let tree = tree.map(|(name, value)| (name.as_str(), ValueRef::from(value)));
        tree.chain(text.into_iter().flat_map(Members::iter))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        match self {
            Self::Tree(members) => members.is_empty(),
            Self::Text(members) => members.0.is_empty(),
        }
    }
}

/// A value whose texts stand where they were read.
#[derive(Debug, Clone, PartialEq)]
pub enum Borrowed<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text; one with escapes is its own.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Borrowed<'t>>),
    /// An object.
    Object(Members<'t>),
}

/// The members of an object, in order of their names, each name once: of two members of one name the
/// last counts, as in any JSON object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members<'t>(Vec<Member<'t>>);

#[derive(Debug, Clone, PartialEq)]
struct Member<'t> {
    /// What the name begins with: most names are told apart by it.
    head: u64,
    name: Cow<'t, str>,
    value: Borrowed<'t>,
}

/// The first eight bytes of a name as a number: names are in the order of these numbers, and where
/// those are the same in the order of their texts.
pub(crate) fn head(name: &str) -> u64 {
    let mut bytes = [0; 8];
    for (byte, of_name) in bytes.iter_mut().zip(name.bytes()) {
        *byte = of_name;
    }
    u64::from_be_bytes(bytes)
}

impl<'t> Members<'t> {
    fn new(mut members: Vec<Member<'t>>) -> Self {
        fn key<'m>(member: &'m Member<'_>) -> (u64, &'m str) {
            (member.head, &member.name)
        }
        // Whoever writes JSON by program mostly writes members in order.
        if !members.is_sorted_by(|one, other| key(one) < key(other)) {
            members.reverse();
            members.sort_by(|one, other| key(one).cmp(&key(other)));
            members.dedup_by(|later, kept| later.name == kept.name);
        }
        Self(members)
    }

    /// Where a member stands, or would stand.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let head = head(name);
        let by_name = |held: &Member<'_>| (*held.name).cmp(name);
        self.0
            .binary_search_by(|held| held.head.cmp(&head).then_with(|| by_name(held)))
    }

    /// The value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Borrowed<'t>> {
        let at = self.find(name).ok()?;
        self.0.get(at).map(|member| &member.value)
    }

    /// The members, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        let members = self.0.iter();
        members.map(|member| (&*member.name, ValueRef::from(&member.value)))
    }

    /// The members from this name on.
    pub(crate) fn starting_at(&self, name: &str) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        let (Ok(from) | Err(from)) = self.find(name);
        let rest = self.0.get(from..).unwrap_or_default();
        rest.iter()
            .map(|member| (&*member.name, ValueRef::from(&member.value)))
    }

    /// The same in a tree of its own.
    #[must_use]
    pub fn into_tree(self) -> BTreeMap<String, Value> {
        self.into_values().collect()
    }

    fn into_values(self) -> impl Iterator<Item = (String, Value)> {
        let members = self.0.into_iter();
        members.map(|member| (member.name.into_owned(), member.value.into()))
    }
}

impl From<Borrowed<'_>> for Value {
    fn from(value: Borrowed<'_>) -> Self {
        match value {
            Borrowed::Null => Self::Null,
            Borrowed::Bool(flag) => Self::Bool(flag),
            Borrowed::Number(number) => Self::Number(number),
            Borrowed::Text(text) => Self::String(text.into_owned()),
            Borrowed::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Borrowed::Object(members) => Self::Object(members.into_values().collect()),
        }
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for member in &self.0 {
            map.serialize_entry(&member.name, &member.value)?;
        }
        map.end()
    }
}

impl Serialize for Borrowed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items
                    .iter()
                    .try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

impl<'de: 't, 't> Deserialize<'de> for Borrowed<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BorrowedVisitor)
    }
}

struct BorrowedVisitor;

impl<'de> Visitor<'de> for BorrowedVisitor {
    type Value = Borrowed<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Borrowed::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Borrowed::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Borrowed::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Borrowed::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Borrowed::Null, Borrowed::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Borrowed::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Borrowed::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Borrowed::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Members::read(map).map(Borrowed::Object)
    }
}

impl<'de> Members<'de> {
    /// Reads the members of an object.
    pub(crate) fn read<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = map.next_entry()? {
            let head = head(&name);
            members.push(Member { head, name, value });
        }
        Ok(Self::new(members))
    }
}

/// The name of a member: serde gives owned texts to whoever asks for a `Cow`.
struct Name<'t>(Cow<'t, str>);

impl<'de: 't, 't> Deserialize<'de> for Name<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Names that begin alike, over more than eight bytes, too.
    fn name() -> impl Strategy<Value = String> {
        let entry = "itinerary/01a20099-0ebf-7a11-8c21-6f0f2a9d4b01";
        let odd = [
            "itinerar",
            "itinerary",
            "itinerary_code",
            entry,
            "a\0",
            "a\0b",
            "王",
            "",
        ];
        prop_oneof![
            "[a-c/\"]{0,2}",
            prop::sample::select(odd.to_vec()).prop_map(str::to_owned),
        ]
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c\\\\\"\u{1F912}王/]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 5, |inner| {
            let members = prop::collection::btree_map(name(), inner.clone(), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_the_same_wherever_it_stands(value in json(), other in json()) {
            let text = value.to_string();
            let borrowed: Borrowed<'_> = serde_json::from_str(&text).unwrap();
            // A fraction is read as near as may be.
            let read: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&borrowed).unwrap(), read.to_string());
            let seen = [ValueRef::from(&borrowed), ValueRef::from(&read)];
            for seen in seen {
                prop_assert!(seen == read);
                prop_assert_eq!(seen == other, read == other);
            }
            prop_assert_eq!(Value::from(borrowed), read);
        }

        #[test]
        fn of_two_members_of_one_name_the_last_counts(names in prop::collection::vec(name(), 0..12), wanted in name()) {
            let of = |(at, name): (usize, &String)| format!("{}:{at}", Value::from(name.as_str()));
            let members: Vec<_> = names.iter().enumerate().map(of).collect();
            let text = format!("{{{}}}", members.join(","));
            let tree: Value = serde_json::from_str(&text).unwrap();
            let tree = tree.as_object().unwrap();
            let Borrowed::Object(members) = serde_json::from_str(&text).unwrap() else {
                panic!("no object")
            };
            for name in names.iter().chain([&wanted]) {
                let found = members.get(name).map(ValueRef::from);
                let expected = tree.get(name).and_then(Value::as_i64);
                prop_assert_eq!(found.and_then(ValueRef::as_i64), expected);
                let rest: Vec<_> = members.starting_at(name).map(|(name, _)| name).collect();
                let expected: Vec<_> = tree.keys().filter(|held| *held >= name).collect();
                prop_assert_eq!(rest, expected);
            }
        }
    }
}
