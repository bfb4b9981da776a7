//! The loader of a policy document. It does not ask whether the kinds and fields it names exist: a
//! policy may be ahead of a kind, and a rule on an unknown field simply never holds.
//! `Policy::unknown_paths` tells an operator of them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::condition::{Condition, Test};
use super::{Level, Policy, Rule};
use crate::kind::read::{Collector, NAME_RULE, Table, is_name};
use crate::kind::{KindErrors, Kinds, Path};

/// Levels of `all` and `any` inside each other.
const MAX_DEPTH: usize = 4;

pub(super) fn policy(value: Value) -> Result<Policy, KindErrors> {
    let faults = Collector::default();
    let source = value.clone();
    let mut table = Table::new(value, "", &faults);
    let version = match table.integer("version").map(u32::try_from) {
        Some(Ok(version)) if version >= 1 => version,
        _ => {
            table.fault(
                "version",
                "must be a whole number from 1, raised with every change",
            );
            1
        }
    };
    let lists = lists(&mut table);
    let rules: Vec<Rule> = table
        .tables("rule")
        .into_iter()
        .map(|one| rule(one, &lists))
        .collect();
    for (at, rule) in rules.iter().enumerate() {
        let twice = |other: &Rule| other.code == rule.code && other.kind == rule.kind;
        if rules.iter().take(at).any(twice) {
            faults.add(
                format!("rule[{at}].code"),
                "there are two rules of this code for one kind: join them with any",
            );
        }
    }
    table.finish();
    let found = faults.into_faults();
    if found.is_empty() {
        Ok(Policy {
            version,
            lists,
            rules,
            source,
        })
    } else {
        Err(KindErrors(found))
    }
}

fn lists(table: &mut Table<'_>) -> BTreeMap<String, Vec<String>> {
    let Some(mut lists) = table.table("lists") else {
        return BTreeMap::new();
    };
    let mut made = BTreeMap::new();
    for name in lists.keys() {
        let values = lists.texts(&name);
        if values.iter().any(String::is_empty) {
            lists.fault(
                &name,
                "holds an empty text, which everything would lie under: take it out",
            );
        }
        made.insert(name, values);
    }
    lists.finish();
    made
}

fn rule(mut table: Table<'_>, lists: &BTreeMap<String, Vec<String>>) -> Rule {
    let code = table.need_text("code", "what the rule is called in alerts and counts");
    let kind = table.need_text("kind", "the kind of record it looks at");
    for (key, name) in [("code", &code), ("kind", &kind)] {
        if !name.is_empty() && !is_name(name) {
            table.fault(key, NAME_RULE);
        }
    }
    let label = table.need_label("label");
    let advice = table.label("advice");
    let level = table
        .text("level")
        .as_deref()
        .and_then(Level::of)
        .unwrap_or_else(|| {
            table.fault("level", "must be notice, alert or urgent");
            Level::Alert
        });
    let when = match table.take("when") {
        Some(value) => group(value, &table.path_of("when"), &table, lists, 1),
        None => {
            table.fault(
                "when",
                "is missing: a list of conditions that must all hold",
            );
            Condition::All(Vec::new())
        }
    };
    table.finish();
    Rule {
        code,
        kind,
        label,
        advice,
        level,
        when,
    }
}

/// A list (all must hold) or one condition.
fn group(
    value: Value,
    path: &str,
    near: &Table<'_>,
    lists: &BTreeMap<String, Vec<String>>,
    depth: usize,
) -> Condition {
    match value {
        Value::Array(items) => Condition::All(several(items, path, near, lists, depth)),
        value => one(value, path, near, lists, depth),
    }
}

fn several(
    items: Vec<Value>,
    path: &str,
    near: &Table<'_>,
    lists: &BTreeMap<String, Vec<String>>,
    depth: usize,
) -> Vec<Condition> {
    if items.is_empty() {
        near.faults().add(
            path,
            "is empty: it would always hold, or never; write a condition",
        );
    }
    if depth > MAX_DEPTH {
        near.faults()
            .add(path, "is nested too deep: split the rule");
        return Vec::new();
    }
    items
        .into_iter()
        .enumerate()
        .map(|(at, item)| one(item, &format!("{path}[{at}]"), near, lists, depth + 1))
        .collect()
}

