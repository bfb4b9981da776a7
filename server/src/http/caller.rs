//! Who calls: a phone with its token or a person with a session, for the resources that serve
//! both. What the caller may do is not decided here; that is read from the grants, in the
//! transaction of the work itself.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use sha2::{Digest as _, Sha256};
use std::pin::Pin;
use sync_protocol::id::{DeviceNumber, UserId};

use crate::app::App;
use crate::store::devices;

use super::problem::{self, Problem};

/// An enrolled phone, whatever its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phone {
    pub number: DeviceNumber,
    pub user: UserId,
}

impl FromRequest for Phone {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request
                .app_data::<web::Data<App>>()
                .ok_or_else(|| Problem::new(problem::INTERNAL))?;
            let unknown = || {
                Problem::unauthenticated("Show the token of an enrolled device as a bearer token.")
            };
            let hash: [u8; 32] = Sha256::digest(bearer(&request).ok_or_else(unknown)?).into();
            let row = app
                .read::<_, Problem>(move |c| Ok(devices::by_token(c, &hash)?))
                .await?
                .ok_or_else(unknown)?;
            Ok(Self {
                number: row.device(),
                user: row.user(),
            })
        })
    }
}

/// The token of a request.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    header
        .strip_prefix("Bearer ")
        .map(str::trim)
        .filter(|token| !token.is_empty())
}
