//! Who may give, take and act for whom.

use super::lending::{give_to, lend};
use super::*;
use crate::accounts::grants::{self, Ending, NewAssignment};
use crate::accounts::{areas, users};
use crate::ledger::Entry;
use crate::store::devices::DeviceState;
use crate::store::grants::{self as rows, Filter, of_account};
use crate::store::{Ground, Reach};

/// Whether somebody may give the volunteer a role in an area, and what they hear if not.
fn give(district: &District, by: &str, role: &str, area: &str) -> Result<i64, Error> {
    give_to(district, by, "volunteer", (role, area, None))
}

#[test]
fn nobody_gives_a_role_above_their_own_or_outside_their_area() {
    let ladder: &[(&str, &[&str])] = &[
        ("volunteer", &[]),
        ("grid_leader", &[]),
        ("auditor", &[]),
        ("checkpoint_leader", &["volunteer"]),
        (
            "officer",
            &["volunteer", "checkpoint_leader", "grid_leader"],
        ),
        (
            "command",
            &["volunteer", "checkpoint_leader", "grid_leader", "officer"],
        ),
        (
            "admin",
            &[
                "volunteer",
                "checkpoint_leader",
                "grid_leader",
                "officer",
                "command",
                "auditor",
                "admin",
            ],
        ),
    ];
    // Each giver stands at a grid of their own, so that every role may be given there.
    for (giver, may) in ladder {
        let district = District::build();
        let login = "giver";
        let user = district
            .store
            .write::<_, Error>(|c| {
                // A grid leader stands at the grid, everybody else at the village above it.
                let area = if *giver == "grid_leader" {
                    "G111"
                } else {
                    "V11"
                };
                Ok(users::create(c, Actor::CommandLine, &person(login, giver, area), NOW)?.0)
            })
            .unwrap();
        for role in Role::ALL {
            for (area, inside) in [
                ("G111", true),
                ("T1", false),
                ("G121", false),
                ("V21", false),
            ] {
                let to = district.user("volunteer");
                let result = district.store.write::<_, Error>(|c| {
                    let reach = Reach::of(c, user, NOW)?;
                    let new = NewAssignment {
                        account: to,
                        role: role.as_str(),
                        area,
                        from: None,
                        until: None,
                    };
                    grants::give(c, Actor::Person(&reach), &new, NOW)
                });
                let expected = inside && may.contains(&role.as_str());
                assert_eq!(
                    result.is_ok(),
                    expected,
                    "{giver} gives {} at {area}",
                    role.as_str()
                );
                if !expected {
                    let hidden = refused(result) == Refusal::Unknown("area");
                    assert_eq!(
                        hidden, !inside,
                        "what is out of reach is not told apart from what is not"
                    );
                }
            }
        }
    }
}

#[test]
fn a_role_that_is_none_an_area_that_is_none_and_dates_that_cannot_be_are_refused() {
    let district = District::build();
    let give = |role, area, from, until| {
        let to = district.user("volunteer");
        refused(district.as_person("admin", |c, actor| {
            let new = NewAssignment {
                account: to,
                role,
                area,
                from,
                until,
            };
            grants::give(c, actor, &new, NOW)
        }))
    };
    assert!(matches!(
        give("emperor", "V11", None, None),
        Refusal::Malformed { field: "role", .. }
    ));
    assert_eq!(
        give("volunteer", "nowhere", None, None),
        Refusal::Unknown("area")
    );
    assert!(matches!(
        give("grid_leader", "V11", None, None),
        Refusal::Malformed { field: "area", .. }
    ));
    assert!(matches!(
        give("volunteer", "S1", Some(NOW + 5), Some(NOW + 5)),
        Refusal::Malformed { field: "until", .. }
    ));
    assert!(matches!(
        give("volunteer", "S1", Some(NOW - 9), Some(NOW - 5)),
        Refusal::Malformed { field: "until", .. }
    ));
}

#[test]
fn giving_twice_is_giving_once() {
    let district = District::build();
    let one = give(&district, "officer", "volunteer", "G111").unwrap();
    assert_eq!(
        give(&district, "officer", "volunteer", "G111").unwrap(),
        one
    );
    assert_ne!(give(&district, "officer", "volunteer", "V11").unwrap(), one);
}

