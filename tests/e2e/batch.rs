//! One bad change in a batch of fifty harms nobody but itself.

use std::collections::BTreeMap;

use kadian_tests::lines::{Pen, bytes};
use kadian_tests::{Console, Phone, TestApp};
use serde_json::{Value, json};

const SIZE: usize = 50;

/// What a sort of badness is, and what becomes of it.
struct Bad {
    what: &'static str,
    verdict: &'static str,
    code: &'static str,
    path: &'static str,
    line: Vec<u8>,
}

/// Every sort of badness, made from a good change.
fn sorts(good: &Value, stranger: &str) -> Vec<Bad> {
    let bad = |what, code, path, line: Vec<u8>| Bad {
        what,
        verdict: "invalid",
        code,
        path,
        line,
    };
    let with = |pointer: &str, value: Value| {
        let mut change = good.clone();
        match pointer.rsplit_once('.') {
            Some((above, name)) => {
                change
                    .pointer_mut(&format!("/{}", above.replace('.', "/")))
                    .unwrap()[name] = value;
            }
            None => change[pointer] = value,
        }
        change.to_string().into_bytes()
    };
    let without = |pointer: &str| {
        let mut change = good.clone();
        let (above, name) = pointer
            .rsplit_once('.')
            .map_or(("", pointer), |(a, n)| (a, n));
        let above = if above.is_empty() {
            String::new()
        } else {
            format!("/{}", above.replace('.', "/"))
        };
        change
            .pointer_mut(&above)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(name);
        change.to_string().into_bytes()
    };
    let text = good.to_string();
    let swap = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    };
    let mut not_utf8 = text.clone().into_bytes();
    not_utf8.insert(text.find("\"passed\"").unwrap() + 1, 0xff);
    let deep = format!("{}1{}", "[".repeat(17), "]".repeat(17));
    let mut sorts = vec![
        bad("nothing", "json", "", Vec::new()),
        bad("white space", "json", "", b"   ".to_vec()),
        bad("no JSON", "json", "", b"{\"era\":1,".to_vec()),
        bad(
            "half of it",
            "json",
            "",
            text.as_bytes()[..text.len() / 2].to_vec(),
        ),
        bad(
            "two documents",
            "json",
            "",
            format!("{text}{text}").into_bytes(),
        ),
        bad(
            "a byte order mark",
            "json",
            "",
            format!("\u{feff}{text}").into_bytes(),
        ),
        bad("a raw NUL", "json", "", swap("passed", "pas\0sed")),
        bad(
            "a raw control character",
            "json",
            "",
            swap("passed", "pas\tsed"),
        ),
        bad("a broken escape", "json", "", swap("passed", "\\ud800")),
        bad("not UTF-8", "utf8", "", not_utf8),
        bad("noise", "utf8", "", (0x80..=0xff).collect()),
        bad(
            "UTF-16",
            "utf8",
            "",
            "é{}"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .filter(|b| *b != b'\n')
                .collect(),
        ),
        bad(
            "an escaped NUL",
            "nul",
            "set.disposition",
            swap("passed", "pas\\u0000sed"),
        ),
        bad(
            "a NUL in a name",
            "nul",
            "set.person",
            swap("\"phone\"", "\"pho\\u0000ne\""),
        ),
        bad("too deep", "depth", "", swap("\"passed\"", &deep)),
        bad("far too deep", "depth", "", "[".repeat(16_000).into_bytes()),
        bad(
            "too large",
            "size",
            "",
            with("set.lane", json!("x".repeat(16_385))),
        ),
        bad("1e400", "number", "", swap("\"passed\"", "1e400")),
        bad(
            "a fraction",
            "number",
            "set.measurement",
            swap("\"method\":\"forehead\"", "\"recheck\":36.5"),
        ),
        bad(
            "2^53",
            "number",
            "set.lane",
            with("set.lane", json!(9_007_199_254_740_992_i64)),
        ),
        bad(
            "2^64",
            "number",
            "set.lane",
            swap(
                "\"disposition\"",
                "\"lane\":18446744073709551616,\"disposition\"",
            ),
        ),
        bad("a list", "type", "", b"[1,2]".to_vec()),
        bad("a text", "type", "", b"\"x\"".to_vec()),
        bad("null", "type", "", b"null".to_vec()),
        bad("era is a text", "type", "era", with("era", json!("1"))),
        bad(
            "schema is negative",
            "type",
            "schema",
            with("schema", json!(-1)),
        ),
        bad(
            "stamp is no stamp",
            "type",
            "stamp",
            with("stamp", json!("yesterday")),
        ),
        bad(
            "kind is no name",
            "type",
            "kind",
            with("kind", json!("Robert'); --")),
        ),
        bad(
            "record is no UUID",
            "type",
            "record",
            with("record", json!("17")),
        ),
        bad("base is a text", "type", "base", with("base", json!("1"))),
        bad(
            "scope is no place",
            "type",
            "scope",
            with("scope", json!("S1")),
        ),
        bad(
            "whole is a number",
            "type",
            "whole",
            with("whole", json!(1)),
        ),
        bad("set is a list", "type", "set", with("set", json!([]))),
        bad(
            "a field name that is none",
            "type",
            "set",
            with("set.Bad Name", json!(1)),
        ),
        bad(
            "an entry that is no UUID",
            "type",
            "set",
            with("set.itinerary/1", json!({})),
        ),
        bad("no era", "missing", "era", without("era")),
        bad("no record", "missing", "record", without("record")),
        bad("no kind", "missing", "kind", without("kind")),
        bad("no stamp", "missing", "stamp", without("stamp")),
        bad("no set", "missing", "set", without("set")),
        bad("an empty set", "missing", "set", with("set", json!({}))),
        bad(
            "a required field is missing",
            "missing",
            "set.person",
            without("set.person"),
        ),
        bad(
            "a required member is missing",
            "missing",
            "set.person.name",
            without("set.person.name"),
        ),
        bad(
            "a field of another type",
            "wrong_type",
            "set.direction",
            with("set.direction", json!(7)),
        ),
        bad(
            "a member of another type",
            "wrong_type",
            "set.measurement.temperature",
            with("set.measurement.temperature", json!("hot")),
        ),
        bad(
            "an object that is a text",
            "wrong_type",
            "set.person",
            with("set.person", json!("王伟")),
        ),
        bad(
            "an ID number whose check digit is wrong",
            "check_digit",
            "set.person.number",
            with("set.person.number", json!("999999199003070031")),
        ),
        bad("no place", "scope", "scope", without("scope")),
        bad(
            "a place of another level",
            "scope",
            "scope",
            with("scope", json!("grid:G1")),
        ),
        bad("lost", "lost", "", b"{\"lost\":\"storage\"}".to_vec()),
    ];
    for (what, code, line) in [
        (
            "another's place",
            "out_of_scope",
            with("scope", json!("checkpoint:S3")),
        ),
        (
            "a place that is nowhere",
            "out_of_scope",
            with("scope", json!("checkpoint:NOWHERE")),
        ),
        (
            "an unknown kind",
            "unknown_kind",
            with("kind", json!("unicorn")),
        ),
        (
            "a schema of the future",
            "unknown_kind",
            with("schema", json!(4_000)),
        ),
        ("an edit of what is not there", "waiting", {
            let mut change = good.clone();
            change["base"] = json!(1);
            change["saw"] = json!("01a200990ebf000000012f40");
            change.to_string().into_bytes()
        }),
    ] {
        sorts.push(Bad {
            what,
            verdict: "parked",
            code,
            path: "",
            line,
        });
    }
    let mut other = good.clone();
    other["record"] = stranger.into();
    other["kind"] = "household".into();
    sorts.push(bad(
        "the record is of another kind",
        "kind",
        "",
        other.to_string().into_bytes(),
    ));
    sorts
}

