//! The steps that apply a reply: verdicts, rows, exits, cursors, grants, and `ack` last. Each
//! may be repeated, and a program may end between any two: what was not acknowledged is sent
//! again, what was not passed by a cursor is pulled again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::enrol::Access;
use super::outbox::{Shown, Trouble};
use super::rows::Limbo;
use super::{Moment, Replica};
use crate::change::{Change, Fields};
use crate::id::RecordId;
use crate::mark::Mark;
use crate::scope::Scope;
use crate::stamp::Clock;
use crate::wire::{Feed, Outcome, Reply, Row, Verdict};
use crate::{Rev, Seq};

/// A record was purged: nothing of it stays.
const PURGED: &str = "purged";

/// One step of applying a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What became of what was sent.
    Verdicts,
    /// Own runs and whole rows.
    Rows,
    /// Records that have left.
    Exits,
    /// Cursors and leases; when all that was asked for is complete, sweeping and proving.
    Cursors,
    /// Places held, scopes dropped.
    Grants,
    /// What is settled and safe; the request is over.
    Ack,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 6] = [
        Self::Verdicts,
        Self::Rows,
        Self::Exits,
        Self::Cursors,
        Self::Grants,
        Self::Ack,
    ];
}

impl Replica {
    /// Applies one step of the reply to the request under way. [`Replica::hear`] does them all; a
    /// shell with many tables may do them one by one, after [`Replica::is_fork`] said no.
    pub fn apply(&mut self, step: Step, reply: &Reply, moment: Moment) {
        match step {
            Step::Verdicts => self.apply_verdicts(reply),
            Step::Rows => self.apply_rows(reply),
            Step::Exits => self.apply_exits(reply),
            Step::Cursors => self.apply_cursors(reply),
            Step::Grants => self.apply_grants(reply),
            Step::Ack => self.apply_ack(reply, moment),
        }
    }

    /// What tells whether a reply moved anything.
    pub(super) fn progress(&self, moment: Moment) -> impl PartialEq + use<> {
        let cursors: Vec<_> = self
            .holdings
            .iter()
            .map(|(scope, held)| (scope.clone(), held.cursor, held.complete, held.again))
            .collect();
        let known = self.mark_of(self.settled).is_some();
        let numbers = (self.settled, self.ack, self.lost_checked, known);
        (numbers, cursors, self.due(moment).collect::<Vec<_>>())
    }

    fn apply_verdicts(&mut self, reply: &Reply) {
        let Some(flight) = self.flight.clone() else {
            return;
        };
        self.offset_unmeasured(reply);
        let carried = flight.from..=flight.last.min(reply.ack);
        let mut named: BTreeMap<Seq, &Verdict> = BTreeMap::new();
        for verdict in &reply.verdicts {
            let first = verdict.seq.max(flight.from);
            let last = verdict.last.unwrap_or(verdict.seq).min(flight.last);
            named.extend((first..=last).map(|seq| (seq, verdict)));
        }
        for seq in carried {
            match named.get(&seq) {
                Some(verdict) => {
                    // In a scope that is held but was not asked for now: that has news then, and
                    // the row comes with it.
                    let unasked = verdict
                        .scope
                        .as_ref()
                        .filter(|s| flight.cursor(s).is_none());
                    let held = unasked.and_then(|scope| self.holdings.get_mut(scope));
                    let comes = held.is_some();
                    if let Some(held) = held {
                        held.complete = false;
                    }
                    self.settle(seq, Some(verdict), comes);
                }
                None => self.settle(seq, None, true),
            }
        }
    }

    /// From the first acknowledged change of an era that was never measured on, the offset is the
    /// one that puts it no later than the reply.
    fn offset_unmeasured(&mut self, reply: &Reply) {
        let Some(flight) = &self.flight else {
            return;
        };
        let mut latest: BTreeMap<u64, i64> = BTreeMap::new();
        for seq in flight.from..=flight.last.min(reply.ack) {
            if let Some(entry) = self.entry_of(seq) {
                let ms = i64::try_from(entry.stamp.ms).unwrap_or(i64::MAX);
                let greatest = latest.entry(entry.era).or_insert(ms);
                *greatest = ms.max(*greatest);
            }
        }
        let own = flight.era;
        for (era, ms) in latest {
            if era != own && !self.eras.offsets.contains_key(&era) {
                self.eras.measure(era, reply.now.saturating_sub(ms).min(0));
            }
        }
    }

