//! Signing in.

use super::*;
use crate::accounts::passwords::{LEAST_MEMORY_KIB, Passwords};
use crate::accounts::signin::{self, Door};
use crate::accounts::users;
use crate::keys::Keys;
use crate::store::accounts as rows;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

const PASSWORD: &str = "correct horse battery";

struct House {
    district: District,
    keys: Keys,
    door: Door,
}

fn house() -> House {
    let district = District::build();
    let keys = Keys::generate().unwrap();
    let door = Door::new(&keys, Passwords::default()).unwrap();
    let hash = door.passwords.hash(PASSWORD).unwrap();
    district
        .store
        .write::<_, Error>(|c| {
            users::set_password(
                c,
                &district.ledger,
                Actor::CommandLine,
                district.user("officer"),
                &hash,
                NOW,
            )
        })
        .unwrap();
    door.passwords.warm_up().unwrap();
    House {
        district,
        keys,
        door,
    }
}

impl House {
    fn sign_in(
        &self,
        login: &str,
        password: &str,
        address: u32,
        now: i64,
    ) -> Result<(String, sessions::Session), Error> {
        let address = IpAddr::V4(Ipv4Addr::from_bits(address));
        self.door
            .sign_in(
                &self.district.store,
                &self.keys,
                (login, password),
                address,
                now,
            )
            .map(|(token, session, _)| (token, session))
    }

    fn admitted(&self, token: &str, now: i64) -> Result<(), Error> {
        let session = self.door.ring.check(token, now)?;
        self.district
            .store
            .read(|c| signin::admitted(c, &session).map(|_| ()))
    }
}

