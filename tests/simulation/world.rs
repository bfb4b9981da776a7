//! One world: a centre, phones with one or more people each, and a true clock that only the world
//! knows. What happens next is drawn from the seed; what happened is in the log.

use std::collections::{BTreeMap, BTreeSet};

use kadian::clock::{BUILD, Millis};
use kadian::store::devices::DeviceState;
use sync_protocol::replica::{Moment, Replica};

use crate::captured::Account;
use crate::centre::{ACCOUNTS, Centre, OFFICER};
use crate::figures::Figures;
use crate::random::Random;
use crate::rights::{CHECKPOINTS, DISTRICT, GRIDS, TOWNS};
use crate::watch::Watch;

pub(crate) type Check = Result<(), String>;

pub(crate) const SECOND: Millis = 1_000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
pub(crate) const DAY: Millis = 24 * HOUR;
pub(crate) const YEAR: Millis = 365 * DAY;

/// A phone: two clocks that several people share.
#[derive(Debug, Clone)]
pub(crate) struct Phone {
    /// Its clock on the wall, less the true one.
    pub(crate) offset: Millis,
    /// Milliseconds that it gains or loses in a million.
    pub(crate) drift: i64,
    /// When it was switched on, by the true clock: where its other clock begins.
    pub(crate) boot: Millis,
}

/// One person on one phone.
pub(crate) struct Carrier {
    pub(crate) phone: usize,
    pub(crate) account: i64,
    pub(crate) lineage: usize,
    pub(crate) replica: Replica,
    /// Earlier states of the phone's storage.
    pub(crate) clones: Vec<Replica>,
    /// Requests that are still somewhere on the way.
    pub(crate) delayed: Vec<([u8; 32], Vec<u8>)>,
    /// For each scope when, by the phone's clock, the last request for it was started that a reply was
    /// applied of, and those after it of which it took in a part and stopped.
    pub(crate) contacts: BTreeMap<String, Vec<Millis>>,
    /// The greatest `ack` seen, and in which epoch.
    pub(crate) acked: (u64, u64, u32),
}

pub(crate) struct World {
    pub(crate) random: Random,
    /// The true time.
    pub(crate) time: Millis,
    pub(crate) centre: Centre,
    pub(crate) phones: Vec<Phone>,
    pub(crate) carriers: Vec<Carrier>,
    pub(crate) account: Account,
    pub(crate) figures: Figures,
    pub(crate) watch: Watch,
    pub(crate) log: Vec<String>,
    /// No clock is ever wrong in this world.
    pub(crate) honest: bool,
    /// Requests ask for at most so many rows.
    pub(crate) page: Option<usize>,
    /// The network is good and nobody does anything but sync.
    pub(crate) quiet: bool,
    /// Lines of the centre's own writes have lineages of their own.
    pub(crate) own_lineages: BTreeMap<i64, usize>,
    pub(crate) lineages: usize,
    /// Kinds that came after the world began.
    pub(crate) grown: usize,
    /// Offsets between a phone's clock and the centre's were once measured against a wrong clock of
    /// the centre.
    pub(crate) centre_was_wrong: bool,
}

impl World {
    /// A world with nobody in it.
    pub(crate) fn empty(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let time = BUILD + 30 * DAY + random.between(0, 2 * DAY);
        let mut centre = Centre::new(time);
        centre.grant(OFFICER, "officer", DISTRICT, None);
        Self {
            random,
            time,
            centre,
            phones: Vec::new(),
            carriers: Vec::new(),
            account: Account::default(),
            figures: Figures::default(),
            watch: Watch::default(),
            log: Vec::new(),
            honest: true,
            page: None,
            quiet: false,
            own_lineages: BTreeMap::new(),
            lineages: 0,
            grown: 0,
            centre_was_wrong: false,
        }
    }

