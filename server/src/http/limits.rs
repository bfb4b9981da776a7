//! `/v1/limits`: what one request may hold, so that clients keep to it before they send. The
//! figures are those that the server itself applies.

use actix_web::web;
use serde::Serialize;

use super::body::LIMITS;

#[derive(Serialize)]
pub struct Limits {
    sent_bytes: usize,
    inflated_bytes: usize,
    ratio: usize,
    depth: usize,
    least_bytes_per_second: usize,
    total_seconds: u64,
}

pub async fn show() -> web::Json<Limits> {
    web::Json(Limits {
        sent_bytes: LIMITS.sent,
        inflated_bytes: LIMITS.inflated,
        ratio: LIMITS.ratio,
        depth: LIMITS.depth,
        least_bytes_per_second: LIMITS.least_rate,
        total_seconds: LIMITS.total.as_secs(),
    })
}
