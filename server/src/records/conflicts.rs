//! Records in which values lost against others that their writers had not seen, and the choice
//! between them. Choosing is a change like any other, made by whoever chooses.

use serde::Deserialize;
use serde_json::Value;
use sync_protocol::Rev;
use sync_protocol::change::Fields;

use super::read::{Eye, Shown};
use super::{Fault, malformed, readers};
use crate::store::finds::{self, Found};
use crate::store::{Connection, Error};

/// Which value is to stand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The revision that was looked at.
    pub base: Rev,
    pub field: String,
    /// Which of the field's conflicts, from 0 in the order shown; none: what stands.
    pub conflict: Option<usize>,
}

/// Records with conflicts that this reader sees, and the id to go on after.
pub fn page(
    c: &mut Connection,
    eye: &mut Eye<'_>,
    after: &str,
    limit: i64,
) -> Result<(Vec<Shown>, Option<String>), Error> {
    let roles = readers(&eye.rules.kinds);
    let found = finds::conflicted(c, eye.reach, &roles, after, limit)?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count >= limit);
    let next = found
        .last()
        .filter(|_| full)
        .map(|last| last.row.id.clone());
    let mut shown = Vec::new();
    for one in &found {
        // Who sees none of the values in question has nothing to choose between.
        shown.extend(eye.show(one)?.filter(|one| !one.row.conflicts.is_empty()));
    }
    Ok((shown, next))
}

/// The fields that the choice sets. The value is taken from the record, so that somebody who sees
/// it masked can choose it too.
pub fn choose(eye: &mut Eye<'_>, found: &Found, choice: &Choice) -> Result<Fields, Fault> {
    let shown = eye.show(found)?.ok_or(Fault::Unknown)?;
    let record = found.row.record()?;
    if record.rev != choice.base {
        return Err(Fault::Stale);
    }
    if !shown.row.conflicts.contains_key(&choice.field) {
        return Err(malformed("field", "one that is shown with conflicts"));
    }
    let value: Option<Value> = match choice.conflict {
        None => record
            .fields
            .get(&choice.field)
            .map(|held| held.value.clone()),
        Some(index) => eye
            .conflicting(found, &choice.field)?
            .into_iter()
            .nth(index),
    };
    let value = value.ok_or(malformed("conflict", "the place of one in the list"))?;
    Ok(Fields::from([(choice.field.clone(), value)]))
}
