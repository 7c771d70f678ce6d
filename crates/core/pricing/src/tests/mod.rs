//! The kernel against computations that share nothing with it.

mod accuracy;
mod exact;
mod inverse;
mod properties;
mod random;
mod reference;
mod tables;
mod vectors;
