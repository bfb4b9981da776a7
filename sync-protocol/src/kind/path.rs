//! Paths inside a record: `field` or `field.member`. For a map the member is looked for in every
//! entry that is not gone.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

use serde_json::Value;

use super::{Field, Type};

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

/// Fields by name, wherever they stand: the values that a change carries, or those that a record
/// holds.
pub trait Values {
    /// The value of a field.
    fn value(&self, field: &str) -> Option<&Value>;

    /// The entries of a map, `<map>/<uuid>`, gone ones included, in the order of their names.
    fn entries<'v>(&'v self, map: &str) -> impl Iterator<Item = &'v Value>;
}

impl Values for BTreeMap<String, Value> {
    fn value(&self, field: &str) -> Option<&Value> {
        self.get(field)
    }

    fn entries<'v>(&'v self, map: &str) -> impl Iterator<Item = &'v Value> {
        entries(self, map)
    }
}

/// The entries of a map among fields. No name of a field stands between a map's name and those of
/// its entries, for `/` comes before all that names are made of.
pub(crate) fn entries<'v, V>(
    fields: &'v BTreeMap<String, V>,
    map: &str,
) -> impl Iterator<Item = &'v V> {
    fields
        .range::<str, _>((Bound::Excluded(map), Bound::Unbounded))
        .take_while(move |(name, _)| {
            name.strip_prefix(map)
                .is_some_and(|rest| rest.starts_with('/'))
        })
        .map(|(_, held)| held)
}

/// A field's own value, or those of a map's entries; what is gone (`null`) is left out.
pub(crate) fn field_values<'v>(
    fields: &'v impl Values,
    field: &str,
) -> impl Iterator<Item = &'v Value> {
    fields
        .value(field)
        .into_iter()
        .chain(fields.entries(field))
        .filter(|value| !value.is_null())
}

/// Every value that a path leads to.
pub fn values_at<'v>(fields: &'v impl Values, path: &Path) -> impl Iterator<Item = &'v Value> {
    field_values(fields, &path.field)
        .filter_map(|value| match &path.member {
            None => Some(value),
            Some(member) => value.get(member),
        })
        .filter(|value| !value.is_null())
}

/// The first of them: the only one, unless the path leads through a map.
pub fn value_at<'v>(fields: &'v impl Values, path: &Path) -> Option<&'v Value> {
    values_at(fields, path).next()
}
