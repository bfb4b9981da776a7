//! Texts that have broken other systems, in every place where a text is taken.

use kadian_tests::lines::{Pen, bytes};
use kadian_tests::{Console, Phone, TestApp};
use serde_json::{Value, json};

use crate::bodies::Tried;

#[test]
fn s10_five_hundred_injections_in_every_text_of_searches_and_lists_find_nothing_and_break_nothing()
{
    let server = TestApp::new().start();
    let mut pen = Pen::new(10);
    let mut phone = Phone::enrol(&server, "grid.one");
    let lines: Vec<Value> = (0..5)
        .map(|n| pen.household(server.now(), "grid:G1", n))
        .collect();
    phone.sync(&bytes(&lines), &Value::Null);
    let mut console = Console::sign_in(&server, "chief");
    let mut admin = Console::sign_in(&server, "admin");
    let payloads = payloads();
    assert!(payloads.len() >= 500, "{}", payloads.len());
    let mut tried = Tried::default();
    let (mut rows, mut requests) = (0, 0);
    for payload in &payloads {
        for name in [
            "phone", "identity", "plate", "area", "scope", "from", "to", "after", "purpose",
        ] {
            let mut search = json!({"phone": "13999999999"});
            if name == "identity" || name == "plate" {
                search = json!({});
            }
            search[name] = json!(payload);
            let answer = console.post("/v1/records/household/search", &search);
            tried.answered(&format!("{name} {payload:?}"), &answer);
            requests += 1;
            rows += answer.json()["rows"].as_array().map_or(0, Vec::len);
        }
        let encoded: String = payload.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!("/v1/areas?under={encoded}"),
            format!("/v1/areas?level={encoded}"),
            format!("/v1/areas?after={encoded}"),
            format!("/v1/assignments?area={encoded}"),
            format!("/v1/assignments?role={encoded}"),
            format!("/v1/assignments?user={encoded}"),
            format!("/v1/parked?state={encoded}"),
            format!("/v1/alerts?state={encoded}"),
            format!("/v1/alerts?after={encoded}"),
            format!("/v1/conflicts?after={encoded}"),
            format!("/v1/users?after={encoded}"),
            format!("/v1/records/{encoded}/01a20088-0ebf-7a11-8c21-6f0f2a9d4b01"),
            format!("/v1/records/household/{encoded}"),
            format!("/v1/tallies?area={encoded}"),
            format!("/v1/tallies?area=999999&day={encoded}"),
        ] {
            // Keyset cursors of lists order by text: what stands after a payload may be real rows.
            let answer = if path.contains("after=") {
                admin.get(&path)
            } else {
                console.get(&path)
            };
            tried.answered(&path, &answer);
            requests += 1;
            if !path.contains("after=") && answer.status == 200 {
                rows += answer.json()["rows"].as_array().map_or(0, Vec::len);
            }
        }
    }
    println!(
        "injections: {} payloads, {requests} requests, 5xx 0, rows beyond the oracle {rows}, {:?}",
        payloads.len(),
        tried.codes
    );
    assert_eq!(rows, 0);
}

/// Texts that have broken other systems, each by itself and in disguises.
fn payloads() -> Vec<String> {
    let roots = [
        "'",
        "''",
        "\"",
        "`",
        "\\",
        "\\'",
        "';--",
        "' OR '1'='1",
        "' OR 1=1 --",
        "\" OR \"\"=\"",
        "') OR ('1'='1",
        "1 OR 1=1",
        "'; DROP TABLE record; --",
        "1; DELETE FROM record",
        "' UNION SELECT * FROM account --",
        "' UNION ALL SELECT NULL,NULL,NULL --",
        "x' AND 1=(SELECT COUNT(*) FROM sqlite_master) --",
        "'||(SELECT password FROM account)||'",
        "%",
        "_",
        "%%%",
        "a%' --",
        "[a-z]",
        "*",
        "?",
        "$1",
        ":1",
        "@x",
        "\u{0}",
        "a\u{0}b",
        "'\u{0}",
        "%00",
        "/*",
        "*/",
        "/**/OR/**/1=1",
        "'/**/--",
        "#",
        "--",
        ";",
        "()",
        "{}",
        "[]",
        "{{7*7}}",
        "${7*7}",
        "pg_sleep(5)",
        "'; SELECT pg_sleep(5) --",
        "' AND randomblob(100000000) --",
        "load_extension('x')",
        "ATTACH DATABASE 'x' AS y",
        "0x27",
        "CHAR(39)",
        "=1+1",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "..%2f..",
        "' OR name LIKE '%a%",
        "'; VACUUM; --",
        "1)) OR ((1=1",
        "' COLLATE NOCASE --",
        "X'41'",
        "' GLOB '*",
        "row_number() over ()",
        "';PRAGMA writable_schema=1;--",
        "NULL",
        "null",
        "true",
        "undefined",
        "NaN",
        "1e400",
        "9999999999999999999999",
        "\r\nX-Header: 1",
        "\n",
        "\u{202e}",
        "\u{feff}",
    ];
    let disguises: [fn(&str) -> String; 9] = [
        |text| text.chars().rev().collect(),
        str::to_owned,
        |text| format!("999999{text}"),
        |text| format!("{text}G1"),
        |text| text.to_uppercase() + " ",
        |text| text.replace(' ', "/**/"),
        |text| text.replace('\'', "\u{2019}"),
        |text| text.repeat(3),
        |text| format!("13800000000{text}"),
    ];
    let mut all: Vec<String> = roots
        .iter()
        .flat_map(|root| disguises.iter().map(|disguise| disguise(root)))
        .collect();
    all.extend([1_000, 5_000].map(|length| "'".repeat(length)));
    all.extend((0..32_u8).map(|control| format!("G1{}", char::from(control))));
    all.sort();
    all.dedup();
    all
}
