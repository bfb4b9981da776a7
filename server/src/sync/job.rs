//! What is asked of the one writer, and what it answers. A job comes decoded, read and judged: what only
//! concerns itself is done under the write lock only where the rules have changed since, or where somebody
//! else's change meets a record that it makes.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, OnceLock};

use sync_protocol::change::{self, Change, Fields, Glance, Heading, Line, Malformed};
use sync_protocol::id::{DeviceNumber, RecordId, UserId};
use sync_protocol::mark::{Mark, fingerprint};
use sync_protocol::scope::Place;
use sync_protocol::value::Members;
use sync_protocol::wire::{Outcome, Request, Verdict};
use sync_protocol::{Millis, Rev, Seq};

use super::checked::{Checked, Judge};
use super::fold::Spot;
use super::rules::Rules;
use crate::store::Reach;
use crate::store::audit::Look;

/// One thing to be done in a transaction.
#[derive(Debug, Clone)]
pub enum Job {
    /// A device's changes.
    Push(Push),
    /// Changes made on the server: by the console, an import, another system.
    Write(Vec<Written>),
    /// Somebody decides about a change that was kept aside.
    Resolve(Resolution),
    /// A record goes to another place, with what shares its scope.
    Move(Movement),
    /// Records are purged for good.
    Purge(Purge),
    /// Changes that came before their kind are tried again, some of them at once.
    Readmit {
        /// Those kept aside after the one with this id.
        after: i64,
    },
    /// Looks at personal data go on record.
    Look(Vec<Look>),
}

impl Job {
    /// Whether records may go from where they stand.
    pub(super) const fn displaces(&self) -> bool {
        matches!(self, Self::Move(_) | Self::Purge(_))
    }

    /// Whether this is what comes all day: changes, and looks on record.
    pub(super) const fn is_common(&self) -> bool {
        matches!(self, Self::Push(_) | Self::Write(_) | Self::Look(_))
    }
}

/// The answer to a [`Job`], of the same name.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To a push.
    Push(PushAnswer),
    /// To a write: one result per change, in order.
    Write(Vec<Settled>),
    /// To a resolution.
    Resolve(Resolved),
    /// To a movement.
    Move(Moved),
    /// How many records were purged.
    Purge(u64),
    /// How many changes were admitted, and after which to go on, if there may be more.
    Readmit(u64, Option<i64>),
    /// The looks are on record.
    Look,
}

/// A device's changes, as the writer needs them.
#[derive(Debug, Clone)]
pub struct Push {
    /// Who sends.
    pub device: DeviceNumber,
    /// The number of the first change.
    pub from: Seq,
    /// The mark before it.
    pub after: Option<Mark>,
    /// The changes; a fold keeps hold of those that make records.
    pub lines: Vec<Arc<PushLine>>,
    /// The era of the request.
    pub era: u64,
    /// Server minus phone, measured when the head of the request arrived.
    pub measured: i64,
    /// Server minus phone per era, as the phone tells.
    pub eras: BTreeMap<u64, i64>,
    /// The epoch that the phone has seen.
    pub shown: Rev,
    /// When the head of the request arrived.
    pub received: Millis,
    /// Lines whose handling failed before: kept aside unread.
    pub quarantined: Vec<usize>,
}

/// One change of a push.
#[derive(Debug, Clone)]
pub struct PushLine {
    /// As it came.
    pub bytes: Vec<u8>,
    /// What the device and the server know it by.
    pub mark: Mark,
    /// What it says.
    pub said: Result<Said, Malformed>,
    /// By this a repeat of it is known.
    pub content: u64,
    /// What it was found to be worth before it was its turn.
    pub checked: Option<Checked>,
    set: OnceLock<Fields>,
}

/// What a line says, beside what its change sets: that stays where it stands, for most changes make
/// records, which are kept as they came.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A change.
    Change(Heading),
    /// The phone has lost the body of this change.
    Lost,
}

/// Whether a change is one that makes its record, unless that is there. A second edit before the first
/// was answered has no base either, but names no place.
pub(super) fn makes(change: &Heading) -> bool {
    let is_placed = change.scope.is_some() || change.parent.is_some();
    change.base.is_none() && !change.whole && is_placed
}

