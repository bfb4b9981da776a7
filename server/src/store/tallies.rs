//! Tallies: counts per scope, kept in the transaction that changes a record (I20).

use diesel::prelude::*;

use super::schema::{area, scope, tally};
use super::{Connection, Error, Reach};

/// One count.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = tally)]
pub struct TallyRow {
    pub scope_id: i64,
    pub kind: String,
    pub name: String,
    pub value: String,
    /// Live records.
    pub live: i64,
    /// Records that a purge closed.
    pub closed: i64,
}

/// The counts of a scope.
pub fn of_scope(connection: &mut Connection, scope_id: i64) -> Result<Vec<TallyRow>, Error> {
    Ok(tally::table
        .filter(tally::scope_id.eq(scope_id))
        .select(TallyRow::as_select())
        .load(connection)?)
}

/// A count over several scopes: kind, name, value, live records, records that a purge closed.
pub type Total = (String, String, String, i64, i64);

/// The counts of an area and everything below it, summed; for kinds by day, of one day.
pub fn of_area(
    connection: &mut Connection,
    reach: &Reach,
    path: &str,
    day: Option<&str>,
) -> Result<Vec<Total>, Error> {
    if !reach.covers(path) {
        return Ok(Vec::new());
    }
    let query = tally::table
        .inner_join(scope::table.on(scope::id.eq(tally::scope_id)))
        .inner_join(area::table.on(area::code.eq(scope::area)))
        .filter(area::path.ge(path.to_owned()))
        .filter(area::path.lt(super::scopes::above(path)))
        .filter(
            scope::day
                .is_null()
                .or(scope::day.eq(day.map(str::to_owned))),
        );
    let rows: Vec<(String, String, String, i64, i64)> = query
        .select((
            tally::kind,
            tally::name,
            tally::value,
            tally::live,
            tally::closed,
        ))
        .load(connection)?;
    let mut totals = std::collections::BTreeMap::<(String, String, String), (i64, i64)>::new();
    for (kind, name, value, live, closed) in rows {
        let total = totals.entry((kind, name, value)).or_default();
        total.0 += live;
        total.1 += closed;
    }
    Ok(totals
        .into_iter()
        .map(|((kind, name, value), (live, closed))| (kind, name, value, live, closed))
        .collect())
}

/// Forgets what lives of a kind, before it is counted anew; what purges closed stays.
pub fn forget_live(connection: &mut Connection, kind: &str) -> Result<(), Error> {
    diesel::delete(
        tally::table
            .filter(tally::kind.eq(kind))
            .filter(tally::closed.eq(0)),
    )
    .execute(connection)?;
    diesel::update(tally::table.filter(tally::kind.eq(kind)))
        .set(tally::live.eq(0))
        .execute(connection)?;
    Ok(())
}
