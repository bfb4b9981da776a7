//! Kinds and policy change while phones are connected: nothing is lost and nothing restarts.

use super::trial::{TODAY, Trial, id, person};
use crate::store;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const REGISTRATION: &str = include_str!("../../../sync-protocol/kinds/registration.toml");
const POLICY: &str = sync_protocol::policy::BUILT_IN;

const KENNEL: &str = r#"
name = "kennel_check"
version = 1
label = { zh = "犬舍检查", en = "Kennel check" }
scope = { place = "checkpoint", by_day = true }
writers = ["volunteer"]

[retention]
days = 30
purpose = { zh = "动物防疫检查", en = "Checks against animal epidemics" }
basis = { zh = "动物防疫法", en = "Animal Epidemic Prevention Law" }

[readers.volunteer]
default = "full"

[readers.officer]
default = "full"

[[field]]
name = "dogs"
type = "integer"
min = 0
label = { zh = "犬只", en = "Dogs" }
"#;

/// The registration with one more question, which is counted.
fn with_luggage() -> String {
    let question = r#"
[[field]]
name = "luggage"
type = "code"
label = { zh = "行李消毒", en = "Luggage disinfected" }
codes = [ { code = "yes", zh = "是", en = "Yes" }, { code = "no", zh = "否", en = "No" } ]

[tally.luggage]
label = { zh = "行李消毒", en = "Luggage disinfected" }
of = "code"
path = "luggage"
"#;
    let text = REGISTRATION.replacen("version = 1", "version = 2", 1);
    let at = text.find("# ---- what is counted").unwrap();
    format!("{}{question}{}", &text[..at], &text[at..])
}

async fn add(trial: &Trial, login: &str, path: &str, text: &str) -> (u16, Value) {
    let token = trial.session(login);
    let request = TestRequest::with_uri(path)
        .method(Method::POST)
        .insert_header(("content-type", "application/toml"))
        .set_payload(text.to_owned());
    trial.send(request, &token).await
}

