//! Every vector of the checks R1–R13. The files are language-neutral: a case has a `value`, and
//! either what it is `refused` for or its `normalised` form and its `warnings`.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use chrono::NaiveDate;
use serde_json::{Value, json};
use sync_protocol::check::{self, Checked, Outcome};

type Read = Result<(Value, Vec<&'static str>), &'static str>;

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/vectors/check-{name}.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(cases.len() > 4, "{name} has hardly a case");
    cases
}

fn run(name: &str, read: impl Fn(&Value) -> Read) {
    for case in cases(name) {
        let expected: Read = match case["refused"].as_str() {
            Some(_) => Err(""),
            None => Ok((case["normalised"].clone(), Vec::new())),
        };
        match (read(&case), expected) {
            (Ok((normalised, warnings)), Ok((wanted, _))) => {
                assert_eq!(
                    (normalised, json!(warnings)),
                    (wanted, case["warnings"].clone()),
                    "{name}: {case}"
                );
            }
            (Err(refused), Err(_)) => {
                assert_eq!(Some(refused), case["refused"].as_str(), "{name}: {case}")
            }
            (read, _) => panic!("{name}: {case} was read as {read:?}"),
        }
    }
}

fn told<T>(outcome: Outcome<T>, normalised: impl Fn(&T) -> Value) -> Read {
    match outcome {
        Ok(Checked { value, warnings }) => Ok((normalised(&value), warnings)),
        Err(refused) => Err(refused.0),
    }
}

fn text(case: &Value) -> &str {
    case["value"].as_str().unwrap()
}

fn today(case: &Value) -> Option<NaiveDate> {
    case["today"].as_str().map(|day| day.parse().unwrap())
}

#[test]
fn r1_resident_numbers() {
    run("resident-id", |case| {
        let outcome = check::ResidentId::parse(text(case), today(case));
        if let (Ok(id), Some(sex)) = (&outcome, case["sex"].as_str()) {
            assert_eq!(
                format!("{:?}", id.value.sex()).to_lowercase(),
                sex,
                "{case}"
            );
            assert_eq!(id.value.birth().to_string(), case["birth"], "{case}");
        }
        told(outcome, |id| json!(id.normalised()))
    });
}

#[test]
fn r1_to_r4_documents_by_their_type() {
    run("document", |case| {
        let of = case["document"].as_str().and_then(check::DocumentType::of);
        told(check::Document::parse(text(case), of, today(case)), |id| {
            json!(id.normalised())
        })
    });
}

#[test]
fn r4_check_digits_of_a_machine_readable_zone() {
    for case in cases("mrz") {
        let digit = check::passport::mrz_check_digit(case["field"].as_str().unwrap());
        assert_eq!(json!(digit), case["digit"], "{case}");
    }
}

#[test]
fn r5_telephones() {
    run("phone", |case| {
        told(check::Phone::parse(text(case)), |phone| {
            json!(phone.normalised())
        })
    });
}

#[test]
fn r6_plates() {
    run("plate", |case| {
        told(check::Plate::parse(text(case)), |plate| {
            json!(plate.normalised())
        })
    });
}

#[test]
fn r7_area_codes() {
    run("area-code", |case| {
        let parse = if case["level"] == "any" {
            check::AreaCode::parse_prefix
        } else {
            check::AreaCode::parse
        };
        told(parse(text(case)), |code| json!(code.normalised()))
    });
}

#[test]
fn r8_credit_codes() {
    run("credit-code", |case| {
        told(check::CreditCode::parse(text(case)), |code| {
            json!(code.normalised())
        })
    });
}

#[test]
fn r9_names() {
    run("name", |case| {
        told(check::Name::parse(text(case)), |name| {
            json!(name.normalised())
        })
    });
}

#[test]
fn r10_temperatures() {
    run("temperature", |case| {
        let outcome = match &case["value"] {
            Value::String(text) => check::Temperature::read(text),
            number => check::Temperature::from_tenths(number.as_i64().unwrap()),
        };
        told(outcome, |temperature| json!(temperature.tenths()))
    });
}

#[test]
fn r11_codes() {
    run("code", |case| {
        told(
            check::code::parse(text(case), check::code::HEALTH_CODES),
            |code| json!(code),
        )
    });
}

#[test]
fn r12_moments() {
    run("time", |case| {
        let outcome = match &case["value"] {
            Value::String(text) => check::time::Moment::parse(text),
            number => Ok(check::time::Moment::from_millis(number.as_i64().unwrap())),
        };
        told(outcome, |moment| json!(moment.millis()))
    });
}

#[test]
fn r12_dates() {
    run("date", |case| {
        let outcome = check::date::Date::parse(text(case), case["partial"] == true);
        told(outcome, |_| case["value"].clone())
    });
}

#[test]
fn r13_texts() {
    run("text", |case| {
        let max = case["max"]
            .as_u64()
            .map_or(check::text::DEFAULT_MAX_CHARS, |max| {
                usize::try_from(max).unwrap()
            });
        told(check::text::parse(text(case), max), |text| json!(text))
    });
}

#[test]
fn r13_any_value_of_any_field() {
    for case in cases("value") {
        let outcome = match serde_json::from_str::<Value>(case["json"].as_str().unwrap()) {
            Err(_) => Some("json"),
            Ok(value) => check::value::check(&value).err().map(|refused| refused.0),
        };
        assert_eq!(json!(outcome), case["refused"], "{case}");
    }
}
