//! A thousand generated bad bodies and what becomes of them, through the whole server side.

use super::tests::gzip;
use super::*;
use crate::clock::Clock;
use crate::http::route::{Route, post};
use crate::http::{problem, service_of};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A document with one of everything that a body of ours may hold.
#[derive(Deserialize)]
struct Sample {
    name: String,
    #[serde(default)]
    temperature: Option<i64>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    more: BTreeMap<String, Value>,
}

async fn take(Json(sample): Json<Sample>) -> String {
    let counted = sample.tags.len() + sample.more.len() + sample.temperature.iter().count();
    format!("{} {counted}", sample.name.len())
}

const TABLE: &[Route] = &[post("/sample", "A trial", |r| r.to(take))];

/// A small generator of bytes, the same for the same seed.
pub(super) struct Noise(pub(super) u64);

impl Iterator for Noise {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Some((self.0 >> 56) as u8)
    }
}

impl Noise {
    fn below(&mut self, most: usize) -> usize {
        let number = self
            .take(4)
            .fold(0, |number, byte| number << 8 | usize::from(byte));
        number % most.max(1)
    }
}

struct Bad {
    what: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// One bad body; which sort it is depends on the number, the rest on the noise.
fn generate(number: usize, noise: &mut Noise) -> Bad {
    let good =
        br#"{"name":"someone","temperature":365,"tags":["a","b"],"more":{"x":{"y":[1,2,3]}}}"#;
    let typed = |kind: &str| vec![("content-type", kind.to_owned())];
    let json = || typed(JSON);
    let packed = || [json(), vec![("content-encoding", "gzip".to_owned())]].concat();
    let cut = |bytes: &[u8], noise: &mut Noise| bytes[..noise.below(bytes.len())].to_vec();
    let bad = |what, headers, body| Bad {
        what,
        headers,
        body,
    };
    match number % 24 {
        0 => bad("truncated JSON", json(), cut(good, noise)),
        1 => bad("truncated gzip", packed(), cut(&gzip(good), noise)),
        2 => {
            let mut body = good.to_vec();
            let at = noise.below(body.len());
            body[at] = 0x80 | noise.below(128) as u8;
            bad("a byte that is not UTF-8", json(), body)
        }
        3 => {
            let mut body = good.to_vec();
            body.insert(noise.below(body.len()), 0);
            bad("a NUL", json(), body)
        }
        4 => {
            let depth = 17 + noise.below(100_000);
            let open = if noise.below(2) == 0 { "[" } else { "{\"a\":" };
            let most = LIMITS.sent / open.len();
            bad(
                "deep nesting",
                json(),
                open.repeat(depth.min(most)).into_bytes(),
            )
        }
        5 => bad(
            "a bomb",
            packed(),
            gzip(&vec![b'['; (1 << 20) + noise.below(8 << 20)]),
        ),
        6 => bad("a bomb in a bomb", packed(), gzip(&gzip(&vec![0; 4 << 20]))),
        7 => bad(
            "too many bytes",
            json(),
            vec![b' '; LIMITS.sent + 1 + noise.below(LIMITS.sent)],
        ),
        8 => {
            let digits = "9".repeat(1 + noise.below(2000));
            let body = format!(
                "{{\"name\":\"x\",\"temperature\":{digits}e{}}}",
                noise.below(100_000)
            );
            bad("a huge number", json(), body.into_bytes())
        }
        9 => {
            let values = [
                "1.5",
                "-0.0",
                "\"365\"",
                "[]",
                "{}",
                "true",
                "1e400",
                "18446744073709551616",
                "9223372036854775808",
            ];
            let value = values[noise.below(values.len())];
            bad(
                "another type",
                json(),
                format!("{{\"name\":\"x\",\"temperature\":{value}}}").into_bytes(),
            )
        }
        10 => bad("nothing", json(), Vec::new()),
        11 => {
            let kinds = [
                "text/plain",
                "",
                "application/xml",
                "application/json; charset=utf-16",
                "multipart/form-data",
                "application/jsonx",
                "application/x-ndjson",
            ];
            bad(
                "another content type",
                typed(kinds[noise.below(kinds.len())]),
                good.to_vec(),
            )
        }
        12 => {
            let encodings = [
                "br",
                "zstd",
                "deflate",
                "gzip, gzip",
                "identity, gzip",
                "compress",
            ];
            let encoding = encodings[noise.below(encodings.len())].to_owned();
            bad(
                "another encoding",
                [json(), vec![("content-encoding", encoding)]].concat(),
                good.to_vec(),
            )
        }
        13 => {
            let length = noise.below(10_000) + good.len() + 1;
            bad(
                "a length that lies",
                [json(), vec![("content-length", length.to_string())]].concat(),
                good.to_vec(),
            )
        }
        14 => {
            let wide = |unit: u16| unit.to_be_bytes();
            let body = String::from_utf8_lossy(good)
                .encode_utf16()
                .flat_map(wide)
                .collect();
            bad("UTF-16", json(), body)
        }
        15 => bad(
            "a byte order mark",
            json(),
            [&b"\xef\xbb\xbf"[..], good].concat(),
        ),
        16 => bad(
            "bytes after gzip",
            packed(),
            [gzip(good), noise.take(9).collect()].concat(),
        ),
        17 => bad("plain bytes as gzip", packed(), good.to_vec()),
        18 => {
            let mut body = gzip(good);
            let at = noise.below(body.len() - 10) + 10;
            body[at] ^= 1 << noise.below(8);
            bad("a flipped bit in gzip", packed(), body)
        }
        19 => {
            let count = 1 + noise.below(1000);
            bad("noise", json(), noise.take(count).collect())
        }
        20 => {
            let count = 1 + noise.below(1000);
            bad("noise as gzip", packed(), noise.take(count).collect())
        }
        21 => {
            let surrogate =
                ["\\ud800", "\\udc00x", "\\ud800\\ud800", "\\u12", "\\x41"][noise.below(5)];
            bad(
                "a broken escape",
                json(),
                format!("{{\"name\":\"{surrogate}\"}}").into_bytes(),
            )
        }
        22 => {
            let shapes = [
                "[]",
                "null",
                "1",
                "\"x\"",
                "{}",
                "[{\"name\":\"x\"}]",
                "{\"name\":null}",
                "{\"name\":[]}",
                "{\"name\":\"x\",\"tags\":{}}",
                "{\"name\":\"x\",\"more\":[1]}",
            ];
            bad(
                "another shape",
                json(),
                shapes[noise.below(shapes.len())].as_bytes().to_vec(),
            )
        }
        _ => bad("two documents", json(), [&good[..], b" ", good].concat()),
    }
}

#[actix_web::test]
async fn i15_generated_bad_bodies_are_refused_with_a_problem_and_never_a_fault() {
    // KADIAN_TRIES=100000 tries more of them.
    let tries = std::env::var("KADIAN_TRIES")
        .ok()
        .and_then(|text| text.parse().ok());
    let tries: usize = tries.unwrap_or(1200);
    let app = App::trial(Clock::manual(crate::clock::BUILD)).unwrap();
    let service = init_service(service_of(&app, TABLE)).await;
    let before = resident_kib();
    let mut noise = Noise(20_261_122);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..tries {
        let Bad {
            what,
            headers,
            body,
        } = generate(number, &mut noise);
        let mut request = TestRequest::post().uri("/sample").set_payload(body);
        for header in headers {
            request = request.insert_header(header);
        }
        let reply = call_service(&service, request.to_request()).await;
        let status = reply.status().as_u16();
        let kind = reply.headers().get("content-type").cloned();
        let text = read_body(reply).await;
        if what == "a flipped bit in gzip" && text == "7 4" {
            // A bit between the data and its checksum that means nothing.
            *counted.entry("harmless".to_owned()).or_default() += 1;
            continue;
        }
        assert!(
            (400..500).contains(&status),
            "number {number}, {what}: {status}"
        );
        assert_eq!(
            kind.unwrap(),
            "application/problem+json",
            "number {number}, {what}"
        );
        let document: Value = serde_json::from_slice(&text).unwrap();
        let code = document["code"].as_str().unwrap().to_owned();
        assert!(
            problem::section(&code).is_some(),
            "number {number}, {what}: {code}"
        );
        assert!(
            document["detail"].is_string(),
            "number {number}, {what}: {document}"
        );
        assert!(
            !String::from_utf8_lossy(&text).contains("someone"),
            "{document}"
        );
        *counted.entry(code).or_default() += 1;
    }
    assert_eq!(app.bodies.taken(), 0, "all memory for bodies is free again");
    let rise = resident_kib().saturating_sub(before);
    assert!(rise < 64 * 1024, "memory rose by {rise} KiB");
    assert!(counted.len() >= 9, "{counted:?}");
    println!("{tries} bad bodies refused, 0 faults: {counted:?}");

    let good = TestRequest::post()
        .uri("/sample")
        .insert_header(("content-type", "Application/JSON; charset=\"UTF-8\""))
        .insert_header(("content-encoding", "gzip"))
        .set_payload(gzip(
            b"{\"name\":\"someone\",\"name\":\"else\",\"tags\":[\"a\"]}",
        ));
    let reply = call_service(&service, good.to_request()).await;
    assert_eq!(read_body(reply).await, "4 1");
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