    /// A world as the seed wants it.
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = Self::empty(seed);
        world.honest = world.random.chance(30);
        world.page = world.random.chance(30).then(|| 1 + world.random.below(6));
        for account in 2..=ACCOUNTS {
            world.give_a_role(account);
        }
        let phones = 2 + world.random.below(4);
        for _ in 0..phones {
            world.add_phone();
        }
        // On a server several processes are the rule.
        let more = world.random.chance(25);
        let processes = match (kadian::store::trial::server(), more) {
            (Some(_), _) => 3,
            (None, true) => 2,
            (None, false) => 1,
        };
        for _ in 1..processes {
            world.centre.open_process().unwrap();
        }
        world
    }

    pub(crate) fn say(&mut self, what: impl FnOnce() -> String) {
        self.log
            .push(format!("{:>12} {}", self.time - BUILD, what()));
    }

    /// Time passes, for everybody.
    pub(crate) fn pass(&mut self, by: Millis) {
        self.time += by;
        self.centre.clock.set(self.time + self.centre.offset);
    }

    pub(crate) fn moment(&self, phone: usize) -> Moment {
        let phone = &self.phones[phone];
        let since = self.time - phone.boot;
        Moment {
            wall: self.time + phone.offset + since * phone.drift / 1_000_000,
            mono: since,
        }
    }

    /// Whether the clock of a phone is right now.
    pub(crate) fn is_right(&self, phone: usize) -> bool {
        (self.moment(phone).wall - self.time).abs() < 60 * SECOND
    }

    pub(crate) fn give_a_role(&mut self, account: i64) {
        let role = self.random.weighted(&[
            (5, "volunteer"),
            (2, "checkpoint_leader"),
            (6, "grid_leader"),
            (2, "officer"),
            (1, "command"),
        ]);
        let area = match role {
            "volunteer" | "checkpoint_leader" => *self.random.pick(&CHECKPOINTS[..2]).unwrap(),
            "grid_leader" => *self.random.pick(&GRIDS[..2]).unwrap(),
            "officer" => *self.random.pick(&TOWNS).unwrap(),
            _ => DISTRICT,
        };
        let until = self
            .random
            .chance(20)
            .then(|| self.centre.now() + self.random.between(HOUR, 4 * DAY));
        self.say(|| format!("grant: u{account} is {role} of {area} until {until:?}"));
        self.centre.grant(account, role, area, until);
    }

    fn add_phone(&mut self) {
        let people = if self.random.chance(25) { 2 } else { 1 };
        let offset = match self.random.below(10) {
            _ if self.honest => 0,
            0 => 10 * YEAR,
            1 => -10 * YEAR,
            2 => self.random.between(-3 * HOUR, 3 * HOUR),
            _ => self.random.between(-90 * SECOND, 90 * SECOND),
        };
        let drift = if self.honest {
            0
        } else {
            self.random.between(-200, 200)
        };
        let boot = self.time - self.random.between(0, DAY);
        self.phones.push(Phone {
            offset,
            drift,
            boot,
        });
        for _ in 0..people {
            let account = self.random.between(1, ACCOUNTS);
            self.add_person(self.phones.len() - 1, account);
        }
        let offset = self.phones.last().map(|phone| phone.offset);
        self.say(|| format!("phone with {people} people, clock off by {offset:?}"));
    }

    /// A phone with a right clock.
    pub(crate) fn add_right_phone(&mut self) -> usize {
        self.phones.push(Phone {
            offset: 0,
            drift: 0,
            boot: self.time - HOUR,
        });
        self.phones.len() - 1
    }

    pub(crate) fn add_person(&mut self, phone: usize, account: i64) -> usize {
        let mut replica = Replica::new();
        replica.wake(self.moment(phone));
        replica.loaded(1, 0);
        let lineage = self.new_lineage();
        self.carriers.push(Carrier {
            phone,
            account,
            lineage,
            replica,
            clones: Vec::new(),
            delayed: Vec::new(),
            contacts: BTreeMap::new(),
            acked: (0, 0, 0),
        });
        self.carriers.len() - 1
    }

    pub(crate) fn new_lineage(&mut self) -> usize {
        self.lineages += 1;
        self.lineages
    }

    /// Everybody syncs over a good network until nothing moves any more.
    pub(crate) fn settle(&mut self) -> Check {
        self.quiet = true;
        self.say(|| "-- quiet".to_owned());
        // Pages that have an end within the rounds of one phone.
        self.page = self.page.map(|page| page.max(8));
        self.centre.load_definitions();
        for number in self.centre.numbers() {
            if number > 999
                && self
                    .centre
                    .read(|c| {
                        kadian::store::devices::by_number(
                            c,
                            sync_protocol::id::DeviceNumber(number as u32),
                        )
                    })
                    .is_some_and(|row| row.state() == DeviceState::Blocked)
            {
                self.centre.set_state(number, DeviceState::PushOnly);
            }
        }
        let today = self.local_day(self.centre.now());
        // Not across midnight, nor so near that a clock a minute off disagrees about the day.
        if self.local_day(self.centre.now() + 20 * MINUTE) != today {
            self.pass(HOUR);
        }
        for round in 0..30 {
            let mut moved = false;
            for carrier in 0..self.carriers.len() {
                moved |= self.sync_until_quiet(carrier)?;
            }
            self.say(|| format!("-- round {round}"));
            if !moved {
                return self.check_all();
            }
        }
        Err("I14: the world does not become quiet".to_owned())
    }

    pub(crate) fn local_day(&self, time: Millis) -> i64 {
        (time + 8 * HOUR).div_euclid(DAY)
    }

    /// Syncs one phone until it has nothing to say and nothing to ask; says whether anything moved.
    pub(crate) fn sync_until_quiet(&mut self, carrier: usize) -> Result<bool, String> {
        let before = self.fingerprint(carrier);
        for _ in 0..60 {
            self.pass(SECOND);
            let phone = self.carriers[carrier].phone;
            self.carriers[carrier].replica.hurry();
            let sent = self.sync_once(carrier)?;
            let moment = self.moment(phone);
            if sent && self.carriers[carrier].replica.all_sent_all_current(moment) {
                return Ok(self.fingerprint(carrier) != before);
            }
            if !sent {
                // The phone waits as it was told.
                self.pass(5 * MINUTE);
            }
        }
        let moment = self.moment(self.carriers[carrier].phone);
        let one = &self.carriers[carrier].replica;
        let held: Vec<_> = one
            .held()
            .map(|(scope, held)| (scope.to_string(), held.clone()))
            .collect();
        Err(format!(
            "I14: u{} never gets quiet: unsent {}, numbers {:?}, access {:?}, fault {:?}, wanted {:?}, held {held:?}",
            self.carriers[carrier].account,
            one.unsent(),
            one.numbers(),
            one.access(),
            one.fault(),
            one.wanted(moment.wall)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        ))
    }

    fn fingerprint(
        &self,
        carrier: usize,
    ) -> (u64, BTreeSet<(String, u64)>, BTreeMap<String, String>) {
        let one = &self.carriers[carrier].replica;
        let rows = one
            .bodies()
            .map(|(scope, row)| (format!("{scope} {}", row.record), row.rev))
            .collect();
        let digests = one
            .held()
            .map(|(scope, held)| (scope.to_string(), format!("{:?}", held.told)))
            .collect();
        (one.numbers().2, rows, digests)
    }
}
