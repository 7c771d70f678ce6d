//! From an order to a fill.

pub(crate) mod admission;
pub(crate) mod auction;
pub(crate) mod open_margin;
pub(crate) mod reopening;
pub(crate) mod takeovers;
