//! Changes that are kept aside, as those see them who decide about them: through their view of the
//! kind at the place where the change is shown. The line as it came is for those alone who may see
//! all that could be in it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sync_protocol::Millis;
use sync_protocol::change::{Fields, Line, parse};
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::kind::Visibility;

use super::read::Eye;
use super::{Fault, malformed};
use crate::store::audit::{Look, PARKED};
use crate::store::parked::{self, ParkedRow};
use crate::store::scopes::{self, Node};
use crate::store::{Connection, Error, records};
use crate::sync::Engine;
use crate::sync::combiner::Failed;
use crate::sync::job::{Answer, Decision, Job, Resolution, Resolved};
use crate::sync::resolve::RESOLVERS;

use super::write::Made;

/// Where a kind is unknown, nothing can be masked: these may see what came all the same.
const SEE_UNKNOWN: &[&str] = &["officer"];
const LONGEST_REASON: usize = 500;

/// A change kept aside, as it is shown.
#[derive(Debug, Serialize)]
pub struct Aside {
    pub id: i64,
    pub verdict: String,
    pub code: String,
    /// Where in the change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    pub area: Option<String>,
    pub device: i64,
    pub seq: i64,
    pub by: UserId,
    pub at: Millis,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The fields, projected.
    pub set: Fields,
    /// The line as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Where its record stands, if it does.
    #[serde(skip)]
    scope_id: Option<i64>,
}

/// A page of what is kept aside within reach.
pub fn page(
    c: &mut Connection,
    eye: &Eye<'_>,
    state: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<Aside>, Error> {
    let rows = parked::list(c, eye.reach, RESOLVERS, state, after, limit)?;
    let mut codes: Vec<String> = rows.iter().filter_map(|row| row.area.clone()).collect();
    codes.sort();
    codes.dedup();
    let nodes: HashMap<String, Node> = scopes::nodes(c, &codes)?
        .into_iter()
        .map(|node| (node.code.clone(), node))
        .collect();
    let mut shown: Vec<Aside> = rows.into_iter().map(|row| show(eye, &nodes, row)).collect();
    let named: Vec<RecordId> = shown
        .iter()
        .filter_map(|one| one.record.as_ref()?.parse().ok())
        .collect();
    let standing: HashMap<String, i64> = records::standing(c, &named)?
        .into_iter()
        .map(|row| (row.id, row.scope_id))
        .collect();
    for one in &mut shown {
        one.scope_id = one.record.as_ref().and_then(|id| standing.get(id)).copied();
    }
    Ok(shown)
}

fn show(eye: &Eye<'_>, nodes: &HashMap<String, Node>, row: ParkedRow) -> Aside {
    let path = row.area.as_ref().and_then(|code| nodes.get(code));
    let path = path.map(|node| node.path.clone()).unwrap_or_default();
    let roles = eye.reach.roles_at(&path);
    let own = row.account == eye.reach.account().0;
    let kind = row
        .kind
        .as_deref()
        .and_then(|name| eye.rules.kinds.get(name));
    let view = kind.map(|kind| kind.view(&roles));
    let set = match (&view, parse(&row.body)) {
        (Some(view), Ok(Line::Change(change))) => view.project(change.set, own),
        _ => Fields::new(),
    };
    let sees_all = match (kind, &view) {
        (Some(kind), Some(view)) => {
            view.sees_kind()
                && kind
                    .fields()
                    .iter()
                    .all(|field| view.shows(&field.name) == Visibility::Full)
                && view.shows("") == Visibility::Full
        }
        _ => eye.reach.holds(SEE_UNKNOWN, &path),
    };
    let line =
        (sees_all && !row.body.is_empty()).then(|| String::from_utf8_lossy(&row.body).into_owned());
    Aside {
        id: row.id,
        verdict: row.verdict,
        code: row.code,
        path: row.detail,
        kind: row.kind,
        record: row.record,
        area: row.area,
        device: row.device,
        seq: row.seq,
        by: UserId(row.account),
        at: row.at,
        state: row.state,
        reason: row.reason,
        set,
        line,
        scope_id: None,
    }
}

/// Looks at what is shown, one for each, by its number, and by the record that it speaks of.
pub fn looks(user: UserId, at: Millis, rows: &[Aside]) -> Vec<Look> {
    rows.iter()
        .filter(|row| !row.set.is_empty() || row.line.is_some())
        .map(|row| Look {
            at,
            account: user.0,
            device: None,
            action: PARKED.to_owned(),
            scope_id: row.scope_id,
            from_head: Some(row.id),
            to_head: Some(row.id),
            record: row.record.clone(),
            count: 1,
            purpose: None,
        })
        .collect()
}

/// What somebody decides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// `admit` or `dismiss`.
    pub decision: String,
    pub reason: Option<String>,
}

/// Carries a decision out; says what became of the change and of those that stood behind it.
pub fn decide(
    engine: &Engine,
    user: UserId,
    id: i64,
    verdict: &Verdict,
) -> Result<Vec<Made>, Fault> {
    let reason = verdict.reason.as_deref().map(str::trim).unwrap_or_default();
    let decision = match verdict.decision.as_str() {
        "admit" => Decision::Admit,
        "dismiss" if (1..=LONGEST_REASON).contains(&reason.len()) => {
            Decision::Dismiss(reason.to_owned())
        }
        "dismiss" => {
            return Err(malformed(
                "reason",
                "1 to 500 bytes, for those who ask later",
            ));
        }
        _ => return Err(malformed("decision", "admit or dismiss")),
    };
    let resolution = Resolution {
        parked: id,
        user,
        decision,
    };
    match engine.submit(Job::Resolve(resolution))? {
        Answer::Resolve(Resolved::Done(settled)) => {
            Ok(settled.into_iter().map(Made::from).collect())
        }
        Answer::Resolve(Resolved::Unknown) => Err(Fault::Unknown),
        Answer::Resolve(Resolved::Settled) => Err(Fault::Decided),
        Answer::Resolve(Resolved::Refused(code)) => Err(Fault::NotAdmitted(code)),
        _ => Err(Fault::Failed(Failed::Broken)),
    }
}
