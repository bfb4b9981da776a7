//! Conditions of a rule, and whether they hold. What is not there satisfies nothing but `absent`:
//! a rule never holds because a volunteer left something out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::kind::{Path, Values, field_values, values_at};
use crate::value::{ListRef, ValueRef};

type Lists = BTreeMap<String, Vec<String>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// One entry of a map satisfies all of these at once; their paths name members.
    Entry {
        map: String,
        all: Vec<(String, Test)>,
    },
    Field(Path, Test),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Present,
    Absent,
    Equal(Value),
    Differs(Value),
    /// One of these; for a list of codes, any of its items is.
    In(Vec<Value>),
    NotIn(Vec<Value>),
    /// An area code inside one of these areas.
    Under(Vec<String>),
    /// The same by a list of the document.
    InList(String),
    UnderList(String),
    Above(i64),
    AtLeast(i64),
    Below(i64),
    AtMost(i64),
}

impl Condition {
    /// The paths that are looked at.
    pub(super) fn paths(&self, into: &mut Vec<Path>) {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().for_each(|one| one.paths(into)),
            Self::Entry { map, all } => into.extend(all.iter().map(|(member, _)| Path {
                field: map.clone(),
                member: Some(member.clone()),
            })),
            Self::Field(path, _) => into.push(path.clone()),
        }
    }

    pub(super) fn holds(&self, fields: &impl Values, lists: &Lists) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.holds(fields, lists)),
            Self::Any(any) => any.iter().any(|one| one.holds(fields, lists)),
            Self::Entry { map, all } => field_values(fields, map).any(|entry| {
                all.iter().all(|(member, test)| {
                    let value = entry.get(member).filter(|value| !value.is_null());
                    test.holds(value.into_iter(), lists)
                })
            }),
            Self::Field(path, test) => test.holds(values_at(fields, path), lists),
        }
    }
}

impl Test {
    /// For a path through a map there are several values: any of them will do.
    fn holds<'v>(&self, mut values: impl Iterator<Item = ValueRef<'v>>, lists: &Lists) -> bool {
        let mut there = false;
        let mut any = |satisfies: &dyn Fn(ValueRef<'v>) -> bool| {
            values.any(|value| {
                there = true;
                each(value).any(satisfies)
            })
        };
        let is_under = |value: ValueRef<'v>, areas: &[String]| {
            value
                .as_str()
                .is_some_and(|code| areas.iter().any(|area| code.starts_with(area.as_str())))
        };
        let is = |value: ValueRef<'v>, compare: &dyn Fn(i64) -> bool| {
            value.as_i64().is_some_and(compare)
        };
        match self {
            Self::Present => {
                any(&|value| !matches!(value, ValueRef::Bool(false) | ValueRef::Text("")))
            }
            Self::Absent => values.next().is_none(),
            Self::Equal(wanted) => any(&|value| value == wanted),
            Self::Differs(wanted) => !any(&|value| value == wanted) && there,
            Self::In(wanted) => any(&|value| wanted.iter().any(|one| value == one)),
            Self::NotIn(wanted) => !any(&|value| wanted.iter().any(|one| value == one)) && there,
            Self::Under(areas) => any(&|value| is_under(value, areas)),
            Self::InList(list) => lists.get(list).is_some_and(|list| {
                any(&|value| {
                    value
                        .as_str()
                        .is_some_and(|text| list.iter().any(|one| one == text))
                })
            }),
            Self::UnderList(list) => lists
                .get(list)
                .is_some_and(|areas| any(&|value| is_under(value, areas))),
            Self::Above(limit) => any(&|value| is(value, &|n| n > *limit)),
            Self::AtLeast(limit) => any(&|value| is(value, &|n| n >= *limit)),
            Self::Below(limit) => any(&|value| is(value, &|n| n < *limit)),
            Self::AtMost(limit) => any(&|value| is(value, &|n| n <= *limit)),
        }
    }
}

/// The items of a list, or the value itself.
fn each(value: ValueRef<'_>) -> impl Iterator<Item = ValueRef<'_>> {
    let (items, itself) = match value {
        ValueRef::List(items) => (items, None),
        _ => (ListRef::Tree(&[]), Some(value)),
    };
    items.iter().chain(itself)
}
