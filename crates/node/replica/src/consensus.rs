//! Ordering: who validates in which epoch, what a validator signs and must never sign, and what it sends for that.
//!
//! **Invariant:** nothing here knows what is proposed, executed or answered: what an ordered block comes to is for others.

pub(crate) mod activity;
pub(crate) mod block;
pub(crate) mod committee;
pub(crate) mod epochs;
pub(crate) mod evidence;
pub(crate) mod floor;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod round;
pub(crate) mod scheme;
pub(crate) mod sizes;
pub(crate) mod vote_recovery;
