//! Rescue files: what a phone has not sent, sealed for this installation and carried here by hand.
//!
//! [`sealing`] opens the file, [`file`] reads what is in it, [`import`] hands it to the same engine
//! that takes a push. The file names its device; its changes come in under a number of their own on
//! that device's line, so that the phone, should it ever sync again, finds them known.

pub mod file;
pub mod import;
pub mod sealing;
#[cfg(test)]
mod tests;
