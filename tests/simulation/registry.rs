//! The centre's registry: who holds which role where, and which phone has which number.

use crate::rights::Grant;
use kadian::accounts::enrolment::leave_fork;
use kadian::clock::Millis;
use kadian::ledger::Entry;
use kadian::store::devices::{DeviceRow, DeviceState, NewDevice};
use kadian::store::grants::NewGrant;
use kadian::store::{Connection, Error, devices, grants};
use kadian::sync::numbering::Marks;
use sync_protocol::id::{DeviceNumber, UserId};
use sync_protocol::mark::Mark;

use crate::centre::Centre;

impl Centre {
    pub(crate) fn grant(
        &mut self,
        account: i64,
        role: &'static str,
        area: &'static str,
        until: Option<Millis>,
    ) {
        let now = self.now();
        let mut grant = Grant {
            id: 0,
            account,
            role,
            area,
            from: now,
            until,
            revoked: None,
        };
        grant.id = self.write(|c| insert_grant(c, &grant));
        self.grants.push(grant);
    }

    pub(crate) fn end_grant(&mut self, index: usize, revoke: bool) {
        let now = self.now();
        let grant = &mut self.grants[index];
        if revoke {
            grant.revoked = grant.revoked.or(Some(now));
        } else {
            grant.until = Some(now);
        }
        let grant = grant.clone();
        self.write(|c| {
            if revoke {
                grants::revoke(c, grant.id, now).map(|_| ())
            } else {
                grants::set_until(c, grant.id, grant.until)
            }
        });
    }

    /// Enrols a phone for an account.
    pub(crate) fn enrol(&mut self, hash: &[u8; 32], account: i64) -> (DeviceNumber, UserId) {
        if let Some(known) = self.device(hash) {
            return (known.device(), known.user());
        }
        let now = self.now();
        let row = self.write(|c| {
            let row = devices::insert(
                c,
                &NewDevice {
                    account: UserId(account),
                    token_hash: hash,
                    name: "phone",
                    leaves: None,
                    now,
                },
            )?;
            let entry = Entry::Enrolment {
                number: row.device().0,
                line: row.device().0,
                account,
                token_hash: hex(hash),
                code_hash: None,
                left: None,
                at: now,
            };
            self.ledger.append(c, &entry).unwrap();
            Ok(row)
        });
        self.numbers.push(row.number);
        (row.device(), row.user())
    }

    /// A phone leaves a number that another copy of it uses too.
    pub(crate) fn leave(
        &mut self,
        hash: &[u8; 32],
        old: &DeviceRow,
        knew: u64,
        mark: Option<Mark>,
    ) -> Option<(DeviceNumber, UserId)> {
        let now = self.now();
        // What a phone knew counts only if the centre knows the same.
        let kept = Marks::from_bytes(&old.marks).and_then(|marks| marks.mark(knew));
        let knew = if kept.is_some() && kept == mark {
            knew
        } else {
            0
        };
        let store = self.engines[0].store();
        let enrolled = store
            .write(|c| leave_fork(c, &self.ledger, old, hash, knew, None, now))
            .ok()?;
        if enrolled.new {
            self.numbers.push(i64::from(enrolled.device.0));
        }
        Some((enrolled.device, enrolled.account))
    }

    pub(crate) fn device(&self, hash: &[u8; 32]) -> Option<DeviceRow> {
        self.read(|c| devices::by_token(c, hash))
    }

    pub(crate) fn numbers(&self) -> Vec<i64> {
        let numbers: std::collections::BTreeSet<i64> =
            (1..=3).chain(self.numbers.iter().copied()).collect();
        numbers.into_iter().collect()
    }

    pub(crate) fn set_state(&mut self, number: i64, state: DeviceState) {
        let at = self.now();
        self.write(|c| {
            let entry = Entry::DeviceState {
                number: number as u32,
                state: state.as_str().to_owned(),
                at,
            };
            self.ledger.append(c, &entry).unwrap();
            devices::set_state(c, number, state)
        });
    }
}

pub(crate) fn insert_grant(c: &mut Connection, grant: &Grant) -> Result<i64, Error> {
    let new = NewGrant {
        account: UserId(grant.account),
        role: grant.role,
        area: grant.area,
        from_at: grant.from,
        until_at: grant.until,
        made_by: None,
        made_at: grant.from,
    };
    grants::insert(c, &new)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
