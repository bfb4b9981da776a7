//! Backup, loss, restore: with real phones that feed the restored server again (I12), and with
//! everything that can go wrong on the way.

mod across;
mod calendar;
mod drill;
mod mishaps;
mod place;
