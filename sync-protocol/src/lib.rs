//! The pure core of Kadian. No I/O, no clock, no randomness: time and new ids come in as arguments.
pub mod check;
pub mod kind;
pub mod policy;
