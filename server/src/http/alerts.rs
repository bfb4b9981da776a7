//! `/v1/alerts`: what somebody must see. An alert names codes and numbers, never a person.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use sync_protocol::id::UserId;

use crate::app::App;
use crate::store::alerts::{self, Alert};
use crate::sync::resolve::RESOLVERS;

use super::auth::Console;
use super::body::Json;
use super::paging::{Listed, Page};
use super::problem::{self, Problem};

#[derive(Deserialize)]
pub struct Which {
    /// `open` or `closed`.
    state: Option<String>,
}

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<String>>,
    which: web::Query<Which>,
) -> Result<HttpResponse, Problem> {
    let (now, limit) = (app.clock.now(), page.limit());
    let state = which.into_inner().state.unwrap_or("open".to_owned());
    let rows = app
        .read::<_, Problem>(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let after = parse_cursor(&page.after)?;
            Ok(alerts::list(c, &reach, RESOLVERS, &state, after, limit)?)
        })
        .await?;
    let listed = Listed::new(rows, limit, |row| format!("{}_{}", row.at, row.id));
    Ok(HttpResponse::Ok().json(Listed {
        rows: listed.rows.iter().map(render).collect(),
        next: listed.next,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Close {
    id: String,
}

pub async fn close(
    console: Console,
    app: web::Data<App>,
    Json(body): Json<Close>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    app.write::<_, Problem>(move |c| {
        let (_, reach) = console.enter(c, now)?;
        let found = alerts::close(c, &reach, RESOLVERS, &body.id, now)?;
        found.then_some(()).ok_or(Problem::new(problem::NOT_FOUND))
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "state": "closed" })))
}

fn parse_cursor(text: &str) -> Result<Option<(i64, &str)>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let cursor = text
        .split_once('_')
        .and_then(|(at, id)| Some((at.parse().ok()?, id)));
    cursor.map(Some).ok_or(Problem::malformed(
        "after",
        "what `next` of the page before was",
    ))
}

fn render(row: &Alert) -> Value {
    let mut shown = json!({
        "id": row.id,
        "at": row.at,
        "code": row.code,
        "state": row.state,
    });
    let optional = [
        ("area", row.area.as_ref().map(|code| json!(code))),
        ("record", row.record.as_ref().map(|id| json!(id))),
        ("device", row.device.map(|number| json!(number))),
        (
            "detail",
            Some(json!(row.detail)).filter(|_| !row.detail.is_empty()),
        ),
        ("closed_by", row.closed_by.map(|user| json!(UserId(user)))),
        ("closed_at", row.closed_at.map(|at| json!(at))),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            shown[name] = value;
        }
    }
    shown
}
