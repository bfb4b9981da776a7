//! The rules of the house, as tests. They look at the text of the project, not at what it does:
//! who may know whom, what a file may be, and that the pages say what the code does. Each rule is a
//! function that lists offences, so that `every_rule_can_be_broken` can show that it finds some.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod app;
mod pages;
mod rules;
mod tree;

use tree::{File, files, read};

fn sources() -> Vec<File> {
    let mut all = files("server/src", &["rs"]);
    all.extend(files("sync-protocol", &["rs"]));
    all.extend(files("tests", &["rs"]));
    assert!(all.len() > 200, "the sources are not where they were");
    all
}

fn documents() -> Vec<File> {
    let mut all: Vec<File> = ["README.md", "README.zh.md", "CHANGELOG.md"]
        .map(|path| File {
            path: path.to_owned(),
            text: read(path),
            test: false,
        })
        .into();
    all.extend(files("docs", &["md"]));
    all
}

#[track_caller]
fn none(offences: &[String]) {
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn diesel_is_known_to_the_store_alone() {
    none(&rules::known_only_to(
        &sources(),
        "diesel",
        &["server/src/store/"],
    ));
}

#[test]
fn actix_is_known_to_http_and_to_where_the_program_starts() {
    let may = ["server/src/http/", "server/src/app.rs", "server/src/cli/"];
    none(&rules::known_only_to(&sources(), "actix_web", &may));
}

#[test]
fn engine_and_store_are_blind_to_kinds() {
    none(&rules::names_a_kind(&sources()));
}

#[test]
fn the_core_is_pure() {
    none(&rules::impure(&sources()));
    none(&rules::foreign_dependencies(&read(
        "sync-protocol/Cargo.toml",
    )));
}

#[test]
fn imports_run_one_way() {
    none(&rules::imports_upwards(&sources()));
}

#[test]
fn no_file_is_long() {
    none(&rules::too_long(&sources()));
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut all = sources();
    all.extend(files("server", &["sql"]));
    for path in ["tests/run", ".ci/run", "docker-compose.yml", "clippy.toml"] {
        let text = read(path);
        let test = false;
        let path = path.to_owned();
        all.push(File { path, text, test });
    }
    none(&rules::unintroduced(&all));
}

#[test]
fn nothing_is_named_after_nothing() {
    none(&rules::empty_names(&sources()));
}

#[test]
fn every_problem_code_is_documented() {
    let codes: Vec<&str> = kadian::http::problem::CODES
        .iter()
        .map(|code| code.code)
        .collect();
    none(&pages::undocumented(
        &codes,
        &read("docs/problems.md"),
        "\n## {}\n",
    ));
}

#[test]
fn every_decision_and_every_page_is_in_the_index() {
    none(&pages::not_in_index(
        &files("docs", &["md"]),
        &read("docs/README.md"),
    ));
}

#[test]
fn decisions_are_short() {
    none(&pages::longer_than(&files("docs/adr", &["md"]), 50));
    none(&pages::longer_than(
        &[File {
            path: "docs/architecture.md".to_owned(),
            text: read("docs/architecture.md"),
            test: false,
        }],
        250,
    ));
}

#[test]
fn links_between_pages_lead_somewhere() {
    none(&pages::dead_links(&documents()));
}

#[test]
fn paths_that_pages_name_exist() {
    none(&pages::lost_paths(&documents()));
}

#[test]
fn the_two_commands_are_those_that_are_run() {
    none(&pages::other_commands(
        &[
            ("README.md", read("README.md")),
            ("README.zh.md", read("README.zh.md")),
        ],
        &read(".ci/run"),
    ));
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let settings: Vec<(&str, &str)> = kadian::config::SETTINGS
        .iter()
        .map(|setting| (setting.name, setting.default))
        .collect();
    none(&pages::settings(&settings, &read("docs/operations.md")));
}

#[test]
fn every_metric_is_documented() {
    let names: Vec<&str> = kadian::metrics::FAMILIES
        .iter()
        .map(|family| family.name)
        .collect();
    none(&pages::undocumented(
        &names,
        &read("docs/operations.md"),
        "\n| `{}` |",
    ));
}

#[test]
fn every_table_is_explained() {
    let tables = pages::tables(&read("server/src/store/schema.rs"));
    assert!(tables.len() > 15, "the schema is not read as it was");
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    none(&pages::undocumented(
        &tables,
        &read("docs/architecture.md"),
        "\n| `{}` |",
    ));
}

#[test]
fn every_dependency_has_its_reason() {
    let names = pages::dependencies(&read("Cargo.toml"));
    assert!(names.len() > 20, "the manifest is not read as it was");
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    none(&pages::undocumented(
        &names,
        &read("docs/adr/0008-dependencies.md"),
        "`{}`",
    ));
}

/// A rule that cannot be broken says nothing.
#[test]
fn every_rule_can_be_broken() {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
        test: false,
    };
    let one = |path: &str, text: &str| vec![file(path, text)];
    let long = "//! Long.\n".to_owned() + &"x\n".repeat(600);
    let broken: Vec<(&str, Vec<String>)> = vec![
        (
            "diesel",
            rules::known_only_to(
                &one("server/src/sync/a.rs", "use diesel::prelude::*;"),
                "diesel",
                &["server/src/store/"],
            ),
        ),
        (
            "diesel after the tests",
            rules::known_only_to(
                &one(
                    "server/src/sync/a.rs",
                    "#[cfg(test)]\nmod tests {\n    fn x() {}\n}\nuse diesel::x;",
                ),
                "diesel",
                &[],
            ),
        ),
        (
            "kinds",
            rules::names_a_kind(&one("server/src/sync/a.rs", "if kind == \"visit\" {}")),
        ),
        (
            "pure",
            rules::impure(&one(
                "sync-protocol/src/a.rs",
                "let t = std::time::SystemTime::now();",
            )),
        ),
        (
            "pure too",
            rules::impure(&one("sync-protocol/src/a.rs", "use std::{fs, fmt};")),
        ),
        (
            "dependencies",
            rules::foreign_dependencies("[dependencies]\ntokio = \"1\"\n"),
        ),
        (
            "store up",
            rules::imports_upwards(&one("server/src/store/a.rs", "use crate::sync::Engine;")),
        ),
        (
            "store up in a group",
            rules::imports_upwards(&one(
                "server/src/store/a.rs",
                "use crate::{sync::Engine, clock};",
            )),
        ),
        (
            "sync up",
            rules::imports_upwards(&one("server/src/sync/a.rs", "use crate::http::problem;")),
        ),
        ("long", rules::too_long(&one("server/src/a.rs", &long))),
        (
            "no word",
            rules::unintroduced(&one("server/src/a.rs", "use std::fmt;")),
        ),
        (
            "empty name",
            rules::empty_names(&one("server/src/utils.rs", "//! Things.")),
        ),
        (
            "empty name inside",
            rules::empty_names(&one("server/src/a.rs", "struct GridManager;")),
        ),
        (
            "undocumented",
            pages::undocumented(&["nowhere"], "## here\n", "\n## {}\n"),
        ),
        (
            "index",
            pages::not_in_index(&one("docs/adr/0099-x.md", "# x"), "nothing"),
        ),
        (
            "short",
            pages::longer_than(&one("docs/adr/0099-x.md", &long), 50),
        ),
        (
            "dead link",
            pages::dead_links(&one("docs/a.md", "[x](nowhere.md)")),
        ),
        (
            "dead anchor",
            pages::dead_links(&one("docs/glossary.md", "[x](#nowhere-at-all)")),
        ),
        (
            "lost path",
            pages::lost_paths(&one("docs/a.md", "see `server/src/nowhere.rs`")),
        ),
        (
            "commands",
            pages::other_commands(&[("R", "```\ncargo run\n```".to_owned())], "exec tests/run"),
        ),
        (
            "settings",
            pages::settings(&[("a.b", "1")], "| `a.b` | `2` | x |\n"),
        ),
        (
            "settings too many",
            pages::settings(&[], "## Settings\n\n| `a.b` | `2` | x |\n"),
        ),
    ];
    for (rule, offences) in broken {
        assert_eq!(offences.len(), 1, "{rule}: {offences:?}");
    }
    // And what is allowed is not called an offence.
    let test = "#[cfg(test)]\nmod tests {\n    use crate::http::trial;\n    const K: &str = \"visit\";\n}\n";
    let sync = one("server/src/sync/a.rs", test);
    none(&rules::imports_upwards(&sync));
    none(&rules::names_a_kind(&sync));
    none(&rules::known_only_to(
        &one("server/src/a.rs", "// diesel::x"),
        "diesel",
        &[],
    ));
}
