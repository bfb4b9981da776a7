//! The nodes of the area tree as of one moment. Nodes change seldom and are asked for in every transaction,
//! so what was read is kept: whoever changes a node raises the version of the tree in the same
//! transaction, and under one version there is one tree. A server that was put back to an earlier
//! state counts its versions anew, but in another epoch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_protocol::Rev;

use super::definitions::Moment;
use super::scopes::{self, Node};
use super::{Connection, Error};

/// Nodes that are kept at most, some 200 bytes each; then it begins anew.
const MOST: usize = 16_384;

/// What was read of the tree, and of which.
#[derive(Debug, Default)]
pub struct Nodes(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    epoch: Rev,
    version: u64,
    nodes: HashMap<String, Arc<Node>>,
}

/// The tree as of a moment.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Arc<Nodes>,
    moment: Moment,
}

impl Tree {
    /// The tree that stood at this moment, of which `nodes` may know a part. The moment must be that of a
    /// transaction that has changed nothing in the tree.
    pub const fn new(nodes: Arc<Nodes>, moment: Moment) -> Self {
        Self { nodes, moment }
    }

    /// Its version.
    pub const fn version(&self) -> u64 {
        self.moment.tree
    }

    /// The nodes with these codes that exist, with the time zones that hold there.
    pub fn nodes(
        &self,
        connection: &mut Connection,
        codes: &[String],
    ) -> Result<Vec<Arc<Node>>, Error> {
        let mut found = Vec::with_capacity(codes.len());
        let mut unknown = Vec::new();
        {
            let kept = self.kept();
            for code in codes {
                match kept.nodes.get(code) {
                    Some(node) => found.push(Arc::clone(node)),
                    None => unknown.push(code.clone()),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let read: Vec<Arc<Node>> = scopes::nodes(connection, &unknown)?
            .into_iter()
            .map(Arc::new)
            .collect();
        let mut kept = self.kept();
        if kept.nodes.len() + read.len() > MOST {
            kept.nodes.clear();
        }
        for node in &read {
            kept.nodes.insert(node.code.clone(), Arc::clone(node));
        }
        found.extend(read);
        Ok(found)
    }

    /// What is known of this very tree.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.nodes.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Moment { epoch, tree, .. } = self.moment;
        if (kept.epoch, kept.version) != (epoch, tree) {
            *kept = Kept {
                epoch,
                version: tree,
                nodes: HashMap::new(),
            };
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::areas::{self, AreaRow};
    use crate::store::{Store, StoreOptions, definitions, trial};

    const TOWN: &str = "999999001";
    const GRID: &str = "999999001001";

    fn area(code: &str, parent: Option<&str>, name: &str, timezone: Option<&str>) -> AreaRow {
        AreaRow {
            code: code.to_owned(),
            parent: parent.map(str::to_owned),
            level: "grid".to_owned(),
            name: name.to_owned(),
            path: parent.map_or_else(
                || format!("/{code}/"),
                |parent| format!("/{parent}/{code}/"),
            ),
            timezone: timezone.map(str::to_owned),
            valid_from: None,
            valid_until: None,
        }
    }

    fn grid(store: &Store, nodes: &Arc<Nodes>) -> Option<Arc<Node>> {
        let found = store.read(|c| {
            let tree = Tree::new(Arc::clone(nodes), definitions::moment(c)?);
            tree.nodes(c, &[GRID.to_owned()])
        });
        found.unwrap_or_else(|error: Error| panic!("{error}")).pop()
    }

    fn store() -> Store {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        store
            .write::<_, Error>(|c| {
                areas::insert(c, &area(TOWN, None, "a town", None))?;
                areas::insert(c, &area(GRID, Some(TOWN), "a grid", None))
            })
            .unwrap();
        store
    }

    #[test]
    fn a_node_is_as_the_tree_has_it_however_it_was_before() {
        let (store, nodes) = (store(), Arc::default());
        assert_eq!(grid(&store, &nodes).unwrap().name, "a grid");
        let changes = [
            area(GRID, Some(TOWN), "another", None),
            // What holds at a node may be said above it.
            area(TOWN, None, "a town", Some("Asia/Urumqi")),
        ];
        for change in &changes {
            store
                .write::<_, Error>(|c| areas::update(c, change))
                .unwrap();
        }
        let grid = grid(&store, &nodes).unwrap();
        assert_eq!(grid.name, "another");
        assert_eq!(grid.timezone.as_deref(), Some("Asia/Urumqi"));
    }

    #[test]
    fn a_node_that_was_not_there_is_looked_for_again() {
        let store = Store::open(&trial::url().unwrap(), StoreOptions::default()).unwrap();
        let nodes = Arc::default();
        assert_eq!(grid(&store, &nodes), None);
        let made = area(GRID, None, "a grid", None);
        store
            .write::<_, Error>(|c| areas::insert(c, &made))
            .unwrap();
        assert!(grid(&store, &nodes).is_some());
    }

    #[test]
    fn in_another_epoch_nothing_is_taken_from_before() {
        let (store, nodes) = (store(), Arc::default());
        assert!(grid(&store, &nodes).is_some());
        let moment = store.read(definitions::moment).unwrap();
        let at = |epoch| Tree::new(Arc::clone(&nodes), Moment { epoch, ..moment });
        let asked = |tree: Tree| {
            let asked = tree.kept().nodes.contains_key(GRID);
            !asked
        };
        assert!(
            !asked(at(moment.epoch)),
            "under one version there is one tree"
        );
        assert!(asked(at(moment.epoch + 1)));
    }
}
