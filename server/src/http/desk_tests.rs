//! What else a console does, over HTTP: look-ups, what is kept aside, alerts, counts, the audit; and
//! what goes when its time is over.

use super::records_tests::{household, make, trial_with_entries};
use super::trial::{DAY, NOW, TODAY, Trial, id};
use crate::store;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_look_up_gives_one_masked_match_and_is_always_on_record() {
    let trial = trial_with_entries().await;
    let ask = |phone: &str| json!({ "phone": phone, "purpose": "at the gate" });
    let (status, hit) = trial
        .post("stranger", "/v1/look-up", &ask("13800000003"))
        .await;
    assert_eq!(status, 200, "{hit}");
    assert_eq!(hit["match"]["set"]["person"]["name"], "王*");
    assert_eq!(hit["match"]["place"], "区域 S1");
    assert_eq!(hit["match"]["set"]["disposition"], "passed");
    assert!(hit["match"].get("record").is_none());
    // Whoever entered it themselves sees no more of it here.
    let (_, own) = trial
        .post("volunteer", "/v1/look-up", &ask("13800000003"))
        .await;
    assert_eq!(own, hit);
    for nothing in ["13800000077", "not a number", ""] {
        let (status, miss) = trial.post("stranger", "/v1/look-up", &ask(nothing)).await;
        assert_eq!((status, miss), (200, json!({ "match": null })), "{nothing}");
    }
    for (login, status) in [("admin", 403), ("auditor", 403)] {
        assert_eq!(
            trial
                .post(login, "/v1/look-up", &ask("13800000003"))
                .await
                .0,
            status
        );
    }
    let mut without = ask("13800000003");
    without["purpose"] = json!(" ");
    assert_eq!(trial.post("stranger", "/v1/look-up", &without).await.0, 422);
    let (_, audit) = trial.get("auditor", "/v1/audit").await;
    let looks = audit["rows"].as_array().unwrap();
    let hits = looks
        .iter()
        .filter(|look| look["action"] == "look_up" && look["count"] == 1);
    assert_eq!(hits.count(), 2, "{audit}");
}

#[actix_web::test]
async fn look_ups_are_limited_for_each_account() {
    let trial = Trial::new(&[("sync.look_ups_per_minute", "2")]);
    let ask = json!({ "plate": "豫P12345", "purpose": "at the gate" });
    for _ in 0..2 {
        assert_eq!(trial.post("volunteer", "/v1/look-up", &ask).await.0, 200);
    }
    let (status, problem) = trial.post("volunteer", "/v1/look-up", &ask).await;
    assert_eq!(
        (status, &problem["code"]),
        (429, &json!("too_many_requests"))
    );
    assert_eq!(trial.post("stranger", "/v1/look-up", &ask).await.0, 200);
}

