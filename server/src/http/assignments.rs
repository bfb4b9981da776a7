//! `/v1/assignments`: who holds which role where. Giving and taking holds from the next request on.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use sync_protocol::Millis;
use sync_protocol::id::UserId;

use crate::accounts::grants::{self as rules, Ending, NewAssignment};
use crate::accounts::roles::READERS;
use crate::accounts::{Actor, Refusal, Role};
use crate::app::App;
use crate::store::grants::{self, Filter, GrantRow};

use super::auth::Console;
use super::body::Json;
use super::paging::{Listed, Page};
use super::problem::Problem;

#[derive(Deserialize)]
pub struct Wanted {
    user: Option<UserId>,
    area: Option<String>,
    role: Option<String>,
    /// `false` shows what is over, too.
    open: Option<bool>,
}

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<i64>>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let limit = page.limit();
    let rows = app
        .read(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let filter = Filter {
                account: wanted.user,
                area: wanted.area.as_deref(),
                role: wanted.role.as_deref(),
                open_at: wanted.open.unwrap_or(true).then_some(now),
            };
            grants::page(c, &reach, READERS, filter, page.after, limit).map_err(Problem::from)
        })
        .await?;
    let listed = Listed::new(rows, limit, |row| row.id);
    Ok(HttpResponse::Ok().json(Listed {
        rows: listed.rows.iter().map(render).collect(),
        next: listed.next,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct New {
    user: UserId,
    area: String,
    /// `grid_leader` if not given: the everyday case is a grid.
    role: Option<String>,
    from: Option<Millis>,
    until: Option<Millis>,
    /// Whose grid it was until now.
    instead_of: Option<UserId>,
    /// Whether the one before loses the right to bring late work, too.
    #[serde(default)]
    revoke: bool,
}

pub async fn create(
    console: Console,
    app: web::Data<App>,
    Json(body): Json<New>,
) -> Result<HttpResponse, Problem> {
    let (ledger, now) = (app.ledger.clone(), app.clock.now());
    let grant = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let actor = Actor::Person(&reach);
            let role = body.role.as_deref().unwrap_or(Role::GridLeader.as_str());
            if let Some(before) = body.instead_of {
                let plain = role == Role::GridLeader.as_str()
                    && body.from.is_none()
                    && body.until.is_none();
                if !plain {
                    return Err(Refusal::Malformed {
                        field: "instead_of",
                        rule: "hands over a grid now and without an end",
                    }
                    .into());
                }
                let how = if body.revoke {
                    Ending::Revoked
                } else {
                    Ending::ByDate
                };
                let people = (before, body.user);
                return rules::reassign(c, &ledger, actor, &body.area, people, how, now)
                    .map_err(Problem::from);
            }
            let new = NewAssignment {
                account: body.user,
                role,
                area: &body.area,
                from: body.from,
                until: body.until,
            };
            rules::give(c, actor, &new, now).map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "assignment": grant })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    until: Millis,
}

/// Sets the date at which an assignment runs out; late work is admitted for some days after it.
pub async fn change(
    console: Console,
    app: web::Data<App>,
    number: web::Path<i64>,
    Json(body): Json<Change>,
) -> Result<HttpResponse, Problem> {
    let (ledger, now) = (app.ledger.clone(), app.clock.now());
    app.write(move |c| {
        let (_, reach) = console.enter(c, now)?;
        let actor = Actor::Person(&reach);
        rules::end(c, &ledger, actor, *number, body.until, now).map_err(Problem::from)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Revokes an assignment at once: nothing more is admitted under it.
pub async fn revoke(
    console: Console,
    app: web::Data<App>,
    number: web::Path<i64>,
) -> Result<HttpResponse, Problem> {
    let (ledger, now) = (app.ledger.clone(), app.clock.now());
    app.write(move |c| {
        let (_, reach) = console.enter(c, now)?;
        let actor = Actor::Person(&reach);
        rules::revoke(c, &ledger, actor, *number, now).map_err(Problem::from)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) fn render(row: &GrantRow) -> Value {
    json!({
        "assignment": row.id,
        "user": row.user(),
        "role": row.role,
        "area": row.area,
        "from": row.from_at,
        "until": row.until_at,
        "revoked_at": row.revoked_at,
        "made_by": row.made_by.map(UserId),
        "made_at": row.made_at,
    })
}
