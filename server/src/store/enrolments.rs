//! One-time codes by which a phone is enrolled for an account. Only the hash of a code is here.

use diesel::prelude::*;
use sync_protocol::Millis;

use super::schema::enrolment;
use super::{Connection, Error};

/// A row of `enrolment`, whole.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = enrolment)]
pub struct EnrolmentRow {
    pub code_hash: Vec<u8>,
    pub account: i64,
    /// 0 for the command line.
    pub made_by: i64,
    pub made_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    pub device: Option<i64>,
}

pub fn insert(c: &mut Connection, row: &EnrolmentRow) -> Result<(), Error> {
    diesel::insert_into(enrolment::table)
        .values(row)
        .execute(c)?;
    Ok(())
}

pub fn by_code(c: &mut Connection, hash: &[u8; 32]) -> Result<Option<EnrolmentRow>, Error> {
    Ok(enrolment::table.find(hash.as_slice()).first(c).optional()?)
}

/// Marks a code as used; false if it was already.
pub fn spend(c: &mut Connection, hash: &[u8], device: i64, now: Millis) -> Result<bool, Error> {
    let changed = diesel::update(
        enrolment::table
            .filter(enrolment::code_hash.eq(hash))
            .filter(enrolment::used_at.is_null()),
    )
    .set((enrolment::used_at.eq(now), enrolment::device.eq(device)))
    .execute(c)?;
    Ok(changed > 0)
}

/// Codes of an account that were not used: they die with a revocation.
pub fn drop_open(c: &mut Connection, account: i64) -> Result<usize, Error> {
    Ok(diesel::delete(
        enrolment::table
            .filter(enrolment::account.eq(account))
            .filter(enrolment::used_at.is_null()),
    )
    .execute(c)?)
}

/// Codes that nobody used and that ended before `before`.
pub fn sweep(c: &mut Connection, before: Millis) -> Result<usize, Error> {
    Ok(diesel::delete(
        enrolment::table
            .filter(enrolment::used_at.is_null())
            .filter(enrolment::expires_at.lt(before)),
    )
    .execute(c)?)
}
