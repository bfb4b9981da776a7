//! What this machine can do without the server: the same requests to a resource that does nothing,
//! and the server's own statements on the server's own tables, without anything around them.

use std::collections::BTreeSet;
use std::time::Instant;

use sync_protocol::Millis;
use sync_protocol::change::Change;
use sync_protocol::id::{DeviceNumber, UserId};
use sync_protocol::kind::Kinds;
use sync_protocol::record::{Created, Held, Record, Write};
use sync_protocol::scope::{Place, Scope};
use sync_protocol::stamp::Clock as Trust;

use super::entry::Pen;
use super::figures::median;
use super::phone::{self, Shot};
use super::report::Row;
use super::stage::{Duel, Side, Stage};
use super::{Failed, Progress, push, volley};
use crate::demo::chance::Chance;
use crate::demo::district;
use crate::store::bulk;
use crate::store::lookups::{self, Lookup};
use crate::store::records::RecordRow;
use crate::store::{self, Store, StoreOptions, scopes};
use crate::sync::search_key::SearchKey;

const PART: &str = "limits of this machine";
/// Rows in a transaction.
const TRANSACTIONS: [usize; 3] = [50, 500, 5_000];

pub fn measure(
    stage: &mut Stage,
    duel: &Duel,
    progress: &dyn Progress,
) -> Result<Vec<Row>, Failed> {
    progress.begin("bare HTTP", stage.sizes.rounds as u64);
    let mut rows = Vec::new();
    let (mut bare, mut pushed) = (Vec::new(), Vec::new());
    for _ in 0..stage.sizes.rounds {
        let magazines = push::magazines(stage, 50, stage.sizes.batches_of_50);
        let entries: usize = magazines.iter().flatten().map(|shot| shot.entries).sum();
        let nowhere: Vec<Vec<Shot>> = magazines
            .iter()
            .map(|shots| shots.iter().map(phone::to_nothing).collect())
            .collect();
        let run = volley::fire(duel.address(Side::Floor), &nowhere)?;
        bare.push(entries as f64 / run.seconds);
        let run = volley::fire(duel.address(Side::Server), &magazines)?;
        push::acknowledged(&magazines, &run)?;
        pushed.push(entries as f64 / run.seconds);
        progress.step(1);
    }
    rows.push(
        Row::new(
            PART,
            "pushed in batches of 50, against bare HTTP",
            "1/s",
            median(&pushed),
        )
        .against("bare HTTP", median(&bare)),
    );
    progress.begin("bulk insert", TRANSACTIONS.len() as u64);
    for size in TRANSACTIONS {
        let rate = bulk_rate(stage, size)?;
        let name =
            format!("pushed, against bulk insert of record and look-ups, {size} a transaction");
        rows.push(Row::new(PART, &name, "1/s", median(&pushed)).against("bulk insert", rate));
        progress.step(1);
    }
    Ok(rows)
}

/// A row of `record`, and what it is found by.
type Written = (RecordRow, Vec<Lookup>);

/// Entries a second that the store's own statements write into a fresh database.
fn bulk_rate(stage: &Stage, size: usize) -> Result<f64, Failed> {
    let database = stage.ground.make("bulk")?;
    let store = Store::open(&database.url, StoreOptions::default())?;
    let written = written(&store, stage)?;
    let batches: Vec<(Vec<RecordRow>, BTreeSet<_>)> = written
        .chunks(size)
        .map(|chunk| {
            let rows = chunk.iter().map(|(row, _)| row.clone()).collect();
            let found = chunk.iter().flat_map(|(_, found)| found.clone()).collect();
            (rows, found)
        })
        .collect();
    let began = Instant::now();
    for (rows, found) in &batches {
        store.write::<_, store::Error>(|c| {
            bulk::add_records(c, rows)?;
            lookups::add(c, 1, found)
        })?;
    }
    Ok(written.len() as f64 / began.elapsed().as_secs_f64())
}

fn written(store: &Store, stage: &Stage) -> Result<Vec<Written>, Failed> {
    let corrupt = |what: &str| store::Error::Corrupt(what.to_owned());
    let place = Place::new("checkpoint", "S001").map_err(|_| corrupt("a code that is none"))?;
    let kinds = Kinds::built_in().map_err(|_| corrupt("the kinds that came with the program"))?;
    let key = SearchKey::new([7; 32]);
    let now = stage.clock.now();
    let scope = store.write::<_, store::Error>(|c| {
        district::build(c, district::Scale::Small, "no password", now)?;
        Ok(scopes::create(c, &Scope::from(place.clone()))?.id)
    })?;
    let (mut pen, mut chance) = (Pen::default(), Chance::new(1));
    (1..=stage.sizes.bulk as u64)
        .map(|number| {
            let change = pen.registration(&place, 1, now, &mut chance);
            let record = record(change, number);
            let terms = kinds
                .get(&record.kind)
                .map(|kind| kind.search_terms(&record));
            let found = terms
                .unwrap_or_default()
                .iter()
                .map(|(purpose, text)| Lookup {
                    hash: key.hash(purpose, text),
                    record: record.id,
                })
                .collect();
            Ok((RecordRow::new(scope, number, &record, now, 1)?, found))
        })
        .collect()
}

/// What the server would make of a change that nothing stands against.
fn record(change: Change, number: u64) -> Record {
    let stamp = change.stamp.by(DeviceNumber(1_000));
    let user = UserId(1);
    let created = Created {
        time: Millis::try_from(stamp.ms).unwrap_or(Millis::MAX),
        user,
        clock: Trust::Right,
    };
    let content = change.content();
    let mut record = Record::new(change.record, change.kind.clone(), None, created);
    record.rev = number;
    record.writes.push(Write {
        stamp,
        raw: change.stamp,
        clock: Trust::Right,
        shift: 0,
        rev: number,
        base: 0,
        line: 1_000,
        seq: number,
        user,
        content,
        lost: Vec::new(),
        late: false,
    });
    let fields = change.set.into_iter();
    record.fields = fields
        .map(|(name, value)| (name, Held { value, write: 0 }))
        .collect();
    record
}
