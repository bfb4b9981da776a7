//! The Kadian server. This list of modules is the map of the code; there is no logic here.

pub mod store;
