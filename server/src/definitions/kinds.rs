//! A new kind, or the next version of one. What the kind counts and what it can be found by are
//! made anew where they differ, in the transaction that takes it; what came before it is tried
//! again afterwards. Records are never rewritten.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sync_protocol::Millis;
use sync_protocol::kind::Kind;
use sync_protocol::record::Record;
use sync_protocol::wire::parked::UNKNOWN_KIND;

use super::NotAdded;
use crate::store::definitions::{self, KindRow};
use crate::store::lookups::{self, Lookup, Runs};
use crate::store::records::{self, RecordRow};
use crate::store::tallies::{self, Shift};
use crate::store::{self, Connection, finds, parked};
use crate::sync::Engine;
use crate::sync::combiner::Failed;
use crate::sync::job::{Answer, Job};
use crate::sync::rules::parse_kind;
use crate::sync::search_key::SearchKey;

/// Records read at once while counting anew.
const CHUNK: i64 = 500;

/// What came of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Added {
    pub kind: String,
    /// The version that its author gave it.
    pub version: u32,
    /// The schema version of the installation from which on it holds.
    pub schema: u32,
    /// False if it is the one that holds already.
    pub changed: bool,
    /// Tallies were counted anew.
    pub recounted: bool,
    /// What it can be found by was made anew.
    pub reindexed: bool,
    /// Changes that waited for it and are in their records now.
    pub admitted: u64,
}

/// Takes a definition, or with `dry` only says what would come of it. `enter` is asked first, in
/// the same transaction, whether this may be done.
pub fn add<E: From<store::Error> + From<NotAdded>>(
    engine: &Engine,
    text: &str,
    dry: bool,
    mut enter: impl FnMut(&mut Connection) -> Result<(), E>,
) -> Result<Added, E> {
    let now = engine.clock().now();
    let mut added = engine.store().write(|c| {
        enter(c)?;
        let kind = parse_kind(text).map_err(NotAdded::from)?;
        let rules = engine.rules(c)?;
        let before = rules.kinds.get(kind.name());
        let mut added = Added {
            kind: kind.name().to_owned(),
            version: kind.version(),
            schema: rules.kinds.schema(),
            changed: before != Some(&kind),
            recounted: false,
            reindexed: false,
            admitted: 0,
        };
        if !added.changed {
            return Ok(added);
        }
        added.schema += 1;
        rules
            .kinds
            .with(added.schema, vec![kind.clone()])
            .map_err(NotAdded::from)?;
        added.recounted = before.is_some_and(|before| kind.recounts(before));
        added.reindexed = before.is_some_and(|before| kind.reindexes(before));
        if dry {
            return Ok(added);
        }
        let row = KindRow {
            name: added.kind.clone(),
            schema: i64::from(added.schema),
            definition: text.to_owned(),
            at: now,
        };
        definitions::add_kind(c, &row)?;
        if added.recounted {
            recount(c, &kind)?;
        }
        if let Some(before) = before.filter(|_| added.reindexed) {
            reindex(c, before, &kind, engine.search_key(), engine.clock().now())?;
        }
        Ok::<_, E>(added)
    })?;
    // Also where nothing changed: who took it may have been stopped before they came so far.
    if !dry {
        added.admitted = readmit(engine).map_err(NotAdded::from)?;
    }
    Ok(added)
}

/// Tries again what waits for a kind that is here by now: the process that took the kind was stopped, or
/// too busy, before it did.
pub fn readmit_left_over(engine: &Engine) -> Result<u64, Failed> {
    let waits = engine.store().read::<_, store::Error>(|c| {
        let kinds = engine.rules(c)?.kinds;
        let waiting = parked::kinds_waiting(c, UNKNOWN_KIND)?;
        Ok(waiting.iter().any(|kind| kinds.get(kind).is_some()))
    })?;
    if waits { readmit(engine) } else { Ok(0) }
}

/// Tries again what came before its kind, or before a newer version of it.
pub fn readmit(engine: &Engine) -> Result<u64, Failed> {
    let (mut total, mut after) = (0, 0);
    loop {
        let Answer::Readmit(admitted, last) = engine.submit(Job::Readmit { after })? else {
            return Err(Failed::Broken);
        };
        total += admitted;
        let Some(last) = last else { return Ok(total) };
        after = last;
    }
}

fn recount(c: &mut Connection, kind: &Kind) -> Result<(), store::Error> {
    let mut counts = BTreeMap::<(i64, String, String), i64>::new();
    each_page(c, kind, |_, page| {
        for (row, record) in page {
            for (name, value) in kind.tallies(record, &record.abnormal, record.is_void()) {
                *counts.entry((row.scope_id, name, value)).or_default() += 1;
            }
        }
        Ok(())
    })?;
    tallies::forget_live(c, kind.name())?;
    let counts: Vec<_> = counts
        .iter()
        .map(|((scope_id, name, value), live)| Shift {
            scope_id: *scope_id,
            kind: kind.name(),
            name,
            value,
            live: *live,
            closed: 0,
        })
        .collect();
    tallies::add(c, &counts)
}

fn reindex(
    c: &mut Connection,
    before: &Kind,
    kind: &Kind,
    key: &SearchKey,
    now: Millis,
) -> Result<(), store::Error> {
    let runs = Runs::default();
    each_page(c, kind, |c, page| {
        let (mut gone, mut found) = (BTreeSet::new(), BTreeSet::new());
        for (row, record) in page {
            let lookup = |(purpose, text): (String, String)| Lookup {
                hash: key.hash(&purpose, &text),
                record: record.id,
            };
            let terms = before.search_terms(record).into_iter();
            gone.extend(terms.map(|term| (row.run, lookup(term))));
            found.extend(kind.search_terms(record).into_iter().map(lookup));
        }
        lookups::delete(c, &gone)?;
        let run = runs.take(c, found.len(), now)?;
        for (row, _) in page {
            records::set_run(c, &row.id, run)?;
        }
        lookups::add(c, run, &found)
    })
}

/// Shows all records of a kind, some at once.
fn each_page(
    c: &mut Connection,
    kind: &Kind,
    mut visit: impl FnMut(&mut Connection, &[(RecordRow, Record)]) -> Result<(), store::Error>,
) -> Result<(), store::Error> {
    let mut after = String::new();
    loop {
        let rows = finds::of_kind(c, kind.name(), &after, CHUNK)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after.clone_from(&last.id);
        let page = rows.into_iter().map(|row| {
            let record = row.record()?;
            Ok::<_, store::Error>((row, record))
        });
        visit(c, &page.collect::<Result<Vec<_>, _>>()?)?;
    }
}
