//! Whether a definition may follow an older one. Kinds may grow, not shift: what was captured under
//! the older one must keep its meaning, and a phone that has not heard of the newer one must not be
//! able to destroy what the newer one added. So the shape of a field is frozen; new questions are
//! new fields.
//!
//! Limits may become stricter: a change is checked against the version it was captured under, and
//! stricter later rules only flag.

use super::{Code, Field, Kind, KindScope, Member, Shape, Type};

/// Why a definition cannot follow, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub path: String,
    pub reason: &'static str,
    pub advice: &'static str,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}; {}", self.path, self.reason, self.advice)
    }
}

impl Kind {
    /// Compares with the stored version before. Every reason against it is reported.
    pub fn succeeds(&self, older: &Self) -> Result<(), Vec<Refusal>> {
        let mut refusals = Vec::new();
        let mut refuse = |path: String, reason: &'static str, advice: &'static str| {
            refusals.push(Refusal {
                path,
                reason,
                advice,
            });
        };
        if self.name != older.name {
            refuse(
                "name".into(),
                "a kind cannot be renamed",
                "keep the name and change the label, or add a new kind",
            );
        }
        if self.version < older.version || (self.version == older.version && self != older) {
            refuse(
                "version".into(),
                "something changed, but the version was not raised",
                "raise the version by one",
            );
        }
        if !same_scope(&self.scope, &older.scope) {
            refuse(
                "scope".into(),
                "a kind's scope cannot change, records already stand by it",
                "add a new kind with the other scope",
            );
        }
        for field in older.fields() {
            match self.field(&field.name) {
                None => refuse(
                    field.name.clone(),
                    "a field that was once there cannot be taken out or renamed",
                    "keep it and set retired = true; for another name change its label",
                ),
                Some(newer) => compare(newer, field, &mut refuse),
            }
        }
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    /// Whether what is counted differs, so that tallies are to be counted anew after loading this.
    pub fn recounts(&self, older: &Self) -> bool {
        let of = |kind: &Self| -> Vec<(String, super::TallyOf)> {
            let tallies = kind.tallies.iter();
            tallies
                .map(|(name, tally)| (name.clone(), tally.of.clone()))
                .collect()
        };
        of(self) != of(older)
    }

    /// Whether what is searched for differs, so that keyed hashes are to be made anew.
    pub fn reindexes(&self, older: &Self) -> bool {
        self.search != older.search
    }
}

fn same_scope(newer: &KindScope, older: &KindScope) -> bool {
    newer == older
}

fn compare(
    newer: &Field,
    older: &Field,
    refuse: &mut impl FnMut(String, &'static str, &'static str),
) {
    match (&newer.shape, &older.shape) {
        (Shape::Scalar(new), Shape::Scalar(old)) => compare_types(new, old, &older.name, refuse),
        (Shape::Object(new), Shape::Object(old)) | (Shape::Map(new), Shape::Map(old)) => {
            compare_members(new, old, &older.name, refuse);
        }
        _ => refuse(
            older.name.clone(),
            "a field cannot change between scalar, object and map",
            "retire it and add a new field of the other shape",
        ),
    }
}

fn compare_members(
    newer: &[Member],
    older: &[Member],
    field: &str,
    refuse: &mut impl FnMut(String, &'static str, &'static str),
) {
    for member in older {
        let path = format!("{field}.{}", member.name);
        match newer.iter().find(|other| other.name == member.name) {
            None => refuse(
                path,
                "a member that was once there cannot be taken out or renamed",
                "keep it and set retired = true; for another name change its label",
            ),
            Some(other) => compare_types(&other.of, &member.of, &path, refuse),
        }
    }
    for member in newer
        .iter()
        .filter(|member| !older.iter().any(|other| other.name == member.name))
    {
        refuse(
            format!("{field}.{}", member.name),
            "an object's members are frozen: it changes as a whole, so an older phone would erase the new one",
            "add a new field beside the object instead",
        );
    }
}

fn compare_types(
    newer: &Type,
    older: &Type,
    path: &str,
    refuse: &mut impl FnMut(String, &'static str, &'static str),
) {
    match (newer, older) {
        (Type::Code(new), Type::Code(old)) | (Type::Codes(new), Type::Codes(old)) => {
            for code in missing_codes(new, old) {
                refuse(
                    format!("{path}.{code}"),
                    "a code that was once there cannot be taken out or renamed",
                    "keep it and set retired = true",
                );
            }
        }
        (Type::Reference { kind: new }, Type::Reference { kind: old }) if new != old => refuse(
            path.to_owned(),
            "a reference cannot point to another kind",
            "retire it and add a new reference",
        ),
        (Type::Date { partial: false }, Type::Date { partial: true }) => refuse(
            path.to_owned(),
            "dates that were taken in part cannot become whole",
            "keep partial = true",
        ),
        _ if std::mem::discriminant(newer) != std::mem::discriminant(older) => refuse(
            path.to_owned(),
            "a type cannot change, values of the old one are stored",
            "retire it and add a new field of the other type",
        ),
        _ => {}
    }
}

fn missing_codes<'o>(newer: &[Code], older: &'o [Code]) -> Vec<&'o str> {
    older
        .iter()
        .map(|code| code.code.as_str())
        .filter(|code| !newer.iter().any(|other| other.code == *code))
        .collect()
}
