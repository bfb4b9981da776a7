//! What must hold of a world: at every pack, at every reply, and when all is quiet.

use super::*;
use crate::Seq;
use crate::wire::Request;

impl World {
    /// The records that this phone shows, out of a scope still held, and that are, at the centre,
    /// in a scope that its request asks for.
    pub(super) fn held_now(&self, at: usize) -> BTreeSet<RecordId> {
        let replica = &self.phones[at].replica;
        let user = replica.identity().unwrap().user.0;
        let asked = replica.flight.as_ref().map(|flight| flight.asks.clone());
        let asked: BTreeSet<Scope> = asked
            .into_iter()
            .flatten()
            .map(|(scope, _)| scope)
            .filter(|scope| self.centre.held[&user].contains(&scope.place))
            .collect();
        let rows = replica.rows.iter().map(|(id, filed)| (id, &filed.scope));
        let limbo = replica.limbo.iter().map(|(id, limbo)| (id, &limbo.to));
        rows.chain(limbo)
            .filter(|(id, here)| {
                let stored = self.centre.records.get(id);
                // After the reply the request is over: what is shown is what counts. Before it,
                // both scopes must be this person's: what is dropped goes at once (I10).
                replica.flight.is_none()
                    || stored.is_some_and(|stored| asked.contains(&stored.scope))
                        && self.centre.held[&user].contains(&here.place)
            })
            .map(|(id, _)| *id)
            .collect()
    }

    /// What must hold when all is quiet.
    pub(super) fn check(&self) {
        let mut seen = BTreeSet::new();
        for entry in &self.centre.log {
            assert!(seen.insert(*entry), "a change had its effect twice");
        }
        let arrived: BTreeSet<u64> = self
            .centre
            .log
            .iter()
            .map(|(_, content)| *content)
            .collect();
        assert_eq!(self.centre.lost, 0);
        for phone in &self.phones {
            let replica = &phone.replica;
            let moment = phone.moment(self.centre.now);
            assert!(replica.all_sent_all_current(moment));
            for content in &phone.captured {
                assert!(arrived.contains(content), "a captured change was lost");
            }
            for scope in replica.wanted(moment.wall) {
                let here: Vec<_> = replica.rows_in(&scope).cloned().collect();
                let there = self.centre.rows(&scope);
                let short = |rows: &[crate::wire::Row]| -> Vec<String> {
                    rows.iter()
                        .map(|row| format!("{}:{}", row.record, row.rev))
                        .collect()
                };
                assert_eq!(short(&here), short(&there), "{scope}");
                assert_eq!(here, there, "{scope}");
            }
            assert!(
                replica.limbo.is_empty(),
                "nothing is left between two scopes"
            );
            assert_digests(replica);
            for view in replica.views() {
                assert_ne!(view.standing, Standing::Pending);
                assert_ne!(view.standing, Standing::Taken);
            }
        }
    }
}

fn assert_digests(replica: &Replica) {
    for (scope, held) in &replica.holdings {
        let mut digest = crate::digest::Digest::default();
        for row in replica.rows_in(scope) {
            digest.add(row.record, row.rev);
        }
        assert_eq!(digest, held.digest);
        assert_eq!(replica.rows_in(scope).count() as u64, held.count);
    }
}

/// What was numbered just now: abnormal records before others, a record's changes together and
/// in the order of capture, a parent before its child.
pub(super) fn check_pack(replica: &Replica, before: Seq, body: &[u8]) {
    let request = Request::parse(body).unwrap();
    assert!(request.lines.len() <= 500 && body.len() <= 256 * 1024);
    let new: Vec<(u64, &crate::replica::outbox::Entry)> = (before + 1..=replica.packed())
        .map(|seq| replica.numbered[&seq])
        .map(|id| (id, &replica.outbox[&id]))
        .collect();
    let records: Vec<RecordId> = new.iter().map(|(_, entry)| entry.record).collect();
    let mut runs = records.clone();
    runs.dedup();
    let distinct: BTreeSet<_> = runs.iter().collect();
    assert_eq!(runs.len(), distinct.len(), "a record's changes go together");
    for (at, (id, entry)) in new.iter().enumerate() {
        for (other, earlier) in &new[..at] {
            assert!(earlier.record != entry.record || other < id);
            assert_ne!(earlier.parent, Some(entry.record), "a parent goes first");
        }
    }
    let pressing: BTreeSet<RecordId> = new
        .iter()
        .filter(|(_, entry)| entry.abnormal)
        .flat_map(|(_, entry)| std::iter::once(entry.record).chain(entry.parent))
        .collect();
    let parents: BTreeSet<RecordId> = new
        .iter()
        .filter(|(_, entry)| pressing.contains(&entry.record))
        .filter_map(|(_, entry)| entry.parent)
        .collect();
    let urgent = |record: &RecordId| pressing.contains(record) || parents.contains(record);
    let first_calm = records.iter().position(|record| !urgent(record));
    let last_urgent = records.iter().rposition(urgent);
    if let (Some(calm), Some(urgent)) = (first_calm, last_urgent) {
        assert!(urgent < calm, "an abnormal entry waited for others");
    }
}
