//! A fold: several jobs in one transaction. What they touch is read first, then everything is
//! decided in memory, then written in bulk. This file is the memory; [`super::gather`] fills it,
//! [`super::admit`] and its neighbours change it, [`super::flush`] writes it down.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use sync_protocol::cursor::Head;
use sync_protocol::digest::Digest;
use sync_protocol::id::RecordId;
use sync_protocol::kind::{Kind, View};
use sync_protocol::record::Record;
use sync_protocol::scope::{Place, Scope};
use sync_protocol::{Millis, Rev};

use super::first::First;
use super::job::Settled;
use super::numbering::Marks;
use super::rules::Rules;
use crate::store::acks::{AckRow, Durable};
use crate::store::alerts::Alert;
use crate::store::audit::Look;
use crate::store::definitions::Moment;
use crate::store::history::NewHistory;
use crate::store::nodes::{Nodes, Tree};
use crate::store::parked::{NewParked, ParkedRow, Past};
use crate::store::scopes::Node;
use crate::store::{Company, Reach, reach};

/// What a fold knows and has decided.
pub(super) struct Fold {
    /// Read before anything else; revisions and heads given out are at least this.
    pub(super) epoch: Rev,
    /// How often records had gone from where they stood, before this fold.
    pub(super) moves: u64,
    /// The area tree of that moment.
    pub(super) tree: Tree,
    /// Whether records may go from where they stand in this fold.
    pub(super) displaces: bool,
    /// The server's clock at the start of the fold.
    pub(super) now: Millis,
    /// When this program was built.
    pub(super) build: Millis,
    /// The device number of this process.
    pub(super) process: i64,
    /// Whether others write at the same time.
    pub(super) company: Company,
    /// What makes a record is not looked up. Either the fold makes it, and should one be there after
    /// all, its key refuses it; or nothing was decided by its absence that may be written. In both
    /// cases the fold is done again without this.
    pub(super) presumes: bool,
    /// Records that were not looked up.
    pub(super) presumed: BTreeSet<RecordId>,
    pub(super) rules: Rules,
    /// When a change counts as durable.
    pub(super) durable: Durable,
    pub(super) devices: BTreeMap<i64, Device>,
    /// Lines that more than one number belongs to.
    pub(super) shared_lines: HashSet<i64>,
    /// The earlier numbers of each device's line, with how far it knew them.
    pub(super) knew: HashMap<i64, Vec<(u32, u64)>>,
    pub(super) people: HashMap<i64, Person>,
    pub(super) records: BTreeMap<RecordId, Slot>,
    /// Ids that were asked for and do not exist.
    pub(super) absent: HashSet<RecordId>,
    /// Records that one change of this fold makes, and nothing else has touched.
    pub(super) firsts: BTreeMap<RecordId, First>,
    /// By name, so that heads are taken in one order.
    pub(super) scopes: BTreeMap<Arc<str>, ScopeSlot>,
    /// Where new records may go, by the place that changes name.
    pub(super) spots: HashMap<Place, Vec<Arc<Spot>>>,
    pub(super) nodes: HashMap<String, Arc<Node>>,
    pub(super) purged: HashSet<RecordId>,
    /// Of devices whose changes were kept aside: whether they may write now.
    pub(super) active: HashMap<i64, bool>,
    /// The last change that came before its kind and was read to be tried again.
    pub(super) readmit_last: Option<i64>,
    pub(super) aside: Vec<Aside>,
    /// What was kept aside before of shared lines, by content.
    pub(super) known_aside: Vec<ParkedRow>,
    /// What became of changes that a device sends again, by device and number.
    pub(super) past_aside: HashMap<(i64, i64), Past>,
    /// Changes kept aside whose verdict changed in this fold.
    pub(super) resettled: HashMap<(i64, i64), Settled>,
    /// Scopes that go whole: their records leave no exits.
    pub(super) whole_scopes: BTreeSet<Arc<str>>,
    pub(super) history: Vec<NewHistory>,
    pub(super) alerts: BTreeMap<String, Alert>,
    pub(super) looks: Vec<Look>,
    pub(super) newly_purged: BTreeSet<String>,
    /// Records whose open parked changes are to be shown at another node.
    pub(super) shown_at: Vec<(RecordId, String)>,
}

