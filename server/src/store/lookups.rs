//! Keyed hashes of what a kind declares searchable. The key stands outside the database, so that
//! a stolen copy cannot be searched by trying every number there is.
//!
//! Hashes come in no order, so that in one index each would stand on a page of its own, the more so the
//! more there are. They stand packed in *runs* instead, one begun when the last is full: what a
//! transaction brings is one *batch* of the newest run; a full run is sorted into *buckets*, one for each
//! first byte of a hash. What is looked for is asked of one bucket of each run and of all batches. All that
//! a record is found by stands in one run, which the record names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use diesel::dsl;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use sync_protocol::Millis;
use sync_protocol::id::RecordId;

use super::dialect::{among, each};
use super::schema::{lookup, lookup_batch, lookup_run};
use super::{Connection, Error, bulk, locks};

/// Look-ups in one run, more or less: fewer than a MiB of batches, and buckets of some 3 KiB.
const RUN: usize = 24_576;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 16;
/// Bytes of a look-up as it is stored: the hash and the id of the record.
const BYTES: usize = HASH_BYTES + 16;

/// A hash of what is looked for.
pub type Hash = [u8; HASH_BYTES];

/// A record that is found under a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    pub hash: Hash,
    pub record: RecordId,
}

impl Lookup {
    fn bucket(&self) -> i64 {
        bucket(&self.hash)
    }
}

fn bucket(hash: &Hash) -> i64 {
    let [first, ..] = hash;
    i64::from(*first)
}

/// Look-ups as they are stored, in order.
fn pack(lookups: &BTreeSet<Lookup>) -> Vec<u8> {
    let mut body = Vec::with_capacity(lookups.len() * BYTES);
    for lookup in lookups {
        body.extend(lookup.hash);
        body.extend(lookup.record.as_bytes());
    }
    body
}

/// Look-ups as they are stored, one by one.
fn pairs(body: &[u8]) -> Result<&[[u8; BYTES]], Error> {
    match body.as_chunks() {
        (pairs, []) => Ok(pairs),
        _ => Err(Error::Corrupt("look-ups".to_owned())),
    }
}

impl From<&[u8; BYTES]> for Lookup {
    fn from(pair: &[u8; BYTES]) -> Self {
        let (mut hash, mut record) = ([0; HASH_BYTES], [0; 16]);
        let (of_hash, of_record) = pair.split_at(HASH_BYTES);
        hash.copy_from_slice(of_hash);
        record.copy_from_slice(of_record);
        Self {
            hash,
            record: RecordId::from_bytes(record),
        }
    }
}

fn unpack(body: &[u8]) -> Result<impl Iterator<Item = Lookup>, Error> {
    Ok(pairs(body)?.iter().map(Lookup::from))
}

/// What is left of look-ups without these; nothing, if none of these stands among them.
fn without(body: &[u8], gone: &BTreeSet<Lookup>) -> Result<Option<Vec<u8>>, Error> {
    let pairs = pairs(body)?;
    let stands = |gone: &Lookup| pairs.binary_search_by(|pair| Lookup::from(pair).cmp(gone));
    if !gone.iter().any(|gone| stands(gone).is_ok()) {
        return Ok(None);
    }
    let left = pairs
        .iter()
        .filter(|pair| !gone.contains(&Lookup::from(*pair)));
    Ok(Some(left.flatten().copied().collect()))
}

/// Knows about how full the newest run is. Where several processes fill one run, each knows of what the
/// others brought before it began to; runs are then longer.
#[derive(Debug, Default)]
pub struct Runs(Mutex<Filling>);

#[derive(Debug, Default)]
struct Filling {
    run: i64,
    lookups: usize,
}

impl Runs {
    /// The run that so many more look-ups go into, begun if the newest is full, which is sorted then.
    pub fn take(
        &self,
        connection: &mut Connection,
        lookups: usize,
        now: Millis,
    ) -> Result<i64, Error> {
        let newest = newest(connection)?;
        let (run, full) = self.choose(connection, newest, lookups, now)?;
        // Nobody else may wait for the choice while this waits for a lock.
        if let Some(full) = full {
            sort(connection, full)?;
        }
        Ok(run)
    }

