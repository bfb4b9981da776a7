//! `/healthz`: the process answers. `/readyz`: it can also do its work, which is tried out and
//! not assumed: a write to the database, its migrations, room on the disk, a clock that is not
//! before the program was made.

use actix_web::{HttpResponse, web};
use serde_json::json;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::clock;
use crate::store::{self, Store, meta};

use super::problem::Problem;

/// A disk with less room than this share is as good as full: a log is folded in and a backup is
/// written on the same one.
const LEAST_FREE: f64 = 0.05;
/// Whoever asks more often hears the last answer: strangers may ask, and each try is a write.
const FRESH: Duration = Duration::from_secs(1);
const PROBE_FACT: &str = "probe";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checks {
    database: bool,
    migrations: bool,
    disk: bool,
    clock: bool,
}

/// The last answer.
#[derive(Default)]
pub struct Probe {
    last: Mutex<Option<(Instant, Checks)>>,
}

pub async fn alive() -> web::Json<serde_json::Value> {
    web::Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let known = *app
        .probe
        .last
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let checks = match known {
        Some((at, checks)) if at.elapsed() < FRESH => checks,
        _ => {
            let (store, now) = (app.store.clone(), app.clock.now());
            let checks = app
                .block::<_, store::Error>(move || Ok(check(&store, now)))
                .await?;
            *app.probe
                .last
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), checks));
            checks
        }
    };
    let Checks {
        database,
        migrations,
        disk,
        clock,
    } = checks;
    let ready = database && migrations && disk && clock;
    let body = json!({
        "ready": ready,
        "checks": { "database": database, "migrations": migrations, "disk": disk, "clock": clock },
    });
    let mut reply = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    Ok(reply.json(body))
}

fn check(store: &Store, now: clock::Millis) -> Checks {
    let written = store.write::<_, store::Error>(|c| meta::save(c, PROBE_FACT, &now.to_string()));
    if let Err(error) = &written {
        tracing::error!(%error, "the database does not take a write");
    }
    Checks {
        database: written.is_ok(),
        migrations: store
            .pending_migrations()
            .is_ok_and(|pending| pending.is_empty()),
        disk: store.file().is_none_or(has_room),
        clock: now >= clock::BUILD,
    }
}

fn has_room(file: &Path) -> bool {
    rustix::fs::statvfs(file)
        .is_ok_and(|disk| disk.f_bavail as f64 >= LEAST_FREE * disk.f_blocks as f64)
}
