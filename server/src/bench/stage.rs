//! What is measured on: a district with people and phones, households in its grids, entries of
//! past days in its store and the same ones on the floor; then a server on the one and the floor's
//! server on the other.

use std::net::SocketAddr;
use std::sync::Arc;

use sync_protocol::Millis;
use sync_protocol::change::Change;
use sync_protocol::scope::Place;

use super::entry::Pen;
use super::ground::{Database, Ground};
use super::line::Line;
use super::phone::Phone;
use super::process::{Process, cpu_seconds};
use super::scale::{HOUSEHOLDS, Sizes};
use super::{Failed, Plan, Progress};
use crate::accounts::devices::token_hash;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, Sources};
use crate::demo::chance::Chance;
use crate::demo::district::{self, District};
use crate::store::devices::{self, NewDevice};
use crate::store::floor::{self, Floor};
use crate::store::{self, Connection};

const SEED: u64 = 20_261_127;
/// Colleagues at one checkpoint, as on the reference scale (2,000 volunteers, 400 checkpoints).
pub const COLLEAGUES: usize = 5;
/// Entries of past days that are written in one transaction, and looked at together in it.
const FILLED_AT_ONCE: u64 = 10_000;
const FILLED_TOGETHER: usize = 1_000;
/// Ten million entries are what 400 checkpoints write down in 20 days.
const DAYS_BEFORE: Millis = 21;
const DAY_MS: Millis = 24 * 60 * 60 * 1000;
const TENTHS_OF_MS_APART: u64 = 1_728;

/// What is measured on.
pub struct Stage {
    pub ground: Ground,
    /// Name and version of the database.
    pub described: String,
    pub sizes: Sizes,
    pub clock: Clock,
    /// Phones at checkpoints, [`COLLEAGUES`] at each.
    pub volunteers: Vec<Phone>,
    /// For each of some grids, a phone that reads its list and one that changes it.
    pub leaders: Vec<(Phone, Phone)>,
    pub main: Database,
    pub below: Database,
    flags: Vec<(String, String)>,
    workers: usize,
    floor_log_pages: u32,
    district: District,
    households: u64,
    rows: u64,
    rows_below: u64,
    began: Millis,
}

/// The server and the floor, both running.
pub struct Duel {
    pub server: Process,
    pub floor: Process,
}

/// Either of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server,
    Floor,
}

impl Duel {
    pub const fn of(&self, side: Side) -> &Process {
        match side {
            Side::Server => &self.server,
            Side::Floor => &self.floor,
        }
    }

    pub const fn address(&self, side: Side) -> SocketAddr {
        self.of(side).address
    }

    /// The time that one side has had of the processors, its database included.
    pub fn cpu_seconds(&self, side: Side, ground: &Ground) -> f64 {
        cpu_seconds(self.of(side).id()) + ground.cpu_seconds()
    }

    pub fn stop(self) -> Result<(), Failed> {
        self.server.stop()?;
        Ok(self.floor.stop()?)
    }
}

impl Stage {
    /// Makes the databases, the district, its people and households.
    pub fn prepare(ground: Ground, plan: &Plan, progress: &dyn Progress) -> Result<Self, Failed> {
        let (main, below) = (ground.make("main")?, ground.make("floor")?);
        let flags = settings(&ground, &main, plan);
        let clock = Clock::system();
        let began = clock.now() - DAYS_BEFORE * DAY_MS;
        let app = open(&flags, &clock)?;
        let now = clock.now();
        progress.begin("the district", 1);
        let scale = plan.sizes.district;
        let district = app
            .store
            .write(|c| district::build(c, scale, "no password", now))?;
        let volunteers = volunteers(&app, &district, plan.sizes.herd.max(plan.sizes.phones), now)?;
        let leaders = leaders(&app, &district, plan.sizes.pulls, now)?;
        let mut stage = Self {
            described: app.store.describe()?,
            sizes: plan.sizes.clone(),
            clock,
            volunteers,
            leaders,
            main,
            below,
            flags,
            workers: plan.workers,
            floor_log_pages: plan.floor_log_pages,
            district,
            households: 0,
            rows: 0,
            rows_below: 0,
            began,
            ground,
        };
        stage.settle_households(&app, progress)?;
        app.stop();
        Ok(stage)
    }

