//! The account of what was captured: every change that a person entered, and, at the end, where it
//! is. Exactly once at the centre, or the account does not come out (I3, I4).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kadian::clock::Millis;
use kadian::store::{Connection, Error, parked, records};
use sync_protocol::change::{Change, Line, parse};
use sync_protocol::id::RecordId;
use sync_protocol::mark::fingerprint;
use sync_protocol::record::{MAX_PAST_WRITES, Record};

use crate::figures::Figures;

/// One change that was captured.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    /// The phones that descend from one enrolment share a lineage.
    pub(crate) lineage: usize,
    pub(crate) line: String,
    /// `None` where the line is no change.
    pub(crate) change: Option<Change>,
    /// What the centre knows its content by.
    pub(crate) content: u64,
    /// By the true clock.
    pub(crate) at: Millis,
    /// The phone's clock was right then.
    pub(crate) honest: bool,
    /// A phone has lost the body.
    pub(crate) lost: bool,
    /// A phone that held it was put back to an earlier day.
    pub(crate) wiped: bool,
    /// It was at the centre, and went with a copy that was put back, when no phone had it any more.
    pub(crate) destroyed: bool,
    /// It never came to be: the line was broken before it was sent.
    pub(crate) broken: bool,
}

#[derive(Default)]
pub(crate) struct Account {
    pub(crate) all: Vec<Captured>,
    by_line: HashMap<(usize, String), usize>,
    /// The lines that a lineage has had at the centre.
    pub(crate) lines: BTreeMap<usize, BTreeSet<i64>>,
}

/// Where a change is at the centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Found {
    pub(crate) writes: usize,
    pub(crate) aside: usize,
    pub(crate) admitted: usize,
    pub(crate) purged: bool,
}

impl Found {
    pub(crate) fn anywhere(&self) -> bool {
        self.writes + self.aside + self.admitted > 0 || self.purged
    }
}

/// All that the centre holds, by what it is known by.
pub(crate) struct Holdings {
    pub(crate) records: BTreeMap<RecordId, Record>,
    pub(crate) asides: Vec<parked::ParkedRow>,
    pub(crate) purged: BTreeSet<RecordId>,
}

impl Holdings {
    pub(crate) fn read(
        c: &mut Connection,
        account: &Account,
        numbers: &[i64],
        purged: &[RecordId],
    ) -> Result<Self, Error> {
        let ids: BTreeSet<RecordId> = account
            .all
            .iter()
            .filter_map(|one| Some(one.change.as_ref()?.record))
            .collect();
        let ids: Vec<RecordId> = ids.into_iter().collect();
        let mut holdings = Self {
            records: BTreeMap::new(),
            asides: Vec::new(),
            purged: purged.iter().copied().collect(),
        };
        for row in records::by_ids(c, &ids)? {
            let record = row.record()?;
            holdings.records.insert(record.id, record);
        }
        for number in numbers {
            holdings.asides.extend(parked::of_device(c, *number)?);
        }
        Ok(holdings)
    }

    /// What the centre has of the record of a change that is missing.
    fn tell(&self, one: &Captured) -> String {
        let Some(change) = &one.change else {
            return "no record".to_owned();
        };
        let writes = self
            .records
            .get(&change.record)
            .map(|record| &record.writes);
        let asides: Vec<_> = self
            .asides
            .iter()
            .filter(|row| row.record == Some(change.record.to_string()))
            .map(|row| (row.device, row.seq, &row.code, &row.state))
            .collect();
        format!(
            "content {}, writes {writes:#?}, aside {asides:?}",
            one.content
        )
    }

    pub(crate) fn find(&self, one: &Captured, lines: &BTreeSet<i64>) -> Found {
        let mut found = Found::default();
        let record = one.change.as_ref().map(|change| change.record);
        found.purged = record.is_some_and(|record| self.purged.contains(&record));
        if let Some(record) = record.and_then(|record| self.records.get(&record)) {
            found.writes = record
                .writes
                .iter()
                .filter(|write| {
                    write.content == one.content && lines.contains(&i64::from(write.line))
                })
                .count();
            // Past writes beyond a number are forgotten; then nothing can be said.
            if found.writes == 0 && record.writes.len() >= MAX_PAST_WRITES {
                found.purged = true;
            }
        }
        let hash = one.content.to_be_bytes();
        for row in self
            .asides
            .iter()
            .filter(|row| row.content_hash == hash && lines.contains(&row.line))
        {
            if row.state == "admitted" {
                found.admitted += 1;
            } else {
                found.aside += 1;
            }
        }
        found
    }
}

