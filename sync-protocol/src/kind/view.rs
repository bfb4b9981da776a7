//! What somebody sees of a record. A view is the union of what their roles see: the most visible
//! wins, path by path. Feeds, conflicts, history, searches and exports all pass through `project`.
//!
//! What a kind does not define is shown only where the default is `full`: nobody can mask what
//! nobody knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::mask::mask;
use super::path::Path;
use super::{Field, Kind, Shape, base_of, reserved};

/// Ordered: more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    None,
    Masked,
    Full,
}

impl Visibility {
    pub(crate) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "none" => Self::None,
            "masked" => Self::Masked,
            "full" => Self::Full,
            _ => return None,
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Masked => "masked",
            Self::Full => "full",
        }
    }
}

/// What one role sees, as the definition says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleView {
    pub(super) default: Visibility,
    /// The least that holds for records which the user made.
    pub(super) own: Option<Visibility>,
    pub(super) paths: BTreeMap<Path, Visibility>,
}

impl RoleView {
    fn sees(&self, field: &str, member: Option<&str>) -> Visibility {
        let at = |member: Option<&str>| {
            let path = Path {
                field: field.to_owned(),
                member: member.map(str::to_owned),
            };
            self.paths.get(&path).copied()
        };
        if let Some(seen) = member
            .and_then(|member| at(Some(member)))
            .or_else(|| at(None))
        {
            return seen;
        }
        match field {
            // That a record is void, joined or abnormal concerns everybody who sees it at all.
            reserved::JOINED_INTO | reserved::ABNORMAL => Visibility::Full,
            reserved::VOID => self.default.max(Visibility::Masked),
            _ => self.default,
        }
    }
}

/// What is visible of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    /// The field as a whole; for objects and maps: members that the kind does not define.
    field: Visibility,
    members: BTreeMap<String, Visibility>,
}

