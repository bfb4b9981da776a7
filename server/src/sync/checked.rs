//! What of a push can be judged before it is its turn to write: everything that needs no stored
//! record. The fold takes it over as long as the rules and what was assumed still hold, and judges
//! anew where they do not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::NaiveDate;
use sync_protocol::Millis;
use sync_protocol::change::Heading;
use sync_protocol::kind::{Kinds, Values};
use sync_protocol::record::VOID;
use sync_protocol::value::Members;

use super::admit::Attempt;
use super::day;
use super::fold::Pair;
use super::job::Push;
use super::rules::{Rules, Versions};
use super::search_key::SearchKey;
use crate::store::lookups::Hash;

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
    /// The names of its fields, each followed by a line break.
    fields: String,
    pub(super) void: bool,
    /// The codes of the policy's rules that mark it abnormal.
    pub(super) abnormal: Vec<String>,
    /// What it counts under.
    pub(super) tallies: Vec<Pair>,
    /// The hashes it is found by.
    pub(super) hashes: Vec<Hash>,
}

impl Traits {
    fn of(
        rules: &Rules,
        key: &SearchKey,
        change: &Heading,
        set: &Members<'_>,
        abnormal: &[String],
    ) -> Option<Self> {
        let kind = rules.kinds.get(&change.kind)?;
        let void = set.value(VOID).is_some_and(|value| !value.is_null());
        let mut fields = String::with_capacity(256);
        for (name, _) in set.iter() {
            fields.push_str(name);
            fields.push('\n');
        }
        let terms = kind.search_terms(set);
        let hash = |(purpose, text): &Pair| key.hash(purpose, text);
        Some(Self {
            kind: change.kind.clone(),
            fields,
            void,
            abnormal: abnormal.to_vec(),
            tallies: kind.tallies(set, abnormal, void),
            hashes: terms.iter().map(hash).collect(),
        })
    }
}

impl Traits {
    /// The names of its fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.lines()
    }
}

impl Checked {
    fn of(
        judge: &Judge<'_>,
        change: &Heading,
        set: &Members<'_>,
        creating: bool,
        day: NaiveDate,
    ) -> Self {
        let Judge { rules, key, .. } = judge;
        let misfit = judge_by(&rules.kinds, change, set, creating, day);
        let abnormal = rules.policy.abnormal(&change.kind, set);
        let traits = (creating && misfit.is_none())
            .then(|| Traits::of(rules, key, change, set, &abnormal).map(Arc::new));
        Self {
            rules: rules.versions(),
            creating,
            day,
            misfit,
            abnormal,
            traits: traits.flatten(),
        }
    }

    /// The codes of the policy's rules that what it sets satisfies, if the rules are still those of then.
    fn abnormal(&self, rules: &Rules) -> Option<&[String]> {
        (self.rules == rules.versions()).then_some(&self.abnormal)
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

    /// Whether it fits its kind, if the same is assumed now.
    fn verdict(
        &self,
        rules: &Rules,
        creating: bool,
        day: NaiveDate,
    ) -> Option<Result<(), &Misfit>> {
        let assumed = (self.rules, self.creating, self.day);
        let verdict = || self.misfit.as_ref().map_or(Ok(()), Err);
        (assumed == (rules.versions(), creating, day)).then(verdict)
    }
}

/// What changes are judged by before it is their turn.
pub struct Judge<'a> {
    /// The rules of this moment.
    pub rules: &'a Rules,
    /// By this records are made findable.
    pub key: &'a SearchKey,
    /// When this program was built.
    pub build: Millis,
}

impl Judge<'_> {
    /// Judges a change of a push as far as that is possible without looking at any record. Nothing, if
    /// that breaks: the fold finds it out and sets the change aside.
    pub(super) fn check(
        &self,
        push: &Push,
        change: &Heading,
        set: &Members<'_>,
    ) -> Option<Checked> {
        let normalised = push.first_stamp(change, self.build);
        let day = day::day_of(normalised, push.received, None).0;
        // A change without a base makes its record, unless that is there already.
        let creating = change.whole || change.base.is_none();
        let judged = || Checked::of(self, change, set, creating, day);
        catch_unwind(AssertUnwindSafe(judged)).ok()
    }
}

/// The codes of the policy's rules that what a change sets satisfies, looked up if they were found out
/// before.
pub(super) fn abnormal(attempt: &Attempt<'_>, rules: &Rules) -> Vec<String> {
    let checked = attempt.line().and_then(|line| line.checked.as_ref());
    match checked.and_then(|checked| checked.abnormal(rules)) {
        Some(codes) => codes.to_vec(),
        None => rules.policy.abnormal(&attempt.change.kind, attempt.set()),
    }
}

/// Where a change does not fit its kind, looked up if it was found out before.
pub(super) fn misfit(
    attempt: &Attempt<'_>,
    rules: &Rules,
    creating: bool,
    day: NaiveDate,
) -> Option<Misfit> {
    let checked = attempt.line().and_then(|line| line.checked.as_ref());
    match checked.and_then(|checked| checked.verdict(rules, creating, day)) {
        Some(verdict) => verdict.err().cloned(),
        None => judge_by(&rules.kinds, attempt.change, attempt.set(), creating, day),
    }
}

fn judge_by(
    kinds: &Kinds,
    change: &Heading,
    set: &impl Values,
    creating: bool,
    day: NaiveDate,
) -> Option<Misfit> {
    let schema = if kinds.at(change.schema, &change.kind).is_some() {
        change.schema
    } else {
        kinds.schema()
    };
    let verdict = kinds.validate(schema, &change.kind, set, creating, Some(day))?;
    let problem = verdict.problems.into_iter().next()?;
    Some(Misfit {
        code: problem.code.to_string(),
        path: format!("set.{}", problem.path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_protocol::change::{Glance, glance};
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

    const LINE: &[u8] = br#"{"era":1,"schema":1,"stamp":"01a200990ebf0000","kind":"registration","record":"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01","scope":"checkpoint:S1","set":{"health_code":5}}"#;

    #[test]
    fn what_was_found_out_before_is_taken_over_only_while_the_same_is_assumed() {
        let (rules, key) = (rules(), SearchKey::new([7; 32]));
        let Ok(Glance::Change(change, set)) = glance(LINE) else {
            panic!("no change")
        };
        let judge = Judge {
            rules: &rules,
            key: &key,
            build: 0,
        };
        let mut checked = Checked::of(&judge, &change, &set, false, DAY);
        assert!(checked.misfit.is_some(), "a number is no code");
        // A mark by which it is known what was looked up.
        checked.misfit = None;
        assert_eq!(
            checked.verdict(&rules, false, DAY),
            Some(Ok(())),
            "looked up"
        );
        assert_eq!(
            checked.verdict(&rules, true, DAY),
            None,
            "it makes its record"
        );
        assert_eq!(
            checked.verdict(&rules, false, NaiveDate::MIN),
            None,
            "another day"
        );
        checked.rules.schema += 1;
        assert_eq!(
            checked.verdict(&rules, false, DAY),
            None,
            "the rules have changed"
        );
        assert_eq!(checked.abnormal(&rules), None, "the rules have changed");
        let anew = judge_by(&rules.kinds, &change, &set, false, DAY);
        assert!(anew.is_some(), "judged anew a number is still no code");
    }
}
