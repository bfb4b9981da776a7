//! The URL table: every route of the server, and all that is said about it elsewhere (the
//! router, `/openapi.json`, the gates, the tests of rights) is made from these lines.
//!
//! To add a route: write the handler in the file of its resource, add one line here, and name the
//! shapes of its body and reply in `shapes.rs`.

use super::route::{Caller, Route, get, post};
use super::{docs, health, limits, metrics, sync};

pub const ROUTES: &[Route] = &[
    post("/v1/sync", "Pushes changes and pulls what is new", |r| {
        r.to(sync::exchange)
    })
    .by(Caller::Device)
    .takes_lines("Envelope")
    .gives("Reply"),
    get("/v1/limits", "What one request may hold", |r| {
        r.to(limits::show)
    })
    .gives("Limits"),
    get("/healthz", "Whether the process is alive", |r| {
        r.to(health::alive)
    })
    .gives("Alive"),
    get("/readyz", "Whether the server can do its work", |r| {
        r.to(health::ready)
    })
    .gives("Ready"),
    get("/metrics", "Counters for Prometheus", |r| {
        r.to(metrics::show)
    })
    .by(Caller::Operator),
    get("/openapi.json", "This description", |r| r.to(docs::openapi)),
    get("/docs", "This description, for people", |r| {
        r.to(docs::page)
    }),
    get("/docs/docs.css", "Style of the documentation page", |r| {
        r.to(docs::style)
    }),
    get("/docs/docs.js", "Script of the documentation page", |r| {
        r.to(docs::script)
    }),
    get("/problems", "What each problem code means", |r| {
        r.to(docs::problems)
    }),
    get("/problems/{code}", "What one problem code means", |r| {
        r.to(docs::problem)
    }),
];
