//! The whole server side of HTTP, in process.

use super::route::{Caller, Gate, get};
use super::*;
use crate::clock::{BUILD, Clock};
use crate::config::{Config, Sources};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde_json::Value;
use std::io::Read as _;

fn app_with(flags: &[(&str, &str)], clock: Clock) -> Arc<App> {
    let flags = flags
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let standard = [
        ("database.url", "sqlite::memory:"),
        ("http.listen", "127.0.0.1:0"),
        ("http.workers", "1"),
    ];
    let standard = standard.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let sources = Sources {
        flags: standard.into_iter().chain(flags).collect(),
        environment: vec![],
        file: None,
    };
    App::open(Config::resolve(&sources).unwrap(), clock).unwrap()
}

pub(super) fn app() -> Arc<App> {
    app_with(&[], Clock::manual(BUILD))
}

async fn call(app: &Arc<App>, request: TestRequest) -> ServiceResponse<BoxBody> {
    let service = init_service(service(app)).await;
    call_service(&service, request.to_request()).await
}

async fn document(reply: ServiceResponse<BoxBody>) -> Value {
    serde_json::from_slice(&read_body(reply).await).unwrap()
}

#[actix_web::test]
async fn every_route_of_the_table_answers_and_no_other_path_does() {
    let app = app();
    let service = init_service(service(&app)).await;
    for route in routes::ROUTES {
        let method = Method::from_bytes(route.verb.name().as_bytes()).unwrap();
        let path = route.path.replace(['{', '}'], "");
        let request = TestRequest::with_uri(&path).method(method).to_request();
        let reply = call_service(&service, request).await;
        let status = reply.status().as_u16();
        if route.path.contains('{') && status == 404 {
            continue; // such a thing was looked for and not found
        }
        assert!(
            status != 404 && status != 405 && status < 500,
            "{path}: {status}"
        );
    }
    for path in [
        "/nothing",
        "/v1",
        "/v1/nothing",
        "/healthz/",
        "/docs/../healthz",
        "/%00",
        "/problems/nothing",
    ] {
        let reply = call_service(&service, TestRequest::with_uri(path).to_request()).await;
        assert_eq!(reply.status().as_u16(), 404, "{path}");
        assert_eq!(document(reply).await["code"], "not_found", "{path}");
    }
}

#[test]
fn no_file_makes_a_route_outside_the_table() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![folder];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // The floor of the benchmark is another server, with three routes of its own.
        let own = ["http/route.rs", "http/floor.rs", "tests.rs"];
        if own.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for way in [
            "web::resource",
            "web::scope",
            "web::route",
            ".route(",
            ".service(",
            "web::get",
            "web::post",
        ] {
            assert!(
                !text.contains(way),
                "{} makes a route with {way}",
                path.display()
            );
        }
    }
}

#[actix_web::test]
async fn another_method_hears_which_ones_there_are() {
    let app = app();
    let reply = call(&app, TestRequest::delete().uri("/healthz")).await;
    assert_eq!(reply.status().as_u16(), 405);
    assert_eq!(reply.headers().get("allow").unwrap(), "GET, HEAD");
    assert_eq!(document(reply).await["code"], "method_not_allowed");
    let reply = call(
        &app,
        TestRequest::with_uri("/healthz").method(Method::TRACE),
    )
    .await;
    assert_eq!(reply.status().as_u16(), 405);
    let reply = call(&app, TestRequest::with_uri("/healthz").method(Method::HEAD)).await;
    assert_eq!(reply.status().as_u16(), 200);
}

#[actix_web::test]
async fn every_reply_carries_the_protecting_headers_and_a_number() {
    let app = app();
    let paths = routes::ROUTES
        .iter()
        .map(|route| route.path)
        .chain(["/nothing"]);
    for path in paths {
        let reply = call(&app, TestRequest::with_uri(path)).await;
        for (name, value) in headers::protecting(reply.headers()) {
            let found = reply
                .headers()
                .get(*name)
                .unwrap_or_else(|| panic!("{path} lacks {name}"));
            if *name != "cache-control" {
                assert_eq!(found, value, "{path}");
            }
        }
        assert_eq!(
            reply.headers().get("x-request-id").unwrap().len(),
            16,
            "{path}"
        );
    }
    let reply = call(&app, TestRequest::with_uri("/v1/limits")).await;
    assert_eq!(reply.headers().get("cache-control").unwrap(), "no-store");
    let policy = "content-security-policy";
    let data = reply.headers().get(policy).unwrap();
    assert_eq!(data, "default-src 'none'; frame-ancestors 'none'");
    // A page says all that a browser heeds.
    let page = call(&app, TestRequest::with_uri("/docs")).await;
    for (name, value) in headers::PAGE {
        assert_eq!(page.headers().get(*name).unwrap(), value, "{name}");
    }
}

