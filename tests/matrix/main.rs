//! The matrix of rights (S1): every role, in every relation to a place, tries every verb on every
//! kind, with the id of what it wants at every place where an id can stand. An oracle that knows
//! nothing of the server's code says what has to come of it. A route that is neither tried here
//! nor listed as public fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod cells;
mod district;
mod oracle;
mod people;

use std::collections::BTreeSet;
use std::time::Instant;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use kadian::http::routes::ROUTES;
use kadian::http::service;
use kadian::store::devices::{self, NewDevice};
use sync_protocol::id::UserId;

use cells::{Cell, Maker, VERBS};
use district::{District, NOW, words};
use oracle::{Case, KINDS, RELATIONS, ROLES};

/// Routes that show nothing that is anybody's: open to all, about the caller alone, or about the
/// installation.
const PUBLIC: &[(&str, &str)] = &[
    ("POST", "/v1/session"),
    ("GET", "/v1/session"),
    ("PUT", "/v1/session"),
    ("DELETE", "/v1/session"),
    ("POST", "/v1/enrol"),
    ("GET", "/v1/kinds"),
    ("GET", "/v1/policy"),
    ("GET", "/v1/limits"),
    ("GET", "/v1/rescue-key"),
    ("GET", "/"),
    ("GET", "/app"),
    ("GET", "/app/"),
    ("GET", "/app/{file}"),
    ("GET", "/card"),
    ("GET", "/card/"),
    ("GET", "/card/{file}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/docs.css"),
    ("GET", "/docs/docs.js"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
];

const FEWEST_CELLS: usize = 5_000;

/// A phone of somebody's that has sent nothing yet; its token.
fn fresh_phone(district: &District, account: UserId, number: u64) -> String {
    let token = format!("{number:y>43}");
    let hash = kadian::accounts::devices::token_hash(&token).unwrap();
    let new = NewDevice {
        account,
        token_hash: &hash,
        name: "phone",
        leaves: None,
        now: NOW,
    };
    let made = district
        .app
        .store
        .write::<_, kadian::store::Error>(|c| devices::insert(c, &new));
    made.unwrap();
    token
}

#[actix_web::test]
async fn i10_every_role_in_every_relation_gets_what_it_may_and_nothing_else() {
    let started = Instant::now();
    let district = District::build();
    let service = init_service(service(&district.app)).await;
    let mut tried = BTreeSet::new();
    let mut faults = Vec::new();
    let (mut cells, mut leaks) = (0, 0);
    for verb in VERBS {
        for role in ROLES {
            for relation in RELATIONS {
                for kind in KINDS {
                    let case = Case {
                        role,
                        relation,
                        kind,
                    };
                    let maker = Maker {
                        district: &district,
                        case,
                        number: cells as u64,
                    };
                    let Some(Cell {
                        verb,
                        route,
                        request,
                        want,
                    }) = maker.cell(verb)
                    else {
                        continue;
                    };
                    cells += 1;
                    tried.insert(route);
                    let reply = call_service(&service, TestRequest::to_request(request)).await;
                    let status = reply.status().as_u16();
                    let body = read_body(reply).await;
                    let text = String::from_utf8_lossy(&body);
                    let mut fault = |what: String| {
                        faults.push(format!(
                            "{verb}: {role}, {relation:?}, {kind}: {what}\n    {text:.400}"
                        ));
                    };
                    if !want.status.contains(&status) {
                        fault(format!("{status}, not {:?}", want.status));
                    }
                    let target = &district.targets[kind];
                    let named = named(verb, &district, kind)
                        .iter()
                        .any(|one| text.contains(one));
                    if want.must_show && !named {
                        fault("it is not shown".to_owned());
                    }
                    let leaked = leaks_in(&text, verb, case, target, named && !want.shows);
                    leaks += leaked.len();
                    leaked.into_iter().for_each(&mut fault);
                    if let Some((record, mark, lands)) = want.effect {
                        let landed = district.values(record).is_some_and(|values| {
                            values.to_string().contains(&format!("\"{mark}\""))
                        });
                        if landed != lands {
                            fault(format!("written: {landed}, ought: {lands}"));
                        }
                        district.tidy(record);
                    }
                }
            }
        }
    }
    for kind in KINDS {
        let target = &district.targets[kind];
        let (here, there) = (
            district.scope_of(target.id),
            district.scope_of(target.neighbour),
        );
        assert!(
            here.is_some() && there.is_some() && here != there,
            "{kind} was moved"
        );
    }
    println!(
        "{cells} cells, {leaks} leaks, {} routes tried, {} public, {:.1} s",
        tried.len(),
        PUBLIC.len(),
        started.elapsed().as_secs_f32()
    );
    assert!(
        faults.is_empty(),
        "{} faults, first:\n{}",
        faults.len(),
        faults[..faults.len().min(25)].join("\n")
    );
    assert_eq!(leaks, 0);
    assert!(cells >= FEWEST_CELLS, "{cells} cells");
    let missing: Vec<_> = ROUTES
        .iter()
        .map(|route| (route.verb.name(), route.path))
        .filter(|route| !tried.contains(route) && !PUBLIC.contains(route))
        .collect();
    assert!(missing.is_empty(), "neither tried nor public: {missing:?}");
    let stale: Vec<_> = PUBLIC
        .iter()
        .filter(|route| {
            !ROUTES
                .iter()
                .any(|one| (one.verb.name(), one.path) == **route)
        })
        .collect();
    assert!(stale.is_empty(), "public, but no route: {stale:?}");
}

/// The texts by which what is wanted would be known in a reply.
fn named(verb: &str, district: &District, kind: &str) -> Vec<String> {
    let target = &district.targets[kind];
    let managed = &district.managed;
    match verb {
        "look up" => vec!["\"王*\"".to_owned()],
        "alerts" => vec![target.alert.clone()],
        "parked" | "parked by cursor" => vec![target.parked_record.to_string()],
        "audit" => vec![format!("\"{}\"", target.scope), target.id.to_string()],
        "scopes by console" | "scopes by phone" => vec![format!("\"{}\"", target.place)],
        "users" => vec![format!("\"{}\"", managed.user)],
        "devices" => vec![format!("\"device\":{},", district.managed_device)],
        "assignments" => vec![format!("\"user\":\"{}\"", managed.user)],
        "areas" => vec!["\"code\":\"S1\"".to_owned()],
        // The reply to a create names the id that came with it.
        "create in scope" | "create on a known id" => vec!["\"set\"".to_owned()],
        _ => vec![target.id.to_string()],
    }
}

/// What stands in a reply that this caller may not see.
fn leaks_in(
    text: &str,
    verb: &str,
    case: Case,
    target: &district::Target,
    named: bool,
) -> Vec<String> {
    let mut leaks = Vec::new();
    let (name, note) = words(case.kind);
    let masked = format!("{}*", name.chars().next().unwrap_or_default());
    if named {
        leaks.push("it is shown".to_owned());
    }
    for phone in [&target.phone, &target.parked_phone] {
        if text.contains(phone.as_str()) && !case.sees_phone() {
            leaks.push("a telephone leaks".to_owned());
        }
    }
    if text.contains(note) && !case.sees_note() {
        leaks.push("a note leaks".to_owned());
    }
    if text.contains(name) && !case.sees_phone() {
        leaks.push("a name leaks".to_owned());
    }
    // Even masked, a name is for those who read the kind, or who looked it up.
    if text.contains(&masked) && !case.reads() && verb != "look up" && !verb.starts_with("parked") {
        leaks.push("a masked name leaks".to_owned());
    }
    leaks
}