    /// The verdict of one change: `None` for one that is applied and comes back.
    fn settle(&mut self, seq: Seq, verdict: Option<&Verdict>, comes: bool) {
        let Some(id) = self.numbered.get(&seq).copied() else {
            return;
        };
        let Some(entry) = self.outbox.get_mut(&id) else {
            return;
        };
        let outcome = verdict.map_or(Outcome::Applied, |verdict| verdict.verdict);
        let comes = comes || outcome == Outcome::Merged;
        let taken = matches!(outcome, Outcome::Applied | Outcome::Merged);
        entry.shown = match entry.shown {
            Shown::Pending | Shown::Awaiting if taken && comes => Shown::Awaiting,
            _ => Shown::Hidden,
        };
        let (record, whole) = (entry.record, entry.whole);
        let line = entry.line.clone();
        if taken && whole {
            // It carries every field: what was wrong before is mended.
            self.troubles
                .retain(|other, trouble| trouble.record != record || *other >= id);
        }
        match verdict {
            Some(verdict) if outcome != Outcome::Applied => {
                let purged = verdict.code.as_deref() == Some(PURGED);
                let keep = outcome != Outcome::Merged && !purged;
                let kind = line.as_deref().and_then(super::outbox::read);
                let trouble = Trouble {
                    entry: id,
                    record,
                    kind: kind.map(|change| change.heading.kind),
                    verdict: outcome,
                    code: verdict.code.clone(),
                    path: verdict.path.clone(),
                    fields: verdict.fields.clone(),
                    scope: verdict.scope.clone(),
                    line: line.filter(|_| keep),
                };
                self.troubles.insert(id, trouble);
            }
            _ => {
                self.troubles.remove(&id);
            }
        }
    }

    fn apply_rows(&mut self, reply: &Reply) {
        for feed in &reply.feeds {
            let Some((cursor, renewed)) = self.asked(&feed.scope) else {
                continue;
            };
            if feed.reset || cursor == 0 {
                self.doubt_rows(&feed.scope);
            }
            let held = self.holdings.entry(feed.scope.clone()).or_default();
            held.renewed = renewed;
            held.lease = feed.lease;
            if feed.reset || cursor == 0 {
                held.again = false;
            }
            for &(first, last, rev) in &feed.own {
                self.apply_own(feed, first, last, rev);
            }
            for row in &feed.rows {
                self.settle_overlay(row.record, Some(&row.set));
                self.file(&feed.scope, row.clone());
            }
        }
    }

    /// The cursor sent for a scope and the start of the request, if it was asked for.
    fn asked(&self, scope: &Scope) -> Option<(Rev, i64)> {
        let flight = self.flight.as_ref()?;
        Some((flight.cursor(scope)?, flight.moment.wall))
    }

    /// Rows that are exactly what was sent, over what was on screen.
    fn apply_own(&mut self, feed: &Feed, first: Seq, last: Seq, rev: Rev) {
        let Some((from, end)) = self.flight.as_ref().map(|f| (f.from, f.last)) else {
            return;
        };
        for seq in first.max(from)..=last.min(end) {
            let change = self.entry_of(seq).and_then(super::outbox::Entry::change);
            let row = change.and_then(|change| self.own_row(&feed.scope, &change, rev));
            match row {
                Some(row) => {
                    self.settle_overlay(row.record, Some(&row.set));
                    self.file(&feed.scope, row);
                }
                None => self.ask_again(&feed.scope),
            }
        }
        if first < from || last > end {
            self.ask_again(&feed.scope);
        }
    }

    fn ask_again(&mut self, scope: &Scope) {
        self.holdings.entry(scope.clone()).or_default().again = true;
    }