#[actix_web::test]
async fn readiness_tries_what_the_work_needs() {
    let app = app();
    let reply = call(&app, TestRequest::with_uri("/readyz")).await;
    assert_eq!(reply.status().as_u16(), 200);
    assert_eq!(document(reply).await["ready"], true);

    let early = app_with(&[], Clock::manual(BUILD - 1));
    let reply = call(&early, TestRequest::with_uri("/readyz")).await;
    assert_eq!(reply.status().as_u16(), 503);
    let document = document(reply).await;
    assert_eq!(document["checks"]["clock"], false);
    assert_eq!(document["checks"]["database"], true);
    assert_eq!(
        call(&early, TestRequest::with_uri("/healthz"))
            .await
            .status()
            .as_u16(),
        200
    );
}

#[actix_web::test]
async fn many_who_ask_whether_the_server_is_ready_make_one_write_and_take_one_place() {
    use crate::store::{Error, meta};
    use diesel::RunQueryDsl as _;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/kadian.sqlite", folder.path().display());
    let app = app_with(&[("database.url", &url)], Clock::manual(BUILD));
    let counted = app.store.write::<_, Error>(|c| {
        meta::save(c, "probe", "none yet")?;
        meta::save(c, "probes", "0")?;
        let trigger = "CREATE TRIGGER probed AFTER UPDATE ON meta WHEN NEW.name = 'probe' BEGIN \
             UPDATE meta SET value = value + 1 WHERE name = 'probes'; END";
        diesel::sql_query(trigger).execute(c)?;
        Ok(())
    });
    counted.unwrap();
    // Somebody else writes meanwhile, so that all of them come before the first is answered.
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (begun, held) = std::sync::mpsc::channel::<()>();
    let store = app.store.clone();
    let writer = std::thread::spawn(move || {
        store.write::<_, Error>(|c| {
            meta::save(c, "other", "something")?;
            let _ = begun.send(());
            let _ = wait.recv();
            Ok(())
        })
    });
    held.recv().unwrap();
    let ask = || {
        let app = Arc::clone(&app);
        actix_web::rt::spawn(async move { call(&app, TestRequest::with_uri("/readyz")).await })
    };
    let a_while = || actix_web::rt::time::sleep(Duration::from_millis(100));
    // The first hangs up while its probe is under way, which goes on; no second one begins.
    let first = ask();
    a_while().await;
    first.abort();
    let others: Vec<_> = (0..30).map(|_| ask()).collect();
    a_while().await;
    assert_eq!(app.admission.depth().0, 1);
    done.send(()).unwrap();
    for other in others {
        assert_eq!(other.await.unwrap().status().as_u16(), 200);
    }
    writer.join().unwrap().unwrap();
    let probes = app.store.read::<_, Error>(|c| meta::load(c, "probes"));
    assert_eq!(probes.unwrap().as_deref(), Some("1"));
}

#[actix_web::test]
async fn readiness_is_tried_on_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/kadian.sqlite", folder.path().display());
    let app = app_with(&[("database.url", &url)], Clock::manual(BUILD));
    let reply = call(&app, TestRequest::with_uri("/readyz")).await;
    let document = document(reply).await;
    assert_eq!(document["checks"]["database"], true);
    assert_eq!(document["checks"]["migrations"], true);
}

