//! What goes into the next block: what waits here and at the other validators, how it becomes a payload, and when a
//! validator votes for one.

pub(crate) mod gossip;
pub(crate) mod payload;
pub(crate) mod propose;
pub(crate) mod report;
pub(crate) mod waiting;
