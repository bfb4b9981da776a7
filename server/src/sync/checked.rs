//! What of a push can be judged before it is its turn to write: everything that needs no stored
//! record. The fold takes it over as long as the rules and what was assumed still hold, and judges
//! anew where they do not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::NaiveDate;
use sync_protocol::Millis;
use sync_protocol::change::{Change, Line};
use sync_protocol::kind::Kinds;

use super::day;
use super::job::Push;

/// Where a change does not fit its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The code of the verdict.
    pub code: String,
    /// Where in the change.
    pub path: String,
}

/// A change, judged by the definition of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The schema that held.
    schema: u32,
    /// Whether it was taken to make its record.
    creating: bool,
    /// The day it was taken to be of.
    day: NaiveDate,
    misfit: Option<Misfit>,
}

impl Checked {
    fn of(kinds: &Kinds, change: &Change, creating: bool, day: NaiveDate) -> Self {
        Self {
            schema: kinds.schema(),
            creating,
            day,
            misfit: judge(kinds, change, creating, day),
        }
    }

    fn holds(&self, kinds: &Kinds, creating: bool, day: NaiveDate) -> bool {
        (self.schema, self.creating, self.day) == (kinds.schema(), creating, day)
    }
}

impl Push {
    /// Judges the changes by the rules of this moment, as far as that is possible without looking
    /// at any record.
    pub(super) fn check(&mut self, kinds: &Kinds, build: Millis) {
        for index in 0..self.lines.len() {
            let Some(Ok(Line::Change(change))) = self.lines.get(index).map(|line| &line.parsed)
            else {
                continue;
            };
            let normalised = self.first_stamp(change, build);
            let day = day::day_of(normalised, self.received, None).0;
            // A change without a base makes its record, unless that is there already.
            let creating = change.whole || change.base.is_none();
            // Should one break this, the fold finds it out and sets it aside.
            let checked = catch_unwind(AssertUnwindSafe(|| {
                Checked::of(kinds, change, creating, day)
            }));
            if let Some(line) = self.lines.get_mut(index) {
                line.checked = checked.ok();
            }
        }
    }
}

/// Where a change does not fit its kind, looked up if it was found out before.
pub(super) fn misfit(
    checked: Option<&Checked>,
    kinds: &Kinds,
    change: &Change,
    creating: bool,
    day: NaiveDate,
) -> Option<Misfit> {
    match checked {
        Some(checked) if checked.holds(kinds, creating, day) => checked.misfit.clone(),
        _ => judge(kinds, change, creating, day),
    }
}

fn judge(kinds: &Kinds, change: &Change, creating: bool, day: NaiveDate) -> Option<Misfit> {
    let schema = if kinds.at(change.schema, &change.kind).is_some() {
        change.schema
    } else {
        kinds.schema()
    };
    let verdict = kinds.validate(schema, &change.kind, &change.set, creating, Some(day))?;
    let problem = verdict.problems.into_iter().next()?;
    Some(Misfit {
        code: problem.code.to_string(),
        path: format!("set.{}", problem.path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::kind::{BUILT_IN, Kind};

    const DAY: NaiveDate = NaiveDate::MAX;

    fn kinds() -> Kinds {
        let kinds = BUILT_IN.iter().map(|text| Kind::parse(text).unwrap());
        Kinds::none().with(1, kinds.collect()).unwrap()
    }

    fn change(set: &str) -> Change {
        let text = format!(
            r#"{{"era":1,"schema":1,"stamp":"01a200990ebf0000","kind":"registration","record":"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01","scope":"checkpoint:S1","set":{set}}}"#
        );
        match sync_protocol::change::parse(text.as_bytes()) {
            Ok(Line::Change(change)) => *change,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_found_out_before_is_taken_over_only_while_the_same_is_assumed() {
        let (kinds, change) = (kinds(), change(r#"{"health_code":5}"#));
        let mut checked = Checked::of(&kinds, &change, false, DAY);
        assert!(checked.misfit.is_some(), "a number is no code");
        // A mark by which it is known what was looked up and what was judged anew.
        checked.misfit = None;
        let ask = |checked: &Checked, creating, day| {
            misfit(Some(checked), &kinds, &change, creating, day).is_some()
        };
        assert!(!ask(&checked, false, DAY), "looked up");
        assert!(ask(&checked, true, DAY), "it makes its record after all");
        assert!(ask(&checked, false, NaiveDate::MIN), "it is of another day");
        checked.schema += 1;
        assert!(ask(&checked, false, DAY), "the rules have changed");
        assert!(misfit(None, &kinds, &change, false, DAY).is_some());
    }
}
