//! The field app at `/app/` and the traveller's card at `/card/`, out of the binary. Their files
//! are built and committed under `server/web/dist`, so that a build needs no Node; names carry no
//! hash, so a browser asks each time and is told "unchanged" by the ETag. The app's service worker
//! asks only when the browser looks for a new version, and then takes all files of it at once.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
};
use actix_web::{HttpRequest, HttpResponse};

use super::problem::{self, Problem};

/// One file of a page. The table is written by the build of the pages.
struct Page {
    path: &'static str,
    media: &'static str,
    /// SHA-256, in hex.
    hash: &'static str,
    bytes: &'static [u8],
}

static PAGES: &[Page] = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/table.rs"));

/// `/app` and `/card`: relative names need the slash.
pub async fn redirect(request: HttpRequest) -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, format!("{}/", request.path())))
        .finish()
}

/// Where a browser that was given only the address should look.
pub async fn front() -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, "/app/"))
        .finish()
}

pub async fn show(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut path = request.path().to_owned();
    if path.ends_with('/') {
        path.push_str("index.html");
    }
    let page = files().get(path.as_str()).ok_or_else(|| {
        Problem::new(problem::NOT_FOUND).detail("/app/ is the field app, /card/ the card.")
    })?;
    let packed = accepts_gzip(&request).then_some(page.packed).flatten();
    // Two forms of one file are two representations: each has a tag of its own.
    let tag = format!(
        "\"{}{}\"",
        &page.of.hash[..32],
        if packed.is_some() { "-gz" } else { "" }
    );
    let mut reply = if is_known(&request, &tag) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    reply
        .insert_header((ETAG, tag.clone()))
        .insert_header((CACHE_CONTROL, "no-cache"));
    if is_known(&request, &tag) {
        return Ok(reply.finish());
    }
    reply.insert_header((CONTENT_TYPE, page.of.media));
    Ok(match packed {
        Some(packed) => reply.insert_header((CONTENT_ENCODING, "gzip")).body(packed),
        None => reply.body(page.of.bytes),
    })
}

/// A file and, where it is worth it, the same compressed.
struct File {
    of: &'static Page,
    packed: Option<&'static [u8]>,
}

/// By path; compressed once, when the first is asked for.
fn files() -> &'static BTreeMap<&'static str, File> {
    static FILES: OnceLock<BTreeMap<&'static str, File>> = OnceLock::new();
    FILES.get_or_init(|| {
        PAGES
            .iter()
            .filter(|page| !page.path.ends_with(".rs"))
            .map(|page| {
                let packed = compress(page.bytes)
                    .filter(|packed| packed.len() < page.bytes.len())
                    .map(|packed| &*Box::leak(packed.into_boxed_slice()));
                (page.path, File { of: page, packed })
            })
            .collect()
    })
}

fn compress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT_ENCODING);
    accepted
        .and_then(|value| value.to_str().ok())
        .is_some_and(|text| {
            text.split(',').any(|coding| {
                let mut parts = coding.split(';').map(str::trim);
                parts.next() == Some("gzip") && parts.next() != Some("q=0")
            })
        })
}

fn is_known(request: &HttpRequest, tag: &str) -> bool {
    request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|shown| {
            shown
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_is_in_the_binary_whole() {
        for name in ["/app/index.html", "/app/index.js", "/app/sw.js"] {
            assert!(files().contains_key(name), "{name} is missing");
        }
    }

    #[test]
    fn a_page_loads_nothing_from_elsewhere_and_holds_no_script_of_its_own() {
        for page in PAGES.iter().filter(|page| page.path.ends_with(".html")) {
            let text = std::str::from_utf8(page.bytes).unwrap();
            assert!(
                !text.contains("http://") && !text.contains("https://"),
                "{}",
                page.path
            );
            for script in text.split("<script").skip(1) {
                let (head, body) = script.split_once('>').unwrap();
                assert!(head.contains("src=\"./"), "{}: {head}", page.path);
                assert!(
                    body.starts_with("</script>"),
                    "{}: a script in line",
                    page.path
                );
            }
            assert!(!text.contains("style=\""), "{}: a style in line", page.path);
        }
    }

    #[test]
    fn the_hashes_in_the_table_are_those_of_the_files() {
        use sha2::Digest as _;
        for page in PAGES {
            let hash: String = sha2::Sha256::digest(page.bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(hash, page.hash, "{}: build the pages anew", page.path);
        }
    }
}
