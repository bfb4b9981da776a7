//! The shapes of bodies and replies, each written as an example from which the schema in
//! `/openapi.json` is made. A member whose name ends in `?` may be missing.
//!
//! A line: name, what it is, an example in JSON.

pub const SHAPES: &[(&str, &str, &str)] = &[
    (
        "Area",
        "A node of the area tree; `path` is the codes from the top",
        r#"{"code":"G111","parent":"V11","level":"grid","name":"一号网格","path":"/9999/999999/T1/V11/G111/","timezone":null,"valid_from":null,"valid_until":null}"#,
    ),
    (
        "AreaChange",
        "What changes of a node; `null` takes away",
        r#"{"name?":"一号网格","timezone?":"Asia/Urumqi","valid_from?":1795298400000,"valid_until?":1795298400000}"#,
    ),
    (
        "Areas",
        "A page of the area tree, in the order of paths",
        r#"{"rows":[{"code":"G111","parent":"V11","level":"grid","name":"一号网格","path":"/9999/999999/T1/V11/G111/","timezone":null,"valid_from":null,"valid_until":null}],"next?":"/9999/999999/T1/V11/G111/"}"#,
    ),
    (
        "AssignmentChange",
        "When it runs out",
        r#"{"until":1795298400000}"#,
    ),
    ("AssignmentMade", "Its number", r#"{"assignment":5}"#),
    (
        "Assignments",
        "A page of roles held, by number",
        r#"{"rows":[{"assignment":5,"user":"u17","role":"grid_leader","area":"G111","from":1795298400000,"until":null,"revoked_at":null,"made_by":"u2","made_at":1795298400000}],"next?":5}"#,
    ),
    (
        "Device",
        "A phone in one person's hands",
        r#"{"device":1000,"line":1000,"user":"u17","state":"active","name":"phone","enrolled_at":1795298400000,"seen_at":1795307467950,"ack":413,"durable":380}"#,
    ),
    (
        "DeviceChange",
        "`active`, `push_only` (revoked: what it still holds is kept) or `blocked`",
        r#"{"state":"push_only"}"#,
    ),
    (
        "Devices",
        "A page of phones, by number",
        r#"{"rows":[{"device":1000,"line":1000,"user":"u17","state":"active","name":"phone","enrolled_at":1795298400000,"seen_at":1795307467950,"ack":413,"durable":380}],"next?":1000}"#,
    ),
    (
        "Enrol",
        "With a code; or without one, showing the old token, when two copies of a phone have parted. `token_hash` is SHA-256 over the text of the token that the phone chose",
        r#"{"code?":"7Q2M-K4ZP-0C9X-V1TN-W6HD-3RJ8-B5YE","token_hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","name?":"phone"}"#,
    ),
    (
        "Enrolled",
        "The number of the device and of its line",
        r#"{"device":1000,"line":1000,"user":"u17"}"#,
    ),
    (
        "Enrolment",
        "A code, shown this once; as a QR code its text is the code",
        r#"{"code":"7Q2M-K4ZP-0C9X-V1TN-W6HD-3RJ8-B5YE","user":"u17","expires_at":1795298400000}"#,
    ),
    (
        "NewArea",
        "A node to be",
        r#"{"code":"G111","parent":"V11","level":"grid","name":"一号网格","timezone?":"Asia/Shanghai","valid_from?":1795298400000,"valid_until?":1795298400000}"#,
    ),
    (
        "NewAssignment",
        "A role to be given; `instead_of` hands a grid over from that person, and `revoke` then also ends their late work",
        r#"{"user":"u17","area":"G111","role?":"grid_leader","from?":1795298400000,"until?":1795298400000,"instead_of?":"u9","revoke?":false}"#,
    ),
    (
        "NewEnrolment",
        "For whom, and for how long the code is good",
        r#"{"user":"u17","minutes?":10}"#,
    ),
    (
        "NewUser",
        "An account to be, with its first role; without a password it is for phones only",
        r#"{"login":"wang.wei","name":"王伟","role":"grid_leader","area":"G111","password?":"correct horse battery","from?":1795298400000,"until?":1795298400000}"#,
    ),
    (
        "NewUserMade",
        "The account and its first assignment",
        r#"{"user":"u17","assignment":5}"#,
    ),
    (
        "Session",
        "A token, good for 15 minutes; it can be renewed for 12 hours",
        r#"{"token":"eyJ0eXAi","token_type":"Bearer","expires_in":900,"expires_at":1795298400000,"user":{"user":"u17","login":"wang.wei","name":"王伟"}}"#,
    ),
    (
        "SignIn",
        "Login and password",
        r#"{"login":"wang.wei","password":"correct horse battery"}"#,
    ),
    (
        "User",
        "An account",
        r#"{"user":"u17","login":"wang.wei","name":"王伟","active":true,"has_password":true,"created_at":1795298400000}"#,
    ),
    (
        "UserChange",
        "What changes of an account; one's own password asks for the current one",
        r#"{"name?":"王伟","active?":false,"password?":"correct horse battery","current_password?":"another good horse"}"#,
    ),
    (
        "Users",
        "A page of accounts, by number",
        r#"{"rows":[{"user":"u17","login":"wang.wei","name":"王伟","active":true,"has_password":true,"created_at":1795298400000}],"next?":17}"#,
    ),
    (
        "Whoami",
        "The session, and the roles held now",
        r#"{"user":{"user":"u17","login":"wang.wei","name":"王伟"},"since":1795298400000,"expires_at":1795298400000,"assignments":[{"assignment":5,"user":"u17","role":"grid_leader","area":"G111","from":1795298400000,"until":null,"revoked_at":null,"made_by":"u2","made_at":1795298400000}]}"#,
    ),
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
