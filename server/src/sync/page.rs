//! One page over all scopes asked for: what stands above a cursor, in head order, rows and exits
//! together, until the page is full. A scope that has news for which there was no room keeps its
//! cursor and says that there is more.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};

use sync_protocol::cursor::Worth;
use sync_protocol::id::RecordId;
use sync_protocol::scope::Scope;
use sync_protocol::wire::{
    Ask, Exit, Feed, LEASE, LEASE_BY_DAY, MAX_PAGE_BYTES, MAX_PAGE_ROWS, Row,
};
use sync_protocol::{Rev, Seq};

use super::pull::{Open, Snapshot};
use crate::store::audit::Look;
use crate::store::exits::ExitRow;
use crate::store::records::{RecordRow, Standing};
use crate::store::{Connection, Error, exits, from_rev, records, to_rev};

/// Rows read first, while nothing is known of their size.
const FIRST_STEP: usize = 32;
/// Rows read at a time.
const LONGEST_STEP: usize = 128;

/// Rows and exits looked at in one request.
const MOST_LOOKS: usize = 4 * MAX_PAGE_ROWS;
/// What an exit counts for.
const EXIT_BYTES: usize = 100;

/// What is left of the page.
pub(super) struct Budget {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    pub(super) untouched: bool,
    /// What the bytes were spent on.
    sent: usize,
    /// What may still be looked at, shown or not: a kind that the caller does not see costs too.
    looks: usize,
}

impl Budget {
    pub(super) const fn new(rows: usize) -> Self {
        Self {
            rows,
            bytes: MAX_PAGE_BYTES,
            untouched: true,
            sent: 0,
            looks: MOST_LOOKS,
        }
    }

    const fn spend(&mut self, bytes: usize) {
        self.rows -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        self.sent += 1;
    }

    /// How many rows to read next: about as many as there is room for, by the size of those so
    /// far, so that little is read that is not sent.
    fn step(&self) -> usize {
        let room = match self.sent {
            0 => FIRST_STEP,
            sent => {
                let mean = (MAX_PAGE_BYTES - self.bytes) / sent;
                self.bytes / mean.max(1) + 1
            }
        };
        room.min(LONGEST_STEP).min(self.rows).max(1)
    }
}

/// Something above the cursor.
enum Item {
    Row(RecordRow),
    /// What the phone made itself, and still stands so, need not even be read.
    Own(Standing),
    Exit(ExitRow),
}

impl Item {
    const fn head(&self) -> i64 {
        match self {
            Self::Row(row) => row.head,
            Self::Own(row) => row.head,
            Self::Exit(row) => row.head,
        }
    }
}

