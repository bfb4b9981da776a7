//! Which waiting jobs go into the next transaction. Abnormal entries go first, then whose device
//! has had the fewest turns of those that wait, then who came first; jobs of one device keep their
//! order, and are never in two transactions at once. Nothing here waits or looks at a clock.

use std::collections::{BTreeMap, HashMap, HashSet};

use sync_protocol::id::DeviceNumber;

/// What one transaction takes. The last job taken may pass the bound of changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) jobs: usize,
    pub(super) changes: usize,
}

/// What a job asks of the queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    /// Whose jobs keep their order; none for what the server does itself.
    pub(super) device: Option<DeviceNumber>,
    /// Changes that it carries.
    pub(super) changes: usize,
    /// Whether it carries an abnormal entry.
    pub(super) abnormal: bool,
}

/// The order of turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// False goes first.
    normal: bool,
    /// A device's second job waits until everybody has had a first.
    round: u64,
    number: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    job: T,
    asks: Asks,
}

/// What goes into one transaction.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub(super) jobs: Vec<T>,
    /// Whose jobs are in it: [`Queue::settle`] wants them back.
    pub(super) devices: Vec<DeviceNumber>,
    pub(super) changes: usize,
}

/// Jobs that wait.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: BTreeMap<Place, Waiting<T>>,
    /// The places of each device, in the order its jobs came.
    places: HashMap<DeviceNumber, Vec<Place>>,
    /// Devices with a job in a transaction under way.
    in_hand: HashSet<DeviceNumber>,
    /// Changes that wait.
    changes: usize,
    /// The latest round that was served.
    round: u64,
    /// Jobs that ever came.
    number: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            places: HashMap::new(),
            in_hand: HashSet::new(),
            changes: 0,
            round: 0,
            number: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether what waits fills a transaction, so that nothing more need be waited for.
    pub(super) fn fills(&self, bounds: Bounds) -> bool {
        self.waiting.len() >= bounds.jobs || self.changes >= bounds.changes
    }

    /// Whether a job could be taken now.
    pub(super) fn has_ready(&self) -> bool {
        self.waiting.values().any(|one| self.is_free(&one.asks))
    }

    fn is_free(&self, asks: &Asks) -> bool {
        asks.device
            .is_none_or(|device| !self.in_hand.contains(&device))
    }

    /// Adds a job, and says under which number it can be withdrawn.
    pub(super) fn push(&mut self, job: T, asks: Asks) -> u64 {
        self.number += 1;
        let before = asks
            .device
            .and_then(|device| self.places.get(&device)?.last().copied());
        let place = Place {
            normal: !asks.abnormal,
            round: before.map_or(self.round, |place| self.round.max(place.round + 1)),
            number: self.number,
        };
        if let Some(device) = asks.device {
            if asks.abnormal {
                self.raise(device);
            }
            self.places.entry(device).or_default().push(place);
        }
        self.changes += asks.changes;
        self.waiting.insert(place, Waiting { job, asks });
        self.number
    }

    /// What a device sent before an abnormal entry goes before it, or its numbers would have a
    /// gap.
    fn raise(&mut self, device: DeviceNumber) {
        for place in self.places.get_mut(&device).into_iter().flatten() {
            if let Some(waiting) = self.waiting.remove(place) {
                place.normal = false;
                self.waiting.insert(*place, waiting);
            }
        }
    }

    /// Takes a job back that is still waiting.
    pub(super) fn withdraw(&mut self, number: u64) -> Option<T> {
        let place = *self.waiting.keys().find(|place| place.number == number)?;
        self.remove(place).map(|waiting| waiting.job)
    }

    fn remove(&mut self, place: Place) -> Option<Waiting<T>> {
        let waiting = self.waiting.remove(&place)?;
        self.changes -= waiting.asks.changes;
        if let Some(device) = waiting.asks.device
            && let Some(places) = self.places.get_mut(&device)
        {
            places.retain(|other| *other != place);
            if places.is_empty() {
                self.places.remove(&device);
            }
        }
        Some(waiting)
    }

    /// Takes what goes into the next transaction.
    pub(super) fn take(&mut self, bounds: Bounds) -> Taken<T> {
        let mut chosen = Vec::new();
        let mut changes = 0;
        for (place, waiting) in &self.waiting {
            if chosen.len() >= bounds.jobs || changes >= bounds.changes {
                break;
            }
            if self.is_free(&waiting.asks) {
                changes += waiting.asks.changes;
                chosen.push(*place);
            }
        }
        let mut taken = Taken {
            jobs: Vec::with_capacity(chosen.len()),
            devices: Vec::new(),
            changes,
        };
        for place in chosen {
            let Some(waiting) = self.remove(place) else {
                continue;
            };
            self.round = self.round.max(place.round);
            if let Some(device) = waiting.asks.device
                && self.in_hand.insert(device)
            {
                taken.devices.push(device);
            }
            taken.jobs.push(waiting.job);
        }
        taken
    }

    /// The transaction with jobs of these devices is over.
    pub(super) fn settle(&mut self, devices: &[DeviceNumber]) {
        for device in devices {
            self.in_hand.remove(device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Bounds = Bounds {
        jobs: 100,
        changes: 1_000,
    };

    fn of(device: u32) -> Asks {
        Asks {
            device: Some(DeviceNumber(device)),
            changes: 10,
            abnormal: false,
        }
    }

    fn fever(device: u32) -> Asks {
        Asks {
            abnormal: true,
            ..of(device)
        }
    }

    fn queue(jobs: &[(&'static str, Asks)]) -> Queue<&'static str> {
        let mut queue = Queue::default();
        for (name, asks) in jobs {
            queue.push(*name, *asks);
        }
        queue
    }

    #[test]
    fn an_abnormal_entry_goes_first_and_takes_along_what_its_device_sent_before() {
        let mut queue = queue(&[
            ("a1", of(1)),
            ("b1", of(2)),
            ("b2", of(2)),
            ("c1", of(3)),
            ("b3", fever(2)),
            ("b4", of(2)),
        ]);
        assert_eq!(queue.take(ALL).jobs, ["b1", "b2", "b3", "a1", "c1", "b4"]);
    }

    #[test]
    fn a_device_with_many_jobs_waits_until_the_others_have_had_one() {
        let mut queue = queue(&[
            ("a1", of(1)),
            ("a2", of(1)),
            ("a3", of(1)),
            ("b1", of(2)),
            ("c1", of(3)),
        ]);
        let two = Bounds { jobs: 2, ..ALL };
        let first = queue.take(two);
        assert_eq!(first.jobs, ["a1", "b1"]);
        queue.settle(&first.devices);
        queue.push("d1", of(4));
        assert_eq!(queue.take(ALL).jobs, ["c1", "d1", "a2", "a3"]);
    }

    #[test]
    fn jobs_of_one_device_are_never_in_two_transactions_at_once() {
        let mut queue = queue(&[("a1", of(1)), ("b1", of(2))]);
        let first = queue.take(Bounds { jobs: 1, ..ALL });
        assert_eq!(first.jobs, ["a1"]);
        queue.push("a2", fever(1));
        assert_eq!(
            queue.take(ALL).jobs,
            ["b1"],
            "another writer passes over it"
        );
        assert!(!queue.has_ready() && queue.len() == 1);
        queue.settle(&first.devices);
        assert!(queue.has_ready());
        assert_eq!(queue.take(ALL).jobs, ["a2"]);
    }

    #[test]
    fn a_transaction_is_bounded_by_jobs_and_by_changes() {
        let server = Asks {
            device: None,
            ..of(0)
        };
        let mut queue = queue(&[("a", of(1)), ("b", of(2)), ("c", server), ("d", server)]);
        assert!(queue.fills(Bounds { jobs: 4, ..ALL }) && !queue.fills(ALL));
        let few = Bounds {
            jobs: 100,
            changes: 11,
        };
        assert!(queue.fills(few));
        let taken = queue.take(few);
        assert_eq!((taken.jobs, taken.changes), (vec!["a", "b"], 20));
        assert_eq!(taken.devices, [DeviceNumber(1), DeviceNumber(2)]);
        assert_eq!(queue.take(Bounds { jobs: 1, ..ALL }).jobs, ["c"]);
        assert_eq!(queue.take(ALL).jobs, ["d"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn what_is_withdrawn_is_never_taken_and_what_was_taken_cannot_be_withdrawn() {
        let mut queue = Queue::default();
        let first = queue.push("a1", of(1));
        let second = queue.push("a2", of(1));
        assert_eq!(queue.withdraw(first), Some("a1"));
        assert_eq!(queue.withdraw(first), None);
        assert_eq!(queue.take(ALL).jobs, ["a2"]);
        assert_eq!(queue.withdraw(second), None);
        assert!(
            queue.len() == 0
                && !queue.fills(Bounds {
                    jobs: 1,
                    changes: 1
                })
        );
    }
}