/// A device, and whether it has changed.
pub(super) struct Device {
    pub(super) row: AckRow,
    pub(super) marks: Marks,
    pub(super) dirty: bool,
}

/// A person whose rights are judged in this fold.
pub(super) struct Person {
    pub(super) reach: Arc<Reach>,
    /// Where what concerns them is shown.
    pub(super) home: Option<String>,
}

impl From<reach::Person> for Person {
    fn from(reach::Person { reach, home }: reach::Person) -> Self {
        let reach = Arc::new(reach);
        Self { reach, home }
    }
}

/// A record in the fold.
pub(super) struct Slot {
    /// The name of the scope it is in now.
    pub(super) scope: Arc<str>,
    pub(super) record: Record,
    pub(super) created_at: Millis,
    /// The run in which its hashes stand.
    pub(super) run: i64,
    /// What the database has; `None` for a record made in this fold.
    pub(super) stored: Option<Stored>,
    pub(super) dirty: bool,
    /// To be purged: the row goes.
    pub(super) purge: bool,
}

/// What the database has of a record, as far as counts and indexes need it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) scope: Arc<str>,
    pub(super) rev: Rev,
    pub(super) tallies: Vec<Pair>,
    pub(super) terms: Vec<Pair>,
}

/// A name and a value.
pub(super) type Pair = (String, String);

/// A scope and the node at which it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) name: Arc<str>,
    pub(super) scope: Scope,
    pub(super) node: Arc<Node>,
}

impl Spot {
    pub(super) fn new(scope: Scope, node: Arc<Node>) -> Self {
        Self {
            name: scope.to_string().into(),
            scope,
            node,
        }
    }
}

/// A scope in the fold.
pub(super) struct ScopeSlot {
    /// `None` until it is created at the end of the fold.
    pub(super) id: Option<i64>,
    pub(super) spot: Arc<Spot>,
    pub(super) head: Head,
    pub(super) purged: bool,
    /// What it holds per kind; known once the fold holds the scope.
    pub(super) holdings: BTreeMap<String, (i64, Digest)>,
    pub(super) dirty: bool,
}

impl ScopeSlot {
    /// Counts a record in, and gives it the next head.
    pub(super) fn take_in(&mut self, kind: &str, id: RecordId, rev: Rev, epoch: Rev) -> Rev {
        let (count, digest) = self.holding(kind);
        *count += 1;
        digest.add(id, rev);
        self.head.take(epoch)
    }

    /// Counts out a record that stood here at this revision.
    pub(super) fn let_out(&mut self, kind: &str, id: RecordId, rev: Rev) {
        let (count, digest) = self.holding(kind);
        *count -= 1;
        digest.remove(id, rev);
    }

    fn holding(&mut self, kind: &str) -> &mut (i64, Digest) {
        self.dirty = true;
        self.holdings.entry(kind.to_owned()).or_default()
    }
}

/// A change that is kept aside: from the database, or new.
pub(super) struct Aside {
    /// Its id, if it is in the database.
    pub(super) id: Option<i64>,
    pub(super) row: NewParked,
    /// Whether `state` was changed here.
    pub(super) settled: bool,
    pub(super) settled_by: Option<i64>,
    pub(super) reason: Option<String>,
}

impl Aside {
    pub(super) fn is_open(&self) -> bool {
        self.row.state == "open"
    }
}

impl From<ParkedRow> for Aside {
    fn from(row: ParkedRow) -> Self {
        Self {
            id: Some(row.id),
            settled: false,
            settled_by: None,
            reason: None,
            row: NewParked {
                device: row.device,
                line: row.line,
                seq: row.seq,
                account: row.account,
                verdict: row.verdict,
                code: row.code,
                detail: row.detail,
                kind: row.kind,
                record: row.record,
                area: row.area,
                waits_for: row.waits_for,
                content_hash: row.content_hash,
                body: row.body,
                stamp: row.stamp,
                raw: row.raw,
                clock: row.clock,
                base: row.base,
                at: row.at,
                late: row.late,
                state: row.state,
            },
        }
    }
}

