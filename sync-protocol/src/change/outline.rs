//! The members of a line, read in one pass: texts stay where they stand. Of what is wrong with a member
//! nothing is said here but that it is of another type; of two members of one name the last counts, as in
//! any JSON object.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::is_name;
use crate::MAX_INTEGER;
use crate::value::{self, Borrowed};

/// A line, as far as it is JSON.
pub(super) enum Outline<'a> {
    Parts(Box<Parts<'a>>),
    /// No object.
    Other,
}

/// What a line may say.
#[derive(Default)]
pub(super) struct Parts<'a> {
    pub(super) lost: Part<'a>,
    pub(super) era: Part<'a>,
    pub(super) schema: Part<'a>,
    pub(super) stamp: Part<'a>,
    pub(super) kind: Part<'a>,
    pub(super) record: Part<'a>,
    pub(super) base: Part<'a>,
    pub(super) saw: Part<'a>,
    pub(super) scope: Part<'a>,
    pub(super) parent: Part<'a>,
    pub(super) whole: Part<'a>,
    pub(super) set: Set<'a>,
}

/// A member that says one thing.
#[derive(Default)]
pub(super) enum Part<'a> {
    #[default]
    Absent,
    Null,
    Boolean(bool),
    /// A whole number that is not negative.
    Integer(u64),
    Text(Cow<'a, str>),
    /// Something that no member of a change is.
    Other,
}

/// What a change sets.
#[derive(Default)]
pub(super) enum Set<'a> {
    #[default]
    Absent,
    Fields(value::Members<'a>),
    /// No object.
    Other,
}

impl Parts<'_> {
    /// The kind, if it is named as one may be.
    pub(super) fn kind(&self) -> Option<String> {
        self.kind
            .text()
            .filter(|kind| is_name(kind))
            .map(str::to_owned)
    }
}

impl Part<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What the text says.
    pub(super) fn parsed<T: FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }

    /// A number that every language reads the same.
    pub(super) fn integer(&self) -> Option<u64> {
        match self {
            Self::Integer(n) => {
                Some(*n).filter(|n| i64::try_from(*n).is_ok_and(|n| n <= MAX_INTEGER))
            }
            _ => None,
        }
    }
}

/// The name of a member.
enum Name {
    Lost,
    Era,
    Schema,
    Stamp,
    Kind,
    Record,
    Base,
    Saw,
    Scope,
    Parent,
    Whole,
    Set,
    /// Of a later version: passed over.
    Unknown,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "lost" => Name::Lost,
            "era" => Name::Era,
            "schema" => Name::Schema,
            "stamp" => Name::Stamp,
            "kind" => Name::Kind,
            "record" => Name::Record,
            "base" => Name::Base,
            "saw" => Name::Saw,
            "scope" => Name::Scope,
            "parent" => Name::Parent,
            "whole" => Name::Whole,
            "set" => Name::Set,
            _ => Name::Unknown,
        })
    }
}

/// Reads the rest of a list or an object, which must be sound, and forgets it.
fn pass_items<'de, A: SeqAccess<'de>>(mut items: A) -> Result<(), A::Error> {
    while items.next_element::<Borrowed<'de>>()?.is_some() {}
    Ok(())
}

fn pass_members<'de, A: MapAccess<'de>>(members: A) -> Result<(), A::Error> {
    value::Members::read(members)?;
    Ok(())
}

/// What a visitor answers to everything that it has no use for.
macro_rules! otherwise {
    ($($what:ident($of:ty)),* => $other:expr) => {
        $(fn $what<E>(self, _: $of) -> Result<Self::Value, E> {
            Ok($other)
        })*
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for Outline<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OutlineVisitor)
    }
}

struct OutlineVisitor;

