//! What is counted. A tally turns one record into pairs (name, value), each of which counts one;
//! they are kept per scope as records change. They depend on the stored values only, not on lists
//! or labels, so that a definition that grows does not shift what was counted.

use std::collections::BTreeMap;

use super::path::{Path, Values, values_at};
use super::read::is_code;
use super::{Kind, Label};
use crate::value::ValueRef;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub label: Label,
    pub of: TallyOf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TallyOf {
    /// Every record, as `all`.
    Total,
    /// Every code at a path; in a map, one for each entry.
    Code(Path),
    /// Records that have something at a path (true, for a boolean), as `yes`.
    Present(Path),
    /// Every code of the policy that holds, and `any` for records with at least one.
    Abnormal,
}

impl Kind {
    pub fn tally_definitions(&self) -> &BTreeMap<String, Tally> {
        &self.tallies
    }

    /// The pairs (tally, value) that a record counts under. A pair that stands twice counts twice.
    /// A void record counts nowhere.
    pub fn tallies(
        &self,
        fields: &impl Values,
        abnormal: &[String],
        void: bool,
    ) -> Vec<(String, String)> {
        if void {
            return Vec::new();
        }
        let mut pairs = Vec::new();
        for (name, tally) in &self.tallies {
            let mut count = |value: &str| pairs.push((name.clone(), value.to_owned()));
            match &tally.of {
                TallyOf::Total => count("all"),
                TallyOf::Code(path) => {
                    values_at(fields, path).for_each(|value| count_codes(value, &mut count));
                }
                TallyOf::Present(path) => {
                    if values_at(fields, path).any(is_something) {
                        count("yes");
                    }
                }
                TallyOf::Abnormal => {
                    if !abnormal.is_empty() {
                        count("any");
                    }
                    abnormal.iter().for_each(|code| count(code));
                }
            }
        }
        pairs
    }
}

fn count_codes(value: ValueRef<'_>, count: &mut impl FnMut(&str)) {
    let mut one = |code| count(if is_code(code) { code } else { "other" });
    match value {
        // Whatever a phone writes into a code, the number of different counts stays small.
        ValueRef::Text(code) => one(code),
        ValueRef::List(items) => items.iter().filter_map(ValueRef::as_str).for_each(one),
        _ => {}
    }
}

fn is_something(value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Null | ValueRef::Bool(false) => false,
        ValueRef::Text(text) => !text.is_empty(),
        ValueRef::List(items) => !items.is_empty(),
        ValueRef::Object(members) => !members.is_empty(),
        ValueRef::Bool(true) | ValueRef::Number(_) => true,
    }
}
