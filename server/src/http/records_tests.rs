//! Records over HTTP, as consoles and other systems use them.

use super::trial::{NOW, TODAY, Trial, id, person};
use crate::import::derived_id;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

pub(super) async fn trial_with_entries() -> Trial {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    let mut lines = Vec::new();
    for n in 1..=5 {
        trial.clock.advance(1000);
        lines.push(trial.entry(n));
    }
    let (status, reply) = trial.sync(&mut phone, &lines, json!([])).await;
    assert_eq!((status, &reply["ack"]), (200, &json!(5)), "{reply}");
    trial
}

pub(super) fn household(n: u8) -> Value {
    json!({ "record": id(n), "scope": "grid:G11", "set": { "number": "1-101", "phone": "13800000001" } })
}

pub(super) async fn make(trial: &Trial, login: &str, new: &Value) -> Value {
    let (status, reply) = trial
        .post(login, "/v1/records/household", &json!([new]))
        .await;
    assert_eq!(status, 200, "{reply}");
    reply["results"][0].clone()
}

#[actix_web::test]
async fn a_search_is_projected_paged_and_on_record() {
    let trial = trial_with_entries().await;
    let find = |login: &'static str, body: Value| {
        let trial = &trial;
        async move {
            trial
                .post(login, "/v1/records/registration/search", &body)
                .await
        }
    };
    let (status, page) = find("officer", json!({ "limit": 2, "purpose": "tracing" })).await;
    assert_eq!(status, 200, "{page}");
    assert_eq!(page["rows"].as_array().unwrap().len(), 2);
    assert_eq!(page["rows"][0]["record"], json!(id(5)), "newest first");
    let mut seen = 2;
    let mut after = page["next"].clone();
    while !after.is_null() {
        let (_, page) = find("officer", json!({ "limit": 2, "after": after })).await;
        seen += page["rows"].as_array().unwrap().len();
        after = page["next"].clone();
    }
    assert_eq!(seen, 5);

    let (_, exact) = find(
        "officer",
        json!({ "phone": "+86 138 0000 0003", "purpose": "tracing" }),
    )
    .await;
    assert_eq!(exact["rows"].as_array().unwrap().len(), 1, "{exact}");
    assert_eq!(exact["rows"][0]["set"]["person"]["phone"], "13800000003");
    assert_eq!(exact["rows"][0]["scope"], format!("checkpoint:S1@{TODAY}"));
    let (_, masked) = find("command", json!({ "limit": 1 })).await;
    assert_eq!(
        masked["rows"][0]["set"]["person"]["name"], "王*",
        "{masked}"
    );
    for (login, body) in [
        (
            "neighbour",
            json!({ "phone": "13800000003", "purpose": "tracing" }),
        ),
        ("neighbour", json!({ "area": "V1" })),
        ("neighbour", json!({ "scope": "checkpoint:S1" })),
        ("admin", json!({})),
        ("officer", json!({ "from": "2026-11-23" })),
        ("officer", json!({ "to": "2026-11-21" })),
        ("officer", json!({ "scope": "checkpoint:S2" })),
        ("officer", json!({ "area": "nowhere" })),
    ] {
        let (status, page) = find(login, body.clone()).await;
        assert_eq!(
            (status, page["rows"].as_array().unwrap().len()),
            (200, 0),
            "{login} {body}"
        );
    }
    let (status, problem) = find("officer", json!({ "phone": "1", "plate": "2" })).await;
    assert_eq!((status, &problem["code"]), (422, &json!("malformed")));
    assert_eq!(
        trial
            .post("officer", "/v1/records/nothing/search", &json!({}))
            .await
            .0,
        404
    );

    let (_, audit) = trial.get("auditor", "/v1/audit").await;
    let looks = audit["rows"].as_array().unwrap();
    assert!(
        looks.iter().any(|look| look["action"] == "search"
            && look["purpose"] == "tracing"
            && look["count"] == 2),
        "{audit}"
    );
    assert!(!audit.to_string().contains("1380000"));
}

#[actix_web::test]
async fn what_is_odd_is_said_and_only_to_those_who_see_the_value() {
    let trial = Trial::new(&[]);
    let mut entry = trial.entry(1);
    entry["set"]["person"] = json!({ "name": "王伟" });
    let mut phone = trial.phone("volunteer");
    trial.sync(&mut phone, &[entry], json!([])).await;
    let path = format!("/v1/records/registration/{}", id(1));
    let (status, shown) = trial.get("officer", &path).await;
    assert_eq!(status, 200);
    let warnings = shown["row"]["warnings"].as_array().unwrap();
    assert!(
        warnings.iter().any(|odd| odd["path"] == "person.phone"),
        "{shown}"
    );
    let (_, shown) = trial.get("command", &path).await;
    assert!(
        !shown["row"]["warnings"]
            .to_string()
            .contains("person.phone"),
        "{shown}"
    );
}

