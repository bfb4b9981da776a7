//! Replies kept under a caller's key, so that a request sent twice has the effect and the reply of
//! one. Kept for a bounded time.

use diesel::prelude::*;
use sync_protocol::Millis;
use sync_protocol::id::UserId;

use super::schema::idempotency;
use super::{Connection, Error};

/// A reply as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReply {
    pub status: u16,
    pub body: Vec<u8>,
}

pub fn load(c: &mut Connection, user: UserId, key: &str) -> Result<Option<KeptReply>, Error> {
    let found: Option<(i64, Vec<u8>)> = idempotency::table
        .find((user.0, key))
        .select((idempotency::status, idempotency::reply))
        .first(c)
        .optional()?;
    Ok(found.map(|(status, body)| KeptReply {
        status: u16::try_from(status).unwrap_or(500),
        body,
    }))
}

/// Keeps a reply, in the transaction that did what it tells of.
pub fn save(
    c: &mut Connection,
    user: UserId,
    key: &str,
    reply: &KeptReply,
    now: Millis,
) -> Result<(), Error> {
    diesel::insert_into(idempotency::table)
        .values((
            idempotency::key.eq(key),
            idempotency::account.eq(user.0),
            idempotency::at.eq(now),
            idempotency::status.eq(i64::from(reply.status)),
            idempotency::reply.eq(&reply.body),
        ))
        .execute(c)?;
    Ok(())
}

/// Forgets what is older than `before`.
pub fn sweep(c: &mut Connection, before: Millis) -> Result<usize, Error> {
    Ok(diesel::delete(idempotency::table.filter(idempotency::at.lt(before))).execute(c)?)
}
