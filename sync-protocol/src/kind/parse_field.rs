//! The loader's part for fields, members, types and code lists.

use std::collections::BTreeMap;

use serde_json::Value;

use super::path::Path;
use super::read::{NAME_RULE, Table, is_code, is_name};
use super::{
    Code, Condition, Field, Label, Limits, Member, Need, Presence, Sensitivity, Shape, Type,
};
use crate::check::text::DEFAULT_MAX_CHARS;

type CodeLists = BTreeMap<String, Vec<Code>>;

/// `[codes]`: lists that several fields share, by name.
pub(super) fn code_lists(table: &mut Table<'_>) -> CodeLists {
    let Some(mut lists) = table.table("codes") else {
        return CodeLists::new();
    };
    let names = lists.keys();
    let made = names
        .into_iter()
        .map(|name| {
            if !is_name(&name) {
                lists.fault(&name, NAME_RULE);
            }
            let list = codes(&mut lists, &name);
            (name, list)
        })
        .collect();
    lists.finish();
    made
}

fn codes(table: &mut Table<'_>, key: &str) -> Vec<Code> {
    let path = table.path_of(key);
    let faults = table.faults();
    let mut made: Vec<Code> = Vec::new();
    for mut entry in table.tables(key) {
        let code = entry.need_text("code", "the value that is stored");
        if !code.is_empty() && !is_code(&code) {
            entry.fault(
                "code",
                "must be letters, digits, _, - or ., at most 48 characters",
            );
        }
        if made.iter().any(|other| other.code == code) {
            entry.fault("code", "stands in this list twice");
        }
        let label = entry.zh_en();
        let retired = entry.flag("retired");
        entry.finish();
        made.push(Code {
            code,
            label,
            retired,
        });
    }
    if made.is_empty() {
        faults.add(
            path,
            "is empty: a list of codes needs at least one { code = \"…\", zh = \"…\", en = \"…\" }",
        );
    }
    made
}

pub(super) fn field(mut table: Table<'_>, lists: &CodeLists) -> Field {
    let common = Common::read(&mut table);
    let shape = match table.text("type").as_deref() {
        Some("object") => Shape::Object(members(&mut table, lists)),
        Some("map") => Shape::Map(members(&mut table, lists)),
        Some(of) => Shape::Scalar(scalar(of, &mut table, lists)),
        None => {
            table.fault(
                "type",
                format!("is missing: object, map or one of {SCALARS}"),
            );
            Shape::Scalar(Type::Boolean)
        }
    };
    if matches!(shape, Shape::Map(_)) && common.presence.need != Need::Never {
        table.fault("type", "a map cannot be required: its entries come and go");
    }
    table.finish();
    Field {
        name: common.name,
        label: common.label,
        help: common.help,
        shape,
        presence: common.presence,
        sensitivity: common.sensitivity,
        retired: common.retired,
    }
}

fn members(table: &mut Table<'_>, lists: &CodeLists) -> Vec<Member> {
    let made: Vec<Member> = table
        .tables("member")
        .into_iter()
        .map(|mut entry| {
            let common = Common::read(&mut entry);
            let of = match entry.text("type").as_deref() {
                Some(of @ ("object" | "map")) => {
                    entry.fault(
                        "type",
                        format!("{of} cannot stand inside an object: make it a field of its own"),
                    );
                    Type::Boolean
                }
                Some(of) => scalar(of, &mut entry, lists),
                None => {
                    entry.fault("type", format!("is missing: one of {SCALARS}"));
                    Type::Boolean
                }
            };
            entry.finish();
            Member {
                name: common.name,
                label: common.label,
                help: common.help,
                of,
                presence: common.presence,
                sensitivity: common.sensitivity,
                retired: common.retired,
            }
        })
        .collect();
    if made.is_empty() {
        table.fault(
            "member",
            "is missing: an object or map needs at least one [[field.member]]",
        );
    }
    made
}

const SCALARS: &str = "text, name, phone, identity, plate, area, areas, credit_code, integer, temperature, code, codes, \
     boolean, date, time, reference, user, place";

fn scalar(of: &str, table: &mut Table<'_>, lists: &CodeLists) -> Type {
    match of {
        "text" => Type::Text {
            max: match table.integer("max_length") {
                None => DEFAULT_MAX_CHARS,
                Some(max) => usize::try_from(max)
                    .ok()
                    .filter(|max| (1..=4000).contains(max))
                    .unwrap_or_else(|| {
                        table.fault("max_length", "must be 1 to 4000 characters");
                        DEFAULT_MAX_CHARS
                    }),
            },
        },
        "name" => Type::Name,
        "phone" => Type::Phone,
        "identity" => Type::Identity {
            document: table.text("document"),
        },
        "plate" => Type::Plate,
        "area" => Type::Area,
        "areas" => Type::Areas,
        "credit_code" => Type::CreditCode,
        "integer" => Type::Integer(limits(table)),
        "temperature" => Type::Temperature,
        "code" => Type::Code(listed(table, lists)),
        "codes" => Type::Codes(listed(table, lists)),
        "boolean" => Type::Boolean,
        "date" => Type::Date {
            partial: table.flag("partial"),
        },
        "time" => Type::Time,
        "reference" => Type::Reference {
            kind: {
                let kind = table.need_text("kind", "the kind of the record that is named");
                if !kind.is_empty() && !is_name(&kind) {
                    table.fault("kind", NAME_RULE);
                }
                kind
            },
        },
        "user" => Type::User,
        "place" => Type::Place,
        _ => {
            table.fault(
                "type",
                format!("there is no such type; types are object, map, {SCALARS}"),
            );
            Type::Boolean
        }
    }
}

