//! What any value must be, known field or not: whole numbers that every language reads the same,
//! no U+0000, not too deep, not too large. What a kind says about the field comes on top.

use super::{Reason, Refused, reason};
use crate::value::ValueRef;

/// 2^53 − 1: beyond it a phone's JavaScript rounds.
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;
/// Levels of one field's value; the change around it adds two, and the wire allows 16.
pub const MAX_DEPTH: usize = 14;
/// Members and items of one field's value, counted over all levels.
pub const MAX_PARTS: usize = 1024;

/// Whether the value may be stored at all.
pub fn check<'v>(value: impl Into<ValueRef<'v>>) -> Result<(), Refused> {
    let mut parts = 0;
    walk(value.into(), 1, &mut parts).map_err(Refused)
}

fn walk(value: ValueRef<'_>, depth: usize, parts: &mut usize) -> Result<(), Reason> {
    *parts += 1;
    if *parts > MAX_PARTS {
        return Err(reason::TOO_LARGE);
    }
    match value {
        ValueRef::Null | ValueRef::Bool(_) => Ok(()),
        ValueRef::Number(number) => match number.as_i64() {
            Some(n) if (-MAX_INTEGER..=MAX_INTEGER).contains(&n) => Ok(()),
            Some(_) => Err(reason::RANGE),
            None if number.is_u64() => Err(reason::RANGE),
            None => Err(reason::NOT_INTEGER),
        },
        ValueRef::Text(text) if text.as_bytes().contains(&0) => Err(reason::NUL),
        ValueRef::Text(_) => Ok(()),
        ValueRef::List(_) | ValueRef::Object(_) if depth > MAX_DEPTH => Err(reason::TOO_DEEP),
        ValueRef::List(items) => items
            .iter()
            .try_for_each(|item| walk(item, depth + 1, parts)),
        ValueRef::Object(members) => members.iter().try_for_each(|(key, member)| {
            if key.as_bytes().contains(&0) {
                return Err(reason::NUL);
            }
            walk(member, depth + 1, parts)
        }),
    }
}
