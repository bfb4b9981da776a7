//! An older copy of the database is put back: what the ledger holds is done again.

use super::*;
use crate::accounts::replay::{Replayed, bring_up};
use crate::accounts::{devices, grants, users};
use crate::ledger::{Entry, Ledger};
use crate::store::devices::{self as rows, DeviceState};
use crate::store::grants::of_account;
use crate::store::{Connection, Reach, Store, StoreOptions, accounts, enrolments, trial};
use sync_protocol::id::{DeviceNumber, UserId};

/// The URL of a copy of the database as it stands now.
fn copy(district: &District) -> String {
    let file = district.folder.path().join("copy.sqlite");
    trial::copy(&district.url, &file).unwrap()
}

fn unknown(ledger: &Ledger, c: &mut Connection) -> Result<Vec<Entry>, Error> {
    Ok(ledger.unknown(c)?.collect::<Result<_, _>>()?)
}

/// The copy with the ledger beside the original, replayed.
fn replayed(district: &District, copy: &str) -> (Store, Replayed) {
    let store = Store::open(copy, StoreOptions::default()).unwrap();
    let path = district.ledger.path().unwrap().to_owned();
    let done = store
        .write::<_, Error>(|c| {
            let ledger = Ledger::open(&path, c, false)?;
            let begin = ledger.unknown(c)?.end();
            let done = bring_up(c, &ledger, NOW)?.unwrap();
            ledger.settle(c, begin, 0)?;
            let again = bring_up(c, &ledger, NOW)?.unwrap();
            let again = Replayed { purged: 0, ..again };
            assert!(again.is_nothing(), "every step may be repeated: {again:?}");
            assert_eq!(unknown(&ledger, c)?, []);
            Ok(done)
        })
        .unwrap();
    (store, done)
}

#[test]
fn i12_phones_enrolled_after_the_copy_are_known_again_under_their_numbers() {
    let district = District::build();
    district.phone("volunteer", 1);
    let copy = copy(&district);
    let code = district.code("officer", "grid").unwrap();
    let later = district.store.write::<_, Error>(|c| {
        crate::accounts::enrolment::enrol(c, &district.ledger, &code, &[2; 32], "phone", NOW)
    });
    let later = later.unwrap();
    let (store, done) = replayed(&district, &copy);
    assert_eq!(
        done,
        Replayed {
            devices: 1,
            ..Replayed::default()
        }
    );
    let row = store
        .read(|c| rows::by_token(c, &[2; 32]))
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.device(), row.user()),
        (later.device, district.user("grid"))
    );
    // The next number is a new one.
    let next = store
        .write::<_, store::Error>(|c| {
            rows::insert(
                c,
                &rows::NewDevice {
                    account: UserId(1),
                    token_hash: &[3; 32],
                    name: "x",
                    leaves: None,
                    now: NOW,
                },
            )
        })
        .unwrap();
    assert_eq!(next.number, row.number + 1);
}

#[test]
fn i12_what_was_revoked_closed_or_changed_after_the_copy_stays_so() {
    let district = District::build();
    let phone = district.phone("volunteer", 1).device;
    let (grid, neighbour, officer) = (
        district.user("grid"),
        district.user("neighbour"),
        district.user("officer"),
    );
    let ledger = &district.ledger;
    district
        .store
        .write(|c| {
            users::set_password(c, ledger, Actor::CommandLine, officer, "$argon2id$old", NOW)
        })
        .unwrap();
    let copy = copy(&district);
    district
        .as_person("admin", |c, actor| {
            devices::set_state(c, ledger, actor, phone, DeviceState::Blocked, NOW + 1)?;
            let grant = of_account(c, grid)?[0].grant.id;
            grants::revoke(c, ledger, actor, grant, NOW + 1)?;
            users::set_active(c, ledger, actor, neighbour, false, NOW + 1)?;
            users::set_password(c, ledger, actor, officer, "$argon2id$new", NOW + 1)
        })
        .unwrap();
    let (store, done) = replayed(&district, &copy);
    assert_eq!(
        done,
        Replayed {
            states: 1,
            grants: 1,
            accounts: 1,
            passwords: 1,
            ..Replayed::default()
        }
    );
    store
        .read::<_, Error>(|c| {
            assert_eq!(
                rows::by_number(c, phone)?.unwrap().state(),
                DeviceState::Blocked
            );
            assert_eq!(Reach::of(c, grid, NOW + 2)?.held().count(), 0);
            assert!(!accounts::by_id(c, neighbour)?.unwrap().active);
            assert_eq!(
                accounts::by_id(c, officer)?.unwrap().password,
                None,
                "the old one does not come back"
            );
            Ok(())
        })
        .unwrap();
}

#[test]
fn i12_a_role_that_was_ended_after_the_copy_stays_ended() {
    let district = District::build();
    let copy = copy(&district);
    let (grid, next) = (district.user("grid"), district.user("grid2"));
    district
        .as_person("admin", |c, actor| {
            let (people, how) = ((grid, next), grants::Ending::ByDate);
            grants::reassign(c, &district.ledger, actor, "G111", people, how, NOW + 1)
        })
        .unwrap();
    let (store, done) = replayed(&district, &copy);
    let held = store.read(|c| Ok::<_, store::Error>(Reach::of(c, grid, NOW + 2)?.held().count()));
    assert_eq!((held.unwrap(), done.grants), (0, 1));
}