#[test]
fn the_right_password_opens_and_everything_else_has_one_answer() {
    let house = house();
    let (token, session) = house.sign_in("officer", PASSWORD, 1, NOW + 1).unwrap();
    assert_eq!(session.user, house.district.user("officer"));
    house.admitted(&token, NOW + 1).unwrap();
    for (login, password) in [
        ("officer", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("grid", PASSWORD),
        ("OFFICER", PASSWORD),
        ("", ""),
    ] {
        assert_eq!(
            refused(house.sign_in(login, password, 2, NOW + 1)),
            Refusal::Credentials
        );
    }
}

#[test]
fn an_unknown_login_takes_as_long_as_a_wrong_password() {
    let house = house();
    let mut address = 100;
    let mut took = |login: &str, day: i64| {
        address += 1;
        let from = Instant::now();
        let wrong = format!("wrong horse {address}");
        let result = house.sign_in(login, &wrong, address, NOW + day * DAY);
        assert_eq!(refused(result), Refusal::Credentials);
        from.elapsed().as_secs_f64()
    };
    // In turns, and the shortest of each, because other tests run beside this one.
    let (mut known, mut unknown) = (f64::MAX, f64::MAX);
    for day in 0..9 {
        known = known.min(took("officer", day));
        unknown = unknown.min(took("nobody", day));
    }
    // Without the decoy it is a hundred times.
    assert!((0.2..5.0).contains(&(known / unknown)), "{known} {unknown}");
}

#[test]
fn a_session_ends_with_the_password_the_account_and_the_sign_out() {
    let house = house();
    let user = house.district.user("officer");
    let sign_in = |now| house.sign_in("officer", PASSWORD, 1, now).unwrap().0;
    let over =
        |token: &str, now| assert_eq!(refused(house.admitted(token, now)), Refusal::SessionOver);

    let token = sign_in(NOW + 1);
    let hash = house.door.passwords.hash(PASSWORD).unwrap();
    house
        .district
        .as_person("officer", |c, actor| {
            users::set_password(c, &house.district.ledger, actor, user, &hash, NOW + 1)
        })
        .unwrap();
    over(&token, NOW + 1);
    let token = sign_in(NOW + 1);
    house.admitted(&token, NOW + 1).unwrap();

    house
        .district
        .store
        .write(|c| users::sign_out(c, user, NOW + 5))
        .unwrap();
    over(&token, NOW + 5);

    let token = sign_in(NOW + 10);
    house
        .district
        .as_person("command", |c, actor| {
            users::set_active(c, &house.district.ledger, actor, user, false, NOW + 10)
        })
        .unwrap();
    over(&token, NOW + 10);
    assert_eq!(
        refused(house.sign_in("officer", PASSWORD, 1, NOW + 11)),
        Refusal::Credentials
    );
    house
        .district
        .as_person("command", |c, actor| {
            users::set_active(c, &house.district.ledger, actor, user, true, NOW + 12)
        })
        .unwrap();
    over(&token, NOW + 12);
    house.admitted(&sign_in(NOW + 13), NOW + 13).unwrap();
}

#[test]
fn a_renewed_session_ends_when_the_first_one_does() {
    let house = house();
    let (_, session) = house.sign_in("officer", PASSWORD, 1, NOW + 1).unwrap();
    let (token, renewed) = house.door.renew(&session, NOW + 60_000).unwrap();
    assert_eq!(renewed.since, session.since);
    house.admitted(&token, NOW + 60_000).unwrap();
    house
        .district
        .store
        .write(|c| users::sign_out(c, session.user, NOW + 60_000))
        .unwrap();
    assert!(house.admitted(&token, NOW + 60_001).is_err());
}

#[test]
fn guessing_is_slowed_down_for_strangers_and_not_for_the_owner() {
    let house = house();
    house.sign_in("officer", PASSWORD, 1, NOW + 1).unwrap();
    let mut slowed = false;
    for n in 0..12 {
        let result = house.sign_in("officer", &format!("guess number {n}"), 1000 + n, NOW + 2);
        slowed |= matches!(refused(result), Refusal::Throttled { .. });
    }
    assert!(slowed);
    house.sign_in("officer", PASSWORD, 1, NOW + 3).unwrap();
    assert!(
        matches!(
            refused(house.sign_in("officer", PASSWORD, 9, NOW + 3)),
            Refusal::Throttled { .. }
        ),
        "a stranger learns nothing"
    );
}

#[test]
fn a_stronger_hash_replaces_a_weaker_one_at_sign_in() {
    let mut house = house();
    let stored = |house: &House| {
        let user = house.district.user("officer");
        house
            .district
            .store
            .read(|c| rows::by_id(c, user))
            .unwrap()
            .unwrap()
            .password
            .unwrap()
    };
    let weak = stored(&house);
    house.door = Door::new(&house.keys, Passwords::new(LEAST_MEMORY_KIB + 1024)).unwrap();
    let (token, _) = house.sign_in("officer", PASSWORD, 1, NOW + 1).unwrap();
    assert_ne!(stored(&house), weak);
    assert!(stored(&house).contains("m=20480"));
    house.admitted(&token, NOW + 1).unwrap();
}

#[test]
fn a_person_changes_their_own_password_and_nobody_above_them() {
    let house = house();
    let set = |by: &str, whom: &str| {
        let user = house.district.user(whom);
        house.district.as_person(by, |c, actor| {
            users::set_password(
                c,
                &house.district.ledger,
                actor,
                user,
                "$argon2id$x",
                NOW + 1,
            )
        })
    };
    set("volunteer", "volunteer").unwrap();
    set("officer", "grid").unwrap();
    assert_eq!(
        refused(set("officer", "neighbour")),
        Refusal::Unknown("account")
    );
    assert_eq!(refused(set("command", "admin")), Refusal::Forbidden);
    let close = |by: &str, whom: &str| {
        let user = house.district.user(whom);
        house.district.as_person(by, |c, actor| {
            users::set_active(c, &house.district.ledger, actor, user, false, NOW)
        })
    };
    assert!(matches!(
        refused(close("admin", "admin")),
        Refusal::Malformed {
            field: "active",
            ..
        }
    ));
}

#[test]
fn a_user_is_made_with_a_role_that_the_maker_may_give() {
    let district = District::build();
    let make = |by: &str, login: &str, role, area| {
        district.as_person(by, |c, actor| {
            users::create(c, actor, &person(login, role, area), NOW)
        })
    };
    make("officer", "new.volunteer", "volunteer", "S1").unwrap();
    assert_eq!(
        refused(make("officer", "new.volunteer", "volunteer", "S1")),
        Refusal::Taken("login")
    );
    assert_eq!(
        refused(make("officer", "new.officer", "officer", "V11")),
        Refusal::Forbidden
    );
    assert_eq!(
        refused(make("officer", "elsewhere", "volunteer", "S2")),
        Refusal::Unknown("area")
    );
    assert!(
        district
            .store
            .read(|c| rows::by_login(c, "new.officer"))
            .unwrap()
            .is_none(),
        "nothing is half made"
    );
    for login in ["", "a", "Big", "two words", "张三"] {
        assert!(matches!(
            refused(make("officer", login, "volunteer", "S1")),
            Refusal::Malformed { field: "login", .. }
        ));
    }
}
