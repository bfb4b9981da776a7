//! One district of area 999999: its tree, its people, its households; small, or at the scale of a
//! real one (5,275 grids, 140,000 households, 400 checkpoints).

use sync_protocol::Millis;
use sync_protocol::change::{Change, Heading};
use sync_protocol::id::{RecordId, UserId};
use sync_protocol::scope::Place;
use sync_protocol::stamp::RawStamp;

use super::chance::Chance;
use super::people;
use crate::store::areas::AreaRow;
use crate::store::grants::NewGrant;
use crate::store::{Connection, Error, accounts, areas, grants};

/// How large the district is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scale {
    /// 20 grids, 540 households, 6 checkpoints: there in a moment.
    Small,
    /// 5,275 grids, 140,000 households, 400 checkpoints.
    District,
}

impl Scale {
    /// Grids, households and checkpoints.
    pub const fn size(self) -> (usize, usize, usize) {
        match self {
            Self::Small => (20, 540, 6),
            Self::District => (5_275, 140_000, 400),
        }
    }
}

/// What was made.
#[derive(Debug, Clone)]
pub struct District {
    /// An officer of the whole district.
    pub officer: UserId,
    /// Codes of the grids.
    pub grids: Vec<String>,
    /// Codes of the checkpoints.
    pub checkpoints: Vec<String>,
}

/// The root of the tree: a city that is nobody's.
pub const CITY: &str = "9999";
/// The district.
pub const DISTRICT: &str = "999999";
const GRIDS_PER_VILLAGE: usize = 18;
const VILLAGES_PER_TOWN: usize = 20;

/// Makes the tree and the officer.
pub fn build(
    connection: &mut Connection,
    scale: Scale,
    password_hash: &str,
    now: Millis,
) -> Result<District, Error> {
    let (grid_count, _, checkpoint_count) = scale.size();
    let mut tree = Tree {
        connection,
        made: Vec::new(),
    };
    tree.add(CITY, None, "city", "示例市")?;
    tree.add(DISTRICT, Some(CITY), "district", "示例区")?;
    let (mut grids, mut village, mut town) =
        (Vec::with_capacity(grid_count), String::new(), String::new());
    for number in 0..grid_count {
        let villages = number / GRIDS_PER_VILLAGE;
        if number % (GRIDS_PER_VILLAGE * VILLAGES_PER_TOWN) == 0 {
            town = format!("{DISTRICT}{:03}", 1 + villages / VILLAGES_PER_TOWN);
            tree.add(
                &town,
                Some(DISTRICT),
                "town",
                &format!("第{}街道", 1 + villages / VILLAGES_PER_TOWN),
            )?;
        }
        if number % GRIDS_PER_VILLAGE == 0 {
            village = format!("{town}{:03}", 1 + villages % VILLAGES_PER_TOWN);
            tree.add(
                &village,
                Some(&town),
                "village",
                &format!("第{}社区", 1 + villages),
            )?;
        }
        let grid = format!("{village}-{:02}", 1 + number % GRIDS_PER_VILLAGE);
        tree.add(
            &grid,
            Some(&village),
            "grid",
            &format!("{}网格", 1 + number),
        )?;
        grids.push(grid);
    }
    let mut checkpoints = Vec::with_capacity(checkpoint_count);
    for number in 1..=checkpoint_count {
        let code = format!("S{number:03}");
        tree.add(
            &code,
            Some(DISTRICT),
            "checkpoint",
            &format!("{number}号卡点"),
        )?;
        checkpoints.push(code);
    }
    let officer = person(
        connection,
        "officer",
        "示例干部",
        Some(password_hash),
        "officer",
        DISTRICT,
        now,
    )?;
    Ok(District {
        officer,
        grids,
        checkpoints,
    })
}

/// Makes a person who holds a role.
pub fn person(
    connection: &mut Connection,
    login: &str,
    name: &str,
    password_hash: Option<&str>,
    role: &str,
    area: &str,
    now: Millis,
) -> Result<UserId, Error> {
    let user = accounts::insert(connection, login, name, password_hash, now)?;
    hold(connection, user, role, area, now)?;
    Ok(user)
}

/// Gives a person another role.
pub fn hold(
    connection: &mut Connection,
    user: UserId,
    role: &str,
    area: &str,
    now: Millis,
) -> Result<i64, Error> {
    grants::insert(
        connection,
        &NewGrant {
            account: user,
            role,
            area,
            from_at: now,
            until_at: None,
            made_by: None,
            made_at: now,
        },
    )
}

/// The households of a grid, as changes of an import.
pub fn households(
    grid: &str,
    from: usize,
    count: usize,
    schema: u32,
    now: Millis,
    chance: &mut Chance,
) -> Vec<Change> {
    let ms = u64::try_from(now).unwrap_or(0);
    (0..count)
        .map(|number| Change {
            heading: Heading {
                era: 0,
                schema,
                stamp: RawStamp {
                    ms,
                    counter: u16::try_from(number).unwrap_or(0),
                },
                kind: "household".to_owned(),
                record: RecordId::at(ms, &chance.bytes()),
                base: None,
                saw: None,
                scope: Place::new("grid", grid).ok(),
                parent: None,
                whole: false,
            },
            set: people::household(chance, from + number),
        })
        .collect()
}

struct Tree<'c> {
    connection: &'c mut Connection,
    made: Vec<(String, String)>,
}

impl Tree<'_> {
    fn add(
        &mut self,
        code: &str,
        parent: Option<&str>,
        level: &str,
        name: &str,
    ) -> Result<(), Error> {
        let above =
            parent.and_then(|parent| self.made.iter().rev().find(|(code, _)| code == parent));
        let path = format!("{}{code}/", above.map_or("/", |(_, path)| path));
        let row = AreaRow {
            code: code.to_owned(),
            parent: parent.map(str::to_owned),
            level: level.to_owned(),
            name: name.to_owned(),
            path: path.clone(),
            timezone: None,
            valid_from: None,
            valid_until: None,
        };
        areas::insert(self.connection, &row)?;
        if level != "grid" && level != "checkpoint" {
            self.made.push((code.to_owned(), path));
        }
        Ok(())
    }
}
