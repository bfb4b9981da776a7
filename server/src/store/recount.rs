//! Counting again what is kept as it changes: what every scope holds, by number and digest. A copy
//! whose recount differs is not what it was copied from.

use std::collections::BTreeMap;

use sync_protocol::digest::Digest;
use sync_protocol::id::RecordId;

use super::copying::{Cell, ask};
use super::dialect::Connection;
use super::{Error, scopes, to_rev};

const PAGE: usize = 5000;

/// What a scope holds of each kind.
type Holdings = BTreeMap<String, (i64, Digest)>;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recounted {
    pub scopes: u64,
    pub records: u64,
    /// Scopes whose count or digest differs from their records, or that stand below a head that
    /// they gave out.
    pub wrong: u64,
}

/// Counts all records of a copy again.
pub fn run(connection: &mut Connection) -> Result<Recounted, Error> {
    let mut found = Recounted::default();
    let mut held = Holdings::new();
    let (mut scope, mut head) = (0_i64, -1_i64);
    loop {
        let page = page(connection, scope, head)?;
        for row in &page {
            if row.scope != scope {
                settle(connection, scope, &mut held, &mut found)?;
            }
            (scope, head) = (row.scope, row.head);
            let (count, digest) = held.entry(row.kind.clone()).or_default();
            *count += 1;
            digest.add(row.id, row.rev);
            found.records += 1;
        }
        if page.len() < PAGE {
            settle(connection, scope, &mut held, &mut found)?;
            found.wrong += strays(connection)?;
            return Ok(found);
        }
    }
}

/// Compares one scope, all of whose records were seen, with what is kept of it.
fn settle(
    connection: &mut Connection,
    scope: i64,
    held: &mut Holdings,
    found: &mut Recounted,
) -> Result<(), Error> {
    let held = std::mem::take(held);
    if held.is_empty() {
        return Ok(());
    }
    let kept: Holdings = scopes::holdings(connection, &[scope])?
        .into_iter()
        .map(|row| {
            let digest = row.digest();
            (row.kind, (row.count, digest))
        })
        .filter(|(_, (count, digest))| *count != 0 || *digest != Digest::default())
        .collect();
    found.scopes += 1;
    found.wrong += u64::from(kept != held);
    Ok(())
}

struct Standing {
    scope: i64,
    head: i64,
    kind: String,
    id: RecordId,
    rev: u64,
}

fn page(connection: &mut Connection, scope: i64, head: i64) -> Result<Vec<Standing>, Error> {
    let text = format!(
        "SELECT scope_id, head, kind, id, rev FROM record WHERE (scope_id, head) > ($1, $2) \
         ORDER BY scope_id, head LIMIT {PAGE}"
    );
    let rows = ask(connection, &text, &[Cell::Whole(scope), Cell::Whole(head)])?;
    rows.into_iter()
        .map(|row| match row.0.as_slice() {
            [
                Cell::Whole(scope),
                Cell::Whole(head),
                Cell::Text(kind),
                Cell::Bytes(id),
                Cell::Whole(rev),
            ] => Ok(Standing {
                scope: *scope,
                head: *head,
                kind: kind.clone(),
                id: RecordId::from_bytes(id.as_slice().try_into().map_err(|_| unreadable())?),
                rev: to_rev(*rev),
            }),
            _ => Err(unreadable()),
        })
        .collect()
}

/// Scopes that claim to hold something and do not, and those with a record or an exit above their head.
fn strays(connection: &mut Connection) -> Result<u64, Error> {
    let mut strays = 0;
    for text in [
        "SELECT count(*) FROM scope_kind k WHERE (k.count <> 0 OR k.digest <> 0) \
         AND NOT EXISTS (SELECT 1 FROM record r WHERE r.scope_id = k.scope_id)",
        "SELECT count(DISTINCT s.id) FROM scope s JOIN record r ON r.scope_id = s.id WHERE r.head > s.head",
        "SELECT count(DISTINCT s.id) FROM scope s JOIN exit e ON e.scope_id = s.id WHERE e.head > s.head",
        "SELECT count(*) FROM record r WHERE NOT EXISTS (SELECT 1 FROM scope s WHERE s.id = r.scope_id)",
    ] {
        let rows = ask(connection, text, &[])?;
        let Some(Cell::Whole(count)) = rows.first().and_then(|row| row.0.first()) else {
            return Err(unreadable());
        };
        strays += count.unsigned_abs();
    }
    Ok(strays)
}

fn unreadable() -> Error {
    Error::Corrupt("a record of the copy".to_owned())
}
