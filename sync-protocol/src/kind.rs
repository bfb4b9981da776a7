//! Kinds as data. A kind says what a record of it is: its fields and their checks, where it stands
//! (scope), who writes it, who sees what of it, how long and why it is kept, what is counted and
//! what can be searched for. `docs/kinds.md` tells an operator how to write one.
//!
//! Nothing here decides on merging or rights: a kind answers questions that the engine asks.
//! Thresholds are not here either: what counts as abnormal is policy.

mod export;
mod kinds;
mod mask;
mod parse;
mod parse_count;
mod parse_field;
mod parse_view;
mod path;
pub(crate) mod read;
mod search;
mod succession;
mod tally;
mod validate;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use kinds::{BUILT_IN, Kinds, KindsError};
pub use path::{Path, Values, value_at, values_at};
pub(crate) use path::{field_values, under};
pub use read::{Fault, Faults as KindErrors};
pub use search::query_term;
pub use succession::Refusal;
pub use tally::{Tally, TallyOf};
pub use validate::{Problem, Verdict, Warning, reason};
pub use view::{View, Visibility};

use crate::value::head;
use view::RoleView;

/// The roles that a grant can name.
pub const ROLES: [&str; 7] = [
    "volunteer",
    "checkpoint_leader",
    "grid_leader",
    "officer",
    "command",
    "auditor",
    "admin",
];

/// Fields that every kind has and none defines.
pub mod reserved {
    /// The record that this duplicate was merged into.
    pub const JOINED_INTO: &str = "joined_into";
    /// `{reason}`: the record is struck out. Every writer of the kind may set it.
    pub const VOID: &str = "void";
    /// Codes of the policy's rules that hold: derived by the server, written by no client.
    pub const ABNORMAL: &str = "abnormal";
    pub const ALL: [&str; 3] = [JOINED_INTO, VOID, ABNORMAL];
}

/// A text for people, in Chinese and English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub zh: String,
    pub en: String,
}

/// Where a record of the kind stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindScope {
    /// At a node of this level, named by the change that creates the record; by day if the work is.
    Place { level: String, by_day: bool },
    /// Where its parent stands, and moves with it. A parent has no parent.
    Parent { kind: String },
}

/// How long records are kept, what for, and on which legal basis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    pub days: u32,
    pub purpose: Label,
    pub basis: Label,
}

/// What a field tells about a person, as the law sorts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sensitivity {
    None,
    /// Says who somebody is: name, number, telephone.
    Identity,
    Health,
    /// Where somebody was, is or lives.
    Location,
    /// Tells about a child under fourteen.
    Minor,
}

/// One code of a list. A retired one is no longer offered but stays readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    pub code: String,
    pub label: Label,
    pub retired: bool,
}

/// Limits of an integer: outside `min..=max` is refused, outside `warn_min..=warn_max` flagged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub warn_min: Option<i64>,
    pub warn_max: Option<i64>,
}

/// What a scalar is. The type of a field is frozen once its kind is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// Free text of at most `max` characters.
    Text {
        max: usize,
    },
    Name,
    Phone,
    /// The number of an identity document; `document` names the member that holds the document's type.
    Identity {
        document: Option<String>,
    },
    Plate,
    /// A statistical division code that ends at any level.
    Area,
    /// Several of them; only inside an object.
    Areas,
    CreditCode,
    Integer(Limits),
    /// Tenths of a degree Celsius.
    Temperature,
    Code(Vec<Code>),
    /// Several codes of a list; only inside an object.
    Codes(Vec<Code>),
    Boolean,
    /// `YYYY-MM-DD`; with `partial` also `YYYY-MM` and `YYYY`.
    Date {
        partial: bool,
    },
    /// ms since 1970 UTC.
    Time,
    /// The id of a record of a kind: plain, not resolved on push. A kind not loaded yet may be named.
    Reference {
        kind: String,
    },
    /// A user, as `u<number>`.
    User,
    /// A node of the area tree, as `<level>:<code>`.
    Place,
}

