//! `/v1/parked`: changes that are kept aside, and what is decided about them.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::records::aside::{self, Verdict};
use crate::records::read::Eye;

use super::auth::Console;
use super::body::Json;
use super::paging::{Listed, Page};
use super::problem::Problem;

#[derive(Deserialize)]
pub struct Which {
    /// `open`, or what was decided.
    state: Option<String>,
}

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<i64>>,
    which: web::Query<Which>,
) -> Result<HttpResponse, Problem> {
    let limit = page.limit();
    let state = which.into_inner().state.unwrap_or("open".to_owned());
    let rows = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, rows) = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                let rules = engine.rules(c)?;
                let eye = Eye::new(&rules, &reach);
                let rows = aside::page(c, &eye, &state, page.after, limit)?;
                Ok((reach.account(), rows))
            })?;
            let looks = aside::looks(user, now, &rows);
            if !looks.is_empty() {
                engine.submit(crate::sync::job::Job::Look(looks))?;
            }
            Ok(rows)
        })
        .await?;
    Ok(HttpResponse::Ok().json(Listed::new(rows, limit, |row| row.id)))
}

pub async fn decide(
    console: Console,
    app: web::Data<App>,
    id: web::Path<i64>,
    Json(verdict): Json<Verdict>,
) -> Result<HttpResponse, Problem> {
    let done = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let user = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                Ok(reach.account())
            })?;
            Ok(aside::decide(engine, user, *id, &verdict)?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "results": done })))
}
