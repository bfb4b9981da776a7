//! Signing in, enrolling and giving roles over HTTP, in process.

use super::*;
use crate::accounts::Actor;
use crate::accounts::areas::{self as tree, NewArea};
use crate::accounts::users::{self as people, NewUser};
use crate::accounts::{hex, sha256};
use crate::clock::{BUILD, Clock};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";

struct Town {
    app: Arc<App>,
}

impl Town {
    /// A district with a village, two grids, a checkpoint, and people of each standing.
    fn build() -> Self {
        let app = App::trial(Clock::manual(BUILD)).unwrap();
        let hash = app.door.passwords.hash(PASSWORD).unwrap();
        app.store
            .write::<_, crate::accounts::Error>(|c| {
                for (code, parent, level) in [
                    ("999999", None, "district"),
                    ("V1", Some("999999"), "village"),
                    ("V2", Some("999999"), "village"),
                    ("G1", Some("V1"), "grid"),
                    ("G2", Some("V1"), "grid"),
                    ("S1", Some("V1"), "checkpoint"),
                ] {
                    let new = NewArea {
                        code: code.to_owned(),
                        parent: parent.map(str::to_owned),
                        level: level.to_owned(),
                        name: format!("区域 {code}"),
                        ..NewArea::default()
                    };
                    tree::create(c, Actor::CommandLine, &new)?;
                }
                for (login, role, area) in [
                    ("admin", "admin", "999999"),
                    ("officer", "officer", "V1"),
                    ("neighbour", "officer", "V2"),
                    ("grid.one", "grid_leader", "G1"),
                    ("grid.two", "grid_leader", "G2"),
                    ("volunteer", "volunteer", "S1"),
                ] {
                    let new = NewUser {
                        login,
                        name: "测试员",
                        password_hash: Some(&hash),
                        role,
                        area,
                        from: None,
                        until: None,
                    };
                    people::create(c, Actor::CommandLine, &new, BUILD)?;
                }
                Ok(())
            })
            .unwrap();
        app.clock.advance(1000);
        Self { app }
    }

