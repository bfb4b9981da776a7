//! The Kadian server. This list of modules is the map of the code; there is no logic here.
//!
//! Imports run one way: `cli` and `http` know everything below them, `store` knows only the
//! protocol, nothing below `http` knows HTTP and nothing above `store` knows diesel.

pub mod accounts;
pub mod app;
pub mod backup;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod config;
pub mod definitions;
pub mod demo;
pub mod http;
pub mod import;
pub mod keys;
pub mod ledger;
pub mod metrics;
pub mod records;
pub mod rescue;
pub mod retention;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod threads;
pub mod throttle;
pub mod trial;
