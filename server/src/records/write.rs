//! Records made, changed and moved on the server. What comes in is read by the same rules as a
//! phone's line, judged by the same rights, and merged by the same engine.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sync_protocol::Rev;
use sync_protocol::change::{Change, Fields, Line, parse};
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::scope::Place;
use sync_protocol::wire::Outcome;

use super::{Fault, malformed};
use crate::import::derived_id;
use crate::store::{self, Connection, Reach, finds, records};
use crate::sync::Engine;
use crate::sync::combiner::Failed;
use crate::sync::job::{Answer, Job, Moved, Movement, Settled, Written};

/// Records made in one request.
pub const MOST_AT_ONCE: usize = 500;

/// A record to be made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    /// Its id, if the caller's system has one for it.
    pub record: Option<RecordId>,
    /// The place, for kinds that have one.
    pub scope: Option<Place>,
    /// The record it stands with, for kinds that have none.
    pub parent: Option<RecordId>,
    pub set: Fields,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordId>,
    pub verdict: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The fields that lost against later ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// It was there already, made by the same person; nothing was written.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
}

impl From<Settled> for Made {
    fn from(settled: Settled) -> Self {
        Self {
            record: settled.record,
            verdict: settled.outcome,
            code: settled.code,
            path: settled.path,
            fields: settled.fields,
            repeated: false,
        }
    }
}

/// Gives records an id that had none: from the caller's key, so that a request sent twice speaks
/// of the same records, else by chance. Says which follow from the key.
pub fn name(
    engine: &Engine,
    user: UserId,
    kind: &str,
    key: Option<&str>,
    new: &mut [New],
) -> Result<Vec<RecordId>, Fault> {
    let mut chance = [0; 10];
    let mut derived = Vec::new();
    for (index, one) in new.iter_mut().enumerate() {
        if one.record.is_none() {
            one.record = Some(match key {
                Some(key) => {
                    let id = derived_id(kind, &format!("{user}/{key}"), &index.to_string());
                    derived.push(id);
                    id
                }
                None => {
                    getrandom::fill(&mut chance).map_err(|_| Fault::Failed(Failed::Broken))?;
                    let now = u64::try_from(engine.clock().now()).unwrap_or(0);
                    RecordId::at(now, &chance)
                }
            });
        }
    }
    Ok(derived)
}

/// Refuses where somebody else's record stands under an id that follows from the caller's key: whoever
/// knew the key could be there first, and what the caller sends would be written into their record.
/// Asked without a reach, as what is out of reach would be written into just as well.
pub fn check_derived(c: &mut Connection, user: UserId, derived: &[RecordId]) -> Result<(), Fault> {
    for row in records::by_ids(c, derived)? {
        if row.record()?.created.user != user {
            return Err(Fault::Taken);
        }
    }
    Ok(())
}

/// Which of these the caller made already: a request that is sent again must not undo what others
/// changed since.
pub fn known(
    c: &mut Connection,
    reach: &Reach,
    new: &[New],
) -> Result<Vec<RecordId>, store::Error> {
    let mut known = Vec::new();
    for id in new.iter().filter_map(|one| one.record) {
        if let Some(found) = finds::one(c, reach, id)?
            && found.row.record()?.created.user == reach.account()
        {
            known.push(id);
        }
    }
    Ok(known)
}

/// Makes records; each has its own result.
pub fn create(
    engine: &Engine,
    user: UserId,
    (kind, schema): (&str, u32),
    new: &[New],
    known: &[RecordId],
) -> Result<Vec<Made>, Fault> {
    if new.is_empty() || new.len() > MOST_AT_ONCE {
        return Err(malformed("records", "1 to 500 of them at once"));
    }
    let mut made: Vec<Option<Made>> = Vec::with_capacity(new.len());
    let mut written = Vec::new();
    for one in new {
        let Some(record) = one.record else {
            return Err(Fault::Failed(Failed::Broken));
        };
        if known.contains(&record) {
            let mut repeated = Made::from(Settled::applied(0, record));
            repeated.repeated = true;
            made.push(Some(repeated));
            continue;
        }
        let mut line = json!({ "kind": kind, "record": record, "schema": schema, "set": one.set });
        if let Some(place) = &one.scope {
            line["scope"] = json!(place);
        }
        if let Some(parent) = one.parent {
            line["parent"] = json!(parent);
        }
        match read(engine, line) {
            Ok(change) => {
                written.push(Written { change, user });
                made.push(None);
            }
            Err(fault) => made.push(Some(Made {
                record: Some(record),
                ..*fault
            })),
        }
    }
    let mut settled = submit(engine, written)?.into_iter();
    let results = made
        .into_iter()
        .map(|made| made.or_else(|| settled.next().map(Made::from)));
    results
        .collect::<Option<Vec<_>>>()
        .ok_or(Fault::Failed(Failed::Broken))
}

/// Changes fields of a record, on the ground of the revision that was looked at.
pub fn edit(
    engine: &Engine,
    user: UserId,
    (kind, schema): (&str, u32),
    record: RecordId,
    base: Rev,
    set: &Fields,
) -> Result<Made, Fault> {
    let line =
        json!({ "kind": kind, "record": record, "schema": schema, "base": base, "set": set });
    let change = match read(engine, line) {
        Ok(change) => change,
        Err(fault) => return Ok(*fault),
    };
    let settled = submit(engine, vec![Written { change, user }])?.pop();
    settled.map(Made::from).ok_or(Fault::Failed(Failed::Broken))
}

/// Moves a record, and what stands with it; says how many went.
pub fn relocate(engine: &Engine, movement: Movement) -> Result<u64, Fault> {
    match engine.submit(Job::Move(movement))? {
        Answer::Move(Moved::Done(count)) => Ok(count),
        Answer::Move(Moved::Unknown) => Err(Fault::Unknown),
        Answer::Move(Moved::OutOfScope) => Err(Fault::Forbidden),
        Answer::Move(Moved::Place) => Err(Fault::Place),
        Answer::Move(Moved::Child) => Err(Fault::Child),
        _ => Err(Fault::Failed(Failed::Broken)),
    }
}

/// Reads a change as a phone's line is read, with a stamp of the server's own.
fn read(engine: &Engine, mut line: Value) -> Result<Change, Box<Made>> {
    line["era"] = json!(0);
    line["stamp"] = json!(engine.stamp().to_string());
    let bytes = serde_json::to_vec(&line).unwrap_or_default();
    let invalid = |code: &str, path: String, record| {
        Box::new(Made {
            record,
            verdict: Outcome::Invalid,
            code: Some(code.to_owned()),
            path: Some(path).filter(|path| !path.is_empty()),
            fields: Vec::new(),
            repeated: false,
        })
    };
    match parse(&bytes) {
        Ok(Line::Change(change)) => Ok(*change),
        Ok(Line::Lost(_)) => Err(invalid("type", String::new(), None)),
        Err(fault) => Err(invalid(fault.code, fault.path, fault.record)),
    }
}

fn submit(engine: &Engine, written: Vec<Written>) -> Result<Vec<Settled>, Fault> {
    if written.is_empty() {
        return Ok(Vec::new());
    }
    match engine.submit(Job::Write(written))? {
        Answer::Write(settled) => Ok(settled),
        _ => Err(Fault::Failed(Failed::Broken)),
    }
}
