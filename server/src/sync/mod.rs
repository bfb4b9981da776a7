//! The engine of synchronisation, blind to kinds.
//!
//! The life of a change: a request is split into lines ([`job::Push`]); waiting pushes are folded
//! into a transaction ([`combiner`], [`queue`]); what they touch is read ([`gather`]); the
//! device's numbers are judged ([`numbering`], [`push`]); each change finds its way ([`admit`]),
//! into its record ([`enter`], or, where it makes one, [`first`]) or aside ([`aside`]); all is written down ([`flush`]). The reply's feeds come
//! from one snapshot ([`pull`], [`page`]), projected for their reader ([`projection`]). [`exchange`] is
//! the whole of it on one page.

mod admit;
mod aside;
pub mod checked;
pub mod combiner;
pub mod day;
mod destinations;
pub mod engine;
mod enter;
pub mod exchange;
mod first;
mod flush;
mod fold;
mod gather;
pub mod job;
mod movement;
pub mod numbering;
pub mod opening;
mod page;
pub mod places;
pub mod projection;
pub mod pull;
mod purge;
mod push;
mod queue;
pub mod resolve;
mod rows;
pub mod rules;
pub mod search_key;
#[cfg(test)]
mod tests;
pub mod together;
pub mod urgency;
pub mod views;

pub use engine::Engine;
