//! The reckoning: what the books of the oracles say, held against what stands in the store and
//! against what the server shows over HTTP.

use std::collections::{BTreeMap, BTreeSet};

use kadian::app::App;
use kadian::ledger::Entry;
use kadian::store::{self, devices, parked, records};
use kadian_tests::Console;
use serde_json::{Value, json};
use sync_protocol::change::{Line, parse};
use sync_protocol::id::RecordId;

use crate::book::{Key, Noted};

/// What came of a row of faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reckoning {
    /// Changes that were acknowledged.
    pub(crate) acked: usize,
    /// Acknowledged, and neither in a record nor kept aside.
    pub(crate) lost: usize,
    /// Applied more than once.
    pub(crate) twice: usize,
    /// In the store, and in no book: nobody sent it, or not so.
    pub(crate) strange: usize,
    /// Sent and never answered for.
    pub(crate) unknown: usize,
    /// Of these, how many stand in the store.
    pub(crate) appeared: usize,
    /// Kept aside, whether acknowledged or not, by reason.
    pub(crate) aside: BTreeMap<String, usize>,
    pub(crate) records: usize,
}

impl Reckoning {
    /// From what the books say, and the store.
    pub(crate) fn of(app: &App, noted: &BTreeMap<Key, Noted>) -> Self {
        let mut found: BTreeMap<Key, usize> = BTreeMap::new();
        let mut result = Self::default();
        let mut steps = Vec::new();
        let each = app.store.read(|c| {
            records::each(c, |record| {
                result.records += 1;
                let mut revs = Vec::new();
                for write in &record.writes {
                    let key = Key {
                        line: write.line,
                        record: record.id,
                        stamp: write.raw,
                        content: write.content,
                    };
                    *found.entry(key).or_default() += 1;
                    revs.push(write.rev);
                }
                revs.sort_unstable();
                steps.extend(revs.windows(2).map(|two| (record.id, two[0], two[1])));
                if revs.last() != Some(&record.rev) {
                    steps.push((record.id, record.rev, record.rev));
                }
            })
        });
        each.unwrap();
        let aside = kept_aside(app, &noted.keys().copied().collect());
        for code in aside.values() {
            *result.aside.entry(code.clone()).or_default() += 1;
        }
        // A revision that no write accounts for is a change that was applied once more.
        let epochs = epochs(app);
        result.twice += steps
            .iter()
            .filter(|(_, before, after)| *after != before + 1 && !epochs.contains(after))
            .count();
        for (key, count) in &found {
            result.strange += usize::from(!noted.contains_key(key));
            result.twice += usize::from(*count > 1);
        }
        for (key, noted) in noted {
            let stands = found.contains_key(key) || aside.contains_key(key);
            match noted.acked {
                Some(_) => {
                    result.acked += 1;
                    result.lost += usize::from(!stands);
                }
                None => {
                    result.unknown += 1;
                    result.appeared += usize::from(stands);
                }
            }
        }
        result
    }

    /// Prints the one line of a row.
    pub(crate) fn print(&self, row: &str, injected: usize, survived: usize, more: &str) {
        println!(
            "{row}: faults injected {injected}, survived {survived}; entries acked {}, acked lost {}, stored twice {}; unknown {}, of which appeared {}{}{more}",
            self.acked,
            self.lost,
            self.twice,
            self.unknown,
            self.appeared,
            if more.is_empty() { "" } else { "; " },
        );
    }

    /// Nothing acknowledged is lost, nothing is there twice, or is there that nobody sent.
    #[track_caller]
    pub(crate) fn is_sound(&self) {
        assert!(self.acked > 0, "nothing was acknowledged: {self:?}");
        assert_eq!(
            (self.lost, self.twice, self.strange),
            (0, 0, 0),
            "lost, twice, strange: {self:?}"
        );
    }
}