#[test]
fn i5_one_bad_change_at_each_position_of_a_batch_leaves_the_other_49_applied_and_is_shown() {
    let server = TestApp::new().start();
    let now = server.now();
    let mut pen = Pen::new(5);
    let mut console = Console::sign_in(&server, "chief");
    let mut phone = Phone::enrol(&server, "volunteer");
    let first = pen.registration(now, "checkpoint:S1");
    phone.sync(&bytes(&[first.clone()]), &Value::Null);
    let stranger = first["record"].as_str().unwrap().to_owned();
    let count = sorts(&first, &stranger).len();
    let positions: Vec<usize> = (0..SIZE).collect();
    let mut batches = 0;
    let mut wrong = BTreeMap::new();
    for sort in 0..count {
        // All positions for a few sorts, and for each sort three; every position meets many.
        for position in positions.iter().copied() {
            if !every_one() && sort % 10 != 0 && (position + sort) % 16 != 0 {
                continue;
            }
            let mut lines: Vec<Value> = (0..SIZE)
                .map(|_| pen.registration(now, "checkpoint:S1"))
                .collect();
            let bad = sorts(&lines[position], &stranger).remove(sort);
            let ids: Vec<String> = lines
                .iter()
                .map(|line| line["record"].as_str().unwrap().to_owned())
                .collect();
            lines[position] = Value::Null;
            let mut lines = bytes(&lines);
            lines[position].clone_from(&bad.line);
            let from = phone.ack + 1;
            let answer = phone.sync(&lines, &Value::Null);
            assert_eq!(
                answer.status,
                200,
                "{} at {position}: {}",
                bad.what,
                answer.text()
            );
            let reply = answer.json();
            assert_eq!(
                reply["ack"],
                from + SIZE as u64 - 1,
                "{} at {position}",
                bad.what
            );
            batches += 1;
            let seq = from + position as u64;
            let verdicts = reply["verdicts"].as_array().unwrap();
            let not_applied: Vec<_> = verdicts
                .iter()
                .filter(|v| v["verdict"] != "applied")
                .collect();
            let expected = json!({"seq": seq, "verdict": bad.verdict, "code": bad.code});
            let mut got = not_applied
                .first()
                .map(|v| (*v).clone())
                .unwrap_or_default();
            let path = got
                .as_object_mut()
                .and_then(|v| v.remove("path"))
                .unwrap_or_default();
            if not_applied.len() != 1
                || got != expected
                || (bad.verdict == "invalid" && path.as_str().unwrap_or("") != bad.path)
            {
                wrong.insert(bad.what, format!("{}: {not_applied:?}", bad.what));
                continue;
            }
            // The other 49 are there.
            if position == sort % SIZE {
                for (number, id) in ids.iter().enumerate() {
                    let found = console
                        .get(&format!("/v1/records/registration/{id}"))
                        .status;
                    assert_eq!(
                        found,
                        if number == position { 404 } else { 200 },
                        "{} {number}",
                        bad.what
                    );
                }
            }
        }
    }
    let wrong: Vec<String> = wrong.into_values().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let parked = console.all("/v1/parked");
    assert_eq!(parked.len(), batches, "all that is kept aside is shown");
    assert!(
        parked
            .iter()
            .all(|row| !row["code"].as_str().unwrap().is_empty())
    );
    println!(
        "one bad change: {count} sorts, {SIZE} positions, {batches} batches, {} others applied, {} shown at /v1/parked",
        batches * (SIZE - 1),
        parked.len()
    );
}

/// KADIAN_TRIES=all tries every sort at every position.
fn every_one() -> bool {
    std::env::var("KADIAN_TRIES").is_ok_and(|tries| tries == "all")
}
