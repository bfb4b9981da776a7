//! `/v1/kinds` and `/v1/policy`: the definitions that everything goes by, and their next versions.

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::definitions::{kinds, policies};
use crate::store::{Connection, Reach, areas};

use super::auth::Console;
use super::body::{self, LIMITS, json as reading};
use super::caller::Member;
use super::problem::{self, Problem};

/// The roles that change them.
pub const KIND_KEEPERS: &[&str] = &["admin"];
pub const POLICY_KEEPERS: &[&str] = &["admin", "command"];

pub async fn list(
    member: Member,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            engine.store().read::<_, Problem>(|c| {
                member.enter(c, now)?;
                let rules = engine.rules(c)?;
                let all: Vec<Value> = rules.kinds.newest().map(|kind| kind.to_json()).collect();
                Ok(json!({ "schema": rules.kinds.schema(), "kinds": all }))
            })
        })
        .await?;
    Ok(tagged(&request, "schema", &body))
}

pub async fn policy(
    member: Member,
    app: web::Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            engine.store().read::<_, Problem>(|c| {
                member.enter(c, now)?;
                let rules = engine.rules(c)?;
                Ok(json!({ "version": rules.policy_version, "policy": rules.policy.to_json() }))
            })
        })
        .await?;
    Ok(tagged(&request, "version", &body))
}

/// A reply that a client need not fetch again while its version stands.
fn tagged(request: &HttpRequest, version: &str, body: &Value) -> HttpResponse {
    let tag = format!("\"{}\"", body[version]);
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|shown| shown.split(',').any(|one| one.trim() == tag));
    let mut reply = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    reply.insert_header((ETAG, tag));
    reply.insert_header((CACHE_CONTROL, "private, no-cache"));
    if known {
        reply.finish()
    } else {
        reply.json(body)
    }
}

#[derive(Deserialize)]
pub struct How {
    /// `true`: say what would come of it, and do nothing.
    dry_run: Option<bool>,
}

pub async fn add(
    console: Console,
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
    how: web::Query<How>,
) -> Result<HttpResponse, Problem> {
    let text = document(&request, payload, &app).await?;
    let dry = how.dry_run.unwrap_or(false);
    let added = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            kinds::add(engine, &text, dry, |c| {
                enter(c, &console, KIND_KEEPERS, now).map(drop)
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(added))
}

pub async fn add_policy(
    console: Console,
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
    how: web::Query<How>,
) -> Result<HttpResponse, Problem> {
    let text = document(&request, payload, &app).await?;
    let dry = how.dry_run.unwrap_or(false);
    let added = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            policies::add(engine, &text, dry, |c| {
                let reach = enter(c, &console, POLICY_KEEPERS, now)?;
                Ok::<_, Problem>(Some(reach.account()))
            })
        })
        .await?;
    Ok(HttpResponse::Ok().json(added))
}

/// The whole installation goes by these, so they are for those who answer for all of it: the role
/// must be held at the top of the area tree, at all of them where there are several.
fn enter(
    c: &mut Connection,
    console: &Console,
    roles: &[&str],
    now: crate::clock::Millis,
) -> Result<Reach, Problem> {
    let (_, reach) = console.enter(c, now)?;
    let tops = areas::tops(c)?;
    if !tops.is_empty() && tops.iter().all(|path| reach.holds(roles, path)) {
        Ok(reach)
    } else {
        Err(Problem::new(problem::FORBIDDEN)
            .detail("This takes a role at the top of the area tree."))
    }
}

async fn document(
    request: &HttpRequest,
    payload: web::Payload,
    app: &App,
) -> Result<String, Problem> {
    let types = ["application/toml", "text/plain", body::JSON];
    let body = body::read(request, payload.into_inner(), &types, &LIMITS, &app.bodies).await?;
    Ok(reading::utf8(&body)?.to_owned())
}
