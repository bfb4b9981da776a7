//! What surrounds every request: its number, the time it came, the gate of its route, a net
//! under its handler, the headers of its reply, one line in the log and its place in the metrics.
//! The log names the route and never the path or the query, which may name a person.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::Error;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest, web};
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::clock::Millis;
use crate::metrics;
use crate::throttle::Address;

use super::problem::{self, Problem};
use super::route::{self, Gate, Route};
use super::routes::ROUTES;
use super::{headers, outflow, reply};

/// When the head of a request arrived, by the server's clock; skew is measured by it.
#[derive(Debug, Clone, Copy)]
pub struct Arrived(pub Millis);

impl Arrived {
    pub fn of(request: &HttpRequest) -> Option<Millis> {
        request.extensions().get::<Self>().map(|arrived| arrived.0)
    }
}

pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Err(Problem::new(problem::INTERNAL).into());
    };
    let visit = Visit::begin(&request);
    request.extensions_mut().insert(Arrived(app.clock.now()));

    if let Err(problem) = check_gate(&app, &request, visit.route) {
        app.metrics
            .count(&metrics::THROTTLED, &[("route", visit.label)], 1);
        let refused = request.into_response(problem.render(Some(&visit.number)));
        return Ok(visit.end(&app, refused));
    }
    if visit.route.is_some()
        && let Err(problem) = check_address(&request)
    {
        let refused = request.into_response(problem.render(Some(&visit.number)));
        return Ok(visit.end(&app, refused));
    }
    match caught(next.call(request)).await {
        Caught::Done(Ok(response)) => Ok(visit.end(&app, response.map_into_boxed_body())),
        // Refused before there was a response, which nothing of ours does.
        Caught::Done(Err(error)) => Err(error),
        Caught::Panic => {
            app.metrics.count(&metrics::PANICS, &[], 1);
            visit.record(&app, StatusCode::INTERNAL_SERVER_ERROR, 0);
            tracing::error!(
                request = visit.number,
                route = visit.label,
                "a handler panicked"
            );
            // The request went down with the handler, so the reply is made without it.
            Err(actix_web::error::InternalError::from_response(
                "panic",
                visit.sign(
                    Problem::new(problem::INTERNAL)
                        .closing()
                        .render(Some(&visit.number)),
                ),
            )
            .into())
        }
    }
}

pub(super) fn check_gate(
    app: &App,
    request: &ServiceRequest,
    route: Option<&Route>,
) -> Result<(), Problem> {
    let throttle = match route.map_or(Gate::Open, |route| route.gate) {
        Gate::Open => return Ok(()),
        Gate::SignIn => &app.throttles.sign_in,
        Gate::Enrol => &app.throttles.enrol,
    };
    let address = client_ip(request.request(), app.config.http.behind_proxy);
    throttle
        .check(&Address::of(address))
        .map_err(Problem::too_many)
}

/// No text in an address may hold U+0000, which not every database can look for.
fn check_address(request: &ServiceRequest) -> Result<(), Problem> {
    if request.path().contains('\0') || request.path().contains("%00") {
        return Err(Problem::new(problem::BAD_PATH));
    }
    if request.query_string().contains("%00") {
        return Err(Problem::new(problem::BAD_QUERY));
    }
    Ok(())
}

/// The address of the caller. Behind a proxy it is the last one that was written down: the ones
/// before it come from the caller and may be invented.
pub fn client_ip(request: &HttpRequest, behind_proxy: bool) -> Option<IpAddr> {
    let peer = || request.peer_addr().map(|peer| peer.ip());
    if !behind_proxy {
        return peer();
    }
    let last = request.headers().get_all("x-forwarded-for").last()?;
    last.to_str()
        .ok()?
        .rsplit(',')
        .next()?
        .trim()
        .parse()
        .ok()
        .or_else(peer)
}

/// What is known of a request before and after its handler.
struct Visit {
    number: String,
    started: Instant,
    method: &'static str,
    route: Option<&'static Route>,
    label: &'static str,
    accepts_gzip: bool,
    received: u64,
}

impl Visit {
    fn begin(request: &ServiceRequest) -> Self {
        let pattern = request.match_pattern().unwrap_or_default();
        let route = route::find(ROUTES, request.method(), &pattern);
        let known = route.or_else(|| ROUTES.iter().find(|route| route.path == pattern));
        let length = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok());
        Self {
            number: number(),
            started: Instant::now(),
            method: method(request),
            route,
            label: known.map_or("none", |route| route.path),
            accepts_gzip: reply::accepts_gzip(request.headers()),
            received: length.and_then(|text| text.parse().ok()).unwrap_or(0),
        }
    }

    fn end(&self, app: &App, response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
        let (request, mut reply) = response.into_parts();
        let rendered = reply.error().and_then(|error| {
            let problem = error.as_error::<Problem>()?;
            if let Some(cause) = problem.cause() {
                let code = problem.code().code;
                tracing::error!(
                    request = self.number,
                    route = self.label,
                    code,
                    cause,
                    "refused"
                );
            }
            let mut rendered = problem.render(Some(&self.number));
            if *problem.code() == *problem::BUSY {
                // When to come back depends on how many wait now.
                let wait = app.admission.retry_after().as_secs();
                let wait = HeaderValue::from(wait);
                rendered.headers_mut().insert(RETRY_AFTER, wait);
            }
            Some(rendered)
        });
        if let Some(rendered) = rendered {
            reply = rendered;
        }
        let reply = outflow::pace(self.sign(reply::pack(reply, self.accepts_gzip)));
        let sent = match reply.body().size() {
            BodySize::Sized(size) => size,
            BodySize::None | BodySize::Stream => 0,
        };
        self.record(app, reply.status(), sent);
        ServiceResponse::new(request, reply)
    }

    fn sign(&self, mut reply: actix_web::HttpResponse) -> actix_web::HttpResponse {
        let own = reply.headers_mut();
        headers::secure(own);
        if let Ok(value) = HeaderValue::from_str(&self.number) {
            own.insert(headers::REQUEST_ID, value);
        }
        reply
    }

    fn record(&self, app: &App, status: StatusCode, sent: u64) {
        let took = self.started.elapsed();
        let class = match status.as_u16() / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        };
        let route = [("route", self.label)];
        app.metrics.count(
            &metrics::REQUESTS,
            &[("route", self.label), ("status", class)],
            1,
        );
        app.metrics
            .observe(&metrics::REQUEST_SECONDS, &route, took.as_secs_f64());
        app.metrics
            .count(&metrics::REQUEST_BYTES, &route, self.received);
        app.metrics.count(&metrics::REPLY_BYTES, &route, sent);
        let millis = Duration::as_millis(&took) as u64;
        tracing::info!(
            target: "kadian::access",
            request = self.number,
            method = self.method,
            route = self.label,
            status = status.as_u16(),
            millis,
            received = self.received,
            sent,
            "answered"
        );
    }
}

/// A name from a closed list: a caller may send anything as a method.
fn method(request: &ServiceRequest) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let method = request.method().as_str();
    KNOWN
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}

fn number() -> String {
    let mut bytes = [0; 8];
    // Without randomness requests share a number, which harms only the reader of the log.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

enum Caught<T> {
    Done(T),
    Panic,
}

/// Polls a future so that a panic in it ends the future and not the thread that serves others.
async fn caught<F: Future>(future: F) -> Caught<F::Output> {
    let mut future = Box::pin(future);
    std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Caught::Done(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Caught::Panic),
        }
    })
    .await
}