impl PushLine {
    /// Reads a line, and judges what it says if that is a change.
    pub(super) fn read(
        seq: Seq,
        line: &[u8],
        judge: impl FnOnce(&Heading, &Members<'_>) -> Option<Checked>,
    ) -> Self {
        let (mut content, mut checked, mut set) = (None, None, None);
        let said = glance(line).map(|glance| match glance {
            Glance::Lost(_) => Said::Lost,
            Glance::Change(change, fields) => {
                content = Some(change.content(&fields));
                checked = judge(&change, &fields);
                // What does not make a record will be merged.
                set = (!makes(&change)).then(|| fields.into_tree());
                Said::Change(change)
            }
        });
        Self {
            bytes: line.to_vec(),
            mark: Mark::of(seq, line),
            said,
            content: content.unwrap_or_else(|| fingerprint(line)),
            checked,
            set: set.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    /// What its change sets.
    pub(super) fn set(&self) -> &Fields {
        self.set.get_or_init(|| match change::parse(&self.bytes) {
            Ok(Line::Change(change)) => change.set,
            // Nobody asks it of another line; should that be wrong, the line is set aside.
            Ok(Line::Lost(_)) | Err(_) => unreachable!("a line that is no change sets nothing"),
        })
    }

    /// Whether it was found to carry an abnormal entry.
    pub(super) fn is_abnormal(&self) -> bool {
        self.checked.as_ref().is_some_and(Checked::is_abnormal)
    }
}

impl Push {
    /// Reads the changes of a request, and judges them as far as that is possible without looking at
    /// any record.
    pub fn new(
        device: DeviceNumber,
        request: &Request<'_>,
        received: Millis,
        judge: Option<&Judge<'_>>,
    ) -> Self {
        let envelope = &request.envelope;
        let mut push = Self {
            device,
            from: envelope.from,
            after: envelope.after,
            lines: Vec::with_capacity(request.lines.len()),
            era: envelope.era,
            measured: received.saturating_sub(envelope.now),
            eras: envelope.eras.clone(),
            shown: envelope.epoch,
            received,
            quarantined: Vec::new(),
        };
        for (seq, line) in (envelope.from..).zip(&request.lines) {
            let judge = |change: &Heading, set: &Members<'_>| judge?.check(&push, change, set);
            let line = PushLine::read(seq, line, judge);
            push.lines.push(Arc::new(line));
        }
        push
    }

    /// A hash of the place that its first new record names: a phone rarely writes at two.
    pub(super) fn site(&self) -> Option<u64> {
        let mut said = self.lines.iter().filter_map(|line| match &line.said {
            Ok(Said::Change(change)) => change.scope.as_ref(),
            _ => None,
        });
        let place = said.next()?;
        Some(BuildHasherDefault::<DefaultHasher>::default().hash_one(place))
    }
}

/// Looks at a line. Should a line ever break the reader, that is the line's misfortune and nobody
/// else's (I5).
pub(super) fn glance(line: &[u8]) -> Result<Glance<'_>, Malformed> {
    std::panic::catch_unwind(|| change::glance(line)).unwrap_or_else(|_| {
        Err(Malformed {
            code: "internal",
            path: String::new(),
            record: None,
            kind: None,
        })
    })
}

/// What became of a push.
#[derive(Debug, Clone)]
pub enum PushAnswer {
    /// Every change has its verdict.
    Done(Pushed),
    /// Changes are missing.
    Gap {
        /// The number that is expected next.
        expected: Seq,
        /// The mark before it.
        after: Option<Mark>,
    },
    /// Another phone has used these numbers.
    Fork,
    /// The device may not even push.
    Blocked,
    /// There is no such device.
    Unknown,
}

/// A push that was taken.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The epoch it was taken in.
    pub epoch: Rev,
    /// Every change up to this one has its verdict.
    pub ack: Seq,
    /// The mark of change `ack`.
    pub ack_mark: Option<Mark>,
    /// Every change up to this one outlives the loss of the server.
    pub durable: Seq,
    /// How often records had gone from where they stood, before it was taken.
    pub moves: u64,
    /// What became of each change of the push, in order, those seen before included.
    pub settled: Vec<Settled>,
    /// What its phone may see; nothing for a revoked one, or where records were moved beside it.
    pub(super) footing: Option<Footing>,
}

/// What a phone may see, by the transaction that took its push: enough to answer one that asks for
/// nothing without another look into the database.
#[derive(Debug, Clone)]
pub(super) struct Footing {
    pub(super) reach: Arc<Reach>,
    pub(super) rules: Rules,
    /// The version of the area tree.
    pub(super) tree: u64,
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Its number.
    pub seq: Seq,
    /// The record, if it could be read.
    pub record: Option<RecordId>,
    /// The outcome.
    pub outcome: Outcome,
    /// Why, for parked and invalid.
    pub code: Option<String>,
    /// Where in the change.
    pub path: Option<String>,
    /// The fields that lost.
    pub fields: Vec<String>,
    /// The revision it made, if the record is exactly what was on screen plus this change.
    pub exact: Option<Rev>,
    /// Where the record stood when the change had entered it, or was found to have entered it before.
    pub(super) spot: Option<Arc<Spot>>,
}

impl Settled {
    /// A change that is in its record.
    pub const fn applied(seq: Seq, record: RecordId) -> Self {
        Self {
            seq,
            record: Some(record),
            outcome: Outcome::Applied,
            code: None,
            path: None,
            fields: Vec::new(),
            exact: None,
            spot: None,
        }
    }

