//! F23: many write the same rows at once, through several processes: deadlocks, serialization
//! failures and a busy database are the server's matter, not the phones'.

use std::time::Duration;

use kadian_tests::cluster::Cluster;
use kadian_tests::process::free_port;
use serde_json::json;
use sync_protocol::id::RecordId;

use crate::crowd::seen;
use crate::oracle::Oracle;
use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

/// Amends some of the records, each in a field of its own, in an order of its own.
fn amend(oracle: &mut Oracle, records: &[RecordId]) {
    for _ in 0..4 {
        let record = records[oracle.chance.below(records.len())];
        let note = format!("notes/{}", oracle.new_id());
        oracle.amend(record, [(note, json!({"text": "热"}))].into());
    }
}

#[test]
fn f23_hot_rows_of_a_database_written_through_three_processes_cost_no_phone_a_refusal() {
    let cluster = Cluster::start(&[]);
    attack("F23 hot rows of PostgreSQL", |oracles| {
        Site::on(&cluster.url("postgres"), oracles)
    });
}

#[test]
fn f23_a_file_written_through_three_processes_costs_no_phone_a_refusal() {
    attack("F23 a busy file of SQLite", Site::in_file);
}

fn attack(row: &str, build: impl FnOnce(usize) -> Site) {
    let chance = seed(row);
    let writers = scaled(12, 32);
    let rounds = scaled(8, 200);
    // All of one place: every second oracle works at another.
    let mut site = build(2 * writers);
    let ports = [free_port(), free_port(), free_port()];
    let mut servers: Vec<_> = ["a", "b", "c"]
        .iter()
        .zip(ports)
        .map(|(name, port)| site.start_beside(name, port))
        .collect();
    for server in &mut servers {
        server.ready();
    }
    let mut oracles = Vec::new();
    for number in 0..2 * writers {
        let server = &servers[number % 3];
        let mut oracle = site.oracle(&server.address.clone(), &chance);
        oracle.patience = REST;
        oracle.hang_up();
        if number % 2 == 0 {
            oracles.push(oracle);
        }
    }
    let records: Vec<RecordId> = (0..5).map(|_| oracles[0].create()).collect();
    assert!(oracles[0].settle(REST));
    std::thread::scope(|scope| {
        for oracle in &mut oracles {
            scope.spawn(|| {
                for _ in 0..rounds {
                    amend(oracle, &records);
                    oracle.create();
                    assert!(oracle.settle(REST));
                }
            });
        }
    });
    let seen = seen(&oracles);
    for server in &mut servers {
        server.kill();
    }
    let found = site.reckon();
    let folds = writers * rounds;
    found.print(
        row,
        folds,
        folds,
        &format!(
            "{writers} writers, 3 processes, 5 records; {} requests, {} told to wait, {} without an answer",
            seen.requests, seen.waits, seen.no_reply
        ),
    );
    found.is_sound();
    assert_eq!(
        (seen.faults, seen.waits, seen.no_reply),
        (0, 0, 0),
        "surfaced to phones: {seen:?}"
    );
}
