//! How one change finds its way: into its record, or aside. Every write passes here: a phone's, the
//! console's, an import's, one that was kept aside and is tried again.

use std::sync::Arc;

use sync_protocol::change::{Fields, Heading};
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::kind::{Kind, KindScope};
use sync_protocol::record::{Created, Write};
use sync_protocol::scope::Scope;
use sync_protocol::stamp::{Normalised, Stamp};
use sync_protocol::wire::{Outcome, invalid, parked};
use sync_protocol::{Millis, Rev, Seq};

use super::checked::misfit;
use super::day::{day_of, days_between};
use super::fold::{Fold, Spot};
use super::job::{PushLine, Settled};
use crate::store::Ground;
use crate::store::scopes::Node;

/// Who made a change, on what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Author {
    pub(super) device: DeviceNumber,
    pub(super) line: u32,
    pub(super) user: i64,
    /// This server process, writing for a person at the console: only `base` counts as seen.
    pub(super) process: bool,
    /// A revoked device pushes, but nothing of it enters a record unseen.
    pub(super) may_write: bool,
}

/// Where what a change sets stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// In a line of a push of this fold.
    Line(&'a Arc<PushLine>),
    /// By itself.
    Fields(&'a Fields),
}

/// One change on its way.
pub(super) struct Attempt<'a> {
    pub(super) change: &'a Heading,
    pub(super) source: Source<'a>,
    /// As it came.
    pub(super) bytes: &'a [u8],
    pub(super) author: Author,
    pub(super) seq: Seq,
    /// When it arrived first.
    pub(super) at: Millis,
    /// Whose rights it is judged by.
    pub(super) judge: i64,
    /// It was kept aside before, at this place of [`Fold::aside`].
    pub(super) again: Option<usize>,
    /// Its effective stamp, before what its record holds counts.
    pub(super) normalised: Normalised,
    /// By this a repeat of it is known.
    pub(super) content: u64,
}

impl<'a> Attempt<'a> {
    /// What it sets: read out of its line when it is asked for.
    pub(super) fn set(&self) -> &'a Fields {
        match self.source {
            Source::Line(line) => line.set(),
            Source::Fields(set) => set,
        }
    }

    /// The line of a push that it stands in.
    pub(super) fn line(&self) -> Option<&'a Arc<PushLine>> {
        match self.source {
            Source::Line(line) => Some(line),
            Source::Fields(_) => None,
        }
    }

    /// Where the record comes from, should the change make it.
    pub(super) fn created(&self) -> Created {
        Created {
            time: self.normalised.stamp.time(),
            user: UserId(self.author.user),
            clock: self.normalised.clock,
        }
    }

    /// What the change leaves behind in its record, as this revision.
    pub(super) fn write(&self, stamp: Stamp, rev: Rev, late: bool) -> Write {
        Write {
            stamp,
            raw: self.change.stamp,
            clock: self.normalised.clock,
            shift: self.normalised.shift,
            rev,
            base: self.change.base.unwrap_or(0),
            line: self.author.line,
            seq: self.seq,
            user: UserId(self.author.user),
            content: self.content,
            lost: Vec::new(),
            late,
        }
    }
}

/// Where a change may go.
enum Way {
    /// Into its record.
    Enter {
        /// Where the record is, or is to be.
        spot: Arc<Spot>,
        late: bool,
    },
    /// It was taken before, under another number of its line.
    Repeat(Settled),
    /// Aside, until it is resolved or what it waits for comes.
    Park {
        code: &'static str,
        waits_for: Option<RecordId>,
    },
    /// Aside, for good.
    Refuse { code: String, path: String },
}

impl Fold {
    /// Gives a change its verdict, and does what follows from it.
    pub(super) fn admit(&mut self, attempt: &Attempt<'_>) -> Settled {
        let settled = self.admit_alone(attempt);
        if matches!(settled.outcome, Outcome::Applied | Outcome::Merged) {
            self.unblock(attempt.change.record);
        }
        settled
    }

