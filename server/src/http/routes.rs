//! The URL table: every route of the server, and all that is said about it elsewhere (the
//! router, `/openapi.json`, the gates, the tests of rights) is made from these lines.
//!
//! To add a route: write the handler in the file of its resource, add one line here, and name the
//! shapes of its body and reply in `shapes.rs`.

use crate::accounts::roles::{AREA_KEEPERS, MANAGERS, READERS};

use super::audit::AUDITORS;
use super::kinds::{KIND_KEEPERS, POLICY_KEEPERS};
use super::paging::{AFTER, LIMIT};
use super::route::{Caller, Gate, Route, delete, get, patch, post, put};
use super::{
    alerts, areas, assignments, audit, backups, conflicts, devices, docs, enrol, enrolments,
    health, kinds, limits, look_up, metrics, pages, parked, records, rescue_key, scopes, session,
    sync, tallies, users,
};
use crate::sync::resolve::RESOLVERS;

const DRY_RUN: (&str, &str) = ("dry_run", "true: say what would come of it, and do nothing");

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
    get("/v1/scopes", "The places at which I work now", |r| r.to(scopes::list))
        .by(Caller::Member).query(&[AFTER, LIMIT]).gives("Scopes"),
    get("/v1/kinds", "The definitions of kinds", |r| r.to(kinds::list)).by(Caller::Member).gives("Kinds"),
    post("/v1/kinds", "Add a kind, or the next version of one", |r| r.to(kinds::add))
        .by(Caller::Console(KIND_KEEPERS)).query(&[DRY_RUN]).takes_text("Kind").gives("KindAdded"),
    get("/v1/policy", "The policy", |r| r.to(kinds::policy)).by(Caller::Member).gives("Policy"),
    post("/v1/policy", "Add the next version of the policy", |r| r.to(kinds::add_policy))
        .by(Caller::Console(POLICY_KEEPERS)).query(&[DRY_RUN]).takes_text("PolicyDocument").gives("PolicyAdded"),
    post("/v1/records/{kind}", "Make records", |r| r.to(records::create))
        .by(ANYBODY).takes("NewRecords").gives("Results"),
    post("/v1/records/{kind}/search", "Find records", |r| r.to(records::find))
        .by(ANYBODY).takes("Search").gives("Found"),
    get("/v1/records/{kind}/{id}", "A record with its history", |r| r.to(records::show)).by(ANYBODY).gives("RecordShown"),
    post("/v1/records/{kind}/{id}", "Change fields of a record", |r| r.to(records::edit))
        .by(ANYBODY).takes("Edit").gives("Edited"),
    post("/v1/records/{kind}/{id}/move", "Move a record to another place", |r| r.to(records::relocate))
        .by(ANYBODY).takes("Move").gives("Moved"),
    post("/v1/look-up", "Whether somebody was seen lately: one masked match", |r| r.to(look_up::look))
        .by(Caller::Member).takes("LookUp").gives("Match"),
    get("/v1/parked", "Changes that are kept aside", |r| r.to(parked::list))
        .by(Caller::Console(RESOLVERS)).query(&[("state", "open, admitted, dismissed or superseded"), AFTER, LIMIT]).gives("Parked"),
    post("/v1/parked/{id}", "Admit or dismiss one", |r| r.to(parked::decide))
        .by(Caller::Console(RESOLVERS)).takes("Decision").gives("Results"),
    get("/v1/conflicts", "Records in which values lost", |r| r.to(conflicts::list))
        .by(ANYBODY).query(&[AFTER, LIMIT]).gives("Found"),
    post("/v1/conflicts/{record}", "Choose the value that is to stand", |r| r.to(conflicts::choose))
        .by(ANYBODY).takes("Choice").gives("Edited"),
    get("/v1/alerts", "What somebody must see", |r| r.to(alerts::list))
        .by(Caller::Console(RESOLVERS)).query(&[("state", "open or closed"), AFTER, LIMIT]).gives("Alerts"),
    post("/v1/alerts/close", "Close an alert", |r| r.to(alerts::close))
        .by(Caller::Console(RESOLVERS)).takes("AlertClose").gives("AlertClosed"),
    get("/v1/tallies", "Counts of an area", |r| r.to(tallies::show))
        .by(ANYBODY).query(&[("area", "code of a node: it and what is below"), ("day", "for kinds by day: which, as 2026-11-22")])
        .gives("Tallies"),
    get("/v1/audit", "Who looked at whose data", |r| r.to(audit::list))
        .by(Caller::Console(AUDITORS)).query(&[AFTER, LIMIT]).gives("Audit"),
    get("/v1/backups", "Which backups are on record, and what makes a change durable", |r| r.to(backups::list))
        .by(AREA_KEEPER).gives("Backups"),
    get("/v1/rescue-key", "The public key that rescue files are sealed for", |r| r.to(rescue_key::show))
        .gives("RescueKey"),
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
    get("/", "To the field app", |r| {
        r.to(pages::front)
    }),
    get("/app", "To the field app", |r| {
        r.to(pages::redirect)
    }),
    get("/app/", "The field app", |r| {
        r.to(pages::show)
    }),
    get("/app/{file}", "A file of the field app", |r| r.to(pages::show)),
    get("/card", "To the traveller's card", |r| {
        r.to(pages::redirect)
    }),
    get("/card/", "The traveller's card", |r| {
        r.to(pages::show)
    }),
    get("/card/{file}", "A file of the card", |r| {
        r.to(pages::show)
    }),
    get("/problems", "What each problem code means", |r| {
        r.to(docs::problems)
    }),
    get("/problems/{code}", "What one problem code means", |r| {
        r.to(docs::problem)
    }),
];
