//! The fault harness: the real server among faults of machines, disks, networks and databases.
//! Oracle clients write down what they sent and what was acknowledged; at the end their books are
//! held against the store. Each test begins with its row of the fault matrix and prints one line.
//!
//! `KADIAN_FAULTS=n` does n times as much as a plain run; `KADIAN_SEED=s` does a run again.
//! `cargo test -p kadian-tests --test faults -- --nocapture` prints the figures.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up is to fail"
)]

mod book;
mod crowd;
mod f01_kills;
mod f02_power;
mod f03_cuts;
mod f04_standby;
mod f05_bad_entries;
mod f06_older_copies;
mod f07_late_commits;
mod f08_repeats;
mod f09_clocks;
mod f10_database;
mod f11_failover;
mod f12_full;
mod f13_flushes;
mod f15_slow;
mod f16_connections;
mod f17_herd;
mod f18_stops;
mod f19_migrations;
mod f22_frozen;
mod f23_hot_rows;
mod f24_panics;
mod f27_strangers;
mod f28_limits;
mod f29_bouncer;
mod f30_backups;
mod oracle;
mod proxy;
mod reckoning;
mod scale;
mod site;
mod strace;
mod trace;
