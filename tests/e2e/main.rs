//! The whole server from outside: real HTTP, real bytes, nothing looked at but what any client
//! could see. Each file is one promise; `cargo test -p kadian-tests --test e2e -- --nocapture`
//! prints the figures.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up is to fail"
)]

mod backup;
mod batch;
mod bench;
mod bodies;
mod books;
mod canary;
mod edges;
mod exchange;
mod figures;
mod growth;
mod injections;
mod large;
mod load;
mod processes;
mod resources;
mod rights;
