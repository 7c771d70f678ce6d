//! From an exchange's option quotes to the vols that a validator votes.
//!
//! | module | does |
//! |---|---|
//! | [`quotes`] | chains as bounds on the price of one call for each strike |
//! | [`vote`] | vols inside those bounds that the surface's repair leaves inside, or why there are none |
//! | [`compared`] | the surfaces of recorded chains, made in three ways, as a table |
//! | [`page`] | the same, drawn |
//! | [`svi`] | the smile of five parameters: its fit, and whether it holds arbitrage |
//!
//! Floats are allowed here: nothing of this is agreed on. What is agreed on is the median of what validators vote, and
//! its repair by the crate `surface`, which every vote is tried on before it is cast.

pub mod compared;
pub mod page;
pub mod quotes;
pub mod svi;
pub mod vote;