/// When a value must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    Never,
    Always,
    Unless(Condition),
    In(Condition),
}

/// That the value at a path is one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub path: Path,
    pub is: Vec<serde_json::Value>,
}

/// When a value must be there, and whether its lack refuses the change or only flags it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub need: Need,
    pub only_flags: bool,
}

/// A scalar inside an object or a map's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub label: Label,
    pub help: Option<Label>,
    pub of: Type,
    pub presence: Presence,
    pub sensitivity: Sensitivity,
    pub retired: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    Scalar(Type),
    /// A small object that changes as a whole.
    Object(Vec<Member>),
    /// Entries `<field>/<uuid>`, each a small object that changes as a whole.
    Map(Vec<Member>),
}

/// A field: the unit of merging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub label: Label,
    pub help: Option<Label>,
    pub shape: Shape,
    pub presence: Presence,
    pub sensitivity: Sensitivity,
    pub retired: bool,
}

impl Field {
    /// The members of an object or of a map's entries; none for a scalar.
    pub fn members(&self) -> &[Member] {
        match &self.shape {
            Shape::Scalar(_) => &[],
            Shape::Object(members) | Shape::Map(members) => members,
        }
    }

    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members().iter().find(|member| member.name == name)
    }

    pub fn is_map(&self) -> bool {
        matches!(self.shape, Shape::Map(_))
    }
}

/// What can be looked up exactly: the values at a path, under a purpose that keeps the keyed hashes
/// of different subjects apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath {
    pub purpose: String,
    pub path: Path,
}

/// A loaded definition. Only the loader makes one, so it is consistent in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    name: String,
    version: u32,
    label: Label,
    scope: KindScope,
    retention: Retention,
    writers: Vec<String>,
    readers: BTreeMap<String, RoleView>,
    fields: Arc<Vec<Field>>,
    /// What names begin with, and where the fields stand, in the order of their names.
    by_name: Vec<(u64, usize)>,
    tallies: BTreeMap<String, Tally>,
    search: Vec<SearchPath>,
}

impl Kind {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of this definition, counted by whoever writes it.
    pub fn version(&self) -> u32 {
        self.version
    }

    pub fn label(&self) -> &Label {
        &self.label
    }

    pub fn scope(&self) -> &KindScope {
        &self.scope
    }

    pub fn is_by_day(&self) -> bool {
        matches!(self.scope, KindScope::Place { by_day: true, .. })
    }

    /// The kind whose record this one stands with, if it has no place of its own.
    pub fn parent(&self) -> Option<&str> {
        match &self.scope {
            KindScope::Parent { kind } => Some(kind),
            KindScope::Place { .. } => None,
        }
    }

    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    pub fn writers(&self) -> &[String] {
        &self.writers
    }

    /// Whether somebody with these roles (of grants that cover the record's place) may write.
    pub fn may_write(&self, roles: &[&str]) -> bool {
        self.writers
            .iter()
            .any(|writer| roles.contains(&writer.as_str()))
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The definition of a field by its name or the name of a map's entry (`members/<uuid>`).
    pub fn field(&self, name: &str) -> Option<&Field> {
        let base = base_of(name);
        let name_at = |at: usize| self.fields.get(at).map_or("", |field| &field.name);
        let head = head(base);
        let compared =
            |&(held, at): &(u64, usize)| held.cmp(&head).then_with(|| name_at(at).cmp(base));
        let found = self.by_name.binary_search_by(compared).ok()?;
        let (_, at) = self.by_name.get(found)?;
        self.fields.get(*at)
    }

    pub fn search_paths(&self) -> &[SearchPath] {
        &self.search
    }
}

/// The field's own name in `members/<uuid>`.
pub(crate) fn base_of(field: &str) -> &str {
    field.split_once('/').map_or(field, |(base, _)| base)
}
