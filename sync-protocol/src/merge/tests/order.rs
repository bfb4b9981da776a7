//! I7: with honest clocks, what a record becomes does not depend on the order in which changes
//! arrive.
//!
//! A world is made in true time: devices write, pull now and then, and hand in late. Time is cut
//! into *layers* by the moments at which anyone pulls: what had arrived before the cut is what the
//! puller saw, so arrivals may be shuffled within a layer and never across one.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use super::{NOON, record};
use crate::change::Fields;
use crate::id::{DeviceNumber, UserId};
use crate::merge::{Writer, merge, seen_stamp};
use crate::record::{Record, Write};
use crate::stamp::{RawStamp, Reading, normalise};

const DEVICES: usize = 5;
/// The last device is a server process, which writes for many people.
const SERVER: usize = DEVICES - 1;
const APART_MS: i64 = 240_001;
/// As many changes as a field can have conflicts, and the one that stands: beyond, a cut list of
/// conflicts may depend on the order (docs/protocol.md says so).
const MAX_WRITES: usize = 9;
const ORDERS: usize = 150;

#[derive(Debug, Clone)]
enum Step {
    /// Everybody's late work that is due arrives; from here on a pull shows it.
    Cut,
    Write {
        device: usize,
        /// Pulls first.
        pulls: bool,
        /// How many layers later it arrives.
        late: usize,
        /// How long its request takes, which makes the phone look slow.
        delay: i64,
        set: BTreeMap<usize, Option<u8>>,
    },
}

#[derive(Debug)]
struct Made {
    device: usize,
    seq: u64,
    at: i64,
    skew: i64,
    raw: RawStamp,
    set: Fields,
    /// The layers that its writer had pulled.
    base: usize,
    /// The layer in which it arrives.
    layer: usize,
}

impl Made {
    fn saw(&self, other: &Self) -> bool {
        let own = self.device == other.device && self.device != SERVER && other.seq < self.seq;
        own || other.layer < self.base
    }
}

const NAMES: [&str; 4] = ["count", "phone", "members/x", "void"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let set = proptest::collection::btree_map(
        prop_oneof![3 => 0..3_usize, 1 => Just(3)],
        proptest::option::weighted(0.8, 0..3_u8),
        1..3,
    );
    let write = (0..DEVICES, any::<bool>(), 0..3_usize, 0..5_000_i64, set).prop_map(
        |(device, pulls, late, delay, set)| Step::Write {
            device,
            pulls,
            late,
            delay,
            set,
        },
    );
    proptest::collection::vec(prop_oneof![1 => Just(Step::Cut), 3 => write], 2..13)
}

/// Milliseconds by which each device's clock is fast.
fn clocks() -> impl Strategy<Value = Vec<i64>> {
    let phone = prop_oneof![
        3 => -119_000..119_000_i64,
        1 => Just(-31_536_000_000),
        1 => Just(31_536_000_000),
    ];
    proptest::collection::vec(phone, SERVER).prop_map(|mut clocks| {
        clocks.push(0);
        clocks
    })
}

/// The field, if any, that each device's view masks.
type Masks = [Option<usize>; DEVICES];

fn masks() -> impl Strategy<Value = Masks> {
    proptest::array::uniform(proptest::option::weighted(0.2, 0..3_usize))
}

/// Plays the steps in true time; returns the changes and the time at which each layer ends.
fn play(steps: &[Step], clocks: &[i64]) -> (Vec<Made>, Vec<i64>) {
    let mut made: Vec<Made> = Vec::new();
    let mut ends = Vec::new();
    let mut time = NOON;
    let mut held = [0; DEVICES];
    let mut handed_in = [0; DEVICES];
    for step in steps {
        let Step::Write {
            device,
            pulls,
            late,
            delay,
            set,
        } = step
        else {
            time += 1;
            ends.push(time);
            continue;
        };
        if made.len() == MAX_WRITES {
            break;
        }
        let (device, layer) = (*device, ends.len());
        if *pulls {
            held[device] = layer;
        }
        // A console page may be old, and has no outbox.
        handed_in[device] = if device == SERVER {
            layer
        } else {
            handed_in[device].max(layer + late)
        };
        let seq = 1 + made.iter().filter(|other| other.device == device).count() as u64;
        time += 1_000;
        let mut change = Made {
            device,
            seq,
            at: time,
            skew: delay - clocks[device],
            raw: RawStamp::default(),
            set: set
                .iter()
                .map(|(name, value)| (NAMES[*name].to_owned(), Value::from(*value)))
                .collect(),
            base: held[device],
            layer: handed_in[device],
        };
        for other in &made {
            if !change.saw(other) {
                time = time.max(other.at + APART_MS);
            }
        }
        change.at = time;
        change.raw.ms = u64::try_from(time + clocks[device]).unwrap();
        made.push(change);
    }
    while ends.len() <= made.iter().map(|change| change.layer).max().unwrap_or(0) {
        time += 1;
        ends.push(time);
    }
    (made, ends)
}

