//! Finding records: by their place, their day, their time, or a keyed hash; always within
//! somebody's [`Reach`], and always with the place where each stands, by which its reader's view
//! is chosen.

use diesel::prelude::*;
use sync_protocol::Millis;
use sync_protocol::id::RecordId;
use sync_protocol::scope::Scope;

use super::dialect::{each, holds};
use super::ids::stored;
use super::lookups::{self, Hash};
use super::records::RecordRow;
use super::schema::{area, record, scope};
use super::{Connection, Error, Reach};

/// A record and where it stands.
#[derive(Debug, Clone)]
pub struct Found {
    pub row: RecordRow,
    pub scope: Scope,
    /// The path of its node.
    pub path: String,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub kind: String,
    /// At or below the node with this path.
    pub under: Option<String>,
    /// At the node with this code itself.
    pub at: Option<String>,
    /// In scopes from this day to that one.
    pub days: Option<(String, String)>,
    /// With a time from here up to there.
    pub times: Option<(Millis, Millis)>,
    /// Findable under this hash.
    pub hash: Option<Hash>,
    /// Older than this one: its time and id.
    pub after: Option<(Millis, String)>,
}

type Raw = (RecordRow, String, String);

fn found((row, name, path): Raw) -> Result<Found, Error> {
    let scope = name
        .parse()
        .map_err(|_| Error::Corrupt("the name of a scope".to_owned()))?;
    Ok(Found { row, scope, path })
}

/// Records where `reach` holds one of `roles` now, newest first.
pub fn page(
    c: &mut Connection,
    reach: &Reach,
    roles: &[&str],
    filter: &Filter,
    most: i64,
) -> Result<Vec<Found>, Error> {
    let ids = match &filter.hash {
        Some(hash) => Some(lookups::under(c, hash)?),
        None => None,
    };
    let mut rows: Vec<Raw> = Vec::new();
    for path in reach.paths(roles) {
        rows.extend(match &ids {
            Some(ids) => among(c, path, filter, ids, most)?,
            None => within(c, path, filter, None, most)?,
        });
    }
    rows.sort_by(|(a, ..), (b, ..)| (b.time, &b.id).cmp(&(a.time, &a.id)));
    rows.truncate(usize::try_from(most).unwrap_or(0));
    rows.into_iter().map(found).collect()
}

/// The newest of these records within an area, for a look-up that shows only masked ones: the caller
/// answers for the area being one that may be asked about.
pub fn newest_of(
    c: &mut Connection,
    path: &str,
    kind: &str,
    ids: &[RecordId],
    most: i64,
) -> Result<Vec<Found>, Error> {
    let filter = Filter {
        kind: kind.to_owned(),
        ..Filter::default()
    };
    among(c, path, &filter, ids, most)?
        .into_iter()
        .map(found)
        .collect()
}

/// A number that is not known must cost nothing: the ids come first, and the database is not left to
/// choose.
fn among(
    c: &mut Connection,
    path: &str,
    filter: &Filter,
    ids: &[RecordId],
    most: i64,
) -> Result<Vec<Raw>, Error> {
    let mut rows = Vec::new();
    for ids in ids.chunks(super::dialect::MAX_LIST) {
        rows.extend(within(c, path, filter, Some(ids), most)?);
    }
    rows.sort_by(|(a, ..), (b, ..)| (b.time, &b.id).cmp(&(a.time, &a.id)));
    rows.truncate(usize::try_from(most).unwrap_or(0));
    Ok(rows)
}

