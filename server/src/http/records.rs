//! `/v1/records/…`: records for consoles and other systems. What is looked for comes in bodies,
//! never in addresses; every record that is shown goes on record first.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sync_protocol::change::Fields;
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::scope::Place;
use sync_protocol::{Millis, Rev};

use crate::app::App;
use crate::records::read::{Eye, Shown, looks};
use crate::records::search::{self, Query};
use crate::records::write::{self, MOST_AT_ONCE, New};
use crate::store::audit::Look;
use crate::store::idempotency::{self, KeptReply};
use crate::store::{self, Reach};
use crate::sync::Engine;
use crate::sync::job::{Job, Movement};

use super::auth::Console;
use super::body::{self, Json, LIMITS, json as reading};
use super::problem::{self, Problem};

/// The header under which a system names a request that it may have to send again.
const KEY: &str = "idempotency-key";
const LONGEST_KEY: usize = 128;
/// The header in which somebody says why they read a record.
const PURPOSE: &str = "purpose";
const LONGEST_PURPOSE: usize = 200;

pub async fn find(
    console: Console,
    app: web::Data<App>,
    kind: web::Path<String>,
    Json(query): Json<Query>,
) -> Result<HttpResponse, Problem> {
    let purpose = query.purpose.clone();
    check_purpose(purpose.as_deref())?;
    let names_somebody = search::term(&query.phone, &query.identity, &query.plate)?.is_some();
    let app = app.into_inner();
    let shared = app.clone();
    let page = app
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, page) = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                // To search for a number is to look somebody up.
                if let Some(throttle) = shared.throttles.look_up.as_ref().filter(|_| names_somebody)
                {
                    throttle
                        .check(&reach.account().0)
                        .map_err(Problem::too_many_of_yours)?;
                }
                let rules = engine.rules(c)?;
                let mut eye = Eye::new(&rules, &reach);
                let page = search::page(c, &mut eye, engine.search_key(), &kind, &query)?;
                Ok((reach.account(), page))
            })?;
            let seen = (user, None);
            note(engine, "search", seen, now, &page.rows, purpose.as_deref())?;
            Ok(page)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

pub async fn show(
    console: Console,
    app: web::Data<App>,
    request: HttpRequest,
    path: web::Path<(String, RecordId)>,
) -> Result<HttpResponse, Problem> {
    let purpose = header(&request, PURPOSE)?;
    check_purpose(purpose.as_deref())?;
    let (kind, id) = path.into_inner();
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, shown, history) = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                let rules = engine.rules(c)?;
                let mut eye = Eye::new(&rules, &reach);
                let found = eye.one(c, &kind, id)?;
                let shown = eye.show(&found)?.ok_or(Problem::new(problem::NOT_FOUND))?;
                Ok((reach.account(), shown, eye.history(c, &found)?))
            })?;
            let shown = [shown];
            note(
                engine,
                "read",
                (user, None),
                now,
                &shown,
                purpose.as_deref(),
            )?;
            let [shown] = shown;
            Ok(json!({ "row": shown, "history": history }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

pub async fn create(
    console: Console,
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
    kind: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let types = [body::JSON];
    let body = body::read(&request, payload.into_inner(), &types, &LIMITS, &app.bodies).await?;
    let key = header(&request, KEY)?;
    if key
        .as_ref()
        .is_some_and(|key| !(1..=LONGEST_KEY).contains(&key.len()))
    {
        return Err(Problem::malformed(KEY, "1 to 128 bytes"));
    }
    let mut new: Vec<New> = reading::parse(&body, LIMITS.depth)?;
    let print: [u8; 32] = Sha256::digest(&body[..]).into();
    let reply = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let name = key.as_ref().map(|key| format!("{kind}/{key}"));
            let (user, kept, schema, known) = engine.store().read::<_, Problem>(|c| {
                let (_, reach) = console.enter(c, now)?;
                let user = reach.account();
                let kinds = engine.rules(c)?.kinds;
                if kinds.get(&kind).is_none() {
                    return Err(Problem::new(problem::NOT_FOUND));
                }
                let schema = kinds.schema();
                let kept = match &name {
                    Some(name) => idempotency::load(c, user, name)?,
                    None => None,
                };
                if kept.is_none() {
                    if new.len() > MOST_AT_ONCE {
                        return Err(Problem::malformed("records", "1 to 500 of them at once"));
                    }
                    let derived = write::name(engine, user, &kind, key.as_deref(), &mut new)?;
                    write::check_derived(c, user, &derived)?;
                }
                let known = write::known(c, &reach, &new)?;
                Ok((user, kept, schema, known))
            })?;
            if let Some(kept) = kept {
                return repeat(&kept, &print);
            }
            let made = write::create(engine, user, (&kind, schema), &new, &known)?;
            let text = json!({ "results": made }).to_string();
            if let Some(name) = name {
                keep(engine, user, &name, &print, &text, now)?;
            }
            Ok(text)
        })
        .await?;
    Ok(HttpResponse::Ok().content_type(body::JSON).body(reply))
}

