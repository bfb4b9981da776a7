//! When the purpose of a record has ended, it goes. This finds what is due and hands it to the
//! engine in portions: for kinds by day a scope goes as soon as no kind in it may be kept longer;
//! of everything else a record goes so many days after it was last written, with what stands with
//! it. What was kept aside goes by the same days.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sync_protocol::id::RecordId;
use sync_protocol::kind::Kind;
use sync_protocol::record::Record;
use sync_protocol::{Millis, kind::Kinds};

use crate::store::scopes::ScopeRow;
use crate::store::{
    self, Connection, devices, exits, finds, idempotency, lookups, meta, parked, records, scopes,
};
use crate::sync::Engine;
use crate::sync::combiner::Failed;
use crate::sync::day::{days_between, local_day};
use crate::sync::job::{Answer, Job, Purge};
use crate::sync::rules::Rules;

const DAY_MS: Millis = 24 * 60 * 60 * 1000;
/// Records handed over at once. Scopes go one by one: a big checkpoint alone is a long transaction.
const RECORDS: usize = 200;
const CHUNK: i64 = 500;
/// What could not even be read as a change of some kind is kept for so long.
const UNREADABLE_DAYS: i64 = 60;
/// Exits that every phone has seen by now. One that was away for longer loads anew what it sees to differ.
const EXIT_DAYS: i64 = 180;
/// Exits forgotten in one transaction, about.
const EXITS_AT_ONCE: usize = 5_000;
/// Phones that spoke this lately bear the clock out.
const WITNESS_MS: Millis = 3 * DAY_MS;
/// One phone's clock may be wrong, and two may be one person's.
const WITNESSES: usize = 3;
/// Under this name the database remembers the last run.
const LAST_RUN: &str = "retention";
/// Replies are kept for requests that are sent again.
const REPLY_DAYS: i64 = 7;

/// What a run found, or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Whole scopes of days.
    pub scopes: u64,
    /// Records, those in whole scopes and those that go along with another included (not when
    /// nothing was done).
    pub records: u64,
    /// Changes kept aside whose content went.
    pub aside: u64,
}

/// What is due at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    pub scopes: Vec<i64>,
    /// Each with the moment since which it must have been left alone, if that is why it is due.
    pub records: BTreeMap<Option<Millis>, Vec<RecordId>>,
}

impl Due {
    /// Records that go one by one.
    pub fn count(&self) -> u64 {
        self.records.values().map(|ids| ids.len() as u64).sum()
    }

    /// As the engine takes it, a portion at a time.
    fn portions(&self) -> impl Iterator<Item = Purge> + '_ {
        let scopes = self.scopes.iter().map(|scope| Purge {
            records: Vec::new(),
            scopes: vec![*scope],
            quiet_since: None,
        });
        let records = self.records.iter().flat_map(|(since, ids)| {
            ids.chunks(RECORDS).map(|ids| Purge {
                records: ids.to_vec(),
                scopes: Vec::new(),
                quiet_since: *since,
            })
        });
        scopes.chain(records)
    }
}

/// What became of a run that nobody watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwatched {
    Done(Report),
    /// Nothing was purged: the phones' clocks stand, in the middle, this far behind the server's (or
    /// before it).
    Contradicted(Millis),
    /// Nothing was purged: the clock has moved far since the last run, and no phone has spoken since.
    Unwitnessed(Millis),
}

/// When what is due was purged last.
pub fn last_run(c: &mut Connection) -> Result<Option<Millis>, store::Error> {
    Ok(meta::load(c, LAST_RUN)?.and_then(|text| text.parse().ok()))
}

/// Purges what is due, if others bear the clock out: time that only this machine claims to have
/// passed destroys nothing. Who knows better purges by hand.
pub fn run_unwatched(engine: &Engine) -> Result<Unwatched, Failed> {
    let now = engine.clock().now();
    let (before, skews) = engine.store().read::<_, store::Error>(|c| {
        let before = last_run(c)?;
        Ok((before, devices::skews_since(c, now - WITNESS_MS)?))
    })?;
    if let Some(doubt) = doubt(now, before, skews) {
        return Ok(doubt);
    }
    Ok(Unwatched::Done(run(engine, false)?))
}