#[test]
fn a_revoked_grant_holds_at_once_and_one_that_ran_out_admits_late_work() {
    let district = District::build();
    let (ended, revoked) = (district.user("grid"), district.user("grid2"));
    district
        .as_person("officer", |c, actor| {
            let grant = of_account(c, ended)?[0].grant.id;
            grants::end(c, &district.ledger, actor, grant, NOW - DAY, NOW)?;
            let grant = of_account(c, revoked)?[0].grant.id;
            grants::revoke(c, &district.ledger, actor, grant, NOW)?;
            grants::revoke(c, &district.ledger, actor, grant, NOW + 5)
        })
        .unwrap();
    let reach = |user, now| district.store.read(|c| Reach::of(c, user, now)).unwrap();
    let path = "/9999/999999/T1/V11/G111/";
    let role: &[&str] = &["grid_leader"];
    assert_eq!(
        reach(ended, NOW).ground(role, path),
        Ground::Late,
        "rights do not end in the past"
    );
    assert_eq!(
        reach(ended, NOW + 8 * DAY).ground(role, path),
        Ground::Nothing
    );
    assert!(!reach(ended, NOW).covers(path));
    assert_eq!(
        reach(revoked, NOW).ground(role, "/9999/999999/T1/V11/G112/"),
        Ground::Nothing
    );
    let entries = district.ledger.entries().unwrap().entries;
    let is_revocation = |entry: &&Entry| matches!(entry, Entry::GrantRevoked { .. });
    let revocations = entries.iter().filter(is_revocation).count();
    assert_eq!(revocations, 1, "repeating a revocation writes nothing");
}

#[test]
fn a_grid_is_handed_over_in_one_step() {
    for (how, ground) in [
        (Ending::ByDate, Ground::Late),
        (Ending::Revoked, Ground::Nothing),
    ] {
        let district = District::build();
        let (from, to) = (district.user("grid"), district.user("grid2"));
        district
            .as_person("officer", |c, actor| {
                grants::reassign(c, &district.ledger, actor, "G111", (from, to), how, NOW)
            })
            .unwrap();
        let path = "/9999/999999/T1/V11/G111/";
        let role: &[&str] = &["grid_leader"];
        let reach = |user| district.store.read(|c| Reach::of(c, user, NOW)).unwrap();
        assert_eq!(reach(from).ground(role, path), ground);
        assert_eq!(reach(to).ground(role, path), Ground::Current);
        let again = district.as_person("officer", |c, actor| {
            grants::reassign(c, &district.ledger, actor, "G111", (from, to), how, NOW)
        });
        assert_eq!(refused(again), Refusal::Unknown("assignment"));
    }
}

#[test]
fn whoever_acts_for_a_person_could_have_given_everything_that_person_holds() {
    let district = District::build();
    let manages = |by: &str, whom: &str| {
        let user = district.user(whom);
        district
            .as_person(by, |c, actor| {
                users::managed(c, actor, user, NOW).map(|_| ())
            })
            .is_ok()
    };
    assert!(manages("officer", "volunteer") && manages("leader", "volunteer"));
    assert!(manages("officer", "grid") && manages("command", "officer"));
    for (by, whom) in [
        ("officer", "stranger"),
        ("officer", "officer"),
        ("officer", "neighbour"),
        ("officer", "admin"),
        ("leader", "grid"),
        ("volunteer", "volunteer"),
        ("command", "admin"),
        ("command", "auditor"),
        ("auditor", "volunteer"),
        ("admin", "root"),
    ] {
        assert!(!manages(by, whom), "{by} acts for {whom}");
    }
    // A volunteer who is lent to the next village is out of the first officer's hands...
    lend(&district, "volunteer", "S2", Some(NOW + DAY));
    assert!(
        !manages("officer", "volunteer"),
        "a grant that begins tomorrow counts"
    );
    assert!(manages("command", "volunteer"));
}

#[test]
fn a_person_out_of_sight_is_told_apart_from_nobody_by_nothing() {
    let district = District::build();
    let ask = |user| {
        refused(district.as_person("officer", |c, actor| {
            users::managed(c, actor, user, NOW).map(|_| ())
        }))
    };
    assert_eq!(ask(district.user("stranger")), Refusal::Unknown("account"));
    assert_eq!(
        ask(sync_protocol::id::UserId(4711)),
        Refusal::Unknown("account")
    );
    assert_eq!(ask(district.user("officer")), Refusal::Forbidden);
}

#[test]
fn a_lost_phone_is_stopped_by_anyone_near_and_put_back_only_by_who_may_act_for_its_owner() {
    let district = District::build();
    let phone = district.phone("volunteer", 1).device;
    let chief = district.phone("admin", 2).device;
    lend(&district, "volunteer", "S2", None);
    lend(&district, "admin", "S2", None);
    let set = |by: &str, number, state| {
        district.as_person(by, |c, actor| {
            devices::set_state(c, &district.ledger, actor, number, state, NOW)
        })
    };
    assert_eq!(
        refused(set("neighbour", chief, DeviceState::Blocked)),
        Refusal::Forbidden,
        "an admin's phone is above an officer"
    );
    set("neighbour", phone, DeviceState::PushOnly).unwrap();
    assert_eq!(
        refused(set("neighbour", phone, DeviceState::Active)),
        Refusal::Forbidden
    );
    assert_eq!(
        refused(set("officer", phone, DeviceState::Active)),
        Refusal::Forbidden
    );
    set("command", phone, DeviceState::Active).unwrap();
    set("volunteer", phone, DeviceState::Blocked).unwrap();
    assert_eq!(
        refused(set("grid", phone, DeviceState::Blocked)),
        Refusal::Unknown("device")
    );
}