/// The reply that was given to the same request before.
fn repeat(kept: &KeptReply, print: &[u8; 32]) -> Result<String, Problem> {
    match kept.body.split_first_chunk::<32>() {
        Some((before, reply)) if before == print => Ok(String::from_utf8_lossy(reply).into_owned()),
        _ => Err(Problem::new(problem::KEY_REUSED)
            .detail("Under this key another body came before; use a key for one request alone.")),
    }
}

fn keep(
    engine: &Engine,
    user: UserId,
    name: &str,
    print: &[u8; 32],
    text: &str,
    now: Millis,
) -> Result<(), store::Error> {
    let reply = KeptReply {
        status: 200,
        body: [print.as_slice(), text.as_bytes()].concat(),
    };
    engine.store().write(|c| {
        // Two of the same may come at once; the ids in them are the same as well.
        if idempotency::load(c, user, name)?.is_none() {
            idempotency::save(c, user, name, &reply, now)?;
        }
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The revision that was looked at.
    base: Rev,
    set: Fields,
}

pub async fn edit(
    console: Console,
    app: web::Data<App>,
    path: web::Path<(String, RecordId)>,
    Json(body): Json<Edit>,
) -> Result<HttpResponse, Problem> {
    let (kind, id) = path.into_inner();
    let body = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let now = engine.clock().now();
            let (user, schema) = seen(engine, &console, &kind, id, now)?;
            let made = write::edit(engine, user, (&kind, schema), id, body.base, &body.set)?;
            let shown = reread(engine, &console, &kind, id)?;
            note(engine, "edit", (user, None), now, &shown, None)?;
            Ok(json!({ "result": made, "row": shown.first() }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    to: Place,
}

pub async fn relocate(
    console: Console,
    app: web::Data<App>,
    path: web::Path<(String, RecordId)>,
    Json(body): Json<Move>,
) -> Result<HttpResponse, Problem> {
    let (kind, record) = path.into_inner();
    let moved = app
        .into_inner()
        .engage::<_, Problem>(move |engine| {
            let (user, _) = seen(engine, &console, &kind, record, engine.clock().now())?;
            let to = body.to;
            Ok(write::relocate(engine, Movement { record, to, user })?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "moved": moved })))
}

/// That the record is there for this caller; who that is, and the newest schema.
pub(super) fn seen(
    engine: &Engine,
    console: &Console,
    kind: &str,
    id: RecordId,
    now: Millis,
) -> Result<(UserId, u32), Problem> {
    engine.store().read(|c| {
        let (_, reach) = console.enter(c, now)?;
        let rules = engine.rules(c)?;
        Eye::new(&rules, &reach).one(c, kind, id)?;
        Ok((reach.account(), rules.kinds.schema()))
    })
}

/// The record as it stands after a change; nothing if it is no longer for this caller.
pub(super) fn reread(
    engine: &Engine,
    console: &Console,
    kind: &str,
    id: RecordId,
) -> Result<Vec<Shown>, Problem> {
    let now = engine.clock().now();
    engine.store().read(|c| {
        let (_, reach): (_, Reach) = console.enter(c, now)?;
        let rules = engine.rules(c)?;
        let mut eye = Eye::new(&rules, &reach);
        match eye.one(c, kind, id) {
            Ok(found) => Ok(eye.show(&found)?.into_iter().collect()),
            Err(crate::records::Fault::Unknown) => Ok(Vec::new()),
            Err(fault) => Err(fault.into()),
        }
    })
}

/// Puts on record what is about to be shown, also if it is nothing.
pub(super) fn note(
    engine: &Engine,
    action: &str,
    (user, device): (UserId, Option<i64>),
    at: Millis,
    shown: &[Shown],
    purpose: Option<&str>,
) -> Result<(), Problem> {
    let mut looks = looks(action, (user, device), at, shown, purpose);
    if looks.is_empty() {
        looks.push(Look {
            at,
            account: user.0,
            device,
            action: action.to_owned(),
            scope_id: None,
            from_head: None,
            to_head: None,
            record: None,
            count: 0,
            purpose: purpose.map(str::to_owned),
        });
    }
    engine.submit(Job::Look(looks))?;
    Ok(())
}

fn check_purpose(purpose: Option<&str>) -> Result<(), Problem> {
    match purpose {
        Some(text) if text.len() > LONGEST_PURPOSE => {
            Err(Problem::malformed(PURPOSE, "at most 200 bytes"))
        }
        _ => Ok(()),
    }
}

/// A header's text; people write in their own language.
fn header(request: &HttpRequest, name: &'static str) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(name) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes());
    let text = text.map_err(|_| Problem::malformed(name, "a header in UTF-8"))?;
    Ok(Some(text.trim().to_owned()))
}
