//! Random worlds: phones that capture, lose requests and replies, crash between steps, are
//! cloned, put back to an older copy and have wrong clocks, around a centre that restarts, is
//! put back to a backup, and moves records. When all is quiet, every phone holds what the centre
//! holds, and every change arrived once.

mod checks;
mod found;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::centre::{Centre, by_day};
use crate::change::Fields;
use crate::id::RecordId;
use crate::replica::{Action, Answer, Draft, Heard, Moment, Replica, Standing, Step};
use crate::scope::{Place, Scope};

use crate::Millis;

const START: Millis = 1_795_300_000_000;

#[derive(Clone)]
struct Phone {
    replica: Replica,
    /// Content of what was captured here and must never get lost.
    captured: BTreeSet<u64>,
    /// Phone minus server.
    skew: Millis,
    mono: Millis,
}

impl Phone {
    fn moment(&self, now: Millis) -> Moment {
        Moment {
            wall: now + self.skew,
            mono: self.mono,
        }
    }
}

struct World {
    centre: Centre,
    backup: Option<Centre>,
    phones: Vec<Phone>,
    copies: BTreeMap<usize, Phone>,
    /// A request that the network delivers once more, later.
    echo: Option<(crate::replica::Token, Vec<u8>)>,
    made: u64,
    households: Vec<RecordId>,
}

fn place(text: &str) -> Place {
    text.parse().unwrap()
}

impl World {
    fn new(page_rows: usize) -> Self {
        let mut centre = Centre::new(START);
        centre.page_rows = page_rows;
        let mut world = Self {
            centre,
            backup: None,
            phones: Vec::new(),
            copies: BTreeMap::new(),
            echo: None,
            made: 0,
            households: Vec::new(),
        };
        for user in 1..=2 {
            let held = ["checkpoint:S17", "grid:0731", "grid:0732"];
            let held = held.into_iter().map(place).collect();
            world.centre.held.insert(user, held);
            let mut phone = Phone {
                replica: Replica::new(),
                captured: BTreeSet::new(),
                skew: 0,
                mono: 5_000,
            };
            phone.replica.wake(phone.moment(START));
            let random = world.random();
            phone.replica.enrol(&user.to_string(), &random);
            world.phones.push(phone);
        }
        world
    }

