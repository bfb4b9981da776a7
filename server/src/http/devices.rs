//! `/v1/devices`: the phones of those who hold, or held, a role within the caller's reach. Taking
//! one out of use holds from the next request on.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use sync_protocol::id::DeviceNumber;

use crate::accounts::roles::READERS;
use crate::accounts::{Actor, Refusal, devices as rules};
use crate::app::App;
use crate::store::devices::{self, DeviceRow, DeviceState};

use super::auth::Console;
use super::body::Json;
use super::paging::{Listed, Page};
use super::problem::Problem;

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
            devices::page(c, (&reach, now), READERS, page.after, limit).map_err(Problem::from)
        })
        .await?;
    let listed = Listed::new(rows, limit, |row| row.number);
    Ok(HttpResponse::Ok().json(Listed {
        rows: listed.rows.iter().map(render).collect(),
        next: listed.next,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    state: String,
}

pub async fn change(
    console: Console,
    app: web::Data<App>,
    number: web::Path<u32>,
    Json(body): Json<Change>,
) -> Result<HttpResponse, Problem> {
    let state = DeviceState::parse(&body.state).ok_or(Refusal::Malformed {
        field: "state",
        rule: "active, push_only or blocked",
    })?;
    let number = DeviceNumber(*number);
    let (ledger, now) = (app.ledger.clone(), app.clock.now());
    let row = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let actor = Actor::Person(&reach);
            rules::set_state(c, &ledger, actor, number, state, now).map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(render(&row)))
}

fn render(row: &DeviceRow) -> Value {
    json!({
        "device": row.number,
        "line": row.line,
        "user": row.user(),
        "state": row.state,
        "name": row.name,
        "enrolled_at": row.enrolled_at,
        "seen_at": row.seen_at,
        "ack": row.ack,
        "durable": row.durable,
    })
}
