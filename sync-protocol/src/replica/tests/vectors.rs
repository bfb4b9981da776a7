//! Runs `vectors/replica-*.json`: one case per rule, as a list of inputs and what each must lead
//! to. They are written for any language; `vectors/replica.md` says how to read them.
//!
//! With `KADIAN_BLESS=1` the expectations are written anew, `"$mark:7"` in an input becoming the
//! mark of change 7: to be read by a person before it is committed.

use serde_json::{Map, Value, json};

use crate::replica::{Action, Answer, Draft, Enrolled, Moment, Proof, Refused, Replica, Step};

#[test]
fn every_vector_leads_to_what_it_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors");
    let bless = std::env::var_os("KADIAN_BLESS").is_some();
    let mut cases = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("replica-") && name.ends_with(".json")
        })
        .collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut case: Value = serde_json::from_str(&text).unwrap();
        run(&mut case, bless, &path.display().to_string());
        if bless {
            let text = serde_json::to_string_pretty(&case).unwrap() + "\n";
            std::fs::write(&path, text).unwrap();
        }
        cases += 1;
    }
    assert!(cases >= 10, "the vectors are missing");
}

fn run(case: &mut Value, bless: bool, name: &str) {
    let mut replica = Replica::new();
    for (index, step) in case["steps"].as_array_mut().unwrap().iter_mut().enumerate() {
        if bless {
            fill_marks(step, &replica);
        }
        let outcome = perform(&mut replica, step);
        // Whatever is stored is what is read again.
        let stored = serde_json::to_string(&replica).unwrap();
        assert_eq!(serde_json::from_str::<Replica>(&stored).unwrap(), replica);
        if bless {
            step["expect"] = outcome;
        } else {
            assert_eq!(
                outcome, step["expect"],
                "{name}, step {index}: {}",
                step["do"]
            );
        }
    }
}

