//! The places at which somebody has a role now: what a phone offers for work and asks for.

use sha2::{Digest, Sha256};
use sync_protocol::Millis;
use sync_protocol::id::UserId;
use sync_protocol::scope::Place;
use sync_protocol::wire::HeldPlace;

use super::projection::{Sight, levels};
use super::rules::Rules;
use crate::store::reach::{self, Lapse};
use crate::store::scopes::{self, Node};
use crate::store::{Connection, Error, Reach};

/// Nodes read at once.
const CHUNK: usize = 500;

/// A short hash of what is held and of the version of the tree it is held in; another one tells a phone
/// that its places may have changed.
pub fn hash(reach: &Reach, rules: &Rules, tree: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(rules.kinds.schema().to_be_bytes());
    hash.update(tree.to_be_bytes());
    for (path, role) in reach.held() {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(role.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Places held, in the order of their codes, after the one with code `after`.
pub fn held(
    connection: &mut Connection,
    reach: &Reach,
    rules: &Rules,
    after: &str,
    most: usize,
) -> Result<Vec<HeldPlace>, Error> {
    let mut by_level = levels(&rules.kinds);
    let mut roles: Vec<&str> = reach.held().map(|(_, role)| role).collect();
    roles.sort_unstable();
    roles.dedup();
    let sees = |roles: &[&str], level: &str, by_day| {
        Sight::of(rules, reach.account(), roles, level, by_day).is_some()
    };
    // Where nothing is seen with all roles together, nothing is seen with some of them.
    by_level.retain(|level, by_day| sees(&roles, level, *by_day));
    let wanted: Vec<String> = by_level.keys().cloned().collect();
    // A kind is seen by one role or another: where a role by itself sees nothing at any level, there is
    // nothing to look through below it.
    let looks = |role: &str| {
        by_level
            .iter()
            .any(|(level, by_day)| sees(&[role], level, *by_day))
    };
    let held = reach.held().filter(|(_, role)| looks(role));
    let mut paths: Vec<&str> = held.map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup_by(|inner, outer| inner.starts_with(*outer));
    let mut places = Vec::new();
    let mut after = after.to_owned();
    // Any number of nodes in a row may show nothing, so it is the places that are counted.
    loop {
        let mut nodes = Vec::new();
        for path in &paths {
            nodes.extend(scopes::nodes_below(
                connection, path, &wanted, &after, CHUNK,
            )?);
        }
        nodes.sort_by(|a, b| a.code.cmp(&b.code));
        nodes.truncate(CHUNK);
        let Some(last) = nodes.last() else {
            return Ok(places);
        };
        after.clone_from(&last.code);
        for node in nodes {
            if places.len() == most {
                return Ok(places);
            }
            let by_day = by_level.get(&node.level).copied().unwrap_or_default();
            let roles = reach.roles_at(&node.path);
            if !sees(&roles, &node.level, by_day) {
                continue;
            }
            if let Ok(place) = Place::new(&node.level, &node.code) {
                places.push(HeldPlace {
                    place,
                    name: node.name,
                    by_day,
                    roles: roles.into_iter().map(str::to_owned).collect(),
                });
            }
        }
    }
}

/// Why somebody no longer holds a place.
pub fn why_dropped(
    connection: &mut Connection,
    user: UserId,
    node: &Node,
    now: Millis,
) -> Result<&'static str, Error> {
    Ok(match reach::lapse(connection, user, &node.path, now)? {
        Lapse::Never => "unknown",
        Lapse::RanOut => "expired",
        Lapse::Revoked if reach::held_by_others(connection, user, &node.path, now)? => "reassigned",
        Lapse::Revoked => "revoked",
    })
}
