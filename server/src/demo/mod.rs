//! `kadian demo`: a fresh store with a district in small, a server on it, and phones that live
//! through a day on a bad network: hours without one, lost requests and replies, things sent
//! twice, two leaders who edit one household, a phone whose clock is a year off. At the end an
//! account is drawn up from the database: what was captured, where it is, and that nothing is lost.
//!
//! The phones are the real replica over real HTTP; only the clock is made to run.

pub mod account;
pub mod chance;
pub mod district;
pub mod people;
pub mod phone;

use std::sync::{Mutex, PoisonError};

use sync_protocol::Millis;
use sync_protocol::scope::Place;

use crate::accounts::codes::Code;
use crate::accounts::enrolment;
use crate::accounts::roles::Actor;
use crate::app::App;
use crate::store::Error;
use crate::sync::together::{Chunk, NotBrought};

use account::Account;
use chance::Chance;
use district::{District, Scale};
use phone::{Mishaps, Network, Phone, Work};

/// A turn of the day is five minutes.
const TURN_MS: Millis = 5 * 60 * 1000;
/// Turns of a day.
pub const TURNS: usize = 288;
const YEAR_MS: Millis = 365 * 24 * 60 * 60 * 1000;
/// Rounds on a good network after which every phone must have come to rest.
const MOST_ROUNDS: usize = 400;
/// How long the codes of the demonstration may be used.
const CODE_MINUTES: u32 = 24 * 60;

/// Why the demonstration could not be given.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The district's households were not brought in.
    #[error("the households could not be brought in: {0}")]
    Households(#[from] NotBrought),
    /// A code could not be made.
    #[error("a code could not be made: {0}")]
    Accounts(#[from] crate::accounts::Error),
    /// The server did not open.
    #[error(transparent)]
    NotOpened(#[from] crate::sync::opening::NotOpened),
    /// The database could not.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes the district and its households. `progress` hears how many households stand.
pub fn prepare(
    app: &App,
    scale: Scale,
    password_hash: &str,
    seed: u64,
    mut progress: impl FnMut(u64),
) -> Result<District, Failed> {
    let engine = app.engine()?;
    let now = app.clock.now();
    let district = app
        .store
        .write(|connection| district::build(connection, scale, password_hash, now))?;
    let schema = app
        .store
        .read(|connection| engine.rules(connection))?
        .kinds
        .schema();
    let (_, households, _) = scale.size();
    let grids = district.grids.len().max(1);
    let mut done = 0;
    // One transaction a stretch of grids, so that memory stays flat and progress is seen.
    for (stretch, codes) in district.grids.chunks(20).enumerate() {
        let made = |number: usize, code: &String| -> Chunk {
            let which = stretch * 20 + number;
            let (from, to) = (which * households / grids, (which + 1) * households / grids);
            Ok(district::households(
                code,
                from,
                to - from,
                schema,
                now,
                &mut Chance::new(seed).branch(which as u64),
            ))
        };
        let brought = engine.bring(district.officer, || {
            codes
                .iter()
                .enumerate()
                .map(|(number, code)| made(number, code))
        })?;
        done += brought.created;
        progress(done);
    }
    Ok(district)
}

/// Enrols people with phones: half at checkpoints, half in grids, some grids with two leaders.
pub fn hire(
    app: &App,
    district: &District,
    server: &str,
    count: usize,
    seed: u64,
) -> Result<Vec<Phone>, Failed> {
    let now = app.clock.now();
    let chance = Chance::new(seed);
    let mut phones = Vec::with_capacity(count);
    for number in 0..count {
        let mut chance = chance.branch(1_000_000 + number as u64);
        let at_checkpoint = number % 2 == 0;
        let (role, level, codes) = if at_checkpoint {
            ("volunteer", "checkpoint", &district.checkpoints)
        } else {
            ("grid_leader", "grid", &district.grids)
        };
        // Two leaders in a row share a grid, so that they meet at the same doors.
        let Some(code) = codes.get((number / if at_checkpoint { 2 } else { 4 }) % codes.len())
        else {
            continue;
        };
        let Ok(place) = Place::new(level, code) else {
            continue;
        };
        let name = people::name(&mut chance);
        let code = Code::random()?;
        app.store.write(|connection| {
            let user = district::person(
                connection,
                &format!("{role}{number}"),
                &name,
                None,
                role,
                place.code(),
                now,
            )?;
            enrolment::make_code(
                connection,
                Actor::CommandLine,
                user,
                &code,
                CODE_MINUTES,
                now,
            )?;
            Ok::<_, Failed>(())
        })?;
        let skew = if number == 1 {
            YEAR_MS
        } else {
            Millis::try_from(chance.below(60_000)).unwrap_or(0) - 30_000
        };
        let from = chance.below(TURNS);
        let offline = (from, from + chance.below(96));
        let work = if at_checkpoint {
            Work::Checkpoint(place)
        } else {
            Work::Grid(place)
        };
        phones.push(Phone::new(
            server,
            &code.reveal(),
            work,
            skew,
            offline,
            chance,
        ));
    }
    Ok(phones)
}

/// Lets the phones live through a day, ending now; then gives them a good network until all have
/// come to rest. `progress` hears the turns.
pub fn live(
    app: &App,
    phones: Vec<Phone>,
    began: Millis,
    progress: impl Fn(usize) + Sync,
) -> Vec<Phone> {
    let phones: Vec<Mutex<Phone>> = phones.into_iter().map(Mutex::new).collect();
    let each = |act: &(dyn Fn(&mut Phone) + Sync)| {
        let next = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while let Some(phone) =
                        phones.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                    {
                        act(&mut phone.lock().unwrap_or_else(PoisonError::into_inner));
                    }
                });
            }
        });
    };
    let mut now = began;
    for turn in 0..TURNS {
        now += TURN_MS;
        app.clock.set(now);
        each(&|phone| phone.turn(turn, now));
        progress(turn + 1);
    }
    for _ in 0..MOST_ROUNDS {
        now += TURN_MS;
        app.clock.set(now);
        each(&|phone| phone.sync(now, Network::Good));
        let at_rest = |phone: &Mutex<Phone>| {
            let phone = phone.lock().unwrap_or_else(PoisonError::into_inner);
            phone.replica.all_sent_all_current(phone.moment(now))
        };
        if phones.iter().all(at_rest) {
            break;
        }
    }
    phones
        .into_iter()
        .map(|phone| phone.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// What happened on the network, and where everything is now.
pub fn account(app: &App, phones: &[Phone]) -> Result<(Mishaps, Account), Error> {
    let mut mishaps = Mishaps::default();
    for phone in phones {
        let one = &phone.mishaps;
        mishaps.requests += one.requests;
        mishaps.lost_requests += one.lost_requests;
        mishaps.lost_replies += one.lost_replies;
        mishaps.sent_twice += one.sent_twice;
        mishaps.strange_replies += one.strange_replies;
        mishaps.offline_turns += one.offline_turns;
    }
    let now = app.clock.now();
    Ok((
        mishaps,
        app.store
            .read(|connection| Account::of(connection, phones, now))?,
    ))
}

/// The moment at which a day that ends about now began, by the machine's clock.
pub fn begin(now: Millis) -> Millis {
    now - TURN_MS * Millis::try_from(TURNS + MOST_ROUNDS).unwrap_or(0)
}
