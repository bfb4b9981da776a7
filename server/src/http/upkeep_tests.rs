//! What must hold over time and at the edges of somebody's sight: places, searches, alerts, purges.

use super::trial::{DAY, Trial, id};
use serde_json::{Value, json};
use sync_protocol::kind::{BUILT_IN, Kind, Kinds, KindsError};

use crate::accounts::Actor;
use crate::accounts::areas::{self, NewArea};
use crate::store;
use crate::sync::job::{Answer, Job, Purge};

fn node(code: &str, level: &str) -> NewArea {
    NewArea {
        code: code.to_owned(),
        parent: Some("V1".to_owned()),
        level: level.to_owned(),
        name: code.to_owned(),
        ..NewArea::default()
    }
}

fn add(trial: &Trial, nodes: &[NewArea]) {
    let done = trial.app.store.write::<_, crate::accounts::Error>(|c| {
        for new in nodes {
            areas::create(c, Actor::CommandLine, new)?;
        }
        Ok(())
    });
    done.unwrap();
}

#[actix_web::test]
async fn a_place_is_offered_however_many_nodes_before_it_show_nothing() {
    let trial = Trial::new(&[]);
    let many: Vec<NewArea> = (0..600)
        .map(|n| node(&format!("A{n:03}"), "grid"))
        .collect();
    add(&trial, &many);
    let (_, first) = trial.get("leader", "/v1/scopes?limit=1").await;
    assert_eq!(first["places"][0]["place"], "checkpoint:S1", "{first}");
    let (_, held) = trial
        .get("officer", "/v1/scopes?limit=200&after=A599")
        .await;
    let last = held["places"].as_array().unwrap().last().unwrap();
    assert_eq!(last["place"], "checkpoint:S1", "{held}");
}

#[actix_web::test]
async fn a_checkpoint_opened_below_an_area_changes_what_its_holders_are_told() {
    let trial = Trial::new(&[]);
    let (_, before) = trial.get("officer", "/v1/scopes").await;
    add(&trial, &[node("S9", "checkpoint")]);
    let (_, after) = trial.get("officer", "/v1/scopes").await;
    assert_ne!(before["grants"], after["grants"]);
    let (_, again) = trial.get("officer", "/v1/scopes").await;
    assert_eq!(again["grants"], after["grants"]);
}

#[actix_web::test]
async fn a_record_written_after_it_was_found_due_is_not_purged() {
    let trial = Trial::new(&[]);
    for n in [1, 2] {
        let new = json!([{ "record": id(n), "scope": "grid:G11", "set": { "number": "1-101" } }]);
        trial.post("grid", "/v1/records/household", &new).await;
    }
    trial.clock.advance(400 * DAY);
    let found_at = trial.clock.now();
    trial.clock.advance(1000);
    let visit = json!([{ "record": id(3), "parent": id(1), "set": { "outcome": "met" } }]);
    trial.post("grid", "/v1/records/visit", &visit).await;
    let purge = Purge {
        records: vec![id(1), id(2)],
        scopes: Vec::new(),
        quiet_since: Some(found_at),
    };
    let answer = trial.app.engine().unwrap().submit(Job::Purge(purge));
    assert!(matches!(answer, Ok(Answer::Purge(1))), "{answer:?}");
    for (n, status) in [(1, 200), (2, 404)] {
        let path = format!("/v1/records/household/{}", id(n));
        assert_eq!(trial.get("officer", &path).await.0, status, "{n}");
    }
}

#[test]
fn kinds_at_one_level_are_all_by_day_or_none_of_them() {
    let log = BUILT_IN[1].replace("place = \"grid\"", "place = \"checkpoint\"");
    let kinds = vec![
        Kind::parse(BUILT_IN[0]).unwrap(),
        Kind::parse(&log).unwrap(),
    ];
    let refused = Kinds::none().with(1, kinds);
    assert!(
        matches!(refused, Err(KindsError::Mixed { .. })),
        "{refused:?}"
    );
}

#[actix_web::test]
async fn a_search_for_a_number_needs_a_purpose_and_the_right_to_see_it_and_is_limited() {
    let trial = Trial::new(&[("sync.look_ups_per_minute", "3")]);
    let mut phone = trial.phone("volunteer");
    trial.sync(&mut phone, &[trial.entry(3)], json!([])).await;
    let path = "/v1/records/registration/search";
    let ask = json!({ "phone": "13800000003", "purpose": "tracing" });
    let (_, seen) = trial.post("officer", path, &ask).await;
    assert_eq!(seen["rows"].as_array().unwrap().len(), 1, "{seen}");
    let (_, masked) = trial.post("command", path, &ask).await;
    assert_eq!(
        masked["rows"],
        json!([]),
        "a mask is not undone by guessing"
    );
    let without = json!({ "phone": "13800000003", "purpose": " " });
    assert_eq!(trial.post("officer", path, &without).await.0, 422);
    trial.post("officer", path, &ask).await;
    assert_eq!(trial.post("officer", path, &ask).await.0, 429);
    assert_eq!(trial.post("officer", path, &json!({})).await.0, 200);
}

#[test]
fn an_alert_about_a_record_opens_again_where_the_record_stands_and_one_of_a_device_does_not() {
    let trial = Trial::new(&[]);
    let raise = |record: Option<&str>, area: &str| {
        let mut new = store::alerts::Alert::new(1, "fever", "x", Some(area.to_owned()));
        new.record = record.map(str::to_owned);
        if record.is_none() {
            new.id = "fork:1".to_owned();
        }
        trial
            .app
            .store
            .write(|c| store::alerts::raise(c, &[new.clone()]))
            .unwrap();
        let reach = |c: &mut _| store::Reach::of(c, trial.user("command"), trial.clock.now());
        let roles = ["command"];
        let open = trial.app.store.write::<_, store::Error>(|c| {
            let reach = reach(c)?;
            let open = store::alerts::list(c, &reach, &roles, "open", None, 10)?;
            for one in &open {
                store::alerts::close(c, &reach, &roles, &one.id, 2)?;
            }
            Ok(open)
        });
        open.unwrap()
            .into_iter()
            .map(|one| one.area.unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(raise(Some("r"), "G11"), ["G11"]);
    assert_eq!(raise(Some("r"), "S1"), ["S1"]);
    assert_eq!(raise(Some("r"), "S1"), ["S1"]);
    assert_eq!(raise(None, "S1"), ["S1"]);
    assert!(raise(None, "S1").is_empty());
}

#[actix_web::test]
async fn an_auditor_does_not_see_what_their_people_looked_at_elsewhere() {
    let trial = Trial::new(&[]);
    let mut phone = trial.phone("stranger");
    let mut entry: Value = trial.entry(4);
    entry["scope"] = json!("checkpoint:S2");
    trial.sync(&mut phone, &[entry], json!([])).await;
    let path = "/v1/records/registration/search";
    trial
        .post("neighbour", path, &json!({ "purpose": "there" }))
        .await;
    let grant = trial.app.store.write::<_, store::Error>(|c| {
        let grant = store::grants::NewGrant {
            account: trial.user("neighbour"),
            role: "officer",
            area: "V1",
            from_at: 0,
            until_at: None,
            made_by: None,
            made_at: 0,
        };
        store::grants::insert(c, &grant)
    });
    grant.unwrap();
    let (_, audit) = trial.get("auditor", "/v1/audit").await;
    assert!(!audit.to_string().contains("there"), "{audit}");
}