#[test]
fn lists_hold_only_what_is_within_reach_and_pages_join_without_a_seam() {
    let district = District::build();
    let seen = |by: &str| {
        district
            .as_person(by, |c, actor| {
                let Actor::Person(reach) = actor else {
                    unreachable!()
                };
                let mut found: Vec<String> = Vec::new();
                let mut after = 0;
                loop {
                    let page = store::accounts::page(c, (reach, NOW), roles::READERS, after, 2)?;
                    let Some(last) = page.last() else { break };
                    after = last.id;
                    found.extend(page.into_iter().map(|row| row.login));
                }
                Ok(found)
            })
            .unwrap()
    };
    assert_eq!(
        seen("officer"),
        ["officer", "leader", "grid", "grid2", "volunteer"]
    );
    assert_eq!(seen("neighbour"), ["neighbour", "stranger"]);
    assert_eq!(seen("leader"), ["leader", "volunteer"]);
    assert_eq!(seen("volunteer"), Vec::<String>::new());
    assert_eq!(seen("admin").len(), 10, "all but the one above");

    let grants_of = |by: &str| {
        district
            .as_person(by, |c, actor| {
                let Actor::Person(reach) = actor else {
                    unreachable!()
                };
                Ok(rows::page(c, reach, roles::READERS, Filter::default(), 0, 100)?.len())
            })
            .unwrap()
    };
    assert_eq!(
        (grants_of("officer"), grants_of("volunteer")),
        (5, 1),
        "one's own are always there"
    );

    let codes = |by: &str, under: Option<&str>, level| {
        district
            .as_person(by, |c, actor| {
                let Actor::Person(reach) = actor else {
                    unreachable!()
                };
                let rows = store::areas::page(c, reach, under, level, "", 100)?;
                Ok(rows.into_iter().map(|row| row.code).collect::<Vec<_>>())
            })
            .unwrap()
    };
    assert_eq!(codes("officer", None, None), ["V11", "G111", "G112", "S1"]);
    assert_eq!(codes("officer", None, Some("grid")), ["G111", "G112"]);
    assert_eq!(
        codes("officer", Some("/9999/999999/T1/V12/"), None),
        Vec::<String>::new()
    );
    assert_eq!(
        codes("command", Some("/9999/999999/T1/V12/"), None),
        ["V12", "G121", "S2"]
    );
}

#[test]
fn only_a_keeper_of_areas_changes_the_tree_and_a_code_is_used_once() {
    let district = District::build();
    let new = |code: &str, parent: Option<&str>| areas::NewArea {
        code: code.to_owned(),
        parent: parent.map(str::to_owned),
        level: "grid".to_owned(),
        name: "新网格".to_owned(),
        ..areas::NewArea::default()
    };
    let create = |by: &str, new: &areas::NewArea| {
        district.as_person(by, |c, actor| areas::create(c, actor, new))
    };
    let made = create("admin", &new("G1_1", Some("V11"))).unwrap();
    assert_eq!(made.path, "/9999/999999/T1/V11/G1_1/");
    assert_eq!(
        refused(create("admin", &new("G1_1", Some("V12")))),
        Refusal::Taken("code")
    );
    assert_eq!(
        refused(create("officer", &new("G9", Some("V11")))),
        Refusal::Forbidden
    );
    assert_eq!(
        refused(create("officer", &new("G9", Some("V12")))),
        Refusal::Unknown("area")
    );
    assert!(matches!(
        refused(create("admin", &new("G9", None))),
        Refusal::Malformed {
            field: "parent",
            ..
        }
    ));
    assert!(matches!(
        refused(create("admin", &new("G/9", Some("V11")))),
        Refusal::Malformed { field: "code", .. }
    ));
    let bad = areas::NewArea {
        timezone: Some("Mars/Olympus".to_owned()),
        ..new("G9", Some("V11"))
    };
    assert!(matches!(
        refused(create("admin", &bad)),
        Refusal::Malformed {
            field: "timezone",
            ..
        }
    ));

    let change: areas::AreaChange =
        serde_json::from_str(r#"{"name":"旧网格","timezone":"Asia/Urumqi","valid_until":5}"#)
            .unwrap();
    district
        .as_person("admin", |c, actor| areas::change(c, actor, "G1_1", &change))
        .unwrap();
    let back: areas::AreaChange = serde_json::from_str(r#"{"valid_until":null}"#).unwrap();
    let row = district
        .as_person("admin", |c, actor| areas::change(c, actor, "G1_1", &back))
        .unwrap();
    assert_eq!(
        (row.name.as_str(), row.timezone.as_deref(), row.valid_until),
        ("旧网格", Some("Asia/Urumqi"), None)
    );
    let zone = |path: &str| {
        district
            .store
            .read(|c| store::areas::timezone(c, path))
            .unwrap()
    };
    assert_eq!(zone(&row.path).as_deref(), Some("Asia/Urumqi"));
    assert_eq!(zone("/9999/999999/"), None);
}
