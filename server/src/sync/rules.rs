//! The rules that hold now: the kinds and the policy, as the database has them. They are read
//! again whenever their version moved, so that an officer's change needs no restart.

use std::sync::{Arc, PoisonError, RwLock};

use sync_protocol::kind::{Kind, KindErrors, Kinds};
use sync_protocol::policy::Policy;
use sync_protocol::record::Record;

use super::fold::Pair;
use super::views::Views;
use crate::store::definitions::{self, Moment};
use crate::store::{self, Connection};

/// Kinds and policy of one moment.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The kinds, with all their versions.
    pub kinds: Arc<Kinds>,
    /// What makes an entry abnormal.
    pub policy: Arc<Policy>,
    /// The version of the policy in the database; 0 for the one that comes with the program.
    pub policy_version: u32,
    /// What roles show of the kinds.
    pub views: Arc<Views>,
}

/// By this it is known whether rules are those of before: what a version says never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// Of the kinds.
    pub schema: u32,
    /// Of the policy.
    pub policy: u32,
}

impl Rules {
    /// What a record counts under, and what it can be found by.
    pub(super) fn counts_and_terms(&self, record: &Record) -> (Vec<Pair>, Vec<Pair>) {
        let Some(kind) = self.kinds.get(&record.kind) else {
            return (Vec::new(), Vec::new());
        };
        let tallies = kind.tallies(record, &record.abnormal, record.is_void());
        (tallies, kind.search_terms(record))
    }

    /// Which rules these are.
    pub fn versions(&self) -> Versions {
        Versions {
            schema: self.kinds.schema(),
            policy: self.policy_version,
        }
    }
}

/// The rules last read.
#[derive(Debug, Default)]
pub struct RulesCache(RwLock<Option<Rules>>);

impl RulesCache {
    /// The rules last read, if any were.
    pub fn held(&self) -> Option<Rules> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The rules as of this transaction.
    pub fn of(&self, connection: &mut Connection) -> Result<Rules, store::Error> {
        let moment = definitions::moment(connection)?;
        self.at(connection, moment)
    }

    /// The rules as of a moment of this transaction.
    pub fn at(&self, connection: &mut Connection, moment: Moment) -> Result<Rules, store::Error> {
        let Moment { schema, policy, .. } = moment;
        if let Some(rules) = self.held()
            && rules.kinds.schema() == schema
            && rules.policy_version == policy
        {
            return Ok(rules);
        }
        let rules = read(connection, policy)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(rules.clone());
        Ok(rules)
    }
}

/// A definition as somebody wrote it: TOML, or the JSON that clients are served.
pub fn parse_kind(text: &str) -> Result<Kind, KindErrors> {
    if is_json(text) {
        Kind::from_json(text)
    } else {
        Kind::parse(text)
    }
}

/// A policy as somebody wrote it: TOML, or the JSON that clients are served.
pub fn parse_policy(text: &str) -> Result<Policy, KindErrors> {
    if is_json(text) {
        Policy::from_json(text)
    } else {
        Policy::parse(text)
    }
}

/// No document in TOML begins with a brace.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn read(connection: &mut Connection, policy_version: u32) -> Result<Rules, store::Error> {
    let corrupt = |what: &str| store::Error::Corrupt(format!("the stored definition of {what}"));
    let mut kinds = Kinds::none();
    let mut rows = definitions::kinds(connection)?.into_iter().peekable();
    while let Some(first) = rows.next() {
        let schema = first.schema();
        let mut together = vec![first];
        while let Some(row) = rows.next_if(|row| row.schema() == schema) {
            together.push(row);
        }
        let parsed = together
            .iter()
            .map(|row| parse_kind(&row.definition).map_err(|_| corrupt(&row.name)))
            .collect::<Result<Vec<_>, _>>()?;
        kinds = kinds
            .with(schema, parsed)
            .map_err(|_| corrupt("the kinds"))?;
    }
    let policy = match definitions::policy(connection, policy_version)? {
        Some(body) => parse_policy(&body).map_err(|_| corrupt("the policy"))?,
        None => Policy::built_in().map_err(|_| corrupt("the policy"))?,
    };
    Ok(Rules {
        kinds: Arc::new(kinds),
        policy: Arc::new(policy),
        policy_version,
        views: Arc::default(),
    })
}
