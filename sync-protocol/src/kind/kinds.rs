//! The definitions of an installation, as they were at each schema version. A change names the
//! version it was captured under, and is checked against the definition of that time.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::{Kind, KindErrors, KindScope, Refusal, Values, Verdict, Warning};

/// The definitions that come with the program, as files of TOML.
pub const BUILT_IN: [&str; 3] = [
    include_str!("../../kinds/registration.toml"),
    include_str!("../../kinds/household.toml"),
    include_str!("../../kinds/visit.toml"),
];

/// Why a set of definitions is not taken. Nothing of it is loaded then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KindsError {
    #[error("schema {given} must be above the present one, {present}")]
    Schema { given: u32, present: u32 },
    #[error("{kind}: {}", refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Shifted {
        kind: String,
        refusals: Vec<Refusal>,
    },
    #[error("{kind} is defined twice")]
    Twice { kind: String },
    #[error("{kind}: its parent {parent} is not a kind that is loaded")]
    NoParent { kind: String, parent: String },
    #[error(
        "{kind}: its parent {parent} has a parent itself; give {kind} a place or a parent with a place"
    )]
    TooDeep { kind: String, parent: String },
    #[error(
        "{kind} stands at a {level} {}, and {other} does not: kinds at one level are all by day or none of them; give {kind} another level or the same by_day",
        if *by_day { "by day" } else { "without days" }
    )]
    Mixed {
        kind: String,
        level: String,
        by_day: bool,
        other: String,
    },
    #[error("{0}")]
    Definition(#[from] KindErrors),
}

/// All definitions by kind, each with the schema version from which on it holds. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    schema: u32,
    definitions: BTreeMap<String, BTreeMap<u32, Arc<Kind>>>,
}

impl Kinds {
    /// No kinds, schema 0.
    pub fn none() -> Self {
        Self::default()
    }

    /// The kinds that come with the program, schema 1.
    pub fn built_in() -> Result<Self, KindsError> {
        let definitions = BUILT_IN
            .into_iter()
            .map(Kind::parse)
            .collect::<Result<Vec<_>, _>>()?;
        Self::none().with(1, definitions)
    }

    /// These kinds with new or newer definitions, holding from `schema` on.
    pub fn with(&self, schema: u32, definitions: Vec<Kind>) -> Result<Self, KindsError> {
        if schema <= self.schema {
            return Err(KindsError::Schema {
                given: schema,
                present: self.schema,
            });
        }
        let mut next = self.clone();
        next.schema = schema;
        for kind in definitions {
            let name = kind.name().to_owned();
            let versions = next.definitions.entry(name.clone()).or_default();
            if versions.contains_key(&schema) {
                return Err(KindsError::Twice { kind: name });
            }
            if let Some(older) = versions.values().next_back() {
                kind.succeeds(older)
                    .map_err(|refusals| KindsError::Shifted {
                        kind: name,
                        refusals,
                    })?;
            }
            versions.insert(schema, Arc::new(kind));
        }
        next.check_parents()?;
        next.check_levels()?;
        Ok(next)
    }

    /// A place is offered and asked for in one way: as it is, or day by day.
    fn check_levels(&self) -> Result<(), KindsError> {
        let mut by_level = BTreeMap::<&str, (&str, bool)>::new();
        for kind in self.newest() {
            let KindScope::Place { level, by_day } = kind.scope() else {
                continue;
            };
            match by_level.get(level.as_str()) {
                Some((other, others)) if others != by_day => {
                    return Err(KindsError::Mixed {
                        kind: kind.name().to_owned(),
                        level: level.clone(),
                        by_day: *by_day,
                        other: (*other).to_owned(),
                    });
                }
                Some(_) => {}
                None => {
                    by_level.insert(level, (kind.name(), *by_day));
                }
            }
        }
        Ok(())
    }

    fn check_parents(&self) -> Result<(), KindsError> {
        for kind in self.newest() {
            let KindScope::Parent { kind: parent } = kind.scope() else {
                continue;
            };
            let name = kind.name().to_owned();
            match self.get(parent) {
                None => {
                    return Err(KindsError::NoParent {
                        kind: name,
                        parent: parent.clone(),
                    });
                }
                Some(above) if above.parent().is_some() => {
                    return Err(KindsError::TooDeep {
                        kind: name,
                        parent: parent.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The newest schema version.
    pub fn schema(&self) -> u32 {
        self.schema
    }

    /// The newest definition of a kind.
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.definitions
            .get(name)?
            .values()
            .next_back()
            .map(Arc::as_ref)
    }

    /// The definition of a kind as of a schema version: `None` if the kind was unknown then, or the
    /// version is above the newest.
    pub fn at(&self, schema: u32, name: &str) -> Option<&Kind> {
        if schema > self.schema {
            return None;
        }
        let (_, kind) = self.definitions.get(name)?.range(..=schema).next_back()?;
        Some(kind)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// The newest definition of every kind.
    pub fn newest(&self) -> impl Iterator<Item = &Kind> {
        self.definitions
            .values()
            .filter_map(|versions| versions.values().next_back().map(Arc::as_ref))
    }

    /// Every definition with the schema version it came with: what a store has to keep.
    pub fn all(&self) -> impl Iterator<Item = (u32, &Kind)> {
        self.definitions.values().flat_map(|versions| {
            versions
                .iter()
                .map(|(schema, kind)| (*schema, kind.as_ref()))
        })
    }

    /// The kinds that stand where records of this one stand, and move with them.
    pub fn children<'k>(&'k self, parent: &'k str) -> impl Iterator<Item = &'k Kind> {
        self.newest()
            .filter(move |kind| kind.parent() == Some(parent))
    }

    /// Checks a change against the definition it was captured under; what only a newer definition
    /// minds is flagged. `None` where `at` is.
    pub fn validate(
        &self,
        schema: u32,
        name: &str,
        set: &impl Values,
        creating: bool,
        day: Option<NaiveDate>,
    ) -> Option<Verdict> {
        let then = self.at(schema, name)?;
        let mut verdict = then.validate_on(set, creating, day);
        let now = self.get(name)?;
        if now.version() != then.version() {
            let later = now.validate_on(set, creating, day);
            // What is unknown or new to the older definition is no longer odd.
            verdict.warnings = later.warnings;
            let stricter = later
                .problems
                .into_iter()
                .filter(|problem| !verdict.problems.contains(problem));
            verdict.warnings.extend(stricter.map(|problem| Warning {
                path: problem.path,
                code: problem.code,
            }));
            verdict.warnings.sort();
        }
        Some(verdict)
    }
}
