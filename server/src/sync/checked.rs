//! What of a push can be judged before it is its turn to write: everything that needs no stored
//! record. The fold takes it over as long as the rules and what was assumed still hold, and judges
//! anew where they do not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::NaiveDate;
use sync_protocol::Millis;
use sync_protocol::change::{Change, Line};
use sync_protocol::kind::Kinds;
use sync_protocol::record::VOID;

use super::day;
use super::fold::Pair;
use super::job::Push;
use super::rules::{Rules, Versions};
use super::search_key::SearchKey;

/// Where a change does not fit its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The code of the verdict.
    pub code: String,
    /// Where in the change.
    pub path: String,
}

/// A change, judged by the rules of a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The rules that held.
    rules: Versions,
    /// Whether it was taken to make its record.
    creating: bool,
    /// The day it was taken to be of.
    day: NaiveDate,
    misfit: Option<Misfit>,
    /// The codes of the policy's rules that what it sets satisfies.
    abnormal: Vec<String>,
    /// What the record is known by, should the change make one.
    traits: Option<Arc<Traits>>,
}

/// What a record made by one change is known by.
#[derive(Debug, PartialEq, Eq)]
pub struct Traits {
    pub(super) kind: String,
    pub(super) void: bool,
    /// The codes of the policy's rules that mark it abnormal.
    pub(super) abnormal: Vec<String>,
    /// What it counts under.
    pub(super) tallies: Vec<Pair>,
    /// The hashes it is found by.
    pub(super) hashes: Vec<Vec<u8>>,
}

impl Traits {
    fn of(rules: &Rules, key: &SearchKey, change: &Change, abnormal: &[String]) -> Option<Self> {
        let kind = rules.kinds.get(&change.kind)?;
        let void = change.set.get(VOID).is_some_and(|value| !value.is_null());
        let terms = kind.search_terms(&change.set);
        let hash = |(purpose, text): &Pair| key.hash(purpose, text);
        Some(Self {
            kind: change.kind.clone(),
            void,
            abnormal: abnormal.to_vec(),
            tallies: kind.tallies(&change.set, abnormal, void),
            hashes: terms.iter().map(hash).collect(),
        })
    }
}

impl Checked {
    fn of(rules: &Rules, key: &SearchKey, change: &Change, creating: bool, day: NaiveDate) -> Self {
        let misfit = judge(&rules.kinds, change, creating, day);
        let abnormal = rules.policy.abnormal(&change.kind, &change.set);
        let traits = (creating && misfit.is_none())
            .then(|| Traits::of(rules, key, change, &abnormal).map(Arc::new));
        Self {
            rules: rules.versions(),
            creating,
            day,
            misfit,
            abnormal,
            traits: traits.flatten(),
        }
    }

    /// Whether what it sets is abnormal by the rules of then.
    pub(super) const fn is_abnormal(&self) -> bool {
        !self.abnormal.is_empty()
    }

    /// What the record is known by, if the change makes one and the rules are still those of then.
    pub(super) fn traits(&self, rules: &Rules) -> Option<&Arc<Traits>> {
        self.traits
            .as_ref()
            .filter(|_| self.rules == rules.versions())
    }

    fn holds(&self, rules: &Rules, creating: bool, day: NaiveDate) -> bool {
        (self.rules, self.creating, self.day) == (rules.versions(), creating, day)
    }
}

impl Push {
    /// Judges the changes by the rules of this moment, as far as that is possible without looking
    /// at any record.
    pub(super) fn check(&mut self, rules: &Rules, key: &SearchKey, build: Millis) {
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
                Checked::of(rules, key, change, creating, day)
            }));
            // Nobody else has hold of a line yet.
            if let Some(line) = self.lines.get_mut(index).and_then(Arc::get_mut) {
                line.checked = checked.ok();
            }
        }
    }
}

/// Where a change does not fit its kind, looked up if it was found out before.
pub(super) fn misfit(
    checked: Option<&Checked>,
    rules: &Rules,
    change: &Change,
    creating: bool,
    day: NaiveDate,
) -> Option<Misfit> {
    match checked {
        Some(checked) if checked.holds(rules, creating, day) => checked.misfit.clone(),
        _ => judge(&rules.kinds, change, creating, day),
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
    use sync_protocol::policy::Policy;

    const DAY: NaiveDate = NaiveDate::MAX;

    fn rules() -> Rules {
        Rules {
            kinds: Arc::new(Kinds::built_in().unwrap()),
            policy: Arc::new(Policy::built_in().unwrap()),
            policy_version: 1,
            views: Arc::default(),
        }
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
        let (rules, change) = (rules(), change(r#"{"health_code":5}"#));
        let mut checked = Checked::of(&rules, &SearchKey::new([7; 32]), &change, false, DAY);
        assert!(checked.misfit.is_some(), "a number is no code");
        // A mark by which it is known what was looked up and what was judged anew.
        checked.misfit = None;
        let ask = |checked: &Checked, creating, day| {
            misfit(Some(checked), &rules, &change, creating, day).is_some()
        };
        assert!(!ask(&checked, false, DAY), "looked up");
        assert!(ask(&checked, true, DAY), "it makes its record after all");
        assert!(ask(&checked, false, NaiveDate::MIN), "it is of another day");
        checked.rules.schema += 1;
        assert!(ask(&checked, false, DAY), "the rules have changed");
        assert!(misfit(None, &rules, &change, false, DAY).is_some());
    }
}
