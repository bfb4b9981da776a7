//! From bytes to a value: encoding, nesting, shape. Refusals name line and column and the rule,
//! and never quote the document, which may hold somebody's name.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::http::problem::{self, Problem};

/// Parses one JSON document. Of members with the same name the last one counts.
pub fn parse<T: DeserializeOwned>(bytes: &[u8], depth: usize) -> Result<T, Problem> {
    let text = utf8(bytes)?;
    if let Some(offset) = too_deep(bytes, depth) {
        let (line, column) = place(bytes, offset);
        return Err(Problem::new(problem::BODY_DEPTH)
            .detail(format!("Nesting may be {depth} deep."))
            .with("limit", depth)
            .with("offset", offset)
            .with("line", line)
            .with("column", column));
    }
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) if error.to_string().starts_with("duplicate field") => {
            let value: serde_json::Value = serde_json::from_str(text).map_err(|e| refuse(&e))?;
            serde_json::from_value(value).map_err(|error| refuse(&error))
        }
        Err(error) => Err(refuse(&error)),
    }
}

/// Parses one JSON object. serde by itself would also take a list of its members' values. No text of
/// it may hold U+0000, which not every database can look for; the fields of a record are judged
/// one by one instead.
pub fn object<T: DeserializeOwned>(bytes: &[u8], depth: usize) -> Result<T, Problem> {
    let value = parse(bytes, depth)?;
    if let Some(offset) = nul(bytes) {
        let (line, column) = place(bytes, offset);
        return Err(Problem::new(problem::BODY_JSON)
            .detail("U+0000 may stand in no text.")
            .with("line", line)
            .with("column", column));
    }
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::new(problem::BODY_JSON)
            .detail("An object is expected here, not a list.")
            .with("line", 1)
            .with("column", 1));
    }
    Ok(value)
}

/// Text, or where it stops being text.
pub fn utf8(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        return Err(Problem::new(problem::BODY_UTF8)
            .detail("Leave out the byte order mark at the beginning.")
            .with("offset", 0));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let (line, column) = place(bytes, offset);
        Problem::new(problem::BODY_UTF8)
            .detail("Encode the body as UTF-8.")
            .with("offset", offset)
            .with("line", line)
            .with("column", column)
    })
}

/// The offset of the first bracket that is nested deeper than `most`, found without parsing.
pub fn too_deep(bytes: &[u8], most: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for (offset, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > most {
                    return Some(offset);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The offset of the first U+0000 in a string. As a byte it is no JSON; so it is written as an escape.
fn nul(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes.iter().enumerate();
    while let Some((offset, byte)) = rest.next() {
        if *byte != b'\\' {
            continue;
        }
        if bytes.get(offset + 1..offset + 6) == Some(b"u0000") {
            return Some(offset);
        }
        // What is escaped begins no escape.
        rest.next();
    }
    None
}

fn refuse(error: &serde_json::Error) -> Problem {
    let detail = match error.classify() {
        Category::Eof => "The JSON ends too early.".to_owned(),
        Category::Syntax | Category::Io => "This is not JSON.".to_owned(),
        Category::Data => format!(
            "{} The description of the API says what is expected.",
            rule(error)
        ),
    };
    let problem = Problem::new(problem::BODY_JSON).detail(detail);
    if error.line() == 0 {
        return problem;
    }
    problem
        .with("line", error.line())
        .with("column", error.column())
}

/// The part of the message that comes from our own types: the name of a missing member, or what
/// was expected. What was found instead is left out.
fn rule(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(text, _)| text);
    if text.starts_with("missing field `") {
        return format!("There is a {text}.");
    }
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("Something else stands where there should be {expected}."),
        None => "A member has a value that is not allowed.".to_owned(),
    }
}

/// Line and column, counted in bytes from 1.
fn place(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    (line, offset - start + 1)
}
