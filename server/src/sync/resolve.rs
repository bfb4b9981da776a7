//! Somebody decides about a change that was kept aside: it goes in, under the decider's rights but
//! with its own stamp and base, or it stays out, for a reason.

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
        match self.try_again(index, user) {
            Err(code) => Resolved::Refused(code),
            Ok(settled) => {
                self.close(index, "admitted", user, None);
                let mut done = vec![settled];
                if let Some(record) = self.record_of(index) {
                    let before = self.resettled.len();
                    self.unblock(record);
                    if self.resettled.len() > before {
                        let line = self
                            .aside
                            .get(index)
                            .map(|aside| (aside.row.device, aside.row.seq));
                        done.extend(
                            self.resettled
                                .iter()
                                .filter(|(key, _)| Some(**key) != line)
                                .map(|(_, settled)| settled.clone()),
                        );
                    }
                }
                done.sort_by_key(|settled| from_rev(settled.seq));
                Resolved::Done(done)
            }
        }
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
}

/// The roles that decide about changes kept aside, and see them.
pub const RESOLVERS: &[&str] = &["grid_leader", "checkpoint_leader", "officer", "command"];
