//! The oracle of rights: who may see what, worked out a second time from grants and definitions,
//! without the server's code. Every reply is held against it (I10).

use std::collections::{BTreeMap, BTreeSet};

use kadian::clock::Millis;
use serde_json::Value;
use sync_protocol::wire::{Reply, Row};

/// A node of the area tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) code: &'static str,
    pub(crate) parent: Option<&'static str>,
    pub(crate) level: &'static str,
    pub(crate) path: &'static str,
}

const fn node(
    code: &'static str,
    parent: Option<&'static str>,
    level: &'static str,
    path: &'static str,
) -> Node {
    Node {
        code,
        parent,
        level,
        path,
    }
}

pub(crate) const DISTRICT: &str = "999999";
pub(crate) const TOWNS: [&str; 2] = ["TA", "TB"];
pub(crate) const GRIDS: [&str; 4] = ["G1", "G2", "G3", "G4"];
pub(crate) const CHECKPOINTS: [&str; 3] = ["K1", "K2", "K3"];

/// One small district.
pub(crate) const NODES: [Node; 11] = [
    node("9999", None, "city", "/9999/"),
    node(DISTRICT, Some("9999"), "district", "/9999/999999/"),
    node("TA", Some(DISTRICT), "town", "/9999/999999/TA/"),
    node("TB", Some(DISTRICT), "town", "/9999/999999/TB/"),
    node("G1", Some("TA"), "grid", "/9999/999999/TA/G1/"),
    node("G2", Some("TA"), "grid", "/9999/999999/TA/G2/"),
    node("G3", Some("TB"), "grid", "/9999/999999/TB/G3/"),
    node("G4", Some("TB"), "grid", "/9999/999999/TB/G4/"),
    node("K1", Some("TA"), "checkpoint", "/9999/999999/TA/K1/"),
    node("K2", Some("TA"), "checkpoint", "/9999/999999/TA/K2/"),
    node("K3", Some("TB"), "checkpoint", "/9999/999999/TB/K3/"),
];

pub(crate) fn path_of(code: &str) -> &'static str {
    NODES
        .iter()
        .find(|node| node.code == code)
        .map_or("", |node| node.path)
}

/// A grant as it was given.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) id: i64,
    pub(crate) account: i64,
    pub(crate) role: &'static str,
    pub(crate) area: &'static str,
    pub(crate) from: Millis,
    pub(crate) until: Option<Millis>,
    pub(crate) revoked: Option<Millis>,
}

impl Grant {
    pub(crate) fn holds(&self, now: Millis) -> bool {
        self.revoked.is_none() && self.from <= now && self.until.is_none_or(|until| until > now)
    }
}

/// The roles of an account at a node now.
pub(crate) fn roles_at(
    grants: &[Grant],
    account: i64,
    path: &str,
    now: Millis,
) -> BTreeSet<&'static str> {
    grants
        .iter()
        .filter(|grant| {
            grant.account == account && grant.holds(now) && path.starts_with(path_of(grant.area))
        })
        .map(|grant| grant.role)
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sight {
    None,
    Masked,
    Full,
}

#[derive(Debug, Clone)]
struct Reader {
    default: Sight,
    own: Sight,
    paths: BTreeMap<String, Sight>,
}

#[derive(Debug, Clone)]
struct Definition {
    readers: BTreeMap<String, Reader>,
    /// The type of each field and of each member, by path.
    types: BTreeMap<String, String>,
}

/// The views of all kinds, read from their files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Views(BTreeMap<String, Definition>);

impl Views {
    pub(crate) fn of(definitions: &[String]) -> Self {
        let mut views = Self::default();
        for text in definitions {
            let table: toml::Table = text.parse().unwrap();
            let name = table["name"].as_str().unwrap().to_owned();
            views.0.insert(
                name,
                Definition {
                    readers: readers(&table),
                    types: types(&table),
                },
            );
        }
        views
    }

    /// The kinds that somebody with these roles sees at all.
    pub(crate) fn sees(&self, kind: &str, roles: &BTreeSet<&str>) -> bool {
        self.0.get(kind).is_some_and(|kind| {
            kind.readers
                .keys()
                .any(|role| roles.contains(role.as_str()))
        })
    }

    /// What in a row is more than its reader may see.
    pub(crate) fn leaks(&self, row: &Row, roles: &BTreeSet<&str>, account: i64) -> Option<String> {
        if !self.sees(&row.kind, roles) {
            return Some(format!("a {} is shown to {roles:?}", row.kind));
        }
        let own = row.by.0 == account;
        let conflicts = row
            .conflicts
            .iter()
            .flat_map(|(name, all)| all.iter().map(move |one| (name, &one.value)));
        row.set
            .iter()
            .chain(conflicts)
            .find_map(|(name, value)| self.leak(&row.kind, name, value, roles, own))
    }

