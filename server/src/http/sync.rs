//! `/v1/sync`: everything that a phone needs. Who comes is let in, known and heard here, in order of
//! urgency; [`super::exchange`] takes the request to its reply.

use actix_web::{HttpRequest, HttpResponse, web};
use sync_protocol::mark::Mark;
use sync_protocol::wire::{BadRequest, MAX_BODY_BYTES, MAX_INFLATED_BYTES, PROTOCOL};

use crate::app::App;
use crate::store::{self, devices};
use crate::sync::combiner::Failed;
use crate::sync::exchange::Refusal;
use crate::sync::opening::NotOpened;
use crate::sync::urgency::Urgency;

use super::admission::{Load, Rank};
use super::auth::{self, DeviceToken};
use super::body::{self, LIMITS, Limits, Packed};
use super::exchange::{self, Caller};
use super::frame::Arrived;
use super::problem::{self, Problem};
use super::reply;

/// What a push may hold; depth is judged line by line.
static PUSH: Limits = Limits {
    sent: MAX_BODY_BYTES,
    inflated: MAX_INFLATED_BYTES,
    ..LIMITS
};

/// So much of a waiting body is looked at: the envelope and a few lines.
const BEGINNING: usize = 4 * 1024;

pub async fn exchange(
    token: DeviceToken,
    request: HttpRequest,
    payload: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, Problem> {
    let place = app.enter().map_err(|busy| Problem::from(busy).closing())?;
    // Whether a blocked phone may push is for the engine to say.
    let found = app
        .glance(move |c| devices::number_of(c, &token.hash))
        .await?;
    let (number, line) = found.ok_or_else(auth::unknown_device)?;
    if let Some(throttle) = &app.throttles.sync {
        throttle.check(&line).map_err(Problem::too_many_of_yours)?;
    }
    let received = Arrived::of(&request).unwrap_or_else(|| app.clock.now());
    let types = [body::NDJSON, body::JSON];
    let body = body::receive(&request, payload.into_inner(), &types, &PUSH, &app.bodies).await?;
    let load = Load::of(body.about_unpacked());
    let turn = app.turn(load, || rank(&app, &body)).await?;
    let caller = Caller {
        device: number,
        received,
        accepts_gzip: reply::accepts_gzip(request.headers()),
    };
    let app = app.into_inner();
    let reply = exchange::run(&app, caller, (place, turn), body, &PUSH).await?;
    Ok(reply.into())
}

/// How urgent a request is, by its first lines.
fn rank(app: &App, body: &Packed) -> Rank {
    let Some(engine) = app.opened() else {
        return Rank::Push;
    };
    match engine.urgency(&body.peek(BEGINNING)) {
        Urgency::Abnormal => Rank::Abnormal,
        Urgency::Changes => Rank::Push,
        Urgency::Nothing => Rank::Pull,
    }
}

impl From<BadRequest> for Problem {
    fn from(bad: BadRequest) -> Self {
        match bad {
            BadRequest::Envelope { column, what } => Self::new(problem::ENVELOPE)
                .detail(what)
                .with("line", 1)
                .with("column", column),
            BadRequest::Protocol(_) => Self::new(problem::PROTOCOL).with("supported", PROTOCOL),
            BadRequest::TooMany {
                what: "changes",
                count,
                most,
            } => Self::new(problem::TOO_MANY_CHANGES)
                .with("count", count)
                .with("limit", most),
            BadRequest::TooMany { count, most, .. } => Self::new(problem::ENVELOPE)
                .detail("Too many scopes are asked for.")
                .with("line", 1)
                .with("count", count)
                .with("limit", most),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Gap { expected, after } => Self::new(problem::GAP)
                .detail("Send again from the number that is expected.")
                .with("expected", expected)
                .with(
                    "after",
                    after.as_ref().map(Mark::to_string).unwrap_or_default(),
                ),
            Refusal::Fork => Self::new(problem::FORK).detail("Enrol again with a new token."),
            Refusal::Blocked => Self::new(problem::BLOCKED),
            Refusal::Unknown => Self::unauthenticated("This device is not enrolled here."),
            Refusal::TooOld { least } => Self::new(problem::TOO_OLD)
                .detail("Send the request again without `pull`, then fetch /v1/kinds.")
                .with("schema", least),
            Refusal::Failed(failed) => failed.into(),
        }
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Store(error) => error.into(),
            Failed::Broken => Self::new(problem::INTERNAL).caused_by(&failed),
            Failed::Unanswered => Self::new(problem::UNANSWERED).caused_by(&failed),
            Failed::Stopping => store::Error::Busy.into(),
        }
    }
}

impl From<NotOpened> for Problem {
    fn from(fault: NotOpened) -> Self {
        match fault {
            NotOpened::Store(error) => error.into(),
            fault => Self::new(problem::UNAVAILABLE)
                .retry_after(std::time::Duration::from_secs(30))
                .caused_by(&fault),
        }
    }
}
