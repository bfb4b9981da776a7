//! Lists that come in whole or not at all: many changes made on the server, in one transaction,
//! chunk by chunk so that memory stays flat. What stands already and is the same is left alone.

use std::collections::HashMap;
use std::sync::Arc;

use sync_protocol::change::{Change, Fields};
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::record::Record;
use sync_protocol::wire::Outcome;

use super::engine::{Core, Engine};
use super::fold::Fold;
use super::job::Written;
use crate::store::{Company, Connection, Error, records};

/// What a list brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Brought {
    /// Records that are new.
    pub created: u64,
    /// Records that changed.
    pub updated: u64,
    /// Records that were the same already.
    pub unchanged: u64,
}

/// Why a list was not brought. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum NotBrought {
    /// A change found no way into its record.
    #[error("record {record}: {code} {path}")]
    Refused {
        /// Which.
        record: RecordId,
        /// Why, as a verdict has it.
        code: String,
        /// Where.
        path: String,
    },
    /// The list could not be read to its end.
    #[error("the list could not be read to its end")]
    Unreadable,
    /// The database could not.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A chunk of a list, or that it could not be read.
pub type Chunk = Result<Vec<Change>, ()>;

impl Engine {
    /// Brings a list in `user`'s name. `chunks` is called anew if the transaction is run again.
    pub fn bring<I: Iterator<Item = Chunk>>(
        &self,
        user: UserId,
        mut chunks: impl FnMut() -> I,
    ) -> Result<Brought, NotBrought> {
        let core = self.core();
        let generation = core.keep_epoch()?;
        core.store.write(|connection| {
            if core.store.generation() != generation {
                return Err(Error::Busy.into());
            }
            let mut brought = Brought::default();
            for chunk in chunks() {
                let chunk = chunk.map_err(|()| NotBrought::Unreadable)?;
                core.bring_chunk(connection, user, chunk, &mut brought)?;
            }
            Ok(brought)
        })
    }
}

impl Core {
    fn bring_chunk(
        &self,
        connection: &mut Connection,
        user: UserId,
        chunk: Vec<Change>,
        brought: &mut Brought,
    ) -> Result<(), NotBrought> {
        let ids: Vec<RecordId> = chunk.iter().map(|change| change.record).collect();
        let mut standing = HashMap::new();
        for row in records::by_ids(connection, &ids)? {
            let record = row.record()?;
            standing.insert(record.id, record);
        }
        let mut written = Vec::with_capacity(chunk.len());
        for mut change in chunk {
            match standing.get(&change.record) {
                None => brought.created += 1,
                Some(record) if says_nothing_new(record, &change.set) => {
                    brought.unchanged += 1;
                    continue;
                }
                Some(record) => {
                    change.heading.base = Some(record.rev);
                    brought.updated += 1;
                }
            }
            written.push(Written { change, user });
        }
        let (moment, rules) = self.moment(connection)?;
        let now = self.clock.now();
        // This transaction may have changed the tree, and may yet come to nothing.
        let nodes = Arc::default();
        let mut fold = Fold::new(
            moment,
            now,
            self.build,
            self.process,
            Company::Alone,
            rules,
            nodes,
        );
        let jobs = [super::job::Job::Write(written)];
        fold.gather(connection, &jobs)?;
        let [job] = &jobs;
        if let super::job::Answer::Write(settled) = fold.answer(job, &mut |_| {}) {
            for one in settled {
                if let (Outcome::Parked | Outcome::Invalid, Some(record)) =
                    (one.outcome, one.record)
                {
                    return Err(NotBrought::Refused {
                        record,
                        code: one.code.unwrap_or_default(),
                        path: one.path.unwrap_or_default(),
                    });
                }
            }
        }
        Ok(fold.flush(connection, &self.key, &self.runs)?)
    }
}

fn says_nothing_new(record: &Record, set: &Fields) -> bool {
    set.iter().all(|(name, value)| {
        record
            .fields
            .get(name)
            .is_some_and(|held| held.value == *value)
    })
}
