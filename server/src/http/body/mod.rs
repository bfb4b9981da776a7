//! Bodies of requests, read with bounds of our own. The web framework would unpack and gather
//! them without looking at ratio, rate or total memory, so it is not asked to.
//!
//! A handler takes [`Json<T>`] for one JSON document, or calls [`read`] for bytes of another
//! content type (NDJSON), or [`receive`] for bytes that are to wait packed. [`decode`] unpacks,
//! [`json`] judges; neither waits for anything. What a line of NDJSON means is not decided here.

pub mod decode;
#[cfg(test)]
mod generated;
pub mod json;
mod read;
#[cfg(test)]
mod tests;

pub use read::{Body, Budget, Packed, read, receive};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use std::pin::Pin;
use std::time::Duration;
use sync_protocol::wire;

use crate::app::App;

use super::problem::{self, Problem};

pub const JSON: &str = "application/json";
pub const NDJSON: &str = "application/x-ndjson";

/// What one body may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes as sent.
    pub sent: usize,
    /// Bytes once unpacked.
    pub inflated: usize,
    /// How many bytes one sent byte may become, judged once `judged_from` bytes came out.
    pub ratio: usize,
    pub judged_from: usize,
    /// gzip members, each of which costs an allocation.
    pub members: usize,
    /// Nesting of JSON.
    pub depth: usize,
    /// For so long, a body may come as slowly as it likes; a batch is usually here at once.
    pub grace: Duration,
    /// Bytes a second, from the beginning, that a body must have come with after that.
    pub least_rate: usize,
    /// When the patience ends in any case.
    pub total: Duration,
}

/// The bounds of every request; `/v1/limits` publishes them.
pub const LIMITS: Limits = Limits {
    sent: wire::MAX_BODY_BYTES,
    inflated: wire::MAX_INFLATED_BYTES,
    ratio: wire::MAX_INFLATE_RATIO,
    judged_from: 64 * 1024,
    members: 16,
    depth: wire::MAX_DEPTH,
    grace: Duration::from_secs(10),
    least_rate: 1024,
    total: Duration::from_secs(60),
};

/// A JSON document of a known shape, as the argument of a handler.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let app = request
                .app_data::<web::Data<App>>()
                .ok_or_else(|| Problem::new(problem::INTERNAL))?;
            let body = read(&request, payload, &[JSON], &LIMITS, &app.bodies).await?;
            json::object(&body, LIMITS.depth).map(Self)
        })
    }
}
