//! Which waiting jobs go into the next transaction. Abnormal entries go first, then whose device
//! has had the fewest turns of those that wait, then who came first; jobs of one device keep their
//! order, and are never in two transactions at once. What would wait for a transaction under way, which
//! writes at the same place, gives way to what would not. Nothing here waits or looks at a clock.

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
    /// A hash of the place where it writes, if that is known.
    pub(super) site: Option<u64>,
}

impl Asks {
    /// What the server does itself.
    pub(super) fn of_the_server(changes: usize) -> Self {
        Self {
            device: None,
            changes: changes.max(1),
            abnormal: false,
            site: None,
        }
    }
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
    pub(super) changes: usize,
    /// [`Queue::settle`] wants this back.
    pub(super) in_hand: InHand,
}

/// Whose jobs are in a transaction, and where it writes.
#[derive(Debug, Default)]
pub(super) struct InHand {
    devices: Vec<DeviceNumber>,
    sites: Vec<u64>,
}

/// Jobs that wait.
#[derive(Debug)]
pub(super) struct Queue<T> {
    waiting: BTreeMap<Place, Waiting<T>>,
    /// The places of each device, in the order its jobs came.
    places: HashMap<DeviceNumber, Vec<Place>>,
    /// Devices with a job in a transaction under way.
    in_hand: HashSet<DeviceNumber>,
    /// Where transactions under way write, and how many of them.
    busy: HashMap<u64, usize>,
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
            busy: HashMap::new(),
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

    /// Takes what goes into the next transaction: what would not wait for another one, if that is worth
    /// one by itself.
    pub(super) fn take(&mut self, bounds: Bounds, worth_it: Bounds) -> Taken<T> {
        let (mut chosen, mut changes) = self.choose(bounds, |place, asks| {
            // Nothing is put before an abnormal entry.
            !place.normal || asks.site.is_none_or(|site| !self.busy.contains_key(&site))
        });
        if chosen.len() < worth_it.jobs && changes < worth_it.changes {
            (chosen, changes) = self.choose(bounds, |_, _| true);
        }
        let mut taken = Taken {
            jobs: Vec::with_capacity(chosen.len()),
            changes,
            in_hand: InHand::default(),
        };
        for place in chosen {
            let Some(waiting) = self.remove(place) else {
                continue;
            };
            self.round = self.round.max(place.round);
            if let Some(device) = waiting.asks.device
                && self.in_hand.insert(device)
            {
                taken.in_hand.devices.push(device);
            }
            if let Some(site) = waiting.asks.site
                && !taken.in_hand.sites.contains(&site)
            {
                taken.in_hand.sites.push(site);
            }
            taken.jobs.push(waiting.job);
        }
        for site in &taken.in_hand.sites {
            *self.busy.entry(*site).or_default() += 1;
        }
        taken
    }

    /// What may be taken of such jobs, and how many changes that is. Who is passed over once is passed over
    /// with all that came later.
    fn choose(&self, bounds: Bounds, such: impl Fn(&Place, &Asks) -> bool) -> (Vec<Place>, usize) {
        let (mut chosen, mut changes) = (Vec::new(), 0);
        let mut passed = HashSet::new();
        for (place, waiting) in &self.waiting {
            if chosen.len() >= bounds.jobs || changes >= bounds.changes {
                break;
            }
            let asks = &waiting.asks;
            let is_passed = asks.device.is_some_and(|device| passed.contains(&device));
            if is_passed || !self.is_free(asks) {
                continue;
            }
            if such(place, asks) {
                changes += asks.changes;
                chosen.push(*place);
            } else {
                passed.extend(asks.device);
            }
        }
        (chosen, changes)
    }