/// Admits the changes in this order, as the server does.
fn admit(made: &[Made], ends: &[i64], masks: &Masks, order: &[usize]) -> Record {
    let mut record = record();
    // What a pull showed at the end of each layer: the revision and the greatest stamp.
    let mut pulled = vec![(0, None)];
    for &index in order {
        let change = &made[index];
        while pulled.len() <= change.layer {
            pulled.push((record.rev, (record.rev > 0).then(|| record.stamp())));
        }
        let (base, saw) = pulled[change.base];
        let number = u32::try_from(change.device).unwrap() + 1;
        let writer = Writer {
            place: (number, change.seq),
            knew: &[],
            base,
            only_base_counts: change.device == SERVER,
            masked: &|name| masks[change.device].is_some_and(|hidden| NAMES[hidden] == name),
        };
        let made = normalise(
            change.raw,
            &Reading {
                device: DeviceNumber(number),
                skew: Some(change.skew),
                now: ends[change.layer],
                build: NOON - 86_400_000,
                seen: seen_stamp(&record, &writer),
                saw,
            },
        );
        let write = Write {
            stamp: made.stamp,
            raw: change.raw,
            clock: made.clock,
            shift: made.shift,
            rev: record.rev + 1,
            base,
            line: number,
            seq: change.seq,
            user: UserId(i64::from(number)),
            content: 0,
            lost: Vec::new(),
            late: false,
        };
        merge(&mut record, &change.set, write, &writer);
    }
    record
}

type Holding = BTreeMap<String, Vec<(Value, u32, u64)>>;

/// What must not depend on the order: values and who wrote them, what lost, what is shown, flags.
fn outcome(record: &Record) -> (Holding, Holding, Holding, BTreeSet<String>) {
    let who = |write: usize| {
        let write = &record.writes[write];
        (write.line, write.seq)
    };
    let mut standing = Holding::new();
    for (name, held) in &record.fields {
        let (line, seq) = who(held.write);
        standing.insert(name.clone(), vec![(held.value.clone(), line, seq)]);
    }
    let mut losers = Holding::new();
    for (name, held) in record
        .losers
        .iter()
        .flat_map(|(name, losers)| losers.iter().map(move |held| (name, held)))
    {
        let (line, seq) = who(held.write);
        losers
            .entry(name.clone())
            .or_default()
            .push((held.value.clone(), line, seq));
    }
    let mut shown = Holding::new();
    for (name, held, write) in record.conflicts() {
        shown
            .entry(name.to_owned())
            .or_default()
            .push((held.value.clone(), write.line, write.seq));
    }
    (standing, losers, shown, record.amended_after_void.clone())
}

/// The changes that may arrive next.
fn next(made: &[Made], order: &[usize]) -> Vec<usize> {
    let left = || (0..made.len()).filter(|index| !order.contains(index));
    let layer = left().map(|index| made[index].layer).min();
    left()
        .filter(|&index| Some(made[index].layer) == layer)
        .filter(|&index| {
            left().all(|other| {
                made[other].device != made[index].device || made[other].seq >= made[index].seq
            })
        })
        .collect()
}

/// All allowed orders, or `None` if there are more than [`ORDERS`].
fn all_orders(made: &[Made]) -> Option<Vec<Vec<usize>>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..made.len() {
        orders = orders
            .iter()
            .flat_map(|order| {
                next(made, order).into_iter().map(move |index| {
                    let mut longer = order.clone();
                    longer.push(index);
                    longer
                })
            })
            .collect();
        if orders.len() > ORDERS {
            return None;
        }
    }
    Some(orders)
}

fn some_orders(made: &[Made], mut seed: u64) -> Vec<Vec<usize>> {
    let mut orders = Vec::new();
    for _ in 0..ORDERS / 3 {
        let mut order = Vec::new();
        while order.len() < made.len() {
            let may = next(made, &order);
            // Numerical Recipes' generator: good enough to shuffle.
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            order.push(may[usize::try_from(seed >> 33).unwrap() % may.len()]);
        }
        orders.push(order);
    }
    orders
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn i7_the_merged_record_does_not_depend_on_the_order_of_arrival(
        steps in steps(), clocks in clocks(), masks in masks(), seed: u64,
    ) {
        let (made, ends) = play(&steps, &clocks);
        let orders = all_orders(&made).unwrap_or_else(|| some_orders(&made, seed));
        let mut first = None;
        for order in orders {
            let outcome = outcome(&admit(&made, &ends, &masks, &order));
            match &first {
                None => first = Some((order, outcome)),
                Some((other, expected)) => prop_assert_eq!(
                    &outcome, expected, "orders {:?} and {:?} of {:#?}", order, other, made
                ),
            }
        }
    }
}
