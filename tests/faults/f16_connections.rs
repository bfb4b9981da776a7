//! F16: many connections, idle and pushing.

use std::net::TcpStream;
use std::time::Duration;

use kadian_tests::process::peak_kib;

use crate::scale::{scaled, seed};
use crate::site::Site;

const REST: Duration = Duration::from_secs(120);

#[test]
fn f16_many_connections_idle_and_pushing_take_little_memory() {
    let chance = seed("F16");
    let clients = scaled(50, 2_000);
    let mut site = Site::build(clients);
    let (mut process, mut oracles) = site.begin(1, &chance);
    let address = site.address();
    oracles.extend(site.oracles(clients - 1, &address, &chance));
    let none = process.resident_kib();
    let idle = scaled(200, 2_000);
    let connections: Vec<TcpStream> = (0..idle)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    let held = process.resident_kib();
    std::thread::scope(|scope| {
        for oracle in &mut oracles {
            std::thread::Builder::new()
                .stack_size(512 * 1024)
                .spawn_scoped(scope, || {
                    oracle.patience = REST;
                    oracle.hang_up();
                    oracle.capture(10);
                    assert!(oracle.settle(REST));
                })
                .unwrap();
        }
    });
    let peak = peak_kib(&process.id().to_string());
    drop(connections);
    process.kill();
    let found = site.reckon();
    found.print(
        "F16 connections",
        idle + clients,
        idle + clients,
        &format!(
            "memory {none} KiB with none, {held} with {idle} idle ({} bytes each), {peak} at most with {clients} pushing",
            held.saturating_sub(none) * 1024 / idle as u64
        ),
    );
    found.is_sound();
    assert!(peak < 512 * 1024, "{peak} KiB");
}
