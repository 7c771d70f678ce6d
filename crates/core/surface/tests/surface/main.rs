//! The surface as its user sees it: what is repaired, what is left alone, and that nothing is left to arbitrage.

mod arbitrage;
mod examples;
mod honest;
mod properties;
mod random;
mod wrong;
