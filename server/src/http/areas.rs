//! `/v1/areas`: the part of the area tree within the caller's reach.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::accounts::areas::{self as rules, AreaChange, NewArea};
use crate::accounts::{Actor, Refusal};
use crate::app::App;
use crate::store::areas::{self, AreaRow};

use super::auth::Console;
use super::body::Json;
use super::paging::{Listed, Page};
use super::problem::Problem;

#[derive(Deserialize)]
pub struct Wanted {
    under: Option<String>,
    level: Option<String>,
}

pub async fn list(
    console: Console,
    app: web::Data<App>,
    page: web::Query<Page<String>>,
    wanted: web::Query<Wanted>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let limit = page.limit();
    let rows = app
        .read(move |c| {
            let (_, reach) = console.enter(c, now)?;
            let under = match &wanted.under {
                None => None,
                Some(code) => {
                    let row = areas::by_code(c, code)?.filter(|row| reach.covers(&row.path));
                    Some(row.ok_or(Refusal::Unknown("area"))?.path)
                }
            };
            let level = wanted.level.as_deref();
            areas::page(c, &reach, under.as_deref(), level, &page.after, limit)
                .map_err(Problem::from)
        })
        .await?;
    let listed = Listed::new(rows, limit, |row| row.path.clone());
    let rows: Vec<Value> = listed.rows.iter().map(render).collect();
    Ok(HttpResponse::Ok().json(Listed {
        rows,
        next: listed.next,
    }))
}

pub async fn create(
    console: Console,
    app: web::Data<App>,
    Json(body): Json<NewArea>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let row = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            rules::create(c, Actor::Person(&reach), &body).map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(render(&row)))
}

pub async fn change(
    console: Console,
    app: web::Data<App>,
    code: web::Path<String>,
    Json(body): Json<AreaChange>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let row = app
        .write(move |c| {
            let (_, reach) = console.enter(c, now)?;
            rules::change(c, Actor::Person(&reach), &code, &body).map_err(Problem::from)
        })
        .await?;
    Ok(HttpResponse::Ok().json(render(&row)))
}

fn render(row: &AreaRow) -> Value {
    json!({
        "code": row.code,
        "parent": row.parent,
        "level": row.level,
        "name": row.name,
        "path": row.path,
        "timezone": row.timezone,
        "valid_from": row.valid_from,
        "valid_until": row.valid_until,
    })
}
