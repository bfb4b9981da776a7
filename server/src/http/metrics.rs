//! `/metrics`: for the operator, who shows the token of the configuration or asks from the
//! machine itself without a proxy in between.

use actix_web::http::header::{AUTHORIZATION, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::metrics::{BACKUP_AGE, UP_SECONDS, WAITING};
use crate::store::backups;

use super::problem::Problem;

/// The headers by which a proxy betrays itself.
const FORWARDED: [HeaderName; 2] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
];

pub async fn show(request: HttpRequest, app: web::Data<App>) -> Result<HttpResponse, Problem> {
    if !may_read(&request, &app) {
        return Err(Problem::unauthenticated(
            "Show the token of the metrics as a bearer token.",
        ));
    }
    let (inside, waiting) = app.admission.depth();
    let folding = app.opened().map_or(0, |engine| engine.depth());
    for (queue, depth) in [("inside", inside), ("turn", waiting), ("fold", folding)] {
        app.metrics
            .gauge(&WAITING, &[("queue", queue)], depth as f64);
    }
    app.metrics
        .gauge(&UP_SECONDS, &[], app.started.elapsed().as_secs_f64());
    let now = app.clock.now();
    let (_, since) = app
        .read::<_, Problem>(|c| Ok(backups::held_until(c)?))
        .await?;
    if let Some(since) = since {
        app.metrics
            .gauge(&BACKUP_AGE, &[], now.saturating_sub(since) as f64 / 1000.0);
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(app.metrics.render()))
}

fn may_read(request: &HttpRequest, app: &App) -> bool {
    match &app.config.metrics.token {
        Some(token) => {
            let shown = request
                .headers()
                .get(AUTHORIZATION)
                .and_then(|value| value.to_str().ok());
            let shown = shown
                .and_then(|text| text.strip_prefix("Bearer "))
                .unwrap_or_default();
            shown.as_bytes().ct_eq(token.expose().as_bytes()).into()
        }
        None => {
            let direct = FORWARDED
                .iter()
                .all(|name| !request.headers().contains_key(name));
            direct
                && request
                    .peer_addr()
                    .is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        }
    }
}
