//! The area tree: what a node must look like, who may add or change one. A node never moves to
//! another parent, because everything below it would change what it belongs to; where that is
//! needed, a new node is made and the old one given an end.

use sync_protocol::Millis;
use sync_protocol::scope::Place;

use super::roles::AREA_KEEPERS;
use super::{Actor, Error, Refusal, check_name, malformed};
use crate::store::Connection;
use crate::store::areas::{self, AreaRow};

/// The time zone where no node says another.
pub const DEFAULT_TIMEZONE: &str = "Asia/Shanghai";
/// How deep the tree may be.
pub const MOST_LEVELS: usize = 16;

/// A node to be.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewArea {
    pub code: String,
    #[serde(default)]
    pub parent: Option<String>,
    pub level: String,
    pub name: String,
    #[serde(default)]
    pub timezone: Option<String>,
    #[serde(default)]
    pub valid_from: Option<Millis>,
    #[serde(default)]
    pub valid_until: Option<Millis>,
}

/// What may be changed of a node. Absent stays as it is; `null` takes away.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaChange {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub timezone: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    pub valid_from: Option<Option<Millis>>,
    #[serde(default, deserialize_with = "present")]
    pub valid_until: Option<Option<Millis>>,
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de>,
{
    serde::Deserialize::deserialize(deserializer).map(Some)
}

/// Checks everything about a node that can be seen without the tree.
pub fn check(new: &NewArea) -> Result<(), Error> {
    if Place::new("x", &new.code).is_err() {
        return Err(malformed("code", "1 to 32 of A-Z a-z 0-9 _ -"));
    }
    if Place::new(&new.level, "x").is_err() {
        return Err(malformed("level", "1 to 16 of a-z and _"));
    }
    check_name("name", &new.name)?;
    check_timezone(new.timezone.as_deref())?;
    check_validity(new.valid_from, new.valid_until)
}

fn check_timezone(timezone: Option<&str>) -> Result<(), Error> {
    match timezone.map(str::parse::<chrono_tz::Tz>) {
        Some(Err(_)) => Err(malformed("timezone", "a name such as Asia/Shanghai")),
        _ => Ok(()),
    }
}

fn check_validity(from: Option<Millis>, until: Option<Millis>) -> Result<(), Error> {
    match (from, until) {
        (Some(from), Some(until)) if until <= from => {
            Err(malformed("valid_until", "later than valid_from"))
        }
        _ => Ok(()),
    }
}

/// The path of a node below `parent`; a node at the top has none above it.
pub(crate) fn path_below(parent: Option<&str>, code: &str) -> Result<String, Error> {
    let path = format!("{}{code}/", parent.unwrap_or("/"));
    if path.split('/').count() > MOST_LEVELS + 2 {
        return Err(malformed("parent", "the tree is at most 16 levels deep"));
    }
    Ok(path)
}

/// Adds a node below one where the caller manages areas. Only the command line begins a tree.
pub fn create(c: &mut Connection, actor: Actor<'_>, new: &NewArea) -> Result<AreaRow, Error> {
    check(new)?;
    let parent = match &new.parent {
        Some(code) => Some(areas::by_code(c, code)?.ok_or(Refusal::Unknown("parent"))?),
        None if matches!(actor, Actor::CommandLine) => None,
        None => {
            return Err(malformed(
                "parent",
                "required; only the command line begins a tree",
            ));
        }
    };
    if let Some(parent) = &parent {
        keep(actor, &parent.path)?;
    }
    if areas::by_code(c, &new.code)?.is_some() {
        return Err(Refusal::Taken("code").into());
    }
    let row = AreaRow {
        path: path_below(parent.as_ref().map(|row| row.path.as_str()), &new.code)?,
        code: new.code.clone(),
        parent: new.parent.clone(),
        level: new.level.clone(),
        name: new.name.clone(),
        timezone: new.timezone.clone(),
        valid_from: new.valid_from,
        valid_until: new.valid_until,
    };
    areas::insert(c, &row)?;
    Ok(row)
}

/// Changes name, time zone or validity of a node.
pub fn change(
    c: &mut Connection,
    actor: Actor<'_>,
    code: &str,
    change: &AreaChange,
) -> Result<AreaRow, Error> {
    let mut row = areas::by_code(c, code)?.ok_or(Refusal::Unknown("area"))?;
    keep(actor, &row.path)?;
    if let Some(name) = &change.name {
        check_name("name", name)?;
        row.name.clone_from(name);
    }
    if let Some(timezone) = &change.timezone {
        check_timezone(timezone.as_deref())?;
        row.timezone.clone_from(timezone);
    }
    row.valid_from = change.valid_from.unwrap_or(row.valid_from);
    row.valid_until = change.valid_until.unwrap_or(row.valid_until);
    check_validity(row.valid_from, row.valid_until)?;
    areas::update(c, &row)?;
    Ok(row)
}

fn keep(actor: Actor<'_>, path: &str) -> Result<(), Refusal> {
    let sees = match actor {
        Actor::Person(reach) => reach.covers(path),
        Actor::CommandLine => true,
    };
    if actor.holds(AREA_KEEPERS, path) {
        Ok(())
    } else if sees {
        Err(Refusal::Forbidden)
    } else {
        Err(Refusal::Unknown("area"))
    }
}
