//! `/v1/conflicts`: records in which values lost against others, and the choice between them.

use actix_web::{HttpResponse, web};
use serde_json::json;
use sync_protocol::id::RecordId;

use crate::app::App;
use crate::records::conflicts::{self, Choice};
use crate::records::read::Eye;
use crate::records::write;
use crate::store::finds;

use super::auth::Console;
use super::body::Json;
use super::paging::Page;
use super::problem::{self, Problem};
use super::records::{note, reread};

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<String>>,
) -> Result<HttpResponse, Problem> {
    let limit = page.limit();
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, (rows, next)) = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                let rules = engine.rules(c)?;
                let mut eye = Eye::new(&rules, &reach);
                let found = conflicts::page(c, &mut eye, &page.after, limit)?;
                Ok((reach.account(), found))
            })?;
            if !rows.is_empty() {
                note(engine, "conflicts", (user, None), now, &rows, None)?;
            }
            let mut body = json!({ "rows": rows });
            if let Some(next) = next {
                body["next"] = json!(next);
            }
            Ok(body)
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

pub async fn choose(
    console: Console,
    app: web::Data<App>,
    record: web::Path<RecordId>,
    Json(choice): Json<Choice>,
) -> Result<HttpResponse, Problem> {
    let id = *record;
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, kind, schema, set) = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                let rules = engine.rules(c)?;
                let mut eye = Eye::new(&rules, &reach);
                let found = finds::one(c, &reach, id)?.ok_or(Problem::new(problem::NOT_FOUND))?;
                let set = conflicts::choose(&mut eye, &found, &choice)?;
                Ok((reach.account(), found.row.kind, rules.kinds.schema(), set))
            })?;
            let made = write::edit(engine, user, (&kind, schema), id, choice.base, &set)?;
            let shown = reread(engine, &console, &kind, id)?;
            note(engine, "edit", (user, None), now, &shown, None)?;
            Ok(json!({ "result": made, "row": shown.first() }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}
