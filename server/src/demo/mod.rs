//! `kadian demo`: a district in small, and phones that live through a day on a bad network.

pub mod chance;
pub mod people;
