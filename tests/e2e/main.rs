//! The whole server from outside: real HTTP, real bytes, nothing looked at but what any client
//! could see. Each file is one promise; `cargo test -p kadian-tests --test e2e -- --nocapture`
//! prints the figures.

mod batch;
mod bodies;
mod canary;
mod figures;
mod growth;
mod kills;
mod rights;