fn one(
    value: Value,
    path: &str,
    near: &Table<'_>,
    lists: &BTreeMap<String, Vec<String>>,
    depth: usize,
) -> Condition {
    let mut table = Table::new(value, path, near.faults());
    let condition = if let Some(map) = table.text("entry") {
        let all = table
            .tables("all")
            .into_iter()
            .map(|mut leaf| {
                let member = leaf.need_text("member", "the member of the entry to look at");
                let test = test(&mut leaf, lists);
                leaf.finish();
                (member, test)
            })
            .collect::<Vec<_>>();
        if all.is_empty() {
            table.fault(
                "all",
                "must list what one entry satisfies: [{ member = …, op = … }]",
            );
        }
        Condition::Entry { map, all }
    } else if table.has("all") || table.has("any") {
        let key = if table.has("all") { "all" } else { "any" };
        let made = match table.take(key) {
            Some(Value::Array(items)) => several(items, &table.path_of(key), near, lists, depth),
            _ => {
                table.fault(key, "must be a list of conditions");
                Vec::new()
            }
        };
        if key == "all" {
            Condition::All(made)
        } else {
            Condition::Any(made)
        }
    } else {
        let field = table.need_text("field", "the field to look at (or all, any, entry)");
        let member = table.text("member");
        let test = test(&mut table, lists);
        Condition::Field(Path { field, member }, test)
    };
    table.finish();
    condition
}

fn test(table: &mut Table<'_>, lists: &BTreeMap<String, Vec<String>>) -> Test {
    let op = table.need_text(
        "op",
        "=, !=, <, <=, >, >=, in, not_in, under, present or absent",
    );
    let list = table.text("list");
    if let Some(list) = &list
        && !lists.contains_key(list)
    {
        table.fault("list", format!("there is no list {list:?} under [lists]"));
    }
    match op.as_str() {
        "present" => return Test::Present,
        "absent" => return Test::Absent,
        _ => {}
    }
    match (op.as_str(), list) {
        ("in", Some(list)) => return Test::InList(list),
        ("under", Some(list)) => return Test::UnderList(list),
        (_, Some(_)) => table.fault("list", "only goes with in and under"),
        _ => {}
    }
    if matches!(op.as_str(), "<" | "<=" | ">" | ">=") {
        let limit = table.integer("value").unwrap_or_else(|| {
            table.fault("value", "must be a whole number to compare with");
            0
        });
        return match op.as_str() {
            "<" => Test::Below(limit),
            "<=" => Test::AtMost(limit),
            ">" => Test::Above(limit),
            _ => Test::AtLeast(limit),
        };
    }
    if op == "under" {
        let areas = table.texts("value");
        if areas.is_empty() || areas.iter().any(String::is_empty) {
            table.fault("value", "must be a list of area codes, or use list = \"…\"");
        }
        return Test::Under(areas);
    }
    let plain = |value: &Value| value.is_string() || value.is_boolean() || value.as_i64().is_some();
    match (op.as_str(), table.take("value")) {
        ("=", Some(value)) if plain(&value) => Test::Equal(value),
        ("!=", Some(value)) if plain(&value) => Test::Differs(value),
        ("in", Some(Value::Array(values))) if values.iter().all(plain) => Test::In(values),
        ("not_in", Some(Value::Array(values))) if values.iter().all(plain) => Test::NotIn(values),
        ("=" | "!=", _) => {
            table.fault("value", "must be a text, true, false or a whole number");
            Test::Absent
        }
        ("in" | "not_in", _) => {
            table.fault("value", "must be a list of texts or whole numbers");
            Test::Absent
        }
        _ => {
            if !op.is_empty() {
                table.fault(
                    "op",
                    "must be =, !=, <, <=, >, >=, in, not_in, under, present or absent",
                );
            }
            Test::Absent
        }
    }
}

impl Policy {
    /// Kinds and fields that rules name and these kinds do not have: probably misspelt. Such a rule
    /// never holds, so an operator should be told.
    pub fn unknown_paths(&self, kinds: &Kinds) -> Vec<String> {
        let mut unknown = Vec::new();
        for rule in &self.rules {
            match kinds.get(&rule.kind) {
                None => unknown.push(format!("{}: there is no kind {}", rule.code, rule.kind)),
                Some(kind) => rule.when.visit(&mut |path| {
                    if !path.exists(kind.fields()) {
                        unknown.push(format!(
                            "{}: there is no {path} in {}",
                            rule.code, rule.kind
                        ));
                    }
                }),
            }
        }
        unknown
    }
}

impl Condition {
    fn visit(&self, see: &mut impl FnMut(&Path)) {
        match self {
            Self::All(several) | Self::Any(several) => {
                several.iter().for_each(|one| one.visit(see))
            }
            Self::Entry { map, all } => all.iter().for_each(|(member, _)| {
                see(&Path {
                    field: map.clone(),
                    member: Some(member.clone()),
                });
            }),
            Self::Field(path, _) => see(path),
        }
    }
}