    async fn call(
        &self,
        verb: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let service = init_service(service(&self.app)).await;
        let mut request = TestRequest::with_uri(path)
            .method(Method::from_bytes(verb.as_bytes()).unwrap())
            .peer_addr("192.0.2.7:40000".parse().unwrap());
        if let Some(token) = token {
            request = request.insert_header(("authorization", format!("Bearer {token}")));
        }
        if let Some(body) = body {
            request = request
                .insert_header(("content-type", "application/json"))
                .set_payload(body.to_string());
        }
        let reply: ServiceResponse<_> = call_service(&service, request.to_request()).await;
        let status = reply.status().as_u16();
        let bytes = read_body(reply).await;
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn sign_in(&self, login: &str) -> String {
        let body = json!({ "login": login, "password": PASSWORD });
        let (status, reply) = self.call("POST", "/v1/session", None, Some(body)).await;
        assert_eq!(status, 200, "{reply}");
        reply["token"].as_str().unwrap().to_owned()
    }

    async fn user(&self, token: &str, login: &str) -> String {
        let (_, reply) = self.call("GET", "/v1/users", Some(token), None).await;
        let rows = reply["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["login"] == login).unwrap();
        row["user"].as_str().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn a_console_signs_in_goes_on_and_signs_out() {
    let town = Town::build();
    let wrong = json!({ "login": "officer", "password": "wrong horse battery" });
    let nobody = json!({ "login": "nobody", "password": PASSWORD });
    for body in [wrong, nobody] {
        let (status, reply) = town.call("POST", "/v1/session", None, Some(body)).await;
        assert_eq!((status, reply["code"].as_str()), (401, Some("credentials")));
    }
    let token = town.sign_in("officer").await;
    let (status, me) = town.call("GET", "/v1/session", Some(&token), None).await;
    assert_eq!(status, 200);
    assert_eq!(me["user"]["login"], "officer");
    assert_eq!(me["assignments"][0]["area"], "V1");

    town.app.clock.advance(10 * 60_000);
    let (status, renewed) = town.call("PUT", "/v1/session", Some(&token), None).await;
    assert_eq!(status, 200);
    town.app.clock.advance(10 * 60_000);
    assert_eq!(
        town.call("GET", "/v1/session", Some(&token), None).await.0,
        401,
        "fifteen minutes are over"
    );
    let token = renewed["token"].as_str().unwrap();
    assert_eq!(
        town.call("GET", "/v1/session", Some(token), None).await.0,
        200
    );
    assert_eq!(
        town.call("DELETE", "/v1/session", Some(token), None)
            .await
            .0,
        204
    );
    assert_eq!(
        town.call("GET", "/v1/session", Some(token), None).await.0,
        401
    );
}

#[actix_web::test]
async fn a_token_of_the_wrong_sort_opens_nothing() {
    let town = Town::build();
    let device = "A".repeat(43);
    for token in [None, Some(""), Some("x.y.z"), Some(device.as_str())] {
        for route in routes::ROUTES {
            if let route::Caller::Console(_) = route.caller {
                let path = route.path.replace(['{', '}'], "");
                let (status, reply) = town
                    .call(route.verb.name(), &path, token, Some(json!({})))
                    .await;
                assert!(
                    status == 401 || status == 400,
                    "{} {path}: {reply}",
                    route.verb.name()
                );
            }
        }
    }
}

#[actix_web::test]
async fn a_phone_enrols_with_a_code_and_leaves_a_fork_with_its_token() {
    let town = Town::build();
    let officer = town.sign_in("officer").await;
    let volunteer = town.user(&officer, "volunteer").await;
    let body = json!({ "user": volunteer });
    let (status, code) = town
        .call("POST", "/v1/enrolments", Some(&officer), Some(body))
        .await;
    assert_eq!(status, 200, "{code}");
    let token = "t".repeat(43);
    let hash = hex(&sha256(token.as_bytes()));
    let enrol = json!({ "code": code["code"], "token_hash": hash, "name": "志愿者的手机" });
    let (status, enrolled) = town
        .call("POST", "/v1/enrol", None, Some(enrol.clone()))
        .await;
    assert_eq!((status, &enrolled["user"]), (200, &json!(volunteer)));
    let again = town.call("POST", "/v1/enrol", None, Some(enrol)).await;
    assert_eq!(
        again,
        (200, enrolled.clone()),
        "a lost reply costs a resend and nothing else"
    );
    let other = json!({ "code": code["code"], "token_hash": hex(&sha256(b"another")) });
    assert_eq!(
        town.call("POST", "/v1/enrol", None, Some(other)).await.1["code"],
        "code_used"
    );

    let exit = json!({ "token_hash": hex(&sha256(b"the copy")) });
    let (status, copy) = town
        .call("POST", "/v1/enrol", Some(&token), Some(exit.clone()))
        .await;
    assert_eq!((status, &copy["line"]), (200, &enrolled["line"]));
    assert_ne!(copy["device"], enrolled["device"]);
    assert_eq!(
        town.call(
            "POST",
            "/v1/enrol",
            Some(&"u".repeat(43)),
            Some(exit.clone())
        )
        .await
        .0,
        401
    );
    assert_eq!(
        town.call("POST", "/v1/enrol", None, Some(exit)).await.0,
        422
    );

    let path = format!("/v1/devices/{}", enrolled["device"]);
    let block = json!({ "state": "blocked" });
    assert_eq!(
        town.call("PATCH", &path, Some(&officer), Some(block.clone()))
            .await
            .1["state"],
        "blocked"
    );
    let exit = json!({ "token_hash": hex(&sha256(b"another copy")) });
    assert_eq!(
        town.call("POST", "/v1/enrol", Some(&token), Some(exit))
            .await
            .1["code"],
        "blocked"
    );
    let neighbour = town.sign_in("neighbour").await;
    assert_eq!(
        town.call("PATCH", &path, Some(&neighbour), Some(block))
            .await
            .0,
        404
    );
    let (_, listed) = town.call("GET", "/v1/devices", Some(&officer), None).await;
    assert_eq!(listed["rows"].as_array().unwrap().len(), 2);
    let (_, listed) = town
        .call("GET", "/v1/devices", Some(&neighbour), None)
        .await;
    assert_eq!(listed["rows"], json!([]));
}

#[actix_web::test]
async fn a_right_that_is_revoked_is_gone_at_the_next_request_of_the_same_session() {
    let town = Town::build();
    let (admin, officer) = (town.sign_in("admin").await, town.sign_in("officer").await);
    assert_eq!(
        town.call("GET", "/v1/users", Some(&officer), None).await.0,
        200
    );
    let (_, grants) = town
        .call(
            "GET",
            "/v1/assignments?role=officer&area=V1",
            Some(&admin),
            None,
        )
        .await;
    let grant = grants["rows"][0]["assignment"].as_i64().unwrap();
    let path = format!("/v1/assignments/{grant}");
    assert_eq!(
        town.call("DELETE", &path, Some(&officer), None).await.0,
        403,
        "not one's own"
    );
    assert_eq!(town.call("DELETE", &path, Some(&admin), None).await.0, 204);
    let (status, reply) = town.call("GET", "/v1/users", Some(&officer), None).await;
    assert_eq!((status, reply["code"].as_str()), (403, Some("forbidden")));
    let (_, areas) = town.call("GET", "/v1/areas", Some(&officer), None).await;
    assert_eq!(areas["rows"], json!([]));
}

#[actix_web::test]
async fn a_grid_is_handed_over_and_what_cannot_be_is_said_by_field_and_rule() {
    let town = Town::build();
    let officer = town.sign_in("officer").await;
    let one = town.user(&officer, "grid.one").await;
    let two = town.user(&officer, "grid.two").await;
    let over = json!({ "user": two, "area": "G1", "instead_of": one });
    assert_eq!(
        town.call("POST", "/v1/assignments", Some(&officer), Some(over))
            .await
            .0,
        200
    );
    let (_, held) = town
        .call("GET", "/v1/assignments?area=G1", Some(&officer), None)
        .await;
    assert_eq!(held["rows"].as_array().unwrap().len(), 1);
    assert_eq!(held["rows"][0]["user"], json!(two));
    let wrong = json!({ "user": two, "area": "V1" });
    let (status, reply) = town
        .call("POST", "/v1/assignments", Some(&officer), Some(wrong))
        .await;
    assert_eq!((status, reply["field"].as_str()), (422, Some("area")));
    let above = json!({ "user": two, "area": "V1", "role": "command" });
    assert_eq!(
        town.call("POST", "/v1/assignments", Some(&officer), Some(above))
            .await
            .0,
        403
    );
    let elsewhere = json!({ "user": two, "area": "V2", "role": "volunteer" });
    assert_eq!(
        town.call("POST", "/v1/assignments", Some(&officer), Some(elsewhere))
            .await
            .0,
        404
    );
}

#[actix_web::test]
async fn people_and_areas_are_made_and_changed_within_reach() {
    let town = Town::build();
    let (admin, officer) = (town.sign_in("admin").await, town.sign_in("officer").await);
    let new = json!({ "login": "late.comer", "name": "新人", "role": "volunteer", "area": "S1", "password": "12345678" });
    let (status, reply) = town
        .call("POST", "/v1/users", Some(&officer), Some(new))
        .await;
    assert_eq!((status, reply["field"].as_str()), (422, Some("password")));
    assert!(!reply.to_string().contains("12345678"));
    let new = json!({ "login": "late.comer", "name": "新人", "role": "volunteer", "area": "S1" });
    assert_eq!(
        town.call("POST", "/v1/users", Some(&officer), Some(new.clone()))
            .await
            .0,
        200
    );
    assert_eq!(
        town.call("POST", "/v1/users", Some(&officer), Some(new))
            .await
            .0,
        409
    );
    let late = town.user(&officer, "late.comer").await;
    let path = format!("/v1/users/{late}");
    let (_, row) = town
        .call(
            "PATCH",
            &path,
            Some(&officer),
            Some(json!({ "active": false })),
        )
        .await;
    assert_eq!(row["active"], false);

    // One's own password asks for the current one.
    let path = format!("/v1/users/{}", town.user(&officer, "officer").await);
    let change =
        |current: &str| json!({ "password": "another good horse", "current_password": current });
    assert_eq!(
        town.call("PATCH", &path, Some(&officer), Some(change("guess")))
            .await
            .0,
        401
    );
    assert_eq!(
        town.call("PATCH", &path, Some(&officer), Some(change(PASSWORD)))
            .await
            .0,
        200
    );
    assert_eq!(
        town.call("GET", "/v1/session", Some(&officer), None)
            .await
            .0,
        401,
        "every session is over"
    );

    let node = json!({ "code": "G3", "parent": "V1", "level": "grid", "name": "三号网格" });
    assert_eq!(
        town.call("POST", "/v1/areas", Some(&admin), Some(node))
            .await
            .1["path"],
        "/999999/V1/G3/"
    );
    let (_, row) = town
        .call(
            "PATCH",
            "/v1/areas/G3",
            Some(&admin),
            Some(json!({ "name": "网格三" })),
        )
        .await;
    assert_eq!(row["name"], "网格三");
    let mut after = String::new();
    let mut seen = Vec::new();
    loop {
        let path = format!("/v1/areas?under=V1&limit=2&after={after}");
        let (_, page) = town.call("GET", &path, Some(&admin), None).await;
        seen.extend(
            page["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["code"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["V1", "G1", "G2", "G3", "S1"]);
    let neighbour = town.sign_in("neighbour").await;
    assert_eq!(
        town.call("GET", "/v1/areas?under=V1", Some(&neighbour), None)
            .await
            .0,
        404
    );
    assert_eq!(
        town.call(
            "POST",
            "/v1/areas",
            Some(&neighbour),
            Some(json!({ "code": "G9", "parent": "V2", "level": "grid", "name": "x" }))
        )
        .await
        .0,
        403
    );
}

#[actix_web::test]
async fn guessing_ends_in_a_wait_that_the_reply_names() {
    let town = Town::build();
    for n in 0.. {
        assert!(n < 20, "nobody was held back");
        let body = json!({ "login": "officer", "password": format!("guess number {n}") });
        let (status, reply) = town.call("POST", "/v1/session", None, Some(body)).await;
        if status == 429 {
            assert_eq!(reply["code"], "too_many_requests");
            return;
        }
        assert_eq!(status, 401);
    }
}