#[actix_web::test]
async fn a_record_that_stands_where_a_key_leads_and_is_somebody_elses_is_left_alone() {
    let trial = Trial::new(&[]);
    // Whoever knows an account and its next key can work out the id, and be there first.
    let taken = derived_id("household", &format!("{}/monday", trial.user("grid")), "1");
    let mut there = household(0);
    there["record"] = json!(taken);
    there["scope"] = json!("grid:G21");
    make(&trial, "other", &there).await;
    let send = async |login: &str| {
        let mut first = household(0);
        first.as_object_mut().unwrap().remove("record");
        let mut second = first.clone();
        second["set"]["phone"] = json!("13800000002");
        let request = TestRequest::with_uri("/v1/records/household")
            .method(Method::POST)
            .insert_header(("idempotency-key", "monday"))
            .set_json(json!([first, second]));
        trial.send(request, &trial.session(login)).await
    };
    let (status, problem) = send("grid").await;
    assert_eq!(
        (status, &problem["code"], &problem["field"]),
        (409, &json!("taken"), &json!("idempotency-key")),
        "{problem}"
    );
    let (_, rows) = trial
        .post("grid", "/v1/records/household/search", &json!({}))
        .await;
    assert_eq!(rows["rows"], json!([]), "nothing of it was made");
    let path = format!("/v1/records/household/{taken}");
    let (_, shown) = trial.get("other", &path).await;
    assert_eq!(shown["row"]["set"]["phone"], "13800000001");
    assert_eq!(send("grid2").await.0, 200, "another account, another id");
}

#[actix_web::test]
async fn a_request_that_is_sent_again_makes_nothing_twice_and_undoes_nothing() {
    let trial = Trial::new(&[]);
    let token = trial.session("grid");
    let send = |body: Value| {
        let request = TestRequest::with_uri("/v1/records/household")
            .method(Method::POST)
            .insert_header(("idempotency-key", "list-7"))
            .set_json(&body);
        let (trial, token) = (&trial, token.clone());
        async move { trial.send(request, &token).await }
    };
    let body = json!([{ "scope": "grid:G11", "set": { "phone": "13800000001" } }, { "scope": "grid:G11", "set": { "dogs": "many" } }]);
    let (status, first) = send(body.clone()).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["results"][0]["verdict"], "applied");
    assert_eq!(first["results"][1]["verdict"], "invalid", "{first}");
    let (_, again) = send(body.clone()).await;
    assert_eq!(first, again);
    let nowhere = trial.post("grid", "/v1/records/nothing", &body).await;
    assert_eq!(nowhere.0, 404);
    let (status, problem) = send(json!([])).await;
    assert_eq!((status, &problem["code"]), (422, &json!("key_reused")));

    // The reply was lost before it could be kept: the ids are the same, and the edit stands.
    let record = first["results"][0]["record"].as_str().unwrap().to_owned();
    let path = format!("/v1/records/household/{record}");
    let (_, shown) = trial.get("grid", &path).await;
    let edit = json!({ "base": shown["row"]["rev"], "set": { "phone": "13900000000" } });
    trial.post("grid2", &path, &edit).await;
    let one = json!([{ "record": record, "scope": "grid:G11", "set": { "phone": "13800000001" } }]);
    let (_, repeated) = trial.post("grid", "/v1/records/household", &one).await;
    assert_eq!(repeated["results"][0]["repeated"], true, "{repeated}");
    let (_, shown) = trial.get("grid", &path).await;
    assert_eq!(shown["row"]["set"]["phone"], "13900000000");
}