fn within(
    c: &mut Connection,
    path: &str,
    filter: &Filter,
    ids: Option<&[RecordId]>,
    most: i64,
) -> Result<Vec<Raw>, Error> {
    let mut query = record::table
        .inner_join(scope::table.on(scope::id.eq(record::scope_id)))
        .inner_join(area::table.on(area::code.eq(scope::area)))
        .filter(area::path.ge(path.to_owned()))
        .filter(area::path.lt(super::scopes::above(path)))
        .into_boxed();
    query = match ids {
        None => query.filter(record::kind.eq(filter.kind.clone())),
        // No index has this: else all records of the kind might be walked in search of a few ids.
        Some(ids) => query
            .filter(
                record::id.eq_any(
                    ids.iter()
                        .map(|id| id.as_bytes().to_vec())
                        .collect::<Vec<_>>(),
                ),
            )
            .filter(record::kind.concat("").eq(filter.kind.clone())),
    };
    if let Some(under) = &filter.under {
        query = query
            .filter(area::path.ge(under.clone()))
            .filter(area::path.lt(super::scopes::above(under)));
    }
    if let Some(code) = &filter.at {
        query = query.filter(area::code.eq(code.clone()));
    }
    if let Some((from, to)) = &filter.days {
        query = query.filter(scope::day.between(from.clone(), to.clone()));
    }
    if let Some((from, to)) = filter.times {
        query = query
            .filter(record::time.ge(from))
            .filter(record::time.lt(to));
    }
    if let Some((time, id)) = &filter.after {
        let same = record::time.eq(*time).and(record::id.lt(stored(id)));
        query = query.filter(record::time.lt(*time).or(same));
    }
    Ok(query
        .order((record::time.desc(), record::id.desc()))
        .limit(most)
        .select((RecordRow::as_select(), scope::name, area::path))
        .load(c)?)
}

/// One record, if any role is held now where it stands.
pub fn one(c: &mut Connection, reach: &Reach, id: RecordId) -> Result<Option<Found>, Error> {
    let raw: Option<Raw> = record::table
        .inner_join(scope::table.on(scope::id.eq(record::scope_id)))
        .inner_join(area::table.on(area::code.eq(scope::area)))
        .filter(record::id.eq(id.as_bytes().to_vec()))
        .select((RecordRow::as_select(), scope::name, area::path))
        .first(c)
        .optional()?;
    let found = raw.map(found).transpose()?;
    Ok(found.filter(|found| reach.covers(&found.path)))
}

/// Records with values that lost, where one of `roles` is held now, by id after `after`.
pub fn conflicted(
    c: &mut Connection,
    reach: &Reach,
    roles: &[&str],
    after: &str,
    most: i64,
) -> Result<Vec<Found>, Error> {
    let rows: Vec<Raw> = super::areas::merge_pages(
        &reach.paths(roles),
        most,
        |(row, ..): &Raw| row.id.clone(),
        |path| {
            Ok(each!(c, inner => record::table
                .inner_join(scope::table.on(scope::id.eq(record::scope_id)))
                .inner_join(area::table.on(area::code.eq(scope::area)))
                .filter(holds(record::conflicted))
                .filter(record::id.gt(stored(after)))
                .filter(area::path.ge(path.to_owned()))
                .filter(area::path.lt(super::scopes::above(path)))
                .order(record::id)
                .limit(most)
                .select((RecordRow::as_select(), scope::name, area::path))
                .load(inner))?)
        },
    )?;
    rows.into_iter().map(found).collect()
}

/// All records of a kind, by id after `after`: for counting and indexing anew.
pub fn of_kind(
    c: &mut Connection,
    kind: &str,
    after: &str,
    most: i64,
) -> Result<Vec<RecordRow>, Error> {
    Ok(record::table
        .filter(record::kind.eq(kind))
        .filter(record::id.gt(stored(after)))
        .order(record::id)
        .limit(most)
        .select(RecordRow::as_select())
        .load(c)?)
}

/// Records of a kind that began before a moment, oldest first: what may be due for purging.
pub fn begun_before(
    c: &mut Connection,
    kind: &str,
    before: Millis,
    after: (Millis, &str),
    most: i64,
) -> Result<Vec<RecordRow>, Error> {
    let (time, id) = after;
    let later = record::time
        .gt(time)
        .or(record::time.eq(time).and(record::id.gt(stored(id))));
    Ok(record::table
        .filter(record::kind.eq(kind))
        .filter(record::time.lt(before))
        .filter(later)
        .order((record::time, record::id))
        .limit(most)
        .select(RecordRow::as_select())
        .load(c)?)
}
