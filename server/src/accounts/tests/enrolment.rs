//! Codes, devices and lines.

use super::*;
use crate::accounts::codes::Code;
use crate::accounts::enrolment::{self, Enrolled};
use crate::accounts::{devices, users};
use crate::ledger::Entry;
use crate::store::Reach;
use crate::store::alerts;
use crate::store::devices::{self as rows, DeviceState};
use std::sync::Barrier;

fn enrol(district: &District, code: &Code, token: u8, now: Millis) -> Result<Enrolled, Error> {
    district
        .store
        .write(|c| enrolment::enrol(c, &district.ledger, code, &[token; 32], "phone", now))
}

use sync_protocol::Millis;

#[test]
fn fifty_phones_at_once_with_one_code_make_exactly_one_device() {
    let district = District::build();
    let code = district.code("officer", "volunteer").unwrap();
    let start = Barrier::new(50);
    let results: Vec<_> = std::thread::scope(|scope| {
        let phones: Vec<_> = (0..50_u8)
            .map(|token| {
                let (district, code, start) = (&district, &code, &start);
                scope.spawn(move || {
                    start.wait();
                    enrol(district, code, token, NOW)
                })
            })
            .collect();
        phones
            .into_iter()
            .map(|phone| phone.join().unwrap())
            .collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(refused(result), Refusal::CodeUsed);
    }
    assert_eq!(district.store.read(rows::count).unwrap(), 1);
}

#[test]
fn one_phone_that_asks_fifty_times_hears_the_same_number() {
    let district = District::build();
    let code = district.code("leader", "volunteer").unwrap();
    let start = Barrier::new(50);
    let numbers: std::collections::BTreeSet<u32> = std::thread::scope(|scope| {
        let asks: Vec<_> = (0..50)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    enrol(&district, &code, 7, NOW).unwrap().device.0
                })
            })
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), [1000]);
    // Also when the reply was lost for longer than the code was good.
    let late = enrol(&district, &code, 7, NOW + DAY).unwrap();
    assert!(!late.new && late.device.0 == 1000 && late.line.0 == 1000);
}

#[test]
fn a_code_is_good_for_its_minutes_for_its_account_and_once() {
    let district = District::build();
    let code = district.code("officer", "volunteer").unwrap();
    let unknown = Code::random().unwrap();
    assert_eq!(
        refused(enrol(&district, &unknown, 1, NOW)),
        Refusal::CodeUnknown
    );
    assert_eq!(
        refused(enrol(&district, &code, 1, NOW + 10 * 60_000)),
        Refusal::CodeExpired
    );
    let first = enrol(&district, &code, 1, NOW + 10 * 60_000 - 1).unwrap();
    assert_eq!(first.account, district.user("volunteer"));
    assert_eq!(refused(enrol(&district, &code, 2, NOW)), Refusal::CodeUsed);
    let other = district.code("officer", "grid").unwrap();
    assert_eq!(
        refused(enrol(&district, &other, 1, NOW)),
        Refusal::Taken("token_hash")
    );
    assert_eq!(enrol(&district, &other, 2, NOW).unwrap().device.0, 1001);
}

#[test]
fn a_code_is_made_only_by_who_may_act_for_the_account() {
    let district = District::build();
    for (by, whom, expected) in [
        ("officer", "stranger", Refusal::Unknown("account")),
        ("officer", "officer", Refusal::Forbidden),
        ("officer", "admin", Refusal::Unknown("account")),
        ("volunteer", "volunteer", Refusal::Unknown("account")),
        ("auditor", "volunteer", Refusal::Forbidden),
    ] {
        assert_eq!(
            refused(district.code(by, whom)),
            expected,
            "{by} for {whom}"
        );
    }
}

#[test]
fn codes_of_a_closed_account_die_with_it() {
    let district = District::build();
    let code = district.code("officer", "volunteer").unwrap();
    let user = district.user("volunteer");
    let phone = district.phone("volunteer", 9);
    let set = |active| {
        district
            .as_person("officer", |c, actor| {
                users::set_active(c, &district.ledger, actor, user, active, NOW)
            })
            .unwrap();
    };
    let state = || {
        district
            .store
            .read(|c| devices::authenticate(c, &[9; 32]))
            .unwrap()
            .map(|(row, state)| (row.number, state))
    };
    assert_eq!(
        state(),
        Some((i64::from(phone.device.0), DeviceState::Active))
    );
    set(false);
    assert_eq!(
        refused(enrol(&district, &code, 1, NOW)),
        Refusal::CodeUnknown
    );
    assert_eq!(
        refused(district.code("officer", "volunteer")),
        Refusal::AccountClosed
    );
    assert_eq!(
        state().unwrap().1,
        DeviceState::PushOnly,
        "what it holds is still taken"
    );
    set(true);
    assert_eq!(state().unwrap().1, DeviceState::Active);
}

