//! The worked exchanges of `docs/protocol.md`, sent to the real server in the order and at the
//! times printed there. What a server is free to choose (hashes of views and grants, heads before
//! the page begins, how much is durable) is learned; all else must be what the page says.

use std::collections::BTreeMap;

use kadian::accounts::Error;
use kadian::clock::Clock;
use kadian::store::devices::{self, DeviceRow};
use kadian::store::trial;
use kadian_tests::cluster::copy_online;
use kadian_tests::http::Answer;
use kadian_tests::lines::bytes;
use kadian_tests::server::{Server, open};
use kadian_tests::{Console, Phone, TestApp};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../docs/protocol.md");
const OPENED: i64 = 1_795_298_400_000;
const RESTORED: i64 = 1_795_393_943_000;
const HOUSEHOLD: &str = "01a1f3c2-1111-7b22-9d31-5a1e3b8c7d02";
const MEMBER: &str = "01a1f3c2-1111-7b22-9d31-5a1e3b8c7d03";

/// An exchange as printed.
#[derive(Debug)]
struct Printed {
    title: String,
    path: String,
    /// The first line of the body, and the others.
    head: Value,
    lines: Vec<Vec<u8>>,
    status: u16,
    reply: Value,
}

fn printed() -> Vec<Printed> {
    let section =
        &PAGE[PAGE.find("\n## Worked exchanges").unwrap()..PAGE.find("\n## Invariants").unwrap()];
    let parts: Vec<&str> = section.split("```").collect();
    let mut found = Vec::new();
    let mut title = String::new();
    let mut number = 0;
    while number < parts.len() {
        if number % 2 == 0 {
            if let Some(bold) = parts[number].split("**").nth(1) {
                bold.clone_into(&mut title);
            }
            number += 1;
            continue;
        }
        let (request, reply) = (parts[number].trim(), parts[number + 2].trim());
        let (first, body) = request.split_once("\n\n").unwrap();
        let (status, document) = reply.split_once("\n\n").unwrap();
        let mut lines = body.lines();
        found.push(Printed {
            title: title.clone(),
            path: first.strip_prefix("POST ").unwrap().to_owned(),
            head: serde_json::from_str(lines.next().unwrap()).unwrap(),
            lines: lines.map(|line| line.as_bytes().to_vec()).collect(),
            status: status.split(' ').next().unwrap().parse().unwrap(),
            reply: serde_json::from_str(document).unwrap(),
        });
        number += 3;
    }
    found
}

/// What the page calls one thing and this server another.
#[derive(Default)]
struct Learned {
    words: BTreeMap<(&'static str, String), Value>,
}

impl Learned {
    /// Takes the server's word for the page's, and holds it to it.
    fn same(&mut self, sort: &'static str, page: &Value, server: &Value) -> bool {
        let known = self
            .words
            .entry((sort, page.to_string()))
            .or_insert_with(|| server.clone());
        known == server
    }

    fn word(&self, sort: &'static str, page: &Value) -> Value {
        self.words
            .get(&(sort, page.to_string()))
            .cloned()
            .unwrap_or_else(|| page.clone())
    }

    /// The head of a request as this server wants it.
    fn translate(&self, head: &Value) -> Value {
        let mut head = head.clone();
        if let Some(grants) = head.get_mut("grants") {
            *grants = self.word("grants", grants);
        }
        for ask in head
            .get_mut("pull")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let scope = ask[0].to_string();
            let cursor = self
                .words
                .get(&("cursor", json!([scope, ask[1]]).to_string()));
            if let Some(cursor) = cursor.cloned() {
                ask[1] = cursor;
            }
            ask[2] = self.word("view", &ask[2]);
        }
        head
    }

