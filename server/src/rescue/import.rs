//! Takes a rescue file in: each person's changes go through the engine as a push of theirs, so that
//! rights, merging, parking and verdicts are what they would have been over the network.
//!
//! They come under a device number made for this file, on the line of the phone's own: numbers and
//! marks of the phone stay as they are, and whatever it sends again later is known by its content.
//! The same file taken in again finds its number and goes on where it ended.

use sync_protocol::mark::Mark;
use sync_protocol::wire::{Envelope, MAX_CHANGES, Outcome, PROTOCOL, Request};
use sync_protocol::{Millis, Seq};

use super::file::{Person, Rescue, VERSION};
use super::sealing::{self, Opener};
use crate::accounts::{self, enrolment};
use crate::app::App;
use crate::store::devices::{self, DeviceRow};
use crate::store::{self, accounts as people};
use crate::sync::combiner::Failed;
use crate::sync::job::{Answer, Job, PushAnswer};
use crate::sync::numbering::Marks;
use crate::sync::opening;

/// Why nothing, or not all, was taken in.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Sealing(#[from] sealing::NotOpened),
    #[error("what is inside is no rescue of this version")]
    Content,
    #[error("device {0} is not known here, or belongs to somebody else")]
    Stranger(u32),
    #[error("there is no account with that login")]
    Nobody,
    #[error("the engine took the changes for another's: {0}")]
    Numbers(&'static str),
    #[error("the writer could not take them: {0}")]
    Writer(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Accounts(#[from] accounts::Error),
    #[error(transparent)]
    Engine(#[from] opening::NotOpened),
}

/// What became of one person's changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct TakenIn {
    /// The phone's device; `None` for somebody who never enrolled.
    pub device: Option<u32>,
    /// The number under which they came in; `None` if nobody could be found to be their author.
    pub under: Option<u32>,
    pub changes: u64,
    /// Taken in before, from this same file.
    pub before: u64,
    pub applied: u64,
    pub merged: u64,
    pub parked: u64,
    pub invalid: u64,
}

/// Opens and takes in a file. `login`: whose the changes are of somebody who never enrolled.
pub fn import(app: &App, bytes: &[u8], login: Option<&str>) -> Result<Vec<TakenIn>, Fault> {
    let text = Opener::of(&app.keys)?.open(bytes)?;
    let rescue: Rescue = serde_json::from_str(&text).map_err(|_| Fault::Content)?;
    if rescue.rescue != VERSION {
        return Err(Fault::Content);
    }
    let stranger = login
        .map(|login| {
            app.store
                .read(|c| people::by_login(c, login))?
                .ok_or(Fault::Nobody)
        })
        .transpose()?;
    let mut all = Vec::new();
    for (at, person) in rescue.persons.iter().enumerate() {
        let hash = app.keys.rescue_token(bytes, at);
        let author = match person.device {
            Some(number) => Some(beside(app, person, number, &hash)?),
            None => stranger
                .as_ref()
                .map(|account| alone(app, person, account.id, &hash))
                .transpose()?,
        };
        all.push(match author {
            Some(row) => hand_in(app, person, &row)?,
            None => TakenIn {
                changes: person.changes.len() as u64,
                ..TakenIn::default()
            },
        });
    }
    Ok(all)
}

/// The number for this file beside the phone's own.
fn beside(app: &App, person: &Person, number: u32, hash: &[u8; 32]) -> Result<DeviceRow, Fault> {
    let now = app.clock.now();
    app.store.write(|c| {
        let old = devices::by_number(c, sync_protocol::id::DeviceNumber(number))?
            .filter(|old| person.user.is_none_or(|user| user == old.user()))
            .ok_or(Fault::Stranger(number))?;
        // What the phone knew counts only if it is known here alike.
        let kept = Marks::from_bytes(&old.marks).and_then(|marks| marks.mark(person.ack));
        let knew = if kept.is_some() && kept == person.ack_mark {
            person.ack
        } else {
            0
        };
        let made = enrolment::hand_in_beside(c, &app.ledger, &old, hash, knew, now)?;
        devices::by_number(c, made.device)?.ok_or(Fault::Stranger(number))
    })
}

/// A number for somebody who never enrolled.
fn alone(app: &App, person: &Person, account: i64, hash: &[u8; 32]) -> Result<DeviceRow, Fault> {
    let now = app.clock.now();
    let user = sync_protocol::id::UserId(account);
    let name = fitting(&person.name);
    app.store.write(|c| {
        let made = enrolment::hand_in_alone(c, &app.ledger, user, hash, &name, now)?;
        devices::by_number(c, made.device)?.ok_or(Fault::Nobody)
    })
}

/// A name from a file, as the name of a phone may be.
fn fitting(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
    match plain.trim() {
        "" => "rescue file".to_owned(),
        name => name.to_owned(),
    }
}

fn hand_in(app: &App, person: &Person, row: &DeviceRow) -> Result<TakenIn, Fault> {
    let engine = app.engine()?;
    let mut taken = TakenIn {
        device: person.device,
        under: Some(row.device().0),
        changes: person.changes.len() as u64,
        before: store::to_rev(row.ack).min(person.changes.len() as u64),
        ..TakenIn::default()
    };
    let mut from: Seq = taken.before + 1;
    let done = usize::try_from(taken.before).unwrap_or(usize::MAX);
    for chunk in person
        .changes
        .get(done..)
        .unwrap_or_default()
        .chunks(MAX_CHANGES)
    {
        let before = from.checked_sub(2).and_then(|at| usize::try_from(at).ok());
        let after = before
            .and_then(|at| person.changes.get(at))
            .map(|kept| Mark::of(from - 1, kept.line.as_bytes()));
        let now = app.clock.now();
        let request = Request {
            envelope: envelope(person, from, after, now),
            lines: chunk.iter().map(|kept| kept.line.as_bytes()).collect(),
        };
        let push = engine.read_push(row.device(), &request, now);
        let pushed = match engine.submit(Job::Push(push)).map_err(failed)? {
            Answer::Push(PushAnswer::Done(pushed)) => pushed,
            Answer::Push(PushAnswer::Gap { .. }) => return Err(Fault::Numbers("a gap")),
            Answer::Push(PushAnswer::Fork) => return Err(Fault::Numbers("a fork")),
            _ => return Err(Fault::Numbers("it is blocked")),
        };
        for settled in &pushed.settled {
            *match settled.outcome {
                Outcome::Applied => &mut taken.applied,
                Outcome::Merged => &mut taken.merged,
                Outcome::Parked => &mut taken.parked,
                Outcome::Invalid => &mut taken.invalid,
            } += 1;
        }
        from += chunk.len() as Seq;
    }
    Ok(taken)
}

/// The era of the file's own way here is none that a change belongs to: how long a file lay in a
/// pocket says nothing of the phone's clock.
fn envelope(person: &Person, from: Seq, after: Option<Mark>, now: Millis) -> Envelope {
    Envelope {
        protocol: PROTOCOL,
        epoch: 0,
        now,
        era: 0,
        eras: person.offsets(),
        schema: 0,
        policy: 0,
        grants: String::new(),
        from,
        after,
        pull: Vec::new(),
        limit: 0,
    }
}

fn failed(failed: Failed) -> Fault {
    match failed {
        Failed::Store(error) => error.into(),
        other => Fault::Writer(format!("{other:?}")),
    }
}
