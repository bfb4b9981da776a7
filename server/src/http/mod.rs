//! The HTTP side. [`routes`] is the URL table, on one screen; there is a file for each resource.
//! [`frame`] surrounds every request, [`body`] bounds what comes in, [`problem`] is the only file
//! that knows status codes. Handlers extract, call one function below, and render.

#[cfg(test)]
mod accounts_tests;
pub mod admission;
pub mod alerts;
pub mod areas;
pub mod assignments;
pub mod audit;
pub mod auth;
pub mod backups;
pub mod body;
pub mod caller;
pub mod conflicts;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod desk_tests;
pub mod devices;
pub mod docs;
pub mod enrol;
pub mod enrolments;
pub mod exchange;
pub mod floor;
pub mod frame;
pub mod headers;
pub mod health;
pub mod kinds;
#[cfg(test)]
mod kinds_tests;
pub mod limits;
pub mod look_up;
pub mod metrics;
pub mod openapi;
mod outflow;
pub mod pages;
pub mod paging;
pub mod parked;
pub mod problem;
pub mod records;
#[cfg(test)]
mod records_tests;
pub mod reply;
pub mod rescue_key;
pub mod route;
pub mod routes;
pub mod scopes;
pub mod session;
pub mod shapes;
pub mod sync;
#[cfg(test)]
mod sync_tests;
pub mod tallies;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod upkeep_tests;
pub mod users;

use actix_web::body::BoxBody;
use actix_web::dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{HttpServer, web};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::app::App;
use crate::backup::{self, schedule, schedule::Standing};
use crate::retention::{self, Unwatched};

use problem::Problem;

/// The head of a request must have come after so long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// An idle connection is kept for so long: a phone's next page comes at once or not at all.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// A caller that was told to go is cut off after so long.
const PARTING: Duration = Duration::from_secs(3);
/// Requests under way when the server is told to stop have so long to end.
const SHUTDOWN_SECONDS: u64 = 30;

/// The application that answers requests: the router made from the URL table, with its frame.
pub fn service(
    app: &Arc<App>,
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    service_of(app, routes::ROUTES)
}

fn service_of(
    app: &Arc<App>,
    table: &'static [route::Route],
) -> actix_web::App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let bad_path = |_, _: &_| Problem::new(problem::BAD_PATH).into();
    let bad_query = |_, _: &_| Problem::new(problem::BAD_QUERY).into();
    actix_web::App::new()
        .app_data(web::Data::from(Arc::clone(app)))
        .app_data(web::PathConfig::default().error_handler(bad_path))
        .app_data(web::QueryConfig::default().error_handler(bad_query))
        .configure(|config| route::configure(table, config))
        .default_service(web::to(|| async {
            Err::<&str, _>(Problem::new(problem::NOT_FOUND).detail("/docs lists what there is."))
        }))
        .wrap(from_fn(frame::around))
}

/// Binds the configured address; the returned server runs when it is awaited.
pub fn bind(app: &Arc<App>) -> io::Result<(Server, SocketAddr)> {
    bind_to(app, routes::ROUTES)
}

fn bind_to(app: &Arc<App>, table: &'static [route::Route]) -> io::Result<(Server, SocketAddr)> {
    let settings = &app.config.http;
    let shared = Arc::clone(app);
    let mut server = HttpServer::new(move || service_of(&shared, table))
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(PARTING)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .max_connections(settings.connections)
        .on_connect(outflow::guard);
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = server.bind(settings.listen)?;
    let address = server.addrs().first().copied().unwrap_or(settings.listen);
    Ok((server.run(), address))
}

/// Once a day, what is no longer needed goes; for the first time soon after the start, so that a
/// machine that is switched off every night does it too.
async fn keep_house(app: Arc<App>) {
    let mut wait = Duration::from_secs(10 * 60);
    loop {
        actix_web::rt::time::sleep(wait).await;
        wait = Duration::from_secs(24 * 60 * 60);
        let done = app
            .engage::<_, Problem>(|engine| Ok(retention::run_unwatched(engine)?))
            .await;
        match done {
            Ok(Unwatched::Done(report)) => {
                tracing::info!(?report, "purged what is no longer needed");
            }
            Ok(doubt) => tracing::error!(
                ?doubt,
                "nothing was purged: look at the machine's clock; if it is right, run kadian purge"
            ),
            Err(problem) => {
                // Something else was in the way, and will not be for a whole day.
                wait = Duration::from_secs(10 * 60);
                tracing::error!(
                    code = problem.code().code,
                    cause = problem.cause(),
                    "not all was purged that is due; it is tried again"
                );
            }
        }
    }
}

/// How often the server looks whether a backup is due.
const BACKUPS_EVERY: Duration = Duration::from_secs(10 * 60);

/// Again and again: a backup if one is due, and an alert if none is recent.
async fn keep_backups(app: Arc<App>, standing: Option<Standing>) {
    let standing = standing.map(Arc::new);
    let mut wait = Duration::from_secs(60);
    loop {
        actix_web::rt::time::sleep(wait).await;
        wait = BACKUPS_EVERY;
        let (shared, standing) = (Arc::clone(&app), standing.clone());
        let done = app
            .block::<_, Problem>(move || {
                let (store, now) = (&shared.store, shared.clock.now());
                if let Some(standing) = standing {
                    let (ledger, beside) = (&shared.ledger, shared.beside());
                    match standing.follow(store, ledger, &beside, shared.durable(), now) {
                        Ok(Some(made)) => tracing::info!(
                            backup = made.manifest.backup,
                            bytes = made.manifest.bytes,
                            "a backup was made and verified"
                        ),
                        Ok(None) => {}
                        Err(error) => tracing::error!(%error, "no backup was made"),
                    }
                }
                Ok(schedule::watch(store, now)?)
            })
            .await;
        if let Err(problem) = done {
            tracing::warn!(
                code = problem.code().code,
                "the age of backups is not watched"
            );
        }
    }
}

/// Well within the time after which a silent process loses its number.
const TOUCH_EVERY: Duration = Duration::from_secs(10 * 60);

/// Says again and again that this process lives, so that no other takes its number.
async fn keep_number(app: Arc<App>) {
    loop {
        actix_web::rt::time::sleep(TOUCH_EVERY).await;
        let done = app
            .engage::<_, Problem>(|engine| Ok(engine.renew_lease()?))
            .await;
        if let Err(problem) = done {
            tracing::warn!(code = problem.code().code, "the lease was not renewed");
        }
    }
}

/// Serves until the process is told to stop (SIGTERM ends what is under way first).
pub fn serve(app: &Arc<App>) -> io::Result<()> {
    // An epoch is open before anybody can ask for anything.
    app.engine().map_err(io::Error::other)?;
    let standing = Standing::of(&app.config.backup).map_err(io::Error::other)?;
    backup::sweep(&app.beside()).map_err(io::Error::other)?;
    schedule::settle(&app.store, app.durable()).map_err(io::Error::other)?;
    actix_web::rt::System::new().block_on(async {
        let (server, address) = bind(app)?;
        actix_web::rt::spawn(keep_house(Arc::clone(app)));
        actix_web::rt::spawn(keep_number(Arc::clone(app)));
        actix_web::rt::spawn(keep_backups(Arc::clone(app), standing));
        tracing::info!("serving on http://{address}, described at http://{address}/docs");
        server.await?;
        app.stop();
        tracing::info!("stopped");
        Ok(())
    })
}
