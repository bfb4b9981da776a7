//! Bad bodies: whatever comes, the server says what is wrong and where, and goes on. Never a 5xx,
//! never a panic, and its memory stays bounded.

use std::collections::BTreeMap;

use kadian::clock::Clock;
use kadian::demo::chance::Chance;
use kadian_tests::http::{Answer, gzip};
use kadian_tests::lines::{Pen, bytes};
use kadian_tests::phone::body;
use kadian_tests::process::{Process, free_port, peak_kib};
use kadian_tests::server::open;
use kadian_tests::{Client, Phone, Town};
use serde_json::{Value, json};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const GZIP: (&str, &str) = ("content-encoding", "gzip");

/// Counts what was tried and what came of it.
#[derive(Default)]
pub(crate) struct Tried {
    pub(crate) count: usize,
    pub(crate) codes: BTreeMap<String, usize>,
}

impl Tried {
    /// A refusal with a problem document; for faults of an envelope one that names the place.
    pub(crate) fn refused(&mut self, what: &str, answer: &Answer) {
        self.count += 1;
        let code = answer.code();
        assert!(
            (400..500).contains(&answer.status) && code.is_some(),
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
        let (code, document) = (code.unwrap(), answer.json());
        match code.as_str() {
            "envelope" if document.get("count").is_none() => assert!(
                document["line"] == 1
                    && document["column"].is_u64()
                    && document["detail"].is_string(),
                "{what}: {document}"
            ),
            "body_json" | "body_utf8" | "body_gzip" | "body_depth" | "body_inflated" => {
                assert!(document["detail"].is_string(), "{what}: {document}")
            }
            _ => {}
        }
        *self.codes.entry(code).or_default() += 1;
    }

    /// Whatever it was, nothing of the server's broke: a 200 or a refusal with its document.
    pub(crate) fn answered(&mut self, what: &str, answer: &Answer) {
        if (200..300).contains(&answer.status) {
            self.count += 1;
            *self.codes.entry("2xx".to_owned()).or_default() += 1;
        } else {
            self.refused(what, answer);
        }
    }
}

/// A request of a phone that nothing is known of: fifteen hundred different ones leave it as it is.
fn small() -> Vec<u8> {
    br#"{"protocol":1,"epoch":0,"now":1795306567123,"era":3,"eras":{"3":827},"schema":1,"policy":0,"grants":"","from":1,"after":"","pull":[["checkpoint:S1@2026-11-22",0,"","0000000000000000"]],"limit":500}"#.to_vec()
}

#[test]
fn i15_bad_bodies_are_refused_with_the_place_and_never_break_anything_and_memory_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let codes: Vec<String> = {
        let app = open(folder.path(), &[], clock.clone());
        let town = Town::build(&app);
        (0..2).map(|_| town.code(&app, "volunteer")).collect()
    };
    let mut process = Process::start(folder.path(), free_port(), &[]);
    process.ready();
    let mut phone = Phone::enrol_with(&process.address, &codes[0], clock.clone());
    let mut tried = Tried::default();
    let before = process.resident_kib();

