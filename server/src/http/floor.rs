//! The floor of a benchmark over HTTP: the same web framework, workers and bounds on bodies as the
//! real server, lines read into a type, and then [`crate::store::floor`]. No frame, no caller, no
//! rights. `/nothing` reads the body and keeps none of it: what HTTP alone costs.

use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use sync_protocol::wire::{MAX_BODY_BYTES, MAX_INFLATED_BYTES};

use crate::store::floor::{Entry, Floor};

use super::body::{self, Budget, LIMITS, Limits};
use super::problem::{self, Problem};
use super::{HEAD_TIMEOUT, KEEP_ALIVE, PARTING, SHUTDOWN_SECONDS};

/// The bounds of the real push.
const PUSH: Limits = Limits {
    sent: MAX_BODY_BYTES,
    inflated: MAX_INFLATED_BYTES,
    ..LIMITS
};
const BODY_MEMORY: usize = 256 * 1024 * 1024;
const CONNECTIONS: usize = 4096;
/// Of its token, so much names a device.
const NAME_CHARS: usize = 8;

/// A line of a push, as far as the floor wants to know it.
#[derive(Deserialize)]
struct Change<'a> {
    stamp: &'a str,
    kind: &'a str,
    record: &'a str,
    #[serde(default)]
    scope: Option<&'a str>,
    set: BTreeMap<&'a str, serde::de::IgnoredAny>,
}

struct Shared {
    floor: Floor,
    bodies: Budget,
}

/// Serves the floor until the process is ended.
pub fn serve(floor: Floor, listen: SocketAddr, workers: usize) -> io::Result<()> {
    let shared = web::Data::new(Shared {
        floor,
        bodies: Budget::new(BODY_MEMORY),
    });
    actix_web::rt::System::new().block_on(async {
        HttpServer::new(move || {
            actix_web::App::new()
                .app_data(shared.clone())
                .route("/v1/sync", web::post().to(push))
                .route("/nothing", web::post().to(nothing))
                .route("/healthz", web::get().to(|| async { "ok" }))
        })
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(PARTING)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .max_connections(CONNECTIONS)
        .workers(workers.max(1))
        .bind(listen)?
        .run()
        .await
    })
}

async fn push(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let types = [body::NDJSON];
    let body = body::read(
        &request,
        payload.into_inner(),
        &types,
        &PUSH,
        &shared.bodies,
    )
    .await?;
    let token = super::auth::bearer(&request).unwrap_or_default();
    let entries = read(&body, token.get(..NAME_CHARS).unwrap_or(token))?;
    drop(body);
    let count = entries.len();
    let (tell, told) = tokio::sync::oneshot::channel();
    let answer = move |result| {
        let _ = tell.send(result);
    };
    shared.floor.put(entries, Box::new(answer));
    told.await
        .map_err(|_| Problem::new(problem::INTERNAL))?
        .map_err(Problem::from)?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "count": count })))
}

async fn nothing(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, Problem> {
    let types = [body::NDJSON];
    let body = body::read(
        &request,
        payload.into_inner(),
        &types,
        &PUSH,
        &shared.bodies,
    )
    .await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "count": body.len() })))
}

/// The changes below the envelope. The floor refuses a body as a whole: it has no verdicts.
fn read(body: &[u8], device: &str) -> Result<Vec<Entry>, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::new(problem::ENVELOPE))?;
    text.lines()
        .skip(1)
        .map(|line| entry(line, device))
        .collect()
}

fn entry(line: &str, device: &str) -> Result<Entry, Problem> {
    let change: Change<'_> =
        serde_json::from_str(line).map_err(|_| Problem::new(problem::ENVELOPE))?;
    if change.set.is_empty() {
        return Err(Problem::new(problem::ENVELOPE));
    }
    let time = change
        .stamp
        .get(..12)
        .and_then(|digits| i64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Problem::new(problem::ENVELOPE))?;
    Ok(Entry {
        id: change.record.to_owned(),
        scope: change.scope.map(str::to_owned),
        kind: change.kind.to_owned(),
        time,
        clock: change.stamp.to_owned(),
        device: device.to_owned(),
        body: line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_entries_and_anything_else_refuses_the_body() {
        let good = r#"{"era":1,"schema":1,"stamp":"01a200990ebf0000","kind":"note","record":"01a20099-0ebf-7a11-8c21-6f0f2a9d4b01","scope":"checkpoint:S17","set":{"a":{"b":1}}}"#;
        let entries = read(format!("{{}}\n{good}\n{good}\n").as_bytes(), "phone").unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].time, 0x01a2_0099_0ebf);
        assert_eq!(entries[0].body, good);
        for bad in ["{", r#"{"stamp":1}"#, &good.replace("01a2", "zzzz")] {
            assert!(
                read(format!("{{}}\n{good}\n{bad}\n").as_bytes(), "phone").is_err(),
                "{bad}"
            );
        }
    }
}
