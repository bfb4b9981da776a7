//! Looking a traveller up at the gate: was this person, telephone or plate registered lately in
//! our district? The answer is one masked match or nothing, and looks the same whether the number
//! is unknown, malformed or out of reach. Every look-up goes on record, also one without a match.

use serde::{Deserialize, Serialize};
use sync_protocol::Millis;
use sync_protocol::change::Fields;
use sync_protocol::kind::query_term;

use super::search::term;
use super::{Fault, malformed};
use crate::store::finds::{self, Found};
use crate::store::{Connection, areas, lookups, scopes};
use crate::sync::search_key::SearchKey;

use super::read::Eye;

/// Who may look somebody up: those who stand at a gate or knock at doors, and those they report to.
pub const LOOKERS: &[&str] = &[
    "volunteer",
    "checkpoint_leader",
    "grid_leader",
    "officer",
    "command",
];
/// A match is shown as the least of these roles sees a stranger's entry, whoever asks.
const SHOWN_AS: &[&str] = &["volunteer"];
/// One asks about the whole district in which one stands.
const ASKED_ABOUT: &str = "district";
const LONGEST_PURPOSE: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    pub phone: Option<String>,
    pub identity: Option<String>,
    pub plate: Option<String>,
    /// Why; goes on record.
    pub purpose: String,
}

/// A match, masked.
#[derive(Debug, Clone, Serialize)]
pub struct Match {
    pub kind: String,
    /// The name of the place where it was last seen.
    pub place: String,
    pub time: Millis,
    pub set: Fields,
    pub abnormal: Vec<String>,
}

/// What was found, and where that goes on record.
#[derive(Debug, Default)]
pub struct Outcome {
    pub found: Option<Match>,
    pub record: Option<String>,
    pub scope_id: Option<i64>,
}

/// Looks somebody up.
pub fn look(
    c: &mut Connection,
    eye: &Eye<'_>,
    key: &SearchKey,
    query: &Query,
) -> Result<Outcome, Fault> {
    let purpose = query.purpose.trim();
    if purpose.is_empty() || purpose.len() > LONGEST_PURPOSE {
        return Err(malformed("purpose", "1 to 200 bytes: why somebody looks"));
    }
    let Some((of, text)) = term(&query.phone, &query.identity, &query.plate)? else {
        return Err(malformed("phone, identity, plate", "one of them"));
    };
    if !eye.reach.holds_anywhere(LOOKERS) {
        return Err(Fault::Forbidden);
    }
    // A malformed number takes the same way and finds nothing.
    let hash = key.hash(of, &query_term(of, text).unwrap_or_default());
    let ids = lookups::under(c, &hash)?;
    let mut newest: Option<Found> = None;
    for path in grounds(c, eye)? {
        for kind in eye.rules.kinds.newest() {
            let searchable = kind.search_paths().iter().any(|one| one.purpose == of);
            if !searchable || !kind.view(SHOWN_AS).sees_kind() {
                continue;
            }
            for found in finds::newest_of(c, &path, kind.name(), &ids, 1)? {
                if newest
                    .as_ref()
                    .is_none_or(|newest| newest.row.time < found.row.time)
                {
                    newest = Some(found);
                }
            }
        }
    }
    let Some(found) = newest else {
        return Ok(Outcome::default());
    };
    let record = found.row.record()?;
    let Some(kind) = eye.rules.kinds.get(&record.kind) else {
        return Ok(Outcome::default());
    };
    let view = kind.view(SHOWN_AS);
    let code = found.scope.place.code().to_owned();
    let place = scopes::nodes(c, &[code])?.pop().map(|node| node.name);
    Ok(Outcome {
        found: Some(Match {
            place: place.unwrap_or_default(),
            time: record.created.time,
            // Nobody's own entries are shown more of than anybody else's.
            set: view.project(record.values(), false),
            abnormal: view.abnormal(record.abnormal, false),
            kind: record.kind,
        }),
        record: Some(found.row.id),
        scope_id: Some(found.row.scope_id),
    })
}

/// The districts in which somebody stands who may look others up; an area above all districts
/// counts as it is.
fn grounds(c: &mut Connection, eye: &Eye<'_>) -> Result<Vec<String>, Fault> {
    let mut paths = Vec::new();
    for path in eye.reach.paths(LOOKERS) {
        let chain = areas::chain(c, path)?;
        let district = chain.into_iter().find(|row| row.level == ASKED_ABOUT);
        paths.push(district.map_or_else(|| path.to_owned(), |row| row.path));
    }
    paths.sort();
    paths.dedup_by(|inner, outer| inner.starts_with(outer.as_str()));
    Ok(paths)
}
