//! Scopes: a head each, and a count and a digest per kind.

use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};
use sync_protocol::cursor::Head;
use sync_protocol::digest::Digest;
use sync_protocol::scope::Scope;

use super::dialect::{MAX_LIST, among, each};
use super::schema::{area, scope, scope_kind};
use super::{Connection, Error, from_rev, to_rev};

/// A scope as it is stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = scope)]
pub struct ScopeRow {
    pub id: i64,
    pub name: String,
    pub area: String,
    pub day: Option<String>,
    pub head: i64,
    pub leaps: String,
    pub purged: bool,
}

impl ScopeRow {
    /// The counter.
    pub fn head(&self) -> Result<Head, Error> {
        let leaps = serde_json::from_str(&self.leaps)
            .map_err(|_| Error::Corrupt("the leaps of a scope".to_owned()))?;
        Ok(Head {
            head: to_rev(self.head),
            leaps,
        })
    }

    /// The name, parsed.
    pub fn scope(&self) -> Result<Scope, Error> {
        self.name
            .parse()
            .map_err(|_| Error::Corrupt("the name of a scope".to_owned()))
    }
}

/// What a scope holds of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = scope_kind)]
pub struct HoldingRow {
    pub scope_id: i64,
    pub kind: String,
    pub count: i64,
    pub digest: i64,
}

impl HoldingRow {
    /// The digest over the records of this kind.
    pub const fn digest(&self) -> Digest {
        Digest::from_bits(self.digest)
    }
}

/// A node of the area tree, as far as a scope needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub code: String,
    pub level: String,
    pub name: String,
    pub path: String,
    /// The time zone that holds at the node, where that was asked for.
    pub timezone: Option<String>,
}

/// The scopes with these names that exist.
pub fn by_names(connection: &mut Connection, names: &[String]) -> Result<Vec<ScopeRow>, Error> {
    let mut rows = Vec::with_capacity(names.len());
    for names in names.chunks(MAX_LIST) {
        rows.extend(each!(connection, inner => scope::table
            .filter(among(scope::name, names))
            .select(ScopeRow::as_select())
            .load::<ScopeRow>(inner))?);
    }
    Ok(rows)
}

/// The scopes with these ids.
pub fn by_ids(connection: &mut Connection, ids: &[i64]) -> Result<Vec<ScopeRow>, Error> {
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(MAX_LIST) {
        rows.extend(each!(connection, inner => scope::table
            .filter(among(scope::id, ids))
            .select(ScopeRow::as_select())
            .load::<ScopeRow>(inner))?);
    }
    Ok(rows)
}

/// The scopes with these names that exist, each with what it holds per kind.
pub fn held(
    connection: &mut Connection,
    names: &[String],
) -> Result<HashMap<String, (ScopeRow, Vec<HoldingRow>)>, Error> {
    let mut held = HashMap::with_capacity(names.len());
    for names in names.chunks(MAX_LIST) {
        let rows = each!(connection, inner => scope::table
            .left_join(scope_kind::table.on(scope_kind::scope_id.eq(scope::id)))
            .filter(among(scope::name, names))
            .select((ScopeRow::as_select(), Option::<HoldingRow>::as_select()))
            .load::<(ScopeRow, Option<HoldingRow>)>(inner))?;
        for (row, holding) in rows {
            let (_, holdings) = held
                .entry(row.name.clone())
                .or_insert_with(|| (row, Vec::new()));
            holdings.extend(holding);
        }
    }
    Ok(held)
}

/// Makes a scope that does not exist yet.
pub fn create(connection: &mut Connection, name: &Scope) -> Result<ScopeRow, Error> {
    let text = name.to_string();
    diesel::insert_into(scope::table)
        .values((
            scope::name.eq(&text),
            scope::area.eq(name.place.code()),
            scope::day.eq(name.day.map(|day| day.to_string())),
            scope::head.eq(0),
            scope::leaps.eq("[]"),
            scope::purged.eq(false),
        ))
        .execute(connection)?;
    Ok(scope::table
        .filter(scope::name.eq(&text))
        .select(ScopeRow::as_select())
        .first(connection)?)
}

/// A counter as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRow {
    pub id: i64,
    pub head: i64,
    pub leaps: String,
    pub purged: bool,
}

