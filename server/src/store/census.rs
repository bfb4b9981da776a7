//! Counts for the operator on the machine. They say how many there are and nothing of what is in
//! them, and so take no reach.

use diesel::prelude::*;
use sync_protocol::Millis;

use super::schema::{grants, parked, record};
use super::{Connection, Error};

/// Records of all kinds.
pub fn records(c: &mut Connection) -> Result<i64, Error> {
    Ok(record::table.count().get_result(c)?)
}

/// Changes that wait for somebody to resolve them.
pub fn open_parked(c: &mut Connection) -> Result<i64, Error> {
    Ok(parked::table
        .filter(parked::state.eq("open"))
        .count()
        .get_result(c)?)
}

/// Grants of this role that hold now.
pub fn open_grants_of(c: &mut Connection, role: &str, now: Millis) -> Result<i64, Error> {
    Ok(grants::table
        .filter(grants::role.eq(role))
        .filter(grants::revoked_at.is_null())
        .filter(grants::from_at.le(now))
        .filter(grants::until_at.is_null().or(grants::until_at.gt(now)))
        .count()
        .get_result(c)?)
}
