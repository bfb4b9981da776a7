//! `/v1/sync` over HTTP: what is taken, and every way in which it is refused.

use super::trial::{TODAY, Trial, id};
use crate::store;
use crate::store::devices::{self, DeviceState};
use serde_json::{Value, json};
use sync_protocol::id::DeviceNumber;

fn scope() -> String {
    format!("checkpoint:S1@{TODAY}")
}

fn ask(cursor: u64) -> Value {
    json!([[scope(), cursor, "", "0000000000000000"]])
}

#[actix_web::test]
async fn a_phone_hands_its_entry_in_and_others_see_it_masked() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    let (status, reply) = trial.sync(&mut phone, &[trial.entry(1)], ask(0)).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["ack"], 1);
    assert_eq!(reply["schema"], 1);
    let row = &reply["feeds"][0]["rows"][0];
    assert_eq!(row["set"]["person"]["name"], "王伟", "{reply}");
    assert_eq!(row["by"], json!(trial.user("volunteer")));

    let mut colleague = trial.phone("leader");
    let (_, reply) = trial.sync(&mut colleague, &[], ask(0)).await;
    assert_eq!(reply["feeds"][0]["rows"][0]["set"]["health_code"], "green");
    let mut stranger = trial.phone("stranger");
    let (status, reply) = trial.sync(&mut stranger, &[], ask(0)).await;
    assert_eq!(status, 200);
    assert_eq!(reply["dropped"][0]["reason"], "unknown", "{reply}");
    assert!(!reply.to_string().contains("王伟"));
}

#[actix_web::test]
async fn what_a_phone_is_shown_of_others_is_on_record_first_or_it_is_not_shown() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    trial.sync(&mut phone, &[trial.entry(1)], json!([])).await;
    let mut colleague = trial.phone("leader");
    let (status, reply) = trial.sync(&mut colleague, &[], ask(0)).await;
    assert_eq!(
        (status, reply["feeds"][0]["rows"][0].is_null()),
        (200, false)
    );
    let (_, audit) = trial.get("auditor", "/v1/audit").await;
    let pulled = |look: &&Value| {
        look["action"] == "pull" && look["device"] == colleague.number && look["count"] == 1
    };
    let looks = audit["rows"].as_array().unwrap();
    assert_eq!(looks.iter().filter(pulled).count(), 1, "{audit}");
    // Nobody can put anything on record any more.
    trial.app.stop();
    let (status, problem) = trial.sync(&mut colleague, &[], ask(0)).await;
    assert_eq!((status, &problem["code"]), (503, &json!("busy")));
    assert!(!problem.to_string().contains("green"));
    let (status, _) = trial.sync(&mut colleague, &[], json!([])).await;
    assert_eq!(status, 200, "who is shown nothing is answered");
}

#[actix_web::test]
async fn a_bad_line_is_a_verdict_and_a_bad_envelope_a_refusal() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    let bad = json!({ "set": 5 });
    let lines = [trial.entry(1), bad, trial.entry(2)];
    let (status, reply) = trial.sync(&mut phone, &lines, json!([])).await;
    assert_eq!((status, &reply["ack"]), (200, &json!(3)));
    let invalid: Vec<_> = reply["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|verdict| verdict["verdict"] == "invalid")
        .collect();
    assert_eq!(invalid.len(), 1, "{reply}");
    assert_eq!(invalid[0]["seq"], 2);

    for (body, code, status) in [
        ("rubbish", "envelope", 400),
        (
            r#"{"protocol":7,"now":1,"era":1,"from":1,"after":""}"#,
            "protocol",
            400,
        ),
    ] {
        let (found, problem) = trial.sync_raw(&phone.token, body.to_owned()).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)));
    }
    let many = format!(
        "{{\"protocol\":1,\"now\":1,\"era\":1,\"from\":1,\"after\":\"\"}}{}",
        "\n{}".repeat(501)
    );
    let (status, problem) = trial.sync_raw(&phone.token, many).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &json!("too_many_changes"))
    );
}

#[actix_web::test]
async fn i16_a_hole_and_a_fork_are_told_apart() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    trial.sync(&mut phone, &[trial.entry(1)], json!([])).await;
    let at = |from: u64, after: &str| {
        json!({ "protocol": 1, "now": 1, "era": 1, "from": from, "after": after }).to_string()
    };
    let gap = at(9, "9b1c0e55d2a7f810");
    let (status, problem) = trial.sync_raw(&phone.token, gap).await;
    assert_eq!((status, &problem["code"]), (409, &json!("gap")));
    assert_eq!(problem["expected"], 2);
    assert_eq!(problem["after"].as_str().unwrap().len(), 16);
    let fork = at(2, "9b1c0e55d2a7f810");
    let (status, problem) = trial.sync_raw(&phone.token, fork).await;
    assert_eq!((status, &problem["code"]), (409, &json!("fork")));
}

#[actix_web::test]
async fn an_unknown_token_a_blocked_phone_and_an_eager_one_are_refused() {
    let trial = Trial::new(&[("sync.requests_per_minute", "3")]);
    let mut phone = trial.phone("volunteer");
    let (status, problem) = trial.sync_raw(&"x".repeat(43), String::new()).await;
    assert_eq!((status, &problem["code"]), (401, &json!("unauthenticated")));
    for _ in 0..3 {
        assert_eq!(trial.sync(&mut phone, &[], json!([])).await.0, 200);
    }
    let (status, problem) = trial.sync(&mut phone, &[], json!([])).await;
    assert_eq!(
        (status, &problem["code"]),
        (429, &json!("too_many_requests"))
    );
    let mut other = trial.phone("leader");
    assert_eq!(
        trial.sync(&mut other, &[], json!([])).await.0,
        200,
        "others go on"
    );
    let number = DeviceNumber(other.number);
    trial
        .app
        .store
        .write::<_, store::Error>(|c| {
            devices::set_state(c, i64::from(number.0), DeviceState::Blocked)
        })
        .unwrap();
    let (status, problem) = trial.sync(&mut other, &[], json!([])).await;
    assert_eq!((status, &problem["code"]), (403, &json!("blocked")));
}

#[actix_web::test]
async fn a_phone_with_old_definitions_may_push_and_not_pull() {
    let trial = Trial::new(&[("sync.oldest_schema", "2")]);
    let mut phone = trial.phone("volunteer");
    let (status, problem) = trial.sync(&mut phone, &[trial.entry(1)], ask(0)).await;
    assert_eq!((status, &problem["code"]), (426, &json!("too_old")));
    let (status, reply) = trial.sync(&mut phone, &[trial.entry(1)], json!([])).await;
    assert_eq!(
        (status, &reply["ack"]),
        (200, &json!(1)),
        "nothing had been applied"
    );
}

#[actix_web::test]
async fn the_places_of_a_phone_come_in_pages() {
    let trial = Trial::new(&[]);
    let phone = trial.phone("officer");
    let page = |path: &'static str| {
        let token = phone.token.clone();
        let trial = &trial;
        async move {
            trial
                .send(actix_web::test::TestRequest::with_uri(path), &token)
                .await
        }
    };
    let (status, first) = page("/v1/scopes?limit=2").await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["places"].as_array().unwrap().len(), 2);
    assert_eq!(first["next"], "G12");
    let (_, rest) = page("/v1/scopes?limit=2&after=G12").await;
    assert_eq!(rest["places"][0]["place"], "checkpoint:S1");
    assert_eq!(rest["places"][0]["by_day"], true);
    let (status, held) = trial.get("stranger", "/v1/scopes").await;
    assert_eq!((status, held["places"].as_array().unwrap().len()), (200, 1));
    let _ = id(1);
}