    fn random(&mut self) -> [u8; 32] {
        self.made += 1;
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.made.to_be_bytes());
        bytes[2] = self.made.to_le_bytes()[0].wrapping_mul(97);
        bytes
    }

    fn id(&mut self) -> RecordId {
        let random = self.random();
        let mut ten = [0; 10];
        ten[2..].copy_from_slice(&random[..8]);
        RecordId::at(self.centre.now.unsigned_abs(), &ten)
    }

    fn pass(&mut self, ms: Millis) {
        self.centre.now += ms;
        for phone in &mut self.phones {
            phone.mono += ms;
        }
    }

    fn capture(&mut self, at: usize, draft: &Draft) {
        let phone = &mut self.phones[at];
        let moment = phone.moment(self.centre.now);
        let entry = phone.replica.capture(draft, moment).unwrap();
        let change = phone.replica.outbox[&entry].change().unwrap();
        assert!(
            phone.captured.insert(change.content()),
            "a stamp was used twice"
        );
        let view = phone.replica.view(draft.record).unwrap();
        assert_eq!(view.standing, Standing::Pending);
        for (name, value) in &draft.set {
            assert_eq!(
                view.fields.get(name),
                Some(value),
                "what was typed is on screen"
            );
        }
    }

    fn set(&mut self, name: &str) -> Fields {
        self.made += 1;
        [(name.to_owned(), json!(self.made))].into()
    }

    /// One exchange, as `fate` has it; says whether anything was sent.
    fn sync(&mut self, at: usize, fate: u8, arg: u8) -> bool {
        let random = self.random();
        let now = self.centre.now;
        let phone = &mut self.phones[at];
        let moment = phone.moment(now);
        let packed = phone.replica.packed();
        match phone.replica.next(moment) {
            Action::Enrol {
                attempt,
                token_hash,
                proof,
                knew,
                knew_mark,
            } => {
                let enrolled = self.centre.enrol(&token_hash, &proof, knew, knew_mark);
                if fate == 2 {
                    phone.replica.enrol_failed(attempt, None, moment, &random);
                } else {
                    let heard = phone.replica.enrolled(attempt, enrolled.unwrap(), moment);
                    assert_eq!(heard, Heard::Applied);
                }
                true
            }
            Action::Send {
                attempt,
                token,
                body,
                ..
            } => {
                checks::check_pack(&phone.replica, packed, &body);
                let stored = serde_json::to_string(&phone.replica).unwrap();
                assert_eq!(
                    serde_json::from_str::<Replica>(&stored).unwrap(),
                    phone.replica
                );
                self.deliver(at, attempt, &token, &body, fate, arg, &random);
                true
            }
            _ => false,
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one exchange has that many parts"
    )]
    fn deliver(
        &mut self,
        at: usize,
        attempt: u64,
        token: &crate::replica::Token,
        body: &[u8],
        fate: u8,
        arg: u8,
        random: &[u8; 32],
    ) {
        let moment = self.phones[at].moment(self.centre.now);
        let hear = |world: &mut Self, status, retry_after, body: &[u8]| {
            let answer = Answer {
                status,
                retry_after,
                body,
            };
            let replica = &mut world.phones[at].replica;
            replica.hear(attempt, Some(&answer), moment, random)
        };
        match fate {
            // The request is lost.
            1 => {
                self.phones[at].replica.hear(attempt, None, moment, random);
            }
            // The reply is lost.
            2 => {
                self.centre.sync(token, body);
                self.phones[at].replica.hear(attempt, None, moment, random);
            }
            // The request arrives twice, the reply late.
            3 => {
                let (status, reply) = self.centre.sync(token, body);
                self.centre.sync(token, body);
                hear(self, status, None, &reply);
                assert_eq!(hear(self, status, None, &reply), Heard::Late);
            }
            // Kept by the network, and delivered once more when something else has happened.
            4 => {
                self.echo = Some((token.clone(), body.to_vec()));
                self.phones[at].replica.hear(attempt, None, moment, random);
            }
            // The program ends between two steps.
            5 => {
                let (status, reply) = self.centre.sync(token, body);
                let answer = Answer {
                    status,
                    retry_after: None,
                    body: &reply,
                };
                let phone = &mut self.phones[at];
                if let Some(reply) = answer.reply()
                    && !phone.replica.is_fork(&reply)
                {
                    let steps = usize::from(arg) % (Step::ALL.len() + 1);
                    let whole = apply(&phone.replica, &Step::ALL, &reply, moment);
                    phone.replica = apply(&phone.replica, &Step::ALL[..steps], &reply, moment);
                    let twice = apply(&phone.replica, &Step::ALL, &reply, moment);
                    if steps < Step::ALL.len() {
                        assert_eq!(twice, whole, "steps may be repeated");
                    }
                }
                phone.mono = 0;
                phone.replica.wake(phone.moment(self.centre.now));
            }
            // The reply is long under way: time passes, the clock jumps, more is captured.
            9 => {
                let (status, reply) = self.centre.sync(token, body);
                self.pass(i64::from(arg) * 600_000);
                if arg % 3 == 0 {
                    self.phones[at].skew -= i64::from(arg) * 300_000;
                }
                self.step(
                    usize::from(arg).to_le_bytes()[0] % 7,
                    at.to_le_bytes()[0],
                    arg,
                );
                let phone = &mut self.phones[at];
                let moment = phone.moment(self.centre.now);
                let answer = Answer {
                    status,
                    retry_after: None,
                    body: &reply,
                };
                phone.replica.hear(attempt, Some(&answer), moment, random);
            }
            // Something else answers, or the centre is busy.
            6 => {
                hear(self, 200, None, b"<html>Welcome to the hotel</html>");
            }
            7 => {
                hear(self, 503, Some(30), br#"{"protocol":1,"code":"busy"}"#);
            }
            8 => {
                hear(self, 413, None, br#"{"protocol":1,"code":"too_large"}"#);
            }
            _ => {
                let before = self.held_now(at);
                let (status, reply) = self.centre.sync(token, body);
                assert_ne!(status, 400);
                if hear(self, status, None, &reply) == Heard::Applied {
                    let after = self.held_now(at);
                    assert!(
                        before.is_subset(&after),
                        "I11: a record was lost in between"
                    );
                }
            }
        }
    }

    fn step(&mut self, op: u8, who: u8, arg: u8) {
        let at = usize::from(who) % self.phones.len();
        let grids = [place("grid:0731"), place("grid:0732")];
        match op {
            0..=3 => {
                let (id, set) = (self.id(), self.set("plate"));
                let mut draft = Draft::create(id, "registration", place("checkpoint:S17"), set);
                draft.abnormal = arg % 5 == 0;
                self.capture(at, &draft);
            }
            4 => {
                let (id, set) = (self.id(), self.set("phone"));
                self.households.push(id);
                self.capture(at, &Draft::create(id, "household", grids[0].clone(), set));
            }
            5..=7 if !self.households.is_empty() => {
                let id = self.households[usize::from(arg) % self.households.len()];
                let set = self.set(["phone", "name"][usize::from(arg) % 2]);
                if op == 7 {
                    let visit = self.id();
                    self.capture(at, &Draft::create_under(visit, "visit", id, set));
                } else if let Some(mut draft) = self.phones[at].replica.draft(id, set) {
                    draft.abnormal = arg % 7 == 0;
                    self.capture(at, &draft);
                }
            }
            8..=17 => {
                self.sync(at, 0, arg);
            }
            18..=26 => {
                self.sync(at, op - 17, arg);
            }
            27..=28 => self.pass(i64::from(arg) * 7_000),
            29 => self.pass(i64::from(arg) * 600_000),
            30 => self.phones[at].skew += (i64::from(arg) - 128) * 40_000,
            31 => {
                let now = self.centre.now;
                let phone = &mut self.phones[at];
                phone.mono = i64::from(arg);
                phone.replica.wake(phone.moment(now));
            }
            32 if self.phones.len() < 4 => {
                let clone = self.phones[at].clone();
                self.phones.push(clone);
            }
            33 => {
                self.copies.insert(at, self.phones[at].clone());
            }
            34 => {
                // Put back to an older copy: what was captured since and not sent is the
                // owner's loss; what was sent is at the centre.
                if let Some(copy) = self.copies.get(&at) {
                    let (skew, now) = (self.phones[at].skew, self.centre.now);
                    self.phones[at] = copy.clone();
                    self.phones[at].skew = skew;
                    let phone = &mut self.phones[at];
                    phone.replica.wake(phone.moment(now));
                }
            }
            35 => self.centre.restart(),
            36 => self.backup = Some(self.centre.backup()),
            37 => {
                if let Some(backup) = &self.backup {
                    self.centre.restore(backup);
                }
            }
            38 if !self.households.is_empty() => {
                let id = self.households[usize::from(arg) % self.households.len()];
                self.centre.move_record(id, &grids[usize::from(who) % 2]);
            }
            39 => {
                let held = self.centre.held.get_mut(&2).unwrap();
                if !held.remove(&grids[1]) {
                    held.insert(grids[1].clone());
                }
            }
            40 => {
                if let Some((token, body)) = self.echo.take() {
                    self.centre.sync(&token, &body);
                }
            }
            // An entry that is no valid change, another behind it, and, often, one that mends both.
            41 => {
                let id = self.id();
                for (nth, name) in ["bad", "name", "phone"].into_iter().enumerate() {
                    let set = self.set(name);
                    let mut draft = Draft::create(id, "household", grids[0].clone(), set);
                    draft.whole = nth == 2;
                    if nth < 2 || arg % 3 > 0 {
                        self.capture(at, &draft);
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets all phones sync until three rounds running found everybody content: one that learns
    /// in its turn that the centre was put back sends again what the others must then pull.
    fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..60 {
            self.pass(if quiet > 0 { 400_000 } else { 3_700_000 });
            for at in 0..self.phones.len() {
                for _ in 0..200 {
                    if !self.sync(at, 0, 0) {
                        break;
                    }
                }
            }
            let current = |phone: &Phone| {
                let moment = phone.moment(self.centre.now);
                phone.replica.all_sent_all_current(moment)
            };
            quiet = if self.phones.iter().all(current) {
                quiet + 1
            } else {
                0
            };
            if quiet == 3 {
                return;
            }
        }
        for phone in &self.phones {
            let moment = phone.moment(self.centre.now);
            if !phone.replica.all_sent_all_current(moment) {
                panic!("never quiet: {:#?}", phone.replica);
            }
        }
    }
}

fn apply(replica: &Replica, steps: &[Step], reply: &crate::wire::Reply, moment: Moment) -> Replica {
    let mut replica = replica.clone();
    for step in steps {
        replica.apply(*step, reply, moment);
    }
    replica
}

fn run(steps: &[(u8, u8, u8)], page_rows: usize) -> World {
    let mut world = World::new(page_rows);
    for &(op, who, arg) in steps {
        world.step(op, who, arg);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn i3_i4_i6_whatever_happens_every_change_arrives_once_and_all_replicas_agree(
        steps in proptest::collection::vec((0..42_u8, any::<u8>(), any::<u8>()), 1..120),
        page_rows in 1..40_usize,
    ) {
        let mut world = run(&steps, page_rows);
        world.settle();
        world.check();
    }

    #[test]
    fn the_same_inputs_make_the_same_replica(
        steps in proptest::collection::vec((0..42_u8, any::<u8>(), any::<u8>()), 1..40),
    ) {
        let (one, two) = (run(&steps, 7), run(&steps, 7));
        for (a, b) in one.phones.iter().zip(&two.phones) {
            prop_assert_eq!(&a.replica, &b.replica);
        }
    }
}

#[test]
fn a_quiet_day_of_two_phones_ends_in_agreement() {
    let mut world = World::new(500);
    for n in 0..60_u8 {
        world.step(n % 8, n, n);
        world.step(8, n, n);
    }
    world.settle();
    world.check();
    assert!(world.centre.records.len() > 20);
    assert!(by_day(&place("checkpoint:S17")));
    let _: Scope = place("grid:0731").into();
}