#[actix_web::test]
async fn two_edits_of_one_household_are_both_there_and_the_loser_can_be_chosen() {
    let trial = Trial::new(&[]);
    make(&trial, "grid", &household(1)).await;
    let path = format!("/v1/records/household/{}", id(1));
    let (_, shown) = trial.get("grid", &path).await;
    let base = shown["row"]["rev"].clone();
    trial.clock.advance(5000);
    let edit = |phone: &str| json!({ "base": base, "set": { "phone": phone } });
    let (status, first) = trial.post("grid", &path, &edit("13900000001")).await;
    assert_eq!(
        (status, &first["result"]["verdict"]),
        (200, &json!("applied")),
        "{first}"
    );
    trial.clock.advance(5000);
    let (_, second) = trial.post("grid2", &path, &edit("13900000002")).await;
    assert_eq!(second["row"]["set"]["phone"], "13900000002", "{second}");
    assert_eq!(
        second["row"]["conflicts"]["phone"][0]["value"],
        "13900000001"
    );

    let (_, list) = trial.get("officer", "/v1/conflicts").await;
    assert_eq!(list["rows"].as_array().unwrap().len(), 1, "{list}");
    let (_, nothing) = trial.get("other", "/v1/conflicts").await;
    assert_eq!(nothing["rows"], json!([]));
    let choice = format!("/v1/conflicts/{}", id(1));
    let stale = json!({ "base": base, "field": "phone", "conflict": 0 });
    let (status, problem) = trial.post("officer", &choice, &stale).await;
    assert_eq!((status, &problem["code"]), (409, &json!("stale")));
    let now = json!({ "base": second["row"]["rev"], "field": "phone", "conflict": 0 });
    assert_eq!(trial.post("other", &choice, &now).await.0, 404);
    let (status, chosen) = trial.post("officer", &choice, &now).await;
    assert_eq!(
        (status, &chosen["row"]["set"]["phone"]),
        (200, &json!("13900000001")),
        "{chosen}"
    );
    let (_, list) = trial.get("officer", "/v1/conflicts").await;
    assert_eq!(list["rows"], json!([]), "nothing is left to choose");
    let (_, shown) = trial.get("officer", &path).await;
    assert!(!shown["history"].as_array().unwrap().is_empty());
}

#[actix_web::test]
async fn i11_a_household_moves_with_its_visits_and_the_old_leader_sees_neither() {
    let trial = Trial::new(&[]);
    make(&trial, "grid", &household(1)).await;
    let visit = json!([{ "record": id(2), "parent": id(1), "set": { "outcome": "met" } }]);
    let (_, made) = trial.post("grid", "/v1/records/visit", &visit).await;
    assert_eq!(made["results"][0]["verdict"], "applied", "{made}");
    let path = format!("/v1/records/household/{}", id(1));
    let go = format!("{path}/move");
    let to = |place: &str| json!({ "to": place });
    assert_eq!(
        trial.post("other", &go, &to("grid:G12")).await.0,
        404,
        "out of reach"
    );
    assert_eq!(
        trial.post("grid", &go, &to("grid:G12")).await.0,
        403,
        "not theirs to decide"
    );
    assert_eq!(
        trial.post("officer", &go, &to("grid:G21")).await.0,
        403,
        "not both in reach"
    );
    let (status, problem) = trial.post("officer", &go, &to("checkpoint:S1")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("place")));
    let child = format!("/v1/records/visit/{}/move", id(2));
    let (status, problem) = trial.post("officer", &child, &to("grid:G12")).await;
    assert_eq!((status, &problem["code"]), (422, &json!("child")));
    let (status, moved) = trial.post("officer", &go, &to("grid:G12")).await;
    assert_eq!((status, &moved["moved"]), (200, &json!(2)), "{moved}");
    assert_eq!(trial.get("grid", &path).await.0, 404);
    let (_, shown) = trial.get("officer", &path).await;
    assert_eq!(shown["row"]["scope"], "grid:G12");
}

#[actix_web::test]
async fn i11_an_entry_moves_to_the_same_day_of_a_checkpoint_that_has_entries() {
    let trial = trial_with_entries().await;
    let there = trial.line(
        "registration",
        id(7),
        &json!({ "scope": "checkpoint:S2", "set": person(7) }),
    );
    let mut phone = trial.phone("stranger");
    trial.sync(&mut phone, &[there], json!([])).await;
    let grant = |c: &mut crate::store::Connection| {
        let new = crate::store::grants::NewGrant {
            account: trial.user("officer"),
            role: "officer",
            area: "V2",
            from_at: NOW,
            until_at: None,
            made_by: None,
            made_at: NOW,
        };
        crate::store::grants::insert(c, &new).map(drop)
    };
    trial
        .app
        .store
        .write::<_, crate::store::Error>(grant)
        .unwrap();
    let go = format!("/v1/records/registration/{}/move", id(1));
    let (status, moved) = trial
        .post("officer", &go, &json!({ "to": "checkpoint:S2" }))
        .await;
    assert_eq!((status, &moved["moved"]), (200, &json!(1)), "{moved}");
    let path = format!("/v1/records/registration/{}", id(1));
    let (_, shown) = trial.get("officer", &path).await;
    assert_eq!(shown["row"]["scope"], format!("checkpoint:S2@{TODAY}"));
}