impl<'de> Visitor<'de> for OutlineVisitor {
    type Value = Outline<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a change")
    }

    otherwise!(visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str) => Outline::Other);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Outline::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        pass_items(items).map(|()| Outline::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Box::<Parts<'de>>::default();
        while let Some(name) = map.next_key()? {
            let member = match name {
                Name::Set => {
                    members.set = map.next_value()?;
                    continue;
                }
                Name::Unknown => {
                    // What is passed over must be sound, too: the line may be kept.
                    map.next_value::<Borrowed<'de>>()?;
                    continue;
                }
                Name::Lost => &mut members.lost,
                Name::Era => &mut members.era,
                Name::Schema => &mut members.schema,
                Name::Stamp => &mut members.stamp,
                Name::Kind => &mut members.kind,
                Name::Record => &mut members.record,
                Name::Base => &mut members.base,
                Name::Saw => &mut members.saw,
                Name::Scope => &mut members.scope,
                Name::Parent => &mut members.parent,
                Name::Whole => &mut members.whole,
            };
            *member = map.next_value()?;
        }
        Ok(Outline::Parts(members))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member of a change")
    }

    otherwise!(visit_i64(i64), visit_f64(f64) => Part::Other);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Part::Null)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Self::Value, E> {
        Ok(Part::Boolean(boolean))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Part::Integer(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Part::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Part::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        pass_items(items).map(|()| Part::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        pass_members(members).map(|()| Part::Other)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Set<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SetVisitor)
    }
}

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = Set<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what a change sets")
    }

    otherwise!(visit_bool(bool), visit_u64(u64), visit_i64(i64), visit_f64(f64), visit_str(&str) => Set::Other);

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Set::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        pass_items(items).map(|()| Set::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        value::Members::read(map).map(Set::Fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::super::{Change, Heading, Line, parse};

    use super::*;

    const NAMES: [&str; 14] = [
        "era", "schema", "stamp", "kind", "record", "base", "saw", "scope", "parent", "whole",
        "set", "lost", "later", "",
    ];
    const TEXTS: [&str; 22] = [
        "null",
        "true",
        "false",
        "0",
        "3",
        "-3",
        "1.5",
        "1e2",
        "1e999",
        "9007199254740991",
        "9007199254740992",
        "18446744073709551616",
        "\"\"",
        "\"registration\"",
        "\"Registration\"",
        "\"checkpoint:S17\"",
        "\"01a200990ebf0000\"",
        "\"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01\"",
        "\"\\u0072egistration\"",
        "[1,{\"a\":null}]",
        "{\"health_code\":\"green\",\"health_code\":\"red\",\"mode\":1e999}",
        "{\"health_code\":\"green\",\"mode\":\"full\",\"mode\":\"tally\"}",
    ];

    /// The same, read out of a tree of values.
    fn by_tree(text: &str) -> Result<Change, (&'static str, String)> {
        let of = |code, name: &str| (code, name.to_owned());
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let error = error.to_string();
            let code = if error.starts_with("number out of range") {
                "number"
            } else {
                "json"
            };
            of(code, "")
        })?;
        let Value::Object(members) = value else {
            return Err(of("type", ""));
        };
        let integer = |name: &str| {
            members
                .get(name)?
                .as_u64()
                .filter(|n| *n <= 9_007_199_254_740_991)
        };
        fn text_of<T: FromStr>(members: &Map<String, Value>, name: &str) -> Option<T> {
            members.get(name)?.as_str()?.parse().ok()
        }
        let lacks = |name: &str| {
            let code = if members.contains_key(name) {
                "type"
            } else {
                "missing"
            };
            of(code, name)
        };
        let optional = |name: &str, found: bool| match members.get(name) {
            None | Some(Value::Null) => Ok(()),
            Some(_) if found => Ok(()),
            Some(_) => Err(of("type", name)),
        };
        let whole = match members.get("whole") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(whole)) => *whole,
            Some(_) => return Err(of("type", "whole")),
        };
        let era = integer("era").ok_or_else(|| lacks("era"))?;
        let schema = integer("schema").and_then(|n| n.try_into().ok());
        let schema = schema.ok_or_else(|| lacks("schema"))?;
        let stamp = text_of(&members, "stamp").ok_or_else(|| lacks("stamp"))?;
        let kind: Option<String> = text_of(&members, "kind").filter(|kind: &String| is_name(kind));
        let kind = kind.ok_or_else(|| lacks("kind"))?;
        let record = text_of(&members, "record").ok_or_else(|| lacks("record"))?;
        let (base, saw) = (integer("base"), text_of(&members, "saw"));
        optional("base", base.is_some())?;
        optional("saw", saw.is_some())?;
        let (scope, parent) = (text_of(&members, "scope"), text_of(&members, "parent"));
        optional("scope", scope.is_some())?;
        optional("parent", parent.is_some())?;
        let set = match members.get("set") {
            Some(Value::Object(set)) => set.clone().into_iter().collect(),
            _ => return Err(lacks("set")),
        };
        let heading = Heading {
            era,
            schema,
            stamp,
            kind,
            record,
            base,
            saw,
            scope,
            parent,
            whole,
        };
        Ok(Change { heading, set })
    }

    fn line() -> impl Strategy<Value = String> {
        let good = [
            ("era", "3"),
            ("schema", "3"),
            ("stamp", "\"01a200990ebf0000\""),
            ("kind", "\"registration\""),
            ("record", "\"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01\""),
            ("set", "{\"health_code\":\"green\"}"),
        ];
        let member = (
            prop::sample::select(&NAMES[..]),
            prop::sample::select(&TEXTS[..]),
        );
        let others = prop::collection::vec((member, any::<prop::sample::Index>()), 0..4);
        (others, 0..=good.len()).prop_map(move |(others, left)| {
            let mut members: Vec<(&str, &str)> = good.iter().copied().take(left).collect();
            for (member, at) in others {
                members.insert(at.index(members.len() + 1), member);
            }
            let members = members
                .iter()
                .map(|(name, text)| format!("{name:?}:{text}"));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn a_line_says_the_same_as_its_tree_of_values(line in line()) {
            let lost = serde_json::from_str::<Value>(&line).is_ok_and(|tree| tree["lost"].is_string());
            match (parse(line.as_bytes()), by_tree(&line)) {
                (Ok(Line::Lost(_)), _) => prop_assert!(lost),
                (Ok(Line::Change(change)), tree) => prop_assert_eq!(Ok(*change), tree),
                (Err(fault), Err(tree)) => prop_assert_eq!((fault.code, fault.path), tree),
                // The values are judged after the members.
                (Err(fault), Ok(_)) => prop_assert!(fault.path.starts_with("set")),
            }
        }
    }
}
