//! `/v1/session`: a console signs in with login and password, asks who it is, goes on, signs out.
//! Phones never come here.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::accounts::sessions::{LIFE_SECONDS, Session};
use crate::accounts::users;
use crate::app::App;
use crate::store::accounts::AccountRow;
use crate::store::grants::{self, Filter};

use super::assignments;
use super::auth::{self, Console};
use super::body::Json;
use super::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    login: String,
    password: String,
}

pub async fn sign_in(
    request: HttpRequest,
    app: web::Data<App>,
    Json(body): Json<SignIn>,
) -> Result<HttpResponse, Problem> {
    let address = auth::address(&request, &app);
    let shared = app.clone();
    let now = app.clock.now();
    let (token, session, account) = app
        .block(move || {
            let secret = (body.login.as_str(), body.password.as_str());
            shared
                .door
                .sign_in(&shared.store, &shared.keys, secret, address, now)
                .map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(opened(&token, &session, &account)))
}

/// A new token in place of one that is about to end; the password is not asked for again until
/// twelve hours after it was given.
pub async fn renew(console: Console, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let account = app
        .read(move |c| console.enter(c, now).map(|(account, _)| account))
        .await?;
    let (token, session) = app.door.renew(&console.session, now)?;
    Ok(HttpResponse::Ok().json(opened(&token, &session, &account)))
}

/// Who I am and what I may do.
pub async fn show(console: Console, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let body = app
        .read(move |c| {
            let (account, reach) = console.enter(c, now)?;
            let filter = Filter {
                account: Some(account.user()),
                open_at: Some(now),
                ..Filter::default()
            };
            let held = grants::page(c, &reach, &[], filter, 0, 500)?;
            Ok::<_, Problem>(json!({
                "user": person(&account),
                "since": console.session.since,
                "expires_at": console.session.expires * 1000,
                "assignments": held.iter().map(assignments::render).collect::<Vec<_>>(),
            }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

/// Ends every session of the account, on all machines.
pub async fn sign_out(console: Console, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    app.write(move |c| {
        let (account, _) = console.enter(c, now)?;
        users::sign_out(c, account.user(), now).map_err(Problem::from)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn opened(token: &str, session: &Session, account: &AccountRow) -> Value {
    json!({
        "token": token,
        "token_type": "Bearer",
        "expires_in": LIFE_SECONDS,
        "expires_at": session.expires * 1000,
        "user": person(account),
    })
}

fn person(account: &AccountRow) -> Value {
    json!({ "user": account.user(), "login": account.login, "name": account.name })
}
