//! The description of the API and a page that shows it. Everything is served from the binary:
//! the page loads nothing from elsewhere, so it works in a tent.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use std::sync::OnceLock;

use super::openapi;
use super::problem::{self, Problem};
use super::routes::ROUTES;
use super::shapes::SHAPES;

pub async fn openapi() -> HttpResponse {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| openapi::describe(ROUTES, SHAPES).to_string());
    public("application/json", document)
}

pub async fn page() -> HttpResponse {
    public(
        "text/html; charset=utf-8",
        include_str!("../../assets/docs/index.html"),
    )
}

pub async fn style() -> HttpResponse {
    public(
        "text/css; charset=utf-8",
        include_str!("../../assets/docs/docs.css"),
    )
}

pub async fn script() -> HttpResponse {
    public(
        "text/javascript; charset=utf-8",
        include_str!("../../assets/docs/docs.js"),
    )
}

pub async fn problems() -> HttpResponse {
    public("text/plain; charset=utf-8", problem::DOCUMENT)
}

pub async fn problem(code: web::Path<String>) -> Result<HttpResponse, Problem> {
    let section = problem::section(&code).ok_or_else(|| {
        Problem::new(problem::NOT_FOUND).detail("No problem has that code; /problems lists them.")
    })?;
    Ok(public("text/plain; charset=utf-8", section))
}

/// The same for everybody until the program is replaced.
fn public(content_type: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body(body)
}
