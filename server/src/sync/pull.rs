//! A pull: one read-only snapshot, grants included, and one page over all scopes asked for. Pages
//! run in head order over rows and exits together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sync_protocol::Rev;
use sync_protocol::cursor::Head;
use sync_protocol::digest::Digest;
use sync_protocol::id::RecordId;
use sync_protocol::scope::Scope;
use sync_protocol::wire::{
    Ask, Dropped, Envelope, Feed, HeldPlace, MAX_PAGE_ROWS, MAX_PLACES, Outcome, Verdict,
};
use sync_protocol::{Millis, Seq};

use super::job::Settled;
use super::page::Budget;
use super::places;
use super::projection::Sight;
use super::rules::Rules;
use crate::store::audit::Look;
use crate::store::definitions::Moment;
use crate::store::nodes::Tree;
use crate::store::records::Standing;
use crate::store::scopes::{HoldingRow, Node, ScopeRow};
use crate::store::{Connection, Error, Reach, records, scopes, to_rev};

/// Who asks, and in which snapshot.
pub struct Snapshot<'a> {
    pub rules: &'a Rules,
    pub reach: &'a Reach,
    pub device: u32,
    /// A revoked device gets no feeds.
    pub may_read: bool,
    /// The moment of the snapshot.
    pub moment: Moment,
    /// The area tree of that moment.
    pub tree: Tree,
    pub now: Millis,
}

/// What a pull found.
#[derive(Debug, Default)]
pub struct Pulled {
    pub feeds: Vec<Feed>,
    pub dropped: Vec<Dropped>,
    pub verdicts: Vec<Verdict>,
    pub grants: Option<String>,
    pub places: Option<Vec<HeldPlace>>,
    /// What must be on record before the reply leaves.
    pub looks: Vec<Look>,
}

/// A scope asked for that the caller may read.
pub(super) struct Open<'a> {
    pub(super) ask: &'a Ask,
    pub(super) sight: Sight,
    pub(super) row: Option<ScopeRow>,
    pub(super) head: Head,
    /// What it holds of the kinds that the caller sees there, and the digest over that.
    pub(super) held: (u64, Digest),
}