    fn settle_households(&mut self, app: &App, progress: &dyn Progress) -> Result<(), Failed> {
        let engine = app.engine()?;
        let now = self.clock.now();
        let schema = app.store.read(|c| engine.rules(c))?.kinds.schema();
        let grids = self.sizes.grids.max(self.sizes.pulls);
        let codes = self
            .district
            .grids
            .get(..grids)
            .unwrap_or(&self.district.grids);
        progress.begin("households", codes.len() as u64);
        for (stretch, codes) in codes.chunks(20).enumerate() {
            let brought = engine.bring(self.district.officer, || {
                codes.iter().enumerate().map(move |(number, code)| {
                    let which = stretch * 20 + number;
                    let mut chance = stream(SEED, which as u64);
                    let from = which * HOUSEHOLDS;
                    Ok(district::households(
                        code,
                        from,
                        HOUSEHOLDS,
                        schema,
                        now,
                        &mut chance,
                    ))
                })
            })?;
            self.households += brought.created;
            progress.step(codes.len() as u64);
        }
        Ok(())
    }

    /// Lets the store and the floor hold this many entries of past days. No server may run.
    pub fn fill(&mut self, rows: u64, progress: &dyn Progress) -> Result<(), Failed> {
        self.fill_main(rows, progress)?;
        self.fill_below(rows, progress)
    }

    /// Lets the store alone hold this many.
    pub fn fill_main(&mut self, rows: u64, progress: &dyn Progress) -> Result<(), Failed> {
        let app = open(&self.flags, &self.clock)?;
        let engine = app.engine()?;
        let schema = app.store.read(|c| engine.rules(c))?.kinds.schema();
        progress.begin("entries of past days", rows.saturating_sub(self.rows));
        while self.rows < rows {
            let count = FILLED_AT_ONCE.min(rows - self.rows);
            let changes = self.past(self.rows, count, schema);
            engine.bring(self.district.officer, || {
                changes
                    .chunks(FILLED_TOGETHER)
                    .map(|chunk| Ok(chunk.to_vec()))
            })?;
            self.rows += count;
            progress.step(count);
        }
        app.stop();
        Ok(())
    }

    /// Lets the floor alone hold this many.
    pub fn fill_below(&mut self, rows: u64, progress: &dyn Progress) -> Result<(), Failed> {
        let floor = Floor::open(&self.below.url, self.floor_log_pages)?;
        progress.begin(
            "the same on the floor",
            rows.saturating_sub(self.rows_below),
        );
        while self.rows_below < rows {
            let count = FILLED_AT_ONCE.min(rows - self.rows_below);
            let entries = self
                .past(self.rows_below, count, 1)
                .iter()
                .map(on_the_floor)
                .collect();
            floor.put_and_wait(entries)?;
            self.rows_below += count;
            progress.step(count);
        }
        Ok(())
    }

    /// Entries of past days, from this one on, in the order in which they were made.
    fn past(&self, from: u64, count: u64, schema: u32) -> Vec<Change> {
        let mut pen = Pen::default();
        (from..from + count)
            .filter_map(|number| {
                let mut chance = stream(SEED ^ 0xfeed, number);
                let after = Millis::try_from(number * TENTHS_OF_MS_APART / 10).unwrap_or(0);
                let code = chance.pick(&self.district.checkpoints)?.clone();
                let place = Place::new("checkpoint", &code).ok()?;
                Some(pen.registration(&place, schema, self.began + after, &mut chance))
            })
            .collect()
    }

    /// Starts both servers.
    pub fn start(&self) -> Result<Duel, Failed> {
        let mut serve: Vec<String> = ["serve", "--listen", "{address}"].map(str::to_owned).into();
        for (name, value) in &self.flags {
            serve.extend(["--set".to_owned(), format!("{name}={value}")]);
        }
        let below = [
            "bench",
            "serve-floor",
            "--listen",
            "{address}",
            "--workers",
            &self.workers.to_string(),
            "--log-pages",
            &self.floor_log_pages.to_string(),
            "--database",
            &self.below.url,
        ];
        let folder = self.ground.folder();
        Ok(Duel {
            server: Process::start(folder, "server", &serve)?,
            floor: Process::start(folder, "floor", &below.map(str::to_owned))?,
        })
    }

    /// Lets every phone hear from the server once, as it would have on the day before.
    pub fn greet(&mut self, duel: &Duel, progress: &dyn Progress) -> Result<(), Failed> {
        let now = self.clock.now();
        let mut line = Line::open(duel.server.address)?;
        let leaders = self
            .leaders
            .iter_mut()
            .flat_map(|(one, other)| [one, other]);
        let phones: Vec<&mut Phone> = self.volunteers.iter_mut().chain(leaders).collect();
        progress.begin("phones say hello", phones.len() as u64);
        for phone in phones {
            let answer = line.exchange(&phone.ask(Vec::new(), now))?;
            phone.hear(&answer.reply()?);
            progress.step(1);
        }
        Ok(())
    }

