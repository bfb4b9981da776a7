//! Who may give a role to somebody of another place, and what that lets them see and do.

use super::*;
use crate::accounts::grants::{self, NewAssignment};
use crate::accounts::users;
use crate::store::devices::DeviceState;
use crate::store::grants::of_account;
use sync_protocol::Millis;

pub(super) fn give_to(
    district: &District,
    by: &str,
    to: &str,
    (role, area, from): (&str, &str, Option<Millis>),
) -> Result<i64, Error> {
    let to = district.user(to);
    district.as_person(by, |c, actor| {
        let new = NewAssignment {
            account: to,
            role,
            area,
            from,
            until: None,
        };
        grants::give(c, actor, &new, NOW)
    })
}

/// What the operator gives, who sees everybody.
pub(super) fn lend(district: &District, to: &str, area: &str, from: Option<Millis>) {
    let account = district.user(to);
    let new = NewAssignment {
        account,
        role: "volunteer",
        area,
        from,
        until: None,
    };
    let lent = district
        .store
        .write::<_, Error>(|c| grants::give(c, Actor::CommandLine, &new, NOW));
    lent.unwrap();
}

/// The logins and the phones that somebody's lists show.
fn listed(district: &District, by: &str) -> (Vec<String>, Vec<i64>) {
    let lists = district.as_person(by, |c, actor| {
        let Actor::Person(reach) = actor else {
            unreachable!()
        };
        let people = store::accounts::page(c, (reach, NOW), roles::READERS, 0, 100)?;
        let phones = store::devices::page(c, (reach, NOW), roles::READERS, 0, 100)?;
        Ok((
            people.into_iter().map(|row| row.login).collect(),
            phones.into_iter().map(|row| row.number).collect(),
        ))
    });
    lists.unwrap()
}

#[test]
fn nobody_is_lent_by_somebody_who_does_not_see_them_where_they_are() {
    let district = District::build();
    let phone = district.phone("stranger", 1).device;
    let far = NOW + 27_000 * DAY;
    for from in [None, Some(NOW + DAY), Some(far)] {
        for by in ["leader", "officer"] {
            let given = give_to(&district, by, "stranger", ("volunteer", "S1", from));
            assert_eq!(refused(given), Refusal::Unknown("account"), "{by} {from:?}");
        }
    }
    // A number that nobody has is answered alike.
    let nobody = district.as_person("leader", |c, actor| {
        let new = NewAssignment {
            account: sync_protocol::id::UserId(4711),
            role: "volunteer",
            area: "S1",
            from: None,
            until: None,
        };
        grants::give(c, actor, &new, NOW)
    });
    assert_eq!(refused(nobody), Refusal::Unknown("account"));
    let (people, phones) = listed(&district, "leader");
    assert_eq!((people.len(), phones.len()), (2, 0), "{people:?}");

    // Whoever stands above both places lends, and then both see and stop.
    give_to(&district, "command", "stranger", ("volunteer", "S1", None)).unwrap();
    let (people, phones) = listed(&district, "leader");
    assert_eq!((people.len(), phones), (3, vec![i64::from(phone.0)]));
    give_to(&district, "leader", "stranger", ("volunteer", "S1", None)).unwrap();
}

#[test]
fn who_has_nothing_any_more_is_taken_on_by_those_who_saw_them_last_and_by_those_above() {
    let district = District::build();
    district
        .as_person("neighbour", |c, actor| {
            let grant = of_account(c, district.user("stranger"))?[0].grant.id;
            grants::end(c, &district.ledger, actor, grant, NOW, NOW)
        })
        .unwrap();
    let given = give_to(&district, "leader", "stranger", ("volunteer", "S1", None));
    assert_eq!(refused(given), Refusal::Unknown("account"));
    give_to(
        &district,
        "neighbour",
        "stranger",
        ("volunteer", "S2", None),
    )
    .unwrap();
}

#[test]
fn a_grant_that_has_not_begun_gives_nobody_a_hand_on_its_person() {
    let district = District::build();
    let phone = district.phone("stranger", 1).device;
    lend(&district, "stranger", "S1", Some(NOW + DAY));
    let (people, phones) = listed(&district, "leader");
    assert_eq!((people.len(), phones.len()), (2, 0), "{people:?}");
    let stop = |by: &str| {
        district.as_person(by, |c, actor| {
            let state = DeviceState::Blocked;
            devices::set_state(c, &district.ledger, actor, phone, state, NOW)
        })
    };
    assert_eq!(refused(stop("leader")), Refusal::Unknown("device"));
    let given = give_to(&district, "leader", "stranger", ("volunteer", "S1", None));
    assert_eq!(refused(given), Refusal::Unknown("account"));
    // Nor does one from above keep those who have the person now from stopping a lost phone.
    let above = district.store.write::<_, Error>(|c| {
        let new = NewAssignment {
            account: district.user("stranger"),
            role: "command",
            area: "999999",
            from: Some(NOW + DAY),
            until: None,
        };
        grants::give(c, Actor::CommandLine, &new, NOW)
    });
    above.unwrap();
    stop("neighbour").unwrap();
}

#[test]
fn an_account_that_was_made_ahead_is_in_the_hands_of_those_who_made_it() {
    let district = District::build();
    let made = district.as_person("officer", |c, actor| {
        let new = users::NewUser {
            from: Some(NOW + DAY),
            ..person("early", "volunteer", "S1")
        };
        let (user, _) = users::create(c, actor, &new, NOW)?;
        users::managed(c, actor, user, NOW).map(|row| row.login)
    });
    assert_eq!(made.unwrap(), "early");
    assert!(listed(&district, "leader").0.contains(&"early".to_owned()));
    assert!(
        !listed(&district, "neighbour")
            .0
            .contains(&"early".to_owned())
    );
}