impl HeadRow {
    /// The counter of the scope with this id.
    pub fn new(id: i64, head: &Head, purged: bool) -> Result<Self, Error> {
        Ok(Self {
            id,
            head: from_rev(head.head),
            leaps: serde_json::to_string(&head.leaps)
                .map_err(|_| Error::Corrupt("the leaps of a scope".to_owned()))?,
            purged,
        })
    }
}

/// What these scopes hold, per kind.
pub fn holdings(connection: &mut Connection, ids: &[i64]) -> Result<Vec<HoldingRow>, Error> {
    let mut rows = Vec::new();
    for ids in ids.chunks(MAX_LIST) {
        rows.extend(each!(connection, inner => scope_kind::table
            .filter(among(scope_kind::scope_id, ids))
            .select(HoldingRow::as_select())
            .load::<HoldingRow>(inner))?);
    }
    Ok(rows)
}

/// The nodes with these codes, with the time zones that hold there.
pub fn nodes(connection: &mut Connection, codes: &[String]) -> Result<Vec<Node>, Error> {
    let mut nodes: Vec<Node> = Vec::with_capacity(codes.len());
    for codes in codes.chunks(MAX_LIST) {
        let rows: Vec<NodeColumns> = each!(connection, inner => area::table
            .filter(among(area::code, codes))
            .select((area::code, area::level, area::name, area::path, area::timezone))
            .load(inner))?;
        nodes.extend(rows.into_iter().map(Node::from));
    }
    inherit_timezones(connection, &mut nodes)?;
    Ok(nodes)
}

type NodeColumns = (String, String, String, String, Option<String>);

impl From<NodeColumns> for Node {
    fn from((code, level, name, path, timezone): NodeColumns) -> Self {
        Self {
            code,
            level,
            name,
            path,
            timezone,
        }
    }
}

/// Gives nodes that name no time zone that of the nearest node above which names one.
fn inherit_timezones(connection: &mut Connection, nodes: &mut [Node]) -> Result<(), Error> {
    let without = || nodes.iter().filter(|node| node.timezone.is_none());
    let above: BTreeSet<String> = without()
        .flat_map(|node| node.path.split('/'))
        .filter(|code| !code.is_empty())
        .map(str::to_owned)
        .collect();
    let above: Vec<String> = above.into_iter().collect();
    let mut named: Vec<(String, Option<String>)> = Vec::new();
    for codes in above.chunks(MAX_LIST) {
        named.extend(each!(connection, inner => area::table
            .filter(among(area::code, codes))
            .filter(area::timezone.is_not_null())
            .select((area::path, area::timezone))
            .load::<(String, Option<String>)>(inner))?);
    }
    for node in nodes.iter_mut().filter(|node| node.timezone.is_none()) {
        let above = named.iter().filter(|(path, _)| node.path.starts_with(path));
        let nearest = above.max_by_key(|(path, _)| path.len());
        node.timezone = nearest.and_then(|(_, timezone)| timezone.clone());
    }
    Ok(())
}

/// Nodes of these levels inside an area, in the order of their codes, after `after`.
pub fn nodes_below(
    connection: &mut Connection,
    path: &str,
    levels: &[String],
    after: &str,
    most: usize,
) -> Result<Vec<Node>, Error> {
    let rows: Vec<(String, String, String, String)> = each!(connection, inner => area::table
        .filter(area::path.ge(path))
        .filter(area::path.lt(above(path)))
        .filter(among(area::level, levels))
        .filter(area::code.gt(after))
        .order(area::code)
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .select((area::code, area::level, area::name, area::path))
        .load(inner))?;
    Ok(rows
        .into_iter()
        .map(|(code, level, name, path)| Node {
            code,
            level,
            name,
            path,
            timezone: None,
        })
        .collect())
}

/// The least text above every path that begins with this one: paths end in `/`, and `0` follows it.
pub fn above(path: &str) -> String {
    let mut next = path.strip_suffix('/').unwrap_or(path).to_owned();
    next.push('0');
    next
}

/// Scopes of days before `day` that hold something and were not purged, in the order of their ids.
pub fn of_days_before(
    connection: &mut Connection,
    day: &str,
    after: i64,
    most: i64,
) -> Result<Vec<ScopeRow>, Error> {
    Ok(scope::table
        .filter(scope::day.lt(day))
        .filter(scope::purged.eq(false))
        .filter(scope::id.gt(after))
        .order(scope::id)
        .limit(most)
        .select(ScopeRow::as_select())
        .load(connection)?)
}
