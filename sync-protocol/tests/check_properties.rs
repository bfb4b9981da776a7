//! What must hold of the checks for every value, not only for those somebody thought of.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sync_protocol::check::{
    AreaCode, CreditCode, Document, Name, Phone, Plate, ResidentId, Temperature, code, credit_code,
    date, resident_id, text, time, value,
};

/// A right number of area 999999, which is never issued.
fn resident() -> impl Strategy<Value = String> {
    (1900u32..2026, 1u32..=12, 1u32..=28, 1u32..=999).prop_map(|(year, month, day, sequence)| {
        let body = format!("999999{year}{month:02}{day:02}{sequence:03}");
        let check = resident_id::check_digit(body.as_bytes()).unwrap();
        format!("{body}{}", char::from(check))
    })
}

fn credit() -> impl Strategy<Value = String> {
    "91999999[0-9A-HJ-NPQRTUWXY]{9}".prop_map(|body| {
        let check = credit_code::check_character(body.as_bytes()).unwrap();
        format!("{body}{}", char::from(check))
    })
}

/// Every text that differs in one character of the alphabet, and every swap of two unequal neighbours.
fn slips(text: &str, alphabet: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut slips = Vec::new();
    for at in 0..chars.len() {
        for other in alphabet.chars().filter(|other| *other != chars[at]) {
            let mut slip = chars.clone();
            slip[at] = other;
            slips.push(slip.iter().collect());
        }
        if at + 1 < chars.len() && chars[at] != chars[at + 1] {
            let mut slip = chars.clone();
            slip.swap(at, at + 1);
            slips.push(slip.iter().collect());
        }
    }
    slips
}

proptest! {
    #[test]
    fn r1_every_single_slip_and_neighbour_swap_of_a_resident_number_is_detected(id in resident()) {
        prop_assert!(ResidentId::parse(&id, None).is_ok());
        for slip in slips(&id, "0123456789X") {
            prop_assert!(ResidentId::parse(&slip, None).is_err(), "{} passes for {}", slip, id);
        }
    }

    #[test]
    fn r1_fifteen_digits_are_found_by_eighteen(id in resident()) {
        prop_assume!(&id[6..8] == "19");
        let short = format!("{}{}", &id[..6], &id[8..17]);
        let long = ResidentId::parse(&short, None).unwrap().value;
        prop_assert_eq!(long.normalised(), id.as_str());
        prop_assert!(long.is_legacy());
    }

    #[test]
    fn r8_every_single_slip_of_a_credit_code_is_detected(code in credit()) {
        prop_assert!(CreditCode::parse(&code).is_ok());
        let chars: Vec<char> = code.chars().collect();
        for at in 0..chars.len() {
            for other in "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().filter(|other| *other != chars[at]) {
                let mut slip = chars.clone();
                slip[at] = other;
                let slip: String = slip.iter().collect();
                prop_assert!(CreditCode::parse(&slip).is_err(), "{} passes for {}", slip, code);
            }
        }
    }

    #[test]
    fn no_text_makes_a_check_panic(text in any::<String>(), partial in any::<bool>()) {
        let _ = ResidentId::parse(&text, None);
        let _ = Document::parse(&text, None, None);
        let _ = Phone::parse(&text);
        let _ = Plate::parse(&text);
        let _ = AreaCode::parse(&text);
        let _ = CreditCode::parse(&text);
        let _ = Name::parse(&text);
        let _ = Temperature::read(&text);
        let _ = time::Moment::parse(&text);
        let _ = date::Date::parse(&text, partial);
        let _ = code::parse(&text, ["green"]);
        let _ = text::parse(&text, 10);
    }

    #[test]
    fn normalising_twice_is_normalising_once(text in "[0-9+ HMXx豫Pp·.０-９A-Za-z-]{1,20}") {
        if let Ok(one) = Plate::parse(&text) {
            let again = Plate::parse(one.value.normalised()).unwrap();
            prop_assert_eq!(again.value, one.value);
        }
        if let Ok(one) = Phone::parse(&text) {
            let again = Phone::parse(one.value.normalised()).unwrap();
            prop_assert_eq!(again.value.normalised(), one.value.normalised());
        }
        if let Ok(one) = Name::parse(&text) {
            let again = Name::parse(one.value.normalised()).unwrap();
            prop_assert_eq!(again.value, one.value);
        }
        if let Ok(one) = Document::parse(&text, None, None) {
            let again = Document::parse(one.value.normalised(), None, None).unwrap();
            prop_assert_eq!(again.value.normalised(), one.value.normalised());
        }
    }

    #[test]
    fn every_reading_of_a_thermometer_is_read_back(tenths in 250i64..=450) {
        let typed = format!("{}.{}", tenths / 10, tenths % 10);
        prop_assert_eq!(Temperature::read(&typed).unwrap().value.tenths(), tenths);
        prop_assert_eq!(Temperature::read(&typed.replace('.', ",")).unwrap().value.tenths(), tenths);
    }

    #[test]
    fn integers_pass_exactly_where_every_language_agrees(n in any::<i64>()) {
        let sound = value::check(&serde_json::json!(n)).is_ok();
        prop_assert_eq!(sound, n.unsigned_abs() <= 9_007_199_254_740_991);
    }
}
