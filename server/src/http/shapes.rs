//! The shapes of bodies and replies, each written as an example from which the schema in
//! `/openapi.json` is made. A member whose name ends in `?` may be missing.
//!
//! A line: name, what it is, an example in JSON.

pub const SHAPES: &[(&str, &str, &str)] = &[
    (
        "Alive",
        "The process answers",
        r#"{"status":"ok","version":"0.1.0"}"#,
    ),
    (
        "Limits",
        "What one request may hold; clients keep to it before they send",
        r#"{"changes":500,"change_bytes":16384,"record_bytes":65536,"map_entries":256,
            "body_bytes":262144,"inflated_bytes":1048576,"inflate_ratio":40,"depth":16,
            "least_bytes_per_second":1024,"body_seconds":60,"page_rows":500,"page_bytes":131072,
            "scopes":64,"places":200,"changes_after_failure":32,"bytes_after_failure":32768}"#,
    ),
    (
        "Problem",
        "Why a request was refused (RFC 9457); decide by `code`",
        r#"{"type":"/problems/not_found","title":"There is nothing here.","status":404,
            "code":"not_found","detail?":"What to do about it.","request?":"5f0c2a9b81d3e467"}"#,
    ),
    (
        "Ready",
        "What the server needs in order to work, and whether it has it",
        r#"{"ready":true,"checks":{"database":true,"migrations":true,"disk":true,"clock":true}}"#,
    ),
];
