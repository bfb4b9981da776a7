//! How a value looks to somebody who may know that it is there, and recognise a person whom they
//! stand before, but not learn it. What has no such form is left out.

use serde_json::Value;

use super::Type;

/// The masked form, or `None` where there is none.
pub(super) fn mask(of: &Type, value: &Value) -> Option<Value> {
    let text = value.as_str();
    match of {
        // A plate is read off the car by everybody who stands at the road.
        Type::Plate => Some(value.clone()),
        Type::Name => text.map(first_character),
        Type::Phone | Type::Identity { .. } => text.map(last_four),
        Type::CreditCode => text.map(last_four),
        // The county, not the village.
        Type::Area => text.map(|code| Value::from(code.chars().take(6).collect::<String>())),
        // The year.
        Type::Date { .. } => text.map(|date| Value::from(date.chars().take(4).collect::<String>())),
        Type::Text { .. } => text.map(|_| Value::from("*")),
        Type::Areas
        | Type::Integer(_)
        | Type::Temperature
        | Type::Code(_)
        | Type::Codes(_)
        | Type::Boolean
        | Type::Time
        | Type::Reference { .. }
        | Type::User
        | Type::Place => None,
    }
}

/// 张*
fn first_character(name: &str) -> Value {
    let mut chars = name.trim().chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(_)) => Value::from(format!("{first}*")),
        _ => Value::from("*"),
    }
}

/// *0000; what is too short to have a tail shows nothing of itself.
fn last_four(text: &str) -> Value {
    let chars: Vec<char> = text.trim().chars().collect();
    match chars.len() {
        0..8 => Value::from("*"),
        n => Value::from(format!("*{}", chars.iter().skip(n - 4).collect::<String>())),
    }
}