impl Account {
    /// Notes a change that was captured; nothing if it is known.
    pub(crate) fn note(&mut self, lineage: usize, line: &str, at: Millis, honest: bool) {
        let key = (lineage, line.to_owned());
        if self.by_line.contains_key(&key) {
            return;
        }
        let change = match parse(line.as_bytes()) {
            Ok(Line::Change(change)) => Some(*change),
            _ => None,
        };
        let content = change
            .as_ref()
            .map_or_else(|| fingerprint(line.as_bytes()), Change::content);
        self.by_line.insert(key, self.all.len());
        self.all.push(Captured {
            lineage,
            line: line.to_owned(),
            change,
            content,
            at,
            honest,
            lost: false,
            wiped: false,
            destroyed: false,
            broken: false,
        });
    }

    pub(crate) fn get_mut(&mut self, lineage: usize, line: &str) -> Option<&mut Captured> {
        let index = *self.by_line.get(&(lineage, line.to_owned()))?;
        self.all.get_mut(index)
    }

    /// Takes a change out again: it never left the phone, and another stands in its place.
    pub(crate) fn replace(&mut self, lineage: usize, line: &str, with: &str) {
        let Some(index) = self.by_line.remove(&(lineage, line.to_owned())) else {
            return;
        };
        let (at, honest) = (self.all[index].at, self.all[index].honest);
        self.all[index].broken = true;
        self.note(lineage, with, at, honest);
    }

    pub(crate) fn lines_of(&self, lineage: usize) -> BTreeSet<i64> {
        self.lines.get(&lineage).cloned().unwrap_or_default()
    }

    /// Looks for every change. `kept`: what is still on some phone, unsent.
    pub(crate) fn settle(&self, holdings: &Holdings, figures: &mut Figures) -> Result<(), String> {
        let mut missing_bodies = 0;
        for one in &self.all {
            let lines = self.lines_of(one.lineage);
            let found = holdings.find(one, &lines);
            if one.broken {
                continue;
            }
            figures.one("captured");
            if one.destroyed {
                figures.one("gone with a phone and a copy");
                continue;
            }
            let twice = |what: &str| Err(format!("I3: {what}: {found:?}: {}", one.line));
            if found.writes > lines.len().max(1) || (found.writes > 1 && lines.len() == 1) {
                figures.one("applied twice");
                return twice("applied twice");
            }
            if found.writes + found.aside > 1 && lines.len() == 1 && !found.purged {
                return twice("kept more than once");
            }
            if found.admitted > 0 && found.writes == 0 && !found.purged {
                return twice("admitted, and not in its record");
            }
            match found {
                Found { writes: 1.., .. } => figures.one("applied"),
                Found { aside: 1.., .. } => figures.one("kept aside at the end"),
                Found { purged: true, .. } => figures.one("purged"),
                _ if one.lost && !one.wiped => missing_bodies += 1,
                _ if one.wiped => figures.one("gone with a phone put back"),
                _ => {
                    figures.one("lost");
                    return Err(format!(
                        "I4: lost: {found:?}: {}\n{}",
                        one.line,
                        holdings.tell(one)
                    ));
                }
            }
        }
        for row in &holdings.asides {
            figures.one(aside_figure(&row.code));
        }
        let told = holdings
            .asides
            .iter()
            .filter(|row| row.code == "lost")
            .count();
        figures.add("lost bodies, declared", missing_bodies as u64);
        if missing_bodies > told {
            return Err(format!("I4: {missing_bodies} bodies lost, {told} told"));
        }
        Ok(())
    }
}

fn aside_figure(code: &str) -> &'static str {
    const KNOWN: [(&str, &str); 9] = [
        ("out_of_scope", "aside: out_of_scope"),
        ("waiting", "aside: waiting"),
        ("behind", "aside: behind"),
        ("unknown_kind", "aside: unknown_kind"),
        ("too_large", "aside: too_large"),
        ("purged", "aside: purged"),
        ("lost", "aside: lost"),
        ("scope", "aside: scope"),
        ("parent", "aside: parent"),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| *known == code)
        .map_or("aside: malformed or not valid", |(_, figure)| figure)
}
