//! Which verdicts a reply names: what a phone would not otherwise see settled by its feeds.

use std::collections::{BTreeMap, HashMap, HashSet};

use sync_protocol::Rev;
use sync_protocol::id::RecordId;
use sync_protocol::wire::{Outcome, Verdict};

use super::job::Settled;
use super::pull::Snapshot;
use crate::store::records::RecordRow;
use crate::store::{Connection, Error, records, scopes, to_rev};

impl Snapshot<'_> {
    /// The verdicts to name: all that are not plain `applied`, and those that the device would not
    /// otherwise see settled by a run, a row or an exit, now or on a page still to come.
    pub(super) fn verdicts(
        &self,
        connection: &mut Connection,
        settled: &[Settled],
        delivered: &HashSet<RecordId>,
        cursors: &HashMap<i64, Rev>,
    ) -> Result<Vec<Verdict>, Error> {
        let unseen: Vec<RecordId> = settled
            .iter()
            .filter(|one| one.outcome == Outcome::Applied)
            .filter_map(|one| one.record)
            .filter(|record| !delivered.contains(record))
            .collect();
        let rows: HashMap<String, RecordRow> = records::by_ids(connection, &unseen)?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect();
        let ids: Vec<i64> = rows
            .values()
            .map(|row| row.scope_id)
            .collect::<HashSet<_>>()
            .into_iter()
            .collect();
        let mut readable = BTreeMap::new();
        for row in scopes::by_ids(connection, &ids)? {
            let node = scopes::nodes(connection, std::slice::from_ref(&row.area))?.pop();
            let scope = row.scope()?;
            if self.may_read && node.is_some_and(|node| self.reach.covers(&node.path)) {
                readable.insert(row.id, scope);
            }
        }
        let mut verdicts: Vec<Verdict> = Vec::new();
        for one in settled {
            let mut verdict = one.verdict();
            if one.outcome == Outcome::Applied {
                let Some(record) = one.record else { continue };
                if delivered.contains(&record) {
                    continue;
                }
                if let Some(row) = rows.get(&record.to_string()) {
                    let comes = cursors
                        .get(&row.scope_id)
                        .is_some_and(|cursor| to_rev(row.head) > *cursor);
                    if comes {
                        continue;
                    }
                    verdict.scope = readable.get(&row.scope_id).cloned();
                }
            }
            push_verdict(&mut verdicts, verdict);
        }
        Ok(verdicts)
    }
}

/// Adds a verdict; consecutive ones alike become a run.
fn push_verdict(verdicts: &mut Vec<Verdict>, verdict: Verdict) {
    if let Some(run) = verdicts.last_mut()
        && run.last.unwrap_or(run.seq) + 1 == verdict.seq
        && (run.verdict, &run.code, &run.path, &run.scope)
            == (
                verdict.verdict,
                &verdict.code,
                &verdict.path,
                &verdict.scope,
            )
        && run.fields.is_empty()
        && verdict.fields.is_empty()
    {
        run.last = Some(verdict.seq);
        return;
    }
    verdicts.push(verdict);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_alike_become_one_run() {
        let applied = |seq| Settled::applied(seq, RecordId::from_bytes([1; 16])).verdict();
        let mut verdicts = Vec::new();
        for seq in [1, 2, 3, 7] {
            push_verdict(&mut verdicts, applied(seq));
        }
        assert_eq!(
            verdicts
                .iter()
                .map(|verdict| (verdict.seq, verdict.last))
                .collect::<Vec<_>>(),
            [(1, Some(3)), (7, None)]
        );
    }
}
