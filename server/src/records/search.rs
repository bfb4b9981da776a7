//! Searching: by place, by days, or exactly by what a kind declares searchable. The terms come in
//! the body of a request and are hashed at once; a page goes on after the time and id of its last.

use serde::{Deserialize, Serialize};
use sync_protocol::Millis;
use sync_protocol::kind::{Kind, query_term};
use sync_protocol::scope::{Day, Scope};

use super::read::{Eye, Shown};
use super::{Fault, malformed, readers_of};
use crate::store::finds::{self, Filter};
use crate::store::{Connection, areas};
use crate::sync::search_key::SearchKey;

const DAY_MS: Millis = 24 * 60 * 60 * 1000;
const DEFAULT_ROWS: i64 = 50;
const MOST_ROWS: i64 = 200;

/// What is looked for; what is not named does not limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// A place, or a place on one day.
    pub scope: Option<Scope>,
    /// A node of the area tree: it and everything below.
    pub area: Option<String>,
    pub from: Option<Day>,
    pub to: Option<Day>,
    pub phone: Option<String>,
    pub identity: Option<String>,
    pub plate: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    pub limit: Option<i64>,
    /// Why somebody looks; goes on record.
    pub purpose: Option<String>,
}

/// A page of what was found.
#[derive(Debug, Serialize)]
pub struct Page {
    pub rows: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What somebody asks for exactly: the purpose of the hash, and the text as it was typed.
pub fn term<'t>(
    phone: &'t Option<String>,
    identity: &'t Option<String>,
    plate: &'t Option<String>,
) -> Result<Option<(&'static str, &'t str)>, Fault> {
    let named = [("phone", phone), ("identity", identity), ("plate", plate)];
    let mut given = named
        .into_iter()
        .filter_map(|(purpose, text)| Some((purpose, text.as_deref()?)));
    match (given.next(), given.next()) {
        (_, Some(_)) => Err(malformed(
            "phone, identity, plate",
            "only one of them at a time",
        )),
        (term, None) => Ok(term),
    }
}

/// A page of the records of a kind that this reader sees.
pub fn page(
    c: &mut Connection,
    eye: &mut Eye<'_>,
    key: &SearchKey,
    kind: &str,
    query: &Query,
) -> Result<Page, Fault> {
    let kinds = eye.rules.kinds.clone();
    let kind = kinds.get(kind).ok_or(Fault::Unknown)?;
    let limit = query.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MOST_ROWS);
    let mut filter = Filter {
        kind: kind.name().to_owned(),
        ..Filter::default()
    };
    if let Some(scope) = &query.scope {
        filter.at = Some(scope.place.code().to_owned());
        filter.days = scope.day.map(|day| (day.to_string(), day.to_string()));
    }
    if let Some(code) = &query.area {
        // A node that does not exist holds nothing, as one out of reach.
        let Some(row) = areas::by_code(c, code)? else {
            return Ok(Page::empty());
        };
        filter.under = Some(row.path);
    }
    if query.from.is_some() || query.to.is_some() {
        limit_days(&mut filter, query, kind.is_by_day())?;
    }
    let mut roles = readers_of(kind);
    if let Some((purpose, text)) = term(&query.phone, &query.identity, &query.plate)? {
        if query
            .purpose
            .as_deref()
            .is_none_or(|why| why.trim().is_empty())
        {
            return Err(malformed("purpose", "1 to 200 bytes: why somebody looks"));
        }
        // An answer to a guessed number would undo the mask.
        roles.retain(|role| shows_whole(kind, role, purpose));
        let Some(term) = query_term(purpose, text) else {
            return Ok(Page::empty());
        };
        filter.hash = Some(key.hash(purpose, &term));
    }
    filter.after = query.after.as_deref().map(parse_cursor).transpose()?;
    let found = finds::page(c, eye.reach, &roles, &filter, limit)?;
    let full = i64::try_from(found.len()).is_ok_and(|count| count >= limit);
    let last = found.last().filter(|_| full);
    let next = last.map(|last| format!("{}_{}", last.row.time, last.row.id));
    let mut rows = Vec::with_capacity(found.len());
    for one in &found {
        rows.extend(eye.show(one)?);
    }
    Ok(Page { rows, next })
}

/// Whether a role sees as it is whatever a kind can be found by for this purpose.
fn shows_whole(kind: &Kind, role: &str, purpose: &str) -> bool {
    let view = kind.view(&[role]);
    let mut paths = kind.search_paths().iter();
    paths.all(|one| one.purpose != purpose || view.shows_whole(&one.path))
}

impl Page {
    const fn empty() -> Self {
        Self {
            rows: Vec::new(),
            next: None,
        }
    }
}

fn limit_days(filter: &mut Filter, query: &Query, by_day: bool) -> Result<(), Fault> {
    let first = query.from.map_or(chrono::NaiveDate::MIN, |day| day.0);
    let last = query.to.map_or(chrono::NaiveDate::MAX, |day| day.0);
    if by_day {
        if filter.days.is_none() {
            // As text, days are ordered as they are in time.
            let from = query.from.map_or(String::new(), |day| day.to_string());
            let to = query
                .to
                .map_or("9999-12-31".to_owned(), |day| day.to_string());
            filter.days = Some((from, to));
            return Ok(());
        }
        return Err(malformed("from", "not beside a scope that names its day"));
    }
    let midnight = |day: chrono::NaiveDate| {
        let local = day.and_time(chrono::NaiveTime::MIN);
        crate::sync::day::local_midnight(local)
    };
    let from = query.from.map_or(0, |_| midnight(first));
    let to = query
        .to
        .map_or(Millis::MAX, |_| midnight(last).saturating_add(DAY_MS));
    filter.times = Some((from, to));
    Ok(())
}

fn parse_cursor(text: &str) -> Result<(Millis, String), Fault> {
    let wrong = || malformed("after", "what `next` of the page before was");
    let (time, id) = text.split_once('_').ok_or_else(wrong)?;
    let id: sync_protocol::id::RecordId = id.parse().map_err(|_| wrong())?;
    Ok((time.parse().map_err(|_| wrong())?, id.to_string()))
}
