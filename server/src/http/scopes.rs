//! `/v1/scopes`: the places at which the caller works now, in pages.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::App;
use crate::sync::places;

use super::caller::Member;
use super::paging::Page;
use super::problem::Problem;

pub async fn list(
    member: Member,
    app: web::Data<App>,
    page: web::Query<Page<String>>,
) -> Result<HttpResponse, Problem> {
    let limit = usize::try_from(page.limit()).unwrap_or(1);
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            engine.store().read::<_, Problem>(|c| {
                let entered = member.enter(c, now)?;
                let (moment, rules) = engine.moment(c)?;
                let held = places::held(c, &entered.reach, &rules, &page.after, limit)?;
                let next = held.last().filter(|_| held.len() >= limit);
                let next = next.map(|last| last.place.code().to_owned());
                let mut body = json!({
                    "grants": places::hash(&entered.reach, &rules, moment.tree),
                    "places": held,
                });
                if let Some(next) = next {
                    body["next"] = json!(next);
                }
                Ok(body)
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}