    /// Gives a change its verdict, and leaves what it sets free to the caller.
    pub(super) fn admit_alone(&mut self, attempt: &Attempt<'_>) -> Settled {
        self.unfold(attempt.change.record);
        if let Some(parent) = attempt.change.parent {
            self.unfold(parent);
        }
        match self.find_way(attempt) {
            Way::Enter { spot, late } => {
                let entered = self.enter_first(attempt, &spot, late);
                match entered.or_else(|| self.enter(attempt, &spot, late)) {
                    Some(settled) => {
                        self.supersede(attempt);
                        settled
                    }
                    None => self.set_aside(attempt, Outcome::Parked, parked::TOO_LARGE, "", None),
                }
            }
            Way::Repeat(settled) => settled,
            Way::Park { code, waits_for } => {
                self.set_aside(attempt, Outcome::Parked, code, "", waits_for)
            }
            Way::Refuse { code, path } => {
                self.set_aside(attempt, Outcome::Invalid, &code, &path, None)
            }
        }
    }

    /// Decides, changing nothing.
    fn find_way(&self, attempt: &Attempt<'_>) -> Way {
        let change = attempt.change;
        let refuse = |code: &str| Way::Refuse {
            code: code.to_owned(),
            path: String::new(),
        };
        let park = |code, waits_for| Way::Park { code, waits_for };
        if self.purged.contains(&change.record) {
            return refuse(invalid::PURGED);
        }
        if let Some(settled) = self.repeat(attempt) {
            return Way::Repeat(settled);
        }
        // Before anything else that a later event could set free: of a revoked phone nothing
        // enters a record unless somebody decides so.
        if !attempt.author.may_write {
            return park(parked::OUT_OF_SCOPE, None);
        }
        let kinds = &self.rules.kinds;
        let Some(kind) = kinds
            .get(&change.kind)
            .filter(|_| change.schema <= kinds.schema())
        else {
            return park(parked::UNKNOWN_KIND, None);
        };
        let standing = self.records.get(&change.record).filter(|slot| !slot.purge);
        if standing.is_some_and(|slot| slot.record.kind != change.kind) {
            return refuse(invalid::KIND);
        }
        if !change.whole && self.is_behind(attempt) {
            return park(parked::BEHIND, None);
        }
        if standing.is_none() && change.base.is_some() && !change.whole {
            return park(parked::WAITING, Some(change.record));
        }
        let creating = standing.is_none() || change.whole;
        let day = day_of(attempt.normalised, attempt.at, None).0;
        if let Some(misfit) = misfit(attempt, &self.rules, creating, day) {
            return Way::Refuse {
                code: misfit.code,
                path: misfit.path,
            };
        }
        let spot = match standing {
            Some(slot) => match self.scopes.get(&slot.scope) {
                Some(scope) => Arc::clone(&scope.spot),
                None => return park(parked::OUT_OF_SCOPE, None),
            },
            None => match self.place(attempt, kind) {
                Ok(placed) => placed,
                Err(way) => return way,
            },
        };
        let own = standing.is_none_or(|slot| slot.record.created.user.0 == attempt.author.user);
        let late = match self.ground(attempt, kind, &spot.node) {
            Ground::Current => false,
            // Late is what a phone brings that was away; a console is not away.
            Ground::Late if own && !attempt.author.process => true,
            Ground::Late | Ground::Nothing => return park(parked::OUT_OF_SCOPE, None),
        };
        Way::Enter { spot, late }
    }

    fn ground(&self, attempt: &Attempt<'_>, kind: &Kind, node: &Node) -> Ground {
        let roles: Vec<&str> = kind.writers().iter().map(String::as_str).collect();
        self.people
            .get(&attempt.judge)
            .map_or(Ground::Nothing, |person| {
                person.reach.ground(&roles, &node.path)
            })
    }