impl Snapshot<'_> {
    #[expect(
        clippy::too_many_arguments,
        reason = "the page is one thing over all scopes"
    )]
    pub(super) fn feed(
        &self,
        connection: &mut Connection,
        open: &Open<'_>,
        asked: &HashMap<i64, &Scope>,
        own: &HashMap<RecordId, (Seq, Rev)>,
        budget: &mut Budget,
        delivered: &mut HashSet<RecordId>,
        looks: &mut Vec<Look>,
    ) -> Result<Option<Feed>, Error> {
        let Ask(scope, asked_cursor, view, phone_digest) = open.ask;
        let other_view = !view.is_empty() && *view != open.sight.name();
        let worth = match open.head.judge(*asked_cursor) {
            Worth::Good if other_view => Worth::Void,
            worth => worth,
        };
        let (count, digest) = open.held;
        let from = if worth == Worth::Good {
            *asked_cursor
        } else {
            0
        };
        let mut feed = Feed {
            scope: scope.clone(),
            cursor: *asked_cursor,
            more: false,
            reset: worth == Worth::Void,
            view: open.sight.name().to_owned(),
            count,
            digest,
            lease: if scope.day.is_some() {
                LEASE_BY_DAY
            } else {
                LEASE
            },
            own: Vec::new(),
            rows: Vec::new(),
            exits: Vec::new(),
        };
        let has_news = open.head.head > from;
        if !has_news {
            feed.cursor = open.head.head;
            let named = worth != Worth::Good || *phone_digest != digest;
            return Ok(named.then_some(feed));
        }
        let Some(row) = &open.row else {
            return Ok(None);
        };
        if budget.rows == 0 || (budget.bytes == 0 && !budget.untouched) {
            return Ok(Some(without_room(feed, open.ask)));
        }
        feed.cursor = from;
        let own = if worth == Worth::Good {
            Some(own)
        } else {
            None
        };
        let mut runs = Vec::new();
        let mut reached = from;
        loop {
            let step = budget.step();
            let (items, complete) = items_above(connection, row.id, reached, step, own)?;
            budget.looks = budget.looks.saturating_sub(items.len());
            reached = items.last().map_or(reached, |item| to_rev(item.head()));
            let all = self.fill(
                connection, open, items, asked, own, budget, delivered, &mut runs, &mut feed,
            )?;
            if all && complete {
                feed.cursor = open.head.head;
                break;
            }
            if !all || budget.rows == 0 || budget.looks == 0 {
                feed.more = true;
                break;
            }
        }
        if feed.more && feed.cursor == from {
            return Ok(Some(without_room(feed, open.ask)));
        }
        feed.own = join_runs(runs);
        if !feed.rows.is_empty() {
            looks.push(Look {
                at: self.now,
                account: self.reach.account().0,
                device: Some(i64::from(self.device)),
                action: "pull".to_owned(),
                scope_id: Some(row.id),
                from_head: Some(from_rev(from)),
                to_head: Some(from_rev(feed.cursor)),
                record: None,
                count: i64::try_from(feed.rows.len()).unwrap_or(i64::MAX),
                purpose: None,
            });
        }
        Ok(Some(feed))
    }

    /// Fills a feed with these items, as far as the page has room. Says whether all of them went
    /// in.
    #[expect(
        clippy::too_many_arguments,
        reason = "the page is one thing over all scopes"
    )]
    fn fill(
        &self,
        connection: &mut Connection,
        open: &Open<'_>,
        items: Vec<Item>,
        asked: &HashMap<i64, &Scope>,
        own: Option<&HashMap<RecordId, (Seq, Rev)>>,
        budget: &mut Budget,
        delivered: &mut HashSet<RecordId>,
        runs: &mut Vec<(Seq, Rev)>,
        feed: &mut Feed,
    ) -> Result<bool, Error> {
        let gone: Vec<RecordId> = items
            .iter()
            .filter_map(|item| match item {
                Item::Exit(exit) => exit.record.parse().ok(),
                Item::Row(_) | Item::Own(_) => None,
            })
            .collect();
        let whereabouts: HashMap<String, i64> = records::standing(connection, &gone)?
            .into_iter()
            .map(|row| (row.id, row.scope_id))
            .collect();
        for item in items {
            if budget.rows == 0 {
                return Ok(false);
            }
            let head = to_rev(item.head());
            match item {
                Item::Exit(exit) => {
                    if let Ok(record) = exit.record.parse::<RecordId>() {
                        let to = whereabouts
                            .get(&exit.record)
                            .and_then(|id| asked.get(id))
                            .map(|scope| (*scope).clone());
                        feed.exits.push(Exit {
                            record,
                            reason: exit.reason,
                            to,
                        });
                        delivered.insert(record);
                        budget.spend(EXIT_BYTES);
                    }
                }
                Item::Own(standing) => {
                    if let Some((id, seq, rev)) = own.and_then(|own| own_change(own, &standing)) {
                        runs.push((seq, rev));
                        delivered.insert(id);
                        budget.rows -= 1;
                    }
                }
                Item::Row(stored) => {
                    let record = stored.record()?;
                    let id = record.id;
                    if let Some(row) = open.sight.row(record) {
                        let size = size(&row);
                        if size > budget.bytes && !budget.untouched {
                            budget.bytes = 0;
                            return Ok(false);
                        }
                        delivered.insert(id);
                        feed.rows.push(row);
                        budget.spend(size);
                        budget.untouched = false;
                    }
                }
            }
            feed.cursor = head;
        }
        Ok(true)
    }
}

/// A feed of which nothing went onto the page: the phone stands where it stood. Its cursor stays good for the
/// view that it was given under, and for no other.
fn without_room(feed: Feed, Ask(_, cursor, view, _): &Ask) -> Feed {
    Feed {
        cursor: *cursor,
        view: view.clone(),
        reset: false,
        more: true,
        ..feed
    }
}

