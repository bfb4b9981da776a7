//! The headers that every reply carries, and the names of those that are checked.

use actix_web::http::header::{HeaderName, HeaderValue};

/// Pages may load only what this server serves, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; \
form-action 'self'; frame-ancestors 'none'";

/// Set on every reply; a handler may replace only the caching.
pub const SECURE: &[(&str, &str)] = &[
    ("cache-control", "no-store"),
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), geolocation=(), microphone=()",
    ),
    ("referrer-policy", "no-referrer"),
    // Browsers heed it over TLS only, so that a trial on plain HTTP is not harmed.
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// The number of a request, by which its lines in the log are found.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub fn secure(mut set: impl FnMut(HeaderName, HeaderValue)) {
    for (name, value) in SECURE {
        set(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}
