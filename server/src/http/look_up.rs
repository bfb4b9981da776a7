//! `/v1/look-up`: was this person, telephone or plate seen lately? One masked match, or nothing.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::app::App;
use crate::records::look_up::{self, Query};
use crate::records::read::Eye;
use crate::store::audit::Look;
use crate::sync::job::Job;

use super::body::Json;
use super::caller::Member;
use super::problem::Problem;

pub async fn look(
    member: Member,
    app: web::Data<App>,
    Json(query): Json<Query>,
) -> Result<HttpResponse, Problem> {
    let app = app.into_inner();
    let shared = app.clone();
    let found = app
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, device, outcome) = engine.store().read::<_, Problem>(|c| {
                let entered = member.enter(c, now)?;
                let account = entered.user.0;
                if let Some(throttle) = &shared.throttles.look_up {
                    throttle
                        .check(&account)
                        .map_err(Problem::too_many_of_yours)?;
                }
                let rules = engine.rules(c)?;
                let eye = Eye::new(&rules, &entered.reach);
                let outcome = look_up::look(c, &eye, engine.search_key(), &query)?;
                Ok((account, entered.device, outcome))
            })?;
            engine.submit(Job::Look(vec![Look {
                at: now,
                account: user,
                device,
                action: "look_up".to_owned(),
                scope_id: outcome.scope_id,
                from_head: None,
                to_head: None,
                record: outcome.record,
                count: i64::from(outcome.found.is_some()),
                purpose: Some(query.purpose.trim().to_owned()),
            }]))?;
            Ok(outcome.found)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "match": found })))
}
