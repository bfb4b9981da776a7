//! A record as its reader may see it, with what is odd about it and, alone, with what lost.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use sync_protocol::Millis;
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::wire::Row;

use super::{Fault, day_of};
use crate::store::audit::Look;
use crate::store::finds::{self, Found};
use crate::store::{Connection, Error, Reach, history, records, to_rev};
use crate::sync::projection::Sight;
use crate::sync::rules::Rules;

/// A record as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    #[serde(flatten)]
    pub row: Row,
    /// Where it stands.
    pub scope: String,
    /// What is odd about values that are shown whole.
    pub warnings: Vec<Oddity>,
    #[serde(skip)]
    pub scope_id: i64,
}

/// Something odd: where, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oddity {
    pub path: String,
    pub code: String,
}

/// A value that lost at some time.
#[derive(Debug, Clone, Serialize)]
pub struct Past {
    pub field: String,
    pub value: Value,
    /// When it was replaced.
    pub at: Millis,
    pub by: UserId,
    pub rev: u64,
}

/// What one reader sees in one moment; keeps the view of each place it met.
pub struct Eye<'a> {
    pub rules: &'a Rules,
    pub reach: &'a Reach,
    sights: HashMap<(String, String, bool), Option<Sight>>,
}

impl<'a> Eye<'a> {
    pub fn new(rules: &'a Rules, reach: &'a Reach) -> Self {
        Self {
            rules,
            reach,
            sights: HashMap::new(),
        }
    }

    /// What is seen at the place where a record stands.
    fn sight(&mut self, found: &Found) -> Option<&Sight> {
        let (rules, reach) = (self.rules, self.reach);
        let level = found.scope.place.level().to_owned();
        let key = (found.path.clone(), level, found.scope.day.is_some());
        let sight = self
            .sights
            .entry(key)
            .or_insert_with_key(|(path, level, by_day)| {
                let roles = reach.roles_at(path);
                Sight::of(rules, reach.account(), &roles, level, *by_day)
            });
        sight.as_ref()
    }

    /// The record, or nothing if its kind is not for this reader.
    pub fn show(&mut self, found: &Found) -> Result<Option<Shown>, Error> {
        let record = found.row.record()?;
        let own = record.created.user == self.reach.account();
        let rules = self.rules;
        let Some(sight) = self.sight(found) else {
            return Ok(None);
        };
        let Some(view) = sight.view(&record.kind) else {
            return Ok(None);
        };
        let day = day_of(&found.scope, record.created.time);
        let odd = rules
            .kinds
            .get(&record.kind)
            .map(|kind| kind.validate_on(&record.values(), true, Some(day)).warnings);
        let warnings = odd
            .unwrap_or_default()
            .into_iter()
            .filter(|odd| !view.masks(field_of(&odd.path), own))
            .map(|odd| Oddity {
                path: odd.path,
                code: odd.code.to_string(),
            })
            .collect();
        let Some(row) = sight.row(record) else {
            return Ok(None);
        };
        Ok(Some(Shown {
            row,
            scope: found.scope.to_string(),
            warnings,
            scope_id: found.row.scope_id,
        }))
    }

    /// The values in conflict in a field that this reader is shown, in the order shown, as they
    /// stand in the record.
    pub fn conflicting(&mut self, found: &Found, field: &str) -> Result<Vec<Value>, Error> {
        let record = found.row.record()?;
        let own = record.created.user == self.reach.account();
        let Some(view) = self.sight(found).and_then(|sight| sight.view(&record.kind)) else {
            return Ok(Vec::new());
        };
        Ok(record
            .conflicts()
            .filter(|(name, ..)| *name == field)
            .filter(|(_, held, _)| view.project_field(field, &held.value, own).is_some())
            .map(|(_, held, _)| held.value.clone())
            .collect())
    }

    /// One record of a kind, if this reader sees it.
    pub fn one(&mut self, c: &mut Connection, kind: &str, id: RecordId) -> Result<Found, Fault> {
        let found = finds::one(c, self.reach, id)?.ok_or(Fault::Unknown)?;
        let sight = self.sight(&found).ok_or(Fault::Unknown)?;
        if found.row.kind != kind || sight.view(kind).is_none() {
            return Err(Fault::Unknown);
        }
        Ok(found)
    }

    /// What lost in a record over time, as far as its reader may see it.
    pub fn history(&mut self, c: &mut Connection, found: &Found) -> Result<Vec<Past>, Error> {
        let record = found.row.record()?;
        let own = record.created.user == self.reach.account();
        let Some(view) = self.sight(found).and_then(|sight| sight.view(&record.kind)) else {
            return Ok(Vec::new());
        };
        let mut past = Vec::new();
        for row in history::of(c, record.id)? {
            let value: Value = records::decode(&row.value)?;
            if let Some(value) = view.project_field(&row.field, &value, own) {
                past.push(Past {
                    field: row.field,
                    value,
                    at: row.at,
                    by: UserId(row.account),
                    rev: to_rev(row.rev),
                });
            }
        }
        Ok(past)
    }
}

/// The field that a path of the checks speaks of: `person` of `person.number`.
fn field_of(path: &str) -> &str {
    path.split_once('.').map_or(path, |(field, _)| field)
}

/// Looks at records, one for each scope they stand in.
pub fn looks(
    action: &str,
    (user, device): (UserId, Option<i64>),
    at: Millis,
    shown: &[Shown],
    purpose: Option<&str>,
) -> Vec<Look> {
    let mut counts = std::collections::BTreeMap::<i64, i64>::new();
    for one in shown {
        *counts.entry(one.scope_id).or_default() += 1;
    }
    let only = match shown {
        [one] => Some(one.row.record.to_string()),
        _ => None,
    };
    counts
        .into_iter()
        .map(|(scope_id, count)| Look {
            at,
            account: user.0,
            device,
            action: action.to_owned(),
            scope_id: Some(scope_id),
            from_head: None,
            to_head: None,
            record: only.clone(),
            count,
            purpose: purpose.map(str::to_owned),
        })
        .collect()
}