#[actix_web::test]
async fn what_is_kept_aside_is_shown_projected_and_decided_once() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("stranger");
    // A volunteer of another gate writes at S1, and a line that cannot be read.
    let lines = [
        trial.entry(1),
        json!({ "kind": "registration", "record": id(2), "set": 5 }),
        trial.entry(3),
    ];
    let (_, reply) = trial.sync(&mut phone, &lines, json!([])).await;
    assert_eq!(reply["ack"], 3);
    let (status, list) = trial.get("officer", "/v1/parked").await;
    assert_eq!(status, 200);
    let rows = list["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{list}");
    assert_eq!(rows[0]["code"], "out_of_scope");
    assert_eq!(rows[0]["set"]["person"]["name"], "王伟");
    assert!(rows[0]["line"].as_str().unwrap().contains("13800000001"));
    let (_, masked) = trial.get("command", "/v1/parked").await;
    let text = masked.to_string();
    assert!(
        !text.contains("王伟") && !text.contains("13800000001") && text.contains("王*"),
        "{masked}"
    );
    let (_, there) = trial.get("neighbour", "/v1/parked").await;
    assert_eq!(
        there["rows"].as_array().unwrap().len(),
        1,
        "the invalid one is shown at home"
    );
    assert_eq!(trial.get("admin", "/v1/parked").await.0, 403);

    let path = format!("/v1/parked/{}", rows[0]["id"]);
    let admit = json!({ "decision": "admit" });
    assert_eq!(trial.post("neighbour", &path, &admit).await.0, 404);
    let (status, problem) = trial.post("command", &path, &admit).await;
    assert_eq!(
        (status, &problem["reason"]),
        (409, &json!("out_of_scope")),
        "{problem}"
    );
    let (status, done) = trial.post("officer", &path, &admit).await;
    assert_eq!(
        (status, &done["results"][0]["verdict"]),
        (200, &json!("applied")),
        "{done}"
    );
    let (status, problem) = trial.post("officer", &path, &admit).await;
    assert_eq!((status, &problem["code"]), (409, &json!("decided")));
    let second = format!("/v1/parked/{}", rows[1]["id"]);
    let dismiss = json!({ "decision": "dismiss" });
    assert_eq!(trial.post("officer", &second, &dismiss).await.0, 422);
    let dismiss = json!({ "decision": "dismiss", "reason": "entered twice" });
    assert_eq!(trial.post("officer", &second, &dismiss).await.0, 200);
    let (_, open) = trial.get("officer", "/v1/parked").await;
    assert_eq!(open["rows"], json!([]));
    let (_, closed) = trial.get("officer", "/v1/parked?state=dismissed").await;
    assert_eq!(closed["rows"][0]["reason"], "entered twice");
}

#[actix_web::test]
async fn what_has_no_place_is_shown_where_its_author_is_at_work_and_not_where_a_grant_came_last() {
    let trial = Trial::new(&[]);
    let give = |area: &'static str, from: i64, until: Option<i64>| {
        let grant = store::grants::NewGrant {
            account: trial.user("stranger"),
            role: "volunteer",
            area,
            from_at: from,
            until_at: until,
            made_by: None,
            made_at: NOW,
        };
        let write = |c: &mut store::Connection| store::grants::insert(c, &grant);
        trial.app.store.write::<_, store::Error>(write).unwrap()
    };
    let revoked = give("S1", NOW, None);
    trial
        .app
        .store
        .write::<_, store::Error>(|c| store::grants::revoke(c, revoked, NOW).map(drop))
        .unwrap();
    give("S1", NOW - DAY, Some(NOW - 1));
    give("S1", NOW + DAY, None);
    give("S1", NOW, None);
    let mut phone = trial.phone("stranger");
    let lines = [json!({ "kind": "registration", "record": id(2), "set": 5 })];
    let (_, reply) = trial.sync(&mut phone, &lines, json!([])).await;
    assert_eq!(reply["ack"], 1);
    let shown = |login: &'static str| {
        let trial = &trial;
        async move { trial.get(login, "/v1/parked").await.1["rows"].clone() }
    };
    assert_eq!(shown("officer").await, json!([]));
    assert_eq!(shown("neighbour").await[0]["area"], "S2");
    // Where nothing runs any more, it is the newest: somebody must see it.
    trial.clock.advance(2 * DAY);
    let held = trial
        .app
        .store
        .write::<_, store::Error>(|c| {
            let held = store::grants::of_account(c, trial.user("stranger"))?;
            for row in &held {
                store::grants::revoke(c, row.grant.id, NOW + DAY)?;
            }
            Ok(held.last().map(|row| row.grant.area.clone()))
        })
        .unwrap();
    assert_eq!(held.as_deref(), Some("S1"));
    trial.sync(&mut phone, &lines, json!([])).await;
    assert_eq!(shown("officer").await[0]["area"], "S1");
}

