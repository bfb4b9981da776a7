//! The headers that every reply carries, and the names of those that are checked.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// Pages may load only what this server serves, and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; \
form-action 'self'; frame-ancestors 'none'";

/// JSON is no page: it loads nothing and is framed by nobody. A phone gets these with every push, so
/// they are few; what else a browser heeds, it heeds on pages.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Set on every reply; a handler may replace only the caching.
pub const SECURE: &[(&str, &str)] = &[
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    // Browsers heed it over TLS only, so that a trial on plain HTTP is not harmed.
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
];

/// Set on what is not JSON besides: a browser may show it as a page.
pub const PAGE: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), geolocation=(), microphone=()",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
];

/// Set on JSON besides.
pub const DATA: &[(&str, &str)] = &[("content-security-policy", DATA_POLICY)];

/// The number of a request, by which its lines in the log are found.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a reply with these headers is to carry.
pub fn protecting(
    own: &HeaderMap,
) -> impl Iterator<Item = &'static (&'static str, &'static str)> + use<> {
    let kind = own.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_data = kind.is_some_and(|kind| {
        kind.starts_with("application/json") || kind.starts_with("application/problem+json")
    });
    SECURE.iter().chain(if is_data { DATA } else { PAGE })
}

/// Sets what a reply does not carry yet.
pub fn secure(own: &mut HeaderMap) {
    for (name, value) in protecting(own) {
        let name = HeaderName::from_static(name);
        if !own.contains_key(&name) {
            own.insert(name, HeaderValue::from_static(value));
        }
    }
}
