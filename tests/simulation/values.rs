//! No value is lost: what was applied stands, or is in the history, or was overwritten by somebody
//! who had it on screen (I4, I9, I13); nobody who saw a value loses against it (I9); a change that
//! was made earlier never beats a later one by honest clocks (I7, I8); stamps are unique (I8).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kadian::store::{Error, history};
use sync_protocol::id::RecordId;
use sync_protocol::record::{Record, Write};

use crate::captured::Captured;
use crate::world::{Check, SECOND, World};

impl World {
    pub(crate) fn check_values(&mut self, holdings: &BTreeMap<RecordId, Record>) -> Check {
        let mut by_content = HashMap::<(RecordId, u64), &Captured>::new();
        for one in &self.account.all {
            if let Some(change) = &one.change {
                by_content.insert((change.record, one.content), one);
            }
        }
        for record in holdings.values() {
            let lost: BTreeSet<(String, i64, i64)> = self.centre.read(|c| {
                Ok::<_, Error>(
                    history::of(c, record.id)?
                        .into_iter()
                        .map(|row| (row.field, row.device, row.seq))
                        .collect(),
                )
            });
            self.check_record(record, &by_content, &lost)?;
        }
        Ok(())
    }

    fn check_record(
        &self,
        record: &Record,
        by_content: &HashMap<(RecordId, u64), &Captured>,
        lost: &BTreeSet<(String, i64, i64)>,
    ) -> Check {
        let mut stamps = BTreeMap::new();
        for write in &record.writes {
            if let Some(other) = stamps.insert((write.stamp, write.seq), write.seq) {
                return Err(format!(
                    "I8: two writes of {} have stamp {} and number {other}",
                    record.id, write.stamp
                ));
            }
            let Some(one) = by_content.get(&(record.id, write.content)) else {
                continue;
            };
            let Some(change) = &one.change else { continue };
            for (field, value) in &change.set {
                let Some(held) = record.fields.get(field) else {
                    return Err(format!(
                        "I13: {field} of {} was applied and is gone: {}",
                        record.id, one.line
                    ));
                };
                let standing = &record.writes[held.write];
                if standing == write {
                    if held.value != *value {
                        return Err(format!(
                            "I4: {field} of {} holds another value than was written",
                            record.id
                        ));
                    }
                    continue;
                }
                let in_history = lost.contains(&(
                    field.clone(),
                    i64::from(write.stamp.device),
                    write.seq as i64,
                ));
                let overwritten = record.writes.iter().any(|later| {
                    knew(later, write) && touches(by_content, record.id, later, field)
                });
                if !in_history && !overwritten {
                    return Err(format!(
                        "I4: {field} of {} was applied, stands no more, and is in no history: {}",
                        record.id, one.line
                    ));
                }
                let rival = by_content.get(&(record.id, standing.content));
                if self.honest
                    && !self.centre_was_wrong
                    && !knew(standing, write)
                    && rival.is_some_and(|rival| one.at > rival.at + 241 * SECOND)
                {
                    return Err(format!(
                        "I7: {field} of {}: an honest edit lost against an earlier one that knew nothing of it: {}",
                        record.id, one.line
                    ));
                }
                if knew_by_base(write, standing) && !self.hides(record, field, write) {
                    return Err(format!(
                        "I9: {field} of {}: who had {} on screen lost against it",
                        record.id, standing.stamp
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the writer's view may have hidden something of the field.
    fn hides(&self, record: &Record, field: &str, write: &Write) -> bool {
        let base = field.split('/').next().unwrap_or(field);
        // Who sees a kind in part may have seen only that part; the definitions say which.
        record.kind == "registration" || base == "members" || write.late
    }
}

fn knew_by_base(later: &Write, earlier: &Write) -> bool {
    earlier.rev <= later.base && later != earlier
}

fn knew(later: &Write, earlier: &Write) -> bool {
    later != earlier
        && later.rev > earlier.rev
        && (earlier.rev <= later.base || later.line == earlier.line)
}

fn touches(
    by_content: &HashMap<(RecordId, u64), &Captured>,
    record: RecordId,
    write: &Write,
    field: &str,
) -> bool {
    by_content
        .get(&(record, write.content))
        .and_then(|one| one.change.as_ref())
        .is_none_or(|change| change.set.contains_key(field))
}