    /// The row that a change makes of the copy here, if that is at the change's base (or is that
    /// row already). A copy that was not served again under the present view, or was served for another
    /// scope, may show less than the feed does.
    fn own_row(&self, scope: &Scope, change: &Change, rev: Rev) -> Option<Row> {
        let own = self.identity.as_ref()?;
        let stamp = change.stamp.by(own.device);
        match (self.rows.get(&change.record), change.base) {
            (Some(filed), _) if filed.scope != *scope => None,
            (Some(filed), _) if filed.row.rev == rev => Some(filed.row.clone()),
            (Some(filed), Some(base)) if filed.row.rev == base && !filed.stale => {
                let mut row = filed.row.clone();
                row.rev = rev;
                row.stamp = row.stamp.max(stamp);
                row.set.extend(change.set.clone());
                Some(row)
            }
            (None, None) => Some(Row {
                record: change.record,
                kind: change.kind.clone(),
                parent: change.parent,
                rev,
                stamp,
                time: stamp.time(),
                clock: Clock::Right,
                by: own.user,
                set: change.set.clone(),
                conflicts: BTreeMap::new(),
                abnormal: Vec::new(),
                flags: Vec::new(),
            }),
            _ => None,
        }
    }

    /// A row or an exit of a record has come: what the centre has taken needs no overlay, and a
    /// parked change whose values all stand there has been admitted.
    fn settle_overlay(&mut self, record: RecordId, set: Option<&Fields>) {
        for entry in self.outbox.values_mut() {
            if entry.record == record && entry.shown == Shown::Awaiting {
                entry.shown = Shown::Hidden;
            }
        }
        if let Some(set) = set {
            self.troubles.retain(|_, trouble| {
                trouble.record != record
                    || trouble.verdict != Outcome::Parked
                    || !trouble
                        .line
                        .as_deref()
                        .and_then(super::outbox::read)
                        .is_some_and(|change| {
                            change
                                .set
                                .iter()
                                .all(|(name, value)| set.get(name) == Some(value))
                        })
            });
        }
    }

    fn apply_exits(&mut self, reply: &Reply) {
        for feed in &reply.feeds {
            if self.asked(&feed.scope).is_none() {
                continue;
            }
            for exit in &feed.exits {
                let to = exit.to.clone().filter(|to| self.asked(to).is_some());
                let filed_here = self
                    .rows
                    .get(&exit.record)
                    .is_some_and(|filed| filed.scope == feed.scope);
                if filed_here {
                    let row = self.unfile(exit.record).map(|filed| filed.row);
                    if let (Some(to), Some(row)) = (to, row) {
                        self.limbo.insert(exit.record, Limbo { to, row });
                    } else {
                        self.settle_overlay(exit.record, None);
                    }
                } else if let Some(limbo) = self.limbo.get_mut(&exit.record)
                    && limbo.to == feed.scope
                {
                    match to {
                        Some(to) => limbo.to = to,
                        None => {
                            self.limbo.remove(&exit.record);
                        }
                    }
                } else if to.is_none() && !self.rows.contains_key(&exit.record) {
                    self.settle_overlay(exit.record, None);
                }
                if exit.reason == PURGED {
                    self.limbo.remove(&exit.record);
                    self.troubles
                        .retain(|_, trouble| trouble.record != exit.record);
                }
            }
        }
    }

    fn apply_cursors(&mut self, reply: &Reply) {
        let Some(flight) = self.flight.clone() else {
            return;
        };
        self.epoch = reply.epoch;
        self.newest_schema = reply.schema;
        self.newest_policy = reply.policy;
        let dropped: BTreeSet<&Scope> = reply.dropped.iter().map(|drop| &drop.scope).collect();
        let asked: Vec<Scope> = flight
            .asks
            .iter()
            .map(|(scope, _)| scope.clone())
            .filter(|scope| !dropped.contains(scope))
            .collect();
        for scope in &asked {
            let held = self.holdings.entry(scope.clone()).or_default();
            match reply.feeds.iter().find(|feed| feed.scope == *scope) {
                Some(feed) => {
                    held.cursor = feed.cursor;
                    held.more = feed.more;
                    held.view.clone_from(&feed.view);
                    held.told = Some((feed.count, feed.digest));
                }
                // Named nowhere: nothing stands above its cursor.
                None => held.more = false,
            }
            held.complete = !held.more && !held.again;
            held.renewed = flight.moment.wall;
            held.asked = flight.attempt;
        }
        let all_complete = asked
            .iter()
            .all(|scope| self.holdings.get(scope).is_some_and(|held| held.complete));
        if all_complete && self.prove(&asked) {
            self.sweep(&asked);
            self.release(&asked);
        }
    }