/// Why not to believe the clock: what phones showed lately (server minus phone), or, where none
/// spoke, that more time has passed since the last run than between two runs.
fn doubt(now: Millis, before: Option<Millis>, mut skews: Vec<Millis>) -> Option<Unwatched> {
    if skews.len() >= WITNESSES {
        skews.sort_unstable();
        let middle = skews.get(skews.len() / 2).copied().unwrap_or(0);
        return (middle.abs() > DAY_MS).then_some(Unwatched::Contradicted(middle));
    }
    let passed = now - before.unwrap_or(now);
    (passed > WITNESS_MS).then_some(Unwatched::Unwitnessed(passed))
}

/// Purges what is due, or with `dry` only counts it.
pub fn run(engine: &Engine, dry: bool) -> Result<Report, Failed> {
    let now = engine.clock().now();
    let (due, kinds) = engine.store().read::<_, store::Error>(|c| {
        let rules = engine.rules(c)?;
        Ok((find(c, &rules, now)?, rules.kinds))
    })?;
    let mut report = Report {
        scopes: due.scopes.len() as u64,
        ..Report::default()
    };
    if dry {
        report.records = due.count();
        return Ok(report);
    }
    report.aside = engine.store().write::<_, store::Error>(|c| {
        idempotency::sweep(c, now - REPLY_DAYS * DAY_MS)?;
        lookups::sort_late(c)?;
        lookups::forget_empty_runs(c)?;
        forget_aside(c, &kinds, now)
    })?;
    // Phones wait meanwhile, so never many at once.
    while engine
        .store()
        .write(|c| exits::expire(c, now - EXIT_DAYS * DAY_MS, EXITS_AT_ONCE))?
        >= EXITS_AT_ONCE
    {}
    // One that could not be purged now keeps no other from going.
    let mut failed = None;
    for portion in due.portions() {
        match engine.submit(Job::Purge(portion)) {
            Ok(Answer::Purge(count)) => report.records += count,
            Ok(_) => failed = Some(Failed::Broken),
            Err(stopping @ Failed::Stopping) => return Err(stopping),
            Err(other) => failed = Some(other),
        }
    }
    if let Some(failed) = failed {
        return Err(failed);
    }
    engine
        .store()
        .write(|c| meta::save(c, LAST_RUN, &now.to_string()))?;
    engine.store().empty_log()?;
    Ok(report)
}

/// What is due.
pub fn find(c: &mut Connection, rules: &Rules, now: Millis) -> Result<Due, store::Error> {
    let mut due = Due::default();
    for kind in rules.kinds.newest() {
        if !is_by_day(&rules.kinds, kind) {
            // Nothing that began later was last written before.
            let before = now - i64::from(kind.retention().days) * DAY_MS;
            let quiet = due.records.entry(Some(before)).or_default();
            find_records(c, kind, before, quiet)?;
        }
    }
    find_scopes(c, rules, now, &mut due)?;
    due.records.retain(|_, ids| !ids.is_empty());
    Ok(due)
}

fn is_by_day(kinds: &Kinds, kind: &Kind) -> bool {
    match kind.parent() {
        Some(parent) => kinds.get(parent).is_some_and(Kind::is_by_day),
        None => kind.is_by_day(),
    }
}

