//! `/v1/users`: the accounts of those who hold, or held, a role within the caller's reach.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use sync_protocol::Millis;
use sync_protocol::id::UserId;

use crate::accounts::roles::{MANAGERS, READERS};
use crate::accounts::users::{self, NewUser};
use crate::accounts::{Actor, Refusal, passwords};
use crate::app::App;
use crate::store::accounts::{self, AccountRow};

use super::auth::{self, Console};
use super::body::Json;
use super::paging::{Listed, Page};
use super::problem::{self, Problem};

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<i64>>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let limit = page.limit();
    let rows = app
        .read(move |c| {
            let (_, reach) = console.enter(c, now)?;
            accounts::page(c, (&reach, now), READERS, page.after, limit).map_err(Problem::from)
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
    login: String,
    name: String,
    role: String,
    area: String,
    password: Option<String>,
    from: Option<Millis>,
    until: Option<Millis>,
}

pub async fn create(
    console: Console,
    app: web::Data<App>,
    Json(body): Json<New>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    // Before a password is hashed at the server's cost, the caller must be somebody.
    app.read(move |c| {
        let (_, reach) = console.enter(c, now)?;
        if reach.holds_anywhere(MANAGERS) {
            Ok(())
        } else {
            Err(Problem::from(Refusal::Forbidden))
        }
    })
    .await?;
    let hash = match &body.password {
        Some(password) => Some(hashed(&app, password, &[&body.login, &body.name]).await?),
        None => None,
    };
    let (user, grant) = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let new = NewUser {
                login: &body.login,
                name: &body.name,
                password_hash: hash.as_deref(),
                role: &body.role,
                area: &body.area,
                from: body.from,
                until: body.until,
            };
            users::create(c, Actor::Person(&reach), &new, now).map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "user": user, "assignment": grant })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    name: Option<String>,
    active: Option<bool>,
    password: Option<String>,
    /// Asked for when somebody changes their own password.
    current_password: Option<String>,
}

pub async fn change(
    console: Console,
    request: HttpRequest,
    app: web::Data<App>,
    user: web::Path<String>,
    Json(body): Json<Change>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let user: UserId = user
        .parse()
        .map_err(|_| Problem::new(problem::BAD_PATH).detail("A user is u and a number, as u17."))?;
    let hash = match &body.password {
        Some(password) => {
            let row = allowed(&app, console, user, now).await?;
            if console.session.user == user {
                let current = body.current_password.clone().unwrap_or_default();
                let address = auth::address(&request, &app);
                confirmed(&app, &row, current, address, now).await?;
            }
            Some(hashed(&app, password, &[&row.login, &row.name]).await?)
        }
        None => None,
    };
    let ledger = app.ledger.clone();
    let row = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let actor = Actor::Person(&reach);
            if let Some(name) = &body.name {
                users::set_name(c, actor, user, name, now)?;
            }
            if let Some(hash) = &hash {
                users::set_password(c, &ledger, actor, user, hash, now)?;
            }
            if let Some(active) = body.active {
                users::set_active(c, &ledger, actor, user, active, now)?;
            }
            let row = accounts::by_id(c, user)?;
            row.ok_or_else(|| Problem::from(Refusal::Unknown("account")))
        })
        .await?;
    Ok(HttpResponse::Ok().json(render(&row)))
}

/// The account, if the caller may set its password; looked at again when it is set.
async fn allowed(
    app: &App,
    console: Console,
    user: UserId,
    now: Millis,
) -> Result<AccountRow, Problem> {
    app.read(move |c| {
        let (own, reach) = console.enter(c, now)?;
        if own.user() == user {
            return Ok(own);
        }
        users::managed(c, Actor::Person(&reach), user, now).map_err(Problem::from)
    })
    .await
}

async fn confirmed(
    app: &web::Data<App>,
    row: &AccountRow,
    current: String,
    address: IpAddr,
    now: Millis,
) -> Result<(), Problem> {
    let (shared, row) = (app.clone(), row.clone());
    app.block(move || {
        shared
            .door
            .confirm(&shared.keys, &row, &current, address, now)
            .map_err(Problem::from)
    })
    .await
}

async fn hashed(app: &web::Data<App>, password: &str, context: &[&str]) -> Result<String, Problem> {
    passwords::check(password, context)?;
    let (shared, password) = (app.clone(), password.to_owned());
    app.block(move || shared.door.passwords.hash(&password).map_err(Problem::from))
        .await
}

fn render(row: &AccountRow) -> Value {
    json!({
        "user": row.user(),
        "login": row.login,
        "name": row.name,
        "active": row.active,
        "has_password": row.password.is_some(),
        "created_at": row.created_at,
    })
}