impl Sight {
    fn all(&self) -> impl Iterator<Item = Visibility> + '_ {
        self.members.values().copied()
    }

    fn least(&self) -> Visibility {
        self.all()
            .min()
            .map_or(self.field, |least| least.min(self.field))
    }

    fn most(&self) -> Visibility {
        self.all().max().unwrap_or(self.field)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sights {
    fields: BTreeMap<String, Sight>,
    unknown: Visibility,
    /// Whether anything is hidden of any field.
    hides: bool,
}

/// What a user with certain roles sees of records of a kind.
#[derive(Debug, Clone)]
pub struct View {
    kind: String,
    sees: bool,
    fields: Arc<Vec<Field>>,
    others: Sights,
    own: Sights,
}

impl Kind {
    /// The view of somebody who holds these roles over the record's place.
    pub fn view(&self, roles: &[&str]) -> View {
        let views: Vec<&RoleView> = self
            .readers
            .iter()
            .filter(|(role, _)| roles.contains(&role.as_str()))
            .map(|(_, view)| view)
            .collect();
        View {
            kind: self.name.clone(),
            sees: !views.is_empty(),
            fields: Arc::clone(&self.fields),
            others: sights(&self.fields, &views, false),
            own: sights(&self.fields, &views, true),
        }
    }
}

fn sights(fields: &[Field], views: &[&RoleView], own: bool) -> Sights {
    let most = |see: &dyn Fn(&RoleView) -> Visibility| {
        views
            .iter()
            .map(|view| {
                let least = if own {
                    view.own.unwrap_or(Visibility::None)
                } else {
                    Visibility::None
                };
                see(view).max(least)
            })
            .max()
            .unwrap_or(Visibility::None)
    };
    let mut made: BTreeMap<String, Sight> = fields
        .iter()
        .map(|field| {
            let members = field
                .members()
                .iter()
                .map(|member| {
                    (
                        member.name.clone(),
                        most(&|view| view.sees(&field.name, Some(&member.name))),
                    )
                })
                .collect();
            let sight = Sight {
                field: most(&|view| view.sees(&field.name, None)),
                members,
            };
            (field.name.clone(), sight)
        })
        .collect();
    for name in reserved::ALL {
        let sight = Sight {
            field: most(&|view| view.sees(name, None)),
            members: BTreeMap::new(),
        };
        made.insert(name.to_owned(), sight);
    }
    let unknown = most(&|view| view.default);
    let least = made.values().map(Sight::least).fold(unknown, Ord::min);
    Sights {
        fields: made,
        unknown,
        hides: least != Visibility::Full,
    }
}

impl View {
    /// Whether records of this kind reach this user at all.
    pub fn sees_kind(&self) -> bool {
        self.sees
    }

    /// The most that is visible of a field in records of others: `Masked` also where only some
    /// members are visible.
    pub fn shows(&self, field: &str) -> Visibility {
        match self.others.fields.get(base_of(field)) {
            Some(sight) if sight.least() == Visibility::Full => Visibility::Full,
            Some(sight) if sight.most() == Visibility::None => Visibility::None,
            Some(_) => Visibility::Masked,
            None if self.others.unknown == Visibility::Full => Visibility::Full,
            None => Visibility::None,
        }
    }

    /// Whether what this path leads to is visible as it is, in records of others.
    pub fn shows_whole(&self, path: &Path) -> bool {
        let seen = match (self.others.fields.get(&path.field), &path.member) {
            (Some(sight), Some(member)) => {
                sight.members.get(member).copied().unwrap_or(sight.field)
            }
            (Some(sight), None) => sight.least(),
            (None, _) => self.others.unknown,
        };
        self.sees && seen == Visibility::Full
    }

    /// Whether anything of this field is hidden: then its writer never counts as having seen it.
    pub fn masks(&self, field: &str, own: bool) -> bool {
        let sights = self.sights(own);
        let least = |sights: &Sights| {
            let sight = sights.fields.get(base_of(field));
            sight.map_or(sights.unknown, Sight::least)
        };
        sights.hides && least(sights) != Visibility::Full
    }

    /// Whether anything of any field is hidden.
    pub fn masks_any(&self, own: bool) -> bool {
        self.sights(own).hides
    }

    /// The codes that make a record abnormal, as this user may see them.
    #[must_use]
    pub fn abnormal(&self, codes: Vec<String>, own: bool) -> Vec<String> {
        if self.masks(reserved::ABNORMAL, own) {
            return Vec::new();
        }
        codes
    }

    /// The fields as this user may see them. What is hidden is absent, not empty.
    pub fn project(
        &self,
        fields: impl IntoIterator<Item = (String, Value)>,
        own: bool,
    ) -> BTreeMap<String, Value> {
        let shown = |(name, value): (String, Value)| {
            let value = if self.masks(&name, own) || !self.sees {
                self.project_field(&name, &value, own)?
            } else {
                value
            };
            Some((name, value))
        };
        fields.into_iter().filter_map(shown).collect()
    }

    /// One field's value as this user may see it: for conflicts and history too.
    pub fn project_field(&self, name: &str, value: &Value, own: bool) -> Option<Value> {
        if !self.sees {
            return None;
        }
        let sights = self.sights(own);
        let base = base_of(name);
        let Some(sight) = sights.fields.get(base) else {
            return (sights.unknown == Visibility::Full).then(|| value.clone());
        };
        if sight.least() == Visibility::Full {
            return Some(value.clone());
        }
        if sight.most() == Visibility::None {
            return None;
        }
        if value.is_null() {
            return Some(Value::Null);
        }
        match self
            .fields
            .iter()
            .find(|field| field.name == base)
            .map(|field| &field.shape)
        {
            Some(Shape::Scalar(of)) => mask(of, value),
            Some(Shape::Object(members) | Shape::Map(members)) => {
                let object = value.as_object()?;
                let shown: Map<String, Value> = object
                    .iter()
                    .filter_map(|(key, value)| {
                        let known = members.iter().find(|member| member.name == *key);
                        let seen = sight.members.get(key).copied().unwrap_or(Visibility::None);
                        let shown = match (seen, known) {
                            (Visibility::Full, _) => value.clone(),
                            (Visibility::Masked, Some(_)) if value.is_null() => Value::Null,
                            (Visibility::Masked, Some(member)) => mask(&member.of, value)?,
                            _ => return None,
                        };
                        Some((key.clone(), shown))
                    })
                    .collect();
                (!shown.is_empty()).then_some(Value::Object(shown))
            }
            // Reserved: that it is there is told, its words are not.
            None if base == reserved::VOID => Some(Value::Object(Map::new())),
            None => None,
        }
    }

    fn sights(&self, own: bool) -> &Sights {
        if own { &self.own } else { &self.others }
    }

    /// Tells everything that decides what this view shows, in a fixed order, so that a short hash
    /// of it changes exactly when the projection does.
    pub fn fingerprint_into(&self, tell: &mut impl FnMut(&str)) {
        tell(&self.kind);
        tell(if self.sees { "sees" } else { "blind" });
        if !self.sees {
            return;
        }
        for sights in [&self.others, &self.own] {
            tell("unknown");
            tell(sights.unknown.as_str());
            for (name, sight) in &sights.fields {
                tell(name);
                tell(sight.field.as_str());
                for (member, seen) in &sight.members {
                    tell(".");
                    tell(member);
                    tell(seen.as_str());
                }
            }
        }
    }
}