/// Scopes of days: whole, or, while another kind in them is kept longer, by kind.
fn find_scopes(
    c: &mut Connection,
    rules: &Rules,
    now: Millis,
    due: &mut Due,
) -> Result<(), store::Error> {
    let today = local_day(now, None);
    let mut after = 0;
    loop {
        let rows = scopes::of_days_before(c, &today.to_string(), after, CHUNK)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut held = BTreeMap::<i64, Vec<String>>::new();
        for holding in scopes::holdings(c, &ids)? {
            if holding.count > 0 {
                held.entry(holding.scope_id).or_default().push(holding.kind);
            }
        }
        for row in &rows {
            let Some(age) = age(row, today.0)? else {
                continue;
            };
            let kept = |name: &String| {
                let kind = rules.kinds.get(name);
                kind.map_or(i64::MAX, |kind| i64::from(kind.retention().days))
            };
            let kinds = held.remove(&row.id).unwrap_or_default();
            if kinds.is_empty() {
                continue;
            }
            if kinds.iter().all(|kind| age > kept(kind)) {
                due.scopes.push(row.id);
            } else if kinds.iter().any(|kind| age > kept(kind)) {
                let all = records::in_scope(c, row.id)?;
                let gone = all.iter().filter(|record| age > kept(&record.kind));
                let days_over = due.records.entry(None).or_default();
                days_over.extend(gone.filter_map(|record| record.id.parse::<RecordId>().ok()));
            }
        }
    }
}

fn age(row: &ScopeRow, today: chrono::NaiveDate) -> Result<Option<i64>, store::Error> {
    Ok(row.scope()?.day.map(|day| days_between(day.0, today)))
}

/// Records of one kind that were not written for so many days, nor anything that stands with them.
fn find_records(
    c: &mut Connection,
    kind: &Kind,
    before: Millis,
    due: &mut Vec<RecordId>,
) -> Result<(), store::Error> {
    let mut after = (Millis::MIN, String::new());
    loop {
        let rows = finds::begun_before(c, kind.name(), before, (after.0, &after.1), CHUNK)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = (last.time, last.id.clone());
        let mut quiet = BTreeSet::new();
        for row in &rows {
            let record = row.record()?;
            if last_written(&record, row.created_at) < before {
                quiet.insert(record.id);
            }
        }
        // What is still visited, tested or tended is still in use.
        let candidates: Vec<RecordId> = quiet.iter().copied().collect();
        for row in records::children_of(c, &candidates)? {
            let record = row.record()?;
            if last_written(&record, row.created_at) >= before
                && let Some(parent) = record.parent
            {
                quiet.remove(&parent);
            }
        }
        due.extend(quiet);
    }
}

/// When somebody last wrote in a record, and never before it `arrived`: by a clock that nobody could compare
/// it may have been written long before the server was built, and is new all the same.
pub(crate) fn last_written(record: &Record, arrived: Millis) -> Millis {
    let written = record.stamp().time().max(record.created.time);
    written.max(arrived)
}

fn forget_aside(c: &mut Connection, kinds: &Kinds, now: Millis) -> Result<u64, store::Error> {
    let mut gone = parked::expire(c, None, now - UNREADABLE_DAYS * DAY_MS)?;
    let mut longest = UNREADABLE_DAYS;
    for kind in kinds.newest() {
        let days = i64::from(kind.retention().days);
        longest = longest.max(days);
        gone += parked::expire(c, Some(kind.name()), now - days * DAY_MS)?;
    }
    // Of kinds that never came to be, nobody knows how long; no kind here is kept longer.
    gone += parked::expire_all(c, now - longest * DAY_MS)?;
    Ok(gone as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_800_000_000_000;

    #[test]
    fn a_clock_that_phones_contradict_purges_nothing() {
        let ahead = 400 * DAY_MS;
        assert_eq!(
            doubt(NOW, Some(NOW - DAY_MS), vec![ahead, ahead, ahead, 0]),
            Some(Unwatched::Contradicted(ahead))
        );
        // One phone that is wrong is outvoted, and a few hours are no contradiction.
        assert_eq!(doubt(NOW, None, vec![-ahead, 1000, 7_200_000]), None);
    }

    #[test]
    fn time_that_only_this_machine_saw_pass_purges_nothing() {
        let passed = 30 * DAY_MS;
        assert_eq!(
            doubt(NOW, Some(NOW - passed), vec![0, 0]),
            Some(Unwatched::Unwitnessed(passed))
        );
        // A server without phones goes on from day to day.
        assert_eq!(doubt(NOW, Some(NOW - DAY_MS), Vec::new()), None);
        assert_eq!(doubt(NOW, None, Vec::new()), None);
        assert_eq!(doubt(NOW, Some(NOW - passed), vec![0, 0, 0]), None);
    }
}
