//! Alerts: what somebody must see. An abnormal entry, a parked one that is abnormal, two phones
//! with one number, a lost change. One row per (code, source), however often it is found again.

use diesel::prelude::*;
use std::collections::HashMap;

use super::dialect::{MAX_LIST, each};
use super::schema::{alert, area};
use super::{Connection, Error, Reach};

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = alert)]
pub struct Alert {
    /// `<code>:<source>`, so that finding it again changes nothing.
    pub id: String,
    pub at: i64,
    pub code: String,
    /// The node of the area tree at which it is shown.
    pub area: Option<String>,
    pub scope_id: Option<i64>,
    pub record: Option<String>,
    pub device: Option<i64>,
    /// Codes and numbers, never a person's data.
    pub detail: String,
    pub state: String,
    pub closed_by: Option<i64>,
    pub closed_at: Option<i64>,
}

impl Alert {
    /// An open alert about `source`.
    pub fn new(at: i64, code: &str, source: &str, area: Option<String>) -> Self {
        Self {
            id: format!("{code}:{source}"),
            at,
            code: code.to_owned(),
            area,
            scope_id: None,
            record: None,
            device: None,
            detail: String::new(),
            state: "open".to_owned(),
            closed_by: None,
            closed_at: None,
        }
    }

    /// Whether this one, which is on record, says less than a new finding of the same: somebody
    /// closed it before that was found, or it is shown elsewhere. What a device does again and
    /// again is no news.
    fn is_news(&self, new: &Self) -> bool {
        let elsewhere = new.area.is_some() && new.area != self.area;
        new.record.is_some() && (self.state != "open" || elsewhere)
    }
}

/// Raises alerts. One that is there already stays as it is, unless it is about a record and says
/// something new: then it is open again, at the place where the record is now known to stand.
pub fn raise(connection: &mut Connection, alerts: &[Alert]) -> Result<(), Error> {
    for alerts in alerts.chunks(MAX_LIST) {
        let ids: Vec<&str> = alerts.iter().map(|alert| alert.id.as_str()).collect();
        let known: Vec<Alert> = each!(connection, inner => alert::table
            .filter(alert::id.eq_any(ids))
            .select(Alert::as_select())
            .load(inner))?;
        let known: HashMap<String, Alert> = known
            .into_iter()
            .map(|alert| (alert.id.clone(), alert))
            .collect();
        for new in alerts {
            match known.get(&new.id) {
                None => {
                    diesel::insert_into(alert::table)
                        .values(new)
                        .execute(connection)?;
                }
                Some(known) if known.is_news(new) => open_again(connection, known, new)?,
                Some(_) => {}
            }
        }
    }
    Ok(())
}

fn open_again(connection: &mut Connection, known: &Alert, new: &Alert) -> Result<(), Error> {
    diesel::update(alert::table.find(&new.id))
        .set((
            alert::at.eq(new.at),
            alert::area.eq(new.area.as_ref().or(known.area.as_ref())),
            alert::scope_id.eq(new.scope_id.or(known.scope_id)),
            alert::device.eq(new.device),
            alert::detail.eq(&new.detail),
            alert::state.eq("open"),
            alert::closed_by.eq(None::<i64>),
            alert::closed_at.eq(None::<i64>),
        ))
        .execute(connection)?;
    Ok(())
}

/// Alerts within somebody's reach, newest first, after the one with this time and id.
pub fn list(
    connection: &mut Connection,
    reach: &Reach,
    roles: &[&str],
    state: &str,
    after: Option<(i64, &str)>,
    most: i64,
) -> Result<Vec<Alert>, Error> {
    let mut rows: Vec<Alert> = Vec::new();
    for path in reach.paths(roles) {
        let below = area::table
            .filter(area::path.ge(path))
            .filter(area::path.lt(super::scopes::above(path)))
            .select(area::code.nullable());
        let mut query = alert::table
            .filter(alert::area.eq_any(below))
            .filter(alert::state.eq(state))
            .into_boxed();
        if let Some((at, id)) = after {
            let same = alert::at.eq(at).and(alert::id.gt(id.to_owned()));
            query = query.filter(alert::at.lt(at).or(same));
        }
        rows.extend(
            query
                .order((alert::at.desc(), alert::id))
                .limit(most)
                .select(Alert::as_select())
                .load::<Alert>(connection)?,
        );
    }
    rows.sort_by(|a, b| (b.at, &a.id).cmp(&(a.at, &b.id)));
    rows.truncate(usize::try_from(most).unwrap_or(0));
    Ok(rows)
}

/// Closes an alert within somebody's reach. The first to close it stays on record; false if there
/// is no such alert.
pub fn close(
    connection: &mut Connection,
    reach: &Reach,
    roles: &[&str],
    id: &str,
    at: i64,
) -> Result<bool, Error> {
    let found: Option<Option<String>> = alert::table
        .find(id)
        .select(alert::area)
        .first(connection)
        .optional()?;
    let Some(Some(code)) = found else {
        return Ok(false);
    };
    let nodes = super::scopes::nodes(connection, &[code])?;
    if !nodes.iter().any(|node| reach.holds(roles, &node.path)) {
        return Ok(false);
    }
    diesel::update(alert::table.find(id).filter(alert::state.eq("open")))
        .set((
            alert::state.eq("closed"),
            alert::closed_by.eq(Some(reach.account().0)),
            alert::closed_at.eq(Some(at)),
        ))
        .execute(connection)?;
    Ok(true)
}

/// Forgets alerts about these records: they were purged.
pub fn forget(connection: &mut Connection, records: &[String]) -> Result<(), Error> {
    diesel::delete(alert::table.filter(alert::record.eq_any(records))).execute(connection)?;
    Ok(())
}
