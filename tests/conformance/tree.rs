//! The files of the project as the rules see them: what is code, what is a test, what is a comment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One file, by its path from the root of the project.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
    /// All of it is compiled for tests only.
    pub(crate) test: bool,
}

impl File {
    /// Lines that are compiled into the program, with their numbers: neither comments nor tests.
    pub(crate) fn code(&self) -> Vec<(usize, &str)> {
        let mut lines = self.lines();
        lines.retain(|(_, line)| !line.trim_start().starts_with("//"));
        lines
    }

    /// How many lines there are beside the tests.
    pub(crate) fn length(&self) -> usize {
        self.lines().len()
    }

    /// All lines but those of tests: of a module of them, from `#[cfg(test)]` to the brace that
    /// ends it, and of one in a file of its own, its name.
    fn lines(&self) -> Vec<(usize, &str)> {
        let mut lines = Vec::new();
        if self.test {
            return lines;
        }
        let mut text = self.text.lines().enumerate().peekable();
        while let Some((index, line)) = text.next() {
            let next = text.peek().map_or("", |(_, next)| next);
            let module = next.starts_with("mod ") || next.starts_with("pub mod ");
            if line == "#[cfg(test)]" && module {
                let inside = next.ends_with('{');
                let last = text.by_ref().find(|(_, line)| !inside || *line == "}");
                debug_assert!(last.is_some());
                continue;
            }
            lines.push((index + 1, line));
        }
        lines
    }

    /// The folder it stands in.
    pub(crate) fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"))
}

/// Every file below a folder whose name ends in `.` and one of `endings`, in order.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(&root(), Path::new(folder), endings, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    mark_tests(&mut found);
    found
}

fn collect(root: &Path, folder: &Path, endings: &[&str], found: &mut Vec<File>) {
    let entries = std::fs::read_dir(root.join(folder))
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.starts_with('.') && name != "node_modules" {
                collect(root, &path, endings, found);
            }
        } else if endings
            .iter()
            .any(|ending| name.ends_with(&format!(".{ending}")))
        {
            let path = path.to_string_lossy().replace('\\', "/");
            let path = path.trim_start_matches("./").to_owned();
            let text = std::fs::read_to_string(root.join(&path)).unwrap();
            found.push(File {
                path,
                text,
                test: false,
            });
        }
    }
}

/// Whatever a `#[cfg(test)] mod name;` names is a test, with all below it; so is what cargo takes
/// for one by its folder.
fn mark_tests(files: &mut [File]) {
    let mut tests = BTreeSet::new();
    for file in files.iter() {
        let mut lines = file.text.lines().peekable();
        // A module's files stand beside `mod.rs`, `lib.rs` and `main.rs`, else in a folder of its name.
        let stem = file.path.trim_end_matches(".rs");
        let inside = match stem.rsplit_once('/') {
            Some((folder, "mod" | "lib" | "main")) => folder.to_owned(),
            _ => stem.to_owned(),
        };
        while let Some(line) = lines.next() {
            let Some(next) = lines.peek().filter(|_| line.trim() == "#[cfg(test)]") else {
                continue;
            };
            let named = next.rsplit_once("mod ").map(|(_, name)| name.trim());
            if let Some(name) = named.and_then(|name| name.strip_suffix(';')) {
                tests.insert(format!("{inside}/{name}.rs"));
                tests.insert(format!("{inside}/{name}/"));
            }
        }
    }
    for file in files {
        file.test = tests
            .iter()
            .any(|test| file.path.starts_with(test.as_str()))
            || file.path.starts_with("tests/")
            || file.path.starts_with("sync-protocol/tests/")
            || file.path.starts_with("server/tests/");
    }
}
