//! What must be true when all is quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kadian::store::{Error, records, scopes};
use kadian::sync::projection::Sight;
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::scope::Scope;
use sync_protocol::wire::Row;

use crate::rights::{CHECKPOINTS, GRIDS, path_of, roles_at};
use crate::world::{Check, World};

impl World {
    pub(crate) fn check_all(&mut self) -> Check {
        self.watch.begin_again(&self.centre);
        self.look_at_books()?;
        let holdings = self.holdings();
        self.account.settle(&holdings, &mut self.figures)?;
        for carrier in 0..self.carriers.len() {
            self.check_copy(carrier)?;
        }
        self.check_forks()?;
        self.check_values(&holdings.records)?;
        Ok(())
    }

    /// The scopes that an account should hold, worked out from the grants.
    fn scopes_of(&self, account: i64) -> BTreeSet<String> {
        let now = self.centre.now();
        let mut scopes = BTreeSet::new();
        for code in GRIDS {
            let roles = roles_at(&self.centre.grants, account, path_of(code), now);
            if ["household", "visit", "poster"]
                .iter()
                .any(|kind| self.centre.views.sees(kind, &roles))
            {
                scopes.insert(format!("grid:{code}"));
            }
        }
        for code in CHECKPOINTS {
            let roles = roles_at(&self.centre.grants, account, path_of(code), now);
            if self.centre.views.sees("registration", &roles) {
                for day in [now, now - 86_400_000] {
                    let day = kadian::sync::day::local_day(day, None);
                    scopes.insert(format!("checkpoint:{code}@{day}"));
                }
            }
        }
        scopes
    }

    /// A phone's confirmed copy is the projection of what the centre has, no more and no less (I2, I6).
    fn check_copy(&mut self, carrier: usize) -> Check {
        let moment = self.moment(self.carriers[carrier].phone);
        let one = &self.carriers[carrier];
        let account = one.account;
        if one.replica.unsent() > 0 || !one.replica.all_sent_all_current(moment) {
            return Err(format!("I6: u{account}/{carrier} is not current"));
        }
        let number = one.replica.identity().map(|own| own.device);
        let device = number.and_then(|number| {
            self.centre
                .read(|c| kadian::store::devices::by_number(c, number))
        });
        let active = device.is_some_and(|device| device.state().as_str() == "active");
        let due = if active {
            self.scopes_of(account)
        } else {
            BTreeSet::new()
        };
        let wanted: BTreeSet<String> = one
            .replica
            .wanted(moment.wall)
            .iter()
            .map(ToString::to_string)
            .collect();
        // Whoever measured a centre with a wrong clock may take another day for today.
        let by_day = |scope: &&String| !self.centre_was_wrong || !scope.contains('@');
        if let Some(missing) = due
            .iter()
            .filter(by_day)
            .find(|scope| !wanted.contains(*scope))
        {
            return Err(format!(
                "I2: u{account}/{carrier} does not ask for {missing}, but for {wanted:?}"
            ));
        }
        let mut here = BTreeMap::<String, BTreeMap<RecordId, Row>>::new();
        for (scope, row) in one.replica.bodies() {
            here.entry(scope.to_string())
                .or_default()
                .insert(row.record, row.clone());
        }
        // Days before yesterday are asked for no more; what is left of them goes with the lease.
        for scope in wanted {
            let there = if active {
                self.projection(&scope, account)
            } else {
                BTreeMap::new()
            };
            let held = here.remove(&scope).unwrap_or_default();
            if there != held {
                let differing: Vec<_> = there
                    .keys()
                    .chain(held.keys())
                    .filter(|id| there.get(id) != held.get(id))
                    .collect();
                let id = differing[0];
                return Err(format!(
                    "I6: u{account}/{carrier} and the centre differ in {scope} about {id}:\n  here  {:?}\n  there {:?}",
                    held.get(id),
                    there.get(id)
                ));
            }
        }
        Ok(())
    }

    /// What the centre shows an account of a scope.
    pub(crate) fn projection(&self, name: &str, account: i64) -> BTreeMap<RecordId, Row> {
        let scope: Scope = name.parse().unwrap();
        let engine = &self.centre.engines[0];
        let now = self.centre.now();
        let roles = roles_at(
            &self.centre.grants,
            account,
            path_of(scope.place.code()),
            now,
        );
        let roles: Vec<&str> = roles.into_iter().collect();
        engine
            .store()
            .read(|c| {
                let mut rules = engine.rules(c)?;
                // Worked out anew, not what the server remembers.
                rules.views = Arc::default();
                let Some(sight) = Sight::of(
                    &rules,
                    UserId(account),
                    &roles,
                    scope.place.level(),
                    scope.day.is_some(),
                ) else {
                    return Ok(BTreeMap::new());
                };
                let Some(row) = scopes::by_names(c, &[name.to_owned()])?.pop() else {
                    return Ok(BTreeMap::new());
                };
                let mut rows = BTreeMap::new();
                for row in records::in_scope(c, row.id)? {
                    if let Some(row) = sight.row(row.record()?) {
                        rows.insert(row.record, row);
                    }
                }
                Ok(rows)
            })
            .unwrap_or_else(|error: Error| panic!("{error}"))
    }

    /// No two phones that said different things still use one number (I16).
    fn check_forks(&self) -> Check {
        let mut seen = BTreeMap::new();
        for one in &self.carriers {
            let Some(own) = one.replica.identity() else {
                continue;
            };
            let (packed, ..) = one.replica.numbers();
            if let Some(other) = seen.insert(own.device, packed)
                && other != packed
            {
                return Err(format!(
                    "I16: two phones use number {} and have packed {other} and {packed}",
                    own.device
                ));
            }
        }
        Ok(())
    }
}