/// Those changes of the books that the server keeps aside, with the reason.
fn kept_aside(app: &App, keys: &BTreeSet<Key>) -> BTreeMap<Key, String> {
    let lines: BTreeSet<u32> = keys.iter().map(|key| key.line).collect();
    let mut aside = BTreeMap::new();
    for line in lines {
        let rows = app.store.read::<_, store::Error>(|c| {
            let mut rows = Vec::new();
            for device in devices::of_line(c, i64::from(line))? {
                rows.extend(parked::of_device(c, device.number)?);
            }
            Ok(rows)
        });
        aside.extend(rows.unwrap().into_iter().filter_map(|row| {
            let Ok(Line::Change(change)) = parse(&row.body) else {
                return None;
            };

            let key = Key {
                line,
                record: change.record,
                stamp: change.stamp,
                content: change.content(),
            };
            Some((key, row.code))
        }));
    }
    aside
}

fn epochs(app: &App) -> BTreeSet<u64> {
    let entries = app.ledger.entries().unwrap().entries;
    let epochs = entries.into_iter().filter_map(|entry| match entry {
        Entry::Epoch { epoch, .. } => Some(epoch),
        _ => None,
    });
    epochs.collect()
}

/// What a console shows: every registration once, and counts that fit.
pub(crate) fn shown(address: &str) -> BTreeSet<RecordId> {
    let mut console = Console::sign_in_at(address, "chief");
    let mut shown = BTreeSet::new();
    let mut days = BTreeSet::new();
    let mut after = Value::Null;
    loop {
        let mut search = json!({"area": "999999", "limit": 200});
        if !after.is_null() {
            search["after"] = after;
        }
        let page = console.post("/v1/records/registration/search", &search);
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        for row in page["rows"].as_array().unwrap() {
            let id = row["record"].as_str().unwrap().parse().unwrap();
            assert!(shown.insert(id), "a record is shown twice");
            let scope = row["scope"].as_str().unwrap();
            days.insert(scope.split_once('@').unwrap().1.to_owned());
        }
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let mut counted = 0;
    for day in days {
        let path = format!("/v1/tallies?area=999999&day={day}");
        let tallies = console.get(&path).json();
        let rows = tallies["counts"].as_array().unwrap().iter();
        counted += rows
            .filter(|row| row["tally"] == "disposition")
            .map(|row| row["live"].as_u64().unwrap())
            .sum::<u64>();
    }
    assert_eq!(counted, shown.len() as u64, "the counts are exact");
    shown
}

/// The reckoning itself is tried: whatever is taken out of the store, put in twice, or made up, it
/// must see.
#[test]
fn f1_a_loss_a_double_and_a_stranger_are_seen() {
    let chance = crate::scale::seed("F1 reckoning");
    let mut site = crate::site::Site::build(1);
    let (mut process, mut oracles) = site.begin(1, &chance);
    let records: Vec<RecordId> = (0..3).map(|_| oracles[0].create()).collect();
    assert!(oracles[0].settle(std::time::Duration::from_secs(20)));
    process.kill();
    let before = site.reckon();
    before.is_sound();
    let app = site.open();
    let tampered = app.store.write::<_, store::Error>(|c| {
        records::delete(c, &records[..1])?;
        let mut rows = records::by_ids(c, &records[1..])?;
        for row in &mut rows {
            let mut record = row.record()?;
            let mut again = record.writes[0].clone();
            if record.id == records[1] {
                again.rev += 1;
                record.rev += 1;
            } else {
                again.content ^= 1;
                record.rev += 2;
                again.rev = record.rev;
            }
            record.writes.push(again);
            row.body = records::encode(&record)?;
        }
        store::bulk::change_records(c, &rows)
    });
    tampered.unwrap();
    drop(app);
    let found = site.reckon();
    assert_eq!(
        (found.lost, found.twice, found.strange),
        (1, 2, 1),
        "one gone; one twice, and one with a revision that nobody made; one that nobody sent"
    );
}
