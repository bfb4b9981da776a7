//! The log: sentences for people with fields for machines, on standard error. Personal data has no
//! place in it, so that a panic is logged by its place in the code and never by its text, which
//! may quote what somebody entered.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts the log of the process. Called once, by `main`; a second call changes nothing.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // A log that cannot be written (its disk is full, its reader is gone) must not end the process:
    // the library's own complaint about it goes to standard error and panics where that is the log.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Human => builder.with_ansi(false).try_init(),
    };
    if started.is_ok() {
        log_panics();
    }
}

fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "a panic was caught");
    }));
}