    /// Records that stand beside what phones push.
    pub const fn records_before(&self) -> u64 {
        self.rows + self.households
    }

    /// Opens the store in this process. No server may run.
    pub fn open(&self) -> Result<Arc<App>, Failed> {
        open(&self.flags, &self.clock)
    }
}

/// What a change is on the floor.
fn on_the_floor(change: &Change) -> floor::Entry {
    floor::Entry {
        id: change.record.to_string(),
        scope: change.scope.as_ref().map(ToString::to_string),
        kind: change.kind.clone(),
        time: Millis::try_from(change.stamp.ms).unwrap_or(Millis::MAX),
        clock: change.stamp.to_string(),
        device: "past".to_owned(),
        body: String::from_utf8(change.to_line()).unwrap_or_default(),
    }
}

/// The settings of the server under test: as they come, but for where things stand, how many
/// threads serve on either side, and how often one phone may ask.
fn settings(ground: &Ground, main: &Database, plan: &Plan) -> Vec<(String, String)> {
    let beside = |name: &str| ground.folder().join(name).display().to_string();
    let mut flags: Vec<(String, String)> = [
        ("database.url", main.url.clone()),
        ("ledger.file", beside("main.ledger")),
        ("keys.file", beside("kadian.keys")),
        ("http.workers", plan.workers.to_string()),
        ("sync.requests_per_minute", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    flags.retain(|(name, _)| plan.settings.iter().all(|(other, _)| other != name));
    flags.extend(plan.settings.iter().cloned());
    flags
}

fn open(flags: &[(String, String)], clock: &Clock) -> Result<Arc<App>, Failed> {
    let config = Config::resolve(&Sources {
        flags: flags.to_vec(),
        ..Sources::default()
    })?;
    Ok(App::open(config, clock.clone())?)
}

fn volunteers(
    app: &App,
    district: &District,
    count: usize,
    now: Millis,
) -> Result<Vec<Phone>, Failed> {
    let codes = &district.checkpoints;
    app.store.write(|c| {
        (0..count)
            .filter_map(|number| Some((number, codes.get(number / COLLEAGUES % codes.len())?)))
            .map(|(number, code)| enrol(c, number, "volunteer", "checkpoint", code, now))
            .collect()
    })
}

fn leaders(
    app: &App,
    district: &District,
    count: usize,
    now: Millis,
) -> Result<Vec<(Phone, Phone)>, Failed> {
    app.store.write(|c| {
        let mut leaders = Vec::with_capacity(count);
        for (number, code) in district.grids.iter().take(count).enumerate() {
            let mut one = |which| {
                let number = 1_000_000 + 2 * number + which;
                enrol(c, number, "grid_leader", "grid", code, now)
            };
            leaders.push((one(0)?, one(1)?));
        }
        Ok(leaders)
    })
}

/// A person with a phone that is enrolled.
fn enrol(
    c: &mut Connection,
    number: usize,
    role: &str,
    level: &str,
    code: &str,
    now: Millis,
) -> Result<Phone, Failed> {
    let mut chance = stream(SEED ^ 0xbe11, number as u64);
    let account = district::person(
        c,
        &format!("{role}{number}"),
        "测试员",
        None,
        role,
        code,
        now,
    )?;
    // As long as a real one; the floor takes its beginning for the name of the device.
    let token = format!(
        "{number:08}{:016x}{:016x}{:03x}",
        chance.number(),
        chance.number(),
        chance.below(4096)
    );
    let hash =
        token_hash(&token).ok_or_else(|| Failed::Wrong("a token of no length".to_owned()))?;
    let new = NewDevice {
        account,
        token_hash: &hash,
        name: "bench",
        leaves: None,
        now,
    };
    devices::insert(c, &new)?;
    let place = Place::new(level, code)
        .map_err(|_| store::Error::Corrupt("a code that is none".to_owned()))?;
    Ok(Phone::new(token, place, chance))
}

/// A stream of chance for one of many. Streams begun at neighbouring numbers would be one stream, some
/// steps apart, and two phones would give two records one id; so each begins at a number drawn.
fn stream(seed: u64, which: u64) -> Chance {
    Chance::new(Chance::new(seed ^ which.rotate_left(32)).number())
}
