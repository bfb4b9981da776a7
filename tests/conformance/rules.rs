//! Rules about the sources: who may know whom, and what a file may be.

use crate::tree::File;

/// Lines that a file may have before its module of tests.
const LONGEST: usize = 500;
const KINDS: [&str; 3] = ["registration", "household", "visit"];
/// What the pure core may be built from.
const CORE_DEPENDENCIES: [&str; 8] = [
    "chrono",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "toml",
    "unicode-normalization",
    "uuid",
];
/// What has effects, or is not the same twice.
const IMPURE: [&str; 14] = [
    "SystemTime",
    "Instant::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "rand::",
    "getrandom",
    "tokio",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "Utc::now",
    "Local::now",
];
const IMPURE_IN_STD: [&str; 5] = ["fs", "net", "env", "process", "thread"];

/// Modules of the server and what they may not import. What is not named may import all: it is
/// where the program is put together (`app`, `cli`, `http`, `demo`).
const UPWARDS: &[(&str, &[&str])] = &[
    (
        "store",
        &[
            "accounts",
            "app",
            "cli",
            "config",
            "definitions",
            "demo",
            "http",
            "import",
            "keys",
            "ledger",
            "metrics",
            "records",
            "retention",
            "sync",
            "telemetry",
            "throttle",
        ],
    ),
    (
        "sync",
        &[
            "accounts", "app", "cli", "demo", "http", "import", "records",
        ],
    ),
    (
        "accounts",
        &["app", "cli", "demo", "http", "import", "records", "sync"],
    ),
    ("records", &["app", "cli", "demo", "http"]),
    (
        "backup",
        &["app", "cli", "demo", "http", "import", "records", "sync"],
    ),
    ("definitions", &["app", "cli", "demo", "http"]),
    ("import", &["app", "cli", "demo", "http"]),
    ("retention", &["app", "cli", "demo", "http"]),
    ("ledger", &["app", "cli", "demo", "http", "sync"]),
    ("keys", &["app", "cli", "demo", "http", "store", "sync"]),
    ("clock", &["app", "cli", "http", "store", "sync"]),
    ("config", &["app", "cli", "http", "store", "sync"]),
    ("metrics", &["app", "cli", "http", "store", "sync"]),
    ("http", &["bench", "cli", "demo"]),
];

fn at(file: &File, line: usize, what: &str) -> String {
    format!("{}:{line}: {what}", file.path)
}

/// A crate that only some files may name. The tests of the project drive the server and may.
pub(crate) fn known_only_to(files: &[File], name: &str, may: &[&str]) -> Vec<String> {
    let path = format!("{name}::");
    files
        .iter()
        .filter(|file| !may.iter().any(|prefix| file.path.starts_with(prefix)))
        .flat_map(|file| {
            file.code()
                .into_iter()
                .filter(|(_, line)| line.contains(&path))
                .map(|(number, _)| at(file, number, &format!("knows {name}")))
        })
        .collect()
}

pub(crate) fn names_a_kind(files: &[File]) -> Vec<String> {
    let blind = ["server/src/sync/", "server/src/store/"];
    files
        .iter()
        .filter(|file| blind.iter().any(|folder| file.path.starts_with(folder)))
        .flat_map(|file| {
            file.code().into_iter().flat_map(move |(number, line)| {
                KINDS
                    .iter()
                    .filter(move |kind| line.contains(&format!("\"{kind}\"")))
                    .map(move |kind| at(file, number, &format!("names the kind {kind}")))
            })
        })
        .collect()
}

pub(crate) fn impure(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.path.starts_with("sync-protocol/src/"))
        .flat_map(|file| {
            file.code()
                .into_iter()
                .filter(|(_, line)| {
                    let grouped = line.trim().strip_prefix("use std::{").is_some_and(|group| {
                        group
                            .split(|c: char| !c.is_alphanumeric() && c != '_')
                            .any(|name| IMPURE_IN_STD.contains(&name))
                    });
                    grouped || IMPURE.iter().any(|what| line.contains(what))
                })
                .map(|(number, line)| at(file, number, line.trim()))
        })
        .collect()
}

pub(crate) fn foreign_dependencies(manifest: &str) -> Vec<String> {
    let section = manifest
        .split("\n[")
        .find(|section| section.trim_start_matches('[').starts_with("dependencies]"))
        .expect("the manifest has dependencies");
    section
        .lines()
        .skip(1)
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .filter(|name| !CORE_DEPENDENCIES.contains(name))
        .map(|name| format!("sync-protocol depends on {name}"))
        .collect()
}

pub(crate) fn imports_upwards(files: &[File]) -> Vec<String> {
    let mut offences = Vec::new();
    for (module, never) in UPWARDS {
        let (file_of, folder_of) = (
            format!("server/src/{module}.rs"),
            format!("server/src/{module}/"),
        );
        for file in files
            .iter()
            .filter(|file| file.path == file_of || file.path.starts_with(&folder_of))
        {
            for (number, line) in file.code() {
                for other in imported(line)
                    .into_iter()
                    .filter(|name| never.contains(name))
                {
                    offences.push(at(file, number, &format!("{module} imports {other}")));
                }
            }
        }
    }
    offences
}

/// The modules of this crate that a line names: `crate::a::…`, and `use crate::{a::…, b}`.
fn imported(line: &str) -> Vec<&str> {
    let word = |text: &str| {
        text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(text.len())
    };
    let mut names: Vec<&str> = line
        .match_indices("crate::")
        .filter_map(|(at, found)| {
            let rest = line.get(at + found.len()..)?;
            rest.get(..word(rest)).filter(|name| !name.is_empty())
        })
        .collect();
    if let Some((_, group)) = line.split_once("crate::{") {
        names.extend(
            group
                .split([',', '}'])
                .filter_map(|part| part.trim().get(..word(part.trim())))
                .filter(|name| !name.is_empty()),
        );
    }
    names
}

pub(crate) fn too_long(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| !file.test && file.length() > LONGEST)
        .map(|file| format!("{}: {} lines", file.path, file.length()))
        .collect()
}

pub(crate) fn unintroduced(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| {
            let mut lines = file.text.lines();
            let mut first = lines.next().unwrap_or_default();
            if first.starts_with("#!/") {
                first = lines.next().unwrap_or_default();
            }
            let marks: &[&str] = match file.path.rsplit_once('.').map(|(_, end)| end) {
                Some("rs") => &["//! "],
                Some("sql") => &["-- "],
                _ => &["# "],
            };
            !marks
                .iter()
                .any(|mark| first.starts_with(mark) && first.len() > 10)
        })
        .map(|file| format!("{}: does not begin by saying what it is for", file.path))
        .collect()
}

/// Names under which anything can gather.
pub(crate) fn empty_names(files: &[File]) -> Vec<String> {
    let empty = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["util", "manager", "helper"]
            .iter()
            .any(|word| name.contains(word))
    };
    let mut offences = Vec::new();
    for file in files {
        if file.path.split('/').any(empty) {
            offences.push(format!("{}: a name that says nothing", file.path));
        }
        for (number, line) in file.code() {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            while let Some(word) = words.next() {
                let declares = ["mod", "fn", "struct", "enum", "trait", "type"].contains(&word);
                if declares && words.next().is_some_and(empty) {
                    offences.push(at(file, number, "a name that says nothing"));
                }
            }
        }
    }
    offences
}
