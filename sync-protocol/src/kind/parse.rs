//! The loader: from TOML (or the JSON that `to_json` writes) to a `Kind`, or every reason why not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::parse_count::{search, tallies};
use super::parse_field::{code_lists, field};
use super::parse_view::role_view;
use super::read::{Collector, NAME_RULE, Table, is_name, toml_value};
use super::{
    Field, Kind, KindErrors, KindScope, Label, Need, Presence, ROLES, Retention, Sensitivity,
    Shape, Type, reserved,
};
use crate::value::head;

impl Kind {
    /// Reads a definition. Every fault is reported with its path and what to do.
    pub fn parse(toml: &str) -> Result<Self, KindErrors> {
        Self::from_value(toml_value(toml)?)
    }

    /// Reads a definition in the form that `to_json` writes.
    pub fn from_json(json: &str) -> Result<Self, KindErrors> {
        let value = serde_json::from_str(json).map_err(|error| {
            KindErrors(vec![super::Fault {
                path: String::new(),
                message: format!("this is not valid JSON: {error}"),
            }])
        })?;
        Self::from_value(value)
    }

    /// Reads a definition out of plain values.
    pub fn from_value(value: Value) -> Result<Self, KindErrors> {
        let faults = Collector::default();
        let kind = kind(value, &faults);
        let found = faults.into_faults();
        if found.is_empty() {
            Ok(kind)
        } else {
            Err(KindErrors(found))
        }
    }
}

fn kind(value: Value, faults: &Collector) -> Kind {
    let mut table = Table::new(value, "", faults);
    let name = table.need_text("name", "what records of it are called on the wire");
    if !name.is_empty() && !is_name(&name) {
        table.fault("name", NAME_RULE);
    }
    let version = match table.integer("version").map(u32::try_from) {
        Some(Ok(version)) if version >= 1 => version,
        _ => {
            table.fault(
                "version",
                "must be a whole number from 1, raised with every change of this file",
            );
            1
        }
    };
    let label = table.need_label("label");
    let scope = scope(&mut table, &name);
    let retention = retention(&mut table);
    let writers = writers(&mut table);
    let lists = code_lists(&mut table);
    let fields: Vec<Field> = table
        .tables("field")
        .into_iter()
        .map(|entry| field(entry, &lists))
        .collect();
    check_fields(&fields, faults);
    let readers = readers(&mut table, &fields);
    let tallies = tallies(&mut table, &fields);
    let search = search(&mut table, &fields);
    table.finish();
    let names = fields.iter().map(|field| head(&field.name));
    let mut by_name: Vec<(u64, usize)> = names.zip(0..).collect();
    by_name.sort_by_key(|(head, at)| (*head, fields.get(*at).map(|field| &field.name)));
    Kind {
        name,
        version,
        label,
        scope,
        retention,
        writers,
        readers,
        fields: Arc::new(fields),
        by_name,
        tallies,
        search,
    }
}

fn scope(table: &mut Table<'_>, name: &str) -> KindScope {
    let fallback = KindScope::Place {
        level: String::new(),
        by_day: false,
    };
    let Some(mut scope) = table.table("scope") else {
        table.fault(
            "scope",
            "is missing: write { place = \"checkpoint\", by_day = true }, { place = \"grid\" } or { parent = \"household\" }",
        );
        return fallback;
    };
    let place = scope.text("place");
    let parent = scope.text("parent");
    let by_day = scope.flag("by_day");
    let made = match (place, parent) {
        (Some(level), None) if is_name(&level) => KindScope::Place { level, by_day },
        (None, Some(kind)) if by_day => {
            scope.fault(
                "by_day",
                "a record stands where its parent stands: take by_day out",
            );
            KindScope::Parent { kind }
        }
        (None, Some(kind)) if kind == name => {
            scope.fault("parent", "a kind cannot be its own parent");
            fallback
        }
        (None, Some(kind)) if is_name(&kind) => KindScope::Parent { kind },
        (Some(_), Some(_)) => {
            scope.fault("place", "give either a place or a parent, not both");
            fallback
        }
        (Some(_), None) => {
            scope.fault(
                "place",
                "must be a level of the area tree, such as checkpoint or grid",
            );
            fallback
        }
        (None, Some(_)) => {
            scope.fault("parent", NAME_RULE);
            fallback
        }
        (None, None) => {
            scope.fault(
                "place",
                "is missing: name a level of the area tree, or a parent kind",
            );
            fallback
        }
    };
    scope.finish();
    made
}

