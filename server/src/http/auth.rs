//! Who asks. A console shows a session, a device its token. The extractors look at the token
//! alone; who that is now, and what they may do, is read by `enter` inside the transaction that
//! does the work, so that a right taken away a moment ago is gone.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use crate::accounts::sessions::Session;
use crate::accounts::{devices, signin};
use crate::app::App;
use crate::clock::Millis;
use crate::store::accounts::AccountRow;
use crate::store::devices::{DeviceRow, DeviceState};
use crate::store::{Connection, Reach};

use super::frame;
use super::problem::{self, Problem};
use super::route::{self, Caller};
use super::routes::ROUTES;

/// A person at a console whose token is sound.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    pub session: Session,
    /// The roles of which the route asks for one; none named: any will do.
    roles: &'static [&'static str],
}

impl Console {
    /// Who it is and what they may do at this moment. Refuses sessions that were ended, and people
    /// without one of the roles that the URL table names for this route.
    pub fn enter(&self, c: &mut Connection, now: Millis) -> Result<(AccountRow, Reach), Problem> {
        let account = signin::admitted(c, &self.session)?;
        let reach = Reach::of(c, account.user(), now)?;
        if !self.roles.is_empty() && !reach.holds_anywhere(self.roles) {
            return Err(Problem::new(problem::FORBIDDEN)
                .detail("None of your roles may use this resource."));
        }
        Ok((account, reach))
    }
}

impl FromRequest for Console {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(console(request))
    }
}

fn console(request: &HttpRequest) -> Result<Console, Problem> {
    let app = request
        .app_data::<web::Data<App>>()
        .ok_or_else(|| Problem::new(problem::INTERNAL))?;
    let pattern = request.match_pattern().unwrap_or_default();
    // A route that the table does not give to consoles lets none in.
    let Some(Caller::Console(roles)) =
        route::find(ROUTES, request.method(), &pattern).map(|route| route.caller)
    else {
        return Err(Problem::new(problem::FORBIDDEN));
    };
    let token = bearer(request)
        .ok_or_else(|| Problem::unauthenticated("Sign in at /v1/session and show the token."))?;
    let session = app.door.ring.check(token, app.clock.now())?;
    Ok(Console { session, roles })
}

/// The token of a device, hashed.
#[derive(Debug, Clone, Copy)]
pub struct DeviceToken {
    pub hash: [u8; 32],
}

impl DeviceToken {
    /// The device, and what it may do at this moment. A blocked one is let in here: whether that
    /// is 403 or counts as nothing is for the resource to say.
    pub fn enter(&self, c: &mut Connection) -> Result<(DeviceRow, DeviceState), Problem> {
        devices::authenticate(c, &self.hash)?.ok_or_else(unknown_device)
    }
}

impl FromRequest for DeviceToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let hash = bearer(request).and_then(devices::token_hash);
        ready(hash.map(|hash| Self { hash }).ok_or_else(unknown_device))
    }
}

/// Nobody is known by this token.
pub(super) fn unknown_device() -> Problem {
    Problem::unauthenticated("No device has this token; ask for an enrolment code.")
}

/// The text after `Bearer `, whose first word may be in any case.
pub(super) fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut shown = request.headers().get_all(AUTHORIZATION);
    let (Some(value), None) = (shown.next(), shown.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whether somebody shows a token at all: `/v1/enrol` is for strangers and for devices.
pub fn shows_token(request: &HttpRequest) -> bool {
    request.headers().contains_key(AUTHORIZATION)
}

/// The address of the caller; callers that have none share one.
pub fn address(request: &HttpRequest, app: &App) -> IpAddr {
    frame::client_ip(request, app.config.http.behind_proxy)
        .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}
