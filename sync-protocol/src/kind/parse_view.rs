//! The loader's part for what a role sees.

use std::collections::BTreeMap;

use super::path::Path;
use super::read::Table;
use super::view::{RoleView, Visibility};
use super::{Field, reserved};

/// `default`, `own`, and three lists of paths: `full`, `masked`, `none`.
pub(super) fn role_view(mut table: Table<'_>, fields: &[Field]) -> RoleView {
    let default = visibility(&mut table, "default").unwrap_or_else(|| {
        table.fault(
            "default",
            "must be \"full\", \"masked\" or \"none\": what holds for fields not named",
        );
        Visibility::None
    });
    let own = visibility(&mut table, "own");
    let mut paths = BTreeMap::new();
    for seen in [Visibility::Full, Visibility::Masked, Visibility::None] {
        let key = seen.as_str();
        for text in table.texts(key) {
            let path = Path::parse(&text);
            let is_reserved = path.member.is_none() && reserved::ALL.contains(&path.field.as_str());
            if !is_reserved && !path.exists(fields) {
                table.fault(key, format!("there is no {path} in this kind"));
            }
            if paths.insert(path, seen).is_some() {
                table.fault(key, format!("{text} is named twice for this role"));
            }
        }
    }
    table.finish();
    RoleView {
        default,
        own,
        paths,
    }
}

fn visibility(table: &mut Table<'_>, key: &str) -> Option<Visibility> {
    let text = table.text(key)?;
    let seen = Visibility::of(&text);
    if seen.is_none() {
        table.fault(key, "must be \"full\", \"masked\" or \"none\"");
    }
    seen
}