fn retention(table: &mut Table<'_>) -> Retention {
    let Some(mut retention) = table.table("retention") else {
        table.fault(
            "retention",
            "is missing: a kind without a period, a purpose and a legal basis is not loaded",
        );
        return Retention {
            days: 1,
            purpose: empty_label(),
            basis: empty_label(),
        };
    };
    let days = match retention.integer("days").map(u32::try_from) {
        Some(Ok(days)) if (1..=36_500).contains(&days) => days,
        _ => {
            retention.fault(
                "days",
                "must say how many days records are kept, 1 to 36500",
            );
            1
        }
    };
    let purpose = retention.need_label("purpose");
    let basis = retention.need_label("basis");
    retention.finish();
    Retention {
        days,
        purpose,
        basis,
    }
}

fn empty_label() -> Label {
    Label {
        zh: String::new(),
        en: String::new(),
    }
}

fn writers(table: &mut Table<'_>) -> Vec<String> {
    let writers = table.texts("writers");
    if writers.is_empty() {
        table.fault(
            "writers",
            "must name the roles that write records of this kind",
        );
    }
    for role in writers
        .iter()
        .filter(|role| !ROLES.contains(&role.as_str()))
    {
        table.fault(
            "writers",
            format!("{role:?} is not a role; roles are {}", ROLES.join(", ")),
        );
    }
    writers
}

fn readers(table: &mut Table<'_>, fields: &[Field]) -> BTreeMap<String, super::view::RoleView> {
    let Some(mut readers) = table.table("readers") else {
        table.fault(
            "readers",
            "is missing: say per role what it sees, [readers.officer] default = \"full\"",
        );
        return BTreeMap::new();
    };
    let mut views = BTreeMap::new();
    for role in readers.keys() {
        if !ROLES.contains(&role.as_str()) {
            readers.fault(
                &role,
                format!("is not a role; roles are {}", ROLES.join(", ")),
            );
        }
        if let Some(view) = readers.table(&role) {
            views.insert(role, role_view(view, fields));
        }
    }
    readers.finish();
    views
}

/// What concerns several fields at once: unique names, conditions that lead somewhere, and that
/// what says who somebody is is marked so.
fn check_fields(fields: &[Field], faults: &Collector) {
    if fields.is_empty() {
        faults.add("field", "a kind needs at least one [[field]]");
    }
    for (at, field) in fields.iter().enumerate() {
        let path = format!("field[{at}] {}", field.name);
        if reserved::ALL.contains(&field.name.as_str()) {
            faults.add(
                &path,
                "this name is reserved: every kind has it; choose another",
            );
        }
        if fields.iter().take(at).any(|other| other.name == field.name) {
            faults.add(&path, "there are two fields of this name");
        }
        check_presence(&field.presence, fields, &path, faults);
        if let Shape::Scalar(of) = &field.shape {
            if matches!(of, Type::Codes(_) | Type::Areas) {
                faults.add(
                    &path,
                    "a list is only allowed inside an object: make this a member of one",
                );
            }
            check_sensitivity(of, field.sensitivity, &path, faults);
        }
        for (index, member) in field.members().iter().enumerate() {
            let path = format!("{path}.{}", member.name);
            if field
                .members()
                .iter()
                .take(index)
                .any(|other| other.name == member.name)
            {
                faults.add(&path, "there are two members of this name");
            }
            check_presence(&member.presence, fields, &path, faults);
            check_sensitivity(
                &member.of,
                member.sensitivity.max(field.sensitivity),
                &path,
                faults,
            );
            if let Type::Identity {
                document: Some(document),
            } = &member.of
                && !matches!(field.member(document).map(|d| &d.of), Some(Type::Code(_)))
            {
                faults.add(
                    &path,
                    "`document` must name a member of the same object, of type code",
                );
            }
        }
    }
}

fn check_presence(presence: &Presence, fields: &[Field], path: &str, faults: &Collector) {
    let (Need::Unless(condition) | Need::In(condition)) = &presence.need else {
        return;
    };
    if !matches!(
        condition.path.scalar(fields),
        Some(Type::Code(_) | Type::Boolean | Type::Text { .. } | Type::Integer(_))
    ) {
        let there = &condition.path;
        faults.add(
            path,
            format!("its condition looks at {there}, which is no code, boolean, text or integer of this kind"),
        );
    }
}

fn check_sensitivity(of: &Type, sensitivity: Sensitivity, path: &str, faults: &Collector) {
    let personal = matches!(of, Type::Name | Type::Phone | Type::Identity { .. });
    if personal && sensitivity == Sensitivity::None {
        faults.add(
            path,
            "says who somebody is: give it (or its field) sensitivity = \"identity\"",
        );
    }
}