#[actix_web::test]
async fn who_was_shown_a_change_that_is_kept_aside_is_known_to_the_auditor_of_its_area() {
    let trial = Trial::new(&[]);
    let mut own = trial.phone("volunteer");
    let mut there = trial.entry(4);
    there["scope"] = json!("checkpoint:S2");
    trial
        .sync(&mut own, &[trial.entry(3), there], json!([]))
        .await;
    let mut phone = trial.phone("stranger");
    let more = json!({ "set": { "disposition": "passed" } });
    let correction = trial.line("registration", id(3), &more);
    let lines = [trial.entry(1), trial.entry(2), correction];
    trial.sync(&mut phone, &lines, json!([])).await;
    let looks = |audit: &Value| -> Vec<(Value, Value, Value)> {
        let rows = audit["rows"].as_array().unwrap().iter();
        rows.filter(|row| row["action"] == "parked")
            .map(|row| {
                (
                    row["record"].clone(),
                    row["scope"].clone(),
                    row["count"].clone(),
                )
            })
            .collect()
    };
    // Who holds nothing in the auditor's village looks, too: the command of the whole district.
    for (login, count) in [("officer", 3), ("command", 4), ("neighbour", 1)] {
        let (_, list) = trial.get(login, "/v1/parked").await;
        assert_eq!(list["rows"].as_array().unwrap().len(), count, "{list}");
    }
    let (_, audit) = trial.get("auditor", "/v1/audit").await;
    let one = |n: u8, scope: Value| (json!(id(n)), scope, json!(1));
    let scope = json!(format!("checkpoint:S1@{TODAY}"));
    let each = [one(1, Value::Null), one(2, Value::Null), one(3, scope)];
    assert_eq!(looks(&audit), [each.clone(), each].concat(), "{audit}");
}

#[actix_web::test]
async fn alerts_are_shown_where_they_arise_and_closed_once() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    trial.sync(&mut phone, &[trial.entry(9)], json!([])).await;
    let (_, list) = trial.get("leader", "/v1/alerts").await;
    assert_eq!(list["rows"][0]["code"], "fever", "{list}");
    assert!(!list.to_string().contains("王"));
    let (_, there) = trial.get("neighbour", "/v1/alerts").await;
    assert_eq!(there["rows"], json!([]));
    let close = json!({ "id": list["rows"][0]["id"] });
    assert_eq!(
        trial.post("neighbour", "/v1/alerts/close", &close).await.0,
        404
    );
    assert_eq!(
        trial.post("leader", "/v1/alerts/close", &close).await.0,
        200
    );
    let (_, list) = trial.get("leader", "/v1/alerts").await;
    assert_eq!(list["rows"], json!([]));
    let (_, closed) = trial.get("leader", "/v1/alerts?state=closed").await;
    assert_eq!(closed["rows"][0]["closed_by"], json!(trial.user("leader")));
}