#[test]
fn a_token_is_known_by_the_hash_of_its_text_as_it_is_sent() {
    // SHA-256 of 43 times "A".
    assert_eq!(
        hex(&devices::token_hash(&"A".repeat(43)).unwrap()),
        hex(&sha256("A".repeat(43).as_bytes()))
    );
    for bad in [
        "",
        "short",
        &"A".repeat(42),
        &"A".repeat(257),
        &format!("{} x", "A".repeat(43)),
        &"ä".repeat(43),
    ] {
        assert!(devices::token_hash(bad).is_none());
    }
}

#[test]
fn a_parted_copy_gets_a_number_on_the_same_line_and_the_leader_is_told() {
    let district = District::build();
    let old = district.phone("volunteer", 1);
    let leave = |from: u8, token: u8| {
        district.store.write::<_, Error>(|c| {
            let row = rows::by_token(c, &[from; 32])?.unwrap();
            enrolment::leave_fork(c, &district.ledger, &row, &[token; 32], 0, None, NOW)
        })
    };
    let copy = leave(1, 2).unwrap();
    assert!(copy.new && copy.device != old.device && copy.line == old.line);
    assert_eq!(
        leave(1, 2).unwrap(),
        Enrolled { new: false, ..copy },
        "a lost reply costs nothing"
    );
    let third = leave(2, 3).unwrap();
    assert_eq!(
        third.line, old.line,
        "a copy of the copy is of the line too"
    );
    assert_eq!(refused(leave(1, 1)), Refusal::Taken("token_hash"));
    district.phone("grid", 8);
    assert_eq!(refused(leave(1, 8)), Refusal::Taken("token_hash"));
    assert!(
        district
            .store
            .read(|c| rows::by_token(c, &[1; 32]))
            .unwrap()
            .is_some(),
        "the old token stays good"
    );
    let alerts = district
        .store
        .read(|c| {
            let reach = Reach::of(c, district.user("leader"), NOW)?;
            alerts::list(c, &reach, &["checkpoint_leader"], "open", None, 10)
        })
        .unwrap();
    assert_eq!(alerts.len(), 2);
    assert!(
        alerts
            .iter()
            .all(|alert| alert.code == "fork" && alert.area.as_deref() == Some("S1"))
    );
}

#[test]
fn a_revoked_copy_stays_revoked_and_a_blocked_one_does_not_leave() {
    let district = District::build();
    let phone = district.phone("volunteer", 1);
    let set = |state| {
        district
            .as_person("officer", |c, actor| {
                devices::set_state(c, &district.ledger, actor, phone.device, state, NOW)
            })
            .unwrap();
    };
    let leave = |token: u8| {
        district.store.write::<_, Error>(|c| {
            let row = rows::by_token(c, &[1; 32])?.unwrap();
            enrolment::leave_fork(c, &district.ledger, &row, &[token; 32], 0, None, NOW)
        })
    };
    set(DeviceState::PushOnly);
    let copy = leave(2).unwrap();
    let row = district
        .store
        .read(|c| rows::by_number(c, copy.device))
        .unwrap()
        .unwrap();
    assert_eq!(row.state(), DeviceState::PushOnly);
    set(DeviceState::Blocked);
    assert_eq!(refused(leave(3)), Refusal::DeviceBlocked);
    let states = district.ledger.entries().unwrap().entries;
    let states = states
        .iter()
        .filter(|entry| matches!(entry, Entry::DeviceState { .. }))
        .count();
    assert_eq!(states, 4, "both numbers of the line are blocked");
}