#[actix_web::test]
async fn metrics_are_for_the_operator() {
    let from = |peer: &str| TestRequest::with_uri("/metrics").peer_addr(peer.parse().unwrap());
    let open = app();
    let _ = call(&open, TestRequest::with_uri("/nothing/13800000000?name=x")).await;
    let reply = call(&open, from("127.0.0.1:9")).await;
    assert_eq!(reply.status().as_u16(), 200);
    let text = String::from_utf8(read_body(reply).await.to_vec()).unwrap();
    assert!(
        text.contains("kadian_requests_total{route=\"none\",status=\"4xx\"} 1"),
        "{text}"
    );
    assert!(!text.contains("13800000000"));
    assert_eq!(
        call(&open, from("192.0.2.1:9")).await.status().as_u16(),
        401
    );
    let forwarded = from("127.0.0.1:9").insert_header(("x-forwarded-for", "127.0.0.1"));
    assert_eq!(call(&open, forwarded).await.status().as_u16(), 401);

    let sources = Sources {
        environment: vec![("KADIAN_METRICS_TOKEN".to_owned(), "sesame".to_owned())],
        flags: vec![("database.url".to_owned(), "sqlite::memory:".to_owned())],
        file: None,
    };
    let closed = App::open(Config::resolve(&sources).unwrap(), Clock::manual(BUILD)).unwrap();
    assert_eq!(
        call(&closed, from("127.0.0.1:9")).await.status().as_u16(),
        401
    );
    for (token, status) in [
        ("Bearer sesame", 200),
        ("Bearer sesam", 401),
        ("sesame", 401),
    ] {
        let request = from("192.0.2.1:9").insert_header(("authorization", token));
        assert_eq!(
            call(&closed, request).await.status().as_u16(),
            status,
            "{token}"
        );
    }
}

#[actix_web::test]
async fn a_reply_is_packed_when_that_is_asked_for_and_worth_it() {
    let app = app();
    let request = TestRequest::with_uri("/openapi.json").insert_header(("accept-encoding", "gzip"));
    let reply = call(&app, request).await;
    assert_eq!(reply.headers().get("content-encoding").unwrap(), "gzip");
    assert_eq!(reply.headers().get("vary").unwrap(), "accept-encoding");
    let packed = read_body(reply).await;
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap()["openapi"],
        "3.1.0"
    );
    assert!(packed.len() * 3 < text.len());

    let request = TestRequest::with_uri("/healthz").insert_header(("accept-encoding", "gzip"));
    let reply = call(&app, request).await;
    assert!(
        reply.headers().get("content-encoding").is_none(),
        "too small to be worth it"
    );
    let reply = call(&app, TestRequest::with_uri("/openapi.json")).await;
    assert!(reply.headers().get("content-encoding").is_none());
}

#[actix_web::test]
async fn the_documentation_loads_nothing_from_elsewhere() {
    let app = app();
    for path in ["/docs", "/docs/docs.js", "/docs/docs.css"] {
        let reply = call(&app, TestRequest::with_uri(path)).await;
        assert_eq!(reply.status().as_u16(), 200, "{path}");
        let text = String::from_utf8(read_body(reply).await.to_vec()).unwrap();
        for foreign in [
            "http://",
            "https://",
            "@import",
            "innerHTML",
            "<style",
            " style=",
            "onclick",
        ] {
            assert!(!text.contains(foreign), "{path} has {foreign}");
        }
    }
    let reply = call(&app, TestRequest::with_uri("/problems/body_slow")).await;
    let text = String::from_utf8(read_body(reply).await.to_vec()).unwrap();
    assert!(
        text.starts_with("## body_slow") && text.matches("## ").count() == 1,
        "{text}"
    );
}

#[actix_web::test]
async fn one_address_is_held_back_at_a_gate_and_others_are_not() {
    // The gate is found by the route's place in the table, so the check stands for itself here.
    let app = app();
    let gated = get("/x", "x", |r| r.to(health::alive))
        .gate(Gate::SignIn)
        .by(Caller::Anyone);
    let refused = |peer: &str| {
        let request = TestRequest::with_uri("/x")
            .peer_addr(peer.parse().unwrap())
            .to_srv_request();
        frame::check_gate(&app, &request, Some(&gated)).err()
    };
    let heard = (0..200).filter_map(|_| refused("192.0.2.1:5")).count();
    assert!((150..=175).contains(&heard), "{heard} of 200 refused");
    assert!(refused("192.0.2.2:5").is_none());
    let problem = refused("192.0.2.1:6").unwrap();
    assert!(problem.render(None).headers().contains_key("retry-after"));
}

#[test]
fn behind_a_proxy_only_what_the_proxy_wrote_counts() {
    let request = TestRequest::default()
        .peer_addr("10.0.0.1:5".parse().unwrap())
        .append_header(("x-forwarded-for", "203.0.113.66"))
        .append_header(("x-forwarded-for", "203.0.113.9, 192.0.2.1"))
        .to_http_request();
    assert_eq!(
        frame::client_ip(&request, true).unwrap().to_string(),
        "192.0.2.1"
    );
    assert_eq!(
        frame::client_ip(&request, false).unwrap().to_string(),
        "10.0.0.1"
    );
}