    /// A change that is kept aside.
    pub fn aside(
        seq: Seq,
        record: Option<RecordId>,
        outcome: Outcome,
        code: &str,
        path: &str,
    ) -> Self {
        let path = (!path.is_empty()).then(|| path.to_owned());
        Self {
            seq,
            record,
            outcome,
            code: Some(code.to_owned()),
            path,
            fields: Vec::new(),
            exact: None,
            spot: None,
        }
    }

    /// As the reply names it.
    pub fn verdict(&self) -> Verdict {
        Verdict {
            seq: self.seq,
            last: None,
            verdict: self.outcome,
            code: self.code.clone(),
            path: self.path.clone(),
            fields: self.fields.clone(),
            scope: None,
        }
    }
}

/// A change made on the server.
#[derive(Debug, Clone)]
pub struct Written {
    /// The change; its stamp is the server's own.
    pub change: Change,
    /// In whose name.
    pub user: UserId,
}

/// A decision about a change that was kept aside.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// Which.
    pub parked: i64,
    /// Who decides.
    pub user: UserId,
    /// What.
    pub decision: Decision,
}

/// What somebody decides about a change that was kept aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It goes into its record, under the decider's rights, with its own stamp and base.
    Admit,
    /// It stays out, for this reason.
    Dismiss(String),
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// It is done; further changes of the same device to the record went along.
    Done(Vec<Settled>),
    /// There is no such change, or it is out of the decider's reach.
    Unknown,
    /// It was decided before.
    Settled,
    /// It cannot be admitted; the code says why.
    Refused(String),
}

/// A record goes to another place.
#[derive(Debug, Clone)]
pub struct Movement {
    /// Which; not one that shares another's scope.
    pub record: RecordId,
    /// Where to.
    pub to: Place,
    /// Who moves it.
    pub user: UserId,
}

/// What became of a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// So many records changed their scope.
    Done(u64),
    /// There is no such record, or it is out of reach.
    Unknown,
    /// The mover has no right to write at one of the two places.
    OutOfScope,
    /// The place does not exist or is none at which the kind lives.
    Place,
    /// The record shares another's scope: move that one.
    Child,
}

/// What to purge.
#[derive(Debug, Clone)]
pub struct Purge {
    /// These records, with what shares their scope.
    pub records: Vec<RecordId>,
    /// Whole scopes, for kinds by day.
    pub scopes: Vec<i64>,
    /// A record goes only if neither it nor what stands with it was written since then: between
    /// the finding and the purging somebody may have come back to it.
    pub quiet_since: Option<Millis>,
}
