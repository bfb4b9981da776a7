//! What happens to phones: clocks that jump, storage that is cloned, put back or damaged, programs
//! that start anew.

use crate::world::{Check, DAY, MINUTE, World, YEAR};
use std::collections::BTreeSet;
use sync_protocol::replica::Replica;

impl World {
    /// A clock goes wrong.
    pub(crate) fn turn_a_clock(&mut self) -> Check {
        if self.honest {
            return Ok(());
        }
        let by = match self.random.below(4) {
            0 => 10 * YEAR,
            1 => -10 * YEAR,
            2 => self.random.between(-3 * DAY, 3 * DAY),
            _ => self.random.between(-10 * MINUTE, 10 * MINUTE),
        };
        let by = if self.random.chance(40) { 0 } else { by };
        if self.random.chance(20) {
            self.say(|| format!("the centre's clock stands {by} off"));
            self.centre.offset = by;
            self.centre.jumps += 1;
            self.centre_was_wrong = true;
            self.pass(0);
            self.figures.one("clock jumps at the centre");
        } else {
            let phone = self.random.below(self.phones.len());
            self.say(|| format!("the clock of phone {phone} stands {by} off"));
            self.phones[phone].offset = by;
            for one in self.carriers.iter_mut().filter(|one| one.phone == phone) {
                let since = self.time - self.phones[phone].boot;
                one.replica.tick(sync_protocol::replica::Moment {
                    wall: self.time + by + since * self.phones[phone].drift / 1_000_000,
                    mono: since,
                });
            }
            self.figures.one("clock jumps on phones");
        }
        Ok(())
    }

    /// The phone is started anew; its other clock begins at nought.
    pub(crate) fn restart_phone(&mut self, phone: usize) {
        self.say(|| format!("phone {phone} restarts"));
        self.phones[phone].boot = self.time;
        for carrier in 0..self.carriers.len() {
            if self.carriers[carrier].phone == phone {
                self.wake(carrier);
            }
        }
    }

    /// A copy of the phone's storage is made, or put back, or goes on as a phone of its own.
    pub(crate) fn clone_a_phone(&mut self, carrier: usize) -> Check {
        match self.random.below(4) {
            0 | 1 => {
                let clone = self.carriers[carrier].replica.clone();
                self.carriers[carrier].clones.push(clone);
                Ok(())
            }
            2 => {
                if self.carriers[carrier].replica.identity().is_none() || self.carriers.len() > 12 {
                    return Ok(());
                }
                self.say(|| format!("{carrier} is cloned; both go on"));
                self.clone_both_go_on(carrier);
                Ok(())
            }
            _ => {
                let clones = &self.carriers[carrier].clones;
                let Some(clone) = self.random.pick(clones).cloned() else {
                    return Ok(());
                };
                if clone.identity().is_none() {
                    return Ok(());
                }
                self.say(|| format!("{carrier} is put back to an earlier day"));
                self.put_phone_back(carrier, clone);
                Ok(())
            }
        }
    }

    pub(crate) fn clone_both_go_on(&mut self, carrier: usize) -> usize {
        let phone = self.phones[self.carriers[carrier].phone].clone();
        self.phones.push(phone);
        let one = &self.carriers[carrier];
        let (account, lineage, replica, contacts, acked) = (
            one.account,
            one.lineage,
            one.replica.clone(),
            one.contacts.clone(),
            one.acked,
        );
        let phone = self.phones.len() - 1;
        self.carriers.push(crate::world::Carrier {
            phone,
            account,
            lineage,
            replica,
            clones: Vec::new(),
            delayed: Vec::new(),
            contacts,
            acked,
        });
        let clone = self.carriers.len() - 1;
        self.wake(clone);
        self.figures.one("phones cloned");
        clone
    }

    pub(crate) fn put_phone_back(&mut self, carrier: usize, clone: Replica) {
        let lineage = self.carriers[carrier].lineage;
        let before = std::mem::replace(&mut self.carriers[carrier].replica, clone);
        let elsewhere: BTreeSet<String> = self
            .carriers
            .iter()
            .filter(|one| one.lineage == lineage)
            .flat_map(|one| {
                one.replica
                    .entries()
                    .filter_map(|(_, entry)| entry.line.clone())
                    .collect::<Vec<_>>()
            })
            .collect();
        if before.entries().any(|(_, entry)| entry.line.is_none()) {
            // Of a body that was lost before, nobody knows any more that there was one.
            let lost = self.account.all.iter_mut();
            for one in lost.filter(|one| one.lineage == lineage && one.lost) {
                one.wiped = true;
            }
        }
        for (_, entry) in before.entries() {
            if let Some(line) = entry
                .line
                .as_ref()
                .filter(|line| !elsewhere.contains(*line))
                && let Some(one) = self.account.get_mut(lineage, line)
            {
                one.wiped = true;
            }
        }
        self.carriers[carrier].acked = (0, 0, 0);
        self.wake(carrier);
        // Until it has spoken again it may show what it showed then, as long as the lease says.
        let one = &mut self.carriers[carrier];
        let renewed = one.replica.held();
        one.contacts = renewed
            .map(|(scope, held)| (scope.to_string(), vec![held.renewed]))
            .collect();
        self.figures.one("phones put back");
    }

    /// The phone's storage loses the body of a change.
    pub(crate) fn lose_a_body(&mut self, carrier: usize) -> Check {
        let entries: Vec<(u64, String)> = self.carriers[carrier]
            .replica
            .entries()
            .filter_map(|(id, entry)| Some((id, entry.line.clone()?)))
            .collect();
        let Some((id, line)) = self.random.pick(&entries).cloned() else {
            return Ok(());
        };
        let lineage = self.carriers[carrier].lineage;
        self.carriers[carrier].replica.lose(id);
        if let Some(one) = self.account.get_mut(lineage, &line) {
            one.lost = true;
        }
        self.say(|| format!("{carrier} loses the body of entry {id}"));
        if self.random.chance(20) {
            let (packed, ..) = self.carriers[carrier].replica.numbers();
            self.carriers[carrier].replica.lose_marks(packed);
        }
        self.figures.one("bodies lost by phones");
        Ok(())
    }
}