fn fill_marks(value: &mut Value, replica: &Replica) {
    match value {
        Value::String(text) => {
            if let Some(seq) = text.strip_prefix("$mark:") {
                *text = replica.mark_of(seq.parse().unwrap()).unwrap().to_string();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_marks(item, replica)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|item| fill_marks(item, replica)),
        _ => {}
    }
}

fn perform(replica: &mut Replica, step: &Value) -> Value {
    let moment = Moment {
        wall: step["wall"].as_i64().unwrap_or_default(),
        mono: step["mono"].as_i64().unwrap_or_default(),
    };
    let random = random(step["random"].as_str().unwrap_or_default());
    let attempt = step["attempt"].as_u64().unwrap_or(replica.pace.attempt);
    let text = match &step["body"] {
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let answer = step["status"].as_u64().map(|status| Answer {
        status: u16::try_from(status).unwrap(),
        retry_after: step["retry_after"]
            .as_u64()
            .map(|n| u32::try_from(n).unwrap()),
        body: text.as_bytes(),
    });
    match step["do"].as_str().unwrap() {
        "wake" => {
            replica.wake(moment);
            Value::Null
        }
        "tick" => {
            replica.tick(moment);
            Value::Null
        }
        "loaded" => {
            let version = |name: &str| u32::try_from(step[name].as_u64().unwrap()).unwrap();
            replica.loaded(version("schema"), version("policy"));
            Value::Null
        }
        "enrol" => {
            replica.enrol(step["code"].as_str().unwrap(), &random);
            Value::Null
        }
        "enrolled" => {
            let enrolled: Enrolled = serde_json::from_value(step["body"].clone()).unwrap();
            json!(replica.enrolled(attempt, enrolled, moment))
        }
        "enrol_failed" => json!(replica.enrol_failed(attempt, answer.as_ref(), moment, &random)),
        "capture" => {
            let draft: Draft = serde_json::from_value(step["draft"].clone()).unwrap();
            captured(replica.capture(&draft, moment))
        }
        "edit" => {
            let record = step["record"].as_str().unwrap().parse().unwrap();
            let set = serde_json::from_value(step["set"].clone()).unwrap();
            let draft = replica.draft(record, set).unwrap();
            captured(replica.capture(&draft, moment))
        }
        "next" => action(replica.next(moment)),
        "hear" => json!(replica.hear(attempt, answer.as_ref(), moment, &random)),
        "apply" => {
            let which: Step = serde_json::from_value(step["step"].clone()).unwrap();
            let reply = serde_json::from_value(step["body"].clone()).unwrap();
            replica.apply(which, &reply, moment);
            Value::Null
        }
        "lose" => {
            replica.lose(step["entry"].as_u64().unwrap());
            Value::Null
        }
        "dismiss" => json!(replica.dismiss(step["entry"].as_u64().unwrap())),
        "look" => look(replica, moment),
        other => panic!("no such step: {other}"),
    }
}

/// The bytes of a hex text, and zeros after them.
fn random(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        if let Some(pair) = text.get(at * 2..at * 2 + 2) {
            *byte = u8::from_str_radix(pair, 16).unwrap();
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
        } => {
            let text = String::from_utf8(body).unwrap();
            let (envelope, lines) = text
                .strip_suffix('\n')
                .unwrap()
                .split_once('\n')
                .map_or((text.trim_end(), Vec::new()), |(envelope, lines)| {
                    (envelope, lines.split('\n').collect())
                });
            json!({ "action": "send", "attempt": attempt, "token": token.reveal(),
                "envelope": envelope, "lines": lines, "may_compress": may_compress })
        }
        Action::Enrol {
            attempt,
            token_hash,
            proof,
            knew,
            knew_mark,
        } => {
            let (name, text) = match &proof {
                Proof::Code(code) => ("code", code.as_str()),
                Proof::Token(token) => ("token", token.reveal()),
            };
            let mut made =
                json!({ "action": "enrol", "attempt": attempt, "token_hash": token_hash });
            made[name] = json!(text);
            if name == "token" {
                made["knew"] = json!(knew);
                made["knew_mark"] = json!(knew_mark);
            }
            made
        }
        Action::AskForCode { until } => json!({ "action": "ask_for_code", "until": until }),
        Action::Blocked { until } => json!({ "action": "blocked", "until": until }),
        Action::Wait { until } => json!({ "action": "wait", "until": until }),
        Action::Busy { attempt } => json!({ "action": "busy", "attempt": attempt }),
    }
}

/// What a person could see, and where numbering and cursors stand.
fn look(replica: &Replica, moment: Moment) -> Value {
    let (packed, ack, settled, durable) = replica.numbers();
    let views: Map<String, Value> = replica
        .views()
        .into_iter()
        .map(|view| {
            let shown = json!({ "standing": view.standing, "scope": view.scope,
                "seen": view.seen, "fields": view.fields });
            (view.record.to_string(), shown)
        })
        .collect();
    let attention: Vec<Value> = replica
        .needs_attention()
        .into_iter()
        .map(|trouble| {
            json!({ "entry": trouble.entry, "record": trouble.record, "kind": trouble.kind,
                "verdict": trouble.verdict, "code": trouble.code, "path": trouble.path,
                "fields": trouble.fields })
        })
        .collect();
    let holdings: Map<String, Value> = replica
        .holdings
        .iter()
        .map(|(scope, held)| {
            let shown = json!({ "cursor": held.cursor, "more": held.more,
                "complete": held.complete, "again": held.again, "count": held.count,
                "digest": held.digest });
            (scope.to_string(), shown)
        })
        .collect();
    let access = match replica.access() {
        crate::replica::Access::NeedsCode => "needs_code",
        crate::replica::Access::Enrolling { .. } => "enrolling",
        crate::replica::Access::Enrolled => "enrolled",
        crate::replica::Access::Blocked => "blocked",
    };
    json!({ "unsent": replica.unsent(), "kept": replica.kept(),
        "packed": packed, "ack": ack, "settled": settled, "durable": durable,
        "device": replica.identity().map(|own| own.device),
        "access": access, "era": replica.eras.era, "offsets": replica.eras.offsets,
        "views": views, "attention": attention, "holdings": holdings,
        "fault": replica.fault(), "last_contact": replica.last_contact(),
        "all_sent_all_current": replica.all_sent_all_current(moment) })
}
