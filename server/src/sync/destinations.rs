//! Where new and moved records may go: the scopes that changes name, with the day fixed for kinds that are
//! kept by day. Each is made up once for all that go there.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_protocol::change::{Line, parse};
use sync_protocol::scope::Scope;

use super::fold::{Fold, Spot};
use super::job::{Job, Said};
use crate::store::{Connection, Error, scopes};

impl Fold {
    /// The scopes that new or moved records may go to, if they exist.
    pub(super) fn gather_destinations(
        &mut self,
        connection: &mut Connection,
        jobs: &[Job],
    ) -> Result<(), Error> {
        for job in jobs {
            match job {
                Job::Push(push) => {
                    for (at, line) in push.lines.iter().enumerate() {
                        if let Ok(Said::Change(change)) = &line.said
                            && !push.quarantined.contains(&at)
                        {
                            let stamp = push.first_stamp(change, self.build);
                            self.keep_spot(self.destination(change, &stamp, push.received));
                        }
                    }
                }
                Job::Write(written) => {
                    for one in written {
                        let stamp = self.own_stamp(&one.change);
                        self.keep_spot(self.destination(&one.change, &stamp, self.now));
                    }
                }
                Job::Move(movement) => {
                    // A record that stands by day goes to the same day elsewhere.
                    let slot = self.records.get(&movement.record);
                    let from = slot.and_then(|slot| self.scopes.get(&slot.scope));
                    let to = Scope {
                        place: movement.to.clone(),
                        day: from.and_then(|from| from.spot.scope.day),
                    };
                    let node = self.nodes.get(movement.to.code());
                    self.keep_spot(node.map(|node| Arc::new(Spot::new(to, node.clone()))));
                }
                Job::Resolve(_) | Job::Purge(_) | Job::Readmit { .. } | Job::Look(_) => {}
            }
        }
        for index in 0..self.aside.len() {
            if let Some(aside) = self.aside.get(index)
                && let Ok(Line::Change(change)) = parse(&aside.row.body)
            {
                self.keep_spot(self.destination(&change, &aside.normalised(), aside.row.at));
            }
        }
        let unknown: BTreeSet<String> = self
            .spots
            .values()
            .flatten()
            .filter(|spot| !self.scopes.contains_key(&spot.name))
            .map(|spot| spot.name.to_string())
            .collect();
        let unknown: Vec<String> = unknown.into_iter().collect();
        let rows = scopes::by_names(connection, &unknown)?;
        self.take_scopes(connection, &rows)
    }

    /// Remembers where records may go, so that it is made up once for all that go there.
    fn keep_spot(&mut self, spot: Option<Arc<Spot>>) {
        let Some(spot) = spot else { return };
        match self.spots.get_mut(&spot.scope.place) {
            Some(known) => {
                if !known.iter().any(|known| known.scope.day == spot.scope.day) {
                    known.push(spot);
                }
            }
            None => {
                self.spots.insert(spot.scope.place.clone(), vec![spot]);
            }
        }
    }
}
