//! The whole network in simulation: validators, clock, network and disks from one seed.
//!
//! A seed draws everything: how many validators there are, how far apart, who of them lies, which kinds of faults happen
//! and when. Faults go on for a while (safety: no two validators ever compute different outcomes, and no honest one
//! halts); then the network heals, but for the liars (liveness: all honest validators must come to the same height, and
//! what a client sends them must be executed everywhere). In the end an auditor executes every log again by itself.
//!
//! **Invariant:** one seed is one history, on any machine: randomness is this crate's own, and no float decides
//! anything.

mod audit;
mod disk;
mod drawn;
mod finality;
mod house;
mod scenario;
mod siege;
mod watch;

pub use drawn::{Drawn, Fault};
pub use finality::{Finality, finality};
pub use scenario::{Planting, Run, play, run};
pub use siege::{Attack, Besieged, besiege};
pub use watch::Failure;