impl Snapshot<'_> {
    /// Answers what a request asks for, and names the verdicts of what it pushed.
    pub fn pull(
        &self,
        connection: &mut Connection,
        envelope: &Envelope,
        settled: &[Settled],
    ) -> Result<Pulled, Error> {
        let mut pulled = Pulled::default();
        // A revoked phone is told that it holds nothing; once it may read again the hash is
        // another, and it hears of its places anew.
        let grants = if self.may_read {
            places::hash(self.reach, self.rules, self.moment.tree)
        } else {
            String::new()
        };
        if envelope.grants != grants {
            let held = if self.may_read {
                places::held(connection, self.reach, self.rules, "", MAX_PLACES)?
            } else {
                Vec::new()
            };
            pulled.places = Some(held);
            pulled.grants = Some(grants);
        }
        let open = self.open(connection, envelope, &mut pulled)?;
        let asked: HashMap<i64, &Scope> = open
            .iter()
            .filter_map(|one| Some((one.row.as_ref()?.id, &one.ask.0)))
            .collect();
        let own: HashMap<RecordId, (Seq, Rev)> = settled
            .iter()
            .filter_map(|one| Some((one.record?, (one.seq, one.exact?))))
            .collect();
        let own = if envelope.epoch == self.moment.epoch {
            own
        } else {
            HashMap::new()
        };
        let mut budget = Budget::new(envelope.limit.clamp(1, MAX_PAGE_ROWS));
        let mut delivered = HashSet::new();
        let mut cursors = HashMap::new();
        for one in &open {
            if let Some(feed) = self.feed(
                connection,
                one,
                &asked,
                &own,
                &mut budget,
                &mut delivered,
                &mut pulled.looks,
            )? {
                if let Some(row) = &one.row {
                    cursors.insert(row.id, if feed.more { feed.cursor } else { Rev::MAX });
                }
                pulled.feeds.push(feed);
            }
        }
        pulled.verdicts = self.verdicts(connection, settled, &open, &delivered, &cursors)?;
        Ok(pulled)
    }

    /// Sorts what is asked for: what may be read, and what is dropped and why.
    fn open<'e>(
        &self,
        connection: &mut Connection,
        envelope: &'e Envelope,
        pulled: &mut Pulled,
    ) -> Result<Vec<Open<'e>>, Error> {
        let names: Vec<String> = envelope.pull.iter().map(|ask| ask.0.to_string()).collect();
        let codes: Vec<String> = envelope
            .pull
            .iter()
            .map(|ask| ask.0.place.code().to_owned())
            .collect();
        let nodes: HashMap<String, Arc<Node>> = self
            .tree
            .nodes(connection, &codes)?
            .into_iter()
            .map(|node| (node.code.clone(), node))
            .collect();
        let mut rows = scopes::held(connection, &names)?;
        let mut open = Vec::with_capacity(envelope.pull.len());
        let mut seen = HashSet::new();
        for ask in envelope
            .pull
            .iter()
            .filter(|ask| seen.insert(ask.0.to_string()))
        {
            let scope = &ask.0;
            let node = nodes
                .get(scope.place.code())
                .filter(|node| node.level == scope.place.level());
            let sight = node.filter(|_| self.may_read).and_then(|node| {
                let roles = self.reach.roles_at(&node.path);
                Sight::of(
                    self.rules,
                    self.reach.account(),
                    &roles,
                    scope.place.level(),
                    scope.day.is_some(),
                )
            });
            let Some(sight) = sight else {
                let reason = match node {
                    // Whatever its person may read: this phone may not.
                    _ if !self.may_read => "revoked",
                    Some(node) => {
                        places::why_dropped(connection, self.reach.account(), node, self.now)?
                    }
                    None => "unknown",
                };
                pulled.dropped.push(Dropped {
                    scope: scope.clone(),
                    reason: reason.to_owned(),
                });
                continue;
            };
            let (row, holdings) = rows.remove(&scope.to_string()).unzip();
            let held = count(&sight, &holdings.unwrap_or_default());
            let head = row
                .as_ref()
                .map(ScopeRow::head)
                .transpose()?
                .unwrap_or_default();
            open.push(Open {
                ask,
                sight,
                row,
                head,
                held,
            });
        }
        Ok(open)
    }

    /// The verdicts to name: all that are not plain `applied`, and those that the device would not
    /// otherwise see settled by a run, a row or an exit, now or on a page still to come.
    fn verdicts(
        &self,
        connection: &mut Connection,
        settled: &[Settled],
        open: &[Open<'_>],
        delivered: &HashSet<RecordId>,
        cursors: &HashMap<i64, Rev>,
    ) -> Result<Vec<Verdict>, Error> {
        let unseen: Vec<&Settled> = settled
            .iter()
            .filter(|one| one.record.is_none_or(|id| !delivered.contains(&id)) || !is_plain(one))
            .collect();
        // Where a change of this push put its record is known while nothing was moved since, and no page
        // to come will show it if the phone did not ask for that scope.
        let asked: HashSet<&Scope> = open.iter().map(|one| &one.ask.0).collect();
        let is_known = |one: &Settled| {
            let spot = one.spot.as_ref();
            spot.is_some_and(|spot| !asked.contains(&spot.scope))
        };
        let doubtful: Vec<RecordId> = unseen
            .iter()
            .filter(|one| is_plain(one) && !is_known(one))
            .filter_map(|one| one.record)
            .collect();
        let rows: HashMap<String, Standing> = records::standing(connection, &doubtful)?
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect();
        let readable = self.readable(connection, rows.values())?;
        let is_to_come = |row: &Standing| {
            let cursor = cursors.get(&row.scope_id);
            cursor.is_some_and(|cursor| to_rev(row.head) > *cursor)
        };
        let mut verdicts: Vec<Verdict> = Vec::new();
        for one in unseen {
            let plain = one.record.filter(|_| is_plain(one));
            let scope = match (&one.spot, plain) {
                (Some(spot), Some(_)) if is_known(one) => {
                    self.may_see(&spot.node).then_some(&spot.scope)
                }
                (_, Some(id)) => match rows.get(&id.to_string()) {
                    Some(row) if is_to_come(row) => continue,
                    row => row.and_then(|row| readable.get(&row.scope_id)),
                },
                (_, None) => None,
            };
            push_verdict(&mut verdicts, one, scope);
        }
        Ok(verdicts)
    }

    fn may_see(&self, node: &Node) -> bool {
        self.may_read && self.reach.covers(&node.path)
    }

    /// The scopes of records, those that the caller may read.
    fn readable<'r>(
        &self,
        connection: &mut Connection,
        rows: impl Iterator<Item = &'r Standing>,
    ) -> Result<BTreeMap<i64, Scope>, Error> {
        let ids: HashSet<i64> = rows.map(|row| row.scope_id).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let mut readable = BTreeMap::new();
        for row in scopes::by_ids(connection, &ids)? {
            let node = self
                .tree
                .nodes(connection, std::slice::from_ref(&row.area))?
                .pop();
            let scope = row.scope()?;
            if node.is_some_and(|node| self.may_see(&node)) {
                readable.insert(row.id, scope);
            }
        }
        Ok(readable)
    }
}

/// What the caller can see of what a scope holds, counted and digested.
fn count(sight: &Sight, holdings: &[HoldingRow]) -> (u64, Digest) {
    let (mut count, mut digest) = (0, Digest::default());
    for holding in holdings {
        if sight.view(&holding.kind).is_some() {
            count += to_rev(holding.count);
            digest.join(holding.digest());
        }
    }
    (count, digest)
}

/// The verdicts of a push whose phone asks for nothing, each with the scope where the record stands if it
/// may be seen there. `None` if where some record stands is not known.
pub(super) fn verdicts_of_all(
    settled: &[Settled],
    may_see: impl Fn(&Node) -> bool,
) -> Option<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for one in settled {
        let is_plain = is_plain(one) && one.record.is_some();
        let scope = match &one.spot {
            _ if !is_plain => None,
            Some(spot) => may_see(&spot.node).then_some(&spot.scope),
            None => return None,
        };
        push_verdict(&mut verdicts, one, scope);
    }
    Some(verdicts)
}

/// Whether a change went in and nothing of it was lost.
fn is_plain(settled: &Settled) -> bool {
    settled.outcome == Outcome::Applied
}

/// Adds what became of a change; consecutive ones alike become a run.
fn push_verdict(verdicts: &mut Vec<Verdict>, settled: &Settled, scope: Option<&Scope>) {
    if let Some(run) = verdicts.last_mut()
        && run.last.unwrap_or(run.seq) + 1 == settled.seq
        && (run.verdict, &run.code, &run.path, run.scope.as_ref())
            == (settled.outcome, &settled.code, &settled.path, scope)
        && run.fields.is_empty()
        && settled.fields.is_empty()
    {
        run.last = Some(settled.seq);
        return;
    }
    verdicts.push(Verdict {
        scope: scope.cloned(),
        ..settled.verdict()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_alike_become_one_run() {
        let applied = |seq| Settled::applied(seq, RecordId::from_bytes([1; 16]));
        let mut verdicts = Vec::new();
        for seq in [1, 2, 3, 7] {
            push_verdict(&mut verdicts, &applied(seq), None);
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
