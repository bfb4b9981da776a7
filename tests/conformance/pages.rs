//! Rules about the pages: that they are complete, lead somewhere and agree with the code.

use std::collections::BTreeMap;

use crate::tree::{File, read, root};

/// Things that a page must name; `form` is how, with `{}` for the name.
pub(crate) fn undocumented(names: &[&str], page: &str, form: &str) -> Vec<String> {
    names
        .iter()
        .filter(|name| !page.contains(&form.replace("{}", name)))
        .map(|name| format!("{name} is not documented"))
        .collect()
}

pub(crate) fn not_in_index(pages: &[File], index: &str) -> Vec<String> {
    pages
        .iter()
        .filter_map(|file| file.path.strip_prefix("docs/"))
        .filter(|path| *path != "README.md" && !index.contains(&format!("({path})")))
        .map(|path| format!("docs/README.md does not link {path}"))
        .collect()
}

pub(crate) fn longer_than(pages: &[File], lines: usize) -> Vec<String> {
    pages
        .iter()
        .filter(|file| file.text.lines().count() > lines)
        .map(|file| format!("{}: more than {lines} lines", file.path))
        .collect()
}

/// What stands outside fenced blocks.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                return false;
            }
            !fenced
        })
        .map(|(index, line)| (index + 1, line))
        .collect()
}

/// Links to files and headings of the project; other links are not followed.
pub(crate) fn dead_links(pages: &[File]) -> Vec<String> {
    let mut offences = Vec::new();
    for page in pages {
        for (number, line) in prose(&page.text) {
            for target in targets(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let full = if path.is_empty() {
                    page.path.clone()
                } else {
                    join(page.folder(), path)
                };
                let dead = if !path.is_empty() && !root().join(&full).exists() {
                    true
                } else if anchor.is_empty() {
                    false
                } else {
                    let text = if path.is_empty() {
                        page.text.clone()
                    } else {
                        read(&full)
                    };
                    !headings(&text).contains(&anchor.to_owned())
                };
                if dead {
                    offences.push(format!("{}:{number}: {target} leads nowhere", page.path));
                }
            }
        }
    }
    offences
}

fn targets(line: &str) -> Vec<&str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors that a forge makes of headings.
fn headings(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, u32>::new();
    prose(text)
        .into_iter()
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim();
            let anchor: String = title
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
                    _ => None,
                })
                .collect();
            let times = seen.entry(anchor.clone()).or_insert(0);
            *times += 1;
            if *times > 1 {
                format!("{anchor}-{}", *times - 1)
            } else {
                anchor
            }
        })
        .collect()
}

/// Paths of this project between backticks, as `server/src/app.rs`.
pub(crate) fn lost_paths(pages: &[File]) -> Vec<String> {
    let mut offences = Vec::new();
    for page in pages.iter().filter(|page| page.path != "CHANGELOG.md") {
        for (number, line) in prose(&page.text) {
            for quoted in line.split('`').skip(1).step_by(2) {
                let ours = ["server/src/", "sync-protocol/", "tests/", "docs/"]
                    .iter()
                    .any(|start| quoted.starts_with(start));
                if ours && !quoted.contains([' ', '*', '<', '{']) && !root().join(quoted).exists() {
                    offences.push(format!("{}:{number}: there is no {quoted}", page.path));
                }
            }
        }
    }
    offences
}

/// The pages' first block holds the two commands, and what has to pass is the second.
pub(crate) fn other_commands(pages: &[(&str, String)], passes: &str) -> Vec<String> {
    let mut offences = Vec::new();
    let runs = passes
        .lines()
        .any(|line| line.starts_with("exec ") && line.contains("tests/run"));
    if !runs || passes.contains("cargo") {
        offences.push(".ci/run does not run tests/run alone".to_owned());
    }
    for (name, text) in pages {
        let block = text.split("```").nth(1).unwrap_or_default();
        let commands: Vec<&str> = block
            .lines()
            .skip(1)
            .map(|line| line.split("  #").next().unwrap_or(line).trim())
            .filter(|line| !line.is_empty())
            .collect();
        if commands != ["cargo run --release -- demo --phones 50", "tests/run"] {
            offences.push(format!("{name}: begins with other commands: {commands:?}"));
        }
    }
    offences
}

/// The table of settings: a row for each, its default as it is, and no row for what is none.
pub(crate) fn settings(settings: &[(&str, &str)], page: &str) -> Vec<String> {
    let mut offences: Vec<String> = settings
        .iter()
        .filter(|(name, default)| {
            let shown = if default.is_empty() {
                "empty".to_owned()
            } else {
                format!("`{default}`")
            };
            !page.contains(&format!("| `{name}` | {shown} |"))
        })
        .map(|(name, default)| format!("{name} with its default {default:?} is not documented"))
        .collect();
    let table = page
        .split("\n## Settings\n")
        .nth(1)
        .or(page.strip_prefix("## Settings\n"));
    let table = table
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap_or_default();
    offences.extend(
        table
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(name, _)| name)
            .filter(|name| !settings.iter().any(|(known, _)| known == name))
            .map(|name| format!("{name} is no setting")),
    );
    offences
}

/// The tables of the schema, by their names.
pub(crate) fn tables(schema: &str) -> Vec<String> {
    let mut lines = schema.lines();
    let mut names = Vec::new();
    while let Some(line) = lines.next() {
        if line == "table! {" {
            let name = lines.next().and_then(|line| line.trim().split(' ').next());
            names.extend(name.map(str::to_owned));
        }
    }
    names
}

/// The dependencies of the workspace from elsewhere.
pub(crate) fn dependencies(manifest: &str) -> Vec<String> {
    manifest
        .split("[workspace.dependencies]")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("path = "))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name.to_owned()))
        .collect()
}