#[test]
fn a_hand_over_that_was_refused_leaves_nothing_that_the_next_start_would_do_again() {
    for how in [grants::Ending::ByDate, grants::Ending::Revoked] {
        let district = District::build();
        let written = || district.ledger.entries().unwrap().entries.len();
        let before = written();
        let refused = district.as_person("admin", |c, actor| {
            let people = (district.user("grid"), UserId(999));
            grants::reassign(c, &district.ledger, actor, "G111", people, how, NOW + 1)
        });
        assert!(refused.is_err());
        assert_eq!(written(), before);
    }
}

#[test]
fn i12_of_the_dates_of_a_role_the_last_counts_and_none_that_is_later_than_before() {
    let district = District::build();
    let user = district.user("grid");
    let grant = |store: &Store| {
        store.read(|c| of_account(c, user)).unwrap()[0]
            .grant
            .clone()
    };
    let number = grant(&district.store).id;
    let end = |until| {
        let end = |c: &mut Connection, actor: Actor<'_>| {
            grants::end(c, &district.ledger, actor, number, until, NOW)
        };
        district.as_person("admin", end).unwrap();
    };
    let before = copy(&district);
    end(NOW + 2 * DAY);
    let between = district.folder.path().join("between.sqlite");
    let between = trial::copy(&district.url, &between).unwrap();
    end(NOW + 5 * DAY);
    let until = |url: &str| grant(&replayed(&district, url).0).until_at;
    assert_eq!(until(&before), Some(NOW + 5 * DAY));
    assert_eq!(until(&between), Some(NOW + 2 * DAY), "nobody gets more");
}

#[test]
fn i12_the_number_of_an_account_made_after_the_copy_goes_to_nobody_else() {
    let district = District::build();
    let copy = copy(&district);
    let user = district
        .as_person("officer", |c, actor| {
            users::create(c, actor, &person("late.comer", "volunteer", "S1"), NOW)
        })
        .unwrap()
        .0;
    district
        .store
        .write::<_, Error>(|c| {
            let entry = Entry::Enrolment {
                number: 1000,
                line: 1000,
                account: user.0,
                token_hash: hex(&[5; 32]),
                left: None,
                code_hash: None,
                at: NOW,
            };
            Ok(district.ledger.append(c, &entry)?)
        })
        .unwrap();
    let (store, _) = replayed(&district, &copy);
    store
        .write::<_, Error>(|c| {
            let (row, state) = devices::authenticate(c, &[5; 32])?.unwrap();
            assert_eq!(
                (row.user(), state),
                (user, DeviceState::PushOnly),
                "its pushes are kept"
            );
            let (next, _) = users::create(
                c,
                Actor::CommandLine,
                &person("next", "volunteer", "S1"),
                NOW,
            )?;
            assert!(next.0 > user.0);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_spent_code_stays_spent_when_the_server_died_before_the_commit() {
    let district = District::build();
    let code = district.code("officer", "volunteer").unwrap();
    let cut = district.store.write::<(), Error>(|c| {
        crate::accounts::enrolment::enrol(c, &district.ledger, &code, &[1; 32], "phone", NOW)?;
        Err(Error::Machine("power"))
    });
    assert!(cut.is_err());
    district
        .store
        .write(|c| bring_up(c, &district.ledger, NOW))
        .unwrap();
    let used = district
        .store
        .read(|c| enrolments::by_code(c, &code.hash()))
        .unwrap()
        .unwrap();
    assert!(used.used_at.is_some());
    // The phone that heard nothing asks again and gets the same number.
    let enrolled = district.store.write(|c| {
        crate::accounts::enrolment::enrol(c, &district.ledger, &code, &[1; 32], "phone", NOW)
    });
    let enrolled = enrolled.unwrap();
    assert_eq!((enrolled.device, enrolled.new), (DeviceNumber(1000), false));
}

#[test]
fn lines_whose_transaction_never_came_to_be_do_no_harm() {
    let district = District::build();
    let copy = copy(&district);
    let entry = |number: u32, token: u8| Entry::Enrolment {
        number,
        line: number,
        account: district.user("volunteer").0,
        token_hash: hex(&[token; 32]),
        code_hash: None,
        left: None,
        at: NOW,
    };
    district
        .store
        .write::<_, Error>(|c| {
            // 1000 was written down for a first phone, rolled back, and given to a second; the
            // first then got 1001, and its line stands there twice.
            for (number, token) in [(1000, 1), (1000, 2), (1001, 1), (1001, 1), (1002, 1)] {
                district.ledger.append(c, &entry(number, token))?;
            }
            Ok(())
        })
        .unwrap();
    let (store, done) = replayed(&district, &copy);
    assert_eq!(done.devices, 2);
    let number = |token: u8| {
        let found = store.read(|c| rows::by_token(c, &[token; 32])).unwrap();
        found.unwrap().device().0
    };
    assert_eq!((number(2), number(1)), (1000, 1001));
}
