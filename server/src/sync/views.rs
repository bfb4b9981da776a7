//! What the holders of roles see of kinds, worked out once for each set of roles. That somebody holds a
//! role is read anew at each request; what a role shows follows from the kinds alone, and these are of
//! one version here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use sync_protocol::kind::{Kind, Kinds, View};

use super::projection::lives_at;

/// Sets of roles that are remembered; there are some dozens.
const MOST: usize = 4_096;

/// The views of one version of the kinds.
#[derive(Debug, Default)]
pub struct Views {
    of_kinds: Known<Arc<View>>,
    at_places: Known<Option<Arc<Outlook>>>,
}

/// What is seen of the records at places of one level, by day or not.
#[derive(Debug)]
pub struct Outlook {
    /// The views of the kinds that are shown.
    pub views: BTreeMap<String, Arc<View>>,
    /// A short hash that changes exactly when the projection does.
    pub name: String,
}

impl Views {
    /// What the holder of these roles sees of a kind.
    pub fn of_kind(&self, kind: &Kind, roles: &[&str]) -> Arc<View> {
        self.of_kinds
            .get(key(kind.name(), roles), || Arc::new(kind.view(roles)))
    }

    /// What the holder of these roles sees at a place of this level, on a day or not; nothing, if
    /// nothing is shown.
    pub fn at_place(
        &self,
        kinds: &Kinds,
        roles: &[&str],
        level: &str,
        by_day: bool,
    ) -> Option<Arc<Outlook>> {
        let place = if by_day { "day" } else { "place" };
        self.at_places
            .get(key(&format!("{place}\n{level}"), roles), || {
                let views: BTreeMap<String, Arc<View>> = kinds
                    .newest()
                    .filter(|kind| lives_at(kinds, kind, level, by_day))
                    .map(|kind| (kind.name().to_owned(), self.of_kind(kind, roles)))
                    .filter(|(_, view)| view.sees_kind())
                    .collect();
                let is_blind = views.is_empty();
                (!is_blind).then(|| Arc::new(Outlook::new(views, roles)))
            })
    }
}

impl Outlook {
    fn new(views: BTreeMap<String, Arc<View>>, roles: &[&str]) -> Self {
        let mut hash = Sha256::new();
        let mut tell = |text: &str| {
            hash.update(text.as_bytes());
            hash.update([0]);
        };
        roles.iter().for_each(|role| tell(role));
        views
            .values()
            .for_each(|view| view.fingerprint_into(&mut tell));
        let name = hash
            .finalize()
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self { views, name }
    }
}

/// Names of kinds, levels and roles hold no line break.
fn key(name: &str, roles: &[&str]) -> String {
    let mut key = name.to_owned();
    for role in roles {
        key.push('\n');
        key.push_str(role);
    }
    key
}

/// What was worked out before.
#[derive(Debug)]
struct Known<V>(RwLock<HashMap<String, V>>);

impl<V> Default for Known<V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<V: Clone> Known<V> {
    fn get(&self, key: String, make: impl FnOnce() -> V) -> V {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(&key) {
            return value.clone();
        }
        drop(known);
        let value = make();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert(key, value.clone());
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_of_roles_has_a_view_of_its_own_and_gets_it_again() {
        let (kinds, views) = (Kinds::built_in().unwrap(), Views::default());
        let at = |roles: &[&str]| views.at_place(&kinds, roles, "checkpoint", true);
        let (one, two) = (at(&["volunteer"]), at(&["checkpoint_leader", "volunteer"]));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_ne!(one.name, two.name);
        assert!(at(&[]).is_none(), "who has no role sees nothing");
        assert!(Arc::ptr_eq(&one, &at(&["volunteer"]).unwrap()));
        // The same roles elsewhere are another question.
        assert!(
            views
                .at_place(&kinds, &["volunteer"], "grid", false)
                .is_none()
        );
        let fresh = Views::default().at_place(&kinds, &["volunteer"], "checkpoint", true);
        assert_eq!(fresh.unwrap().name, one.name);
    }
}
