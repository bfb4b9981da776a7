//! Several who write at the same moment, in several processes on one database: what is written
//! beside each other on PostgreSQL, and one after the other on SQLite, comes to the same.

mod hot;
mod losses;
mod opening;
mod races;
mod rights;

use kadian::store::records::RecordRow;
use kadian::store::{Error, records, scopes};
use serde_json::json;
use std::collections::BTreeMap;
use sync_protocol::id::RecordId;
use sync_protocol::wire::{Outcome, Reply};

use crate::centre::Centre;
use crate::raw::Raw;

const PROCESSES: usize = 3;

/// The head of a scope and what stands in it.
fn scope(centre: &Centre, name: &str) -> (i64, Vec<RecordRow>) {
    let names = [name.to_owned()];
    centre.read(|c| {
        let row = scopes::by_names(c, &names)?.remove(0);
        Ok::<_, Error>((row.head, records::in_scope(c, row.id)?))
    })
}

/// Whether every change of a push went into its record.
fn all_taken(reply: &Reply) -> bool {
    let mut verdicts = reply.verdicts.iter();
    verdicts.all(|one| matches!(one.verdict, Outcome::Applied | Outcome::Merged))
}

/// One who reads scopes by cursor while others write.
struct Follower {
    raw: Raw,
    cursors: BTreeMap<String, u64>,
    held: BTreeMap<RecordId, u64>,
}

impl Follower {
    fn of(raw: Raw, names: &[&str]) -> Self {
        let cursors = names.iter().map(|name| ((*name).to_owned(), 0));
        Self {
            raw,
            cursors: cursors.collect(),
            held: BTreeMap::new(),
        }
    }

    /// Reads on to the end of what is there.
    fn follow(&mut self, centre: &Centre, process: usize) {
        loop {
            let wanted: Vec<_> = self.cursors.iter().collect();
            let pull: Vec<_> = wanted
                .into_iter()
                .map(|(name, cursor)| json!([name, cursor, "", "0000000000000000"]))
                .collect();
            let posted = self.raw.post_to(centre, process, &[], &json!(pull));
            let reply = posted.reply.unwrap_or_else(|| panic!("{}", posted.status));
            let mut more = false;
            for feed in &reply.feeds {
                let cursor = self.cursors.get_mut(&feed.scope.to_string()).unwrap();
                assert!(
                    !feed.reset || *cursor == 0,
                    "a cursor that was served is good"
                );
                assert!(feed.cursor >= *cursor, "a cursor never goes back");
                *cursor = feed.cursor;
                more |= feed.more;
                for row in &feed.rows {
                    let before = self.held.insert(row.record, row.rev);
                    assert!(before < Some(row.rev), "served again without being new");
                }
            }
            if !more {
                return;
            }
        }
    }

    /// What one holds who read everything at once, now.
    fn anew(&self, centre: &Centre) -> BTreeMap<RecordId, u64> {
        let names: Vec<&str> = self.cursors.keys().map(String::as_str).collect();
        let raw = Raw {
            hash: self.raw.hash,
            seq: self.raw.seq,
            after: self.raw.after,
            number: self.raw.number,
        };
        let mut other = Self::of(raw, &names);
        other.follow(centre, 0);
        other.held
    }
}
