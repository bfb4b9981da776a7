//! What a record can be found by: normalised values under a purpose, to be turned into keyed hashes
//! by whoever holds the key. A value that is malformed is still found, by its folded text.

use std::collections::BTreeSet;

use super::path::{Values, field_values};
use super::{Field, Kind, SearchPath, Shape, Type};
use crate::check::{self, CreditCode, Document, DocumentType, Name, Phone, Plate};
use crate::value::ValueRef;

impl Kind {
    /// Every (purpose, normalised value) of a record, each once.
    pub fn search_terms(&self, fields: &impl Values) -> Vec<(String, String)> {
        let mut terms = BTreeSet::new();
        for SearchPath { purpose, path } in &self.search {
            let Some(field) = self.field(&path.field) else {
                continue;
            };
            for value in field_values(fields, &path.field) {
                if let Some(term) = term(field, path.member.as_deref(), value) {
                    terms.insert((purpose.clone(), term));
                }
            }
        }
        terms.into_iter().collect()
    }
}

fn term(field: &Field, member: Option<&str>, value: ValueRef<'_>) -> Option<String> {
    let (of, text) = match (&field.shape, member) {
        (Shape::Scalar(of), None) => (of, value.as_str()?),
        (_, Some(member)) => (&field.member(member)?.of, value.get(member)?.as_str()?),
        _ => return None,
    };
    let document = match of {
        Type::Identity {
            document: Some(member),
        } => value.get(member).and_then(ValueRef::as_str),
        _ => None,
    };
    normalised(of, text, document)
}

/// The form in which a typed value is compared and searched for. `None` for what is empty.
fn normalised(of: &Type, text: &str, document: Option<&str>) -> Option<String> {
    let typed = match of {
        Type::Phone => Phone::parse(text)
            .ok()
            .map(|phone| phone.value.normalised().to_owned()),
        Type::Plate => Plate::parse(text)
            .ok()
            .map(|plate| plate.value.normalised().to_owned()),
        Type::Name => Name::parse(text)
            .ok()
            .map(|name| name.value.normalised().to_owned()),
        Type::CreditCode => CreditCode::parse(text)
            .ok()
            .map(|code| code.value.normalised().to_owned()),
        Type::Identity { .. } => Document::parse(text, document.and_then(DocumentType::of), None)
            .ok()
            .map(|document| document.value.normalised().to_owned()),
        _ => None,
    };
    let term = typed.unwrap_or_else(|| check::fold(text));
    (!term.is_empty() && term.len() <= check::CODE_MAX_BYTES * 4).then_some(term)
}

/// The search term of what a person types into a search box, for one purpose that kinds use.
/// Purposes that are not built in compare folded text.
pub fn query_term(purpose: &str, text: &str) -> Option<String> {
    let of = match purpose {
        "phone" => Type::Phone,
        "plate" => Type::Plate,
        "name" => Type::Name,
        "identity" => Type::Identity { document: None },
        "credit_code" => Type::CreditCode,
        _ => Type::Text { max: 0 },
    };
    normalised(&of, text, None)
}
