//! `/v1/tallies`: counts of an area and everything below it, kept as records change. Only kinds
//! that the caller sees there are counted out to them.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use sync_protocol::scope::Day;

use crate::app::App;
use crate::store::{areas, tallies};

use super::auth::Console;
use super::problem::{self, Problem};

#[derive(Deserialize)]
pub struct Which {
    area: String,
    /// For kinds by day: which.
    day: Option<Day>,
}

pub async fn show(
    console: Console,
    app: web::Data<App>,
    which: web::Query<Which>,
) -> Result<HttpResponse, Problem> {
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                let rules = engine.rules(c)?;
                let area = areas::by_code(c, &which.area)?;
                let area = area.filter(|row| reach.covers(&row.path));
                let area = area.ok_or(Problem::new(problem::NOT_FOUND))?;
                let day = which.day.map(|day| day.to_string());
                let roles = reach.roles_at(&area.path);
                let counts: Vec<Value> = tallies::of_area(c, &reach, &area.path, day.as_deref())?
                    .into_iter()
                    .filter(|(kind, ..)| {
                        let kind = rules.kinds.get(kind);
                        kind.is_some_and(|kind| kind.view(&roles).sees_kind())
                    })
                    .map(|(kind, name, value, live, closed)| {
                        json!({ "kind": kind, "tally": name, "value": value, "live": live, "closed": closed })
                    })
                    .collect();
                Ok(json!({ "area": area.code, "day": day, "counts": counts }))
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}
