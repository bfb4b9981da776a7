//! The loader's part for what is counted and what is searched for.

use std::collections::BTreeMap;

use super::path::Path;
use super::read::{NAME_RULE, Table, is_name};
use super::tally::{Tally, TallyOf};
use super::{Field, SearchPath, Type};

pub(super) fn tallies(table: &mut Table<'_>, fields: &[Field]) -> BTreeMap<String, Tally> {
    let Some(mut tallies) = table.table("tally") else {
        return BTreeMap::new();
    };
    let mut made = BTreeMap::new();
    for name in tallies.keys() {
        if !is_name(&name) {
            tallies.fault(&name, NAME_RULE);
        }
        let Some(mut one) = tallies.table(&name) else {
            continue;
        };
        let label = one.need_label("label");
        let of = one.need_text("of", "total, code, present or abnormal");
        let path = one.text("path").map(|path| Path::parse(&path));
        let of = match (of.as_str(), path) {
            ("total", None) => TallyOf::Total,
            ("abnormal", None) => TallyOf::Abnormal,
            ("present", Some(path)) => TallyOf::Present(path),
            ("code", Some(path)) => {
                if !matches!(
                    path.scalar(fields),
                    None | Some(Type::Code(_) | Type::Codes(_))
                ) {
                    one.fault(
                        "path",
                        "must lead to a field or member of type code or codes",
                    );
                }
                TallyOf::Code(path)
            }
            ("total" | "abnormal", Some(_)) => {
                one.fault("path", "has no meaning here: take it out");
                TallyOf::Total
            }
            ("code" | "present", None) => {
                one.fault("path", "is missing: field or field.member to count by");
                TallyOf::Total
            }
            (other, _) => {
                if !other.is_empty() {
                    one.fault("of", "must be total, code, present or abnormal");
                }
                TallyOf::Total
            }
        };
        if let TallyOf::Code(path) | TallyOf::Present(path) = &of
            && (!path.exists(fields)
                || matches!(of, TallyOf::Code(_)) && path.scalar(fields).is_none())
        {
            one.fault("path", format!("there is no {path} in this kind"));
        }
        one.finish();
        made.insert(name, Tally { label, of });
    }
    tallies.finish();
    made
}

pub(super) fn search(table: &mut Table<'_>, fields: &[Field]) -> Vec<SearchPath> {
    table
        .tables("search")
        .into_iter()
        .map(|mut one| {
            let purpose = one.need_text("purpose", "such as phone, identity or plate");
            if !purpose.is_empty() && !is_name(&purpose) {
                one.fault("purpose", NAME_RULE);
            }
            let path = Path::parse(&one.need_text("path", "field or field.member to search by"));
            match path.scalar(fields) {
                Some(
                    Type::Phone
                    | Type::Identity { .. }
                    | Type::Plate
                    | Type::Name
                    | Type::CreditCode,
                ) => {}
                Some(Type::Text { .. }) => {}
                Some(_) => one.fault(
                    "path",
                    "only text, name, phone, identity, plate and credit_code can be searched for",
                ),
                None => one.fault("path", format!("there is no scalar {path} in this kind")),
            }
            one.finish();
            SearchPath { purpose, path }
        })
        .collect()
}