    /// Where a new record goes.
    fn place(&self, attempt: &Attempt<'_>, kind: &Kind) -> Result<Arc<Spot>, Way> {
        let change = attempt.change;
        let refuse = |code: &str, path: &str| {
            Err(Way::Refuse {
                code: code.to_owned(),
                path: path.to_owned(),
            })
        };
        match kind.scope() {
            KindScope::Parent { kind: parent_kind } => {
                let Some(parent) = change.parent else {
                    return refuse(invalid::PARENT, "parent");
                };
                match self.records.get(&parent).filter(|slot| !slot.purge) {
                    Some(slot) if slot.record.kind != *parent_kind => {
                        refuse(invalid::PARENT, "parent")
                    }
                    Some(slot) => match self.scopes.get(&slot.scope) {
                        Some(scope) => Ok(Arc::clone(&scope.spot)),
                        None => Err(Way::Park {
                            code: parked::OUT_OF_SCOPE,
                            waits_for: None,
                        }),
                    },
                    None if self.purged.contains(&parent) => refuse(invalid::PURGED, "parent"),
                    None => Err(Way::Park {
                        code: parked::WAITING,
                        waits_for: Some(parent),
                    }),
                }
            }
            KindScope::Place { level, .. } => {
                let Some(place) = &change.scope else {
                    return refuse(invalid::SCOPE, "scope");
                };
                if place.level() != level {
                    return refuse(invalid::SCOPE, "scope");
                }
                let node = self.nodes.get(place.code());
                if node.is_none_or(|node| node.level != *level) {
                    return Err(Way::Park {
                        code: parked::OUT_OF_SCOPE,
                        waits_for: None,
                    });
                }
                let Some(spot) = self.destination(change, &attempt.normalised, attempt.at) else {
                    return refuse(invalid::SCOPE, "scope");
                };
                let standing = self.scopes.get(&spot.name);
                if standing.is_some_and(|slot| slot.purged) {
                    return refuse(invalid::PURGED, "");
                }
                if self.is_past_retention(kind, &spot) {
                    return refuse(invalid::EXPIRED, "");
                }
                Ok(spot)
            }
        }
    }

    /// The scope that a change names for a new record, with the day if its kind is kept by day.
    pub(super) fn destination(
        &self,
        change: &Heading,
        normalised: &Normalised,
        at: Millis,
    ) -> Option<Arc<Spot>> {
        let kind = self.rules.kinds.get(&change.kind)?;
        let place = change.scope.as_ref()?;
        let node = self.nodes.get(place.code())?;
        let day = kind
            .is_by_day()
            .then(|| day_of(*normalised, at, node.timezone.as_deref()));
        let mut known = self.spots.get(place).into_iter().flatten();
        let known = known.find(|spot| spot.scope.day == day);
        Some(known.map_or_else(
            || {
                let place = place.clone();
                Arc::new(Spot::new(Scope { place, day }, node.clone()))
            },
            Arc::clone,
        ))
    }

    fn is_past_retention(&self, kind: &Kind, spot: &Spot) -> bool {
        let today = super::day::local_day(self.now, spot.node.timezone.as_deref()).0;
        spot.scope
            .day
            .is_some_and(|day| days_between(day.0, today) > i64::from(kind.retention().days))
    }

    /// The verdict that this content already got on its line.
    fn repeat(&self, attempt: &Attempt<'_>) -> Option<Settled> {
        let (change, author) = (attempt.change, attempt.author);
        if author.process || attempt.again.is_some() {
            return None;
        }
        let content = attempt.content;
        if let Some(write) = self
            .records
            .get(&change.record)
            .and_then(|slot| slot.record.repeat_of(author.line, content))
        {
            let mut settled = Settled::applied(attempt.seq, change.record);
            if !write.lost.is_empty() {
                settled.outcome = Outcome::Merged;
                settled.fields.clone_from(&write.lost);
            }
            return Some(settled);
        }
        self.repeat_aside(attempt.seq, author.line, Some(change.record), content)
    }

    /// Whether an earlier change of this line to the record is still aside.
    fn is_behind(&self, attempt: &Attempt<'_>) -> bool {
        if attempt.author.process || self.aside.is_empty() {
            return false;
        }
        let record = attempt.change.record.to_string();
        let before = attempt.again.unwrap_or(self.aside.len());
        self.aside.iter().take(before).any(|aside| {
            aside.is_open()
                && aside.row.line == i64::from(attempt.author.line)
                && aside.row.record.as_deref() == Some(record.as_str())
        })
    }
}
