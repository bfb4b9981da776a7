//! A pull: one read-only snapshot, grants included, and one page over all scopes asked for. Pages
//! run in head order over rows and exits together.

use std::collections::{HashMap, HashSet};

use sync_protocol::Rev;
use sync_protocol::cursor::{Head, Worth};
use sync_protocol::digest::Digest;
use sync_protocol::id::RecordId;
use sync_protocol::scope::Scope;
use sync_protocol::wire::{
    Ask, Dropped, Envelope, Exit, Feed, HeldPlace, LEASE, LEASE_BY_DAY, MAX_PAGE_BYTES,
    MAX_PAGE_ROWS, MAX_PLACES, Row, Verdict,
};
use sync_protocol::{Millis, Seq};

use super::job::Settled;
use super::places;
use super::projection::Sight;
use super::rules::Rules;
use crate::store::audit::Look;
use crate::store::exits::ExitRow;
use crate::store::records::RecordRow;
use crate::store::scopes::{Node, ScopeRow};
use crate::store::{Connection, Error, Reach, exits, from_rev, records, scopes, to_rev};

/// Who asks, and in which snapshot.
pub struct Snapshot<'a> {
    pub rules: &'a Rules,
    pub reach: &'a Reach,
    pub device: u32,
    /// A revoked device gets no feeds.
    pub may_read: bool,
    /// The epoch of the snapshot.
    pub epoch: Rev,
    pub now: Millis,
}

/// What a pull found.
#[derive(Debug, Default)]
pub struct Pulled {
    pub feeds: Vec<Feed>,
    pub dropped: Vec<Dropped>,
    pub verdicts: Vec<Verdict>,
    pub grants: Option<String>,
    pub places: Option<Vec<HeldPlace>>,
    /// What must be on record before the reply leaves.
    pub looks: Vec<Look>,
}

/// What is left of the page.
struct Budget {
    rows: usize,
    bytes: usize,
    untouched: bool,
}

/// A scope asked for that the caller may read.
struct Open<'a> {
    ask: &'a Ask,
    sight: Sight,
    row: Option<ScopeRow>,
    head: Head,
}

/// Something above the cursor.
enum Item {
    Row(RecordRow),
    Exit(ExitRow),
}

impl Item {
    const fn head(&self) -> i64 {
        match self {
            Self::Row(row) => row.head,
            Self::Exit(row) => row.head,
        }
    }
}

