//! Somebody decides about a change that was kept aside: it goes in, under the decider's rights but
//! with its own stamp and base, or it stays out, for a reason.

use sync_protocol::wire::parked;

use super::fold::Fold;
use super::job::{Decision, Resolution, Resolved};
use crate::store::from_rev;

impl Fold {
    /// Carries a decision out.
    pub(super) fn resolve(&mut self, resolution: &Resolution) -> Resolved {
        let Some(index) = self
            .aside
            .iter()
            .position(|aside| aside.id == Some(resolution.parked))
        else {
            return Resolved::Unknown;
        };
        if !self.may_resolve(index, resolution.user.0) {
            return Resolved::Unknown;
        }
        if self.aside.get(index).is_none_or(|aside| !aside.is_open()) {
            return Resolved::Settled;
        }
        match &resolution.decision {
            Decision::Dismiss(reason) => {
                self.close(index, "dismissed", resolution.user.0, Some(reason.clone()));
                // What stood behind it no longer does.
                if let Some(record) = self.record_of(index) {
                    self.unblock(record);
                }
                Resolved::Done(Vec::new())
            }
            Decision::Admit => self.admit_for(index, resolution.user.0),
        }
    }

    /// Admits a change, and in order those of its device that stood behind it in the record.
    fn admit_for(&mut self, index: usize, user: i64) -> Resolved {
        let before: Vec<(i64, i64)> = self.resettled.keys().copied().collect();
        if let Err(code) = self.try_again(index, user, true) {
            return Resolved::Refused(code);
        }
        self.close(index, "admitted", user, None);
        // What stood behind it was parked for the same reason: the same decision covers it.
        while let Some(next) = self.next_behind(index) {
            if self.try_again(next, user, true).is_err() {
                break;
            }
            self.close(next, "admitted", user, None);
        }
        if let Some(record) = self.record_of(index) {
            self.unblock(record);
        }
        let mut done: Vec<_> = self
            .resettled
            .iter()
            .filter(|(key, _)| !before.contains(key))
            .map(|(_, settled)| settled.clone())
            .collect();
        done.sort_by_key(|settled| from_rev(settled.seq));
        Resolved::Done(done)
    }

    /// The first change that stands behind another of its line in the record.
    fn next_behind(&self, index: usize) -> Option<usize> {
        let first = &self.aside.get(index)?.row;
        self.aside.iter().position(|aside| {
            let row = &aside.row;
            aside.is_open()
                && row.code == parked::BEHIND
                && (row.line, &row.record) == (first.line, &first.record)
        })
    }

    fn record_of(&self, index: usize) -> Option<sync_protocol::id::RecordId> {
        self.aside.get(index)?.row.record.as_ref()?.parse().ok()
    }

    /// Those who may write at the node where it is shown may decide about it.
    fn may_resolve(&self, index: usize, user: i64) -> bool {
        let Some(aside) = self.aside.get(index) else {
            return false;
        };
        let Some(node) = aside
            .row
            .area
            .as_ref()
            .and_then(|code| self.nodes.get(code))
        else {
            return false;
        };
        self.people
            .get(&user)
            .is_some_and(|person| person.reach.holds(RESOLVERS, &node.path))
    }

    fn close(&mut self, index: usize, state: &str, user: i64, reason: Option<String>) {
        if let Some(aside) = self.aside.get_mut(index) {
            aside.row.state = state.to_owned();
            aside.settled = true;
            aside.settled_by = Some(user);
            aside.reason = reason;
        }
    }

    /// Tries again what came before its kind, or before a newer version of it.
    pub(super) fn readmit(&mut self, after: i64) -> (u64, Option<i64>) {
        let code = parked::UNKNOWN_KIND;
        let waiting: Vec<usize> = (0..self.aside.len())
            .filter(|&index| {
                self.aside
                    .get(index)
                    .is_some_and(|aside| aside.is_open() && aside.row.code == code)
            })
            .collect();
        let last = self.readmit_last.filter(|last| *last > after);
        let mut admitted = 0;
        for index in waiting {
            let Some(user) = self.aside.get(index).map(|aside| aside.row.account) else {
                continue;
            };
            let device = self.aside.get(index).map(|aside| aside.row.device);
            let may_write = device.and_then(|device| self.active.get(&device)).copied();
            if let Ok(settled) = self.try_again(index, user, may_write.unwrap_or(false)) {
                admitted += 1;
                if let Some(record) = settled.record {
                    self.unblock(record);
                }
            }
        }
        (admitted, last)
    }
}

/// The roles that decide about changes kept aside, and see them.
pub const RESOLVERS: &[&str] = &["grid_leader", "checkpoint_leader", "officer", "command"];
