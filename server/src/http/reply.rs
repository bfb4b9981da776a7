//! Packs a reply with gzip where the caller takes it and it is worth it.

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::Write as _;

/// Below this the header costs more than the packing saves.
const WORTH_IT: usize = 200;

/// A reply in JSON that is written and packed beside the threads that serve connections.
#[derive(Debug)]
pub struct Json {
    bytes: Vec<u8>,
    is_packed: bool,
}

impl Json {
    /// Writes it, and packs it where the caller takes that and it is worth it.
    pub fn new(value: &impl Serialize, accepts: bool) -> serde_json::Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        let smaller = accepts.then(|| smaller(&bytes)).flatten();
        Ok(Self {
            is_packed: smaller.is_some(),
            bytes: smaller.unwrap_or(bytes),
        })
    }
}

impl From<Json> for HttpResponse {
    fn from(Json { bytes, is_packed }: Json) -> Self {
        let mut reply = Self::Ok();
        reply.content_type("application/json");
        if is_packed {
            reply
                .insert_header((VARY, "accept-encoding"))
                .insert_header((CONTENT_ENCODING, "gzip"));
        }
        reply.body(bytes)
    }
}

pub fn pack(mut reply: HttpResponse, accepts: bool) -> HttpResponse {
    if reply.headers().contains_key(CONTENT_ENCODING) || !is_text(reply.headers()) {
        return reply;
    }
    reply
        .headers_mut()
        .append(VARY, HeaderValue::from_static("accept-encoding"));
    if !accepts {
        return reply;
    }
    let mut packed = false;
    let mut reply = reply.map_body(|_, body: BoxBody| match body.try_into_bytes() {
        Ok(bytes) => {
            let smaller = smaller(&bytes);
            packed = smaller.is_some();
            smaller.map_or_else(|| BoxBody::new(bytes), BoxBody::new)
        }
        Err(body) => body,
    });
    if packed {
        reply
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    reply
}

/// Whether `Accept-Encoding` names gzip (or anything) with a weight above zero.
pub fn accepts_gzip(headers: &HeaderMap) -> bool {
    let text = headers
        .get_all(ACCEPT_ENCODING)
        .filter_map(|value| value.to_str().ok());
    let mut any = false;
    for item in text.flat_map(|text| text.split(',')) {
        let mut parts = item.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|part| {
            part.strip_prefix("q=")
                .is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0))
        });
        match name.as_str() {
            "gzip" | "x-gzip" => return !refused,
            "*" => any = !refused,
            _ => {}
        }
    }
    any
}

fn is_text(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    essence.starts_with("text/") || essence.contains("json")
}

/// The same bytes packed, where that is worth it.
fn smaller(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() <= WORTH_IT {
        return None;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::new(6));
    encoder.write_all(bytes).ok()?;
    encoder
        .finish()
        .ok()
        .filter(|packed| packed.len() < bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_where_it_is_asked_for() {
        for (header, expected) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("*", true),
            ("*;q=0", false),
            ("*, gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(header));
            assert_eq!(accepts_gzip(&headers), expected, "{header}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
