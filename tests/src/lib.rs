//! What the tests over HTTP stand on: the real server in this process or as the real binary, a
//! small town, its people as values, their phones and consoles, and a client that sends exactly
//! the bytes it is given. No test is here, and nothing that knows what the server should answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "only tests call this, and a test that cannot be set up is to fail"
)]

pub mod cluster;
pub mod console;
pub mod herd;
pub mod http;
pub mod lines;
pub mod phone;
pub mod process;
pub mod server;
pub mod town;

pub use console::Console;
pub use http::{Answer, Client};
pub use phone::{Phone, Walker};
pub use process::Process;
pub use server::{Server, TestApp};
pub use town::Town;
