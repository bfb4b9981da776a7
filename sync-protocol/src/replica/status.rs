//! What people are told: how much is unsent, when the centre was last heard, whether all is sent
//! and current, what needs somebody.

use super::outbox::{Entry, EntryId, Trouble};
use super::rows::Holding;
use super::{Access, Moment, Replica};
use crate::scope::Scope;
use crate::wire::Row;
use crate::{Millis, Seq};

impl Replica {
    /// Changes that the centre has not taken yet, as far as this phone knows.
    #[must_use]
    pub fn unsent(&self) -> usize {
        let captured = self.outbox.values().filter(|entry| entry.seq.is_none());
        let packed = usize::try_from(self.packed().saturating_sub(self.ack));
        captured.count() + packed.unwrap_or(usize::MAX)
    }

    /// When the oldest unsent change was captured, by the phone's clock.
    #[must_use]
    pub fn oldest_unsent(&self) -> Option<Millis> {
        self.outbox
            .values()
            .find(|entry| entry.seq.is_none_or(|seq| seq > self.ack))
            .and_then(|entry| Millis::try_from(entry.stamp.ms).ok())
    }

    /// When the centre was last heard, by the phone's clock.
    #[must_use]
    pub const fn last_contact(&self) -> Option<Millis> {
        self.last_contact
    }

    /// Only when the centre's `ack` covers the outbox, every verdict is known, and every scope
    /// that is held was asked for in this round and is complete with a digest that matches. Not while
    /// the number is in doubt: what it sent may have to be sent again under another.
    #[must_use]
    pub fn all_sent_all_current(&self, moment: Moment) -> bool {
        self.last_contact.is_some()
            && self.access == Access::Enrolled
            && self.unsent() == 0
            && self.settled == self.packed()
            && self.due(moment).next().is_none()
            && self
                .wanted(moment.wall)
                .iter()
                .all(|scope| self.holdings.get(scope).is_some_and(Holding::is_current))
    }

    /// What somebody should look at, in the order of capture.
    #[must_use]
    pub fn needs_attention(&self) -> Vec<&Trouble> {
        self.troubles.values().collect()
    }

    /// Whether the device may sync, needs a code, or is blocked.
    #[must_use]
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// The code of a refusal that only a newer program, or somebody at the centre, can mend.
    #[must_use]
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Whether this program is too old to be served feeds.
    #[must_use]
    pub const fn is_outdated(&self) -> bool {
        self.pace.without_pull
    }

    /// Versions of kind definitions and policy to fetch, if the centre has newer ones.
    #[must_use]
    pub const fn newer_definitions(&self) -> Option<(u32, u32)> {
        if self.newest_schema > self.schema || self.newest_policy > self.policy {
            Some((self.newest_schema, self.newest_policy))
        } else {
            None
        }
    }

    /// Where the numbering stands: packed, acknowledged, settled, durable.
    #[must_use]
    pub fn numbers(&self) -> (Seq, Seq, Seq, Seq) {
        (self.packed(), self.ack, self.settled, self.durable)
    }

    /// Changes still kept here, sealed copies included.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.outbox.len()
    }
}

/// For those who look in from outside: lists on screen, and tests.
impl Replica {
    /// What is in the outbox, sealed copies included, in the order of capture.
    pub fn entries(&self) -> impl Iterator<Item = (EntryId, &Entry)> {
        self.outbox.iter().map(|(id, entry)| (*id, entry))
    }

    /// What is held of each scope.
    pub fn held(&self) -> impl Iterator<Item = (&Scope, &Holding)> {
        self.holdings.iter()
    }

    /// Every confirmed row that is here, wherever it is filed, those on their way included.
    pub fn bodies(&self) -> impl Iterator<Item = (&Scope, &Row)> {
        let filed = self.rows.values().map(|filed| (&filed.scope, &filed.row));
        let limbo = self.limbo.values().map(|limbo| (&limbo.to, &limbo.row));
        filed.chain(limbo)
    }
}