#[actix_web::test]
async fn an_operator_adds_a_field_and_a_kind_while_phones_are_connected() {
    let trial = Trial::new(&[]);
    let ask = json!([[format!("checkpoint:S1@{TODAY}"), 0, "", "0000000000000000"]]);
    let mut phone = trial.phone("volunteer");
    let mut early = trial.entry(1);
    // A phone is ahead of the server: it asks the new question and knows the new kind already.
    early["set"]["luggage"] = json!("yes");
    let kennel = |n: u8| {
        let more = json!({ "scope": "checkpoint:S1", "set": { "dogs": 2 }, "schema": 3 });
        trial.line("kennel_check", id(n), &more)
    };
    let lines = [early, kennel(2)];
    let (_, reply) = trial.sync(&mut phone, &lines, ask.clone()).await;
    assert_eq!(reply["ack"], 2);
    assert_eq!(reply["verdicts"][0]["code"], "unknown_kind", "{reply}");

    let (status, dry) = add(&trial, "root", "/v1/kinds?dry_run=true", &with_luggage()).await;
    assert_eq!(
        (status, &dry["schema"], &dry["recounted"]),
        (200, &json!(2), &json!(true))
    );
    let (_, shown) = trial.get("root", "/v1/kinds").await;
    assert_eq!(shown["schema"], 1, "a dry run changes nothing");

    let (status, added) = add(&trial, "root", "/v1/kinds", &with_luggage()).await;
    assert_eq!((status, &added["schema"]), (200, &json!(2)), "{added}");
    let (_, added) = add(&trial, "root", "/v1/kinds", KENNEL).await;
    assert_eq!(
        (&added["schema"], &added["admitted"]),
        (&json!(3), &json!(1)),
        "{added}"
    );

    // The same process serves the new kind, the old phone still pushes under the old schema.
    let (_, reply) = trial.sync(&mut phone, &[trial.entry(3)], ask.clone()).await;
    assert_eq!(reply["schema"], 3);
    let kinds: Vec<_> = reply["feeds"][0]["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "kennel_check").count(),
        1
    );
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "registration").count(),
        2,
        "{reply}"
    );
    // What was captured before the tally existed is counted, exactly once.
    let (_, counts) = trial
        .get("officer", &format!("/v1/tallies?area=V1&day={TODAY}"))
        .await;
    let luggage = counts["counts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["tally"] == "luggage");
    assert_eq!(luggage.unwrap()["live"], 1, "{counts}");
    let total = counts["counts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["tally"] == "total" && row["kind"] == "registration");
    assert_eq!(total.unwrap()["live"], 2);

    let (status, problem) = add(&trial, "root", "/v1/kinds", KENNEL).await;
    assert_eq!(
        (status, &problem["changed"]),
        (200, &json!(false)),
        "twice is once"
    );
}

#[actix_web::test]
async fn what_came_before_its_kind_goes_in_though_the_server_stopped_just_after_the_kind_was_added()
{
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("volunteer");
    let more = json!({ "scope": "checkpoint:S1", "set": { "dogs": 2 }, "schema": 2 });
    let lines = [trial.line("kennel_check", id(2), &more)];
    let (_, reply) = trial.sync(&mut phone, &lines, json!([])).await;
    assert_eq!(reply["verdicts"][0]["code"], "unknown_kind", "{reply}");
    // The kind was taken; what should have followed was not begun.
    let row = store::definitions::KindRow {
        name: "kennel_check".to_owned(),
        schema: 2,
        definition: KENNEL.to_owned(),
        at: trial.clock.now(),
    };
    let taken = trial
        .app
        .store
        .write::<_, store::Error>(|c| store::definitions::add_kind(c, &row));
    taken.unwrap();
    let (_, dry) = add(&trial, "root", "/v1/kinds?dry_run=true", KENNEL).await;
    assert_eq!(dry["admitted"], 0, "{dry}");
    let (_, again) = add(&trial, "root", "/v1/kinds", KENNEL).await;
    assert_eq!(
        (&again["changed"], &again["admitted"]),
        (&json!(false), &json!(1)),
        "{again}"
    );
}

#[actix_web::test]
async fn what_can_be_found_anew_is_found_in_what_was_captured_before() {
    let trial = Trial::new(&[]);
    let mut entry = trial.entry(1);
    entry["set"]["contact"] = json!({ "name": "李静", "phone": "13900000009" });
    let mut phone = trial.phone("volunteer");
    trial.sync(&mut phone, &[entry], json!([])).await;
    let find = json!({ "phone": "139-0000-0009", "purpose": "tracing" });
    let path = "/v1/records/registration/search";
    let (_, before) = trial.post("officer", path, &find).await;
    assert_eq!(before["rows"], json!([]));
    let text = REGISTRATION.replacen("version = 1", "version = 2", 1);
    let text = format!("{text}\n[[search]]\npurpose = \"phone\"\npath = \"contact.phone\"\n");
    let (status, added) = add(&trial, "root", "/v1/kinds", &text).await;
    assert_eq!(
        (status, &added["reindexed"]),
        (200, &json!(true)),
        "{added}"
    );
    let (_, after) = trial.post("officer", path, &find).await;
    assert_eq!(after["rows"].as_array().unwrap().len(), 1, "{after}");
    let (_, old) = trial
        .post(
            "officer",
            path,
            &json!({ "phone": "13800000001", "purpose": "tracing" }),
        )
        .await;
    assert_eq!(
        old["rows"].as_array().unwrap().len(),
        1,
        "what was found stays found"
    );
}

#[actix_web::test]
async fn a_kind_that_shifts_is_refused_with_every_reason() {
    let trial = Trial::new(&[]);
    let shifted = with_luggage().replacen("type = \"object\"", "type = \"map\"", 1);
    let (status, problem) = add(&trial, "root", "/v1/kinds", &shifted).await;
    assert_eq!(
        (status, &problem["code"]),
        (422, &json!("definition")),
        "{problem}"
    );
    assert!(
        problem["faults"][0]["message"]
            .as_str()
            .unwrap()
            .contains("; ")
    );
    let (status, problem) = add(&trial, "root", "/v1/kinds", "name = ").await;
    assert_eq!((status, &problem["code"]), (422, &json!("definition")));
    for login in ["admin", "command", "officer"] {
        let (status, _) = add(&trial, login, "/v1/kinds", &with_luggage()).await;
        assert_eq!(
            status, 403,
            "{login} does not answer for the whole installation"
        );
    }
}

#[actix_web::test]
async fn definitions_are_fetched_again_only_when_they_changed() {
    let trial = Trial::new(&[]);
    let phone = trial.phone("volunteer");
    for path in ["/v1/kinds", "/v1/policy"] {
        let (status, shown) = trial.send(TestRequest::with_uri(path), &phone.token).await;
        assert_eq!(status, 200);
        let version = if path == "/v1/kinds" {
            "schema"
        } else {
            "version"
        };
        let tag = format!("\"{}\"", shown[version]);
        let again = TestRequest::with_uri(path).insert_header(("if-none-match", tag));
        assert_eq!(trial.send(again, &phone.token).await.0, 304, "{path}");
    }
    let (status, _) = trial
        .send(TestRequest::with_uri("/v1/kinds"), "nobody")
        .await;
    assert_eq!(status, 401);
}

#[actix_web::test]
async fn a_new_policy_judges_what_comes_from_now_on_and_warns_of_rules_that_never_hold() {
    let trial = Trial::new(&[]);
    let stricter = POLICY
        .replacen("version = 1", "version = 2", 1)
        .replace("373", "365")
        .replace("\"antigen\"", "\"antigens\"");
    let (status, added) = add(&trial, "root", "/v1/policy", &stricter).await;
    assert_eq!((status, &added["version"]), (200, &json!(2)), "{added}");
    assert_eq!(added["warnings"].as_array().unwrap().len(), 1, "{added}");
    let mut phone = trial.phone("volunteer");
    let (_, reply) = trial.sync(&mut phone, &[trial.entry(1)], json!([])).await;
    assert_eq!(reply["policy"], 2);
    let (_, alerts) = trial.get("leader", "/v1/alerts").await;
    assert_eq!(alerts["rows"][0]["code"], "fever", "{alerts}");
    let (_, shown) = trial.get("leader", "/v1/policy").await;
    assert_eq!(shown["policy"]["version"], 2);
    let _ = person(1);
}