    /// A transaction is over.
    pub(super) fn settle(&mut self, over: &InHand) {
        for device in &over.devices {
            self.in_hand.remove(device);
        }
        for site in &over.sites {
            if let Some(busy) = self.busy.get_mut(site) {
                *busy -= 1;
                if *busy == 0 {
                    self.busy.remove(site);
                }
            }
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

    const ONE: Bounds = Bounds { jobs: 1, ..ALL };

    fn of(device: u32) -> Asks {
        Asks {
            device: Some(DeviceNumber(device)),
            changes: 10,
            abnormal: false,
            site: None,
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
        assert_eq!(
            queue.take(ALL, ALL).jobs,
            ["b1", "b2", "b3", "a1", "c1", "b4"]
        );
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
        let first = queue.take(two, ALL);
        assert_eq!(first.jobs, ["a1", "b1"]);
        queue.settle(&first.in_hand);
        queue.push("d1", of(4));
        assert_eq!(queue.take(ALL, ALL).jobs, ["c1", "d1", "a2", "a3"]);
    }

    #[test]
    fn jobs_of_one_device_are_never_in_two_transactions_at_once() {
        let mut queue = queue(&[("a1", of(1)), ("b1", of(2))]);
        let first = queue.take(ONE, ALL);
        assert_eq!(first.jobs, ["a1"]);
        queue.push("a2", fever(1));
        assert_eq!(
            queue.take(ALL, ALL).jobs,
            ["b1"],
            "another writer passes over it"
        );
        assert!(!queue.has_ready() && queue.len() == 1);
        queue.settle(&first.in_hand);
        assert!(queue.has_ready());
        assert_eq!(queue.take(ALL, ALL).jobs, ["a2"]);
    }

    fn at(site: u64, device: u32) -> Asks {
        Asks {
            site: Some(site),
            ..of(device)
        }
    }

    #[test]
    fn what_would_wait_for_a_transaction_under_way_gives_way_to_what_would_not() {
        let mut queue = queue(&[
            ("a", at(1, 1)),
            ("b", at(1, 2)),
            ("c", at(2, 3)),
            ("d", of(4)),
        ]);
        let first = queue.take(ONE, ONE);
        assert_eq!(first.jobs, ["a"]);
        assert_eq!(queue.take(ALL, ONE).jobs, ["c", "d"]);
        // Waiting is better than doing nothing.
        assert_eq!(queue.take(ONE, ONE).jobs, ["b"]);
        queue.push("e", at(1, 5));
        queue.push("f", of(6));
        queue.settle(&first.in_hand);
        assert_eq!(queue.take(ONE, ONE).jobs, ["f"], "b is under way, too");
    }

    #[test]
    fn what_would_wait_comes_along_where_the_rest_is_not_worth_a_transaction() {
        let mut queue = queue(&[("a", at(1, 1)), ("b", at(1, 2)), ("c", at(2, 3))]);
        queue.take(ONE, ONE);
        let two = Bounds { jobs: 2, ..ALL };
        assert_eq!(queue.take(ALL, two).jobs, ["b", "c"]);
    }

    #[test]
    fn where_a_device_writes_does_not_change_the_order_of_its_jobs() {
        let mut queue = queue(&[("a", at(1, 1)), ("b1", at(1, 2)), ("b2", at(2, 2))]);
        let first = queue.take(ONE, ONE);
        queue.push("c", of(3));
        assert_eq!(queue.take(ALL, ONE).jobs, ["c"]);
        queue.settle(&first.in_hand);
        assert_eq!(queue.take(ALL, ONE).jobs, ["b1", "b2"]);
    }

    #[test]
    fn an_abnormal_entry_gives_way_to_nothing_nor_does_what_its_device_sent_before() {
        let mut queue = queue(&[("a", at(1, 1)), ("b", at(2, 2)), ("before", at(1, 3))]);
        let first = queue.take(ONE, ONE);
        assert_eq!(first.jobs, ["a"]);
        queue.push("fever", fever(3));
        assert_eq!(queue.take(ALL, ONE).jobs, ["before", "fever", "b"]);
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
        let taken = queue.take(few, ALL);
        assert_eq!((taken.jobs, taken.changes), (vec!["a", "b"], 20));
        assert_eq!(taken.in_hand.devices, [DeviceNumber(1), DeviceNumber(2)]);
        assert_eq!(queue.take(ONE, ALL).jobs, ["c"]);
        assert_eq!(queue.take(ALL, ALL).jobs, ["d"]);
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn what_is_withdrawn_is_never_taken_and_what_was_taken_cannot_be_withdrawn() {
        let mut queue = Queue::default();
        let first = queue.push("a1", of(1));
        let second = queue.push("a2", of(1));
        assert_eq!(queue.withdraw(first), Some("a1"));
        assert_eq!(queue.withdraw(first), None);
        assert_eq!(queue.take(ALL, ALL).jobs, ["a2"]);
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