#[actix_web::test]
async fn i20_counts_are_of_ones_own_areas_and_kinds() {
    let trial = trial_with_entries().await;
    let path = format!("/v1/tallies?area=999999&day={TODAY}");
    let (status, counts) = trial.get("command", &path).await;
    assert_eq!(status, 200);
    let passed = counts["counts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["value"] == "passed");
    assert_eq!(passed.unwrap()["live"], 5, "{counts}");
    assert_eq!(trial.get("officer", &path).await.0, 404, "above their area");
    assert_eq!(
        trial.get("command", "/v1/tallies?area=nowhere").await.0,
        404
    );
    let (_, none) = trial.get("admin", &path).await;
    assert_eq!(none["counts"], json!([]));
    let (_, other) = trial
        .get("command", "/v1/tallies?area=999999&day=2026-11-21")
        .await;
    assert_eq!(other["counts"], json!([]));
}

#[actix_web::test]
async fn an_auditor_reads_about_their_own_areas_alone() {
    let trial = trial_with_entries().await;
    trial
        .post("officer", "/v1/records/registration/search", &json!({}))
        .await;
    trial
        .post("neighbour", "/v1/records/registration/search", &json!({}))
        .await;
    let (status, audit) = trial.get("auditor", "/v1/audit").await;
    assert_eq!(status, 200);
    let by = |login: &str| {
        let user = json!(trial.user(login));
        audit["rows"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|row| row["by"] == user)
            .count()
    };
    assert_eq!((by("officer"), by("neighbour")), (1, 0), "{audit}");
    for login in ["officer", "command", "admin"] {
        assert_eq!(trial.get(login, "/v1/audit").await.0, 403, "{login}");
    }
}

#[actix_web::test]
async fn what_is_past_its_purpose_goes_and_its_counts_stay() {
    let trial = trial_with_entries().await;
    make(&trial, "grid", &household(40)).await;
    make(&trial, "grid", &household(41)).await;
    let mut phone = trial.phone("stranger");
    trial.sync(&mut phone, &[trial.entry(30)], json!([])).await;
    let engine = trial.app.engine().unwrap();
    trial.clock.advance(59 * DAY);
    assert_eq!(
        crate::retention::run(&engine, true).unwrap(),
        Default::default()
    );
    trial.clock.advance(2 * DAY);
    let due = crate::retention::run(&engine, true).unwrap();
    assert_eq!((due.scopes, due.records), (1, 0), "{due:?}");
    let done = crate::retention::run(&engine, false).unwrap();
    assert_eq!((done.scopes, done.records), (1, 5), "{done:?}");
    assert_eq!(done.aside, 1);
    let path = format!("/v1/records/registration/{}", id(1));
    assert_eq!(trial.get("officer", &path).await.0, 404);
    let (_, counts) = trial
        .get("command", &format!("/v1/tallies?area=999999&day={TODAY}"))
        .await;
    let passed = counts["counts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["value"] == "passed")
        .unwrap()
        .clone();
    assert_eq!((&passed["live"], &passed["closed"]), (&json!(0), &json!(5)));
    // A household that somebody still visits stays, its old visits do not; the one that nobody
    // came to goes.
    trial.clock.advance(200 * DAY);
    let visit = json!([{ "record": id(42), "parent": id(40), "set": { "outcome": "met" } }]);
    trial.post("grid", "/v1/records/visit", &visit).await;
    trial.clock.advance(105 * DAY);
    let done = crate::retention::run(&engine, false).unwrap();
    assert_eq!((done.scopes, done.records), (0, 2), "{done:?}");
    for (kind, n, status) in [
        ("household", 40, 200),
        ("household", 41, 404),
        ("visit", 42, 404),
    ] {
        let path = format!("/v1/records/{kind}/{}", id(n));
        assert_eq!(trial.get("officer", &path).await.0, status, "{kind} {n}");
    }
}

#[actix_web::test]
async fn what_is_purged_stands_in_the_ledger_and_never_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/kadian.sqlite", folder.path().display());
    let trial = Trial::new(&[("database.url", &url)]);
    let mut phone = trial.phone("volunteer");
    let (entry, late) = (trial.entry(1), trial.entry(2));
    trial
        .sync(&mut phone, std::slice::from_ref(&entry), json!([]))
        .await;
    trial.clock.advance(61 * DAY);
    let engine = trial.app.engine().unwrap();
    assert_eq!(crate::retention::run(&engine, false).unwrap().records, 1);
    let entries = trial.app.ledger.entries().unwrap().entries;
    let purged = entries.iter().any(|entry| match entry {
        crate::ledger::Entry::Purge { ids, .. } => ids.contains(&id(1).to_string()),
        _ => false,
    });
    assert!(purged, "{entries:?}");
    let (_, reply) = trial.sync(&mut phone, &[entry, late], json!([])).await;
    assert_eq!(reply["ack"], 3, "{reply}");
    assert_eq!(reply["verdicts"][0]["code"], "purged", "{reply}");
}