impl Fold {
    /// A fold that knows nothing yet.
    pub(super) fn new(
        moment: Moment,
        now: Millis,
        build: Millis,
        process: i64,
        company: Company,
        rules: Rules,
        nodes: Arc<Nodes>,
    ) -> Self {
        Self {
            epoch: moment.epoch,
            moves: moment.moves,
            tree: Tree::new(nodes, moment),
            displaces: false,
            now,
            build,
            process,
            company,
            presumes: false,
            presumed: BTreeSet::new(),
            rules,
            durable: Durable::default(),
            devices: BTreeMap::new(),
            shared_lines: HashSet::new(),
            knew: HashMap::new(),
            people: HashMap::new(),
            records: BTreeMap::new(),
            absent: HashSet::new(),
            firsts: BTreeMap::new(),
            scopes: BTreeMap::new(),
            spots: HashMap::new(),
            nodes: HashMap::new(),
            purged: HashSet::new(),
            active: HashMap::new(),
            readmit_last: None,
            aside: Vec::new(),
            known_aside: Vec::new(),
            past_aside: HashMap::new(),
            resettled: HashMap::new(),
            whole_scopes: BTreeSet::new(),
            history: Vec::new(),
            alerts: BTreeMap::new(),
            looks: Vec::new(),
            newly_purged: BTreeSet::new(),
            shown_at: Vec::new(),
        }
    }

    /// Whether this fold may not be written beside others. What waits for a record must not be put
    /// aside while somebody makes that record; what is set free, or known by what another number of
    /// the line sent, must not be judged from a state that is passing. Such folds are rare.
    pub(super) fn must_be_alone(&self) -> bool {
        let mut aside = self.aside.iter();
        aside.any(|aside| {
            aside.id.is_some() || aside.row.waits_for.is_some() || !self.shared_lines.is_empty()
        })
    }

    /// Whether each record that was presumed not to be there is made by this fold, so that the key of
    /// records judges it.
    pub(super) fn makes_all_presumed(&self) -> bool {
        self.presumed.iter().all(|id| {
            let slot = self.records.get(id);
            let is_made = |slot: &Slot| slot.stored.is_none() && slot.dirty && !slot.purge;
            self.firsts.contains_key(id) || slot.is_some_and(is_made)
        })
    }

    /// The roles that `user` holds now at the node of a scope.
    pub(super) fn roles_at(&self, user: i64, path: &str) -> Vec<&str> {
        self.people
            .get(&user)
            .map(|person| person.reach.roles_at(path))
            .unwrap_or_default()
    }

    /// What `user` sees of a kind at a node.
    pub(super) fn view(&self, user: i64, kind: &Kind, path: &str) -> Arc<View> {
        self.rules.views.of_kind(kind, &self.roles_at(user, path))
    }

    /// The scope of this name, made in memory if it is not there.
    pub(super) fn scope_slot(&mut self, spot: &Arc<Spot>) -> &mut ScopeSlot {
        self.scopes
            .entry(Arc::clone(&spot.name))
            .or_insert_with(|| ScopeSlot {
                id: None,
                spot: Arc::clone(spot),
                head: Head::default(),
                purged: false,
                holdings: BTreeMap::new(),
                dirty: false,
            })
    }

    /// The path of the node at which a scope stands.
    pub(super) fn path_of(&self, scope: &str) -> String {
        self.scopes
            .get(scope)
            .map(|slot| slot.spot.node.path.clone())
            .unwrap_or_default()
    }

    /// Raises an alert at the end of the fold, once per code and source.
    pub(super) fn raise(&mut self, alert: Alert) {
        // Where a record stands counts more than where a change kept aside was shown.
        if alert.record.is_some() && alert.detail.is_empty() {
            self.alerts.insert(alert.id.clone(), alert);
        } else {
            self.alerts.entry(alert.id.clone()).or_insert(alert);
        }
    }

    /// Where what concerns a person is shown when it has no place of its own.
    pub(super) fn home(&self, user: i64) -> Option<String> {
        self.people.get(&user)?.home.clone()
    }
}
