//! Checking a change against a kind. *Problems* make the change `invalid` (malformed; it is kept
//! and shown); *warnings* are stored and flagged. A partial change is checked for what it carries;
//! one that creates a record must also carry what is required.
//!
//! Fields and members that the kind does not define are kept: they only have to be sound values.

use std::fmt;

use chrono::NaiveDate;
use uuid::Uuid;

use super::path::{Values, value_at};
use super::read::is_code;
use super::{Condition, Field, Kind, Limits, Member, Need, Presence, Shape, Type, reserved};
use crate::check::{
    self, AreaCode, CreditCode, Document, DocumentType, Name, Phone, Plate, Reason, Temperature,
};
use crate::value::{ObjectRef, ValueRef};

/// Reasons of this file; those of single values are in `check::reason`.
pub mod reason {
    use crate::check::Reason;

    pub const MISSING: Reason = "missing";
    pub const WRONG_TYPE: Reason = "wrong_type";
    pub const FIELD_NAME: Reason = "field_name";
    pub const DERIVED: Reason = "derived";
    pub const UNKNOWN: Reason = "unknown";
    pub const RETIRED: Reason = "retired";
}

/// Why a change is `invalid`: where and by which rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub path: String,
    pub code: Reason,
}

/// What is odd about a value that is stored all the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    pub path: String,
    pub code: Reason,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Warning>,
}

impl Verdict {
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }
}

impl Kind {
    /// Checks the fields that a change sets. `creating`: it makes the record.
    pub fn validate(&self, set: &impl Values, creating: bool) -> Verdict {
        self.validate_on(set, creating, None)
    }

    /// The same with the day of the change, which lets births in the future and ages above 120 be
    /// flagged.
    pub fn validate_on(
        &self,
        set: &impl Values,
        creating: bool,
        day: Option<NaiveDate>,
    ) -> Verdict {
        let mut check = Check {
            set,
            creating,
            day,
            verdict: Verdict::default(),
        };
        for (name, value) in set.all() {
            check.field(self, name, value);
        }
        for field in &self.fields[..] {
            check.presence(field);
        }
        check.verdict.problems.sort();
        check.verdict.warnings.sort();
        check.verdict
    }
}

/// Where something is found: a field, or a member of it.
#[derive(Clone, Copy)]
struct At<'a> {
    field: &'a str,
    member: Option<&'a str>,
}

impl<'a> At<'a> {
    const fn field(field: &'a str) -> Self {
        Self {
            field,
            member: None,
        }
    }

    const fn member(field: &'a str, member: &'a str) -> Self {
        Self {
            field,
            member: Some(member),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, "{}.{member}", self.field),
            None => f.write_str(self.field),
        }
    }
}

struct Check<'s, V> {
    set: &'s V,
    creating: bool,
    day: Option<NaiveDate>,
    verdict: Verdict,
}

