//! The next version of the policy. It judges what is written from now on; what a record was found
//! to be stays until it is written again, so that counts never change behind anybody's back.

use serde::Serialize;
use sync_protocol::id::UserId;

use super::NotAdded;
use crate::store::{self, Connection, definitions};
use crate::sync::Engine;
use crate::sync::rules::parse_policy;

/// What came of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Added {
    /// The version of the installation, under which phones know it.
    pub version: u32,
    /// False if it is the one that holds already.
    pub changed: bool,
    /// Rules that speak of kinds, fields or members that are not there: they never hold.
    pub warnings: Vec<String>,
}

/// Takes a policy, or with `dry` only says what would come of it. `enter` is asked first, in the
/// same transaction, whether this may be done, and by whom it is.
pub fn add<E: From<store::Error> + From<NotAdded>>(
    engine: &Engine,
    text: &str,
    dry: bool,
    mut enter: impl FnMut(&mut Connection) -> Result<Option<UserId>, E>,
) -> Result<Added, E> {
    let now = engine.clock().now();
    engine.store().write(|c| {
        let user = enter(c)?;
        let policy = parse_policy(text).map_err(NotAdded::from)?;
        let rules = engine.rules(c)?;
        let mut added = Added {
            version: rules.policy_version,
            changed: *rules.policy != policy,
            warnings: policy.unknown_in(&rules.kinds),
        };
        if added.changed && dry {
            added.version += 1;
        } else if added.changed {
            added.version = definitions::add_policy(c, text, now, user.map(|user| user.0))?;
        }
        Ok(added)
    })
}
