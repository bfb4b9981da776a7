//! `/healthz`: the process answers. `/readyz`: it can also do its work, which is tried out and
//! not assumed: a write to the database, its migrations, room on the disk, a clock that is not
//! before the program was made.

use actix_web::rt::time::timeout;
use actix_web::{HttpResponse, web};
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex as Turnstile;

use crate::app::App;
use crate::clock;
use crate::store::{self, Store, meta};

use super::problem::Problem;

/// A disk with less room than this share is as good as full: a log is folded in and a backup is
/// written on the same one.
const LEAST_FREE: f64 = 0.05;
/// Whoever asks more often hears the last answer: strangers may ask, and each try is a write.
const FRESH: Duration = Duration::from_secs(1);
/// Who waits for another's try hears 503 after so long: the database does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
const PROBE_FACT: &str = "probe";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Checks {
    database: bool,
    migrations: bool,
    disk: bool,
    clock: bool,
}

/// The last answer, and whether the next one is being found out.
#[derive(Default)]
pub struct Probe {
    last: Arc<Mutex<Option<(Instant, Checks)>>>,
    /// Held while it is tried out, by what tries: also when whoever asked has hung up.
    trying: Arc<Turnstile<()>>,
}

impl Probe {
    fn fresh(&self) -> Option<Checks> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(at, _)| at.elapsed() < FRESH)
            .map(|(_, checks)| checks)
    }

    /// What was found out less than [`FRESH`] ago, else what is found out now: by one at a time, so that
    /// however many ask take one place and make one write.
    async fn checks(&self, app: &App) -> Result<Checks, store::Error> {
        if let Some(checks) = self.fresh() {
            return Ok(checks);
        }
        let trying = timeout(PATIENCE, Arc::clone(&self.trying).lock_owned()).await;
        let trying = trying.map_err(|_| store::Error::Busy)?;
        if let Some(checks) = self.fresh() {
            return Ok(checks);
        }
        let (store, now, last) = (app.store.clone(), app.clock.now(), Arc::clone(&self.last));
        app.block(move || {
            let checks = check(&store, now);
            let found = Some((Instant::now(), checks));
            *last.lock().unwrap_or_else(PoisonError::into_inner) = found;
            drop(trying);
            Ok(checks)
        })
        .await
    }
}

pub async fn alive() -> web::Json<serde_json::Value> {
    web::Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

pub async fn ready(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let Checks {
        database,
        migrations,
        disk,
        clock,
    } = app.probe.checks(&app).await?;
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
