//! Paths inside a record: `field` or `field.member`. For a map the member is looked for in every
//! entry that is not gone.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use serde_json::Value;

use super::{Field, Type};
use crate::value::{Members, ValueRef};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    pub field: String,
    pub member: Option<String>,
}

impl Path {
    pub fn parse(text: &str) -> Self {
        let (field, member) = match text.split_once('.') {
            Some((field, member)) => (field, Some(member.to_owned())),
            None => (text, None),
        };
        Self {
            field: field.to_owned(),
            member,
        }
    }

    /// The type of the scalar this path leads to.
    pub(crate) fn scalar<'f>(&self, fields: &'f [Field]) -> Option<&'f Type> {
        let field = fields.iter().find(|field| field.name == self.field)?;
        match (&field.shape, &self.member) {
            (super::Shape::Scalar(of), None) => Some(of),
            (_, Some(member)) => field.member(member).map(|member| &member.of),
            _ => None,
        }
    }

    /// Whether there is such a field, and such a member in it.
    pub(crate) fn exists(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| {
            field.name == self.field
                && self
                    .member
                    .as_ref()
                    .is_none_or(|member| field.member(member).is_some())
        })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{}.{member}", self.field),
            None => f.write_str(&self.field),
        }
    }
}

/// Fields by name, wherever they stand: those that a change carries, or those that a record holds.
pub trait Values {
    /// All fields, in the order of their names.
    fn all(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)>;

    /// The value of a field.
    fn value(&self, field: &str) -> Option<ValueRef<'_>>;

    /// The value of a field and those of the entries of a map of this name, `<map>/<uuid>`, in the order
    /// of their names; what is gone (`null`) included.
    fn under<'v>(&'v self, name: &str) -> impl Iterator<Item = ValueRef<'v>>;
}

impl Values for BTreeMap<String, Value> {
    fn all(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.iter()
            .map(|(name, value)| (name.as_str(), value.into()))
    }

    fn value(&self, field: &str) -> Option<ValueRef<'_>> {
        self.get(field).map(ValueRef::from)
    }

    fn under<'v>(&'v self, name: &str) -> impl Iterator<Item = ValueRef<'v>> {
        under(self, name).map(ValueRef::from)
    }
}

impl Values for Members<'_> {
    fn all(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        self.iter()
    }

    fn value(&self, field: &str) -> Option<ValueRef<'_>> {
        self.get(field).map(ValueRef::from)
    }

    fn under<'v>(&'v self, name: &str) -> impl Iterator<Item = ValueRef<'v>> {
        self.starting_at(name)
            .take_while(move |(held, _)| is_under(held, name))
            .map(|(_, value)| value)
    }
}

/// What stands under a name among fields. No name of a field stands between a map's name and those of
/// its entries, for `/` comes before all that names are made of.
pub(crate) fn under<'v, V>(
    fields: &'v BTreeMap<String, V>,
    name: &str,
) -> impl Iterator<Item = &'v V> {
    fields
        .range::<str, _>((Bound::Included(name), Bound::Unbounded))
        .take_while(move |(held, _)| is_under(held, name))
        .map(|(_, held)| held)
}

fn is_under(held: &str, name: &str) -> bool {
    let rest = held.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A field's own value, or those of a map's entries; what is gone (`null`) is left out.
pub(crate) fn field_values<'v>(
    fields: &'v impl Values,
    field: &str,
) -> impl Iterator<Item = ValueRef<'v>> {
    fields.under(field).filter(|value| !value.is_null())
}

/// Every value that a path leads to.
pub fn values_at<'v>(fields: &'v impl Values, path: &Path) -> impl Iterator<Item = ValueRef<'v>> {
    field_values(fields, &path.field)
        .filter_map(|value| match &path.member {
            None => Some(value),
            Some(member) => value.get(member),
        })
        .filter(|value| !value.is_null())
}

/// The first of them: the only one, unless the path leads through a map.
pub fn value_at<'v>(fields: &'v impl Values, path: &Path) -> Option<ValueRef<'v>> {
    values_at(fields, path).next()
}