#[test]
fn what_stops_one_number_of_a_line_stops_them_all_and_what_starts_one_starts_it_alone() {
    let district = District::build();
    let phone = district.phone("volunteer", 1);
    let other = district.phone("volunteer", 9);
    let leave = |from: u8, token: u8| {
        let left = district.store.write::<_, Error>(|c| {
            let row = rows::by_token(c, &[from; 32])?.unwrap();
            enrolment::leave_fork(c, &district.ledger, &row, &[token; 32], 0, None, NOW)
        });
        left.unwrap().device
    };
    let (second, third) = (leave(1, 2), leave(2, 3));
    let all = [phone.device, second, third];
    let set = |by: &str, number, state| {
        district.as_person(by, |c, actor| {
            devices::set_state(c, &district.ledger, actor, number, state, NOW)
        })
    };
    let states = || {
        all.map(|number| {
            let row = district.store.read(|c| rows::by_number(c, number));
            row.unwrap().unwrap().state()
        })
    };
    use DeviceState::{Active, Blocked, PushOnly};
    // The number at hand is one of several that the finder's copy may use.
    set("leader", second, PushOnly).unwrap();
    assert_eq!(states(), [PushOnly; 3]);
    set("officer", third, Active).unwrap();
    assert_eq!(states(), [PushOnly, PushOnly, Active]);
    set("leader", third, Blocked).unwrap();
    assert_eq!(states(), [Blocked; 3]);
    set("officer", phone.device, PushOnly).unwrap();
    assert_eq!(
        states(),
        [PushOnly, Blocked, Blocked],
        "less strict is for one"
    );
    set("leader", phone.device, PushOnly).unwrap();
    assert_eq!(
        states(),
        [PushOnly, Blocked, Blocked],
        "nothing is loosened"
    );
    let apart = district.store.read(|c| rows::by_number(c, other.device));
    assert_eq!(apart.unwrap().unwrap().state(), Active, "another line");
    // An older copy of the database hears all of it from the ledger.
    let entries = district.ledger.entries().unwrap().entries;
    let told = entries
        .iter()
        .filter(|entry| matches!(entry, Entry::DeviceState { .. }))
        .count();
    assert_eq!(told, 3 + 1 + 3 + 1);
}

#[test]
fn a_phone_bears_witness_of_the_clock_once_however_many_numbers_it_has() {
    let district = District::build();
    district.phone("volunteer", 1);
    district.phone("grid", 8);
    for token in 2..5 {
        let left = district.store.write::<_, Error>(|c| {
            let row = rows::by_token(c, &[1; 32])?.unwrap();
            enrolment::leave_fork(c, &district.ledger, &row, &[token; 32], 0, None, NOW)
        });
        left.unwrap();
    }
    let skews = district.store.write::<_, store::Error>(|c| {
        for (skew, token) in (0..).zip([1, 2, 3, 4, 8]) {
            let row = rows::by_token(c, &[token; 32])?.unwrap();
            let mut ack = store::acks::load(c, &[row.number])?.remove(0);
            ack.skew = Some(skew);
            ack.seen_at = NOW + i64::from(token);
            store::bulk::save_acks(c, &[&ack])?;
        }
        rows::skews_since(c, NOW)
    });
    assert_eq!(skews.unwrap(), [4, 3], "the latest of each phone");
}

#[test]
fn a_line_parts_a_bounded_number_of_times() {
    let district = District::build();
    district.phone("volunteer", 1);
    let leave = |n: u16| {
        district.store.write::<_, Error>(|c| {
            let row = rows::by_token(c, &[1; 32])?.unwrap();
            let mut token = [0; 32];
            token[..2].copy_from_slice(&n.to_be_bytes());
            enrolment::leave_fork(c, &Ledger::none(), &row, &token, 0, None, NOW)
        })
    };
    use crate::ledger::Ledger;
    for n in 300..555 {
        leave(n).unwrap();
    }
    assert_eq!(refused(leave(555)), Refusal::TooManyExits);
    assert!(!leave(300).unwrap().new);
}

#[test]
fn server_processes_lease_numbers_below_those_of_phones() {
    let district = District::build();
    let lease = |name: &str, now| {
        district
            .store
            .write(|c| rows::lease_process_number(c, name, now))
            .unwrap()
            .map(|row| row.number)
    };
    assert_eq!(lease("one", NOW), Some(1));
    assert_eq!(lease("two", NOW), Some(2));
    assert_eq!(lease("one", NOW + rows::LEASE_MS), Some(1));
    assert_eq!(
        lease("three", NOW + rows::LEASE_MS + 1),
        Some(2),
        "a silent process loses its number"
    );
    for n in 0..997 {
        lease(&format!("more {n}"), NOW + rows::LEASE_MS + 2).unwrap();
    }
    assert_eq!(lease("one too many", NOW + rows::LEASE_MS + 2), None);
    assert_eq!(district.phone("volunteer", 1).device.0, 1000);
    let listed = district
        .as_person("admin", |c, actor| {
            let Actor::Person(reach) = actor else {
                unreachable!()
            };
            Ok(rows::page(c, (reach, NOW), roles::READERS, 0, 100)?)
        })
        .unwrap();
    assert_eq!(listed.len(), 1, "processes are not phones");
    assert!(
        district
            .store
            .read(|c| rows::by_token(c, &sha256(b"process:one")))
            .unwrap()
            .is_none()
    );
}