fn limits(table: &mut Table<'_>) -> Limits {
    let limits = Limits {
        min: table.integer("min"),
        max: table.integer("max"),
        warn_min: table.integer("warn_min"),
        warn_max: table.integer("warn_max"),
    };
    let crossed = |low: Option<i64>, high: Option<i64>| matches!((low, high), (Some(low), Some(high)) if low > high);
    if crossed(limits.min, limits.max) || crossed(limits.warn_min, limits.warn_max) {
        table.fault("min", "stands above its maximum");
    }
    if crossed(limits.min, limits.warn_min) || crossed(limits.warn_max, limits.max) {
        table.fault(
            "warn_min",
            "a limit that warns must lie inside those that refuse, else it never speaks",
        );
    }
    limits
}

/// `codes = "name of a list"` or the list itself.
fn listed(table: &mut Table<'_>, lists: &CodeLists) -> Vec<Code> {
    match table.take("codes") {
        Some(Value::String(name)) => lists.get(&name).cloned().unwrap_or_else(|| {
            table.fault(
                "codes",
                format!("there is no list {name:?}: add [[codes.{name}]]"),
            );
            Vec::new()
        }),
        Some(list @ Value::Array(_)) => {
            let mut wrap = Table::new(
                serde_json::json!({ "codes": list }),
                table.path(),
                table.faults(),
            );
            codes(&mut wrap, "codes")
        }
        _ => {
            table.fault(
                "codes",
                "is missing: the name of a list, or a list of { code, zh, en }",
            );
            Vec::new()
        }
    }
}

/// What fields and members have in common.
struct Common {
    name: String,
    label: Label,
    help: Option<Label>,
    presence: Presence,
    sensitivity: Sensitivity,
    retired: bool,
}

impl Common {
    fn read(table: &mut Table<'_>) -> Self {
        let name = table.need_text("name", "what it is called on the wire");
        if !name.is_empty() && !is_name(&name) {
            table.fault("name", NAME_RULE);
        }
        Self {
            name,
            label: table.need_label("label"),
            help: table.label("help"),
            presence: presence(table),
            sensitivity: sensitivity(table),
            retired: table.flag("retired"),
        }
    }
}

fn presence(table: &mut Table<'_>) -> Presence {
    let always = table.flag("required");
    let unless = condition(table, "required_unless");
    let within = condition(table, "required_in");
    let need = match (always, unless, within) {
        (false, None, None) => Need::Never,
        (true, None, None) => Need::Always,
        (false, Some(condition), None) => Need::Unless(condition),
        (false, None, Some(condition)) => Need::In(condition),
        _ => {
            table.fault(
                "required",
                "give one of required, required_unless and required_in",
            );
            Need::Always
        }
    };
    let only_flags = match table.text("missing").as_deref() {
        None | Some("refuse") => false,
        Some("flag") => true,
        Some(_) => {
            table.fault("missing", "must be \"refuse\" or \"flag\"");
            false
        }
    };
    if only_flags && need == Need::Never {
        table.fault(
            "missing",
            "says what happens when something required is not there, but nothing is required here",
        );
    }
    Presence { need, only_flags }
}

fn condition(table: &mut Table<'_>, key: &str) -> Option<Condition> {
    let mut condition = table.table(key)?;
    let path = Path::parse(&condition.need_text("path", "field or field.member to look at"));
    let is = match condition.take("is") {
        Some(Value::Array(values)) if !values.is_empty() && values.iter().all(is_plain) => values,
        _ => {
            condition.fault("is", "must be a list of values, such as [\"tally\"]");
            Vec::new()
        }
    };
    condition.finish();
    Some(Condition { path, is })
}

fn is_plain(value: &Value) -> bool {
    value.is_string() || value.is_boolean() || value.as_i64().is_some()
}

fn sensitivity(table: &mut Table<'_>) -> Sensitivity {
    match table.text("sensitivity").as_deref() {
        None | Some("none") => Sensitivity::None,
        Some("identity") => Sensitivity::Identity,
        Some("health") => Sensitivity::Health,
        Some("location") => Sensitivity::Location,
        Some("minor") => Sensitivity::Minor,
        Some(_) => {
            table.fault(
                "sensitivity",
                "must be none, identity, health, location or minor",
            );
            Sensitivity::None
        }
    }
}
