//! The definitions of kinds, by the schema version they came with, and the versions of the policy.

use diesel::dsl::max;
use diesel::prelude::*;
use sync_protocol::{Millis, Rev};

use super::dialect::each;
use super::schema::{epoch, kind, meta as facts, policy};
use super::{Connection, Error, meta, to_rev};

/// A definition as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = kind)]
pub struct KindRow {
    pub name: String,
    pub schema: i64,
    pub definition: String,
    pub at: i64,
}

impl KindRow {
    /// The schema version it came with.
    pub fn schema(&self) -> u32 {
        u32::try_from(self.schema).unwrap_or(0)
    }
}

/// What every transaction asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The epoch that is open: the newest one.
    pub epoch: Rev,
    /// The newest version of the kinds; 0 where there is none.
    pub schema: u32,
    /// The newest version of the policy; 0 where there is none.
    pub policy: u32,
    /// The version of the area tree; 0 where nothing was changed in it yet.
    pub tree: u64,
    /// How often records went from where they stood, or more.
    pub moves: u64,
}

/// All of it, in one question.
pub fn moment(connection: &mut Connection) -> Result<Moment, Error> {
    type Row = (
        Option<i64>,
        Option<i64>,
        Option<i64>,
        Option<String>,
        Option<String>,
    );
    let fact = |name: &'static str| facts::table.find(name).select(facts::value).single_value();
    let (opened, schema, version, tree, moves): Row = each!(connection, inner => diesel::select((
        epoch::table.select(max(epoch::opened)).single_value(),
        kind::table.select(max(kind::schema)).single_value(),
        policy::table.select(max(policy::version)).single_value(),
        fact(meta::TREE),
        fact(meta::MOVES),
    ))
    .first(inner))?;
    let narrow = |version: Option<i64>| {
        version
            .and_then(|version| u32::try_from(version).ok())
            .unwrap_or(0)
    };
    Ok(Moment {
        epoch: to_rev(opened.unwrap_or(0)),
        schema: narrow(schema),
        policy: narrow(version),
        tree: meta::number(tree),
        moves: meta::number(moves),
    })
}

/// The newest versions of the kinds and of the policy; 0 where there is none.
pub fn versions(connection: &mut Connection) -> Result<(u32, u32), Error> {
    let Moment { schema, policy, .. } = moment(connection)?;
    Ok((schema, policy))
}

/// All definitions, oldest schema version first.
pub fn kinds(connection: &mut Connection) -> Result<Vec<KindRow>, Error> {
    Ok(kind::table
        .order((kind::schema, kind::name))
        .select(KindRow::as_select())
        .load(connection)?)
}

/// Adds a definition.
pub fn add_kind(connection: &mut Connection, row: &KindRow) -> Result<(), Error> {
    diesel::insert_into(kind::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// The body of a version of the policy.
pub fn policy(connection: &mut Connection, version: u32) -> Result<Option<String>, Error> {
    Ok(policy::table
        .find(i64::from(version))
        .select(policy::body)
        .first(connection)
        .optional()?)
}

/// Adds a version of the policy, which holds from now on.
pub fn add_policy(
    connection: &mut Connection,
    body: &str,
    at: Millis,
    account: Option<i64>,
) -> Result<u32, Error> {
    let (_, newest) = versions(connection)?;
    let version = newest + 1;
    diesel::insert_into(policy::table)
        .values((
            policy::version.eq(i64::from(version)),
            policy::body.eq(body),
            policy::at.eq(at),
            policy::account.eq(account),
        ))
        .execute(connection)?;
    Ok(version)
}