    /// Every place at which the server says something else than the page.
    fn compare(&mut self, page: &Value, server: &Value, at: &str, differences: &mut Vec<String>) {
        match (page, server) {
            (Value::Object(wanted), Value::Object(got)) => {
                for name in wanted
                    .keys()
                    .chain(got.keys().filter(|name| !wanted.contains_key(*name)))
                {
                    let (a, b) = (&page[name], &server[name]);
                    let here = format!("{at}.{name}");
                    let same = match name.as_str() {
                        "durable" | "request" | "detail" => true,
                        // Without load: the usual time, spread over a tenth.
                        "next_in" => match (a.as_u64(), b.as_u64()) {
                            (Some(page), Some(server)) => {
                                (page..=page + page / 10).contains(&server)
                            }
                            (page, server) => page == server,
                        },
                        "view" => self.same("view", a, b),
                        "grants" => a.is_string() == b.is_string() && self.same("grants", a, b),
                        "cursor" => {
                            let scope = page["scope"].to_string();
                            self.same("cursor", &json!([scope, a]), b)
                        }
                        _ => {
                            self.compare(a, b, &here, differences);
                            true
                        }
                    };
                    if !same {
                        differences.push(format!("{here}: the page {a}, the server {b}"));
                    }
                }
            }
            (Value::Array(wanted), Value::Array(got)) if wanted.len() == got.len() => {
                // In which order the records of one push come, or places, is the server's choice.
                let sorted = |list: &[Value]| {
                    let mut list: Vec<Value> = list.to_vec();
                    list.sort_by_key(|one| (one["record"].to_string(), one["place"].to_string()));
                    list
                };
                for (number, (a, b)) in sorted(wanted).iter().zip(&sorted(got)).enumerate() {
                    self.compare(a, b, &format!("{at}[{number}]"), differences);
                }
            }
            _ if page == server => {}
            _ => differences.push(format!("{at}: the page {page}, the server {server}")),
        }
    }
}

/// The kinds of the page are laxer than those that come with the program.
fn lax(toml: &str) -> String {
    let mut text = toml.replacen("version = 1", "version = 2", 1);
    for (from, to) in [
        ("\nrequired = true\n", "\n"),
        (", required = true", ""),
        ("\nmissing = \"flag\"\n", "\n"),
    ] {
        text = text.replace(from, to);
    }
    while let Some(at) = text.find("required_unless") {
        let end = at + text[at..].find('}').unwrap() + 1;
        let end = end
            + text[end..]
                .find([',', '\n', ' '])
                .filter(|_| text[end..].starts_with(", "))
                .map_or(0, |_| 2);
        text.replace_range(at..end, "");
    }
    text.replace("missing = \"flag\", ", "")
        .replace(", missing = \"flag\"", "")
}

/// A phone with the number that the page gives it.
fn enrol_as(server: &Server, login: &str, number: i64) -> Phone {
    let user = server.town.user(login);
    let hash = [u8::try_from(number % 251).unwrap(); 32];
    let row = DeviceRow::fresh(
        number - 1,
        number - 1,
        user.0,
        &hash,
        "before",
        server.now(),
    );
    server
        .app
        .store
        .write::<_, Error>(|c| Ok(devices::restore(c, &row)?))
        .unwrap();
    let phone = Phone::enrol(server, login);
    assert_eq!(i64::from(phone.number), number);
    phone
}

fn line(stamp: &str, set: Value) -> Value {
    json!({"era": 1, "schema": 7, "stamp": stamp, "kind": "household", "record": HOUSEHOLD, "set": set})
}

