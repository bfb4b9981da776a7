//! The centre's books, looked at after every transaction: heads only grow and nothing is written
//! at or below one that was seen (I1), counts and digests equal a recount (I20), a record is in one
//! scope and its children with it (I11), a number never names two contents (I12).

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use kadian::store::records::RecordRow;
use kadian::store::scopes::ScopeRow;
use kadian::store::{Connection, Error, exits, records, scopes, tallies};
use sync_protocol::digest::Digest;
use sync_protocol::kind::Kinds;

use crate::centre::Centre;
use crate::world::Check;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Seen {
    head: i64,
    purged: bool,
    /// What stands at which head: rows with their revision, exits with 0.
    at: HashMap<(String, i64), i64>,
}

#[derive(Default)]
pub(crate) struct Watch {
    scopes: BTreeMap<i64, Seen>,
    /// The greatest head ever seen, by name; also those of a future that was lost.
    greatest: HashMap<String, i64>,
    contents: HashMap<(String, i64), u64>,
    /// What purges closed, by scope, kind, tally, value.
    pub(crate) closed: BTreeMap<(i64, String, String, String), i64>,
}

/// No scope of a world has a greater number. Where several make one at once, numbers are left out.
const MOST_SCOPES: i64 = 500;

/// All scopes there are.
pub(crate) fn scopes_of(c: &mut Connection) -> Result<Vec<ScopeRow>, Error> {
    let ids: Vec<i64> = (1..=MOST_SCOPES).collect();
    let rows = scopes::by_ids(c, &ids)?;
    assert!(
        rows.iter().all(|row| row.id < MOST_SCOPES),
        "a world outgrew the watch"
    );
    Ok(rows)
}

impl Watch {
    pub(crate) fn look(&mut self, centre: &Centre) -> Check {
        let kinds = centre.engines[0]
            .store()
            .read(|c| centre.engines[0].rules(c))
            .map_err(|e: Error| e.to_string())?
            .kinds;
        centre.read(|c| {
            let rows = scopes_of(c)?;
            Ok(rows.iter().try_for_each(|row| self.look_at(c, row, &kinds)))
        })
    }

    /// The database is another one: what it holds now is where the watch begins again.
    pub(crate) fn begin_again(&mut self, centre: &Centre) {
        self.scopes.clear();
        self.closed.clear();
        centre.read(|c| {
            for scope in scopes_of(c)? {
                for row in tallies::of_scope(c, scope.id)? {
                    if row.closed != 0 {
                        let key = (scope.id, row.kind, row.name, row.value);
                        self.closed.insert(key, row.closed);
                    }
                }
            }
            Ok::<_, Error>(())
        });
    }

    /// What a purge is about to close: everything that these rows count under.
    pub(crate) fn close(&mut self, rows: &[RecordRow], kinds: &Kinds) {
        for row in rows {
            let record = row.record().unwrap();
            let Some(kind) = kinds.get(&row.kind) else {
                continue;
            };
            for (name, value) in kind.tallies(&record, &record.abnormal, record.is_void()) {
                *self
                    .closed
                    .entry((row.scope_id, row.kind.clone(), name, value))
                    .or_default() += 1;
            }
        }
    }

