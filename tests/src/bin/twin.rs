//! Replays histories of a device in the replica of `sync-protocol`, for a client in another language
//! to be compared with. Reads one history a line, a JSON list of steps as in
//! `sync-protocol/vectors/replica.md`, and prints one line for each: what came of every step, and
//! the whole replica after it.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a tool of the tests; a history that cannot be read is to stop it"
)]

use std::io::BufRead as _;

use serde_json::{Value, json};
use sync_protocol::replica::{Action, Answer, Draft, Enrolled, Moment, Proof, Refused, Replica};

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of text");
        let steps: Vec<Value> = serde_json::from_str(&line).expect("a list of steps");
        let mut replica = Replica::new();
        let replayed: Vec<Value> = steps
            .iter()
            .map(|step| {
                let outcome = perform(&mut replica, step);
                json!({ "outcome": outcome, "replica": replica })
            })
            .collect();
        println!("{}", Value::from(replayed));
    }
}

fn perform(replica: &mut Replica, step: &Value) -> Value {
    let moment = Moment {
        wall: step["wall"].as_i64().unwrap_or_default(),
        mono: step["mono"].as_i64().unwrap_or_default(),
    };
    let random = random(step["random"].as_str().unwrap_or_default());
    let attempt = step["attempt"].as_u64().unwrap_or_default();
    let text = match &step["body"] {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let answer = step["status"].as_u64().map(|status| Answer {
        status: u16::try_from(status).expect("a status"),
        retry_after: step["retry_after"]
            .as_u64()
            .map(|n| u32::try_from(n).expect("seconds")),
        body: text.as_bytes(),
    });
    match step["do"].as_str().expect("what to do") {
        "wake" => {
            replica.wake(moment);
            Value::Null
        }
        "tick" => {
            replica.tick(moment);
            Value::Null
        }
        "enrol" => {
            replica.enrol(step["code"].as_str().expect("a code"), &random);
            Value::Null
        }
        "enrolled" => {
            let enrolled: Enrolled =
                serde_json::from_value(step["body"].clone()).expect("an enrolment");
            json!(replica.enrolled(attempt, enrolled, moment))
        }
        "enrol_failed" => json!(replica.enrol_failed(attempt, answer.as_ref(), moment, &random)),
        "capture" => {
            let draft: Draft = serde_json::from_value(step["draft"].clone()).expect("a draft");
            captured(replica.capture(&draft, moment))
        }
        "edit" => {
            let record = step["record"].as_str().and_then(|id| id.parse().ok());
            let set = serde_json::from_value(step["set"].clone()).expect("fields");
            record
                .and_then(|record| replica.draft(record, set))
                .map_or(Value::Null, |draft| {
                    captured(replica.capture(&draft, moment))
                })
        }
        "next" => action(replica.next(moment)),
        "hear" => json!(replica.hear(attempt, answer.as_ref(), moment, &random)),
        "lose" => {
            replica.lose(step["entry"].as_u64().expect("an entry"));
            Value::Null
        }
        "lose_marks" => {
            replica.lose_marks(step["last"].as_u64().expect("a number"));
            Value::Null
        }
        "dismiss" => json!(replica.dismiss(step["entry"].as_u64().expect("an entry"))),
        "hurry" => {
            replica.hurry();
            Value::Null
        }
        "look" => json!({
            "unsent": replica.unsent(), "oldest": replica.oldest_unsent(),
            "proof": replica.all_sent_all_current(moment), "views": replica.views(),
        }),
        other => panic!("no such step: {other}"),
    }
}

/// The bytes of a hex text, and zeros after them.
fn random(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        if let Some(pair) = text.get(at * 2..at * 2 + 2) {
            *byte = u8::from_str_radix(pair, 16).expect("hex");
        }
    }
    bytes
}

fn captured(result: Result<u64, Refused>) -> Value {
    match result {
        Ok(entry) => json!({ "entry": entry }),
        Err(Refused::TooLarge { bytes }) => json!({ "refused": "too_large", "bytes": bytes }),
        Err(Refused::Malformed { code, path }) => json!({ "refused": code, "path": path }),
    }
}

fn action(action: Action) -> Value {
    match action {
        Action::Send {
            attempt,
            token,
            body,
            may_compress,
        } => json!({ "action": "send", "attempt": attempt, "token": token.reveal(),
            "body": String::from_utf8_lossy(&body), "may_compress": may_compress }),
        Action::Enrol {
            attempt,
            token_hash,
            proof,
            knew,
            knew_mark,
        } => {
            let proof = match proof {
                Proof::Code(code) => json!({ "code": code }),
                Proof::Token(token) => json!({ "token": token.reveal() }),
            };
            json!({ "action": "enrol", "attempt": attempt, "token_hash": token_hash,
                "proof": proof, "knew": knew, "knew_mark": knew_mark })
        }
        Action::AskForCode { until } => json!({ "action": "ask_for_code", "until": until }),
        Action::Blocked { until } => json!({ "action": "blocked", "until": until }),
        Action::Wait { until } => json!({ "action": "wait", "until": until }),
        Action::Busy { attempt } => json!({ "action": "busy", "attempt": attempt }),
    }
}