/// Rows and exits above a head, in head order, at most as many as wanted; and whether that is all.
/// Served from 0 (`own` is none) there is nothing that an exit could take away.
fn items_above(
    connection: &mut Connection,
    scope_id: i64,
    from: Rev,
    wanted: usize,
    own: Option<&HashMap<RecordId, (Seq, Rev)>>,
) -> Result<(Vec<Item>, bool), Error> {
    let most = i64::try_from(wanted + 1).unwrap_or(i64::MAX);
    let mut items = match own.filter(|own| !own.is_empty()) {
        Some(own) => rows_beside_own(connection, scope_id, from, most, own)?,
        None => records::above(connection, scope_id, from, most)?
            .into_iter()
            .map(Item::Row)
            .collect(),
    };
    if own.is_some() {
        let exits = exits::above(connection, scope_id, from, most)?;
        items.extend(exits.into_iter().map(Item::Exit));
    }
    items.sort_by_key(Item::head);
    let complete = items.len() <= wanted;
    // Beyond this, either list may have left something out.
    items.truncate(wanted);
    Ok((items, complete))
}

/// Rows above a head, of which those that the phone made itself are not read.
fn rows_beside_own(
    connection: &mut Connection,
    scope_id: i64,
    from: Rev,
    most: i64,
    own: &HashMap<RecordId, (Seq, Rev)>,
) -> Result<Vec<Item>, Error> {
    let standing = records::standing_above(connection, scope_id, from, most)?;
    let (own, others): (Vec<_>, Vec<_>) = standing
        .into_iter()
        .partition(|standing| own_change(own, standing).is_some());
    let others: Vec<RecordId> = others
        .iter()
        .filter_map(|one| one.id.parse().ok())
        .collect();
    let others = records::by_ids(connection, &others)?;
    let own = own.into_iter().map(Item::Own);
    Ok(own.chain(others.into_iter().map(Item::Row)).collect())
}

/// The change of this request that all of a row is made by, with what was on screen before.
fn own_change(
    own: &HashMap<RecordId, (Seq, Rev)>,
    standing: &Standing,
) -> Option<(RecordId, Seq, Rev)> {
    let id = standing.id.parse().ok()?;
    let (seq, rev) = own.get(&id)?;
    (from_rev(*rev) == standing.rev).then_some((id, *seq, *rev))
}

/// Bytes of a row as it goes out.
fn size(row: &Row) -> usize {
    let mut length = Length(0);
    serde_json::to_writer(&mut length, row).map_or(0, |()| length.0)
}

/// Counts what is written.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Changes that make up their rows, as runs of consecutive numbers with one revision.
fn join_runs(mut own: Vec<(Seq, Rev)>) -> Vec<(Seq, Seq, Rev)> {
    own.sort_unstable();
    let mut runs: Vec<(Seq, Seq, Rev)> = Vec::new();
    for (seq, rev) in own {
        match runs.last_mut() {
            Some(run) if run.1 + 1 == seq && run.2 == rev => run.1 = seq,
            _ => runs.push((seq, seq, rev)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_reads_about_as_many_rows_as_it_has_room_for() {
        let mut budget = Budget::new(500);
        assert_eq!(budget.step(), FIRST_STEP);
        (0..32).for_each(|_| budget.spend(1_000));
        assert_eq!(
            budget.step(),
            100,
            "99 more of a thousand bytes, and the one too many"
        );
        budget.bytes = 0;
        assert_eq!(budget.step(), 1);
        budget = Budget::new(500);
        (0..32).for_each(|_| budget.spend(50));
        assert_eq!(budget.step(), LONGEST_STEP);
        budget.rows = 7;
        assert_eq!(budget.step(), 7);
        budget.rows = 0;
        assert_eq!(budget.step(), 1, "never none, or nothing would move");
    }

    #[test]
    fn own_changes_are_named_as_runs() {
        assert_eq!(
            join_runs(vec![(3, 9), (1, 9), (2, 9), (5, 9), (6, 10)]),
            [(1, 3, 9), (5, 5, 9), (6, 6, 10)]
        );
    }
}