/// The district of the page as it stands when the page begins.
fn begin() -> (Server, Phone, Phone, Console) {
    let mut server = TestApp::new().at(OPENED).start();
    let app = std::sync::Arc::clone(&server.app);
    for (code, level, name) in [
        ("S17", "checkpoint", "东收费站卡点"),
        ("S18", "checkpoint", "西收费站卡点"),
        ("0731", "grid", "第三十一网格"),
        ("0732", "grid", "第三十二网格"),
    ] {
        let above = if level == "grid" { "V2" } else { "V1" };
        server.town.found(&app, code, above, level, name);
    }
    for number in 12..=23 {
        let login = format!("u{number}");
        let user = server.town.hire(
            &app,
            &login,
            "volunteer",
            if number == 17 || number == 23 {
                "S17"
            } else {
                "S3"
            },
        );
        assert_eq!(user.to_string(), login);
    }
    for (login, grid) in [("u17", "0731"), ("u17", "0732"), ("u23", "0731")] {
        server.town.give(&app, login, "grid_leader", grid);
    }
    let mut admin = Console::sign_in(&server, "admin");
    let toml = [("content-type", "application/toml")];
    let mut kinds = vec![lax(include_str!(
        "../../sync-protocol/kinds/registration.toml"
    ))];
    kinds.extend((2..7).map(|number| format!("name = \"extra{number}\"\nversion = 1\nlabel = {{ zh = \"另\", en = \"Extra\" }}\nscope = {{ parent = \"household\" }}\nwriters = [\"grid_leader\"]\n[retention]\ndays = 30\npurpose = {{ zh = \"试\", en = \"Trial\" }}\nbasis = {{ zh = \"试\", en = \"Trial\" }}\n[readers.officer]\ndefault = \"full\"\n[[field]]\nname = \"dogs\"\ntype = \"integer\"\nlabel = {{ zh = \"犬\", en = \"Dogs\" }}\n")));
    for kind in kinds {
        let added = admin.call_raw("POST", "/v1/kinds", &toml, kind.as_bytes());
        assert_eq!(added.status, 200, "{}", added.text());
    }
    let policy = include_str!("../../sync-protocol/kinds/policy.toml");
    for version in 2..=12 {
        let text = policy.replacen("version = 1", &format!("version = {version}"), 1);
        let added = admin.call_raw("POST", "/v1/policy", &toml, text.as_bytes());
        assert_eq!(added.status, 200, "{}", added.text());
    }
    server.app.clock.set(1_795_306_400_000);
    let mut mate = enrol_as(&server, "u23", 77_001);
    // Twelve writes make the household's revision what the page says, with its first and last time.
    let first = json!({"address": {"text": "三号楼 2-401"}, format!("members/{MEMBER}"): {"name": "李静"}, "phone": "13700000001"});
    let mut create = line("01a1f3c4e3110000", first);
    create["stamp"] = json!(format!("{:012x}0000", 1_795_090_944_273_i64));
    create["scope"] = json!("grid:0731");
    let mut lines = vec![create];
    for number in 1..=11_i64 {
        let ms = 0x01a1_ffd2_0c11_i64 - (11 - number);
        lines.push(line(
            &format!("{ms:012x}0000"),
            json!({"phone": "13700000000"}),
        ));
    }
    let mut stranger = json!({"era": 1, "schema": 7, "stamp": "01a200981de00000", "kind": "registration", "record": "01a20088-1de0-7c33-8a41-0f5a6b7c8d03", "scope": "checkpoint:S17"});
    stranger["set"] = json!({"disposition": "passed", "person": {"name": "张伟"}});
    lines.push(stranger);
    let reply = mate.sync(&bytes(&lines), &Value::Null).json();
    assert!(
        reply["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .all(|v| v["verdict"] == "applied"),
        "{reply}"
    );
    let phone = enrol_as(&server, "u17", 77_632);
    let chief = Console::sign_in(&server, "chief");
    (server, mate, phone, chief)
}

/// What happens in between, which the page tells in words.
fn meanwhile(title: &str, server: &mut Server, mate: &mut Phone, chief: &mut Console) {
    match title {
        "Every verdict." => {
            server.app.clock.set(0x01a2_00b1_a9e2 + 1000);
            let mut edit = line("01a200b1a9e20000", json!({"phone": "13622222222"}));
            edit["base"] = json!(OPENED + 12);
            edit["saw"] = json!("01a200a80cf2000000012f40");
            let reply = mate.sync(&bytes(&[edit]), &Value::Null);
            assert_eq!(
                reply.json()["verdicts"][0]["verdict"],
                "applied",
                "{}",
                reply.text()
            );
        }
        "A household moves with its visits." => {
            let moved = chief.post(
                &format!("/v1/records/household/{HOUSEHOLD}/move"),
                &json!({"to": "grid:0732"}),
            );
            assert_eq!(moved.json(), json!({"moved": 2}), "{}", moved.text());
        }
        "A grid is reassigned." => {
            let handed = chief.post(
                "/v1/assignments",
                &json!({"user": "u20", "area": "0731", "instead_of": "u17", "revoke": true}),
            );
            assert!(handed.status < 300, "{}", handed.text());
        }
        _ => {}
    }
}

#[test]
fn every_worked_exchange_of_the_protocol_page_is_what_the_server_does() {
    let (mut server, mut mate, mut phone, mut chief) = begin();
    let mut learned = Learned::default();
    let mut differences = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let mut copy = String::new();
    let all = printed();
    let count = all.len();
    assert!(count >= 15, "{count}");
    let mut before = String::new();
    for exchange in all {
        let title = exchange.title.clone();
        if title != before {
            // A session lasts a quarter of an hour, and the page takes longer.
            if [
                "A household moves with its visits.",
                "A grid is reassigned.",
            ]
            .contains(&title.as_str())
            {
                server
                    .app
                    .clock
                    .set(exchange.reply["now"].as_i64().unwrap() - 1000);
                chief = Console::sign_in(&server, "chief");
            }
            meanwhile(&title, &mut server, &mut mate, &mut chief);
            if title == "A push that asks for nothing." {
                let url = &server.app.config.database.url;
                copy = copy_online(url, &folder.path().join("copy.sqlite"));
            }
            if title == "The server was restored" {
                server = restore(server, &copy);
                phone.client = server.client();
            }
        }
        let now = exchange.reply["now"]
            .as_i64()
            .or_else(|| Some(exchange.head["now"].as_i64()? + 827));
        if let Some(now) = now {
            server.app.clock.set(now);
        }
        let head = learned.translate(&exchange.head);
        let answer = if exchange.path == "/v1/sync" {
            phone
                .post(&kadian_tests::phone::body(&head, &exchange.lines))
                .unwrap()
        } else {
            // The next number is what the page says.
            let row = DeviceRow::fresh(77_636, 77_636, 16, &[5; 32], "before", server.now());
            server
                .app
                .store
                .write::<_, Error>(|c| Ok(devices::restore(c, &row)?))
                .unwrap();
            enrol(&mut phone, &head)
        };
        let mut here = Vec::new();
        if answer.status != exchange.status {
            here.push(format!(
                "status: the page {}, the server {}",
                exchange.status, answer.status
            ));
        }
        learned.compare(&exchange.reply, &answer.json(), "", &mut here);
        if !here.is_empty() {
            eprintln!("{}", answer.text());
            differences.push(format!("{title}\n  {}", here.join("\n  ")));
        }
        before = title;
    }
    println!(
        "exchanges of docs/protocol.md: {count} replayed against the server, {} differ",
        differences.len()
    );
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn enrol(phone: &mut Phone, head: &Value) -> Answer {
    let bearer = format!("Bearer {}", phone.token);
    let headers = [
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
    ];
    phone
        .client
        .ask("POST", "/v1/enrol", &headers, head.to_string().as_bytes())
        .unwrap()
}

/// A server on an older copy of the database; keys and ledger are newer than it.
fn restore(server: Server, copy: &str) -> Server {
    let town = server.town.clone();
    let (old, folder) = (server.give_up(), tempfile::tempdir().unwrap());
    let url = trial::copy(copy, &folder.path().join("kadian.sqlite")).unwrap();
    for file in ["kadian.keys", "kadian.sqlite.ledger", "kadian.ledger"] {
        let kept = old.path().join(file);
        if kept.exists() {
            std::fs::copy(kept, folder.path().join(file)).unwrap();
        }
    }
    let settings = [("database.url".to_owned(), url)];
    let app = open(folder.path(), &settings, Clock::manual(RESTORED));
    Server::serve(app, town, folder)
}