    /// Compares what is here, without what would be swept, with what the centre says is there.
    /// Says whether to let go of anything: not while a scope lacks something and will be asked for
    /// from 0, for what it lacks may be what another scope would lose. A scope that does not match
    /// even then holds nothing up.
    fn prove(&mut self, asked: &[Scope]) -> bool {
        let mut settled = true;
        for scope in asked {
            let stale = self.stale_in(scope);
            if let Some(held) = self.holdings.get_mut(scope) {
                if held.matches_without(stale) {
                    held.doubt = 0;
                } else {
                    held.doubt = held.doubt.saturating_add(1);
                    held.again = true;
                    held.complete = false;
                    settled &= !held.is_urgent();
                }
            }
        }
        settled
    }

    /// Lets go of bodies whose scope is complete without them. Like a sweep this waits until all
    /// that was asked for is complete, and proven: where the centre was put back while a record
    /// was on its way, the record may be on a page still to come of the scope it had left.
    fn release(&mut self, asked: &[Scope]) {
        self.limbo.retain(|_, limbo| {
            let to = self.holdings.get(&limbo.to);
            !asked.contains(&limbo.to) || to.is_none_or(|held| !held.is_current())
        });
    }

    fn apply_grants(&mut self, reply: &Reply) {
        if let Some(places) = &reply.places {
            self.places.clone_from(places);
            self.refused.clear();
        }
        if let Some(grants) = &reply.grants {
            self.grants.clone_from(grants);
        }
        for drop in &reply.dropped {
            self.empty(&drop.scope);
            self.refused.insert(drop.scope.clone());
        }
    }

    fn apply_ack(&mut self, reply: &Reply, moment: Moment) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        self.eras
            .measure(flight.era, reply.now.saturating_sub(flight.moment.wall));
        if reply.ack < self.settled {
            self.unsettle(reply.ack);
        }
        let blind = self.settled > 0 && self.mark_of(self.settled).is_none();
        if let Some(mark) = reply.ack_mark {
            self.adopt_mark(reply.ack, mark);
        }
        self.ack = reply.ack;
        if blind {
            self.settled = self.settled.max(reply.ack);
        }
        self.settled = self.settled.max(flight.last.min(reply.ack));
        self.durable = reply.durable.min(reply.ack);
        if flight.asks_for_lost {
            self.lost_checked = Some(reply.ack);
        }
        // Of a lost body that the centre has, no verdict can be collected.
        while self.settled < self.ack
            && self
                .entry_of(self.settled + 1)
                .is_none_or(|entry| entry.line.is_none())
        {
            self.settled += 1;
            if let Some(id) = self.numbered.get(&self.settled)
                && let Some(entry) = self.outbox.get_mut(id)
            {
                entry.shown = Shown::Hidden;
            }
        }
        if self.pull_is_complete(moment) {
            for entry in self.outbox.values_mut() {
                if entry.shown == Shown::Awaiting {
                    entry.shown = Shown::Hidden;
                }
            }
        }
        self.let_go();
        self.access = Access::Enrolled;
        self.fault = None;
        self.last_contact = Some(moment.wall);
        self.pace.resume();
        self.pace.small = false;
        let wait = i64::from(reply.next_in.clamp(1, super::answer::MAX_TOLD_WAIT_S)) * 1_000;
        self.pace.next_at = moment.mono.saturating_add(wait);
    }

    fn adopt_mark(&mut self, seq: Seq, mark: Mark) {
        if self.mark_of(seq).is_none() {
            self.set_mark(seq, mark);
        }
    }

    fn pull_is_complete(&self, moment: Moment) -> bool {
        self.wanted(moment.wall)
            .iter()
            .all(|scope| self.holdings.get(scope).is_some_and(|held| held.complete))
    }
}
