//! The confirmed rows by scope: where each is filed, how long it may stay, what the digest over
//! them is, and what is swept when a scope was served anew. The outbox is another matter: nothing
//! here ever touches a pending change.

use serde::{Deserialize, Serialize};

use super::Replica;
use crate::digest::Digest;
use crate::id::RecordId;
use crate::scope::{Day, Scope};
use crate::wire::Row;
use crate::{Millis, Rev};

/// What the phone holds of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holding {
    /// What to send next time; 0 before the first feed.
    pub cursor: Rev,
    /// The projection it was served under.
    pub view: String,
    /// The feed has more than fitted.
    pub more: bool,
    /// Everything up to a snapshot is here.
    pub complete: bool,
    /// It does not hold together: to be asked for from 0.
    pub again: bool,
    /// How many times running it did not match after it had been served from 0.
    pub doubt: u32,
    /// Rows filed here.
    pub count: u64,
    /// The digest over them.
    pub digest: Digest,
    /// Count and digest of the last feed that named it.
    pub told: Option<(u64, Digest)>,
    /// Wall time of the start of the request that renewed the lease.
    pub renewed: Millis,
    /// Seconds the rows may stay from then on.
    pub lease: u32,
    /// The last attempt that asked for it and was answered.
    pub asked: u64,
}

impl Holding {
    /// Whether to ask at once rather than at the next regular time.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        !self.complete && self.doubt < 2
    }

    /// Whether all of it is here, and proven.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.complete && self.matches_without((0, Digest::default()))
    }

    /// Whether what is here, but for rows of this count and digest, is what the centre has.
    pub(super) fn matches_without(&self, (count, digest): (u64, Digest)) -> bool {
        let rest = (
            self.count.saturating_sub(count),
            Digest(self.digest.0.wrapping_sub(digest.0)),
        );
        !self.again && self.told.is_none_or(|told| told == rest)
    }
}

/// A confirmed row and where it is filed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filed {
    /// The scope.
    pub scope: Scope,
    /// Not sent again since the scope began to be served from 0.
    pub stale: bool,
    /// The row.
    pub row: Row,
}

/// The body of a record that has left a scope for another, until that one is complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limbo {
    /// Where it is said to be.
    pub to: Scope,
    /// As it was.
    pub row: Row,
}

impl Replica {
    /// The scopes to pull: of each held place, by day today's and yesterday's, and what is still
    /// here of places no longer listed, so that the centre can drop it.
    #[must_use]
    pub fn wanted(&self, wall: Millis) -> Vec<Scope> {
        let days = self.days(wall);
        let mut wanted = std::collections::BTreeSet::new();
        let places = self.places.iter().filter(|held| {
            self.follow
                .as_ref()
                .is_none_or(|follow| follow.contains(&held.place))
        });
        for held in places {
            if held.by_day {
                wanted.extend(days.iter().map(|day| Scope {
                    place: held.place.clone(),
                    day: Some(*day),
                }));
            } else {
                wanted.insert(held.place.clone().into());
            }
        }
        let kept = self
            .holdings
            .keys()
            .filter(|scope| scope.day.is_none_or(|day| days.contains(&day)));
        wanted.extend(kept.cloned());
        wanted
            .into_iter()
            .filter(|scope| !self.refused.contains(scope))
            .collect()
    }

    /// Today and yesterday, by the date of the server's time.
    fn days(&self, wall: Millis) -> Vec<Day> {
        let local = self
            .eras
            .server_time(wall)
            .saturating_add(self.utc_offset.saturating_mul(60_000));
        [local, local.saturating_sub(86_400_000)]
            .into_iter()
            .filter_map(chrono::DateTime::from_timestamp_millis)
            .map(|time| Day(time.date_naive()))
            .collect()
    }

    /// Files a row, wherever it was before.
    pub(super) fn file(&mut self, scope: &Scope, row: Row) {
        let record = row.record;
        self.unfile(record);
        self.limbo.remove(&record);
        let held = self.holdings.entry(scope.clone()).or_default();
        held.count += 1;
        held.digest.add(record, row.rev);
        let filed = Filed {
            scope: scope.clone(),
            stale: false,
            row,
        };
        self.rows.insert(record, filed);
    }

    /// Takes a row out of its scope.
    pub(super) fn unfile(&mut self, record: RecordId) -> Option<Filed> {
        let filed = self.rows.remove(&record)?;
        if let Some(held) = self.holdings.get_mut(&filed.scope) {
            held.count = held.count.saturating_sub(1);
            held.digest.remove(record, filed.row.rev);
        }
        Some(filed)
    }

    /// Removes all bodies of a scope, and what was held of it. What a request under way was told
    /// of its cursor and digest is no longer true: its answer for this scope counts for nothing.
    pub(super) fn empty(&mut self, scope: &Scope) {
        if let Some(flight) = &mut self.flight {
            flight.asks.retain(|(asked, _)| asked != scope);
        }
        self.rows.retain(|_, filed| filed.scope != *scope);
        self.limbo.retain(|_, limbo| limbo.to != *scope);
        self.holdings.remove(scope);
    }

    /// Marks all rows of a scope as not yet sent again.
    pub(super) fn doubt_rows(&mut self, scope: &Scope) {
        for filed in self.rows.values_mut().filter(|filed| filed.scope == *scope) {
            filed.stale = true;
        }
    }

    /// Count and digest of the rows of a scope that were not sent again.
    pub(super) fn stale_in(&self, scope: &Scope) -> (u64, Digest) {
        let mut stale = (0, Digest::default());
        for (record, filed) in &self.rows {
            if filed.stale && filed.scope == *scope {
                stale.0 += 1;
                stale.1.add(*record, filed.row.rev);
            }
        }
        stale
    }

    /// Removes the rows of these scopes that were not sent again.
    pub(super) fn sweep(&mut self, scopes: &[Scope]) {
        let swept: Vec<RecordId> = self
            .rows
            .iter()
            .filter(|(_, filed)| filed.stale && scopes.contains(&filed.scope))
            .map(|(record, _)| *record)
            .collect();
        for record in swept {
            self.unfile(record);
        }
    }

    /// A lease ends after its time, and when the clock stands below the moment it began.
    pub(super) fn end_leases(&mut self, wall: Millis) {
        let ended: Vec<Scope> = self
            .holdings
            .iter()
            .filter(|(scope, held)| {
                let is_awaited = |limbo: &Limbo| limbo.to == **scope;
                held.cursor > 0 || held.count > 0 || self.limbo.values().any(is_awaited)
            })
            .filter(|(_, held)| {
                let lease = i64::from(held.lease) * 1_000;
                wall < held.renewed || wall >= held.renewed.saturating_add(lease)
            })
            .map(|(scope, _)| scope.clone())
            .collect();
        for scope in ended {
            self.empty(&scope);
        }
    }
}
