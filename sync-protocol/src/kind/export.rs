//! The definition as JSON: what a client needs to draw a form and check it before sending, and what
//! a store keeps. `Kind::from_json` reads it back to the same kind.

use serde_json::{Map, Value, json};

use super::view::Visibility;
use super::{
    Code, Condition, Field, Kind, KindScope, Label, Member, Need, Presence, Sensitivity, Shape,
    TallyOf, Type,
};

impl Kind {
    pub fn to_json(&self) -> Value {
        let scope = match &self.scope {
            KindScope::Place { level, by_day } => json!({ "place": level, "by_day": by_day }),
            KindScope::Parent { kind } => json!({ "parent": kind }),
        };
        let readers: Map<String, Value> = self
            .readers
            .iter()
            .map(|(role, view)| {
                let mut out = json!({ "default": view.default.as_str() });
                if let Some(own) = view.own {
                    out["own"] = json!(own.as_str());
                }
                for seen in [Visibility::Full, Visibility::Masked, Visibility::None] {
                    let of = view.paths.iter().filter(|(_, at)| **at == seen);
                    let paths: Vec<String> = of.map(|(path, _)| path.to_string()).collect();
                    if !paths.is_empty() {
                        out[seen.as_str()] = json!(paths);
                    }
                }
                (role.clone(), out)
            })
            .collect();
        let tallies: Map<String, Value> = self
            .tallies
            .iter()
            .map(|(name, tally)| {
                let (of, path) = match &tally.of {
                    TallyOf::Total => ("total", None),
                    TallyOf::Abnormal => ("abnormal", None),
                    TallyOf::Code(path) => ("code", Some(path)),
                    TallyOf::Present(path) => ("present", Some(path)),
                };
                let mut out = json!({ "label": label(&tally.label), "of": of });
                if let Some(path) = path {
                    out["path"] = json!(path.to_string());
                }
                (name.clone(), out)
            })
            .collect();
        let search: Vec<Value> = self
            .search
            .iter()
            .map(|one| json!({ "purpose": one.purpose, "path": one.path.to_string() }))
            .collect();
        json!({
            "name": self.name,
            "version": self.version,
            "label": label(&self.label),
            "scope": scope,
            "retention": {
                "days": self.retention.days,
                "purpose": label(&self.retention.purpose),
                "basis": label(&self.retention.basis),
            },
            "writers": self.writers,
            "readers": readers,
            "field": self.fields.iter().map(field).collect::<Vec<_>>(),
            "tally": tallies,
            "search": search,
        })
    }
}

fn label(label: &Label) -> Value {
    json!({ "zh": label.zh, "en": label.en })
}

fn field(field: &Field) -> Value {
    let mut out = common(&field.name, &field.label, field.help.as_ref());
    presence(&field.presence, &mut out);
    sensitivity(field.sensitivity, &mut out);
    if field.retired {
        out["retired"] = json!(true);
    }
    match &field.shape {
        Shape::Scalar(of) => scalar(of, &mut out),
        Shape::Object(of) => {
            out["type"] = json!("object");
            out["member"] = of.iter().map(member).collect();
        }
        Shape::Map(of) => {
            out["type"] = json!("map");
            out["member"] = of.iter().map(member).collect();
        }
    }
    out
}

fn member(member: &Member) -> Value {
    let mut out = common(&member.name, &member.label, member.help.as_ref());
    presence(&member.presence, &mut out);
    sensitivity(member.sensitivity, &mut out);
    if member.retired {
        out["retired"] = json!(true);
    }
    scalar(&member.of, &mut out);
    out
}

fn common(name: &str, text: &Label, help: Option<&Label>) -> Value {
    let mut out = json!({ "name": name, "label": label(text) });
    if let Some(help) = help {
        out["help"] = label(help);
    }
    out
}

fn presence(presence: &Presence, out: &mut Value) {
    let condition =
        |condition: &Condition| json!({ "path": condition.path.to_string(), "is": condition.is });
    match &presence.need {
        Need::Never => {}
        Need::Always => out["required"] = json!(true),
        Need::Unless(unless) => out["required_unless"] = condition(unless),
        Need::In(within) => out["required_in"] = condition(within),
    }
    if presence.only_flags {
        out["missing"] = json!("flag");
    }
}

fn sensitivity(sensitivity: Sensitivity, out: &mut Value) {
    let text = match sensitivity {
        Sensitivity::None => return,
        Sensitivity::Identity => "identity",
        Sensitivity::Health => "health",
        Sensitivity::Location => "location",
        Sensitivity::Minor => "minor",
    };
    out["sensitivity"] = json!(text);
}

fn scalar(of: &Type, out: &mut Value) {
    out["type"] = json!(name_of(of));
    match of {
        Type::Text { max } => out["max_length"] = json!(max),
        Type::Identity {
            document: Some(document),
        } => out["document"] = json!(document),
        Type::Integer(limits) => {
            let all = [
                ("min", limits.min),
                ("max", limits.max),
                ("warn_min", limits.warn_min),
                ("warn_max", limits.warn_max),
            ];
            for (key, limit) in all {
                if let Some(limit) = limit {
                    out[key] = json!(limit);
                }
            }
        }
        Type::Code(codes) | Type::Codes(codes) => out["codes"] = codes.iter().map(code).collect(),
        Type::Date { partial: true } => out["partial"] = json!(true),
        Type::Reference { kind } => out["kind"] = json!(kind),
        _ => {}
    }
}

fn code(code: &Code) -> Value {
    let mut out = json!({ "code": code.code, "zh": code.label.zh, "en": code.label.en });
    if code.retired {
        out["retired"] = json!(true);
    }
    out
}

fn name_of(of: &Type) -> &'static str {
    match of {
        Type::Text { .. } => "text",
        Type::Name => "name",
        Type::Phone => "phone",
        Type::Identity { .. } => "identity",
        Type::Plate => "plate",
        Type::Area => "area",
        Type::Areas => "areas",
        Type::CreditCode => "credit_code",
        Type::Integer(_) => "integer",
        Type::Temperature => "temperature",
        Type::Code(_) => "code",
        Type::Codes(_) => "codes",
        Type::Boolean => "boolean",
        Type::Date { .. } => "date",
        Type::Time => "time",
        Type::Reference { .. } => "reference",
        Type::User => "user",
        Type::Place => "place",
    }
}
