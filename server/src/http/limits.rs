//! `/v1/limits`: what one request may hold, so that clients keep to it before they send. The
//! figures are those that the server itself applies.

use actix_web::web;
use serde_json::{Value, json};
use sync_protocol::wire;

use super::body::LIMITS;

pub async fn show() -> web::Json<Value> {
    web::Json(published())
}

/// Every limit by its name on the wire.
pub fn published() -> Value {
    json!({
        "changes": wire::MAX_CHANGES,
        "change_bytes": wire::MAX_CHANGE_BYTES,
        "record_bytes": wire::MAX_RECORD_BYTES,
        "map_entries": wire::MAX_MAP_ENTRIES,
        "body_bytes": LIMITS.sent,
        "inflated_bytes": LIMITS.inflated,
        "inflate_ratio": LIMITS.ratio,
        "depth": LIMITS.depth,
        "least_bytes_per_second": LIMITS.least_rate,
        "body_seconds": LIMITS.total.as_secs(),
        "page_rows": wire::MAX_PAGE_ROWS,
        "page_bytes": wire::MAX_PAGE_BYTES,
        "scopes": wire::MAX_SCOPES,
        "places": wire::MAX_PLACES,
        "changes_after_failure": wire::MAX_CHANGES_AFTER_FAILURE,
        "bytes_after_failure": wire::MAX_BYTES_AFTER_FAILURE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::shapes::SHAPES;

    #[test]
    fn what_is_published_is_what_the_description_shows() {
        let (.., example) = SHAPES.iter().find(|(name, ..)| *name == "Limits").unwrap();
        assert_eq!(serde_json::from_str::<Value>(example).unwrap(), published());
    }
}
