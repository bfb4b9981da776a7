//! A request as it comes: split at line ends, then its envelope read. What is wrong in a change's
//! line is that change's matter and is found out later.

use super::{Envelope, MAX_CHANGES, MAX_DEPTH, MAX_SCOPES, PROTOCOL};

/// A request's body, split at line ends before anything is parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The first line.
    pub envelope: Envelope,
    /// The changes, byte for byte.
    pub lines: Vec<&'a [u8]>,
}

/// What is wrong with an envelope, or with the body's total size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The first line is no envelope.
    #[error("line 1, column {column}: {what}")]
    Envelope {
        /// Where, from 1.
        column: usize,
        /// What, without repeating what was sent.
        what: String,
    },
    /// Another version of the protocol.
    #[error("protocol {0} is not spoken here; this server speaks 1")]
    Protocol(u32),
    /// Too many changes, or scopes.
    #[error("{count} {what} in one request; at most {most}")]
    TooMany {
        /// `changes` or `scopes`.
        what: &'static str,
        /// How many came.
        count: usize,
        /// The limit.
        most: usize,
    },
}

impl<'a> Request<'a> {
    /// Splits a body and reads its envelope. An empty last line is none; every other line is a change.
    ///
    /// # Errors
    /// If the envelope is at fault, or there are too many lines. What is wrong in a change's
    /// line is that change's matter.
    pub fn parse(body: &'a [u8]) -> Result<Self, BadRequest> {
        let body = body.strip_suffix(b"\n").unwrap_or(body);
        let mut lines = body
            .split(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.next().unwrap_or_default();
        if crate::change::depth(first) > MAX_DEPTH {
            return Err(BadRequest::Envelope {
                column: 1,
                what: format!("nested deeper than {MAX_DEPTH}"),
            });
        }
        let envelope: Envelope =
            serde_json::from_slice(first).map_err(|error| envelope_fault(first, &error))?;
        // serde would also take a list of the members' values.
        if !first.trim_ascii_start().starts_with(b"{") {
            return Err(BadRequest::Envelope {
                column: 1,
                what: "not an object".into(),
            });
        }
        if envelope.protocol != PROTOCOL {
            return Err(BadRequest::Protocol(envelope.protocol));
        }
        let most = crate::MAX_INTEGER.unsigned_abs();
        let cursors = envelope.pull.iter().map(|ask| ask.1);
        let signed = envelope.eras.values().chain([&envelope.now]);
        if cursors
            .chain([envelope.epoch, envelope.from, envelope.era])
            .any(|n| n > most)
            || signed.into_iter().any(|n| n.unsigned_abs() > most)
            || envelope.from == 0
        {
            return Err(BadRequest::Envelope {
                column: 1,
                what: "a number is out of its range (from begins at 1)".into(),
            });
        }
        if (envelope.from == 1) != envelope.after.is_none() {
            return Err(BadRequest::Envelope {
                column: 1,
                what: "`after` is empty when, and only when, `from` is 1".into(),
            });
        }
        let lines: Vec<&[u8]> = lines.collect();
        let too_many = |what, count, most| Err(BadRequest::TooMany { what, count, most });
        if lines.len() > MAX_CHANGES {
            return too_many("changes", lines.len(), MAX_CHANGES);
        }
        if envelope.pull.len() > MAX_SCOPES {
            return too_many("scopes", envelope.pull.len(), MAX_SCOPES);
        }
        Ok(Self { envelope, lines })
    }
}

/// serde_json's messages may repeat what was sent; this keeps the place and the sort of fault.
fn envelope_fault(line: &[u8], error: &serde_json::Error) -> BadRequest {
    let what = match error.classify() {
        serde_json::error::Category::Eof if line.is_empty() => {
            "the body is empty; an envelope is wanted".to_owned()
        }
        serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
        serde_json::error::Category::Syntax if std::str::from_utf8(line).is_err() => {
            "not UTF-8".to_owned()
        }
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let named = text
                .strip_prefix("missing field `")
                .and_then(|rest| rest.split_once('`'));
            named.map_or_else(
                || "a member is of the wrong type".to_owned(),
                |(name, _)| format!("member `{name}` is missing"),
            )
        }
        _ => "not JSON".to_owned(),
    };
    BadRequest::Envelope {
        column: error.column(),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &str = r#"{"protocol":1,"epoch":1795298400000,"now":1795307467123,"era":3,"eras":{"2":-31536000000},"schema":7,"policy":12,"grants":"5e1f","from":412,"after":"9b1c0e55d2a7f810","pull":[["checkpoint:S17@2026-11-22",1795298400410,"a41c","51ee0c9a2b7d4410"]],"limit":500}"#;

    #[test]
    fn a_body_is_split_before_anything_is_parsed() {
        let body = format!("{ENVELOPE}\n{{\"era\":3}}\r\nrubbish\n\n{{}}\n");
        let request = Request::parse(body.as_bytes()).unwrap();
        assert_eq!(request.lines, [&b"{\"era\":3}"[..], b"rubbish", b"", b"{}"]);
        assert_eq!(request.envelope.eras[&2], -31_536_000_000);
        assert_eq!(serde_json::to_string(&request.envelope).unwrap(), ENVELOPE);
    }

    #[test]
    fn a_bad_envelope_is_named_by_place_and_never_repeated() {
        let fault = |body: &str| Request::parse(body.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            fault(""),
            "line 1, column 0: the body is empty; an envelope is wanted"
        );
        assert_eq!(
            fault("{\"protocol\":1"),
            "line 1, column 13: the JSON ends too early"
        );
        assert_eq!(
            fault("{\"protocol\":1,\"now\":1,\"era\":1,\"from\":1}"),
            "line 1, column 39: member `after` is missing"
        );
        assert_eq!(
            fault(r#"[1,0,1,1,{},1,1,"",1,"",[],500]"#),
            "line 1, column 1: not an object"
        );
        assert!(fault(&ENVELOPE.replace("412", "0")).contains("out of its range"));
        assert!(fault(&ENVELOPE.replace("412", "1")).contains("`after` is empty"));
        assert!(fault(&ENVELOPE.replace("\"era\":3", "\"era\":\"王伟\"")).contains("wrong type"));
        assert!(!fault(&ENVELOPE.replace("\"era\":3", "\"era\":\"王伟\"")).contains("王"));
        assert!(
            fault(&ENVELOPE.replace("\"protocol\":1", "\"protocol\":2")).contains("protocol 2")
        );
        assert!(fault(&format!("{ENVELOPE}{}", "\n{}".repeat(501))).contains("501 changes"));
    }
}