    fn filling(&self) -> MutexGuard<'_, Filling> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(
        &self,
        connection: &mut Connection,
        newest: Option<i64>,
        lookups: usize,
        now: Millis,
    ) -> Result<(i64, Option<i64>), Error> {
        // Counted beside the lock: who waits for a database under it keeps the others waiting.
        let known = self.filling().run;
        let counted = match newest {
            Some(run) if run != known => Some(Filling {
                run,
                lookups: in_batches(connection, run)?,
            }),
            _ => None,
        };
        let mut filling = self.filling();
        if let Some(counted) = counted.filter(|counted| counted.run != filling.run) {
            *filling = counted;
        }
        let (run, full) = match newest {
            Some(run) if filling.run != run || filling.lookups < RUN => (run, None),
            full => (begin(connection, now)?, full),
        };
        if run != filling.run {
            *filling = Filling { run, lookups: 0 };
        }
        filling.lookups += lookups;
        Ok((run, full))
    }
}

/// How many look-ups stand in the batches of a run.
fn in_batches(connection: &mut Connection, run: i64) -> Result<usize, Error> {
    let lengths: Vec<i64> = lookup_batch::table
        .filter(lookup_batch::run.eq(run))
        .select(dsl::sql::<BigInt>("CAST(octet_length(body) AS BIGINT)"))
        .load(connection)?;
    let bytes = lengths.iter().sum::<i64>();
    Ok(usize::try_from(bytes).unwrap_or(0) / BYTES)
}

fn newest(connection: &mut Connection) -> Result<Option<i64>, Error> {
    Ok(lookup_run::table
        .order(lookup_run::run.desc())
        .select(lookup_run::run)
        .first(connection)
        .optional()?)
}

fn begin(connection: &mut Connection, now: Millis) -> Result<i64, Error> {
    diesel::insert_into(lookup_run::table)
        .values(lookup_run::at.eq(now))
        .execute(connection)?;
    newest(connection)?.ok_or_else(|| Error::Corrupt("a run of look-ups".to_owned()))
}