impl Snapshot<'_> {
    /// Answers what a request asks for, and names the verdicts of what it pushed.
    pub fn pull(
        &self,
        connection: &mut Connection,
        envelope: &Envelope,
        settled: &[Settled],
    ) -> Result<Pulled, Error> {
        let mut pulled = Pulled::default();
        let grants = places::hash(self.reach, self.rules);
        if self.may_read && envelope.grants != grants {
            pulled.places = Some(places::held(
                connection, self.reach, self.rules, "", MAX_PLACES,
            )?);
            pulled.grants = Some(grants);
        }
        let open = self.open(connection, envelope, &mut pulled)?;
        let asked: HashMap<i64, &Scope> = open
            .iter()
            .filter_map(|one| Some((one.row.as_ref()?.id, &one.ask.0)))
            .collect();
        let own: HashMap<RecordId, (Seq, Rev)> = settled
            .iter()
            .filter_map(|one| Some((one.record?, (one.seq, one.exact?))))
            .collect();
        let own = if envelope.epoch == self.epoch {
            own
        } else {
            HashMap::new()
        };
        let mut budget = Budget {
            rows: envelope.limit.clamp(1, MAX_PAGE_ROWS),
            bytes: MAX_PAGE_BYTES,
            untouched: true,
        };
        let mut delivered = HashSet::new();
        let mut cursors = HashMap::new();
        for one in &open {
            if let Some(feed) = self.feed(
                connection,
                one,
                &asked,
                &own,
                &mut budget,
                &mut delivered,
                &mut pulled.looks,
            )? {
                if let Some(row) = &one.row {
                    cursors.insert(row.id, if feed.more { feed.cursor } else { Rev::MAX });
                }
                pulled.feeds.push(feed);
            }
        }
        pulled.verdicts = self.verdicts(connection, settled, &delivered, &cursors)?;
        Ok(pulled)
    }

    /// Sorts what is asked for: what may be read, and what is dropped and why.
    fn open<'e>(
        &self,
        connection: &mut Connection,
        envelope: &'e Envelope,
        pulled: &mut Pulled,
    ) -> Result<Vec<Open<'e>>, Error> {
        let names: Vec<String> = envelope.pull.iter().map(|ask| ask.0.to_string()).collect();
        let codes: Vec<String> = envelope
            .pull
            .iter()
            .map(|ask| ask.0.place.code().to_owned())
            .collect();
        let nodes: HashMap<String, Node> = scopes::nodes(connection, &codes)?
            .into_iter()
            .map(|node| (node.code.clone(), node))
            .collect();
        let mut rows: HashMap<String, ScopeRow> = scopes::by_names(connection, &names)?
            .into_iter()
            .map(|row| (row.name.clone(), row))
            .collect();
        let mut open = Vec::with_capacity(envelope.pull.len());
        let mut seen = HashSet::new();
        for ask in envelope
            .pull
            .iter()
            .filter(|ask| seen.insert(ask.0.to_string()))
        {
            let scope = &ask.0;
            let node = nodes
                .get(scope.place.code())
                .filter(|node| node.level == scope.place.level());
            let sight = node.filter(|_| self.may_read).and_then(|node| {
                let roles = self.reach.roles_at(&node.path);
                Sight::of(
                    &self.rules.kinds,
                    self.reach.account(),
                    &roles,
                    scope.place.level(),
                    scope.day.is_some(),
                )
            });
            let Some(sight) = sight else {
                let reason = match node {
                    Some(node) => {
                        places::why_dropped(connection, self.reach.account(), node, self.now)?
                    }
                    None => "unknown",
                };
                pulled.dropped.push(Dropped {
                    scope: scope.clone(),
                    reason: reason.to_owned(),
                });
                continue;
            };
            let row = rows.remove(&scope.to_string());
            let head = row
                .as_ref()
                .map(ScopeRow::head)
                .transpose()?
                .unwrap_or_default();
            open.push(Open {
                ask,
                sight,
                row,
                head,
            });
        }
        Ok(open)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the page is one thing over all scopes"
    )]
    fn feed(
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
        let other_view = !view.is_empty() && *view != open.sight.name;
        let worth = match open.head.judge(*asked_cursor) {
            Worth::Good if other_view => Worth::Void,
            worth => worth,
        };
        let (count, digest) = self.holding(connection, open)?;
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
            view: open.sight.name.clone(),
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
            feed.more = true;
            feed.reset = false;
            return Ok(Some(feed));
        }
        let (items, complete) = items_above(connection, row.id, from, budget.rows)?;
        let own = if worth == Worth::Good {
            Some(own)
        } else {
            None
        };
        let complete = self.fill(
            connection, open, items, complete, asked, own, budget, delivered, &mut feed,
        )?;
        if complete {
            feed.cursor = open.head.head;
        } else {
            feed.more = true;
        }
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

    /// Fills a feed with what stands above its cursor, as far as the page has room. Says whether
    /// all of it went in.
    #[expect(
        clippy::too_many_arguments,
        reason = "the page is one thing over all scopes"
    )]
    fn fill(
        &self,
        connection: &mut Connection,
        open: &Open<'_>,
        items: Vec<Item>,
        complete: bool,
        asked: &HashMap<i64, &Scope>,
        own: Option<&HashMap<RecordId, (Seq, Rev)>>,
        budget: &mut Budget,
        delivered: &mut HashSet<RecordId>,
        feed: &mut Feed,
    ) -> Result<bool, Error> {
        let gone: Vec<RecordId> = items
            .iter()
            .filter_map(|item| match item {
                Item::Exit(exit) => exit.record.parse().ok(),
                Item::Row(_) => None,
            })
            .collect();
        let whereabouts: HashMap<String, i64> = records::by_ids(connection, &gone)?
            .into_iter()
            .map(|row| (row.id, row.scope_id))
            .collect();
        let mut runs: Vec<(Seq, Rev)> = Vec::new();
        let mut all = complete;
        for item in items {
            if budget.rows == 0 {
                all = false;
                break;
            }
            let head = to_rev(item.head());
            match item {
                Item::Exit(exit) => {
                    let Ok(record) = exit.record.parse::<RecordId>() else {
                        continue;
                    };
                    // Served from 0 there is nothing that an exit could take away.
                    if own.is_some() {
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
                        budget.rows -= 1;
                        budget.bytes = budget.bytes.saturating_sub(100);
                    }
                }
                Item::Row(stored) => {
                    let record = stored.record()?;
                    let run = own
                        .and_then(|own| own.get(&record.id))
                        .filter(|(_, rev)| *rev == record.rev);
                    if let Some((seq, rev)) = run
                        && open.sight.shows_all_of(&record)
                    {
                        runs.push((*seq, *rev));
                        delivered.insert(record.id);
                        budget.rows -= 1;
                    } else if let Some(row) = open.sight.row(&record) {
                        let size = size(&row);
                        if size > budget.bytes && !budget.untouched {
                            all = false;
                            budget.bytes = 0;
                            break;
                        }
                        delivered.insert(record.id);
                        feed.rows.push(row);
                        budget.rows -= 1;
                        budget.bytes = budget.bytes.saturating_sub(size);
                        budget.untouched = false;
                    }
                }
            }
            feed.cursor = head;
        }
        feed.own = join_runs(runs);
        Ok(all)
    }

    /// What the caller can see in a scope, counted and digested.
    fn holding(
        &self,
        connection: &mut Connection,
        open: &Open<'_>,
    ) -> Result<(u64, Digest), Error> {
        let Some(row) = &open.row else {
            return Ok((0, Digest::default()));
        };
        let (mut count, mut digest) = (0, Digest::default());
        for holding in scopes::holdings(connection, &[row.id])? {
            if open.sight.view(&holding.kind).is_some() {
                count += to_rev(holding.count);
                digest.join(holding.digest());
            }
        }
        Ok((count, digest))
    }
}

/// Rows and exits above a head, in head order, at most one more than wanted; and whether that is all.
fn items_above(
    connection: &mut Connection,
    scope_id: i64,
    from: Rev,
    wanted: usize,
) -> Result<(Vec<Item>, bool), Error> {
    let most = i64::try_from(wanted + 1).unwrap_or(i64::MAX);
    let mut items: Vec<Item> = records::above(connection, scope_id, from, most)?
        .into_iter()
        .map(Item::Row)
        .collect();
    items.extend(
        exits::above(connection, scope_id, from, most)?
            .into_iter()
            .map(Item::Exit),
    );
    items.sort_by_key(Item::head);
    let complete = items.len() <= wanted;
    // Beyond this, either list may have left something out.
    items.truncate(wanted + 1);
    Ok((items, complete))
}

fn size(row: &Row) -> usize {
    serde_json::to_string(row).map_or(0, |text| text.len())
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
    fn own_changes_are_named_as_runs() {
        assert_eq!(
            join_runs(vec![(3, 9), (1, 9), (2, 9), (5, 9), (6, 10)]),
            [(1, 3, 9), (5, 5, 9), (6, 6, 10)]
        );
    }
}
