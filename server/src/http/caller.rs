//! Who calls, for the resources that serve phones and consoles alike: an enrolled device that is
//! in use, or a person with a session. What they may do is read in the transaction of the work.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use std::future::{Ready, ready};
use sync_protocol::id::UserId;

use crate::accounts::sessions::Session;
use crate::accounts::{devices, signin};
use crate::app::App;
use crate::clock::Millis;
use crate::store::devices::DeviceState;
use crate::store::{Connection, Reach};

use super::auth::{DeviceToken, bearer};
use super::problem::{self, Problem};

/// A sound token of either sort.
#[derive(Debug, Clone, Copy)]
pub enum Member {
    Console(Session),
    Device(DeviceToken),
}

/// Who that is at this moment.
#[derive(Debug)]
pub struct Entered {
    pub user: UserId,
    /// The phone, if it is one.
    pub device: Option<i64>,
    pub reach: Reach,
}

impl Member {
    /// Who it is and what they may do at this moment. A phone that was taken out of use reads
    /// nothing.
    pub fn enter(&self, c: &mut Connection, now: Millis) -> Result<Entered, Problem> {
        let (user, device) = match self {
            Self::Console(session) => (signin::admitted(c, session)?.user(), None),
            Self::Device(token) => match token.enter(c)? {
                (row, DeviceState::Active) => (row.user(), Some(row.number)),
                (_, DeviceState::Blocked) => return Err(Problem::new(problem::BLOCKED)),
                (_, DeviceState::PushOnly) => {
                    return Err(Problem::new(problem::FORBIDDEN)
                        .detail("This phone was taken out of use; it may only hand in."));
                }
            },
        };
        let reach = Reach::of(c, user, now)?;
        Ok(Entered {
            user,
            device,
            reach,
        })
    }
}

impl FromRequest for Member {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(member(request))
    }
}

fn member(request: &HttpRequest) -> Result<Member, Problem> {
    let app = request
        .app_data::<web::Data<App>>()
        .ok_or_else(|| Problem::new(problem::INTERNAL))?;
    let stranger =
        || Problem::unauthenticated("Show the token of a device, or of a session (/v1/session).");
    let token = bearer(request).ok_or_else(stranger)?;
    // A session has three parts; the token of a device is base64url or hex and has one.
    if token.matches('.').count() == 2 {
        return Ok(Member::Console(
            app.door.ring.check(token, app.clock.now())?,
        ));
    }
    let hash = devices::token_hash(token).ok_or_else(stranger)?;
    Ok(Member::Device(DeviceToken { hash }))
}