impl<V: Values> Check<'_, V> {
    fn problem(&mut self, path: impl fmt::Display, code: Reason) {
        self.verdict.problems.push(Problem {
            path: path.to_string(),
            code,
        });
    }

    fn warning(&mut self, path: impl fmt::Display, code: Reason) {
        self.verdict.warnings.push(Warning {
            path: path.to_string(),
            code,
        });
    }

    fn field(&mut self, kind: &Kind, name: &str, value: ValueRef<'_>) {
        let (base, entry) = match name.split_once('/') {
            Some((base, entry)) => (base, Some(entry)),
            None => (name, None),
        };
        if !is_field_name(base) || entry.is_some_and(|entry| !is_entry_id(entry)) {
            // A malformed name may hold anything: it is not repeated.
            return self.problem("", reason::FIELD_NAME);
        }
        if let Err(refused) = check::value::check(value) {
            return self.problem(name, refused.0);
        }
        if reserved::ALL.contains(&base) {
            return self.reserved(name, value);
        }
        let Some(field) = kind.field(base) else {
            return self.warning(name, reason::UNKNOWN);
        };
        if field.is_map() != entry.is_some() {
            return self.problem(name, reason::WRONG_TYPE);
        }
        if value.is_null() {
            return;
        }
        if field.retired {
            self.warning(name, reason::RETIRED);
        }
        match (&field.shape, value) {
            (Shape::Scalar(of), value) => self.scalar(At::field(name), of, value, None),
            (Shape::Object(members) | Shape::Map(members), ValueRef::Object(object)) => {
                self.object(name, field, members, object);
            }
            _ => self.problem(name, reason::WRONG_TYPE),
        }
    }

    fn reserved(&mut self, name: &str, value: ValueRef<'_>) {
        match (name, value) {
            (reserved::ABNORMAL, _) => self.problem(name, reason::DERIVED),
            (_, ValueRef::Null) => {}
            (reserved::JOINED_INTO, value) => self.reference(At::field(name), value),
            (reserved::VOID, ValueRef::Object(void)) => match void.get("reason") {
                None | Some(ValueRef::Null) => {}
                Some(ValueRef::Text(text)) => {
                    let outcome = check::text::parse(text, check::text::DEFAULT_MAX_CHARS);
                    self.outcome(At::member(reserved::VOID, "reason"), outcome);
                }
                Some(_) => self.problem("void.reason", reason::WRONG_TYPE),
            },
            _ => self.problem(name, reason::WRONG_TYPE),
        }
    }

    fn object(&mut self, name: &str, field: &Field, members: &[Member], object: ObjectRef<'_>) {
        for (key, value) in object.iter() {
            let at = At::member(name, key);
            let Some(member) = members.iter().find(|member| member.name == key) else {
                // The name of an unknown member comes from outside, so only the field is named.
                self.warning(name, reason::UNKNOWN);
                continue;
            };
            if value.is_null() {
                continue;
            }
            if member.retired {
                self.warning(at, reason::RETIRED);
            }
            self.scalar(at, &member.of, value, Some(object));
        }
        for member in members {
            let may_lack = member.presence.need == Need::Never || member.retired;
            if !may_lack && object.get(&member.name).is_none_or(ValueRef::is_null) {
                let lacking = self.is_needed(&member.presence, Some((&field.name, object)));
                self.lack(At::member(name, &member.name), &member.presence, lacking);
            }
        }
    }

    /// A field that must be there when a record is made, and must not be emptied later.
    fn presence(&mut self, field: &Field) {
        if field.presence.need == Need::Never || field.is_map() || field.retired {
            return;
        }
        let lacking = match self.set.value(&field.name) {
            Some(ValueRef::Null) => true,
            Some(_) => false,
            None => self.creating,
        };
        if lacking {
            let needed = self.is_needed(&field.presence, None);
            self.lack(At::field(&field.name), &field.presence, needed);
        }
    }

    fn lack(&mut self, at: At<'_>, presence: &Presence, needed: bool) {
        if needed && presence.only_flags {
            self.warning(at, reason::MISSING);
        } else if needed {
            self.problem(at, reason::MISSING);
        }
    }

    /// Whether something must be there, as far as this change tells: an amendment that does not
    /// carry what the condition looks at is not held against its writer.
    fn is_needed(&self, presence: &Presence, within: Option<(&str, ObjectRef<'_>)>) -> bool {
        match &presence.need {
            Need::Never => false,
            Need::Always => true,
            Need::Unless(condition) => self.holds(condition, within) == Some(false),
            Need::In(condition) => self.holds(condition, within) == Some(true),
        }
    }

    fn holds(&self, condition: &Condition, within: Option<(&str, ObjectRef<'_>)>) -> Option<bool> {
        let found = match (&condition.path.member, within) {
            (Some(member), Some((field, object))) if field == condition.path.field => {
                object.get(member)
            }
            _ if !self.creating && self.set.value(&condition.path.field).is_none() => return None,
            _ => value_at(self.set, &condition.path),
        };
        Some(found.is_some_and(|value| condition.is.iter().any(|one| value == one)))
    }

    fn scalar(
        &mut self,
        at: At<'_>,
        of: &Type,
        value: ValueRef<'_>,
        within: Option<ObjectRef<'_>>,
    ) {
        match (of, value) {
            (Type::Integer(limits), ValueRef::Number(number)) => {
                self.integer(at, limits, number.as_i64())
            }
            (Type::Temperature, ValueRef::Number(number)) => {
                self.outcome(
                    at,
                    Temperature::from_tenths(number.as_i64().unwrap_or(i64::MAX)),
                );
            }
            (Type::Time, ValueRef::Number(number)) => {
                let moment = check::time::Moment::from_millis(number.as_i64().unwrap_or(i64::MAX));
                self.outcome(at, Ok(moment));
            }
            (Type::Boolean, ValueRef::Bool(_)) => {}
            (Type::Codes(codes), ValueRef::List(items)) => {
                for item in items.iter() {
                    match item.as_str() {
                        Some(text) => self.code(at, codes, text),
                        None => return self.problem(at, reason::WRONG_TYPE),
                    }
                }
            }
            (Type::Areas, ValueRef::List(items)) => {
                for item in items.iter() {
                    match item.as_str() {
                        Some(text) => self.outcome(at, AreaCode::parse_prefix(text)),
                        None => return self.problem(at, reason::WRONG_TYPE),
                    }
                }
            }
            (Type::Reference { .. }, value) => self.reference(at, value),
            (of, ValueRef::Text(text)) => self.text(at, of, text, within),
            _ => self.problem(at, reason::WRONG_TYPE),
        }
    }

    fn text(&mut self, at: At<'_>, of: &Type, text: &str, within: Option<ObjectRef<'_>>) {
        match of {
            Type::Text { max } => self.outcome(at, check::text::parse(text, *max)),
            Type::Name => self.outcome(at, Name::parse(text)),
            Type::Phone => self.outcome(at, Phone::parse(text)),
            Type::Identity { document } => {
                let code = document
                    .as_ref()
                    .and_then(|member| within?.get(member)?.as_str());
                self.outcome(
                    at,
                    Document::parse(text, code.and_then(DocumentType::of), self.day),
                );
            }
            Type::Plate => self.outcome(at, Plate::parse(text)),
            Type::Area => self.outcome(at, AreaCode::parse_prefix(text)),
            Type::CreditCode => self.outcome(at, CreditCode::parse(text)),
            Type::Code(codes) => self.code(at, codes, text),
            Type::Date { partial } => self.outcome(at, check::date::Date::parse(text, *partial)),
            Type::User => {
                let number = text
                    .strip_prefix('u')
                    .and_then(|digits| digits.parse::<i64>().ok());
                if number.is_none_or(|number| number < 0) {
                    self.problem(at, check::reason::FORMAT);
                }
            }
            Type::Place => {
                let sound = text
                    .split_once(':')
                    .is_some_and(|(level, code)| is_code(level) && is_code(code));
                if !sound {
                    self.problem(at, check::reason::FORMAT);
                }
            }
            _ => self.problem(at, reason::WRONG_TYPE),
        }
    }

    fn integer(&mut self, at: At<'_>, limits: &Limits, number: Option<i64>) {
        let outside = |low: Option<i64>, high: Option<i64>| {
            number
                .is_none_or(|n| low.is_some_and(|low| n < low) || high.is_some_and(|high| n > high))
        };
        if outside(limits.min, limits.max) {
            self.problem(at, check::reason::RANGE);
        } else if outside(limits.warn_min, limits.warn_max) {
            self.warning(at, check::reason::IMPLAUSIBLE);
        }
    }

    fn code(&mut self, at: At<'_>, codes: &[super::Code], text: &str) {
        if codes.iter().any(|code| code.retired && code.code == text) {
            self.warning(at, reason::RETIRED);
        }
        self.outcome(
            at,
            check::code::parse(text, codes.iter().map(|code| code.code.as_str())),
        );
    }

    fn reference(&mut self, at: At<'_>, value: ValueRef<'_>) {
        match value.as_str() {
            Some(text) if Uuid::try_parse(text).is_ok() => {}
            Some(_) => self.problem(at, check::reason::FORMAT),
            None => self.problem(at, reason::WRONG_TYPE),
        }
    }

    fn outcome<T>(&mut self, at: At<'_>, outcome: check::Outcome<T>) {
        match outcome {
            Ok(checked) => checked
                .warnings
                .into_iter()
                .for_each(|code| self.warning(at, code)),
            Err(refused) => self.problem(at, refused.0),
        }
    }
}

/// Names that later versions and other servers may use: wider than what the loader takes.
fn is_field_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn is_entry_id(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}
