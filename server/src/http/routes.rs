//! The URL table: every route of the server, and all that is said about it elsewhere (the
//! router, `/openapi.json`, the gates, the tests of rights) is made from these lines.
//!
//! To add a route: write the handler in the file of its resource, add one line here, and name the
//! shapes of its body and reply in `shapes.rs`.

use crate::accounts::roles::{AREA_KEEPERS, MANAGERS, READERS};

use super::paging::{AFTER, LIMIT};
use super::route::{Caller, Gate, Route, delete, get, patch, post, put};
use super::{areas, assignments, devices, docs, enrol, enrolments, health, limits, metrics, session, sync, users};

/// Anyone who is signed in; what they see is limited by their grants.
const ANYBODY: Caller = Caller::Console(&[]);
const MANAGER: Caller = Caller::Console(MANAGERS);
const READER: Caller = Caller::Console(READERS);
const AREA_KEEPER: Caller = Caller::Console(AREA_KEEPERS);

// One route in one or two lines, so that the table stays on one screen.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    post("/v1/sync", "Pushes changes and pulls what is new", |r| {
        r.to(sync::exchange)
    })
    .by(Caller::Device)
    .takes_lines("Envelope")
    .gives("Reply"),
    post("/v1/session", "Sign in with login and password", |r| r.to(session::sign_in))
        .gate(Gate::SignIn).takes("SignIn").gives("Session"),
    get("/v1/session", "Who I am and what I may do", |r| r.to(session::show)).by(ANYBODY).gives("Whoami"),
    put("/v1/session", "Go on with a new token", |r| r.to(session::renew)).by(ANYBODY).gives("Session"),
    delete("/v1/session", "Sign out everywhere", |r| r.to(session::sign_out)).by(ANYBODY),
    post("/v1/enrolments", "Make a one-time code for a phone", |r| r.to(enrolments::create))
        .by(MANAGER).takes("NewEnrolment").gives("Enrolment"),
    post("/v1/enrol", "A phone gets its number", |r| r.to(enrol::enrol))
        .gate(Gate::Enrol).takes("Enrol").gives("Enrolled"),
    get("/v1/areas", "The area tree within reach", |r| r.to(areas::list)).by(ANYBODY)
        .query(&[("under", "code of a node: it and what is below"), ("level", "only nodes of this level"), AFTER, LIMIT])
        .gives("Areas"),
    post("/v1/areas", "Add a node", |r| r.to(areas::create)).by(AREA_KEEPER).takes("NewArea").gives("Area"),
    patch("/v1/areas/{code}", "Change name, time zone or validity", |r| r.to(areas::change))
        .by(AREA_KEEPER).takes("AreaChange").gives("Area"),
    get("/v1/users", "Accounts within reach", |r| r.to(users::list)).by(READER).query(&[AFTER, LIMIT]).gives("Users"),
    post("/v1/users", "Make an account with its first role", |r| r.to(users::create))
        .by(MANAGER).takes("NewUser").gives("NewUserMade"),
    patch("/v1/users/{user}", "Change name or password, close or open", |r| r.to(users::change))
        .by(ANYBODY).takes("UserChange").gives("User"),
    get("/v1/devices", "Phones within reach", |r| r.to(devices::list)).by(READER).query(&[AFTER, LIMIT]).gives("Devices"),
    patch("/v1/devices/{number}", "Revoke or block a phone, or put it back", |r| r.to(devices::change))
        .by(ANYBODY).takes("DeviceChange").gives("Device"),
    get("/v1/assignments", "Who holds which role where", |r| r.to(assignments::list)).by(ANYBODY)
        .query(&[("user", "only this person's, as u17"), ("area", "only at this very node"), ("role", "only this role"),
                 ("open", "false shows what is over, too"), AFTER, LIMIT])
        .gives("Assignments"),
    post("/v1/assignments", "Give a role, or hand a grid over", |r| r.to(assignments::create))
        .by(MANAGER).takes("NewAssignment").gives("AssignmentMade"),
    patch("/v1/assignments/{number}", "Let it run out at a date", |r| r.to(assignments::change))
        .by(MANAGER).takes("AssignmentChange"),
    delete("/v1/assignments/{number}", "Revoke it at once", |r| r.to(assignments::revoke)).by(MANAGER),
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