/// Makes records findable: what one transaction brings for a run.
pub fn add(connection: &mut Connection, run: i64, lookups: &BTreeSet<Lookup>) -> Result<(), Error> {
    if lookups.is_empty() {
        return Ok(());
    }
    diesel::insert_into(lookup_batch::table)
        .values((
            lookup_batch::run.eq(run),
            lookup_batch::body.eq(pack(lookups)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Sorts the batches of a run into its buckets.
fn sort(connection: &mut Connection, run: i64) -> Result<(), Error> {
    locks::runs(connection, &[run])?;
    let batches = batches(connection, run)?;
    let mut sorted = BTreeMap::<i64, BTreeSet<Lookup>>::new();
    for (_, body) in &batches {
        for lookup in unpack(body)? {
            sorted.entry(lookup.bucket()).or_default().insert(lookup);
        }
    }
    // Something may have come late, and the rest stand there already.
    let all: Vec<i64> = sorted.keys().copied().collect();
    for (bucket, body) in buckets(connection, run, &all)? {
        sorted.entry(bucket).or_default().extend(unpack(&body)?);
    }
    let rows: Vec<(i64, Vec<u8>)> = sorted
        .iter()
        .map(|(bucket, lookups)| (*bucket, pack(lookups)))
        .collect();
    bulk::put_lookups(connection, run, &rows)?;
    let ids: Vec<i64> = batches.into_iter().map(|(id, _)| id).collect();
    Ok(each!(connection, inner => diesel::delete(
        lookup_batch::table.filter(among(lookup_batch::id, &ids))
    )
    .execute(inner)
    .map(|_| ()))?)
}

/// Sorts what came late for a run that was full by then, from somebody who brought it beside whoever
/// sorted; and the newest, if it is full and nobody has brought anything since.
pub fn sort_late(connection: &mut Connection) -> Result<(), Error> {
    let Some(newest) = newest(connection)? else {
        return Ok(());
    };
    let mut late: BTreeSet<i64> = lookup_batch::table
        .filter(lookup_batch::run.lt(newest))
        .select(lookup_batch::run)
        .distinct()
        .load(connection)?
        .into_iter()
        .collect();
    if in_batches(connection, newest)? >= RUN {
        late.insert(newest);
    }
    late.into_iter().try_for_each(|run| sort(connection, run))
}

/// The batches of a run.
fn batches(connection: &mut Connection, run: i64) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    Ok(lookup_batch::table
        .filter(lookup_batch::run.eq(run))
        .order(lookup_batch::id)
        .select((lookup_batch::id, lookup_batch::body))
        .load(connection)?)
}

/// These buckets of a run.
fn buckets(
    connection: &mut Connection,
    run: i64,
    wanted: &[i64],
) -> Result<Vec<(i64, Vec<u8>)>, Error> {
    Ok(each!(connection, inner => lookup::table
        .filter(lookup::run.eq(run))
        .filter(among(lookup::bucket, wanted))
        .order(lookup::bucket)
        .select((lookup::bucket, lookup::body))
        .load(inner))?)
}

/// Forgets runs in which nothing stands any more. The newest stays: somebody fills it.
pub fn forget_empty_runs(connection: &mut Connection) -> Result<(), Error> {
    let Some(newest) = newest(connection)? else {
        return Ok(());
    };
    let sorted = lookup::table.filter(lookup::run.eq(lookup_run::run));
    let late = lookup_batch::table.filter(lookup_batch::run.eq(lookup_run::run));
    diesel::delete(
        lookup_run::table
            .filter(lookup_run::run.lt(newest))
            .filter(dsl::not(dsl::exists(sorted)))
            .filter(dsl::not(dsl::exists(late))),
    )
    .execute(connection)?;
    Ok(())
}

/// Takes look-ups away, each from its run. Whoever knows a record knows its hashes, so there is no index
/// to find them by.
pub fn delete(connection: &mut Connection, gone: &BTreeSet<(i64, Lookup)>) -> Result<(), Error> {
    let mut of_runs = BTreeMap::<i64, BTreeSet<Lookup>>::new();
    for (run, lookup) in gone {
        of_runs.entry(*run).or_default().insert(*lookup);
    }
    let runs: Vec<i64> = of_runs.keys().copied().collect();
    locks::runs(connection, &runs)?;
    for (run, gone) in of_runs {
        delete_from(connection, run, &gone)?;
    }
    Ok(())
}

fn delete_from(
    connection: &mut Connection,
    run: i64,
    gone: &BTreeSet<Lookup>,
) -> Result<(), Error> {
    let touched: BTreeSet<i64> = gone.iter().map(Lookup::bucket).collect();
    let touched: Vec<i64> = touched.into_iter().collect();
    for (bucket, body) in buckets(connection, run, &touched)? {
        match without(&body, gone)? {
            None => {}
            Some(left) if left.is_empty() => {
                diesel::delete(lookup::table.find((run, bucket))).execute(connection)?;
            }
            Some(left) => bulk::put_lookups(connection, run, &[(bucket, left)])?,
        }
    }
    for (id, body) in batches(connection, run)? {
        let batch = lookup_batch::table.find(id);
        match without(&body, gone)? {
            None => {}
            Some(left) if left.is_empty() => {
                diesel::delete(batch).execute(connection)?;
            }
            Some(left) => {
                diesel::update(batch)
                    .set(lookup_batch::body.eq(left))
                    .execute(connection)?;
            }
        }
    }
    Ok(())
}

/// The records under a hash.
pub fn under(connection: &mut Connection, hash: &Hash) -> Result<Vec<RecordId>, Error> {
    let runs: Vec<i64> = lookup_run::table.select(lookup_run::run).load(connection)?;
    let mut bodies: Vec<Vec<u8>> = each!(connection, inner => lookup::table
        .filter(among(lookup::run, &runs))
        .filter(lookup::bucket.eq(bucket(hash)))
        .select(lookup::body)
        .load(inner))?;
    bodies.extend(
        lookup_batch::table
            .select(lookup_batch::body)
            .load::<Vec<u8>>(connection)?,
    );
    let mut found = BTreeSet::new();
    for body in &bodies {
        let here = unpack(body)?.filter(|lookup| lookup.hash == *hash);
        found.extend(here.map(|lookup| lookup.record));
    }
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests;
