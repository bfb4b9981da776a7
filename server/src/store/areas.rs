//! The area tree: nodes with a code, a parent, a level, a name and the path of codes from the top.
//! What a valid tree is, is decided in `accounts::areas`; here are only rows and queries.

use diesel::prelude::*;
use std::collections::BTreeMap;

use super::reach::Reach;
use super::schema::area;
use super::{Connection, Error, meta};

/// A row of `area`, whole.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = area, primary_key(code), treat_none_as_null = true)]
pub struct AreaRow {
    pub code: String,
    pub parent: Option<String>,
    pub level: String,
    pub name: String,
    /// `/9999/999999/…/`: the codes from the top, its own last.
    pub path: String,
    pub timezone: Option<String>,
    pub valid_from: Option<i64>,
    pub valid_until: Option<i64>,
}

impl AreaRow {
    /// Whether the node is in use at this moment.
    pub fn is_valid(&self, now: sync_protocol::Millis) -> bool {
        self.valid_from.is_none_or(|from| from <= now)
            && self.valid_until.is_none_or(|until| until > now)
    }
}

/// Nodes at or below the one with this path.
///
/// A range and not a pattern: codes may have `_` in them. It needs bytes to be compared as bytes
/// (`BINARY` in SQLite, `COLLATE "C"` in PostgreSQL).
#[diesel::dsl::auto_type]
fn below(path: String) -> _ {
    let end: String = end_of(&path);
    area::path.ge(path).and(area::path.lt(end))
}

/// The first text after everything that begins with `path`: `/` is followed by `0`.
fn end_of(path: &str) -> String {
    format!("{}0", path.strip_suffix('/').unwrap_or(path))
}

/// The codes of the nodes at or below the one with this path, for use inside another query.
#[diesel::dsl::auto_type]
pub(super) fn codes_below(path: String) -> _ {
    let here: below = below(path);
    area::table.filter(here).select(area::code)
}

/// Asks for one page per path and makes one page of them: a person holds few paths, and the
/// queries stay such that every database is asked in the same words.
pub(super) fn merge_pages<T, K: Ord>(
    paths: &[&str],
    limit: i64,
    key: impl Fn(&T) -> K,
    mut load: impl FnMut(&str) -> Result<Vec<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut merged = BTreeMap::new();
    for path in paths {
        merged.extend(load(path)?.into_iter().map(|row| (key(&row), row)));
    }
    let most = usize::try_from(limit).unwrap_or(0);
    Ok(merged.into_values().take(most).collect())
}

/// One node, whoever asks: the tree's shape is no secret to the rules that need it. What a person
/// is shown comes from [`page`].
pub fn by_code(c: &mut Connection, code: &str) -> Result<Option<AreaRow>, Error> {
    Ok(area::table.find(code).first(c).optional()?)
}

/// Nodes where `reach` holds any role now and everything below, at or below `under` if given,
/// in the order of their paths after `after`.
pub fn page(
    c: &mut Connection,
    reach: &Reach,
    under: Option<&str>,
    level: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<AreaRow>, Error> {
    let mut held: Vec<&str> = reach.held().map(|(path, _)| path).collect();
    held.sort_unstable();
    held.dedup_by(|inner, outer| inner.starts_with(*outer));
    merge_pages(
        &held,
        limit,
        |row: &AreaRow| row.path.clone(),
        |path| {
            let mut query = area::table
                .filter(below(path.to_owned()))
                .filter(area::path.gt(after))
                .into_boxed();
            if let Some(under) = under {
                query = query.filter(below(under.to_owned()));
            }
            if let Some(level) = level {
                query = query.filter(area::level.eq(level));
            }
            Ok(query.order(area::path).limit(limit).load(c)?)
        },
    )
}

pub fn insert(c: &mut Connection, row: &AreaRow) -> Result<(), Error> {
    diesel::insert_into(area::table).values(row).execute(c)?;
    meta::raise(c, meta::TREE)
}

/// Writes every column but the code.
pub fn update(c: &mut Connection, row: &AreaRow) -> Result<(), Error> {
    diesel::update(area::table.find(&row.code))
        .set(row)
        .execute(c)?;
    meta::raise(c, meta::TREE)
}

/// Every code with its path, for an import that has to find parents.
pub fn every_path(c: &mut Connection) -> Result<Vec<(String, String)>, Error> {
    Ok(area::table.select((area::code, area::path)).load(c)?)
}

/// The codes of all grids, for an import that has to find them.
pub fn every_grid(c: &mut Connection) -> Result<std::collections::HashSet<String>, Error> {
    let codes: Vec<String> = area::table
        .filter(area::level.eq("grid"))
        .select(area::code)
        .load(c)?;
    Ok(codes.into_iter().collect())
}

/// The paths of the nodes that have nothing above them.
pub fn tops(c: &mut Connection) -> Result<Vec<String>, Error> {
    Ok(area::table
        .filter(area::parent.is_null())
        .order(area::path)
        .select(area::path)
        .load(c)?)
}

/// The nodes from the top down to the one with this path, that one included.
pub fn chain(c: &mut Connection, path: &str) -> Result<Vec<AreaRow>, Error> {
    let codes: Vec<&str> = path.split('/').filter(|code| !code.is_empty()).collect();
    Ok(area::table
        .filter(area::code.eq_any(codes))
        .order(area::path)
        .load(c)?)
}

pub fn count(c: &mut Connection) -> Result<i64, Error> {
    Ok(area::table.count().get_result(c)?)
}

/// The node's time zone: its own, or the nearest one above it.
pub fn timezone(c: &mut Connection, path: &str) -> Result<Option<String>, Error> {
    let chain = chain(c, path)?;
    Ok(chain.into_iter().rev().find_map(|row| row.timezone))
}
