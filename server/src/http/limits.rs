//! `/v1/limits`: what one request may hold, so that clients keep to it before they send. The
//! figures are those that the server itself applies.

use actix_web::web;
use serde_json::{Value, json};
use sync_protocol::wire;

use super::body::LIMITS;

pub async fn show() -> web::Json<Value> {
    web::Json(json!({
        "sent_bytes": wire::MAX_BODY_BYTES,
        "inflated_bytes": wire::MAX_INFLATED_BYTES,
        "ratio": wire::MAX_INFLATE_RATIO,
        "depth": wire::MAX_DEPTH,
        "changes": wire::MAX_CHANGES,
        "change_bytes": wire::MAX_CHANGE_BYTES,
        "record_bytes": wire::MAX_RECORD_BYTES,
        "map_entries": wire::MAX_MAP_ENTRIES,
        "scopes": wire::MAX_SCOPES,
        "reply_rows": wire::MAX_PAGE_ROWS,
        "reply_bytes": wire::MAX_PAGE_BYTES,
        "reply_places": wire::MAX_PLACES,
        "changes_after_failure": wire::MAX_CHANGES_AFTER_FAILURE,
        "bytes_after_failure": wire::MAX_BYTES_AFTER_FAILURE,
        "least_bytes_per_second": LIMITS.least_rate,
        "total_seconds": LIMITS.total.as_secs(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_bodies_are_those_of_the_protocol() {
        assert_eq!(LIMITS.sent, wire::MAX_BODY_BYTES);
        assert_eq!(LIMITS.inflated, wire::MAX_INFLATED_BYTES);
        assert_eq!(LIMITS.ratio, wire::MAX_INFLATE_RATIO);
        assert_eq!(LIMITS.depth, wire::MAX_DEPTH);
    }
}
