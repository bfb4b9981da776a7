//! One example for every invariant, small enough to be read. The worlds beside this folder look for
//! the examples that nobody thought of.

mod delivery;
mod merging;
mod pages;
mod recovery;
mod sharing;

use crate::capture::fields;
use crate::centre::OFFICER;
use crate::world::World;
use kadian::store::records;
use serde_json::Value;
use sync_protocol::id::RecordId;
use sync_protocol::record::Record;
use sync_protocol::replica::Draft;
use sync_protocol::wire::Row;

/// Two leaders of one grid and the officer, each on a phone of their own.
struct Grid {
    world: World,
    ann: usize,
    ben: usize,
    officer: usize,
}

const ANN: i64 = 2;
const BEN: i64 = 3;

fn grid() -> Grid {
    let mut world = World::empty(7);
    world.quiet = true;
    world.centre.grant(ANN, "grid_leader", "G1", None);
    world.centre.grant(BEN, "grid_leader", "G1", None);
    let [ann, ben, officer] = [ANN, BEN, OFFICER].map(|account| {
        let phone = world.add_right_phone();
        world.add_person(phone, account)
    });
    let mut grid = Grid {
        world,
        ann,
        ben,
        officer,
    };
    grid.sync_all();
    grid
}

impl Grid {
    fn sync(&mut self, carrier: usize) {
        self.world.sync_until_quiet(carrier).unwrap();
    }

    fn sync_all(&mut self) {
        for _ in 0..2 {
            for carrier in 0..self.world.carriers.len() {
                self.sync(carrier);
            }
        }
    }

    fn create(&mut self, carrier: usize, set: &Value) -> RecordId {
        let now = self.world.centre.now();
        let id = self.world.new_id(now);
        let draft = Draft::create(id, "household", "grid:G1".parse().unwrap(), fields(set));
        self.world.keep(carrier, &draft).unwrap();
        id
    }

    fn edit(&mut self, carrier: usize, id: RecordId, set: &Value) {
        let draft = self.world.carriers[carrier]
            .replica
            .draft(id, fields(set))
            .unwrap();
        self.world.keep(carrier, &draft).unwrap();
    }

    fn stored(&self, id: RecordId) -> Option<Record> {
        self.world.centre.read(|c| {
            records::by_ids(c, &[id])?
                .pop()
                .map(|row| row.record())
                .transpose()
        })
    }

    fn row(&self, carrier: usize, id: RecordId) -> Option<Row> {
        self.world.carriers[carrier]
            .replica
            .bodies()
            .find(|(_, row)| row.record == id)
            .map(|(_, row)| row.clone())
    }

    fn value(&self, id: RecordId, field: &str) -> Value {
        self.stored(id).unwrap().fields[field].value.clone()
    }

    /// A clock of a phone goes wrong; the phone sees it.
    fn turn(&mut self, carrier: usize, by: i64) {
        let phone = self.world.carriers[carrier].phone;
        self.world.phones[phone].offset += by;
        let moment = self.world.moment(phone);
        self.world.carriers[carrier].replica.tick(moment);
    }
}