    let good = small();
    assert_eq!(phone.post(&good).unwrap().status, 200);
    // Cut off after every byte.
    for length in 0..good.len() {
        let answer = phone.post(&good[..length]).unwrap();
        tried.refused(&format!("cut at {length}"), &answer);
    }
    // A byte that is not UTF-8, NUL, a quote, a bracket at every place.
    for at in 0..=good.len() {
        for byte in [0xff, 0xc0, 0, b'{', b'"'] {
            let mut bad = good.clone();
            bad.insert(at, byte);
            let answer = phone.post(&bad).unwrap();
            // Within a text, a quote or bracket may leave an envelope behind it.
            tried.answered(&format!("{byte} at {at}"), &answer);
        }
    }
    // Cut and damaged gzip.
    let packed = gzip(&good);
    assert_eq!(
        phone.post_with(&[NDJSON, GZIP], &packed).unwrap().status,
        200
    );
    for length in 0..packed.len() {
        let answer = phone.post_with(&[NDJSON, GZIP], &packed[..length]).unwrap();
        tried.refused(&format!("gzip cut at {length}"), &answer);
    }
    for at in 0..packed.len() {
        let mut bad = packed.clone();
        bad[at] ^= 0x55;
        let answer = phone.post_with(&[NDJSON, GZIP], &bad).unwrap();
        // Some bytes of a gzip header mean nothing.
        tried.answered(&format!("gzip damaged at {at}"), &answer);
    }
    // Every member, with every wrong type and every huge number; and every required one left out.
    let envelope: Value = serde_json::from_slice(&good).unwrap();
    let wrong = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!([]),
        json!({}),
        json!([[]]),
        json!([1]),
        json!({"x": "y"}),
        json!(u64::MAX),
        json!(1e300),
        json!(9_007_199_254_740_993_u64),
        json!("\u{0}"),
        json!("王伟"),
    ];
    let huge = [
        "1e400",
        "-0",
        "18446744073709551616",
        "99999999999999999999999999",
        "1E+2",
        "01",
        "NaN",
        "1.0",
    ];
    for name in envelope.as_object().unwrap().keys() {
        for value in &wrong {
            let mut bad = envelope.clone();
            bad[name] = value.clone();
            let answer = phone.post(bad.to_string().as_bytes()).unwrap();
            tried.answered(&format!("{name} is {value}"), &answer);
            assert!(!answer.text().contains("王伟"));
            if ["protocol", "now", "era", "from", "pull", "eras"].contains(&name.as_str())
                && (value.is_string() || value.is_boolean())
            {
                assert_eq!(
                    answer.code().as_deref(),
                    Some("envelope"),
                    "{name} is {value}"
                );
            }
        }
        for number in huge {
            let mut bad = envelope.clone();
            bad[name] = json!("@");
            let bad = bad.to_string().replace("\"@\"", number);
            let answer = phone.post(bad.as_bytes()).unwrap();
            tried.answered(&format!("{name} is {number}"), &answer);
        }
        let mut bad = envelope.clone();
        bad.as_object_mut().unwrap().remove(name);
        let answer = phone.post(bad.to_string().as_bytes()).unwrap();
        if ["protocol", "now", "era", "from", "after"].contains(&name.as_str()) {
            tried.refused(&format!("without {name}"), &answer);
            assert!(
                answer.text().contains(&format!("`{name}`")),
                "{}",
                answer.text()
            );
        } else {
            assert_eq!(answer.status, 200, "without {name}: {}", answer.text());
        }
    }
    // Whole bodies of the wrong sort.
    let utf16: Vec<u8> = String::from_utf8(good.clone())
        .unwrap()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let deep = [
        b"[".repeat(100_000),
        b"{\"a\":".repeat(40_000),
        b"[".repeat(17),
    ];
    let mut whole = vec![
        ("nothing", Vec::new()),
        ("a BOM", [b"\xef\xbb\xbf", good.as_slice()].concat()),
        ("UTF-16", utf16.clone()),
        ("UTF-16 with BOM", [b"\xff\xfe", utf16.as_slice()].concat()),
        ("two envelopes", [good.as_slice(), good.as_slice()].concat()),
        ("noise", (0..=255).collect()),
        ("NULs", vec![0; 5000]),
        ("line ends", vec![b'\n'; 400]),
        ("HTML", b"<html></html>".to_vec()),
        ("a form", b"a=1&b=2".to_vec()),
        (
            "501 changes",
            [good.as_slice(), &b"\n{}".repeat(501)].concat(),
        ),
        ("two line ends first", [b"\n\n", good.as_slice()].concat()),
        ("65 scopes", {
            let mut bad = envelope.clone();
            bad["pull"] = (0..65).map(|_| envelope["pull"][0].clone()).collect();
            bad.to_string().into_bytes()
        }),
        ("too large", vec![b' '; 262_145]),
        ("far too large", vec![b'x'; 1_000_000]),
        ("from 0", {
            let mut bad = envelope.clone();
            bad["from"] = json!(0);
            bad.to_string().into_bytes()
        }),
        ("from 2 after nothing", {
            let mut bad = envelope.clone();
            bad["from"] = json!(2);
            bad.to_string().into_bytes()
        }),
    ];
    whole.extend(deep.map(|body| ("deep", body)));
    for (what, bad) in &whole {
        tried.refused(what, &phone.post(bad).unwrap());
    }
    // Bombs: far beyond what may come out, ten times, also within each other.
    for megabytes in [2, 8, 64] {
        for byte in [0, b'[', b' ', b'\n'] {
            let bomb = gzip(&vec![byte; megabytes << 20]);
            tried.refused("a bomb", &phone.post_with(&[NDJSON, GZIP], &bomb).unwrap());
            tried.refused(
                "a bomb in a bomb",
                &phone.post_with(&[NDJSON, GZIP], &gzip(&bomb)).unwrap(),
            );
            tried.refused(
                "bombs in a row",
                &phone
                    .post_with(&[NDJSON, GZIP], &[gzip(b"x"), bomb].concat())
                    .unwrap(),
            );
        }
    }
    // Types and encodings.
    for kind in [
        "text/plain",
        "application/xml",
        "application/x-ndjson2",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=x",
        "",
        "/",
    ] {
        tried.refused(
            kind,
            &phone.post_with(&[("content-type", kind)], &good).unwrap(),
        );
    }
    for encoding in [
        "br",
        "zstd",
        "deflate",
        "gzip, gzip",
        "identity, gzip",
        "compress",
        "gzip;q=1",
    ] {
        tried.refused(
            encoding,
            &phone
                .post_with(&[NDJSON, ("content-encoding", encoding)], &good)
                .unwrap(),
        );
    }
    tried.refused("no type", &phone.post_with(&[], &good).unwrap());
    tried.refused(
        "plain as gzip",
        &phone.post_with(&[NDJSON, GZIP], &good).unwrap(),
    );
    // Who it is.
    for token in [
        "",
        "x",
        "Bearer",
        "Bearer ",
        "Basic eDp5",
        "Bearer 王",
        "bearer 0000",
        &format!("Bearer {}", "f".repeat(64)),
        &format!("Bearer {}", "f".repeat(4000)),
    ] {
        let mut client = Client::new(&process.address);
        let answer = client
            .ask(
                "POST",
                "/v1/sync",
                &[NDJSON, ("authorization", token)],
                &good,
            )
            .unwrap();
        tried.refused("a stranger", &answer);
        assert_eq!(answer.status, 401);
    }
    // Mutations by seed of a request with lines: a verdict or a refusal.
    let mut pen = Pen::new(14);
    let mut chance = Chance::new(20_261_122);
    let mut other = Phone::enrol_with(&process.address, &codes[1], clock);
    let lines: Vec<Value> = (0..3)
        .map(|_| pen.registration(other.clock.now(), "checkpoint:S1"))
        .collect();
    let mut verdicts = BTreeMap::<String, u64>::new();
    let request = body(&other.envelope(), &bytes(&lines));
    // What is no HTTP at all is cut off, without anything being said about it in JSON.
    for head in [
        "POST /v1/sync HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        "POST /v1/sync HTTP/1.1\r\ncontent-type: \u{7f}\r\n\r\n",
        "\0\r\n\r\n",
        "POST\r\n\r\n",
        "POST /v1/sync HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
    ] {
        let answer = Client::new(&process.address)
            .patience(std::time::Duration::from_secs(8))
            .send(head.as_bytes());
        tried.count += 1;
        assert!(
            answer
                .as_ref()
                .is_ok_and(|answer| (400..500).contains(&answer.status)),
            "{head:?}: {answer:?}"
        );
    }
    let tries = std::env::var("KADIAN_TRIES")
        .ok()
        .and_then(|text| text.parse().ok());
    let good_lines = bytes(&lines);
    for number in 0..tries.unwrap_or(1500) {
        // Mostly the lines alone, so that each is numbered rightly and judged; now and then all.
        if number % 4 == 0 {
            let bad = mutate(request.clone(), &mut chance);
            tried.answered(&format!("mutation {number}"), &phone.post(&bad).unwrap());
            continue;
        }
        let bad = mutate(good_lines.join(&b'\n'), &mut chance);
        let bad: Vec<Vec<u8>> = bad
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
            .collect();
        let answer = other.sync(&bad, &Value::Null);
        tried.answered(&format!("mutation {number}"), &answer);
        assert_eq!(answer.status, 200, "mutation {number}: {}", answer.text());
        for verdict in answer.json()["verdicts"].as_array().unwrap() {
            let what = verdict["code"]
                .as_str()
                .or_else(|| verdict["verdict"].as_str())
                .unwrap();
            *verdicts.entry(what.to_owned()).or_default() += verdict["last"]
                .as_u64()
                .unwrap_or(0)
                .saturating_sub(verdict["seq"].as_u64().unwrap())
                + 1;
        }
    }
    let after = process.resident_kib();
    let peak = peak_kib(&process.id().to_string());
    assert_eq!(
        phone.post(&good).unwrap().status,
        200,
        "the server is as it was"
    );
    let metrics = Client::new(&process.address)
        .ask("GET", "/metrics", &[], b"")
        .unwrap()
        .text();
    let panics = metrics
        .lines()
        .find(|line| line.starts_with("kadian_panics"))
        .unwrap_or("no panics")
        .to_owned();
    println!("verdicts on mutated lines: {verdicts:?}");
    println!(
        "bad bodies to /v1/sync: {} tried, 5xx 0, {:?}; memory {before} KiB before, {after} after, {peak} at most; {panics}",
        tried.count, tried.codes
    );
    assert!(!metrics.contains("status=\"5xx\""), "{metrics}");
    assert!(peak < before + 64 * 1024, "memory rose by more than 64 MiB");
}

/// Changes a few places.
fn mutate(mut bytes: Vec<u8>, chance: &mut Chance) -> Vec<u8> {
    for _ in 0..1 + chance.below(4) {
        let at = chance
            .below(bytes.len().max(1))
            .min(bytes.len().saturating_sub(1));
        match chance.below(5) {
            _ if bytes.is_empty() => bytes.push(b'{'),
            0 => bytes[at] = chance.bytes::<1>()[0],
            1 => {
                bytes.remove(at);
            }
            2 => bytes.insert(at, chance.bytes::<1>()[0]),
            3 if chance.percent(20) => bytes.truncate(at.max(1)),
            _ => {
                let end = (at + chance.below(40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}
