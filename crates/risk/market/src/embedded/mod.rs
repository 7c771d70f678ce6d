//! Scenarios that need no data directory: published figures in the source, what lies between computed from a seed.

mod bridge;
mod march_2020;

pub use bridge::Anchor;
pub use march_2020::{SEED, btc_anchors, eth_anchors, march_2020};