    fn leak(
        &self,
        kind: &str,
        name: &str,
        value: &Value,
        roles: &BTreeSet<&str>,
        own: bool,
    ) -> Option<String> {
        let definition = self.0.get(kind)?;
        let base = name.split('/').next().unwrap_or(name);
        match value {
            Value::Object(members) if base != "void" => {
                members.iter().find_map(|(member, value)| {
                    let path = format!("{base}.{member}");
                    definition
                        .exceeds(&path, Some(base), value, roles, own)
                        .then(|| format!("{kind}.{path} to {roles:?} own={own}"))
                })
            }
            Value::Object(members) if members.is_empty() => None,
            _ => definition
                .exceeds(base, None, value, roles, own)
                .then(|| format!("{kind}.{base} to {roles:?} own={own}")),
        }
    }
}

impl Definition {
    fn exceeds(
        &self,
        path: &str,
        above: Option<&str>,
        value: &Value,
        roles: &BTreeSet<&str>,
        own: bool,
    ) -> bool {
        let sight = self
            .readers
            .iter()
            .filter(|(role, _)| roles.contains(role.as_str()))
            .map(|(_, reader)| reader.sees(path, above, own))
            .max();
        match sight.unwrap_or(Sight::None) {
            Sight::Full => false,
            // That a map entry is gone may be told where something of it is shown.
            _ if value.is_null() => false,
            Sight::None => true,
            Sight::Masked => !is_masked(self.types.get(path).map_or("", String::as_str), value),
        }
    }
}

impl Reader {
    fn sees(&self, path: &str, above: Option<&str>, own: bool) -> Sight {
        let named = self
            .paths
            .get(path)
            .or_else(|| self.paths.get(above?))
            .copied();
        let fallback = match path {
            "joined_into" | "abnormal" => Sight::Full,
            _ => self.default,
        };
        let seen = named.unwrap_or(fallback);
        if own { seen.max(self.own) } else { seen }
    }
}

fn is_masked(of: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    match of {
        "plate" => true,
        "name" => text.ends_with('*'),
        "phone" | "identity" | "credit_code" => text.starts_with('*'),
        "text" => text == "*",
        "date" => text.chars().count() <= 4,
        "area" => text.chars().count() <= 6,
        _ => false,
    }
}

fn sight(text: &str) -> Sight {
    match text {
        "full" => Sight::Full,
        "masked" => Sight::Masked,
        _ => Sight::None,
    }
}

fn readers(table: &toml::Table) -> BTreeMap<String, Reader> {
    let of = |reader: &toml::Value| {
        let word = |name: &str| {
            reader
                .get(name)
                .and_then(toml::Value::as_str)
                .map_or(Sight::None, sight)
        };
        let mut paths = BTreeMap::new();
        for name in ["none", "masked", "full"] {
            for path in reader
                .get(name)
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
            {
                paths.insert(path.as_str().unwrap().to_owned(), sight(name));
            }
        }
        Reader {
            default: word("default"),
            own: word("own"),
            paths,
        }
    };
    let readers = table.get("readers").and_then(toml::Value::as_table);
    readers
        .into_iter()
        .flatten()
        .map(|(role, reader)| (role.clone(), of(reader)))
        .collect()
}

fn types(table: &toml::Table) -> BTreeMap<String, String> {
    let mut types = BTreeMap::new();
    for field in table
        .get("field")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let name = field["name"].as_str().unwrap();
        types.insert(name.to_owned(), field["type"].as_str().unwrap().to_owned());
        for member in field
            .get("member")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            types.insert(
                format!("{name}.{}", member["name"].as_str().unwrap()),
                member["type"].as_str().unwrap().to_owned(),
            );
        }
    }
    types
}

/// Holds a reply against the grants: every feed, row and field of it.
pub(crate) fn check_reply(
    reply: &Reply,
    grants: &[Grant],
    views: &Views,
    account: i64,
    now: Millis,
) -> Result<(), String> {
    for feed in &reply.feeds {
        let roles = roles_at(grants, account, path_of(feed.scope.place.code()), now);
        if roles.is_empty() {
            return Err(format!("I10: a feed of {} without a grant", feed.scope));
        }
        for row in &feed.rows {
            if let Some(leak) = views.leaks(row, &roles, account) {
                return Err(format!(
                    "I10: {leak}, record {} in {}",
                    row.record, feed.scope
                ));
            }
        }
    }
    for verdict in &reply.verdicts {
        let Some(scope) = &verdict.scope else {
            continue;
        };
        if roles_at(grants, account, path_of(scope.place.code()), now).is_empty() {
            return Err(format!("I10: a verdict names {scope} without a grant"));
        }
    }
    for held in reply.places.iter().flatten() {
        if roles_at(grants, account, path_of(held.place.code()), now).is_empty() {
            return Err(format!(
                "I10: the place {} is listed without a grant",
                held.place
            ));
        }
    }
    Ok(())
}
