//! `/v1/enrolments`: one-time codes for phones, made by whoever may act for the account. The code
//! is in the reply and nowhere else.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use sync_protocol::id::UserId;

use crate::accounts::codes::Code;
use crate::accounts::{Actor, enrolment};
use crate::app::App;

use super::auth::Console;
use super::body::Json;
use super::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCode {
    user: UserId,
    minutes: Option<u32>,
}

pub async fn create(
    console: Console,
    app: web::Data<App>,
    Json(body): Json<NewCode>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let minutes = body.minutes.unwrap_or(app.config.accounts.code_minutes);
    let code = Arc::new(Code::random()?);
    let shared = Arc::clone(&code);
    let expires_at = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let actor = Actor::Person(&reach);
            enrolment::make_code(c, actor, body.user, &shared, minutes, now).map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({
        "code": code.reveal(),
        "user": body.user,
        "expires_at": expires_at,
    })))
}