    fn look_at(&mut self, c: &mut Connection, scope: &ScopeRow, kinds: &Kinds) -> Check {
        let before = self.scopes.get(&scope.id);
        if before.is_some_and(|before| before.head == scope.head && before.purged == scope.purged) {
            return Ok(());
        }
        let fresh = before.is_none();
        let before = before.cloned().unwrap_or_default();
        let store = |error: Error| error.to_string();
        let rows = records::in_scope(c, scope.id).map_err(store)?;
        let gone = exits::above(c, scope.id, 0, 100_000).map_err(store)?;
        let mut seen = Seen {
            head: scope.head,
            purged: scope.purged,
            at: HashMap::new(),
        };
        for row in &rows {
            seen.at.insert((row.id.clone(), row.rev), row.head);
            // What it says; how it is written may change when it moves.
            let record = row.record().map_err(store)?;
            let mut hasher = DefaultHasher::new();
            serde_json::to_vec(&record)
                .unwrap_or_default()
                .hash(&mut hasher);
            let content = hasher.finish();
            let known = *self
                .contents
                .entry((row.id.clone(), row.rev))
                .or_insert(content);
            if known != content && row.scope_id == scope.id {
                return Err(format!(
                    "I12: revision {} of {} names two contents",
                    row.rev, row.id
                ));
            }
        }
        for exit in &gone {
            if seen
                .at
                .insert((exit.record.clone(), 0), exit.head)
                .is_some()
                || rows.iter().any(|row| row.id == exit.record)
            {
                return Err(format!(
                    "I11: {} has both a row and an exit in {}",
                    exit.record, scope.name
                ));
            }
        }
        let greatest = self.greatest.get(&scope.name).copied().unwrap_or(0);
        if !fresh || greatest > 0 {
            let begin = fresh;
            for (what, head) in &seen.at {
                // After a copy was put back, what it holds is old; nothing else may be.
                let known = before.at.get(what) == Some(head) || begin;
                if !known && *head <= greatest {
                    return Err(format!(
                        "I1: {what:?} appears at head {head} of {}, which stood at {greatest}",
                        scope.name
                    ));
                }
            }
        }
        if scope.head < before.head {
            return Err(format!("I1: the head of {} went back", scope.name));
        }
        if seen.at.values().any(|head| *head > scope.head) {
            return Err(format!(
                "I1: something stands above the head of {}",
                scope.name
            ));
        }
        self.greatest
            .insert(scope.name.clone(), greatest.max(scope.head));
        self.scopes.insert(scope.id, seen);
        self.recount(c, scope, &rows, kinds)?;
        for row in rows.iter().filter(|row| row.parent.is_some()) {
            let parent = row.parent.as_ref().unwrap().parse().unwrap();
            let parent = records::by_ids(c, &[parent]).map_err(store)?.pop();
            if parent.as_ref().map(|parent| parent.scope_id) != Some(row.scope_id) {
                return Err(format!(
                    "I11: {} is in {}, its parent is not",
                    row.id, scope.name
                ));
            }
        }
        Ok(())
    }

    fn recount(
        &self,
        c: &mut Connection,
        scope: &ScopeRow,
        rows: &[RecordRow],
        kinds: &Kinds,
    ) -> Check {
        let store = |error: Error| error.to_string();
        let mut by_kind = BTreeMap::<String, (i64, Digest)>::new();
        let mut counts = BTreeMap::<(String, String, String), i64>::new();
        for row in rows {
            let record = row.record().map_err(store)?;
            let held = by_kind.entry(row.kind.clone()).or_default();
            held.0 += 1;
            held.1.add(record.id, record.rev);
            let Some(kind) = kinds.get(&row.kind) else {
                continue;
            };
            for (name, value) in kind.tallies(&record, &record.abnormal, record.is_void()) {
                *counts.entry((row.kind.clone(), name, value)).or_default() += 1;
            }
        }
        for held in scopes::holdings(c, &[scope.id]).map_err(store)? {
            let counted = by_kind.remove(&held.kind).unwrap_or_default();
            if counted != (held.count, held.digest()) {
                return Err(format!(
                    "I20: {} holds {counted:?} of {}, the books say {}",
                    scope.name, held.kind, held.count
                ));
            }
        }
        if !by_kind.is_empty() {
            return Err(format!(
                "I20: {} holds {by_kind:?}, the books know nothing of it",
                scope.name
            ));
        }
        for row in tallies::of_scope(c, scope.id).map_err(store)? {
            let key = (row.kind.clone(), row.name.clone(), row.value.clone());
            let counted = counts.remove(&key).unwrap_or(0);
            if counted != row.live {
                return Err(format!(
                    "I20: {} counts {counted} of {key:?}, the tally says {}",
                    scope.name, row.live
                ));
            }
            let closed = self
                .closed
                .get(&(scope.id, row.kind, row.name, row.value))
                .copied()
                .unwrap_or(0);
            if closed != row.closed {
                return Err(format!(
                    "I20: purges closed {closed} of {key:?} in {}, the tally says {}",
                    scope.name, row.closed
                ));
            }
        }
        match counts.into_iter().next() {
            Some(missing) => Err(format!("I20: {} has no tally of {missing:?}", scope.name)),
            None => Ok(()),
        }
    }
}
