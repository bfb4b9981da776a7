//! Three real servers on one database, with phones that speak to whichever they reach; one of them is
//! killed and comes back. The books are held against the database as after kills.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kadian::clock::Clock;
use kadian_tests::process::{Process, free_port};
use kadian_tests::server::open;
use kadian_tests::{Phone, Town};

use crate::books::{self, Reckoning};

const PROCESSES: usize = 3;
const CLIENTS: usize = 24;
const KILLS: usize = 2;

#[test]
fn i3_i4_three_processes_on_one_database_lose_nothing_and_apply_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::system();
    let codes: Vec<String> = {
        let app = open(folder.path(), &[], clock.clone());
        let town = Town::build(&app);
        (0..CLIENTS).map(|_| town.code(&app, "volunteer")).collect()
    };
    let ports: Vec<u16> = (0..PROCESSES).map(|_| free_port()).collect();
    let start = |n: usize| {
        let name = format!("p{n}");
        Process::start(folder.path(), ports[n], &[("sync.process", &name)])
    };
    let mut processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    processes.iter_mut().for_each(|one| {
        one.ready();
    });
    let addresses: Vec<String> = processes.iter().map(|one| one.address.clone()).collect();
    let done = Arc::new(AtomicBool::new(false));
    let acked = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..)
        .zip(&codes)
        .map(|(number, code)| {
            let address = &addresses[number as usize % PROCESSES];
            let phone = Phone::enrol_with(address, code, clock.clone());
            let book = books::Book::begin(folder.path(), number);
            let (addresses, done, acked) =
                (addresses.clone(), Arc::clone(&done), Arc::clone(&acked));
            std::thread::spawn(move || books::work(phone, &addresses, book, &done, &acked))
        })
        .collect();
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(1000));
        processes[1].kill();
        std::thread::sleep(Duration::from_millis(300));
        processes[1] = start(1);
        processes[1].ready();
    }
    std::thread::sleep(Duration::from_millis(1000));
    done.store(true, Ordering::Relaxed);
    let phones: Vec<Phone> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let Reckoning {
        acknowledged,
        records,
    } = books::reckon(folder.path(), &phones, &addresses[2], || {
        processes.iter_mut().for_each(Process::kill);
    });
    println!(
        "{PROCESSES} processes, {CLIENTS} phones, {KILLS} kills: {acknowledged} changes acknowledged, {records} records, lost 0, applied twice 0"
    );
    assert!(acknowledged > CLIENTS);
}
