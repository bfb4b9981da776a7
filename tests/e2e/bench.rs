//! `kadian bench` on its smallest scale: every part runs on the real binary, every figure is there,
//! and nothing that was acknowledged is lost. Speed is not judged here.

use std::process::{Command, Stdio};

use kadian_tests::process::binary;
use serde_json::Value;

/// What every run must have to say, whatever the machine.
const FIGURES: [(&str, &str); 12] = [
    (
        "cost as the store grows",
        "1,000 entries pushed at 1000 entries",
    ),
    ("push in batches of 50", "entries"),
    (
        "push in batches of 50",
        "push 50 and pull nothing, one round trip",
    ),
    (
        "push in batches of 50",
        "flushes to the disk for a transaction",
    ),
    ("push in batches of 500", "entries"),
    ("pull", "p50 of a cold list of 27 households"),
    ("pull", "p50 with nothing new"),
    ("pull", "p50 with three households changed"),
    ("herd", "until all is acknowledged"),
    ("herd", "memory of the server at its peak"),
    (
        "limits of this machine",
        "pushed in batches of 50, against bare HTTP",
    ),
    ("afterwards", "entries sent and acknowledged"),
];

#[test]
fn the_benchmark_runs_from_end_to_end_and_loses_nothing() {
    run(None);
}

#[test]
fn the_benchmark_runs_on_postgresql_too() {
    if let Ok(url) = std::env::var(kadian::store::trial::SERVER) {
        run(Some(&url));
    }
}

fn run(database: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("figures.json");
    let mut command = Command::new(binary());
    command
        .args(["bench", "--scale", "smoke", "--json"])
        .arg(&figures);
    command.arg("--folder").arg(folder.path());
    if let Some(url) = database {
        command.args(["--database", url]);
    }
    let output = command.env_clear().stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let table = String::from_utf8(output.stdout).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(&figures).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let find = |part: &str, figure: &str| {
        let found = rows
            .iter()
            .find(|row| row["part"] == part && row["figure"] == figure);
        found.unwrap_or_else(|| panic!("{part}: {figure} is missing in\n{table}"))
    };
    for (part, figure) in FIGURES {
        let row = find(part, figure);
        assert!(row["value"].as_f64().unwrap() > 0.0, "{row}");
        assert!(table.contains(figure), "{table}");
    }
    for figure in [
        "lost",
        "a stale value kept",
        "records more or fewer than there should be",
    ] {
        assert_eq!(find("afterwards", figure)["value"], 0.0, "{table}");
    }
    assert_eq!(
        find("herd", "connections that broke")["value"],
        0.0,
        "{table}"
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "only the figures stay: {left:?}");
}
