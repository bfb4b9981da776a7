//! The account at the end of the day: what was captured on the phones, and where each of it is now.
//! Read from the database itself, not from what the server said.

use std::collections::{BTreeMap, HashSet};

use crate::store::{Connection, Error, history, parked, records};

use super::phone::Phone;

/// Where everything is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    /// Entries made on the phones.
    pub captured: u64,
    /// Of these, entries that the server has a verdict for.
    pub received: u64,
    /// Found in their records, all fields.
    pub applied: u64,
    /// Found in their records and, for fields that lost, in the history.
    pub merged: u64,
    /// Kept aside until someone resolves them.
    pub parked: u64,
    /// Kept aside because they are no valid changes.
    pub invalid: u64,
    /// Values that lost against what stands and are shown beside it.
    pub conflicts_kept: u64,
    /// Found twice.
    pub applied_twice: u64,
    /// Found nowhere.
    pub lost: u64,
    /// Phones whose copy differs from the centre's.
    pub phones_that_differ: u64,
    /// Entries that somebody must see at once.
    pub abnormal: u64,
}

impl Account {
    /// Whether the day went well.
    pub const fn is_sound(&self) -> bool {
        self.lost == 0
            && self.applied_twice == 0
            && self.phones_that_differ == 0
            && self.received == self.captured
    }

    /// Draws it up.
    pub fn of(connection: &mut Connection, phones: &[Phone], now: i64) -> Result<Self, Error> {
        let mut account = Self::default();
        let mut found = BTreeMap::<(i64, u64), u64>::new();
        let mut merged = HashSet::new();
        records::each(connection, |record| {
            account.conflicts_kept += record.conflicts().count() as u64;
            for write in &record.writes {
                let change = (i64::from(write.stamp.device), write.seq);
                *found.entry(change).or_default() += 1;
                if !write.lost.is_empty() {
                    merged.insert(change);
                }
            }
        })?;
        for phone in phones {
            account.captured += phone.captured;
            account.abnormal += phone.abnormal;
            let Some(identity) = phone.replica.identity() else {
                account.lost += phone.captured;
                continue;
            };
            let number = i64::from(identity.device.0);
            let (packed, ack, _, _) = phone.replica.numbers();
            account.received += ack.min(packed);
            let past: HashSet<u64> = history::seqs_of(connection, number)?.into_iter().collect();
            let mut aside = BTreeMap::new();
            for row in parked::of_device(connection, number)? {
                aside.insert(crate::store::to_rev(row.seq), row.verdict);
            }
            for seq in 1..=packed {
                match found.get(&(number, seq)) {
                    Some(1) if merged.contains(&(number, seq)) => account.merged += 1,
                    Some(1) => account.applied += 1,
                    Some(_) => account.applied_twice += 1,
                    None => match aside.get(&seq).map(String::as_str) {
                        Some("parked") => account.parked += 1,
                        Some(_) => account.invalid += 1,
                        None if past.contains(&seq) => account.merged += 1,
                        None => account.lost += 1,
                    },
                }
            }
            account.lost += phone.captured.saturating_sub(packed);
            if !phone.replica.all_sent_all_current(phone.moment(now)) {
                account.phones_that_differ += 1;
            }
        }
        Ok(account)
    }
}
