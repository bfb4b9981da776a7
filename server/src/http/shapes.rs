//! The shapes of bodies and replies, each written as an example from which the schema in
//! `/openapi.json` is made. A member whose name ends in `?` may be missing.
//!
//! A line: name, what it is, an example in JSON.

pub const SHAPES: &[(&str, &str, &str)] = &[
    (
        "Alive",
        "The process answers",
        r#"{"status":"ok","version":"0.1.0"}"#,
    ),
    (
        "Envelope",
        "The first line of a request; each further line is one change, byte for byte as it was stored",
        r#"{"protocol":1,"epoch?":1795298400000,"now":1795307467123,"era":3,"eras?":{"2":-31536000000},
            "schema?":7,"policy?":12,"grants?":"5e1f","from":412,"after":"9b1c0e55d2a7f810",
            "pull?":[["checkpoint:S17@2026-11-22",1795298400410,"a41c","51ee0c9a2b7d4410"]],"limit?":500}"#,
    ),
    (
        "Limits",
        "What one request may hold; clients keep to it before they send",
        r#"{"changes":500,"change_bytes":16384,"record_bytes":65536,"map_entries":256,
            "body_bytes":262144,"inflated_bytes":1048576,"inflate_ratio":40,"depth":16,
            "least_bytes_per_second":1024,"body_seconds":60,"page_rows":500,"page_bytes":131072,
            "scopes":64,"places":200,"changes_after_failure":32,"bytes_after_failure":32768}"#,
    ),
    (
        "Problem",
        "Why a request was refused (RFC 9457); decide by `code`",
        r#"{"type":"/problems/not_found","title":"There is nothing here.","status":404,
            "code":"not_found","detail?":"What to do about it.","request?":"5f0c2a9b81d3e467"}"#,
    ),
    (
        "Reply",
        "What became of the changes sent, and news of the scopes asked for",
        r#"{"protocol":1,"epoch":1795298400000,"now":1795307467950,"schema":7,"policy":12,"ack":413,
            "ack_mark":"c07d5e11a9b3f244","durable":380,"next_in":300,
            "verdicts?":[{"seq":413,"last?":414,"verdict":"parked","code?":"out_of_scope","path?":"set.person.name",
                "fields?":["phone"],"scope?":"grid:0731"}],
            "dropped?":[{"scope":"grid:0731","reason":"reassigned"}],
            "grants?":"5e1f","places?":[{"place":"grid:0731","name":"A grid","by_day?":true,"roles":["grid_leader"]}],
            "feeds?":[{"scope":"checkpoint:S17@2026-11-22","cursor":1795298400412,"more":false,"reset?":true,
                "view":"a41c","count":388,"digest":"9f3c61d20b77aa05","lease":86400,"own?":[[412,412,1795298400000]],
                "rows?":[{"record":"01a20088-0ebf-7a11-8c21-6f0f2a9d4b01","kind":"registration","rev":1795298400001,
                    "parent?":"01a20088-0ebf-7a11-8c21-6f0f2a9d4b00","stamp":"01a200981de0000000012f40",
                    "time":1795306300000,"clock?":"unknown","by":"u17","set":{"health_code":"green"},
                    "conflicts?":{"phone":[{"value":"13800000000","time":1795306300000,"by":"u18"}]},
                    "abnormal?":["fever"],"flags?":["late"]}],
                "exits?":[{"record":"01a20088-0ebf-7a11-8c21-6f0f2a9d4b02","reason":"moved","to?":"grid:0732"}]}]}"#,
    ),
    (
        "Ready",
        "What the server needs in order to work, and whether it has it",
        r#"{"ready":true,"checks":{"database":true,"migrations":true,"disk":true,"clock":true}}"#,
    ),
];
